#include "work/infer.h"

#include <float.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"

#define EXPONENT_SAFE 290 /* of the first digit: far from the ends of a double's normal range */

void infer_null(struct infer *in)
{
	in->null = true;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* No plus, and no zero before another digit: such texts are codes, not numbers. */
static bool is_plain(const char *text, size_t len)
{
	size_t i = len && text[0] == '-';

	if (len && text[0] == '+')
		return false;
	return len - i < 2 || text[i] != '0' || !is_digit(text[i + 1]);
}

/* -? digits, at least one */
static bool is_integer(const char *text, size_t len)
{
	size_t i = len && text[0] == '-', first = i;

	while (i < len && is_digit(text[i]))
		i++;
	return i == len && i > first;
}

static bool is_exact(int64_t v)
{
	return v >= -(INT64_C(1) << DBL_MANT_DIG) && v <= INT64_C(1) << DBL_MANT_DIG;
}

/*
 * The double nearest to the text, printed with as many digits, is the same number: the text can be
 * had back. Up to DBL_DIG digits it always is; programs that write all DBL_DECIMAL_DIG digits of a
 * double (48.053808600000004 for 48.0538086) are believed too.
 */
static bool survives_double(const char *text, size_t len, const struct number *n)
{
	char printed[NUMBER_PRINT_MAX];
	int32_t first = n->exponent + (int32_t)n->n_digits;
	struct number back;
	double v;

	if (n->n_digits <= DBL_DIG && first > -EXPONENT_SAFE && first < EXPONENT_SAFE)
		return true;
	if (n->n_digits > DBL_DECIMAL_DIG || number_parse_double(text, len, &v) != NUMBER_OK)
		return false;
	snprintf(printed, sizeof(printed), "%.*e", (int)n->n_digits - 1, v);
	if (number_parse(printed, strlen(printed), &back) != NUMBER_OK)
		return false;
	return back.digits == n->digits && back.exponent == n->exponent;
}

static void see_integer(struct infer *in, const char *text, size_t len)
{
	int64_t v;

	if (number_parse_int(text, len, &v) != NUMBER_OK || (v == 0 && text[0] == '-')) {
		in->text = true;
		return;
	}
	in->integer = true;
	in->inexact |= !is_exact(v);
}

void infer_value(struct infer *in, const char *text, size_t len)
{
	struct number n;

	if (in->text)
		return;
	if (!is_plain(text, len)) {
		in->text = true;
	} else if (is_integer(text, len)) {
		see_integer(in, text, len);
	} else if (number_parse(text, len, &n) == NUMBER_OK && text[len - 1] != '.' &&
		   !(n.n_digits == 0 && n.negative) && survives_double(text, len, &n)) {
		in->real = true;
	} else {
		in->text = true;
	}
	in->text |= in->real && in->inexact;
}

void infer_result(const struct infer *in, struct tds_column *ret_column)
{
	bool values = in->text || in->integer || in->real;
	struct tds_column c = {.name = ret_column->name, .nullable = in->null || !values};

	if (in->text || !values) {
		c.type = TDS_BIGVARCHAR;
		c.size = TDS_SIZE_MAX;
		memcpy(c.collation, tds_collation_utf8, sizeof(c.collation));
	} else {
		c.type = in->real ? TDS_FLTN : TDS_INTN;
		c.size = 8;
	}
	*ret_column = c;
}
