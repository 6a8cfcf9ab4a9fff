/* SELECT into SQLite's. */
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <strings.h>

#include "tests/tdsd/engine_translate.h"

/* --- the select list --- */

static void add_term(
	struct translator *t, struct term **list, size_t *n, size_t *cap, const struct term *v)
{
	*list = arena_grow(t->a, *list, *n, cap, sizeof(**list));
	(*list)[(*n)++] = *v;
}

/* *, t.* */
static int expand_star(
	struct translator *t, const struct expr *e, struct term **list, size_t *n, size_t *cap)
{
	bool found = false;

	for (size_t i = 0; t->scope && i < t->scope->n; i++) {
		const struct relation *r = &t->scope->v[i];
		const char *table = e->name.part[NAME_OBJECT];

		if (table ? !r->alias || strcasecmp(r->alias, table) != 0 : r->hidden)
			continue;
		found = true;
		for (size_t j = 0; j < r->n; j++) {
			struct term v = {
				.sql = r->v[j].sql, .type = r->v[j].type, .name = r->v[j].name};

			if (!r->v[j].hidden)
				add_term(t, list, n, cap, &v);
		}
	}
	if (!found)
		return fail_at(t, e->line,
			tsql_fail(&t->s->error, e->name.part[NAME_OBJECT] ? 107 : 263,
				e->name.part[NAME_OBJECT] ? e->name.part[NAME_OBJECT] : ""));
	return 0;
}

int tr_items(struct translator *t, const struct select_item *items, size_t n, struct term **ret,
	size_t *ret_n)
{
	size_t cap = 0;

	*ret = NULL;
	*ret_n = 0;
	for (size_t i = 0; i < n; i++) {
		struct term v;

		if (items[i].e->kind == EX_STAR) {
			if (expand_star(t, items[i].e, ret, ret_n, &cap))
				return -1;
			continue;
		}
		if (tr_value(t, items[i].e, &v))
			return -1;
		if (items[i].alias)
			v.name = items[i].alias;
		add_term(t, ret, ret_n, &cap, &v);
	}
	return 0;
}

/* --- grouping --- */

static bool has_aggregate(const struct expr *e)
{
	static const char *const names[] = {"count", "count_big", "sum", "avg", "min", "max",
		"string_agg", "stdev", "stdevp", "var", "varp", "checksum_agg"};

	if (!e)
		return false;
	if (e->kind == EX_CALL && (!e->over || strcasecmp(e->text, "string_agg") == 0))
		for (size_t i = 0; i < ARRAY_LEN(names); i++)
			if (strcasecmp(names[i], e->text) == 0)
				return true;
	for (size_t i = 0; i < e->n; i++)
		if (has_aggregate(e->v[i]))
			return true;
	return false;
}

static bool is_grouped(const struct query *q)
{
	if (q->n_group || q->having)
		return true;
	for (size_t i = 0; i < q->n_items; i++)
		if (has_aggregate(q->items[i].e))
			return true;
	return false;
}

static int tr_group(struct translator *t, const struct query *q, struct buf *sql)
{
	t->group_sql = arena_array(t->a, q->n_group + 1, sizeof(*t->group_sql));
	for (size_t i = 0; i < q->n_group; i++) {
		struct term v;

		if (tr_value(t, q->group[i], &v))
			return -1;
		t->group_has_expressions |= q->group[i]->kind != EX_COLUMN;
		t->group_sql[t->n_group++] = v.sql;
		buf_printf(sql, "%s%s", i ? ", " : " GROUP BY ", tr_key(t, &v));
	}
	return 0;
}

/* --- ORDER BY --- */

/* A position, an alias, or an expression over FROM. */
static int order_term(struct translator *t, const struct order_item *o, const struct term *items,
	size_t n, bool positions_only, const char **ret)
{
	struct term v = {0};

	if (o->e->kind == EX_INT) {
		size_t at = (size_t)atoll(o->e->text);

		if (at < 1 || at > n)
			return tsql_fail(&t->s->error, 108, o->e->text);
		v = items[at - 1];
		v.sql = arena_printf(t->a, "r%zu", at);
	} else if (o->e->kind == EX_COLUMN && !o->e->name.part[NAME_SCHEMA]) {
		for (size_t i = 0; i < n && !v.sql; i++) {
			if (!items[i].name ||
				strcasecmp(items[i].name, o->e->name.part[NAME_OBJECT]) != 0)
				continue;
			v = items[i];
			v.sql = arena_printf(t->a, "r%zu", i + 1);
		}
	}
	if (!v.sql) {
		if (tr_value(t, o->e, &v))
			return -1;
		for (size_t i = 0; i < n; i++)
			if (strcmp(items[i].sql, v.sql) == 0 && positions_only)
				v.sql = arena_printf(t->a, "r%zu", i + 1);
		if (positions_only && v.sql[0] != 'r')
			return tsql_fail(&t->s->error, 145);
	}
	*ret = arena_printf(t->a, "%s%s", tr_key(t, &v), o->descending ? " DESC" : "");
	return 0;
}

