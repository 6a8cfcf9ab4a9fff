/*
 * sim - controllers, workers and people on one store, in simulated time.
 *
 *	build/sim/tests/sim/sim [--seeds N] [--first S] [--seconds T] [-v]
 *
 * The store, the scheduler, the controllers' rounds and the ledger are the
 * product's; clock, chance, processes and the rows that are loaded are ours. At
 * every fault point (base/fault.h) whoever comes there may die or lose a reply;
 * workers stall and come back as zombies; the database's clock jumps; the store
 * goes away, and is put back as it was a while ago. When that ends, everything
 * must come to rest, and store and ledger must agree: each run that succeeded has
 * published once, no other one has or ever will.
 *
 * A seed is a whole history: one that fails is printed, and fails again.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "ctl/round.h"
#include "db/db.h"
#include "job/queue.h"
#include "job/report.h"
#include "work/recover.h"
#include "work/ledger.h"

#define CONTROLLERS 3
#define WORKERS	    64 /* processes, the dead ones of a history too: their slots are used again */
#define LEASE_MS    2000
#define POLL_MS	    500
#define TROUBLE_STEPS 3000
#define REST_STEPS    40000
#define RUNS_MAX      40

enum work_state { W_NONE, W_TAKE, W_BEGIN, W_COPY, W_RENEW, W_PUBLISH, W_ASK, W_END, W_REVOKE };

struct worker {
	enum work_state at;
	int controller; /* who watches it; -1: nobody */
	int64_t run_id, fence, renewed, stalled_until;
	struct arena arena; /* for what it holds of its run */
	struct run run;
	struct job job;
	const char *uid;
	int copied;
	enum attempt_end end;
	bool told;	/* to stop */
	bool wrote;	/* published, as it believes */
	struct verdict verdict;
};

struct controller {
	bool alive;
	int serial; /* grows at each start */
	char uid[32], process[32];
	struct round_config config;
	struct round *round;
	struct fact *facts, **end;
	int64_t next;
};

struct world {
	uint64_t seed, chance_state;
	int64_t mono, wall;
	bool trouble, away, crashed;
	struct settings settings;
	struct connection warehouse;
	char warehouse_path[96];
	struct store *store;
	struct db *target;
	struct arena arena;
	struct controller controllers[CONTROLLERS];
	struct worker workers[WORKERS];
	int ordered;
	bool have_copy;
	char dir[64], path[96], copy[96];
	uint64_t crashes, steps, restores;
	bool verbose;
};

static struct world w;

/* --- chance and time --- */

static uint64_t draw(void)
{
	uint64_t x = 0;

	rnd_seeded_fill(&w.chance_state, &x, sizeof(x));
	return x;
}

static bool one_in(uint64_t n)
{
	return draw() % n == 0;
}

static int64_t wall_ms(void *arg)
{
	(void)arg;
	return w.wall;
}

static int64_t mono_ms(void *arg)
{
	(void)arg;
	return w.mono;
}

static const struct clock sim_clock = {.wall = wall_ms, .monotonic = mono_ms};

static void fill(void *arg, void *out, size_t len)
{
	rnd_seeded_fill(arg, out, len);
}

static void fail(const char *fmt, ...) PRINTF(1, 2);

static void fail(const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "seed %" PRIu64 ", step %" PRIu64 ": ", w.seed, w.steps);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "\nstore: %s, warehouse: %s/warehouse.db\n", w.path, w.dir);
	exit(1);
}

static void trace(const char *fmt, ...) PRINTF(1, 2);

static void trace(const char *fmt, ...)
{
	va_list args;

	if (!w.verbose)
		return;
	fprintf(stderr, "%8" PRId64 "  ", w.mono);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
}

static void must(int rc, const struct err *err)
{
	if (rc)
		fail("%s", err->msg);
}

/* In the place of base/fault.c's: the step unwinds with an error, which for a database is the same as
 * the death of who made it; whether it died or only lost the reply is drawn too. */
int fault_at(enum fault point, struct err *err)
{
	if (!w.trouble || point >= FAULT_EXEC_STARTED || !one_in(25))
		return 0;
	w.crashed = one_in(2);
	w.crashes++;
	trace("fault %d%s", (int)point, w.crashed ? ", dies" : "");
	return err_set(err, ERR_STORE, "fault point %d", (int)point);
}

/* Did the step that failed so kill its actor? */
static bool died(void)
{
	bool d = w.crashed;

	w.crashed = false;
	return d;
}

