#include "tds/info.h"

#include <stdlib.h>
#include <string.h>

#include "unit/support.h"
#include "unit/values.h"

#define BYTES_MAX 65536

static bool same(const struct tds_column *a, const struct tds_column *b)
{
	bool collation =
		tds_type_is_narrow(a->type) || (tds_type_is_utf16(a->type) && a->type != TDS_XML);

	return a->type == b->type && a->size == b->size && a->precision == b->precision &&
	       a->scale == b->scale &&
	       (!collation || memcmp(a->collation, b->collation, TDS_COLLATION_LEN) == 0);
}

/* Cut anywhere it is an error, and nothing beyond is read. */
static void check_cuts(const uint8_t *bytes, size_t len)
{
	for (size_t cut = 0; cut < len; cut++) {
		uint8_t *shorter = mem_alloc(cut);
		const uint8_t *p = shorter;
		struct tds_column back = {.name = NULL};
		struct err err = ERR_INIT;

		memcpy(shorter, bytes, cut);
		assert_int_equal(tds_info_decode(&p, shorter + cut, &back, &err), -1);
		check_err(&err, ERR_DATA, "the column list ends within a type");
		assert_ptr_equal(p, shorter);
		free(shorter);
	}
}

static void every_type_comes_back(void **state)
{
	static struct tds_column columns[VALUES_COLUMNS_MAX];
	size_t n = values_columns(columns);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		const struct tds_column *c = &columns[i];
		uint8_t bytes[TDS_INFO_MAX];
		const uint8_t *p = bytes;
		struct tds_column back = {.name = "kept"};
		struct err err = ERR_INIT;
		size_t len;

		if (c->type == TDS_UDT || c->type == TDS_SQLITE)
			continue;
		len = (size_t)(tds_info_encode(bytes, c) - bytes);
		assert_true(len <= sizeof(bytes));
		must(tds_info_decode(&p, bytes + len, &back, &err), &err);
		assert_ptr_equal(p, bytes + len);
		assert_string_equal(back.name, "kept");
		if (!same(c, &back))
			fail_msg("%s", c->name);
		check_cuts(bytes, len);
	}
}

