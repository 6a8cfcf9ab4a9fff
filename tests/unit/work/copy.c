#include "unit/support.h"

#include "work/copy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "db/db.h"
#include "unit/fake_host.h"

#define ROWS 300000 /* some megabytes: many batches */

struct fixture {
	struct fake_host h;
	struct connection source, target;
	struct copy copy;
	struct step_result result;
	struct err err;
	struct copy_progress seen; /* the last report */
	struct db *other;          /* somebody who has the target's lock */
	struct arena arena;
};

static void look_away(void *arg, const struct copy_progress *p)
{
	(void)arg;
	(void)p;
}

static int setup(void **state)
{
	struct fixture *f = mem_alloc(sizeof(*f));

	if (dir_make(state))
		return -1;
	f->source = (struct connection){.name = "raw",
		.driver = DRIVER_CSV,
		.where = "etl.ini:1",
		.path = mem_strdup(in_dir("")),
		.format = {TEST_CSV_FORMAT, .max_field = 1 << 20}};
	f->target = (struct connection){.name = "warehouse",
		.driver = DRIVER_SQLITE,
		.where = "etl.ini:4",
		.path = mem_strdup(in_dir("w.db"))};
	fake_host_init(&f->h);
	f->h.job.source_table = f->h.job.target_table = "t";
	f->h.job.load_mode = LOAD_REPLACE;
	f->h.job.create = true;
	f->h.job.min_rows = 1;
	f->copy = (struct copy){.host = &f->h.host,
		.source = &f->source,
		.target = &f->target,
		.on_progress = look_away,
		.arg = f};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	db_close(f->other);
	fake_host_release(&f->h);
	arena_release(&f->arena);
	free((char *)(uintptr_t)f->source.path);
	free((char *)(uintptr_t)f->target.path);
	free(f);
	return dir_remove(state);
}

static void write_rows_behind(const char *first, int n)
{
	FILE *file = fopen(in_dir("t.csv"), "w");

	assert_non_null(file);
	fprintf(file, "id,name\n%s", first);
	for (int i = 0; i < n; i++)
		fprintf(file, "%d,the name of row %d\n", i, i);
	assert_int_equal(fclose(file), 0);
}

static void write_rows(int n)
{
	write_rows_behind("", n);
}

static int run(struct fixture *f)
{
	err_clear(&f->err);
	return copy_run(&f->copy, &f->result, &f->err);
}

static void check_ledger(const char *expected)
{
	check_sql(in_dir("w.db"), "SELECT state, fence FROM etl_load_ledger", expected);
}

static void rows_arrive(void **state)
{
	struct fixture *f = *state;

	write_rows(ROWS);
	must(run(f), &f->err);
	assert_int_equal(f->result.end, STEP_DONE);
	assert_false(f->result.before);
	assert_int_equal(f->result.rows_read, ROWS);
	assert_int_equal(f->result.rows_written, ROWS);
	assert_true(f->result.bytes_read > ROWS);
	check_sql(in_dir("w.db"), "SELECT count(*), sum(id) FROM t", "300000|44999850000");
	check_ledger("published|1");
}

static void a_published_run_is_found_done(void **state)
{
	struct fixture *f = *state;

	write_rows(3);
	must(run(f), &f->err);
	write_rows(5);
	f->h.run.fence = 2;
	must(run(f), &f->err);
	assert_int_equal(f->result.end, STEP_DONE);
	assert_true(f->result.before);
	check_sql(in_dir("w.db"), "SELECT count(*) FROM t", "3");
	check_ledger("published|1");
}

static void a_bad_source_withdraws(void **state)
{
	struct fixture *f = *state;

	file_write(in_dir("t.csv"), "id,name\n1,a\n2\n");
	assert_int_equal(run(f), -1);
	assert_int_equal(f->result.end, STEP_WITHDRAWN);
	check_err(&f->err, ERR_DATA, "read 't': t.csv: line 3, column 2: 1 field, the header has 2");
	check_ledger("revoked|1");
}

static void a_missing_source_withdraws(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(run(f), -1);
	assert_int_equal(f->result.end, STEP_WITHDRAWN);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
	check_ledger("revoked|1");
}

static void a_bad_target_is_the_targets_fault(void **state)
{
	struct fixture *f = *state;

	write_rows(ROWS);
	sql_run(in_dir("w.db"), "CREATE VIEW t AS SELECT 1 AS id");
	assert_int_equal(run(f), -1);
	assert_int_equal(f->result.end, STEP_WITHDRAWN);
	assert_non_null(strstr(f->err.msg, "load 't'"));
	check_ledger("revoked|1");
}

