#include "base/settings.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

static const char *const driver_names[] = {[DRIVER_SQLITE] = "sqlite", [DRIVER_MSSQL] = "mssql",
	[DRIVER_CSV] = "csv", NULL};
static const char *const store_drivers[] = {
	[DRIVER_SQLITE] = "sqlite", [DRIVER_MSSQL] = "mssql", NULL};
static const char *const log_levels[] = {"error", "warn", "info", "debug", NULL};
static const char *const log_formats[] = {"auto", "text", "json", NULL};
static const char *const no_quote[] = {CSV_QUOTE_NONE, NULL};
static const char *const doubled[] = {CSV_ESCAPE_DOUBLED, NULL};
static const char *const yes_no[] = {"yes", "no", NULL};
static const char *const line_ends[] = {"crlf", "lf", NULL};
static const char *const mssql_auths[] = {[MSSQL_AUTH_SQL] = "sql",
	[MSSQL_AUTH_KERBEROS] = "kerberos", NULL};
static const char *const mssql_encrypts[] = {"off", "request", "require", "strict", NULL}; /* db/mssql_socket.h */
static const char *const mechanisms[] = {[KERBEROS_RAW] = "krb5", [KERBEROS_SPNEGO] = "spnego", NULL};
static const char *const isolations[] = {[MSSQL_ISOLATION_AUTO] = "auto",
	[MSSQL_ISOLATION_READ_COMMITTED] = "read_committed",
	[MSSQL_ISOLATION_REPEATABLE_READ] = "repeatable_read",
	[MSSQL_ISOLATION_SNAPSHOT] = "snapshot",
	[MSSQL_ISOLATION_SERIALIZABLE] = "serializable", NULL};
static const char *const intents[] = {"readwrite", "readonly", NULL};
static const char *const executors[] = {[EXECUTOR_AUTO] = "auto", [EXECUTOR_PROCESS] = "process",
	[EXECUTOR_KUBERNETES] = "kubernetes", NULL};
static const char *const standard_input[] = {"-", NULL};

#define AT(field) offsetof(struct settings, field)

static const struct option store_options[] = {
	{"driver", OPT_ENUM, AT(store.driver), "sqlite", "what keeps jobs and runs: sqlite or mssql",
		.choices = store_drivers},
	{"path", OPT_PATH, AT(store.path), "etl.db", "sqlite: the control database's file"},
	{"server", OPT_TEXT, AT(store.mssql.server), NULL,
		"mssql: host, host,port or host\\instance; it and the keys below are those of a connection"},
};

static const struct option controller_options[] = {
	{"poll", OPT_DURATION, AT(controller.poll), "5s",
		"how often to ask for runs that are ready", .min = 10, .max = 3600000},
	{"lease", OPT_DURATION, AT(controller.lease), "60s",
		"how long a run stays with a worker that does not renew", .min = 1000,
		.max = 86400000},
	{"max_workers", OPT_INT, AT(controller.max_workers), "4", "workers at the same time",
		.min = 1, .max = 1000},
	{"executor", OPT_ENUM, AT(controller.executor), "auto",
		"what a worker is: process, a process beside the controller; kubernetes, a pod; auto: a pod in a "
		"cluster, else a process",
		.choices = executors},
};

static const struct option kubernetes_options[] = {
	{"namespace", OPT_TEXT, AT(kubernetes.namespace), NULL,
		"where the pods are made; empty: where the controller's pod is, or as the kubeconfig says"},
	{"image", OPT_TEXT, AT(kubernetes.image), NULL, "of the pods; empty: that of the controller's pod"},
	{"kubeconfig", OPT_PATH, AT(kubernetes.kubeconfig), NULL,
		"outside a cluster: the file whose current context says where the API is and who we are; empty: "
		"$KUBECONFIG, ~/.kube/config"},
	{"server", OPT_TEXT, AT(kubernetes.server), NULL,
		"instead of a kubeconfig: the API's address, https://host:port"},
	{"ca_file", OPT_PATH, AT(kubernetes.ca_file), NULL,
		"with 'server': who may have signed its certificate, PEM; empty: the system's authorities"},
	{"token_file", OPT_PATH, AT(kubernetes.token_file), NULL,
		"with 'server': the file of the bearer token, which is read again every minute"},
	{"pod_template", OPT_PATH, AT(kubernetes.pod_template), NULL,
		"a Pod as JSON that the workers' pods are made of; empty: the built-in one"},
	{"owner", OPT_TEXT, AT(kubernetes.owner), NULL,
		"what the pods belong to, so that they vanish with it: Deployment/NAME; empty: the Deployment of "
		"the controller's pod"},
	{"keep_failed_for", OPT_DURATION, AT(kubernetes.keep_failed_for), "0s",
		"how long a pod that failed is kept, for whoever wants to look at it", .max = 30LL * 86400000},
	{"start_timeout", OPT_DURATION, AT(kubernetes.start_timeout), "10m",
		"a pod that has not begun by then is given up, and its run goes back to the queue", .min = 1000,
		.max = 7LL * 86400000},
};

