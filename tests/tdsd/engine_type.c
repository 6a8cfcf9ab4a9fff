#include "tests/tdsd/engine_type.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_CHARS_NARROW 8000
#define MAX_CHARS_WIDE   4000

const uint8_t engine_collation[TDS_COLLATION_LEN] = {0x09, 0x04, 0xD0, 0x00, 0x34};

/* --- names --- */

/* T-SQL's names that tds_type_parse knows, too. */
static const char *const names[] = {"tinyint", "smallint", "int", "integer", "bigint", "bit",
	"real", "float", "decimal", "numeric", "dec", "money", "smallmoney", "date", "time",
	"datetime2", "datetimeoffset", "datetime", "smalldatetime", "uniqueidentifier", "varchar",
	"char", "character", "nvarchar", "sysname", "nchar", "varbinary", "binary", "rowversion",
	"xml", "sql_variant"};

static const struct {
	const char *name;
	enum tds_type type;
	uint32_t size;
	const char *declared;
} others[] = {{"text", TDS_OLD_TEXT, TDS_PLP_MAX, NULL},
	{"ntext", TDS_OLD_NTEXT, TDS_PLP_MAX - 1, NULL},
	{"image", TDS_OLD_IMAGE, TDS_PLP_MAX, NULL},
	{"geography", TDS_UDT, TDS_SIZE_MAX, "geography"},
	{"geometry", TDS_UDT, TDS_SIZE_MAX, "geometry"},
	{"hierarchyid", TDS_UDT, 892, "hierarchyid"}};

static bool needs_length(const char *name)
{
	static const char *const texts[] = {"varchar", "nvarchar", "varbinary"};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (strcasecmp(texts[i], name) == 0)
			return true;
	return false;
}

static int parse_known(
	const char *text, const char *name, struct tds_column *c, struct tsql_error *e)
{
	char with_length[96];
	struct err err = ERR_INIT;

	if (needs_length(name) && !strchr(text, '(')) {
		snprintf(with_length, sizeof(with_length), "%s(1)", name);
		text = with_length;
	}
	if (tds_type_parse(text, c, &err))
		return tsql_fail(e, 1001, "1", text);
	if (strcasecmp(name, "numeric") == 0)
		c->type = TDS_NUMERICN;
	if (strcasecmp(name, "rowversion") == 0)
		c->user_type = TDS_USER_ROWVERSION;
	if (tds_type_is_narrow(c->type) || tds_type_is_utf16(c->type))
		memcpy(c->collation, engine_collation, sizeof(c->collation));
	return 0;
}

int engine_type_parse(const char *text, struct tds_column *ret, struct tsql_error *e)
{
	char name[64];
	struct tds_column c = {.nullable = true};
	size_t n = strcspn(text, "( ");

	snprintf(name, sizeof(name), "%.*s", (int)(n < sizeof(name) ? n : sizeof(name) - 1), text);
	if (strcasecmp(name, "timestamp") == 0)
		text = strcpy(name, "rowversion");
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		if (strcasecmp(others[i].name, name) != 0)
			continue;
		c.type = others[i].type;
		c.size = others[i].size;
		c.declared = others[i].declared;
		memcpy(c.collation, engine_collation, sizeof(c.collation));
		*ret = c;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcasecmp(names[i], name) != 0)
			continue;
		if (parse_known(text, name, &c, e))
			return -1;
		*ret = c;
		return 0;
	}
	return tsql_fail(e, 243, name);
}

