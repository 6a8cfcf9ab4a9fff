/* Locks between sessions: one writer per database, and sp_getapplock's. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "tests/tdsd/engine_private.h"

#define WAIT_STEP_MS 20

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Would waiting for `owner` close a circle? */
static bool is_deadlock(const struct session *s, const struct session *owner)
{
	for (int i = 0; owner && i < 1000; i++, owner = owner->waits_for)
		if (owner == s)
			return true;
	return false;
}

/* Sleeps until something is released, a little at most. The mutex is held. */
static void wait_a_little(struct engine *e)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += WAIT_STEP_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	(void)pthread_cond_timedwait(&e->released, &e->mutex, &until);
}

/* 0: the owner may have changed; -1: error 1205, 1222, or the session is gone. The mutex is held.
 */
static int wait_for(struct session *s, struct session *owner, int64_t started, int timeout)
{
	if (is_deadlock(s, owner))
		return tsql_fail(&s->error, 1205, tsql_number(s->spid));
	if (timeout >= 0 && now_ms() - started >= timeout)
		return tsql_fail(&s->error, 1222);
	s->waits_for = owner;
	wait_a_little(s->e);
	s->waits_for = NULL;
	pthread_mutex_unlock(&s->e->mutex);
	if (session_cancelled(s)) {
		pthread_mutex_lock(&s->e->mutex);
		s->error.number = 0;
		return -1;
	}
	pthread_mutex_lock(&s->e->mutex);
	return 0;
}

/* Who keeps s from writing: another writer, or who shares. The mutex is held. */
static struct session *holder(const struct session *s, const struct database *d)
{
	if (d->writer && d->writer != s)
		return d->writer;
	for (struct session *other = s->e->sessions; other; other = other->next)
		if (other != s && other->shares[d->id])
			return other;
	return NULL;
}

int lock_share(struct session *s, struct database *d)
{
	int64_t started = now_ms();
	int rc = 0;

	pthread_mutex_lock(&s->e->mutex);
	while (rc == 0 && d->writer && d->writer != s)
		rc = wait_for(s, d->writer, started, s->options.lock_timeout);
	s->shares[d->id] |= rc == 0;
	pthread_mutex_unlock(&s->e->mutex);
	return rc;
}

int lock_database(struct session *s, struct database *d)
{
	struct session *owner;
	int64_t started = now_ms();
	int rc = 0;

	pthread_mutex_lock(&s->e->mutex);
	while (rc == 0 && (owner = holder(s, d)))
		rc = wait_for(s, owner, started, s->options.lock_timeout);
	if (rc == 0)
		d->writer = s;
	pthread_mutex_unlock(&s->e->mutex);
	return rc;
}

void lock_release_all(struct session *s)
{
	pthread_mutex_lock(&s->e->mutex);
	s->first_rowversion = 0;
	memset(s->shares, 0, sizeof(s->shares));
	for (size_t i = 0; i < s->e->n_databases; i++)
		if (s->e->databases[i]->writer == s)
			s->e->databases[i]->writer = NULL;
	pthread_cond_broadcast(&s->e->released);
	pthread_mutex_unlock(&s->e->mutex);
}

/* --- application locks --- */

enum { MODE_IS, MODE_S, MODE_U, MODE_IX, MODE_X, MODE_COUNT };
static const char *const mode_names[] = {
	"IntentShared", "Shared", "Update", "IntentExclusive", "Exclusive"};
static const bool compatible[MODE_COUNT][MODE_COUNT] = {[MODE_IS] = {true, true, true, true, false},
	[MODE_S] = {true, true, true, false, false},
	[MODE_U] = {true, true, false, false, false},
	[MODE_IX] = {true, false, false, true, false},
	[MODE_X] = {false, false, false, false, false}};

static struct session *conflict(struct session *s, const char *resource, int mode)
{
	for (struct applock *l = s->e->applocks; l; l = l->next)
		if (l->owner != s && strcmp(l->resource, resource) == 0 &&
			!compatible[l->mode][mode])
			return l->owner;
	return NULL;
}

static void grant(struct session *s, const char *resource, int mode, bool of_session)
{
	struct applock *l;

	for (l = s->e->applocks; l; l = l->next) {
		if (l->owner != s || strcmp(l->resource, resource) != 0 ||
			l->of_session != of_session)
			continue;
		l->mode = l->mode > mode ? l->mode : mode;
		l->count++;
		return;
	}
	l = mem_alloc(sizeof(*l));
	l->owner = s;
	strncpy(l->resource, resource, sizeof(l->resource) - 1);
	l->mode = mode;
	l->count = 1;
	l->of_session = of_session;
	l->next = s->e->applocks;
	s->e->applocks = l;
}

/* *ret_status as the procedure returns it: 0 at once, 1 after waiting, -1 timed out, -3 deadlock,
 * -999 */
int applock_get(struct session *s, const char *resource, const char *mode, bool of_session,
	int timeout, int *ret_status)
{
	int64_t started = now_ms();
	struct session *owner;
	int wanted = -1, rc = 0;
	bool waited = false;

	for (int i = 0; i < MODE_COUNT; i++)
		if (strcasecmp(mode_names[i], mode) == 0)
			wanted = i;
	*ret_status = -999;
	if (wanted < 0 || strlen(resource) >= sizeof(((struct applock *)0)->resource))
		return 0;
	pthread_mutex_lock(&s->e->mutex);
	while (rc == 0 && (owner = conflict(s, resource, wanted))) {
		rc = wait_for(s, owner, started, timeout);
		waited = true;
	}
	if (rc == 0)
		grant(s, resource, wanted, of_session);
	pthread_mutex_unlock(&s->e->mutex);
	*ret_status = rc == 0 ? waited : s->error.number == 1205 ? -3 : -1;
	return s->gone ? -1 : 0;
}

int applock_release(struct session *s, const char *resource, bool of_session, int *ret_status)
{
	*ret_status = -999;
	pthread_mutex_lock(&s->e->mutex);
	for (struct applock **p = &s->e->applocks; *p; p = &(*p)->next) {
		struct applock *l = *p;

		if (l->owner != s || strcmp(l->resource, resource) != 0 ||
			l->of_session != of_session)
			continue;
		*ret_status = 0;
		if (--l->count == 0) {
			*p = l->next;
			free(l);
		}
		break;
	}
	pthread_cond_broadcast(&s->e->released);
	pthread_mutex_unlock(&s->e->mutex);
	return 0;
}

void applock_release_owned(struct session *s, bool of_session)
{
	pthread_mutex_lock(&s->e->mutex);
	for (struct applock **p = &s->e->applocks; *p;) {
		struct applock *l = *p;

		if (l->owner == s && l->of_session == of_session) {
			*p = l->next;
			free(l);
		} else {
			p = &l->next;
		}
	}
	pthread_cond_broadcast(&s->e->released);
	pthread_mutex_unlock(&s->e->mutex);
}
