#include "tests/tdsd/shape.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/mem.h"
#include "tds/row.h"
#include "tests/tdsd/bytes.h"
#include "tests/tdsd/result.h"

#define LONG_BYTES  20000
#define SHORT_BYTES 200 /* of a (max) value where it is one among many */

struct kind {
	const char *name;
	const char *const *columns;
	uint32_t n;
	bool nulls;
	uint32_t long_bytes;
	const char *const *names; /* NULL: c1, c2 … */
};

static const char *const mixed10[] = {"bigint", "decimal(18,4)", "money", "float", "datetime2(3)",
	"nvarchar(50)", "varchar(50)", "uniqueidentifier", "bit"};
static const char *const every[] = {"tinyint", "smallint", "int", "bigint", "bit", "real", "float",
	"smallmoney", "money", "decimal(9,2)", "decimal(19,0)", "decimal(28,14)", "decimal(38,38)",
	"date", "time(0)", "time(7)", "datetime2(0)", "datetime2(7)", "datetimeoffset(7)",
	"smalldatetime", "datetime", "uniqueidentifier", "char(10)", "varchar(60)", "nchar(10)",
	"nvarchar(60)", "binary(10)", "varbinary(60)", "varchar(max)", "nvarchar(max)",
	"varbinary(max)", "xml", "sql_variant", "=23", "=63", "=22", "=30", "=32", "=34", "=38",
	"=3A", "=3B", "=3C", "=3D", "=3E", "=7A", "=7F", "=F0"};
static const char *const lineitem[] = {"int", "int", "int", "decimal(15,2)", "decimal(15,2)",
	"decimal(15,2)", "decimal(15,2)", "char(1)", "char(1)", "date", "date", "date", "char(25)",
	"char(10)", "varchar(44)"};
static const char *const lineitem_names[] = {"l_partkey", "l_suppkey", "l_linenumber", "l_quantity",
	"l_extendedprice", "l_discount", "l_tax", "l_returnflag", "l_linestatus", "l_shipdate",
	"l_commitdate", "l_receiptdate", "l_shipinstruct", "l_shipmode", "l_comment"};
static const char *const long_columns[] = {"nvarchar(max)", "varbinary(max)", "varchar(max)"};

static const struct kind kinds[] = {
	{"mixed10", mixed10, ARRAY_LEN(mixed10), false, SHORT_BYTES, NULL},
	{"nulls10", mixed10, ARRAY_LEN(mixed10), true, SHORT_BYTES, NULL},
	{"every", every, ARRAY_LEN(every), true, SHORT_BYTES, NULL},
	{"long", long_columns, ARRAY_LEN(long_columns), true, LONG_BYTES, NULL},
	{"narrow", NULL, 0, false, 0, NULL},
	{"lineitem", lineitem, ARRAY_LEN(lineitem), false, SHORT_BYTES, lineitem_names},
};

/* --- columns ---------------------------------------------------------------------- */

static void make_column(struct tds_column *c, uint32_t i, const char *text, struct arena *a)
{
	struct err err = ERR_INIT;
	int ok;

	*c = (struct tds_column){0};
	if (text[0] == '=') { /* a type byte, of what nobody declares */
		c->type = (enum tds_type)strtoul(text + 1, NULL, 16);
		c->nullable = tds_forms[(uint8_t)c->type] != TDS_FORM_FIXED;
		tds_type_complete(c);
		if (tds_form(c) == TDS_FORM_PLP)
			c->size = TDS_SIZE_MAX;
	} else {
		ok = tds_type_parse(text, c, &err);
		assert(ok == 0);
		(void)ok;
	}
	/* SQL_Latin1_General_CP1_CI_AS: what clients of any age know */
	if (tds_type_is_narrow(c->type) || tds_type_is_utf16(c->type))
		memcpy(c->collation, "\x09\x04\xD0\x00\x34", TDS_COLLATION_LEN);
	c->name = i == 0 ? "id" : arena_printf(a, "c%u", (unsigned)i);
}

