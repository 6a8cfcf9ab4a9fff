#include "work/observer.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "db/mssql.h"

struct observer {
	const struct connection *conn;
	pthread_t thread;
	atomic_bool stop;
	struct db *db; /* the thread's */

	pthread_mutex_t mutex; /* for what is below */
	pthread_cond_t changed;
	int64_t id; /* whom to ask for; 0: nobody has looked since */
	int64_t said_of;
	char said[OBSERVER_TEXT_MAX];
};

static const char question[] =
	"SELECT r.wait_type, CAST(r.blocking_session_id AS int), b.login_name, b.program_name"
	" FROM sys.dm_exec_requests AS r LEFT JOIN sys.dm_exec_sessions AS b"
	" ON b.session_id = r.blocking_session_id WHERE r.session_id = @id";

static const char *or_none(const char *text)
{
	return text ? text : "";
}

static int open_database(struct observer *o, struct err *err)
{
	const struct mssql_login login = {
		.options = &o->conn->mssql, .application = "etl worker looks on", .cancel = &o->stop};
	enum mssql_layer layer;

	return o->db ? 0 : db_open_mssql(&login, &o->db, &layer, err);
}

static int ask(struct observer *o, int64_t id, char out[OBSERVER_TEXT_MAX], struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	int rc;

	out[0] = '\0';
	if (open_database(o, err) || db_prepare(o->db, question, &stmt, err))
		return -1;
	db_bind_int(stmt, 1, id);
	rc = db_step(stmt, err);
	if (rc <= 0 || !db_column_text(stmt, 0))
		return rc < 0 ? -1 : 0;
	if (db_column_int(stmt, 1) > 0)
		snprintf(out, OBSERVER_TEXT_MAX, "%s, blocked by session %" PRId64 " (login '%s', program '%s')",
			db_column_text(stmt, 0), db_column_int(stmt, 1), or_none(db_column_text(stmt, 2)),
			or_none(db_column_text(stmt, 3)));
	else
		snprintf(out, OBSERVER_TEXT_MAX, "%s", db_column_text(stmt, 0));
	return 0;
}

/* Until somebody looks. False: it is to end. The mutex is held. */
static bool wait_for_somebody(struct observer *o)
{
	while (!o->stop && !o->id)
		pthread_cond_wait(&o->changed, &o->mutex);
	return !o->stop;
}

static void pause(struct observer *o)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += OBSERVER_EVERY_MS / 1000;
	while (!o->stop && pthread_cond_timedwait(&o->changed, &o->mutex, &until) != ETIMEDOUT)
		;
}

static void *observer_main(void *arg)
{
	struct observer *o = arg;
	struct err err = ERR_INIT;
	char said[OBSERVER_TEXT_MAX];
	bool fails = false;

	pthread_mutex_lock(&o->mutex);
	while (!fails && wait_for_somebody(o)) {
		int64_t id = o->id;

		pthread_mutex_unlock(&o->mutex);
		fails = ask(o, id, said, &err) < 0;
		pthread_mutex_lock(&o->mutex);
		memcpy(o->said, fails ? "" : said, fails ? 1 : sizeof(said));
		o->said_of = id;
		o->id = 0;
		if (!fails)
			pause(o);
	}
	pthread_mutex_unlock(&o->mutex);
	if (fails && !o->stop)
		log_debug("what the server waits for is not known: %s", err.msg);
	db_close(mem_steal(o->db));
	return NULL;
}

static void release(struct observer *o)
{
	pthread_cond_destroy(&o->changed);
	pthread_mutex_destroy(&o->mutex);
	free(o);
}

struct observer *observer_new(const struct connection *conn)
{
	struct observer *o;
	pthread_condattr_t attr;

	if (conn->driver != DRIVER_MSSQL)
		return NULL;
	o = mem_alloc(sizeof(*o));
	o->conn = conn;
	pthread_mutex_init(&o->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&o->changed, &attr);
	pthread_condattr_destroy(&attr);
	if (pthread_create(&o->thread, NULL, observer_main, o) == 0)
		return o;
	release(o);
	return NULL;
}

void observer_free(struct observer *o)
{
	if (!o)
		return;
	pthread_mutex_lock(&o->mutex);
	o->stop = true;
	pthread_cond_broadcast(&o->changed);
	pthread_mutex_unlock(&o->mutex);
	pthread_join(o->thread, NULL);
	release(o);
}

void observer_look(struct observer *o, int64_t id, char out[OBSERVER_TEXT_MAX])
{
	pthread_mutex_lock(&o->mutex);
	if (!o->id)
		pthread_cond_broadcast(&o->changed);
	o->id = id;
	snprintf(out, OBSERVER_TEXT_MAX, "%s", o->said_of == id ? o->said : "");
	pthread_mutex_unlock(&o->mutex);
}
