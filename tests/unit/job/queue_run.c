/* A run's life, from its claim to its end, and its log. */
#include "job/queue.h"

#include <string.h>

#include "unit/test_store.h"

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

#define LEASE_MISSED(n) \
	"run 1 is not ours any more: its fence is not " #n " or its state was changed"

/* --- a worker's call --- */

static void a_worker_takes_its_run(void **state)
{
	struct fixture *f = *state;
	struct run run, claim;

	test_store_order(&f->t, 1);
	claim = test_store_claim(&f->t);
	must(queue_take(f->t.store, 1, claim.fence, "worker 5", "process 5", &f->t.arena, &run,
		     &f->t.err),
		&f->t.err);
	assert_int_equal(run.run_id, 1);
	assert_int_equal(run.state, RUN_RUNNING);
	assert_int_equal(run.fence, 1);
	assert_int_equal(run.attempt, 1);
	assert_string_equal(run.run_uid, claim.run_uid);
	check_store(&f->t,
		"SELECT state, owner, controller_uid, worker, started_at IS NULL FROM etl_run",
		"running|controller|c1|process 5|0");
	/* once more, since the reply was lost */
	must(queue_take(f->t.store, 1, 1, "worker 5", "process 5", &f->t.arena, &run, &f->t.err),
		&f->t.err);
	assert_int_equal(run.state, RUN_RUNNING);
	assert_int_equal(run.fence, 1);
	check_store(&f->t, "SELECT count(*) FROM etl_run_event WHERE new_state = 'running'", "1");
	must(queue_move(f->t.store, &run, RUN_SUCCEEDED, "w", NULL, NULL, &f->t.err), &f->t.err);
	assert_int_equal(
		queue_take(f->t.store, 1, 1, "worker 5", "process 5", &f->t.arena, &run, &f->t.err),
		-1);
	check_err(&f->t.err, ERR_LEASE_LOST, "take run 1: " LEASE_MISSED(1));
	check_store(&f->t, "SELECT state FROM etl_run", "succeeded");
}

static void a_fence_that_is_not_the_runs_takes_nothing(void **state)
{
	static const int64_t fences[] = {0, 1, 3};
	struct fixture *f = *state;
	struct run run;

	claimed(f);
	store_sql(&f->t, "UPDATE etl_run SET fence = 2");
	for (size_t i = 0; i < ARRAY_LEN(fences); i++) {
		err_clear(&f->t.err);
		assert_int_equal(queue_take(f->t.store, 1, fences[i], "w", "p", &f->t.arena, &run,
					 &f->t.err),
			-1);
		assert_int_equal(f->t.err.code, ERR_LEASE_LOST);
	}
	err_clear(&f->t.err);
	assert_int_equal(queue_take(f->t.store, 9, 1, "w", "p", &f->t.arena, &run, &f->t.err), -1);
	check_err(&f->t.err, ERR_LEASE_LOST, "take run 9: there is no run 9");
	check_store(&f->t, "SELECT state, worker FROM etl_run", "starting|process 7");
	err_clear(&f->t.err);
	must(queue_take(f->t.store, 1, 2, "w", NULL, &f->t.arena, &run, &f->t.err), &f->t.err);
	check_store(&f->t, "SELECT state, worker FROM etl_run", "running|process 7");
}

static void a_worker_and_its_controller_are_named(void **state)
{
	struct fixture *f = *state;

	running(f);
	must(queue_worker(f->t.store, &f->run, "process 8", &f->t.err), &f->t.err);
	must(queue_adopt(f->t.store, &f->run, "c2", &f->t.err), &f->t.err);
	check_store(
		&f->t, "SELECT worker, controller_uid, state FROM etl_run", "process 8|c2|running");
	f->run.fence = 2;
	assert_int_equal(queue_worker(f->t.store, &f->run, "x", &f->t.err), -1);
	check_err(&f->t.err, ERR_LEASE_LOST, LEASE_MISSED(2));
	err_clear(&f->t.err);
	assert_int_equal(queue_adopt(f->t.store, &f->run, "x", &f->t.err), -1);
	assert_int_equal(f->t.err.code, ERR_LEASE_LOST);
	f->run.fence = 1;
	must(move(f, RUN_SUCCEEDED, NULL, NULL), &f->t.err);
	assert_int_equal(queue_adopt(f->t.store, &f->run, "x", &f->t.err), -1);
	assert_int_equal(f->t.err.code, ERR_LEASE_LOST);
	check_store(&f->t, "SELECT worker, controller_uid FROM etl_run", "process 8|c2");
}

