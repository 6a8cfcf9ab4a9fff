#include "krb/kdcs.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <krb5.h>

#include "base/buf.h"
#include "base/clock.h"
#include "krb/backoff.h"
#include "krb/profile.h"
#include "krb/session.h"

#define KDCS_MAX	  (2 * PROFILE_KDCS_MAX) /* each over two protocols */
#define KDC_TIMEOUT_S	  3			 /* the library's own */
#define SEND_TO_KDC	  "send_to_kdc"
#define SEND_TO_KDC_SINCE 2 /* the version that has send_to_realm */

/* As in the library's send_to_kdc_plugin.h, which it does not install. */
struct send_to_kdc {
	int minor_version;
	krb5_error_code (*init)(krb5_context ctx, void **ret_data);
	void (*fini)(void *data);
	krb5_error_code (*send_to_kdc)(krb5_context ctx, void *data, krb5_krbhst_info *kdc, time_t timeout,
		const krb5_data *request, krb5_data *ret_answer);
	krb5_error_code (*send_to_realm)(krb5_context ctx, void *data, krb5_const_realm realm, time_t timeout,
		const krb5_data *request, krb5_data *ret_answer);
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct backoff backoff; /* under the lock */

struct conversation {
	const struct kdcs_question *q;
	char asked[BACKOFF_NAME_MAX + 1]; /* that has not answered yet; "": none */
};

/* What this thread asks just now: the library calls back. */
static _Thread_local struct conversation *talk;

static int64_t now_s(void)
{
	return clock_system.monotonic(clock_system.arg) / 1000;
}

/* As in krb5.conf. UDP is the protocol of those that have none, see profile.c. False: not for us. */
static bool print(const krb5_krbhst_info *kdc, char out[BACKOFF_NAME_MAX + 1])
{
	bool six = strchr(kdc->hostname, ':');
	int n = snprintf(out, BACKOFF_NAME_MAX + 1, "%s%s%s%s:%u", kdc->proto == KRB5_KRBHST_TCP ? "tcp/" : "",
		six ? "[" : "", kdc->hostname, six ? "]" : "", kdc->port);

	return kdc->proto != KRB5_KRBHST_HTTP && n > 0 && n <= BACKOFF_NAME_MAX;
}

static void note(struct conversation *c, bool answered)
{
	if (!*c->asked)
		return;
	pthread_mutex_lock(&lock);
	if (answered)
		backoff_answered(&backoff, c->asked);
	else
		backoff_failed(&backoff, c->asked, now_s());
	pthread_mutex_unlock(&lock);
	c->asked[0] = '\0';
}

/* --- what the library calls ------------------------------------------------------------ */

static krb5_error_code on_init(krb5_context ctx, void **ret_data)
{
	(void)ctx;
	*ret_data = NULL;
	return 0;
}

static void on_fini(void *data)
{
	(void)data;
}

/* It turns to the next one: the one before has refused, or was silent for a second. */
static krb5_error_code on_kdc(krb5_context ctx, void *data, krb5_krbhst_info *kdc, time_t timeout,
	const krb5_data *request, krb5_data *ret_answer)
{
	(void)ctx, (void)data, (void)timeout, (void)request, (void)ret_answer;
	if (talk) {
		note(talk, false);
		if (!print(kdc, talk->asked))
			talk->asked[0] = '\0';
	}
	return KRB5_PLUGIN_NO_HANDLE; /* it sends by itself */
}

static krb5_error_code on_realm(krb5_context ctx, void *data, krb5_const_realm realm, time_t timeout,
	const krb5_data *request, krb5_data *ret_answer)
{
	const struct kdcs_question q = {.realm = realm, .request = request};

	(void)data, (void)timeout;
	return talk ? KRB5_PLUGIN_NO_HANDLE : kdcs_ask(ctx, &q, ret_answer);
}

int kdcs_start(struct err *err)
{
	static struct send_to_kdc hooks = {.minor_version = SEND_TO_KDC_SINCE,
		.init = on_init,
		.fini = on_fini,
		.send_to_kdc = on_kdc,
		.send_to_realm = on_realm};
	krb5_context ctx = NULL;
	krb5_error_code code = krb5_init_context(&ctx);

	code = code ? code : krb5_plugin_register(ctx, PLUGIN_TYPE_DATA, SEND_TO_KDC, &hooks);
	if (ctx)
		krb5_free_context(ctx);
	return code ? err_set(err, ERR_INTERNAL, "Kerberos: error %d", (int)code) : 0;
}

static krb5_error_code on_answer(
	krb5_context ctx, krb5_sendto_ctx sendto, void *arg, const krb5_data *reply, int *action)
{
	struct conversation *c = arg;
	KRB_ERROR e; /* its number has the table's base already */

	note(c, true);
	*action = KRB5_SENDTO_DONE;
	if (krb5_rd_error(ctx, reply, &e))
		return 0;
	if (c->q->heard)
		c->q->heard(c->q->arg, &e);
	if (e.error_code == KRB5KRB_ERR_RESPONSE_TOO_BIG) {
		krb5_sendto_ctx_add_flags(sendto, KRB5_KRBHST_FLAGS_LARGE_MSG);
		*action = KRB5_SENDTO_RESET;
	} else if (e.error_code == KRB5KDC_ERR_SVC_UNAVAILABLE) {
		*action = KRB5_SENDTO_CONTINUE;
	}
	krb5_free_error_contents(ctx, &e);
	return 0;
}

/* --- in our order ---------------------------------------------------------------------- */

/* 0: none, or one that is asked by HTTP. */
static size_t find(krb5_context ctx, const char *realm, char names[KDCS_MAX][BACKOFF_NAME_MAX + 1])
{
	krb5_krbhst_handle handle = NULL;
	krb5_krbhst_info *kdc;
	bool ours = true;
	size_t n = 0;

	if (krb5_krbhst_init_flags(ctx, realm, KRB5_KRBHST_KDC, 0, &handle))
		return 0;
	while (ours && n < KDCS_MAX && krb5_krbhst_next(ctx, handle, &kdc) == 0)
		ours = print(kdc, names[n++]);
	krb5_krbhst_free(ctx, handle);
	return ours ? n : 0;
}

/* Of its own, for the library gives no other way to say in what order: NULL where there is nothing to say. */
static krb5_context ordered(krb5_context ctx, const char *realm)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT(PROFILE_MAX);
	char names[KDCS_MAX][BACKOFF_NAME_MAX + 1];
	size_t order[KDCS_MAX], n = find(ctx, realm, names);
	krb5_context ret = NULL;

