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
	ARG_LENGTH,  /* (n), 1 by default */
	ARG_MAX,     /* (n) or (max), required: T-SQL's 1 surprises everybody */
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
	{"double precision", TDS_FLTN, 8, ARG_NONE},
	{"double", TDS_FLTN, 8, ARG_NONE},
	{"decimal", TDS_DECIMALN, 0, ARG_DECIMAL},
	{"numeric", TDS_DECIMALN, 0, ARG_DECIMAL},
	{"dec", TDS_DECIMALN, 0, ARG_DECIMAL},
	{"money", TDS_MONEYN, 8, ARG_NONE},
	{"smallmoney", TDS_MONEYN, 4, ARG_NONE},
	{"date", TDS_DATEN, 3, ARG_NONE},
	{"time", TDS_TIMEN, 0, ARG_SCALE},
	{"datetime2", TDS_DATETIME2N, 0, ARG_SCALE},
	{"datetimeoffset", TDS_DATETIMEOFFSETN, 0, ARG_SCALE},
	{"datetime", TDS_DATETIMN, 8, ARG_NONE},
	{"smalldatetime", TDS_DATETIMN, 4, ARG_NONE},
	{"uniqueidentifier", TDS_GUID, 16, ARG_NONE},
	{"uuid", TDS_GUID, 16, ARG_NONE},
	{"varchar", TDS_BIGVARCHAR, 0, ARG_MAX},
	{"char varying", TDS_BIGVARCHAR, 0, ARG_MAX},
	{"character varying", TDS_BIGVARCHAR, 0, ARG_MAX},
	{"text", TDS_BIGVARCHAR, TDS_SIZE_MAX, ARG_NONE},
	{"clob", TDS_BIGVARCHAR, TDS_SIZE_MAX, ARG_NONE},
	{"char", TDS_BIGCHAR, 0, ARG_LENGTH},
	{"character", TDS_BIGCHAR, 0, ARG_LENGTH},
	{"nvarchar", TDS_NVARCHAR, 0, ARG_MAX},
	{"national char varying", TDS_NVARCHAR, 0, ARG_MAX},
	{"national character varying", TDS_NVARCHAR, 0, ARG_MAX},
	{"nchar varying", TDS_NVARCHAR, 0, ARG_MAX},
	{"sysname", TDS_NVARCHAR, 256, ARG_NONE},
	{"ntext", TDS_NVARCHAR, TDS_SIZE_MAX, ARG_NONE},
	{"national text", TDS_NVARCHAR, TDS_SIZE_MAX, ARG_NONE},
	{"nchar", TDS_NCHAR, 0, ARG_LENGTH},
	{"national char", TDS_NCHAR, 0, ARG_LENGTH},
	{"national character", TDS_NCHAR, 0, ARG_LENGTH},
	{"varbinary", TDS_BIGVARBINARY, 0, ARG_MAX},
	{"binary varying", TDS_BIGVARBINARY, 0, ARG_MAX},
	{"image", TDS_BIGVARBINARY, TDS_SIZE_MAX, ARG_NONE},
	{"blob", TDS_BIGVARBINARY, TDS_SIZE_MAX, ARG_NONE},
	{"binary", TDS_BIGBINARY, 0, ARG_LENGTH},
	{"rowversion", TDS_BIGBINARY, 8, ARG_NONE},
	{"xml", TDS_XML, TDS_SIZE_MAX, ARG_NONE},
	{"sql_variant", TDS_VARIANT, TDS_VARIANT_MAX, ARG_NONE},
};

