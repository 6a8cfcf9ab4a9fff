#include "tests/tdsd/engine_number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef unsigned __int128 u128;

struct number number_of_cell(const struct tds_column *t, const struct cell *c)
{
	struct tds_value v = cell_load(t, c);
	struct number n = {.scale = 0};

	if (v.kind == TDS_INT) {
		n.negative = v.i < 0;
		n.magnitude = v.i < 0 ? (u128)0 - (u128)(__int128)v.i : (u128)v.i;
	} else if (v.kind == TDS_DECIMAL) {
		n.negative = v.d.negative;
		n.magnitude = v.d.magnitude;
		n.scale = engine_type_class(t) == TC_MONEY ? 4 : t->scale;
	}
	return n;
}

bool number_rescale(struct number *n, unsigned scale, bool cut)
{
	u128 factor;

	if (scale >= n->scale) {
		factor = tds_pow10(scale - n->scale);
		if (n->magnitude && n->magnitude > (tds_pow10(38) - 1) / factor)
			return false;
		n->magnitude *= factor;
	} else {
		factor = tds_pow10(n->scale - scale);
		n->magnitude = (n->magnitude / factor) +
			       (!cut && n->magnitude % factor >= factor - factor / 2);
	}
	n->scale = scale;
	return true;
}

bool number_fits(const struct number *n, unsigned precision)
{
	return n->magnitude < tds_pow10(precision > 38 ? 38 : precision);
}

/* [+-]digits[.digits][e[+-]digits]; digits behind the 38th of the fraction are dropped. */
bool exact_parse(const char *s, size_t len, bool exponent, struct number *ret)
{
	struct number n = {.scale = 0};
	size_t i = 0, digits = 0;
	bool point = false;

	if (i < len && (s[i] == '+' || s[i] == '-'))
		n.negative = s[i++] == '-';
	for (; i < len; i++) {
		if (s[i] == '.' && !point) {
			point = true;
			continue;
		}
		if (s[i] < '0' || s[i] > '9')
			break;
		digits++;
		if (n.magnitude >= tds_pow10(37) * 10 / 10 &&
			n.magnitude > (tds_pow10(38) - 1 - 9) / 10) {
			if (!point)
				return false;
			continue;
		}
		n.magnitude = n.magnitude * 10 + (u128)(s[i] - '0');
		n.scale += point;
	}
	if (digits == 0 || (i < len && !exponent))
		return false;
	if (i < len) { /* through a double: what has an exponent is one */
		char text[64];
		double r;
		int used = 0;

		if (len >= sizeof(text))
			return false;
		memcpy(text, s, len);
		text[len] = '\0';
		if (sscanf(text, "%lf%n", &r, &used) != 1 || (size_t)used != len)
			return false;
		return exact_of_double(r, 10, ret);
	}
	*ret = n;
	return true;
}

size_t exact_print(const struct number *n, char out[48])
{
	char digits[48];
	size_t len = 0, at = 0;
	u128 m = n->magnitude;

	do {
		digits[len++] = (char)('0' + (int)(m % 10));
		m /= 10;
	} while (m || len <= n->scale);
	if (n->negative && n->magnitude)
		out[at++] = '-';
	while (len) {
		if (len == n->scale)
			out[at++] = '.';
		out[at++] = digits[--len];
	}
	out[at] = '\0';
	return at;
}

double number_double(const struct number *n)
{
	char text[48];
	double r = 0;

	exact_print(n, text);
	(void)sscanf(text, "%lf", &r);
	return r;
}

bool exact_of_double(double r, unsigned scale, struct number *ret)
{
	char text[400], *point;
	struct number n = {.scale = 0};

	if (!isfinite(r) || fabs(r) >= 1e38)
		return false;
	/* 17 digits are what a double has; the rest are zeros to SQL Server */
	snprintf(text, sizeof(text), "%.*f", (int)scale, r);
	point = strchr(text, '.');
	(void)point;
	if (!exact_parse(text, strlen(text), false, &n))
		return false;
	*ret = n;
	return number_rescale(ret, scale, false);
}

