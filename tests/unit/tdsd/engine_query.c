/* Expressions and queries: their values and their types. */
#include "unit/tdsd/support/pairs.h"

static void literals(void **state)
{
	static const struct pair v[] = {
		{"SELECT 1", "int!\n1\n"},
		{"SELECT -1 AS a", "a int!\n-1\n"},
		{"SELECT 'abc' b, N'\xc3\xa4' c", "b varchar(3)!, c nvarchar(1)!\nabc|\xc3\xa4\n"},
		{"SELECT ''", "varchar(1)!\n\n"},
		{"SELECT 1.50, 2147483648, .5",
			"numeric(3,2)!, numeric(10,0)!, numeric(1,1)!\n1.50|2147483648|0.5\n"},
		{"SELECT 1e3", "float!\n1000.0\n"},
		{"SELECT 0x0A0b", "varbinary(2)!\n0x0A0B\n"},
		{"SELECT $1.5", "money!\n1.50\n"},
		{"SELECT NULL", "int\nNULL\n"},
		{"SELECT 'it''s' AS [a]]b]", "a]b varchar(4)!\nit's\n"},
		{"select x = 5, 'y' as 'z'", "x int!, z varchar(1)!\n5|y\n"},
	};

	CHECK(v);
}

static void arithmetic(void **state)
{
	static const struct pair v[] = {
		{"SELECT 7/2, 7%3, -7/2, 2*3+1", "int!, int!, int!, int!\n3|1|-3|7\n"},
		{"SELECT 1.0/3", "numeric(7,6)!\n0.333333\n"},
		{"SELECT 1.5+1, 1.5*1.5", "numeric(3,1)!, numeric(5,2)!\n2.5|2.25\n"},
		{"SELECT CAST(1 AS decimal(38,10))/3", "numeric(38,10)!\n0.3333333333\n"},
		{"SELECT 1/0", "int!\nMsg 8134.1 16 line 1: Divide by zero error encountered.\n"},
		{"SELECT 2147483647+1", "int!\nMsg 8115.2 16 line 1: Arithmetic overflow error "
					"converting expression to data type int.\n"},
		{"SELECT CAST(9223372036854775807 AS bigint)", "bigint!\n9223372036854775807\n"},
		{"SELECT 1 + NULL", "int\nNULL\n"},
		{"SELECT 'a' + 'bc', N'a' + 'b'", "varchar(3)!, nvarchar(2)!\nabc|ab\n"},
		{"SELECT '5' + 1", "int!\n6\n"},
		{"SELECT 0x01 + 0x02", "varbinary(2)\n0x0102\n"},
		{"SELECT 6 & 3, 6 | 3, 6 ^ 3, ~5", "int!, int!, int!, int!\n2|7|5|-6\n"},
		{"SELECT 1e0/4, CAST(0.1 AS float)", "float!, float!\n0.25|0.1\n"},
		{"SELECT $10/4, $1*2", "money!, money!\n2.50|2.00\n"},
		{"SELECT ROUND(2.567, 1), FLOOR(-2.5), CEILING(2.1), ABS(-3)",
			"numeric(4,3), numeric(2,0)!, numeric(2,0)!, int!\n2.600|-3|3|3\n"},
		{"SELECT POWER(2, 10), SQRT(16)", "int, float\n1024|4.0\n"},
	};

	CHECK(v);
}

