#include "job/statements.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "job/migrations.h"
#include "unit/support.h"
#include "unit/tsql.h"

static const struct {
	const char *name, *sql, *tsql;
} table[] = {
#define X(name, sqlite, tsql) [ST_##name] = {#name, sqlite, tsql},
	STATEMENTS(X)
#undef X
};

struct fixture {
	struct arena arena;
	struct statements s;
	struct err err;
};

static int setup(void **state)
{
	const struct db_options options = {.create = true};
	struct fixture *f = mem_alloc(sizeof(*f));

	if (db_open_sqlite(":memory:", &options, &f->s.db, &f->err) ||
		db_exec(f->s.db, "CREATE TABLE etl_meta (name TEXT PRIMARY KEY, value TEXT)",
			&f->err))
		return -1;
	for (size_t i = 0; i < n_migrations; i++)
		if (db_exec(f->s.db, migrations[i].sqlite, &f->err))
			return -1;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	statements_release(&f->s);
	db_close(f->s.db);
	arena_release(&f->arena);
	free(f);
	return 0;
}

#define NAMES_OF_ONE 64

struct names {
	int n;
	struct name {
		const char *at;
		int len;
	} v[NAMES_OF_ONE];
};

static size_t word(const char *at)
{
	return strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
}

/* The parameters in the order of their first appearance: '@_x' is a variable, '@@x' a function. */
static struct names parameters(const char *sql)
{
	struct names names = {.n = 0};

	for (const char *p = strchr(sql, '@'); p; p = strchr(p + 1, '@')) {
		struct name name = {p + 1, (int)word(p + 1)};
		int i = 0;

		if (p[1] == '@' || (p > sql && p[-1] == '@') || p[1] == '_')
			continue;
		assert_true(name.len > 0);
		while (i < names.n && !(names.v[i].len == name.len &&
					      memcmp(names.v[i].at, name.at, (size_t)name.len) == 0))
			i++;
		if (i < names.n)
			continue;
		assert_true(names.n < NAMES_OF_ONE);
		names.v[names.n++] = name;
	}
	return names;
}

/* What is bound by position is found by name: a name that is misspelt once is one more. */
static void each_can_be_prepared(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < STATEMENT_COUNT; i++) {
		struct db_stmt *stmt = NULL, *again = NULL;

		if (statements_get(&f->s, (enum statement)i, &stmt, &f->err))
			fail_msg("%s: %s", table[i].name, f->err.msg);
		if (db_param_count(stmt) != parameters(table[i].sql).n)
			fail_msg("%s: %d parameters of %d names", table[i].name,
				db_param_count(stmt), parameters(table[i].sql).n);
		must(statements_get(&f->s, (enum statement)i, &again, &f->err), &f->err);
		assert_ptr_equal(stmt, again); /* kept */
	}
}

/* Nothing but an '@name' is a parameter, and a literal is none of a name's. */
static void parameters_have_names(void **state)
{
	(void)state;
	for (int i = 0; i < STATEMENT_COUNT; i++) {
		assert_null(strchr(table[i].sql, '?'));
		assert_null(strstr(table[i].sql, " :"));
		assert_null(strchr(table[i].sql, ';')); /* one statement each */
	}
}

/* --- the two dialects --- */

static void the_dialect_chooses_the_text(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(db_dialect(f->s.db), DB_SQLITE);
	for (int i = 0; i < STATEMENT_COUNT; i++) {
		assert_string_equal(statements_text(DB_SQLITE, (enum statement)i), table[i].sql);
		assert_string_equal(statements_text(DB_TSQL, (enum statement)i), table[i].tsql);
		assert_string_not_equal(table[i].sql, table[i].tsql);
	}
}

/* Values are bound by position. */
static void parameters_are_in_one_order(void **state)
{
	(void)state;
	for (int i = 0; i < STATEMENT_COUNT; i++) {
		struct names a = parameters(table[i].sql), b = parameters(table[i].tsql);

		if (a.n != b.n)
			fail_msg("%s: %d and %d parameters", table[i].name, a.n, b.n);
		for (int j = 0; j < a.n; j++)
			if (a.v[j].len != b.v[j].len ||
				memcmp(a.v[j].at, b.v[j].at, (size_t)a.v[j].len) != 0)
				fail_msg("%s: '%.*s' and '%.*s'", table[i].name, a.v[j].len,
					a.v[j].at, b.v[j].len, b.v[j].at);
	}
}

