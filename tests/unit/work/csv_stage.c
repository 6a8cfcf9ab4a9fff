#include "work/csv_stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tds/row.h"
#include "unit/support.h"

struct fixture {
	char dir[64];
	struct csv_format format;
	struct tds_column v[2];
	struct tds_columns cols;
	atomic_bool cancel;
	struct job job;
	struct csv_stage_request request;
	struct csv_stage *stage;
	struct csv_staged staged;
	struct batch batch;
	struct err err;
};

static int setup(void **state)
{
	struct fixture *f = mem_alloc(sizeof(*f));

	if (dir_make(state))
		return -1;
	strcpy(f->dir, in_dir(""));
	f->format = (struct csv_format){TEST_CSV_FORMAT, .max_field = 1000};
	f->format.line_end = "lf";
	must(tds_type_parse("int", &f->v[0], &f->err), &f->err);
	must(tds_type_parse("varchar(max)", &f->v[1], &f->err), &f->err);
	f->v[0].name = "id";
	f->v[1].name = "name";
	f->cols = (struct tds_columns){.v = f->v, .n = 2};
	f->job = (struct job){.on_reject = ON_REJECT_KEEP, .reject_limit = 10};
	f->request = (struct csv_stage_request){.dir = f->dir,
		.name = "t.csv",
		.run_uid = "run-1",
		.fence = 3,
		.format = &f->format,
		.cols = &f->cols,
		.lanes = 2,
		.rejects = rejects_new(&f->job),
		.digesting = true,
		.cancel = &f->cancel};
	batch_init(&f->batch);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	csv_stage_close(f->stage, false);
	rejects_free(f->request.rejects);
	batch_release(&f->batch);
	free(f);
	return dir_remove(state);
}

static const char *path(void)
{
	return in_dir(".etl-stage-run-1-3.t.csv");
}

static bool is_there(const char *at)
{
	return access(at, F_OK) == 0;
}

static int put(struct fixture *f, uint32_t lane, int64_t id, const char *name)
{
	struct tds_value v = {.kind = TDS_INT, .i = id};
	uint8_t *p = f->batch.data;

	*p++ = TDS_ROW_TOKEN;
	p = tds_encode(p, &f->v[0], &v);
	v = (struct tds_value){.kind = TDS_TEXT, .s = {(const uint8_t *)name, (uint32_t)strlen(name)}};
	p = tds_encode(p, &f->v[1], &v);
	f->batch.len = (uint32_t)(p - f->batch.data);
	f->batch.rows = 1;
	f->batch.first_row = (uint64_t)id - 1;
	return csv_stage_write(f->stage, lane, &f->batch, &f->err);
}

static int open_stage(struct fixture *f)
{
	return csv_stage_open(&f->request, &f->stage, &f->err);
}

static void rows_of_all_lanes_are_in_it(void **state)
{
	struct fixture *f = *state;
	uint64_t n;

	must(open_stage(f), &f->err);
	assert_string_equal(csv_stage_name(f->stage), ".etl-stage-run-1-3.t.csv");
	assert_true(csv_stage_is_held(path()));
	must(put(f, 0, 1, "a, b"), &f->err);
	must(put(f, 1, 2, "\"two\"\nlines"), &f->err);
	must(csv_stage_finish(f->stage, &f->staged, &f->err), &f->err);
	assert_int_equal(f->staged.rows, 2);
	assert_int_equal(f->staged.rejected, 0);
	must(csv_stage_count(path(), &f->format, UINT64_MAX, NULL, &n, &f->err), &f->err);
	assert_int_equal(n, 2);
	must(csv_stage_count(path(), &f->format, 1, NULL, &n, &f->err), &f->err);
	assert_int_equal(n, 1);
	csv_stage_close(f->stage, true);
	f->stage = NULL;
	assert_true(is_there(path()));
	assert_false(csv_stage_is_held(path()));
}

static void it_goes_unless_it_is_to_be_kept(void **state)
{
	struct fixture *f = *state;

	must(open_stage(f), &f->err);
	csv_stage_close(f->stage, false);
	f->stage = NULL;
	assert_false(is_there(path()));
	csv_stage_close(NULL, false);
}

static void one_process_at_a_run_and_fence(void **state)
{
	struct fixture *f = *state;
	struct csv_stage *second = NULL;

	must(open_stage(f), &f->err);
	assert_int_equal(csv_stage_open(&f->request, &second, &f->err), -1);
	assert_int_equal(f->err.code, ERR_BUSY);
	assert_null(second);
	assert_true(is_there(path()));
}

