/*
 * mssql_script - the batches of an sql job in a SQL Server's database.
 *
 * See target.h, script. `db` is borrowed, its ledger row open (ledger.h). What is atomic
 * runs MSSQL_SCRIPT_DEPTH transactions deep: a COMMIT that a batch has too many takes off
 * one of them and commits nothing, and a ROLLBACK all, which is found. A lost transaction
 * is an error; what was published goes with it.
 */
#ifndef WORK_MSSQL_SCRIPT_H
#define WORK_MSSQL_SCRIPT_H

#include "base/err.h"
#include "db/db.h"
#include "work/target.h"

#define MSSQL_SCRIPT_DEPTH 8

/* Errors name the batch: "batch 2 (line 7), 'INSERT INTO t …': …". No transaction is open afterwards. */
MUST_CHECK int mssql_script_run(struct db *db, const struct load *load, struct script *script,
	struct err *err);

/* pre_sql and post_sql of a load, named in errors: within the transaction that publishes, or each batch by
 * itself. `sql` may be NULL. */
MUST_CHECK int mssql_script_within(struct db *db, const char *name, const char *sql, struct err *err);
MUST_CHECK int mssql_script_alone(struct db *db, const char *name, const char *sql, struct err *err);

#endif
