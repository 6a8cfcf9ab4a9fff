/* CAST and CONVERT. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf16.h"
#include "base/utf8.h"
#include "tests/tdsd/engine_number.h"
#include "tests/tdsd/engine_time.h"
#include "tds/codepage.h"
#include "tds/collation.h"

#define SHOWN_MAX 100 /* bytes of a value in a message */

struct cast {
	const struct tds_column *from, *to;
	int style;
	enum cast_mode mode;
	struct arena *a;
	struct tsql_error *e;
};

static const char *shown(const struct cast *x, const char *s, size_t len)
{
	return arena_strndup(x->a, s, utf8_cut_at(s, len, SHOWN_MAX));
}

static const char *from_name(const struct cast *x)
{
	return arena_strdup(x->a, engine_type_name(x->from));
}

static const char *to_name(const struct cast *x)
{
	return arena_strdup(x->a, engine_type_name(x->to));
}

static int not_allowed(const struct cast *x)
{
	return tsql_fail(x->e, x->mode == CAST_ASSIGN ? 206 : 529, from_name(x), to_name(x));
}

static int overflow(const struct cast *x)
{
	return tsql_fail(x->e, 8115, arena_printf(x->a, "expression"), to_name(x));
}

/* Without blanks around. */
static void trim(const char **s, size_t *len)
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
		return tsql_fail(x->e, 220, to_name(x), tsql_number(i));
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

	trim(&s, &len);
	if (x->to->type == TDS_BITN && len == 4 && strncasecmp(s, "true", 4) == 0)
		return int_range(x, 1, ret);
	if (x->to->type == TDS_BITN && len == 5 && strncasecmp(s, "false", 5) == 0)
		return int_range(x, 0, ret);
	if (len == 0)
		return int_range(x, 0, ret);
	if (memchr(s, '.', len) || !exact_parse(s, len, false, &n))
		return tsql_fail(x->e, 245, from_name(x), shown(x, whole, whole_len), to_name(x));
	if (!number_int64(&n, &i) ||
		(x->to->type != TDS_BITN && x->to->size == 4 && (i > INT32_MAX || i < INT32_MIN)))
		return tsql_fail(x->e, x->to->size == 8 ? 8115 : 248,
			x->to->size == 8 ? "expression" : from_name(x),
			x->to->size == 8 ? "bigint" : shown(x, whole, whole_len));
	if (x->to->type != TDS_BITN &&
		((x->to->size == 1 && (i < 0 || i > 255)) ||
			(x->to->size == 2 && (i < INT16_MIN || i > INT16_MAX))))
		return tsql_fail(x->e, 244, from_name(x), shown(x, whole, whole_len),
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
			return not_allowed(x);
		return int_range(x,
			(c->i + (int64_t)TDS_TICKS_PER_DAY / 2) / (int64_t)TDS_TICKS_PER_DAY -
				TDS_DAYS_1900,
			ret);
	default:
		return not_allowed(x);
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
				? from_name(x)
				: "expression",
			money ? to_name(x) : "numeric");
	*ret = number_cell(x->to, n, x->a);
	return 0;
}

static int text_to_number(const struct cast *x, const char *s, size_t len, struct cell *ret)
{
	struct number n;
	char copy[64];
	size_t at = 0;
	bool money = engine_type_class(x->to) == TC_MONEY;

	trim(&s, &len);
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
		return tsql_fail(x->e, 8114, from_name(x), "numeric");
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
		return not_allowed(x);
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
		trim(&s, &len);
		ret->r = 0;
		if (len == 0)
			break;
		if (len >= sizeof(text) || (s[0] | 0x20) == 'i' || (s[0] | 0x20) == 'n' ||
			(len > 1 && (s[1] | 0x20) == 'x'))
			return tsql_fail(x->e, 8114, from_name(x), to_name(x));
		memcpy(text, s, len);
		text[len] = '\0';
		if (sscanf(text, "%lf%n", &ret->r, &used) != 1 || (size_t)used != len ||
			!isfinite(ret->r))
			return tsql_fail(x->e, 8114, from_name(x), to_name(x));
		break;
	case TC_DATETIME:
		if (x->from->type != TDS_DATETIMN)
			return not_allowed(x);
		ret->r = (double)c->i / (double)TDS_TICKS_PER_DAY - TDS_DAYS_1900;
		break;
	default:
		return not_allowed(x);
	}
	if (x->to->size == 4) {
		if (fabs(ret->r) > 3.40282346638528859e38)
			return tsql_fail(x->e, 232, to_name(x), arena_printf(x->a, "%f", ret->r));
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

	trim(&s, &len);
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
			return not_allowed(x);
		*v = cell_load(x->from, c);
		return 0;
	case TC_TIME:
		if (to == TC_DATE)
			return not_allowed(x);
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
			return not_allowed(x);
		value_of_ticks((TDS_DAYS_1900 + c->i) * (int64_t)TDS_TICKS_PER_DAY, v);
		return 0;
	case TC_FLOAT:
	case TC_DECIMAL:
		if (x->to->type != TDS_DATETIMN || from == TC_DECIMAL)
			return not_allowed(x);
		value_of_ticks((int64_t)((c->r + TDS_DAYS_1900) * (double)TDS_TICKS_PER_DAY), v);
		return 0;
	default:
		return not_allowed(x);
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
		return tsql_fail(x->e, 242, from_name(x), to_name(x));
	*ret = cell_store(x->to, &v, x->a);
	return 0;
}

