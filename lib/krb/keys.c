#include "krb/keys.h"

#include <stdio.h>

#include <krb5.h>

#include "krb/enctype.h"
#include "krb/explain.h"
#include "krb/keytab.h"
#include "krb/session.h"

#define PATH_MAX_ 4096

int keys_open(struct krb_session *s, struct err *err)
{
	char name[PATH_MAX_];
	krb5_error_code code;

	if (krb_keytab_check(s->o, err) || keytab_check_content(s->o, err))
		return -1;
	snprintf(name, sizeof(name), "FILE:%s", s->o->keytab);
	code = krb5_kt_resolve(s->ctx, name, &s->keytab);
	return code ? err_set(err, ERR_CONFIG, "keytab '%s': error %d", s->o->keytab, (int)code) : 0;
}

/* Calls `look` for each key, until it returns false. -1: it is no keytab. */
static int each_key(struct krb_session *s, bool (*look)(struct krb_session *s, krb5_keytab_entry *e, void *arg), void *arg,
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
	return keytab_is_none(s->o, err);
}

static bool take_first(struct krb_session *s, krb5_keytab_entry *e, void *arg)
{
	(void)arg;
	return krb5_copy_principal(s->ctx, e->principal, &s->client) != 0;
}

struct choice {
	bool any, aes;
	unsigned kvno;
	uint16_t check; /* of all keys of that version, whatever their order */
};

static uint16_t digest(struct krb_session *s, const krb5_keytab_entry *e)
{
	const krb5_keyblock *key = &e->keyblock;
	Checksum sum;
	unsigned check;

	if (krb5_create_checksum(s->ctx, NULL, 0, CKSUMTYPE_SHA1, key->keyvalue.data, key->keyvalue.length, &sum))
		return 0;
	check = ((const uint8_t *)sum.checksum.data)[0] * 256u + ((const uint8_t *)sum.checksum.data)[1];
	free_Checksum(&sum);
	return (uint16_t)(check + (unsigned)key->keytype);
}

static bool look_for_client(struct krb_session *s, krb5_keytab_entry *e, void *arg)
{
	struct choice *c = arg;

	if (!krb5_principal_compare(s->ctx, e->principal, s->client))
		return true;
	if (!c->any || (unsigned)e->vno > c->kvno) {
		c->aes = false; /* older keys do not count */
		c->check = 0;
		c->kvno = (unsigned)e->vno;
	}
	c->any = true;
	if ((unsigned)e->vno != c->kvno)
		return true;
	c->aes |= enctype_is_aes((int32_t)e->keyblock.keytype);
	c->check = (uint16_t)(c->check + digest(s, e));
	return true;
}

/* Whose ticket: as said, or the keytab's first; its newest keys must be of use. */
int keys_choose_client(struct krb_session *s, struct keys_client *ret, struct err *err)
{
	struct choice c = {.any = false};
	krb5_error_code code = 0;

	if (s->o->principal)
		code = krb5_parse_name(s->ctx, s->o->principal, &s->client);
	else if (each_key(s, take_first, NULL, err))
		return -1;
	if (code || !s->client || krb_unparse(s, s->client, ret->name)) {
		if (s->o->principal)
			return krb_fail(s, code, 0, s->o->principal, err);
		return err_set(err, ERR_CONFIG, "keytab '%s' is empty", s->o->keytab);
	}
	if (each_key(s, look_for_client, &c, err))
		return -1;
	if (!c.any)
		return krb_fail(s, KRB5_KT_NOTFOUND, 0, ret->name, err);
	if (!c.aes && !s->o->allow_rc4) {
		err_set(err, ERR_CONFIG, "keytab '%s' has no AES key for '%s'", s->o->keytab, ret->name);
		return err_hint(err, "make a new one with AES (ktpass -crypto AES256-SHA1); allow_rc4 = yes takes RC4, "
				     "which can be broken");
	}
	ret->kvno = c.kvno;
	snprintf(ret->version, sizeof(ret->version), "%u-%04x", c.kvno, c.check);
	return 0;
}

struct listing {
	struct krb_key *keys;
	size_t n;
};

static bool list_key(struct krb_session *s, krb5_keytab_entry *e, void *arg)
{
	struct listing *l = arg;
	struct krb_key *k = &l->keys[l->n];

	if (krb_unparse(s, e->principal, k->principal))
		return false;
	enctype_name((int32_t)e->keyblock.keytype, k->enctype);
	k->kvno = (unsigned)e->vno;
	k->is_aes = enctype_is_aes((int32_t)e->keyblock.keytype);
	return ++l->n < KRB_KEYS_MAX;
}

int krb_keytab_read(const struct kerberos_options *o, struct krb_key *keys, size_t *ret_n, struct err *err)
{
	CLEANUP(krb_session_release) struct krb_session s = {.o = o};
	struct listing l = {.keys = keys};

	if (krb_session_open(o, &s, err) || keys_open(&s, err) || each_key(&s, list_key, &l, err))
		return -1;
	*ret_n = l.n;
	return 0;
}
