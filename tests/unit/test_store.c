#include "unit/test_store.h"

#include <stdlib.h>

#include <stdio.h>

void test_store_init(struct test_store *t)
{
	static unsigned n;

	*t = (struct test_store){.err = ERR_INIT};
	snprintf(t->path, sizeof(t->path), "%s/s%u.db", in_dir(""), n++);
	t->settings.store.path = t->path;
	t->settings.controller.lease = TEST_LEASE_MS;
}

void test_store_release(struct test_store *t)
{
	store_close(t->store);
	arena_release(&t->arena);
}

void *test_store_fixture(size_t size)
{
	struct test_store *t = mem_alloc(size);

	test_store_init(t);
	test_store_open(t);
	return t;
}

int test_store_teardown(void **state)
{
	test_store_release(*state);
	free(*state);
	return 0;
}

struct store *test_store_again_at(struct test_store *t, const char *file, int line)
{
	struct store *s = NULL;

	must_at(store_open(&t->settings, &s, &t->err), &t->err, file, line);
	return s;
}

void test_store_open_at(struct test_store *t, const char *file, int line)
{
	struct schema_change c;

	must_at(store_init(&t->settings, &clock_system, &rnd_system, &c, &t->err), &t->err, file,
		line);
	t->store = test_store_again_at(t, file, line);
}

struct job test_job(struct arena *a, const char *name, enum job_kind kind)
{
	struct job job = {.name = name};

	config_defaults(job_option_sets, N_JOB_OPTION_SETS, a, &job);
	job.kind = kind;
	if (kind == JOB_COPY) {
		job.source = "raw";
		job.source_table = "planes";
		job.target_table = "planes";
	} else {
		job.command = kind == JOB_SQL ? "SELECT 1" : "true";
	}
	if (kind != JOB_EXEC)
		job.target = "w";
	return job;
}

enum job_change test_store_apply_at(
	struct test_store *t, struct job *job, const char *file, int line)
{
	enum job_change change = JOB_UNCHANGED;

	must_at(store_apply(t->store, job, 1, "me", &t->arena, &change, &t->err), &t->err, file,
		line);
	return change;
}

struct job test_store_job_at(
	struct test_store *t, const char *name, const char *after, const char *file, int line)
{
	struct job job = test_job(&t->arena, name, JOB_EXEC);

	job.after.success = after;
	test_store_apply_at(t, &job, file, line);
	return job;
}

struct run test_store_order_at(struct test_store *t, int64_t job_id, const char *file, int line)
{
	const struct order order = {.actor = "me"};
	struct run run = {.run_id = 0};
	bool known;

	must_at(queue_order(t->store, job_id, &order, &t->arena, &run, &known, &t->err), &t->err,
		file, line);
	return run;
}

struct run test_store_claim_at(struct test_store *t, const char *file, int line)
{
	struct run *runs;
	size_t n = 0;

	must_at(queue_claim(t->store, "controller", "c1", TEST_LEASE_MS, 1, &t->arena, &runs, &n,
			&t->err),
		&t->err, file, line);
	return n ? runs[0] : (struct run){.run_id = 0};
}

struct run test_store_start_at(struct test_store *t, const char *file, int line)
{
	struct run run = test_store_claim_at(t, file, line);

	must_at(queue_take(t->store, run.run_id, run.fence, "worker", "process 7", &t->arena, &run,
			&t->err),
		&t->err, file, line);
	return run;
}
