#include "base/config.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "unit/support.h"

/* --- files --- */

struct fixture {
	struct arena arena;
	struct config_file file;
	struct err err;
};

static int setup(void **state)
{
	*state = mem_alloc(sizeof(struct fixture));
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	arena_release(&f->arena);
	free(f);
	return 0;
}

static int parse(struct fixture *f, const char *text)
{
	return config_parse(text, strlen(text), "dir/x.ini", &f->arena, &f->file, &f->err);
}

/* All of it as text: [kind|name]line key=value@line … */
static const char *dump(const struct config_file *file, struct arena *a)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(1 << 24);

	for (size_t i = 0; i < file->n; i++) {
		const struct config_section *s = &file->v[i];

		buf_printf(&out, "[%s|%s]%d", s->kind, s->name, s->line);
		for (size_t j = 0; j < s->n; j++)
			buf_printf(&out, " %s=%s@%d", s->v[j].key, s->v[j].value, s->v[j].line);
		buf_addc(&out, '\n');
	}
	return arena_strdup(a, buf_str(&out));
}

static void check_parse(struct fixture *f, const char *text, const char *expected)
{
	must(parse(f, text), &f->err);
	assert_string_equal(dump(&f->file, &f->arena), expected);
}

static void check_refused(struct fixture *f, const char *text, const char *msg)
{
	f->file = (struct config_file){.path = "untouched"};
	assert_int_equal(parse(f, text), -1);
	check_err(&f->err, ERR_CONFIG, msg);
	assert_string_equal(f->file.path, "untouched");
}

static void sections_and_entries_have_lines(void **state)
{
	struct fixture *f = *state;

	check_parse(f,
		"; comment\n\n[store]\npath = etl.db\n# another\n[connection raw]\n"
		"driver=csv\nkey: value\n[empty]\n",
		"[store|]3 path=etl.db@4\n[connection|raw]6 driver=csv@7 key=value@8\n"
		"[empty|]9\n");
	assert_string_equal(f->file.path, "dir/x.ini");
	assert_string_equal(f->file.dir, "dir");
	check_parse(f, "", "");
	check_parse(f, "[a]\nb = 1", "[a|]1 b=1@2\n"); /* no newline at the end */
	check_parse(f, "[a]\r\nb = 1\r\n", "[a|]1 b=1@2\n");
	check_parse(f, "\xEF\xBB\xBF[a]\nb = 1\n", "[a|]1 b=1@2\n");
}

static void directory_is_that_of_the_path(void **state)
{
	struct fixture *f = *state;
	static const char *const cases[][2] = {
		{"x.ini", "."}, {"/x.ini", "/"}, {"a/b/x.ini", "a/b"}, {"-", "."}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		must(config_parse("", 0, cases[i][0], &f->arena, &f->file, &f->err), &f->err);
		assert_string_equal(f->file.dir, cases[i][1]);
	}
}

static void headers_are_kind_and_name(void **state)
{
	struct fixture *f = *state;

	check_parse(f, "[job load planes]\n[ job \t load 2  ]\n[job]\n",
		"[job|load planes]1\n[job|load 2]2\n[job|]3\n");
	check_refused(f, "\n[]\n", "dir/x.ini:2: a section without a name");
	check_refused(f, "[  ]\n", "dir/x.ini:1: a section without a name");
}

static void values_end_at_a_comment(void **state)
{
	struct fixture *f = *state;

	check_parse(f, "[a]\nb = x ; comment\nc = x;y\nd = x # y\ne =\ng = a = b\nh = \"q\"\n",
		"[a|]1 b=x@2 c=x;y@3 d=x # y@4 e=@5 g=a = b@6 h=\"q\"@7\n");
}

static void indented_lines_continue(void **state)
{
	struct fixture *f = *state;

	check_parse(f,
		"[a]\nb = 1\n  2\n\n\t; comment\n\t3 = 4 ; comment\nc = 5\n\v6\n[d]\n  e = 1\n",
		"[a|]1 b=1\n2\n3 = 4@2 c=5\n6@7\n[d|]9 e=1@10\n");
	check_parse(f, "[a]\nb = 1\n [c]\n[d]\n", "[a|]1 b=1\n[c]@2\n[d|]4\n");
}

