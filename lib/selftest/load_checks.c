/* Every load mode, with all types that arrive alone in one table. */
#include <inttypes.h>
#include <string.h>

#include "selftest/selftest_private.h"
#include "selftest/types.h"

#define FROM S "all_from"
#define TO   S "all_to"
#define COPY "source_table = " FROM "\ntarget_table = " TO "\nverify = digest\n"

static int make_source(struct selftest *t, struct err *err)
{
	bool *which = t->order->only ? NULL : t->arrives; /* alone: those that every server has */

	if (!which) {
		which = arena_array(t->arena, n_selftest_types, sizeof(*which));
		for (size_t i = 0; i < n_selftest_types; i++)
			which[i] = !selftest_type_table[i].optional;
	}
	memcpy(t->arrives, which, n_selftest_types * sizeof(*which));
	return selftest_sql(t, err, "DROP TABLE IF EXISTS " FROM "; DROP TABLE IF EXISTS " TO ";\n%s",
		selftest_all_sql(t->arrives, FROM, t->arena));
}

static int same(struct selftest *t, struct err *err)
{
	const char *columns = selftest_all_columns(t->arrives, t->arena);

	return selftest_same(t, arena_printf(t->arena, "SELECT %s FROM " FROM " ORDER BY id", columns),
		arena_printf(t->arena, "SELECT %s FROM " TO " ORDER BY id", columns), true, err);
}

/* Every change that a source can have seen: a row more, one fewer, one with other values, one with nulls. */
static int change_source(struct selftest *t, struct err *err)
{
	struct buf sql = BUF_INIT(65536);

	buf_adds(&sql, "DELETE FROM " FROM " WHERE id = 3; INSERT INTO " FROM " (id, [at]) VALUES (100, '2024-03-01');\n"
		       "UPDATE " FROM " SET [at] = '2024-03-02'");
	for (size_t i = 0; i < n_selftest_types; i++)
		if (t->arrives[i])
			buf_printf(&sql, ", c%zu = NULL", i);
	buf_adds(&sql, " WHERE id = 1;\nUPDATE f SET [at] = '2024-03-03'");
	for (size_t i = 0; i < n_selftest_types; i++)
		if (t->arrives[i])
			buf_printf(&sql, ", c%zu = g.c%zu", i, i);
	buf_adds(&sql, " FROM " FROM " AS f JOIN " FROM " AS g ON g.id = 2 WHERE f.id = 0");
	return selftest_sql(t, err, "%s", arena_buf(t->arena, &sql));
}

static int copy(struct selftest *t, const char *keys, struct err *err)
{
	return selftest_load(t, "all", err, COPY "%s", keys);
}

static int into_new(struct selftest *t, const char *keys, struct err *err)
{
	return make_source(t, err) || copy(t, keys, err) || same(t, err) ? -1 : 0;
}

static int check_append(struct selftest *t, struct err *err)
{
	if (into_new(t, "load_mode = append", err) ||
		selftest_expect(t, "columns of the primary key of the table that was made",
			"SELECT COUNT(*) FROM sys.index_columns AS k JOIN sys.indexes AS i ON i.object_id = k.object_id"
			" AND i.index_id = k.index_id WHERE i.is_primary_key = 1 AND k.object_id = OBJECT_ID(N'" TO "')",
			"1", err) ||
		selftest_refused(t, "all", "PRIMARY KEY", err, COPY "load_mode = append") ||
		selftest_sql(t, err, "DELETE FROM " TO) || copy(t, "load_mode = append", err))
		return -1;
	return same(t, err);
}

static int replaces(struct selftest *t, const char *keys, struct err *err)
{
	return into_new(t, keys, err) || change_source(t, err) || copy(t, keys, err) || same(t, err) ? -1 : 0;
}

static int check_replace(struct selftest *t, struct err *err)
{
	return replaces(t, "load_mode = replace", err);
}

static int check_truncate(struct selftest *t, struct err *err)
{
	return replaces(t, "load_mode = truncate", err);
}

static int check_merge(struct selftest *t, struct err *err)
{
	if (into_new(t, "load_mode = merge\nkey_columns = id", err) || change_source(t, err) ||
		copy(t, "load_mode = merge\nkey_columns = id", err) ||
		selftest_expect(t, "a row that the source does not have any more", "SELECT COUNT(*) FROM " TO " WHERE id = 3",
			"1", err) ||
		copy(t, "load_mode = merge\nkey_columns = id\ndelete_missing = yes", err))
		return -1;
	return same(t, err);
}

