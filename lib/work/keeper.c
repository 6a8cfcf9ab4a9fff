#include "work/keeper.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"

#define LINES_PER_WRITE 500
#define RETRY_MIN_MS 50 /* between two tries of a call, doubled up to the maximum */
#define RETRY_MAX_MS 2000
#define LEAVE_MS 1000 /* how long a call waits for the store when we are told to leave */
#define PROGRESS_MAX 256

struct line {
	enum log_level level;
	char *text;
};

struct call { /* lives on the caller's stack */
	int (*fn)(struct store *s, void *arg, struct err *err);
	void *arg;
	int patience_ms;
	struct err err;
	int rc;
	bool done;
	struct call *next;
};

struct keeper {
	const struct settings *settings;
	const struct run *run;
	const struct clock *clock;
	atomic_bool *cancel;
	const atomic_bool *leave;
	struct store *store; /* the thread's; NULL while it is to be opened again */
	int64_t renew_ms, next; /* between renewals; when the next one is due */
	atomic_bool lost, cancelled;
	pthread_t thread;

	pthread_mutex_t mutex; /* for what is below */
	pthread_cond_t changed;
	struct line *lines; /* a ring */
	size_t first, n;
	uint64_t lines_lost;
	char progress[PROGRESS_MAX];
	struct call *calls, **calls_end;
	bool stop;
};

static int64_t now(const struct keeper *k)
{
	return k->clock->monotonic(k->clock->arg);
}

/* --- the thread's side --- */

/* A connection that failed is not trusted again. */
static int make_call(struct keeper *k, int (*fn)(struct store *, void *, struct err *), void *arg,
	struct err *err)
{
	if (k->store && store_moved(k->store)) {
		store_close(k->store);
		k->store = NULL;
	}
	if (!k->store && store_open(k->settings, &k->store, err))
		return -1;
	if (fn(k->store, arg, err) == 0)
		return 0;
	if (store_away(err) && err->code != ERR_BUSY) {
		store_close(k->store);
		k->store = NULL;
	}
	return -1;
}

struct renewal {
	struct keeper *k;
	const char *progress;
};

static void set_lost(struct keeper *k)
{
	k->lost = true;
	*k->cancel = true;
}

static int renew(struct store *s, void *arg, struct err *err)
{
	struct renewal *r = arg;
	bool cancelled = false;

	if (queue_renew(s, r->k->run, r->k->settings->controller.lease, r->progress, &cancelled, err)) {
		if (err->code == ERR_LEASE_LOST)
			set_lost(r->k);
		return -1;
	}
	if (cancelled) {
		r->k->cancelled = true;
		*r->k->cancel = true;
	}
	return 0;
}

/* A renewal by the way: what goes wrong but for a lost lease is tried again in time. */
static void renew_in_time(struct keeper *k)
{
	char progress[PROGRESS_MAX];
	struct renewal r = {.k = k, .progress = progress};
	struct err err = ERR_INIT;

	pthread_mutex_lock(&k->mutex);
	memcpy(progress, k->progress, sizeof(progress));
	pthread_mutex_unlock(&k->mutex);
	if (!*progress)
		r.progress = NULL;
	if (make_call(k, renew, &r, &err))
		log_debug("renew the lease: %s", err.msg);
}

struct lines {
	const struct run *run;
	struct run_line v[LINES_PER_WRITE];
	size_t n;
};

static int write_lines(struct store *s, void *arg, struct err *err)
{
	struct lines *l = arg;

	return queue_log(s, l->run, l->v, l->n, err);
}

/* The mutex is held, and there is room. */
static void push(struct keeper *k, enum log_level level, const char *text)
{
	k->lines[(k->first + k->n++) % KEEPER_LINES_MAX] =
		(struct line){.level = level, .text = mem_strdup(text)};
}

/* Where they would stand: what is said from now on comes after them. */
static void push_lost(struct keeper *k)
{
	char count[32], text[96];

	snprintf(text, sizeof(text), "%s lines of the log are missing here: the store did not take them "
				     "in time", text_count(k->lines_lost, count, sizeof(count)));
	push(k, LOG_WARN, text);
	k->lines_lost = 0;
}

