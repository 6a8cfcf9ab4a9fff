/*
 * attempt - one attempt of a run, from its claim to its end.
 *
 * Does what the job says, logs to standard error and to the store, shows
 * progress on a terminal, keeps the lease. The run ends as the target's ledger
 * says (docs/design.md §3, rule 4); where that cannot be asked, or another
 * attempt may help, it goes back into the queue.
 *
 * Threads: this one (signals, ticks; it touches no database), the keeper's, and
 * those of the step.
 */
#ifndef WORK_ATTEMPT_H
#define WORK_ATTEMPT_H

#include <stdatomic.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/settings.h"
#include "job/job.h"
#include "job/run.h"
#include "job/store.h"

/* What the caller's signal handlers set: it stops with `cancel`, and one of the others says why. */
struct attempt_signals {
	atomic_bool cancel;
	atomic_bool told;      /* to leave (SIGTERM, SIGINT) */
	atomic_bool timed_out; /* the alarm */
};

struct attempt {
	const struct settings *settings;
	const struct job *job;
	struct run *run;
	const char *actor; /* who works: for the events */
	const struct clock *clock;
	struct attempt_signals *signals;
	void (*alarm)(int64_t ms); /* set `timed_out` and `cancel` in so many ms; 0: never */
	bool by_hand; /* somebody looks on: one attempt, and who ends it cancels it */
};

/* Connections that the job names and what they can do, before a run is ordered: ERR_CONFIG. */
MUST_CHECK int attempt_check(const struct settings *settings, const struct job *job,
	struct err *err);

/* The run is running. 0: it succeeded. -1: it did not, or the store could not be told; the error has
 * been logged, and stored where that was possible. The store is the attempt's. */
MUST_CHECK int attempt_execute(const struct attempt *attempt, struct store *store, struct err *err);

#endif
