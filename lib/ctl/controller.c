#include "ctl/controller.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "ctl/bell.h"

#define LEAVE_MS 5000 /* how long the last round may take when we are told to stop */
#define ENDS_PER_TURN 1000

/* One round, asked for and answered. */
struct visit {
	struct arena arena;
	struct fact *facts; /* those that the store has not taken come back */
	const char *state;
	size_t workers, free_slots;
	bool doubt; /* a worker could not log in */
	struct round_result result;
	bool failed;
};

/* The thread that goes the rounds, and what it shares with the loop. */
struct rounds {
	const struct controller_config *config;
	const char *since;
	struct round *round;
	struct store *store; /* NULL while it is to be opened again */
	struct gate gate;
	pthread_t thread;

	pthread_mutex_t mutex; /* for what is below */
	pthread_cond_t changed;
	struct visit *asked, *answered;
	int answer_fd; /* readable: one was answered */
	bool quit;
};

struct controller {
	const struct controller_config *config;
	struct executor *x;
	struct bell *bell;
	struct rounds rounds;
	struct round_config round_config;
	struct arena arena;

	struct fact *facts, **facts_end; /* for the next round */
	bool under_way;			 /* a round is */
	bool wake;			 /* the next one is to be at once */
	bool doubt;			 /* a worker has ended since that could not log in */
	int64_t next_round;		 /* monotonic ms */
	bool stopping;
	int64_t stop_until;
	bool idle;
	int64_t away_since; /* the store; -1: it is there */
	struct outlook outlook;
};

static int64_t now(const struct controller *c)
{
	return c->config->clock->monotonic(c->config->clock->arg);
}

/* --- the rounds --- */

static int visit_store(struct rounds *r, struct visit *v, struct err *err)
{
	const struct clock *clock = r->config->clock;

	if (r->store && store_moved(r->store)) {
		store_close(r->store);
		r->store = NULL;
	}
	if (!r->store && store_open(r->config->settings, &r->store, err))
		return -1;
	if (v->free_slots && !gate_is_open(&r->gate, v->doubt, clock->monotonic(clock->arg)))
		v->free_slots = 0;
	if (round_run(r->round, r->store, &v->facts, v->state, v->workers, v->free_slots, r->since,
		    clock->monotonic(clock->arg), &v->arena, &v->result, err) == 0)
		return 0;
	if (err->code != ERR_BUSY) { /* a connection that failed is not trusted again */
		store_close(r->store);
		r->store = NULL;
	}
	return -1;
}

static void *rounds_main(void *arg)
{
	struct rounds *r = arg;

	pthread_mutex_lock(&r->mutex);
	for (;;) {
		struct visit *v;
		struct err err = ERR_INIT;
		uint64_t one = 1;

		while (!r->asked && !r->quit)
			pthread_cond_wait(&r->changed, &r->mutex);
		v = r->asked;
		if (!v)
			break;
		r->asked = NULL;
		pthread_mutex_unlock(&r->mutex);
		v->failed = visit_store(r, v, &err) != 0;
		if (v->failed) {
			round_failed(r->round, r->config->clock->monotonic(r->config->clock->arg));
			log_warn("%s", err.msg);
		}
		pthread_mutex_lock(&r->mutex);
		r->answered = v;
		if (write(r->answer_fd, &one, sizeof(one)) < 0)
			log_error("eventfd: %s", strerror(errno));
	}
	pthread_mutex_unlock(&r->mutex);
	return NULL;
}

static void free_facts(struct fact *f)
{
	while (f) {
		struct fact *next = f->next;

		fact_free(f);
		f = next;
	}
}

static void visit_free(struct visit *v)
{
	if (!v)
		return;
	free_facts(v->facts);
	arena_release(&v->arena);
	free(v);
}

static int rounds_start(struct rounds *r, struct err *err)
{
	int e;

	pthread_mutex_init(&r->mutex, NULL);
	pthread_cond_init(&r->changed, NULL);
	r->answer_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	e = r->answer_fd < 0 ? errno : pthread_create(&r->thread, NULL, rounds_main, r);
	return e ? err_errno(err, ERR_IO, e, "start the store's thread") : 0;
}

/* --- facts --- */

static struct fact *add_fact(struct controller *c, enum fact_kind kind, int64_t run_id, int64_t fence,
	const char *text)
{
	struct fact *f = fact_new(kind, run_id, fence, text);

	*c->facts_end = f;
	c->facts_end = &f->next;
	c->wake = true;
	return f;
}