static const struct option log_options[] = {
	{"level", OPT_TEXT, AT(log.level), "info", "what to write: error, warn, info or debug",
		.choices = log_levels},
	{"format", OPT_TEXT, AT(log.format), "auto",
		"text, json, or auto: text on a terminal, JSON lines elsewhere",
		.choices = log_formats},
};

static const struct option kerberos_options[] = {
	{"realm", OPT_TEXT, AT(kerberos.realm), NULL,
		"the Active Directory domain in capitals; empty: as /etc/krb5.conf or KRB5_CONFIG say, which win"},
	{"kdc", OPT_TEXT, AT(kerberos.kdc), NULL,
		"domain controllers, host or host:port, by their order; empty: as the DNS says (SRV _kerberos)"},
	{"principal", OPT_TEXT, AT(kerberos.principal), NULL,
		"the account; empty: the first one of the keytab"},
	{"keytab", OPT_PATH, AT(kerberos.keytab), NULL,
		"the file of its keys, readable by its owner alone; empty: the tickets in ccache are used"},
	{"ccache", OPT_PATH, AT(kerberos.ccache), NULL,
		"the file of tickets, shared by the processes of this host; empty: each keeps its own in memory"},
	{"trusted_kdc", OPT_TEXT, AT(kerberos.trusted_kdc), NULL,
		"KDCs of other realms: REALM = host:port, …; empty: those that the DNS names"},
	{"domain_realm", OPT_TEXT, AT(kerberos.domain_realm), NULL,
		"servers of other realms: .example.org = EXAMPLE.ORG, host = REALM, …"},
	{"allow_rc4", OPT_BOOL, AT(kerberos.allow_rc4), "no",
		"yes: take keys and tickets of RC4, which can be broken, where there is no AES"},
	{"keytab_group", OPT_BOOL, AT(kerberos.keytab_group), "no",
		"yes: the keytab's group may read it, as Kubernetes does it for fsGroup"},
	{"lifetime", OPT_DURATION, AT(kerberos.lifetime), "0ms",
		"how long a ticket should last; 0ms: as long as the KDC gives one", .max = 2592000000},
	{"timeout", OPT_DURATION, AT(kerberos.timeout), "9s", "for the answer of a KDC", .min = 1000,
		.max = 600000},
};

#undef AT
#define AT(field) offsetof(struct connection, field)

static const struct option connection_options[] = {
	{"driver", OPT_ENUM, AT(driver), NULL, "csv, mssql or sqlite", .choices = driver_names,
		.required = true},
};

static const struct option csv_options[] = {
	{"path", OPT_PATH, AT(path), NULL,
		"the directory of the files, or one file; -: standard input of a worker in the "
		"foreground",
		.choices = standard_input, .required = true},
};

static const struct option sqlite_options[] = {
	{"path", OPT_PATH, AT(path), NULL, "the database's file; a target is created when missing, a source is only read",
		.required = true},
	{"max_field", OPT_SIZE, AT(format.max_field), "64MiB",
		"of a source: a longer text or blob is an error", .min = 1, .max = 1000000000},
};

#undef AT
#define AT(field) offsetof(struct mssql_options, field)