static void a_target_that_is_no_database(void **state)
{
	struct fixture *f = *state;

	write_rows(1);
	file_write(in_dir("w.db"),
		"this is a text, and rather longer than a database's header is: no, it "
		"is not a database at all, however long one looks at it");
	assert_int_equal(run(f), -1);
	assert_int_equal(f->err.code, ERR_TARGET);
}

static void a_higher_fence_leaves_the_run_to_its_holder(void **state)
{
	struct fixture *f = *state;

	write_rows(3);
	f->h.run.fence = 5;
	must(run(f), &f->err);
	sql_run(in_dir("w.db"), "UPDATE etl_load_ledger SET state = 'open'; DELETE FROM t");
	f->h.run.fence = 4;
	assert_int_equal(run(f), -1);
	assert_int_equal(f->err.code, ERR_LEASE_LOST);
	assert_int_equal(f->result.end, STEP_UNSETTLED);
	check_ledger("open|5");
	check_sql(in_dir("w.db"), "SELECT count(*) FROM t", "0");
}

static void a_withdrawn_run_does_not_start(void **state)
{
	struct fixture *f = *state;

	file_write(in_dir("t.csv"), "id,name\n1\n");
	assert_int_equal(run(f), -1);
	write_rows(3);
	assert_int_equal(run(f), -1);
	assert_int_equal(f->err.code, ERR_TARGET);
	assert_int_equal(f->result.end, STEP_WITHDRAWN);
	check_ledger("revoked|1");
}

static void watch(void *arg, const struct copy_progress *p)
{
	struct fixture *f = arg;

	assert_true(p->rows >= f->seen.rows && p->bytes >= f->seen.bytes);
	f->seen = *p;
}

static void progress_ends_with_everything(void **state)
{
	struct fixture *f = *state;

	write_rows(ROWS);
	f->copy.on_progress = watch;
	must(run(f), &f->err);
	assert_int_equal(f->seen.rows, ROWS);
	assert_int_equal(f->seen.phase, COPY_PUBLISH);
	assert_int_equal(f->seen.bytes, f->seen.total);
	assert_int_equal(f->seen.bytes, f->result.bytes_read);
}

static void a_cancelled_copy_changes_nothing(void **state)
{
	struct fixture *f = *state;

	write_rows(10);
	must(run(f), &f->err);
	f->h.run.run_uid = "run-2";
	f->h.cancel = true;
	write_rows(ROWS);
	assert_int_equal(run(f), -1);
	assert_int_equal(f->err.code, ERR_CANCELLED);
	assert_int_equal(f->result.end, STEP_WITHDRAWN);
	check_sql(in_dir("w.db"), "SELECT count(*) FROM t", "10");
}

/* --- cancelled at a moment --- */

static void cancel_when_rows_flow(void *arg, const struct copy_progress *p)
{
	struct fixture *f = arg;

	if (p->phase == COPY_LOAD && p->rows > 0)
		f->h.cancel = true;
}

static void check_withdrawn(struct fixture *f, const char *rows)
{
	assert_int_equal(f->result.end, STEP_WITHDRAWN);
	check_sql(in_dir("w.db"), "SELECT count(*) FROM t", rows);
	check_sql(in_dir("w.db"),
		arena_printf(&f->arena, "SELECT state FROM etl_load_ledger WHERE run_uid = '%s'",
			f->h.run.run_uid),
		"revoked");
	assert_int_equal(
		system(arena_printf(&f->arena, "! ls -A '%s' | grep -q etl-stage", in_dir(""))), 0);
}

/* Progress is looked at in ticks: more rows until one falls into the load. */
static void a_copy_is_cancelled_in_the_middle(void **state)
{
	struct fixture *f = *state;
	int n = ROWS, rc;

	write_rows(10);
	must(run(f), &f->err);
	f->copy.on_progress = cancel_when_rows_flow;
	do {
		f->h.run.run_uid = arena_printf(&f->arena, "run-of-%d", n);
		write_rows(n);
		rc = run(f);
		n *= 2;
	} while (rc == 0 && n < 100 * ROWS);
	assert_int_equal(rc, -1);
	assert_int_equal(f->err.code, ERR_CANCELLED);
	assert_true(f->result.rows_read > 0 && f->result.rows_read < (uint64_t)n / 2);
	check_withdrawn(f, n == 2 * ROWS ? "10" : arena_printf(&f->arena, "%d", n / 4));
}

static void hold_lock(struct fixture *f)
{
	const struct db_options options = {.busy_timeout_ms = 10000};

	must(db_open_sqlite(f->target.path, &options, &f->other, &f->err), &f->err);
	must(db_begin(f->other, &f->err), &f->err);
}

/* A lock from the load's beginning; publishing waits for it, and revoking needs it. */
static void cancel_when_it_waits(void *arg, const struct copy_progress *p)
{
	struct fixture *f = arg;

	if (p->phase == COPY_LOAD && !f->other)
		hold_lock(f);
	if (p->phase == COPY_PUBLISH && f->other && !f->h.cancel) {
		f->h.cancel = true;
	} else if (f->h.cancel && f->other) {
		db_close(f->other);
		f->other = NULL;
	}
}

