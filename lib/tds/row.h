/*
 * row - rows in flight: the bytes of MS-TDS ROW tokens.
 *
 * A row is 0xD1 followed by each column's value in the form its TYPE_INFO asks
 * for (MS-TDS 2.2.7.19, 2.2.5.2), never NBCROW. Encoders append to memory that
 * the caller has bounded; scan.h finds row ends without decoding. All of it is
 * pure: no I/O, no allocation.
 *
 *	byte length	00 null, else length and value	INTN FLTN BITN DECIMALN dates, times
 *	PLP		8×FF null, else the total length (or FE FF…: unknown),
 *			chunks of 4-byte length and bytes, 4 zero bytes	(max) types
 *	TDS_SQLITE	storage class byte (0 null, 1 integer, 2 real, 3 text, 4 blob), then
 *			8 bytes (integer, real) or 4-byte length and bytes (text, blob)
 *
 * Numbers are little-endian. A decimal is a sign byte (1: not negative) and its
 * magnitude, a time counts units of 10^-scale seconds, a date days.
 */
#ifndef TDS_ROW_H
#define TDS_ROW_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "tds/type.h"
#include "tds/value.h"

#define TDS_ROW_TOKEN 0xD1
#define TDS_PLP_NULL UINT64_MAX
#define TDS_PLP_UNKNOWN (UINT64_MAX - 1)
#define TDS_PLP_OVERHEAD 16 /* header, one chunk's length, terminator */

enum tds_storage_class {
	TDS_CLASS_NULL,
	TDS_CLASS_INT,
	TDS_CLASS_REAL,
	TDS_CLASS_TEXT,
	TDS_CLASS_BLOB,
	TDS_CLASS_COUNT,
};

/* The most bytes that tds_encode can need in this column for a value that is (or borrows) `len`
 * bytes of text; len is 0 where the column's type is not text, bytes or TDS_SQLITE. */
static inline size_t tds_encoded_max(const struct tds_column *c, size_t len)
{
	if (c->type == TDS_BIGVARCHAR || c->type == TDS_BIGVARBINARY || c->type == TDS_SQLITE)
		return TDS_PLP_OVERHEAD + len;
	return 1 + (size_t)c->size;
}

/* The same for a value. */
static inline size_t tds_encoded_size(const struct tds_column *c, const struct tds_value *v)
{
	bool bytes = v->kind == TDS_TEXT || v->kind == TDS_BLOB || v->kind == TDS_HEX;

	return tds_encoded_max(c, bytes ? v->s.len : 0);
}

static inline uint8_t *tds_put16(uint8_t *p, uint16_t v)
{
	v = htole16(v);
	memcpy(p, &v, sizeof(v));
	return p + sizeof(v);
}

static inline uint8_t *tds_put32(uint8_t *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof(v));
	return p + sizeof(v);
}

static inline uint8_t *tds_put64(uint8_t *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, sizeof(v));
	return p + sizeof(v);
}

/* The low n bytes, n from 3 to 8. */
static inline uint8_t *tds_put_low(uint8_t *p, uint64_t v, unsigned n)
{
	for (unsigned i = 0; i < n; i++, v >>= 8)
		*p++ = (uint8_t)v;
	return p;
}

/* Most texts are short, and musl's memcpy costs more than they do. */
static inline uint8_t *tds_put_bytes(uint8_t *p, const uint8_t *data, uint32_t len)
{
	uint64_t first, last;

	if (len > 16) {
		memcpy(p, data, len);
	} else if (len >= 8) {
		memcpy(&first, data, 8);
		memcpy(&last, data + len - 8, 8);
		memcpy(p, &first, 8);
		memcpy(p + len - 8, &last, 8);
	} else {
		for (uint32_t i = 0; i < len; i++)
			p[i] = data[i];
	}
	return p + len;
}

/* The rare ones: decimals, hex and TDS_SQLITE. */
uint8_t *tds_encode_rare(uint8_t *p, const struct tds_column *c, const struct tds_value *v);

