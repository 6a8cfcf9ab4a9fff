/*
 * mssql_quiet - triggers and constraints of a target table that are not to see the rows of a load.
 *
 * fire_triggers = no and check_constraints = no: those that are enabled are disabled within the
 * transaction that publishes, and enabled again at its end, constraints without a look at the rows: the server
 * does not trust them from then on. It takes Sch-M.
 */
#ifndef WORK_MSSQL_QUIET_H
#define WORK_MSSQL_QUIET_H

#include "base/arena.h"
#include "base/err.h"
#include "db/db.h"
#include "job/job.h"
#include "work/mssql_table.h"
#include "work/mssql_twin.h"

struct mssql_quiet {
	struct mssql_statements off, on;
};

/* Empty where the job leaves all as it is. */
MUST_CHECK int mssql_quiet_read(struct db *db, const struct job *job, const struct mssql_table *table,
	struct arena *a, struct mssql_quiet *ret_quiet, struct err *err);

#endif
