/*
 * csv_find - the bytes of CSV that mean something, 64 at a time.
 *
 * The parser's inner loop (csv.c and nobody else): a word with one bit for each
 * byte that is a delimiter, quote, escape, LF or CR, so that it goes from one to
 * the next and never looks at those between. With SSE2 where there is, else with
 * the same on words of eight bytes.
 */
#ifndef WORK_CSV_FIND_H
#define WORK_CSV_FIND_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define CSV_FIND_BLOCK 64 /* bytes that csv_find reads, whatever they are */

#ifdef __SSE2__
struct csv_find {
	__m128i delimiter, quote, escape;
};

/* 0 for a quote or an escape that there is not. */
static inline struct csv_find csv_find_init(char delimiter, char quote, char escape)
{
	return (struct csv_find){
		.delimiter = _mm_set1_epi8(delimiter),
		.quote = _mm_set1_epi8(quote ? quote : delimiter),
		.escape = _mm_set1_epi8(escape ? escape : delimiter),
	};
}

static inline uint64_t csv_find16(const struct csv_find *f, const uint8_t *p, bool escapes)
{
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i a = _mm_cmpeq_epi8(v, f->delimiter);
	__m128i b = _mm_cmpeq_epi8(v, f->quote);
	__m128i c = _mm_cmpeq_epi8(v, _mm_set1_epi8('\n'));
	__m128i d = _mm_cmpeq_epi8(v, _mm_set1_epi8('\r'));

	if (escapes)
		a = _mm_or_si128(a, _mm_cmpeq_epi8(v, f->escape));
	return (uint64_t)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(a, b), _mm_or_si128(c, d)));
}

/* Bit i is set when p[i] is a delimiter, quote, escape (if `escapes`), LF or CR. */
static inline uint64_t csv_find(const struct csv_find *f, const uint8_t *p, bool escapes)
{
	return csv_find16(f, p, escapes) | csv_find16(f, p + 16, escapes) << 16 |
	       csv_find16(f, p + 32, escapes) << 32 | csv_find16(f, p + 48, escapes) << 48;
}
#else
#define CSV_FIND_ONES UINT64_C(0x0101010101010101)
#define CSV_FIND_LOW7 (CSV_FIND_ONES * 0x7F)

struct csv_find {
	uint64_t delimiter, quote, escape;
};

static inline struct csv_find csv_find_init(char delimiter, char quote, char escape)
{
	return (struct csv_find){
		.delimiter = CSV_FIND_ONES * (unsigned char)delimiter,
		.quote = CSV_FIND_ONES * (unsigned char)(quote ? quote : delimiter),
		.escape = CSV_FIND_ONES * (unsigned char)(escape ? escape : delimiter),
	};
}

/* 0x80 in each byte that is zero in x, nothing elsewhere. */
static inline uint64_t csv_find_zeros(uint64_t x)
{
	return ~(((x & CSV_FIND_LOW7) + CSV_FIND_LOW7) | x | CSV_FIND_LOW7);
}

static inline uint64_t csv_find(const struct csv_find *f, const uint8_t *p, bool escapes)
{
	uint64_t bits = 0;

	for (unsigned i = 0; i < CSV_FIND_BLOCK; i += 8) {
		uint64_t v, hit;

		memcpy(&v, p + i, sizeof(v));
		v = le64toh(v);
		hit = csv_find_zeros(v ^ f->delimiter) | csv_find_zeros(v ^ f->quote) |
		      csv_find_zeros(v ^ CSV_FIND_ONES * '\n') |
		      csv_find_zeros(v ^ CSV_FIND_ONES * '\r');
		if (escapes)
			hit |= csv_find_zeros(v ^ f->escape);
		/* the multiplication gathers the eight bits in the top byte */
		bits |= ((hit >> 7) * UINT64_C(0x0102040810204080) >> 56) << i;
	}
	return bits;
}
#endif

#endif
