#include "base/arena.h"

#include <stdalign.h>
#include <string.h>

#include "base/buf.h"

#include "unit/support.h"

static void pointers_stay_valid(void **state)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	unsigned char *v[2000];

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(v); i++) {
		v[i] = arena_alloc(&a, i);
		assert_int_equal((uintptr_t)v[i] % alignof(max_align_t), 0);
		for (unsigned j = 0; j < i; j++)
			assert_int_equal(v[i][j], 0);
		memset(v[i], (int)(i & 0xff), i);
	}
	for (unsigned i = 0; i < ARRAY_LEN(v); i++)
		for (unsigned j = 0; j < i; j++)
			assert_int_equal(v[i][j], i & 0xff);
}

static void large_ones_have_room(void **state)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	char *small = arena_alloc(&a, 1), *large = arena_array(&a, 1000, 1000);

	(void)state;
	memset(large, 'x', 1000 * 1000);
	assert_int_equal(*small, 0);
}

static void strings(void **state)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	CLEANUP_FREE char *longer = repeat('x', 10000);
	const char *cut = arena_strndup(&a, "a\0bcd", 3);

	(void)state;
	assert_null(arena_strdup(&a, NULL));
	assert_string_equal(arena_strdup(&a, "abc"), "abc");
	assert_memory_equal(cut, "a\0b", 4);
	assert_string_equal(arena_strndup(&a, NULL, 0), "");
	assert_string_equal(arena_printf(&a, "%d-%s", 7, "x"), "7-x");
	assert_string_equal(arena_printf(&a, "%s", longer), longer);
}

static void released_is_empty_again(void **state)
{
	struct arena a = ARENA_INIT;

	(void)state;
	arena_release(&a);
	for (int i = 0; i < 3; i++) {
		assert_string_equal(arena_strdup(&a, "abc"), "abc");
		arena_release(&a);
		assert_null(a.head);
	}
}

static void a_buffer_becomes_a_text(void **state)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct buf b = BUF_INIT(100);

	(void)state;
	assert_string_equal(arena_buf(&a, &b), "");
	buf_adds(&b, "abc");
	assert_string_equal(arena_buf(&a, &b), "abc");
	assert_null(b.data);
}

static void product_too_large(void)
{
	struct arena a = ARENA_INIT;

	arena_array(&a, SIZE_MAX / 2, 3);
}

static void rounds_past_the_end(void)
{
	struct arena a = ARENA_INIT;

	arena_alloc(&a, SIZE_MAX - 1);
}

static void block_past_the_end(void)
{
	struct arena a = ARENA_INIT;

	arena_alloc(&a, SIZE_MAX - 31);
}

static void overflow_ends_the_process(void **state)
{
	(void)state;
	check_dies(product_too_large);
	check_dies(rounds_past_the_end);
	check_dies(block_past_the_end);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pointers_stay_valid),
		cmocka_unit_test(large_ones_have_room),
		cmocka_unit_test(strings),
		cmocka_unit_test(released_is_empty_again),
		cmocka_unit_test(a_buffer_becomes_a_text),
		cmocka_unit_test(overflow_ends_the_process),
	};

	return cmocka_run_group_tests_name("base/arena", tests, NULL, NULL);
}
