/* SELECT: rows to the caller, into variables, into a table; single values. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/tdsd/engine_translate.h"

#define ROW_MAX (512u * 1024 * 1024)

/* --- single values --- */

static int evaluate(struct session *s, const char *sql, struct cell *ret)
{
	CLEANUP_STMT sqlite3_stmt *stmt = NULL;
	struct cell c;
	int rc;

	if (sql_prepare(s, sql, &stmt))
		return -1;
	rc = sql_step(s, stmt);
	if (rc < 0)
		return -1;
	c = rc ? cell_of_column(stmt, 0) : cell_null();
	*ret = cell_copy(&c, &s->frame->arena);
	return 0;
}

int eval_expr(
	struct session *s, const struct expr *e, struct tds_column *ret_type, struct cell *ret)
{
	struct translator t = {.s = s, .a = &s->frame->arena};
	struct scope scope = {0};
	struct term v;

	t.scope = &scope;
	if (tr_value(&t, e, &v))
		return -1;
	*ret_type = v.type;
	return evaluate(s, arena_printf(t.a, "SELECT %s", v.sql), ret);
}

int eval_cast(
	struct session *s, const struct expr *e, const struct tds_column *to, struct cell *ret)
{
	struct translator t = {.s = s, .a = &s->frame->arena};
	struct scope scope = {0};
	struct term v;
	const char *sql;

	t.scope = &scope;
	if (tr_value(&t, e, &v) || tr_cast(&t, &v, to, -1, CAST_EXPLICIT, &sql))
		return -1;
	return evaluate(s, arena_printf(t.a, "SELECT %s", sql), ret);
}

int eval_condition(struct session *s, const struct expr *e, bool *ret)
{
	struct translator t = {.s = s, .a = &s->frame->arena};
	struct scope scope = {0};
	const char *sql;
	struct cell c;

	t.scope = &scope;
	s->error.number = 0;
	if (tr_condition(&t, e, &sql) || evaluate(s, arena_printf(t.a, "SELECT %s", sql), &c))
		return -1;
	*ret = c.kind == CELL_INT && c.i;
	return 0;
}

int eval_text(struct session *s, const struct expr *e, const char **ret)
{
	struct tds_column text = engine_text_type(true, UINT32_MAX);
	struct cell c;

	if (eval_cast(s, e, &text, &c))
		return -1;
	*ret = c.kind == CELL_NULL ? NULL : arena_strndup(&s->frame->arena, c.data, c.len);
	return 0;
}

int eval_int(struct session *s, const struct expr *e, int64_t missing, int64_t *ret)
{
	struct tds_column bigint = engine_int_type(8);
	struct cell c;

	if (eval_cast(s, e, &bigint, &c))
		return -1;
	*ret = c.kind == CELL_INT ? c.i : missing;
	return 0;
}

/* --- results --- */

/* What is never null has the form without a length. */
static enum tds_type fixed_form(const struct tds_column *c)
{
	switch (c->type) {
	case TDS_INTN:
		return c->size == 1   ? TDS_FIXINT1
		       : c->size == 2 ? TDS_FIXINT2
		       : c->size == 4 ? TDS_FIXINT4
				      : TDS_FIXINT8;
	case TDS_BITN:
		return TDS_FIXBIT;
	case TDS_FLTN:
		return c->size == 4 ? TDS_FIXFLT4 : TDS_FIXFLT8;
	case TDS_MONEYN:
		return c->size == 4 ? TDS_FIXMONEY4 : TDS_FIXMONEY;
	case TDS_DATETIMN:
		return c->size == 4 ? TDS_FIXDATETIM4 : TDS_FIXDATETIME;
	default:
		return c->type;
	}
}

static void result_columns(struct session *s, const struct translated *q, struct tds_columns *ret)
{
	ret->v = arena_array(&s->frame->arena, q->n + 1, sizeof(*ret->v));
	ret->n = (uint32_t)q->n;
	for (size_t i = 0; i < q->n; i++) {
		ret->v[i] = q->v[i];
		if (!ret->v[i].name)
			ret->v[i].name = "";
		if (!ret->v[i].nullable)
			ret->v[i].type = fixed_form(&ret->v[i]);
	}
}

