#include "krb/krb.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
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

static int obtain_with(struct krb_session *s, bool force, struct krb_ticket *ret, struct err *err)
{
	char name[KRB_NAME_MAX + 1];
	struct exchange x = {.refusals = 0};
	struct krb5_creds *creds = NULL;
	uint64_t version = krb_keytab_version(s->o);
	unsigned kvno = 0;
	int32_t code;
	int rc;

	if (keys_open(s, err) || keys_choose_client(s, name, &kvno, err))
		return -1;
	if (!force && refused_before(s->o, name, version)) {
		krb_explain(KRB_ERR_PREAUTH_FAILED, 0, name, NULL, err);
		return err_wrap(err, "not tried again with the same keytab (kvno %u), so that the account is not locked",
			kvno);
	}
	code = exchange_ask(s, &creds, &x);
	if (code == KRB_ERR_PREAUTH_FAILED || code == KRB_AP_ERR_BAD_INTEGRITY)
		refused_remember(s->o, name, version);
	if (code)
		return fail(s, code, &x, name, err);
	refused_forget(s->o, name);
	rc = keep(s, creds, &x, ret, err);
	exchange_free(s, creds);
	return rc;
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

static int obtain_locked(const struct kerberos_options *o, bool force, struct krb_ticket *ret, struct err *err)
{
	CLEANUP(krb_session_release) struct krb_session s = {.o = o};

	return krb_session_open(o, &s, err) || obtain_with(&s, force, ret, err) ? -1 : 0;
}

int krb_obtain(const struct kerberos_options *o, bool force, struct krb_ticket *ret, struct err *err)
{
	int lock = lock_cache(o), rc = obtain_locked(o, force, ret, err);

	unlock_cache(lock);
	return rc;
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

/* When a KDC was asked in vain, for this process: a cache that still serves is not worth the waiting. */
static _Atomic int64_t failed_at;

static int ensure_locked(const struct kerberos_options *o, struct krb_ticket *ret, struct err *err)
{
	struct err quiet = ERR_INIT;
	struct krb_ticket t = {.end = 0};
	int64_t now = (int64_t)time(NULL);
	bool serves = read_cache(o, &t, &quiet) == 0 && refresh_serves(t.end, now);

	if (serves && (is_fresh(&t, now) || now < failed_at + ENSURE_PAUSE)) {
		*ret = t;
		return 0;
	}
	if (obtain_locked(o, false, ret, serves ? &quiet : err) == 0)
		return 0;
	failed_at = now;
	if (!serves)
		return -1;
	*ret = t;
	return 0;
}

int krb_ensure(const struct kerberos_options *o, struct krb_ticket *ret, struct err *err)
{
	struct err quiet = ERR_INIT;
	struct krb_ticket t;
	int lock, rc;

	if (!o->keytab)
		return krb_read(o, ret, err);
	if (read_cache(o, &t, &quiet) == 0 && is_fresh(&t, (int64_t)time(NULL))) {
		*ret = t;
		return 0;
	}
	lock = lock_cache(o);
	rc = ensure_locked(o, ret, err);
	unlock_cache(lock);
	return rc;
}
