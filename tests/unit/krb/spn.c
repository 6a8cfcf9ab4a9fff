#include "krb/spn.h"

#include <string.h>

#include "unit/support.h"

static void check(const struct kerberos_options *o, const char *spn, const char *host, const char *canonical,
	uint16_t port, const char *expected)
{
	char out[SPN_MAX + 1];

	assert_int_equal(spn_make(o, spn, host, canonical, port, out), 0);
	assert_string_equal(out, expected);
}

static void rules(void **state)
{
	const struct kerberos_options none = {.realm = "A.ORG"};
	const struct kerberos_options other = {.realm = "A.ORG", .domain_realm = ".b.org = B.ORG"};

	(void)state;
	check(&none, NULL, "sql01.a.org", "sql01.a.org", 1433, "MSSQLSvc/sql01.a.org:1433");
	check(&none, NULL, "sql01", "sql01.a.org", 50123, "MSSQLSvc/sql01.a.org:50123");
	check(&none, NULL, "dw.a.org", "sql01.a.org", 1433, "MSSQLSvc/sql01.a.org:1433"); /* a CNAME */
	check(&none, NULL, "sql01", "sql01", 1433, "MSSQLSvc/sql01:1433");
	check(&none, NULL, "sql01.a.org.", "sql01.a.org.", 1433, "MSSQLSvc/sql01.a.org:1433");
	check(&none, NULL, "sql01", NULL, 1433, "MSSQLSvc/sql01:1433");
	check(&none, NULL, "10.0.0.1", "gw.evil.org", 1433, "MSSQLSvc/10.0.0.1:1433"); /* nothing backwards */
	check(&other, NULL, "sql.b.org", "sql.b.org", 1433, "MSSQLSvc/sql.b.org:1433@B.ORG");
	check(&other, "MSSQLSvc/x.b.org:INST", "sql.b.org", NULL, 1433, "MSSQLSvc/x.b.org:INST");
}

static void too_long(void **state)
{
	char host[SPN_MAX + 1], out[SPN_MAX + 1];

	(void)state;
	memset(host, 'x', SPN_MAX);
	host[SPN_MAX] = '\0';
	assert_int_equal(spn_make(&(struct kerberos_options){.realm = NULL}, NULL, host, NULL, 1, out), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(rules), cmocka_unit_test(too_long)};

	return cmocka_run_group_tests_name("krb/spn", tests, NULL, NULL);
}
