/* engine_ddl - what DDL statements share; for engine_*.c only. */
#ifndef TDSD_ENGINE_DDL_H
#define TDSD_ENGINE_DDL_H

#include "tests/tdsd/engine_catalog.h"

int ddl_table(struct session *s, const struct name *name, int32_t missing, struct table **ret);
int exec_switch(struct session *s, struct stmt *st, struct table *from); /* engine_switch.c */
bool table_has_rows(struct session *s, const struct table *t);
int table_rebuild_indexes(struct session *s, struct table *t);

#endif
