/*
 * recover - the runs that a target's ledger knows and the store does not.
 *
 * A store that was restored from a backup, copied or made anew has lost runs
 * which its targets have loaded (docs/design.md §3, rule 6). They become runs of
 * the store again, over; what one of them left open is withdrawn first, so that
 * a worker of that lost time cannot publish any more.
 */
#ifndef WORK_RECOVER_H
#define WORK_RECOVER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/settings.h"
#include "job/job.h"
#include "job/store.h"

enum recovered_end { RECOVERED_PUBLISHED, RECOVERED_WITHDRAWN };

struct recovered {
	const char *run_uid, *order_key, *opened_at;
	int64_t rows; /* -1: not known */
	enum recovered_end end;
	int64_t run_id; /* 0: a dry run */
};

/* The runs of one job; none for a kind without a target. Releases the job, unless it is a dry run. */
MUST_CHECK int recover_job(const struct settings *settings, struct store *store,
	const struct job *job, const char *actor, bool dry_run, struct arena *a,
	struct recovered **ret_v, size_t *ret_n, struct err *err);

#endif
