/* What the catalog tells of tables, indexes and databases; options of them; temporal tables; change
 * tracking. */
#include <string.h>

#include "unit/tdsd/support/pairs.h"

static void columns(void **state)
{
	static const struct pair v[] = {
		{"CREATE TABLE t (id int IDENTITY(5, 2) NOT NULL CONSTRAINT pk PRIMARY KEY, n nvarchar(10) "
		 "COLLATE Latin1_General_BIN2 NULL, s int SPARSE NULL, c AS id * 2 PERSISTED, r "
		 "rowversion, g uniqueidentifier ROWGUIDCOL NOT NULL DEFAULT NEWID(), m varchar(20) "
		 "MASKED WITH (FUNCTION = 'default()') NULL)",
			""},
		{"SELECT name, column_id, system_type_id, max_length, is_nullable, is_identity, "
		 "is_computed, is_sparse, is_rowguidcol, is_masked, collation_name FROM sys.columns WHERE "
		 "object_id = OBJECT_ID('t') ORDER BY column_id",
			"name nvarchar(128), column_id int!, system_type_id tinyint!, max_length smallint!, "
			"is_nullable bit, is_identity bit!, is_computed bit!, is_sparse bit, is_rowguidcol "
			"bit!, is_masked bit!, collation_name nvarchar(128)\n"
			"id|1|56|4|0|1|0|0|0|0|NULL\nn|2|231|20|1|0|0|0|0|0|Latin1_General_BIN2\n"
			"s|3|56|4|1|0|0|1|0|0|NULL\nc|4|56|4|0|0|1|0|0|0|NULL\nr|5|189|8|0|0|0|0|0|0|NULL\n"
			"g|6|36|16|0|0|0|0|1|0|NULL\nm|7|167|20|1|0|0|0|0|1|SQL_Latin1_General_CP1_CI_AS\n"},
		{"SELECT name, seed_value, increment_value, last_value FROM sys.identity_columns",
			"name nvarchar(128), seed_value bigint, increment_value bigint, last_value "
			"bigint\nid|5|2|NULL\n"},
		{"SELECT name, is_persisted, definition FROM sys.computed_columns",
			"name nvarchar(128), is_persisted bit!, definition nvarchar(max)\nc|1|(id * 2)\n"},
		{"SELECT name, masking_function FROM sys.masked_columns",
			"name nvarchar(128), masking_function nvarchar(4000)\nm|default()\n"},
		{"ALTER TABLE t ALTER COLUMN m DROP MASKED; ALTER TABLE t ALTER COLUMN n ADD MASKED WITH "
		 "(FUNCTION = 'partial(1, \"x\", 1)'); SELECT name FROM sys.masked_columns",
			"name nvarchar(128)\nn\n"},
		{"INSERT t (n) VALUES ('a'), ('b'); SELECT rows, index_id, data_compression_desc AS d FROM "
		 "sys.partitions WHERE object_id = OBJECT_ID('t')",
			"rows bigint, index_id int!, d nvarchar(60)\n2|1|NONE\n"},
		{"SELECT row_count FROM sys.dm_db_partition_stats WHERE object_id = OBJECT_ID('t')",
			"row_count bigint\n2\n"},
		{"SELECT IDENT_SEED('t') AS s, IDENT_INCR('dbo.t') AS i, IDENT_CURRENT('t') AS c, "
		 "TYPE_NAME(231) AS n, TYPE_ID('bigint') AS d",
			"s numeric(38,0), i numeric(38,0), c numeric(38,0), n nvarchar(128), d "
			"int\n5|2|7|nvarchar|127\n"},
		{"SELECT OBJECTPROPERTY(OBJECT_ID('t'), 'TableHasIdentity') AS i, "
		 "OBJECTPROPERTY(OBJECT_ID('t'), 'TableHasTimestamp') AS r, "
		 "OBJECTPROPERTYEX(OBJECT_ID('t'), 'Cardinality') AS n, "
		 "INDEXPROPERTY(OBJECT_ID('t'), 'pk', 'IsClustered') AS c, COLUMNPROPERTY(OBJECT_ID('t'), "
		 "'s', 'IsSparse') AS s",
			"i int, r int, n sql_variant, c int, s int\n1|1|2|1|1\n"},
	};

	CHECK(v);
}