static void what_is_replaced_keeps_its_mode(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	file_write(in_dir("t.csv"), "old");
	assert_int_equal(chmod(in_dir("t.csv"), 0640), 0);
	must(open_stage(f), &f->err);
	assert_int_equal(stat(path(), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
}

static void a_row_that_the_encoding_lacks_is_rejected(void **state)
{
	struct fixture *f = *state;

	f->format.encoding = "iso-8859-1";
	must(open_stage(f), &f->err);
	must(put(f, 0, 1, "\xc3\xa4"), &f->err);
	must(put(f, 0, 2, "\xe2\x82\xac"), &f->err);
	assert_int_equal(rejects_count(f->request.rejects), 1);
	assert_int_equal(rejects_get(f->request.rejects, 0)->row, 2);
	assert_string_equal(rejects_get(f->request.rejects, 0)->column, "name");
	must(csv_stage_finish(f->stage, &f->staged, &f->err), &f->err);
	assert_int_equal(f->staged.rows, 1);
	assert_int_equal(f->staged.rejected, 1);
}

static void a_cancelled_load_writes_no_more(void **state)
{
	struct fixture *f = *state;

	must(open_stage(f), &f->err);
	f->cancel = true;
	assert_int_equal(put(f, 0, 1, "a"), -1);
	assert_int_equal(f->err.code, ERR_CANCELLED);
}

/* What somebody else does to the file is found when it is read back. */
static void a_file_that_is_not_what_was_written(void **state)
{
	static const struct {
		const char *content, *message;
	} cases[] = {
		{"id,name\n1,a\n", "2 rows were written, and the file has 1"},
		{"id,name\n1,a\n2,c\n", "the digest of the file's rows is not that of the rows that "
					"were written"},
		{"id,name\n1\n2\n", "read back: "},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		must(open_stage(f), &f->err);
		must(put(f, 0, 1, "a"), &f->err);
		must(put(f, 0, 2, "b"), &f->err);
		assert_int_equal(unlink(path()), 0);
		file_write(path(), cases[i].content);
		assert_int_equal(csv_stage_finish(f->stage, &f->staged, &f->err), -1);
		assert_int_equal(
			strncmp(f->err.msg, cases[i].message, strlen(cases[i].message)), 0);
		err_clear(&f->err);
		csv_stage_close(f->stage, false);
		f->stage = NULL;
		assert_true(is_there(path())); /* it is somebody else's */
		assert_int_equal(unlink(path()), 0);
	}
}

static void what_cannot_be_made(void **state)
{
	struct fixture *f = *state;
	uint64_t n;

	f->request.dir = "/nowhere";
	assert_int_equal(open_stage(f), -1);
	assert_int_equal(f->err.code, ERR_TARGET);
	f->request.dir = f->dir;
	f->format.encoding = "klingon";
	err_clear(&f->err);
	assert_int_equal(open_stage(f), -1);
	assert_int_equal(f->err.code, ERR_CONFIG);
	assert_false(is_there(path()));
	f->format.encoding = "utf-8";
	err_clear(&f->err);
	assert_int_equal(csv_stage_count(in_dir("missing"), &f->format, 1, NULL, &n, &f->err), -1);
}

static bool is_wanted(void *arg, const char *name)
{
	return strcmp(name, arg) == 0;
}

static void leftovers_go_but_not_those_in_use(void **state)
{
	static char wanted[] = ".etl-stage-run-0-1.kept.csv";
	struct fixture *f = *state;

	must(open_stage(f), &f->err);
	file_write(in_dir(".etl-stage-run-0-1.t.csv"), "");
	file_write(in_dir(wanted), "");
	file_write(in_dir("t.csv"), "");
	csv_stage_sweep(f->dir, is_wanted, wanted);
	assert_false(is_there(in_dir(".etl-stage-run-0-1.t.csv")));
	assert_true(is_there(in_dir(wanted)));
	assert_true(is_there(in_dir("t.csv")));
	assert_true(is_there(path()));
	csv_stage_sweep("/nowhere", is_wanted, wanted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(rows_of_all_lanes_are_in_it, setup, teardown),
		cmocka_unit_test_setup_teardown(it_goes_unless_it_is_to_be_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(one_process_at_a_run_and_fence, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_replaced_keeps_its_mode, setup, teardown),
		cmocka_unit_test_setup_teardown(a_row_that_the_encoding_lacks_is_rejected, setup, teardown),
		cmocka_unit_test_setup_teardown(a_cancelled_load_writes_no_more, setup, teardown),
		cmocka_unit_test_setup_teardown(a_file_that_is_not_what_was_written, setup, teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_made, setup, teardown),
		cmocka_unit_test_setup_teardown(leftovers_go_but_not_those_in_use, setup, teardown),
	};

	return cmocka_run_group_tests_name("work/csv_stage", tests, NULL, NULL);
}
