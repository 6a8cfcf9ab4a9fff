/*
 * exchange - asking a KDC: for a ticket with a keytab's key (the AS exchange, RFC 4120 §3.1), for a service
 * ticket (§3.3), or merely what time it is there.
 *
 * krb_service_ticket and krb_probe are here too (krb.h). Blocking, as long as [kerberos] timeout for each KDC.
 */
#ifndef KRB_EXCHANGE_H
#define KRB_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

struct krb5_creds;
struct krb_session;

/* What the KDC said beside the ticket. */
struct exchange {
	int32_t refusals;   /* of the key */
	uint32_t nt_status; /* Active Directory's reason (krb/explain.h) */
	bool has_skew;
	int64_t skew_s; /* the KDC's clock less ours */
};

/* A ticket for s->client with a key of s->keytab; *ret is exchange_free's then. Returns 0 or an error number
 * (krb/explain.h); `x` is filled in both cases. */
int32_t exchange_ask(struct krb_session *s, struct krb5_creds **ret, struct exchange *x);
void exchange_free(struct krb_session *s, struct krb5_creds *creds); /* wipes the session key; NULL is fine */

#endif
