#include "base/utf16.h"

#include <string.h>

#include "base/utf8.h"
#include "unit/support.h"

static void check(const char *utf8, size_t len, const char *utf16, size_t units)
{
	uint8_t out[128], back[128];
	size_t n = 0;

	assert_int_equal(utf16_units((const uint8_t *)utf8, len), units);
	assert_int_equal(utf16_from_utf8((const uint8_t *)utf8, len, out, &n), len);
	assert_int_equal(n, 2 * units);
	assert_memory_equal(out, utf16, n);
	assert_int_equal(utf16_to_utf8(out, n, back, &n), 2 * units);
	assert_int_equal(n, len);
	assert_memory_equal(back, utf8, len);
}

static void characters_have_their_units(void **state)
{
	(void)state;
	check("", 0, "", 0);
	check("a\0b", 3, "a\0\0\0b\0", 3);
	check("\x7F\xC2\x80\u07FF\u0800\uFFFF", 11, "\x7F\0\x80\0\xFF\x07\0\x08\xFF\xFF", 5);
	check("\uD7FF\uE000", 6, "\xFF\xD7\0\xE0", 2);
	check("\U00010000\U0010FFFF", 8, "\0\xD8\0\xDC\xFF\xDB\xFF\xDF", 4);
	check("0123456789abcdef\u00E9"
	      "0123456789abcdef",
		34,
		"0\0"
		"1\0"
		"2\0"
		"3\0"
		"4\0"
		"5\0"
		"6\0"
		"7\0"
		"8\0"
		"9\0"
		"a\0"
		"b\0"
		"c\0"
		"d\0"
		"e\0"
		"f\0"
		"\xE9\0"
		"0\0"
		"1\0"
		"2\0"
		"3\0"
		"4\0"
		"5\0"
		"6\0"
		"7\0"
		"8\0"
		"9\0"
		"a\0"
		"b\0"
		"c\0"
		"d\0"
		"e\0"
		"f\0",
		33);
}

/* All there are, alone and behind enough ASCII for the quick way. */
static void every_character_comes_back(void **state)
{
	uint8_t text[32], units[64], back[96];
	size_t n, m;

	(void)state;
	for (uint32_t c = 0; c <= 0x10FFFF; c++) {
		size_t ascii = c % 3 ? 0 : 17;
		uint32_t again = 0;
		size_t len;

		if (c == 0xD800)
			c = 0xE000;
		memset(text, 'a', ascii);
		len = (size_t)(utf8_encode(text + ascii, c) - text);
		assert_int_equal(utf8_decode(text + ascii, len - ascii, &again), len - ascii);
		assert_int_equal(again, c);
		assert_int_equal(utf16_from_utf8(text, len, units, &n), len);
		assert_int_equal(n, 2 * (ascii + 1 + (c > 0xFFFF)));
		assert_int_equal(utf16_to_utf8(units, n, back, &m), n);
		assert_int_equal(m, len);
		assert_memory_equal(back, text, len);
	}
}

static void they_stop_at_what_is_none(void **state)
{
	static const struct {
		const char *bytes;
		size_t len, taken;
	} utf8[] = {{"ab\xFF", 3, 2}, {"ab\xC3", 3, 2}, {"\xED\xA0\x80", 3, 0},
		{"\xF0\x9F\x98", 3, 0}},
	  utf16[] = {{"a\0b", 3, 2}, {"a\0\0\xD8", 4, 2}, {"a\0\0\xDC", 4, 2},
		  {"\0\xD8\0\xD8\0\xDC", 6, 0},
		  {"\0\xD8"
		   "a\0",
			  4, 0}};
	uint8_t out[16];
	size_t n;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(utf8); i++)
		assert_int_equal(
			utf16_from_utf8((const uint8_t *)utf8[i].bytes, utf8[i].len, out, &n),
			utf8[i].taken);
	for (size_t i = 0; i < ARRAY_LEN(utf16); i++)
		assert_int_equal(
			utf16_to_utf8((const uint8_t *)utf16[i].bytes, utf16[i].len, out, &n),
			utf16[i].taken);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(characters_have_their_units),
		cmocka_unit_test(every_character_comes_back),
		cmocka_unit_test(they_stop_at_what_is_none),
	};

	return cmocka_run_group_tests_name("base/utf16", tests, NULL, NULL);
}
