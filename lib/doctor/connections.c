/* The store and each connection: name, port, TLS, ticket, login, and what is found behind it. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "db/mssql.h"
#include "db/mssql_kerberos.h"
#include "doctor/doctor.h"
#include "krb/krb.h"
#include "krb/spn.h"
#include "work/ping.h"

#define AREA	    "connection"
#define EXPIRY_DAYS 30
#define DAY_S	    86400

struct target {
	struct doctor *d;
	const char *subject;
	const struct mssql_options *o;
	struct mssql_address address;
};

/* --- before the login -------------------------------------------------------------- */

static void look_at_name(const struct target *t)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_CANONNAME};
	struct addrinfo *found = NULL;
	char ip[64] = "", back[256] = "";
	int rc = getaddrinfo(t->address.host, NULL, &hints, &found);

	if (rc)
		return; /* the login says so */
	(void)getnameinfo(found->ai_addr, found->ai_addrlen, ip, sizeof(ip), NULL, 0, NI_NUMERICHOST);
	if (getnameinfo(found->ai_addr, found->ai_addrlen, back, sizeof(back), NULL, 0, NI_NAMEREQD))
		snprintf(back, sizeof(back), "no name");
	doctor_say(t->d, AREA, t->subject, "name", DOCTOR_OK, NULL, "%s is %s (%s); backwards: %s, which does not count",
		t->address.host, found->ai_canonname ? found->ai_canonname : t->address.host, ip, back);
	freeaddrinfo(found);
}

/* Names by which a server may be registered when ours is not. */
static void look_for_other_spns(const struct target *t, uint16_t port)
{
	const char *host = t->address.host, *dot = strchr(host, '.');
	const char *tries[] = {arena_printf(t->d->arena, "MSSQLSvc/%s", host),
		arena_printf(t->d->arena, "MSSQLSvc/%s:1433", host),
		arena_printf(t->d->arena, "MSSQLSvc/%.*s:%u", dot ? (int)(dot - host) : (int)strlen(host), host, port),
		arena_printf(t->d->arena, "MSSQLSvc/%.*s", dot ? (int)(dot - host) : (int)strlen(host), host),
		arena_printf(t->d->arena, "MSSQLSvc/%s:%s", host,
			*t->address.instance ? t->address.instance : "MSSQLSERVER")};
	struct krb_service service;
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(tries); i++)
		if (krb_service_ticket(t->o->kerberos, tries[i], &service, &err) == 0) {
			doctor_say(t->d, AREA, t->subject, "other spn", DOCTOR_WARNING,
				arena_printf(t->d->arena, "spn = %s, if that is this server", tries[i]),
				"'%s' does exist", tries[i]);
			return;
		}
}

static void look_at_spn(const struct target *t, uint16_t port)
{
	char spn[SPN_MAX + 1];
	struct krb_service service;
	struct krb_ticket ticket;
	struct err err = ERR_INIT;
	bool has_ticket, missing;

	has_ticket = krb_ensure(t->o->kerberos, &ticket, &err) == 0;
	if (has_ticket && mssql_kerberos_spn(t->o, t->address.host, port, spn, sizeof(spn), &err) == 0 &&
		krb_service_ticket(t->o->kerberos, spn, &service, &err) == 0) {
		doctor_say(t->d, AREA, t->subject, "spn", service.ticket_is_aes ? DOCTOR_OK : DOCTOR_WARNING,
			service.ticket_is_aes ? NULL : "set msDS-SupportedEncryptionTypes to 24 at the server's account",
			"%s, %s", service.server, service.ticket_enctype);
		return;
	}
	missing = err.code == ERR_NOT_FOUND && has_ticket;
	if (missing) {
		err = (struct err)ERR_INIT;
		err_set(&err, ERR_AUTH, "the KDC knows no service '%s'", spn);
		err_hint(&err, "setspn -S %s ACCOUNT, for the account that SQL Server runs as; or say spn", spn);
	}
	doctor_fail(t->d, AREA, t->subject, "spn", &err);
	if (missing && !t->o->spn)
		look_for_other_spns(t, port);
}

