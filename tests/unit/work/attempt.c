#include "work/attempt.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "unit/test_store.h"

/* A job 'load' from t.csv to table t, and a run of it that is running. */
struct fixture {
	struct test_store t;
	struct job job;
	struct run run;
	struct attempt attempt;
	struct attempt_signals signals;
	int64_t alarm;                                       /* what was set first; -1: none */
	bool alarm_off, alarm_rings;                         /* at once */
	const char *started;                                 /* a file that a command makes */
	enum { WHY_TOLD, WHY_CANCELLED, WHY_TIMED_OUT } why; /* interrupt(): a command ends */
};

static struct fixture *current; /* an alarm has no argument */

static void set_alarm(int64_t ms)
{
	if (ms == 0) {
		current->alarm_off = true;
		return;
	}
	current->alarm = ms;
	if (!current->alarm_rings)
		return;
	current->signals.timed_out = true;
	current->signals.cancel = true;
}

static void add_connections(struct fixture *f)
{
	struct connection *c = arena_array(&f->t.arena, 2, sizeof(*c));

	f->t.settings.connections = c;
	f->t.settings.n_connections = 2;
	c[0] = (struct connection){.name = "raw",
		.driver = DRIVER_CSV,
		.where = "etl.ini:1",
		.path = arena_strdup(&f->t.arena, in_dir("")),
		.format = {TEST_CSV_FORMAT, .max_field = 1 << 20}};
	c[1] = (struct connection){.name = "warehouse",
		.driver = DRIVER_SQLITE,
		.where = "etl.ini:4",
		.path = arena_strdup(&f->t.arena, in_dir("w.db"))};
}

/* Stored, and another run of it is running. */
static void apply_and_start(struct fixture *f)
{
	test_store_apply(&f->t, &f->job);
	test_store_order(&f->t, f->job.job_id);
	f->run = test_store_start(&f->t);
}

static int setup(void **state)
{
	struct fixture *f = mem_alloc(sizeof(*f));

	if (dir_make(state))
		return -1;
	test_store_init(&f->t);
	test_store_open(&f->t);
	add_connections(f);
	f->job = test_job(&f->t.arena, "load", JOB_COPY);
	f->job.source_table = f->job.target_table = "t";
	f->job.target = "warehouse";
	f->job.load_mode = LOAD_REPLACE;
	apply_and_start(f);
	f->attempt = (struct attempt){.settings = &f->t.settings,
		.job = &f->job,
		.run = &f->run,
		.actor = "tester",
		.clock = &clock_system,
		.signals = &f->signals,
		.alarm = set_alarm};
	f->alarm = -1;
	current = f;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	test_store_release(&f->t);
	free(f);
	return dir_remove(state);
}

/* The store is the attempt's and is opened again behind it. */
static int execute(struct fixture *f)
{
	int rc;

	err_clear(&f->t.err);
	rc = attempt_execute(&f->attempt, mem_steal(f->t.store), &f->t.err);
	f->t.store = test_store_again(&f->t);
	assert_true(f->alarm_off);
	return rc;
}

/* The same run again, or the next one that is ready: its next attempt. */
static void start_next(struct fixture *f)
{
	store_sql(&f->t, "UPDATE etl_run SET ready_at = '2001'");
	f->signals = (struct attempt_signals){.cancel = false};
	f->run = test_store_start(&f->t);
}

static void as_kind(struct fixture *f, enum job_kind kind, const char *command)
{
	f->job.kind = kind;
	f->job.command = command;
	/* a run that is under way forbids it: not one of these, which has just been claimed */
	store_sql(&f->t, "UPDATE etl_run SET fence = -fence");
	test_store_apply(&f->t, &f->job);
	store_sql(&f->t, "UPDATE etl_run SET fence = -fence");
}

#define check_run(f, expected)                                                                 \
	check_store(&(f)->t, "SELECT state, error_code, rows_read, rows_written FROM etl_run", \
		expected)
#define check_end(f, expected) \
	check_store(&(f)->t, "SELECT state, settle, disruptions FROM etl_run", expected)
