/*
 * target - where rows go: stage, write, verify, publish; and where statements run.
 *
 * One target serves one attempt of one run. Whatever order an attempt dies in,
 * the target's tables hold all of a run's rows or none: rows go to a staging
 * table first, and one transaction moves them and turns the ledger row from
 * `open` to `published` (docs/design.md §3, rules 3 and 4).
 *
 * Calls come in this order, from one thread at a time (but for write), and may block:
 * open, begin, [watermark], stage, write …, verify, publish, finish, or open, begin, script; after an
 * error of one of them revoke, or begin once more; then close. `plan` needs no begin.
 */
#ifndef WORK_TARGET_H
#define WORK_TARGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/settings.h"
#include "job/job.h"
#include "job/lineage.h"
#include "tds/type.h"
#include "work/batch.h"
#include "work/reject.h"

struct target; /* each implementation's own */

/* Who writes: what the ledger row says. Strings are borrowed. */
struct load {
	bool look_only; /* nothing is written: for plan, watermark and rejects */
	const char *run_uid, *store_uid;
	const char *order_key; /* the caller's key, or NULL */
	int64_t fence;
	int64_t run_id; /* for messages; 0: not known */
	const struct job *job;
	/* What the database has to say, and warnings; NULL: to nobody. */
	void (*say)(void *arg, enum log_level level, const char *text);
	void *arg;
};

/* Statements of a job. Strings are borrowed. */
struct script {
	const char *sql;
	bool atomic; /* one transaction with the ledger row; else each statement is one of its own, and
		      * the ledger row is published behind them */
	/* Called immediately before what cannot be taken back: the first statement, and without
	 * `atomic` the publishing too. An error of it is the script's. */
	int (*before_publish)(void *arg, struct err *err);
	void *arg;

	/* How far it came, whatever the result; `at` may be read meanwhile. */
	atomic_uint at;	      /* the number of the statement that is running, from 1 */
	unsigned carried_out; /* statements whose effects are there although the ledger row is not
			       * published; 0 when it is one transaction */
	bool refused;	      /* the error is a statement's own, and not of the way to the database */
	uint64_t rows;	      /* changed, those of triggers and cascades too */
};

/* The beginning of a statement as one line, for messages. */
#define SCRIPT_SHOWN_MAX 68
void script_show(const char *sql, const char *end, char out[SCRIPT_SHOWN_MAX]);

/* What is loaded, for messages and the ledger: the table; of a job without one the job. */
const char *load_name(const struct load *load);

#define TARGET_BUSY_TIMEOUT_MS 30000 /* for a lock that somebody has on a target's database */

/* What targets have in common. */

/* The run's UUID becomes part of a file's name: ERR_DATA when it is none. */
MUST_CHECK int load_check(const struct load *load, struct err *err);

/* The source's columns under their names in the target (column_map); in `a`. */
MUST_CHECK int load_columns(const struct load *load, const struct tds_columns *cols, struct arena *a,
	struct tds_columns *ret_columns, struct err *err);

/* Guards: ERR_DATA when `staged` rows are to take the place of those that the `what` ("table") has, or
 * `fewer` of them would be left than the job allows. `before` is how many there are; for min_rows it is
 * enough whether there are any. */
MUST_CHECK int load_check_min_rows(const struct job *job, const char *what, uint64_t before,
	uint64_t staged, struct err *err);
MUST_CHECK int load_check_max_delete(const struct job *job, const char *what, int64_t before,
	int64_t fewer, struct err *err);

/* The digest of a load whose staging is verified, where the job wants one, as a fact of its lineage. */
struct digest;
void load_tell_digest(const struct job *job, bool verified, const struct digest *digest, struct lineage *l);

enum ledger_state { LEDGER_NONE, LEDGER_OPEN, LEDGER_PUBLISHED, LEDGER_REVOKED };

/* A load that the ledger knows. rows is -1 where it is not known. */
struct ledger_row {
	const char *run_uid, *store_uid, *order_key;
	enum ledger_state state;
	int64_t fence, rows;
	const char *opened_at, *published_at;
};

#define LEDGER_HISTORY_MAX 100000 /* loads of one job that are looked at, the newest first */

/* What a load has come to when it is published. Borrowed. */
struct load_end {
	const struct rejects *rejects;
	const char *watermark_from, *watermark_to; /* NULL: none */
	bool full; /* the whole source was read, whatever the watermark: it need not be the one that
		    * stands in the ledger */
	bool whole; /* of a source that tracks changes: there are no other rows than those that were read */
};

struct target_ops {
	enum driver driver;
	bool deletes; /* it takes rows that only say that one is gone (tds_column.gone) */

