#include "tds/scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tds/row.h"
#include "unit/values.h"

#define ROWS       25
#define TEXT_MAX   200
#define STREAM_MAX 100000

static const char *const types[] = {"int", "int", "bigint", "varchar(max)", "decimal(18,2)",
	"decimal(10,0)", "varbinary(max)", "sqlite", "sqlite", "datetime2(3)", "bit", "fixed int",
	"fixed float", "varchar(max)", "varchar(50)", "varchar(50)", "nvarchar(20)", "sql_variant",
	"fixed bit", "old text", "uniqueidentifier", "old image", "varchar(max)", "fixed bigint"};

static uint64_t seed = 88172645463325252;

static struct tds_column v_columns[ARRAY_LEN(types)];
static const struct tds_columns columns = {v_columns, ARRAY_LEN(types)};
static uint8_t stream[STREAM_MAX];
static size_t ends[ROWS];

/* A value in two chunks of unknown total length, as servers send them. */
static uint8_t *put_chunks(uint8_t *p)
{
	p = tds_put64(p, TDS_PLP_UNKNOWN);
	p = tds_put32(p, 300);
	memset(p, 'a', 300);
	p = tds_put32(p + 300, 1);
	*p++ = 'b';
	return tds_put32(p, 0);
}

static uint8_t *put_value(uint8_t *p, const struct tds_column *c)
{
	static uint8_t room[VALUES_LEN_MAX];
	struct tds_value v = values_value(c, &seed, room);
	uint64_t r = values_random(&seed);

	if (r % 5 == 0 && tds_form(c) != TDS_FORM_FIXED)
		v.kind = TDS_NULL;
	else if (r % 7 == 0 && tds_form(c) == TDS_FORM_PLP)
		return put_chunks(p);
	else if ((v.kind == TDS_TEXT || v.kind == TDS_BLOB) && v.s.len > TEXT_MAX)
		v.s.len = TEXT_MAX;
	return tds_encode(p, c, &v);
}

static int make_stream(void **state)
{
	uint8_t *p = stream;

	(void)state;
	for (uint32_t i = 0; i < columns.n; i++)
		v_columns[i] = values_column(types[i]);
	for (int row = 0; row < ROWS; row++) {
		*p++ = TDS_ROW_TOKEN;
		for (uint32_t i = 0; i < columns.n; i++)
			p = put_value(p, &columns.v[i]);
		ends[row] = (size_t)(p - stream);
		assert_true(ends[row] < STREAM_MAX - STREAM_MAX / ROWS);
	}
	return 0;
}

/* Scans [from, to), checking that rows end where they should. */
static void scan_part(
	const struct tds_plan *plan, struct tds_scan *scan, size_t from, size_t to, int *row)
{
	struct err err = ERR_INIT;
	size_t used;
	int rc;

	for (;;) {
		rc = tds_scan_row(plan, scan, stream + from, to - from, &used, &err);
		assert_true(rc >= 0);
		from += used;
		if (rc == 0)
			break;
		assert_int_equal(from, ends[*row]);
		(*row)++;
	}
	assert_int_equal(from, to);
}

static void rows_end_where_they_do(void **state)
{
	struct tds_plan *plan = tds_plan_new(&columns);
	struct tds_scan scan = {.state = 0};
	int row = 0;

	(void)state;
	scan_part(plan, &scan, 0, ends[ROWS - 1], &row);
	assert_int_equal(row, ROWS);
	tds_plan_free(plan);
}

static void at_every_cut(void **state)
{
	struct tds_plan *plan = tds_plan_new(&columns);

	(void)state;
	for (size_t cut = 0; cut <= ends[ROWS - 1]; cut++) {
		struct tds_scan scan = {.state = 0};
		int row = 0;

		scan_part(plan, &scan, 0, cut, &row);
		scan_part(plan, &scan, cut, ends[ROWS - 1], &row);
		assert_int_equal(row, ROWS);
	}
	tds_plan_free(plan);
}

static void byte_by_byte(void **state)
{
	struct tds_plan *plan = tds_plan_new(&columns);
	struct tds_scan scan = {.state = 0};
	int row = 0;

	(void)state;
	for (size_t i = 0; i < ends[ROWS - 1]; i++)
		scan_part(plan, &scan, i, i + 1, &row);
	assert_int_equal(row, ROWS);
	tds_plan_free(plan);
}

static void other_bytes_are_refused(void **state)
{
	static const struct {
		uint32_t column; /* of `types` */
		size_t len;
		const char *bytes, *message;
	} cases[] = {
		{0, 1, "\xD2", "0xd2 where a row begins"},
		{0, 2, "\xD1\x03", "a wrong length in column 1 of a row"},
		{0, 2, "\xD1\xFF", "a wrong length in column 1 of a row"},
		{7, 2, "\xD1\x05", "an unknown storage class in column 1 of a row"},
		{16, 3, "\xD1\x29\0", "a wrong length in column 1 of a row"},
		{17, 5, "\xD1\x4A\x1F\0\0", "a wrong length in column 1 of a row"},
		{21, 15, "\xD1\1\0\0\0\0\0\0\0\0\0\0\0\0\x80",
			"a wrong length in column 1 of a row"},
		{3, 9, "\xD1\0\0\0\x80\0\0\0\0", "a value beyond 2 GiB in column 1 of a row"},
		{3, 13, "\xD1\2\0\0\0\0\0\0\0\3\0\0\0",
			"chunks that are longer than the value in column 1 of a row"},
		{3, 18, "\xD1\2\0\0\0\0\0\0\0\1\0\0\0a\0\0\0\0",
			"chunks that end before the value does in column 1 of a row"},
		{3, 13, "\xD1\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF\0\0\0\x80",
			"a value beyond 2 GiB in column 1 of a row"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct tds_columns one = {&v_columns[cases[i].column], 1};
		struct tds_plan *plan = tds_plan_new(&one);
		struct tds_scan scan = {.state = 0};
		struct err err = ERR_INIT;
		size_t used;

		assert_int_equal(tds_scan_row(plan, &scan, (const uint8_t *)cases[i].bytes,
					 cases[i].len, &used, &err),
			-1);
		assert_int_equal(err.code, ERR_DATA);
		assert_string_equal(err.msg, cases[i].message);
		tds_plan_free(plan);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_end_where_they_do),
		cmocka_unit_test(at_every_cut),
		cmocka_unit_test(byte_by_byte),
		cmocka_unit_test(other_bytes_are_refused),
	};

	return cmocka_run_group_tests_name("tds/scan", tests, make_stream, NULL);
}
