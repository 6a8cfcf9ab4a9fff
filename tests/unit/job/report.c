#include "job/report.h"

#include <string.h>

#include "job/queue.h"
#include "unit/test_store.h"

static int setup(void **state)
{
	struct test_store *f = test_store_fixture(sizeof(*f));

	test_store_job(f, "load", NULL);
	*state = f;
	return 0;
}

static struct run_info info(struct test_store *f, int64_t run_id)
{
	struct run_info r = {.run_id = -1};

	must(report_run(f->store, run_id, &f->arena, &r, &f->err), &f->err);
	return r;
}

/* --- runs --- */

static void runs_are_listed(void **state)
{
	struct lineage lineage = {{{0}}};
	const struct run_result result = {
		.rows_read = 3, .rows_written = 2, .bytes_read = 99, .lineage = &lineage};
	struct test_store *f = *state;
	struct run_info *runs = NULL, one = {.run_id = 42};
	struct run run;
	size_t n = 0;

	must(report_runs(f->store, 5, &f->arena, &runs, &n, &f->err), &f->err);
	assert_int_equal(n, 0);
	test_store_order(f, 1);
	run = test_store_start(f);
	lineage_set(&lineage, LINEAGE_source_server, "SQL01");
	lineage_set(&lineage, LINEAGE_digest, "abc");
	must(queue_move(f->store, &run, RUN_SUCCEEDED, "w", NULL, &result, &f->err), &f->err);
	store_sql(f,
		"INSERT INTO etl_run (job_id) VALUES (1); INSERT INTO etl_run (job_id) VALUES (1)");
	must(report_runs(f->store, 2, &f->arena, &runs, &n, &f->err), &f->err);
	assert_int_equal(n, 2);
	assert_int_equal(runs[0].run_id, 3);
	assert_int_equal(runs[1].run_id, 2);
	assert_string_equal(runs[1].state, "queued");
	assert_null(runs[1].started_at);
	assert_int_equal(runs[1].elapsed_ms, -1);
	assert_int_equal(runs[1].rows_written, -1);
	one = info(f, 1);
	memset(&lineage, 'x', sizeof(lineage));
	assert_int_equal(report_lineage(f->store, 1, &lineage, &f->err), 1);
	assert_string_equal(lineage_get(&lineage, LINEAGE_source_server), "SQL01");
	assert_string_equal(lineage_get(&lineage, LINEAGE_digest), "abc");
	assert_null(lineage_get(&lineage, LINEAGE_target_server));
	assert_int_equal(report_lineage(f->store, 2, &lineage, &f->err), 0);
	assert_string_equal(one.state, "succeeded");
	assert_string_equal(one.job, "load");
	assert_string_equal(one.run_uid, run.run_uid);
	assert_int_equal(one.rows_read, 3);
	assert_int_equal(one.rows_written, 2);
	assert_int_equal(one.bytes_read, 99);
	assert_true(one.elapsed_ms >= 0);
	assert_int_equal(report_run(f->store, 4, &f->arena, &one, &f->err), -1);
	check_err(&f->err, ERR_NOT_FOUND, "there is no run 4");
	assert_string_equal(f->err.hint, "'etl status' lists the last ones");
	assert_int_equal(one.run_id, 1);
}

static void a_run_says_all_of_itself(void **state)
{
	struct test_store *f = *state;
	struct run_info r;

	test_store_order(f, 1);
	r = info(f, 1);
	assert_string_equal(r.origin, "manual");
	assert_null(r.order_key);
	assert_null(r.settle);
	assert_null(r.error_code);
	assert_null(r.error_message);
	assert_null(r.finished_at);
	assert_null(r.progress);
	assert_null(r.hold_reason);
	assert_false(r.cancel_requested);
	assert_int_equal(r.rows_read, -1);
	assert_int_equal(r.bytes_read, -1);
	assert_int_equal(r.attempt, 0);
	assert_string_equal(r.queued_at, r.ready_at);
	store_sql(f,
		"UPDATE etl_run SET origin = 'dependency', order_key = 'k', priority = -3,"
		" fence = 5, attempt = 4, disruptions = 2, settle = 'failed', state = 'running',"
		" cancel_requested = 1, ready_at = '2001', started_at = '2002',"
		" error_code = 'bad_data', error_message = 'line 7';"
		"UPDATE etl_job SET hold_reason = 'old'");
	r = info(f, 1);
	assert_string_equal(r.origin, "dependency");
	assert_string_equal(r.order_key, "k");
	assert_int_equal(r.priority, -3);
	assert_int_equal(r.fence, 5);
	assert_int_equal(r.attempt, 4);
	assert_int_equal(r.disruptions, 2);
	assert_string_equal(r.settle, "failed");
	assert_true(r.cancel_requested);
	assert_string_equal(r.ready_at, "2001");
	assert_string_equal(r.error_code, "bad_data");
	assert_string_equal(r.error_message, "line 7");
	assert_string_equal(r.hold_reason, "old");
}

