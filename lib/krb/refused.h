/*
 * refused - keys that a KDC has refused, written down for all processes of this user on this host.
 *
 * A file beside the ccache, or in /tmp/etl-krb5-UID (a directory that is ours alone, or it does not count),
 * named for the principal; in it the key's version (keys.h). Best effort: what cannot be written is tried again,
 * as without it.
 */
#ifndef KRB_REFUSED_H
#define KRB_REFUSED_H

#include <stdbool.h>

#include "base/settings.h"

bool refused_before(const struct kerberos_options *o, const char *principal, const char *version);
void refused_remember(const struct kerberos_options *o, const char *principal, const char *version);
void refused_forget(const struct kerberos_options *o, const char *principal);

#endif
