#include "tests/tdsd/engine_text.h"

#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

enum text_fold text_fold_of(const char *collation)
{
	if (strcmp(collation, "T_BIN") == 0)
		return FOLD_BINARY;
	if (strcmp(collation, "T_CI") == 0)
		return FOLD_CASE;
	if (strcmp(collation, "T_CI_AI") == 0)
		return FOLD_CASE_ACCENT;
	return strcmp(collation, "T_CS_AI") == 0 ? FOLD_ACCENT : FOLD_NONE;
}

uint32_t text_lower(uint32_t c)
{
	if (c < 0x80)
		return c >= 'A' && c <= 'Z' ? c + 32 : c;
	if ((c >= 0xC0 && c <= 0xDE && c != 0xD7) || (c >= 0x391 && c <= 0x3A9 && c != 0x3A2) ||
		(c >= 0x410 && c <= 0x42F))
		return c + 32;
	if (c >= 0x400 && c <= 0x40F)
		return c + 80;
	if ((c >= 0x100 && c <= 0x137) || (c >= 0x14A && c <= 0x177) ||
		(c >= 0x460 && c <= 0x481) || (c >= 0x48A && c <= 0x4BF))
		return c == 0x130 || c == 0x131 ? c : c | 1;
	if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E))
		return c + (c & 1);
	return c == 0x178 ? 0xFF : c;
}

uint32_t text_upper(uint32_t c)
{
	if (c < 0x80)
		return c >= 'a' && c <= 'z' ? c - 32 : c;
	if ((c >= 0xE0 && c <= 0xFE && c != 0xF7) || (c >= 0x3B1 && c <= 0x3C9 && c != 0x3C2) ||
		(c >= 0x430 && c <= 0x44F))
		return c - 32;
	if (c >= 0x450 && c <= 0x45F)
		return c - 80;
	if ((c >= 0x100 && c <= 0x137) || (c >= 0x14A && c <= 0x177) ||
		(c >= 0x460 && c <= 0x481) || (c >= 0x48A && c <= 0x4BF))
		return c == 0x130 || c == 0x131 ? c : c & ~UINT32_C(1);
	if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E))
		return c & 1 ? c : c - 1;
	return c == 0xFF ? 0x178 : c;
}

/* Latin letters without their accents. */
static uint32_t plain(uint32_t c)
{
	static const char latin1[] =
		"AAAAAA_CEEEEIIII_NOOOOO_OUUUUY__aaaaaa_ceeeeiiii_nooooo_ouuuuy_y";

	if (c >= 0xC0 && c <= 0xFF && latin1[c - 0xC0] != '_')
		return (uint32_t)latin1[c - 0xC0];
	return c;
}

uint32_t text_fold(enum text_fold fold, uint32_t c)
{
	switch (fold) {
	case FOLD_CASE:
		return text_lower(c);
	case FOLD_CASE_ACCENT:
		return text_lower(plain(c));
	case FOLD_ACCENT:
		return plain(c);
	default:
		return c;
	}
}

static size_t next(const char *s, size_t len, uint32_t *ret)
{
	size_t n = utf8_decode((const uint8_t *)s, len, ret);

	if (n == 0) {
		*ret = (uint8_t)*s;
		n = 1;
	}
	return n;
}

/* What has no more characters goes on with blanks. */
static int compare_by(enum text_fold fold, const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t i = 0, j = 0;

	while (i < a_len || j < b_len) {
		uint32_t x = ' ', y = ' ';

		if (i < a_len)
			i += next(a + i, a_len - i, &x);
		if (j < b_len)
			j += next(b + j, b_len - j, &y);
		x = text_fold(fold, x);
		y = text_fold(fold, y);
		if (x != y)
			return x < y ? -1 : 1;
	}
	return 0;
}

int text_compare(enum text_fold fold, const char *a, size_t a_len, const char *b, size_t b_len)
{
	int order;

	if (fold != FOLD_NONE)
		return compare_by(fold, a, a_len, b, b_len);
	/* case-sensitive: letters first, then their case, small ones before */
	order = compare_by(FOLD_CASE, a, a_len, b, b_len);
	return order ? order : -compare_by(FOLD_BINARY, a, a_len, b, b_len);
}

/* One [set] at pattern; its length with brackets, 0: it has no end. */
static size_t match_set(enum text_fold fold, const char *p, size_t len, uint32_t c, bool *ret_match)
{
	size_t i = 1;
	bool negated = i < len && p[i] == '^', found = false, first = true;

	i += negated;
	while (i < len && (p[i] != ']' || first)) {
		uint32_t low, high;

		first = false;
		i += next(p + i, len - i, &low);
		high = low;
		if (i + 1 < len && p[i] == '-' && p[i + 1] != ']') {
			i++;
			i += next(p + i, len - i, &high);
		}
		found |= text_fold(fold, c) >= text_fold(fold, low) &&
			 text_fold(fold, c) <= text_fold(fold, high);
	}
	*ret_match = found != negated;
	return i < len ? i + 1 : 0;
}

bool text_like(enum text_fold fold, const char *s, size_t len, const char *p, size_t p_len,
	uint32_t escape)
{
	size_t i = 0, j = 0;

	while (j < p_len) {
		uint32_t pattern, c = 0;
		size_t step = next(p + j, p_len - j, &pattern), taken;
		bool literal = false, match;

		if (escape && pattern == escape && j + step < p_len) {
			j += step;
			step = next(p + j, p_len - j, &pattern);
			literal = true;
		}
		if (!literal && pattern == '%') {
			while (j < p_len && p[j] == '%')
				j++;
			if (j == p_len)
				return true;
			for (; i <= len; i += i < len ? next(s + i, len - i, &c) : 1)
				if (text_like(fold, s + i, len - i, p + j, p_len - j, escape))
					return true;
			return false;
		}
		if (i >= len) /* blanks behind the pattern match their absence */
			return false;
		taken = next(s + i, len - i, &c);
		if (!literal && pattern == '[') {
			step = match_set(fold, p + j, p_len - j, c, &match);
			if (step == 0 || !match)
				return false;
		} else if ((literal || pattern != '_') &&
			   text_fold(fold, c) != text_fold(fold, pattern)) {
			return false;
		}
		i += taken;
		j += step;
	}
	while (i < len && s[i] == ' ')
		i++;
	return i == len;
}

static bool starts(enum text_fold fold, const char *s, size_t len, const char *what,
	size_t what_len, size_t *ret_len)
{
	size_t i = 0, j = 0;

	while (j < what_len) {
		uint32_t x, y;

		if (i >= len)
			return false;
		i += next(s + i, len - i, &x);
		j += next(what + j, what_len - j, &y);
		if (text_fold(fold, x) != text_fold(fold, y))
			return false;
	}
	*ret_len = i;
	return true;
}

size_t text_find(enum text_fold fold, const char *s, size_t len, size_t from, const char *what,
	size_t what_len, size_t *ret_len)
{
	uint32_t c;

	if (what_len == 0)
		return SIZE_MAX;
	for (size_t i = from; i < len; i += next(s + i, len - i, &c))
		if (starts(fold, s + i, len - i, what, what_len, ret_len))
			return i;
	return SIZE_MAX;
}

size_t text_offset(const char *s, size_t len, size_t characters)
{
	size_t i = 0;
	uint32_t c;

	for (; characters && i < len; characters--)
		i += next(s + i, len - i, &c);
	return i;
}
