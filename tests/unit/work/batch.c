#include "work/batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void a_batch_is_filled_and_emptied(void **state)
{
	struct batch b;
	uint8_t *data;

	(void)state;
	batch_init(&b);
	assert_int_equal(batch_room(&b), BATCH_SIZE);
	memset(b.data, 1, b.cap);
	data = b.data;
	b.len = 100;
	b.rows = 3;
	b.cont = BATCH_PART;
	b.first_row = 7;
	b.bytes_in = 9;
	assert_int_equal(batch_room(&b), BATCH_SIZE - 100);
	batch_reset(&b);
	assert_ptr_equal(b.data, data);
	assert_int_equal(batch_room(&b), BATCH_SIZE);
	assert_true(b.rows == 0 && b.cont == 0 && b.first_row == 0 && b.bytes_in == 0);
	batch_release(&b);
	assert_null(b.data);
	batch_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_batch_is_filled_and_emptied),
	};

	return cmocka_run_group_tests_name("work/batch", tests, NULL, NULL);
}
