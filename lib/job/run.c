#include "job/run.h"

#include <stddef.h>
#include <string.h>

#include "base/mem.h"

static const struct {
	const char *name;
	bool final;
} states[] = {
#define X(state, name, final) [RUN_##state] = {name, final},
	RUN_STATES(X)
#undef X
};

/* Every way there is. What ends a run from `queued` or `waiting` is an order of a person. */
static const struct {
	enum run_state from, to;
} transitions[] = {
	{RUN_WAITING, RUN_QUEUED},
	{RUN_WAITING, RUN_CANCELLED},
	{RUN_QUEUED, RUN_WAITING},    /* ordered by plain SQL while an upstream job is not done */
	{RUN_QUEUED, RUN_STARTING},   /* claim */
	{RUN_QUEUED, RUN_CANCELLED},
	{RUN_STARTING, RUN_RUNNING},  /* the worker is there */
	{RUN_STARTING, RUN_QUEUED},   /* it never came, or the lease ran out */
	{RUN_RUNNING, RUN_QUEUED},    /* retry, lease expired, given back */
	{RUN_RUNNING, RUN_SUCCEEDED}, /* publish committed */
	{RUN_RUNNING, RUN_FAILED},
	{RUN_RUNNING, RUN_CANCELLED},
	{RUN_RUNNING, RUN_TIMED_OUT},
	{RUN_RUNNING, RUN_UNKNOWN},
	{RUN_CANCELLED, RUN_SUCCEEDED}, /* recovered: it was cancelled as never begun in a store that was
					 * put back, and its target had it published */
};

const char *run_state_name(enum run_state state)
{
	return states[state].name;
}

enum run_state run_state_parse(const char *name)
{
	int i = 0;

	while (i < RUN_STATE_COUNT && strcmp(states[i].name, name) != 0)
		i++;
	return (enum run_state)i;
}

bool run_state_final(enum run_state state)
{
	return states[state].final;
}

bool run_may(enum run_state from, enum run_state to)
{
	for (size_t i = 0; i < ARRAY_LEN(transitions); i++)
		if (transitions[i].from == from && transitions[i].to == to)
			return true;
	return false;
}
