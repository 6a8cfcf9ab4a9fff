/* engine_dml - what statements that change rows share; for engine_*.c only. */
#ifndef TDSD_ENGINE_DML_H
#define TDSD_ENGINE_DML_H

#include "tests/tdsd/engine_translate.h"

void target_set(struct session *s, const struct table *t, const char *verb);
/* Locks, begins the statement and finds the table; on failure the statement is ended. */
int target_open(struct session *s, const struct from *f, const char *verb, struct arena *a,
	struct table **ret);
int output_translate(struct session *s, const struct stmt *st, struct table *t, const char *what,
	const char *old_table, struct buf *sql, struct translated *ret);
int dml_run(struct session *s, const struct stmt *st, const struct table *t, const char *sql,
	const struct translated *output, int64_t *ret_count);
/* The value of a column that nothing is said of. */
int dml_default(
	struct session *s, struct translator *tr, const struct table_column *c, struct term *ret);
int dml_finished(struct session *s, int rc, uint16_t command, int64_t count);

/* Identity values: from the catalog before, back into it behind. */
int identity_open(struct session *s, const struct table *t, const struct table_column **ret);
int identity_close(struct session *s, const struct table *t, const struct table_column *c,
	bool explicit_values);
const char *identity_value(struct session *s, const struct table_column *c, struct arena *a);

#endif
