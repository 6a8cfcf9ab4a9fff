#include "db/mssql_kerberos.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "krb/gss.h"
#include "krb/krb.h"
#include "krb/spn.h"

int mssql_kerberos_spn(const struct mssql_options *o, const char *host, uint16_t port, char *out, size_t size,
	struct err *err)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_CANONNAME};
	struct addrinfo *found = NULL;
	char spn[SPN_MAX + 1];
	int rc;

	/* forwards only: a CNAME's target, the full name of a short one */
	if (!o->spn && getaddrinfo(host, NULL, &hints, &found))
		found = NULL;
	rc = spn_make(o->kerberos, o->spn, host, found ? found->ai_canonname : NULL, port, spn);
	if (found)
		freeaddrinfo(found);
	if (rc || strlen(spn) >= size)
		return err_set(err, ERR_CONFIG, "the server's principal has more than %d characters", SPN_MAX);
	snprintf(out, size, "%s", spn);
	return 0;
}

static int start(struct mssql_kerberos *k, const struct gssapi_peer *peer)
{
	char spn[SPN_MAX + 1];
	struct gss_wish wish = {.kerberos = k->options->kerberos,
		.spn = spn,
		.mechanism = k->options->mechanism,
		.delegate = k->options->delegate,
		.binding = peer->binding,
		.binding_len = peer->binding_len};

	mssql_kerberos_end(k); /* a routing has us begin again */
	return mssql_kerberos_spn(k->options, peer->host, peer->port, spn, sizeof(spn), &k->err) ||
		       gss_new(&wish, &k->gss, &k->err)
		       ? -1
		       : 0;
}

static int on_step(void *arg, const struct gssapi_peer *peer, const void *in, size_t in_len, const void **ret_out,
	size_t *ret_out_len)
{
	struct mssql_kerberos *k = arg;

	k->failed = (!in && start(k, peer)) || !k->gss || gss_step(k->gss, in, in_len, ret_out, ret_out_len, &k->err);
	return k->failed ? -1 : 0;
}

int mssql_kerberos_begin(struct mssql_kerberos *k, const struct mssql_options *o, struct err *err)
{
	struct krb_ticket ticket;

	*k = (struct mssql_kerberos){.options = o, .login = {.step = on_step, .arg = k}};
	return krb_ensure(o->kerberos, &ticket, err);
}

int mssql_kerberos_check(const struct mssql_kerberos *k, struct err *err)
{
	if (k->gss && gss_is_complete(k->gss))
		return 0;
	err_set(err, ERR_AUTH, "the server let us in without proving who it is");
	return err_hint(err, "is that our server? somebody on the way could answer so");
}

void mssql_kerberos_end(struct mssql_kerberos *k)
{
	gss_free(k->gss);
	k->gss = NULL;
}
