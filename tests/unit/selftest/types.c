#include "unit/support.h"

#include "selftest/types.h"

#include <string.h>

#include "tds/type.h"

static const struct selftest_type *find(const char *declared)
{
	for (size_t i = 0; i < n_selftest_types; i++)
		if (strcmp(selftest_type_table[i].declared, declared) == 0)
			return &selftest_type_table[i];
	return NULL;
}

/* Every type that the row form has (tds/type.c) is tried, in all scales where a scale changes the bytes. */
static void nothing_is_missing(void **state)
{
	static const char *const wanted[] = {"bit", "tinyint", "smallint", "int", "bigint", "real", "float", "smallmoney",
		"money", "date", "smalldatetime", "datetime", "uniqueidentifier", "varchar(max)", "nvarchar(max)",
		"varbinary(max)", "text", "ntext", "image", "xml", "sql_variant", "json", "hierarchyid", "geometry",
		"geography"};
	struct arena a = ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		assert_non_null(find(wanted[i]));
	for (int scale = 0; scale <= 7; scale++) {
		assert_non_null(find(arena_printf(&a, "time(%d)", scale)));
		assert_non_null(find(arena_printf(&a, "datetime2(%d)", scale)));
	}
	arena_release(&a);
}

static void each_once_with_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_selftest_types; i++) {
		assert_ptr_equal(find(selftest_type_table[i].declared), &selftest_type_table[i]);
		assert_non_null(selftest_type_table[i].values[0]);
		assert_string_not_equal(selftest_type_table[i].values[0], "NULL");
	}
}

static void a_table_of_one(void **state)
{
	struct arena a = ARENA_INIT;

	(void)state;
	assert_string_equal(selftest_type_sql(find("bit"), "s.t", &a),
		"CREATE TABLE s.t (id int NOT NULL PRIMARY KEY, v bit NULL, w bit NOT NULL);\n"
		"INSERT INTO s.t VALUES (0, NULL, 1);\n"
		"INSERT INTO s.t VALUES (1, 1, 0);\n"
		"INSERT INTO s.t VALUES (2, 0, 1);\n");
	arena_release(&a);
}

static void a_table_of_all(void **state)
{
	struct arena a = ARENA_INIT;
	bool *which = arena_array(&a, n_selftest_types, sizeof(*which));
	const char *sql;

	(void)state;
	which[0] = which[2] = true;
	assert_string_equal(selftest_all_columns(which, &a), "id, [at], c0, c2");
	sql = selftest_all_sql(which, "s.t", &a);
	assert_non_null(strstr(sql, "rv rowversion, c0 bit NULL, c2 smallint NULL);\n"));
	assert_non_null(strstr(sql, "VALUES (0, DATEADD(second, 0, '2024-02-29'), NULL, NULL);\n"));
	assert_non_null(strstr(sql, "VALUES (3, DATEADD(second, 3, '2024-02-29'), NULL, 0);\n"));
	assert_non_null(strstr(sql, "VALUES (7, DATEADD(second, 7, '2024-02-29'), 1, -32768);\n"));
	assert_null(strstr(sql, "VALUES (8,"));
	arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_missing),
		cmocka_unit_test(each_once_with_values),
		cmocka_unit_test(a_table_of_one),
		cmocka_unit_test(a_table_of_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
