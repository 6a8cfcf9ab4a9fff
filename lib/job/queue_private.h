/*
 * queue_private - what the files behind queue.h share: a run's row, and its moves.
 *
 * Each of these works within the caller's transaction.
 */
#ifndef JOB_QUEUE_PRIVATE_H
#define JOB_QUEUE_PRIVATE_H

#include <stddef.h>
#include <stdint.h>

#include "job/queue.h"
#include "job/store_private.h"

/* Every public function is one of the below between these two. */
MUST_CHECK int queue_begin(struct store *s, struct err *err);
/* Commits what went well; rolls back, and names the attempt, what did not. */
MUST_CHECK int queue_finish(struct store *s, int failed, struct err *err, const char *what, int64_t id);

static inline double queue_seconds(int64_t ms)
{
	return (double)ms / 1000;
}

/* Numbers that are not known, below 0, are NULL. */
void queue_bind_number(struct db_stmt *stmt, int pos, int64_t value);

/* The row that RUN_FIND and RUN_CLAIM give. */
MUST_CHECK int queue_read_run(struct db_stmt *stmt, struct arena *a, struct run *ret_run, struct err *err);
/* 1: found; 0: there is none. */
MUST_CHECK int queue_find_run(struct store *s, int64_t run_id, struct arena *a, struct run *ret_run,
	struct err *err);
/* 1: an order of this key is known; 0: it is not. */
MUST_CHECK int queue_find_order(struct store *s, int64_t job_id, const char *key, struct arena *a,
	struct run *run, struct err *err);
/* A settle column that nobody of us wrote means none. */
enum run_state queue_settle_of(const char *text);

/* Sets ERR_LEASE_LOST. */
int queue_lost(const struct run *run, struct err *err);

/* `old` is RUN_STATE_COUNT for a run that is new. */
MUST_CHECK int queue_event(struct store *s, int64_t run_id, enum run_state old, enum run_state new,
	const char *actor, const char *reason, struct err *err);
/* Along run_may, with its event; nothing where the run is at that end already. */
MUST_CHECK int queue_move_run(struct store *s, const struct run *run, enum run_state to, const char *actor,
	const char *reason, const struct run_result *result, struct err *err);
/* Of a run that no worker has: at once where none ever had, else when the target has been asked. */
MUST_CHECK int queue_cancel_at_rest(struct store *s, const struct run *run, const char *actor,
	struct err *err);
/* One statement that must change the run's row. */
MUST_CHECK int queue_touch(struct store *s, enum statement id, const struct run *run, const char *text,
	struct err *err);

struct claim {
	const char *owner, *controller, *worker;
	int64_t lease_ms;
	bool by_hand;
};

/* Those of these runs that are nobody else's, as many of each job as it takes; may be none. */
MUST_CHECK int queue_claim_these(struct store *s, const struct claim *c, const int64_t *ids, size_t n,
	struct arena *a, struct run *ret_runs, size_t *ret_n, struct err *err);

#endif
