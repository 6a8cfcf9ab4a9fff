/*
 * shape - made-up rows of a kind, as bytes that are ready to be sent.
 *
 * Column 0 is always the row's number, `id int not null`, so rows differ although
 * the others come round again every SHAPE_ROWS rows.
 *
 *	mixed10   int, bigint, decimal(18,4), money, float, datetime2(3), nvarchar(50),
 *	          varchar(50), uniqueidentifier, bit
 *	nulls10   the same, a quarter of it null
 *	every     a column of each type that a server can send, some null
 *	long      (max) values of 0 to 20,000 bytes
 *	narrow    id alone
 *	lineitem  TPC-H's sixteen columns, the first of them the number
 */
#ifndef TDSD_SHAPE_H
#define TDSD_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "tds/type.h"
#include "tests/tdsd/options.h"

#define SHAPE_ROWS 256

struct shape {
	struct tds_columns columns;
	bool nulls;    /* there are some */
	bool plain;    /* no (max) and old types */
	uint8_t *data; /* SHAPE_ROWS rows back to back, tds/row.h */
	size_t len;
	uint32_t start[SHAPE_ROWS + 1];
};

/* NULL when there is none of that name; lives in `a`. */
struct shape *shape_make(const char *name, struct arena *a);

/* Those of its columns that are named; NULL where one is not known. */
struct shape *shape_pick(
	const struct shape *s, const char *const *names, uint32_t n, struct arena *a);

/* Its rows as the policy has them on the wire: NBCROWs. */
struct shape *shape_nbc(const struct shape *s, enum nbc_policy nbc, struct arena *a);

/* Writes the rows' numbers from `first` on, where the shape has its column 0 in that place. */
void shape_number(struct shape *s, uint32_t first);

#endif