static void casts(void **state)
{
	static const struct pair v[] = {
		{"SELECT CAST('12' AS int), CAST(12.7 AS int), CAST(-12.7e0 AS int)",
			"int!, int!, int!\n12|12|-12\n"},
		{"SELECT CAST('x' AS int)", "int!\nMsg 245.1 16 line 1: Conversion failed when "
					    "converting the varchar value 'x' to data type int.\n"},
		{"SELECT TRY_CAST('x' AS int)", "int\nNULL\n"},
		{"SELECT CAST(300 AS tinyint)",
			"tinyint!\nMsg 220.1 16 line 1: Arithmetic overflow error for data type "
			"tinyint, value = 300.\n"},
		{"SELECT CAST(1.255 AS decimal(5,2))", "decimal(5,2)!\n1.26\n"},
		{"SELECT CAST('abc' AS varchar(2)), CAST('abc' AS char(5)), CAST(5 AS varchar)",
			"varchar(2)!, char(5)!, varchar(30)!\nab|abc  |5\n"},
		{"SELECT CAST('2026-02-03' AS date), CAST('2026-02-03 04:05:06.789' AS "
		 "datetime2(3))",
			"date!, datetime2(3)!\n2026-02-03|2026-02-03 04:05:06.789\n"},
		{"SELECT CAST('2026-02-03T04:05:06.1234567+01:30' AS datetimeoffset)",
			"datetimeoffset(7)!\n2026-02-03 04:05:06.1234567 +01:30\n"},
		{"SELECT CAST('04:05' AS time(0)), CAST('2026-02-03 04:05:06.998' AS datetime)",
			"time(0)!, datetime!\n04:05:00|2026-02-03 04:05:06.997\n"},
		{"SELECT CONVERT(varchar(23), CAST('2026-02-03 04:05:06.7' AS datetime2(3)), 121)",
			"varchar(23)!\n2026-02-03 04:05:06.700\n"},
		{"SELECT CONVERT(varchar(30), CAST('2026-02-03 04:05:06.7' AS datetime2(3)), 126)",
			"varchar(30)!\n2026-02-03T04:05:06.700\n"},
		{"SELECT CONVERT(datetime2(3), '2026-02-03T04:05:06.789Z', 127)",
			"datetime2(3)!\n2026-02-03 04:05:06.789\n"},
		{"SELECT CONVERT(varchar(8), CAST('20260203' AS date), 112)",
			"varchar(8)!\n20260203\n"},
		{"SELECT CAST('bad' AS datetime)",
			"datetime!\nMsg 241.1 16 line 1: Conversion failed when converting date "
			"and/or time from character string.\n"},
		{"SELECT CAST('0E984725-C51C-4BF4-9960-E1C80E27ABA0' AS uniqueidentifier)",
			"uniqueidentifier!\n0E984725-C51C-4BF4-9960-E1C80E27ABA0\n"},
		{"SELECT CAST(0x41 AS varchar(5)), CAST('A' AS varbinary(5)), CAST(N'A' AS "
		 "varbinary(5)), CAST(258 AS varbinary(4))",
			"varchar(5)!, varbinary(5)!, varbinary(5)!, "
			"varbinary(4)!\nA|0x41|0x4100|0x00000102\n"},
		{"SELECT CONVERT(varchar(10), 0x0AFF, 1), CONVERT(varbinary(4), '0x0aff', 1)",
			"varchar(10)!, varbinary(4)!\n0x0AFF|0x0AFF\n"},
		{"SELECT CAST(1234567.0 AS float), CAST(CAST(1234567.0 AS float) AS varchar(20))",
			"float!, varchar(20)!\n1234567.0|1.23457e+006\n"},
		{"SELECT CAST('true' AS bit), CAST(2 AS bit)", "bit!, bit!\n1|1\n"},
		{"SELECT CAST(CAST(5 AS sql_variant) AS varchar(5))", "varchar(5)!\n5\n"},
	};

	CHECK(v);
}

static void text(void **state)
{
	static const struct pair v[] = {
		{"SELECT LEN('ab  '), DATALENGTH(N'ab'), LOWER('ABC'), UPPER(N'\xc3\xa4')",
			"int!, int!, varchar(3), nvarchar(1)\n2|4|abc|\xc3\x84\n"},
		{"SELECT SUBSTRING('abcdef', 2, 3), LEFT('abc', 2), RIGHT('abc', 2), STUFF('abcd', "
		 "2, 2, 'XY')",
			"varchar(6)!, varchar(3), varchar(3), nvarchar(4000)\nbcd|ab|bc|aXYd\n"},
		{"SELECT REPLACE('aAa', 'a', 'b'), CHARINDEX('B', 'abc'), CONCAT('a', NULL, 1)",
			"varchar(8000)!, int!, nvarchar(4000)!\nbbb|2|a1\n"},
		{"SELECT CASE WHEN 'A' = 'a' THEN 1 ELSE 0 END, CASE WHEN 'a ' = 'a' THEN 1 ELSE 0 "
		 "END",
			"int!, int!\n1|1\n"},
		{"SELECT CASE WHEN 'A' = 'a' COLLATE Latin1_General_BIN2 THEN 1 ELSE 0 END",
			"int!\n0\n"},
		{"SELECT CASE WHEN 'abc' LIKE 'A[a-c]_' THEN 1 ELSE 0 END, CASE WHEN 'a%c' LIKE "
		 "'a!%c' ESCAPE '!' THEN 1 ELSE 0 END",
			"int!, int!\n1|1\n"},
		{"SELECT ISNULL(NULL, 5), COALESCE(NULL, 'x'), NULLIF(1, 1), IIF(1 < 2, 'a', 'b')",
			"int!, varchar(1)!, int, varchar(1)!\n5|x|NULL|a\n"},
		{"SELECT QUOTENAME('a]b'), HASHBYTES('SHA2_256', 'a')",
			"nvarchar(128), "
			"varbinary(8000)\n[a]]b]|"
			"0xCA978112CA1BBDCAFAC231B39A23DC4DA786EFF8147C4E72B9807785AFEE48BB\n"},
	};

	CHECK(v);
}

