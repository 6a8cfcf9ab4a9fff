#include "tds/codepage.h"

#include <iconv.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

#define NO_CHAR 0xFFFF
#define LEAD    0xFFFE /* of two bytes */
#define PAIRS   (128 * 256)

/* Two-byte codes, both ends included. */
struct span {
	uint16_t first, last;
};

struct page {
	unsigned number;
	const char *name; /* iconv's */
	bool reads_only;
	uint8_t lead_first, lead_last; /* of two bytes; 0: there are none */
	struct span without[6];        /* codes that iconv has and Microsoft does not */
};

static const struct page pages[] = {
	{437, "CP437"},
	{850, "CP850"},
	{1250, "CP1250"},
	{1251, "CP1251"},
	{1252, "CP1252"},
	{1253, "CP1253"},
	{1254, "CP1254"},
	{1255, "CP1255"},
	{1256, "CP1256"},
	{1257, "CP1257"},
	{1258, "CP1258"},
	{932, "CP932", false, 0x81, 0xEA, {{0x8500, 0x87FF}, {0xA000, 0xDFFF}}},
	{936, "GBK", true, 0x81, 0xFD, {{0xA2E3, 0xA2E3}, {0xA8BF, 0xA8BF}, {0xA989, 0xA995}}},
	{949, "CP949", true, 0x81, 0xFE, {{0xC9A1, 0xC9FE}}},
	{950, "CP950", true, 0xA1, 0xF9, {{0xA3C0, 0xA3E0}, {0xC6A1, 0xC8FE}}},
};

/* What Windows makes of codes of 932 that Unix reads otherwise. */
static const struct {
	uint16_t code, c;
} windows_932[] = {{0x815F, 0xFF3C}, {0x8160, 0xFF5E}, {0x8161, 0x2225}, {0x817C, 0xFF0D},
	{0x8191, 0xFFE0}, {0x8192, 0xFFE1}, {0x81CA, 0xFFE2}};

struct tds_codepage {
	uint16_t single[256]; /* character, NO_CHAR or LEAD */
	uint16_t *pairs;      /* (lead - 0x80) × 256 + trail: character or NO_CHAR; NULL: none */
	uint16_t *codes;      /* by character: the code, 0 for none; NULL: reads only */
};

/* Tables at their first use; the one who is second to make one throws his own away. Nothing is
 * changed once it is in here. */
static _Atomic(struct tds_codepage *) made[ARRAY_LEN(pages)];

/* --- tables ------------------------------------------------------------------ */

/* The character of one or two bytes, which must be one of 16 bits. */
static uint16_t ask(iconv_t iconv_handle, const uint8_t *bytes, size_t len)
{
	char in[2], out[8], *p = in, *q = out;
	size_t left = sizeof(out);

	memcpy(in, bytes, len);
	iconv(iconv_handle, NULL, NULL, NULL, NULL);
	if (iconv(iconv_handle, &p, &len, &q, &left) == (size_t)-1 || len)
		return NO_CHAR;
	iconv(iconv_handle, NULL, NULL, &q, &left); /* glibc waits for combining characters */
	if (q - out != 2)
		return NO_CHAR;
	return (uint16_t)((uint8_t)out[0] | (uint8_t)out[1] << 8);
}

static bool is_without(const struct page *page, unsigned code)
{
	for (size_t i = 0; i < ARRAY_LEN(page->without); i++)
		if (code >= page->without[i].first && code <= page->without[i].last)
			return true;
	return false;
}

static bool is_trail(const struct page *page, unsigned byte)
{
	unsigned last = page->number == 932 ? 0xFC : 0xFE;

	return byte >= 0x40 && byte <= last && byte != 0x7F;
}

/* Characters of private use are those that users define in the double-byte pages. */
static bool is_private(uint16_t c)
{
	return c >= 0xE000 && c <= 0xF8FF;
}

static void fill_pairs(struct tds_codepage *cp, const struct page *page, iconv_t iconv_handle)
{
	const unsigned end = (page->lead_last + 1u) << 8;

	cp->pairs = mem_alloc(PAIRS * sizeof(*cp->pairs));
	memset(cp->pairs, 0xFF, PAIRS * sizeof(*cp->pairs));
	for (unsigned code = (unsigned)page->lead_first << 8; code < end; code++) {
		const uint8_t bytes[2] = {(uint8_t)(code >> 8), (uint8_t)code};
		uint16_t c;

		if (!is_trail(page, bytes[1]) || is_without(page, code))
			continue;
		c = ask(iconv_handle, bytes, 2);
		if (c == NO_CHAR || is_private(c))
			continue;
		cp->single[bytes[0]] = LEAD;
		cp->pairs[code - 0x8000] = c;
	}
	for (size_t i = 0; page->number == 932 && i < ARRAY_LEN(windows_932); i++)
		cp->pairs[windows_932[i].code - 0x8000] = windows_932[i].c;
	if (page->number == 936)
		cp->single[0x80] = 0x20AC;
}

