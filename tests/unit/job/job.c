#include "job/job.h"

#include <stdlib.h>
#include <string.h>

#include "unit/support.h"

#define LEAST "source = raw\nsource_table = planes\ntarget = w\ntarget_table = planes\n"

struct fixture {
	struct arena arena;
	struct config_file file;
	struct job *jobs;
	size_t n;
	struct err err;
};

static int setup(void **state)
{
	*state = mem_alloc(sizeof(struct fixture));
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	arena_release(&f->arena);
	free(f);
	return 0;
}

static int parse(struct fixture *f, const char *text)
{
	must(config_parse(text, strlen(text), "jobs.ini", &f->arena, &f->file, &f->err), &f->err);
	return jobs_parse(&f->file, &f->arena, &f->jobs, &f->n, &f->err);
}

static void check_refused(struct fixture *f, const char *text, const char *msg)
{
	assert_int_equal(parse(f, text), -1);
	check_err(&f->err, ERR_CONFIG, msg);
}

static void defaults_hold(void **state)
{
	struct fixture *f = *state;
	const struct job *j;

	must(parse(f, "[job load planes]\n" LEAST), &f->err);
	assert_int_equal(f->n, 1);
	j = &f->jobs[0];
	assert_int_equal(j->job_id, 0);
	assert_null(j->job_uid);
	assert_string_equal(j->name, "load planes");
	assert_int_equal(j->kind, JOB_COPY);
	assert_true(j->enabled);
	assert_string_equal(j->source, "raw");
	assert_int_equal(j->load_mode, LOAD_APPEND); /* what loses nothing */
	assert_true(j->create);
	assert_null(j->columns);
	assert_int_equal(j->min_rows, 1);
	assert_int_equal(j->max_attempts, 1);
	assert_int_equal(j->retry_delay, 30000);
	assert_int_equal(j->retry_max_delay, 3600000);
	assert_int_equal(j->max_disruptions, 10);
	assert_int_equal(j->timeout, 0);
	assert_int_equal(j->priority, 0);
	assert_int_equal(j->max_active, 1);
	assert_null(j->command);
	assert_true(j->atomic);
	assert_false(j->idempotent); /* what nobody promised */
	assert_null(j->after.success);
	assert_null(j->after.end);
	assert_null(j->hold_reason);
	assert_null(j->format.delimiter);
	assert_null(j->format.null_text);
	assert_null(j->format.encoding);
	assert_int_equal(j->format.max_field, 0);
}

static void everything_can_be_said(void **state)
{
	struct fixture *f = *state;
	const struct job *j;

	must(parse(f, "[job a]\n" LEAST "[job b]\nkind = copy\nenabled = no\nsource = s\n"
		      "source_table = st\ntarget = t\ntarget_table = tt\nload_mode = replace\n"
		      "create = no\ncolumns = year int\nmin_rows = 0\nmax_attempts = 3\n"
		      "retry_delay = 0s\nretry_max_delay = 1d\nmax_disruptions = 0\n"
		      "timeout = 30m\npriority = -5\nmax_active = 4\natomic = no\n"
		      "idempotent = yes\nafter = a, b\nafter_end = c\ndelimiter = tab\nnull "
		      "=\nencoding = utf-16\n"
		      "max_field = 1GiB\n"),
		&f->err);
	assert_int_equal(f->n, 2);
	j = &f->jobs[1];
	assert_string_equal(j->name, "b");
	assert_false(j->enabled);
	assert_string_equal(j->source_table, "st");
	assert_string_equal(j->target, "t");
	assert_string_equal(j->target_table, "tt");
	assert_int_equal(j->load_mode, LOAD_REPLACE);
	assert_false(j->create);
	assert_string_equal(j->columns, "year int");
	assert_int_equal(j->min_rows, 0);
	assert_int_equal(j->max_attempts, 3);
	assert_int_equal(j->retry_delay, 0);
	assert_int_equal(j->retry_max_delay, 86400000);
	assert_int_equal(j->max_disruptions, 0);
	assert_int_equal(j->timeout, 1800000);
	assert_int_equal(j->priority, -5);
	assert_int_equal(j->max_active, 4);
	assert_false(j->atomic);
	assert_true(j->idempotent);
	assert_string_equal(j->after.success, "a, b");
	assert_string_equal(j->after.end, "c");
	assert_string_equal(j->format.delimiter, "\t");
	assert_string_equal(j->format.null_text, ""); /* said: empty, not as the connection says */
	assert_string_equal(j->format.encoding, "utf-16");
	assert_int_equal(j->format.max_field, 1 << 30);
}