static void a_publish_that_waits_is_cancelled(void **state)
{
	struct fixture *f = *state;
	int n = ROWS, rc;

	write_rows(10);
	must(run(f), &f->err);
	f->copy.on_progress = cancel_when_it_waits;
	do {
		f->h.run.run_uid = arena_printf(&f->arena, "run-of-%d", n);
		write_rows(n);
		rc = run(f);
		db_close(mem_steal(f->other)); /* the load was faster than a tick */
		n *= 2;
	} while (rc == 0 && n < 100 * ROWS);
	assert_int_equal(rc, -1);
	assert_int_equal(f->err.code, ERR_CANCELLED);
	assert_int_equal(f->result.rows_read, n / 2);
	check_withdrawn(f, n == 2 * ROWS ? "10" : arena_printf(&f->arena, "%d", n / 4));
}

/* --- a target that fails --- */

/* While rows are staged: the reader, which waits for room, comes back. */
static void a_row_that_does_not_fit_ends_both_sides(void **state)
{
	struct fixture *f = *state;

	write_rows_behind(",no id\n", ROWS);
	sql_run(in_dir("w.db"), "CREATE TABLE t (id INTEGER NOT NULL, name TEXT)");
	assert_int_equal(run(f), -1);
	assert_int_equal(f->err.code, ERR_DATA);
	assert_non_null(strstr(f->err.msg, "stage rows of 't': "));
	assert_true(f->result.rows_read < ROWS);
	check_withdrawn(f, "0");
}

static void a_constraint_of_the_table_ends_the_publish(void **state)
{
	struct fixture *f = *state;

	write_rows(10);
	sql_run(in_dir("w.db"), "CREATE TABLE t (id INTEGER, name TEXT, CHECK (id <> 5))");
	assert_int_equal(run(f), -1);
	assert_int_equal(f->err.code, ERR_DATA);
	assert_non_null(strstr(f->err.msg, "publish into 't': CHECK constraint failed"));
	assert_int_equal(f->result.rows_read, 10);
	assert_int_equal(f->result.rows_written, 0);
	check_withdrawn(f, "0");
}

static void a_target_that_cannot_be_asked_leaves_it_open(void **state)
{
	struct fixture *f = *state;

	write_rows(10);
	must(run(f), &f->err);
	sql_run(in_dir("w.db"), "CREATE TRIGGER refuse BEFORE UPDATE ON etl_load_ledger"
				" BEGIN SELECT raise(ABORT, 'the ledger is shut'); END");
	f->h.run.run_uid = "run-2";
	assert_int_equal(run(f), -1);
	assert_int_equal(f->result.end, STEP_UNSETTLED);
	assert_non_null(strstr(f->err.msg, "the ledger is shut"));
	assert_non_null(
		strstr(f->err.hint, "and the target could not be asked to withdraw the load: "));
	check_sql(in_dir("w.db"), "SELECT state FROM etl_load_ledger WHERE run_uid = 'run-2'",
		"open");
	sql_run(in_dir("w.db"), "DROP TRIGGER refuse");
	f->h.run.fence = 2; /* whoever comes next goes on */
	must(run(f), &f->err);
	check_sql(in_dir("w.db"),
		"SELECT state, fence FROM etl_load_ledger WHERE run_uid = 'run-2'", "published|2");
}

/* A rollback journal: publishing needs the file for itself, and the source has read all of it. */
static void a_database_is_copied_within_itself(void **state)
{
	struct fixture *f = *state;

	sql_run(in_dir("w.db"), "CREATE TABLE s (id INTEGER); INSERT INTO s VALUES (1), (2)");
	f->copy.source = &f->target;
	f->h.job.source_table = "s";
	must(run(f), &f->err);
	assert_int_equal(f->result.end, STEP_DONE);
	check_sql(in_dir("w.db"), "SELECT group_concat(id) FROM t", "1,2");
	check_ledger("published|1");
}

/* A connection, a reader and a writer for each. */
static void ranges_of_a_database_are_copied_in_parallel(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *path = mem_strdup(in_dir("s.db"));
	const struct connection source = {
		.name = "src", .driver = DRIVER_SQLITE, .where = "etl.ini:9", .path = path};

	sql_run(path, "PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT);"
		      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)"
		      " INSERT INTO t SELECT i, 'the name of row ' || i FROM n");
	f->copy.source = &source;
	f->h.job.partition_column = "id";
	f->h.job.parallel = 4;
	must(run(f), &f->err);
	assert_int_equal(f->result.rows_written, 100000);
	check_sql(in_dir("w.db"), "SELECT count(*), sum(id), sum(name = 'the name of row ' || id) FROM t",
		"100000|5000050000|100000");
}

