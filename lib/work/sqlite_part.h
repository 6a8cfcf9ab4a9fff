/*
 * sqlite_part - which rows of a relation are read: those above a watermark,
 * those of one range.
 *
 * SQLite has one order for all values (numbers, texts, blobs), so that ranges
 * between any values hold every row once, whatever is in the column; nulls are
 * in the first one. A watermark must be of one sort: beside numbers a text would
 * never be seen again.
 */
#ifndef WORK_SQLITE_PART_H
#define WORK_SQLITE_PART_H

#include "base/arena.h"
#include "base/err.h"
#include "db/db.h"
#include "job/job.h"
#include "work/sqlite_relation.h"

struct sqlite_part {
	const char *watermark; /* the column, quoted; NULL: all rows */
	struct db_value above; /* DB_NULL: from the beginning */
	const char *to;        /* up to where the rows go; NULL: there are none */
	const char *ranges;    /* the column, quoted; NULL: there is one range */
	uint32_t n_ranges;
	struct db_value *bounds; /* n_ranges - 1 of them: where each range but the first begins; the
				  * rest is DB_NULL where the column has no values */
};

/* What the job says: above `watermark` (NULL: from the beginning), less its lookback, when it is
 * incremental; in `ranges` of its partition_column. In the transaction that the rows are read in;
 * reads the database. ERR_CONFIG, ERR_DATA for a watermark that does not hold. */
MUST_CHECK int sqlite_part_find(struct db *db, const struct sqlite_relation *r,
	const struct job *job, const char *watermark, uint32_t ranges, struct arena *a,
	struct sqlite_part *ret_part, struct err *err);

/* The statement that reads them, of range 0 … n_ranges - 1. The values are borrowed from the part.
 */
MUST_CHECK int sqlite_part_prepare(struct db *db, const struct sqlite_relation *r,
	const struct sqlite_part *part, uint32_t range, struct arena *a, struct db_stmt **ret_stmt,
	struct err *err);

#endif
