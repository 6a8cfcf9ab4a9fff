#include "job/definitions.h"

#include <stdlib.h>
#include <string.h>

#include "job/migrations.h"
#include "unit/test_store.h"

struct fixture {
	struct arena arena;
	struct statements s;
	enum job_change change;
	struct job stored;
	struct err err;
};

static int setup(void **state)
{
	const struct db_options options = {.create = true};
	struct fixture *f = mem_alloc(sizeof(*f));

	if (db_open_sqlite(":memory:", &options, &f->s.db, &f->err))
		return -1;
	for (size_t i = 0; i < n_migrations; i++)
		if (db_exec(f->s.db, migrations[i].sqlite, &f->err))
			return -1;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	statements_release(&f->s);
	db_close(f->s.db);
	arena_release(&f->arena);
	free(f);
	return 0;
}

static struct job definition(struct fixture *f, const char *name)
{
	return test_job(&f->arena, name, JOB_COPY);
}

static void run(struct fixture *f, const char *sql)
{
	must(db_exec(f->s.db, sql, &f->err), &f->err);
}

/* The first row as "a|b". */
static const char *ask(struct fixture *f, const char *sql)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	const char *text = "";

	must(db_prepare(f->s.db, sql, &stmt, &f->err), &f->err);
	assert_int_equal(db_step(stmt, &f->err), 1);
	for (int i = 0; i < db_column_count(stmt); i++) {
		const char *cell = db_column_text(stmt, i);

		text = arena_printf(&f->arena, "%s%s%s", text, i ? "|" : "", cell ? cell : "NULL");
	}
	return text;
}

static enum job_change apply(struct fixture *f, struct job *job, const char *actor)
{
	must(definition_apply(&f->s, job, actor, &f->arena, &f->change, &f->err), &f->err);
	return f->change;
}

static int find(struct fixture *f, const char *name)
{
	return definition_find(&f->s, 0, name, &f->arena, &f->stored, &f->err);
}

static void what_is_stored_is_found(void **state)
{
	struct fixture *f = *state;
	struct job job = definition(f, "load planes"), *stored = &f->stored;

	job.enabled = false;
	job.load_mode = LOAD_REPLACE;
	job.create = false;
	job.columns = "year int,\n  \"a b\" text";
	job.min_rows = INT64_MAX;
	job.max_attempts = 1000;
	job.retry_delay = 1500;
	job.retry_max_delay = 90000;
	job.max_disruptions = 0;
	job.timeout = 30LL * 86400000;
	job.priority = -7;
	job.max_active = 3;
	job.command = "-- none";
	job.atomic = false;
	job.idempotent = true;
	job.format = (struct csv_format){.delimiter = "\t", .null_text = "", .max_field = 1000};
	assert_int_equal(apply(f, &job, "me"), JOB_CREATED);
	assert_int_equal(job.job_id, 1);
	assert_int_equal(strlen(job.job_uid), 36);
	assert_int_equal(find(f, "load planes"), 1);
	assert_int_equal(stored->job_id, 1);
	assert_string_equal(stored->job_uid, job.job_uid);
	assert_string_equal(stored->name, "load planes");
	assert_false(stored->enabled);
	assert_false(stored->create);
	assert_int_equal(stored->load_mode, LOAD_REPLACE);
	assert_string_equal(stored->source, "raw");
	assert_string_equal(stored->source_table, "planes");
	assert_string_equal(stored->target, "w");
	assert_string_equal(stored->target_table, "planes");
	assert_string_equal(stored->columns, job.columns);
	assert_true(stored->min_rows == INT64_MAX);
	assert_int_equal(stored->max_attempts, 1000);
	assert_int_equal(stored->retry_delay, 1500);
	assert_int_equal(stored->retry_max_delay, 90000);
	assert_int_equal(stored->max_disruptions, 0);
	assert_true(stored->timeout == 30LL * 86400000);
	assert_int_equal(stored->priority, -7);
	assert_int_equal(stored->max_active, 3);
	assert_string_equal(stored->command, "-- none");
	assert_false(stored->atomic);
	assert_true(stored->idempotent);
	assert_null(stored->after.success);
	assert_null(stored->hold_reason);
	assert_string_equal(stored->format.delimiter, "\t");
	assert_string_equal(stored->format.null_text, "");
	assert_null(stored->format.encoding);
	assert_int_equal(stored->format.max_field, 1000);
	assert_string_equal(
		ask(f, "SELECT enabled, load_mode, \"create\", retry_delay, format FROM etl_job"),
		"0|replace|0|1.5|{\"delimiter\":\"tab\",\"null\":\"\",\"max_field\":\"1000\"}");
	assert_int_equal(definition_find(&f->s, 1, NULL, &f->arena, &f->stored, &f->err), 1);
	assert_string_equal(f->stored.name, "load planes");
}

