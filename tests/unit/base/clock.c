#include "base/clock.h"

#include <string.h>

#include "unit/support.h"

static const char *text(int64_t ms)
{
	static char out[CLOCK_TEXT_LEN + 1];

	clock_text(ms, out);
	return out;
}

static void writes_times(void **state)
{
	(void)state;
	assert_string_equal(text(0), "1970-01-01T00:00:00.000Z");
	assert_string_equal(text(1795421742123), "2026-11-23T08:15:42.123Z");
	assert_string_equal(text(951782400000), "2000-02-29T00:00:00.000Z");
	assert_string_equal(text(253402300799999), "9999-12-31T23:59:59.999Z");
	assert_string_equal(text(-1), "1969-12-31T23:59:59.999Z");
	assert_string_equal(text(-1000), "1969-12-31T23:59:59.000Z");
	assert_int_equal(strlen(text(INT64_MAX)), CLOCK_TEXT_LEN);
	assert_int_equal(strlen(text(INT64_MIN)), CLOCK_TEXT_LEN);
}

/* The example of RFC 9562 §A.6 has this time. */
static void uuid_is_version_7(void **state)
{
	int64_t now = 0x017F22E279B0;
	uint64_t seed = 1;
	const struct clock clock = TEST_CLOCK(&now);
	const struct rnd rnd = {.fill = rnd_seeded_fill, .arg = &seed};
	char uuid[UUID_TEXT_LEN + 1];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		uuid_make(&clock, &rnd, uuid);
		assert_int_equal(strlen(uuid), UUID_TEXT_LEN);
		assert_memory_equal(uuid, "017f22e2-79b0-7", 15);
		assert_non_null(strchr("89ab", uuid[19]));
		assert_int_equal(strspn(uuid, "0123456789abcdef-"), UUID_TEXT_LEN);
		assert_true(
			uuid[8] == '-' && uuid[13] == '-' && uuid[18] == '-' && uuid[23] == '-');
	}
}

static void uuids_are_ordered_by_time(void **state)
{
	char before[UUID_TEXT_LEN + 1] = "", uuid[UUID_TEXT_LEN + 1];
	int64_t now = 1795421742000;
	const struct clock clock = TEST_CLOCK(&now);

	(void)state;
	for (int i = 0; i < 1000; i++, now++) {
		uuid_make(&clock, &rnd_system, uuid);
		assert_true(strcmp(before, uuid) < 0);
		strcpy(before, uuid);
	}
}

static void seeded_chance_is_repeatable(void **state)
{
	uint64_t one = 42, same = 42, other = 43;
	uint8_t a[64], b[64], c[64];

	(void)state;
	rnd_seeded_fill(&one, a, sizeof(a));
	rnd_seeded_fill(&same, b, 10);
	rnd_seeded_fill(&same, b + 10, sizeof(b) - 10);
	rnd_seeded_fill(&other, c, sizeof(c));
	assert_memory_equal(a, b, sizeof(a));
	assert_memory_not_equal(a, c, sizeof(a));
}

static void the_system_has_both(void **state)
{
	const struct clock *c = &clock_system;
	int64_t start = c->monotonic(c->arg), t = start;
	uint8_t a[300] = {0}, b[300] = {0};

	(void)state;
	assert_true(c->wall(c->arg) > 1700000000000);
	for (int i = 0; i < 1000; i++) {
		int64_t now = c->monotonic(c->arg);

		assert_true(now >= t);
		t = now;
	}
	rnd_system.fill(rnd_system.arg, a, sizeof(a));
	rnd_system.fill(rnd_system.arg, b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_times),
		cmocka_unit_test(uuid_is_version_7),
		cmocka_unit_test(uuids_are_ordered_by_time),
		cmocka_unit_test(seeded_chance_is_repeatable),
		cmocka_unit_test(the_system_has_both),
	};

	return cmocka_run_group_tests_name("base/clock", tests, NULL, NULL);
}
