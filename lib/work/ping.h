/*
 * ping - is what a connection leads to there, and what is it?
 *
 * Connects as a worker would, looks, and leaves. Blocks as long as the connection's
 * timeouts allow.
 */
#ifndef WORK_PING_H
#define WORK_PING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/settings.h"

struct ping_fact {
	const char *name; /* "server" */
	enum { PING_TEXT, PING_NUMBER, PING_BOOL } type;
	const char *text; /* NULL: not known */
	int64_t number;
};

struct ping_report {
	struct ping_fact *v; /* all in the arena */
	size_t n, cap;
	struct arena *arena;
};

/* `say` gets warnings and what a server says beside errors. */
MUST_CHECK int ping(const struct connection *conn, const atomic_bool *cancel,
	void (*say)(void *arg, const char *text), void *arg, struct arena *a,
	struct ping_report *ret_report, struct err *err);

#endif
