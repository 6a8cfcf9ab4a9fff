/* Control flow, variables, errors, procedures, transactions of one session. */
#include <string.h>

#include "unit/tdsd/support/pairs.h"

#define ENDED "> 3621 The statement has been terminated.\n"

static void variables(void **state)
{
	static const struct pair v[] = {
		{"DECLARE @a int = 5, @b varchar(3) = 'abcdef'; SELECT @a AS a, @b AS b",
			"a int, b varchar(3)\n5|abc\n"},
		{"DECLARE @a int; SET @a = 1; SET @a += 2; SELECT @a = @a * 10; SELECT @a AS a",
			"a int\n30\n"},
		{"DECLARE @a int = 7; SELECT @a = n FROM (VALUES (1), (2)) AS t (n) WHERE n > 5; "
		 "SELECT @a AS a, @@ROWCOUNT AS r",
			"a int, r int!\n7|0\n"},
		{"DECLARE @s varchar(20) = ''; SELECT @s = @s + n FROM (VALUES ('a'), ('b')) AS t "
		 "(n); SELECT @s AS s",
			"s varchar(20)\nab\n"},
		{"DECLARE @a int; DECLARE @a int",
			"Msg 134.2 15 line 1: The variable name '@a' has already been declared. "
			"Variable names must be unique within a query batch or stored "
			"procedure.\n"},
		{"DECLARE @t TABLE (id int IDENTITY PRIMARY KEY, a varchar(5) DEFAULT 'd'); INSERT "
		 "@t DEFAULT VALUES; INSERT @t (a) VALUES ('x'); SELECT * FROM @t WHERE id > 1",
			"id int! identity, a varchar(5)\n2|x\n"},
		{"SET @x = 1", "Msg 137.2 15 line 1: Must declare the scalar variable \"@x\".\n"},
	};

	CHECK(v);
}

static void flow(void **state)
{
	static const struct pair v[] = {
		{"IF 1 = 1 PRINT 'yes' ELSE PRINT 'no'; IF NULL = NULL PRINT 'yes'; ELSE PRINT "
		 "'no'",
			"> yes\n> no\n"},
		{"DECLARE @i int = 0; WHILE @i < 10 BEGIN SET @i += 1; IF @i = 2 CONTINUE; IF @i > "
		 "3 BREAK; PRINT CONCAT('i ', @i) END",
			"> i 1\n> i 3\n"},
		{"IF EXISTS (SELECT 1) BEGIN PRINT 'a' PRINT 'b' END", "> a\n> b\n"},
		{"PRINT 'a' RETURN PRINT 'b'", "> a\n"},
		{"BREAK", "Msg 135.1 15 line 1: Cannot use a BREAK statement outside the scope of "
			  "a WHILE statement.\n"},
		{"BEGIN PRINT 'a'", "Msg 102.1 15 line 1: Incorrect syntax near 'a'.\n"},
	};

	CHECK(v);
}

