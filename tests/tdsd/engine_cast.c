/* CAST and CONVERT. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "tests/tdsd/engine_cast.h"
#include "tests/tdsd/engine_number.h"
#include "tests/tdsd/engine_time.h"

#define SHOWN_MAX 100 /* bytes of a value in a message */

static const char *shown(const struct cast *x, const char *s, size_t len)
{
	return arena_strndup(x->a, s, utf8_cut_at(s, len, SHOWN_MAX));
}

const char *cast_from_name(const struct cast *x)
{
	return arena_strdup(x->a, engine_type_name(x->from));
}

const char *cast_to_name(const struct cast *x)
{
	return arena_strdup(x->a, engine_type_name(x->to));
}

int cast_not_allowed(const struct cast *x)
{
	return tsql_fail(
		x->e, x->mode == CAST_ASSIGN ? 206 : 529, cast_from_name(x), cast_to_name(x));
}

static int overflow(const struct cast *x)
{
	return tsql_fail(x->e, 8115, arena_printf(x->a, "expression"), cast_to_name(x));
}

/* Without blanks around. */
void cast_trim(const char **s, size_t *len)
{
	while (*len && (**s == ' ' || **s == '\t' || **s == '\n' || **s == '\r'))
		(*s)++, (*len)--;
	while (*len && strchr(" \t\r\n", (*s)[*len - 1]))
		(*len)--;
}

/* --- to integers --- */

static int int_range(const struct cast *x, int64_t i, struct cell *ret)
{
	static const int64_t lows[] = {0, 0, INT16_MIN, 0, INT32_MIN},
			     highs[] = {0, 255, INT16_MAX, 0, INT32_MAX};

	if (x->to->type == TDS_BITN) {
		*ret = cell_int(i != 0);
		return 0;
	}
	if (x->to->size < 8 && (i < lows[x->to->size] || i > highs[x->to->size])) {
		if (x->to->size == 4 ||
			(x->from->size != 4 && engine_type_class(x->from) != TC_INT))
			return overflow(x);
		return tsql_fail(x->e, 220, cast_to_name(x), tsql_number(i));
	}
	*ret = cell_int(i);
	return 0;
}

static int text_to_int(const struct cast *x, const char *s, size_t len, struct cell *ret)
{
	const char *whole = s;
	size_t whole_len = len;
	struct number n;
	int64_t i;

	cast_trim(&s, &len);
	if (x->to->type == TDS_BITN && len == 4 && strncasecmp(s, "true", 4) == 0)
		return int_range(x, 1, ret);
	if (x->to->type == TDS_BITN && len == 5 && strncasecmp(s, "false", 5) == 0)
		return int_range(x, 0, ret);
	if (len == 0)
		return int_range(x, 0, ret);
	if (memchr(s, '.', len) || !exact_parse(s, len, false, &n))
		return tsql_fail(
			x->e, 245, cast_from_name(x), shown(x, whole, whole_len), cast_to_name(x));
	if (!number_int64(&n, &i) ||
		(x->to->type != TDS_BITN && x->to->size == 4 && (i > INT32_MAX || i < INT32_MIN)))
		return tsql_fail(x->e, x->to->size == 8 ? 8115 : 248,
			x->to->size == 8 ? "expression" : cast_from_name(x),
			x->to->size == 8 ? "bigint" : shown(x, whole, whole_len));
	if (x->to->type != TDS_BITN &&
		((x->to->size == 1 && (i < 0 || i > 255)) ||
			(x->to->size == 2 && (i < INT16_MIN || i > INT16_MAX))))
		return tsql_fail(x->e, 244, cast_from_name(x), shown(x, whole, whole_len),
			x->to->size == 1 ? "INT1" : "INT2");
	return int_range(x, i, ret);
}

