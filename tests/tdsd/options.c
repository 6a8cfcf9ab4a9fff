#include "tests/tdsd/options.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "tests/tdsd/wire.h"

struct option {
	const char *name, *argument, *help;
	int (*set)(struct options *o, char *value, struct err *err);
	size_t offset; /* of a const char *, where there is no `set` */
};

static int set_listen(struct options *o, char *value, struct err *err)
{
	return options_address(value, &o->listen, err);
}

static int set_browser(struct options *o, char *value, struct err *err)
{
	return options_address(value, &o->browser, err);
}

/* The index of `value` in a list of words, or -1. */
static int choose(const char *value, const char *const *words, size_t n, struct err *err)
{
	const char *near;

	for (size_t i = 0; i < n; i++)
		if (strcmp(value, words[i]) == 0)
			return (int)i;
	near = text_nearest(value, words, n);
	(void)err_set(err, ERR_USAGE, "'%s' is not known", value);
	return near ? err_suggest(err, near) : -1;
}

static int set_encrypt(struct options *o, char *value, struct err *err)
{
	static const char *const words[] = {"none", "login", "on", "required", "strict"};
	int i = choose(value, words, ARRAY_LEN(words), err);

	if (i < 0)
		return -1;
	o->encrypt = (enum encrypt_policy)i;
	return 0;
}

static int set_protocol(enum tls_protocol *p, const char *value, struct err *err)
{
	static const char *const words[] = {"default", "1.2", "1.3"};
	int i = choose(value, words, ARRAY_LEN(words), err);

	if (i < 0)
		return -1;
	*p = (enum tls_protocol)i;
	return 0;
}

static int set_tls_min(struct options *o, char *value, struct err *err)
{
	return set_protocol(&o->tls.min, value, err);
}

static int set_tls_max(struct options *o, char *value, struct err *err)
{
	return set_protocol(&o->tls.max, value, err);
}

static int set_nbc(struct options *o, char *value, struct err *err)
{
	static const char *const words[] = {"auto", "always", "never"};
	int i = choose(value, words, ARRAY_LEN(words), err);

	if (i < 0)
		return -1;
	o->nbc = (enum nbc_policy)i;
	return 0;
}

