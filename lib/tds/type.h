/*
 * type - TDS data types and column lists.
 *
 * A column list says how the bytes of a row (row.h) are to be read: name,
 * TYPE_INFO, collation, nullability. The type bytes are those of MS-TDS 2.2.5.4;
 * the nullable ("N") form is used throughout, as a row in flight may always
 * carry a null whatever the column's constraint says.
 *
 * TDS_SQLITE is private: a SQLite value with its storage class. It never
 * reaches a wire.
 */
#ifndef TDS_TYPE_H
#define TDS_TYPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

#define TDS_COLUMNS_MAX 4096	/* more than any end takes: SQL Server 1,024, SQLite 2,000 */
#define TDS_NAME_MAX 512	/* bytes of UTF-8: 128 characters of up to four bytes */
#define TDS_COLLATION_LEN 5	/* MS-TDS 2.2.5.1.2 */
#define TDS_DECIMAL_DIGITS_MAX 38
#define TDS_SCALE_MAX 7		/* fractional digits of a second */
#define TDS_SIZE_MAX UINT32_MAX /* size of a (max) type */
#define TDS_PLP_MAX 0x7FFFFFFFu /* bytes that a value of a (max) type can have */
#define TDS_TYPE_TEXT_MAX 64	/* bytes that a printed type can need, with the NUL */

enum tds_type {
	TDS_INTN = 0x26,	/* size 1, 2, 4, 8; 1 is unsigned */
	TDS_DATEN = 0x28,
	TDS_TIMEN = 0x29,
	TDS_DATETIME2N = 0x2A,
	TDS_DATETIMEOFFSETN = 0x2B,
	TDS_BITN = 0x68,
	TDS_DECIMALN = 0x6A,
	TDS_FLTN = 0x6D,	/* size 4, 8 */
	TDS_BIGVARBINARY = 0xA5, /* (max) only, so far: PLP */
	TDS_BIGVARCHAR = 0xA7,	/* (max) only, so far: PLP */
	TDS_SQLITE = 0xF8,	/* private, see above */
};

struct tds_column {
	const char *name;
	enum tds_type type;
	uint32_t size;	    /* bytes of a value at most; TDS_SIZE_MAX for (max) */
	uint8_t precision;  /* DECIMALN: 1 … 38 */
	uint8_t scale;	    /* DECIMALN: 0 … precision; times: 0 … 7 */
	uint8_t collation[TDS_COLLATION_LEN];
	bool nullable;
};

struct tds_columns {
	struct tds_column *v; /* lives in the arena of whoever made the list */
	uint32_t n;
};

/* The collation of text from CSV and SQLite: Latin1_General_100_BIN2_UTF8. */
extern const uint8_t tds_collation_utf8[TDS_COLLATION_LEN];

/* The column type that `text` declares ("decimal(18,2)", "int", "varchar(max)", "datetime2(3) not
 * null", …; T-SQL and common SQL names, case ignored). Sets all but the name; nullable unless it
 * says otherwise. ERR_CONFIG with the nearest known name otherwise. */
MUST_CHECK int tds_type_parse(const char *text, struct tds_column *ret_column, struct err *err);

/* The T-SQL declaration of the type without the name: "decimal(18,2)". */
const char *tds_type_print(const struct tds_column *c, struct arena *a);
const char *tds_type_format(const struct tds_column *c, char out[TDS_TYPE_TEXT_MAX]);

/* Bit n is set when a value of byte-length form can have n bytes (null is 0); 0: it has another
 * form (row.h). */
uint32_t tds_lengths(const struct tds_column *c);

/* Bytes of a decimal with its sign, of a time, of a date and time (MS-TDS 2.2.5.5.1.6, .8). */
static inline unsigned tds_decimal_size(unsigned precision)
{
	return precision <= 9 ? 5 : precision <= 19 ? 9 : precision <= 28 ? 13 : 17;
}

static inline unsigned tds_time_size(unsigned scale)
{
	return scale <= 2 ? 3 : scale <= 4 ? 4 : 5;
}

/* -1 when there is none of that name; names compare as ASCII letters without case. */
int tds_column_find(const struct tds_columns *cols, const char *name);

#endif
