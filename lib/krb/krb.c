#include "krb/krb.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <krb5.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "krb/keytab.h"
#include "krb/profile.h"
#include "krb/refresh.h"
#include "krb/refused.h"

#define PATH_MAX_     4096
#define STEPS_MAX     12 /* of an AS exchange */
#define ENSURE_PAUSE  10 /* s after an attempt that failed, while the old ticket serves */

/* AES by RFC 8009 and RFC 3962; the strongest first. */
static const krb5_enctype with_rc4[] = {KRB5_ENCTYPE_AES256_CTS_HMAC_SHA384_192,
	KRB5_ENCTYPE_AES128_CTS_HMAC_SHA256_128, KRB5_ENCTYPE_AES256_CTS_HMAC_SHA1_96,
	KRB5_ENCTYPE_AES128_CTS_HMAC_SHA1_96, KRB5_ENCTYPE_ARCFOUR_HMAC_MD5, KRB5_ENCTYPE_NULL};
#define N_AES 4

static bool is_aes(int32_t type)
{
	for (size_t i = 0; i < N_AES; i++)
		if (with_rc4[i] == type)
			return true;
	return false;
}

static void name_enctype(int32_t type, char out[KRB_ENCTYPE_MAX + 1])
{
	static const struct {
		int32_t type;
		const char *name;
	} names[] = {{KRB5_ENCTYPE_AES256_CTS_HMAC_SHA384_192, "aes256-cts-hmac-sha384-192"},
		{KRB5_ENCTYPE_AES128_CTS_HMAC_SHA256_128, "aes128-cts-hmac-sha256-128"},
		{KRB5_ENCTYPE_AES256_CTS_HMAC_SHA1_96, "aes256-cts-hmac-sha1-96"},
		{KRB5_ENCTYPE_AES128_CTS_HMAC_SHA1_96, "aes128-cts-hmac-sha1-96"},
		{KRB5_ENCTYPE_ARCFOUR_HMAC_MD5, "arcfour-hmac-md5 (RC4)"}};

	snprintf(out, KRB_ENCTYPE_MAX + 1, "encryption type %d", (int)type);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].type == type)
			snprintf(out, KRB_ENCTYPE_MAX + 1, "%s", names[i].name);
}

const char *krb_version(void)
{
	const char *blank = strrchr(heimdal_version, ' '); /* "Heimdal 7.8.0" */

	return blank ? blank + 1 : heimdal_version;
}

/* --- configuration ---------------------------------------------------------------- */

int krb_start(const struct kerberos_options *o, struct err *err)
{
	/* Heimdal keeps the name (and its contexts read the file) as long as the process lives */
	static char files[64];
	CLEANUP(buf_release) struct buf text = BUF_INIT(PROFILE_MAX);
	const char *env = getenv("KRB5_CONFIG");
	int fd;

	if (env && *env)
		return 0;
	if (profile_write(o, &text, err))
		return -1;
	fd = memfd_create("krb5.conf", MFD_CLOEXEC); /* the file system may be read-only */
	if (fd < 0 || write(fd, text.data, text.len) != (ssize_t)text.len) {
		if (fd >= 0)
			close(fd);
		return err_errno(err, ERR_INTERNAL, errno, "a file in memory for Kerberos");
	}
	/* a machine's own file says what [kerberos] does not, where that says nothing */
	snprintf(files, sizeof(files), "/proc/self/fd/%d%s", fd, o->realm ? "" : ":/etc/krb5.conf");
	krb5_config_file = files;
	return 0;
}

/* What a task needs of the library; all of it is freed by session_release. */
struct session {
	const struct kerberos_options *o;
	krb5_context ctx;
	krb5_principal client;
	krb5_keytab keytab;
	krb5_ccache cache;
};

static void session_release(struct session *s)
{
	if (!s->ctx)
		return;
	if (s->cache)
		krb5_cc_close(s->ctx, s->cache);
	if (s->keytab)
		krb5_kt_close(s->ctx, s->keytab);
	if (s->client)
		krb5_free_principal(s->ctx, s->client);
	krb5_free_context(s->ctx);
}

