/*
 * look - what a job's target knows, and what a run would do: without a run.
 *
 * For the operator's commands. Opens the connections of the job itself and may block.
 */
#ifndef WORK_LOOK_H
#define WORK_LOOK_H

#include "base/arena.h"
#include "base/err.h"
#include "base/settings.h"
#include "job/job.h"
#include "work/reject.h"

/* What a run of the copy job would do: a line each to `say`. The source is read as far as its columns ask
 * for; nothing is written. `full`: without regard to the watermark. */
MUST_CHECK int look_plan(const struct settings *settings, const struct job *job, bool full,
	void (*say)(void *arg, const char *line), void *arg, struct err *err);

MUST_CHECK int look_rejects(const struct settings *settings, const struct job *job,
	const char *run_uid, struct arena *a, struct reject **ret_rejects, size_t *ret_n,
	struct err *err);

/* NULL: there is none yet. */
MUST_CHECK int look_watermark(const struct settings *settings, const struct job *job, struct arena *a,
	const char **ret_watermark, struct err *err);
/* NULL: from the beginning. */
MUST_CHECK int look_set_watermark(const struct settings *settings, const struct job *job,
	const char *to, struct err *err);

#endif
