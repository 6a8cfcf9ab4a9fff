/*
 * statements - the SQL of the store, prepared.
 *
 * All of it is the table in statements_table.h; the connection's dialect chooses
 * the text. Parameters are @names, bound by position in the order of their first
 * appearance. Each statement is prepared when it is first used and kept.
 */
#ifndef JOB_STATEMENTS_H
#define JOB_STATEMENTS_H

#include "db/db.h"
#include "job/statements_table.h"

enum statement {
#define X(name, sqlite, tsql) ST_##name,
	STATEMENTS(X)
#undef X
		STATEMENT_COUNT
};

const char *statements_text(enum db_dialect dialect, enum statement id);

struct statements {
	struct db *db; /* borrowed */
	struct db_stmt *v[STATEMENT_COUNT];
};

void statements_release(struct statements *s);

/* The statement belongs to the table: reset it when a result is left before its end. */
MUST_CHECK int statements_get(struct statements *s, enum statement id, struct db_stmt **ret_stmt,
	struct err *err);

/*
 * With its parameters bound: `types` has a letter for each of them in the order of their first
 * appearance: i int64_t, r double, t const char * (NULL: null). Texts are borrowed until the
 * statement is done.
 */
MUST_CHECK int statements_bind(struct statements *s, enum statement id, struct db_stmt **ret_stmt,
	struct err *err, const char *types, ...);

/* Bound and run to its end, rows ignored. */
MUST_CHECK int statements_run(struct statements *s, enum statement id, struct err *err,
	const char *types, ...);

#endif
