/* INSERT, UPDATE, DELETE, TRUNCATE. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/tdsd/engine_counted.h"
#include "tests/tdsd/engine_translate.h"
#include "tests/tdsd/engine_dml.h"
#include "tests/tdsd/engine_security.h"
#include "tests/tdsd/engine_storage.h"
#include "tests/tdsd/engine_time.h"
#include "tests/tdsd/engine_trigger.h"
#include "tests/tdsd/tsql_parse.h"

/* --- the target --- */

void target_set(struct session *s, const struct table *t, const char *verb)
{
	s->target = t;
	s->verb = verb;
	if (s->n_stored < t->n) {
		s->stored = mem_grow(s->stored, t->n, sizeof(*s->stored));
		for (size_t i = s->n_stored; i < t->n; i++)
			buf_init(&s->stored[i], 1000);
		s->n_stored = t->n;
	}
}

/* The lock is taken before anything is read; then the statement begins. */
int target_open(struct session *s, const struct from *f, const char *verb, struct arena *a,
	struct table **ret)
{
	struct database *d;
	const char *where;

	if (f->kind == FROM_VAR) {
		struct variable *v = frame_find(s->frame, f->name.part[NAME_OBJECT]);

		if (!v || !v->table)
			return tsql_fail(&s->error, 1087, f->name.part[NAME_OBJECT]);
		*ret = v->table;
		target_set(s, v->table, verb);
		return statement_begin(s);
	}
	if (catalog_database(s, &f->name, &d, &where) || tran_for_write(s, d) || statement_begin(s))
		return -1;
	if (catalog_get(s, &f->name, a, ret) || (*ret)->view) {
		if (s->error.number == 0)
			(void)tsql_unsupported(&s->error, "a change through a view");
		return statement_end(s, false);
	}
	target_set(s, *ret, verb);
	return 0;
}

/* Is the caller allowed to? An UPDATE may be for its columns. */
static int permit_change(struct session *s, const struct stmt *st, const struct table *t, const char *verb)
{
	const char **columns = arena_array(&s->frame->arena, st->n_assigns + 1, sizeof(*columns));

	for (size_t i = 0; i < st->n_assigns; i++)
		columns[i] = st->assigns[i].column;
	return permit_table(s, t, verb, columns, st->n_assigns);
}

static int finished(struct session *s, int rc, uint16_t command, int64_t count)
{
	if (statement_end(s, rc == 0))
		return -1;
	s->rowcount = count;
	return out_done(s, command, true, (uint64_t)count, false);
}

/* --- UPDATE and DELETE: which rows --- */

static bool is_target(const struct relation *r, const struct from *target, const struct table *t)
{
	const char *name = target->name.part[NAME_OBJECT];

	if (!r->table || r->table->id != t->id || r->table->database != t->database)
		return false;
	return !r->alias || strcasecmp(r->alias, name) == 0 ||
	       strcasecmp(r->table->name, name) == 0;
}

/* UPDATE a … FROM t a: the table that the alias means. */
static const struct from *find_alias(const struct from *f, const char *name)
{
	const struct from *found;

	if (!f)
		return NULL;
	if (f->kind == FROM_JOIN) {
		found = find_alias(f->left, name);
		return found ? found : find_alias(f->right, name);
	}
	return (f->kind == FROM_TABLE || f->kind == FROM_VAR) && f->alias &&
			       strcasecmp(f->alias, name) == 0
		       ? f
		       : NULL;
}

struct change {
	struct translator tr;
	struct scope scope;
	struct table *t;
	const char *from, *where, *row_alias;
};

