/*
 * sspi - logins with a ticket: the server's side, by Heimdal's own acceptor and a keytab.
 *
 * Kerberos, or SPNEGO around it (MS-TDS 2.2.6.4, 2.2.6.8, 2.2.7.22). With channel binding required the
 * client's must be that of this TLS session (tls-unique), as Extended Protection = Required has it.
 */
#ifndef TDSD_SSPI_H
#define TDSD_SSPI_H

#include "base/arena.h"
#include "base/err.h"
#include "tests/tdsd/conn.h"

struct sspi_peer {
	const char *principal; /* in the arena of the connection */
	bool delegated;	       /* it has given us its ticket */
	unsigned legs;
};

/* Takes the token of LOGIN7, and more of them where there are some. 1: it is who it says; what is to be sent
 * before the answer is in c->sspi_out. 0: it is not, and the server's log says why. -1: it is gone. */
MUST_CHECK int sspi_accept(struct conn *c, struct sspi_peer *ret_peer, struct err *err);

#endif
