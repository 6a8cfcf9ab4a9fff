#include "work/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "unit/support.h"

#define SAID_MAX (4u << 20)

struct fixture {
	struct output *o;
	struct buf said;
	size_t cost, lines;
};

static void take(void *arg, enum log_level level, const char *line)
{
	struct fixture *f = arg;

	buf_printf(&f->said, "%s ", level == LOG_WARN ? "err" : "out");
	buf_adds(&f->said, line);
	buf_addc(&f->said, '\n');
	f->cost += strlen(line) + OUTPUT_LINE_COST;
	f->lines++;
}

static int setup(void **state)
{
	struct fixture *f = mem_alloc(sizeof(*f));

	buf_init(&f->said, SAID_MAX);
	f->o = output_new(take, f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	output_free(f->o);
	buf_release(&f->said);
	free(f);
	return 0;
}

static void out(struct fixture *f, const char *text)
{
	output_add(f->o, OUTPUT_STDOUT, text, strlen(text));
}

static void errs(struct fixture *f, const char *text)
{
	output_add(f->o, OUTPUT_STDERR, text, strlen(text));
}

static void lines_are_put_together(void **state)
{
	struct fixture *f = *state;

	out(f, "on");
	errs(f, "warn");
	out(f, "e\ntwo\r\n\nthr");
	assert_string_equal(buf_str(&f->said), "out one\nout two\nout \n");
	errs(f, "ing\n");
	output_end(f->o);
	assert_string_equal(buf_str(&f->said), "out one\nout two\nout \nerr warning\nout thr\n");
	assert_int_equal(output_lines(f->o), 5);
}

static void every_cut_gives_the_same(void **state)
{
	struct fixture *f = *state;
	static const char text[] = "a\r\n\nbc\xc3\xa4\nlonger line\nend";
	const char *expected = "out a\nout \nout bc\xc3\xa4\nout longer line\nout end\n";

	for (size_t step = 1; step < sizeof(text); step++) {
		for (size_t at = 0; at < sizeof(text) - 1; at += step)
			output_add(f->o, OUTPUT_STDOUT, text + at,
				at + step < sizeof(text) ? step : sizeof(text) - 1 - at);
		output_end(f->o);
		assert_string_equal(buf_str(&f->said), expected);
		buf_reset(&f->said);
	}
}

static void the_last_error_is_remembered(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(output_last_error(f->o), "");
	errs(f, "first\nsecond\n \t\n\n");
	out(f, "third\n");
	assert_string_equal(output_last_error(f->o), "second");
	errs(f, "no end");
	output_end(f->o);
	assert_string_equal(output_last_error(f->o), "no end");
}

static void long_lines_are_split(void **state)
{
	struct fixture *f = *state;

	for (size_t n = OUTPUT_LINE_MAX - 1; n < OUTPUT_LINE_MAX + 6; n++) {
		CLEANUP_FREE char *line = repeat('x', n);
		size_t rest = n > OUTPUT_LINE_MAX ? n - OUTPUT_LINE_MAX : 0;

		f->lines = 0;
		buf_reset(&f->said);
		out(f, line);
		out(f, "\n");
		assert_int_equal(f->lines, rest ? 2 : 1);
		assert_int_equal(f->said.len, n + 5 + (rest ? 5 : 0));
		assert_int_equal(f->said.data[4 + n - rest], '\n');
	}
}

/* Two bytes a character behind one of one: the limit falls within a character. */
static void no_character_is_split(void **state)
{
	struct fixture *f = *state;

	out(f, "x");
	for (int i = 0; i < OUTPUT_LINE_MAX; i++)
		out(f, "\xc3\xa4");
	output_end(f->o);
	assert_int_equal(f->lines, 3);
	assert_int_equal(f->said.data[4 + OUTPUT_LINE_MAX - 1], '\n');
	assert_memory_equal(f->said.data + 4 + OUTPUT_LINE_MAX, "out \xc3\xa4", 6);
}

static void bytes_that_are_no_text(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *continuing = repeat('\x80', 3 * OUTPUT_LINE_MAX);

	output_add(f->o, OUTPUT_STDOUT, "a\0b\0\n", 5);
	assert_string_equal(buf_str(&f->said), "out a?b?\n");
	out(f, continuing);
	out(f, "\n");
	assert_int_equal(f->lines, 4);
}

static void fill(struct fixture *f, unsigned from, unsigned to)
{
	char line[32];

	for (unsigned i = from; i < to; i++) {
		snprintf(line, sizeof(line), "%08u\n", i);
		out(f, line);
	}
}

#define COST  (8 + OUTPUT_LINE_COST)
#define FIRST (OUTPUT_STORED_MAX / COST)
#define LAST  (OUTPUT_TAIL_MAX / COST)

static void what_fits_is_all_there(void **state)
{
	struct fixture *f = *state;

	fill(f, 0, FIRST);
	assert_int_equal(f->lines, FIRST);
	fill(f, FIRST, FIRST + LAST);
	assert_int_equal(f->lines, FIRST);
	output_end(f->o);
	assert_int_equal(f->lines, FIRST + LAST);
	for (unsigned i = 0; i < FIRST + LAST; i++) {
		char line[32];

		snprintf(line, sizeof(line), "out %08u\n", i);
		assert_memory_equal(f->said.data + 13 * i, line, 13);
	}
}

static void of_too_much_the_ends_are_kept(void **state)
{
	struct fixture *f = *state;
	char between[200];

	fill(f, 0, FIRST + LAST + 1000);
	errs(f, "failed\n");
	output_end(f->o);
	assert_true(f->cost <= OUTPUT_STORED_MAX + OUTPUT_TAIL_MAX + 200);
	/* "failed" costs two bytes less than a line, and takes the room of one: 1001 are missing */
	snprintf(between, sizeof(between),
		"out %08u\nerr 9,009 bytes of output were not kept between the line above and the "
		"one below\nout %08u\n",
		FIRST - 1, FIRST + 1001);
	assert_non_null(strstr(buf_str(&f->said), between));
	assert_non_null(strstr(buf_str(&f->said), "\nerr failed\n"));
	assert_string_equal(f->said.data + f->said.len - strlen("err failed\n"), "err failed\n");
}

static void blank_lines_count_too(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < 100000; i++)
		out(f, "\n");
	output_end(f->o);
	assert_int_equal(output_lines(f->o), 100000);
	assert_int_equal(f->lines,
		OUTPUT_STORED_MAX / OUTPUT_LINE_COST + OUTPUT_TAIL_MAX / OUTPUT_LINE_COST + 1);
}

/* A pipe that is never silent: what is kept does not grow. */
static void a_long_output_is_bounded(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *block = repeat('y', 1u << 20);

	for (unsigned i = 0; i < 100; i++)
		output_add(f->o, OUTPUT_STDERR, block, 1u << 20);
	output_end(f->o);
	assert_true(f->cost <= OUTPUT_STORED_MAX + OUTPUT_TAIL_MAX + 200);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lines_are_put_together),
		TEST(every_cut_gives_the_same),
		TEST(the_last_error_is_remembered),
		TEST(long_lines_are_split),
		TEST(no_character_is_split),
		TEST(bytes_that_are_no_text),
		TEST(what_fits_is_all_there),
		TEST(of_too_much_the_ends_are_kept),
		TEST(blank_lines_count_too),
		TEST(a_long_output_is_bounded),
	};

	return cmocka_run_group_tests_name("work/output", tests, NULL, NULL);
}
