#include "job/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "job/migrations.h"
#include "unit/support.h"

#define LEASE_MS  60000
#define PROCESSES 4
#define ROUNDS    25
#define UUID_LIKE "'________-____-4___-____-____________'"

/* A store file of its own for each test. */
struct fixture {
	struct arena arena;
	struct settings settings;
	struct store *store;
	struct run run;
	struct err err;
	char path[64];
};

static int setup(void **state)
{
	static unsigned n;
	struct fixture *f = mem_alloc(sizeof(*f));

	snprintf(f->path, sizeof(f->path), "%s/s%u.db", in_dir(""), n++);
	f->settings.store.path = f->path;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	store_close(f->store);
	arena_release(&f->arena);
	free(f);
	return 0;
}

static struct schema_change init(struct fixture *f)
{
	struct schema_change c = {.from = -1};

	must(store_init(&f->settings, &clock_system, &rnd_system, &c, &f->err), &f->err);
	return c;
}

static void start(struct fixture *f)
{
	init(f);
	must(store_open(&f->settings, &f->store, &f->err), &f->err);
}

static struct job definition(const char *name)
{
	return (struct job){.name = name,
		.enabled = true,
		.source = "raw",
		.source_table = "planes",
		.target = "w",
		.target_table = "planes",
		.load_mode = LOAD_APPEND,
		.create = true,
		.min_rows = 1,
		.max_attempts = 1,
		.retry_delay = 30000};
}

/* A store with a job and a run of it, claimed. */
static void start_run(struct fixture *f)
{
	struct job job = definition("load");
	enum job_change change;

	start(f);
	must(store_apply(f->store, &job, 1, "me", &f->arena, &change, &f->err), &f->err);
	must(store_order_claimed(f->store, job.job_id, "me", LEASE_MS, &f->arena, &f->run, &f->err),
		&f->err);
}

static int move(
	struct fixture *f, enum run_state to, const char *reason, const struct run_result *result)
{
	return store_move(f->store, &f->run, to, "me", reason, result, &f->err);
}

/* --- init and open --- */

static void a_store_is_made_once(void **state)
{
	struct fixture *f = *state;
	struct schema_change c = init(f);
	const char *uid;

	assert_int_equal(c.from, 0);
	assert_int_equal(c.to, migrations_version());
	uid = sql_ask(f->path, "SELECT value FROM etl_meta WHERE name = 'store_uid'");
	c = init(f);
	assert_int_equal(c.from, migrations_version());
	must(store_open(&f->settings, &f->store, &f->err), &f->err);
	assert_string_equal(store_uid(f->store), uid);
	check_sql(f->path, "PRAGMA journal_mode", "wal");
	store_close(NULL);
}

/* In a process of its own, when `go` says so. */
static pid_t init_in_process(struct fixture *f, const int go[2])
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct schema_change c;
		char byte;

		close(go[1]);
		if (read(go[0], &byte, 1) != 0) /* its end: all begin at once */
			_exit(3);
		if (store_init(&f->settings, &clock_system, &rnd_system, &c, &f->err)) {
			fprintf(stderr, "%s\n", f->err.msg);
			_exit(2);
		}
		_exit(c.from == 0 ? 1 : 0);
	}
	return pid;
}

static void many_inits_at_once_make_one_store(void **state)
{
	struct fixture *f = *state;

	for (int round = 0; round < ROUNDS; round++) {
		pid_t pids[PROCESSES];
		int made = 0, go[2];

		snprintf(f->path, sizeof(f->path), "%s/at-once-%d.db", in_dir(""), round);
		assert_int_equal(pipe(go), 0);
		for (int i = 0; i < PROCESSES; i++)
			pids[i] = init_in_process(f, go);
		close(go[0]);
		close(go[1]);
		for (int i = 0; i < PROCESSES; i++) {
			int status;

			assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
			assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
			made += WEXITSTATUS(status);
		}
		assert_int_equal(made, 1);
		check_sql(f->path, "SELECT count(*) FROM etl_meta", "1");
	}
}

static void check_not_opened(struct fixture *f, const char *msg, const char *hint)
{
	err_clear(&f->err);
	assert_int_equal(store_open(&f->settings, &f->store, &f->err), -1);
	check_err(&f->err, ERR_STORE, msg);
	assert_non_null(strstr(f->err.hint, hint));
	assert_null(f->store);
}

