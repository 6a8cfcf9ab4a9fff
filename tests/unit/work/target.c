#include "work/target.h"

#include <stdio.h>
#include <string.h>

#include "tds/declare.h"
#include "unit/support.h"

static void a_target_for_each_driver_that_can(void **state)
{
	(void)state;
	assert_ptr_equal(target_find(DRIVER_SQLITE), &target_sqlite);
	assert_ptr_equal(target_find(DRIVER_CSV), &target_csv);
	assert_null(target_find((enum driver)99));
}

static void the_jobs_target_is_found_by_name(void **state)
{
	struct connection conns[] = {{.name = "dwh", .driver = DRIVER_SQLITE}};
	const struct settings settings = {.connections = conns, .n_connections = 1};
	struct job job = {.name = "load", .target = "dwh"};
	const struct connection *conn;
	const struct target_ops *ops;
	struct err err = ERR_INIT;

	(void)state;
	must(target_of(&settings, &job, &conn, &ops, &err), &err);
	assert_ptr_equal(conn, &conns[0]);
	assert_ptr_equal(ops, &target_sqlite);
	job.target = "dwhh";
	assert_int_equal(target_of(&settings, &job, &conn, &ops, &err), -1);
	assert_int_equal(err.code, ERR_CONFIG);
	assert_non_null(strstr(err.msg, "job 'load': target"));
	err_clear(&err);
	job.target = NULL;
	assert_int_equal(target_of(&settings, &job, &conn, &ops, &err), -1);
}

static void a_load_is_named_for_its_table(void **state)
{
	struct job job = {.name = "load", .target_table = "t"};
	const struct load load = {.job = &job};

	(void)state;
	assert_string_equal(load_name(&load), "t");
	job.target_table = "";
	assert_string_equal(load_name(&load), "load");
	job.target_table = NULL;
	assert_string_equal(load_name(&load), "load");
}

static void a_run_uid_becomes_a_files_name(void **state)
{
	static const char *const bad[] = {"", "../x", "a/b", "a.b", "a b", "ä"};
	struct load load = {.run_uid = "01a21e41-ccc3-7425-9fa0-3b2551ec946f"};
	CLEANUP_FREE char *long_one = repeat('a', 65);
	struct err err = ERR_INIT;

	(void)state;
	must(load_check(&load, &err), &err);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		load.run_uid = bad[i];
		assert_int_equal(load_check(&load, &err), -1);
		assert_int_equal(err.code, ERR_DATA);
		err_clear(&err);
	}
	load.run_uid = long_one;
	assert_int_equal(load_check(&load, &err), -1);
}

/* The names behind the map, "a, b"; or why not. */
static const char *mapped(const char *map)
{
	static char out[256];
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	const struct job job = {.column_map = map};
	const struct load load = {.job = &job};
	struct tds_columns cols, renamed;
	struct err err = ERR_INIT;

	must(tds_declare_parse("a int, b int, c int", &a, &cols, &err), &err);
	if (load_columns(&load, &cols, &a, &renamed, &err) < 0) {
		assert_int_equal(err.code, ERR_CONFIG);
		snprintf(out, sizeof(out), "%s", err.msg);
		return out;
	}
	assert_string_equal(cols.v[0].name, "a"); /* the source's stay what they are */
	snprintf(out, sizeof(out), "%s, %s, %s", renamed.v[0].name, renamed.v[1].name,
		renamed.v[2].name);
	return out;
}

static void columns_get_their_names_in_the_target(void **state)
{
	(void)state;
	assert_string_equal(mapped(NULL), "a, b, c");
	assert_string_equal(mapped("b x, A \"y z\""), "y z, x, c");
	assert_string_equal(mapped("a b, b a"), "b, a, c");
	assert_string_equal(mapped("d x"), "column_map: the source has no column 'd'");
	assert_string_equal(mapped("a b"), "column_map: two columns would be 'b' (case does not count)");
	assert_string_equal(mapped("a x, b X"),
		"column_map: two columns would be 'x' (case does not count)");
	assert_non_null(strstr(mapped("a"), "column_map"));
}

static void too_few_rows_do_not_replace_a_table(void **state)
{
	const struct job job = {.min_rows = 5};
	struct err err = ERR_INIT;

	(void)state;
	must(load_check_min_rows(&job, "table", 0, 0, &err), &err);
	must(load_check_min_rows(&job, "table", 7, 5, &err), &err);
	assert_int_equal(load_check_min_rows(&job, "table", 1, 4, &err), -1);
	check_err(&err, ERR_DATA,
		"4 rows of the source would replace a table that has rows (min_rows is 5)");
}

static void too_many_rows_do_not_go(void **state)
{
	struct job job = {.max_delete = "10%"};
	struct err err = ERR_INIT;

	(void)state;
	must(load_check_max_delete(&job, "file", 100, 10, &err), &err);
	must(load_check_max_delete(&job, "file", 100, -50, &err), &err);
	assert_int_equal(load_check_max_delete(&job, "file", 100, 11, &err), -1);
	check_err(&err, ERR_DATA, "11 of the file's 100 rows would go, and max_delete is 10%");
	err_clear(&err);
	job.max_delete = "many";
	assert_int_equal(load_check_max_delete(&job, "file", 100, 1, &err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_target_for_each_driver_that_can),
		cmocka_unit_test(the_jobs_target_is_found_by_name),
		cmocka_unit_test(a_load_is_named_for_its_table),
		cmocka_unit_test(a_run_uid_becomes_a_files_name),
		cmocka_unit_test(columns_get_their_names_in_the_target),
		cmocka_unit_test(too_few_rows_do_not_replace_a_table),
		cmocka_unit_test(too_many_rows_do_not_go),
	};

	return cmocka_run_group_tests_name("work/target", tests, NULL, NULL);
}
