#include "krb/profile.h"

#include <string.h>

#include "unit/support.h"

static const char *written(const struct kerberos_options *o, struct buf *text)
{
	struct err err = ERR_INIT;

	buf_reset(text);
	must(profile_write(o, text, &err), &err);
	return buf_str(text);
}

static void refused(const struct kerberos_options *o, const char *message)
{
	struct buf text = BUF_INIT(PROFILE_MAX);
	struct err err = ERR_INIT;

	assert_int_equal(profile_write(o, &text, &err), -1);
	check_err(&err, ERR_CONFIG, message);
	buf_release(&text);
}

static void what_heimdal_is_told(void **state)
{
	struct buf text = BUF_INIT(PROFILE_MAX);
	struct kerberos_options o = {.realm = "EXAMPLE.ORG", .kdc = "dc1.example.org, dc2:8888,[::1]:89", .timeout = 4500};
	const char *conf = written(&o, &text);

	(void)state;
	assert_non_null(strstr(conf, "\tdefault_realm = EXAMPLE.ORG\n"));
	assert_non_null(strstr(conf, "\trdns = no\n"));
	assert_non_null(strstr(conf, "\tkdc_timeout = 5\n"));
	assert_non_null(strstr(conf, "\tEXAMPLE.ORG = {\n"
				     "\t\tkdc = dc1.example.org:88\n\t\tkdc = tcp/dc1.example.org:88\n"
				     "\t\tkdc = dc2:8888\n\t\tkdc = tcp/dc2:8888\n"
				     "\t\tkdc = [::1]:89\n\t\tkdc = tcp/[::1]:89\n\t}\n"));
	o.kdc = NULL;
	conf = written(&o, &text);
	assert_null(strstr(conf, "[realms]")); /* the DNS knows */
	assert_non_null(strstr(conf, "\tdns_lookup_kdc = yes\n"));
	o.domain_realm = ".b.org = B.ORG ,sql.c.org=C.ORG";
	conf = written(&o, &text);
	assert_non_null(strstr(conf, "[domain_realm]\n\t.b.org = B.ORG\n\tsql.c.org = C.ORG\n"));
	o.trusted_kdc = "B.ORG = dc1.b.org, C.ORG=10.0.0.1:8888";
	conf = written(&o, &text);
	assert_non_null(strstr(conf, "[realms]\n\tB.ORG = {\n\t\tkdc = dc1.b.org:88\n\t\tkdc = tcp/dc1.b.org:88\n\t}\n"
				     "\tC.ORG = {\n\t\tkdc = 10.0.0.1:8888\n"));
	buf_release(&text);
}

static void what_is_none(void **state)
{
	(void)state;
	refused(&(struct kerberos_options){.kdc = "dc1"}, "[kerberos] has 'kdc' but no 'realm'");
	refused(&(struct kerberos_options){.realm = "A }"}, "[kerberos] realm: 'A }' is none");
	refused(&(struct kerberos_options){.realm = "A", .kdc = "dc1:0"}, "kdc: 'dc1:0' is not host or host:port");
	refused(&(struct kerberos_options){.realm = "A", .kdc = "dc1:123456789"},
		"kdc: 'dc1:123456789' is not host or host:port");
	refused(&(struct kerberos_options){.realm = "A", .kdc = "dc1 dc2"}, "kdc: 'dc1 dc2' is not host or host:port");
	refused(&(struct kerberos_options){.realm = "A", .domain_realm = "x"},
		"domain_realm: 'x' is not 'host = REALM' or '.domain = REALM'");
	refused(&(struct kerberos_options){.realm = "A", .domain_realm = "x = A\n[realms]"},
		"domain_realm: 'x = A\n[realms]' is not 'host = REALM' or '.domain = REALM'");
}

static void realm_of_a_host(void **state)
{
	const char *list = ".example.org = A.ORG, .sub.example.org = B.ORG, sql.sub.example.org = C.ORG";
	char out[64];

	(void)state;
	assert_string_equal(profile_realm(list, "x.example.org", out, sizeof(out)), "A.ORG");
	assert_string_equal(profile_realm(list, "x.SUB.example.org", out, sizeof(out)), "B.ORG");
	assert_string_equal(profile_realm(list, "sql.sub.example.org", out, sizeof(out)), "C.ORG");
	assert_null(profile_realm(list, "example.org", out, sizeof(out)));
	assert_null(profile_realm(list, "xexample.org", out, sizeof(out)));
	assert_null(profile_realm(NULL, "x.example.org", out, sizeof(out)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_heimdal_is_told),
		cmocka_unit_test(what_is_none),
		cmocka_unit_test(realm_of_a_host),
	};

	return cmocka_run_group_tests_name("krb/profile", tests, NULL, NULL);
}
