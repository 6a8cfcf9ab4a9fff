/* CREATE, ALTER, DROP, sp_rename, SWITCH, and what the catalog tells. */
#include "unit/tdsd/support/pairs.h"

#define CAUTION                                                                                \
	"> 15477 Caution: Changing any part of an object name could break scripts and stored " \
	"procedures.\n"

static void tables(void **state)
{
	static const struct pair v[] = {
		{"CREATE TABLE t (a int)", ""},
		{"CREATE TABLE T (a int)", "Msg 2714.6 16 line 1: There is already an object named "
					   "'T' in the database.\n"},
		{"CREATE TABLE nix.t (a int)",
			"Msg 2760.1 16 line 1: The specified schema name \"nix\" either does not "
			"exist or you do not have permission to use it.\n"},
		{"CREATE TABLE u (a int, A int)",
			"Msg 2705.3 16 line 1: Column names in each table must be unique. Column "
			"name 'A' in table 'u' is specified more than once.\n"},
		{"CREATE TABLE u (a nix)",
			"Msg 243.1 16 line 1: Type nix is not a defined system type.\n"},
		{"CREATE TABLE u (a int IDENTITY, b int IDENTITY)",
			"Msg 2744.2 16 line 1: Multiple identity columns specified for table 'u'. "
			"Only one identity column per table is allowed.\n"},
		{"CREATE TABLE u (a varchar(5) COLLATE nix)",
			"Msg 448.4 16 line 1: Invalid collation 'nix'.\n"},
		{"SELECT OBJECT_ID('u') AS u, OBJECT_ID('dbo.t', 'U') AS t",
			"u int, t int\nNULL|100\n"},
		{"DROP TABLE nix", "Msg 3701.5 11 line 1: Cannot drop the table 'nix', because it "
				   "does not exist or you do not have permission.\n"},
		{"DROP TABLE IF EXISTS nix, t", ""},
		{"SELECT * FROM t", "Msg 208.1 16 line 1: Invalid object name 't'.\n"},
		{"CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (p int REFERENCES p)", ""},
		{"DROP TABLE p", "Msg 3726.1 16 line 1: Could not drop object 'p' because it is "
				 "referenced by a FOREIGN KEY constraint.\n"},
		{"DROP TABLE c; DROP TABLE p", ""},
		{"CREATE TABLE c (p int CONSTRAINT fk REFERENCES nix (id))",
			"Msg 1767.0 16 line 1: Foreign key 'fk' references invalid table 'nix'.\n"},
		{"CREATE SCHEMA s", ""},
		{"CREATE TABLE s.t (a int); ALTER SCHEMA dbo TRANSFER s.t; SELECT * FROM dbo.t",
			"a int\n"},
		{"DROP SCHEMA s; SELECT SCHEMA_ID('s')", "int\nNULL\n"},
	};

	CHECK(v);
}

static void alter(void **state)
{
	static const struct pair v[] = {
		{"CREATE TABLE t (a int NOT NULL CONSTRAINT pk PRIMARY KEY, b varchar(5)); INSERT "
		 "t VALUES (1, 'x'), (2, NULL)",
			""},
		{"ALTER TABLE t ADD c int NULL, d int NOT NULL CONSTRAINT df DEFAULT 7", ""},
		{"SELECT * FROM t",
			"a int!, b varchar(5), c int, d int!\n1|x|NULL|7\n2|NULL|NULL|7\n"},
		{"ALTER TABLE t ADD e int NOT NULL",
			"Msg 4901.1 16 line 1: ALTER TABLE only allows columns to be added that "
			"can contain nulls, or have a DEFAULT definition specified, or the column "
			"being added is an identity or timestamp column, or alternatively if none "
			"of the previous conditions are satisfied the table must be empty to allow "
			"addition of this column. Column 'e' cannot be added to non-empty table "
			"'t' because it does not satisfy these conditions.\n"},
		{"ALTER TABLE t ALTER COLUMN b nvarchar(10) NULL; ALTER TABLE t ALTER COLUMN c "
		 "bigint; SELECT * FROM t WHERE a = 1",
			"a int!, b nvarchar(10), c bigint, d int!\n1|x|NULL|7\n"},
		{"ALTER TABLE t ALTER COLUMN b nvarchar(10) NOT NULL",
			"Msg 515.2 16 line 1: Cannot insert the value NULL into column 'b', table "
			"'db.dbo.t'; column does not allow nulls. UPDATE fails.\n"},
		{"ALTER TABLE t DROP COLUMN a",
			"Msg 5074.1 16 line 1: The object 'pk' is dependent on column 'a'.\nMsg "
			"4922.9 16 line 1: ALTER TABLE DROP COLUMN a failed because one or more "
			"objects access this column.\n"},
		{"ALTER TABLE t DROP COLUMN c; ALTER TABLE t DROP CONSTRAINT df; ALTER TABLE t "
		 "DROP COLUMN d; SELECT * FROM t WHERE a = 1",
			"a int!, b nvarchar(10)\n1|x\n"},
		{"ALTER TABLE t ADD CONSTRAINT ck CHECK (a < 10); INSERT t VALUES (10, 'y')",
			"Msg 547.0 16 line 1: The INSERT statement conflicted with the CHECK "
			"constraint \"ck\". The conflict occurred in database \"db\", table "
			"\"dbo.t\".\n> 3621 The statement has been terminated.\n"},
		{"ALTER TABLE t NOCHECK CONSTRAINT ck; INSERT t VALUES (10, 'y'); SELECT COUNT(*) "
		 "AS n FROM t",
			"n int!\n3\n"},
		{"ALTER TABLE t DROP CONSTRAINT pk; INSERT t VALUES (10, 'z'); SELECT COUNT(*) AS "
		 "n FROM t",
			"n int!\n4\n"},
		{"CREATE UNIQUE INDEX ix ON t (a)",
			"Msg 1505.1 16 line 1: The CREATE UNIQUE INDEX statement terminated "
			"because a duplicate key was found for the object name 'dbo.t' and the "
			"index name 'ix'. The duplicate key value is (?).\n"},
		{"ALTER TABLE nix ADD a int",
			"Msg 4902.1 16 line 1: Cannot find the object \"nix\" because it does not "
			"exist or you do not have permissions.\n"},
		{"CREATE INDEX ix ON t (b) INCLUDE (a); DROP INDEX ix ON t", ""},
		{"DROP INDEX ix ON t",
			"Msg 3701.5 11 line 1: Cannot drop the index 't.ix', because it does not "
			"exist or you do not have permission.\n"},
	};

	CHECK(v);
}

