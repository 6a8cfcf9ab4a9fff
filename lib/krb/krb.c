#include "krb/krb.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "krb/cache.h"
#include "krb/exchange.h"
#include "krb/explain.h"
#include "krb/keys.h"
#include "krb/refresh.h"
#include "krb/refused.h"
#include "krb/session.h"

#define PATH_MAX_    4096
#define ENSURE_PAUSE 10 /* s after an attempt that failed, while the old ticket serves */

/* What went wrong, and that the clocks may be why. */
static int fail(struct krb_session *s, int32_t code, const struct exchange *x, const char *name, struct err *err)
{
	krb_fail(s, code, x->nt_status, name, err);
	if (x->has_skew && llabs((long long)x->skew_s) > KRB_SKEW_LIMIT_S)
		err_wrap(err, "the KDC's clock is %lld s %s ours", llabs((long long)x->skew_s),
			x->skew_s > 0 ? "before" : "behind");
	return -1;
}

static int keep(struct krb_session *s, struct krb5_creds *creds, const struct exchange *x, struct krb_ticket *ret,
	struct err *err)
{
	struct krb_ticket t = {.has_skew = x->has_skew, .skew_s = x->skew_s};

	if (cache_store(s, creds, err))
		return -1;
	cache_describe(s, creds, &t);
	*ret = t;
	return 0;
}

/* Files have a lock beside them that all processes share, memory the one in this process. */
static pthread_mutex_t obtaining = PTHREAD_MUTEX_INITIALIZER;

static int lock_cache(const struct kerberos_options *o)
{
	char path[PATH_MAX_];
	int fd = -1;

	pthread_mutex_lock(&obtaining);
	if (o->ccache && snprintf(path, sizeof(path), "%s.lock", o->ccache) < (int)sizeof(path))
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	while (fd >= 0 && flock(fd, LOCK_EX) && errno == EINTR)
		;
	return fd;
}

static void unlock_cache(int fd)
{
	if (fd >= 0)
		close(fd);
	pthread_mutex_unlock(&obtaining);
}

static int read_cache(const struct kerberos_options *o, struct krb_ticket *ret, struct err *err)
{
	CLEANUP(krb_session_release) struct krb_session s = {.o = o};

	return krb_session_open(o, &s, err) || cache_open(&s, err) || cache_read(&s, ret, err) ? -1 : 0;
}

static int check_life(const struct krb_ticket *t, struct err *err)
{
	char when[CLOCK_TEXT_LEN + 1];

	if (refresh_serves(t->end, (int64_t)time(NULL)))
		return 0;
	clock_text(t->end * 1000, when);
	err_set(err, ERR_AUTH, "the ticket of '%s' has expired at %s", t->principal, when);
	return err_hint(err, "does 'etl kinit-refresh' run?");
}

int krb_read(const struct kerberos_options *o, struct krb_ticket *ret, struct err *err)
{
	struct krb_ticket t;

	if (read_cache(o, &t, err) || check_life(&t, err))
		return -1;
	*ret = t;
	return 0;
}

/* Past its half? Without chance: whoever comes first renews it, under the lock. */
static bool is_fresh(const struct krb_ticket *t, int64_t now)
{
	return refresh_serves(t->end, now) && now < refresh_at(t->start, t->end, 0);
}

/* --- a ticket anew --------------------------------------------------------------------- */

static const struct krb_sharing *sharing; /* set before any thread */

void krb_share(const struct krb_sharing *s)
{
	sharing = s;
}

/* What this thread obtains while it asks those that share the key, which may take a ticket. */
static _Thread_local const struct kerberos_options *asking;

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool is_asked_for(const struct kerberos_options *o)
{
	return asking && same(asking->keytab, o->keytab) && same(asking->principal, o->principal);
}

struct attempt {
	struct krb_session s;
	struct keys_client client;
	bool force;
	bool if_due; /* not where another one was faster */
};

static int refuse(const struct attempt *a, struct err *err)
{
	krb_explain(KRB_ERR_PREAUTH_FAILED, 0, a->client.name, NULL, err);
	return err_wrap(err, "not tried again with the same keytab (kvno %u), so that the account is not locked",
		a->client.kvno);
}

/* Under the lock. *ret_refused: the KDC does not take the key. */
static int obtain_locked(struct attempt *a, bool *ret_refused, struct krb_ticket *ret, struct err *err)
{
	const struct kerberos_options *o = a->s.o;
	struct exchange x = {.refusals = 0};
	struct krb5_creds *creds = NULL;
	int32_t code;
	int rc;

	if (!a->force && refused_before(o, a->client.name, a->client.version))
		return refuse(a, err);
	code = exchange_ask(&a->s, &creds, &x);
	*ret_refused = code == KRB_ERR_PREAUTH_FAILED || code == KRB_AP_ERR_BAD_INTEGRITY;
	if (*ret_refused)
		refused_remember(o, a->client.name, a->client.version);
	if (code)
		return fail(&a->s, code, &x, a->client.name, err);
	refused_forget(o, a->client.name);
	rc = keep(&a->s, creds, &x, ret, err);
	exchange_free(&a->s, creds);
	return rc;
}

