#include "base/http.h"

#include <string.h>

#include "unit/support.h"

struct seen {
	int done;
	struct http_response r;
};

static void on_done(void *arg, const struct http_response *r)
{
	struct seen *s = arg;

	s->done++;
	s->r = *r;
}

static void paths_are_escaped(void **state)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(100);

	(void)state;
	http_escape(&out, "etl/store=a b~1.\xc3\xa4");
	assert_string_equal(buf_str(&out), "etl%2Fstore%3Da%20b~1.%C3%A4");
}

static void only_https(void **state)
{
	static const char *const bad[] = {"", "http://h", "https://", "h:443", "file:///etc/passwd"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		const struct http_options o = {.server = bad[i]};
		struct err err = ERR_INIT;
		struct http *h;

		assert_int_equal(http_open(&o, &clock_system, &h, &err), -1);
		assert_int_equal(err.code, ERR_CONFIG);
	}
}

static void a_port_where_nobody_is(void **state)
{
	const struct http_options o = {.server = "https://127.0.0.1:1", .no_proxy = true};
	const struct http_request r = {.method = "GET", .path = "/", .timeout = 10000};
	struct arena a = ARENA_INIT;
	struct http_response response;
	struct err err = ERR_INIT;
	struct http *h = NULL;

	(void)state;
	must(http_open(&o, &clock_system, &h, &err), &err);
	assert_int_equal(http_do(h, &r, &a, &response, &err), -1);
	assert_int_equal(err.code, ERR_NETWORK);
	assert_non_null(strstr(err.msg, "https://127.0.0.1:1: "));
	http_close(h);
	arena_release(&a);
}

static void a_token_that_cannot_be_read_is_the_call_s_end(void **state)
{
	const struct http_options o = {.server = "https://127.0.0.1:1", .token_file = "/no/such/token"};
	struct seen seen = {.done = 0};
	const struct http_request r = {.method = "GET", .path = "/", .done = on_done, .arg = &seen};
	struct err err = ERR_INIT;
	struct http *h = NULL;

	(void)state;
	must(http_open(&o, &clock_system, &h, &err), &err);
	assert_null(http_start(h, &r));
	assert_int_equal(seen.done, 1);
	assert_int_equal(seen.r.status, 0);
	assert_non_null(strstr(seen.r.err.msg, "/no/such/token"));
	assert_true(http_token_age(h) == -1);
	http_close(h);
}

static void a_call_that_is_cancelled_has_no_end(void **state)
{
	const struct http_options o = {.server = "https://127.0.0.1:1", .no_proxy = true};
	struct seen seen = {.done = 0};
	const struct http_request r = {.method = "POST", .path = "/", .body = "{}", .body_len = 2, .done = on_done, .arg = &seen};
	struct err err = ERR_INIT;
	struct http *h = NULL;
	struct http_call *c;

	(void)state;
	must(http_open(&o, &clock_system, &h, &err), &err);
	c = http_start(h, &r);
	assert_non_null(c);
	http_cancel(c);
	http_start(h, &r); /* ends with the client */
	http_close(h);
	assert_int_equal(seen.done, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_escaped),
		cmocka_unit_test(only_https),
		cmocka_unit_test(a_port_where_nobody_is),
		cmocka_unit_test(a_token_that_cannot_be_read_is_the_call_s_end),
		cmocka_unit_test(a_call_that_is_cancelled_has_no_end),
	};

	return cmocka_run_group_tests_name("base/http", tests, NULL, NULL);
}