/* SET TEXTSIZE: what a client gets of a (max) value or a text at most, without a word. */
static void cut(const struct session *s, const struct tds_column *t, struct cell *c)
{
	bool wide = tds_type_is_utf16(t->type);
	size_t room = (size_t)s->options.textsize / (wide ? 2 : 1), used = 0, at = 0;
	const uint8_t *p = c->data;

	if ((tds_form(t) != TDS_FORM_PLP && tds_form(t) != TDS_FORM_TEXTPTR) || t->type == TDS_XML || c->len <= room)
		return;
	if (c->kind == CELL_BLOB)
		c->len = room;
	if (c->kind != CELL_TEXT)
		return;
	while (at < c->len) { /* characters of UTF-8: of two units from the length four on */
		size_t len = p[at] < 0x80 ? 1 : p[at] < 0xE0 ? 2 : p[at] < 0xF0 ? 3 : 4;

		used += len == 4 && wide ? 2 : 1;
		if (used > room)
			break;
		at += len;
	}
	c->len = at < c->len ? at : c->len;
}

static int send_row(
	struct session *s, sqlite3_stmt *stmt, const struct tds_columns *columns, struct buf *row)
{
	buf_reset(row);
	buf_addc(row, (char)TDS_ROW_TOKEN);
	for (uint32_t i = 0; i < columns->n; i++) {
		struct cell c = cell_of_column(stmt, (int)i);

		cut(s, &columns->v[i], &c);
		if (cell_encode(&columns->v[i], &c, row, &s->error))
			return -1;
	}
	if (s->out->row(s->out_arg, (const uint8_t *)row->data, row->len) < 0) {
		s->gone = true;
		return -1;
	}
	return 0;
}

static int send_rows(struct session *s, const struct translated *q, int64_t *ret_count)
{
	CLEANUP_STMT sqlite3_stmt *stmt = NULL;
	CLEANUP(buf_release) struct buf row = BUF_INIT(ROW_MAX);
	struct tds_columns columns;
	int64_t limit = s->options.rowcount ? s->options.rowcount : INT64_MAX;
	int rc = 0;

	if (sql_prepare(s, q->sql, &stmt))
		return -1;
	result_columns(s, q, &columns);
	if (s->out->columns(s->out_arg, &columns) < 0) {
		s->gone = true;
		return -1;
	}
	*ret_count = 0;
	while (!s->options.fmtonly && *ret_count < limit && (rc = sql_step(s, stmt)) == 1) {
		if (send_row(s, stmt, &columns, &row))
			return -1;
		++*ret_count;
		if ((*ret_count & 0xFF) == 0 && session_cancelled(s))
			return -1;
	}
	return rc < 0 ? -1 : 0;
}

/* --- SELECT @x = … --- */

static bool reads_var(const struct expr *e, const char *name)
{
	if (!e)
		return false;
	if (e->kind == EX_VAR && strcasecmp(e->text, name) == 0)
		return true;
	for (size_t i = 0; i < e->n; i++)
		if (reads_var(e->v[i], name))
			return true;
	return false;
}

static bool accumulates(const struct query *q)
{
	for (size_t i = 0; i < q->n_items; i++)
		for (size_t j = 0; j < q->n_items; j++)
			if (q->items[i].var && (q->items[i].op != '=' ||
						       reads_var(q->items[j].e, q->items[i].var)))
				return true;
	return false;
}

/* The list of values that the variables get, as an ordinary query's. */
static int assigned_query(struct session *s, const struct query *q, struct query *ret)
{
	struct arena *a = &s->frame->arena;

	*ret = *q;
	ret->items = arena_array(a, q->n_items, sizeof(*ret->items));
	for (size_t i = 0; i < q->n_items; i++) {
		const struct variable *v =
			q->items[i].var ? frame_find(s->frame, q->items[i].var) : NULL;
		struct expr *cast;

		if (!q->items[i].var)
			return tsql_fail(&s->error, 141);
		if (!v || v->table)
			return tsql_fail(&s->error, 137, q->items[i].var);
		cast = arena_alloc(a, sizeof(*cast));
		cast->kind = EX_CAST;
		cast->type = v->type;
		cast->v = arena_array(a, 1, sizeof(*cast->v));
		cast->n = 1;
		cast->v[0] = q->items[i].e;
		if (q->items[i].op != '=') {
			struct expr *sum = arena_alloc(a, sizeof(*sum)),
				    *self = arena_alloc(a, sizeof(*self));

			self->kind = EX_VAR;
			self->text = q->items[i].var;
			sum->kind = EX_ARITH;
			sum->text = arena_strndup(a, &q->items[i].op, 1);
			sum->v = arena_array(a, 2, sizeof(*sum->v));
			sum->n = 2;
			sum->v[0] = self;
			sum->v[1] = q->items[i].e;
			cast->v[0] = sum;
		}
		ret->items[i] = (struct select_item){.e = cast};
	}
	return 0;
}

