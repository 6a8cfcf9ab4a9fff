/*
 * kerberos_key - a key of a keytab is shown to a KDC by one process at a time, and no more once it was refused.
 *
 * A domain counts a refused key as a wrong password and locks the account after a few; of all that share a
 * store one finds that out. A key is named by its principal and version, which says nothing of the key itself.
 * Who takes its turn and does not come back holds the others up until its time is over.
 */
#ifndef JOB_KERBEROS_KEY_H
#define JOB_KERBEROS_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "job/store.h"

struct kerberos_key {
	const char *principal, *version;
	const char *holder; /* us: unique */
};

enum kerberos_key_turn {
	KERBEROS_KEY_OURS,    /* until kerberos_key_end, or so many ms */
	KERBEROS_KEY_REFUSED, /* nobody tries it again */
	KERBEROS_KEY_BUSY,    /* another one still has it */
};

/* Waits up to wait_ms for those before us. `force`: also what was refused, and whoever has it. */
MUST_CHECK int kerberos_key_begin(struct store *s, const struct kerberos_key *k, int64_t wait_ms, int64_t hold_ms,
	bool force, enum kerberos_key_turn *ret, struct err *err);

/* What the KDC said: `refused`, or anything else. */
MUST_CHECK int kerberos_key_end(struct store *s, const struct kerberos_key *k, bool refused, struct err *err);

#endif
