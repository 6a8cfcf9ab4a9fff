#include "db/mssql.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/driver.h"
#include "db/mssql_private.h"
#include "db/tsql.h"

static int begin_session(struct mssql_db *d, struct err *err);

/* --- batches ---------------------------------------------------------------------- */

void mssql_take_count(struct mssql_db *d)
{
	int64_t n = mssql_wire_count(d->wire);

	if (n < 0)
		return;
	d->changes = n;
	d->total_changes += n;
}

static bool is_alive(const struct mssql_db *d)
{
	return d->wire && mssql_wire_alive(d->wire);
}

int mssql_ready(struct mssql_db *d, struct err *err)
{
	enum mssql_layer layer;

	if (is_alive(d))
		return 0;
	if (d->in_set_up)
		return err_set(err, ERR_NETWORK, "the connection broke");
	if (d->in_transaction)
		return err_set(err, ERR_NETWORK, "the connection broke within the transaction");
	mssql_wire_close(mem_steal(d->wire));
	if (mssql_wire_open(&d->login, &d->wire, &layer, err))
		return -1;
	return begin_session(d, err);
}

int db_mssql_wire(struct db *db, struct mssql_wire **ret_wire, struct err *err)
{
	if (mssql_ready(mssql_of_db(db), err))
		return -1;
	*ret_wire = mssql_of_db(db)->wire;
	return 0;
}

int32_t db_mssql_error(struct db *db)
{
	const struct mssql_wire *w = mssql_of_db(db)->wire;

	return w ? mssql_wire_error(w) : 0;
}

int db_mssql_batch(struct db *db, const char *sql, size_t len, int64_t *ret_rows, struct err *err)
{
	struct mssql_db *d = mssql_of_db(db);
	enum mssql_event event;
	int64_t before = d->total_changes;

	d->changes = 0;
	if (mssql_ready(d, err) || mssql_wire_batch(d->wire, sql, len, err))
		return -1;
	do {
		if (mssql_wire_next(d->wire, &event, err))
			return -1;
		if (event == MSSQL_DONE || event == MSSQL_END)
			mssql_take_count(d);
	} while (event != MSSQL_END);
	if (ret_rows)
		*ret_rows = d->total_changes - before;
	return 0;
}

static int mssql_exec(struct db *db, const char *sql, struct err *err)
{
	return db_mssql_batch(db, sql, strlen(sql), NULL, err);
}

static int begin(struct db *db, const char *sql, struct err *err)
{
	if (mssql_exec(db, sql, err))
		return -1;
	mssql_of_db(db)->in_transaction = true;
	return 0;
}

static int mssql_begin(struct db *db, struct err *err)
{
	return begin(db, "BEGIN TRANSACTION", err);
}

static int mssql_begin_read(struct db *db, struct err *err)
{
	return begin(db, "SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRANSACTION", err);
}

static int mssql_join_read(struct db *db, struct db *first, struct err *err)
{
	(void)db;
	(void)first;
	(void)err;
	return 0; /* sessions cannot share a snapshot */
}

static int mssql_commit(struct db *db, struct err *err)
{
	if (mssql_exec(db, "COMMIT TRANSACTION", err))
		return -1;
	mssql_of_db(db)->in_transaction = mssql_wire_in_transaction(mssql_of_db(db)->wire);
	return 0;
}

static bool mssql_in_transaction(struct db *db)
{
	return is_alive(mssql_of_db(db)) && mssql_wire_in_transaction(mssql_of_db(db)->wire);
}

/* Quiet: a connection that is gone has rolled back. */
static void mssql_rollback(struct db *db)
{
	struct mssql_wire *w = mssql_of_db(db)->wire;
	const atomic_bool *cancel;
	struct err ignored = ERR_INIT;

	mssql_of_db(db)->in_transaction = false;
	if (w)
		mssql_wire_drop(w);
	if (!mssql_in_transaction(db))
		return;
	cancel = mssql_wire_cancel_by(w, NULL); /* who cancels wants this too */
	(void)!mssql_exec(db, "IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION", &ignored);
	mssql_wire_cancel_by(w, cancel);
}

/* --- the session --------------------------------------------------------------------- */

/* docs/design.md §5. TEXTSIZE: a server's default is 4,096 bytes, and cuts silently. */
static const char preamble[] =
	"SET TEXTSIZE 2147483647;"
	" SET XACT_ABORT, ANSI_NULLS, ANSI_PADDING, ANSI_WARNINGS, ARITHABORT, CONCAT_NULL_YIELDS_NULL,"
	" QUOTED_IDENTIFIER ON;"
	" SET NUMERIC_ROUNDABORT, IMPLICIT_TRANSACTIONS, NOCOUNT OFF;"
	" SET DATEFORMAT ymd; SET DATEFIRST 7;"
	" SET TRANSACTION ISOLATION LEVEL READ COMMITTED;"
	" SET LOCK_TIMEOUT ";

