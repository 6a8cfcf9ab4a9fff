/*
 * mssql_picture - which moment of a database the sessions of a source see.
 *
 * One session reads in a SNAPSHOT transaction where the database allows that, or at the
 * isolation level of its connection. Several cannot share a snapshot; they see one state only
 * of a database that does not change (a database snapshot, a read-only one), or through a
 * gate: a shared lock on the table that is held until each of them has made its first read in
 * a snapshot of its own (docs/design.md §5). All else is no one picture, and the job says
 * whether it is read all the same.
 */
#ifndef WORK_MSSQL_PICTURE_H
#define WORK_MSSQL_PICTURE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "db/db.h"
#include "db/mssql_login.h"
#include "work/source.h"

struct mssql_picture {
	enum mssql_isolation isolation; /* as it is, never MSSQL_ISOLATION_AUTO */
	bool one;			/* all ranges see the same state */
	bool gated;			/* by the gate */
	struct db *gate;		/* holds the lock; NULL: none, or not any more */
	const char *how, *seen; /* in words, as a sentence and for the run's lineage */
};

/*
 * Decides, for the session of range 0, before it reads. `table` is the table's name in parts, as
 * tsql_name_parse gives them, NULL for a query. `fallback` is said after `auto` has met a database that allows
 * no snapshots. In `a`. ERR_CONFIG for what is no one picture and has to be.
 */
MUST_CHECK int mssql_picture_find(struct db *db, const struct source_request *request, const char *const *table,
	bool fallback, struct arena *a, struct mssql_picture *ret, struct err *err);

/* Waits for the lock, by a session of its own. Nothing where there is no gate. */
MUST_CHECK int mssql_picture_close_gate(struct mssql_picture *p, const struct mssql_login *login,
	const char *table, struct arena *a, struct err *err);
/* Each session has read. Zeroed is fine, twice is fine. */
void mssql_picture_open_gate(struct mssql_picture *p);

/* The session's transaction as the picture has it; of a gated one, its first read. `table` as above, printed. */
MUST_CHECK int mssql_picture_enter(const struct mssql_picture *p, struct db *db, const char *table,
	struct arena *a, struct err *err);

enum log_level mssql_picture_level(const struct mssql_picture *p);

#endif