const uint8_t tds_forms[256] = {
	[TDS_FIXINT1] = TDS_FORM_FIXED,
	[TDS_FIXBIT] = TDS_FORM_FIXED,
	[TDS_FIXINT2] = TDS_FORM_FIXED,
	[TDS_FIXINT4] = TDS_FORM_FIXED,
	[TDS_FIXINT8] = TDS_FORM_FIXED,
	[TDS_FIXFLT4] = TDS_FORM_FIXED,
	[TDS_FIXFLT8] = TDS_FORM_FIXED,
	[TDS_FIXMONEY] = TDS_FORM_FIXED,
	[TDS_FIXMONEY4] = TDS_FORM_FIXED,
	[TDS_FIXDATETIME] = TDS_FORM_FIXED,
	[TDS_FIXDATETIM4] = TDS_FORM_FIXED,
	[TDS_INTN] = TDS_FORM_SIZED,
	[TDS_BITN] = TDS_FORM_SIZED,
	[TDS_FLTN] = TDS_FORM_SIZED,
	[TDS_DECIMALN] = TDS_FORM_SIZED,
	[TDS_NUMERICN] = TDS_FORM_SIZED,
	[TDS_MONEYN] = TDS_FORM_SIZED,
	[TDS_DATETIMN] = TDS_FORM_SIZED,
	[TDS_GUID] = TDS_FORM_SIZED,
	[TDS_DATEN] = TDS_FORM_SIZED,
	[TDS_TIMEN] = TDS_FORM_SIZED,
	[TDS_DATETIME2N] = TDS_FORM_SIZED,
	[TDS_DATETIMEOFFSETN] = TDS_FORM_SIZED,
	[TDS_BIGVARBINARY] = TDS_FORM_USHORT,
	[TDS_BIGVARCHAR] = TDS_FORM_USHORT,
	[TDS_BIGBINARY] = TDS_FORM_USHORT,
	[TDS_BIGCHAR] = TDS_FORM_USHORT,
	[TDS_NVARCHAR] = TDS_FORM_USHORT,
	[TDS_NCHAR] = TDS_FORM_USHORT,
	[TDS_XML] = TDS_FORM_PLP,
	[TDS_UDT] = TDS_FORM_PLP,
	[TDS_VARIANT] = TDS_FORM_LONG,
	[TDS_OLD_TEXT] = TDS_FORM_TEXTPTR,
	[TDS_OLD_NTEXT] = TDS_FORM_TEXTPTR,
	[TDS_OLD_IMAGE] = TDS_FORM_TEXTPTR,
	[TDS_SQLITE] = TDS_FORM_SQLITE,
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

static bool accept_number(struct reader *r, unsigned max, unsigned *ret)
{
	unsigned v = 0;

	skip_blanks(r);
	if (!is_digit(*r->p))
		return false;
	for (; is_digit(*r->p); r->p++) {
		v = v * 10 + (unsigned)(*r->p - '0');
		if (v > max)
			return false;
	}
	*ret = v;
	return true;
}

static int unknown_type(const char *name, struct err *err)
{
	const char *candidates[ARRAY_LEN(names)], *near;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		candidates[i] = names[i].name;
	err_set(err, ERR_CONFIG, "type '%s' is not known", name);
	if (strcasecmp(name, "timestamp") == 0)
		return err_hint(err, "T-SQL means rowversion by it, others datetime2: say which");
	near = text_nearest(name, candidates, ARRAY_LEN(candidates));
	if (near)
		err_hint(err, "did you mean '%s'?", near);
	return -1;
}

/* All words of a type's name. */
static bool accept_name(struct reader *r, const char *name)
{
	char word[NAME_MAX_LEN + 1];
	struct reader at = *r;

	while (*name) {
		size_t n = strcspn(name, " ");

		snprintf(word, sizeof(word), "%.*s", (int)n, name);
		if (!accept_word(&at, word))
			return false;
		name += n + (name[n] == ' ');
	}
	*r = at;
	return true;
}

static int parse_name(struct reader *r, const struct type_name **ret, struct err *err)
{
	const struct type_name *found = NULL;
	struct reader longest = *r;
	char name[NAME_MAX_LEN + 1];
	size_t n;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct reader at = *r;

		if (!accept_name(&at, names[i].name) || at.p <= longest.p)
			continue;
		longest = at;
		found = &names[i];
	}
	if (found) {
		*r = longest;
		*ret = found;
		return 0;
	}
	skip_blanks(r);
	n = word_length(r->p);
	if (n == 0 && *r->p == '\0')
		return err_set(err, ERR_CONFIG, "the type is missing");
	snprintf(name, sizeof(name), "%.*s", n ? (int)(n < NAME_MAX_LEN ? n : NAME_MAX_LEN) : 1,
		r->p);
	return unknown_type(name, err);
}