/* The oldest lines, which stay in the ring until they are stored. Returns whether there is more to
 * do; a store that is away is asked again later. */
static bool write_some(struct keeper *k, struct err *err)
{
	struct lines l = {.run = k->run};
	bool more;

	pthread_mutex_lock(&k->mutex);
	for (; l.n < k->n && l.n < LINES_PER_WRITE; l.n++) {
		const struct line *line = &k->lines[(k->first + l.n) % KEEPER_LINES_MAX];

		l.v[l.n] = (struct run_line){log_level_name(line->level), line->text};
	}
	pthread_mutex_unlock(&k->mutex);
	if (l.n == 0 || make_call(k, write_lines, &l, err))
		return false;
	pthread_mutex_lock(&k->mutex);
	for (size_t i = 0; i < l.n; i++) {
		free(k->lines[k->first].text);
		k->first = (k->first + 1) % KEEPER_LINES_MAX;
		k->n--;
	}
	if (k->lines_lost)
		push_lost(k);
	more = k->n > 0;
	pthread_mutex_unlock(&k->mutex);
	return more;
}

static void write_all(struct keeper *k)
{
	struct err err = ERR_INIT;

	while (write_some(k, &err))
		;
	if (err.code)
		log_debug("write the log: %s", err.msg);
}

static void sleep_ms(int64_t ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	nanosleep(&t, NULL);
}

static void renew_when_due(struct keeper *k)
{
	if (k->lost || now(k) < k->next)
		return;
	renew_in_time(k);
	k->next = now(k) + k->renew_ms;
}

/* What the store refuses may be one row, that somebody has locked: the lease goes on meanwhile. */
static void carry_out(struct keeper *k, struct call *c)
{
	int64_t start = now(k), pause = RETRY_MIN_MS;
	int64_t most = RETRY_MAX_MS < k->renew_ms ? RETRY_MAX_MS : k->renew_ms;

	for (;;) {
		int64_t passed;

		err_clear(&c->err);
		write_all(k); /* what was said before the call */
		c->rc = make_call(k, c->fn, c->arg, &c->err);
		if (c->rc == 0 || !store_away(&c->err) || k->lost)
			return;
		passed = now(k) - start;
		if ((c->patience_ms >= 0 && passed >= c->patience_ms) ||
			(*k->leave && passed >= LEAVE_MS))
			return;
		renew_when_due(k);
		sleep_ms(pause);
		pause = pause * 2 < most ? pause * 2 : most;
	}
}

static struct call *take_call(struct keeper *k)
{
	struct call *c = k->calls;

	if (c) {
		k->calls = c->next;
		if (!k->calls)
			k->calls_end = &k->calls;
	}
	return c;
}

/* Waits for something to do, at most until `until`; the mutex is held. */
static void wait_until(struct keeper *k, int64_t until)
{
	int64_t left = until - now(k);
	struct timespec t;

	if (left <= 0)
		return;
	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += left / 1000;
	t.tv_nsec += left % 1000 * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	pthread_cond_timedwait(&k->changed, &k->mutex, &t);
}

static void *keeper_main(void *arg)
{
	struct keeper *k = arg;

	pthread_mutex_lock(&k->mutex);
	for (;;) {
		struct call *c = take_call(k);
		bool stop = k->stop && !c;

		if (!c && !stop && k->n == 0)
			wait_until(k, k->next);
		pthread_mutex_unlock(&k->mutex);
		if (c)
			carry_out(k, c);
		else
			write_all(k);
		if (!stop)
			renew_when_due(k);
		pthread_mutex_lock(&k->mutex);
		if (c) {
			c->done = true;
			pthread_cond_broadcast(&k->changed);
		}
		if (stop)
			break;
		if (k->n && !k->calls && !k->stop) /* the store is away: not in a busy loop */
			wait_until(k, now(k) + RETRY_MAX_MS < k->next ? now(k) + RETRY_MAX_MS : k->next);
	}
	pthread_mutex_unlock(&k->mutex);
	return NULL;
}

