/* lib/work/csv_target.c and csv_stage.c through target_csv. */
#include "work/target.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tds/row.h"
#include "unit/support.h"
#include "work/csv_ledger.h"
#include "work/csv_stage.h"

#define LEDGER   in_dir(CSV_LEDGER_FILE)
#define STATES   "SELECT run_uid, state, fence, target_table, rows FROM etl_load_ledger ORDER BY 1"
#define TEXT_MAX (4u * 1024 * 1024)

struct fixture {
	char dir[64];
	struct job job;
	struct load load;
	struct connection conn;
	atomic_bool cancel;
	struct tds_column v[3];
	struct tds_columns cols;
	struct batch batch;
	struct target *t;
	struct rejects *rejects;
	struct err err;
};

static int setup(void **state)
{
	struct fixture *f = mem_alloc(sizeof(*f));

	if (dir_make(state))
		return -1;
	strcpy(f->dir, in_dir(""));
	f->job = (struct job){.job_uid = "job-1",
		.name = "a",
		.target_table = "t",
		.create = true,
		.min_rows = 1,
		.load_mode = LOAD_REPLACE};
	f->load = (struct load){
		.run_uid = "run-1", .store_uid = "store-1", .fence = 1, .job = &f->job};
	f->conn = (struct connection){.name = "out",
		.driver = DRIVER_CSV,
		.path = f->dir,
		.format = {TEST_CSV_FORMAT, .max_field = 1000000}};
	f->conn.format.line_end = "lf";
	f->cols = (struct tds_columns){.v = f->v, .n = 2};
	must(tds_type_parse("int", &f->v[0], &f->err), &f->err);
	must(tds_type_parse("varchar(max)", &f->v[1], &f->err), &f->err);
	f->v[0].name = "id";
	f->v[1].name = "name";
	batch_init(&f->batch);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	target_csv.close(f->t);
	rejects_free(f->rejects);
	batch_release(&f->batch);
	free(f);
	return dir_remove(state);
}

static void close_target(struct fixture *f)
{
	target_csv.close(f->t);
	f->t = NULL;
}

static int open_target(struct fixture *f)
{
	close_target(f);
	err_clear(&f->err);
	return target_csv.open(&f->conn, &f->load, &f->cancel, &f->t, &f->err);
}

static enum ledger_state begin(struct fixture *f)
{
	enum ledger_state state;

	must(target_csv.begin(f->t, &state, &f->err), &f->err);
	return state;
}

static void row(struct fixture *f, int64_t id, const char *name)
{
	struct tds_value v = {.kind = TDS_INT, .i = id};
	uint8_t *p = f->batch.data + f->batch.len;

	*p++ = TDS_ROW_TOKEN;
	p = tds_encode(p, &f->v[0], &v);
	v = (struct tds_value){.kind = name ? TDS_TEXT : TDS_NULL};
	if (name) {
		v.s.data = (const uint8_t *)name;
		v.s.len = (uint32_t)strlen(name);
	}
	p = tds_encode(p, &f->v[1], &v);
	f->batch.len = (uint32_t)(p - f->batch.data);
	f->batch.rows++;
}

static int write_batch(struct fixture *f, uint32_t lane)
{
	uint64_t next = f->batch.first_row + f->batch.rows;
	int rc = target_csv.write(f->t, lane, &f->batch, &f->err);

	batch_reset(&f->batch);
	f->batch.first_row = next;
	return rc;
}

static int stage(struct fixture *f)
{
	f->batch.first_row = 0;
	return target_csv.stage(f->t, &f->cols, 1, f->rejects, &f->err);
}

/* Of `n` rows: 1|one, 2| … */
static int load_rows(struct fixture *f, uint64_t n)
{
	const struct load_end end = {.rejects = f->rejects};
	uint64_t rows = 0;

	if (open_target(f))
		return -1;
	assert_int_equal(begin(f), LEDGER_OPEN);
	if (stage(f))
		return -1;
	for (uint64_t i = 1; i <= n; i++)
		row(f, (int64_t)i, i == 1 ? "one" : NULL);
	if (write_batch(f, 0) || target_csv.verify(f->t, n, &f->err) ||
		target_csv.publish(f->t, &end, &rows, &f->err))
		return -1;
	assert_int_equal(rows, n);
	close_target(f);
	return 0;
}