/* --- to text --- */

static size_t print_float(const struct tds_column *t, double r, int style, char *out)
{
	char text[48], *e;
	int digits = style == 3 ? (t->size == 4 ? 9 : 17) : style == 1 ? 8 : style == 2 ? 16 : 6;

	if (style == 1 || style == 2)
		snprintf(text, sizeof(text), "%.*e", digits - 1, r);
	else
		snprintf(text, sizeof(text), "%.*g", digits, r);
	e = strchr(text, 'e');
	if (!e)
		return (size_t)snprintf(out, 48, "%s", text);
	*e = '\0'; /* the exponent has three digits */
	return (size_t)snprintf(out, 48, "%s%s%c%03d", text, "e", e[1], abs(atoi(e + 1)));
}

static size_t print_money(const struct tds_column *t, const struct cell *c, int style, char *out)
{
	struct number n = number_of_cell(t, c);
	char plain[48];
	size_t len, at = 0, whole;

	number_rescale(&n, style == 2 || style == 126 ? 4 : 2, false);
	len = exact_print(&n, plain);
	if (style != 1)
		return (size_t)snprintf(out, 64, "%s", plain);
	whole = strcspn(plain, ".");
	for (size_t i = 0; i < len; i++) {
		if (i && i < whole && (whole - i) % 3 == 0 && plain[i - 1] != '-')
			out[at++] = ',';
		out[at++] = plain[i];
	}
	out[at] = '\0';
	return at;
}

static const char *print_bytes(const struct cell *c, int style, struct arena *a, size_t *ret_len)
{
	static const char digits[] = "0123456789ABCDEF";
	const uint8_t *p = c->data;
	char *out = arena_alloc(a, 2 * c->len + 3), *at = out;

	if (style == 1) {
		*at++ = '0';
		*at++ = 'x';
	}
	for (size_t i = 0; i < c->len; i++) {
		*at++ = digits[p[i] >> 4];
		*at++ = digits[p[i] & 15];
	}
	*ret_len = (size_t)(at - out);
	return out;
}

const char *cell_print(const struct tds_column *t, const struct cell *c, int style, struct arena *a,
	size_t *ret_len)
{
	char out[80];
	struct tds_value v = cell_load(t, c);
	struct number n;
	struct cell inner;
	struct tds_column inner_type;

	switch (engine_type_class(t)) {
	case TC_DECIMAL:
		n = number_of_cell(t, c);
		*ret_len = exact_print(&n, out);
		break;
	case TC_MONEY:
		*ret_len = print_money(t, c, style, out);
		break;
	case TC_FLOAT:
		*ret_len = print_float(t, v.r, style, out);
		break;
	case TC_DATE:
	case TC_TIME:
	case TC_DATETIME:
	case TC_OFFSET:
		*ret_len = engine_print_time(t, &v, style, out);
		break;
	case TC_GUID:
		*ret_len = tds_value_print(t, &v, out);
		break;
	case TC_INT:
		*ret_len = (size_t)snprintf(out, sizeof(out), "%lld", (long long)c->i);
		break;
	case TC_VARIANT:
		if (variant_open(c, a, &inner_type, &inner))
			return *ret_len = 0, "";
		return cell_print(&inner_type, &inner, style, a, ret_len);
	case TC_BYTES:
	case TC_UDT:
		return print_bytes(c, style < 0 ? 1 : style, a, ret_len);
	case TC_TEXT:
		*ret_len = c->len;
		return c->data;
	}
	return arena_strndup(a, out, *ret_len);
}

static bool is_number(enum type_class class)
{
	return class == TC_INT || class == TC_DECIMAL || class == TC_MONEY || class == TC_FLOAT;
}