static int bytes_to_int(const struct cast *x, const struct cell *c, struct cell *ret)
{
	const uint8_t *p = c->data;
	size_t n = c->len > x->to->size ? x->to->size : c->len;
	uint64_t v = 0;

	for (size_t i = c->len - n; i < c->len; i++)
		v = v << 8 | p[i];
	if (x->to->type == TDS_BITN)
		*ret = cell_int(v != 0);
	else
		*ret = cell_int(x->to->size == 4   ? (int32_t)v
				: x->to->size == 2 ? (int16_t)v
						   : (int64_t)v);
	return 0;
}

static int to_int(const struct cast *x, const struct cell *c, struct cell *ret)
{
	struct number n;
	int64_t i;

	switch (engine_type_class(x->from)) {
	case TC_INT:
		return int_range(x, c->i, ret);
	case TC_MONEY:
	case TC_DECIMAL:
		n = number_of_cell(x->from, c);
		if (x->to->type == TDS_BITN)
			return int_range(x, n.magnitude != 0, ret);
		if (engine_type_class(x->from) == TC_MONEY)
			number_rescale(&n, 0, false);
		return number_int64(&n, &i) ? int_range(x, i, ret) : overflow(x);
	case TC_FLOAT:
		if (x->to->type == TDS_BITN)
			return int_range(x, c->r != 0, ret);
		if (!(fabs(c->r) < 9.3e18))
			return overflow(x);
		if (trunc(c->r) >= 9223372036854775808.0 || trunc(c->r) < -9223372036854775808.0)
			return overflow(x);
		return int_range(x, (int64_t)c->r, ret);
	case TC_TEXT:
		return text_to_int(x, c->data, c->len, ret);
	case TC_BYTES:
		return bytes_to_int(x, c, ret);
	case TC_DATETIME:
		if (x->from->type != TDS_DATETIMN)
			return cast_not_allowed(x);
		return int_range(x,
			(c->i + (int64_t)TDS_TICKS_PER_DAY / 2) / (int64_t)TDS_TICKS_PER_DAY -
				TDS_DAYS_1900,
			ret);
	default:
		return cast_not_allowed(x);
	}
}

/* --- to decimal and money --- */

static int store_number(const struct cast *x, struct number *n, struct cell *ret)
{
	bool money = engine_type_class(x->to) == TC_MONEY;
	bool ok = number_rescale(n, money ? 4 : x->to->scale, false);

	if (ok && money)
		ok = n->magnitude <= tds_money_max(x->to->size, n->negative);
	else if (ok)
		ok = number_fits(n, x->to->precision);
	if (!ok)
		return tsql_fail(x->e, 8115,
			engine_type_class(x->from) == TC_TEXT ||
					engine_type_class(x->from) == TC_FLOAT ||
					engine_type_class(x->from) == TC_INT ||
					engine_type_class(x->from) == TC_DECIMAL
				? cast_from_name(x)
				: "expression",
			money ? cast_to_name(x) : "numeric");
	*ret = number_cell(x->to, n, x->a);
	return 0;
}

static int text_to_number(const struct cast *x, const char *s, size_t len, struct cell *ret)
{
	struct number n;
	char copy[64];
	size_t at = 0;
	bool money = engine_type_class(x->to) == TC_MONEY;

	cast_trim(&s, &len);
	if (money) { /* $1,234.5 */
		for (size_t i = 0; i < len && at < sizeof(copy); i++)
			if (s[i] != ',' && s[i] != '$')
				copy[at++] = s[i];
		s = copy;
		len = at;
		if (len == 0)
			return *ret = cell_int(0), 0;
	}
	if (!exact_parse(s, len, false, &n)) {
		if (money)
			return tsql_fail(x->e, 235);
		return tsql_fail(x->e, 8114, cast_from_name(x), "numeric");
	}
	return store_number(x, &n, ret);
}

