#include "work/mssql_patience.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "db/mssql.h"

#define SLICE_MS      5000 /* a Sch-M lock is waited for at a time */
#define PAUSE_MS      1000 /* those behind it get their turn */
#define TICK_MS	      50
#define DEADLOCKS_MAX 5
#define NAMED_MAX     512

/* --- who it is --- */

static const char question[] =
	"SELECT CAST(s.session_id AS int), s.login_name, s.program_name, s.host_name"
	" FROM sys.dm_tran_locks AS l JOIN sys.dm_exec_sessions AS s ON s.session_id = l.request_session_id"
	" WHERE l.resource_type = N'OBJECT' AND l.resource_database_id = DB_ID()"
	" AND l.resource_associated_entity_id IN (OBJECT_ID(@name), OBJECT_ID(N'etl.load_ledger'))"
	" AND l.request_status = N'GRANT' AND l.request_session_id <> @@SPID"
	" ORDER BY CASE WHEN l.resource_associated_entity_id = OBJECT_ID(@name) THEN 0 ELSE 1 END, s.session_id";

static const char *or_none(struct db_stmt *stmt, int column)
{
	const char *text = db_column_text(stmt, column);

	return text ? text : "";
}

/* 1, 0: nobody any more, -1: this login may not see it. */
static int ask(const struct mssql_patience *p, char out[NAMED_MAX])
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	struct err ignored = ERR_INIT;
	int rc;

	if (db_prepare(p->db, question, &stmt, &ignored))
		return -1;
	db_bind_text(stmt, 1, p->table);
	rc = db_step(stmt, &ignored);
	if (rc > 0)
		snprintf(out, NAMED_MAX, "session %" PRId64 " (login '%s', program '%s', host '%s')",
			db_column_int(stmt, 0), or_none(stmt, 1), or_none(stmt, 2), or_none(stmt, 3));
	return rc;
}

static void name_blocker(const struct mssql_patience *p, char out[NAMED_MAX])
{
	int rc = ask(p, out);

	if (rc <= 0)
		snprintf(out, NAMED_MAX, "%s", rc ? "somebody whom this login may not see (VIEW SERVER STATE)"
						  : "somebody who is done now");
}

/* --- waiting --- */

static bool cancelled(const struct mssql_patience *p)
{
	return p->cancel && *p->cancel;
}

static void pause_a_little(const struct mssql_patience *p)
{
	for (int64_t ms = 0; ms < PAUSE_MS && !cancelled(p); ms += TICK_MS)
		nanosleep(&(struct timespec){.tv_nsec = TICK_MS * 1000000L}, NULL);
}

static int set_timeout(const struct mssql_patience *p, int64_t ms, struct err *err)
{
	char sql[64];

	snprintf(sql, sizeof(sql), "SET LOCK_TIMEOUT %" PRId64, ms ? ms : -1);
	return db_exec(p->db, sql, err);
}

static int64_t slice(const struct mssql_patience *p)
{
	if (!p->schema_lock || (p->lock_timeout && p->lock_timeout < SLICE_MS))
		return p->lock_timeout;
	return SLICE_MS;
}

/* Is it worth another time? It says what for. */
static bool goes_on(const struct mssql_patience *p, int64_t began, int64_t tried, unsigned *deadlocks,
	struct err *err)
{
	int64_t now = clock_system.monotonic(clock_system.arg);
	bool waited = slice(p) && now - tried >= slice(p);
	char named[NAMED_MAX], text[NAMED_MAX + 200];

	if (err->code != ERR_BUSY || !db_mssql_alive(p->db) || cancelled(p))
		return false;
	if (waited)
		name_blocker(p, named);
	if (waited && p->lock_timeout && now - began >= p->lock_timeout) {
		err_wrap(err, "%s holds a lock", named);
		return false;
	}
	if (!waited && ++*deadlocks > DEADLOCKS_MAX)
		return false;
	snprintf(text, sizeof(text), waited ? "%s is locked by %s: tried again" : "%s: %s: tried again", p->table,
		waited ? named : err->msg);
	if (p->load->say)
		p->load->say(p->load->arg, LOG_WARN, text);
	return true;
}

static int try(const struct mssql_patience *p, int (*transaction)(void *arg, struct err *err), void *arg,
	struct err *err)
{
	return set_timeout(p, slice(p), err) || transaction(arg, err) ? -1 : 0;
}

int mssql_patience_run(const struct mssql_patience *p, int (*transaction)(void *arg, struct err *err),
	void *arg, struct err *err)
{
	int64_t began = clock_system.monotonic(clock_system.arg), tried = began;
	unsigned deadlocks = 0;
	int rc;

	while ((rc = try(p, transaction, arg, err)) && goes_on(p, began, tried, &deadlocks, err)) {
		err_clear(err);
		pause_a_little(p);
		tried = clock_system.monotonic(clock_system.arg);
	}
	return rc == 0 && slice(p) != p->lock_timeout ? set_timeout(p, p->lock_timeout, err) : rc;
}
