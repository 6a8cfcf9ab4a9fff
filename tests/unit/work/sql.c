/* lib/work/sql.c and sqlite_script.c through step_sql. */
#include "work/step.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit/fake_host.h"
#include "unit/support.h"

struct fixture {
	struct fake_host h; /* first: what is called back finds the rest */
	struct connection conns[2];
	struct step_result result;
	struct err err;
	char path[256];
};

static int setup(void **state)
{
	struct fixture *f = mem_alloc(sizeof(*f));

	if (dir_make(state))
		return -1;
	strcpy(f->path, in_dir("w.db"));
	fake_host_init(&f->h);
	f->conns[0] = (struct connection){.name = "warehouse",
		.driver = DRIVER_SQLITE,
		.path = f->path,
		.where = "etl.ini:1"};
	f->conns[1] = (struct connection){
		.name = "raw", .driver = DRIVER_CSV, .path = "/", .where = "etl.ini:4"};
	f->h.settings = (struct settings){.connections = f->conns, .n_connections = 2};
	f->h.job.kind = JOB_SQL;
	f->h.job.target = "warehouse";
	f->h.job.create = true;
	f->h.job.atomic = true;
	sql_run(f->path, "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	fake_host_release(&f->h);
	free(f);
	return dir_remove(state);
}

static int run(struct fixture *f, const char *command)
{
	f->h.job.command = command;
	err_clear(&f->err);
	return step_sql.run(&f->h.host, &f->result, &f->err);
}

static void runs(struct fixture *f, const char *command)
{
	must(run(f, command), &f->err);
	assert_int_equal(f->result.end, STEP_DONE);
}

static void fails(struct fixture *f, const char *command, enum step_end end, enum err_code code,
	const char *msg)
{
	assert_int_equal(run(f, command), -1);
	check_err(&f->err, code, msg);
	assert_int_equal(f->result.end, end);
}

/* A run of its own, with this fence. */
static void next_run(struct fixture *f, const char *uid)
{
	f->h.run.run_uid = uid;
	f->h.run.fence = 1;
}

static void check_ledger(struct fixture *f, const char *expected)
{
	check_sql(f->path,
		"SELECT run_uid, state, fence, rows FROM etl_load_ledger ORDER BY run_uid",
		expected);
}

static void check_rows(struct fixture *f, const char *expected)
{
	check_sql(f->path, "SELECT group_concat(id) FROM t", expected);
}

/* --- one transaction --- */

static void statements_are_done_once(void **state)
{
	struct fixture *f = *state;
	const char *const command = "INSERT INTO t VALUES (1, 'a'), (2, 'b');\n"
				    "-- a comment; with a semicolon\n"
				    "SELECT * FROM t;\n"
				    "CREATE TABLE u AS SELECT * FROM t;;\n"
				    "UPDATE t SET name = 'c' WHERE id = 2\n";

	runs(f, command);
	assert_int_equal(f->result.rows_written, 3);
	assert_false(f->result.before);
	assert_int_equal(f->h.published, 1);
	check_rows(f, "1,2");
	check_ledger(f, "run-1|published|1|3");
	f->h.run.fence = 2;
	runs(f, command);
	assert_true(f->result.before);
	assert_int_equal(f->result.rows_written, 0);
	check_rows(f, "1,2");
	check_ledger(f, "run-1|published|1|3");
}

static void the_ledger_names_the_job(void **state)
{
	struct fixture *f = *state;

	runs(f, "INSERT INTO t (id) VALUES (1)");
	next_run(f, "run-2");
	f->h.job.target_table = "u";
	runs(f, "INSERT INTO t (id) VALUES (2)");
	check_sql(f->path, "SELECT target_table FROM etl_load_ledger ORDER BY run_uid", "load;u");
}

static void no_statement_is_none_to_do(void **state)
{
	struct fixture *f = *state;

	runs(f, " -- nothing\n ;; /* here */ ");
	check_ledger(f, "run-1|published|1|0");
}

static void an_error_takes_all_of_it_back(void **state)
{
	struct fixture *f = *state;

	fails(f, "INSERT INTO t (id) VALUES (1);\n/* twice */ INSERT\n\tINTO t (id)  VALUES (1);",
		STEP_WITHDRAWN, ERR_DATA,
		"statements of 'load': statement 2, 'INSERT INTO t (id) VALUES (1)': UNIQUE "
		"constraint failed: t.id");
	assert_int_equal(f->result.rows_written, 0);
	check_rows(f, "NULL");
	check_ledger(f, "run-1|revoked|1|NULL");
	assert_int_equal(f->h.asked_again, 1);
}

static void an_error_names_its_statement(void **state)
{
	struct fixture *f = *state;

	fails(f, "INSERT INTO t (id) VALUES (1); INSERT INTO nowhere VALUES (1); SELECT 1",
		STEP_WITHDRAWN, ERR_CONFIG,
		"statements of 'load': statement 2, 'INSERT INTO nowhere VALUES (1)': no such "
		"table: nowhere");
	next_run(f, "run-2");
	fails(f,
		"SELECT "
		"'\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3"
		"\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3"
		"\xa4"
		"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4' FROM nowhere",
		STEP_WITHDRAWN, ERR_CONFIG,
		"statements of 'load': statement 1, 'SELECT '"
		"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
		"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
		"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4 …': no such table: nowhere");
	next_run(f, "run-3");
	fails(f, "SELECT 1; SELECT @day", STEP_WITHDRAWN, ERR_CONFIG,
		"statements of 'load': statement 2, 'SELECT @day': it has 1 parameter that nobody "
		"gives a value");
	next_run(f, "run-4");
	fails(f, "SELECT 'no end", STEP_WITHDRAWN, ERR_CONFIG,
		"statements of 'load': statement 1, 'SELECT 'no end': unrecognized token: \"'no "
		"end\"");
}

static void another_attempt_goes_on(void **state)
{
	struct fixture *f = *state;

	f->h.will_try_again = true;
	assert_int_equal(run(f, "INSERT INTO t (id) VALUES (1); SELECT * FROM late"), -1);
	assert_int_equal(f->result.end, STEP_OPEN);
	check_ledger(f, "run-1|open|1|NULL");
	sql_run(f->path, "CREATE TABLE late (a)");
	f->h.run.fence = 2;
	runs(f, "INSERT INTO t (id) VALUES (1); SELECT * FROM late");
	check_rows(f, "1");
	check_ledger(f, "run-1|published|2|1");
}

/* Whatever it ends, the transaction is ours. */
static void the_transaction_is_not_the_scripts(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *statement, *name;
	} t[] = {
		{"COMMIT", "COMMIT"},
		{"end transaction", "COMMIT"},
		{"ROLLBACK", "ROLLBACK"},
		{"BEGIN", "BEGIN"},
		{"BEGIN IMMEDIATE", "BEGIN"},
		{"EXPLAIN COMMIT", "COMMIT"},
	};
	char command[200], message[200], uid[20];

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		snprintf(uid, sizeof(uid), "run-%zu", i);
		next_run(f, uid);
		snprintf(command, sizeof(command),
			"INSERT INTO t (id) VALUES (1); %s; INSERT INTO t (id) VALUES (2)",
			t[i].statement);
		snprintf(message, sizeof(message),
			"statements of 'load': statement 2, '%s': %s is not allowed here",
			t[i].statement, t[i].name);
		fails(f, command, STEP_WITHDRAWN, ERR_CONFIG, message);
		assert_non_null(strstr(f->err.hint, "set atomic = no"));
		check_rows(f, "NULL");
	}
	check_sql(f->path, "SELECT DISTINCT state FROM etl_load_ledger", "revoked");
	next_run(f, "run-rollback");
	assert_int_equal(
		run(f, "INSERT INTO t (id) VALUES (1); INSERT OR ROLLBACK INTO t (id) VALUES (1);"),
		-1);
	assert_int_equal(f->err.code, ERR_DATA);
	assert_int_equal(f->result.end, STEP_WITHDRAWN);
	check_rows(f, "NULL");
}

