#include "work/infer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

#define VALUES_MAX 4

static void the_type_loses_nothing(void **state)
{
	static const struct {
		const char *values[VALUES_MAX];
		const char *type;
	} cases[] = {
		{{"1", "0", "-5"}, "bigint"},
		{{"9223372036854775807", "-9223372036854775808"}, "bigint"},
		{{"9223372036854775808"}, "varchar(max)"},
		{{"100000000000000000000"}, "varchar(max)"},
		{{"00501"}, "varchar(max)"},
		{{"1", "007"}, "varchar(max)"},
		{{"+1"}, "varchar(max)"},
		{{"-0"}, "varchar(max)"},
		{{"-"}, "varchar(max)"},
		{{""}, "varchar(max)"},
		{{" 1"}, "varchar(max)"},
		{{"1 "}, "varchar(max)"},
		{{"1,000"}, "varchar(max)"},
		{{"0x10"}, "varchar(max)"},
		{{"NaN"}, "varchar(max)"},
		{{"Inf"}, "varchar(max)"},
		{{"-inf"}, "varchar(max)"},
		{{"true"}, "varchar(max)"},
		{{"2013-01-01"}, "varchar(max)"},
		{{"41.1304722", "-80.6195833"}, "float"},
		{{"10.357019999999999"}, "float"},
		{{"0.1", "1.50", "1e5", "1.5E-07"}, "float"},
		{{".5"}, "float"},
		{{"5."}, "varchar(max)"},
		{{"00.5"}, "varchar(max)"},
		{{"-0.0"}, "varchar(max)"},
		{{"0.0"}, "float"},
		{{"0.12345678901234567890"}, "varchar(max)"},
		{{"0.10000000000000001", "48.053808600000004"}, "float"},
		{{"9.0000000000000001"}, "varchar(max)"},
		{{"1.7976931348623157e308"}, "float"},
		{{"1e309"}, "varchar(max)"},
		{{"1e-400"}, "varchar(max)"},
		{{"5e-324"}, "float"},
		{{"4e-324"}, "varchar(max)"},
		{{"1", "2.5"}, "float"},
		{{"2.5", "9007199254740992"}, "float"},
		{{"2.5", "9007199254740993"}, "varchar(max)"},
		{{"9007199254740993", "2.5"}, "varchar(max)"},
		{{"9007199254740993", "7"}, "bigint"},
		{{"1", "x", "2"}, "varchar(max)"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct tds_column c = {.name = "c"};
		struct infer in = {.null = false};
		char type[TDS_TYPE_TEXT_MAX];

		for (size_t j = 0; j < VALUES_MAX && cases[i].values[j]; j++)
			infer_value(&in, cases[i].values[j], strlen(cases[i].values[j]));
		infer_result(&in, &c);
		assert_string_equal(tds_type_format(&c, type), cases[i].type);
		assert_string_equal(c.name, "c");
		assert_false(c.nullable);
	}
}

static void nulls_make_it_nullable(void **state)
{
	struct infer in = {.null = false};
	struct tds_column c = {.name = "c"};

	(void)state;
	infer_result(&in, &c);
	assert_true(c.type == TDS_BIGVARCHAR && c.nullable);
	infer_null(&in);
	infer_result(&in, &c);
	assert_true(c.type == TDS_BIGVARCHAR && c.nullable);
	assert_memory_equal(c.collation, tds_collation_utf8, TDS_COLLATION_LEN);
	infer_value(&in, "12", 2);
	infer_result(&in, &c);
	assert_true(c.type == TDS_INTN && c.size == 8 && c.nullable);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_type_loses_nothing),
		cmocka_unit_test(nulls_make_it_nullable),
	};

	return cmocka_run_group_tests_name("work/infer", tests, NULL, NULL);
}
