/*
 * value - one value between text and a row: exact, or refused.
 *
 * Pure: no I/O, no allocation, the same in every locale. Dates are proleptic
 * Gregorian, 0001-01-01 to 9999-12-31, as in SQL Server.
 */
#ifndef TDS_VALUE_H
#define TDS_VALUE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "tds/type.h"

#define TDS_TICKS_PER_SECOND UINT64_C(10000000) /* of 100 ns */
#define TDS_TICKS_PER_DAY (86400 * TDS_TICKS_PER_SECOND)
#define TDS_DAYS_MAX 3652058	 /* 9999-12-31 */
#define TDS_OFFSET_MAX (14 * 60) /* minutes, MS-TDS 2.2.5.5.1.9 */

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
};

struct tds_value {
	enum tds_kind kind;
	union {
		int64_t i; /* INTN, BITN */
		double r;  /* FLTN */
		struct {   /* text, blob */
			const uint8_t *data;
			uint32_t len;
		} s;
		struct { /* magnitude × 10^-scale; scale is the column's */
			unsigned __int128 magnitude;
			bool negative;
		} d;
		struct {		/* DATEN, TIMEN, DATETIME2N, DATETIMEOFFSETN */
			int32_t days;	/* since 0001-01-01 */
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
 *	varbinary	0x and hex digits
 */
MUST_CHECK int tds_value_parse(const struct tds_column *c, const char *text, size_t len,
	struct tds_value *ret_value, struct err *err);

/* Value to text that tds_value_parse reads back: ISO 8601 for times, the fewest digits for floats.
 * Writes a NUL behind it and returns the length. Not for null, text and bytes. */
#define TDS_PRINT_MAX 64
size_t tds_value_print(const struct tds_column *c, const struct tds_value *v,
	char out[TDS_PRINT_MAX]);

/* 10^n, n up to TDS_DECIMAL_DIGITS_MAX. */
unsigned __int128 tds_pow10(unsigned n);

#endif
