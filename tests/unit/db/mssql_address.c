#include "db/mssql_address.h"

#include <string.h>

#include "unit/support.h"

static void check(const char *text, const char *host, const char *instance, unsigned port)
{
	struct mssql_address a;
	struct err err = ERR_INIT;

	must(mssql_address_parse(text, &a, &err), &err);
	assert_string_equal(a.host, host);
	assert_string_equal(a.instance, instance);
	assert_int_equal(a.port, port);
}

static void refused(const char *text, const char *message, const char *hint)
{
	struct mssql_address a;
	struct err err = ERR_INIT;

	assert_int_equal(mssql_address_parse(text, &a, &err), -1);
	check_err(&err, ERR_CONFIG, message);
	assert_string_equal(err.hint, hint);
}

static void forms_that_people_write(void **state)
{
	(void)state;
	check("sql01", "sql01", "", 1433);
	check(" sql01.example.org , 14330 ", "sql01.example.org", "", 14330);
	check("tcp:sql01,1", "sql01", "", 1);
	check("sql01\\DWH", "sql01", "DWH", 0);
	check("sql01\\DWH,14330", "sql01", "DWH", 14330);
	check("sql01\\MSSQLSERVER", "sql01", "", 1433);
	check(".", "localhost", "", 1433);
	check("(local)\\X", "localhost", "X", 0);
	check("::1", "::1", "", 1433);
	check("[fe80::1],65535", "fe80::1", "", 65535);
	check("127.0.0.1,1433", "127.0.0.1", "", 1433);
}

static void what_is_none(void **state)
{
	char longest[MSSQL_HOST_MAX + 2];

	(void)state;
	refused("", "there is no host", "");
	refused(",1433", "there is no host", "");
	refused("sql01\\", "there is no instance behind the '\\'", "");
	refused("sql01:1433", "'sql01:1433' is not the name of a host",
		"a port stands behind a comma: server = sql01,1433");
	refused("sql01,", "'' is not a port from 1 to 65535", "");
	refused("sql01,0", "'0' is not a port from 1 to 65535", "");
	refused("sql01,65536", "'65536' is not a port from 1 to 65535", "");
	refused("sql01,14x", "'14x' is not a port from 1 to 65535", "");
	refused("sql01,99999999999", "'99999999999' is not a port from 1 to 65535", "");
	refused("a b", "'a b' is not the name of a host", "");
	refused("np:\\\\sql01\\pipe", "'np:\\\\sql01\\pipe': only TCP is spoken here", "");
	refused("sql01\\01234567890123456", "an instance of more than 16 characters", "");
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	refused(longest, "a host of more than 255 characters", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms_that_people_write),
		cmocka_unit_test(what_is_none),
	};

	return cmocka_run_group_tests_name("db/mssql_address", tests, NULL, NULL);
}
