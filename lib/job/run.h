/*
 * run - the states of a run and the ways between them.
 *
 * docs/design.md §3. A state changes only along transitions[] in run.c; the
 * store's statements ask run_may. Pure.
 */
#ifndef JOB_RUN_H
#define JOB_RUN_H

#include <stdbool.h>
#include <stdint.h>

/*	state		name		final	meaning */
#define RUN_STATES(X)                                                                              \
	X(WAITING, "waiting", false)	 /* for upstream jobs */                                   \
	X(QUEUED, "queued", false)	 /* ready from ready_at on */                              \
	X(STARTING, "starting", false)	 /* claimed, its worker not heard of yet */               \
	X(RUNNING, "running", false)                                                               \
	X(SUCCEEDED, "succeeded", true)	 /* published */                                           \
	X(FAILED, "failed", true)                                                                  \
	X(CANCELLED, "cancelled", true)                                                            \
	X(TIMED_OUT, "timed_out", true)                                                            \
	X(UNKNOWN, "unknown", true)	 /* a step that cannot be fenced was lost half-way */

enum run_state {
#define X(state, name, final) RUN_##state,
	RUN_STATES(X)
#undef X
		RUN_STATE_COUNT
};

struct run {
	int64_t run_id;
	const char *run_uid;
	int64_t job_id;
	enum run_state state;
	int64_t attempt, fence, disruptions;
	const char *order_key;	 /* NULL: none */
	enum run_state settle;	 /* the end that is wanted once its target has withdrawn the load;
				  * RUN_STATE_COUNT: none, it is to be carried out */
	bool cancel_requested;
	bool full_load; /* the watermark is not looked at */
};

const char *run_state_name(enum run_state state);
/* RUN_STATE_COUNT for a name that is none. */
enum run_state run_state_parse(const char *name);
bool run_state_final(enum run_state state);

/* May a run go from one state to the other? */
bool run_may(enum run_state from, enum run_state to);

#endif