#define check_ledger(expected) \
	check_sql(in_dir("w.db"), "SELECT state, fence FROM etl_load_ledger", expected)

static const char *log_lines(struct fixture *f)
{
	return sql_ask(f->t.path, "SELECT level, message FROM etl_run_log ORDER BY attempt, seq");
}

#define check_said(f, text) assert_non_null(strstr(log_lines(f), text))

/* --- copies --- */

static void a_good_run_succeeds(void **state)
{
	struct fixture *f = *state;

	file_write(in_dir("t.csv"), "id\n1\n2\n");
	must(execute(f), &f->t.err);
	check_run(f, "succeeded|NULL|2|2");
	check_store(&f->t, "SELECT new_state, actor FROM etl_run_event ORDER BY event_id",
		"queued|me;starting|controller;running|worker;succeeded|tester");
	check_store(&f->t, "SELECT count(*) FROM etl_run_heartbeat", "0");
	check_said(f, "info|run 1, attempt 1: copy 't' of 'raw' to 't' of 'warehouse' (replace)");
	check_said(f, ";info|published 2 rows in 't' (replace");
	check_ledger("published|1");
	assert_int_equal(f->alarm, -1);
}

static void a_bad_source_fails_the_run(void **state)
{
	struct fixture *f = *state;

	file_write(in_dir("t.csv"), "id\n\"1\n");
	assert_int_equal(execute(f), -1);
	check_run(f, "failed|bad_data|0|0");
	check_said(f, ";error|read 't': t.csv: line 2");
	check_ledger("revoked|1");
}

static void a_hint_is_logged_too(void **state)
{
	struct fixture *f = *state;

	file_write(in_dir("t.csv"), "");
	assert_int_equal(execute(f), -1);
	check_said(f, ";info|hint: the first line must name the columns");
}

static void a_run_that_is_somebody_elses_is_left(void **state)
{
	struct fixture *f = *state;

	file_write(in_dir("t.csv"), "id\n1\n");
	store_sql(&f->t, "UPDATE etl_run SET fence = 2; UPDATE etl_run_heartbeat SET fence = 2");
	assert_int_equal(execute(f), -1);
	assert_int_equal(f->t.err.code, ERR_LEASE_LOST);
	check_run(f, "running|NULL|NULL|NULL");
	check_store(&f->t, "SELECT count(*) FROM etl_run_event", "3");
	check_ledger("open|1"); /* whoever has it settles it */
}

/* Somebody raised the fence in the target: whether the load is published is his to say. */
static void a_fence_lost_in_the_target_settles_nothing(void **state)
{
	struct fixture *f = *state;

	file_write(in_dir("t.csv"), "id\n1\n");
	must(execute(f), &f->t.err);
	store_sql(&f->t, "UPDATE etl_run SET state = 'running', finished_at = NULL, fence = 9");
	sql_run(in_dir("w.db"), "UPDATE etl_load_ledger SET state = 'open', fence = 9");
	assert_int_equal(execute(f), -1);
	assert_int_equal(f->t.err.code, ERR_LEASE_LOST);
	check_store(&f->t, "SELECT state FROM etl_run", "running");
	check_ledger("open|9");
}

/* A fence that the store has never given: it was put back, and a worker of that time may be at
 * work. */
static void a_fence_that_the_store_does_not_know_holds_the_job(void **state)
{
	struct fixture *f = *state;

	file_write(in_dir("t.csv"), "id\n1\n");
	must(execute(f), &f->t.err);
	store_sql(&f->t, "UPDATE etl_run SET state = 'running', finished_at = NULL");
	sql_run(in_dir("w.db"), "UPDATE etl_load_ledger SET state = 'open', fence = 9");
	f->run.state = RUN_RUNNING;
	assert_int_equal(execute(f), -1);
	assert_int_equal(f->t.err.code, ERR_HELD);
	check_end(f, "queued|NULL|1");
	check_store(&f->t, "SELECT hold_reason IS NOT NULL FROM etl_job", "1");
	check_ledger("open|9");
}