/* --- workers as processes --- */

static struct worker *find_worker(int64_t run_id, int64_t fence)
{
	for (size_t i = 0; i < WORKERS; i++)
		if (w.workers[i].at != W_NONE && w.workers[i].run_id == run_id &&
			w.workers[i].fence == fence)
			return &w.workers[i];
	return NULL;
}

static struct worker *free_worker(void)
{
	for (size_t i = 0; i < WORKERS; i++)
		if (w.workers[i].at == W_NONE)
			return &w.workers[i];
	return NULL;
}

static struct fact *add_fact(struct controller *c, enum fact_kind kind, int64_t run_id, int64_t fence,
	const char *text)
{
	struct fact *f = fact_new(kind, run_id, fence, text);

	*c->end = f;
	c->end = &f->next;
	return f;
}

/* It is gone; who watches it is told. */
static void exits(struct worker *k, const char *how)
{
	trace("worker of run %" PRId64 "/%" PRId64 " ends: %s", k->run_id, k->fence, how);
	if (k->controller >= 0 && w.controllers[k->controller].alive)
		add_fact(&w.controllers[k->controller], FACT_ENDED, k->run_id, k->fence, how)->known =
			true;
	arena_release(&k->arena);
	*k = (struct worker){.at = W_NONE};
}

/* --- what a worker does, a step at a time --- */

static struct load load_of(struct worker *k)
{
	return (struct load){.run_uid = k->uid,
		.store_uid = store_uid(w.store),
		.order_key = k->run.order_key,
		.fence = k->fence,
		.job = &k->job};
}

static void decide(struct worker *k, enum attempt_end end)
{
	k->end = end;
	k->verdict = scheduler_verdict(&k->job, &k->run, end, false);
	/* no end without the target's word */
	k->at = k->verdict.state == RUN_QUEUED ? W_END : W_REVOKE;
	if (k->run.cancel_requested) {
		k->verdict = (struct verdict){.state = RUN_CANCELLED, .settle = RUN_STATE_COUNT};
		k->at = W_REVOKE;
	}
}

static void take(struct worker *k, struct err *err)
{
	struct run run;

	if (queue_take(w.store, k->run_id, k->fence, "worker", NULL, &k->arena, &run, err))
		return exits(k, "not its run");
	k->run = run;
	if (store_job_by_id(w.store, run.job_id, &k->arena, &k->job, err) != 1)
		fail("job %" PRId64 ": %s", run.job_id, err->msg);
	k->uid = run.run_uid;
	k->renewed = w.mono;
	k->at = run.settle == RUN_STATE_COUNT ? W_BEGIN : W_REVOKE;
	k->verdict = (struct verdict){.state = run.settle, .settle = RUN_STATE_COUNT};
}

/* The ledger's loads of the job that the store does not know: it was put back. */
static bool is_forgotten(struct worker *k, struct err *err)
{
	struct load load = load_of(k);
	struct ledger_row *rows;
	size_t n, unknown;

	if (ledger_history(w.target, &load, &w.arena, &rows, &n, err))
		fail("history: %s", err->msg);
	for (size_t i = 0; i < n; i++) {
		const struct run_mark mark = {rows[i].run_uid, rows[i].fence};

		must(queue_known(w.store, &mark, 1, &unknown, err), err);
		if (unknown == 0)
			return true;
	}
	return false;
}

static void begin(struct worker *k, struct err *err)
{
	struct load load = load_of(k);
	enum ledger_state state;

	if (is_forgotten(k, err)) {
		trace("run %" PRId64 " is held", k->run_id);
		must(queue_hold(w.store, k->run.job_id, "restored", err), err);
		return decide(k, END_HELD);
	}
	if (ledger_begin(w.target, &load, &state, err)) {
		if (died())
			return exits(k, "killed");
		return err->code == ERR_LEASE_LOST ? exits(k, "lost") : decide(k, END_FAILED);
	}
	k->at = state == LEDGER_PUBLISHED ? W_END : W_COPY;
	k->verdict = (struct verdict){.state = RUN_SUCCEEDED, .settle = RUN_STATE_COUNT};
	if (state == LEDGER_REVOKED) {
		k->verdict = (struct verdict){.state = RUN_FAILED, .settle = RUN_STATE_COUNT};
		k->at = W_END;
	}
}

