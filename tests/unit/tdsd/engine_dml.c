/* INSERT, UPDATE, DELETE and what constraints say to them. */
#include "unit/tdsd/support/pairs.h"

#define ENDED "> 3621 The statement has been terminated.\n"

static void every_type_keeps_its_value(void **state)
{
	static const struct pair v[] = {
		{"CREATE TABLE t (a tinyint, b smallint, c int, d bigint, e bit, f real, g float, "
		 "h decimal(38,10), i numeric(5,2), j money, k smallmoney,"
		 " l date, m time(7), n datetime2(7), o datetimeoffset(7), p datetime, q "
		 "smalldatetime, r uniqueidentifier, s char(3), u varchar(5), w varchar(max),"
		 " x nchar(2), y nvarchar(5), z nvarchar(max), aa binary(3), ab varbinary(5), ac "
		 "varbinary(max), ad xml, ae sql_variant, af text, ag ntext, ah image,"
		 " ai geography, aj rowversion)",
			""},
		{"INSERT t "
		 "(a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,u,w,x,y,z,aa,ab,ac,ad,ae,af,ag,ah,ai) "
		 "VALUES (255, -32768, 2147483647, -9223372036854775808, 1, 1.5, 0.1,"
		 " 1234567890123456789012345678.0123456789, -999.99, -922337203685477.5808, "
		 "214748.3647, '0001-01-01', '23:59:59.9999999', '9999-12-31 23:59:59.9999999',"
		 " '2026-01-01 00:30:00.0000001 +02:00', '1753-01-01 00:00:00.003', '2079-06-06 "
		 "23:59', '01020304-0506-0708-090A-0B0C0D0E0F10', 'a', 'ab', 'max', N'\xc3\xa4', "
		 "N'\xf0\x9f\x98\x80',"
		 " N'\xe4\xb8\xad', 0x01, 0x0102, 0x, '<a/>', N'v', 'text', N'ntext', 0x09, "
		 "0xE6100000)",
			""},
		{"SELECT a,b,c,d,e,f,g,h,i,j,k FROM t",
			"a tinyint, b smallint, c int, d bigint, e bit, f real, g float, h "
			"decimal(38,10), i numeric(5,2), j money, k smallmoney\n"
			"255|-32768|2147483647|-9223372036854775808|1|1.5|0.1|"
			"1234567890123456789012345678.0123456789|-999.99|-922337203685477.58|"
			"214748.36\n"},
		{"SELECT l,m,n,o,p,q,r FROM t",
			"l date, m time(7), n datetime2(7), o datetimeoffset(7), p datetime, q "
			"smalldatetime, r uniqueidentifier\n"
			"0001-01-01|23:59:59.9999999|9999-12-31 23:59:59.9999999|2026-01-01 "
			"00:30:00.0000001 +02:00|1753-01-01 00:00:00.003|2079-06-06 "
			"23:59:00|01020304-0506-0708-090A-0B0C0D0E0F10\n"},
		{"SELECT s,u,w,x,y,z,aa,ab,ac FROM t",
			"s char(3), u varchar(5), w varchar(max), x nchar(2), y nvarchar(5), z "
			"nvarchar(max), aa binary(3), ab varbinary(5), ac varbinary(max)\n"
			"a  |ab|max|\xc3\xa4 |\xf0\x9f\x98\x80|\xe4\xb8\xad|0x010000|0x0102|0x\n"},
		{"SELECT ad,ae,af,ag,ah,ai FROM t",
			"ad xml, ae sql_variant, af text, ag ntext, ah image, ai "
			"geography\n<a/>|v|text|ntext|0x09|0xE6100000\n"},
		{"SELECT DATALENGTH(aj) AS n FROM t", "n int!\n8\n"},
		{"DELETE t; INSERT t (a) VALUES (NULL); SELECT a,f,h,j,l,o,r,s,w,ad,ae,af,ai FROM "
		 "t",
			"a tinyint, f real, h decimal(38,10), j money, l date, o "
			"datetimeoffset(7), r uniqueidentifier, s char(3), w varchar(max), ad xml, "
			"ae sql_variant, af text, ai geography\n"
			"NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL\n"},
	};

	CHECK(v);
}

