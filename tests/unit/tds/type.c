#include "tds/type.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "unit/values.h"

static void names_become_types(void **state)
{
	static const struct {
		const char *text;
		enum tds_type type;
		uint32_t size;
		uint8_t precision, scale;
		bool nullable;
		const char *printed;
	} cases[] = {
		{"int", TDS_INTN, 4, 0, 0, true, "int"},
		{"  INTEGER  not  NULL ", TDS_INTN, 4, 0, 0, false, "int"},
		{"tinyint", TDS_INTN, 1, 0, 0, true, "tinyint"},
		{"smallint null", TDS_INTN, 2, 0, 0, true, "smallint"},
		{"bigint", TDS_INTN, 8, 0, 0, true, "bigint"},
		{"bit", TDS_BITN, 1, 0, 0, true, "bit"},
		{"boolean", TDS_BITN, 1, 0, 0, true, "bit"},
		{"real", TDS_FLTN, 4, 0, 0, true, "real"},
		{"float", TDS_FLTN, 8, 0, 0, true, "float"},
		{"float(24)", TDS_FLTN, 4, 0, 0, true, "real"},
		{"float ( 25 )", TDS_FLTN, 8, 0, 0, true, "float"},
		{"double precision not null", TDS_FLTN, 8, 0, 0, false, "float"},
		{"double", TDS_FLTN, 8, 0, 0, true, "float"},
		{"decimal", TDS_DECIMALN, 9, 18, 0, true, "decimal(18,0)"},
		{"decimal(9,2)", TDS_DECIMALN, 5, 9, 2, true, "decimal(9,2)"},
		{"Numeric( 28 , 28 )", TDS_DECIMALN, 13, 28, 28, true, "decimal(28,28)"},
		{"dec(38)", TDS_DECIMALN, 17, 38, 0, true, "decimal(38,0)"},
		{"date", TDS_DATEN, 3, 0, 0, true, "date"},
		{"time", TDS_TIMEN, 5, 0, 7, true, "time(7)"},
		{"time(0)", TDS_TIMEN, 3, 0, 0, true, "time(0)"},
		{"datetime2(3)", TDS_DATETIME2N, 7, 0, 3, true, "datetime2(3)"},
		{"datetime2", TDS_DATETIME2N, 8, 0, 7, true, "datetime2(7)"},
		{"datetimeoffset(2) not null", TDS_DATETIMEOFFSETN, 8, 0, 2, false,
			"datetimeoffset(2)"},
		{"money", TDS_MONEYN, 8, 19, 4, true, "money"},
		{"smallmoney", TDS_MONEYN, 4, 10, 4, true, "smallmoney"},
		{"datetime", TDS_DATETIMN, 8, 0, 3, true, "datetime"},
		{"smalldatetime not null", TDS_DATETIMN, 4, 0, 0, false, "smalldatetime"},
		{"uniqueidentifier", TDS_GUID, 16, 0, 0, true, "uniqueidentifier"},
		{"uuid", TDS_GUID, 16, 0, 0, true, "uniqueidentifier"},
		{"varchar(50)", TDS_BIGVARCHAR, 50, 0, 0, true, "varchar(50)"},
		{"char varying ( 8000 )", TDS_BIGVARCHAR, 8000, 0, 0, true, "varchar(8000)"},
		{"character varying(max)", TDS_BIGVARCHAR, TDS_SIZE_MAX, 0, 0, true,
			"varchar(max)"},
		{"char", TDS_BIGCHAR, 1, 0, 0, true, "char(1)"},
		{"character(3) not null", TDS_BIGCHAR, 3, 0, 0, false, "char(3)"},
		{"nvarchar(50)", TDS_NVARCHAR, 100, 0, 0, true, "nvarchar(50)"},
		{"nvarchar(max)", TDS_NVARCHAR, TDS_SIZE_MAX, 0, 0, true, "nvarchar(max)"},
		{"national  character\tvarying(4000)", TDS_NVARCHAR, 8000, 0, 0, true,
			"nvarchar(4000)"},
		{"national char(7)", TDS_NCHAR, 14, 0, 0, true, "nchar(7)"},
		{"nchar", TDS_NCHAR, 2, 0, 0, true, "nchar(1)"},
		{"sysname", TDS_NVARCHAR, 256, 0, 0, true, "nvarchar(128)"},
		{"ntext", TDS_NVARCHAR, TDS_SIZE_MAX, 0, 0, true, "nvarchar(max)"},
		{"binary(16)", TDS_BIGBINARY, 16, 0, 0, true, "binary(16)"},
		{"rowversion", TDS_BIGBINARY, 8, 0, 0, true, "binary(8)"},
		{"varbinary(5)", TDS_BIGVARBINARY, 5, 0, 0, true, "varbinary(5)"},
		{"image", TDS_BIGVARBINARY, TDS_SIZE_MAX, 0, 0, true, "varbinary(max)"},
		{"xml", TDS_XML, TDS_SIZE_MAX, 0, 0, true, "xml"},
		{"sql_variant", TDS_VARIANT, TDS_VARIANT_MAX, 0, 0, true, "sql_variant"},
		{"varchar(max)", TDS_BIGVARCHAR, TDS_SIZE_MAX, 0, 0, true, "varchar(max)"},
		{"text", TDS_BIGVARCHAR, TDS_SIZE_MAX, 0, 0, true, "varchar(max)"},
		{"VARBINARY(MAX)", TDS_BIGVARBINARY, TDS_SIZE_MAX, 0, 0, true, "varbinary(max)"},
	};
	struct arena a = ARENA_INIT;
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct tds_column c = {.name = "kept"};

		assert_int_equal(tds_type_parse(cases[i].text, &c, &err), 0);
		assert_string_equal(c.name, "kept");
		assert_int_equal(c.type, cases[i].type);
		assert_int_equal(c.size, cases[i].size);
		assert_int_equal(c.precision, cases[i].precision);
		assert_int_equal(c.scale, cases[i].scale);
		assert_int_equal(c.nullable, cases[i].nullable);
		assert_string_equal(tds_type_print(&c, &a), cases[i].printed);
		if (c.type == TDS_BIGVARCHAR)
			assert_memory_equal(c.collation, tds_collation_utf8, TDS_COLLATION_LEN);
	}
	arena_release(&a);
}

