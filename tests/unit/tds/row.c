#include "tds/row.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROUNDS     20000
#define VALUE_ROOM 4096

static uint64_t seed = 4101842887655102017;

static uint64_t next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * UINT64_C(0x2545F4914F6CDD1D);
}

static struct tds_column column(const char *type)
{
	struct tds_column c = {.name = "c"};
	struct err err = ERR_INIT;

	if (strcmp(type, "sqlite") == 0)
		return (struct tds_column){.name = "c", .type = TDS_SQLITE, .size = TDS_SIZE_MAX};
	assert_int_equal(tds_type_parse(type, &c, &err), 0);
	return c;
}

/* What the bytes of MS-TDS 2.2.5.5 are for a value written as text. */
static void values_have_their_bytes(void **state)
{
	static const struct {
		const char *type, *text;
		size_t len;
		const char *bytes;
	} cases[] = {
		{"tinyint", "200", 2, "\x01\xC8"},
		{"smallint", "-2", 3, "\x02\xFE\xFF"},
		{"int", "305419896", 5, "\x04\x78\x56\x34\x12"},
		{"bigint", "-1", 9, "\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"},
		{"bit", "true", 2, "\x01\x01"},
		{"real", "1", 5, "\x04\x00\x00\x80\x3F"},
		{"float", "-2", 9, "\x08\x00\x00\x00\x00\x00\x00\x00\xC0"},
		{"decimal(5,2)", "1.5", 6, "\x05\x01\x96\x00\x00\x00"},
		{"decimal(10,0)", "-258", 10, "\x09\x00\x02\x01\x00\x00\x00\x00\x00\x00"},
		{"date", "0001-01-02", 4, "\x03\x01\x00\x00"},
		{"date", "9999-12-31", 4, "\x03\xDA\xB9\x37"},
		{"time(0)", "00:00:01", 4, "\x03\x01\x00\x00"},
		{"time(3)", "00:00:01.5", 5, "\x04\xDC\x05\x00\x00"},
		{"time(7)", "23:59:59.9999999", 6, "\x05\xFF\xBF\x69\x2A\xC9"},
		{"datetime2(0)", "0001-01-02T00:00:02", 7, "\x06\x02\x00\x00\x01\x00\x00"},
		{"datetimeoffset(0)", "0001-01-03T01:00:01+01:00", 9,
			"\x08\x01\x00\x00\x02\x00\x00\x3C\x00"},
		{"text", "", 12, "\0\0\0\0\0\0\0\0\0\0\0\0"},
		{"text", "ab", 18, "\2\0\0\0\0\0\0\0\2\0\0\0ab\0\0\0\0"},
		{"varbinary(max)", "0xAb01", 18, "\2\0\0\0\0\0\0\0\2\0\0\0\xAB\x01\0\0\0\0"},
		{"varbinary(max)", "0x", 12, "\0\0\0\0\0\0\0\0\0\0\0\0"},
	};
	uint8_t bytes[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct tds_column c = column(cases[i].type);
		struct err err = ERR_INIT;
		struct tds_value v;
		size_t len;

		assert_int_equal(tds_value_parse(&c, cases[i].text, strlen(cases[i].text), &v,
			&err), 0);
		len = (size_t)(tds_encode(bytes, &c, &v) - bytes);
		assert_int_equal(len, cases[i].len);
		assert_true(len <= tds_encoded_size(&c, &v));
		assert_memory_equal(bytes, cases[i].bytes, len);
	}
}

static void null_has_its_bytes(void **state)
{
	struct tds_column number = column("int"), text = column("text"), any = column("sqlite");
	struct tds_value null = {.kind = TDS_NULL}, v;
	struct err err = ERR_INIT;
	uint8_t bytes[16];
	const uint8_t *p = bytes;

	(void)state;
	assert_ptr_equal(tds_encode(bytes, &number, &null), bytes + 1);
	assert_int_equal(bytes[0], 0);
	assert_ptr_equal(tds_encode(bytes, &any, &null), bytes + 1);
	assert_int_equal(bytes[0], 0);
	assert_ptr_equal(tds_encode(bytes, &text, &null), bytes + 8);
	assert_memory_equal(bytes, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8);
	assert_int_equal(tds_decode(&p, bytes + 8, &text, NULL, &v, &err), 0);
	assert_int_equal(v.kind, TDS_NULL);
	assert_ptr_equal(p, bytes + 8);
}

