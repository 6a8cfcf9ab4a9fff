/* Jobs that come after others: who waits, who is ordered, who is released. */
#include "job/queue.h"

#include <string.h>

#include "unit/test_store.h"

static int setup(void **state)
{
	*state = test_store_fixture(sizeof(struct test_store));
	return 0;
}

static void job_after_end(struct test_store *f, const char *name, const char *end)
{
	struct job job = test_job(&f->arena, name, JOB_EXEC);

	job.after.end = end;
	test_store_apply(f, &job);
}

/* The next run that is ready is carried out, and ends so. Its number. */
static int64_t carry_out(struct test_store *f, enum run_state end)
{
	struct run run = test_store_start(f);

	must(queue_move(f->store, &run, end, "worker", NULL, NULL, &f->err), &f->err);
	return run.run_id;
}

static int64_t done(struct test_store *f)
{
	return carry_out(f, RUN_SUCCEEDED);
}

/* Times have milliseconds: what comes next is later. */
static void tick(struct test_store *f)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	const char *first, *next;

	must(queue_now(f->store, &a, &first, &f->err), &f->err);
	do
		must(queue_now(f->store, &a, &next, &f->err), &f->err);
	while (strcmp(first, next) == 0);
}

static void check_runs(struct test_store *f, const char *expected)
{
	check_sql(f->path,
		"SELECT r.run_id, j.name, r.state FROM etl_run r JOIN etl_job j USING (job_id)"
		" WHERE finished_at IS NULL ORDER BY run_id",
		expected);
}

/* --- who waits --- */

static void an_order_waits_for_what_is_not_done(void **state)
{
	struct test_store *f = *state;
	struct run run;

	test_store_job(f, "load", NULL);
	test_store_job(f, "report", "load");
	test_store_order(f, 1);
	run = test_store_order(f, 2);
	assert_int_equal(run.state, RUN_WAITING);
	check_store(f,
		"SELECT old_state, new_state, actor, reason FROM etl_run_event WHERE run_id = 2",
		"NULL|queued|me|ordered: manual;"
		"queued|waiting|me|a job that it comes after is not done");
	test_store_sort(f);
	check_runs(f, "1|load|queued;2|report|waiting");
	assert_int_equal(done(f), 1);
	check_runs(f, "2|report|waiting"); /* and none besides: that one will do */
	test_store_sort(f);
	check_runs(f, "2|report|queued");
	check_store(f,
		"SELECT old_state, new_state, actor, reason FROM etl_run_event"
		" WHERE run_id = 2 ORDER BY event_id DESC LIMIT 1",
		"waiting|queued|sorter|the jobs that it comes after are done");
	assert_int_equal(done(f), 2);
}

static void an_order_does_not_wait_for_nothing(void **state)
{
	struct test_store *f = *state;

	test_store_job(f, "load", NULL);
	test_store_job(f, "report", "load");
	assert_int_equal(test_store_order(f, 2).state, RUN_QUEUED); /* load has never run */
	done(f);
	test_store_order(f, 1);
	done(f);
	assert_int_equal(test_store_order(f, 2).state, RUN_QUEUED); /* it is over and well */
}

/* What it comes after failed last: it waits until that has succeeded. */
static void a_failure_blocks_who_wants_success(void **state)
{
	struct test_store *f = *state;

	test_store_job(f, "load", NULL);
	test_store_job(f, "report", "load");
	job_after_end(f, "notify", "load");
	test_store_order(f, 1);
	carry_out(f, RUN_FAILED);
	store_sql(f,
		"DELETE FROM etl_run_event WHERE run_id = 2; DELETE FROM etl_run WHERE run_id = 2");
	assert_int_equal(test_store_order(f, 2).state, RUN_WAITING);
	assert_int_equal(test_store_order(f, 3).state, RUN_QUEUED);
	test_store_sort(f);
	check_runs(f, "3|report|waiting;4|notify|queued");
	assert_int_equal(done(f), 4);
	tick(f);
	test_store_order(f, 1);
	done(f);
	test_store_sort(f);
	check_runs(f, "3|report|queued;6|notify|queued");
}

/* Plain SQL orders it, and it is put back before anybody takes it. */
static void plain_sql_waits_too(void **state)
{
	struct test_store *f = *state;

	test_store_job(f, "load", NULL);
	test_store_job(f, "report", "load");
	store_sql(f,
		"INSERT INTO etl_run (job_id) VALUES (1); INSERT INTO etl_run (job_id) VALUES (2);"
		"UPDATE etl_run SET priority = 9 WHERE run_id = 2");
	assert_int_equal(test_store_claim(f).run_id, 1); /* nobody has sorted yet */
	assert_int_equal(test_store_claim(f).run_id, 0);
	test_store_sort(f);
	check_runs(f, "1|load|starting;2|report|waiting");
	check_store(f,
		"SELECT old_state, new_state, actor FROM etl_run_event WHERE run_id = 2"
		" ORDER BY event_id DESC LIMIT 1",
		"queued|waiting|sorter");
}

