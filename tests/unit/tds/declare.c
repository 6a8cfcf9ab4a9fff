#include "tds/declare.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void lists_are_read(void **state)
{
	struct arena a = ARENA_INIT;
	struct err err = ERR_INIT;
	struct tds_columns cols;

	(void)state;
	assert_int_equal(tds_declare_parse("tailnum text not null,\n\tprice decimal(18,2), "
					   "\"a \"\"b\"\", c\" int, [d]]e] date",
				 &a, &cols, &err),
		0);
	assert_int_equal(cols.n, 4);
	assert_string_equal(cols.v[0].name, "tailnum");
	assert_false(cols.v[0].nullable);
	assert_string_equal(cols.v[1].name, "price");
	assert_int_equal(cols.v[1].scale, 2);
	assert_string_equal(cols.v[2].name, "a \"b\", c");
	assert_int_equal(cols.v[2].type, TDS_INTN);
	assert_string_equal(cols.v[3].name, "d]e");
	assert_int_equal(cols.v[3].type, TDS_DATEN);
	assert_int_equal(tds_declare_parse("  ", &a, &cols, &err), 0);
	assert_int_equal(cols.n, 0);
	arena_release(&a);
}

static void mistakes_are_named(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{"a int, a date", "column 'a' stands twice"},
		{"a int, A date", "column 'A' stands twice"},
		{"a", "column 'a': the type is missing"},
		{"a int,", "a column is missing behind the last comma"},
		{"a int,,b int", "a column's name is missing before ',b int'"},
		{", a int", "a column's name is missing before ', a int'"},
		{"\"a int", "the quote before 'a int' is not closed"},
		{"[a int", "the quote before 'a int' is not closed"},
		{"\"\" int", "a column's name is missing before ' int'"},
		{"a intt", "column 'a': type 'intt' is not known"},
		{"a decimal(18,2", "column 'a': decimal takes (precision, scale): 1 to 38 digits, "
				   "at most all of them behind the point"},
	};
	struct arena a = ARENA_INIT;
	struct tds_columns cols;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;

		assert_int_equal(tds_declare_parse(cases[i].text, &a, &cols, &err), -1);
		assert_int_equal(err.code, ERR_CONFIG);
		assert_string_equal(err.msg, cases[i].message);
	}
	arena_release(&a);
}

static void the_list_is_bounded(void **state)
{
	struct arena a = ARENA_INIT;
	struct err err = ERR_INIT;
	struct tds_columns cols;
	char *text = arena_alloc(&a, (TDS_COLUMNS_MAX + 1) * 16 + 1);
	size_t len = 0;

	(void)state;
	for (int i = 0; i < TDS_COLUMNS_MAX; i++)
		len += (size_t)sprintf(text + len, "%sc%d int", i ? "," : "", i);
	assert_int_equal(tds_declare_parse(text, &a, &cols, &err), 0);
	assert_int_equal(cols.n, TDS_COLUMNS_MAX);
	strcpy(text + len, ",more int");
	assert_int_equal(tds_declare_parse(text, &a, &cols, &err), -1);
	assert_string_equal(err.msg, "more than 4096 columns");
	arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_are_read),
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(the_list_is_bounded),
	};

	return cmocka_run_group_tests_name("tds/declare", tests, NULL, NULL);
}
