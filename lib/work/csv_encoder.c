#include "work/csv_encoder.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <strings.h>

#include "base/utf8.h"
#include "work/csv_file.h"

#define CHARACTER_MAX 8 /* bytes of one in any encoding, with what it switches to */

struct csv_encoder {
	iconv_t iconv;
	const char *encoding; /* borrowed */
};

int csv_encoder_new(const char *encoding, struct csv_encoder **ret_encoder, struct err *err)
{
	const char *name = csv_encoding_is_utf16(encoding) ? "UTF-16LE" : encoding;
	struct csv_encoder *e;
	iconv_t handle;

	*ret_encoder = NULL;
	if (csv_encoding_is_utf8(encoding))
		return 0;
	handle = iconv_open(name, "UTF-8");
	if (handle == (iconv_t)-1)
		return err_set(err, ERR_CONFIG, "encoding '%s' is not known, or cannot be written",
			encoding);
	e = mem_alloc(sizeof(*e));
	e->iconv = handle;
	e->encoding = encoding;
	*ret_encoder = e;
	return 0;
}

void csv_encoder_free(struct csv_encoder *e)
{
	if (!e)
		return;
	iconv_close(e->iconv);
	free(e);
}

const char *csv_encoder_mark(const char *encoding, size_t *ret_len)
{
	if (csv_encoding_is_utf16(encoding)) {
		*ret_len = 2;
		return "\xFF\xFE";
	}
	*ret_len = strcasecmp(encoding, "utf-8-bom") == 0 ? 3 : 0;
	return "\xEF\xBB\xBF";
}

/* glibc stops where a character cannot be had, musl puts '*' there and counts. */
static bool convert(struct csv_encoder *e, const char *text, size_t len, struct buf *out)
{
	char *in = (char *)(uintptr_t)text, *to;

	while (len) {
		size_t room = len * 2 + CHARACTER_MAX, left = room, rc;

		to = buf_room(out, room);
		if (!to)
			return false;
		rc = iconv(e->iconv, &in, &len, &to, &left);
		buf_advance(out, room - left);
		if (rc != 0 && (rc != (size_t)-1 || errno != E2BIG))
			return false;
	}
	return true;
}

/* 0 for what is no character of UTF-8. */
static unsigned code_point(const char *s, size_t n)
{
	const unsigned char *u = (const unsigned char *)s;
	unsigned c = n == 1 ? u[0] : u[0] & (0x7Fu >> n);

	for (size_t i = 1; i < n; i++)
		c = c << 6 | (u[i] & 0x3F);
	return c;
}

/* The text is looked through again, a character at a time. */
static int explain(struct csv_encoder *e, const char *text, size_t len, struct err *err)
{
	struct buf out = BUF_INIT(100);
	size_t n = 0;

	for (; len; text += n, len -= n) {
		for (n = 1; n < len && ((unsigned char)text[n] & 0xC0) == 0x80;)
			n++;
		buf_reset(&out);
		iconv(e->iconv, NULL, NULL, NULL, NULL);
		if (!convert(e, text, n, &out))
			break;
	}
	buf_release(&out);
	iconv(e->iconv, NULL, NULL, NULL, NULL);
	err_set(err, ERR_DATA, "a character that the encoding '%s' lacks: U+%04X", e->encoding,
		len ? code_point(text, n) : 0);
	return err_hint(err, "encoding = utf-8 has all");
}

int csv_encoder_add(
	struct csv_encoder *e, const char *text, size_t len, struct buf *out, struct err *err)
{
	size_t before = out->len;

	if (convert(e, text, len, out))
		return 0;
	out->len = before;
	return explain(e, text, len, err);
}
