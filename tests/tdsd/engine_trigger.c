#include "tests/tdsd/engine_trigger.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/tdsd/engine_dml.h"

/* The definition is the events' letters, '|' and the text. */
int exec_create_trigger(struct session *s, struct stmt *st)
{
	struct arena *a = &s->frame->arena;
	CLEANUP(buf_release) struct buf definition = BUF_INIT(SQL_MAX);
	struct table *t;
	int64_t schema, id;

	if (catalog_get(s, &st->name2, a, &t))
		return s->error.number == 208
			       ? tsql_fail(&s->error, 8197, st->name2.part[NAME_OBJECT])
			       : -1;
	if (sql_int(s, SCHEMA_DBO, &schema,
		    "SELECT schema_id FROM %s.sys_objects WHERE object_id = %lld", t->where,
		    (long long)t->id))
		return -1;
	for (size_t i = 0; i < st->n_columns; i++)
		buf_addc(&definition, st->columns[i][0]);
	buf_printf(&definition, "|%s", st->text);
	if (st->on &&
		sql_execf(s,
			"DELETE FROM %s.sys_objects WHERE type = 'TR' AND schema_id = %lld AND "
			"name = %s",
			t->where, (long long)schema, sql_quote(a, st->name.part[NAME_OBJECT])))
		return -1;
	return catalog_new_object(s, t->where, schema, st->name.part[NAME_OBJECT], "TR", t->id,
		buf_str(&definition), &id);
}

static int last_row(struct session *s, const struct table *t, int64_t *ret)
{
	return sql_int(s, 0, ret, "SELECT max(rowid) FROM %s.t%lld", t->where, (long long)t->id);
}

/* A trigger does not set off those of its own table (RECURSIVE_TRIGGERS is off). */
static bool is_recursive(const struct session *s, const struct table *t)
{
	const struct frame *f = s->frame;

	while (f && !f->inserted)
		f = f->outer;
	return f && f->trigger_of == t->id;
}

int triggers_open(struct session *s, const struct stmt *st, const struct table *t, char event,
	struct triggers *ret)
{
	struct arena *a = &s->frame->arena;
	CLEANUP_STMT sqlite3_stmt *stmt = NULL;
	size_t cap = 0;
	int rc;

	*ret = (struct triggers){0};
	if (!t->database || is_recursive(s, t))
		return 0;
	if (sql_prepare(s,
		    arena_printf(a,
			    "SELECT definition FROM %s.sys_objects WHERE parent_id = %lld AND type "
			    "= 'TR'"
			    " AND disabled = 0 ORDER BY object_id",
			    t->where, (long long)t->id),
		    &stmt))
		return -1;
	while ((rc = sql_step(s, stmt)) == 1) {
		const char *text = arena_strdup(a, (const char *)sqlite3_column_text(stmt, 0));
		size_t events = strcspn(text, "|");

		if (!memchr(text, event, events))
			continue;
		ret->bodies = arena_grow(a, ret->bodies, ret->n, &cap, sizeof(*ret->bodies));
		ret->bodies[ret->n++] = text + events + 1;
	}
	if (rc < 0 || ret->n == 0)
		return rc;
	if (st->n_output && !st->output_into)
		return tsql_fail(&s->error, 334, t->name);
	return event == 'I' ? last_row(s, t, &ret->last_row) : 0;
}

/* A table of the target's columns with what `rows` says. */
static int make_rows(struct session *s, const struct table *t, const char *rows, const char *name,
	struct table **ret)
{
	struct arena *a = &s->frame->arena;
	CLEANUP(buf_release) struct buf sql = BUF_INIT(SQL_MAX);
	struct table *copy = arena_alloc(a, sizeof(*copy));

	*copy = *t;
	copy->database = NULL;
	copy->where = "temp";
	copy->name = name;
	copy->view = NULL;
	copy->id = 2 * (int64_t)TEMPORARY_ID + ++s->next_temp_id;
	buf_printf(&sql, "CREATE TABLE temp.t%lld AS SELECT ", (long long)copy->id);
	for (size_t i = 0; i < t->n; i++)
		buf_printf(&sql, "%sc%d", i ? ", " : "", t->v[i].id);
	if (rows)
		buf_printf(&sql, " FROM %s", rows);
	else
		buf_printf(&sql, " FROM %s.t%lld WHERE 0", t->where, (long long)t->id);
	*ret = copy;
	return sql_exec(s, buf_str(&sql));
}

/* One body, in a transaction whatever there was. What it SETs holds until its end. */
static int run_one(struct session *s, const char *body, int64_t table, struct table *inserted,
	struct table *deleted)
{
	struct frame f = {.inserted = inserted, .deleted = deleted, .trigger_of = table};
	const struct options options = s->options;
	bool alone = s->trancount == 0;
	int rc;

	if (s->trancount++ == 0)
		s->tran = TRAN_OPEN;
	s->options.xact_abort = true;
	s->quiet |= alone;
	rc = exec_text(s, body, strlen(body), &f);
	s->quiet &= !alone;
	frame_release(s, &f);
	s->options = options;
	if (s->trancount == 0) { /* rolled back within */
		s->aborted = true;
		s->reported = rc == 0 && s->last_error != 0;
		return s->reported || rc ? -1 : tsql_fail(&s->error, 3609);
	}
	s->trancount--;
	if (alone && s->tran == TRAN_OPEN)
		s->tran = TRAN_NONE;
	return rc;
}

int triggers_run(struct session *s, const struct table *t, const struct triggers *tr,
	const char *new_rows, const char *old_rows, int64_t count)
{
	const struct table *target = s->target;
	const char *verb = s->verb;
	struct cell identity = s->identity;
	struct table *inserted, *deleted;
	int rc = 0;

	if (tr->n == 0)
		return 0;
	if (make_rows(s, t, new_rows, "inserted", &inserted) ||
		make_rows(s, t, old_rows, "deleted", &deleted))
		return -1;
	identity = cell_copy(&identity, &s->frame->arena);
	for (size_t i = 0; rc == 0 && i < tr->n; i++) {
		s->rowcount = count;
		rc = run_one(s, tr->bodies[i], t->id, inserted, deleted);
	}
	s->target = target;
	s->verb = verb;
	if (rc)
		return -1;
	arena_release(&s->identity_arena);
	s->identity = cell_copy(&identity, &s->identity_arena);
	return sql_execf(s, "DROP TABLE temp.t%lld", (long long)inserted->id) ||
			       sql_execf(s, "DROP TABLE temp.t%lld", (long long)deleted->id)
		       ? -1
		       : 0;
}
