#include "exec/kube_token.h"

#include "unit/support.h"

static void what_a_token_says(void **state)
{
	int64_t issued = -1, ends = -1;

	(void)state;
	/* {"iat":1700000000,"exp":1700003600,"x":"?>"} */
	assert_int_equal(kube_token_times("e30.eyJpYXQiOjE3MDAwMDAwMDAsImV4cCI6MTcwMDAwMzYwMCwieCI6Ij8-In0.s", &issued, &ends), 0);
	assert_true(issued == 1700000000);
	assert_true(ends == 1700003600);
	assert_int_equal(kube_token_times("e30.e30.s", &issued, &ends), 0);
	assert_true(issued == 0);
	assert_true(ends == 0);
}

static void what_is_no_token(void **state)
{
	static const char *const bad[] = {"", ".", "..", "a.b", "sha256~abc", "e30.!!.s", "e30.e3.s"};
	int64_t issued, ends;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(kube_token_times(bad[i], &issued, &ends), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(what_a_token_says), cmocka_unit_test(what_is_no_token)};

	return cmocka_run_group_tests_name("exec/kube_token", tests, NULL, NULL);
}