static struct tds_value random_value(const struct tds_column *c, const uint8_t *pool)
{
	struct tds_value v = {.kind = TDS_INT};
	uint64_t r = next_random();

	switch (c->type) {
	case TDS_INTN:
		v.i = c->size == 1 ? (uint8_t)r : (int64_t)r >> (64 - 8 * c->size);
		return v;
	case TDS_BITN:
		v.i = r & 1;
		return v;
	case TDS_FLTN:
		v.kind = TDS_REAL;
		v.r = (double)(float)(int64_t)r;
		return v;
	case TDS_DECIMALN:
		v.kind = TDS_DECIMAL;
		v.d.magnitude =
			((unsigned __int128)next_random() << 64 | r) % tds_pow10(c->precision);
		v.d.negative = r & 1;
		return v;
	case TDS_SQLITE:
		if (r % 3 == 0) {
			v.i = (int64_t)next_random();
			return v;
		}
		break;
	case TDS_BIGVARCHAR:
	case TDS_BIGVARBINARY:
		break;
	default:
		v.kind = TDS_TIME;
		v.t.days = c->type == TDS_TIMEN ? 0 : 1 + (int32_t)(r % (TDS_DAYS_MAX - 1));
		v.t.ticks = c->type == TDS_DATEN
				    ? 0
				    : next_random() % TDS_TICKS_PER_DAY / tds_time_unit(c->scale) *
					      tds_time_unit(c->scale);
		v.t.offset = c->type == TDS_DATETIMEOFFSETN ? (int16_t)(r % 1600) - 800 : 0;
		return v;
	}
	v.kind = c->type == TDS_BIGVARBINARY ? TDS_BLOB : TDS_TEXT;
	v.s.data = pool;
	v.s.len = (uint32_t)(r % (r & 64 ? 40 : VALUE_ROOM));
	return v;
}

static void assert_same(const struct tds_value *a, const struct tds_value *b)
{
	assert_int_equal(a->kind, b->kind);
	switch (a->kind) {
	case TDS_INT:
		assert_true(a->i == b->i);
		break;
	case TDS_REAL:
		assert_true(a->r == b->r);
		break;
	case TDS_DECIMAL:
		assert_true(a->d.magnitude == b->d.magnitude && a->d.negative == b->d.negative);
		break;
	case TDS_TIME:
		assert_true(a->t.days == b->t.days && a->t.ticks == b->t.ticks &&
			    a->t.offset == b->t.offset);
		break;
	default:
		assert_int_equal(a->s.len, b->s.len);
		assert_memory_equal(a->s.data, b->s.data, a->s.len);
	}
}

/* encode -> decode gives the value; cut anywhere it is an error and nothing beyond is read (the
 * copy has no byte more than it should: the sanitizer watches). */
static void encoded_values_decode(void **state)
{
	static const char *const types[] = {"tinyint", "smallint", "int", "bigint", "bit", "real",
		"float", "decimal(9,4)", "decimal(19,0)", "decimal(28,28)", "decimal(38,10)",
		"date", "time(0)", "time(4)", "time(7)", "datetime2(0)", "datetime2(7)",
		"datetimeoffset(3)", "text", "varbinary(max)", "sqlite"};
	static uint8_t pool[VALUE_ROOM], bytes[VALUE_ROOM + TDS_PLP_OVERHEAD];

	(void)state;
	for (size_t i = 0; i < sizeof(pool); i++)
		pool[i] = (uint8_t)next_random();
	for (int i = 0; i < ROUNDS; i++) {
		struct tds_column c = column(types[(size_t)i % ARRAY_LEN(types)]);
		struct tds_value v = random_value(&c, pool), back;
		size_t len = (size_t)(tds_encode(bytes, &c, &v) - bytes);
		size_t cut = next_random() % len;
		uint8_t *copy = mem_alloc(len), *shorter = mem_alloc(cut);
		struct err err = ERR_INIT;
		const uint8_t *p = copy;

		assert_true(len <= tds_encoded_size(&c, &v));
		memcpy(copy, bytes, len);
		assert_int_equal(tds_decode(&p, copy + len, &c, NULL, &back, &err), 0);
		assert_ptr_equal(p, copy + len);
		assert_same(&v, &back);
		memcpy(shorter, bytes, cut);
		p = shorter;
		assert_int_equal(tds_decode(&p, shorter + cut, &c, NULL, &back, &err), -1);
		assert_int_equal(err.code, ERR_DATA);
		assert_ptr_equal(p, shorter);
		free(copy);
		free(shorter);
	}
}

