#include "base/base64.h"

#include <string.h>

#include "unit/support.h"

/* RFC 4648 §10 */
static const struct {
	const char *text, *coded;
} vectors[] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="},
	{"foobar", "Zm9vYmFy"}, {"\xfb\xff\xfe", "+//+"}};

static void both_ways(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		CLEANUP(buf_release) struct buf coded = BUF_INIT(100), text = BUF_INIT(100);

		base64_print(&coded, vectors[i].text, strlen(vectors[i].text));
		assert_string_equal(buf_str(&coded), vectors[i].coded);
		assert_int_equal(base64_parse(&text, vectors[i].coded), 0);
		assert_string_equal(buf_str(&text), vectors[i].text);
	}
}

static void line_ends_do_not_count(void **state)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT(100);

	(void)state;
	assert_int_equal(base64_parse(&text, " Zm9v\r\nYm\tFy\n"), 0);
	assert_string_equal(buf_str(&text), "foobar");
}

static void what_is_none(void **state)
{
	static const char *const bad[] = {"Z", "Zg", "Zg=", "Zg===", "Zm9v=", "Zg==Zg==", "Zm9*", "=", "Zm-_"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		CLEANUP(buf_release) struct buf text = BUF_INIT(100);

		if (base64_parse(&text, bad[i]) == 0)
			fail_msg("'%s' is taken", bad[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways), cmocka_unit_test(line_ends_do_not_count), cmocka_unit_test(what_is_none)};

	return cmocka_run_group_tests_name("base/base64", tests, NULL, NULL);
}
