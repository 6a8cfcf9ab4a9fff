/*
 * value - one value between text and a row: exact, or refused.
 *
 * Pure: no I/O, no allocation, the same in every locale. Dates are proleptic
 * Gregorian, 0001-01-01 to 9999-12-31, as in SQL Server. A datetime is the time
 * with three digits that SQL Server shows for it (.000, .003, .007): to 1/300 s
 * and back it is exact.
 */
#ifndef TDS_VALUE_H
#define TDS_VALUE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "tds/type.h"

#define TDS_TICKS_PER_SECOND UINT64_C(10000000) /* of 100 ns */
#define TDS_TICKS_PER_DAY    (86400 * TDS_TICKS_PER_SECOND)
#define TDS_DAYS_MAX         3652058   /* 9999-12-31 */
#define TDS_OFFSET_MAX       (14 * 60) /* minutes, MS-TDS 2.2.5.5.1.9 */

/*
 * A value as encoders take it and decoders give it. Text and bytes are borrowed
 * from whoever made the value (in a decoded one they point into the row) and
 * are not NUL-terminated.
 */
enum tds_kind {
	TDS_NULL,
	TDS_INT,
	TDS_REAL,
	TDS_TEXT,
	TDS_BLOB,
	TDS_HEX, /* a blob as 2 × s.len hex digits, which were checked; to encoders only */
	TDS_DECIMAL,
	TDS_TIME,
	TDS_UTF16, /* text as UTF-16LE */
	TDS_UUID,
};

/* Why a value was refused. */
enum tds_loss {
	TDS_LOSS_NONE,
	TDS_LOSS_OVERFLOW,   /* beyond the type's range */
	TDS_LOSS_TRUNCATION, /* longer than the type */
	TDS_LOSS_PRECISION,  /* digits, a fraction of a second, a time of day, an offset */
	TDS_LOSS_CHARACTER,  /* one that the code page lacks, or that is none */
	TDS_LOSS_FORMAT,     /* not written as a value of the type, or of another nature */
	TDS_LOSS_NULL,       /* the column is not null */
	TDS_LOSS_COUNT,
};

/* "overflow", … */
const char *tds_loss_name(enum tds_loss loss);

struct tds_value {
	enum tds_kind kind;
	union {
		int64_t i; /* integers, bit */
		double r;  /* float, real */
		struct {   /* text, blob */
			const uint8_t *data;
			uint32_t len; /* bytes */
		} s;
		struct { /* decimal, money: magnitude × 10^-scale; scale is the column's */
			unsigned __int128 magnitude;
			bool negative;
		} d;
		uint8_t uuid[16]; /* in the order of the wire: the first three parts little-endian
				   */
		struct {          /* all dates and times */
			int32_t days;   /* since 0001-01-01 */
			uint64_t ticks; /* since midnight (UTC for offsets) */
			int16_t offset; /* minutes east of UTC */
		} t;
	};
};

/*
 * Text to value, as `c` wants it. ERR_DATA says what would have been lost
 * (overflow, precision, not a number, …), without the column's name. Text and
 * bytes borrow `text`. Blanks around numbers and times are an error.
 *
 *	integers	[+-]digits; bit: 0, 1, true, false
 *	float, real	the nearest value (that is what the type means); never infinity,
 *			never zero for what is not
 *	decimal		no digit behind the point is lost but zeros; exponents are taken
 *	date, time	2013-01-01, 06:00[:00[.1234567]], both with T or a blank between;
 *			datetimeoffset must say Z, +hh:mm, +hhmm or +hh
 *	datetime	in steps of 1/300 s: milliseconds end in 0, 3 or 7; from 1753 on
 *	uniqueidentifier	8-4-4-4-12 hex digits, or 32 without the dashes; braces are taken
 *	binary		0x and hex digits; exactly n bytes for binary(n)
 *	text		whatever fits: bytes of UTF-8 for varchar(n), units of UTF-16 for
 *nvarchar(n)
 *
 * Not from text: sql_variant, CLR types. *ret_loss is written on failure; NULL is fine.
 */
MUST_CHECK int tds_value_parse(const struct tds_column *c, const char *text, size_t len,
	struct tds_value *ret_value, struct err *err);
MUST_CHECK int tds_value_parse_loss(const struct tds_column *c, const char *text, size_t len,
	struct tds_value *ret_value, enum tds_loss *ret_loss, struct err *err);

/* Value to text that tds_value_parse reads back: ISO 8601 for times, the fewest digits for floats,
 * SQL Server's capitals for a uniqueidentifier. Writes a NUL behind it and returns the length. Not
 * for null, text and bytes (text is itself, and tds_conversion_apply makes 0x… of bytes). */
#define TDS_PRINT_MAX 64
size_t tds_value_print(
	const struct tds_column *c, const struct tds_value *v, char out[TDS_PRINT_MAX]);

/*
 * <0, 0, >0: the order that SQL Server sorts by, for two values of one column. Null comes first. A
 * datetimeoffset is its moment, whatever its offset; a uniqueidentifier is compared from its last
 * group to its first. Text and bytes are compared as a BIN2 collation does without padding (bytes,
 * units of UTF-16): a collation's own order is the server's business. Values of different kinds, as
 * in TDS_SQLITE, have SQLite's order: numbers, text, blob. NaN is above all numbers. Not for
 * TDS_HEX, which encoders alone take.
 */
int tds_value_compare(const struct tds_value *a, const struct tds_value *b);

/* Is it a datetime (size 8: from 1753 on, a step of 1/300 s) or a smalldatetime (size 4: a minute
 * from 1900-01-01 to 2079-06-06)? TDS_LOSS_NONE, _OVERFLOW or _PRECISION. */
enum tds_loss tds_datetime_loss(uint32_t size, const struct tds_value *v);

#define TDS_DAYS_1753              639905 /* the first day of datetime */
#define TDS_DAYS_1900              693595 /* its day 0 */
#define TDS_DATETIME_UNITS_PER_DAY (86400u * 300)

/* The 1/300 s nearest to a time. */
static inline uint32_t tds_datetime_units(uint64_t ticks)
{
	return (uint32_t)((ticks * 3 + 50000) / 100000);
}

/* The largest magnitude of money (size 8) or smallmoney (4), which is one more below zero. */
static inline uint64_t tds_money_max(uint32_t size, bool negative)
{
	return (size == 4 ? INT32_MAX : (uint64_t)INT64_MAX) + negative;
}

/* 10^n, n up to TDS_DECIMAL_DIGITS_MAX. */
unsigned __int128 tds_pow10(unsigned n);

#endif
