#include "work/aside.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <time.h>

struct aside {
	void (*work)(void *arg);
	void *arg;
	pthread_mutex_t mutex; /* for what is below */
	pthread_cond_t changed;
	bool done;
};

static void *thread_main(void *arg)
{
	struct aside *a = arg;

	a->work(a->arg);
	pthread_mutex_lock(&a->mutex);
	a->done = true;
	pthread_cond_signal(&a->changed);
	pthread_mutex_unlock(&a->mutex);
	return NULL;
}

static struct timespec in_a_tick(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec += ASIDE_TICK_MS * 1000000L;
	if (t.tv_nsec >= 1000000000L) {
		t.tv_nsec -= 1000000000L;
		t.tv_sec++;
	}
	return t;
}

static bool wait_a_tick(struct aside *a)
{
	const struct timespec until = in_a_tick();
	bool done;

	pthread_mutex_lock(&a->mutex);
	while (!a->done && pthread_cond_timedwait(&a->changed, &a->mutex, &until) != ETIMEDOUT)
		;
	done = a->done;
	pthread_mutex_unlock(&a->mutex);
	return done;
}

static void aside_init(struct aside *a)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&a->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&a->changed, &attr);
	pthread_condattr_destroy(&attr);
}

int aside_run(void (*work)(void *arg), void (*tick)(void *arg), void *arg, struct err *err)
{
	struct aside a = {.work = work, .arg = arg};
	pthread_t thread;
	int e;

	aside_init(&a);
	e = pthread_create(&thread, NULL, thread_main, &a);
	if (e == 0) {
		while (!wait_a_tick(&a))
			tick(arg);
		pthread_join(thread, NULL);
	}
	pthread_cond_destroy(&a.changed);
	pthread_mutex_destroy(&a.mutex);
	return e == 0 ? 0 : err_errno(err, ERR_IO, e, "start a thread");
}
