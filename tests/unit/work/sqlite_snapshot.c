#include "work/sqlite_snapshot.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit/support.h"

#define READERS 8

struct fixture {
	char path[128];
	struct db *dbs[READERS];
	atomic_bool stop;
	struct err err;
};

static int setup(void **state)
{
	struct fixture *f = mem_alloc(sizeof(*f));

	if (dir_make(state))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s", in_dir("s.db"));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < READERS; i++)
		db_close(f->dbs[i]);
	free(f);
	return dir_remove(state);
}

static void open_all(struct fixture *f)
{
	for (int i = 0; i < READERS; i++)
		must(sqlite_snapshot_open(f->path, i ? 100 : 5000, 0, &f->dbs[i], &f->err), &f->err);
}

static int64_t value(struct fixture *f, struct db *db)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;

	must(db_prepare(db, "SELECT n FROM t", &stmt, &f->err), &f->err);
	assert_int_equal(db_step(stmt, &f->err), 1);
	return db_column_int(stmt, 0);
}

/* Commits as often as it can. */
static void *write_on(void *arg)
{
	const struct db_options options = {.busy_timeout_ms = 60000, .no_sync = true};
	struct fixture *f = arg;
	struct err err = ERR_INIT;
	struct db *db = NULL;

	if (db_open_sqlite(f->path, &options, &db, &err) < 0)
		return (void *)1;
	while (!f->stop)
		if (db_exec(db, "UPDATE t SET n = n + 1", &err) < 0)
			return (void *)1;
	db_close(db);
	return NULL;
}

static void all_see_the_same(struct fixture *f, const char *mode)
{
	pthread_t writer;
	void *failed;
	char sql[128];
	int64_t first, before = -1;

	snprintf(sql, sizeof(sql),
		"PRAGMA journal_mode = %s; CREATE TABLE t (n); INSERT INTO t VALUES (0)", mode);
	sql_run(f->path, sql);
	open_all(f);
	assert_int_equal(pthread_create(&writer, NULL, write_on, f), 0);
	for (int round = 0; round < 20; round++) {
		must(sqlite_snapshot_begin(f->dbs, READERS, &f->err), &f->err);
		usleep(1000);
		first = value(f, f->dbs[0]);
		for (int i = 1; i < READERS; i++)
			assert_int_equal(value(f, f->dbs[i]), first);
		assert_true(first >= before);
		before = first;
		for (int i = 0; i < READERS; i++)
			db_rollback(f->dbs[i]);
		usleep(1000);
	}
	f->stop = true;
	pthread_join(writer, &failed);
	assert_null(failed);
	assert_true(before > 0);
}

static void a_wal_has_one_state_for_all(void **state)
{
	all_see_the_same(*state, "WAL");
}

static void a_rollback_journal_has_too(void **state)
{
	all_see_the_same(*state, "DELETE");
}

static void a_lock_is_waited_for(void **state)
{
	const struct db_options options = {.busy_timeout_ms = 0};
	struct fixture *f = *state;
	struct db *other = NULL;

	sql_run(f->path, "CREATE TABLE t (n); INSERT INTO t VALUES (1)");
	must(sqlite_snapshot_open(f->path, 0, 0, &f->dbs[0], &f->err), &f->err);
	must(db_open_sqlite(f->path, &options, &other, &f->err), &f->err);
	must(db_exec(other, "BEGIN EXCLUSIVE", &f->err), &f->err);
	assert_int_equal(sqlite_snapshot_begin(f->dbs, 1, &f->err), -1);
	assert_int_equal(f->err.code, ERR_BUSY);
	db_close(other);
	must(sqlite_snapshot_begin(f->dbs, 1, &f->err), &f->err);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_wal_has_one_state_for_all),
		TEST(a_rollback_journal_has_too),
		TEST(a_lock_is_waited_for),
	};

	return cmocka_run_group_tests_name("work/sqlite_snapshot", tests, NULL, NULL);
}