static void make_columns(struct shape *s, const struct kind *k, struct arena *a)
{
	s->columns.n = k->n + 1;
	s->columns.v = arena_array(a, s->columns.n, sizeof(*s->columns.v));
	make_column(&s->columns.v[0], 0, "=38", a);
	s->plain = true;
	for (uint32_t i = 0; i < k->n; i++) {
		struct tds_column *c = &s->columns.v[i + 1];
		enum tds_form form;

		make_column(c, i + 1, k->columns[i], a);
		if (k->names)
			c->name = k->names[i];
		form = tds_form(c);
		s->plain &= form != TDS_FORM_PLP && form != TDS_FORM_TEXTPTR;
	}
}

/* --- values ----------------------------------------------------------------------- */

struct maker {
	uint64_t seed;
	uint32_t long_bytes;
	uint8_t *text; /* room for a value */
};

static uint64_t random_number(struct maker *m)
{
	uint64_t v;

	rnd_seeded_fill(&m->seed, &v, sizeof(v));
	return v;
}

/* Characters of one, two and (in UTF-16) four bytes. */
static uint32_t make_wide(struct maker *m, uint32_t units)
{
	uint8_t *p = m->text;

	while (units) {
		uint64_t r = random_number(m);

		if (r % 16 == 0 && units >= 2) {
			p = tds_put16(p, 0xD83D);
			p = tds_put16(p, (uint16_t)(0xDE00 + r / 16 % 64));
			units -= 2;
			continue;
		}
		p = tds_put16(p, (uint16_t)(r % 16 < 4 ? 0xC0 + r / 16 % 64 : 'a' + r / 16 % 26));
		units--;
	}
	return (uint32_t)(p - m->text);
}

static uint32_t make_text(struct maker *m, uint32_t len, bool is_text)
{
	for (uint32_t i = 0; i < len; i++) {
		uint64_t r = random_number(m);

		m->text[i] =
			(uint8_t)(is_text ? (r % 8 ? 'a' + r / 8 % 26 : 0xC0 + r / 8 % 64) : r);
	}
	return len;
}

static uint32_t length(struct maker *m, const struct tds_column *c)
{
	enum tds_form form = tds_form(c);
	bool is_long = form == TDS_FORM_PLP || form == TDS_FORM_TEXTPTR;
	uint32_t max = is_long ? m->long_bytes : c->size;

	if (tds_type_is_padded(c->type))
		return c->size;
	/* some are empty, some as long as can be */
	return random_number(m) % 8 == 0 ? max : (uint32_t)(random_number(m) % (max + 1));
}

static void make_bytes(struct maker *m, const struct tds_column *c, struct tds_value *v)
{
	uint32_t len = length(m, c);

	v->s.data = m->text;
	if (c->type == TDS_XML) {
		static const uint8_t xml[] = "<\0a\0/\0>"; /* and a last NUL: four units */

		v->kind = TDS_UTF16;
		v->s.data = xml;
		v->s.len = sizeof(xml);
	} else if (c->type == TDS_VARIANT) {
		v->kind = TDS_BLOB;
		memcpy(m->text, "\x38\x00", 2); /* an int, no properties */
		tds_put32(m->text + 2, (uint32_t)random_number(m));
		v->s.len = 6;
	} else if (tds_type_is_utf16(c->type)) {
		v->kind = TDS_UTF16;
		v->s.len = make_wide(m, len / 2);
	} else {
		bool is_text = tds_type_is_narrow(c->type);

		v->kind = is_text ? TDS_TEXT : TDS_BLOB;
		v->s.len = make_text(m, len, is_text);
	}
}

