#include "tds/type.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

#define NAME_MAX_LEN 32 /* of a type's name; a longer word is none */

const uint8_t tds_collation_utf8[TDS_COLLATION_LEN] = {
	/* LCID 0x0409, fBinary2 and fUTF8, version 2 (_100), no sort id (MS-TDS 2.2.5.1.2) */
	0x09, 0x04, 0x00, 0x26, 0x00};

enum arguments {
	ARG_NONE,
	ARG_DECIMAL, /* (p[,s]), (18,0) by default */
	ARG_SCALE,   /* (s), 7 by default */
	ARG_FLOAT,   /* (bits), 53 by default */
	ARG_MAX,     /* (max), required */
};

/* The first name of a type and size is the one that is printed. */
static const struct type_name {
	const char *name;
	enum tds_type type;
	uint32_t size; /* 0: depends on the arguments */
	enum arguments arguments;
} names[] = {
	{"tinyint", TDS_INTN, 1, ARG_NONE},
	{"smallint", TDS_INTN, 2, ARG_NONE},
	{"int", TDS_INTN, 4, ARG_NONE},
	{"integer", TDS_INTN, 4, ARG_NONE},
	{"bigint", TDS_INTN, 8, ARG_NONE},
	{"bit", TDS_BITN, 1, ARG_NONE},
	{"boolean", TDS_BITN, 1, ARG_NONE},
	{"bool", TDS_BITN, 1, ARG_NONE},
	{"real", TDS_FLTN, 4, ARG_NONE},
	{"float", TDS_FLTN, 8, ARG_FLOAT},
	{"double", TDS_FLTN, 8, ARG_NONE},
	{"decimal", TDS_DECIMALN, 0, ARG_DECIMAL},
	{"numeric", TDS_DECIMALN, 0, ARG_DECIMAL},
	{"dec", TDS_DECIMALN, 0, ARG_DECIMAL},
	{"date", TDS_DATEN, 3, ARG_NONE},
	{"time", TDS_TIMEN, 0, ARG_SCALE},
	{"datetime2", TDS_DATETIME2N, 0, ARG_SCALE},
	{"datetimeoffset", TDS_DATETIMEOFFSETN, 0, ARG_SCALE},
	{"varchar", TDS_BIGVARCHAR, TDS_SIZE_MAX, ARG_MAX},
	{"text", TDS_BIGVARCHAR, TDS_SIZE_MAX, ARG_NONE},
	{"varbinary", TDS_BIGVARBINARY, TDS_SIZE_MAX, ARG_MAX},
	{"blob", TDS_BIGVARBINARY, TDS_SIZE_MAX, ARG_NONE},
};

/* What is left of a declaration. */
struct reader {
	const char *p;
};

static void skip_blanks(struct reader *r)
{
	r->p += strspn(r->p, " \t\r\n");
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static size_t word_length(const char *p)
{
	size_t n = 0;

	while (is_digit(p[n]) || p[n] == '_' || ((p[n] | 0x20) >= 'a' && (p[n] | 0x20) <= 'z'))
		n++;
	return n;
}

/* The next word, case ignored. */
static bool accept_word(struct reader *r, const char *word)
{
	size_t n;

	skip_blanks(r);
	n = word_length(r->p);
	if (n != strlen(word) || strncasecmp(r->p, word, n) != 0)
		return false;
	r->p += n;
	return true;
}

static bool accept_char(struct reader *r, char c)
{
	skip_blanks(r);
	if (*r->p != c)
		return false;
	r->p++;
	return true;
}

static bool accept_number(struct reader *r, uint8_t *ret)
{
	unsigned v = 0;

	skip_blanks(r);
	if (!is_digit(*r->p))
		return false;
	for (; is_digit(*r->p); r->p++) {
		v = v * 10 + (unsigned)(*r->p - '0');
		if (v > UINT8_MAX)
			return false;
	}
	*ret = (uint8_t)v;
	return true;
}

static int unknown_type(const char *name, struct err *err)
{
	const char *candidates[ARRAY_LEN(names)], *near;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		candidates[i] = names[i].name;
	err_set(err, ERR_CONFIG, "type '%s' is not known", name);
	near = text_nearest(name, candidates, ARRAY_LEN(candidates));
	if (near)
		err_hint(err, "did you mean '%s'?", near);
	return -1;
}

static int parse_name(struct reader *r, const struct type_name **ret, struct err *err)
{
	char name[NAME_MAX_LEN + 1];
	size_t n;

	skip_blanks(r);
	n = word_length(r->p);
	if (n == 0 && *r->p == '\0')
		return err_set(err, ERR_CONFIG, "the type is missing");
	snprintf(name, sizeof(name), "%.*s", n ? (int)(n < NAME_MAX_LEN ? n : NAME_MAX_LEN) : 1,
		r->p);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcasecmp(names[i].name, name) != 0)
			continue;
		r->p += n;
		if (names[i].type == TDS_FLTN && strcasecmp(name, "double") == 0)
			(void)accept_word(r, "precision");
		*ret = &names[i];
		return 0;
	}
	return unknown_type(name, err);
}

