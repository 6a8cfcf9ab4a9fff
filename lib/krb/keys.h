/*
 * keys - a keytab's keys, read by Heimdal after we have looked at the file.
 */
#ifndef KRB_KEYS_H
#define KRB_KEYS_H

#include "base/err.h"
#include "krb/krb.h"

struct krb_session;

/* Sets s->keytab. ERR_CONFIG: there is none, it is open to others, or it is none. */
MUST_CHECK int keys_open(struct krb_session *s, struct err *err);

/* Two bytes of a digest of the newest keys: enough to tell them from others of the same number (ktpass can make
 * such), as the check values of hardware modules are, and too few to look for a password with. */
#define KEYS_VERSION_MAX 24

struct keys_client {
	char name[KRB_NAME_MAX + 1];
	unsigned kvno;
	char version[KEYS_VERSION_MAX + 1]; /* "3-5f2a" */
};

/* Sets s->client: whose ticket, as said in 'principal' or the keytab's first one. Its newest keys must be of use
 * (AES, or RC4 by option). ERR_CONFIG. */
MUST_CHECK int keys_choose_client(struct krb_session *s, struct keys_client *ret, struct err *err);

#endif
