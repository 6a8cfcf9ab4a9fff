/*
 * queue - runs: ordered, claimed, executed, ended.
 *
 * Each function is one transaction, conditional on the run's fence and state:
 * ERR_LEASE_LOST when they are not what the caller thought, and then nothing was
 * changed (docs/design.md §3). Each change of state leaves an event. Strings live
 * in the arena that is passed. Blocks like the store; not thread-safe.
 */
#ifndef JOB_QUEUE_H
#define JOB_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "job/lineage.h"
#include "job/run.h"
#include "job/scheduler.h"
#include "job/store.h"

/* Orders */

struct order {
	const char *key;    /* the caller's: the same one twice is one run; NULL: none */
	const char *actor;  /* who orders */
	bool full;	    /* an incremental load does not look at its watermark */
};

/* The run waits where its upstream jobs are not done. An order whose key is known is that run:
 * *ret_known. ERR_NOT_FOUND when there is no such job. */
MUST_CHECK int queue_order(struct store *s, int64_t job_id, const struct order *order,
	struct arena *a, struct run *ret_run, bool *ret_known, struct err *err);

/* Orders a run and claims it in one transaction, so that no controller takes it, whatever the job's
 * limits say. `worker`: the handle of the calling process. ERR_DATA when the key is known. */
MUST_CHECK int queue_order_claimed(struct store *s, int64_t job_id, const struct order *order,
	const char *worker, int64_t lease_ms, struct arena *a, struct run *ret_run,
	struct err *err);

enum cancel_end {
	CANCEL_DONE,	  /* it had not begun: cancelled */
	CANCEL_REQUESTED, /* as soon as its target has withdrawn what an attempt began */
	CANCEL_TOO_LATE,  /* it is over */
};

/* ERR_NOT_FOUND when there is no such run; *ret_state is what it was in. */
MUST_CHECK int queue_cancel(struct store *s, int64_t run_id, const char *actor,
	enum cancel_end *ret_end, enum run_state *ret_state, struct err *err);

/* The poll, in this order */

struct controller_info {
	const char *uid, *host, *process, *version, *state;
	int64_t max_workers, workers;
	const char *started_at, *lease_until;
	bool alive; /* its lease has not run out */
};

/* Nothing is written while the store has it so already and two thirds of the lease are left: a write
 * is a sync of the disk, between an order and its worker. *ret_quiet (may be NULL): there is nothing else
 * to do, all runs are over and no other controller is late. Where both are so, this is one statement. */
MUST_CHECK int queue_beat(struct store *s, const struct controller_info *me, int64_t lease_ms, bool *ret_quiet,
	struct err *err);
/* Those that have not stopped. */
MUST_CHECK int queue_controllers(struct store *s, struct arena *a, struct controller_info **ret_v,
	size_t *ret_n, struct err *err);
/* It is dead: `lease_until` is what was seen of it last. */
MUST_CHECK int queue_bury_controller(struct store *s, const struct controller_info *dead,
	struct err *err);

/* What plain SQL has ordered and cancelled, and whom its upstream jobs hold or release. */
MUST_CHECK int queue_sort(struct store *s, const char *actor, struct err *err);

struct active_run {
	struct run run;
	const char *job_name;
	const char *controller_uid; /* NULL: by hand */
	const char *worker;	    /* the executor's handle, or NULL */
	const char *lease_until; /* "": none, somebody set the state by hand */
	bool lease_past; /* by the database's clock */
	bool overdue;	 /* past the job's timeout and `grace` */
};

MUST_CHECK int queue_active(struct store *s, int64_t grace_ms, struct arena *a,
	struct active_run **ret_v, size_t *ret_n, struct err *err);

/* Claims up to `max` runs that are ready, by priority, then age. */
MUST_CHECK int queue_claim(struct store *s, const char *owner, const char *controller_uid,
	int64_t lease_ms, size_t max, struct arena *a, struct run **ret_runs, size_t *ret_n,
	struct err *err);

struct outlook {
	int64_t active, queued, held, waiting; /* queued: of jobs that may start */
	int64_t ended, unsuccessful;	       /* since `since` */
	int64_t next_ready_ms;		       /* until a delayed run is ready; -1: there is none */
};

