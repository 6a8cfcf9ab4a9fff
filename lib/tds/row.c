#include "tds/row.h"

#include <assert.h>

/* What is left of the row. */
struct reader {
	const uint8_t *p, *end;
};

static uint8_t hex_digit(uint8_t c)
{
	return (uint8_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

static uint8_t *encode_hex(uint8_t *p, const struct tds_value *v)
{
	const uint8_t *hex = v->s.data;

	p = tds_put64(p, v->s.len);
	if (v->s.len)
		p = tds_put32(p, v->s.len);
	for (uint32_t i = 0; i < v->s.len; i++, hex += 2)
		*p++ = (uint8_t)(hex_digit(hex[0]) << 4 | hex_digit(hex[1]));
	return tds_put32(p, 0);
}

static uint8_t *encode_decimal(uint8_t *p, const struct tds_column *c, const struct tds_value *v)
{
	unsigned __int128 m = v->d.magnitude;

	*p++ = (uint8_t)c->size;
	*p++ = !v->d.negative;
	for (uint32_t i = 1; i < c->size; i++, m >>= 8)
		*p++ = (uint8_t)m;
	return p;
}

static uint8_t *encode_sqlite(uint8_t *p, const struct tds_value *v)
{
	uint64_t bits;

	switch (v->kind) {
	case TDS_INT:
		*p++ = TDS_CLASS_INT;
		return tds_put64(p, (uint64_t)v->i);
	case TDS_REAL:
		*p++ = TDS_CLASS_REAL;
		memcpy(&bits, &v->r, sizeof(bits));
		return tds_put64(p, bits);
	default:
		assert(v->kind == TDS_TEXT || v->kind == TDS_BLOB);
		*p++ = v->kind == TDS_TEXT ? TDS_CLASS_TEXT : TDS_CLASS_BLOB;
		p = tds_put32(p, v->s.len);
		return tds_put_bytes(p, v->s.data, v->s.len);
	}
}

uint8_t *tds_encode_rare(uint8_t *p, const struct tds_column *c, const struct tds_value *v)
{
	switch (c->type) {
	case TDS_DECIMALN:
		return encode_decimal(p, c, v);
	case TDS_SQLITE:
		return encode_sqlite(p, v);
	default:
		assert(v->kind == TDS_HEX);
		return encode_hex(p, v);
	}
}

static int bad_value(const struct tds_column *c, const char *what, struct err *err)
{
	char type[TDS_TYPE_TEXT_MAX];

	return err_set(err, ERR_DATA, "column '%s': %s for %s", c->name ? c->name : "", what,
		tds_type_format(c, type));
}

static int cut_off(const struct tds_column *c, struct err *err)
{
	return bad_value(c, "the row ends within a value", err);
}

/* The n bytes that come next, or NULL. */
static const uint8_t *take(struct reader *r, size_t n)
{
	const uint8_t *p = r->p;

	if ((size_t)(r->end - p) < n)
		return NULL;
	r->p += n;
	return p;
}

static uint64_t get_low(const uint8_t *p, unsigned n)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < n; i++)
		v |= (uint64_t)p[i] << 8 * i;
	return v;
}

static int64_t get_int(const uint8_t *p, unsigned n)
{
	unsigned unused = 64 - 8 * n;

	if (n == 1) /* tinyint has no sign */
		return *p;
	return (int64_t)(get_low(p, n) << unused) >> unused;
}

static double get_real(const uint8_t *p, unsigned n)
{
	uint64_t bits = get_low(p, n);
	uint32_t half_bits = (uint32_t)bits;
	float half;
	double v;

	if (n == sizeof(half)) {
		memcpy(&half, &half_bits, sizeof(half));
		return (double)half;
	}
	memcpy(&v, &bits, sizeof(v));
	return v;
}

static int get_decimal(const uint8_t *p, const struct tds_column *c, struct tds_value *v,
	struct err *err)
{
	unsigned __int128 m = 0;

	for (uint32_t i = c->size - 1; i > 0; i--)
		m = m << 8 | p[i];
	if (p[0] > 1 || m >= tds_pow10(c->precision))
		return bad_value(c, "a number out of range", err);
	v->kind = TDS_DECIMAL;
	v->d.magnitude = m;
	v->d.negative = p[0] == 0;
	return 0;
}

/* The local date of an offset must be one too. */
static bool in_calendar(const struct tds_value *v)
{
	int64_t minute = (int64_t)(v->t.ticks / (60 * TDS_TICKS_PER_SECOND)) + v->t.offset;
	int64_t days = v->t.days + (minute < 0 ? -1 : minute >= 24 * 60);

	return v->t.days <= TDS_DAYS_MAX && days >= 0 && days <= TDS_DAYS_MAX;
}

static int get_time(const uint8_t *p, const struct tds_column *c, struct tds_value *v,
	struct err *err)
{
	uint64_t units = 0, unit = tds_time_unit(c->scale);

	v->kind = TDS_TIME;
	v->t.days = 0;
	v->t.offset = 0;
	if (c->type != TDS_DATEN) {
		units = get_low(p, tds_time_size(c->scale));
		p += tds_time_size(c->scale);
		if (units >= TDS_TICKS_PER_DAY / unit)
			return bad_value(c, "a time beyond 24 hours", err);
	}
	v->t.ticks = units * unit;
	if (c->type != TDS_TIMEN) {
		v->t.days = (int32_t)get_low(p, 3);
		p += 3;
	}
	if (c->type == TDS_DATETIMEOFFSETN)
		v->t.offset = (int16_t)get_low(p, 2);
	if (v->t.offset > TDS_OFFSET_MAX || v->t.offset < -TDS_OFFSET_MAX)
		return bad_value(c, "an offset beyond 14 hours", err);
	if (!in_calendar(v))
		return bad_value(c, "a date beyond the year 9999", err);
	return 0;
}