static void savepoints_are_its_own(void **state)
{
	struct fixture *f = *state;

	runs(f, "SAVEPOINT a; INSERT INTO t (id) VALUES (1); RELEASE a;"
		"SAVEPOINT b; INSERT INTO t (id) VALUES (2); ROLLBACK TO b; SAVEPOINT c");
	check_rows(f, "1");
}

static void the_ledger_is_not_the_scripts(void **state)
{
	struct fixture *f = *state;
	static const char *const statements[] = {
		"DELETE FROM etl_load_ledger",
		"UPDATE ETL_Load_Ledger SET state = 'open'",
		"INSERT INTO main.etl_load_ledger (run_uid) VALUES ('x')",
		"DROP TABLE etl_load_ledger",
		"ALTER TABLE etl_load_ledger RENAME TO mine",
		"DROP INDEX etl_load_ledger_order",
		"CREATE TRIGGER x AFTER UPDATE ON etl_load_ledger BEGIN SELECT 1; END",
		"WITH x AS (SELECT 1) DELETE FROM etl_load_ledger RETURNING *",
	};
	char uid[20];

	for (int atomic = 0; atomic < 2; atomic++) {
		f->h.job.atomic = atomic;
		for (size_t i = 0; i < ARRAY_LEN(statements); i++) {
			snprintf(uid, sizeof(uid), "run-%zu", 100 * (size_t)atomic + i);
			next_run(f, uid);
			assert_int_equal(run(f, statements[i]), -1);
			assert_int_equal(f->err.code, ERR_CONFIG);
			if (!strstr(f->err.msg, "to change the table "))
				fail_msg("%s", f->err.msg);
			assert_int_equal(f->result.end, STEP_WITHDRAWN);
		}
	}
	check_sql(f->path, "SELECT count(*), count(DISTINCT state) FROM etl_load_ledger", "16|1");
	next_run(f, "run-x");
	runs(f, "SELECT * FROM etl_load_ledger"); /* to look is allowed */
}

