#include "work/ring.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

/* A queue of batches in the order of their adding. */
struct queue {
	struct batch *v[RING_BATCHES];
	unsigned first, n;
};

struct ring {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	const struct clock *clock;
	struct batch batches[RING_BATCHES];
	struct queue empty, full;
	bool finished, aborted;
	struct err why; /* of the producer; ERR_NONE at a good end */
	struct ring_stats stats;
};

static void put(struct queue *q, struct batch *b)
{
	assert(q->n < RING_BATCHES);
	q->v[(q->first + q->n++) % RING_BATCHES] = b;
}

static struct batch *take(struct queue *q)
{
	struct batch *b = q->v[q->first];

	assert(q->n > 0);
	q->first = (q->first + 1) % RING_BATCHES;
	q->n--;
	return b;
}

static int64_t now(struct ring *r)
{
	return r->clock->monotonic(r->clock->arg);
}

struct ring *ring_new(const struct clock *clock)
{
	struct ring *r = mem_alloc(sizeof(*r));

	pthread_mutex_init(&r->mutex, NULL);
	pthread_cond_init(&r->changed, NULL);
	r->clock = clock;
	for (unsigned i = 0; i < RING_BATCHES; i++) {
		batch_init(&r->batches[i]);
		put(&r->empty, &r->batches[i]);
	}
	return r;
}

void ring_free(struct ring *r)
{
	if (!r)
		return;
	for (unsigned i = 0; i < RING_BATCHES; i++)
		batch_release(&r->batches[i]);
	pthread_cond_destroy(&r->changed);
	pthread_mutex_destroy(&r->mutex);
	free(r);
}

struct batch *ring_acquire(struct ring *r)
{
	struct batch *b = NULL;
	int64_t start;

	pthread_mutex_lock(&r->mutex);
	if (r->empty.n == 0 && !r->aborted) {
		start = now(r);
		while (r->empty.n == 0 && !r->aborted)
			pthread_cond_wait(&r->changed, &r->mutex);
		r->stats.wait_empty_ms += now(r) - start;
	}
	if (!r->aborted) {
		b = take(&r->empty);
		batch_reset(b);
	}
	pthread_mutex_unlock(&r->mutex);
	return b;
}

void ring_push(struct ring *r, struct batch *b)
{
	pthread_mutex_lock(&r->mutex);
	assert(!r->finished);
	put(&r->full, b);
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->mutex);
}

void ring_finish(struct ring *r, const struct err *why)
{
	pthread_mutex_lock(&r->mutex);
	if (!r->finished && why)
		r->why = *why;
	r->finished = true;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->mutex);
}

int ring_next(struct ring *r, struct batch **ret_batch, struct err *err)
{
	int64_t start;
	int ret;

	pthread_mutex_lock(&r->mutex);
	if (r->full.n == 0 && !r->finished && !r->aborted) {
		start = now(r);
		while (r->full.n == 0 && !r->finished && !r->aborted)
			pthread_cond_wait(&r->changed, &r->mutex);
		r->stats.wait_full_ms += now(r) - start;
	}
	if (r->finished && r->why.code != ERR_NONE) { /* rows before the error are not wanted */
		*err = r->why;
		ret = -1;
	} else if (r->aborted) {
		ret = err_set(err, ERR_CANCELLED, "cancelled");
	} else if (r->full.n > 0) {
		*ret_batch = take(&r->full);
		ret = 1;
	} else {
		ret = 0;
	}
	pthread_mutex_unlock(&r->mutex);
	return ret;
}

void ring_recycle(struct ring *r, struct batch *b)
{
	pthread_mutex_lock(&r->mutex);
	put(&r->empty, b);
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->mutex);
}

void ring_abort(struct ring *r)
{
	pthread_mutex_lock(&r->mutex);
	r->aborted = true;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->mutex);
}

void ring_stats(struct ring *r, struct ring_stats *ret_stats)
{
	pthread_mutex_lock(&r->mutex);
	*ret_stats = r->stats;
	pthread_mutex_unlock(&r->mutex);
}
