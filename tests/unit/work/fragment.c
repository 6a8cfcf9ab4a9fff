#include "work/fragment.h"

#include <string.h>

#include "unit/support.h"

/* The pieces of a row of `len` bytes as "length/rows/cont …". */
static void check_pieces(size_t len, const char *expected)
{
	struct fragment f = {.sent = 0};
	struct buf shape = BUF_INIT(1000);
	struct batch b;
	uint8_t *p = fragment_room(&f, len + 100); /* the room is an estimate */
	size_t at = 0;

	batch_init(&b);
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(i % 251);
	assert_false(fragment_waits(&f));
	fragment_set(&f, 7, len);
	while (fragment_waits(&f)) {
		fragment_take(&f, &b);
		assert_int_equal(b.first_row, 7);
		for (uint32_t i = 0; i < b.len; i++, at++)
			assert_int_equal(b.data[i], at % 251);
		buf_printf(&shape, "%s%u/%u/%u", shape.len ? " " : "", b.len, b.rows, b.cont);
		batch_reset(&b);
	}
	assert_int_equal(at, len);
	assert_string_equal(buf_str(&shape), expected);
	batch_release(&b);
	buf_release(&shape);
	fragment_release(&f);
}

static void rows_are_cut(void **state)
{
	(void)state;
	check_pieces(1, "1/1/0");
	check_pieces(BATCH_SIZE, "262144/1/0");
	check_pieces(BATCH_SIZE + 1, "262144/1/7 1/0/1");
	check_pieces(3 * BATCH_SIZE, "262144/1/7 262144/0/5 262144/0/1");
}

static void it_is_used_again(void **state)
{
	struct fragment f = {.sent = 0};
	struct batch b;

	(void)state;
	batch_init(&b);
	for (uint64_t row = 0; row < 3; row++) {
		memcpy(fragment_room(&f, 10 * row + 10), "0123456789", 10);
		fragment_set(&f, row, 10);
		fragment_take(&f, &b);
		assert_int_equal(b.first_row, row);
		assert_memory_equal(b.data, "0123456789", 10);
		batch_reset(&b);
	}
	memcpy(fragment_room(&f, 5), "01234", 5);
	fragment_set(&f, 3, 5);
	fragment_release(&f); /* with a piece left */
	batch_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_cut),
		cmocka_unit_test(it_is_used_again),
	};

	return cmocka_run_group_tests_name("work/fragment", tests, NULL, NULL);
}
