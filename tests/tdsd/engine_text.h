/* engine_text - comparing, folding and matching text as collations do. Pure. */
#ifndef TDSD_ENGINE_TEXT_H
#define TDSD_ENGINE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum text_fold { FOLD_BINARY, FOLD_CASE, FOLD_CASE_ACCENT, FOLD_ACCENT, FOLD_NONE };

enum text_fold text_fold_of(const char *collation); /* "T_CI" … */

/* Blanks behind do not count. */
int text_compare(enum text_fold fold, const char *a, size_t a_len, const char *b, size_t b_len);
uint32_t text_lower(uint32_t c);
uint32_t text_upper(uint32_t c);
uint32_t text_fold(enum text_fold fold, uint32_t c);

/* LIKE: % _ [a-z] [^a-z] and an escape character (0: none). */
bool text_like(enum text_fold fold, const char *s, size_t len, const char *pattern,
	size_t pattern_len, uint32_t escape);

/* The byte at which `what` begins in s from byte `from` on; SIZE_MAX: nowhere. *ret_len bytes
 * match. */
size_t text_find(enum text_fold fold, const char *s, size_t len, size_t from, const char *what,
	size_t what_len, size_t *ret_len);

/* The byte of a character (from 0), at most len. */
size_t text_offset(const char *s, size_t len, size_t characters);

#endif
