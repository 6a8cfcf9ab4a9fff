#include "tds/gssapi.h"

#include <config.h>

#include <freetds/tds.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tds/tls.h"

#define TOKEN_MAX   (128 * 1024) /* MS-TDS 2.2.6.4: a login has no more */
#define BINDING_TAG "tls-unique:"

struct auth {
	TDSAUTHENTICATION base; /* first */
	const struct gssapi_login *login;
	struct gssapi_peer peer;
	char host[256];
	unsigned char binding[GSSAPI_BINDING_MAX];
};

static int step(struct auth *a, const void *in, size_t in_len)
{
	const void *out = NULL;
	size_t len = 0;

	if (a->login->step(a->login->arg, &a->peer, in, in_len, &out, &len))
		return -1;
	a->base.packet = (TDS_UCHAR *)(uintptr_t)out;
	a->base.packet_len = (int)len;
	return 0;
}

static TDSRET auth_free(TDSCONNECTION *conn, struct tds_authentication *base)
{
	(void)conn;
	free(base);
	return TDS_SUCCESS;
}

/* The SSPI token of the server (MS-TDS 2.2.7.22); ours goes back in a message of its own (2.2.6.8). */
static TDSRET auth_next(TDSSOCKET *tds, struct tds_authentication *base, size_t len)
{
	struct auth *a = (struct auth *)base;
	unsigned char *in;
	int rc;

	if (len == 0 || len > TOKEN_MAX)
		return TDS_FAIL;
	in = malloc(len);
	if (!in)
		return TDS_FAIL;
	rc = tds_get_n(tds, in, len) ? step(a, in, len) : -1;
	free(in);
	if (rc)
		return TDS_FAIL;
	if (a->base.packet_len == 0)
		return TDS_SUCCESS;
	tds->out_flag = TDS7_AUTH;
	tds_put_n(tds, a->base.packet, (size_t)a->base.packet_len);
	return tds_flush_packet(tds);
}

/* "host,port" where a routing has sent us. */
static void take_peer(struct auth *a, const TDSLOGIN *login)
{
	const char *name = tds_dstr_cstr(&login->server_name);

	snprintf(a->host, sizeof(a->host), "%.*s", (int)strcspn(name, ","), name);
	a->peer.host = a->host;
	a->peer.port = (uint16_t)login->port;
}

static void take_binding(struct auth *a, const TDSCONNECTION *conn)
{
	size_t tag = strlen(BINDING_TAG), len = tls_unique(conn, a->binding + tag, sizeof(a->binding) - tag);

	memcpy(a->binding, BINDING_TAG, tag);
	a->peer.binding = a->binding;
	a->peer.binding_len = len ? tag + len : 0;
}

/* --- what FreeTDS calls -------------------------------------------------- */

TDSAUTHENTICATION *tds_gss_get_auth(TDSSOCKET *tds)
{
	const struct tls_wishes *wishes = tds_get_parent(tds);
	struct auth *a = tds->login && wishes && wishes->gssapi ? calloc(1, sizeof(*a)) : NULL;

	if (!a)
		return NULL;
	a->base.free = auth_free;
	a->base.handle_next = auth_next;
	a->login = wishes->gssapi;
	take_peer(a, tds->login);
	take_binding(a, tds->conn);
	if (step(a, NULL, 0) == 0)
		return &a->base;
	free(a);
	return NULL;
}

/* Sybase's; nobody asks for TDS 5. */
TDSRET tds5_gss_send(TDSSOCKET *tds)
{
	(void)tds;
	return TDS_FAIL;
}
