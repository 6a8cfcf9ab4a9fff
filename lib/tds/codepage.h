/*
 * codepage - text in Windows and DOS code pages, exactly.
 *
 * A table per page is made of what iconv knows, at its first use, and kept: it
 * never changes afterwards, so that any thread may use it. Where iconv's tables
 * are not Microsoft's (musl has the Unix forms of 932 and extensions in 936 and
 * 950) they are corrected, or the characters are left out: then they are refused,
 * not changed. The bytes 0x80 … 0x9F that a 125x page leaves open are the control
 * characters that Windows makes of them.
 *
 * Known: 437, 850, 932 (JIS X 0208), 1250 … 1258 both ways; 936, 949, 950 can only
 * be read.
 */
#ifndef TDS_CODEPAGE_H
#define TDS_CODEPAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tds_codepage;

/* NULL: not known. */
const struct tds_codepage *tds_codepage_get(unsigned number);

/* False: it can only be read. */
bool tds_codepage_writes(const struct tds_codepage *cp);

/* Each takes as much of s[0, len) as has characters in the other form and returns how much that
 * was; *ret_len bytes are written. A character has at most 3 bytes of UTF-8, 2 of UTF-16, 2 in a
 * code page. */
size_t tds_codepage_to_utf8(
	const struct tds_codepage *cp, const uint8_t *s, size_t len, uint8_t *out, size_t *ret_len);
size_t tds_codepage_to_utf16(
	const struct tds_codepage *cp, const uint8_t *s, size_t len, uint8_t *out, size_t *ret_len);
size_t tds_codepage_from_utf8(
	const struct tds_codepage *cp, const uint8_t *s, size_t len, uint8_t *out, size_t *ret_len);
size_t tds_codepage_from_utf16(
	const struct tds_codepage *cp, const uint8_t *s, size_t len, uint8_t *out, size_t *ret_len);

#endif
