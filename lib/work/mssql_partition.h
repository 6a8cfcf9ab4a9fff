/*
 * mssql_partition - the partitions of a table of a SQL Server, as ranges to read it in.
 *
 * A range that is whole partitions is read from those only: the server eliminates the others
 * (docs/design.md §5). Whatever the catalog says, what comes of it are bounds, and each row is in one
 * range. `db` is borrowed; blocks on its queries. Nothing fails: a table that is not partitioned, and a
 * catalog that the login or the engine does not show, give nothing.
 */
#ifndef WORK_MSSQL_PARTITION_H
#define WORK_MSSQL_PARTITION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "db/db.h"

struct mssql_partition {
	const char *function; /* that the bounds are boundary values of */
	bool left;	      /* RANGE LEFT: a bound belongs to the range below it */
	const char **bounds;  /* of each range but the first where it begins, as SQL; they rise */
};

/* The column that the table is partitioned by; NULL: none. `table` is printed, of the session's database. */
const char *mssql_partition_column(struct db *db, const char *table, struct arena *a);

/*
 * The bounds of n ranges, of about the same number of rows each. false: the table is not partitioned by that
 * column, by values that are read in ranges, or fewer than n of its partitions have rows.
 */
bool mssql_partition_bounds(struct db *db, const char *table, const char *column, uint32_t n, struct arena *a,
	struct mssql_partition *ret);

#endif
