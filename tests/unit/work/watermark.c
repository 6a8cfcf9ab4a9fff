#include "work/watermark.h"

#include <math.h>
#include <string.h>

#include "unit/support.h"

static struct db_value of_text(const char *s)
{
	return (struct db_value){.type = DB_TEXT, .s = {(const uint8_t *)s, strlen(s)}};
}

static void values_read_back(void **state)
{
	static const double reals[] = {0.1, -0.0, 1e300, 5e-324, 1700000000.123, 3.0, -1e22};
	static const int64_t ints[] = {0, INT64_MIN, INT64_MAX, -1};
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct err err = ERR_INIT;
	struct db_value back;
	const char *text;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(reals); i++) {
		must(watermark_print(
			     &(struct db_value){.type = DB_REAL, .r = reals[i]}, &a, &text, &err),
			&err);
		must(watermark_parse(text, true, &back, &err), &err);
		assert_int_equal(back.type, DB_REAL);
		assert_memory_equal(&back.r, &reals[i], sizeof(double));
	}
	for (size_t i = 0; i < ARRAY_LEN(ints); i++) {
		must(watermark_print(
			     &(struct db_value){.type = DB_INT, .i = ints[i]}, &a, &text, &err),
			&err);
		must(watermark_parse(text, true, &back, &err), &err);
		assert_int_equal(back.type, DB_INT);
		assert_true(back.i == ints[i]);
	}
	must(watermark_print(
		     &(struct db_value){.type = DB_TEXT, .s = {(const uint8_t *)"12345", 3}}, &a,
		     &text, &err),
		&err);
	assert_string_equal(text, "123");
	must(watermark_parse(text, false, &back, &err), &err);
	assert_int_equal(back.type, DB_TEXT);
	assert_int_equal(watermark_parse("x", true, &back, &err), -1);
	check_err(&err, ERR_DATA, "the last watermark 'x' is not a number, as the column is");
}

static void not_everything_is_one(void **state)
{
	static const struct db_value values[] = {{.type = DB_REAL, .r = INFINITY},
		{.type = DB_BLOB, .s = {(const uint8_t *)"x", 1}},
		{.type = DB_TEXT, .s = {(const uint8_t *)"a\0b", 3}}};
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	const char *text;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		struct err err = ERR_INIT;

		assert_int_equal(watermark_print(&values[i], &a, &text, &err), -1);
		assert_int_equal(err.code, ERR_DATA);
	}
}

static const char *before(struct db_value value, const char *lookback, struct arena *a)
{
	struct err err = ERR_INIT;
	struct db_value earlier;
	const char *text;

	if (watermark_before(&value, lookback, a, &earlier, &err) < 0) {
		assert_int_equal(err.code, ERR_CONFIG);
		err_settle_value(&err, true);
		return arena_strdup(a, err.msg);
	}
	must(watermark_print(&earlier, a, &text, &err), &err);
	return text;
}

static void numbers_go_back(void **state)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	const struct db_value i = {.type = DB_INT, .i = 1000}, r = {.type = DB_REAL, .r = 10.5};

	(void)state;
	assert_string_equal(before(i, "10", &a), "990");
	assert_string_equal(before(i, "0", &a), "1000");
	assert_string_equal(before(i, "0.5", &a), "999");
	assert_string_equal(before(i, "1e300", &a), "-9223372036854774807");
	assert_string_equal(before((struct db_value){.type = DB_INT, .i = INT64_MIN}, "10", &a),
		"-9223372036854775808");
	assert_string_equal(before(r, "10", &a), "0.5");
	assert_string_equal(before(r, "0.25", &a), "10.25");
	assert_string_equal(before(i, "-1", &a), "lookback = -1 is less than nothing");
	assert_string_equal(
		before(i, "15m", &a), "lookback = 15m is no number, and the watermark is one");
}

static void times_go_back(void **state)
{
	static const struct {
		const char *text, *lookback, *earlier;
	} cases[] = {
		{"2024-03-01", "1d", "2024-02-29"},
		{"2024-03-01", "15m", "2024-02-29"},
		{"2024-03-01", "0s", "2024-03-01"},
		{"2024-03-01T00:00:00", "1s", "2024-02-29T23:59:59"},
		{"2024-03-01 00:05", "10m", "2024-02-29 23:55"},
		{"2024-03-01 00:00:00.500", "1s", "2024-02-29 23:59:59.500"},
		{"2024-03-01T00:00:00.000Z", "1ms", "2024-02-29T23:59:59.999Z"},
		{"2024-03-01T00:00:00Z", "1ms", "2024-02-29T23:59:59Z"},
		{"2024-03-01T12:00:00.123456789Z", "2h", "2024-03-01T10:00:00.1234567Z"},
		{"2024-03-01T12:00:00+02:00", "1d", "2024-02-29T12:00:00+02:00"},
		{"2024-03-01T12:00+0200", "1d", "2024-02-29T12:00+0200"},
		{"0001-01-02", "1000000d", "0001-01-01"},
		{"2024-03-01T00:00:00.12345678Z", "0s", "2024-03-01T00:00:00.12345678Z"},
		{"2024-03-01", "100", "lookback = 100 is no duration, and the watermark is a text"},
		{"2024-03-01", "soon",
			"lookback = soon is no duration, and the watermark is a text"},
		{"2024-02-30", "1d",
			"lookback is a duration, and the watermark '2024-02-30' is no ISO 8601 "
			"date or time"},
		{"", "1d",
			"lookback is a duration, and the watermark '' is no ISO 8601 date or time"},
		{"x", "1d",
			"lookback is a duration, and the watermark 'x' is no ISO 8601 date or "
			"time"},
		{"2024-03-01T1", "1d",
			"lookback is a duration, and the watermark '2024-03-01T1' is no ISO 8601 "
			"date or "
			"time"},
		{"2024-03-01T12:00:00 UTC", "1d",
			"lookback is a duration, and the watermark '2024-03-01T12:00:00 UTC' is no "
			"ISO 8601 "
			"date or time"},
		{"20240301T120000", "1d",
			"lookback is a duration, and the watermark '20240301T120000' is no ISO "
			"8601 date or "
			"time"},
	};
	CLEANUP(arena_release) struct arena a = ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(
			before(of_text(cases[i].text), cases[i].lookback, &a), cases[i].earlier);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_read_back),
		cmocka_unit_test(not_everything_is_one),
		cmocka_unit_test(numbers_go_back),
		cmocka_unit_test(times_go_back),
	};

	return cmocka_run_group_tests_name("work/watermark", tests, NULL, NULL);
}