/* --- behind it ----------------------------------------------------------------------- */

static void look_at_session(const struct target *t, struct db *db)
{
	const struct mssql_peer *p = db_mssql_peer(db);
	const struct mssql_session *s = db_mssql_session(db);

	doctor_say(t->d, AREA, t->subject, "port", DOCTOR_OK, NULL, "%s,%u (%s)", p->host, p->port, p->ip);
	if (p->tls_version)
		doctor_say(t->d, AREA, t->subject, "tls", DOCTOR_OK, NULL, "%s, %s, %s", p->tls_version, p->tls_cipher,
			p->has_certificate ? p->certificate.subject : "no certificate");
	else
		doctor_say(t->d, AREA, t->subject, "tls", DOCTOR_WARNING, "encrypt = require", "nothing is encrypted");
	doctor_say(t->d, AREA, t->subject, "login", DOCTOR_OK, NULL, "%s as user %s of %s", s->login, s->user, s->database);
	doctor_say(t->d, AREA, t->subject, "server", DOCTOR_OK, NULL, "%s, %s, %s", s->server, s->version, s->edition);
	doctor_say(t->d, AREA, t->subject, "packet_size", p->packet_size < 4096 ? DOCTOR_WARNING : DOCTOR_OK,
		p->packet_size < 4096 ? "packet_size = 8000; what does the server allow?" : NULL, "%u bytes",
		p->packet_size);
}

static void look_at_certificate(const struct target *t, struct db *db)
{
	const struct mssql_peer *p = db_mssql_peer(db);
	struct tm tm = {.tm_year = 0};
	long long days;

	if (!p->has_certificate || !strptime(p->certificate.not_after, "%Y-%m-%dT%H:%M:%SZ", &tm))
		return;
	days = (long long)(timegm(&tm) - time(NULL)) / DAY_S;
	doctor_say(t->d, AREA, t->subject, "certificate", days < EXPIRY_DAYS ? DOCTOR_WARNING : DOCTOR_OK,
		days < EXPIRY_DAYS ? "the server needs a new one soon" : NULL, "expires in %lld days (%s)", days,
		p->certificate.not_after);
}

/* A fact that a statement finds: one row, its text first and then, where it is not as it should be, a remedy. A
 * statement that a server does not take is skipped. */
struct question {
	const char *check, *sql;
};

static const struct question questions[] = {
	{"auth_scheme", "SELECT CAST(CONNECTIONPROPERTY('auth_scheme') AS nvarchar(40)), NULL"},
	{"recovery",
		"SELECT recovery_model_desc, CASE WHEN recovery_model_desc = 'FULL' THEN 'bulk loads are fully logged: "
		"ALTER DATABASE CURRENT SET RECOVERY BULK_LOGGED (or SIMPLE) makes them faster' END FROM sys.databases "
		"WHERE name = DB_NAME()"},
	{"snapshot",
		"SELECT snapshot_isolation_state_desc, CASE WHEN snapshot_isolation_state_desc <> 'ON' THEN 'ALTER DATABASE "
		"CURRENT SET ALLOW_SNAPSHOT_ISOLATION ON: without it parallel reads and change tracking are not one "
		"picture' END FROM sys.databases WHERE name = DB_NAME()"},
	/* pages of 8 KiB; more than a log file may have: no limit */
	{"space",
		"SELECT CONCAT(s.free_mb, N' MB are free in the data files, which may grow by ', CASE WHEN s.grow_mb IS NULL "
		"THEN N'what the disk has' ELSE CONCAT(s.grow_mb, N' MB') END), CASE WHEN s.free_mb + s.grow_mb < 1024 THEN "
		"N'ALTER DATABASE CURRENT MODIFY FILE (NAME = ..., MAXSIZE = ...), or another file: loads need room for their "
		"staging beside the table' END FROM (SELECT SUM(CAST(f.size AS bigint) - FILEPROPERTY(f.name, N'SpaceUsed')) / "
		"128 AS free_mb, CASE WHEN MAX(CASE WHEN f.growth > 0 AND f.max_size = -1 THEN 1 ELSE 0 END) = 1 THEN NULL ELSE "
		"SUM(CASE WHEN f.growth > 0 THEN CAST(f.max_size AS bigint) - f.size ELSE 0 END) / 128 END AS grow_mb FROM "
		"sys.database_files AS f WHERE f.type = 0) AS s"},
	{"read_only",
		"SELECT CAST(DATABASEPROPERTYEX(DB_NAME(), 'Updateability') AS nvarchar(40)), NULL"},
};

