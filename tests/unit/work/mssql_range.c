#include "unit/support.h"

#include "work/mssql_range.h"

#include <string.h>

#include "unit/fake_db.h"

/* What is read of table [t] AS s: the condition, the new watermark; or the error. */
struct pair {
	struct fake_answer answers[3];
	struct job job;
	const char *watermark;
	uint32_t range, ranges;
	const char *where, *to;
	enum err_code fails;
	const char *err;
};

#define BOUNDS(low, high)                                                                                              \
	{{.match = "SELECT CAST(MIN(s.[id])", .columns = 2, .declared = {"bigint", "bigint"}, .rows = {{low, high}},    \
		.n_rows = 1}}
#define MAX(type, value) {.match = "SELECT MAX(s.[w])", .columns = 1, .declared = {type}, .rows = {{value}}, .n_rows = 1}
#define PARTS .job = {.load_mode = LOAD_APPEND, .partition_column = "id"}
#define SINCE .job = {.load_mode = LOAD_INCREMENTAL, .watermark_column = "w"}, .ranges = 1

static void check(const struct pair *p)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct db *db = fake_db_open(p->answers, ARRAY_LEN(p->answers));
	const struct source_request request = {
		.job = &p->job, .watermark = p->watermark, .range = p->range, .ranges = p->ranges};
	struct err err = ERR_INIT;
	struct mssql_range r;
	int rc = mssql_range_find(db, &request, "[t] AS s", &a, &r, &err);

	if (p->fails) {
		assert_int_equal(rc, -1);
		check_err(&err, p->fails, p->err);
	} else {
		must(rc, &err);
		assert_string_equal(r.from, "[t] AS s");
		assert_string_equal(r.where, p->where);
		if (p->to)
			assert_string_equal(r.to, p->to);
		else
			assert_null(r.to);
	}
	db_close(db);
}

#define CHECK(pairs)                                                                                                   \
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++)                                                                  \
	check(&(pairs)[i])

static void all_rows_need_no_question(void **state UNUSED)
{
	const struct job job = {.load_mode = LOAD_APPEND};
	const struct source_request request = {.job = &job, .ranges = 1};
	struct db *db = fake_db_open(NULL, 0);
	struct arena a = ARENA_INIT;
	struct err err = ERR_INIT;
	struct mssql_range r;

	must(mssql_range_find(db, &request, "[t] AS s", &a, &r, &err), &err);
	assert_string_equal(r.where, "");
	assert_null(fake_db_said(db, 0));
	db_close(db);
}

/* Every value is in one range and no more; those without a value are in the first. */
static void ranges_cover_all(void **state UNUSED)
{
	static const struct pair v[] = {
		{BOUNDS("0", "99"), PARTS, .range = 0, .ranges = 3, .where = " WHERE (s.[id] < 34 OR s.[id] IS NULL)"},
		{BOUNDS("0", "99"), PARTS, .range = 1, .ranges = 3, .where = " WHERE s.[id] >= 34 AND s.[id] < 68"},
		{BOUNDS("0", "99"), PARTS, .range = 2, .ranges = 3, .where = " WHERE s.[id] >= 68"},
		{BOUNDS("5", "5"), PARTS, .range = 0, .ranges = 2, .where = " WHERE (s.[id] < 6 OR s.[id] IS NULL)"},
		{BOUNDS("5", "5"), PARTS, .range = 1, .ranges = 2, .where = " WHERE s.[id] >= 6"},
	};

	CHECK(v);
}

static void the_largest_range_there_is(void **state UNUSED)
{
	static const struct pair v[] = {
		{BOUNDS("-9223372036854775808", "9223372036854775807"), PARTS, .range = 0, .ranges = 2,
			.where = " WHERE (s.[id] < 0 OR s.[id] IS NULL)"},
		{BOUNDS("-9223372036854775808", "9223372036854775807"), PARTS, .range = 1, .ranges = 2,
			.where = " WHERE s.[id] >= 0"},
	};

	CHECK(v);
}

