/*
 * ledger_reject - rejected rows in a target that is a database.
 *
 * Table etl_load_reject, in SQL Server etl.load_reject: what reject.h has kept, by run. `db` is borrowed; store
 * runs within the caller's transaction.
 */
#ifndef WORK_LEDGER_REJECT_H
#define WORK_LEDGER_REJECT_H

#include "base/err.h"
#include "db/db.h"
#include "work/reject.h"
#include "work/target.h"

#define LEDGER_REJECT_TABLE "etl_load_reject"

/* In the place of those of an earlier attempt of the run. Rejects of the job that are older than its
 * reject_retention go. Makes the table only where there is something to keep. */
MUST_CHECK int ledger_reject_store(struct db *db, const struct load *load,
	const struct rejects *rejects, struct err *err);

/* The same in a transaction of its own: for a run that ends without publishing. Nothing where there are
 * none. */
MUST_CHECK int ledger_reject_keep(struct db *db, const struct load *load,
	const struct rejects *rejects, struct err *err);

/* See target.h, rejects. */
MUST_CHECK int ledger_reject_list(struct db *db, const char *run_uid, struct arena *a,
	struct reject **ret_rejects, size_t *ret_n, struct err *err);

#endif
