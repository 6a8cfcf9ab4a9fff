/* INSERT BULK. */
#include <stdio.h>
#include <string.h>

#include "unit/tdsd/support/pairs.h"

#define ENDED "> 3621 The statement has been terminated.\n"

static void rows_are_stored(void **state)
{
	struct fixture *f = *state;
	struct asked *a = &f->a;
	static const char *const rows[] = {"1|abc|1.50|0x0102|2026-01-02 03:04:05.678",
		"2|NULL|NULL|NULL|NULL", "3||-7|0x|0001-01-01 00:00:00.000"};

	check_ask(a,
		"CREATE TABLE t (id int NOT NULL PRIMARY KEY, s varchar(5), d decimal(10,2), b "
		"varbinary(max), t datetime2(3))",
		"");
	assert_string_equal(
		ask_bulk(a,
			"INSERT BULK dbo.t (id int, s varchar(5) COLLATE "
			"SQL_Latin1_General_CP1_CI_AS, d decimal(10,2), b varbinary(max), t "
			"datetime2(3)) WITH (TABLOCK, CHECK_CONSTRAINTS)",
			"id int, s varchar(5), d decimal(10,2), b varbinary(max), t datetime2(3)",
			rows, 3),
		"(3)\n");
	check_ask(a, "SELECT * FROM t",
		"id int!, s varchar(5), d decimal(10,2), b varbinary(max), t datetime2(3)\n"
		"1|abc|1.50|0x0102|2026-01-02 "
		"03:04:05.678\n2|NULL|NULL|NULL|NULL\n3||-7.00|0x|0001-01-01 00:00:00.000\n(3)\n");
}

static void what_is_wrong_is_told(void **state)
{
	struct fixture *f = *state;
	struct asked *a = &f->a;
	static const char *const one[] = {"1|a"}, *const null[] = {"2|a", "NULL|b"},
				 *const twice[] = {"3|x", "3|y"}, *const wide[] = {"4|abcdef"};

	check_ask(a,
		"CREATE TABLE t (id int NOT NULL CONSTRAINT pk PRIMARY KEY, s varchar(5) "
		"CONSTRAINT ck CHECK (s <> 'bad'))",
		"");
	assert_string_equal(ask_bulk(a, "INSERT BULK nix (id int)", "id int", one, 1),
		"Msg 208.1 16 line 1: Invalid object name 'nix'.\n");
	assert_string_equal(
		ask_bulk(a, "INSERT BULK t (id int, nix int)", "id int, nix int", one, 1),
		"Msg 207.1 16 line 1: Invalid column name 'nix'.\n");
	assert_string_equal(ask_bulk(a, "INSERT BULK t (id int, s varchar(5))",
				    "id int, s varchar(5)", null, 2),
		"Msg 515.2 16 line 1: Cannot insert the value NULL into column 'id', table "
		"'db.dbo.t'; column does not allow nulls. INSERT fails.\n" ENDED);
	assert_string_equal(ask_bulk(a, "INSERT BULK t (id int, s varchar(5))",
				    "id int, s varchar(5)", twice, 2),
		"Msg 2627.1 14 line 1: Violation of PRIMARY KEY constraint 'pk'. Cannot insert "
		"duplicate key in object 'dbo.t'. The duplicate key value is (3).\n" ENDED);
	assert_string_equal(ask_bulk(a, "INSERT BULK t (id int, s varchar(10))",
				    "id int, s varchar(10)", wide, 1),
		"Msg 2628.1 16 line 1: String or binary data would be truncated in table "
		"'db.dbo.t', column 's'. Truncated value: 'abcde'.\n" ENDED);
	assert_non_null(strstr(ask_bulk(a, "INSERT BULK t (id int, s varchar(5))",
				       "id varchar(5), s varchar(5)", one, 1),
		"Msg 4816.1 16 line 1: Invalid column type from bcp client for colid 1.\n"));
	check_ask(a, "SELECT COUNT(*) AS n FROM t", "n int!\n0\n(1)\n");
}

