#include "krb/backoff.h"

#include <stdio.h>
#include <string.h>

#include "unit/support.h"

#define A "dc1.example.org:88"
#define B "tcp/dc1.example.org:88"
#define C "dc2.example.org:88"

static const char names[][BACKOFF_NAME_MAX + 1] = {A, B, C};

static void is_order(const struct backoff *b, int64_t now, size_t first, size_t second, size_t third)
{
	size_t order[3];

	backoff_order(b, names, 3, now, order);
	assert_int_equal(order[0], first);
	assert_int_equal(order[1], second);
	assert_int_equal(order[2], third);
}

static void who_was_silent_comes_last_for_a_while(void **state)
{
	struct backoff b = {0};

	(void)state;
	is_order(&b, 5, 0, 1, 2);
	backoff_failed(&b, A, 5);
	is_order(&b, 5, 1, 2, 0);
	backoff_failed(&b, B, 6);
	is_order(&b, 6, 2, 0, 1);
	is_order(&b, 5 + BACKOFF_FIRST_S - 1, 2, 0, 1);
	is_order(&b, 5 + BACKOFF_FIRST_S, 0, 2, 1);
	is_order(&b, 6 + BACKOFF_FIRST_S, 0, 1, 2);
}

static void the_order_is_that_of_the_list_where_all_are_silent(void **state)
{
	struct backoff b = {0};

	(void)state;
	backoff_failed(&b, C, 1);
	backoff_failed(&b, B, 2);
	backoff_failed(&b, A, 3);
	is_order(&b, 4, 0, 1, 2);
}

static void an_answer_ends_it(void **state)
{
	struct backoff b = {0};

	(void)state;
	backoff_failed(&b, A, 0);
	backoff_answered(&b, A);
	backoff_answered(&b, C); /* not known */
	is_order(&b, 0, 0, 1, 2);
	backoff_failed(&b, A, 0); /* as if for the first time */
	is_order(&b, BACKOFF_FIRST_S, 0, 1, 2);
}

static void the_pause_grows_up_to_a_maximum(void **state)
{
	struct backoff b = {0};
	int64_t now = 0, pause = BACKOFF_FIRST_S;

	(void)state;
	for (int i = 0; i < 10; i++) {
		backoff_failed(&b, A, now);
		backoff_failed(&b, A, now); /* of another thread, at the same time */
		is_order(&b, now + pause - 1, 1, 2, 0);
		is_order(&b, now + pause, 0, 1, 2);
		now += pause;
		pause = pause * 2 < BACKOFF_MAX_S ? pause * 2 : BACKOFF_MAX_S;
	}
	assert_int_equal(pause, BACKOFF_MAX_S);
}

static void more_than_there_is_room_for(void **state)
{
	struct backoff b = {0};
	char name[BACKOFF_NAME_MAX + 1];

	(void)state;
	backoff_failed(&b, C, 0);
	for (int i = 0; i < BACKOFF_NAMES_MAX - 1; i++) {
		snprintf(name, sizeof(name), "dc%d.example.net:88", i);
		backoff_failed(&b, name, 1);
	}
	is_order(&b, 1, 0, 1, 2);
	backoff_failed(&b, A, 2); /* takes the place of C, whose pause ends first */
	is_order(&b, 2, 1, 2, 0);
	backoff_failed(&b, B, 2);
	is_order(&b, 2, 2, 0, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(who_was_silent_comes_last_for_a_while),
		cmocka_unit_test(the_order_is_that_of_the_list_where_all_are_silent),
		cmocka_unit_test(an_answer_ends_it), cmocka_unit_test(the_pause_grows_up_to_a_maximum),
		cmocka_unit_test(more_than_there_is_room_for)};

	return cmocka_run_group_tests_name("krb/backoff", tests, NULL, NULL);
}
