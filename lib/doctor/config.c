/* What etl.ini says, before anybody is asked. */
#include <ctype.h>
#include <stdlib.h>

#include "doctor/doctor.h"

#define AREA "config"

static bool has_lower(const char *text)
{
	for (; text && *text; text++)
		if (islower((unsigned char)*text))
			return true;
	return false;
}

static void look_kerberos(struct doctor *d)
{
	const struct kerberos_options *k = &d->settings->kerberos;
	const char *env = getenv("KRB5_CONFIG");

	if (env && *env && (k->kdc || k->realm))
		doctor_say(d, AREA, "[kerberos]", "source", DOCTOR_WARNING, "unset KRB5_CONFIG, or drop realm and kdc",
			"KRB5_CONFIG = '%s' counts, and not kdc and domain_realm here", env);
	if (has_lower(k->realm))
		doctor_say(d, AREA, "[kerberos]", "realm", DOCTOR_WARNING, "write the domain in capitals",
			"realm '%s' has small letters; those of Active Directory have none", k->realm);
	if (k->allow_rc4)
		doctor_say(d, AREA, "[kerberos]", "allow_rc4", DOCTOR_WARNING, "give the accounts AES keys and take it out",
			"RC4 is allowed, which can be broken");
}

static void look_connection(struct doctor *d, const struct connection *c)
{
	char *subject = arena_printf(d->arena, "connection %s", c->name);

	if (c->driver != DRIVER_MSSQL)
		return;
	if (c->mssql.trust_server_certificate && !c->mssql.server_certificate)
		doctor_say(d, AREA, subject, "trust", DOCTOR_WARNING, "say ca_file or server_certificate",
			"trust_server_certificate = yes: nobody checks who the server is");
	if (c->mssql.encrypt == 0)
		doctor_say(d, AREA, subject, "encrypt", DOCTOR_WARNING, "encrypt = require",
			"encrypt = off: anybody on the way can read and change everything");
	if (c->mssql.auth == MSSQL_AUTH_KERBEROS && c->mssql.delegate)
		doctor_say(d, AREA, subject, "delegate", DOCTOR_WARNING, "leave it out where no linked server needs it",
			"delegate = yes: the server may act as us anywhere");
}

void doctor_look_config(struct doctor *d)
{
	const struct settings *s = d->settings;

	doctor_say(d, AREA, s->file ? s->file : "(none)", "file", DOCTOR_OK, NULL, "%s, %zu connections",
		s->file ? "read" : "no file: the defaults hold", s->n_connections);
	look_kerberos(d);
	for (size_t i = 0; i < s->n_connections; i++)
		look_connection(d, &s->connections[i]);
}