static void dates(void **state)
{
	static const struct pair v[] = {
		{"SELECT DATEADD(month, 1, CAST('2026-01-31' AS date)), DATEADD(ms, 5, "
		 "CAST('2026-01-01' AS datetime2(3)))",
			"date, datetime2(3)\n2026-02-28|2026-01-01 00:00:00.005\n"},
		{"SELECT DATEDIFF(day, '2026-01-01', '2026-03-01'), DATEDIFF_BIG(ms, '2026-01-01', "
		 "'2026-01-02')",
			"int, bigint\n59|86400000\n"},
		{"SELECT DATEPART(year, '2026-02-03'), MONTH('2026-02-03'), DATENAME(weekday, "
		 "'2026-02-03')",
			"int, int, nvarchar(30)\n2026|2|Tuesday\n"},
		{"SELECT EOMONTH('2024-02-01')", "date\n2024-02-29\n"},
	};

	CHECK(v);
}

static void queries(void **state)
{
	static const struct pair v[] = {
		{"SELECT * FROM (VALUES (1, 'a'), (2, NULL)) AS t (n, s) ORDER BY n DESC",
			"n int!, s varchar(1)\n2|NULL\n1|a\n"},
		{"SELECT COUNT(*) AS c, COUNT_BIG(*) AS b, SUM(n) AS s, AVG(n) AS a, MIN(n), "
		 "MAX(n) FROM (VALUES (1), (2), (4)) AS t (n)",
			"c int!, b bigint!, s int, a int, int, int\n3|3|7|2|1|4\n"},
		{"SELECT SUM(n) FROM (VALUES (1.5), (2.25)) AS t (n)", "numeric(38,2)\n3.75\n"},
		{"SELECT TOP (2) n FROM (VALUES (3), (1), (2)) AS t (n) ORDER BY n",
			"n int!\n1\n2\n"},
		{"SELECT n FROM (VALUES (3), (1), (2)) AS t (n) ORDER BY n OFFSET 1 ROWS FETCH "
		 "NEXT 1 ROWS ONLY",
			"n int!\n2\n"},
		{"SELECT s, COUNT(*) AS n FROM (VALUES ('a'), ('A'), ('b')) AS t (s) GROUP BY s "
		 "ORDER BY s",
			"s varchar(1)!, n int!\na|2\nb|1\n"},
		{"SELECT DISTINCT s FROM (VALUES ('a'), ('A')) AS t (s)", "s varchar(1)!\na\n"},
		{"SELECT 1 AS a UNION ALL SELECT NULL", "a int\n1\nNULL\n"},
		{"SELECT 'a' UNION SELECT N'bb' ORDER BY 1", "nvarchar(2)!\na\nbb\n"},
		{"WITH x AS (SELECT 1 AS a UNION ALL SELECT 2) SELECT y.a FROM x y JOIN x z ON y.a "
		 "= z.a + 1",
			"a int!\n2\n"},
		{"SELECT (SELECT MAX(n) FROM (VALUES (1), (5)) AS t (n)) AS m", "m int\n5\n"},
		{"SELECT (SELECT n FROM (VALUES (1), (5)) AS t (n))",
			"int\nMsg 512.1 16 line 1: Subquery returned more than 1 value. This is "
			"not permitted when the subquery follows =, !=, <, <= , >, >= or when the "
			"subquery is used as an expression.\n"},
		{"SELECT n FROM (VALUES (1), (2)) AS t (n) WHERE EXISTS (SELECT 1 FROM (VALUES "
		 "(2)) AS u (m) WHERE m = n)",
			"n int!\n2\n"},
		{"SELECT n, ROW_NUMBER() OVER (ORDER BY n DESC) AS r FROM (VALUES (1), (2)) AS t "
		 "(n) ORDER BY n",
			"n int!, r bigint!\n1|2\n2|1\n"},
		{"SELECT a.n, b.m FROM (VALUES (1), (2)) AS a (n) LEFT JOIN (VALUES (2)) AS b (m) "
		 "ON a.n = b.m ORDER BY a.n",
			"n int!, m int\n1|NULL\n2|2\n"},
		{"SELECT n, s FROM (VALUES (1, 'a')) AS t (n, s) GROUP BY n",
			"Msg 8120.1 16 line 1: Column 's' is invalid in the select list because it "
			"is not contained in either an aggregate function or the GROUP BY "
			"clause.\n"},
		{"SELECT n + 1 AS k, COUNT(*) AS c FROM (VALUES (1), (1), (2)) AS t (n) GROUP BY n "
		 "+ 1 ORDER BY k",
			"k int!, c int!\n2|2\n3|1\n"},
		{"SELECT value FROM OPENJSON('[1,\"b\",true]')",
			"value nvarchar(max)\n1\nb\ntrue\n"},
		{"SELECT JSON_VALUE('{\"a\":{\"b\":5}}', '$.a.b'), ISJSON('x')",
			"nvarchar(4000), int\n5|0\n"},
		{"SELECT STRING_AGG(s, ',') WITHIN GROUP (ORDER BY s DESC) FROM (VALUES ('a'), "
		 "('b')) AS t (s)",
			"varchar(8000)\nb,a\n"},
	};

	CHECK(v);
}

