/*
 * text - small pure helpers for strings that people write.
 *
 * Parsers take all of the text or refuse it: 0, or -1 without an explanation;
 * the caller knows what the text was meant to be.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/mem.h"

/* The candidate that a mistyped name most likely meant (fewest edits, at most a third of its
 * length, rounded up; case ignored), or NULL. Of two as near it is the first. */
const char *text_nearest(const char *name, const char *const *candidates, size_t n);

MUST_CHECK int text_parse_int(const char *s, int64_t *ret_value);
MUST_CHECK int text_parse_bool(const char *s, bool *ret_value);
MUST_CHECK int text_parse_duration(const char *s, int64_t *ret_ms);  /* 500ms 5s 10m 2h 1d */
MUST_CHECK int text_parse_size(const char *s, int64_t *ret_bytes);   /* 4096 64KiB 16MiB 1GiB */

/* What the parsers above read back. */
const char *text_print_duration(int64_t ms, struct arena *a);
const char *text_print_size(int64_t bytes, struct arena *a);

/* For people: "12,345", "1.2 MB", "3m 20s". Each writes at most `size` bytes with the NUL. */
const char *text_count(uint64_t n, char *out, size_t size);
const char *text_bytes(uint64_t n, char *out, size_t size);
const char *text_elapsed(int64_t ms, char *out, size_t size);

/* "n things" or "1 thing" */
const char *text_plural(uint64_t n, const char *thing, char *out, size_t size);

#endif