static void indexes(void **state)
{
	static const struct pair v[] = {
		{"CREATE TABLE t (a int NOT NULL, b int, c int, CONSTRAINT pk PRIMARY KEY NONCLUSTERED (a "
		 "DESC) WITH (FILLFACTOR = 80, IGNORE_DUP_KEY = OFF)); CREATE CLUSTERED INDEX ci ON t (b) "
		 "WITH (DATA_COMPRESSION = PAGE, SORT_IN_TEMPDB = ON) ON [PRIMARY]; CREATE UNIQUE "
		 "NONCLUSTERED INDEX ux ON t (b, a) INCLUDE (c) WHERE b > 0; CREATE NONCLUSTERED COLUMNSTORE "
		 "INDEX cs ON t (a, c) ON [PRIMARY]",
			""},
		{"SELECT index_id, name, type_desc, is_unique, is_primary_key, fill_factor, has_filter FROM "
		 "sys.indexes WHERE object_id = OBJECT_ID('t') ORDER BY index_id",
			"index_id int!, name nvarchar(128), type_desc nvarchar(60), is_unique bit, "
			"is_primary_key bit, fill_factor tinyint!, has_filter bit\n"
			"1|ci|CLUSTERED|0|0|0|0\n2|pk|NONCLUSTERED|1|1|80|0\n3|ux|NONCLUSTERED|1|0|0|1\n"
			"4|cs|NONCLUSTERED COLUMNSTORE|0|0|0|0\n"},
		{"SELECT index_id, column_id, key_ordinal, is_descending_key, is_included_column FROM "
		 "sys.index_columns WHERE object_id = OBJECT_ID('t') ORDER BY index_id, index_column_id",
			"index_id int!, column_id int!, key_ordinal tinyint!, is_descending_key bit, "
			"is_included_column bit\n1|2|1|0|0\n2|1|1|1|0\n3|2|1|0|0\n3|1|2|0|0\n3|3|0|0|1\n"
			"4|1|0|0|1\n4|3|0|0|1\n"},
		{"CREATE STATISTICS st ON t (c, b) WITH FULLSCAN; UPDATE STATISTICS t st WITH SAMPLE 50 "
		 "PERCENT; UPDATE STATISTICS dbo.t; SELECT s.name, COL_NAME(c.object_id, c.column_id) AS c "
		 "FROM sys.stats s JOIN sys.stats_columns c ON c.object_id = s.object_id AND c.stats_id = "
		 "s.stats_id WHERE user_created = 1 ORDER BY stats_column_id",
			"name nvarchar(128), c nvarchar(128)\nst|c\nst|b\n"},
		{"CREATE STATISTICS st ON t (c)",
			"Msg 1927.1 16 line 1: There are already statistics on table 'dbo.t' named 'st'.\n"},
		{"DROP STATISTICS t.st; SELECT COUNT(*) AS n FROM sys.stats WHERE user_created = 1",
			"n int!\n0\n"},
		{"INSERT t VALUES (1, 1, 1); ALTER INDEX ux ON t DISABLE; ALTER INDEX pk ON t DISABLE; INSERT "
		 "t VALUES (1, 1, 1); SELECT name FROM sys.indexes WHERE is_disabled = 1 ORDER BY name",
			"name nvarchar(128)\npk\nux\n"},
		{"ALTER INDEX pk ON t REBUILD",
			"Msg 2627.1 14 line 1: Violation of PRIMARY KEY constraint 'pk'. Cannot insert "
			"duplicate key in object 'dbo.t'. The duplicate key value is (1).\n"},
		{"DELETE TOP (1) t; ALTER INDEX ALL ON t REBUILD WITH (ONLINE = OFF); SELECT COUNT(*) AS n "
		 "FROM sys.indexes WHERE is_disabled = 1",
			"n int!\n0\n"},
		{"ALTER INDEX nix ON t REBUILD", "Msg 2727.1 11 line 1: Cannot find index 'nix'.\n"},
	};

	CHECK(v);
}

