#include "base/number.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROUNDS 100000

static uint64_t seed = 20240607;

static uint64_t next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * UINT64_C(0x2545F4914F6CDD1D);
}

static void check_double(const char *text, double expected)
{
	double v = -1;

	assert_int_equal(number_parse_double(text, strlen(text), &v), NUMBER_OK);
	assert_memory_equal(&v, &expected, sizeof(v));
}

static void check_status(const char *text, enum number_status expected)
{
	double v;

	assert_int_equal(number_parse_double(text, strlen(text), &v), expected);
}

static void reads_doubles_correctly_rounded(void **state)
{
	(void)state;
	check_double("0", 0.0);
	check_double("-0.0", -0.0);
	check_double("41.1304722", 41.1304722);
	check_double(".5", 0.5);
	check_double("5.", 5.0);
	check_double("+1e+05", 100000.0);
	check_double("10.357019999999999", 10.357019999999999);
	check_double("9007199254740993", 9007199254740992.0); /* halfway: to even */
	check_double("9007199254740993.0000000000000000000000000000000000000001",
		9007199254740994.0);
	check_double("2.2250738585072011e-308", 2.2250738585072011e-308);
	check_double("1.7976931348623157e308", DBL_MAX);
	check_double("0e999999999", 0.0);
}

static void refuses_what_is_no_number(void **state)
{
	static const char *const bad[] = {"", "-", "+", ".", "-.", "e5", "1e", "1e+", "1e5x", " 1",
		"1 ", "1,5", "0x10", "nan", "inf", "Infinity", "1..2", "--1", "1_000"};
	char longest[NUMBER_TEXT_MAX + 2];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		check_status(bad[i], NUMBER_SYNTAX);
	check_status("1e309", NUMBER_RANGE);
	check_status("-1e99999999999", NUMBER_RANGE);
	check_status("1e-400", NUMBER_RANGE);
	memset(longest, '1', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	check_status(longest, NUMBER_SYNTAX);
}

static void keeps_digits_and_exponent(void **state)
{
	struct number n;

	(void)state;
	assert_int_equal(number_parse("-00120.3400", 11, &n), NUMBER_OK);
	assert_true(n.negative && n.digits == 12034 && n.n_digits == 5 && n.exponent == -2);
	assert_int_equal(number_parse("1200e3", 6, &n), NUMBER_OK);
	assert_true(!n.negative && n.digits == 12 && n.n_digits == 2 && n.exponent == 5);
	assert_int_equal(number_parse("0.000", 5, &n), NUMBER_OK);
	assert_true(n.digits == 0 && n.n_digits == 0 && n.exponent == 0);
	assert_int_equal(number_parse("99999999999999999999999999999999999999", 38, &n), NUMBER_OK);
	assert_true(n.n_digits == 38 && (uint64_t)(n.digits % 1000000000) == 999999999);
	assert_true(n.digits / UINT64_C(10000000000000000000) == UINT64_C(9999999999999999999));
}

static void reads_integers_to_the_limits(void **state)
{
	static const struct {
		const char *text;
		enum number_status status;
		int64_t value;
	} cases[] = {
		{"0", NUMBER_OK, 0},
		{"-0", NUMBER_OK, 0},
		{"007", NUMBER_OK, 7},
		{"+12", NUMBER_OK, 12},
		{"9223372036854775807", NUMBER_OK, INT64_MAX},
		{"-9223372036854775808", NUMBER_OK, INT64_MIN},
		{"0000000000000000000000000000001", NUMBER_OK, 1},
		{"9223372036854775808", NUMBER_RANGE, 0},
		{"-9223372036854775809", NUMBER_RANGE, 0},
		{"99999999999999999999999", NUMBER_RANGE, 0},
		{"99999999999999999999999x", NUMBER_SYNTAX, 0},
		{"1.0", NUMBER_SYNTAX, 0},
		{"", NUMBER_SYNTAX, 0},
		{"-", NUMBER_SYNTAX, 0},
		{"+-1", NUMBER_SYNTAX, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t v = 0;

		assert_int_equal(number_parse_int(cases[i].text, strlen(cases[i].text), &v),
			cases[i].status);
		assert_int_equal(v, cases[i].value);
	}
}

static void prints_the_fewest_digits(void **state)
{
	static const struct {
		double value;
		const char *text;
	} cases[] = {
		{0.0, "0.0"},
		{-0.0, "-0.0"},
		{1.0, "1.0"},
		{-1.5, "-1.5"},
		{0.1, "0.1"},
		{0.1 + 0.2, "0.30000000000000004"},
		{100000.0, "100000.0"},
		{1e20, "100000000000000000000.0"},
		{1e21, "1e21"},
		{1e-6, "0.000001"},
		{1.25e-5, "0.0000125"},
		{1e-7, "1e-7"},
		{123456.789, "123456.789"},
		{5e-324, "5e-324"},
		{DBL_MAX, "1.7976931348623157e308"},
		{-2.2250738585072014e-308, "-2.2250738585072014e-308"},
		{10.357019999999999, "10.357019999999999"},
	};
	char text[NUMBER_PRINT_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(number_print_double(cases[i].value, text), strlen(cases[i].text));
		assert_string_equal(text, cases[i].text);
	}
	number_print_float(0.1f, text);
	assert_string_equal(text, "0.1");
	number_print_float(FLT_MAX, text);
	assert_string_equal(text, "3.4028235e38");
	assert_int_equal(number_print_int(INT64_MIN, text), 20);
	assert_string_equal(text, "-9223372036854775808");
	assert_int_equal(number_print_int(0, text), 1);
}

static void printed_numbers_read_back(void **state)
{
	char text[NUMBER_PRINT_MAX];

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t bits = next_random();
		uint32_t half = (uint32_t)next_random();
		double d, d2;
		float f, f2;
		int64_t v;
		size_t len;

		memcpy(&d, &bits, sizeof(d));
		memcpy(&f, &half, sizeof(f));
		if (isfinite(d)) {
			len = number_print_double(d, text);
			assert_int_equal(number_parse_double(text, len, &d2), NUMBER_OK);
			assert_memory_equal(&d, &d2, sizeof(d));
		}
		if (isfinite(f)) {
			len = number_print_float(f, text);
			assert_int_equal(number_parse_float(text, len, &f2), NUMBER_OK);
			assert_memory_equal(&f, &f2, sizeof(f));
		}
		len = number_print_int((int64_t)bits, text);
		assert_int_equal(number_parse_int(text, len, &v), NUMBER_OK);
		assert_int_equal(v, (int64_t)bits);
	}
}

/* As printf prints it with as few digits as read back. */
static void check_print(double v)
{
	char text[NUMBER_PRINT_MAX], expected[64];
	struct number a, b;
	int digits = DBL_DIG - 1;
	size_t len = number_print_double(v, text);

	do
		snprintf(expected, sizeof(expected), "%.*e", digits, v);
	while (strtod(expected, NULL) != v && ++digits);
	assert_int_equal(number_parse(text, len, &a), NUMBER_OK);
	assert_int_equal(number_parse(expected, strlen(expected), &b), NUMBER_OK);
	if (a.digits != b.digits || a.exponent != b.exponent || a.negative != b.negative)
		fail_msg("'%s' is printed where '%s' is right", text, expected);
	assert_true(strpbrk(text, ".e") && text[len] == '\0');
}

/* The quick way must give what printf gives. */
static void prints_as_printf_does(void **state)
{
	static const double powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e6, 1e9, 1e12, 1e15};

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t digits = next_random() >> (12 + next_random() % 50);
		double v = (double)digits / powers[next_random() % 9], sign = i % 2 ? 1 : -1;

		if (digits == 0)
			continue; /* beside it are subnormal numbers, which show fewer digits */
		check_print(sign * v);
		check_print(nextafter(v, 0));
		check_print(nextafter(v, 1e300));
	}
}

/* The quick way must give what strtod gives. */
static void reads_as_strtod_does(void **state)
{
	char text[64];

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		double v;

		snprintf(text, sizeof(text), "%llue%d",
			(unsigned long long)(next_random() >> (next_random() % 64)),
			(int)(next_random() % 60) - 30);
		assert_int_equal(number_parse_double(text, strlen(text), &v), NUMBER_OK);
		assert_true(v == strtod(text, NULL));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_doubles_correctly_rounded),
		cmocka_unit_test(refuses_what_is_no_number),
		cmocka_unit_test(keeps_digits_and_exponent),
		cmocka_unit_test(reads_integers_to_the_limits),
		cmocka_unit_test(prints_the_fewest_digits),
		cmocka_unit_test(printed_numbers_read_back),
		cmocka_unit_test(prints_as_printf_does),
		cmocka_unit_test(reads_as_strtod_does),
	};

	return cmocka_run_group_tests_name("base/number", tests, NULL, NULL);
}
