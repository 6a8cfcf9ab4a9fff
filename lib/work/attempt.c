#include "work/attempt.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "base/text.h"
#include "work/keeper.h"
#include "work/step.h"

#define PROGRESS_LOG_MS 10000 /* between two lines of progress where there is no terminal */
#define LOOK_MS 2000	      /* how long to ask the store why we are to stop */
#define RENEW_TRY_MS 1000     /* before publishing, between two looks at the cancellation */

static const struct step_ops *const steps[] = {&step_copy, &step_sql, &step_exec};

struct host {
	struct step_host base;
	const struct attempt *at;
	struct keeper *keeper;
	int64_t start, logged_ms;
};

static struct host *of(struct step_host *base)
{
	return (struct host *)base;
}

static const struct step_ops *find_step(enum job_kind kind)
{
	size_t i = 0;

	while (steps[i]->kind != kind) /* every kind has one: a test goes over them */
		i++;
	return steps[i];
}

int attempt_check(const struct settings *settings, const struct job *job, struct err *err)
{
	return find_step(job->kind)->check(settings, job, err);
}

/* --- what a step asks of us --- */

static void host_say(struct step_host *base, enum log_level level, const char *text)
{
	log_write(level, "%s", text);
	keeper_say(of(base)->keeper, level, text);
}

static void tell(struct host *h, enum log_level level, const char *fmt, ...) PRINTF(3, 4);