static int parse_decimal(struct reader *r, struct tds_column *c, struct err *err)
{
	unsigned precision = 18, scale = 0;

	if (accept_char(r, '(') &&
		(!accept_number(r, TDS_DECIMAL_DIGITS_MAX, &precision) ||
			(accept_char(r, ',') && !accept_number(r, precision, &scale)) ||
			!accept_char(r, ')') || precision < 1))
		return err_set(err, ERR_CONFIG,
			"decimal takes (precision, scale): 1 to %d digits, at most all of them "
			"behind the point",
			TDS_DECIMAL_DIGITS_MAX);
	c->precision = (uint8_t)precision;
	c->scale = (uint8_t)scale;
	return 0;
}

static int parse_scale(struct reader *r, const char *name, struct tds_column *c, struct err *err)
{
	unsigned scale = TDS_SCALE_MAX;

	if (accept_char(r, '(') &&
		(!accept_number(r, TDS_SCALE_MAX, &scale) || !accept_char(r, ')')))
		return err_set(err, ERR_CONFIG, "%s takes (digits of a second's fraction): 0 to %d",
			name, TDS_SCALE_MAX);
	c->scale = (uint8_t)scale;
	return 0;
}

static int parse_float(struct reader *r, struct tds_column *c, struct err *err)
{
	unsigned bits = 53;

	if (accept_char(r, '(') &&
		(!accept_number(r, 53, &bits) || !accept_char(r, ')') || bits < 1))
		return err_set(err, ERR_CONFIG, "float takes (bits): 1 to 53");
	c->size = bits <= 24 ? 4 : 8;
	return 0;
}

static int parse_length(
	struct reader *r, const struct type_name *t, struct tds_column *c, struct err *err)
{
	unsigned unit = tds_type_is_utf16(t->type) ? 2 : 1, max = TDS_BYTES_MAX / unit, n = 1;
	bool open = accept_char(r, '('), takes_max = t->arguments == ARG_MAX;

	if (open && takes_max && accept_word(r, "max")) {
		c->size = TDS_SIZE_MAX;
		if (accept_char(r, ')'))
			return 0;
	} else if (open && accept_number(r, max, &n) && n && accept_char(r, ')')) {
		c->size = n * unit;
		return 0;
	} else if (!open && !takes_max) {
		c->size = unit;
		return 0;
	}
	return err_set(err, ERR_CONFIG, "%s takes (length): 1 to %u%s", t->name, max,
		takes_max ? ", or max" : "");
}

static int parse_arguments(
	struct reader *r, const struct type_name *t, struct tds_column *c, struct err *err)
{
	switch (t->arguments) {
	case ARG_DECIMAL:
		return parse_decimal(r, c, err);
	case ARG_SCALE:
		return parse_scale(r, t->name, c, err);
	case ARG_FLOAT:
		return parse_float(r, c, err);
	case ARG_LENGTH:
	case ARG_MAX:
		return parse_length(r, t, c, err);
	case ARG_NONE:
		break;
	}
	return 0;
}

int tds_type_parse(const char *text, struct tds_column *ret_column, struct err *err)
{
	struct reader r = {.p = text};
	const struct type_name *t = NULL;
	struct tds_column c = {.name = ret_column->name, .nullable = true};

	if (parse_name(&r, &t, err) < 0)
		return -1;
	c.type = t->type;
	c.size = t->size;
	if (parse_arguments(&r, t, &c, err) < 0)
		return -1;
	tds_type_complete(&c);
	if (strcmp(t->name, "rowversion") == 0)
		c.user_type = TDS_USER_ROWVERSION;
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
	if (tds_type_is_narrow(c.type) || (tds_type_is_utf16(c.type) && c.type != TDS_XML))
		memcpy(c.collation, tds_collation_utf8, sizeof(c.collation));
	*ret_column = c;
	return 0;
}

/* Types that nobody declares. */
static const char *odd_name(enum tds_type type)
{
	switch (type) {
	case TDS_OLD_TEXT:
		return "text";
	case TDS_OLD_NTEXT:
		return "ntext";
	case TDS_OLD_IMAGE:
		return "image";
	case TDS_UDT:
		return "CLR type";
	case TDS_SQLITE:
		return "sqlite value";
	default:
		return "unknown type";
	}
}

