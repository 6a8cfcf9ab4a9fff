#include "work/recover.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit/fake_host.h"
#include "unit/test_store.h"

/* A job 'load' that has loaded once, and its target. */
struct fixture {
	struct test_store t;
	struct job job;
	struct recovered *v;
	size_t n;
};

static void add_connections(struct fixture *f)
{
	struct connection *c = arena_array(&f->t.arena, 2, sizeof(*c));

	f->t.settings.connections = c;
	f->t.settings.n_connections = 2;
	c[0] = (struct connection){.name = "raw",
		.driver = DRIVER_CSV,
		.path = arena_strdup(&f->t.arena, in_dir("")),
		.format = {TEST_CSV_FORMAT, .max_field = 1 << 20}};
	c[1] = (struct connection){.name = "warehouse",
		.driver = DRIVER_SQLITE,
		.path = arena_strdup(&f->t.arena, in_dir("w.db"))};
}

/* As a worker does it. */
static void load(struct fixture *f, struct run *run)
{
	struct fake_host h;
	struct step_result result;

	fake_host_init(&h);
	h.host.settings = &f->t.settings;
	h.host.job = &f->job;
	h.host.run = run;
	h.host.store_uid = store_uid(f->t.store);
	must(step_copy.run(&h.host, &result, &f->t.err), &f->t.err);
	must(queue_move(f->t.store, run, RUN_SUCCEEDED, "worker", NULL, NULL, &f->t.err),
		&f->t.err);
	fake_host_release(&h);
}

