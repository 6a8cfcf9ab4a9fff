/* What was lost with a store that was restored, and is in the ledgers of its targets. */
#include "job/queue.h"

#include <string.h>

#include "unit/test_store.h"

static int setup(void **state)
{
	struct test_store *f = test_store_fixture(sizeof(*f));

	test_store_job(f, "load", NULL);
	*state = f;
	return 0;
}

static void runs_that_the_store_does_not_know(void **state)
{
	struct test_store *f = *state;
	struct run_mark runs[4] = {{NULL}};
	size_t unknown = 99;

	must(queue_known(f->store, runs, 0, &unknown, &f->err), &f->err);
	assert_int_equal(unknown, 0);
	for (int i = 0; i < 3; i++)
		runs[i].run_uid = test_store_order(f, 1).run_uid;
	must(queue_known(f->store, runs, 3, &unknown, &f->err), &f->err);
	assert_int_equal(unknown, 3);
	runs[3] = runs[2];
	runs[2].run_uid = "it's \"another\"";
	must(queue_known(f->store, runs, 4, &unknown, &f->err), &f->err);
	assert_int_equal(unknown, 2);
	runs[1].run_uid = "";
	must(queue_known(f->store, runs, 4, &unknown, &f->err), &f->err);
	assert_int_equal(unknown, 1); /* the first */
	runs[0].fence = 1;            /* known, but not as far */
	must(queue_known(f->store, runs, 4, &unknown, &f->err), &f->err);
	assert_int_equal(unknown, 0);
}

static int64_t import(struct test_store *f, const struct lost_run *lost)
{
	int64_t run_id = -1;

	must(queue_import(f->store, 1, lost, "me", &run_id, &f->err), &f->err);
	return run_id;
}

static void a_lost_run_becomes_a_run_again(void **state)
{
	const struct lost_run good = {.run_uid = "lost-1",
		.order_key = "monday",
		.fence = 3,
		.rows = 12,
		.published = true,
		.opened_at = "2026-01-01T00:00:00.000Z",
		.ended_at = "2026-01-01T00:01:00.000Z"};
	const struct lost_run open = {
		.run_uid = "lost-2", .fence = 1, .rows = -1, .opened_at = "then"};
	struct test_store *f = *state;

	assert_int_equal(import(f, &good), 1);
	assert_int_equal(import(f, &open), 2);
	check_store(f,
		"SELECT run_uid, state, origin, order_key, attempt, fence, rows_written,"
		" started_at, finished_at, error_code FROM etl_run WHERE run_id = 1",
		"lost-1|succeeded|recovered|monday|1|3|12|2026-01-01T00:00:00.000Z"
		"|2026-01-01T00:01:00.000Z|NULL");
	check_store(f,
		"SELECT state, order_key, rows_written, started_at,"
		" finished_at LIKE '20%Z', error_code, error_message FROM etl_run"
		" WHERE run_id = 2",
		"cancelled|NULL|NULL|then|1|cancelled"
		"|withdrawn in the target when it was recovered");
	check_store(f, "SELECT run_id, old_state, new_state, actor, reason FROM etl_run_event",
		"1|NULL|succeeded|me|recovered from the ledger of its target;"
		"2|NULL|cancelled|me|recovered from the ledger of its target");
	assert_int_equal(import(f, &good), 0); /* known by now */
	check_store(f, "SELECT count(*) FROM etl_run_event", "2");
}

/* The store was restored and the caller has said the same order again. */
static void a_key_belongs_to_the_run_that_has_loaded(void **state)
{
	static const struct {
		const char *set;   /* of the run that has the key: fence 0 and queued */
		bool published;    /* the lost one */
		const char *after; /* key of both; state, settle, cancel of the one */
	} cases[] = {
		{"state = 'queued'", true, "NULL|k|cancelled|NULL|0"},
		{"state = 'waiting'", true, "NULL|k|cancelled|NULL|0"},
		{"state = 'queued', fence = 1", true, "NULL|k|queued|cancelled|0"},
		{"state = 'running', fence = 1", true, "NULL|k|running|NULL|1"},
		{"state = 'starting', fence = 1", true, "NULL|k|starting|NULL|1"},
		{"state = 'failed', finished_at = 'then'", true, "NULL|k|failed|NULL|0"},
		{"state = 'succeeded', finished_at = 'then'", true, "k|NULL|succeeded|NULL|0"},
		{"state = 'queued'", false, "k|NULL|queued|NULL|0"},
		{"state = 'running', fence = 1", false, "k|NULL|running|NULL|0"},
	};
	struct test_store *f = *state;
	struct lost_run lost = {.run_uid = "lost", .order_key = "k", .fence = 1, .rows = 1};
	const struct order order = {.actor = "me", .key = "k"};
	struct run run;
	bool known;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		store_sql(f, "DELETE FROM etl_run_event; DELETE FROM etl_run;"
				 "DELETE FROM sqlite_sequence WHERE name = 'etl_run'");
		must(queue_order(f->store, 1, &order, &f->arena, &run, &known, &f->err), &f->err);
		store_sql(f, arena_printf(&f->arena, "UPDATE etl_run SET %s", cases[i].set));
		lost.published = cases[i].published;
		assert_int_equal(import(f, &lost), 2);
		check_store(f,
			"SELECT a.order_key, b.order_key, a.state, a.settle, a.cancel_requested"
			" FROM etl_run a JOIN etl_run b ON a.run_id = 1 AND b.run_id = 2",
			cases[i].after);
	}
}