static int obtain_in_turn(struct attempt *a, bool *ret_refused, struct krb_ticket *ret, struct err *err)
{
	struct err quiet = ERR_INIT;
	struct krb_ticket t;
	int lock = lock_cache(a->s.o), rc = 0;

	if (a->if_due && read_cache(a->s.o, &t, &quiet) == 0 && is_fresh(&t, (int64_t)time(NULL)))
		*ret = t;
	else
		rc = obtain_locked(a, ret_refused, ret, err);
	unlock_cache(lock);
	return rc;
}

/* The cache's lock is not held meanwhile: whoever is asked may want a ticket. */
static enum krb_turn take_turn(const struct attempt *a, void **ret_turn)
{
	const struct krb_key_version key = {.principal = a->client.name, .version = a->client.version};
	enum krb_turn turn;

	if (!sharing || asking)
		return KRB_TURN_ALONE;
	asking = a->s.o;
	turn = sharing->begin(sharing->arg, &key, a->s.o->timeout, a->force, ret_turn);
	asking = NULL;
	return turn;
}

static int obtain_with(struct attempt *a, struct krb_ticket *ret, struct err *err)
{
	const struct kerberos_options *o = a->s.o;
	bool refused = false;
	void *turn_data = NULL;
	enum krb_turn turn;
	int rc;

	if (keys_open(&a->s, err) || keys_choose_client(&a->s, &a->client, err))
		return -1;
	if (!a->force && refused_before(o, a->client.name, a->client.version))
		return refuse(a, err);
	turn = take_turn(a, &turn_data);
	if (turn == KRB_TURN_REFUSED) {
		refused_remember(o, a->client.name, a->client.version);
		return refuse(a, err);
	}
	rc = obtain_in_turn(a, &refused, ret, err);
	if (turn == KRB_TURN_OURS)
		sharing->end(sharing->arg, turn_data, refused);
	return rc;
}

static int obtain(const struct kerberos_options *o, bool force, bool if_due, struct krb_ticket *ret, struct err *err)
{
	struct attempt a = {.force = force, .if_due = if_due};
	int rc;

	if (is_asked_for(o))
		return err_set(err, ERR_NOT_FOUND, "there is no ticket yet to ask with");
	if (krb_session_open(o, &a.s, err))
		return -1;
	rc = obtain_with(&a, ret, err);
	krb_session_release(&a.s);
	return rc;
}

int krb_obtain(const struct kerberos_options *o, bool force, struct krb_ticket *ret, struct err *err)
{
	return obtain(o, force, false, ret, err);
}

/* When a KDC was asked in vain, for this process: a cache that still serves is not worth the waiting. */
static _Atomic int64_t failed_at;

int krb_ensure(const struct kerberos_options *o, struct krb_ticket *ret, struct err *err)
{
	struct err quiet = ERR_INIT;
	struct krb_ticket t = {.end = 0};
	int64_t now = (int64_t)time(NULL);
	bool serves;

	if (!o->keytab)
		return krb_read(o, ret, err);
	serves = read_cache(o, &t, &quiet) == 0 && refresh_serves(t.end, now);
	if (serves && (is_fresh(&t, now) || now < failed_at + ENSURE_PAUSE || is_asked_for(o))) {
		*ret = t;
		return 0;
	}
	if (obtain(o, false, true, ret, serves ? &quiet : err) == 0)
		return 0;
	if (!is_asked_for(o))
		failed_at = now;
	if (!serves)
		return -1;
	*ret = t;
	return 0;
}

/* The old ticket may serve for hours after that. */
static int check_refused(const struct kerberos_options *o, struct err *err)
{
	struct attempt a = {.force = false};
	int rc;

	if (krb_session_open(o, &a.s, err))
		return -1;
	rc = keys_open(&a.s, err) || keys_choose_client(&a.s, &a.client, err) ? -1 : 0;
	if (rc == 0 && refused_before(o, a.client.name, a.client.version))
		rc = refuse(&a, err);
	krb_session_release(&a.s);
	return rc;
}

int krb_verify(const struct kerberos_options *o, bool anew, struct err *err)
{
	struct krb_ticket t;

	if (!o->keytab)
		return krb_read(o, &t, err);
	if (anew)
		return krb_obtain(o, false, &t, err);
	return krb_ensure(o, &t, err) || check_refused(o, err) ? -1 : 0;
}
