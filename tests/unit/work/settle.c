#include "work/settle.h"

#include <stdlib.h>
#include <string.h>

#include "unit/fake_host.h"
#include "unit/support.h"

/* --- a target that says what a test wants --- */

struct target {
	enum ledger_state state;
	struct err err; /* of the next call, unless ERR_NONE */
	unsigned begun, revoked;
	char reason[ERR_MSG_MAX];
};

static int say(const struct target *t, enum ledger_state *ret_state, struct err *err)
{
	if (t->err.code == ERR_NONE) {
		*ret_state = t->state;
		return 0;
	}
	*err = t->err;
	return -1;
}

static int fake_begin(struct target *t, enum ledger_state *ret_state, struct err *err)
{
	t->begun++;
	return say(t, ret_state, err);
}

static int fake_revoke(
	struct target *t, const char *reason, enum ledger_state *ret_state, struct err *err)
{
	t->revoked++;
	strcpy(t->reason, reason);
	return say(t, ret_state, err);
}

static const struct target_ops fake_ops = {.begin = fake_begin, .revoke = fake_revoke};

/* What comes of it when the target's row is in this state, or says this error. */
struct scene {
	bool again, first, unopened;
	enum ledger_state state;
	enum err_code why, says;
	enum step_end end;
	unsigned begun, revoked;
	const char *hint;
};

static void play(const struct scene *s)
{
	struct target t = {.state = s->state};
	struct settling settling = {.ops = &fake_ops,
		.target = s->unopened ? NULL : &t,
		.again = s->again,
		.first = s->first};
	struct err why = ERR_INIT;

	err_set(&why, s->why ? s->why : ERR_DATA, "bad row");
	if (s->says)
		err_set(&t.err, s->says, "no answer");
	assert_int_equal(settle(&settling, &why), s->end);
	assert_int_equal(t.begun, s->begun);
	assert_int_equal(t.revoked, s->revoked);
	assert_string_equal(why.msg, "bad row");
	assert_string_equal(why.hint, s->hint ? s->hint : "");
	if (t.revoked)
		assert_string_equal(t.reason, "bad row");
}

static void play_all(const struct scene *scenes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		play(&scenes[i]);
}

static void the_last_attempt_withdraws(void **state UNUSED)
{
	static const struct scene scenes[] = {
		{.state = LEDGER_REVOKED, .end = STEP_WITHDRAWN, .revoked = 1},
		{.state = LEDGER_PUBLISHED, .end = STEP_DONE, .revoked = 1},
		{.says = ERR_TARGET,
			.end = STEP_UNSETTLED,
			.revoked = 1,
			.hint = "and the target could not be asked to withdraw the load: no "
				"answer"},
		{.says = ERR_LEASE_LOST,
			.end = STEP_UNSETTLED,
			.revoked = 1,
			.hint = "and the target could not be asked to withdraw the load: no "
				"answer"},
	};

	play_all(scenes, ARRAY_LEN(scenes));
}

static void another_attempt_follows(void **state UNUSED)
{
	static const struct scene scenes[] = {
		{.again = true, .state = LEDGER_OPEN, .end = STEP_OPEN, .begun = 1},
		{.again = true, .state = LEDGER_PUBLISHED, .end = STEP_DONE, .begun = 1},
		{.again = true, .state = LEDGER_REVOKED, .end = STEP_WITHDRAWN, .begun = 1},
		{.again = true, .says = ERR_TARGET, .end = STEP_OPEN, .begun = 1},
		{.again = true, .says = ERR_LEASE_LOST, .end = STEP_UNSETTLED, .begun = 1},
	};

	play_all(scenes, ARRAY_LEN(scenes));
}

static void a_lost_lease_is_the_holders_business(void **state UNUSED)
{
	static const struct scene scenes[] = {
		{.why = ERR_LEASE_LOST, .end = STEP_UNSETTLED},
		{.why = ERR_LEASE_LOST, .again = true, .end = STEP_UNSETTLED},
	};

	play_all(scenes, ARRAY_LEN(scenes));
}