static int session_open(const struct kerberos_options *o, struct session *ret, struct err *err)
{
	krb5_enctype types[N_AES + 2];
	struct session s = {.o = o};
	krb5_error_code code = krb5_init_context(&s.ctx);

	if (code)
		return err_set(err, ERR_CONFIG, "Kerberos: the configuration cannot be used (error %d)", (int)code);
	memcpy(types, with_rc4, sizeof(with_rc4));
	if (!o->allow_rc4)
		types[N_AES] = KRB5_ENCTYPE_NULL;
	krb5_allow_weak_crypto(s.ctx, o->allow_rc4); /* which RC4 is, by RFC 8429 */
	code = krb5_set_default_in_tkt_etypes(s.ctx, types);
	if (code == 0 && o->realm)
		code = krb5_set_default_realm(s.ctx, o->realm);
	if (code) {
		session_release(&s);
		return err_set(err, ERR_INTERNAL, "Kerberos: error %d", (int)code);
	}
	*ret = s;
	return 0;
}

static int unparse(struct session *s, krb5_const_principal p, char out[KRB_NAME_MAX + 1])
{
	char *text = NULL;

	if (krb5_unparse_name(s->ctx, p, &text))
		return -1;
	snprintf(out, KRB_NAME_MAX + 1, "%s", text);
	free(text);
	return 0;
}

/* --- what a number means ----------------------------------------------------------- */

struct meaning {
	int32_t code;
	enum err_code err;
	const char *text, *hint;
};

#define ASK_AD "ask who runs the domain"

/* RFC 4120 §7.5.9, as com_err numbers; what AD means by them: MS-KILE 3.3.5.7. */
static const struct meaning meanings[] = {
	{KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN, ERR_AUTH, "the KDC knows no account '%s'",
		"is 'principal' right, and its realm? was the account deleted or renamed?"},
	{KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN, ERR_AUTH, "the KDC knows no service '%s'",
		"the SPN is missing, or the server goes by another name: see 'etl doctor', or say spn"},
	{KRB5KDC_ERR_PREAUTH_FAILED, ERR_AUTH, "the KDC refuses the keytab's key for '%s'",
		"the account's password was changed since: make a new keytab"},
	{KRB5KRB_AP_ERR_BAD_INTEGRITY, ERR_AUTH, "the keytab's key for '%s' does not open what the KDC sent",
		"the account's password was changed since: make a new keytab"},
	{KRB5KDC_ERR_CLIENT_REVOKED, ERR_AUTH, "the account '%s' is disabled, locked or expired", ASK_AD},
	{KRB5KDC_ERR_NAME_EXP, ERR_AUTH, "the account '%s' has expired", ASK_AD " to extend it"},
	{KRB5KDC_ERR_KEY_EXP, ERR_AUTH, "the password of '%s' has expired",
		"set a new one and make a new keytab; a service's password should not expire"},
	{KRB5KDC_ERR_CLIENT_NOTYET, ERR_AUTH, "the account '%s' is not valid yet", ASK_AD},
	{KRB5KDC_ERR_POLICY, ERR_AUTH, "the KDC's policy refuses '%s'",
		"logon hours, workstations or an authentication policy? " ASK_AD},
	{KRB5KDC_ERR_ETYPE_NOSUPP, ERR_AUTH, "'%s' has no AES key",
		"set msDS-SupportedEncryptionTypes to 24 at the account and its password anew; allow_rc4 = yes "
		"takes RC4, which can be broken"},
	{KRB5KRB_AP_ERR_SKEW, ERR_AUTH, "the clocks of this machine and the KDC are too far apart for '%s'",
		"set the clock (NTP)"},
	{KRB5_KDCREP_SKEW, ERR_AUTH, "the clocks of this machine and the KDC are too far apart for '%s'",
		"set the clock (NTP)"},
	{KRB5_KDC_UNREACH, ERR_NETWORK, "no KDC answers for '%s'",
		"is a domain controller up, is port 88 (UDP and TCP) let through, and does [kerberos] kdc or the DNS "
		"(SRV _kerberos._udp.REALM) name it?"},
	{KRB5_REALM_UNKNOWN, ERR_CONFIG, "the realm of '%s' is not known", "say [kerberos] realm and kdc"},
	{KRB5_CONFIG_NODEFREALM, ERR_CONFIG, "there is no realm for '%s'", "say [kerberos] realm"},
	{KRB5_KDC_ERR_WRONG_REALM, ERR_CONFIG, "'%s' belongs to another realm", "is [kerberos] realm right?"},
	{KRB5_KT_NOTFOUND, ERR_CONFIG, "the keytab has no key for '%s'",
		"'etl doctor' lists what it has; names and realm count with their case"},
	{KRB5KRB_AP_ERR_TKT_EXPIRED, ERR_AUTH, "the ticket of '%s' has expired", "'etl kinit-refresh' gets a new one"},
	{KRB5_CC_END, ERR_AUTH, "there is no ticket for '%s'", "'etl kinit-refresh' gets one"},
	{KRB5_CC_NOTFOUND, ERR_AUTH, "there is no ticket for '%s'", "'etl kinit-refresh' gets one"},
};

