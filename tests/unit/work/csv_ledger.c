/* Every place at which a load may die, between its mark and its end. */
#include "work/csv_ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "unit/support.h"
#include "work/csv_stage.h"

#define STAGED      CSV_STAGE_PREFIX "run-1-1.t.csv"
#define SECOND      CSV_STAGE_PREFIX "run-1-2.t.csv"
#define OTHERS      CSV_STAGE_PREFIX "run-2-1.t.csv"
#define STATES      "SELECT run_uid, state, fence, rows FROM etl_load_ledger ORDER BY 1"
#define MARKS       "SELECT run_uid, fence FROM etl_load_mark"
#define LEDGER_PATH in_dir(CSV_LEDGER_FILE)

/* Two runs of two jobs that write one file, and a second attempt of the first. */
struct fixture {
	char dir[64];
	struct job job[2];
	struct load load, again, other;
	struct csv_ledger l, l_again, l_other;
	struct db *db;
	int64_t loads;
	struct err err;
};

static int setup(void **state)
{
	const struct db_options options = {.create = true, .no_sync = true};
	struct fixture *f = mem_alloc(sizeof(*f));

	if (dir_make(state))
		return -1;
	strcpy(f->dir, in_dir(""));
	for (int i = 0; i < 2; i++)
		f->job[i] = (struct job){.job_uid = i ? "job-2" : "job-1",
			.name = i ? "b" : "a",
			.target_table = "t.csv",
			.load_mode = LOAD_REPLACE};
	f->load = (struct load){
		.run_uid = "run-1", .store_uid = "store", .fence = 1, .job = &f->job[0]};
	f->again = f->load;
	f->again.fence = 2;
	f->other = (struct load){
		.run_uid = "run-2", .store_uid = "store", .fence = 1, .job = &f->job[1]};
	must(db_open_sqlite(LEDGER_PATH, &options, &f->db, &f->err), &f->err);
	f->l = (struct csv_ledger){.db = f->db, .dir = f->dir, .sub = "", .load = &f->load};
	f->l_again = f->l;
	f->l_again.load = &f->again;
	f->l_other = f->l;
	f->l_other.load = &f->other;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	db_close(f->db);
	free(f);
	return dir_remove(state);
}

static enum ledger_state begin(struct fixture *f, struct csv_ledger *l)
{
	enum ledger_state state;

	must(csv_ledger_begin(l, &state, &f->loads, &f->err), &f->err);
	return state;
}

static enum ledger_state withdraw(struct fixture *f, struct csv_ledger *l)
{
	enum ledger_state state;

	must(csv_ledger_revoke(l, "why", &state, &f->err), &f->err);
	return state;
}

static int mark(struct fixture *f, struct csv_ledger *l, const char *staging)
{
	const struct csv_mark m = {.staging = staging, .loads = f->loads, .rows = 7};

	return csv_ledger_mark(l, &m, &f->err);
}

static void stage(const char *name)
{
	file_write(in_dir(name), "new");
}

static bool is_there(const char *name)
{
	return access(in_dir(name), F_OK) == 0;
}

static int publish_file(const char *name)
{
	return rename(in_dir(name), in_dir("t.csv"));
}

static void begun_and_marked(struct fixture *f)
{
	assert_int_equal(begin(f, &f->l), LEDGER_OPEN);
	stage(STAGED);
	must(mark(f, &f->l, STAGED), &f->err);
	check_sql(LEDGER_PATH, "SELECT state, rows FROM etl_load_ledger WHERE run_uid = 'run-1'",
		"open|NULL");
	check_sql(LEDGER_PATH, MARKS, "run-1|1");
}

static void a_load_goes_through(void **state)
{
	struct fixture *f = *state;

	begun_and_marked(f);
	assert_int_equal(publish_file(STAGED), 0);
	must(csv_ledger_publish(&f->l, &f->err), &f->err);
	check_sql(LEDGER_PATH, STATES, "run-1|published|1|7");
	check_sql(LEDGER_PATH, MARKS, "");
	assert_int_equal(begin(f, &f->l_again), LEDGER_PUBLISHED);
	assert_int_equal(withdraw(f, &f->l_again), LEDGER_PUBLISHED);
}

