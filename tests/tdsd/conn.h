/*
 * conn - one client's connection, in a thread of its own.
 */
#ifndef TDSD_CONN_H
#define TDSD_CONN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "tests/tdsd/capture.h"
#include "tests/tdsd/engine.h"
#include "tests/tdsd/fault.h"
#include "tests/tdsd/login7.h"
#include "tests/tdsd/prelogin.h"
#include "tests/tdsd/prepared.h"
#include "tests/tdsd/server.h"
#include "tests/tdsd/token.h"
#include "tests/tdsd/wire.h"

struct conn {
	struct server *server;
	struct conn *next, *previous; /* among the server's */
	struct wire wire;
	struct arena arena;   /* what lives as long as the connection */
	struct arena scratch; /* what lives as long as a request */
	struct prelogin prelogin;
	struct login7 login;
	enum tds_level level;
	enum encrypt_scope encryption;
	const char *tls_protocol, *tls_cipher; /* NULL without TLS */
	uint8_t finished[64]; /* the client's Finished, of TLS 1.2: what tls-unique is */
	size_t finished_len;
	uint8_t *sspi_out; /* a token that stands before the answer to the login */
	size_t sspi_out_len;
	struct session *session;               /* NULL before the login */
	int spid;
	struct report_entry *entry;

	/* faults and captures (inject.h) */
	enum phase phase;    /* PHASE_REQUEST once logged in */
	uint64_t packets[2]; /* of the message in work, in and out */
	uint64_t statement;  /* number of the request */
	const char *text;    /* of the request that came last, or NULL */
	struct buf text_buf;
	bool swallow; /* the rest of the message is not sent */
	bool closing; /* after this answer */
	struct capture_conn capture;

	bool reset_ack;    /* the next answer says that the session was reset */
	struct sink *sink; /* the bulk load that is announced goes there */
	struct prepared prepared;
	struct buf request;   /* the message in work */
	uint64_t transaction; /* descriptor, 0 outside of one */
	struct buf older;     /* a row for a client that is */
	uint64_t rows;        /* sent */
};

/* Takes the descriptor over. */
struct conn *conn_new(struct server *s, int fd, int spid);
void conn_free(struct conn *c);
/* Serves it to its end. */
void conn_run(struct conn *c);

/* A message of the server's own outside of the engine, and the end of an answer with an error. */
void conn_error(struct conn *c, int32_t number, uint8_t severity, uint8_t state, const char *fmt,
	...) PRINTF(5, 6);

#endif
