#include "work/csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

#define ROUNDS   3000
#define DUMP_MAX 100000

static uint64_t seed = 362436069;

static uint64_t next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * UINT64_C(0x2545F4914F6CDD1D);
}

struct options {
	char delimiter;
	bool no_quote;
	char escape;
	uint32_t max_field, expect;
	const char *why; /* for csv_end_bad */
};

static const struct options usual = {.delimiter = ',', .max_field = 1000};

static void dump(const struct csv_record *r, struct buf *out)
{
	buf_printf(out, "%llu:", (unsigned long long)r->line);
	for (uint32_t i = 0; i < r->n; i++) {
		if (r->v[i].line)
			buf_printf(out, "+%u", r->v[i].line);
		buf_adds(out, r->v[i].quoted ? "<" : "[");
		buf_add(out, csv_text(r, i), r->v[i].len);
		buf_adds(out, r->v[i].quoted ? ">" : "]");
	}
	buf_addc(out, '\n');
}

static int drain(struct csv *csv, struct buf *out)
{
	struct csv_record r;
	struct err err = ERR_INIT;
	int rc;

	while ((rc = csv_next(csv, &r, &err)) > 0)
		dump(&r, out);
	if (rc < 0)
		buf_printf(out, "%s: %s", err_name(err.code), err.msg);
	return rc;
}

/* Records and the error as text: line:[unquoted]<quoted>, +n before a field that begins n lines
 * further. `step` bytes are given at a time. */
static void parse(
	const struct options *o, const char *text, size_t len, size_t step, struct buf *out)
{
	const struct csv_syntax syntax = {.delimiter = o->delimiter,
		.quote = o->no_quote ? '\0' : '"',
		.escape = o->escape,
		.max_field = o->max_field};
	struct csv *csv = csv_new(&syntax);
	size_t at = 0;
	int rc = 0;

	csv_expect(csv, o->expect, "the header has");
	while (rc == 0 && at < len) {
		size_t room, n = len - at < step ? len - at : step;
		char *to = csv_room(csv, &room);

		assert_true(room >= CSV_BLOCK);
		memcpy(to, text + at, n);
		csv_add(csv, n);
		at += n;
		rc = drain(csv, out);
	}
	if (rc == 0) {
		if (o->why)
			csv_end_bad(csv, o->why);
		else
			csv_end(csv);
		rc = drain(csv, out);
	}
	csv_free(csv);
}

static void check_n(const struct options *o, const char *text, size_t len, const char *expected)
{
	struct buf out = BUF_INIT(DUMP_MAX);

	for (size_t step = 1; step <= len + 1; step += step < 4 ? 1 : len) {
		buf_reset(&out);
		parse(o, text, len, step, &out);
		assert_string_equal(buf_str(&out), expected);
	}
	buf_release(&out);
}

static void check(const struct options *o, const char *text, const char *expected)
{
	check_n(o, text, strlen(text), expected);
}

static void records_are_split(void **state)
{
	(void)state;
	check(&usual, "", "");
	check(&usual, "a,b\n1,2\n", "1:[a][b]\n2:[1][2]\n");
	check(&usual, "a,b\r\n1,2\r\n", "1:[a][b]\n2:[1][2]\n");
	check(&usual, "a,b\r1,2\r", "1:[a][b]\n2:[1][2]\n");
	check(&usual, "a,b\n1,2", "1:[a][b]\n2:[1][2]\n");
	check(&usual, "a,\n,\n,b", "1:[a][]\n2:[][]\n3:[][b]\n");
	check(&usual,
		"\xEF\xBB\xBF"
		"a\nb",
		"1:[a]\n2:[b]\n");
	check(&usual, "\xEF\xBB\xBF", "");
	check(&usual, "ä;ö,東京\n", "1:[ä;ö][東京]\n");
	check(&(struct options){.delimiter = '\t', .max_field = 9}, "a\tb,c\n", "1:[a][b,c]\n");
}

