/*
 * reader - numbers and texts out of the bytes of a token, which may be cut anywhere.
 *
 * What is beyond the end reads as zero and sets `cut`: look at it before anything
 * that was read is believed. Numbers are little-endian. For the files of lib/tds.
 */
#ifndef TDS_READER_H
#define TDS_READER_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct tds_reader {
	const uint8_t *p, *end;
	bool cut;
};

/* n up to 8 */
static inline uint64_t tds_take(struct tds_reader *r, unsigned n)
{
	uint64_t v = 0;

	if ((size_t)(r->end - r->p) < n) {
		r->cut = true;
		return 0;
	}
	memcpy(&v, r->p, n);
	r->p += n;
	return le64toh(v);
}

static inline const uint8_t *tds_take_bytes(struct tds_reader *r, size_t n)
{
	const uint8_t *p = r->p;

	if ((size_t)(r->end - p) < n) {
		r->cut = true;
		return NULL;
	}
	r->p += n;
	return p;
}

#endif
