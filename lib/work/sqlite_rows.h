/*
 * sqlite_rows - rows of batches into the records of a staging file.
 *
 * The inner loop of a load: decode a TDS row, encode an SQLite record. Values
 * get the form that the target column's affinity asks for, and keep their
 * value; what the column cannot keep is ERR_DATA with the row's number.
 */
#ifndef WORK_SQLITE_ROWS_H
#define WORK_SQLITE_ROWS_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "tds/row.h"
#include "work/batch.h"
#include "work/digest.h"
#include "work/reject.h"
#include "work/sqlite_pages.h"
#include "work/sqlite_table.h"

#define SQLITE_ROW_MAX (1024u * 1024 * 1024) /* bytes of one row; SQLite's own limit is 10^9 */

struct sqlite_put;

struct sqlite_rows {
	const char *table; /* the target's name, for messages */
	struct sqlite_pages *pages; /* borrowed */
	struct sqlite_put *put;	    /* one per source column; in the arena of init */
	uint32_t n;
	uint8_t *header, *body; /* of the record; the header is in that arena, too */
	size_t body_size;
	struct buf joined; /* a value of several chunks */
	struct buf scratch; /* text of a code page as UTF-8 */
	bool code_pages;   /* there is such text */
	struct buf row;	   /* a fragmented row so far, */
	uint64_t first;	   /* and its number from 0 */
	uint64_t rows;	   /* added */
	uint64_t rejected;
	struct rejects *rejects;   /* borrowed; NULL: a row that cannot be stored is an error */
	const uint32_t *keys;	   /* columns that name a rejected row; borrowed */
	uint32_t n_keys;
	bool digesting;
	struct digest digest; /* of the rows added */
};

/* `cols` and the arena must outlive `r`. */
MUST_CHECK int sqlite_rows_init(struct sqlite_rows *r, const struct sqlite_table *t,
	const struct sqlite_fit *fit, const struct tds_columns *cols, struct sqlite_pages *pages,
	struct arena *a, struct err *err);
void sqlite_rows_release(struct sqlite_rows *r); /* zeroed is fine, twice is fine */

/* Adds a row of a staging file, as SQLite gives it back, to a digest. */
MUST_CHECK int sqlite_rows_read_back(struct sqlite_rows *r, struct db_stmt *stmt, int columns,
	struct digest *d, struct err *err);

/* Adds all rows of the batch; ERR_LIMIT for a fragmented row that is too long. */
MUST_CHECK int sqlite_rows_write(struct sqlite_rows *r, const struct batch *b, struct err *err);

#endif