static void errors(void **state)
{
	static const struct pair v[] = {
		{"RAISERROR('a %s %d%%', 16, 3, 'b', 5); PRINT 'on'",
			"Msg 50000.3 16 line 1: a b 5%\n> on\n"},
		{"RAISERROR('info', 0, 1) WITH NOWAIT", "> 50000 info\n"},
		{"THROW 50001, 'thrown', 7; PRINT 'never'", "Msg 50001.7 16 line 1: thrown\n"},
		{"THROW 1, 'x', 1", "Msg 35100.10 16 line 1: Error number 1 in the THROW statement "
				    "is outside the valid range. Specify an error number in the "
				    "valid range of 50000 to 2147483647.\n"},
		{"BEGIN TRY\nSELECT 1/0 AS x\nEND TRY\nBEGIN CATCH\nSELECT ERROR_NUMBER() n, "
		 "ERROR_SEVERITY() v, ERROR_STATE() s, ERROR_LINE() l, ERROR_MESSAGE() m, @@ERROR "
		 "e\nEND CATCH",
			"x int!\nn int, v int, s int, l int, m nvarchar(4000), e "
			"int!\n8134|16|1|2|Divide by zero error encountered.|8134\n"},
		{"BEGIN TRY THROW 50005, 'inner', 2 END TRY BEGIN CATCH PRINT 'caught'; THROW END "
		 "CATCH",
			"> caught\nMsg 50005.2 16 line 1: inner\n"},
		{"BEGIN TRY RAISERROR('r', 11, 1) PRINT 'never' END TRY BEGIN CATCH PRINT "
		 "ERROR_MESSAGE() END CATCH PRINT 'on'",
			"> r\n> on\n"},
		{"SELECT 1/0 AS x; SELECT @@ERROR AS e", "x int!\nMsg 8134.1 16 line 1: Divide by "
							 "zero error encountered.\ne int!\n8134\n"},
		{"SELECT ERROR_NUMBER() AS n", "n int\nNULL\n"},
		{"SELECT CAST('x' AS int) AS x; PRINT 'never'",
			"x int!\nMsg 245.1 16 line 1: Conversion failed when converting the "
			"varchar value 'x' to data type int.\n"},
		{"SELECT * FROM nix; PRINT 'never'",
			"Msg 208.1 16 line 1: Invalid object name 'nix'.\n"},
		{"MERGE t", "Msg 156.1 15 line 1: Incorrect syntax near the keyword 'MERGE'.\n"},
		{"GOTO x", "Msg 156.1 15 line 1: Incorrect syntax near the keyword 'GOTO'.\n"},
		{"DECLARE c CURSOR FOR SELECT 1",
			"Msg 40510.1 16 line 1: CURSOR is not supported by tdsd.\n"},
		{"SELECT 1 FOR JSON PATH", "Msg 40510.1 16 line 1: FOR XML, JSON and BROWSE is not "
					   "supported by tdsd.\n"},
	};

	CHECK(v);
}

static void procedures(void **state)
{
	static const struct pair v[] = {
		{"EXEC sp_executesql N'SELECT @a + 1 AS b', N'@a int', @a = 5", "b int\n6\n"},
		{"DECLARE @o int; EXEC sp_executesql N'SET @x = @a * 2', N'@a int, @x int OUTPUT', "
		 "4, @o OUTPUT; SELECT @o AS o",
			"o int\n8\n"},
		{"EXEC sp_executesql N'SELECT @a', N'@a int'",
			"Msg 8178.1 16 line 1: The parameterized query '?' expects the parameter "
			"'@a', which was not supplied.\n"},
		{"DECLARE @s nvarchar(50) = N'PRINT ''dynamic'''; EXEC (@s)", "> dynamic\n"},
		{"EXEC sp_set_session_context N'k', N'v'; SELECT CAST(SESSION_CONTEXT(N'k') AS "
		 "nvarchar(10)) AS v",
			"v nvarchar(10)\nv\n"},
		{"EXEC sp_set_session_context @key = N'r', @value = 1, @read_only = 1; EXEC "
		 "sp_set_session_context N'r', 2",
			"Msg 15664.1 16 line 1: Cannot set key 'r' in the session context. The key "
			"has been set as read_only for this session.\n"},
		{"DECLARE @r int; EXEC @r = sp_getapplock @Resource = 'x', @LockMode = "
		 "'Exclusive', @LockOwner = 'Session', @LockTimeout = 0; SELECT @r AS r",
			"r int\n0\n"},
		{"EXEC sp_releaseapplock 'x', 'Session'", ""},
		{"EXEC sp_releaseapplock 'x', 'Session'",
			"Msg 1223.1 16 line 1: Cannot release the application lock (Database "
			"Principal: 'public', Resource: 'x') because it is not currently held.\n"},
		{"CREATE TABLE #t (a int); EXEC sp_executesql N'INSERT #t VALUES (1); SELECT a "
		 "FROM #t'",
			"a int\n1\n"},
		{"EXEC sp_reset_connection; SELECT OBJECT_ID('tempdb..#t') AS o", "o int\nNULL\n"},
	};

	CHECK(v);
}

