/*
 * call - one call of an RPC message as the client sent it. Pure.
 */
#ifndef TDSD_CALL_H
#define TDSD_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "tests/tdsd/bytes.h"
#include "tests/tdsd/engine.h"
#include "tests/tdsd/token.h"

#define CALL_PARAMS_MAX 2104 /* 2,100 of a statement, and what comes before them */

enum procedure {
	PROC_NAMED, /* by name, and none of these */
	PROC_CURSOR = 1,
	PROC_CURSOROPEN,
	PROC_CURSORPREPARE,
	PROC_CURSOREXECUTE,
	PROC_CURSORPREPEXEC,
	PROC_CURSORUNPREPARE,
	PROC_CURSORFETCH,
	PROC_CURSOROPTION,
	PROC_CURSORCLOSE,
	PROC_EXECUTESQL,
	PROC_PREPARE,
	PROC_EXECUTE,
	PROC_PREPEXEC,
	PROC_PREPEXECRPC,
	PROC_UNPREPARE,
	PROC_COUNT,
};

struct call {
	enum procedure procedure;
	const char *name;
	struct engine_param *params; /* text, ntext and image as their (max) types */
	uint32_t n_params;
	bool no_exec;
	bool more; /* another one follows */
	/* the parameter that is of no type: its number and type, 0 where all are */
	uint32_t bad_param;
	uint8_t bad_type;
};

/* Reads a call; everything lives in `a`, values may be in the message. */
MUST_CHECK int call_take(struct bytes *b, enum tds_level level, struct arena *a,
	struct call *ret_call, struct err *err);

/* Of a parameter: "" where it is null or no text, 0 where it is no number. */
const char *call_text(const struct engine_param *p, struct arena *a);
int64_t call_int(const struct engine_param *p);

/* The names that a declaration gives ("@a int, @b nvarchar(10) output"), in its order. */
uint32_t call_names(const char *declaration, struct arena *a, const char ***ret_names);

#endif
