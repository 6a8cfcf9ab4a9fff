#include "base/number.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPONENT_MAX 100000 /* beyond any type; keeps the sums below from overflowing */
#define U64_DIGITS 19	    /* digits that always fit 64 bits */
#define POINT_MIN (-6)	    /* from 10^-6 on and below 10^21 a number is printed without exponent */
#define POINT_MAX 21
#define SHORT_MIN 1e-3	    /* of values that are tried without printf */
#define SHORT_MAX 1e15

static const double powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12,
	1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* Collects digits; zeros wait until a digit follows them, so that trailing ones are not counted. */
struct digits {
	unsigned __int128 wide;
	uint64_t low;
	uint32_t n, zeros;
};

static inline void add_digit(struct digits *d, unsigned digit)
{
	if (d->n < U64_DIGITS)
		d->low = d->low * 10 + digit;
	else if (d->n == U64_DIGITS)
		d->wide = (unsigned __int128)d->low * 10 + digit;
	else if (d->n < NUMBER_DIGITS_MAX)
		d->wide = d->wide * 10 + digit;
	d->n++;
}

static inline void take_digit(struct digits *d, unsigned digit)
{
	if (digit == 0) {
		if (d->n)
			d->zeros++;
		return;
	}
	for (; d->zeros; d->zeros--)
		add_digit(d, 0);
	add_digit(d, digit);
}

static inline bool is_digit(char c)
{
	return (unsigned char)(c - '0') < 10;
}

/* The exponent behind the 'e', which must be all that is left. */
static bool parse_exponent(const char *p, const char *end, int32_t *ret)
{
	bool negative = p < end && *p == '-';
	int32_t e = 0;

	if (p < end && (*p == '-' || *p == '+'))
		p++;
	if (p == end)
		return false;
	for (; p < end; p++) {
		if (!is_digit(*p))
			return false;
		if (e < EXPONENT_MAX)
			e = e * 10 + (*p - '0');
	}
	*ret = negative ? -e : e;
	return true;
}

enum number_status number_parse(const char *text, size_t len, struct number *ret)
{
	const char *p = text, *end = text + len, *first;
	struct digits d = {.n = 0};
	int32_t written = 0, exponent = 0;
	size_t places = 0;

	if (len > NUMBER_TEXT_MAX)
		return NUMBER_SYNTAX;
	if (p < end && (*p == '-' || *p == '+'))
		p++;
	for (first = p; p < end && is_digit(*p); p++)
		take_digit(&d, (unsigned)(*p - '0'));
	places = (size_t)(p - first);
	if (p < end && *p == '.') {
		for (first = ++p; p < end && is_digit(*p); p++)
			take_digit(&d, (unsigned)(*p - '0'));
		exponent = -(int32_t)(p - first);
		places += (size_t)(p - first);
	}
	if (!places)
		return NUMBER_SYNTAX;
	if (p < end && ((*p | 0x20) != 'e' || !parse_exponent(p + 1, end, &written)))
		return NUMBER_SYNTAX;
	*ret = (struct number){
		.digits = d.n > U64_DIGITS ? d.wide : d.low,
		.n_digits = d.n,
		.exponent = d.n ? exponent + written + (int32_t)d.zeros : 0,
		.negative = text[0] == '-',
	};
	return NUMBER_OK;
}

enum number_status number_parse_int(const char *text, size_t len, int64_t *ret)
{
	const char *p = text, *end = text + len;
	bool negative = len && *p == '-';
	uint64_t limit = (uint64_t)INT64_MAX + negative, v = 0;

	if (len && (*p == '-' || *p == '+'))
		p++;
	if (p == end)
		return NUMBER_SYNTAX;
	for (; p < end; p++) {
		unsigned digit = (unsigned char)(*p - '0');

		if (digit > 9)
			return NUMBER_SYNTAX;
		if (v > (limit - digit) / 10) {
			while (p < end && is_digit(*p))
				p++;
			return p == end ? NUMBER_RANGE : NUMBER_SYNTAX;
		}
		v = v * 10 + digit;
	}
	*ret = (int64_t)(negative ? 0 - v : v);
	return NUMBER_OK;
}

/* The digits of `text` as an integer with an exponent: without a decimal point strtod reads the
 * same in every locale. The text was checked by number_parse. */
static void without_point(const char *text, size_t len, char out[NUMBER_TEXT_MAX + 32])
{
	size_t i = 0, n = 0, places = 0;
	int32_t exponent = 0;
	bool point = false;

	for (; i < len && (text[i] | 0x20) != 'e'; i++) {
		if (text[i] == '.') {
			point = true;
			continue;
		}
		out[n++] = text[i];
		places += point;
	}
	if (i < len && !parse_exponent(text + i + 1, text + len, &exponent))
		exponent = 0;
	snprintf(out + n, 32, "e%ld", (long)exponent - (long)places);
}

/* Both factors exact in a double: then one rounding gives the correct result (Clinger 1990). */
static bool multiply_exact(const struct number *n, double *ret)
{
	uint64_t low = (uint64_t)n->digits;
	double v;

	if (n->n_digits > U64_DIGITS || low > UINT64_C(1) << DBL_MANT_DIG || n->exponent < -22 ||
		n->exponent > 22)
		return false;
	v = (double)low;
	v = n->exponent < 0 ? v / powers[-n->exponent] : v * powers[n->exponent];
	*ret = n->negative ? -v : v;
	return true;
}

