/* What a controller asks of the queue at every poll: who is ready, who is active, who else is
 * there. */
#include "job/queue.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/test_store.h"

#define RUNS      60
#define PROCESSES 4

static int setup(void **state)
{
	*state = test_store_fixture(sizeof(struct test_store));
	return 0;
}

/* A job that takes any number of runs. */
static int64_t wide_job(struct test_store *f, const char *name)
{
	struct job job = test_job(&f->arena, name, JOB_EXEC);

	job.max_active = 1000;
	test_store_apply(f, &job);
	return job.job_id;
}

static size_t claim(struct test_store *f, struct store *s, size_t max, struct run **ret_runs)
{
	size_t n = 99;

	must(queue_claim(
		     s, "controller", "c1", TEST_LEASE_MS, max, &f->arena, ret_runs, &n, &f->err),
		&f->err);
	return n;
}

/* The run_ids that one claim gives, as "3 1 2". */
static const char *claimed(struct test_store *f, size_t max)
{
	const char *text = "";
	struct run *runs;
	size_t n = claim(f, f->store, max, &runs);

	for (size_t i = 0; i < n; i++)
		text = arena_printf(&f->arena, "%s%s%d", text, i ? " " : "", (int)runs[i].run_id);
	return text;
}

/* --- claims --- */

static void a_claim_gives_a_fence_and_a_lease(void **state)
{
	struct test_store *f = *state;
	const struct order order = {.actor = "me", .key = "k"};
	struct run ordered, *runs;
	bool known;

	wide_job(f, "a");
	must(queue_order(f->store, 1, &order, &f->arena, &ordered, &known, &f->err), &f->err);
	assert_int_equal(claim(f, f->store, 5, &runs), 1);
	assert_int_equal(runs[0].run_id, 1);
	assert_string_equal(runs[0].run_uid, ordered.run_uid);
	assert_int_equal(runs[0].job_id, 1);
	assert_int_equal(runs[0].state, RUN_STARTING);
	assert_int_equal(runs[0].attempt, 1);
	assert_int_equal(runs[0].fence, 1);
	assert_int_equal(runs[0].disruptions, 0);
	assert_string_equal(runs[0].order_key, "k");
	assert_int_equal(runs[0].settle, RUN_STATE_COUNT);
	check_store(f,
		"SELECT state, owner, controller_uid, worker,"
		" round((julianday(lease_until) - julianday(claimed_at)) * 86400) FROM etl_run",
		"starting|controller|c1|NULL|60.0");
	check_store(f, "SELECT run_id, fence FROM etl_run_heartbeat", "1|1");
	check_store(f, "SELECT old_state, new_state, actor FROM etl_run_event WHERE actor <> 'me'",
		"queued|starting|controller");
	assert_string_equal(claimed(f, 5), "");
}

static void priority_goes_first_then_age(void **state)
{
	struct test_store *f = *state;

	wide_job(f, "a");
	store_sql(f, "INSERT INTO etl_run (job_id, priority, ready_at) VALUES (1, -1, '2001'),"
		     " (1, 0, '2003'), (1, 0, '2002'), (1, 7, '2009'), (1, 0, '2002')");
	assert_string_equal(claimed(f, 3), "4 3 5");
	assert_string_equal(claimed(f, 3), "2 1");
}

static void what_is_delayed_waits(void **state)
{
	struct test_store *f = *state;
	struct outlook outlook;

	wide_job(f, "a");
	store_sql(f, "INSERT INTO etl_run (job_id, ready_at) VALUES"
		     " (1, strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '3600 seconds')),"
		     " (1, strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '7200 seconds'))");
	assert_string_equal(claimed(f, 3), "");
	must(queue_outlook(f->store, NULL, &outlook, &f->err), &f->err);
	assert_true(outlook.next_ready_ms > 3000000 && outlook.next_ready_ms <= 3600000);
	store_sql(f, "UPDATE etl_run SET ready_at = '2001' WHERE run_id = 2");
	assert_string_equal(claimed(f, 3), "2");
}

