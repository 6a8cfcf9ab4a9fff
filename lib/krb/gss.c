#include "krb/gss.h"

#include <stdlib.h>
#include <string.h>

#include <gssapi/gssapi.h>
#include <gssapi/gssapi_krb5.h>
#include <gssapi/gssapi_spnego.h>

#include "krb/enctype.h"
#include "krb/explain.h"
#include "krb/krb.h"

#define TEXT_MAX 256

struct gss {
	struct gss_wish wish;
	struct krb_cache *cache;
	gss_cred_id_t cred;
	gss_name_t target;
	gss_ctx_id_t ctx;
	gss_buffer_desc out;
	void *binding;
	char *spn;
	bool complete;
};

static int fail(OM_uint32 major, OM_uint32 minor, const char *what, struct err *err)
{
	gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
	OM_uint32 more = 0, m;
	char words[TEXT_MAX] = "";

	if (!GSS_ERROR(gss_display_status(&m, minor ? minor : major, minor ? GSS_C_MECH_CODE : GSS_C_GSS_CODE,
		    minor ? GSS_KRB5_MECHANISM : GSS_C_NO_OID, &more, &text)) && text.length < sizeof(words))
		memcpy(words, text.value, text.length);
	gss_release_buffer(&m, &text);
	return krb_explain((int32_t)minor, 0, what, *words ? words : NULL, err);
}

/* A credential that was imported is Kerberos's alone, and SPNEGO finds none in it: there the cache of this
 * thread's Kerberos context counts, for as long as a call lasts. RC4 is off in that context but for allow_rc4. */
static void lend_cache(const struct gss *g, bool lend)
{
	CLEANUP(arena_release) struct arena a = {0};
	OM_uint32 minor;

	if (g->wish.mechanism == KERBEROS_SPNEGO)
		(void)gss_krb5_ccache_name(
			&minor, lend ? krb_cache_name(g->wish.kerberos, &a) : "MEMORY:etl nobody", NULL);
}

static int import_cred(struct gss *g, struct err *err)
{
	const struct kerberos_options *o = g->wish.kerberos;
	OM_uint32 minor, major;
	int32_t types[N_ENCTYPES]; /* the library takes no const ones */

	memcpy(types, enctypes, sizeof(types));
	if (krb_cache_open(o, &g->cache, err))
		return -1;
	if (g->wish.mechanism == KERBEROS_SPNEGO)
		return 0;
	major = gss_krb5_import_cred(&minor, krb_cache_handle(g->cache), NULL, NULL, &g->cred);
	if (GSS_ERROR(major))
		return fail(major, minor, g->spn, err);
	major = gss_krb5_set_allowable_enctypes(&minor, g->cred, o->allow_rc4 ? N_ENCTYPES : N_ENCTYPES_AES, types);
	return GSS_ERROR(major) ? fail(major, minor, g->spn, err) : 0;
}

static int import_name(struct gss *g, struct err *err)
{
	gss_buffer_desc name = {.length = strlen(g->spn), .value = g->spn};
	OM_uint32 minor, major = gss_import_name(&minor, &name, GSS_KRB5_NT_PRINCIPAL_NAME, &g->target);

	return GSS_ERROR(major) ? fail(major, minor, g->spn, err) : 0;
}

int gss_new(const struct gss_wish *wish, struct gss **ret, struct err *err)
{
	struct gss *g = calloc(1, sizeof(*g));

	if (!g)
		return err_set(err, ERR_INTERNAL, "no memory for a login");
	g->wish = *wish;
	g->spn = strdup(wish->spn);
	g->binding = malloc(wish->binding_len + 1);
	if (g->spn && g->binding) {
		if (wish->binding_len)
			memcpy(g->binding, wish->binding, wish->binding_len);
		if (import_cred(g, err) == 0 && import_name(g, err) == 0) {
			*ret = g;
			return 0;
		}
	}
	gss_free(g);
	return -1;
}

void gss_free(struct gss *g)
{
	OM_uint32 minor;

	if (!g)
		return;
	gss_release_buffer(&minor, &g->out);
	if (g->ctx)
		gss_delete_sec_context(&minor, &g->ctx, GSS_C_NO_BUFFER); /* wipes its keys */
	if (g->target)
		gss_release_name(&minor, &g->target);
	if (g->cred)
		gss_release_cred(&minor, &g->cred);
	krb_cache_close(g->cache);
	free(g->binding);
	free(g->spn);
	free(g);
}