static void a_lease_is_renewed(void **state)
{
	struct fixture *f = *state;
	bool cancelled = true;

	running(f);
	store_sql(&f->t, "UPDATE etl_run_heartbeat SET at = 'old', lease_until = 'old'");
	must(queue_renew(f->t.store, &f->run, 90500, "half of it", &cancelled, &f->t.err),
		&f->t.err);
	assert_false(cancelled);
	check_store(&f->t,
		"SELECT round((julianday(lease_until) - julianday(at)) * 86400, 1), progress"
		" FROM etl_run_heartbeat",
		"90.5|half of it");
	must(queue_renew(f->t.store, &f->run, 1000, NULL, &cancelled, &f->t.err), &f->t.err);
	check_store(&f->t, "SELECT progress FROM etl_run_heartbeat", "half of it");
}

/* Neither by the run's number alone, nor by a worker that was given up. */
static void a_lease_that_was_lost_is_not_renewed(void **state)
{
	const struct verdict requeue = {
		.state = RUN_QUEUED, .settle = RUN_STATE_COUNT, .disruption = true};
	struct fixture *f = *state;
	struct run mine;
	bool cancelled = true;

	running(f);
	mine = f->run;
	must(queue_give_up(f->t.store, &f->run, &requeue, "c", "lost", NULL, &f->t.err), &f->t.err);
	assert_int_equal(queue_renew(f->t.store, &mine, 1000, NULL, &cancelled, &f->t.err), -1);
	check_err(&f->t.err, ERR_LEASE_LOST, LEASE_MISSED(1));
	assert_int_equal(test_store_start(&f->t).fence, 2);
	err_clear(&f->t.err);
	assert_int_equal(queue_renew(f->t.store, &mine, 1000, "x", &cancelled, &f->t.err), -1);
	assert_int_equal(f->t.err.code, ERR_LEASE_LOST);
	assert_true(cancelled);
	check_store(&f->t, "SELECT fence, progress FROM etl_run_heartbeat", "2|NULL");
	mine.fence = 2;
	err_clear(&f->t.err);
	must(queue_renew(f->t.store, &mine, 1000, NULL, &cancelled, &f->t.err), &f->t.err);
	must(queue_move(f->t.store, &mine, RUN_FAILED, "me", NULL, NULL, &f->t.err), &f->t.err);
	assert_int_equal(queue_renew(f->t.store, &mine, 1000, NULL, &cancelled, &f->t.err), -1);
	assert_int_equal(f->t.err.code, ERR_LEASE_LOST);
}

/* --- moves --- */

static void a_run_goes_its_way(void **state)
{
	const struct run_result result = {
		.rows_read = 7, .rows_written = 6, .bytes_read = 1u << 31};
	struct fixture *f = *state;

	running(f);
	assert_int_equal(f->run.state, RUN_RUNNING);
	check_store(&f->t,
		"SELECT state, started_at IS NULL, finished_at IS NULL,"
		" lease_until IS NULL, rows_read FROM etl_run",
		"running|0|1|0|NULL");
	must(move(f, RUN_SUCCEEDED, "done", &result), &f->t.err);
	check_store(&f->t,
		"SELECT state, started_at IS NULL, finished_at IS NULL, rows_read, rows_written,"
		" bytes_read, error_code, error_message, owner FROM etl_run",
		"succeeded|0|0|7|6|2147483648|NULL|NULL|me");
	check_store(&f->t, "SELECT count(*) FROM etl_run_heartbeat", "0"); /* no lease any more */
	check_store(&f->t,
		"SELECT old_state, new_state, actor, reason, at IS NULL"
		" FROM etl_run_event WHERE event_id > 2 ORDER BY event_id",
		"starting|running|me|NULL|0;running|succeeded|me|done|0");
}

