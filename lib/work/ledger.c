#include "work/ledger.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"

#define REASON_MAX 1000

/*
 * SQLite, T-SQL: the same @names in the same order of their first appearance, the same columns. What
 * statements_table.h of the store says of T-SQL holds here: uids and times are the text that SQLite
 * has, and what is looked for before it is inserted is looked for with HOLDLOCK.
 */
#define NOW  "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"
#define TNOW "CAST(SYSUTCDATETIME() AS datetime2(3))"
#define TTEXT(time) "REPLACE(CONVERT(varchar(23), " time ", 121), ' ', 'T') + 'Z'"
#define TUID(uid) "LOWER(CONVERT(varchar(36), " uid "))"
#define LEDGER  "main." LEDGER_TABLE
#define TLEDGER "etl.load_ledger"

enum statement {
	LEDGER_IS_THERE,
	MAKE_LEDGER,
	HISTORY,
	RAISE,
	INSERT,
	FIND,
	SAME_ORDER,
	PUBLISH,
	LOADS,
	COMPLETE,
	POST_DONE,
	IS_POST_DONE,
	REVOKE,
	STATEMENT_COUNT,
};

static const char *const statements[STATEMENT_COUNT][DB_DIALECT_COUNT] = {
	[LEDGER_IS_THERE] = {"SELECT 1 FROM main.sqlite_schema WHERE name = '" LEDGER_TABLE "'",
		"SELECT 1 WHERE OBJECT_ID(N'" TLEDGER "', N'U') IS NOT NULL"},

	[MAKE_LEDGER] = {"CREATE TABLE IF NOT EXISTS " LEDGER " ("
			 " run_uid TEXT NOT NULL PRIMARY KEY,"
			 " store_uid TEXT NOT NULL,"
			 " job_uid TEXT NOT NULL,"
			 " job_name TEXT,"
			 " order_key TEXT,"
			 " fence INTEGER NOT NULL,"
			 " state TEXT NOT NULL CHECK (state IN ('open', 'published', 'revoked')),"
			 " target_table TEXT NOT NULL,"
			 " rows INTEGER,"
			 " rejects INTEGER,"
			 " digest TEXT,"
			 " watermark_from TEXT,"
			 " watermark_to TEXT,"
			 " version_read TEXT,"
			 " principal TEXT,"
			 " opened_at TEXT,"
			 " published_at TEXT,"
			 " post_done_at TEXT,"
			 " revoked_at TEXT,"
			 " revoked_reason TEXT);"
			 "CREATE UNIQUE INDEX IF NOT EXISTS main.etl_load_ledger_order"
			 " ON " LEDGER_TABLE " (job_uid, order_key)"
			 " WHERE order_key IS NOT NULL AND state <> 'revoked';"
			 "CREATE INDEX IF NOT EXISTS main.etl_load_ledger_job ON " LEDGER_TABLE " (job_uid);"
			 "CREATE INDEX IF NOT EXISTS main.etl_load_ledger_table ON " LEDGER_TABLE
			 " (target_table) WHERE state = 'published'",
		/* a schema must be a batch of its own; two that come at once wait for each other */
		"EXEC sp_getapplock @Resource = N'etl.load_ledger', @LockMode = N'Exclusive',"
		" @LockOwner = N'Transaction', @LockTimeout = 60000;"
		" IF SCHEMA_ID(N'etl') IS NULL EXEC (N'CREATE SCHEMA etl');"
		" IF OBJECT_ID(N'" TLEDGER "', N'U') IS NULL BEGIN"
		" CREATE TABLE " TLEDGER " ("
		" run_uid uniqueidentifier NOT NULL CONSTRAINT load_ledger_pk PRIMARY KEY,"
		" store_uid nvarchar(64) COLLATE Latin1_General_100_BIN2 NOT NULL,"
		" job_uid uniqueidentifier NOT NULL,"
		" job_name nvarchar(128) COLLATE Latin1_General_100_BIN2,"
		" order_key nvarchar(200) COLLATE Latin1_General_100_BIN2,"
		" fence bigint NOT NULL,"
		" state nvarchar(16) COLLATE Latin1_General_100_BIN2 NOT NULL"
		" CONSTRAINT load_ledger_state CHECK (state IN (N'open', N'published', N'revoked')),"
		" target_table nvarchar(512) COLLATE Latin1_General_100_BIN2 NOT NULL,"
		" [rows] bigint,"
		" rejects bigint,"
		" digest nvarchar(64) COLLATE Latin1_General_100_BIN2,"
		" watermark_from nvarchar(200) COLLATE Latin1_General_100_BIN2,"
		" watermark_to nvarchar(200) COLLATE Latin1_General_100_BIN2,"
		" version_read nvarchar(64) COLLATE Latin1_General_100_BIN2,"
		" principal nvarchar(128),"
		" opened_at datetime2(3),"
		" published_at datetime2(3),"
		" post_done_at datetime2(3),"
		" revoked_at datetime2(3),"
		" revoked_reason nvarchar(1000));"
		" CREATE UNIQUE INDEX load_ledger_order ON " TLEDGER " (job_uid, order_key)"
		" WHERE order_key IS NOT NULL AND state <> N'revoked';"
		" CREATE INDEX load_ledger_job ON " TLEDGER " (job_uid);"
		" CREATE INDEX load_ledger_table ON " TLEDGER " (target_table) WHERE state = N'published';"
		" END"},

	/* A run of our job, or of one that looks like it in a store that is not ours. */
	[HISTORY] = {"SELECT run_uid, store_uid, order_key, state, fence, rows, opened_at, published_at"
		     " FROM " LEDGER " WHERE state IN ('open', 'published') AND (job_uid = @job"
		     " OR (store_uid <> @store AND job_name = @name AND target_table = @table))"
		     " ORDER BY opened_at DESC LIMIT @limit",
		"SELECT " TUID("run_uid") " AS run_uid, store_uid, order_key, state, fence, [rows],"
		" " TTEXT("opened_at") " AS opened, " TTEXT("published_at") " AS published"
		" FROM " TLEDGER " WHERE state IN (N'open', N'published') AND (job_uid = @job"
		" OR (store_uid <> @store AND job_name = @name AND target_table = @table))"
		" ORDER BY opened_at DESC OFFSET 0 ROWS FETCH NEXT @limit ROWS ONLY"},

	/* The fence of the same attempt again is no contradiction: its first commit may have succeeded
	 * without an answer. */
	[RAISE] = {"UPDATE " LEDGER " SET fence = @fence, principal = @principal, opened_at = " NOW
		   " WHERE run_uid = @run AND state = 'open' AND fence <= @fence",
		"UPDATE " TLEDGER " WITH (UPDLOCK, HOLDLOCK) SET fence = @fence,"
		" principal = COALESCE(@principal, ORIGINAL_LOGIN()), opened_at = " TNOW
		" WHERE run_uid = @run AND state = N'open' AND fence <= @fence"},

	[INSERT] = {"INSERT INTO " LEDGER " (run_uid, store_uid, job_uid, job_name, order_key, fence, state,"
		    " target_table, principal, opened_at, revoked_at, revoked_reason)"
		    " VALUES (@run, @store, @job, @name, @key, @fence, @state, @table, @principal,"
		    " iif(@state = 'open', " NOW ", NULL), iif(@state = 'open', NULL, " NOW "), @reason)",
		"INSERT INTO " TLEDGER " (run_uid, store_uid, job_uid, job_name, order_key, fence, state,"
		" target_table, principal, opened_at, revoked_at, revoked_reason)"
		" VALUES (@run, @store, @job, @name, @key, @fence, @state, @table,"
		" COALESCE(@principal, ORIGINAL_LOGIN()),"
		" CASE WHEN @state = N'open' THEN " TNOW " END,"
		" CASE WHEN @state <> N'open' THEN " TNOW " END, @reason)"},

	[FIND] = {"SELECT state, fence FROM " LEDGER " WHERE run_uid = @run",
		"SELECT state, fence FROM " TLEDGER " WHERE run_uid = @run"},

	[SAME_ORDER] = {"SELECT run_uid, state FROM " LEDGER
			" WHERE job_uid = @job AND order_key = @key AND state <> 'revoked' AND run_uid <> @run",
		"SELECT " TUID("run_uid") " AS run_uid, state FROM " TLEDGER
		" WHERE job_uid = @job AND order_key = @key AND state <> N'revoked' AND run_uid <> @run"},

	[PUBLISH] = {"UPDATE " LEDGER " SET state = 'published'"
		     " WHERE run_uid = @run AND fence = @fence AND state = 'open'",
		"UPDATE " TLEDGER " SET state = N'published'"
		" WHERE run_uid = @run AND fence = @fence AND state = N'open'"},

	[LOADS] = {"SELECT count(*) FROM " LEDGER " WHERE target_table = @table"
		   " AND state = 'published' AND run_uid <> @run",
		"SELECT COUNT_BIG(*) FROM " TLEDGER " WHERE target_table = @table"
		" AND state = N'published' AND run_uid <> @run"},

	[COMPLETE] = {"UPDATE " LEDGER " SET rows = @rows, rejects = @rejects, digest = @digest,"
		      " watermark_from = @from, watermark_to = @to, published_at = " NOW
		      " WHERE run_uid = @run",
		"UPDATE " TLEDGER " SET [rows] = @rows, rejects = @rejects, digest = @digest,"
		" watermark_from = @from, watermark_to = @to, published_at = " TNOW
		" WHERE run_uid = @run"},

	[POST_DONE] = {"UPDATE " LEDGER " SET post_done_at = " NOW
		       " WHERE run_uid = @run AND post_done_at IS NULL",
		"UPDATE " TLEDGER " SET post_done_at = " TNOW " WHERE run_uid = @run AND post_done_at IS NULL"},

	[IS_POST_DONE] = {"SELECT 1 FROM " LEDGER " WHERE run_uid = @run AND post_done_at IS NOT NULL",
		"SELECT 1 FROM " TLEDGER " WHERE run_uid = @run AND post_done_at IS NOT NULL"},

	[REVOKE] = {"UPDATE " LEDGER " SET state = 'revoked', revoked_at = " NOW ", revoked_reason = @reason"
		    " WHERE run_uid = @run AND state = 'open' AND fence <= @fence",
		"UPDATE " TLEDGER " WITH (UPDLOCK, HOLDLOCK) SET state = N'revoked', revoked_at = " TNOW ","
		" revoked_reason = @reason WHERE run_uid = @run AND state = N'open' AND fence <= @fence"},
};

