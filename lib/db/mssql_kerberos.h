/*
 * mssql_kerberos - the part of a login that tickets play (auth = kerberos).
 *
 * begin gets a ticket where there is none that serves; the login itself asks for a service ticket; check says
 * whether the server has proven itself too, without which its "welcome" is not believed; end in any case.
 */
#ifndef DB_MSSQL_KERBEROS_H
#define DB_MSSQL_KERBEROS_H

#include <stdbool.h>

#include "base/err.h"
#include "base/settings.h"
#include "tds/gssapi.h"

struct gss;

struct mssql_kerberos {
	const struct mssql_options *options;
	struct gssapi_login login;
	struct gss *gss;
	bool failed;
	struct err err;
};

MUST_CHECK int mssql_kerberos_begin(struct mssql_kerberos *k, const struct mssql_options *o, struct err *err);
MUST_CHECK int mssql_kerberos_check(const struct mssql_kerberos *k, struct err *err);
void mssql_kerberos_end(struct mssql_kerberos *k);

/* The server's principal as a login would ask for it. -1: no memory, or too long a name. */
MUST_CHECK int mssql_kerberos_spn(const struct mssql_options *o, const char *host, uint16_t port, char *out,
	size_t size, struct err *err);

#endif
