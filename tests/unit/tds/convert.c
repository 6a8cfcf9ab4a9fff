#include "tds/convert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf16.h"
#include "unit/support.h"
#include "unit/values.h"

#define ROUNDS      40
#define SCRATCH_MAX (1u << 20)

static const uint8_t latin1[TDS_COLLATION_LEN] = {0x09, 0x04, 0xD0, 0x00, 0x34};
static const uint8_t cyrillic[TDS_COLLATION_LEN] = {0x19, 0x04, 0xD0, 0x00, 0x00};
static const uint8_t japanese[TDS_COLLATION_LEN] = {0x11, 0x04, 0xD0, 0x00, 0x00};
static const uint8_t chinese[TDS_COLLATION_LEN] = {0x04, 0x08, 0xD0, 0x00, 0x00};
static const uint8_t thai[TDS_COLLATION_LEN] = {0x1E, 0x04, 0xD0, 0x00, 0x00};

/* "varchar(5) 1252" is in that code page. */
static struct tds_column column(const char *type)
{
	static const struct {
		const char *suffix;
		const uint8_t *collation;
	} pages[] = {{" 1252", latin1}, {" 1251", cyrillic}, {" 932", japanese}, {" 936", chinese},
		{" 874", thai}};
	char name[64];
	size_t len = strlen(type);

	for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
		size_t n = strlen(pages[i].suffix);
		struct tds_column c;

		if (len < n || strcmp(type + len - n, pages[i].suffix) != 0)
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)(len - n), type);
		c = values_column(name);
		memcpy(c.collation, pages[i].collation, TDS_COLLATION_LEN);
		c.name = type;
		return c;
	}
	return values_column(type);
}

/* The text of a case as a value of the column; what is in a code page stands there in its bytes,
 * and UTF-16 is in `room`. */
static struct tds_value value(const struct tds_column *c, const char *text, uint8_t room[256])
{
	struct tds_value v = {
		.kind = TDS_TEXT, .s = {(const uint8_t *)text, (uint32_t)strlen(text)}};
	struct err err = ERR_INIT;
	const uint8_t *p = room;
	uint8_t *end;

	if (tds_type_is_narrow(c->type))
		return v;
	if (c->type == TDS_SQLITE && strncmp(text, "int ", 4) == 0)
		return (struct tds_value){.kind = TDS_INT, .i = atoll(text + 4)};
	if (c->type == TDS_SQLITE && strncmp(text, "real ", 5) == 0)
		return (struct tds_value){.kind = TDS_REAL, .r = atof(text + 5)};
	if (c->type == TDS_SQLITE && strncmp(text, "blob ", 5) == 0)
		return (struct tds_value){.kind = TDS_BLOB, .s = {v.s.data + 5, v.s.len - 5}};
	if (c->type == TDS_SQLITE)
		return v;
	must(tds_value_parse(c, text, strlen(text), &v, &err), &err);
	end = tds_encode(room, c, &v);
	must(tds_decode(&p, end, c, NULL, &v, &err), &err);
	return v;
}

/* A value as the text of a case. */
static const char *text_of(const struct tds_column *c, const struct tds_value *v)
{
	static char text[256];
	size_t len = 0;

	switch (v->kind) {
	case TDS_NULL:
		return "null";
	case TDS_TEXT:
		memcpy(text, v->s.data, v->s.len);
		len = v->s.len;
		break;
	case TDS_UTF16:
		(void)utf16_to_utf8(v->s.data, v->s.len, (uint8_t *)text, &len);
		break;
	case TDS_BLOB:
		for (uint32_t i = 0; i < v->s.len; i++)
			len += (size_t)sprintf(text + len, "%02X", v->s.data[i]);
		break;
	default:
		len = tds_value_print(c, v, text);
	}
	text[len] = '\0';
	return text;
}

