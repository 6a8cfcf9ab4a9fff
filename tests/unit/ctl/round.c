#include "ctl/round.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "job/queue.h"
#include "unit/test_store.h"

#define LEASE 1000
#define STEP  200 /* between two rounds: less than what a controller takes for a gap */

struct fixture {
	struct test_store t;
	struct round_config config;
	struct round *round;
	struct fact *facts;
	const char *since;
	size_t slots;
	int64_t now;
	struct round_result result;
	const char *processes[4]; /* "process=alive" … ; others are elsewhere */
};

static enum executor_found look(void *arg, const char *process)
{
	struct fixture *f = arg;
	size_t len = strlen(process);

	for (size_t i = 0; i < ARRAY_LEN(f->processes); i++)
		if (f->processes[i] && strncmp(f->processes[i], process, len) == 0 &&
			f->processes[i][len] == '=')
			return strcmp(f->processes[i] + len, "=alive") == 0 ? EXECUTOR_ALIVE
									    : EXECUTOR_GONE;
	return EXECUTOR_ELSEWHERE;
}

/* A controller "me", and a job 'load' whose runs are tried twice. */
static int setup(void **state)
{
	struct fixture *f = mem_alloc(sizeof(*f));
	struct job job;

	test_store_init(&f->t);
	test_store_open(&f->t);
	job = test_job(&f->t.arena, "load", JOB_COPY);
	job.max_attempts = 2;
	job.max_active = 100;
	test_store_apply(&f->t, &job);
	f->config = (struct round_config){.uid = "me",
		.host = "here",
		.process = "process 1",
		.version = "0",
		.actor = "controller me",
		.lease_ms = LEASE,
		.max_workers = 4,
		.look = look,
		.arg = f};
	f->round = round_new(&f->config);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	while (f->facts) {
		struct fact *next = f->facts->next;

		fact_free(f->facts);
		f->facts = next;
	}
	round_free(f->round);
	test_store_release(&f->t);
	free(f);
	return 0;
}

static int try_round(struct fixture *f)
{
	err_clear(&f->t.err);
	f->now += STEP;
	return round_run(f->round, f->t.store, &f->facts, "running", 1, f->slots, f->since, f->now,
		&f->t.arena, &f->result, &f->t.err);
}

static void go_round(struct fixture *f)
{
	must(try_round(f), &f->t.err);
	assert_null(f->facts);
}

/* Rounds from now on for so long. */
static void go_on(struct fixture *f, int64_t ms)
{
	for (int64_t end = f->now + ms; f->now < end;)
		go_round(f);
}

static struct fact *tell(struct fixture *f, enum fact_kind kind, int64_t run_id, const char *text)
{
	struct fact *fact = fact_new(kind, run_id, 1, text), **last = &f->facts;

	fact->known = true;
	while (*last)
		last = &(*last)->next;
	return *last = fact;
}

/* Ordered and claimed by the controller "me". */
static struct run claimed(struct fixture *f)
{
	struct run run = test_store_order(&f->t, 1);

	run = test_store_claim(&f->t);
	must(queue_adopt(f->t.store, &run, "me", &f->t.err), &f->t.err);
	return run;
}

static struct run running(struct fixture *f)
{
	struct run run = claimed(f);

	must(queue_take(f->t.store, run.run_id, run.fence, "worker", "process 7", &f->t.arena, &run,
		     &f->t.err),
		&f->t.err);
	return run;
}

static void check_run(struct fixture *f, const char *expected)
{
	check_store(&f->t,
		"SELECT state, settle, disruptions FROM etl_run ORDER BY run_id DESC LIMIT 1",
		expected);
}

/* --- facts --- */

