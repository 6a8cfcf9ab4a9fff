/*
 * engine_storage - options of tables, indexes and databases; system-versioned tables; change
 * tracking; for engine_*.c only.
 *
 * What happens to the rows of such tables besides the statement (history, changes) triggers of
 * SQLite do, which are made with the table.
 */
#ifndef TDSD_ENGINE_STORAGE_H
#define TDSD_ENGINE_STORAGE_H

#include "tests/tdsd/engine_translate.h"

enum storage_verb { STORAGE_TRUNCATE, STORAGE_DROP, STORAGE_SWITCH_OUT, STORAGE_SWITCH_IN };

int exec_storage(struct session *s, struct stmt *st);
int storage_alter_table(struct session *s, struct stmt *st, struct table *t);
int storage_database_option(struct session *s, struct database *d, struct stmt *st);
int storage_drop_statistics(struct session *s, const struct name *name);
int storage_create_period(
	struct session *s, struct table *t, const struct table_def *def, struct arena *a);
/* Is it forbidden for this table? Then the error is set. */
int storage_refuses(struct session *s, const struct table *t, enum storage_verb verb);
/* The triggers of history and change tracking, for a table that SQLite has newly made. */
int storage_build_triggers(struct session *s, const struct table *t);

/* --- engine_mask.c --- */
/* Columns that the session may not see get what their mask says in place of their value. */
int mask_columns(struct translator *t, const struct table *table, struct relation *r);

/* --- engine_change.c --- */
int change_enable_database(struct session *s, struct database *d, const struct stmt *st);
int change_table(struct session *s, const struct stmt *st, struct table *t);
int change_build_triggers(struct session *s, const struct table *t);
/* 1 when changes of the table are tracked */
int change_is_tracked(struct session *s, const struct table *t);
/* TRUNCATE: what was tracked is gone, and a reader starts anew. */
int storage_forget_changes(struct session *s, const struct table *t);
/* sp_flush_CT_internal_table_on_demand [table]: changes up to now are gone, as cleanup makes them. */
int change_flush(struct session *s, const char *table);
int functions_register_changes(struct session *s);

/* --- engine_func_storage.c, these too --- */
int functions_register_storage(struct session *s);

#endif