static void nothing_is_found_where_there_is_none(void **state)
{
	struct fixture *f = *state;
	struct job job = definition(f, "a");

	apply(f, &job, "me");
	f->stored.name = "untouched";
	assert_int_equal(find(f, "A"), 0); /* names are exact */
	assert_int_equal(definition_find(&f->s, 2, NULL, &f->arena, &f->stored, &f->err), 0);
	assert_string_equal(f->stored.name, "untouched");
	check_err(&f->err, ERR_NONE, "");
}

static void the_same_again_is_no_change(void **state)
{
	struct fixture *f = *state;
	struct job job = definition(f, "a"), again = definition(f, "a");

	apply(f, &job, "me");
	assert_int_equal(apply(f, &again, "you"), JOB_UNCHANGED);
	assert_int_equal(again.job_id, job.job_id);
	assert_string_equal(again.job_uid, job.job_uid);
	assert_string_equal(ask(f, "SELECT count(*), max(version) FROM etl_job_history"), "1|1");
}

static void every_change_is_history(void **state)
{
	struct fixture *f = *state;
	struct job job = definition(f, "a"), other = definition(f, "b");
	const char *uid;

	apply(f, &job, "me");
	apply(f, &other, "me");
	uid = job.job_uid;
	job.min_rows = 7;
	assert_int_equal(apply(f, &job, "you"), JOB_CHANGED);
	assert_int_equal(job.job_id, 1);
	assert_string_equal(job.job_uid, uid);
	job.format.encoding = "utf-16"; /* what overrides the connection's is part of it */
	assert_int_equal(apply(f, &job, "he"), JOB_CHANGED);
	job.columns = "year int";
	assert_int_equal(apply(f, &job, "she"), JOB_CHANGED);
	assert_string_equal(ask(f, "SELECT group_concat(job_id || actor || version, ' ') FROM"
				   " (SELECT * FROM etl_job_history ORDER BY job_id, version)"),
		"1me1 1you2 1he3 1she4 2me1");
	assert_string_equal(
		ask(f, "SELECT version, min_rows, format FROM etl_job WHERE name = 'a'"),
		"4|7|{\"encoding\":\"utf-16\"}");
	assert_string_equal(ask(f, "SELECT definition FROM etl_job_history"
				   " WHERE job_id = 1 AND version = 2"),
		"{\"name\":\"a\",\"kind\":\"copy\",\"enabled\":\"yes\",\"source\":\"raw\","
		"\"source_table\":\"planes\",\"source_query\":null,\"target\":\"w\","
		"\"target_table\":\"planes\",\"load_mode\":\"append\",\"key_columns\":null,"
		"\"delete_missing\":\"no\",\"changes\":\"auto\",\"on_gap\":\"reload\",\"capture_instance\":null,\"watermark_column\":null,\"lookback\":null,"
		"\"partition_column\":null,\"parallel\":\"1\",\"on_inconsistent\":\"fail\",\"restricted_reads\":\"refuse\",\"column_map\":null,"
		"\"schema_change\":\"fail\",\"pre_sql\":null,\"pre_sql_atomic\":\"yes\","
		"\"post_sql\":null,\"post_sql_atomic\":\"yes\",\"verify\":\"count\","
		"\"on_reject\":\"fail\",\"reject_limit\":\"1000\",\"reject_values\":\"none\","
		"\"reject_retention\":\"90d\",\"create\":\"yes\",\"columns\":null,"
		"\"mixed_types\":\"keep\",\"min_rows\":\"7\",\"max_delete\":null,"
		"\"publish\":\"auto\",\"batch_rows\":\"0\",\"sorted\":\"no\",\"check_constraints\":\"yes\","
		"\"fire_triggers\":\"yes\",\"staging_schema\":null,"
		"\"command\":null,\"atomic\":\"yes\",\"idempotent\":\"no\",\"max_attempts\":\"1\","
		"\"retry_delay\":\"30s\",\"retry_max_delay\":\"1h\",\"max_disruptions\":\"10\","
		"\"timeout\":\"0s\",\"priority\":\"0\",\"max_active\":\"1\",\"pod_patch\":null,\"format\":null,"
		"\"after\":null,\"after_end\":null}");
}

