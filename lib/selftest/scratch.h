/*
 * scratch - the schema of a selftest: made, and removed with all that the loads left in the ledger.
 *
 * A table in it says by which selftest it was made, and what the ledger's schema had before; only what was not there
 * is removed, and of the ledger's tables only those that hold nothing of others. `db` is borrowed; blocks.
 */
#ifndef SELFTEST_SCRATCH_H
#define SELFTEST_SCRATCH_H

#include "base/arena.h"
#include "base/err.h"
#include "db/db.h"

/* `uid` is that of the store whose loads they are. ERR_CONFIG: the schema is there. */
MUST_CHECK int scratch_make(struct db *db, const char *uid, struct arena *a, struct err *err);

/* ERR_NOT_FOUND: there is none; ERR_CONFIG: it is not a selftest's. */
MUST_CHECK int scratch_remove(struct db *db, struct arena *a, struct err *err);

/* The first value of a query as text; NULL for null and for no row. */
MUST_CHECK int scratch_value(struct db *db, const char *sql, struct arena *a, const char **ret_text, struct err *err);

#endif
