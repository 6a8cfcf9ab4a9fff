/* Several sessions of one engine, each in its thread: locks, isolation, deadlocks. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "unit/tdsd/support/pairs.h"

struct other {
	struct asked a;
	const char *sql;
	char answer[2048];
	pthread_t thread;
};

static void *run(void *arg)
{
	struct other *o = arg;

	snprintf(o->answer, sizeof(o->answer), "%s", ask(&o->a, o->sql));
	return NULL;
}

static void start(struct other *o, const char *sql)
{
	o->sql = sql;
	assert_int_equal(pthread_create(&o->thread, NULL, run, o), 0);
}

static const char *finish(struct other *o)
{
	assert_int_equal(pthread_join(o->thread, NULL), 0);
	return o->answer;
}

static void open_other(struct other *o, struct fixture *f, int spid)
{
	asked_open(&o->a, f->e, "db", spid);
	o->a.counts = false;
}

static void readers_see_what_is_committed(void **state)
{
	struct fixture *f = *state;
	struct other b = {0};

	f->a.counts = false;
	open_other(&b, f, 52);
	check_ask(&f->a, "CREATE TABLE t (a int); INSERT t VALUES (1)", "");
	check_ask(&f->a, "BEGIN TRAN; UPDATE t SET a = 2", "env 8\n");
	check_ask(&b.a, "SELECT a FROM t", "a int\n1\n");
	check_ask(&b.a, "BEGIN TRAN; SELECT a FROM t", "env 8\na int\n1\n");
	check_ask(&f->a, "COMMIT", "env 9\n");
	/* READ COMMITTED: each statement looks anew */
	check_ask(&b.a, "SELECT a FROM t; COMMIT", "a int\n2\nenv 9\n");
	asked_close(&b.a);
}

static void a_snapshot_stays(void **state)
{
	struct fixture *f = *state;
	struct other b = {0};

	f->a.counts = false;
	open_other(&b, f, 52);
	check_ask(&f->a, "CREATE TABLE t (a int); INSERT t VALUES (1)", "");
	check_ask(&b.a, "SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRAN; SELECT a FROM t",
		"env 8\na int\n1\n");
	check_ask(&f->a, "UPDATE t SET a = 2", "");
	check_ask(&b.a, "SELECT a FROM t", "a int\n1\n");
	assert_non_null(strstr(ask(&b.a, "UPDATE t SET a = 3"),
		"Msg 3960.2 16 line 1: Snapshot isolation "
		"transaction aborted due to update conflict."));
	check_ask(&b.a, "SELECT a, @@TRANCOUNT AS n FROM t", "a int, n int!\n2|0\n");
	asked_close(&b.a);
}

static void writers_wait(void **state)
{
	struct fixture *f = *state;
	struct other b = {0};

	f->a.counts = false;
	open_other(&b, f, 52);
	check_ask(&f->a,
		"CREATE TABLE t (a int); INSERT t VALUES (1); BEGIN TRAN; UPDATE t SET a = a + 1",
		"env 8\n");
	check_ask(&b.a, "SET LOCK_TIMEOUT 50; UPDATE t SET a = 10",
		"Msg 1222.51 16 line 1: Lock request time out period exceeded.\n");
	check_ask(&b.a, "SET LOCK_TIMEOUT -1", "");
	start(&b, "UPDATE t SET a = a * 10; SELECT a FROM t");
	check_ask(&f->a, "SELECT a FROM t; COMMIT", "a int\n2\nenv 9\n");
	assert_string_equal(finish(&b), "a int\n20\n");
	asked_close(&b.a);
}