static void tell(struct host *h, enum log_level level, const char *fmt, ...)
{
	char text[LOG_LINE_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	host_say(&h->base, level, text);
}

static void host_progress(struct step_host *base, const char *line, uint64_t rows UNUSED,
	uint64_t bytes UNUSED)
{
	struct host *h = of(base);
	int64_t elapsed = base->clock->monotonic(base->clock->arg) - h->start;

	keeper_progress(h->keeper, line);
	if (log_has_status()) {
		log_status(line);
	} else if (elapsed - h->logged_ms >= PROGRESS_LOG_MS) {
		log_info("%s", line);
		h->logged_ms = elapsed;
	}
}

/* A store that is away is waited for; whoever took the run over could not tell us meanwhile. */
static int host_before_publish(struct step_host *base, struct err *err)
{
	struct host *h = of(base);

	for (;;) {
		struct err why = ERR_INIT;

		if (*base->cancel)
			return err_set(err, ERR_CANCELLED, "cancelled");
		if (keeper_renew(h->keeper, RENEW_TRY_MS, &why) == 0)
			return *base->cancel ? err_set(err, ERR_CANCELLED, "cancelled") : 0;
		if (why.code == ERR_LEASE_LOST) {
			*err = why;
			return -1;
		}
		log_warn("before publishing the lease is to be renewed, but %s", why.msg);
	}
}

struct known {
	const struct run_mark *runs;
	size_t n, unknown;
};

static int ask_known(struct store *s, void *arg, struct err *err)
{
	struct known *k = arg;

	return queue_known(s, k->runs, k->n, &k->unknown, err);
}

static int host_known_runs(struct step_host *base, const struct run_mark *runs, size_t n,
	size_t *ret_unknown, struct err *err)
{
	struct known k = {.runs = runs, .n = n};

	if (keeper_call(of(base)->keeper, ask_known, &k, -1, err))
		return -1;
	*ret_unknown = k.unknown;
	return 0;
}

/* Told to stop, and the store knows why: asked now, since the next renewal may be far. */
static bool is_cancelled(struct host *h)
{
	struct err err = ERR_INIT;

	if (h->at->by_hand)
		return true;
	if (!keeper_cancelled(h->keeper) && keeper_renew(h->keeper, LOOK_MS, &err))
		log_debug("ask why: %s", err.msg);
	return keeper_cancelled(h->keeper);
}

/* Why an attempt that failed with this did so. */
static enum attempt_end end_of(struct host *h, const struct err *why)
{
	const struct attempt_signals *s = h->at->signals;

	if (why->code == ERR_HELD)
		return END_HELD;
	if (why->code != ERR_CANCELLED)
		return why->code == ERR_AUTH ? END_REFUSED : END_FAILED;
	if (s->timed_out)
		return END_TIMED_OUT;
	return END_GIVEN_BACK;
}

/* Who withdraws a load in the target ends the run: not who has lost it without knowing. */
static bool is_lost(struct host *h)
{
	struct err err = ERR_INIT;

	if (keeper_renew(h->keeper, LOOK_MS, &err))
		log_debug("before the target is asked to withdraw: %s", err.msg);
	return keeper_lost(h->keeper);
}

/* The person who looks on decides what comes next. */
static bool host_again(struct step_host *base, const struct err *why)
{
	struct host *h = of(base);

	if (keeper_lost(h->keeper) || why->code == ERR_LEASE_LOST)
		return true; /* by somebody else */
	if (h->at->by_hand || keeper_cancelled(h->keeper) ||
		(h->at->signals->told && is_cancelled(h)) ||
		!scheduler_again(h->at->job, h->at->run, end_of(h, why)))
		return is_lost(h);
	return true;
}

/* --- the end --- */

struct ending {
	struct run *run;
	const struct verdict *verdict;
	const char *actor, *reason;
	const struct run_result *result;
	const char *hold; /* the job's runs are to wait; NULL: no */
};

static int write_ending(struct store *s, void *arg, struct err *err)
{
	struct ending *e = arg;

	if (e->hold && queue_hold(s, e->run->job_id, e->hold, err))
		return -1;
	return queue_give_up(s, e->run, e->verdict, e->actor, e->reason, e->result, err);
}

/* A reply that was lost makes the second try find the run moved: that is not ours to tell from a
 * lost lease, and needs no telling. */
static int end_run(struct host *h, const struct verdict *v, const char *reason, const char *hold,
	const struct step_result *r, const struct err *why, struct err *err)
{
	const bool counted = r && h->at->job->kind != JOB_EXEC;
	const struct run_result result = {.rows_read = counted ? (int64_t)r->rows_read : -1,
		.rows_written = counted ? (int64_t)r->rows_written : -1,
		.rows_rejected = counted && h->at->job->kind == JOB_COPY ? (int64_t)r->rows_rejected : -1,
		.bytes_read = counted ? (int64_t)r->bytes_read : -1,
		.error_code = why ? err_name(why->code) : NULL,
		.error_message = why ? why->msg : NULL,
		.lineage = r && r->has_lineage ? &r->lineage : NULL};
	struct ending e = {.run = h->at->run,
		.verdict = v,
		.actor = h->at->actor,
		.reason = reason,
		.result = &result,
		.hold = hold};

	return keeper_call(h->keeper, write_ending, &e, -1, err);
}

static const struct verdict succeeded = {.state = RUN_SUCCEEDED, .settle = RUN_STATE_COUNT};

static const char *name_rejects(const struct host *h, const struct step_result *r, char out[128])
{
	char rows[64];

	out[0] = '\0';
	if (r->rows_rejected)
		snprintf(out, 128, "; %s rejected: etl rejects %" PRId64,
			text_plural(r->rows_rejected, "row", rows, sizeof(rows)), h->at->run->run_id);
	return out;
}

static int succeed(struct host *h, const struct step_result *r, struct err *err)
{
	const struct job *job = h->at->job;
	char rows[64], bytes[32], elapsed[32], rejects[128];

	text_elapsed(h->base.clock->monotonic(h->base.clock->arg) - h->start, elapsed, sizeof(elapsed));
	if (r->before)
		tell(h, LOG_INFO, "an earlier attempt has published this load already");
	else if (job->kind == JOB_COPY)
		tell(h, r->rows_rejected ? LOG_WARN : LOG_INFO,
			"published %s in '%s' (%s, %s read, %s)%s",
			text_plural(r->rows_written, "row", rows, sizeof(rows)), job->target_table,
			load_mode_name(job->load_mode), text_bytes(r->bytes_read, bytes, sizeof(bytes)),
			elapsed, name_rejects(h, r, rejects));
	else if (job->kind == JOB_SQL)
		tell(h, LOG_INFO, "done: %s changed (%s)",
			text_plural(r->rows_written, "row", rows, sizeof(rows)), elapsed);
	else
		tell(h, LOG_INFO, "the command ended well (%s)", elapsed);
	if (end_run(h, &succeeded, NULL, NULL, r->before ? NULL : r, NULL, err) == 0)
		return 0;
	log_error("%s", err->msg);
	return -1;
}

static struct verdict verdict_of(struct host *h, const struct step_result *r, const struct err *why)
{
	const struct attempt *at = h->at;
	const struct attempt_signals *s = at->signals;
	enum attempt_end end = end_of(h, why);
	bool cancelled = keeper_cancelled(h->keeper) || (s->told && is_cancelled(h));
	struct verdict v;

	at->run->cancel_requested = cancelled;
	v = scheduler_verdict(at->job, at->run, end, r->end == STEP_UNKNOWN);
	if (at->by_hand || cancelled || !scheduler_again(at->job, at->run, end))
		v = (struct verdict){.state = s->timed_out ? RUN_TIMED_OUT
					      : cancelled  ? RUN_CANCELLED
							   : RUN_FAILED,
			.settle = RUN_STATE_COUNT};
	if (r->end == STEP_UNKNOWN && !cancelled && !s->timed_out)
		v = (struct verdict){.state = RUN_UNKNOWN, .settle = RUN_STATE_COUNT};
	if (r->end == STEP_WITHDRAWN && v.state == RUN_QUEUED) /* whoever did that: it is over */
		v = (struct verdict){.state = RUN_FAILED, .settle = RUN_STATE_COUNT};
	return v;
}

/* A final state needs the target's word. 1: the run was done after all; else *v may have become a
 * place in the queue, for an attempt that only asks. */
static int ask_target(struct host *h, const char *reason, struct verdict *v)
{
	const struct attempt *at = h->at;
	struct err err = ERR_INIT;
	enum step_end end;

	if (find_step(at->job->kind)->settle(&h->base, reason, &end, &err) == 0)
		return end == STEP_DONE;
	tell(h, LOG_WARN, "%s", err.msg);
	*v = (struct verdict){.state = RUN_QUEUED,
		.settle = v->state,
		.delay = scheduler_back_off(at->run),
		.disruption = true};
	return 0;
}

static void explain(struct host *h, const struct verdict *v, const struct step_result *r)
{
	char delay[32];

	text_elapsed(v->delay, delay, sizeof(delay));
	if (v->state == RUN_UNKNOWN)
		tell(h, LOG_WARN, "it was lost half-way and may not be done again: the run is unknown "
				  "(idempotent = yes would try again)");
	else if (v->settle != RUN_STATE_COUNT)
		tell(h, LOG_WARN, "the run is %s as soon as its target can be asked; the next try is in %s",
			run_state_name(v->settle), delay);
	else if (v->state == RUN_QUEUED && r->end != STEP_UNKNOWN)
		tell(h, LOG_INFO, "back in the queue: the next attempt is in %s", delay);
}

/* `begun`: something of this run may be in its target. */
static int fail(struct host *h, const struct step_result *r, bool begun, struct err *err)
{
	const struct attempt *at = h->at;
	struct err store = ERR_INIT;
	struct verdict v;

	if (keeper_lost(h->keeper) || err->code == ERR_LEASE_LOST) {
		if (err->code != ERR_LEASE_LOST)
			err_set(err, ERR_LEASE_LOST, "run %" PRId64 " was given to somebody else",
				at->run->run_id);
		log_error("%s", err->msg);
		return -1;
	}
	if (err->code == ERR_CANCELLED && at->signals->timed_out) {
		char limit[32];

		err_set(err, ERR_TIMED_OUT, "not done within %s",
			text_elapsed(at->job->timeout, limit, sizeof(limit)));
		v = verdict_of(h, r, &(struct err){.code = ERR_CANCELLED});
	} else {
		v = verdict_of(h, r, err);
	}
	tell(h, err->code == ERR_CANCELLED ? LOG_WARN : LOG_ERROR, "%s", err->msg);
	if (err->hint[0])
		tell(h, LOG_INFO, "hint: %s", err->hint);
	if (begun && r->end != STEP_WITHDRAWN && v.state != RUN_QUEUED && v.state != RUN_UNKNOWN &&
		ask_target(h, err->msg, &v) == 1)
		return succeed(h, &(struct step_result){.end = STEP_DONE, .before = true}, err);
	explain(h, &v, r);
	if (end_run(h, &v, err->msg, err->code == ERR_HELD ? err->msg : NULL, r, err, &store))
		log_error("%s", store.msg);
	return -1;
}

/* --- the run --- */

static void announce(struct host *h)
{
	const struct job *job = h->at->job;
	char what[1024];

	if (job->kind == JOB_COPY)
		snprintf(what, sizeof(what), "copy '%s' of '%s' to '%s' of '%s' (%s)",
			job_source_name(job), job->source, job->target_table, job->target, load_mode_name(job->load_mode));
	else if (job->kind == JOB_SQL)
		snprintf(what, sizeof(what), "sql in '%s'", job->target);
	else
		snprintf(what, sizeof(what), "exec");
	tell(h, LOG_INFO, "run %" PRId64 ", attempt %" PRId64 ": %s", h->at->run->run_id,
		h->at->run->attempt, what);
}

/* A run that is only to end: its target withdraws what an attempt began, or says that it was done. */
static int settle(struct host *h, const struct step_ops *step, struct err *err)
{
	const struct attempt *at = h->at;
	struct step_result none = {.end = STEP_UNSETTLED, .before = true};
	struct verdict v = {.state = at->run->settle, .settle = RUN_STATE_COUNT};
	enum step_end end;

	tell(h, LOG_INFO, "run %" PRId64 " is to be %s: its target is asked", at->run->run_id,
		run_state_name(at->run->settle));
	if (step->settle(&h->base, run_state_name(at->run->settle), &end, err)) {
		if (err->code == ERR_LEASE_LOST)
			return fail(h, &none, true, err);
		v = scheduler_verdict(at->job, at->run, END_FAILED, false);
		tell(h, LOG_WARN, "%s", err->msg);
		explain(h, &v, &none);
		if (end_run(h, &v, err->msg, NULL, NULL, NULL, err))
			log_error("%s", err->msg);
		return -1;
	}
	if (end == STEP_DONE)
		return succeed(h, &none, err);
	tell(h, LOG_INFO, "withdrawn: the run is %s", run_state_name(at->run->settle));
	return end_run(h, &v, "withdrawn in its target", NULL, NULL, NULL, err);
}

static int execute(struct host *h, struct err *err)
{
	const struct attempt *at = h->at;
	const struct step_ops *step = find_step(at->job->kind);
	struct step_result result = {.end = STEP_OPEN};

	if (at->run->settle != RUN_STATE_COUNT)
		return settle(h, step, err);
	announce(h);
	if (step->check(at->settings, at->job, err))
		return fail(h, &result, at->run->fence > 1, err);
	if (step->run(&h->base, &result, err) == 0) {
		log_status("");
		return succeed(h, &result, err);
	}
	log_status("");
	return fail(h, &result, true, err);
}

int attempt_execute(const struct attempt *at, struct store *store, struct err *err)
{
	struct host h = {.base = {.settings = at->settings,
				 .job = at->job,
				 .run = at->run,
				 .store_uid = store_uid(store),
				 .clock = at->clock,
				 .cancel = &at->signals->cancel,
				 .say = host_say,
				 .progress = host_progress,
				 .before_publish = host_before_publish,
				 .known_runs = host_known_runs,
				 .again = host_again},
		.at = at,
		.start = at->clock->monotonic(at->clock->arg)};
	char uid[UUID_TEXT_LEN + 1];
	int rc;

	snprintf(uid, sizeof(uid), "%s", store_uid(store));
	h.base.store_uid = uid; /* the keeper may open the store anew */
	log_context(at->job->name, at->run->run_id);
	if (keeper_start(at->settings, store, at->run, at->clock, &at->signals->cancel,
		    &at->signals->told, &h.keeper, err)) {
		log_error("%s", err->msg);
		return -1;
	}
	if (at->job->timeout > 0 && at->run->settle == RUN_STATE_COUNT)
		at->alarm(at->job->timeout);
	rc = execute(&h, err);
	at->alarm(0);
	keeper_stop(h.keeper);
	return rc;
}
