/*
 * The step of an sql job: statements in its target, with the ledger.
 *
 * Atomic ones are done once or not at all. Others are carried out one by one, and
 * one that was lost between two of them is unknown (docs/design.md §3, rule 9); a
 * statement that the database refuses is a failure all the same: how far it came
 * is known.
 */
#include "work/step.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "work/aside.h"
#include "work/history.h"
#include "work/settle.h"

struct session {
	struct step_host *host;
	const struct connection *conn;
	const struct target_ops *ops;
	struct script script;
	int64_t start; /* monotonic ms */

	/* the thread's until it has ended */
	struct step_result result;
	enum err_code host_failed; /* the host's error, which is not the target's */
	bool settled;              /* result.end is known already */
	int failed;
	struct err err;
};

static int before_publish(void *arg, struct err *err)
{
	struct session *s = arg;

	if (s->host->before_publish(s->host, err) == 0)
		return 0;
	s->host_failed = err->code;
	return -1;
}

/* 0: published, now or before. */
static int carry_out(
	struct session *s, const struct load *load, struct target **ret_target, struct err *err)
{
	enum ledger_state state;

	if (s->ops->open(s->conn, load, s->host->cancel, ret_target, err) ||
		history_check(s->host, s->ops, *ret_target, err) ||
		s->ops->begin(*ret_target, &state, err))
		return -1;
	s->result.before = state == LEDGER_PUBLISHED;
	if (s->result.before)
		return 0;
	if (state == LEDGER_REVOKED) {
		s->settled = true;
		s->result.end = STEP_WITHDRAWN;
		return err_set(err, ERR_TARGET,
			"the load was withdrawn by another attempt, which took it for its last");
	}
	return s->ops->script(*ret_target, &s->script, err);
}

/* What the error leaves behind. */
static enum step_end end_of(struct session *s, struct target *target, struct err *err)
{
	struct settling settling = {
		.ops = s->ops, .target = target, .first = s->host->run->fence <= 1};
	bool half = s->script.carried_out > 0 && !s->host->job->idempotent;
	enum step_end end;

	if (half)
		err_hint(err, "what stands before it has been carried out, and is not taken back");
	if (!half)
		settling.again = s->host->again(s->host, err);
	if (!half || s->script.refused)
		return settle(&settling, err);
	settling.again = true; /* only ask */
	end = settle(&settling, err);
	return end == STEP_OPEN ? STEP_UNKNOWN : end;
}

static void work(void *arg)
{
	struct session *s = arg;
	struct load load = settle_load(s->host);
	struct target *target = NULL;

	s->failed = carry_out(s, &load, &target, &s->err);
	if (s->failed && s->host_failed)
		s->err.code = s->host_failed;
	if (s->failed && !s->settled)
		s->result.end = end_of(s, target, &s->err);
	else if (!s->failed)
		s->result.end = STEP_DONE;
	s->ops->close(target);
}

static void on_tick(void *arg)
{
	struct session *s = arg;
	const struct clock *clock = s->host->clock;
	unsigned at = atomic_load_explicit(&s->script.at, memory_order_relaxed);
	char elapsed[32], statement[32] = "", line[JOB_NAME_MAX + 80];

	if (at)
		snprintf(statement, sizeof(statement), ", statement %u", at);
	snprintf(line, sizeof(line), "%s  %s%s", s->host->job->name,
		text_elapsed(clock->monotonic(clock->arg) - s->start, elapsed, sizeof(elapsed)),
		statement);
	s->host->progress(s->host, line, 0, 0);
}

static int find_target(const struct settings *settings, const struct job *job,
	const struct connection **ret_conn, const struct target_ops **ret_ops, struct err *err)
{
	if (target_of(settings, job, ret_conn, ret_ops, err))
		return -1;
	if ((*ret_ops)->script)
		return 0;
	err_set(err, ERR_CONFIG, "connection '%s': driver '%s' runs no statements",
		(*ret_conn)->name, driver_name((*ret_conn)->driver));
	return err_wrap(err, "%s", (*ret_conn)->where);
}

static int sql_run(struct step_host *host, struct step_result *ret_result, struct err *err)
{
	struct session s = {.host = host,
		.script = {.sql = host->job->command ? host->job->command : "",
			.atomic = host->job->atomic,
			.before_publish = before_publish,
			.arg = &s},
		.start = host->clock->monotonic(host->clock->arg)};

	/* Nothing was written by this attempt; an earlier one may have. */
	*ret_result = (struct step_result){
		.end = host->run->fence <= 1 ? STEP_WITHDRAWN : STEP_UNSETTLED};
	if (find_target(host->settings, host->job, &s.conn, &s.ops, err) ||
		aside_run(work, on_tick, &s, err)) {
		if (host->again(host, err))
			ret_result->end = STEP_OPEN;
		return -1;
	}
	*ret_result = s.result;
	if (s.result.end == STEP_DONE) {
		ret_result->rows_written = s.script.rows;
		return 0;
	}
	*err = s.err;
	return -1;
}

static int sql_check(const struct settings *settings, const struct job *job, struct err *err)
{
	const struct connection *conn;
	const struct target_ops *ops;

	return find_target(settings, job, &conn, &ops, err);
}

const struct step_ops step_sql = {
	.kind = JOB_SQL,
	.check = sql_check,
	.run = sql_run,
	.settle = settle_run,
};
