/*
 * bytes - what a client sent, read with every length checked.
 *
 * Reading past the end sets `cut` and gives zeros; ask once at the end.
 */
#ifndef TDSD_BYTES_H
#define TDSD_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

struct bytes {
	const uint8_t *p, *end;
	bool cut;
};

uint64_t bytes_number(struct bytes *b, unsigned n);   /* little-endian */
const uint8_t *bytes_take(struct bytes *b, size_t n); /* NULL when there are fewer */
static inline size_t bytes_left(const struct bytes *b)
{
	return (size_t)(b->end - b->p);
}

/* `units` units of UTF-16LE as UTF-8; what is no character becomes U+FFFD. Never NULL. */
char *bytes_text(struct bytes *b, size_t units, struct arena *a);

/* The same for bytes that are at hand. */
char *bytes_utf8(const uint8_t *p, size_t len, struct arena *a);

#endif
