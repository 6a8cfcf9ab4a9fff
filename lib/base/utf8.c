#include "base/utf8.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define ONES UINT64_C(0x0101010101010101)

/* Bytes at the beginning that are 0x01 … 0x7F. */
static size_t ascii_span(const uint8_t *s, size_t len)
{
	size_t i = 0;

#ifdef __SSE2__
	for (; len - i >= 16; i += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)(s + i));
		__m128i nul = _mm_cmpeq_epi8(v, _mm_setzero_si128());
		int bad = _mm_movemask_epi8(_mm_or_si128(v, nul));

		if (bad)
			return i + (size_t)__builtin_ctz((unsigned)bad);
	}
#endif
	for (; len - i >= 8; i += 8) {
		uint64_t v;

		memcpy(&v, s + i, sizeof(v));
		if ((v | (v - ONES)) & (ONES * 0x80))
			break;
	}
	while (i < len && s[i] - 1u < 0x7F)
		i++;
	return i;
}

static bool continues(const uint8_t *s, size_t len, size_t i)
{
	return i >= len || (s[i] & 0xC0) == 0x80;
}

/*
 * The length of the character of two to four bytes that begins at s, or 0. Bytes that are not
 * there (beyond len) are taken to be right: the caller compares the length with len. The second
 * byte's range keeps out overlong forms, surrogates and what is beyond U+10FFFF (RFC 3629 §4).
 */
static size_t sequence(const uint8_t *s, size_t len)
{
	uint8_t low = 0x80, high = 0xBF;
	size_t n;

	if (s[0] >= 0xC2 && s[0] <= 0xDF)
		n = 2;
	else if (s[0] >= 0xE0 && s[0] <= 0xEF)
		n = 3;
	else if (s[0] >= 0xF0 && s[0] <= 0xF4)
		n = 4;
	else
		return 0;
	if (s[0] == 0xE0)
		low = 0xA0;
	else if (s[0] == 0xED)
		high = 0x9F;
	else if (s[0] == 0xF0)
		low = 0x90;
	else if (s[0] == 0xF4)
		high = 0x8F;
	if (len > 1 && (s[1] < low || s[1] > high))
		return 0;
	if (n > 2 && !continues(s, len, 2))
		return 0;
	if (n > 3 && !continues(s, len, 3))
		return 0;
	return n;
}

size_t utf8_span(const uint8_t *s, size_t len)
{
	size_t i = 0;

	while (i < len) {
		size_t n;

		if (s[i] < 0x80) {
			n = ascii_span(s + i, len - i);
			i += n;
			if (n == 0 || i == len)
				break;
		}
		if (s[i] == 0)
			break;
		n = sequence(s + i, len - i);
		if (n == 0 || n > len - i)
			break;
		i += n;
	}
	return i;
}

bool utf8_is_valid(const uint8_t *s, size_t len)
{
	size_t i = utf8_span(s, len);

	while (i < len && s[i] == 0) {
		i++;
		i += utf8_span(s + i, len - i);
	}
	return i == len;
}

bool utf8_is_cut(const uint8_t *s, size_t len)
{
	return len && sequence(s, len) > len;
}

size_t utf8_decode(const uint8_t *s, size_t len, uint32_t *ret_char)
{
	size_t n = s[0] < 0x80 ? 1 : sequence(s, len);
	uint32_t c = n == 1 ? s[0] : s[0] & (0x7Fu >> n);

	if (n == 0 || n > len)
		return 0;
	for (size_t i = 1; i < n; i++)
		c = c << 6 | (s[i] & 0x3F);
	*ret_char = c;
	return n;
}

uint8_t *utf8_encode(uint8_t *p, uint32_t c)
{
	if (c < 0x80) {
		*p++ = (uint8_t)c;
		return p;
	}
	if (c < 0x800) {
		*p++ = (uint8_t)(0xC0 | c >> 6);
	} else {
		if (c < 0x10000) {
			*p++ = (uint8_t)(0xE0 | c >> 12);
		} else {
			*p++ = (uint8_t)(0xF0 | c >> 18);
			*p++ = (uint8_t)(0x80 | (c >> 12 & 0x3F));
		}
		*p++ = (uint8_t)(0x80 | (c >> 6 & 0x3F));
	}
	*p++ = (uint8_t)(0x80 | (c & 0x3F));
	return p;
}

size_t utf8_count(const uint8_t *s, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += (s[i] & 0xC0) != 0x80;
	return n;
}

size_t utf8_cut_at(const char *s, size_t len, size_t max)
{
	if (len <= max)
		return len;
	while (max && ((unsigned char)s[max] & 0xC0) == 0x80)
		max--;
	return max;
}

void utf8_clean(const char *s, size_t len, struct buf *out)
{
	for (;;) {
		size_t good = utf8_span((const uint8_t *)s, len);

		buf_add(out, s, good);
		if (good == len)
			return;
		buf_adds(out, "\xEF\xBF\xBD");
		s += good + 1;
		len -= good + 1;
	}
}
