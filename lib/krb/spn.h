/*
 * spn - the principal of a SQL Server that listens on TCP. Pure.
 *
 * "Register a Service Principal Name for Kerberos Connections" (Microsoft Learn): MSSQLSvc/FQDN:port, also
 * for a named instance, whose port the Browser tells.
 */
#ifndef KRB_SPN_H
#define KRB_SPN_H

#include <stddef.h>
#include <stdint.h>

#include "base/settings.h"

#define SPN_MAX 512

/* `canonical`: the host's name as the resolver has it (a CNAME's target, the full name of a short one);
 * it counts where it has a dot, or `host` has none. The realm is that of domain_realm; without one there is
 * none in it. -1: longer than SPN_MAX. */
int spn_make(const struct kerberos_options *o, const char *spn, const char *host, const char *canonical,
	uint16_t port, char out[SPN_MAX + 1]);

#endif