/* Lines of one byte each: time and memory must not grow with their square. */
static void many_lines_continue(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_release) struct buf text = BUF_INIT(1 << 20);

	buf_adds(&text, "[a]\nb = x\n");
	for (unsigned i = 0; i < (CONFIG_VALUE_MAX - 1) / 2; i++)
		buf_adds(&text, " y\n");
	must(parse(f, buf_str(&text)), &f->err);
	assert_int_equal(strlen(f->file.v[0].v[0].value), 1 + (CONFIG_VALUE_MAX - 1) / 2 * 2);
	buf_adds(&text, " yy\n");
	check_refused(f, buf_str(&text),
		arena_printf(&f->arena, "dir/x.ini:%u: the value is longer than 262144 bytes",
			CONFIG_VALUE_MAX / 2 + 2));
}

static void environment_is_put_in(void **state)
{
	struct fixture *f = *state;

	setenv("ETL_TEST_DIR", "/data", 1);
	setenv("ETL_TEST_EMPTY", "", 1);
	unsetenv("ETL_TEST_NONE");
	check_parse(f,
		"[a]\nb = ${ETL_TEST_DIR}/x\nc = <${ETL_TEST_EMPTY}>\n"
		"d = ${ETL_TEST_DIR}${ETL_TEST_DIR}\ne = $${ETL_TEST_DIR} $ $$ $x\n"
		"g = 1\n  ${ETL_TEST_DIR}\nh = ${ETL_TEST_DIR}$${x}\n",
		"[a|]1 b=/data/x@2 c=<>@3 d=/data/data@4 e=${ETL_TEST_DIR} $ $$ $x@5 "
		"g=1\n/data@6 h=/data${x}@8\n");
	check_refused(f, "[a]\nb = 1\nc = ${ETL_TEST_NONE}\n",
		"dir/x.ini:3: the environment has no variable 'ETL_TEST_NONE'");
	check_refused(f, "[a]\nb = 1\n  ${ETL_TEST_NONE}\n",
		"dir/x.ini:3: the environment has no variable 'ETL_TEST_NONE'");
	check_refused(f, "[a]\nb = ${ETL_TEST_DIR\n", "dir/x.ini:2: '${' without '}'");
	check_refused(f, "[a]\nb = ${}\n", "dir/x.ini:2: the environment has no variable ''");
}

static void environment_is_limited(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *large = repeat('x', 100000);

	setenv("ETL_TEST_DIR", large, 1);
	must(parse(f, "[a]\nb = ${ETL_TEST_DIR}${ETL_TEST_DIR}\n"), &f->err);
	check_refused(f, "[a]\nb = ${ETL_TEST_DIR}${ETL_TEST_DIR}${ETL_TEST_DIR}\n",
		"dir/x.ini:2: the value is longer than 262144 bytes");
	unsetenv("ETL_TEST_DIR");
}

static void what_is_no_line_is_refused(void **state)
{
	struct fixture *f = *state;
	const char *neither = "neither '[section]' nor 'key = value', or longer than 262144 bytes";

	check_refused(f, "[a]\nb\n", arena_printf(&f->arena, "dir/x.ini:2: %s", neither));
	check_refused(f, "[a\nb = 1\n", arena_printf(&f->arena, "dir/x.ini:1: %s", neither));
	check_refused(f, "b = 1\n[a]\n", "dir/x.ini:1: 'b' stands before the first [section]");
	assert_int_equal(config_parse("[a]\nb\0c", 7, "x.ini", &f->arena, &f->file, &f->err), -1);
	check_err(&f->err, ERR_CONFIG, "x.ini:2: a NUL byte");
	assert_string_equal(f->err.hint, "the file must be plain text in UTF-8");
}

static void nothing_stands_twice(void **state)
{
	struct fixture *f = *state;

	check_refused(f, "[a]\nb = 1\nc = 2\nb = 3\n", "dir/x.ini:4: 'b' is set on line 2 already");
	check_refused(
		f, "[a x]\n[a]\n[ a  x ]\n", "dir/x.ini:3: [ a  x ] stands on line 1 already");
	check_parse(f, "[a]\nb = 1\n[c]\nb = 1\n", "[a|]1 b=1@2\n[c|]3 b=1@4\n");
}

