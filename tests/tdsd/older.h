/*
 * older - results for clients that do not know their types.
 *
 * As SQL Server does: below TDS 7.3 date, time, datetime2 and datetimeoffset become
 * nvarchar; below 7.2 the (max) types, xml and CLR types become text, ntext and image.
 */
#ifndef TDSD_OLDER_H
#define TDSD_OLDER_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "tds/type.h"
#include "tests/tdsd/token.h"

/* The columns as that client has them, in `a`; false when they are the same. */
bool older_columns(enum tds_level level, const struct tds_columns *cols, struct arena *a,
	struct tds_columns *ret_columns);

/* A row of `from` as one of `to`, into `out`. */
MUST_CHECK int older_row(const struct tds_columns *from, const struct tds_columns *to,
	const uint8_t *row, size_t len, struct buf *out, struct err *err);

/* One value. */
MUST_CHECK int older_value(const struct tds_column *from, const struct tds_column *to,
	const uint8_t **p, const uint8_t *end, struct buf *out, struct err *err);

#endif
