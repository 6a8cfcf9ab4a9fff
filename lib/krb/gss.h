/*
 * gss - our side of a GSSAPI conversation with a server (RFC 2743), with Kerberos (RFC 4121) or SPNEGO
 * around it (RFC 4178); the one place with gssapi.h.
 *
 * The server must prove itself too (mutual authentication). Blocking: a service ticket that the cache lacks is
 * asked of a KDC. A conversation belongs to one thread at a time.
 */
#ifndef KRB_GSS_H
#define KRB_GSS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/settings.h"

struct gss;

struct gss_wish {
	const struct kerberos_options *kerberos;
	const char *spn; /* "MSSQLSvc/host:port", with or without "@REALM" */
	enum kerberos_mechanism mechanism;
	bool delegate;
	const void *binding; /* "tls-unique:…" (RFC 5929); length 0: none */
	size_t binding_len;
};

MUST_CHECK int gss_new(const struct gss_wish *wish, struct gss **ret, struct err *err);
void gss_free(struct gss *g); /* NULL is fine */

/* The peer's token (none at first) in, ours out: it lives until the next call. ERR_AUTH, ERR_NETWORK. */
MUST_CHECK int gss_step(struct gss *g, const void *in, size_t in_len, const void **ret_out, size_t *ret_out_len,
	struct err *err);
/* The server has proven who it is. */
bool gss_is_complete(const struct gss *g);

#endif