static void names_are_limited(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *fits = repeat('x', CONFIG_NAME_MAX);

	check_parse(f, arena_printf(&f->arena, "[%s]\n%s = 1\n", fits, fits),
		arena_printf(&f->arena, "[%s|]1 %s=1@2\n", fits, fits));
	check_parse(f, arena_printf(&f->arena, "[a %s]\n", fits + 1),
		arena_printf(&f->arena, "[a|%s]1\n", fits + 1));
	check_refused(f, arena_printf(&f->arena, "[%sx]\n", fits),
		"dir/x.ini:1: the section's name is longer than 200 characters");
	check_refused(f, arena_printf(&f->arena, "[a %s]\n", fits),
		"dir/x.ini:1: the section's name is longer than 200 characters");
	check_refused(f, arena_printf(&f->arena, "[%s%s%s]\n", fits, fits, fits), /* over inih's */
		"dir/x.ini:1: the section's name is longer than 200 characters");
	check_refused(f, arena_printf(&f->arena, "[a]\n%sx = 1\n", fits),
		"dir/x.ini:2: the key is longer than 200 characters");
}

static void lines_are_limited(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *value = repeat('x', CONFIG_VALUE_MAX);

	/* inih's line holds "b=", the line's end and a NUL too */
	must(parse(f, arena_printf(&f->arena, "[a]\nb=%s\n", value + 4)), &f->err);
	assert_int_equal(strlen(f->file.v[0].v[0].value), CONFIG_VALUE_MAX - 4);
	must(parse(f, arena_printf(&f->arena, "[a]\nb=%s", value + 3)), &f->err);
	check_refused(f, arena_printf(&f->arena, "[a]\nb=%s\nc = 1\n", value),
		"dir/x.ini:2: neither '[section]' nor 'key = value', or longer than 262144 bytes");
}

static void counts_are_limited(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_release) struct buf text = BUF_INIT(1 << 20);

	buf_adds(&text, "[a]\n");
	for (int i = 0; i < CONFIG_ENTRIES_MAX; i++)
		buf_printf(&text, "k%d = %d\n", i, i);
	must(parse(f, buf_str(&text)), &f->err);
	assert_int_equal(f->file.v[0].n, CONFIG_ENTRIES_MAX);
	assert_string_equal(f->file.v[0].v[999].value, "999");
	buf_adds(&text, "more = 1\n");
	check_refused(f, buf_str(&text), "dir/x.ini:1002: more than 1000 keys in a section");
	buf_reset(&text);
	for (int i = 0; i < CONFIG_SECTIONS_MAX; i++)
		buf_printf(&text, "[s%d]\n", i);
	must(parse(f, buf_str(&text)), &f->err);
	assert_int_equal(f->file.n, CONFIG_SECTIONS_MAX);
	assert_string_equal(f->file.v[9999].kind, "s9999");
	buf_adds(&text, "[more]\n");
	check_refused(f, buf_str(&text), "dir/x.ini:10001: more than 10000 sections");
}

static void files_are_read(void **state)
{
	struct fixture *f = *state;
	char *large = arena_alloc(&f->arena, CONFIG_FILE_MAX + 2);

	file_write(in_dir("a.ini"), "[store]\npath = x.db\n");
	must(config_read(in_dir("a.ini"), &f->arena, &f->file, &f->err), &f->err);
	assert_string_equal(dump(&f->file, &f->arena), "[store|]1 path=x.db@2\n");
	assert_string_equal(f->file.dir, in_dir(""));
	assert_int_equal(config_read("/no/such.ini", &f->arena, &f->file, &f->err), -1);
	check_err(&f->err, ERR_NOT_FOUND, "open '/no/such.ini': No such file or directory");
	memset(large, '\n', CONFIG_FILE_MAX + 1);
	file_writen(in_dir("large.ini"), large, CONFIG_FILE_MAX);
	must(config_read(in_dir("large.ini"), &f->arena, &f->file, &f->err), &f->err);
	file_writen(in_dir("large.ini"), large, CONFIG_FILE_MAX + 1);
	assert_int_equal(config_read(in_dir("large.ini"), &f->arena, &f->file, &f->err), -1);
	assert_int_equal(f->err.code, ERR_LIMIT);
}

/* --- values --- */

enum colour { RED, GREEN };

