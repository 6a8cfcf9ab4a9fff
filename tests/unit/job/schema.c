#include "job/schema.h"

#include <stdio.h>
#include <string.h>

#include "job/migrations.h"
#include "unit/support.h"

static int64_t now = 1795421742123;
static const struct clock test_clock = TEST_CLOCK(&now);

static struct db *open_new(void)
{
	const struct db_options options = {.create = true};
	struct err err = ERR_INIT;
	struct db *db = NULL;

	must(db_open_sqlite(":memory:", &options, &db, &err), &err);
	return db;
}

static struct schema_change migrate(struct db *db)
{
	struct schema_change c = {.from = -1};
	struct err err = ERR_INIT;

	must(schema_migrate(db, &test_clock, &rnd_system, &c, &err), &err);
	return c;
}

static void run(struct db *db, const char *sql)
{
	struct err err = ERR_INIT;

	must(db_exec(db, sql, &err), &err);
}

static int64_t number(struct db *db, const char *sql)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	struct err err = ERR_INIT;

	must(db_prepare(db, sql, &stmt, &err), &err);
	assert_int_equal(db_step(stmt, &err), 1);
	return db_column_int(stmt, 0);
}

static void a_new_store_is_made(void **state)
{
	struct db *db = open_new();
	struct err err = ERR_INIT;
	struct schema_change c = migrate(db);

	(void)state;
	assert_int_equal(c.from, 0);
	assert_int_equal(c.to, migrations_version());
	must(schema_check(db, &err), &err);
	assert_int_equal(number(db, "SELECT count(*) FROM etl_migration"), n_migrations);
	assert_int_equal(number(db, "SELECT count(*) FROM etl_meta WHERE name = 'store_uid'"
				    " AND length(value) = 36"),
		1);
	db_close(db);
}

static void again_changes_nothing(void **state)
{
	struct db *db = open_new();
	struct schema_change c;

	(void)state;
	migrate(db);
	run(db, "UPDATE etl_meta SET value = 'mine'");
	c = migrate(db);
	assert_int_equal(c.from, migrations_version());
	assert_int_equal(c.to, migrations_version());
	assert_int_equal(number(db, "SELECT value = 'mine' FROM etl_meta"), 1);
	db_close(db);
}

static void two_stores_are_not_the_same(void **state)
{
	struct db *a = open_new(), *b = open_new();
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	struct err err = ERR_INIT;

	(void)state;
	migrate(a);
	migrate(b);
	must(db_prepare(a, "SELECT value FROM etl_meta", &stmt, &err), &err);
	assert_int_equal(db_step(stmt, &err), 1);
	run(b, "CREATE TABLE other (uid TEXT)");
	{
		CLEANUP_STMT struct db_stmt *insert = NULL;

		must(db_prepare(b, "INSERT INTO other VALUES (@uid)", &insert, &err), &err);
		db_bind_text(insert, 1, db_column_text(stmt, 0));
		must(db_run(insert, &err), &err);
	}
	assert_int_equal(number(b, "SELECT uid = value FROM other, etl_meta"), 0);
	db_finalize(mem_steal(stmt));
	db_close(a);
	db_close(b);
}

static void a_newer_schema_is_refused(void **state)
{
	struct schema_change c = {.from = -1};
	struct db *db = open_new();
	struct err err = ERR_INIT, other = ERR_INIT;
	char msg[100];

	(void)state;
	migrate(db);
	run(db, "INSERT INTO etl_migration (version, name) VALUES (999, 'future')");
	assert_int_equal(schema_migrate(db, &test_clock, &rnd_system, &c, &err), -1);
	snprintf(msg, sizeof(msg), "it has schema version 999, this program knows %d",
		migrations_version());
	check_err(&err, ERR_STORE, msg);
	assert_string_equal(err.hint, "use the version of etl that made it, or a newer one");
	assert_int_equal(c.from, -1);
	assert_int_equal(schema_check(db, &other), -1);
	check_err(&other, ERR_STORE, msg);
	db_close(db);
}

static void an_older_schema_is_to_be_brought_up(void **state)
{
	struct db *db = open_new();
	struct err err = ERR_INIT;

	(void)state;
	run(db, "CREATE TABLE etl_migration (version INTEGER PRIMARY KEY, name TEXT);"
		"INSERT INTO etl_migration VALUES (-1, 'before all')");
	assert_int_equal(schema_check(db, &err), -1);
	assert_int_equal(err.code, ERR_STORE);
	assert_non_null(strstr(err.msg, "it has schema version -1, this program needs"));
	assert_string_equal(err.hint, "run 'etl init'");
	db_close(db);
}

static void another_database_is_no_store(void **state)
{
	struct db *db = open_new();
	struct err err = ERR_INIT;

	(void)state;
	run(db, "CREATE TABLE planes (a)");
	assert_int_equal(schema_check(db, &err), -1);
	check_err(&err, ERR_STORE, "it is not a store of etl");
	assert_string_equal(err.hint, "run 'etl init'");
	db_close(db);
}

/* What stands in the way is said, and all of it is undone. */
static void a_failed_migration_is_undone(void **state)
{
	struct schema_change c = {.from = -1};
	struct db *db = open_new();
	struct err err = ERR_INIT;
	char said[128];

	(void)state;
	run(db, "CREATE TABLE etl_run (mine)");
	must(db_begin(db, &err), &err);
	assert_int_equal(schema_migrate(db, &test_clock, &rnd_system, &c, &err), -1);
	snprintf(said, sizeof(said), "from schema version 0 to %d: table etl_run already exists",
		migrations_version());
	check_err(&err, ERR_CONFIG, said);
	db_rollback(db);
	assert_int_equal(number(db, "SELECT count(*) FROM sqlite_schema"), 1);
	db_close(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_store_is_made),
		cmocka_unit_test(again_changes_nothing),
		cmocka_unit_test(two_stores_are_not_the_same),
		cmocka_unit_test(a_newer_schema_is_refused),
		cmocka_unit_test(an_older_schema_is_to_be_brought_up),
		cmocka_unit_test(another_database_is_no_store),
		cmocka_unit_test(a_failed_migration_is_undone),
	};

	return cmocka_run_group_tests_name("job/schema", tests, NULL, NULL);
}