/* The store has the run, but was put back to a time before an attempt of it. */
static void a_run_catches_up_with_its_ledger(void **state)
{
	static const struct {
		const char *set; /* of the run that the store has */
		int64_t fence;   /* of the ledger */
		bool published, changed;
		const char *after; /* state, fence, rows_written */
	} cases[] = {
		{"state = 'queued', fence = 1", 3, false, true, "queued|3|NULL"},
		{"state = 'queued', fence = 1", 3, true, true,
			"queued|3|NULL"}, /* it will find it */
		{"state = 'queued', fence = 3", 3, true, false, "queued|3|NULL"},
		{"state = 'queued', fence = 4", 3, true, false, "queued|4|NULL"},
		{"state = 'cancelled', finished_at = 'then'", 1, true, true, "succeeded|1|5"},
		{"state = 'cancelled', finished_at = 'then'", 1, false, true, "cancelled|1|NULL"},
		{"state = 'failed', fence = 1, finished_at = 'then'", 2, true, true,
			"failed|2|NULL"},
	};
	struct test_store *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct run run = test_store_order(f, 1);
		struct lost_run lost = {.run_uid = run.run_uid,
			.fence = cases[i].fence,
			.rows = 5,
			.published = cases[i].published};
		const char *where = arena_printf(&f->arena, "WHERE run_id = %d", (int)run.run_id);

		store_sql(f,
			arena_printf(&f->arena, "UPDATE etl_run SET %s %s", cases[i].set, where));
		assert_int_equal(import(f, &lost), cases[i].changed ? run.run_id : 0);
		check_store(f,
			arena_printf(&f->arena,
				"SELECT state, fence, rows_written FROM etl_run %s", where),
			cases[i].after);
		check_store(f,
			arena_printf(&f->arena,
				"SELECT count(*) FROM etl_run_event %s AND reason LIKE "
				"'%%recovered%%'",
				where),
			cases[i].changed ? "1" : "0");
	}
}

static enum cancel_end cancel(struct test_store *f, int64_t run_id)
{
	enum cancel_end end = CANCEL_TOO_LATE;
	enum run_state found;

	must(queue_cancel(f->store, run_id, "boss", &end, &found, &f->err), &f->err);
	return end;
}

/* What is queued may have been begun in the lost time: it ends by the target's word only. */
static void a_recovered_job_takes_nothing_for_unbegun(void **state)
{
	struct test_store *f = *state;

	test_store_job(f, "other", NULL);
	must(queue_hold(f->store, 1, "old", &f->err), &f->err);
	for (int i = 0; i < 3; i++)
		test_store_order(f, 1);
	test_store_order(f, 2);
	store_sql(f, "UPDATE etl_run SET fence = 7 WHERE run_id = 2;"
			 "UPDATE etl_run SET state = 'cancelled', finished_at = 'then'"
			 " WHERE run_id = 3");
	must(queue_recovered(f->store, 1, &f->err), &f->err);
	check_store(f, "SELECT hold_reason FROM etl_job", "NULL;NULL");
	check_store(f, "SELECT run_id, fence FROM etl_run ORDER BY 1", "1|1;2|7;3|0;4|0");
	assert_int_equal(cancel(f, 1), CANCEL_REQUESTED);
	assert_int_equal(cancel(f, 4), CANCEL_DONE);
}

static void a_lost_run_of_no_job(void **state)
{
	const struct lost_run lost = {.run_uid = "lost", .fence = 1, .rows = 1, .published = true};
	struct test_store *f = *state;
	int64_t run_id = 42;

	assert_int_equal(queue_import(f->store, 9, &lost, "me", &run_id, &f->err), -1);
	assert_non_null(strstr(f->err.msg, "recover a run of job 9: "));
	check_store(f, "SELECT count(*) FROM etl_run", "0");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, test_store_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(runs_that_the_store_does_not_know),
		TEST(a_lost_run_becomes_a_run_again),
		TEST(a_key_belongs_to_the_run_that_has_loaded),
		TEST(a_run_catches_up_with_its_ledger),
		TEST(a_recovered_job_takes_nothing_for_unbegun),
		TEST(a_lost_run_of_no_job),
	};

	return cmocka_run_group_tests_name("job/queue_recover", tests, dir_make, dir_remove);
}
