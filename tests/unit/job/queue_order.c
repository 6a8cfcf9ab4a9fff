/* Orders and cancellations. */
#include "job/queue.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/test_store.h"

#define PROCESSES 4
#define ROUNDS    25
#define UUID_LIKE "'________-____-4___-____-____________'"

struct fixture {
	struct test_store t;
	struct job job; /* 'load': 1 */
	struct run run;
};

static int setup(void **state)
{
	struct fixture *f = test_store_fixture(sizeof(*f));

	f->job = test_store_job(&f->t, "load", NULL);
	*state = f;
	return 0;
}

static void claimed(struct fixture *f)
{
	const struct order order = {.actor = "me"};

	must(queue_order_claimed(f->t.store, 1, &order, "process 7", TEST_LEASE_MS, &f->t.arena,
		     &f->run, &f->t.err),
		&f->t.err);
}

static int move(
	struct fixture *f, enum run_state to, const char *reason, const struct run_result *result)
{
	err_clear(&f->t.err);
	return queue_move(f->t.store, &f->run, to, "me", reason, result, &f->t.err);
}

static void running(struct fixture *f)
{
	claimed(f);
	must(move(f, RUN_RUNNING, NULL, NULL), &f->t.err);
}

/* --- orders --- */

static int order(struct fixture *f, int64_t job_id, const char *key, bool *ret_known)
{
	const struct order o = {.actor = "me", .key = key};

	err_clear(&f->t.err);
	return queue_order(f->t.store, job_id, &o, &f->t.arena, &f->run, ret_known, &f->t.err);
}

static void an_order_waits_for_a_claim(void **state)
{
	struct fixture *f = *state;
	bool known = true;

	must(order(f, 1, NULL, &known), &f->t.err);
	assert_false(known);
	assert_int_equal(f->run.run_id, 1);
	assert_int_equal(f->run.job_id, 1);
	assert_int_equal(f->run.state, RUN_QUEUED);
	assert_int_equal(f->run.fence, 0);
	assert_int_equal(f->run.attempt, 0);
	assert_int_equal(f->run.settle, RUN_STATE_COUNT);
	assert_string_equal(f->run.run_uid, sql_ask(f->t.path, "SELECT run_uid FROM etl_run"));
	check_store(&f->t, "SELECT state, origin, ordered_by, attempt, fence, owner FROM etl_run",
		"queued|manual|me|0|0|NULL");
	check_store(&f->t, "SELECT run_id, old_state, new_state, actor, reason FROM etl_run_event",
		"1|NULL|queued|me|ordered: manual");
}

static void the_same_key_is_the_same_run(void **state)
{
	struct fixture *f = *state;
	bool known = true;

	test_store_job(&f->t, "other", NULL);
	must(order(f, 1, "monday", &known), &f->t.err);
	assert_false(known);
	assert_string_equal(f->run.order_key, "monday");
	must(order(f, 1, "monday", &known), &f->t.err);
	assert_true(known);
	assert_int_equal(f->run.run_id, 1);
	must(order(f, 2, "monday", &known), &f->t.err); /* of another job */
	assert_false(known);
	assert_int_equal(f->run.run_id, 2);
	store_sql(&f->t, "UPDATE etl_run SET state = 'failed', finished_at = 'then', attempt = 4,"
			 " fence = 6, disruptions = 2, cancel_requested = 1, settle = 'failed'"
			 " WHERE run_id = 1");
	must(order(f, 1, "monday", &known), &f->t.err); /* whatever has become of it */
	assert_true(known);
	assert_int_equal(f->run.state, RUN_FAILED);
	assert_int_equal(f->run.attempt, 4);
	assert_int_equal(f->run.fence, 6);
	assert_int_equal(f->run.disruptions, 2);
	assert_int_equal(f->run.settle, RUN_FAILED);
	assert_true(f->run.cancel_requested);
	check_store(&f->t, "SELECT count(*) FROM etl_run", "2");
	check_store(&f->t, "SELECT count(*) FROM etl_run_event", "2");
}

