#include "job/statements.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "job/migrations.h"
#include "unit/support.h"

static const struct {
	const char *name, *sql;
} table[] = {
#define X(name, sqlite) [ST_##name] = {#name, sqlite},
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

/* The names behind '@' that differ, in any case of letters. */
static int count_names(const char *sql)
{
	const char *names[64];
	size_t lengths[64];
	int n = 0;

	for (const char *p = strchr(sql, '@'); p; p = strchr(p + 1, '@')) {
		size_t len = strspn(p + 1, "abcdefghijklmnopqrstuvwxyz_");
		int i = 0;

		assert_true(len > 0 && !isalnum((unsigned char)p[1 + len]));
		while (i < n && !(lengths[i] == len && memcmp(names[i], p + 1, len) == 0))
			i++;
		if (i < n)
			continue;
		assert_true(n < 64);
		names[n] = p + 1;
		lengths[n++] = len;
	}
	return n;
}

/* What is bound by position is found by name: a name that is misspelt once is one more. */
static void each_can_be_prepared(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < STATEMENT_COUNT; i++) {
		struct db_stmt *stmt = NULL, *again = NULL;

		if (statements_get(&f->s, (enum statement)i, &stmt, &f->err))
			fail_msg("%s: %s", table[i].name, f->err.msg);
		if (db_param_count(stmt) != count_names(table[i].sql))
			fail_msg("%s: %d parameters of %d names", table[i].name,
				db_param_count(stmt), count_names(table[i].sql));
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
	must(statements_run(&f->s, ST_LEASE_GIVE, &f->err, "iir", (int64_t)1, (int64_t)3, 1.5),
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
		TEST(a_statement_that_the_schema_refuses),
		TEST(values_are_bound_by_their_letters),
		TEST(a_poll_does_not_grow_with_history),
	};

	return cmocka_run_group_tests_name("job/statements", tests, NULL, NULL);
}