const char *ledger_text(enum db_dialect dialect, size_t n)
{
	return n < STATEMENT_COUNT ? statements[n][dialect] : NULL;
}

static const char *const state_names[] = {
	[LEDGER_NONE] = "",
	[LEDGER_OPEN] = "open",
	[LEDGER_PUBLISHED] = "published",
	[LEDGER_REVOKED] = "revoked",
};

static int state_parse(const char *text, enum ledger_state *ret_state, struct err *err)
{
	for (size_t i = LEDGER_OPEN; i < ARRAY_LEN(state_names); i++)
		if (text && strcmp(text, state_names[i]) == 0) {
			*ret_state = (enum ledger_state)i;
			return 0;
		}
	return err_set(err, ERR_DATA, "the ledger has the unknown state '%s'", text ? text : "");
}

static int prepare(struct db *db, enum statement statement, struct db_stmt **ret_stmt, struct err *err)
{
	return db_prepare(db, statements[statement][db_dialect(db)], ret_stmt, err);
}

const char *ledger_principal(char out[LEDGER_PRINCIPAL_MAX])
{
	snprintf(out, LEDGER_PRINCIPAL_MAX, "uid %u", (unsigned)geteuid());
	return out;
}

/* 1 or 0: does the question have an answer? */
static int ask(struct db *db, const char *sql, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;

	return db_prepare(db, sql, &stmt, err) < 0 ? -1 : db_step(stmt, err);
}

