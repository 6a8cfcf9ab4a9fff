/*
 * engine_trigger - AFTER triggers: what runs behind a statement that changed rows.
 *
 * A trigger is an object TR of its table's catalog; its text is a batch that sees
 * the tables inserted and deleted. An error within undoes the transaction.
 */
#ifndef TDSD_ENGINE_TRIGGER_H
#define TDSD_ENGINE_TRIGGER_H

#include "tests/tdsd/engine_translate.h"

struct triggers {
	const char **bodies;
	size_t n;
	int64_t last_row; /* INSERT: rows above it are new */
};

int exec_create_trigger(struct session *s, struct stmt *st);

/* Those of the table for 'I', 'U' or 'D'. Error 334 when the statement gives rows to the caller. */
int triggers_open(struct session *s, const struct stmt *st, const struct table *t, char event,
	struct triggers *ret);

/* Runs them. `new_rows` and `old_rows` are what follows FROM for the two tables, NULL: none. */
int triggers_run(struct session *s, const struct table *t, const struct triggers *tr,
	const char *new_rows, const char *old_rows, int64_t count);

#endif
