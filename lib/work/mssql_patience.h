/*
 * mssql_patience - a transaction that waits for locks as one should, and who was in its way.
 *
 * A *waiting* Sch-M lock makes everybody behind it wait too. Such a transaction waits a little, gives
 * way, says who holds it up and is tried again, until lock_timeout is over. A deadlock's victim is
 * tried again as well: all of it was rolled back. Blocks.
 */
#ifndef WORK_MSSQL_PATIENCE_H
#define WORK_MSSQL_PATIENCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "db/db.h"
#include "work/target.h"

struct mssql_patience { /* borrowed */
	struct db *db;
	const char *table; /* in brackets, with its schema */
	bool schema_lock;  /* it takes Sch-M */
	int64_t lock_timeout; /* of the connection, ms; 0: none */
	const atomic_bool *cancel; /* NULL: nobody cancels */
	const struct load *load;
};

/* `transaction` begins, commits, and rolls back when it fails. */
MUST_CHECK int mssql_patience_run(const struct mssql_patience *p, int (*transaction)(void *arg, struct err *err),
	void *arg, struct err *err);

#endif
