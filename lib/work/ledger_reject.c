#include "work/ledger_reject.h"

#include "work/ledger.h"

#define REJECTS	 "main." LEDGER_REJECT_TABLE
#define TREJECTS "etl.load_reject"

/* SQLite, T-SQL: see ledger.c. */
static const char *const schema_sql[DB_DIALECT_COUNT] = {
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
	"CREATE INDEX IF NOT EXISTS main.etl_load_reject_job ON " LEDGER_REJECT_TABLE " (job_uid, rejected_at)",
	"IF OBJECT_ID(N'" TREJECTS "', N'U') IS NULL BEGIN"
	" CREATE TABLE " TREJECTS " ("
	" run_uid uniqueidentifier NOT NULL,"
	" seq bigint NOT NULL,"
	" job_uid uniqueidentifier NOT NULL,"
	" row_no bigint NOT NULL,"
	" column_name nvarchar(128),"
	" row_key nvarchar(max),"
	" bad_value nvarchar(max),"
	" reason nvarchar(max) NOT NULL,"
	" rejected_at datetime2(3) NOT NULL CONSTRAINT load_reject_at DEFAULT SYSUTCDATETIME(),"
	" CONSTRAINT load_reject_pk PRIMARY KEY (run_uid, seq));"
	" CREATE INDEX load_reject_job ON " TREJECTS " (job_uid, rejected_at);"
	" END"};

static const char *const insert_sql[DB_DIALECT_COUNT] = {
	"INSERT INTO " REJECTS " (run_uid, seq, job_uid, row_no, column_name, row_key, bad_value, reason)"
	" VALUES (@run, @seq, @job, @row, @column, @key, @value, @reason)",
	"INSERT INTO " TREJECTS " (run_uid, seq, job_uid, row_no, column_name, row_key, bad_value, reason)"
	" VALUES (@run, @seq, @job, @row, @column, @key, @value, @reason)"};

static const char *const clear_sql[DB_DIALECT_COUNT] = {"DELETE FROM " REJECTS " WHERE run_uid = @run",
	"DELETE FROM " TREJECTS " WHERE run_uid = @run"};

static const char *const expire_sql[DB_DIALECT_COUNT] = {
	"DELETE FROM " REJECTS " WHERE job_uid = @job"
	" AND rejected_at < strftime('%Y-%m-%dT%H:%M:%fZ', 'now', (0 - @seconds) || ' seconds')",
	"DELETE FROM " TREJECTS " WHERE job_uid = @job"
	" AND rejected_at < DATEADD(minute, 0 - CAST(@seconds / 60 AS int), SYSUTCDATETIME())"};

static const char *const list_sql[DB_DIALECT_COUNT] = {
	"SELECT row_no, column_name, row_key, bad_value, reason FROM " REJECTS
	" WHERE run_uid = @run ORDER BY seq",
	"SELECT row_no, column_name, row_key, bad_value, reason FROM " TREJECTS
	" WHERE run_uid = @run ORDER BY seq"};

static int clear(struct db *db, const struct load *load, struct err *err)
{
	CLEANUP_STMT struct db_stmt *old = NULL, *own = NULL;

	if (db_prepare(db, clear_sql[db_dialect(db)], &own, err) < 0 || db_prepare(db, expire_sql[db_dialect(db)], &old, err) < 0)
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

int ledger_reject_store(struct db *db, const struct load *load, const struct rejects *rejects,
	struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	uint64_t n = rejects ? rejects_count(rejects) : 0;
	int has = ledger_has(db, LEDGER_REJECT_TABLE, err);

	if (has < 0 || (n && db_exec(db, schema_sql[db_dialect(db)], err) < 0))
		return -1;
	if ((has || n) && clear(db, load, err) < 0)
		return -1;
	if (n && db_prepare(db, insert_sql[db_dialect(db)], &stmt, err) < 0)
		return -1;
	for (uint64_t i = 0; i < n; i++)
		if (insert(stmt, load, i, rejects_get(rejects, i), err) < 0)
			return -1;
	return 0;
}

int ledger_reject_keep(struct db *db, const struct load *load, const struct rejects *rejects,
	struct err *err)
{
	if (!rejects || rejects_count(rejects) == 0)
		return 0;
	if (db_begin(db, err) < 0)
		return -1;
	if (ledger_reject_store(db, load, rejects, err) < 0 || db_commit(db, err) < 0) {
		db_rollback(db);
		return -1;
	}
	return 0;
}

int ledger_reject_list(struct db *db, const char *run_uid, struct arena *a,
	struct reject **ret_rejects, size_t *ret_n, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	size_t cap = 0;
	int rc = ledger_has(db, LEDGER_REJECT_TABLE, err);

	*ret_rejects = NULL;
	*ret_n = 0;
	if (rc <= 0)
		return rc;
	if (db_prepare(db, list_sql[db_dialect(db)], &stmt, err) < 0)
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