static int is_there(struct db *db, struct err *err)
{
	return ask(db, statements[LEDGER_IS_THERE][db_dialect(db)], err);
}

int ledger_has(struct db *db, const char *table, struct err *err)
{
	static const char *const sql[DB_DIALECT_COUNT] = {
		"SELECT 1 FROM main.sqlite_schema WHERE name = @table",
		"SELECT 1 WHERE OBJECT_ID(STUFF(@table, 4, 1, N'.'), N'U') IS NOT NULL"};
	CLEANUP_STMT struct db_stmt *stmt = NULL;

	if (db_prepare(db, sql[db_dialect(db)], &stmt, err) < 0)
		return -1;
	db_bind_text(stmt, 1, table);
	return db_step(stmt, err);
}

/* Whoever may not make tables needs one that is there. */
static int make_ledger_there(struct db *db, struct err *err)
{
	int there = is_there(db, err);

	if (there)
		return there < 0 ? -1 : 0;
	return db_exec(db, statements[MAKE_LEDGER][DB_TSQL], err);
}

/* Makes the table, or brings one of the first version up to this. Within a transaction. */
static int make_ledger(struct db *db, struct err *err)
{
	int has_name;

	if (db_dialect(db) == DB_TSQL)
		return make_ledger_there(db, err);
	if (db_exec(db, statements[MAKE_LEDGER][DB_SQLITE], err) < 0)
		return -1;
	has_name = ask(db, "SELECT 1 FROM pragma_table_info('" LEDGER_TABLE "', 'main')"
			   " WHERE name = 'job_name'", err);
	if (has_name)
		return has_name < 0 ? -1 : 0;
	return db_exec(db, "ALTER TABLE " LEDGER " ADD COLUMN job_name TEXT", err);
}