static int decode_sized(struct reader *r, const struct tds_column *c, struct tds_value *v,
	struct err *err)
{
	const uint8_t *p = take(r, 1);
	unsigned len;

	if (!p)
		return cut_off(c, err);
	len = *p;
	if (len > 31 || !(tds_lengths(c) >> len & 1))
		return bad_value(c, "a wrong length", err);
	p = take(r, len);
	if (!p)
		return cut_off(c, err);
	if (len == 0) {
		v->kind = TDS_NULL;
		return 0;
	}
	switch (c->type) {
	case TDS_INTN:
		v->kind = TDS_INT;
		v->i = get_int(p, len);
		return 0;
	case TDS_BITN:
		v->kind = TDS_INT;
		v->i = *p != 0;
		return 0;
	case TDS_FLTN:
		v->kind = TDS_REAL;
		v->r = get_real(p, len);
		return 0;
	case TDS_DECIMALN:
		return get_decimal(p, c, v, err);
	default:
		return get_time(p, c, v, err);
	}
}

/* The next chunk's length; 0 is the terminator. `sum` counts what came so far. */
static int chunk_length(struct reader *r, const struct tds_column *c, uint64_t *sum,
	uint32_t *ret_len, struct err *err)
{
	const uint8_t *p = take(r, 4);

	if (!p)
		return cut_off(c, err);
	*ret_len = (uint32_t)get_low(p, 4);
	*sum += *ret_len;
	if (*sum > TDS_PLP_MAX)
		return bad_value(c, "more than 2 GiB", err);
	return 0;
}

/* The chunks from the second one on, behind the first one in `joined`. */
static int join_chunks(struct reader *r, const struct tds_column *c, struct buf *joined,
	struct tds_value *v, uint32_t len, uint64_t *sum, struct err *err)
{
	if (!joined)
		return bad_value(c, "a value in several chunks", err);
	buf_reset(joined);
	buf_add(joined, v->s.data, v->s.len);
	while (len) {
		const uint8_t *p = take(r, len);

		if (!p)
			return cut_off(c, err);
		buf_add(joined, p, len);
		if (chunk_length(r, c, sum, &len, err) < 0)
			return -1;
	}
	v->s.data = (const uint8_t *)buf_str(joined);
	v->s.len = (uint32_t)joined->len;
	return buf_check(joined, "a value", err);
}

static int decode_plp(struct reader *r, const struct tds_column *c, struct buf *joined,
	struct tds_value *v, struct err *err)
{
	const uint8_t *p = take(r, 8);
	uint64_t total, sum = 0;
	uint32_t len;

	if (!p)
		return cut_off(c, err);
	total = get_low(p, 8);
	v->kind = TDS_NULL;
	if (total == TDS_PLP_NULL)
		return 0;
	v->kind = c->type == TDS_BIGVARCHAR ? TDS_TEXT : TDS_BLOB;
	if (chunk_length(r, c, &sum, &len, err) < 0)
		return -1;
	v->s.len = len;
	v->s.data = take(r, len);
	if (!v->s.data)
		return cut_off(c, err);
	if (len && chunk_length(r, c, &sum, &len, err) < 0)
		return -1;
	if (len && join_chunks(r, c, joined, v, len, &sum, err) < 0)
		return -1;
	if (total != TDS_PLP_UNKNOWN && total != sum)
		return bad_value(c, "chunks that are not as long as the value", err);
	return 0;
}

static int decode_sqlite(struct reader *r, const struct tds_column *c, struct tds_value *v,
	struct err *err)
{
	static const enum tds_kind kinds[TDS_CLASS_COUNT] = {
		TDS_NULL, TDS_INT, TDS_REAL, TDS_TEXT, TDS_BLOB};
	const uint8_t *p = take(r, 1);

	if (!p)
		return cut_off(c, err);
	if (*p >= TDS_CLASS_COUNT)
		return bad_value(c, "an unknown storage class", err);
	v->kind = kinds[*p];
	if (v->kind == TDS_NULL)
		return 0;
	p = take(r, v->kind == TDS_INT || v->kind == TDS_REAL ? 8 : 4);
	if (!p)
		return cut_off(c, err);
	if (v->kind == TDS_INT) {
		v->i = (int64_t)get_low(p, 8);
	} else if (v->kind == TDS_REAL) {
		v->r = get_real(p, 8);
	} else {
		v->s.len = (uint32_t)get_low(p, 4);
		v->s.data = take(r, v->s.len);
		if (!v->s.data)
			return cut_off(c, err);
	}
	return 0;
}

int tds_decode(const uint8_t **p, const uint8_t *end, const struct tds_column *c,
	struct buf *joined, struct tds_value *ret_value, struct err *err)
{
	struct reader r = {.p = *p, .end = end};
	struct tds_value v = {.kind = TDS_NULL};
	int rc;

	if (c->type == TDS_SQLITE)
		rc = decode_sqlite(&r, c, &v, err);
	else if (tds_lengths(c))
		rc = decode_sized(&r, c, &v, err);
	else
		rc = decode_plp(&r, c, joined, &v, err);
	if (rc < 0)
		return -1;
	*p = r.p;
	*ret_value = v;
	return 0;
}