/* The packet sizes are MS-TDS 2.2.6.4's; with encryption a server takes one TLS record at most. */
static const struct option mssql_server_option[] = {
	{"server", OPT_TEXT, AT(server), NULL,
		"host, host,port (1433 by default), or host\\instance, whose port the SQL Server Browser knows",
		.required = true},
};
/* Of the ends of a copy; the store has neither. */
static const struct option mssql_end_options[] = {
	{"staging_schema", OPT_TEXT, AT(staging_schema), NULL,
		"where jobs make their staging tables; empty: in the target table's own schema"},
	{"isolation", OPT_ENUM, AT(isolation), "auto",
		"of a source: snapshot, read_committed, repeatable_read or serializable (both hold locks until all is "
		"read); auto: snapshot where the database allows it (ALLOW_SNAPSHOT_ISOLATION), else read_committed",
		.choices = isolations},
};
static const struct option mssql_options[] = {
	{"database", OPT_TEXT, AT(database), NULL, "the database; empty: the login's default"},
	{"auth", OPT_ENUM, AT(auth), "sql", "sql: a login of the server with a password; kerberos: a ticket, see [kerberos]",
		.choices = mssql_auths},
	{"user", OPT_TEXT, AT(user), NULL, "the login's name"},
	{"password_file", OPT_PATH, AT(password_file), NULL, "the file that has the password, and nothing else"},
	{"principal", OPT_TEXT, AT(own.principal), NULL, "auth = kerberos: as whom; empty: [kerberos] principal"},
	{"keytab", OPT_PATH, AT(own.keytab), NULL, "its keys; empty: [kerberos] keytab"},
	{"ccache", OPT_PATH, AT(own.ccache), NULL, "its tickets; empty: [kerberos] ccache"},
	{"spn", OPT_TEXT, AT(spn), NULL,
		"the server's principal; empty: MSSQLSvc/host:port, with the host's full name"},
	{"mechanism", OPT_ENUM, AT(mechanism), "krb5", "how the ticket is shown: krb5, or spnego around it",
		.choices = mechanisms},
	{"delegate", OPT_BOOL, AT(delegate), "no",
		"yes: the server may act as us elsewhere (linked servers), if its account may be trusted so"},
	{"encrypt", OPT_ENUM, AT(encrypt), "require",
		"off, request (what the server wants), require, or strict (TDS 8.0: TLS before all else)",
		.choices = mssql_encrypts},
	{"ca_file", OPT_PATH, AT(ca_file), NULL,
		"the authorities that may sign the server's certificate, PEM; empty: the system's"},
	{"server_certificate", OPT_PATH, AT(server_certificate), NULL,
		"the server's certificate itself, PEM: this one and no other, whoever signed it"},
	{"host_name_in_certificate", OPT_TEXT, AT(host_name_in_certificate), NULL,
		"the name that the certificate is for, where that is not the server's host"},
	{"trust_server_certificate", OPT_BOOL, AT(trust_server_certificate), "no",
		"yes: take any certificate. Whoever is on the way can read and change everything"},
	{"application_intent", OPT_TEXT, AT(application_intent), "readwrite",
		"readonly: a listener may send us to a readable secondary", .choices = intents},
	{"packet_size", OPT_SIZE, AT(packet_size), "8000", "bytes of a TDS packet that we ask for",
		.min = 512, .max = 32767},
	{"login_timeout", OPT_DURATION, AT(login_timeout), "15s", "for the connection and the login",
		.min = 1000, .max = 3600000},
	{"query_timeout", OPT_DURATION, AT(query_timeout), "0ms",
		"a statement that takes longer is cancelled; 0ms: none is", .max = 604800000},
	{"lock_timeout", OPT_DURATION, AT(lock_timeout), "60s",
		"a statement that waits longer for a lock fails, and is tried again; 0ms: it waits for ever",
		.max = 86400000},
};

#undef AT
#define AT(field) offsetof(struct csv_format, field)

