/* FROM: tables, views, derived tables, joins. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "tests/tdsd/engine_cdc.h"
#include "tests/tdsd/engine_security.h"
#include "tests/tdsd/engine_storage.h"
#include "tests/tdsd/engine_translate.h"
#include "tests/tdsd/tsql_parse.h"

struct relation *scope_add(struct translator *t)
{
	struct scope *s = t->scope;
	struct relation *r;

	s->v = arena_grow(t->a, s->v, s->n, &s->cap, sizeof(*s->v));
	r = &s->v[s->n++];
	*r = (struct relation){.sql_alias = arena_printf(t->a, "a%d", ++t->next_alias)};
	return r;
}

static int same_name_twice(struct translator *t, const struct relation *r)
{
	for (size_t i = 0; r->alias && i + 1 < t->scope->n; i++) {
		const struct relation *other = &t->scope->v[i];

		if (other->alias && !other->hidden && strcasecmp(other->alias, r->alias) == 0 &&
			(!r->table || !other->table || (r->table->id == other->table->id)))
			return tsql_fail(&t->s->error, 1011, r->alias);
	}
	return 0;
}

int tr_table_relation(
	struct translator *t, struct table *table, const struct from *f, const char **ret_sql)
{
	struct relation *r = scope_add(t);

	r->table = table;
	r->from = f;
	r->alias = f->alias ? f->alias : table->name;
	r->n = table->n;
	r->v = arena_array(t->a, table->n + 1, sizeof(*r->v));
	for (size_t i = 0; i < table->n; i++) {
		r->v[i].name = table->v[i].name;
		r->v[i].type = table->v[i].type;
		r->v[i].hidden = table->v[i].hidden;
		r->v[i].sql = t->bare_columns
				      ? arena_printf(t->a, "c%d", table->v[i].id)
				      : arena_printf(t->a, "%s.c%d", r->sql_alias, table->v[i].id);
	}
	if (!t->bare_columns && !t->schema_only && mask_columns(t, table, r))
		return -1;
	*ret_sql = arena_printf(
		t->a, "%s.t%lld AS %s", table->where, (long long)table->id, r->sql_alias);
	return same_name_twice(t, r);
}

/* A query's columns c1 … under an alias. */
static int query_relation(struct translator *t, const struct translated *q, const char *alias,
	const char **columns, size_t n_columns, const char **ret_sql)
{
	struct relation *r = scope_add(t);

	r->alias = alias;
	r->n = q->n;
	r->v = arena_array(t->a, q->n + 1, sizeof(*r->v));
	if (n_columns && n_columns != q->n)
		return tsql_fail(&t->s->error, n_columns < q->n ? 8158 : 8159, alias ? alias : "");
	for (size_t i = 0; i < q->n; i++) {
		r->v[i].name = n_columns ? columns[i] : q->v[i].name;
		if (!r->v[i].name[0])
			return tsql_fail(&t->s->error, 8155, tsql_number((int64_t)i + 1),
				alias ? alias : "");
		r->v[i].type = q->v[i];
		r->v[i].type.identity = r->v[i].type.computed = false;
		r->v[i].sql = arena_printf(t->a, "%s.r%zu", r->sql_alias, i + 1);
	}
	*ret_sql = arena_printf(t->a, "(%s) AS %s", q->sql, r->sql_alias);
	return same_name_twice(t, r);
}

/* The scopes around are not seen by a derived table. */
static int isolated_query(struct translator *t, const struct query *q, struct translated *ret)
{
	struct translator inner = *t;
	struct scope outer = {.outer = NULL};
	int rc;

	inner.scope = t->scope->outer ? t->scope->outer : &outer;
	rc = tr_query(&inner, q, ret);
	t->next_alias = inner.next_alias;
	return rc;
}

static int tr_cte(
	struct translator *t, struct cte_entry *entry, const struct from *f, const char **ret_sql)
{
	struct translator inner = *t;
	struct scope outer = {.outer = NULL};
	struct translated q;

	inner.scope = &outer;
	inner.ctes = entry->next; /* not itself: recursion is another thing */
	if (tr_query(&inner, entry->cte->query, &q))
		return -1;
	t->next_alias = inner.next_alias;
	return query_relation(t, &q, f->alias ? f->alias : entry->cte->name, entry->cte->columns,
		entry->cte->n_columns, ret_sql);
}

static int tr_view(
	struct translator *t, struct table *view, const struct from *f, const char **ret_sql)
{
	struct stmt *block;
	struct translated q;
	struct translator inner = *t;
	struct scope outer = {.outer = NULL};
	struct database *current = t->s->current;
	const char **names = arena_array(t->a, view->n + 1, sizeof(*names));
	int rc;

	if (++inner.depth > 100)
		return tsql_fail(&t->s->error, 8623);
	if (tsql_parse(view->view, strlen(view->view), true, t->a, &block, &t->s->error))
		return -1;
	inner.scope = &outer;
	inner.ctes = NULL;
	t->s->current = view->database;
	t->s->chained++;
	rc = tr_query(&inner, block->v[0]->query, &q);
	t->s->chained--;
	t->s->current = current;
	t->next_alias = inner.next_alias;
	for (size_t i = 0; i < view->n; i++)
		names[i] = view->v[i].name;
	return rc ? -1
		  : query_relation(
			    t, &q, f->alias ? f->alias : view->name, names, view->n, ret_sql);
}

