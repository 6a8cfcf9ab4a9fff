/* What a table can have beside its columns' types: each as a real engine treats it. */
#include <inttypes.h>

#include "selftest/selftest_private.h"

#define FROM S "it_from"
#define TO   S "it_to"
#define COPY "source_table = " FROM "\ntarget_table = " TO "\nverify = digest\n"
#define SAME "SELECT id, v FROM " FROM " ORDER BY id", "SELECT id, v FROM " TO " ORDER BY id"
#define MANY_COLUMNS 1024

/* (1, 'one') … (3, 'three'), and the target as `ddl` has it. */
static int make(struct selftest *t, const char *ddl, struct err *err)
{
	return selftest_sql(t, err, "DROP TABLE IF EXISTS " S "it_child; DROP TABLE IF EXISTS " TO
				    "; DROP TABLE IF EXISTS " FROM ";\nCREATE TABLE " FROM
				    " (id int NOT NULL PRIMARY KEY, v varchar(20));\nINSERT INTO " FROM
				    " VALUES (1, 'one'), (2, 'two'), (3, 'three');\n%s", ddl);
}

static int copy_and_compare(struct selftest *t, const char *keys, struct err *err)
{
	return selftest_load(t, "it", err, COPY "%s", keys) || selftest_same(t, SAME, false, err) ? -1 : 0;
}

static int check_identity(struct selftest *t, struct err *err)
{
	if (make(t, "CREATE TABLE " TO " (id int IDENTITY(100, 1) NOT NULL PRIMARY KEY, v varchar(20))", err) ||
		copy_and_compare(t, "load_mode = append", err) || copy_and_compare(t, "load_mode = truncate", err) ||
		copy_and_compare(t, "load_mode = merge\nkey_columns = id", err))
		return -1;
	return selftest_say(t, "values of the source are kept");
}

static int check_identity_made(struct selftest *t, struct err *err)
{
	if (make(t, "CREATE TABLE " TO " (nr int IDENTITY(100, 1) NOT NULL PRIMARY KEY, id int NOT NULL, v varchar(20))",
		    err) || copy_and_compare(t, "load_mode = append", err))
		return -1;
	return selftest_expect(t, "the first that was generated", "SELECT MIN(nr) FROM " TO, "100", err);
}

static int check_computed(struct selftest *t, struct err *err)
{
	if (make(t, "CREATE TABLE " TO " (id int NOT NULL PRIMARY KEY, v varchar(20), twice AS id * 2, kept AS id * 3 PERSISTED)",
		    err) || copy_and_compare(t, "load_mode = append", err) ||
		copy_and_compare(t, "load_mode = truncate", err))
		return -1;
	return selftest_expect(t, "the sum of the computed ones", "SELECT SUM(twice) + SUM(kept) FROM " TO, "30", err);
}

/* A column that the source computes arrives as its value. */
static int check_computed_source(struct selftest *t, struct err *err)
{
	if (make(t, "ALTER TABLE " FROM " ADD twice AS id * 2", err) || copy_and_compare(t, "load_mode = append", err))
		return -1;
	return selftest_same(t, "SELECT id, twice FROM " FROM " ORDER BY id", "SELECT id, twice FROM " TO " ORDER BY id",
		true, err);
}

static int check_rowversion(struct selftest *t, struct err *err)
{
	if (make(t, "CREATE TABLE " TO " (id int NOT NULL PRIMARY KEY, v varchar(20), rv rowversion)", err) ||
		copy_and_compare(t, "load_mode = append", err))
		return -1;
	return selftest_expect(t, "versions of its own", "SELECT COUNT(DISTINCT rv) FROM " TO, "3", err);
}

static int check_default(struct selftest *t, struct err *err)
{
	if (make(t, "CREATE TABLE " TO " (id int NOT NULL PRIMARY KEY, v varchar(20), d int NOT NULL DEFAULT 7)", err) ||
		copy_and_compare(t, "load_mode = append", err))
		return -1;
	return selftest_expect(t, "the defaults", "SELECT SUM(d) FROM " TO, "21", err);
}

