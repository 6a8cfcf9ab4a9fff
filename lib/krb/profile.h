/*
 * profile - what Heimdal is told in place of an /etc/krb5.conf. Pure.
 *
 * No reverse DNS, ever: whoever answers for an address would choose whom we prove ourselves to.
 */
#ifndef KRB_PROFILE_H
#define KRB_PROFILE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/settings.h"

#define PROFILE_MAX (64u << 10)
#define PROFILE_KDCS_MAX 32

/* krb5.conf(5). ERR_CONFIG for a kdc or domain_realm that is none. */
MUST_CHECK int profile_write(const struct kerberos_options *o, struct buf *ret_text, struct err *err);

/* The next "host" or "host:port" of a list with commas: 1, 0 at its end, -1. A realm's KDCs by their order. */
MUST_CHECK int profile_next_kdc(const char **list, char *host, size_t size, uint16_t *ret_port, struct err *err);

/* The realm that domain_realm has for a host: the longest of the names that fit; NULL: none. The words are
 * copied to `out`. As in krb5.conf a leading dot is for all that lies below. */
const char *profile_realm(const char *domain_realm, const char *host, char *out, size_t size);

#endif