static void order_is_sql_servers(void **state)
{
	static const struct pair v[] = {
		{"CREATE TABLE t (n int, d decimal(10,2), g uniqueidentifier, o datetimeoffset(0), "
		 "s varchar(5), b varchar(5) COLLATE Latin1_General_BIN2)",
			""},
		{"INSERT t VALUES (1, -1.5, '00000000-0000-0000-0000-000000000002', '2026-01-01 "
		 "01:00 +01:00', 'b', 'b'),"
		 " (2, -10, '00000000-0000-0000-0000-010000000000', '2026-01-01 00:30 +00:00', "
		 "'A', 'A'),"
		 " (3, 2, 'FFFFFFFF-FFFF-FFFF-FFFF-000000000001', '2025-12-31 23:00 -01:00', 'B', "
		 "'B')",
			""},
		{"SELECT n FROM t ORDER BY d", "n int\n2\n1\n3\n"},
		{"SELECT n FROM t ORDER BY g", "n int\n3\n1\n2\n"},
		{"SELECT n FROM t ORDER BY o, n", "n int\n1\n3\n2\n"},
		{"SELECT n FROM t ORDER BY s, n", "n int\n2\n1\n3\n"},
		{"SELECT n FROM t ORDER BY b", "n int\n2\n3\n1\n"},
		{"SELECT COUNT(*) FROM t WHERE s = b",
			"Msg 468.9 16 line 1: Cannot resolve the collation conflict between "
			"\"SQL_Latin1_General_CP1_CI_AS\" and \"Latin1_General_BIN2\" in the equal "
			"to operation.\n"},
		{"SELECT COUNT(*) FROM t WHERE s = b COLLATE Latin1_General_BIN2", "int!\n3\n"},
		{"SELECT COUNT(*) FROM t WHERE s = 'B'", "int!\n2\n"},
		{"SELECT COUNT(*) FROM t WHERE b = 'B'", "int!\n1\n"},
		{"SELECT COUNT(*) FROM t WHERE o = '2026-01-01 00:00 +00:00'", "int!\n2\n"},
		{"SELECT MIN(d), MAX(g) FROM t",
			"decimal(10,2), "
			"uniqueidentifier\n-10.00|00000000-0000-0000-0000-010000000000\n"},
	};

	CHECK(v);
}

