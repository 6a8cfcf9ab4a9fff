/* Functions of dates and times. */
#include <string.h>
#include <strings.h>

#include "tests/tdsd/engine_call.h"
#include "tests/tdsd/engine_time.h"

static int part_of(struct translator *t, const struct expr *e, enum datepart *ret)
{
	*ret = datepart_parse(e->v[0]->text);
	return *ret == DP_NONE ? tsql_fail(&t->s->error, 155, e->v[0]->text, e->text) : 0;
}

static int cast_time(struct translator *t, struct term *v)
{
	struct tds_column to = call_result_type('q', NULL, 0);
	enum type_class class = engine_type_class(&v->type);

	if (class == TC_DATE || class == TC_TIME || class == TC_DATETIME || class == TC_OFFSET ||
		v->is_null)
		return 0;
	if (class != TC_TEXT)
		to = call_result_type('p', NULL, 0);
	if (tr_cast(t, v, &to, -1, CAST_EXPLICIT, &v->sql))
		return -1;
	v->type = to;
	return 0;
}

int call_dateadd(struct translator *t, const struct expr *e, struct term *ret)
{
	struct term *v;
	enum datepart part;
	char code[TYPE_CODE_MAX];
	struct tds_column datetime = call_result_type('p', NULL, 0);

	if (e->n != 3)
		return call_wrong_count(t, "dateadd", 3);
	if (part_of(t, e, &part) || call_args(t, e, &v) || call_cast_arg(t, &v[1], 'i'))
		return -1;
	if (engine_type_class(&v[2].type) == TC_TEXT &&
		!v[2].is_null) { /* a literal is a datetime */
		if (tr_cast(t, &v[2], &datetime, -1, CAST_EXPLICIT, &v[2].sql))
			return -1;
		v[2].type = datetime;
	}
	if (cast_time(t, &v[2]))
		return -1;
	ret->type = v[2].is_null ? datetime : v[2].type;
	ret->type.nullable =
		v[1].type.nullable || v[2].type.nullable || v[1].is_null || v[2].is_null;
	ret->sql = arena_printf(t->a, "t_dateadd(%d,%s,%s,'%s')", (int)part, v[1].sql, v[2].sql,
		engine_type_code(&ret->type, code));
	return 0;
}

int call_datediff(struct translator *t, const struct expr *e, struct term *ret)
{
	struct term *v;
	enum datepart part;
	char a[TYPE_CODE_MAX], b[TYPE_CODE_MAX];
	bool big = strcasecmp(e->text, "datediff_big") == 0;

	if (e->n != 3)
		return call_wrong_count(t, e->text, 3);
	if (part_of(t, e, &part) || call_args(t, e, &v) || cast_time(t, &v[1]) ||
		cast_time(t, &v[2]))
		return -1;
	ret->type = engine_int_type(big ? 8 : 4);
	ret->type.nullable =
		v[1].type.nullable || v[2].type.nullable || v[1].is_null || v[2].is_null;
	ret->sql = arena_printf(t->a, "t_datediff(%d,%s,'%s',%s,'%s',%d)", (int)part, v[1].sql,
		engine_type_code(&v[1].type, a), v[2].sql, engine_type_code(&v[2].type, b), big);
	return 0;
}

int call_datepart(struct translator *t, const struct expr *e, struct term *ret)
{
	struct term *v;
	enum datepart part;
	char code[TYPE_CODE_MAX];
	bool name = strcasecmp(e->text, "datename") == 0, short_form = e->n == 1;

	if (!short_form && e->n != 2)
		return call_wrong_count(t, e->text, 2);
	part = datepart_parse(e->text); /* YEAR(x), MONTH(x), DAY(x) */
	if ((!short_form && part_of(t, e, &part)) || call_args(t, e, &v) ||
		cast_time(t, &v[short_form ? 0 : 1]))
		return -1;
	if (!short_form)
		v++;
	ret->type = name ? engine_text_type(true, 30) : engine_int_type(4);
	ret->type.nullable = v[0].type.nullable || v[0].is_null;
	ret->sql = arena_printf(t->a, "t_date%s(%d,%s,'%s')", name ? "name" : "part", (int)part,
		v[0].sql, engine_type_code(&v[0].type, code));
	return 0;
}

/* EOMONTH, SWITCHOFFSET, TODATETIMEOFFSET */
int call_time(struct translator *t, const struct expr *e, struct term *ret)
{
	struct term *v;
	char code[TYPE_CODE_MAX];
	bool month = strcasecmp(e->text, "eomonth") == 0;

	if (e->n < 1 || e->n > 2 || (!month && e->n != 2))
		return call_wrong_count(t, e->text, 2);
	if (call_args(t, e, &v) || cast_time(t, &v[0]) ||
		(e->n > 1 && call_cast_arg(t, &v[1], month ? 'i' : 'T')))
		return -1;
	ret->type = call_result_type(month ? 'D' : 'o', NULL, 0);
	ret->sql = arena_printf(t->a, "t_%s(%s,'%s',%s)",
		month                                      ? "eomonth"
		: strcasecmp(e->text, "switchoffset") == 0 ? "switchoffset"
							   : "tooffset",
		v[0].sql, engine_type_code(&v[0].type, code), e->n > 1 ? v[1].sql : "0");
	return 0;
}
