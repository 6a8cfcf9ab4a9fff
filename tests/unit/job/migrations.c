#include "job/migrations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "job/job.h"
#include "unit/test_store.h"
#include "unit/tsql.h"

/* Good until the next one. */
static const char *store(void)
{
	static char path[64];
	static unsigned n;

	snprintf(path, sizeof(path), "%s/m%u.db", in_dir(""), n++);
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
		"etl_controller;etl_job;etl_job_dependency;etl_job_history;etl_kerberos_key;etl_run;etl_run_event;"
		"etl_run_heartbeat;etl_run_lineage;etl_run_log");
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
			cell = arena_printf(&a, "%.0fms", strtod(cell, NULL) * 1000);
		must(config_set(o, cell, NULL, &a, &job, &err), &err);
		assert_string_equal(config_print(o, &job, &a), o->fallback);
	}
	check_sql(path,
		arena_printf(&a, "SELECT count(*) - %zu FROM pragma_table_info('etl_job')", set->n),
		"7"); /* job_id, job_uid, name, format, version, updated_at, hold_reason */
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

/* docs/design.md §4: people write these names in T-SQL. 'create' is the one exception: a file's key
 * has this name, and a column is called as its key. */
static void no_column_is_a_reserved_word(void **state)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	const char *path = store(), *words = "";

	(void)state;
	for (size_t i = 0; tsql_reserved[i]; i++)
		words = arena_printf(&a, "%s%s'%s'", words, i ? "," : "", tsql_reserved[i]);
	check_sql(path,
		arena_printf(&a,
			"SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c"
			" WHERE t.type = 'table' AND lower(c.name) IN (%s)",
			words),
		"etl_job|create");
}

/* --- version 1 to version 2 --- */

#define VERSION_1                                                                           \
	"CREATE TABLE etl_migration (version INTEGER PRIMARY KEY, name TEXT NOT NULL,"      \
	" applied_at TEXT NOT NULL DEFAULT 'then');"                                        \
	"CREATE TABLE etl_meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;" \
	"INSERT INTO etl_migration (version, name) VALUES (1, 'jobs and runs');"            \
	"INSERT INTO etl_meta VALUES ('store_uid', 'the same');"

#define ROWS_OF_VERSION_1                                                                         \
	"INSERT INTO etl_job (name, kind, source, source_table, target, target_table, load_mode)" \
	" VALUES ('load', 'copy', 'raw', 't', 'w', 't', 'replace');"                              \
	"INSERT INTO etl_run (job_id, state, order_key, attempt, fence, owner, started_at,"       \
	" finished_at, rows_written) VALUES (1, 'succeeded', 'monday', 1, 1, 'me', '2026-01-01'," \
	" '2026-01-01', 7);"                                                                      \
	"INSERT INTO etl_run (job_id) VALUES (1);"                                                \
	"INSERT INTO etl_run (job_id, state, attempt, fence, owner, lease_until) VALUES"          \
	" (1, 'running', 1, 1, 'me', '2026-01-01T00:00:00.000Z');"                                \
	"INSERT INTO etl_run_event (run_id, new_state, actor) VALUES (1, 'succeeded', 'me');"     \
	"INSERT INTO etl_run_log (run_id, attempt, seq, level, message)"                          \
	" VALUES (1, 1, 1, 'info', 'hello');"