/* What Active Directory adds to "revoked" (MS-KILE 2.2.1, NTSTATUS of MS-ERREF 2.3.1). */
static const struct meaning nt_meanings[] = {
	{(int32_t)0xC0000072, ERR_AUTH, "the account '%s' is disabled", ASK_AD " to enable it"},
	{(int32_t)0xC0000234, ERR_AUTH, "the account '%s' is locked",
		"too many wrong passwords: where else is an old keytab in use? then " ASK_AD " to unlock it"},
	{(int32_t)0xC0000193, ERR_AUTH, "the account '%s' has expired", ASK_AD " to extend it"},
	{(int32_t)0xC0000071, ERR_AUTH, "the password of '%s' has expired", "set a new one and make a new keytab"},
	{(int32_t)0xC0000224, ERR_AUTH, "the password of '%s' must be changed first",
		"set one that need not be and make a new keytab"},
	{(int32_t)0xC000006F, ERR_AUTH, "'%s' may not log in at this hour", ASK_AD},
	{(int32_t)0xC0000070, ERR_AUTH, "'%s' may not log in from this machine", ASK_AD},
};

static const struct meaning *find_meaning(const struct meaning *v, size_t n, int32_t code)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].code == code)
			return &v[i];
	return NULL;
}

int krb_explain(int32_t code, uint32_t nt_status, const char *what, const char *library_text, struct err *err)
{
	const struct meaning *m = find_meaning(nt_meanings, ARRAY_LEN(nt_meanings), (int32_t)nt_status);
	const char *mark;

	if (!m)
		m = find_meaning(meanings, ARRAY_LEN(meanings), code);
	if (!m)
		return err_set(err, ERR_AUTH, "Kerberos refuses '%s': %s (error %d)", what,
			library_text ? library_text : "no reason given", (int)code);
	mark = strstr(m->text, "%s");
	err_set(err, m->err, "%.*s%s%s", (int)(mark - m->text), m->text, what, mark + 2);
	return err_hint(err, "%s", m->hint);
}

static int explain(struct session *s, krb5_error_code code, uint32_t nt_status, const char *what, struct err *err)
{
	const char *text = krb5_get_error_message(s->ctx, code);

	krb_explain(code, nt_status, what, text, err);
	krb5_free_error_message(s->ctx, text);
	return -1;
}

/* --- keytab ------------------------------------------------------------------------- */

int krb_keytab_check(const struct kerberos_options *o, struct err *err)
{
	struct stat st;
	unsigned open_to;

	if (!o->keytab) {
		err_set(err, ERR_CONFIG, "there is no keytab");
		return err_hint(err, "say [kerberos] keytab");
	}
	if (stat(o->keytab, &st))
		return err_errno(err, ERR_CONFIG, errno, "keytab '%s'", o->keytab);
	open_to = st.st_mode & (o->keytab_group ? S_IRWXO | S_IWGRP : S_IRWXG | S_IRWXO);
	if (open_to) {
		err_set(err, ERR_CONFIG, "keytab '%s' is open to others (mode %03o)", o->keytab,
			(unsigned)st.st_mode & 0777);
		return err_hint(err, "chmod %s; where a platform gives it to a group (fsGroup): keytab_group = yes",
			o->keytab_group ? "640" : "600");
	}
	if (access(o->keytab, R_OK))
		return err_errno(err, ERR_CONFIG, errno, "keytab '%s'", o->keytab);
	if (st.st_size > KRB_KEYTAB_MAX)
		return err_set(err, ERR_CONFIG, "keytab '%s' is too large to be one", o->keytab);
	return 0;
}