/* Bytes at most that are `units` of the type's length. */
static size_t cut_at(const struct tds_column *t, const char *s, size_t len)
{
	size_t at = 0;
	uint32_t left = tds_type_is_utf16(t->type) ? t->size / 2 : t->size;
	bool bytes = !tds_type_is_utf16(t->type) &&
		     tds_collation_codepage(t->collation) == TDS_CODEPAGE_UTF8;

	while (at < len) {
		uint32_t c = 0;
		size_t n = utf8_decode((const uint8_t *)s + at, len - at, &c);
		uint32_t need = bytes                                      ? (uint32_t)n
				: tds_type_is_utf16(t->type) && c > 0xFFFF ? 2
									   : 1;

		n = n ? n : 1;
		if (need > left)
			break;
		left -= need;
		at += n;
	}
	return at;
}

static int fit_text(const struct cast *x, const char *s, size_t len, struct cell *ret)
{
	size_t fits = len, pad;
	enum type_class from = engine_type_class(x->from);
	char *padded;

	if (x->to->size != TDS_SIZE_MAX && tds_form(x->to) == TDS_FORM_USHORT)
		fits = cut_at(x->to, s, len);
	if (fits < len && is_number(from)) {
		if (from != TC_INT || tds_type_is_utf16(x->to->type))
			return tsql_fail(x->e, 8115, "expression", to_name(x));
		s = "*";
		fits = 1;
	} else if (fits < len && from == TC_GUID) {
		return tsql_fail(x->e, 8170);
	} else if (fits < len && x->mode == CAST_ASSIGN) {
		for (size_t i = fits; i < len; i++)
			if (s[i] != ' ')
				return tsql_fail(x->e, 2628, "", "", arena_strndup(x->a, s, fits));
	}
	if (!tds_type_is_padded(x->to->type)) {
		*ret = cell_text(s, fits);
		return 0;
	}
	pad = tds_type_is_utf16(x->to->type)
		      ? x->to->size / 2 - utf16_units((const uint8_t *)s, fits)
		      : x->to->size - utf8_count((const uint8_t *)s, fits);
	padded = arena_alloc(x->a, fits + pad + 1);
	memcpy(padded, s, fits);
	memset(padded + fits, ' ', pad);
	*ret = cell_text(padded, fits + pad);
	return 0;
}

static int bytes_to_text(const struct cast *x, const struct cell *c, struct cell *ret)
{
	uint8_t *out = arena_alloc(x->a, 3 * c->len + 1);
	const struct tds_codepage *page;
	size_t len = 0, used;
	const char *s;

	if (x->style == 1 || x->style == 2) {
		s = print_bytes(c, x->style, x->a, &len);
		return fit_text(x, s, len, ret);
	}
	if (tds_type_is_utf16(x->to->type)) {
		used = utf16_to_utf8(c->data, c->len / 2 * 2, out, &len);
	} else {
		page = tds_codepage_get(tds_collation_codepage(x->to->collation));
		if (!page) {
			used = utf8_is_valid(c->data, c->len) ? c->len : 0;
			memcpy(out, c->data, c->len);
			len = c->len;
		} else {
			used = tds_codepage_to_utf8(page, c->data, c->len, out, &len);
		}
	}
	if (used + 1 < c->len)
		return tsql_unsupported(x->e, "bytes that are no text, converted to text,");
	return fit_text(x, (const char *)out, len, ret);
}

static int to_text(const struct cast *x, const struct cell *c, struct cell *ret)
{
	size_t len;
	const char *s;

	if (engine_type_class(x->from) == TC_BYTES)
		return bytes_to_text(x, c, ret);
	if (engine_type_class(x->from) == TC_UDT)
		return not_allowed(x);
	s = cell_print(x->from, c, x->style, x->a, &len);
	return fit_text(x, s, len, ret);
}

/* --- to bytes --- */

static int hex_value(char c)
{
	return c >= '0' && c <= '9'                     ? c - '0'
	       : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
							: -1;
}

static int text_to_bytes(const struct cast *x, const struct cell *c, uint8_t *out, size_t *ret_len)
{
	const char *s = c->data;
	size_t len = c->len, n = 0;
	const struct tds_codepage *page;

	if (x->style == 1 || x->style == 2) {
		if (x->style == 1 && (len < 2 || s[0] != '0' || (s[1] | 0x20) != 'x'))
			return tsql_fail(x->e, 8114, from_name(x), to_name(x));
		for (size_t i = x->style == 1 ? 2 : 0; i < len; i += 2) {
			if (i + 1 >= len || hex_value(s[i]) < 0 || hex_value(s[i + 1]) < 0)
				return tsql_fail(x->e, 8114, from_name(x), to_name(x));
			out[n++] = (uint8_t)(hex_value(s[i]) << 4 | hex_value(s[i + 1]));
		}
	} else if (tds_type_is_utf16(x->from->type)) {
		(void)utf16_from_utf8((const uint8_t *)s, len, out, &n);
	} else {
		page = tds_codepage_get(tds_collation_codepage(x->from->collation));
		if (page) {
			(void)tds_codepage_from_utf8(page, (const uint8_t *)s, len, out, &n);
		} else {
			memcpy(out, s, len);
			n = len;
		}
	}
	*ret_len = n;
	return 0;
}