static void errors_are_kept(void **state)
{
	const struct run_result result = {-1, -1, -1, 3, "bad_data", "line 7"};
	struct fixture *f = *state;

	running(f);
	must(move(f, RUN_FAILED, "line 7", &result), &f->t.err);
	check_store(&f->t,
		"SELECT state, error_code, error_message, rows_read, bytes_read"
		" FROM etl_run",
		"failed|bad_data|line 7|NULL|3");
}

/* What an earlier attempt said is kept while another one is to come, and gone when that is good. */
static void a_good_end_forgets_the_errors_before(void **state)
{
	const struct run_result bad = {5, 4, -1, 3, "bad_data", "line 7"},
				good = {-1, 8, -1, -1, NULL, NULL};
	const struct verdict again = {.state = RUN_QUEUED, .settle = RUN_STATE_COUNT};
	struct fixture *f = *state;

	running(f);
	must(queue_give_up(f->t.store, &f->run, &again, "me", "x", &bad, &f->t.err), &f->t.err);
	check_store(&f->t, "SELECT error_code, error_message FROM etl_run", "bad_data|line 7");
	f->run = test_store_start(&f->t);
	check_store(&f->t, "SELECT error_code, error_message FROM etl_run", "bad_data|line 7");
	must(move(f, RUN_SUCCEEDED, NULL, &good), &f->t.err);
	check_store(&f->t, "SELECT error_code, error_message, rows_written FROM etl_run",
		"NULL|NULL|8");
}

/* From every state to every other, as run_may says; an end that is there already is one whose reply
 * was lost. */
static void every_way_is_taken_and_no_other(void **state)
{
	struct fixture *f = *state;

	claimed(f);
	for (int from = 0; from < RUN_STATE_COUNT; from++)
		for (int to = 0; to < RUN_STATE_COUNT; to++) {
			const char *old = run_state_name((enum run_state)from);
			const char *new = run_state_name((enum run_state)to);
			bool may = run_may((enum run_state)from, (enum run_state)to);
			bool there = from == to && run_state_final((enum run_state)to);

			store_sql(
				&f->t, arena_printf(&f->t.arena,
					       "DELETE FROM etl_run_event;"
					       "UPDATE etl_run SET state = '%s', started_at = NULL,"
					       " finished_at = NULL",
					       old));
			f->run.state = (enum run_state)from;
			assert_int_equal(
				move(f, (enum run_state)to, "why", NULL), may || there ? 0 : -1);
			assert_int_equal(f->run.state, may ? to : from);
			check_store(&f->t, "SELECT state FROM etl_run", may ? new : old);
			check_store(&f->t, "SELECT old_state, new_state FROM etl_run_event",
				may ? arena_printf(&f->t.arena, "%s|%s", old, new) : "");
			check_store(&f->t,
				"SELECT started_at IS NOT NULL, finished_at IS NOT NULL"
				" FROM etl_run",
				arena_printf(&f->t.arena, "%d|%d", may && to == RUN_RUNNING,
					may && run_state_final((enum run_state)to)));
			if (may || there)
				continue;
			check_err(&f->t.err, ERR_LEASE_LOST,
				arena_printf(&f->t.arena, "to %s: run 1: " LEASE_MISSED(1), new));
		}
}

