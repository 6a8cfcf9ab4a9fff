/*
 * controller - the loop that starts workers.
 *
 * Two threads. The main one waits: for workers that end, for the bell, for the
 * time of the next poll; it starts and stops workers and answers whether it
 * lives, and never touches the store, so that a store that hangs does not look
 * like a controller that does. The other one goes the rounds (round.h).
 *
 * Any number of controllers may share a store. One may be killed at any time:
 * its workers go on, and the next controller finds them.
 */
#ifndef CTL_CONTROLLER_H
#define CTL_CONTROLLER_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/settings.h"
#include "ctl/gate.h"
#include "ctl/round.h"
#include "exec/executor.h"

#define CONTROLLER_STOP_GRACE_MS 30000 /* from SIGTERM to SIGKILL, for a worker that is to stop */

struct controller_config {
	const struct settings *settings;
	const char *config_path;  /* what --config said, or NULL: for the workers */
	const char *store_name;	  /* for the bell */
	const struct clock *clock;
	const struct executor_ops *executor;
	const char *uid, *host, *process, *version;
	enum executor_found (*look)(void *arg, const char *process);
	void *look_arg;
	gate_ask *may_start; /* NULL: workers may always be started */
	void *may_start_arg;
	int stop_fd;	 /* readable: stop claiming and leave */
	bool until_idle; /* leave when nothing is left to do */
};

struct controller_summary {
	int64_t ended, unsuccessful; /* runs, since it was started; until_idle only */
	int64_t held, waiting;	     /* that it leaves behind */
	size_t workers;		     /* that go on without it */
};

/* Returns when it is told to stop, or (until_idle) when nothing is left to do. ERR_STORE when there is
 * no store, or none of ours; one that goes away later is waited for. */
MUST_CHECK int controller_run(const struct controller_config *config,
	struct controller_summary *ret_summary, struct err *err);

#endif