static void what_is_no_store_is_not_opened(void **state)
{
	struct fixture *f = *state;

	check_not_opened(f, arena_printf(&f->arena, "there is no store '%s'", f->path),
		"run 'etl init' to make it, or name the configuration with --config");
	assert_int_equal(access(f->path, F_OK), -1);
	sql_run(f->path, "CREATE TABLE planes (a)");
	check_not_opened(f,
		arena_printf(&f->arena, "store '%s': it is not a store of etl", f->path),
		"run 'etl init'");
	init(f);
	sql_run(f->path, "DELETE FROM etl_meta");
	check_not_opened(
		f, arena_printf(&f->arena, "store '%s': etl_meta has no store_uid", f->path), "");
	file_write(f->path,
		"this is a text and no database: SQLite finds that out from the header, "
		"which has a hundred bytes");
	check_not_opened(f,
		arena_printf(
			&f->arena, "store: open database: '%s': file is not a database", f->path),
		"not an SQLite database");
}

static void what_is_no_database_is_left_alone(void **state)
{
	struct fixture *f = *state;
	struct schema_change c = {.from = -1};

	file_write(f->path,
		"this is a text and no database: SQLite finds that out from the header, "
		"which has a hundred bytes");
	assert_int_equal(store_init(&f->settings, &clock_system, &rnd_system, &c, &f->err), -1);
	check_err(&f->err, ERR_STORE,
		arena_printf(
			&f->arena, "store: open database: '%s': file is not a database", f->path));
	assert_int_equal(c.from, -1);
	f->settings.store.path = "/no/such/dir/etl.db";
	err_clear(&f->err);
	assert_int_equal(store_init(&f->settings, &clock_system, &rnd_system, &c, &f->err), -1);
	assert_int_equal(f->err.code, ERR_STORE);
	assert_string_equal(f->err.hint, "make the directory '/no/such/dir' first");
}

static void a_newer_schema_is_refused(void **state)
{
	struct fixture *f = *state;
	struct schema_change c;
	const char *msg;

	init(f);
	sql_run(f->path, "INSERT INTO etl_migration (version, name) VALUES (999, 'future')");
	msg = arena_printf(&f->arena,
		"store '%s': it has schema version 999, this program knows %d", f->path,
		migrations_version());
	check_not_opened(f, msg, "use the version of etl that made it, or a newer one");
	err_clear(&f->err);
	assert_int_equal(store_init(&f->settings, &clock_system, &rnd_system, &c, &f->err), -1);
	check_err(&f->err, ERR_STORE, msg);
	assert_string_equal(f->err.hint, "use the version of etl that made it, or a newer one");
}

/* --- definitions --- */

static void definitions_are_applied(void **state)
{
	struct fixture *f = *state;
	struct job jobs[] = {definition("a"), definition("b")}, job;
	enum job_change changes[2];

	start(f);
	must(store_apply(f->store, jobs, 2, "me", &f->arena, changes, &f->err), &f->err);
	assert_int_equal(changes[0], JOB_CREATED);
	assert_int_equal(changes[1], JOB_CREATED);
	jobs[1].min_rows = 5;
	must(store_apply(f->store, jobs, 2, "you", &f->arena, changes, &f->err), &f->err);
	assert_int_equal(changes[0], JOB_UNCHANGED);
	assert_int_equal(changes[1], JOB_CHANGED);
	assert_int_equal(jobs[1].job_id, 2);
	must(store_job(f->store, "b", &f->arena, &job, &f->err), &f->err);
	assert_int_equal(job.min_rows, 5);
	assert_string_equal(job.job_uid, jobs[1].job_uid);
	must(store_job(f->store, "1", &f->arena, &job, &f->err), &f->err);
	assert_string_equal(job.name, "a");
	check_sql(f->path, "SELECT job_id, version, actor FROM etl_job_history ORDER BY 1, 2",
		"1|1|me;2|1|me;2|2|you");
}

static void all_definitions_are_applied_or_none(void **state)
{
	struct fixture *f = *state;
	struct job jobs[] = {definition("a"), definition("bad"), definition("c")};
	enum job_change changes[3];

	start(f);
	sql_run(f->path, "CREATE TRIGGER refuse BEFORE INSERT ON etl_job WHEN new.name = 'bad'"
			 " BEGIN SELECT raise(ABORT, 'not this one'); END");
	assert_int_equal(store_apply(f->store, jobs, 3, "me", &f->arena, changes, &f->err), -1);
	check_err(&f->err, ERR_DATA, "job 'bad': not this one");
	check_sql(f->path,
		"SELECT (SELECT count(*) FROM etl_job),"
		" (SELECT count(*) FROM etl_job_history)",
		"0|0");
	sql_run(f->path, "DROP TRIGGER refuse");
	must(store_apply(f->store, jobs, 3, "me", &f->arena, changes, &f->err), &f->err);
	check_sql(f->path, "SELECT count(*) FROM etl_job", "3");
}