static void an_older_fence_changes_nothing(void **state)
{
	const struct run_result result = {.rows_read = 7, .error_code = "x", .error_message = "y"};
	const struct verdict requeue = {.state = RUN_QUEUED, .settle = RUN_STATE_COUNT};
	struct fixture *f = *state;

	running(f);
	store_sql(&f->t, "UPDATE etl_run SET fence = 2, owner = 'you'");
	for (int to = 0; to < RUN_STATE_COUNT; to++) {
		assert_int_equal(move(f, (enum run_state)to, "why", &result), -1);
		assert_int_equal(f->t.err.code, ERR_LEASE_LOST);
		assert_int_equal(f->run.state, RUN_RUNNING);
	}
	err_clear(&f->t.err);
	assert_int_equal(
		queue_give_up(f->t.store, &f->run, &requeue, "me", "x", &result, &f->t.err), -1);
	check_err(&f->t.err, ERR_LEASE_LOST, "back to the queue: run 1: " LEASE_MISSED(1));
	assert_int_equal(f->run.state, RUN_RUNNING);
	check_store(&f->t, "SELECT state, owner, fence, rows_read, error_code FROM etl_run",
		"running|you|2|NULL|NULL");
	check_store(&f->t, "SELECT count(*) FROM etl_run_event", "3");
	f->run.run_id = 99; /* deleted */
	assert_int_equal(move(f, RUN_FAILED, NULL, NULL), -1);
	assert_int_equal(f->t.err.code, ERR_LEASE_LOST);
	f->run.run_id = 1;
	store_sql(&f->t, "UPDATE etl_run SET fence = 1, state = 'by hand'");
	assert_int_equal(move(f, RUN_FAILED, NULL, NULL), -1);
	assert_int_equal(f->t.err.code, ERR_LEASE_LOST);
}

/* An event that cannot be written undoes the move. */
static void a_move_is_whole_or_not_at_all(void **state)
{
	const struct verdict requeue = {.state = RUN_QUEUED, .settle = RUN_STATE_COUNT};
	struct fixture *f = *state;

	claimed(f);
	store_sql(&f->t, "CREATE TRIGGER refuse BEFORE INSERT ON etl_run_event"
			 " BEGIN SELECT raise(ABORT, 'no events'); END");
	assert_int_equal(move(f, RUN_RUNNING, NULL, NULL), -1);
	check_err(&f->t.err, ERR_DATA, "to running: run 1: no events");
	assert_int_equal(f->run.state, RUN_STARTING);
	err_clear(&f->t.err);
	assert_int_equal(
		queue_give_up(f->t.store, &f->run, &requeue, "me", "x", NULL, &f->t.err), -1);
	check_err(&f->t.err, ERR_DATA, "back to the queue: run 1: no events");
	check_store(&f->t, "SELECT state, (SELECT count(*) FROM etl_run_heartbeat) FROM etl_run",
		"starting|1");
	store_sql(&f->t, "DROP TRIGGER refuse");
	must(move(f, RUN_RUNNING, NULL, NULL), &f->t.err);
}

/* --- giving up --- */