const struct option csv_format_options[N_CSV_FORMAT_OPTIONS] = {
	{"delimiter", OPT_CHAR, AT(delimiter), ",",
		"one ASCII character between fields; 'tab', 'semicolon' and 'space' have names"},
	{"quote", OPT_CHAR, AT(quote), "\"",
		"the ASCII character around fields that hold others; none: there is no such "
		"character",
		.choices = no_quote},
	{"escape", OPT_CHAR, AT(escape), CSV_ESCAPE_DOUBLED,
		"doubled: a quote within quotes is written twice; or the ASCII character, such as "
		"\\, "
		"that takes the meaning off a quote, a delimiter or itself",
		.choices = doubled},
	{"header", OPT_TEXT, AT(header), "yes",
		"no: the first line is a row; the job's 'columns' names all fields in their order, "
		"or "
		"they are column1, column2, …",
		.choices = yes_no},
	{"null", OPT_TEXT, AT(null_text), "",
		"the unquoted text that means null; empty: nothing between two delimiters is null, "
		"\"\" is an empty text"},
	{"encoding", OPT_TEXT, AT(encoding), "utf-8",
		"of the files: utf-8, iso-8859-1, windows-1252, utf-16, …; utf-8-bom is written with a "
		"byte order mark"},
	{"file_column", OPT_TEXT, AT(file_column), "",
		"the name of one more column, which has the name of the file that the row is from"},
	{"line_end", OPT_TEXT, AT(line_end), "crlf",
		"of a file that is written: crlf (RFC 4180) or lf; all that there are can be read",
		.choices = line_ends},
	{"max_field", OPT_SIZE, AT(max_field), "16MiB", "a longer field is an error", .min = 1,
		.max = 1 << 30},
};

#define SET(table, at)                                              \
	{                                                           \
		.v = (table), .n = ARRAY_LEN(table), .offset = (at) \
	}

static const struct option_set store_set[] = {SET(store_options, 0),
	SET(mssql_options, offsetof(struct settings, store.mssql))};
static const struct option_set controller_set[] = {SET(controller_options, 0)};
static const struct option_set kubernetes_set[] = {SET(kubernetes_options, 0)};
static const struct option_set log_set[] = {SET(log_options, 0)};
static const struct option_set kerberos_set[] = {SET(kerberos_options, 0)};
static const struct option_set sqlite_set[] = {SET(connection_options, 0), SET(sqlite_options, 0)};
static const struct option_set mssql_set[] = {SET(connection_options, 0),
	SET(mssql_server_option, offsetof(struct connection, mssql)),
	SET(mssql_options, offsetof(struct connection, mssql)),
	SET(mssql_end_options, offsetof(struct connection, mssql))};
static const struct option_set csv_set[] = {SET(connection_options, 0), SET(csv_options, 0),
	SET(csv_format_options, offsetof(struct connection, format))};

/* Sections of etl.ini. A [connection NAME] has the options of its driver. */
const struct settings_section settings_sections[] = {
	{"store", NULL, "the control database", store_set, ARRAY_LEN(store_set)},
	{"controller", NULL, "the loop that starts workers", controller_set,
		ARRAY_LEN(controller_set)},
	{"kubernetes", NULL, "pods as workers (executor = kubernetes)", kubernetes_set, ARRAY_LEN(kubernetes_set)},
	{"log", NULL, "what is written to standard error", log_set, ARRAY_LEN(log_set)},
	{"kerberos", NULL, "tickets for auth = kerberos", kerberos_set, ARRAY_LEN(kerberos_set)},
	{"connection", "csv", "a directory of CSV files (RFC 4180)", csv_set, ARRAY_LEN(csv_set)},
	{"connection", "mssql", "a database of a Microsoft SQL Server", mssql_set, ARRAY_LEN(mssql_set)},
	{"connection", "sqlite", "a SQLite database", sqlite_set, ARRAY_LEN(sqlite_set)},
};
const size_t n_settings_sections = ARRAY_LEN(settings_sections);

static const struct settings_section *connection_section(enum driver driver)
{
	for (size_t i = 0; i < n_settings_sections; i++)
		if (settings_sections[i].driver &&
			strcmp(settings_sections[i].driver, driver_names[driver]) == 0)
			return &settings_sections[i];
	abort(); /* every driver has its section: a test goes over them */
}

/* The driver decides which keys a [connection] may have: look for it first. */
static int read_driver(const struct config_file *file, const struct config_section *section,
	struct arena *a, enum driver *ret_driver, struct err *err)
{
	struct connection c = {.name = NULL};

