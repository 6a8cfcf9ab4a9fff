/* A control database on this server: its schema, and each kind of statement that controllers, workers and people
 * send to it. It has a database of its own, for its schema is always `etl`; whoever may not make one skips these. */
#include <string.h>
#include <time.h>

#include "job/queue.h"
#include "job/report.h"
#include "job/store.h"
#include "selftest/selftest_private.h"

#define STORE_DATABASE SELFTEST_SCHEMA
#define LEASE_MS       60000
#define ME	       "selftest"
#define DROP_TRIES     50 /* a tenth of a second each */

struct store_test {
	struct selftest *t;
	struct settings settings; /* of the store */
	struct store *store;
	struct job *job;
};

struct store_check {
	const char *name;
	int (*run)(struct store_test *s, struct err *err);
};

/* --- what is expected ----------------------------------------------------------------- */

static int expect_state(struct store_test *s, int64_t run_id, const char *want, struct err *err)
{
	struct run_info info;

	if (report_run(s->store, run_id, s->t->arena, &info, err))
		return -1;
	if (strcmp(info.state, want) == 0)
		return 0;
	return err_set(err, ERR_DATA, "run %lld is %s, and should be %s", (long long)run_id, info.state, want);
}

static int expect_count(const char *what, size_t got, size_t want, struct err *err)
{
	return got == want ? 0 : err_set(err, ERR_DATA, "%zu %s, and there should be %zu", got, what, want);
}

static int order(struct store_test *s, const char *key, struct run *ret_run, struct err *err)
{
	const struct order o = {.actor = ME, .key = key};
	bool known;

	return queue_order(s->store, s->job->job_id, &o, s->t->arena, ret_run, &known, err);
}

/* The one that is ready. */
static int claim(struct store_test *s, struct run *ret_run, struct err *err)
{
	struct run *runs;
	size_t n;

	if (queue_claim(s->store, ME, ME, LEASE_MS, 10, s->t->arena, &runs, &n, err) ||
		expect_count("runs were ready", n, 1, err))
		return -1;
	*ret_run = runs[0];
	return 0;
}

static int take(struct store_test *s, struct run *run, struct err *err)
{
	return queue_take(s->store, run->run_id, run->fence, ME, "process 1", s->t->arena, run, err);
}

static int end(struct store_test *s, struct run *run, enum run_state state, const struct run_result *result, struct err *err)
{
	return take(s, run, err) || queue_move(s->store, run, state, ME, NULL, result, err) ? -1 : 0;
}

/* --- checks --------------------------------------------------------------------------- */

static int check_schema(struct store_test *s, struct err *err)
{
	struct schema_change change, again;
	enum job_change stored;

	if (store_init(&s->settings, &clock_system, &rnd_system, &change, err) ||
		store_init(&s->settings, &clock_system, &rnd_system, &again, err) ||
		store_open(&s->settings, &s->store, err) ||
		selftest_job(s->t, "tick", "kind = exec\ncommand = true", &s->job, err) ||
		store_apply(s->store, s->job, 1, ME, s->t->arena, &stored, err))
		return -1;
	if (change.from != 0 || again.from != change.to)
		return err_set(err, ERR_DATA, "version %d became %d, then %d", change.from, change.to, again.to);
	if (change.roles.code || change.words.code)
		return selftest_say(s->t, "version %d; without %s", change.to,
			change.roles.code ? change.roles.msg : change.words.msg);
	return selftest_say(s->t, "version %d, with roles and descriptions", change.to);
}

/* What a controller and a worker say of it. */
static int check_life(struct store_test *s, struct err *err)
{
	const struct run_result result = {.rows_read = 2, .rows_written = 2, .rows_rejected = 0, .bytes_read = 20};
	const struct run_line line = {"info", "it's a line"};
	struct run run;
	bool cancel;

	if (order(s, "monday", &run, err) || claim(s, &run, err) || queue_pending(s->store, &run, LEASE_MS, "no room", err) ||
		queue_worker(s->store, &run, "process 1", err) || queue_adopt(s->store, &run, ME, err) ||
		take(s, &run, err) ||
		queue_renew(s->store, &run, LEASE_MS, "{}", &cancel, err) || queue_log(s->store, &run, &line, 1, err) ||
		queue_move(s->store, &run, RUN_SUCCEEDED, ME, NULL, &result, err))
		return -1;
	return expect_state(s, run.run_id, "succeeded", err);
}

