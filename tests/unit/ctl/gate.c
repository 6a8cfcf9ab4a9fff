#include "ctl/gate.h"

#include "unit/support.h"

struct answers {
	int asked, anew;
	bool bad;
};

static int ask(void *arg, bool anew, struct err *err)
{
	struct answers *a = arg;

	a->asked++;
	a->anew += anew;
	return a->bad ? err_set(err, ERR_NETWORK, "no KDC answers") : 0;
}

static void nobody_to_ask(void **state)
{
	struct gate g = {.ask = NULL};

	(void)state;
	assert_true(gate_is_open(&g, true, 0));
}

static void open_while_all_is_well(void **state)
{
	struct answers a = {.bad = false};
	struct gate g = {.ask = ask, .arg = &a};

	(void)state;
	assert_true(gate_is_open(&g, false, 0));
	assert_true(gate_is_open(&g, true, 1));
	assert_int_equal(a.asked, 2);
	assert_int_equal(a.anew, 1);
}

static void shut_until_it_goes_well(void **state)
{
	struct answers a = {.bad = true};
	struct gate g = {.ask = ask, .arg = &a};

	(void)state;
	assert_false(gate_is_open(&g, false, 0));
	a.bad = false;
	assert_false(gate_is_open(&g, true, GATE_PAUSE_MS - 1)); /* not asked in every round */
	assert_int_equal(a.asked, 1);
	assert_true(gate_is_open(&g, false, GATE_PAUSE_MS));
	assert_int_equal(a.anew, 1); /* what is in the cache is not enough to open it again */
	assert_true(gate_is_open(&g, false, GATE_PAUSE_MS + 1));
	assert_int_equal(a.anew, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(nobody_to_ask), cmocka_unit_test(open_while_all_is_well),
		cmocka_unit_test(shut_until_it_goes_well)};

	return cmocka_run_group_tests_name("ctl/gate", tests, NULL, NULL);
}
