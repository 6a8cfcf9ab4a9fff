#include "selftest/scratch.h"

#include <string.h>

#include "db/tsql.h"
#include "selftest/selftest.h"

#define MADE_BY SELFTEST_SCHEMA ".made_by"
#define NAMES_MAX 10000

int scratch_value(struct db *db, const char *sql, struct arena *a, const char **ret_text, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	int rc;

	*ret_text = NULL;
	if (db_prepare(db, sql, &stmt, err))
		return -1;
	rc = db_step(stmt, err);
	if (rc > 0)
		*ret_text = arena_strdup(a, db_column_text(stmt, 0));
	return rc < 0 ? -1 : 0;
}

/* Runs `fmt` with each name that the query gives; the names are read first. */
static int for_each(struct db *db, const char *sql, const char *(*statement)(const char *name, struct arena *a),
	struct arena *a, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	const char **names = NULL;
	size_t n = 0, cap = 0;
	int rc;

	if (db_prepare(db, sql, &stmt, err))
		return -1;
	while ((rc = db_step(stmt, err)) > 0 && n < NAMES_MAX) {
		names = arena_grow(a, names, n, &cap, sizeof(*names));
		names[n++] = arena_strdup(a, db_column_text(stmt, 0));
	}
	for (size_t i = 0; i < n && rc >= 0; i++)
		rc = db_exec(db, statement(names[i], a), err);
	return rc < 0 ? -1 : 0;
}

/* kept NULL: the selftest itself; N'': the ledger's schema was there; else an object of it was. */
static int make(struct db *db, const char *uid, struct arena *a, struct err *err)
{
	const char *by = tsql_text(uid, a);

	if (db_exec(db, "EXEC (N'CREATE SCHEMA " SELFTEST_SCHEMA "')", err))
		return -1;
	return db_exec(db,
		arena_printf(a,
			"CREATE TABLE " MADE_BY " (store_uid nvarchar(64) NOT NULL, kept nvarchar(128) NULL);"
			" INSERT INTO " MADE_BY " VALUES (%s, NULL);"
			" INSERT INTO " MADE_BY " SELECT %s, N'' WHERE SCHEMA_ID(N'etl') IS NOT NULL;"
			" INSERT INTO " MADE_BY " SELECT %s, name FROM sys.objects WHERE schema_id = SCHEMA_ID(N'etl')",
			by, by, by),
		err);
}

int scratch_make(struct db *db, const char *uid, struct arena *a, struct err *err)
{
	const char *there;

	if (scratch_value(db, "SELECT SCHEMA_ID(N'" SELFTEST_SCHEMA "')", a, &there, err))
		return -1;
	if (there) {
		err_set(err, ERR_CONFIG, "the database has a schema '" SELFTEST_SCHEMA "': a selftest is running, or was "
					 "kept or killed");
		return err_hint(err, "remove what it has left: etl selftest CONNECTION --clean");
	}
	if (db_begin(db, err) || make(db, uid, a, err) || db_commit(db, err)) {
		db_rollback(db);
		err_wrap(err, "make the schema '" SELFTEST_SCHEMA "'");
		return err_hint(err, "the login needs CREATE SCHEMA and CREATE TABLE in this database");
	}
	return 0;
}

/* --- the ledger ---------------------------------------------------------------------- */

static const char *forget_rows(const char *table, struct arena *a)
{
	const char *mine = "(SELECT l.run_uid FROM etl.load_ledger AS l WHERE l.store_uid IN"
			   " (SELECT m.store_uid FROM " MADE_BY " AS m))";

	if (strcmp(table, "load_ledger") == 0)
		return "DELETE FROM etl.load_ledger WHERE store_uid IN (SELECT m.store_uid FROM " MADE_BY " AS m)";
	if (strcmp(table, "load_watermark") == 0)
		return "DELETE FROM etl.load_watermark WHERE job_uid IN (SELECT l.job_uid FROM etl.load_ledger AS l"
		       " WHERE l.store_uid IN (SELECT m.store_uid FROM " MADE_BY " AS m))";
	return arena_printf(a, "DELETE FROM etl.%s WHERE run_uid IN %s", tsql_quote(table, a), mine);
}