static void renew(struct worker *k, struct err *err)
{
	bool cancel = false;

	if (queue_renew(w.store, &k->run, LEASE_MS, NULL, &cancel, err)) {
		if (died())
			return exits(k, "killed");
		if (err->code == ERR_LEASE_LOST)
			return exits(k, "lost");
		return; /* the store is away, or the reply was lost: again */
	}
	k->renewed = w.mono;
	k->run.cancel_requested = cancel;
	if (cancel)
		return decide(k, END_FAILED);
	if (k->told)
		return decide(k, END_GIVEN_BACK);
	if (k->at == W_RENEW)
		k->at = W_PUBLISH;
}

static void copy(struct worker *k)
{
	if (w.trouble && one_in(40))
		return decide(k, END_FAILED);
	if (++k->copied > (int)(draw() % 8))
		k->at = W_RENEW;
}

static int publish_rows(struct worker *k, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	struct load load = load_of(k);

	if (ledger_publish(w.target, &load, err) ||
		db_prepare(w.target, "INSERT INTO loaded VALUES (@run, @fence)", &stmt, err))
		return -1;
	db_bind_text(stmt, 1, k->uid);
	db_bind_int(stmt, 2, k->fence);
	if (db_run(stmt, err) || FAULT(PUBLISH_MOVED, err))
		return -1;
	return ledger_complete(
		w.target, &load, &(struct ledger_end){.rows = 1}, err);
}

static void publish(struct worker *k, struct err *err)
{
	int rc = db_begin(w.target, err) || publish_rows(k, err) || db_commit(w.target, err) ||
		 FAULT(PUBLISHED, err);

	k->verdict = (struct verdict){.state = RUN_SUCCEEDED, .settle = RUN_STATE_COUNT};
	k->at = W_END;
	if (!rc)
		return;
	db_rollback(w.target);
	if (died())
		return exits(k, "killed while publishing");
	if (err->code == ERR_LEASE_LOST)
		return exits(k, "fenced off");
	decide(k, END_FAILED);
	if (k->at == W_END)
		k->at = W_ASK; /* did the commit arrive? */
}

static void ask(struct worker *k, struct err *err)
{
	struct load load = load_of(k);
	enum ledger_state state;

	k->at = W_END;
	if (ledger_begin(w.target, &load, &state, err) == 0) {
		if (state == LEDGER_PUBLISHED)
			k->verdict = (struct verdict){.state = RUN_SUCCEEDED, .settle = RUN_STATE_COUNT};
		return;
	}
	if (died())
		return exits(k, "killed");
	if (err->code == ERR_LEASE_LOST)
		exits(k, "lost");
}

static void withdraw(struct worker *k, struct err *err)
{
	struct load load = load_of(k);
	enum ledger_state state;

	if (ledger_revoke(w.target, &load, "to end", &state, err) == 0) {
		if (state == LEDGER_PUBLISHED)
			k->verdict.state = RUN_SUCCEEDED;
		k->at = W_END;
		return;
	}
	if (died())
		return exits(k, "killed");
	if (err->code == ERR_LEASE_LOST)
		return exits(k, "lost");
	k->verdict = (struct verdict){.state = RUN_QUEUED,
		.settle = k->verdict.state,
		.delay = scheduler_back_off(&k->run),
		.disruption = true};
	k->at = W_END;
}

static void end(struct worker *k, struct err *err)
{
	if (queue_give_up(w.store, &k->run, &k->verdict, "worker", NULL, NULL, err) == 0)
		return exits(k, "said goodbye");
	if (died())
		return exits(k, "killed");
	if (err->code == ERR_LEASE_LOST)
		exits(k, "not ours, or the reply was lost before");
}

static void step_worker(struct worker *k)
{
	struct err err = ERR_INIT;

	if (w.mono < k->stalled_until)
		return;
	if (w.trouble && one_in(100)) {
		k->stalled_until = w.mono + (int64_t)(draw() % (4 * LEASE_MS));
		return;
	}
	if (w.trouble && one_in(150)) {
		w.crashes++;
		return exits(k, "killed");
	}
	if (w.away && k->at != W_COPY && k->at != W_PUBLISH)
		return;
	if (k->at > W_BEGIN && k->at < W_RENEW && w.mono - k->renewed > LEASE_MS / 3 && !w.away)
		renew(k, &err);
	switch (k->at) {
	case W_NONE:
		break;
	case W_TAKE:
		take(k, &err);
		break;
	case W_BEGIN:
		begin(k, &err);
		break;
	case W_COPY:
		copy(k);
		break;
	case W_RENEW:
		renew(k, &err);
		break;
	case W_PUBLISH:
		publish(k, &err);
		break;
	case W_ASK:
		ask(k, &err);
		break;
	case W_REVOKE:
		withdraw(k, &err);
		break;
	case W_END:
		end(k, &err);
		break;
	}
}

