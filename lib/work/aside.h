/*
 * aside - blocking work on a thread of its own, while the caller's stays awake.
 *
 * What waits for a database must not keep the main thread from its ticks.
 */
#ifndef WORK_ASIDE_H
#define WORK_ASIDE_H

#include "base/err.h"

#define ASIDE_TICK_MS 100

/* Runs work(arg) on a thread, and here tick(arg) every ASIDE_TICK_MS until it has returned. What both
 * use is theirs to protect; when this returns all that work() wrote is seen. -1: there was no thread
 * to be had, and work() was not called. */
MUST_CHECK int aside_run(void (*work)(void *arg), void (*tick)(void *arg), void *arg,
	struct err *err);

#endif
