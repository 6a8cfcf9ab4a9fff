#include "ctl/round.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/log.h"
#include "base/text.h"

struct round {
	const struct round_config *config;
	struct leases runs, controllers;
	int64_t last; /* monotonic ms of the last round that went well; -1: none yet */
};

struct fact *fact_new(enum fact_kind kind, int64_t run_id, int64_t fence, const char *text)
{
	struct fact *f = mem_alloc(sizeof(*f));

	f->kind = kind;
	f->run_id = run_id;
	f->fence = fence;
	f->text = text ? mem_strdup(text) : NULL;
	return f;
}

void fact_free(struct fact *f)
{
	if (!f)
		return;
	free(f->text);
	free(f->output);
	free(f);
}

struct round *round_new(const struct round_config *config)
{
	struct round *r = mem_alloc(sizeof(*r));

	r->config = config;
	r->last = -1;
	return r;
}

void round_free(struct round *r)
{
	if (!r)
		return;
	leases_release(&r->runs);
	leases_release(&r->controllers);
	free(r);
}

void round_failed(struct round *r, int64_t now)
{
	leases_restart(&r->runs, now);
	leases_restart(&r->controllers, now);
}

/* --- giving up --- */

/* The job as it is now; one that cannot be read has the defaults, and its run waits for it. */
static int read_job(struct store *s, int64_t job_id, struct arena *a, struct job *ret_job,
	struct err *err)
{
	struct err why = ERR_INIT;
	int found = store_job_by_id(s, job_id, a, ret_job, &why);

	if (found > 0)
		return 0;
	if (found < 0 && why.code != ERR_CONFIG && why.code != ERR_DATA) {
		*err = why;
		return -1;
	}
	*ret_job = (struct job){.name = "?"};
	config_defaults(job_option_sets, N_JOB_OPTION_SETS, a, ret_job);
	return 0;
}

static void say(const struct run *run, const struct job *job, const struct verdict *v,
	const char *reason)
{
	char delay[32];

	if (v->state == RUN_QUEUED && v->settle == RUN_STATE_COUNT)
		log_warn("run %" PRId64 " (%s): %s; its next attempt is in %s", run->run_id, job->name,
			reason, text_elapsed(v->delay, delay, sizeof(delay)));
	else if (v->state == RUN_QUEUED)
		log_warn("run %" PRId64 " (%s): %s; it is to be %s, its target will be asked",
			run->run_id, job->name, reason, run_state_name(v->settle));
	else
		log_error("run %" PRId64 " (%s): %s; it is %s", run->run_id, job->name, reason,
			run_state_name(v->state));
}

/* What the run's row says of an attempt that nobody else can say anything of. */
static const char *error_code(enum attempt_end end)
{
	switch (end) {
	case END_LOST:
		return "lost";
	case END_NOT_STARTED:
		return "not_started";
	case END_OVERDUE:
		return err_name(ERR_TIMED_OUT);
	default:
		return "crashed";
	}
}

/* Somebody else may have been faster: then there is nothing to do. */
static int give_up(struct round *r, struct store *s, struct run *run, enum attempt_end end,
	const char *reason, struct arena *a, struct err *err)
{
	struct run_result result = {
		RUN_RESULT_NONE, .error_code = error_code(end), .error_message = reason};
	struct err why = ERR_INIT;
	struct verdict v;
	struct job job;

	if (read_job(s, run->job_id, a, &job, err))
		return -1;
	v = scheduler_verdict(&job, run, end, run->state == RUN_RUNNING);
	if (run->settle != RUN_STATE_COUNT) /* what it ends for was said already */
		result.error_code = result.error_message = NULL;
	if (queue_give_up(s, run, &v, r->config->actor, reason, &result, &why)) {
		if (why.code == ERR_LEASE_LOST)
			return 0;
		*err = why;
		return -1;
	}
	say(run, &job, &v, reason);
	return 0;
}

/* --- facts --- */

/* What it wrote last, line by line: it did not say goodbye itself. The fact keeps its text, for another
 * try. */
static int store_output(struct store *s, const struct run *run, const struct fact *f, struct arena *a,
	struct err *err)
{
	char *rest = arena_strdup(a, f->output), *line;
	struct run_line *lines;
	size_t n = 0, max = 2;

	if (!rest || !*rest)
		return 0;
	for (const char *p = rest; *p; p++)
		max += *p == '\n';
	lines = arena_array(a, max, sizeof(*lines));
	if (f->output_lost)
		lines[n++] = (struct run_line){"info",
			arena_printf(a, "… %" PRIu64 " bytes of its output before this were not kept",
				f->output_lost)};
	while ((line = strsep(&rest, "\n")))
		if (*line)
			lines[n++] = (struct run_line){"info", line};
	return queue_log(s, run, lines, n, err);
}

