#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "cmd/cmd.h"
#include "job/store.h"
#include "work/attempt.h"

static atomic_bool cancel; /* a signal handler has no argument */

static void on_signal(int sig UNUSED)
{
	cancel = true;
}

static void catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

/* A run that was recorded as failed is 1; what a script would handle otherwise keeps its own. */
static int exit_status(enum err_code code)
{
	switch (code) {
	case ERR_AUTH:
	case ERR_NETWORK:
	case ERR_LEASE_LOST:
	case ERR_CANCELLED:
	case ERR_TIMED_OUT:
		return err_exit_code(code);
	default:
		return 1;
	}
}

int cmd_worker(struct invocation *in, struct err *err)
{
	struct settings settings;
	CLEANUP_STORE struct store *store = NULL;
	struct job job;
	struct run run;
	struct attempt attempt = {.settings = &settings,
		.job = &job,
		.run = &run,
		.actor = cmd_actor(&in->arena),
		.clock = &clock_system,
		.cancel = &cancel};

	catch_signals();
	if (cmd_settings(in, &settings, err) || store_open(&settings, &store, err) ||
		store_job(store, cmd_flag(in, "job"), &in->arena, &job, err) ||
		attempt_check(&settings, &job, err))
		return -1;
	if (!job.enabled)
		log_warn("job '%s' is not enabled; running it by hand all the same", job.name);
	if (store_order_claimed(store, job.job_id, attempt.actor, settings.controller.lease,
		    &in->arena, &run, err))
		return -1;
	attempt.store = store;
	return attempt_execute(&attempt, err) ? exit_status(err->code) : 0;
}