static void identity_is_checked(void **state)
{
	static const struct pair v[] = {
		{"CREATE TABLE t (id int IDENTITY, a int); INSERT t (a) VALUES (1), (2)", ""},
		{"DBCC CHECKIDENT ('dbo.t')",
			"> 7998 Checking identity information: current identity value '2', current column "
			"value '2'.\n> 2528 DBCC execution completed. If DBCC printed error messages, contact "
			"your system administrator.\n"},
		{"DBCC CHECKIDENT ('t', RESEED, 10) WITH NO_INFOMSGS; INSERT t (a) VALUES (3); SELECT "
		 "MAX(id) AS m FROM t",
			"m int\n11\n"},
		{"TRUNCATE TABLE t; INSERT t (a) VALUES (1); SELECT id FROM t", "id int! identity\n1\n"},
		{"DBCC CHECKIDENT ('nix')", "Msg 2501.45 16 line 1: Cannot find a table or object with the "
					    "name \"nix\". Check the system catalog.\n"},
		{"CREATE TABLE u (a int); DBCC CHECKIDENT ('u')",
			"Msg 7997.1 16 line 1: 'u' does not contain an identity column.\n"},
	};

	CHECK(v);
}

static void databases(void **state)
{
	static const struct pair v[] = {
		{"ALTER DATABASE db SET RECOVERY BULK_LOGGED; ALTER DATABASE db SET READ_ONLY WITH ROLLBACK "
		 "IMMEDIATE; SELECT recovery_model_desc, is_read_only, state, source_database_id FROM "
		 "sys.databases WHERE name = 'db'",
			"recovery_model_desc nvarchar(60), is_read_only bit, state tinyint, "
			"source_database_id int\nBULK_LOGGED|1|0|NULL\n"},
		{"CREATE TABLE t (a int)",
			"Msg 3906.1 16 line 1: Failed to update database \"db\" because the database is "
			"read-only.\n"},
		{"ALTER DATABASE db SET READ_WRITE; CREATE TABLE t (a int); SELECT "
		 "DATABASEPROPERTYEX('db', 'Updateability') AS u, DATABASEPROPERTYEX('db', 'Recovery') AS r",
			"u sql_variant, r sql_variant\nREAD_WRITE|BULK_LOGGED\n"},
	};

	CHECK(v);
}

static void temporal_tables(void **state)
{
	static const struct pair v[] = {
		{"CREATE TABLE t (id int NOT NULL PRIMARY KEY, a int, f datetime2 GENERATED ALWAYS AS ROW "
		 "START HIDDEN NOT NULL, u datetime2 GENERATED ALWAYS AS ROW END HIDDEN NOT NULL, PERIOD FOR "
		 "SYSTEM_TIME (f, u)) WITH (SYSTEM_VERSIONING = ON (HISTORY_TABLE = dbo.h))",
			""},
		{"INSERT t VALUES (1, 1), (2, 2); UPDATE t SET a = 3 WHERE id = 1; DELETE t WHERE id = 2; "
		 "SELECT * FROM t",
			"id int!, a int\n1|3\n"},
		{"SELECT id, a, CASE WHEN f <= u THEN 1 ELSE 0 END AS o FROM h ORDER BY id; SELECT "
		 "YEAR(u) AS y FROM t",
			"id int!, a int, o int!\n1|1|1\n2|2|1\ny int!\n9999\n"},
		{"SELECT name, temporal_type, temporal_type_desc FROM sys.tables ORDER BY name; SELECT name, "
		 "generated_always_type AS g, is_hidden FROM sys.columns WHERE object_id = OBJECT_ID('t') AND "
		 "is_hidden = 1",
			"name nvarchar(128)!, temporal_type tinyint, temporal_type_desc "
			"nvarchar(60)\nh|1|HISTORY_TABLE\nt|2|SYSTEM_VERSIONED_TEMPORAL_TABLE\nname "
			"nvarchar(128), g tinyint, is_hidden bit\nf|1|1\nu|2|1\n"},
		{"TRUNCATE TABLE t", "Msg 13545.1 16 line 1: Truncate failed on table 'db.dbo.t' because it is "
				     "not a supported operation on system-versioned tables.\n"},
		{"DROP TABLE t", "Msg 13552.1 16 line 1: Drop table operation failed on table 'db.dbo.t' "
				 "because it is not a supported operation on system-versioned temporal "
				 "tables.\n"},
		{"INSERT t (id, f) VALUES (5, '2020-01-01')",
			"Msg 13536.1 16 line 1: Cannot insert an explicit value into a GENERATED ALWAYS "
			"column in table 'db.dbo.t'. Use INSERT with a column list to exclude the GENERATED "
			"ALWAYS column, or insert a DEFAULT into GENERATED ALWAYS column.\n"},
		{"UPDATE t SET f = '2020-01-01'",
			"Msg 13537.1 16 line 1: Cannot update GENERATED ALWAYS columns in table "
			"'db.dbo.t'.\n"},
		{"ALTER TABLE t SET (SYSTEM_VERSIONING = OFF); TRUNCATE TABLE t; DROP TABLE t, h", ""},
	};

	CHECK(v);
}

