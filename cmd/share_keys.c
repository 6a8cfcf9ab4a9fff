/* Keys of keytabs, and who has tried them, between lib/krb and the store. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cmd/cmd.h"
#include "job/kerberos_key.h"
#include "krb/krb.h"

#define HOLD_TIMES 4 /* that one may have a KDC's timeout: several are asked in turn */

struct turn {
	struct store *store;
	struct kerberos_key key;
	char holder[UUID_TEXT_LEN + 1];
	char principal[KRB_NAME_MAX + 1], version[64];
};

static void turn_free(struct turn *t)
{
	store_close(t->store);
	free(t);
}

static struct turn *turn_new(struct store *store, const struct krb_key_version *key)
{
	struct turn *t = mem_alloc(sizeof(*t));

	t->store = store;
	snprintf(t->principal, sizeof(t->principal), "%s", key->principal);
	snprintf(t->version, sizeof(t->version), "%s", key->version);
	uuid_make(&clock_system, &rnd_system, t->holder);
	t->key = (struct kerberos_key){.principal = t->principal, .version = t->version, .holder = t->holder};
	return t;
}

static enum krb_turn begin(void *arg, const struct krb_key_version *key, int64_t timeout_ms, bool force,
	void **ret_turn)
{
	struct settings settings = *(const struct settings *)arg;
	struct mssql_options *o = &settings.store.mssql;
	enum kerberos_key_turn found = KERBEROS_KEY_BUSY;
	struct err err = ERR_INIT;
	struct store *store;
	struct turn *t;

	if (o->login_timeout > timeout_ms)
		o->login_timeout = timeout_ms;
	if (store_open(&settings, &store, &err)) {
		log_debug("kerberos key: not shared: %s", err.msg);
		return KRB_TURN_ALONE;
	}
	t = turn_new(store, key);
	if (kerberos_key_begin(store, &t->key, timeout_ms, HOLD_TIMES * timeout_ms, force, &found, &err))
		log_debug("kerberos key: not shared: %s", err.msg);
	*ret_turn = t;
	if (found == KERBEROS_KEY_OURS)
		return KRB_TURN_OURS;
	turn_free(t);
	return found == KERBEROS_KEY_REFUSED ? KRB_TURN_REFUSED : KRB_TURN_ALONE;
}

static void end(void *arg UNUSED, void *turn, bool refused)
{
	struct turn *t = turn;
	struct err err = ERR_INIT;

	if (kerberos_key_end(t->store, &t->key, refused, &err))
		log_debug("%s", err.msg); /* it ends by itself */
	turn_free(t);
}

void cmd_share_keys(const struct settings *settings, struct arena *a)
{
	struct settings *copy = arena_alloc(a, sizeof(*copy));
	struct krb_sharing *sharing = arena_alloc(a, sizeof(*sharing));

	*copy = *settings;
	*sharing = (struct krb_sharing){.begin = begin, .end = end, .arg = copy};
	krb_share(sharing);
}