enum number_status number_parse_double(const char *text, size_t len, double *ret)
{
	char plain[NUMBER_TEXT_MAX + 32];
	struct number n;
	enum number_status status = number_parse(text, len, &n);
	double v;

	if (status != NUMBER_OK)
		return status;
	if (!multiply_exact(&n, &v)) {
		without_point(text, len, plain);
		v = strtod(plain, NULL);
		if (isinf(v) || (v == 0 && n.n_digits))
			return NUMBER_RANGE;
	}
	*ret = v;
	return NUMBER_OK;
}

enum number_status number_parse_float(const char *text, size_t len, float *ret)
{
	char plain[NUMBER_TEXT_MAX + 32];
	struct number n;
	enum number_status status = number_parse(text, len, &n);
	float v;

	if (status != NUMBER_OK)
		return status;
	/* Not by way of a double: that would round twice. */
	without_point(text, len, plain);
	v = strtof(plain, NULL);
	if (isinf(v) || (v == 0 && n.n_digits))
		return NUMBER_RANGE;
	*ret = v;
	return NUMBER_OK;
}

size_t number_print_int(int64_t value, char out[NUMBER_PRINT_MAX])
{
	char back[NUMBER_PRINT_MAX], *p = back + sizeof(back);
	uint64_t v = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	size_t len;

	do
		*--p = (char)('0' + v % 10);
	while (v /= 10);
	if (value < 0)
		*--p = '-';
	len = (size_t)(back + sizeof(back) - p);
	memcpy(out, p, len);
	out[len] = '\0';
	return len;
}

/* Lays out `%.*e` text ("-d.ddde+XX", whatever the locale's point is) for people. */
static size_t lay_out(const char *scientific, char *out)
{
	char digits[NUMBER_PRINT_MAX];
	const char *p = scientific;
	char *o = out;
	int n = 0, exponent, place, i;

	if (*p == '-')
		*o++ = *p++;
	for (; *p != 'e'; p++)
		if (is_digit(*p))
			digits[n++] = *p;
	while (n > 1 && digits[n - 1] == '0')
		n--;
	exponent = atoi(p + 1);
	if (exponent < POINT_MIN || exponent >= POINT_MAX) {
		*o++ = digits[0];
		if (n > 1)
			*o++ = '.';
		for (i = 1; i < n; i++)
			*o++ = digits[i];
		return (size_t)(o - out) + (size_t)sprintf(o, "e%d", exponent);
	}
	for (place = exponent > 0 ? exponent : 0; place >= -1 || place > exponent - n; place--) {
		i = exponent - place;
		*o++ = i >= 0 && i < n ? digits[i] : '0';
		if (place == 0)
			*o++ = '.';
	}
	*o = '\0';
	return (size_t)(o - out);
}

/*
 * A value that is digits / 10^places for at most 15 digits: both are exact in a double, so that one
 * division, rounded once, reads them back (Clinger 1990), and no other number of so few digits does.
 * 0: it is none, or too small or large to be shown without an exponent.
 */
static size_t print_short(double value, char out[NUMBER_PRINT_MAX])
{
	double v = fabs(value);
	char *o = out;

	if (!(v >= SHORT_MIN && v < SHORT_MAX))
		return 0;
	for (unsigned places = 0; places <= DBL_DIG; places++) {
		double scaled = v * powers[places], digits;
		uint64_t whole, part, unit;

		if (scaled >= SHORT_MAX)
			return 0;
		digits = (double)(int64_t)(scaled + 0.5);
		if (digits / powers[places] != v)
			continue;
		unit = (uint64_t)powers[places];
		whole = (uint64_t)digits / unit;
		part = (uint64_t)digits % unit;
		if (value < 0)
			*o++ = '-';
		o += number_print_int((int64_t)whole, o);
		*o++ = '.';
		for (unsigned i = places ? places : 1; i; i--, part /= 10)
			o[i - 1] = (char)('0' + part % 10);
		o += places ? places : 1;
		*o = '\0';
		return (size_t)(o - out);
	}
	return 0;
}

/* 15 digits (6 for a float) survive the way through a normal value, 17 (9) tell any two apart; a
 * subnormal one has fewer to show. */
size_t number_print_double(double value, char out[NUMBER_PRINT_MAX])
{
	char text[NUMBER_PRINT_MAX];
	int digits = fabs(value) < DBL_MIN ? 1 : DBL_DIG;
	size_t len = print_short(value, out);

	if (len)
		return len;
	if (!isfinite(value))
		return (size_t)snprintf(out, NUMBER_PRINT_MAX, "%f", value);
	for (;; digits++) {
		snprintf(text, sizeof(text), "%.*e", digits - 1, value);
		if (digits >= DBL_DECIMAL_DIG || strtod(text, NULL) == value)
			return lay_out(text, out);
	}
}

size_t number_print_float(float value, char out[NUMBER_PRINT_MAX])
{
	char text[NUMBER_PRINT_MAX];
	int digits = fabsf(value) < FLT_MIN ? 1 : FLT_DIG;

	if (!isfinite(value))
		return (size_t)snprintf(out, NUMBER_PRINT_MAX, "%f", (double)value);
	for (;; digits++) {
		snprintf(text, sizeof(text), "%.*e", digits - 1, (double)value);
		if (digits >= FLT_DECIMAL_DIG || strtof(text, NULL) == value)
			return lay_out(text, out);
	}
}
