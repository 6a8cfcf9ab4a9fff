/*
 * options - the command line.
 */
#ifndef TDSD_OPTIONS_H
#define TDSD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "tests/tdsd/prelogin.h"
#include "tests/tdsd/tls.h"

#define LOGINS_MAX 64
#define FAULTS_MAX 64

struct login_rule {
	bool plain; /* no administrator */
	const char *user, *password, *database; /* database: where it starts, "" for master */
};

enum nbc_policy { NBC_AUTO, NBC_ALWAYS, NBC_NEVER };

struct address {
	char host[256];
	uint16_t port;
};

struct options {
	struct address listen;
	const char *directory;  /* of the engine's databases */
	const char *ready_file; /* gets the port once the server listens */
	const char *control;    /* path of the control socket */
	const char *databases[LOGINS_MAX];
	uint32_t n_databases;

	struct tls_rules tls;
	enum encrypt_policy encrypt;

	struct login_rule logins[LOGINS_MAX];
	uint32_t n_logins;

	const char *keytab; /* of the service; NULL: no logins with tickets */
	struct principal_rule {
		const char *principal, *user;
	} principals[LOGINS_MAX];
	uint32_t n_principals;
	/* Extended Protection: are logins with tickets bound to their TLS session? Those that say so, or all. */
	enum binding { BINDING_OFF, BINDING_ALLOW, BINDING_REQUIRE } binding;
	bool unproven;	   /* lets a client in without proving who we are: a server that is not ours */

	const char *server_name, *instance;
	uint32_t version; /* 15.0.2000 is 0x0F0007D0 */
	uint32_t packet_size;
	struct address browser; /* of the SQL Server Browser; port 0: none */
	const char *route;      /* "host,port" */
	const char *partner;    /* failover partner */
	enum nbc_policy nbc;

	const char *statements; /* file: what was asked, JSON lines */
	const char *record;     /* directory: a file of the server's packets per connection */
	const char *pcap;
	const char *faults[FAULTS_MAX];
	uint32_t n_faults;
};

/* The strings are argv's, or live as long as the program. */
MUST_CHECK int options_parse(int argc, char **argv, struct options *ret_options, struct err *err);

/* "host:port" or "host,port" */
MUST_CHECK int options_address(const char *text, struct address *ret_address, struct err *err);

#endif
