#include "work/ledger_watermark.h"

#include <stdlib.h>

#include "unit/support.h"

struct fixture {
	struct arena a;
	struct db *db;
	struct err err;
};

static int setup(void **state)
{
	const struct db_options options = {.create = true, .no_sync = true};
	struct fixture *f = mem_alloc(sizeof(*f));

	must(db_open_sqlite(":memory:", &options, &f->db, &f->err), &f->err);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	db_close(f->db);
	arena_release(&f->a);
	free(f);
	return 0;
}

static const char *read_one(struct fixture *f, const char *job, int64_t *seq)
{
	const char *text;

	must(ledger_watermark_read(f->db, job, &f->a, seq, &text, &f->err), &f->err);
	return text ? text : "none";
}

static void there_is_none_before_the_first_move(void **state)
{
	struct fixture *f = *state;
	int64_t seq = 7;

	assert_string_equal(read_one(f, "job-1", &seq), "none");
	assert_int_equal(seq, 0);
}

static void the_last_move_of_a_job_holds(void **state)
{
	struct fixture *f = *state;
	int64_t seq;

	must(ledger_watermark_move(f->db, "job-1", "run-1", 0, "10", &f->err), &f->err);
	must(ledger_watermark_move(f->db, "job-2", "run-2", 0, "99", &f->err), &f->err);
	must(ledger_watermark_move(f->db, "job-1", "run-3", 1, "20", &f->err), &f->err);
	assert_string_equal(read_one(f, "job-1", &seq), "20");
	assert_int_equal(seq, 2);
	assert_string_equal(read_one(f, "job-2", &seq), "99");
	assert_int_equal(seq, 1);
}

static void two_from_the_same_one_do_not_both_move_it(void **state)
{
	struct fixture *f = *state;
	int64_t seq;

	must(ledger_watermark_move(f->db, "job-1", "run-1", 0, "10", &f->err), &f->err);
	assert_int_equal(ledger_watermark_move(f->db, "job-1", "run-2", 0, "20", &f->err), -1);
	check_err(&f->err, ERR_TARGET,
		"the watermark has moved to '10' since this load began to read from it");
	assert_string_equal(read_one(f, "job-1", &seq), "10");
}

static void by_hand_to_anywhere(void **state)
{
	struct fixture *f = *state;
	int64_t seq;

	must(ledger_watermark_move(f->db, "job-1", NULL, -1, "10", &f->err), &f->err);
	must(ledger_watermark_move(f->db, "job-1", NULL, -1, NULL, &f->err), &f->err);
	assert_string_equal(read_one(f, "job-1", &seq), "none");
	assert_int_equal(seq, 2);
	assert_int_equal(ledger_watermark_move(f->db, "job-1", "run-1", 1, "11", &f->err), -1);
	check_err(&f->err, ERR_TARGET,
		"the watermark has moved to '' since this load began to read from it");
}

static void another_table_of_that_name(void **state)
{
	struct fixture *f = *state;
	const char *text;
	int64_t seq;

	must(db_exec(f->db, "CREATE TABLE " LEDGER_WATERMARK_TABLE " (a)", &f->err), &f->err);
	assert_int_equal(ledger_watermark_read(f->db, "job-1", &f->a, &seq, &text, &f->err), -1);
	err_clear(&f->err);
	assert_int_equal(ledger_watermark_move(f->db, "job-1", NULL, -1, "10", &f->err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(there_is_none_before_the_first_move, setup, teardown),
		cmocka_unit_test_setup_teardown(the_last_move_of_a_job_holds, setup, teardown),
		cmocka_unit_test_setup_teardown(two_from_the_same_one_do_not_both_move_it, setup, teardown),
		cmocka_unit_test_setup_teardown(by_hand_to_anywhere, setup, teardown),
		cmocka_unit_test_setup_teardown(another_table_of_that_name, setup, teardown),
	};

	return cmocka_run_group_tests_name("work/ledger_watermark", tests, NULL, NULL);
}
