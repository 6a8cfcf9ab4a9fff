#include "unit/support.h"

#include "work/mssql_way.h"

#include <string.h>

static void the_first_way_that_nothing_is_against(void **state UNUSED)
{
	const char *against[MSSQL_WAYS] = {NULL};

	assert_int_equal(mssql_way_choose(against), MSSQL_SWITCH);
	against[MSSQL_TRUNCATE] = "x";
	assert_int_equal(mssql_way_choose(against), MSSQL_SWITCH);
	against[MSSQL_SWITCH] = "x";
	assert_int_equal(mssql_way_choose(against), MSSQL_RENAME);
	against[MSSQL_RENAME] = "x";
	assert_int_equal(mssql_way_choose(against), MSSQL_DELETE);
	against[MSSQL_DELETE] = "x";
	assert_int_equal(mssql_way_choose(against), MSSQL_WAYS);
}

static void check_plan(const struct mssql_ways *w, const struct mssql_engine *e, const char *expected)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	const char *said = mssql_way_plan(w, e, &a);

	if (!strstr(said, expected))
		fail_msg("'%s' is not in '%s'", expected, said);
}

static void a_plan_says_why_it_is_no_better_way(void **state UNUSED)
{
	struct mssql_engine e = {.recovery = "FULL"};
	struct mssql_ways w = {.way = MSSQL_DELETE, .against = {"it is partitioned", "publish = insert", "a key points to it"}};

	check_plan(&w, &e, "publishing: DELETE and INSERT: ");
	check_plan(&w, &e, "no SWITCH: it is partitioned; no RENAME: publish = insert; no TRUNCATE and INSERT: a key");
	check_plan(&w, &e, "wait until it is done (READ_COMMITTED_SNAPSHOT is off)");
	e.rcsi = true;
	check_plan(&w, &e, "see the old rows until it is done");
	w.way = MSSQL_TRUNCATE;
	check_plan(&w, &e, "the INSERT is fully logged");
	e.recovery = "SIMPLE";
	check_plan(&w, &e, "the INSERT is minimally logged");
}

static void logging_follows_the_recovery_model(void **state UNUSED)
{
	static const struct {
		const char *recovery, *said;
	} cases[] = {{"FULL", "fully logged"}, {"SIMPLE", "minimally logged"},
		{"BULK_LOGGED", "minimally logged"}, {NULL, "does not say"}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(arena_release) struct arena a = ARENA_INIT;
		struct mssql_engine e = {.recovery = cases[i].recovery};

		assert_non_null(strstr(mssql_heap_logging(&e, &a), cases[i].said));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_way_that_nothing_is_against),
		cmocka_unit_test(a_plan_says_why_it_is_no_better_way),
		cmocka_unit_test(logging_follows_the_recovery_model),
	};

	return cmocka_run_group_tests_name("work/mssql_way", tests, NULL, NULL);
}
