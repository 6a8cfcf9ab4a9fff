/*
 * row - rows in flight: the bytes of MS-TDS ROW tokens.
 *
 * A row is 0xD1 followed by each column's value in the form its TYPE_INFO asks
 * for (MS-TDS 2.2.7.19, 2.2.5.2), never NBCROW. Encoders append to memory that
 * the caller has bounded; scan.h finds row ends without decoding. All of it is
 * pure: no I/O, no allocation.
 *
 *	FIXED		the value					FIXINT4, FIXDATETIME, …
 *	SIZED		00 null, else length byte and value		INTN, DECIMALN, GUID, times
 *	USHORT		FFFF null, else 2-byte length and bytes		varchar(n), binary(n), …
 *	PLP		8×FF null, else the total length (or FE FF…: unknown),
 *			chunks of 4-byte length and bytes, 4 zero bytes	(max), xml, CLR types
 *	LONG		4-byte length (0: null) and bytes		sql_variant
 *	TEXTPTR		00 null, else length byte and text pointer, 8 bytes of time stamp, 4-byte
 *			length and bytes				text, ntext, image
 *	TDS_SQLITE	storage class byte (0 null, 1 integer, 2 real, 3 text, 4 blob), then
 *			8 bytes (integer, real) or 4-byte length and bytes (text, blob)
 *
 * Numbers are little-endian. A decimal is a sign byte (1: not negative) and its
 * magnitude, money a count of 1/10,000 with the high half first, a time counts
 * units of 10^-scale seconds, a date days; datetime has days since 1900 and
 * 1/300 s, smalldatetime days and minutes. What is decoded and encoded again has
 * the same bytes, but for PLP chunks, text pointers and shorter char and binary
 * values (they become one chunk, zeros, and padded).
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

#define TDS_ROW_TOKEN        0xD1
#define TDS_PLP_NULL         UINT64_MAX
#define TDS_PLP_UNKNOWN      (UINT64_MAX - 1)
#define TDS_PLP_OVERHEAD     16 /* header, one chunk's length, terminator */
#define TDS_USHORT_NULL      0xFFFF
#define TDS_TEXTPTR_SIZE     16 /* of the pointers that we write; the time stamp behind it has 8 */
#define TDS_TEXTPTR_OVERHEAD (1 + TDS_TEXTPTR_SIZE + 8 + 4)

enum tds_storage_class {
	TDS_CLASS_NULL,
	TDS_CLASS_INT,
	TDS_CLASS_REAL,
	TDS_CLASS_TEXT,
	TDS_CLASS_BLOB,
	TDS_CLASS_COUNT,
};

/* The most bytes that tds_encode can need in this column for a value that is (or borrows) `len`
 * bytes of text; len is 0 where the column's type is not text, bytes or TDS_SQLITE. Twice as many
 * where UTF-8 may become UTF-16. */
size_t tds_encoded_max(const struct tds_column *c, size_t len);

/* The same for a value. */
size_t tds_encoded_size(const struct tds_column *c, const struct tds_value *v);

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

/* The low n bytes, n up to 8. */
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

/* The rare ones: fixed and deprecated forms, padding, hex, UTF-8 that becomes UTF-16, TDS_SQLITE.
 */
uint8_t *tds_encode_rare(uint8_t *p, const struct tds_column *c, const struct tds_value *v);

/* Null in this column, whose form must have one. */
static inline uint8_t *tds_encode_null(uint8_t *p, const struct tds_column *c)
{
	switch (tds_form(c)) {
	case TDS_FORM_PLP:
		return tds_put64(p, TDS_PLP_NULL);
	case TDS_FORM_USHORT:
		return tds_put16(p, TDS_USHORT_NULL);
	case TDS_FORM_LONG:
		return tds_put32(p, 0);
	default:
		*p = 0; /* a length, or TDS_CLASS_NULL */
		return p + 1;
	}
}

/* 10^(7 - scale): ticks in a time's unit. */
static inline uint32_t tds_time_unit(unsigned scale)
{
	static const uint32_t units[] = {10000000, 1000000, 100000, 10000, 1000, 100, 10, 1};

	return units[scale];
}

static inline uint8_t *tds_encode_time(
	uint8_t *p, const struct tds_column *c, const struct tds_value *v)
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

static inline uint8_t *tds_encode_decimal(
	uint8_t *p, const struct tds_column *c, const struct tds_value *v)
{
	*p++ = (uint8_t)c->size;
	*p++ = !v->d.negative;
	if (c->size == 5)
		return tds_put32(p, (uint32_t)v->d.magnitude);
	p = tds_put64(p, (uint64_t)v->d.magnitude);
	return tds_put_low(p, (uint64_t)(v->d.magnitude >> 64), c->size - 9);
}

/* From a magnitude with four digits behind the point. */
static inline uint8_t *tds_encode_money(
	uint8_t *p, const struct tds_column *c, const struct tds_value *v)
{
	uint64_t m = (uint64_t)v->d.magnitude;

	m = v->d.negative ? 0 - m : m;
	*p++ = (uint8_t)c->size;
	if (c->size == 8)
		p = tds_put32(p, (uint32_t)(m >> 32));
	return tds_put32(p, (uint32_t)m);
}

static inline uint8_t *tds_encode_uuid(uint8_t *p, const struct tds_value *v)
{
	*p++ = sizeof(v->uuid);
	memcpy(p, v->uuid, sizeof(v->uuid));
	return p + sizeof(v->uuid);
}

/* Bytes as they are, in a column that takes them so. */
static inline uint8_t *tds_encode_bytes(
	uint8_t *p, const struct tds_column *c, const struct tds_value *v)
{
	if (c->size != TDS_SIZE_MAX) {
		p = tds_put16(p, (uint16_t)v->s.len);
		return tds_put_bytes(p, v->s.data, v->s.len);
	}
	p = tds_put64(p, v->s.len);
	if (v->s.len) {
		p = tds_put32(p, v->s.len);
		p = tds_put_bytes(p, v->s.data, v->s.len);
	}
	return tds_put32(p, 0);
}

/* Appends the value at `p` (room for tds_encoded_size bytes is the caller's care) and returns the
 * end. The value's kind and range must fit the column, as those of tds_value_parse and
 * tds_conversion_apply do: encoding checks nothing. TDS_TEXT becomes UTF-16 in a column that has
 * it. */
static inline uint8_t *tds_encode(uint8_t *p, const struct tds_column *c, const struct tds_value *v)
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
	case TDS_DECIMALN:
	case TDS_NUMERICN:
		return tds_encode_decimal(p, c, v);
	case TDS_MONEYN:
		return tds_encode_money(p, c, v);
	case TDS_GUID:
		return tds_encode_uuid(p, v);
	case TDS_BIGVARCHAR:
	case TDS_BIGVARBINARY:
		if (v->kind == TDS_HEX)
			break;
		return tds_encode_bytes(p, c, v);
	case TDS_NVARCHAR:
		if (v->kind != TDS_UTF16)
			break;
		return tds_encode_bytes(p, c, v);
	default:
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
