#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

static size_t span(const char *s)
{
	return utf8_span((const uint8_t *)s, strlen(s));
}

static void takes_whole_characters(void **state)
{
	(void)state;
	assert_int_equal(span(""), 0);
	assert_int_equal(span("plain text that is longer than sixteen bytes"), 44);
	assert_int_equal(span("Zürich – 東京 😀"), strlen("Zürich – 東京 😀"));
	assert_int_equal(span("\xF4\x8F\xBF\xBF"), 4); /* U+10FFFF */
	assert_int_equal(utf8_count((const uint8_t *)"Zü😀", 7), 3);
}

static void stops_at_what_is_none(void **state)
{
	static const char *const bad[] = {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80",
		"\xED\xA0\x80", "\xF0\x80\x80\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF",
		"\xC3(", "\xE2\x82(", "\xF0\x9F\x98("};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char text[64];
		size_t len = strlen(bad[i]);

		for (size_t before = 0; before < 40; before++) {
			memset(text, 'x', before);
			memcpy(text + before, bad[i], len);
			text[before + len] = 'x';
			assert_int_equal(utf8_span((uint8_t *)text, before + len + 1), before);
		}
		assert_false(utf8_is_cut((const uint8_t *)bad[i], len));
	}
}

static void stops_at_nul(void **state)
{
	uint8_t text[64];

	(void)state;
	memset(text, 'x', sizeof(text));
	for (size_t i = 0; i < sizeof(text); i++) {
		text[i] = 0;
		assert_int_equal(utf8_span(text, sizeof(text)), i);
		text[i] = 'x';
	}
}

static void knows_a_cut_character(void **state)
{
	const uint8_t smile[] = {0xF0, 0x9F, 0x98, 0x80};

	(void)state;
	for (size_t len = 1; len < sizeof(smile); len++) {
		assert_int_equal(utf8_span(smile, len), 0);
		assert_true(utf8_is_cut(smile, len));
	}
	assert_false(utf8_is_cut(smile, 4));
	assert_false(utf8_is_cut(smile, 0));
	assert_int_equal(utf8_cut_at("aü", 3, 2), 1);
	assert_int_equal(utf8_cut_at("aü", 3, 3), 3);
}

static void cut_never_ends_within_a_character(void **state)
{
	static const char text[] = "a\xC3\xBC\xE2\x82\xAC\xF0\x9F\x98\x80z";
	static const size_t expected[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};

	(void)state;
	for (size_t max = 0; max < ARRAY_LEN(expected); max++)
		assert_int_equal(utf8_cut_at(text, sizeof(text) - 1, max), expected[max]);
}

static void cleans_every_byte_that_is_of_no_character(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *expected;
	} cases[] = {
		{"", 0, ""},
		{"Z\xC3\xBCrich", 7, "Z\xC3\xBCrich"},
		{"caf\xE9", 4, "caf\xEF\xBF\xBD"},
		{"\xFF\xFE", 2, "\xEF\xBF\xBD\xEF\xBF\xBD"},
		{"a\0b", 3,
			"a\xEF\xBF\xBD"
			"b"},
		{"\xE2\x82", 2, "\xEF\xBF\xBD\xEF\xBF\xBD"}, /* cut */
		{"\xE2\x82x\xE2\x82\xAC", 6, "\xEF\xBF\xBD\xEF\xBF\xBDx\xE2\x82\xAC"},
	};
	CLEANUP(buf_release) struct buf out = BUF_INIT(1000);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		buf_reset(&out);
		utf8_clean(cases[i].text, cases[i].len, &out);
		assert_string_equal(buf_str(&out), cases[i].expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_whole_characters),
		cmocka_unit_test(stops_at_what_is_none),
		cmocka_unit_test(stops_at_nul),
		cmocka_unit_test(knows_a_cut_character),
		cmocka_unit_test(cut_never_ends_within_a_character),
		cmocka_unit_test(cleans_every_byte_that_is_of_no_character),
	};

	return cmocka_run_group_tests_name("base/utf8", tests, NULL, NULL);
}
