#include "work/aside.h"

#include <stdatomic.h>
#include <unistd.h>

#include "unit/support.h"

struct work {
	atomic_uint ticks, until; /* work ends after so many ticks */
	unsigned result;          /* plain: aside_run orders it */
};

static void work(void *arg)
{
	struct work *w = arg;

	while (w->ticks < w->until)
		usleep(1000);
	w->result = 7;
}

static void tick(void *arg)
{
	struct work *w = arg;

	w->ticks++;
}

static void the_caller_stays_awake(void **state UNUSED)
{
	struct work w = {.until = 3};
	struct err err = ERR_INIT;

	must(aside_run(work, tick, &w, &err), &err);
	assert_int_equal(w.result, 7);
	assert_true(w.ticks >= 3);
}

static void short_work_waits_for_no_tick(void **state UNUSED)
{
	struct err err = ERR_INIT;
	unsigned ticks = 0;

	for (int i = 0; i < 100; i++) {
		struct work w = {.until = 0};

		must(aside_run(work, tick, &w, &err), &err);
		assert_int_equal(w.result, 7);
		ticks += w.ticks;
	}
	assert_true(ticks < 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_caller_stays_awake),
		cmocka_unit_test(short_work_waits_for_no_tick),
	};

	return cmocka_run_group_tests_name("work/aside", tests, NULL, NULL);
}
