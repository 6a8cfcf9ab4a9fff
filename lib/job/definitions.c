#include "job/definitions.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"

#define DEFINITION_MAX (1024u * 1024)
#define EDGES_MAX 100000 /* dependencies of all jobs */

/* "kind", … or @kind, … or "kind" = @kind, … */
static void add_keys(struct buf *sql, bool columns, bool values)
{
	const struct option_set *set = &job_option_sets[JOB_OPTIONS];

	for (size_t i = 0; i < set->n; i++) {
		buf_adds(sql, i ? ", " : "");
		if (columns)
			buf_printf(sql, "\"%s\"", set->v[i].key);
		if (values)
			buf_printf(sql, "%s@%s", columns ? " = " : "", set->v[i].key);
	}
}

/* A key in double quotes may be a reserved word: also on SQL Server, where the filtered indexes do not
 * work without QUOTED_IDENTIFIER anyway. */
void definition_sql(enum db_dialect dialect, enum definition_sql which, struct buf *out)
{
	static const char *const tables[] = {[DB_SQLITE] = "etl_job", [DB_TSQL] = "etl.job"};
	static const char *const uids[] = {[DB_SQLITE] = "job_uid", [DB_TSQL] = TSQL_UID("job_uid")};
	const char *table = tables[dialect];

	switch (which) {
	case DEFINITION_BY_ID:
	case DEFINITION_BY_NAME:
		buf_printf(out, "SELECT job_id, %s AS job_uid, name, format, hold_reason, ",
			uids[dialect]);
		add_keys(out, true, false);
		buf_printf(out, " FROM %s WHERE %s = @which", table,
			which == DEFINITION_BY_ID ? "job_id" : "name");
		break;
	case DEFINITION_INSERT:
		buf_printf(out, "INSERT INTO %s (name, format, ", table);
		add_keys(out, true, false);
		buf_adds(out, ") VALUES (@name, @format, ");
		add_keys(out, false, true);
		buf_adds(out, ")");
		break;
	case DEFINITION_UPDATE:
		buf_printf(out, "UPDATE %s SET name = @name, format = @format, ", table);
		add_keys(out, true, true);
		buf_adds(out, " WHERE job_id = @job_id");
		break;
	}
}

static void bind_option(struct db_stmt *stmt, int pos, const struct option *o, const void *base)
{
	const void *p = (const char *)base + o->offset;

	switch (o->type) {
	case OPT_TEXT:
	case OPT_PATH:
	case OPT_CHAR:
		db_bind_text(stmt, pos, *(const char *const *)p);
		break;
	case OPT_BOOL:
		db_bind_int(stmt, pos, *(const bool *)p);
		break;
	case OPT_ENUM:
		db_bind_text(stmt, pos, o->choices[*(const int *)p]);
		break;
	case OPT_DURATION: /* seconds: what a DBA would write */
		db_bind_real(stmt, pos, (double)*(const int64_t *)p / 1000);
		break;
	case OPT_INT:
	case OPT_SIZE:
		db_bind_int(stmt, pos, *(const int64_t *)p);
		break;
	}
}

static int read_seconds(struct db_stmt *stmt, int col, const struct option *o, struct arena *a,
	void *base, struct err *err)
{
	double ms = db_column_real(stmt, col) * 1000;

	if (!(ms >= 0 && ms < 1e15))
		return err_set(err, ERR_CONFIG, "'%s': '%s' is not a time in seconds", o->key,
			db_column_text(stmt, col));
	return config_set(o, arena_printf(a, "%" PRId64 "ms", (int64_t)(ms + 0.5)), NULL, a, base,
		err);
}

/* People edit this table: what config_set refuses is an error with the column's name. */
static int read_option(struct db_stmt *stmt, int col, const struct option *o, struct arena *a,
	void *base, struct err *err)
{
	enum db_type type = db_column_type(stmt, col);

	if (type == DB_NULL)
		return o->required ? err_set(err, ERR_CONFIG, "'%s' is not set", o->key) : 0;
	if (o->type == OPT_DURATION && type != DB_TEXT)
		return read_seconds(stmt, col, o, a, base, err);
	return config_set(o, db_column_text(stmt, col), NULL, a, base, err);
}

struct format_reader {
	struct job *job;
	struct arena *a;
};

static int read_format_member(void *arg, const char *key, const char *value, struct err *err)
{
	struct format_reader *r = arg;

	for (size_t i = 0; i < N_CSV_FORMAT_OPTIONS; i++)
		if (strcmp(csv_format_options[i].key, key) == 0)
			return config_set(&csv_format_options[i], value, NULL, r->a,
				&r->job->format, err);
	return err_set(err, ERR_CONFIG, "unknown key '%s'", key);
}

