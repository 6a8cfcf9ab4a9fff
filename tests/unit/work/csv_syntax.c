#include "work/csv_syntax.h"

#include <string.h>

#include "unit/support.h"

static struct csv_format format = {TEST_CSV_FORMAT};

static const char *refused(const char *delimiter, const char *quote, const char *escape)
{
	static struct err err;
	struct csv_syntax syntax;

	format.delimiter = delimiter;
	format.quote = quote;
	format.escape = escape;
	format.max_field = 1;
	err_clear(&err);
	assert_int_equal(csv_syntax_of(&format, &syntax, &err), -1);
	assert_int_equal(err.code, ERR_CONFIG);
	return err.msg;
}

static void check(
	const char *delimiter, const char *quote, const char *escape, const char *expected)
{
	struct csv_syntax syntax;
	struct err err = ERR_INIT;

	format.delimiter = delimiter;
	format.quote = quote;
	format.escape = escape;
	format.max_field = 7;
	must(csv_syntax_of(&format, &syntax, &err), &err);
	assert_int_equal(syntax.delimiter, expected[0]);
	assert_int_equal(syntax.quote, expected[1] == '-' ? '\0' : expected[1]);
	assert_int_equal(syntax.escape, expected[2] == '-' ? '\0' : expected[2]);
	assert_int_equal(syntax.max_field, 7);
}

static void words_become_characters(void **state)
{
	(void)state;
	check(",", "\"", "doubled", ",\"-");
	check("\t", "'", "\\", "\t'\\");
	check(";", "none", "doubled", ";--");
	check(";", "none", "^", ";-^");
	check(",", "\"", "\"", ",\"-");
}

static void what_they_mean_together_is_checked(void **state)
{
	(void)state;
	assert_string_equal(refused("\n", "\"", "doubled"),
		"delimiter '\n' is not one ASCII character that is no line end");
	assert_string_equal(refused(",,", "\"", "doubled"),
		"delimiter ',,' is not one ASCII character that is no line end");
	assert_string_equal(refused(",", "ä", "doubled"),
		"quote 'ä' is not one ASCII character that is no line end");
	assert_string_equal(
		refused(",", "\"", ""), "escape '' is not one ASCII character that is no line end");
	assert_string_equal(refused(",", ",", "doubled"), "delimiter and quote are both ','");
	assert_string_equal(refused("\\", "\"", "\\"), "delimiter and escape are both '\\'");
}

static void fields_have_a_limit(void **state)
{
	struct csv_format f = {TEST_CSV_FORMAT, .max_field = 0};
	struct csv_syntax syntax;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(csv_syntax_of(&f, &syntax, &err), -1);
	check_err(&err, ERR_CONFIG, "max_field is not 1 to 1073741824 bytes");
	f.max_field = (int64_t)CSV_FIELD_MAX + 1;
	assert_int_equal(csv_syntax_of(&f, &syntax, &err), -1);
	f.max_field = CSV_FIELD_MAX;
	must(csv_syntax_of(&f, &syntax, &err), &err);
	assert_true(csv_has_header(&f));
	f.header = "no";
	assert_false(csv_has_header(&f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_become_characters),
		cmocka_unit_test(what_they_mean_together_is_checked),
		cmocka_unit_test(fields_have_a_limit),
	};

	return cmocka_run_group_tests_name("work/csv_syntax", tests, NULL, NULL);
}
