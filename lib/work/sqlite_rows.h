/*
 * sqlite_rows - rows of batches into an INSERT statement.
 *
 * The inner loop of a load: decode, bind, step. Values are bound so that the
 * target column's affinity changes their form but never their value; what it
 * cannot keep is ERR_DATA with the row's number.
 */
#ifndef WORK_SQLITE_ROWS_H
#define WORK_SQLITE_ROWS_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "db/db.h"
#include "tds/row.h"
#include "work/batch.h"
#include "work/sqlite_table.h"

#define SQLITE_ROW_MAX (1024u * 1024 * 1024) /* bytes of one row; SQLite's own limit is 10^9 */

struct sqlite_put;

struct sqlite_rows {
	const struct tds_columns *cols; /* borrowed, as is the statement's connection */
	struct db_stmt *insert;
	struct sqlite_put *put; /* one per source column; in the arena of init */
	struct buf row;	 /* a fragmented row so far */
	uint64_t rows;	 /* inserted */
};

/* `t` and `map` are those of sqlite_table_match; the arena must outlive `r`. */
MUST_CHECK int sqlite_rows_init(struct sqlite_rows *r, struct db *db, const struct sqlite_table *t,
	const int *map, const struct tds_columns *cols, struct arena *a, struct err *err);
void sqlite_rows_release(struct sqlite_rows *r); /* zeroed is fine, twice is fine */

/* Inserts all rows of the batch; ERR_LIMIT for a fragmented row that is too long. */
MUST_CHECK int sqlite_rows_write(struct sqlite_rows *r, const struct batch *b, struct err *err);

#endif
