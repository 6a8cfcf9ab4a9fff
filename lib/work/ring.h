/*
 * ring - batches between one producer and one consumer.
 *
 * All batches are allocated once and go round: empty, filled by the producer,
 * filled and waiting, taken by the consumer, empty again. Either side may end
 * it: the producer with finish (all is in, or an error that the consumer then
 * gets), anybody with abort. acquire and next block; hand-offs are hundreds a
 * second, so a mutex and a condition serve.
 */
#ifndef WORK_RING_H
#define WORK_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "work/batch.h"

#define RING_BATCHES 6

struct ring;

struct ring_stats {
	int64_t wait_empty_ms; /* the producer waited for room: the consumer is slow */
	int64_t wait_full_ms;  /* the consumer waited for rows: the producer is slow */
};

/* The clock, which measures the waits, is borrowed. */
struct ring *ring_new(const struct clock *clock);
void ring_free(struct ring *r); /* NULL is fine; both threads must have left */

/* Producer: an empty batch, or NULL when the ring was aborted. */
struct batch *ring_acquire(struct ring *r);
void ring_push(struct ring *r, struct batch *b);
/* `why` NULL: the end of the rows. After the first finish nothing more may be pushed. */
void ring_finish(struct ring *r, const struct err *why);

/* Consumer: 1 and a batch; 0 at the end; -1 with the producer's error or ERR_CANCELLED. */
MUST_CHECK int ring_next(struct ring *r, struct batch **ret_batch, struct err *err);
void ring_recycle(struct ring *r, struct batch *b);

/* From any thread: both sides come back at once. */
void ring_abort(struct ring *r);

void ring_stats(struct ring *r, struct ring_stats *ret_stats);

#endif
