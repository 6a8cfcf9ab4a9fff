#include "work/csv_writer.h"

#include <stdlib.h>
#include <string.h>

#include "tds/row.h"
#include "unit/support.h"
#include "work/csv.h"
#include "work/csv_syntax.h"

#define ROUNDS   3000
#define OUT_MAX  (1u << 20)
#define CELL_MAX 20

static struct tds_column v[4];
static struct tds_columns cols = {.v = v};
static struct csv_format format;
static struct buf row = BUF_INIT(OUT_MAX), out = BUF_INIT(OUT_MAX);
static uint64_t seed = 362436069;

static uint64_t next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * UINT64_C(0x2545F4914F6CDD1D);
}

static int setup(void **state)
{
	(void)state;
	format = (struct csv_format){TEST_CSV_FORMAT, .max_field = 1000};
	format.line_end = "lf";
	buf_reset(&row);
	buf_reset(&out);
	cols.n = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	buf_release(&row);
	buf_release(&out);
	return 0;
}

static void column(const char *name, const char *type)
{
	struct err err = ERR_INIT;

	if (strcmp(type, "sqlite") == 0)
		v[cols.n] = (struct tds_column){.type = TDS_SQLITE, .nullable = true};
	else
		must(tds_type_parse(type, &v[cols.n], &err), &err);
	v[cols.n++].name = name;
}

static void add_value(uint32_t i, const struct tds_value *value)
{
	uint8_t *p = (uint8_t *)buf_room(&row, tds_encoded_size(&v[i], value) + 1), *at = p;

	if (i == 0)
		*at++ = TDS_ROW_TOKEN;
	buf_advance(&row, (size_t)(tds_encode(at, &v[i], value) - p));
}

/* NULL is null. */
static void add_text(uint32_t i, const char *text, size_t len)
{
	struct tds_value value = {.kind = TDS_NULL};
	struct err err = ERR_INIT;

	if (text)
		must(tds_value_parse(&v[i], text, len, &value, &err), &err);
	add_value(i, &value);
}

#define ROW(...)                                                                                   \
	do {                                                                                       \
		const char *const cells[] = {__VA_ARGS__};                                         \
		for (uint32_t i_ = 0; i_ < cols.n; i_++)                                           \
			add_text(i_, cells[i_], cells[i_] ? strlen(cells[i_]) : 0);                \
	} while (0)

/* All rows as CSV, or "code: column: message (hint)". */
static const char *written(void)
{
	struct csv_writer *w = NULL;
	struct err err = ERR_INIT;
	const uint8_t *p = (const uint8_t *)buf_str(&row), *end = p + row.len;
	uint32_t at = 0;
	int rc;

	buf_reset(&out);
	rc = csv_writer_new(&cols, &format, NULL, &w, &err);
	if (rc == 0)
		rc = csv_writer_header(w, &out, &err);
	while (rc == 0 && p < end)
		rc = csv_writer_row(w, &p, end, &out, &at, &err);
	csv_writer_free(w);
	if (rc < 0) {
		err_settle_value(&err, true);
		buf_printf(&out, "%s: %u: %s", err_name(err.code), at, err.msg);
		if (err.hint[0])
			buf_printf(&out, " (%s)", err.hint);
	}
	buf_reset(&row);
	return buf_str(&out);
}

static void fields_are_quoted_where_they_must(void **state)
{
	(void)state;
	column("a", "varchar(max)");
	column("b, c", "varchar(max)");
	ROW("x", "y z");
	ROW("1,2", "say \"hi\"");
	ROW("line\nend", "cr\r");
	ROW("", NULL);
	ROW("\xEF\xBB\xBF", "'");
	assert_string_equal(written(), "a,\"b, c\"\nx,y z\n\"1,2\",\"say \"\"hi\"\"\"\n\"line\nend\",\"cr\r\"\n"
				       "\"\",\n\"\xEF\xBB\xBF\",'\n");
	format.line_end = "crlf";
	format.delimiter = ";";
	format.quote = "'";
	format.null_text = "NA";
	ROW("NA", "NAN");
	ROW(NULL, "");
	ROW("a;b", "it's");
	assert_string_equal(written(), "a;b, c\r\n'NA';NAN\r\nNA;\r\n'a;b';'it''s'\r\n");
}

static void escapes_stand_before_what_means_something(void **state)
{
	(void)state;
	column("a", "varchar(max)");
	column("b", "varchar(max)");
	format.escape = "\\";
	format.null_text = "\\N";
	ROW("say \"hi\"", "back\\slash");
	ROW(NULL, "\\N");
	assert_string_equal(
		written(), "a,b\n\"say \\\"hi\\\"\",\"back\\\\slash\"\n\\N,\"\\\\N\"\n");
	format.quote = "none";
	ROW("a,b", "\\ and \"");
	assert_string_equal(written(), "a,b\na\\,b,\\\\ and \"\n");
	ROW("a\nb", "");
	assert_string_equal(written(), "a,b\nbad_data: 0: 'a?b' has a delimiter or a line end, and quote = "
				       "none (choose a quote, or an escape)");
	format.escape = "doubled";
	format.null_text = "";
	ROW("x", "a,b");
	assert_string_equal(written(), "a,b\nbad_data: 1: 'a,b' has a delimiter or a line end, and quote = "
				       "none (choose a quote, or an escape)");
	ROW("", "x");
	assert_string_equal(written(), "a,b\nbad_data: 0: '' is the null text, and quote = none (choose "
				       "another null text)");
}

