#include "tds/value.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ROUNDS 20000

static uint64_t seed = 88172645463325252;

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

	assert_int_equal(tds_type_parse(type, &c, &err), 0);
	return c;
}

static void texts_become_values_and_texts_again(void **state)
{
	static const struct {
		const char *type, *text, *printed; /* NULL: the same */
	} cases[] = {
		{"int", "2147483647", NULL},
		{"int", "-2147483648", NULL},
		{"int", "007", "7"},
		{"int", "+5", "5"},
		{"int", "-0", "0"},
		{"tinyint", "255", NULL},
		{"smallint", "-32768", NULL},
		{"bigint", "-9223372036854775808", NULL},
		{"bit", "TRUE", "1"},
		{"bit", "0", NULL},
		{"float", "41.1304722", NULL},
		{"float", "1", "1.0"},
		{"float", "-0.0", NULL},
		{"real", "0.1", NULL},
		{"real", "16777217", "16777216.0"},
		{"decimal(5,2)", "999.99", NULL},
		{"decimal(5,2)", "-1", "-1.00"},
		{"decimal(5,2)", "1.50000", "1.50"},
		{"decimal(5,2)", ".5", "0.50"},
		{"decimal(5,2)", "-0.00", "0.00"},
		{"decimal(5,2)", "1.5e2", "150.00"},
		{"decimal(5,0)", "12e3", "12000"},
		{"decimal(5,2)", "0e-99", "0.00"},
		{"decimal(38,0)", "-99999999999999999999999999999999999999", NULL},
		{"decimal(38,38)", "0.12345678901234567890123456789012345678", NULL},
		{"date", "0001-01-01", NULL},
		{"date", "2024-02-29", NULL},
		{"date", "9999-12-31", NULL},
		{"time(7)", "23:59:59.9999999", NULL},
		{"time(0)", "06:30", "06:30:00"},
		{"time(3)", "06:30:01.1", "06:30:01.100"},
		{"time(3)", "06:30:01.12300000000", "06:30:01.123"},
		{"datetime2(3)", "2013-01-01 06:00:00", "2013-01-01T06:00:00.000"},
		{"datetime2(0)", "2013-01-01t06:00", "2013-01-01T06:00:00"},
		{"datetime2(0)", "2013-01-01", "2013-01-01T00:00:00"},
		{"datetimeoffset(0)", "2013-01-01T06:00:00Z", "2013-01-01T06:00:00+00:00"},
		{"datetimeoffset(0)", "2013-01-01T00:30:00+01:00", NULL},
		{"datetimeoffset(0)", "2013-12-31 23:30:00 -0530", "2013-12-31T23:30:00-05:30"},
		{"datetimeoffset(0)", "2013-12-31 23:30:00+14", "2013-12-31T23:30:00+14:00"},
		{"money", "-922337203685477.5808", NULL},
		{"money", "12", "12.0000"},
		{"smallmoney", "214748.3647", NULL},
		{"datetime", "1753-01-01", "1753-01-01T00:00:00.000"},
		{"datetime", "9999-12-31T23:59:59.997", NULL},
		{"datetime", "2013-01-01 06:00:00.0070", "2013-01-01T06:00:00.007"},
		{"smalldatetime", "2079-06-06 23:59", "2079-06-06T23:59:00"},
		{"uniqueidentifier", "6F9619FF-8B86-D011-B42D-00C04FC964FF", NULL},
		{"uniqueidentifier", "{6f9619ff-8b86-d011-b42d-00c04fc964ff}",
			"6F9619FF-8B86-D011-B42D-00C04FC964FF"},
		{"uniqueidentifier", "6f9619ff8b86d011b42d00c04fc964ff",
			"6F9619FF-8B86-D011-B42D-00C04FC964FF"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct tds_column c = column(cases[i].type);
		const char *expected = cases[i].printed ? cases[i].printed : cases[i].text;
		struct err err = ERR_INIT;
		char text[TDS_PRINT_MAX];
		struct tds_value v;

		assert_int_equal(
			tds_value_parse(&c, cases[i].text, strlen(cases[i].text), &v, &err), 0);
		assert_int_equal(tds_value_print(&c, &v, text), strlen(expected));
		assert_string_equal(text, expected);
	}
}

static void what_would_be_lost_is_refused(void **state)
{
	static const struct {
		const char *type, *text, *message;
	} cases[] = {
		{"int", "abc", "'abc' is not an integer"},
		{"int", "", "'' is not an integer"},
		{"int", " 1", "' 1' is not an integer"},
		{"int", "1.0", "'1.0' is not an integer"},
		{"int", "2147483648", "'2147483648' is beyond the range of int"},
		{"tinyint", "-1", "'-1' is beyond the range of tinyint"},
		{"tinyint", "256", "'256' is beyond the range of tinyint"},
		{"bigint", "9223372036854775808",
			"'9223372036854775808' is beyond the range of bigint"},
		{"bit", "2", "'2' is not 0, 1, true or false"},
		{"float", "1e400", "'1e400' is beyond the range of float"},
		{"float", "nan", "'nan' is not a number"},
		{"real", "1e39", "'1e39' is beyond the range of real"},
		{"real", "1e-60", "'1e-60' is beyond the range of real"},
		{"decimal(5,2)", "1000", "'1000' is beyond the range of decimal(5,2)"},
		{"decimal(5,2)", "1e99999", "'1e99999' is beyond the range of decimal(5,2)"},
		{"decimal(5,2)", "1.005",
			"'1.005' has more digits behind the point than decimal(5,2)"},
		{"decimal(5,2)", "0.00000000000000000000000000000000000000000000000000001",
			"'0.00000000000000000000000000000000000000000000000000001' has more digits "
			"behind the point than decimal(5,2)"},
		{"decimal(38,0)", "100000000000000000000000000000000000000",
			"'100000000000000000000000000000000000000' is beyond the range of "
			"decimal(38,0)"},
		{"decimal(5,2)", "1,5", "'1,5' is not a number"},
		{"date", "2023-02-29", "'2023-02-29' is not a date as in 2013-01-31"},
		{"date", "1900-02-29", "'1900-02-29' is not a date as in 2013-01-31"},
		{"date", "0000-01-01", "'0000-01-01' is not a date as in 2013-01-31"},
		{"date", "2013-13-01", "'2013-13-01' is not a date as in 2013-01-31"},
		{"date", "2013-1-1", "'2013-1-1' is not a date as in 2013-01-31"},
		{"date", "2013-01-01 ", "'2013-01-01 ' is not a date as in 2013-01-31"},
		{"time(0)", "24:00:00", "'24:00:00' is not a time as in 06:00:00"},
		{"time(0)", "23:59:60", "'23:59:60' is not a time as in 06:00:00"},
		{"time(0)", "23:59:59.", "'23:59:59.' is not a time as in 06:00:00"},
		{"time(3)", "06:00:00.0001",
			"'06:00:00.0001' has a finer fraction of a second than time(3)"},
		{"time(7)", "06:00:00.00000001",
			"'06:00:00.00000001' has a finer fraction of a second than time(7)"},
		{"datetime2(0)", "2013-01-01T06:00:00Z",
			"'2013-01-01T06:00:00Z' has an offset from UTC, which is lost in "
			"datetime2(0)"},
		{"datetime2(0)", "2013-01-01T",
			"'2013-01-01T' is not a date and time as in 2013-01-31 06:00:00"},
		{"datetimeoffset(0)", "2013-01-01T06:00:00",
			"'2013-01-01T06:00:00' is not a date and time with offset as in "
			"2013-01-31 06:00:00+01:00"},
		{"datetimeoffset(0)", "0001-01-01T00:00:00+01:00",
			"'0001-01-01T00:00:00+01:00' is not a date and time with offset as in "
			"2013-01-31 06:00:00+01:00"},
		{"datetimeoffset(0)", "2013-01-01T00:00:00+14:01",
			"'2013-01-01T00:00:00+14:01' is not a date and time with offset as in "
			"2013-01-31 06:00:00+01:00"},
		{"varbinary(max)", "0x0", "'0x0' is not 0x and pairs of hexadecimal digits"},
		{"varbinary(max)", "00", "'00' is not 0x and pairs of hexadecimal digits"},
		{"varbinary(max)", "0xgg", "'0xgg' is not 0x and pairs of hexadecimal digits"},
		{"int", "a\nb", "'a?b' is not an integer"},
		{"int", "12345678901234567890123456789012345678901234567890123456789ü and more",
			"'12345678901234567890123456789012345678901234567890123456789...' is not "
			"an "
			"integer"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct tds_column c = column(cases[i].type);
		struct err err = ERR_INIT;
		struct tds_value v;

		assert_int_equal(
			tds_value_parse(&c, cases[i].text, strlen(cases[i].text), &v, &err), -1);
		assert_int_equal(err.code, ERR_DATA);
		err_settle_value(&err, true);
		assert_string_equal(err.msg, cases[i].message);
	}
}

static void losses_have_their_reason(void **state)
{
	static const struct {
		const char *type, *text;
		enum tds_loss loss;
		const char *message;
	} cases[] = {
		{"int", "99999999999", TDS_LOSS_OVERFLOW,
			"'99999999999' is beyond the range of int"},
		{"int", "x", TDS_LOSS_FORMAT, "'x' is not an integer"},
		{"decimal(5,2)", "0.001", TDS_LOSS_PRECISION,
			"'0.001' has more digits behind the point than decimal(5,2)"},
		{"money", "922337203685477.5808", TDS_LOSS_OVERFLOW,
			"'922337203685477.5808' is beyond the range of money"},
		{"smallmoney", "-214748.3649", TDS_LOSS_OVERFLOW,
			"'-214748.3649' is beyond the range of smallmoney"},
		{"money", "0.00001", TDS_LOSS_PRECISION,
			"'0.00001' has more digits behind the point than money"},
		{"datetime", "1752-12-31", TDS_LOSS_OVERFLOW,
			"'1752-12-31' is beyond the range of datetime"},
		{"datetime", "2013-01-01T00:00:00.001", TDS_LOSS_PRECISION,
			"'2013-01-01T00:00:00.001' has a finer fraction of a second than datetime"},
		{"datetime", "2013-01-01T23:59:59.999", TDS_LOSS_PRECISION,
			"'2013-01-01T23:59:59.999' has a finer fraction of a second than datetime"},
		{"datetime", "2013-01-01T00:00:00.0031", TDS_LOSS_PRECISION,
			"'2013-01-01T00:00:00.0031' has a finer fraction of a second than "
			"datetime"},
		{"datetime", "2013-01-01T00:00:00Z", TDS_LOSS_PRECISION,
			"'2013-01-01T00:00:00Z' has an offset from UTC, which is lost in datetime"},
		{"smalldatetime", "2079-06-07", TDS_LOSS_OVERFLOW,
			"'2079-06-07' is beyond the range of smalldatetime"},
		{"smalldatetime", "2013-01-01T00:00:01", TDS_LOSS_PRECISION,
			"'2013-01-01T00:00:01' has seconds, which are lost in smalldatetime"},
		{"uniqueidentifier", "6F9619FF-8B86-D011-B42D-00C04FC964F", TDS_LOSS_FORMAT,
			"'6F9619FF-8B86-D011-B42D-00C04FC964F' is not a uniqueidentifier as in "
			"6F9619FF-8B86-D011-B42D-00C04FC964FF"},
		{"uniqueidentifier", "{6F9619FF-8B86-D011-B42D-00C04FC964FF", TDS_LOSS_FORMAT,
			"'{6F9619FF-8B86-D011-B42D-00C04FC964FF' is not a uniqueidentifier as in "
			"6F9619FF-8B86-D011-B42D-00C04FC964FF"},
		{"varchar(3)", "\u00e9\u00e9", TDS_LOSS_TRUNCATION,
			"'\u00e9\u00e9' is longer than varchar(3)"},
		{"nvarchar(1)", "\U0001F600", TDS_LOSS_TRUNCATION,
			"'\U0001F600' is longer than nvarchar(1)"},
		{"nvarchar(5)", "a\xFF", TDS_LOSS_CHARACTER, "'a\xFF' is not UTF-8"},
		{"binary(1)", "0x0102", TDS_LOSS_TRUNCATION, "'0x0102' is longer than binary(1)"},
		{"binary(3)", "0x01", TDS_LOSS_FORMAT, "'0x01' is shorter than binary(3)"},
		{"sql_variant", "1", TDS_LOSS_FORMAT,
			"'1' is text, which is no value of sql_variant"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct tds_column c = column(cases[i].type);
		enum tds_loss loss = TDS_LOSS_NONE;
		struct err err = ERR_INIT;
		struct tds_value v;

		assert_int_equal(tds_value_parse_loss(
					 &c, cases[i].text, strlen(cases[i].text), &v, &loss, &err),
			-1);
		assert_int_equal(err.code, ERR_DATA);
		err_settle_value(&err, true);
		assert_string_equal(err.msg, cases[i].message);
		assert_int_equal(loss, cases[i].loss);
	}
}

static void every_unit_of_datetime_is_one_time(void **state)
{
	(void)state;
	for (uint32_t units = 0; units < TDS_DATETIME_UNITS_PER_DAY;
		units += units < 1000 ? 1 : 7) {
		struct tds_value v = {.kind = TDS_TIME, .t.days = TDS_DAYS_1900};

		v.t.ticks = (units * UINT64_C(10) + 1) / 3 * 10000;
		assert_int_equal(tds_datetime_units(v.t.ticks), units);
		assert_int_equal(tds_datetime_loss(8, &v), TDS_LOSS_NONE);
	}
}

static struct tds_value parsed(const char *type, const char *text)
{
	struct tds_column c = column(type);
	struct err err = ERR_INIT;
	struct tds_value v = {.kind = TDS_NULL};

	if (text)
		assert_int_equal(tds_value_parse(&c, text, strlen(text), &v, &err), 0);
	return v;
}

/* Each list goes up. */
static void values_have_an_order(void **state)
{
	static const char *const lists[][8] = {
		{"int", NULL, "-2147483648", "-1", "0", "7"},
		{"float", NULL, "-1e300", "-1.5", "0", "1e-300", "2"},
		{"decimal(38,0)", NULL, "-99999999999999999999999999999999999999", "-1", "0", "1",
			"18446744073709551616", "99999999999999999999999999999999999999"},
		{"money", NULL, "-1", "-0.0001", "0", "0.0001"},
		{"date", NULL, "0001-01-01", "2013-01-31", "2013-02-01"},
		{"datetime2(7)", NULL, "2013-01-31T23:59:59.9999999", "2013-02-01"},
		{"datetimeoffset(0)", NULL, "2013-01-01T00:00:00+14:00", "2013-01-01T00:00:00Z",
			"2013-01-01T00:00:00-14:00"},
		{"varchar(max)", NULL, "", "a", "aa", "b", "\u00e9"},
		{"uniqueidentifier", NULL, "FFFFFFFF-FFFF-FFFF-FFFF-000000000000",
			"00000000-0000-0000-0000-000000000001",
			"00000000-0000-0000-0100-000000000001",
			"00000000-0000-0100-0100-000000000001",
			"00000000-0100-0100-0100-000000000001",
			"01000000-0100-0100-0100-000000000001"},
	};

	(void)state;
	for (size_t l = 0; l < ARRAY_LEN(lists); l++) {
		const char *type = lists[l][0];

		for (size_t i = 1; i < 8 && (i == 1 || lists[l][i]); i++) {
			for (size_t j = 1; j < 8 && (j == 1 || lists[l][j]); j++) {
				struct tds_value a = parsed(type, lists[l][i]);
				struct tds_value b = parsed(type, lists[l][j]);
				int order = tds_value_compare(&a, &b);

				assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
			}
		}
	}
}

/* As SQLite sorts: numbers by value whatever their class, then text, then blobs. */
static void values_of_several_kinds_have_an_order(void **state)
{
	const struct tds_value up[] = {
		{.kind = TDS_NULL},
		{.kind = TDS_REAL, .r = -1e300},
		{.kind = TDS_INT, .i = INT64_MIN},
		{.kind = TDS_REAL, .r = -0.5},
		{.kind = TDS_INT, .i = 0},
		{.kind = TDS_REAL, .r = 0.5},
		{.kind = TDS_REAL, .r = 9007199254740992.0},
		{.kind = TDS_INT, .i = 9007199254740993},
		{.kind = TDS_INT, .i = INT64_MAX},
		{.kind = TDS_REAL, .r = 9223372036854775808.0},
		{.kind = TDS_REAL, .r = NAN},
		{.kind = TDS_TEXT, .s = {(const uint8_t *)"", 0}},
		{.kind = TDS_TEXT, .s = {(const uint8_t *)"a", 1}},
		{.kind = TDS_BLOB, .s = {(const uint8_t *)"", 0}},
	};
	const struct tds_value surrogate = {.kind = TDS_UTF16, .s = {(const uint8_t *)"\0\xD8", 2}};
	const struct tds_value private = {.kind = TDS_UTF16, .s = {(const uint8_t *)"\1\xE0", 2}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(up); i++)
		for (size_t j = 0; j < ARRAY_LEN(up); j++) {
			int order = tds_value_compare(&up[i], &up[j]);

			assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
		}
	assert_true(tds_value_compare(&surrogate, &private) < 0);
}

static void text_and_bytes_are_borrowed(void **state)
{
	struct tds_column text = column("text"), bytes = column("varbinary(max)");
	struct err err = ERR_INIT;
	struct tds_value v;
	const char *s = "0x00fFAb";

	(void)state;
	assert_int_equal(tds_value_parse(&text, s, 8, &v, &err), 0);
	assert_int_equal(v.kind, TDS_TEXT);
	assert_ptr_equal(v.s.data, s);
	assert_int_equal(v.s.len, 8);
	assert_int_equal(tds_value_parse(&bytes, s, 8, &v, &err), 0);
	assert_int_equal(v.kind, TDS_HEX);
	assert_ptr_equal(v.s.data, s + 2);
	assert_int_equal(v.s.len, 3);
}

/* Any value of any type, as a decoder could give it. */
static struct tds_value random_value(const struct tds_column *c)
{
	struct tds_value v = {.kind = TDS_INT};
	uint64_t r = next_random();
	float half;

	switch (c->type) {
	case TDS_INTN:
		v.i = c->size == 1 ? (uint8_t)r : (int64_t)r >> (64 - 8 * c->size);
		return v;
	case TDS_FLTN:
		v.kind = TDS_REAL;
		memcpy(&v.r, &r, sizeof(r));
		if (c->size == 4) {
			memcpy(&half, &r, sizeof(half));
			v.r = (double)half;
		}
		if (!isfinite(v.r))
			v.r = 0.5;
		return v;
	case TDS_DECIMALN:
		v.kind = TDS_DECIMAL;
		v.d.magnitude = ((unsigned __int128)next_random() << 64 | r) %
				tds_pow10(1 + (unsigned)(r % c->precision));
		v.d.negative = v.d.magnitude && r & 1;
		return v;
	default:
		v.kind = TDS_TIME;
		v.t.days = 0;
		v.t.ticks = 0;
		v.t.offset = 0;
		if (c->type != TDS_TIMEN)
			v.t.days = 1 + (int32_t)(r % (TDS_DAYS_MAX - 1));
		if (c->type != TDS_DATEN)
			v.t.ticks = next_random() % TDS_TICKS_PER_DAY /
				    (uint64_t)tds_pow10(7u - c->scale) *
				    (uint64_t)tds_pow10(7u - c->scale);
		if (c->type == TDS_DATETIMEOFFSETN)
			v.t.offset =
				(int16_t)((int)(r % (2 * TDS_OFFSET_MAX + 1)) - TDS_OFFSET_MAX);
		return v;
	}
}

static void assert_same(const struct tds_value *a, const struct tds_value *b)
{
	assert_int_equal(a->kind, b->kind);
	switch (a->kind) {
	case TDS_INT:
		assert_true(a->i == b->i);
		break;
	case TDS_REAL:
		assert_memory_equal(&a->r, &b->r, sizeof(a->r));
		break;
	case TDS_DECIMAL:
		assert_true(a->d.magnitude == b->d.magnitude && a->d.negative == b->d.negative);
		break;
	default:
		assert_true(a->t.days == b->t.days && a->t.ticks == b->t.ticks &&
			    a->t.offset == b->t.offset);
	}
}

static void printed_values_read_back(void **state)
{
	static const char *const types[] = {"tinyint", "smallint", "int", "bigint", "real", "float",
		"decimal(9,4)", "decimal(18,0)", "decimal(28,28)", "decimal(38,10)", "date",
		"time(0)", "time(3)", "time(7)", "datetime2(0)", "datetime2(5)", "datetime2(7)",
		"datetimeoffset(0)", "datetimeoffset(7)"};

	(void)state;
	for (size_t t = 0; t < ARRAY_LEN(types); t++) {
		struct tds_column c = column(types[t]);

		for (int i = 0; i < ROUNDS; i++) {
			struct tds_value v = random_value(&c), back;
			struct err err = ERR_INIT;
			char text[TDS_PRINT_MAX];
			size_t len = tds_value_print(&c, &v, text);

			assert_int_equal(len, strlen(text));
			assert_int_equal(tds_value_parse(&c, text, len, &back, &err), 0);
			assert_same(&v, &back);
		}
	}
}

static void every_day_is_counted_once(void **state)
{
	struct tds_column c = column("date");
	char last[TDS_PRINT_MAX] = "", text[TDS_PRINT_MAX];

	(void)state;
	for (int32_t days = 0; days <= TDS_DAYS_MAX; days += days < 800 ? 1 : 137) {
		struct tds_value v = {.kind = TDS_TIME, .t.days = days}, back;
		struct err err = ERR_INIT;
		size_t len = tds_value_print(&c, &v, text);

		assert_true(strcmp(last, text) < 0);
		strcpy(last, text);
		assert_int_equal(tds_value_parse(&c, text, len, &back, &err), 0);
		assert_int_equal(back.t.days, days);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_become_values_and_texts_again),
		cmocka_unit_test(what_would_be_lost_is_refused),
		cmocka_unit_test(losses_have_their_reason),
		cmocka_unit_test(every_unit_of_datetime_is_one_time),
		cmocka_unit_test(values_have_an_order),
		cmocka_unit_test(values_of_several_kinds_have_an_order),
		cmocka_unit_test(text_and_bytes_are_borrowed),
		cmocka_unit_test(printed_values_read_back),
		cmocka_unit_test(every_day_is_counted_once),
	};

	return cmocka_run_group_tests_name("tds/value", tests, NULL, NULL);
}
