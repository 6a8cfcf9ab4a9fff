/*
 * gssapi - FreeTDS's login with tickets, in our hands.
 *
 * gssapi.c stands in for FreeTDS's src/tds/gssapi.c, which uses whatever credential the environment has, binds
 * nothing to the channel, and takes a login for done before the server has proven itself. It defines all that
 * that file defines, so the linker leaves the archive's member alone. libtds calls it when a login has no
 * user name. Who speaks to Kerberos is told by the socket's parent (struct tls_wishes in tds/tls.h).
 */
#ifndef TDS_GSSAPI_H
#define TDS_GSSAPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GSSAPI_BINDING_MAX 64

struct gssapi_peer {
	const char *host;
	uint16_t port;
	const void *binding; /* "tls-unique:" and the handshake's verify data (RFC 5929 §3); length 0 without TLS */
	size_t binding_len;
};

struct gssapi_login {
	/* Our token for the server's (none at first; then `peer` counts). It lives until the next call. -1: no. */
	int (*step)(void *arg, const struct gssapi_peer *peer, const void *in, size_t in_len, const void **ret_out,
		size_t *ret_out_len);
	void *arg;
};

#endif