/* As into a heap with TABLOCK: who has begun does not hold up others. */
static void loads_do_not_wait(void **state)
{
	static const char *const rows[] = {"1", "2"}, *const more[] = {"3"};
	struct fixture *f = *state;
	struct other b = {0};

	open_other(&b, f, 52);
	check_ask(&f->a, "CREATE TABLE t (a int)", "");
	check_ask(&b.a, "SET LOCK_TIMEOUT 50", "");
	assert_true(ask_bulk_rows(&f->a, "INSERT BULK t (a int) WITH (TABLOCK)", "a int", rows, 2));
	b.a.counts = true;
	assert_string_equal(ask_bulk(&b.a, "INSERT BULK t (a int) WITH (TABLOCK)", "a int", more, 1), "(1)\n");
	check_ask(&b.a, "SELECT a FROM t", "a int\n3\n(1)\n");
	assert_string_equal(ask_bulk_end(&f->a), "(2)\n");
	check_ask(&b.a, "SELECT COUNT(*) AS n FROM t", "n int!\n3\n(1)\n");
	asked_close(&b.a);
}

/* SELECT … WITH (UPDLOCK) in a transaction: the next one sees what the holder has committed. */
static void update_locks_hold(void **state)
{
	struct fixture *f = *state;
	struct other b = {0};

	f->a.counts = false;
	open_other(&b, f, 52);
	check_ask(&f->a,
		"CREATE TABLE t (a int); INSERT t VALUES (1); BEGIN TRAN; SELECT a FROM t WITH "
		"(UPDLOCK, HOLDLOCK)",
		"env 8\na int\n1\n");
	start(&b, "BEGIN TRAN; SELECT a FROM t WITH (UPDLOCK); UPDATE t SET a = a + 1; COMMIT");
	check_ask(&f->a, "UPDATE t SET a = 5; COMMIT", "env 9\n");
	assert_string_equal(finish(&b), "env 8\na int\n5\nenv 9\n");
	asked_close(&b.a);
}

/* Two databases, taken in two orders. */
static void a_deadlock_has_a_victim(void **state)
{
	struct fixture *f = *state;
	struct other b = {0};
	struct err err = ERR_INIT;
	const char *mine, *theirs;

	f->a.counts = false;
	must(engine_create_database(f->e, "two", &err), &err);
	open_other(&b, f, 52);
	check_ask(&f->a,
		"CREATE TABLE t (a int); CREATE TABLE two.dbo.t (a int); INSERT t VALUES (1); "
		"INSERT two.dbo.t VALUES (1)",
		"");
	check_ask(&b.a, "SELECT COUNT(*) AS n FROM two.dbo.t", "n int!\n1\n");
	check_ask(&f->a, "BEGIN TRAN; UPDATE t SET a = 2", "env 8\n");
	check_ask(&b.a, "BEGIN TRAN; UPDATE two.dbo.t SET a = 3", "env 8\n");
	start(&b, "UPDATE t SET a = 3; COMMIT");
	mine = ask(&f->a, "UPDATE two.dbo.t SET a = 2; COMMIT");
	theirs = finish(&b);
	/* one of them, whoever came second */
	assert_int_equal((strstr(mine, "Msg 1205.51 13") != NULL) +
				 (strstr(theirs, "Msg 1205.51 13") != NULL),
		1);
	assert_int_equal((strstr(mine, "env 9") != NULL) + (strstr(theirs, "env 9") != NULL), 1);
	check_ask(&f->a,
		"SELECT CASE WHEN a.a = b.a AND a.a > 1 THEN 1 ELSE 0 END AS same FROM t a, "
		"two.dbo.t b",
		"same int!\n1\n");
	asked_close(&b.a);
}

