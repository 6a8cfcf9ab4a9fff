/*
 * mssql_rules - staged rows that the target table would refuse, found before it is asked to take them.
 *
 * For on_reject = keep. What no column could hold was a reject on the way to staging (mssql_rows.h,
 * mssql_lane.h). What only the table's rules say is looked for here: CHECK and foreign key constraints,
 * unique indexes, xml. One statement a rule, which reads the target and locks nothing for long; the
 * rows go from staging to the rejects. Of rows that are the same to a unique index the first one stays.
 * Whatever else refuses a row when it is published - a trigger, a computed column - fails the load.
 * Blocks.
 */
#ifndef WORK_MSSQL_RULES_H
#define WORK_MSSQL_RULES_H

#include <stdint.h>

#include "base/err.h"
#include "work/mssql_apply.h"
#include "work/reject.h"

struct mssql_rules {
	const struct mssql_apply *apply; /* borrowed; its rows are numbered */
	const char *const *made_keys;	 /* the primary key of a table that is yet to be made */
	uint32_t n_made_keys;
	const uint32_t *keys; /* source columns that name a rejected row */
	uint32_t n_keys;
	struct rejects *rejects;
};

/* *ret_refused is how many rows are no longer in staging. ERR_DATA as rejects_add. */
MUST_CHECK int mssql_rules_hold(const struct mssql_rules *r, uint64_t *ret_refused, struct err *err);

#endif
