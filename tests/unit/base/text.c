#include "base/text.h"

#include <string.h>

#include "unit/support.h"

static const char *nearest(const char *name, const char *a, const char *b)
{
	const char *const known[] = {a, b};

	return text_nearest(name, known, ARRAY_LEN(known));
}

static void finds_the_nearest_name(void **state)
{
	(void)state;
	assert_string_equal(nearest("plains", "planes", "weather"), "planes");
	assert_string_equal(nearest("PLANES", "weather", "planes"), "planes");
	assert_string_equal(nearest("lpanes", "planes", "weather"), "planes"); /* one swap */
	assert_string_equal(nearest("plane", "planes", "weather"), "planes");
	assert_string_equal(
		nearest("pool", "poll", "tool"), "poll"); /* of two as near: the first */
	assert_string_equal(nearest("x", "y", "zz"), "y");
	assert_null(nearest("weather", "planes", "airports"));
	assert_null(nearest("", "a", "b"));
	assert_null(nearest("planes", NULL, NULL));
	assert_null(text_nearest("planes", NULL, 0));
}

/* A third of the name's length, rounded up. */
static void names_too_far_are_not_offered(void **state)
{
	(void)state;
	assert_non_null(nearest("abcdef", "abcdxy", "-"));
	assert_null(nearest("abcdef", "abcxyz", "-"));
	assert_non_null(nearest("abc", "abx", "-"));
	assert_null(nearest("abc", "axx", "----"));
}

static void long_names_are_not_compared(void **state)
{
	CLEANUP_FREE char *longest = repeat('x', 64), *longer = repeat('x', 65);

	(void)state;
	assert_string_equal(nearest(longest, longer, longest), longest);
	assert_null(nearest(longer, longer, longest));
}

static void parses_whole_numbers(void **state)
{
	static const char *const bad[] = {"", "-", "+1", " 1", "1 ", "1.0", "1e3", "0x10", "--1",
		"9223372036854775808", "-9223372036854775809", "one"};
	int64_t v = 42;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(text_parse_int(bad[i], &v), -1);
	assert_int_equal(v, 42);
	assert_int_equal(text_parse_int("-7", &v), 0);
	assert_int_equal(v, -7);
	assert_int_equal(text_parse_int("007", &v), 0);
	assert_int_equal(v, 7);
	assert_int_equal(text_parse_int("9223372036854775807", &v), 0);
	assert_true(v == INT64_MAX);
	assert_int_equal(text_parse_int("-9223372036854775808", &v), 0);
	assert_true(v == INT64_MIN);
}

static void parses_yes_and_no(void **state)
{
	static const char *const yes[] = {"yes", "true", "on", "1", "YES", "True"};
	static const char *const no[] = {"no", "false", "off", "0", "Off"};
	static const char *const bad[] = {"", "y", "yes ", "2", "ja"};
	bool v;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		v = false;
		assert_int_equal(text_parse_bool(yes[i], &v), 0);
		assert_true(v);
	}
	for (size_t i = 0; i < ARRAY_LEN(no); i++) {
		v = true;
		assert_int_equal(text_parse_bool(no[i], &v), 0);
		assert_false(v);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(text_parse_bool(bad[i], &v), -1);
}

struct unit_case {
	const char *text;
	int64_t value;
};

static void parses_durations(void **state)
{
	static const struct unit_case good[] = {{"500ms", 500}, {"5s", 5000}, {"10m", 600000},
		{"2h", 7200000}, {"1d", 86400000}, {"0s", 0}, {"5 s", 5000}, {"5S", 5000},
		{"9223372036854775807ms", INT64_MAX}, {"106751991167d", 9223372036828800000}};
	static const char *const bad[] = {"", "5", "s", "5 sec", "-5s", "1.5s", "5s ", " 5s", "5ss",
		"9223372036854775808ms", "106751991168d"};
	int64_t v = 42;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(text_parse_duration(bad[i], &v), -1);
	assert_int_equal(v, 42);
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_int_equal(text_parse_duration(good[i].text, &v), 0);
		assert_true(v == good[i].value);
	}
}

static void parses_sizes(void **state)
{
	static const struct unit_case good[] = {{"4096", 4096}, {"64KiB", 65536},
		{"16MiB", 16777216}, {"1GiB", 1073741824}, {"0", 0}, {"16 mib", 16777216},
		{"8589934591GiB", INT64_MAX / (1 << 30) * (1 << 30)}};
	static const char *const bad[] = {
		"", "KiB", "16MB", "16k", "-1", "1.5MiB", "0x10", "8589934592GiB"};
	int64_t v = 42;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(text_parse_size(bad[i], &v), -1);
	assert_int_equal(v, 42);
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_int_equal(text_parse_size(good[i].text, &v), 0);
		assert_true(v == good[i].value);
	}
}

