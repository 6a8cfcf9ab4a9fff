/* lib/db/db.c over lib/db/sqlite.c: a driver is tested through db.h. */
#include "db/db.h"

#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "unit/support.h"

#define BUSY_MS 80

static struct db *must_open(const char *path, const struct db_options *options)
{
	struct err err = ERR_INIT;
	struct db *db = NULL;

	if (db_open_sqlite(path, options, &db, &err) < 0)
		fail_msg("%s", err.msg);
	return db;
}

static struct db *scratch(void)
{
	const struct db_options options = {.create = true, .busy_timeout_ms = BUSY_MS};

	return must_open(":memory:", &options);
}

static void must_exec(struct db *db, const char *sql)
{
	struct err err = ERR_INIT;

	if (db_exec(db, sql, &err) < 0)
		fail_msg("%s: %s", sql, err.msg);
}

static struct db_stmt *must_prepare(struct db *db, const char *sql)
{
	struct err err = ERR_INIT;
	struct db_stmt *stmt = NULL;

	if (db_prepare(db, sql, &stmt, &err) < 0)
		fail_msg("%s", err.msg);
	return stmt;
}

/* The first column of the first row, as text. */
static const char *ask(struct db *db, const char *sql)
{
	static char out[256];
	struct err err = ERR_INIT;
	struct db_stmt *stmt = must_prepare(db, sql);

	assert_int_equal(db_step(stmt, &err), 1);
	snprintf(out, sizeof(out), "%s", db_column_text(stmt, 0));
	db_finalize(stmt);
	return out;
}

static void values_survive(void **state)
{
	static const char sql[] = "SELECT @i, @r, @t, @n, @b, @e, @z";
	struct db *db = scratch();
	struct db_stmt *stmt = must_prepare(db, sql);
	struct err err = ERR_INIT;
	size_t len;

	(void)state;
	for (int again = 0; again < 2; again++) {
		db_bind_int(stmt, 1, INT64_MIN);
		db_bind_real(stmt, 2, 0.1);
		db_bind_text(stmt, 3, "\xF0\x9F\x9B\xAB");
		db_bind_text(stmt, 4, NULL);
		db_bind_blob(stmt, 5, "a\0b", 3);
		db_bind_textn(stmt, 6, NULL, 0);
		db_bind_blob(stmt, 7, NULL, 0);
		assert_int_equal(db_step(stmt, &err), 1);
		assert_int_equal(db_column_count(stmt), 7);
		assert_int_equal(db_column_type(stmt, 0), DB_INT);
		assert_true(db_column_int(stmt, 0) == INT64_MIN);
		assert_int_equal(db_column_type(stmt, 1), DB_REAL);
		assert_true(fabs(db_column_real(stmt, 1) - 0.1) < 1e-18);
		assert_int_equal(db_column_type(stmt, 2), DB_TEXT);
		assert_string_equal(db_column_text(stmt, 2), "\xF0\x9F\x9B\xAB");
		assert_int_equal(db_column_type(stmt, 3), DB_NULL);
		assert_null(db_column_text(stmt, 3));
		assert_int_equal(db_column_type(stmt, 4), DB_BLOB);
		assert_memory_equal(db_column_blob(stmt, 4, &len), "a\0b", 3);
		assert_int_equal(len, 3);
		assert_int_equal(db_column_type(stmt, 5), DB_TEXT);
		assert_int_equal(db_column_type(stmt, 6), DB_BLOB);
		assert_string_equal(db_column_name(stmt, 0), "@i");
		assert_int_equal(db_step(stmt, &err), 0);
	}
	db_finalize(stmt);
	db_close(db);
}

