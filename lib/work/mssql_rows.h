/*
 * mssql_rows - rows of batches into the bulk data of a staging table.
 *
 * Columns that pass are copied, neighbours at once; of values of (max) types only the header
 * is another (bulk data has no total length there: docs/design.md §5). Columns that are
 * converted are decoded, one by one; what cannot be converted is a reject. A row that is
 * larger than a batch passes in parts unless one of its columns is converted, or rows are
 * digested.
 */
#ifndef WORK_MSSQL_ROWS_H
#define WORK_MSSQL_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "tds/type.h"
#include "work/batch.h"
#include "work/digest.h"
#include "work/mssql_table.h"
#include "work/reject.h"

#define MSSQL_ROWS_MAX (1024u * 1024 * 1024) /* bytes of a row that is converted */

/* The column of staging that has the number of a row, where rows are kept aside: bigint not null, the last. */
#define MSSQL_ROW_NUMBER     "etl_row"
#define MSSQL_ROW_NUMBER_LEN 8
#define MSSQL_ROW_LANE_SHIFT 40 /* a lane's number_base is its number from 0, shifted by this */

struct mssql_step;

struct mssql_rows {
	struct mssql_step *steps;
	uint32_t n;
	const struct mssql_fit *fit; /* borrowed */
	const struct tds_columns *cols; /* of the source; borrowed */
	const uint32_t *keys;		/* columns that name a rejected row; borrowed */
	uint32_t n_keys;
	struct rejects *rejects; /* borrowed; NULL: a row that cannot be loaded is an error */
	bool whole;   /* rows are needed whole */
	bool as_is;   /* and nothing is done to them */
	bool digesting;
	bool numbered;		/* rows end in their number from 1, 8 bytes: MSSQL_ROW_NUMBER */
	uint64_t number_base;	/* is added to it */
	struct digest digest;
	struct buf out;	   /* what a call of mssql_rows_take gave */
	struct buf row;	   /* a row in parts so far, */
	uint64_t first;	   /* and its number from 0 */
	struct buf joined, scratch, canonical;
	uint64_t rows, rejected; /* given; not given */
	uint32_t step; /* of a row in parts, where it stands */
	bool in_row;
};

/* `cols`, `fit` and the arena must outlive `r`. */
MUST_CHECK int mssql_rows_init(struct mssql_rows *r, const struct mssql_fit *fit,
	const struct tds_columns *cols, struct arena *a, struct err *err);
void mssql_rows_release(struct mssql_rows *r); /* zeroed is fine, twice is fine */

/* Does a row in parts wait until it is whole? */
bool mssql_rows_whole(const struct mssql_rows *r);

/* The bulk data of the batch; it lives until the next call, or as long as the batch. */
MUST_CHECK int mssql_rows_take(struct mssql_rows *r, const struct batch *b, const void **ret_data,
	size_t *ret_len, struct err *err);

/* A numbered row that was given is a reject, since the server does not take it: `why` is what it said,
 * `column` NULL where it names none. The row begins with its token; NULL: it is the one in parts that was given
 * last. It is no longer in `rows` and `digest`. As rejects_add. */
MUST_CHECK int mssql_rows_refused(struct mssql_rows *r, const uint8_t *row, size_t len, const char *column,
	struct err *why);

/* Adds a row of these columns to a digest: null or not, length and bytes of each value, whatever the form
 * of them is. `row` begins with its token. `joined` and `canonical` are scratch. */
MUST_CHECK int mssql_rows_digest(const struct tds_columns *cols, const uint8_t *row, size_t len,
	struct buf *joined, struct buf *canonical, struct digest *d, struct err *err);

#endif
