/*
 * cache - where tickets are kept: a file that is replaced in one piece, or memory of this process.
 *
 * krb_cache_name, krb_cache_open and what follows it are here too (krb.h).
 */
#ifndef KRB_CACHE_H
#define KRB_CACHE_H

#include "base/err.h"
#include "krb/krb.h"

struct krb5_creds;
struct krb_session;

/* The cache holds this ticket and nothing else. ERR_AUTH: it is one of RC4, which is not allowed; ERR_IO. */
MUST_CHECK int cache_store(struct krb_session *s, struct krb5_creds *creds, struct err *err);

/* Sets s->cache and s->client. ERR_NOT_FOUND. */
MUST_CHECK int cache_open(struct krb_session *s, struct err *err);

/* Its ticket-granting ticket, also when it has expired. ERR_NOT_FOUND. */
MUST_CHECK int cache_read(struct krb_session *s, struct krb_ticket *ret, struct err *err);

void cache_describe(struct krb_session *s, const struct krb5_creds *creds, struct krb_ticket *ret);

#endif
