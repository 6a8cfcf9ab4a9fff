#include "work/csv_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit/support.h"

#define CHARACTERS (CSV_FILE_BLOCK + 1000)

static char path[] = "/tmp/etl-csv-file-XXXXXX";

static int make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

/* Reads the file's only field, which must be "é" CHARACTERS times. */
static void read_field(struct csv_file *f, struct csv *csv)
{
	struct err err = ERR_INIT;
	struct csv_record r;
	int rc;

	while ((rc = csv_next(csv, &r, &err)) == 0 && !f->ended)
		assert_int_equal(csv_file_feed(f, csv, &err), 0);
	assert_int_equal(rc, 1);
	assert_int_equal(r.n, 1);
	assert_int_equal(r.v[0].len, 2 * CHARACTERS);
	for (size_t i = 0; i < r.v[0].len; i += 2)
		assert_memory_equal(csv_text(&r, 0) + i, "é", 2);
	assert_int_equal(csv_next(csv, &r, &err), 0);
	assert_int_equal(input_check(&f->in, &err), 0);
}

/* One byte in front makes blocks end within characters. */
static void characters_may_be_cut_by_blocks(void **state)
{
	static const struct {
		const char *encoding, *bytes, *bom;
		size_t bom_len, len;
	} cases[] = {
		{"utf-8", "\xC3\xA9", "\xEF\xBB\xBF", 3, 2},
		{"utf-16be", "\0\xE9", "\xFE\xFF", 2, 2},
		{"utf-32le", "\xE9\0\0", "\xFF\xFE\0", 4, 4},
		{"iso-8859-1", "\xE9", "", 0, 1},
	};
	char *data = mem_alloc(4 + 4 * CHARACTERS);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct csv *csv = csv_new(&(struct csv_syntax){',', '"', '\0', CSV_FIELD_MAX});
		struct csv_file f = {.encoding = NULL};
		struct err err = ERR_INIT;
		size_t len = cases[i].bom_len;

		memcpy(data, cases[i].bom, len);
		for (size_t n = 0; n < CHARACTERS; n++, len += cases[i].len)
			memcpy(data + len, cases[i].bytes, cases[i].len);
		file_writen(path, data, len);
		assert_int_equal(csv_file_open(&f, path, cases[i].encoding, &err), 0);
		read_field(&f, csv);
		csv_reset(csv);
		assert_int_equal(csv_file_rewind(&f, &err), 0);
		read_field(&f, csv);
		assert_int_equal(f.in.bytes, len);
		csv_file_close(&f);
		csv_free(csv);
	}
	free(data);
}

static void a_shorter_file_is_another(void **state)
{
	struct csv *csv = csv_new(&(struct csv_syntax){',', '"', '\0', 100});
	struct csv_file f;
	struct err err = ERR_INIT;
	struct csv_record r;

	(void)state;
	file_writen(path, "abc", 3);
	assert_int_equal(csv_file_open(&f, path, "UTF8", &err), 0);
	assert_int_equal(truncate(path, 2), 0);
	while (csv_next(csv, &r, &err) == 0)
		assert_int_equal(csv_file_feed(&f, csv, &err), 0);
	assert_int_equal(input_check(&f.in, &err), -1);
	assert_int_equal(err.code, ERR_DATA);
	csv_file_close(&f);
	csv_file_close(&f);
	csv_free(csv);
}

static void a_file_must_be_there(void **state)
{
	struct csv_file f;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(csv_file_open(&f, "/nowhere/at/all", "utf-8", &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_string_equal(err.msg, "open '/nowhere/at/all': No such file or directory");
	csv_file_close(&f);
	assert_int_equal(csv_file_open(&f, "/", "utf-8", &err), -1);
	assert_string_equal(err.msg, "'/' is not a regular file");
	csv_file_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(characters_may_be_cut_by_blocks),
		cmocka_unit_test(a_shorter_file_is_another),
		cmocka_unit_test(a_file_must_be_there),
	};

	return cmocka_run_group_tests_name("work/csv_file", tests, make_file, remove_file);
}