static void chunks_are_joined(void **state)
{
	static const uint8_t bytes[] = "\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF\2\0\0\0ab\1\0\0\0c\0\0\0";
	struct tds_column c = column("text");
	struct buf joined = BUF_INIT(3), small = BUF_INIT(2);
	struct err err = ERR_INIT;
	const uint8_t *p = bytes;
	struct tds_value v;

	(void)state;
	assert_int_equal(tds_decode(&p, bytes + sizeof(bytes), &c, &joined, &v, &err), 0);
	assert_ptr_equal(p, bytes + sizeof(bytes));
	assert_int_equal(v.s.len, 3);
	assert_memory_equal(v.s.data, "abc", 3);
	p = bytes;
	assert_int_equal(tds_decode(&p, bytes + sizeof(bytes), &c, NULL, &v, &err), -1);
	assert_string_equal(err.msg, "column 'c': a value in several chunks for varchar(max)");
	assert_int_equal(tds_decode(&p, bytes + sizeof(bytes), &c, &small, &v, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	buf_release(&joined);
	buf_release(&small);
}

static void other_bytes_are_refused(void **state)
{
	static const struct {
		const char *type;
		size_t len;
		const char *bytes, *message;
	} cases[] = {
		{"int", 3, "\2\0\0", "column 'c': a wrong length for int"},
		{"int", 1, "\xFF", "column 'c': a wrong length for int"},
		{"decimal(2,0)", 6, "\5\1\x64\0\0\0",
			"column 'c': a number out of range for decimal(2,0)"},
		{"decimal(2,0)", 6, "\5\2\x63\0\0\0",
			"column 'c': a number out of range for decimal(2,0)"},
		{"date", 4, "\3\xDB\xB9\x37", "column 'c': a date beyond the year 9999 for date"},
		{"time(0)", 4, "\3\x80\x51\1", "column 'c': a time beyond 24 hours for time(0)"},
		{"datetimeoffset(0)", 9, "\x8\0\0\0\1\0\0\x49\3",
			"column 'c': an offset beyond 14 hours for datetimeoffset(0)"},
		{"datetimeoffset(0)", 9, "\x8\0\0\0\0\0\0\xFF\xFF",
			"column 'c': a date beyond the year 9999 for datetimeoffset(0)"},
		{"text", 18, "\3\0\0\0\0\0\0\0\2\0\0\0ab\xFF\xFF\xFF\xFF",
			"column 'c': more than 2 GiB for varchar(max)"},
		{"text", 18, "\3\0\0\0\0\0\0\0\2\0\0\0ab\0\0\0\0",
			"column 'c': chunks that are not as long as the value for varchar(max)"},
		{"sqlite", 1, "\5", "column 'c': an unknown storage class for sqlite value"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct tds_column c = column(cases[i].type);
		struct buf joined = BUF_INIT(1024);
		const uint8_t *p = (const uint8_t *)cases[i].bytes;
		struct err err = ERR_INIT;
		struct tds_value v;

		assert_int_equal(tds_decode(&p, p + cases[i].len, &c, &joined, &v, &err), -1);
		assert_int_equal(err.code, ERR_DATA);
		assert_string_equal(err.msg, cases[i].message);
		buf_release(&joined);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_have_their_bytes),
		cmocka_unit_test(null_has_its_bytes),
		cmocka_unit_test(encoded_values_decode),
		cmocka_unit_test(chunks_are_joined),
		cmocka_unit_test(other_bytes_are_refused),
	};

	return cmocka_run_group_tests_name("tds/row", tests, NULL, NULL);
}