#define CHANGES                                                                                    \
	"SELECT SYS_CHANGE_VERSION AS v, SYS_CHANGE_CREATION_VERSION AS c, SYS_CHANGE_OPERATION AS " \
	"o, ct.id FROM CHANGETABLE(CHANGES dbo.t, @v) AS ct ORDER BY id"
#define COLUMNS "v bigint, c bigint, o nchar(1), id int!\n"

static void changes_are_tracked(void **state)
{
	static const struct pair v[] = {
		{"CREATE TABLE t (id int NOT NULL CONSTRAINT pk PRIMARY KEY, a int); CREATE TABLE n (a int)",
			""},
		{"ALTER TABLE t ENABLE CHANGE_TRACKING",
			"Msg 1718.1 16 line 1: Change tracking must be enabled on database 'db' before it can "
			"be enabled on table 't'.\n"},
		{"SELECT CHANGE_TRACKING_CURRENT_VERSION() AS v", "v bigint\nNULL\n"},
		{"ALTER DATABASE db SET CHANGE_TRACKING = ON (CHANGE_RETENTION = 3 HOURS, AUTO_CLEANUP = ON)",
			""},
		{"ALTER DATABASE db SET CHANGE_TRACKING = ON",
			"Msg 5088.1 16 line 1: Change tracking is already enabled for database 'db'.\n"},
		{"INSERT t VALUES (1, 1); ALTER TABLE t ENABLE CHANGE_TRACKING WITH (TRACK_COLUMNS_UPDATED = "
		 "ON); SELECT CHANGE_TRACKING_CURRENT_VERSION() AS v, "
		 "CHANGE_TRACKING_MIN_VALID_VERSION(OBJECT_ID('t')) AS m, "
		 "CHANGE_TRACKING_MIN_VALID_VERSION(OBJECT_ID('n')) AS n",
			"v bigint, m bigint, n bigint\n0|0|NULL\n"},
		{"ALTER TABLE n ENABLE CHANGE_TRACKING",
			"Msg 4997.1 16 line 1: Cannot enable change tracking on table 'n'. Change tracking "
			"requires a primary key on the table. Create a primary key on the table before "
			"enabling change tracking.\n"},
		{"INSERT t VALUES (2, 2), (3, 3); UPDATE t SET a = 9 WHERE id = 1; DELETE t WHERE id = 3; "
		 "DECLARE @v bigint = 0; " CHANGES,
			COLUMNS "2|NULL|U|1\n1|1|I|2\n3|NULL|D|3\n"},
		{"DECLARE @v bigint = 1; " CHANGES, COLUMNS "2|NULL|U|1\n3|NULL|D|3\n"},
		{"BEGIN TRAN; INSERT t VALUES (4, 4); UPDATE t SET a = 5 WHERE id = 4; SELECT "
		 "CHANGE_TRACKING_CURRENT_VERSION() AS v; COMMIT; SELECT "
		 "CHANGE_TRACKING_CURRENT_VERSION() AS v",
			"env 8\nv bigint\n3\nenv 9\nv bigint\n4\n"},
		{"BEGIN TRAN; DELETE t; ROLLBACK; UPDATE t SET id = 7 WHERE id = 2; DECLARE @v bigint = 3; "
		 CHANGES,
			"env 8\nenv 10\n" COLUMNS "5|NULL|D|2\n4|4|I|4\n5|5|I|7\n"},
		{"SELECT c.id, t.a FROM CHANGETABLE(CHANGES t, 4) c LEFT JOIN t ON t.id = c.id ORDER BY c.id",
			"id int!, a int\n2|NULL\n7|2\n"},
		{"UPDATE t SET a = 0 WHERE id = 1; SELECT SYS_CHANGE_COLUMNS FROM CHANGETABLE(CHANGES t, 5) c",
			"SYS_CHANGE_COLUMNS varbinary(4100)\n0x02000000\n"},
		{"ALTER TABLE t ADD b int; UPDATE t SET b = 1 WHERE id = 1; SELECT SYS_CHANGE_VERSION AS v, id "
		 "FROM CHANGETABLE(CHANGES t, 6) c",
			"v bigint, id int!\n7|1\n"},
		{"TRUNCATE TABLE t; SELECT CHANGE_TRACKING_MIN_VALID_VERSION(OBJECT_ID('t')) AS m, COUNT(*) "
		 "AS n FROM CHANGETABLE(CHANGES t, 0) c",
			"m bigint, n int!\n8|0\n"},
		{"SELECT is_auto_cleanup_on AS a, retention_period AS r, retention_period_units_desc AS u "
		 "FROM sys.change_tracking_databases WHERE database_id = DB_ID(); SELECT "
		 "OBJECT_NAME(object_id) AS n, min_valid_version AS m FROM sys.change_tracking_tables",
			"a tinyint, r int, u nvarchar(60)\n1|3|HOURS\nn nvarchar(128), m bigint\nt|8\n"},
		{"SELECT * FROM CHANGETABLE(CHANGES dbo.n, 0) c",
			"Msg 22105.1 16 line 1: Change tracking is not enabled on table 'dbo.n'.\n"},
		{"CREATE TABLE s (id int NOT NULL PRIMARY KEY, a int, b int); ALTER TABLE s SWITCH TO t",
			"Msg 4900.1 16 line 1: The ALTER TABLE SWITCH statement failed for table 'db.dbo.t'. It is not "
			"possible to switch the partition of a table that has change tracking enabled. Disable "
			"change tracking before using ALTER TABLE SWITCH.\n"},
		{"ALTER TABLE t DISABLE CHANGE_TRACKING; ALTER DATABASE db SET CHANGE_TRACKING = OFF; SELECT "
		 "CHANGE_TRACKING_CURRENT_VERSION() AS v",
			"v bigint\nNULL\n"},
	};

	CHECK(v);
}