static void check_aliases(const char *name, const char *sql)
{
	for (const char *p = strstr(sql, " AS "); p; p = strstr(p + 1, " AS "))
		if (tsql_is_reserved(p + 4, word(p + 4)))
			fail_msg("%s: %s", name, p);
}

static void no_result_is_a_reserved_word(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < STATEMENT_COUNT; i++) {
		struct db_stmt *stmt;

		check_aliases(table[i].name, table[i].sql);
		check_aliases(table[i].name, table[i].tsql);
		must(statements_get(&f->s, (enum statement)i, &stmt, &f->err), &f->err);
		for (int col = 0; col < db_column_count(stmt); col++) {
			const char *column = db_column_name(stmt, col);

			if (tsql_is_reserved(column, strlen(column)) ||
				column[word(column)]) /* an expression without a name */
				fail_msg("%s: column '%s'", table[i].name, column);
		}
	}
}

/* A trigger of a DBA's breaks the other one: error 334. */
static void output_goes_into_a_variable(void **state)
{
	int n = 0;

	(void)state;
	for (int i = 0; i < STATEMENT_COUNT; i++)
		for (const char *p = strstr(table[i].tsql, "OUTPUT"); p; p = strstr(p + 1, "OUTPUT")) {
			const char *into = strstr(p, " INTO @_"), *end = strpbrk(p, ";@");

			if (!into || end != into + strlen(" INTO "))
				fail_msg("%s: %s", table[i].name, p);
			n++;
		}
	assert_true(n > 0);
}

static void variables_have_their_prefix(void **state)
{
	(void)state;
	for (int i = 0; i < STATEMENT_COUNT; i++) {
		const char *declare = strstr(table[i].tsql, "DECLARE ");

		if (strstr(table[i].tsql, "@_"))
			assert_non_null(declare);
		for (; declare; declare = strstr(declare + 1, "DECLARE "))
			assert_memory_equal(declare + strlen("DECLARE "), "@_", 2);
	}
}

static bool is_of_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '@';
}

/* In any case of letters; "etl_" is what begins so. */
static bool has_word(const char *sql, const char *what)
{
	size_t len = strlen(what);

	for (const char *p = sql; *p; p++)
		if (strncasecmp(p, what, len) == 0 &&
			!(is_of_word(*what) && p > sql && is_of_word(p[-1])) &&
			!(isalpha((unsigned char)what[len - 1]) && is_of_word(p[len])))
			return true;
	return false;
}

static void no_dialect_speaks_the_other(void **state)
{
	/* MERGE: known to race and to be wrong; NOCOUNT: counts are asked for */
	static const char *const not_tsql[] = {"strftime", "julianday", "ifnull", "json_each",
		"json_extract", "||", "LIMIT", "ON CONFLICT", "RETURNING", "excluded", "etl_",
		"sqlite_", "MERGE", "NOCOUNT"};
	static const char *const not_sqlite[] = {"SYSUTCDATETIME", "DATEADD", "ISNULL", "TOP", "OUTPUT",
		"DECLARE", "OPENJSON", "etl.", "N'"};

	(void)state;
	for (int i = 0; i < STATEMENT_COUNT; i++) {
		for (size_t j = 0; j < ARRAY_LEN(not_tsql); j++)
			if (has_word(table[i].tsql, not_tsql[j]))
				fail_msg("%s: %s in T-SQL", table[i].name, not_tsql[j]);
		for (size_t j = 0; j < ARRAY_LEN(not_sqlite); j++)
			if (has_word(table[i].sql, not_sqlite[j]))
				fail_msg("%s: %s in SQLite", table[i].name, not_sqlite[j]);
	}
	assert_true(has_word("SELECT a limit 1", "LIMIT"));
	assert_false(has_word("SELECT TOP (@limit) a AS rate_limit", "LIMIT"));
	assert_true(has_word("FROM etl_run", "etl_"));
}

static void a_statement_that_the_schema_refuses(void **state)
{
	struct fixture *f = *state;
	struct db_stmt *stmt = NULL;

	must(db_exec(f->s.db, "DROP TABLE etl_controller", &f->err), &f->err);
	assert_int_equal(statements_get(&f->s, ST_CONTROLLER_LIST, &stmt, &f->err), -1);
	assert_int_equal(f->err.code, ERR_CONFIG);
	assert_null(stmt);
}