static int to_number(const struct cast *x, const struct cell *c, struct cell *ret)
{
	struct number n;

	switch (engine_type_class(x->from)) {
	case TC_INT:
	case TC_MONEY:
	case TC_DECIMAL:
		n = number_of_cell(x->from, c);
		return store_number(x, &n, ret);
	case TC_FLOAT:
		if (!exact_of_double(
			    c->r, engine_type_class(x->to) == TC_MONEY ? 4 : x->to->scale, &n))
			return tsql_fail(x->e, 8115, "float", "numeric");
		return store_number(x, &n, ret);
	case TC_TEXT:
		return text_to_number(x, c->data, c->len, ret);
	default:
		return cast_not_allowed(x);
	}
}

/* --- to float --- */

static int to_float(const struct cast *x, const struct cell *c, struct cell *ret)
{
	struct number n;
	const char *s = c->data;
	size_t len = c->len;
	char text[400];
	int used = 0;

	ret->kind = CELL_REAL;
	switch (engine_type_class(x->from)) {
	case TC_INT:
		ret->r = (double)c->i;
		break;
	case TC_MONEY:
	case TC_DECIMAL:
		n = number_of_cell(x->from, c);
		ret->r = number_double(&n);
		break;
	case TC_FLOAT:
		ret->r = c->r;
		break;
	case TC_TEXT:
		cast_trim(&s, &len);
		ret->r = 0;
		if (len == 0)
			break;
		if (len >= sizeof(text) || (s[0] | 0x20) == 'i' || (s[0] | 0x20) == 'n' ||
			(len > 1 && (s[1] | 0x20) == 'x'))
			return tsql_fail(x->e, 8114, cast_from_name(x), cast_to_name(x));
		memcpy(text, s, len);
		text[len] = '\0';
		if (sscanf(text, "%lf%n", &ret->r, &used) != 1 || (size_t)used != len ||
			!isfinite(ret->r))
			return tsql_fail(x->e, 8114, cast_from_name(x), cast_to_name(x));
		break;
	case TC_DATETIME:
		if (x->from->type != TDS_DATETIMN)
			return cast_not_allowed(x);
		ret->r = (double)c->i / (double)TDS_TICKS_PER_DAY - TDS_DAYS_1900;
		break;
	default:
		return cast_not_allowed(x);
	}
	if (x->to->size == 4) {
		if (fabs(ret->r) > 3.40282346638528859e38)
			return tsql_fail(
				x->e, 232, cast_to_name(x), arena_printf(x->a, "%f", ret->r));
		ret->r = (double)(float)ret->r;
	}
	return 0;
}

/* --- to dates and times --- */

static int time_of_text(const struct cast *x, const struct cell *c, struct tds_value *v)
{
	const char *s = c->data;
	size_t len = c->len;
	bool offset;
	int64_t utc;

	cast_trim(&s, &len);
	if (!engine_parse_time(s, len, x->style, v, &offset))
		return tsql_fail(x->e, 241);
	if (offset && engine_type_class(x->to) != TC_OFFSET) {
		if (x->to->type == TDS_DATETIMN && s[len - 1] != 'Z' && s[len - 1] != 'z')
			return tsql_fail(x->e, 241);
		/* the local time that was written */
		utc = cell_ticks(v) + v->t.offset * 60LL * (int64_t)TDS_TICKS_PER_SECOND;
		value_of_ticks(utc, v);
	}
	return 0;
}