/* --- rows that people write --- */

#define BY_HAND "INSERT INTO etl_job (name, kind, source, source_table, target, target_table) "

static void a_row_by_hand_has_the_defaults(void **state)
{
	struct fixture *f = *state;
	struct job job = definition(f, "a");

	run(f, BY_HAND "VALUES ('a', 'copy', 'raw', 'planes', 'w', 'planes')");
	assert_int_equal(find(f, "a"), 1);
	assert_int_equal(f->stored.load_mode, LOAD_APPEND); /* no word about it loses no rows */
	assert_int_equal(f->stored.retry_delay, 30000);
	assert_int_equal(apply(f, &job, "me"), JOB_UNCHANGED);
}

static void values_by_hand_are_as_in_a_file(void **state)
{
	static const struct {
		const char *set;
		bool enabled;
		int64_t retry_delay;
	} cases[] = {
		{"enabled = 'yes', retry_delay = '2m'", true, 120000},
		{"enabled = 'off', retry_delay = 0.5", false, 500},
		{"enabled = 0, retry_delay = 0", false, 0},
		{"enabled = 1, retry_delay = 86400", true, 86400000},
	};
	struct fixture *f = *state;

	run(f, BY_HAND "VALUES ('a', 'copy', 'raw', 'planes', 'w', 'planes')");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		run(f, arena_printf(&f->arena, "UPDATE etl_job SET %s", cases[i].set));
		must(find(f, "a"), &f->err);
		assert_int_equal(f->stored.enabled, cases[i].enabled);
		assert_int_equal(f->stored.retry_delay, cases[i].retry_delay);
	}
}

static void broken_rows_are_refused_and_mended(void **state)
{
	static const struct {
		const char *set;
		enum err_code code;
		const char *msg;
	} cases[] = {
		{"source = NULL", ERR_CONFIG, "job 'a': a job of kind copy needs 'source'"},
		{"kind = 'cpy'", ERR_CONFIG,
			"job 'a': 'kind': 'cpy' is not one of copy, sql, exec, did you mean "
			"'copy'?"},
		{"load_mode = ''", ERR_CONFIG,
			"job 'a': 'load_mode': '' is not one of replace, append, truncate, merge, "
			"incremental"},
		{"enabled = 2", ERR_CONFIG, "job 'a': 'enabled': '2' is not yes or no"},
		{"enabled = 'ja'", ERR_CONFIG, "job 'a': 'enabled': 'ja' is not yes or no"},
		{"min_rows = 1.5", ERR_CONFIG, "job 'a': 'min_rows': '1.5' is not a whole number"},
		{"min_rows = -1", ERR_CONFIG, "job 'a': 'min_rows': '-1' is less than 0"},
		{"max_attempts = 1001", ERR_CONFIG,
			"job 'a': 'max_attempts': '1001' is more than 1000"},
		{"retry_delay = -1", ERR_CONFIG,
			"job 'a': 'retry_delay': '-1.0' is not a time in seconds"},
		{"retry_delay = 1e300", ERR_CONFIG,
			"job 'a': 'retry_delay': '1.0e+300' is not a time in seconds"},
		{"retry_delay = 86401", ERR_CONFIG,
			"job 'a': 'retry_delay': '86401000ms' is more than 1d"},
		{"retry_delay = 'soon'", ERR_CONFIG,
			"job 'a': 'retry_delay': 'soon' is not a duration "
			"such as 500ms, 30s, 10m, 2h"},
		{"format = '[]'", ERR_DATA, "job 'a': format: JSON: not an object"},
		{"format = '{\"quotes\": \"x\"}'", ERR_CONFIG,
			"job 'a': format: unknown key 'quotes'"},
		{"format = '{\"max_field\": 0}'", ERR_CONFIG,
			"job 'a': format: 'max_field': '0' is less than 1"},
	};
	struct fixture *f = *state;
	struct job job = definition(f, "a");

	apply(f, &job, "me");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		run(f, arena_printf(&f->arena, "UPDATE etl_job SET %s", cases[i].set));
		assert_int_equal(find(f, "a"), -1);
		check_err(&f->err, cases[i].code, cases[i].msg);
		assert_int_equal(apply(f, &job, "me"), JOB_CHANGED);
		assert_int_equal(find(f, "a"), 1);
		assert_int_equal(apply(f, &job, "me"), JOB_UNCHANGED);
	}
}