static void options(void **state)
{
	static const struct pair v[] = {
		{"SET ANSI_NULLS, ANSI_PADDING, ANSI_WARNINGS, ARITHABORT, "
		 "CONCAT_NULL_YIELDS_NULL, QUOTED_IDENTIFIER ON; SET TEXTSIZE 2147483647; SET "
		 "XACT_ABORT ON; SET LOCK_TIMEOUT 5000;"
		 " SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SELECT @@LOCK_TIMEOUT AS l, "
		 "@@TEXTSIZE AS t, @@OPTIONS AS o",
			"l int!, t int!, o int!\n5000|2147483647|21880\n"},
		{"SET TEXTSIZE 4; SELECT CAST('abcdef' AS varchar(max)) AS a, CAST(N'xäöü' AS nvarchar(max)) AS b, "
		 "CAST(0x010203040506 AS varbinary(max)) AS c, 'abcdef' AS d",
			"a varchar(max)!, b nvarchar(max)!, c varbinary(max)!, d varchar(6)!\nabcd|xä|0x01020304|abcdef\n"},
		{"SET TEXTSIZE -1", ""},
		{"SET QUOTED_IDENTIFIER OFF", ""},
		{"SELECT \"text\"", "varchar(4)!\ntext\n"},
		{"SET QUOTED_IDENTIFIER ON", ""},
		{"SELECT 1 AS \"name\"", "name int!\n1\n"},
		{"CREATE TABLE t (a int NOT NULL, b varchar(5)); INSERT t VALUES (1, 'x')", ""},
		{"SET FMTONLY ON select * from t SET FMTONLY OFF", "a int!, b varchar(5)\n"},
		{"SET NOEXEC ON; SELECT 1; SET NOEXEC OFF", ""},
		{"SET nix ON", "Msg 195.10 15 line 1: 'nix' is not a recognized built-in function "
			       "name.\n"},
		{"USE master", "env 1 master<db\n> 5701 Changed database context to 'master'.\n"},
		{"SELECT * FROM db..t", "a int!, b varchar(5)\n1|x\n"},
		{"SET LANGUAGE us_english", "env 2 us_english<us_english\n"},
	};

	CHECK(v);
}

static void triggers(void **state)
{
	static const struct pair v[] = {
		{"CREATE TABLE t (id int IDENTITY PRIMARY KEY, a int, b int); CREATE TABLE l (n "
		 "int IDENTITY(100, 1), x "
		 "varchar(20))",
			""},
		{"CREATE TRIGGER tr ON t AFTER INSERT AS SET NOCOUNT ON; UPDATE t SET b = i.a * 2 "
		 "FROM t JOIN inserted i ON "
		 "i.id = t.id; INSERT l (x) SELECT CONCAT('i ', a) FROM inserted; SET NOCOUNT OFF",
			""},
		{"INSERT t (a) VALUES (1), (2); SELECT SCOPE_IDENTITY() AS i, @@ROWCOUNT AS r; "
		 "SELECT a, b FROM t; SELECT x "
		 "FROM l",
			"i numeric(38,0), r int!\n2|2\na int, b int\n1|2\n2|4\nx varchar(20)\ni "
			"1\ni 2\n"},
		{"CREATE TRIGGER tu ON dbo.t FOR UPDATE, DELETE AS INSERT l (x) SELECT CONCAT('d "
		 "', d.a, ' ', i.a) FROM "
		 "deleted d LEFT JOIN inserted i ON i.id = d.id",
			""},
		{"DELETE l; UPDATE t SET a = a + 10 WHERE a = 1; DELETE t WHERE a = 2; SELECT x "
		 "FROM l",
			"x varchar(20)\nd 1 11\nd 2 \n"},
		{"INSERT t (a) OUTPUT inserted.id VALUES (5)",
			"Msg 334.1 16 line 1: The target table 't' of the DML statement cannot "
			"have any enabled triggers if "
			"the statement contains an OUTPUT clause without INTO clause.\n"},
		{"DECLARE @o TABLE (id int); INSERT t (a) OUTPUT inserted.id INTO @o VALUES (5); "
		 "SELECT COUNT(*) AS n FROM "
		 "@o",
			"n int!\n1\n"},
		{"DROP TRIGGER tr; CREATE TRIGGER tr ON t FOR INSERT AS IF EXISTS (SELECT 1 FROM "
		 "inserted WHERE a < 0) THROW "
		 "50007, 'negative', 1",
			""},
		{"INSERT t (a) VALUES (-1); PRINT 'never'", "Msg 50007.1 16 line 1: negative\n"},
		{"SELECT COUNT(*) AS n, @@TRANCOUNT AS t FROM t WHERE a < 0",
			"n int!, t int!\n0|0\n"},
		{"BEGIN TRY INSERT t (a) VALUES (-1) END TRY BEGIN CATCH PRINT ERROR_MESSAGE() END "
		 "CATCH",
			"> negative\n"},
		{"INSERT t (a) VALUES (7); SELECT COUNT(*) AS n FROM t WHERE a = 7", "n int!\n1\n"},
		{"DROP TRIGGER IF EXISTS tr, tu; DROP TRIGGER tr",
			"Msg 3701.5 11 line 1: Cannot drop the trigger 'tr', because it does not "
			"exist or you do not have "
			"permission.\n"},
	};

	CHECK(v);
}