uint64_t krb_keytab_version(const struct kerberos_options *o)
{
	struct stat st;

	if (!o->keytab || stat(o->keytab, &st))
		return 0;
	return ((uint64_t)st.st_mtim.tv_sec * 1000000007u ^ (uint64_t)st.st_mtim.tv_nsec << 20 ^
		       (uint64_t)st.st_ino << 8 ^ (uint64_t)st.st_size) | 1;
}

static int no_keytab(const struct kerberos_options *o, struct err *err)
{
	err_set(err, ERR_CONFIG, "'%s' is no keytab", o->keytab);
	return err_hint(err, "make one with ktpass, 'samba-tool domain exportkeytab', or ktutil");
}

static int check_content(const struct kerberos_options *o, struct err *err)
{
	struct buf text = BUF_INIT(KRB_KEYTAB_MAX);
	int rc = file_read(o->keytab, &text, err);

	if (rc)
		err->code = ERR_CONFIG;
	else if (!keytab_is_whole((const uint8_t *)text.data, text.len))
		rc = no_keytab(o, err);
	if (text.data)
		explicit_bzero(text.data, text.cap);
	buf_release(&text);
	return rc;
}

static int open_keytab(struct session *s, struct err *err)
{
	char name[PATH_MAX_];
	krb5_error_code code;

	if (krb_keytab_check(s->o, err) || check_content(s->o, err))
		return -1;
	snprintf(name, sizeof(name), "FILE:%s", s->o->keytab);
	code = krb5_kt_resolve(s->ctx, name, &s->keytab);
	return code ? err_set(err, ERR_CONFIG, "keytab '%s': error %d", s->o->keytab, (int)code) : 0;
}

/* Calls `look` for each key, until it returns false. -1: it is no keytab. */
static int each_key(struct session *s, bool (*look)(struct session *s, krb5_keytab_entry *e, void *arg), void *arg,
	struct err *err)
{
	krb5_kt_cursor cursor;
	krb5_keytab_entry e;
	krb5_error_code code = krb5_kt_start_seq_get(s->ctx, s->keytab, &cursor);
	bool opened = code == 0, go_on = true;

	while (code == 0 && go_on) {
		code = krb5_kt_next_entry(s->ctx, s->keytab, &e, &cursor);
		if (code)
			break;
		go_on = look(s, &e, arg);
		krb5_kt_free_entry(s->ctx, &e); /* which wipes the key */
	}
	if (opened)
		krb5_kt_end_seq_get(s->ctx, s->keytab, &cursor);
	if (opened && (code == 0 || code == KRB5_KT_END))
		return 0;
	return no_keytab(s->o, err);
}

static bool take_first(struct session *s, krb5_keytab_entry *e, void *arg)
{
	(void)arg;
	return krb5_copy_principal(s->ctx, e->principal, &s->client) != 0;
}

struct choice {
	bool any, aes;
	unsigned kvno;
};

static bool look_for_client(struct session *s, krb5_keytab_entry *e, void *arg)
{
	struct choice *c = arg;

	if (!krb5_principal_compare(s->ctx, e->principal, s->client))
		return true;
	if (!c->any || (unsigned)e->vno > c->kvno) {
		c->aes = false; /* older keys do not count */
		c->kvno = (unsigned)e->vno;
	}
	c->any = true;
	if ((unsigned)e->vno == c->kvno)
		c->aes |= is_aes((int32_t)e->keyblock.keytype);
	return true;
}

