/*
 * type - TDS data types and column lists.
 *
 * A column list says how the bytes of a row (row.h) are to be read: name,
 * TYPE_INFO (info.h), collation, nullability. The type bytes are those of MS-TDS
 * 2.2.5.4: all that a result set of a TDS 7.2+ server can have. A declaration
 * that people write becomes the nullable ("N") form: a row in flight may always
 * carry a null whatever the column's constraint says. Only servers send the
 * fixed forms and the deprecated ones.
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

#define TDS_COLUMNS_MAX        4096 /* more than any end takes: SQL Server 1,024, SQLite 2,000 */
#define TDS_NAME_MAX           512  /* bytes of UTF-8: 128 characters of up to four bytes */
#define TDS_COLLATION_LEN      5    /* MS-TDS 2.2.5.1.2 */
#define TDS_DECIMAL_DIGITS_MAX 38
#define TDS_SCALE_MAX          7           /* fractional digits of a second */
#define TDS_SIZE_MAX           UINT32_MAX  /* size of a (max) type */
#define TDS_PLP_MAX            0x7FFFFFFFu /* bytes that a value of a (max) type can have */
#define TDS_TYPE_TEXT_MAX      64          /* bytes that a printed type can need, with the NUL */

#define TDS_BYTES_MAX   8000 /* of a type with a length of its own */
#define TDS_VARIANT_MAX 8009 /* bytes of an sql_variant with its type (MS-TDS 2.2.5.5.4) */

enum tds_type {
	TDS_OLD_IMAGE = 0x22,
	TDS_OLD_TEXT = 0x23,
	TDS_GUID = 0x24,
	TDS_INTN = 0x26, /* size 1, 2, 4, 8; 1 is unsigned */
	TDS_DATEN = 0x28,
	TDS_TIMEN = 0x29,
	TDS_DATETIME2N = 0x2A,
	TDS_DATETIMEOFFSETN = 0x2B,
	TDS_FIXINT1 = 0x30, /* FIX…: no null, hence no length before the value */
	TDS_FIXBIT = 0x32,
	TDS_FIXINT2 = 0x34,
	TDS_FIXINT4 = 0x38,
	TDS_FIXDATETIM4 = 0x3A,
	TDS_FIXFLT4 = 0x3B,
	TDS_FIXMONEY = 0x3C,
	TDS_FIXDATETIME = 0x3D,
	TDS_FIXFLT8 = 0x3E,
	TDS_VARIANT = 0x62, /* sql_variant: its bytes, type and all */
	TDS_OLD_NTEXT = 0x63,
	TDS_BITN = 0x68,
	TDS_DECIMALN = 0x6A,
	TDS_NUMERICN = 0x6C, /* the same */
	TDS_FLTN = 0x6D,     /* size 4, 8 */
	TDS_MONEYN = 0x6E,   /* size 4 (smallmoney), 8 */
	TDS_DATETIMN = 0x6F, /* size 4 (smalldatetime), 8 */
	TDS_FIXMONEY4 = 0x7A,
	TDS_FIXINT8 = 0x7F,
	TDS_BIGVARBINARY = 0xA5, /* BIG…, N…: up to 8,000 bytes, or (max); binary and char are */
	TDS_BIGVARCHAR = 0xA7,   /* padded to their size */
	TDS_BIGBINARY = 0xAD,
	TDS_BIGCHAR = 0xAF,
	TDS_NVARCHAR = 0xE7,
	TDS_NCHAR = 0xEF,
	TDS_UDT = 0xF0, /* of the CLR: its bytes */
	TDS_XML = 0xF1,
	TDS_SQLITE = 0xF8, /* private, see above */
};

/* How a value stands in a row (row.h). */
enum tds_form {
	TDS_FORM_NONE, /* not a type */
	TDS_FORM_FIXED,
	TDS_FORM_SIZED,
	TDS_FORM_USHORT,
	TDS_FORM_PLP,
	TDS_FORM_LONG,
	TDS_FORM_TEXTPTR,
	TDS_FORM_SQLITE,
};

struct tds_column {
	const char *name;
	enum tds_type type;
	uint32_t size;     /* bytes of a value at most; TDS_SIZE_MAX for (max) */
	uint8_t precision; /* decimal: 1 … 38; money: 19, smallmoney: 10 */
	uint8_t scale;     /* decimal: 0 … precision; money: 4; times: 0 … 7, datetime: 3 */
	uint8_t collation[TDS_COLLATION_LEN];
	bool nullable;
	bool identity; /* as the server says (MS-TDS 2.2.7.4); nothing in here depends on it */
	bool computed;
	uint16_t key; /* likewise: its place in the source's primary key, from 1; 0: none */
	const char *collation_name; /* likewise; NULL: not known */
	bool gone; /* likewise: a bit, 1 where the row says only that the one with its key is there no more */
	uint32_t user_type; /* TDS_USER_ROWVERSION, or what the server says */
	/* TDS_SQLITE: how the source's table declares it ("VARCHAR(20)"), when its values are such as
	 * that declaration's affinity leaves them (SQLite's datatype3.html §3); NULL: there is none. */
	const char *declared;
};

#define TDS_USER_ROWVERSION 0x50 /* of a binary(8) */

struct tds_columns {
	struct tds_column *v; /* lives in the arena of whoever made the list */
	uint32_t n;
};

/* The collation of text from CSV and SQLite: Latin1_General_100_BIN2_UTF8. */
extern const uint8_t tds_collation_utf8[TDS_COLLATION_LEN];

/* The column type that `text` declares ("decimal(18,2)", "int", "national char varying(20)",
 * "datetime2(3) not null", …; T-SQL and common SQL names, case ignored). Sets all but the name;
 * nullable unless it says otherwise. Text gets tds_collation_utf8; "text", "ntext" and "image" are
 * the (max) types that took their place, rowversion is the binary(8) that keeps one. ERR_CONFIG
 * with the nearest known name otherwise. */
MUST_CHECK int tds_type_parse(const char *text, struct tds_column *ret_column, struct err *err);

/* The T-SQL declaration of the type without the name: "decimal(18,2)". */
const char *tds_type_print(const struct tds_column *c, struct arena *a);
const char *tds_type_format(const struct tds_column *c, char out[TDS_TYPE_TEXT_MAX]);

/* Sets precision, scale and size where they follow from what is set: type and size, or type,
 * precision and scale. */
void tds_type_complete(struct tds_column *c);

/* The type whose values are the same but for the form: INTN of FIXINT4, DECIMALN of NUMERICN. */
enum tds_type tds_type_base(enum tds_type type);

extern const uint8_t tds_forms[256]; /* enum tds_form by type; use tds_form */

static inline enum tds_form tds_form(const struct tds_column *c)
{
	enum tds_form form = tds_forms[(uint8_t)c->type];

	return form == TDS_FORM_USHORT && c->size == TDS_SIZE_MAX ? TDS_FORM_PLP : form;
}

/* Its values are UTF-16LE. */
static inline bool tds_type_is_utf16(enum tds_type type)
{
	return type == TDS_NVARCHAR || type == TDS_NCHAR || type == TDS_XML ||
	       type == TDS_OLD_NTEXT;
}

/* Its values are text in the collation's code page. */
static inline bool tds_type_is_narrow(enum tds_type type)
{
	return type == TDS_BIGVARCHAR || type == TDS_BIGCHAR || type == TDS_OLD_TEXT;
}

/* Its values are padded to the column's size. */
static inline bool tds_type_is_padded(enum tds_type type)
{
	return type == TDS_BIGCHAR || type == TDS_NCHAR || type == TDS_BIGBINARY;
}

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