static void ask(const struct target *t, struct db *db, const struct question *q)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	struct err err = ERR_INIT;
	const char *text, *remedy;

	if (db_prepare(db, q->sql, &stmt, &err) || db_step(stmt, &err) != 1) {
		doctor_say(t->d, AREA, t->subject, q->check, DOCTOR_SKIPPED, NULL, "%s",
			err.code ? err.msg : "the server does not say");
		return;
	}
	text = db_column_text(stmt, 0);
	remedy = db_column_text(stmt, 1);
	doctor_say(t->d, AREA, t->subject, q->check, remedy ? DOCTOR_WARNING : DOCTOR_OK, remedy, "%s",
		text ? text : "not known");
}

static void look_behind(const struct target *t, struct db *db)
{
	look_at_session(t, db);
	look_at_certificate(t, db);
	for (size_t i = 0; i < ARRAY_LEN(questions); i++)
		ask(t, db, &questions[i]);
}

static void look_at_mssql(struct doctor *d, const char *subject, const struct mssql_options *o)
{
	struct target t = {.d = d, .subject = subject, .o = o};
	const struct mssql_login login = {.options = o, .application = "etl doctor"};
	enum mssql_layer layer = MSSQL_LAYER_NONE;
	struct err err = ERR_INIT;
	struct db *db;

	if (mssql_address_parse(o->server, &t.address, &err)) {
		doctor_fail(d, AREA, subject, "server", &err);
		return;
	}
	look_at_name(&t);
	if (o->auth == MSSQL_AUTH_KERBEROS && (t.address.port || o->spn))
		look_at_spn(&t, t.address.port);
	if (db_open_mssql(&login, &db, &layer, &err)) {
		if (o->auth == MSSQL_AUTH_KERBEROS && !t.address.port && !o->spn && layer == MSSQL_LAYER_KERBEROS)
			look_for_other_spns(&t, 0); /* the error names ours, with the port that the Browser has told */
		doctor_fail(d, AREA, subject, layer ? mssql_layer_name(layer) : "login", &err);
		return;
	}
	if (o->auth == MSSQL_AUTH_KERBEROS && !t.address.port && !o->spn)
		look_at_spn(&t, db_mssql_peer(db)->port);
	look_behind(&t, db);
	db_close(db);
}

/* --- files --------------------------------------------------------------------------- */

static void on_words(void *arg, const char *text)
{
	(void)arg;
	(void)text;
}

static void look_at_file(struct doctor *d, const char *subject, const struct connection *c)
{
	struct ping_report report;
	struct err err = ERR_INIT;

	if (ping(c, NULL, on_words, NULL, d->arena, &report, &err))
		doctor_fail(d, AREA, subject, "path", &err);
	else
		doctor_say(d, AREA, subject, "path", DOCTOR_OK, NULL, "'%s'", c->path);
}

void doctor_look_connections(struct doctor *d)
{
	const struct settings *s = d->settings;

	if (s->store.driver == DRIVER_MSSQL)
		look_at_mssql(d, "store", &s->store.mssql);
	for (size_t i = 0; i < s->n_connections; i++) {
		const struct connection *c = &s->connections[i];
		const char *subject = arena_printf(d->arena, "connection %s", c->name);

		if (c->driver == DRIVER_MSSQL)
			look_at_mssql(d, subject, &c->mssql);
		else
			look_at_file(d, subject, c);
	}
}