	for (size_t i = 0; i < section->n; i++) {
		const struct config_entry *e = &section->v[i];

		if (strcmp(e->key, "driver") != 0)
			continue;
		if (config_set(&connection_options[0], e->value, NULL, a, &c, err))
			return err_wrap(err, "%s:%d", file->path, e->line);
		*ret_driver = c.driver;
		return 0;
	}
	err_set(err, ERR_CONFIG, "[connection %s] needs 'driver'", section->name);
	err_wrap(err, "%s:%d", file->path, section->line);
	return err_hint(err, "driver = csv, driver = mssql or driver = sqlite");
}

static int read_connection(const struct config_file *file, const struct config_section *section,
	struct arena *a, struct settings *s, struct err *err)
{
	struct connection *c = &s->connections[s->n_connections];
	const struct settings_section *known;
	enum driver driver = DRIVER_SQLITE;

	if (!*section->name) {
		err_set(err, ERR_CONFIG, "[connection] needs a name: [connection NAME]");
		return err_wrap(err, "%s:%d", file->path, section->line);
	}
	if (s->n_connections == SETTINGS_CONNECTIONS_MAX) {
		err_set(err, ERR_CONFIG, "more than %d connections", SETTINGS_CONNECTIONS_MAX);
		return err_wrap(err, "%s:%d", file->path, section->line);
	}
	if (read_driver(file, section, a, &driver, err))
		return -1;
	known = connection_section(driver);
	if (config_apply(file, section, known->sets, known->n_sets, a, c, err))
		return -1;
	c->name = section->name;
	c->where = arena_printf(a, "%s:%d", file->path, section->line);
	s->n_connections++;
	return 0;
}

static int read_section(const struct config_file *file, const struct config_section *section,
	struct arena *a, struct settings *s, struct err *err)
{
	const char *known[ARRAY_LEN(settings_sections)];

	if (strcmp(section->kind, "connection") == 0)
		return read_connection(file, section, a, s, err);
	for (size_t i = 0; i < n_settings_sections; i++) {
		const struct settings_section *k = &settings_sections[i];

		known[i] = k->kind;
		if (strcmp(k->kind, section->kind) != 0)
			continue;
		if (*section->name) {
			err_set(err, ERR_CONFIG, "[%s %s]: this section has no name", section->kind,
				section->name);
			return err_wrap(err, "%s:%d", file->path, section->line);
		}
		return config_apply(file, section, k->sets, k->n_sets, a, s, err);
	}
	return config_unknown(
		file, section->line, "section", section->kind, known, n_settings_sections, err);
}

static int64_t at_most(int64_t ms, int64_t most)
{
	return ms == 0 || ms > most ? most : ms;
}

/* A lease must not run out while its holder waits for somebody's lock, or for an answer that never
 * comes: there is time for a few tries in each. */
static void hurry_store(struct settings *s)
{
	int64_t lease = s->controller.lease, answer = lease / 3;

	s->store.mssql.lock_timeout = at_most(s->store.mssql.lock_timeout, lease / 6);
	s->store.mssql.query_timeout = at_most(s->store.mssql.query_timeout,
		answer < STORE_ANSWER_MIN_MS ? STORE_ANSWER_MIN_MS : answer);
}

/* [kerberos], with what a connection says for itself. The words live in the arena. */
static void settle_kerberos(struct mssql_options *o, const struct kerberos_options *common, struct arena *a)
{
	struct kerberos_options *k = arena_alloc(a, sizeof(*k));

	*k = *common;
	if (o->own.principal || o->own.keytab) {
		/* another account's tickets are not for a cache that has a principal of its own */
		k->principal = o->own.principal;
		k->ccache = NULL;
	}
	if (o->own.keytab)
		k->keytab = o->own.keytab;
	if (o->own.ccache)
		k->ccache = o->own.ccache;
	if (o->own.ccache && !o->own.keytab)
		k->keytab = NULL; /* somebody else fills it */
	o->kerberos = k;
}

/* What the kubelet gives to a pod whose service account may use the API. */
static bool in_cluster(void)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST");

	return host && *host && access(SETTINGS_SERVICE_ACCOUNT "/token", F_OK) == 0;
}

