#include "work/csv_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MARK_SIZE 2 /* of UTF-16 */

static bool is_one_of(const char *encoding, const char *const *names)
{
	for (; *names; names++)
		if (strcasecmp(encoding, *names) == 0)
			return true;
	return false;
}

bool csv_encoding_is_utf8(const char *encoding)
{
	static const char *const names[] = {"utf-8", "utf8", "utf-8-bom", NULL};

	return is_one_of(encoding, names);
}

bool csv_encoding_is_utf16(const char *encoding)
{
	static const char *const names[] = {"utf-16", "utf16", NULL};

	return is_one_of(encoding, names);
}

static int open_iconv(struct csv_file *f, const char *encoding, struct err *err)
{
	f->iconv = iconv_open("UTF-8", encoding);
	if (f->iconv == (iconv_t)-1)
		return err_set(err, ERR_CONFIG, "encoding '%s' is not known", encoding);
	f->transcode = true;
	return 0;
}

static int open_encoding(struct csv_file *f, const char *encoding, struct err *err)
{
	f->encoding = encoding;
	if (csv_encoding_is_utf8(encoding))
		return 0;
	f->raw = mem_alloc(CSV_FILE_BLOCK);
	f->sniff = csv_encoding_is_utf16(encoding);
	return f->sniff ? 0 : open_iconv(f, encoding, err);
}

int csv_file_open(struct csv_file *f, const char *path, const char *encoding, struct err *err)
{
	*f = (struct csv_file){.encoding = encoding};
	if (open_encoding(f, encoding, err) < 0)
		return -1;
	return input_open(&f->in, path, err);
}

void csv_file_close(struct csv_file *f)
{
	if (!f->encoding)
		return;
	if (f->transcode)
		iconv_close(f->iconv);
	free(f->raw);
	input_close(&f->in);
	f->encoding = NULL;
}

static void end(struct csv_file *f, struct csv *csv)
{
	csv_end(csv);
	f->ended = true;
}

static void end_bad(struct csv_file *f, struct csv *csv, const char *what, unsigned byte)
{
	snprintf(f->bad, sizeof(f->bad), "byte 0x%02x %s '%.32s'", byte, what, f->encoding);
	csv_end_bad(csv, f->bad);
	f->ended = true;
}

/* Converts what is in `raw`; a cut character stays there. false: what follows is not convertible,
 * and the parser knows. */
static bool convert(struct csv_file *f, struct csv *csv)
{
	char *in = f->raw;

	while (f->raw_len) {
		size_t room, left;
		char *to = csv_room(csv, &room), *out = to;

		left = room;
		if (iconv(f->iconv, &in, &f->raw_len, &out, &left) == (size_t)-1 &&
			errno == EILSEQ) {
			csv_add(csv, (size_t)(out - to));
			end_bad(f, csv, "is not valid in", (unsigned char)*in);
			return false;
		}
		csv_add(csv, (size_t)(out - to));
		if (out == to) /* EINVAL: the character goes on in the next block */
			break;
	}
	memmove(f->raw, in, f->raw_len);
	return true;
}

/* The parser passes over the mark itself. */
static int sniff(struct csv_file *f, bool at_end, struct err *err)
{
	bool big = f->raw_len >= MARK_SIZE && memcmp(f->raw, "\xFE\xFF", MARK_SIZE) == 0;

	if (f->raw_len < MARK_SIZE && !at_end)
		return 0;
	f->sniff = false;
	return open_iconv(f, big ? "UTF-16BE" : "UTF-16LE", err);
}

static int feed_transcoded(struct csv_file *f, struct csv *csv, struct err *err)
{
	size_t n;
	int rc = input_read(&f->in, f->raw + f->raw_len, CSV_FILE_BLOCK - f->raw_len, &n, err);

	if (rc < 0)
		return -1;
	f->raw_len += n;
	if (f->sniff && sniff(f, rc == 0, err) < 0)
		return -1;
	if (f->sniff || !convert(f, csv) || rc > 0)
		return 0;
	if (f->raw_len)
		end_bad(f, csv, "begins a character that the file ends in, in",
			(unsigned char)*f->raw);
	else
		end(f, csv);
	return 0;
}

int csv_file_feed(struct csv_file *f, struct csv *csv, struct err *err)
{
	size_t room, n;
	char *to;
	int rc;

	if (f->raw)
		return feed_transcoded(f, csv, err);
	to = csv_room(csv, &room);
	rc = input_read(&f->in, to, room < CSV_FILE_BLOCK ? room : CSV_FILE_BLOCK, &n, err);
	if (rc < 0)
		return -1;
	if (rc)
		csv_add(csv, n);
	else
		end(f, csv);
	return 0;
}

int csv_file_rewind(struct csv_file *f, struct err *err)
{
	if (input_rewind(&f->in, err) < 0)
		return -1;
	if (f->transcode)
		iconv(f->iconv, NULL, NULL, NULL, NULL);
	f->raw_len = 0;
	f->ended = false;
	return 0;
}
