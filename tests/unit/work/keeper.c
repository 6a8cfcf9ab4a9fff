#include "work/keeper.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "job/report.h"
#include "unit/test_store.h"

#define LOG_MAX 65536

/* A running run and its keeper, whose clock stands still: nothing happens by itself. */
struct fixture {
	struct test_store t;
	struct run run;
	_Atomic int64_t ms;
	struct clock clock;
	atomic_bool cancel, leave;
	struct keeper *keeper;
};

static int64_t read_clock(void *arg)
{
	struct fixture *f = arg;

	return f->ms;
}

static int setup(void **state)
{
	struct fixture *f = mem_alloc(sizeof(*f));
	int fd;

	if (dir_make(state))
		return -1;
	fd = open(in_dir("log"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	test_store_init(&f->t);
	if (fd < 0 || log_start(fd, "warn", "text", &clock_system, &f->t.err))
		return -1;
	test_store_open(&f->t);
	test_store_job(&f->t, "load", NULL);
	test_store_order(&f->t, 1);
	f->run = test_store_start(&f->t);
	f->clock = (struct clock){.wall = read_clock, .monotonic = read_clock, .arg = f};
	must(keeper_start(&f->t.settings, mem_steal(f->t.store), &f->run, &f->clock, &f->cancel,
		     &f->leave, &f->keeper, &f->t.err),
		&f->t.err);
	*state = f;
	return 0;
}

static void stop(struct fixture *f)
{
	keeper_stop(mem_steal(f->keeper));
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	stop(f);
	test_store_release(&f->t);
	free(f);
	return dir_remove(state);
}

/* --- calls --- */

struct script { /* of calls that fail so, one after the other, and succeed then */
	struct fixture *f;
	enum err_code fails[4];
	bool for_ever; /* the last one */
	int calls;
	int64_t step;     /* ms that each call takes */
	const char *seen; /* the log at the last one */
};

static void count(void *arg, const struct log_line *line)
{
	struct script *s = arg;

	s->seen = arena_printf(&s->f->t.arena, "%s%s;", s->seen, line->message);
}

static int play(struct store *s, void *arg, struct err *err)
{
	struct script *script = arg;
	int i = script->calls++;
	enum err_code code = ERR_NONE;

	script->f->ms += script->step;
	if (i < 4)
		code = script->fails[i];
	if (script->for_ever)
		code = script->fails[0];
	if (code != ERR_NONE)
		return err_set(err, code, "call %d", i);
	script->seen = "";
	return report_log_each(s, 1, count, script, err);
}

static int call(struct fixture *f, struct script *s, int patience_ms)
{
	s->f = f;
	err_clear(&f->t.err);
	return keeper_call(f->keeper, play, s, patience_ms, &f->t.err);
}

static void nothing(struct fixture *f)
{
	struct script s = {.calls = 0};

	must(call(f, &s, -1), &f->t.err);
}

static void what_was_said_before_a_call_is_stored(void **state)
{
	struct fixture *f = *state;
	struct script s = {.calls = 0};

	keeper_say(f->keeper, LOG_INFO, "one");
	keeper_say(f->keeper, LOG_WARN, "two");
	must(call(f, &s, -1), &f->t.err);
	assert_string_equal(s.seen, "one;two;");
	keeper_say(f->keeper, LOG_ERROR, "three");
	must(call(f, &s, -1), &f->t.err);
	assert_string_equal(s.seen, "one;two;three;");
	check_store(&f->t, "SELECT attempt, level, message FROM etl_run_log ORDER BY seq",
		"1|info|one;1|warn|two;1|error|three");
}

static void what_is_left_is_stored_at_the_end(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_release) struct buf text = BUF_INIT(LOG_MAX);

	for (int i = 0; i < 1234; i++) {
		char line[32];

		snprintf(line, sizeof(line), "line %d", i);
		keeper_say(f->keeper, LOG_INFO, line);
	}
	stop(f);
	check_store(&f->t,
		"SELECT count(*), (SELECT message FROM etl_run_log ORDER BY seq DESC LIMIT 1)"
		" FROM etl_run_log",
		"1234|line 1233");
	must(file_read(in_dir("log"), &text, &f->t.err), &f->t.err);
	assert_string_equal(buf_str(&text), "");
	keeper_stop(NULL);
}

static void a_line_is_stored_soon(void **state)
{
	struct fixture *f = *state;

	keeper_say(f->keeper, LOG_INFO, "hello");
	while (strcmp(sql_ask(f->t.path, "SELECT message FROM etl_run_log"), "hello") != 0)
		;
}

static void a_store_that_is_away_is_asked_again(void **state)
{
	static const enum err_code away[] = {ERR_BUSY, ERR_STORE, ERR_NETWORK, ERR_IO};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(away); i++) {
		struct script s = {.fails = {away[i], away[i]}};

		must(call(f, &s, -1), &f->t.err);
		assert_int_equal(s.calls, 3);
	}
}