/* Once it has begun, it goes on: what it began is to be finished or withdrawn. */
static void who_has_begun_does_not_wait(void **state)
{
	const struct verdict again = {.state = RUN_QUEUED, .settle = RUN_STATE_COUNT};
	struct test_store *f = *state;
	struct run run;

	test_store_job(f, "load", NULL);
	test_store_job(f, "report", "load");
	test_store_order(f, 2);
	run = test_store_start(f);
	test_store_order(f, 1);
	must(queue_give_up(f->store, &run, &again, "w", "x", NULL, &f->err), &f->err);
	test_store_sort(f);
	check_runs(f, "1|report|queued;2|load|queued");
}

/* --- who is ordered --- */

static void an_end_orders_who_comes_after(void **state)
{
	static const struct {
		enum run_state end;
		const char *ordered;
	} cases[] = {
		{RUN_SUCCEEDED, "on success;on end"},
		{RUN_FAILED, "on end"},
		{RUN_CANCELLED, "on end"},
		{RUN_TIMED_OUT, "on end"},
		{RUN_UNKNOWN, "on end"},
	};
	struct test_store *f = *state;

	test_store_job(f, "load", NULL);
	test_store_job(f, "on success", "load");
	job_after_end(f, "on end", "load");
	test_store_job(f, "not at all", NULL);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t run_id = test_store_order(f, 1).run_id;

		assert_int_equal(carry_out(f, cases[i].end), run_id);
		check_store(f,
			"SELECT j.name FROM etl_run r JOIN etl_job j USING (job_id)"
			" WHERE finished_at IS NULL ORDER BY run_id",
			cases[i].ordered);
		check_store(f,
			"SELECT DISTINCT state, origin, ordered_by, priority FROM etl_run"
			" WHERE finished_at IS NULL",
			arena_printf(&f->arena, "waiting|dependency|run %d|0", (int)run_id));
		store_sql(f, "UPDATE etl_run SET state = 'cancelled', finished_at = '2001'"
			     " WHERE finished_at IS NULL");
	}
	check_store(f,
		"SELECT actor, reason FROM etl_run_event WHERE new_state = 'waiting' LIMIT 1",
		"run 1|ordered: dependency");
}

/* Whoever cancels before it began has ended it all the same. */
static void a_cancellation_is_an_end(void **state)
{
	struct test_store *f = *state;
	enum cancel_end end;
	enum run_state found;

	test_store_job(f, "load", NULL);
	test_store_job(f, "report", "load");
	job_after_end(f, "notify", "load");
	test_store_order(f, 1);
	must(queue_cancel(f->store, 1, "me", &end, &found, &f->err), &f->err);
	check_runs(f, "2|notify|waiting");
}

static void a_disabled_job_is_not_ordered(void **state)
{
	struct test_store *f = *state;

	test_store_job(f, "load", NULL);
	test_store_job(f, "off", "load");
	test_store_job(f, "held", "load");
	store_sql(f, "UPDATE etl_job SET enabled = 0 WHERE name = 'off';"
		     "UPDATE etl_job SET hold_reason = 'x' WHERE name = 'held'");
	test_store_order(f, 1);
	done(f);
	check_runs(f, "2|held|waiting"); /* it does not miss it, only wait */
}

/* Three ends, one order: what it loads then is the newest. */
static void orders_are_taken_together(void **state)
{
	struct test_store *f = *state;

	test_store_job(f, "load", NULL);
	test_store_job(f, "report", "load");
	for (int i = 0; i < 3; i++) {
		test_store_order(f, 1);
		done(f);
	}
	check_runs(f, "2|report|waiting");
	test_store_sort(f);
	assert_int_equal(test_store_start(f).run_id, 2);
	tick(f);
	test_store_order(f, 1); /* while that is at work: once more */
	done(f);
	test_store_order(f, 1);
	done(f);
	check_runs(f, "2|report|running;6|report|waiting");
}

/* A run that is to be tried again is at work: it does not stand for a new order. */
static void a_retry_is_no_order(void **state)
{
	const struct verdict later = {
		.state = RUN_QUEUED, .settle = RUN_STATE_COUNT, .delay = 3600000};
	struct test_store *f = *state;
	struct run run;

	test_store_job(f, "load", NULL);
	test_store_job(f, "report", "load");
	test_store_order(f, 2);
	run = test_store_start(f);
	must(queue_give_up(f->store, &run, &later, "w", "x", NULL, &f->err), &f->err);
	test_store_order(f, 1);
	done(f);
	check_runs(f, "1|report|queued;3|report|waiting");
}

/* A run is over once: what is tried again has not ended, what is moved again is not its. */
static void an_end_orders_once(void **state)
{
	const struct verdict again = {.state = RUN_QUEUED, .settle = RUN_STATE_COUNT};
	struct test_store *f = *state;
	struct run run;

	test_store_job(f, "load", NULL);
	job_after_end(f, "notify", "load");
	test_store_order(f, 1);
	run = test_store_start(f);
	must(queue_give_up(f->store, &run, &again, "w", "x", NULL, &f->err), &f->err);
	check_runs(f, "1|load|queued");
	run = test_store_start(f);
	must(queue_move(f->store, &run, RUN_FAILED, "w", NULL, NULL, &f->err), &f->err);
	store_sql(f,
		"DELETE FROM etl_run_event WHERE run_id = 2; DELETE FROM etl_run WHERE run_id = 2");
	/* once more, since the reply was lost */
	must(queue_move(f->store, &run, RUN_FAILED, "w", NULL, NULL, &f->err), &f->err);
	check_runs(f, "");
}