/* Two of one job are taken, and those of others that stand behind its third all the same. */
static void a_full_job_leaves_room_for_others(void **state)
{
	struct test_store *f = *state;
	struct job narrow = test_job(&f->arena, "narrow", JOB_EXEC);
	struct run *runs;

	narrow.max_active = 2;
	test_store_apply(f, &narrow);
	wide_job(f, "wide");
	for (int i = 0; i < 5; i++)
		test_store_order(f, 1);
	for (int i = 0; i < 5; i++)
		test_store_order(f, 2);
	assert_string_equal(claimed(f, 4), "1 2 6 7");
	assert_string_equal(claimed(f, 9), "8 9 10");
	assert_string_equal(claimed(f, 9), "");
	must(queue_find(
		     f->store, 1, &f->arena, runs = arena_alloc(&f->arena, sizeof(*runs)), &f->err),
		&f->err);
	must(queue_move(f->store, runs, RUN_RUNNING, "w", NULL, NULL, &f->err), &f->err);
	assert_string_equal(claimed(f, 9), ""); /* running counts as starting does */
	must(queue_move(f->store, runs, RUN_SUCCEEDED, "w", NULL, NULL, &f->err), &f->err);
	assert_string_equal(claimed(f, 9), "3");
}

static void jobs_that_must_not_start(void **state)
{
	static const char *const changes[] = {"enabled = 0", "hold_reason = 'old'"};
	struct test_store *f = *state;

	wide_job(f, "a");
	wide_job(f, "b");
	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		store_sql(f,
			"DELETE FROM etl_run_heartbeat; DELETE FROM etl_run_event;"
			"DELETE FROM etl_run; DELETE FROM sqlite_sequence WHERE name = 'etl_run'");
		store_sql(f, arena_printf(&f->arena, "UPDATE etl_job SET %s WHERE job_id = 1",
				     changes[i]));
		test_store_order(f, 1);
		test_store_order(f, 2);
		assert_string_equal(claimed(f, 2), "2");
		store_sql(f, "UPDATE etl_job SET enabled = 1, hold_reason = NULL");
		assert_string_equal(claimed(f, 2), "1");
	}
}

/* It moves no data: a full, disabled or held job does not keep it. */
static void a_run_to_be_settled_is_always_claimed(void **state)
{
	struct test_store *f = *state;
	struct run *runs;

	test_store_job(f, "a", NULL);
	for (int i = 0; i < 3; i++)
		test_store_order(f, 1);
	assert_string_equal(claimed(f, 9), "1");
	store_sql(f, "UPDATE etl_run SET settle = 'failed' WHERE run_id = 3;"
		     "UPDATE etl_job SET enabled = 0, hold_reason = 'x'");
	assert_int_equal(claim(f, f->store, 9, &runs), 1);
	assert_int_equal(runs[0].run_id, 3);
	assert_int_equal(runs[0].settle, RUN_FAILED);
	check_store(f,
		"SELECT reason FROM etl_run_event WHERE run_id = 3 AND new_state = 'starting'",
		"to have its target withdraw it");
}

static void a_claim_is_whole_or_not_at_all(void **state)
{
	struct test_store *f = *state;
	struct run *runs;
	size_t n = 99;

	wide_job(f, "a");
	test_store_order(f, 1);
	test_store_order(f, 1);
	store_sql(f, "CREATE TRIGGER refuse BEFORE INSERT ON etl_run_heartbeat WHEN new.run_id = 2"
		     " BEGIN SELECT raise(ABORT, 'full'); END");
	assert_int_equal(
		queue_claim(f->store, "c", "c1", TEST_LEASE_MS, 2, &f->arena, &runs, &n, &f->err),
		-1);
	check_err(&f->err, ERR_DATA, "claim runs: full");
	assert_int_equal(n, 0);
	check_store(f, "SELECT DISTINCT state, fence FROM etl_run", "queued|0");
	store_sql(f, "DROP TRIGGER refuse");
	assert_string_equal(claimed(f, 2), "1 2");
}