static void an_earlier_attempt_that_published_is_enough(void **state)
{
	const struct verdict again = {
		.state = RUN_QUEUED, .settle = RUN_STATE_COUNT, .disruption = true};
	struct fixture *f = *state;

	file_write(in_dir("t.csv"), "id\n1\n");
	must(execute(f), &f->t.err);
	store_sql(&f->t, "UPDATE etl_run SET state = 'running', finished_at = NULL");
	f->run.state = RUN_RUNNING;
	must(queue_give_up(f->t.store, &f->run, &again, "c", "lost", NULL, &f->t.err), &f->t.err);
	start_next(f);
	must(execute(f), &f->t.err);
	check_run(f, "succeeded|NULL|1|1"); /* what that one wrote is what counts */
	check_said(f, "an earlier attempt has published this load already");
	check_sql(in_dir("w.db"), "SELECT count(*) FROM t", "1");
}

/* A line that the store does not take must not end a load that is good. */
static void a_store_that_takes_no_log_lines(void **state)
{
	struct fixture *f = *state;

	file_write(in_dir("t.csv"), "id\n1\n");
	store_sql(&f->t, "CREATE TRIGGER refuse BEFORE INSERT ON etl_run_log"
			 " BEGIN SELECT raise(ABORT, 'full'); END");
	must(execute(f), &f->t.err);
	check_run(f, "succeeded|NULL|1|1");
	assert_string_equal(log_lines(f), "");
}

/* The load is published, and nobody lies about it: whoever settles the run asks the target. */
static void a_store_that_does_not_take_the_end(void **state)
{
	struct fixture *f = *state;

	file_write(in_dir("t.csv"), "id\n1\n");
	store_sql(&f->t, "CREATE TRIGGER refuse BEFORE UPDATE ON etl_run"
			 " WHEN new.state = 'succeeded'"
			 " BEGIN SELECT raise(ABORT, 'full'); END");
	assert_int_equal(execute(f), -1);
	check_err(&f->t.err, ERR_DATA, "to succeeded: run 1: full");
	check_run(f, "running|NULL|NULL|NULL");
	check_ledger("published|1");
}

/* --- checks --- */

static void names_are_checked_before_a_run(void **state)
{
	struct fixture *f = *state;

	must(attempt_check(&f->t.settings, &f->job, &f->t.err), &f->t.err);
	f->job.target = "warehoose";
	assert_int_equal(attempt_check(&f->t.settings, &f->job, &f->t.err), -1);
	check_err(&f->t.err, ERR_CONFIG,
		"job 'load': target: there is no connection 'warehoose', did you mean "
		"'warehouse'?");
	f->job.target = "warehouse";
	f->job.source = "rew";
	err_clear(&f->t.err);
	assert_int_equal(attempt_check(&f->t.settings, &f->job, &f->t.err), -1);
	check_err(&f->t.err, ERR_CONFIG,
		"job 'load': source: there is no connection 'rew', did you mean 'raw'?");
}

static void every_kind_has_a_step(void **state)
{
	struct fixture *f = *state;

	f->job.command = "true";
	for (int kind = JOB_COPY; kind <= JOB_EXEC; kind++) {
		f->job.kind = (enum job_kind)kind;
		must(attempt_check(&f->t.settings, &f->job, &f->t.err), &f->t.err);
	}
	assert_string_equal(job_kind_name(JOB_EXEC), "exec"); /* the last one */
	assert_null(job_kind_name(JOB_EXEC + 1));
}

/* --- another attempt --- */

static void a_failure_is_tried_again(void **state)
{
	struct fixture *f = *state;

	f->job.max_attempts = 2;
	test_store_apply(&f->t, &f->job);
	file_write(in_dir("t.csv"), "id\n\"1\n");
	assert_int_equal(execute(f), -1);
	check_run(f, "queued|bad_data|NULL|NULL");
	check_end(f, "queued|NULL|0");
	check_store(
		&f->t, "SELECT ready_at > strftime('%Y-%m-%dT%H:%M:%fZ', 'now') FROM etl_run", "1");
	check_said(f, ";info|back in the queue: the next attempt is in 30.0 s");
	check_ledger("open|1"); /* it is that attempt's too */
	start_next(f);
	assert_int_equal(f->run.attempt, 2);
	assert_int_equal(execute(f), -1);
	check_run(f, "failed|bad_data|0|0");
	check_ledger("revoked|2");
}

