/*
 * csv_increment - which rows of files an incremental load takes.
 *
 * Those whose watermark_column is above the last load's watermark, less the job's
 * lookback. A file cannot be asked, so all of it is read, and the greatest value
 * that was seen is the next watermark. No I/O.
 */
#ifndef WORK_CSV_INCREMENT_H
#define WORK_CSV_INCREMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "job/job.h"
#include "tds/type.h"
#include "tds/value.h"

struct csv_increment {
	bool on; /* the load is incremental */
	uint32_t column;
	const struct tds_column *type;
	const char *from; /* NULL: every row is taken */
	struct tds_value above;
	bool seen; /* any row */
	struct tds_value max;
	struct buf text; /* of max */
};

/* `fields` of the columns are those of the files. ERR_CONFIG when there is no such column or its type has
 * no order; ERR_DATA when the watermark is not of that type. Everything is borrowed or in the arena. */
MUST_CHECK int csv_increment_init(struct csv_increment *inc, const struct job *job, const char *from,
	const struct tds_columns *cols, uint32_t fields, struct arena *a, struct err *err);
void csv_increment_release(struct csv_increment *inc); /* zeroed is fine */

/* A row's value in that column: is the row to be taken? */
bool csv_increment_take(struct csv_increment *inc, const struct tds_value *v);

/* The next watermark; NULL: no row was seen. Into the arena. */
const char *csv_increment_to(const struct csv_increment *inc, struct arena *a);

#endif
