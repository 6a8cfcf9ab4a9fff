/*
 * mssql_apply - staged rows into the target table of a SQL Server, as the load mode says.
 *
 * Within the publish transaction, which the caller has begun. No MERGE: UPDATE, INSERT and
 * DELETE do not have its known faults, and every engine has them. `db` and what it points to
 * are borrowed.
 */
#ifndef WORK_MSSQL_APPLY_H
#define WORK_MSSQL_APPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "db/db.h"
#include "job/job.h"
#include "tds/type.h"
#include "work/mssql_patience.h"
#include "work/mssql_table.h"
#include "work/mssql_twin.h"
#include "work/mssql_way.h"

struct mssql_apply {
	struct db *db;
	const struct job *job;
	const struct mssql_table *table;
	const struct mssql_fit *fit;
	const struct tds_columns *cols; /* of the source */
	struct arena *arena;
	const char *stage; /* the staging table, quoted */
	uint64_t staged;
	bool full; /* the whole source was read */
	bool whole; /* and rows that it lacks are gone: load_end */
	const struct mssql_engine *engine;
	const struct mssql_ways *ways; /* of a load that may replace the table's rows; NULL: of others */
	struct mssql_twin *twin; /* of a SWITCH or RENAME */
	/* set by mssql_apply_keys */
	bool merges;
	uint32_t *keys, n_keys; /* source columns */
};

/* Finds the job's key_columns; the source's primary key where it tracks changes and the job names none. */
MUST_CHECK int mssql_apply_keys(struct mssql_apply *p, struct err *err);

/* Before the transaction: an index for the keys; ERR_DATA for keys that are null or there twice. */
MUST_CHECK int mssql_apply_check(struct mssql_apply *p, struct err *err);

/* Before the transaction, once all rows are staged: the twin gets them, unless it is the staging table
 * itself, and is completed, with patience: a foreign key locks the other table, too (Sch-M). */
MUST_CHECK int mssql_apply_build(
	struct mssql_apply *p, const struct mssql_patience *patience, struct err *err);

/* *ret_rows is how many were inserted or changed, or deleted because the source said so. */
MUST_CHECK int mssql_apply_rows(struct mssql_apply *p, uint64_t *ret_rows, struct err *err);

/* What will be done, and why so. */
const char *mssql_apply_plan(struct mssql_apply *p);

#endif
