/* convert_number - integers, bits, decimals, money and floats (convert_private.h). */
#include <float.h>
#include <math.h>

#include "base/number.h"
#include "tds/convert_private.h"

#define INT64_END       9223372036854775808.0 /* 2^63 */
#define EXACT_MAGNITUDE 1000000000000000u     /* 10^15: a double's digits */
#define EXACT_SCALE     22                    /* powers of ten up to it are doubles */

static const char beyond[] = "is beyond the range of";
static const char digits_behind[] = "has more digits behind the point than";
static const char digits_lost[] = "has more digits than";

static int64_t int_max(const struct tds_column *c)
{
	if (tds_type_base(c->type) == TDS_BITN)
		return 1;
	return c->size == 1 ? UINT8_MAX : INT64_MAX >> (64 - 8 * c->size);
}

static int64_t int_min(const struct tds_column *c)
{
	return c->size == 1 ? 0 : INT64_MIN >> (64 - 8 * c->size);
}

/* Magnitudes below it fit. */
static unsigned __int128 decimal_end(const struct tds_column *c, bool negative)
{
	if (tds_type_base(c->type) == TDS_MONEYN)
		return (unsigned __int128)tds_money_max(c->size, negative) + 1;
	return tds_pow10(c->precision);
}

static void set_int(struct tds_value *ret, int64_t i)
{
	ret->kind = TDS_INT;
	ret->i = i;
}

static void set_decimal(struct tds_value *ret, unsigned __int128 magnitude, bool negative)
{
	ret->kind = TDS_DECIMAL;
	ret->d.magnitude = magnitude;
	ret->d.negative = negative && magnitude;
}

static void set_real(struct tds_value *ret, double r)
{
	ret->kind = TDS_REAL;
	ret->r = r;
}

static bool is_half(const struct tds_column *c)
{
	return c->size == sizeof(float);
}

/* --- integers ------------------------------------------------------------------ */

int convert_int_int(const struct tds_conversion *plan, const struct tds_value *v,
	struct buf *scratch, struct tds_value *ret_value, struct refusal *out)
{
	(void)scratch;
	if (v->i < int_min(plan->to) || v->i > int_max(plan->to))
		return convert_refuse_for(plan, v, TDS_LOSS_OVERFLOW, beyond, out);
	*ret_value = *v;
	return 0;
}

enum tds_verdict verdict_int_int(const struct tds_conversion *plan)
{
	return int_min(plan->from) >= int_min(plan->to) && int_max(plan->from) <= int_max(plan->to)
		       ? TDS_WIDEN
		       : TDS_CHECK;
}

int convert_int_decimal(const struct tds_conversion *plan, const struct tds_value *v,
	struct buf *scratch, struct tds_value *ret_value, struct refusal *out)
{
	bool negative = v->i < 0;
	uint64_t whole = negative ? 0 - (uint64_t)v->i : (uint64_t)v->i;
	unsigned __int128 unit = tds_pow10(plan->to->scale);

	(void)scratch;
	if (whole > (decimal_end(plan->to, negative) - 1) / unit)
		return convert_refuse_for(plan, v, TDS_LOSS_OVERFLOW, beyond, out);
	set_decimal(ret_value, whole * unit, negative);
	return 0;
}

enum tds_verdict verdict_int_decimal(const struct tds_conversion *plan)
{
	uint64_t most = (uint64_t)int_max(plan->from) + 1;
	bool fits = most <= (decimal_end(plan->to, false) - 1) / tds_pow10(plan->to->scale);

	return fits ? TDS_WIDEN : TDS_CHECK;
}

int convert_int_float(const struct tds_conversion *plan, const struct tds_value *v,
	struct buf *scratch, struct tds_value *ret_value, struct refusal *out)
{
	double r = is_half(plan->to) ? (double)(float)v->i : (double)v->i;

	(void)scratch;
	if (r >= INT64_END || (int64_t)r != v->i)
		return convert_refuse_for(plan, v, TDS_LOSS_PRECISION, digits_lost, out);
	set_real(ret_value, r);
	return 0;
}

enum tds_verdict verdict_int_float(const struct tds_conversion *plan)
{
	return plan->from->size <= (is_half(plan->to) ? 2 : 4) ? TDS_WIDEN : TDS_CHECK;
}

/* --- decimals ------------------------------------------------------------------ */

int convert_decimal_int(const struct tds_conversion *plan, const struct tds_value *v,
	struct buf *scratch, struct tds_value *ret_value, struct refusal *out)
{
	unsigned __int128 unit = tds_pow10(plan->from->scale), whole = v->d.magnitude / unit;
	int64_t min = int_min(plan->to), max = int_max(plan->to);

	(void)scratch;
	if (whole > (v->d.negative ? 0 - (uint64_t)min : (uint64_t)max))
		return convert_refuse_for(plan, v, TDS_LOSS_OVERFLOW, beyond, out);
	if (whole * unit != v->d.magnitude)
		return convert_refuse_for(plan, v, TDS_LOSS_PRECISION, digits_behind, out);
	set_int(ret_value, (int64_t)(v->d.negative ? 0 - (uint64_t)whole : (uint64_t)whole));
	return 0;
}

enum tds_verdict verdict_decimal_int(const struct tds_conversion *plan)
{
	unsigned __int128 most = decimal_end(plan->from, false) - 1;

	return plan->from->scale == 0 && int_min(plan->to) < 0 &&
			       most <= (unsigned __int128)int_max(plan->to)
		       ? TDS_WIDEN
		       : TDS_CHECK;
}

