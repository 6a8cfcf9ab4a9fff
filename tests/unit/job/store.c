#include "job/store.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "job/migrations.h"
#include "unit/test_store.h"

#define PROCESSES 4
#define ROUNDS    25

static int setup(void **state)
{
	struct test_store *f = mem_alloc(sizeof(*f));

	test_store_init(f);
	*state = f;
	return 0;
}

static struct schema_change init(struct test_store *f)
{
	struct schema_change c = {.from = -1};

	must(store_init(&f->settings, &clock_system, &rnd_system, &c, &f->err), &f->err);
	return c;
}

static struct job copy_job(struct test_store *f, const char *name)
{
	return test_job(&f->arena, name, JOB_COPY);
}

/* --- init and open --- */

static void a_store_is_made_once(void **state)
{
	struct test_store *f = *state;
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
static pid_t init_in_process(struct test_store *f, const int go[2])
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
	struct test_store *f = *state;

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

static void check_not_opened(struct test_store *f, const char *msg, const char *hint)
{
	err_clear(&f->err);
	assert_int_equal(store_open(&f->settings, &f->store, &f->err), -1);
	check_err(&f->err, ERR_STORE, msg);
	assert_non_null(strstr(f->err.hint, hint));
	assert_null(f->store);
}

static void what_is_no_store_is_not_opened(void **state)
{
	struct test_store *f = *state;

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
	struct test_store *f = *state;
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
	struct test_store *f = *state;
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

/* Another file in its place, as a restore leaves it, or none. */
static void a_store_that_was_moved_is_noticed(void **state)
{
	struct test_store *f = *state;
	const char *aside = arena_printf(&f->arena, "%s.aside", f->path);

	test_store_open(f);
	assert_false(store_moved(f->store));
	assert_int_equal(rename(f->path, aside), 0);
	assert_true(store_moved(f->store));
	file_write(f->path, "");
	assert_true(store_moved(f->store));
	assert_int_equal(rename(aside, f->path), 0);
	assert_false(store_moved(f->store));
}

/* --- definitions --- */

static void definitions_are_applied(void **state)
{
	struct test_store *f = *state;
	struct job jobs[] = {copy_job(f, "a"), copy_job(f, "b")}, job;
	enum job_change changes[2];

	test_store_open(f);
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
	struct test_store *f = *state;
	struct job jobs[] = {copy_job(f, "a"), copy_job(f, "bad"), copy_job(f, "c")};
	enum job_change changes[3];

	test_store_open(f);
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
	struct test_store *f = *state;
	struct job job = copy_job(f, "load_planes"), found = {.name = "untouched"};
	enum job_change change;

	test_store_open(f);
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
	check_err(
		&f->err, ERR_CONFIG, "store: job 'load_planes': a job of kind copy needs 'source'");
}

static void names_and_numbers_of_jobs(void **state)
{
	struct test_store *f = *state;
	struct job found = {.name = "untouched"};
	const char **names;
	size_t n = 7;

	test_store_open(f);
	must(store_job_names(f->store, &f->arena, &names, &n, &f->err), &f->err);
	assert_int_equal(n, 0);
	test_store_job(f, "b", NULL);
	test_store_job(f, "a", NULL);
	must(store_job_names(f->store, &f->arena, &names, &n, &f->err), &f->err);
	assert_int_equal(n, 2);
	assert_string_equal(names[0], "a");
	assert_string_equal(names[1], "b");
	assert_int_equal(store_job_by_id(f->store, 3, &f->arena, &found, &f->err), 0);
	assert_string_equal(found.name, "untouched");
	assert_int_equal(store_job_by_id(f->store, 1, &f->arena, &found, &f->err), 1);
	assert_string_equal(found.name, "b");
	store_sql(f, "UPDATE etl_job SET kind = 'x' WHERE job_id = 2");
	assert_int_equal(store_job_by_id(f->store, 2, &f->arena, &found, &f->err), -1);
	assert_int_equal(f->err.code, ERR_CONFIG);
	assert_string_equal(found.name, "b");
}

/* A job may stand in the file before those that it is after; all of it holds or none. */
static void jobs_of_a_file_know_each_other(void **state)
{
	struct test_store *f = *state;
	struct job jobs[] = {test_job(&f->arena, "last", JOB_EXEC),
		test_job(&f->arena, "first", JOB_EXEC), test_job(&f->arena, "second", JOB_EXEC)};
	enum job_change changes[3];

	test_store_open(f);
	jobs[0].after.success = "second, frist";
	jobs[2].after.end = "first";
	assert_int_equal(store_apply(f->store, jobs, 3, "me", &f->arena, changes, &f->err), -1);
	check_err(&f->err, ERR_CONFIG,
		"job 'last': after: there is no job 'frist', did you mean 'first'?");
	check_store(f, "SELECT count(*) FROM etl_job", "0");
	jobs[0].after.success = "second, first";
	must(store_apply(f->store, jobs, 3, "me", &f->arena, changes, &f->err), &f->err);
	check_store(f,
		"SELECT j.name, a.name, on_completion FROM etl_job_dependency d"
		" JOIN etl_job j USING (job_id) JOIN etl_job a ON a.job_id = after_job_id"
		" ORDER BY 1, 2",
		"last|first|0;last|second|0;second|first|1");
	jobs[1].after.success = "last"; /* what is stored already counts too */
	err_clear(&f->err);
	assert_int_equal(store_apply(f->store, &jobs[1], 1, "me", &f->arena, changes, &f->err), -1);
	assert_int_equal(f->err.code, ERR_CONFIG);
	assert_non_null(strstr(f->err.msg, "would come after itself"));
	check_store(f, "SELECT count(*), max(version) FROM etl_job_dependency, etl_job", "9|1");
}

/* What is tried again, and what is ours or the run's. */
static void an_error_says_whether_the_store_is_away(void **state)
{
	(void)state;
	for (int code = ERR_NONE + 1; code < ERR_CODE_COUNT; code++) {
		const struct err err = {.code = (enum err_code)code};
		bool away = code == ERR_BUSY || code == ERR_STORE || code == ERR_NETWORK ||
			    code == ERR_IO;

		assert_int_equal(store_away(&err), away);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, test_store_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_store_is_made_once),
		TEST(many_inits_at_once_make_one_store),
		TEST(what_is_no_store_is_not_opened),
		TEST(what_is_no_database_is_left_alone),
		TEST(a_newer_schema_is_refused),
		TEST(a_store_that_was_moved_is_noticed),
		TEST(an_error_says_whether_the_store_is_away),
		TEST(definitions_are_applied),
		TEST(all_definitions_are_applied_or_none),
		TEST(a_job_that_is_not_there),
		TEST(names_and_numbers_of_jobs),
		TEST(jobs_of_a_file_know_each_other),
	};

	return cmocka_run_group_tests_name("job/store", tests, dir_make, dir_remove);
}