/* FROM and WHERE; the relation that is changed is known by its alias. */
static int change_open(struct session *s, struct stmt *st, const char *verb, struct change *c)
{
	struct arena *a = &s->frame->arena;
	const struct from *named = NULL;
	struct from *own;

	*c = (struct change){.tr = {.s = s, .a = a}};
	if (st->from && !st->target->name.part[NAME_SCHEMA] && st->target->kind == FROM_TABLE)
		named = find_alias(st->from, st->target->name.part[NAME_OBJECT]);
	if (target_open(s, named ? named : st->target, verb, a, &c->t) || permit_change(s, st, c->t, verb))
		return -1;
	c->tr.scope = &c->scope;
	for (size_t i = 0; i < st->n_ctes; i++) {
		struct cte_entry *entry = arena_alloc(a, sizeof(*entry));

		entry->cte = &st->ctes[i];
		entry->next = c->tr.ctes;
		c->tr.ctes = entry;
	}
	own = arena_alloc(a, sizeof(*own));
	*own = *st->target;
	if (tr_from(&c->tr, st->from ? st->from : own, &c->from))
		return -1;
	for (size_t i = 0; i < c->scope.n; i++)
		if (named ? c->scope.v[i].from == named
			  : is_target(&c->scope.v[i], st->target, c->t))
			c->row_alias = c->scope.v[i].sql_alias;
	if (!c->row_alias) { /* the target is not in FROM: every row of it */
		const char *more;

		if (tr_from(&c->tr, own, &more))
			return -1;
		c->row_alias = c->scope.v[c->scope.n - 1].sql_alias;
		c->from = arena_printf(a, "%s JOIN %s", c->from, more);
	}
	c->where = "1";
	return st->where ? tr_condition(&c->tr, st->where, &c->where) : 0;
}

static int change_limit(struct change *c, const struct stmt *st, const char **ret)
{
	struct term v;
	struct tds_column bigint = engine_int_type(8);

	*ret = "";
	if (!st->top)
		return 0;
	if (tr_value(&c->tr, st->top, &v) || tr_cast(&c->tr, &v, &bigint, -1, CAST_EXPLICIT, ret))
		return -1;
	*ret = arena_printf(c->tr.a, " LIMIT max(0, %s)", *ret);
	return 0;
}

/* The rows as they are before the statement. */
static int save_old(struct session *s, struct change *c, const char *picked)
{
	CLEANUP(buf_release) struct buf sql = BUF_INIT(SQL_MAX);

	buf_printf(&sql, "CREATE TEMP TABLE old_rows AS SELECT rowid AS r");
	for (size_t i = 0; i < c->t->n; i++)
		buf_printf(&sql, ", c%d", c->t->v[i].id);
	buf_printf(&sql, " FROM %s.t%lld WHERE rowid IN (%s)", c->t->where, (long long)c->t->id,
		picked);
	return sql_exec(s, "DROP TABLE IF EXISTS temp.old_rows") || sql_exec(s, buf_str(&sql)) ||
			       sql_exec(s, "CREATE INDEX temp.old_rows_r ON old_rows (r)")
		       ? -1
		       : 0;
}

static int delete_rows(struct session *s, struct stmt *st, struct change *c, int64_t *ret_count)
{
	CLEANUP(buf_release) struct buf sql = BUF_INIT(SQL_MAX);
	struct translated output = {0};
	struct triggers triggers;
	const char *limit, *picked;

	if (counted_is(c->t)) /* all of it, or what is not there */
		return st->where || st->top ? 0
					    : counted_rows(s, c->t, ret_count) ||
						      counted_clear(s, c->t);
	if (change_limit(c, st, &limit) || triggers_open(s, st, c->t, 'D', &triggers))
		return -1;
	picked = arena_printf(c->tr.a, "SELECT %s.rowid FROM %s WHERE %s%s", c->row_alias, c->from,
		c->where, limit);
	if (triggers.n && save_old(s, c, picked))
		return -1;
	buf_printf(&sql, "DELETE FROM %s.t%lld WHERE rowid IN (%s)", c->t->where,
		(long long)c->t->id, picked);
	if (output_translate(s, st, c->t, "deleted", NULL, &sql, &output) ||
		dml_run(s, st, c->t, buf_str(&sql), &output, ret_count))
		return -1;
	return triggers_run(s, c->t, &triggers, NULL, "temp.old_rows", *ret_count);
}

int exec_delete(struct session *s, struct stmt *st)
{
	struct change c;
	int64_t count = 0;
	int rc = change_open(s, st, "DELETE", &c);

	if (rc && !c.t)
		return -1;
	if (rc == 0)
		rc = delete_rows(s, st, &c, &count);
	return finished(s, rc, 0xC4, count);
}