static void a_verdict_is_carried_out(void **state)
{
	static const struct {
		struct verdict v;
		const char *run; /* state, settle, disruptions, is it over, is its delay right */
	} cases[] = {
		{{RUN_QUEUED, RUN_STATE_COUNT, 0, false}, "queued|NULL|0|0|1"},
		{{RUN_QUEUED, RUN_STATE_COUNT, 90500, false}, "queued|NULL|0|0|1"},
		{{RUN_QUEUED, RUN_STATE_COUNT, 1000, true}, "queued|NULL|1|0|1"},
		{{RUN_QUEUED, RUN_FAILED, 0, true}, "queued|failed|1|0|1"},
		{{RUN_QUEUED, RUN_CANCELLED, 0, true}, "queued|cancelled|1|0|1"},
		{{RUN_QUEUED, RUN_TIMED_OUT, 2000, true}, "queued|timed_out|1|0|1"},
		{{RUN_FAILED, RUN_STATE_COUNT, 0, false}, "failed|NULL|0|1|NULL"},
		{{RUN_TIMED_OUT, RUN_STATE_COUNT, 0, false}, "timed_out|NULL|0|1|NULL"},
		{{RUN_UNKNOWN, RUN_STATE_COUNT, 0, false}, "unknown|NULL|0|1|NULL"},
		{{RUN_CANCELLED, RUN_STATE_COUNT, 0, false}, "cancelled|NULL|0|1|NULL"},
		{{RUN_SUCCEEDED, RUN_STATE_COUNT, 0, false}, "succeeded|NULL|0|1|NULL"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *before = "", *where;
		double delay = (double)cases[i].v.delay / 1000;

		running(f);
		must(queue_now(f->t.store, &f->t.arena, &before, &f->t.err), &f->t.err);
		must(queue_give_up(
			     f->t.store, &f->run, &cases[i].v, "c1", "why not", NULL, &f->t.err),
			&f->t.err);
		assert_int_equal(f->run.state, cases[i].v.state);
		where = arena_printf(&f->t.arena, "WHERE run_id = %d", (int)f->run.run_id);
		check_store(&f->t,
			arena_printf(&f->t.arena,
				"SELECT state, settle, disruptions, finished_at IS NOT NULL,"
				" CASE state WHEN 'queued' THEN ready_at BETWEEN"
				" strftime('%%Y-%%m-%%dT%%H:%%M:%%fZ', '%s', '%.3f seconds') AND"
				" strftime('%%Y-%%m-%%dT%%H:%%M:%%fZ', 'now', '%.3f seconds') END"
				" FROM etl_run %s",
				before, delay, delay, where),
			cases[i].run);
		check_store(&f->t,
			arena_printf(&f->t.arena,
				"SELECT old_state, actor, reason FROM etl_run_event %s"
				" ORDER BY event_id DESC LIMIT 1",
				where),
			"running|c1|why not");
		check_store(&f->t, "SELECT count(*) FROM etl_run_heartbeat", "0");
	}
}

static void who_gives_up_frees_the_run(void **state)
{
	const struct verdict again = {
		.state = RUN_QUEUED, .settle = RUN_STATE_COUNT, .disruption = true};
	struct fixture *f = *state;
	struct run next;

	claimed(f); /* a worker that never came */
	must(queue_give_up(f->t.store, &f->run, &again, "c1", "x", NULL, &f->t.err), &f->t.err);
	check_store(
		&f->t, "SELECT owner, lease_until, fence, attempt FROM etl_run", "NULL|NULL|1|1");
	next = test_store_claim(&f->t);
	assert_int_equal(next.run_id, 1);
	assert_int_equal(next.fence, 2);
	assert_int_equal(next.attempt, 2);
	assert_int_equal(next.disruptions, 1);
	check_store(&f->t, "SELECT owner, worker, started_at FROM etl_run", "controller|NULL|NULL");
}

static void a_job_is_held_and_released(void **state)
{
	struct fixture *f = *state;

	must(queue_hold(f->t.store, 1, "the store is caf\xE9", &f->t.err), &f->t.err);
	check_store(&f->t, "SELECT hold_reason FROM etl_job", "the store is caf\xEF\xBF\xBD");
	test_store_order(&f->t, 1);
	assert_int_equal(test_store_claim(&f->t).run_id, 0);
	must(queue_hold(f->t.store, 1, NULL, &f->t.err), &f->t.err);
	check_store(&f->t, "SELECT hold_reason FROM etl_job", "NULL");
	assert_int_equal(test_store_claim(&f->t).run_id, 1);
}

/* --- the log --- */

static int say(struct fixture *f, const char *level, const char *text)
{
	const struct run_line line = {level, text};

	return queue_log(f->t.store, &f->run, &line, 1, &f->t.err);
}

static void messages_are_cut_and_cleaned(void **state)
{
	CLEANUP_FREE char *fits = repeat('x', STORE_MESSAGE_MAX);
	CLEANUP_FREE char *more = repeat('x', STORE_MESSAGE_MAX + 1);
	CLEANUP_FREE char *raw = repeat('\xFF', 2 * STORE_MESSAGE_MAX);
	struct run_result result = {.error_code = "x"};
	struct fixture *f = *state;

	running(f);
	must(say(f, "info", fits), &f->t.err);
	must(say(f, "info", more), &f->t.err);
	memcpy(more + STORE_MESSAGE_MAX - 1, "\xC3\xBC", 3);
	must(say(f, "info", more), &f->t.err);
	must(say(f, "info", "caf\xE9"), &f->t.err);
	must(say(f, "info", raw), &f->t.err);
	must(say(f, "info", ""), &f->t.err);
	check_store(&f->t,
		"SELECT seq, length(CAST(message AS BLOB)) FROM etl_run_log ORDER BY seq",
		"1|4000;2|4000;3|3999;4|6;5|3999;6|0");
	check_store(&f->t, "SELECT message FROM etl_run_log WHERE seq = 4", "caf\xEF\xBF\xBD");
	result.error_message = raw;
	must(move(f, RUN_FAILED, raw, &result), &f->t.err);
	check_store(&f->t, "SELECT length(error_message), unicode(error_message) FROM etl_run",
		"1333|65533");
	check_store(&f->t, "SELECT length(reason) FROM etl_run_event WHERE new_state = 'failed'",
		"1333");
}

static void log_lines_count_within_an_attempt(void **state)
{
	struct fixture *f = *state;
	struct run first;

	claimed(f);
	first = f->run;
	claimed(f);
	must(say(f, "warn", "b"), &f->t.err);
	f->run = first;
	must(say(f, "info", "a"), &f->t.err);
	must(say(f, "error", "c"), &f->t.err);
	f->run.attempt = 2;
	must(say(f, "info", "d"), &f->t.err);
	check_store(&f->t,
		"SELECT run_id, attempt, seq, level, message, at LIKE '20%Z'"
		" FROM etl_run_log ORDER BY 1, 2, 3",
		"1|1|1|info|a|1;1|1|2|error|c|1;1|2|1|info|d|1;2|1|1|warn|b|1");
	f->run.run_id = 99;
	assert_int_equal(say(f, "info", "x"), -1);
	check_err(&f->t.err, ERR_DATA, "log of run 99: FOREIGN KEY constraint failed");
}

static void lines_are_stored_all_or_none(void **state)
{
	const struct run_line lines[] = {{"info", "a"}, {"info", "b"}, {"info", "c"}};
	struct fixture *f = *state;

	claimed(f);
	store_sql(&f->t, "CREATE TRIGGER refuse BEFORE INSERT ON etl_run_log WHEN"
			 " new.message = 'c' BEGIN SELECT raise(ABORT, 'full'); END");
	assert_int_equal(queue_log(f->t.store, &f->run, lines, 3, &f->t.err), -1);
	check_err(&f->t.err, ERR_DATA, "log of run 1: full");
	check_store(&f->t, "SELECT count(*) FROM etl_run_log", "0");
	store_sql(&f->t, "DROP TRIGGER refuse");
	must(queue_log(f->t.store, &f->run, lines, 3, &f->t.err), &f->t.err);
	must(queue_log(f->t.store, &f->run, lines, 0, &f->t.err), &f->t.err);
	check_store(&f->t, "SELECT seq, message FROM etl_run_log ORDER BY seq", "1|a;2|b;3|c");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, test_store_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_worker_takes_its_run),
		TEST(a_fence_that_is_not_the_runs_takes_nothing),
		TEST(a_worker_and_its_controller_are_named),
		TEST(a_lease_is_renewed),
		TEST(a_lease_that_was_lost_is_not_renewed),
		TEST(a_run_goes_its_way),
		TEST(errors_are_kept),
		TEST(a_good_end_forgets_the_errors_before),
		TEST(every_way_is_taken_and_no_other),
		TEST(an_older_fence_changes_nothing),
		TEST(a_move_is_whole_or_not_at_all),
		TEST(a_verdict_is_carried_out),
		TEST(who_gives_up_frees_the_run),
		TEST(a_job_is_held_and_released),
		TEST(messages_are_cut_and_cleaned),
		TEST(log_lines_count_within_an_attempt),
		TEST(lines_are_stored_all_or_none),
	};

	return cmocka_run_group_tests_name("job/queue_run", tests, dir_make, dir_remove);
}