static int worker_ended(struct round *r, struct store *s, struct run *run, struct fact *f,
	struct arena *a, struct err *err)
{
	enum attempt_end end = run->state == RUN_STARTING     ? END_NOT_STARTED
			       : !f->known || f->disrupted    ? END_LOST
			       : f->stopped && !run->cancel_requested ? END_OVERDUE
							      : END_CRASHED;
	const char *reason = f->never_began ? f->text
					    : arena_printf(a, "its worker ended without a word: %s", f->text);

	if (store_output(s, run, f, a, err))
		return -1;
	free(f->output); /* another try would store it twice */
	f->output = NULL;
	return give_up(r, s, run, end, reason, a, err);
}

static void say_end(struct store *s, const struct run *run, struct arena *a)
{
	struct err err = ERR_INIT;
	struct job job = {.name = "?"};

	if (store_job_by_id(s, run->job_id, a, &job, &err) < 0)
		job.name = "?";
	if (run->state == RUN_SUCCEEDED)
		log_info("run %" PRId64 " (%s): succeeded", run->run_id, job.name);
	else if (run->state == RUN_QUEUED)
		log_warn("run %" PRId64 " (%s): back in the queue", run->run_id, job.name);
	else
		log_error("run %" PRId64 " (%s): %s", run->run_id, job.name,
			run_state_name(run->state));
}

static int take_fact(struct round *r, struct store *s, struct fact *f, struct arena *a,
	struct err *err)
{
	struct err why = ERR_INIT;
	struct run run;
	int found = queue_find(s, f->run_id, a, &run, err), failed = 0;

	if (found < 0)
		return -1;
	if (!found)
		return 0; /* a store that was restored: nothing of it is there */
	if (run.fence != f->fence || (run.state != RUN_STARTING && run.state != RUN_RUNNING)) {
		if (f->kind == FACT_ENDED && run.fence == f->fence)
			say_end(s, &run, a);
		return 0; /* its worker said goodbye itself, or it is somebody else's */
	}
	switch (f->kind) {
	case FACT_STARTED:
		failed = queue_worker(s, &run, f->text, &why);
		break;
	case FACT_ADOPTED:
		failed = queue_adopt(s, &run, r->config->uid, &why);
		break;
	case FACT_PENDING:
		failed = run.state == RUN_STARTING && queue_pending(s, &run, r->config->lease_ms, f->text, &why);
		break;
	case FACT_NOT_STARTED:
		return give_up(r, s, &run, END_NOT_STARTED, f->text, a, err);
	case FACT_GONE:
		return give_up(r, s, &run, run.state == RUN_STARTING ? END_NOT_STARTED : END_LOST,
			f->text, a, err);
	case FACT_ENDED:
		return worker_ended(r, s, &run, f, a, err);
	}
	if (failed && why.code != ERR_LEASE_LOST) {
		*err = why;
		return -1;
	}
	return 0;
}

static int take_facts(struct round *r, struct store *s, struct fact **facts, struct arena *a,
	struct err *err)
{
	while (*facts) {
		struct fact *f = *facts;

		if (take_fact(r, s, f, a, err))
			return -1;
		*facts = f->next;
		fact_free(f);
	}
	return 0;
}

/* --- looking over --- */

static enum executor_found look(struct round *r, const char *process)
{
	return r->config->look(r->config->arg, process);
}

/* FNV-1a: a number for the uid of a controller, as leases want one. */
static int64_t number_of(const char *uid)
{
	uint64_t h = 14695981039346656037u;

	for (; *uid; uid++)
		h = (h ^ (unsigned char)*uid) * 1099511628211u;
	return (int64_t)(h >> 1);
}

struct peers {
	struct controller_info *v;
	bool *dead; /* v[i] was running until now */
	size_t n;
};

/* Who of the controllers is gone: on this host that can be seen, of others only waited for. */
static int look_at_peers(struct round *r, struct store *s, int64_t now, struct arena *a,
	struct peers *p, struct err *err)
{
	if (queue_controllers(s, a, &p->v, &p->n, err))
		return -1;
	p->dead = arena_alloc(a, p->n + 1);
	leases_round(&r->controllers);
	for (size_t i = 0; i < p->n; i++) {
		const struct controller_info *c = &p->v[i];
		enum executor_found found;

		if (strcmp(c->uid, r->config->uid) == 0)
			continue;
		found = look(r, c->process);
		p->dead[i] = leases_over(&r->controllers, number_of(c->uid), 0, c->lease_until,
			!c->alive, r->config->lease_ms, now);
		p->dead[i] = found == EXECUTOR_GONE || (found == EXECUTOR_ELSEWHERE && p->dead[i]);
		if (p->dead[i] && queue_bury_controller(s, c, err))
			return -1;
	}
	leases_round_end(&r->controllers);
	return 0;
}

