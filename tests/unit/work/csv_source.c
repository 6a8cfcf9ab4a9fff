#include "work/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "tds/row.h"
#include "unit/support.h"

#define DUMP_MAX (8u * 1024 * 1024)

/* A directory of its own for each test, and what is needed to read a file in it. */
struct fixture {
	char dir[64];
	struct connection conn;
	struct job job;
	atomic_bool cancel;
	struct source_request request;
	struct source *source;
	const struct tds_columns *cols;
	struct buf out; /* columns, rows and errors as text */
	struct err err;
};

static int setup(void **state)
{
	struct fixture *f = mem_alloc(sizeof(*f));

	if (dir_make(state))
		return -1;
	strcpy(f->dir, in_dir(""));
	f->conn = (struct connection){.name = "raw", .driver = DRIVER_CSV, .path = f->dir,
		.format = {TEST_CSV_FORMAT, .max_field = 4 * 1024 * 1024}};
	f->job = (struct job){.name = "j", .source_table = "t"};
	buf_init(&f->out, DUMP_MAX);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	source_csv.close(f->source);
	buf_release(&f->out);
	free(f);
	return dir_remove(state);
}

static void dump_row(struct fixture *f, const uint8_t **p, const uint8_t *end)
{
	struct err err = ERR_INIT;
	char text[TDS_PRINT_MAX];
	struct tds_value v;

	assert_int_equal(*(*p)++, TDS_ROW_TOKEN);
	for (uint32_t i = 0; i < f->cols->n; i++) {
		assert_int_equal(tds_decode(p, end, &f->cols->v[i], NULL, &v, &err), 0);
		buf_adds(&f->out, i ? "|" : "");
		if (v.kind == TDS_NULL) {
			buf_adds(&f->out, "NULL");
		} else if (v.kind == TDS_TEXT) {
			buf_add(&f->out, v.s.data, v.s.len);
		} else if (v.kind == TDS_BLOB) {
			for (uint32_t j = 0; j < v.s.len; j++)
				buf_printf(&f->out, "%02x", v.s.data[j]);
		} else {
			tds_value_print(&f->cols->v[i], &v, text);
			buf_adds(&f->out, text);
		}
	}
	buf_addc(&f->out, '\n');
}

static int dump_batches(struct fixture *f)
{
	struct batch b;
	uint64_t rows = 0, bytes = 0;
	int rc;

	batch_init(&b);
	while ((rc = source_csv.read(f->source, &b, &f->err)) > 0) {
		const uint8_t *p = b.data;

		assert_int_equal(b.first_row, rows);
		assert_int_equal(b.cont, 0);
		for (uint32_t i = 0; i < b.rows; i++)
			dump_row(f, &p, b.data + b.len);
		assert_ptr_equal(p, b.data + b.len);
		rows += b.rows;
		bytes += b.bytes_in;
		batch_reset(&b);
	}
	if (rc == 0)
		bytes += b.bytes_in;
	if (rc == 0)
		assert_int_equal(bytes, source_csv.size(f->source));
	batch_release(&b);
	return rc;
}

static int open_source(struct fixture *f)
{
	source_csv.close(f->source);
	f->source = NULL;
	err_clear(&f->err);
	f->request = (struct source_request){
		.conn = &f->conn, .job = &f->job, .cancel = &f->cancel, .ranges = 1};
	if (source_csv.open(&f->request, &f->source, &f->err) < 0)
		return -1;
	return source_csv.columns(f->source, &f->cols, &f->err);
}

/* Reads table t and gives what it is: a line of columns, rows, or "code: message (hint)". */
static const char *read_all(struct fixture *f)
{
	char type[TDS_TYPE_TEXT_MAX];
	int rc;

	buf_reset(&f->out);
	rc = open_source(f);
	if (rc == 0) {
		for (uint32_t i = 0; i < f->cols->n; i++)
			buf_printf(&f->out, "%s%s %s%s", i ? ", " : "", f->cols->v[i].name,
				tds_type_format(&f->cols->v[i], type),
				f->cols->v[i].nullable ? "" : " not null");
		buf_addc(&f->out, '\n');
		rc = dump_batches(f);
	}
	err_settle_value(&f->err, true);
	if (rc < 0)
		buf_printf(&f->out, "%s: %s", err_name(f->err.code), f->err.msg);
	if (rc < 0 && f->err.hint[0])
		buf_printf(&f->out, " (%s)", f->err.hint);
	return buf_str(&f->out);
}

static const char *read_text(struct fixture *f, const char *text)
{
	file_writen(in_dir("t.csv"), text, strlen(text));
	return read_all(f);
}