static void quotes_hold_anything(void **state)
{
	(void)state;
	check(&usual, "\"a\",\"\"\n", "1:<a><>\n");
	check(&usual, "\"a,b\",\"c\"", "1:<a,b><c>\n");
	check(&usual, "\"a\"\"b\",\"\"\"\",\"\"\"\"\"\"\n", "1:<a\"b><\"><\"\">\n");
	check(&usual, "\"a\nb\",c,\"d\r\ne\rf\",g\nh,i,j,k\n",
		"1:<a\nb>+1[c]+1<d\r\ne\rf>+3[g]\n5:[h][i][j][k]\n");
	check(&usual, "\"\r\n\"\r\nx\r\n", "1:<\r\n>\n3:[x]\n");
	check(&usual, "5\" pipe,a\"\"b\n", "1:[5\" pipe][a\"\"b]\n");
}

static void an_escape_takes_the_meaning_off(void **state)
{
	const struct options o = {.delimiter = ',', .escape = '\\', .max_field = 99};
	const struct options unquoted = {
		.delimiter = ',', .escape = '\\', .no_quote = true, .max_field = 99};
	const struct options nothing = {.delimiter = ',', .no_quote = true, .max_field = 99};

	(void)state;
	check(&o, "\"a\\\"b\",\"\\\\\",\"\\\\\\\"\"\n", "1:<a\"b><\\><\\\">\n");
	check(&o, "\"a\"\"b\",\"\"\"\"\n", "1:<a\"b><\">\n");
	check(&o, "\\N,a\\,b,c\\\\,\\\"d\\\"\n", "1:[\\N][a,b][c\\][\"d\"]\n");
	check(&o, "\"\\n\\\n\",x\\\ny\n", "1:<\\n\\\n>+1[x\\]\n3:[y]\n");
	check(&o, "\"\\,\"\\\n", "bad_data: line 1, column 5: text after a closing quote");
	check(&o, "a\\", "1:[a\\]\n");
	check(&o, "\"a\\\"",
		"bad_data: line 1, column 1: the quote that opens here is never closed");
	check(&unquoted, "\"a\\,b\",\"\n", "1:[\"a,b\"][\"]\n");
	check(&nothing, "\"a\\,b\",\"\n", "1:[\"a\\][b\"][\"]\n");
}

static void blank_lines(void **state)
{
	const struct options one = {.delimiter = ',', .max_field = 9, .expect = 1};
	const struct options two = {.delimiter = ',', .max_field = 9, .expect = 2};

	(void)state;
	check(&one, "a\n\nb\n", "1:[a]\n2:[]\n3:[b]\n");
	check(&one, "a\n\n", "1:[a]\n2:[]\n");
	check(&two, "a,b\n\n", "1:[a][b]\n");
	check(&two, "a,b\r\n\r\n", "1:[a][b]\n");
	check(&two, "a,b\n\n\n", "1:[a][b]\nbad_data: line 2, column 1: 1 field, the header has 2");
	check(&two, "a,b\r\n\r\nc,d\r\n",
		"1:[a][b]\nbad_data: line 2, column 1: 1 field, the header has 2");
	check(&two, "a,b\n\"\"\n",
		"1:[a][b]\nbad_data: line 2, column 3: 1 field, the header has 2");
}

static void errors_say_where(void **state)
{
	const struct options nine = {.delimiter = ',', .max_field = 9, .expect = 9};
	const struct options two = {.delimiter = ',', .max_field = 5, .expect = 2};

	(void)state;
	check(&nine, "\n", "");
	check(&nine, "1,2,3\n", "bad_data: line 1, column 6: 3 fields, the header has 9");
	check(&two, "1,2,3\n", "bad_data: line 1, column 5: 3 fields, the header has 2");
	check(&two, "1,\"2\",\"ü\"\n", "bad_data: line 1, column 7: 3 fields, the header has 2");
	check(&two, "\"1\n2\"\n", "bad_data: line 2, column 3: 1 field, the header has 2");
	check(&usual, "a\nb,\xFF\n",
		"1:[a]\nbad_data: line 2, column 3: byte 0xff is not valid UTF-8");
	check(&usual, "ä,\xC3(", "bad_data: line 1, column 3: byte 0xc3 is not valid UTF-8");
	check(&usual, "ä,\xE6\x9D", "bad_data: line 1, column 3: byte 0xe6 is not valid UTF-8");
	check_n(&usual, "a\nb\0c", 5, "1:[a]\nbad_data: line 2, column 2: a NUL byte");
	check(&usual, "a\n\"ü\" ,b",
		"1:[a]\nbad_data: line 2, column 4: text after a closing quote");
	check(&usual, "\"a\"b", "bad_data: line 1, column 4: text after a closing quote");
	check(&usual, "\"a\"\n\"b\nc\"d\n",
		"1:<a>\nbad_data: line 3, column 3: text after a closing quote");
	check(&usual, "ab,\"c\nd,e\n",
		"bad_data: line 1, column 4: the quote that opens here is never closed");
	check(&two, "a,12345\n\"12345\",b\n123456,c\n",
		"1:[a][12345]\n2:<12345>[b]\n"
		"limit: line 3, column 1: a field is longer than the limit of 5 bytes");
	check(&two, "a,\"12\n456\"\n",
		"limit: line 1, column 3: a field is longer than the limit of 5 bytes");
	check(&(struct options){.delimiter = ',', .max_field = 9, .why = "byte 0x81 is bad"},
		"a\nb,", "1:[a]\nbad_data: line 2, column 3: byte 0x81 is bad");
}