/* --- controllers --- */

/* "c2.7": the seventh life of controller 2 */
static enum executor_found look(void *arg, const char *process)
{
	int i, serial;

	(void)arg;
	if (sscanf(process, "c%d.%d", &i, &serial) != 2)
		return EXECUTOR_ELSEWHERE;
	if (i == CONTROLLERS - 1) /* of another host */
		return EXECUTOR_ELSEWHERE;
	return w.controllers[i].alive && w.controllers[i].serial == serial ? EXECUTOR_ALIVE
									  : EXECUTOR_GONE;
}

static void start_controller(int i)
{
	struct controller *c = &w.controllers[i];

	c->alive = true;
	c->serial++;
	snprintf(c->uid, sizeof(c->uid), "uid %d.%d", i, c->serial);
	snprintf(c->process, sizeof(c->process), "c%d.%d", i, c->serial);
	c->config = (struct round_config){.uid = c->uid,
		.host = "sim",
		.process = c->process,
		.version = "0",
		.actor = c->uid,
		.lease_ms = LEASE_MS,
		.max_workers = 4,
		.look = look};
	c->round = round_new(&c->config);
	c->facts = NULL;
	c->end = &c->facts;
	c->next = w.mono;
}

static void kill_controller(int i)
{
	struct controller *c = &w.controllers[i];

	trace("controller %s dies", c->uid);
	c->alive = false;
	round_free(c->round);
	c->round = NULL;
	while (c->facts) {
		struct fact *f = c->facts;

		c->facts = f->next;
		fact_free(f);
	}
	for (size_t k = 0; k < WORKERS; k++)
		if (w.workers[k].controller == i)
			w.workers[k].controller = -1;
	w.crashes++;
}

static size_t workers_of(int i)
{
	size_t n = 0;

	for (size_t k = 0; k < WORKERS; k++)
		n += w.workers[k].at != W_NONE && w.workers[k].controller == i;
	return n;
}

static void start_worker(int i, const struct run *run)
{
	struct worker *k = free_worker();
	struct err err = ERR_INIT;

	if (!k || FAULT(START_BEFORE, &err)) {
		if (died())
			return kill_controller(i);
		add_fact(&w.controllers[i], FACT_NOT_STARTED, run->run_id, run->fence, "no means");
		return;
	}
	*k = (struct worker){.at = W_TAKE, .controller = i, .run_id = run->run_id, .fence = run->fence};
	trace("controller %d starts run %" PRId64 "/%" PRId64, i, run->run_id, run->fence);
	if (FAULT(START_DONE, &err) && died())
		return kill_controller(i);
	w.crashed = false;
	add_fact(&w.controllers[i], FACT_STARTED, run->run_id, run->fence, "sim");
}

static void adopt_worker(int i, const struct active_run *a)
{
	struct worker *k = find_worker(a->run.run_id, a->run.fence);

	if (k) {
		k->controller = i;
		add_fact(&w.controllers[i], FACT_ADOPTED, k->run_id, k->fence, NULL);
	} else {
		add_fact(&w.controllers[i], FACT_GONE, a->run.run_id, a->run.fence, "gone");
	}
}

static void step_controller(int i)
{
	struct controller *c = &w.controllers[i];
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct round_result r;
	struct err err = ERR_INIT;
	size_t busy = workers_of(i);

	if (!c->alive) {
		if (!w.trouble || one_in(20))
			start_controller(i);
		return;
	}
	if (w.trouble && one_in(200))
		return kill_controller(i);
	if (w.mono < c->next && !c->facts)
		return;
	c->next = w.mono + POLL_MS;
	if (w.away) {
		round_failed(c->round, w.mono);
		return;
	}
	if (round_run(c->round, w.store, &c->facts, "running", busy, busy < 4 ? 4 - busy : 0, NULL,
		    w.mono, &a, &r, &err)) {
		for (c->end = &c->facts; *c->end; c->end = &(*c->end)->next)
			;
		if (died())
			kill_controller(i);
		return;
	}
	for (c->end = &c->facts; *c->end; c->end = &(*c->end)->next)
		;
	for (size_t k = 0; k < r.n_claimed && c->alive; k++)
		start_worker(i, &r.claimed[k]);
	for (size_t k = 0; k < r.n_orphans && c->alive; k++)
		adopt_worker(i, &r.orphans[k]);
	for (size_t k = 0; k < r.n_stops && c->alive; k++) {
		struct worker *worker = find_worker(r.stops[k].run.run_id, r.stops[k].run.fence);

		if (worker)
			worker->told = true;
	}
}

