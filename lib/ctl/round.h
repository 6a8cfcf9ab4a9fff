/*
 * round - what a controller does at the store, once every poll.
 *
 * Facts about workers go in, work for the executor comes out; between them the
 * store is told of the facts, looked over, and asked for runs that are ready.
 * Touches no process and no thread, so that the simulation runs it as it is; who
 * calls it decides when. Every step may fail and is repeated by the next round.
 */
#ifndef CTL_ROUND_H
#define CTL_ROUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "exec/executor.h"
#include "job/queue.h"

#define ROUND_OVERDUE_GRACE_MS 30000 /* past a job's timeout, which its worker keeps itself */

enum fact_kind {
	FACT_STARTED,	  /* text: the handle */
	FACT_NOT_STARTED, /* text: why */
	FACT_PENDING,	  /* not begun yet; text: what it waits for, NULL: no news of that */
	FACT_ENDED,	  /* text: how */
	FACT_ADOPTED,	  /* watched by us from now on */
	FACT_GONE,	  /* text: why; another controller's worker that is certainly over */
};

/* What happened to the worker of a run. Texts are the fact's own. */
struct fact {
	enum fact_kind kind;
	int64_t run_id, fence;
	bool known, stopped, disrupted, never_began; /* ended: see executor.h */
	char *text, *output;
	uint64_t output_lost;
	struct fact *next;
};

struct fact *fact_new(enum fact_kind kind, int64_t run_id, int64_t fence, const char *text);
void fact_free(struct fact *f);

struct round_config {
	const char *uid, *host, *process, *version;
	const char *actor; /* for events */
	int64_t lease_ms, max_workers;
	bool with_jobs; /* read the job of each run that is claimed */
	/* Does the process of a handle live? For controllers, and for workers by hand. */
	enum executor_found (*look)(void *arg, const char *process);
	void *arg;
	bool outlook; /* ask for it: it counts what is queued */
};

struct round; /* what one controller remembers between rounds */

struct round *round_new(const struct round_config *config); /* borrowed */
void round_free(struct round *r);			    /* NULL is fine */

struct round_result {
	struct run *claimed; /* to be started */
	struct job *jobs; /* theirs, in the same order; NULL: with_jobs is not set */
	size_t n_claimed;
	struct active_run *active; /* all that were under way before the claim */
	size_t n_active;
	struct active_run *orphans; /* to be looked for: nobody watches their workers */
	size_t n_orphans;
	struct active_run *stops; /* ours, to be told to stop */
	size_t n_stops;
	struct outlook outlook; /* next_ready_ms always; the rest when it was asked for */
};

/* `facts`: those that the store has taken are removed and freed. `free_slots`: workers that may be
 * started; 0 while stopping. `now`: monotonic ms. Everything lives in `a`. */
MUST_CHECK int round_run(struct round *r, struct store *s, struct fact **facts, const char *state,
	size_t workers, size_t free_slots, const char *since, int64_t now, struct arena *a,
	struct round_result *ret, struct err *err);

/* The store could not be reached. */
void round_failed(struct round *r, int64_t now);

#endif