static int tr_order(struct translator *t, const struct query *q, const struct term *items, size_t n,
	bool positions_only, struct buf *sql)
{
	for (size_t i = 0; i < q->n_order; i++) {
		const char *key = "";

		if (order_term(t, &q->order[i], items, n, positions_only, &key))
			return -1;
		buf_printf(sql, "%s%s", i ? ", " : " ORDER BY ", key);
	}
	return 0;
}

/* TOP, OFFSET … FETCH: numbers that are known now. */
static int tr_limit(struct translator *t, const struct query *q, struct buf *sql)
{
	struct term v;
	struct tds_column bigint = engine_int_type(8);
	const char *limit = "-1", *offset;

	if (q->top_percent || q->top_ties)
		return tsql_unsupported(&t->s->error, "TOP with PERCENT or TIES");
	if (!q->top && !q->offset)
		return 0;
	if (q->top || q->fetch) {
		if (tr_value(t, q->top ? q->top : q->fetch, &v) ||
			tr_cast(t, &v, &bigint, -1, CAST_EXPLICIT, &limit))
			return -1;
		limit = arena_printf(t->a, "max(0, %s)", limit);
	}
	buf_printf(sql, " LIMIT %s", limit);
	if (q->offset) {
		if (tr_value(t, q->offset, &v) ||
			tr_cast(t, &v, &bigint, -1, CAST_EXPLICIT, &offset))
			return -1;
		buf_printf(sql, " OFFSET %s", offset);
	}
	return 0;
}

/* --- the parts --- */

static void set_columns(
	struct translator *t, const struct term *items, size_t n, struct translated *ret)
{
	ret->v = arena_array(t->a, n + 1, sizeof(*ret->v));
	ret->n = n;
	for (size_t i = 0; i < n; i++) {
		ret->v[i] = items[i].type;
		ret->v[i].name = items[i].name ? items[i].name : "";
		if (items[i].is_null)
			ret->v[i].nullable = true;
	}
}

static bool is_one(const struct expr *e)
{
	return e && e->kind == EX_INT && strcmp(e->text, "1") == 0;
}

static int select_body(
	struct translator *t, const struct query *q, struct buf *sql, struct translated *ret)
{
	CLEANUP(buf_release) struct buf from = BUF_INIT(SQL_MAX), group = BUF_INIT(SQL_MAX);
	struct term *items;
	size_t n;
	const char *text;
	bool grouped = is_grouped(q);

	if (q->from) {
		if (tr_from(t, q->from, &text))
			return -1;
		buf_printf(&from, " FROM %s", text);
	}
	if (q->where) {
		if (tr_condition(t, q->where, &text))
			return -1;
		buf_printf(&from, " WHERE %s", text);
	}
	if (tr_group(t, q, &group))
		return -1;
	t->grouping = grouped;
	if (tr_items(t, q->items, q->n_items, &items, &n))
		return -1;
	if (q->having) {
		if (tr_condition(t, q->having, &text))
			return -1;
		buf_printf(&group, "%s HAVING %s", q->n_group ? "" : "", text);
	}
	buf_printf(sql, "SELECT %s", q->distinct ? "DISTINCT " : "");
	for (size_t i = 0; i < n; i++)
		buf_printf(sql, "%s%s%s AS r%zu", i ? ", " : "", items[i].sql,
			tr_collate(&items[i].type), i + 1);
	buf_printf(sql, "%s%s", buf_str(&from), buf_str(&group));
	if (tr_order(t, q, items, n, q->distinct, sql) || tr_limit(t, q, sql))
		return -1;
	set_columns(t, items, n, ret);
	ret->single = (grouped && q->n_group == 0) || (!q->from && !q->where) || is_one(q->top);
	return 0;
}

static int values_body(
	struct translator *t, const struct query *q, struct buf *sql, struct translated *ret)
{
	struct term **rows = arena_array(t->a, q->n_rows, sizeof(*rows)), *items;

