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
	struct mssql_range r = {.from = "[t] AS s", .where = "", .active = p->active};
	int rc;

	if (p->job.partition_column && p->ranges > 1)
		r.column = arena_printf(&a, "s.[%s]", p->job.partition_column);
	rc = mssql_range_find(db, &request, &a, &r, &err);

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

	mssql_range_begin(db, &request, "[t] AS s", "[t]", &a, &r);
	must(mssql_range_find(db, &request, &a, &r, &err), &err);
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

/* --- partitions --- */

#define FUNCTION(right)                                                                                                \
	{.match = "boundary_value_on_right", .columns = 2, .declared = {"nvarchar(128)", "int"}, .rows = {{"pf", right}}, \
		.n_rows = 1}
#define TYPE(type)  {.match = "WHERE 1 = 0", .columns = 1, .declared = {type}}
#define COLUMN(...) {.match = "SELECT c.name", .columns = 1, .declared = {"nvarchar(128)"}, __VA_ARGS__}
#define NOT_ASKED   {.match = "not asked"}
#define ENDS_ONLY   {.match = "SELECT MIN(", .columns = 2, .declared = {"int", "int"}, .rows = {{"0", "9"}}, .n_rows = 1}
#define HALF	    "CAST(CAST(CAST(N'0' AS int) AS float) + (CAST(CAST(N'9' AS int) AS float) - CAST(CAST(N'0' AS int) AS float)) * 1 / 2 AS int)"
/* Of each partition its upper bound and its rows. */
#define VALUES(n, ...)                                                                                                 \
	{.match = "sys.partition_range_values", .columns = 3, .declared = {"int", "bigint", "int"}, .rows = {__VA_ARGS__}, \
		.n_rows = n}
#define LAST(rows) {NULL, rows, "1"}

struct parts {
	struct fake_answer answers[5];
	const char *column; /* partition_column */
	uint32_t ranges;
	const char *where[4], *how;
};

static void check_parts(const struct parts *p)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct db *db = fake_db_open(p->answers, ARRAY_LEN(p->answers));
	const struct job job = {.load_mode = LOAD_APPEND, .partition_column = p->column};
	const struct source_request request = {.job = &job, .ranges = p->ranges};
	struct err err = ERR_INIT;
	struct mssql_range r;

	mssql_range_begin(db, &request, "[t] AS s", "[t]", &a, &r);
	must(mssql_range_find(db, &request, &a, &r, &err), &err);
	for (uint32_t i = 0; i < p->ranges; i++)
		assert_string_equal(mssql_range_sql(&r, i, p->ranges, &a),
			arena_printf(&a, "SELECT s.* FROM [t] AS s WHERE %s", p->where[i]));
	if (p->how)
		assert_string_equal(r.how, p->how);
	else
		assert_null(r.how);
	db_close(db);
}

#define CHECK_PARTS(cases)                                                                                             \
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)                                                                  \
	check_parts(&(cases)[i])

static void ranges_are_whole_partitions(void **state UNUSED)
{
	static const struct parts v[] = {
		/* the value is of the partition above it */
		{{FUNCTION("1"), TYPE("int"), VALUES(4, {"10", "5", "0"}, {"20", "5", "0"}, {"30", "5", "0"}, LAST("5"))},
			.column = "id", .ranges = 2, .how = "ranges are whole partitions of pf",
			.where = {"(s.[id] < CAST(N'20' AS int) OR s.[id] IS NULL)", "s.[id] >= CAST(N'20' AS int)"}},
		/* of the one below it */
		{{FUNCTION("0"), TYPE("int"), VALUES(3, {"10", "5", "0"}, {"20", "5", "0"}, LAST("5"))},
			.column = "id", .ranges = 3, .how = "ranges are whole partitions of pf",
			.where = {"(s.[id] <= CAST(N'10' AS int) OR s.[id] IS NULL)",
				"s.[id] > CAST(N'10' AS int) AND s.[id] <= CAST(N'20' AS int)", "s.[id] > CAST(N'20' AS int)"}},
		/* the job does not say by which */
		{{COLUMN(.rows = {{"year"}}, .n_rows = 1), FUNCTION("1"), TYPE("date"),
			 VALUES(2, {"2020-01-01", "1", "0"}, LAST("1"))},
			.ranges = 2, .how = "ranges are whole partitions of pf",
			.where = {"(s.[year] < CAST(N'2020-01-01' AS date) OR s.[year] IS NULL)",
				"s.[year] >= CAST(N'2020-01-01' AS date)"}},
	};

	CHECK_PARTS(v);
}

