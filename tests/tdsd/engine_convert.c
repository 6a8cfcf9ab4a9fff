/* Types of translated expressions: casts, comparisons, arithmetic. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/tdsd/engine_number.h"
#include "tests/tdsd/engine_translate.h"

const char *tr_collate(const struct tds_column *type)
{
	static const struct {
		const char *name, *clause;
	} clauses[] = {{"T_BIN", " COLLATE T_BIN"}, {"T_CI", " COLLATE T_CI"},
		{"T_CS", " COLLATE T_CS"}, {"T_CI_AI", " COLLATE T_CI_AI"},
		{"T_CS_AI", " COLLATE T_CS_AI"}};
	const char *name;

	if (engine_type_class(type) != TC_TEXT || type->type == TDS_XML)
		return "";
	name = engine_collation_sqlite(type->collation);
	for (size_t i = 0; i < ARRAY_LEN(clauses); i++)
		if (strcmp(clauses[i].name, name) == 0)
			return clauses[i].clause;
	return "";
}

const char *tr_key(struct translator *t, const struct term *v)
{
	if (engine_type_class(&v->type) == TC_OFFSET)
		return arena_printf(t->a, "substr(%s, 1, 8)", v->sql);
	return arena_printf(t->a, "%s%s", v->sql, tr_collate(&v->type));
}

/* The stored value of one is that of the other. */
static bool is_free(const struct tds_column *from, const struct tds_column *to)
{
	enum type_class a = engine_type_class(from), b = engine_type_class(to);

	if (a != b)
		return false;
	switch (a) {
	case TC_INT:
		return from->type == TDS_BITN || (to->type != TDS_BITN && to->size >= from->size);
	case TC_TEXT:
		if (tds_type_is_padded(to->type) || from->type == TDS_XML || to->type == TDS_XML)
			return from->type == to->type && from->size == to->size;
		if (tds_form(from) == TDS_FORM_TEXTPTR && tds_form(to) == TDS_FORM_TEXTPTR)
			return true;
		return to->size == TDS_SIZE_MAX || tds_form(to) == TDS_FORM_TEXTPTR ||
		       (from->size != TDS_SIZE_MAX && tds_form(from) != TDS_FORM_TEXTPTR &&
			       (tds_type_is_utf16(to->type) ? to->size / 2 : to->size) >=
				       (tds_type_is_utf16(from->type) ? from->size / 2
								      : from->size));
	case TC_BYTES:
		return to->type != TDS_BIGBINARY && to->size >= from->size;
	case TC_DECIMAL:
		return from->scale == to->scale && to->precision >= from->precision;
	case TC_MONEY:
	case TC_FLOAT:
		return to->size >= from->size;
	case TC_TIME:
	case TC_OFFSET:
		return to->scale >= from->scale;
	case TC_DATETIME:
		return to->type == TDS_DATETIME2N &&
		       (from->type == TDS_DATETIMN ? to->scale >= 3 : to->scale >= from->scale);
	default:
		return true;
	}
}

int tr_cast(struct translator *t, const struct term *v, const struct tds_column *to, int style,
	enum cast_mode mode, const char **ret)
{
	char from_code[TYPE_CODE_MAX], to_code[TYPE_CODE_MAX];

	if (v->is_null) {
		*ret = "NULL";
		return 0;
	}
	if (engine_type_same(&v->type, to) ||
		(style < 0 && is_free(&v->type, to) && mode != CAST_TRY)) {
		*ret = v->sql;
		return 0;
	}
	*ret = arena_printf(t->a, "t_cast(%s,'%s','%s',%d,%d)", v->sql,
		engine_type_code(&v->type, from_code), engine_type_code(to, to_code), style,
		(int)mode);
	return 0;
}

int tr_store(struct translator *t, const struct term *v, const struct table *target, size_t column,
	const char **ret)
{
	const struct table_column *c = &target->v[column];
	struct term value = *v;
	char from_code[TYPE_CODE_MAX], to_code[TYPE_CODE_MAX];

	if (c->type.user_type == TDS_USER_ROWVERSION) {
		*ret = "t_rowversion()";
		return 0;
	}
	if (value.is_null)
		value.type = c->type;
	*ret = arena_printf(t->a, "t_store(%s,'%s','%s',%zu)", value.is_null ? "NULL" : value.sql,
		engine_type_code(&value.type, from_code), engine_type_code(&c->type, to_code),
		column);
	return 0;
}