static const char questions[] =
	"SELECT CAST(@@TEXTSIZE AS bigint), CAST(@@LOCK_TIMEOUT AS bigint), CAST(@@OPTIONS AS bigint),"
	" CAST(@@SPID AS bigint), CAST(@@SERVERNAME AS nvarchar(128)),"
	" CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128)),"
	" CAST(SERVERPROPERTY('Edition') AS nvarchar(128)),"
	" CAST(SERVERPROPERTY('EngineEdition') AS bigint), DB_NAME(), ORIGINAL_LOGIN(), USER_NAME(),"
	" CAST((SELECT transaction_isolation_level FROM sys.dm_exec_sessions"
	" WHERE session_id = @@SPID) AS bigint)";

/* Bits of @@OPTIONS (Microsoft Learn, "Configure the user options"). */
static const struct {
	int64_t bit;
	bool on;
	const char *name;
} wanted_options[] = {
	{2, false, "IMPLICIT_TRANSACTIONS"},
	{8, true, "ANSI_WARNINGS"},
	{16, true, "ANSI_PADDING"},
	{32, true, "ANSI_NULLS"},
	{64, true, "ARITHABORT"},
	{256, true, "QUOTED_IDENTIFIER"},
	{512, false, "NOCOUNT"},
	{4096, true, "CONCAT_NULL_YIELDS_NULL"},
	{8192, false, "NUMERIC_ROUNDABORT"},
	{16384, true, "XACT_ABORT"},
};

#define READ_COMMITTED 2 /* of sys.dm_exec_sessions */

static int check_options(struct db_stmt *stmt, int64_t lock_timeout, struct err *err)
{
	int64_t text_size = db_column_int(stmt, 0), options = db_column_int(stmt, 2);

	if (db_column_int(stmt, 1) != lock_timeout)
		return err_set(err, ERR_STORE, "LOCK_TIMEOUT is %lld, not %lld, whatever we say",
			(long long)db_column_int(stmt, 1), (long long)lock_timeout);
	if (db_column_int(stmt, 11) != READ_COMMITTED)
		return err_set(err, ERR_STORE, "the isolation level is %lld, not read committed, whatever we say",
			(long long)db_column_int(stmt, 11));
	if (text_size != INT32_MAX)
		return err_set(err, ERR_STORE, "TEXTSIZE is %lld, not 2147483647: values would be cut",
			(long long)text_size);
	for (size_t i = 0; i < ARRAY_LEN(wanted_options); i++)
		if (!(options & wanted_options[i].bit) == wanted_options[i].on)
			return err_set(err, ERR_STORE, "%s is %s, whatever we say", wanted_options[i].name,
				wanted_options[i].on ? "off" : "on");
	return 0;
}

static const char *column(struct mssql_db *d, struct db_stmt *stmt, int i)
{
	const char *text = db_column_text(stmt, i);

	return arena_strdup(&d->arena, text ? text : "");
}

static int set_up(struct mssql_db *d, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	struct mssql_session *s = &d->session;
	char sql[sizeof(preamble) + 32];
	int64_t lock = d->login.options->lock_timeout ? d->login.options->lock_timeout : -1;

	snprintf(sql, sizeof(sql), "%s%lld", preamble, (long long)lock);
	if (mssql_exec(&d->base, sql, err) || db_prepare(&d->base, questions, &stmt, err))
		return -1;
	if (db_step(stmt, err) != 1)
		return err->code ? -1 : err_set(err, ERR_STORE, "the server does not say what it is");
	*s = (struct mssql_session){.spid = db_column_int(stmt, 3),
		.server = column(d, stmt, 4),
		.version = column(d, stmt, 5),
		.edition = column(d, stmt, 6),
		.engine_edition = db_column_int(stmt, 7),
		.database = column(d, stmt, 8),
		.login = column(d, stmt, 9),
		.user = column(d, stmt, 10)};
	return check_options(stmt, lock, err);
}

/* A session that is not set up is none. */
static int begin_session(struct mssql_db *d, struct err *err)
{
	int rc;

	d->in_set_up = true;
	rc = set_up(d, err);
	d->in_set_up = false;
	if (rc)
		mssql_wire_close(mem_steal(d->wire));
	return rc;
}