/* Whose ticket: as said, or the keytab's first; its newest keys must be of use. */
static int choose_client(struct session *s, char name[KRB_NAME_MAX + 1], unsigned *ret_kvno, struct err *err)
{
	struct choice c = {.any = false};
	krb5_error_code code = 0;

	if (s->o->principal)
		code = krb5_parse_name(s->ctx, s->o->principal, &s->client);
	else if (each_key(s, take_first, NULL, err))
		return -1;
	if (code || !s->client || unparse(s, s->client, name)) {
		if (s->o->principal)
			return explain(s, code, 0, s->o->principal, err);
		return err_set(err, ERR_CONFIG, "keytab '%s' is empty", s->o->keytab);
	}
	if (each_key(s, look_for_client, &c, err))
		return -1;
	if (!c.any)
		return explain(s, KRB5_KT_NOTFOUND, 0, name, err);
	if (!c.aes && !s->o->allow_rc4) {
		err_set(err, ERR_CONFIG, "keytab '%s' has no AES key for '%s'", s->o->keytab, name);
		return err_hint(err, "make a new one with AES (ktpass -crypto AES256-SHA1); allow_rc4 = yes takes RC4, "
				     "which can be broken");
	}
	*ret_kvno = c.kvno;
	return 0;
}

struct listing {
	struct krb_key *keys;
	size_t n;
};

static bool list_key(struct session *s, krb5_keytab_entry *e, void *arg)
{
	struct listing *l = arg;
	struct krb_key *k = &l->keys[l->n];

	if (unparse(s, e->principal, k->principal))
		return false;
	name_enctype((int32_t)e->keyblock.keytype, k->enctype);
	k->kvno = (unsigned)e->vno;
	k->is_aes = is_aes((int32_t)e->keyblock.keytype);
	return ++l->n < KRB_KEYS_MAX;
}

int krb_keytab_read(const struct kerberos_options *o, struct krb_key *keys, size_t *ret_n, struct err *err)
{
	CLEANUP(session_release) struct session s = {.o = o};
	struct listing l = {.keys = keys};

	if (session_open(o, &s, err) || open_keytab(&s, err) || each_key(&s, list_key, &l, err))
		return -1;
	*ret_n = l.n;
	return 0;
}

/* --- AS exchange -------------------------------------------------------------------- */

struct exchange {
	int32_t refusals; /* of the key */
	int32_t last;	  /* error that the KDC sent */
	uint32_t nt_status;
	bool has_skew;
	int64_t skew_s;
};

/* KERB-EXT-ERROR (MS-KILE 2.2.1): 12 bytes, NTSTATUS, 0 and flags, inside of other things. */
static uint32_t find_nt_status(const heim_octet_string *data)
{
	const uint8_t *p = data ? data->data : NULL;

	for (size_t i = 0; p && i + 14 <= data->length; i++)
		if (p[i] == 0x04 && p[i + 1] == 12 && p[i + 5] == 0xC0 && !p[i + 6] && !p[i + 7] && !p[i + 8] && !p[i + 9])
			return (uint32_t)p[i + 2] | (uint32_t)p[i + 3] << 8 | (uint32_t)p[i + 4] << 16 |
			       (uint32_t)p[i + 5] << 24;
	return 0;
}

/* A KDC's answer, before the library sees it. */
static krb5_error_code on_answer(
	krb5_context ctx, krb5_sendto_ctx sendto, void *arg, const krb5_data *reply, int *action)
{
	struct exchange *x = arg;
	KRB_ERROR e;

	*action = KRB5_SENDTO_DONE;
	if (krb5_rd_error(ctx, reply, &e))
		return 0;
	x->last = e.error_code; /* with the table's base already */
	x->has_skew = true;
	x->skew_s = (int64_t)e.stime - (int64_t)time(NULL);
	x->nt_status = find_nt_status(e.e_data);
	if (x->last == KRB5KDC_ERR_PREAUTH_FAILED)
		x->refusals++;
	if (x->last == KRB5KRB_ERR_RESPONSE_TOO_BIG) {
		krb5_sendto_ctx_add_flags(sendto, KRB5_KRBHST_FLAGS_LARGE_MSG);
		*action = KRB5_SENDTO_RESET;
	} else if (x->last == KRB5KDC_ERR_SVC_UNAVAILABLE) {
		*action = KRB5_SENDTO_CONTINUE;
	}
	krb5_free_error_contents(ctx, &e);
	return 0;
}

