/*
 * executor - how workers are started, watched, adopted and stopped.
 *
 * One static const vtable per way of starting (a process here, a pod
 * elsewhere). A worker is named by its run and fence; its handle is text that
 * is stored with the run, so that another controller, or this one after a
 * crash, finds it again: made of what cannot be mistaken for somebody else's
 * process. All calls come from the controller's main thread and do not block;
 * what there is to wait for is one descriptor and one deadline.
 *
 * An executor reports facts, never decides: what an end means for the run is
 * the scheduler's business, and the fence in the target is what makes a worker
 * that nobody knows of harmless (docs/design.md §3).
 */
#ifndef EXEC_EXECUTOR_H
#define EXEC_EXECUTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/settings.h"

#define EXECUTOR_HANDLE_MAX 256
#define EXECUTOR_OUTPUT_MAX (64u * 1024) /* of a worker's last output that is kept for its end */

struct executor_ops;

/* Each implementation's own; begins with this: x->ops->start(x, …). */
struct executor {
	const struct executor_ops *ops;
};

/* What an executor is opened with. Strings are copied, the others borrowed. */
struct executor_config {
	const struct settings *settings;
	const struct clock *clock; /* measures deadlines */
	const char *store_uid;
	const char *controller; /* whose workers they are, for people */
};

/* What is to be started. Strings are borrowed for the call. */
struct worker_spec {
	int64_t job_id, run_id, fence;
	const char *run_uid;
	const char *config; /* what --config said, or NULL */
	/* Of its job, where the executor has needs_job: */
	const char *job, *pod_patch;
	int64_t timeout; /* ms; 0: none */
};

/* A worker that has ended. Strings are the executor's, until the next call. */
struct worker_end {
	int64_t run_id, fence;
	bool known;         /* false: adopted, and how it ended was somebody else's to hear */
	bool stopped;       /* it was told to stop by stop(), or took longer than its job allows */
	bool disrupted;	    /* it ended for a reason that is not its own */
	bool never_began;   /* there was no worker: `reason` says why */
	int exit_status;    /* -1 when a signal ended it, or it is not known */
	const char *reason; /* "exit status 1", "killed by signal 9 (Killed)", … */
	const char *output; /* the end of what it wrote to stdout and stderr: whole lines, UTF-8 not
			     * promised */
	size_t output_len;
	uint64_t output_lost; /* bytes before that, which were not kept */
};

enum executor_found {
	EXECUTOR_ALIVE,
	EXECUTOR_GONE,
	EXECUTOR_ELSEWHERE,
	EXECUTOR_ASK_LATER, /* it is not known yet */
};

/* A worker that has not begun yet, and whose run is still to be held for it. */
struct worker_notice {
	int64_t run_id, fence;
	const char *words; /* what it waits for, if that is new; else NULL. The executor's, until the next call */
};

/* A run and fence, as the store has them. */
struct worker_key {
	int64_t run_id, fence;
};

struct executor_ops {
	const char *name;
	bool needs_job; /* start() wants to know what the job says */

	int (*open)(const struct executor_config *config, struct executor **ret_x, struct err *err);

	/* Starts `etl worker --job N` for this run and fence, with ETL_RUN=RUN:FENCE:RUN_UID in its
	 * environment; doing it again for the same two is success and no second worker, as long as
	 * the first one's end has not been told. The handle is written to ret_handle. ERR_BUSY when
	 * there are as many as can be watched. */
	int (*start)(struct executor *x, const struct worker_spec *spec,
		char ret_handle[EXECUTOR_HANDLE_MAX], struct err *err);

	/* Looks for a worker that another controller started; run and fence are those it was
	 * started for. ALIVE: it is watched from now on. GONE: it has certainly ended. ELSEWHERE:
	 * it cannot be told from here (another host, another process namespace, a handle of
	 * another executor, no handle at all or another worker's) or cannot be watched. NULL is no
	 * handle. ASK_LATER: the executor does not know its workers yet. */
	enum executor_found (*adopt)(struct executor *x, int64_t run_id, int64_t fence,
		const char *run_uid, const char *handle);

	/* Asks it to stop (SIGTERM, to it alone, so that it can stop what it started in order);
	 * kills it, and what it started, `grace_ms` later. Nothing when there is none, when it was
	 * asked before, or when it has ended. */
	void (*stop)(struct executor *x, int64_t run_id, int64_t fence, int grace_ms);

	/* Readable when next() has something to do. */
	int (*fd)(const struct executor *x);
	/* When next() wants to be called in any case, as the clock's monotonic ms; INT64_MAX:
	 * never. */
	int64_t (*deadline)(const struct executor *x);
	/* Takes in output, kills what has outlived its grace. 1: a worker ended; 0: none now. The
	 * work of a call is bounded: fd() stays readable while there is more. */
	int (*next)(struct executor *x, struct worker_end *ret_end);

	/* Takes the next notice: 1, or 0. Called after next(). NULL: the executor has none, its workers
	 * begin at once. */
	int (*notice)(struct executor *x, struct worker_notice *ret);

	/* Two calls around a look at the store: mark() before it, then sweep() with all runs that were
	 * starting or running then. What was there at mark() and is none of them is over: what is left of it
	 * is removed. NULL: nothing is ever left. */
	void (*mark)(struct executor *x);
	void (*sweep)(struct executor *x, const struct worker_key *active, size_t n);

	size_t (*count)(const struct executor *x); /* workers that are watched */

	/* Stops watching and leaves the workers alone: they go on, and what they write is lost
	 * (EPIPE). NULL is fine. */
	void (*close)(struct executor *x);
};

extern const struct executor_ops executor_process;
extern const struct executor_ops executor_kubernetes;

/* The one that [controller] executor names. */
const struct executor_ops *executor_choose(const struct settings *settings);

#endif
