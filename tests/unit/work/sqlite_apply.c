#include "work/sqlite_apply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "tds/declare.h"
#include "unit/support.h"

#define STAGED "temp.etl_staged"

struct fixture {
	struct arena a;
	struct job job;
	struct db *db;
	struct sqlite_table table;
	struct sqlite_fit fit;
	struct sqlite_move move;
	struct sqlite_apply p;
	struct rejects *rejects;
	struct err err;
};

static int setup(void **state)
{
	const struct db_options options = {.create = true};
	struct fixture *f = mem_alloc(sizeof(*f));

	must(db_open_sqlite(":memory:", &options, &f->db, &f->err), &f->err);
	f->job = (struct job){.name = "load", .load_mode = LOAD_APPEND, .min_rows = 1,
		.reject_values = REJECT_VALUES_KEYS, .reject_limit = 10};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	rejects_free(f->rejects);
	db_close(f->db);
	arena_release(&f->a);
	free(f);
	return 0;
}

static void sql(struct fixture *f, const char *text)
{
	must(db_exec(f->db, text, &f->err), &f->err);
}

static int64_t ask(struct fixture *f, const char *text)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;

	must(db_prepare(f->db, text, &stmt, &f->err), &f->err);
	assert_int_equal(db_step(stmt, &f->err), 1);
	return db_column_int(stmt, 0);
}

/* Table `t` as it is now, and the rows that are staged for its columns. */
static int prepare(struct fixture *f, const char *columns, const char *staged)
{
	struct tds_columns cols;

	err_clear(&f->err);
	must(tds_declare_parse(columns, &f->a, &cols, &f->err), &f->err);
	must(sqlite_table_read(f->db, "t", &f->a, &f->table, &f->err), &f->err);
	must(sqlite_table_match(&f->table, &cols, SCHEMA_FAIL, &f->a, &f->fit, &f->err), &f->err);
	sql(f, "DROP TABLE IF EXISTS " STAGED);
	sql(f, arena_printf(&f->a, "CREATE TABLE " STAGED " AS %s", staged));
	f->move = (struct sqlite_move){.db = f->db, .rows = STAGED, .numbered = true};
	f->p = (struct sqlite_apply){.db = f->db,
		.job = &f->job,
		.table = &f->table,
		.fit = &f->fit,
		.move = &f->move,
		.rejects = f->rejects,
		.arena = &f->a,
		.staged = (uint64_t)ask(f, "SELECT count(*) FROM " STAGED)};
	return sqlite_apply_keys(&f->p, &f->err);
}

/* Rows added and changed; -1. */
static int64_t apply(struct fixture *f)
{
	uint64_t rows = 0;

	if (sqlite_apply_check(&f->p, &f->err) < 0)
		return -1;
	must(db_begin(f->db, &f->err), &f->err);
	if (sqlite_apply_rows(&f->p, &rows, &f->err) < 0 || db_commit(f->db, &f->err) < 0) {
		sqlite_apply_explain(&f->p, &f->err);
		db_rollback(f->db);
		return -1;
	}
	return (int64_t)rows;
}

#define check_rows(f, expected)                                                                    \
	assert_int_equal(ask(f, "SELECT (SELECT group_concat(r, ';') FROM (SELECT id || '|' ||"    \
				" ifnull(v, 'NULL') AS r FROM t ORDER BY id)) IS '" expected "'"), \
		1)

static void rows_are_added_or_take_the_place_of_others(void **state)
{
	struct fixture *f = *state;

	sql(f, "CREATE TABLE t (id, v); INSERT INTO t VALUES (1, 'old')");
	must(prepare(f, "id int, v varchar(max)", "SELECT 2 c0, 'b' c1 UNION ALL SELECT 3, NULL"), &f->err);
	assert_int_equal(apply(f), 2);
	check_rows(f, "1|old;2|b;3|NULL");
	f->job.load_mode = LOAD_REPLACE;
	assert_int_equal(apply(f), 2);
	check_rows(f, "2|b;3|NULL");
	f->job.max_delete = "0";
	sql(f, "INSERT INTO t VALUES (4, 'more')");
	assert_int_equal(apply(f), -1);
	assert_non_null(strstr(f->err.msg, "1 of the table's 3 rows would go"));
	must(prepare(f, "id int, v varchar(max)", "SELECT 1 c0, 2 c1 WHERE 0"), &f->err);
	assert_int_equal(apply(f), -1);
	assert_non_null(strstr(f->err.msg, "min_rows is 1"));
}

static void keys_decide_in_a_merge(void **state)
{
	struct fixture *f = *state;

	f->job.load_mode = LOAD_MERGE;
	f->job.key_columns = "id";
	sql(f, "CREATE TABLE t (id, v); INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, NULL)");
	must(prepare(f, "id int, v varchar(max)",
		     "SELECT 1 c0, 'a' c1 UNION ALL SELECT 2, 'B' UNION ALL SELECT 3, NULL"
		     " UNION ALL SELECT 4, 'd'"),
		&f->err);
	assert_int_equal(apply(f), 2); /* what does not differ is not touched */
	check_rows(f, "1|a;2|B;3|NULL;4|d");
	f->job.delete_missing = true;
	must(prepare(f, "id int, v varchar(max)", "SELECT 4 c0, 'd' c1"), &f->err);
	assert_int_equal(apply(f), 0);
	check_rows(f, "4|d");
	must(prepare(f, "id int", "SELECT 5 c0"), &f->err); /* keys are all there is */
	f->job.delete_missing = false;
	assert_int_equal(apply(f), 1);
	check_rows(f, "4|d;5|NULL");
}