bool number_int64(const struct number *n, int64_t *ret)
{
	struct number whole = *n;

	number_rescale(&whole, 0, true);
	if (whole.magnitude > (u128)INT64_MAX + whole.negative)
		return false;
	*ret = whole.negative ? (int64_t)(0 - (uint64_t)whole.magnitude) : (int64_t)whole.magnitude;
	return true;
}

struct cell number_cell(const struct tds_column *t, const struct number *n, struct arena *a)
{
	struct tds_value v = {.kind = TDS_DECIMAL};

	v.d.magnitude = n->magnitude;
	v.d.negative = n->negative && n->magnitude;
	return cell_store(t, &v, a);
}

static bool add(const struct number *a, const struct number *b, struct number *ret)
{
	ret->scale = a->scale;
	if (a->negative == b->negative) {
		ret->negative = a->negative;
		ret->magnitude = a->magnitude + b->magnitude;
		return ret->magnitude >= a->magnitude;
	}
	ret->negative = a->magnitude >= b->magnitude ? a->negative : b->negative;
	ret->magnitude = a->magnitude >= b->magnitude ? a->magnitude - b->magnitude
						      : b->magnitude - a->magnitude;
	return true;
}

static bool multiply(const struct number *a, const struct number *b, struct number *ret)
{
	struct number x = *a, y = *b;

	/* trailing zeros make room */
	while (x.scale && x.magnitude % 10 == 0)
		x.magnitude /= 10, x.scale--;
	while (y.scale && y.magnitude % 10 == 0)
		y.magnitude /= 10, y.scale--;
	if (__builtin_mul_overflow(x.magnitude, y.magnitude, &ret->magnitude))
		return false;
	ret->scale = x.scale + y.scale;
	ret->negative = x.negative != y.negative;
	while (ret->scale > 38) {
		ret->magnitude /= 10;
		ret->scale--;
	}
	return true;
}

/* Long division, digit by digit: the quotient at `scale`, cut. */
static bool divide(
	const struct number *a, const struct number *b, unsigned scale, struct number *ret)
{
	u128 quotient = a->magnitude / b->magnitude, rest = a->magnitude % b->magnitude;
	int have = (int)a->scale - (int)b->scale;

	for (; have < (int)scale; have++) {
		unsigned digit = 0;
		u128 part = 0;

		/* rest * 10 could overflow: add it ten times, subtracting as it goes */
		for (int i = 0; i < 10; i++) {
			if (part >= b->magnitude - rest && rest) {
				part -= b->magnitude - rest;
				digit++;
			} else {
				part += rest;
			}
		}
		rest = part;
		if (quotient > (tds_pow10(38) - 1) / 10)
			return false;
		quotient = quotient * 10 + digit;
	}
	for (; have > (int)scale; have--)
		quotient /= 10;
	ret->magnitude = quotient;
	ret->scale = scale;
	ret->negative = a->negative != b->negative;
	return true;
}

bool number_arith(
	char op, const struct number *a, const struct number *b, unsigned scale, struct number *ret)
{
	struct number x = *a, y = *b;
	unsigned common = x.scale > y.scale ? x.scale : y.scale;

	switch (op) {
	case '*':
		return multiply(a, b, ret) && number_rescale(ret, scale, false);
	case '/':
		return divide(a, b, scale, ret);
	default:
		break;
	}
	if (!number_rescale(&x, common, false) || !number_rescale(&y, common, false))
		return false;
	if (op == '%') {
		ret->magnitude = x.magnitude % y.magnitude;
		ret->negative = x.negative;
		ret->scale = common;
		return number_rescale(ret, scale, false);
	}
	if (op == '-')
		y.negative = !y.negative;
	return add(&x, &y, ret) && number_rescale(ret, scale, false);
}
