/* One log per process: every test starts it anew, on a file or a terminal of its own. */
#include "base/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "unit/support.h"

#define WRITERS 4
#define LINES   200

static int64_t now = 1795421742123; /* 2026-11-23T08:15:42.123Z */
static const struct clock test_clock = TEST_CLOCK(&now);
static int fd = -1;
static struct buf text = BUF_INIT(1 << 24);

static void start(const char *level, const char *format)
{
	struct err err = ERR_INIT;

	if (fd >= 0)
		close(fd);
	fd = open(in_dir("log"), O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600);
	assert_true(fd >= 0);
	must(log_start(fd, level, format, &test_clock, &err), &err);
	log_context(NULL, 0);
}

/* All that was written since start(). */
static const char *written(void)
{
	struct err err = ERR_INIT;

	buf_reset(&text);
	must(file_read(in_dir("log"), &text, &err), &err);
	return buf_str(&text);
}

static void text_lines(void **state)
{
	(void)state;
	start("debug", "text");
	log_error("cannot");
	log_warn("hm");
	log_info("read %d rows", 3322);
	log_debug("detail");
	assert_string_equal(written(), "08:15:42.123 error cannot\n08:15:42.123 warn  hm\n"
				       "08:15:42.123 info  read 3322 rows\n"
				       "08:15:42.123 debug detail\n");
}

static void json_lines(void **state)
{
	(void)state;
	start("info", "json");
	log_info("say \"%s\"", "hello");
	log_context("load_planes", 7);
	log_error("x\ny");
	log_context(NULL, 0);
	log_warn("z");
	assert_string_equal(written(),
		"{\"at\":\"2026-11-23T08:15:42.123Z\",\"level\":\"info\","
		"\"message\":\"say \\\"hello\\\"\"}\n"
		"{\"at\":\"2026-11-23T08:15:42.123Z\",\"level\":\"error\",\"job\":\"load_planes\","
		"\"run\":7,\"message\":\"x\\ny\"}\n"
		"{\"at\":\"2026-11-23T08:15:42.123Z\",\"level\":\"warn\",\"message\":\"z\"}\n");
}

static void less_important_lines_are_left_out(void **state)
{
	static const char *const names[] = {"error", "warn", "info", "debug"};
	static const size_t lengths[] = {22, 44, 66, 88};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		start(names[i], "text");
		for (int level = LOG_ERROR; level <= LOG_DEBUG; level++) {
			assert_int_equal(log_enabled((enum log_level)level), level <= (int)i);
			log_write((enum log_level)level, "%s", "ab");
		}
		assert_int_equal(strlen(written()), lengths[i]);
		assert_string_equal(log_level_name((enum log_level)i), names[i]);
	}
}

static void other_words_are_refused(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	start("warn", "text");
	assert_int_equal(log_start(fd, "loud", "text", &test_clock, &err), -1);
	check_err(&err, ERR_USAGE, "log level 'loud' is not error, warn, info or debug");
	assert_int_equal(log_start(fd, "info", "xml", &test_clock, &err), -1);
	check_err(&err, ERR_USAGE, "log format 'xml' is not text, json or auto");
	assert_false(log_enabled(LOG_INFO)); /* nothing was changed */
}

static void auto_is_json_where_there_is_no_terminal(void **state)
{
	(void)state;
	start("info", "auto");
	log_info("a");
	assert_int_equal(*written(), '{');
	start("info", NULL);
	log_info("a");
	assert_int_equal(*written(), '{');
	assert_false(log_has_status());
	log_status("working");
	log_status("");
	assert_int_equal(strchr(written(), '\n')[1], '\0');
}

static void a_message_is_one_line(void **state)
{
	(void)state;
	start("info", "text");
	log_info("a\nb\r\033[31mred\x7f\ttab \xC3\xBC");
	assert_string_equal(written(), "08:15:42.123 info  a?b??[31mred?\ttab \xC3\xBC\n");
	start("info", "json");
	log_info("caf\xE9\n");
	assert_non_null(strstr(written(), "\"message\":\"caf\xEF\xBF\xBD\\n\"}\n"));
}

static void a_longer_message_is_cut(void **state)
{
	CLEANUP_FREE char *fits = repeat('x', LOG_LINE_MAX - 1), *more = repeat('x', LOG_LINE_MAX);

	(void)state;
	start("info", "text");
	log_info("%s", fits);
	assert_int_equal(strlen(written()), 19 + LOG_LINE_MAX - 1 + 1);
	start("info", "text");
	log_info("%s", more);
	assert_int_equal(strlen(written()), 19 + LOG_LINE_MAX - 1 + 1);
	memcpy(more + LOG_LINE_MAX - 2, "\xC3\xBC", 3); /* not within a character */
	start("info", "text");
	log_info("%s", more);
	assert_int_equal(strlen(written()), 19 + LOG_LINE_MAX - 2 + 1);
	memset(fits, 1, LOG_LINE_MAX - 1); /* the longest in JSON: \u0001 */
	start("info", "json");
	log_info("%s", fits);
	assert_true(strlen(written()) > 6 * (LOG_LINE_MAX - 1));
	assert_memory_equal(text.data + text.len - 3, "\"}\n", 3);
}

