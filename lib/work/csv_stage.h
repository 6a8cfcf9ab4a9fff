/*
 * csv_stage - the file of a load while it is written, beside the one it will replace.
 *
 * `.etl-stage-<run>-<fence>.<name>`: hidden, so that no pattern takes it for a table.
 * Its owner holds flock(2) on it for as long as it lives; one whose lock nobody holds
 * is a leftover, unless the ledger says that it is to be renamed (csv_ledger.h).
 * Lanes may be written by a thread each.
 */
#ifndef WORK_CSV_STAGE_H
#define WORK_CSV_STAGE_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/err.h"
#include "base/settings.h"
#include "tds/type.h"
#include "work/batch.h"
#include "work/digest.h"
#include "work/reject.h"

#define CSV_STAGE_PREFIX    ".etl-stage-"
#define CSV_STAGE_WITHDRAWN ".withdrawn" /* behind it: it is never to be renamed */

struct csv_stage;

struct csv_stage_request {
	const char *dir, *name; /* of the file that it will replace; all are borrowed */
	const char *run_uid;
	int64_t fence;
	const struct csv_format *format;
	const struct tds_columns *cols;
	uint32_t lanes;
	struct rejects *rejects;
	bool digesting;
	const atomic_bool *cancel;
};

/* What is in it. */
struct csv_staged {
	uint64_t rows, rejected;
	struct digest digest;
};

/* ERR_BUSY when another process is at the same run and fence. */
MUST_CHECK int csv_stage_open(
	const struct csv_stage_request *request, struct csv_stage **ret_stage, struct err *err);

/* NULL is fine. `keep`: the file stays, for whoever has to see whether it is there. */
void csv_stage_close(struct csv_stage *s, bool keep);

MUST_CHECK int csv_stage_write(
	struct csv_stage *s, uint32_t lane, const struct batch *b, struct err *err);

/* All is on the disk, and was read back: as many rows as were written, of the same digest. */
MUST_CHECK int csv_stage_finish(
	struct csv_stage *s, struct csv_staged *ret_staged, struct err *err);

const char *csv_stage_name(const struct csv_stage *s); /* in its directory */

/* Rows of a file of that format, counted up to `max`. */
MUST_CHECK int csv_stage_count(const char *path, const struct csv_format *format, uint64_t max,
	const atomic_bool *cancel, uint64_t *ret_rows, struct err *err);

/* Removes leftovers in the directory but those that `is_wanted` says. What cannot be removed is
 * left to the next attempt. */
void csv_stage_sweep(const char *dir, bool (*is_wanted)(void *arg, const char *name), void *arg);

/* Somebody holds its lock. */
bool csv_stage_is_held(const char *path);

#endif