static void what_is_printed_is_read_back(void **state)
{
	static const int64_t values[] = {0, 1, 999, 1000, 1500, 60000, 61000, 3600000, 86400000,
		90000000, 1024, 1025, 65536, 1 << 20, 1 << 30, (1 << 30) + 1, INT64_MAX};
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	int64_t v = -1;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		assert_int_equal(text_parse_duration(text_print_duration(values[i], &a), &v), 0);
		assert_true(v == values[i]);
		assert_int_equal(text_parse_size(text_print_size(values[i], &a), &v), 0);
		assert_true(v == values[i]);
	}
	assert_string_equal(text_print_duration(90000000, &a), "25h");
	assert_string_equal(text_print_duration(0, &a), "0s");
	assert_string_equal(text_print_size(16 << 20, &a), "16MiB");
	assert_string_equal(text_print_size(0, &a), "0");
}

static void counts_for_people(void **state)
{
	char out[32];

	(void)state;
	assert_string_equal(text_count(0, out, sizeof(out)), "0");
	assert_string_equal(text_count(999, out, sizeof(out)), "999");
	assert_string_equal(text_count(1000, out, sizeof(out)), "1,000");
	assert_string_equal(text_count(3322, out, sizeof(out)), "3,322");
	assert_string_equal(text_count(1234567, out, sizeof(out)), "1,234,567");
	assert_string_equal(text_count(UINT64_MAX, out, sizeof(out)), "18,446,744,073,709,551,615");
	assert_string_equal(text_plural(0, "row", out, sizeof(out)), "0 rows");
	assert_string_equal(text_plural(1, "row", out, sizeof(out)), "1 row");
	assert_string_equal(text_plural(3322, "row", out, sizeof(out)), "3,322 rows");
}

static void sizes_and_times_for_people(void **state)
{
	char out[32];

	(void)state;
	assert_string_equal(text_bytes(0, out, sizeof(out)), "0 B");
	assert_string_equal(text_bytes(999, out, sizeof(out)), "999 B");
	assert_string_equal(text_bytes(1000, out, sizeof(out)), "1.0 kB");
	assert_string_equal(text_bytes(999949, out, sizeof(out)), "999.9 kB");
	assert_string_equal(text_bytes(999950, out, sizeof(out)), "1.0 MB");
	assert_string_equal(text_bytes(1234567, out, sizeof(out)), "1.2 MB");
	assert_string_equal(text_bytes(UINT64_MAX, out, sizeof(out)), "18446.7 PB");
	assert_string_equal(text_elapsed(0, out, sizeof(out)), "0 ms");
	assert_string_equal(text_elapsed(999, out, sizeof(out)), "999 ms");
	assert_string_equal(text_elapsed(1000, out, sizeof(out)), "1.0 s");
	assert_string_equal(text_elapsed(12345, out, sizeof(out)), "12.3 s");
	assert_string_equal(text_elapsed(59999, out, sizeof(out)), "59.9 s");
	assert_string_equal(text_elapsed(60000, out, sizeof(out)), "1m 00s");
	assert_string_equal(text_elapsed(200000, out, sizeof(out)), "3m 20s");
	assert_string_equal(text_elapsed(3600000, out, sizeof(out)), "1h 00m");
	assert_string_equal(text_elapsed(90061000, out, sizeof(out)), "25h 01m");
}

/* Exactly enough room is enough, less is never overrun. */
static void room_is_respected(void **state)
{
	char out[32];

	(void)state;
	for (size_t size = 1; size <= 10; size++) {
		memset(out, '#', sizeof(out));
		text_count(1234567, out, size);
		assert_true(strlen(out) < size);
		assert_int_equal(out[size], '#');
		text_bytes(1234567, out, size);
		text_elapsed(12345, out, size);
		text_plural(1234567, "row", out, size);
		assert_int_equal(out[size], '#');
	}
	assert_string_equal(text_count(1234567, out, 10), "1,234,567");
	assert_string_equal(text_count(999, out, 4), "999");
	assert_string_equal(text_bytes(1234567, out, 7), "1.2 MB");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_nearest_name),
		cmocka_unit_test(names_too_far_are_not_offered),
		cmocka_unit_test(long_names_are_not_compared),
		cmocka_unit_test(parses_whole_numbers),
		cmocka_unit_test(parses_yes_and_no),
		cmocka_unit_test(parses_durations),
		cmocka_unit_test(parses_sizes),
		cmocka_unit_test(what_is_printed_is_read_back),
		cmocka_unit_test(counts_for_people),
		cmocka_unit_test(sizes_and_times_for_people),
		cmocka_unit_test(room_is_respected),
	};

	return cmocka_run_group_tests_name("base/text", tests, NULL, NULL);
}