static void application_locks(void **state)
{
	struct fixture *f = *state;
	struct other b = {0};
	static const char *const get = "DECLARE @r int; EXEC @r = sp_getapplock 'x', 'Exclusive', "
				       "'Session', 0; SELECT @r AS r";

	f->a.counts = false;
	open_other(&b, f, 52);
	check_ask(&f->a, get, "r int\n0\n");
	check_ask(&b.a, get, "r int\n-1\n");
	start(&b, "DECLARE @r int; EXEC @r = sp_getapplock 'x', 'Shared', 'Session', 60000; SELECT "
		  "@r AS r");
	check_ask(&f->a, "EXEC sp_releaseapplock 'x', 'Session'", "");
	/* 1 when it had to wait, 0 when it came late */
	assert_true(strcmp(finish(&b), "r int\n1\n") == 0 || strcmp(b.answer, "r int\n0\n") == 0);
	check_ask(&f->a, "BEGIN TRAN; EXEC sp_getapplock 'y', 'Exclusive'", "env 8\n");
	check_ask(&b.a,
		"BEGIN TRAN; DECLARE @r int; EXEC @r = sp_getapplock 'y', 'Shared', @LockTimeout = "
		"0; SELECT @r AS r; ROLLBACK",
		"env 8\nr int\n-1\nenv 10\n");
	check_ask(&f->a, "COMMIT", "env 9\n");
	check_ask(&b.a,
		"BEGIN TRAN; DECLARE @r int; EXEC @r = sp_getapplock 'y', 'Shared', @LockTimeout = "
		"0; SELECT @r AS r; ROLLBACK",
		"env 8\nr int\n0\nenv 10\n");
	asked_close(&b.a);
}

/* A login waits for no writer, and a transaction comes to databases that were not used before. */
static void a_writer_keeps_nobody_out(void **state)
{
	struct fixture *f = *state;
	struct other b = {0};
	struct err err = ERR_INIT;

	f->a.counts = false;
	must(engine_create_database(f->e, "two", &err), &err);
	open_other(&b, f, 52);
	check_ask(&b.a, "CREATE TABLE two.dbo.t (a int)", "");
	asked_close(&b.a);
	check_ask(&f->a,
		"CREATE TABLE t (a int); BEGIN TRAN; INSERT t VALUES (1); INSERT two.dbo.t VALUES "
		"(2)",
		"env 8\n");
	open_other(&b, f, 53);
	check_ask(&b.a, "SELECT COUNT(*) AS n FROM t; SELECT COUNT(*) AS n FROM two..t",
		"n int!\n0\nn int!\n0\n");
	check_ask(&f->a, "COMMIT", "env 9\n");
	check_ask(&b.a, "SELECT a FROM t UNION ALL SELECT a FROM two..t", "a int\n1\n2\n");
	asked_close(&b.a);
}

static void a_closed_session_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct other b = {0};

	f->a.counts = false;
	open_other(&b, f, 52);
	check_ask(&f->a, "CREATE TABLE t (a int)", "");
	check_ask(&b.a,
		"BEGIN TRAN; INSERT t VALUES (1); EXEC sp_getapplock 'x', 'Exclusive', 'Session'",
		"env 8\n");
	asked_close(&b.a);
	check_ask(&f->a, "SET LOCK_TIMEOUT 0; INSERT t VALUES (2); SELECT a FROM t", "a int\n2\n");
	check_ask(&f->a,
		"EXEC sp_getapplock 'x', 'Exclusive', 'Session', 0; SELECT COUNT(*) AS n FROM "
		"sys.dm_exec_sessions",
		"n int!\n1\n");
}

/* What many sessions count is the sum of what each has counted. */
static void many_write_at_once(void **state)
{
	struct fixture *f = *state;
	struct other v[4] = {0};

	f->a.counts = false;
	check_ask(&f->a, "CREATE TABLE t (a int); INSERT t VALUES (0)", "");
	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		open_other(&v[i], f, 52 + (int)i);
	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		start(&v[i],
			"DECLARE @i int = 0, @a int; WHILE @i < 25 BEGIN BEGIN TRAN; SELECT @a = a "
			"FROM t WITH (UPDLOCK); UPDATE t SET a = @a + 1; COMMIT; SET @i += 1 END");
	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		assert_null(strstr(finish(&v[i]), "Msg"));
		asked_close(&v[i].a);
	}
	check_ask(&f->a, "SELECT a FROM t", "a int\n100\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			readers_see_what_is_committed, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(a_snapshot_stays, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(loads_do_not_wait, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(writers_wait, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(update_locks_hold, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(
			a_deadlock_has_a_victim, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(application_locks, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(
			a_writer_keeps_nobody_out, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(
			a_closed_session_leaves_nothing, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(many_write_at_once, pairs_setup, pairs_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