int db_open_mssql(const struct mssql_login *login, struct db **ret_db, enum mssql_layer *ret_layer,
	struct err *err)
{
	struct mssql_db *d = mem_alloc(sizeof(*d));

	d->base.driver = &mssql_driver;
	d->login = *login;
	if (mssql_wire_open(login, &d->wire, ret_layer, err)) {
		db_close(&d->base);
		return -1;
	}
	if (begin_session(d, err)) {
		*ret_layer = MSSQL_LAYER_LOGIN;
		err_wrap(err, "%s: set up the session", mssql_layer_name(*ret_layer));
		db_close(&d->base);
		return -1;
	}
	*ret_db = &d->base;
	return 0;
}

static void mssql_close(struct db *db)
{
	struct mssql_db *d = mssql_of_db(db);

	mssql_wire_close(d->wire);
	arena_release(&d->arena);
	free(d);
}

const struct mssql_session *db_mssql_session(struct db *db)
{
	assert(db->driver == &mssql_driver);
	return &mssql_of_db(db)->session;
}

const struct mssql_peer *db_mssql_peer(struct db *db)
{
	assert(db->driver == &mssql_driver);
	return mssql_wire_peer(mssql_of_db(db)->wire);
}

bool db_mssql_alive(struct db *db)
{
	return is_alive(mssql_of_db(db));
}

void db_mssql_cancel_by(struct db *db, const atomic_bool *cancel)
{
	struct mssql_db *d = mssql_of_db(db);

	d->login.cancel = cancel;
	if (d->wire)
		mssql_wire_cancel_by(d->wire, cancel);
}

/* --- the rest ------------------------------------------------------------------------ */

static int64_t mssql_changes(struct db *db)
{
	return mssql_of_db(db)->changes;
}

static int64_t mssql_total_changes(struct db *db)
{
	return mssql_of_db(db)->total_changes;
}

static int64_t mssql_last_insert_id(struct db *db)
{
	(void)db;
	return 0; /* a text of T-SQL says what it wants to know: OUTPUT, SCOPE_IDENTITY() */
}

static const char *mssql_quote(struct db *db, const char *identifier, struct arena *a)
{
	(void)db;
	return tsql_quote(identifier, a);
}

static int mssql_attach(struct db *db, const char *path, const char *name, struct err *err)
{
	(void)db;
	(void)path;
	return err_set(err, ERR_CONFIG, "SQL Server attaches no '%s'", name);
}

static int mssql_detach(struct db *db, const char *name, struct err *err)
{
	(void)db;
	return err_set(err, ERR_CONFIG, "SQL Server attaches no '%s'", name);
}

/* The login's `cancel` is looked at instead. */
static void mssql_on_progress(struct db *db, int (*callback)(void *arg), void *arg)
{
	(void)db;
	(void)callback;
	(void)arg;
}

/* Grants do that there. */
static void mssql_guard(struct db *db, const struct db_guard *guard)
{
	(void)db;
	(void)guard;
}

const struct db_driver mssql_driver = {
	.dialect = DB_TSQL,
	.close = mssql_close,
	.exec = mssql_exec,
	.begin = mssql_begin,
	.begin_read = mssql_begin_read,
	.join_read = mssql_join_read,
	.commit = mssql_commit,
	.rollback = mssql_rollback,
	.in_transaction = mssql_in_transaction,
	.prepare = mssql_stmt_prepare,
	.prepare_next = mssql_stmt_prepare_next,
	.finalize = mssql_stmt_finalize,
	.bind_null = mssql_stmt_bind_null,
	.bind_int = mssql_stmt_bind_int,
	.bind_real = mssql_stmt_bind_real,
	.bind_text = mssql_stmt_bind_text,
	.bind_blob = mssql_stmt_bind_blob,
	.step = mssql_stmt_step,
	.reset = mssql_stmt_reset,
	.column_name = mssql_stmt_column_name,
	.column_declared = mssql_stmt_column_declared,
	.column_type = mssql_stmt_column_type,
	.column_int = mssql_stmt_column_int,
	.column_real = mssql_stmt_column_real,
	.column_text = mssql_stmt_column_text,
	.column_blob = mssql_stmt_column_blob,
	.row = mssql_stmt_row,
	.changes = mssql_changes,
	.total_changes = mssql_total_changes,
	.last_insert_id = mssql_last_insert_id,
	.quote = mssql_quote,
	.attach = mssql_attach,
	.detach = mssql_detach,
	.on_progress = mssql_on_progress,
	.guard = mssql_guard,
};