static int check_again(struct store_test *s, struct err *err)
{
	const struct verdict back = {.state = RUN_QUEUED, .settle = RUN_STATE_COUNT};
	enum run_state was;
	enum cancel_end how;
	struct run run;

	if (order(s, NULL, &run, err) || claim(s, &run, err) ||
		queue_give_up(s->store, &run, &back, ME, "tried again", NULL, err) || claim(s, &run, err) ||
		queue_cancel(s->store, run.run_id, ME, &how, &was, err) || end(s, &run, RUN_CANCELLED, NULL, err))
		return -1;
	if (run.fence != 2 || how != CANCEL_REQUESTED)
		return err_set(err, ERR_DATA, "the second attempt has fence %lld", (long long)run.fence);
	return expect_state(s, run.run_id, "cancelled", err);
}

static int check_poll(struct store_test *s, struct err *err)
{
	const struct controller_info me = {
		.uid = ME, .host = "here", .process = "process 1", .version = "0", .state = "running", .max_workers = 1};
	struct controller_info *all;
	struct active_run *active;
	struct outlook outlook;
	const char *at;
	size_t n, n_active;
	bool quiet;

	if (queue_now(s->store, s->t->arena, &at, err) || queue_beat(s->store, &me, LEASE_MS, &quiet, err) ||
		queue_sort(s->store, ME, err) || queue_active(s->store, 0, s->t->arena, &active, &n_active, err) ||
		queue_outlook(s->store, at, &outlook, err) || queue_controllers(s->store, s->t->arena, &all, &n, err) ||
		expect_count("controllers", n, 1, err) || expect_count("runs are under way", n_active, 0, err) ||
		queue_bury_controller(s->store, &all[0], err))
		return -1;
	return 0;
}

/* As from SSMS. */
static int check_plain_sql(struct store_test *s, struct err *err)
{
	const struct mssql_login login = {.options = &s->settings.store.mssql, .application = "etl selftest"};
	enum mssql_layer layer;
	struct db *db = NULL;
	struct run run;
	int rc = db_open_mssql(&login, &db, &layer, err);

	if (rc == 0)
		rc = db_exec(db, "INSERT INTO etl.run (job_id) SELECT job_id FROM etl.job WHERE name = N'tick'", err) ||
		     queue_sort(s->store, ME, err) || claim(s, &run, err) ||
		     end(s, &run, RUN_SUCCEEDED, NULL, err) ||
		     db_exec(db, "EXEC etl.enqueue N'tick', @order_key = N'tuesday'", err) || claim(s, &run, err) ||
		     end(s, &run, RUN_SUCCEEDED, NULL, err) ||
		     db_exec(db, "SELECT * FROM etl.v_status; SELECT * FROM etl.v_history", err);
	db_close(db);
	return rc ? -1 : 0;
}

#define LOST "00000000-0000-4000-8000-00000000000a"

static int check_recovery(struct store_test *s, struct err *err)
{
	const struct lost_run lost = {.run_uid = LOST, .order_key = "k", .fence = 1, .rows = 1, .published = true,
		.opened_at = "2026-01-01T00:00:00.000Z", .ended_at = "2026-01-01T00:01:00.000Z"};
	const struct run_mark mark = {.run_uid = LOST, .fence = 1};
	size_t unknown, known;
	int64_t run_id;

	if (queue_known(s->store, &mark, 1, &unknown, err) ||
		queue_import(s->store, s->job->job_id, &lost, ME, &run_id, err) ||
		queue_known(s->store, &mark, 1, &known, err) || queue_hold(s->store, s->job->job_id, "why", err) ||
		queue_recovered(s->store, s->job->job_id, err))
		return -1;
	if (unknown != 0 || known != 1)
		return err_set(err, ERR_DATA, "a run of a lost time was not told from one that is known");
	return expect_state(s, run_id, "succeeded", err);
}

