/*
 * target - where rows go: stage, write, verify, publish.
 *
 * One target serves one attempt of one run. Whatever order an attempt dies in,
 * the target's tables hold all of a run's rows or none: rows go to a staging
 * table first, and one transaction moves them and turns the ledger row from
 * `open` to `published` (docs/design.md §3, rules 3 and 4).
 *
 * Calls come in this order, from one thread at a time, and may block:
 * open, begin, stage, write …, verify, publish; or revoke; then close.
 */
#ifndef WORK_TARGET_H
#define WORK_TARGET_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/err.h"
#include "base/settings.h"
#include "job/job.h"
#include "tds/type.h"
#include "work/batch.h"

struct target; /* each implementation's own */

/* Who writes: what the ledger row says. Strings are borrowed. */
struct load {
	const char *run_uid, *store_uid;
	const char *order_key; /* the caller's key, or NULL */
	int64_t fence;
	const struct job *job;
};

enum ledger_state { LEDGER_NONE, LEDGER_OPEN, LEDGER_PUBLISHED, LEDGER_REVOKED };

struct target_ops {
	enum driver driver;

	int (*open)(const struct connection *conn, const struct load *load,
		const atomic_bool *cancel, struct target **ret_target, struct err *err);

	/* The attempt's first write: the ledger row (run_uid, fence, open) is inserted, or the
	 * fence of an open one raised to ours. *ret_state is LEDGER_OPEN when the load may go on,
	 * else what was found (PUBLISHED: done already). ERR_LEASE_LOST when a higher fence holds
	 * it. Drops staging tables that dead attempts left. */
	int (*begin)(struct target *t, enum ledger_state *ret_state, struct err *err);

	/* Makes the staging table for rows of this column list, and checks that the target table
	 * can take them (creates nothing there yet). `cols` must outlive the target. */
	int (*stage)(struct target *t, const struct tds_columns *cols, struct err *err);

	/* Takes all rows of the batch; the batch is the caller's again afterwards. */
	int (*write)(struct target *t, const struct batch *b, struct err *err);

	/* `rows` is what the source gave. ERR_DATA when staging holds another number. */
	int (*verify)(struct target *t, uint64_t rows, struct err *err);

	/* One transaction: ledger, table, ledger. On ERR_LEASE_LOST nothing was changed. */
	int (*publish)(struct target *t, uint64_t *ret_rows, struct err *err);

	/* The run will not go on: open -> revoked. *ret_state is what holds afterwards;
	 * LEDGER_PUBLISHED means that the run succeeded after all. */
	int (*revoke)(struct target *t, const char *reason, enum ledger_state *ret_state,
		struct err *err);

	/* Rolls back what is open and drops the staging table. NULL is fine. */
	void (*close)(struct target *t);
};

extern const struct target_ops target_sqlite;

#endif