static void a_row_is_had_at_once(void **state)
{
	struct db *db = scratch();
	struct db_stmt *stmt = must_prepare(db, "SELECT -7, 0.5, 'ab', NULL, x'00ff00', '', zeroblob(0)");
	struct err err = ERR_INIT;
	struct db_value v[7];
	size_t bytes;

	(void)state;
	assert_int_equal(db_step(stmt, &err), 1);
	assert_int_equal(db_row(stmt, v, &bytes, &err), 0);
	assert_int_equal(bytes, 5);
	assert_int_equal(v[0].type, DB_INT);
	assert_true(v[0].i == -7);
	assert_int_equal(v[1].type, DB_REAL);
	assert_true(fabs(v[1].r - 0.5) < 1e-18);
	assert_int_equal(v[2].type, DB_TEXT);
	assert_int_equal(v[2].s.len, 2);
	assert_memory_equal(v[2].s.data, "ab", 2);
	assert_int_equal(v[3].type, DB_NULL);
	assert_int_equal(v[4].type, DB_BLOB);
	assert_int_equal(v[4].s.len, 3);
	assert_memory_equal(v[4].s.data, "\0\xff\0", 3);
	assert_int_equal(v[5].type, DB_TEXT);
	assert_int_equal(v[5].s.len, 0);
	assert_int_equal(v[6].type, DB_BLOB);
	assert_int_equal(v[6].s.len, 0);
	db_finalize(stmt);
	stmt = must_prepare(db, "SELECT typeof(@a), quote(@b), typeof(@c), quote(@d), typeof(@e)");
	for (int i = 0; i < 5; i++)
		db_bind_value(stmt, i + 1, &v[i]);
	assert_int_equal(db_step(stmt, &err), 1);
	assert_string_equal(db_column_text(stmt, 0), "integer");
	assert_string_equal(db_column_text(stmt, 1), "0.5");
	assert_string_equal(db_column_text(stmt, 2), "text");
	assert_string_equal(db_column_text(stmt, 3), "NULL");
	assert_string_equal(db_column_text(stmt, 4), "blob");
	db_finalize(stmt);
	must_exec(db, "CREATE TABLE t (a VARCHAR(3), b)");
	stmt = must_prepare(db, "SELECT a, b, a || 'x' FROM t");
	assert_string_equal(db_column_declared(stmt, 0), "VARCHAR(3)");
	assert_null(db_column_declared(stmt, 1));
	assert_null(db_column_declared(stmt, 2));
	db_finalize(stmt);
	db_close(db);
}

static void a_read_transaction_sees_one_state(void **state)
{
	const struct db_options options = {.create = true, .busy_timeout_ms = BUSY_MS};
	const struct db_options reading = {.read_only = true, .busy_timeout_ms = BUSY_MS};
	const char *path = in_dir("one-state.db");
	struct db *writer = must_open(path, &options), *reader;
	struct err err = ERR_INIT;

	(void)state;
	must_exec(writer, "PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1)");
	reader = must_open(path, &reading);
	assert_int_equal(db_begin_read(reader, &err), 0);
	must_exec(writer, "INSERT INTO t VALUES (2)");
	assert_string_equal(ask(reader, "SELECT count(*) FROM t"), "1");
	db_rollback(reader);
	assert_string_equal(ask(reader, "SELECT count(*) FROM t"), "2");
	db_close(reader);
	must_exec(writer, "PRAGMA journal_mode = DELETE");
	reader = must_open(path, &reading);
	must_exec(writer, "BEGIN EXCLUSIVE");
	assert_int_equal(db_begin_read(reader, &err), -1);
	assert_int_equal(err.code, ERR_BUSY);
	assert_false(db_in_transaction(reader));
	db_close(reader);
	db_close(writer);
}

static void statement_runs_again_after_an_error(void **state)
{
	struct db *db = scratch();
	struct err err = ERR_INIT;
	struct db_stmt *stmt;

	(void)state;
	must_exec(db, "CREATE TABLE t (a INTEGER UNIQUE)");
	stmt = must_prepare(db, "INSERT INTO t VALUES (@a)");
	db_bind_int(stmt, 1, 1);
	assert_int_equal(db_run(stmt, &err), 0);
	assert_int_equal(db_changes(db), 1);
	assert_int_equal(db_last_insert_id(db), 1);
	assert_int_equal(db_run(stmt, &err), -1);
	assert_int_equal(err.code, ERR_DATA);
	assert_string_equal(err.msg, "UNIQUE constraint failed: t.a");
	db_bind_int(stmt, 1, 2);
	assert_int_equal(db_run(stmt, &err), 0);
	db_finalize(stmt);
	db_close(db);
}

