#include "work/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
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
	struct rejects *rejects;
	struct buf batches; /* first row and number of rows of each, where some are rejected */
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
	buf_init(&f->batches, DUMP_MAX);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	source_csv.close(f->source);
	buf_release(&f->out);
	buf_release(&f->batches);
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

		if (f->rejects)
			buf_printf(&f->batches, "%llu+%u ", (unsigned long long)b.first_row, b.rows);
		else
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
	if (rc == 0 && source_csv.size(f->source))
		assert_int_equal(bytes, source_csv.size(f->source));
	batch_release(&b);
	return rc;
}

static int open_source(struct fixture *f)
{
	source_csv.close(f->source);
	f->source = NULL;
	err_clear(&f->err);
	f->request = (struct source_request){.rejects = f->rejects,
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
	f->conn.format.encoding = "UTF-16"; /* without a mark: as Windows does */
	file_writen(in_dir("t.csv"), "a\0\n\0\xFC\0", 6);
	assert_string_equal(read_all(f), "a varchar(max) not null\nü\n");
	file_writen(in_dir("t.csv"), "\xFF\xFE" "a\0\n\0\xFC\0", 8);
	assert_string_equal(read_all(f), "a varchar(max) not null\nü\n");
	file_writen(in_dir("t.csv"), "\xFE\xFF\0a\0\n\0\xFC", 8);
	assert_string_equal(read_all(f), "a varchar(max) not null\nü\n");
	f->conn.format.encoding = "windows-1252";
	assert_string_equal(read_text(f, "\x80\n\x93x\x94\n"), "€ varchar(max) not null\n“x”\n");
	f->conn.format.encoding = "utf-8-bom";
	assert_string_equal(read_text(f, "\xEF\xBB\xBF" "a\n1\n"), "a bigint not null\n1\n");
	f->conn.format.encoding = "us-ascii";
	assert_string_equal(read_text(f, "a,b\n1,2\n3,x\xE4\n"),
		"bad_data: t.csv: line 3, column 4: byte 0xe4 is not valid in 'us-ascii'");
	f->conn.format.encoding = "utf-8";
	assert_string_equal(read_text(f, "a,b\n1,2\n3,x\xE4\n"),
		"bad_data: t.csv: line 3, column 4: byte 0xe4 is not valid UTF-8 (is it in another "
		"encoding? encoding = windows-1252, utf-16, ...)");
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

static void a_pattern_is_one_table(void **state)
{
	struct fixture *f = *state;

	file_write(in_dir("s-1.csv"), "id,v\n1,x\n");
	file_write(in_dir("s-2.csv"), "id,v\r\n2.5,\r\n");
	file_write(in_dir("s-3.csv"), "\xEF\xBB\xBFid,v\n");
	f->job.source_table = "s-*.csv";
	assert_string_equal(read_all(f), "id float not null, v varchar(max)\n1.0|x\n2.5|NULL\n");
	f->job.format.file_column = "from";
	assert_string_equal(read_all(f),
		"id float not null, v varchar(max), from varchar(max) not null\n"
		"1.0|x|s-1.csv\n2.5|NULL|s-2.csv\n");
	f->job.columns = "id decimal(9,1), \"from\" varchar(max)";
	assert_string_equal(read_all(f), "id decimal(9,1), v varchar(max), from varchar(max)\n"
					 "1.0|x|s-1.csv\n2.5|NULL|s-2.csv\n");
	f->job.columns = NULL;
	f->job.format.file_column = "V";
	assert_string_equal(
		read_all(f), "config: file_column: 's-1.csv' has a column 'V' itself");
	f->job.source_table = "t-*";
	assert_int_equal((read_all(f), f->err.code), ERR_NOT_FOUND);
}

static void all_files_of_a_pattern_have_the_same_columns(void **state)
{
	struct fixture *f = *state;

	f->job.source_table = "s-*.csv";
	file_write(in_dir("s-1.csv"), "id,v\n1,x\n");
	file_write(in_dir("s-2.csv"), "v,id\n1,x\n");
	assert_string_equal(read_all(f),
		"bad_data: s-2.csv: line 1, column 1: the header has 'v' where 's-1.csv' has 'id' "
		"(all files of a pattern need the same columns in the same order)");
	file_write(in_dir("s-2.csv"), "id,v,w\n1,x\n");
	assert_string_equal(read_all(f),
		"bad_data: s-2.csv: line 1, column 6: 3 fields, the header has 2");
	file_write(in_dir("s-2.csv"), "");
	assert_string_equal(read_all(f), "bad_data: s-2.csv: the file is empty");
	f->job.format.header = "no";
	assert_string_equal(
		read_all(f), "column1 varchar(max) not null, column2 varchar(max) not null\nid|v\n1|x\n");
	file_write(in_dir("s-2.csv"), "2,y\n\"a\n\",b\nc\n");
	assert_string_equal(read_all(f),
		"bad_data: s-2.csv: line 4, column 2: 1 field, the first record has 2");
}

static void compressed_files_are_tables(void **state)
{
	struct fixture *f = *state;
	static const uint8_t gz[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x4b, 0xe4, 0x32, 0xe4, 0x02,
		0x00, 0x00, 0x24, 0xc1, 0x89, 4, 0, 0, 0}; /* a 1, of gzip -n */

	file_writen(in_dir("t.csv.gz"), gz, sizeof(gz));
	assert_string_equal(read_all(f), "a bigint not null\n1\n");
	file_writen(in_dir("t.csv.gz"), gz, sizeof(gz) - 1);
	assert_non_null(strstr(read_all(f), "t.csv.gz': the gzip data is cut short"));
}

/* --- standard input --- */

static void give(int to, const char *text, size_t times)
{
	for (; times; times--)
		if (write(to, text, strlen(text)) != (ssize_t)strlen(text))
			_exit(1);
}

/* `first` and `times` times `more` and `last` are standard input. */
static pid_t make_stdin(
	struct fixture *f, const char *first, size_t times, const char *more, const char *last)
{
	int ends[2];
	pid_t child;

	f->conn.path = "-";
	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(ends[0]);
		give(ends[1], first, 1);
		give(ends[1], more, times);
		give(ends[1], last, 1);
		_exit(0);
	}
	dup2(ends[0], STDIN_FILENO);
	close(ends[0]);
	close(ends[1]);
	return child;
}

static void end_stdin(struct fixture *f, pid_t child)
{
	source_csv.close(f->source);
	f->source = NULL;
	assert_non_null(freopen("/dev/null", "r", stdin));
	waitpid(child, NULL, 0);
}

static const char *read_stdin(
	struct fixture *f, const char *first, size_t times, const char *more, const char *last)
{
	pid_t child = make_stdin(f, first, times, more, last);

	read_all(f);
	end_stdin(f, child);
	return buf_str(&f->out);
}

static void standard_input_is_a_table(void **state)
{
	struct fixture *f = *state;
	const char *out;

	assert_string_equal(
		read_stdin(f, "a,b\n1,\n", 0, "", "2,x\n"), "a bigint not null, b varchar(max)\n1|NULL\n2|x\n");
	out = read_stdin(f, "a,b,c\n", 30000, "1,2.5,\n", "7,7,x\n");
	assert_memory_equal(out, "a bigint, b float, c varchar(max)\n1|2.5|NULL\n1|", 47);
	assert_non_null(strstr(out, "\n7|7.0|x\n"));
	out = read_stdin(f, "a\n", 100000, "1234567890\n", "00501\n");
	assert_string_equal(strstr(out, "bad_data"),
		"bad_data: standard input: line 100002, column 'a': '00501' is no bigint, as the first "
		"10000 rows are (standard input is read once: say the type, as in columns = a "
		"varchar(max))");
	f->job.columns = "a varchar(max)";
	out = read_stdin(f, "a\n", 100000, "1234567890\n", "00501\n");
	assert_non_null(strstr(out, "\n00501\n"));
}

static void a_large_first_record_is_a_sample(void **state)
{
	struct fixture *f = *state;
	char *large = repeat('x', 3000000);
	struct buf text = BUF_INIT(DUMP_MAX), bytes = BUF_INIT(DUMP_MAX), shape = BUF_INIT(1000);
	pid_t child;

	buf_printf(&text, "a,b\n%s,1\n", large);
	child = make_stdin(f, text.data, 2, "y,2\n", "");
	must(open_source(f), &f->err);
	read_bytes(f, &bytes, &shape);
	assert_string_equal(
		buf_str(&shape), "1PFM 0PM 0PM 0PM 0PM 0PM 0PM 0PM 0PM 0PM 0PM 0P 2 ");
	assert_int_equal(f->cols->v[1].type, TDS_INTN);
	end_stdin(f, child);
	free(large);
	buf_release(&text);
	buf_release(&bytes);
	buf_release(&shape);
}

static void rows_that_do_not_fit_may_be_rejected(void **state)
{
	struct fixture *f = *state;

	f->job.columns = "a int";
	f->job.on_reject = ON_REJECT_KEEP;
	f->job.reject_limit = 2;
	f->rejects = rejects_new(&f->job);
	assert_string_equal(read_text(f, "a,b\n1,x\nz,y\n3,z\n,\n"),
		"a int, b varchar(max)\n1|x\n3|z\nNULL|NULL\n");
	assert_int_equal(rejects_count(f->rejects), 1);
	assert_int_equal(rejects_get(f->rejects, 0)->row, 2);
	assert_string_equal(rejects_get(f->rejects, 0)->column, "a");
	assert_string_equal(rejects_get(f->rejects, 0)->reason,
		"t.csv: line 3, column 'a': the value is not an integer");
	assert_string_equal(buf_str(&f->batches), "0+1 2+2 ");
	assert_non_null(strstr(read_text(f, "a,b\nx,x\nz,y\n"), "more than 2 rows cannot be loaded"));
	rejects_free(f->rejects);
	f->rejects = NULL;
}

static void records_that_are_no_rows_may_be_rejected(void **state)
{
	struct fixture *f = *state;

	f->job.on_reject = ON_REJECT_KEEP;
	f->job.reject_limit = 3;
	f->job.reject_values = REJECT_VALUES_ALL;
	f->rejects = rejects_new(&f->job);
	assert_string_equal(read_text(f, "a,b\n1,x\n2,\"y\n\",z\n\n3,z\n4\n"),
		"a bigint not null, b varchar(max) not null\n1|x\n3|z\n");
	assert_string_equal(buf_str(&f->batches), "0+1 3+1 ");
	assert_int_equal(rejects_count(f->rejects), 3);
	assert_int_equal(rejects_get(f->rejects, 0)->row, 2);
	assert_null(rejects_get(f->rejects, 0)->column);
	assert_string_equal(rejects_get(f->rejects, 0)->value, "2,\"y?\",z");
	assert_string_equal(rejects_get(f->rejects, 0)->reason,
		"t.csv: line 4, column 3: 3 fields, the header has 2");
	assert_int_equal(rejects_get(f->rejects, 1)->row, 3);
	assert_string_equal(rejects_get(f->rejects, 1)->reason,
		"t.csv: line 5, column 1: 1 field, the header has 2");
	assert_int_equal(rejects_get(f->rejects, 2)->row, 5);
	assert_string_equal(rejects_get(f->rejects, 2)->value, "4");
	rejects_free(f->rejects);
	f->rejects = NULL;
}

static void a_file_is_read_in_one_piece(void **state)
{
	struct fixture *f = *state;

	f->job.parallel = 2;
	assert_string_equal(
		read_text(f, "a\n"), "config: files are not read in ranges: parallel is 1");
	f->job.parallel = 1;
	f->job.source_query = "SELECT 1";
	assert_string_equal(read_text(f, "a\n"), "config: files have no queries (say source_table)");
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
		TEST(a_pattern_is_one_table),
		TEST(all_files_of_a_pattern_have_the_same_columns),
		TEST(compressed_files_are_tables),
		TEST(standard_input_is_a_table),
		TEST(a_large_first_record_is_a_sample),
		TEST(rows_that_do_not_fit_may_be_rejected),
		TEST(records_that_are_no_rows_may_be_rejected),
		TEST(a_file_is_read_in_one_piece),
		TEST(only_regular_files_are_read),
	};

	return cmocka_run_group_tests_name("work/csv_source", tests, NULL, NULL);
}
