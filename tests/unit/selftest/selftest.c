#include "unit/support.h"

#include "selftest/selftest.h"

static struct attempt_signals signals;

static int run(const struct connection *c, const char *only, struct err *err)
{
	struct arena a = ARENA_INIT;
	struct settings settings = {.n_connections = 0};
	struct selftest_order order = {.settings = &settings, .connection = c, .only = only, .actor = "test", .signals = &signals};
	struct selftest_report report;
	int rc = selftest_run(&order, &a, &report, err);

	arena_release(&a);
	return rc;
}

/* Nothing is begun for an order that makes no sense; what is done at a server, tests/integration says. */
static void orders_are_checked(void **state)
{
	const struct connection file = {.name = "raw", .driver = DRIVER_CSV}, server = {.name = "dw", .driver = DRIVER_MSSQL};
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(run(&file, NULL, &err), -1);
	check_err(&err, ERR_CONFIG, "connection 'raw' is no SQL Server");
	assert_int_equal(run(&server, "typ", &err), -1);
	check_err(&err, ERR_CONFIG, "there is no area 'typ' of checks, did you mean 'type'?");
}

static void states_are_counted(void **state)
{
	struct selftest_finding v[] = {{.state = SELFTEST_OK}, {.state = SELFTEST_FAILED}, {.state = SELFTEST_OK}};
	const struct selftest_report r = {.v = v, .n = ARRAY_LEN(v)};

	(void)state;
	assert_int_equal(selftest_count(&r, SELFTEST_OK), 2);
	assert_int_equal(selftest_count(&r, SELFTEST_FAILED), 1);
	assert_int_equal(selftest_count(&r, SELFTEST_SKIPPED), 0);
	assert_string_equal(selftest_state_name(SELFTEST_SKIPPED), "skipped");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(orders_are_checked),
		cmocka_unit_test(states_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
