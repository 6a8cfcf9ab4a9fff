/*
 * types - every type that a column of SQL Server can have, with its extremes. Pure.
 */
#ifndef SELFTEST_TYPES_H
#define SELFTEST_TYPES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

#define SELFTEST_VALUES_MAX 6
#define SELFTEST_TYPE_ROWS (SELFTEST_VALUES_MAX + 2) /* a null, the values, and one more of the first */

struct selftest_type {
	const char *declared; /* "decimal(38,10)", "varchar(30) COLLATE …" */
	const char *values[SELFTEST_VALUES_MAX]; /* as T-SQL says them; the first is not null, others follow it */
	bool optional; /* not every engine and version has it */
	bool other;    /* it arrives as another type where the target is made: varchar(max) for text */
	bool alone;    /* and cannot be had back from there: not among all types in one table */
	bool one_way;  /* from a file nothing can be written in its code page (tds/codepage.h) */
	bool loose;    /* the server has no way from it to bytes: compared by the client alone */
};

extern const struct selftest_type selftest_type_table[];
extern const size_t n_selftest_types;

/* The statements that make and fill a table (id, v, w not null) of one type. */
const char *selftest_type_sql(const struct selftest_type *type, const char *table, struct arena *a);

/* The same of one that has a column c0, c1, … for each type that `which` names (NULL: all), with a row for each
 * value, nulls where a type has fewer of them; a column `at` datetime2(3) and one `rv` rowversion. */
const char *selftest_all_sql(const bool *which, const char *table, struct arena *a);
/* "id, [at], c0, c1, …": what such a table has in common with its copy. */
const char *selftest_all_columns(const bool *which, struct arena *a);

#endif
