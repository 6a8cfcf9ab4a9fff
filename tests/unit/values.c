#include "unit/values.h"

#include <float.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"

static const char *const declared[] = {"tinyint", "smallint", "int", "bigint", "bit", "real",
	"float", "decimal(1,0)", "decimal(9,4)", "decimal(10,10)", "decimal(18,4)", "decimal(19,0)",
	"decimal(20,0)", "decimal(28,28)", "decimal(29,3)", "decimal(38,0)", "decimal(38,38)",
	"money", "smallmoney", "date", "datetime", "smalldatetime", "uniqueidentifier", "char(1)",
	"char(10)", "char(8000)", "varchar(1)", "varchar(50)", "varchar(8000)", "varchar(max)",
	"nchar(1)", "nchar(10)", "nchar(4000)", "nvarchar(1)", "nvarchar(50)", "nvarchar(4000)",
	"nvarchar(max)", "binary(1)", "binary(16)", "varbinary(1)", "varbinary(50)",
	"varbinary(8000)", "varbinary(max)", "xml", "sql_variant", "rowversion"};

static const struct {
	const char *name;
	enum tds_type type;
	uint32_t size;
} others[] = {
	{"fixed tinyint", TDS_FIXINT1, 1},
	{"fixed smallint", TDS_FIXINT2, 2},
	{"fixed int", TDS_FIXINT4, 4},
	{"fixed bigint", TDS_FIXINT8, 8},
	{"fixed bit", TDS_FIXBIT, 1},
	{"fixed real", TDS_FIXFLT4, 4},
	{"fixed float", TDS_FIXFLT8, 8},
	{"fixed money", TDS_FIXMONEY, 8},
	{"fixed smallmoney", TDS_FIXMONEY4, 4},
	{"fixed datetime", TDS_FIXDATETIME, 8},
	{"fixed smalldatetime", TDS_FIXDATETIM4, 4},
	{"udt", TDS_UDT, TDS_SIZE_MAX},
	{"old text", TDS_OLD_TEXT, TDS_PLP_MAX},
	{"old ntext", TDS_OLD_NTEXT, TDS_PLP_MAX},
	{"old image", TDS_OLD_IMAGE, TDS_PLP_MAX},
	{"sqlite", TDS_SQLITE, TDS_SIZE_MAX},
};

static const char *const scaled[] = {"time", "datetime2", "datetimeoffset"};

struct tds_column values_column(const char *type)
{
	struct tds_column c = {.name = type, .nullable = true};
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		if (strcmp(type, others[i].name) != 0)
			continue;
		c.type = others[i].type;
		c.size = others[i].size;
		c.nullable = tds_form(&c) != TDS_FORM_FIXED;
		if (tds_type_is_narrow(c.type) || tds_type_is_utf16(c.type))
			memcpy(c.collation, tds_collation_utf8, sizeof(c.collation));
		tds_type_complete(&c);
		return c;
	}
	if (tds_type_parse(type, &c, &err) < 0)
		fail_msg("%s: %s", type, err.msg);
	return c;
}

size_t values_columns(struct tds_column out[VALUES_COLUMNS_MAX])
{
	static char names[3][8][24];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(declared); i++)
		out[n++] = values_column(declared[i]);
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		out[n++] = values_column(others[i].name);
	for (size_t i = 0; i < ARRAY_LEN(scaled); i++) {
		for (unsigned scale = 0; scale <= TDS_SCALE_MAX; scale++) {
			snprintf(names[i][scale], sizeof(names[i][scale]), "%s(%u)", scaled[i],
				scale);
			out[n++] = values_column(names[i][scale]);
		}
	}
	out[n] = values_column("decimal(12,3)");
	out[n++].type = TDS_NUMERICN;
	assert_true(n <= VALUES_COLUMNS_MAX);
	return n;
}

uint64_t values_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed * UINT64_C(0x2545F4914F6CDD1D);
}

static void set_int(const struct tds_column *c, uint64_t r, bool extreme, struct tds_value *v)
{
	unsigned unused = 64 - 8 * c->size;

	v->kind = TDS_INT;
	if (extreme)
		v->i = c->size == 1 ? (r & 1 ? UINT8_MAX : 0)
				    : (r & 1 ? INT64_MAX : INT64_MIN) >> unused;
	else
		v->i = c->size == 1 ? (uint8_t)r : (int64_t)r >> unused;
}

