#include "krb/profile.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

#define KDC_PORT 88
#define NAME_MAX_ 255

/* Nothing that would end the line or the block that it stands in. */
static bool is_word(const char *text, size_t len)
{
	if (len == 0 || len > NAME_MAX_)
		return false;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] <= ' ' || strchr("{}=#;\\\"", text[i]))
			return false;
	return true;
}

/* The next part between commas, without the blanks around it; NULL at the end. */
static const char *next_part(const char **list, size_t *ret_len)
{
	const char *p = *list, *end;

	while (*p && strchr(" \t,", *p))
		p++;
	if (!*p)
		return NULL;
	end = p + strcspn(p, ",");
	*list = end;
	while (end > p && strchr(" \t", end[-1]))
		end--;
	*ret_len = (size_t)(end - p);
	return p;
}

int profile_next_kdc(const char **list, char *host, size_t size, uint16_t *ret_port, struct err *err)
{
	size_t len, name;
	const char *part = next_part(list, &len), *colon;
	int64_t port = KDC_PORT;

	if (!part)
		return 0;
	colon = memchr(part, ':', len);
	if (*part == '[') /* an IPv6 address; its port stands behind the bracket */
		colon = memchr(part, ']', len) ? strchr(part, ']') + 1 : NULL;
	else if (colon && memchr(colon + 1, ':', len - (size_t)(colon + 1 - part)))
		colon = NULL;
	name = colon ? (size_t)(colon - part) : len;
	if (colon && name < len) {
		char digits[8] = "";

		if (len - name - 1 < sizeof(digits))
			memcpy(digits, colon + 1, len - name - 1);
		if (*colon != ':' || text_parse_int(digits, &port) || port < 1 || port > UINT16_MAX)
			return err_set(err, ERR_CONFIG, "kdc: '%.*s' is not host or host:port", (int)len, part);
	}
	if (!is_word(part, name) || name >= size)
		return err_set(err, ERR_CONFIG, "kdc: '%.*s' is not host or host:port", (int)len, part);
	memcpy(host, part, name);
	host[name] = '\0';
	*ret_port = (uint16_t)port;
	return 1;
}

/* UDP first, and TCP at once for what a KDC says is too large (tickets of AD mostly are): that is what no
 * protocol means. TCP again, where UDP is not let through: Heimdal goes on after host_timeout. */
static int write_kdcs(const char *realm, const char *list, struct buf *text, struct err *err)
{
	char host[NAME_MAX_ + 1];
	uint16_t port;
	int rc;

	buf_printf(text, "\t%s = {\n", realm);
	while ((rc = profile_next_kdc(&list, host, sizeof(host), &port, err)) > 0)
		buf_printf(text, "\t\tkdc = %s:%u\n\t\tkdc = tcp/%s:%u\n", host, port, host, port);
	buf_adds(text, "\t}\n");
	return rc;
}

/* "name = REALM"; false when it is not that. */
static bool split(const char *part, size_t len, size_t *ret_name, const char **ret_realm, size_t *ret_realm_len)
{
	const char *equals = memchr(part, '=', len), *realm = equals ? equals + 1 : NULL;
	size_t name = equals ? (size_t)(equals - part) : 0;

	while (name && strchr(" \t", part[name - 1]))
		name--;
	while (realm && realm < part + len && strchr(" \t", *realm))
		realm++;
	if (!realm || !is_word(part, name) || !is_word(realm, (size_t)(part + len - realm)))
		return false;
	*ret_name = name;
	*ret_realm = realm;
	*ret_realm_len = (size_t)(part + len - realm);
	return true;
}

/* Of the realms that ours trusts. */
static int write_trusted(const char *list, struct buf *text, struct err *err)
{
	const char *part, *kdc;
	size_t len, name, kdc_len;

	while (list && (part = next_part(&list, &len))) {
		char realm[NAME_MAX_ + 1], host[NAME_MAX_ + 1];

		if (!split(part, len, &name, &kdc, &kdc_len))
			return err_set(err, ERR_CONFIG, "trusted_kdc: '%.*s' is not 'REALM = host' or 'REALM = host:port'",
				(int)len, part);
		snprintf(realm, sizeof(realm), "%.*s", (int)name, part);
		snprintf(host, sizeof(host), "%.*s", (int)kdc_len, kdc);
		if (write_kdcs(realm, host, text, err) < 0)
			return -1;
	}
	return 0;
}

static int write_domains(const char *list, struct buf *text, struct err *err)
{
	const char *part, *realm;
	size_t len, name, realm_len;

	if (!list)
		return 0;
	buf_adds(text, "[domain_realm]\n");
	while ((part = next_part(&list, &len))) {
		if (!split(part, len, &name, &realm, &realm_len))
			return err_set(err, ERR_CONFIG, "domain_realm: '%.*s' is not 'host = REALM' or '.domain = REALM'",
				(int)len, part);
		buf_printf(text, "\t%.*s = %.*s\n", (int)name, part, (int)realm_len, realm);
	}
	return 0;
}

int profile_write(const struct kerberos_options *o, struct buf *text, struct err *err)
{
	long long timeout_s = o->timeout > 1000 ? (o->timeout + 999) / 1000 : 1;

	if (o->kdc && !o->realm) {
		err_set(err, ERR_CONFIG, "[kerberos] has 'kdc' but no 'realm'");
		return err_hint(err, "realm = EXAMPLE.ORG: the domain's name in capitals");
	}
	if (o->realm && !is_word(o->realm, strlen(o->realm)))
		return err_set(err, ERR_CONFIG, "[kerberos] realm: '%s' is none", o->realm);
	buf_adds(text, "[libdefaults]\n");
	if (o->realm)
		buf_printf(text, "\tdefault_realm = %s\n", o->realm);
	buf_printf(text, "\tdns_lookup_kdc = yes\n\tdns_lookup_realm = no\n\tdns_canonicalize_hostname = no\n"
			 "\trdns = no\n\tkdc_timeout = %lld\n\thost_timeout = 1\n\tmax_retries = 1\n"
			 "\tcheck-rd-req-server = no\n", timeout_s);
	if (o->allow_rc4)
		buf_adds(text, "\tallow_weak_crypto = yes\n");
	if ((o->realm && o->kdc) || o->trusted_kdc)
		buf_adds(text, "[realms]\n");
	if (o->realm && o->kdc && write_kdcs(o->realm, o->kdc, text, err) < 0)
		return -1;
	if (write_trusted(o->trusted_kdc, text, err))
		return -1;
	if (write_domains(o->domain_realm, text, err))
		return -1;
	return buf_check(text, "[kerberos]", err);
}

const char *profile_realm(const char *list, const char *host, char *out, size_t size)
{
	size_t host_len = strlen(host), best = 0, len, name, realm_len;
	const char *part, *realm;
	bool found = false;

	while (list && (part = next_part(&list, &len))) {
		bool fits;

		if (!split(part, len, &name, &realm, &realm_len) || realm_len >= size)
			continue;
		fits = *part == '.' ? host_len > name && strncasecmp(host + host_len - name, part, name) == 0
				    : host_len == name && strncasecmp(host, part, name) == 0;
		if (!fits || (found && name <= best))
			continue;
		found = true;
		best = name;
		memcpy(out, realm, realm_len);
		out[realm_len] = '\0';
	}
	return found ? out : NULL;
}