static void types_are_inferred(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(read_text(f, "id,zip,lat,note\n1,00501,40.5,x\n-2,10001,,\"\"\n3,2,7,\n"),
		"id bigint not null, zip varchar(max) not null, lat float, note varchar(max)\n"
		"1|00501|40.5|x\n-2|10001|NULL|\n3|2|7.0|NULL\n");
	assert_string_equal(read_text(f, "a\n\n1\n"), "a bigint\nNULL\n1\n");
	assert_string_equal(read_text(f, "a,b\n"), "a varchar(max), b varchar(max)\n");
	assert_string_equal(read_text(f, "a"), "a varchar(max)\n");
	f->job.format.null_text = "NA";
	assert_string_equal(read_text(f, "a,b,c\nNA,\"NA\",\n1,x,y\n"),
		"a bigint, b varchar(max) not null, c varchar(max) not null\nNULL|NA|\n1|x|y\n");
}

static void types_are_declared(void **state)
{
	struct fixture *f = *state;

	f->job.columns = "[when] datetime2(0), amount decimal(9,2) not null, raw varbinary(max)";
	assert_string_equal(
		read_text(f, "amount,raw,n,When\n1.5,0xAB01,7,2013-01-01 06:00:00\n-2,,8,\n"),
		"amount decimal(9,2) not null, raw varbinary(max), n bigint not null, "
		"When datetime2(0)\n1.50|ab01|7|2013-01-01T06:00:00\n-2.00|NULL|8|NULL\n");
	f->job.columns = "amount decimal(9,2) not null";
	assert_string_equal(read_text(f, "amount\n1\n\n"),
		"amount decimal(9,2) not null\n"
		"bad_data: t.csv: line 3, column 'amount': a null, and the column is declared not null");
	f->job.columns = "year int";
	assert_string_equal(read_text(f, "n,year\n1,\"2\"\n\"a\nb\",abc\n"),
		"n varchar(max) not null, year int\n"
		"bad_data: t.csv: line 4, column 'year': 'abc' is not an integer");
	f->job.columns = "yaer int";
	assert_string_equal(read_text(f, "n,year\n"),
		"config: columns: 't.csv' has no column 'yaer' (did you mean 'year'?)");
	f->job.columns = "year itn";
	assert_string_equal(read_text(f, "n,year\n"),
		"config: columns: column 'year': type 'itn' is not known (did you mean 'int'?)");
}

static void the_header_is_checked(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(read_text(f, ""), "bad_data: t.csv: the file is empty "
					      "(the first line must name the columns (header = no: it does not))");
	assert_string_equal(read_text(f, "a,,b\n"),
		"bad_data: t.csv: line 1, column 3: a column's name is empty");
	assert_string_equal(read_text(f, "\n1\n"),
		"bad_data: t.csv: line 1, column 1: a column's name is empty");
	assert_string_equal(read_text(f, "ä,b,\"B\"\n"),
		"bad_data: t.csv: line 1, column 5: a column's name that stands before already: 'B'");
	assert_string_equal(read_text(f, "a,b\n1,2\n1,2,3\n"),
		"bad_data: t.csv: line 3, column 5: 3 fields, the header has 2");
}

static void tables_are_found(void **state)
{
	struct fixture *f = *state;
	char path[128];

	file_writen(in_dir("t.csv"), "a\n1\n", 4);
	f->job.source_table = "t.csv";
	assert_string_equal(read_all(f), "a bigint not null\n1\n");
	file_writen(in_dir("t"), "b\n2\n", 4);
	f->job.source_table = "t";
	assert_string_equal(read_all(f), "b bigint not null\n2\n");
	snprintf(path, sizeof(path), "%s/t.csv", f->dir);
	f->conn.path = path;
	assert_string_equal(read_all(f), "a bigint not null\n1\n");
	f->job.source_table = NULL;
	assert_string_equal(read_all(f), "a bigint not null\n1\n");
	f->job.source_table = "u";
	read_all(f);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
	assert_string_equal(f->err.hint, "its table is 't'");
}

static void missing_tables_are_explained(void **state)
{
	struct fixture *f = *state;
	char expected[512];

	f->job.source_table = "plane";
	snprintf(expected, sizeof(expected),
		"not_found: there is no table 'plane': '%s/plane.csv' does not exist ('%s' has no files)",
		f->dir, f->dir);
	assert_string_equal(read_all(f), expected);
	file_writen(in_dir("planes.csv"), "a\n1\n", 4);
	file_writen(in_dir("other"), "b\n2\n", 4);
	snprintf(expected, sizeof(expected),
		"not_found: there is no table 'plane': '%s/plane.csv' does not exist "
		"(did you mean 'planes'?)",
		f->dir);
	assert_string_equal(read_all(f), expected);
	f->job.source_table = "xyz.csv";
	snprintf(expected, sizeof(expected),
		"not_found: there is no table 'xyz.csv': '%s/xyz.csv' does not exist "
		"(there are: other, planes)",
		f->dir);
	assert_string_equal(read_all(f), expected);
}

