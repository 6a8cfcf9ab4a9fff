#include "job/schema_text.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "job/job.h"
#include "job/migrations.h"
#include "unit/support.h"
#include "unit/test_store.h"

static int setup(void **state)
{
	*state = test_store_fixture(sizeof(struct test_store));
	return 0;
}

static bool is_option(const char *column)
{
	for (size_t i = 0; i < job_option_sets[JOB_OPTIONS].n; i++)
		if (strcmp(job_option_sets[JOB_OPTIONS].v[i].key, column) == 0)
			return true;
	return false;
}

static bool is_described(const char *object, const char *column)
{
	for (size_t i = 0; i < n_schema_words; i++)
		if (strcmp(schema_words[i].object, object) == 0 && schema_words[i].column &&
			strcmp(schema_words[i].column, column) == 0)
			return true;
	return false;
}

/* The same tables and views as on SQLite. */
static void every_column_has_its_words(void **state)
{
	struct test_store *f = *state;
	char *all = arena_strdup(&f->arena,
			     sql_ask(f->path, "SELECT group_concat(substr(m.name, 5) || '|' || c.name, ';') FROM"
					      " sqlite_schema m JOIN pragma_table_xinfo(m.name) c WHERE m.name LIKE"
					      " 'etl\\_%' ESCAPE '\\' AND m.type IN ('table', 'view')")),
	     *line;
	size_t n = 0;

	while ((line = strsep(&all, ";"))) {
		char *object = strsep(&line, "|");

		n++;
		if (!is_described(object, line) && !(strcmp(object, "job") == 0 && is_option(line)))
			fail_msg("%s.%s has no words", object, line);
		if (is_described(object, line) && strcmp(object, "job") == 0 && is_option(line))
			fail_msg("%s.%s has words and an option's help", object, line);
	}
	assert_true(n > 100);
}

static void words_and_grants_are_of_things_that_exist(void **state)
{
	struct test_store *f = *state;
	char sql[300];

	for (size_t i = 0; i < n_schema_words; i++) {
		const struct schema_word *w = &schema_words[i];

		if (strcmp(w->kind, "PROCEDURE") == 0)
			continue;
		snprintf(sql, sizeof(sql), "SELECT count(*) > 0 FROM pragma_table_xinfo('etl_%s') WHERE %d OR name = '%s'",
			w->object, w->column == NULL, w->column ? w->column : "");
		check_sql(f->path, sql, "1");
	}
	for (size_t i = 0; i < n_schema_grants; i++) {
		const struct schema_grant *g = &schema_grants[i];

		snprintf(sql, sizeof(sql), "SELECT %d OR count(*) FROM sqlite_schema WHERE name = 'etl_%s'",
			strcmp(g->rights, "EXECUTE") == 0, g->object);
		check_sql(f->path, sql, "1");
	}
}

/* What stands behind a version that is there. */
static void later_texts_are_the_end_of_all(void **state)
{
	struct test_store *f = *state;

	for (int d = 0; d < DB_DIALECT_COUNT; d++) {
		struct schema_texts all = schema_texts((enum db_dialect)d, SCHEMA_TABLES, 0, "u", &f->arena),
				    last = schema_texts((enum db_dialect)d, SCHEMA_TABLES, migrations_version() - 1, "u", &f->arena),
				    none = schema_texts((enum db_dialect)d, SCHEMA_TABLES, migrations_version(), "u", &f->arena);

		assert_int_equal(none.n, 0);
		assert_true(last.n >= 2 && last.n < all.n);
		for (size_t i = 0; i < last.n; i++)
			assert_string_equal(last.v[i], all.v[all.n - last.n + i]);
	}
	assert_int_equal(schema_texts(DB_SQLITE, SCHEMA_ROLES, 0, NULL, &f->arena).n, 0);
	assert_int_equal(schema_texts(DB_TSQL, SCHEMA_ROLES, 0, NULL, &f->arena).n, 1);
}

static void the_script_makes_a_store(void **state)
{
	CLEANUP(buf_release) struct buf script = BUF_INIT(1u << 20), nothing = BUF_INIT(1000);
	struct test_store *f = *state, again;

	schema_script(DB_SQLITE, 0, &script);
	test_store_init(&again);
	sql_run(again.path, buf_str(&script));
	again.store = test_store_again(&again);
	assert_int_equal(strlen(store_uid(again.store)), 36);
	assert_string_not_equal(store_uid(again.store), store_uid(f->store));
	test_store_release(&again);
	schema_script(DB_SQLITE, migrations_version(), &nothing);
	assert_null(strstr(buf_str(&nothing), "BEGIN"));
}

/* A batch that ends a transaction early must not be followed by one that runs without it. */
static void the_script_stops_where_it_failed(void **state)
{
	CLEANUP(buf_release) struct buf script = BUF_INIT(1u << 20);
	size_t batches = 0, guards = 0;
	const char *p, *end;

	(void)state;
	schema_script(DB_TSQL, 0, &script);
	p = strstr(buf_str(&script), "BEGIN TRANSACTION;\nGO\n");
	end = strstr(buf_str(&script), "\nCOMMIT TRANSACTION;\nGO\n\n--");
	assert_non_null(p);
	assert_non_null(end);
	for (p += strlen("BEGIN TRANSACTION;\nGO\n"); p && p < end; p = strstr(p, "\nGO\n"), p = p ? p + 4 : p)
		*(strncmp(p, "IF @@TRANCOUNT = 0 SET NOEXEC ON;\nGO\n", 37) == 0 ? &guards : &batches) += 1;
	assert_int_equal(batches, guards);
	assert_true(guards > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_column_has_its_words, setup, test_store_teardown),
		cmocka_unit_test_setup_teardown(words_and_grants_are_of_things_that_exist, setup, test_store_teardown),
		cmocka_unit_test_setup_teardown(later_texts_are_the_end_of_all, setup, test_store_teardown),
		cmocka_unit_test_setup_teardown(the_script_makes_a_store, setup, test_store_teardown),
		cmocka_unit_test(the_script_stops_where_it_failed),
	};

	return cmocka_run_group_tests_name("job/schema_text", tests, dir_make, dir_remove);
}