static void values_keep_what_they_are(void **state)
{
	static const struct {
		const char *from, *text, *to, *expected;
	} cases[] = {
		{"int", "255", "tinyint", "255"},
		{"bigint", "-2147483648", "int", "-2147483648"},
		{"fixed int", "7", "bigint", "7"},
		{"int", "1", "bit", "1"},
		{"bit", "1", "decimal(5,4)", "1.0000"},
		{"bigint", "9007199254740992", "float", "9007199254740992.0"},
		{"int", "16777216", "real", "16777216.0"},
		{"int", "-214748", "smallmoney", "-214748.0000"},
		{"int", "-5", "varchar(2)", "-5"},
		{"decimal(9,2)", "12.00", "int", "12"},
		{"decimal(9,2)", "-0.00", "tinyint", "0"},
		{"decimal(20,0)", "-9223372036854775808", "bigint", "-9223372036854775808"},
		{"decimal(9,2)", "1.50", "decimal(9,1)", "1.5"},
		{"decimal(38,0)", "12345", "decimal(5,0)", "12345"},
		{"decimal(5,2)", "1.50", "decimal(38,36)",
			"1.500000000000000000000000000000000000"},
		{"decimal(19,4)", "-922337203685477.5808", "money", "-922337203685477.5808"},
		{"money", "12.3400", "decimal(4,2)", "12.34"},
		{"decimal(18,4)", "0.1000", "float", "0.1"},
		{"decimal(38,20)", "123456789.12345678", "float", "123456789.12345678"},
		{"decimal(9,2)", "0.10", "real", "0.1"},
		{"decimal(38,38)", "0.00000000000000000000000000000000000001", "float", "1e-38"},
		{"float", "0.1", "decimal(18,4)", "0.1000"},
		{"float", "-2", "int", "-2"},
		{"float", "1e15", "money", "no"},
		{"float", "0.5", "real", "0.5"},
		{"real", "0.1", "decimal(3,1)", "0.1"},
		{"real", "0.1", "float", "0.10000000149011612"},
		{"float", "1e300", "varchar(10)", "1e300"},
		{"date", "2013-01-31", "datetime2(7)", "2013-01-31T00:00:00.0000000"},
		{"date", "2013-01-31", "smalldatetime", "2013-01-31T00:00:00"},
		{"datetime2(7)", "2013-01-31", "date", "2013-01-31"},
		{"datetime2(7)", "2013-01-31T06:00:00.003", "datetime", "2013-01-31T06:00:00.003"},
		{"datetime", "2013-01-31T06:00:00.007", "datetime2(3)", "2013-01-31T06:00:00.007"},
		{"datetime2(7)", "2013-01-31T06:01", "smalldatetime", "2013-01-31T06:01:00"},
		{"datetime2(7)", "2013-01-31T06:01:02.5", "datetime2(1)", "2013-01-31T06:01:02.5"},
		{"time(7)", "06:01:02", "time(0)", "06:01:02"},
		{"datetimeoffset(7)", "2013-01-31T06:01:02+01:00", "datetimeoffset(0)",
			"2013-01-31T06:01:02+01:00"},
		{"datetimeoffset(0)", "2013-01-31T06:01:02+01:00", "char(25)",
			"2013-01-31T06:01:02+01:00"},
		{"varchar(50)", "2013-01-31 06:00", "datetime2(0)", "2013-01-31T06:00:00"},
		{"varchar(50)", "12.50", "decimal(4,2)", "12.50"},
		{"char(10)", "42        ", "int", "42"},
		{"nchar(5)", "42", "int", "42"},
		{"nvarchar(50)", "-7", "bigint", "-7"},
		{"varchar(50) 1252", "true", "bit", "1"},
		{"varchar(50)", "0x00fF", "varbinary(2)", "00FF"},
		{"nvarchar(50)", "0x00fF", "varbinary(2)", "00FF"},
		{"varchar(max)", "6f9619ff-8b86-d011-b42d-00c04fc964ff", "uniqueidentifier",
			"6F9619FF-8B86-D011-B42D-00C04FC964FF"},
		{"uniqueidentifier", "6f9619ff-8b86-d011-b42d-00c04fc964ff", "nvarchar(36)",
			"6F9619FF-8B86-D011-B42D-00C04FC964FF"},
		{"varchar(max)", "Zürich", "nvarchar(6)", "Zürich"},
		{"nvarchar(50)", "Zürich \U0001F600", "varchar(20)", "Zürich \U0001F600"},
		{"varchar(50) 1252", "Z\xFCrich", "nvarchar(6)", "Zürich"},
		{"varchar(50) 1252", "Z\xFCrich", "varchar(7)", "Zürich"},
		{"varchar(50)", "€ ü", "varchar(3) 1252", "\x80 \xFC"},
		{"nvarchar(50)", "Москва", "varchar(6) 1251", "\xCC\xEE\xF1\xEA\xE2\xE0"},
		{"nvarchar(50)", "東京", "varchar(4) 932", "\x93\x8C\x8B\x9E"},
		{"varchar(50) 936", "\xB1\xB1", "nvarchar(1)", "北"},
		{"varchar(50) 1252", "ab", "varchar(2) 1251", "ab"},
		{"varchar(50) 932", "a\x83\x41\x83\xBF", "varchar(9)", "aアα"},
		{"char(5)", "ab   ", "varchar(3)", "ab "},
		{"nchar(5)", "ab", "char(2)", "ab"},
		{"nvarchar(5)", "<a/>", "xml", "<a/>"},
		{"varbinary(8)", "0x0102", "varbinary(2)", "0102"},
		{"varbinary(8)", "0x0102", "binary(2)", "0102"},
		{"varbinary(8)", "0x01AB", "varchar(6)", "0x01AB"},
		{"varbinary(8)", "0x01AB", "nvarchar(6)", "0x01AB"},
		{"sqlite", "int 5", "tinyint", "5"},
		{"sqlite", "int 5", "varchar(1)", "5"},
		{"sqlite", "int 5", "decimal(3,2)", "5.00"},
		{"sqlite", "real 5", "int", "5"},
		{"sqlite", "real 0.1", "decimal(3,1)", "0.1"},
		{"sqlite", "real 1", "bit", "1"},
		{"sqlite", "42", "int", "42"},
		{"sqlite", "1.5", "float", "1.5"},
		{"sqlite", "2013-01-31", "date", "2013-01-31"},
		{"sqlite", "2013-01-31 06:00:00", "datetime", "2013-01-31T06:00:00.000"},
		{"sqlite", "Zürich", "nvarchar(6)", "Zürich"},
		{"sqlite", "Zürich", "varchar(7)", "Zürich"},
		{"sqlite", "Zürich", "char(6) 1252", "Z\xFCrich"},
		{"sqlite", "blob AB", "varbinary(2)", "4142"},
		{"decimal(18,0)", "7", "sqlite", "7"},
		{"decimal(18,2)", "7", "sqlite", "7.00"},
		{"date", "2013-01-31", "sqlite", "2013-01-31"},
		{"nvarchar(6)", "Zürich", "sqlite", "Zürich"},
		{"varchar(6) 1252", "Z\xFCrich", "sqlite", "Zürich"},
	};
	struct buf scratch = BUF_INIT(SCRATCH_MAX);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct tds_column from = column(cases[i].from), to = column(cases[i].to);
		struct tds_conversion plan;
		struct tds_value v, back;
		struct err err = ERR_INIT;
		uint8_t room[256];

		must(tds_conversion_init(&plan, &from, &to, &err), &err);
		v = value(&from, cases[i].text, room);
		if (strcmp(cases[i].expected, "no") == 0) {
			assert_int_equal(
				tds_conversion_apply(&plan, &v, &scratch, &back, NULL, &err), -1);
			continue;
		}
		if (tds_conversion_apply(&plan, &v, &scratch, &back, NULL, &err) < 0)
			fail_msg("%s '%s' to %s: %s", from.name, cases[i].text, to.name, err.msg);
		if (back.kind == TDS_INT || back.kind == TDS_REAL) {
			struct tds_column as = to.type == TDS_SQLITE ? column("bigint") : to;

			assert_string_equal(text_of(&as, &back), cases[i].expected);
		} else {
			assert_string_equal(text_of(&to, &back), cases[i].expected);
		}
	}
	buf_release(&scratch);
}

