#include "job/definitions.h"

#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"

#define DEFINITION_MAX (1024u * 1024)
#define NAMES_MAX 10000 /* job names that a mistyped one is compared with */

static void add_columns(struct buf *sql, const char *before, const char *separator)
{
	const struct option_set *set = &job_option_sets[JOB_OPTIONS];

	for (size_t i = 0; i < set->n; i++)
		buf_printf(sql, "%s%s\"%s\"", i ? separator : "", before, set->v[i].key);
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
		const void *p = (const char *)&job->format + o->offset;
		bool set = o->type == OPT_SIZE ? *(const int64_t *)p != 0 : *(const char *const *)p != NULL;

		if (set)
			json_set_str(doc, object, o->key, config_print(o, &job->format, a));
		any |= set;
	}
	if (!any)
		return NULL;
	json_print(doc, object, false, &out);
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
	json_print(doc, object, false, &out);
	return arena_strdup(a, buf_str(&out));
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

	buf_adds(&sql, "SELECT job_id, job_uid, name, format, ");
	add_columns(&sql, "", ", ");
	buf_printf(&sql, " FROM etl_job WHERE %s = @which", name ? "name" : "job_id");
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
		if (read_option(stmt, 4 + (int)i, &set->v[i], a, &job, err))
			return err_wrap(err, "job '%s'", job.name);
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

	if (job->job_id) {
		buf_adds(&sql, "UPDATE etl_job SET name = @name, format = @format");
		for (size_t i = 0; i < set->n; i++)
			buf_printf(&sql, ", \"%s\" = @%s", set->v[i].key, set->v[i].key);
		buf_adds(&sql, " WHERE job_id = @job_id");
	} else {
		buf_adds(&sql, "INSERT INTO etl_job (name, format, ");
		add_columns(&sql, "", ", ");
		buf_adds(&sql, ") VALUES (@name, @format");
		for (size_t i = 0; i < set->n; i++)
			buf_printf(&sql, ", @%s", set->v[i].key);
		buf_adds(&sql, ")");
	}
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
	struct db_stmt *stmt;

	if (changed) {
		if (statements_get(s, ST_JOB_VERSION, &stmt, err))
			return -1;
		db_bind_int(stmt, 1, job->job_id);
		if (db_run(stmt, err))
			return -1;
	}
	if (statements_get(s, ST_JOB_HISTORY, &stmt, err))
		return -1;
	db_bind_text(stmt, 1, actor);
	db_bind_text(stmt, 2, definition_json(job, a));
	db_bind_int(stmt, 3, job->job_id);
	return db_run(stmt, err);
}

/* The identity of the stored definition of that name. 1: found; 0: there is none. */
static int find_ids(struct statements *s, struct job *job, struct arena *a, struct err *err)
{
	struct db_stmt *stmt;
	int row;

	if (statements_get(s, ST_JOB_IDS, &stmt, err))
		return -1;
	db_bind_text(stmt, 1, job->name);
	row = db_step(stmt, err);
	if (row <= 0)
		return row;
	job->job_id = db_column_int(stmt, 0);
	job->job_uid = arena_strdup(a, db_column_text(stmt, 1));
	db_reset(stmt);
	return 1;
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

int definition_missing(struct statements *s, const char *which, struct arena *a, struct err *err)
{
	const char *names[NAMES_MAX], *near;
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
	near = text_nearest(which, names, n);
	err_set(err, ERR_NOT_FOUND, "there is no job '%s'", which);
	if (near)
		return err_suggest(err, near);
	if (n == 0)
		return err_hint(err, "the store has no jobs yet: run 'etl apply FILE'");
	return err_hint(err, "the store's jobs have the numbers and names that 'etl apply' printed");
}