static const char *content(const char *name)
{
	static char text[10000];
	FILE *file = fopen(in_dir(name), "rb");
	size_t n;

	assert_non_null(file);
	n = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[n] = '\0';
	return text;
}

static unsigned leftovers(const struct fixture *f)
{
	DIR *d = opendir(f->dir);
	struct dirent *e;
	unsigned n = 0;

	while ((e = readdir(d)))
		n += strstr(e->d_name, "stage") != NULL;
	closedir(d);
	return n;
}

static void a_file_is_replaced(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	must(load_rows(f, 2), &f->err);
	assert_string_equal(content("t.csv"), "id,name\n1,one\n2,\n");
	check_sql(LEDGER, STATES, "run-1|published|1|t.csv|2");
	assert_int_equal(leftovers(f), 0);
	must(chmod(in_dir("t.csv"), 0640), &f->err);
	f->load.run_uid = "run-2";
	must(load_rows(f, 1), &f->err);
	assert_string_equal(content("t.csv"), "id,name\n1,one\n");
	assert_int_equal(stat(in_dir("t.csv"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	must(open_target(f), &f->err);
	assert_int_equal(begin(f), LEDGER_PUBLISHED);
}

static void formats_are_written(void **state)
{
	struct fixture *f = *state;

	f->job.format = (struct csv_format){.header = "no", .delimiter = ";", .null_text = "NULL"};
	f->job.target_table = "plain.txt";
	must(load_rows(f, 2), &f->err);
	assert_string_equal(content("plain.txt"), "1;one\n2;NULL\n");
	f->load.run_uid = "run-2";
	f->job.format = (struct csv_format){.encoding = "utf-8-bom", .line_end = "crlf"};
	f->job.target_table = "bom";
	must(load_rows(f, 1), &f->err);
	assert_string_equal(content("bom.csv"), "\xEF\xBB\xBFid,name\r\n1,one\r\n");
	f->load.run_uid = "run-3";
	f->job.format = (struct csv_format){.encoding = "utf-16", .header = "no"};
	f->job.verify = VERIFY_DIGEST;
	must(load_rows(f, 1), &f->err);
	content("bom.csv");
	assert_memory_equal(content("bom.csv"), "\xFF\xFE" "1\0,\0o\0n\0e\0\n\0", 14);
	check_sql(LEDGER, "SELECT length(digest) FROM etl_load_ledger WHERE run_uid = 'run-3'", "32");
}

static void compressed_files_are_written(void **state)
{
	struct fixture *f = *state;
	uint64_t n;

	f->job.target_table = "t.csv.gz";
	must(load_rows(f, 3), &f->err);
	assert_memory_equal(content("t.csv.gz"), "\x1f\x8b", 2);
	must(csv_stage_count(in_dir("t.csv.gz"), &f->conn.format, 10, NULL, &n, &f->err), &f->err);
	assert_int_equal(n, 3);
	f->load.run_uid = "run-2";
	f->job.target_table = "t"; /* the one that is there */
	must(load_rows(f, 2), &f->err);
	must(csv_stage_count(in_dir("t.csv.gz"), &f->conn.format, 10, NULL, &n, &f->err), &f->err);
	assert_int_equal(n, 2);
	f->load.run_uid = "run-3";
	f->job.target_table = "u.zst";
	must(load_rows(f, 1), &f->err);
	assert_memory_equal(content("u.zst"), "\x28\xb5\x2f\xfd", 4);
}

static void jobs_that_need_what_is_there_are_refused(void **state)
{
	struct fixture *f = *state;

	f->job.load_mode = LOAD_APPEND;
	assert_int_equal(open_target(f), -1);
	check_err(&f->err, ERR_CONFIG, "load_mode = append: a file can only be replaced as a whole");
	f->job.load_mode = LOAD_REPLACE;
	f->job.post_sql = "SELECT 1";
	assert_int_equal(open_target(f), -1);
	check_err(&f->err, ERR_CONFIG, "post_sql: a CSV target runs no statements");
	f->job.post_sql = NULL;
	f->job.kind = JOB_SQL;
	assert_int_equal(open_target(f), -1);
	check_err(&f->err, ERR_CONFIG, "a CSV target takes rows, and runs no statements");
	f->job.kind = JOB_COPY;
	f->job.create = false;
	assert_int_equal(open_target(f), -1);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
	f->job.create = true;
	f->load.run_uid = "../x";
	assert_int_equal(open_target(f), -1);
	check_err(&f->err, ERR_DATA, "run_uid '../x' is not a UUID");
	f->load.run_uid = "run-1";
	f->conn.path = "/nowhere/at/all";
	assert_int_equal(open_target(f), -1);
	check_err(&f->err, ERR_NOT_FOUND, "open the directory of 't': connection 'out': "
					  "'/nowhere/at/all': No such file or directory");
	f->conn.path = f->dir;
	f->cols.n = 0;
	must(open_target(f), &f->err);
	begin(f);
	assert_int_equal(stage(f), -1);
	check_err(&f->err, ERR_DATA, "load into 't': the source has no columns");
}

static void few_rows_replace_nothing(void **state)
{
	struct fixture *f = *state;

	must(load_rows(f, 0), &f->err); /* there is nothing to lose */
	assert_string_equal(content("t.csv"), "id,name\n");
	f->load.run_uid = "run-2";
	must(load_rows(f, 3), &f->err);
	f->load.run_uid = "run-3";
	assert_int_equal(load_rows(f, 0), -1);
	check_err(&f->err, ERR_DATA, "publish into 't': 0 rows of the source would replace a file that "
				     "has rows (min_rows is 1)");
	f->job.min_rows = 0;
	f->job.max_delete = "50%";
	assert_int_equal(load_rows(f, 1), -1);
	check_err(&f->err, ERR_DATA, "publish into 't': 2 of the file's 3 rows would go, and max_delete "
				     "is 50%");
	assert_string_equal(content("t.csv"), "id,name\n1,one\n2,\n3,\n");
	must(load_rows(f, 2), &f->err);
	f->job.max_delete = NULL;
	f->load.run_uid = "run-4";
	must(load_rows(f, 0), &f->err);
	file_write(in_dir("t.csv"), "\xFF is no CSV");
	f->job.min_rows = 1;
	f->load.run_uid = "run-5";
	assert_int_equal(load_rows(f, 0), -1);
}

static void rows_that_do_not_fit_are_refused_or_kept(void **state)
{
	struct fixture *f = *state;
	const struct load_end end = {.rejects = NULL};
	uint64_t rows;

	f->job.format.encoding = "iso-8859-1";
	must(open_target(f), &f->err);
	begin(f);
	must(stage(f), &f->err);
	row(f, 1, "ä");
	row(f, 2, "€");
	assert_int_equal(write_batch(f, 0), -1);
	check_err(&f->err, ERR_DATA, "stage rows of 't': row 2: column 'name': a character that the "
				     "encoding 'iso-8859-1' lacks: U+20AC");
	f->job.on_reject = ON_REJECT_KEEP;
	f->job.reject_limit = 5;
	f->rejects = rejects_new(&f->job);
	must(open_target(f), &f->err);
	begin(f);
	must(stage(f), &f->err);
	row(f, 1, "ä");
	row(f, 2, "€");
	row(f, 3, NULL);
	must(write_batch(f, 0), &f->err);
	must(target_csv.verify(f->t, 3, &f->err), &f->err);
	must(target_csv.publish(f->t, &end, &rows, &f->err), &f->err);
	assert_int_equal(rows, 2);
	assert_string_equal(content("t.csv"), "id,name\n1,\xE4\n3,\n");
	check_sql(LEDGER, "SELECT rows, rejects FROM etl_load_ledger", "2|1");
	check_sql(LEDGER, "SELECT row_no, column_name FROM etl_load_reject", "2|name");
}

static void columns_have_other_names(void **state)
{
	struct fixture *f = *state;

	f->job.column_map = "name \"full name\"";
	must(load_rows(f, 1), &f->err);
	assert_string_equal(content("t.csv"), "id,full name\n1,one\n");
	f->load.run_uid = "run-2";
	f->job.column_map = "nmae x";
	assert_int_equal(load_rows(f, 1), -1);
	check_err(&f->err, ERR_CONFIG,
		"load into 't': column_map: the source has no column 'nmae'");
}

static void lanes_write_whole_rows(void **state)
{
	struct fixture *f = *state;
	char *large = repeat('x', 300000);
	uint64_t n;

	must(open_target(f), &f->err);
	begin(f);
	must(target_csv.stage(f->t, &f->cols, 3, NULL, &f->err), &f->err);
	for (uint32_t i = 0; i < 30; i++) {
		for (int64_t id = 0; id < 1000; id++)
			row(f, id, "some text that is not too short");
		must(write_batch(f, i % 3), &f->err);
	}
	must(target_csv.verify(f->t, 30000, &f->err), &f->err);
	must(target_csv.publish(f->t, &(struct load_end){.rejects = NULL}, &n, &f->err), &f->err);
	must(csv_stage_count(in_dir("t.csv"), &f->conn.format, UINT64_MAX, NULL, &n, &f->err),
		&f->err);
	assert_int_equal(n, 30000);
	free(large);
}

static void large_rows_come_in_pieces(void **state)
{
	struct fixture *f = *state;
	size_t len = BATCH_SIZE + 5000;
	char *large = repeat('x', len);
	uint8_t *bytes = mem_alloc(len + 100), *p = bytes;
	struct tds_value v = {.kind = TDS_INT, .i = 1};
	struct stat st;
	uint64_t n;

	*p++ = TDS_ROW_TOKEN;
	p = tds_encode(p, &f->v[0], &v);
	v = (struct tds_value){.kind = TDS_TEXT, .s = {(uint8_t *)large, (uint32_t)len}};
	p = tds_encode(p, &f->v[1], &v);
	must(open_target(f), &f->err);
	begin(f);
	must(stage(f), &f->err);
	f->batch.rows = 1;
	f->batch.cont = BATCH_PART | BATCH_FIRST | BATCH_MORE;
	f->batch.len = BATCH_SIZE;
	memcpy(f->batch.data, bytes, BATCH_SIZE);
	must(write_batch(f, 0), &f->err);
	f->batch.cont = BATCH_PART;
	f->batch.len = (uint32_t)(p - bytes) - BATCH_SIZE;
	memcpy(f->batch.data, bytes + BATCH_SIZE, f->batch.len);
	must(write_batch(f, 0), &f->err);
	row(f, 2, "y");
	must(write_batch(f, 0), &f->err);
	must(target_csv.verify(f->t, 2, &f->err), &f->err);
	must(target_csv.publish(f->t, &(struct load_end){.rejects = NULL}, &n, &f->err), &f->err);
	assert_int_equal(stat(in_dir("t.csv"), &st), 0);
	assert_int_equal(st.st_size, 8 + 2 + len + 1 + 4);
	free(large);
	free(bytes);
}

static void what_was_lost_is_seen(void **state)
{
	struct fixture *f = *state;
	char path[128];
	FILE *file;

	must(open_target(f), &f->err);
	begin(f);
	must(stage(f), &f->err);
	row(f, 1, "x");
	must(write_batch(f, 0), &f->err);
	assert_int_equal(target_csv.verify(f->t, 2, &f->err), -1);
	check_err(&f->err, ERR_DATA, "verify the staging file of 't': the source gave 2 rows, and "
				     "staging has 1");
	must(open_target(f), &f->err);
	begin(f);
	must(stage(f), &f->err);
	snprintf(path, sizeof(path), "%s/" CSV_STAGE_PREFIX "run-1-1.t.csv", f->dir);
	file = fopen(path, "a");
	fputs("9,z\n9,z\n9,z\n9,z\n9,z\n", file); /* longer than what is to come */
	fclose(file);
	row(f, 1, "x");
	must(write_batch(f, 0), &f->err);
	assert_int_equal(target_csv.verify(f->t, 1, &f->err), -1);
	assert_int_equal(f->err.code, ERR_TARGET);
}

static void one_attempt_is_one_process(void **state)
{
	struct fixture *f = *state;
	struct target *second = NULL;
	enum ledger_state found;

	must(open_target(f), &f->err);
	begin(f);
	must(stage(f), &f->err);
	must(target_csv.open(&f->conn, &f->load, &f->cancel, &second, &f->err), &f->err);
	must(target_csv.begin(second, &found, &f->err), &f->err);
	assert_int_equal(target_csv.stage(second, &f->cols, 1, NULL, &f->err), -1);
	assert_int_equal(f->err.code, ERR_BUSY);
	target_csv.close(second);
	assert_int_equal(leftovers(f), 1);
	close_target(f);
	assert_int_equal(leftovers(f), 0);
}

/* A process is killed with rows in staging; the next attempt removes them. */
static void what_the_dead_left_goes(void **state)
{
	struct fixture *f = *state;
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		if (open_target(f) == 0 && begin(f) == LEDGER_OPEN && stage(f) == 0)
			_exit(7);
		_exit(1);
	}
	waitpid(child, &status, 0);
	assert_int_equal(WEXITSTATUS(status), 7);
	assert_int_equal(leftovers(f), 1);
	f->load.fence = 2;
	must(open_target(f), &f->err);
	assert_int_equal(begin(f), LEDGER_OPEN);
	assert_int_equal(leftovers(f), 0);
}

static void withdrawn_means_never(void **state)
{
	struct fixture *f = *state;
	enum ledger_state found;
	uint64_t n;

	must(open_target(f), &f->err);
	begin(f);
	must(stage(f), &f->err);
	row(f, 1, "x");
	must(write_batch(f, 0), &f->err);
	must(target_csv.verify(f->t, 1, &f->err), &f->err);
	must(target_csv.revoke(f->t, "enough", &found, &f->err), &f->err);
	assert_int_equal(found, LEDGER_REVOKED);
	assert_int_equal(target_csv.publish(f->t, &(struct load_end){.rejects = NULL}, &n, &f->err), -1);
	assert_int_equal(f->err.code, ERR_LEASE_LOST);
	must(target_csv.begin(f->t, &found, &f->err), &f->err);
	assert_int_equal(found, LEDGER_REVOKED);
	close_target(f);
	assert_int_equal(leftovers(f), 0);
	assert_int_equal(access(in_dir("t.csv"), F_OK), -1);
}

static void history_needs_no_ledger(void **state)
{
	struct fixture *f = *state;
	struct arena a = ARENA_INIT;
	struct ledger_row *rows;
	size_t n;

	must(open_target(f), &f->err);
	must(target_csv.history(f->t, &a, &rows, &n, &f->err), &f->err);
	assert_int_equal(n, 0);
	close_target(f);
	assert_int_equal(access(LEDGER, F_OK), -1);
	must(load_rows(f, 1), &f->err);
	must(open_target(f), &f->err);
	must(target_csv.history(f->t, &a, &rows, &n, &f->err), &f->err);
	assert_int_equal(n, 1);
	assert_int_equal(rows[0].state, LEDGER_PUBLISHED);
	assert_int_equal(rows[0].rows, 1);
	arena_release(&a);
}

static void one_file_is_a_target(void **state)
{
	struct fixture *f = *state;
	char path[128];

	snprintf(path, sizeof(path), "%s/only.csv", f->dir);
	f->conn.path = path;
	f->job.target_table = "only";
	must(load_rows(f, 1), &f->err);
	assert_string_equal(content("only.csv"), "id,name\n1,one\n");
	assert_int_equal(access(LEDGER, F_OK), 0);
}

static void cancelling_ends_it(void **state)
{
	struct fixture *f = *state;

	must(open_target(f), &f->err);
	begin(f);
	must(stage(f), &f->err);
	f->cancel = true;
	row(f, 1, "x");
	assert_int_equal(write_batch(f, 0), -1);
	assert_int_equal(f->err.code, ERR_CANCELLED);
}

static void say(void *arg, const char *line)
{
	buf_adds(arg, line);
	buf_addc(arg, '\n');
}

static void a_plan_writes_nothing(void **state)
{
	struct fixture *f = *state;
	struct buf out = BUF_INIT(10000);

	f->load.look_only = true;
	must(open_target(f), &f->err);
	must(target_csv.plan(f->t, &f->cols, say, &out, &f->err), &f->err);
	assert_non_null(strstr(buf_str(&out), "t.csv' is made\ncolumn 'id' int goes to 'id'\n"));
	assert_int_equal(access(LEDGER, F_OK), -1);
	assert_int_equal(leftovers(f), 0);
	buf_release(&out);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_file_is_replaced),
		TEST(formats_are_written),
		TEST(compressed_files_are_written),
		TEST(jobs_that_need_what_is_there_are_refused),
		TEST(few_rows_replace_nothing),
		TEST(rows_that_do_not_fit_are_refused_or_kept),
		TEST(columns_have_other_names),
		TEST(lanes_write_whole_rows),
		TEST(large_rows_come_in_pieces),
		TEST(what_was_lost_is_seen),
		TEST(one_attempt_is_one_process),
		TEST(what_the_dead_left_goes),
		TEST(withdrawn_means_never),
		TEST(history_needs_no_ledger),
		TEST(one_file_is_a_target),
		TEST(cancelling_ends_it),
		TEST(a_plan_writes_nothing),
	};

	return cmocka_run_group_tests_name("work/csv_target", tests, NULL, NULL);
}
