/* Expressions and conditions into SQLite's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/tdsd/engine_translate.h"

#define TRANSLATE_DEPTH_MAX 300

int fail_at(struct translator *t, int line, int rc)
{
	if (line)
		t->s->error.line = line;
	return rc;
}

/* --- names --- */

static const char *column_text(const struct name *n, struct arena *a)
{
	const char *out = n->part[NAME_OBJECT];

	for (int i = NAME_SCHEMA; i >= 0; i--)
		if (n->part[i])
			out = arena_printf(a, "%s.%s", n->part[i], out);
	return out;
}

/* Does table[.schema[.database]] of a column's name mean the relation? */
static bool relation_is(const struct relation *r, const struct name *column)
{
	const char *table = column->part[NAME_SCHEMA], *schema = column->part[NAME_DATABASE];

	if (!table)
		return !r->hidden;
	if (!schema)
		return r->alias && strcasecmp(r->alias, table) == 0;
	return r->table && strcasecmp(r->table->name, table) == 0 &&
	       strcasecmp(r->table->schema, schema) == 0;
}

static int find_in_scope(
	struct translator *t, const struct scope *s, const struct name *name, struct term *ret)
{
	int found = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct relation *r = &s->v[i];

		if (!relation_is(r, name))
			continue;
		for (size_t j = 0; j < r->n; j++) {
			if (strcasecmp(r->v[j].name, name->part[NAME_OBJECT]) != 0)
				continue;
			if (found++)
				return tsql_fail(&t->s->error, 209, name->part[NAME_OBJECT]);
			ret->sql = r->v[j].sql;
			ret->type = r->v[j].type;
			ret->implicit = true;
			ret->name = r->v[j].name;
		}
	}
	return found;
}

static bool scope_has(const struct scope *s, const struct name *name)
{
	for (; s; s = s->outer)
		for (size_t i = 0; i < s->n; i++)
			if (relation_is(&s->v[i], name))
				return true;
	return false;
}

static bool in_group(const struct translator *t, const char *sql)
{
	for (size_t i = 0; i < t->n_group; i++)
		if (strcmp(t->group_sql[i], sql) == 0)
			return true;
	return false;
}

int tr_column(struct translator *t, const struct expr *e, struct term *ret)
{
	for (const struct scope *s = t->scope; s; s = s->outer) {
		int rc = find_in_scope(t, s, &e->name, ret);

		if (rc < 0)
			return fail_at(t, e->line, -1);
		if (rc == 0)
			continue;
		if (s == t->scope && t->grouping && !t->in_aggregate && !in_group(t, ret->sql))
			return fail_at(t, e->line,
				tsql_fail(&t->s->error, 8120, column_text(&e->name, t->a)));
		return 0;
	}
	if (e->name.part[NAME_SCHEMA] && !scope_has(t->scope, &e->name))
		return fail_at(
			t, e->line, tsql_fail(&t->s->error, 4104, column_text(&e->name, t->a)));
	return fail_at(t, e->line, tsql_fail(&t->s->error, 207, e->name.part[NAME_OBJECT]));
}

static int tr_var(struct translator *t, const struct expr *e, struct term *ret)
{
	const struct variable *v = frame_find(t->s->frame, e->text);

	if (!v || v->table)
		return fail_at(t, e->line, tsql_fail(&t->s->error, 137, e->text));
	ret->type = v->type;
	ret->type.nullable = true;
	ret->type.name = NULL;
	ret->sql = t->live_vars ? arena_printf(t->a, "t_var(%s)", sql_quote(t->a, v->name))
				: cell_literal(&v->value, t->a);
	return 0;
}

/* --- shapes --- */

static int tr_unary(struct translator *t, const struct expr *e, struct term *ret)
{
	struct term v;
	char code[TYPE_CODE_MAX];

	if (tr_value(t, e->v[0], &v))
		return -1;
	*ret = v;
	ret->name = NULL;
	if (e->text[0] == '+')
		return 0;
	if (e->text[0] == '~') {
		if (engine_type_class(&v.type) != TC_INT)
			return tsql_fail(&t->s->error, 8117, engine_type_name(&v.type), "'~'");
		ret->sql = v.type.type == TDS_BITN ? arena_printf(t->a, "(1 - %s)", v.sql)
			   : v.type.size == 1      ? arena_printf(t->a, "(255 - %s)", v.sql)
						   : arena_printf(t->a, "(~%s)", v.sql);
		return 0;
	}
	if (e->v[0]->kind == EX_INT && v.digits) {
		ret->sql = arena_printf(t->a, "(-%s)", v.sql);
		return 0;
	}
	if (engine_type_class(&v.type) == TC_INT && v.type.size < 4 && v.type.type == TDS_INTN &&
		v.type.size == 1)
		ret->type = engine_int_type(2); /* tinyint has no negatives */
	ret->type.nullable = v.type.nullable;
	ret->sql =
		arena_printf(t->a, "t_negate(%s,'%s')", v.sql, engine_type_code(&ret->type, code));
	return 0;
}