/* --- people, and what befalls the store --- */

static void order_one(void)
{
	struct err err = ERR_INIT;
	char key[32];
	struct order order = {.actor = "somebody", .key = one_in(2) ? key : NULL};
	struct run run;
	bool known;

	snprintf(key, sizeof(key), "night %d", w.ordered);
	w.ordered++;
	if (queue_order(w.store, 1 + (int64_t)(draw() % 3), &order, &w.arena, &run, &known, &err) &&
		!died() && err.code != ERR_STORE)
		fail("order: %s", err.msg);
	w.crashed = false;
}

static void cancel_one(void)
{
	struct err err = ERR_INIT;
	enum cancel_end end;
	enum run_state state;

	if (queue_cancel(w.store, 1 + (int64_t)(draw() % RUNS_MAX), "somebody", &end, &state, &err) == 0)
		trace("somebody cancels");
}

static void copy_file(const char *from, const char *to)
{
	CLEANUP(buf_release) struct buf bytes = BUF_INIT(1u << 30);
	struct err err = ERR_INIT;
	FILE *f;

	must(file_read(from, &bytes, &err), &err);
	f = fopen(to, "wb");
	if (!f || fwrite(bytes.data, 1, bytes.len, f) != bytes.len || fclose(f))
		fail("copy '%s'", from);
}

static void open_store(void)
{
	struct err err = ERR_INIT;

	must(store_open(&w.settings, &w.store, &err), &err);
}

/* Closing the last connection puts the log into the file. */
static void save_store(void)
{
	store_close(w.store);
	copy_file(w.path, w.copy);
	w.have_copy = true;
	open_store();
}

/* The controllers are told first, as a person would; the workers are not: they are zombies of a time
 * that never was. */
static void restore_store(void)
{
	trace("the store is put back");
	for (int i = 0; i < CONTROLLERS; i++)
		if (w.controllers[i].alive)
			kill_controller(i);
	store_close(w.store);
	copy_file(w.copy, w.path);
	open_store();
	w.have_copy = false;
	w.restores++;
}

/* etl recover */
static void recover(void)
{
	struct err err = ERR_INIT;
	struct recovered *v;
	size_t n;

	for (int64_t id = 1; id <= 3; id++) {
		struct job job;

		if (store_job_by_id(w.store, id, &w.arena, &job, &err) != 1 ||
			(!job.hold_reason && (w.trouble || !w.restores))) /* who puts a store back asks in
									   * the end, whatever was held */
			continue;
		if (recover_job(&w.settings, w.store, &job, "somebody", false, &w.arena, &v, &n, &err))
			w.crashed = false; /* again later */
		else
			trace("%zu runs of job %s are recovered", n, job.name);
	}
}

static void befall(void)
{
	if (w.ordered < RUNS_MAX && one_in(20) && !w.away)
		order_one();
	if (one_in(100) && !w.away)
		cancel_one();
	if (one_in(150))
		w.away = !w.away;
	if (one_in(200)) {
		w.wall += (int64_t)(draw() % (20 * LEASE_MS)) - 10 * LEASE_MS;
		trace("the database's clock jumps");
	}
	if (one_in(400) && !w.away)
		save_store();
	if (one_in(1500) && w.have_copy && !w.away)
		restore_store();
	if (one_in(60) && !w.away)
		recover();
}

/* --- the end --- */

static int64_t ask_target(const char *sql)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	struct err err = ERR_INIT;
	int64_t n;

	must(db_prepare(w.target, sql, &stmt, &err), &err);
	must(db_step(stmt, &err) != 1, &err);
	n = db_column_int(stmt, 0);
	db_reset(stmt);
	return n;
}

/* -1: no row. Else the ledger's state of a run, 0 open, 1 published, 2 revoked; and how often its rows
 * are there. */