/* The reader's snapshot has one version and the changes up to it; cleanup is seen by the next. */
static void changes_are_read_in_a_snapshot(void **state)
{
	struct fixture *f = *state;
	struct asked other = {0};
	static const char read[] =
		"SELECT CHANGE_TRACKING_CURRENT_VERSION() AS v, CHANGE_TRACKING_MIN_VALID_VERSION(OBJECT_ID('t')) AS m, "
		"(SELECT COUNT(*) FROM CHANGETABLE(CHANGES t, 0) c) AS n, (SELECT COUNT(*) FROM t) AS r";

	asked_open(&other, f->e, "db", SPID + 1);
	f->a.counts = other.counts = false;
	check_ask(&f->a,
		"CREATE TABLE t (id int NOT NULL PRIMARY KEY); ALTER DATABASE db SET CHANGE_TRACKING = ON; ALTER TABLE "
		"t ENABLE CHANGE_TRACKING; INSERT t VALUES (1)",
		"");
	check_ask(&f->a,
		"SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRAN; SELECT CHANGE_TRACKING_CURRENT_VERSION() AS v",
		"env 8\nv bigint\n1\n");
	check_ask(&other, "INSERT t VALUES (2); EXEC sp_flush_CT_internal_table_on_demand 't'", "");
	check_ask(&f->a, read, "v bigint, m bigint, n int, r int\n1|0|1|1\n");
	check_ask(&f->a, "COMMIT", "env 9\n");
	check_ask(&f->a, read, "v bigint, m bigint, n int, r int\n2|2|0|2\n");
	asked_close(&other);
}