static void a_store_of_version_1_goes_on(void **state)
{
	const struct order order = {.key = "monday", .actor = "me"};
	const struct verdict lost = {
		.state = RUN_QUEUED, .settle = RUN_STATE_COUNT, .disruption = true};
	struct active_run *active;
	struct test_store f;
	struct job job;
	struct run run;
	bool known;
	char newest[16];
	size_t n;

	(void)state;
	test_store_init(&f);
	sql_run(f.path, VERSION_1);
	sql_run(f.path, migrations[0].sqlite);
	sql_run(f.path, ROWS_OF_VERSION_1);
	test_store_open(&f);
	assert_string_equal(store_uid(f.store), "the same");
	snprintf(newest, sizeof(newest), "%d", migrations_version());
	check_store(&f, "SELECT max(version) FROM etl_migration", newest);

	must(store_job(f.store, "load", &f.arena, &job, &f.err), &f.err);
	assert_int_equal(job.load_mode, LOAD_REPLACE);
	assert_int_equal(job.max_active, 1);
	assert_int_equal(job.retry_max_delay, 3600000);
	assert_int_equal(test_store_apply(&f, &job), JOB_UNCHANGED);

	must(queue_order(f.store, 1, &order, &f.arena, &run, &known, &f.err), &f.err);
	assert_true(known);
	assert_int_equal(run.state, RUN_SUCCEEDED);
	assert_int_equal(run.settle, RUN_STATE_COUNT);

	/* a worker of the old version, which never renews */
	must(queue_active(f.store, 0, &f.arena, &active, &n, &f.err), &f.err);
	assert_int_equal(n, 1);
	assert_int_equal(active[0].run.run_id, 3);
	assert_null(active[0].controller_uid);
	assert_string_equal(active[0].lease_until, "2026-01-01T00:00:00.000Z");
	assert_true(active[0].lease_past);
	assert_int_equal(test_store_claim(&f).run_id, 0); /* it still counts for max_active */
	must(queue_give_up(f.store, &active[0].run, &lost, "me", "lost", NULL, &f.err), &f.err);

	assert_int_equal(test_store_start(&f).run_id, 2); /* the order of that time */
	check_store(&f, "SELECT run_id, state, fence FROM etl_run",
		"1|succeeded|1;2|running|1;3|queued|1");
	check_store(&f, "SELECT message FROM etl_run_log", "hello");
	test_store_release(&f);
}

/* The previous program knows nothing of the new columns, and works on. */
static void the_previous_version_works_on_the_new_schema(void **state)
{
	const char *path = store();

	(void)state;
	sql_run(path, ROWS_OF_VERSION_1);
	check_sql(path, "SELECT job_id, state, fence, priority FROM etl_run ORDER BY run_id",
		"1|succeeded|1|0;1|queued|0|0;1|running|1|0");
}

/* --- what a plain INSERT gives --- */

static void an_order_takes_its_jobs_priority(void **state)
{
	const char *path = store();

	(void)state;
	sql_run(path, "INSERT INTO etl_job (name, kind, priority) VALUES ('a', 'exec', 5),"
		      " ('b', 'exec', 0);"
		      "INSERT INTO etl_run (job_id) VALUES (1);"
		      "INSERT INTO etl_run (job_id, priority) VALUES (1, -3);"
		      "INSERT INTO etl_run (job_id) VALUES (2);"
		      "INSERT INTO etl_run (job_id, state) VALUES (1, 'succeeded')");
	check_sql(path, "SELECT priority FROM etl_run ORDER BY run_id", "5;-3;0;0");
}

static void an_order_leaves_an_event(void **state)
{
	const char *path = store();

	(void)state;
	sql_run(path,
		"INSERT INTO etl_job (name, kind) VALUES ('a', 'exec');"
		"INSERT INTO etl_run (job_id) VALUES (1);"
		"INSERT INTO etl_run (job_id, state, origin, ordered_by) VALUES (1, 'waiting',"
		" 'schedule', 'cron');"
		"INSERT INTO etl_run (job_id, state) VALUES (1, 'succeeded')");
	check_sql(path, "SELECT run_id, old_state, new_state, actor, reason FROM etl_run_event",
		"1|NULL|queued|sql|ordered: manual;2|NULL|waiting|cron|ordered: schedule");
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
		cmocka_unit_test(no_column_is_a_reserved_word),
		cmocka_unit_test(a_store_of_version_1_goes_on),
		cmocka_unit_test(the_previous_version_works_on_the_new_schema),
		cmocka_unit_test(an_order_takes_its_jobs_priority),
		cmocka_unit_test(an_order_leaves_an_event),
	};

	return cmocka_run_group_tests_name("job/migrations", tests, dir_make, dir_remove);
}
