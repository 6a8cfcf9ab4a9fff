/* KDCs, keytabs, tickets: for [kerberos] and each connection that has an account of its own. */
#include <arpa/nameser.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "doctor/doctor.h"
#include "krb/krb.h"
#include "krb/profile.h"

#define AREA	   "kerberos"
#define SHORT_S	   600 /* a ticket that has less left is worth a word */
#define ANSWER_MAX 8192
#define SRV_MAX	   16
#define SRV_FIXED  6 /* priority, weight, port */

static void judge_clock(struct doctor *d, const char *subject, int64_t skew)
{
	long long away = llabs((long long)skew);

	doctor_say(d, AREA, subject, "clock",
		away > KRB_SKEW_LIMIT_S  ? DOCTOR_PROBLEM
		: away > KRB_SKEW_WARN_S ? DOCTOR_WARNING
					 : DOCTOR_OK,
		away > KRB_SKEW_WARN_S ? "set the clock of this machine, or of the KDC (NTP)" : NULL,
		"its clock is %lld s %s ours", away, skew >= 0 ? "before" : "behind");
}

/* One of UDP and TCP is enough for small tickets; those of accounts in many groups need TCP. */
static void look_at_kdc(struct doctor *d, const struct kerberos_options *k, const char *host, uint16_t port)
{
	const char *subject = arena_printf(d->arena, "%s:%u", host, port);
	struct err udp = ERR_INIT, tcp = ERR_INIT;
	int64_t skew = 0;
	bool by_udp = krb_probe(k, host, port, false, &skew, &udp) == 0;
	bool by_tcp = krb_probe(k, host, port, true, &skew, &tcp) == 0;

	if (!by_udp && !by_tcp) {
		doctor_fail(d, AREA, subject, "kdc", &tcp);
		return;
	}
	if (by_udp && by_tcp)
		doctor_say(d, AREA, subject, "kdc", DOCTOR_OK, NULL, "answers over UDP and TCP");
	else
		doctor_say(d, AREA, subject, "kdc", DOCTOR_WARNING,
			by_udp ? "let TCP through: tickets of accounts in many groups need it"
			       : "let UDP through: each new ticket waits for it first",
			"answers over %s only", by_udp ? "UDP" : "TCP");
	judge_clock(d, subject, skew);
}

/* RFC 2782, RFC 4120 §7.2.3 */
static size_t find_srv(struct doctor *d, const struct kerberos_options *k, char hosts[SRV_MAX][256], uint16_t *ports)
{
	unsigned char answer[ANSWER_MAX];
	const char *name = arena_printf(d->arena, "_kerberos._udp.%s", k->realm);
	int len = res_query(name, ns_c_in, ns_t_srv, answer, sizeof(answer));
	size_t n = 0;
	ns_msg msg;
	ns_rr rr;

	if (len < 0 || ns_initparse(answer, len, &msg))
		return 0;
	for (int i = 0; i < ns_msg_count(msg, ns_s_an) && n < SRV_MAX; i++) {
		const unsigned char *data;

		if (ns_parserr(&msg, ns_s_an, i, &rr) || ns_rr_type(rr) != ns_t_srv || ns_rr_rdlen(rr) <= SRV_FIXED)
			continue;
		data = ns_rr_rdata(rr);
		ports[n] = (uint16_t)(data[4] << 8 | data[5]);
		if (dn_expand(answer, answer + len, data + SRV_FIXED, hosts[n], sizeof(hosts[n])) > 0)
			n++;
	}
	return n;
}

static void look_at_kdcs(struct doctor *d, const struct kerberos_options *k)
{
	char hosts[SRV_MAX][256], host[256];
	uint16_t ports[SRV_MAX], port;
	const char *list = k->kdc;
	struct err err = ERR_INIT;

	if (getenv("KRB5_CONFIG") || !k->realm)
		return; /* another file says where they are */
	if (!k->kdc) {
		size_t n = find_srv(d, k, hosts, ports);

		doctor_say(d, AREA, k->realm, "dns", n ? DOCTOR_OK : DOCTOR_PROBLEM,
			n ? NULL : "say [kerberos] kdc, or let this machine use the domain's DNS",
			"the DNS names %zu KDCs (SRV _kerberos._udp.%s)", n, k->realm);
		for (size_t i = 0; i < n; i++)
			look_at_kdc(d, k, hosts[i], ports[i]);
	}
	while (list && profile_next_kdc(&list, host, sizeof(host), &port, &err) > 0)
		look_at_kdc(d, k, host, port);
}