static void rowversions_of_open_transactions_bound_the_reader(void **state)
{
	struct fixture *f = *state;
	struct asked other = {0};

	asked_open(&other, f->e, "db", SPID + 1);
	check_ask(&f->a, "CREATE TABLE t (id int, r rowversion); INSERT t (id) VALUES (1)", "(1)\n");
	check_ask(&f->a,
		"SELECT CASE WHEN MIN_ACTIVE_ROWVERSION() = CAST(CAST(@@DBTS AS bigint) + 1 AS binary(8)) THEN "
		"1 ELSE 0 END AS next",
		"next int!\n1\n(1)\n");
	check_ask(&other, "BEGIN TRAN; INSERT t (id) VALUES (2); INSERT t (id) VALUES (3)", "env 8\n(1)\n(1)\n");
	check_ask(&f->a,
		"SELECT CAST(@@DBTS AS bigint) - CAST(MIN_ACTIVE_ROWVERSION() AS bigint) AS open_ones, COUNT(*) "
		"AS n FROM t WHERE r < MIN_ACTIVE_ROWVERSION()",
		"open_ones bigint, n int!\n1|1\n(1)\n");
	check_ask(&other, "COMMIT", "env 9\n");
	check_ask(&f->a, "SELECT COUNT(*) AS n FROM t WHERE r < MIN_ACTIVE_ROWVERSION()",
		"n int!\n3\n(1)\n");
	asked_close(&other);
}

static void tables_that_do_not_match_are_not_switched(void **state)
{
	static const struct {
		const char *target, *number;
	} v[] = {{"id int NOT NULL PRIMARY KEY, s varchar(5)", NULL},
		{"id int NOT NULL PRIMARY KEY", "4943"}, {"id int NOT NULL PRIMARY KEY, x varchar(5)", "4942"},
		{"id int NOT NULL PRIMARY KEY, s varchar(6)", "4944"},
		{"id int NOT NULL PRIMARY KEY, s varchar(5) COLLATE Latin1_General_BIN2", "4945"},
		{"id int NOT NULL PRIMARY KEY, s varchar(5) NOT NULL", "4985"},
		{"id int NOT NULL PRIMARY KEY, s varchar(5) SPARSE", "11412"},
		{"id int NOT NULL, s varchar(5)", "4913"},
		{"id int NOT NULL PRIMARY KEY, s varchar(5), INDEX ix (s)", "4947"},
		{"id int NOT NULL PRIMARY KEY, s varchar(5) CHECK (s <> 'x')", "4972"},
		{"id int NOT NULL PRIMARY KEY REFERENCES p, s varchar(5)", "4968"}};
	struct fixture *f = *state;

	ask(&f->a, "CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE a (id int NOT NULL PRIMARY KEY, s "
		   "varchar(5)); INSERT p VALUES (1); INSERT a VALUES (1, 'x')");
	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		CLEANUP(buf_release) struct buf sql = BUF_INIT(4096), said = BUF_INIT(4096);
		const char *answer;

		buf_printf(&sql, "CREATE TABLE b (%s); ALTER TABLE a SWITCH TO b; ALTER TABLE b SWITCH TO a; DROP "
				 "TABLE b",
			v[i].target);
		answer = ask(&f->a, buf_str(&sql));
		if (v[i].number)
			buf_printf(&said, "Msg %s.1 16 line 1: ALTER TABLE SWITCH statement failed", v[i].number);
		if (strncmp(answer, buf_str(&said), said.len) != 0 || (!v[i].number && *answer))
			fail_msg("%s: %s", v[i].target, answer);
	}
}

