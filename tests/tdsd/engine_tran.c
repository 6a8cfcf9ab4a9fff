/*
 * Transactions. T-SQL's begin when they are told to; SQLite's only when something is
 * written, or at the first read above READ COMMITTED: until then each statement sees
 * what is committed. Who writes holds the database's lock (engine_lock.c) first, and so
 * reads the newest state.
 */
#include <string.h>
#include <strings.h>

#include "tests/tdsd/engine_private.h"

static int begin_sqlite(struct session *s)
{
	if (s->begun)
		return 0;
	if (sql_exec(s, "BEGIN"))
		return -1;
	s->begun = true;
	pthread_mutex_lock(&s->e->mutex);
	s->sqlite_tran = ++s->e->next_sqlite_tran;
	pthread_mutex_unlock(&s->e->mutex);
	for (size_t i = 0; i < s->n_savepoints; i++)
		if (sql_execf(s, "SAVEPOINT sp%zu", i))
			return -1;
	return 0;
}

static int say(struct session *s, enum engine_env env)
{
	static const char none[8] = {0};
	const char *descriptor = (const char *)&s->descriptor;
	int rc;

	if (!s->out || s->quiet)
		return 0;
	rc = s->out->env(s->out_arg, env, env == ENGINE_ENV_BEGIN ? descriptor : none,
		env == ENGINE_ENV_BEGIN ? 8 : 0, env == ENGINE_ENV_BEGIN ? none : descriptor,
		env == ENGINE_ENV_BEGIN ? 0 : 8);
	if (rc < 0)
		s->gone = true;
	return rc < 0 ? -1 : 0;
}

int tran_begin(struct session *s, const char *name)
{
	if (s->tran == TRAN_DOOMED)
		return tsql_fail(&s->error, 3930);
	if (s->trancount == 0 && session_attach_all(s))
		return -1;
	if (s->trancount++ > 0)
		return 0;
	pthread_mutex_lock(&s->e->mutex);
	s->descriptor = ++s->e->next_descriptor;
	pthread_mutex_unlock(&s->e->mutex);
	s->tran = TRAN_OPEN;
	s->tran_name = arena_strdup(&s->temp, name);
	return say(s, ENGINE_ENV_BEGIN);
}

/* Nothing of it is left. */
static void end_tran(struct session *s)
{
	s->trancount = 0;
	s->tran = TRAN_NONE;
	s->begun = false;
	s->n_savepoints = 0;
	s->tran_name = NULL;
	lock_release_all(s);
	applock_release_owned(s, false);
}

int tran_commit(struct session *s)
{
	if (s->trancount == 0)
		return tsql_fail(&s->error, 3902);
	if (s->tran == TRAN_DOOMED)
		return tsql_fail(&s->error, 3930);
	if (s->trancount > 1) {
		s->trancount--;
		return 0;
	}
	if (s->begun && sql_exec(s, "COMMIT"))
		return -1;
	end_tran(s);
	return say(s, ENGINE_ENV_COMMIT);
}

void tran_abort(struct session *s)
{
	if (s->begun || !sqlite3_get_autocommit(s->db))
		(void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	if (s->trancount == 0) {
		end_tran(s);
		return;
	}
	end_tran(s);
	(void)say(s, ENGINE_ENV_ROLLBACK);
}

static int rollback_to(struct session *s, const char *name)
{
	for (size_t i = s->n_savepoints; i-- > 0;) {
		if (strcasecmp(s->savepoints[i].name, name) != 0)
			continue;
		if (s->tran == TRAN_DOOMED)
			return tsql_fail(&s->error, 3931);
		s->n_savepoints = i + 1;
		return s->begun ? sql_execf(s, "ROLLBACK TO sp%zu", i) : 0;
	}
	return tsql_fail(&s->error, 6401, name);
}

int tran_rollback(struct session *s, const char *name)
{
	if (s->trancount == 0)
		return tsql_fail(&s->error, 3903);
	if (name && (!s->tran_name || strcasecmp(s->tran_name, name) != 0))
		return rollback_to(s, name);
	tran_abort(s);
	return 0;
}

int tran_save(struct session *s, const char *name)
{
	struct savepoint *p;

	if (s->trancount == 0)
		return tsql_fail(&s->error, 628);
	if (s->tran == TRAN_DOOMED)
		return tsql_fail(&s->error, 3931);
	s->savepoints = arena_grow(&s->temp, s->savepoints, s->n_savepoints, &s->savepoints_cap,
		sizeof(*s->savepoints));
	p = &s->savepoints[s->n_savepoints++];
	p->name = arena_strdup(&s->temp, name);
	return s->begun ? sql_execf(s, "SAVEPOINT sp%zu", s->n_savepoints - 1) : 0;
}

int tran_for_read(struct session *s, struct database *d, unsigned hints)
{
	if (s->trancount == 0)
		return 0;
	if (hints & (HINT_UPDLOCK | HINT_XLOCK | HINT_TABLOCKX))
		return tran_for_write(s, d);
	if ((hints & HINT_TABLOCK) && (hints & HINT_HOLDLOCK) && lock_share(s, d))
		return -1;
	if (s->options.isolation < 3 && !(hints & HINT_HOLDLOCK))
		return 0;
	if (s->options.isolation == 5 && !d->snapshot)
		return tsql_fail(&s->error, 3952, d->name);
	return begin_sqlite(s);
}

int tran_for_write(struct session *s, struct database *d)
{
	if (s->tran == TRAN_DOOMED)
		return tsql_fail(&s->error, 3930);
	if (s->options.implicit_transactions && s->trancount == 0 && tran_begin(s, NULL))
		return -1;
	if (s->options.isolation == 5 && s->trancount && d && !d->snapshot)
		return tsql_fail(&s->error, 3952, d->name);
	if (d && d->read_only)
		return tsql_fail(&s->error, 3906, d->name);
	if (d && lock_database(s, d))
		return -1;
	return begin_sqlite(s);
}

int statement_begin(struct session *s)
{
	return s->begun ? sql_exec(s, "SAVEPOINT st") : 0;
}

int statement_end(struct session *s, bool ok)
{
	int rc = 0;

	if (!s->begun)
		return ok ? 0 : -1;
	if (s->trancount == 0) {
		if (ok)
			rc = sql_exec(s, "COMMIT");
		if (!ok || rc)
			(void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
		s->begun = false;
		lock_release_all(s);
		return ok ? rc : -1;
	}
	if (sqlite3_get_autocommit(s->db)) { /* SQLite has rolled back all of it */
		tran_abort(s);
		return -1;
	}
	if (!ok)
		(void)sqlite3_exec(s->db, "ROLLBACK TO st", NULL, NULL, NULL);
	(void)sqlite3_exec(s->db, "RELEASE st", NULL, NULL, NULL);
	return ok ? 0 : -1;
}
