/*
 * mssql_range - which rows of a table or query of a SQL Server a source reads.
 *
 * All of them, those above a watermark and up to the largest that there is now, a range of
 * the partition column, or both. A bound is written in the column's own type, never
 * compared as text (docs/design.md §5). `db` is borrowed; blocks on its queries.
 */
#ifndef WORK_MSSQL_RANGE_H
#define WORK_MSSQL_RANGE_H

#include "base/arena.h"
#include "base/err.h"
#include "db/db.h"
#include "work/source.h"

struct mssql_range {
	const char *from;  /* what is read, as FROM has it, under the name s */
	const char *where; /* " WHERE …", or "" */
	const char *to;    /* the new watermark; NULL: there is none, or no row */
};

/* Everything lives in `a`. ERR_CONFIG for columns that are not there, or cannot be a range. */
MUST_CHECK int mssql_range_find(struct db *db, const struct source_request *request, const char *from,
	struct arena *a, struct mssql_range *ret_range, struct err *err);

#endif