static void count_line(void *arg, const struct log_line *line)
{
	(void)line;
	++*(size_t *)arg;
}

static void count_event(void *arg, const struct run_event *event)
{
	(void)event;
	++*(size_t *)arg;
}

static int check_reports(struct store_test *s, struct err *err)
{
	struct run_info *runs;
	size_t n, lines = 0, events = 0;

	if (report_runs(s->store, 100, s->t->arena, &runs, &n, err) || expect_count("runs", n, 5, err) ||
		report_log_each(s->store, 1, count_line, &lines, err) || expect_count("lines of the log", lines, 1, err) ||
		report_event_each(s->store, 1, count_event, &events, err))
		return -1;
	return events > 2 ? 0 : err_set(err, ERR_DATA, "%zu events of a run that has succeeded", events);
}

static const struct store_check checks[] = {
	{"schema, roles and descriptions", check_schema},
	{"a run's life", check_life},
	{"another attempt, and a cancellation", check_again},
	{"the poll", check_poll},
	{"orders by plain SQL", check_plain_sql},
	{"a store that was restored", check_recovery},
	{"reports", check_reports},
};

/* --- its database ----------------------------------------------------------------------- */

static int make_database(struct selftest *t, void *arg, struct err *err)
{
	struct store_test *s = arg;
	struct err refused = ERR_INIT;
	const char *there;

	if (selftest_value(t, t->db, "SELECT DB_ID(N'" STORE_DATABASE "')", &there, err))
		return -1;
	if (there) {
		err_set(err, ERR_CONFIG, "the server has a database '" STORE_DATABASE "'");
		return err_hint(err, "it is what a selftest that was killed has left: DROP DATABASE " STORE_DATABASE);
	}
	if (selftest_sql(t, &refused, "CREATE DATABASE " STORE_DATABASE))
		return selftest_skip(t, "a store is tried in a database of its own: %s", refused.msg);
	s->settings = t->settings;
	s->settings.store = (__typeof__(s->settings.store)){.driver = DRIVER_MSSQL, .mssql = t->order->connection->mssql};
	s->settings.store.mssql.database = STORE_DATABASE;
	return 0;
}

/* A session that was closed may not have ended yet there. */
static int drop_database(struct selftest *t, void *arg, struct err *err)
{
	static const char drop[] = "DROP DATABASE " STORE_DATABASE;
	const struct timespec pause = {.tv_nsec = 100000000};
	struct err used = ERR_INIT;

	(void)arg;
	for (int i = 0; i < DROP_TRIES; i++) {
		err_clear(&used);
		if (selftest_sql(t, &used, drop) == 0)
			return 0;
		nanosleep(&pause, NULL);
	}
	return selftest_sql(t, err, "ALTER DATABASE " STORE_DATABASE " SET SINGLE_USER WITH ROLLBACK IMMEDIATE; %s", drop);
}

struct one {
	struct store_test *s;
	const struct store_check *check;
};

static int run_one(struct selftest *t, void *arg, struct err *err)
{
	const struct one *one = arg;

	if (!one->s->job && one->check->run != check_schema)
		return selftest_skip(t, "there is no store");
	return one->check->run(one->s, err);
}

void selftest_store(struct selftest *t)
{
	struct store_test s = {.t = t};
	size_t before = t->report->n;

	selftest_try(t, "store", "its database", make_database, &s);
	if (t->report->v[before].state != SELFTEST_OK)
		return;
	for (size_t i = 0; i < ARRAY_LEN(checks); i++)
		selftest_try(t, "store", checks[i].name, run_one, &(struct one){&s, &checks[i]});
	store_close(s.store);
	selftest_try(t, "store", "its database is dropped", drop_database, NULL);
}
