#include "work/look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "unit/support.h"

struct fixture {
	struct arena a;
	char dir[64], db[80];
	struct connection conns[2];
	struct settings settings;
	struct job job;
	struct buf said;
	struct err err;
};

static int setup(void **state)
{
	struct fixture *f = mem_alloc(sizeof(*f));

	if (dir_make(state))
		return -1;
	strcpy(f->dir, in_dir(""));
	strcpy(f->db, in_dir("w.db"));
	f->conns[0] = (struct connection){.name = "files",
		.driver = DRIVER_CSV,
		.path = f->dir,
		.format = {TEST_CSV_FORMAT, .max_field = 1000}};
	f->conns[1] = (struct connection){.name = "dwh", .driver = DRIVER_SQLITE, .path = f->db};
	f->settings = (struct settings){.connections = f->conns, .n_connections = 2};
	f->job = (struct job){.job_uid = "job-1",
		.name = "load",
		.kind = JOB_COPY,
		.source = "files",
		.source_table = "t",
		.target = "dwh",
		.target_table = "t",
		.load_mode = LOAD_INCREMENTAL,
		.watermark_column = "id",
		.create = true};
	buf_init(&f->said, 10000);
	file_write(in_dir("t.csv"), "id,name\n1,a\n2,b\n");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	buf_release(&f->said);
	arena_release(&f->a);
	free(f);
	return dir_remove(state);
}

static void say(void *arg, const char *line)
{
	struct fixture *f = arg;

	buf_printf(&f->said, "%s\n", line);
}

static int plan(struct fixture *f, bool full)
{
	buf_reset(&f->said);
	err_clear(&f->err);
	return look_plan(&f->settings, &f->job, full, say, f, &f->err);
}

static bool has(const struct fixture *f, const char *part)
{
	return strstr(buf_str((struct buf *)&f->said), part) != NULL;
}

static void a_plan_writes_nothing(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;
	struct buf none = BUF_INIT(10);

	must(plan(f, false), &f->err);
	assert_true(has(f, "reads everything: there is no watermark\n"));
	assert_true(has(f, "the table is made: CREATE TABLE "));
	assert_int_equal(file_read(f->db, &none, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	buf_release(&none);
}

static void a_watermark_is_shown_and_set(void **state)
{
	struct fixture *f = *state;
	const char *text = "?";

	sql_run(f->db, "CREATE TABLE t (id INTEGER, name TEXT); INSERT INTO t VALUES (1, 'a')");
	must(look_watermark(&f->settings, &f->job, &f->a, &text, &f->err), &f->err);
	assert_null(text);
	must(look_set_watermark(&f->settings, &f->job, "1", &f->err), &f->err);
	must(look_watermark(&f->settings, &f->job, &f->a, &text, &f->err), &f->err);
	assert_string_equal(text, "1");
	f->job.lookback = "5";
	must(plan(f, false), &f->err);
	assert_true(has(f, "reads what is above 1 in 'id', less 5\n"));
	assert_true(has(f, "table 't' has 1 rows\n"));
	must(plan(f, true), &f->err);
	assert_true(has(f, "reads everything"));
	must(look_set_watermark(&f->settings, &f->job, NULL, &f->err), &f->err);
	must(look_watermark(&f->settings, &f->job, &f->a, &text, &f->err), &f->err);
	assert_null(text);
}

static void rejects_of_nobody(void **state)
{
	struct fixture *f = *state;
	struct reject *list;
	size_t n = 7;

	sql_run(f->db, "CREATE TABLE t (id)");
	must(look_rejects(&f->settings, &f->job, "run-1", &f->a, &list, &n, &f->err), &f->err);
	assert_int_equal(n, 0);
	assert_int_equal(look_rejects(&f->settings, &f->job, "../x", &f->a, &list, &n, &f->err), -1);
	assert_int_equal(f->err.code, ERR_DATA);
}

static void what_cannot_be_looked_at(void **state)
{
	struct fixture *f = *state;
	const char *text;

	f->job.kind = JOB_SQL;
	assert_int_equal(plan(f, false), -1);
	check_err(&f->err, ERR_CONFIG, "job 'load' copies no rows: it is of kind sql");
	f->job.kind = JOB_COPY;
	f->job.target = "nowhere";
	assert_int_equal(plan(f, false), -1);
	assert_int_equal(f->err.code, ERR_CONFIG);
	f->job.target = "dwh";
	f->job.source = "nowhere";
	assert_int_equal(plan(f, false), -1);
	assert_int_equal(f->err.code, ERR_CONFIG);
	f->job.source = "files";
	f->job.source_table = "missing";
	assert_int_equal(plan(f, false), -1);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
	f->job.target = "files";
	f->job.load_mode = LOAD_REPLACE;
	err_clear(&f->err);
	assert_int_equal(look_watermark(&f->settings, &f->job, &f->a, &text, &f->err), -1);
	check_err(&f->err, ERR_CONFIG, "connection 'files': driver 'csv' keeps no watermarks");
	err_clear(&f->err);
	assert_int_equal(look_set_watermark(&f->settings, &f->job, "1", &f->err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_plan_writes_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(a_watermark_is_shown_and_set, setup, teardown),
		cmocka_unit_test_setup_teardown(rejects_of_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_looked_at, setup, teardown),
	};

	return cmocka_run_group_tests_name("work/look", tests, NULL, NULL);
}