static int find(struct db *db, const struct load *load, enum ledger_state *ret_state,
	int64_t *ret_fence, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	int rc;

	if (prepare(db, FIND, &stmt, err) < 0)
		return -1;
	db_bind_text(stmt, 1, load->run_uid);
	rc = db_step(stmt, err);
	if (rc < 0)
		return -1;
	*ret_state = LEDGER_NONE;
	*ret_fence = 0;
	if (rc == 0)
		return 0;
	*ret_fence = db_column_int(stmt, 1);
	return state_parse(db_column_text(stmt, 0), ret_state, err);
}

static int lost(const struct load *load, int64_t fence, struct err *err)
{
	return err_set(err, ERR_LEASE_LOST,
		"run '%s' was taken over: its ledger row has the fence %" PRId64
		", ours is %" PRId64,
		load->run_uid, fence, load->fence);
}

/* Another run of the same order: the store was restored, or copied, and orders again what was
 * loaded before. */
static int check_order(struct db *db, const struct load *load, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	int rc;

	if (!load->order_key)
		return 0;
	if (prepare(db, SAME_ORDER, &stmt, err) < 0)
		return -1;
	db_bind_text(stmt, 1, load->job->job_uid);
	db_bind_text(stmt, 2, load->order_key);
	db_bind_text(stmt, 3, load->run_uid);
	rc = db_step(stmt, err);
	if (rc <= 0)
		return rc;
	err_set(err, ERR_DATA, "the order '%s' of job '%s' is %s by run '%s'", load->order_key,
		load->job->name,
		strcmp(db_column_text(stmt, 1), "open") == 0 ? "being loaded" : "loaded",
		db_column_text(stmt, 0));
	return err_hint(err,
		"if this store does not know that run, it was restored or copied since: order "
		"under another key, or not at all");
}

static int insert(struct db *db, const struct load *load, enum ledger_state state,
	const char *reason, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	char who[LEDGER_PRINCIPAL_MAX];
	const char *principal = db_dialect(db) == DB_SQLITE ? ledger_principal(who) : NULL;

	if (prepare(db, INSERT, &stmt, err) < 0)
		return -1;
	db_bind_text(stmt, 1, load->run_uid);
	db_bind_text(stmt, 2, load->store_uid);
	db_bind_text(stmt, 3, load->job->job_uid);
	db_bind_text(stmt, 4, load->job->name);
	db_bind_text(stmt, 5, load->order_key);
	db_bind_int(stmt, 6, load->fence);
	db_bind_text(stmt, 7, state_names[state]);
	db_bind_text(stmt, 8, load_name(load));
	db_bind_text(stmt, 9, principal); /* a server knows its login */
	db_bind_text(stmt, 10, reason);
	return db_run(stmt, err);
}

static int raise_fence(struct db *db, const struct load *load, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	char who[LEDGER_PRINCIPAL_MAX];
	const char *principal = db_dialect(db) == DB_SQLITE ? ledger_principal(who) : NULL;

	if (prepare(db, RAISE, &stmt, err) < 0)
		return -1;
	db_bind_int(stmt, 1, load->fence);
	db_bind_text(stmt, 2, principal);
	db_bind_text(stmt, 3, load->run_uid);
	return db_run(stmt, err);
}

static int run_first(const struct ledger_first *first, struct err *err)
{
	return first ? first->run(first->arg, err) : 0;
}

