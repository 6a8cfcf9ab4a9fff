/* decode - the half of row.h that reads bytes. */
#include "tds/row.h"

/* What is left of the row. */
struct reader {
	const uint8_t *p, *end;
};

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

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static uint64_t get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
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
	switch (n) {
	case 1:
		return *p; /* tinyint has no sign */
	case 2:
		return (int16_t)get_low(p, 2);
	case 4:
		return (int32_t)get32(p);
	default:
		return (int64_t)get64(p);
	}
}

static double get_real(const uint8_t *p, unsigned n)
{
	uint32_t half_bits;
	uint64_t bits;
	float half;
	double v;

	if (n == sizeof(half)) {
		half_bits = get32(p);
		memcpy(&half, &half_bits, sizeof(half));
		return (double)half;
	}
	bits = get64(p);
	memcpy(&v, &bits, sizeof(v));
	return v;
}

static int get_decimal(
	const uint8_t *p, const struct tds_column *c, struct tds_value *v, struct err *err)
{
	unsigned low = c->size - 1 < 8 ? c->size - 1 : 8;
	unsigned __int128 m = (unsigned __int128)get_low(p + 9, c->size - 1 - low) << 64;

	m |= low == 8 ? get64(p + 1) : get32(p + 1);
	if (p[0] > 1 || m >= tds_pow10(c->precision))
		return bad_value(c, "a number out of range", err);
	v->kind = TDS_DECIMAL;
	v->d.magnitude = m;
	v->d.negative = p[0] == 0;
	return 0;
}

static void get_money(const uint8_t *p, unsigned n, struct tds_value *v)
{
	int64_t m = n == 4 ? (int32_t)get32(p) : (int64_t)((uint64_t)get32(p) << 32 | get32(p + 4));

	v->kind = TDS_DECIMAL;
	v->d.negative = m < 0;
	v->d.magnitude = m < 0 ? 0 - (uint64_t)m : (uint64_t)m;
}

/* The local date of an offset must be one too. */
static bool in_calendar(const struct tds_value *v)
{
	int64_t minute = (int64_t)(v->t.ticks / (60 * TDS_TICKS_PER_SECOND)) + v->t.offset;
	int64_t days = v->t.days + (minute < 0 ? -1 : minute >= 24 * 60);

	return v->t.days <= TDS_DAYS_MAX && days >= 0 && days <= TDS_DAYS_MAX;
}

static int get_time(
	const uint8_t *p, const struct tds_column *c, struct tds_value *v, struct err *err)
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

/* 1/300 s become the milliseconds that SQL Server shows: 3, 7, 10, … */
static int get_datetime(
	const uint8_t *p, const struct tds_column *c, struct tds_value *v, struct err *err)
{
	bool small = c->size == 4;
	int32_t days = small ? (int32_t)get_low(p, 2) : (int32_t)get32(p);
	uint32_t units = small ? (uint32_t)get_low(p + 2, 2) : get32(p + 4);

	v->kind = TDS_TIME;
	v->t.offset = 0;
	if (units >= (small ? 24 * 60 : TDS_DATETIME_UNITS_PER_DAY))
		return bad_value(c, "a time beyond 24 hours", err);
	if (days < TDS_DAYS_1753 - TDS_DAYS_1900 || days > TDS_DAYS_MAX - TDS_DAYS_1900)
		return bad_value(c, "a date out of range", err);
	v->t.days = TDS_DAYS_1900 + days;
	v->t.ticks = small ? units * 60 * TDS_TICKS_PER_SECOND
			   : (units * UINT64_C(10) + 1) / 3 * (TDS_TICKS_PER_SECOND / 1000);
	return 0;
}

/* A value of c->size bytes at p. */
static int decode_plain(const uint8_t *p, const struct tds_column *c, enum tds_type base,
	struct tds_value *v, struct err *err)
{
	switch (base) {
	case TDS_INTN:
		v->kind = TDS_INT;
		v->i = get_int(p, c->size);
		return 0;
	case TDS_BITN:
		v->kind = TDS_INT;
		v->i = *p != 0;
		return 0;
	case TDS_FLTN:
		v->kind = TDS_REAL;
		v->r = get_real(p, c->size);
		return 0;
	case TDS_DECIMALN:
	case TDS_NUMERICN:
		return get_decimal(p, c, v, err);
	case TDS_MONEYN:
		get_money(p, c->size, v);
		return 0;
	case TDS_DATETIMN:
		return get_datetime(p, c, v, err);
	case TDS_GUID:
		v->kind = TDS_UUID;
		memcpy(v->uuid, p, sizeof(v->uuid));
		return 0;
	default:
		return get_time(p, c, v, err);
	}
}

static int decode_sized(
	struct reader *r, const struct tds_column *c, struct tds_value *v, struct err *err)
{
	const uint8_t *p = r->p;
	size_t left = (size_t)(r->end - p);

