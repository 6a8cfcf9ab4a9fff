/*
 * huge - a row with a value of any length, made as it is sent: as long as a (max) type can have.
 *
 *	SELECT * FROM tdsd_huge_<bytes>_<varchar | varbinary>              id int, v of that many bytes, tail int
 *	SELECT rows, bytes, hash FROM tdsd_huge_<bytes>_<…>                what a sink says of it
 */
#ifndef TDSD_HUGE_H
#define TDSD_HUGE_H

#include <stdbool.h>

#include "tests/tdsd/reply.h"

/* False when the table is none of these: nothing was done. */
bool huge_run(struct reply *r, const char *table, bool hash);

#endif