static void codes(void **state)
{
	static const struct {
		const char *sql;
		enum err_code code;
		const char *says;
	} cases[] = {
		{"SELEC 1", ERR_CONFIG, "syntax error"},
		{"SELECT * FROM none", ERR_CONFIG, "no such table: none"},
		{"INSERT INTO t VALUES (NULL, 1)", ERR_DATA, "NOT NULL constraint failed: t.a"},
		{"INSERT INTO t VALUES (1, -1)", ERR_DATA, "CHECK constraint failed"},
		{"INSERT INTO s VALUES ('x')", ERR_DATA, "cannot store TEXT value"},
		{"INSERT INTO t VALUES (zeroblob(1000000001), 1)", ERR_LIMIT, "too big"},
		{"INSERT INTO t VALUES (7, 7)", ERR_DATA, "no sevens"},
	};
	struct db *db = scratch();

	(void)state;
	must_exec(db, "CREATE TABLE t (a NOT NULL, b CHECK (b > 0));"
		      "CREATE TABLE s (a INTEGER) STRICT;"
		      "CREATE TRIGGER seven BEFORE INSERT ON t WHEN new.a = 7 BEGIN"
		      " SELECT RAISE(ABORT, 'no sevens'); END");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;

		assert_int_equal(db_exec(db, cases[i].sql, &err), -1);
		if (err.code != cases[i].code || !strstr(err.msg, cases[i].says))
			fail_msg("%s: %s: %s", cases[i].sql, err_name(err.code), err.msg);
	}
	db_close(db);
}

static void prepare_shows_the_statement(void **state)
{
	struct db *db = scratch();
	struct db_stmt *stmt = NULL;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(db_prepare(db, "SELECT x FROM nowhere", &stmt, &err), -1);
	assert_int_equal(err.code, ERR_CONFIG);
	assert_string_equal(err.msg, "prepare 'SELECT x FROM nowhere': no such table: nowhere");
	assert_null(stmt);
	db_close(db);
}

