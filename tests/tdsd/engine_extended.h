/* engine_extended - extended properties: sp_addextendedproperty and its kin; for engine_*.c only. */
#ifndef TDSD_ENGINE_EXTENDED_H
#define TDSD_ENGINE_EXTENDED_H

#include "tests/tdsd/engine_private.h"

/* sp_addextendedproperty, sp_updateextendedproperty and sp_dropextendedproperty. */
int exec_extended_property(struct session *s, const struct stmt *st);

/* --- engine_proc.c --- */
int proc_text_arg(struct session *s, const struct stmt *st, const char *name, size_t place, const char *missing,
	const char **ret);
const struct exec_arg *proc_arg(const struct stmt *st, const char *name, size_t place);
int proc_returned(struct session *s, const struct stmt *st, int64_t status);

#endif