static void values_of_all_types_become_text(void **state)
{
	struct tds_value value = {.kind = TDS_BLOB, .s = {(const uint8_t *)"\x01\xFF", 2}};

	(void)state;
	column("a", "bigint");
	column("b", "decimal(9,2)");
	column("c", "datetime2(3)");
	column("d", "varbinary(max)");
	ROW("-7", "1.5", "2024-02-29 12:00:00.5", "0xAB01");
	ROW(NULL, NULL, NULL, NULL);
	assert_string_equal(written(), "a,b,c,d\n-7,1.50,2024-02-29T12:00:00.500,0xAB01\n,,,\n");
	cols.n = 0;
	column("a", "float");
	column("b", "nvarchar(10)");
	column("c", "uniqueidentifier");
	ROW("0.1", "grün", "6F9619FF-8B86-D011-B42D-00C04FC964FF");
	assert_string_equal(written(), "a,b,c\n0.1,grün,6F9619FF-8B86-D011-B42D-00C04FC964FF\n");
	format.delimiter = "-";
	format.null_text = "0";
	cols.n = 0;
	column("a", "int");
	column("b", "date");
	ROW("-1", "2024-01-01");
	ROW("0", NULL);
	assert_string_equal(written(), "a-b\n\"-1\"-\"2024-01-01\"\n\"0\"-0\n");
	format.delimiter = ",";
	format.null_text = "";
	cols.n = 0;
	column("a", "sqlite");
	add_value(0, &value);
	value = (struct tds_value){.kind = TDS_INT, .i = 7};
	add_value(0, &value);
	value = (struct tds_value){.kind = TDS_REAL, .r = 2.5};
	add_value(0, &value);
	assert_string_equal(written(), "a\n0x01FF\n7\n2.5\n");
}

static void a_refused_row_leaves_nothing(void **state)
{
	struct csv_writer *w;
	struct digest d = {.sum = 0};
	struct err err = ERR_INIT;
	const uint8_t *p, *end;
	uint32_t at;

	(void)state;
	format.quote = "none";
	column("a", "varchar(max)");
	column("b", "varchar(max)");
	column("c", "varchar(max)");
	ROW("x", ",", "y");
	ROW("1", "2", "3");
	must(csv_writer_new(&cols, &format, &d, &w, &err), &err);
	p = (const uint8_t *)row.data;
	end = p + row.len;
	buf_adds(&out, "before");
	assert_int_equal(csv_writer_row(w, &p, end, &out, &at, &err), -1);
	assert_int_equal(at, 1);
	assert_int_equal(out.len, 6);
	assert_true(d.sum == 0);
	must(csv_writer_row(w, &p, end, &out, &at, &err), &err);
	assert_ptr_equal(p, end);
	assert_string_equal(buf_str(&out), "before1,2,3\n");
	assert_false(d.sum == 0);
	p = (const uint8_t *)"x";
	assert_int_equal(csv_writer_row(w, &p, p + 1, &out, &at, &err), -1);
	assert_int_equal(err.code, ERR_INTERNAL);
	csv_writer_free(w);
	csv_writer_free(NULL);
}

/* Whatever the text and the format, what is written is read back. */
static void all_texts_are_read_back(void **state)
{
	static const char bytes[] = "ab,;\"'\\\n\r |N";
	static const char *const quotes[] = {"\"", "'"}, *const escapes[] = {"doubled", "\\", "|"};
	static const char *const nulls[] = {"", "N", "\\N"};
	char cells[2][CELL_MAX];
	size_t len[2];

	(void)state;
	column("x", "varchar(max)");
	column("y", "varchar(max)");
	for (int round = 0; round < ROUNDS; round++) {
		struct csv_syntax syntax;
		struct csv_record r;
		struct err err = ERR_INIT;
		struct csv *csv;
		const char *text;
		size_t room;
		bool null = next_random() % 4 == 0;

		format.quote = quotes[next_random() % 2];
		format.escape = escapes[next_random() % 3];
		format.null_text = nulls[next_random() % 3];
		format.delimiter = next_random() % 2 ? "," : ";";
		for (uint32_t i = 0; i < 2; i++) {
			len[i] = next_random() % CELL_MAX;
			for (size_t j = 0; j < len[i]; j++)
				cells[i][j] = bytes[next_random() % (sizeof(bytes) - 1)];
			add_text(i, i == 0 && null ? NULL : cells[i], len[i]);
		}
		text = written();
		must(csv_syntax_of(&format, &syntax, &err), &err);
		csv = csv_new(&syntax);
		memcpy(csv_room(csv, &room), text, out.len);
		csv_add(csv, out.len);
		csv_end(csv);
		assert_int_equal(csv_next(csv, &r, &err), 1);
		assert_int_equal(csv_next(csv, &r, &err), 1);
		assert_int_equal(r.n, 2);
		for (uint32_t i = 0; i < 2; i++) {
			bool is_null = !r.v[i].quoted && r.v[i].len == strlen(format.null_text) &&
				       memcmp(csv_text(&r, i), format.null_text, r.v[i].len) == 0;

			assert_int_equal(is_null, i == 0 && null);
			if (is_null)
				continue;
			assert_int_equal(r.v[i].len, len[i]);
			assert_memory_equal(csv_text(&r, i), cells[i], len[i]);
		}
		assert_int_equal(csv_next(csv, &r, &err), 0);
		csv_free(csv);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(fields_are_quoted_where_they_must),
		TEST(escapes_stand_before_what_means_something),
		TEST(values_of_all_types_become_text),
		TEST(a_refused_row_leaves_nothing),
		TEST(all_texts_are_read_back),
	};

	return cmocka_run_group_tests_name("work/csv_writer", tests, NULL, NULL);
}