struct thing {
	const char *text, *path, *letter, *word;
	bool flag;
	int64_t number, duration, size;
	int colour;
	struct {
		const char *over;
		int64_t limit;
	} sub;
};

static const char *const colours[] = {"red", "green", NULL};
static const char *const words[] = {"alpha", "beta", NULL};

#define AT(field) offsetof(struct thing, field)

static const struct option options[] = {
	{"text", OPT_TEXT, AT(text), "fallback", "a text"},
	{"path", OPT_PATH, AT(path), NULL, "a path", .required = true},
	{"letter", OPT_CHAR, AT(letter), ",", "a letter"},
	{"word", OPT_TEXT, AT(word), "alpha", "a word", .choices = words},
	{"flag", OPT_BOOL, AT(flag), "yes", "a flag"},
	{"number", OPT_INT, AT(number), "5", "a number", .min = 1, .max = 10},
	{"duration", OPT_DURATION, AT(duration), "5s", "a time", .min = 1000, .max = 60000},
	{"size", OPT_SIZE, AT(size), "4KiB", "a size", .min = 1, .max = 1 << 20},
	{"colour", OPT_ENUM, AT(colour), "green", "a colour", .choices = colours},
};

static const struct option sub_options[] = {
	{"over", OPT_TEXT, 0, "x", "a text"},
	{"limit", OPT_SIZE, offsetof(struct thing, sub.limit) - offsetof(struct thing, sub), "1",
		"a limit"},
};

static const struct option_set sets[] = {
	{.v = options, .n = ARRAY_LEN(options)},
	{.v = sub_options, .n = ARRAY_LEN(sub_options), .offset = AT(sub)},
};
static const struct option_set overriding[] = {
	{.v = options, .n = ARRAY_LEN(options)},
	{.v = sub_options, .n = ARRAY_LEN(sub_options), .offset = AT(sub), .overrides = true},
};

static int apply(struct fixture *f, const char *entries, struct thing *thing)
{
	must(parse(f, arena_printf(&f->arena, "[thing a]\n%s", entries)), &f->err);
	return config_apply(&f->file, &f->file.v[0], sets, 2, &f->arena, thing, &f->err);
}

static void check_value_refused(struct fixture *f, const char *entries, const char *msg)
{
	struct thing thing = {.text = NULL};

	assert_int_equal(apply(f, entries, &thing), -1);
	check_err(&f->err, ERR_CONFIG, msg);
}

static void defaults_hold(void **state)
{
	struct fixture *f = *state;
	struct thing t = {.text = NULL};

	must(apply(f, "path = x\n", &t), &f->err);
	assert_string_equal(t.text, "fallback");
	assert_string_equal(t.letter, ",");
	assert_string_equal(t.word, "alpha");
	assert_true(t.flag);
	assert_int_equal(t.number, 5);
	assert_int_equal(t.duration, 5000);
	assert_int_equal(t.size, 4096);
	assert_int_equal(t.colour, GREEN);
	assert_string_equal(t.sub.over, "x");
	assert_int_equal(t.sub.limit, 1);
}

static void overrides_have_no_defaults(void **state)
{
	struct fixture *f = *state;
	struct thing t = {.text = NULL};

	must(parse(f, "[thing a]\npath = x\nlimit = 7\n"), &f->err);
	must(config_apply(&f->file, &f->file.v[0], overriding, 2, &f->arena, &t, &f->err), &f->err);
	assert_null(t.sub.over);
	assert_int_equal(t.sub.limit, 7);
}

static void values_are_set(void **state)
{
	struct fixture *f = *state;
	struct thing t = {.text = NULL};

	must(apply(f,
		     "text = a\n  b\npath = /abs/x\nletter = tab\nword = beta\nflag = off\n"
		     "number = 10\nduration = 1m\nsize = 1MiB\ncolour = red\nover = o\n",
		     &t),
		&f->err);
	assert_string_equal(t.text, "a\nb");
	assert_string_equal(t.path, "/abs/x");
	assert_string_equal(t.letter, "\t");
	assert_string_equal(t.word, "beta");
	assert_false(t.flag);
	assert_int_equal(t.number, 10);
	assert_int_equal(t.duration, 60000);
	assert_int_equal(t.size, 1 << 20);
	assert_int_equal(t.colour, RED);
	assert_string_equal(t.sub.over, "o");
}