static void what_would_be_lost_is_refused(void **state)
{
	static const struct {
		const char *from, *text, *to;
		enum tds_loss loss;
		const char *message;
	} cases[] = {
		{"int", "256", "tinyint", TDS_LOSS_OVERFLOW,
			"'256' is beyond the range of tinyint"},
		{"int", "-1", "tinyint", TDS_LOSS_OVERFLOW, "'-1' is beyond the range of tinyint"},
		{"int", "2", "bit", TDS_LOSS_OVERFLOW, "'2' is beyond the range of bit"},
		{"int", "1000", "decimal(5,2)", TDS_LOSS_OVERFLOW,
			"'1000' is beyond the range of decimal(5,2)"},
		{"bigint", "9007199254740993", "float", TDS_LOSS_PRECISION,
			"'9007199254740993' has more digits than float"},
		{"bigint", "9223372036854775807", "float", TDS_LOSS_PRECISION,
			"'9223372036854775807' has more digits than float"},
		{"int", "16777217", "real", TDS_LOSS_PRECISION,
			"'16777217' has more digits than real"},
		{"int", "100", "varchar(2)", TDS_LOSS_TRUNCATION,
			"'100' is longer than varchar(2)"},
		{"decimal(9,2)", "1.50", "int", TDS_LOSS_PRECISION,
			"'1.50' has more digits behind the point than int"},
		{"decimal(20,0)", "9223372036854775808", "bigint", TDS_LOSS_OVERFLOW,
			"'9223372036854775808' is beyond the range of bigint"},
		{"decimal(9,2)", "-1.00", "tinyint", TDS_LOSS_OVERFLOW,
			"'-1.00' is beyond the range of tinyint"},
		{"decimal(9,2)", "1.55", "decimal(9,1)", TDS_LOSS_PRECISION,
			"'1.55' has more digits behind the point than decimal(9,1)"},
		{"decimal(9,2)", "100.00", "decimal(4,2)", TDS_LOSS_OVERFLOW,
			"'100.00' is beyond the range of decimal(4,2)"},
		{"decimal(38,0)", "99999999999999999999999999999999999999", "decimal(38,1)",
			TDS_LOSS_OVERFLOW,
			"'99999999999999999999999999999999999999' is beyond the range of "
			"decimal(38,1)"},
		{"decimal(19,4)", "922337203685477.5808", "money", TDS_LOSS_OVERFLOW,
			"'922337203685477.5808' is beyond the range of money"},
		{"decimal(38,20)", "123456789.123456789", "float", TDS_LOSS_PRECISION,
			"'123456789.12345678900000000000' has more digits than float"},
		{"decimal(9,0)", "16777217", "real", TDS_LOSS_PRECISION,
			"'16777217' has more digits than real"},
		{"float", "0.30000000000000004", "decimal(18,4)", TDS_LOSS_PRECISION,
			"'0.30000000000000004' has more digits behind the point than "
			"decimal(18,4)"},
		{"float", "1.5", "int", TDS_LOSS_PRECISION,
			"'1.5' has more digits behind the point than int"},
		{"float", "1e19", "bigint", TDS_LOSS_OVERFLOW,
			"'10000000000000000000.0' is beyond the range of bigint"},
		{"float", "0.1", "real", TDS_LOSS_PRECISION, "'0.1' has more digits than real"},
		{"float", "1e39", "real", TDS_LOSS_OVERFLOW, "'1e39' is beyond the range of real"},
		{"date", "1752-12-31", "datetime", TDS_LOSS_OVERFLOW,
			"'1752-12-31' is beyond the range of datetime"},
		{"datetime2(7)", "2013-01-31T00:00:00.0000001", "date", TDS_LOSS_PRECISION,
			"'2013-01-31T00:00:00.0000001' has a time of day, which is lost in date"},
		{"datetime2(3)", "2013-01-31T00:00:00.001", "datetime", TDS_LOSS_PRECISION,
			"'2013-01-31T00:00:00.001' has a finer fraction of a second than datetime"},
		{"datetime", "2013-01-31T00:00:01", "smalldatetime", TDS_LOSS_PRECISION,
			"'2013-01-31T00:00:01.000' has seconds, which are lost in smalldatetime"},
		{"time(7)", "00:00:00.0000001", "time(6)", TDS_LOSS_PRECISION,
			"'00:00:00.0000001' has a finer fraction of a second than time(6)"},
		{"varchar(50)", "x", "int", TDS_LOSS_FORMAT, "'x' is not an integer"},
		{"varchar(50)", "7 ", "int", TDS_LOSS_FORMAT, "'7 ' is not an integer"},
		{"varchar(50)", "Zürich", "varchar(6)", TDS_LOSS_TRUNCATION,
			"'Zürich' is longer than varchar(6)"},
		{"varchar(50)", "Zürich", "nvarchar(5)", TDS_LOSS_TRUNCATION,
			"'Zürich' is longer than nvarchar(5)"},
		{"varchar(50)", "ab ", "varchar(2)", TDS_LOSS_TRUNCATION,
			"'ab ' is longer than varchar(2)"},
		{"char(5)", "abc  ", "varchar(2)", TDS_LOSS_TRUNCATION,
			"'abc  ' is longer than varchar(2)"},
		{"nvarchar(50)", "aЖ", "varchar(50) 1252", TDS_LOSS_CHARACTER,
			"'aЖ' has U+0416, which code page 1252 of the target lacks"},
		{"varchar(50)", "a\U0001F600", "varchar(50) 1252", TDS_LOSS_CHARACTER,
			"'a\U0001F600' has U+1F600, which code page 1252 of the target lacks"},
		{"nvarchar(50)", "a\U0001F600", "varchar(50) 1252", TDS_LOSS_CHARACTER,
			"'a\U0001F600' has U+1F600, which code page 1252 of the target lacks"},
		{"varchar(50) 1251", "a\xC6", "varchar(50) 1252", TDS_LOSS_CHARACTER,
			"'aЖ' has U+0416, which code page 1252 of the target lacks"},
		{"varchar(50) 932", "a\x87\x40", "nvarchar(50)", TDS_LOSS_CHARACTER,
			"'a' has 0x87, which is no character"},
		{"varbinary(8)", "0x010203", "varbinary(2)", TDS_LOSS_TRUNCATION,
			"'0x010203' is longer than varbinary(2)"},
		{"varbinary(8)", "0x01", "binary(2)", TDS_LOSS_FORMAT,
			"'0x01' is shorter than binary(2)"},
		{"varbinary(8)", "0x01AB", "varchar(5)", TDS_LOSS_TRUNCATION,
			"'0x01AB' is longer than varchar(5)"},
		{"sqlite", "int 300", "tinyint", TDS_LOSS_OVERFLOW,
			"'300' is beyond the range of tinyint"},
		{"sqlite", "real 0.5", "int", TDS_LOSS_PRECISION,
			"'0.5' has more digits behind the point than int"},
		{"sqlite", "int 5", "date", TDS_LOSS_FORMAT,
			"'5' is an integer, which is no value of date"},
		{"sqlite", "real 5", "datetime", TDS_LOSS_FORMAT,
			"'5.0' is a real number, which is no value of datetime"},
		{"sqlite", "0x41", "varbinary(9)", TDS_LOSS_FORMAT,
			"'0x41' is text, which is no value of varbinary(9)"},
		{"sqlite", "blob A", "varchar(9)", TDS_LOSS_FORMAT,
			"'0x41' is a blob, which is no value of varchar(9)"},
		{"sqlite", "blob A", "int", TDS_LOSS_FORMAT,
			"'0x41' is a blob, which is no value of int"},
		{"sqlite", "a\xFF", "varchar(9)", TDS_LOSS_CHARACTER, "'a\xFF' is not UTF-8"},
		{"sqlite", "a\xFF", "nvarchar(9)", TDS_LOSS_CHARACTER,
			"'a\xFF' has 0xFF, which is no character"},
		{"sqlite", "abc", "int", TDS_LOSS_FORMAT, "'abc' is not an integer"},
	};
	struct buf scratch = BUF_INIT(SCRATCH_MAX);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct tds_column from = column(cases[i].from), to = column(cases[i].to);
		enum tds_loss loss = TDS_LOSS_NONE;
		struct tds_conversion plan;
		struct tds_value v, back;
		struct err err = ERR_INIT;
		uint8_t room[256];

		must(tds_conversion_init(&plan, &from, &to, &err), &err);
		if (cases[i].loss != TDS_LOSS_CHARACTER) /* bytes that are no text are no value */
			assert_int_equal(plan.verdict, TDS_CHECK);
		v = value(&from, cases[i].text, room);
		assert_int_equal(tds_conversion_apply(&plan, &v, &scratch, &back, &loss, &err), -1);
		err_settle_value(&err, true);
		check_err(&err, ERR_DATA, cases[i].message);
		assert_int_equal(loss, cases[i].loss);
	}
	buf_release(&scratch);
}