static int ledger_of(const char *run_uid, int64_t *ret_loaded)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	struct err err = ERR_INIT;
	int state = -1;

	must(db_prepare(w.target,
		     "SELECT state, (SELECT count(*) FROM loaded WHERE run_uid = @run)"
		     " FROM etl_load_ledger WHERE run_uid = @run",
		     &stmt, &err),
		&err);
	db_bind_text(stmt, 1, run_uid);
	*ret_loaded = 0;
	if (db_step(stmt, &err) == 1) {
		const char *text = db_column_text(stmt, 0);

		state = strcmp(text, "open") == 0 ? 0 : strcmp(text, "published") == 0 ? 1 : 2;
		*ret_loaded = db_column_int(stmt, 1);
	}
	db_reset(stmt);
	return state;
}

static void check_run(const struct run_info *r)
{
	enum run_state state = run_state_parse(r->state);
	int64_t loaded;
	int ledger = ledger_of(r->run_uid, &loaded);

	if (state == RUN_SUCCEEDED && (ledger != 1 || loaded != 1))
		fail("run %" PRId64 " succeeded, its ledger row is %d and its rows are there %" PRId64
		     " times", r->run_id, ledger, loaded);
	if (state != RUN_SUCCEEDED && (ledger == 0 || ledger == 1 || loaded))
		fail("run %" PRId64 " is %s, its ledger row is %d and its rows are there %" PRId64 " times",
			r->run_id, r->state, ledger, loaded);
}

static bool at_rest(struct run_info *runs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!run_state_final(run_state_parse(runs[i].state)))
			return false;
	for (size_t i = 0; i < WORKERS; i++)
		if (w.workers[i].at != W_NONE)
			return false;
	return true;
}

static void list(struct arena *a, struct run_info **runs, size_t *n)
{
	struct err err = ERR_INIT;

	must(report_runs(w.store, 4 * RUNS_MAX, a, runs, n, &err), &err);
}

static void check(void)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct run_info *runs;
	size_t n;

	list(&a, &runs, &n);
	for (size_t i = 0; i < n; i++)
		check_run(&runs[i]);
	if (ask_target("SELECT count(*) FROM loaded") !=
		ask_target("SELECT count(*) FROM etl_load_ledger WHERE state = 'published'"))
		fail("rows and ledger differ");
	/* one load an order, whatever the store has forgotten */
	if (ask_target("SELECT count(*) - count(DISTINCT job_uid || order_key) FROM etl_load_ledger"
		       " WHERE state = 'published' AND order_key IS NOT NULL"))
		fail("an order was loaded twice");
}

/* One that lives, or NULL. */
static struct worker *any_worker(void)
{
	size_t first = draw() % WORKERS;

	for (size_t i = 0; i < WORKERS; i++)
		if (w.workers[(first + i) % WORKERS].at != W_NONE)
			return &w.workers[(first + i) % WORKERS];
	return NULL;
}

static void step(void)
{
	struct worker *k = one_in(4) ? NULL : any_worker();
	int64_t ms = (int64_t)(draw() % 30);

	w.steps++;
	if (k)
		step_worker(k);
	else
		step_controller((int)(draw() % CONTROLLERS));
	w.mono += ms;
	w.wall += ms;
	arena_release(&w.arena);
}

static void rest(void)
{
	w.trouble = w.away = false;
	for (int i = 0; i < REST_STEPS; i++) {
		CLEANUP(arena_release) struct arena a = ARENA_INIT;
		struct run_info *runs;
		size_t n;

		step();
		if (i % 200)
			continue;
		recover();
		arena_release(&w.arena);
		list(&a, &runs, &n);
		if (at_rest(runs, n))
			return;
		w.mono += 50;
		w.wall += 50;
	}
	fail("not everything came to rest");
}

