/*
 * sqlite_relation - what a job reads from SQLite: a table, a view or a query.
 *
 * Its columns as the source of a copy gives them, and its text for FROM. A
 * column of TDS_SQLITE has `declared` only where every value has the form which
 * that declaration's affinity gives it: in an ordinary table. A view's or a
 * query's columns have the declarations of the tables below, but their values
 * need not fit them (UNION). All of it lives in the arena that is passed in.
 */
#ifndef WORK_SQLITE_RELATION_H
#define WORK_SQLITE_RELATION_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "db/db.h"
#include "job/job.h"
#include "tds/type.h"

struct sqlite_relation {
	const char *from;      /* main."planes", or the query in parentheses */
	const char *query;     /* all of its rows */
	const char *table;     /* as the database spells it; NULL: a query */
	bool ordinary;         /* a table with values of its own: no view, no virtual table */
	bool rowid;            /* and it has rowids */
	int rowid_column;      /* the INTEGER PRIMARY KEY that is another name for them; -1: none */
	const char **declared; /* of each column, also where the values need not fit; NULL: none */
	struct tds_columns cols; /* TDS_SQLITE all */
};

/* The job's source_table or source_query, in a transaction that the caller has begun.
 * ERR_NOT_FOUND: there is no such table; ERR_CONFIG: the query is not one SELECT, or columns have
 * no names of their own. */
MUST_CHECK int sqlite_relation_find(struct db *db, const struct job *job, struct arena *a,
	struct sqlite_relation *ret_relation, struct err *err);

/* The column of this name, for the job's key `what`: its index. ERR_CONFIG, with the nearest one.
 */
MUST_CHECK int sqlite_relation_column(const struct sqlite_relation *r, const char *what,
	const char *name, struct arena *a, uint32_t *ret_column, struct err *err);

#endif
