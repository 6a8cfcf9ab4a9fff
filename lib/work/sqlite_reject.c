#include "work/sqlite_reject.h"

#include "work/ledger.h"

#define REJECTS "main." SQLITE_REJECT_TABLE

static const char schema_sql[] =
	"CREATE TABLE IF NOT EXISTS " REJECTS " ("
	" run_uid TEXT NOT NULL,"
	" seq INTEGER NOT NULL,"
	" job_uid TEXT NOT NULL,"
	" row_no INTEGER NOT NULL,"
	" column_name TEXT,"
	" row_key TEXT,"
	" bad_value TEXT,"
	" reason TEXT NOT NULL,"
	" rejected_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),"
	" PRIMARY KEY (run_uid, seq)) WITHOUT ROWID;"
	"CREATE INDEX IF NOT EXISTS main.etl_load_reject_job ON " SQLITE_REJECT_TABLE " (job_uid, rejected_at)";

static const char insert_sql[] =
	"INSERT INTO " REJECTS " (run_uid, seq, job_uid, row_no, column_name, row_key, bad_value, reason)"
	" VALUES (@run, @seq, @job, @row, @column, @key, @value, @reason)";

static const char clear_sql[] = "DELETE FROM " REJECTS " WHERE run_uid = @run";

static const char expire_sql[] =
	"DELETE FROM " REJECTS " WHERE job_uid = @job"
	" AND rejected_at < strftime('%Y-%m-%dT%H:%M:%fZ', 'now', (0 - @seconds) || ' seconds')";

static const char list_sql[] = "SELECT row_no, column_name, row_key, bad_value, reason FROM " REJECTS
			       " WHERE run_uid = @run ORDER BY seq";

static int clear(struct db *db, const struct load *load, struct err *err)
{
	CLEANUP_STMT struct db_stmt *old = NULL, *own = NULL;

	if (db_prepare(db, clear_sql, &own, err) < 0 || db_prepare(db, expire_sql, &old, err) < 0)
		return -1;
	db_bind_text(own, 1, load->run_uid);
	db_bind_text(old, 1, load->job->job_uid);
	db_bind_int(old, 2, load->job->reject_retention / 1000);
	return db_run(own, err) < 0 || db_run(old, err) < 0 ? -1 : 0;
}

static int insert(struct db_stmt *stmt, const struct load *load, uint64_t i,
	const struct reject *r, struct err *err)
{
	db_bind_text(stmt, 1, load->run_uid);
	db_bind_int(stmt, 2, (int64_t)i + 1);
	db_bind_text(stmt, 3, load->job->job_uid);
	db_bind_int(stmt, 4, (int64_t)r->row);
	db_bind_text(stmt, 5, r->column);
	db_bind_text(stmt, 6, r->key);
	db_bind_text(stmt, 7, r->value);
	db_bind_text(stmt, 8, r->reason);
	return db_run(stmt, err);
}

int sqlite_reject_store(struct db *db, const struct load *load, const struct rejects *rejects,
	struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	uint64_t n = rejects ? rejects_count(rejects) : 0;
	int has = ledger_has(db, SQLITE_REJECT_TABLE, err);

	if (has < 0 || (n && db_exec(db, schema_sql, err) < 0))
		return -1;
	if ((has || n) && clear(db, load, err) < 0)
		return -1;
	if (n && db_prepare(db, insert_sql, &stmt, err) < 0)
		return -1;
	for (uint64_t i = 0; i < n; i++)
		if (insert(stmt, load, i, rejects_get(rejects, i), err) < 0)
			return -1;
	return 0;
}

int sqlite_reject_keep(struct db *db, const struct load *load, const struct rejects *rejects,
	struct err *err)
{
	if (!rejects || rejects_count(rejects) == 0)
		return 0;
	if (db_begin(db, err) < 0)
		return -1;
	if (sqlite_reject_store(db, load, rejects, err) < 0 || db_commit(db, err) < 0) {
		db_rollback(db);
		return -1;
	}
	return 0;
}

int sqlite_reject_list(struct db *db, const char *run_uid, struct arena *a,
	struct reject **ret_rejects, size_t *ret_n, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	size_t cap = 0;
	int rc = ledger_has(db, SQLITE_REJECT_TABLE, err);

	*ret_rejects = NULL;
	*ret_n = 0;
	if (rc <= 0)
		return rc;
	if (db_prepare(db, list_sql, &stmt, err) < 0)
		return -1;
	db_bind_text(stmt, 1, run_uid);
	while ((rc = db_step(stmt, err)) > 0) {
		*ret_rejects = arena_grow(a, *ret_rejects, *ret_n, &cap, sizeof(**ret_rejects));
		(*ret_rejects)[(*ret_n)++] = (struct reject){
			.row = (uint64_t)db_column_int(stmt, 0),
			.column = arena_strdup(a, db_column_text(stmt, 1)),
			.key = arena_strdup(a, db_column_text(stmt, 2)),
			.value = arena_strdup(a, db_column_text(stmt, 3)),
			.reason = arena_strdup(a, db_column_text(stmt, 4)),
		};
	}
	return rc;
}