int settings_parse(const struct config_file *file, struct arena *a, struct settings *ret_settings,
	struct err *err)
{
	struct settings s = {.file = file->path};
	size_t room = file->n < SETTINGS_CONNECTIONS_MAX ? file->n : SETTINGS_CONNECTIONS_MAX;

	for (size_t i = 0; i < n_settings_sections; i++)
		if (!settings_sections[i].driver)
			config_defaults(
				settings_sections[i].sets, settings_sections[i].n_sets, a, &s);
	s.connections = arena_array(a, room, sizeof(*s.connections));
	for (size_t i = 0; i < file->n; i++)
		if (read_section(file, &file->v[i], a, &s, err))
			return -1;
	if (s.store.driver == DRIVER_MSSQL && (!s.store.mssql.server || !s.store.mssql.database)) {
		err_set(err, ERR_CONFIG, "[store] driver = mssql needs 'server' and 'database'");
		return err_wrap(err, "%s", file->path);
	}
	if (s.controller.executor == EXECUTOR_AUTO)
		s.controller.executor = in_cluster() ? EXECUTOR_KUBERNETES : EXECUTOR_PROCESS;
	hurry_store(&s);
	settle_kerberos(&s.store.mssql, &s.kerberos, a);
	for (size_t i = 0; i < s.n_connections; i++)
		settle_kerberos(&s.connections[i].mssql, &s.kerberos, a);
	*ret_settings = s;
	return 0;
}

const char *settings_store_name(const struct settings *s, struct arena *a)
{
	if (s->store.driver == DRIVER_SQLITE)
		return s->store.path;
	return arena_printf(a, "%s/%s", s->store.mssql.server, s->store.mssql.database);
}

/* NULL when no file was named and none is there. */
static const char *find_file(const char *path)
{
	static const char *const places[] = {"etl.ini", "/etc/etl/etl.ini"};
	const char *env = getenv("ETL_CONFIG");

	if (path)
		return path;
	if (env && *env)
		return env;
	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		if (access(places[i], F_OK) == 0)
			return places[i];
	return NULL;
}

int settings_load(const char *path, struct arena *a, struct settings *ret_settings, struct err *err)
{
	struct config_file file = {.path = NULL, .dir = "."};
	const char *found = find_file(path);

	if (found && config_read(found, a, &file, err)) {
		err->code = ERR_CONFIG; /* that it cannot be read, too */
		return err_wrap(err, "configuration");
	}
	return settings_parse(&file, a, ret_settings, err);
}

int settings_connection(const struct settings *s, const char *name, const char *used_by,
	const struct connection **ret_connection, struct err *err)
{
	const char *known[SETTINGS_CONNECTIONS_MAX];

	for (size_t i = 0; i < s->n_connections; i++) {
		known[i] = s->connections[i].name;
		if (strcmp(known[i], name) == 0) {
			*ret_connection = &s->connections[i];
			return 0;
		}
	}
	err_set(err, ERR_CONFIG, "%s: there is no connection '%s'", used_by, name);
	err_suggest(err, text_nearest(name, known, s->n_connections));
	if (s->file)
		return err_hint(err, "add a [connection %s] section to '%s'", name, s->file);
	return err_hint(err,
		"no configuration file was found: write etl.ini with a [connection %s] section, or "
		"name "
		"one with --config",
		name);
}

const char *driver_name(enum driver driver)
{
	return driver_names[driver];
}

bool csv_format_has(const struct csv_format *format, const struct option *option)
{
	const char *p = (const char *)format + option->offset;

	if (option->type == OPT_SIZE)
		return *(const int64_t *)(const void *)p != 0;
	return *(const char *const *)(const void *)p != NULL;
}

struct csv_format csv_format_merge(const struct csv_format *base, const struct csv_format *over)
{
	struct csv_format merged = *base;

	for (size_t i = 0; i < N_CSV_FORMAT_OPTIONS; i++) {
		const struct option *o = &csv_format_options[i];
		size_t size = o->type == OPT_SIZE ? sizeof(int64_t) : sizeof(const char *);

		if (csv_format_has(over, o))
			memcpy((char *)&merged + o->offset, (const char *)over + o->offset, size);
	}
	return merged;
}
