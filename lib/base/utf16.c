#include "base/utf16.h"

#include <endian.h>
#include <stdbool.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/utf8.h"

static uint16_t get_unit(const uint8_t *s)
{
	return (uint16_t)(s[0] | s[1] << 8);
}

static uint8_t *put_unit(uint8_t *p, uint32_t unit)
{
	p[0] = (uint8_t)unit;
	p[1] = (uint8_t)(unit >> 8);
	return p + 2;
}

static uint8_t *put_utf16(uint8_t *p, uint32_t c)
{
	if (c < 0x10000)
		return put_unit(p, c);
	p = put_unit(p, 0xD7C0 + (c >> 10)); /* 0xD800 + ((c - 0x10000) >> 10) */
	return put_unit(p, 0xDC00 | (c & 0x3FF));
}

/* Bytes below 0x80 at the beginning, as units. */
static size_t widen_ascii(const uint8_t *s, size_t len, uint8_t *out)
{
	size_t i = 0;

#ifdef __SSE2__
	for (; len - i >= 16; i += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)(s + i));

		if (_mm_movemask_epi8(v))
			break;
		_mm_storeu_si128((__m128i *)(void *)(out + 2 * i),
			_mm_unpacklo_epi8(v, _mm_setzero_si128()));
		_mm_storeu_si128((__m128i *)(void *)(out + 2 * i + 16),
			_mm_unpackhi_epi8(v, _mm_setzero_si128()));
	}
#endif
	for (; i < len && s[i] < 0x80; i++)
		put_unit(out + 2 * i, s[i]);
	return i;
}

/* Units below 0x80 at the beginning, as bytes. */
static size_t narrow_ascii(const uint8_t *s, size_t units, uint8_t *out)
{
	size_t i = 0;

#ifdef __SSE2__
	const __m128i high = _mm_set1_epi16((short)0xFF80);

	for (; units - i >= 8; i += 8) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)(s + 2 * i));
		__m128i bad = _mm_cmpeq_epi16(_mm_and_si128(v, high), _mm_setzero_si128());

		if (_mm_movemask_epi8(bad) != 0xFFFF)
			break;
		_mm_storel_epi64(
			(__m128i *)(void *)(out + i), _mm_packus_epi16(v, _mm_setzero_si128()));
	}
#endif
	for (; i < units && get_unit(s + 2 * i) < 0x80; i++)
		out[i] = s[2 * i];
	return i;
}

size_t utf16_from_utf8(const uint8_t *s, size_t len, uint8_t *out, size_t *ret_len)
{
	uint8_t *p = out;
	size_t i = 0, n;
	uint32_t c;

	for (;;) {
		n = widen_ascii(s + i, len - i, p);
		p += 2 * n;
		i += n;
		if (i == len)
			break;
		n = utf8_decode(s + i, len - i, &c);
		if (n == 0)
			break;
		p = put_utf16(p, c);
		i += n;
	}
	*ret_len = (size_t)(p - out);
	return i;
}

/* The character that begins at s and its units; 0: a surrogate alone. */
static size_t take_utf16(const uint8_t *s, size_t units, uint32_t *ret)
{
	uint32_t c = get_unit(s), low;

	*ret = c;
	if (c < 0xD800 || c > 0xDFFF)
		return 1;
	low = units > 1 ? get_unit(s + 2) : 0;
	if (c > 0xDBFF || low < 0xDC00 || low > 0xDFFF)
		return 0;
	*ret = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
	return 2;
}

size_t utf16_to_utf8(const uint8_t *s, size_t len, uint8_t *out, size_t *ret_len)
{
	size_t units = len / 2, i = 0, n;
	uint8_t *p = out;
	uint32_t c;

	for (;;) {
		n = narrow_ascii(s + 2 * i, units - i, p);
		p += n;
		i += n;
		if (i == units)
			break;
		n = take_utf16(s + 2 * i, units - i, &c);
		if (n == 0)
			break;
		p = utf8_encode(p, c);
		i += n;
	}
	*ret_len = (size_t)(p - out);
	return 2 * i;
}

size_t utf16_units(const uint8_t *s, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += (size_t)((s[i] & 0xC0) != 0x80) + (s[i] >= 0xF0);
	return n;
}