static void constraints(void **state)
{
	static const struct pair v[] = {
		{"CREATE TABLE p (id int NOT NULL CONSTRAINT pk_p PRIMARY KEY, u varchar(5) "
		 "CONSTRAINT uq_p UNIQUE, n int CONSTRAINT ck_p CHECK (n > 0))",
			""},
		{"CREATE TABLE c (id int NOT NULL PRIMARY KEY, pid int CONSTRAINT fk_c REFERENCES "
		 "p (id) , x varchar(3) NOT NULL CONSTRAINT df_c DEFAULT 'd', y AS (id * 2))",
			""},
		{"INSERT p VALUES (1, 'a', 1), (2, 'b', 2)", ""},
		{"INSERT p VALUES (3, 'c', 1), (1, 'd', 1)",
			"Msg 2627.1 14 line 1: Violation of PRIMARY KEY constraint 'pk_p'. Cannot "
			"insert duplicate key in object 'dbo.p'. The duplicate key value is "
			"(1).\n" ENDED},
		{"INSERT p VALUES (3, 'A', 1)",
			"Msg 2627.1 14 line 1: Violation of UNIQUE KEY constraint 'uq_p'. Cannot "
			"insert duplicate key in object 'dbo.p'. The duplicate key value is "
			"(A).\n" ENDED},
		{"INSERT p VALUES (3, 'c', 0)",
			"Msg 547.0 16 line 1: The INSERT statement conflicted with the CHECK "
			"constraint \"ck_p\". The conflict occurred in database \"db\", table "
			"\"dbo.p\".\n" ENDED},
		{"INSERT p (u) VALUES ('c')",
			"Msg 515.2 16 line 1: Cannot insert the value NULL into column 'id', table "
			"'db.dbo.p'; column does not allow nulls. INSERT fails.\n" ENDED},
		{"INSERT c (id, pid) VALUES (1, 1); SELECT * FROM c",
			"id int!, pid int, x varchar(3)!, y int!\n1|1|d|2\n"},
		{"INSERT c (id, pid) VALUES (2, 9)",
			"Msg 547.0 16 line 1: The INSERT statement conflicted with the FOREIGN KEY "
			"constraint \"fk_c\". The conflict occurred in database \"db\", table "
			"\"dbo.p\", column 'id'.\n" ENDED},
		{"DELETE p WHERE id = 1",
			"Msg 547.0 16 line 1: The DELETE statement conflicted with the REFERENCE "
			"constraint \"fk_c\". The conflict occurred in database \"db\", table "
			"\"dbo.c\", column 'pid'.\n" ENDED},
		{"UPDATE p SET id = 5 WHERE id = 1",
			"Msg 547.0 16 line 1: The UPDATE statement conflicted with the REFERENCE "
			"constraint \"fk_c\". The conflict occurred in database \"db\", table "
			"\"dbo.c\", column 'pid'.\n" ENDED},
		{"TRUNCATE TABLE p", "Msg 4712.1 16 line 1: Cannot truncate table 'p' because it "
				     "is being referenced by a FOREIGN KEY constraint.\n"},
		{"UPDATE c SET x = NULL",
			"Msg 515.2 16 line 1: Cannot insert the value NULL into column 'x', table "
			"'db.dbo.c'; column does not allow nulls. UPDATE fails.\n" ENDED},
		{"UPDATE c SET x = 'long'",
			"Msg 2628.1 16 line 1: String or binary data would be truncated in table "
			"'db.dbo.c', column 'x'. Truncated value: 'lon'.\n" ENDED},
		{"UPDATE c SET y = 1",
			"Msg 271.1 16 line 1: The column \"y\" cannot be modified because it is "
			"either a computed column or is the result of a UNION operator.\n"},
		{"CREATE UNIQUE INDEX ix ON c (x) WHERE pid IS NOT NULL; INSERT c (id, pid) VALUES "
		 "(2, 2)",
			"Msg 2601.1 14 line 1: Cannot insert duplicate key row in object 'dbo.c' "
			"with unique index 'ix'. The duplicate key value is (d).\n" ENDED},
		{"INSERT c (id) VALUES (2), (3); SELECT COUNT(*) AS n FROM c", "n int!\n3\n"},
		{"INSERT p (id) VALUES (7), (8)",
			"Msg 2627.1 14 line 1: Violation of UNIQUE KEY constraint 'uq_p'. Cannot "
			"insert duplicate key in object 'dbo.p'. The duplicate key value is "
			"(<NULL>).\n" ENDED},
		{"INSERT p VALUES (1)", "Msg 213.1 16 line 1: Column name or number of supplied "
					"values does not match table definition.\n"},
		{"INSERT p (id, nix) VALUES (1, 2)",
			"Msg 207.1 16 line 1: Invalid column name 'nix'.\n"},
		{"INSERT p (id, n) VALUES (1)",
			"Msg 109.1 15 line 1: There are more columns in the INSERT statement than "
			"values specified in the VALUES clause. The number of values in the VALUES "
			"clause must match the number of columns specified in the INSERT "
			"statement.\n"},
	};

	CHECK(v);
}

static void identity(void **state)
{
	static const struct pair v[] = {
		{"CREATE TABLE t (id bigint IDENTITY(10, 5) PRIMARY KEY, a int)", ""},
		{"INSERT t (a) VALUES (1), (2); SELECT SCOPE_IDENTITY(), @@IDENTITY, @@ROWCOUNT",
			"numeric(38,0), numeric(38,0), int!\n15|15|2\n"},
		{"INSERT t DEFAULT VALUES; SELECT * FROM t",
			"id bigint! identity, a int\n10|1\n15|2\n20|NULL\n"},
		{"INSERT t (id, a) VALUES (1, 1)",
			"Msg 544.1 16 line 1: Cannot insert explicit value for identity column in "
			"table 't' when IDENTITY_INSERT is set to OFF.\n" ENDED},
		{"SET IDENTITY_INSERT t ON; INSERT t (id, a) VALUES (100, 9); SET IDENTITY_INSERT "
		 "t OFF; INSERT t (a) VALUES (3); SELECT MAX(id) AS m, IDENT_CURRENT('t') AS c "
		 "FROM t",
			"m bigint, c numeric(38,0)\n105|105\n"},
		{"UPDATE t SET id = 1",
			"Msg 8102.1 16 line 1: Cannot update identity column 'id'.\n"},
		{"TRUNCATE TABLE t; INSERT t (a) VALUES (1); SELECT id FROM t",
			"id bigint! identity\n10\n"},
		{"INSERT t (a) SELECT a FROM (VALUES (5), (6)) AS x (a); SELECT id, a FROM t ORDER "
		 "BY id",
			"id bigint! identity, a int\n10|1\n15|5\n20|6\n"},
	};

	CHECK(v);
}