static void the_next_attempt_may_be_good(void **state)
{
	struct fixture *f = *state;

	f->job.max_attempts = 2;
	test_store_apply(&f->t, &f->job);
	assert_int_equal(execute(f), -1);
	check_run(f, "queued|not_found|NULL|NULL");
	file_write(in_dir("t.csv"), "id\n1\n");
	start_next(f);
	must(execute(f), &f->t.err);
	check_run(f, "succeeded|NULL|1|1");
	check_ledger("published|2");
}

/* Who looks on decides himself. */
static void by_hand_there_is_one_attempt(void **state)
{
	struct fixture *f = *state;

	f->job.max_attempts = 5;
	f->attempt.by_hand = true;
	assert_int_equal(execute(f), -1);
	check_run(f, "failed|not_found|0|0");
	check_ledger("revoked|1");
}

/* It may be mended, and an attempt reads it anew. */
static void a_wrong_definition_uses_its_attempts(void **state)
{
	struct fixture *f = *state;

	f->job.max_attempts = 5;
	f->job.source = "rew";
	assert_int_equal(execute(f), -1);
	check_store(&f->t, "SELECT state, error_code FROM etl_run", "queued|config");
	assert_int_equal(access(in_dir("w.db"), F_OK), -1); /* nothing was begun */
}

/* docs/design.md §3, rule 6 */
static void a_store_that_has_forgotten_holds_the_job(void **state)
{
	struct fixture *f = *state;

	f->job.load_mode = LOAD_APPEND;
	test_store_apply(&f->t, &f->job);
	file_write(in_dir("t.csv"), "id\n1\n");
	must(execute(f), &f->t.err);
	store_sql(&f->t, "UPDATE etl_run SET run_uid = 'another'");
	test_store_order(&f->t, 1);
	start_next(f);
	assert_int_equal(execute(f), -1);
	assert_int_equal(f->t.err.code, ERR_HELD);
	check_store(&f->t, "SELECT state, settle, disruptions FROM etl_run WHERE run_id = 2",
		"queued|NULL|1");
	check_store(
		&f->t, "SELECT hold_reason LIKE '%it is older than its target' FROM etl_job", "1");
	assert_int_equal(test_store_claim(&f->t).run_id, 0); /* until somebody has looked */
	check_sql(in_dir("w.db"), "SELECT count(*) FROM t", "1");
}

/* --- stopped --- */

static void a_person_who_stops_it_cancels_it(void **state)
{
	struct fixture *f = *state;

	file_write(in_dir("t.csv"), "id\n1\n");
	f->attempt.by_hand = true;
	f->signals.cancel = f->signals.told = true;
	assert_int_equal(execute(f), -1);
	assert_int_equal(f->t.err.code, ERR_CANCELLED);
	check_store(&f->t, "SELECT state, error_code FROM etl_run", "cancelled|cancelled");
	check_end(f, "cancelled|NULL|0");
}

/* A controller that leaves, a machine that goes down: nobody's failure. */
static void who_is_told_to_leave_gives_it_back(void **state)
{
	struct fixture *f = *state;

	file_write(in_dir("t.csv"), "id\n1\n");
	f->signals.cancel = f->signals.told = true;
	assert_int_equal(execute(f), -1);
	check_end(f, "queued|NULL|1");
	assert_int_equal(access(in_dir("t"), F_OK), -1);
	start_next(f);
	must(execute(f), &f->t.err);
	check_run(f, "succeeded|NULL|1|1");
}

static void who_is_told_since_it_is_cancelled(void **state)
{
	struct fixture *f = *state;

	file_write(in_dir("t.csv"), "id\n1\n");
	store_sql(&f->t, "UPDATE etl_run SET cancel_requested = 1");
	f->signals.cancel = f->signals.told = true;
	assert_int_equal(execute(f), -1);
	check_end(f, "cancelled|NULL|0");
}

