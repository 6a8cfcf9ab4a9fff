/*
 * krb - tickets from keytabs, in files or in memory, by Heimdal.
 *
 * Everything it needs is said in [kerberos]: no /etc/krb5.conf, no passwd entry, no HOME. Where KRB5_CONFIG
 * is set, that file counts instead. A ticket is always had anew from the keytab (an AS exchange), never
 * renewed: it costs the same, needs no renewable ticket, and brings new group memberships along.
 *
 * The key of an account is tried once. A KDC that refuses it counts that as a wrong password, and a domain
 * locks the account after a few of them; so the refusal is written down beside the ccache (or, without one,
 * in a directory of this user's below /tmp), with the key's version, for all processes of this host that
 * use that account, until the keytab has another one. Who must know it beyond this host is told by krb_share.
 *
 * Blocking, as long as [kerberos] timeout for each KDC; may be called from any thread.
 */
#ifndef KRB_KRB_H
#define KRB_KRB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/settings.h"
#include "krb/enctype.h"

#define KRB_NAME_MAX	 512
#define KRB_KEYS_MAX	 64	  /* of a keytab that are looked at */
#define KRB_KEYTAB_MAX	 (1 << 20) /* bytes */
#define KRB_SKEW_WARN_S	 60
#define KRB_SKEW_LIMIT_S 300 /* what domains and servers bear by default */

/* Once per process, before any thread: tells Heimdal the configuration. ERR_CONFIG. */
MUST_CHECK int krb_start(const struct kerberos_options *o, struct err *err);

/* Those that have the same key elsewhere: one of them shows it to a KDC, and the others hear what came of it. */
struct krb_key_version {
	const char *principal, *version; /* "3-5f2a": the number, and two bytes that tell keys of one number apart */
};
enum krb_turn { KRB_TURN_OURS, KRB_TURN_REFUSED, KRB_TURN_ALONE /* nobody could be asked */ };
struct krb_sharing {
	/* Blocks for timeout_ms or so while another one tries it. What needs a ticket itself may ask for it: it gets
	 * one that is there, or one of another account. */
	enum krb_turn (*begin)(void *arg, const struct krb_key_version *key, int64_t timeout_ms, bool force,
		void **ret_turn);
	/* After KRB_TURN_OURS. */
	void (*end)(void *arg, void *turn, bool refused);
	void *arg;
};
/* Once per process, before any thread; `s` stays. Nobody shares where it is not called. */
void krb_share(const struct krb_sharing *s);

struct krb_ticket {
	char principal[KRB_NAME_MAX + 1];
	char enctype[KRB_ENCTYPE_MAX + 1]; /* of its session key */
	int64_t start, end;		   /* s since 1970 */
	bool has_skew;
	int64_t skew_s; /* the KDC's clock less ours */
};

/* A new ticket from the keytab, kept in the cache. `force`: also where the key was refused before.
 * ERR_CONFIG (keytab), ERR_AUTH (the KDC refuses), ERR_NETWORK (no KDC answers). */
MUST_CHECK int krb_obtain(const struct kerberos_options *o, bool force, struct krb_ticket *ret, struct err *err);

/* The ticket in the cache. ERR_NOT_FOUND: there is none; ERR_AUTH: it has expired. */
MUST_CHECK int krb_read(const struct kerberos_options *o, struct krb_ticket *ret, struct err *err);

/* A ticket that serves, obtained where the cache's is past its half; a KDC that is away is no error while the
 * old one lasts. Errors as of the two. */
MUST_CHECK int krb_ensure(const struct kerberos_options *o, struct krb_ticket *ret, struct err *err);

/* Can others have a ticket with this keytab, as far as we know? Its key was not refused, and we have one that
 * serves. `anew`: what is in the cache does not count, a KDC is asked. Errors as of krb_obtain and krb_read. */
MUST_CHECK int krb_verify(const struct kerberos_options *o, bool anew, struct err *err);

/* "FILE:…" or "MEMORY:…": where the tickets are. */
const char *krb_cache_name(const struct kerberos_options *o, struct arena *a);

/* The cache as gss_krb5_import_cred wants it (a krb5_ccache), until krb_cache_close. */
struct krb_cache;
MUST_CHECK int krb_cache_open(const struct kerberos_options *o, struct krb_cache **ret, struct err *err);
void *krb_cache_handle(struct krb_cache *c);
void krb_cache_close(struct krb_cache *c); /* NULL is fine */

/* A keytab's keys, without the keys. */
struct krb_key {
	char principal[KRB_NAME_MAX + 1];
	char enctype[KRB_ENCTYPE_MAX + 1];
	unsigned kvno;
	bool is_aes;
};
MUST_CHECK int krb_keytab_read(const struct kerberos_options *o, struct krb_key *keys, size_t *ret_n, struct err *err);
/* That only its owner may read it (its group by option); ERR_CONFIG with what it has. */
MUST_CHECK int krb_keytab_check(const struct kerberos_options *o, struct err *err);
/* Changes with the file: to see that it was replaced; no key's version. 0: there is none. */
uint64_t krb_keytab_version(const struct kerberos_options *o);

/* A ticket for a service, from the cache's. ERR_NOT_FOUND: the KDC knows no such principal. */
struct krb_service {
	char server[KRB_NAME_MAX + 1];
	char ticket_enctype[KRB_ENCTYPE_MAX + 1]; /* that the service's own key has */
	char enctype[KRB_ENCTYPE_MAX + 1];
	bool ticket_is_aes;
	int64_t end;
};
MUST_CHECK int krb_service_ticket(const struct kerberos_options *o, const char *spn, struct krb_service *ret,
	struct err *err);

/* One KDC asked over one protocol, with nothing but a name: does it answer, and what is its clock?
 * ERR_NETWORK. */
MUST_CHECK int krb_probe(const struct kerberos_options *o, const char *host, uint16_t port, bool tcp,
	int64_t *ret_skew_s, struct err *err);

/* Of the library, as it tells it: "7.8.0"; constant. */
const char *krb_version(void);

#endif
