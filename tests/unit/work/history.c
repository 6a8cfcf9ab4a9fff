#include "work/history.h"

#include <stdlib.h>
#include <string.h>

#include "unit/fake_host.h"
#include "unit/support.h"

#define ROWS_MAX 8

/* A target that knows these loads. */
struct fixture {
	struct fake_host h;
	struct ledger_row rows[ROWS_MAX];
	size_t n;
	struct err ledger_err;
	struct err err;
};

static int history(struct target *t, struct arena *a, struct ledger_row **ret_rows, size_t *ret_n,
	struct err *err)
{
	struct fixture *f = (struct fixture *)t;

	if (f->ledger_err.code != ERR_NONE) {
		*err = f->ledger_err;
		return -1;
	}
	*ret_rows = arena_array(a, f->n + 1, sizeof(**ret_rows));
	memcpy(*ret_rows, f->rows, f->n * sizeof(**ret_rows));
	*ret_n = f->n;
	return 0;
}

static const struct target_ops ledger = {.history = history};

static int setup(void **state)
{
	struct fixture *f = mem_alloc(sizeof(*f));

	fake_host_init(&f->h);
	f->h.job.kind = JOB_COPY;
	f->h.job.load_mode = LOAD_APPEND;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	fake_host_release(&f->h);
	free(f);
	return 0;
}

static void loaded(
	struct fixture *f, const char *run_uid, const char *store_uid, enum ledger_state s)
{
	f->rows[f->n++] = (struct ledger_row){.run_uid = run_uid,
		.store_uid = store_uid,
		.state = s,
		.fence = 1,
		.opened_at = "2026-01-01T10:00:00Z"};
}

static int check(struct fixture *f)
{
	err_clear(&f->err);
	return history_check(&f->h.host, &ledger, (struct target *)f, &f->err);
}

static void check_held(struct fixture *f, const char *msg)
{
	assert_int_equal(check(f), -1);
	check_err(&f->err, ERR_HELD, msg);
}

static void without_loads_nobody_is_asked(void **state)
{
	struct fixture *f = *state;

	must(check(f), &f->err);
	assert_int_equal(f->h.asked_known, 0);
	loaded(f, "run-1", "store-1", LEDGER_OPEN); /* our own, of an attempt before */
	must(check(f), &f->err);
	assert_int_equal(f->h.asked_known, 1);
}

static void known_loads_are_good(void **state)
{
	struct fixture *f = *state;

	loaded(f, "run-1", "store-1", LEDGER_OPEN);
	loaded(f, "old-1", "store-1", LEDGER_PUBLISHED);
	loaded(f, "old-2", "store-2", LEDGER_PUBLISHED); /* recovered */
	must(check(f), &f->err);
	assert_int_equal(f->h.asked_known, 1);
	assert_string_equal(fake_host_said(&f->h), "");
}

static void a_forgotten_load_holds_the_job(void **state)
{
	struct fixture *f = *state;

	loaded(f, "old-1", "store-1", LEDGER_PUBLISHED);
	loaded(f, "old-2", "store-1", LEDGER_OPEN);
	f->h.unknown_run = "old-1";
	check_held(f, "the ledger of the target knows run 'old-1' of job 'load', which was loaded "
		      "(begun 2026-01-01T10:00:00Z) and which this store does not know, or not as "
		      "far: it is older than its target");
	assert_non_null(strstr(f->err.hint, "etl recover load --dry-run"));
	f->h.unknown_run = "old-2";
	f->rows[1].opened_at = NULL;
	check_held(f, "the ledger of the target knows run 'old-2' of job 'load', which is begun "
		      "(begun ?) and which this store does not know, or not as far: it is older "
		      "than its target");
	f->h.job.load_mode = LOAD_REPLACE; /* an old worker of it may still be at work */
	assert_int_equal(check(f), -1);
	assert_int_equal(f->err.code, ERR_HELD);
}

static void another_stores_load_could_be_doubled(void **state)
{
	struct fixture *f = *state;

	loaded(f, "old-1", "store-2", LEDGER_PUBLISHED);
	f->h.unknown_run = "old-1";
	check_held(f,
		"the ledger of the target knows run 'old-1' of a job 'load' of another store, "
		"which was loaded (begun 2026-01-01T10:00:00Z): loading again could double "
		"its rows");
	assert_non_null(strstr(f->err.hint, "'etl recover load' takes its loads over"));
}

static void what_can_be_repeated_is_only_told(void **state)
{
	struct fixture *f = *state;

	loaded(f, "old-1", "store-2", LEDGER_PUBLISHED);
	f->h.unknown_run = "old-1";
	f->h.job.load_mode = LOAD_REPLACE;
	must(check(f), &f->err);
	assert_string_equal(fake_host_said(&f->h), "warn the table was loaded by a job 'load' of "
						   "another store before (run 'old-1')\n");
	f->h.job.load_mode = LOAD_APPEND;
	f->h.job.idempotent = true;
	must(check(f), &f->err);
	assert_int_equal(f->h.lines, 2);
	f->h.job.idempotent = false;
	f->h.job.kind = JOB_SQL;
	f->h.job.load_mode = LOAD_REPLACE; /* which is nothing to statements */
	assert_int_equal(check(f), -1);
	assert_int_equal(f->err.code, ERR_HELD);
}

/* Another store's newer load does not hide that this one has forgotten its own. */
static void this_stores_loads_come_first(void **state)
{
	struct fixture *f = *state;

	loaded(f, "newest", "store-2", LEDGER_PUBLISHED);
	loaded(f, "forgotten", "store-1", LEDGER_PUBLISHED);
	f->h.job.load_mode = LOAD_REPLACE;
	f->h.unknown_run = NULL;
	f->h.unknown_runs = true;
	assert_int_equal(check(f), -1);
	assert_non_null(strstr(f->err.msg, "'forgotten'"));
}

static void who_cannot_be_asked(void **state)
{
	struct fixture *f = *state;

	loaded(f, "old-1", "store-1", LEDGER_PUBLISHED);
	f->h.known_err = (struct err){.code = ERR_LEASE_LOST, .msg = "it is lost"};
	assert_int_equal(check(f), -1);
	check_err(&f->err, ERR_LEASE_LOST, "does the store know what was loaded: it is lost");
	f->ledger_err = (struct err){.code = ERR_BUSY, .msg = "locked"};
	assert_int_equal(check(f), -1);
	check_err(&f->err, ERR_BUSY, "locked");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_loads_nobody_is_asked),
		TEST(known_loads_are_good),
		TEST(a_forgotten_load_holds_the_job),
		TEST(another_stores_load_could_be_doubled),
		TEST(what_can_be_repeated_is_only_told),
		TEST(this_stores_loads_come_first),
		TEST(who_cannot_be_asked),
	};

	return cmocka_run_group_tests_name("work/history", tests, NULL, NULL);
}