/* What tds_type_format says of any column is read as the same one, but for forms that nobody
 * declares. */
static void printed_types_are_read_back(void **state)
{
	static struct tds_column columns[VALUES_COLUMNS_MAX];
	size_t n = values_columns(columns);
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < n; i++) {
		const struct tds_column *c = &columns[i];
		char text[TDS_TYPE_TEXT_MAX];
		struct tds_column back;

		assert_true(tds_form(c) != TDS_FORM_NONE);
		if (tds_form(c) == TDS_FORM_TEXTPTR || c->type == TDS_UDT || c->type == TDS_SQLITE)
			continue;
		assert_int_equal(tds_type_parse(tds_type_format(c, text), &back, &err), 0);
		assert_int_equal(back.type, tds_type_base(c->type));
		assert_int_equal(back.size, c->size);
		assert_int_equal(back.precision, c->precision);
		assert_int_equal(back.scale, c->scale);
	}
}

static void other_text_is_refused(void **state)
{
	static const struct {
		const char *text, *message, *hint;
	} cases[] = {
		{"", "the type is missing", ""},
		{"inteher", "type 'inteher' is not known", "did you mean 'integer'?"},
		{"(", "type '(' is not known", ""},
		{"int int", "'int' behind the type is not understood", ""},
		{"int not", "'not' without 'null' behind the type", ""},
		{"float(54)", "float takes (bits): 1 to 53", ""},
		{"time(8)", "time takes (digits of a second's fraction): 0 to 7", ""},
		{"time(3", "time takes (digits of a second's fraction): 0 to 7", ""},
		{"decimal(39,0)",
			"decimal takes (precision, scale): 1 to 38 digits, at most all of them "
			"behind the point",
			""},
		{"decimal(4,5)",
			"decimal takes (precision, scale): 1 to 38 digits, at most all of them "
			"behind the point",
			""},
		{"varchar", "varchar takes (length): 1 to 8000, or max", ""},
		{"varchar(8001)", "varchar takes (length): 1 to 8000, or max", ""},
		{"nvarchar(0)", "nvarchar takes (length): 1 to 4000, or max", ""},
		{"nvarchar(max", "nvarchar takes (length): 1 to 4000, or max", ""},
		{"char(max)", "char takes (length): 1 to 8000", ""},
		{"nchar(4001)", "nchar takes (length): 1 to 4000", ""},
		{"timestamp", "type 'timestamp' is not known",
			"T-SQL means rowversion by it, others datetime2: say which"},
	};
	struct tds_column c = {.size = 77};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;

		assert_int_equal(tds_type_parse(cases[i].text, &c, &err), -1);
		assert_int_equal(err.code, ERR_CONFIG);
		assert_string_equal(err.msg, cases[i].message);
		assert_string_equal(err.hint, cases[i].hint);
		assert_int_equal(c.size, 77);
	}
}

static void columns_are_found_without_case(void **state)
{
	struct tds_column v[] = {{.name = "Id"}, {.name = "tail num"}};
	struct tds_columns cols = {v, 2};

	(void)state;
	assert_int_equal(tds_column_find(&cols, "ID"), 0);
	assert_int_equal(tds_column_find(&cols, "tail NUM"), 1);
	assert_int_equal(tds_column_find(&cols, "tail"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_become_types),
		cmocka_unit_test(printed_types_are_read_back),
		cmocka_unit_test(other_text_is_refused),
		cmocka_unit_test(columns_are_found_without_case),
	};

	return cmocka_run_group_tests_name("tds/type", tests, NULL, NULL);
}