static int check_sparse(struct selftest *t, struct err *err)
{
	if (make(t, "", err))
		return -1;
	if (selftest_sql(t, err, "CREATE TABLE " TO " (id int NOT NULL PRIMARY KEY, v varchar(20) SPARSE NULL)"))
		return selftest_skip(t, "%s", err->msg);
	return copy_and_compare(t, "load_mode = append", err);
}

static int check_constraint(struct selftest *t, struct err *err)
{
	if (make(t, "CREATE TABLE " TO " (id int NOT NULL PRIMARY KEY, v varchar(20), CONSTRAINT it_check CHECK (id < 3))",
		    err) || selftest_refused(t, "it", "it_check", err, COPY "load_mode = append"))
		return -1;
	return selftest_expect(t, "rows of a load that a constraint forbids", "SELECT COUNT(*) FROM " TO, "0", err);
}

/* Foreign keys that point to it: it cannot be truncated. */
static int check_referenced(struct selftest *t, struct err *err)
{
	if (make(t, "CREATE TABLE " TO " (id int NOT NULL PRIMARY KEY, v varchar(20));\nCREATE TABLE " S
		    "it_child (id int NOT NULL PRIMARY KEY REFERENCES " TO " (id))", err) ||
		copy_and_compare(t, "load_mode = append", err) ||
		selftest_sql(t, err, "UPDATE " FROM " SET v = 'changed' WHERE id = 2") ||
		copy_and_compare(t, "load_mode = truncate", err) ||
		selftest_sql(t, err, "INSERT INTO " S "it_child VALUES (1)") ||
		selftest_refused(t, "it", "REFERENCE", err, COPY "load_mode = truncate"))
		return -1;
	return selftest_same(t, SAME, false, err);
}

/* A trigger's own counts stand among those of our statements; and it breaks an OUTPUT without INTO. */
static int check_trigger(struct selftest *t, struct err *err)
{
	if (make(t, "CREATE TABLE " TO " (id int NOT NULL PRIMARY KEY, v varchar(20))", err) ||
		selftest_sql(t, err, "DROP TABLE IF EXISTS " S "it_log; CREATE TABLE " S "it_log (id int, what char(1))") ||
		selftest_sql(t, err, "EXEC (N'CREATE TRIGGER " S "it_trigger ON " TO " AFTER INSERT, UPDATE AS BEGIN"
				     " INSERT INTO " S "it_log SELECT id, ''i'' FROM inserted;"
				     " INSERT INTO " S "it_log SELECT id, ''d'' FROM deleted; END')") ||
		copy_and_compare(t, "load_mode = append", err) ||
		selftest_expect(t, "rows that the trigger saw", "SELECT COUNT(*) FROM " S "it_log", "3", err) ||
		selftest_sql(t, err, "UPDATE " FROM " SET v = 'changed' WHERE id = 2") ||
		copy_and_compare(t, "load_mode = merge\nkey_columns = id", err) ||
		selftest_expect(t, "rows that the trigger saw", "SELECT COUNT(*) FROM " S "it_log", "5", err))
		return -1;
	return selftest_expect(t, "what the ledger says of the two loads",
		arena_printf(t->arena,
			"SELECT STRING_AGG(CAST(x.[rows] AS varchar(20)), ' ') WITHIN GROUP (ORDER BY x.published_at) FROM"
			" (SELECT TOP (2) [rows], published_at FROM etl.load_ledger WHERE job_name = N'it' AND store_uid ="
			" N'%s' AND state = N'published' ORDER BY published_at DESC) AS x", t->uid),
		"3 1", err);
}

static int check_instead_of(struct selftest *t, struct err *err)
{
	if (make(t, "CREATE TABLE " TO " (id int NOT NULL PRIMARY KEY, v varchar(20))", err))
		return -1;
	if (selftest_sql(t, err, "EXEC (N'CREATE TRIGGER " S "it_instead ON " TO " INSTEAD OF INSERT AS"
				     " INSERT INTO " TO " SELECT id, v FROM inserted WHERE id <> 2')"))
		return selftest_skip(t, "%s", err->msg);
	if (selftest_refused(t, "it", "rows are staged, and the table", err, COPY "load_mode = append"))
		return -1;
	return selftest_expect(t, "rows of a load that a trigger has thinned", "SELECT COUNT(*) FROM " TO, "0", err);
}

