/*
 * mssql_changes - what SQL Server's change tracking knows of a table since the last load.
 *
 * It knows which keys have changed, not how: each row is read as it is now, by a join to the
 * table, and a key that has no row any more is a row that is gone. Version, changes and rows
 * are read in one SNAPSHOT transaction (Microsoft Learn, "Work with change tracking"): it
 * begins here, and the caller ends it once the rows are read.
 *
 * A watermark is "ct:" and a version of the database. One that is not known (older than what
 * is kept, above what there is, of another kind) is a gap: the job says what becomes of it.
 */
#ifndef WORK_MSSQL_CHANGES_H
#define WORK_MSSQL_CHANGES_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "db/db.h"
#include "work/source.h"

#define MSSQL_CHANGES_GONE "etl_gone" /* the last column of changes: bit, tds_column.gone */

struct mssql_changes {
	const char *sql; /* the table's columns, and MSSQL_CHANGES_GONE where it reads changes */
	const char *to;	 /* the new watermark */
	bool whole;	 /* it reads all of the table */
	bool gap;	 /* although there was a watermark */
	const char *how, *seen; /* in words, as a sentence and for the run's lineage */
};

/* For who finds them otherwise: the table's name in brackets, and a load of everything, because of the gap or
 * for the first time (NULL), `as_of` a moment in words: sets all of `ret` but `sql` and `to`. */
MUST_CHECK int mssql_changes_table(
	const char *const *table, struct arena *a, const char **ret_name, struct err *err);
MUST_CHECK int mssql_changes_reload(const struct source_request *request, const char *gap, const char *as_of,
	struct arena *a, struct mssql_changes *ret, struct err *err);

/* `table` is its name in parts, as tsql_name_parse gives them. All is in `a`. ERR_CONFIG where changes
 * are not tracked, ERR_DATA for a gap that is not to be closed (on_gap). */
MUST_CHECK int mssql_changes_find(struct db *db, const struct source_request *request,
	const char *const *table, struct arena *a, struct mssql_changes *ret, struct err *err);

#endif