/* Two columns of different collations: neither wins. */
static int collation_conflict(
	struct translator *t, const struct term *a, const struct term *b, const char *op)
{
	static const struct {
		const char *op, *name;
	} names[] = {{"=", "equal to"}, {"<>", "not equal to"}, {"<", "less than"},
		{"<=", "less than or equal to"}, {">", "greater than"},
		{">=", "greater than or equal to"}, {"add", "add"}};
	const char *first = engine_collation_name(a->type.collation, t->a);
	const char *second = engine_collation_name(b->type.collation, t->a);
	const char *name = "equal to";

	if (!a->implicit || !b->implicit || a->collated || b->collated ||
		memcmp(a->type.collation, b->type.collation, TDS_COLLATION_LEN) == 0)
		return 0;
	for (size_t i = 0; op && i < ARRAY_LEN(names); i++)
		if (strcmp(names[i].op, op) == 0)
			name = names[i].name;
	return tsql_fail(&t->s->error, 468, first ? first : "?", second ? second : "?", name);
}

int tr_common(struct translator *t, const struct term *a, const struct term *b, const char *op,
	struct tds_column *ret_type, const char **ret_a, const char **ret_b,
	const char **ret_collation)
{
	struct tds_column type;
	struct term x = *a, y = *b;

	if (x.is_null)
		x.type = y.type;
	if (y.is_null)
		y.type = x.type;
	if (!engine_type_common(&x.type, &y.type, &type)) {
		const char *first = arena_strdup(t->a, engine_type_name(&x.type));

		return tsql_fail(&t->s->error, op && *op ? 402 : 206, first,
			arena_strdup(t->a, engine_type_name(&y.type)), op && *op ? op : "");
	}
	if (engine_type_class(&type) == TC_TEXT) {
		if (engine_type_class(&x.type) == TC_TEXT &&
			engine_type_class(&y.type) == TC_TEXT && collation_conflict(t, &x, &y, op))
			return -1;
		if (x.collated)
			memcpy(type.collation, x.type.collation, TDS_COLLATION_LEN);
		else if (y.collated)
			memcpy(type.collation, y.type.collation, TDS_COLLATION_LEN);
	}
	if (tr_cast(t, &x, &type, -1, CAST_EXPLICIT, ret_a) ||
		tr_cast(t, &y, &type, -1, CAST_EXPLICIT, ret_b))
		return -1;
	*ret_collation = tr_collate(&type);
	*ret_type = type;
	return 0;
}

int tr_compare(struct translator *t, const char *op, const struct term *a, const struct term *b,
	const char **ret)
{
	struct tds_column type;
	const char *x, *y, *collation;

	if (strcmp(op, "!=") == 0)
		op = "<>";
	else if (strcmp(op, "!<") == 0)
		op = ">=";
	else if (strcmp(op, "!>") == 0)
		op = "<=";
	if (tr_common(t, a, b, op, &type, &x, &y, &collation))
		return -1;
	if (tds_form(&type) == TDS_FORM_TEXTPTR)
		return tsql_fail(&t->s->error, 402, arena_strdup(t->a, engine_type_name(&a->type)),
			arena_strdup(t->a, engine_type_name(&b->type)), op);
	if (type.type == TDS_BIGBINARY ||
		(engine_type_class(&type) == TC_BYTES && a->type.size != b->type.size)) {
		/* zeros behind are not compared */
		x = arena_printf(t->a, "t_rtrim0(%s)", x);
		y = arena_printf(t->a, "t_rtrim0(%s)", y);
	} else if (engine_type_class(&type) == TC_OFFSET) {
		x = arena_printf(t->a, "substr(%s, 1, 8)", x);
		y = arena_printf(t->a, "substr(%s, 1, 8)", y);
	}
	*ret = arena_printf(t->a, "(%s%s %s %s)", x, collation, op, y);
	return 0;
}

/* --- arithmetic --- */

