/*
 * mssql_range - which rows of a table or query of a SQL Server a source reads.
 *
 * All of them, those above a watermark and up to the largest that there is now, and of these
 * a range of the partition column. A bound is written in the column's own type, never
 * compared as text (docs/design.md §5). Bounds are found once, by the first of the sessions
 * that read, and hold for all of them: whatever each of them sees, no row is in two ranges. Those of a
 * table that is partitioned by the column are whole partitions.
 * `db` is borrowed; blocks on its queries.
 */
#ifndef WORK_MSSQL_RANGE_H
#define WORK_MSSQL_RANGE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "db/db.h"
#include "work/source.h"

struct mssql_range {
	const char *from;   /* what is read, as FROM has it, under the name s */
	const char *where;  /* " WHERE …" of the watermark, or "" */
	const char *to;	    /* the new watermark; NULL: there is none, or no row */
	const char *column; /* that the ranges are of, quoted; NULL: there is one range */
	const char **bounds; /* of each range but the first where it begins, as SQL; they do not fall */
	bool left;	     /* a bound is the highest value of the range below it, not the lowest of its own */
	const char *how;     /* in words; NULL: there is nothing to say */
	const char *active;  /* mssql_range_active's, while it is found */
};

/* What is not in force yet for rows of transactions that run now: below it all rowversions are committed.
 * NULL: the engine does not know. It is asked before the snapshot that reads the rows begins. Into `a`. */
const char *mssql_range_active(struct db *db, struct arena *a);

/* What is asked before that snapshot begins, since what is of the catalog is not of a snapshot. `table` is printed;
 * NULL: a query, or of another database. Everything lives in `a`. */
void mssql_range_begin(struct db *db, const struct source_request *request, const char *from, const char *table,
	struct arena *a, struct mssql_range *ret_range);

/* The rest. ERR_CONFIG for columns that are not there, or cannot be a range. */
MUST_CHECK int mssql_range_find(struct db *db, const struct source_request *request, struct arena *a,
	struct mssql_range *range, struct err *err);

/* The query of range i of n. */
const char *mssql_range_sql(const struct mssql_range *r, uint32_t i, uint32_t n, struct arena *a);

#endif