static void an_empty_table_is_read_once(void **state UNUSED)
{
	static const struct pair v[] = {
		{BOUNDS(NULL, NULL), PARTS, .range = 0, .ranges = 2, .where = ""},
		{BOUNDS(NULL, NULL), PARTS, .range = 1, .ranges = 2, .where = " WHERE 1 = 0"},
	};

	CHECK(v);
}

/* Compared in the column's own type, up to the largest that there is now. */
static void what_is_above_the_watermark(void **state UNUSED)
{
	static const struct pair v[] = {
		{{MAX("int", "7")}, SINCE, .where = " WHERE s.[w] <= CAST(N'7' AS int)", .to = "7"},
		{{MAX("int", "7")}, SINCE, .watermark = "5",
			.where = " WHERE s.[w] <= CAST(N'7' AS int) AND s.[w] > CAST(N'5' AS int)", .to = "7"},
		{{MAX("datetime2(3)", "2024-02-29 12:00:00.123")}, SINCE, .watermark = "2024-01-01",
			.where = " WHERE s.[w] <= CAST(N'2024-02-29 12:00:00.123' AS datetime2(3))"
				 " AND s.[w] > CAST(N'2024-01-01' AS datetime2(3))",
			.to = "2024-02-29 12:00:00.123"},
		{{MAX("int", NULL)}, SINCE, .watermark = "5", .where = " WHERE 1 = 0"},
	};

	CHECK(v);
}

static void a_lookback_reads_again(void **state UNUSED)
{
	static const struct pair v[] = {
		{{MAX("int", "70")}, .job = {.load_mode = LOAD_INCREMENTAL, .watermark_column = "w", .lookback = "10"},
			.ranges = 1, .watermark = "50",
			.where = " WHERE s.[w] <= CAST(N'70' AS int) AND s.[w] > CAST(N'40' AS int)", .to = "70"},
	};

	CHECK(v);
}

#define ACTIVE(value)                                                                                                  \
	{.match = "MIN_ACTIVE_ROWVERSION", .columns = 1, .declared = {"binary(8)"}, .rows = {{value}}, .n_rows = 1}

/* Rows of transactions that run now come later; an engine that cannot say has none. */
static void a_rowversion_stays_below_what_runs(void **state UNUSED)
{
	static const struct pair v[] = {
		{{MAX("binary(8)", "00000000000007d5"), ACTIVE("00000000000007d0")}, SINCE,
			.where = " WHERE s.[w] <= 0x00000000000007D0", .to = "0x00000000000007D0"},
		{{MAX("binary(8)", "00000000000007d5"), ACTIVE("00000000000007ff")}, SINCE, .watermark = "0x00000000000007D1",
			.where = " WHERE s.[w] <= 0x00000000000007D5 AND s.[w] > 0x00000000000007D1",
			.to = "0x00000000000007D5"},
		{{MAX("binary(8)", "00000000000007d5"), {.match = "MIN_ACTIVE", .fails = ERR_CONFIG}}, SINCE,
			.where = " WHERE s.[w] <= 0x00000000000007D5", .to = "0x00000000000007D5"},
		{{MAX("binary(8)", "00000000000007d5"), ACTIVE("00000000000007ff")}, SINCE, .watermark = "0x' OR 1=1",
			.fails = ERR_DATA, .err = "watermark_column 'w': the watermark '0x' OR 1=1' is not binary"},
	};

	CHECK(v);
}

static void errors_name_the_column(void **state UNUSED)
{
	static const struct pair v[] = {
		{{{.match = "SELECT MAX", .fails = ERR_CONFIG}}, SINCE, .fails = ERR_CONFIG,
			.err = "watermark_column 'w': failed"},
		{{{.match = "SELECT CAST(MIN", .fails = ERR_CONFIG}}, PARTS, .ranges = 2, .fails = ERR_CONFIG,
			.err = "partition_column 'id': failed"},
	};

	CHECK(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_rows_need_no_question),
		cmocka_unit_test(ranges_cover_all),
		cmocka_unit_test(the_largest_range_there_is),
		cmocka_unit_test(an_empty_table_is_read_once),
		cmocka_unit_test(what_is_above_the_watermark),
		cmocka_unit_test(a_lookback_reads_again),
		cmocka_unit_test(a_rowversion_stays_below_what_runs),
		cmocka_unit_test(errors_name_the_column),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