/* Nobody told the worker: it finds out when it is about to publish. */
static void a_cancellation_is_found_in_the_store(void **state)
{
	struct fixture *f = *state;

	file_write(in_dir("t.csv"), "id\n1\n");
	store_sql(&f->t, "UPDATE etl_run SET cancel_requested = 1");
	assert_int_equal(execute(f), -1);
	assert_int_equal(f->t.err.code, ERR_CANCELLED);
	check_end(f, "cancelled|NULL|0");
	check_ledger("revoked|1");
	check_sql(in_dir("w.db"), "SELECT count(*) FROM sqlite_schema WHERE name = 't'", "0");
}

static void what_takes_too_long_is_timed_out(void **state)
{
	struct fixture *f = *state;

	file_write(in_dir("t.csv"), "id\n1\n");
	f->job.timeout = 90000;
	f->alarm_rings = true;
	assert_int_equal(execute(f), -1);
	assert_int_equal(f->alarm, 90000);
	check_err(&f->t.err, ERR_TIMED_OUT, "not done within 1m 30s");
	check_store(&f->t, "SELECT state, error_code, error_message FROM etl_run",
		"timed_out|timed_out|not done within 1m 30s");
}

static void what_took_too_long_is_tried_again(void **state)
{
	struct fixture *f = *state;

	file_write(in_dir("t.csv"), "id\n1\n");
	f->job.timeout = 90000;
	f->job.max_attempts = 2;
	f->alarm_rings = true;
	assert_int_equal(execute(f), -1);
	check_end(f, "queued|NULL|0");
	f->alarm_rings = false;
	start_next(f);
	must(execute(f), &f->t.err);
	check_run(f, "succeeded|NULL|1|1");
}

/* --- ends that need the target's word --- */

static void shut_the_ledger(void)
{
	sql_run(in_dir("w.db"), "CREATE TRIGGER refuse BEFORE UPDATE ON etl_load_ledger"
				" BEGIN SELECT raise(ABORT, 'the ledger is shut'); END");
}

static void a_target_that_cannot_be_asked_is_asked_later(void **state)
{
	struct fixture *f = *state;

	file_write(in_dir("t.csv"), "id\n1\n");
	must(execute(f), &f->t.err); /* now there is a ledger */
	shut_the_ledger();
	test_store_order(&f->t, 1);
	start_next(f);
	assert_int_equal(execute(f), -1);
	check_store(&f->t,
		"SELECT state, settle, disruptions, error_message LIKE '%shut%'"
		" FROM etl_run WHERE run_id = 2",
		"queued|failed|1|1");
	check_said(f,
		";warn|the run is failed as soon as its target can be asked; the next try is in ");
	start_next(f);
	assert_int_equal(f->run.settle, RUN_FAILED);
	assert_int_equal(execute(f), -1); /* it is still shut */
	check_store(&f->t, "SELECT state, settle, disruptions FROM etl_run WHERE run_id = 2",
		"queued|failed|2");
	sql_run(in_dir("w.db"), "DROP TRIGGER refuse");
	start_next(f);
	must(execute(f), &f->t.err);
	check_store(&f->t,
		"SELECT state, settle, error_message LIKE '%shut%' FROM etl_run WHERE run_id = 2",
		"failed|failed|1"); /* why it failed is still known */
	check_store(&f->t, "SELECT reason FROM etl_run_event ORDER BY event_id DESC LIMIT 1",
		"withdrawn in its target");
	check_ledger("published|1;revoked|1");
}

