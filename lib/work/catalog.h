/*
 * catalog - the tables of a source, as far as jobs for them are proposed from it.
 *
 * Each driver has a function of its own; catalog_find is the table of them. Opens
 * and closes the connection, may block; everything lives in the arena.
 */
#ifndef WORK_CATALOG_H
#define WORK_CATALOG_H

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/settings.h"

#define CATALOG_TABLES_MAX 10000

struct catalog_table {
	const char *name;
	const char *key_columns; /* of its primary key, as a job lists them; NULL: it has none */
	const char *watermarks;	 /* columns that may only grow, the best first, likewise; NULL: none */
};

/* Tables whose name the pattern matches (fnmatch(3): *, ?, [abc]), by name. ERR_CONFIG for a driver
 * that has no catalog. */
MUST_CHECK int catalog_list(const struct connection *conn, const char *pattern, struct arena *a,
	struct catalog_table **ret_tables, size_t *ret_n, struct err *err);

/* The jobs file that loads them: one job a table, what they have in common in [defaults]. Pure. */
struct buf;
void catalog_jobs(const struct catalog_table *tables, size_t n, const char *source,
	const char *target, struct arena *a, struct buf *out);

#endif