const char *tds_type_format(const struct tds_column *c, char out[TDS_TYPE_TEXT_MAX])
{
	enum tds_type base = tds_type_base(c->type);
	const struct type_name *t = NULL;
	const char *name;

	for (size_t i = 0; i < ARRAY_LEN(names) && !t; i++)
		if (names[i].type == base &&
			(names[i].size == 0 || names[i].size == c->size || base == TDS_VARIANT))
			t = &names[i];
	if (!t)
		return odd_name(c->type);
	name = c->type == TDS_NUMERICN ? "numeric" : t->name;
	switch (t->arguments) {
	case ARG_DECIMAL:
		snprintf(out, TDS_TYPE_TEXT_MAX, "%s(%d,%d)", name, c->precision, c->scale);
		return out;
	case ARG_SCALE:
		snprintf(out, TDS_TYPE_TEXT_MAX, "%s(%d)", name, c->scale);
		return out;
	case ARG_LENGTH:
	case ARG_MAX:
		if (c->size == TDS_SIZE_MAX)
			snprintf(out, TDS_TYPE_TEXT_MAX, "%s(max)", name);
		else
			snprintf(out, TDS_TYPE_TEXT_MAX, "%s(%u)", name,
				(unsigned)(tds_type_is_utf16(c->type) ? c->size / 2 : c->size));
		return out;
	case ARG_FLOAT:
	case ARG_NONE:
		break;
	}
	return name;
}

const char *tds_type_print(const struct tds_column *c, struct arena *a)
{
	char text[TDS_TYPE_TEXT_MAX];

	return arena_strdup(a, tds_type_format(c, text));
}

enum tds_type tds_type_base(enum tds_type type)
{
	switch (type) {
	case TDS_FIXINT1:
	case TDS_FIXINT2:
	case TDS_FIXINT4:
	case TDS_FIXINT8:
		return TDS_INTN;
	case TDS_FIXBIT:
		return TDS_BITN;
	case TDS_FIXFLT4:
	case TDS_FIXFLT8:
		return TDS_FLTN;
	case TDS_FIXMONEY:
	case TDS_FIXMONEY4:
		return TDS_MONEYN;
	case TDS_FIXDATETIME:
	case TDS_FIXDATETIM4:
		return TDS_DATETIMN;
	case TDS_NUMERICN:
		return TDS_DECIMALN;
	default:
		return type;
	}
}

static uint32_t time_size(enum tds_type type, unsigned scale)
{
	static const uint8_t date_size = 3, offset_size = 2;
	uint32_t size = type == TDS_DATEN ? 0 : tds_time_size(scale);

	if (type != TDS_TIMEN)
		size += date_size;
	if (type == TDS_DATETIMEOFFSETN)
		size += offset_size;
	return size;
}

static uint32_t fixed_size(enum tds_type type)
{
	switch (type) {
	case TDS_FIXINT1:
	case TDS_FIXBIT:
		return 1;
	case TDS_FIXINT2:
		return 2;
	case TDS_FIXINT4:
	case TDS_FIXFLT4:
	case TDS_FIXMONEY4:
	case TDS_FIXDATETIM4:
		return 4;
	default:
		return 8;
	}
}

void tds_type_complete(struct tds_column *c)
{
	if (tds_form(c) == TDS_FORM_FIXED)
		c->size = fixed_size(c->type);
	switch (tds_type_base(c->type)) {
	case TDS_MONEYN:
		c->precision = c->size == 4 ? 10 : 19;
		c->scale = 4;
		break;
	case TDS_DATETIMN:
		c->scale = c->size == 4 ? 0 : 3;
		break;
	case TDS_DECIMALN:
		c->size = tds_decimal_size(c->precision);
		break;
	case TDS_DATEN:
	case TDS_TIMEN:
	case TDS_DATETIME2N:
	case TDS_DATETIMEOFFSETN:
		c->size = time_size(c->type, c->scale);
		break;
	default:
		break;
	}
}

int tds_column_find(const struct tds_columns *cols, const char *name)
{
	for (uint32_t i = 0; i < cols->n; i++)
		if (strcasecmp(cols->v[i].name, name) == 0)
			return (int)i;
	return -1;
}