static int set_login(struct options *o, char *value, struct err *err)
{
	struct login_rule *l = &o->logins[o->n_logins];
	char *colon = strchr(value, ':');

	if (!colon || colon == value)
		return err_set(err, ERR_USAGE, "a login is user:password[:database]");
	if (o->n_logins == LOGINS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d logins", LOGINS_MAX);
	*colon = '\0';
	l->user = value;
	l->password = colon + 1;
	l->database = "";
	colon = strchr(colon + 1, ':');
	if (colon) {
		*colon = '\0';
		l->database = colon + 1;
	}
	o->n_logins++;
	return 0;
}

static int set_user(struct options *o, char *value, struct err *err)
{
	o->logins[o->n_logins < LOGINS_MAX ? o->n_logins : 0].plain = true;
	return set_login(o, value, err);
}

static int add(const char **list, uint32_t *n, uint32_t max, const char *value, struct err *err)
{
	if (*n == max)
		return err_set(err, ERR_LIMIT, "more than %u of them", (unsigned)max);
	list[(*n)++] = value;
	return 0;
}

static int set_principal(struct options *o, char *value, struct err *err)
{
	char *equals = strchr(value, '=');

	if (!equals || o->n_principals == LOGINS_MAX)
		return err_set(err, ERR_USAGE, "PRINCIPAL=USER is wanted, up to %d times", LOGINS_MAX);
	*equals = '\0';
	o->principals[o->n_principals++] = (struct principal_rule){.principal = value, .user = equals + 1};
	return 0;
}

static int set_switch(bool *b, const char *value, struct err *err)
{
	static const char *const words[] = {"off", "require"};
	int i = choose(value, words, ARRAY_LEN(words), err);

	*b = i == 1;
	return i < 0 ? -1 : 0;
}

static int set_binding(struct options *o, char *value, struct err *err)
{
	static const char *const words[] = {"off", "allow", "require"};
	int i = choose(value, words, ARRAY_LEN(words), err);

	o->binding = (enum binding)i;
	return i < 0 ? -1 : 0;
}

static int set_proof(struct options *o, char *value, struct err *err)
{
	bool wanted = true;
	int rc = set_switch(&wanted, value, err);

	o->unproven = !wanted;
	return rc;
}

static int set_database(struct options *o, char *value, struct err *err)
{
	return add(o->databases, &o->n_databases, LOGINS_MAX, value, err);
}

static int set_fault(struct options *o, char *value, struct err *err)
{
	return add(o->faults, &o->n_faults, FAULTS_MAX, value, err);
}

static int set_version(struct options *o, char *value, struct err *err)
{
	unsigned major, minor, build;

	if (sscanf(value, "%3u.%3u.%5u", &major, &minor, &build) != 3 || major > 255 ||
		minor > 255 || build > 65535)
		return err_set(err, ERR_USAGE, "a version is like 15.0.2000");
	o->version = (uint32_t)(major << 24 | minor << 16 | build);
	return 0;
}

static int set_packet_size(struct options *o, char *value, struct err *err)
{
	int64_t size;

	if (text_parse_int(value, &size) < 0 || size < WIRE_PACKET_MIN || size > WIRE_PACKET_MAX)
		return err_set(err, ERR_USAGE, "a packet size is %d to %d", WIRE_PACKET_MIN,
			WIRE_PACKET_MAX);
	o->packet_size = (uint32_t)size;
	return 0;
}

#define TEXT(field) NULL, offsetof(struct options, field)

static const struct option table[] = {
	{"listen", "HOST:PORT", "address; port 0 is a free one", set_listen, 0},
	{"directory", "DIR", "of the databases", TEXT(directory)},
	{"database", "NAME", "make it when it is not there (repeatable)", set_database, 0},
	{"ready-file", "FILE", "gets the port when the server listens", TEXT(ready_file)},
	{"control", "PATH", "socket for commands while it runs", TEXT(control)},
	{"certificate", "FILE", "PEM; without one the server signs its own", TEXT(tls.certificate)},
	{"key", "FILE", "PEM", TEXT(tls.key)},
	{"encrypt", "POLICY", "none, login, on, required, strict", set_encrypt, 0},
	{"tls-min", "VERSION", "1.2 or 1.3", set_tls_min, 0},
	{"tls-max", "VERSION", "1.2 or 1.3", set_tls_max, 0},
	{"login", "USER:PASSWORD[:DATABASE]", "who may come in, and do everything (repeatable)", set_login, 0},
	{"user", "USER:PASSWORD[:DATABASE]", "who may come in, and do what GRANTs say (repeatable)", set_user, 0},
	{"keytab", "FILE", "of the service: clients may log in with tickets", TEXT(keytab)},
	{"principal", "PRINCIPAL=USER", "whose ticket is which login (repeatable)", set_principal, 0},
	{"channel-binding", "WHEN", "off, allow or require: tickets are bound to the TLS session", set_binding, 0},
	{"proof", "WHEN", "off: lets everybody in without proving who we are; or require", set_proof, 0},
	{"server-name", "NAME", "what it calls itself", TEXT(server_name)},
	{"instance", "NAME", "of the server", TEXT(instance)},
	{"version", "N.N.N", "that it claims", set_version, 0},
	{"packet-size", "BYTES", "when the client does not ask for one", set_packet_size, 0},
	{"browser", "HOST:PORT", "SQL Server Browser on UDP", set_browser, 0},
	{"route", "HOST,PORT", "sends clients with read-only intent there", TEXT(route)},
	{"partner", "HOST", "failover partner", TEXT(partner)},
	{"nbcrow", "WHEN", "auto, always, never", set_nbc, 0},
	{"statements", "FILE", "what was asked, a JSON object a line", TEXT(statements)},
	{"record", "DIR", "the server's packets, a file per connection", TEXT(record)},
	{"pcap", "FILE", "both sides' packets, decrypted", TEXT(pcap)},
	{"fault", "FAULT", "as on the control socket (repeatable)", set_fault, 0},
};

static void print_help(void)
{
	printf("usage: tdsd --directory DIR [OPTION VALUE]...\n");
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		printf("  --%s %s\n\t%s\n", table[i].name, table[i].argument, table[i].help);
}

static const struct option *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

static int check(const struct options *o, struct err *err)
{
	if (!o->directory)
		return err_set(err, ERR_USAGE, "--directory is missing");
	if (!o->tls.certificate != !o->tls.key)
		return err_set(err, ERR_USAGE, "--certificate and --key go together");
	return 0;
}

int options_parse(int argc, char **argv, struct options *ret_options, struct err *err)
{
	struct options *o = ret_options;

	*o = (struct options){
		.listen = {.host = "127.0.0.1"},
		.encrypt = ENCRYPT_POLICY_LOGIN,
		.server_name = "TDSD",
		.instance = "MSSQLSERVER",
		.version = 0x0F0007D0,
		.packet_size = WIRE_PACKET_DEFAULT,
	};
	for (int i = 1; i < argc; i += 2) {
		const struct option *option;

		if (strcmp(argv[i], "--help") == 0) {
			print_help();
			exit(0);
		}
		option = strncmp(argv[i], "--", 2) == 0 ? find(argv[i] + 2) : NULL;
		if (!option)
			return err_set(err, ERR_USAGE, "no option '%s'", argv[i]);
		if (i + 1 == argc)
			return err_set(err, ERR_USAGE, "'%s' without a value", argv[i]);
		if (option->set && option->set(o, argv[i + 1], err) < 0)
			return err_wrap(err, "%s '%s'", argv[i], argv[i + 1]);
		if (!option->set)
			*(const char **)(void *)((char *)o + option->offset) = argv[i + 1];
	}
	o->tls.name = o->server_name;
	return check(o, err);
}

int options_address(const char *text, struct address *ret_address, struct err *err)
{
	struct address a;
	const char *sep = strrchr(text, ',');
	int64_t port;

	if (!sep)
		sep = strrchr(text, ':');
	if (!sep || (size_t)(sep - text) >= sizeof(a.host) || text_parse_int(sep + 1, &port) < 0 ||
		port < 0 || port > UINT16_MAX)
		return err_set(err, ERR_USAGE, "'%s' is not host:port", text);
	memcpy(a.host, text, (size_t)(sep - text));
	a.host[sep - text] = '\0';
	a.port = (uint16_t)port;
	*ret_address = a;
	return 0;
}