static void make_time(struct maker *m, const struct tds_column *c, struct tds_value *v)
{
	uint64_t r = random_number(m);

	v->kind = TDS_TIME;
	v->t.days = TDS_DAYS_1900 + (int32_t)(r % 60000); /* to 2064: smalldatetime, too */
	v->t.ticks = c->type == TDS_DATEN ? 0 : random_number(m) % TDS_TICKS_PER_DAY;
	if (tds_type_base(c->type) == TDS_DATETIMN && c->size == 4)
		v->t.ticks -= v->t.ticks % (60 * TDS_TICKS_PER_SECOND);
	else if (tds_type_base(c->type) == TDS_DATETIMN)
		v->t.ticks = v->t.ticks / 100000 * 100000;
	else
		v->t.ticks -= v->t.ticks % tds_time_unit(c->scale);
	v->t.offset = (int16_t)(r % (2 * TDS_OFFSET_MAX + 1) - TDS_OFFSET_MAX);
	if (c->type == TDS_TIMEN)
		v->t.days = 0;
}

static void make_decimal(struct maker *m, const struct tds_column *c, struct tds_value *v)
{
	unsigned __int128 r = random_number(m);

	v->kind = TDS_DECIMAL;
	v->d.negative = r & 1;
	r = r << 64 | random_number(m);
	if (tds_type_base(c->type) == TDS_MONEYN)
		v->d.magnitude = r % (tds_money_max(c->size, false) + 1);
	else
		v->d.magnitude = r % tds_pow10(c->precision);
}

static void make_value(struct maker *m, const struct tds_column *c, struct tds_value *v)
{
	static const uint64_t masks[] = {[1] = 0xFF, [2] = 0x7FFF, [4] = 0x7FFFFFFF};
	uint64_t r = random_number(m);

	*v = (struct tds_value){0};
	switch (tds_type_base(c->type)) {
	case TDS_INTN:
		v->kind = TDS_INT;
		v->i = (int64_t)(c->size < 8 ? r & masks[c->size] : r);
		break;
	case TDS_BITN:
		v->kind = TDS_INT;
		v->i = (int64_t)(r & 1);
		break;
	case TDS_FLTN:
		v->kind = TDS_REAL;
		v->r = (double)(int64_t)r / 1e9;
		break;
	case TDS_DECIMALN:
	case TDS_MONEYN:
		make_decimal(m, c, v);
		break;
	case TDS_DATEN:
	case TDS_TIMEN:
	case TDS_DATETIME2N:
	case TDS_DATETIMEOFFSETN:
	case TDS_DATETIMN:
		make_time(m, c, v);
		break;
	case TDS_GUID:
		v->kind = TDS_UUID;
		rnd_seeded_fill(&m->seed, v->uuid, sizeof(v->uuid));
		break;
	default:
		make_bytes(m, c, v);
		break;
	}
}

/* --- rows ------------------------------------------------------------------------- */

static size_t row_max(const struct shape *s, uint32_t long_bytes)
{
	size_t max = 1;

	for (uint32_t i = 0; i < s->columns.n; i++) {
		const struct tds_column *c = &s->columns.v[i];
		enum tds_form form = tds_form(c);
		bool is_long = form == TDS_FORM_PLP || form == TDS_FORM_TEXTPTR;

		max += tds_encoded_max(c, is_long ? long_bytes : c->size);
	}
	return max;
}

static uint8_t *make_row(struct shape *s, const struct kind *k, struct maker *m, uint8_t *p)
{
	struct tds_value v = {.kind = TDS_INT};

	*p++ = TDS_ROW_TOKEN;
	p = tds_encode(p, &s->columns.v[0], &v);
	for (uint32_t i = 1; i < s->columns.n; i++) {
		const struct tds_column *c = &s->columns.v[i];

		if (k->nulls && c->nullable && random_number(m) % 4 == 0) {
			p = tds_encode_null(p, c);
			continue;
		}
		make_value(m, c, &v);
		p = tds_encode(p, c, &v);
	}
	return p;
}

