/*
 * keeper - a ticket that never ends: obtained, and obtained again before it does.
 *
 * A new one is due at half of its life, up to a tenth later by chance, and at once when the keytab is another
 * file. What fails is tried again with growing pauses; the old ticket stays where it is.
 */
#ifndef KRB_KEEPER_H
#define KRB_KEEPER_H

#include "base/clock.h"
#include "base/err.h"
#include "base/settings.h"
#include "krb/krb.h"

struct keeper {
	const struct kerberos_options *options;
	const struct clock *clock;
	const struct rnd *rnd;
	/* Waits up to so many ms; true: leave. */
	bool (*wait)(void *arg, int64_t ms);
	void (*obtained)(void *arg, const struct krb_ticket *t);
	/* `t`: the ticket that still serves, or NULL. */
	void (*failed)(void *arg, const struct krb_ticket *t, const struct err *err);
	void *arg;
};

/* Until `wait` says so. ERR_CONFIG at the start only: a keytab that is none, a cache that cannot be written. */
MUST_CHECK int keeper_run(const struct keeper *k, bool force, struct err *err);

#endif
