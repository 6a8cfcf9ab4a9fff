#include "job/scheduler.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "unit/support.h"

#define LEASE  1000
#define N_ENDS (END_REFUSED + 1)

/* --- verdicts --- */

static const char *const end_names[N_ENDS] = {
	"failed", "timed out", "crashed", "overdue", "lost", "given back", "not started", "held",
	"refused"};

static struct job a_job(enum job_kind kind, bool idempotent)
{
	return (struct job){.kind = kind,
		.idempotent = idempotent,
		.atomic = true,
		.max_attempts = 3,
		.retry_delay = 100,
		.retry_max_delay = 3000,
		.max_disruptions = 2};
}

/* "queued +100", "queued +0 disrupted", "queued to be failed +0 disrupted", "failed" */
static const char *verdict_text(const struct verdict *v, char out[80])
{
	char delay[40] = "", wanted[40] = "";

	if (v->state == RUN_QUEUED)
		snprintf(delay, sizeof(delay), " +%" PRId64 "%s", v->delay,
			v->disruption ? " disrupted" : "");
	if (v->settle != RUN_STATE_COUNT)
		snprintf(wanted, sizeof(wanted), " to be %s", run_state_name(v->settle));
	snprintf(out, 80, "%s%s%s", run_state_name(v->state), wanted, delay);
	return out;
}