/* --- one by one --- */

static void each_statement_stands_by_itself(void **state)
{
	struct fixture *f = *state;

	f->h.job.atomic = false;
	runs(f, "INSERT INTO t (id) VALUES (1); BEGIN; INSERT INTO t (id) VALUES (2); COMMIT; "
		"VACUUM;"
		"PRAGMA user_version = 7");
	check_rows(f, "1,2");
	check_ledger(f, "run-1|published|1|2");
	check_sql(f->path, "PRAGMA user_version", "7");
	assert_int_equal(f->h.published, 2);
}

static void a_refused_one_is_a_failure_and_no_more(void **state)
{
	struct fixture *f = *state;

	f->h.job.atomic = false;
	f->h.will_try_again = true; /* but what is done would be done again */
	fails(f, "INSERT INTO t (id) VALUES (1); INSERT INTO t (id) VALUES (1);", STEP_WITHDRAWN,
		ERR_DATA,
		"statements of 'load': statement 2, 'INSERT INTO t (id) VALUES (1)': UNIQUE "
		"constraint failed: t.id");
	assert_non_null(strstr(f->err.hint, "has been carried out"));
	assert_int_equal(f->h.asked_again, 0);
	check_rows(f, "1");
	check_ledger(f, "run-1|revoked|1|NULL");

	next_run(f, "run-2"); /* nothing is done */
	assert_int_equal(run(f, "INSERT INTO t (id) VALUES (1)"), -1);
	assert_int_equal(f->result.end, STEP_OPEN);
	next_run(f, "run-3");
	f->h.job.idempotent = true;
	assert_int_equal(run(f, "INSERT INTO t (id) VALUES (2); SELECT * FROM nowhere"), -1);
	assert_int_equal(f->result.end, STEP_OPEN);
	check_rows(f, "1,2");
}

static void a_transaction_must_be_ended(void **state)
{
	struct fixture *f = *state;

	f->h.job.atomic = false;
	fails(f, "BEGIN; INSERT INTO t (id) VALUES (1);", STEP_WITHDRAWN, ERR_CONFIG,
		"statements of 'load': the statements begin a transaction and do not end it");
	check_rows(f, "NULL");
	check_ledger(f, "run-1|revoked|1|NULL");
}

/* --- cancelled --- */

#define FOR_EVER \
	"WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c"

static void cancel_at_second(struct fake_host *h)
{
	if (strstr(h->progress, ", statement 2"))
		h->cancel = true;
}

static void cancel_at_first(struct fake_host *h)
{
	if (strstr(h->progress, ", statement 1"))
		h->cancel = true;
}

static void cancelled_in_one_transaction(void **state)
{
	struct fixture *f = *state;

	f->h.on_progress = cancel_at_second;
	assert_int_equal(run(f, "INSERT INTO t (id) VALUES (1); " FOR_EVER), -1);
	assert_int_equal(f->err.code, ERR_CANCELLED);
	assert_int_equal(f->result.end, STEP_WITHDRAWN);
	check_rows(f, "NULL");
	check_ledger(f, "run-1|revoked|1|NULL");
}

