/*
 * sqlite_snapshot - several connections that read one state of a database.
 *
 * SQLite gives each connection the state of the moment at which it begins to
 * read. In WAL mode the others join the first one's (db_join_read), however often
 * somebody commits. In the others, and as long as the log is empty, that it is the
 * same for all of them is checked, not hoped: `PRAGMA data_version` of a connection changes when another one has committed since it
 * asked last. Each of the others asks before the first one begins, and again when
 * it has begun itself: the same number says that nobody has committed in
 * between, and so not between the first one's beginning and its own. Else all of
 * them begin again.
 */
#ifndef WORK_SQLITE_SNAPSHOT_H
#define WORK_SQLITE_SNAPSHOT_H

#include <stdint.h>

#include "base/err.h"
#include "db/db.h"

#define SQLITE_SNAPSHOT_WAIT_MS 30000

/* A read-only connection; max_value as in db.h. ERR_NOT_FOUND, ERR_IO, ERR_BUSY. */
MUST_CHECK int sqlite_snapshot_open(const char *path, int busy_timeout_ms, int64_t max_value,
	struct db **ret_db, struct err *err);

/* Begins a read transaction on dbs[0, n). ERR_BUSY when others commit so often, or hold the file so
 * long, that it does not succeed within SQLITE_SNAPSHOT_WAIT_MS; ERR_CANCELLED as dbs[0]'s progress
 * callback says. All but the first should have a short busy timeout. */
MUST_CHECK int sqlite_snapshot_begin(struct db **dbs, uint32_t n, struct err *err);

#endif
