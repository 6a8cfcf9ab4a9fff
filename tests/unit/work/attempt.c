#include "unit/support.h"

#include "work/attempt.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

struct fixture {
	struct arena arena;
	struct settings settings;
	struct store *store;
	struct job job;
	struct run run;
	struct attempt attempt;
	atomic_bool cancel;
	struct err err;
};

/* A store, a job 'load' from t.csv to table t, and a run of it that is claimed. */
static int setup(void **state)
{
	struct fixture *f = mem_alloc(sizeof(*f));
	struct schema_change change;
	enum job_change how;
	struct connection *c;

	if (dir_make(state))
		return -1;
	f->settings.store.path = arena_strdup(&f->arena, in_dir("store.db"));
	f->settings.connections = c = arena_array(&f->arena, 2, sizeof(*c));
	f->settings.n_connections = 2;
	c[0] = (struct connection){.name = "raw",
		.driver = DRIVER_CSV,
		.where = "etl.ini:1",
		.path = arena_strdup(&f->arena, in_dir("")),
		.format = {.delimiter = ",",
			.null_text = "",
			.encoding = "utf-8",
			.max_field = 1 << 20}};
	c[1] = (struct connection){.name = "warehouse",
		.driver = DRIVER_SQLITE,
		.where = "etl.ini:4",
		.path = arena_strdup(&f->arena, in_dir("w.db"))};
	f->job = (struct job){.name = "load",
		.enabled = true,
		.source = "raw",
		.source_table = "t",
		.target = "warehouse",
		.target_table = "t",
		.create = true,
		.min_rows = 1,
		.max_attempts = 1};
	must(store_init(&f->settings, &clock_system, &rnd_system, &change, &f->err), &f->err);
	must(store_open(&f->settings, &f->store, &f->err), &f->err);
	must(store_apply(f->store, &f->job, 1, "tester", &f->arena, &how, &f->err), &f->err);
	must(store_job(f->store, "load", &f->arena, &f->job, &f->err), &f->err);
	must(store_order_claimed(
		     f->store, f->job.job_id, "tester", 60000, &f->arena, &f->run, &f->err),
		&f->err);
	f->attempt = (struct attempt){.settings = &f->settings,
		.store = f->store,
		.job = &f->job,
		.run = &f->run,
		.actor = "tester",
		.clock = &clock_system,
		.cancel = &f->cancel};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	store_close(f->store);
	arena_release(&f->arena);
	free(f);
	return dir_remove(state);
}

static int execute(struct fixture *f)
{
	return attempt_execute(&f->attempt, &f->err);
}

static void check_run(const char *expected)
{
	check_sql(in_dir("store.db"),
		"SELECT state, error_code, rows_read, rows_written FROM etl_run", expected);
}

static const char *log_lines(void)
{
	return sql_ask(in_dir("store.db"), "SELECT level, message FROM etl_run_log ORDER BY seq");
}

static void a_good_run_succeeds(void **state)
{
	struct fixture *f = *state;

	file_write(in_dir("t.csv"), "id\n1\n2\n");
	must(execute(f), &f->err);
	check_run("succeeded|NULL|2|2");
	check_sql(in_dir("store.db"), "SELECT new_state FROM etl_run_event ORDER BY event_id",
		"queued;starting;running;succeeded");
	assert_non_null(strstr(
		log_lines(), "info|run 1, attempt 1: copy 't' of 'raw' to 't' of 'warehouse'"));
	assert_non_null(strstr(log_lines(), ";info|published 2 rows in 't' (replace"));
}

static void a_bad_source_fails_the_run(void **state)
{
	struct fixture *f = *state;

	file_write(in_dir("t.csv"), "id\n\"1\n");
	assert_int_equal(execute(f), -1);
	check_run("failed|bad_data|0|0");
	assert_non_null(strstr(log_lines(), ";error|read 't': t.csv: line 2"));
	check_sql(in_dir("w.db"), "SELECT state FROM etl_load_ledger", "revoked");
}

static void a_hint_is_logged_too(void **state)
{
	struct fixture *f = *state;

	file_write(in_dir("t.csv"), "");
	assert_int_equal(execute(f), -1);
	assert_non_null(strstr(log_lines(), ";info|hint: the first line must name the columns"));
}

static void a_cancelled_run_is_cancelled(void **state)
{
	struct fixture *f = *state;

	file_write(in_dir("t.csv"), "id\n1\n");
	f->cancel = true;
	assert_int_equal(execute(f), -1);
	assert_int_equal(f->err.code, ERR_CANCELLED);
	check_sql(
		in_dir("store.db"), "SELECT state, error_code FROM etl_run", "cancelled|cancelled");
}