/* --- who is released --- */

static void all_of_them_must_have_news(void **state)
{
	struct test_store *f = *state;

	test_store_job(f, "a", NULL);
	test_store_job(f, "b", NULL);
	test_store_job(f, "both", "a, b");
	for (int round = 0; round < 3; round++) {
		int64_t job = round % 2 + 1; /* in any order */

		tick(f);
		test_store_order(f, job);
		done(f);
		test_store_sort(f);
		check_store(f, "SELECT state FROM etl_run WHERE job_id = 3 AND finished_at IS NULL",
			"waiting"); /* the other one has none yet, since it last began */
		test_store_order(f, job);
		done(f); /* twice the same is not both */
		test_store_sort(f);
		check_store(f, "SELECT state FROM etl_run WHERE job_id = 3 AND finished_at IS NULL",
			"waiting");
		test_store_order(f, 3 - job);
		done(f);
		test_store_sort(f);
		check_store(f, "SELECT state FROM etl_run WHERE job_id = 3 AND finished_at IS NULL",
			"queued");
		tick(f);
		done(f);
	}
	check_store(f, "SELECT count(*) FROM etl_run WHERE job_id = 3", "3");
}

/* The upstream job ended in the same millisecond in which the run before was claimed, but after it.
 */
static void news_of_the_same_moment_are_not_missed(void **state)
{
	struct test_store *f = *state;

	test_store_job(f, "load", NULL);
	test_store_job(f, "report", "load");
	test_store_order(f, 2);
	assert_int_equal(test_store_start(f).run_id, 1);
	test_store_order(f, 1);
	done(f);
	store_sql(f, "UPDATE etl_run SET finished_at ="
		     " (SELECT claimed_at FROM etl_run WHERE run_id = 1) WHERE run_id = 2");
	test_store_sort(f);
	check_runs(f, "1|report|running;3|report|queued");
}

/* News are a success for one, any end for the other. */
static void a_failure_is_news_on_completion_only(void **state)
{
	struct test_store *f = *state;

	test_store_job(f, "load", NULL);
	test_store_job(f, "other", NULL);
	test_store_job(f, "report", "load, other");
	job_after_end(f, "notify", "load, other");
	test_store_order(f, 2);
	done(f);
	test_store_order(f, 1);
	carry_out(f, RUN_FAILED);
	test_store_sort(f);
	check_store(f, "SELECT job_id, state FROM etl_run WHERE finished_at IS NULL ORDER BY 1",
		"3|waiting;4|queued");
}

/* Who orders by hand says when. */
static void an_order_by_hand_needs_no_news(void **state)
{
	struct test_store *f = *state;

	test_store_job(f, "load", NULL);
	test_store_job(f, "report", "load");
	test_store_order(f, 1);
	done(f);
	test_store_sort(f);
	done(f); /* the report of it */
	assert_int_equal(test_store_order(f, 2).state, RUN_QUEUED);
}

static void many_are_released_at_once(void **state)
{
	struct test_store *f = *state;

	test_store_job(f, "load", NULL);
	test_store_job(f, "report", "load");
	test_store_order(f, 1);
	store_sql(f,
		"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)"
		"INSERT INTO etl_run (job_id) SELECT 2 FROM n");
	for (int i = 0; i < 2; i++) /* a thousand with each poll */
		test_store_sort(f);
	check_store(
		f, "SELECT state, count(*) FROM etl_run GROUP BY state", "queued|1;waiting|1200");
	done(f);
	for (int i = 0; i < 2; i++)
		test_store_sort(f);
	check_store(
		f, "SELECT state, count(*) FROM etl_run GROUP BY state", "queued|1200;succeeded|1");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, test_store_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_order_waits_for_what_is_not_done),
		TEST(an_order_does_not_wait_for_nothing),
		TEST(a_failure_blocks_who_wants_success),
		TEST(plain_sql_waits_too),
		TEST(who_has_begun_does_not_wait),
		TEST(an_end_orders_who_comes_after),
		TEST(a_cancellation_is_an_end),
		TEST(a_disabled_job_is_not_ordered),
		TEST(orders_are_taken_together),
		TEST(a_retry_is_no_order),
		TEST(an_end_orders_once),
		TEST(all_of_them_must_have_news),
		TEST(news_of_the_same_moment_are_not_missed),
		TEST(a_failure_is_news_on_completion_only),
		TEST(an_order_by_hand_needs_no_news),
		TEST(many_are_released_at_once),
	};

	return cmocka_run_group_tests_name("job/queue", tests, dir_make, dir_remove);
}
