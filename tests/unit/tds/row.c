#include "tds/row.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf16.h"
#include "tds/scan.h"
#include "unit/values.h"

#define ROUNDS 200

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
		{"money", "1", 9, "\x08\0\0\0\0\x10\x27\0\0"},
		{"money", "-0.0001", 9, "\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"},
		{"money", "922337203685477.5807", 9, "\x08\xFF\xFF\xFF\x7F\xFF\xFF\xFF\xFF"},
		{"smallmoney", "-214748.3648", 5, "\x04\0\0\0\x80"},
		{"datetime", "1900-01-02T00:00:00.003", 9, "\x08\1\0\0\0\1\0\0\0"},
		{"datetime", "1899-12-31T23:59:59.997", 9, "\x08\xFF\xFF\xFF\xFF\xFF\x81\x8B\1"},
		{"smalldatetime", "2079-06-06 23:59", 5, "\x04\xFF\xFF\x9F\5"},
		{"uniqueidentifier", "6f9619ff-8b86-d011-b42d-00c04fc964ff", 17,
			"\x10\xFF\x19\x96\x6F\x86\x8B\x11\xD0\xB4\x2D\x00\xC0\x4F\xC9\x64\xFF"},
		{"uniqueidentifier", "{00112233445566778899AABBCCDDEEFF}", 17,
			"\x10\x33\x22\x11\x00\x55\x44\x77\x66\x88\x99\xAA\xBB\xCC\xDD\xEE\xFF"},
		{"varchar(5)", "ab", 4, "\2\0ab"},
		{"nvarchar(2)", "\U0001F600", 6, "\4\0\x3D\xD8\x00\xDE"},
		{"nvarchar(max)", "a", 18, "\2\0\0\0\0\0\0\0\2\0\0\0a\0\0\0\0\0"},
		{"varbinary(2)", "0x00", 3, "\1\0\0"},
		{"fixed int", "-2", 4, "\xFE\xFF\xFF\xFF"},
		{"fixed money", "1", 8, "\0\0\0\0\x10\x27\0\0"},
		{"old text", "a", 30,
			"\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0a"},
	};
	uint8_t bytes[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct tds_column c = values_column(cases[i].type);
		struct err err = ERR_INIT;
		struct tds_value v;
		size_t len;

		assert_int_equal(
			tds_value_parse(&c, cases[i].text, strlen(cases[i].text), &v, &err), 0);
		len = (size_t)(tds_encode(bytes, &c, &v) - bytes);
		assert_int_equal(len, cases[i].len);
		assert_true(len <= tds_encoded_size(&c, &v));
		assert_memory_equal(bytes, cases[i].bytes, len);
	}
}

static void null_has_its_bytes(void **state)
{
	struct tds_column number = values_column("int"), text = values_column("text"),
			  any = values_column("sqlite");
	struct tds_column limited = values_column("nchar(5)"),
			  variant = values_column("sql_variant");
	struct tds_value null = {.kind = TDS_NULL}, v;
	struct err err = ERR_INIT;
	uint8_t bytes[16];
	const uint8_t *p = bytes;

	(void)state;
	assert_ptr_equal(tds_encode(bytes, &number, &null), bytes + 1);
	assert_int_equal(bytes[0], 0);
	assert_ptr_equal(tds_encode(bytes, &any, &null), bytes + 1);
	assert_int_equal(bytes[0], 0);
	assert_ptr_equal(tds_encode(bytes, &limited, &null), bytes + 2);
	assert_memory_equal(bytes, "\xFF\xFF", 2);
	assert_ptr_equal(tds_encode(bytes, &variant, &null), bytes + 4);
	assert_memory_equal(bytes, "\0\0\0\0", 4);
	assert_ptr_equal(tds_encode(bytes, &text, &null), bytes + 8);
	assert_memory_equal(bytes, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8);
	assert_int_equal(tds_decode(&p, bytes + 8, &text, NULL, &v, &err), 0);
	assert_int_equal(v.kind, TDS_NULL);
	assert_ptr_equal(p, bytes + 8);
}

