/*
 * engine_cdc - change data capture: procedures sys.sp_cdc_…, functions fn_cdc_…; for engine_*.c only.
 *
 * What the capture job of SQL Server reads from the log, triggers of SQLite write into
 * cdc.<instance>_CT within the transaction itself: there is nothing that is not captured yet.
 */
#ifndef TDSD_ENGINE_CDC_H
#define TDSD_ENGINE_CDC_H

#include "tests/tdsd/engine_translate.h"

int cdc_enable_database(struct session *s, const struct stmt *st);
int cdc_enable_table(struct session *s, const struct stmt *st);
int cdc_disable_table(struct session *s, const struct stmt *st);
int cdc_help(struct session *s, const struct stmt *st);
int cdc_cleanup(struct session *s, const struct stmt *st);

/* 1 when changes of the table are captured */
int cdc_is_captured(struct session *s, const struct table *t);
int cdc_build_triggers(struct session *s, const struct table *t);
int functions_register_cdc(struct session *s);

/* cdc.fn_cdc_get_all_changes_<instance>(from, to, N'all'): 1 when the call is one. */
int tr_captured(struct translator *t, const struct from *f, const char **ret_sql);

#endif