/* The target is asked although the step is cancelled. */
static void cancelled_and_another_attempt_follows(void **state)
{
	struct fixture *f = *state;

	f->h.on_progress = cancel_at_second;
	f->h.will_try_again = true;
	assert_int_equal(run(f, "INSERT INTO t (id) VALUES (1); " FOR_EVER), -1);
	assert_int_equal(f->result.end, STEP_OPEN);
	check_rows(f, "NULL");
	check_ledger(f, "run-1|open|1|NULL");
}

static void cancelled_between_statements_is_unknown(void **state)
{
	struct fixture *f = *state;

	f->h.job.atomic = false;
	f->h.will_try_again = true;
	f->h.on_progress = cancel_at_second;
	assert_int_equal(run(f, "INSERT INTO t (id) VALUES (1); " FOR_EVER), -1);
	assert_int_equal(f->err.code, ERR_CANCELLED);
	assert_int_equal(f->result.end, STEP_UNKNOWN);
	check_rows(f, "1");
	check_ledger(f, "run-1|open|1|NULL");

	next_run(f, "run-2");
	f->h.cancel = false;
	f->h.job.idempotent = true;
	assert_int_equal(run(f, "INSERT INTO t (id) VALUES (2); " FOR_EVER), -1);
	assert_int_equal(f->result.end, STEP_OPEN);
}

static void cancel_second_time(struct fake_host *h)
{
	h->cancel = h->published == 2;
}

static void cancelled_behind_the_last_is_done(void **state)
{
	struct fixture *f = *state;

	f->h.job.atomic = false;
	f->h.on_publish = cancel_second_time;
	runs(f, "INSERT INTO t (id) VALUES (1)");
	check_ledger(f, "run-1|published|1|1");
}

static void cancelled_in_the_first_is_nothing_done(void **state)
{
	struct fixture *f = *state;

	f->h.job.atomic = false;
	f->h.on_progress = cancel_at_first;
	assert_int_equal(run(f, FOR_EVER), -1);
	assert_int_equal(f->result.end, STEP_WITHDRAWN);
	next_run(f, "run-2");
	assert_int_equal(run(f, "INSERT INTO t (id) VALUES (1)"), -1); /* from the start */
	assert_int_equal(f->err.code, ERR_CANCELLED);
	assert_int_equal(f->result.end, STEP_WITHDRAWN);
	check_rows(f, "NULL");
}

/* --- the lease, and the store --- */

static void a_lost_lease_changes_nothing(void **state)
{
	struct fixture *f = *state;

	err_set(&f->h.publish_err, ERR_LEASE_LOST, "lost");
	fails(f, "INSERT INTO t (id) VALUES (1)", STEP_UNSETTLED, ERR_LEASE_LOST,
		"statements of 'load': lost");
	check_rows(f, "NULL");
	check_ledger(f, "run-1|open|1|NULL");
}

static void the_stores_error_stays_the_stores(void **state)
{
	struct fixture *f = *state;

	err_set(&f->h.publish_err, ERR_STORE, "away");
	fails(f, "INSERT INTO t (id) VALUES (1)", STEP_WITHDRAWN, ERR_STORE,
		"statements of 'load': away");
}

static void take_over(struct fake_host *h)
{
	struct fixture *f = (struct fixture *)h;

	sql_run(f->path, "UPDATE etl_load_ledger SET fence = 9");
}

static void who_was_taken_over_publishes_nothing(void **state)
{
	struct fixture *f = *state;

	f->h.on_publish = take_over;
	assert_int_equal(run(f, "INSERT INTO t (id) VALUES (1)"), -1);
	assert_int_equal(f->err.code, ERR_LEASE_LOST);
	assert_int_equal(f->result.end, STEP_UNSETTLED);
	check_rows(f, "NULL");
	check_ledger(f, "run-1|open|9|NULL");
}

static void fail_second_time(struct fake_host *h)
{
	if (h->published == 2)
		err_set(&h->publish_err, ERR_STORE, "away");
}

