/*
 * settings - what etl.ini says, as a struct.
 *
 * One option table per kind of section (settings.c, config.h) is the source of
 * the parser, the defaults, the checks, `etl help config` and the test that
 * etl.ini.example is complete. Found by --config, $ETL_CONFIG, ./etl.ini,
 * /etc/etl/etl.ini; with none of them the defaults hold: store ./etl.db.
 * Relative paths are relative to the directory of the file that says them.
 */
#ifndef BASE_SETTINGS_H
#define BASE_SETTINGS_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/err.h"

enum driver { DRIVER_SQLITE, DRIVER_MSSQL, DRIVER_CSV }; /* those of a store come first */

/* How a CSV file is written. In a job's overrides NULL and 0 mean "as the connection says". */
struct csv_format {
	const char *delimiter; /* one ASCII character */
	const char *quote;     /* one, or CSV_QUOTE_NONE */
	const char *escape;    /* one, or CSV_ESCAPE_DOUBLED */
	const char *header;    /* "yes" or "no" */
	const char *null_text; /* the unquoted text that means null; "" by default */
	const char *encoding;  /* a name that iconv knows */
	const char *file_column; /* a column with the file's name; empty: none */
	const char *line_end;  /* "crlf" or "lf", of what is written */
	int64_t max_field;     /* bytes of one field */
};

enum mssql_auth { MSSQL_AUTH_SQL, MSSQL_AUTH_KERBEROS };
/* Of what is read: auto is a snapshot where the database allows one, else read committed. */
enum mssql_isolation {
	MSSQL_ISOLATION_AUTO,
	MSSQL_ISOLATION_READ_COMMITTED,
	MSSQL_ISOLATION_REPEATABLE_READ,
	MSSQL_ISOLATION_SNAPSHOT,
	MSSQL_ISOLATION_SERIALIZABLE,
};
enum kerberos_mechanism { KERBEROS_RAW, KERBEROS_SPNEGO };

/* Where tickets come from. */
struct kerberos_options {
	const char *realm;	  /* NULL: that of the principal, or of krb5.conf */
	const char *kdc;	  /* host, host:port, …; NULL: DNS SRV */
	const char *principal;	  /* NULL: the first of the keytab */
	const char *keytab;	  /* NULL: `ccache` is somebody else's work */
	const char *ccache;	  /* file; NULL with a keytab: this process's memory */
	const char *domain_realm; /* .example.org = EXAMPLE.ORG, …; NULL */
	const char *trusted_kdc;  /* EXAMPLE.NET = dc1.example.net:88, …; NULL */
	bool allow_rc4, keytab_group;
	int64_t lifetime; /* ms that a ticket is asked for; 0: as the KDC likes */
	int64_t timeout;  /* ms for a KDC's answer */
};

/* How workers are started. AUTO is settled while the settings are read: in a cluster's pod KUBERNETES. */
enum executor_kind { EXECUTOR_AUTO, EXECUTOR_PROCESS, EXECUTOR_KUBERNETES };

/* Where pods are made, and how. NULL: as the controller's own pod has it, or the kubeconfig. */
struct kubernetes_options {
	const char *namespace, *image;
	const char *kubeconfig; /* file; only outside a cluster */
	const char *server, *ca_file, *token_file; /* instead of one */
	const char *pod_template; /* file, JSON */
	const char *owner; /* "Deployment/name": what the pods belong to */
	int64_t keep_failed_for; /* ms */
	int64_t start_timeout;	 /* ms that a pod may take to begin */
};

/* How to reach a SQL Server, as it was written. */
struct mssql_options {
	const char *server; /* host, host,port or host\instance: db/mssql_address.h */
	const char *database; /* NULL: the login's own */
	enum mssql_auth auth;
	const char *user, *password_file;
	struct kerberos_options own;	       /* of this connection alone: principal, keytab, ccache */
	const struct kerberos_options *kerberos; /* what counts: [kerberos] with `own` before it */
	enum kerberos_mechanism mechanism;
	const char *spn; /* NULL: MSSQLSvc/host:port */
	bool delegate;	 /* the server may act as us elsewhere */
	int encrypt; /* enum mssql_encrypt of db/mssql_socket.h */
	const char *ca_file; /* NULL: the system's authorities */
	const char *server_certificate; /* NULL, or the file of the one that is trusted */
	const char *host_name_in_certificate; /* NULL: the server's host */
	bool trust_server_certificate; /* any */
	const char *application_intent; /* "readwrite", "readonly" */
	enum mssql_isolation isolation; /* of a source */
	int64_t packet_size; /* bytes */
	const char *staging_schema; /* NULL: that of the table */
	int64_t login_timeout, query_timeout, lock_timeout; /* ms; 0: none */
};

struct connection {
	const char *name;
	enum driver driver;
	const char *path; /* csv: a directory of files, one file, or "-"; sqlite: the database */
	struct csv_format format;
	struct mssql_options mssql;
	const char *where; /* "etl.ini:12", for messages */
};

struct settings {
	const char *file; /* NULL: no file, the embedded default */
	struct {
		enum driver driver;
		const char *path; /* sqlite */
		struct mssql_options mssql; /* a lock is waited for a sixth of a lease at most,
					     * an answer a third or STORE_ANSWER_MIN_MS */
		const struct clock *clock; /* for the simulation: the database's; NULL: its own */
	} store;
	struct {
		int64_t poll, lease; /* ms */
		int64_t max_workers;
		enum executor_kind executor; /* never AUTO */
	} controller;
	struct kubernetes_options kubernetes;
	struct {
		const char *level, *format;
	} log;
	struct kerberos_options kerberos;
	struct connection *connections;
	size_t n_connections;
};

#define SETTINGS_CONNECTIONS_MAX 1000
#define SETTINGS_SERVICE_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"
#define STORE_ANSWER_MIN_MS 5000 /* a server that is merely slow is not taken for a dead one */

/* The sections that etl.ini may have, with their options. */
struct settings_section {
	const char *kind;
	const char *driver; /* of a [connection NAME]; NULL for other sections */
	const char *help;
	const struct option_set *sets;
	size_t n_sets;
};
extern const struct settings_section settings_sections[];
extern const size_t n_settings_sections;

/* `path` is what --config said, or NULL to search. Strings live in `a`. */
MUST_CHECK int settings_load(const char *path, struct arena *a, struct settings *ret_settings,
	struct err *err);

MUST_CHECK int settings_parse(const struct config_file *file, struct arena *a,
	struct settings *ret_settings, struct err *err);

/* ERR_CONFIG with the nearest known name when there is none of that name; `used_by` says where the
 * name stands, e.g. "job 'load_planes': source". */
MUST_CHECK int settings_connection(const struct settings *s, const char *name, const char *used_by,
	const struct connection **ret_connection, struct err *err);

const char *driver_name(enum driver driver);

/* What the store is called in messages: its file, or "server/database". */
const char *settings_store_name(const struct settings *s, struct arena *a);

#define CSV_QUOTE_NONE	   "none"
#define CSV_ESCAPE_DOUBLED "doubled"

/* The options of a CSV format, for connections and for the jobs that override them. The offsets
 * are those of struct csv_format. */
#define N_CSV_FORMAT_OPTIONS 9
extern const struct option csv_format_options[N_CSV_FORMAT_OPTIONS];

/* Whether the format says something about the option. */
bool csv_format_has(const struct csv_format *format, const struct option *option);

/* `over` where it says something, else `base`. */
struct csv_format csv_format_merge(const struct csv_format *base, const struct csv_format *over);

#endif