/* As tds_value_print, for text and bytes too; false: nothing that tds_value_parse reads back. */
static bool print(const struct tds_column *c, const struct tds_value *v, struct buf *out)
{
	char text[TDS_PRINT_MAX];
	size_t len;

	buf_reset(out);
	switch (v->kind) {
	case TDS_NULL:
		return false;
	case TDS_TEXT:
		buf_add(out, v->s.data, v->s.len);
		return true;
	case TDS_UTF16:
		buf_room(out, UTF8_MAX_OF_UTF16(v->s.len) + 1);
		assert_int_equal(
			utf16_to_utf8(v->s.data, v->s.len, (uint8_t *)out->data, &len), v->s.len);
		buf_advance(out, len);
		return true;
	case TDS_BLOB:
		buf_adds(out, "0x");
		for (uint32_t i = 0; i < v->s.len; i++)
			buf_printf(out, "%02X", v->s.data[i]);
		return c->type != TDS_VARIANT && c->type != TDS_UDT;
	default:
		buf_add(out, text, tds_value_print(c, v, text));
		return true;
	}
}

/* bytes -> text -> value -> the same bytes */
static void check_text(
	const struct tds_column *c, const struct tds_value *v, const uint8_t *bytes, size_t len)
{
	static uint8_t again[TDS_TEXTPTR_OVERHEAD + 2 * VALUES_LEN_MAX + TDS_BYTES_MAX];
	struct buf text = BUF_INIT(3 * TDS_BYTES_MAX);
	struct err err = ERR_INIT;
	struct tds_value back;
	size_t again_len;

	if (c->type != TDS_SQLITE && print(c, v, &text)) {
		if (tds_value_parse(c, buf_str(&text), text.len, &back, &err) < 0)
			fail_msg("%s: %s", c->name, err.msg);
		again_len = (size_t)(tds_encode(again, c, &back) - again);
		assert_true(again_len <= tds_encoded_size(c, &back));
		assert_true(again_len <= tds_encoded_max(c, text.len));
		if (again_len != len || memcmp(again, bytes, len) != 0)
			fail_msg("%s: '%s' has other bytes", c->name, buf_str(&text));
	}
	buf_release(&text);
}

/* Cut anywhere it is an error and nothing beyond is read: the copy has no byte more than it should,
 * the sanitizer watches. */
static void check_cuts(const struct tds_column *c, const uint8_t *bytes, size_t len)
{
	size_t step = len > 300 ? len / 40 : 1;

	for (size_t cut = 0; cut < len; cut += step) {
		uint8_t *shorter = mem_alloc(cut);
		const uint8_t *p = shorter;
		struct err err = ERR_INIT;
		struct tds_value v;

		memcpy(shorter, bytes, cut);
		assert_int_equal(tds_decode(&p, shorter + cut, c, NULL, &v, &err), -1);
		assert_int_equal(err.code, ERR_DATA);
		assert_ptr_equal(p, shorter);
		free(shorter);
	}
}

static void check_scan(const struct tds_column *c, const uint8_t *bytes, size_t len)
{
	const struct tds_columns one = {(struct tds_column *)c, 1};
	struct tds_plan *plan = tds_plan_new(&one);
	struct tds_scan scan = {.state = 0};
	uint8_t *row = mem_alloc(len + 1);
	struct err err = ERR_INIT;
	size_t used = 0;

	row[0] = TDS_ROW_TOKEN;
	memcpy(row + 1, bytes, len);
	assert_int_equal(tds_scan_row(plan, &scan, row, len, &used, &err), 0);
	assert_int_equal(tds_scan_row(plan, &scan, row + len, 1, &used, &err), 1);
	assert_int_equal(tds_scan_row(plan, &scan, row, len + 1, &used, &err), 1);
	assert_int_equal(used, len + 1);
	free(row);
	tds_plan_free(plan);
}

