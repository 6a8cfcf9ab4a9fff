#include "job/job.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"

static const char *const kinds[] = {
	[JOB_COPY] = "copy", [JOB_SQL] = "sql", [JOB_EXEC] = "exec", NULL};
static const char *const modes[] = {[LOAD_REPLACE] = "replace", [LOAD_APPEND] = "append",
	[LOAD_TRUNCATE] = "truncate", [LOAD_MERGE] = "merge", [LOAD_INCREMENTAL] = "incremental",
	NULL};
static const char *const schema_changes[] = {[SCHEMA_FAIL] = "fail",
	[SCHEMA_ADD_COLUMNS] = "add_columns", [SCHEMA_IGNORE] = "ignore", NULL};
static const char *const publishes[] = {[PUBLISH_AUTO] = "auto", [PUBLISH_SWITCH] = "switch",
	[PUBLISH_RENAME] = "rename", [PUBLISH_INSERT] = "insert", NULL};
static const char *const mixed_types[] = {[MIXED_KEEP] = "keep", [MIXED_FAIL] = "fail", NULL};
static const char *const changes_from[] = {[CHANGES_AUTO] = "auto",
	[CHANGES_WATERMARK] = "watermark", [CHANGES_TRACKING] = "tracking",
	[CHANGES_CDC] = "cdc", NULL};
static const char *const gaps[] = {[GAP_RELOAD] = "reload", [GAP_FAIL] = "fail", NULL};
static const char *const inconsistents[] = {
	[INCONSISTENT_FAIL] = "fail", [INCONSISTENT_WARN] = "warn", NULL};
static const char *const restrictions[] = {
	[RESTRICTED_REFUSE] = "refuse", [RESTRICTED_ACCEPT] = "accept", NULL};
static const char *const verifies[] = {[VERIFY_COUNT] = "count", [VERIFY_DIGEST] = "digest", NULL};
static const char *const on_rejects[] = {[ON_REJECT_FAIL] = "fail", [ON_REJECT_KEEP] = "keep", NULL};
static const char *const reject_values[] = {[REJECT_VALUES_NONE] = "none",
	[REJECT_VALUES_KEYS] = "keys", [REJECT_VALUES_ALL] = "all", NULL};

#define AT(field) offsetof(struct job, field)

