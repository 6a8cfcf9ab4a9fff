#include "work/mssql_lane.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* As SQL Server says them, of a staging table whose columns are c0, c1, c10. */
static void a_message_names_its_column(void **state)
{
	static const struct {
		const char *message, *column;
	} cases[] = {
		{"Cannot insert the value NULL into column 'c1', table 'DW.tgt.etl_stage_1'; column does not allow "
		 "nulls. INSERT fails.", "c1"},
		{"String or binary data would be truncated in table 'DW.tgt.etl_stage_1', column 'c10'. Truncated "
		 "value: 'abc'.", "c10"},
		{"Received an invalid column length from the bcp client for colid 3.", "c10"},
		{"Bulk load data conversion error (truncation) for row 7, column 1 (c0).", "c0"},
		{"The conflict occurred in database \"DW\", table \"tgt.t\", column \"c1\".", "c1"},
		{"Received an invalid column length from the bcp client for colid 4.", NULL},
		{"Received an invalid column length from the bcp client for colid 0.", NULL},
		{"Arithmetic overflow error converting numeric to data type numeric.", NULL},
		{"c0", NULL},
	};
	struct tds_column v[] = {{.name = "c0"}, {.name = "c1"}, {.name = "c10"}};
	const struct tds_columns columns = {.v = v, .n = ARRAY_LEN(v)};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct tds_column *c = mssql_lane_column(&columns, cases[i].message);

		if (cases[i].column)
			assert_string_equal(c ? c->name : "", cases[i].column);
		else
			assert_null(c);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_names_its_column),
	};

	return cmocka_run_group_tests_name("work/mssql_lane", tests, NULL, NULL);
}