static int begin_in_transaction(struct db *db, const struct load *load,
	const struct ledger_first *first, enum ledger_state *ret_state, struct err *err)
{
	int64_t fence;

	if (make_ledger(db, err) < 0 || run_first(first, err) < 0 || raise_fence(db, load, err) < 0 ||
		find(db, load, ret_state, &fence, err) < 0)
		return -1;
	if (*ret_state == LEDGER_OPEN && fence != load->fence)
		return lost(load, fence, err);
	if (*ret_state != LEDGER_NONE)
		return 0;
	*ret_state = LEDGER_OPEN;
	if (check_order(db, load, err) < 0)
		return -1;
	return insert(db, load, LEDGER_OPEN, NULL, err);
}

static int read_history(struct db_stmt *stmt, struct arena *a, struct ledger_row *row, struct err *err)
{
	*row = (struct ledger_row){
		.run_uid = arena_strdup(a, db_column_text(stmt, 0)),
		.store_uid = arena_strdup(a, db_column_text(stmt, 1)),
		.order_key = arena_strdup(a, db_column_text(stmt, 2)),
		.fence = db_column_int(stmt, 4),
		.rows = db_column_type(stmt, 5) == DB_NULL ? -1 : db_column_int(stmt, 5),
		.opened_at = arena_strdup(a, db_column_text(stmt, 6)),
		.published_at = arena_strdup(a, db_column_text(stmt, 7)),
	};
	return state_parse(db_column_text(stmt, 3), &row->state, err);
}

static int history(struct db *db, const struct load *load, struct arena *a, struct ledger_row **ret_rows,
	size_t *ret_n, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	size_t cap = 0;
	int row;

	if (prepare(db, HISTORY, &stmt, err) < 0)
		return -1;
	db_bind_text(stmt, 1, load->job->job_uid);
	db_bind_text(stmt, 2, load->store_uid);
	db_bind_text(stmt, 3, load->job->name);
	db_bind_text(stmt, 4, load_name(load));
	db_bind_int(stmt, 5, LEDGER_HISTORY_MAX);
	while ((row = db_step(stmt, err)) == 1) {
		*ret_rows = arena_grow(a, *ret_rows, *ret_n, &cap, sizeof(**ret_rows));
		if (read_history(stmt, a, &(*ret_rows)[*ret_n], err) < 0)
			return -1;
		++*ret_n;
	}
	return row;
}

int ledger_history(struct db *db, const struct load *load, struct arena *a,
	struct ledger_row **ret_rows, size_t *ret_n, struct err *err)
{
	int there = is_there(db, err), rc;

	*ret_rows = NULL;
	*ret_n = 0;
	if (there <= 0)
		return there;
	if (db_begin(db, err) < 0) /* one picture; a ledger of the first version gets its column */
		return -1;
	rc = make_ledger(db, err) < 0 || history(db, load, a, ret_rows, ret_n, err) < 0 ||
	     db_commit(db, err) < 0;
	if (rc)
		db_rollback(db);
	return rc ? -1 : 0;
}

int ledger_begin(
	struct db *db, const struct load *load, enum ledger_state *ret_state, struct err *err)
{
	return ledger_begin_after(db, load, NULL, ret_state, err);
}

int ledger_begin_after(struct db *db, const struct load *load,
	const struct ledger_first *first, enum ledger_state *ret_state, struct err *err)
{
	enum ledger_state state;

	assert(load->job->job_uid);
	if (FAULT(LEDGER_BEGIN, err) || db_begin(db, err) < 0)
		return -1;
	if (begin_in_transaction(db, load, first, &state, err) < 0 || db_commit(db, err) < 0 ||
		FAULT(LEDGER_BEGUN, err)) {
		db_rollback(db);
		return -1;
	}
	*ret_state = state;
	return 0;
}

int ledger_find(struct db *db, const struct load *load, enum ledger_state *ret_state,
	int64_t *ret_fence, struct err *err)
{
	return find(db, load, ret_state, ret_fence, err);
}

/* The row is not (run, fence, open). */
static int not_ours(const struct load *load, enum ledger_state state, int64_t fence, struct err *err)
{
	if (state == LEDGER_OPEN)
		return lost(load, fence, err);
	if (state == LEDGER_NONE)
		return err_set(err, ERR_LEASE_LOST, "run '%s' is not in the ledger any more",
			load->run_uid);
	return err_set(err, ERR_LEASE_LOST, "run '%s' is %s already, under the fence %" PRId64,
		load->run_uid, state_names[state], fence);
}

int ledger_check(struct db *db, const struct load *load, struct err *err)
{
	enum ledger_state state;
	int64_t fence;

	if (find(db, load, &state, &fence, err) < 0)
		return -1;
	return state == LEDGER_OPEN && fence == load->fence ? 0 : not_ours(load, state, fence, err);
}

