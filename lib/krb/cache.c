#include "krb/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <krb5.h>

#include "base/arena.h"
#include "krb/enctype.h"
#include "krb/session.h"

#define PATH_MAX_ 4096

const char *krb_cache_name(const struct kerberos_options *o, struct arena *a)
{
	if (o->ccache)
		return arena_printf(a, "FILE:%s", o->ccache);
	if (!o->keytab) {
		const char *env = getenv("KRB5CCNAME");

		return env && *env ? arena_strdup(a, env) : arena_printf(a, "FILE:/tmp/krb5cc_%u", (unsigned)geteuid());
	}
	return arena_printf(a, "MEMORY:etl %s %s", o->principal ? o->principal : "", o->keytab);
}

static krb5_error_code fill_cache(struct krb_session *s, krb5_ccache cache, krb5_creds *creds)
{
	krb5_error_code code = krb5_cc_initialize(s->ctx, cache, s->client);

	return code ? code : krb5_cc_store_cred(s->ctx, cache, creds);
}

/* Whoever reads it has the old file or the new one, never half of one. */
static int store_file(struct krb_session *s, krb5_creds *creds, struct err *err)
{
	char path[PATH_MAX_], name[PATH_MAX_ + 8];
	krb5_ccache cache = NULL;
	krb5_error_code code;
	int fd;

	if (snprintf(path, sizeof(path), "%s.XXXXXX", s->o->ccache) >= (int)sizeof(path))
		return err_set(err, ERR_CONFIG, "ccache: the path is too long");
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, ERR_IO, errno, "ccache '%s'", s->o->ccache);
	close(fd);
	snprintf(name, sizeof(name), "FILE:%s", path);
	code = krb5_cc_resolve(s->ctx, name, &cache);
	code = code ? code : fill_cache(s, cache, creds);
	if (cache)
		krb5_cc_close(s->ctx, cache);
	if (code == 0 && rename(path, s->o->ccache) == 0)
		return 0;
	if (code)
		err_set(err, ERR_IO, "ccache '%s': %s", s->o->ccache, code < 256 ? strerror((int)code) : "it cannot be written");
	else
		err_errno(err, ERR_IO, errno, "ccache '%s'", s->o->ccache);
	unlink(path);
	return -1;
}

/* krb5_cc_move changes a cache in memory under its lock. */
static int store_memory(struct krb_session *s, krb5_creds *creds, struct err *err)
{
	CLEANUP(arena_release) struct arena a = {0};
	krb5_ccache made = NULL, cache = NULL;
	krb5_error_code code = krb5_cc_new_unique(s->ctx, "MEMORY", NULL, &made);

	code = code ? code : fill_cache(s, made, creds);
	code = code ? code : krb5_cc_resolve(s->ctx, krb_cache_name(s->o, &a), &cache);
	if (code == 0) {
		code = krb5_cc_move(s->ctx, made, cache);
		if (code == 0)
			made = NULL;
	}
	if (made)
		krb5_cc_destroy(s->ctx, made);
	if (cache)
		krb5_cc_close(s->ctx, cache);
	return code ? err_set(err, ERR_INTERNAL, "a cache of tickets in memory: error %d", (int)code) : 0;
}

void cache_describe(struct krb_session *s, const struct krb5_creds *creds, struct krb_ticket *t)
{
	krb_unparse(s, creds->client, t->principal);
	enctype_name((int32_t)creds->session.keytype, t->enctype);
	t->start = (int64_t)creds->times.starttime;
	if (!t->start)
		t->start = (int64_t)creds->times.authtime;
	t->end = (int64_t)creds->times.endtime;
}

static int refuse_rc4(struct krb_session *s, const krb5_creds *creds, struct err *err)
{
	if (s->o->allow_rc4 || enctype_is_aes((int32_t)creds->session.keytype))
		return 0;
	err_set(err, ERR_AUTH, "the KDC offers RC4 only");
	return err_hint(err, "allow_rc4 = yes takes it, though it can be broken");
}

int cache_store(struct krb_session *s, struct krb5_creds *creds, struct err *err)
{
	if (refuse_rc4(s, creds, err))
		return -1;
	return s->o->ccache ? store_file(s, creds, err) : store_memory(s, creds, err);
}

int cache_open(struct krb_session *s, struct err *err)
{
	CLEANUP(arena_release) struct arena a = {0};
	const char *name = krb_cache_name(s->o, &a);
	krb5_error_code code = krb5_cc_resolve(s->ctx, name, &s->cache);

	code = code ? code : krb5_cc_get_principal(s->ctx, s->cache, &s->client);
	if (code == 0)
		return 0;
	err_set(err, ERR_NOT_FOUND, "there is no ticket in '%s'%s%s", name, code == EPERM || code == EACCES ? ": " : "",
		code == EPERM || code == EACCES ? "the file is not ours alone, or may not be read" : "");
	return err_hint(err, "%s", s->o->keytab ? "'etl kinit-refresh' gets one" : "say [kerberos] keytab, or let 'etl kinit-refresh' fill the ccache");
}

int cache_read(struct krb_session *s, struct krb_ticket *ret, struct err *err)
{
	krb5_creds want = {.client = s->client}, got = {.client = NULL};
	krb5_const_realm realm = krb5_principal_get_realm(s->ctx, s->client);
	krb5_error_code code = krb5_make_principal(s->ctx, &want.server, realm, KRB5_TGS_NAME, realm, NULL);
	struct krb_ticket t = {.end = 0};

	code = code ? code : krb5_cc_retrieve_cred(s->ctx, s->cache, 0, &want, &got);
	if (want.server)
		krb5_free_principal(s->ctx, want.server);
	if (code) {
		char name[KRB_NAME_MAX + 1] = "";

		krb_unparse(s, s->client, name);
		err_set(err, ERR_NOT_FOUND, "the cache has no ticket for '%s'", name);
		return err_hint(err, "'etl kinit-refresh' gets one");
	}
	cache_describe(s, &got, &t);
	krb5_free_cred_contents(s->ctx, &got);
	*ret = t;
	return 0;
}

struct krb_cache {
	struct krb_session s;
};

int krb_cache_open(const struct kerberos_options *o, struct krb_cache **ret, struct err *err)
{
	struct krb_cache *c = calloc(1, sizeof(*c));

	if (!c)
		return err_set(err, ERR_INTERNAL, "no memory for a cache of tickets");
	if (krb_session_open(o, &c->s, err) || cache_open(&c->s, err)) {
		krb_cache_close(c);
		return -1;
	}
	*ret = c;
	return 0;
}

void *krb_cache_handle(struct krb_cache *c)
{
	return c->s.cache;
}

void krb_cache_close(struct krb_cache *c)
{
	if (c)
		krb_session_release(&c->s);
	free(c);
}
