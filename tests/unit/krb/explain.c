#include "krb/explain.h"

#include <string.h>

#include "unit/support.h"

static void each_number_has_words_and_a_remedy(void **state)
{
	static const int32_t numbers[] = {
#define X(name, number, library) name,
		KRB_ERRORS(X)
#undef X
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		struct err err = ERR_INIT;

		assert_int_equal(krb_explain(numbers[i], 0, "svc@R.ORG", "library", &err), -1);
		assert_non_null(strstr(err.msg, "'svc@R.ORG'"));
		assert_null(strstr(err.msg, "library"));
		assert_string_not_equal(err.hint, "");
	}
}

static void active_directory_knows_better(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	krb_explain(KRB_ERR_CLIENT_REVOKED, 0, "svc@R.ORG", NULL, &err);
	assert_string_equal(err.msg, "the account 'svc@R.ORG' is disabled, locked or expired");
	err_clear(&err);
	krb_explain(KRB_ERR_CLIENT_REVOKED, 0xC0000234, "svc@R.ORG", NULL, &err);
	assert_string_equal(err.msg, "the account 'svc@R.ORG' is locked");
	err_clear(&err);
	krb_explain(KRB_ERR_CLIENT_REVOKED, 0xC0FFEE00, "svc@R.ORG", NULL, &err); /* one that we do not know */
	assert_string_equal(err.msg, "the account 'svc@R.ORG' is disabled, locked or expired");
}

static void what_is_not_known_is_said_as_it_is(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	krb_explain(KRB_ERROR_BASE + 999, 0, "svc@R.ORG", "the moon is wrong", &err);
	assert_string_equal(err.msg, "Kerberos refuses 'svc@R.ORG': the moon is wrong (error -1765327385)");
	assert_int_equal(err.code, ERR_AUTH);
	err_clear(&err);
	krb_explain(7, 0, "svc@R.ORG", NULL, &err);
	assert_string_equal(err.msg, "Kerberos refuses 'svc@R.ORG': no reason given (error 7)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(each_number_has_words_and_a_remedy),
		cmocka_unit_test(active_directory_knows_better), cmocka_unit_test(what_is_not_known_is_said_as_it_is)};

	return cmocka_run_group_tests_name("krb/explain", tests, NULL, NULL);
}
