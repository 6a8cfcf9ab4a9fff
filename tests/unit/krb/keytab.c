#include "krb/keytab.h"

#include <string.h>

#include "unit/support.h"

/* svc@R, kvno 1, a key of type 18 that has 4 bytes */
static const uint8_t good[] = {5, 2, 0, 0, 0, 28 + 4, 0, 1, 0, 1, 'R', 0, 3, 's', 'v', 'c', 0, 0, 0, 1, 0, 0, 0, 0, 1,
	0, 18, 0, 4, 1, 2, 3, 4, 0, 0, 0, 1, 0};

static void whole(void **state)
{
	uint8_t hole[sizeof(good) + 6];

	(void)state;
	assert_true(keytab_is_whole(good, sizeof(good)));
	assert_true(keytab_is_whole(good, 2)); /* empty */
	memcpy(hole, good, sizeof(good));
	memcpy(hole + sizeof(good), (uint8_t[]){0xFF, 0xFF, 0xFF, 0xFE, 9, 9}, 6);
	assert_true(keytab_is_whole(hole, sizeof(hole)));
}

static void cut_anywhere(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(good); n++)
		if (n != 2)
			assert_false(keytab_is_whole(good, n));
}

static void other_things(void **state)
{
	uint8_t bad[sizeof(good)];

	(void)state;
	assert_false(keytab_is_whole((const uint8_t *)"\5\1", 2));
	assert_false(keytab_is_whole((const uint8_t *)"\5\2junk", 6));
	assert_false(keytab_is_whole((const uint8_t *)"\5\2\0\0\0\0", 6));
	assert_false(keytab_is_whole((const uint8_t *)"\5\2\x80\0\0\0", 6));
	memcpy(bad, good, sizeof(bad));
	bad[8] = 0xFF; /* a realm that is longer than all */
	assert_false(keytab_is_whole(bad, sizeof(bad)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole), cmocka_unit_test(cut_anywhere), cmocka_unit_test(other_things)};

	return cmocka_run_group_tests_name("krb/keytab", tests, NULL, NULL);
}