static void parents_are_altered(void **state)
{
	static const struct pair v[] = {
		{"CREATE TABLE p (id int NOT NULL PRIMARY KEY, a int); CREATE TABLE c (id int, pid "
		 "int CONSTRAINT fk REFERENCES p (id)); INSERT p VALUES (1, 1); INSERT c VALUES "
		 "(1, 1)",
			""},
		{"ALTER TABLE p ADD b int; ALTER TABLE p ALTER COLUMN a bigint; SELECT * FROM p "
		 "JOIN c ON c.pid = p.id",
			"id int!, a bigint, b int, id int, pid int\n1|1|NULL|1|1\n"},
		{"BEGIN TRAN; ALTER TABLE p ADD d int; UPDATE p SET d = 4; COMMIT; SELECT d FROM p",
			"env 8\nenv 9\nd int\n4\n"},
		{"INSERT c VALUES (2, 2)",
			"Msg 547.0 16 line 1: The INSERT statement conflicted with the FOREIGN KEY "
			"constraint \"fk\". The conflict occurred in database \"db\", table "
			"\"dbo.p\", column 'id'.\n> 3621 The statement has been terminated.\n"},
	};

	CHECK(v);
}

static void renames_and_switches(void **state)
{
	static const struct pair v[] = {
		{"CREATE TABLE a (id int NOT NULL CONSTRAINT pk_a PRIMARY KEY, v int); CREATE "
		 "TABLE b (id int NOT NULL CONSTRAINT pk_b PRIMARY KEY, v int); INSERT a VALUES "
		 "(1, 1)",
			""},
		{"BEGIN TRAN; EXEC sp_rename 'dbo.a', 'old'; EXEC sp_rename 'dbo.b', 'a', "
		 "'OBJECT'; SELECT COUNT(*) AS n FROM a; SELECT COUNT(*) AS n FROM old; ROLLBACK; "
		 "SELECT COUNT(*) AS n FROM a",
			"env 8\n" CAUTION CAUTION "n int!\n0\nn int!\n1\nenv 10\nn int!\n1\n"},
		{"EXEC sp_rename 'dbo.a.v', 'w', 'COLUMN'; SELECT w FROM a", CAUTION "w int\n1\n"},
		{"EXEC sp_rename 'dbo.a.w', 'v', 'COLUMN'; EXEC sp_rename 'pk_a', 'pk_x'; SELECT "
		 "name FROM sys.indexes WHERE object_id = OBJECT_ID('a')",
			CAUTION CAUTION "name nvarchar(128)\npk_x\n"},
		{"EXEC sp_rename 'nix', 'b'",
			"Msg 15225.1 11 line 1: No item by the name of 'nix' could be found in the "
			"current database 'db', given that @itemtype was input as '(null)'.\n"},
		{"EXEC sp_rename 'a', 'b'",
			"Msg 15335.1 11 line 1: Error: The new name 'b' is already in use as a "
			"object name and would cause a duplicate that is not permitted.\n"},
		{"ALTER TABLE a SWITCH TO b; SELECT COUNT(*) AS n FROM a; SELECT * FROM b",
			"n int!\n0\nid int!, v int\n1|1\n"},
		{"INSERT a VALUES (2, 2); ALTER TABLE a SWITCH TO b",
			"Msg 4905.1 16 line 1: ALTER TABLE SWITCH statement failed. The target "
			"table 'db.dbo.b' must be empty.\n"},
		{"CREATE TABLE c (id int NOT NULL PRIMARY KEY, v bigint); ALTER TABLE a SWITCH TO "
		 "c",
			"Msg 4944.1 16 line 1: ALTER TABLE SWITCH statement failed because column "
			"'v' has data type int in source table 'db.dbo.a' which is different from "
			"its type bigint in target table 'db.dbo.c'.\n"},
	};

	CHECK(v);
}