static void a_record_is_bounded(void **state)
{
	struct options o = {.delimiter = ',', .max_field = 1000};
	size_t len = CSV_RECORD_MIN + 2000;
	char *text = mem_alloc(len + 1);
	struct buf out = BUF_INIT(2 * len);

	(void)state;
	memset(text, 'x', len);
	for (size_t i = 999; i < len; i += 1000)
		text[i] = i == 999 ? '\n' : ',';
	parse(&o, text, len, 100000, &out);
	assert_non_null(
		strstr(buf_str(&out), "limit: line 2: a record of more than 16777216 bytes"));
	memset(text, ',', CSV_FIELDS_MAX);
	text[CSV_FIELDS_MAX - 1] = '\n';
	text[CSV_FIELDS_MAX] = '\0';
	buf_reset(&out);
	parse(&o, text, CSV_FIELDS_MAX, 1000, &out);
	assert_int_equal(out.len, 2 + 2 * CSV_FIELDS_MAX + 1);
	memset(text, ',', CSV_FIELDS_MAX);
	buf_reset(&out);
	parse(&o, text, CSV_FIELDS_MAX, 1000, &out);
	assert_string_equal(buf_str(&out), "limit: line 1: more than 4096 fields");
	buf_release(&out);
	free(text);
}

static void records_of_another_length_are_passed_over(void **state UNUSED)
{
	static const char text[] = "1,2\n3\n4,\"5\n\",6\r\n\n7,8\n";
	const struct csv_syntax syntax = {.delimiter = ',', .quote = '"', .max_field = 1000};
	struct csv *csv = csv_new(&syntax);
	struct buf out = BUF_INIT(4096);
	struct csv_record r;
	struct err err = ERR_INIT;
	size_t room;
	int rc;

	memcpy(csv_room(csv, &room), text, sizeof(text) - 1);
	csv_add(csv, sizeof(text) - 1);
	csv_end(csv);
	csv_expect(csv, 2, "the header has");
	while ((rc = csv_next(csv, &r, &err)) != 0) {
		if (rc > 0) {
			dump(&r, &out);
			continue;
		}
		assert_true(csv_passed_over(csv));
		buf_printf(&out, "%s (%s)\n", err.msg, err.value);
		err_clear(&err);
	}
	assert_string_equal(buf_str(&out), "1:[1][2]\n"
		"line 2, column 2: 1 field, the header has 2 (3)\n"
		"line 4, column 3: 3 fields, the header has 2 (4,\"5?\",6)\n"
		"line 5, column 1: 1 field, the header has 2 ()\n"
		"6:[7][8]\n");
	csv_reset(csv);
	memcpy(csv_room(csv, &room), "\"1\"2\n", 6);
	csv_add(csv, 6);
	csv_expect(csv, 1, "the header has");
	assert_int_equal(csv_next(csv, &r, &err), -1);
	assert_false(csv_passed_over(csv));
	csv_free(csv);
	buf_release(&out);
}

static void fields_are_located(void **state)
{
	const char *text = "\"ü\"\"\"\"x\",\"y\nz\",\"w\"\n";
	struct csv *csv = csv_new(&(struct csv_syntax){',', '"', '\0', 100});
	struct csv_record r;
	struct err err = ERR_INIT;
	uint64_t line, column;
	size_t room;

	(void)state;
	memcpy(csv_room(csv, &room), text, strlen(text));
	csv_add(csv, strlen(text));
	assert_int_equal(csv_next(csv, &r, &err), 1);
	csv_locate(&r, 1, &line, &column);
	assert_int_equal(line, 1);
	assert_int_equal(column, 10);
	csv_locate(&r, 2, &line, &column);
	assert_int_equal(line, 2);
	assert_int_equal(column, 4);
	csv_free(csv);
}

