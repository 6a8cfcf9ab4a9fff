#include "work/sink.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/support.h"
#include "work/input.h"

#define TEXT_MAX (4u * 1024 * 1024)

static void check_content(const char *path, const char *expected)
{
	struct buf out = BUF_INIT(TEXT_MAX);
	struct err err = ERR_INIT;
	struct input in;
	char chunk[5000];
	size_t n;

	must(input_open(&in, path, &err), &err);
	while (input_read(&in, chunk, sizeof(chunk), &n, &err) > 0)
		buf_add(&out, chunk, n);
	assert_int_equal(err.code, ERR_NONE);
	assert_string_equal(buf_str(&out), expected);
	input_close(&in);
	buf_release(&out);
}

static void what_is_written_is_there(void **state)
{
	static const char *const names[] = {"a", "a.gz", "a.zst"};
	char *large = repeat('x', 700000);
	struct buf expected = BUF_INIT(TEXT_MAX);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct err err = ERR_INIT;
		struct sink s;
		struct stat st;

		buf_reset(&expected);
		must(sink_open(&s, in_dir(names[i]), 0600, &err), &err);
		for (int n = 0; n < 30000; n++) {
			must(sink_write(&s, "0123456789abcdef", 16, &err), &err);
			buf_adds(&expected, "0123456789abcdef");
		}
		must(sink_write(&s, large, strlen(large), &err), &err);
		buf_adds(&expected, large);
		must(sink_write(&s, "", 0, &err), &err);
		must(sink_write(&s, "end", 3, &err), &err);
		buf_adds(&expected, "end");
		must(sink_finish(&s, &err), &err);
		assert_int_equal(stat(in_dir(names[i]), &st), 0);
		assert_int_equal(st.st_size, s.bytes);
		sink_close(&s);
		sink_close(&s);
		check_content(in_dir(names[i]), buf_str(&expected));
	}
	must(sink_sync_dir(in_dir(""), &(struct err)ERR_INIT), &(struct err)ERR_INIT);
	buf_release(&expected);
	free(large);
}

static void nothing_is_a_file_too(void **state)
{
	struct err err = ERR_INIT;
	struct sink s;

	(void)state;
	must(sink_open(&s, in_dir("e.gz"), 0600, &err), &err);
	must(sink_finish(&s, &err), &err);
	sink_close(&s);
	check_content(in_dir("e.gz"), "");
}

static void no_file_is_overwritten(void **state)
{
	struct err err = ERR_INIT;
	struct sink s;

	(void)state;
	file_write(in_dir("there"), "x");
	assert_int_equal(sink_open(&s, in_dir("there"), 0600, &err), -1);
	assert_int_equal(err.code, ERR_TARGET);
	sink_close(&s);
	assert_int_equal(sink_sync_dir(in_dir("not there"), &err), -1);
	assert_int_equal(err.code, ERR_TARGET);
}

/* A disk that is full, or says so. */
static void a_failing_write_is_an_error(void **state)
{
	struct err err = ERR_INIT;
	char *large = repeat('x', 300000);
	struct sink s;

	(void)state;
	must(sink_open(&s, in_dir("full"), 0600, &err), &err);
	must(dup2(open("/dev/full", O_WRONLY | O_CLOEXEC), s.fd) < 0, &err);
	assert_int_equal(sink_write(&s, large, 300000, &err), -1);
	assert_int_equal(err.code, ERR_TARGET);
	assert_non_null(strstr(err.msg, "No space left on device"));
	sink_close(&s);
	free(large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_there),
		cmocka_unit_test(nothing_is_a_file_too),
		cmocka_unit_test(no_file_is_overwritten),
		cmocka_unit_test(a_failing_write_is_an_error),
	};

	return cmocka_run_group_tests_name("work/sink", tests, dir_make, dir_remove);
}