/* A second load reads what is new, a third one nothing. */
static int incremental(struct selftest *t, const char *column, const char *rows, struct err *err)
{
	const char *keys = arena_printf(t->arena, "load_mode = incremental\nwatermark_column = %s\nkey_columns = id", column);
	const char *job = arena_printf(t->arena, "by_%s", column);

	if (make_source(t, err) || selftest_load(t, job, err, COPY "%s", keys) || same(t, err) ||
		selftest_sql(t, err, "INSERT INTO " FROM " (id, [at]) VALUES (100, '2024-03-01'), (101, '2024-03-02')") ||
		selftest_load(t, job, err, COPY "%s", keys) || same(t, err) || selftest_load(t, job, err, COPY "%s", keys) ||
		same(t, err))
		return -1;
	/* the ledger's own account of what the three have changed */
	return selftest_expect(t, "rows of the three loads, one behind the other",
		arena_printf(t->arena,
			"SELECT STRING_AGG(CAST([rows] AS varchar(20)), ' ') WITHIN GROUP (ORDER BY published_at)"
			" FROM etl.load_ledger WHERE job_name = N'%s' AND store_uid = N'%s'", job, t->uid),
		rows, err);
}

static int check_by_id(struct selftest *t, struct err *err)
{
	return incremental(t, "id", "8 2 0", err);
}

static int check_by_time(struct selftest *t, struct err *err)
{
	return incremental(t, "at", "8 2 0", err);
}

static int check_by_rowversion(struct selftest *t, struct err *err)
{
	return incremental(t, "rv", "8 2 0", err);
}

static int check_ranges(struct selftest *t, struct err *err)
{
	return into_new(t, "load_mode = replace\npartition_column = id\nparallel = 3", err);
}

static int check_empty(struct selftest *t, struct err *err)
{
	if (into_new(t, "load_mode = replace", err) || selftest_sql(t, err, "DELETE FROM " FROM) ||
		selftest_refused(t, "all", "min_rows", err, COPY "load_mode = replace") ||
		selftest_expect(t, "rows that are left", "SELECT COUNT(*) FROM " TO, "8", err) ||
		copy(t, "load_mode = replace\nmin_rows = 0", err))
		return -1;
	return selftest_expect(t, "rows that are left", "SELECT COUNT(*) FROM " TO, "0", err);
}

/* Staging goes with the load. */
static int check_staging(struct selftest *t, struct err *err)
{
	return selftest_expect(t, "staging tables that are left",
		"SELECT COUNT(*) FROM sys.tables WHERE schema_id = SCHEMA_ID(N'" SELFTEST_SCHEMA "')"
		" AND name LIKE N'etl[_]stage%'", "0", err);
}

static int check_rejects(struct selftest *t, struct err *err)
{
	if (selftest_sql(t, err, "DROP TABLE IF EXISTS " S "wide; DROP TABLE IF EXISTS " S "narrow;\n"
				 "CREATE TABLE " S "wide (id int NOT NULL PRIMARY KEY, v nvarchar(20));\n"
				 "CREATE TABLE " S "narrow (id int NOT NULL PRIMARY KEY, v nvarchar(5));\n"
				 "INSERT INTO " S "wide VALUES (1, N'short'), (2, N'too long for it'), (3, NULL)") ||
		selftest_refused(t, "rejects", "column 'v'", err,
			"load_mode = append\nsource_table = " S "wide\ntarget_table = " S "narrow") ||
		selftest_expect(t, "rows", "SELECT COUNT(*) FROM " S "narrow", "0", err) ||
		selftest_load(t, "rejects", err, "load_mode = append\non_reject = keep\nreject_values = keys\n"
						 "key_columns = id\nsource_table = " S "wide\ntarget_table = " S "narrow") ||
		selftest_expect(t, "rows", "SELECT COUNT(*) FROM " S "narrow", "2", err))
		return -1;
	return selftest_expect(t, "the reject",
		arena_printf(t->arena, "SELECT r.row_key + N' ' + r.column_name FROM etl.load_reject AS r JOIN etl.load_ledger"
				       " AS l ON l.run_uid = r.run_uid WHERE l.store_uid = N'%s'", t->uid),
		"2 v", err);
}