static void a_reset_parser_begins_again(void **state)
{
	struct csv *csv = csv_new(&(struct csv_syntax){',', '"', '\0', 100});
	struct buf out = BUF_INIT(DUMP_MAX);
	size_t room;

	(void)state;
	for (int pass = 0; pass < 2; pass++) {
		memcpy(csv_room(csv, &room),
			"\xEF\xBB\xBF"
			"a\r\nb",
			7);
		csv_add(csv, 7);
		csv_end(csv);
		assert_int_equal(drain(csv, &out), 0);
		csv_reset(csv);
	}
	assert_string_equal(buf_str(&out), "1:[a]\n2:[b]\n1:[a]\n2:[b]\n");
	buf_release(&out);
	csv_free(csv);
}

/* Any text of the bytes that matter, cut anywhere, is what it is in one piece. */
static void cuts_change_nothing(void **state)
{
	static const char bytes[] = ",,,\"\"\"\n\n\r\r\\\\\\abcdefg\xC3\xA4\xFF";
	struct buf whole = BUF_INIT(DUMP_MAX), cut = BUF_INIT(DUMP_MAX);
	char text[300];

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		struct options o = {
			.delimiter = ',', .max_field = 1 + (uint32_t)(next_random() % 20)};
		size_t len = next_random() % sizeof(text), bad = next_random() % 4 ? 3 : 1;

		if (next_random() % 3 == 0)
			o.expect = 1 + (uint32_t)(next_random() % 3);
		o.no_quote = next_random() % 4 == 0;
		o.escape = next_random() % 2 ? '\\' : '\0';
		for (size_t j = 0; j < len; j++)
			text[j] = bytes[next_random() % (sizeof(bytes) - bad)];
		buf_reset(&whole);
		parse(&o, text, len, len + 1, &whole);
		for (size_t step = 1; step < len; step = step * 2 + 1) {
			buf_reset(&cut);
			parse(&o, text, len, step, &cut);
			assert_string_equal(buf_str(&cut), buf_str(&whole));
		}
	}
	buf_release(&whole);
	buf_release(&cut);
}

/* What is written by the rules is read back. */
static void written_fields_are_read_back(void **state)
{
	static const char bytes[] = "a,\"\n\r;b c";
	struct buf text = BUF_INIT(DUMP_MAX), expected = BUF_INIT(DUMP_MAX),
		   out = BUF_INIT(DUMP_MAX);

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		unsigned fields = 1 + (unsigned)(next_random() % 5);

		buf_reset(&text);
		buf_reset(&expected);
		buf_reset(&out);
		buf_adds(&expected, "1:");
		for (unsigned f = 0; f < fields; f++) {
			buf_adds(&text, f ? ",\"" : "\"");
			buf_addc(&expected, '<');
			for (uint64_t n = next_random() % 100; n; n--) {
				char c = bytes[next_random() % (sizeof(bytes) - 1)];

				c = c == '\n' || c == '\r' ? ' ' : c; /* lines are tested above */
				buf_printf(&text, c == '"' ? "%c\"" : "%c", c);
				buf_addc(&expected, c);
			}
			buf_addc(&text, '"');
			buf_addc(&expected, '>');
		}
		buf_addc(&expected, '\n');
		parse(&usual, text.data, text.len, 1 + next_random() % 100, &out);
		assert_string_equal(buf_str(&out), buf_str(&expected));
	}
	buf_release(&text);
	buf_release(&expected);
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_are_split),
		cmocka_unit_test(quotes_hold_anything),
		cmocka_unit_test(an_escape_takes_the_meaning_off),
		cmocka_unit_test(blank_lines),
		cmocka_unit_test(errors_say_where),
		cmocka_unit_test(a_record_is_bounded),
		cmocka_unit_test(records_of_another_length_are_passed_over),
		cmocka_unit_test(fields_are_located),
		cmocka_unit_test(a_reset_parser_begins_again),
		cmocka_unit_test(cuts_change_nothing),
		cmocka_unit_test(written_fields_are_read_back),
	};

	return cmocka_run_group_tests_name("work/csv", tests, NULL, NULL);
}
