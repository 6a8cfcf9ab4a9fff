/* Partition functions and schemes, and what the catalog tells of tables that are on them. */
#include <string.h>

#include "unit/tdsd/support/pairs.h"

#define ROWS_OF(table)                                                                                                 \
	"SELECT partition_number AS p, index_id AS i, rows FROM sys.partitions WHERE object_id = OBJECT_ID('" table     \
	"') ORDER BY index_id, partition_number"
#define ROWS "p int!, i int!, rows bigint\n"

/* The values of the list in their own order; a bound is of the partition above it or below it, a null of the first. */
static void each_row_is_in_one_partition(void **state)
{
	static const struct pair v[] = {
		{"CREATE PARTITION FUNCTION r (int) AS RANGE RIGHT FOR VALUES (20, 10); CREATE PARTITION SCHEME rs AS "
		 "PARTITION r ALL TO ([PRIMARY]); CREATE PARTITION FUNCTION l (date) AS RANGE FOR VALUES ('2020-01-01', "
		 "'2021-01-01'); CREATE PARTITION SCHEME ls AS PARTITION l ALL TO ([PRIMARY])",
			""},
		{"CREATE TABLE a (id int NOT NULL, n int, CONSTRAINT pk PRIMARY KEY (id)) ON rs(id); INSERT a (id) VALUES "
		 "(9), (10), (11), (20), (21), (22); " ROWS_OF("a"),
			ROWS "1|1|1\n2|1|2\n3|1|3\n"},
		{"CREATE TABLE b (d date) ON [ls]([d]); INSERT b VALUES (NULL), ('2020-01-01'), ('2020-01-02'), "
		 "('2021-01-01'); " ROWS_OF("b"),
			ROWS "1|0|2\n2|0|2\n3|0|0\n"},
		{"CREATE TABLE c (d date); INSERT c VALUES (NULL); " ROWS_OF("c"), ROWS "1|0|1\n"},
	};

	CHECK(v);
}

static void the_catalog_tells_of_them(void **state)
{
	static const struct pair v[] = {
		{"CREATE PARTITION FUNCTION f (int) AS RANGE RIGHT FOR VALUES (10, NULL, 20); CREATE PARTITION SCHEME x AS "
		 "PARTITION f ALL TO ([PRIMARY]); CREATE TABLE a (n int, id int, INDEX i CLUSTERED (n)) ON x(id)",
			""},
		{"SELECT f.name, f.fanout, f.boundary_value_on_right AS r, x.name AS scheme, x.type FROM "
		 "sys.partition_functions AS f JOIN sys.partition_schemes AS x ON x.function_id = f.function_id",
			"name nvarchar(128)!, fanout int!, r bit!, scheme nvarchar(128)!, type char(2)!\nf|4|1|x|PS\n"},
		{"SELECT boundary_id, CAST(value AS int) AS v FROM sys.partition_range_values ORDER BY boundary_id",
			"boundary_id int!, v int\n1|NULL\n2|10\n3|20\n"},
		{"SELECT i.name, s.name AS space FROM sys.indexes AS i JOIN sys.data_spaces AS s ON s.data_space_id = "
		 "i.data_space_id WHERE i.object_id = OBJECT_ID('a')",
			"name nvarchar(128), space nvarchar(128)!\ni|x\n"},
		{"SELECT column_id, key_ordinal, partition_ordinal FROM sys.index_columns WHERE object_id = OBJECT_ID('a') "
		 "ORDER BY index_column_id",
			"column_id int!, key_ordinal tinyint!, partition_ordinal tinyint!\n1|1|0\n2|0|1\n"},
	};

	CHECK(v);
}

static void what_does_not_fit_is_refused(void **state)
{
	static const struct pair v[] = {
		{"CREATE PARTITION FUNCTION f (int) AS RANGE LEFT FOR VALUES (1); CREATE PARTITION SCHEME x AS PARTITION f "
		 "ALL TO ([PRIMARY]); CREATE TABLE a (id int) ON x(id); CREATE TABLE b (id int)",
			""},
		{"CREATE PARTITION FUNCTION f (int) AS RANGE LEFT FOR VALUES (1)",
			"Msg 2714.6 16 line 1: There is already an object named 'f' in the database.\n"},
		{"CREATE PARTITION FUNCTION g (int) AS RANGE LEFT FOR VALUES (3, 1, 3)",
			"Msg 7708.1 15 line 1: Duplicate values are not allowed in partition function boundary values list. "
			"Partition boundary values at ordinal 1 and 3 are equal.\n"},
		{"CREATE TABLE c (id int) ON nix(id)", "Msg 1921.1 16 line 1: Invalid partition scheme 'nix' specified.\n"},
		{"CREATE TABLE c (id bigint) ON x(id)",
			"Msg 7726.1 16 line 1: Partition column 'id' has data type bigint which is different from the "
			"partition function 'f' parameter data type int.\n"},
		{"CREATE TABLE c (id int, n int CONSTRAINT u UNIQUE) ON x(id)",
			"Msg 1908.1 16 line 1: Column 'id' is partitioning column of the index 'u'. Partition columns for a "
			"unique index must be a subset of the index key.\n"},
		{"ALTER TABLE a SWITCH TO b",
			"Msg 4911.2 16 line 1: Cannot specify a partitioned table without partition number in ALTER TABLE "
			"SWITCH statement. The table 'db.dbo.a' is partitioned.\n"},
		{"DROP PARTITION FUNCTION f",
			"Msg 7706.1 16 line 1: Partition function 'f' is being used by one or more partition schemes.\n"},
		{"DROP PARTITION SCHEME x", "Msg 7717.1 16 line 1: The partition scheme \"x\" is currently being used to "
					    "partition one or more tables.\n"},
		{"DROP TABLE a; DROP PARTITION SCHEME x; DROP PARTITION FUNCTION f; SELECT COUNT(*) AS n FROM "
		 "sys.partition_range_values",
			"n int!\n0\n"},
		{"DROP PARTITION SCHEME x", "Msg 3701.5 11 line 1: Cannot drop the partition scheme 'x', because it does "
					    "not exist or you do not have permission.\n"},
	};

	CHECK(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_row_is_in_one_partition, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(the_catalog_tells_of_them, pairs_setup, pairs_teardown),
		cmocka_unit_test_setup_teardown(what_does_not_fit_is_refused, pairs_setup, pairs_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