static void what_is_not_checked_is_not_trusted(void **state)
{
	static const struct pair v[] = {
		{"CREATE TABLE t (a int); INSERT t VALUES (-1); ALTER TABLE t WITH NOCHECK ADD CONSTRAINT ck CHECK (a "
		 "> 0); SELECT is_not_trusted, is_disabled FROM sys.check_constraints",
			"is_not_trusted bit!, is_disabled bit!\n1|0\n"},
		{"INSERT t VALUES (-2)",
			"Msg 547.0 16 line 1: The INSERT statement conflicted with the CHECK constraint \"ck\". The "
			"conflict occurred in database \"db\", table \"dbo.t\".\n> 3621 The statement has been "
			"terminated.\n"},
		{"ALTER TABLE t ADD b int; SELECT COUNT(*) AS n FROM t", "n int!\n1\n"},
		{"ALTER TABLE t WITH CHECK CHECK CONSTRAINT ck",
			"Msg 547.0 16 line 1: The ALTER TABLE statement conflicted with the CHECK constraint \"ck\". "
			"The conflict occurred in database \"db\", table \"dbo.t\".\n"},
		{"DELETE t; ALTER TABLE t WITH CHECK CHECK CONSTRAINT ck; SELECT is_not_trusted FROM "
		 "sys.check_constraints",
			"is_not_trusted bit!\n0\n"},
		{"ALTER TABLE t CHECK CONSTRAINT nix", "Msg 4917.0 16 line 1: Constraint 'nix' does not exist.\n"},
		{"ALTER DATABASE db SET CHANGE_TRACKING = ON; CREATE TABLE k (id int NOT NULL CONSTRAINT pk PRIMARY "
		 "KEY); ALTER TABLE k ENABLE CHANGE_TRACKING; ALTER TABLE k DROP CONSTRAINT pk",
			"Msg 3735.1 16 line 1: The primary key constraint 'pk' on table 'k' cannot be dropped because "
			"change tracking is enabled on the table. Change tracking requires a primary key constraint "
			"on the table. Disable change tracking before dropping the constraint.\n"},
	};

	CHECK(v);
}

static void queries_are_described(void **state)
{
	static const struct pair v[] = {
		{"CREATE TABLE t (id int IDENTITY NOT NULL, n nvarchar(10), d decimal(10, 2), m varchar(max) COLLATE "
		 "Latin1_General_CS_AS)",
			""},
		{"SELECT column_ordinal AS o, name, is_nullable AS u, system_type_name AS t, max_length AS l, precision AS p, scale "
		 "AS s, is_identity_column AS i FROM sys.dm_exec_describe_first_result_set(N'DECLARE @x int = 1; "
		 "SELECT id, n, d, m, @p AS p FROM t WHERE id > @x', N'@p datetime2(3)', 0) ORDER BY 1",
			"o int!, name nvarchar(128), u bit!, t nvarchar(256), l smallint!, p tinyint!, s tinyint!, i bit\n"
			"1|id|0|int|4|10|0|1\n2|n|1|nvarchar(10)|20|0|0|0\n3|d|1|decimal(10,2)|9|10|2|0\n"
			"4|m|1|varchar(max)|-1|0|0|0\n5|p|1|datetime2(3)|7|23|3|0\n"},
		{"EXEC sp_describe_first_result_set N'SELECT * FROM nix', NULL, 0",
			"Msg 208.1 16 line 1: Invalid object name 'nix'.\n"},
		{"SELECT COUNT(*) AS n FROM sys.dm_exec_describe_first_result_set(N'UPDATE t SET n = 1', NULL, 0)",
			"n int!\n0\n"},
	};

	CHECK(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(columns, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(indexes, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(identity_is_checked, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(databases, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(temporal_tables, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(changes_are_tracked, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(
			tables_that_do_not_match_are_not_switched, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(queries_are_described, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(what_is_not_checked_is_not_trusted, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(changes_are_read_in_a_snapshot, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(rowversions_of_open_transactions_bound_the_reader, pairs_setup,
			pairs_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