	int (*open)(const struct connection *conn, const struct load *load,
		const atomic_bool *cancel, struct target **ret_target, struct err *err);

	/* Loads of this job that are open or published, and those of a job of the same name and
	 * table of another store. Nothing is written. */
	int (*history)(struct target *t, struct arena *a, struct ledger_row **ret_rows,
		size_t *ret_n, struct err *err);

	/* The attempt's first write: the ledger row (run_uid, fence, open) is inserted, or the
	 * fence of an open one raised to ours. *ret_state is LEDGER_OPEN when the load may go on,
	 * else what was found (PUBLISHED: done already). ERR_LEASE_LOST when a higher fence holds
	 * it. Drops staging tables that dead attempts left.
	 * Once more, after an error of another call: did the commit arrive (PUBLISHED), whose reply
	 * was lost? Then it is not cancelled. */
	int (*begin)(struct target *t, enum ledger_state *ret_state, struct err *err);

	/* Where the last published load of the job has read up to; NULL: nowhere yet. NULL for a target
	 * that keeps no watermarks. */
	int (*watermark)(struct target *t, struct arena *a, const char **ret_from, struct err *err);

	/* What a load of these columns would do: a line each to `say`. Nothing is written. */
	int (*plan)(struct target *t, const struct tds_columns *cols, void (*say)(void *arg, const char *line),
		void *arg, struct err *err);

	/* From here to verify NULL for a target that takes no rows. */

	/* Makes staging for rows of this column list, in so many lanes, and checks that the target table
	 * can take them (creates nothing there yet). `cols` must outlive the target. */
	int (*stage)(struct target *t, const struct tds_columns *cols, uint32_t lanes,
		struct rejects *rejects, struct err *err);

	/* Takes all rows of the batch; the batch is the caller's again afterwards. Each lane may have a
	 * thread of its own. Rows that cannot be loaded go to `rejects`. */
	int (*write)(struct target *t, uint32_t lane, const struct batch *b, struct err *err);

	/* The server's number of the session that works for the load: with `staging` that of lane 0. NULL: there
	 * is none. */
	int64_t (*session)(struct target *t, bool staging);

	/* The lane has no more rows; by its thread. NULL: there is nothing to do. */
	int (*end_lane)(struct target *t, uint32_t lane, struct err *err);

	/* `rows` is what the source gave, rejects of `write` included. ERR_DATA when staging holds another
	 * number, or (verify = digest) other values. */
	int (*verify)(struct target *t, uint64_t rows, struct err *err);

	/* One transaction: ledger, table, ledger. On ERR_LEASE_LOST nothing was changed. */
	int (*publish)(struct target *t, const struct load_end *end, uint64_t *ret_rows,
		struct err *err);

	/* What it knows of the facts target_server to digest, after publish() or an error. NULL: none. */
	void (*lineage)(struct target *t, struct lineage *l);

	/* What follows the publishing, unless it is known to be done: post_sql that is not part of it. Also
	 * when begin has found the load PUBLISHED. NULL: nothing does. */
	int (*finish)(struct target *t, struct err *err);

	/* Runs the statements; results are ignored. 0: the ledger row is published. NULL for a target
	 * that has no statements. A script that ends the transaction of an atomic one, or touches
	 * the ledger, is ERR_CONFIG, and the statement is not carried out. */
	int (*script)(struct target *t, struct script *script, struct err *err);

	/* The run will not go on: open -> revoked. *ret_state is what holds afterwards;
	 * LEDGER_PUBLISHED means that the run succeeded after all. */
	int (*revoke)(struct target *t, const char *reason, enum ledger_state *ret_state,
		struct err *err);

	/* Rows that a run has rejected. NULL: none are kept. */
	int (*rejects)(struct target *t, const char *run_uid, struct arena *a,
		struct reject **ret_rejects, size_t *ret_n, struct err *err);

	/* By hand: from where on the job's next load reads; NULL: from the beginning. */
	int (*set_watermark)(struct target *t, const char *to, struct err *err);

	/* Rolls back what is open and drops the staging table. NULL is fine. */
	void (*close)(struct target *t);
};

extern const struct target_ops target_sqlite, target_csv, target_mssql;

/* The target of this driver; NULL when it cannot be written to. */
const struct target_ops *target_find(enum driver driver);

/* The job's target: its connection and what serves it. ERR_CONFIG. */
MUST_CHECK int target_of(const struct settings *settings, const struct job *job,
	const struct connection **ret_conn, const struct target_ops **ret_ops, struct err *err);

#endif