/* The type of several values that one of is the result; *terms are cast to it. */
int tr_unify(struct translator *t, struct term *terms, size_t n, struct tds_column *ret)
{
	struct tds_column type = {0};
	bool have = false, nullable = false;

	for (size_t i = 0; i < n; i++) {
		nullable |= terms[i].type.nullable || terms[i].is_null;
		if (terms[i].is_null)
			continue;
		if (have && !engine_type_common(&type, &terms[i].type, &type)) {
			const char *first = arena_strdup(t->a, engine_type_name(&terms[i].type));

			return tsql_fail(&t->s->error, 206, first,
				arena_strdup(t->a, engine_type_name(&type)));
		}
		if (!have)
			type = terms[i].type;
		have = true;
	}
	if (!have)
		type = engine_int_type(4);
	type.nullable = nullable;
	type.name = NULL;
	type.identity = type.computed = false;
	type.user_type = 0;
	for (size_t i = 0; i < n; i++)
		if (tr_cast(t, &terms[i], &type, -1, CAST_EXPLICIT, &terms[i].sql))
			return -1;
	*ret = type;
	return 0;
}

static int case_when(struct translator *t, const struct expr *e, const struct term *operand,
	size_t i, const char **ret)
{
	struct term when;

	if (!e->has_operand)
		return tr_condition(t, e->v[i], ret);
	if (tr_value(t, e->v[i], &when))
		return -1;
	return tr_compare(t, "=", operand, &when, ret);
}

static int tr_case(struct translator *t, const struct expr *e, struct term *ret)
{
	size_t first = e->has_operand, pairs = (e->n - first - e->has_else) / 2;
	struct term operand = {0}, *results = arena_array(t->a, pairs + 1, sizeof(*results));
	const char **whens = arena_array(t->a, pairs, sizeof(*whens));
	CLEANUP(buf_release) struct buf sql = BUF_INIT(SQL_MAX);

	if (first && tr_value(t, e->v[0], &operand))
		return -1;
	for (size_t i = 0; i < pairs; i++) {
		if (case_when(t, e, &operand, first + 2 * i, &whens[i]) ||
			tr_value(t, e->v[first + 2 * i + 1], &results[i]))
			return -1;
		ret->aggregate |= results[i].aggregate;
	}
	results[pairs] = (struct term){.sql = "NULL", .is_null = true, .type = engine_int_type(4)};
	if (e->has_else && tr_value(t, e->v[e->n - 1], &results[pairs]))
		return -1;
	if (tr_unify(t, results, pairs + 1, &ret->type))
		return -1;
	buf_adds(&sql, "CASE");
	for (size_t i = 0; i < pairs; i++)
		buf_printf(&sql, " WHEN %s THEN %s", whens[i], results[i].sql);
	buf_printf(&sql, " ELSE %s END", results[pairs].sql);
	ret->sql = arena_buf(t->a, &sql);
	return 0;
}

static int tr_cast_expr(struct translator *t, const struct expr *e, struct term *ret)
{
	struct term v, style_term;
	struct tds_column to = e->type;
	int style = -1;

	if (tr_value(t, e->v[0], &v))
		return -1;
	if (e->n > 1) {
		int64_t n = 0;

		if (tr_value(t, e->v[1], &style_term) || eval_int(t->s, e->v[1], 0, &n))
			return -1;
		style = (int)n;
	}
	if (engine_type_class(&v.type) == TC_TEXT && engine_type_class(&to) == TC_TEXT)
		memcpy(to.collation, v.type.collation, TDS_COLLATION_LEN);
	if (tr_cast(t, &v, &to, style, e->try_ ? CAST_TRY : CAST_EXPLICIT, &ret->sql))
		return -1;
	ret->type = to;
	ret->type.nullable = v.type.nullable || v.is_null || e->try_;
	ret->aggregate = v.aggregate;
	ret->is_null = false;
	return 0;
}

static int tr_collate_expr(struct translator *t, const struct expr *e, struct term *ret)
{
	if (tr_value(t, e->v[0], ret))
		return -1;
	if (!engine_collation_parse(e->text, ret->type.collation))
		return fail_at(t, e->line, tsql_fail(&t->s->error, 448, e->text));
	ret->collated = true;
	return 0;
}

