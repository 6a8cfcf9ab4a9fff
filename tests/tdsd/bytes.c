#include "tests/tdsd/bytes.h"

#include <endian.h>
#include <string.h>

#include "base/utf16.h"

const uint8_t *bytes_take(struct bytes *b, size_t n)
{
	const uint8_t *p = b->p;

	if (b->cut || bytes_left(b) < n) {
		b->cut = true;
		return NULL;
	}
	b->p += n;
	return p;
}

uint64_t bytes_number(struct bytes *b, unsigned n)
{
	const uint8_t *p = bytes_take(b, n);
	uint64_t v = 0;

	if (p)
		memcpy(&v, p, n);
	return le64toh(v);
}

char *bytes_utf8(const uint8_t *p, size_t len, struct arena *a)
{
	char *text = arena_alloc(a, UTF8_MAX_OF_UTF16(len) + 4);
	size_t at = 0, used = 0, written;

	for (;;) {
		used += utf16_to_utf8(p + used, len - used, (uint8_t *)text + at, &written);
		at += written;
		if (len - used < 2)
			break;
		memcpy(text + at, "\xEF\xBF\xBD", 3);
		at += 3;
		used += 2;
	}
	text[at] = '\0';
	return text;
}

char *bytes_text(struct bytes *b, size_t units, struct arena *a)
{
	const uint8_t *p = bytes_take(b, 2 * units);

	return p ? bytes_utf8(p, 2 * units, a) : arena_strdup(a, "");
}
