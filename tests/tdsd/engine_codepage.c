/* Text into code pages: those that lib/tds only reads have their bytes looked for here. */
#include <pthread.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "tds/codepage.h"
#include "tests/tdsd/engine_value.h"

#define BMP 0x10000u

/* Two bytes of each character of the page; 0: it has none. */
static struct {
	unsigned number;
	uint16_t *bytes;
} pages[] = {{936, NULL}, {949, NULL}, {950, NULL}};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static uint16_t *make_bytes(const struct tds_codepage *page)
{
	uint16_t *bytes = mem_array(BMP, sizeof(*bytes));

	for (unsigned lead = 0x81; lead < 0xFF; lead++)
		for (unsigned trail = 0x40; trail < 0xFF; trail++) {
			uint8_t two[] = {(uint8_t)lead, (uint8_t)trail}, out[8];
			uint32_t c = 0;
			size_t len = 0;

			if (tds_codepage_to_utf8(page, two, 2, out, &len) == 2 && utf8_decode(out, len, &c) == len &&
				c < BMP && !bytes[c])
				bytes[c] = (uint16_t)(lead << 8 | trail);
		}
	return bytes;
}

/* NULL: it is none of them. They are kept. */
static const uint16_t *bytes_of(unsigned number)
{
	const struct tds_codepage *page = tds_codepage_get(number);
	const uint16_t *found = NULL;

	pthread_mutex_lock(&mutex);
	for (size_t i = 0; page && i < ARRAY_LEN(pages); i++) {
		if (pages[i].number != number)
			continue;
		if (!pages[i].bytes)
			pages[i].bytes = make_bytes(page);
		found = pages[i].bytes;
	}
	pthread_mutex_unlock(&mutex);
	return found;
}

bool engine_text_encode(unsigned codepage, const uint8_t *s, size_t len, struct buf *out)
{
	const uint16_t *bytes = bytes_of(codepage);

	for (size_t at = 0; at < len;) {
		uint32_t c = 0;
		size_t n = utf8_decode(s + at, len - at, &c);

		if (n && c < 0x80)
			buf_addc(out, (char)c);
		else if (!bytes)
			return false;
		else if (n && c < BMP && bytes[c])
			buf_add(out, (uint8_t[]){(uint8_t)(bytes[c] >> 8), (uint8_t)bytes[c]}, 2);
		else
			buf_addc(out, '?');
		at += n ? n : 1;
	}
	return true;
}
