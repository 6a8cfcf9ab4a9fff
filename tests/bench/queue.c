/*
 * queue - what the store's queue costs, with a null executor: nothing is started.
 *
 *	queue make INI READY ENDED	a new store with one job, READY runs queued and ENDED over
 *	queue claim INI BATCH		claims by BATCH, takes and ends each run before the next
 *	queue only INI BATCH		claims by BATCH, and does no more
 *	queue poll INI ROUNDS		ROUNDS rounds of an idle controller
 *
 * The store is as durable as the product's. Prints "NAME NUMBER" lines, for scripts/bench.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "ctl/round.h"
#include "db/mssql.h"
#include "job/queue.h"

#define LEASE_MS 60000

struct bench {
	struct settings settings;
	struct arena arena;
	struct store *store;
	struct err err;
};

static void must(int failed, const struct err *err)
{
	if (!failed)
		return;
	fprintf(stderr, "queue: %s\n", err->msg);
	exit(1);
}

static double seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void bench_open(struct bench *b, const char *ini)
{
	b->err = (struct err)ERR_INIT;
	must(settings_load(ini, &b->arena, &b->settings, &b->err), &b->err);
	must(store_open(&b->settings, &b->store, &b->err), &b->err);
}

static void bench_close(struct bench *b)
{
	store_close(b->store);
	arena_release(&b->arena);
}

/* --- make --- */

#define NOW "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"
#define ROWS(sql)                                                                            \
	"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < @n) " sql \
	" FROM n"

static void insert_there(struct bench *b, const char *tsql, int64_t n)
{
	const struct mssql_login login = {.options = &b->settings.store.mssql, .application = "bench"};
	enum mssql_layer layer;
	struct db *db;

	must(db_open_mssql(&login, &db, &layer, &b->err), &b->err);
	must(db_exec(db, arena_printf(&b->arena, "DECLARE @i bigint = 0; WHILE @i < %" PRId64 " BEGIN %s; SET @i += 1 END",
				 n, tsql), &b->err), &b->err);
	db_close(db);
}

/* As people do, with plain SQL through a connection of their own. */
static void insert_runs(struct bench *b, const char *sql, const char *tsql, int64_t n)
{
	const struct db_options options = {.wal = true, .busy_timeout_ms = 1000};
	struct db_stmt *stmt;
	struct db *db;

	if (n == 0)
		return;
	if (b->settings.store.driver == DRIVER_MSSQL) {
		insert_there(b, tsql, n);
		return;
	}
	must(db_open_sqlite(b->settings.store.path, &options, &db, &b->err) ||
			db_begin(db, &b->err) || db_prepare(db, sql, &stmt, &b->err),
		&b->err);
	db_bind_int(stmt, 1, n);
	must(db_run(stmt, &b->err), &b->err);
	db_finalize(stmt);
	must(db_commit(db, &b->err), &b->err);
	db_close(db);
}

static void bench_make(const char *ini, int64_t ready, int64_t ended)
{
	struct bench b = {.err = ERR_INIT};
	struct job job = {.name = "null"};
	struct schema_change made;
	enum job_change change;

	must(settings_load(ini, &b.arena, &b.settings, &b.err), &b.err);
	must(store_init(&b.settings, &clock_system, &rnd_system, &made, &b.err), &b.err);
	bench_open(&b, ini);
	config_defaults(job_option_sets, N_JOB_OPTION_SETS, &b.arena, &job);
	job.kind = JOB_EXEC;
	job.command = "true";
	job.max_active = 1000000;
	must(store_apply(b.store, &job, 1, "bench", &b.arena, &change, &b.err), &b.err);
	insert_runs(&b,
		ROWS("INSERT INTO etl_run (job_id, state, attempt, fence, claimed_at, started_at,"
		     " finished_at) SELECT 1, 'succeeded', 1, 1, " NOW ", " NOW ", " NOW),
		"INSERT INTO etl.run (job_id, state, attempt, fence, claimed_at, started_at, finished_at) VALUES"
		" (1, N'succeeded', 1, 1, SYSUTCDATETIME(), SYSUTCDATETIME(), SYSUTCDATETIME())",
		ended);
	insert_runs(&b, ROWS("INSERT INTO etl_run (job_id) SELECT 1"), "INSERT INTO etl.run (job_id) VALUES (1)",
		ready);
	bench_close(&b);
}

/* --- claim --- */

static void end_run(struct bench *b, const struct run *claimed, struct arena *a)
{
	struct run run;

	must(queue_take(b->store, claimed->run_id, claimed->fence, "worker", "handle", a, &run,
		     &b->err) ||
			queue_move(b->store, &run, RUN_SUCCEEDED, "worker", NULL, NULL, &b->err),
		&b->err);
}

static void bench_claim(const char *ini, size_t batch, bool end)
{
	struct bench b = {.store = NULL};
	double start, claiming = 0, begin;
	int64_t claims = 0;

	bench_open(&b, ini);
	start = seconds(CLOCK_MONOTONIC);
	for (;;) {
		CLEANUP(arena_release) struct arena a = ARENA_INIT;
		struct run *v;
		size_t n;

		begin = seconds(CLOCK_MONOTONIC);
		must(queue_claim(
			     b.store, "bench", "controller", LEASE_MS, batch, &a, &v, &n, &b.err),
			&b.err);
		claiming += seconds(CLOCK_MONOTONIC) - begin;
		if (n == 0)
			break;
		claims += (int64_t)n;
		for (size_t i = 0; end && i < n; i++)
			end_run(&b, &v[i], &a);
	}
	printf("runs %" PRId64 "\nclaim_seconds %.6f\nseconds %.6f\n", claims, claiming,
		seconds(CLOCK_MONOTONIC) - start);
	bench_close(&b);
}

/* --- poll --- */

static enum executor_found look(void *arg UNUSED, const char *process UNUSED)
{
	return EXECUTOR_ALIVE;
}

static void bench_poll(const char *ini, int64_t rounds)
{
	const struct round_config config = {.uid = "controller",
		.host = "here",
		.process = "handle",
		.version = "bench",
		.actor = "bench",
		.lease_ms = LEASE_MS,
		.max_workers = 4,
		.look = look};
	struct bench b = {.store = NULL};
	struct round *r = round_new(&config);
	double cpu;

	bench_open(&b, ini);
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
	for (int64_t i = 0; i < rounds; i++) {
		CLEANUP(arena_release) struct arena a = ARENA_INIT;
		struct fact *facts = NULL;
		struct round_result result;

		must(round_run(r, b.store, &facts, "running", 0, 4, NULL, i, &a, &result, &b.err),
			&b.err);
	}
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	printf("rounds %" PRId64 "\ncpu_seconds %.6f\n", rounds, cpu);
	round_free(r);
	bench_close(&b);
}

int main(int argc, char **argv)
{
	int64_t n[2] = {0, 0};

	for (int i = 3; i < argc && i < 5; i++)
		n[i - 3] = strtoll(argv[i], NULL, 10);
	if (argc == 5 && strcmp(argv[1], "make") == 0)
		bench_make(argv[2], n[0], n[1]);
	else if (argc == 4 && strcmp(argv[1], "claim") == 0)
		bench_claim(argv[2], (size_t)n[0], true);
	else if (argc == 4 && strcmp(argv[1], "only") == 0)
		bench_claim(argv[2], (size_t)n[0], false);
	else if (argc == 4 && strcmp(argv[1], "poll") == 0)
		bench_poll(argv[2], n[0]);
	else
		return 2;
	return 0;
}