static void some_types_have_no_way(void **state)
{
	static const struct {
		const char *from, *to, *message, *hint;
	} cases[] = {
		{"int", "date", "int cannot become date",
			"cast it in the source's query, or give the target column another type"},
		{"datetime2(3)", "datetimeoffset(3)",
			"datetime2(3) cannot become datetimeoffset(3)",
			"have the source's query say which zone it is: AT TIME ZONE"},
		{"datetimeoffset(3)", "datetime2(3)",
			"datetimeoffset(3) cannot become datetime2(3)",
			"datetimeoffset keeps the offset; or have the source's query say "
			"AT TIME ZONE 'UTC' and cast"},
		{"datetime", "time(3)", "datetime cannot become time(3)",
			"cast it in the source's query, which then drops the date"},
		{"binary(16)", "uniqueidentifier", "binary(16) cannot become uniqueidentifier",
			"cast it in the source's query: that says in what order the bytes are"},
		{"sql_variant", "int", "sql_variant cannot become int",
			"cast it in the source's query to the type that the target has"},
		{"varchar(5) 874", "nvarchar(5)",
			"varchar(5) is in code page 874, which cannot be read",
			"cast it to nvarchar in the source's query"},
		{"nvarchar(5)", "varchar(5) 936",
			"varchar(5) is in code page 936, which cannot be written",
			"make the target column nvarchar, or give it a collation in UTF-8"},
		{"int", "varchar(5) 874", "varchar(5) is in code page 874, which cannot be written",
			"make the target column nvarchar, or give it a collation in UTF-8"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct tds_column from = column(cases[i].from), to = column(cases[i].to);
		struct tds_conversion plan;
		struct err err = ERR_INIT;

		assert_int_equal(tds_conversion_init(&plan, &from, &to, &err), -1);
		check_err(&err, ERR_CONFIG, cases[i].message);
		assert_string_equal(err.hint, cases[i].hint);
	}
}

static void verdicts_are_what_they_should_be(void **state)
{
	static const struct {
		const char *from, *to;
		enum tds_verdict verdict;
	} cases[] = {
		{"int", "int", TDS_SAME},
		{"fixed int", "int", TDS_WIDEN},
		{"int", "bigint", TDS_WIDEN},
		{"bigint", "int", TDS_CHECK},
		{"tinyint", "smallint", TDS_WIDEN},
		{"smallint", "tinyint", TDS_CHECK},
		{"bit", "tinyint", TDS_WIDEN},
		{"int", "decimal(10,0)", TDS_WIDEN},
		{"int", "decimal(10,1)", TDS_CHECK},
		{"int", "float", TDS_WIDEN},
		{"int", "real", TDS_CHECK},
		{"int", "varchar(11)", TDS_WIDEN},
		{"int", "varchar(10)", TDS_CHECK},
		{"decimal(8,2)", "decimal(9,2)", TDS_SAME},
		{"decimal(9,2)", "decimal(10,2)", TDS_WIDEN},
		{"decimal(9,2)", "decimal(9,3)", TDS_CHECK},
		{"decimal(9,0)", "int", TDS_WIDEN},
		{"decimal(10,0)", "int", TDS_CHECK},
		{"decimal(15,4)", "float", TDS_WIDEN},
		{"decimal(16,4)", "float", TDS_CHECK},
		{"smallmoney", "money", TDS_WIDEN},
		{"money", "decimal(19,4)", TDS_WIDEN},
		{"decimal(19,4)", "money", TDS_CHECK},
		{"real", "float", TDS_WIDEN},
		{"date", "datetime2(0)", TDS_WIDEN},
		{"date", "datetime", TDS_CHECK},
		{"datetime", "datetime2(3)", TDS_WIDEN},
		{"datetime", "datetime2(2)", TDS_CHECK},
		{"smalldatetime", "datetime", TDS_WIDEN},
		{"datetime2(3)", "datetime2(7)", TDS_WIDEN},
		{"datetime2(3)", "datetime2(3)", TDS_SAME},
		{"varchar(50)", "varchar(60)", TDS_SAME},
		{"varchar(50)", "varchar(max)", TDS_WIDEN},
		{"varchar(max)", "varchar(50)", TDS_CHECK},
		{"char(5)", "varchar(5)", TDS_SAME},
		{"varchar(5)", "char(5)", TDS_WIDEN},
		{"char(5)", "char(5)", TDS_SAME},
		{"char(5)", "char(6)", TDS_WIDEN},
		{"varchar(50) 1252", "nvarchar(50)", TDS_WIDEN},
		{"varchar(50) 1252", "varchar(50) 1252", TDS_SAME},
		{"varchar(50) 874", "varchar(50) 874", TDS_SAME},
		{"varchar(50) 874", "varchar(40) 874", TDS_CHECK},
		{"varchar(50) 874", "varchar(max) 874", TDS_WIDEN},
		{"varchar(50) 1252", "varchar(50)", TDS_CHECK},
		{"varchar(50) 1252", "varchar(150)", TDS_WIDEN},
		{"nvarchar(50)", "varchar(150)", TDS_WIDEN},
		{"nvarchar(50)", "varchar(150) 1252", TDS_CHECK},
		{"nvarchar(max)", "xml", TDS_SAME},
		{"xml", "nvarchar(max)", TDS_SAME},
		{"binary(8)", "varbinary(8)", TDS_SAME},
		{"varbinary(8)", "binary(8)", TDS_CHECK},
		{"rowversion", "binary(8)", TDS_SAME},
		{"udt", "varbinary(max)", TDS_WIDEN},
		{"old image", "varbinary(max)", TDS_WIDEN},
		{"old text", "varchar(max)", TDS_WIDEN},
		{"sql_variant", "sql_variant", TDS_SAME},
		{"sqlite", "sqlite", TDS_SAME},
		{"sqlite", "varchar(max)", TDS_CHECK},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct tds_column from = column(cases[i].from), to = column(cases[i].to);
		struct tds_conversion plan;
		struct err err = ERR_INIT;

		must(tds_conversion_init(&plan, &from, &to, &err), &err);
		if (plan.verdict != cases[i].verdict)
			fail_msg("%s to %s: %d", from.name, to.name, (int)plan.verdict);
	}
}

static void null_needs_a_column_that_takes_it(void **state)
{
	struct tds_column from = column("int"), to = column("int not null"),
			  wide = column("bigint");
	const struct tds_value null = {.kind = TDS_NULL};
	enum tds_loss loss = TDS_LOSS_NONE;
	struct buf scratch = BUF_INIT(SCRATCH_MAX);
	struct tds_conversion plan;
	struct tds_value back;
	struct err err = ERR_INIT;

	(void)state;
	must(tds_conversion_init(&plan, &from, &to, &err), &err);
	assert_int_equal(plan.verdict, TDS_CHECK);
	assert_int_equal(tds_conversion_apply(&plan, &null, &scratch, &back, &loss, &err), -1);
	check_err(&err, ERR_DATA, "a null, and the column is not null");
	assert_int_equal(loss, TDS_LOSS_NULL);
	must(tds_conversion_init(&plan, &from, &wide, &err), &err);
	must(tds_conversion_apply(&plan, &null, &scratch, &back, NULL, &err), &err);
	assert_int_equal(back.kind, TDS_NULL);
	buf_release(&scratch);
}

/* --- every pair ---------------------------------------------------------------- */

static uint64_t seed = 2463534242;

/* Encoded in the column it is decoded as the same. */
static void check_fits(const struct tds_column *c, const struct tds_value *v)
{
	size_t size = tds_encoded_size(c, v);
	uint8_t *bytes = mem_alloc(size), *end = tds_encode(bytes, c, v);
	const uint8_t *p = bytes;
	struct err err = ERR_INIT;
	struct tds_value back;

	assert_true((size_t)(end - bytes) <= size);
	if (tds_decode(&p, end, c, NULL, &back, &err) < 0)
		fail_msg("%s", err.msg);
	assert_ptr_equal(p, end);
	assert_int_equal(back.kind, v->kind);
	if (!tds_type_is_padded(c->type))
		assert_int_equal(tds_value_compare(v, &back), 0);
	free(bytes);
}

static struct tds_value trimmed(struct tds_value v)
{
	uint32_t unit = v.kind == TDS_UTF16 ? 2 : 1;

	while ((v.kind == TDS_TEXT || v.kind == TDS_UTF16) && v.s.len >= unit &&
		v.s.data[v.s.len - unit] == ' ' && (unit == 1 || v.s.data[v.s.len - 1] == 0))
		v.s.len -= unit;
	return v;
}

static bool is_text(const struct tds_column *c)
{
	return tds_type_is_narrow(c->type) || tds_type_is_utf16(c->type);
}

/* What came out becomes what went in again, where there is a way back: nothing was changed. Text of
 * a number need not be written as we would, so there it is the number that must come back. */
static void check_way_back(
	const struct tds_conversion *plan, const struct tds_value *v, const struct tds_value *there)
{
	struct buf scratch = BUF_INIT(SCRATCH_MAX), again = BUF_INIT(SCRATCH_MAX);
	bool from_text = is_text(plan->from) || v->kind == TDS_TEXT;
	struct tds_conversion back;
	struct tds_value w, u;
	struct err err = ERR_INIT;

	if (tds_conversion_init(&back, plan->to, plan->from, &err) < 0)
		return;
	if (from_text && !is_text(plan->to) && plan->to->type != TDS_SQLITE) {
		if (tds_conversion_apply(&back, there, &scratch, &w, NULL, &err) < 0)
			goto done; /* our way of writing it may be longer */
		must(tds_conversion_apply(plan, &w, &again, &u, NULL, &err), &err);
		assert_int_equal(tds_value_compare(&u, there), 0);
		goto done;
	}
	if (tds_conversion_apply(&back, there, &scratch, &w, NULL, &err) < 0) {
		if (tds_type_is_padded(plan->to->type) || plan->from->type == TDS_SQLITE)
			goto done;
		fail_msg("%s to %s and back: %s", plan->from->name, plan->to->name, err.msg);
	}
	if (plan->from->type == TDS_SQLITE && w.kind != v->kind && v->kind != TDS_REAL)
		goto done; /* a number that became text */
	if (w.kind == TDS_TEXT && v->kind == TDS_REAL)
		goto done;
	w = trimmed(w);
	u = trimmed(*v);
	if (tds_value_compare(&w, &u) != 0)
		fail_msg("%s to %s and back: another value", plan->from->name, plan->to->name);
done:
	buf_release(&scratch);
	buf_release(&again);
}

static void check_pair(const struct tds_conversion *plan, unsigned *passed, unsigned *refused)
{
	static uint8_t room[TDS_BYTES_MAX];
	struct buf scratch = BUF_INIT(SCRATCH_MAX);
	struct tds_value v = values_value(plan->from, &seed, room), there;
	enum tds_loss loss = TDS_LOSS_NONE;
	struct err err = ERR_INIT;

	/* what text of numbers is made of */
	if (is_text(plan->from) && !is_text(plan->to) && plan->from->type != TDS_XML) {
		uint64_t r = values_random(&seed);

		for (uint32_t i = 0; i < v.s.len; i++)
			room[i] = v.kind == TDS_UTF16 && i % 2
					  ? 0
					  : (uint8_t)("0123456789-.:0x "[(r >> (i % 15) * 4) & 15]);
	}
	if (tds_conversion_apply(plan, &v, &scratch, &there, &loss, &err) < 0) {
		if (plan->verdict != TDS_CHECK)
			fail_msg("%s to %s: %s", plan->from->name, plan->to->name, err.msg);
		assert_int_equal(err.code, ERR_DATA);
		assert_true(loss > TDS_LOSS_NONE && loss < TDS_LOSS_COUNT);
		(*refused)++;
	} else {
		(*passed)++;
		check_fits(plan->to, &there);
		check_way_back(plan, &v, &there);
	}
	buf_release(&scratch);
}

/* The same bytes are a value of both. */
static void check_same(const struct tds_conversion *plan)
{
	static uint8_t room[TDS_BYTES_MAX], bytes[4 * TDS_BYTES_MAX], others[4 * TDS_BYTES_MAX];
	struct tds_value v = values_value(plan->from, &seed, room), back;
	size_t len = (size_t)(tds_encode(bytes, plan->from, &v) - bytes);
	const uint8_t *p = bytes;
	struct err err = ERR_INIT;

	must(tds_decode(&p, bytes + len, plan->to, NULL, &back, &err), &err);
	assert_ptr_equal(p, bytes + len);
	assert_int_equal(tds_encode(others, plan->to, &back) - others, len);
	assert_memory_equal(bytes, others, len);
}

static void every_pair_keeps_its_verdict(void **state)
{
	static const char *const more[] = {"varchar(50) 1252", "varchar(max) 1251", "char(10) 932",
		"varchar(20) 936", "varchar(20) 874", "int not null", "varchar(9) not null"};
	static struct tds_column columns[VALUES_COLUMNS_MAX];
	unsigned pairs = 0, none = 0, passed = 0, refused = 0;
	size_t n = values_columns(columns);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(more); i++)
		columns[n++] = column(more[i]);
	for (size_t i = 0; i < n * n; i++) {
		struct tds_column *from = &columns[i / n], *to = &columns[i % n];
		struct tds_conversion plan;
		struct err err = ERR_INIT;

		pairs++;
		if (tds_conversion_init(&plan, from, to, &err) < 0) {
			assert_int_equal(err.code, ERR_CONFIG);
			assert_true(err.hint[0] != '\0');
			none++;
			continue;
		}
		if (tds_type_is_narrow(from->type) && plan.from_text.encoding == TDS_CODEPAGE)
			continue; /* its values are below */
		for (int round = 0; round < ROUNDS; round++) {
			if (plan.verdict == TDS_SAME)
				check_same(&plan);
			check_pair(&plan, &passed, &refused);
		}
	}
	print_message("%u pairs, %u without a way; %u values passed, %u refused\n", pairs, none,
		passed, refused);
	assert_true(passed > 10000 && refused > 10000);
}