/* encode -> scan -> decode -> compare -> print -> parse -> encode */
static void check_value(const struct tds_column *c, const struct tds_value *v, uint64_t round)
{
	static uint8_t bytes[TDS_TEXTPTR_OVERHEAD + VALUES_LEN_MAX + TDS_BYTES_MAX];
	size_t len = (size_t)(tds_encode(bytes, c, v) - bytes);
	uint8_t *copy = mem_alloc(len);
	const uint8_t *p = copy;
	struct err err = ERR_INIT;
	struct tds_value back;

	assert_true(len <= tds_encoded_size(c, v));
	memcpy(copy, bytes, len);
	if (tds_decode(&p, copy + len, c, NULL, &back, &err) < 0)
		fail_msg("%s: %s", c->name, err.msg);
	assert_ptr_equal(p, copy + len);
	if (!values_same(v, &back))
		fail_msg("%s: another value", c->name);
	assert_int_equal(tds_value_compare(v, &back), 0);
	check_text(c, &back, bytes, len);
	if (round % 16 == 0) {
		check_scan(c, copy, len);
		check_cuts(c, bytes, len);
	}
	free(copy);
}

static void values_come_back(void **state)
{
	static struct tds_column columns[VALUES_COLUMNS_MAX];
	static uint8_t room[TDS_BYTES_MAX];
	size_t n = values_columns(columns);
	uint64_t seed = 4101842887655102017;

	(void)state;
	for (size_t i = 0; i < n; i++) {
		const struct tds_column *c = &columns[i];
		const struct tds_value null = {.kind = TDS_NULL};

		if (tds_form(c) != TDS_FORM_FIXED)
			check_value(c, &null, 0);
		for (uint64_t round = 0; round < ROUNDS; round++) {
			struct tds_value v = values_value(c, &seed, room);

			if (tds_type_is_padded(c->type) && v.s.len < c->size)
				continue;
			check_value(c, &v, round);
		}
	}
}

/* What is shorter than char or nchar is padded. */
static void short_values_are_padded(void **state)
{
	static const struct {
		const char *type, *text;
		size_t len;
		const char *bytes;
	} cases[] = {
		{"char(3)", "\u00e9", 5, "\3\0\xC3\xA9 "},
		{"nchar(3)", "\u00e9", 8, "\6\0\xE9\0 \0 \0"},
	};
	uint8_t bytes[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct tds_column c = values_column(cases[i].type);
		struct err err = ERR_INIT;
		struct tds_value v;
		size_t len;

		assert_int_equal(
			tds_value_parse(&c, cases[i].text, strlen(cases[i].text), &v, &err), 0);
		len = (size_t)(tds_encode(bytes, &c, &v) - bytes);
		assert_int_equal(len, cases[i].len);
		assert_true(len <= tds_encoded_size(&c, &v));
		assert_memory_equal(bytes, cases[i].bytes, len);
	}
}

static void chunks_are_joined(void **state)
{
	static const uint8_t bytes[] = "\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF\2\0\0\0ab\1\0\0\0c\0\0\0";
	struct tds_column c = values_column("varchar(max)");
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
	assert_string_equal(
		err.msg, "column 'varchar(max)': a value in several chunks for varchar(max)");
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
		{"nvarchar(5)", 5, "\3\0abc", "column 'c': half a unit of UTF-16 for nvarchar(5)"},
		{"varchar(2)", 5, "\3\0abc", "column 'c': a wrong length for varchar(2)"},
		{"datetime", 9, "\x08\0\0\0\0\0\x82\x8B\1",
			"column 'c': a time beyond 24 hours for datetime"},
		{"datetime", 9, "\x08\0\0\0\x80\0\0\0\0",
			"column 'c': a date out of range for datetime"},
		{"smalldatetime", 5, "\4\0\0\xA0\5",
			"column 'c': a time beyond 24 hours for smalldatetime"},
		{"sql_variant", 5, "\x4A\x1F\0\0\0", "column 'c': a wrong length for sql_variant"},
		{"old image", 29, "\x01\0\0\0\0\0\0\0\0\0\0\0\0\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
			"column 'c': a wrong length for image"},
		{"old image", 2, "\x01\0", "column 'c': the row ends within a value for image"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct tds_column c = values_column(cases[i].type);
		struct buf joined = BUF_INIT(1024);
		const uint8_t *p = (const uint8_t *)cases[i].bytes;
		struct err err = ERR_INIT;
		struct tds_value v;

		c.name = "c";
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
		cmocka_unit_test(values_come_back),
		cmocka_unit_test(short_values_are_padded),
		cmocka_unit_test(chunks_are_joined),
		cmocka_unit_test(other_bytes_are_refused),
	};

	return cmocka_run_group_tests_name("tds/row", tests, NULL, NULL);
}