static void an_order_is_claimed_at_once(void **state)
{
	struct fixture *f = *state;

	claimed(f);
	assert_int_equal(f->run.run_id, 1);
	assert_int_equal(f->run.job_id, 1);
	assert_int_equal(f->run.state, RUN_STARTING);
	assert_int_equal(f->run.fence, 1);
	assert_int_equal(f->run.attempt, 1);
	assert_null(f->run.order_key);
	assert_string_equal(f->run.run_uid, sql_ask(f->t.path, "SELECT run_uid FROM etl_run"));
	check_store(&f->t,
		"SELECT state, owner, fence, attempt, claimed_at IS NOT NULL,"
		" round((julianday(lease_until) - julianday(claimed_at)) * 86400),"
		" started_at, finished_at, controller_uid, worker FROM etl_run",
		"starting|me|1|1|1|60.0|NULL|NULL|NULL|process 7");
	check_store(&f->t,
		"SELECT h.fence, h.lease_until >= r.lease_until, progress FROM etl_run_heartbeat h"
		" JOIN etl_run r USING (run_id)",
		"1|1|NULL");
	check_store(&f->t, "SELECT run_id, old_state, new_state, actor, reason FROM etl_run_event",
		"1|NULL|queued|me|ordered: manual;1|queued|starting|me|NULL");
	assert_int_equal(test_store_claim(&f->t).run_id, 0);
}

/* Whoever orders by hand looks on: it is not kept from him. */
static void an_order_by_hand_takes_no_account_of_limits(void **state)
{
	struct fixture *f = *state;

	store_sql(&f->t, "UPDATE etl_job SET enabled = 0, hold_reason = 'old'");
	claimed(f);
	claimed(f);
	check_store(&f->t, "SELECT run_id, state FROM etl_run", "1|starting;2|starting");
}

static void a_known_order_is_not_claimed(void **state)
{
	const struct order o = {.actor = "me", .key = "monday"};
	struct fixture *f = *state;
	bool known;

	must(order(f, 1, "monday", &known), &f->t.err);
	assert_int_equal(queue_order_claimed(f->t.store, 1, &o, "process 7", TEST_LEASE_MS,
				 &f->t.arena, &f->run, &f->t.err),
		-1);
	check_err(&f->t.err, ERR_DATA,
		"order a run of job 1: the order 'monday' is run 1 already, which is queued");
	check_store(&f->t, "SELECT run_id, state, fence FROM etl_run", "1|queued|0");
}

static void an_order_of_no_job_is_none(void **state)
{
	const struct order o = {.actor = "me"};
	struct fixture *f = *state;
	bool known;

	assert_int_equal(order(f, 7, NULL, &known), -1);
	check_err(&f->t.err, ERR_NOT_FOUND, "order a run of job 7: there is no job 7");
	err_clear(&f->t.err);
	assert_int_equal(queue_order_claimed(f->t.store, 7, &o, "process 7", TEST_LEASE_MS,
				 &f->t.arena, &f->run, &f->t.err),
		-1);
	check_err(&f->t.err, ERR_NOT_FOUND, "order a run of job 7: there is no job 7");
	check_store(&f->t,
		"SELECT (SELECT count(*) FROM etl_run),"
		" (SELECT count(*) FROM etl_run_event)",
		"0|0");
	must(order(f, 1, NULL, &known), &f->t.err); /* the connection is as good as before */
}

/* The public interface: docs/design.md §4. */
static void an_order_by_hand_is_a_queued_run(void **state)
{
	struct fixture *f = *state;

	store_sql(&f->t, "INSERT INTO etl_run (job_id) VALUES (1)");
	check_store(&f->t,
		"SELECT state, fence, attempt, run_uid LIKE " UUID_LIKE
		", ready_at <= strftime('%Y-%m-%dT%H:%M:%fZ', 'now') FROM etl_run",
		"queued|0|0|1|1");
	claimed(f);
	check_store(&f->t, "SELECT run_id, state FROM etl_run ORDER BY run_id", /* not that one */
		"1|queued;2|starting");
}

/* --- cancelling --- */