/* All bytes of a page, as far as they are characters, to Unicode and back. */
static void code_pages_come_back(void **state)
{
	static const char *const types[] = {
		"varchar(50) 1252", "varchar(50) 1251", "varchar(50) 932"};
	struct tds_column wide = column("nvarchar(50)"), utf8 = column("varchar(150)");
	struct buf scratch = BUF_INIT(SCRATCH_MAX), again = BUF_INIT(SCRATCH_MAX);
	unsigned passed = 0;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		struct tds_column c = column(types[i % ARRAY_LEN(types)]);
		const struct tds_column *to = i & 1 ? &wide : &utf8;
		struct tds_conversion there, back;
		struct tds_value v = {.kind = TDS_TEXT}, w, u;
		struct err err = ERR_INIT;
		uint8_t text[8];
		uint64_t r = values_random(&seed);

		memcpy(text, &r, sizeof(text));
		v.s.data = text;
		v.s.len = (uint32_t)(r >> 56) % 9;
		must(tds_conversion_init(&there, &c, to, &err), &err);
		must(tds_conversion_init(&back, to, &c, &err), &err);
		if (tds_conversion_apply(&there, &v, &scratch, &w, NULL, &err) < 0)
			continue;
		passed++;
		must(tds_conversion_apply(&back, &w, &again, &u, NULL, &err), &err);
		assert_int_equal(u.s.len, v.s.len);
		assert_memory_equal(u.s.data, text, v.s.len);
	}
	assert_true(passed > 10000);
	buf_release(&scratch);
	buf_release(&again);
}

