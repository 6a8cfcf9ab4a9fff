/* CAST and CONVERT to text, bytes and uniqueidentifier. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf16.h"
#include "base/utf8.h"
#include "tds/codepage.h"
#include "tds/collation.h"
#include "tests/tdsd/engine_cast.h"
#include "tests/tdsd/engine_number.h"

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

/* Its length counts bytes of UTF-8. */
static bool is_utf8(const struct tds_column *t)
{
	return !tds_type_is_utf16(t->type) && tds_collation_codepage(t->collation) == TDS_CODEPAGE_UTF8;
}

/* Bytes at most that are `units` of the type's length. */
static size_t cut_at(const struct tds_column *t, const char *s, size_t len)
{
	size_t at = 0;
	uint32_t left = tds_type_is_utf16(t->type) ? t->size / 2 : t->size;
	bool bytes = is_utf8(t);

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
			return tsql_fail(x->e, 8115, "expression", cast_to_name(x));
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
		      : x->to->size - (is_utf8(x->to) ? fits : utf8_count((const uint8_t *)s, fits));
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

int cast_to_text(const struct cast *x, const struct cell *c, struct cell *ret)
{
	size_t len;
	const char *s;

	if (engine_type_class(x->from) == TC_BYTES)
		return bytes_to_text(x, c, ret);
	if (engine_type_class(x->from) == TC_UDT)
		return cast_not_allowed(x);
	s = cell_print(x->from, c, x->style, x->a, &len);
	if (x->to->type == TDS_XML && x->from->type != TDS_XML && cast_check_xml(x->e, s, len))
		return -1;
	return fit_text(x, s, len, ret);
}

/* --- to bytes --- */

static int hex_value(char c)
{
	return c >= '0' && c <= '9'                     ? c - '0'
	       : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
							: -1;
}

/* In a code page that is only read elsewhere. */
static int encode(const struct cast *x, const char *s, size_t len, uint8_t *out, size_t *ret_len)
{
	CLEANUP(buf_release) struct buf bytes = BUF_INIT(16 * 1024 * 1024);

	if (!engine_text_encode(tds_collation_codepage(x->from->collation), (const uint8_t *)s, len, &bytes) ||
		bytes.len > 2 * len)
		return tsql_unsupported(x->e, "text in this collation's code page");
	memcpy(out, buf_str(&bytes), bytes.len);
	*ret_len = bytes.len;
	return 0;
}

static int text_to_bytes(const struct cast *x, const struct cell *c, uint8_t *out, size_t *ret_len)
{
	const char *s = c->data;
	size_t len = c->len, n = 0;
	const struct tds_codepage *page;

	if (x->style == 1 || x->style == 2) {
		if (x->style == 1 && (len < 2 || s[0] != '0' || (s[1] | 0x20) != 'x'))
			return tsql_fail(x->e, 8114, cast_from_name(x), cast_to_name(x));
		for (size_t i = x->style == 1 ? 2 : 0; i < len; i += 2) {
			if (i + 1 >= len || hex_value(s[i]) < 0 || hex_value(s[i + 1]) < 0)
				return tsql_fail(x->e, 8114, cast_from_name(x), cast_to_name(x));
			out[n++] = (uint8_t)(hex_value(s[i]) << 4 | hex_value(s[i + 1]));
		}
	} else if (tds_type_is_utf16(x->from->type)) {
		(void)utf16_from_utf8((const uint8_t *)s, len, out, &n);
	} else {
		page = tds_codepage_get(tds_collation_codepage(x->from->collation));
		if (page && !tds_codepage_writes(page))
			return encode(x, s, len, out, ret_len);
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
			return tsql_fail(x->e, 257, cast_from_name(x), cast_to_name(x));
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

int cast_to_bytes(const struct cast *x, const struct cell *c, struct cell *ret)
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

int cast_to_guid(const struct cast *x, const struct cell *c, struct cell *ret)
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
		cast_trim(&s, &len);
		if (len >= 36 && s[0] != '{')
			len = 36; /* what follows is ignored */
		if (len < 36 || tds_value_parse(x->to, s, len, &v, &err))
			return tsql_fail(x->e, 8169);
		break;
	default:
		return cast_not_allowed(x);
	}
	*ret = cell_store(x->to, &v, x->a);
	return 0;
}