static void paths_are_relative_to_the_file(void **state)
{
	struct fixture *f = *state;
	struct thing t = {.text = NULL};

	must(apply(f, "path = data/x\n", &t), &f->err);
	assert_string_equal(t.path, "dir/data/x");
	must(config_set(&options[1], "x", ".", &f->arena, &t, &f->err), &f->err);
	assert_string_equal(t.path, "x");
	must(config_set(&options[1], "x", NULL, &f->arena, &t, &f->err), &f->err);
	assert_string_equal(t.path, "x");
	must(config_set(&options[1], "x", "/", &f->arena, &t, &f->err), &f->err);
	assert_string_equal(t.path, "//x");
}

static void bad_values_are_refused_with_their_place(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *longer = repeat('x', 100);

	check_value_refused(f, "path = x\nnumber = ten\n",
		"dir/x.ini:3: 'number': 'ten' is not a whole number");
	check_value_refused(f, "duration = 5\n",
		"dir/x.ini:2: 'duration': '5' is not a duration such as 500ms, 30s, 10m, 2h");
	check_value_refused(f, "size = 5MB\n",
		"dir/x.ini:2: 'size': '5MB' is not a size such as 4096, 64KiB, 16MiB");
	check_value_refused(f, "flag = maybe\n", "dir/x.ini:2: 'flag': 'maybe' is not yes or no");
	check_value_refused(f, "path =\n", "dir/x.ini:2: 'path': '' is not a path");
	check_value_refused(f, "colour = gren\n",
		"dir/x.ini:2: 'colour': 'gren' is not one of red, green, did you mean 'green'?");
	check_value_refused(f, "word = zeta-jones\n",
		"dir/x.ini:2: 'word': 'zeta-jones' is not one of alpha, beta");
	check_value_refused(f, arena_printf(&f->arena, "flag = %s\n", longer),
		arena_printf(&f->arena, "dir/x.ini:2: 'flag': '%.80s' is not yes or no", longer));
}

static void limits_of_numbers(void **state)
{
	struct fixture *f = *state;
	struct thing t = {.text = NULL};

	must(apply(f, "path = x\nnumber = 1\nduration = 1000ms\nsize = 1\n", &t), &f->err);
	must(apply(f, "path = x\nnumber = 10\nduration = 60000ms\nsize = 1048576\n", &t), &f->err);
	check_value_refused(f, "number = 0\n", "dir/x.ini:2: 'number': '0' is less than 1");
	check_value_refused(f, "number = 11\n", "dir/x.ini:2: 'number': '11' is more than 10");
	check_value_refused(
		f, "duration = 999ms\n", "dir/x.ini:2: 'duration': '999ms' is less than 1s");
	check_value_refused(
		f, "duration = 61s\n", "dir/x.ini:2: 'duration': '61s' is more than 1m");
	check_value_refused(f, "size = 0\n", "dir/x.ini:2: 'size': '0' is less than 1");
	check_value_refused(
		f, "size = 1048577\n", "dir/x.ini:2: 'size': '1048577' is more than 1MiB");
}

static void characters_have_names(void **state)
{
	static const char *const good[][2] = {{",", ","}, {"tab", "\t"}, {"\\t", "\t"},
		{"space", " "}, {"semicolon", ";"}, {"|", "|"}, {"\x7f", "\x7f"}, {"\x01", "\x01"}};
	static const char *const bad[] = {"", ",,", "\xC3\xBC", "\xFF", "Tab", "comma"};
	struct fixture *f = *state;
	struct thing t = {.text = NULL};

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		must(config_set(&options[2], good[i][0], NULL, &f->arena, &t, &f->err), &f->err);
		assert_string_equal(t.letter, good[i][1]);
	}
	t.letter = "untouched";
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(config_set(&options[2], bad[i], NULL, &f->arena, &t, &f->err), -1);
		check_err(&f->err, ERR_CONFIG,
			arena_printf(&f->arena,
				"'letter': '%s' is not one "
				"ASCII character ('tab', 'semicolon' and 'space' have names)",
				bad[i]));
	}
	assert_string_equal(t.letter, "untouched");
}

