/*
 * engine_value - a T-SQL value between SQLite, text and a row.
 *
 * How a value of each type is kept in SQLite, so that it is exact and memcmp or a
 * comparison of integers gives SQL Server's order:
 *
 *	integers, bit		INTEGER
 *	float, real		REAL
 *	decimal			BLOB of 17 bytes: sign (0, 1), magnitude at the type's scale,
 *				big-endian, both inverted below zero
 *	money			INTEGER of 1/10,000
 *	date, time		INTEGER of days since 0001-01-01, of 100 ns since midnight
 *	datetime2, datetime …	INTEGER of 100 ns since 0001-01-01
 *	datetimeoffset		BLOB of 10: 100 ns of UTC and minutes of offset, big-endian
 *	uniqueidentifier	BLOB of 16, the bytes in the order in which they are compared
 *	text, xml		TEXT in UTF-8; a collation per column (engine_collation_sqlite)
 *	binary, CLR types	BLOB
 *	sql_variant		BLOB as on the wire (MS-TDS 2.2.5.5.4)
 *
 * A cell is such a value. It borrows text and bytes, from SQLite or an arena.
 */
#ifndef TDSD_ENGINE_VALUE_H
#define TDSD_ENGINE_VALUE_H

#include <sqlite3.h>

#include "base/arena.h"
#include "base/buf.h"
#include "tds/row.h"
#include "tests/tdsd/engine_type.h"

#define DECIMAL_CELL 17
#define OFFSET_CELL  10
#define GUID_CELL    16

enum cell_kind { CELL_NULL, CELL_INT, CELL_REAL, CELL_TEXT, CELL_BLOB };

struct cell {
	enum cell_kind kind;
	int64_t i;
	double r;
	const void *data;
	size_t len;
};

struct cell cell_of_value(sqlite3_value *v);
struct cell cell_of_column(sqlite3_stmt *stmt, int column);
struct cell cell_copy(const struct cell *c, struct arena *a);
void cell_result(sqlite3_context *context, const struct cell *c);
int cell_bind(sqlite3_stmt *stmt, int index, const struct cell *c); /* an SQLite code */
struct cell cell_int(int64_t i);
struct cell cell_text(const char *s, size_t len);
struct cell cell_null(void);

/* The value of a cell of type `t`; text as TDS_TEXT. It must be of that type. */
struct tds_value cell_load(const struct tds_column *t, const struct cell *c);
struct cell cell_store(const struct tds_column *t, const struct tds_value *v, struct arena *a);

/* A literal of SQLite's SQL. */
const char *cell_literal(const struct cell *c, struct arena *a);

/* Appends it to a row in the form of `t`, and reads it from one. Error 4816 … where the bytes are
 * no such value. */
int cell_encode(
	const struct tds_column *t, const struct cell *c, struct buf *row, struct tsql_error *e);
int cell_decode(const struct tds_column *t, const uint8_t **p, const uint8_t *end, struct arena *a,
	struct cell *ret, struct err *err);

enum cast_mode {
	CAST_EXPLICIT, /* text is cut */
	CAST_TRY,      /* NULL where it cannot be */
	CAST_ASSIGN,   /* to a column: text that would be cut is error 8152 */
};

/* The value as one of type `to`. `style` is CONVERT's, -1: none. */
int cell_cast(const struct tds_column *from, const struct cell *c, const struct tds_column *to,
	int style, enum cast_mode mode, struct arena *a, struct cell *ret, struct tsql_error *e);

/* As CONVERT to varchar(max) with style; for PRINT and messages, too. */
const char *cell_print(const struct tds_column *t, const struct cell *c, int style, struct arena *a,
	size_t *ret_len);

/* A date, time or both in text, as SET DATEFORMAT mdy reads it. `ret->kind` is TDS_TIME. */
bool engine_parse_time(
	const char *s, size_t len, int style, struct tds_value *ret, bool *ret_offset);
/* CONVERT's style; 0: the default of the type. */
size_t engine_print_time(
	const struct tds_column *t, const struct tds_value *v, int style, char out[64]);

/* sql_variant of a value and back. */
struct cell variant_of(const struct tds_column *t, const struct cell *c, struct arena *a);
int variant_open(
	const struct cell *c, struct arena *a, struct tds_column *ret_type, struct cell *ret);

int64_t cell_ticks(const struct tds_value *v); /* days and ticks as one number */
void value_of_ticks(int64_t ticks, struct tds_value *ret);

/* UTF-8 into a code page that lib/tds does not write, to the end of `out`; what the page lacks becomes '?'. False: of
 * the page only ASCII is known, and there is more. */
bool engine_text_encode(unsigned codepage, const uint8_t *s, size_t len, struct buf *out);

#endif