static void killed_before_its_rename(void **state)
{
	struct fixture *f = *state;

	begun_and_marked(f);
	assert_int_equal(begin(f, &f->l_again), LEDGER_OPEN);
	check_sql(LEDGER_PATH, STATES, "run-1|open|2|NULL");
	check_sql(LEDGER_PATH, MARKS, "");
	/* it was not dead, only slow */
	assert_int_equal(publish_file(STAGED), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(csv_ledger_publish(&f->l, &f->err), -1);
	assert_int_equal(f->err.code, ERR_LEASE_LOST);
	/* what was renamed away goes with the next begin */
	begin(f, &f->l_again);
	assert_false(is_there(STAGED) || is_there(STAGED CSV_STAGE_WITHDRAWN));
	stage(SECOND);
	must(mark(f, &f->l_again, SECOND), &f->err);
	assert_int_equal(publish_file(SECOND), 0);
	must(csv_ledger_publish(&f->l_again, &f->err), &f->err);
	check_sql(LEDGER_PATH, STATES, "run-1|published|2|7");
}

static void killed_after_its_rename(void **state)
{
	struct fixture *f = *state;

	begun_and_marked(f);
	assert_int_equal(publish_file(STAGED), 0);
	assert_int_equal(begin(f, &f->l_again), LEDGER_PUBLISHED);
	check_sql(LEDGER_PATH, STATES, "run-1|published|1|7");
	check_sql(LEDGER_PATH, MARKS, "");
	must(csv_ledger_publish(&f->l, &f->err), &f->err); /* it was not dead: the same end */
}

static void revoked_before_its_rename(void **state)
{
	struct fixture *f = *state;

	begun_and_marked(f);
	assert_int_equal(withdraw(f, &f->l_again), LEDGER_REVOKED);
	check_sql(LEDGER_PATH, MARKS, "");
	assert_int_equal(publish_file(STAGED), -1);
	assert_int_equal(csv_ledger_publish(&f->l, &f->err), -1);
	assert_int_equal(f->err.code, ERR_LEASE_LOST);
}

static void revoked_after_its_rename(void **state)
{
	struct fixture *f = *state;

	begun_and_marked(f);
	assert_int_equal(publish_file(STAGED), 0);
	assert_int_equal(withdraw(f, &f->l_again), LEDGER_PUBLISHED);
	check_sql(LEDGER_PATH, STATES, "run-1|published|1|7");
}

/* Who settles a mark renames the file away, and is killed before it commits. */
static void killed_while_it_settles(void **state)
{
	struct fixture *f = *state;

	begun_and_marked(f);
	assert_int_equal(rename(in_dir(STAGED), in_dir(STAGED CSV_STAGE_WITHDRAWN)), 0);
	assert_int_equal(publish_file(STAGED), -1);
	assert_int_equal(begin(f, &f->l_again), LEDGER_OPEN);
	check_sql(LEDGER_PATH, STATES, "run-1|open|2|NULL");
	check_sql(LEDGER_PATH, MARKS, "");
}

static void what_is_left_of_that_is_no_proof_later(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(begin(f, &f->l), LEDGER_OPEN);
	stage(STAGED);
	stage(STAGED CSV_STAGE_WITHDRAWN); /* somebody else's idea of a name */
	must(mark(f, &f->l, STAGED), &f->err);
	assert_int_equal(publish_file(STAGED), 0);
	assert_int_equal(begin(f, &f->l_again), LEDGER_PUBLISHED);
}

static void an_older_attempt_settles_nothing(void **state)
{
	struct fixture *f = *state;
	enum ledger_state found;

	assert_int_equal(begin(f, &f->l_again), LEDGER_OPEN);
	stage(SECOND);
	must(mark(f, &f->l_again, SECOND), &f->err);
	assert_int_equal(csv_ledger_begin(&f->l, &found, &f->loads, &f->err), -1);
	assert_int_equal(f->err.code, ERR_LEASE_LOST);
	assert_int_equal(csv_ledger_revoke(&f->l, "why", &found, &f->err), -1);
	assert_int_equal(f->err.code, ERR_LEASE_LOST);
	assert_int_equal(publish_file(SECOND), 0);
	must(csv_ledger_publish(&f->l_again, &f->err), &f->err);
}

static void who_lost_the_run_marks_nothing(void **state)
{
	struct fixture *f = *state;

	begin(f, &f->l);
	stage(STAGED);
	begin(f, &f->l_again);
	assert_int_equal(mark(f, &f->l, STAGED), -1);
	assert_int_equal(f->err.code, ERR_LEASE_LOST);
	check_sql(LEDGER_PATH, MARKS, "");
}

static void another_run_comes_between_mark_and_rename(void **state)
{
	struct fixture *f = *state;
	int64_t loads;

	begin(f, &f->l_other);
	loads = f->loads;
	begun_and_marked(f);
	stage(OTHERS);
	f->loads = loads;
	must(mark(f, &f->l_other, OTHERS), &f->err);
	check_sql(LEDGER_PATH, MARKS, "run-2|1");
	assert_int_equal(publish_file(STAGED), -1); /* it will never stand over the newer one */
	assert_int_equal(csv_ledger_publish(&f->l, &f->err), -1);
	check_err(&f->err, ERR_TARGET, "another run has withdrawn the file at the last moment");
	assert_int_equal(publish_file(OTHERS), 0);
	must(csv_ledger_publish(&f->l_other, &f->err), &f->err);
	check_sql(LEDGER_PATH, STATES, "run-1|open|1|NULL;run-2|published|1|7");
}

static void another_run_has_renamed_and_died(void **state)
{
	struct fixture *f = *state;
	int64_t loads;

	begin(f, &f->l_other);
	loads = f->loads;
	begun_and_marked(f);
	stage(OTHERS);
	assert_int_equal(publish_file(STAGED), 0);
	f->loads = loads;
	assert_int_equal(mark(f, &f->l_other, OTHERS), -1);
	check_err(&f->err, ERR_TARGET, "another run has written the file since this one began to "
				       "read: its rows would be older");
	check_sql(LEDGER_PATH, STATES, "run-1|open|1|NULL;run-2|open|1|NULL");
	/* one that begins now knows of it */
	begin(f, &f->l_other);
	assert_int_equal(f->loads, 1);
	check_sql(LEDGER_PATH, STATES, "run-1|published|1|7;run-2|open|1|NULL");
	stage(OTHERS);
	must(mark(f, &f->l_other, OTHERS), &f->err);
}

static void a_living_run_is_not_disturbed_by_one_that_begins(void **state)
{
	struct fixture *f = *state;
	int fd;

	begun_and_marked(f);
	fd = open(in_dir(STAGED), O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	begin(f, &f->l_other);
	check_sql(LEDGER_PATH, MARKS, "run-1|1");
	assert_int_equal(publish_file(STAGED), 0);
	must(csv_ledger_publish(&f->l, &f->err), &f->err);
	close(fd);
}

static void leftovers_go(void **state)
{
	struct fixture *f = *state;
	int fd;

	begun_and_marked(f);
	stage(OTHERS);
	stage(CSV_STAGE_PREFIX "run-9-4.u.csv");
	stage(CSV_STAGE_PREFIX "run-8-4.u.csv" CSV_STAGE_WITHDRAWN);
	stage("t.csv");
	stage(".other");
	fd = open(in_dir(STAGED), O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	close(fd);
	fd = open(in_dir(CSV_STAGE_PREFIX "run-9-4.u.csv"), O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0); /* it is alive */
	f->job[1].target_table = "u.csv";
	begin(f, &f->l_other);
	assert_true(is_there(STAGED)); /* of nobody who lives, but the ledger needs it */
	assert_true(is_there(CSV_STAGE_PREFIX "run-9-4.u.csv"));
	assert_true(is_there("t.csv") && is_there(".other"));
	assert_false(is_there(OTHERS));
	assert_false(is_there(CSV_STAGE_PREFIX "run-8-4.u.csv" CSV_STAGE_WITHDRAWN));
	close(fd);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_load_goes_through),
		TEST(killed_before_its_rename),
		TEST(killed_after_its_rename),
		TEST(revoked_before_its_rename),
		TEST(revoked_after_its_rename),
		TEST(killed_while_it_settles),
		TEST(what_is_left_of_that_is_no_proof_later),
		TEST(an_older_attempt_settles_nothing),
		TEST(who_lost_the_run_marks_nothing),
		TEST(another_run_comes_between_mark_and_rename),
		TEST(another_run_has_renamed_and_died),
		TEST(a_living_run_is_not_disturbed_by_one_that_begins),
		TEST(leftovers_go),
	};

	return cmocka_run_group_tests_name("work/csv_ledger", tests, NULL, NULL);
}
