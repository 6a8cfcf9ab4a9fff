#include "unit/support.h"

#include "work/ring.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
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

/* --- an end from each side at each moment --- */

#define MOMENTS (3 * RING_BATCHES)

struct side {
	struct ring *ring;
	uint32_t stop_at; /* batches before it ends the ring */
	bool aborts;      /* else it finishes with an error */
};

static void *produce_until(void *arg)
{
	const struct side *side = arg;
	struct err why = ERR_INIT;

	for (uint32_t i = 0; i < side->stop_at; i++) {
		struct batch *b = ring_acquire(side->ring);

		if (!b)
			return NULL;
		b->rows = i;
		ring_push(side->ring, b);
	}
	if (side->aborts) {
		ring_abort(side->ring);
		return NULL;
	}
	err_set(&why, ERR_DATA, "after %u", (unsigned)side->stop_at);
	ring_finish(side->ring, &why);
	return NULL;
}

static void the_producer_ends_it_at_each_moment(void **state UNUSED)
{
	for (uint32_t at = 0; at < 2 * MOMENTS; at++) {
		struct side side = {ring(), at / 2, at % 2};
		struct err err = ERR_INIT;
		struct batch *b = NULL;
		pthread_t thread;
		uint32_t n = 0;
		int more;

		pthread_create(&thread, NULL, produce_until, &side);
		while ((more = ring_next(side.ring, &b, &err)) == 1) {
			assert_int_equal(b->rows, n++);
			ring_recycle(side.ring, b);
		}
		pthread_join(thread, NULL);
		assert_int_equal(more, -1);
		assert_true(n <= side.stop_at);
		assert_int_equal(err.code, side.aborts ? ERR_CANCELLED : ERR_DATA);
		assert_null(side.aborts ? ring_acquire(side.ring) : NULL);
		ring_free(side.ring);
	}
}

static void the_consumer_ends_it_at_each_moment(void **state UNUSED)
{
	for (uint32_t at = 0; at < MOMENTS; at++) {
		struct ring *r = ring();
		struct err err = ERR_INIT;
		struct batch *b = NULL;
		pthread_t thread;

		pthread_create(&thread, NULL, produce, r);
		for (uint32_t n = 0; n < at; n++) {
			assert_int_equal(ring_next(r, &b, &err), 1);
			assert_int_equal(b->rows, n);
			if (n % 2 == 0 || n >= RING_BATCHES)
				ring_recycle(r, b); /* the others are in its hands */
		}
		ring_abort(r);
		pthread_join(thread, NULL); /* it comes back, wherever it was */
		assert_int_equal(ring_next(r, &b, &err), -1);
		check_err(&err, ERR_CANCELLED, "cancelled");
		ring_free(r);
	}
}

static void *abort_it(void *arg)
{
	ring_abort(arg);
	return NULL;
}

static void somebody_else_ends_it_at_any_moment(void **state UNUSED)
{
	for (int round = 0; round < 200; round++) {
		struct ring *r = ring();
		pthread_t producer, other;
		struct err err = ERR_INIT;
		struct batch *b = NULL;
		uint32_t n = 0;
		int more;

		pthread_create(&producer, NULL, produce, r);
		pthread_create(&other, NULL, abort_it, r);
		while ((more = ring_next(r, &b, &err)) == 1) {
			assert_int_equal(b->rows, n++);
			ring_recycle(r, b);
		}
		pthread_join(producer, NULL);
		pthread_join(other, NULL);
		assert_true(more == -1 || n == MANY);
		ring_free(r);
	}
}

/* --- waits --- */

static atomic_int looks; /* at the clock: a wait looks before and after */

static int64_t count_looks(void *arg UNUSED)
{
	return ++looks;
}

static const struct clock counting = {.monotonic = count_looks};

/* When the other side has begun to wait. */
static void *push_late(void *arg)
{
	struct ring *r = arg;
	struct batch *b = ring_acquire(r);

	while (looks == 0)
		sched_yield();
	ring_push(r, b);
	return NULL;
}

static void *recycle_late(void *arg)
{
	struct ring *r = arg;
	struct err err = ERR_INIT;
	struct batch *b = NULL;

	if (ring_next(r, &b, &err) != 1)
		return NULL;
	while (looks == 0)
		sched_yield();
	ring_recycle(r, b);
	return NULL;
}

static void waits_are_counted_on_their_side(void **state UNUSED)
{
	struct ring *r = ring_new(&counting);
	struct ring_stats stats;
	struct batch *b = NULL;
	struct err err = ERR_INIT;
	pthread_t thread;

	looks = 0;
	pthread_create(&thread, NULL, push_late, r);
	assert_int_equal(ring_next(r, &b, &err), 1);
	pthread_join(thread, NULL);
	ring_recycle(r, b);
	ring_stats(r, &stats);
	assert_int_equal(stats.wait_full_ms, 1);
	assert_int_equal(stats.wait_empty_ms, 0);
	for (int i = 0; i < RING_BATCHES; i++)
		ring_push(r, ring_acquire(r));
	looks = 0;
	pthread_create(&thread, NULL, recycle_late, r);
	assert_non_null(ring_acquire(r));
	pthread_join(thread, NULL);
	ring_stats(r, &stats);
	assert_int_equal(stats.wait_full_ms, 1);
	assert_int_equal(stats.wait_empty_ms, 1);
	ring_free(r);
}

static void who_need_not_wait_has_no_wait(void **state UNUSED)
{
	struct ring *r = ring_new(&counting);
	struct ring_stats stats;
	struct batch *b = NULL;
	struct err err = ERR_INIT;

	looks = 0;
	ring_push(r, ring_acquire(r));
	assert_int_equal(ring_next(r, &b, &err), 1);
	ring_recycle(r, b);
	ring_stats(r, &stats);
	assert_int_equal(stats.wait_empty_ms, 0);
	assert_int_equal(stats.wait_full_ms, 0);
	assert_int_equal(looks, 0);
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
		cmocka_unit_test(the_producer_ends_it_at_each_moment),
		cmocka_unit_test(the_consumer_ends_it_at_each_moment),
		cmocka_unit_test(somebody_else_ends_it_at_any_moment),
		cmocka_unit_test(waits_are_counted_on_their_side),
		cmocka_unit_test(who_need_not_wait_has_no_wait),
	};

	return cmocka_run_group_tests_name("work/ring", tests, NULL, NULL);
}
