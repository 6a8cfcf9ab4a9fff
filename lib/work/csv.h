/*
 * csv - a parser of CSV that is given bytes and gives records.
 *
 * RFC 4180, with these decisions where it is silent or files are not like it:
 *
 *	A record ends with LF, CRLF or CR; the last one may end with the data.
 *	A quote in a field that does not begin with one is a character like others.
 *	An escape takes the meaning off a quote, a delimiter or an escape behind it, within
 *	quotes and without; before anything else it is a character like others, and so
 *	"\N" stays as it is. Doubled quotes within quotes are understood beside it.
 *	A UTF-8 byte order mark before the first record is passed over.
 *	A blank line is a record of one empty field. Where records must have more
 *	(csv_expect), it is an error, except as the very last line: then it is
 *	nothing.
 *
 * The parser owns the buffer: ask for room (csv_room), put UTF-8 there, say how
 * much (csv_add), take records (csv_next) until it wants more. Records point
 * into the buffer; nothing is copied but what a cut record moves. Results do
 * not depend on where the data is cut. Pure: no I/O. Memory is bounded by
 * the greatest record: CSV_RECORD_FIELDS fields of the greatest length, or
 * CSV_RECORD_MIN if that is more.
 *
 * Errors are ERR_DATA (ERR_LIMIT for a limit) and begin with "line 7: " or
 * "line 7, column 12: ": the physical line and the character in it, both from
 * 1. After an error the parser can only be freed, but see csv_passed_over.
 */
#ifndef WORK_CSV_H
#define WORK_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

#define CSV_BLOCK         (256u * 1024) /* room that csv_room gives at least */
#define CSV_FIELD_MAX     (1u << 30)    /* the most that max_field may be */
#define CSV_FIELDS_MAX    4096u         /* fields of a record */
#define CSV_RECORD_FIELDS 2
#define CSV_RECORD_MIN    (16u * 1024 * 1024)

struct csv;

struct csv_syntax {
	char delimiter;     /* ASCII; no two of these are the same, none is CR or LF */
	char quote;         /* 0: none */
	char escape;        /* 0: none */
	uint32_t max_field; /* 1 … CSV_FIELD_MAX bytes between quotes or delimiters, as written */
};

struct csv_field {
	uint32_t off, len; /* from the record's base; without quotes, doubled ones made single */
	uint32_t line;     /* lines after the record's first one */
	bool quoted;
	bool doubled; /* may have doubled quotes or escapes: the parser's own business */
};

/* Until the next call of csv_room. */
struct csv_record {
	const char *base;
	const struct csv_field *v;
	uint32_t n;
	uint32_t size; /* bytes from base to the end of the last field, quotes counted */
	uint64_t line; /* where the record begins */
};

static inline const char *csv_text(const struct csv_record *r, uint32_t i)
{
	return r->base + r->v[i].off;
}

struct csv *csv_new(const struct csv_syntax *syntax);
void csv_free(struct csv *csv); /* NULL is fine */

/* Back to the beginning, for another pass; memory is kept. */
void csv_reset(struct csv *csv);

/* Every record from now on must have n fields, since `who` has as many: "the header has"
 * (borrowed). */
void csv_expect(struct csv *csv, uint32_t n, const char *who);

/* Room for more data, CSV_BLOCK bytes at least. Records that were taken are gone. */
char *csv_room(struct csv *csv, size_t *ret_size);
void csv_add(struct csv *csv, size_t n);

/* No more data comes. */
void csv_end(struct csv *csv);

/* No more data comes because what follows could not be made UTF-8: once all before it was taken,
 * csv_next says so, at its place. `why` is borrowed. */
void csv_end_bad(struct csv *csv, const char *why);

/* 1: a record; 0: more data is needed, or after csv_end: that was all; -1: error. */
MUST_CHECK int csv_next(struct csv *csv, struct csv_record *ret_record, struct err *err);

/* The last error was of a record that has another number of fields than expected, and only of it:
 * err_value() has its text, and csv_next goes on behind it. */
bool csv_passed_over(const struct csv *csv);

/* The physical line and the character in it where a field of the last record begins. */
void csv_locate(const struct csv_record *r, uint32_t field, uint64_t *ret_line,
	uint64_t *ret_column);

#endif
