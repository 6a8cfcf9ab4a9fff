/*
 * mssql_rename - a new table takes the name of another, and what was said of that one.
 *
 * A new object has neither grants, nor extended properties, nor statistics of the old one's, and its
 * constraints have other names. Statistics and properties are put on it beforehand: they follow the
 * object. Grants and names come in the transaction. What cannot be put back (triggers, other owners …)
 * is an obstacle of mssql_way.c. Blocks.
 */
#ifndef WORK_MSSQL_RENAME_H
#define WORK_MSSQL_RENAME_H

#include "base/arena.h"
#include "base/err.h"
#include "db/db.h"
#include "work/mssql_table.h"
#include "work/mssql_twin.h"

/* Before the transaction, once the twin is complete. */
MUST_CHECK int mssql_rename_prepare(struct db *db, const struct mssql_table *table, const struct mssql_twin *twin,
	struct arena *a, struct err *err);

/* Within it: the table is dropped, the twin is the table. */
MUST_CHECK int mssql_rename_publish(struct db *db, const struct mssql_table *table, const struct mssql_twin *twin,
	struct arena *a, struct err *err);

#endif