static void a_job_that_is_not_there(void **state)
{
	struct fixture *f = *state;
	struct job job = definition("load_planes"), found = {.name = "untouched"};
	enum job_change change;

	start(f);
	must(store_apply(f->store, &job, 1, "me", &f->arena, &change, &f->err), &f->err);
	assert_int_equal(store_job(f->store, "load_plane", &f->arena, &found, &f->err), -1);
	check_err(&f->err, ERR_NOT_FOUND,
		"there is no job 'load_plane', did you mean 'load_planes'?");
	err_clear(&f->err);
	assert_int_equal(store_job(f->store, "7", &f->arena, &found, &f->err), -1);
	check_err(&f->err, ERR_NOT_FOUND, "there is no job '7'");
	assert_string_equal(found.name, "untouched");
	sql_run(f->path, "UPDATE etl_job SET source = NULL");
	assert_int_equal(store_job(f->store, "1", &f->arena, &found, &f->err), -1);
	check_err(&f->err, ERR_CONFIG, "store: job 'load_planes': 'source' is not set");
}

/* --- runs --- */

static void an_order_is_claimed_at_once(void **state)
{
	struct fixture *f = *state;

	start_run(f);
	assert_int_equal(f->run.run_id, 1);
	assert_int_equal(f->run.job_id, 1);
	assert_int_equal(f->run.state, RUN_STARTING);
	assert_int_equal(f->run.fence, 1);
	assert_int_equal(f->run.attempt, 1);
	assert_null(f->run.order_key);
	assert_string_equal(f->run.run_uid, sql_ask(f->path, "SELECT run_uid FROM etl_run"));
	check_sql(f->path,
		"SELECT state, owner, fence, attempt, claimed_at IS NOT NULL,"
		" round((julianday(lease_until) - julianday(claimed_at)) * 86400),"
		" started_at, finished_at FROM etl_run",
		"starting|me|1|1|1|60.0|NULL|NULL");
	check_sql(f->path, "SELECT run_id, old_state, new_state, actor, reason FROM etl_run_event",
		"1|NULL|queued|me|ordered by hand;1|queued|starting|me|NULL");
}

static void an_order_of_no_job_is_none(void **state)
{
	struct fixture *f = *state;

	start(f);
	f->run.run_id = 42;
	assert_int_equal(
		store_order_claimed(f->store, 7, "me", LEASE_MS, &f->arena, &f->run, &f->err), -1);
	check_err(&f->err, ERR_NOT_FOUND, "order a run: there is no job 7");
	assert_int_equal(f->run.run_id, 42);
	check_sql(f->path, "SELECT count(*) FROM etl_run", "0");
}

/* The public interface: docs/design.md §4. */
static void an_order_by_hand_is_a_queued_run(void **state)
{
	struct fixture *f = *state;
	struct job job = definition("load");
	enum job_change change;

	start(f);
	must(store_apply(f->store, &job, 1, "me", &f->arena, &change, &f->err), &f->err);
	sql_run(f->path, "INSERT INTO etl_run (job_id) VALUES (1)");
	check_sql(f->path,
		"SELECT state, fence, attempt, run_uid LIKE " UUID_LIKE
		", ready_at <= strftime('%Y-%m-%dT%H:%M:%fZ', 'now') FROM etl_run",
		"queued|0|0|1|1");
	must(store_order_claimed(f->store, 1, "me", LEASE_MS, &f->arena, &f->run, &f->err),
		&f->err);
	check_sql(f->path, "SELECT run_id, state FROM etl_run ORDER BY run_id", /* not that one */
		"1|queued;2|starting");
}

