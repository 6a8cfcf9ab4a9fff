/*
 * attempt - one attempt of a run, from its claim to its end.
 *
 * Takes a run in state starting to a final state: does what the job says, logs
 * to standard error and to the store, shows progress on a terminal. The run
 * ends as the target's ledger says (docs/design.md §3, rule 4); where that
 * cannot be asked it stays as it is, for whoever settles it.
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

struct attempt {
	const struct settings *settings;
	struct store *store;
	const struct job *job;
	struct run *run;
	const char *actor; /* who works: for the events */
	const struct clock *clock;
	const atomic_bool *cancel;
};

/* Connections that the job names and what they can do, before a run is ordered: ERR_CONFIG. */
MUST_CHECK int attempt_check(const struct settings *settings, const struct job *job,
	struct err *err);

/* 0: the run succeeded. -1: it did not, or the store could not be told; the error has been logged,
 * and stored where that was possible. */
MUST_CHECK int attempt_execute(const struct attempt *attempt, struct err *err);

#endif