/* --- what the attempt has to say --- */

static void who_publishes_asks_once_before_it(void **state)
{
	struct fixture *f = *state;

	write_rows(3);
	must(run(f), &f->err);
	assert_int_equal(f->h.published, 1);
	assert_int_equal(f->h.asked_again, 0);
	must(run(f), &f->err); /* it is there: nothing is published */
	assert_true(f->result.before);
	assert_int_equal(f->h.published, 1);
}

static void a_lease_lost_before_publishing_settles_nothing(void **state)
{
	struct fixture *f = *state;

	write_rows(3);
	f->h.publish_err = (struct err){.code = ERR_LEASE_LOST, .msg = "somebody else has it"};
	assert_int_equal(run(f), -1);
	assert_int_equal(f->err.code, ERR_LEASE_LOST);
	assert_int_equal(f->result.end, STEP_UNSETTLED);
	check_ledger("open|1");
	check_sql(in_dir("w.db"), "SELECT count(*) FROM sqlite_schema WHERE name = 't'", "0");
}

static void a_cancellation_found_before_publishing_withdraws(void **state)
{
	struct fixture *f = *state;

	write_rows(3);
	f->h.publish_err = (struct err){.code = ERR_CANCELLED, .msg = "cancelled"};
	assert_int_equal(run(f), -1);
	assert_int_equal(f->err.code, ERR_CANCELLED);
	assert_int_equal(f->result.end, STEP_WITHDRAWN);
	assert_int_equal(f->result.rows_read, 3);
	check_ledger("revoked|1");
}

/* Where another attempt follows the row stays open, and that one goes on. */
static void another_attempt_finds_the_row_open(void **state)
{
	struct fixture *f = *state;

	file_write(in_dir("t.csv"), "id,name\n1,a\n2\n");
	f->h.will_try_again = true;
	assert_int_equal(run(f), -1);
	assert_int_equal(f->err.code, ERR_DATA);
	assert_int_equal(f->result.end, STEP_OPEN);
	assert_int_equal(f->h.asked_again, 1);
	check_ledger("open|1");
	write_rows(3);
	f->h.run.fence = 2;
	must(run(f), &f->err);
	assert_false(f->result.before);
	check_ledger("published|2");
}

static void nothing_is_asked_of_a_source_that_has_failed_twice(void **state)
{
	struct fixture *f = *state;

	f->h.will_try_again = true;
	assert_int_equal(run(f), -1);
	f->h.run.fence = 2;
	f->h.will_try_again = false; /* the last one */
	assert_int_equal(run(f), -1);
	assert_int_equal(f->result.end, STEP_WITHDRAWN);
	check_ledger("revoked|2");
}

/* docs/design.md §3, rule 6: nothing of this run is begun. */
static void a_store_that_has_forgotten_loads_nothing(void **state)
{
	struct fixture *f = *state;

	write_rows(3);
	must(run(f), &f->err);
	f->h.run.run_uid = "run-2";
	f->h.unknown_run = "run-1";
	f->h.will_try_again = true;
	assert_int_equal(run(f), -1);
	assert_int_equal(f->err.code, ERR_HELD);
	assert_int_equal(f->result.end, STEP_OPEN);
	check_ledger("published|1");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rows_arrive),
		TEST(a_published_run_is_found_done),
		TEST(a_bad_source_withdraws),
		TEST(a_missing_source_withdraws),
		TEST(a_bad_target_is_the_targets_fault),
		TEST(a_target_that_is_no_database),
		TEST(a_higher_fence_leaves_the_run_to_its_holder),
		TEST(a_withdrawn_run_does_not_start),
		TEST(progress_ends_with_everything),
		TEST(a_cancelled_copy_changes_nothing),
		TEST(a_copy_is_cancelled_in_the_middle),
		TEST(a_publish_that_waits_is_cancelled),
		TEST(a_row_that_does_not_fit_ends_both_sides),
		TEST(a_constraint_of_the_table_ends_the_publish),
		TEST(a_target_that_cannot_be_asked_leaves_it_open),
		TEST(a_database_is_copied_within_itself),
		TEST(ranges_of_a_database_are_copied_in_parallel),
		TEST(who_publishes_asks_once_before_it),
		TEST(a_lease_lost_before_publishing_settles_nothing),
		TEST(a_cancellation_found_before_publishing_withdraws),
		TEST(another_attempt_finds_the_row_open),
		TEST(nothing_is_asked_of_a_source_that_has_failed_twice),
		TEST(a_store_that_has_forgotten_loads_nothing),
	};

	return cmocka_run_group_tests_name("work/copy", tests, NULL, NULL);
}
