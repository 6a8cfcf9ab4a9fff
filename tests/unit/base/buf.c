#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

#include "unit/support.h"

static void grows_and_is_a_string(void **state)
{
	CLEANUP(buf_release) struct buf b = BUF_INIT(100000);
	struct err err = ERR_INIT;

	(void)state;
	assert_string_equal(buf_str(&b), "");
	buf_adds(&b, "");
	assert_non_null(b.data);
	for (int i = 0; i < 10000; i++) {
		buf_printf(&b, "%d", i % 10);
		assert_int_equal(strlen(b.data), i + 1);
	}
	buf_addc(&b, '!');
	buf_add(&b, "xyz", 2);
	buf_add(&b, NULL, 0);
	assert_int_equal(b.len, 10003);
	assert_string_equal(b.data + 9998, "89!xy");
	assert_int_equal(buf_check(&b, "it", &err), 0);
	check_err(&err, ERR_NONE, "");
}

static void takes_exactly_the_maximum(void **state)
{
	CLEANUP(buf_release) struct buf b = BUF_INIT(8);
	struct err err = ERR_INIT;

	(void)state;
	buf_adds(&b, "12345678");
	buf_adds(&b, "");
	assert_int_equal(buf_check(&b, "it", &err), 0);
	buf_addc(&b, '9');
	assert_int_equal(buf_check(&b, "the value", &err), -1);
	check_err(&err, ERR_LIMIT, "the value is longer than the limit of 8 bytes");
	assert_string_equal(buf_str(&b), "12345678");
}

static void drops_what_would_pass_it_and_all_after(void **state)
{
	CLEANUP(buf_release) struct buf b = BUF_INIT(8);

	(void)state;
	buf_adds(&b, "1234");
	buf_adds(&b, "56789");
	assert_true(b.overflow);
	buf_addc(&b, '5');
	buf_printf(&b, "%d", 5);
	assert_null(buf_room(&b, 0));
	assert_string_equal(buf_str(&b), "1234");
	buf_reset(&b);
	assert_string_equal(buf_str(&b), "");
	buf_printf(&b, "%s", "12345678");
	assert_false(b.overflow);
	buf_printf(&b, "%s", "9");
	assert_true(b.overflow);
	assert_string_equal(buf_str(&b), "12345678");
	assert_null(buf_room(&b, SIZE_MAX));
}

static void room_is_used_in_part(void **state)
{
	CLEANUP(buf_release) struct buf b;
	char *p;

	(void)state;
	buf_init(&b, 1000);
	p = buf_room(&b, 1000);
	memcpy(p, "abcdef", 6);
	buf_advance(&b, 3);
	assert_string_equal(buf_str(&b), "abc");
	p = buf_room(&b, 997);
	assert_non_null(p);
	memset(p, 'x', 997);
	buf_advance(&b, 997);
	assert_int_equal(strlen(b.data), 1000);
	assert_null(buf_room(&b, 1));
}

static void room_may_stay_unused(void **state)
{
	CLEANUP_FREE char *used = repeat('x', 300);
	CLEANUP(buf_release) struct buf b = BUF_INIT(100000);

	(void)state;
	free(used); /* what malloc gives next is likely not zeroed */
	used = NULL;
	assert_non_null(buf_room(&b, 10));
	assert_string_equal(buf_str(&b), "");
	buf_adds(&b, "abc");
	assert_non_null(buf_room(&b, 50000));
	assert_string_equal(buf_str(&b), "abc");
}

static void holds_any_byte(void **state)
{
	CLEANUP(buf_release) struct buf b = BUF_INIT(10);

	(void)state;
	buf_addc(&b, '\0');
	buf_add(&b, "a\0b", 3);
	assert_int_equal(b.len, 4);
	assert_memory_equal(b.data, "\0a\0b", 5);
}

static void release_keeps_the_maximum(void **state)
{
	struct buf b = BUF_INIT(3);

	(void)state;
	buf_adds(&b, "abcd");
	buf_release(&b);
	assert_null(b.data);
	assert_false(b.overflow);
	buf_adds(&b, "abc");
	assert_string_equal(buf_str(&b), "abc");
	buf_release(&b);
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_and_is_a_string),
		cmocka_unit_test(takes_exactly_the_maximum),
		cmocka_unit_test(drops_what_would_pass_it_and_all_after),
		cmocka_unit_test(room_is_used_in_part),
		cmocka_unit_test(room_may_stay_unused),
		cmocka_unit_test(holds_any_byte),
		cmocka_unit_test(release_keeps_the_maximum),
	};

	return cmocka_run_group_tests_name("base/buf", tests, NULL, NULL);
}
