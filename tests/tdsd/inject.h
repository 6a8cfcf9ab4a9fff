/*
 * inject - faults (fault.h) and captures (capture.h) at work on a connection.
 */
#ifndef TDSD_INJECT_H
#define TDSD_INJECT_H

#include <stdbool.h>

#include "tests/tdsd/conn.h"
#include "tests/tdsd/fault.h"
#include "tests/tdsd/reply.h"

/* Watches the packets from now on, and lets happen what happens to a whole connection. */
void inject_begin(struct conn *c);
void inject_end(struct conn *c);

/* A fault of that kind for this login (or PRELOGIN): true when there is one. */
bool inject_ask(
	struct conn *c, enum fault_stage stage, enum fault_kind kind, struct fault *ret_fault);

/* The client said who it is. */
void inject_login(struct conn *c);

/* A request begins whose text is this; true when a fault answers it. */
/* Tells the error of a fault, and what else it does. */
void inject_error(struct reply *r, const struct fault *f);
bool inject_statement(struct reply *r, const char *kind, const char *text);

#endif