static OM_uint32 init_context(struct gss *g, const void *in, size_t in_len, OM_uint32 *ret_minor, OM_uint32 *ret_flags)
{
	struct gss_channel_bindings_struct binding = {
		.application_data = {.length = g->wish.binding_len, .value = g->binding}};
	gss_buffer_desc token = {.length = in_len, .value = (void *)(uintptr_t)in};
	OM_uint32 wanted = GSS_C_MUTUAL_FLAG | GSS_C_REPLAY_FLAG | GSS_C_INTEG_FLAG | (g->wish.delegate ? GSS_C_DELEG_FLAG : 0);
	OM_uint32 major;

	lend_cache(g, true);
	major = gss_init_sec_context(ret_minor, g->cred, &g->ctx, g->target,
		g->wish.mechanism == KERBEROS_SPNEGO ? GSS_SPNEGO_MECHANISM : GSS_KRB5_MECHANISM, wanted, 0,
		g->wish.binding_len ? &binding : GSS_C_NO_CHANNEL_BINDINGS, in_len ? &token : GSS_C_NO_BUFFER, NULL,
		&g->out, ret_flags, NULL);
	lend_cache(g, false);
	return major;
}

static bool rename_target(struct gss *g, const char *spn)
{
	struct err ignored = ERR_INIT;
	char *name = strdup(spn);
	OM_uint32 minor;

	if (!name)
		return false;
	gss_release_name(&minor, &g->target);
	free(g->spn);
	g->spn = name;
	return import_name(g, &ignored) == 0;
}

/* The first step failed. Where it can be for want of a service ticket (SPNEGO keeps the reason to itself) it is
 * asked for once more, as a host's: a KDC that has no such service may know which realm has, and then the name says
 * so. `why`: there is none to be had. */
static OM_uint32 begin_elsewhere(struct gss *g, OM_uint32 major, OM_uint32 *minor, OM_uint32 *ret_flags, struct err *why)
{
	bool spnego = g->wish.mechanism == KERBEROS_SPNEGO, is_full = strchr(g->spn, '@') != NULL;
	struct krb_service service;
	OM_uint32 m;

	if (spnego ? *minor != 0 : is_full || (int32_t)*minor != KRB_ERR_S_PRINCIPAL_UNKNOWN)
		return major;
	if (krb_service_ticket(g->wish.kerberos, g->spn, &service, why) || is_full || !rename_target(g, service.server))
		return major;
	if (g->ctx)
		gss_delete_sec_context(&m, &g->ctx, GSS_C_NO_BUFFER);
	return init_context(g, NULL, 0, minor, ret_flags);
}

/* `why` is known better than the mechanism tells it, or empty. */
static int explain_step(const struct gss *g, OM_uint32 major, OM_uint32 minor, const struct err *why, struct err *err)
{
	if (g->wish.mechanism != KERBEROS_SPNEGO || !why->code)
		return fail(major, minor, g->spn, err);
	*err = *why;
	if (err->code == ERR_NOT_FOUND)
		err->code = ERR_AUTH;
	return -1;
}

int gss_step(struct gss *g, const void *in, size_t in_len, const void **ret_out, size_t *ret_out_len, struct err *err)
{
	OM_uint32 major, minor, flags = 0;
	struct err why = ERR_INIT;

	gss_release_buffer(&minor, &g->out);
	major = init_context(g, in, in_len, &minor, &flags);
	if (GSS_ERROR(major) && in_len == 0)
		major = begin_elsewhere(g, major, &minor, &flags, &why);
	if (GSS_ERROR(major))
		return explain_step(g, major, minor, &why, err);
	if (major == GSS_S_COMPLETE) {
		if (!(flags & GSS_C_MUTUAL_FLAG))
			return err_set(err, ERR_AUTH, "the server '%s' has not proven who it is", g->spn);
		g->complete = true;
	}
	*ret_out = g->out.value;
	*ret_out_len = g->out.length;
	return 0;
}

bool gss_is_complete(const struct gss *g)
{
	return g->complete;
}