/* As krb5_init_creds_get does it, but that a key which was refused is not sent again (the library would,
 * without FAST), and the KDC's clock is looked at. */
static krb5_error_code exchange(struct session *s, krb5_init_creds_context ic, struct exchange *x)
{
	krb5_sendto_ctx sendto = NULL;
	krb5_krbhst_info *host = NULL;
	krb5_data in, out;
	krb5_error_code code = krb5_sendto_ctx_alloc(s->ctx, &sendto);

	krb5_data_zero(&in);
	if (code == 0)
		krb5_sendto_ctx_set_func(sendto, on_answer, x);
	for (int i = 0; code == 0 && i < STEPS_MAX; i++) {
		unsigned flags = 0;

		code = krb5_init_creds_step(s->ctx, ic, &in, &out, host, &flags);
		krb5_data_free(&in);
		if (code || !(flags & KRB5_INIT_CREDS_STEP_FLAG_CONTINUE))
			break;
		/* `out` stays the library's */
		code = krb5_sendto_context(s->ctx, sendto, &out, s->client->realm, &in);
		if (code == 0 && x->refusals)
			code = KRB5KDC_ERR_PREAUTH_FAILED;
	}
	krb5_data_free(&in);
	if (sendto)
		krb5_sendto_ctx_free(s->ctx, sendto);
	return code;
}

static krb5_error_code ask(struct session *s, krb5_creds *creds, struct exchange *x)
{
	krb5_get_init_creds_opt *opt = NULL;
	krb5_init_creds_context ic = NULL;
	krb5_error_code code = krb5_get_init_creds_opt_alloc(s->ctx, &opt);

	if (code)
		return code;
	krb5_get_init_creds_opt_set_forwardable(opt, 1); /* what delegation needs; only `delegate` uses it */
	if (s->o->lifetime > 0)
		krb5_get_init_creds_opt_set_tkt_life(opt, (krb5_deltat)((s->o->lifetime + 999) / 1000));
	code = krb5_init_creds_init(s->ctx, s->client, NULL, NULL, 0, opt, &ic);
	code = code ? code : krb5_init_creds_set_keytab(s->ctx, ic, s->keytab);
	code = code ? code : exchange(s, ic, x);
	code = code ? code : krb5_init_creds_get_creds(s->ctx, ic, creds);
	if (ic)
		krb5_init_creds_free(s->ctx, ic);
	krb5_get_init_creds_opt_free(s->ctx, opt);
	return code;
}

/* --- cache -------------------------------------------------------------------------- */

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

static krb5_error_code fill_cache(struct session *s, krb5_ccache cache, krb5_creds *creds)
{
	krb5_error_code code = krb5_cc_initialize(s->ctx, cache, s->client);

	return code ? code : krb5_cc_store_cred(s->ctx, cache, creds);
}

/* Whoever reads it has the old file or the new one, never half of one. */
static int store_file(struct session *s, krb5_creds *creds, struct err *err)
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
static int store_memory(struct session *s, krb5_creds *creds, struct err *err)
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

static void describe(struct session *s, const krb5_creds *creds, struct krb_ticket *t)
{
	unparse(s, creds->client, t->principal);
	name_enctype((int32_t)creds->session.keytype, t->enctype);
	t->start = (int64_t)creds->times.starttime;
	if (!t->start)
		t->start = (int64_t)creds->times.authtime;
	t->end = (int64_t)creds->times.endtime;
}

static int refuse_rc4(struct session *s, const krb5_creds *creds, struct err *err)
{
	if (s->o->allow_rc4 || is_aes((int32_t)creds->session.keytype))
		return 0;
	err_set(err, ERR_AUTH, "the KDC offers RC4 only");
	return err_hint(err, "allow_rc4 = yes takes it, though it can be broken");
}

