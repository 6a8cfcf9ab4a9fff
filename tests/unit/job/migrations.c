#include "job/migrations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "job/job.h"
#include "unit/support.h"

static const char *store(void)
{
	static unsigned n;
	char name[16];
	const char *path;

	snprintf(name, sizeof(name), "m%u.db", n++);
	path = in_dir(name);
	for (size_t i = 0; i < n_migrations; i++)
		sql_run(path, migrations[i].sqlite);
	return path;
}

static void versions_count_from_one(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_migrations; i++) {
		assert_int_equal(migrations[i].version, i + 1);
		assert_true(*migrations[i].name);
	}
	assert_int_equal(migrations_version(), n_migrations);
}

/* What people see of docs/design.md §4: a name that is gone or new is a change of the interface. */
static void tables_are_public(void **state)
{
	const char *path = store();

	(void)state;
	check_sql(path,
		"SELECT name FROM sqlite_schema WHERE type = 'table'"
		" AND name NOT LIKE 'sqlite_%' ORDER BY name",
		"etl_job;etl_job_history;etl_run;etl_run_event;etl_run_log");
}

/* Every option is a column of its name, and NULL or its default in a row by hand. */
static void job_columns_are_the_options(void **state)
{
	const struct option_set *set = &job_option_sets[0];
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	const char *path = store();

	(void)state;
	sql_run(path, "INSERT INTO etl_job (name, kind) VALUES ('by hand', 'copy')");
	for (size_t i = 0; i < set->n; i++) {
		const struct option *o = &set->v[i];
		const char *cell =
			sql_ask(path, arena_printf(&a, "SELECT \"%s\" FROM etl_job", o->key));
		struct job job = {.name = NULL};
		struct err err = ERR_INIT;

		if (strcmp(cell, "NULL") == 0)
			continue;
		if (o->type == OPT_DURATION)
			cell = arena_printf(&a, "%dms", (int)(strtod(cell, NULL) * 1000));
		must(config_set(o, cell, NULL, &a, &job, &err), &err);
		assert_string_equal(config_print(o, &job, &a), o->fallback);
	}
	check_sql(path,
		arena_printf(&a, "SELECT count(*) - %zu FROM pragma_table_info('etl_job')", set->n),
		"6"); /* job_id, job_uid, name, format, version, updated_at */
}

static void an_order_needs_only_its_job(void **state)
{
	const char *path = store();

	(void)state;
	sql_run(path, "INSERT INTO etl_job (name, kind) VALUES ('a', 'copy');"
		      "INSERT INTO etl_run (job_id) VALUES (1)");
	check_sql(path,
		"SELECT run_id, state, origin, priority, attempt, fence, owner, lease_until,"
		" order_key, started_at FROM etl_run",
		"1|queued|manual|0|0|0|NULL|NULL|NULL|NULL");
	check_sql(path,
		"SELECT count(*) FROM etl_run WHERE"
		" ready_at GLOB '20[0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:"
		"[0-6][0-9].[0-9][0-9][0-9]Z' AND queued_at = ready_at",
		"1");
}

/* RFC 9562 §5.4: version 4, variant 10, lower case. */
static void uids_are_uuids(void **state)
{
	static const char check[] =
		"SELECT count(*), count(DISTINCT uid), min(uid LIKE '________-____-4___-____-"
		"____________' AND uid NOT GLOB '*[^0-9a-f-]*' AND"
		" substr(uid, 20, 1) GLOB '[89ab]'), count(DISTINCT substr(uid, 20, 1))"
		" FROM (SELECT run_uid AS uid FROM etl_run UNION ALL SELECT job_uid FROM etl_job)";
	const char *path = store();

	(void)state;
	sql_run(path,
		"INSERT INTO etl_job (name, kind) VALUES ('a', 'copy');"
		"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
		"INSERT INTO etl_run (job_id) SELECT 1 FROM n");
	check_sql(path, check, "1001|1001|1|4");
}

static void an_order_key_is_of_one_run(void **state)
{
	const char *path = store();

	(void)state;
	sql_run(path,
		"INSERT INTO etl_job (name, kind) VALUES ('a', 'copy'), ('b', 'copy');"
		"INSERT INTO etl_run (job_id, order_key) VALUES (1, 'k'), (2, 'k'), (1, NULL),"
		" (1, NULL);"
		"INSERT OR IGNORE INTO etl_run (job_id, order_key) VALUES (1, 'k')");
	check_sql(path, "SELECT count(*) FROM etl_run", "4");
}

/* The poll seeks over what is ready: its cost must not grow with history. */
static void the_poll_is_a_seek(void **state)
{
	(void)state;
	assert_non_null(
		strstr(sql_ask(store(), "EXPLAIN QUERY PLAN SELECT run_id FROM etl_run"
					" WHERE state = 'queued' AND ready_at <= 'x'"
					" ORDER BY priority DESC, ready_at, run_id LIMIT 1"),
			"INDEX etl_run_ready"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions_count_from_one),
		cmocka_unit_test(tables_are_public),
		cmocka_unit_test(job_columns_are_the_options),
		cmocka_unit_test(an_order_needs_only_its_job),
		cmocka_unit_test(uids_are_uuids),
		cmocka_unit_test(an_order_key_is_of_one_run),
		cmocka_unit_test(the_poll_is_a_seek),
	};

	return cmocka_run_group_tests_name("job/migrations", tests, dir_make, dir_remove);
}