/* Two controllers, turn by turn: each run is one's, and both have their share. */
static void two_controllers_claim_no_run_twice(void **state)
{
	struct test_store *f = *state;
	CLEANUP_STORE struct store *other = test_store_again(f);
	size_t n[2] = {0};
	char seen[RUNS + 1] = {0};

	wide_job(f, "a");
	for (int i = 0; i < RUNS; i++)
		test_store_order(f, 1);
	for (int turn = 0;; turn++) {
		struct run *runs;
		size_t got = claim(f, turn % 2 ? other : f->store, 1 + (size_t)turn % 3, &runs);

		if (got == 0)
			break;
		n[turn % 2] += got;
		for (size_t i = 0; i < got; i++)
			assert_int_equal(seen[runs[i].run_id]++, 0);
	}
	assert_int_equal(n[0] + n[1], RUNS);
	assert_true(n[0] > 10 && n[1] > 10);
	check_store(f, "SELECT DISTINCT state, fence FROM etl_run", "starting|1");
}

static pid_t claim_in_process(struct test_store *f)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct store *s;
		struct run *runs;
		size_t n;

		if (store_open(&f->settings, &s, &f->err))
			_exit(2);
		do
			if (queue_claim(s, "controller", "c1", TEST_LEASE_MS, 2, &f->arena, &runs,
				    &n, &f->err))
				_exit(1);
		while (n);
		store_close(s);
		_exit(0);
	}
	return pid;
}

