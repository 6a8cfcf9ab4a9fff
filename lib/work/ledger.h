/*
 * ledger - the load ledger in a target that is a database.
 *
 * Table etl_load_ledger, in SQL Server etl.load_ledger: one row per run that ever wrote to
 * this database, and the fence that keeps an attempt which lost its run from publishing
 * (docs/design.md §3, rules 3, 4 and 6). All times are the database's. `db` is borrowed.
 * begin and revoke are transactions of their own, and may be repeated when their outcome is
 * unknown. The statements of both dialects stand side by side in ledger.c.
 */
#ifndef WORK_LEDGER_H
#define WORK_LEDGER_H

#include <stdint.h>

#include "base/err.h"
#include "db/db.h"
#include "work/target.h"

#define LEDGER_TABLE "etl_load_ledger"
#define LEDGER_PRINCIPAL_MAX 32

/* The n-th of its texts, for those who look at all of them; NULL: there are no more. */
const char *ledger_text(enum db_dialect dialect, size_t n);

/* 1 or 0: is it, or one of the tables beside it, there? "etl_load_ledger" is etl.load_ledger in SQL Server. */
MUST_CHECK int ledger_has(struct db *db, const char *table, struct err *err);

/* Who writes to an SQLite database, which knows no logins: a container's uid need not be in passwd. */
const char *ledger_principal(char out[LEDGER_PRINCIPAL_MAX]);

/* See target.h. Without a ledger there is no history. */
MUST_CHECK int ledger_history(struct db *db, const struct load *load, struct arena *a,
	struct ledger_row **ret_rows, size_t *ret_n, struct err *err);

/* Makes the table when there is none. See target.h, begin; ERR_DATA when another run has the
 * order key of this one, open or published (a revoked run loaded nothing and frees its key). */
MUST_CHECK int ledger_begin(struct db *db, const struct load *load,
	enum ledger_state *ret_state, struct err *err);

/* What comes first within the transaction of begin or revoke, once the table is there. */
struct ledger_first {
	int (*run)(void *arg, struct err *err);
	void *arg;
};

/* As ledger_begin and ledger_revoke. */
MUST_CHECK int ledger_begin_after(struct db *db, const struct load *load,
	const struct ledger_first *first, enum ledger_state *ret_state, struct err *err);
MUST_CHECK int ledger_revoke_after(struct db *db, const struct load *load,
	const struct ledger_first *first, const char *reason, enum ledger_state *ret_state,
	struct err *err);

/* Within a transaction: ERR_LEASE_LOST unless exactly the row (run, fence, open) is there. */
MUST_CHECK int ledger_check(struct db *db, const struct load *load, struct err *err);

/* What the run's row says; LEDGER_NONE: there is none. */
MUST_CHECK int ledger_find(struct db *db, const struct load *load,
	enum ledger_state *ret_state, int64_t *ret_fence, struct err *err);

/* open -> published, the first statement of the publish transaction, which the caller has begun
 * and rolls back. ERR_LEASE_LOST unless exactly the row (run, fence, open) is there. */
MUST_CHECK int ledger_publish(struct db *db, const struct load *load, struct err *err);

/* Loads of the table that are published, other than this one. */
MUST_CHECK int ledger_loads(struct db *db, const struct load *load, int64_t *ret_n,
	struct err *err);

/* Within that transaction, before any row is moved. `loads` is what ledger_loads() counted when the load
 * began to read. ERR_TARGET when the job replaces the table and another run has published since: what
 * was read is older, and is not to stand in its place. */
MUST_CHECK int ledger_check_newest(struct db *db, const struct load *load, int64_t loads,
	struct err *err);

/* What is known of a load when it is published; NULL where there is nothing to say. */
struct ledger_end {
	uint64_t rows, rejects;
	const char *digest, *watermark_from, *watermark_to;
};

/* The last statement of that transaction. */
MUST_CHECK int ledger_complete(struct db *db, const struct load *load,
	const struct ledger_end *end, struct err *err);

/* What follows the publishing has been done; is it? 1 or 0. */
MUST_CHECK int ledger_post_done(struct db *db, const struct load *load, struct err *err);
MUST_CHECK int ledger_is_post_done(struct db *db, const struct load *load, struct err *err);

/* open -> revoked; a run without a row gets a revoked one, so that no attempt of it that starts
 * late can load. *ret_state is what holds afterwards. ERR_LEASE_LOST when the row is open under a
 * higher fence: who lost the run does not end it. */
MUST_CHECK int ledger_revoke(struct db *db, const struct load *load, const char *reason,
	enum ledger_state *ret_state, struct err *err);

#endif