static struct cte_entry *find_cte(struct translator *t, const struct name *name)
{
	if (name->part[NAME_SCHEMA])
		return NULL;
	for (struct cte_entry *e = t->ctes; e; e = e->next)
		if (strcasecmp(e->cte->name, name->part[NAME_OBJECT]) == 0)
			return e;
	return NULL;
}

/* inserted and deleted, in a trigger */
static struct table *trigger_table(const struct translator *t, const struct name *name)
{
	const struct frame *f = t->s->frame;

	if (!f || !f->inserted || name->part[NAME_SCHEMA])
		return NULL;
	if (strcasecmp(name->part[NAME_OBJECT], "inserted") == 0)
		return f->inserted;
	return strcasecmp(name->part[NAME_OBJECT], "deleted") == 0 ? f->deleted : NULL;
}

static int tr_table(struct translator *t, const struct from *f, const char **ret_sql)
{
	struct cte_entry *cte = find_cte(t, &f->name);
	struct table *table;
	int rc;

	if (cte)
		return tr_cte(t, cte, f, ret_sql);
	table = trigger_table(t, &f->name);
	if (table)
		return tr_table_relation(t, table, f, ret_sql);
	rc = tr_system_view(t, f, ret_sql);
	if (rc)
		return rc < 0 ? -1 : 0;
	if (catalog_get(t->s, &f->name, t->a, &table))
		return fail_at(t, f->line, -1);
	if (!t->schema_only && permit_table(t->s, table, "SELECT", NULL, 0))
		return -1;
	if (!t->schema_only && table->database && tran_for_read(t->s, table->database, f->hints))
		return -1;
	if (table->view)
		return tr_view(t, table, f, ret_sql);
	return tr_table_relation(t, table, f, ret_sql);
}

static int tr_table_var(struct translator *t, const struct from *f, const char **ret_sql)
{
	const struct variable *v = frame_find(t->s->frame, f->name.part[NAME_OBJECT]);

	if (!v || !v->table)
		return fail_at(
			t, f->line, tsql_fail(&t->s->error, 1087, f->name.part[NAME_OBJECT]));
	return tr_table_relation(t, v->table, f, ret_sql);
}

static int tr_join(struct translator *t, const struct from *f, const char **ret_sql)
{
	static const char *const words[] = {[JOIN_INNER] = "JOIN",
		[JOIN_LEFT] = "LEFT JOIN",
		[JOIN_RIGHT] = "RIGHT JOIN",
		[JOIN_FULL] = "FULL JOIN",
		[JOIN_CROSS] = "JOIN",
		[JOIN_APPLY] = "JOIN",
		[JOIN_OUTER_APPLY] = "LEFT JOIN"};
	const char *left, *right, *on;
	size_t first = t->scope->n, middle;

	if (tr_from(t, f->left, &left))
		return -1;
	middle = t->scope->n;
	if (f->join >= JOIN_APPLY && f->right->kind != FROM_CALL)
		return tsql_unsupported(&t->s->error, "APPLY of anything but a function");
	if (tr_from(t, f->right, &right))
		return -1;
	/* what an outer join fills with nulls may be null */
	for (size_t i = first; i < t->scope->n; i++) {
		bool outer = i < middle ? f->join == JOIN_RIGHT || f->join == JOIN_FULL
					: f->join == JOIN_LEFT || f->join == JOIN_FULL ||
						  f->join == JOIN_OUTER_APPLY;

		for (size_t j = 0; outer && j < t->scope->v[i].n; j++)
			t->scope->v[i].v[j].type.nullable = true;
	}
	if (f->right->kind == FROM_JOIN)
		right = arena_printf(t->a, "(%s)", right);
	if (!f->on) {
		*ret_sql = arena_printf(t->a, "%s %s %s%s", left, words[f->join], right,
			f->join == JOIN_OUTER_APPLY ? " ON 1" : "");
		return 0;
	}
	if (tr_condition(t, f->on, &on))
		return -1;
	*ret_sql = arena_printf(t->a, "%s %s %s ON %s", left, words[f->join], right, on);
	return 0;
}

int tr_from(struct translator *t, const struct from *f, const char **ret)
{
	struct translated q;

	switch (f->kind) {
	case FROM_TABLE:
		return tr_table(t, f, ret);
	case FROM_VAR:
		return tr_table_var(t, f, ret);
	case FROM_JOIN:
		return tr_join(t, f, ret);
	case FROM_CALL:
		return f->name.part[NAME_OBJECT] ? tr_change_table(t, f, ret)
						 : tr_open_json(t, f, ret);
	case FROM_QUERY:
		if (isolated_query(t, f->query, &q))
			return -1;
		return query_relation(t, &q, f->alias, f->columns, f->n_columns, ret);
	}
	return -1;
}

