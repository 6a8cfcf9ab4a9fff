/*
 * report - what people and scripts are told of runs.
 *
 * Reads only. Strings live in the arena that is passed; times are text, NULL
 * where it has not come to that; numbers are -1 there.
 */
#ifndef JOB_REPORT_H
#define JOB_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "job/lineage.h"
#include "job/store.h"

struct run_info {
	int64_t run_id, attempt;
	const char *run_uid, *job, *state;
	const char *queued_at, *started_at, *finished_at;
	int64_t elapsed_ms; /* from its start to its end, or until now */
	int64_t rows_read, rows_written, rows_rejected, bytes_read;
	const char *error_code, *error_message;
	const char *origin, *order_key;
	int64_t priority, fence, disruptions;
	const char *settle; /* the end that is wanted */
	bool cancel_requested;
	const char *ready_at;
	const char *progress;	 /* of a run whose worker is at it */
	const char *hold_reason; /* of its job */
};

/* The last `limit` runs, the newest first. */
MUST_CHECK int report_runs(struct store *s, size_t limit, struct arena *a,
	struct run_info **ret_runs, size_t *ret_n, struct err *err);

/* ERR_NOT_FOUND when there is none of that number. */
MUST_CHECK int report_run(struct store *s, int64_t run_id, struct arena *a,
	struct run_info *ret_run, struct err *err);

/* 1; 0: there is none, since it has moved no rows. */
MUST_CHECK int report_lineage(struct store *s, int64_t run_id, struct lineage *ret_lineage, struct err *err);

struct log_line { /* borrowed until the callback returns */
	int64_t attempt;
	const char *at, *level, *message;
};

/* Each line of a run's log, the oldest first. ERR_NOT_FOUND when there is no such run. */
MUST_CHECK int report_log_each(struct store *s, int64_t run_id,
	void (*line)(void *arg, const struct log_line *line), void *arg, struct err *err);

struct run_event { /* borrowed until the callback returns */
	const char *at, *old_state, *new_state, *actor, *reason;
};

/* Each change of the run's state, the oldest first. */
MUST_CHECK int report_event_each(struct store *s, int64_t run_id,
	void (*event)(void *arg, const struct run_event *event), void *arg, struct err *err);

#endif
