/*
 * number - numbers as text: exact, fast, the same in every locale.
 *
 * Reading a double is correctly rounded; printing one gives the fewest digits
 * that read back as the same value. No blanks, no NaN, no infinity, no digit
 * grouping. Pure.
 */
#ifndef BASE_NUMBER_H
#define BASE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

#define NUMBER_PRINT_MAX 40   /* bytes that a printed number can need, with the NUL */
#define NUMBER_TEXT_MAX 1024  /* bytes; a longer text is no number to us */
#define NUMBER_DIGITS_MAX 38  /* significant digits that struct number holds */

enum number_status {
	NUMBER_OK,
	NUMBER_SYNTAX, /* not a number */
	NUMBER_RANGE,  /* a number, but beyond the type */
};

/*
 * A decimal number as it was written: ±digits × 10^exponent, without leading
 * and trailing zeros (zero: n_digits and exponent are 0). `digits` means
 * nothing when n_digits is above NUMBER_DIGITS_MAX.
 */
struct number {
	unsigned __int128 digits;
	uint32_t n_digits;
	int32_t exponent;
	bool negative;
};

/* [+-]digits[.digits][e[+-]digits], with digits on at least one side of the point. */
MUST_CHECK enum number_status number_parse(const char *text, size_t len, struct number *ret);

/* [+-]digits */
MUST_CHECK enum number_status number_parse_int(const char *text, size_t len, int64_t *ret);

/* The nearest value; NUMBER_RANGE for what would become infinite, or zero without being zero. */
MUST_CHECK enum number_status number_parse_double(const char *text, size_t len, double *ret);
MUST_CHECK enum number_status number_parse_float(const char *text, size_t len, float *ret);

/* Each writes a NUL behind the text and returns its length. Doubles have a point or an exponent:
 * 1.0, 0.000001, 1e-7, 123456.789, 1e21. */
size_t number_print_int(int64_t value, char out[NUMBER_PRINT_MAX]);
size_t number_print_double(double value, char out[NUMBER_PRINT_MAX]);
size_t number_print_float(float value, char out[NUMBER_PRINT_MAX]);

#endif
