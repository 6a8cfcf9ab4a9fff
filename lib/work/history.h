/*
 * history - does the store know what its target has loaded?
 *
 * A store that was restored from a backup, copied, or made anew has forgotten
 * loads that its target's ledger knows, and would order them again
 * (docs/design.md §3, rule 6). An attempt asks before it begins.
 */
#ifndef WORK_HISTORY_H
#define WORK_HISTORY_H

#include "base/err.h"
#include "work/step.h"
#include "work/target.h"

/* ERR_HELD, with what to do, when the ledger has a load of this job that the store does not know. A
 * job that loads the same however often it runs (replace, idempotent) is only told of other stores'
 * loads. */
MUST_CHECK int history_check(struct step_host *host, const struct target_ops *ops, struct target *t,
	struct err *err);

#endif