static void values_are_bound_by_their_letters(void **state)
{
	struct fixture *f = *state;
	struct db_stmt *stmt = NULL;

	must(db_exec(f->s.db,
		     "INSERT INTO etl_job (name, kind) VALUES ('a', 'exec');"
		     "INSERT INTO etl_run (job_id, state, fence) VALUES (1, 'running', 3)",
		     &f->err),
		&f->err);
	must(statements_run(&f->s, ST_LEASE_GIVE, &f->err, "rt", 1.5, "1"),
		&f->err);
	must(statements_run(
		     &f->s, ST_RUN_EVENT, &f->err, "itttt", (int64_t)1, NULL, "x", "me", NULL),
		&f->err);
	must(statements_bind(&f->s, ST_EVENT_LIST, &stmt, &f->err, "i", (int64_t)1), &f->err);
	assert_int_equal(db_step(stmt, &f->err), 1);
	assert_int_equal(db_column_type(stmt, 1), DB_NULL);
	assert_string_equal(db_column_text(stmt, 2), "x");
	assert_int_equal(db_column_type(stmt, 4), DB_NULL);
	db_reset(stmt);
	assert_int_equal(statements_run(&f->s, ST_RUN_EVENT, &f->err, "itttt", (int64_t)99, NULL,
				 NULL, "me", NULL),
		-1);
	assert_int_equal(f->err.code, ERR_DATA); /* new_state is not null */
}

/* --- the poll --- */

/* Whose rows a poll looks at may grow with the runs that are not over, never with history. */
static const char *const small_indexes[] = {"etl_run_ready", "etl_run_active", "etl_run_waiting",
	"etl_run_delayed", "etl_run_open", "etl_run_cancel"};

static bool is_small(const char *step)
{
	for (size_t i = 0; i < ARRAY_LEN(small_indexes); i++)
		if (strstr(step, small_indexes[i]))
			return true;
	return false;
}

/* "SCAN r", "SEARCH u USING INDEX …": of etl_run by its aliases in these statements. */
static bool is_of_runs(const char *step)
{
	static const char *const names[] = {"r", "u", "p", "a", "etl_run"};
	const char *table_name = strchr(step, ' ');

	for (size_t i = 0; table_name && i < ARRAY_LEN(names); i++) {
		size_t len = strlen(names[i]);

		if (strncmp(table_name + 1, names[i], len) == 0 && strchr(" ", table_name[1 + len]))
			return true;
	}
	return false;
}

/* Seeks the last run of one job, from the end: u and p are looked for so. */
static bool is_last_of_job(const char *step)
{
	return strcmp(step, "SEARCH u USING INDEX etl_run_job (job_id=?)") == 0 ||
	       strcmp(step, "SEARCH p USING INDEX etl_run_job (job_id=?)") == 0;
}

static void check_plan(struct fixture *f, enum statement id)
{
	const char *sql = arena_printf(&f->arena, "EXPLAIN QUERY PLAN %s", table[id].sql);
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	int row, looks = 0;

	must(db_prepare(f->s.db, sql, &stmt, &f->err), &f->err);
	while ((row = db_step(stmt, &f->err)) == 1) {
		const char *step = db_column_text(stmt, 3);

		if (strstr(step, "FOR ORDER BY")) /* all of it is read and sorted */
			fail_msg("%s: %s", table[id].name, step);
		if (!is_of_runs(step))
			continue;
		looks++;
		if (!is_small(step) && !is_last_of_job(step))
			fail_msg("%s: %s", table[id].name, step);
	}
	must(row, &f->err);
	assert_true(looks > 0);
}

static void a_poll_does_not_grow_with_history(void **state)
{
	static const enum statement poll[] = {ST_RUN_READY, ST_RUN_RELEASED, ST_RUN_BLOCKED,
		ST_RUN_CANCELS, ST_RUN_ACTIVE, ST_NEXT_READY};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(poll); i++)
		check_plan(f, poll[i]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_can_be_prepared),
		TEST(parameters_have_names),
		TEST(the_dialect_chooses_the_text),
		TEST(parameters_are_in_one_order),
		TEST(no_result_is_a_reserved_word),
		TEST(output_goes_into_a_variable),
		TEST(variables_have_their_prefix),
		TEST(no_dialect_speaks_the_other),
		TEST(a_statement_that_the_schema_refuses),
		TEST(values_are_bound_by_their_letters),
		TEST(a_poll_does_not_grow_with_history),
	};

	return cmocka_run_group_tests_name("job/statements", tests, NULL, NULL);
}