static void a_run_that_is_somebody_elses_is_left(void **state)
{
	struct fixture *f = *state;

	file_write(in_dir("t.csv"), "id\n1\n");
	sql_run(in_dir("store.db"), "UPDATE etl_run SET fence = 2");
	assert_int_equal(execute(f), -1);
	assert_int_equal(f->err.code, ERR_LEASE_LOST);
	check_run("starting|NULL|NULL|NULL");
	assert_int_equal(access(in_dir("w.db"), F_OK), -1);
}

/* Somebody raised the fence in the target: whether the load is published is his to say. */
static void a_fence_lost_in_the_target_settles_nothing(void **state)
{
	struct fixture *f = *state;

	file_write(in_dir("t.csv"), "id\n1\n");
	must(execute(f), &f->err);
	sql_run(in_dir("store.db"), "UPDATE etl_run SET state = 'starting'");
	sql_run(in_dir("w.db"), "UPDATE etl_load_ledger SET state = 'open', fence = 9");
	assert_int_equal(execute(f), -1);
	assert_int_equal(f->err.code, ERR_LEASE_LOST);
	check_sql(in_dir("store.db"), "SELECT state FROM etl_run", "running");
	assert_non_null(
		strstr(log_lines(), ";warn|the run stays running until the target can be asked"));
}

static void an_earlier_attempt_that_published_is_enough(void **state)
{
	struct fixture *f = *state;

	file_write(in_dir("t.csv"), "id\n1\n");
	must(execute(f), &f->err);
	sql_run(in_dir("store.db"), "UPDATE etl_run SET state = 'starting'");
	must(execute(f), &f->err);
	check_sql(in_dir("store.db"), "SELECT state FROM etl_run", "succeeded");
	assert_non_null(strstr(log_lines(), "an earlier attempt has published this load already"));
	check_sql(in_dir("w.db"), "SELECT count(*) FROM t", "1");
}

/* A line that the store does not take must not end a load that is good. */
static void a_store_that_takes_no_log_lines(void **state)
{
	struct fixture *f = *state;

	file_write(in_dir("t.csv"), "id\n1\n");
	sql_run(in_dir("store.db"), "CREATE TRIGGER refuse BEFORE INSERT ON etl_run_log"
				    " BEGIN SELECT raise(ABORT, 'full'); END");
	must(execute(f), &f->err);
	check_run("succeeded|NULL|1|1");
	assert_string_equal(log_lines(), "");
}

/* The load is published, and nobody lies about it: whoever settles the run asks the target. */
static void a_store_that_does_not_take_the_end(void **state)
{
	struct fixture *f = *state;

	file_write(in_dir("t.csv"), "id\n1\n");
	sql_run(in_dir("store.db"), "CREATE TRIGGER refuse BEFORE UPDATE ON etl_run"
				    " WHEN new.state = 'succeeded'"
				    " BEGIN SELECT raise(ABORT, 'full'); END");
	assert_int_equal(execute(f), -1);
	check_err(&f->err, ERR_DATA, "run 1 to succeeded: full");
	check_run("running|NULL|NULL|NULL");
	check_sql(in_dir("w.db"), "SELECT state FROM etl_load_ledger", "published");
}

static void names_are_checked_before_a_run(void **state)
{
	struct fixture *f = *state;

	must(attempt_check(&f->settings, &f->job, &f->err), &f->err);
	f->job.target = "warehoose";
	assert_int_equal(attempt_check(&f->settings, &f->job, &f->err), -1);
	check_err(&f->err, ERR_CONFIG,
		"job 'load': target: there is no connection 'warehoose', did you mean "
		"'warehouse'?");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_good_run_succeeds),
		TEST(a_bad_source_fails_the_run),
		TEST(a_hint_is_logged_too),
		TEST(a_cancelled_run_is_cancelled),
		TEST(a_run_that_is_somebody_elses_is_left),
		TEST(a_fence_lost_in_the_target_settles_nothing),
		TEST(an_earlier_attempt_that_published_is_enough),
		TEST(a_store_that_takes_no_log_lines),
		TEST(a_store_that_does_not_take_the_end),
		TEST(names_are_checked_before_a_run),
	};
	struct err err = ERR_INIT;

	if (log_start(STDERR_FILENO, "error", "text", &clock_system, &err))
		return 1;
	return cmocka_run_group_tests_name("work/attempt", tests, NULL, NULL);
}