static void not_published_behind_the_last_is_unknown(void **state)
{
	struct fixture *f = *state;

	f->h.job.atomic = false;
	f->h.on_publish = fail_second_time;
	fails(f, "INSERT INTO t (id) VALUES (1)", STEP_UNKNOWN, ERR_STORE,
		"statements of 'load': away");
	check_rows(f, "1");
	check_ledger(f, "run-1|open|1|NULL");
}

/* --- the target --- */

static void a_withdrawn_run_does_not_start(void **state)
{
	struct fixture *f = *state;
	enum step_end end;

	must(step_sql.settle(&f->h.host, "by request", &end, &f->err), &f->err);
	assert_int_equal(end, STEP_WITHDRAWN);
	fails(f, "INSERT INTO t (id) VALUES (1)", STEP_WITHDRAWN, ERR_TARGET,
		"the load was withdrawn by another attempt, which took it for its last");
	check_rows(f, "NULL");
}

static void the_same_order_is_not_done_twice(void **state)
{
	struct fixture *f = *state;

	f->h.run.order_key = "2024-01-01";
	runs(f, "INSERT INTO t (id) VALUES (1)");
	next_run(f, "run-2");
	assert_int_equal(run(f, "INSERT INTO t (id) VALUES (2)"), -1);
	assert_int_equal(f->err.code, ERR_DATA);
	assert_int_equal(f->result.end, STEP_WITHDRAWN);
	check_rows(f, "1");
}

static void a_target_that_cannot_be_opened(void **state)
{
	struct fixture *f = *state;

	file_write(f->path, "this is a text, and rather longer than a database's header is: no, it "
			    "is not a database at all, however long one looks at it");
	assert_int_equal(run(f, "SELECT 1"), -1);
	assert_int_equal(f->err.code, ERR_TARGET);
	assert_int_equal(f->result.end, STEP_WITHDRAWN);
	f->h.run.fence = 2; /* the attempt before may have written its row */
	assert_int_equal(run(f, "SELECT 1"), -1);
	assert_int_equal(f->result.end, STEP_UNSETTLED);
	f->h.will_try_again = true;
	assert_int_equal(run(f, "SELECT 1"), -1);
	assert_int_equal(f->result.end, STEP_OPEN);
}

static void checks_look_at_the_connection(void **state)
{
	struct fixture *f = *state;

	must(step_sql.check(&f->h.settings, &f->h.job, &f->err), &f->err);
	f->h.job.target = "raw";
	assert_int_equal(step_sql.check(&f->h.settings, &f->h.job, &f->err), -1);
	check_err(&f->err, ERR_CONFIG,
		"etl.ini:4: connection 'raw': driver 'csv' runs no statements");
	f->h.job.target = "warehose";
	assert_int_equal(step_sql.check(&f->h.settings, &f->h.job, &f->err), -1);
	assert_int_equal(f->err.code, ERR_CONFIG);
	assert_int_equal(run(f, "SELECT 1"), -1);
	assert_int_equal(f->result.end, STEP_WITHDRAWN);
	assert_int_equal(step_sql.kind, JOB_SQL);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(statements_are_done_once),
		TEST(the_ledger_names_the_job),
		TEST(no_statement_is_none_to_do),
		TEST(an_error_takes_all_of_it_back),
		TEST(an_error_names_its_statement),
		TEST(another_attempt_goes_on),
		TEST(the_transaction_is_not_the_scripts),
		TEST(savepoints_are_its_own),
		TEST(the_ledger_is_not_the_scripts),
		TEST(each_statement_stands_by_itself),
		TEST(a_refused_one_is_a_failure_and_no_more),
		TEST(a_transaction_must_be_ended),
		TEST(cancelled_in_one_transaction),
		TEST(cancelled_and_another_attempt_follows),
		TEST(cancelled_between_statements_is_unknown),
		TEST(cancelled_behind_the_last_is_done),
		TEST(cancelled_in_the_first_is_nothing_done),
		TEST(a_lost_lease_changes_nothing),
		TEST(the_stores_error_stays_the_stores),
		TEST(who_was_taken_over_publishes_nothing),
		TEST(not_published_behind_the_last_is_unknown),
		TEST(a_withdrawn_run_does_not_start),
		TEST(the_same_order_is_not_done_twice),
		TEST(a_target_that_cannot_be_opened),
		TEST(checks_look_at_the_connection),
	};

	return cmocka_run_group_tests_name("work/sql", tests, NULL, NULL);
}