static void format_by_hand_may_have_numbers(void **state)
{
	struct fixture *f = *state;
	struct job job = definition(f, "a");

	apply(f, &job, "me");
	run(f, "UPDATE etl_job SET format = '{\"max_field\": 4096, \"delimiter\": \";\"}'");
	must(find(f, "a"), &f->err);
	assert_int_equal(f->stored.format.max_field, 4096);
	assert_string_equal(f->stored.format.delimiter, ";");
}

static void the_nearest_name_is_offered(void **state)
{
	struct fixture *f = *state;
	struct job a = definition(f, "load_planes"), b = definition(f, "load_weather");

	assert_int_equal(definition_missing(&f->s, "load_planes", &f->arena, &f->err), -1);
	check_err(&f->err, ERR_NOT_FOUND, "there is no job 'load_planes'");
	assert_string_equal(f->err.hint, "the store has no jobs yet: run 'etl apply FILE'");
	apply(f, &a, "me");
	apply(f, &b, "me");
	err_clear(&f->err);
	definition_missing(&f->s, "load_plains", &f->arena, &f->err);
	check_err(&f->err, ERR_NOT_FOUND,
		"there is no job 'load_plains', did you mean 'load_planes'?");
	assert_string_equal(f->err.hint, "");
	definition_missing(&f->s, "99", &f->arena, &f->err);
	check_err(&f->err, ERR_NOT_FOUND, "there is no job '99'");
	assert_string_equal(f->err.hint,
		"the store's jobs have the numbers and names that 'etl apply' printed");
}

/* --- what a job is after --- */

/* As a file of these jobs is applied. */
static int apply_all(struct fixture *f, struct job *jobs, size_t n)
{
	err_clear(&f->err);
	for (size_t i = 0; i < n; i++)
		apply(f, &jobs[i], "me");
	for (size_t i = 0; i < n; i++)
		if (definition_apply_after(&f->s, &jobs[i], &f->arena, &f->err))
			return -1;
	return definitions_check_order(&f->s, &f->arena, &f->err);
}

static struct job after(struct fixture *f, const char *name, const char *success, const char *end)
{
	struct job job = test_job(&f->arena, name, JOB_EXEC);

	job.after.success = success;
	job.after.end = end;
	return job;
}

static void what_a_job_is_after_is_stored(void **state)
{
	struct fixture *f = *state;
	struct job jobs[] = {after(f, "d", " c ,\n a", "b"), after(f, "a", NULL, NULL),
		after(f, "b", NULL, NULL), after(f, "c", "a", NULL)};

	must(apply_all(f, jobs, 4), &f->err);
	assert_int_equal(find(f, "d"), 1);
	assert_string_equal(f->stored.after.success, "a, c");
	assert_string_equal(f->stored.after.end, "b");
	jobs[0] = after(f, "d", NULL, "c");
	must(apply_all(f, jobs, 1), &f->err);
	assert_int_equal(f->change, JOB_CHANGED);
	assert_int_equal(find(f, "d"), 1);
	assert_null(f->stored.after.success);
	assert_string_equal(f->stored.after.end, "c");
	assert_string_equal(ask(f, "SELECT definition ->> 'after', definition ->> 'after_end'"
				   " FROM etl_job_history WHERE job_id = 1 AND version = 1"),
		"a, c|b");
}

static void the_order_of_names_is_no_change(void **state)
{
	struct fixture *f = *state;
	struct job jobs[] = {
		after(f, "a", NULL, NULL), after(f, "b", NULL, NULL), after(f, "c", "a, b", NULL)};

	must(apply_all(f, jobs, 3), &f->err);
	jobs[2].after.success = "b,\n\ta";
	assert_int_equal(apply(f, &jobs[2], "me"), JOB_UNCHANGED);
	jobs[2].after.success = "b";
	assert_int_equal(apply(f, &jobs[2], "me"), JOB_CHANGED);
	jobs[2].after.success = NULL;
	jobs[2].after.end = "a, b"; /* not the same as their success */
	assert_int_equal(apply(f, &jobs[2], "me"), JOB_CHANGED);
}

