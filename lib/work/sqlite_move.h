/*
 * sqlite_move - staged rows into the target table, the middle of a publish.
 *
 * One INSERT … SELECT from the attached staging file; row by row where the
 * database is in UTF-16, which SQLite does not attach to a UTF-8 file.
 */
#ifndef WORK_SQLITE_MOVE_H
#define WORK_SQLITE_MOVE_H

#include "base/arena.h"
#include "base/err.h"
#include "db/db.h"
#include "work/sqlite_table.h"

struct sqlite_move {
	struct db *db;	  /* borrowed */
	struct db *stage; /* open when the encodings differ, else NULL: attached */
};

/* Makes the staging file at `path` readable, before the transaction begins. */
MUST_CHECK int sqlite_move_init(struct sqlite_move *m, struct db *db, const char *path,
	struct err *err);
/* After the transaction has ended. */
void sqlite_move_release(struct sqlite_move *m);

/* Within the transaction. *ret_rows is what the table took. */
MUST_CHECK int sqlite_move_rows(struct sqlite_move *m, const struct sqlite_table *t,
	const struct sqlite_fit *fit, struct arena *a, int64_t *ret_rows, struct err *err);

#endif