static void transactions(void **state)
{
	static const struct pair v[] = {
		{"CREATE TABLE t (a int PRIMARY KEY)", ""},
		{"BEGIN TRAN; INSERT t VALUES (1); SELECT @@TRANCOUNT AS n, XACT_STATE() AS x; "
		 "COMMIT",
			"env 8\nn int!, x smallint!\n1|1\nenv 9\n"},
		{"BEGIN TRAN; BEGIN TRAN; INSERT t VALUES (2); COMMIT; SELECT @@TRANCOUNT AS n; "
		 "ROLLBACK; SELECT COUNT(*) AS c FROM t",
			"env 8\nn int!\n1\nenv 10\nc int!\n1\n"},
		{"BEGIN TRAN; INSERT t VALUES (3); SAVE TRAN s; INSERT t VALUES (4); ROLLBACK TRAN "
		 "s; COMMIT; SELECT a FROM t ORDER BY a",
			"env 8\nenv 9\na int!\n1\n3\n"},
		{"BEGIN TRAN; SAVE TRAN s; INSERT t VALUES (4); ROLLBACK TRAN s; COMMIT; SELECT "
		 "COUNT(*) AS c FROM t",
			"env 8\nenv 9\nc int!\n2\n"},
		{"COMMIT", "Msg 3902.1 16 line 1: The COMMIT TRANSACTION request has no "
			   "corresponding BEGIN TRANSACTION.\n"},
		{"ROLLBACK", "Msg 3903.1 16 line 1: The ROLLBACK TRANSACTION request has no "
			     "corresponding BEGIN TRANSACTION.\n"},
		{"BEGIN TRAN; ROLLBACK TRAN nix",
			"env 8\nMsg 6401.1 16 line 1: Cannot roll back nix. No transaction or "
			"savepoint of that name was found.\n"},
		{"ROLLBACK", "env 10\n"},
		{"BEGIN TRAN; INSERT t VALUES (5); INSERT t VALUES (5); INSERT t VALUES (6); "
		 "COMMIT; SELECT COUNT(*) AS c FROM t",
			"env 8\nMsg 2627.1 14 line 1: Violation of PRIMARY KEY constraint "
			"'PK__t__F10C3DA36BE302D5'. Cannot insert duplicate key in object 'dbo.t'. "
			"The duplicate key value is (5).\n" ENDED "env 9\nc int!\n4\n"},
		{"SET XACT_ABORT ON; BEGIN TRAN; INSERT t VALUES (7); INSERT t VALUES (5); PRINT "
		 "'never'",
			"env 8\nMsg 2627.1 14 line 1: Violation of PRIMARY KEY constraint "
			"'PK__t__F10C3DA36BE302D5'. Cannot insert duplicate key in object 'dbo.t'. "
			"The duplicate key value is (5).\n" ENDED "env 10\n"},
		{"SELECT COUNT(*) AS c, @@TRANCOUNT AS n FROM t", "c int!, n int!\n4|0\n"},
		{"BEGIN TRAN; BEGIN TRY INSERT t VALUES (5) END TRY BEGIN CATCH SELECT "
		 "XACT_STATE() AS x; ROLLBACK END CATCH; SET XACT_ABORT OFF",
			"env 8\nx smallint!\n-1\nenv 10\n"},
		{"SET XACT_ABORT ON; BEGIN TRAN; BEGIN TRY INSERT t VALUES (5) END TRY BEGIN CATCH "
		 "PRINT 'c' END CATCH",
			"env 8\n> c\nMsg 3998.1 16 line 1: Uncommittable transaction is detected "
			"at the end of the batch. The transaction is rolled back.\nenv 10\n"},
		{"SET XACT_ABORT OFF; BEGIN TRAN; CREATE TABLE u (a int); DROP TABLE t; ROLLBACK; "
		 "SELECT OBJECT_ID('u') AS u; SELECT COUNT(*) AS c FROM t",
			"env 8\nenv 10\nu int\nNULL\nc int!\n4\n"},
		{"SET IMPLICIT_TRANSACTIONS ON; INSERT t VALUES (9); SELECT @@TRANCOUNT AS n; "
		 "ROLLBACK; SET IMPLICIT_TRANSACTIONS OFF",
			"env 8\nn int!\n1\nenv 10\n"},
		{"ALTER DATABASE db SET ALLOW_SNAPSHOT_ISOLATION OFF; SET TRANSACTION ISOLATION "
		 "LEVEL SNAPSHOT; BEGIN TRAN; SELECT a FROM t",
			"env 8\nMsg 3952.1 16 line 1: Snapshot isolation transaction failed "
			"accessing database 'db' because snapshot isolation is not allowed in this "
			"database. Use ALTER DATABASE to allow snapshot isolation.\nenv 10\n"},
	};

	CHECK(v);
}