/* --- UPDATE --- */

static const struct expr *assigned_expr(struct arena *a, const struct assign *as)
{
	struct expr *e, *self;

	if (as->op == '=')
		return as->e;
	e = arena_alloc(a, sizeof(*e));
	self = arena_alloc(a, sizeof(*self));
	self->kind = EX_COLUMN;
	self->name.part[NAME_OBJECT] = as->column;
	e->kind = EX_ARITH;
	e->text = arena_strndup(a, &as->op, 1);
	e->v = arena_array(a, 2, sizeof(*e->v));
	e->n = 2;
	e->v[0] = self;
	e->v[1] = as->e;
	return e;
}

static int default_term(
	struct session *s, struct translator *tr, const struct table_column *c, struct term *ret)
{
	struct expr *e;
	struct scope none = {0}, *was = tr->scope;
	int rc;

	*ret = (struct term){.sql = "NULL", .is_null = true, .type = c->type};
	if (c->generated) {
		struct tds_column when = engine_datetime2_type();

		*ret = (struct term){.type = when};
		ret->sql = c->generated == 1 ? "t_now()"
					     : arena_printf(tr->a, "%lld", (long long)ENGINE_TICKS_LAST);
		return 0;
	}
	if (!c->default_text)
		return 0;
	if (tsql_parse_expr(c->default_text, tr->a, &e, &s->error))
		return -1;
	tr->scope = &none;
	tr->in_default = true;
	rc = tr_value(tr, e, ret);
	tr->in_default = false;
	tr->scope = was;
	return rc;
}

/* "c1 = u.n0, …" and the list of new values. */
static int update_values(
	struct session *s, struct stmt *st, struct change *c, struct buf *set, struct buf *values)
{
	for (size_t i = 0; i < st->n_assigns; i++) {
		const struct assign *as = &st->assigns[i];
		const struct table_column *column =
			as->column ? table_column(c->t, as->column) : NULL;
		struct term v;
		const char *stored;

		if (as->var)
			return tsql_unsupported(&s->error, "UPDATE … SET @variable");
		if (!column)
			return tsql_fail(&s->error, 207, as->column);
		if (column->computed || column->type.user_type == TDS_USER_ROWVERSION)
			return tsql_fail(&s->error, column->computed ? 271 : 272, column->name);
		if (column->type.identity)
			return tsql_fail(&s->error, 8102, column->name);
		if (column->generated)
			return tsql_fail(&s->error, 13537, table_full_name(c->t, c->tr.a));
		for (size_t j = 0; j < i; j++)
			if (strcasecmp(st->assigns[j].column, as->column) == 0)
				return tsql_fail(&s->error, 264, as->column);
		if (as->e->kind == EX_DEFAULT ? default_term(s, &c->tr, column, &v)
					      : tr_value(&c->tr, assigned_expr(c->tr.a, as), &v))
			return -1;
		if (tr_store(&c->tr, &v, c->t, (size_t)(column - c->t->v), &stored))
			return -1;
		buf_printf(set, "%sc%d = u.n%zu", i ? ", " : "", column->id, i);
		buf_printf(values, ", %s AS n%zu", stored, i);
	}
	for (size_t i = 0; i < c->t->n; i++)
		if (c->t->v[i].type.user_type == TDS_USER_ROWVERSION)
			buf_printf(set, ", c%d = t_rowversion()", c->t->v[i].id);
		else if (c->t->v[i].generated == 1)
			buf_printf(set, ", c%d = t_now()", c->t->v[i].id);
	return 0;
}

static bool mentions_deleted(const struct expr *e)
{
	if (!e)
		return false;
	if ((e->kind == EX_COLUMN && e->name.part[NAME_SCHEMA] &&
		    strcasecmp(e->name.part[NAME_SCHEMA], "deleted") == 0) ||
		(e->kind == EX_STAR && e->name.part[NAME_OBJECT] &&
			strcasecmp(e->name.part[NAME_OBJECT], "deleted") == 0))
		return true;
	for (size_t i = 0; i < e->n; i++)
		if (mentions_deleted(e->v[i]))
			return true;
	return false;
}

