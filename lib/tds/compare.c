/* compare - the order of values (value.h). */
#include "tds/value.h"

#include <string.h>

#define ORDER(a, b) (((a) > (b)) - ((a) < (b)))

/* What is compared with what. */
static int rank(enum tds_kind kind)
{
	switch (kind) {
	case TDS_NULL:
		return 0;
	case TDS_INT:
	case TDS_REAL:
		return 1;
	case TDS_TEXT:
		return 2;
	case TDS_BLOB:
	case TDS_HEX:
		return 3;
	default:
		return 4 + (int)kind;
	}
}

static int compare_reals(double a, double b)
{
	bool a_is_nan = __builtin_isnan(a), b_is_nan = __builtin_isnan(b);

	return a_is_nan || b_is_nan ? ORDER(a_is_nan, b_is_nan) : ORDER(a, b);
}

/* Exact: a double of 2^63 or more is no int64_t, and below that its whole part is one. */
static int compare_int_real(int64_t i, double r)
{
	static const double limit = 9223372036854775808.0;
	int64_t whole;

	if (__builtin_isnan(r) || r >= limit)
		return -1;
	if (r < -limit)
		return 1;
	whole = (int64_t)r;
	return i != whole ? ORDER(i, whole) : compare_reals((double)whole, r);
}

static int compare_numbers(const struct tds_value *a, const struct tds_value *b)
{
	if (a->kind == TDS_INT && b->kind == TDS_INT)
		return ORDER(a->i, b->i);
	if (a->kind == TDS_INT)
		return compare_int_real(a->i, b->r);
	if (b->kind == TDS_INT)
		return -compare_int_real(b->i, a->r);
	return compare_reals(a->r, b->r);
}

static int compare_decimals(const struct tds_value *a, const struct tds_value *b)
{
	bool a_negative = a->d.negative && a->d.magnitude,
	     b_negative = b->d.negative && b->d.magnitude;
	int order = ORDER(a->d.magnitude, b->d.magnitude);

	if (a_negative != b_negative)
		return a_negative ? -1 : 1;
	return a_negative ? -order : order;
}

static int compare_bytes(const struct tds_value *a, const struct tds_value *b)
{
	uint32_t len = a->s.len < b->s.len ? a->s.len : b->s.len;
	int order = len ? memcmp(a->s.data, b->s.data, len) : 0;

	return order ? order : ORDER(a->s.len, b->s.len);
}

static int compare_utf16(const struct tds_value *a, const struct tds_value *b)
{
	uint32_t len = a->s.len < b->s.len ? a->s.len : b->s.len;

	for (uint32_t i = 0; i + 1 < len; i += 2) {
		unsigned x = (unsigned)(a->s.data[i] | a->s.data[i + 1] << 8);
		unsigned y = (unsigned)(b->s.data[i] | b->s.data[i + 1] << 8);

		if (x != y)
			return ORDER(x, y);
	}
	return ORDER(a->s.len, b->s.len);
}

/* The groups from last to first, the bytes within each as they stand on the wire. */
static int compare_uuids(const struct tds_value *a, const struct tds_value *b)
{
	static const uint8_t order[16] = {10, 11, 12, 13, 14, 15, 8, 9, 6, 7, 4, 5, 0, 1, 2, 3};

	for (unsigned i = 0; i < 16; i++)
		if (a->uuid[order[i]] != b->uuid[order[i]])
			return ORDER(a->uuid[order[i]], b->uuid[order[i]]);
	return 0;
}

int tds_value_compare(const struct tds_value *a, const struct tds_value *b)
{
	int order = ORDER(rank(a->kind), rank(b->kind));

	if (order || a->kind == TDS_NULL)
		return order;
	switch (a->kind) {
	case TDS_INT:
	case TDS_REAL:
		return compare_numbers(a, b);
	case TDS_DECIMAL:
		return compare_decimals(a, b);
	case TDS_TIME:
		order = ORDER(a->t.days, b->t.days);
		return order ? order : ORDER(a->t.ticks, b->t.ticks);
	case TDS_UTF16:
		return compare_utf16(a, b);
	case TDS_UUID:
		return compare_uuids(a, b);
	default:
		return compare_bytes(a, b);
	}
}