int convert_decimal_decimal(const struct tds_conversion *plan, const struct tds_value *v,
	struct buf *scratch, struct tds_value *ret_value, struct refusal *out)
{
	int more = plan->to->scale - plan->from->scale;
	unsigned __int128 unit = tds_pow10((unsigned)(more < 0 ? -more : more));
	unsigned __int128 end = decimal_end(plan->to, v->d.negative), m = v->d.magnitude;

	(void)scratch;
	if (more < 0 ? m / unit >= end : m > (end - 1) / unit)
		return convert_refuse_for(plan, v, TDS_LOSS_OVERFLOW, beyond, out);
	if (more < 0 && m % unit)
		return convert_refuse_for(plan, v, TDS_LOSS_PRECISION, digits_behind, out);
	set_decimal(ret_value, more < 0 ? m / unit : m * unit, v->d.negative);
	return 0;
}

enum tds_verdict verdict_decimal_decimal(const struct tds_conversion *plan)
{
	int more = plan->to->scale - plan->from->scale;
	unsigned __int128 most;

	if (more < 0)
		return TDS_CHECK;
	most = decimal_end(plan->from, true) - 1;
	return most <= (decimal_end(plan->to, false) - 1) / tds_pow10((unsigned)more) ? TDS_WIDEN
										      : TDS_CHECK;
}

/* The float's own digits, the fewest, are the same number: it can be had back. */
static bool prints_back(const struct tds_conversion *plan, double r, const struct number *n)
{
	char printed[NUMBER_PRINT_MAX];
	size_t len = is_half(plan->to) ? number_print_float((float)r, printed)
				       : number_print_double(r, printed);
	struct number back;

	return number_parse(printed, len, &back) == NUMBER_OK && back.digits == n->digits &&
	       back.exponent == n->exponent;
}

static bool nearest(const struct tds_conversion *plan, const char *text, size_t len, double *ret)
{
	float half;

	if (!is_half(plan->to))
		return number_parse_double(text, len, ret) == NUMBER_OK;
	if (number_parse_float(text, len, &half) != NUMBER_OK)
		return false;
	*ret = (double)half;
	return true;
}

int convert_decimal_float(const struct tds_conversion *plan, const struct tds_value *v,
	struct buf *scratch, struct tds_value *ret_value, struct refusal *out)
{
	char text[TDS_PRINT_MAX];
	struct number n;
	size_t len;
	double r;

	(void)scratch;
	if (v->d.magnitude < EXACT_MAGNITUDE && plan->from->scale <= EXACT_SCALE &&
		!is_half(plan->to)) {
		r = (double)(uint64_t)v->d.magnitude / (double)tds_pow10(plan->from->scale);
		set_real(ret_value, v->d.negative ? -r : r);
		return 0;
	}
	len = tds_value_print(plan->from, v, text);
	if (number_parse(text, len, &n) != NUMBER_OK || !nearest(plan, text, len, &r) ||
		(n.n_digits > (is_half(plan->to) ? FLT_DIG : DBL_DIG) && !prints_back(plan, r, &n)))
		return convert_refuse_for(plan, v, TDS_LOSS_PRECISION, digits_lost, out);
	set_real(ret_value, r);
	return 0;
}

enum tds_verdict verdict_decimal_float(const struct tds_conversion *plan)
{
	return plan->from->precision <= (is_half(plan->to) ? FLT_DIG : DBL_DIG) ? TDS_WIDEN
										: TDS_CHECK;
}

/* --- floats -------------------------------------------------------------------- */

int convert_float_int(const struct tds_conversion *plan, const struct tds_value *v,
	struct buf *scratch, struct tds_value *ret_value, struct refusal *out)
{
	int64_t i;

	(void)scratch;
	if (!(v->r >= -INT64_END && v->r < INT64_END))
		return convert_refuse_for(plan, v, TDS_LOSS_OVERFLOW, beyond, out);
	i = (int64_t)v->r;
	if (i < int_min(plan->to) || i > int_max(plan->to))
		return convert_refuse_for(plan, v, TDS_LOSS_OVERFLOW, beyond, out);
	if ((double)i < v->r || (double)i > v->r)
		return convert_refuse_for(plan, v, TDS_LOSS_PRECISION, digits_behind, out);
	set_int(ret_value, i);
	return 0;
}

int convert_float_decimal(const struct tds_conversion *plan, const struct tds_value *v,
	struct buf *scratch, struct tds_value *ret_value, struct refusal *out)
{
	char text[TDS_PRINT_MAX];
	size_t len;

	(void)scratch;
	if (!isfinite(v->r))
		return convert_refuse_for(plan, v, TDS_LOSS_OVERFLOW, beyond, out);
	len = tds_value_print(plan->from, v, text);
	return tds_value_parse_loss(plan->to, text, len, ret_value, &out->loss, out->err);
}

int convert_float_float(const struct tds_conversion *plan, const struct tds_value *v,
	struct buf *scratch, struct tds_value *ret_value, struct refusal *out)
{
	(void)scratch;
	if (is_half(plan->to) && isfinite(v->r)) {
		if (fabs(v->r) > (double)FLT_MAX)
			return convert_refuse_for(plan, v, TDS_LOSS_OVERFLOW, beyond, out);
		if ((double)(float)v->r < v->r || (double)(float)v->r > v->r)
			return convert_refuse_for(plan, v, TDS_LOSS_PRECISION, digits_lost, out);
	}
	*ret_value = *v;
	return 0;
}

enum tds_verdict verdict_float_float(const struct tds_conversion *plan)
{
	return plan->from->size <= plan->to->size ? TDS_WIDEN : TDS_CHECK;
}