const char *engine_type_name(const struct tds_column *t)
{
	static _Thread_local char out[TDS_TYPE_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (others[i].type == t->type &&
			(t->type != TDS_UDT || !t->declared ||
				strcmp(t->declared, others[i].declared) == 0))
			return others[i].name;
	if (t->type == TDS_NUMERICN)
		return "numeric";
	if (t->user_type == TDS_USER_ROWVERSION)
		return "timestamp";
	{
		char text[TDS_TYPE_TEXT_MAX];

		snprintf(out, sizeof(out), "%s", tds_type_format(t, text));
	}
	out[strcspn(out, "( ")] = '\0';
	return out;
}

const char *engine_type_print(const struct tds_column *t, struct arena *a)
{
	char text[TDS_TYPE_TEXT_MAX];
	const char *out;

	if (t->type == TDS_UDT || tds_form(t) == TDS_FORM_TEXTPTR ||
		t->user_type == TDS_USER_ROWVERSION)
		return arena_strdup(a, engine_type_name(t));
	out = tds_type_format(t, text);
	if (t->type == TDS_NUMERICN)
		return arena_printf(a, "numeric%s", out + strcspn(out, "("));
	return arena_strdup(a, out);
}

/* --- kinds --- */

enum type_class engine_type_class(const struct tds_column *t)
{
	switch (tds_type_base(t->type)) {
	case TDS_INTN:
	case TDS_BITN:
		return TC_INT;
	case TDS_DECIMALN:
		return TC_DECIMAL;
	case TDS_MONEYN:
		return TC_MONEY;
	case TDS_FLTN:
		return TC_FLOAT;
	case TDS_DATEN:
		return TC_DATE;
	case TDS_TIMEN:
		return TC_TIME;
	case TDS_DATETIME2N:
	case TDS_DATETIMN:
		return TC_DATETIME;
	case TDS_DATETIMEOFFSETN:
		return TC_OFFSET;
	case TDS_GUID:
		return TC_GUID;
	case TDS_VARIANT:
		return TC_VARIANT;
	case TDS_UDT:
		return TC_UDT;
	case TDS_BIGVARBINARY:
	case TDS_BIGBINARY:
	case TDS_OLD_IMAGE:
		return TC_BYTES;
	default:
		return TC_TEXT;
	}
}

struct tds_column engine_datetime2_type(void)
{
	return (struct tds_column){
		.type = TDS_DATETIME2N, .size = 8, .scale = 7, .nullable = true};
}

struct tds_column engine_int_type(unsigned size)
{
	struct tds_column t = {
		.type = size == 0 ? TDS_BITN : TDS_INTN, .size = size ? size : 1, .nullable = true};

	tds_type_complete(&t);
	return t;
}

struct tds_column engine_float_type(void)
{
	struct tds_column t = {.type = TDS_FLTN, .size = 8, .nullable = true};

	tds_type_complete(&t);
	return t;
}

struct tds_column engine_decimal_type(unsigned precision, unsigned scale)
{
	struct tds_column t = {.type = TDS_NUMERICN,
		.precision = (uint8_t)precision,
		.scale = (uint8_t)scale,
		.nullable = true};

	t.size = tds_decimal_size(precision);
	return t;
}

struct tds_column engine_text_type(bool wide, uint32_t chars)
{
	struct tds_column t = {.type = wide ? TDS_NVARCHAR : TDS_BIGVARCHAR, .nullable = true};

	if (chars == 0)
		chars = 1;
	t.size = chars > (wide ? MAX_CHARS_WIDE : MAX_CHARS_NARROW) ? TDS_SIZE_MAX
		 : wide                                             ? chars * 2
								    : chars;
	memcpy(t.collation, engine_collation, sizeof(t.collation));
	return t;
}

struct tds_column engine_bytes_type(uint32_t size)
{
	struct tds_column t = {.type = TDS_BIGVARBINARY, .nullable = true};

	t.size = size > TDS_BYTES_MAX ? TDS_SIZE_MAX : size ? size : 1;
	return t;
}

/* Data type precedence, the highest first. */
static int precedence(const struct tds_column *t)
{
	switch (engine_type_class(t)) {
	case TC_UDT:
		return 0;
	case TC_VARIANT:
		return 1;
	case TC_OFFSET:
		return 3;
	case TC_DATETIME:
		return t->type == TDS_DATETIME2N ? 4 : t->size == 8 ? 5 : 6;
	case TC_DATE:
		return 7;
	case TC_TIME:
		return 8;
	case TC_FLOAT:
		return t->size == 8 ? 9 : 10;
	case TC_DECIMAL:
		return 11;
	case TC_MONEY:
		return t->size == 8 ? 12 : 13;
	case TC_INT:
		return t->type == TDS_BITN ? 18
		       : t->size == 8      ? 14
		       : t->size == 4      ? 15
		       : t->size == 2      ? 16
					   : 17;
	case TC_GUID:
		return 22;
	case TC_TEXT:
		return t->type == TDS_XML ? 2 : tds_type_is_utf16(t->type) ? 23 : 25;
	case TC_BYTES:
		return 27;
	}
	return 30;
}

static unsigned digits_of(const struct tds_column *t, unsigned *ret_scale)
{
	*ret_scale = 0;
	switch (engine_type_class(t)) {
	case TC_DECIMAL:
		*ret_scale = t->scale;
		return t->precision;
	case TC_MONEY:
		*ret_scale = 4;
		return t->size == 8 ? 19 : 10;
	case TC_INT:
		return t->type == TDS_BITN ? 1
		       : t->size == 8      ? 19
		       : t->size == 4      ? 10
		       : t->size == 2      ? 5
					   : 3;
	default:
		return 38;
	}
}

static uint32_t chars_of(const struct tds_column *t)
{
	if (t->size == TDS_SIZE_MAX || tds_form(t) == TDS_FORM_TEXTPTR || t->type == TDS_XML)
		return UINT32_MAX;
	return tds_type_is_utf16(t->type) ? t->size / 2 : t->size;
}

static struct tds_column common_text(const struct tds_column *a, const struct tds_column *b)
{
	bool wide = tds_type_is_utf16(a->type) || tds_type_is_utf16(b->type);
	uint32_t chars = chars_of(a) > chars_of(b) ? chars_of(a) : chars_of(b);
	struct tds_column t = engine_text_type(wide, chars);
	bool padded =
		tds_type_is_padded(a->type) && tds_type_is_padded(b->type) && a->type == b->type;
	const struct tds_column *with =
		memcmp(a->collation, engine_collation, TDS_COLLATION_LEN) != 0 ? a : b;

	if (padded && a->size == b->size)
		t.type = a->type;
	memcpy(t.collation, with->collation, TDS_COLLATION_LEN);
	return t;
}

static struct tds_column common_decimal(const struct tds_column *a, const struct tds_column *b)
{
	unsigned sa, sb, pa = digits_of(a, &sa), pb = digits_of(b, &sb);
	unsigned scale = sa > sb ? sa : sb, whole = pa - sa > pb - sb ? pa - sa : pb - sb;

	if (whole + scale > TDS_DECIMAL_DIGITS_MAX)
		scale = whole >= TDS_DECIMAL_DIGITS_MAX ? 0 : TDS_DECIMAL_DIGITS_MAX - whole;
	if (whole > TDS_DECIMAL_DIGITS_MAX)
		whole = TDS_DECIMAL_DIGITS_MAX;
	return engine_decimal_type(whole + scale, scale);
}

static bool comparable(enum type_class high, enum type_class low)
{
	switch (high) {
	case TC_UDT:
		return low == TC_UDT || low == TC_TEXT || low == TC_BYTES;
	case TC_GUID:
		return low == TC_GUID || low == TC_TEXT || low == TC_BYTES;
	case TC_DATE:
	case TC_TIME:
	case TC_OFFSET:
		return low == TC_TEXT || low == high ||
		       (high == TC_OFFSET &&
			       (low == TC_DATETIME || low == TC_DATE || low == TC_TIME));
	case TC_DATETIME:
		return low != TC_GUID;
	default:
		return low != TC_GUID || high == TC_VARIANT;
	}
}

bool engine_type_common(
	const struct tds_column *a, const struct tds_column *b, struct tds_column *ret)
{
	bool nullable = a->nullable || b->nullable;
	const struct tds_column *high = precedence(a) <= precedence(b) ? a : b,
				*low = high == a ? b : a;
	enum type_class ch = engine_type_class(high), cl = engine_type_class(low);
	struct tds_column t = *high;

	if (!comparable(ch, cl))
		return false;
	if (ch == TC_TEXT && cl == TC_TEXT && high->type != TDS_XML)
		t = common_text(a, b);
	else if (ch == TC_DECIMAL && (cl == TC_DECIMAL || cl == TC_MONEY || cl == TC_INT))
		t = common_decimal(a, b);
	else if (ch == TC_BYTES && low->size > high->size)
		t = *low;
	else if (ch == cl && (ch == TC_TIME || ch == TC_OFFSET || ch == TC_DATETIME) &&
		 low->scale > high->scale && high->type != TDS_DATETIMN) {
		t.scale = low->scale;
		t.size = t.type == low->type ? low->size : tds_time_size(t.scale) + 3;
	}
	if (ch == TC_BYTES && t.type == TDS_BIGBINARY && (a->type != b->type || a->size != b->size))
		t.type = TDS_BIGVARBINARY;
	t.name = NULL;
	t.identity = t.computed = false;
	t.user_type = 0;
	t.nullable = nullable;
	*ret = t;
	return true;
}

bool engine_type_same(const struct tds_column *a, const struct tds_column *b)
{
	return tds_type_base(a->type) == tds_type_base(b->type) && a->size == b->size &&
	       a->precision == b->precision && a->scale == b->scale &&
	       memcmp(a->collation, b->collation, TDS_COLLATION_LEN) == 0;
}

/* --- codes --- */

const char *engine_type_code(const struct tds_column *t, char out[TYPE_CODE_MAX])
{
	snprintf(out, TYPE_CODE_MAX, "%x:%x:%x:%x:%02x%02x%02x%02x%02x", (unsigned)t->type, t->size,
		t->precision, t->scale, t->collation[0], t->collation[1], t->collation[2],
		t->collation[3], t->collation[4]);
	return out;
}

void engine_type_decode(const char *code, struct tds_column *ret)
{
	char *p;
	uint64_t collation;

	*ret = (struct tds_column){.nullable = true};
	ret->type = (enum tds_type)strtoul(code, &p, 16);
	ret->size = (uint32_t)strtoul(p + 1, &p, 16);
	ret->precision = (uint8_t)strtoul(p + 1, &p, 16);
	ret->scale = (uint8_t)strtoul(p + 1, &p, 16);
	collation = strtoull(p + 1, &p, 16);
	for (unsigned i = 0; i < TDS_COLLATION_LEN; i++)
		ret->collation[i] = (uint8_t)(collation >> (8 * (TDS_COLLATION_LEN - 1 - i)));
}

int engine_system_type(const struct tds_column *t)
{
	static const struct {
		enum tds_type type;
		uint32_t size; /* 0: any */
		int id;
	} ids[] = {{TDS_INTN, 1, 48}, {TDS_INTN, 2, 52}, {TDS_INTN, 4, 56}, {TDS_INTN, 8, 127},
		{TDS_BITN, 0, 104}, {TDS_FLTN, 4, 59}, {TDS_FLTN, 8, 62}, {TDS_DECIMALN, 0, 106},
		{TDS_NUMERICN, 0, 108}, {TDS_MONEYN, 4, 122}, {TDS_MONEYN, 8, 60},
		{TDS_DATEN, 0, 40}, {TDS_TIMEN, 0, 41}, {TDS_DATETIME2N, 0, 42},
		{TDS_DATETIMEOFFSETN, 0, 43}, {TDS_DATETIMN, 4, 58}, {TDS_DATETIMN, 8, 61},
		{TDS_GUID, 0, 36}, {TDS_BIGVARCHAR, 0, 167}, {TDS_BIGCHAR, 0, 175},
		{TDS_NVARCHAR, 0, 231}, {TDS_NCHAR, 0, 239}, {TDS_BIGVARBINARY, 0, 165},
		{TDS_BIGBINARY, 0, 173}, {TDS_XML, 0, 241}, {TDS_VARIANT, 0, 98},
		{TDS_OLD_TEXT, 0, 35}, {TDS_OLD_NTEXT, 0, 99}, {TDS_OLD_IMAGE, 0, 34},
		{TDS_UDT, 0, 240}};

	if (t->user_type == TDS_USER_ROWVERSION)
		return 189;
	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		if (ids[i].type == t->type && (ids[i].size == 0 || ids[i].size == t->size))
			return ids[i].id;
	return 0;
}

unsigned engine_precision(const struct tds_column *t)
{
	unsigned fraction = t->scale ? t->scale + 1u : 0;

	switch (engine_type_class(t)) {
	case TC_INT:
	case TC_DECIMAL:
	case TC_MONEY:
		return digits_of(t, &fraction);
	case TC_FLOAT:
		return t->size == 8 ? 53 : 24;
	case TC_DATE:
		return 10;
	case TC_TIME:
		return 8 + fraction;
	case TC_DATETIME:
		return t->type == TDS_DATETIME2N ? 19 + fraction : t->size == 8 ? 23 : 16;
	case TC_OFFSET:
		return 26 + fraction;
	default:
		return 0;
	}
}
