#include "work/csv_table.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "unit/support.h"

static struct arena arena;
static struct connection conn;

static int setup(void **state)
{
	if (dir_make(state))
		return -1;
	conn = (struct connection){.name = "raw", .path = arena_strdup(&arena, in_dir(""))};
	return 0;
}

static int teardown(void **state)
{
	arena_release(&arena);
	return dir_remove(state);
}

static void touch(const char *name)
{
	file_write(in_dir(name), "a\n");
}

/* The names that were found, or "code: message (hint)" with DIR for the directory. */
static const char *text_of(struct buf *out, const struct err *err)
{
	const char *dir = conn.path, *p;

	for (p = err->msg; err->code && *p;) {
		size_t n = strlen(dir);

		if (strncmp(p, dir, n) == 0) {
			buf_adds(out, "DIR/");
			p += n;
			p += *p == '/';
		} else {
			buf_addc(out, *p++);
		}
	}
	if (err->hint[0] && !strstr(err->hint, dir))
		buf_printf(out, " (%s)", err->hint);
	p = arena_strdup(&arena, buf_str(out));
	buf_release(out);
	return p;
}

static const char *find(const char *name)
{
	struct buf out = BUF_INIT(10000);
	struct csv_table table;
	struct err err = ERR_INIT;

	if (csv_table_find(&conn, name, &arena, &table, &err) == 0)
		for (uint32_t i = 0; i < table.n; i++) {
			struct stat st;

			assert_int_equal(stat(table.v[i].path, &st), 0);
			buf_printf(&out, "%s%s", i ? " " : "", table.v[i].name);
		}
	else
		buf_printf(&out, "%s: ", err_name(err.code));
	return text_of(&out, &err);
}

static const char *target(const char *name)
{
	struct buf out = BUF_INIT(10000);
	struct csv_table_file file;
	struct err err = ERR_INIT;

	if (csv_table_target(&conn, name, &arena, &file, &err) == 0)
		buf_adds(&out, file.name);
	else
		buf_printf(&out, "%s: ", err_name(err.code));
	return text_of(&out, &err);
}

static void suffixes_may_be_left_out(void **state)
{
	(void)state;
	touch("a.csv");
	touch("b.csv.gz");
	touch("c.csv.zst");
	touch("d");
	touch("d.csv");
	assert_string_equal(find("a"), "a.csv");
	assert_string_equal(find("a.csv"), "a.csv");
	assert_string_equal(find("b"), "b.csv.gz");
	assert_string_equal(find("c"), "c.csv.zst");
	assert_string_equal(find("d"), "d");
	touch("a.csv.gz");
	assert_string_equal(find("a"), "config: table 'a' is 'a.csv' or 'a.csv.gz': say which");
	assert_string_equal(find("a.csv.gz"), "a.csv.gz");
	assert_string_equal(find("bb"), "not_found: there is no table 'bb': 'DIR/bb.csv' does not "
					"exist (did you mean 'b'?)");
	assert_string_equal(find("xyz.csv.gz"),
		"not_found: there is no table 'xyz.csv.gz': 'DIR/xyz.csv.gz' does not exist "
		"(there are: a, a, b, c, d, d)");
}

static void patterns_find_many(void **state)
{
	(void)state;
	touch("s-2.csv");
	touch("s-10.csv");
	touch("s-1.csv.gz");
	touch(".s-hidden.csv");
	touch("other.csv");
	must(mkdir(in_dir("s-dir"), 0700), &(struct err)ERR_INIT);
	touch("s-dir/x.csv");
	assert_string_equal(find("s-*"), "s-1.csv.gz s-10.csv s-2.csv");
	assert_string_equal(find("s-?.csv"), "s-2.csv");
	assert_string_equal(find("s-[0-9]*.csv"), "s-10.csv s-2.csv");
	assert_string_equal(find("*/x*"), "s-dir/x.csv");
	assert_string_equal(find("t-*"),
		"not_found: no file of 'DIR/' matches 't-*' (there are: other, s-1, s-10, s-2)");
	assert_string_equal(find(".?/*"), "not_found: no file of 'DIR/' matches '.?/*' "
					  "(there are: other, s-1, s-10, s-2)");
	touch("s-*");
	assert_string_equal(find("s-*"), "s-*"); /* its own name */
}

static void the_directory_is_no_pattern(void **state)
{
	(void)state;
	must(mkdir(in_dir("d[1]*\\"), 0700), &(struct err)ERR_INIT);
	touch("d[1]*\\/a1.csv");
	conn.path = arena_strdup(&arena, in_dir("d[1]*\\"));
	assert_string_equal(find("a*"), "a1.csv");
}

static void names_stay_in_the_directory(void **state)
{
	static const char *const names[] = {
		"..", "../t", "a/../../t", "/etc/passwd", "", "a/..", "../*"};
	struct csv_table table;
	struct csv_table_file file;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct err err = ERR_INIT;

		assert_int_equal(csv_table_find(&conn, names[i], &arena, &table, &err), -1);
		assert_int_equal(err.code, ERR_CONFIG);
		assert_int_equal(csv_table_target(&conn, names[i], &arena, &file, &err), -1);
		assert_int_equal(err.code, ERR_CONFIG);
	}
}

static void a_file_is_its_only_table(void **state)
{
	(void)state;
	touch("t.csv.gz");
	conn.path = arena_strdup(&arena, in_dir("t.csv.gz"));
	assert_string_equal(find("t"), "t.csv.gz");
	assert_string_equal(find("t.csv.gz"), "t.csv.gz");
	assert_string_equal(find(NULL), "t.csv.gz");
	assert_string_equal(target("t"), "t.csv.gz");
	assert_non_null(strstr(find("u"), "(its table is 't')"));
	assert_non_null(strstr(target("u"), "(its table is 't')"));
}

static void standard_input_has_any_name(void **state)
{
	struct csv_table table;
	struct err err = ERR_INIT;

	(void)state;
	conn.path = "-";
	must(csv_table_find(&conn, "whatever", &arena, &table, &err), &err);
	assert_int_equal(table.n, 1);
	assert_string_equal(table.v[0].path, "-");
	assert_string_equal(table.v[0].name, "standard input");
	assert_string_equal(target("t"),
		"config: connection 'raw': path = DIR/ is for reading: a target "
		"is a directory or a file");
}

static void targets_are_there_or_get_a_suffix(void **state)
{
	(void)state;
	touch("a.csv.gz");
	touch("b");
	must(mkdir(in_dir("dir"), 0700), &(struct err)ERR_INIT);
	assert_string_equal(target("a"), "a.csv.gz");
	assert_string_equal(target("b"), "b");
	assert_string_equal(target("new"), "new.csv");
	assert_string_equal(target("new.csv.zst"), "new.csv.zst");
	assert_string_equal(target("new.txt"), "new.txt");
	assert_string_equal(target("dir/new"), "dir/new.csv");
	assert_string_equal(target("dir"), "config: table 'dir' is a directory of 'DIR/'");
	assert_string_equal(
		target(".new"), "config: table '.new': no file of that name is written");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(suffixes_may_be_left_out),
		TEST(patterns_find_many),
		TEST(the_directory_is_no_pattern),
		TEST(names_stay_in_the_directory),
		TEST(a_file_is_its_only_table),
		TEST(standard_input_has_any_name),
		TEST(targets_are_there_or_get_a_suffix),
	};

	return cmocka_run_group_tests_name("work/csv_table", tests, NULL, NULL);
}
