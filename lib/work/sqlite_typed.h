/*
 * sqlite_typed - SQLite's dynamic values in columns of one type.
 *
 * A value becomes the same value of the column's type, or is refused: nothing is
 * rounded, cut or guessed. Pure.
 */
#ifndef WORK_SQLITE_TYPED_H
#define WORK_SQLITE_TYPED_H

#include <stdbool.h>

#include "base/err.h"
#include "db/db.h"
#include "tds/type.h"
#include "tds/value.h"

/*
 * The type of a column that is declared like this in SQLite: bigint for INTEGER and BOOLEAN, float
 * for REAL, DOUBLE and for DECIMAL without digits, decimal(p,s), varchar(max) for texts, dates and
 * times (SQLite has no type of its own for those), varbinary(max) for BLOB. Sets all but name and
 * nullability. ERR_CONFIG when that says nothing of what is in it; NULL is no declaration.
 */
MUST_CHECK int sqlite_type_declared(
	const char *declared, struct tds_column *ret_column, struct err *err);

/*
 * A value that is not null, for a column that is not TDS_SQLITE. ERR_DATA says what would have been
 * lost, without the column's name. `strict`: texts are texts only, bytes bytes, numbers numbers;
 * else they are converted where that is exact: "12" to 12 and back. The result borrows the value's
 * bytes, or `scratch`.
 */
MUST_CHECK int sqlite_value_typed(const struct tds_column *c, bool strict,
	const struct db_value *value, char scratch[TDS_PRINT_MAX], struct tds_value *ret_value,
	struct err *err);

#endif