static int time_source(const struct cast *x, const struct cell *c, struct tds_value *v)
{
	enum type_class from = engine_type_class(x->from), to = engine_type_class(x->to);

	switch (from) {
	case TC_TEXT:
		return time_of_text(x, c, v);
	case TC_DATE:
		if (to == TC_TIME)
			return cast_not_allowed(x);
		*v = cell_load(x->from, c);
		return 0;
	case TC_TIME:
		if (to == TC_DATE)
			return cast_not_allowed(x);
		*v = cell_load(x->from, c);
		if (to != TC_TIME)
			v->t.days = TDS_DAYS_1900;
		return 0;
	case TC_DATETIME:
		*v = cell_load(x->from, c);
		return 0;
	case TC_OFFSET:
		*v = cell_load(x->from, c);
		if (to != TC_OFFSET)
			value_of_ticks(
				cell_ticks(v) + v->t.offset * 60LL * (int64_t)TDS_TICKS_PER_SECOND,
				v);
		return 0;
	case TC_INT:
		if (x->to->type != TDS_DATETIMN)
			return cast_not_allowed(x);
		value_of_ticks((TDS_DAYS_1900 + c->i) * (int64_t)TDS_TICKS_PER_DAY, v);
		return 0;
	case TC_FLOAT:
	case TC_DECIMAL:
		if (x->to->type != TDS_DATETIMN || from == TC_DECIMAL)
			return cast_not_allowed(x);
		value_of_ticks((int64_t)((c->r + TDS_DAYS_1900) * (double)TDS_TICKS_PER_DAY), v);
		return 0;
	default:
		return cast_not_allowed(x);
	}
}

static int to_time(const struct cast *x, const struct cell *c, struct cell *ret)
{
	struct tds_value v = {.kind = TDS_TIME};

	if (time_source(x, c, &v))
		return -1;
	if (engine_type_class(x->to) == TC_DATE)
		v.t.ticks = 0;
	else if (engine_type_class(x->to) == TC_TIME)
		v.t.days = 0;
	if (v.t.days < 0 || (engine_type_class(x->to) != TC_DATE && !engine_round_time(x->to, &v)))
		return tsql_fail(x->e, 242, cast_from_name(x), cast_to_name(x));
	*ret = cell_store(x->to, &v, x->a);
	return 0;
}

static int dispatch(const struct cast *x, const struct cell *c, struct cell *ret)
{
	switch (engine_type_class(x->to)) {
	case TC_INT:
		return to_int(x, c, ret);
	case TC_DECIMAL:
	case TC_MONEY:
		return to_number(x, c, ret);
	case TC_FLOAT:
		return to_float(x, c, ret);
	case TC_DATE:
	case TC_TIME:
	case TC_DATETIME:
	case TC_OFFSET:
		return to_time(x, c, ret);
	case TC_TEXT:
		return cast_to_text(x, c, ret);
	case TC_BYTES:
		return cast_to_bytes(x, c, ret);
	case TC_GUID:
		return cast_to_guid(x, c, ret);
	case TC_VARIANT:
		*ret = variant_of(x->from, c, x->a);
		return 0;
	case TC_UDT:
		if (engine_type_class(x->from) != TC_BYTES && engine_type_class(x->from) != TC_UDT)
			return cast_not_allowed(x);
		*ret = *c;
		return 0;
	}
	return cast_not_allowed(x);
}

int cell_cast(const struct tds_column *from, const struct cell *c, const struct tds_column *to,
	int style, enum cast_mode mode, struct arena *a, struct cell *ret, struct tsql_error *e)
{
	struct cast x = {.from = from, .to = to, .style = style, .mode = mode, .a = a, .e = e};
	struct tds_column inner_type;
	struct cell inner, out = {.kind = CELL_NULL};

	if (c->kind == CELL_NULL) {
		*ret = *c;
		return 0;
	}
	if (engine_type_class(from) == TC_VARIANT && engine_type_class(to) != TC_VARIANT) {
		if (variant_open(c, a, &inner_type, &inner))
			return tsql_fail(e, 9803, "sql_variant");
		return cell_cast(&inner_type, &inner, to, style, mode, a, ret, e);
	}
	if (engine_type_class(from) == TC_VARIANT) {
		*ret = *c;
		return 0;
	}
	if (dispatch(&x, c, &out)) {
		if (mode != CAST_TRY || e->number == 529)
			return -1;
		out = cell_null();
	}
	*ret = out;
	return 0;
}