/* --- functions that give rows --- */

static int json_rows(struct translator *t, const struct from *f, const char *json, const char *path,
	const char **ret_sql)
{
	static const char *const names[] = {"key", "value", "type"};
	struct relation *r = scope_add(t);

	r->alias = f->alias ? f->alias : "openjson";
	r->n = ARRAY_LEN(names);
	r->v = arena_array(t->a, r->n, sizeof(*r->v));
	for (size_t i = 0; i < r->n; i++) {
		r->v[i].name = names[i];
		r->v[i].type =
			i == 2 ? engine_int_type(1) : engine_text_type(true, i ? UINT32_MAX : 4000);
		if (i < 2)
			(void)engine_collation_parse("Latin1_General_BIN2", r->v[i].type.collation);
	}
	r->v[0].sql = arena_printf(t->a, "CAST(%s.key AS TEXT)", r->sql_alias);
	r->v[1].sql =
		arena_printf(t->a, "t_json_text(%s.type, %s.value)", r->sql_alias, r->sql_alias);
	r->v[2].sql = arena_printf(t->a,
		"CASE %s.type WHEN 'null' THEN 0 WHEN 'text' THEN 1 WHEN 'integer' THEN 2 WHEN "
		"'real' THEN 2"
		" WHEN 'true' THEN 3 WHEN 'false' THEN 3 WHEN 'array' THEN 4 ELSE 5 END",
		r->sql_alias);
	*ret_sql = arena_printf(t->a, "json_each(%s, %s) AS %s", json, path, r->sql_alias);
	return 0;
}

/* OPENJSON … WITH (name type 'path', …) */
static int json_columns(struct translator *t, const struct from *f, const char *json,
	const char *path, const char **ret_sql)
{
	struct relation *r = scope_add(t);

	r->alias = f->alias ? f->alias : "openjson";
	r->n = f->n_with;
	r->v = arena_array(t->a, r->n, sizeof(*r->v));
	for (size_t i = 0; i < r->n; i++) {
		const struct column_def *c = &f->with[i];
		const char *at = c->path ? c->path : arena_printf(t->a, "$.\"%s\"", c->name);
		struct term v = {.type = engine_text_type(true, UINT32_MAX)};

		if (strncmp(at, "lax ", 4) == 0)
			at += 4;
		v.sql = arena_printf(t->a, "t_json_at(%s.type, %s.value, %s, %d)", r->sql_alias,
			r->sql_alias, sql_quote(t->a, at), c->as_json);
		r->v[i].name = c->name;
		r->v[i].type = c->type;
		if (tr_cast(t, &v, &c->type, -1, CAST_EXPLICIT, &r->v[i].sql))
			return -1;
	}
	/* an object is one row, an array as many as it has */
	*ret_sql = arena_printf(t->a,
		"json_each(CASE json_type(%s, %s) WHEN 'object' THEN json_array(json_extract(%s, "
		"%s)) ELSE json_extract(%s, %s) END) AS %s",
		json, path, json, path, json, path, r->sql_alias);
	return 0;
}

static int split_rows(
	struct translator *t, const struct from *f, const struct term *text, const char **ret_sql)
{
	struct relation *r = scope_add(t);
	struct term mark;

	if (f->call->n < 2 || tr_value(t, f->call->v[1], &mark))
		return tsql_fail(&t->s->error, 174, "string_split", "2");
	r->alias = f->alias ? f->alias : "string_split";
	r->n = 1;
	r->v = arena_array(t->a, 1, sizeof(*r->v));
	r->v[0].name = "value";
	r->v[0].type = text->type;
	r->v[0].sql = arena_printf(t->a, "%s.value", r->sql_alias);
	*ret_sql = arena_printf(
		t->a, "json_each(t_split(%s, %s)) AS %s", text->sql, mark.sql, r->sql_alias);
	return 0;
}

int tr_open_json(struct translator *t, const struct from *f, const char **ret_sql)
{
	const struct expr *call = f->call;
	struct term json, path = {.sql = "'$'"};
	int captured = tr_captured(t, f, ret_sql);

	if (captured)
		return captured < 0 ? -1 : 0;
	if (strcasecmp(call->text, "dm_exec_describe_first_result_set") == 0)
		return tr_describe(t, f, ret_sql);
	if (call->n == 0 || tr_value(t, call->v[0], &json))
		return call->n ? -1 : tsql_fail(&t->s->error, 208, call->text);
	if (strcasecmp(call->text, "string_split") == 0)
		return split_rows(t, f, &json, ret_sql);
	if (strcasecmp(call->text, "openjson") != 0)
		return fail_at(t, f->line, tsql_fail(&t->s->error, 208, call->text));
	if (call->n > 1 && tr_value(t, call->v[1], &path))
		return -1;
	json.sql = arena_printf(t->a, "t_json(%s)", json.sql);
	return f->n_with ? json_columns(t, f, json.sql, path.sql, ret_sql)
			 : json_rows(t, f, json.sql, path.sql, ret_sql);
}