static void names_stay_in_the_directory(void **state)
{
	static const char *const names[] = {"..", "../t", "a/../../t", "/etc/passwd", "", "a/.."};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		f->job.source_table = names[i];
		read_all(f);
		assert_int_equal(f->err.code, ERR_CONFIG);
	}
	f->job.source_table = "..t";
	read_all(f);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
}

static void encodings_are_transcoded(void **state)
{
	struct fixture *f = *state;

	f->conn.format.encoding = "iso-8859-1";
	assert_string_equal(read_text(f, "stra\xDF" "e\nM\xFCnchen\n"),
		"straße varchar(max) not null\nMünchen\n");
	f->conn.format.encoding = "utf-16le";
	file_writen(in_dir("t.csv"), "\xFF\xFE" "a\0\n\0\x3D\xD8\x00\xDE", 10);
	assert_string_equal(read_all(f), "a varchar(max) not null\n😀\n");
	file_writen(in_dir("t.csv"), "a\0\n\0b\0,\0c", 9);
	assert_string_equal(read_all(f), "bad_data: t.csv: line 2, column 3: byte 0x63 begins a "
					 "character that the file ends in, in 'utf-16le'");
	f->conn.format.encoding = "us-ascii";
	assert_string_equal(read_text(f, "a,b\n1,2\n3,x\xE4\n"),
		"bad_data: t.csv: line 3, column 4: byte 0xe4 is not valid in 'us-ascii'");
	f->conn.format.encoding = "utf-8";
	assert_string_equal(read_text(f, "a,b\n1,2\n3,x\xE4\n"),
		"bad_data: t.csv: line 3, column 4: byte 0xe4 is not valid UTF-8");
	f->conn.format.encoding = "klingon";
	assert_string_equal(read_all(f), "config: encoding 'klingon' is not known");
}

static void many_rows_fill_many_batches(void **state)
{
	struct fixture *f = *state;
	struct buf text = BUF_INIT(DUMP_MAX), expected = BUF_INIT(DUMP_MAX);

	buf_adds(&text, "id,name\r\n");
	buf_adds(&expected, "id bigint not null, name varchar(max) not null\n");
	for (int i = 0; i < 60000; i++) {
		buf_printf(&text, "%d,\"name \"\"%d\"\"\"\r\n", i, i % 100);
		buf_printf(&expected, "%d|name \"%d\"\n", i, i % 100);
	}
	file_writen(in_dir("t.csv"), text.data, text.len);
	assert_string_equal(read_all(f), expected.data);
	f->conn.format.encoding = "windows-1252";
	assert_string_equal(read_all(f), expected.data);
	buf_release(&text);
	buf_release(&expected);
}

/* The bytes of all batches, and how they were cut. */
static void read_bytes(struct fixture *f, struct buf *bytes, struct buf *shape)
{
	struct batch b;
	int rc;

	batch_init(&b);
	while ((rc = source_csv.read(f->source, &b, &f->err)) > 0) {
		buf_add(bytes, b.data, b.len);
		buf_printf(shape, "%u%s%s%s ", b.rows, b.cont & BATCH_PART ? "P" : "",
			b.cont & BATCH_FIRST ? "F" : "", b.cont & BATCH_MORE ? "M" : "");
		batch_reset(&b);
	}
	assert_int_equal(rc, 0);
	batch_release(&b);
}

static void large_rows_are_cut_into_fragments(void **state)
{
	struct fixture *f = *state;
	struct buf text = BUF_INIT(DUMP_MAX), bytes = BUF_INIT(DUMP_MAX), shape = BUF_INIT(1000);
	size_t large = 2 * BATCH_SIZE + 1000, whole = BATCH_SIZE - 1 - TDS_PLP_OVERHEAD;
	struct err err = ERR_INIT;
	const uint8_t *p;
	struct tds_value v;

	buf_adds(&text, "a\nx\n");
	memset(buf_room(&text, large), 'L', large);
	buf_advance(&text, large);
	buf_adds(&text, "\ny\nz\n");
	memset(buf_room(&text, whole), 'W', whole);
	buf_advance(&text, whole);
	buf_adds(&text, "\n");
	memset(buf_room(&text, whole + 1), 'W', whole + 1);
	buf_advance(&text, whole + 1);
	file_writen(in_dir("t.csv"), text.data, text.len);
	assert_int_equal(open_source(f), 0);
	read_bytes(f, &bytes, &shape);
	assert_string_equal(buf_str(&shape), "1 1PFM 0PM 0P 2 1 1PFM 0P ");
	p = (const uint8_t *)bytes.data;
	for (int i = 0; i < 6; i++) {
		static const char first[] = "xLyzWW";

		assert_int_equal(*p++, TDS_ROW_TOKEN);
		assert_int_equal(tds_decode(&p, (const uint8_t *)bytes.data + bytes.len,
					 &f->cols->v[0], NULL, &v, &err),
			0);
		assert_int_equal(v.s.data[0], first[i]);
		assert_int_equal(v.s.len,
			i == 1 ? large : i == 4 ? whole : i == 5 ? whole + 1 : 1);
	}
	assert_ptr_equal(p, (const uint8_t *)bytes.data + bytes.len);
	buf_release(&text);
	buf_release(&bytes);
	buf_release(&shape);
}