static void output(void **state)
{
	static const struct pair v[] = {
		{"CREATE TABLE t (id int IDENTITY PRIMARY KEY, a int, b varchar(5))", ""},
		{"INSERT t (a, b) OUTPUT inserted.id, inserted.* VALUES (1, 'x'), (2, 'y')",
			"id int, id int, a int, b varchar(5)\n1|1|1|x\n2|2|2|y\n"},
		{"UPDATE t SET a = a + 10 OUTPUT deleted.a AS was, inserted.a AS now WHERE id = 2",
			"was int, now int\n2|12\n"},
		{"DECLARE @o TABLE (id int, a int); UPDATE t SET a += 1 OUTPUT inserted.id, "
		 "inserted.a INTO @o (id, a); SELECT * FROM @o ORDER BY id",
			"id int, a int\n1|2\n2|13\n"},
		{"DELETE FROM t OUTPUT deleted.id WHERE b = 'x'", "id int\n1\n"},
		{"SELECT * FROM t", "id int! identity, a int, b varchar(5)\n2|13|y\n"},
	};

	CHECK(v);
}

static void joins(void **state)
{
	static const struct pair v[] = {
		{"CREATE TABLE a (id int, n int); CREATE TABLE b (id int, n int); INSERT a VALUES "
		 "(1, 1), (2, 2), (3, 3); INSERT b VALUES (1, 10), (3, 30)",
			""},
		{"UPDATE x SET n = b.n FROM a x JOIN b ON b.id = x.id; SELECT * FROM a ORDER BY id",
			"id int, n int\n1|10\n2|2\n3|30\n"},
		{"UPDATE a SET n = a.n + b.n FROM b WHERE b.id = a.id AND a.id = 1; SELECT n FROM "
		 "a WHERE id = 1",
			"n int\n20\n"},
		{"DELETE x FROM a x JOIN b ON b.id = x.id WHERE x.id = 3; SELECT COUNT(*) AS n "
		 "FROM a",
			"n int!\n2\n"},
		{"DELETE TOP (1) FROM a; SELECT COUNT(*) AS n FROM a", "n int!\n1\n"},
		{"INSERT INTO a SELECT id, n FROM b; SELECT COUNT(*) AS n FROM a", "n int!\n3\n"},
		{"WITH c AS (SELECT id FROM b WHERE n > 10) DELETE FROM a WHERE id IN (SELECT id "
		 "FROM c); SELECT COUNT(*) AS n FROM a",
			"n int!\n2\n"},
		{"SELECT id, n INTO c FROM b WHERE n = 10; SELECT * FROM c",
			"id int, n int\n1|10\n"},
		{"SELECT * INTO #t FROM b; INSERT #t VALUES (9, 9); SELECT COUNT(*) AS n FROM #t; "
		 "DROP TABLE #t",
			"n int!\n3\n"},
		{"CREATE TABLE tempdb.dbo.x (a int)", ""},
		{"INSERT tempdb..x VALUES (5); INSERT db.dbo.a (id) SELECT a FROM tempdb.dbo.x; "
		 "SELECT COUNT(*) AS n FROM a WHERE id = 5",
			"n int!\n1\n"},
		{"CREATE VIEW v AS SELECT id, n * 2 AS m FROM b", ""},
		{"SELECT v.m FROM v WHERE v.id = 3", "m int\n60\n"},
	};

	CHECK(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			every_type_keeps_its_value, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(order_is_sql_servers, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(constraints, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(identity, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(output, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(joins, pairs_setup, pairs_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
