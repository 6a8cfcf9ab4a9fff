/*
 * gate - may workers be started now?
 *
 * A worker that cannot log in to the store for want of a ticket is lost, and where its key is refused it is a
 * wrong password more; so a controller that sees one end like that, or has no ticket itself, starts none until
 * it has one. It blocks as long as what it asks; one thread uses it.
 */
#ifndef CTL_GATE_H
#define CTL_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define GATE_PAUSE_MS 5000 /* between two attempts while it is shut */

/* 0: they may. `anew`: what was found before does not count, a worker has just failed. */
typedef int gate_ask(void *arg, bool anew, struct err *err);

struct gate {
	gate_ask *ask; /* NULL: they always may */
	void *arg;
	bool shut;
	int64_t look_at; /* monotonic ms, while it is shut */
};

/* Says in the log when that changes, and why. */
bool gate_is_open(struct gate *g, bool anew, int64_t now);

#endif
