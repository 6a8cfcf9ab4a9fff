/*
 * sqlite_pages - rows into an empty table by writing the database file's pages.
 *
 * A bulk load into a private file needs none of what makes INSERT cost a
 * microsecond: rows only come at the end, in the order of their rowids. So the
 * b-tree is written from left to right, a page at a time (SQLite database file
 * format, https://sqlite.org/fileformat2.html §1.6, §1.5 for the lock-byte page
 * and §2.1 for records). Only for files of our own that no connection has open:
 * closing the descriptor would drop its locks.
 *
 * The file is an SQLite database of SQLITE_PAGE_SIZE without auto-vacuum, made
 * by SQLite, in which `root` is the root page of an empty rowid table.
 */
#ifndef WORK_SQLITE_PAGES_H
#define WORK_SQLITE_PAGES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

#define SQLITE_PAGE_SIZE 32768u
#define SQLITE_VARINT_MAX 9
#define SQLITE_RECORD_MAX 1000000000u /* SQLITE_MAX_LENGTH as it is by default */

struct sqlite_pages;

MUST_CHECK int sqlite_pages_open(const char *path, uint32_t root, struct sqlite_pages **ret_pages,
	struct err *err);
void sqlite_pages_free(struct sqlite_pages *p); /* NULL is fine */

/* One row, with the next rowid from 1 on: a record's header and body. ERR_LIMIT when it is longer
 * than SQLITE_RECORD_MAX, ERR_TARGET when the file cannot be written. */
MUST_CHECK int sqlite_pages_add(struct sqlite_pages *p, const uint8_t *header, size_t header_len,
	const uint8_t *body, size_t body_len, struct err *err);

/* Nothing is in the table before. */
MUST_CHECK int sqlite_pages_finish(struct sqlite_pages *p, struct err *err);

/* musl's memcpy costs more than most values do: as long as they are short, 16 bytes at a time. */
static inline uint8_t *sqlite_put_bytes(uint8_t *p, const uint8_t *data, size_t len)
{
	if (len > 256) {
		memcpy(p, data, len);
		return p + len;
	}
	if (len < 16) {
		for (size_t i = 0; i < len; i++)
			p[i] = data[i];
		return p + len;
	}
	for (size_t i = 0; i + 16 < len; i += 16)
		memcpy(p + i, data + i, 16);
	memcpy(p + len - 16, data + len - 16, 16);
	return p + len;
}

/* Appends a variable-length integer and returns the end. */
static inline uint8_t *sqlite_put_varint(uint8_t *p, uint64_t v)
{
	uint8_t low[SQLITE_VARINT_MAX];
	int n = 0;

	if (v < 0x80) {
		*p = (uint8_t)v;
		return p + 1;
	}
	if (v >> 56) { /* nine bytes: the last one has all eight bits */
		p[8] = (uint8_t)v;
		v >>= 8;
		for (int i = 7; i >= 0; i--, v >>= 7)
			p[i] = (uint8_t)(v | 0x80);
		return p + 9;
	}
	do {
		low[n++] = (uint8_t)(v | 0x80);
		v >>= 7;
	} while (v);
	low[0] &= 0x7f;
	while (n)
		*p++ = low[--n];
	return p;
}

#endif
