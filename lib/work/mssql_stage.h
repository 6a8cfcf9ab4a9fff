/*
 * mssql_stage - the staging table of a load in a SQL Server, and the connections that fill it.
 *
 * The table stands in the target's schema and is called etl_stage_<run>_<fence>; it has no
 * index, so that several connections can fill it at once (mssql_lane.h). etl_stage_<run>_<fence>_new is
 * the one that is to take the target's place (mssql_twin.h); where it can have the rows as they come it is
 * the staging table itself. Blocks.
 */
#ifndef WORK_MSSQL_STAGE_H
#define WORK_MSSQL_STAGE_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "db/mssql_login.h"
#include "work/mssql_lane.h"
#include "work/target.h"

struct mssql_stage {
	const char *table; /* in brackets, with its schema; NULL: it was not made */
	const char *twin; /* likewise; NULL: there is none, or it is the table */
	struct tds_columns columns; /* that it has, but for the number of a row */
	struct tds_columns loaded; /* with it, where rows are numbered (mssql_rows.h) */
	const char **collations;
	struct mssql_lane_table lane_table;
	struct mssql_lane *lanes;
	uint32_t n;
};

/* Drops staging tables in the schema ("[dw]") whose run is not open in the ledger, or under another fence. */
MUST_CHECK int mssql_stage_sweep(struct db *db, const char *schema, struct err *err);

/* "[dw].[etl_stage_<run>_<fence>]", with "_new" for a twin. */
const char *mssql_stage_name(const struct load *load, const char *schema, bool twin, struct arena *a);

struct mssql_stage_plan {
	const char *name, *create; /* the table, and the statement that makes it */
	const char *index; /* its clustered index, made at once; NULL: none */
	const char *order; /* of the rows that come, where it has one */
	uint64_t batch_rows; /* see mssql_lane_table */
};

/* Makes the table, and opens the lanes. All but `db` and the login's contents must outlive it. */
MUST_CHECK int mssql_stage_open(struct mssql_stage *s, struct db *db,
	const struct mssql_stage_plan *plan, const struct mssql_fit *fit, const struct tds_columns *cols,
	const struct mssql_login *login, uint32_t lanes, struct arena *a, struct err *err);

/* All lanes have ended: *ret_rows is how many the table has. The lanes' connections end. */
MUST_CHECK int mssql_stage_seal(struct mssql_stage *s, struct db *db, uint64_t *ret_rows, struct err *err);

/* What the table gives back. */
MUST_CHECK int mssql_stage_digest(
	struct mssql_stage *s, struct db *db, struct digest *ret_digest, struct err *err);

/* Zeroed is fine, twice is fine; the table stays. */
void mssql_stage_close(struct mssql_stage *s);
/* Quietly: who sweeps next drops what is left. */
void mssql_stage_drop(struct mssql_stage *s, struct db *db);

#endif