static void mistakes_are_refused_with_their_place(void **state)
{
	struct fixture *f = *state;

	check_refused(f, "", "'jobs.ini' has no [job NAME] section");
	check_refused(f, "\n[jobs a]\n", "jobs.ini:2: unknown section 'jobs', did you mean 'job'?");
	check_refused(f, "[store]\n", "jobs.ini:1: unknown section 'store'");
	check_refused(f, "[job a]\n" LEAST "load_mod = append\n",
		"jobs.ini:6: unknown key in [job a]: 'load_mod', did you mean 'load_mode'?");
	check_refused(f, "[job a]\nload_mode = upsert\n",
		"jobs.ini:2: 'load_mode': 'upsert' is not one of replace, append, truncate, merge, "
		"incremental");
	check_refused(f, "[job a]\nmin_rows = -1\n", "jobs.ini:2: 'min_rows': '-1' is less than 0");
	check_refused(
		f, "[job a]\nmax_attempts = 0\n", "jobs.ini:2: 'max_attempts': '0' is less than 1");
	check_refused(f, "[job a]\nmax_attempts = 1001\n",
		"jobs.ini:2: 'max_attempts': '1001' is more than 1000");
	check_refused(f, "[job a]\n" LEAST "[job b]\n",
		"jobs.ini:6: job 'b': a job of kind copy needs 'source'");
}

static void what_jobs_have_in_common_is_said_once(void **state)
{
	struct fixture *f = *state;

	must(parse(f, "[job a]\nsource_table = x\n[defaults]\nsource = raw\ntarget = w\n"
		      "target_table = t\nmin_rows = 7\nnull = NULL\n"
		      "[job b]\nsource_table = y\nmin_rows = 8\ntarget_table = u\n"),
		&f->err);
	assert_int_equal(f->n, 2);
	assert_string_equal(f->jobs[0].name, "a");
	assert_string_equal(f->jobs[0].source, "raw");
	assert_string_equal(f->jobs[0].source_table, "x");
	assert_int_equal(f->jobs[0].min_rows, 7);
	assert_string_equal(f->jobs[0].format.null_text, "NULL");
	assert_string_equal(f->jobs[1].target_table, "u");
	assert_int_equal(f->jobs[1].min_rows, 8);
	check_refused(f, "[defaults]\nsource = raw\n", "'jobs.ini' has no [job NAME] section");
	check_refused(f, "[defaults x]\n", "jobs.ini:1: [defaults x]: this section has no name");
	check_refused(f, "[defaults]\nsource = raw\nmin_rows = no\n[job a]\n" LEAST,
		"jobs.ini:3: 'min_rows': 'no' is not a whole number");
	check_refused(f, "[defaults]\nsourc = raw\n[job a]\n" LEAST,
		"jobs.ini:2: unknown key in [job a]: 'sourc', did you mean 'source'?");
	check_refused(f, "[defaults]\nsource = raw\n[job a]\n",
		"jobs.ini:3: job 'a': a job of kind copy needs 'target'");
}

static void names_are_checked(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *longest = repeat('x', JOB_NAME_MAX);

	must(parse(f, arena_printf(&f->arena, "[job %s]\n" LEAST, longest)), &f->err);
	check_refused(f, arena_printf(&f->arena, "[job %sx]\n" LEAST, longest),
		"jobs.ini:1: the job's name is longer than 128 bytes");
	check_refused(f, "[job]\n" LEAST, "jobs.ini:1: [job] needs a name: [job NAME]");
	check_refused(f, "[job a\tb]\n" LEAST, "jobs.ini:1: a control character in the job's name");
	check_refused(f, "[job 7]\n" LEAST, "jobs.ini:1: job name '7' is a number");
	assert_string_equal(
		f->err.hint, "--job takes numbers and names: give it at least one letter");
	must(parse(f, "[job 7a]\n" LEAST "[job -]\n" LEAST), &f->err);
	check_refused(f, "[job -7]\n" LEAST, "jobs.ini:1: job name '-7' is a number");
}