static void facts_about_a_worker(void **state)
{
	static const struct {
		enum fact_kind kind;
		bool running, known, stopped;
		const char *change; /* of the job or the run before */
		const char *run;    /* state, settle, disruptions, error_code, worker */
	} cases[] = {
		{FACT_STARTED, false, true, false, NULL, "starting|NULL|0|NULL|told"},
		{FACT_STARTED, true, true, false, NULL, "running|NULL|0|NULL|told"},
		{FACT_ADOPTED, false, true, false, NULL, "starting|NULL|0|NULL|NULL"},
		{FACT_ADOPTED, true, true, false, NULL, "running|NULL|0|NULL|process 7"},
		{FACT_NOT_STARTED, false, true, false, NULL, "queued|NULL|1|not_started|NULL"},
		{FACT_NOT_STARTED, true, true, false, NULL, "queued|NULL|1|not_started|process 7"},
		{FACT_GONE, false, true, false, NULL, "queued|NULL|1|not_started|NULL"},
		{FACT_GONE, true, true, false, NULL, "queued|NULL|1|lost|process 7"},
		/* before it took its run nothing was begun */
		{FACT_ENDED, false, true, false, NULL, "queued|NULL|1|not_started|NULL"},
		{FACT_ENDED, false, false, false, NULL, "queued|NULL|1|not_started|NULL"},
		/* without a word: it crashed, and that is an attempt */
		{FACT_ENDED, true, true, false, NULL, "queued|NULL|0|crashed|process 7"},
		{FACT_ENDED, true, true, true, NULL, "queued|NULL|0|timed_out|process 7"},
		{FACT_ENDED, true, false, false, NULL, "queued|NULL|1|lost|process 7"},
		/* the last attempt */
		{FACT_ENDED, true, true, false, "etl_job SET max_attempts = 1",
			"queued|failed|1|crashed|process 7"},
		{FACT_ENDED, true, true, true, "etl_job SET max_attempts = 1",
			"queued|timed_out|1|timed_out|process 7"},
		/* stopped since it is to be cancelled */
		{FACT_ENDED, true, true, true, "etl_run SET cancel_requested = 1",
			"queued|cancelled|1|crashed|process 7"},
		/* what cannot be fenced */
		{FACT_ENDED, true, true, false, "etl_job SET kind = 'exec', command = 'x'",
			"unknown|NULL|0|crashed|process 7"},
		{FACT_GONE, true, true, false, "etl_job SET kind = 'exec', command = 'x'",
			"unknown|NULL|0|lost|process 7"},
		{FACT_ENDED, false, true, false, "etl_job SET kind = 'exec', command = 'x'",
			"queued|NULL|1|not_started|NULL"},
		/* it was only to ask the target: what it ends for was said already */
		{FACT_ENDED, true, true, false,
			"etl_run SET settle = 'failed', error_code = 'bad_data'",
			"queued|failed|1|bad_data|process 7"},
		/* a definition that cannot be read is the default's */
		{FACT_GONE, true, true, false, "etl_job SET kind = 'nothing'",
			"queued|NULL|1|lost|process 7"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct run run = cases[i].running ? running(f) : claimed(f);
		struct fact *fact = tell(f, cases[i].kind, run.run_id, "told");
		const char *found;

		fact->known = cases[i].known;
		fact->stopped = cases[i].stopped;
		if (cases[i].change)
			store_sql(&f->t, arena_printf(&f->t.arena, "UPDATE %s", cases[i].change));
		go_round(f);
		found = sql_ask(f->t.path, "SELECT state, settle, disruptions, error_code, worker"
					   " FROM etl_run ORDER BY run_id DESC LIMIT 1");
		if (strcmp(found, cases[i].run) != 0)
			fail_msg("case %zu: %s, not %s", i, found, cases[i].run);
		store_sql(&f->t, "UPDATE etl_job SET kind = 'copy', max_attempts = 2;"
				 "UPDATE etl_run SET state = 'failed', settle = NULL,"
				 " finished_at = '2001' WHERE finished_at IS NULL");
	}
}

static void a_fact_says_why(void **state)
{
	struct fixture *f = *state;

	tell(f, FACT_ENDED, running(f).run_id, "killed by signal 9 (Killed)");
	go_round(f);
	check_store(&f->t,
		"SELECT actor, reason, error_message = reason FROM etl_run_event"
		" JOIN etl_run USING (run_id) ORDER BY event_id DESC LIMIT 1",
		"controller me|its worker ended without a word: killed by signal 9 (Killed)|1");
	check_store(&f->t, "SELECT ready_at > strftime('%Y-%m-%dT%H:%M:%fZ', 'now') FROM etl_run",
		"1"); /* after the job's delay */
}

static void who_is_watched_by_us_is_ours(void **state)
{
	struct fixture *f = *state;
	struct run run = running(f);

	store_sql(&f->t, "UPDATE etl_run SET controller_uid = 'dead'");
	tell(f, FACT_ADOPTED, run.run_id, NULL);
	go_round(f);
	assert_int_equal(f->result.n_orphans, 0);
	check_store(&f->t, "SELECT controller_uid FROM etl_run", "me");
}

/* The worker said goodbye itself, the run is somebody else's, or it is not there any more. */
static void facts_that_change_nothing(void **state)
{
	static const char *const changes[] = {
		"state = 'succeeded', finished_at = '2001'",
		"state = 'failed', finished_at = '2001'",
		"state = 'queued'",
		"fence = 2",
		"run_id = 9999",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(changes); i++)
		for (int kind = FACT_STARTED; kind <= FACT_GONE; kind++) {
			const char *before, *ask = "SELECT *, (SELECT count(*) FROM etl_run_event) "
						   "FROM etl_run";

			store_sql(&f->t, "DELETE FROM etl_run_heartbeat; DELETE FROM etl_run_event;"
					 "DELETE FROM etl_run");
			tell(f, (enum fact_kind)kind, running(f).run_id, "told")->output =
				mem_strdup("its last words\n");
			store_sql(
				&f->t, "DELETE FROM etl_run_heartbeat; DELETE FROM etl_run_event");
			store_sql(&f->t,
				arena_printf(&f->t.arena, "UPDATE etl_run SET %s", changes[i]));
			before = arena_strdup(&f->t.arena, sql_ask(f->t.path, ask));
			f->config.lease_ms =
				1000000000; /* a lease that is gone is another matter */
			go_round(f);
			check_store(&f->t, ask, before);
			check_store(&f->t, "SELECT count(*) FROM etl_run_log", "0");
		}
}

/* --- last words --- */

static void last_words_are_kept(void **state)
{
	struct fixture *f = *state;
	struct fact *fact = tell(f, FACT_ENDED, running(f).run_id, "exit status 3");

	fact->output = mem_strdup("one\n\ntwo\nthree");
	fact->output_lost = 17;
	go_round(f);
	check_store(&f->t, "SELECT attempt, level, message FROM etl_run_log ORDER BY seq",
		"1|info|\xE2\x80\xA6 17 bytes of its output before this were not kept;"
		"1|info|one;1|info|two;1|info|three");
	tell(f, FACT_ENDED, running(f).run_id, "exit status 3")->output = mem_strdup("");
	go_round(f);
	check_store(&f->t, "SELECT count(*) FROM etl_run_log", "4");
}

/* The last of many lines are those that say why. */
static void many_last_words_are_kept(void **state)
{
	struct fixture *f = *state;
	struct fact *fact = tell(f, FACT_ENDED, running(f).run_id, "exit status 3");
	char *p = fact->output = mem_alloc(64 * 1024);

	for (int i = 1; i <= 3000; i++)
		p += sprintf(p, "line %d\n", i);
	go_round(f);
	check_store(&f->t,
		"SELECT count(*), (SELECT message FROM etl_run_log ORDER BY seq DESC LIMIT 1)"
		" FROM etl_run_log",
		"3000|line 3000");
}

static void last_words_wait_for_the_store(void **state)
{
	struct fixture *f = *state;

	tell(f, FACT_ENDED, running(f).run_id, "exit status 3")->output = mem_strdup("one\ntwo\n");
	store_sql(&f->t,
		"CREATE TRIGGER refuse BEFORE INSERT ON etl_run_log WHEN new.message = 'two'"
		" BEGIN SELECT raise(ABORT, 'no lines'); END");
	assert_int_equal(try_round(f), -1);
	assert_non_null(f->facts);
	check_run(f, "running|NULL|0");
	store_sql(&f->t, "DROP TRIGGER refuse");
	/* and now they are stored, and the rest fails: they are not stored twice */
	store_sql(&f->t, "CREATE TRIGGER refuse BEFORE INSERT ON etl_run_event"
			 " BEGIN SELECT raise(ABORT, 'no events'); END");
	assert_int_equal(try_round(f), -1);
	assert_non_null(f->facts);
	check_store(&f->t, "SELECT message FROM etl_run_log ORDER BY seq", "one;two");
	store_sql(&f->t, "DROP TRIGGER refuse");
	go_round(f);
	check_store(&f->t, "SELECT message FROM etl_run_log ORDER BY seq", "one;two");
	check_run(f, "queued|NULL|0");
}

/* What was taken is gone, the rest is kept in its order. */
static void a_store_that_fails_keeps_the_facts(void **state)
{
	struct fixture *f = *state;
	int64_t a = claimed(f).run_id, b = claimed(f).run_id, c = claimed(f).run_id;

	tell(f, FACT_STARTED, a, "process a");
	tell(f, FACT_STARTED, b, "process b");
	tell(f, FACT_STARTED, c, "process c");
	store_sql(&f->t, "CREATE TRIGGER refuse BEFORE UPDATE ON etl_run WHEN"
			 " new.worker = 'process b' BEGIN SELECT raise(ABORT, 'full'); END");
	f->slots = 5;
	test_store_order(&f->t, 1);
	assert_int_equal(try_round(f), -1);
	assert_non_null(strstr(f->t.err.msg, "full"));
	assert_int_equal(f->facts->run_id, b);
	assert_int_equal(f->facts->next->run_id, c);
	assert_int_equal(f->result.n_claimed, 0); /* nothing is claimed by a round that failed */
	check_store(&f->t, "SELECT worker FROM etl_run", "process a;NULL;NULL;NULL");
	store_sql(&f->t, "DROP TRIGGER refuse");
	go_round(f);
	check_store(&f->t, "SELECT worker FROM etl_run", "process a;process b;process c;NULL");
	assert_int_equal(f->result.n_claimed, 1);
}

/* --- other controllers --- */

static void peer(struct fixture *f, const char *uid, const char *process)
{
	const struct controller_info c = {.uid = uid,
		.host = "there",
		.process = process,
		.version = "0",
		.state = "running",
		.max_workers = 1};

	must(queue_beat(f->t.store, &c, LEASE, NULL, &f->t.err), &f->t.err);
}

static void runs_of(struct fixture *f, const char *uid)
{
	store_sql(
		&f->t, arena_printf(&f->t.arena, "UPDATE etl_run SET controller_uid = '%s'", uid));
}

static void check_orphan(struct fixture *f, bool orphan)
{
	assert_int_equal(f->result.n_orphans, orphan);
	if (!orphan)
		return;
	assert_int_equal(f->result.orphans[0].run.run_id, 1);
	assert_int_equal(f->result.orphans[0].run.fence, 1);
	assert_string_equal(f->result.orphans[0].worker, "process 7");
}

static void a_controller_that_lives_has_its_runs(void **state)
{
	struct fixture *f = *state;

	running(f);
	runs_of(f, "c1");
	peer(f, "c1", "process 9");
	f->processes[0] = "process 9=alive";
	store_sql(&f->t, "UPDATE etl_controller SET lease_until = '2001'"); /* it hangs, perhaps */
	go_on(f, 3 * LEASE);
	check_orphan(f, false);
	check_store(
		&f->t, "SELECT state FROM etl_controller WHERE controller_uid = 'c1'", "running");
}

static void a_controller_that_is_gone_leaves_orphans(void **state)
{
	struct fixture *f = *state;

	running(f);
	runs_of(f, "c1");
	peer(f, "c1", "process 9");
	go_round(f);
	check_orphan(f, false); /* it cannot be told from here */
	f->processes[0] = "process 9=gone";
	go_round(f);
	check_orphan(f, true);
	check_store(
		&f->t, "SELECT state FROM etl_controller WHERE controller_uid = 'c1'", "stopped");
	go_round(f);
	check_orphan(f, true); /* until somebody has adopted it */
	check_run(f, "running|NULL|0");
}

static void a_controller_of_no_name_leaves_orphans(void **state)
{
	struct fixture *f = *state;

	running(f);
	runs_of(f, "nobody");
	go_round(f);
	check_orphan(f, true);
	peer(f, "nobody", "process 9"); /* there it is */
	go_round(f);
	check_orphan(f, false);
}

static void another_hosts_controller_is_waited_for(void **state)
{
	struct fixture *f = *state;

	running(f);
	runs_of(f, "c1");
	peer(f, "c1", "process 9");
	go_on(f, 3 * LEASE);
	check_orphan(f, false); /* the database says that its lease has not run out */
	store_sql(&f->t,
		"UPDATE etl_controller SET lease_until = '2001' WHERE controller_uid = 'c1'");
	go_on(f, LEASE);
	check_orphan(f, false);
	store_sql(&f->t,
		"UPDATE etl_controller SET lease_until = '2002' WHERE controller_uid = 'c1'");
	go_on(f, LEASE); /* it was renewed: watched from now on */
	check_orphan(f, false);
	go_round(f);
	check_orphan(f, true);
	check_store(
		&f->t, "SELECT state FROM etl_controller WHERE controller_uid = 'c1'", "stopped");
}

/* --- leases --- */

static void a_lease_is_over_when_it_was_watched(void **state)
{
	struct fixture *f = *state;

	running(f);
	go_on(f, 3 * LEASE);
	check_run(f, "running|NULL|0");
	store_sql(&f->t, "UPDATE etl_run_heartbeat SET lease_until = '2001'");
	go_on(f, LEASE);
	check_run(f, "running|NULL|0");
	assert_int_equal(f->result.n_stops, 0);
	go_round(f);
	check_run(f, "queued|NULL|1");
	assert_int_equal(f->result.n_stops, 1); /* its worker takes a place */
	check_store(&f->t, "SELECT error_code, error_message FROM etl_run",
		"lost|its lease ran out: nothing was heard of its worker");
}

static void a_renewal_in_time_keeps_the_run(void **state)
{
	struct fixture *f = *state;

	running(f);
	for (int i = 0; i < 5; i++) {
		store_sql(&f->t, arena_printf(&f->t.arena,
					 "UPDATE etl_run_heartbeat SET lease_until = '200%d'", i));
		go_on(f, LEASE - STEP);
	}
	check_run(f, "running|NULL|0");
}

/* The store was away, for others too, or the machine slept: everybody has a whole lease again. */
static void nobody_loses_by_what_we_missed(void **state)
{
	struct fixture *f = *state;

	running(f);
	store_sql(&f->t, "UPDATE etl_run_heartbeat SET lease_until = '2001'");
	go_on(f, LEASE);
	round_failed(f->round, f->now);
	go_on(f, LEASE - STEP);
	check_run(f, "running|NULL|0");
	f->now += LEASE; /* no round for a while */
	go_on(f, LEASE);
	check_run(f, "running|NULL|0");
	store_sql(&f->t, "UPDATE etl_controller SET lease_until = '2001'"); /* its turn to beat */
	store_sql(&f->t, "CREATE TRIGGER refuse BEFORE UPDATE ON etl_controller"
			 " BEGIN SELECT raise(ABORT, 'full'); END");
	assert_int_equal(try_round(f), -1);
	store_sql(&f->t, "DROP TRIGGER refuse");
	go_on(f, LEASE - STEP);
	check_run(f, "running|NULL|0");
	go_on(f, 2 * STEP);
	check_run(f, "queued|NULL|1");
}

static void a_lease_that_is_given_up_by_others_first(void **state)
{
	const struct verdict v = {.state = RUN_FAILED, .settle = RUN_STATE_COUNT};
	struct fixture *f = *state;
	struct run run = running(f);

	store_sql(&f->t, "UPDATE etl_run_heartbeat SET lease_until = '2001'");
	go_on(f, LEASE);
	must(queue_give_up(f->t.store, &run, &v, "worker", "line 7", NULL, &f->t.err), &f->t.err);
	go_on(f, LEASE);
	check_run(f, "failed|NULL|0");
}

/* --- workers by hand --- */

static struct run by_hand(struct fixture *f, const char *process)
{
	const struct order order = {.actor = "me"};
	struct run run;

	must(queue_order_claimed(
		     f->t.store, 1, &order, process, TEST_LEASE_MS, &f->t.arena, &run, &f->t.err),
		&f->t.err);
	must(queue_move(f->t.store, &run, RUN_RUNNING, "me", NULL, NULL, &f->t.err), &f->t.err);
	return run;
}

static void a_worker_by_hand_that_is_gone(void **state)
{
	struct fixture *f = *state;

	by_hand(f, "process 5");
	go_on(f, 2 * LEASE); /* it cannot be told from here */
	f->processes[0] = "process 5=alive";
	go_on(f, 2 * LEASE);
	assert_int_equal(f->result.n_orphans + f->result.n_stops, 0);
	check_run(f, "running|NULL|0");
	f->processes[0] = "process 5=gone";
	go_round(f);
	check_run(f, "queued|NULL|1");
	check_store(
		&f->t, "SELECT error_code, error_message FROM etl_run", "lost|its worker is gone");
}

static void a_worker_by_hand_without_a_handle(void **state)
{
	struct fixture *f = *state;

	by_hand(f, NULL);
	go_on(f, 2 * LEASE);
	check_run(f, "running|NULL|0");
	store_sql(&f->t, "UPDATE etl_run_heartbeat SET lease_until = '2001'");
	go_on(f, LEASE + STEP);
	check_run(f, "queued|NULL|1");
}

/* Somebody wrote a state that only we should write: it does not trip anybody up, and ends. */
static void a_state_that_was_set_by_hand(void **state)
{
	struct fixture *f = *state;

	store_sql(&f->t, "INSERT INTO etl_run (job_id, state) VALUES (1, 'running')");
	go_on(f, LEASE);
	check_run(f, "running|NULL|0");
	go_round(f);
	check_run(f, "queued|NULL|1");
}

/* --- to be stopped --- */

static void ours_are_stopped(void **state)
{
	struct fixture *f = *state;
	int64_t cancelled = running(f).run_id, overdue = running(f).run_id;

	running(f);
	go_round(f);
	assert_int_equal(f->result.n_stops, 0);
	store_sql(
		&f->t, arena_printf(&f->t.arena,
			       "UPDATE etl_run SET cancel_requested = 1 WHERE run_id = %" PRId64 ";"
			       "UPDATE etl_run SET started_at = '2001' WHERE run_id = %" PRId64 ";"
			       "UPDATE etl_job SET timeout = 5",
			       cancelled, overdue));
	go_round(f);
	assert_int_equal(f->result.n_stops, 2);
	assert_int_equal(f->result.stops[0].run.run_id, cancelled);
	assert_int_equal(f->result.stops[1].run.run_id, overdue);
	assert_int_equal(f->result.stops[1].run.fence, 1);
	/* its own timer ends it first */
	store_sql(&f->t, "UPDATE etl_run SET cancel_requested = 0, started_at ="
			 " strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-10 seconds')");
	go_round(f);
	assert_int_equal(f->result.n_stops, 0);
}

static void others_stop_theirs(void **state)
{
	struct fixture *f = *state;

	running(f);
	runs_of(f, "c1");
	peer(f, "c1", "process 9");
	f->processes[0] = "process 9=alive";
	store_sql(&f->t, "UPDATE etl_run SET cancel_requested = 1");
	go_round(f);
	assert_int_equal(f->result.n_stops, 0);
}

/* --- the rest of a round --- */

static void it_says_that_it_is_there(void **state)
{
	struct fixture *f = *state;

	go_round(f);
	check_store(&f->t,
		"SELECT controller_uid, host, process, version, state, max_workers, workers,"
		" round((julianday(lease_until) - julianday(heartbeat_at)) * 86400, 1)"
		" FROM etl_controller",
		"me|here|process 1|0|running|4|1|1.0");
	must(round_run(f->round, f->t.store, &f->facts, "stopping", 0, 0, NULL, f->now, &f->t.arena,
		     &f->result, &f->t.err),
		&f->t.err);
	check_store(&f->t, "SELECT state, workers FROM etl_controller", "stopping|0");
}

static void runs_are_claimed_for_free_slots(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 3; i++)
		test_store_order(&f->t, 1);
	go_round(f);
	assert_int_equal(f->result.n_claimed, 0);
	f->slots = 2;
	go_round(f);
	assert_int_equal(f->result.n_claimed, 2);
	assert_int_equal(f->result.claimed[0].run_id, 1);
	assert_int_equal(f->result.claimed[1].run_id, 2);
	check_store(&f->t, "SELECT controller_uid, owner, state FROM etl_run",
		"me|controller me|starting;me|controller me|starting;NULL|NULL|queued");
	go_round(f);
	assert_int_equal(f->result.n_claimed, 1);
}

