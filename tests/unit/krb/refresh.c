#include "krb/refresh.h"

#include "unit/support.h"

static void half_of_its_life_and_a_bit(void **state)
{
	(void)state;
	assert_int_equal(refresh_at(1000, 37000, 0), 19000);
	assert_int_equal(refresh_at(1000, 37000, 999), 19000 + 3596);
	assert_int_equal(refresh_at(1000, 1000, 500), 1000);
	assert_int_equal(refresh_at(1000, 900, 500), 1000); /* a clock that went back */
}

static void pauses_grow(void **state)
{
	(void)state;
	assert_int_equal(refresh_backoff_ms(1, 0), 1000);
	assert_int_equal(refresh_backoff_ms(2, 0), 2000);
	assert_int_equal(refresh_backoff_ms(6, 0), 32000);
	assert_int_equal(refresh_backoff_ms(7, 0), 60000);
	assert_int_equal(refresh_backoff_ms(4000000000u, 0), 60000);
	for (unsigned chance = 0; chance < 1000; chance++) {
		assert_true(refresh_backoff_ms(7, chance) > 45000);
		assert_true(refresh_backoff_ms(7, chance) <= 60000);
	}
}

static void a_login_takes_seconds(void **state)
{
	(void)state;
	assert_true(refresh_serves(100, 98));
	assert_false(refresh_serves(100, 99));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(half_of_its_life_and_a_bit),
		cmocka_unit_test(pauses_grow), cmocka_unit_test(a_login_takes_seconds)};

	return cmocka_run_group_tests_name("krb/refresh", tests, NULL, NULL);
}