static void what_a_copy_says_must_fit_together(void **state)
{
	static const char *const cases[][2] = {
		{"source_query = SELECT 1\n", "'source_table' and 'source_query' exclude each other"},
		{"load_mode = merge\n", "load_mode = merge needs 'key_columns'"},
		{"load_mode = incremental\nchanges = watermark\n", "changes = watermark needs 'watermark_column'"},
		{"load_mode = incremental\ncapture_instance = x\n", "'capture_instance' is for changes = cdc"},
		{"changes = tracking\n", "'changes' is for load_mode = incremental"},
		{"load_mode = incremental\nchanges = tracking\nwatermark_column = at\n",
			"changes = tracking excludes 'watermark_column': the source itself knows what has changed"},
		{"load_mode = incremental\nlookback = 1h\nkey_columns = id\n",
			"changes = tracking excludes 'lookback': the source itself knows what has changed"},
		{"load_mode = incremental\nparallel = 2\npartition_column = id\n",
			"'parallel' and 'changes = tracking' exclude each other: sessions cannot share a snapshot"},
		{"load_mode = incremental\nwatermark_column = at\nlookback = 1h\n",
			"'lookback' reads rows again, which only 'key_columns' keep from being doubled"},
		{"delete_missing = yes\n", "'delete_missing' is for load_mode = merge"},
		{"max_delete = many\n", "'max_delete': 'many' is not a count of rows or a percentage"},
		{"max_delete = 101%\n", "'max_delete': '101%' is not a count of rows or a percentage"},
		{"max_delete = %\n", "'max_delete': '%' is not a count of rows or a percentage"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check_refused(f, arena_printf(&f->arena, "[job a]\n" LEAST "%s", cases[i][0]),
			arena_printf(&f->arena, "jobs.ini:1: job 'a': %s", cases[i][1]));
	check_refused(f, "[job a]\nsource = r\ntarget = w\ntarget_table = t\n",
		"jobs.ini:1: job 'a': a job of kind copy needs 'source_table' or 'source_query'");
	check_refused(f, "[job a]\nsource = r\nsource_query = SELECT 1\ntarget = w\ntarget_table = t\nparallel = 2\n",
		"jobs.ini:1: job 'a': 'parallel' of a query needs 'partition_column'");
	must(parse(f, "[job a]\nsource = r\nsource_query = SELECT 1\ntarget = w\ntarget_table = t\n"), &f->err);
}

static void changes_are_known_from_a_column_or_by_the_source(void **state)
{
	static const struct {
		struct job job;
		enum changes from;
	} cases[] = {{{.load_mode = LOAD_MERGE}, CHANGES_WATERMARK},
		{{.load_mode = LOAD_INCREMENTAL, .watermark_column = "at"}, CHANGES_WATERMARK},
		{{.load_mode = LOAD_INCREMENTAL}, CHANGES_TRACKING},
		{{.load_mode = LOAD_INCREMENTAL, .changes = CHANGES_TRACKING}, CHANGES_TRACKING},
		{{.load_mode = LOAD_INCREMENTAL, .changes = CHANGES_CDC}, CHANGES_CDC}};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(job_changes(&cases[i].job), cases[i].from);
	must(parse(f, "[job a]\n" LEAST "load_mode = incremental\n"), &f->err);
	check_refused(f, "[job a]\nsource = r\ntarget = w\ntarget_table = t\nsource_query = SELECT 1\n"
			 "load_mode = incremental\n",
		"jobs.ini:1: job 'a': load_mode = incremental of a 'source_query' needs 'watermark_column'");
}

static void max_delete_is_rows_or_a_part(void **state)
{
	static const struct {
		const char *text;
		int64_t rows, max;
	} cases[] = {{NULL, 5, INT64_MAX}, {"0", 5, 0}, {"7", 5, 7}, {"10%", 95, 9}, {"100%", 5, 5},
		{"50%", INT64_MAX, INT64_MAX / 2}};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct job job = {.max_delete = cases[i].text};
		int64_t max;

		must(job_max_delete(&job, cases[i].rows, &max, &f->err), &f->err);
		assert_int_equal(max, cases[i].max);
	}
}

static void a_kind_needs_its_keys(void **state)
{
	struct fixture *f = *state;

	must(parse(f, "[job a]\nkind = sql\ntarget = w\ncommand = DELETE FROM t\n"
		      "[job b]\nkind = exec\ncommand = tar c .\n"),
		&f->err);
	assert_int_equal(f->jobs[0].kind, JOB_SQL);
	assert_string_equal(f->jobs[0].command, "DELETE FROM t");
	assert_int_equal(f->jobs[1].kind, JOB_EXEC);
	check_refused(f, "[job a]\nkind = sql\ncommand = DELETE FROM t\n",
		"jobs.ini:1: job 'a': a job of kind sql needs 'target'");
	check_refused(f, "[job a]\nkind = sql\ntarget = w\ncommand =\n",
		"jobs.ini:1: job 'a': a job of kind sql needs 'command'");
	check_refused(f, "[job a]\nkind = exec\n",
		"jobs.ini:1: job 'a': a job of kind exec needs 'command'");
	check_refused(f, "[job a]\nkind = exe\n",
		"jobs.ini:2: 'kind': 'exe' is not one of copy, sql, exec, did you mean 'exec'?");
}

static void lists_of_names_are_split(void **state)
{
	struct fixture *f = *state;
	const char *names[JOB_AFTER_MAX], *list = "";
	size_t n = 9;

	must(job_names(NULL, &f->arena, names, &n, &f->err), &f->err);
	assert_int_equal(n, 0);
	must(job_names(" ,\t,\n", &f->arena, names, &n, &f->err), &f->err);
	assert_int_equal(n, 0);
	must(job_names(" load planes ,b,\n\tc d\t,", &f->arena, names, &n, &f->err), &f->err);
	assert_int_equal(n, 3);
	assert_string_equal(names[0], "load planes");
	assert_string_equal(names[1], "b");
	assert_string_equal(names[2], "c d");
	for (int i = 0; i < JOB_AFTER_MAX; i++)
		list = arena_printf(&f->arena, "%s%sj%d", list, i ? "," : "", i);
	must(job_names(list, &f->arena, names, &n, &f->err), &f->err);
	assert_int_equal(n, JOB_AFTER_MAX);
	assert_string_equal(names[JOB_AFTER_MAX - 1], "j99");
	list = arena_printf(&f->arena, "%s,more", list);
	assert_int_equal(job_names(list, &f->arena, names, &n, &f->err), -1);
	check_err(&f->err, ERR_LIMIT, "more than 100 jobs in a list");
}

/* docs/design.md §3, rule 9 */
static void what_cannot_be_fenced(void **state)
{
	struct job job = {.kind = JOB_COPY};

	(void)state;
	assert_false(job_unfenced(&job));
	job = (struct job){.kind = JOB_SQL, .atomic = true};
	assert_false(job_unfenced(&job));
	job.atomic = false;
	assert_true(job_unfenced(&job));
	job.idempotent = true;
	assert_false(job_unfenced(&job));
	job = (struct job){.kind = JOB_EXEC, .atomic = true};
	assert_true(job_unfenced(&job));
	job.idempotent = true;
	assert_false(job_unfenced(&job));
}

static void table_is_sound(void **state)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	size_t keys = 0;
	struct job job;

	(void)state;
	memset(&job, 0, sizeof(job));
	config_defaults(job_option_sets, N_JOB_OPTION_SETS, &a, &job); /* aborts on a bad one */
	for (size_t s = 0; s < N_JOB_OPTION_SETS; s++)
		for (size_t i = 0; i < job_option_sets[s].n; i++, keys++) {
			const struct option *o = &job_option_sets[s].v[i];

			assert_true(*o->help);
			assert_true(o->type != OPT_ENUM || o->choices);
			assert_true(
				strspn(o->key, "abcdefghijklmnopqrstuvwxyz_") == strlen(o->key));
			for (size_t t = 0; t <= s; t++)
				for (size_t j = 0; j < (t < s ? job_option_sets[t].n : i); j++)
					assert_string_not_equal(
						o->key, job_option_sets[t].v[j].key);
		}
	assert_true(keys < 100); /* OPTIONS_MAX of config.c */
	assert_true(job_option_sets[N_JOB_OPTION_SETS - 1].overrides);
	assert_string_equal(job_kind_name(JOB_COPY), "copy");
	assert_string_equal(job_kind_name(JOB_SQL), "sql");
	assert_string_equal(job_kind_name(JOB_EXEC), "exec");
	assert_string_equal(load_mode_name(LOAD_REPLACE), "replace");
	assert_string_equal(load_mode_name(LOAD_APPEND), "append");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(defaults_hold),
		TEST(everything_can_be_said),
		TEST(mistakes_are_refused_with_their_place),
		TEST(what_jobs_have_in_common_is_said_once),
		TEST(names_are_checked),
		TEST(a_kind_needs_its_keys),
		TEST(what_a_copy_says_must_fit_together),
		TEST(changes_are_known_from_a_column_or_by_the_source),
		TEST(max_delete_is_rows_or_a_part),
		TEST(lists_of_names_are_split),
		TEST(what_cannot_be_fenced),
		TEST(table_is_sound),
	};

	return cmocka_run_group_tests_name("job/job", tests, NULL, NULL);
}