/* Out, and in again: what no other engine can hold (sql_variant) stays out. */
static int through(struct selftest *t, const char *where, const char *declared, struct err *err)
{
	bool *which = arena_array(t->arena, n_selftest_types, sizeof(*which));
	const char *columns;

	if (make_source(t, err))
		return -1;
	for (size_t i = 0; i < n_selftest_types; i++)
		which[i] = t->arrives[i] && !selftest_type_table[i].one_way &&
			   strcmp(selftest_type_table[i].declared, "sql_variant") != 0;
	columns = selftest_all_columns(which, t->arena);
	if (selftest_load(t, "out", err, "load_mode = replace\nsource_query = SELECT %s FROM " FROM "\ntarget = %s\n"
					 "target_table = all", columns, where) ||
		selftest_sql(t, err, "SELECT TOP 0 %s INTO " TO " FROM " FROM, columns) ||
		selftest_load(t, "back", err, "load_mode = append\nsource = %s\nsource_table = all\ntarget_table = " TO
					      "\n%s", where, declared))
		return -1;
	return selftest_same(t, arena_printf(t->arena, "SELECT %s FROM " FROM " ORDER BY id", columns),
		arena_printf(t->arena, "SELECT %s FROM " TO " ORDER BY id", columns), false, err);
}

static int check_sqlite(struct selftest *t, struct err *err)
{
	return through(t, LITE, "", err);
}

/* The digits of a real are a float's to whoever reads them: it must be told. */
static int check_csv(struct selftest *t, struct err *err)
{
	size_t i = 0;

	while (strcmp(selftest_type_table[i].declared, "real") != 0)
		i++;
	return through(t, FILES, arena_printf(t->arena, "columns = c%zu real", i), err);
}

/* Statements of a job, in the transaction of the ledger. */
static int check_sql(struct selftest *t, struct err *err)
{
	if (selftest_sql(t, err, "DROP TABLE IF EXISTS " S "done; CREATE TABLE " S "done (id int NOT NULL)") ||
		selftest_load(t, "statements", err, "kind = sql\ncommand = INSERT INTO " S "done VALUES (1)\n\tGO\n"
						    "\tINSERT INTO " S "done VALUES (2)") ||
		selftest_expect(t, "rows", "SELECT COUNT(*) FROM " S "done", "2", err) ||
		selftest_refused(t, "statements", "batch 2", err, "kind = sql\ncommand = INSERT INTO " S
								  "done VALUES (3)\n\tGO\n\tINSERT INTO " S "done VALUES (NULL)"))
		return -1;
	return selftest_expect(t, "rows", "SELECT COUNT(*) FROM " S "done", "2", err);
}

/* pre_sql and post_sql, within the publish transaction: all or nothing. */
static int check_hooks(struct selftest *t, struct err *err)
{
	if (make_source(t, err) ||
		selftest_sql(t, err, "DROP TABLE IF EXISTS " S "hooks; CREATE TABLE " S "hooks (id int NOT NULL PRIMARY KEY)") ||
		copy(t, "load_mode = append\npre_sql = INSERT INTO " S "hooks VALUES (1)\npost_sql = INSERT INTO " S
			"hooks VALUES (2)", err) ||
		selftest_expect(t, "rows", "SELECT COUNT(*) FROM " S "hooks", "2", err) ||
		selftest_refused(t, "all", "post_sql", err, COPY "load_mode = replace\npre_sql = INSERT INTO " S
							    "hooks VALUES (3)\npost_sql = INSERT INTO " S "hooks VALUES (1)"))
		return -1;
	return selftest_expect(t, "rows", "SELECT COUNT(*) FROM " S "hooks", "2", err) || same(t, err) ? -1 : 0;
}

const struct selftest_check selftest_loads[] = {
	{"append", check_append},
	{"replace", check_replace},
	{"truncate", check_truncate},
	{"merge", check_merge},
	{"incremental by number", check_by_id},
	{"incremental by time", check_by_time},
	{"incremental by rowversion", check_by_rowversion},
	{"ranges in parallel", check_ranges},
	{"an empty source", check_empty},
	{"rejects", check_rejects},
	{"to SQLite and back", check_sqlite},
	{"to CSV and back", check_csv},
	{"sql", check_sql},
	{"pre_sql and post_sql", check_hooks},
	{"staging is gone", check_staging},
};
const size_t n_selftest_loads = ARRAY_LEN(selftest_loads);