static void set_real(const struct tds_column *c, uint64_t r, bool extreme, struct tds_value *v)
{
	static const double doubles[] = {DBL_MAX, -DBL_MAX, DBL_MIN, DBL_TRUE_MIN, -0.0, 0.1,
		9007199254740993.0, 1e23, 3.0000000000000004};
	static const float floats[] = {
		FLT_MAX, -FLT_MAX, FLT_MIN, FLT_TRUE_MIN, -0.0f, 0.1f, 16777217.0f};

	v->kind = TDS_REAL;
	if (c->size == sizeof(float))
		v->r = (double)(extreme ? floats[r % ARRAY_LEN(floats)]
					: (float)(int32_t)r / (float)(1 + (r >> 32) % 1000));
	else
		v->r = extreme ? doubles[r % ARRAY_LEN(doubles)]
			       : (double)(int64_t)r / (double)(1 + r % 100000);
}

static void set_decimal(
	const struct tds_column *c, uint64_t r, uint64_t r2, bool extreme, struct tds_value *v)
{
	unsigned __int128 end = tds_pow10(c->precision);

	v->kind = TDS_DECIMAL;
	v->d.negative = r & 1;
	if (tds_type_base(c->type) == TDS_MONEYN)
		end = (unsigned __int128)tds_money_max(c->size, v->d.negative) + 1;
	v->d.magnitude = ((unsigned __int128)r2 << 64 | r) % end;
	if (extreme)
		v->d.magnitude = r & 2 ? end - 1 : 0;
	else if (r % 3 == 0) /* short ones, too */
		v->d.magnitude %= 10000;
	if (v->d.magnitude == 0)
		v->d.negative = false;
}

static void set_datetime(const struct tds_column *c, uint64_t r, bool extreme, struct tds_value *v)
{
	int32_t first = c->size == 4 ? TDS_DAYS_1900 : TDS_DAYS_1753;
	int32_t last = c->size == 4 ? TDS_DAYS_1900 + UINT16_MAX : TDS_DAYS_MAX;
	uint64_t units = (r >> 20) % TDS_DATETIME_UNITS_PER_DAY;

	v->t.days = first + (int32_t)(r % (uint64_t)(last - first + 1));
	if (extreme) {
		v->t.days = r & 1 ? first : last;
		units = r & 2 ? 0 : TDS_DATETIME_UNITS_PER_DAY - 1;
	}
	v->t.ticks = c->size == 4 ? units / 18000 * 60 * TDS_TICKS_PER_SECOND
				  : (units * 10 + 1) / 3 * 10000;
}

static void set_time(
	const struct tds_column *c, uint64_t r, uint64_t r2, bool extreme, struct tds_value *v)
{
	enum tds_type base = tds_type_base(c->type);
	uint64_t unit = tds_time_unit(c->scale);

	*v = (struct tds_value){.kind = TDS_TIME};
	if (base == TDS_DATETIMN) {
		set_datetime(c, r, extreme, v);
		return;
	}
	if (base != TDS_TIMEN)
		v->t.days =
			extreme ? (r & 1 ? TDS_DAYS_MAX : 0) : (int32_t)(r % (TDS_DAYS_MAX + 1));
	if (base != TDS_DATEN)
		v->t.ticks = extreme ? (r & 2 ? TDS_TICKS_PER_DAY - unit : 0)
				     : r2 % TDS_TICKS_PER_DAY / unit * unit;
	if (base == TDS_DATETIMEOFFSETN) {
		v->t.offset = (int16_t)(r2 % (2 * TDS_OFFSET_MAX + 1)) - TDS_OFFSET_MAX;
		if (v->t.days == 0 || v->t.days == TDS_DAYS_MAX) /* in the calendar everywhere */
			v->t.offset = 0;
	}
}

static uint32_t random_char(uint64_t r)
{
	static const uint32_t ends[] = {
		0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF, 0x20AC, 0xE9};

	if (r % 8 == 0)
		return ends[(r >> 8) % ARRAY_LEN(ends)];
	if (r % 8 < 6)
		return ' ' + (uint32_t)(r >> 8) % 95;
	return 0xA0 + (uint32_t)(r >> 8) % 0x3000;
}

