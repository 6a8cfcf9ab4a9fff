#include "work/command.h"

#include <string.h>

#include "unit/support.h"

#define NO_SHELL "/no/such/sh"

static void a_simple_command_needs_no_shell(void **state UNUSED)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct err err = ERR_INIT;
	struct command c;

	must(command_parse("load --to 'a b'", NO_SHELL, &a, &c, &err), &err);
	assert_false(c.by_shell);
	assert_string_equal(c.argv[0], "load");
	assert_string_equal(c.argv[2], "a b");
	assert_null(c.argv[3]);
}

static void the_rest_goes_to_the_shell_as_it_stands(void **state UNUSED)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	const char *const text = " cd /tmp &&\n ls 'a b'";
	struct err err = ERR_INIT;
	struct command c;

	must(command_parse(text, COMMAND_SHELL, &a, &c, &err), &err);
	assert_true(c.by_shell);
	assert_string_equal(c.argv[0], COMMAND_SHELL);
	assert_string_equal(c.argv[1], "-c");
	assert_string_equal(c.argv[2], text);
	assert_null(c.argv[3]);
}

static void without_a_shell_it_says_why_one_is_needed(void **state UNUSED)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct err err = ERR_INIT;
	struct command c;

	assert_int_equal(command_parse("a | b", NO_SHELL, &a, &c, &err), -1);
	check_err(&err, ERR_CONFIG,
		"the command needs a shell (|), and there is no '/no/such/sh' here");
	assert_non_null(strstr(err.hint, "an image that has a shell"));
}

static void no_command_is_refused(void **state UNUSED)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct err err = ERR_INIT;
	struct command c;

	assert_int_equal(command_parse(NULL, COMMAND_SHELL, &a, &c, &err), -1);
	check_err(&err, ERR_CONFIG, "command: there is no command");
	assert_int_equal(command_parse("a 'b", COMMAND_SHELL, &a, &c, &err), -1);
	check_err(&err, ERR_CONFIG, "command: a ' that has no end");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_simple_command_needs_no_shell),
		cmocka_unit_test(the_rest_goes_to_the_shell_as_it_stands),
		cmocka_unit_test(without_a_shell_it_says_why_one_is_needed),
		cmocka_unit_test(no_command_is_refused),
	};

	return cmocka_run_group_tests_name("work/command", tests, NULL, NULL);
}