static int check_index(struct selftest *t, struct err *err)
{
	if (make(t, "CREATE TABLE " TO " (id int NOT NULL PRIMARY KEY, v varchar(20));\nCREATE UNIQUE INDEX it_filtered ON " TO
		    " (v) WHERE v IS NOT NULL", err) ||
		copy_and_compare(t, "load_mode = append", err) || copy_and_compare(t, "load_mode = replace", err))
		return -1;
	return selftest_expect(t, "the index afterwards",
		"SELECT COUNT(*) FROM sys.indexes WHERE object_id = OBJECT_ID(N'" TO "') AND name = N'it_filtered'", "1", err);
}

/* By SWITCH, a rename, or TRUNCATE and INSERT: what others have of a table stays. */
static int check_kept(struct selftest *t, struct err *err)
{
	static const char kept[] =
		"SELECT CAST((SELECT COUNT(*) FROM sys.indexes AS i WHERE i.object_id = OBJECT_ID(N'" TO "')) AS varchar(9)) + ' '"
		" + CAST((SELECT COUNT(*) FROM sys.database_permissions AS p WHERE p.major_id = OBJECT_ID(N'" TO
		"') AND p.class = 1) AS varchar(9)) + ' ' + CAST((SELECT COUNT(*) FROM sys.extended_properties AS x WHERE"
		" x.major_id = OBJECT_ID(N'" TO "')) AS varchar(9)) + ' ' + CAST((SELECT COUNT(*) FROM sys.check_constraints AS c"
		" WHERE c.parent_object_id = OBJECT_ID(N'" TO "') AND c.is_not_trusted = 0) AS varchar(9)) + ' '"
		" + CAST((SELECT COUNT(*) FROM sys.default_constraints AS d WHERE d.parent_object_id = OBJECT_ID(N'" TO
		"')) AS varchar(9))";

	if (make(t, "CREATE TABLE " TO " (id int NOT NULL PRIMARY KEY, v varchar(20) DEFAULT 'x', CONSTRAINT it_ck CHECK (id > 0));\n"
		    "CREATE INDEX it_v ON " TO " (v);\nGRANT SELECT ON " TO " TO public", err) ||
		selftest_sql(t, err, "EXEC sp_addextendedproperty @name = N'it', @value = N'kept', @level0type = N'SCHEMA',"
				     " @level0name = N'" SELFTEST_SCHEMA "', @level1type = N'TABLE', @level1name = N'it_to'") ||
		copy_and_compare(t, "load_mode = replace", err) ||
		selftest_expect(t, "indexes, grants, properties, checks, defaults", kept, "2 1 1 1 1", err) ||
		selftest_sql(t, err, "UPDATE " FROM " SET v = 'changed' WHERE id = 2") ||
		copy_and_compare(t, "load_mode = replace", err))
		return -1;
	return selftest_expect(t, "indexes, grants, properties, checks, defaults", kept, "2 1 1 1 1", err);
}

static int check_columnstore(struct selftest *t, struct err *err)
{
	if (make(t, "CREATE TABLE " TO " (id int NOT NULL, v varchar(20))", err))
		return -1;
	if (selftest_sql(t, err, "CREATE CLUSTERED COLUMNSTORE INDEX it_columns ON " TO))
		return selftest_skip(t, "%s", err->msg);
	return copy_and_compare(t, "load_mode = append", err) || copy_and_compare(t, "load_mode = truncate", err) ? -1 : 0;
}

static int check_added_column(struct selftest *t, struct err *err)
{
	if (make(t, "CREATE TABLE " TO " (id int NOT NULL PRIMARY KEY)", err) ||
		selftest_refused(t, "it", "'v'", err, COPY "load_mode = append"))
		return -1;
	return copy_and_compare(t, "load_mode = append\nschema_change = add_columns", err);
}

/* Integers that grow, decimals that have more digits, varchar that becomes nvarchar: converted, exactly. */
static int check_converted(struct selftest *t, struct err *err)
{
	if (make(t, "CREATE TABLE " TO " (id bigint NOT NULL PRIMARY KEY, v nvarchar(40))", err) ||
		selftest_load(t, "it", err, COPY "load_mode = append"))
		return -1;
	return selftest_same(t, "SELECT CAST(id AS bigint) AS id, CAST(v AS nvarchar(40)) AS v FROM " FROM " ORDER BY id",
		"SELECT id, v FROM " TO " ORDER BY id", true, err);
}

