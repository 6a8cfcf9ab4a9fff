#include "job/store_move.h"

#include <stdlib.h>
#include <string.h>

#include "unit/support.h"
#include "unit/test_store.h"

struct fixture {
	struct test_store old, new;
};

static int setup(void **state)
{
	struct fixture *f = mem_alloc(sizeof(*f));
	struct job job;

	test_store_init(&f->old);
	test_store_open(&f->old);
	job = test_job(&f->old.arena, "load", JOB_EXEC);
	test_store_apply(&f->old, &job);
	sql_run(f->old.path, "INSERT INTO etl_run (job_id, state, finished_at) VALUES (1, 'succeeded', '2026-01-01T00:00:00.000Z');"
			     "UPDATE etl_job SET priority = 9; INSERT INTO etl_run (job_id) VALUES (1);"
			     "UPDATE etl_run SET priority = 3 WHERE run_id = 2;"
			     "INSERT INTO etl_run_log (run_id, attempt, seq, level, message) VALUES (1, 1, 1, 'info', 'it''s')");
	test_store_init(&f->new);
	test_store_open(&f->new);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	test_store_release(&f->old);
	test_store_release(&f->new);
	free(f);
	return 0;
}

static int move(struct fixture *f, struct store_move *ret, struct err *err)
{
	return store_move(&f->old.settings, &f->new.settings, NULL, NULL, ret, err);
}

static void all_of_it_moves(void **state)
{
	static const char *const same[] = {"SELECT * FROM etl_job", "SELECT * FROM etl_job_history", "SELECT * FROM etl_run",
		"SELECT * FROM etl_run_event", "SELECT * FROM etl_run_log", "SELECT value FROM etl_meta WHERE name = 'store_uid'"};
	struct fixture *f = *state;
	struct err err = ERR_INIT;
	struct store_move m;

	must(move(f, &m, &err), &err);
	assert_int_equal(m.jobs, 1);
	assert_int_equal(m.runs, 2);
	assert_false(m.done_before);
	for (size_t i = 0; i < ARRAY_LEN(same); i++)
		check_sql(f->new.path, same[i], arena_strdup(&f->old.arena, sql_ask(f->old.path, same[i])));
	must(move(f, &m, &err), &err); /* again */
	assert_true(m.done_before);
}

static void nobody_opens_the_old_one(void **state)
{
	struct fixture *f = *state;
	struct store *s = NULL;
	struct err err = ERR_INIT;
	struct store_move m;

	must(move(f, &m, &err), &err);
	assert_int_equal(store_open(&f->old.settings, &s, &err), -1);
	assert_int_equal(err.code, ERR_STORE);
	assert_non_null(strstr(err.msg, "it was moved to '"));
}

static void check_refused(struct fixture *f, enum err_code code, const char *why)
{
	struct err err = ERR_INIT;
	struct store_move m;

	assert_int_equal(move(f, &m, &err), -1);
	assert_int_equal(err.code, code);
	if (!strstr(err.msg, why))
		fail_msg("%s", err.msg);
	check_sql(f->old.path, "SELECT count(*) FROM etl_meta WHERE name = 'moved_to'", "0");
	check_sql(f->new.path, "SELECT count(*) FROM etl_run", "0");
}

static void what_is_at_work_stays(void **state)
{
	struct fixture *f = *state;

	sql_run(f->old.path, "INSERT INTO etl_controller (controller_uid, host, process, version, state, max_workers,"
			     " lease_until) VALUES ('c', 'here', '7', 'v', 'running', 1, '2999-01-01T00:00:00.000Z')");
	check_refused(f, ERR_BUSY, "the controller on here, process 7 works with it");
	sql_run(f->old.path, "UPDATE etl_controller SET state = 'stopped'; UPDATE etl_run SET state = 'running' WHERE run_id = 2");
	check_refused(f, ERR_BUSY, "run 2 has a worker");
}

static void only_into_an_empty_one(void **state)
{
	struct fixture *f = *state;
	struct job job = test_job(&f->new.arena, "mine", JOB_EXEC);

	test_store_apply(&f->new, &job);
	check_refused(f, ERR_CONFIG, "it has 1 jobs of its own");
}

static void not_into_itself(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;
	struct store_move m;

	assert_int_equal(store_move(&f->old.settings, &f->old.settings, NULL, NULL, &m, &err), -1);
	assert_int_equal(err.code, ERR_CONFIG);
}

/* What fails half-way leaves both as they were. */
static void a_row_that_the_new_one_refuses(void **state)
{
	struct fixture *f = *state;

	sql_run(f->new.path, "CREATE TRIGGER no BEFORE INSERT ON etl_run_log BEGIN SELECT raise(ABORT, 'full'); END");
	check_refused(f, ERR_DATA, "etl.run_log: full");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_of_it_moves, setup, teardown),
		cmocka_unit_test_setup_teardown(nobody_opens_the_old_one, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_at_work_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(only_into_an_empty_one, setup, teardown),
		cmocka_unit_test_setup_teardown(not_into_itself, setup, teardown),
		cmocka_unit_test_setup_teardown(a_row_that_the_new_one_refuses, setup, teardown),
	};

	return cmocka_run_group_tests_name("job/store_move", tests, dir_make, dir_remove);
}
