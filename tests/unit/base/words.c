#include "base/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/proc.h"
#include "unit/support.h"

static struct arena arena;

static int release(void **state UNUSED)
{
	arena_release(&arena);
	return 0;
}

static struct words split(const char *line)
{
	struct err err = ERR_INIT;
	struct words w;

	must(words_split(line, &arena, &w, &err), &err);
	return w;
}

/* "[a][b c]" */
static const char *shown(const char *line)
{
	struct words w = split(line);
	const char *out = "";

	if (w.shell)
		return arena_printf(&arena, "shell: %s", w.shell);
	assert_null(w.v[w.n]);
	for (size_t i = 0; i < w.n; i++)
		out = arena_printf(&arena, "%s[%s]", out, w.v[i]);
	return out;
}

static const struct {
	const char *line, *words;
} plain[] = {
	{"a", "[a]"},
	{"  a\tb  c ", "[a][b][c]"},
	{"\n\n a b \n \n", "[a][b]"},
	{"a 'b c' d", "[a][b c][d]"},
	{"a '' \"\" b", "[a][][][b]"},
	{"a'b'\"c\"d", "[abcd]"},
	{"a '|&;<>()$`*?[{}\n\\\"#~'", "[a][|&;<>()$`*?[{}\n\\\"#~]"},
	{"a \"|&;<>()*?[{}\n'#~\"", "[a][|&;<>()*?[{}\n'#~]"},
	{"a \"x\\\"y\\\\z\\$w\\`v\"", "[a][x\"y\\z$w`v]"},
	{"a \"b\\c\\'\"", "[a][b\\c\\']"},
	{"a \\| \\$x \\'b \\\\ \\ ", "[a][|][$x]['b][\\][ ]"},
	{"a b\\\nc \\\n  d", "[a][bc][d]"},
	{"a \"b\\\nc\"", "[a][bc]"},
	{"a b\\\\\n", "[a][b\\]"},
	{"\\\n a \\\n", "[a]"},
	{"a#b c~ -d=~/e -f=!", "[a#b][c~][-d=~/e][-f=!]"},
	{"load --since=2024-01-01 x=y A=b", "[load][--since=2024-01-01][x=y][A=b]"},
	{"./A=b", "[./A=b]"},
	{"'A=b'", "[A=b]"},
	{"1=b", "[1=b]"},
	{"echo cd exit if", "[echo][cd][exit][if]"},
	{"/bin/cd", "[/bin/cd]"},
	{"a ^ % @ , . : / ] !", "[a][^][%][@][,][.][:][/][]][!]"},
	{"a \xff\xfe b", "[a][\xff\xfe][b]"},
};

static void simple_commands_are_split(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(plain); i++)
		assert_string_equal(shown(plain[i].line), plain[i].words);
}

/* What we split, a shell splits the same way. */
static void a_shell_agrees(void **state UNUSED)
{
	if (access("/bin/sh", X_OK) < 0)
		skip();
	for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
		const char *script =
			arena_printf(&arena, "set -- %s\n for a; do printf '[%%s]' \"$a\"; done",
				plain[i].line + strspn(plain[i].line, "\n "));
		const char *const argv[] = {"/bin/sh", "-c", script, NULL};
		CLEANUP(buf_release) struct buf out = BUF_INIT(1000);
		struct err err = ERR_INIT;
		struct proc_end end;
		struct proc p;
		ssize_t n;

		must(proc_start(argv, NULL, PROC_OUT, &p, &err), &err);
		while ((n = read(p.out, buf_room(&out, 100), 100)) > 0)
			buf_advance(&out, (size_t)n);
		must(proc_wait(&p, -1, &end, &err), &err);
		proc_release(&p);
		assert_string_equal(buf_str(&out), shown(plain[i].line));
	}
}

static void the_rest_is_left_to_a_shell(void **state UNUSED)
{
	static const struct {
		const char *line, *shell;
	} t[] = {
		{"a | b", "|"},
		{"a>b", ">"},
		{"a &", "&"},
		{"a; b", ";"},
		{"a $HOME", "$"},
		{"a \"$HOME\"", "$"},
		{"a \"`b`\"", "`"},
		{"a *.csv", "*"},
		{"a x?", "?"},
		{"[ -f a ]", "["},
		{"a {b,c}", "{"},
		{"(a)", "("},
		{"a ~/b", "~"},
		{"# a", "#"},
		{"a # b", "#"},
		{"a\nb", "a line break"},
		{"a \n b", "a line break"},
		{"A=b c", "A="},
		{"_a1= c", "_a1="},
		{"cd /tmp", "cd"},
		{"exec a", "exec"},
		{"while a", "while"},
		{". a", "."},
		{"! a", "!"},
		{"a ' | b | 'c | d", "|"},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		assert_string_equal(split(t[i].line).shell, t[i].shell);
}

static void what_has_no_end_is_refused(void **state UNUSED)
{
	static const struct {
		const char *line, *says;
	} t[] = {
		{"", "there is no command"},
		{" \t\n ", "there is no command"},
		{"\\\n", "there is no command"},
		{"a 'b", "a ' that has no end"},
		{"a \"b", "a \" that has no end"},
		{"a \"b\\\"", "a \" that has no end"},
		{"a \"b\\", "a \" that has no end"},
		{"a b\\", "a \\ with nothing behind it"},
	};
	struct words w;

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct err err = ERR_INIT;

		assert_int_equal(words_split(t[i].line, &arena, &w, &err), -1);
		check_err(&err, ERR_CONFIG, t[i].says);
	}
}

static void words_are_limited(void **state UNUSED)
{
	CLEANUP_FREE char *line = repeat(' ', 2 * WORDS_MAX + 2);
	struct err err = ERR_INIT;
	struct words w;

	for (size_t i = 0; i < WORDS_MAX; i++)
		line[2 * i] = 'a';
	assert_int_equal(split(line).n, WORDS_MAX);
	line[2 * WORDS_MAX] = 'a';
	assert_int_equal(words_split(line, &arena, &w, &err), -1);
	check_err(&err, ERR_LIMIT, "more than 4096 words");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(simple_commands_are_split),
		cmocka_unit_test(a_shell_agrees),
		cmocka_unit_test(the_rest_is_left_to_a_shell),
		cmocka_unit_test(what_has_no_end_is_refused),
		cmocka_unit_test(words_are_limited),
	};

	return cmocka_run_group_tests_name("base/words", tests, NULL, release);
}