static void a_run_goes_its_way(void **state)
{
	const struct run_result result = {
		.rows_read = 7, .rows_written = 6, .bytes_read = 1u << 31};
	struct fixture *f = *state;

	start_run(f);
	must(move(f, RUN_RUNNING, NULL, NULL), &f->err);
	assert_int_equal(f->run.state, RUN_RUNNING);
	check_sql(f->path,
		"SELECT state, started_at IS NULL, finished_at IS NULL,"
		" lease_until IS NULL, rows_read FROM etl_run",
		"running|0|1|0|NULL");
	must(move(f, RUN_SUCCEEDED, "done", &result), &f->err);
	check_sql(f->path,
		"SELECT state, started_at IS NULL, finished_at IS NULL,"
		" lease_until IS NULL, rows_read, rows_written, bytes_read, error_code,"
		" error_message, owner FROM etl_run",
		"succeeded|0|0|1|7|6|2147483648|NULL|NULL|me");
	check_sql(f->path,
		"SELECT old_state, new_state, actor, reason, at IS NULL"
		" FROM etl_run_event WHERE event_id > 2 ORDER BY event_id",
		"starting|running|me|NULL|0;running|succeeded|me|done|0");
}

static void errors_are_kept(void **state)
{
	const struct run_result result = {.error_code = "bad_data", .error_message = "line 7"};
	struct fixture *f = *state;

	start_run(f);
	must(move(f, RUN_FAILED, "line 7", &result), &f->err);
	check_sql(f->path, "SELECT state, error_code, error_message, rows_read FROM etl_run",
		"failed|bad_data|line 7|0");
}

/* From every state to every other, as run_may says. */
static void every_way_is_taken_and_no_other(void **state)
{
	struct fixture *f = *state;

	start_run(f);
	for (int from = 0; from < RUN_STATE_COUNT; from++)
		for (int to = 0; to < RUN_STATE_COUNT; to++) {
			const char *old = run_state_name((enum run_state)from);
			const char *new = run_state_name((enum run_state)to);
			bool may = run_may((enum run_state)from, (enum run_state)to);

			sql_run(f->path,
				arena_printf(&f->arena,
					"DELETE FROM etl_run_event;"
					"UPDATE etl_run SET state = '%s', started_at = NULL,"
					" finished_at = NULL",
					old));
			f->run.state = (enum run_state)from;
			assert_int_equal(move(f, (enum run_state)to, "why", NULL), may ? 0 : -1);
			assert_int_equal(f->run.state, may ? to : from);
			check_sql(f->path, "SELECT state FROM etl_run", may ? new : old);
			check_sql(f->path, "SELECT old_state, new_state FROM etl_run_event",
				may ? arena_printf(&f->arena, "%s|%s", old, new) : "");
			check_sql(f->path,
				"SELECT started_at IS NOT NULL, finished_at IS NOT NULL"
				" FROM etl_run",
				arena_printf(&f->arena, "%d|%d", may && to == RUN_RUNNING,
					may && run_state_final((enum run_state)to)));
			if (may)
				continue;
			check_err(&f->err, ERR_LEASE_LOST,
				arena_printf(&f->arena,
					"run 1 to %s: run 1"
					" is not ours any more: its fence is not 1 or its state "
					"was changed",
					new));
		}
}

static void an_older_fence_changes_nothing(void **state)
{
	const struct run_result result = {.rows_read = 7, .error_code = "x", .error_message = "y"};
	struct fixture *f = *state;

	start_run(f);
	must(move(f, RUN_RUNNING, NULL, NULL), &f->err);
	sql_run(f->path, "UPDATE etl_run SET fence = 2, owner = 'you'");
	for (int to = 0; to < RUN_STATE_COUNT; to++) {
		err_clear(&f->err);
		assert_int_equal(move(f, (enum run_state)to, "why", &result), -1);
		assert_int_equal(f->err.code, ERR_LEASE_LOST);
		assert_int_equal(f->run.state, RUN_RUNNING);
	}
	check_sql(f->path, "SELECT state, owner, fence, rows_read, error_code FROM etl_run",
		"running|you|2|NULL|NULL");
	check_sql(f->path, "SELECT count(*) FROM etl_run_event", "3");
	f->run.run_id = 99; /* deleted */
	assert_int_equal(move(f, RUN_FAILED, NULL, NULL), -1);
	assert_int_equal(f->err.code, ERR_LEASE_LOST);
	f->run.run_id = 1;
	sql_run(f->path, "UPDATE etl_run SET fence = 1, state = 'by hand'");
	assert_int_equal(move(f, RUN_FAILED, NULL, NULL), -1);
	assert_int_equal(f->err.code, ERR_LEASE_LOST);
}