	for (size_t r = 0; r < q->n_rows; r++) {
		rows[r] = arena_array(t->a, q->n_values, sizeof(**rows));
		for (size_t i = 0; i < q->n_values; i++)
			if (tr_value(t, q->rows[r][i], &rows[r][i]))
				return -1;
	}
	items = arena_array(t->a, q->n_values, sizeof(*items));
	for (size_t i = 0; i < q->n_values; i++) {
		struct term *column = arena_array(t->a, q->n_rows, sizeof(*column));

		for (size_t r = 0; r < q->n_rows; r++)
			column[r] = rows[r][i];
		if (tr_unify(t, column, q->n_rows, &items[i].type))
			return -1;
		for (size_t r = 0; r < q->n_rows; r++)
			rows[r][i] = column[r];
	}
	buf_adds(sql, "SELECT ");
	for (size_t i = 0; i < q->n_values; i++)
		buf_printf(sql, "%scolumn%zu AS r%zu", i ? ", " : "", i + 1, i + 1);
	buf_adds(sql, " FROM (VALUES ");
	for (size_t r = 0; r < q->n_rows; r++) {
		for (size_t i = 0; i < q->n_values; i++)
			buf_printf(sql, "%s%s", i ? ", " : r ? ", (" : "(", rows[r][i].sql);
		buf_addc(sql, ')');
	}
	buf_addc(sql, ')');
	set_columns(t, items, q->n_values, ret);
	ret->single = q->n_rows == 1;
	return 0;
}

/* One side of UNION in the common types. */
static int set_side(struct translator *t, const struct translated *side,
	const struct tds_column *types, struct buf *sql)
{
	buf_adds(sql, "SELECT ");
	for (size_t i = 0; i < side->n; i++) {
		struct term v = {.type = side->v[i]};
		const char *cast;

		v.sql = arena_printf(t->a, "r%zu", i + 1);
		if (tr_cast(t, &v, &types[i], -1, CAST_EXPLICIT, &cast))
			return -1;
		buf_printf(
			sql, "%s%s%s AS r%zu", i ? ", " : "", cast, tr_collate(&types[i]), i + 1);
	}
	buf_printf(sql, " FROM (%s)", side->sql);
	return 0;
}

static int set_body(
	struct translator *t, const struct query *q, struct buf *sql, struct translated *ret)
{
	static const char *const words[] = {[SET_UNION] = " UNION ",
		[SET_UNION_ALL] = " UNION ALL ",
		[SET_INTERSECT] = " INTERSECT ",
		[SET_EXCEPT] = " EXCEPT "};
	struct translated left, right;
	struct term *items;

	if (tr_query(t, q->left, &left) || tr_query(t, q->right, &right))
		return -1;
	if (left.n != right.n)
		return fail_at(t, q->line, tsql_fail(&t->s->error, 205));
	ret->v = arena_array(t->a, left.n + 1, sizeof(*ret->v));
	ret->n = left.n;
	items = arena_array(t->a, left.n, sizeof(*items));
	for (size_t i = 0; i < left.n; i++) {
		if (!engine_type_common(&left.v[i], &right.v[i], &ret->v[i])) {
			const char *first = arena_strdup(t->a, engine_type_name(&left.v[i]));

			return tsql_fail(&t->s->error, 206, first, engine_type_name(&right.v[i]));
		}
		ret->v[i].name = left.v[i].name;
		items[i] = (struct term){.type = ret->v[i], .name = ret->v[i].name};
		items[i].sql = arena_printf(t->a, "r%zu", i + 1);
	}
	if (set_side(t, &left, ret->v, sql))
		return -1;
	buf_adds(sql, words[q->op]);
	if (set_side(t, &right, ret->v, sql) || tr_order(t, q, items, ret->n, true, sql) ||
		tr_limit(t, q, sql))
		return -1;
	return 0;
}

/* The query within a scope of its own. */
int tr_query(struct translator *t, const struct query *q, struct translated *ret)
{
	struct translator inner = *t;
	struct scope scope = {.outer = t->scope};
	CLEANUP(buf_release) struct buf sql = BUF_INIT(SQL_MAX);
	struct translated out = {0};
	int rc;

	if (++inner.depth > 100)
		return tsql_fail(&t->s->error, 8623);
	inner.scope = &scope;
	inner.grouping = false;
	inner.n_group = 0;
	inner.group_has_expressions = false;
	inner.in_aggregate = 0;
	inner.bare_columns = false;
	for (size_t i = 0; i < q->n_ctes; i++) {
		struct cte_entry *entry = arena_alloc(t->a, sizeof(*entry));

		entry->cte = &q->ctes[i];
		entry->next = inner.ctes;
		inner.ctes = entry;
	}
	rc = q->op     ? set_body(&inner, q, &sql, &out)
	     : q->rows ? values_body(&inner, q, &sql, &out)
		       : select_body(&inner, q, &sql, &out);
	t->next_alias = inner.next_alias;
	if (rc)
		return -1;
	out.sql = arena_buf(t->a, &sql);
	*ret = out;
	return 0;
}
