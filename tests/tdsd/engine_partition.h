/*
 * engine_partition - partition functions and schemes, and the tables that are on them; for engine_*.c only.
 *
 * A table's rows are in one place all the same: which partition a row is in is computed where the
 * catalog tells of it. All indexes of a table are partitioned as it is.
 */
#ifndef TDSD_ENGINE_PARTITION_H
#define TDSD_ENGINE_PARTITION_H

#include "tests/tdsd/engine_translate.h"

int exec_create_partition(struct session *s, struct stmt *st);
int drop_partition(struct session *s, struct stmt *st, const struct name *name);
/* A new table, ON scheme(column); nothing where the definition has none. */
int partition_place(struct session *s, struct table *t, const struct table_def *def);
/* Is it partitioned? Then error 4911 is set. */
int partition_refuses_switch(struct session *s, const struct table *t);
int functions_register_partition(struct session *s);

#endif
