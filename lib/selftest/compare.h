/*
 * compare - two answers, value by value. Pure.
 *
 * Values are the same when their bytes are; where a type has more than one form for the same value (chunks of
 * (max), text pointers), its content counts.
 */
#ifndef SELFTEST_COMPARE_H
#define SELFTEST_COMPARE_H

#include "base/buf.h"
#include "base/err.h"
#include "tds/type.h"

#define COMPARE_MAX (64u * 1024 * 1024) /* bytes of an answer */

/* Rows back to back, as MS-TDS has them (tds/row.h). */
struct compare_rows {
	const struct tds_columns *columns;
	const uint8_t *data;
	size_t len;
};

/* Types, names, nullability of columns, then rows. ERR_DATA with the first row (from 1) and column that differ. */
MUST_CHECK int compare_columns(const struct tds_columns *a, const struct tds_columns *b, struct err *err);
MUST_CHECK int compare_rows(const struct compare_rows *a, const struct compare_rows *b, struct err *err);

#endif
