/*
 * csv_ledger - exactly once for a file that is renamed into place.
 *
 * The ledger (ledger.h) is a small database of its own beside the files.
 * Renaming and the ledger's row cannot be one transaction, so there are two, and a
 * mark in between that says which staged file is about to be renamed:
 *
 *	mark	(transaction)  the row is open under our fence; the mark is made
 *	rename	staged file -> file
 *	publish	(transaction)  open -> published; the mark goes
 *
 * Whoever finds a mark (begin, revoke, or another run that is to replace the same
 * file) settles it under the ledger's write lock: it renames the staged file away,
 * behind its own name. That works: the owner's rename has not happened and never
 * will (it finds no file); the row is open as before. There is no staged file: it was
 * renamed into place, and the row becomes published. Of the two renames one
 * succeeds, whoever is killed when; a staged file that was renamed away stays until
 * the mark is gone. docs/design.md §3, rules 3 to 5.
 */
#ifndef WORK_CSV_LEDGER_H
#define WORK_CSV_LEDGER_H

#include <stdint.h>

#include "base/err.h"
#include "db/db.h"
#include "work/reject.h"
#include "work/target.h"

#define CSV_LEDGER_FILE ".etl_ledger.db"

struct csv_ledger {
	struct db *db;
	const char *dir; /* the connection's, with the database in it */
	const char *sub; /* of the load's file within it: "" or "2024/" */
	const struct load *load;
};

struct csv_mark {
	const char *staging; /* the staged file's name in dir/sub */
	int64_t loads;       /* of the file by others, when this one began */
	uint64_t rows;
	const struct rejects *rejects;
	const char *digest; /* NULL: none */
};

/* See target.h; *ret_loads is the number of loads of the file by others. */
MUST_CHECK int csv_ledger_begin(
	struct csv_ledger *l, enum ledger_state *ret_state, int64_t *ret_loads, struct err *err);
MUST_CHECK int csv_ledger_revoke(
	struct csv_ledger *l, const char *reason, enum ledger_state *ret_state, struct err *err);

/* ERR_TARGET when another run has loaded the file since this one began. */
MUST_CHECK int csv_ledger_mark(struct csv_ledger *l, const struct csv_mark *mark, struct err *err);

/* After the rename; found published by somebody else is the same. */
MUST_CHECK int csv_ledger_publish(struct csv_ledger *l, struct err *err);

#endif