static int obtain_with(struct session *s, bool force, struct krb_ticket *ret, struct err *err)
{
	char name[KRB_NAME_MAX + 1];
	struct krb_ticket t = {.end = 0};
	struct exchange x = {.last = 0};
	krb5_creds creds = {.client = NULL};
	uint64_t version = krb_keytab_version(s->o);
	krb5_error_code code;
	unsigned kvno = 0;
	int rc = -1;

	if (open_keytab(s, err) || choose_client(s, name, &kvno, err))
		return -1;
	if (!force && refused_before(s->o, name, version)) {
		krb_explain(KRB5KDC_ERR_PREAUTH_FAILED, 0, name, NULL, err);
		return err_wrap(err, "not tried again with the same keytab (kvno %u), so that the account is not locked",
			kvno);
	}
	code = ask(s, &creds, &x);
	if (code == KRB5KDC_ERR_PREAUTH_FAILED || code == KRB5KRB_AP_ERR_BAD_INTEGRITY)
		refused_remember(s->o, name, version);
	if (code) {
		explain(s, code, x.nt_status, name, err);
		if (x.has_skew && llabs((long long)x.skew_s) > KRB_SKEW_LIMIT_S)
			err_wrap(err, "the KDC's clock is %lld s %s ours", llabs((long long)x.skew_s),
				x.skew_s > 0 ? "before" : "behind");
		return -1;
	}
	refused_forget(s->o, name);
	if (!x.has_skew) {
		int32_t sec = 0, usec = 0;

		krb5_get_kdc_sec_offset(s->ctx, &sec, &usec);
		x.skew_s = sec;
	}
	if (refuse_rc4(s, &creds, err) == 0)
		rc = s->o->ccache ? store_file(s, &creds, err) : store_memory(s, &creds, err);
	describe(s, &creds, &t);
	t.has_skew = true;
	t.skew_s = x.skew_s;
	krb5_free_cred_contents(s->ctx, &creds); /* wipes the session key */
	if (rc == 0)
		*ret = t;
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
	CLEANUP(session_release) struct session s = {.o = o};

	return session_open(o, &s, err) || obtain_with(&s, force, ret, err) ? -1 : 0;
}

int krb_obtain(const struct kerberos_options *o, bool force, struct krb_ticket *ret, struct err *err)
{
	int lock = lock_cache(o), rc = obtain_locked(o, force, ret, err);

	unlock_cache(lock);
	return rc;
}

static int open_cache(struct session *s, struct err *err)
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

static int read_tgt(struct session *s, struct krb_ticket *ret, struct err *err)
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

		unparse(s, s->client, name);
		err_set(err, ERR_NOT_FOUND, "the cache has no ticket for '%s'", name);
		return err_hint(err, "'etl kinit-refresh' gets one");
	}
	describe(s, &got, &t);
	krb5_free_cred_contents(s->ctx, &got);
	*ret = t;
	return 0;
}

