/*
 * utf16 - UTF-8 (RFC 3629) to UTF-16LE and back.
 *
 * Pure. U+0000 is a character like others. ASCII goes 16 bytes at a time.
 */
#ifndef BASE_UTF16_H
#define BASE_UTF16_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of UTF-16 at most for len bytes of UTF-8, and the other way round. */
#define UTF16_MAX_OF_UTF8(len) (2 * (size_t)(len))
#define UTF8_MAX_OF_UTF16(len) ((size_t)(len) / 2 * 3)

/* Each writes what s[0, len) is in the other form to `out`, *ret_len bytes, and returns how much of
 * it was taken: less than len where something begins that is no character (for UTF-16 that is a
 * surrogate without its other half, or half a unit). */
size_t utf16_from_utf8(const uint8_t *s, size_t len, uint8_t *out, size_t *ret_len);
size_t utf16_to_utf8(const uint8_t *s, size_t len, uint8_t *out, size_t *ret_len);

/* Units of 16 bits that UTF-8 text will have; it must be UTF-8. */
size_t utf16_units(const uint8_t *s, size_t len);

#endif
