#include "base/tail.h"

#include <stdlib.h>
#include <string.h>

#include "unit/support.h"

#define TEXT_MAX 100000

/* What is kept, and how much is not. */
static void check(const struct tail *t, const char *kept, uint64_t lost)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(TEXT_MAX);

	assert_int_equal(tail_text(t, &out), lost);
	assert_string_equal(buf_str(&out), kept);
}

static void keeps_all_that_fits(void **state)
{
	CLEANUP(tail_release) struct tail t = TAIL_INIT(10);

	(void)state;
	check(&t, "", 0);
	tail_add(&t, "", 0);
	check(&t, "", 0);
	tail_add(&t, "one\ntwo", 7);
	check(&t, "one\ntwo", 0);
	tail_add(&t, "\n34", 3);
	check(&t, "one\ntwo\n34", 0);
}

static void forgets_from_the_front_by_lines(void **state)
{
	CLEANUP(tail_release) struct tail t = TAIL_INIT(10);

	(void)state;
	tail_add(&t, "one\ntwo\n345", 11);
	check(&t, "two\n345", 4);
	tail_add(&t, "6789", 4);
	check(&t, "3456789", 8);
	tail_add(&t, "0abc", 4);
	check(&t, "4567890abc", 9); /* nothing but one line: its end */
	tail_add(&t, "\n", 1);
	check(&t, "567890abc\n", 10);
}

static void what_is_appended_to_stays(void **state)
{
	CLEANUP(tail_release) struct tail t = TAIL_INIT(6);
	CLEANUP(buf_release) struct buf out = BUF_INIT(TEXT_MAX), full = BUF_INIT(3);

	(void)state;
	tail_add(&t, "a\nb\nc\nd\n", 8);
	buf_adds(&out, "before: ");
	assert_int_equal(tail_text(&t, &out), 4);
	assert_string_equal(buf_str(&out), "before: c\nd\n");
	assert_int_equal(tail_text(&t, &full), 8);
	assert_true(full.overflow);
}

static void bytes_need_not_be_text(void **state)
{
	CLEANUP(tail_release) struct tail t = TAIL_INIT(4);
	CLEANUP(buf_release) struct buf out = BUF_INIT(TEXT_MAX);

	(void)state;
	tail_add(&t, "ab\0\xFF\n\0", 6);
	assert_int_equal(tail_text(&t, &out), 5);
	assert_int_equal(out.len, 1);
	assert_memory_equal(out.data, "\0", 1);
}

/* In pieces of all sizes, past several growths, against the same text in one piece. */
static void pieces_make_no_difference(void **state)
{
	enum { MAX = 10000, TOTAL = 50000 };
	CLEANUP_FREE char *text = mem_alloc(TOTAL + 1);

	(void)state;
	for (size_t i = 0; i < TOTAL; i++)
		text[i] = i % 7 == 6 ? '\n' : (char)('a' + i % 23);
	for (size_t piece = 1; piece < 3 * MAX; piece = piece * 3 + 1) {
		CLEANUP(tail_release) struct tail t = TAIL_INIT(MAX);
		size_t n;

		for (size_t at = 0; at < TOTAL; at += n) {
			n = piece < TOTAL - at ? piece : TOTAL - at;
			tail_add(&t, text + at, n);
			assert_true(t.cap <= MAX);
			if (at + n <= MAX)
				assert_memory_equal(t.data, text, at + n);
		}
		/* 40000 is within a line, whose next begins at a multiple of 7 */
		check(&t, text + 40005, 40005);
	}
}

static void room_is_where_the_next_bytes_go(void **state)
{
	CLEANUP(tail_release) struct tail t = TAIL_INIT(5);
	size_t n;
	char *room = tail_room(&t, &n);

	(void)state;
	assert_int_equal(n, 5);
	memcpy(room, "ab\nc", 4);
	tail_advance(&t, 4);
	tail_room(&t, &n);
	assert_int_equal(n, 1);
	tail_add(&t, "de\n", 3);
	tail_room(&t, &n);
	assert_int_equal(n, 3);
	check(&t, "cde\n", 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_all_that_fits),
		cmocka_unit_test(forgets_from_the_front_by_lines),
		cmocka_unit_test(what_is_appended_to_stays),
		cmocka_unit_test(bytes_need_not_be_text),
		cmocka_unit_test(pieces_make_no_difference),
		cmocka_unit_test(room_is_where_the_next_bytes_go),
	};

	return cmocka_run_group_tests_name("base/tail", tests, NULL, NULL);
}
