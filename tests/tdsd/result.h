/*
 * result - column lists and rows in the form that a client's version takes.
 *
 * COLMETADATA (MS-TDS 2.2.7.4), ROW and NBCROW (2.2.7.19, 2.2.7.15) from the rows of
 * tds/row.h. RPC parameters and bulk columns are read by the same rules.
 */
#ifndef TDSD_RESULT_H
#define TDSD_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "tds/type.h"
#include "tests/tdsd/bytes.h"
#include "tests/tdsd/options.h"
#include "tests/tdsd/token.h"

/* The token and what belongs to it. */
void result_columns(struct wire *w, enum tds_level level, const struct tds_columns *cols);
/* TYPE_INFO */
void result_type(struct wire *w, const struct tds_column *c);

/* One 0xD1 row of these columns. */
void result_row(struct wire *w, enum tds_level level, enum nbc_policy nbc,
	const struct tds_columns *cols, const uint8_t *row, size_t len);

/* The same as bytes: an NBCROW where the policy wants one, else the row. `out` has room for the row
 * and a bit per column; returns the length. */
size_t result_nbc_row(uint8_t *out, enum nbc_policy nbc, const struct tds_columns *cols,
	const uint8_t *row, size_t len);

/* A value in its column's form begins at b->p: passes over it. False when it is none. */
bool result_skip_value(struct bytes *b, const struct tds_column *c, bool *ret_null);

/* The columns of a bulk load, behind the token (text, ntext and image with one table name).
 * ERR_DATA also where more bytes are needed: that cannot be told from what is wrong. */
MUST_CHECK int result_take_bulk_columns(struct bytes *b, enum tds_level level, struct arena *a,
	struct tds_columns *ret_columns, struct err *err);

#endif
