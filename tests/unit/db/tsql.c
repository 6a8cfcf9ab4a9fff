#include "db/tsql.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "unit/support.h"

static void check_params(const char *sql, const char *expected)
{
	struct arena a = ARENA_INIT;
	struct buf list = BUF_INIT(1000);
	struct err err = ERR_INIT;
	const char **names;
	int n;

	must(tsql_params(sql, &a, &names, &n, &err), &err);
	for (int i = 0; i < n; i++)
		buf_printf(&list, "%s%s", i ? " " : "", names[i]);
	assert_string_equal(buf_str(&list), expected);
	buf_release(&list);
	arena_release(&a);
}

static void parameters_by_their_first_appearance(void **state)
{
	(void)state;
	check_params("SELECT 1", "");
	check_params("SELECT @b, @a, @B, @a_1", "@b @a @a_1");
	check_params("SELECT @@SPID, @_x, @x", "@x");
	check_params("SELECT '@a', N'it''s @b', \"@c\", [@d]]@e], a@f, @g", "@g");
	check_params("-- @a\n/* @b /* @c */ @d */ @e", "@e");
	check_params("@", "");
	check_params("'never closed @a", "");
}

static void too_many_parameters(void **state)
{
	struct arena a = ARENA_INIT;
	struct buf sql = BUF_INIT(100000);
	struct err err = ERR_INIT;
	const char **names;
	int n;

	(void)state;
	for (int i = 0; i <= TSQL_PARAMS_MAX; i++)
		buf_printf(&sql, "@p%d ", i);
	assert_int_equal(tsql_params(buf_str(&sql), &a, &names, &n, &err), -1);
	check_err(&err, ERR_LIMIT, "more than 2100 parameters");
	buf_release(&sql);
	arena_release(&a);
}

static void check_batches(const char *script, const char *expected)
{
	struct buf out = BUF_INIT(1000);
	struct err err = ERR_INIT;
	struct tsql_batch b;
	unsigned line = 1;
	int rc;

	while ((rc = tsql_next_batch(&script, &line, &b, &err)) > 0)
		buf_printf(&out, "%u*%u<%.*s>", b.line, b.repeat, (int)b.len, b.text);
	if (rc < 0)
		buf_printf(&out, "%s", err.msg);
	assert_string_equal(buf_str(&out), expected);
	buf_release(&out);
}

static void scripts_are_cut_at_go(void **state)
{
	(void)state;
	check_batches("SELECT 1", "1*1<SELECT 1>");
	check_batches("a\nGO\nb\n", "1*1<a\n>3*1<b\n>");
	check_batches("a\r\n go 3 -- thrice\r\nb", "1*3<a\r\n>3*1<b>");
	check_batches("\n\nGO\n-- nothing\nGO\nx\nGO;", "6*1<x\n>");
	check_batches("SELECT 'a\nGO\nb'\nGO\n/*\nGO\n*/ c", "1*1<SELECT 'a\nGO\nb'\n>5*1</*\nGO\n*/ c>");
	check_batches("GOTO x\nGO_ON\nx GO", "1*1<GOTO x\nGO_ON\nx GO>");
	check_batches("", "");
	check_batches("a\nGO b", "line 2: 'GO' stands alone or with a number from 1 to 10000");
	check_batches("a\nGO 0", "line 2: 'GO' stands alone or with a number from 1 to 10000");
	check_batches("a\nGO 99999999999", "line 2: 'GO' stands alone or with a number from 1 to 10000");
}

static void names_are_quoted(void **state)
{
	struct arena a = ARENA_INIT;

	(void)state;
	assert_string_equal(tsql_quote("a", &a), "[a]");
	assert_string_equal(tsql_quote("a]b\"c", &a), "[a]]b\"c]");
	assert_string_equal(tsql_quote("]", &a), "[]]]");
	arena_release(&a);
}

static void names_have_parts(void **state)
{
	static const struct {
		const char *text, *printed; /* NULL: it is none */
	} cases[] = {{"member", "[member]"}, {"dw.member", "[dw].[member]"}, {"[a.b].\"c]\"", "[a.b].[c]]]"},
		{"[a]]b].t", "[a]]b].[t]"}, {"db..t", "[db]..[t]"}, {"s.d.o.t", "[s].[d].[o].[t]"},
		{"a.b.c.d.e", NULL}, {"a.", NULL}, {"", NULL}, {"[a", NULL}, {"[a]b", NULL}};
	struct arena a = ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *parts[TSQL_NAME_PARTS];
		struct err err = ERR_INIT;
		int rc = tsql_name_parse(cases[i].text, &a, parts, &err);

		assert_int_equal(rc, cases[i].printed ? 0 : -1);
		if (rc == 0)
			assert_string_equal(tsql_name_print(parts, &a), cases[i].printed);
		else
			assert_int_equal(err.code, ERR_CONFIG);
	}
	assert_string_equal(tsql_text("it's", &a), "N'it''s'");
	arena_release(&a);
}

static void what_a_text_mentions(void **state)
{
	static const struct {
		const char *sql, *name;
		bool mentions;
	} cases[] = {{"SELECT wage FROM dbo.pay", "Wage", true}, {"SELECT wages FROM dbo.pay", "wage", false},
		{"SELECT [PAY].x", "pay", true}, {"SELECT \"a\"\"b\"", "a\"b", true}, {"SELECT [a]]b]", "a]b", true},
		{"SELECT 'pay' -- pay\n/* pay */", "pay", false}, {"SELECT [pay", "pay", true}, {"", "pay", false},
		{"SELECT [pay] FROM x", "pa", false}, {"SELECT x.pay", "x", true}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(tsql_mentions(cases[i].sql, cases[i].name), cases[i].mentions);
}

static void a_star_for_all_columns(void **state)
{
	static const char *const all[] = {"SELECT * FROM t", "SELECT t.*, 1 FROM t", "SELECT TOP (5) * -- x\nFROM t",
		"SELECT id, * INTO x FROM t", "SELECT (SELECT s.*)", "select t.*"};
	static const char *const none[] = {"SELECT COUNT(*) FROM t", "SELECT a * b FROM t", "SELECT 2 * (a) FROM t",
		"SELECT '* FROM' FROM t", "SELECT a /* , * FROM */ FROM t", ""};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		assert_true(tsql_selects_all(all[i]));
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_false(tsql_selects_all(none[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_have_parts),
		cmocka_unit_test(what_a_text_mentions),
		cmocka_unit_test(a_star_for_all_columns),
		cmocka_unit_test(parameters_by_their_first_appearance),
		cmocka_unit_test(too_many_parameters),
		cmocka_unit_test(scripts_are_cut_at_go),
		cmocka_unit_test(names_are_quoted),
	};

	return cmocka_run_group_tests_name("db/tsql", tests, NULL, NULL);
}