static int read_cache(const struct kerberos_options *o, struct krb_ticket *ret, struct err *err)
{
	CLEANUP(session_release) struct session s = {.o = o};

	return session_open(o, &s, err) || open_cache(&s, err) || read_tgt(&s, ret, err) ? -1 : 0;
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

/* --- for GSSAPI ---------------------------------------------------------------------- */

struct krb_cache {
	struct session s;
};

int krb_cache_open(const struct kerberos_options *o, struct krb_cache **ret, struct err *err)
{
	struct krb_cache *c = calloc(1, sizeof(*c));

	if (!c)
		return err_set(err, ERR_INTERNAL, "no memory for a cache of tickets");
	if (session_open(o, &c->s, err) || open_cache(&c->s, err)) {
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
		session_release(&c->s);
	free(c);
}

/* --- for the doctor -------------------------------------------------------------------- */

static void describe_service(struct session *s, const krb5_creds *got, struct krb_service *ret)
{
	Ticket ticket;
	size_t len;

	unparse(s, got->server, ret->server);
	name_enctype((int32_t)got->session.keytype, ret->enctype);
	ret->end = (int64_t)got->times.endtime;
	if (decode_Ticket(got->ticket.data, got->ticket.length, &ticket, &len))
		return;
	name_enctype(ticket.enc_part.etype, ret->ticket_enctype);
	ret->ticket_is_aes = is_aes(ticket.enc_part.etype);
	free_Ticket(&ticket);
}

int krb_service_ticket(const struct kerberos_options *o, const char *spn, struct krb_service *ret, struct err *err)
{
	CLEANUP(session_release) struct session s = {.o = o};
	krb5_creds want = {.client = NULL}, *got = NULL;
	krb5_error_code code;

	if (session_open(o, &s, err) || open_cache(&s, err))
		return -1;
	want.client = s.client;
	code = krb5_parse_name(s.ctx, spn, &want.server);
	if (code == 0 && !strchr(spn, '@'))
		code = krb5_principal_set_realm(s.ctx, want.server, krb5_principal_get_realm(s.ctx, s.client));
	code = code ? code : krb5_get_credentials(s.ctx, 0, s.cache, &want, &got);
	if (want.server)
		krb5_free_principal(s.ctx, want.server);
	if (code) {
		explain(&s, code, 0, spn, err);
		if (code == KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN)
			err->code = ERR_NOT_FOUND;
		return -1;
	}
	*ret = (struct krb_service){.end = 0};
	describe_service(&s, got, ret);
	krb5_free_creds(s.ctx, got);
	return 0;
}

/* A context of its own with this one KDC in it. */
static int probe_context(const char *realm, const char *host, uint16_t port, bool tcp, krb5_context *ret)
{
	char conf[PATH_MAX_], path[64];
	char *files[2] = {path, NULL};
	int n = snprintf(conf, sizeof(conf),
		"[libdefaults]\n\tdns_lookup_kdc = no\n\tkdc_timeout = 3\n\thost_timeout = 1\n\tmax_retries = 1\n"
		"[realms]\n\t%s = {\n\t\tkdc = %s/%s:%u\n\t}\n",
		realm, tcp ? "tcp" : "udp", host, port);
	int fd = memfd_create("krb5.conf", MFD_CLOEXEC), rc = -1;

	if (fd >= 0 && n > 0 && n < (int)sizeof(conf) && write(fd, conf, (size_t)n) == n &&
		krb5_init_context(ret) == 0) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		rc = krb5_set_config_files(*ret, files) ? -1 : 0;
		if (rc)
			krb5_free_context(*ret);
	}
	if (fd >= 0)
		close(fd);
	return rc;
}

int krb_probe(const struct kerberos_options *o, const char *host, uint16_t port, bool tcp, int64_t *ret_skew_s,
	struct err *err)
{
	struct session s = {.o = o};
	struct exchange x = {.last = 0};
	krb5_init_creds_context ic = NULL;
	krb5_sendto_ctx sendto = NULL;
	krb5_data in, out;
	unsigned flags = 0;
	krb5_error_code code;

	krb5_data_zero(&in);
	krb5_data_zero(&out);
	if (!o->realm || probe_context(o->realm, host, port, tcp, &s.ctx))
		return err_set(err, ERR_CONFIG, "there is no realm to ask a KDC about");
	code = krb5_make_principal(s.ctx, &s.client, o->realm, "etl-doctor-asks-the-time", NULL);
	code = code ? code : krb5_init_creds_init(s.ctx, s.client, NULL, NULL, 0, NULL, &ic);
	code = code ? code : krb5_sendto_ctx_alloc(s.ctx, &sendto);
	if (code == 0)
		krb5_sendto_ctx_set_func(sendto, on_answer, &x);
	code = code ? code : krb5_init_creds_step(s.ctx, ic, &in, &out, NULL, &flags);
	code = code ? code : krb5_sendto_context(s.ctx, sendto, &out, o->realm, &in);
	krb5_data_free(&in);
	if (sendto)
		krb5_sendto_ctx_free(s.ctx, sendto);
	if (ic)
		krb5_init_creds_free(s.ctx, ic);
	session_release(&s);
	if (!x.has_skew) {
		err_set(err, ERR_NETWORK, "%s:%u does not answer over %s%s", host, port, tcp ? "TCP" : "UDP",
			code ? "" : " as a KDC does");
		return err_hint(err, "is it a domain controller, is it up, and do the firewalls let port %u through?", port);
	}
	*ret_skew_s = x.skew_s;
	return 0;
}