static void decimal_result(
	char op, unsigned p1, unsigned s1, unsigned p2, unsigned s2, struct tds_column *ret)
{
	unsigned scale = s1 > s2 ? s1 : s2, precision,
		 whole = p1 - s1 > p2 - s2 ? p1 - s1 : p2 - s2;

	switch (op) {
	case '*':
		scale = s1 + s2;
		precision = p1 + p2 + 1;
		break;
	case '/':
		scale = s1 + p2 + 1 > 6 ? s1 + p2 + 1 : 6;
		precision = p1 - s1 + s2 + scale;
		break;
	case '%':
		precision = (p1 - s1 < p2 - s2 ? p1 - s1 : p2 - s2) + scale;
		break;
	default:
		precision = whole + scale + 1;
		break;
	}
	if (precision > 38) {
		unsigned integral = precision - scale, least = scale < 6 ? scale : 6;

		if (op == '*' || op == '/')
			scale = integral < 38 - least ? 38 - integral : least;
		else
			scale = scale > 38 - (integral > 38 ? 38 : integral)
					? 38 - (integral > 38 ? 38 : integral)
					: scale;
		precision = 38;
	}
	*ret = engine_decimal_type(precision ? precision : 1, scale);
}

static void digits_of(const struct term *v, unsigned *ret_precision, unsigned *ret_scale)
{
	*ret_scale = 0;
	switch (engine_type_class(&v->type)) {
	case TC_DECIMAL:
		*ret_precision = v->type.precision;
		*ret_scale = v->type.scale;
		break;
	case TC_MONEY:
		*ret_precision = v->type.size == 8 ? 19 : 10;
		*ret_scale = 4;
		break;
	default:
		*ret_precision = v->digits                  ? (unsigned)v->digits
				 : v->type.type == TDS_BITN ? 1
				 : v->type.size == 8        ? 19
				 : v->type.size == 4        ? 10
				 : v->type.size == 2        ? 5
							    : 3;
		break;
	}
}

static bool is_number(const struct tds_column *t)
{
	enum type_class c = engine_type_class(t);

	return c == TC_INT || c == TC_DECIMAL || c == TC_MONEY || c == TC_FLOAT;
}

static int arith_type(struct translator *t, const char *op, const struct term *a,
	const struct term *b, struct tds_column *ret)
{
	unsigned p1, s1, p2, s2;
	enum type_class ca = engine_type_class(&a->type), cb = engine_type_class(&b->type);

	if (ca == TC_DECIMAL || cb == TC_DECIMAL) {
		if (ca != TC_FLOAT && cb != TC_FLOAT) {
			digits_of(a, &p1, &s1);
			digits_of(b, &p2, &s2);
			decimal_result(op[0], p1, s1, p2, s2, ret);
			return 0;
		}
	}
	if (!engine_type_common(&a->type, &b->type, ret))
		return tsql_fail(&t->s->error, 206, arena_strdup(t->a, engine_type_name(&a->type)),
			arena_strdup(t->a, engine_type_name(&b->type)));
	if (strchr("&|^", op[0]) && engine_type_class(ret) != TC_INT)
		return tsql_fail(&t->s->error, 402, arena_strdup(t->a, engine_type_name(&a->type)),
			arena_strdup(t->a, engine_type_name(&b->type)), op);
	if (ret->type == TDS_BITN && !strchr("&|^", op[0]))
		return tsql_fail(&t->s->error, 8117, "bit",
			op[0] == '+'   ? "add"
			: op[0] == '-' ? "subtract"
				       : op);
	return 0;
}

static int concat(
	struct translator *t, const struct term *a, const struct term *b, struct term *ret)
{
	struct tds_column type;
	const char *x, *y, *collation;
	uint64_t size = (uint64_t)a->type.size + b->type.size;
	bool wide = tds_type_is_utf16(a->type.type) || tds_type_is_utf16(b->type.type);

	if (tr_common(t, a, b, "add", &type, &x, &y, &collation))
		return -1;
	if (wide)
		size = (uint64_t)(tds_type_is_utf16(a->type.type) ? a->type.size / 2
								  : a->type.size) +
		       (tds_type_is_utf16(b->type.type) ? b->type.size / 2 : b->type.size);
	if (a->type.size == TDS_SIZE_MAX || b->type.size == TDS_SIZE_MAX) {
		ret->type = engine_text_type(wide, UINT32_MAX);
	} else {
		uint64_t max = wide ? 4000 : 8000;

		ret->type = engine_text_type(wide, (uint32_t)(size > max ? max : size));
	}
	memcpy(ret->type.collation, type.collation, TDS_COLLATION_LEN);
	ret->type.nullable = a->type.nullable || b->type.nullable;
	/* not in their common type: that would cut nothing, but pads */
	ret->sql = arena_printf(
		t->a, "(%s || %s)", a->is_null ? "NULL" : a->sql, b->is_null ? "NULL" : b->sql);
	(void)x;
	(void)y;
	return 0;
}