static int tr_scalar_query(struct translator *t, const struct expr *e, struct term *ret)
{
	struct translated q;

	if (tr_query(t, e->query, &q))
		return -1;
	if (q.n != 1)
		return tsql_fail(&t->s->error, 116, "");
	ret->type = q.v[0];
	ret->type.nullable = true;
	ret->type.identity = ret->type.computed = false;
	ret->type.name = NULL;
	ret->sql = q.single ? arena_printf(t->a, "(%s)", q.sql)
			    : arena_printf(t->a, "(SELECT t_single(r1) FROM (%s))", q.sql);
	return 0;
}

/* --- conditions --- */

static int tr_in(struct translator *t, const struct expr *e, const char **ret)
{
	struct term v, one;
	struct translated q;
	CLEANUP(buf_release) struct buf sql = BUF_INIT(SQL_MAX);
	struct tds_column type;
	const char *x, *y, *collation;

	if (tr_value(t, e->v[0], &v))
		return -1;
	if (e->query) {
		if (tr_query(t, e->query, &q))
			return -1;
		if (q.n != 1)
			return tsql_fail(&t->s->error, 116, "");
		one = (struct term){.sql = "r1", .type = q.v[0]};
		if (tr_common(t, &v, &one, "", &type, &x, &y, &collation))
			return -1;
		*ret = arena_printf(t->a, "(%s%s %sIN (SELECT %s%s FROM (%s)))", x, collation,
			e->not_ ? "NOT " : "", y, collation, q.sql);
		return 0;
	}
	buf_adds(&sql, e->not_ ? "(NOT (" : "((");
	for (size_t i = 1; i < e->n; i++) {
		if (tr_value(t, e->v[i], &one) || tr_compare(t, "=", &v, &one, &x))
			return -1;
		buf_printf(&sql, "%s%s", i > 1 ? " OR " : "", x);
	}
	buf_adds(&sql, "))");
	*ret = arena_buf(t->a, &sql);
	return 0;
}

static int tr_between(struct translator *t, const struct expr *e, const char **ret)
{
	struct term v, low, high;
	const char *a, *b;

	if (tr_value(t, e->v[0], &v) || tr_value(t, e->v[1], &low) || tr_value(t, e->v[2], &high) ||
		tr_compare(t, ">=", &v, &low, &a) || tr_compare(t, "<=", &v, &high, &b))
		return -1;
	*ret = arena_printf(t->a, "(%s(%s AND %s))", e->not_ ? "NOT " : "", a, b);
	return 0;
}

static int tr_like(struct translator *t, const struct expr *e, const char **ret)
{
	struct term v, pattern, escape = {.sql = "NULL"};
	struct tds_column text = engine_text_type(true, UINT32_MAX);
	const char *a, *b;
	const struct tds_column *with;

	if (tr_value(t, e->v[0], &v) || tr_value(t, e->v[1], &pattern) ||
		(e->n > 2 && tr_value(t, e->v[2], &escape)))
		return -1;
	with = pattern.collated ? &pattern.type : &v.type;
	if (tr_cast(t, &v, &text, -1, CAST_EXPLICIT, &a) ||
		tr_cast(t, &pattern, &text, -1, CAST_EXPLICIT, &b))
		return -1;
	if (engine_type_class(with) != TC_TEXT)
		with = &text;
	*ret = arena_printf(t->a, "(%st_like(%s,%s,%s,'%s'))", e->not_ ? "NOT " : "", a, b,
		escape.sql, engine_collation_sqlite(with->collation));
	return 0;
}

static int tr_quantified(struct translator *t, const struct expr *e, const char **ret)
{
	struct term v, one;
	struct translated q;
	const char *condition;

	if (tr_value(t, e->v[0], &v) || tr_query(t, e->query, &q))
		return -1;
	one = (struct term){.sql = "r1", .type = q.v[0]};
	if (tr_compare(t, e->text, &v, &one, &condition))
		return -1;
	if (e->not_) /* ALL: none that does not */
		*ret = arena_printf(t->a,
			"(NOT EXISTS (SELECT 1 FROM (%s) WHERE (%s) IS NOT TRUE))", q.sql,
			condition);
	else
		*ret = arena_printf(
			t->a, "(EXISTS (SELECT 1 FROM (%s) WHERE %s))", q.sql, condition);
	return 0;
}

static int tr_logic(struct translator *t, const struct expr *e, const char **ret)
{
	const char *a, *b;

	if (tr_condition(t, e->v[0], &a))
		return -1;
	if (e->kind == EX_NOT) {
		*ret = arena_printf(t->a, "(NOT %s)", a);
		return 0;
	}
	if (tr_condition(t, e->v[1], &b))
		return -1;
	*ret = arena_printf(t->a, "(%s %s %s)", a, e->kind == EX_AND ? "AND" : "OR", b);
	return 0;
}