static void an_error_of_the_call_itself_is_returned(void **state)
{
	static const enum err_code own[] = {ERR_DATA, ERR_LEASE_LOST, ERR_NOT_FOUND, ERR_CONFIG};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(own); i++) {
		struct script s = {.fails = {own[i], own[i]}};

		assert_int_equal(call(f, &s, -1), -1);
		check_err(&f->t.err, own[i], "call 0");
		assert_int_equal(s.calls, 1);
	}
	assert_false(keeper_lost(f->keeper)); /* that is said by a renewal */
	assert_false(f->cancel);
}

static void patience_ends(void **state)
{
	struct fixture *f = *state;
	struct script once = {.fails = {ERR_BUSY}, .for_ever = true};
	struct script longer = {.fails = {ERR_BUSY}, .for_ever = true, .step = 100};

	assert_int_equal(call(f, &once, 0), -1);
	check_err(&f->t.err, ERR_BUSY, "call 0");
	assert_int_equal(once.calls, 1);
	assert_int_equal(call(f, &longer, 250), -1);
	check_err(&f->t.err, ERR_BUSY, "call 2");
}

#define HEARTBEAT_OLD "UPDATE etl_run_heartbeat SET at = 'long ago'"
#define HEARTBEAT_NEW "SELECT at <> 'long ago' FROM etl_run_heartbeat"

/* Somebody has locked the run's row, but not its lease, until that has been renewed. */
static int locked_row(struct store *s, void *arg, struct err *err)
{
	struct fixture *f = arg;

	(void)s;
	f->ms += f->t.settings.controller.lease;
	return strcmp(sql_ask(f->t.path, HEARTBEAT_NEW), "1") == 0
		       ? 0
		       : err_set(err, ERR_BUSY, "the row is locked");
}

static void the_lease_is_renewed_between_two_tries(void **state)
{
	struct fixture *f = *state;

	sql_run(f->t.path, HEARTBEAT_OLD);
	must(keeper_call(f->keeper, locked_row, f, (int)f->t.settings.controller.lease * 3,
		     &f->t.err),
		&f->t.err);
}

/* Told to leave, nobody waits for a store that is away for longer than a moment. */
static void who_leaves_has_less_patience(void **state)
{
	struct fixture *f = *state;
	struct script s = {.fails = {ERR_BUSY}, .for_ever = true, .step = 400};

	f->leave = true;
	assert_int_equal(call(f, &s, -1), -1);
	check_err(&f->t.err, ERR_BUSY, "call 2");
}

struct caller {
	struct fixture *f;
	int n;
};

static int add(struct store *s, void *arg, struct err *err)
{
	int *n = arg;

	++*n;
	(void)s;
	(void)err;
	return 0;
}

static void *call_often(void *arg)
{
	struct caller *c = arg;
	struct err err = ERR_INIT;

	for (int i = 0; i < 50; i++) {
		keeper_say(c->f->keeper, LOG_INFO, "x");
		keeper_progress(c->f->keeper, "y");
		if (keeper_call(c->f->keeper, add, &c->n, -1, &err) ||
			keeper_renew(c->f->keeper, -1, &err))
			break;
	}
	return NULL;
}