/* What the job says itself as a JSON object, or NULL when it overrides nothing. */
static const char *format_json(const struct job *job, struct arena *a)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(DEFINITION_MAX);
	CLEANUP_JSON struct json_doc *doc = json_new();
	struct json *object = json_object(doc);
	bool any = false;

	for (size_t i = 0; i < N_CSV_FORMAT_OPTIONS; i++) {
		const struct option *o = &csv_format_options[i];

		if (!csv_format_has(&job->format, o))
			continue;
		json_set_str(doc, object, o->key, config_print(o, &job->format, a));
		any = true;
	}
	if (!any)
		return NULL;
	json_print(doc, object, false, &out);
	return arena_strdup(a, buf_str(&out));
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* In one way of writing it: sorted, ", " between two. A list that is too long stays as it is: it is
 * another one than what is stored, and refused when it is to be. */
static const char *list_text(const char *list, struct arena *a)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(DEFINITION_MAX);
	const char *names[JOB_AFTER_MAX];
	struct err err = ERR_INIT;
	size_t n = 0;

	if (job_names(list, a, names, &n, &err))
		return list;
	if (n == 0)
		return NULL;
	qsort(names, n, sizeof(*names), compare_names);
	for (size_t i = 0; i < n; i++)
		buf_printf(&out, "%s%s", i ? ", " : "", names[i]);
	return arena_strdup(a, buf_str(&out));
}

static const char *definition_json(const struct job *job, struct arena *a)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(SIZE_MAX / 2);
	CLEANUP_JSON struct json_doc *doc = json_new();
	struct json *object = json_object(doc);
	const struct option_set *set = &job_option_sets[JOB_OPTIONS];

	json_set_str(doc, object, "name", job->name);
	for (size_t i = 0; i < set->n; i++)
		json_set_str(doc, object, set->v[i].key, config_print(&set->v[i], job, a));
	json_set_str(doc, object, "format", format_json(job, a));
	json_set_str(doc, object, "after", list_text(job->after.success, a));
	json_set_str(doc, object, "after_end", list_text(job->after.end, a));
	json_print(doc, object, false, &out);
	return arena_strdup(a, buf_str(&out));
}

static int read_after(struct statements *s, struct job *job, struct arena *a, struct err *err)
{
	CLEANUP(buf_release) struct buf success = BUF_INIT(DEFINITION_MAX), end = BUF_INIT(DEFINITION_MAX);
	struct db_stmt *stmt;
	int row;

	if (statements_bind(s, ST_AFTER_LIST, &stmt, err, "i", job->job_id))
		return -1;
	while ((row = db_step(stmt, err)) == 1) {
		struct buf *list = db_column_int(stmt, 1) ? &end : &success;

		buf_printf(list, "%s%s", list->len ? ", " : "", db_column_text(stmt, 0));
	}
	job->after.success = success.len ? arena_strdup(a, buf_str(&success)) : NULL;
	job->after.end = end.len ? arena_strdup(a, buf_str(&end)) : NULL;
	return row;
}

int definition_find(struct statements *s, int64_t id, const char *name, struct arena *a,
	struct job *ret_job, struct err *err)
{
	CLEANUP(buf_release) struct buf sql = BUF_INIT(DEFINITION_MAX);
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	const struct option_set *set = &job_option_sets[JOB_OPTIONS];
	struct job job = {.name = NULL};
	const char *format;
	int row;

	definition_sql(db_dialect(s->db), name ? DEFINITION_BY_NAME : DEFINITION_BY_ID, &sql);
	if (db_prepare(s->db, buf_str(&sql), &stmt, err))
		return -1;
	if (name)
		db_bind_text(stmt, 1, name);
	else
		db_bind_int(stmt, 1, id);
	row = db_step(stmt, err);
	if (row <= 0)
		return row;
	job.job_id = db_column_int(stmt, 0);
	job.job_uid = arena_strdup(a, db_column_text(stmt, 1));
	job.name = arena_strdup(a, db_column_text(stmt, 2));
	format = db_column_text(stmt, 3);
	if (format && json_each(format, strlen(format), read_format_member,
			      &(struct format_reader){&job, a}, err))
		return err_wrap(err, "job '%s': format", job.name);
	config_defaults(job_option_sets, N_JOB_OPTION_SETS, a, &job);
	for (size_t i = 0; i < set->n; i++)
		if (read_option(stmt, 5 + (int)i, &set->v[i], a, &job, err))
			return err_wrap(err, "job '%s'", job.name);
	job.hold_reason = arena_strdup(a, db_column_text(stmt, 4));
	if (job_check(&job, err))
		return err_wrap(err, "job '%s'", job.name);
	if (read_after(s, &job, a, err))
		return -1;
	*ret_job = job;
	return 1;
}