static void checks_are_made_when_asked_for(void **state)
{
	struct fixture *f = *state;
	struct asked *a = &f->a;
	static const char *const bad[] = {"1|bad"};

	check_ask(a, "CREATE TABLE t (id int, s varchar(5) CONSTRAINT ck CHECK (s <> 'bad'))", "");
	assert_string_equal(
		ask_bulk(a, "INSERT BULK t (id int, s varchar(5)) WITH (CHECK_CONSTRAINTS)",
			"id int, s varchar(5)", bad, 1),
		"Msg 547.0 16 line 1: The INSERT statement conflicted with the CHECK constraint "
		"\"ck\". The conflict occurred in database \"db\", table \"dbo.t\".\n" ENDED);
	assert_string_equal(
		ask_bulk(a, "INSERT BULK t (id int, s varchar(5))", "id int, s varchar(5)", bad, 1),
		"(1)\n");
	assert_non_null(strstr(ask(a, "INSERT t VALUES (2, 'bad')"), "Msg 547"));
	check_ask(a, "SELECT is_not_trusted FROM sys.check_constraints", "is_not_trusted bit!\n1\n(1)\n");
}

static void triggers_fire_when_asked_for(void **state)
{
	struct fixture *f = *state;
	struct asked *a = &f->a;
	static const char *const rows[] = {"1", "2"}, *const more[] = {"3"};

	check_ask(a, "CREATE TABLE t (id int); CREATE TABLE log (n int)", "");
	check_ask(a, "CREATE TRIGGER tr ON t AFTER INSERT AS INSERT log SELECT COUNT(*) FROM inserted", "");
	assert_string_equal(ask_bulk(a, "INSERT BULK t (id int)", "id int", rows, 2), "(2)\n");
	check_ask(a, "SELECT n FROM log", "n int\n(0)\n");
	assert_string_equal(
		ask_bulk(a, "INSERT BULK t (id int) WITH (FIRE_TRIGGERS)", "id int", more, 1), "(1)\n(1)\n");
	check_ask(a, "SELECT n FROM log; SELECT COUNT(*) AS n FROM t", "n int\n1\n(1)\nn int!\n3\n(1)\n");
}

/* As many columns as a table may have. */
static void the_widest_table(void **state)
{
	struct fixture *f = *state;
	struct asked *a = &f->a;
	CLEANUP(buf_release) struct buf table = BUF_INIT(1 << 20), list = BUF_INIT(1 << 20), row = BUF_INIT(1 << 20);
	const char *rows[1];

	for (int i = 1; i <= 1024; i++) {
		buf_printf(&list, "%sc%d int", i > 1 ? ", " : "", i);
		buf_printf(&row, "%s%d", i > 1 ? "|" : "", i);
	}
	buf_printf(&table, "CREATE TABLE wide (%s)", buf_str(&list));
	check_ask(a, buf_str(&table), "");
	buf_reset(&table);
	buf_printf(&table, "INSERT BULK wide (%s)", buf_str(&list));
	rows[0] = buf_str(&row);
	assert_string_equal(ask_bulk(a, buf_str(&table), buf_str(&list), rows, 1), "(1)\n");
	check_ask(a, "SELECT c1, c512, c1024 FROM wide", "c1 int, c512 int, c1024 int\n1|512|1024\n(1)\n");
}

static void identity_defaults_and_rowversions(void **state)
{
	struct fixture *f = *state;
	struct asked *a = &f->a;
	static const char *const rows[] = {"a|NULL", "b|5"}, *const keyed[] = {"50|x|1"};

	check_ask(a,
		"CREATE TABLE t (id int IDENTITY PRIMARY KEY, s varchar(5), n int DEFAULT 7, r "
		"rowversion, c AS (n + 1))",
		"");
	assert_string_equal(
		ask_bulk(a, "INSERT BULK t (s varchar(5), n int)", "s varchar(5), n int", rows, 2),
		"(2)\n");
	check_ask(a, "SELECT id, s, n, c FROM t",
		"id int! identity, s varchar(5), n int, c int\n1|a|7|8\n2|b|5|6\n(2)\n");
	assert_string_equal(ask_bulk(a, "INSERT BULK t (s varchar(5), n int) WITH (KEEP_NULLS)",
				    "s varchar(5), n int", rows, 1),
		"(1)\n");
	check_ask(
		a, "SELECT n FROM t WHERE id = 3; SET IDENTITY_INSERT t ON", "n int\nNULL\n(1)\n");
	assert_string_equal(ask_bulk(a, "INSERT BULK t (id int, s varchar(5), n int)",
				    "id int, s varchar(5), n int", keyed, 1),
		"(1)\n");
	check_ask(a,
		"SET IDENTITY_INSERT t OFF; INSERT t (s) VALUES ('z'); SELECT MAX(id) AS m FROM t",
		"(1)\nm int\n51\n(1)\n");
}

