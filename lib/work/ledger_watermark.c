#include "work/ledger_watermark.h"

#include "work/ledger.h"

#define WATERMARKS  "main." LEDGER_WATERMARK_TABLE
#define TWATERMARKS "etl.load_watermark"

/* SQLite, T-SQL: see ledger.c. */
static const char *const schema_sql[DB_DIALECT_COUNT] = {
	"CREATE TABLE IF NOT EXISTS " WATERMARKS " ("
	" job_uid TEXT NOT NULL,"
	" seq INTEGER NOT NULL,"
	" watermark TEXT,"
	" run_uid TEXT,"
	" principal TEXT,"
	" moved_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),"
	" PRIMARY KEY (job_uid, seq)) WITHOUT ROWID",
	"IF OBJECT_ID(N'" TWATERMARKS "', N'U') IS NULL CREATE TABLE " TWATERMARKS " ("
	" job_uid uniqueidentifier NOT NULL,"
	" seq bigint NOT NULL,"
	" watermark nvarchar(1000) COLLATE Latin1_General_100_BIN2,"
	" run_uid uniqueidentifier,"
	" principal nvarchar(128),"
	" moved_at datetime2(3) NOT NULL CONSTRAINT load_watermark_moved DEFAULT SYSUTCDATETIME(),"
	" CONSTRAINT load_watermark_pk PRIMARY KEY (job_uid, seq))"};

static const char *const read_sql[DB_DIALECT_COUNT] = {
	"SELECT seq, watermark FROM " WATERMARKS " WHERE job_uid = @job ORDER BY seq DESC LIMIT 1",
	"SELECT TOP (1) seq, watermark FROM " TWATERMARKS " WHERE job_uid = @job ORDER BY seq DESC"};

/* Two that have read the same one cannot both insert the next: the key forbids it. */
static const char *const insert_sql[DB_DIALECT_COUNT] = {
	"INSERT INTO " WATERMARKS " (job_uid, seq, watermark, run_uid, principal)"
	" VALUES (@job, @seq, @watermark, @run, @principal)",
	"INSERT INTO " TWATERMARKS " (job_uid, seq, watermark, run_uid, principal)"
	" VALUES (@job, @seq, @watermark, @run, COALESCE(@principal, ORIGINAL_LOGIN()))"};

int ledger_watermark_read(struct db *db, const char *job_uid, struct arena *a, int64_t *ret_seq,
	const char **ret_text, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	int rc = ledger_has(db, LEDGER_WATERMARK_TABLE, err);

	*ret_seq = 0;
	*ret_text = NULL;
	if (rc <= 0)
		return rc;
	if (db_prepare(db, read_sql[db_dialect(db)], &stmt, err) < 0)
		return -1;
	db_bind_text(stmt, 1, job_uid);
	rc = db_step(stmt, err);
	if (rc <= 0)
		return rc;
	*ret_seq = db_column_int(stmt, 0);
	*ret_text = arena_strdup(a, db_column_text(stmt, 1));
	return 0;
}

int ledger_watermark_move(struct db *db, const char *job_uid, const char *run_uid, int64_t seq,
	const char *to, struct err *err)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	const char *text;
	char who[LEDGER_PRINCIPAL_MAX];
	int64_t now;

	if (db_exec(db, schema_sql[db_dialect(db)], err) < 0 ||
		ledger_watermark_read(db, job_uid, &a, &now, &text, err) < 0)
		return -1;
	if (seq >= 0 && now != seq)
		return err_set(err, ERR_TARGET,
			"the watermark has moved to '%s' since this load began to read from it",
			text ? text : "");
	if (db_prepare(db, insert_sql[db_dialect(db)], &stmt, err) < 0)
		return -1;
	db_bind_text(stmt, 1, job_uid);
	db_bind_int(stmt, 2, now + 1);
	db_bind_text(stmt, 3, to);
	db_bind_text(stmt, 4, run_uid);
	db_bind_text(stmt, 5, db_dialect(db) == DB_SQLITE ? ledger_principal(who) : NULL);
	return db_run(stmt, err);
}

int ledger_watermark_publish(struct db *db, const struct load *load, int64_t seq,
	const struct load_end *end, struct err *err)
{
	if (load->job->load_mode != LOAD_INCREMENTAL || !end->watermark_to)
		return 0;
	return ledger_watermark_move(db, load->job->job_uid, load->run_uid, end->full ? -1 : seq,
		end->watermark_to, err);
}
