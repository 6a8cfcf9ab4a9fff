/*
 * engine_number - exact numbers of T-SQL: decimals of up to 38 digits.
 *
 * Pure. False: out of range.
 */
#ifndef TDSD_ENGINE_NUMBER_H
#define TDSD_ENGINE_NUMBER_H

#include "tests/tdsd/engine_value.h"

struct number {
	bool negative;
	unsigned __int128 magnitude; /* × 10^-scale */
	unsigned scale;
};

/* The exact number of a cell of an integer, decimal or money type. */
struct number number_of_cell(const struct tds_column *t, const struct cell *c);

/* To fewer digits behind the point (half away from zero, or cut) or more. */
bool number_rescale(struct number *n, unsigned scale, bool cut);
bool exact_parse(const char *s, size_t len, bool exponent, struct number *ret);
size_t exact_print(const struct number *n, char out[48]);
double number_double(const struct number *n);
bool exact_of_double(double r, unsigned scale, struct number *ret);
bool number_int64(const struct number *n, int64_t *ret); /* cut */
struct cell number_cell(const struct tds_column *t, const struct number *n, struct arena *a);
/* Does it have at most so many digits? */
bool number_fits(const struct number *n, unsigned precision);

/* op: + - * / %; the result has scale `scale`. Division by zero is the caller's care. */
bool number_arith(char op, const struct number *a, const struct number *b, unsigned scale,
	struct number *ret);

#endif
