#include "work/step.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "unit/fake_host.h"
#include "unit/support.h"

struct fixture {
	struct fake_host h;
	struct arena arena;
	struct connection connections[2];
	struct step_result result;
	struct err err;
};

static int setup(void **state)
{
	struct fixture *f = mem_alloc(sizeof(*f));

	if (dir_make(state))
		return -1;
	fake_host_init(&f->h);
	f->connections[0] = (struct connection){.name = "raw",
		.driver = DRIVER_CSV,
		.where = "etl.ini:1",
		.path = arena_strdup(&f->arena, in_dir("")),
		.format = {TEST_CSV_FORMAT, .max_field = 1 << 20}};
	f->connections[1] = (struct connection){.name = "warehouse",
		.driver = DRIVER_SQLITE,
		.where = "etl.ini:4",
		.path = arena_strdup(&f->arena, in_dir("w.db"))};
	f->h.settings.connections = f->connections;
	f->h.settings.n_connections = 2;
	f->h.job.source = "raw";
	f->h.job.target = "warehouse";
	f->h.job.source_table = f->h.job.target_table = "t";
	f->h.job.create = true;
	f->h.job.min_rows = 1;
	file_write(in_dir("t.csv"), "id\n1\n2\n");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	fake_host_release(&f->h);
	arena_release(&f->arena);
	free(f);
	return dir_remove(state);
}

static int run(struct fixture *f)
{
	err_clear(&f->err);
	return step_copy.run(&f->h.host, &f->result, &f->err);
}

static void connections_are_found_by_name(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(step_copy.kind, JOB_COPY);
	must(run(f), &f->err);
	assert_int_equal(f->result.end, STEP_DONE);
	assert_int_equal(f->result.rows_read, 2);
	assert_int_equal(f->result.rows_written, 2);
	assert_non_null(strstr(f->h.progress, "load  2 rows")); /* the last line is of all of it */
	check_sql(in_dir("w.db"), "SELECT count(*) FROM t", "2");
}

static void connections_that_there_are_not(void **state)
{
	static const struct {
		const char *source, *target, *msg;
	} cases[] = {
		{"rav", "warehouse",
			"job 'load': source: there is no connection 'rav', did you mean 'raw'?"},
		{"raw", "warhouse",
			"job 'load': target: there is no connection 'warhouse', did you mean "
			"'warehouse'?"},
	};
	struct fixture *f = *state;

	must(step_copy.check(&f->h.settings, &f->h.job, &f->err), &f->err);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		f->h.job.source = cases[i].source;
		f->h.job.target = cases[i].target;
		err_clear(&f->err);
		assert_int_equal(step_copy.check(&f->h.settings, &f->h.job, &f->err), -1);
		check_err(&f->err, ERR_CONFIG, cases[i].msg);
		assert_int_equal(run(f), -1);
		check_err(&f->err, ERR_CONFIG, cases[i].msg);
		assert_int_equal(f->result.end, STEP_OPEN); /* nothing was begun */
	}
	assert_int_equal(f->h.asked_again, 0);
}

static void a_run_is_withdrawn(void **state)
{
	struct fixture *f = *state;
	enum step_end end = STEP_UNKNOWN;

	f->h.will_try_again = true;
	file_write(in_dir("t.csv"), "id\n\"1\n");
	assert_int_equal(run(f), -1);
	assert_int_equal(f->result.end, STEP_OPEN);
	must(step_copy.settle(&f->h.host, "given up", &end, &f->err), &f->err);
	assert_int_equal(end, STEP_WITHDRAWN);
	check_sql(in_dir("w.db"), "SELECT state, revoked_reason FROM etl_load_ledger",
		"revoked|given up");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(connections_are_found_by_name),
		TEST(connections_that_there_are_not),
		TEST(a_run_is_withdrawn),
	};

	return cmocka_run_group_tests_name("work/copy_step", tests, NULL, NULL);
}
