#include "unit/support.h"

#include "work/progress.h"

#include <string.h>

static void check_line(
	const struct copy_progress *before, const struct copy_progress *now, const char *expected)
{
	char line[PROGRESS_LINE_MAX];

	progress_line("load", before, now, line, sizeof(line));
	assert_string_equal(line, expected);
}

static const struct copy_progress start;

static void before_the_first_row(void **state UNUSED)
{
	struct copy_progress now = {.phase = COPY_PREPARE, .elapsed_ms = 50, .total = 1000};

	check_line(&start, &now, "load  looking at the source");
}

static void rates_are_since_the_line_before(void **state UNUSED)
{
	struct copy_progress before = {
		.phase = COPY_LOAD, .rows = 1000, .bytes = 10000, .elapsed_ms = 1000};
	struct copy_progress now = {
		.phase = COPY_LOAD, .rows = 121000, .bytes = 12310000, .elapsed_ms = 2000};

	check_line(&before, &now, "load  121,000 rows  120,000 rows/s  12.3 MB/s");
}

static void a_known_size_gives_an_estimate(void **state UNUSED)
{
	struct copy_progress now = {
		.phase = COPY_LOAD, .rows = 4500, .bytes = 45, .total = 100, .elapsed_ms = 9000};

	check_line(&start, &now, "load  4,500 rows  500 rows/s  5 B/s  45%  11.0 s left");
}

static void no_estimate_in_the_first_second_or_at_the_end(void **state UNUSED)
{
	struct copy_progress first = {
		.phase = COPY_LOAD, .rows = 1, .bytes = 10, .total = 100, .elapsed_ms = 500};
	struct copy_progress last = {
		.phase = COPY_LOAD, .rows = 1, .bytes = 120, .total = 100, .elapsed_ms = 2000};

	check_line(&start, &first, "load  1 row  2 rows/s  20 B/s  10%");
	check_line(&start, &last, "load  1 row  0 rows/s  60 B/s  100%");
}

static void known_rows_give_one_too(void **state UNUSED)
{
	struct copy_progress now = {.phase = COPY_LOAD, .rows = 1, .expected = 4, .elapsed_ms = 1000};

	check_line(&start, &now, "load  1 row  1 rows/s  0 B/s  25%  3.0 s left");
}

static void the_slow_side_is_named(void **state UNUSED)
{
	struct copy_progress now = {.phase = COPY_LOAD, .elapsed_ms = 1000};

	now.wait_read_ms = 201;
	check_line(&start, &now, "load  0 rows  0 rows/s  0 B/s  waiting to read");
	now.wait_write_ms = 300;
	check_line(&start, &now, "load  0 rows  0 rows/s  0 B/s  waiting to write");
	now.wait_read_ms = now.wait_write_ms = 200;
	check_line(&start, &now, "load  0 rows  0 rows/s  0 B/s");
}

static void publishing_has_no_rate(void **state UNUSED)
{
	struct copy_progress now = {
		.phase = COPY_PUBLISH, .rows = 7, .bytes = 9, .total = 9, .elapsed_ms = 5000};

	check_line(&start, &now, "load  7 rows  publishing");
}

static void what_the_server_waits_for_is_last(void **state UNUSED)
{
	struct copy_progress now = {.phase = COPY_PUBLISH, .rows = 7, .elapsed_ms = 5000, .server = "LCK_M_X"};

	check_line(&start, &now, "load  7 rows  publishing  the server waits: LCK_M_X");
	now.phase = COPY_PREPARE;
	check_line(&start, &now, "load  looking at the source  the server waits: LCK_M_X");
	now.phase = COPY_LOAD;
	now.wait_write_ms = 5000;
	check_line(&start, &now, "load  7 rows  1 rows/s  0 B/s  waiting to write  the server waits: LCK_M_X");
}

static void no_time_is_no_division(void **state UNUSED)
{
	struct copy_progress now = {.phase = COPY_LOAD, .rows = 7, .bytes = 9};

	check_line(&start, &now, "load  7 rows  0 rows/s  0 B/s");
}

static void a_long_name_is_cut(void **state UNUSED)
{
	struct copy_progress now = {.phase = COPY_LOAD,
		.rows = UINT64_MAX,
		.bytes = UINT64_MAX,
		.total = 1,
		.elapsed_ms = 1};
	CLEANUP_FREE char *name = repeat('n', 1000);
	char line[PROGRESS_LINE_MAX];

	progress_line(name, &start, &now, line, sizeof(line));
	assert_int_equal(strlen(line), sizeof(line) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(before_the_first_row),
		cmocka_unit_test(rates_are_since_the_line_before),
		cmocka_unit_test(a_known_size_gives_an_estimate),
		cmocka_unit_test(no_estimate_in_the_first_second_or_at_the_end),
		cmocka_unit_test(known_rows_give_one_too),
		cmocka_unit_test(the_slow_side_is_named),
		cmocka_unit_test(publishing_has_no_rate),
		cmocka_unit_test(what_the_server_waits_for_is_last),
		cmocka_unit_test(no_time_is_no_division),
		cmocka_unit_test(a_long_name_is_cut),
	};

	return cmocka_run_group_tests_name("work/progress", tests, NULL, NULL);
}