static int setup(void **state)
{
	struct fixture *f = mem_alloc(sizeof(*f));
	struct run run;

	if (dir_make(state))
		return -1;
	test_store_init(&f->t);
	test_store_open(&f->t);
	add_connections(f);
	f->job = test_job(&f->t.arena, "load", JOB_COPY);
	f->job.source_table = f->job.target_table = "t";
	f->job.target = "warehouse";
	test_store_apply(&f->t, &f->job);
	file_write(in_dir("t.csv"), "id\n1\n");
	test_store_order(&f->t, 1);
	run = test_store_start(&f->t);
	load(f, &run);
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

/* Loads that the ledger has besides, of this job: of this store, or another one. */
static void lost(
	struct fixture *f, const char *run_uid, const char *store, const char *s, const char *key)
{
	sql_run(in_dir("w.db"),
		arena_printf(&f->t.arena,
			"INSERT INTO etl_load_ledger (run_uid, store_uid, job_uid, job_name,"
			" order_key, fence, state, target_table, rows, opened_at, published_at)"
			" VALUES ('%s', '%s', '%s', 'load', %s, 2, '%s', 't', 5,"
			" '2026-01-01T10:00:00.000Z', iif('%s' = 'published',"
			" '2026-01-01T10:05:00.000Z', NULL))",
			run_uid, store ? store : store_uid(f->t.store),
			store ? "another-job" : f->job.job_uid, key, s, s));
}

static void recover(struct fixture *f, bool dry_run, size_t expected)
{
	must(recover_job(&f->t.settings, f->t.store, &f->job, "me", dry_run, &f->t.arena, &f->v,
		     &f->n, &f->t.err),
		&f->t.err);
	assert_int_equal(f->n, expected);
}

#define check_ledger(expected)                                                          \
	check_sql(in_dir("w.db"),                                                       \
		"SELECT run_uid, state FROM etl_load_ledger WHERE run_uid LIKE 'lost%'" \
		" ORDER BY run_uid",                                                    \
		expected)

static void hold(struct fixture *f)
{
	must(queue_hold(f->t.store, 1, "the store is old", &f->t.err), &f->t.err);
}

#define check_held(f, held) \
	check_store(&(f)->t, "SELECT hold_reason IS NOT NULL FROM etl_job", held)

static void what_is_known_is_no_loss(void **state)
{
	struct fixture *f = *state;

	hold(f);
	recover(f, true, 0);
	check_held(f, "1");
	recover(f, false, 0);
	check_held(f, "0");
	check_store(&f->t, "SELECT count(*) FROM etl_run", "1");
}

static void lost_runs_become_runs_again(void **state)
{
	struct fixture *f = *state;

	lost(f, "lost-1", NULL, "published", "'monday'");
	lost(f, "lost-2", NULL, "open", "NULL");
	lost(f, "lost-3", NULL, "revoked", "NULL"); /* nothing of it is there */
	lost(f, "lost-4", "store-2", "published", "NULL");
	hold(f);
	recover(f, false, 3);
	check_store(&f->t,
		"SELECT run_uid, job_id, state, origin, order_key, fence, rows_written,"
		" started_at, finished_at LIKE '2026-01-01T10:05%' FROM etl_run"
		" WHERE run_id > 1 ORDER BY run_uid",
		"lost-1|1|succeeded|recovered|monday|2|5|2026-01-01T10:00:00.000Z|1;"
		"lost-2|1|cancelled|recovered|NULL|2|5|2026-01-01T10:00:00.000Z|0;"
		"lost-4|1|succeeded|recovered|NULL|2|5|2026-01-01T10:00:00.000Z|1");
	check_ledger("lost-1|published;lost-2|revoked;lost-3|revoked;lost-4|published");
	check_held(f, "0");
	for (size_t i = 0; i < f->n; i++) {
		const struct recovered *r = &f->v[i];
		bool open = strcmp(r->run_uid, "lost-2") == 0;

		assert_int_equal(r->end, open ? RECOVERED_WITHDRAWN : RECOVERED_PUBLISHED);
		assert_string_equal(r->opened_at, "2026-01-01T10:00:00.000Z");
		assert_int_equal(r->rows, 5);
		assert_string_equal(
			sql_ask(f->t.path, arena_printf(&f->t.arena,
						   "SELECT run_uid FROM etl_run WHERE run_id = %d",
						   (int)r->run_id)),
			r->run_uid);
	}
	recover(f, false, 0); /* once */
	check_store(&f->t, "SELECT count(*) FROM etl_run", "4");
}

static void a_dry_run_changes_nothing(void **state)
{
	struct fixture *f = *state;

	lost(f, "lost-1", NULL, "published", "'monday'");
	lost(f, "lost-2", NULL, "open", "NULL");
	hold(f);
	recover(f, true, 2);
	for (size_t i = 0; i < 2; i++) {
		bool open = strcmp(f->v[i].run_uid, "lost-2") == 0;

		assert_int_equal(f->v[i].end, open ? RECOVERED_WITHDRAWN : RECOVERED_PUBLISHED);
		assert_int_equal(f->v[i].run_id, 0);
		if (!open)
			assert_string_equal(f->v[i].order_key, "monday");
	}
	check_store(&f->t, "SELECT count(*) FROM etl_run", "1");
	check_ledger("lost-1|published;lost-2|open");
	check_held(f, "1");
}

/* After it the job loads again, and does not load twice what it had. */
static void a_job_goes_on_behind_it(void **state)
{
	const struct order monday = {.key = "monday", .actor = "me"};
	struct fixture *f = *state;
	struct run run;
	bool known = false;

	lost(f, "lost-1", NULL, "published", "'monday'");
	recover(f, false, 1);
	must(queue_order(f->t.store, 1, &monday, &f->t.arena, &run, &known, &f->t.err), &f->t.err);
	assert_true(known);
	assert_int_equal(run.state, RUN_SUCCEEDED);
	test_store_order(&f->t, 1);
	run = test_store_start(&f->t);
	load(f, &run);
	check_sql(in_dir("w.db"), "SELECT count(*) FROM t", "2");
}

static void a_target_that_was_never_made_has_nothing(void **state)
{
	struct fixture *f = *state;

	unlink(in_dir("w.db"));
	hold(f);
	recover(f, false, 0);
	check_held(f, "0");
	assert_int_equal(access(in_dir("w.db"), F_OK), -1);
	check_err(&f->t.err, ERR_NONE, "");
}

static void a_target_without_a_ledger_has_nothing(void **state)
{
	struct fixture *f = *state;

	sql_run(in_dir("w.db"), "DROP TABLE etl_load_ledger");
	recover(f, true, 0);
	check_sql(in_dir("w.db"), "SELECT name FROM sqlite_schema WHERE name LIKE 'etl%'", "");
}

static void a_command_has_no_target(void **state)
{
	struct fixture *f = *state;

	f->job.kind = JOB_EXEC;
	f->job.target = NULL;
	hold(f);
	recover(f, true, 0);
	check_held(f, "1");
	recover(f, false, 0);
	check_held(f, "0");
}

/* Nothing is released as long as it is not known what is there. */
static void a_target_that_cannot_be_asked(void **state)
{
	struct fixture *f = *state;

	lost(f, "lost-1", NULL, "open", "NULL");
	sql_run(in_dir("w.db"), "CREATE TRIGGER refuse BEFORE UPDATE ON etl_load_ledger"
				" BEGIN SELECT raise(ABORT, 'the ledger is shut'); END");
	hold(f);
	assert_int_equal(recover_job(&f->t.settings, f->t.store, &f->job, "me", false, &f->t.arena,
				 &f->v, &f->n, &f->t.err),
		-1);
	assert_non_null(strstr(f->t.err.msg, "job 'load': withdraw run 'lost-1': "));
	check_store(&f->t, "SELECT count(*) FROM etl_run", "1");
	check_held(f, "1");
	f->job.target = "warehoose";
	err_clear(&f->t.err);
	assert_int_equal(recover_job(&f->t.settings, f->t.store, &f->job, "me", false, &f->t.arena,
				 &f->v, &f->n, &f->t.err),
		-1);
	assert_int_equal(f->t.err.code, ERR_CONFIG);
	check_held(f, "1");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_known_is_no_loss),
		TEST(lost_runs_become_runs_again),
		TEST(a_dry_run_changes_nothing),
		TEST(a_job_goes_on_behind_it),
		TEST(a_target_that_was_never_made_has_nothing),
		TEST(a_target_without_a_ledger_has_nothing),
		TEST(a_command_has_no_target),
		TEST(a_target_that_cannot_be_asked),
	};

	return cmocka_run_group_tests_name("work/recover", tests, NULL, NULL);
}
