/*
 * store - the control database: jobs, runs, their events and logs.
 *
 * Its SQL is the table in statements.h. A claimed run is held under a
 * fence: an update by an older one changes nothing and is ERR_LEASE_LOST. Not
 * thread-safe; each call may block for the connection's busy timeout. The
 * database's clock makes every time.
 */
#ifndef JOB_STORE_H
#define JOB_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/settings.h"
#include "job/definitions.h"
#include "job/job.h"
#include "job/run.h"
#include "job/schema.h"

#define STORE_BUSY_TIMEOUT_MS 10000
#define STORE_MESSAGE_MAX 4000 /* bytes of an error, reason or log message; longer ones are cut */

struct store;

/* Makes the database or brings its schema up to this program's version. */
MUST_CHECK int store_init(const struct settings *settings, const struct clock *clock,
	const struct rnd *rnd, struct schema_change *ret_change, struct err *err);

/* ERR_STORE when there is none or its version is not this program's, with what to do. */
MUST_CHECK int store_open(const struct settings *settings, struct store **ret_store,
	struct err *err);
void store_close(struct store *s); /* NULL is fine */
void store_close_ptr(struct store **s);
#define CLEANUP_STORE CLEANUP(store_close_ptr)

const char *store_uid(const struct store *s);

/* Definitions */
/* All or none: stores the definitions by name, each change with a row of history by `actor`.
 * Sets their job_id and job_uid, and ret_changes[i]. */
MUST_CHECK int store_apply(struct store *s, struct job *jobs, size_t n, const char *actor,
	struct arena *a, enum job_change *ret_changes, struct err *err);

/* By number or by name; ERR_NOT_FOUND with the nearest name. */
MUST_CHECK int store_job(struct store *s, const char *number_or_name, struct arena *a,
	struct job *ret_job, struct err *err);

/* Runs */

/* Orders a run and claims it in one transaction, so that no controller takes it: state starting,
 * fence 1, attempt 1. Strings live in `a`. ERR_NOT_FOUND when there is no such job. */
MUST_CHECK int store_order_claimed(struct store *s, int64_t job_id, const char *owner,
	int64_t lease_ms, struct arena *a, struct run *ret_run, struct err *err);

struct run_result { /* what a run's row says beside its state; zero and NULL where there is none */
	uint64_t rows_read, rows_written, bytes_read;
	const char *error_code, *error_message;
};

/* Moves the run along run_may and writes its event. ERR_LEASE_LOST when the fence is not ours any
 * more or the state has no way to `to`. `result` may be NULL. */
MUST_CHECK int store_move(struct store *s, struct run *run, enum run_state to, const char *actor,
	const char *reason, const struct run_result *result, struct err *err);

/* Appends a line to the run's log. */
MUST_CHECK int store_log(struct store *s, const struct run *run, const char *level,
	const char *message, struct err *err);

/* What people and scripts are told of runs. Times are text, NULL where it has not come to that;
 * numbers are -1 there. */
struct run_info {
	int64_t run_id, attempt;
	const char *run_uid, *job, *state;
	const char *queued_at, *started_at, *finished_at;
	int64_t elapsed_ms; /* from its start to its end, or until now */
	int64_t rows_read, rows_written, bytes_read;
	const char *error_code, *error_message;
};

/* The last `limit` runs, the newest first. Everything lives in `a`. */
MUST_CHECK int store_runs(struct store *s, size_t limit, struct arena *a,
	struct run_info **ret_runs, size_t *ret_n, struct err *err);

/* ERR_NOT_FOUND when there is none of that number. */
MUST_CHECK int store_run_info(struct store *s, int64_t run_id, struct arena *a,
	struct run_info *ret_run, struct err *err);

struct log_line { /* borrowed until the callback returns */
	int64_t attempt;
	const char *at, *level, *message;
};

/* Each line of a run's log, the oldest first. ERR_NOT_FOUND when there is no such run. */
MUST_CHECK int store_log_each(struct store *s, int64_t run_id,
	void (*line)(void *arg, const struct log_line *line), void *arg, struct err *err);

#endif
