#include "work/ping.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "db/mssql.h"

#define ROUND_TRIPS 5 /* of which the median is told */

struct listener {
	void (*say)(void *arg, const char *text);
	void *arg;
};

static struct ping_fact *add(struct ping_report *r, const char *name)
{
	r->v = arena_grow(r->arena, r->v, r->n, &r->cap, sizeof(*r->v));
	r->v[r->n] = (struct ping_fact){.name = name};
	return &r->v[r->n++];
}

static void add_text(struct ping_report *r, const char *name, const char *text)
{
	add(r, name)->text = text ? arena_strdup(r->arena, text) : NULL;
}

static void add_number(struct ping_report *r, const char *name, int64_t number)
{
	struct ping_fact *f = add(r, name);

	f->type = PING_NUMBER;
	f->number = number;
}

static void add_bool(struct ping_report *r, const char *name, bool yes)
{
	struct ping_fact *f = add(r, name);

	f->type = PING_BOOL;
	f->number = yes;
}

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* --- SQL Server --- */

static void on_message(void *arg, const struct mssql_message *m)
{
	const struct listener *l = arg;

	l->say(l->arg, m->text);
}

static void tell_link(struct ping_report *r, struct db *db, const struct connection *conn)
{
	const struct mssql_peer *p = db_mssql_peer(db);
	const struct mssql_session *s = db_mssql_session(db);

	add_text(r, "host", p->host);
	add_number(r, "port", p->port);
	add_text(r, "address", p->ip);
	add_text(r, "server", s->server);
	add_text(r, "version", s->version);
	add_text(r, "edition", s->edition);
	add_text(r, "database", s->database);
	add_text(r, "login", s->login);
	add_text(r, "user", s->user);
	add_text(r, "auth", conn->mssql.auth == MSSQL_AUTH_KERBEROS ? "kerberos" : "sql");
	add_number(r, "session", s->spid);
	add_bool(r, "encrypted", p->tls_version != NULL);
	add_text(r, "tls", p->tls_version);
	add_text(r, "cipher", p->tls_cipher);
	add_text(r, "certificate", p->has_certificate ? p->certificate.subject : NULL);
	add_text(r, "certificate_issuer", p->has_certificate ? p->certificate.issuer : NULL);
	add_text(r, "certificate_expires", p->has_certificate ? p->certificate.not_after : NULL);
	add_text(r, "certificate_sha256", p->has_certificate ? p->certificate.sha256 : NULL);
	add_bool(r, "certificate_verified", p->tls_version && (!conn->mssql.trust_server_certificate ||
								     conn->mssql.server_certificate));
	add_number(r, "packet_size", p->packet_size);
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int time_round_trips(struct ping_report *r, struct db *db, struct err *err)
{
	int64_t us[ROUND_TRIPS];

	for (int i = 0; i < ROUND_TRIPS; i++) {
		int64_t start = now_us();

		if (db_exec(db, "SELECT 1", err))
			return -1;
		us[i] = now_us() - start;
	}
	qsort(us, ROUND_TRIPS, sizeof(us[0]), by_value);
	add_number(r, "round_trip_us", us[ROUND_TRIPS / 2]);
	return 0;
}

static int ping_mssql(const struct connection *conn, const atomic_bool *cancel, struct listener *listener,
	struct ping_report *r, struct err *err)
{
	const struct mssql_login login = {.options = &conn->mssql,
		.application = "etl ping",
		.cancel = cancel,
		.message = on_message,
		.arg = listener};
	enum mssql_layer layer;
	int64_t start = now_us();
	struct db *db;
	int rc;

	if (db_open_mssql(&login, &db, &layer, err))
		return -1;
	add_number(r, "connect_us", now_us() - start);
	tell_link(r, db, conn);
	rc = time_round_trips(r, db, err);
	db_close(db);
	return rc;
}

/* --- files --- */

static int ping_sqlite(const struct connection *conn, struct ping_report *r, struct err *err)
{
	const struct db_options options = {.read_only = true, .busy_timeout_ms = 1000};
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	struct db *db = NULL;
	struct stat st;
	int rc;

	if (db_open_sqlite(conn->path, &options, &db, err))
		return -1;
	rc = db_prepare(db,
		"SELECT journal_mode, (SELECT count(*) FROM sqlite_schema WHERE type = 'table') FROM"
		" pragma_journal_mode",
		&stmt, err);
	rc = rc ? rc : db_step(stmt, err) == 1 ? 0 : -1;
	if (rc == 0) {
		add_text(r, "path", conn->path);
		add_text(r, "version", db_version());
		add_number(r, "bytes", stat(conn->path, &st) == 0 ? st.st_size : 0);
		add_text(r, "journal_mode", db_column_text(stmt, 0));
		add_number(r, "tables", db_column_int(stmt, 1));
	}
	db_finalize(mem_steal(stmt));
	db_close(db);
	return rc;
}

static int ping_csv(const struct connection *conn, struct ping_report *r, struct err *err)
{
	struct stat st;

	add_text(r, "path", conn->path);
	if (stat(conn->path, &st))
		return err_errno(err, ERR_IO, errno, "'%s'", conn->path);
	add_bool(r, "directory", S_ISDIR(st.st_mode));
	if (access(conn->path, R_OK | (S_ISDIR(st.st_mode) ? X_OK : 0)))
		return err_errno(err, ERR_IO, errno, "read '%s'", conn->path);
	add_bool(r, "writable", access(conn->path, W_OK) == 0);
	return 0;
}

int ping(const struct connection *conn, const atomic_bool *cancel, void (*say)(void *arg, const char *text),
	void *arg, struct arena *a, struct ping_report *ret_report, struct err *err)
{
	struct ping_report r = {.arena = a};
	struct listener listener = {.say = say, .arg = arg};
	int rc = -1;

	add_text(&r, "connection", conn->name);
	add_text(&r, "driver", driver_name(conn->driver));
	switch (conn->driver) {
	case DRIVER_MSSQL:
		rc = ping_mssql(conn, cancel, &listener, &r, err);
		break;
	case DRIVER_SQLITE:
		rc = ping_sqlite(conn, &r, err);
		break;
	case DRIVER_CSV:
		rc = ping_csv(conn, &r, err);
		break;
	}
	if (rc)
		return err_wrap(err, "connection '%s'", conn->name);
	*ret_report = r;
	return 0;
}
