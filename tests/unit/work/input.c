#include "work/input.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit/support.h"

#define TEXT_MAX (4u * 1024 * 1024)

/* Standard input becomes the reading end of a pipe; the writing end. */
static int make_stdin(void)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
	close(ends[0]);
	return ends[1];
}

static int read_all(struct input *in, struct buf *out, struct err *err)
{
	char chunk[1000];
	size_t n;
	int rc;

	while ((rc = input_read(in, chunk, sizeof(chunk), &n, err)) > 0)
		buf_add(out, chunk, n);
	return rc;
}

static void write_packed(const char *path, const struct pack_ops *ops, const char *text, size_t cut)
{
	uint8_t *packed = mem_alloc(TEXT_MAX);
	struct pack_io io = {(const uint8_t *)text, strlen(text), packed, TEXT_MAX};
	struct packer *p = ops->packer_new();
	struct err err = ERR_INIT;

	assert_int_equal(ops->pack(p, &io, true, &err), 1);
	ops->packer_free(p);
	file_writen(path, packed, TEXT_MAX - io.out_len - cut);
	free(packed);
}

static void compressed_files_are_read_again_and_again(void **state)
{
	struct buf out = BUF_INIT(TEXT_MAX);
	char *text = repeat('x', 700000);
	struct input in;

	(void)state;
	for (size_t i = 0; i < PACK_COUNT; i++) {
		const char *path = in_dir(i ? "t.zst" : "t.gz");
		struct err err = ERR_INIT;

		write_packed(path, pack_all[i], text, 0);
		must(input_open(&in, path, &err), &err);
		for (int pass = 0; pass < 2; pass++) {
			buf_reset(&out);
			must(read_all(&in, &out, &err), &err);
			assert_string_equal(buf_str(&out), text);
			assert_int_equal(in.bytes, in.opened.st_size);
			must(input_check(&in, &err), &err);
			must(input_rewind(&in, &err), &err);
		}
		input_close(&in);
		input_close(&in);
	}
	free(text);
	buf_release(&out);
}

static void broken_archives_are_errors_with_the_name(void **state)
{
	struct buf out = BUF_INIT(TEXT_MAX);
	struct err err = ERR_INIT;
	struct input in;
	const char *path = in_dir("cut.gz");

	(void)state;
	write_packed(path, &pack_gzip, "some text", 1);
	must(input_open(&in, path, &err), &err);
	assert_int_equal(read_all(&in, &out, &err), -1);
	assert_int_equal(err.code, ERR_DATA);
	assert_non_null(strstr(err.msg, "cut.gz': the gzip data is cut short"));
	input_close(&in);
	path = in_dir("none.zst");
	file_write(path, "a,b\n1,2\n");
	must(input_open(&in, path, &err), &err);
	assert_int_equal(read_all(&in, &out, &err), -1);
	assert_non_null(strstr(err.msg, "none.zst': zstd: Unknown frame descriptor"));
	input_close(&in);
	path = in_dir("empty.gz");
	file_write(path, "");
	must(input_open(&in, path, &err), &err);
	assert_int_equal(read_all(&in, &out, &err), -1);
	assert_non_null(strstr(err.msg, "is cut short"));
	input_close(&in);
	buf_release(&out);
}

static void a_stream_is_kept_until_it_is_rewound(void **state)
{
	struct buf out = BUF_INIT(TEXT_MAX);
	struct err err = ERR_INIT;
	struct input in;
	char chunk[4];
	size_t n;
	int to = make_stdin();

	(void)state;
	must(input_open(&in, "-", &err), &err);
	assert_true(in.is_stream);
	assert_int_equal(input_read(&in, chunk, 4, &n, &err), 1);
	assert_int_equal(n, 0); /* nothing yet */
	assert_int_equal(write(to, "abcdef", 6), 6);
	assert_int_equal(input_read(&in, chunk, 4, &n, &err), 1);
	assert_int_equal(n, 4);
	assert_int_equal(in.bytes, 4);
	must(input_rewind(&in, &err), &err);
	assert_int_equal(in.bytes, 0);
	assert_int_equal(write(to, "gh", 2), 2);
	close(to);
	must(read_all(&in, &out, &err), &err);
	assert_string_equal(buf_str(&out), "abcdefgh");
	assert_int_equal(in.bytes, 8);
	must(input_check(&in, &err), &err);
	input_close(&in);
	buf_release(&out);
}

static void nobody_there_to_write(void **state)
{
	struct err err = ERR_INIT;
	struct input in;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	dup2(null, STDIN_FILENO);
	close(null);
	assert_int_equal(input_open(&in, "-", &err), -1);
	check_err(&err, ERR_CONFIG, "standard input is /dev/null");
	assert_non_null(strstr(err.hint, "etl worker --job"));
	input_close(&in);
}

static void files_must_be_there_and_regular(void **state)
{
	struct err err = ERR_INIT;
	struct input in;

	(void)state;
	assert_int_equal(input_open(&in, "/nowhere/at/all", &err), -1);
	check_err(&err, ERR_NOT_FOUND, "open '/nowhere/at/all': No such file or directory");
	input_close(&in);
	assert_int_equal(input_open(&in, "/", &err), -1);
	check_err(&err, ERR_CONFIG, "'/' is not a regular file");
	input_close(&in);
}

static void a_file_must_stay_what_it_was(void **state)
{
	struct buf out = BUF_INIT(TEXT_MAX);
	struct err err = ERR_INIT;
	struct input in;
	const char *path = in_dir("stays");

	(void)state;
	file_write(path, "abc");
	must(input_open(&in, path, &err), &err);
	must(read_all(&in, &out, &err), &err);
	must(input_check(&in, &err), &err);
	file_write(in_dir("other"), "abc");
	assert_int_equal(rename(in_dir("other"), path), 0);
	assert_int_equal(input_check(&in, &err), -1);
	assert_int_equal(err.code, ERR_DATA);
	assert_non_null(strstr(err.msg, "changed while it was read"));
	err_clear(&err);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(input_check(&in, &err), -1);
	input_close(&in);
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compressed_files_are_read_again_and_again),
		cmocka_unit_test(broken_archives_are_errors_with_the_name),
		cmocka_unit_test(a_stream_is_kept_until_it_is_rewound),
		cmocka_unit_test(nobody_there_to_write),
		cmocka_unit_test(files_must_be_there_and_regular),
		cmocka_unit_test(a_file_must_stay_what_it_was),
	};

	return cmocka_run_group_tests_name("work/input", tests, dir_make, dir_remove);
}
