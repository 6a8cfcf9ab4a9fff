#include "job/run.h"

#include <string.h>

#include "unit/support.h"

static void names_are_read_back(void **state)
{
	(void)state;
	for (int i = 0; i < RUN_STATE_COUNT; i++)
		assert_int_equal(run_state_parse(run_state_name((enum run_state)i)), i);
	assert_string_equal(run_state_name(RUN_TIMED_OUT), "timed_out");
	assert_int_equal(run_state_parse("Running"), RUN_STATE_COUNT);
	assert_int_equal(run_state_parse(""), RUN_STATE_COUNT);
}

/* docs/design.md §3, as a table: from (row) to (column), in the order of RUN_STATES. */
static void transitions_are_these_and_no_others(void **state)
{
	static const char *const table[RUN_STATE_COUNT] = {
		[RUN_WAITING] = ".x....x..",
		[RUN_QUEUED] = "x.x...x..",
		[RUN_STARTING] = ".x.x.....",
		[RUN_RUNNING] = ".x..xxxxx",
		[RUN_SUCCEEDED] = ".........",
		[RUN_FAILED] = ".........",
		[RUN_CANCELLED] = "....x....",
		[RUN_TIMED_OUT] = ".........",
		[RUN_UNKNOWN] = ".........",
	};

	(void)state;
	for (int from = 0; from < RUN_STATE_COUNT; from++)
		for (int to = 0; to < RUN_STATE_COUNT; to++)
			assert_int_equal(run_may((enum run_state)from, (enum run_state)to),
				table[from][to] == 'x');
}

/* But for what a store that was put back did not know. */
static void no_way_leads_out_of_an_end(void **state)
{
	(void)state;
	for (int from = 0; from < RUN_STATE_COUNT; from++) {
		bool way = false;

		for (int to = 0; to < RUN_STATE_COUNT; to++)
			if (from != RUN_CANCELLED || to != RUN_SUCCEEDED)
				way |= run_may((enum run_state)from, (enum run_state)to);
		assert_int_equal(way, !run_state_final((enum run_state)from));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_read_back),
		cmocka_unit_test(transitions_are_these_and_no_others),
		cmocka_unit_test(no_way_leads_out_of_an_end),
	};

	return cmocka_run_group_tests_name("job/run", tests, NULL, NULL);
}