static int update_rows(struct session *s, struct stmt *st, struct change *c, int64_t *ret_count)
{
	CLEANUP(buf_release)
	struct buf sql = BUF_INIT(SQL_MAX), set = BUF_INIT(SQL_MAX), values = BUF_INIT(SQL_MAX);
	struct translated output = {0};
	const char *limit, *picked;
	struct triggers triggers;
	bool old;

	if (change_limit(c, st, &limit) || update_values(s, st, c, &set, &values) ||
		triggers_open(s, st, c->t, 'U', &triggers))
		return -1;
	old = triggers.n > 0;
	for (size_t i = 0; i < st->n_output; i++)
		old |= mentions_deleted(st->output[i].e);
	picked = arena_printf(c->tr.a, "SELECT %s.rowid FROM %s WHERE %s%s", c->row_alias, c->from,
		c->where, limit);
	if (old && save_old(s, c, picked))
		return -1;
	buf_printf(&sql,
		"UPDATE %s.t%lld SET %s FROM (SELECT %s.rowid AS r%s FROM %s WHERE %s%s) AS u "
		"WHERE t%lld.rowid = u.r",
		c->t->where, (long long)c->t->id, buf_str(&set), c->row_alias, buf_str(&values),
		c->from, c->where, limit, (long long)c->t->id);
	if (output_translate(s, st, c->t, "inserted", old ? "old_rows" : NULL, &sql, &output) ||
		dml_run(s, st, c->t, buf_str(&sql), &output, ret_count))
		return -1;
	return triggers_run(s, c->t, &triggers,
		arena_printf(c->tr.a, "%s.t%lld WHERE rowid IN (SELECT r FROM temp.old_rows)",
			c->t->where, (long long)c->t->id),
		"temp.old_rows", *ret_count);
}

int exec_update(struct session *s, struct stmt *st)
{
	struct change c;
	int64_t count = 0;
	int rc = change_open(s, st, "UPDATE", &c);

	if (rc && !c.t)
		return -1;
	if (rc == 0)
		rc = update_rows(s, st, &c, &count);
	return finished(s, rc, 0xC5, count);
}

int dml_default(
	struct session *s, struct translator *tr, const struct table_column *c, struct term *ret)
{
	return default_term(s, tr, c, ret);
}

int dml_finished(struct session *s, int rc, uint16_t command, int64_t count)
{
	return finished(s, rc, command, count);
}

/* --- TRUNCATE --- */

static int truncate_rows(struct session *s, const struct table *t)
{
	int64_t referenced;

	if (sql_int(s, 0, &referenced,
		    "SELECT 1 FROM %s.sys_foreign_keys WHERE referenced_id = %lld LIMIT 1",
		    t->where, (long long)t->id))
		return -1;
	if (referenced)
		return tsql_fail(&s->error, 4712, t->name);
	if (counted_clear(s, t) || storage_refuses(s, t, STORAGE_TRUNCATE) || storage_forget_changes(s, t))
		return -1;
	return sql_execf(s, "DELETE FROM %s.t%lld", t->where, (long long)t->id) ||
			       sql_execf(s,
				       "UPDATE %s.sys_objects SET identity_last = NULL WHERE "
				       "object_id = %lld",
				       t->where, (long long)t->id)
		       ? -1
		       : 0;
}

int exec_truncate(struct session *s, struct stmt *st)
{
	struct from f = {.kind = FROM_TABLE, .name = st->name};
	struct table *t = NULL;
	int rc = target_open(s, &f, "TRUNCATE TABLE", &s->frame->arena, &t);

	if (rc) {
		if (s->error.number == 208)
			(void)tsql_fail(&s->error, 4701, st->name.part[NAME_OBJECT]);
		return -1;
	}
	s->altering = true;
	rc = truncate_rows(s, t);
	s->altering = false;
	if (statement_end(s, rc == 0))
		return -1;
	return out_done(s, 0, false, 0, false);
}