/* An event that cannot be written undoes the move. */
static void a_move_is_whole_or_not_at_all(void **state)
{
	struct fixture *f = *state;

	start_run(f);
	sql_run(f->path, "CREATE TRIGGER refuse BEFORE INSERT ON etl_run_event"
			 " BEGIN SELECT raise(ABORT, 'no events'); END");
	assert_int_equal(move(f, RUN_RUNNING, NULL, NULL), -1);
	check_err(&f->err, ERR_DATA, "run 1 to running: no events");
	assert_int_equal(f->run.state, RUN_STARTING);
	check_sql(f->path, "SELECT state FROM etl_run", "starting");
	sql_run(f->path, "DROP TRIGGER refuse");
	must(move(f, RUN_RUNNING, NULL, NULL), &f->err);
}

static void messages_are_cut_and_cleaned(void **state)
{
	CLEANUP_FREE char *fits = repeat('x', STORE_MESSAGE_MAX);
	CLEANUP_FREE char *more = repeat('x', STORE_MESSAGE_MAX + 1);
	CLEANUP_FREE char *raw = repeat('\xFF', 2 * STORE_MESSAGE_MAX);
	struct run_result result = {.error_code = "x"};
	struct fixture *f = *state;

	start_run(f);
	must(store_log(f->store, &f->run, "info", fits, &f->err), &f->err);
	must(store_log(f->store, &f->run, "info", more, &f->err), &f->err);
	memcpy(more + STORE_MESSAGE_MAX - 1, "\xC3\xBC", 3);
	must(store_log(f->store, &f->run, "info", more, &f->err), &f->err);
	must(store_log(f->store, &f->run, "info", "caf\xE9", &f->err), &f->err);
	must(store_log(f->store, &f->run, "info", raw, &f->err), &f->err);
	must(store_log(f->store, &f->run, "info", "", &f->err), &f->err);
	check_sql(f->path,
		"SELECT seq, length(CAST(message AS BLOB)) FROM etl_run_log ORDER BY seq",
		"1|4000;2|4000;3|3999;4|6;5|3999;6|0");
	check_sql(f->path, "SELECT message FROM etl_run_log WHERE seq = 4", "caf\xEF\xBF\xBD");
	result.error_message = raw;
	must(move(f, RUN_FAILED, raw, &result), &f->err);
	check_sql(f->path, "SELECT length(error_message), unicode(error_message) FROM etl_run",
		"1333|65533");
	check_sql(f->path, "SELECT length(reason) FROM etl_run_event WHERE new_state = 'failed'",
		"1333");
}

static void log_lines_count_within_an_attempt(void **state)
{
	struct fixture *f = *state;
	struct run other;

	start_run(f);
	must(store_order_claimed(f->store, 1, "me", LEASE_MS, &f->arena, &other, &f->err), &f->err);
	must(store_log(f->store, &f->run, "info", "a", &f->err), &f->err);
	must(store_log(f->store, &other, "warn", "b", &f->err), &f->err);
	must(store_log(f->store, &f->run, "error", "c", &f->err), &f->err);
	f->run.attempt = 2;
	must(store_log(f->store, &f->run, "info", "d", &f->err), &f->err);
	check_sql(f->path,
		"SELECT run_id, attempt, seq, level, message, at LIKE '20%Z'"
		" FROM etl_run_log ORDER BY 1, 2, 3",
		"1|1|1|info|a|1;1|1|2|error|c|1;1|2|1|info|d|1;2|1|1|warn|b|1");
	other.run_id = 99;
	assert_int_equal(store_log(f->store, &other, "info", "x", &f->err), -1);
	check_err(&f->err, ERR_DATA, "store: FOREIGN KEY constraint failed");
}

/* --- many at once --- */

static pid_t work_in_process(struct fixture *f)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct store *s;
		struct run run;

		if (store_open(&f->settings, &s, &f->err))
			_exit(2);
		for (int i = 0; i < ROUNDS; i++)
			if (store_order_claimed(s, 1, "p", LEASE_MS, &f->arena, &run, &f->err) ||
				store_move(s, &run, RUN_RUNNING, "p", NULL, NULL, &f->err) ||
				store_log(s, &run, "info", "working", &f->err) ||
				store_move(s, &run, RUN_SUCCEEDED, "p", NULL, NULL, &f->err)) {
				fprintf(stderr, "%s\n", f->err.msg);
				_exit(1);
			}
		store_close(s);
		_exit(0);
	}
	return pid;
}