static void a_changed_file_is_refused(void **state)
{
	struct fixture *f = *state;
	char path[128], expected[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/t.csv", f->dir);
	snprintf(expected, sizeof(expected), "'%s' changed while it was read", path);
	file_writen(in_dir("t.csv"), "a\n1\n2\n", 6);
	assert_int_equal(open_source(f), 0);
	file = fopen(path, "a");
	fputs("3\n", file);
	fclose(file);
	buf_reset(&f->out);
	assert_int_equal(dump_batches(f), -1);
	assert_int_equal(f->err.code, ERR_DATA);
	assert_string_equal(f->err.msg, expected);
}

static void cancel_ends_it(void **state)
{
	struct fixture *f = *state;

	f->cancel = true;
	assert_string_equal(read_text(f, "a\n1\n"), "cancelled: cancelled");
}

static void without_a_header(void **state)
{
	struct fixture *f = *state;

	f->conn.format.header = "no";
	assert_string_equal(read_text(f, "1,x\n2,\n"),
		"column1 bigint not null, column2 varchar(max)\n1|x\n2|NULL\n");
	assert_string_equal(read_text(f, "1,x\n2\n"),
		"bad_data: t.csv: line 2, column 2: 1 field, the first record has 2");
	f->job.columns = "";
	assert_string_equal(read_text(f, ""), "bad_data: t.csv: the file is empty (without rows or a "
					      "header the job must declare its columns)");
	f->job.columns = "id int not null, \"a b\" varchar(max)";
	assert_string_equal(
		read_text(f, "7,x\n"), "id int not null, a b varchar(max)\n7|x\n");
	assert_string_equal(read_text(f, ""), "id int not null, a b varchar(max)\n");
	assert_string_equal(read_text(f, "7,x,y\n"),
		"id int not null, a b varchar(max)\n"
		"bad_data: t.csv: line 1, column 5: 3 fields, 'columns' has 2");
	f->job.format.header = "yes";
	assert_string_equal(
		read_text(f, "id,a b\n7,x\n"), "id int not null, a b varchar(max)\n7|x\n");
}

static void quotes_and_escapes(void **state)
{
	struct fixture *f = *state;

	f->job.format.escape = "\\";
	f->job.format.null_text = "\\N";
	assert_string_equal(read_text(f, "a,b\n\\N,\"x\\\"y\"\n\"\\N\",z\\,\n"),
		"a varchar(max), b varchar(max) not null\nNULL|x\"y\n\\N|z,\n");
	f->job.format.quote = "'";
	assert_string_equal(read_text(f, "a\n'1,\"2'\n"), "a varchar(max) not null\n1,\"2\n");
	f->job.format.quote = "none";
	f->job.format.escape = NULL;
	assert_string_equal(read_text(f, "a\n\"1\n'2\n"), "a varchar(max) not null\n\"1\n'2\n");
}

static void formats_are_checked(void **state)
{
	struct fixture *f = *state;

	f->job.format.delimiter = "\"";
	assert_string_equal(read_text(f, "a\n"),
		"config: delimiter and quote are both '\"'");
	f->job.format.delimiter = ";";
	f->job.format.max_field = 3;
	assert_string_equal(read_text(f, "a;b\n1,5;x\n1;1234\n"),
		"limit: t.csv: line 3, column 3: a field is longer than the limit of 3 bytes "
		"(raise max_field)");
}

static void only_regular_files_are_read(void **state)
{
	struct fixture *f = *state;
	char path[128], expected[256];

	snprintf(path, sizeof(path), "%s/t", f->dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	snprintf(expected, sizeof(expected), "config: '%s' is not a regular file", path);
	assert_string_equal(read_all(f), expected);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(types_are_inferred),
		TEST(types_are_declared),
		TEST(the_header_is_checked),
		TEST(tables_are_found),
		TEST(missing_tables_are_explained),
		TEST(names_stay_in_the_directory),
		TEST(encodings_are_transcoded),
		TEST(many_rows_fill_many_batches),
		TEST(large_rows_are_cut_into_fragments),
		TEST(a_changed_file_is_refused),
		TEST(cancel_ends_it),
		TEST(without_a_header),
		TEST(quotes_and_escapes),
		TEST(formats_are_checked),
		TEST(only_regular_files_are_read),
	};

	return cmocka_run_group_tests_name("work/csv_source", tests, NULL, NULL);
}