/* At the same time: none of them fails, and no run is claimed twice. */
static void many_controllers_at_once(void **state)
{
	struct test_store *f = *state;
	pid_t pids[PROCESSES];

	wide_job(f, "a");
	for (int i = 0; i < RUNS; i++)
		test_store_order(f, 1);
	store_close(mem_steal(f->store)); /* no connection of ours in a child */
	for (int i = 0; i < PROCESSES; i++)
		pids[i] = claim_in_process(f);
	for (int i = 0; i < PROCESSES; i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	check_store(f,
		"SELECT count(*), min(state), max(state), min(fence), max(fence) FROM etl_run",
		"60|starting|starting|1|1");
	check_store(f,
		"SELECT count(*), count(DISTINCT run_id) FROM etl_run_event"
		" WHERE new_state = 'starting'",
		"60|60");
}

/* --- plain SQL --- */

static void what_plain_sql_cancels(void **state)
{
	struct test_store *f = *state;
	bool cancelled = false;
	struct run run;

	wide_job(f, "a");
	for (int i = 0; i < 5; i++)
		test_store_order(f, 1);
	run = test_store_start(f); /* 1 */
	store_sql(f, "UPDATE etl_run SET state = 'waiting' WHERE run_id = 2;"
		     "UPDATE etl_run SET fence = 3, attempt = 3 WHERE run_id = 3;"
		     "UPDATE etl_run SET state = 'failed', finished_at = '2001' WHERE run_id = 4;"
		     "UPDATE etl_run SET settle = 'failed' WHERE run_id = 5");
	store_sql(f, "UPDATE etl_run SET cancel_requested = 1");
	test_store_sort(f);
	test_store_sort(f); /* and nothing more */
	check_store(f, "SELECT run_id, state, settle FROM etl_run",
		"1|running|NULL;2|cancelled|NULL;3|queued|cancelled;4|failed|NULL;5|queued|failed");
	check_store(f, "SELECT run_id, reason FROM etl_run_event WHERE actor = 'sorter'",
		"2|cancelled before it began;3|cancelled: its target is to withdraw it");
	must(queue_renew(f->store, &run, 1000, NULL, &cancelled, &f->err), &f->err);
	assert_true(cancelled);
}

/* --- who is active --- */

static struct active_run *active(struct test_store *f, int64_t grace_ms, size_t expected)
{
	struct active_run *v;
	size_t n = 99;

	must(queue_active(f->store, grace_ms, &f->arena, &v, &n, &f->err), &f->err);
	assert_int_equal(n, expected);
	return v;
}

static void active_runs_are_listed(void **state)
{
	struct test_store *f = *state;
	const struct order order = {.actor = "me"};
	struct active_run *v;
	struct run by_hand;

	wide_job(f, "a");
	active(f, 0, 0);
	for (int i = 0; i < 3; i++)
		test_store_order(f, 1);
	test_store_start(f); /* 1 */
	test_store_claim(f); /* 2 */
	must(queue_order_claimed(
		     f->store, 1, &order, "process 9", TEST_LEASE_MS, &f->arena, &by_hand, &f->err),
		&f->err);
	store_sql(f, "UPDATE etl_run SET cancel_requested = 1, settle = 'failed', disruptions = 2"
		     " WHERE run_id = 2");
	v = active(f, 0, 3);
	assert_int_equal(v[0].run.run_id, 1);
	assert_int_equal(v[0].run.job_id, 1);
	assert_int_equal(v[0].run.state, RUN_RUNNING);
	assert_int_equal(v[0].run.attempt, 1);
	assert_int_equal(v[0].run.fence, 1);
	assert_int_equal(v[0].run.settle, RUN_STATE_COUNT);
	assert_false(v[0].run.cancel_requested);
	assert_string_equal(
		v[0].run.run_uid, sql_ask(f->path, "SELECT run_uid FROM etl_run WHERE run_id = 1"));
	assert_string_equal(v[0].job_name, "a");
	assert_string_equal(v[0].controller_uid, "c1");
	assert_string_equal(v[0].worker, "process 7");
	assert_false(v[0].lease_past);
	assert_false(v[0].overdue);
	assert_int_equal(v[1].run.state, RUN_STARTING);
	assert_int_equal(v[1].run.settle, RUN_FAILED);
	assert_int_equal(v[1].run.disruptions, 2);
	assert_true(v[1].run.cancel_requested);
	assert_null(v[1].worker);
	assert_null(v[2].controller_uid);
	assert_string_equal(v[2].worker, "process 9");
}

static void many_active_runs_are_listed(void **state)
{
	struct test_store *f = *state;
	struct active_run *v;
	struct run *runs;

	wide_job(f, "a");
	for (int i = 0; i < 200; i++)
		test_store_order(f, 1);
	assert_int_equal(claim(f, f->store, 200, &runs), 200);
	v = active(f, 0, 200);
	for (int i = 0; i < 200; i++) {
		assert_int_equal(v[i].run.run_id, i + 1);
		assert_string_equal(v[i].run.run_uid, runs[i].run_uid);
	}
}

/* The heartbeat's, which a renewal writes; the run's own where that is of another fence. */
static void a_lease_is_the_heartbeats(void **state)
{
	struct test_store *f = *state;

	wide_job(f, "a");
	test_store_order(f, 1);
	test_store_start(f);
	store_sql(f, "UPDATE etl_run SET lease_until = '2001'");
	assert_false(active(f, 0, 1)->lease_past);
	store_sql(f, "UPDATE etl_run_heartbeat SET lease_until = '2002'");
	assert_true(active(f, 0, 1)->lease_past);
	assert_string_equal(active(f, 0, 1)->lease_until, "2002");
	store_sql(f, "UPDATE etl_run_heartbeat SET lease_until = '2999', fence = 7");
	assert_true(active(f, 0, 1)->lease_past);
	assert_string_equal(active(f, 0, 1)->lease_until, "2001");
	/* a state that somebody set by hand has no lease at all: it is long past */
	store_sql(f, "UPDATE etl_run SET lease_until = NULL");
	assert_true(active(f, 0, 1)->lease_past);
	assert_string_equal(active(f, 0, 1)->lease_until, "");
}

static void who_takes_too_long_is_overdue(void **state)
{
	struct test_store *f = *state;

	wide_job(f, "a");
	test_store_order(f, 1);
	test_store_start(f);
	store_sql(f, "UPDATE etl_run SET started_at ="
		     " strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-3600 seconds')");
	assert_false(active(f, 0, 1)->overdue); /* no timeout */
	store_sql(f, "UPDATE etl_job SET timeout = 3599.5");
	assert_true(active(f, 0, 1)->overdue);
	assert_false(active(f, 600000, 1)->overdue);
	store_sql(f, "UPDATE etl_job SET timeout = 4000");
	assert_false(active(f, 0, 1)->overdue);
	store_sql(f, "UPDATE etl_run SET started_at = NULL, state = 'starting';"
		     "UPDATE etl_job SET timeout = 1");
	assert_false(active(f, 0, 1)->overdue);
}

/* --- the outlook --- */

static void what_is_left_to_do(void **state)
{
	static const char *const changes[] = {
		"state = 'queued'", "state = 'queued'", "state = 'queued', settle = 'failed'",
		"state = 'waiting'", "state = 'starting'", "state = 'running'",
		"state = 'succeeded', finished_at = '2100'",
		"state = 'failed', finished_at = '2100'", "state = 'unknown', finished_at = '2100'",
		"state = 'failed', finished_at = '2001'", /* long ago */
	};
	struct test_store *f = *state;
	struct outlook o;
	const char *since;

	wide_job(f, "a");
	must(queue_now(f->store, &f->arena, &since, &f->err), &f->err);
	must(queue_outlook(f->store, since, &o, &f->err), &f->err);
	assert_int_equal(o.active + o.queued + o.held + o.waiting + o.ended + o.unsuccessful, 0);
	assert_int_equal(o.next_ready_ms, -1);
	for (size_t i = 0; i < ARRAY_LEN(changes); i++)
		store_sql(f, arena_printf(&f->arena,
				     "INSERT INTO etl_run (job_id) VALUES (1);"
				     "UPDATE etl_run SET %s WHERE run_id = last_insert_rowid()",
				     changes[i]));
	must(queue_outlook(f->store, since, &o, &f->err), &f->err);
	assert_int_equal(o.active, 2);
	assert_int_equal(o.queued, 3);
	assert_int_equal(o.held, 0);
	assert_int_equal(o.waiting, 1);
	assert_int_equal(o.ended, 3);
	assert_int_equal(o.unsuccessful, 2);
	assert_int_equal(o.next_ready_ms, -1); /* ready is not what will be */
	store_sql(f, "UPDATE etl_job SET hold_reason = 'x'");
	must(queue_outlook(f->store, since, &o, &f->err), &f->err);
	assert_int_equal(o.queued, 1); /* to be settled */
	assert_int_equal(o.held, 2);
	store_sql(f, "UPDATE etl_job SET hold_reason = NULL, enabled = 0");
	must(queue_outlook(f->store, since, &o, &f->err), &f->err);
	assert_int_equal(o.queued, 1);
	assert_int_equal(o.held, 0);
	must(queue_outlook(f->store, NULL, &o, &f->err), &f->err);
	assert_int_equal(o.active + o.queued + o.held + o.waiting + o.ended + o.unsuccessful, 0);
}

/* --- controllers --- */

static void beat(
	struct test_store *f, const char *uid, const char *s, int64_t workers, int64_t lease_ms)
{
	const struct controller_info me = {.uid = uid,
		.host = "h1",
		.process = "process 1",
		.version = "0.1",
		.state = s,
		.max_workers = 4,
		.workers = workers};

	must(queue_beat(f->store, &me, lease_ms, NULL, &f->err), &f->err);
}

static struct controller_info *controllers(struct test_store *f, size_t expected)
{
	struct controller_info *v;
	size_t n = 99;

	must(queue_controllers(f->store, &f->arena, &v, &n, &f->err), &f->err);
	assert_int_equal(n, expected);
	return v;
}

static void controllers_are_listed(void **state)
{
	struct test_store *f = *state;
	struct controller_info *v;

	controllers(f, 0);
	beat(f, "c1", "running", 2, TEST_LEASE_MS);
	v = controllers(f, 1);
	assert_string_equal(v[0].uid, "c1");
	assert_string_equal(v[0].host, "h1");
	assert_string_equal(v[0].process, "process 1");
	assert_string_equal(v[0].version, "0.1");
	assert_string_equal(v[0].state, "running");
	assert_int_equal(v[0].max_workers, 4);
	assert_int_equal(v[0].workers, 2);
	assert_true(v[0].alive);
	assert_string_equal(
		v[0].started_at, sql_ask(f->path, "SELECT started_at FROM etl_controller"));
	store_sql(f, "UPDATE etl_controller SET lease_until = '2001', heartbeat_at = 'then',"
		     " started_at = '2000'");
	assert_false(controllers(f, 1)->alive);
	beat(f, "c1", "stopping", 1, TEST_LEASE_MS);
	v = controllers(f, 1);
	assert_true(v[0].alive);
	assert_string_equal(v[0].state, "stopping");
	assert_int_equal(v[0].workers, 1);
	assert_string_equal(v[0].started_at, "2000");
	beat(f, "c2", "running", 0, TEST_LEASE_MS);
	controllers(f, 2);
	beat(f, "c1", "stopped", 0, TEST_LEASE_MS);
	assert_string_equal(controllers(f, 1)->uid, "c2");
}

/* Whether it wrote its row when it beat. */
#define check_beat(f, workers, written) \
	do { \
		store_sql(f, "UPDATE etl_controller SET heartbeat_at = 'then'"); \
		beat(f, "c1", "running", workers, TEST_LEASE_MS); \
		check_store(f, "SELECT heartbeat_at <> 'then' FROM etl_controller", written); \
	} while (0)

static void a_fresh_heartbeat_is_left_as_it_is(void **state)
{
	struct test_store *f = *state;

	beat(f, "c1", "running", 2, TEST_LEASE_MS);
	check_beat(f, 2, "0");
	check_beat(f, 1, "1");
	store_sql(f, "UPDATE etl_controller SET lease_until ="
		     " strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '45 seconds')");
	check_beat(f, 1, "0");
	store_sql(f, "UPDATE etl_controller SET lease_until ="
		     " strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '39 seconds')");
	check_beat(f, 1, "1");
	store_sql(f, "UPDATE etl_controller SET lease_until = '2100'"); /* the clock was set back */
	check_beat(f, 1, "1");
	store_sql(f, "UPDATE etl_controller SET state = 'stopped'"); /* somebody buried it */
	check_beat(f, 1, "1");
	check_store(f, "SELECT state FROM etl_controller", "running");
}

static void a_dead_controller_is_buried(void **state)
{
	struct test_store *f = *state;
	struct controller_info seen;

	beat(f, "c1", "running", 2, TEST_LEASE_MS);
	seen = *controllers(f, 1);
	store_sql(f, "UPDATE etl_controller SET lease_until = '2100'"); /* it is there again */
	must(queue_bury_controller(f->store, &seen, &f->err), &f->err);
	check_store(f, "SELECT state, workers FROM etl_controller", "running|2");
	seen = *controllers(f, 1);
	must(queue_bury_controller(f->store, &seen, &f->err), &f->err);
	check_store(f, "SELECT state, workers FROM etl_controller", "stopped|0");
	beat(f, "c1", "running", 1, TEST_LEASE_MS); /* it was not dead */
	controllers(f, 1);
}

static void the_long_dead_are_forgotten(void **state)
{
	struct test_store *f = *state;
	struct controller_info nobody = {.uid = "none", .lease_until = "2001"};

	beat(f, "stopped a week ago", "stopped", 0, TEST_LEASE_MS);
	beat(f, "silent for a week", "running", 0, TEST_LEASE_MS);
	store_sql(f, "UPDATE etl_controller SET heartbeat_at ="
		     " strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-7 days')");
	beat(f, "stopped now", "stopped", 0, TEST_LEASE_MS);
	must(queue_bury_controller(f->store, &nobody, &f->err), &f->err);
	check_store(f, "SELECT controller_uid FROM etl_controller ORDER BY 1",
		"silent for a week;stopped now");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, test_store_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_claim_gives_a_fence_and_a_lease),
		TEST(priority_goes_first_then_age),
		TEST(what_is_delayed_waits),
		TEST(a_full_job_leaves_room_for_others),
		TEST(jobs_that_must_not_start),
		TEST(a_run_to_be_settled_is_always_claimed),
		TEST(a_claim_is_whole_or_not_at_all),
		TEST(two_controllers_claim_no_run_twice),
		TEST(many_controllers_at_once),
		TEST(what_plain_sql_cancels),
		TEST(active_runs_are_listed),
		TEST(many_active_runs_are_listed),
		TEST(a_lease_is_the_heartbeats),
		TEST(who_takes_too_long_is_overdue),
		TEST(what_is_left_to_do),
		TEST(controllers_are_listed),
		TEST(a_fresh_heartbeat_is_left_as_it_is),
		TEST(a_dead_controller_is_buried),
		TEST(the_long_dead_are_forgotten),
	};

	return cmocka_run_group_tests_name("job/queue_poll", tests, dir_make, dir_remove);
}