static enum cancel_end cancel(struct fixture *f, int64_t run_id, enum run_state *ret_state)
{
	enum cancel_end end = CANCEL_TOO_LATE;

	must(queue_cancel(f->t.store, run_id, "boss", &end, ret_state, &f->t.err), &f->t.err);
	return end;
}

static void what_has_not_begun_is_cancelled_at_once(void **state)
{
	static const char *const states[] = {"queued", "waiting"};
	struct fixture *f = *state;
	enum run_state found;

	for (int64_t i = 0; i < 2; i++) {
		test_store_order(&f->t, 1);
		store_sql(&f->t, arena_printf(&f->t.arena,
					 "UPDATE etl_run SET state = '%s' WHERE run_id = %d",
					 states[i], (int)i + 1));
		assert_int_equal(cancel(f, i + 1, &found), CANCEL_DONE);
	}
	check_store(&f->t,
		"SELECT state, cancel_requested, finished_at IS NOT NULL, settle FROM etl_run",
		"cancelled|1|1|NULL;cancelled|1|1|NULL");
	check_store(&f->t,
		"SELECT old_state, new_state, actor, reason FROM etl_run_event"
		" WHERE actor <> 'me'",
		"queued|cancelled|boss|cancelled before it began;"
		"waiting|cancelled|boss|cancelled before it began");
}

/* An attempt of it may have left something in the target. */
static void what_has_begun_is_withdrawn_first(void **state)
{
	const struct verdict later = {
		.state = RUN_QUEUED, .settle = RUN_STATE_COUNT, .delay = 3600000};
	struct fixture *f = *state;
	enum run_state found;
	struct run run;

	running(f);
	must(queue_give_up(f->t.store, &f->run, &later, "me", "broken", NULL, &f->t.err),
		&f->t.err);
	assert_int_equal(test_store_claim(&f->t).run_id, 0); /* in an hour */
	for (int again = 0; again < 2; again++) {
		assert_int_equal(cancel(f, 1, &found), CANCEL_REQUESTED);
		assert_int_equal(found, RUN_QUEUED);
	}
	check_store(&f->t, "SELECT state, settle, finished_at, cancel_requested FROM etl_run",
		"queued|cancelled|NULL|1");
	check_store(&f->t,
		"SELECT old_state, new_state, reason FROM etl_run_event WHERE actor = 'boss'",
		"queued|queued|cancelled: its target is to withdraw it");
	run = test_store_claim(&f->t); /* now, and not in an hour */
	assert_int_equal(run.run_id, 1);
	assert_int_equal(run.settle, RUN_CANCELLED);
}

static void who_is_at_work_is_told(void **state)
{
	struct fixture *f = *state;
	enum run_state found;
	bool cancelled = true;

	claimed(f);
	must(queue_renew(f->t.store, &f->run, 1000, NULL, &cancelled, &f->t.err), &f->t.err);
	assert_false(cancelled);
	assert_int_equal(cancel(f, 1, &found), CANCEL_REQUESTED);
	assert_int_equal(found, RUN_STARTING);
	must(move(f, RUN_RUNNING, NULL, NULL), &f->t.err); /* it may go on until it hears of it */
	must(queue_renew(f->t.store, &f->run, 1000, NULL, &cancelled, &f->t.err), &f->t.err);
	assert_true(cancelled);
	assert_int_equal(cancel(f, 1, &found), CANCEL_REQUESTED);
	assert_int_equal(found, RUN_RUNNING);
	check_store(&f->t, "SELECT state, settle, cancel_requested FROM etl_run", "running|NULL|1");
	check_store(&f->t,
		"SELECT old_state, new_state, reason FROM etl_run_event WHERE actor = 'boss'",
		"starting|starting|cancellation requested;running|running|cancellation requested");
}