static void check_after(struct fixture *f, const char *success, const char *end, const char *msg)
{
	struct job jobs[] = {after(f, "load", NULL, NULL), after(f, "c", success, end)};

	assert_int_equal(apply_all(f, jobs, 2), -1);
	check_err(&f->err, ERR_CONFIG, msg);
	run(f, "DELETE FROM etl_job_dependency");
}

static void names_that_a_job_cannot_be_after(void **state)
{
	struct fixture *f = *state;

	check_after(f, "laod", NULL, "after: there is no job 'laod', did you mean 'load'?");
	check_after(f, NULL, "load, zzzzzz", "after_end: there is no job 'zzzzzz'");
	check_after(f, "load,load", NULL, "after: 'load' stands there twice");
	check_after(f, "load", "load", "after_end: 'load' stands there twice");
	check_after(f, "c", NULL, "job 'c' would come after itself");
	check_after(f, NULL, "c", "job 'c' would come after itself");
}

static void a_list_that_is_too_long_is_refused(void **state)
{
	struct fixture *f = *state;
	struct job jobs[] = {after(f, "a", NULL, NULL)};
	const char *list = "x";

	must(apply_all(f, jobs, 1), &f->err);
	for (int i = 0; i < JOB_AFTER_MAX; i++)
		list = arena_printf(&f->arena, "%s, j%d", list, i);
	jobs[0].after.success = list;
	assert_int_equal(apply(f, &jobs[0], "me"), JOB_CHANGED); /* nothing is dropped silently */
	assert_int_equal(definition_apply_after(&f->s, &jobs[0], &f->arena, &f->err), -1);
	check_err(&f->err, ERR_LIMIT, "after: more than 100 jobs in a list");
}

static void no_job_comes_after_itself(void **state)
{
	static const struct {
		const char *after[5]; /* of a … e; NULL: nothing */
		bool cycle;
	} cases[] = {
		{{NULL, "a", "b", "c", "d"}, false},
		{{"e", "a", "b", "c", "d"}, true},
		{{NULL, "a", "a", "b, c", "b, c, d"}, false}, /* two ways to the same one */
		{{NULL, "a, d", "b", "c", NULL}, true},       /* not from the first one on */
		{{"b", "a", NULL, NULL, NULL}, true},
		{{NULL, NULL, NULL, "e", "c, d"}, true},
		{{"b, c, d, e", "c, d, e", "d, e", "e", NULL}, false},
	};
	static const char *const names[] = {"a", "b", "c", "d", "e"};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (int on_end = 0; on_end < 2; on_end++) {
			struct job jobs[5];
			int rc;

			for (int j = 0; j < 5; j++)
				jobs[j] = after(f, names[j], on_end ? NULL : cases[i].after[j],
					on_end ? cases[i].after[j] : NULL);
			rc = apply_all(f, jobs, 5);
			if (cases[i].cycle != (rc != 0))
				fail_msg("case %zu: %s", i, f->err.msg);
			if (rc == 0)
				continue;
			assert_int_equal(f->err.code, ERR_CONFIG);
			assert_non_null(strstr(f->err.msg, "would come after itself"));
		}
}

/* All attempts of a run ask one ledger: what one of them began a later one must find. */
static void a_target_stays_while_a_run_is_under_way(void **state)
{
	static const struct {
		const char *run;
		bool may;
	} cases[] = {
		{"state = 'queued', fence = 0, finished_at = NULL", true},
		{"state = 'queued', fence = 1, finished_at = NULL", false},
		{"state = 'running', fence = 1, finished_at = NULL", false},
		{"state = 'failed', fence = 1, finished_at = '2001'", true},
	};
	struct fixture *f = *state;
	struct job job = definition(f, "a"), other = definition(f, "a");

	other.target = "elsewhere";
	apply(f, &job, "me");
	run(f, "INSERT INTO etl_run (job_id) VALUES (1)");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int rc;

		run(f, arena_printf(&f->arena, "UPDATE etl_run SET %s", cases[i].run));
		err_clear(&f->err);
		rc = definition_apply(&f->s, &other, "me", &f->arena, &f->change, &f->err);
		assert_int_equal(rc, cases[i].may ? 0 : -1);
		if (!cases[i].may)
			check_err(&f->err, ERR_CONFIG,
				"'target' cannot change while run 1 is under way: an attempt may "
				"have "
				"begun a load in 'w'");
		err_clear(&f->err);
		assert_int_equal(apply(f, &job, "me"), cases[i].may ? JOB_CHANGED : JOB_UNCHANGED);
	}
	run(f, "UPDATE etl_run SET state = 'queued', finished_at = NULL");
	job.min_rows = 9; /* the rest of it may */
	assert_int_equal(apply(f, &job, "me"), JOB_CHANGED);
	other = test_job(&f->arena, "a", JOB_SQL);
	assert_int_equal(definition_apply(&f->s, &other, "me", &f->arena, &f->change, &f->err), -1);
	check_err(&f->err, ERR_CONFIG,
		"'kind' cannot change while run 1 is under way: an attempt may have begun a load "
		"in "
		"'w'");
	assert_string_equal(f->err.hint, "wait for its end, or 'etl cancel 1'");
}