/* In one round: what plain SQL cancelled is not started, what has become ready is. */
static void runs_are_sorted_before_they_are_claimed(void **state)
{
	struct fixture *f = *state;
	struct job after = test_job(&f->t.arena, "after", JOB_EXEC);

	after.after.success = "load";
	test_store_apply(&f->t, &after);
	store_sql(&f->t, "INSERT INTO etl_run (job_id, cancel_requested) VALUES (1, 1);"
			 "INSERT INTO etl_run (job_id) VALUES (2)");
	f->slots = 5;
	go_round(f);
	check_store(&f->t, "SELECT run_id, state FROM etl_run WHERE run_id < 3",
		"1|cancelled;2|waiting"); /* it wants a success */
	store_sql(&f->t, "INSERT INTO etl_run (job_id, state, finished_at) VALUES"
			 " (1, 'succeeded', '2100')");
	go_round(f);
	assert_int_equal(f->result.n_claimed, 1);
	assert_int_equal(f->result.claimed[0].run_id, 2);
}

static void an_outlook_is_given(void **state)
{
	struct fixture *f = *state;

	store_sql(&f->t, "INSERT INTO etl_run (job_id, ready_at) VALUES"
			 " (1, strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '3600 seconds'))");
	running(f);
	must(queue_now(f->t.store, &f->t.arena, &f->since, &f->t.err), &f->t.err);
	go_round(f);
	assert_true(f->result.outlook.next_ready_ms > 3000000);
	assert_int_equal(f->result.outlook.active, 0); /* not asked for */
	f->config.outlook = true;
	go_round(f);
	assert_int_equal(f->result.outlook.active, 1);
	assert_int_equal(f->result.outlook.queued, 1);
	assert_true(f->result.outlook.next_ready_ms > 3000000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(facts_about_a_worker),
		TEST(a_fact_says_why),
		TEST(who_is_watched_by_us_is_ours),
		TEST(facts_that_change_nothing),
		TEST(last_words_are_kept),
		TEST(many_last_words_are_kept),
		TEST(last_words_wait_for_the_store),
		TEST(a_store_that_fails_keeps_the_facts),
		TEST(a_controller_that_lives_has_its_runs),
		TEST(a_controller_that_is_gone_leaves_orphans),
		TEST(a_controller_of_no_name_leaves_orphans),
		TEST(another_hosts_controller_is_waited_for),
		TEST(a_lease_is_over_when_it_was_watched),
		TEST(a_renewal_in_time_keeps_the_run),
		TEST(nobody_loses_by_what_we_missed),
		TEST(a_lease_that_is_given_up_by_others_first),
		TEST(a_worker_by_hand_that_is_gone),
		TEST(a_worker_by_hand_without_a_handle),
		TEST(a_state_that_was_set_by_hand),
		TEST(ours_are_stopped),
		TEST(others_stop_theirs),
		TEST(it_says_that_it_is_there),
		TEST(runs_are_claimed_for_free_slots),
		TEST(runs_are_sorted_before_they_are_claimed),
		TEST(an_outlook_is_given),
	};
	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct err err = ERR_INIT;

	/* what it says of runs is for people */
	if (nowhere < 0 || log_start(nowhere, "error", "text", &clock_system, &err))
		return 1;
	return cmocka_run_group_tests_name("ctl/round", tests, dir_make, dir_remove);
}