static void what_is_over_stays_as_it_is(void **state)
{
	struct fixture *f = *state;

	claimed(f);
	for (int s = 0; s < RUN_STATE_COUNT; s++) {
		enum run_state found;

		if (!run_state_final((enum run_state)s))
			continue;
		store_sql(&f->t, arena_printf(&f->t.arena,
					 "UPDATE etl_run SET finished_at = 'then', state = '%s'",
					 run_state_name((enum run_state)s)));
		assert_int_equal(cancel(f, 1, &found), CANCEL_TOO_LATE);
		assert_int_equal(found, s);
		check_store(&f->t, "SELECT state, cancel_requested FROM etl_run",
			arena_printf(&f->t.arena, "%s|0", run_state_name((enum run_state)s)));
	}
	check_store(&f->t, "SELECT count(*) FROM etl_run_event WHERE actor = 'boss'", "0");
}

static void a_run_that_there_is_not(void **state)
{
	struct fixture *f = *state;
	enum cancel_end end = CANCEL_DONE;
	enum run_state found = RUN_WAITING;
	struct run run = {.run_id = 42};

	assert_int_equal(queue_cancel(f->t.store, 9, "boss", &end, &found, &f->t.err), -1);
	check_err(&f->t.err, ERR_NOT_FOUND, "cancel run 9: there is no run 9");
	assert_string_equal(f->t.err.hint, "'etl status' lists the last ones");
	err_clear(&f->t.err);
	assert_int_equal(queue_find(f->t.store, 9, &f->t.arena, &run, &f->t.err), 0);
	assert_int_equal(run.run_id, 42);
	claimed(f);
	store_sql(&f->t, "UPDATE etl_run SET state = 'by hand'");
	assert_int_equal(queue_find(f->t.store, 1, &f->t.arena, &run, &f->t.err), -1);
	check_err(&f->t.err, ERR_DATA, "store: run 1 has a state that there is not");
}

/* --- many at once --- */

static pid_t work_in_process(struct fixture *f)
{
	const struct order o = {.actor = "p"};
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		const struct run_line line = {"info", "working"};
		struct test_store *t = &f->t;
		struct store *s;
		struct run run;

		if (store_open(&t->settings, &s, &t->err))
			_exit(2);
		for (int i = 0; i < ROUNDS; i++)
			if (queue_order_claimed(
				    s, 1, &o, "p", TEST_LEASE_MS, &t->arena, &run, &t->err) ||
				queue_move(s, &run, RUN_RUNNING, "p", NULL, NULL, &t->err) ||
				queue_log(s, &run, &line, 1, &t->err) ||
				queue_move(s, &run, RUN_SUCCEEDED, "p", NULL, NULL, &t->err)) {
				fprintf(stderr, "%s\n", t->err.msg);
				_exit(1);
			}
		store_close(s);
		_exit(0);
	}
	return pid;
}

static void many_workers_at_once(void **state)
{
	struct fixture *f = *state;
	pid_t pids[PROCESSES];

	store_close(mem_steal(f->t.store)); /* no connection of ours in a child */
	for (int i = 0; i < PROCESSES; i++)
		pids[i] = work_in_process(f);
	for (int i = 0; i < PROCESSES; i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	check_store(&f->t,
		"SELECT count(*), count(DISTINCT run_uid), min(state), min(fence), max(fence)"
		" FROM etl_run",
		"100|100|succeeded|1|1");
	check_store(&f->t, "SELECT count(*) FROM etl_run_event", "400");
	check_store(&f->t, "SELECT count(*) FROM etl_run_log", "100");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, test_store_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_order_waits_for_a_claim),
		TEST(the_same_key_is_the_same_run),
		TEST(an_order_is_claimed_at_once),
		TEST(an_order_by_hand_takes_no_account_of_limits),
		TEST(a_known_order_is_not_claimed),
		TEST(an_order_of_no_job_is_none),
		TEST(an_order_by_hand_is_a_queued_run),
		TEST(what_has_not_begun_is_cancelled_at_once),
		TEST(what_has_begun_is_withdrawn_first),
		TEST(who_is_at_work_is_told),
		TEST(what_is_over_stays_as_it_is),
		TEST(a_run_that_there_is_not),
		TEST(many_workers_at_once),
	};

	return cmocka_run_group_tests_name("job/queue_order", tests, dir_make, dir_remove);
}
