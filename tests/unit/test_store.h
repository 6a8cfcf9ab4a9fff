/*
 * test_store - a store of a test's own, with jobs and runs in it.
 *
 * What goes wrong in here fails the test at the line that called.
 */
#ifndef UNIT_TEST_STORE_H
#define UNIT_TEST_STORE_H

#include "base/arena.h"
#include "job/queue.h"
#include "job/store.h"
#include "unit/support.h"

#define TEST_LEASE_MS 60000

struct test_store {
	struct arena arena;
	struct settings settings;
	struct store *store; /* NULL once a test has closed it or given it away */
	char path[64];
	struct err err;
};

/* A new file in the directory of dir_make; open it with test_store_open. */
void test_store_init(struct test_store *t);
void test_store_release(struct test_store *t);

/* A fixture of cmocka whose first member is a struct test_store, opened; the rest is zero. */
void *test_store_fixture(size_t size);
int test_store_teardown(void **state);

#define test_store_open(t) test_store_open_at(t, __FILE__, __LINE__)
void test_store_open_at(struct test_store *t, const char *file, int line);

/* Another connection to it; close it. */
#define test_store_again(t) test_store_again_at(t, __FILE__, __LINE__)
struct store *test_store_again_at(struct test_store *t, const char *file, int line);

/* As a file would say it, with nothing but what its kind requires. */
struct job test_job(struct arena *a, const char *name, enum job_kind kind);

/* Stored; its job_id and job_uid are set. */
#define test_store_apply(t, job) test_store_apply_at(t, job, __FILE__, __LINE__)
enum job_change test_store_apply_at(
	struct test_store *t, struct job *job, const char *file, int line);

/* An exec job of this name that is after the others. */
#define test_store_job(t, name, after) test_store_job_at(t, name, after, __FILE__, __LINE__)
struct job test_store_job_at(
	struct test_store *t, const char *name, const char *after, const char *file, int line);

/* Ordered by "me", without a key. */
#define test_store_order(t, job_id) test_store_order_at(t, job_id, __FILE__, __LINE__)
struct run test_store_order_at(struct test_store *t, int64_t job_id, const char *file, int line);

/* The first run that is ready, claimed by the controller "c1"; run_id 0 when there is none. */
#define test_store_claim(t) test_store_claim_at(t, __FILE__, __LINE__)
struct run test_store_claim_at(struct test_store *t, const char *file, int line);

/* Claimed and taken by its worker: it is running. */
#define test_store_start(t) test_store_start_at(t, __FILE__, __LINE__)
struct run test_store_start_at(struct test_store *t, const char *file, int line);

#define test_store_sort(t) must(queue_sort((t)->store, "sorter", &(t)->err), &(t)->err)

/* SQL on its file, through a connection of its own. */
#define store_sql(t, sql)             sql_run((t)->path, sql)
#define check_store(t, sql, expected) check_sql((t)->path, sql, expected)

#endif
