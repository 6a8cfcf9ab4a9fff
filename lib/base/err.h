/*
 * err - what went wrong, in a fixed buffer that nobody has to free.
 *
 * Functions that can fail return 0 or -1 and take `struct err *` last. `err` is
 * untouched on success. Each layer wraps once with what was attempted:
 *
 *	run 7: load 'planes': open 'data/planes.csv': No such file or directory
 *
 * lower case, 'quoted' values, no full stop. What the user can do about it is
 * a hint of its own, printed on a line of its own. A message that does not fit
 * is cut, never overrun. The code decides the process's exit status, whether a
 * retry can help, and (for the API) the HTTP status.
 *
 * Values of the data that is moved may be nobody's business. Where a message has
 * one it says ERR_VALUE and err_value() keeps the text apart, until the one who
 * knows the policy shows or hides it.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"

#define ERR_MSG_MAX 1024
#define ERR_HINT_MAX 512
#define ERR_VALUE_MAX 64 /* bytes of a value of somebody's data that is shown, with the NUL */
#define ERR_VALUE "\x1A" /* in a message: the value stands here */

/*      code        name         retry  exit  http */
#define ERR_CODES(X)                                                                               \
	X(INTERNAL, "internal", false, 1, 500)                                                     \
	X(DATA, "bad_data", false, 1, 422)                                                         \
	X(LIMIT, "limit", false, 1, 413)                                                           \
	X(TARGET, "target", true, 1, 500)                                                          \
	X(IO, "io", true, 1, 500)                                                                  \
	X(USAGE, "usage", false, 2, 400)                                                           \
	X(CONFIG, "config", false, 3, 400)                                                         \
	X(STORE, "store", true, 4, 503)                                                            \
	X(NETWORK, "network", true, 4, 503)                                                        \
	X(BUSY, "busy", true, 4, 503)                                                              \
	X(AUTH, "auth", false, 5, 401)                                                             \
	X(HELD, "held", false, 1, 409)                                                             \
	X(LEASE_LOST, "lease_lost", false, 6, 409)                                                 \
	X(NOT_FOUND, "not_found", false, 7, 404)                                                   \
	X(CANCELLED, "cancelled", false, 8, 499)                                                   \
	X(TIMED_OUT, "timed_out", false, 8, 504)

enum err_code {
	ERR_NONE,
#define X(code, name, retry, exit, http) ERR_##code,
	ERR_CODES(X)
#undef X
		ERR_CODE_COUNT
};

/* The documented exit statuses of every command. */
#define ERR_EXITS(X)                                                                               \
	X(0, "done")                                                                               \
	X(1, "the run failed")                                                                     \
	X(2, "usage")                                                                              \
	X(3, "configuration")                                                                      \
	X(4, "store or network unavailable")                                                       \
	X(5, "authentication")                                                                     \
	X(6, "lease lost")                                                                         \
	X(7, "not found")                                                                          \
	X(8, "cancelled or timed out")
#define ERR_EXIT_MAX 8

struct err {
	enum err_code code;
	char msg[ERR_MSG_MAX];
	char hint[ERR_HINT_MAX]; /* empty when there is nothing to advise */
	char value[ERR_VALUE_MAX];
};

#define ERR_INIT {.code = ERR_NONE}

/* Replaces what was there; always returns -1, so that `return err_set(…)` reads well. */
int err_set(struct err *err, enum err_code code, const char *fmt, ...) PRINTF(3, 4);
int err_vset(struct err *err, enum err_code code, const char *fmt, va_list args) PRINTF(3, 0);

/* As err_set with ": strerror(errno_value)" behind it. */
int err_errno(struct err *err, enum err_code code, int errno_value, const char *fmt, ...)
	PRINTF(4, 5);

/* Puts "what was attempted: " before the message; returns -1. */
int err_wrap(struct err *err, const char *fmt, ...) PRINTF(2, 3);

/* Puts ", did you mean 'near'?" behind the message; NULL: nothing is near. Returns -1. */
int err_suggest(struct err *err, const char *near);

/* What the user can do about it; a hint that is already there stays. Returns -1. */
int err_hint(struct err *err, const char *fmt, ...) PRINTF(2, 3);

/* The value that ERR_VALUE in the message stands for: cut, control characters as '?'. Returns -1. */
int err_value(struct err *err, const char *text, size_t len);
/* Puts it there, quoted, or "the value" in its place. */
void err_settle_value(struct err *err, bool show);

void err_clear(struct err *err);

const char *err_name(enum err_code code);
bool err_retryable(enum err_code code);
int err_exit_code(enum err_code code);
const char *err_exit_meaning(int exit_code); /* 0 … ERR_EXIT_MAX */
int err_http_status(enum err_code code);

#endif
