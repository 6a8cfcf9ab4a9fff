#include "work/attempt.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "base/text.h"
#include "work/copy.h"
#include "work/progress.h"

#define PROGRESS_LOG_MS 10000 /* between two lines of progress where there is no terminal */

struct watcher {
	const struct attempt *attempt;
	struct copy_progress last;   /* of the last line: rates are since then */
	int64_t logged_ms;
};

static int find_connections(const struct settings *settings, const struct job *job,
	const struct connection **ret_source, const struct connection **ret_target, struct err *err)
{
	char used_by[JOB_NAME_MAX + 32];

	snprintf(used_by, sizeof(used_by), "job '%s': source", job->name);
	if (settings_connection(settings, job->source, used_by, ret_source, err))
		return -1;
	snprintf(used_by, sizeof(used_by), "job '%s': target", job->name);
	if (settings_connection(settings, job->target, used_by, ret_target, err))
		return -1;
	return 0;
}

int attempt_check(const struct settings *settings, const struct job *job, struct err *err)
{
	const struct connection *source, *target;

	if (find_connections(settings, job, &source, &target, err) ||
		copy_check(source, target, err))
		return -1;
	return 0;
}

/* To standard error and to the run's log. That the store did not take a line must not end the load:
 * the line is on standard error, and the next statement will find the store gone. */
static void tell(const struct attempt *at, enum log_level level, const char *fmt, ...) PRINTF(3, 4);

static void tell(const struct attempt *at, enum log_level level, const char *fmt, ...)
{
	struct err err = ERR_INIT;
	char msg[LOG_LINE_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(msg, sizeof(msg), fmt, args);
	va_end(args);
	log_write(level, "%s", msg);
	if (store_log(at->store, at->run, log_level_name(level), msg, &err))
		log_warn("the line above is not in the run's log: %s", err.msg);
}

static void on_progress(void *arg, const struct copy_progress *now)
{
	struct watcher *w = arg;
	char line[PROGRESS_LINE_MAX];

	progress_line(w->attempt->job->name, &w->last, now, line, sizeof(line));
	if (log_has_status())
		log_status(line);
	else if (now->elapsed_ms - w->logged_ms >= PROGRESS_LOG_MS)
		log_info("%s", line);
	else
		return;
	w->logged_ms = now->elapsed_ms;
	if (now->elapsed_ms - w->last.elapsed_ms >= 1000)
		w->last = *now;
}

static int copy_step(const struct attempt *at, struct copy_result *ret_result, struct err *err)
{
	struct watcher w = {.attempt = at};
	struct load load = {.run_uid = at->run->run_uid,
		.store_uid = store_uid(at->store),
		.order_key = at->run->order_key,
		.fence = at->run->fence,
		.job = at->job};
	struct copy copy = {.load = &load,
		.clock = at->clock,
		.cancel = at->cancel,
		.on_progress = on_progress,
		.arg = &w};
	int failed;

	*ret_result = (struct copy_result){.end = COPY_WITHDRAWN};
	if (find_connections(at->settings, at->job, &copy.source, &copy.target, err))
		return -1;
	failed = copy_run(&copy, ret_result, err);
	log_status("");
	return failed;
}

static int finish(const struct attempt *at, enum run_state state, const struct copy_result *r,
	const struct err *why, struct err *err)
{
	struct run_result result = {.rows_read = r->rows_read,
		.rows_written = r->rows_written,
		.bytes_read = r->bytes_read,
		.error_code = why ? err_name(why->code) : NULL,
		.error_message = why ? why->msg : NULL};

	return store_move(at->store, at->run, state, at->actor, why ? why->msg : NULL, &result, err);
}

static int succeed(const struct attempt *at, const struct copy_result *r, int64_t ms,
	struct err *err)
{
	char rows[64], bytes[32], elapsed[32];

	if (r->before)
		tell(at, LOG_INFO, "an earlier attempt has published this load already");
	else
		tell(at, LOG_INFO, "published %s in '%s' (%s, %s read, %s)",
			text_plural(r->rows_written, "row", rows, sizeof(rows)),
			at->job->target_table, load_mode_name(at->job->load_mode),
			text_bytes(r->bytes_read, bytes, sizeof(bytes)),
			text_elapsed(ms, elapsed, sizeof(elapsed)));
	return finish(at, RUN_SUCCEEDED, r, NULL, err);
}

static int fail(const struct attempt *at, const struct copy_result *r, struct err *err)
{
	struct err store = ERR_INIT;
	enum run_state state = err->code == ERR_CANCELLED   ? RUN_CANCELLED
			       : err->code == ERR_TIMED_OUT ? RUN_TIMED_OUT
							    : RUN_FAILED;

	tell(at, LOG_ERROR, "%s", err->msg);
	if (err->hint[0])
		tell(at, LOG_INFO, "hint: %s", err->hint);
	if (r->end == COPY_UNSETTLED) {
		tell(at, LOG_WARN, "the run stays %s until the target can be asked",
			run_state_name(at->run->state));
		return -1;
	}
	if (finish(at, state, r, err, &store))
		log_error("%s", store.msg);
	return -1;
}

static int execute(const struct attempt *at, struct err *err)
{
	const struct job *job = at->job;
	int64_t start = at->clock->monotonic(at->clock->arg);
	struct copy_result result;

	tell(at, LOG_INFO, "run %" PRId64 ", attempt %" PRId64 ": %s '%s' of '%s' to '%s' of '%s' (%s)",
		at->run->run_id, at->run->attempt, job_kind_name(job->kind), job->source_table,
		job->source, job->target_table, job->target, load_mode_name(job->load_mode));
	if (copy_step(at, &result, err))
		return fail(at, &result, err);
	if (succeed(at, &result, at->clock->monotonic(at->clock->arg) - start, err) == 0)
		return 0;
	log_error("%s", err->msg);
	return -1;
}

int attempt_execute(const struct attempt *at, struct err *err)
{
	log_context(at->job->name, at->run->run_id);
	if (store_move(at->store, at->run, RUN_RUNNING, at->actor, NULL, NULL, err)) {
		log_error("%s", err->msg);
		return -1;
	}
	return execute(at, err);
}
