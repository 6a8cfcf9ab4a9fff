#include "work/sqlite_typed.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "unit/support.h"

static void declarations_have_types(void **state)
{
	static const struct {
		const char *declared, *type; /* NULL: none that is known */
	} cases[] = {
		{"INTEGER", "bigint"},
		{"int", "bigint"},
		{"UNSIGNED BIG INT", "bigint"},
		{"TINYINT", "bigint"},
		{"BOOLEAN", "bigint"},
		{"bool", "bigint"},
		{"TEXT", "varchar(max)"},
		{"VARCHAR(20)", "varchar(max)"},
		{"CLOB", "varchar(max)"},
		{"NATIVE CHARACTER(70)", "varchar(max)"},
		{"REAL", "float"},
		{"DOUBLE PRECISION", "float"},
		{"FLOAT", "float"},
		{"BLOB", "varbinary(max)"},
		{"DECIMAL(10,2)", "decimal(10,2)"},
		{"decimal (5, 0)", "decimal(5,0)"},
		{"NUMERIC(38,38)", "decimal(38,38)"},
		{"NUMERIC", "float"},
		{"DECIMAL", "float"},
		{"DATE", "varchar(max)"},
		{"DATETIME", "varchar(max)"},
		{"TIMESTAMP", "varchar(max)"},
		{"TIME", "varchar(max)"},
		{"", NULL},
		{NULL, NULL},
		{"MONEY", NULL},
		{"STRING", NULL},
		{"DECIMAL(39,2)", NULL},
		{"NUMERIC(a)", NULL},
	};
	struct tds_column c = {.name = "x"};
	char text[TDS_TYPE_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;
		int rc = sqlite_type_declared(cases[i].declared, &c, &err);

		assert_int_equal(rc, cases[i].type ? 0 : -1);
		if (rc == 0)
			assert_string_equal(tds_type_format(&c, text), cases[i].type);
		else
			assert_int_equal(err.code, ERR_CONFIG);
		assert_false(c.nullable);
		assert_string_equal(c.name, "x");
	}
}

static struct db_value of_int(int64_t i)
{
	return (struct db_value){.type = DB_INT, .i = i};
}

static struct db_value of_real(double r)
{
	return (struct db_value){.type = DB_REAL, .r = r};
}

static struct db_value of_text(const char *s)
{
	return (struct db_value){.type = DB_TEXT, .s = {(const uint8_t *)s, strlen(s)}};
}

static struct db_value of_blob(const char *s)
{
	return (struct db_value){.type = DB_BLOB, .s = {(const uint8_t *)s, strlen(s)}};
}

/* The value in a column of that type, as text: "kind value", or why not. */
static const char *typed(const char *type, bool strict, struct db_value from)
{
	static char out[256];
	CLEANUP(buf_release) struct buf scratch = BUF_INIT(1000);
	char text[TDS_PRINT_MAX];
	struct tds_column c = {.name = "x"};
	struct err err = ERR_INIT;
	struct sqlite_typed t;
	struct tds_value v;

	must(tds_type_parse(type, &c, &err), &err);
	must(sqlite_typed_init(&t, &c, strict, &err), &err);
	if (sqlite_typed_value(&t, &from, &scratch, &v, &err) < 0) {
		assert_int_equal(err.code, ERR_DATA);
		err_settle_value(&err, true);
		snprintf(out, sizeof(out), "%s", err.msg);
	} else if (v.kind == TDS_UTF16) {
		snprintf(out, sizeof(out), "%u bytes of UTF-16", v.s.len);
	} else if (v.kind == TDS_TEXT || v.kind == TDS_BLOB || v.kind == TDS_HEX) {
		snprintf(out, sizeof(out), "%s %.*s",
			v.kind == TDS_TEXT   ? "text"
			: v.kind == TDS_BLOB ? "blob"
					     : "hex",
			(int)(v.kind == TDS_HEX ? 2 * v.s.len : v.s.len), (const char *)v.s.data);
	} else {
		tds_value_print(&c, &v, text);
		snprintf(out, sizeof(out), "%s", text);
	}
	return out;
}