/* True: it can be used. */
static bool look_at_keytab(struct doctor *d, const struct kerberos_options *k)
{
	struct krb_key *keys = arena_array(d->arena, KRB_KEYS_MAX, sizeof(*keys));
	struct err err = ERR_INIT;
	size_t n;

	if (krb_keytab_check(k, &err) || krb_keytab_read(k, keys, &n, &err)) {
		doctor_fail(d, AREA, k->keytab, "keytab", &err);
		return false;
	}
	doctor_say(d, AREA, k->keytab, "keytab", n ? DOCTOR_OK : DOCTOR_PROBLEM, n ? NULL : "make a new one",
		"%zu keys", n);
	for (size_t i = 0; i < n; i++)
		doctor_say(d, AREA, k->keytab, "key", keys[i].is_aes ? DOCTOR_OK : DOCTOR_WARNING,
			keys[i].is_aes ? NULL : "leave keys out that are not AES", "%s, version %u, %s", keys[i].principal,
			keys[i].kvno, keys[i].enctype);
	return n > 0;
}

static void tell_ticket(struct doctor *d, const struct krb_ticket *t, const char *subject)
{
	char end[CLOCK_TEXT_LEN + 1];
	int64_t left = t->end - (int64_t)time(NULL);

	clock_text(t->end * 1000, end);
	doctor_say(d, AREA, subject, "ticket", left < SHORT_S ? DOCTOR_WARNING : DOCTOR_OK,
		left < SHORT_S ? "is 'etl kinit-refresh' running? or does the KDC give short ones?" : NULL,
		"of %s until %s, %s", t->principal, end, t->enctype);
}

static void look_at_account(struct doctor *d, const struct kerberos_options *k)
{
	const char *cache = krb_cache_name(k, d->arena);
	struct err err = ERR_INIT;
	struct krb_ticket t;

	if (k->keytab) {
		if (!look_at_keytab(d, k))
			doctor_say(d, AREA, cache, "ticket", DOCTOR_SKIPPED, NULL, "there is no keytab to get one with");
		else if (krb_obtain(k, false, &t, &err))
			doctor_fail(d, AREA, k->principal ? k->principal : k->keytab, "account", &err);
		else {
			doctor_say(d, AREA, t.principal, "account", DOCTOR_OK, NULL, "the KDC takes the keytab's key");
			if (t.has_skew)
				judge_clock(d, k->realm ? k->realm : "KDC", t.skew_s);
			tell_ticket(d, &t, cache);
		}
		return;
	}
	if (krb_read(k, &t, &err))
		doctor_fail(d, AREA, cache, "ticket", &err);
	else
		tell_ticket(d, &t, cache);
}

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_account(const struct kerberos_options *a, const struct kerberos_options *b)
{
	return same(a->principal, b->principal) && same(a->keytab, b->keytab) && same(a->ccache, b->ccache);
}

void doctor_look_kerberos(struct doctor *d)
{
	const struct settings *s = d->settings;
	const struct kerberos_options *common = &s->kerberos;
	bool used = common->realm || common->keytab || common->ccache;

	used |= s->store.driver == DRIVER_MSSQL && s->store.mssql.auth == MSSQL_AUTH_KERBEROS;
	for (size_t i = 0; i < s->n_connections; i++)
		used |= s->connections[i].driver == DRIVER_MSSQL && s->connections[i].mssql.auth == MSSQL_AUTH_KERBEROS;
	if (!used)
		return;
	look_at_kdcs(d, common);
	if (common->keytab || common->ccache)
		look_at_account(d, common);
	for (size_t i = 0; i < s->n_connections; i++) {
		const struct mssql_options *o = &s->connections[i].mssql;

		if (s->connections[i].driver == DRIVER_MSSQL && o->auth == MSSQL_AUTH_KERBEROS &&
			!same_account(o->kerberos, common))
			look_at_account(d, o->kerberos);
	}
}
