#include "base/err.h"

#include <errno.h>
#include <string.h>

#include "unit/support.h"

static void untouched_until_set(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	check_err(&err, ERR_NONE, "");
	assert_string_equal(err.hint, "");
	assert_int_equal(err_set(&err, ERR_DATA, "line %d", 7), -1);
	check_err(&err, ERR_DATA, "line 7");
	err_clear(&err);
	check_err(&err, ERR_NONE, "");
}

static void set_replaces_all(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	err_set(&err, ERR_IO, "first");
	err_hint(&err, "try again");
	err_set(&err, ERR_DATA, "second, was '%s'", err.msg);
	check_err(&err, ERR_DATA, "second, was 'first'");
	assert_string_equal(err.hint, "");
}

static void wraps_once_per_layer(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	err_errno(&err, ERR_IO, ENOENT, "open '%s'", "data/planes.csv");
	err_hint(&err, "is it there?");
	assert_int_equal(err_wrap(&err, "load '%s'", "planes"), -1);
	assert_int_equal(err_wrap(&err, "run %d", 7), -1);
	check_err(&err, ERR_IO,
		"run 7: load 'planes': open 'data/planes.csv': No such file or directory");
	assert_string_equal(err.hint, "is it there?");
}

static void first_hint_stays(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(err_hint(&err, "run '%s'", "etl init"), -1);
	assert_int_equal(err_hint(&err, "ask somebody"), -1);
	assert_string_equal(err.hint, "run 'etl init'");
}

static void what_does_not_fit_is_cut(void **state)
{
	CLEANUP_FREE char *fits = repeat('x', ERR_MSG_MAX - 1), *more = repeat('y', ERR_MSG_MAX);
	CLEANUP_FREE char *hint = repeat('h', ERR_HINT_MAX);
	struct err err = ERR_INIT;

	(void)state;
	err_set(&err, ERR_DATA, "%s", fits);
	assert_string_equal(err.msg, fits);
	err_wrap(&err, "run 7");
	assert_int_equal(strlen(err.msg), ERR_MSG_MAX - 1);
	assert_memory_equal(err.msg, "run 7: xxx", 10);
	err_wrap(&err, "%s", more);
	assert_int_equal(strlen(err.msg), ERR_MSG_MAX - 1);
	assert_memory_equal(err.msg, more, ERR_MSG_MAX - 1);
	err_errno(&err, ERR_IO, EPERM, "%s", more);
	assert_memory_equal(err.msg, more, ERR_MSG_MAX - 1);
	assert_int_equal(err.msg[ERR_MSG_MAX - 1], '\0');
	err_hint(&err, "%s", hint);
	assert_int_equal(strlen(err.hint), ERR_HINT_MAX - 1);
}

static void every_code_is_complete(void **state)
{
	(void)state;
	assert_string_equal(err_name(ERR_NONE), "ok");
	assert_int_equal(err_exit_code(ERR_NONE), 0);
	assert_int_equal(err_http_status(ERR_NONE), 200);
	for (int i = ERR_NONE + 1; i < ERR_CODE_COUNT; i++) {
		enum err_code code = (enum err_code)i;

		assert_true(err_exit_code(code) > 0 && err_exit_code(code) <= ERR_EXIT_MAX);
		assert_true(err_http_status(code) >= 400 && err_http_status(code) < 600);
		assert_true(strspn(err_name(code), "abcdefghijklmnopqrstuvwxyz_") ==
			    strlen(err_name(code)));
		for (int j = ERR_NONE; j < i; j++)
			assert_string_not_equal(err_name(code), err_name((enum err_code)j));
	}
	for (int i = 0; i <= ERR_EXIT_MAX; i++)
		assert_non_null(err_exit_meaning(i));
}

/* Scripts depend on these: a change is a new major version. */
static void suggests_what_is_near(void **state UNUSED)
{
	struct err err = ERR_INIT;

	err_set(&err, ERR_USAGE, "unknown command '%s'", "wroker");
	assert_int_equal(err_suggest(&err, NULL), -1);
	assert_string_equal(err.msg, "unknown command 'wroker'");
	assert_int_equal(err_suggest(&err, "worker"), -1);
	assert_string_equal(err.msg, "unknown command 'wroker', did you mean 'worker'?");
	assert_int_equal(err.code, ERR_USAGE);
}

static void documented_exit_statuses(void **state)
{
	(void)state;
	assert_int_equal(err_exit_code(ERR_DATA), 1);
	assert_int_equal(err_exit_code(ERR_USAGE), 2);
	assert_int_equal(err_exit_code(ERR_CONFIG), 3);
	assert_int_equal(err_exit_code(ERR_STORE), 4);
	assert_int_equal(err_exit_code(ERR_AUTH), 5);
	assert_int_equal(err_exit_code(ERR_LEASE_LOST), 6);
	assert_int_equal(err_exit_code(ERR_NOT_FOUND), 7);
	assert_int_equal(err_exit_code(ERR_CANCELLED), 8);
	assert_true(err_retryable(ERR_BUSY));
	assert_false(err_retryable(ERR_DATA));
	assert_false(err_retryable(ERR_LEASE_LOST));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(untouched_until_set),
		cmocka_unit_test(set_replaces_all),
		cmocka_unit_test(wraps_once_per_layer),
		cmocka_unit_test(first_hint_stays),
		cmocka_unit_test(what_does_not_fit_is_cut),
		cmocka_unit_test(every_code_is_complete),
		cmocka_unit_test(suggests_what_is_near),
		cmocka_unit_test(documented_exit_statuses),
	};

	return cmocka_run_group_tests_name("base/err", tests, NULL, NULL);
}
