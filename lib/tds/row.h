/*
 * row - rows in flight: the bytes of MS-TDS ROW tokens.
 *
 * A row is 0xD1 followed by each column's value in the form its TYPE_INFO asks
 * for (MS-TDS 2.2.7.19, 2.2.5.2), never NBCROW. Encoders append to memory that
 * the caller has bounded; the scanner finds row ends without decoding. All of
 * it is pure: no I/O, no allocation but the plan.
 *
 *	byte length	00 null, else length and value	INTN FLTN BITN DECIMALN dates, times
 *	PLP		8×FF null, else the total length (or 8-byte FE…FF: unknown),
 *			chunks of 4-byte length and bytes, 4 zero bytes	(max) types
 *	TDS_SQLITE	storage class byte (0 null, 1 integer, 2 real, 3 text, 4 blob), then
 *			8 bytes (integer, real) or 4-byte length and bytes (text, blob)
 *
 * Numbers are little-endian.
 */
#ifndef TDS_ROW_H
#define TDS_ROW_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "tds/type.h"

#define TDS_ROW_TOKEN 0xD1
#define TDS_PLP_OVERHEAD 16 /* header, one chunk's length, terminator */

/*
 * A value as encoders take it and decoders give it. `data` borrows from whoever
 * made the value; in a decoded one it points into the row (text and binary of
 * one chunk) and is not NUL-terminated.
 */
enum tds_kind { TDS_NULL, TDS_INT, TDS_REAL, TDS_TEXT, TDS_BLOB, TDS_DECIMAL, TDS_TIME };

struct tds_value {
	enum tds_kind kind;
	union {
		int64_t i;	/* INTN, BITN */
		double r;	/* FLTN */
		struct {	/* text, blob */
			const uint8_t *data;
			uint32_t len;
		} s;
		struct {	/* magnitude × 10^-scale; scale is the column's */
			unsigned __int128 magnitude;
			bool negative;
		} d;
		struct {	/* DATEN, TIMEN, DATETIME2N, DATETIMEOFFSETN */
			int32_t days;	/* since 0001-01-01, proleptic Gregorian */
			uint64_t ticks; /* of 100 ns since midnight (UTC for offsets) */
			int16_t offset; /* minutes east of UTC */
		} t;
	};
};

/* The most bytes that tds_encode can need for this value in this column. */
size_t tds_encoded_size(const struct tds_column *c, const struct tds_value *v);

/* Appends the value at `p` (room for tds_encoded_size bytes is the caller's care) and
 * returns the end. The value must fit the column: see tds_value_parse. */
uint8_t *tds_encode(uint8_t *p, const struct tds_column *c, const struct tds_value *v);

/* Reads the value of column `c` at *p, not past `end`; moves *p behind it. A PLP value of several
 * chunks is joined in `joined` (NULL: such a value is ERR_DATA). ERR_DATA when the bytes are not a
 * value of that column. */
struct buf;
MUST_CHECK int tds_decode(const uint8_t **p, const uint8_t *end, const struct tds_column *c,
	struct buf *joined, struct tds_value *ret_value, struct err *err);

/*
 * Text to value, as `c` wants it: exact or not at all. ERR_DATA says what would have been lost
 * (overflow, precision, not a number, …), without the column's name. Text and blob values borrow
 * `text`. Leading and trailing blanks are an error for numbers and times.
 */
MUST_CHECK int tds_value_parse(const struct tds_column *c, const char *text, size_t len,
	struct tds_value *ret_value, struct err *err);

/* Value to text that tds_value_parse reads back: ISO 8601 for times, shortest exact for floats.
 * Writes at most `size` bytes with the NUL and returns the length (text and blobs: not here). */
#define TDS_PRINT_MAX 64
size_t tds_value_print(const struct tds_column *c, const struct tds_value *v, char *out, size_t size);

/*
 * The scanner: finds the ends of rows in a stream that is cut anywhere (packets). The plan is
 * compiled once for a column list.
 */
struct tds_plan;
struct tds_plan *tds_plan_new(const struct tds_columns *cols);
void tds_plan_free(struct tds_plan *plan);

struct tds_scan { /* zero-initialise before the first byte */
	uint32_t step;	   /* position in the plan */
	uint64_t skip;	   /* bytes still to pass over */
	uint8_t part[8];   /* a length cut by the end of the data */
	uint8_t part_len;
	uint8_t state;
};

/* Goes over data[0, len) from where the last call stopped. 1: a row ended, *ret_used bytes
 * belong to it and before; 0: all of the data used, the row goes on; -1: ERR_DATA. */
MUST_CHECK int tds_scan_row(const struct tds_plan *plan, struct tds_scan *scan, const uint8_t *data,
	size_t len, size_t *ret_used, struct err *err);

#endif