/* --- everybody's side --- */

static void keeper_free(struct keeper *k)
{
	for (size_t i = 0; i < k->n; i++)
		free(k->lines[(k->first + i) % KEEPER_LINES_MAX].text);
	free(k->lines);
	store_close(k->store);
	pthread_cond_destroy(&k->changed);
	pthread_mutex_destroy(&k->mutex);
	free(k);
}

int keeper_start(const struct settings *settings, struct store *store, const struct run *run,
	const struct clock *clock, atomic_bool *cancel, const atomic_bool *leave,
	struct keeper **ret_keeper, struct err *err)
{
	struct keeper *k = mem_alloc(sizeof(*k));
	int64_t third = settings->controller.lease / 3;
	pthread_condattr_t attr;
	int e;

	k->settings = settings;
	k->run = run;
	k->clock = clock;
	k->cancel = cancel;
	k->leave = leave;
	k->store = store;
	k->renew_ms = third < KEEPER_RENEW_MAX_MS ? third : KEEPER_RENEW_MAX_MS;
	k->next = now(k) + k->renew_ms; /* not the thread's first moment: the lease began before */
	k->lines = mem_array(KEEPER_LINES_MAX, sizeof(*k->lines));
	k->calls_end = &k->calls;
	pthread_mutex_init(&k->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&k->changed, &attr);
	pthread_condattr_destroy(&attr);
	e = pthread_create(&k->thread, NULL, keeper_main, k);
	if (e) {
		keeper_free(k);
		return err_errno(err, ERR_IO, e, "start the store's thread");
	}
	*ret_keeper = k;
	return 0;
}

void keeper_stop(struct keeper *k)
{
	if (!k)
		return;
	pthread_mutex_lock(&k->mutex);
	k->stop = true;
	pthread_cond_broadcast(&k->changed);
	pthread_mutex_unlock(&k->mutex);
	pthread_join(k->thread, NULL);
	if (k->n || k->lines_lost)
		log_warn("%zu lines of the run's log could not be stored",
			k->n + (size_t)k->lines_lost);
	keeper_free(k);
}

bool keeper_lost(struct keeper *k)
{
	return k->lost;
}

bool keeper_cancelled(struct keeper *k)
{
	return k->cancelled;
}

void keeper_say(struct keeper *k, enum log_level level, const char *text)
{
	pthread_mutex_lock(&k->mutex);
	if (k->n == KEEPER_LINES_MAX) {
		k->lines_lost++; /* it is on standard error all the same */
	} else {
		push(k, level, text);
		if (k->n == 1)
			pthread_cond_broadcast(&k->changed);
	}
	pthread_mutex_unlock(&k->mutex);
}

void keeper_progress(struct keeper *k, const char *line)
{
	pthread_mutex_lock(&k->mutex);
	snprintf(k->progress, sizeof(k->progress), "%s", line);
	pthread_mutex_unlock(&k->mutex);
}

int keeper_call(struct keeper *k, int (*fn)(struct store *s, void *arg, struct err *err), void *arg,
	int patience_ms, struct err *err)
{
	struct call c = {.fn = fn, .arg = arg, .patience_ms = patience_ms, .err = ERR_INIT};

	pthread_mutex_lock(&k->mutex);
	assert(!k->stop);
	*k->calls_end = &c;
	k->calls_end = &c.next;
	pthread_cond_broadcast(&k->changed);
	while (!c.done)
		pthread_cond_wait(&k->changed, &k->mutex);
	pthread_mutex_unlock(&k->mutex);
	if (c.rc)
		*err = c.err;
	return c.rc;
}

int keeper_renew(struct keeper *k, int patience_ms, struct err *err)
{
	struct renewal r = {.k = k};

	return keeper_call(k, renew, &r, patience_ms, err);
}
