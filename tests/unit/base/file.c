#include "base/file.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "unit/support.h"

static void appends_all_bytes(void **state)
{
	CLEANUP(buf_release) struct buf b = BUF_INIT(1000);
	struct err err = ERR_INIT;

	(void)state;
	file_writen(in_dir("bytes"), "a\0\xFF", 3);
	buf_adds(&b, "> ");
	must(file_read(in_dir("bytes"), &b, &err), &err);
	assert_int_equal(b.len, 5);
	assert_memory_equal(b.data, "> a\0\xFF", 6);
	file_write(in_dir("empty"), "");
	must(file_read(in_dir("empty"), &b, &err), &err);
	assert_int_equal(b.len, 5);
}

static void reads_up_to_the_maximum(void **state)
{
	CLEANUP_FREE char *text = repeat('x', 200000);
	CLEANUP(buf_release) struct buf fits = BUF_INIT(200000), small = BUF_INIT(199999);
	struct err err = ERR_INIT;
	char msg[200];

	(void)state;
	file_write(in_dir("large"), text);
	must(file_read(in_dir("large"), &fits, &err), &err);
	assert_string_equal(buf_str(&fits), text);
	assert_int_equal(file_read(in_dir("large"), &small, &err), -1);
	snprintf(msg, sizeof(msg), "'%s': the file is longer than the limit of 199999 bytes",
		in_dir("large"));
	check_err(&err, ERR_LIMIT, msg);
}

static void an_endless_file_ends(void **state)
{
	CLEANUP(buf_release) struct buf b = BUF_INIT(1000000);
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(file_read("/dev/zero", &b, &err), -1);
	check_err(
		&err, ERR_LIMIT, "'/dev/zero': the file is longer than the limit of 1000000 bytes");
}

static void files_that_cannot_be_read(void **state)
{
	CLEANUP(buf_release) struct buf b = BUF_INIT(1000);
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(file_read("/no/such/file", &b, &err), -1);
	check_err(&err, ERR_NOT_FOUND, "open '/no/such/file': No such file or directory");
	assert_int_equal(file_read("/dev/null/x", &b, &err), -1);
	check_err(&err, ERR_IO, "open '/dev/null/x': Not a directory");
	assert_int_equal(file_read("/tmp", &b, &err), -1);
	check_err(&err, ERR_IO, "'/tmp': read: Is a directory");
	assert_int_equal(b.len, 0);
}

static void minus_is_standard_input(void **state)
{
	CLEANUP(buf_release) struct buf b = BUF_INIT(1000);
	struct err err = ERR_INIT;
	int saved = dup(STDIN_FILENO), fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "[store]\n", 8), 8);
	close(fds[1]);
	dup2(fds[0], STDIN_FILENO);
	must(file_read("-", &b, &err), &err);
	assert_string_equal(buf_str(&b), "[store]\n");
	dup2(saved, STDIN_FILENO);
	close(saved);
	close(fds[0]);
}

static void a_name_may_lead_to_another_file(void **state)
{
	FILE *f;

	(void)state;
	file_write(in_dir("here"), "a");
	f = fopen(in_dir("here"), "r");
	assert_non_null(f);
	assert_true(file_is_at(fileno(f), in_dir("here")));
	unlink(in_dir("here"));
	assert_false(file_is_at(fileno(f), in_dir("here")));
	file_write(in_dir("here"), "a");
	assert_false(file_is_at(fileno(f), in_dir("here")));
	fclose(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(appends_all_bytes),
		cmocka_unit_test(reads_up_to_the_maximum),
		cmocka_unit_test(an_endless_file_ends),
		cmocka_unit_test(files_that_cannot_be_read),
		cmocka_unit_test(minus_is_standard_input),
		cmocka_unit_test(a_name_may_lead_to_another_file),
	};

	return cmocka_run_group_tests_name("base/file", tests, dir_make, dir_remove);
}
