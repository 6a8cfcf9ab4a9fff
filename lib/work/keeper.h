/*
 * keeper - the worker's thread that talks to the store.
 *
 * It renews the lease, writes the log, sees a cancellation, and makes the calls
 * that other threads ask for, each on its one connection. A store that cannot be
 * reached ends nothing: the lines wait, a call is repeated (docs/design.md §3,
 * rule 2), and the run is lost only when the store says so. Lines are stored
 * before a call that was made after them.
 */
#ifndef WORK_KEEPER_H
#define WORK_KEEPER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/settings.h"
#include "job/queue.h"
#include "job/store.h"

#define KEEPER_LINES_MAX 10000	/* that wait for the store; further ones are counted, and that is
				   * said in their place */
#define KEEPER_RENEW_MAX_MS 5000 /* between two looks at the store, however long the lease */

struct keeper;

/* The store becomes the keeper's, the rest is borrowed. *cancel is set by it when the run was lost or
 * is to be cancelled; once *leave is set by others, calls wait for the store no longer than a
 * moment. */
MUST_CHECK int keeper_start(const struct settings *settings, struct store *store,
	const struct run *run, const struct clock *clock, atomic_bool *cancel,
	const atomic_bool *leave, struct keeper **ret_keeper, struct err *err);

/* Writes what lines are left, closes the store. NULL is fine. */
void keeper_stop(struct keeper *k);

bool keeper_lost(struct keeper *k);	 /* the run is somebody else's now */
bool keeper_cancelled(struct keeper *k); /* somebody wants it cancelled */

/* For the run's log. Does not block. */
void keeper_say(struct keeper *k, enum log_level level, const char *text);
/* Stored with the next renewal. */
void keeper_progress(struct keeper *k, const char *line);

/*
 * Makes the call on the keeper's thread. While the store cannot be reached it is repeated: for
 * `patience_ms`, or (-1) until the run is lost or *leave is set. An error of the call itself is
 * returned at once. It must not rely on having been made once only: a reply can be lost.
 */
MUST_CHECK int keeper_call(struct keeper *k, int (*call)(struct store *s, void *arg, struct err *err),
	void *arg, int patience_ms, struct err *err);

/* Renews now; the same patience. ERR_LEASE_LOST: stop. */
MUST_CHECK int keeper_renew(struct keeper *k, int patience_ms, struct err *err);

#endif
