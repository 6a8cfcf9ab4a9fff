#include "work/ledger_reject.h"

#include <stdlib.h>
#include <string.h>

#include "unit/support.h"

#define DAY_MS 86400000

struct fixture {
	struct arena a;
	struct job job;
	struct load load, other;
	struct rejects *rejects;
	const char *path;
	struct db *db;
	struct err err;
};

static void add(struct fixture *f, uint64_t row, const char *key, const char *value)
{
	err_set(&f->err, ERR_DATA, ERR_VALUE " is not a number");
	err_value(&f->err, value, strlen(value));
	must(rejects_add(f->rejects, row, "a", key, &f->err), &f->err);
}

static int setup(void **state)
{
	const struct db_options options = {.create = true, .no_sync = true};
	struct fixture *f = mem_alloc(sizeof(*f));

	if (dir_make(state))
		return -1;
	f->job = (struct job){.job_uid = "job-1",
		.name = "load",
		.on_reject = ON_REJECT_KEEP,
		.reject_limit = 10,
		.reject_values = REJECT_VALUES_ALL,
		.reject_retention = 30LL * DAY_MS};
	f->load = (struct load){.run_uid = "run-1", .job = &f->job};
	f->other = (struct load){.run_uid = "run-2", .job = &f->job};
	f->rejects = rejects_new(&f->job);
	f->path = mem_strdup(in_dir("target.db"));
	must(db_open_sqlite(f->path, &options, &f->db, &f->err), &f->err);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	db_close(f->db);
	rejects_free(f->rejects);
	arena_release(&f->a);
	free((char *)f->path);
	free(f);
	return dir_remove(state);
}

static void nothing_to_keep_makes_no_table(void **state)
{
	struct fixture *f = *state;
	struct reject *list;
	size_t n;

	must(ledger_reject_store(f->db, &f->load, f->rejects, &f->err), &f->err);
	must(ledger_reject_store(f->db, &f->load, NULL, &f->err), &f->err);
	must(ledger_reject_keep(f->db, &f->load, NULL, &f->err), &f->err);
	must(ledger_reject_keep(f->db, &f->load, f->rejects, &f->err), &f->err);
	check_sql(f->path, "SELECT count(*) FROM sqlite_schema", "0");
	must(ledger_reject_list(f->db, "run-1", &f->a, &list, &n, &f->err), &f->err);
	assert_int_equal(n, 0);
}

static void they_are_listed_as_they_were_kept(void **state)
{
	struct fixture *f = *state;
	struct reject *list;
	size_t n;

	add(f, 9, "k9", "x");
	add(f, 3, NULL, "y");
	must(ledger_reject_keep(f->db, &f->load, f->rejects, &f->err), &f->err);
	must(ledger_reject_list(f->db, "run-1", &f->a, &list, &n, &f->err), &f->err);
	assert_int_equal(n, 2);
	assert_int_equal(list[0].row, 9);
	assert_string_equal(list[0].column, "a");
	assert_string_equal(list[0].key, "k9");
	assert_string_equal(list[0].value, "x");
	assert_string_equal(list[0].reason, "'x' is not a number");
	assert_null(list[1].key);
	must(ledger_reject_list(f->db, "run-2", &f->a, &list, &n, &f->err), &f->err);
	assert_int_equal(n, 0);
}

static void in_the_place_of_an_earlier_attempts(void **state)
{
	struct fixture *f = *state;

	add(f, 1, NULL, "x");
	must(ledger_reject_keep(f->db, &f->load, f->rejects, &f->err), &f->err);
	must(ledger_reject_keep(f->db, &f->other, f->rejects, &f->err), &f->err);
	add(f, 2, NULL, "y");
	must(ledger_reject_keep(f->db, &f->load, f->rejects, &f->err), &f->err);
	check_sql(f->path, "SELECT run_uid, row_no FROM etl_load_reject ORDER BY 1, 2",
		"run-1|1;run-1|2;run-2|1");
	must(ledger_reject_store(f->db, &f->load, NULL, &f->err), &f->err);
	check_sql(f->path, "SELECT run_uid, row_no FROM etl_load_reject ORDER BY 1, 2", "run-2|1");
}

static void old_ones_of_the_job_go(void **state)
{
	struct fixture *f = *state;

	add(f, 1, NULL, "x");
	must(ledger_reject_keep(f->db, &f->load, f->rejects, &f->err), &f->err);
	sql_run(f->path, "UPDATE etl_load_reject SET rejected_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now',"
			 " '-31 days'); INSERT INTO etl_load_reject SELECT 'run-3', seq, 'job-2', row_no,"
			 " NULL, NULL, NULL, reason, rejected_at FROM etl_load_reject");
	must(ledger_reject_keep(f->db, &f->other, f->rejects, &f->err), &f->err);
	check_sql(f->path, "SELECT run_uid FROM etl_load_reject ORDER BY 1", "run-2;run-3");
}

static void what_fails_is_rolled_back(void **state)
{
	struct fixture *f = *state;
	struct reject *list;
	size_t n;

	add(f, 1, NULL, "x");
	must(ledger_reject_keep(f->db, &f->load, f->rejects, &f->err), &f->err);
	sql_run(f->path, "CREATE TRIGGER refuse BEFORE INSERT ON etl_load_reject BEGIN"
			 " SELECT RAISE(ABORT, 'no'); END");
	assert_int_equal(ledger_reject_keep(f->db, &f->load, f->rejects, &f->err), -1);
	assert_int_equal(f->err.code, ERR_DATA);
	assert_false(db_in_transaction(f->db));
	check_sql(f->path, "SELECT count(*) FROM etl_load_reject", "1");
	sql_run(f->path, "DROP TABLE etl_load_reject; CREATE TABLE etl_load_reject (a)");
	err_clear(&f->err);
	assert_int_equal(ledger_reject_list(f->db, "run-1", &f->a, &list, &n, &f->err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_to_keep_makes_no_table, setup, teardown),
		cmocka_unit_test_setup_teardown(they_are_listed_as_they_were_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(in_the_place_of_an_earlier_attempts, setup, teardown),
		cmocka_unit_test_setup_teardown(old_ones_of_the_job_go, setup, teardown),
		cmocka_unit_test_setup_teardown(what_fails_is_rolled_back, setup, teardown),
	};

	return cmocka_run_group_tests_name("work/ledger_reject", tests, NULL, NULL);
}
