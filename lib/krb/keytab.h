/*
 * keytab - the file: whose it is, and is its content a keytab from its first byte to its last?
 *
 * krb_keytab_check and krb_keytab_version are here too (krb.h). keytab_is_whole is pure.
 * Heimdal frees what it has not set when a record is cut; so what it is given is looked at before.
 * Format: MIT's "keytab file format", version 0x0502.
 */
#ifndef KRB_KEYTAB_H
#define KRB_KEYTAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/settings.h"

bool keytab_is_whole(const uint8_t *data, size_t len);

/* ERR_CONFIG: 'o->keytab' cannot be read, or is none. */
MUST_CHECK int keytab_check_content(const struct kerberos_options *o, struct err *err);
int keytab_is_none(const struct kerberos_options *o, struct err *err); /* says so; -1 */

#endif