/* `since`: a time as queue_now gave it; NULL: only next_ready_ms, the rest counts what is queued. */
MUST_CHECK int queue_outlook(struct store *s, const char *since, struct outlook *ret_outlook,
	struct err *err);
MUST_CHECK int queue_now(struct store *s, struct arena *a, const char **ret_now, struct err *err);

/* Who watches the run's worker, and its handle. */
MUST_CHECK int queue_worker(struct store *s, const struct run *run, const char *handle,
	struct err *err);
MUST_CHECK int queue_adopt(struct store *s, const struct run *run, const char *controller_uid,
	struct err *err);

/* The worker of a run that is starting has not begun: the lease begins anew, and its row says what is waited
 * for (`words` NULL: what it says already). */
MUST_CHECK int queue_pending(struct store *s, const struct run *run, int64_t lease_ms, const char *words,
	struct err *err);

/* 1: found; 0: there is none. */
MUST_CHECK int queue_find(struct store *s, int64_t run_id, struct arena *a, struct run *ret_run,
	struct err *err);

/* A run's life */

/* For the worker that was started for this run and fence: starting -> running. `worker` is its own
 * handle. */
MUST_CHECK int queue_take(struct store *s, int64_t run_id, int64_t fence, const char *actor,
	const char *worker, struct arena *a, struct run *ret_run, struct err *err);

/* The lease begins anew. ERR_LEASE_LOST: stop. `progress` may be NULL. */
MUST_CHECK int queue_renew(struct store *s, const struct run *run, int64_t lease_ms,
	const char *progress, bool *ret_cancel_requested, struct err *err);

struct run_result { /* what a run's row says beside its state; -1 and NULL where there is none */
	int64_t rows_read, rows_written, rows_rejected, bytes_read;
	const char *error_code, *error_message;
	const struct lineage *lineage;
};

#define RUN_RESULT_NONE                                                                            \
	.rows_read = -1, .rows_written = -1, .rows_rejected = -1, .bytes_read = -1

/* Along run_may, to running or to a final state; the end of a run orders what is after it. */
MUST_CHECK int queue_move(struct store *s, struct run *run, enum run_state to, const char *actor,
	const char *reason, const struct run_result *result, struct err *err);

/* Carries a verdict out: back into the queue, or to its final state, if the run is still in the state
 * that the verdict was made of. `result` may be NULL. */
MUST_CHECK int queue_give_up(struct store *s, struct run *run, const struct verdict *v,
	const char *actor, const char *reason, const struct run_result *result, struct err *err);

/* No run of the job starts until it is released (reason NULL). */
MUST_CHECK int queue_hold(struct store *s, int64_t job_id, const char *reason, struct err *err);

/* A run as its target's ledger has it. */
struct run_mark {
	const char *run_uid;
	int64_t fence;
};

/* Which of these the store does not know, or not as far: the index of the first, or n. Who claims a
 * run raises its fence here first, so a higher one elsewhere is of a time that this store has lost. */
MUST_CHECK int queue_known(struct store *s, const struct run_mark *runs, size_t n,
	size_t *ret_unknown, struct err *err);

/* A run of a lost time, as its target's ledger has it. */
struct lost_run {
	const char *run_uid, *order_key;
	int64_t fence;
	int64_t rows; /* -1: not known */
	bool published;
	const char *opened_at, *ended_at;
};

/* The job's lost runs are imported: it is released. What is queued in this store may have been begun in
 * the lost time, without a trace yet: from now on it ends by the target's word only. */
MUST_CHECK int queue_recovered(struct store *s, int64_t job_id, struct err *err);

/* Makes it a run of the job, over. One that the store has, but not as far, gets its fence, and has
 * succeeded if it was cancelled as never begun although it was published. *ret_run_id is 0 when the
 * store knew it all. An open run of the same order key gives that key up when the lost one was
 * published. */
MUST_CHECK int queue_import(struct store *s, int64_t job_id, const struct lost_run *lost,
	const char *actor, int64_t *ret_run_id, struct err *err);

struct run_line {
	const char *level, *message;
};

/* Appends lines to the run's log: all of them or none. */
MUST_CHECK int queue_log(struct store *s, const struct run *run, const struct run_line *lines,
	size_t n, struct err *err);

#endif