static int select_into_vars(struct session *s, const struct query *q)
{
	struct query plain;
	struct translator t = {
		.s = s, .a = &s->frame->arena, .live_vars = accumulates(q) && q->from};
	struct translated out;
	CLEANUP_STMT sqlite3_stmt *stmt = NULL;
	int rc;

	if (assigned_query(s, q, &plain) || tr_query(&t, &plain, &out) ||
		sql_prepare(s, out.sql, &stmt))
		return -1;
	s->rowcount = 0;
	while ((rc = sql_step(s, stmt)) == 1) {
		for (size_t i = 0; i < q->n_items; i++) {
			struct variable *v = frame_find(s->frame, q->items[i].var);
			struct cell c = cell_of_column(stmt, (int)i);

			v->value = cell_copy(&c, &s->frame->arena);
		}
		s->rowcount++;
	}
	if (rc < 0)
		return -1;
	return out_done(s, 0xC1, false, 0, false);
}

/* --- SELECT … INTO --- */

static int definition_of(struct session *s, const struct translated *q, struct table_def *def)
{
	struct arena *a = &s->frame->arena;

	def->columns = arena_array(a, q->n + 1, sizeof(*def->columns));
	def->n_columns = q->n;
	for (size_t i = 0; i < q->n; i++) {
		struct column_def *c = &def->columns[i];

		if (!q->v[i].name || !q->v[i].name[0])
			return tsql_fail(&s->error, 1038);
		c->name = q->v[i].name;
		c->type = q->v[i];
		c->type.user_type = 0; /* a rowversion becomes binary(8) */
		c->has_null = true;
		c->nullable = q->v[i].nullable;
		if (q->v[i].identity) {
			c->identity = true;
			c->seed = c->increment = "1";
			c->nullable = false;
		}
		c->type.identity = c->type.computed = false;
	}
	return 0;
}

static int fill(
	struct session *s, const struct table *t, const struct translated *q, int64_t *ret_count)
{
	CLEANUP(buf_release) struct buf sql = BUF_INIT(SQL_MAX);

	buf_printf(&sql, "INSERT INTO %s.t%lld (", t->where, (long long)t->id);
	for (size_t i = 0; i < t->n; i++)
		buf_printf(&sql, "%sc%d", i ? ", " : "", t->v[i].id);
	buf_printf(&sql, ") %s", q->sql);
	if (sql_exec(s, buf_str(&sql)))
		return -1;
	*ret_count = sqlite3_changes64(s->db);
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].type.identity &&
			sql_execf(s,
				"UPDATE %s.sys_objects SET identity_last = (SELECT CAST(max(c%d) "
				"AS TEXT) FROM"
				" %s.t%lld) WHERE object_id = %lld",
				t->where, t->v[i].id, t->where, (long long)t->id, (long long)t->id))
			return -1;
	return 0;
}

static int select_into(struct session *s, const struct query *q)
{
	struct translator t = {.s = s, .a = &s->frame->arena};
	struct query plain = *q;
	struct translated out;
	struct table_def def = {0};
	struct table *table;
	struct database *d;
	const char *where;
	int64_t count = 0;
	int rc;

	if (catalog_database(s, &q->into, &d, &where) || tran_for_write(s, d))
		return -1;
	if (statement_begin(s))
		return -1;
	plain.into = (struct name){0};
	rc = tr_query(&t, &plain, &out) || definition_of(s, &out, &def) ||
	     table_create(s, &q->into, &def, &table, t.a) || fill(s, table, &out, &count);
	if (statement_end(s, rc == 0))
		return -1;
	s->rowcount = count;
	return out_done(s, 0xC1, true, (uint64_t)count, false);
}

int exec_select(struct session *s, struct stmt *st)
{
	struct translator t = {.s = s, .a = &s->frame->arena};
	struct translated q;
	int64_t count = 0;

	if (st->query->n_items && st->query->items[0].var)
		return select_into_vars(s, st->query);
	if (st->query->into.part[NAME_OBJECT])
		return select_into(s, st->query);
	if (tr_query(&t, st->query, &q) || send_rows(s, &q, &count))
		return -1;
	s->rowcount = count;
	return out_done(s, 0xC1, true, (uint64_t)count, false);
}
