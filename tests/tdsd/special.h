/*
 * special - statements that never reach the engine: the generator and the sinks.
 *
 *	SELECT * | columns FROM tdsd_generate_<rows>_<shape>   rows as fast as they go (shape.h)
 *	SELECT rows, bytes, hash FROM tdsd_generate_…          what a sink would say to them
 *	SELECT CAST(MIN(id) AS bigint), CAST(MAX(id) AS bigint) FROM tdsd_generate_…
 *	INSERT BULK tdsd_sink… (…)                             a load that is counted (sink.h)
 *	SELECT rows, bytes, hash FROM tdsd_sink…
 *	SELECT * FROM tdsd_sink_<shape>…                       its columns, no rows
 *	SET FMTONLY ON SELECT … SET FMTONLY OFF                the columns of either
 *	TRUNCATE TABLE tdsd_sink…
 *	SELECT … FROM tdsd_huge_…                              a row with a value of any length (huge.h)
 *
 * Schema and database before the name, an alias, brackets, TOP (n), WITH (…), conditions that cut a
 * range of id (with numbers or parameters) and ORDER BY id are taken. What looks otherwise
 * goes to the engine: who wants metadata of a generator in the catalog makes a table of its name
 * and columns.
 */
#ifndef TDSD_SPECIAL_H
#define TDSD_SPECIAL_H

#include <stdbool.h>

#include "tests/tdsd/reply.h"

/* False when it is none: nothing was done. */
bool special_run(struct reply *r, const char *sql);

#endif
