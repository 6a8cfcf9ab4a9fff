/*
 * The step of a copy job: what copy.h does, as an attempt wants it.
 */
#include "work/step.h"

#include <stdio.h>

#include "work/copy.h"
#include "work/progress.h"
#include "work/settle.h"

struct watcher {
	struct step_host *host;
	struct copy_progress last; /* of the last line: rates are since then */
};

static int find_connections(const struct settings *settings, const struct job *job,
	const struct connection **ret_source, const struct connection **ret_target, struct err *err)
{
	const struct source_ops *source;
	const struct target_ops *target;

	if (copy_source(settings, job, ret_source, &source, err))
		return -1;
	if (target_of(settings, job, ret_target, &target, err))
		return -1;
	if (target->stage)
		return copy_check_changes(job, *ret_source, source, target, err);
	err_set(err, ERR_CONFIG, "connection '%s': rows cannot be loaded into driver '%s'",
		(*ret_target)->name, driver_name((*ret_target)->driver));
	return err_wrap(err, "%s", (*ret_target)->where);
}

static int copy_step_check(const struct settings *settings, const struct job *job, struct err *err)
{
	const struct connection *source, *target;

	return find_connections(settings, job, &source, &target, err);
}

static void on_progress(void *arg, const struct copy_progress *now)
{
	struct watcher *w = arg;
	char line[PROGRESS_LINE_MAX];

	progress_line(w->host->job->name, &w->last, now, line, sizeof(line));
	w->host->progress(w->host, line, now->rows, now->bytes);
	if (now->elapsed_ms - w->last.elapsed_ms >= 1000)
		w->last = *now;
}

static int copy_step_run(struct step_host *host, struct step_result *ret_result, struct err *err)
{
	struct watcher w = {.host = host};
	struct copy copy = {.host = host, .on_progress = on_progress, .arg = &w};

	*ret_result = (struct step_result){.end = STEP_OPEN};
	if (find_connections(host->settings, host->job, &copy.source, &copy.target, err))
		return -1;
	return copy_run(&copy, ret_result, err);
}

const struct step_ops step_copy = {
	.kind = JOB_COPY,
	.check = copy_step_check,
	.run = copy_step_run,
	.settle = settle_run,
};
