#include "work/mssql_picture.h"

#include <inttypes.h>
#include <string.h>

#include "db/mssql.h"
#include "db/tsql.h"

/* As SET TRANSACTION ISOLATION LEVEL has them, and people. */
static const struct {
	const char *sql, *name;
} levels[] = {
	[MSSQL_ISOLATION_READ_COMMITTED] = {NULL, "read committed"}, /* as every session begins */
	[MSSQL_ISOLATION_REPEATABLE_READ] = {"REPEATABLE READ", "repeatable read"},
	[MSSQL_ISOLATION_SNAPSHOT] = {"SNAPSHOT", "snapshot"},
	[MSSQL_ISOLATION_SERIALIZABLE] = {"SERIALIZABLE", "serializable"},
};

/* What is known of the database that the table is in. */
struct facts {
	const char *name;
	bool snapshot;	/* it allows them */
	bool frozen;	/* nothing changes in it */
	bool secondary; /* changes come from elsewhere, and locks hold nobody up */
};

/* Without the answer it is as any other. */
static void read_facts(struct db *db, const char *database, struct arena *a, struct facts *f)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	struct err ignored = ERR_INIT;

	*f = (struct facts){.name = database ? database : db_mssql_session(db)->database};
	if (db_prepare(db,
		    "SELECT CAST(snapshot_isolation_state AS int), CAST(is_read_only AS int), source_database_id,"
		    " CAST(DATABASEPROPERTYEX(name, 'Updateability') AS nvarchar(20)) FROM sys.databases"
		    " WHERE name = @name",
		    &stmt, &ignored))
		return;
	db_bind_text(stmt, 1, f->name);
	if (db_step(stmt, &ignored) <= 0)
		return;
	f->name = arena_strdup(a, f->name);
	f->snapshot = db_column_int(stmt, 0) == 1;
	f->frozen = db_column_int(stmt, 1) == 1 || db_column_type(stmt, 2) != DB_NULL;
	f->secondary = !f->frozen && db_column_text(stmt, 3) && strcmp(db_column_text(stmt, 3), "READ_ONLY") == 0;
}

static enum mssql_isolation settle(enum mssql_isolation wanted, const struct facts *f, bool fallback)
{
	if (wanted != MSSQL_ISOLATION_AUTO)
		return wanted;
	return f->snapshot && !f->frozen && !fallback ? MSSQL_ISOLATION_SNAPSHOT : MSSQL_ISOLATION_READ_COMMITTED;
}

/* Why several sessions do not see one state; NULL: they do. */
static const char *find_flaw(const struct mssql_picture *p, const struct facts *f, bool is_table, struct arena *a)
{
	if (f->secondary)
		return "on a secondary replica no lock holds changes up";
	if (p->isolation != MSSQL_ISOLATION_SNAPSHOT)
		return arena_printf(a, f->snapshot ? "the isolation level is %s"
						   : "the isolation level is %s, and the database '%s' allows no snapshots",
			levels[p->isolation].name, f->name);
	return is_table ? NULL : "of a query it is not known which tables to lock";
}

static int several(struct mssql_picture *p, const struct source_request *r, const struct facts *f, bool is_table,
	struct arena *a, struct err *err)
{
	const char *flaw;

	p->one = true;
	if (f->frozen) {
		p->seen = "one picture: the database does not change";
		p->how = arena_printf(a, "reads %" PRIu32 " ranges as one picture: the database '%s' does not change",
			r->ranges, f->name);
		return 0;
	}
	flaw = find_flaw(p, f, is_table, a);
	if (!flaw) {
		p->gated = true;
		p->seen = "one picture: snapshots begun behind a shared lock";
		p->how = arena_printf(a,
			"reads %" PRIu32 " ranges as one picture: a shared lock is held on the table until each session "
			"has its snapshot", r->ranges);
		return 0;
	}
	p->one = false;
	p->seen = arena_printf(a, "inconsistent: %s", flaw);
	p->how = arena_printf(a, "reads %" PRIu32 " ranges as of different moments, an inconsistent picture: %s",
		r->ranges, flaw);
	if (r->job->on_inconsistent == INCONSISTENT_WARN)
		return 0;
	err_set(err, ERR_CONFIG, "%" PRIu32 " ranges would be read as of different moments: %s", r->ranges, flaw);
	return err_hint(err, "read a table of a database with ALLOW_SNAPSHOT_ISOLATION ON, or a database snapshot; or set "
			     "on_inconsistent = warn");
}

int mssql_picture_find(struct db *db, const struct source_request *request, const char *const *table, bool fallback,
	struct arena *a, struct mssql_picture *ret, struct err *err)
{
	struct facts f;

	read_facts(db, table ? table[2] : NULL, a, &f);
	*ret = (struct mssql_picture){.isolation = settle(request->conn->mssql.isolation, &f, fallback)};
	if (request->ranges > 1)
		return several(ret, request, &f, table != NULL, a, err);
	ret->one = true;
	ret->seen = ret->isolation == MSSQL_ISOLATION_SNAPSHOT ? "one snapshot" : "one statement";
	ret->how = arena_printf(a, f.frozen ? "reads the database '%s', which does not change"
					    : "reads at isolation level %s",
		f.frozen ? f.name : levels[ret->isolation].name);
	return 0;
}

/* A row has to be asked for: of none the server knows without the table. */
static int touch(struct db *db, const char *table, const char *hints, struct arena *a, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;

	if (db_prepare(db, arena_printf(a, "SELECT TOP (1) 1 FROM %s%s", table, hints), &stmt, err))
		return -1;
	return db_run(stmt, err);
}

int mssql_picture_close_gate(struct mssql_picture *p, const struct mssql_login *login, const char *table,
	struct arena *a, struct err *err)
{
	enum mssql_layer layer;

	if (!p->gated)
		return 0;
	if (db_open_mssql(login, &p->gate, &layer, err) || db_begin(p->gate, err) ||
		touch(p->gate, table, " WITH (TABLOCK, HOLDLOCK)", a, err))
		return err_wrap(err, "hold the table until all sessions have their snapshots");
	return 0;
}

void mssql_picture_open_gate(struct mssql_picture *p)
{
	if (p->gate)
		db_rollback(p->gate);
	db_close(mem_steal(p->gate));
}

int mssql_picture_enter(
	const struct mssql_picture *p, struct db *db, const char *table, struct arena *a, struct err *err)
{
	const char *level = levels[p->isolation].sql;

	if (!level)
		return 0;
	if (p->isolation == MSSQL_ISOLATION_SNAPSHOT ? db_begin_read(db, err)
		: db_exec(db, arena_printf(a, "SET TRANSACTION ISOLATION LEVEL %s", level), err) || db_begin(db, err))
		return -1;
	return p->gated ? touch(db, table, "", a, err) : 0;
}

enum log_level mssql_picture_level(const struct mssql_picture *p)
{
	return p->one ? LOG_INFO : LOG_WARN;
}
