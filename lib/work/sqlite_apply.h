/*
 * sqlite_apply - staged rows into the target table: what each load mode does.
 *
 * One INSERT … SELECT for append; replace and truncate delete all rows before it;
 * merge changes the rows with the same key where a value differs, adds those that
 * are new, and deletes those that the source does not have any more if it is told
 * to. Triggers, constraints and foreign keys of the table hold. `check` comes before
 * the transaction, `rows` within it.
 */
#ifndef WORK_SQLITE_APPLY_H
#define WORK_SQLITE_APPLY_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "db/db.h"
#include "work/sqlite_move.h"
#include "work/sqlite_table.h"
#include "work/target.h"

struct sqlite_apply {
	/* borrowed */
	struct db *db;
	const struct job *job;
	const struct sqlite_table *table;
	const struct sqlite_fit *fit;
	struct sqlite_move *move;
	struct rejects *rejects;
	struct arena *arena;
	uint64_t staged;
	bool full; /* an incremental load of everything: without keys it replaces what is there */

	/* set by keys() */
	uint32_t *keys, n_keys; /* source columns */
	bool merges;		/* an incremental load with keys does, too */
};

/* The key columns that a merge needs are there. Before any row is read; `keys` live in the arena. */
MUST_CHECK int sqlite_apply_keys(struct sqlite_apply *p, struct err *err);

/* Rows without a key and keys that stand twice: ERR_DATA. */
MUST_CHECK int sqlite_apply_check(struct sqlite_apply *p, struct err *err);

/* *ret_rows: added and changed. */
MUST_CHECK int sqlite_apply_rows(struct sqlite_apply *p, uint64_t *ret_rows, struct err *err);

/* Why a commit failed with a foreign key that points nowhere: the rows are named. */
void sqlite_apply_explain(struct sqlite_apply *p, struct err *err);

#endif