/* `job` NULL: the executor does not ask for it. */
static void start_worker(struct controller *c, const struct run *run, const struct job *job)
{
	const struct worker_spec spec = {.job_id = run->job_id,
		.run_id = run->run_id,
		.fence = run->fence,
		.run_uid = run->run_uid,
		.config = c->config->config_path,
		.job = job ? job->name : NULL,
		.pod_patch = job ? job->pod_patch : NULL,
		.timeout = job ? job->timeout : 0};
	char handle[EXECUTOR_HANDLE_MAX];
	struct err err = ERR_INIT;

	if (FAULT(START_BEFORE, &err) || c->x->ops->start(c->x, &spec, handle, &err)) {
		log_error("%s", err.msg);
		add_fact(c, FACT_NOT_STARTED, run->run_id, run->fence, err.msg);
		return;
	}
	(void)FAULT(START_DONE, &err);
	log_info("run %" PRId64 " (job %" PRId64 "), attempt %" PRId64 ": worker started", run->run_id,
		run->job_id, run->attempt);
	add_fact(c, FACT_STARTED, run->run_id, run->fence, handle);
}

/* A worker whose controller is gone: it is ours now, or over. */
static void adopt_worker(struct controller *c, const struct active_run *run)
{
	const char *why = run->worker ? "its worker ended, and its controller before it"
				      : "its controller ended before it had started a worker";
	enum executor_found found = c->x->ops->adopt(
		c->x, run->run.run_id, run->run.fence, run->run.run_uid, run->worker);

	if (found == EXECUTOR_ALIVE) {
		log_info("run %" PRId64 " (%s): worker adopted", run->run.run_id, run->job_name);
		add_fact(c, FACT_ADOPTED, run->run.run_id, run->run.fence, NULL);
	} else if (found == EXECUTOR_GONE || (found == EXECUTOR_ELSEWHERE && !run->worker)) {
		/* a worker that comes all the same finds the run not its own any more */
		add_fact(c, FACT_GONE, run->run.run_id, run->run.fence, why);
	}
}

static void take_ends(struct controller *c)
{
	struct worker_end end;
	struct err err = ERR_INIT;

	for (int i = 0; i < ENDS_PER_TURN && c->x->ops->next(c->x, &end) == 1; i++) {
		struct fact *f = add_fact(c, FACT_ENDED, end.run_id, end.fence, end.reason);

		(void)FAULT(WORKER_ENDED, &err);
		f->known = end.known;
		f->stopped = end.stopped;
		f->disrupted = end.disrupted;
		f->never_began = end.never_began;
		c->doubt |= end.exit_status == err_exit_code(ERR_AUTH) || end.exit_status == err_exit_code(ERR_NETWORK);
		f->output_lost = end.output_lost;
		f->output = mem_alloc(end.output_len + 1);
		memcpy(f->output, end.output, end.output_len);
	}
}

/* Those that have not begun keep their runs. Only news is worth a round of its own. */
static void take_notices(struct controller *c)
{
	struct worker_notice notice;

	if (!c->x->ops->notice)
		return;
	for (int i = 0; i < ENDS_PER_TURN && c->x->ops->notice(c->x, &notice) == 1; i++) {
		bool wake = c->wake;

		if (notice.words)
			log_warn("run %" PRId64 ": %s", notice.run_id, notice.words);
		add_fact(c, FACT_PENDING, notice.run_id, notice.fence, notice.words);
		c->wake = wake || notice.words;
	}
}

/* What is left of workers whose runs are over. */
static void sweep(struct controller *c, const struct visit *v)
{
	CLEANUP_FREE struct worker_key *active = NULL;

	if (v->failed || !c->x->ops->sweep)
		return;
	active = mem_array(v->result.n_active + 1, sizeof(*active));
	for (size_t i = 0; i < v->result.n_active; i++)
		active[i] = (struct worker_key){v->result.active[i].run.run_id, v->result.active[i].run.fence};
	c->x->ops->sweep(c->x, active, v->result.n_active);
}

/* --- rounds, asked and answered --- */

static size_t free_slots(const struct controller *c)
{
	size_t max = (size_t)c->config->settings->controller.max_workers;
	size_t busy = c->x->ops->count(c->x);

	return c->stopping || busy >= max ? 0 : max - busy;
}

static void ask(struct controller *c)
{
	struct visit *v = mem_alloc(sizeof(*v));

	v->facts = c->facts;
	c->facts = NULL;
	c->facts_end = &c->facts;
	v->state = c->stopping ? "stopping" : "running";
	v->workers = c->x->ops->count(c->x);
	v->free_slots = free_slots(c);
	if (c->x->ops->mark)
		c->x->ops->mark(c->x);
	v->doubt = c->doubt;
	c->doubt = false;
	c->under_way = true;
	c->wake = false;
	pthread_mutex_lock(&c->rounds.mutex);
	c->rounds.asked = v;
	pthread_cond_signal(&c->rounds.changed);
	pthread_mutex_unlock(&c->rounds.mutex);
}