static void what_is_at_work_is_timed_until_now(void **state)
{
	struct test_store *f = *state;

	test_store_order(f, 1);
	test_store_start(f);
	store_sql(f, "UPDATE etl_run SET started_at ="
		     " strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-3600 seconds')");
	assert_true(info(f, 1).elapsed_ms >= 3600000);
	assert_true(info(f, 1).elapsed_ms < 7200000);
	store_sql(f, "UPDATE etl_run SET started_at = '2026-01-01T00:00:00.000Z',"
		     " finished_at = '2026-01-01T00:01:30.250Z'");
	assert_int_equal(info(f, 1).elapsed_ms, 90250);
}

/* Of the worker that has the run now. */
static void progress_is_the_workers(void **state)
{
	struct test_store *f = *state;
	struct run run;
	bool cancelled;

	test_store_order(f, 1);
	run = test_store_start(f);
	assert_null(info(f, 1).progress);
	must(queue_renew(f->store, &run, 1000, "7 rows", &cancelled, &f->err), &f->err);
	assert_string_equal(info(f, 1).progress, "7 rows");
	store_sql(f, "UPDATE etl_run_heartbeat SET fence = 0");
	assert_null(info(f, 1).progress);
	store_sql(f, "UPDATE etl_run_heartbeat SET fence = 1");
	must(queue_move(f->store, &run, RUN_FAILED, "w", NULL, NULL, &f->err), &f->err);
	assert_null(info(f, 1).progress);
}

/* --- the log and the events --- */

struct collected {
	struct arena *arena;
	const char *text;
};

static void collect_line(void *arg, const struct log_line *line)
{
	struct collected *c = arg;

	assert_int_equal(strlen(line->at), CLOCK_TEXT_LEN);
	c->text = arena_printf(
		c->arena, "%s%d %s %s;", c->text, (int)line->attempt, line->level, line->message);
}

static void say(struct test_store *f, struct run *run, const char *text)
{
	const struct run_line line = {"info", text};

	must(queue_log(f->store, run, &line, 1, &f->err), &f->err);
}

static void a_log_is_read_in_order(void **state)
{
	struct test_store *f = *state;
	struct collected c = {&f->arena, ""};
	struct run run;

	test_store_order(f, 1);
	run = test_store_start(f);
	must(report_log_each(f->store, 1, collect_line, &c, &f->err), &f->err);
	assert_string_equal(c.text, "");
	say(f, &run, "first");
	run.attempt = 2;
	say(f, &run, "third");
	run.attempt = 1;
	say(f, &run, "second");
	must(report_log_each(f->store, 1, collect_line, &c, &f->err), &f->err);
	assert_string_equal(c.text, "1 info first;1 info second;2 info third;");
	assert_int_equal(report_log_each(f->store, 9, collect_line, &c, &f->err), -1);
	check_err(&f->err, ERR_NOT_FOUND, "there is no run 9");
}

static void collect_event(void *arg, const struct run_event *e)
{
	struct collected *c = arg;

	assert_int_equal(strlen(e->at), CLOCK_TEXT_LEN);
	c->text =
		arena_printf(c->arena, "%s%s>%s %s %s;", c->text, e->old_state ? e->old_state : "-",
			e->new_state, e->actor, e->reason ? e->reason : "-");
}

static void events_are_read_in_order(void **state)
{
	struct test_store *f = *state;
	struct collected c = {&f->arena, ""};
	struct run run;

	test_store_order(f, 1);
	run = test_store_start(f);
	must(queue_move(f->store, &run, RUN_FAILED, "w", "line 7", NULL, &f->err), &f->err);
	must(report_event_each(f->store, 1, collect_event, &c, &f->err), &f->err);
	assert_string_equal(c.text, "->queued me ordered: manual;queued>starting controller -;"
				    "starting>running worker -;running>failed w line 7;");
	c.text = "";
	must(report_event_each(f->store, 9, collect_event, &c, &f->err), &f->err);
	assert_string_equal(c.text, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, test_store_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(runs_are_listed),
		TEST(a_run_says_all_of_itself),
		TEST(what_is_at_work_is_timed_until_now),
		TEST(progress_is_the_workers),
		TEST(a_log_is_read_in_order),
		TEST(events_are_read_in_order),
	};

	return cmocka_run_group_tests_name("job/report", tests, dir_make, dir_remove);
}