static void many_workers_at_once(void **state)
{
	struct fixture *f = *state;
	struct job job = definition("load");
	enum job_change change;
	pid_t pids[PROCESSES];

	start(f);
	must(store_apply(f->store, &job, 1, "me", &f->arena, &change, &f->err), &f->err);
	store_close(mem_steal(f->store)); /* no connection of ours in a child */
	for (int i = 0; i < PROCESSES; i++)
		pids[i] = work_in_process(f);
	for (int i = 0; i < PROCESSES; i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	check_sql(f->path,
		"SELECT count(*), count(DISTINCT run_uid), min(state), min(fence), max(fence)"
		" FROM etl_run",
		"100|100|succeeded|1|1");
	check_sql(f->path, "SELECT count(*) FROM etl_run_event", "400");
	check_sql(f->path, "SELECT count(*) FROM etl_run_log", "100");
}

static void runs_are_listed(void **state)
{
	struct fixture *f = *state;
	struct run_result result = {.rows_read = 3, .rows_written = 2, .bytes_read = 99};
	struct run_info *runs = NULL, one;
	size_t n = 0;

	start_run(f);
	must(move(f, RUN_RUNNING, NULL, NULL), &f->err);
	must(move(f, RUN_SUCCEEDED, NULL, &result), &f->err);
	sql_run(f->path,
		"INSERT INTO etl_run (job_id) VALUES (1); INSERT INTO etl_run (job_id) VALUES (1)");
	must(store_runs(f->store, 2, &f->arena, &runs, &n, &f->err), &f->err);
	assert_int_equal(n, 2);
	assert_int_equal(runs[0].run_id, 3);
	assert_int_equal(runs[1].run_id, 2);
	assert_string_equal(runs[1].state, "queued");
	assert_null(runs[1].started_at);
	assert_int_equal(runs[1].elapsed_ms, -1);
	assert_int_equal(runs[1].rows_written, -1);
	must(store_run_info(f->store, 1, &f->arena, &one, &f->err), &f->err);
	assert_string_equal(one.state, "succeeded");
	assert_string_equal(one.job, "load");
	assert_int_equal(one.rows_written, 2);
	assert_int_equal(one.bytes_read, 99);
	assert_true(one.elapsed_ms >= 0);
	assert_int_equal(store_run_info(f->store, 4, &f->arena, &one, &f->err), -1);
	check_err(&f->err, ERR_NOT_FOUND, "there is no run 4");
}

static void count_line(void *arg, const struct log_line *line)
{
	int64_t *sum = arg;

	*sum = *sum * 10 + line->attempt;
	assert_string_equal(line->level, "info");
	assert_non_null(line->message);
}

static void a_log_is_read_in_order(void **state)
{
	struct fixture *f = *state;
	int64_t sum = 0;

	start_run(f);
	must(store_log(f->store, &f->run, "info", "first", &f->err), &f->err);
	f->run.attempt = 2;
	must(store_log(f->store, &f->run, "info", "third", &f->err), &f->err);
	f->run.attempt = 1;
	must(store_log(f->store, &f->run, "info", "second", &f->err), &f->err);
	must(store_log_each(f->store, f->run.run_id, count_line, &sum, &f->err), &f->err);
	assert_int_equal(sum, 112);
	assert_int_equal(store_log_each(f->store, 9, count_line, &sum, &f->err), -1);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_store_is_made_once),
		TEST(many_inits_at_once_make_one_store),
		TEST(what_is_no_store_is_not_opened),
		TEST(what_is_no_database_is_left_alone),
		TEST(a_newer_schema_is_refused),
		TEST(definitions_are_applied),
		TEST(all_definitions_are_applied_or_none),
		TEST(a_job_that_is_not_there),
		TEST(an_order_is_claimed_at_once),
		TEST(an_order_of_no_job_is_none),
		TEST(an_order_by_hand_is_a_queued_run),
		TEST(a_run_goes_its_way),
		TEST(errors_are_kept),
		TEST(every_way_is_taken_and_no_other),
		TEST(an_older_fence_changes_nothing),
		TEST(a_move_is_whole_or_not_at_all),
		TEST(messages_are_cut_and_cleaned),
		TEST(log_lines_count_within_an_attempt),
		TEST(many_workers_at_once),
		TEST(runs_are_listed),
		TEST(a_log_is_read_in_order),
	};

	return cmocka_run_group_tests_name("job/store", tests, dir_make, dir_remove);
}