static void a_target_that_could_not_be_opened(void **state UNUSED)
{
	static const struct scene scenes[] = {
		{.unopened = true, .first = true, .end = STEP_WITHDRAWN},
		{.unopened = true, .first = true, .again = true, .end = STEP_OPEN},
		{.unopened = true, .again = true, .end = STEP_OPEN},
		{.unopened = true,
			.end = STEP_UNSETTLED,
			.hint = "and so the target could not be asked to withdraw the load"},
	};

	play_all(scenes, ARRAY_LEN(scenes));
}

/* --- settle_run, on a real target --- */

struct fixture {
	struct fake_host h;
	struct connection conn;
	struct err err;
};

static int setup(void **state)
{
	struct fixture *f = mem_alloc(sizeof(*f));

	if (dir_make(state))
		return -1;
	fake_host_init(&f->h);
	f->conn = (struct connection){
		.name = "warehouse", .driver = DRIVER_SQLITE, .path = mem_strdup(in_dir("w.db"))};
	f->h.settings = (struct settings){.connections = &f->conn, .n_connections = 1};
	f->h.job.kind = JOB_SQL;
	f->h.job.target = "warehouse";
	f->h.job.create = true;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	fake_host_release(&f->h);
	free((char *)(uintptr_t)f->conn.path);
	free(f);
	return dir_remove(state);
}

static void a_run_is_withdrawn(void **state)
{
	struct fixture *f = *state;
	enum step_end end = STEP_UNKNOWN;

	f->h.cancel = true; /* it does not matter any more */
	must(settle_run(&f->h.host, "by request", &end, &f->err), &f->err);
	assert_int_equal(end, STEP_WITHDRAWN);
	check_sql(in_dir("w.db"),
		"SELECT run_uid, state, fence, target_table, revoked_reason FROM etl_load_ledger",
		"run-1|revoked|1|load|by request");
	must(settle_run(&f->h.host, "once more", &end, &f->err), &f->err);
	assert_int_equal(end, STEP_WITHDRAWN);
}

static void a_run_was_done(void **state)
{
	struct fixture *f = *state;
	enum step_end end = STEP_UNKNOWN;

	must(settle_run(&f->h.host, "by request", &end, &f->err), &f->err);
	sql_run(in_dir("w.db"), "UPDATE etl_load_ledger SET state = 'published'");
	must(settle_run(&f->h.host, "by request", &end, &f->err), &f->err);
	assert_int_equal(end, STEP_DONE);
}

static void a_run_that_cannot_be_asked_for(void **state)
{
	struct fixture *f = *state;
	enum step_end end = STEP_UNKNOWN;

	must(settle_run(&f->h.host, "by request", &end, &f->err), &f->err);
	sql_run(in_dir("w.db"), "UPDATE etl_load_ledger SET state = 'open', fence = 2");
	end = STEP_UNKNOWN;
	assert_int_equal(settle_run(&f->h.host, "by request", &end, &f->err), -1);
	assert_int_equal(f->err.code, ERR_LEASE_LOST);
	file_write(in_dir("w.db"), "no database");
	assert_int_equal(settle_run(&f->h.host, "by request", &end, &f->err), -1);
	assert_int_equal(f->err.code, ERR_TARGET);
	f->h.job.target = "warehose";
	assert_int_equal(settle_run(&f->h.host, "by request", &end, &f->err), -1);
	assert_int_equal(f->err.code, ERR_CONFIG);
	assert_int_equal(end, STEP_UNKNOWN);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_attempt_withdraws),
		cmocka_unit_test(another_attempt_follows),
		cmocka_unit_test(a_lost_lease_is_the_holders_business),
		cmocka_unit_test(a_target_that_could_not_be_opened),
		TEST(a_run_is_withdrawn),
		TEST(a_run_was_done),
		TEST(a_run_that_cannot_be_asked_for),
	};

	return cmocka_run_group_tests_name("work/settle", tests, NULL, NULL);
}
