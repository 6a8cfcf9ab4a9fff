#include "work/csv_increment.h"

#include <stdlib.h>
#include <string.h>

#include "tds/declare.h"
#include "unit/support.h"

struct fixture {
	struct arena a;
	struct tds_columns cols;
	struct job job;
	struct csv_increment inc;
	struct err err;
};

static int setup(void **state)
{
	struct fixture *f = mem_alloc(sizeof(*f));

	must(tds_declare_parse("id bigint, at datetime2(0), name varchar(max), d decimal(9,2), b varbinary(9)",
		     &f->a, &f->cols, &f->err),
		&f->err);
	f->job = (struct job){.load_mode = LOAD_INCREMENTAL, .watermark_column = "id"};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	csv_increment_release(&f->inc);
	arena_release(&f->a);
	free(f);
	return 0;
}

static int init(struct fixture *f, const char *column, const char *from)
{
	csv_increment_release(&f->inc);
	err_clear(&f->err);
	f->job.watermark_column = column;
	return csv_increment_init(&f->inc, &f->job, from, &f->cols, f->cols.n, &f->a, &f->err);
}

/* The text is gone when it returns, as a record's is. */
static bool take(struct fixture *f, const char *text)
{
	char *copy = mem_strdup(text);
	struct tds_value v;
	bool taken;

	must(tds_value_parse(f->inc.type, copy, (uint32_t)strlen(copy), &v, &f->err), &f->err);
	taken = csv_increment_take(&f->inc, &v);
	memset(copy, '?', strlen(copy));
	free(copy);
	return taken;
}

static const char *to(struct fixture *f)
{
	const char *text = csv_increment_to(&f->inc, &f->a);

	return text ? text : "none";
}

static void other_modes_have_none(void **state)
{
	struct fixture *f = *state;

	f->job.load_mode = LOAD_APPEND;
	must(init(f, "nowhere", "7"), &f->err);
	assert_false(f->inc.on);
}

static void all_rows_without_a_watermark(void **state)
{
	struct fixture *f = *state;

	must(init(f, "ID", NULL), &f->err);
	assert_string_equal(to(f), "none");
	assert_true(take(f, "7"));
	assert_true(take(f, "-3"));
	assert_string_equal(to(f), "7");
}

static void rows_above_it_and_it_never_goes_back(void **state)
{
	struct fixture *f = *state;

	must(init(f, "id", "10"), &f->err);
	assert_false(take(f, "9"));
	assert_false(take(f, "10"));
	assert_string_equal(to(f), "10");
	assert_true(take(f, "11"));
	assert_true(take(f, "100"));
	assert_true(take(f, "12"));
	assert_string_equal(to(f), "100");
}

static void each_kind_of_column(void **state)
{
	static const struct {
		const char *column, *from, *below, *above, *to;
	} cases[] = {
		{"at", "2024-02-28T00:00:00", "2024-02-27T23:59:59", "2024-02-29T12:00:00",
			"2024-02-29T12:00:00"},
		{"name", "m", "B", "n", "n"},
		{"d", "9.50", "9.49", "10.00", "10.00"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		must(init(f, cases[i].column, cases[i].from), &f->err);
		assert_false(take(f, cases[i].below));
		assert_false(take(f, cases[i].from));
		assert_true(take(f, cases[i].above));
		assert_false(take(f, cases[i].below));
		assert_string_equal(to(f), cases[i].to);
	}
}

static void it_looks_back(void **state)
{
	struct fixture *f = *state;

	f->job.lookback = "5";
	must(init(f, "id", "10"), &f->err);
	assert_false(take(f, "5"));
	assert_true(take(f, "6"));
	assert_string_equal(to(f), "10");
	f->job.lookback = "1h";
	must(init(f, "at", "2024-03-01T00:30:00"), &f->err);
	assert_false(take(f, "2024-02-29T23:30:00"));
	assert_true(take(f, "2024-02-29T23:30:01"));
}

static void what_cannot_be(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(init(f, "idd", NULL), -1);
	check_err(&f->err, ERR_CONFIG,
		"watermark_column: the files have no column 'idd', did you mean 'id'?");
	assert_int_equal(init(f, "b", NULL), -1);
	check_err(&f->err, ERR_CONFIG,
		"watermark_column 'b' is neither a number nor a time nor a text");
	assert_int_equal(init(f, "id", "seven"), -1);
	assert_int_equal(f->err.code, ERR_DATA);
	assert_string_equal(f->err.msg, "the watermark of column 'id': 'seven' is not an integer");
	f->job.lookback = "1h";
	assert_int_equal(init(f, "id", "7"), -1);
	assert_non_null(strstr(f->err.msg, "lookback"));
	f->job.watermark_column = "at"; /* one behind those of the files is not theirs */
	assert_int_equal(
		csv_increment_init(&f->inc, &f->job, NULL, &f->cols, 1, &f->a, &f->err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(other_modes_have_none, setup, teardown),
		cmocka_unit_test_setup_teardown(all_rows_without_a_watermark, setup, teardown),
		cmocka_unit_test_setup_teardown(rows_above_it_and_it_never_goes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(each_kind_of_column, setup, teardown),
		cmocka_unit_test_setup_teardown(it_looks_back, setup, teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be, setup, teardown),
	};

	return cmocka_run_group_tests_name("work/csv_increment", tests, NULL, NULL);
}
