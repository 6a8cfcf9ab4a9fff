/*
 * pairs - questions and their answers, in a database of the test's own ("db").
 *
 * The questions of one list build on each other. All wrong answers are shown.
 */
#ifndef UNIT_TDSD_PAIRS_H
#define UNIT_TDSD_PAIRS_H

#include "unit/tdsd/support/asked.h"

struct fixture {
	struct engine *e;
	struct asked a;
};

struct pair {
	const char *sql, *answer;
};

int pairs_setup(void **state);
int pairs_teardown(void **state);

#define CHECK(pairs) check_pairs(*state, pairs, ARRAY_LEN(pairs))
void check_pairs(struct fixture *f, const struct pair *v, size_t n);

#endif