const struct option job_options[] = {
	{"kind", OPT_ENUM, AT(kind), "copy",
		"what the job does: copy moves a table, sql runs statements in the target, exec runs a "
		"program",
		.choices = kinds},
	{"enabled", OPT_BOOL, AT(enabled), "yes", "no: the job is not started"},
	{"source", OPT_TEXT, AT(source), NULL, "the connection to read from"},
	{"source_table", OPT_TEXT, AT(source_table), NULL,
		"the table; of a CSV connection: the file ('.csv', '.csv.gz' and '.csv.zst' may be left "
		"out), or all files that match a pattern such as sales-*.csv"},
	{"source_query", OPT_TEXT, AT(source_query), NULL,
		"instead of source_table: a query whose rows are copied"},
	{"target", OPT_TEXT, AT(target), NULL, "the connection to write to"},
	{"target_table", OPT_TEXT, AT(target_table), NULL,
		"the table to load; of a CSV connection: the file"},
	{"load_mode", OPT_ENUM, AT(load_mode), "append",
		"append adds the rows; replace puts them in the place of all others, at once; truncate "
		"does too, and keeps the table itself; merge changes those with the same key_columns and "
		"adds the others; incremental reads only what has changed since the last load (see changes), "
		"and merges it where there are key_columns",
		.choices = modes},
	{"key_columns", OPT_TEXT, AT(key_columns), NULL,
		"merge, incremental: the target's columns that make a row the same row, with ',' between "
		"them"},
	{"delete_missing", OPT_BOOL, AT(delete_missing), "no",
		"merge: delete rows whose key the source does not have any more"},
	{"changes", OPT_ENUM, AT(changes), "auto",
		"incremental: where what has changed is known from: the watermark_column; tracking, SQL Server's "
		"change tracking, or cdc, its change data capture, which both know of deleted rows too; auto: "
		"watermark where there is a watermark_column, else tracking",
		.choices = changes_from},
	{"on_gap", OPT_ENUM, AT(on_gap), "reload",
		"changes = tracking, cdc: the changes since the last load are not all there any more, or the source was "
		"restored: reload all of the table, or fail the run",
		.choices = gaps},
	{"capture_instance", OPT_TEXT, AT(capture_instance), NULL,
		"changes = cdc: the capture instance; empty: the table has one"},
	{"watermark_column", OPT_TEXT, AT(watermark_column), NULL,
		"incremental: the source's column that only grows: a time of change, a number"},
	{"lookback", OPT_TEXT, AT(lookback), NULL,
		"incremental: read this much below the last watermark again, for rows that came late: a "
		"number, or 15m, 2h, 1d for times; needs key_columns"},
	{"partition_column", OPT_TEXT, AT(partition_column), NULL,
		"the source's column whose ranges are read in parallel; none: what SQL Server has partitioned the table by"},
	{"parallel", OPT_INT, AT(parallel), "1", "ranges of partition_column that are read at once",
		.min = 1, .max = 64},
	{"on_inconsistent", OPT_ENUM, AT(on_inconsistent), "fail",
		"parallel, of SQL Server: the ranges cannot be read as of one moment: fail the run, or read them all the "
		"same and warn",
		.choices = inconsistents},
	{"restricted_reads", OPT_ENUM, AT(restricted_reads), "refuse",
		"of SQL Server: this login is shown masks instead of values, or a security policy may hide rows: refuse "
		"to read, or accept that what it sees is what is meant",
		.choices = restrictions},
	{"column_map", OPT_TEXT, AT(column_map), NULL,
		"columns that have another name in the target: 'plz postcode, \"Order No\" order_no'"},
	{"schema_change", OPT_ENUM, AT(schema_change), "fail",
		"a source column that the target lacks: fail, add_columns (to the target), or ignore it",
		.choices = schema_changes},
	{"pre_sql", OPT_TEXT, AT(pre_sql), NULL,
		"statements in the target before the rows are published"},
	{"pre_sql_atomic", OPT_BOOL, AT(pre_sql_atomic), "yes",
		"yes: pre_sql is part of the transaction that publishes; no: it runs by itself before the "
		"load, at least once"},
	{"post_sql", OPT_TEXT, AT(post_sql), NULL,
		"statements in the target after the rows are published"},
	{"post_sql_atomic", OPT_BOOL, AT(post_sql_atomic), "yes",
		"yes: post_sql is part of the transaction that publishes; no: it runs by itself after it, "
		"at least once"},
	{"verify", OPT_ENUM, AT(verify), "count",
		"what is compared before publishing: the count of rows, or a digest of all values too",
		.choices = verifies},
	{"on_reject", OPT_ENUM, AT(on_reject), "fail",
		"a row that cannot be loaded: fail the run, or keep it in etl_load_reject and go on",
		.choices = on_rejects},
	{"reject_limit", OPT_INT, AT(reject_limit), "1000",
		"on_reject = keep: more rejected rows than this fail the run", .min = 0,
		.max = 10000},
	{"reject_values", OPT_ENUM, AT(reject_values), "none",
		"what messages and rejects may say of a row: none of its values, those of key_columns, or "
		"all",
		.choices = reject_values},
	{"reject_retention", OPT_DURATION, AT(reject_retention), "90d",
		"rejects that are older are deleted by the job's next load", .min = 0,
		.max = 36500LL * 86400000},
	{"create", OPT_BOOL, AT(create), "yes",
		"make the target table from the source's columns when there is none"},
	{"columns", OPT_TEXT, AT(columns), NULL,
		"types of source columns: 'year int, price decimal(18,2) not null'; the others are "
		"inferred"},
	{"mixed_types", OPT_ENUM, AT(mixed_types), "keep",
		"of an SQLite source, whose columns may hold values of any type: keep each as it is; fail: "
		"a column has the type that its table declares, and another value is an error",
		.choices = mixed_types},
	{"min_rows", OPT_INT, AT(min_rows), "1",
		"replace, truncate and delete_missing refuse to empty a table for fewer rows than this",
		.min = 0, .max = INT64_MAX},
	{"max_delete", OPT_TEXT, AT(max_delete), NULL,
		"replace, truncate and delete_missing refuse to leave this many rows fewer than there were: "
		"'1000', or '5%' of the table"},
	{"publish", OPT_ENUM, AT(publish), "auto",
		"SQL Server, replace and truncate: switch (the new rows' pages become the table's), rename (a "
		"new table gets its name, grants and all), insert (after TRUNCATE, or DELETE), each refused "
		"where the table forbids it; auto: the first of them that it allows; --dry-run says which, and "
		"why",
		.choices = publishes},
	{"batch_rows", OPT_INT, AT(batch_rows), "0",
		"SQL Server: rows go to staging in loads of at least this many, so that the log can be cut "
		"in between; 0: all rows of a range are one",
		.min = 0, .max = INT64_MAX},
	{"sorted", OPT_BOOL, AT(sorted), "no",
		"SQL Server: the source's rows come in the order of the target's clustered index, and need "
		"not be sorted again; in another order they are refused"},
	{"check_constraints", OPT_BOOL, AT(check_constraints), "yes",
		"SQL Server: no: CHECK and FOREIGN KEY constraints of the target are not held against the "
		"rows, and the server does not trust them any more"},
	{"fire_triggers", OPT_BOOL, AT(fire_triggers), "yes",
		"SQL Server: no: triggers of the target do not see the rows"},
	{"staging_schema", OPT_TEXT, AT(staging_schema), NULL,
		"SQL Server: where staging tables are made; empty: as the connection says, or beside the "
		"target"},
	{"command", OPT_TEXT, AT(command), NULL,
		"sql: the statements, with ';' between them; exec: the program and its arguments, for "
		"the shell where there is one"},
	{"atomic", OPT_BOOL, AT(atomic), "yes",
		"sql: the statements and the row of the ledger are one transaction, done once or not at "
		"all; no: each by itself, at least once"},
	{"idempotent", OPT_BOOL, AT(idempotent), "no",
		"yes: exec, or sql that is not atomic, is done again when it was lost half-way; no: the "
		"run then ends as unknown"},
	{"max_attempts", OPT_INT, AT(max_attempts), "1", "attempts before a run has failed",
		.min = 1, .max = 1000},
	{"retry_delay", OPT_DURATION, AT(retry_delay), "30s",
		"before the second attempt; doubled for each one after", .min = 0, .max = 86400000},
	{"retry_max_delay", OPT_DURATION, AT(retry_max_delay), "1h", "the longest delay",
		.min = 0, .max = 86400000},
	{"max_disruptions", OPT_INT, AT(max_disruptions), "10",
		"how often a run may lose its worker for a reason that is not its own (no attempt is "
		"used up) before it is given up", .min = 0, .max = 1000},
	{"timeout", OPT_DURATION, AT(timeout), "0s", "of one attempt; 0s: none", .min = 0,
		.max = 30LL * 86400000},
	{"priority", OPT_INT, AT(priority), "0", "runs with a higher one are started first",
		.min = -1000000, .max = 1000000},
	{"max_active", OPT_INT, AT(max_active), "1", "runs of this job at the same time",
		.min = 1, .max = 1000},
	{"pod_patch", OPT_TEXT, AT(pod_patch), NULL,
		"executor = kubernetes: a JSON merge patch for the pods of this job's workers, such as "
		"{\"spec\": {\"nodeSelector\": {\"disk\": \"ssd\"}}}; 'etl job pod' prints what comes of it"},
};