static int concat_bytes(
	struct translator *t, const struct term *a, const struct term *b, struct term *ret)
{
	uint64_t size = (uint64_t)a->type.size + b->type.size;

	ret->type = engine_bytes_type(
		size > TDS_BYTES_MAX && a->type.size != TDS_SIZE_MAX && b->type.size != TDS_SIZE_MAX
			? TDS_BYTES_MAX
			: (uint32_t)(size > UINT32_MAX ? UINT32_MAX : size));
	ret->sql = arena_printf(t->a, "t_join_bytes(%s,%s)", a->sql, b->sql);
	return 0;
}

/* datetime ± days, date arithmetic of the old types only */
static int time_arith(struct translator *t, const char *op, const struct term *a,
	const struct term *b, struct term *ret)
{
	struct tds_column datetime = {
		.type = TDS_DATETIMN, .size = 8, .scale = 3, .nullable = true};
	const struct term *other = engine_type_class(&a->type) == TC_DATETIME ? b : a;
	struct term days = *other;
	struct tds_column type = other == b ? a->type : b->type;
	const char *sql, *day;

	if (type.type != TDS_DATETIMN || (op[0] != '+' && op[0] != '-') || !is_number(&other->type))
		return tsql_fail(&t->s->error, 206, arena_strdup(t->a, engine_type_name(&a->type)),
			arena_strdup(t->a, engine_type_name(&b->type)));
	(void)datetime;
	days.type = other->type;
	{
		struct tds_column f = engine_float_type();

		if (tr_cast(t, &days, &f, -1, CAST_EXPLICIT, &day))
			return -1;
	}
	sql = other == b ? a->sql : b->sql;
	ret->sql = arena_printf(
		t->a, "t_adddays(%s,%s%s,%d)", sql, op[0] == '-' ? "-" : "", day, (int)type.size);
	ret->type = type;
	return 0;
}

int tr_arith(struct translator *t, const struct expr *e, struct term *ret)
{
	struct term a, b;
	char ca[TYPE_CODE_MAX], cb[TYPE_CODE_MAX], cr[TYPE_CODE_MAX];
	enum type_class ka, kb;

	if (tr_value(t, e->v[0], &a) || tr_value(t, e->v[1], &b))
		return -1;
	if (a.is_null && !b.is_null)
		a.type = b.type;
	if (b.is_null && !a.is_null)
		b.type = a.type;
	a.type.nullable |= a.is_null;
	b.type.nullable |= b.is_null;
	ret->aggregate = a.aggregate || b.aggregate;
	ka = engine_type_class(&a.type);
	kb = engine_type_class(&b.type);
	if (e->text[0] == '+' && ka == TC_TEXT && kb == TC_TEXT)
		return concat(t, &a, &b, ret);
	if (e->text[0] == '+' && ka == TC_BYTES && kb == TC_BYTES)
		return concat_bytes(t, &a, &b, ret);
	if (ka == TC_DATETIME || kb == TC_DATETIME)
		return time_arith(t, e->text, &a, &b, ret);
	/* text beside a number becomes one */
	if (ka == TC_TEXT && is_number(&b.type)) {
		if (tr_cast(t, &a, &b.type, -1, CAST_EXPLICIT, &a.sql))
			return -1;
		a.type = b.type;
	} else if (kb == TC_TEXT && is_number(&a.type)) {
		if (tr_cast(t, &b, &a.type, -1, CAST_EXPLICIT, &b.sql))
			return -1;
		b.type = a.type;
	} else if (ka == TC_BYTES && kb == TC_INT) {
		if (tr_cast(t, &a, &b.type, -1, CAST_EXPLICIT, &a.sql))
			return -1;
		a.type = b.type;
	}
	if (ka != kb && ((ka >= TC_DATE && ka <= TC_OFFSET) || (kb >= TC_DATE && kb <= TC_OFFSET)))
		return tsql_fail(&t->s->error, 206, arena_strdup(t->a, engine_type_name(&a.type)),
			arena_strdup(t->a, engine_type_name(&b.type)));
	if (!is_number(&a.type) || !is_number(&b.type))
		return tsql_fail(&t->s->error, ka == kb ? 8117 : 402,
			arena_strdup(t->a, engine_type_name(&a.type)),
			ka == kb ? (e->text[0] == '+' ? "add" : "subtract")
				 : arena_strdup(t->a, engine_type_name(&b.type)),
			e->text);
	if (arith_type(t, e->text, &a, &b, &ret->type))
		return -1;
	ret->type.nullable = a.type.nullable || b.type.nullable;
	ret->sql = arena_printf(t->a, "t_arith('%c',%s,'%s',%s,'%s','%s')", e->text[0], a.sql,
		engine_type_code(&a.type, ca), b.sql, engine_type_code(&b.type, cb),
		engine_type_code(&ret->type, cr));
	return 0;
}

