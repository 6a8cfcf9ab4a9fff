#include "unit/support.h"

#include "work/mssql_range.h"

#include <string.h>

#include "unit/fake_db.h"

/* What is read of table [t] AS s: the condition, the new watermark; or the error. */
struct pair {
	struct fake_answer answers[3];
	struct job job;
	const char *watermark, *active;
	uint32_t range, ranges;
	const char *where, *to;
	enum err_code fails;
	const char *err;
};

#define ENDS(type, low, high)                                                                                          \
	{{.match = "SELECT MIN(s.[id]), MAX(s.[id])", .columns = 2, .declared = {type, type}, .rows = {{low, high}},    \
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
	int rc = mssql_range_find(db, &request, "[t] AS s", p->active, &a, &r, &err);

	if (p->fails) {
		assert_int_equal(rc, -1);
		check_err(&err, p->fails, p->err);
	} else {
		must(rc, &err);
		assert_string_equal(mssql_range_sql(&r, p->range, p->ranges, &a),
			arena_printf(&a, "SELECT s.* FROM [t] AS s%s", p->where));
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

	must(mssql_range_find(db, &request, "[t] AS s", NULL, &a, &r, &err), &err);
	assert_string_equal(mssql_range_sql(&r, 0, 1, &a), "SELECT s.* FROM [t] AS s");
	arena_release(&a);
	assert_null(fake_db_said(db, 0));
	db_close(db);
}

/* Bound i of n between the ends of a number. */
#define CUT(i, n)                                                                                                      \
	"CAST(CAST(CAST(N'0' AS bigint) AS float) + (CAST(CAST(N'99' AS bigint) AS float)"                             \
	" - CAST(CAST(N'0' AS bigint) AS float)) * " i " / " n " AS bigint)"

/* Every value is in one range and no more; those without a value are in the first. */
static void ranges_cover_all(void **state UNUSED)
{
	static const struct pair v[] = {
		{ENDS("bigint", "0", "99"), PARTS, .range = 0, .ranges = 3,
			.where = " WHERE (s.[id] < " CUT("1", "3") " OR s.[id] IS NULL)"},
		{ENDS("bigint", "0", "99"), PARTS, .range = 1, .ranges = 3,
			.where = " WHERE s.[id] >= " CUT("1", "3") " AND s.[id] < " CUT("2", "3")},
		{ENDS("bigint", "0", "99"), PARTS, .range = 2, .ranges = 3, .where = " WHERE s.[id] >= " CUT("2", "3")},
		{ENDS("bigint", "0", "99"), PARTS, .range = 0, .ranges = 1, .where = ""},
	};

	CHECK(v);
}

#define FROM_DAY "CAST(N'2024-01-01' AS date)"
#define TO_DAY	 "CAST(N'2024-12-31' AS date)"

static void ranges_of_each_kind(void **state UNUSED)
{
	static const struct pair v[] = {
		{ENDS("date", "2024-01-01", "2024-12-31"), PARTS, .range = 1, .ranges = 2,
			.where = " WHERE s.[id] >= DATEADD(day, DATEDIFF(day, " FROM_DAY ", " TO_DAY ") * 1 / 2, " FROM_DAY
				 ")"},
		{ENDS("uniqueidentifier", "x", "y"), PARTS, .range = 1, .ranges = 4,
			.where = " WHERE s.[id] >= CAST('00000000-0000-0000-0000-400000000000' AS uniqueidentifier)"
				 " AND s.[id] < CAST('00000000-0000-0000-0000-800000000000' AS uniqueidentifier)"},
		{ENDS("varchar(10)", "a", "b"), PARTS, .ranges = 2, .fails = ERR_CONFIG,
			.err = "partition_column 'id': type varchar(10) is not one that is read in ranges"},
	};

	CHECK(v);
}

static void an_empty_table_is_read_once(void **state UNUSED)
{
	static const struct pair v[] = {
		{ENDS("bigint", NULL, NULL), PARTS, .range = 0, .ranges = 2, .where = ""},
		{ENDS("bigint", NULL, NULL), PARTS, .range = 1, .ranges = 2, .where = " WHERE 1 = 0"},
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

/* Rows of transactions that run now come later; an engine that cannot say has none. */
static void a_rowversion_stays_below_what_runs(void **state UNUSED)
{
	static const struct pair v[] = {
		{{MAX("binary(8)", "00000000000007d5")}, SINCE, .active = "0x00000000000007D0",
			.where = " WHERE s.[w] <= 0x00000000000007D0", .to = "0x00000000000007D0"},
		{{MAX("binary(8)", "00000000000007d5")}, SINCE, .active = "0x00000000000007FF",
			.watermark = "0x00000000000007D1",
			.where = " WHERE s.[w] <= 0x00000000000007D5 AND s.[w] > 0x00000000000007D1",
			.to = "0x00000000000007D5"},
		{{MAX("binary(8)", "00000000000007d5")}, SINCE, .where = " WHERE s.[w] <= 0x00000000000007D5",
			.to = "0x00000000000007D5"},
		{{MAX("binary(8)", "00000000000007d5")}, SINCE, .watermark = "0x' OR 1=1", .fails = ERR_DATA,
			.err = "watermark_column 'w': the watermark '0x' OR 1=1' is not binary"},
	};

	CHECK(v);
}

static void what_runs_is_asked_of_the_server(void **state UNUSED)
{
	static const struct fake_answer answers[] = {{.match = "MIN_ACTIVE_ROWVERSION",
							     .columns = 1,
							     .declared = {"binary(8)"},
							     .rows = {{"00000000000007d0"}},
							     .n_rows = 1},
		{.match = "MIN_ACTIVE_ROWVERSION", .fails = ERR_CONFIG}};
	struct arena a = ARENA_INIT;

	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		struct db *db = fake_db_open(&answers[i], 1);
		const char *active = mssql_range_active(db, &a);

		if (answers[i].fails)
			assert_null(active);
		else
			assert_string_equal(active, "0x00000000000007D0");
		db_close(db);
	}
	arena_release(&a);
}

static void errors_name_the_column(void **state UNUSED)
{
	static const struct pair v[] = {
		{{{.match = "SELECT MAX", .fails = ERR_CONFIG}}, SINCE, .fails = ERR_CONFIG,
			.err = "watermark_column 'w': failed"},
		{{{.match = "SELECT MIN(", .fails = ERR_CONFIG}}, PARTS, .ranges = 2, .fails = ERR_CONFIG,
			.err = "partition_column 'id': failed"},
	};

	CHECK(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_rows_need_no_question),
		cmocka_unit_test(ranges_cover_all),
		cmocka_unit_test(ranges_of_each_kind),
		cmocka_unit_test(an_empty_table_is_read_once),
		cmocka_unit_test(what_is_above_the_watermark),
		cmocka_unit_test(a_lookback_reads_again),
		cmocka_unit_test(a_rowversion_stays_below_what_runs),
		cmocka_unit_test(what_runs_is_asked_of_the_server),
		cmocka_unit_test(errors_name_the_column),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
