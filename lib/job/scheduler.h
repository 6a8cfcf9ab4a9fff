/*
 * scheduler - what becomes of a run, decided without looking anything up.
 *
 * Pure: facts and the monotonic time come in, verdicts come out; the store
 * carries them out (queue.h), the simulation and the controller share them.
 * docs/design.md §3, rules 2, 4, 8 and 9.
 */
#ifndef JOB_SCHEDULER_H
#define JOB_SCHEDULER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "job/job.h"
#include "job/run.h"

/* How an attempt ended, as far as is known. */
enum attempt_end {
	END_FAILED,	 /* its worker says so, and the target has not published */
	END_TIMED_OUT,	 /* the same, since it took too long */
	END_CRASHED,	 /* its worker was seen to end without a word */
	END_OVERDUE,	 /* the same, after it was stopped since it took too long */
	END_LOST,	 /* its lease ran out, or its worker vanished unseen */
	END_GIVEN_BACK,	 /* its worker was told to stop */
	END_NOT_STARTED, /* no worker could be started for it */
	END_HELD,	 /* it must not go on before somebody has looked */
	END_REFUSED,	 /* it failed at a login: trying again can lock the account */
};

struct verdict {
	enum run_state state;  /* queued, or a final one */
	enum run_state settle; /* with queued: the end that is wanted once the target has withdrawn the
				* load; RUN_STATE_COUNT: none */
	int64_t delay;	       /* ms until it is ready again */
	bool disruption;       /* counts as one, and not as an attempt */
};

/* `half_way`: what it does may have been begun (the run was running) and was not seen to end. A
 * final state that is not UNKNOWN is for END_FAILED, _REFUSED and _TIMED_OUT only: whoever asks must have
 * the target's word before he writes it. */
struct verdict scheduler_verdict(const struct job *job, const struct run *run, enum attempt_end end,
	bool half_way);

/* Will the worker of this run be followed by another after it failed so? */
bool scheduler_again(const struct job *job, const struct run *run, enum attempt_end end);

/* ms before a worker is started again, or the target asked again, for a run that was disrupted */
int64_t scheduler_back_off(const struct run *run);

/* ms before the attempt that follows `used` failed ones */
int64_t scheduler_delay(const struct job *job, int64_t used);

/*
 * Leases, as one controller sees them. One is over only when the database says so and this
 * controller has watched it for a whole lease without a renewal: a clock that jumps, a store that
 * was away and a machine that slept expire nobody who can still renew.
 */
#define LEASE_TEXT_MAX 32
#define LEASES_MAX 100000

struct lease_seen {
	int64_t run_id, fence;
	char until[LEASE_TEXT_MAX]; /* as the store has it */
	int64_t since;		    /* monotonic ms when it was first seen so */
	bool listed;		    /* in this round */
};

struct leases {
	struct lease_seen *v;
	size_t n, cap;
};

void leases_release(struct leases *l);
/* Before the round's first look. */
void leases_round(struct leases *l);
/* Is it over? `past`: the database's clock has passed it. */
bool leases_over(struct leases *l, int64_t run_id, int64_t fence, const char *until, bool past,
	int64_t lease_ms, int64_t now);
/* After its last: forgets what was not looked at. */
void leases_round_end(struct leases *l);
/* The store could not be reached, or not for a while: everybody has a whole lease again. */
void leases_restart(struct leases *l, int64_t now);

#endif
