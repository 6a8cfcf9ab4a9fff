#include "work/sqlite_relation.h"

#include <stdlib.h>
#include <string.h>

#include "unit/support.h"

struct fixture {
	struct arena a;
	struct db *db;
	struct sqlite_relation r;
	struct err err;
};

static int setup(void **state)
{
	const struct db_options options = {.create = true};
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

static void sql(struct fixture *f, const char *text)
{
	must(db_exec(f->db, text, &f->err), &f->err);
}

static int find(struct fixture *f, const char *table, const char *query)
{
	const struct job job = {.source_table = table, .source_query = query};

	err_clear(&f->err);
	return sqlite_relation_find(f->db, &job, &f->a, &f->r, &f->err);
}

static void a_table_has_its_declarations(void **state)
{
	struct fixture *f = *state;

	sql(f, "CREATE TABLE Planes (id INTEGER PRIMARY KEY, n DECIMAL(9,2) NOT NULL, x, odd \"a--b\")");
	must(find(f, "planes", NULL), &f->err);
	assert_string_equal(f->r.table, "Planes");
	assert_string_equal(f->r.from, "main.\"Planes\"");
	assert_true(f->r.ordinary && f->r.rowid);
	assert_int_equal(f->r.rowid_column, 0);
	assert_int_equal(f->r.cols.n, 4);
	assert_string_equal(f->r.cols.v[1].declared, "DECIMAL(9,2)");
	assert_null(f->r.cols.v[2].declared);
	assert_null(f->r.cols.v[3].declared); /* it would begin a comment */
	assert_false(f->r.cols.v[0].nullable); /* the rowid */
	assert_false(f->r.cols.v[1].nullable);
	assert_true(f->r.cols.v[2].nullable);
}

static void kinds_of_tables(void **state)
{
	struct fixture *f = *state;

	sql(f, "CREATE TABLE w (a INTEGER PRIMARY KEY, b) WITHOUT ROWID;"
	       "CREATE TABLE s (a ANY, b INTEGER) STRICT;"
	       "CREATE VIEW v AS SELECT b FROM s; CREATE TABLE p (a INTEGER, b, PRIMARY KEY (a, b))");
	must(find(f, "w", NULL), &f->err);
	assert_true(f->r.ordinary && !f->r.rowid);
	assert_int_equal(f->r.rowid_column, -1);
	must(find(f, "s", NULL), &f->err);
	assert_null(f->r.cols.v[0].declared); /* as they are, and not NUMERIC */
	assert_string_equal(f->r.cols.v[1].declared, "INTEGER");
	must(find(f, "p", NULL), &f->err);
	assert_int_equal(f->r.rowid_column, -1);
	must(find(f, "v", NULL), &f->err);
	assert_false(f->r.ordinary);
	assert_null(f->r.cols.v[0].declared);
	assert_string_equal(f->r.declared[0], "INTEGER");
}

static void a_query_stands_in_parentheses(void **state)
{
	struct fixture *f = *state;

	sql(f, "CREATE TABLE t (a INTEGER)");
	must(find(f, NULL, " ;\n SELECT a AS b FROM t -- all\n;\n"), &f->err);
	assert_null(f->r.table);
	assert_string_equal(f->r.query, "SELECT a AS b FROM t -- all");
	assert_string_equal(f->r.from, "(SELECT a AS b FROM t -- all\n)");
	assert_string_equal(f->r.cols.v[0].name, "b");
	assert_null(f->r.cols.v[0].declared);
}

static void what_is_no_relation(void **state)
{
	CLEANUP_FREE char *name = repeat('n', TDS_NAME_MAX + 1);
	struct fixture *f = *state;
	const struct {
		const char *query, *message;
	} cases[] = {
		{" ; ", "source_query is empty"},
		{"SELECT 1 a; SELECT 2", "source_query is more than one statement"},
		{"SELECT 1 a; nonsense", "source_query, behind its first statement: "},
		{"SELECT @x a", "source_query has a parameter, which nobody sets"},
		{"DELETE FROM t", "source_query: "},
		{"SELEC 1", "source_query: "},
		{"SELECT 1 a, 2 A", "there are two columns 'A' (case does not count)"},
		{"SELECT 1 AS \"\"", "column 1 has no name"},
		{arena_printf(&f->a, "SELECT 1 a, 2 %s", name), "column 2: its name is longer than"},
	};

	sql(f, "CREATE TABLE t (a)");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(find(f, NULL, cases[i].query), -1);
		assert_int_equal(f->err.code, ERR_CONFIG);
		assert_int_equal(strncmp(f->err.msg, cases[i].message, strlen(cases[i].message)), 0);
	}
	sql(f, "DELETE FROM t"); /* the guard is gone */
}

static void a_table_that_is_not_there(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(find(f, "plains", NULL), -1);
	check_err(&f->err, ERR_NOT_FOUND, "there is no table or view 'plains' in the database");
	assert_string_equal(f->err.hint, "it has no tables");
	sql(f, "CREATE TABLE planes (a); CREATE TABLE other (a)");
	assert_int_equal(find(f, "plains", NULL), -1);
	assert_string_equal(f->err.hint, "did you mean 'planes'?");
	assert_int_equal(find(f, "zzzzzzzz", NULL), -1);
	assert_string_equal(f->err.hint, "there are: other, planes");
}

static void a_column_by_name(void **state)
{
	struct fixture *f = *state;
	uint32_t at = 9;

	sql(f, "CREATE TABLE t (id, name)");
	must(find(f, "t", NULL), &f->err);
	must(sqlite_relation_column(&f->r, "columns", "NAME", &f->a, &at, &f->err), &f->err);
	assert_int_equal(at, 1);
	assert_int_equal(
		sqlite_relation_column(&f->r, "columns", "nam", &f->a, &at, &f->err), -1);
	check_err(&f->err, ERR_CONFIG, "columns: 't' has no column 'nam', did you mean 'name'?");
	must(find(f, NULL, "SELECT 1 x"), &f->err);
	assert_int_equal(sqlite_relation_column(&f->r, "columns", "yyy", &f->a, &at, &f->err), -1);
	check_err(&f->err, ERR_CONFIG, "columns: 'the query' has no column 'yyy'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_table_has_its_declarations, setup, teardown),
		cmocka_unit_test_setup_teardown(kinds_of_tables, setup, teardown),
		cmocka_unit_test_setup_teardown(a_query_stands_in_parentheses, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_no_relation, setup, teardown),
		cmocka_unit_test_setup_teardown(a_table_that_is_not_there, setup, teardown),
		cmocka_unit_test_setup_teardown(a_column_by_name, setup, teardown),
	};

	return cmocka_run_group_tests_name("work/sqlite_relation", tests, NULL, NULL);
}
