/*
 * mssql_socket - a TCP or TLS connection to a SQL Server, logged in, and its packets.
 *
 * The one file with FreeTDS's headers besides those that stand in for its parts
 * (tds/tls.c): they define names that are ours too (TDS_INT, struct tds_column, struct
 * option). libtds finds the address, negotiates and logs in; after that it carries packets,
 * whose contents are the caller's (mssql_wire.h).
 *
 * Blocking; belongs to one thread at a time. While it waits it asks `wait` every second.
 */
#ifndef DB_MSSQL_SOCKET_H
#define DB_MSSQL_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db/mssql_error.h"
#include "tds/tls.h"

#define MSSQL_HOST_MAX 255 /* RFC 1035 2.3.4 */
#define MSSQL_IP_MAX   64

enum mssql_request { MSSQL_BATCH = 0x01, MSSQL_RPC = 0x03, MSSQL_BULK = 0x07 }; /* MS-TDS 2.2.3.1.1 */

/* Of what goes over the network: nothing; what the server wants; everything; everything, and TLS
 * comes before TDS (TDS 8.0). */
enum mssql_encrypt { MSSQL_ENCRYPT_OFF, MSSQL_ENCRYPT_REQUEST, MSSQL_ENCRYPT_REQUIRE, MSSQL_ENCRYPT_STRICT };

enum mssql_wait { MSSQL_WAIT, MSSQL_ATTENTION, MSSQL_LEAVE };

struct mssql_socket_events {
	/* Asked every second: wait on, send an attention and wait on (MS-TDS 2.2.1.7), close. */
	enum mssql_wait (*wait)(void *arg);
	void (*message)(void *arg, const struct mssql_message *m); /* while it logs in */
	void *arg;
};

struct mssql_socket_login { /* all borrowed; server_certificate as long as the socket lives */
	const char *host, *instance; /* "": the default instance */
	uint16_t port;		     /* 0: ask the SQL Server Browser */
	const char *user, *password, *database, *application; /* user NULL: `gssapi` logs in */
	const struct gssapi_login *gssapi;
	enum mssql_encrypt encrypt;
	const char *ca_file; /* NULL: any certificate; "system" */
	const char *server_certificate, *certificate_name; /* NULL: see tds/tls.h */
	bool read_only;
	int packet_size, timeout_s;
};

/* Why there is no connection. */
enum mssql_fault {
	MSSQL_FAULT_NONE,
	MSSQL_FAULT_MEMORY,
	MSSQL_FAULT_NAME,    /* detail: what getaddrinfo says */
	MSSQL_FAULT_BROWSER, /* names no port */
	MSSQL_FAULT_CONNECT, /* detail: what the kernel says */
	MSSQL_FAULT_TLS,     /* tls, detail */
	MSSQL_FAULT_TIMEOUT,
	MSSQL_FAULT_REFUSED, /* the server said no more than that, or a message */
	MSSQL_FAULT_CLOSED,  /* detail */
};

/* What became of the login. */
struct mssql_outcome {
	enum mssql_fault fault;
	enum tls_fault tls;
	char detail[128];
	uint16_t port; /* that was tried */
};

struct mssql_socket;

/* NULL: *ret_outcome says why; a server's errors were given to events->message. */
struct mssql_socket *mssql_socket_open(const struct mssql_socket_login *login,
	const struct mssql_socket_events *events, struct mssql_outcome *ret_outcome);
void mssql_socket_free(struct mssql_socket *s); /* NULL is fine */
void mssql_socket_listen(struct mssql_socket *s, const struct mssql_socket_events *events);

struct mssql_peer {
	char host[MSSQL_HOST_MAX + 1]; /* another one than that of the login after a routing */
	uint16_t port;
	char ip[MSSQL_IP_MAX];
	const char *tls_version, *tls_cipher; /* NULL: it is not encrypted */
	bool has_certificate;
	struct tls_certificate certificate;
	unsigned version; /* of TDS: 0x704 */
	unsigned packet_size, spid;
	uint8_t collation[5]; /* of the database */
};
void mssql_socket_peer(const struct mssql_socket *s, struct mssql_peer *ret_peer);

bool mssql_socket_alive(const struct mssql_socket *s);
/* Now; a connection that is being read or written is not to be used by others. */
void mssql_socket_close(struct mssql_socket *s);
/* Why it is gone: "the server closed it". */
const char *mssql_socket_lost(const struct mssql_socket *s);

/* A request: begin, its bytes, send. False: the connection is gone. */
bool mssql_socket_begin(struct mssql_socket *s, enum mssql_request type);
void mssql_socket_put(struct mssql_socket *s, const void *data, size_t len);
bool mssql_socket_send(struct mssql_socket *s);
/* Ends it so that the server ignores it (MS-TDS 2.2.3.1.2), and answers that. */
bool mssql_socket_ignore(struct mssql_socket *s);
bool mssql_socket_attention(struct mssql_socket *s);

/* Its answer: what is unread of the packet, how much of it was read, and the next one. */
const uint8_t *mssql_socket_data(const struct mssql_socket *s, size_t *ret_len);
void mssql_socket_read(struct mssql_socket *s, size_t n);
bool mssql_socket_is_last(const struct mssql_socket *s); /* packet of the answer */
bool mssql_socket_next(struct mssql_socket *s);
void mssql_socket_done(struct mssql_socket *s); /* the answer was read */
bool mssql_socket_is_answering(const struct mssql_socket *s);

#endif
