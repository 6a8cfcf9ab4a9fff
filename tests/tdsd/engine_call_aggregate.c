/* Aggregates, windows and ranks. */
#include <string.h>
#include <strings.h>

#include "tests/tdsd/engine_call.h"
#include "tests/tdsd/engine_counted.h"

int tr_window(struct translator *t, const struct window *w, const char **ret)
{
	CLEANUP(buf_release) struct buf sql = BUF_INIT(SQL_MAX);
	struct term v;

	buf_adds(&sql, " OVER (");
	for (size_t i = 0; i < w->n_partition; i++) {
		if (tr_value(t, w->partition[i], &v))
			return -1;
		buf_printf(&sql, "%s%s", i ? ", " : "PARTITION BY ", tr_key(t, &v));
	}
	for (size_t i = 0; i < w->n_order; i++) {
		/* ORDER BY (SELECT NULL) is no order */
		if (w->order[i].e->kind == EX_QUERY)
			break;
		if (tr_value(t, w->order[i].e, &v))
			return -1;
		buf_printf(&sql, "%s%s%s", i ? ", " : " ORDER BY ", tr_key(t, &v),
			w->order[i].descending ? " DESC" : "");
	}
	if (w->frame)
		buf_printf(&sql, " %s", w->frame);
	buf_addc(&sql, ')');
	*ret = arena_buf(t->a, &sql);
	return 0;
}

static struct tds_column sum_type(const struct tds_column *of, bool avg)
{
	switch (engine_type_class(of)) {
	case TC_INT:
		return engine_int_type(of->size == 8 ? 8 : 4);
	case TC_DECIMAL:
		return engine_decimal_type(38, avg && of->scale < 6 ? 6 : of->scale);
	case TC_MONEY: {
		struct tds_column money = {.type = TDS_MONEYN, .size = 8, .nullable = true};

		tds_type_complete(&money);
		return money;
	}
	default:
		return engine_float_type();
	}
}

static int call_count(
	struct translator *t, const struct expr *e, const char *over, struct term *ret)
{
	struct term v = {.sql = "*"};
	bool star = e->n == 0 || e->v[0]->kind == EX_STAR;

	if (!star && tr_value(t, e->v[0], &v))
		return -1;
	ret->type = engine_int_type(strcasecmp(e->text, "count_big") == 0 ? 8 : 4);
	ret->type.nullable = false;
	if (star && !*over && t->scope && t->scope->n == 1 && t->scope->v[0].table &&
		counted_is(t->scope->v[0].table)) {
		ret->sql = arena_printf(t->a, "(count(*) + t_rows('%s', %lld))",
			t->scope->v[0].table->where, (long long)t->scope->v[0].table->id);
		return 0;
	}
	ret->sql = arena_printf(t->a, "count(%s%s)%s", e->distinct ? "DISTINCT " : "",
		star ? "*" : tr_key(t, &v), over);
	return 0;
}

static int call_string_agg(struct translator *t, const struct expr *e, struct term *ret)
{
	struct term *v, order;
	CLEANUP(buf_release) struct buf sql = BUF_INIT(SQL_MAX);

	if (e->n != 2)
		return call_wrong_count(t, "string_agg", 2);
	if (call_args(t, e, &v) || call_cast_arg(t, &v[0], 'T') || call_cast_arg(t, &v[1], 'T'))
		return -1;
	ret->type = v[0].type;
	ret->type.nullable = true;
	if (ret->type.size != TDS_SIZE_MAX)
		ret->type = engine_text_type(tds_type_is_utf16(v[0].type.type),
			tds_type_is_utf16(v[0].type.type) ? 4000 : 8000);
	buf_printf(&sql, "group_concat(%s, %s", v[0].sql, v[1].sql);
	for (size_t i = 0; e->over && i < e->over->n_order; i++) {
		if (tr_value(t, e->over->order[i].e, &order))
			return -1;
		buf_printf(&sql, "%s%s%s", i ? ", " : " ORDER BY ", tr_key(t, &order),
			e->over->order[i].descending ? " DESC" : "");
	}
	buf_addc(&sql, ')');
	ret->sql = arena_buf(t->a, &sql);
	return 0;
}

static int call_aggregate(struct translator *t, const struct expr *e, struct term *ret)
{
	struct term v;
	const char *over = "";
	char code[TYPE_CODE_MAX], to[TYPE_CODE_MAX];
	bool minmax = strcasecmp(e->text, "min") == 0 || strcasecmp(e->text, "max") == 0;
	bool avg = strcasecmp(e->text, "avg") == 0;

	if (strcasecmp(e->text, "string_agg") == 0)
		return call_string_agg(t, e, ret);
	if (e->over && tr_window(t, e->over, &over))
		return -1;
	if (strncasecmp(e->text, "count", 5) == 0)
		return call_count(t, e, over, ret);
	if (e->n != 1)
		return call_wrong_count(t, e->text, 1);
	if (tr_value(t, e->v[0], &v))
		return -1;
	if (minmax) {
		ret->type = v.type;
		ret->type.nullable = true;
		ret->type.identity = ret->type.computed = false;
		ret->sql =
			arena_printf(t->a, "%s(%s%s)%s", e->text, v.sql, tr_collate(&v.type), over);
		return 0;
	}
	if (engine_type_class(&v.type) > TC_FLOAT || v.type.type == TDS_BITN)
		return tsql_fail(&t->s->error, 8117, arena_strdup(t->a, engine_type_name(&v.type)),
			avg ? "avg" : e->text);
	ret->type = sum_type(&v.type, avg);
	if (strcasecmp(e->text, "sum") != 0 && !avg)
		return tsql_unsupported(&t->s->error, e->text);
	ret->sql = arena_printf(t->a, "t_%s(%s%s,'%s','%s')%s", avg ? "avg" : "sum",
		e->distinct ? "DISTINCT " : "", v.sql, engine_type_code(&v.type, code),
		engine_type_code(&ret->type, to), over);
	if (e->distinct)
		return tsql_unsupported(&t->s->error, "SUM and AVG with DISTINCT");
	return 0;
}

int call_aggregate_scope(struct translator *t, const struct expr *e, struct term *ret)
{
	int rc;

	t->in_aggregate += !e->over || strcasecmp(e->text, "string_agg") == 0;
	rc = call_aggregate(t, e, ret);
	t->in_aggregate -= !e->over || strcasecmp(e->text, "string_agg") == 0;
	ret->aggregate = true;
	return rc;
}

int call_rank(struct translator *t, const struct expr *e, struct term *ret)
{
	const char *over;
	struct term *v;
	CLEANUP(buf_release) struct buf sql = BUF_INIT(SQL_MAX);
	bool ntile = strcasecmp(e->text, "ntile") == 0;

	if (!e->over || tr_window(t, e->over, &over) || call_args(t, e, &v))
		return e->over ? -1 : tsql_fail(&t->s->error, 102, e->text);
	ret->type = engine_int_type(8);
	ret->type.nullable = false;
	if (e->n && !ntile)
		ret->type = v[0].type;
	if (e->n && !ntile)
		ret->type.nullable = true;
	buf_printf(&sql, "%s(", e->text);
	for (size_t i = 0; i < e->n; i++)
		buf_printf(&sql, "%s%s", i ? "," : "", v[i].sql);
	buf_printf(&sql, ")%s", over);
	ret->sql = arena_buf(t->a, &sql);
	return 0;
}
