/*
 * utf8 - is it UTF-8 (RFC 3629), and which characters?
 *
 * Pure. ASCII is passed over 16 bytes at a time.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Bytes at the beginning that are whole characters without U+0000. */
size_t utf8_span(const uint8_t *s, size_t len);

/* All of it is; U+0000 may be in it. */
bool utf8_is_valid(const uint8_t *s, size_t len);

/* What utf8_span stopped at, s[0, len): the beginning of a character that more bytes can finish. */
bool utf8_is_cut(const uint8_t *s, size_t len);

/* The character that begins at s (len is not 0) and its bytes; 0: none does. */
size_t utf8_decode(const uint8_t *s, size_t len, uint32_t *ret_char);

/* Writes a character (no surrogate), up to 4 bytes, and returns the end. */
uint8_t *utf8_encode(uint8_t *p, uint32_t c);

/* Characters: bytes that do not continue one. */
size_t utf8_count(const uint8_t *s, size_t len);

/* The most of s[0, len), at most `max` bytes, that does not end within a character. */
size_t utf8_cut_at(const char *s, size_t len, size_t max);

/* Appends the text with every byte that is not part of a whole character replaced by U+FFFD. */
void utf8_clean(const char *s, size_t len, struct buf *out);

#endif