static void the_catalog(void **state)
{
	static const struct pair v[] = {
		{"CREATE TABLE t (id int IDENTITY(5,2) NOT NULL CONSTRAINT pk_t PRIMARY KEY, s "
		 "nvarchar(10) COLLATE Latin1_General_BIN2 NOT NULL, d decimal(10,2) CONSTRAINT "
		 "df_t DEFAULT 1.5, m varchar(max), c AS (id + 1), r rowversion, g "
		 "datetimeoffset(3))",
			""},
		{"SELECT name, system_type_id AS t, max_length AS l, precision AS p, scale AS s, "
		 "collation_name AS c, is_nullable AS n, is_identity AS i, is_computed AS k FROM "
		 "sys.columns WHERE object_id = OBJECT_ID('t') ORDER BY column_id",
			"name nvarchar(128), t tinyint!, l smallint!, p tinyint!, s tinyint!, c "
			"nvarchar(128), n bit, i bit!, k bit!\n"
			"id|56|4|10|0|NULL|0|1|0\ns|231|20|0|0|Latin1_General_BIN2|0|0|0\nd|106|9|"
			"10|2|NULL|1|0|0\nm|167|-1|0|0|SQL_Latin1_General_CP1_CI_AS|1|0|0\nc|56|4|"
			"10|0|NULL|0|0|1\nr|189|8|0|0|NULL|0|0|0\ng|43|9|30|3|NULL|1|0|0\n"},
		{"SELECT s.name, t.name FROM sys.tables t JOIN sys.schemas s ON s.schema_id = "
		 "t.schema_id",
			"name nvarchar(128)!, name nvarchar(128)!\ndbo|t\n"},
		{"SELECT i.name, i.type_desc, i.is_primary_key, c.name FROM sys.indexes i JOIN "
		 "sys.index_columns k ON k.object_id = i.object_id AND k.index_id = i.index_id "
		 "JOIN sys.columns c ON c.object_id = k.object_id AND c.column_id = k.column_id "
		 "WHERE i.object_id = OBJECT_ID('t')",
			"name nvarchar(128), type_desc nvarchar(60), is_primary_key bit, name "
			"nvarchar(128)\npk_t|CLUSTERED|1|id\n"},
		{"SELECT seed_value, increment_value, last_value FROM sys.identity_columns WHERE "
		 "object_id = OBJECT_ID('t')",
			"seed_value bigint, increment_value bigint, last_value bigint\n5|2|NULL\n"},
		{"SELECT COLUMN_NAME, DATA_TYPE, CHARACTER_MAXIMUM_LENGTH AS l, NUMERIC_PRECISION "
		 "AS p, IS_NULLABLE AS n, COLUMN_DEFAULT AS d FROM INFORMATION_SCHEMA.COLUMNS "
		 "WHERE TABLE_NAME = 't' AND ORDINAL_POSITION < 5",
			"COLUMN_NAME nvarchar(128), DATA_TYPE nvarchar(128), l int, p tinyint, n "
			"varchar(3), d "
			"nvarchar(4000)\nid|int|NULL|10|NO|NULL\ns|nvarchar|10|NULL|NO|NULL\nd|"
			"decimal|NULL|10|YES|(1.5)\nm|varchar|-1|NULL|YES|NULL\n"},
		{"SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE FROM INFORMATION_SCHEMA.TABLES",
			"TABLE_SCHEMA nvarchar(128), TABLE_NAME nvarchar(128)!, TABLE_TYPE "
			"varchar(10)\ndbo|t|BASE TABLE\n"},
		{"SELECT COL_LENGTH('dbo.t', 's') AS l, COL_LENGTH('t', 'nix') AS n, "
		 "OBJECT_NAME(OBJECT_ID('t')) AS o, COLUMNPROPERTY(OBJECT_ID('t'), 'id', "
		 "'IsIdentity') AS i",
			"l smallint, n smallint, o nvarchar(128), i int\n20|NULL|t|1\n"},
		{"SELECT t.name FROM sys.columns c JOIN sys.types t ON t.user_type_id = "
		 "c.user_type_id WHERE c.object_id = OBJECT_ID('t') AND c.name = 'g'",
			"name nvarchar(128)!\ndatetimeoffset\n"},
		{"CREATE TABLE #x (a int); SELECT COUNT(*) AS n FROM tempdb.sys.columns WHERE "
		 "object_id = OBJECT_ID('tempdb..#x')",
			"n int!\n1\n"},
	};

	CHECK(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(tables, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(alter, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(parents_are_altered, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(renames_and_switches, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(the_catalog, pairs_setup, pairs_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
