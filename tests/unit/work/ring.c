#include "unit/support.h"

#include "work/ring.h"

#include <pthread.h>
#include <string.h>

#define MANY 20000 /* batches: the ring goes round thousands of times */

static struct ring *ring(void)
{
	return ring_new(&clock_system);
}

static void batches_go_round_in_order(void **state UNUSED)
{
	struct ring *r = ring();
	struct batch *b = NULL;
	struct err err = ERR_INIT;

	for (uint32_t i = 0; i < 3 * RING_BATCHES; i++) {
		struct batch *mine = ring_acquire(r);

		assert_int_equal(mine->len, 0);
		mine->len = i;
		ring_push(r, mine);
		assert_int_equal(ring_next(r, &b, &err), 1);
		assert_int_equal(b->len, i);
		ring_recycle(r, b);
	}
	ring_finish(r, NULL);
	assert_int_equal(ring_next(r, &b, &err), 0);
	ring_free(r);
}

static void all_batches_can_wait(void **state UNUSED)
{
	struct ring *r = ring();
	struct err err = ERR_INIT;
	struct batch *b = NULL;

	for (uint32_t i = 0; i < RING_BATCHES; i++) {
		b = ring_acquire(r);
		b->len = i;
		ring_push(r, b);
	}
	ring_finish(r, NULL);
	for (uint32_t i = 0; i < RING_BATCHES; i++) {
		assert_int_equal(ring_next(r, &b, &err), 1);
		assert_int_equal(b->len, i);
		ring_recycle(r, b);
	}
	assert_int_equal(ring_next(r, &b, &err), 0);
	ring_free(r);
}

static void an_error_of_the_producer_wins_over_rows(void **state UNUSED)
{
	struct ring *r = ring();
	struct err why = ERR_INIT, later = ERR_INIT, err = ERR_INIT;
	struct batch *b = NULL;

	ring_push(r, ring_acquire(r));
	err_set(&why, ERR_DATA, "line 7 is bad");
	err_set(&later, ERR_IO, "and the disk is gone");
	ring_finish(r, &why);
	ring_finish(r, &later);
	assert_int_equal(ring_next(r, &b, &err), -1);
	check_err(&err, ERR_DATA, "line 7 is bad");
	ring_free(r);
}

static void an_abort_ends_both_sides(void **state UNUSED)
{
	struct ring *r = ring();
	struct err err = ERR_INIT;
	struct batch *b = NULL;

	ring_push(r, ring_acquire(r));
	ring_abort(r);
	assert_null(ring_acquire(r));
	assert_int_equal(ring_next(r, &b, &err), -1);
	check_err(&err, ERR_CANCELLED, "cancelled");
	ring_free(r);
	ring_free(NULL);
}

static void *produce(void *arg)
{
	struct ring *r = arg;

	for (uint32_t i = 0; i < MANY; i++) {
		struct batch *b = ring_acquire(r);

		if (!b)
			return NULL;
		b->rows = i;
		memset(b->data, (int)(i & 0xff), 64);
		b->len = 64;
		ring_push(r, b);
	}
	ring_finish(r, NULL);
	return NULL;
}

static void two_threads_lose_nothing(void **state UNUSED)
{
	struct ring *r = ring();
	struct err err = ERR_INIT;
	struct ring_stats stats;
	struct batch *b = NULL;
	pthread_t thread;
	uint32_t n = 0;

	pthread_create(&thread, NULL, produce, r);
	while (ring_next(r, &b, &err) == 1) {
		assert_int_equal(b->rows, n);
		assert_int_equal(b->data[63], n & 0xff);
		ring_recycle(r, b);
		n++;
	}
	pthread_join(thread, NULL);
	assert_int_equal(n, MANY);
	ring_stats(r, &stats);
	assert_true(stats.wait_empty_ms >= 0 && stats.wait_full_ms >= 0);
	ring_free(r);
}

static void an_abort_wakes_a_producer_that_waits(void **state UNUSED)
{
	struct ring *r = ring();
	pthread_t thread;
	struct batch *b = NULL;
	struct err err = ERR_INIT;

	pthread_create(&thread, NULL, produce, r);
	assert_int_equal(ring_next(r, &b, &err), 1); /* not given back: the producer runs full */
	ring_abort(r);
	pthread_join(thread, NULL);
	ring_free(r);
}

static void *finish_with_error(void *arg)
{
	struct err why = ERR_INIT;

	err_set(&why, ERR_IO, "unplugged");
	ring_finish(arg, &why);
	return NULL;
}

static void an_error_wakes_a_consumer_that_waits(void **state UNUSED)
{
	struct ring *r = ring();
	pthread_t thread;
	struct batch *b = NULL;
	struct err err = ERR_INIT;

	pthread_create(&thread, NULL, finish_with_error, r);
	assert_int_equal(ring_next(r, &b, &err), -1);
	check_err(&err, ERR_IO, "unplugged");
	pthread_join(thread, NULL);
	ring_free(r);
}

static void waits_are_counted(void **state UNUSED)
{
	int64_t now = 0;
	struct clock clock = TEST_CLOCK(&now);
	struct ring *r = ring_new(&clock);
	struct ring_stats stats;
	struct batch *b = NULL;
	struct err err = ERR_INIT;

	ring_push(r, ring_acquire(r));
	assert_int_equal(ring_next(r, &b, &err), 1);
	ring_recycle(r, b);
	ring_stats(r, &stats);
	assert_int_equal(stats.wait_empty_ms, 0);
	assert_int_equal(stats.wait_full_ms, 0);
	ring_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(batches_go_round_in_order),
		cmocka_unit_test(all_batches_can_wait),
		cmocka_unit_test(an_error_of_the_producer_wins_over_rows),
		cmocka_unit_test(an_abort_ends_both_sides),
		cmocka_unit_test(two_threads_lose_nothing),
		cmocka_unit_test(an_abort_wakes_a_producer_that_waits),
		cmocka_unit_test(an_error_wakes_a_consumer_that_waits),
		cmocka_unit_test(waits_are_counted),
	};

	return cmocka_run_group_tests_name("work/ring", tests, NULL, NULL);
}