static int insert_or_update(struct statements *s, const struct job *job, struct arena *a,
	struct err *err)
{
	CLEANUP(buf_release) struct buf sql = BUF_INIT(DEFINITION_MAX);
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	const struct option_set *set = &job_option_sets[JOB_OPTIONS];
	int pos = 3;

	definition_sql(db_dialect(s->db), job->job_id ? DEFINITION_UPDATE : DEFINITION_INSERT, &sql);
	if (db_prepare(s->db, buf_str(&sql), &stmt, err))
		return -1;
	db_bind_text(stmt, 1, job->name);
	db_bind_text(stmt, 2, format_json(job, a));
	for (size_t i = 0; i < set->n; i++)
		bind_option(stmt, pos++, &set->v[i], job);
	if (job->job_id)
		db_bind_int(stmt, pos, job->job_id);
	return db_run(stmt, err);
}

static int write_history(struct statements *s, const struct job *job, bool changed, const char *actor,
	struct arena *a, struct err *err)
{
	if (changed && statements_run(s, ST_JOB_VERSION, err, "i", job->job_id))
		return -1;
	return statements_run(
		s, ST_JOB_HISTORY, err, "tti", actor, definition_json(job, a), job->job_id);
}

/* The identity of the stored definition of that name. 1: found; 0: there is none. */
static int find_ids(struct statements *s, struct job *job, struct arena *a, struct err *err)
{
	struct db_stmt *stmt;
	int row;

	if (statements_bind(s, ST_JOB_IDS, &stmt, err, "t", job->name))
		return -1;
	row = db_step(stmt, err);
	if (row <= 0)
		return row;
	job->job_id = db_column_int(stmt, 0);
	job->job_uid = arena_strdup(a, db_column_text(stmt, 1));
	db_reset(stmt);
	return 1;
}