/* One comparison a column: more than SQLite nests. */
static void a_merge_of_many_columns(void **state)
{
	struct fixture *f = *state;
	struct buf create = BUF_INIT(1 << 20), declare = BUF_INIT(1 << 20), staged = BUF_INIT(1 << 20);

	f->job.load_mode = LOAD_MERGE;
	f->job.key_columns = "k0";
	for (int i = 0; i < 1500; i++) {
		const char *comma = i ? ", " : "";

		buf_printf(&create, "%sk%d", comma, i);
		buf_printf(&declare, "%sk%d int", comma, i);
		buf_printf(&staged, "%s%d AS c%d", comma, i, i);
	}
	sql(f, arena_printf(&f->a, "CREATE TABLE t (%s)", buf_str(&create)));
	must(prepare(f, arena_buf(&f->a, &declare), arena_printf(&f->a, "SELECT %s", buf_str(&staged))),
		&f->err);
	assert_int_equal(apply(f), 1);
	sql(f, "UPDATE t SET k1499 = 7; DROP INDEX temp.etl_staged_key");
	assert_int_equal(apply(f), 1);
	assert_int_equal(ask(f, "SELECT k1499 FROM t"), 1499);
	buf_release(&create);
	buf_release(&staged);
}

static void keys_that_cannot_be(void **state)
{
	struct fixture *f = *state;

	f->job.load_mode = LOAD_MERGE;
	f->job.key_columns = "idd";
	sql(f, "CREATE TABLE t (id, v)");
	assert_int_equal(prepare(f, "id int", "SELECT 1 c0"), -1);
	check_err(&f->err, ERR_CONFIG,
		"key_columns: 'idd' is not among the columns that are loaded, did you mean 'id'?");
	f->job.key_columns = " ";
	assert_int_equal(prepare(f, "id int", "SELECT 1 c0"), -1);
	assert_int_equal(f->err.code, ERR_CONFIG);
	f->job.key_columns = "id";
	must(prepare(f, "id int", "SELECT 1 c0 UNION ALL SELECT NULL"), &f->err);
	assert_int_equal(apply(f), -1);
	check_err(&f->err, ERR_DATA, "1 row of the source has no value in the key column 'id'");
	must(prepare(f, "id int", "SELECT 7 c0 UNION ALL SELECT 8 UNION ALL SELECT 7"), &f->err);
	assert_int_equal(apply(f), -1);
	check_err(&f->err, ERR_DATA,
		"the source has the same key (id) more than once: rows 1 and 3 (7)");
}

static void rows_that_the_table_refuses(void **state)
{
	struct fixture *f = *state;

	sql(f, "CREATE TABLE t (id UNIQUE, v)");
	must(prepare(f, "id int", "SELECT 1 c0 UNION ALL SELECT 1 UNION ALL SELECT 2"), &f->err);
	assert_int_equal(apply(f), -1);
	assert_int_equal(f->err.code, ERR_DATA);
	f->job.on_reject = ON_REJECT_KEEP;
	f->rejects = rejects_new(&f->job);
	must(prepare(f, "id int", "SELECT 1 c0 UNION ALL SELECT 1 UNION ALL SELECT 2"), &f->err);
	assert_int_equal(apply(f), 2);
	check_rows(f, "1|NULL;2|NULL");
	assert_int_equal(rejects_count(f->rejects), 1);
	assert_int_equal(rejects_get(f->rejects, 0)->row, 2);
}

static void rows_that_a_trigger_drops(void **state)
{
	struct fixture *f = *state;

	sql(f, "CREATE TABLE t (id, v); CREATE TRIGGER x BEFORE INSERT ON t WHEN NEW.id = 2 BEGIN"
	       " SELECT RAISE(IGNORE); END");
	must(prepare(f, "id int", "SELECT 1 c0 UNION ALL SELECT 2"), &f->err);
	assert_int_equal(apply(f), -1);
	check_err(&f->err, ERR_DATA, "2 rows are staged, and the table took 1");
	assert_int_equal(ask(f, "SELECT count(*) FROM t"), 0);
}

static void foreign_keys(void **state)
{
	struct fixture *f = *state;

	sql(f, "PRAGMA foreign_keys = ON; CREATE TABLE p (id INTEGER PRIMARY KEY);"
	       "CREATE TABLE t (id INTEGER PRIMARY KEY REFERENCES p, v);"
	       "CREATE TABLE child (id REFERENCES t ON DELETE SET NULL)");
	must(prepare(f, "id int", "SELECT 9 c0"), &f->err);
	assert_int_equal(apply(f), -1);
	assert_non_null(strstr(f->err.msg, "FOREIGN KEY"));
	assert_non_null(strstr(f->err.hint, "'t', row 9, points into 'p'"));
	f->job.load_mode = LOAD_REPLACE;
	must(prepare(f, "id int", "SELECT 9 c0"), &f->err);
	assert_int_equal(apply(f), -1);
	assert_non_null(strstr(f->err.msg, "table 'child' points to 't' by a foreign key ON DELETE SET NULL"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(rows_are_added_or_take_the_place_of_others, setup, teardown),
		cmocka_unit_test_setup_teardown(keys_decide_in_a_merge, setup, teardown),
		cmocka_unit_test_setup_teardown(a_merge_of_many_columns, setup, teardown),
		cmocka_unit_test_setup_teardown(keys_that_cannot_be, setup, teardown),
		cmocka_unit_test_setup_teardown(rows_that_the_table_refuses, setup, teardown),
		cmocka_unit_test_setup_teardown(rows_that_a_trigger_drops, setup, teardown),
		cmocka_unit_test_setup_teardown(foreign_keys, setup, teardown),
	};

	return cmocka_run_group_tests_name("work/sqlite_apply", tests, NULL, NULL);
}
