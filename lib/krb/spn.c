#include "krb/spn.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "krb/profile.h"

static bool is_address(const char *host)
{
	unsigned char bytes[16];

	return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

int spn_make(const struct kerberos_options *o, const char *spn, const char *host, const char *canonical,
	uint16_t port, char out[SPN_MAX + 1])
{
	const char *name = !is_address(host) && canonical && strchr(canonical, '.') ? canonical : host;
	size_t len = strlen(name);
	char realm_text[256];
	const char *realm;
	int n;

	if (len && name[len - 1] == '.') /* the DNS's own way to end a name */
		len--;
	if (spn) {
		n = snprintf(out, SPN_MAX + 1, "%s", spn);
		return n < 0 || n > SPN_MAX ? -1 : 0;
	}
	realm = profile_realm(o->domain_realm, name, realm_text, sizeof(realm_text));
	n = snprintf(out, SPN_MAX + 1, "MSSQLSvc/%.*s:%u%s%s", (int)len, name, port, realm ? "@" : "",
		realm ? realm : "");
	return n < 0 || n > SPN_MAX ? -1 : 0;
}