/* Whole characters of up to `len` bytes. */
static void set_text(uint32_t len, bool utf16, uint64_t *seed, uint8_t *room, struct tds_value *v)
{
	uint8_t *p = room, *end = room + len;

	while (end - p >= 4) {
		uint32_t c = random_char(values_random(seed));

		if (!utf16) {
			p = utf8_encode(p, c);
		} else if (c < 0x10000) {
			p = tds_put16(p, (uint16_t)c);
		} else {
			p = tds_put16(p, (uint16_t)(0xD7C0 + (c >> 10)));
			p = tds_put16(p, (uint16_t)(0xDC00 | (c & 0x3FF)));
		}
	}
	while (end - p >= 2 && utf16)
		p = tds_put16(p, 'x');
	while (p < end && !utf16)
		*p++ = 'x';
	v->kind = utf16 ? TDS_UTF16 : TDS_TEXT;
	v->s.data = room;
	v->s.len = (uint32_t)(p - room);
}

static void set_blob(uint32_t len, uint64_t *seed, uint8_t *room, struct tds_value *v)
{
	for (uint32_t i = 0; i < len; i++)
		room[i] = (uint8_t)values_random(seed);
	v->kind = TDS_BLOB;
	v->s.data = room;
	v->s.len = len;
}

static uint32_t random_length(const struct tds_column *c, uint64_t r, bool extreme)
{
	uint32_t max = c->size < VALUES_LEN_MAX ? c->size : VALUES_LEN_MAX;
	uint32_t len = (uint32_t)(r >> 8) % (r & 64 ? (max < 40 ? max : 40) + 1 : max + 1);

	if (tds_type_is_padded(c->type) && c->size <= VALUES_LEN_MAX)
		return c->size;
	return extreme ? (r & 1 ? max : 0) : len;
}

struct tds_value values_value(
	const struct tds_column *c, uint64_t *seed, uint8_t room[VALUES_LEN_MAX])
{
	uint64_t r = values_random(seed), r2 = values_random(seed);
	bool extreme = (r >> 60) < 2;
	uint32_t len = random_length(c, r, extreme);
	struct tds_value v = {.kind = TDS_NULL};

	switch (tds_type_base(c->type)) {
	case TDS_INTN:
		set_int(c, r, extreme, &v);
		break;
	case TDS_BITN:
		v.kind = TDS_INT;
		v.i = r & 1;
		break;
	case TDS_FLTN:
		set_real(c, r, extreme, &v);
		break;
	case TDS_DECIMALN:
	case TDS_MONEYN:
		set_decimal(c, r, r2, extreme, &v);
		break;
	case TDS_GUID:
		v.kind = TDS_UUID;
		memcpy(v.uuid, &r, 8);
		memcpy(v.uuid + 8, &r2, 8);
		break;
	case TDS_SQLITE:
		if (r % 4 == 0)
			set_int(&(struct tds_column){.type = TDS_INTN, .size = 8}, r2, extreme, &v);
		else if (r % 4 == 1)
			set_real(
				&(struct tds_column){.type = TDS_FLTN, .size = 8}, r2, extreme, &v);
		else if (r % 4 == 2)
			set_text(len, false, seed, room, &v);
		else
			set_blob(len, seed, room, &v);
		break;
	case TDS_VARIANT: /* its empty value is null */
		set_blob(len ? len : 2, seed, room, &v);
		break;
	default:
		if (tds_type_is_narrow(c->type) || tds_type_is_utf16(c->type))
			set_text(len, tds_type_is_utf16(c->type), seed, room, &v);
		else if (tds_form(c) == TDS_FORM_SIZED || tds_form(c) == TDS_FORM_FIXED)
			set_time(c, r, r2, extreme, &v);
		else
			set_blob(len, seed, room, &v);
	}
	return v;
}

bool values_same(const struct tds_value *a, const struct tds_value *b)
{
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case TDS_NULL:
		return true;
	case TDS_INT:
		return a->i == b->i;
	case TDS_REAL:
		return memcmp(&a->r, &b->r, sizeof(a->r)) == 0;
	case TDS_DECIMAL:
		return a->d.magnitude == b->d.magnitude && a->d.negative == b->d.negative;
	case TDS_TIME:
		return a->t.days == b->t.days && a->t.ticks == b->t.ticks &&
		       a->t.offset == b->t.offset;
	case TDS_UUID:
		return memcmp(a->uuid, b->uuid, sizeof(a->uuid)) == 0;
	default:
		return a->s.len == b->s.len &&
		       (a->s.len == 0 || memcmp(a->s.data, b->s.data, a->s.len) == 0);
	}
}