static void secrets_are_not_shown(void **state)
{
	static const struct option secret = {"password", OPT_CHAR, 0, NULL, "x", .secret = true};
	static const struct option choice = {
		"token", OPT_TEXT, 0, NULL, "x", .choices = words, .secret = true};
	static const struct option pin = {
		"pin", OPT_INT, 0, NULL, "x", .max = 9999, .secret = true};
	struct fixture *f = *state;
	int64_t space[2];

	assert_int_equal(config_set(&secret, "hunter2", NULL, &f->arena, space, &f->err), -1);
	assert_null(strstr(f->err.msg, "hunter2"));
	assert_int_equal(config_set(&choice, "alpho", NULL, &f->arena, space, &f->err), -1);
	assert_null(strstr(f->err.msg, "alpho"));
	assert_int_equal(config_set(&pin, "12345", NULL, &f->arena, space, &f->err), -1);
	assert_null(strstr(f->err.msg, "12345"));
}

static void unknown_keys_have_a_near_one(void **state)
{
	struct fixture *f = *state;

	check_value_refused(f, "path = x\nduraton = 5s\n",
		"dir/x.ini:3: unknown key in [thing a]: 'duraton', did you mean 'duration'?");
	check_value_refused(f, "limt = 5\n",
		"dir/x.ini:2: unknown key in [thing a]: 'limt', did you mean 'limit'?");
	check_value_refused(f, "xyzzy = 5s\n", "dir/x.ini:2: unknown key in [thing a]: 'xyzzy'");
	check_value_refused(f, "Path = x\n",
		"dir/x.ini:2: unknown key in [thing a]: 'Path', did you mean 'path'?");
}

static void required_keys_are_missed(void **state)
{
	struct fixture *f = *state;

	check_value_refused(f, "text = x\n", "dir/x.ini:1: [thing a] needs 'path'");
	assert_string_equal(f->err.hint, "path: a path");
}

/* What is printed is read back, also from a file. */
static void printed_values_are_read_back(void **state)
{
	static const char *const letters[] = {",", "\t", " ", ";", "|", "\\"};
	struct fixture *f = *state;
	struct thing t = {.text = NULL}, back;

	for (size_t i = 0; i < ARRAY_LEN(letters); i++) {
		CLEANUP(buf_release) struct buf out = BUF_INIT(10000);

		must(apply(f, "path = /x\nflag = no\ncolour = red\nnumber = 7\nduration = 30s\n",
			     &t),
			&f->err);
		t.letter = letters[i];
		for (size_t j = 0; j < ARRAY_LEN(options); j++)
			buf_printf(&out, "%s = %s\n", options[j].key,
				config_print(&options[j], &t, &f->arena));
		back = (struct thing){.text = NULL};
		must(apply(f, buf_str(&out), &back), &f->err);
		assert_string_equal(back.text, t.text);
		assert_string_equal(back.path, t.path);
		assert_string_equal(back.letter, t.letter);
		assert_int_equal(back.flag, t.flag);
		assert_int_equal(back.number, t.number);
		assert_int_equal(back.duration, t.duration);
		assert_int_equal(back.size, t.size);
		assert_int_equal(back.colour, t.colour);
	}
	t.text = t.letter = NULL;
	assert_null(config_print(&options[0], &t, &f->arena));
	assert_null(config_print(&options[2], &t, &f->arena));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sections_and_entries_have_lines),
		TEST(directory_is_that_of_the_path),
		TEST(headers_are_kind_and_name),
		TEST(values_end_at_a_comment),
		TEST(indented_lines_continue),
		TEST(many_lines_continue),
		TEST(environment_is_put_in),
		TEST(environment_is_limited),
		TEST(what_is_no_line_is_refused),
		TEST(nothing_stands_twice),
		TEST(names_are_limited),
		TEST(lines_are_limited),
		TEST(counts_are_limited),
		TEST(files_are_read),
		TEST(defaults_hold),
		TEST(overrides_have_no_defaults),
		TEST(values_are_set),
		TEST(paths_are_relative_to_the_file),
		TEST(bad_values_are_refused_with_their_place),
		TEST(limits_of_numbers),
		TEST(characters_have_names),
		TEST(secrets_are_not_shown),
		TEST(unknown_keys_have_a_near_one),
		TEST(required_keys_are_missed),
		TEST(printed_values_are_read_back),
	};

	return cmocka_run_group_tests_name("base/config", tests, dir_make, dir_remove);
}