static const struct option after_options[] = {
	{"after", OPT_TEXT, AT(after.success), NULL,
		"jobs, with ',' between them: when all of them have succeeded this one is ordered, and it "
		"does not start while one of them has a run that is not over, or failed last"},
	{"after_end", OPT_TEXT, AT(after.end), NULL, "the same, however those jobs end"},
};

const struct option_set job_option_sets[N_JOB_OPTION_SETS] = {
	[JOB_OPTIONS] = {.v = job_options, .n = ARRAY_LEN(job_options)},
	[JOB_AFTER] = {.v = after_options, .n = ARRAY_LEN(after_options)},
	[JOB_FORMAT] = {.v = csv_format_options, .n = N_CSV_FORMAT_OPTIONS, .offset = AT(format),
		.overrides = true},
};

/* What a kind of job cannot do without. */
static const struct {
	enum job_kind kind;
	const char *key;
	size_t offset;
} required[] = {
	{JOB_COPY, "source", AT(source)},
	{JOB_COPY, "target", AT(target)},
	{JOB_COPY, "target_table", AT(target_table)},
	{JOB_SQL, "target", AT(target)},
	{JOB_SQL, "command", AT(command)},
	{JOB_EXEC, "command", AT(command)},
};

static int check_changes(const struct job *job, struct err *err)
{
	if (job->load_mode != LOAD_INCREMENTAL) {
		if (job->changes == CHANGES_AUTO)
			return 0;
		return err_set(err, ERR_CONFIG, "'changes' is for load_mode = incremental");
	}
	if (job->capture_instance && job->changes != CHANGES_CDC)
		return err_set(err, ERR_CONFIG, "'capture_instance' is for changes = cdc");
	if (job->changes == CHANGES_WATERMARK && !job->watermark_column)
		return err_set(err, ERR_CONFIG, "changes = watermark needs 'watermark_column'");
	if (job_changes(job) == CHANGES_WATERMARK)
		return 0;
	if (job->watermark_column || job->lookback)
		return err_set(err, ERR_CONFIG, "changes = %s excludes '%s': the source itself knows what has changed",
			changes_from[job_changes(job)], job->watermark_column ? "watermark_column" : "lookback");
	if (job->source_table)
		return 0;
	err_set(err, ERR_CONFIG, "load_mode = incremental of a 'source_query' needs 'watermark_column'");
	return err_hint(err, "changes are tracked of tables: 'source_table' needs none");
}