static const char *drop_empty(const char *table, struct arena *a)
{
	const char *name = tsql_quote(table, a);

	return arena_printf(a, "IF NOT EXISTS (SELECT 1 FROM etl.%s WITH (TABLOCKX, HOLDLOCK)) DROP TABLE etl.%s", name,
		name);
}

/* Others may have begun to use what our loads have made. */
static int clean_ledger(struct db *db, struct arena *a, struct err *err)
{
#define TABLES "SELECT o.name FROM sys.tables AS o WHERE o.schema_id = SCHEMA_ID(N'etl') AND o.name LIKE N'load[_]%'"
#define NEW    " AND NOT EXISTS (SELECT 1 FROM " MADE_BY " AS m WHERE m.kept = o.name)"
	const char *ledger, *left, *had;

	if (scratch_value(db, "SELECT OBJECT_ID(N'etl.load_ledger', N'U')", a, &ledger, err))
		return -1;
	if (ledger && (for_each(db, TABLES " AND o.name <> N'load_ledger'", forget_rows, a, err) ||
			      db_exec(db, forget_rows("load_ledger", a), err) || db_begin(db, err) ||
			      for_each(db, TABLES NEW, drop_empty, a, err) || db_commit(db, err))) {
		db_rollback(db);
		return err_wrap(err, "the ledger");
	}
	if (scratch_value(db, "SELECT COUNT(*) FROM " MADE_BY " WHERE kept = N''", a, &had, err) ||
		scratch_value(db, "SELECT TOP (1) name FROM sys.objects WHERE schema_id = SCHEMA_ID(N'etl')", a, &left, err))
		return -1;
	if (strcmp(had, "0") != 0 || left)
		return 0;
	return db_exec(db, "IF SCHEMA_ID(N'etl') IS NOT NULL EXEC (N'DROP SCHEMA etl')", err);
}

/* --- the schema ---------------------------------------------------------------------- */

static const char *drop_key(const char *name, struct arena *a)
{
	(void)a;
	return name; /* the statement is the query's */
}

static const char *drop_table(const char *name, struct arena *a)
{
	return arena_printf(a, "DROP TABLE " SELFTEST_SCHEMA ".%s", tsql_quote(name, a));
}

static const char *drop_view(const char *name, struct arena *a)
{
	return arena_printf(a, "DROP VIEW " SELFTEST_SCHEMA ".%s", tsql_quote(name, a));
}

static int drop_all(struct db *db, struct arena *a, struct err *err)
{
	return for_each(db,
		       "SELECT N'ALTER TABLE " SELFTEST_SCHEMA ".[' + OBJECT_NAME(parent_object_id) + N'] DROP CONSTRAINT ['"
		       " + name + N']' FROM sys.foreign_keys WHERE schema_id = SCHEMA_ID(N'" SELFTEST_SCHEMA "')",
		       drop_key, a, err) ||
			       for_each(db,
				       "SELECT name FROM sys.views WHERE schema_id = SCHEMA_ID(N'" SELFTEST_SCHEMA "')",
				       drop_view, a, err) ||
			       for_each(db,
				       "SELECT name FROM sys.tables WHERE schema_id = SCHEMA_ID(N'" SELFTEST_SCHEMA "')"
				       " AND name <> N'made_by'",
				       drop_table, a, err) ||
			       /* last: whoever is interrupted can be taken up */
			       db_exec(db, "DROP TABLE " MADE_BY, err) || db_exec(db, "DROP SCHEMA " SELFTEST_SCHEMA, err)
		       ? -1
		       : 0;
}

int scratch_remove(struct db *db, struct arena *a, struct err *err)
{
	const char *schema, *made;

	if (scratch_value(db, "SELECT SCHEMA_ID(N'" SELFTEST_SCHEMA "')", a, &schema, err) ||
		scratch_value(db, "SELECT OBJECT_ID(N'" MADE_BY "', N'U')", a, &made, err))
		return -1;
	if (!schema)
		return err_set(err, ERR_NOT_FOUND, "the database has no schema '" SELFTEST_SCHEMA "'");
	if (!made) {
		err_set(err, ERR_CONFIG, "the schema '" SELFTEST_SCHEMA "' was not made by a selftest");
		return err_hint(err, "look at what is in it, and drop it by hand");
	}
	if (clean_ledger(db, a, err) || drop_all(db, a, err))
		return err_wrap(err, "remove the schema '" SELFTEST_SCHEMA "'");
	return 0;
}