static void a_small_scratch_is_a_limit(void **state)
{
	struct tds_column from = column("varchar(max)"), to = column("nvarchar(max)");
	struct tds_value v = {.kind = TDS_TEXT, .s = {(const uint8_t *)"abcdef", 6}}, back;
	enum tds_loss loss = TDS_LOSS_NONE;
	struct buf scratch = BUF_INIT(8);
	struct tds_conversion plan;
	struct err err = ERR_INIT;

	(void)state;
	must(tds_conversion_init(&plan, &from, &to, &err), &err);
	assert_int_equal(tds_conversion_apply(&plan, &v, &scratch, &back, &loss, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	assert_int_equal(loss, TDS_LOSS_NONE);
	buf_release(&scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_keep_what_they_are),
		cmocka_unit_test(what_would_be_lost_is_refused),
		cmocka_unit_test(some_types_have_no_way),
		cmocka_unit_test(verdicts_are_what_they_should_be),
		cmocka_unit_test(null_needs_a_column_that_takes_it),
		cmocka_unit_test(every_pair_keeps_its_verdict),
		cmocka_unit_test(code_pages_come_back),
		cmocka_unit_test(a_small_scratch_is_a_limit),
	};

	return cmocka_run_group_tests_name("tds/convert", tests, NULL, NULL);
}