static void make_world(uint64_t seed)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	const struct db_options options = {.create = true, .no_sync = true, .clock = &sim_clock};
	struct rnd rnd = {fill, &w.chance_state};
	static const char jobs[] = "[defaults]\nkind = sql\ntarget = t\ncommand = x\nretry_delay = 1s\n"
				   "max_disruptions = 1000\n"
				   "[job a]\nmax_attempts = 3\nmax_active = 2\n[job b]\nmax_attempts = 1\n"
				   "[job c]\nmax_attempts = 5\npriority = 3\nmax_active = 3\n";
	enum job_change changes[3];
	struct schema_change change;
	struct config_file file;
	struct err err = ERR_INIT;
	struct job *v;
	size_t n;

	w.seed = seed;
	w.chance_state = seed * 0x9e3779b97f4a7c15u + 1;
	w.wall = 1790000000000;
	snprintf(w.path, sizeof(w.path), "%s/etl.db", w.dir);
	snprintf(w.copy, sizeof(w.copy), "%s/etl.copy", w.dir);
	w.settings.store.path = w.path;
	w.settings.store.clock = &sim_clock;
	w.settings.controller.lease = LEASE_MS;
	must(store_init(&w.settings, &sim_clock, &rnd, &change, &err), &err);
	open_store();
	must(config_parse(jobs, strlen(jobs), "jobs.ini", &a, &file, &err), &err);
	must(jobs_parse(&file, &a, &v, &n, &err), &err);
	must(store_apply(w.store, v, n, "sim", &a, changes, &err), &err);
	w.warehouse = (struct connection){.name = "t", .driver = DRIVER_SQLITE, .path = w.warehouse_path};
	snprintf(w.warehouse_path, sizeof(w.warehouse_path), "%s/warehouse.db", w.dir);
	w.settings.connections = &w.warehouse;
	w.settings.n_connections = 1;
	must(db_open_sqlite(w.warehouse_path, &options, &w.target, &err), &err);
	must(db_exec(w.target, "CREATE TABLE loaded (run_uid TEXT, fence INTEGER)", &err), &err);
	for (int i = 0; i < CONTROLLERS; i++)
		start_controller(i);
}

static void end_world(void)
{
	for (int i = 0; i < CONTROLLERS; i++)
		if (w.controllers[i].alive)
			kill_controller(i);
	for (size_t i = 0; i < WORKERS; i++)
		arena_release(&w.workers[i].arena);
	store_close(w.store);
	db_close(w.target);
}

static void make_dir(void)
{
	const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

	snprintf(w.dir, sizeof(w.dir), "%s/etl-sim-XXXXXX", base);
	if (!mkdtemp(w.dir)) {
		perror("mkdtemp");
		exit(2);
	}
}

static void remove_dir(const char *dir)
{
	static const char *const names[] = {
		"etl.db", "etl.db-wal", "etl.db-shm", "etl.copy", "warehouse.db", "warehouse.db-journal"};
	char path[128];

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	rmdir(dir);
}

static uint64_t history(uint64_t seed, bool verbose, uint64_t *ret_restores)
{
	char dir[64];

	w = (struct world){.verbose = verbose};
	make_dir();
	memcpy(dir, w.dir, sizeof(dir));
	make_world(seed);
	w.trouble = true;
	for (int i = 0; i < TROUBLE_STEPS; i++) {
		befall();
		step();
	}
	rest();
	check();
	*ret_restores += w.restores;
	end_world();
	remove_dir(dir);
	return w.crashes;
}

int main(int argc, char **argv)
{
	uint64_t first = 1, seeds = 200, crashes = 0, restores = 0, done = 0;
	double seconds = 0;
	bool verbose = false;
	struct err err = ERR_INIT;
	int64_t start = clock_system.monotonic(clock_system.arg), ms;

	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "-v") == 0)
			verbose = true;
		else if (i + 1 < argc && strcmp(argv[i], "--first") == 0)
			first = strtoull(argv[++i], NULL, 10);
		else if (i + 1 < argc && strcmp(argv[i], "--seeds") == 0)
			seeds = strtoull(argv[++i], NULL, 10);
		else if (i + 1 < argc && strcmp(argv[i], "--seconds") == 0)
			seconds = strtod(argv[++i], NULL);
		else
			return fprintf(stderr, "usage: sim [--seeds N] [--first S] [--seconds T] [-v]\n"), 2;
	must(log_start(open("/dev/null", O_WRONLY), "error", "text", &clock_system, &err), &err);
	do {
		crashes += history(first + done, verbose, &restores);
		ms = clock_system.monotonic(clock_system.arg) - start;
	} while (++done < seeds && (seconds == 0 || (double)ms < seconds * 1000));
	printf("%" PRIu64 " histories, %" PRIu64 " crashes and lost replies, %" PRIu64
	       " restored stores: %.1f s, %.0f crashes a second\n",
		done, crashes, restores, (double)ms / 1000, (double)crashes * 1000 / (double)(ms ? ms : 1));
	return 0;
}
