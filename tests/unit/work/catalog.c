#include "work/catalog.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "unit/support.h"

static struct connection at(enum driver driver, const char *name)
{
	return (struct connection){.name = "src", .driver = driver, .path = in_dir(name)};
}

/* "table(keys)[watermarks] …", or why not. */
static const char *listed(const struct connection *conn, const char *pattern)
{
	static char out[1024];
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct catalog_table *tables;
	struct err err = ERR_INIT;
	size_t n, len = 0;

	if (catalog_list(conn, pattern, &a, &tables, &n, &err) < 0) {
		snprintf(out, sizeof(out), "%s", err.msg);
		return out;
	}
	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(out + len, sizeof(out) - len, "%s%s(%s)[%s]", i ? " " : "",
			tables[i].name, tables[i].key_columns ? tables[i].key_columns : "",
			tables[i].watermarks ? tables[i].watermarks : "");
	return out;
}

static void tables_of_a_database(void **state)
{
	struct connection conn = at(DRIVER_SQLITE, "s.db");

	(void)state;
	sql_run(in_dir("s.db"),
		"CREATE TABLE member (id INTEGER PRIMARY KEY, created_at, name, Last_Updated);"
		"CREATE TABLE line (pos, \"no, 1\", PRIMARY KEY (\"no, 1\", pos));"
		"CREATE VIEW v AS SELECT 1 AS modified; CREATE TABLE etl_load_ledger (a);"
		"CREATE TABLE etl_loads (a)");
	assert_string_equal(listed(&conn, "*"),
		"etl_loads()[] line(\"no, 1\", pos)[] member(id)[Last_Updated, created_at] v()[modified]");
	assert_string_equal(listed(&conn, "m*"), "member(id)[Last_Updated, created_at]");
	assert_string_equal(listed(&conn, "x*"), "connection 'src' has no table like 'x*'");
}

static void files_of_a_directory(void **state)
{
	struct connection conn = at(DRIVER_CSV, "files");

	(void)state;
	assert_int_equal(mkdir(in_dir("files"), 0700), 0);
	file_write(in_dir("files/b.csv"), "");
	file_write(in_dir("files/a.csv.gz"), "");
	file_write(in_dir("files/.hidden.csv"), "");
	file_write(in_dir("files/readme"), "");
	assert_string_equal(listed(&conn, "*"), "a()[] b()[]");
	assert_string_equal(listed(&conn, "[b-z]"), "b()[]");
}

static void what_has_no_list(void **state)
{
	struct connection conn = at(DRIVER_CSV, "files/b.csv");

	(void)state;
	assert_non_null(strstr(listed(&conn, "*"), "b.csv' is one file"));
	conn = at(DRIVER_CSV, "nowhere");
	assert_non_null(strstr(listed(&conn, "*"), "tables of connection 'src': "));
	conn = at(DRIVER_SQLITE, "files/b.csv/x");
	assert_non_null(strstr(listed(&conn, "*"), "tables of connection 'src': open database"));
}

static void jobs_for_all_of_them(void **state)
{
	static const struct catalog_table tables[] = {{.name = "plain"},
		{.name = "keyed", .key_columns = "\"a, \"\"b\"\"\", c", .watermarks = "\"at, x\", made"},
		{.name = "log", .watermarks = "made"}};
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	CLEANUP(buf_release) struct buf out = BUF_INIT(10000);

	(void)state;
	catalog_jobs(tables, 3, "src", "dwh", &a, &out);
	assert_string_equal(strchr(buf_str(&out), '\n'),
		"\n\n[defaults]\nsource = src\ntarget = dwh\nload_mode = replace\n"
		"\n[job src_plain]\nsource_table = plain\ntarget_table = plain\n"
		"\n[job src_keyed]\nsource_table = keyed\ntarget_table = keyed\n"
		"key_columns = \"a, \"\"b\"\"\", c\n"
		"; it may be read incrementally, if this only grows (candidates: \"at, x\", made):\n"
		"; load_mode = incremental\n; watermark_column = \"at, x\"\n"
		"\n[job src_log]\nsource_table = log\ntarget_table = log\n"
		"; columns that may say what is new: made; without a key, rows that change would be"
		" doubled\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_of_a_database),
		cmocka_unit_test(files_of_a_directory),
		cmocka_unit_test(what_has_no_list),
		cmocka_unit_test(jobs_for_all_of_them),
	};

	return cmocka_run_group_tests_name("work/catalog", tests, dir_make, dir_remove);
}