static void types_have_their_bytes(void **state)
{
	static const struct {
		const char *type;
		size_t len;
		const char *bytes;
	} cases[] = {
		{"fixed int", 1, "\x38"},
		{"int", 2, "\x26\x04"},
		{"bit", 2, "\x68\x01"},
		{"decimal(18,4)", 4, "\x6A\x09\x12\x04"},
		{"money", 2, "\x6E\x08"},
		{"smalldatetime", 2, "\x6F\x04"},
		{"uniqueidentifier", 2, "\x24\x10"},
		{"date", 1, "\x28"},
		{"datetime2(3)", 2, "\x2A\x03"},
		{"varchar(50)", 8, "\xA7\x32\x00\x09\x04\x00\x26\x00"},
		{"nvarchar(max)", 8, "\xE7\xFF\xFF\x09\x04\x00\x26\x00"},
		{"nchar(2)", 8, "\xEF\x04\x00\x09\x04\x00\x26\x00"},
		{"varbinary(max)", 3, "\xA5\xFF\xFF"},
		{"binary(8)", 3, "\xAD\x08\x00"},
		{"xml", 2, "\xF1\x00"},
		{"sql_variant", 5, "\x62\x49\x1F\x00\x00"},
		{"old text", 10, "\x23\xFF\xFF\xFF\x7F\x09\x04\x00\x26\x00"},
		{"old image", 5, "\x22\xFF\xFF\xFF\x7F"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct tds_column c = values_column(cases[i].type);
		uint8_t bytes[TDS_INFO_MAX];

		assert_int_equal(tds_info_encode(bytes, &c) - bytes, cases[i].len);
		assert_memory_equal(bytes, cases[i].bytes, cases[i].len);
	}
}

static void other_bytes_are_refused(void **state)
{
	static const struct {
		size_t len;
		const char *bytes, *message;
	} cases[] = {
		{1, "\x00", "type 0x00 is not known"},
		{1, "\xF8", "type 0xF8 is not known"},
		{2, "\x26\x03", "type 0x26 has a length or scale that it cannot have"},
		{2, "\x68\x02", "type 0x68 has a length or scale that it cannot have"},
		{2, "\x6D\x02", "type 0x6D has a length or scale that it cannot have"},
		{2, "\x24\x04", "type 0x24 has a length or scale that it cannot have"},
		{2, "\x2A\x08", "type 0x2A has a length or scale that it cannot have"},
		{4, "\x6A\x09\x05\x02", "type 0x6A has a length or scale that it cannot have"},
		{4, "\x6A\x05\x05\x06", "type 0x6A has a length or scale that it cannot have"},
		{4, "\x6A\x05\x00\x00", "type 0x6A has a length or scale that it cannot have"},
		{8, "\xA7\x41\x1F\0\0\0\0\0",
			"type 0xA7 has a length or scale that it cannot have"},
		{8, "\xE7\x03\x00\0\0\0\0\0",
			"type 0xE7 has a length or scale that it cannot have"},
		{8, "\xAF\xFF\xFF\0\0\0\0\0",
			"type 0xAF has a length or scale that it cannot have"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const uint8_t *p = (const uint8_t *)cases[i].bytes;
		struct tds_column c = {.name = NULL};
		struct err err = ERR_INIT;

		assert_int_equal(tds_info_decode(&p, p + cases[i].len, &c, &err), -1);
		check_err(&err, ERR_DATA, cases[i].message);
	}
}

static void lists_come_back(void **state)
{
	static const char *const types[] = {"int", "fixed bigint", "nvarchar(50)", "sql_variant",
		"xml", "decimal(38,10)", "time(3)"};
	struct tds_column v[ARRAY_LEN(types)];
	const struct tds_columns cols = {v, ARRAY_LEN(types)};
	struct buf out = BUF_INIT(BYTES_MAX);
	struct arena a = ARENA_INIT;
	struct tds_columns back;
	struct err err = ERR_INIT;
	const uint8_t *p;

	(void)state;
	for (size_t i = 0; i < cols.n; i++)
		v[i] = values_column(types[i]);
	v[0].name = "größe \U0001F600";
	v[0].identity = true;
	must(tds_columns_encode(&cols, &out, &err), &err);
	p = (const uint8_t *)out.data;
	must(tds_columns_decode(&p, p + out.len, &a, &back, &err), &err);
	assert_ptr_equal(p, out.data + out.len);
	assert_int_equal(back.n, cols.n);
	for (size_t i = 0; i < cols.n; i++) {
		assert_true(same(&v[i], &back.v[i]));
		assert_string_equal(back.v[i].name, v[i].name);
		assert_int_equal(back.v[i].nullable, v[i].nullable);
		assert_int_equal(back.v[i].identity, v[i].identity);
	}
	for (size_t cut = 0; cut < out.len; cut++) {
		uint8_t *shorter = mem_alloc(cut);

		memcpy(shorter, out.data, cut);
		p = shorter;
		assert_int_equal(tds_columns_decode(&p, shorter + cut, &a, &back, &err), -1);
		assert_int_equal(err.code, ERR_DATA);
		free(shorter);
	}
	arena_release(&a);
	buf_release(&out);
}

/* As a server sends it: a computed rowversion, xml with a schema, a CLR type, text of a table. */
static void what_servers_add_is_passed_over(void **state)
{
	static const char bytes[] =
		"\4\0"
		"\x50\0\0\0\x20\0\xAD\x08\0\1r\0"
		"\0\0\0\0\1\0\xF1\1\1d\0\1s\0\1\0c\0\1x\0"
		"\0\0\0\0\1\0\xF0\x7C\3\1d\0\1s\0\1t\0\2\0a\0b\0\1u\0"
		"\0\0\0\0\1\0\x23\xFF\xFF\xFF\x7F\x09\x04\xD0\x00\x34\2\1\0s\0\1\0t\0\1t\0";
	const uint8_t *p = (const uint8_t *)bytes, *end = p + sizeof(bytes) - 1;
	struct arena a = ARENA_INIT;
	struct tds_columns cols;
	struct err err = ERR_INIT;

	(void)state;
	must(tds_columns_decode(&p, end, &a, &cols, &err), &err);
	assert_ptr_equal(p, end);
	assert_int_equal(cols.n, 4);
	assert_string_equal(cols.v[0].name, "r");
	assert_int_equal(cols.v[0].user_type, TDS_USER_ROWVERSION);
	assert_true(cols.v[0].computed && !cols.v[0].nullable);
	assert_int_equal(cols.v[1].type, TDS_XML);
	assert_string_equal(cols.v[1].name, "x");
	assert_int_equal(cols.v[2].type, TDS_UDT);
	assert_int_equal(cols.v[2].size, TDS_SIZE_MAX);
	assert_int_equal(cols.v[3].type, TDS_OLD_TEXT);
	assert_string_equal(cols.v[3].name, "t");
	arena_release(&a);
}

static void some_lists_cannot_be_sent(void **state)
{
	struct tds_column c = values_column("sqlite");
	const struct tds_columns cols = {&c, 1};
	struct buf out = BUF_INIT(BYTES_MAX);
	struct err err = ERR_INIT;
	char name[257];

	(void)state;
	assert_int_equal(tds_columns_encode(&cols, &out, &err), -1);
	check_err(&err, ERR_CONFIG, "column 'sqlite': sqlite value cannot be sent");
	c = values_column("int");
	memset(name, 'n', 256);
	name[256] = '\0';
	c.name = name;
	assert_int_equal(tds_columns_encode(&cols, &out, &err), -1);
	assert_int_equal(err.code, ERR_CONFIG);
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_comes_back),
		cmocka_unit_test(types_have_their_bytes),
		cmocka_unit_test(other_bytes_are_refused),
		cmocka_unit_test(lists_come_back),
		cmocka_unit_test(what_servers_add_is_passed_over),
		cmocka_unit_test(some_lists_cannot_be_sent),
	};

	return cmocka_run_group_tests_name("tds/info", tests, NULL, NULL);
}