/* Is there a controller that looks after the run's worker? */
static bool is_watched(const struct active_run *run, const struct peers *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(run->controller_uid, p->v[i].uid) == 0)
			return !p->dead[i];
	return false;
}

static int look_at_run(struct round *r, struct store *s, struct active_run *run,
	const struct peers *p, int64_t now, struct arena *a, struct round_result *ret,
	struct err *err)
{
	bool ours = run->controller_uid && strcmp(run->controller_uid, r->config->uid) == 0;

	if (leases_over(&r->runs, run->run.run_id, run->run.fence, run->lease_until, run->lease_past,
		    r->config->lease_ms, now)) {
		if (ours) /* it can do no harm any more, but it takes a place */
			ret->stops[ret->n_stops++] = *run;
		return give_up(r, s, &run->run, END_LOST, "its lease ran out: nothing was heard of "
							   "its worker", a, err);
	}
	if (!run->controller_uid) { /* by hand */
		if (run->worker && look(r, run->worker) == EXECUTOR_GONE)
			return give_up(r, s, &run->run, END_LOST, "its worker is gone", a, err);
		return 0;
	}
	if (ours) {
		if (run->run.cancel_requested || run->overdue)
			ret->stops[ret->n_stops++] = *run;
	} else if (!is_watched(run, p)) {
		ret->orphans[ret->n_orphans++] = *run;
	}
	return 0;
}

static int look_over(struct round *r, struct store *s, int64_t now, struct arena *a,
	struct round_result *ret, struct err *err)
{
	struct active_run *runs;
	struct peers peers;
	size_t n;

	if (look_at_peers(r, s, now, a, &peers, err) ||
		queue_active(s, ROUND_OVERDUE_GRACE_MS, a, &runs, &n, err))
		return -1;
	ret->active = runs;
	ret->n_active = n;
	ret->orphans = arena_array(a, n + 1, sizeof(*ret->orphans));
	ret->stops = arena_array(a, n + 1, sizeof(*ret->stops));
	leases_round(&r->runs);
	for (size_t i = 0; i < n; i++)
		if (look_at_run(r, s, &runs[i], &peers, now, a, ret, err))
			return -1;
	leases_round_end(&r->runs);
	return 0;
}

/* Not asked for a while, a store may have been away for the others too. */
static void check_gap(struct round *r, int64_t now)
{
	if (r->last >= 0 && now - r->last > r->config->lease_ms / 2)
		round_failed(r, now);
}

/* For those who start workers. One that cannot be read has the defaults: its worker says what is wrong. */
static void read_jobs(struct store *s, struct arena *a, struct round_result *ret)
{
	struct err ignored = ERR_INIT;

	ret->jobs = arena_array(a, ret->n_claimed + 1, sizeof(*ret->jobs));
	for (size_t i = 0; i < ret->n_claimed; i++)
		if (read_job(s, ret->claimed[i].job_id, a, &ret->jobs[i], &ignored))
			ret->jobs[i] = (struct job){.name = "?"};
}

static int steps(struct round *r, struct store *s, struct fact **facts, const char *state,
	size_t workers, size_t free_slots, const char *since, int64_t now, struct arena *a,
	struct round_result *ret, struct err *err)
{
	const struct round_config *c = r->config;
	const struct controller_info me = {.uid = c->uid,
		.host = c->host,
		.process = c->process,
		.version = c->version,
		.state = state,
		.max_workers = c->max_workers,
		.workers = (int64_t)workers};

	bool quiet;

	if (FAULT(ROUND_BEGUN, err) || queue_beat(s, &me, c->lease_ms, &quiet, err))
		return -1;
	if (quiet && !*facts && !c->outlook) { /* who asks for an outlook is told of what ended too */
		ret->outlook.next_ready_ms = -1;
		return 0;
	}
	if (take_facts(r, s, facts, a, err) ||
		look_over(r, s, now, a, ret, err) || queue_sort(s, c->actor, err) ||
		queue_outlook(s, c->outlook ? since : NULL, &ret->outlook, err))
		return -1;
	if (free_slots == 0)
		return 0;
	/* last, so that nothing can fail after it: what is claimed is to be started */
	if (queue_claim(s, c->actor, c->uid, c->lease_ms, free_slots, a, &ret->claimed, &ret->n_claimed, err))
		return -1;
	if (c->with_jobs)
		read_jobs(s, a, ret);
	return 0;
}

int round_run(struct round *r, struct store *s, struct fact **facts, const char *state,
	size_t workers, size_t free_slots, const char *since, int64_t now, struct arena *a,
	struct round_result *ret, struct err *err)
{
	*ret = (struct round_result){.n_claimed = 0};
	check_gap(r, now);
	if (steps(r, s, facts, state, workers, free_slots, since, now, a, ret, err)) {
		round_failed(r, now);
		return -1;
	}
	r->last = now;
	return 0;
}