/* Rows count, not partitions; what is empty ends no range, nor does a boundary value that is null. */
static void ranges_have_about_as_many_rows(void **state UNUSED)
{
	static const struct parts v[] = {
		{{FUNCTION("1"), TYPE("int"),
			 VALUES(6, {NULL, "0", "0"}, {"10", "0", "0"}, {"20", "1", "0"}, {"30", "1", "0"}, {"40", "8", "0"},
				 LAST("9"))},
			.column = "id", .ranges = 2, .how = "ranges are whole partitions of pf",
			.where = {"(s.[id] < CAST(N'40' AS int) OR s.[id] IS NULL)", "s.[id] >= CAST(N'40' AS int)"}},
		/* the first is more than its part, the others have one each all the same */
		{{FUNCTION("1"), TYPE("int"), VALUES(4, {"10", "97", "0"}, {"20", "1", "0"}, {"30", "1", "0"}, LAST("1"))},
			.column = "id", .ranges = 4, .how = "ranges are whole partitions of pf",
			.where = {"(s.[id] < CAST(N'10' AS int) OR s.[id] IS NULL)",
				"s.[id] >= CAST(N'10' AS int) AND s.[id] < CAST(N'20' AS int)",
				"s.[id] >= CAST(N'20' AS int) AND s.[id] < CAST(N'30' AS int)", "s.[id] >= CAST(N'30' AS int)"}},
		/* the last is */
		{{FUNCTION("1"), TYPE("int"), VALUES(4, {"10", "1", "0"}, {"20", "1", "0"}, {"30", "1", "0"}, LAST("97"))},
			.column = "id", .ranges = 3, .how = "ranges are whole partitions of pf",
			.where = {"(s.[id] < CAST(N'20' AS int) OR s.[id] IS NULL)",
				"s.[id] >= CAST(N'20' AS int) AND s.[id] < CAST(N'30' AS int)", "s.[id] >= CAST(N'30' AS int)"}},
	};

	CHECK_PARTS(v);
}

static void else_the_values_are_cut(void **state UNUSED)
{
	static const char *const halves[] = {"(s.[id] < " HALF " OR s.[id] IS NULL)", "s.[id] >= " HALF};
	static const struct fake_answer cases[][4] = {
		/* it is not partitioned by it; nobody says; the second of three statements is refused */
		{{.match = "boundary_value_on_right", .columns = 2}, ENDS_ONLY, NOT_ASKED, NOT_ASKED},
		{{.match = "boundary_value_on_right", .fails = ERR_CONFIG}, ENDS_ONLY, NOT_ASKED, NOT_ASKED},
		{FUNCTION("1"), {.match = "WHERE 1 = 0", .fails = ERR_CONFIG}, ENDS_ONLY, NOT_ASKED},
		{FUNCTION("1"), TYPE("varchar(10)"), ENDS_ONLY, NOT_ASKED},
		{FUNCTION("1"), TYPE("int"), {.match = "sys.partition_range_values", .fails = ERR_CONFIG}, ENDS_ONLY},
		/* fewer partitions with rows than ranges */
		{FUNCTION("1"), TYPE("int"), VALUES(3, {"10", "0", "0"}, {"20", "7", "0"}, LAST("0")), ENDS_ONLY},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct parts p = {.column = "id", .ranges = 2, .where = {halves[0], halves[1]}};

		memcpy(p.answers, cases[i], sizeof(cases[i]));
		p.answers[4] = (struct fake_answer)NOT_ASKED;
		check_parts(&p);
	}
}

static void a_table_that_is_not_partitioned_needs_a_column(void **state UNUSED)
{
	static const struct fake_answer answers[] = {COLUMN(.n_rows = 0), COLUMN(.fails = ERR_CONFIG)};
	const struct job job = {.load_mode = LOAD_APPEND};
	const struct source_request request = {.job = &job, .ranges = 2};

	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		CLEANUP(arena_release) struct arena a = ARENA_INIT;
		struct db *db = fake_db_open(&answers[i], 1);
		struct err err = ERR_INIT;
		struct mssql_range r;

		mssql_range_begin(db, &request, "[t] AS s", "[t]", &a, &r);
		assert_int_equal(mssql_range_find(db, &request, &a, &r, &err), -1);
		check_err(&err, ERR_CONFIG, "'parallel' needs 'partition_column': the table is not known to be partitioned");
		db_close(db);
	}
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
		cmocka_unit_test(ranges_are_whole_partitions),
		cmocka_unit_test(ranges_have_about_as_many_rows),
		cmocka_unit_test(else_the_values_are_cut),
		cmocka_unit_test(a_table_that_is_not_partitioned_needs_a_column),
		cmocka_unit_test(errors_name_the_column),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
