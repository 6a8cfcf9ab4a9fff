#include "job/scheduler.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* ms between two tries of what is not the job's own failure: a worker that cannot be started, a target
 * that cannot be asked */
#define BACK_OFF_MIN 1000
#define BACK_OFF_MAX 300000

int64_t scheduler_delay(const struct job *job, int64_t used)
{
	int64_t delay = job->retry_delay;

	for (int64_t i = 1; i < used && delay < job->retry_max_delay; i++)
		delay *= 2;
	return delay > job->retry_max_delay && delay > job->retry_delay
		? (job->retry_max_delay > job->retry_delay ? job->retry_max_delay : job->retry_delay)
		: delay;
}

int64_t scheduler_back_off(const struct run *run)
{
	int64_t delay = BACK_OFF_MIN;

	for (int64_t i = 0; i < run->disruptions && delay < BACK_OFF_MAX; i++)
		delay *= 2;
	return delay < BACK_OFF_MAX ? delay : BACK_OFF_MAX;
}

/* Attempts that count: a disruption is nobody's failure. */
static int64_t used(const struct run *run)
{
	return run->attempt - run->disruptions;
}

static struct verdict requeue(int64_t delay, bool disruption)
{
	return (struct verdict){.state = RUN_QUEUED,
		.settle = RUN_STATE_COUNT,
		.delay = delay,
		.disruption = disruption};
}

static struct verdict settle(enum run_state wanted, int64_t delay)
{
	return (struct verdict){.state = RUN_QUEUED, .settle = wanted, .delay = delay, .disruption = true};
}

static struct verdict end_as(enum run_state state)
{
	return (struct verdict){.state = state, .settle = RUN_STATE_COUNT};
}

/* It failed, and that is what max_attempts counts. */
static struct verdict retry_or(const struct job *job, const struct run *run, struct verdict last)
{
	return used(run) < job->max_attempts ? requeue(scheduler_delay(job, used(run)), false) : last;
}

/* It lost its worker for a reason that is not its own. */
static struct verdict disrupted(const struct job *job, const struct run *run, int64_t delay)
{
	return run->disruptions < job->max_disruptions ? requeue(delay, true) : settle(RUN_FAILED, 0);
}

struct verdict scheduler_verdict(const struct job *job, const struct run *run, enum attempt_end end,
	bool half_way)
{
	if (run->settle != RUN_STATE_COUNT) /* until the target has answered */
		return settle(run->settle, end == END_GIVEN_BACK ? 0 : scheduler_back_off(run));
	if (half_way && job_unfenced(job) && end != END_FAILED && end != END_REFUSED && end != END_TIMED_OUT)
		return end_as(RUN_UNKNOWN);
	if (run->cancel_requested)
		return settle(RUN_CANCELLED, 0);
	switch (end) {
	case END_FAILED:
		return retry_or(job, run, end_as(RUN_FAILED));
	case END_REFUSED:
		return end_as(RUN_FAILED);
	case END_TIMED_OUT:
		return retry_or(job, run, end_as(RUN_TIMED_OUT));
	case END_CRASHED:
		return retry_or(job, run, settle(RUN_FAILED, 0));
	case END_OVERDUE:
		return retry_or(job, run, settle(RUN_TIMED_OUT, 0));
	case END_NOT_STARTED:
		return disrupted(job, run, scheduler_back_off(run));
	case END_HELD:
		return requeue(0, true);
	case END_LOST:
	case END_GIVEN_BACK:
		break;
	}
	return disrupted(job, run, 0);
}

bool scheduler_again(const struct job *job, const struct run *run, enum attempt_end end)
{
	return scheduler_verdict(job, run, end, false).state == RUN_QUEUED;
}

void leases_release(struct leases *l)
{
	free(l->v);
	*l = (struct leases){.v = NULL};
}

void leases_round(struct leases *l)
{
	for (size_t i = 0; i < l->n; i++)
		l->v[i].listed = false;
}

static struct lease_seen *find(struct leases *l, int64_t run_id)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].run_id == run_id)
			return &l->v[i];
	if (l->n == LEASES_MAX)
		return NULL;
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 64;
		l->v = mem_grow(l->v, l->cap, sizeof(*l->v));
	}
	l->v[l->n] = (struct lease_seen){.run_id = run_id, .fence = -1}; /* not seen yet */
	return &l->v[l->n++];
}

bool leases_over(struct leases *l, int64_t run_id, int64_t fence, const char *until, bool past,
	int64_t lease_ms, int64_t now)
{
	struct lease_seen *seen = find(l, run_id);

	if (!seen)
		return false;
	seen->listed = true;
	if (seen->fence != fence || strncmp(seen->until, until, LEASE_TEXT_MAX - 1) != 0) {
		seen->fence = fence;
		seen->since = now;
		snprintf(seen->until, sizeof(seen->until), "%s", until);
	}
	return past && now - seen->since >= lease_ms;
}

void leases_round_end(struct leases *l)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].listed)
			l->v[kept++] = l->v[i];
	l->n = kept;
}

void leases_restart(struct leases *l, int64_t now)
{
	for (size_t i = 0; i < l->n; i++)
		l->v[i].since = now;
}
