/*
 * fake_host - the attempt as steps see it (work/step.h), scripted.
 *
 * Writes down what a step says and asks; answers what a test has set. Its clock
 * is the system's unless a test replaces it.
 */
#ifndef UNIT_FAKE_HOST_H
#define UNIT_FAKE_HOST_H

#include <pthread.h>

#include "base/buf.h"
#include "work/step.h"

struct fake_host {
	struct step_host host; /* first: the step gives it back */
	struct settings settings;
	struct job job;
	struct run run;
	atomic_bool cancel;

	/* what it answers */
	struct err publish_err;	      /* of before_publish, unless ERR_NONE */
	bool will_try_again;	      /* again() */
	const char *unknown_run;      /* a run_uid that its store does not know; NULL: none */
	bool unknown_runs;	      /* it knows none at all */
	struct err known_err;	      /* of known_runs, unless ERR_NONE */
	const char *cancel_on;	      /* a line with this text cancels */
	void (*on_say)(struct fake_host *f, const char *text);
	void (*on_progress)(struct fake_host *f);
	void (*on_publish)(struct fake_host *f);
	void *arg;		      /* the test's */

	/* what it was told */
	pthread_mutex_t mutex;
	struct buf said;	      /* "info text\n" … */
	unsigned lines, published, asked_again, asked_known;
	char progress[256];	      /* the last line */
};

void fake_host_init(struct fake_host *f);
void fake_host_release(struct fake_host *f);

const char *fake_host_said(struct fake_host *f);

#endif