	if (n < 2)
		return NULL;
	pthread_mutex_lock(&lock);
	backoff_order(&backoff, names, n, now_s(), order);
	pthread_mutex_unlock(&lock);
	buf_printf(&text,
		"[libdefaults]\n\tdns_lookup_kdc = no\n\tkdc_timeout = %d\n\thost_timeout = 1\n\tmax_retries = 1\n"
		"[realms]\n\t%s = {\n",
		krb5_config_get_time_default(ctx, NULL, KDC_TIMEOUT_S, "libdefaults", "kdc_timeout", NULL), realm);
	for (size_t i = 0; i < n; i++)
		buf_printf(&text, "\t\tkdc = %s\n", names[order[i]]);
	buf_adds(&text, "\t}\n");
	return krb_context_of(&text, &ret) ? NULL : ret;
}

int32_t kdcs_ask(struct krb5_context_data *ctx, const struct kdcs_question *q, struct heim_base_data *ret_answer)
{
	struct conversation c = {.q = q};
	krb5_context own = ordered(ctx, q->realm);
	krb5_context with = own ? own : ctx;
	krb5_sendto_ctx sendto = NULL;
	krb5_error_code code = krb5_sendto_ctx_alloc(with, &sendto);

	krb5_data_zero(ret_answer);
	talk = &c;
	if (code == 0) {
		krb5_sendto_ctx_set_func(sendto, on_answer, &c);
		code = krb5_sendto_context(with, sendto, q->request, q->realm, ret_answer);
		krb5_sendto_ctx_free(with, sendto);
	}
	note(&c, false); /* the last one, where none has answered */
	talk = NULL;
	if (own)
		krb5_free_context(own);
	return (int32_t)code;
}