static int check_many_columns(struct selftest *t, struct err *err)
{
	struct buf sql = BUF_INIT(1024 * 1024);

	buf_adds(&sql, "DROP TABLE IF EXISTS " S "many; DROP TABLE IF EXISTS " S "many_to; CREATE TABLE " S
		       "many (id int NOT NULL PRIMARY KEY");
	for (int i = 1; i < MANY_COLUMNS; i++)
		buf_printf(&sql, ", c%d %s", i, i % 3 ? "int" : "varchar(10)");
	buf_adds(&sql, ");\nINSERT INTO " S "many (id, c1, c3, c1023) VALUES (1, 1, 'x', 'y'), (2, NULL, '', NULL)");
	if (selftest_sql(t, err, "%s", arena_buf(t->arena, &sql)) ||
		selftest_load(t, "many", err, "load_mode = append\nverify = digest\nsource_table = " S
					      "many\ntarget_table = " S "many_to"))
		return -1;
	return selftest_same(t, "SELECT * FROM " S "many ORDER BY id", "SELECT * FROM " S "many_to ORDER BY id", false, err);
}

/* A value that no batch can hold. */
static int check_large(struct selftest *t, struct err *err)
{
	if (selftest_sql(t, err, "DROP TABLE IF EXISTS " S "large; DROP TABLE IF EXISTS " S "large_to; CREATE TABLE " S
				 "large (id int NOT NULL PRIMARY KEY, v varchar(max), w nvarchar(max), x varbinary(max));\n"
				 "INSERT INTO " S "large VALUES (1, REPLICATE(CAST('ab' AS varchar(max)), 1500000),"
				 " REPLICATE(CAST(N'ü' AS nvarchar(max)), 700000), 0x00), (2, 'x', NULL, NULL)") ||
		selftest_load(t, "large", err, "load_mode = append\nverify = digest\nsource_table = " S
					       "large\ntarget_table = " S "large_to") ||
		selftest_expect(t, "its length", "SELECT DATALENGTH(v) + DATALENGTH(w) FROM " S "large_to WHERE id = 1",
			"4400000", err))
		return -1;
	return selftest_same(t, "SELECT * FROM " S "large ORDER BY id", "SELECT * FROM " S "large_to ORDER BY id", false, err);
}

/* Names that have to be quoted. */
static int check_names(struct selftest *t, struct err *err)
{
	if (selftest_sql(t, err, "DROP TABLE IF EXISTS " S "[from it's]; DROP TABLE IF EXISTS " S "[to ]]x];\nCREATE TABLE " S
				 "[from it's] ([the id] int NOT NULL PRIMARY KEY, [select] int, [a]]b] int, [Ü'x] int);\n"
				 "INSERT INTO " S "[from it's] VALUES (1, 2, 3, 4)") ||
		selftest_load(t, "names", err, "load_mode = append\nsource_table = " S "[from it's]\ntarget_table = " S
					       "[to ]]x]"))
		return -1;
	return selftest_same(t, "SELECT * FROM " S "[from it's]", "SELECT * FROM " S "[to ]]x]", false, err);
}

const struct selftest_check selftest_tables[] = {
	{"identity, kept", check_identity},
	{"identity, generated", check_identity_made},
	{"computed columns", check_computed},
	{"computed columns of the source", check_computed_source},
	{"rowversion", check_rowversion},
	{"defaults", check_default},
	{"sparse columns", check_sparse},
	{"a check constraint", check_constraint},
	{"a foreign key to it", check_referenced},
	{"a trigger", check_trigger},
	{"a trigger instead of insert", check_instead_of},
	{"a filtered unique index", check_index},
	{"what a replaced table keeps", check_kept},
	{"a columnstore", check_columnstore},
	{"a column that is added", check_added_column},
	{"columns that are converted", check_converted},
	{"1,024 columns", check_many_columns},
	{"a value larger than a batch", check_large},
	{"names in brackets", check_names},
};
const size_t n_selftest_tables = ARRAY_LEN(selftest_tables);