/* Facts that the store did not take go before those that have come since. */
static void keep_facts(struct controller *c, struct visit *v)
{
	struct fact **end = &v->facts;

	if (!v->facts)
		return;
	while (*end)
		end = &(*end)->next;
	*end = c->facts;
	if (!c->facts)
		c->facts_end = end;
	c->facts = v->facts;
	v->facts = NULL;
}

static void watch_store(struct controller *c, bool failed)
{
	char text[32];

	if (failed && c->away_since < 0) {
		c->away_since = now(c);
		log_warn("the store cannot be used; workers go on, and it is tried again every %s",
			text_elapsed(c->config->settings->controller.poll, text, sizeof(text)));
	} else if (!failed && c->away_since >= 0) {
		log_info("the store is back after %s",
			text_elapsed(now(c) - c->away_since, text, sizeof(text)));
		c->away_since = -1;
	}
}

static bool is_idle(const struct controller *c, const struct visit *v)
{
	const struct outlook *o = &v->result.outlook;

	return c->config->until_idle && !v->failed && v->result.n_claimed == 0 && o->active == 0 &&
	       o->queued == 0 && !c->facts && c->x->ops->count(c->x) == 0;
}

static void take_answer(struct controller *c)
{
	const struct settings *s = c->config->settings;
	struct visit *v;
	uint64_t n;

	if (read(c->rounds.answer_fd, &n, sizeof(n)) < 0)
		return;
	pthread_mutex_lock(&c->rounds.mutex);
	v = c->rounds.answered;
	c->rounds.answered = NULL;
	pthread_mutex_unlock(&c->rounds.mutex);
	if (!v)
		return;
	c->under_way = false;
	watch_store(c, v->failed);
	keep_facts(c, v);
	c->next_round = now(c) + s->controller.poll;
	if (!v->failed) {
		c->outlook = v->result.outlook;
		if (c->outlook.next_ready_ms >= 0 && c->outlook.next_ready_ms < s->controller.poll)
			c->next_round = now(c) + c->outlook.next_ready_ms + 1;
	}
	for (size_t i = 0; i < v->result.n_claimed; i++)
		start_worker(c, &v->result.claimed[i], v->result.jobs ? &v->result.jobs[i] : NULL);
	for (size_t i = 0; i < v->result.n_orphans && !v->failed; i++)
		adopt_worker(c, &v->result.orphans[i]);
	for (size_t i = 0; i < v->result.n_stops && !v->failed; i++)
		c->x->ops->stop(c->x, v->result.stops[i].run.run_id, v->result.stops[i].run.fence,
			CONTROLLER_STOP_GRACE_MS);
	sweep(c, v);
	if (v->failed)
		c->wake = false;
	c->idle = is_idle(c, v);
	visit_free(v);
}

/* --- the loop --- */

/* What it says when it is asked whether it lives. */
static void answer_bell(struct controller *c)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT(BELL_ANSWER_MAX);
	CLEANUP_JSON struct json_doc *doc = json_new();
	struct json *o = json_object(doc);

	json_set_str(doc, o, "controller", c->config->uid);
	json_set_int(doc, o, "pid", getpid());
	json_set_str(doc, o, "version", c->config->version);
	json_set_str(doc, o, "state", c->stopping ? "stopping" : "running");
	json_set_int(doc, o, "workers", (int64_t)c->x->ops->count(c->x));
	json_set_int(doc, o, "max_workers", c->config->settings->controller.max_workers);
	json_set_str(doc, o, "store", c->away_since < 0 ? "ok" : "away");
	json_print(doc, o, false, &text);
	if (bell_heard(c->bell, buf_str(&text)))
		c->wake = true;
}

static int timeout_ms(const struct controller *c)
{
	int64_t at = c->x->ops->deadline(c->x), t = now(c);

	if (!c->under_way && (c->wake || c->next_round < at))
		at = c->wake ? t : c->next_round;
	if (c->stopping && c->stop_until < at)
		at = c->stop_until;
	return at <= t ? 0 : at - t > 3600000 ? 3600000 : (int)(at - t);
}

