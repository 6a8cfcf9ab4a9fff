/*
 * store_move - a store on SQLite becomes one on another engine, under the same identity.
 *
 * Jobs, their history, runs, events and logs go over as they are, with their numbers and uids, in one
 * transaction of the new store, so that what targets know of them stays true. The old store is
 * marked first, and nobody opens it from then on: one identity in two places would order everything twice.
 * If that is interrupted, the same call again goes on.
 */
#ifndef JOB_STORE_MOVE_H
#define JOB_STORE_MOVE_H

#include <stdint.h>

#include "base/err.h"
#include "base/settings.h"

struct store_move {
	int64_t jobs, runs, rows; /* rows: of all tables */
	bool done_before;	  /* nothing was left to do */
};

/* `to` was made by store_init and is still empty. `progress` may be NULL; it is called every so many rows.
 * ERR_BUSY while the old store has a controller or a run with a worker; ERR_CONFIG when the old one is not on
 * SQLite or the new one has something in it. */
MUST_CHECK int store_move(const struct settings *from, const struct settings *to,
	void (*progress)(void *arg, const char *table, int64_t rows), void *arg,
	struct store_move *ret_move, struct err *err);

#endif