/* A key and what it needs or excludes. */
static int check_copy(const struct job *job, struct err *err)
{
	int64_t rows;

	if (!job->source_table == !job->source_query)
		return err_set(err, ERR_CONFIG, job->source_table
				? "'source_table' and 'source_query' exclude each other"
				: "a job of kind copy needs 'source_table' or 'source_query'");
	if (job->load_mode == LOAD_MERGE && !job->key_columns)
		return err_set(err, ERR_CONFIG, "load_mode = merge needs 'key_columns'");
	if (check_changes(job, err))
		return -1;
	if (job->lookback && !job->key_columns)
		return err_set(err, ERR_CONFIG,
			"'lookback' reads rows again, which only 'key_columns' keep from being doubled");
	if (job->delete_missing && job->load_mode != LOAD_MERGE)
		return err_set(err, ERR_CONFIG, "'delete_missing' is for load_mode = merge");
	if (job->parallel > 1 && job_changes(job) != CHANGES_WATERMARK)
		return err_set(err, ERR_CONFIG, "'parallel' and 'changes = %s' exclude each other: sessions cannot "
						"share a snapshot", changes_from[job_changes(job)]);
	if (job->parallel > 1 && !job->partition_column && job->source_query)
		return err_set(err, ERR_CONFIG, "'parallel' of a query needs 'partition_column'");
	return job_max_delete(job, 0, &rows, err);
}

/* The cluster refuses a pod that is wrong; that it is no JSON object at all is seen here. */
static int check_pod_patch(const struct job *job, struct err *err)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(2 * JSON_PATCH_MAX);
	struct err why = ERR_INIT;

	if (!job->pod_patch || !*job->pod_patch)
		return 0;
	if (json_patch("{}", 2, job->pod_patch, strlen(job->pod_patch), false, &out, &why))
		return err_set(err, ERR_CONFIG, "'pod_patch': %s", why.msg);
	return buf_str(&out)[0] == '{' ? 0 : err_set(err, ERR_CONFIG, "'pod_patch' is not a JSON object");
}

int job_check(const struct job *job, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(required); i++) {
		const char *value = *(const char *const *)((const char *)job + required[i].offset);

		if (required[i].kind == job->kind && (!value || !*value))
			return err_set(err, ERR_CONFIG, "a job of kind %s needs '%s'",
				kinds[job->kind], required[i].key);
	}
	if (check_pod_patch(job, err))
		return -1;
	return job->kind == JOB_COPY ? check_copy(job, err) : 0;
}

bool job_replaces(const struct job *job)
{
	return job->load_mode == LOAD_REPLACE || job->load_mode == LOAD_TRUNCATE;
}

enum changes job_changes(const struct job *job)
{
	if (job->load_mode != LOAD_INCREMENTAL)
		return CHANGES_WATERMARK;
	if (job->changes != CHANGES_AUTO)
		return job->changes;
	return job->watermark_column ? CHANGES_WATERMARK : CHANGES_TRACKING;
}

const char *job_source_name(const struct job *job)
{
	return job->source_table ? job->source_table : "the query";
}

int job_max_delete(const struct job *job, int64_t rows, int64_t *ret_max, struct err *err)
{
	const char *text = job->max_delete;
	size_t len = text ? strlen(text) : 0;
	bool percent = len && text[len - 1] == '%';
	char digits[24];
	int64_t n;

	if (!text) {
		*ret_max = INT64_MAX;
		return 0;
	}
	snprintf(digits, sizeof(digits), "%.*s", (int)(len - percent), text);
	if (len > sizeof(digits) || text_parse_int(digits, &n) || n < 0 || (percent && n > 100)) {
		err_set(err, ERR_CONFIG, "'max_delete': '%s' is not a count of rows or a percentage",
			text);
		return err_hint(err, "write 'max_delete = 1000' or 'max_delete = 5%%'");
	}
	*ret_max = percent ? (int64_t)((__int128)rows * n / 100) : n;
	return 0;
}

