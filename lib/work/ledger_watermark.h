/*
 * ledger_watermark - how far the loads of a job have read, in a target that is a database.
 *
 * Table etl_load_watermark (etl.load_watermark in SQL Server) beside the ledger: a row for each move, by a load or
 * by hand; the last one holds. A load moves it in the transaction that publishes,
 * and only if it is still the one that it was read from: two loads from the same
 * watermark cannot both publish (docs/design.md §3, rule 4). `db` is borrowed.
 */
#ifndef WORK_LEDGER_WATERMARK_H
#define WORK_LEDGER_WATERMARK_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "db/db.h"
#include "work/target.h"

#define LEDGER_WATERMARK_TABLE "etl_load_watermark"

/* *ret_text is NULL and *ret_seq 0 when there is none yet. */
MUST_CHECK int ledger_watermark_read(struct db *db, const char *job_uid, struct arena *a,
	int64_t *ret_seq, const char **ret_text, struct err *err);

/* Within a transaction. `seq` is that of the one it was read from, -1: whichever stands there.
 * ERR_TARGET when another one stands there now. `run_uid` is NULL by hand. */
MUST_CHECK int ledger_watermark_move(struct db *db, const char *job_uid, const char *run_uid,
	int64_t seq, const char *to, struct err *err);

/* The move of a load that is published: none unless it is incremental and has read up to somewhere. One
 * that has read the whole table takes the place of whichever watermark stands there. */
MUST_CHECK int ledger_watermark_publish(struct db *db, const struct load *load, int64_t seq,
	const struct load_end *end, struct err *err);

#endif
