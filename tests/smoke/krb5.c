/*
 * krb5 - take a ticket from a keytab, then be both sides of a GSS-API exchange.
 *
 *	krb5 krb5|spnego PRINCIPAL KEYTAB CCACHE SERVICE@HOST
 *
 * KRB5_CONFIG names the realm; the service's keys are in the same keytab. Prints
 * the ticket's session key type and what was agreed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gssapi/gssapi.h>
#include <gssapi/gssapi_krb5.h>
#include <gssapi/gssapi_spnego.h>
#include <krb5.h>

#define LEGS_MAX 6

static void krb5_check(krb5_context ctx, krb5_error_code rc, const char *what)
{
	if (rc == 0)
		return;
	fprintf(stderr, "%s: %s\n", what, krb5_get_error_message(ctx, rc));
	exit(1);
}

static void gss_check(OM_uint32 major, OM_uint32 minor, const char *what)
{
	gss_buffer_desc general, detail;
	OM_uint32 ignored, more = 0;

	if (!GSS_ERROR(major))
		return;
	gss_display_status(&ignored, major, GSS_C_GSS_CODE, GSS_C_NO_OID, &more, &general);
	more = 0;
	gss_display_status(&ignored, minor, GSS_C_MECH_CODE, GSS_KRB5_MECHANISM, &more, &detail);
	fprintf(stderr, "%s: %.*s: %.*s\n", what, (int)general.length, (char *)general.value,
		(int)detail.length, (char *)detail.value);
	exit(1);
}

static void take_ticket(const char *principal, const char *keytab, const char *ccache)
{
	krb5_context ctx;
	krb5_principal who;
	krb5_keytab keys;
	krb5_ccache cache;
	krb5_creds creds;
	krb5_get_init_creds_opt *opt;
	char *etype = NULL;

	memset(&creds, 0, sizeof(creds));
	if (krb5_init_context(&ctx) != 0)
		exit(1);
	krb5_check(ctx, krb5_parse_name(ctx, principal, &who), "principal");
	krb5_check(ctx, krb5_kt_resolve(ctx, keytab, &keys), "keytab");
	krb5_check(ctx, krb5_get_init_creds_opt_alloc(ctx, &opt), "options");
	krb5_check(ctx, krb5_get_init_creds_keytab(ctx, &creds, who, keys, 0, NULL, opt), "ticket");
	krb5_check(ctx, krb5_cc_resolve(ctx, ccache, &cache), "ccache");
	krb5_check(ctx, krb5_cc_initialize(ctx, cache, who), "ccache");
	krb5_check(ctx, krb5_cc_store_cred(ctx, cache, &creds), "ccache");
	krb5_check(ctx, krb5_enctype_to_string(ctx, creds.session.keytype, &etype), "enctype");
	printf("ticket %s\n", etype);
	free(etype);
	krb5_cc_close(ctx, cache);
	krb5_free_cred_contents(ctx, &creds);
	krb5_get_init_creds_opt_free(ctx, opt);
	krb5_kt_close(ctx, keys);
	krb5_free_principal(ctx, who);
	krb5_free_context(ctx);
}

struct exchange {
	gss_ctx_id_t initiator, acceptor;
	gss_name_t client;
};

/* Tokens go to and fro until both sides are complete. */
static void exchange_tokens(struct exchange *x, gss_OID mech, gss_name_t target)
{
	gss_buffer_desc request = GSS_C_EMPTY_BUFFER, reply = GSS_C_EMPTY_BUFFER;
	OM_uint32 major, minor;
	int initiated = 0, accepted = 0;

	for (int leg = 0; leg < LEGS_MAX && (!initiated || !accepted); leg++) {
		if (!initiated) {
			major = gss_init_sec_context(&minor, GSS_C_NO_CREDENTIAL, &x->initiator,
				target, mech,
				GSS_C_MUTUAL_FLAG | GSS_C_REPLAY_FLAG | GSS_C_INTEG_FLAG, 0,
				GSS_C_NO_CHANNEL_BINDINGS, &reply, NULL, &request, NULL, NULL);
			gss_check(major, minor, "initiate");
			initiated = major == GSS_S_COMPLETE;
		}
		if (!accepted && request.length > 0) {
			major = gss_accept_sec_context(&minor, &x->acceptor, GSS_C_NO_CREDENTIAL,
				&request, GSS_C_NO_CHANNEL_BINDINGS, &x->client, NULL, &reply, NULL,
				NULL, NULL);
			gss_check(major, minor, "accept");
			accepted = major == GSS_S_COMPLETE;
		}
	}
	if (!initiated || !accepted) {
		fputs("the exchange does not come to an end\n", stderr);
		exit(1);
	}
}

static void use_context(struct exchange *x)
{
	gss_buffer_desc hello = {5, (void *)(uintptr_t) "hello"}, sealed, opened, name;
	OM_uint32 major, minor;
	int sealed_conf, opened_conf;

	major = gss_wrap(&minor, x->initiator, 1, GSS_C_QOP_DEFAULT, &hello, &sealed_conf, &sealed);
	gss_check(major, minor, "wrap");
	major = gss_unwrap(&minor, x->acceptor, &sealed, &opened, &opened_conf, NULL);
	gss_check(major, minor, "unwrap");
	major = gss_display_name(&minor, x->client, &name, NULL);
	gss_check(major, minor, "name");
	printf("accepted %.*s\n", (int)name.length, (char *)name.value);
	printf("message %.*s %s\n", (int)opened.length, (char *)opened.value,
		sealed_conf && opened_conf ? "sealed" : "open");
}

int main(int argc, char **argv)
{
	struct exchange x = {GSS_C_NO_CONTEXT, GSS_C_NO_CONTEXT, GSS_C_NO_NAME};
	gss_buffer_desc service;
	gss_name_t target;
	OM_uint32 major, minor;

	if (argc != 6) {
		fputs("usage: krb5 krb5|spnego PRINCIPAL KEYTAB CCACHE SERVICE@HOST\n", stderr);
		return 2;
	}
	take_ticket(argv[2], argv[3], argv[4]);
	setenv("KRB5CCNAME", argv[4], 1);
	setenv("KRB5_KTNAME", argv[3], 1);
	service.value = argv[5];
	service.length = strlen(argv[5]);
	major = gss_import_name(&minor, &service, GSS_C_NT_HOSTBASED_SERVICE, &target);
	gss_check(major, minor, "service");
	exchange_tokens(&x,
		strcmp(argv[1], "spnego") == 0 ? GSS_SPNEGO_MECHANISM : GSS_KRB5_MECHANISM, target);
	use_context(&x);
	return 0;
}