/* A run that was given up: an attempt that only asks, without a timeout. */
static void a_run_is_settled(void **state)
{
	static const struct {
		enum run_state wanted;
		const char *ledger; /* of an attempt before */
		const char *run, *after;
		bool loaded;
	} cases[] = {
		{RUN_FAILED, "open", "failed", "revoked", false},
		{RUN_CANCELLED, "open", "cancelled", "revoked", false},
		{RUN_TIMED_OUT, "open", "timed_out", "revoked", false},
		{RUN_FAILED, "revoked", "failed", "revoked", false},
		{RUN_CANCELLED, "published", "succeeded", "published",
			true}, /* its reply was lost */
	};
	struct fixture *f = *state;

	file_write(in_dir("t.csv"), "id\n1\n");
	f->job.timeout = 1000;
	must(execute(f), &f->t.err);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct verdict v = {
			.state = RUN_QUEUED, .settle = cases[i].wanted, .disruption = true};

		f->alarm = -1;
		test_store_order(&f->t, 1);
		start_next(f);
		sql_run(in_dir("w.db"),
			arena_printf(&f->t.arena,
				"UPDATE etl_load_ledger SET run_uid = '%s', state = '%s'",
				f->run.run_uid, cases[i].ledger));
		must(queue_give_up(f->t.store, &f->run, &v, "c", "lost", NULL, &f->t.err),
			&f->t.err);
		start_next(f);
		must(execute(f), &f->t.err);
		check_store(&f->t, "SELECT state FROM etl_run ORDER BY run_id DESC LIMIT 1",
			cases[i].run);
		check_sql(in_dir("w.db"), "SELECT state FROM etl_load_ledger", cases[i].after);
		assert_int_equal(f->alarm, -1);
	}
	check_said(f, "info|run 2 is to be failed: its target is asked");
	check_said(f, "info|withdrawn: the run is cancelled");
	check_said(f, "info|an earlier attempt has published this load already");
}

/* --- sql --- */

static void statements_are_carried_out(void **state)
{
	struct fixture *f = *state;

	as_kind(f, JOB_SQL, "CREATE TABLE t (id); INSERT INTO t VALUES (1), (2)");
	must(execute(f), &f->t.err);
	check_run(f, "succeeded|NULL|0|2");
	check_said(f, "info|run 1, attempt 1: sql in 'warehouse'");
	check_said(f, ";info|done: 2 rows changed (");
	check_sql(in_dir("w.db"), "SELECT count(*) FROM t", "2");
	check_ledger("published|1");
}

/* What it lacks may be made before the next attempt. */
static void a_statement_that_is_refused_uses_its_attempts(void **state)
{
	struct fixture *f = *state;

	f->job.max_attempts = 5;
	as_kind(f, JOB_SQL, "CREATE TABLE t (id); INSRT INTO t VALUES (1)");
	assert_int_equal(execute(f), -1);
	check_store(&f->t, "SELECT state, error_code FROM etl_run", "queued|config");
	check_sql(in_dir("w.db"), "SELECT count(*) FROM sqlite_schema WHERE name = 't'", "0");
	check_ledger("open|1");
}

/* --- exec --- */

static void a_command_is_carried_out(void **state)
{
	struct fixture *f = *state;

	as_kind(f, JOB_EXEC, "echo hello $ETL_RUN_ID");
	must(execute(f), &f->t.err);
	check_store(&f->t, "SELECT state FROM etl_run", "succeeded");
	assert_non_null(strstr(log_lines(f), "info|run 1, attempt 1: exec;info|hello 1;"
					     "info|the command ended well ("));
}

static void a_command_that_fails_is_tried_again(void **state)
{
	struct fixture *f = *state;

	f->job.max_attempts = 2;
	as_kind(f, JOB_EXEC, "exit 3");
	assert_int_equal(execute(f), -1);
	check_end(f, "queued|NULL|0"); /* it was seen to end: that is no loss */
	start_next(f);
	assert_int_equal(execute(f), -1);
	check_store(&f->t, "SELECT state, error_message FROM etl_run",
		"failed|the command ended with exit status 3");
}

/* Says that it is to end as soon as the command is at work. */
static void *interrupt(void *arg)
{
	struct fixture *f = arg;

	while (access(f->started, F_OK) < 0)
		usleep(1000);
	if (f->why == WHY_CANCELLED)
		store_sql(&f->t, "UPDATE etl_run SET cancel_requested = 1");
	if (f->why == WHY_TIMED_OUT)
		f->signals.timed_out = true;
	else
		f->signals.told = true;
	f->signals.cancel = true;
	return NULL;
}

