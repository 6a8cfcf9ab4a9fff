#include "job/lineage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void facts_are_kept_and_cut(void **state)
{
	struct lineage l = {{{0}}};
	char text[2 * LINEAGE_MAX + 2] = "";

	(void)state;
	assert_null(lineage_get(&l, LINEAGE_digest));
	lineage_set(&l, LINEAGE_digest, "abc");
	assert_string_equal(lineage_get(&l, LINEAGE_digest), "abc");
	lineage_set(&l, LINEAGE_digest, NULL);
	assert_null(lineage_get(&l, LINEAGE_digest));
	for (size_t i = 0; i < LINEAGE_MAX; i++)
		strcat(text, "ü");
	lineage_set(&l, LINEAGE_source_server, text); /* a character stands across the end */
	assert_int_equal(strlen(lineage_get(&l, LINEAGE_source_server)), LINEAGE_MAX - 2);
	lineage_set(&l, LINEAGE_source_server, text + 1);
	assert_int_equal(strlen(lineage_get(&l, LINEAGE_source_server)), LINEAGE_MAX - 1);
	assert_null(lineage_get(&l, LINEAGE_target_server));
}

static void names_are_those_of_columns(void **state)
{
	(void)state;
	assert_string_equal(lineage_name(LINEAGE_source_server), "source_server");
	assert_string_equal(lineage_name(LINEAGE_digest), "digest");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(facts_are_kept_and_cut),
		cmocka_unit_test(names_are_those_of_columns),
	};

	return cmocka_run_group_tests_name("job/lineage", tests, NULL, NULL);
}