static void too_large_a_value_is_said_by_the_step(void **state)
{
	struct db *db = scratch();
	struct db_stmt *stmt = must_prepare(db, "SELECT length(@t)");
	struct err err = ERR_INIT;

	(void)state;
	db_bind_textn(stmt, 1, "x", (size_t)1 << 32); /* refused by its length, never read */
	assert_int_equal(db_step(stmt, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	db_bind_text(stmt, 1, "four");
	assert_int_equal(db_step(stmt, &err), 1);
	assert_int_equal(db_column_int(stmt, 0), 4);
	db_reset(stmt);
	db_finalize(stmt);
	db_close(db);
}

static void transactions(void **state)
{
	struct db *db = scratch();
	struct err err = ERR_INIT;

	(void)state;
	must_exec(db, "CREATE TABLE t (a)");
	db_rollback(db); /* none is open: quiet */
	assert_int_equal(db_begin(db, &err), 0);
	must_exec(db, "INSERT INTO t VALUES (1)");
	db_rollback(db);
	assert_string_equal(ask(db, "SELECT count(*) FROM t"), "0");
	assert_int_equal(db_begin(db, &err), 0);
	must_exec(db, "INSERT INTO t VALUES (1)");
	assert_int_equal(db_commit(db, &err), 0);
	assert_string_equal(ask(db, "SELECT count(*) FROM t"), "1");
	assert_int_equal(db_commit(db, &err), -1);
	db_close(db);
}

static void journal_modes(void **state)
{
	const struct db_options plain = {.create = true}, wal = {.create = true, .wal = true};
	const struct db_options private = {.create = true, .private_scratch = true};
	struct db *db = must_open(in_dir("plain.db"), &plain);

	(void)state;
	must_exec(db, "CREATE TABLE t (a)");
	assert_string_equal(ask(db, "PRAGMA journal_mode"), "delete");
	assert_string_equal(ask(db, "PRAGMA synchronous"), "3");
	assert_string_equal(ask(db, "PRAGMA foreign_keys"), "0");
	db_close(db);
	db_close(must_open(in_dir("plain.db"), &wal));
	db = must_open(in_dir("plain.db"), &plain); /* the mode is the file's: it stays */
	assert_string_equal(ask(db, "PRAGMA journal_mode"), "wal");
	db_close(db);
	db = must_open(in_dir("private.db"), &private);
	assert_string_equal(ask(db, "PRAGMA journal_mode"), "off");
	assert_string_equal(ask(db, "PRAGMA synchronous"), "0");
	assert_string_equal(ask(db, "PRAGMA locking_mode"), "exclusive");
	db_close(db);
}

static void refused(
	const char *path, const struct db_options *options, const char *says, const char *hint)
{
	struct db *db = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(db_open_sqlite(path, options, &db, &err), -1);
	assert_null(db);
	assert_int_equal(err.code, ERR_STORE);
	if (!strstr(err.msg, path) || !strstr(err.msg, says) || !strstr(err.hint, hint))
		fail_msg("%s; %s", err.msg, err.hint);
}

static void bad_paths(void **state)
{
	const struct db_options make = {.create = true}, have = {0}, look = {.read_only = true};
	struct err err = ERR_INIT;
	struct db *db = NULL;
	FILE *f = fopen(in_dir("text.db"), "w");

	(void)state;
	assert_non_null(f);
	for (int i = 0; i < 1000; i++)
		fputs("this is no database, ", f);
	fclose(f);
	refused(in_dir("text.db"), &have, "not a database", "not an SQLite database");
	refused(in_dir("none.db"), &have, "No such file", "there is no such file");
	refused(in_dir("none.db"), &look, "No such file", "there is no such file");
	assert_int_equal(access(in_dir("none.db"), F_OK), -1);
	refused(in_dir("no/such/dir.db"), &make, "No such file", "no/such' first");
	refused(in_dir(""), &make, "", "is a directory");
	assert_int_equal(db_open_sqlite("", &make, &db, &err), -1);
	assert_int_equal(err.code, ERR_CONFIG);
}

/* root may write everything, so a child that is nobody tries. */
static void read_only_file(void **state)
{
	const struct db_options have = {0};
	const char *path = in_dir("mine.db");
	struct db *db = must_open(path, &(struct db_options){.create = true});
	int status;
	pid_t pid;

	(void)state;
	must_exec(db, "CREATE TABLE t (a)");
	db_close(db);
	assert_int_equal(chmod(path, 0444), 0);
	assert_int_equal(chmod(in_dir(""), 0755), 0);
	pid = fork();
	if (pid == 0) {
		struct err err = ERR_INIT;
		int rc;

		if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
			_exit(2);
		rc = db_open_sqlite(path, &have, &db, &err);
		_exit(rc == -1 && err.code == ERR_STORE && strstr(err.msg, "read-only") &&
					strstr(err.hint, "write access")
				? 0
				: 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void lock_is_waited_for_then_busy(void **state)
{
	const struct db_options options = {.create = true, .busy_timeout_ms = BUSY_MS};
	struct db *a = must_open(in_dir("busy.db"), &options);
	struct db *b = must_open(in_dir("busy.db"), &options);
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(db_begin(a, &err), 0);
	assert_int_equal(db_begin(b, &err), -1);
	assert_int_equal(err.code, ERR_BUSY);
	assert_non_null(strstr(err.msg, "busy.db': database is locked"));
	db_rollback(a);
	assert_int_equal(db_begin(b, &err), 0);
	db_close(b); /* rolls back */
	assert_int_equal(db_begin(a, &err), 0);
	db_close(a);
}

static void *release_later(void *arg)
{
	usleep(40000);
	db_rollback(arg);
	return NULL;
}

static void lock_that_is_released_is_had(void **state)
{
	const struct db_options options = {.create = true, .busy_timeout_ms = 10000};
	struct db *a = must_open(in_dir("later.db"), &options);
	struct db *b = must_open(in_dir("later.db"), &options);
	struct err err = ERR_INIT;
	pthread_t thread;

	(void)state;
	assert_int_equal(db_begin(a, &err), 0);
	assert_int_equal(pthread_create(&thread, NULL, release_later, a), 0);
	assert_int_equal(db_begin(b, &err), 0);
	pthread_join(thread, NULL);
	db_close(a);
	db_close(b);
}

static int countdown(void *arg)
{
	return --*(int *)arg <= 0;
}

static void progress_cancels(void **state)
{
	const struct db_options options = {.create = true, .busy_timeout_ms = 60000};
	struct db *a = must_open(in_dir("cancel.db"), &options);
	struct db *b = must_open(in_dir("cancel.db"), &options);
	struct err err = ERR_INIT;
	int calls = 3;

	(void)state;
	db_on_progress(b, countdown, &calls);
	assert_int_equal(db_exec(b,
				 "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
				 " SELECT count(*) FROM n",
				 &err),
		-1);
	assert_int_equal(err.code, ERR_CANCELLED);
	calls = 3;
	err_clear(&err);
	assert_int_equal(db_begin(a, &err), 0);
	assert_int_equal(db_begin(b, &err), -1); /* while it waits */
	assert_int_equal(err.code, ERR_CANCELLED);
	db_rollback(a);
	db_on_progress(b, NULL, NULL);
	assert_int_equal(db_begin(b, &err), 0);
	db_close(a);
	db_close(b);
}

static void quoting_and_attaching(void **state)
{
	const char *path = in_dir("it's [a] \"b\" \xF0\x9F\x9B\xAB.db");
	struct arena a = ARENA_INIT;
	struct err err = ERR_INIT;
	struct db *db = scratch();

	(void)state;
	assert_string_equal(db_quote(db, "a\"]b", &a), "\"a\"\"]b\"");
	assert_string_equal(db_quote(db, "", &a), "\"\"");
	assert_int_equal(db_attach(db, path, "other one", &err), 0);
	must_exec(db, "CREATE TABLE \"other one\".t (a)");
	assert_int_equal(db_detach(db, "other one", &err), 0);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(db_detach(db, "other one", &err), -1);
	assert_int_equal(db_attach(db, in_dir("text.db"), "x", &err), -1);
	assert_non_null(strstr(err.msg, "attach '"));
	assert_true(db_version()[0] == '3');
	db_close(db);
	db_close(NULL);
	db_finalize(NULL);
	arena_release(&a);
}

/* --- the SQL of others --- */

static void statements_one_after_the_other(void **state UNUSED)
{
	const char *rest = " -- a; b\n CREATE TABLE t (a);;/* c */ INSERT INTO t VALUES (1), (2);\n"
			   "UPDATE t SET a = @a ; -- the end";
	const int params[] = {0, 0, 1};
	struct db *db = scratch();
	struct err err = ERR_INIT;
	struct db_stmt *stmt;
	unsigned n = 0;
	int found;

	while ((found = db_prepare_next(db, rest, &stmt, &rest, &err)) > 0) {
		assert_int_equal(db_param_count(stmt), params[n++]);
		must(db_run(stmt, &err), &err);
		db_finalize(stmt);
	}
	must(found, &err);
	assert_int_equal(n, 3);
	assert_int_equal(db_total_changes(db), 4);
	assert_int_equal(db_changes(db), 2);
	assert_int_equal(db_prepare_next(db, "", &stmt, &rest, &err), 0);
	assert_int_equal(db_prepare_next(db, "SELECT 1; SELEC", &stmt, &rest, &err), 1);
	db_finalize(stmt);
	assert_int_equal(db_prepare_next(db, rest, &stmt, &rest, &err), -1);
	check_err(&err, ERR_CONFIG, "near \"SELEC\": syntax error");
	assert_string_equal(rest, " SELEC");
	db_close(db);
}

static void check_refused(struct db *db, const char *sql, const char *msg, const char *hint)
{
	struct err err = ERR_INIT;

	assert_int_equal(db_exec(db, sql, &err), -1);
	check_err(&err, ERR_CONFIG, msg);
	assert_string_equal(err.hint, hint);
}

static void a_guard_refuses(void **state UNUSED)
{
	static const struct db_guard both = {.transaction = "leave it", .table = "t"};
	static const struct db_guard table = {.table = "t"};
	struct db *db = scratch();
	struct err err = ERR_INIT;

	must_exec(db, "CREATE TABLE t (a); CREATE TABLE u (a)");
	must(db_begin(db, &err), &err);
	assert_true(db_in_transaction(db));
	db_guard(db, &both);
	must_exec(db, "INSERT INTO u SELECT a FROM t; SAVEPOINT s; RELEASE s");
	check_refused(db, "COMMIT", "COMMIT is not allowed here", "leave it");
	check_refused(db, "ROLLBACK", "ROLLBACK is not allowed here", "leave it");
	check_refused(db, "INSERT INTO T VALUES (1)", "to change the table t is not allowed here", "");
	check_refused(db, "DROP TABLE t", "to change the table t is not allowed here", "");
	assert_true(db_in_transaction(db));
	db_guard(db, NULL);
	must(db_commit(db, &err), &err);
	assert_false(db_in_transaction(db));

	db_guard(db, &table);
	must_exec(db, "BEGIN; INSERT INTO u VALUES (1); COMMIT; VACUUM");
	check_refused(db, "ALTER TABLE t ADD COLUMN b", "to change the table t is not allowed here",
		"");
	db_guard(db, NULL);
	must_exec(db, "DROP TABLE t");
	db_close(db);
}

static void nobody_writes_into_a_file_that_is_gone(void **state)
{
	static const char *const journals[] = {"DELETE", "WAL"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(journals); i++) {
		const struct db_options options = {.create = true};
		const char *path = in_dir("gone.db");
		struct err err = ERR_INIT;
		struct db *db = must_open(path, &options);
		char sql[64];

		snprintf(sql, sizeof(sql), "PRAGMA journal_mode = %s", journals[i]);
		must_exec(db, sql);
		must_exec(db, "CREATE TABLE t (a)");
		must(db_begin(db, &err), &err);
		must_exec(db, "INSERT INTO t VALUES (1)");
		assert_int_equal(unlink(path), 0);
		assert_int_equal(db_commit(db, &err), -1);
		assert_int_equal(err.code, ERR_STORE);
		assert_non_null(strstr(err.msg, "gone.db': the file was removed, or another one put "
						"in its place"));
		db_rollback(db);
		err_clear(&err);
		assert_int_equal(db_begin(db, &err), -1);
		assert_int_equal(err.code, ERR_STORE);
		assert_false(db_in_transaction(db));
		db_close(db);
	}
}

static void a_value_has_a_limit(void **state)
{
	const struct db_options options = {.create = true, .max_value = 1000};
	struct err err = ERR_INIT;
	struct db *db = must_open(":memory:", &options);
	struct db_stmt *stmt = must_prepare(db, "SELECT zeroblob(1001)");

	(void)state;
	assert_string_equal(ask(db, "SELECT length(zeroblob(1000))"), "1000");
	assert_int_equal(db_step(stmt, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	db_finalize(stmt);
	db_close(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_survive),
		cmocka_unit_test(a_row_is_had_at_once),
		cmocka_unit_test(a_read_transaction_sees_one_state),
		cmocka_unit_test(statement_runs_again_after_an_error),
		cmocka_unit_test(codes),
		cmocka_unit_test(prepare_shows_the_statement),
		cmocka_unit_test(too_large_a_value_is_said_by_the_step),
		cmocka_unit_test(transactions),
		cmocka_unit_test(journal_modes),
		cmocka_unit_test(bad_paths),
		cmocka_unit_test(read_only_file),
		cmocka_unit_test(lock_is_waited_for_then_busy),
		cmocka_unit_test(lock_that_is_released_is_had),
		cmocka_unit_test(progress_cancels),
		cmocka_unit_test(quoting_and_attaching),
		cmocka_unit_test(statements_one_after_the_other),
		cmocka_unit_test(a_guard_refuses),
		cmocka_unit_test(nobody_writes_into_a_file_that_is_gone),
		cmocka_unit_test(a_value_has_a_limit),
	};

	return cmocka_run_group_tests_name("db/sqlite", tests, dir_make, dir_remove);
}