static void execute_half_way(struct fixture *f, bool idempotent)
{
	pthread_t thread;

	f->started = arena_strdup(&f->t.arena, in_dir("started"));
	f->job.idempotent = idempotent;
	as_kind(f, JOB_EXEC, arena_printf(&f->t.arena, "touch '%s'; sleep 100", f->started));
	assert_int_equal(pthread_create(&thread, NULL, interrupt, f), 0);
	assert_int_equal(execute(f), -1);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

static void a_command_lost_half_way_is_unknown(void **state)
{
	struct fixture *f = *state;

	f->job.max_attempts = 5;
	execute_half_way(f, false);
	check_end(f, "unknown|NULL|0");
	check_said(f, ";warn|it was lost half-way and may not be done again: the run is unknown");
}

static void a_command_that_may_be_done_again_is(void **state)
{
	struct fixture *f = *state;

	execute_half_way(f, true);
	check_end(f, "queued|NULL|1");
}

static void a_command_that_is_cancelled_half_way(void **state)
{
	struct fixture *f = *state;

	f->why = WHY_CANCELLED;
	execute_half_way(f, false); /* that is what was wanted: no doubt about it */
	check_end(f, "cancelled|NULL|0");
}

static void a_command_that_takes_too_long(void **state)
{
	struct fixture *f = *state;

	f->job.timeout = 3600000;
	f->why = WHY_TIMED_OUT;
	execute_half_way(f, false); /* it was killed, which is an end that is known */
	assert_int_equal(f->alarm, 3600000);
	check_end(f, "timed_out|NULL|0");
}

static void a_command_has_no_target_to_ask(void **state)
{
	const struct verdict v = {.state = RUN_QUEUED, .settle = RUN_CANCELLED, .disruption = true};
	struct fixture *f = *state;

	as_kind(f, JOB_EXEC, "exit 3");
	must(queue_give_up(f->t.store, &f->run, &v, "c", "cancelled", NULL, &f->t.err), &f->t.err);
	start_next(f);
	must(execute(f), &f->t.err);
	check_end(f, "cancelled|cancelled|1");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_good_run_succeeds),
		TEST(a_bad_source_fails_the_run),
		TEST(a_hint_is_logged_too),
		TEST(a_run_that_is_somebody_elses_is_left),
		TEST(a_fence_lost_in_the_target_settles_nothing),
		TEST(a_fence_that_the_store_does_not_know_holds_the_job),
		TEST(an_earlier_attempt_that_published_is_enough),
		TEST(a_store_that_takes_no_log_lines),
		TEST(a_store_that_does_not_take_the_end),
		TEST(names_are_checked_before_a_run),
		TEST(every_kind_has_a_step),
		TEST(a_failure_is_tried_again),
		TEST(the_next_attempt_may_be_good),
		TEST(by_hand_there_is_one_attempt),
		TEST(a_wrong_definition_uses_its_attempts),
		TEST(a_store_that_has_forgotten_holds_the_job),
		TEST(a_person_who_stops_it_cancels_it),
		TEST(who_is_told_to_leave_gives_it_back),
		TEST(who_is_told_since_it_is_cancelled),
		TEST(a_cancellation_is_found_in_the_store),
		TEST(what_takes_too_long_is_timed_out),
		TEST(what_took_too_long_is_tried_again),
		TEST(a_target_that_cannot_be_asked_is_asked_later),
		TEST(a_run_is_settled),
		TEST(statements_are_carried_out),
		TEST(a_statement_that_is_refused_uses_its_attempts),
		TEST(a_command_is_carried_out),
		TEST(a_command_that_fails_is_tried_again),
		TEST(a_command_lost_half_way_is_unknown),
		TEST(a_command_that_may_be_done_again_is),
		TEST(a_command_that_is_cancelled_half_way),
		TEST(a_command_that_takes_too_long),
		TEST(a_command_has_no_target_to_ask),
	};
	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct err err = ERR_INIT;

	if (nowhere < 0 || log_start(nowhere, "error", "text", &clock_system, &err))
		return 1;
	return cmocka_run_group_tests_name("work/attempt", tests, NULL, NULL);
}
