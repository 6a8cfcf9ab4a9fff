/*
 * values - columns of every TDS type, and values for them: random and extreme
 * ones, the same every time.
 */
#ifndef UNIT_VALUES_H
#define UNIT_VALUES_H

#include <stddef.h>
#include <stdint.h>

#include "tds/row.h"

#define VALUES_COLUMNS_MAX 160
#define VALUES_LEN_MAX     4096 /* bytes of text or a blob in a (max) column */

/* All types, forms, sizes and scales. Each is named by its type. */
size_t values_columns(struct tds_column out[VALUES_COLUMNS_MAX]);

/* What a declaration says, or one of "sqlite", "udt", "old text", "old ntext", "old image",
 * "numeric(…)", "fixed int", … Fails the test when it is none. */
struct tds_column values_column(const char *type);

uint64_t values_random(uint64_t *seed);

/* A value that the column can have, never null; one in eight is at an end of the range. Text and
 * bytes are in `room`; text has whole characters. */
struct tds_value values_value(
	const struct tds_column *c, uint64_t *seed, uint8_t room[VALUES_LEN_MAX]);

/* Kind and value are the same, NaN and the zeros' signs included. */
bool values_same(const struct tds_value *a, const struct tds_value *b);

#endif
