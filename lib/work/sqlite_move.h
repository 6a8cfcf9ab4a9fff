/*
 * sqlite_move - staged rows where SQL on the target can see them.
 *
 * The staging files are attached while a publish lasts. SQLite does not attach
 * UTF-8 files to a database in UTF-16: there the rows go through a temporary
 * table. Used before and within the transaction, never beyond the connection.
 */
#ifndef WORK_SQLITE_MOVE_H
#define WORK_SQLITE_MOVE_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "db/db.h"
#include "work/sqlite_table.h"

#define SQLITE_MOVE_MAX 8 /* staging files; SQLite attaches ten databases at most */

struct sqlite_move {
	struct db *db;	  /* borrowed */
	uint32_t attached;
	const char *rows; /* what SQL selects from: columns c0, c1, … of the rows */
	bool numbered;	  /* it has a rowid, the number of the row */
};

/* Makes the staging files at `paths` readable, before the transaction begins. Release it in any case. */
MUST_CHECK int sqlite_move_init(struct sqlite_move *m, struct db *db, const char *const *paths,
	uint32_t n, const struct sqlite_fit *fit, struct arena *a, struct err *err);
/* After the transaction has ended. */
void sqlite_move_release(struct sqlite_move *m);

/* An index over columns of the rows, "c0, c3". */
MUST_CHECK int sqlite_move_index(struct sqlite_move *m, const char *columns, struct arena *a,
	struct err *err);

/* "VALUES (?1, ?2, …)" for n of them. */
const char *sqlite_move_values(int n, struct arena *a);

/* Binds a column of a row to a parameter as it is. */
void sqlite_move_bind(struct db_stmt *to, int pos, struct db_stmt *from, int col);

#endif