/* The last test that masks: secrets stay for the process's life. */
static void secrets_never_appear(void **state)
{
	CLEANUP_FREE char *before = repeat('x', LOG_LINE_MAX - 10);

	(void)state;
	log_secret("abc");  /* too short to be masked */
	log_secret("pass"); /* one begins with another */
	log_secret("password");
	log_secret("pass");
	log_secret("quote\"d");
	for (int pass = 0; pass < 2; pass++) {
		start("info", pass ? "json" : "text");
		log_info("abc pass password passwordpass xpassx quote\"d");
		assert_non_null(strstr(written(), "abc *** *** ****** x***x ***"));
		assert_null(strstr(written(), "pass"));
		start("info", pass ? "json" : "text");
		log_info("%spassword", before); /* stands where the line is cut */
		assert_non_null(strstr(written(), "x***"));
		start("info", pass ? "json" : "text");
		log_info("%sxxxxpassword", before);
		assert_null(strstr(written(), "pa"));
	}
}

static void register_many(void)
{
	char secret[32];

	for (int i = 0; i <= LOG_SECRETS_MAX; i++) {
		snprintf(secret, sizeof(secret), "secret number %d", i);
		log_secret(secret);
	}
}

static void more_secrets_than_can_be_kept_end_the_process(void **state)
{
	(void)state;
	check_dies(register_many);
}

static void *write_lines(void *arg)
{
	for (int i = 0; i < LINES; i++)
		log_info("%s %d", (const char *)arg, i);
	return NULL;
}

static void lines_of_threads_stay_whole(void **state)
{
	static char names[WRITERS][300];
	pthread_t threads[WRITERS];
	size_t lines = 0;

	(void)state;
	start("info", "json");
	for (int i = 0; i < WRITERS; i++) {
		memset(names[i], 'a' + i, sizeof(names[i]) - 1);
		assert_int_equal(pthread_create(&threads[i], NULL, write_lines, names[i]), 0);
	}
	for (int i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
	written();
	for (char *line = text.data, *end; (end = strchr(line, '\n')); line = end + 1, lines++) {
		assert_memory_equal(line, "{\"at\":", 6);
		assert_memory_equal(end - 2, "\"}", 2);
	}
	assert_int_equal(lines, WRITERS * LINES);
}

/* --- on a terminal --- */

static int terminal = -1;

static void start_on_terminal(const char *level, unsigned short columns)
{
	const struct winsize size = {.ws_col = columns, .ws_row = 24};
	struct err err = ERR_INIT;
	struct termios raw;
	int side;

	terminal = posix_openpt(O_RDWR | O_NOCTTY);
	assert_true(terminal >= 0);
	assert_int_equal(grantpt(terminal) | unlockpt(terminal), 0);
	side = open(ptsname(terminal), O_RDWR | O_NOCTTY);
	assert_true(side >= 0);
	assert_int_equal(tcgetattr(side, &raw), 0);
	cfmakeraw(&raw);
	assert_int_equal(tcsetattr(side, TCSANOW, &raw), 0);
	assert_int_equal(ioctl(side, TIOCSWINSZ, &size), 0);
	must(log_start(side, level, "auto", &test_clock, &err), &err);
	log_context(NULL, 0);
	close(fd);
	fd = side;
}

/* What the terminal got: exactly this. */
static void check_terminal(const char *expected)
{
	char got[1000];
	size_t len = strlen(expected), n = 0;

	while (n < len) {
		ssize_t more = read(terminal, got + n, sizeof(got) - 1 - n);

		assert_true(more > 0);
		n += (size_t)more;
	}
	got[n] = '\0';
	assert_string_equal(got, expected);
}

static void status_stays_below_the_lines(void **state)
{
	(void)state;
	start_on_terminal("info", 80);
	assert_true(log_has_status());
	log_status("10%");
	check_terminal("\r\033[K10%");
	log_error("oh");
	check_terminal("\r\033[K08:15:42.123 \033[31merror oh\033[0m\n10%");
	log_info("plain");
	check_terminal("\r\033[K08:15:42.123 info  plain\n10%");
	log_status("20%");
	check_terminal("\r\033[K20%");
	log_status("");
	check_terminal("\r\033[K");
	log_status("");
	log_warn("no status");
	check_terminal("08:15:42.123 \033[33mwarn  no status\033[0m\n");
	close(terminal);
}

static void status_fits_the_line(void **state)
{
	(void)state;
	start_on_terminal("info", 5);
	log_status("\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC");
	check_terminal("\r\033[K\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC");
	log_status("a\nb");
	check_terminal("\r\033[Ka?b");
	log_status("");
	check_terminal("\r\033[K");
	close(terminal);
	start_on_terminal("warn", 80); /* who wants warnings only wants no progress */
	assert_false(log_has_status());
	close(terminal);
}

static int finish(void **state)
{
	struct err err = ERR_INIT;

	close(fd);
	buf_release(&text);
	must(log_start(STDERR_FILENO, "info", "text", &clock_system, &err), &err);
	return dir_remove(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_lines),
		cmocka_unit_test(json_lines),
		cmocka_unit_test(less_important_lines_are_left_out),
		cmocka_unit_test(other_words_are_refused),
		cmocka_unit_test(auto_is_json_where_there_is_no_terminal),
		cmocka_unit_test(a_message_is_one_line),
		cmocka_unit_test(a_longer_message_is_cut),
		cmocka_unit_test(lines_of_threads_stay_whole),
		cmocka_unit_test(status_stays_below_the_lines),
		cmocka_unit_test(status_fits_the_line),
		cmocka_unit_test(more_secrets_than_can_be_kept_end_the_process),
		cmocka_unit_test(secrets_never_appear),
	};

	return cmocka_run_group_tests_name("base/log", tests, dir_make, finish);
}