/* One turn: waits, then takes what has come. */
static int turn(struct controller *c, struct err *err)
{
	struct pollfd fds[] = {
		{.fd = c->stopping ? -1 : c->config->stop_fd, .events = POLLIN},
		{.fd = c->bell ? bell_fd(c->bell) : -1, .events = POLLIN},
		{.fd = c->x->ops->fd(c->x), .events = POLLIN},
		{.fd = c->rounds.answer_fd, .events = POLLIN},
	};

	if (poll(fds, ARRAY_LEN(fds), timeout_ms(c)) < 0 && errno != EINTR)
		return err_errno(err, ERR_IO, errno, "poll");
	if (fds[0].revents) {
		log_info("told to stop: nothing more is claimed");
		c->stopping = c->wake = true;
		c->stop_until = now(c) + LEAVE_MS;
	}
	if (fds[1].revents)
		answer_bell(c);
	take_ends(c);
	take_notices(c);
	if (fds[3].revents)
		take_answer(c);
	return 0;
}

static int loop(struct controller *c, struct err *err)
{
	bool last = false; /* the round after the order to stop is under way */

	for (;;) {
		if (!c->under_way && (last || c->idle))
			return 0;
		if (c->stopping && now(c) >= c->stop_until)
			return 0;
		if (!c->under_way && (c->wake || now(c) >= c->next_round)) {
			last = c->stopping;
			ask(c);
		}
		if (turn(c, err))
			return -1;
	}
}

/* --- beginning and end --- */

static int open_all(struct controller *c, struct err *err)
{
	const struct controller_config *config = c->config;
	struct err why = ERR_INIT;

	struct executor_config executor = {
		.settings = config->settings, .clock = config->clock, .controller = config->host};

	if (store_open(config->settings, &c->rounds.store, err) ||
		queue_now(c->rounds.store, &c->arena, &c->rounds.since, err))
		return -1;
	executor.store_uid = store_uid(c->rounds.store);
	if (config->executor->open(&executor, &c->x, err))
		return -1;
	if (bell_open(config->store_name, &c->bell, &why))
		log_warn("%s: nobody can wake this controller, it only polls", why.msg);
	c->rounds.round = round_new(&c->round_config);
	return rounds_start(&c->rounds, err);
}

/* The others need not wait for our lease to run out. */
static void say_goodbye(struct controller *c)
{
	const struct controller_info me = {.uid = c->config->uid,
		.host = c->config->host,
		.process = c->config->process,
		.version = c->config->version,
		.state = "stopped",
		.max_workers = c->config->settings->controller.max_workers};
	struct err err = ERR_INIT;

	if (c->rounds.store && queue_beat(c->rounds.store, &me, c->config->settings->controller.lease, NULL, &err))
		log_debug("say goodbye: %s", err.msg);
}

static void close_all(struct controller *c)
{
	if (c->rounds.thread) {
		pthread_mutex_lock(&c->rounds.mutex);
		c->rounds.quit = true;
		pthread_cond_signal(&c->rounds.changed);
		pthread_mutex_unlock(&c->rounds.mutex);
		pthread_join(c->rounds.thread, NULL);
		say_goodbye(c);
		pthread_cond_destroy(&c->rounds.changed);
		pthread_mutex_destroy(&c->rounds.mutex);
	}
	mem_close_fd(&c->rounds.answer_fd);
	visit_free(c->rounds.asked);
	visit_free(c->rounds.answered);
	free_facts(c->facts);
	round_free(c->rounds.round);
	store_close(c->rounds.store);
	bell_close(c->bell);
	if (c->x)
		c->x->ops->close(c->x);
	arena_release(&c->arena);
}

int controller_run(const struct controller_config *config, struct controller_summary *ret_summary,
	struct err *err)
{
	struct controller c = {.config = config,
		.rounds = {.config = config,
			.answer_fd = -1,
			.gate = {.ask = config->may_start, .arg = config->may_start_arg}},
		.away_since = -1};
	int rc;

	c.facts_end = &c.facts;
	c.round_config = (struct round_config){.uid = config->uid,
		.host = config->host,
		.process = config->process,
		.version = config->version,
		.actor = arena_printf(&c.arena, "controller %s", config->host),
		.lease_ms = config->settings->controller.lease,
		.max_workers = config->settings->controller.max_workers,
		.with_jobs = config->executor->needs_job,
		.look = config->look,
		.arg = config->look_arg,
		.outlook = config->until_idle};
	rc = open_all(&c, err);
	if (rc == 0)
		rc = loop(&c, err);
	*ret_summary = (struct controller_summary){.ended = c.outlook.ended,
		.unsuccessful = c.outlook.unsuccessful,
		.held = c.outlook.held,
		.waiting = c.outlook.waiting,
		.workers = c.x ? c.x->ops->count(c.x) : 0};
	close_all(&c);
	return rc;
}