static void requests_of_the_transaction_manager(void **state)
{
	struct fixture *f = *state;
	struct asked *a = &f->a;

	a->counts = false;
	check_ask(a, "CREATE TABLE t (a int)", "");
	assert_string_equal(ask_transaction(a, SESSION_BEGIN, 5, NULL), "env 8\n");
	check_ask(a,
		"INSERT t VALUES (1); SELECT transaction_isolation_level AS i, @@TRANCOUNT AS n "
		"FROM sys.dm_exec_sessions WHERE session_id = @@SPID",
		"i smallint!, n int!\n5|1\n");
	assert_string_equal(ask_transaction(a, SESSION_SAVE, 0, "p"), "");
	check_ask(a, "INSERT t VALUES (2)", "");
	assert_string_equal(ask_transaction(a, SESSION_ROLLBACK, 0, "p"), "");
	assert_string_equal(ask_transaction(a, SESSION_COMMIT, 0, NULL), "env 9\n");
	check_ask(a, "SELECT a FROM t", "a int\n1\n");
	assert_string_equal(ask_transaction(a, SESSION_COMMIT, 0, NULL),
		"Msg 3902.1 16 line 0: The COMMIT TRANSACTION request has no corresponding BEGIN "
		"TRANSACTION.\n");
}

static void parameters(void **state)
{
	struct fixture *f = *state;
	struct asked *a = &f->a;
	struct engine_param v[3];

	a->counts = false;
	v[0] = param(a, "@n", "int", "5");
	v[1] = param(a, "@s", "nvarchar(10)", NULL);
	v[2] = param(a, "@o", "datetime2(3)", "2026-01-02 03:04:05.678");
	v[2].output = true;
	assert_string_equal(
		ask_with(
			a, "SELECT @n AS n, @s AS s, @o AS o; SET @o = DATEADD(day, @n, @o)", v, 3),
		"n int, s nvarchar(10), o datetime2(3)\n5|NULL|2026-01-02 03:04:05.678\n@o "
		"datetime2(3) = 2026-01-07 03:04:05.678\n");
}

static void a_statement_is_cancelled(void **state)
{
	struct fixture *f = *state;
	struct asked *a = &f->a;

	a->counts = false;
	a->cancel_after = 50;
	assert_non_null(strstr(ask(a, "DECLARE @i int = 0; WHILE 1 = 1 SET @i += 1"), "gone\n"));
	a->cancel_after = 50;
	assert_non_null(
		strstr(ask(a, "WITH n AS (SELECT n FROM (VALUES "
			      "(0),(1),(2),(3),(4),(5),(6),(7),(8),(9)) AS t (n))"
			      " SELECT COUNT(*) FROM n a, n b, n c, n d, n e, n f, n g, n h"),
			"gone\n"));
	a->cancel_after = 0;
	check_ask(a, "SELECT 1 AS a", "a int!\n1\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(variables, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(flow, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(errors, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(procedures, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(options, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(triggers, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(transactions, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(
			requests_of_the_transaction_manager, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(parameters, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(
			a_statement_is_cancelled, pairs_setup, pairs_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
