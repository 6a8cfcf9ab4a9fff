/*
 * infer - what type a column of texts has, so that nothing is lost.
 *
 * Every value of the column is shown once; the verdict is one of
 *
 *	bigint		integers as they would be printed: no leading zeros ("00501"), no
 *			plus, no "-0", no blanks, within 64 bits
 *	float		numbers whose double, printed with as many digits, is the same number
 *			(41.1304722, 1.50 and 48.053808600000004 are,
 *			0.12345678901234567890 is not);
 *			integers among them must be within ±2^53, where all are exact
 *	varchar(max)	everything else, and columns without values
 *
 * and not null when no null was seen among at least one value. Pure.
 */
#ifndef WORK_INFER_H
#define WORK_INFER_H

#include <stdbool.h>
#include <stddef.h>

#include "tds/type.h"

/* Zero-initialise. */
struct infer {
	bool null;    /* one was seen */
	bool integer; /* one was seen */
	bool real;    /* one that is not an integer was seen */
	bool inexact; /* an integer that is not exact in a double was seen */
	bool text;    /* something that is neither was seen: the type is settled */
};

void infer_null(struct infer *in);
void infer_value(struct infer *in, const char *text, size_t len);

/* Sets all of the column but the name. */
void infer_result(const struct infer *in, struct tds_column *ret_column);

#endif