static void a_load_belongs_to_its_transaction(void **state)
{
	struct fixture *f = *state;
	struct asked *a = &f->a;
	static const char *const rows[] = {"1", "2"}, *const null[] = {"NULL"};

	check_ask(a, "CREATE TABLE t (id int NOT NULL)", "");
	check_ask(a, "BEGIN TRAN", "env 8\n");
	assert_string_equal(ask_bulk(a, "INSERT BULK t (id int)", "id int", rows, 2), "(2)\n");
	check_ask(a, "ROLLBACK; SELECT COUNT(*) AS n FROM t", "env 10\nn int!\n0\n(1)\n");
	check_ask(a, "BEGIN TRAN; INSERT t VALUES (9)", "env 8\n(1)\n");
	assert_non_null(
		strstr(ask_bulk(a, "INSERT BULK t (id int)", "id int", null, 1), "Msg 515"));
	check_ask(a, "COMMIT; SELECT COUNT(*) AS n FROM t", "env 9\nn int!\n1\n(1)\n");
	/* another batch instead of the rows: nothing of the load is left */
	check_ask(a, "INSERT BULK t (id int)", "");
	assert_true(session_wants_bulk(a->s));
	check_ask(a, "SELECT COUNT(*) AS n FROM t", "n int!\n1\n(1)\n");
	assert_false(session_wants_bulk(a->s));
}

/* Of an xml column, and of a cast. */
static void xml_is_well_formed(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{"", NULL},
		{"text alone", NULL},
		{"<a/><b x = '1'>t</b>", NULL},
		{"<a x=\"1\" y=\'&lt;\'><!-- <> --><![CDATA[<]]><?p i?>&#65;</a>", NULL},
		{"<a><b></a>", "Msg 9436.1 16 line 1: XML parsing: line 1, character 10, end tag does not match "
			       "start tag\n"},
		{"</a>", "Msg 9436.1 16 line 1: XML parsing: line 1, character 4, end tag does not match start tag\n"},
		{"<a", "Msg 9400.1 16 line 1: XML parsing: line 1, character 3, unexpected end of input\n"},
		{"<a>\n<b/>", "Msg 9400.1 16 line 1: XML parsing: line 2, character 5, unexpected end of input\n"},
		{"a & b", "Msg 9421.1 16 line 1: XML parsing: line 1, character 4, illegal name character\n"},
		{"<1/>", "Msg 9455.1 16 line 1: XML parsing: line 1, character 2, illegal qualified name character\n"},
		{"<a b/>", "Msg 9414.1 16 line 1: XML parsing: line 1, character 5, equal expected\n"},
		{"<a b=1/>", "Msg 9413.1 16 line 1: XML parsing: line 1, character 6, A string literal was expected\n"},
	};
	struct fixture *f = *state;
	struct asked *a = &f->a;

	check_ask(a, "CREATE TABLE x (id int, doc xml)", "");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char row[128], expected[256];
		const char *rows[] = {row};

		snprintf(row, sizeof(row), "1|%s", cases[i].text);
		snprintf(expected, sizeof(expected), "%s%s", cases[i].error ? cases[i].error : "(1)\n",
			cases[i].error ? ENDED : "");
		assert_string_equal(ask_bulk(a, "INSERT BULK x (id int, doc nvarchar(max))",
					    "id int, doc nvarchar(max)", rows, 1),
			expected);
	}
	check_ask(a, "SELECT TRY_CAST(N'<a>' AS xml), TRY_CAST(N'<a/>' AS xml)",
		"xml, xml\nNULL|<a/>\n(1)\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(triggers_fire_when_asked_for, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(the_widest_table, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(rows_are_stored, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(what_is_wrong_is_told, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(
			checks_are_made_when_asked_for, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(
			identity_defaults_and_rowversions, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(xml_is_well_formed, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(
			a_load_belongs_to_its_transaction, pairs_setup, pairs_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
