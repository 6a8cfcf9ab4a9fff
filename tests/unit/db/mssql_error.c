#include "db/mssql_error.h"

#include <string.h>

#include "unit/support.h"

static void check(int32_t number, uint8_t severity, enum err_code code, bool fatal)
{
	struct mssql_meaning m = mssql_error_meaning(number, severity);

	assert_int_equal(m.code, code);
	assert_int_equal(m.fatal, fatal);
}

static void what_passes_is_tried_again(void **state)
{
	static const int32_t passing[] = {1205, 1222, 3960, 40613, 40197, 40501, 10928, 10054, 233, 64, 18401, 983};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(passing); i++)
		assert_true(err_retryable(mssql_error_meaning(passing[i], 16).code));
	check(1205, 13, ERR_BUSY, false);
	check(40613, 17, ERR_NETWORK, true);
}

static void what_does_not_is_not(void **state)
{
	static const int32_t lasting[] = {18456, 4060, 229, 2627, 515, 8152, 102, 207, 208};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lasting); i++)
		assert_false(err_retryable(mssql_error_meaning(lasting[i], 14).code));
	check(18456, 14, ERR_AUTH, true);
	check(2627, 14, ERR_DATA, false);
	assert_int_equal(mssql_error_meaning(4060, 11).layer, MSSQL_LAYER_DATABASE);
	assert_int_equal(mssql_error_meaning(18456, 14).layer, MSSQL_LAYER_LOGIN);
}

static void others_by_their_severity(void **state)
{
	(void)state;
	check(102, 15, ERR_CONFIG, false);
	check(50000, 16, ERR_CONFIG, false);
	check(823, 24, ERR_STORE, true);
	check(701, 17, ERR_STORE, false);
}

static void an_error_says_where(void **state)
{
	struct mssql_message m = {.number = 208, .severity = 16, .state = 1, .line = 3,
		.text = "Invalid object name 'x'.", .server = "SQL01", .procedure = "dbo.p"};
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(mssql_error_set(&m, "host", &err), -1);
	check_err(&err, ERR_NOT_FOUND,
		"Invalid object name 'x'. (error 208, severity 16, state 1, procedure dbo.p, line 3, server SQL01)");
	m.line = 0;
	m.procedure = m.server = "";
	m.number = 1222;
	err_clear(&err);
	assert_int_equal(mssql_error_set(&m, "host", &err), -1);
	check_err(&err, ERR_BUSY, "Invalid object name 'x'. (error 1222, severity 16, state 1, server host)");
	assert_non_null(strstr(err.hint, "lock_timeout"));
}

static void masked(int32_t number, const char *text, const char *shown, const char *value)
{
	const struct mssql_message m = {.number = number, .severity = 14, .state = 1, .text = text, .server = "S",
		.procedure = ""};
	struct err err = ERR_INIT;

	assert_int_equal(mssql_error_set(&m, "", &err), -1);
	assert_string_equal(err.value, value);
	err_settle_value(&err, false);
	assert_non_null(strstr(err.msg, shown));
	assert_true(!*value || !strstr(err.msg, value));
}

static void quoted_values_are_kept_apart(void **state)
{
	(void)state;
	masked(2627, "Cannot insert duplicate key in object 'dbo.t'. The duplicate key value is (7, Meier (Ulm)).",
		"in object 'dbo.t'. The duplicate key value is (the value).", "7, Meier (Ulm)");
	masked(245, "Conversion failed when converting the varchar value 'it's' to data type int.",
		"the varchar value 'the value' to data type int.", "it's");
	masked(2628, "String would be truncated in table 't', column 'c'. Truncated value: 'Mei'.",
		"column 'c'. Truncated value: 'the value'.", "Mei");
	masked(2627, "a text of another language", "a text of another language", "");
	masked(547, "The INSERT statement conflicted", "The INSERT statement conflicted", "");
}

static void layers_and_reasons_have_words(void **state)
{
	(void)state;
	assert_string_equal(mssql_layer_name(MSSQL_LAYER_TLS), "tls");
	assert_string_equal(mssql_layer_name(MSSQL_LAYER_DATABASE), "database");
	assert_string_equal(mssql_login_reason(8), "the password is wrong");
	assert_null(mssql_login_reason(1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_passes_is_tried_again),
		cmocka_unit_test(what_does_not_is_not),
		cmocka_unit_test(others_by_their_severity),
		cmocka_unit_test(an_error_says_where),
		cmocka_unit_test(quoted_values_are_kept_apart),
		cmocka_unit_test(layers_and_reasons_have_words),
	};

	return cmocka_run_group_tests_name("db/mssql_error", tests, NULL, NULL);
}