static void verdicts(void **state)
{
	static const struct {
		const char *name;
		enum job_kind kind;
		bool idempotent, half_way, cancel;
		enum run_state settle;
		int64_t attempt, disruptions;
		const char *expected[N_ENDS]; /* in the order of enum attempt_end */
	} cases[] = {
		{"the first attempt", JOB_COPY, false, true, false, RUN_STATE_COUNT, 1, 0,
			{"queued +100", "queued +100", "queued +100", "queued +100",
				"queued +0 disrupted", "queued +0 disrupted",
				"queued +1000 disrupted", "queued +0 disrupted",
				"failed"}},
		{"the second one, after a disruption", JOB_COPY, false, true, false,
			RUN_STATE_COUNT, 3, 1,
			{"queued +200", "queued +200", "queued +200", "queued +200",
				"queued +0 disrupted", "queued +0 disrupted",
				"queued +2000 disrupted", "queued +0 disrupted",
				"failed"}},
		/* who says so himself has asked the target; of others it is to be asked */
		{"no attempts left", JOB_COPY, false, true, false, RUN_STATE_COUNT, 3, 0,
			{"failed", "timed_out", "queued to be failed +0 disrupted",
				"queued to be timed_out +0 disrupted", "queued +0 disrupted",
				"queued +0 disrupted", "queued +1000 disrupted",
				"queued +0 disrupted",
				"failed"}},
		{"no disruptions left", JOB_COPY, false, true, false, RUN_STATE_COUNT, 3, 2,
			{"queued +100", "queued +100", "queued +100", "queued +100",
				"queued to be failed +0 disrupted",
				"queued to be failed +0 disrupted",
				"queued to be failed +0 disrupted", "queued +0 disrupted",
				"failed"}},
		{"to be cancelled", JOB_COPY, false, true, true, RUN_STATE_COUNT, 3, 2,
			{"queued to be cancelled +0 disrupted",
				"queued to be cancelled +0 disrupted",
				"queued to be cancelled +0 disrupted",
				"queued to be cancelled +0 disrupted",
				"queued to be cancelled +0 disrupted",
				"queued to be cancelled +0 disrupted",
				"queued to be cancelled +0 disrupted",
				"queued to be cancelled +0 disrupted",
				"queued to be cancelled +0 disrupted"}},
		/* until the target has answered, whatever becomes of the attempt that asks it */
		{"to be settled", JOB_COPY, false, true, true, RUN_TIMED_OUT, 9, 4,
			{"queued to be timed_out +16000 disrupted",
				"queued to be timed_out +16000 disrupted",
				"queued to be timed_out +16000 disrupted",
				"queued to be timed_out +16000 disrupted",
				"queued to be timed_out +16000 disrupted",
				"queued to be timed_out +0 disrupted",
				"queued to be timed_out +16000 disrupted",
				"queued to be timed_out +16000 disrupted",
				"queued to be timed_out +16000 disrupted"}},
		{"a command lost half-way", JOB_EXEC, false, true, false, RUN_STATE_COUNT, 1, 0,
			{"queued +100", "queued +100", "unknown", "unknown", "unknown", "unknown",
				"unknown", "unknown",
				"failed"}},
		{"a command lost half-way, to be cancelled", JOB_EXEC, false, true, true,
			RUN_STATE_COUNT, 1, 0,
			{"queued to be cancelled +0 disrupted",
				"queued to be cancelled +0 disrupted", "unknown", "unknown",
				"unknown", "unknown", "unknown", "unknown",
				"queued to be cancelled +0 disrupted"}},
		{"a command lost half-way, to be settled", JOB_EXEC, false, true, false,
			RUN_CANCELLED, 1, 0,
			{"queued to be cancelled +1000 disrupted",
				"queued to be cancelled +1000 disrupted",
				"queued to be cancelled +1000 disrupted",
				"queued to be cancelled +1000 disrupted",
				"queued to be cancelled +1000 disrupted",
				"queued to be cancelled +0 disrupted",
				"queued to be cancelled +1000 disrupted",
				"queued to be cancelled +1000 disrupted",
				"queued to be cancelled +1000 disrupted"}},
		{"a command that had not begun", JOB_EXEC, false, false, false, RUN_STATE_COUNT, 1,
			0,
			{"queued +100", "queued +100", "queued +100", "queued +100",
				"queued +0 disrupted", "queued +0 disrupted",
				"queued +1000 disrupted", "queued +0 disrupted",
				"failed"}},
		{"a command that may be done twice", JOB_EXEC, true, true, false, RUN_STATE_COUNT,
			1, 0,
			{"queued +100", "queued +100", "queued +100", "queued +100",
				"queued +0 disrupted", "queued +0 disrupted",
				"queued +1000 disrupted", "queued +0 disrupted",
				"failed"}},
		{"an atomic script", JOB_SQL, false, true, false, RUN_STATE_COUNT, 3, 2,
			{"queued +100", "queued +100", "queued +100", "queued +100",
				"queued to be failed +0 disrupted",
				"queued to be failed +0 disrupted",
				"queued to be failed +0 disrupted", "queued +0 disrupted",
				"failed"}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (int end = 0; end < N_ENDS; end++) {
			const struct job job = a_job(cases[i].kind, cases[i].idempotent);
			const struct run run = {.attempt = cases[i].attempt,
				.disruptions = cases[i].disruptions,
				.settle = cases[i].settle,
				.cancel_requested = cases[i].cancel};
			struct verdict v = scheduler_verdict(
				&job, &run, (enum attempt_end)end, cases[i].half_way);
			char text[80];

			if (strcmp(verdict_text(&v, text), cases[i].expected[end]) != 0)
				fail_msg("%s, %s: %s, not %s", cases[i].name, end_names[end], text,
					cases[i].expected[end]);
		}
}

static void a_script_that_is_not_atomic_is_as_a_command(void **state)
{
	struct job job = a_job(JOB_SQL, false);
	const struct run run = {.attempt = 1, .settle = RUN_STATE_COUNT};

	(void)state;
	job.atomic = false;
	assert_int_equal(scheduler_verdict(&job, &run, END_LOST, true).state, RUN_UNKNOWN);
	assert_int_equal(scheduler_verdict(&job, &run, END_LOST, false).state, RUN_QUEUED);
}

/* Whatever the job says of its own failures. */
static void nothing_is_started_anew_at_once(void **state)
{
	static const struct {
		int64_t disruptions, delay;
	} cases[] = {{0, 1000}, {1, 2000}, {2, 4000}, {8, 256000}, {9, 300000}, {1000, 300000}};
	struct job job = a_job(JOB_COPY, false);

	(void)state;
	job.retry_delay = 0;
	job.max_disruptions = 10000;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct run run = {.attempt = cases[i].disruptions + 1,
			.disruptions = cases[i].disruptions,
			.settle = RUN_STATE_COUNT};

		assert_int_equal(scheduler_back_off(&run), cases[i].delay);
		assert_int_equal(scheduler_verdict(&job, &run, END_NOT_STARTED, false).delay,
			cases[i].delay);
	}
}

static void no_disruption_may_be_too_many(void **state)
{
	struct job job = a_job(JOB_COPY, false);
	const struct run run = {.attempt = 1, .settle = RUN_STATE_COUNT};

	(void)state;
	job.max_disruptions = 0;
	assert_int_equal(scheduler_verdict(&job, &run, END_NOT_STARTED, false).settle, RUN_FAILED);
	assert_int_equal(scheduler_verdict(&job, &run, END_LOST, false).settle, RUN_FAILED);
	assert_int_equal(scheduler_verdict(&job, &run, END_HELD, false).settle, RUN_STATE_COUNT);
}

static void again(void **state)
{
	const struct job job = a_job(JOB_COPY, false);
	const struct run first = {.attempt = 1, .settle = RUN_STATE_COUNT};
	const struct run last = {.attempt = 3, .settle = RUN_STATE_COUNT};

	(void)state;
	assert_true(scheduler_again(&job, &first, END_FAILED));
	assert_false(scheduler_again(&job, &first, END_REFUSED)); /* it could lock the account */
	assert_true(scheduler_again(&job, &first, END_HELD));
	assert_false(scheduler_again(&job, &last, END_FAILED));
	assert_true(scheduler_again(&job, &first, END_TIMED_OUT));
	assert_false(scheduler_again(&job, &last, END_TIMED_OUT));
	assert_true(scheduler_again(&job, &last, END_GIVEN_BACK));
	assert_true(scheduler_again(&job, &last, END_CRASHED)); /* to settle it */
}

static void delays_double_up_to_the_longest(void **state)
{
	static const struct {
		int64_t first, longest, used, expected;
	} cases[] = {
		{100, 350, 0, 100},
		{100, 350, 1, 100},
		{100, 350, 2, 200},
		{100, 350, 3, 350},
		{100, 350, 4, 350},
		{100, 350, 1000, 350},
		{100, 400, 3, 400},
		{500, 350, 1, 500}, /* a first one that is longer is meant so */
		{500, 350, 5, 500},
		{100, 0, 3, 100},
		{0, 350, 1000, 0},
		{1, INT64_MAX / 2, 60, 1LL << 59},
		{1, INT64_MAX / 2, INT32_MAX, INT64_MAX / 2},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct job job = {
			.retry_delay = cases[i].first, .retry_max_delay = cases[i].longest};

		assert_int_equal(scheduler_delay(&job, cases[i].used), cases[i].expected);
	}
}

/* --- leases --- */

/* One round that sees this run only. */
static bool look(
	struct leases *l, int64_t run_id, int64_t fence, const char *until, bool past, int64_t now)
{
	bool over;

	leases_round(l);
	over = leases_over(l, run_id, fence, until, past, LEASE, now);
	leases_round_end(l);
	return over;
}

static void a_lease_is_over_when_it_was_watched(void **state)
{
	struct leases l = {.v = NULL};

	(void)state;
	assert_false(look(&l, 1, 1, "10:00", false, 5000));
	assert_false(look(&l, 1, 1, "10:00", true, 5999));
	assert_true(look(&l, 1, 1, "10:00", true, 6000));
	assert_false(look(&l, 1, 1, "10:00", false, 7000)); /* the database has the last word */
	leases_release(&l);
}

/* A state that somebody set by hand: it has neither. */
static void no_fence_and_no_lease_are_watched_too(void **state)
{
	struct leases l = {.v = NULL};

	(void)state;
	assert_false(look(&l, 1, 0, "", true, 5000));
	assert_false(look(&l, 1, 0, "", true, 5999));
	assert_true(look(&l, 1, 0, "", true, 6000));
	leases_release(&l);
}

/* Its clock jumps a day ahead: all leases are past for it, and nobody loses his run who renews. */
static void a_jump_of_the_clock_expires_nobody(void **state)
{
	struct leases l = {.v = NULL};

	(void)state;
	assert_false(look(&l, 1, 1, "day 1 10:00", true, 0));
	assert_false(look(&l, 1, 1, "day 1 10:00", true, 900));
	assert_false(look(&l, 1, 1, "day 2 10:00", false, 950)); /* renewed by the new clock */
	assert_false(look(&l, 1, 1, "day 2 10:00", true, 1949));
	assert_true(look(&l, 1, 1, "day 2 10:00", true, 1950));
	leases_release(&l);
}

static void a_renewal_begins_anew(void **state)
{
	struct leases l = {.v = NULL};

	(void)state;
	for (int64_t now = 0; now < 10 * LEASE; now += LEASE / 2) {
		char until[LEASE_TEXT_MAX];

		snprintf(until, sizeof(until), "%" PRId64, now);
		assert_false(look(&l, 1, 1, until, true, now));
	}
	leases_release(&l);
}

static void another_fence_begins_anew(void **state)
{
	struct leases l = {.v = NULL};

	(void)state;
	assert_false(look(&l, 1, 1, "10:00", true, 0));
	assert_false(look(&l, 1, 2, "10:00", true, LEASE));
	assert_false(look(&l, 1, 2, "10:00", true, 2 * LEASE - 1));
	assert_true(look(&l, 1, 2, "10:00", true, 2 * LEASE));
	leases_release(&l);
}

static void what_is_gone_is_forgotten(void **state)
{
	struct leases l = {.v = NULL};

	(void)state;
	assert_false(look(&l, 1, 1, "10:00", true, 0));
	assert_false(look(&l, 2, 1, "10:00", true, LEASE - 1)); /* a round without run 1 */
	assert_int_equal(l.n, 1);
	assert_false(look(&l, 1, 1, "10:00", true, LEASE));
	assert_int_equal(l.n, 1);
	leases_round(&l);
	leases_round_end(&l);
	assert_int_equal(l.n, 0);
	leases_release(&l);
}

static void a_restart_gives_everybody_a_lease(void **state)
{
	struct leases l = {.v = NULL};

	(void)state;
	assert_false(look(&l, 1, 1, "10:00", true, 0));
	leases_restart(&l, LEASE - 1);
	assert_false(look(&l, 1, 1, "10:00", true, LEASE));
	assert_false(look(&l, 1, 1, "10:00", true, 2 * LEASE - 2));
	assert_true(look(&l, 1, 1, "10:00", true, 2 * LEASE - 1));
	leases_release(&l);
}

static void many_are_kept_apart(void **state)
{
	struct leases l = {.v = NULL};

	(void)state;
	for (int round = 0; round < 3; round++) {
		leases_round(&l);
		for (int64_t run = 1000; run > 0; run--) { /* every tenth is renewed */
			bool renewed = run % 10 == 0;
			char until[LEASE_TEXT_MAX];

			snprintf(until, sizeof(until), "%d", renewed ? round : 0);
			assert_int_equal(leases_over(&l, run, 1, until, true, LEASE, round * LEASE),
				round > 0 && !renewed);
		}
		leases_round_end(&l);
		assert_int_equal(l.n, 1000);
	}
	leases_release(&l);
	assert_null(l.v);
	assert_int_equal(l.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts),
		cmocka_unit_test(a_script_that_is_not_atomic_is_as_a_command),
		cmocka_unit_test(nothing_is_started_anew_at_once),
		cmocka_unit_test(no_disruption_may_be_too_many),
		cmocka_unit_test(again),
		cmocka_unit_test(delays_double_up_to_the_longest),
		cmocka_unit_test(a_lease_is_over_when_it_was_watched),
		cmocka_unit_test(no_fence_and_no_lease_are_watched_too),
		cmocka_unit_test(a_jump_of_the_clock_expires_nobody),
		cmocka_unit_test(a_renewal_begins_anew),
		cmocka_unit_test(another_fence_begins_anew),
		cmocka_unit_test(what_is_gone_is_forgotten),
		cmocka_unit_test(a_restart_gives_everybody_a_lease),
		cmocka_unit_test(many_are_kept_apart),
	};

	return cmocka_run_group_tests_name("job/scheduler", tests, NULL, NULL);
}