static int check_name(const char *name, struct err *err)
{
	int64_t number;

	if (!*name)
		return err_set(err, ERR_CONFIG, "[job] needs a name: [job NAME]");
	if (strlen(name) > JOB_NAME_MAX)
		return err_set(err, ERR_CONFIG, "the job's name is longer than %d bytes",
			JOB_NAME_MAX);
	for (const char *c = name; *c; c++)
		if ((unsigned char)*c < ' ')
			return err_set(err, ERR_CONFIG, "a control character in the job's name");
	if (text_parse_int(name, &number) == 0) {
		err_set(err, ERR_CONFIG, "job name '%s' is a number", name);
		return err_hint(err, "--job takes numbers and names: give it at least one letter");
	}
	return 0;
}

static bool has_key(const struct config_section *s, const char *key)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->v[i].key, key) == 0)
			return true;
	return false;
}

/* The job's entries and those of [defaults] that it does not have; each keeps its line. */
static struct config_section with_defaults(const struct config_section *job,
	const struct config_section *defaults, struct arena *a)
{
	struct config_section merged = *job;

	merged.v = arena_array(a, job->n + defaults->n, sizeof(*merged.v));
	if (job->n)
		memcpy(merged.v, job->v, job->n * sizeof(*merged.v));
	for (size_t i = 0; i < defaults->n; i++)
		if (!has_key(job, defaults->v[i].key))
			merged.v[merged.n++] = defaults->v[i];
	return merged;
}

/* Another kind of section is refused here; *ret_defaults is empty where there is none. */
static int find_defaults(const struct config_file *file, struct config_section *ret_defaults,
	struct err *err)
{
	static const char *const known[] = {"job", "defaults"};

	*ret_defaults = (struct config_section){.kind = "defaults"};
	for (size_t i = 0; i < file->n; i++) {
		const struct config_section *s = &file->v[i];

		if (strcmp(s->kind, "job") == 0)
			continue;
		if (strcmp(s->kind, "defaults") != 0)
			return config_unknown(file, s->line, "section", s->kind, known,
				ARRAY_LEN(known), err);
		if (*s->name) {
			err_set(err, ERR_CONFIG, "[defaults %s]: this section has no name", s->name);
			return err_wrap(err, "%s:%d", file->path, s->line);
		}
		*ret_defaults = *s;
	}
	return 0;
}

static int read_job(const struct config_file *file, const struct config_section *section,
	const struct config_section *defaults, struct arena *a, struct job *job, struct err *err)
{
	struct config_section merged = with_defaults(section, defaults, a);

	if (check_name(section->name, err))
		return err_wrap(err, "%s:%d", file->path, section->line);
	job->name = section->name;
	if (config_apply(file, &merged, job_option_sets, N_JOB_OPTION_SETS, a, job, err))
		return -1;
	if (job_check(job, err)) {
		err_wrap(err, "job '%s'", job->name);
		return err_wrap(err, "%s:%d", file->path, section->line);
	}
	return 0;
}

int jobs_parse(const struct config_file *file, struct arena *a, struct job **ret_jobs,
	size_t *ret_n, struct err *err)
{
	struct job *jobs = arena_array(a, file->n, sizeof(*jobs));
	struct config_section defaults;
	size_t n = 0;

	if (find_defaults(file, &defaults, err))
		return -1;
	for (size_t i = 0; i < file->n; i++)
		if (strcmp(file->v[i].kind, "job") == 0 &&
			read_job(file, &file->v[i], &defaults, a, &jobs[n++], err))
			return -1;
	if (n == 0)
		return err_set(err, ERR_CONFIG, "'%s' has no [job NAME] section", file->path);
	*ret_jobs = jobs;
	*ret_n = n;
	return 0;
}

int job_names(const char *list, struct arena *a, const char *ret_names[JOB_AFTER_MAX], size_t *ret_n,
	struct err *err)
{
	size_t n = 0;

	for (const char *p = list ? list : ""; *p;) {
		size_t len = strcspn(p, ","), end = len;
		const char *next = p[len] ? p + len + 1 : p + len;

		while (end && strchr(" \t\n", p[end - 1]))
			end--;
		while (end && strchr(" \t\n", *p))
			p++, end--;
		if (end && n == JOB_AFTER_MAX)
			return err_set(err, ERR_LIMIT, "more than %d jobs in a list", JOB_AFTER_MAX);
		if (end)
			ret_names[n++] = arena_strndup(a, p, end);
		p = next;
	}
	*ret_n = n;
	return 0;
}

bool job_unfenced(const struct job *job)
{
	return !job->idempotent && (job->kind == JOB_EXEC || (job->kind == JOB_SQL && !job->atomic));
}

const char *job_kind_name(enum job_kind kind)
{
	return kinds[kind];
}

const char *load_mode_name(enum load_mode mode)
{
	return modes[mode];
}
