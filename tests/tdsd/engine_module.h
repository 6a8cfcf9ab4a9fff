/* engine_module - procedures that batches have made; for engine_*.c only. */
#ifndef TDSD_ENGINE_MODULE_H
#define TDSD_ENGINE_MODULE_H

#include "tests/tdsd/engine_private.h"

int exec_create_procedure(struct session *s, struct stmt *st);
int drop_procedure(struct session *s, struct stmt *st, const struct name *name);
/* EXEC of one of them; 0 and *ret_found false: it is none. */
int exec_own_procedure(struct session *s, struct stmt *st, bool *ret_found);

/* --- engine_proc.c: arguments --- */
/* Makes the parameters variables of `f`; positions without a name count from `first`. */
int proc_bind(struct session *s, const struct stmt *st, struct frame *f, struct var_def *defs, size_t n, size_t first,
	const struct exec_arg **ret_args);
/* OUTPUT arguments and the return value. */
int proc_finish(struct session *s, const struct stmt *st, struct frame *f, const struct var_def *defs, size_t n,
	const struct exec_arg **args);

#endif