static void calls_come_from_any_thread(void **state)
{
	struct fixture *f = *state;
	struct caller callers[4];
	pthread_t threads[4];

	for (int i = 0; i < 4; i++) {
		callers[i] = (struct caller){.f = f};
		assert_int_equal(pthread_create(&threads[i], NULL, call_often, &callers[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(callers[i].n, 50);
	}
	stop(f);
	check_store(&f->t, "SELECT count(*) FROM etl_run_log", "200");
}

/* --- a store that is away --- */

/* The keeper has closed it, and finds no file. */
static void take_away(struct fixture *f)
{
	struct script s = {.fails = {ERR_STORE}};

	assert_int_equal(call(f, &s, 0), -1);
	assert_int_equal(rename(f->t.path, in_dir("away.db")), 0);
}

static void bring_back(struct fixture *f)
{
	assert_int_equal(rename(in_dir("away.db"), f->t.path), 0);
}

static void lines_wait_for_the_store(void **state)
{
	struct fixture *f = *state;
	struct script s = {.calls = 0};

	keeper_say(f->keeper, LOG_INFO, "before");
	nothing(f);
	take_away(f);
	keeper_say(f->keeper, LOG_INFO, "meanwhile");
	assert_int_equal(call(f, &s, 0), -1);
	assert_int_equal(f->t.err.code, ERR_STORE);
	assert_non_null(strstr(f->t.err.msg, "there is no store"));
	assert_int_equal(s.calls, 0);
	assert_int_equal(keeper_renew(f->keeper, 0, &f->t.err), -1);
	assert_int_equal(f->t.err.code, ERR_STORE);
	assert_false(f->cancel); /* nothing is ended by that */
	assert_false(keeper_lost(f->keeper));
	bring_back(f);
	must(call(f, &s, -1), &f->t.err);
	assert_string_equal(s.seen, "before;meanwhile;");
}

static void only_so_many_lines_wait(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_release) struct buf text = BUF_INIT(LOG_MAX);

	take_away(f);
	for (int i = 0; i < KEEPER_LINES_MAX + 5; i++) {
		char line[32];

		snprintf(line, sizeof(line), "line %d", i);
		keeper_say(f->keeper, LOG_INFO, line);
	}
	bring_back(f);
	stop(f);
	check_store(&f->t,
		"SELECT count(*), (SELECT message FROM etl_run_log ORDER BY seq DESC LIMIT 1)"
		" FROM etl_run_log",
		"10001|5 lines of the log are missing here: the store did not take them in time");
	check_store(&f->t, "SELECT message FROM etl_run_log WHERE seq = 10000", "line 9999");
	must(file_read(in_dir("log"), &text, &f->t.err), &f->t.err);
	assert_string_equal(buf_str(&text), ""); /* the run's log says it */
}

static void lines_that_cannot_be_stored_are_counted(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_release) struct buf text = BUF_INIT(LOG_MAX);

	store_sql(&f->t, "CREATE TRIGGER refuse BEFORE INSERT ON etl_run_log"
			 " BEGIN SELECT raise(ABORT, 'full'); END");
	keeper_say(f->keeper, LOG_INFO, "a");
	keeper_say(f->keeper, LOG_INFO, "b");
	nothing(f); /* they keep nobody */
	must(keeper_renew(f->keeper, -1, &f->t.err), &f->t.err);
	stop(f);
	must(file_read(in_dir("log"), &text, &f->t.err), &f->t.err);
	assert_non_null(strstr(buf_str(&text), "2 lines of the run's log could not be stored"));
}

/* --- the lease --- */

/* In so many ms: what the keeper has to do by then is done when this returns. */
static void pass(struct fixture *f, int64_t ms)
{
	f->ms += ms;
	nothing(f);
}

static void make_old(struct fixture *f)
{
	store_sql(&f->t, "UPDATE etl_run_heartbeat SET lease_until = 'old'");
}

#define LEASE "SELECT lease_until = 'old', progress FROM etl_run_heartbeat"

static void a_lease_is_renewed_in_time(void **state)
{
	struct fixture *f = *state;

	make_old(f);
	pass(f, KEEPER_RENEW_MAX_MS - 1); /* a third of the lease would be longer */
	check_store(&f->t, LEASE, "1|NULL");
	keeper_progress(f->keeper, "7 rows");
	pass(f, 1);
	check_store(&f->t, LEASE, "0|7 rows");
	make_old(f);
	pass(f, KEEPER_RENEW_MAX_MS - 1);
	check_store(&f->t, LEASE, "1|7 rows");
	pass(f, 1);
	check_store(&f->t, LEASE, "0|7 rows");
	check_store(&f->t,
		"SELECT round((julianday(lease_until) - julianday(at)) * 86400)"
		" FROM etl_run_heartbeat",
		"60.0");
}

static void a_short_lease_is_renewed_more_often(void **state)
{
	struct fixture *f = *state;

	stop(f);
	f->t.settings.controller.lease = 3000;
	must(keeper_start(&f->t.settings, test_store_again(&f->t), &f->run, &f->clock, &f->cancel,
		     &f->leave, &f->keeper, &f->t.err),
		&f->t.err);
	make_old(f);
	pass(f, 999);
	check_store(&f->t, LEASE, "1|NULL");
	pass(f, 1);
	check_store(&f->t, LEASE, "0|NULL");
}

static void a_renewal_can_be_asked_for(void **state)
{
	struct fixture *f = *state;

	make_old(f);
	must(keeper_renew(f->keeper, 0, &f->t.err), &f->t.err);
	check_store(&f->t, LEASE, "0|NULL");
	assert_false(f->cancel);
}

static void a_run_that_is_somebody_elses_is_lost(void **state)
{
	struct fixture *f = *state;
	struct script s = {.fails = {ERR_BUSY}, .for_ever = true};

	store_sql(&f->t, "UPDATE etl_run_heartbeat SET fence = 2");
	assert_false(keeper_lost(f->keeper));
	pass(f, KEEPER_RENEW_MAX_MS);
	assert_true(keeper_lost(f->keeper));
	assert_true(f->cancel);
	assert_false(keeper_cancelled(f->keeper));
	assert_int_equal(call(f, &s, -1), -1); /* nobody waits for the store any more */
	assert_int_equal(s.calls, 1);
}

static void a_renewal_tells_that_it_is_lost(void **state)
{
	struct fixture *f = *state;

	store_sql(&f->t, "DELETE FROM etl_run_heartbeat");
	assert_int_equal(keeper_renew(f->keeper, -1, &f->t.err), -1);
	assert_int_equal(f->t.err.code, ERR_LEASE_LOST);
	assert_true(keeper_lost(f->keeper));
	assert_true(f->cancel);
}

static void a_cancellation_is_seen(void **state)
{
	struct fixture *f = *state;

	store_sql(&f->t, "UPDATE etl_run SET cancel_requested = 1");
	pass(f, KEEPER_RENEW_MAX_MS - 1);
	assert_false(f->cancel);
	pass(f, 1);
	assert_true(f->cancel);
	assert_true(keeper_cancelled(f->keeper));
	assert_false(keeper_lost(f->keeper));
	f->cancel = false;
	must(keeper_renew(f->keeper, -1, &f->t.err), &f->t.err); /* it may go on to its end */
	assert_true(f->cancel);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_said_before_a_call_is_stored),
		TEST(what_is_left_is_stored_at_the_end),
		TEST(a_line_is_stored_soon),
		TEST(a_store_that_is_away_is_asked_again),
		TEST(an_error_of_the_call_itself_is_returned),
		TEST(patience_ends),
		TEST(the_lease_is_renewed_between_two_tries),
		TEST(who_leaves_has_less_patience),
		TEST(calls_come_from_any_thread),
		TEST(lines_wait_for_the_store),
		TEST(only_so_many_lines_wait),
		TEST(lines_that_cannot_be_stored_are_counted),
		TEST(a_lease_is_renewed_in_time),
		TEST(a_short_lease_is_renewed_more_often),
		TEST(a_renewal_can_be_asked_for),
		TEST(a_run_that_is_somebody_elses_is_lost),
		TEST(a_renewal_tells_that_it_is_lost),
		TEST(a_cancellation_is_seen),
	};

	return cmocka_run_group_tests_name("work/keeper", tests, NULL, NULL);
}