/* Null in this column. */
static inline uint8_t *tds_encode_null(uint8_t *p, const struct tds_column *c)
{
	if (c->type == TDS_BIGVARCHAR || c->type == TDS_BIGVARBINARY)
		return tds_put64(p, TDS_PLP_NULL);
	*p = 0; /* a length, or TDS_CLASS_NULL */
	return p + 1;
}

/* 10^(7 - scale): ticks in a time's unit. */
static inline uint32_t tds_time_unit(unsigned scale)
{
	static const uint32_t units[] = {10000000, 1000000, 100000, 10000, 1000, 100, 10, 1};

	return units[scale];
}

static inline uint8_t *tds_encode_time(uint8_t *p, const struct tds_column *c,
	const struct tds_value *v)
{
	*p++ = (uint8_t)c->size;
	if (c->type != TDS_DATEN)
		p = tds_put_low(p, v->t.ticks / tds_time_unit(c->scale), tds_time_size(c->scale));
	if (c->type != TDS_TIMEN)
		p = tds_put_low(p, (uint64_t)v->t.days, 3);
	if (c->type == TDS_DATETIMEOFFSETN)
		p = tds_put16(p, (uint16_t)v->t.offset);
	return p;
}

static inline uint8_t *tds_encode_int(uint8_t *p, const struct tds_column *c, int64_t v)
{
	*p++ = (uint8_t)c->size;
	switch (c->size) {
	case 1:
		*p = (uint8_t)v;
		return p + 1;
	case 2:
		return tds_put16(p, (uint16_t)v);
	case 4:
		return tds_put32(p, (uint32_t)v);
	default:
		return tds_put64(p, (uint64_t)v);
	}
}

static inline uint8_t *tds_encode_real(uint8_t *p, const struct tds_column *c, double v)
{
	float half = (float)v;
	uint64_t bits;
	uint32_t half_bits;

	*p++ = (uint8_t)c->size;
	if (c->size == sizeof(half)) {
		memcpy(&half_bits, &half, sizeof(half_bits));
		return tds_put32(p, half_bits);
	}
	memcpy(&bits, &v, sizeof(bits));
	return tds_put64(p, bits);
}

static inline uint8_t *tds_encode_plp(uint8_t *p, const struct tds_value *v)
{
	p = tds_put64(p, v->s.len);
	if (v->s.len) {
		p = tds_put32(p, v->s.len);
		p = tds_put_bytes(p, v->s.data, v->s.len);
	}
	return tds_put32(p, 0);
}

/* Appends the value at `p` (room for tds_encoded_size bytes is the caller's care) and returns the
 * end. The value's kind and range must fit the column, as those of tds_value_parse do. */
static inline uint8_t *tds_encode(uint8_t *p, const struct tds_column *c,
	const struct tds_value *v)
{
	if (v->kind == TDS_NULL)
		return tds_encode_null(p, c);
	switch (c->type) {
	case TDS_INTN:
	case TDS_BITN:
		return tds_encode_int(p, c, v->i);
	case TDS_FLTN:
		return tds_encode_real(p, c, v->r);
	case TDS_DATEN:
	case TDS_TIMEN:
	case TDS_DATETIME2N:
	case TDS_DATETIMEOFFSETN:
		return tds_encode_time(p, c, v);
	case TDS_BIGVARCHAR:
	case TDS_BIGVARBINARY:
		if (v->kind != TDS_HEX)
			return tds_encode_plp(p, v);
		break;
	case TDS_DECIMALN:
	case TDS_SQLITE:
		break;
	}
	return tds_encode_rare(p, c, v);
}

/* Reads the value of column `c` at *p, not past `end`; moves *p behind it. A PLP value of several
 * chunks is joined in `joined` (NULL: such a value is ERR_DATA). ERR_DATA when the bytes are not a
 * value of that column, ERR_LIMIT when `joined` cannot take it. */
MUST_CHECK int tds_decode(const uint8_t **p, const uint8_t *end, const struct tds_column *c,
	struct buf *joined, struct tds_value *ret_value, struct err *err);

#endif
