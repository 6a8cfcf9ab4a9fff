#include "job/schema.h"

#include "job/migrations.h"
#include "job/schema_text.h"

/* What is here and not in statements_table.h, since the tables may not be there. */
static const struct {
	const char *exists, *version;
} texts[DB_DIALECT_COUNT] = {
	[DB_SQLITE] = {"SELECT 1 FROM sqlite_master WHERE name = 'etl_migration'",
		"SELECT ifnull(max(version), 0) FROM etl_migration"},
	[DB_TSQL] = {"SELECT 1 WHERE OBJECT_ID(N'etl.migration', N'U') IS NOT NULL",
		"SELECT ISNULL(MAX(version), 0) FROM etl.migration"},
};

/* SQLite's transactions that write are one at a time. */
static int lock(struct db *db, struct err *err)
{
	return db_dialect(db) == DB_SQLITE ? 0 : db_exec(db, SCHEMA_LOCK, err);
}

int schema_version(struct db *db, int *ret_version, struct err *err)
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

static int send(struct db *db, enum schema_part part, int from, const char *uid, struct err *err)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct schema_texts t = schema_texts(db_dialect(db), part, from, uid, &a);

	for (size_t i = 0; i < t.n; i++)
		if (db_exec(db, t.v[i], err))
			return -1;
	return 0;
}

int schema_migrate(struct db *db, const struct clock *clock, const struct rnd *rnd,
	struct schema_change *ret_change, struct err *err)
{
	struct schema_change c = {.to = migrations_version()};
	char uid[UUID_TEXT_LEN + 1];

	if (lock(db, err) || schema_version(db, &c.from, err))
		return -1;
	if (c.from > c.to)
		return newer_schema(c.from, err);
	uuid_make(clock, rnd, uid);
	if (send(db, SCHEMA_TABLES, c.from, uid, err))
		return err_wrap(err, "from schema version %d to %d", c.from, c.to);
	*ret_change = c;
	return 0;
}

int schema_equip(struct db *db, enum schema_part part, struct err *err)
{
	if (db_dialect(db) == DB_SQLITE)
		return 0;
	return lock(db, err) || send(db, part, migrations_version(), NULL, err) ? -1 : 0;
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
