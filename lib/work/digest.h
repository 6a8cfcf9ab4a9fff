/*
 * digest - a digest of rows in any order: the sum of a hash of each.
 *
 * Modulo 2^128, so that ranges that are loaded in parallel add up, and a row that is
 * there twice counts twice. A row is one hash (XXH3, 128 bits) over the bytes of its
 * record; it finds what was lost or changed on the way, not what somebody forges.
 */
#ifndef WORK_DIGEST_H
#define WORK_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIGEST_TEXT_LEN 32

struct digest {
	unsigned __int128 sum; /* zero-initialise */
};

/* A row of two parts, which are one text. */
void digest_add(struct digest *d, const void *head, size_t head_len, const void *body,
	size_t body_len);
void digest_merge(struct digest *d, const struct digest *other);
void digest_remove(struct digest *d, const struct digest *other); /* rows that were added */
bool digest_equal(const struct digest *a, const struct digest *b);
/* Hexadecimal. */
const char *digest_text(const struct digest *d, char out[DIGEST_TEXT_LEN + 1]);

/* Of the library, "0.8.3". */
const char *digest_version(char out[16]);

#endif
