#include "krb/enctype.h"

#include <string.h>

#include "unit/support.h"

static void rc4_is_the_last_resort(void **state)
{
	char name[KRB_ENCTYPE_MAX + 1];

	(void)state;
	for (size_t i = 0; i < N_ENCTYPES; i++)
		assert_int_equal(enctype_is_aes(enctypes[i]), i < N_ENCTYPES_AES);
	enctype_name(enctypes[N_ENCTYPES - 1], name);
	assert_non_null(strstr(name, "RC4"));
}

static void names_are_those_of_other_tools(void **state)
{
	char name[KRB_ENCTYPE_MAX + 1];

	(void)state;
	enctype_name(18, name);
	assert_string_equal(name, "aes256-cts-hmac-sha1-96");
	enctype_name(3, name); /* DES, which nobody takes */
	assert_string_equal(name, "encryption type 3");
	assert_false(enctype_is_aes(3));
	enctype_name(INT32_MIN, name);
	assert_string_equal(name, "encryption type -2147483648");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rc4_is_the_last_resort), cmocka_unit_test(names_are_those_of_other_tools)};

	return cmocka_run_group_tests_name("krb/enctype", tests, NULL, NULL);
}
