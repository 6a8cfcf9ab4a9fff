#include "job/schema.h"

#include "job/migrations.h"
#include "job/statements.h"

/* What is here and not in statements_table.h, since the tables may not be there. */
static const struct {
	const char *exists, *version, *make, *name_store, *note;
} texts[DB_DIALECT_COUNT] = {
	[DB_SQLITE] = {"SELECT 1 FROM sqlite_master WHERE name = 'etl_migration'",
		"SELECT ifnull(max(version), 0) FROM etl_migration",
		"CREATE TABLE etl_migration (version INTEGER PRIMARY KEY, name TEXT NOT NULL,"
		" applied_at TEXT NOT NULL DEFAULT (" SQL_NOW "));"
		"CREATE TABLE etl_meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
		"INSERT INTO etl_meta VALUES ('store_uid', @uid)",
		"INSERT INTO etl_migration (version, name) VALUES (@v, @n)"},
	/* two that come at once wait for each other; a schema must be a batch of its own */
	[DB_TSQL] = {"SELECT 1 WHERE OBJECT_ID(N'etl.migration', N'U') IS NOT NULL",
		"SELECT ISNULL(MAX(version), 0) FROM etl.migration",
		"IF SCHEMA_ID(N'etl') IS NULL EXEC (N'CREATE SCHEMA etl');"
		" CREATE TABLE etl.migration ("
		" version bigint NOT NULL CONSTRAINT migration_pk PRIMARY KEY,"
		" name nvarchar(100) COLLATE Latin1_General_100_BIN2 NOT NULL,"
		" applied_at datetime2(3) NOT NULL DEFAULT SYSUTCDATETIME());"
		" CREATE TABLE etl.meta ("
		" name nvarchar(100) COLLATE Latin1_General_100_BIN2 NOT NULL CONSTRAINT meta_pk PRIMARY KEY,"
		" value nvarchar(4000) COLLATE Latin1_General_100_BIN2 NOT NULL)",
		"INSERT INTO etl.meta (name, value) VALUES (N'store_uid', @uid)",
		"INSERT INTO etl.migration (version, name) VALUES (@v, @n)"},
};

/* SQLite's transactions that write are one at a time. */
static int lock(struct db *db, struct err *err)
{
	if (db_dialect(db) == DB_SQLITE)
		return 0;
	return db_exec(db,
		"EXEC sp_getapplock @Resource = N'etl.migration', @LockMode = N'Exclusive',"
		" @LockOwner = N'Transaction', @LockTimeout = 60000", err);
}

/* 0 for a database without our tables. */
static int schema_version(struct db *db, int *ret_version, struct err *err)
{
	CLEANUP_STMT struct db_stmt *exists = NULL, *version = NULL;
	int row;

	if (db_prepare(db, texts[db_dialect(db)].exists, &exists, err))
		return -1;
	row = db_step(exists, err);
	if (row <= 0) {
		if (row == 0)
			*ret_version = 0;
		return row;
	}
	db_reset(exists);
	if (db_prepare(db, texts[db_dialect(db)].version, &version, err) ||
		db_step(version, err) < 0)
		return -1;
	*ret_version = (int)db_column_int(version, 0);
	db_reset(version);
	return 0;
}

static int newer_schema(int version, struct err *err)
{
	err_set(err, ERR_STORE, "it has schema version %d, this program knows %d", version,
		migrations_version());
	return err_hint(err, "use the version of etl that made it, or a newer one");
}

static int create_meta(struct db *db, const struct clock *clock, const struct rnd *rnd,
	struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	char uid[UUID_TEXT_LEN + 1];

	uuid_make(clock, rnd, uid);
	if (db_exec(db, texts[db_dialect(db)].make, err) ||
		db_prepare(db, texts[db_dialect(db)].name_store, &stmt, err))
		return -1;
	db_bind_text(stmt, 1, uid);
	return db_run(stmt, err);
}

static int apply(struct db *db, const struct migration *m, struct err *err)
{
	if (db_dialect(db) == DB_SQLITE)
		return db_exec(db, m->sqlite, err);
	for (const char *const *batch = m->tsql; batch && *batch; batch++)
		if (db_exec(db, *batch, err))
			return -1;
	return 0;
}

static int migrate(struct db *db, int from, struct err *err)
{
	for (size_t i = 0; i < n_migrations; i++) {
		CLEANUP_STMT struct db_stmt *stmt = NULL;

		if (migrations[i].version <= from)
			continue;
		if (apply(db, &migrations[i], err) ||
			db_prepare(db, texts[db_dialect(db)].note, &stmt, err))
			return err_wrap(err, "migration %d", migrations[i].version);
		db_bind_int(stmt, 1, migrations[i].version);
		db_bind_text(stmt, 2, migrations[i].name);
		if (db_run(stmt, err))
			return err_wrap(err, "migration %d", migrations[i].version);
	}
	return 0;
}

int schema_migrate(struct db *db, const struct clock *clock, const struct rnd *rnd,
	struct schema_change *ret_change, struct err *err)
{
	struct schema_change c = {.to = migrations_version()};

	if (lock(db, err) || schema_version(db, &c.from, err))
		return -1;
	if (c.from > c.to)
		return newer_schema(c.from, err);
	if (c.from == 0 && create_meta(db, clock, rnd, err))
		return -1;
	if (migrate(db, c.from, err))
		return -1;
	*ret_change = c;
	return 0;
}

int schema_check(struct db *db, struct err *err)
{
	int version;

	if (schema_version(db, &version, err))
		return -1;
	if (version > migrations_version())
		return newer_schema(version, err);
	if (version == 0)
		err_set(err, ERR_STORE, "it is not a store of etl");
	else if (version < migrations_version())
		err_set(err, ERR_STORE, "it has schema version %d, this program needs %d", version,
			migrations_version());
	else
		return 0;
	return err_hint(err, "run 'etl init'");
}