int ledger_publish(struct db *db, const struct load *load, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	enum ledger_state state;
	int64_t fence;

	if (prepare(db, PUBLISH, &stmt, err) < 0)
		return -1;
	db_bind_text(stmt, 1, load->run_uid);
	db_bind_int(stmt, 2, load->fence);
	if (db_run(stmt, err) < 0)
		return -1;
	if (db_changes(db) == 1)
		return FAULT(PUBLISH_BEGUN, err) ? -1 : 0;
	return find(db, load, &state, &fence, err) < 0 ? -1 : not_ours(load, state, fence, err);
}

int ledger_loads(struct db *db, const struct load *load, int64_t *ret_n, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;

	if (prepare(db, LOADS, &stmt, err) < 0)
		return -1;
	db_bind_text(stmt, 1, load_name(load));
	db_bind_text(stmt, 2, load->run_uid);
	if (db_step(stmt, err) < 0)
		return -1;
	*ret_n = db_column_int(stmt, 0);
	return 0;
}

int ledger_check_newest(struct db *db, const struct load *load, int64_t loads, struct err *err)
{
	int64_t now;

	if (!job_replaces(load->job))
		return 0;
	if (ledger_loads(db, load, &now, err) < 0)
		return -1;
	return now == loads ? 0
			    : err_set(err, ERR_TARGET,
				      "another run has loaded the table since this one began to read: "
				      "its rows would be older");
}

int ledger_complete(struct db *db, const struct load *load,
	const struct ledger_end *end, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;

	if (prepare(db, COMPLETE, &stmt, err) < 0)
		return -1;
	db_bind_int(stmt, 1, (int64_t)end->rows);
	db_bind_int(stmt, 2, (int64_t)end->rejects);
	db_bind_text(stmt, 3, end->digest);
	db_bind_text(stmt, 4, end->watermark_from);
	db_bind_text(stmt, 5, end->watermark_to);
	db_bind_text(stmt, 6, load->run_uid);
	return db_run(stmt, err);
}

int ledger_post_done(struct db *db, const struct load *load, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;

	if (prepare(db, POST_DONE, &stmt, err) < 0)
		return -1;
	db_bind_text(stmt, 1, load->run_uid);
	return db_run(stmt, err);
}

int ledger_is_post_done(struct db *db, const struct load *load, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;

	if (prepare(db, IS_POST_DONE, &stmt, err) < 0)
		return -1;
	db_bind_text(stmt, 1, load->run_uid);
	return db_step(stmt, err);
}

static int revoke_in_transaction(struct db *db, const struct load *load,
	const struct ledger_first *first, const char *reason, enum ledger_state *ret_state,
	struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	char cut[REASON_MAX + 1];
	int64_t fence;

	snprintf(cut, sizeof(cut), "%s", reason);
	if (make_ledger(db, err) < 0 || run_first(first, err) < 0 ||
		prepare(db, REVOKE, &stmt, err) < 0)
		return -1;
	db_bind_text(stmt, 1, cut);
	db_bind_text(stmt, 2, load->run_uid);
	db_bind_int(stmt, 3, load->fence);
	if (db_run(stmt, err) < 0 || find(db, load, ret_state, &fence, err) < 0)
		return -1;
	if (*ret_state == LEDGER_OPEN)
		return lost(load, fence, err);
	if (*ret_state != LEDGER_NONE)
		return 0;
	*ret_state = LEDGER_REVOKED;
	return insert(db, load, LEDGER_REVOKED, cut, err);
}

int ledger_revoke(struct db *db, const struct load *load, const char *reason,
	enum ledger_state *ret_state, struct err *err)
{
	return ledger_revoke_after(db, load, NULL, reason, ret_state, err);
}

int ledger_revoke_after(struct db *db, const struct load *load,
	const struct ledger_first *first, const char *reason, enum ledger_state *ret_state,
	struct err *err)
{
	enum ledger_state state;

	assert(load->job->job_uid);
	if (FAULT(REVOKE, err) || db_begin(db, err) < 0)
		return -1;
	if (revoke_in_transaction(db, load, first, reason, &state, err) < 0 || db_commit(db, err) < 0 ||
		FAULT(REVOKED, err)) {
		db_rollback(db);
		return -1;
	}
	*ret_state = state;
	return 0;
}
