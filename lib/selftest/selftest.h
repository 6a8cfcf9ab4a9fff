/*
 * selftest - proves on somebody's own server what a test server cannot: that every type and every load mode
 * arrives bit for bit, and that what we rely on of an engine holds there.
 *
 * All of it happens in a schema of its own, SELFTEST_SCHEMA, which must not exist and is removed afterwards, also
 * after a failure; and what the loads wrote into the target's ledger goes too. The loads are real ones: jobs in a
 * store of their own (a temporary SQLite database) that an attempt carries out (work/attempt.h).
 *
 * Checks are a table (selftest_areas in selftest.c). Blocks for as long as they take, a minute or so; it ends
 * early, and cleans up, when `signals` says so. Everything that is found lives in the arena that is passed in.
 */
#ifndef SELFTEST_SELFTEST_H
#define SELFTEST_SELFTEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/settings.h"
#include "work/attempt.h"

#define SELFTEST_SCHEMA "etl_selftest"

/* What this server, or this login, has not is skipped. */
#define SELFTEST_STATES(X) X(OK, "ok") X(FAILED, "failed") X(SKIPPED, "skipped")

enum selftest_state {
#define X(state, name) SELFTEST_##state,
	SELFTEST_STATES(X)
#undef X
};

const char *selftest_state_name(enum selftest_state state);

struct selftest_finding {
	const char *area, *check; /* "type", "decimal(38,10)" */
	enum selftest_state state;
	const char *text;   /* what was seen, or why it failed or was skipped; "" where there is nothing to say */
	const char *remedy; /* NULL: none */
	int64_t ms;
};

struct selftest_report {
	const char *server, *version, *edition, *database, *login;
	int64_t engine_edition;
	struct selftest_finding *v;
	size_t n, cap;
	bool kept; /* the schema, and the store in `directory` */
	const char *directory;
};

size_t selftest_count(const struct selftest_report *r, enum selftest_state state);

struct selftest_order { /* borrowed */
	const struct settings *settings;
	const struct connection *connection;
	const char *only;  /* this area alone; NULL: all */
	const char *actor; /* whose runs they are, in the store of the test */
	bool keep;	   /* remove nothing */
	struct attempt_signals *signals;
	void (*found)(void *arg, const struct selftest_finding *f); /* as each check ends; NULL: nobody listens */
	void *arg;
};

/* -1: it could not begin. ERR_CONFIG: the schema is there, there is no such area, or it is no SQL Server. */
MUST_CHECK int selftest_run(const struct selftest_order *order, struct arena *a, struct selftest_report *ret_report,
	struct err *err);

/* Removes what one that was kept, or killed, has left. ERR_NOT_FOUND: there is nothing; ERR_CONFIG: a schema of that
 * name that no selftest has made. */
MUST_CHECK int selftest_clean(const struct selftest_order *order, struct arena *a, struct err *err);

#endif
