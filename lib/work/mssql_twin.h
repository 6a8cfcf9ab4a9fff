/*
 * mssql_twin - a table of a SQL Server as the statements that make another one like it.
 *
 * The twin has the same columns, defaults, indexes, constraints, filegroups and compression, so that
 * ALTER TABLE … SWITCH finds nothing to object to, or sp_rename can put it in the table's place. It is
 * made as a heap; indexes and constraints come when it has its rows, each of which they check.
 * Constraints are objects of the schema: they have names of the twin's own until the table is gone.
 *
 * What is read is what the catalog shows to this login. Everything lives in the arena; blocks.
 */
#ifndef WORK_MSSQL_TWIN_H
#define WORK_MSSQL_TWIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "db/db.h"
#include "work/mssql_table.h"

struct mssql_statements {
	const char **v;
	uint32_t n;
	size_t cap;
};

/* A constraint: its name in the table, and in the twin. */
struct mssql_twin_name {
	const char *name, *own;
};

struct mssql_twin {
	const char *name; /* in brackets, with its schema */
	const char *create;
	struct mssql_statements complete; /* once it has its rows: indexes, the clustered one first; constraints */
	struct mssql_twin_name *names;
	uint32_t n_names;
	size_t names_cap;
	bool identity, columnstore; /* it has such a column, such a clustered index */
	const char *order; /* of the clustered index: "[id] DESC, [at]"; NULL: there is none of rows */
	uint32_t completed; /* statements of `complete` that have run */
	const char *text; /* all of it, to see whether it is still so */
};

/* Of a table that is there, under a name of two parts in brackets. `check`: constraints look at the rows. */
MUST_CHECK int mssql_twin_read(struct db *db, const struct mssql_table *table, const char *name, bool check,
	struct arena *a, struct mssql_twin *ret_twin, struct err *err);

/* The next `n` of the statements that complete it. */
MUST_CHECK int mssql_twin_complete(struct db *db, struct mssql_twin *twin, uint32_t n, struct err *err);

/* Can the rows go into the twin as they are staged, each column under its target's name? Then they are
 * named so in `fit`. Rows that may be kept aside have numbers, for which it has no column. */
bool mssql_twin_takes(struct mssql_fit *fit);

/* In order. */
MUST_CHECK int mssql_statements_run(struct db *db, const struct mssql_statements *s, struct err *err);
void mssql_statements_add(struct mssql_statements *s, const char *sql, struct arena *a);

#endif