static int tr_condition_node(struct translator *t, const struct expr *e, const char **ret)
{
	struct term a, b;
	struct translated q;

	switch (e->kind) {
	case EX_AND:
	case EX_OR:
	case EX_NOT:
		return tr_logic(t, e, ret);
	case EX_COMPARE:
		if (tr_value(t, e->v[0], &a) || tr_value(t, e->v[1], &b))
			return -1;
		return fail_at(t, 0, tr_compare(t, e->text, &a, &b, ret));
	case EX_IS_NULL:
		if (tr_value(t, e->v[0], &a))
			return -1;
		*ret = arena_printf(t->a, "(%s IS %sNULL)", a.sql, e->not_ ? "NOT " : "");
		return 0;
	case EX_IN:
		return tr_in(t, e, ret);
	case EX_BETWEEN:
		return tr_between(t, e, ret);
	case EX_LIKE:
		return tr_like(t, e, ret);
	case EX_QUANTIFIED:
		return tr_quantified(t, e, ret);
	case EX_EXISTS:
		if (tr_query(t, e->query, &q))
			return -1;
		*ret = arena_printf(t->a, "(EXISTS (%s))", q.sql);
		return 0;
	default:
		return fail_at(t, e->line,
			tsql_fail(&t->s->error, 4145,
				e->text                     ? e->text
				: e->name.part[NAME_OBJECT] ? e->name.part[NAME_OBJECT]
							    : ")"));
	}
}

static bool is_condition(const struct expr *e)
{
	switch (e->kind) {
	case EX_AND:
	case EX_OR:
	case EX_NOT:
	case EX_COMPARE:
	case EX_IS_NULL:
	case EX_IN:
	case EX_BETWEEN:
	case EX_LIKE:
	case EX_QUANTIFIED:
	case EX_EXISTS:
		return true;
	default:
		return false;
	}
}

int tr_condition(struct translator *t, const struct expr *e, const char **ret)
{
	int rc;

	if (++t->depth > TRANSLATE_DEPTH_MAX)
		return tsql_fail(&t->s->error, 8623);
	rc = tr_condition_node(t, e, ret);
	t->depth--;
	return rc;
}

/* --- all of them --- */

static int tr_node(struct translator *t, const struct expr *e, struct term *ret)
{
	switch (e->kind) {
	case EX_VAR:
		return tr_var(t, e, ret);
	case EX_GLOBAL:
		return fail_at(t, e->line, tr_global(t, e->text, ret));
	case EX_COLUMN:
		return tr_column(t, e, ret);
	case EX_UNARY:
		return tr_unary(t, e, ret);
	case EX_ARITH:
		return tr_arith(t, e, ret);
	case EX_CASE:
		return tr_case(t, e, ret);
	case EX_CAST:
		return tr_cast_expr(t, e, ret);
	case EX_CALL:
		return fail_at(t, e->line, tr_call(t, e, ret));
	case EX_QUERY:
		return tr_scalar_query(t, e, ret);
	case EX_COLLATE:
		return tr_collate_expr(t, e, ret);
	case EX_STAR:
	case EX_DEFAULT:
	case EX_DATEPART:
		return fail_at(t, e->line,
			tsql_fail(&t->s->error, 102, e->kind == EX_DEFAULT ? "DEFAULT" : "*"));
	default:
		return tr_literal(t, e, ret);
	}
}

/* GROUP BY f(x) makes f(x) one of the columns. */
static bool whole_is_group(struct translator *t, const struct expr *e, struct term *ret)
{
	struct translator plain = *t;
	bool found;

	if (!t->grouping || t->in_aggregate || !t->group_has_expressions || e->kind == EX_COLUMN)
		return false;
	plain.grouping = false;
	found = tr_expr(&plain, e, ret) == 0 && in_group(t, ret->sql);
	t->next_alias = plain.next_alias;
	return found;
}

int tr_expr(struct translator *t, const struct expr *e, struct term *ret)
{
	struct term v = {0};
	int rc;

	if (is_condition(e)) {
		v.is_condition = true;
		v.type = engine_int_type(4);
		rc = tr_condition(t, e, &v.sql);
	} else {
		if (whole_is_group(t, e, ret))
			return 0;
		if (++t->depth > TRANSLATE_DEPTH_MAX)
			return tsql_fail(&t->s->error, 8623);
		rc = tr_node(t, e, &v);
		t->depth--;
	}
	if (rc == 0)
		*ret = v;
	return rc;
}

int tr_value(struct translator *t, const struct expr *e, struct term *ret)
{
	if (tr_expr(t, e, ret))
		return -1;
	if (ret->is_condition)
		return fail_at(t, e->line, tsql_fail(&t->s->error, 102, e->text ? e->text : "="));
	return 0;
}