static void a_held_job_says_why(void **state)
{
	struct fixture *f = *state;
	struct job job = definition(f, "a");

	apply(f, &job, "me");
	run(f, "UPDATE etl_job SET hold_reason = 'the store is old'");
	must(find(f, "a"), &f->err);
	assert_string_equal(f->stored.hold_reason, "the store is old");
	assert_int_equal(apply(f, &job, "me"), JOB_UNCHANGED); /* no part of its definition */
	job.min_rows = 9;
	apply(f, &job, "me");
	assert_string_equal(ask(f, "SELECT hold_reason FROM etl_job"), "the store is old");
}

/* What SQL Server would be told: only the table's name and the uid's type are others. */
static void both_dialects_are_made_of_the_options(void **state)
{
	static const char *const begin[] = {
		[DEFINITION_BY_ID] = "SELECT job_id, LOWER(CONVERT(varchar(36), job_uid)) AS job_uid, "
				     "name, format, hold_reason, \"kind\", \"enabled\", ",
		[DEFINITION_BY_NAME] = "SELECT job_id, LOWER(CONVERT(varchar(36), job_uid)) AS job_uid",
		[DEFINITION_INSERT] = "INSERT INTO etl.job (name, format, \"kind\", \"enabled\", ",
		[DEFINITION_UPDATE] = "UPDATE etl.job SET name = @name, format = @format, "
				      "\"kind\" = @kind, \"enabled\" = @enabled, ",
	};
	static const char *const end[] = {
		[DEFINITION_BY_ID] = "\" FROM etl.job WHERE job_id = @which",
		[DEFINITION_BY_NAME] = "\" FROM etl.job WHERE name = @which",
		[DEFINITION_INSERT] = ")",
		[DEFINITION_UPDATE] = " WHERE job_id = @job_id",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(begin); i++) {
		CLEANUP(buf_release) struct buf sql = BUF_INIT(100000);
		const char *text;

		definition_sql(DB_TSQL, (enum definition_sql)i, &sql);
		text = buf_str(&sql);
		assert_memory_equal(text, begin[i], strlen(begin[i]));
		assert_string_equal(text + sql.len - strlen(end[i]), end[i]);
		assert_null(strstr(text, "etl_"));
		if (i == DEFINITION_INSERT)
			assert_non_null(strstr(text, ") VALUES (@name, @format, @kind, @enabled, "));
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_stored_is_found),
		TEST(nothing_is_found_where_there_is_none),
		TEST(the_same_again_is_no_change),
		TEST(every_change_is_history),
		TEST(a_row_by_hand_has_the_defaults),
		TEST(values_by_hand_are_as_in_a_file),
		TEST(broken_rows_are_refused_and_mended),
		TEST(format_by_hand_may_have_numbers),
		TEST(the_nearest_name_is_offered),
		TEST(what_a_job_is_after_is_stored),
		TEST(the_order_of_names_is_no_change),
		TEST(names_that_a_job_cannot_be_after),
		TEST(a_list_that_is_too_long_is_refused),
		TEST(no_job_comes_after_itself),
		TEST(a_target_stays_while_a_run_is_under_way),
		TEST(a_held_job_says_why),
		TEST(both_dialects_are_made_of_the_options),
	};

	return cmocka_run_group_tests_name("job/definitions", tests, NULL, NULL);
}
