/*
 * mssql_lane - a connection that fills a staging table, by INSERT BULK.
 *
 * Without rejects all of a lane's rows are one statement, or as many as the job wants. With them a load ends at
 * MSSQL_KEPT_BYTES, and what it was given is kept until the server has taken it: of a load that
 * is refused for its rows none is there, so it is given again in halves, until the rows that are to
 * blame stand alone. Those are rejects, and why is what the server says of them. A row that comes in
 * parts is a load of its own, and is not kept.
 *
 * A lane belongs to one thread at a time. Blocks.
 */
#ifndef WORK_MSSQL_LANE_H
#define WORK_MSSQL_LANE_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "db/mssql_bulk.h"
#include "db/mssql_login.h"
#include "work/mssql_rows.h"

#define MSSQL_KEPT_BYTES (16u * 1024 * 1024) /* of all lanes of a table; a row is never cut */

/* What the lanes of a table have in common. */
struct mssql_lane_table {
	struct mssql_bulk_options options; /* of their INSERT BULK */
	bool keeps;	   /* rows that the server refuses are rejects */
	uint64_t kept_max; /* bytes, of each lane */
	uint64_t batch_rows; /* a load has at least so many, and the batch in which they are full; 0: all */
};

struct mssql_lane {
	const struct mssql_lane_table *table; /* borrowed */
	struct db *db;
	struct mssql_bulk *bulk; /* once there are rows */
	struct mssql_rows rows;
	struct buf kept;
	struct tds_plan *plan; /* of what is kept */
	bool in_parts; /* a row that is */
	uint64_t in_load; /* rows, without rejects */
};

/* All but the login itself must outlive the lane, which is number `i` from 0. */
MUST_CHECK int mssql_lane_open(struct mssql_lane *l, const struct mssql_lane_table *table, uint32_t i,
	const struct mssql_fit *fit, const struct tds_columns *cols, const struct mssql_login *login,
	struct arena *a, struct err *err);

MUST_CHECK int mssql_lane_write(struct mssql_lane *l, const struct batch *b, struct err *err);

/* All rows are given: what the server has not refused is in the table. */
MUST_CHECK int mssql_lane_end(struct mssql_lane *l, struct err *err);

/* Zeroed is fine, twice is fine. */
void mssql_lane_close(struct mssql_lane *l);

/* Which of the columns the server's message is about: it says "column 'c3'", "(c3)" or "colid 4"; NULL: none
 * of them. */
const struct tds_column *mssql_lane_column(const struct tds_columns *staged, const char *message);

#endif