/* --- literals --- */

static int exact_literal(struct translator *t, const struct expr *e, struct term *ret)
{
	struct number n;
	unsigned digits;
	char text[48];
	struct cell c;

	if (!exact_parse(e->text, e->len, false, &n))
		return tsql_fail(&t->s->error, 1007,
			arena_strndup(t->a, e->text, e->len > 60 ? 60 : e->len));
	digits = (unsigned)exact_print(&(struct number){.magnitude = n.magnitude}, text);
	if (digits < n.scale || (digits == 1 && n.magnitude == 0 && n.scale))
		digits = n.scale;
	ret->type = engine_decimal_type(digits ? digits : 1, n.scale);
	ret->type.nullable = false;
	c = number_cell(&ret->type, &n, t->a);
	ret->sql = cell_literal(&c, t->a);
	return 0;
}

static int int_literal(struct translator *t, const struct expr *e, struct term *ret)
{
	const char *p = e->text + strspn(e->text, "0");

	if (strlen(p) > 10 || strtoll(p, NULL, 10) > INT32_MAX)
		return exact_literal(t, e, ret);
	ret->type = engine_int_type(4);
	ret->type.nullable = false;
	ret->digits = *p ? (int)strlen(p) : 1;
	ret->sql = *p ? p : "0";
	return 0;
}

static int binary_literal(struct translator *t, const struct expr *e, struct term *ret)
{
	ret->type = engine_bytes_type((uint32_t)((e->len + 1) / 2));
	ret->type.nullable = false;
	ret->sql = arena_printf(t->a, "x'%s%s'", e->len % 2 ? "0" : "", e->text);
	return 0;
}

static int money_literal(struct translator *t, const struct expr *e, struct term *ret)
{
	struct number n = {0};
	struct tds_column money = {.type = TDS_MONEYN, .size = 8};
	struct cell c;

	if (*e->text && !exact_parse(e->text, strlen(e->text), false, &n))
		return tsql_fail(&t->s->error, 102, e->text);
	number_rescale(&n, 4, false);
	tds_type_complete(&money);
	c = number_cell(&money, &n, t->a);
	ret->type = money;
	ret->sql = cell_literal(&c, t->a);
	return 0;
}

int tr_literal(struct translator *t, const struct expr *e, struct term *ret)
{
	struct cell text = cell_text(e->text, e->len);
	uint32_t chars = 0;

	switch (e->kind) {
	case EX_NULL:
		ret->sql = "NULL";
		ret->type = engine_int_type(4);
		ret->is_null = true;
		return 0;
	case EX_INT:
		return int_literal(t, e, ret);
	case EX_DECIMAL:
		return exact_literal(t, e, ret);
	case EX_FLOAT:
		ret->type = engine_float_type();
		ret->type.nullable = false;
		ret->sql = arena_printf(t->a, "(%s)", strpbrk(e->text, ".eE") ? e->text : "0.0");
		if (strchr("eE+-", e->text[e->len - 1])) /* 1e is 1e0 */
			ret->sql = arena_printf(t->a, "(%s0)", e->text);
		return 0;
	case EX_MONEY:
		return money_literal(t, e, ret);
	case EX_BINARY:
		return binary_literal(t, e, ret);
	default:
		break;
	}
	for (size_t i = 0; i < e->len; i++)
		chars += ((uint8_t)e->text[i] & 0xC0) != 0x80;
	ret->type = engine_text_type(
		e->kind == EX_NSTRING, e->kind == EX_NSTRING && chars > 4000 ? UINT32_MAX : chars);
	ret->type.nullable = false;
	ret->sql = cell_literal(&text, t->a);
	return 0;
}
