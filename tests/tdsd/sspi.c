#include "tests/tdsd/sspi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gssapi/gssapi.h>
#include <gssapi/gssapi_krb5.h>

#define LEGS_MAX	 8
#define HANDSHAKE_FAILED 17806
#define BINDING_MAX	 96

struct acceptor {
	gss_ctx_id_t ctx;
	gss_name_t client;
	gss_cred_id_t delegated;
	gss_buffer_desc out;
	char binding[BINDING_MAX];
	struct gss_channel_bindings_struct bindings;
};

static void release(struct acceptor *a)
{
	OM_uint32 minor;

	gss_release_buffer(&minor, &a->out);
	if (a->client)
		gss_release_name(&minor, &a->client);
	if (a->delegated)
		gss_release_cred(&minor, &a->delegated);
	if (a->ctx)
		gss_delete_sec_context(&minor, &a->ctx, GSS_C_NO_BUFFER);
}

static bool use_keytab(const char *path)
{
	char name[4096];

	/* for the process: a credential that was imported is Kerberos's alone, and SPNEGO finds none in it */
	snprintf(name, sizeof(name), "FILE:%s", path);
	return access(path, R_OK) == 0 && !GSS_ERROR(gsskrb5_register_acceptor_identity(name));
}

/* In the server's log alone; the client is told 18452. */
static void log_failure(const struct conn *c, OM_uint32 major, OM_uint32 minor)
{
	gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
	OM_uint32 more = 0, m;

	(void)gss_display_status(&m, minor ? minor : major, minor ? GSS_C_MECH_CODE : GSS_C_GSS_CODE,
		minor ? GSS_KRB5_MECHANISM : GSS_C_NO_OID, &more, &text);
	fprintf(stderr, "tdsd: connection %d: error %d: SSPI handshake failed with error code 0x%08x: %.*s\n", c->spid,
		HANDSHAKE_FAILED, (unsigned)major, (int)text.length, (const char *)text.value);
	gss_release_buffer(&m, &text);
}

static gss_channel_bindings_t binding(struct acceptor *a, const struct conn *c)
{
	static const char tag[] = "tls-unique:";
	size_t len = sizeof(tag) - 1;

	if (c->server->options->binding == BINDING_OFF || c->finished_len == 0 || c->finished_len + len > sizeof(a->binding))
		return GSS_C_NO_CHANNEL_BINDINGS;
	memcpy(a->binding, tag, len);
	memcpy(a->binding + len, c->finished, c->finished_len);
	a->bindings.application_data.value = a->binding;
	a->bindings.application_data.length = len + c->finished_len;
	return &a->bindings;
}

static OM_uint32 step(struct acceptor *a, const struct conn *c, const void *token, size_t len, OM_uint32 *ret_minor)
{
	gss_buffer_desc in = {.length = len, .value = (void *)(uintptr_t)token};
	OM_uint32 minor;

	gss_release_buffer(&minor, &a->out);
	return gss_accept_sec_context(ret_minor, &a->ctx, GSS_C_NO_CREDENTIAL, &in, binding(a, c), a->client ? NULL : &a->client,
		NULL, &a->out, NULL, NULL, a->delegated ? NULL : &a->delegated);
}

/* Has the client said which TLS session it means? Heimdal takes one that has not, whatever we ask for, so it is
 * asked about another session first: only who does not bind gets in there. */
static bool is_bound(const struct conn *c)
{
	static char other[] = "tls-unique:another session";
	struct gss_channel_bindings_struct bindings = {
		.application_data = {.length = sizeof(other) - 1, .value = other}};
	gss_buffer_desc in = {.length = c->login.sspi_len, .value = (void *)(uintptr_t)c->login.sspi};
	struct acceptor a = {.ctx = GSS_C_NO_CONTEXT};
	OM_uint32 minor, major = gss_accept_sec_context(&minor, &a.ctx, GSS_C_NO_CREDENTIAL, &in, &bindings, &a.client, NULL,
		&a.out, NULL, NULL, NULL);

	release(&a);
	return GSS_ERROR(major);
}

/* A token of ours in a message of its own, and the client's answer to it. */
static int exchange(struct acceptor *a, struct conn *c, struct err *err)
{
	uint8_t status;
	int got;

	wire_begin(&c->wire, WIRE_RESULT);
	wire_put8(&c->wire, TOKEN_SSPI);
	wire_put16(&c->wire, (unsigned)a->out.length);
	wire_put(&c->wire, a->out.value, a->out.length);
	if (!wire_end(&c->wire))
		return err_set(err, ERR_NETWORK, "the client is gone");
	got = wire_message(&c->wire, &c->request, &status, err);
	if (got <= 0)
		return got < 0 ? -1 : err_set(err, ERR_NETWORK, "the connection ended within the login");
	if (c->wire.in_type != WIRE_SSPI)
		return err_set(err, ERR_DATA, "a message of type 0x%02x where an SSPI token belongs", c->wire.in_type);
	return 0;
}

static int take_peer(struct acceptor *a, struct conn *c, struct sspi_peer *peer)
{
	gss_buffer_desc name = GSS_C_EMPTY_BUFFER;
	OM_uint32 minor;

	if (GSS_ERROR(gss_display_name(&minor, a->client, &name, NULL)))
		return 0;
	peer->principal = arena_strndup(&c->arena, name.value, name.length);
	peer->delegated = a->delegated != GSS_C_NO_CREDENTIAL;
	gss_release_buffer(&minor, &name);
	if (a->out.length) {
		c->sspi_out = arena_alloc(&c->arena, a->out.length);
		memcpy(c->sspi_out, a->out.value, a->out.length);
		c->sspi_out_len = a->out.length;
	}
	return 1;
}

static int converse(struct acceptor *a, struct conn *c, struct sspi_peer *peer, struct err *err)
{
	OM_uint32 minor, major = step(a, c, c->login.sspi, c->login.sspi_len, &minor);

	for (peer->legs = 1; major == GSS_S_CONTINUE_NEEDED && peer->legs < LEGS_MAX; peer->legs++) {
		if (exchange(a, c, err))
			return -1;
		major = step(a, c, c->request.data, c->request.len, &minor);
	}
	if (major == GSS_S_COMPLETE)
		return take_peer(a, c, peer);
	log_failure(c, major, minor);
	return 0;
}

int sspi_accept(struct conn *c, struct sspi_peer *ret_peer, struct err *err)
{
	struct acceptor a = {.ctx = GSS_C_NO_CONTEXT};
	struct sspi_peer peer = {.legs = 0};
	int rc = 0;

	if (!c->server->options->keytab)
		return 0;
	if (!use_keytab(c->server->options->keytab))
		fprintf(stderr, "tdsd: keytab '%s' cannot be used\n", c->server->options->keytab);
	else if (c->server->options->binding == BINDING_REQUIRE && (c->finished_len == 0 || !is_bound(c)))
		fprintf(stderr, "tdsd: connection %d: error %d: channel binding is required, and %s\n", c->spid,
			HANDSHAKE_FAILED, c->finished_len ? "the client sends none" : "there is no TLS 1.2");
	else
		rc = converse(&a, c, &peer, err);
	release(&a);
	if (rc == 1)
		*ret_peer = peer;
	return rc;
}
