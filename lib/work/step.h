/*
 * step - what a kind of job does in an attempt: copy, sql, exec.
 *
 * A step runs on the worker's main thread, starts the threads that it needs, and
 * ends as the target says (docs/design.md §3, rules 4 and 9). It never talks to the
 * store: what it has to say or ask there goes through its host, which may block
 * while the store is away.
 */
#ifndef WORK_STEP_H
#define WORK_STEP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/settings.h"
#include "job/job.h"
#include "job/lineage.h"
#include "job/queue.h"
#include "job/run.h"
#include "work/target.h"

/* What is known of the run in its target when a step is over. */
enum step_end {
	STEP_DONE,	/* published, or carried out: once */
	STEP_WITHDRAWN, /* nothing of this run is or will be there */
	STEP_OPEN,	/* nothing is there yet; another attempt may go on */
	STEP_UNSETTLED, /* the target could not be asked: somebody has to, later */
	STEP_UNKNOWN,	/* begun, lost half-way, and cannot be fenced */
};

struct step_result {
	enum step_end end;
	bool before; /* done by an earlier attempt: this one found it */
	uint64_t rows_read, rows_written, rows_rejected, bytes_read;
	bool has_lineage;
	struct lineage lineage;
};

/* The attempt, as a step sees it. The functions may be called from any thread. */
struct step_host {
	const struct settings *settings;
	const struct job *job;
	const struct run *run;
	const char *store_uid;
	const struct clock *clock;
	const atomic_bool *cancel; /* stop as soon as you can, with ERR_CANCELLED; the host knows why */

	/* To standard error and to the run's log. `level` NULL-free: as log.h has it. */
	void (*say)(struct step_host *host, enum log_level level, const char *text);
	/* One line of how it goes, a few times a second. */
	void (*progress)(struct step_host *host, const char *line, uint64_t rows, uint64_t bytes);
	/* Immediately before publishing: renews the lease, waits for a store that is away.
	 * ERR_LEASE_LOST: stop. */
	int (*before_publish)(struct step_host *host, struct err *err);
	/* Which of these the store does not know, or not as far (docs/design.md §3, rule 6): sets
	 * *ret_unknown to the index of the first, or n. */
	int (*known_runs)(struct step_host *host, const struct run_mark *runs, size_t n,
		size_t *ret_unknown, struct err *err);
	/* After this error, will another attempt go on? Then the target is not asked to withdraw. */
	bool (*again)(struct step_host *host, const struct err *why);
};

struct step_ops {
	enum job_kind kind;

	/* Whether the job's connections are there and can do it: ERR_CONFIG. No I/O. */
	int (*check)(const struct settings *settings, const struct job *job, struct err *err);

	/* 0 with end DONE, else -1; *ret_result is set in both cases. */
	int (*run)(struct step_host *host, struct step_result *ret_result, struct err *err);

	/* The run is to end without having run: the target withdraws it, or says that it was done.
	 * 0: *ret_end is WITHDRAWN or DONE. -1: it could not be asked, or the lease is lost. */
	int (*settle)(struct step_host *host, const char *reason, enum step_end *ret_end,
		struct err *err);
};

extern const struct step_ops step_copy, step_sql, step_exec;

#endif