	if (left > c->size && *p == c->size) {
		r->p += 1 + (size_t)c->size;
		return decode_plain(p + 1, c, c->type, v, err);
	}
	if (left && *p == 0) {
		r->p++;
		v->kind = TDS_NULL;
		return 0;
	}
	return left && *p != c->size ? bad_value(c, "a wrong length", err) : cut_off(c, err);
}

static int decode_fixed(
	struct reader *r, const struct tds_column *c, struct tds_value *v, struct err *err)
{
	const uint8_t *p = take(r, c->size);

	return p ? decode_plain(p, c, tds_type_base(c->type), v, err) : cut_off(c, err);
}

/* What kind bytes are in this column. */
static int set_bytes(const struct tds_column *c, const uint8_t *data, uint32_t len,
	struct tds_value *v, struct err *err)
{
	if (!data)
		return cut_off(c, err);
	v->s.data = data;
	v->s.len = len;
	if (tds_type_is_narrow(c->type)) {
		v->kind = TDS_TEXT;
	} else if (tds_type_is_utf16(c->type)) {
		v->kind = TDS_UTF16;
		if (len % 2)
			return bad_value(c, "half a unit of UTF-16", err);
	} else {
		v->kind = TDS_BLOB;
	}
	return 0;
}

static int decode_ushort(
	struct reader *r, const struct tds_column *c, struct tds_value *v, struct err *err)
{
	const uint8_t *p = take(r, 2);
	uint32_t len;

	if (!p)
		return cut_off(c, err);
	len = (uint32_t)p[0] | (uint32_t)p[1] << 8;
	if (len == TDS_USHORT_NULL) {
		v->kind = TDS_NULL;
		return 0;
	}
	if (len > c->size)
		return bad_value(c, "a wrong length", err);
	return set_bytes(c, take(r, len), len, v, err);
}

/* A value with a four-byte length. */
static int decode_counted(
	struct reader *r, const struct tds_column *c, struct tds_value *v, struct err *err)
{
	const uint8_t *p = take(r, 4);
	uint32_t len;

	if (!p)
		return cut_off(c, err);
	len = get32(p);
	if (len > (c->type == TDS_VARIANT ? c->size : TDS_PLP_MAX))
		return bad_value(c, "a wrong length", err);
	return set_bytes(c, take(r, len), len, v, err);
}

static int decode_long(
	struct reader *r, const struct tds_column *c, struct tds_value *v, struct err *err)
{
	if (decode_counted(r, c, v, err) < 0)
		return -1;
	if (v->s.len == 0)
		v->kind = TDS_NULL;
	return 0;
}

static int decode_textptr(
	struct reader *r, const struct tds_column *c, struct tds_value *v, struct err *err)
{
	const uint8_t *p = take(r, 1);

	if (!p)
		return cut_off(c, err);
	if (*p == 0) {
		v->kind = TDS_NULL;
		return 0;
	}
	if (!take(r, *p + 8u))
		return cut_off(c, err);
	return decode_counted(r, c, v, err);
}

/* The next chunk's length; 0 is the terminator. `sum` counts what came so far. */
static int chunk_length(struct reader *r, const struct tds_column *c, uint64_t *sum,
	uint32_t *ret_len, struct err *err)
{
	const uint8_t *p = take(r, 4);

	if (!p)
		return cut_off(c, err);
	*ret_len = get32(p);
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
	total = get64(p);
	v->kind = TDS_NULL;
	if (total == TDS_PLP_NULL)
		return 0;
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
	return set_bytes(c, v->s.data, v->s.len, v, err);
}

static int decode_sqlite(
	struct reader *r, const struct tds_column *c, struct tds_value *v, struct err *err)
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
		v->i = (int64_t)get64(p);
	} else if (v->kind == TDS_REAL) {
		v->r = get_real(p, 8);
	} else {
		v->s.len = get32(p);
		v->s.data = take(r, v->s.len);
		if (!v->s.data)
			return cut_off(c, err);
	}
	return 0;
}

static int decode_any(struct reader *r, const struct tds_column *c, struct buf *joined,
	struct tds_value *v, struct err *err)
{
	switch (tds_form(c)) {
	case TDS_FORM_SIZED:
		return decode_sized(r, c, v, err);
	case TDS_FORM_USHORT:
		return decode_ushort(r, c, v, err);
	case TDS_FORM_PLP:
		return decode_plp(r, c, joined, v, err);
	case TDS_FORM_SQLITE:
		return decode_sqlite(r, c, v, err);
	case TDS_FORM_FIXED:
		return decode_fixed(r, c, v, err);
	case TDS_FORM_LONG:
		return decode_long(r, c, v, err);
	case TDS_FORM_TEXTPTR:
		return decode_textptr(r, c, v, err);
	case TDS_FORM_NONE:
		break;
	}
	return bad_value(c, "bytes", err);
}

int tds_decode(const uint8_t **p, const uint8_t *end, const struct tds_column *c,
	struct buf *joined, struct tds_value *ret_value, struct err *err)
{
	struct reader r = {.p = *p, .end = end};

	if (decode_any(&r, c, joined, ret_value, err) < 0)
		return -1;
	*p = r.p;
	return 0;
}
