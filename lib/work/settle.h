/*
 * settle - what an attempt that failed leaves in its target.
 *
 * No end without the target's word (docs/design.md §3, rule 4): before a run ends
 * as failed or cancelled its ledger row is revoked, and where that finds it
 * published the run has succeeded: its commit arrived, and the reply was lost
 * (rule 5). Where another attempt will follow the row stays open, and the target
 * is only asked. Used by every step that has a target; may block.
 */
#ifndef WORK_SETTLE_H
#define WORK_SETTLE_H

#include <stdbool.h>

#include "base/err.h"
#include "work/step.h"
#include "work/target.h"

struct settling {
	const struct target_ops *ops;
	struct target *target; /* NULL: it could not be opened */
	bool again;	       /* another attempt of the run will follow */
	bool first;	       /* no attempt of the run had a target before this one */
};

/* After the error `why`, which gets a hint when the target cannot be asked. DONE: published, there is
 * no error any more. */
enum step_end settle(const struct settling *s, struct err *why);

/* The run's row, as targets want it; borrows from the host. */
struct load settle_load(struct step_host *host);

/* step_ops.settle of every step that has a target: opens it, withdraws the run, on a thread of its
 * own. */
MUST_CHECK int settle_run(struct step_host *host, const char *reason, enum step_end *ret_end,
	struct err *err);

#endif
