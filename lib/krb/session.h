/*
 * session - what one task needs of Heimdal: a context, and what is opened in it.
 *
 * Only lib/krb sees it. The pointers are those of krb5.h (krb5_context, krb5_principal …) by their structs'
 * names, so that who merely hands a session on does without the library's header; scripts/layers lists the
 * few sources that do include it.
 */
#ifndef KRB_SESSION_H
#define KRB_SESSION_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/settings.h"
#include "krb/krb.h"

struct krb_session {
	const struct kerberos_options *o;
	struct krb5_context_data *ctx;
	struct Principal *client;
	struct krb5_keytab_data *keytab;
	struct krb5_ccache_data *cache;
};

MUST_CHECK int krb_session_open(const struct kerberos_options *o, struct krb_session *ret, struct err *err);
void krb_session_release(struct krb_session *s); /* also one that was not opened */

/* A context with this krb5.conf, and nothing of another. -1. */
MUST_CHECK int krb_context_of(const struct buf *conf, struct krb5_context_data **ret);

/* "name@REALM". -1: no memory. */
int krb_unparse(struct krb_session *s, const struct Principal *p, char out[KRB_NAME_MAX + 1]);

/* krb_explain, with the library's words. Returns -1. */
int krb_fail(struct krb_session *s, int32_t code, uint32_t nt_status, const char *what, struct err *err);

#endif
