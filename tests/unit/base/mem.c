#include "base/mem.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit/support.h"

static void memory_is_zeroed(void **state)
{
	CLEANUP_FREE char *a = mem_alloc(1000), *b = mem_array(10, 100), *none = mem_alloc(0);

	(void)state;
	assert_non_null(none);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(a[i] | b[i], 0);
}

static void grow_keeps_what_was_there(void **state)
{
	CLEANUP_FREE int *v = NULL;

	(void)state;
	for (int n = 1; n <= 1000; n++) {
		v = mem_grow(v, (size_t)n, sizeof(*v));
		v[n - 1] = n;
	}
	for (int i = 0; i < 1000; i++)
		assert_int_equal(v[i], i + 1);
}

static void array_too_large(void)
{
	free(mem_array(SIZE_MAX / 2, 3));
}

static void growth_too_large(void)
{
	free(mem_grow(NULL, SIZE_MAX / 2, 3));
}

static void more_than_there_is(void)
{
	free(mem_alloc(SIZE_MAX / 2));
}

static void no_memory_ends_the_process(void **state)
{
	(void)state;
	check_dies(array_too_large);
	check_dies(growth_too_large);
	check_dies(more_than_there_is);
}

static void strdup_copies(void **state)
{
	char text[] = "abc";
	CLEANUP_FREE char *copy = mem_strdup(text), *empty = mem_strdup("");

	(void)state;
	text[0] = 'x';
	assert_string_equal(copy, "abc");
	assert_string_equal(empty, "");
}

static void steal_hands_over(void **state)
{
	CLEANUP_FREE char *p = mem_strdup("abc");
	char *q = p, *stolen = mem_steal(p);

	(void)state;
	assert_ptr_equal(stolen, q);
	assert_null(p);
	free(stolen);
}

static void descriptors_are_closed_once(void **state)
{
	int fd = open("/dev/null", O_RDONLY), kept = fd, none = -1, taken;

	(void)state;
	assert_true(fd >= 0);
	taken = mem_take_fd(&fd);
	assert_int_equal(taken, kept);
	assert_int_equal(fd, -1);
	mem_close_fd(&taken);
	assert_int_equal(taken, -1);
	assert_int_equal(fcntl(kept, F_GETFD), -1);
	mem_close_fd(&none);
	{
		CLEANUP_CLOSE int scoped = open("/dev/null", O_RDONLY);

		kept = scoped;
	}
	assert_int_equal(fcntl(kept, F_GETFD), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_zeroed),
		cmocka_unit_test(grow_keeps_what_was_there),
		cmocka_unit_test(no_memory_ends_the_process),
		cmocka_unit_test(strdup_copies),
		cmocka_unit_test(steal_hands_over),
		cmocka_unit_test(descriptors_are_closed_once),
	};

	return cmocka_run_group_tests_name("base/mem", tests, NULL, NULL);
}