struct shape *shape_make(const char *name, struct arena *a)
{
	const struct kind *k = NULL;
	struct shape *s = arena_alloc(a, sizeof(*s));
	struct maker m = {.seed = 1};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcasecmp(name, kinds[i].name) == 0)
			k = &kinds[i];
	if (!k)
		return NULL;
	make_columns(s, k, a);
	s->nulls = k->nulls;
	m.long_bytes = k->long_bytes;
	m.text = arena_alloc(a, TDS_BYTES_MAX + k->long_bytes + 8);
	s->data = arena_alloc(a, SHAPE_ROWS * row_max(s, k->long_bytes));
	for (uint32_t i = 0; i < SHAPE_ROWS; i++) {
		uint8_t *end = make_row(s, k, &m, s->data + s->start[i]);

		s->start[i + 1] = (uint32_t)(end - s->data);
	}
	s->len = s->start[SHAPE_ROWS];
	return s;
}

/* Where each value of a row begins, and behind the last one. */
static void find_values(
	const struct tds_columns *cols, const uint8_t *row, size_t len, const uint8_t **starts)
{
	struct bytes b = {.p = row + 1, .end = row + len};
	bool null;

	for (uint32_t i = 0; i < cols->n; i++) {
		starts[i] = b.p;
		(void)result_skip_value(&b, &cols->v[i], &null);
	}
	starts[cols->n] = b.p;
}

static void pick_row(const struct shape *s, uint32_t row, const uint32_t *columns, struct shape *to)
{
	const uint8_t *starts[ARRAY_LEN(every) + 2];
	uint8_t *p = to->data + to->start[row];

	find_values(
		&s->columns, s->data + s->start[row], s->start[row + 1] - s->start[row], starts);
	*p++ = TDS_ROW_TOKEN;
	for (uint32_t i = 0; i < to->columns.n; i++) {
		size_t len = (size_t)(starts[columns[i] + 1] - starts[columns[i]]);

		memcpy(p, starts[columns[i]], len);
		p += len;
	}
	to->start[row + 1] = (uint32_t)(p - to->data);
}

struct shape *shape_pick(
	const struct shape *s, const char *const *names, uint32_t n, struct arena *a)
{
	struct shape *to = arena_alloc(a, sizeof(*to));
	uint32_t *columns = arena_array(a, n, sizeof(*columns));

	to->nulls = s->nulls;
	to->plain = s->plain;
	to->columns.n = n;
	to->columns.v = arena_array(a, n, sizeof(*to->columns.v));
	for (uint32_t i = 0; i < n; i++) {
		int at = tds_column_find(&s->columns, names[i]);

		if (at < 0)
			return NULL;
		columns[i] = (uint32_t)at;
		to->columns.v[i] = s->columns.v[at];
	}
	to->data = arena_alloc(a, n * (s->len + SHAPE_ROWS));
	for (uint32_t i = 0; i < SHAPE_ROWS; i++)
		pick_row(s, i, columns, to);
	to->len = to->start[SHAPE_ROWS];
	return to;
}

struct shape *shape_nbc(const struct shape *s, enum nbc_policy nbc, struct arena *a)
{
	struct shape *to = arena_alloc(a, sizeof(*to));

	*to = *s;
	to->data = arena_alloc(a, s->len + SHAPE_ROWS * (s->columns.n / 8 + 1));
	for (uint32_t i = 0; i < SHAPE_ROWS; i++)
		to->start[i + 1] = to->start[i] + (uint32_t)result_nbc_row(to->data + to->start[i],
							  nbc, &s->columns, s->data + s->start[i],
							  s->start[i + 1] - s->start[i]);
	to->len = to->start[SHAPE_ROWS];
	return to;
}

void shape_number(struct shape *s, uint32_t first)
{
	size_t bitmap = (s->columns.n + 7) / 8;

	if (s->columns.v[0].type != TDS_FIXINT4 || strcmp(s->columns.v[0].name, "id") != 0)
		return;
	for (uint32_t i = 0; i < SHAPE_ROWS; i++) {
		uint8_t *row = s->data + s->start[i];

		tds_put32(row + 1 + (row[0] == TOKEN_NBCROW ? bitmap : 0), first + i);
	}
}