static int parse_decimal(struct reader *r, struct tds_column *c, struct err *err)
{
	c->precision = 18;
	if (accept_char(r, '(') &&
		(!accept_number(r, &c->precision) ||
			(accept_char(r, ',') && !accept_number(r, &c->scale)) ||
			!accept_char(r, ')') || c->precision < 1 ||
			c->precision > TDS_DECIMAL_DIGITS_MAX || c->scale > c->precision))
		return err_set(err, ERR_CONFIG,
			"decimal takes (precision, scale): 1 to %d digits, at most all of them "
			"behind the point",
			TDS_DECIMAL_DIGITS_MAX);
	c->size = tds_decimal_size(c->precision);
	return 0;
}

static int parse_scale(struct reader *r, const char *name, struct tds_column *c, struct err *err)
{
	static const uint8_t date_size = 3, offset_size = 2;

	c->scale = TDS_SCALE_MAX;
	if (accept_char(r, '(') && (!accept_number(r, &c->scale) || !accept_char(r, ')') ||
					   c->scale > TDS_SCALE_MAX))
		return err_set(err, ERR_CONFIG, "%s takes (digits of a second's fraction): 0 to %d",
			name, TDS_SCALE_MAX);
	c->size = tds_time_size(c->scale);
	if (c->type != TDS_TIMEN)
		c->size += date_size;
	if (c->type == TDS_DATETIMEOFFSETN)
		c->size += offset_size;
	return 0;
}

static int parse_float(struct reader *r, struct tds_column *c, struct err *err)
{
	uint8_t bits = 53;

	if (accept_char(r, '(') &&
		(!accept_number(r, &bits) || !accept_char(r, ')') || bits < 1 || bits > 53))
		return err_set(err, ERR_CONFIG, "float takes (bits): 1 to 53");
	c->size = bits <= 24 ? 4 : 8;
	return 0;
}

static int parse_max(struct reader *r, const char *name, struct err *err)
{
	if (accept_char(r, '(') && accept_word(r, "max") && accept_char(r, ')'))
		return 0;
	err_set(err, ERR_CONFIG, "%s with a length is not supported yet", name);
	return err_hint(err, "use %s(max)", name);
}

static int parse_arguments(struct reader *r, const struct type_name *t, struct tds_column *c,
	struct err *err)
{
	switch (t->arguments) {
	case ARG_DECIMAL:
		return parse_decimal(r, c, err);
	case ARG_SCALE:
		return parse_scale(r, t->name, c, err);
	case ARG_FLOAT:
		return parse_float(r, c, err);
	case ARG_MAX:
		return parse_max(r, t->name, err);
	case ARG_NONE:
		break;
	}
	return 0;
}

int tds_type_parse(const char *text, struct tds_column *ret_column, struct err *err)
{
	struct reader r = {.p = text};
	const struct type_name *t = NULL;
	struct tds_column c = {.nullable = true};

	if (parse_name(&r, &t, err) < 0)
		return -1;
	c.type = t->type;
	c.size = t->size;
	if (parse_arguments(&r, t, &c, err) < 0)
		return -1;
	if (accept_word(&r, "not")) {
		if (!accept_word(&r, "null"))
			return err_set(err, ERR_CONFIG, "'not' without 'null' behind the type");
		c.nullable = false;
	} else {
		(void)accept_word(&r, "null");
	}
	skip_blanks(&r);
	if (*r.p)
		return err_set(err, ERR_CONFIG, "'%.40s' behind the type is not understood", r.p);
	if (c.type == TDS_BIGVARCHAR)
		memcpy(c.collation, tds_collation_utf8, sizeof(c.collation));
	c.name = ret_column->name;
	*ret_column = c;
	return 0;
}

const char *tds_type_format(const struct tds_column *c, char out[TDS_TYPE_TEXT_MAX])
{
	const struct type_name *t = NULL;

	for (size_t i = 0; i < ARRAY_LEN(names) && !t; i++)
		if (names[i].type == c->type && (names[i].size == 0 || names[i].size == c->size))
			t = &names[i];
	if (!t)
		return c->type == TDS_SQLITE ? "sqlite value" : "unknown type";
	switch (t->arguments) {
	case ARG_DECIMAL:
		snprintf(out, TDS_TYPE_TEXT_MAX, "%s(%d,%d)", t->name, c->precision, c->scale);
		return out;
	case ARG_SCALE:
		snprintf(out, TDS_TYPE_TEXT_MAX, "%s(%d)", t->name, c->scale);
		return out;
	case ARG_MAX:
		snprintf(out, TDS_TYPE_TEXT_MAX, "%s(max)", t->name);
		return out;
	case ARG_FLOAT:
	case ARG_NONE:
		break;
	}
	return t->name;
}

const char *tds_type_print(const struct tds_column *c, struct arena *a)
{
	char text[TDS_TYPE_TEXT_MAX];

	return arena_strdup(a, tds_type_format(c, text));
}

uint32_t tds_lengths(const struct tds_column *c)
{
	switch (c->type) {
	case TDS_INTN:
	case TDS_BITN:
	case TDS_FLTN:
	case TDS_DECIMALN:
	case TDS_DATEN:
	case TDS_TIMEN:
	case TDS_DATETIME2N:
	case TDS_DATETIMEOFFSETN:
		return 1u | 1u << c->size;
	case TDS_BIGVARBINARY:
	case TDS_BIGVARCHAR:
	case TDS_SQLITE:
		break;
	}
	return 0;
}

int tds_column_find(const struct tds_columns *cols, const char *name)
{
	for (uint32_t i = 0; i < cols->n; i++)
		if (strcasecmp(cols->v[i].name, name) == 0)
			return (int)i;
	return -1;
}