static int bytes_source(
	const struct cast *x, const struct cell *c, const uint8_t **ret, size_t *ret_len)
{
	uint8_t *out = arena_alloc(x->a, 2 * c->len + 24);
	struct tds_value v;

	*ret = out;
	switch (engine_type_class(x->from)) {
	case TC_TEXT:
		if (x->mode == CAST_ASSIGN && x->from->type != TDS_XML)
			return tsql_fail(x->e, 257, from_name(x), to_name(x));
		return text_to_bytes(x, c, out, ret_len);
	case TC_BYTES:
	case TC_UDT:
		*ret = c->data;
		*ret_len = c->len;
		return 0;
	case TC_INT:
	case TC_MONEY:
		*ret_len = x->from->type == TDS_BITN ? 1 : x->from->size;
		for (size_t i = 0; i < *ret_len; i++)
			out[i] = (uint8_t)((uint64_t)c->i >> 8 * (*ret_len - 1 - i));
		return 0;
	case TC_GUID:
		v = cell_load(x->from, c);
		memcpy(out, v.uuid, 16);
		*ret_len = 16;
		return 0;
	case TC_FLOAT: {
		uint64_t bits;
		float half = (float)c->r;
		uint32_t half_bits;

		memcpy(&bits, &c->r, 8);
		memcpy(&half_bits, &half, 4);
		*ret_len = x->from->size;
		for (size_t i = 0; i < *ret_len; i++)
			out[i] = (uint8_t)((x->from->size == 4 ? half_bits : bits) >>
					   8 * (*ret_len - 1 - i));
		return 0;
	}
	default: {
		/* as on the wire, without the length */
		CLEANUP(buf_release) struct buf row = BUF_INIT(64);

		if (cell_encode(x->from, c, &row, x->e) || row.len < 1)
			return -1;
		memcpy(out, row.data + 1, row.len - 1);
		*ret_len = row.len - 1;
		return 0;
	}
	}
}

static int to_bytes(const struct cast *x, const struct cell *c, struct cell *ret)
{
	const uint8_t *s = NULL;
	size_t len = 0, size = x->to->size;
	bool number = is_number(engine_type_class(x->from));
	uint8_t *out;

	if (bytes_source(x, c, &s, &len))
		return -1;
	ret->kind = CELL_BLOB;
	ret->data = s;
	ret->len = len;
	if (size == TDS_SIZE_MAX || tds_form(x->to) != TDS_FORM_USHORT)
		return 0;
	if (len > size) {
		if (x->mode == CAST_ASSIGN && !number)
			return tsql_fail(x->e, 2628, "", "", "");
		ret->data = number ? s + (len - size) : s;
		ret->len = size;
	}
	if (x->to->type != TDS_BIGBINARY || len >= size)
		return 0;
	out = arena_alloc(x->a, size);
	memcpy(number ? out + (size - len) : out, s, len);
	ret->data = out;
	ret->len = size;
	return 0;
}

static int to_guid(const struct cast *x, const struct cell *c, struct cell *ret)
{
	struct tds_value v = {.kind = TDS_UUID};
	const char *s = c->data;
	size_t len = c->len;
	struct err err = ERR_INIT;

	switch (engine_type_class(x->from)) {
	case TC_GUID:
		*ret = *c;
		return 0;
	case TC_BYTES:
		memcpy(v.uuid, c->data, c->len > 16 ? 16 : c->len);
		break;
	case TC_TEXT:
		trim(&s, &len);
		if (len >= 36 && s[0] != '{')
			len = 36; /* what follows is ignored */
		if (len < 36 || tds_value_parse(x->to, s, len, &v, &err))
			return tsql_fail(x->e, 8169);
		break;
	default:
		return not_allowed(x);
	}
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
		return to_text(x, c, ret);
	case TC_BYTES:
		return to_bytes(x, c, ret);
	case TC_GUID:
		return to_guid(x, c, ret);
	case TC_VARIANT:
		*ret = variant_of(x->from, c, x->a);
		return 0;
	case TC_UDT:
		if (engine_type_class(x->from) != TC_BYTES && engine_type_class(x->from) != TC_UDT)
			return not_allowed(x);
		*ret = *c;
		return 0;
	}
	return not_allowed(x);
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