static void errors(void **state)
{
	static const struct pair v[] = {
		{"SELECT 1 +", "Msg 102.1 15 line 1: Incorrect syntax near '+'.\n"},
		{"SELECT\nFROM x",
			"Msg 156.1 15 line 2: Incorrect syntax near the keyword 'FROM'.\n"},
		{"SELECT x", "Msg 207.1 16 line 1: Invalid column name 'x'.\n"},
		{"SELECT t.x", "Msg 4104.1 16 line 1: The multi-part identifier \"t.x\" could not "
			       "be bound.\n"},
		{"SELECT * FROM dbo.nix", "Msg 208.1 16 line 1: Invalid object name 'dbo.nix'.\n"},
		{"SELECT @x", "Msg 137.2 15 line 1: Must declare the scalar variable \"@x\".\n"},
		{"SELECT nix(1)", "Msg 195.10 15 line 1: 'nix' is not a recognized built-in "
				  "function name.\n"},
		{"SELECT 'abc", "Msg 105.1 15 line 1: Unclosed quotation mark after the character "
				"string 'abc'.\n"},
		{"SELECT 1 WHERE 1",
			"Msg 4145.1 15 line 1: An expression of non-boolean type specified in a "
			"context where a condition is expected, near '1'.\n"},
		{"USE nix", "Msg 911.1 16 line 1: Database 'nix' does not exist. Make sure that "
			    "the name is entered correctly.\n"},
		{"EXEC nix", "Msg 2812.62 16 line 1: Could not find stored procedure 'nix'.\n"},
		{"SELECT CAST('x' AS date) + 1",
			"Msg 206.2 16 line 1: Operand type clash: date is incompatible with int\n"},
	};

	CHECK(v);
}

static void the_server(void **state)
{
	static const struct pair v[] = {
		{"SELECT @@SPID, @@TRANCOUNT, @@ROWCOUNT, @@ERROR",
			"smallint!, int!, int!, int!\n51|0|0|0\n"},
		{"SELECT CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128))",
			"nvarchar(128)\n15.0.4322.2\n"},
		{"SELECT DB_NAME(), SUSER_SNAME(), ORIGINAL_LOGIN(), APP_NAME(), HOST_NAME()",
			"nvarchar(128), nvarchar(128), nvarchar(128), nvarchar(128), "
			"nvarchar(128)\ndb|sa|sa|unit test|here\n"},
		{"SELECT encrypt_option, auth_scheme, net_transport FROM sys.dm_exec_connections "
		 "WHERE session_id = @@SPID",
			"encrypt_option nvarchar(40)!, auth_scheme nvarchar(40)!, net_transport "
			"nvarchar(40)!\nFALSE|SQL|TCP\n"},
		{"SET TRANSACTION ISOLATION LEVEL SNAPSHOT SELECT program_name, "
		 "transaction_isolation_level FROM sys.dm_exec_sessions WHERE session_id = @@SPID",
			"program_name nvarchar(128), transaction_isolation_level smallint!\nunit "
			"test|5\n"},
		{"SELECT CAST(SESSIONPROPERTY('ANSI_NULLS') AS int), @@OPTIONS",
			"int, int!\n1|5432\n"},
		{"SELECT name, database_id FROM sys.databases ORDER BY database_id",
			"name nvarchar(128)!, database_id int!\nmaster|1\ntempdb|2\ndb|5\n"},
		{"SELECT OBJECT_ID('nix'), SCHEMA_ID('dbo'), DB_ID('tempdb')",
			"int, int, int\nNULL|1|2\n"},
	};

	CHECK(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(literals, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(arithmetic, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(casts, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(text, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(dates, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(queries, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(errors, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(the_server, pairs_setup, pairs_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
