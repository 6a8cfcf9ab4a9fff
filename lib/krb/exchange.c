#include "krb/exchange.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <krb5.h>

#include "krb/cache.h"
#include "krb/enctype.h"
#include "krb/kdcs.h"
#include "krb/session.h"

#define CONFIG_MAX 4096
#define STEPS_MAX  12 /* of an AS exchange */

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

/* What a KDC answers instead of a ticket, before the library sees it. */
static void on_error(void *arg, const struct KRB_ERROR *e)
{
	struct exchange *x = arg;

	x->has_skew = true;
	x->skew_s = (int64_t)e->stime - (int64_t)time(NULL);
	x->nt_status = find_nt_status(e->e_data);
	if (e->error_code == KRB5KDC_ERR_PREAUTH_FAILED)
		x->refusals++;
}

/* As krb5_init_creds_get does it, but that a key which was refused is not sent again (the library would,
 * without FAST), and the KDC's clock is looked at. */
static krb5_error_code converse(struct krb_session *s, krb5_init_creds_context ic, struct exchange *x)
{
	krb5_krbhst_info *host = NULL;
	krb5_data in, out;
	const struct kdcs_question q = {.realm = s->client->realm, .request = &out, .heard = on_error, .arg = x};
	krb5_error_code code = 0;

	krb5_data_zero(&in);
	for (int i = 0; code == 0 && i < STEPS_MAX; i++) {
		unsigned flags = 0;

		code = krb5_init_creds_step(s->ctx, ic, &in, &out, host, &flags);
		krb5_data_free(&in);
		if (code || !(flags & KRB5_INIT_CREDS_STEP_FLAG_CONTINUE))
			break;
		/* `out` stays the library's */
		code = kdcs_ask(s->ctx, &q, &in);
		if (code == 0 && x->refusals)
			code = KRB5KDC_ERR_PREAUTH_FAILED;
	}
	krb5_data_free(&in);
	return code;
}

static krb5_error_code ask(struct krb_session *s, krb5_creds *creds, struct exchange *x)
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
	code = code ? code : converse(s, ic, x);
	code = code ? code : krb5_init_creds_get_creds(s->ctx, ic, creds);
	if (ic)
		krb5_init_creds_free(s->ctx, ic);
	krb5_get_init_creds_opt_free(s->ctx, opt);
	return code;
}

int32_t exchange_ask(struct krb_session *s, struct krb5_creds **ret, struct exchange *x)
{
	krb5_creds *creds = calloc(1, sizeof(*creds));
	krb5_error_code code = creds ? ask(s, creds, x) : ENOMEM;

	if (code) {
		free(creds);
		return (int32_t)code;
	}
	if (!x->has_skew) {
		int32_t sec = 0, usec = 0;

		krb5_get_kdc_sec_offset(s->ctx, &sec, &usec);
		x->has_skew = true;
		x->skew_s = sec;
	}
	*ret = creds;
	return 0;
}

void exchange_free(struct krb_session *s, struct krb5_creds *creds)
{
	if (creds)
		krb5_free_cred_contents(s->ctx, creds);
	free(creds);
}

/* --- for the doctor -------------------------------------------------------------------- */

static void describe_service(struct krb_session *s, const krb5_creds *got, struct krb_service *ret)
{
	Ticket ticket;
	size_t len;

	krb_unparse(s, got->server, ret->server);
	enctype_name((int32_t)got->session.keytype, ret->enctype);
	ret->end = (int64_t)got->times.endtime;
	if (decode_Ticket(got->ticket.data, got->ticket.length, &ticket, &len))
		return;
	enctype_name(ticket.enc_part.etype, ret->ticket_enctype);
	ret->ticket_is_aes = enctype_is_aes(ticket.enc_part.etype);
	free_Ticket(&ticket);
}

int krb_service_ticket(const struct kerberos_options *o, const char *spn, struct krb_service *ret, struct err *err)
{
	CLEANUP(krb_session_release) struct krb_session s = {.o = o};
	krb5_creds want = {.client = NULL}, *got = NULL;
	krb5_error_code code;

	if (krb_session_open(o, &s, err) || cache_open(&s, err))
		return -1;
	want.client = s.client;
	code = krb5_parse_name(s.ctx, spn, &want.server);
	if (code == 0 && !strchr(spn, '@')) {
		/* a host's service: a KDC may refer to another realm for it (RFC 6806 §8) */
		krb5_principal_set_type(s.ctx, want.server, KRB5_NT_SRV_HST);
		code = krb5_principal_set_realm(s.ctx, want.server, krb5_principal_get_realm(s.ctx, s.client));
	}
	code = code ? code : krb5_get_credentials(s.ctx, 0, s.cache, &want, &got);
	if (want.server)
		krb5_free_principal(s.ctx, want.server);
	if (code) {
		krb_fail(&s, code, 0, spn, err);
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
	CLEANUP(buf_release) struct buf conf = BUF_INIT(CONFIG_MAX);

	buf_printf(&conf,
		"[libdefaults]\n\tdns_lookup_kdc = no\n\tkdc_timeout = 3\n\thost_timeout = 1\n\tmax_retries = 1\n"
		"[realms]\n\t%s = {\n\t\tkdc = %s/%s:%u\n\t}\n",
		realm, tcp ? "tcp" : "udp", host, port);
	return krb_context_of(&conf, ret);
}

int krb_probe(const struct kerberos_options *o, const char *host, uint16_t port, bool tcp, int64_t *ret_skew_s,
	struct err *err)
{
	struct krb_session s = {.o = o};
	struct exchange x = {.refusals = 0};
	krb5_init_creds_context ic = NULL;
	krb5_data in, out;
	const struct kdcs_question q = {.realm = o->realm, .request = &out, .heard = on_error, .arg = &x};
	unsigned flags = 0;
	krb5_error_code code;

	krb5_data_zero(&in);
	krb5_data_zero(&out);
	if (!o->realm || probe_context(o->realm, host, port, tcp, &s.ctx))
		return err_set(err, ERR_CONFIG, "there is no realm to ask a KDC about");
	code = krb5_make_principal(s.ctx, &s.client, o->realm, "etl-doctor-asks-the-time", NULL);
	code = code ? code : krb5_init_creds_init(s.ctx, s.client, NULL, NULL, 0, NULL, &ic);
	code = code ? code : krb5_init_creds_step(s.ctx, ic, &in, &out, NULL, &flags);
	code = code ? code : kdcs_ask(s.ctx, &q, &in);
	krb5_data_free(&in);
	if (ic)
		krb5_init_creds_free(s.ctx, ic);
	krb_session_release(&s);
	if (!x.has_skew) {
		err_set(err, ERR_NETWORK, "%s:%u does not answer over %s%s", host, port, tcp ? "TCP" : "UDP",
			code ? "" : " as a KDC does");
		return err_hint(err, "is it a domain controller, is it up, and do the firewalls let port %u through?", port);
	}
	*ret_skew_s = x.skew_s;
	return 0;
}
