/*
 * sqlite_script - the statements of an sql job in an SQLite database.
 *
 * See target.h, script. `db` is borrowed, its ledger row open (ledger.h).
 * Statements are prepared one after the other, since a later one may need what
 * an earlier one makes; so a mistake in the last one is seen only there.
 */
#ifndef WORK_SQLITE_SCRIPT_H
#define WORK_SQLITE_SCRIPT_H

#include <stdatomic.h>

#include "base/err.h"
#include "db/db.h"
#include "work/target.h"

/* Errors name the statement: "statement 2, 'INSERT INTO t …': no such table: t". No transaction is
 * open afterwards. */
MUST_CHECK int sqlite_script_run(struct db *db, const struct load *load, const atomic_bool *cancel,
	struct script *script, struct err *err);

/* Statements around a load, without the ledger: within the caller's transaction, or each by itself. Errors
 * name the statement behind `what` ("pre_sql"). NULL is none. */
MUST_CHECK int sqlite_script_within(struct db *db, const char *what, const char *sql,
	const atomic_bool *cancel, struct err *err);
MUST_CHECK int sqlite_script_alone(struct db *db, const char *what, const char *sql,
	const atomic_bool *cancel, struct err *err);

#endif
