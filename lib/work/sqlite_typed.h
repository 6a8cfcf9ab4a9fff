/*
 * sqlite_typed - SQLite's dynamic values in columns of one type.
 *
 * A value becomes the same value of the column's type (tds/convert.h), or is
 * refused: nothing is rounded, cut or guessed. Pure.
 */
#ifndef WORK_SQLITE_TYPED_H
#define WORK_SQLITE_TYPED_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "db/db.h"
#include "tds/convert.h"

/*
 * The type of a column that is declared like this in SQLite: bigint for INTEGER and BOOLEAN, float
 * for REAL, DOUBLE and for DECIMAL without digits, decimal(p,s), varchar(max) for texts, dates and
 * times (SQLite has no type of its own for those), varbinary(max) for BLOB. Sets all but name and
 * nullability. ERR_CONFIG when that says nothing of what is in it; NULL is no declaration.
 */
MUST_CHECK int sqlite_type_declared(
	const char *declared, struct tds_column *ret_column, struct err *err);

/* How the values of a column are made. */
struct sqlite_typed {
	const struct tds_column *to; /* borrowed */
	bool strict; /* texts are texts only, bytes bytes, numbers numbers; else "12" is 12, too */
	struct tds_conversion plan;
};

/* `to` is not TDS_SQLITE. ERR_CONFIG when no value can become one of it. */
MUST_CHECK int sqlite_typed_init(
	struct sqlite_typed *t, const struct tds_column *to, bool strict, struct err *err);

/* A value for tds_encode. ERR_DATA says what would have been lost, without the column's name. The
 * result borrows the value's bytes, or `scratch`. */
MUST_CHECK int sqlite_typed_value(const struct sqlite_typed *t, const struct db_value *value,
	struct buf *scratch, struct tds_value *ret_value, struct err *err);

#endif