static bool is_equal(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* The attempts of a run must ask one ledger: what one of them began in the old target no later one would
 * find in a new one. */
static int check_target(struct statements *s, const struct job *job, const struct job *stored,
	struct err *err)
{
	struct db_stmt *stmt;
	int row;

	if (job->kind == stored->kind && is_equal(job->target, stored->target))
		return 0;
	if (statements_bind(s, ST_RUN_BEGUN, &stmt, err, "i", job->job_id))
		return -1;
	row = db_step(stmt, err);
	if (row <= 0)
		return row;
	err_set(err, ERR_CONFIG,
		"'%s' cannot change while run %" PRId64 " is under way: an attempt may have begun a load in '%s'",
		job->kind == stored->kind ? "target" : "kind", db_column_int(stmt, 0),
		stored->target ? stored->target : "exec");
	err_hint(err, "wait for its end, or 'etl cancel %" PRId64 "'", db_column_int(stmt, 0));
	db_reset(stmt);
	return -1;
}

/* 1 or 0. One that somebody broke by hand is another one: applying the file mends it. */
static int is_same(struct statements *s, const struct job *job, struct arena *a, struct err *err)
{
	struct err why = ERR_INIT;
	struct job stored;

	if (definition_find(s, job->job_id, NULL, a, &stored, &why) < 0) {
		if (why.code == ERR_CONFIG || why.code == ERR_DATA)
			return 0;
		*err = why;
		return -1;
	}
	if (check_target(s, job, &stored, err))
		return -1;
	return strcmp(definition_json(job, a), definition_json(&stored, a)) == 0;
}

int definition_apply(struct statements *s, struct job *job, const char *actor, struct arena *a,
	enum job_change *ret_change, struct err *err)
{
	int found, same = 0;

	job->job_id = 0;
	found = find_ids(s, job, a, err);
	if (found > 0)
		same = is_same(s, job, a, err);
	if (found < 0 || same < 0)
		return -1;
	*ret_change = !found ? JOB_CREATED : same ? JOB_UNCHANGED : JOB_CHANGED;
	if (same)
		return 0;
	if (insert_or_update(s, job, a, err) || find_ids(s, job, a, err) < 0)
		return -1;
	return write_history(s, job, found, actor, a, err);
}

static int add_after(struct statements *s, const struct job *job, const char *key, const char *list,
	bool on_completion, struct arena *a, struct err *err)
{
	const char *names[JOB_AFTER_MAX];
	size_t n;

	if (job_names(list, a, names, &n, err))
		return err_wrap(err, "%s", key);
	for (size_t i = 0; i < n; i++) {
		if (statements_run(s, ST_AFTER_ADD, err, "iit", job->job_id, (int64_t)on_completion,
			    names[i])) {
			if (err->code == ERR_DATA)
				err_set(err, ERR_CONFIG, "'%s' stands there twice", names[i]);
			return err_wrap(err, "%s", key);
		}
		if (db_changes(s->db) == 1)
			continue;
		definition_missing(s, names[i], a, err);
		err->code = ERR_CONFIG;
		return err_wrap(err, "%s", key);
	}
	return 0;
}

int definition_apply_after(struct statements *s, const struct job *job, struct arena *a,
	struct err *err)
{
	if (statements_run(s, ST_AFTER_CLEAR, err, "i", job->job_id) ||
		add_after(s, job, "after", job->after.success, false, a, err) ||
		add_after(s, job, "after_end", job->after.end, true, a, err))
		return -1;
	return 0;
}

struct edge { /* of the graph of dependencies, sorted by job */
	int64_t job, after;
};

struct graph {
	struct edge *v;
	size_t n;
	char *seen; /* of v[i].job, at its first edge: 1 on the path, 2 done */
};

static size_t first_edge(const struct graph *g, int64_t job)
{
	size_t lo = 0, hi = g->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (g->v[mid].job < job)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* The job at which a path comes back to itself, or 0. Depth is bounded by the number of jobs. */
static int64_t find_cycle(struct graph *g, int64_t job)
{
	size_t first = first_edge(g, job);
	int64_t found = 0;

	if (first == g->n || g->v[first].job != job || g->seen[first] == 2)
		return 0;
	if (g->seen[first] == 1)
		return job;
	g->seen[first] = 1;
	for (size_t i = first; !found && i < g->n && g->v[i].job == job; i++)
		found = find_cycle(g, g->v[i].after);
	g->seen[first] = 2;
	return found;
}

int definitions_check_order(struct statements *s, struct arena *a, struct err *err)
{
	struct graph g = {.v = arena_array(a, EDGES_MAX, sizeof(*g.v))};
	struct db_stmt *stmt;
	int row;

	if (statements_get(s, ST_AFTER_ALL, &stmt, err))
		return -1;
	while ((row = db_step(stmt, err)) == 1 && g.n < EDGES_MAX)
		g.v[g.n++] = (struct edge){db_column_int(stmt, 0), db_column_int(stmt, 1)};
	if (row < 0)
		return -1;
	db_reset(stmt);
	if (row)
		return err_set(err, ERR_LIMIT, "more than %d dependencies", EDGES_MAX);
	g.seen = arena_alloc(a, g.n + 1);
	for (size_t i = 0; i < g.n; i++) {
		int64_t id = find_cycle(&g, g.v[i].job);
		struct job job;

		if (!id)
			continue;
		if (definition_find(s, id, NULL, a, &job, err) != 1)
			return -1;
		return err_set(err, ERR_CONFIG, "job '%s' would come after itself", job.name);
	}
	return 0;
}

int definition_names(struct statements *s, struct arena *a, const char ***ret_names, size_t *ret_n,
	struct err *err)
{
	const char **names = arena_array(a, NAMES_MAX, sizeof(*names));
	struct db_stmt *stmt;
	size_t n = 0;
	int row;

	if (statements_get(s, ST_JOB_NAMES, &stmt, err))
		return -1;
	while ((row = db_step(stmt, err)) == 1 && n < NAMES_MAX)
		names[n++] = arena_strdup(a, db_column_text(stmt, 0));
	if (row < 0)
		return -1;
	db_reset(stmt);
	*ret_names = names;
	*ret_n = n;
	return 0;
}

int definition_missing(struct statements *s, const char *which, struct arena *a, struct err *err)
{
	const char **names, *near;
	size_t n;

	if (definition_names(s, a, &names, &n, err))
		return -1;
	near = text_nearest(which, names, n);
	err_set(err, ERR_NOT_FOUND, "there is no job '%s'", which);
	if (near)
		return err_suggest(err, near);
	if (n == 0)
		return err_hint(err, "the store has no jobs yet: run 'etl apply FILE'");
	return err_hint(err, "the store's jobs have the numbers and names that 'etl apply' printed");
}