static void numbers_are_exact_or_refused(void **state)
{
	(void)state;
	assert_string_equal(typed("bigint", true, of_int(INT64_MIN)), "-9223372036854775808");
	assert_string_equal(typed("int", true, of_int(2147483647)), "2147483647");
	assert_string_equal(
		typed("int", true, of_int(2147483648)), "'2147483648' is beyond the range of int");
	assert_string_equal(typed("smallint", true, of_int(-32769)),
		"'-32769' is beyond the range of smallint");
	assert_string_equal(typed("tinyint", true, of_int(255)), "255");
	assert_string_equal(
		typed("tinyint", true, of_int(-1)), "'-1' is beyond the range of tinyint");
	assert_string_equal(typed("bit", true, of_int(1)), "1");
	assert_string_equal(typed("bit", true, of_int(2)), "'2' is beyond the range of bit");
	assert_string_equal(typed("bigint", true, of_real(3.0)), "3");
	assert_string_equal(typed("bigint", true, of_real(3.5)),
		"'3.5' has more digits behind the point than bigint");
	assert_string_equal(typed("bigint", true, of_real(9223372036854775808.0)),
		"'9223372036854776000.0' is beyond the range of bigint");
	assert_string_equal(
		typed("bigint", true, of_real(NAN)), "'nan' is beyond the range of bigint");
	assert_string_equal(typed("float", true, of_int(1ll << 53)), "9007199254740992.0");
	assert_string_equal(typed("float", true, of_int((1ll << 53) + 1)),
		"'9007199254740993' has more digits than float");
	assert_string_equal(typed("float", true, of_int(INT64_MAX)),
		"'9223372036854775807' has more digits than float");
	assert_string_equal(typed("real", true, of_real(0.5)), "0.5");
	assert_string_equal(typed("real", true, of_real(0.1)), "'0.1' has more digits than real");
	assert_string_equal(typed("decimal(10,2)", true, of_real(2.1)), "2.10");
	assert_string_equal(typed("decimal(10,2)", true, of_int(7)), "7.00");
	assert_string_equal(typed("decimal(10,2)", true, of_real(0.1 + 0.2)),
		"'0.30000000000000004' has more digits behind the point than decimal(10,2)");
	assert_string_equal(typed("decimal(3,2)", true, of_int(10)),
		"'10' is beyond the range of decimal(3,2)");
	assert_string_equal(typed("decimal(3,2)", true, of_real(INFINITY)),
		"'inf' is beyond the range of decimal(3,2)");
}

static void a_value_of_another_class_is_refused(void **state)
{
	(void)state;
	assert_string_equal(
		typed("bigint", true, of_text("7")), "the text '7' in a column of bigint");
	assert_string_equal(typed("varchar(max)", true, of_int(7)),
		"the integer '7' in a column of varchar(max)");
	assert_string_equal(typed("varbinary(max)", true, of_text("0x41")),
		"the text '0x41' in a column of varbinary(max)");
	assert_string_equal(typed("bigint", true, of_blob("A")), "bytes in a column of bigint");
	assert_string_equal(typed("varchar(max)", false, of_blob("A")),
		"'0x41' is a blob, which is no value of varchar(max)");
}

static void a_job_may_ask_for_another_type(void **state)
{
	(void)state;
	assert_string_equal(typed("bigint", false, of_text("7")), "7");
	assert_string_equal(typed("bigint", false, of_text("7x")), "'7x' is not an integer");
	assert_string_equal(typed("varchar(max)", false, of_int(7)), "text 7");
	assert_string_equal(typed("nvarchar(10)", false, of_real(0.1)), "6 bytes of UTF-16");
	assert_string_equal(typed("varchar(max)", false, of_real(INFINITY)),
		"'inf' is no value of varchar(max)");
	assert_non_null(strstr(typed("varchar(max)", false, of_text("\xff")), "UTF-8"));
	assert_string_equal(
		typed("varchar(2)", false, of_text("abc")), "'abc' is longer than varchar(2)");
	assert_string_equal(typed("date", false, of_text("2024-02-29")), "2024-02-29");
	assert_string_equal(typed("date", false, of_int(20240229)),
		"'20240229' is an integer, which is no value of date");
	assert_string_equal(
		typed("datetime2(0)", true, of_text("2024-02-29 12:00:00")), "2024-02-29T12:00:00");
	assert_string_equal(typed("varbinary(max)", false, of_text("0x41")),
		"'0x41' is text, which is no value of varbinary(max)");
	assert_string_equal(typed("varbinary(max)", false, of_blob("abc")), "blob abc");
	assert_string_equal(typed("varbinary(2)", false, of_blob("abc")),
		"'0x616263' is longer than varbinary(2)");
	assert_string_equal(typed("money", false, of_real(1.5)), "1.5000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(declarations_have_types),
		cmocka_unit_test(numbers_are_exact_or_refused),
		cmocka_unit_test(a_value_of_another_class_is_refused),
		cmocka_unit_test(a_job_may_ask_for_another_type),
	};

	return cmocka_run_group_tests_name("work/sqlite_typed", tests, NULL, NULL);
}