static void fill_singles(struct tds_codepage *cp, const struct page *page, iconv_t iconv_handle)
{
	for (unsigned i = 0; i < 256; i++) {
		const uint8_t byte = (uint8_t)i;

		cp->single[i] = i < 0x80 ? (uint16_t)i : ask(iconv_handle, &byte, 1);
		if (cp->single[i] == NO_CHAR && page->number > 1000 && i < 0xA0)
			cp->single[i] = (uint16_t)i;
	}
}

static void fill_codes(struct tds_codepage *cp)
{
	cp->codes = mem_alloc(0x10000 * sizeof(*cp->codes));
	for (unsigned i = 0; cp->pairs && i < PAIRS; i++)
		if (cp->pairs[i] != NO_CHAR)
			cp->codes[cp->pairs[i]] = (uint16_t)(i + 0x8000);
	for (unsigned i = 0; i < 256; i++)
		if (cp->single[i] < LEAD)
			cp->codes[cp->single[i]] = (uint16_t)i;
}

static void free_table(struct tds_codepage *cp)
{
	free(cp->pairs);
	free(cp->codes);
	free(cp);
}

static struct tds_codepage *make_table(const struct page *page)
{
	iconv_t iconv_handle = iconv_open("UTF-16LE", page->name);
	struct tds_codepage *cp;

	if (iconv_handle == (iconv_t)-1)
		return NULL;
	cp = mem_alloc(sizeof(*cp));
	fill_singles(cp, page, iconv_handle);
	if (page->lead_first)
		fill_pairs(cp, page, iconv_handle);
	if (!page->reads_only)
		fill_codes(cp);
	iconv_close(iconv_handle);
	return cp;
}

const struct tds_codepage *tds_codepage_get(unsigned number)
{
	struct tds_codepage *cp, *expected = NULL;
	size_t i = 0;

	while (i < ARRAY_LEN(pages) && pages[i].number != number)
		i++;
	if (i == ARRAY_LEN(pages))
		return NULL;
	cp = atomic_load_explicit(&made[i], memory_order_acquire);
	if (cp)
		return cp;
	cp = make_table(&pages[i]);
	if (!cp || atomic_compare_exchange_strong(&made[i], &expected, cp))
		return cp;
	free_table(cp);
	return expected;
}

bool tds_codepage_writes(const struct tds_codepage *cp)
{
	return cp->codes != NULL;
}

/* --- text -------------------------------------------------------------------- */

/* The character at s and its bytes; 0: none. */
static inline size_t read_char(
	const struct tds_codepage *cp, const uint8_t *s, size_t len, uint16_t *ret)
{
	*ret = cp->single[*s];
	if (*ret < LEAD)
		return 1;
	if (*ret == NO_CHAR || len < 2)
		return 0;
	*ret = cp->pairs[(size_t)(s[0] - 0x80) << 8 | s[1]];
	return *ret == NO_CHAR ? 0 : 2;
}

/* The end, or NULL: the page lacks the character. */
static inline uint8_t *write_char(const struct tds_codepage *cp, uint8_t *p, uint32_t c)
{
	uint16_t code = c < 0x10000 ? cp->codes[c] : 0;

	if (code == 0 && c)
		return NULL;
	if (code > 0xFF)
		*p++ = (uint8_t)(code >> 8);
	*p++ = (uint8_t)code;
	return p;
}

size_t tds_codepage_to_utf8(
	const struct tds_codepage *cp, const uint8_t *s, size_t len, uint8_t *out, size_t *ret_len)
{
	uint8_t *p = out;
	size_t i = 0, n;
	uint16_t c;

	for (; i < len; i += n) {
		n = read_char(cp, s + i, len - i, &c);
		if (n == 0)
			break;
		p = utf8_encode(p, c);
	}
	*ret_len = (size_t)(p - out);
	return i;
}

size_t tds_codepage_to_utf16(
	const struct tds_codepage *cp, const uint8_t *s, size_t len, uint8_t *out, size_t *ret_len)
{
	uint8_t *p = out;
	size_t i = 0, n;
	uint16_t c;

	for (; i < len; i += n) {
		n = read_char(cp, s + i, len - i, &c);
		if (n == 0)
			break;
		*p++ = (uint8_t)c;
		*p++ = (uint8_t)(c >> 8);
	}
	*ret_len = (size_t)(p - out);
	return i;
}

size_t tds_codepage_from_utf8(
	const struct tds_codepage *cp, const uint8_t *s, size_t len, uint8_t *out, size_t *ret_len)
{
	uint8_t *p = out, *next;
	size_t i = 0, n;
	uint32_t c;

	for (; i < len; i += n) {
		n = utf8_decode(s + i, len - i, &c);
		next = n ? write_char(cp, p, c) : NULL;
		if (!next)
			break;
		p = next;
	}
	*ret_len = (size_t)(p - out);
	return i;
}

/* A surrogate is no character of any page. */
size_t tds_codepage_from_utf16(
	const struct tds_codepage *cp, const uint8_t *s, size_t len, uint8_t *out, size_t *ret_len)
{
	uint8_t *p = out, *next;
	size_t i = 0;

	for (; len - i >= 2; i += 2) {
		next = write_char(cp, p, (uint32_t)(s[i] | s[i + 1] << 8));
		if (!next)
			break;
		p = next;
	}
	*ret_len = (size_t)(p - out);
	return i;
}
