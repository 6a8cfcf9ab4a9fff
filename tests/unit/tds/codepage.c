#include "tds/codepage.h"

#include <string.h>

#include "unit/support.h"

static const unsigned both_ways[] = {
	437, 850, 932, 1250, 1251, 1252, 1253, 1254, 1255, 1256, 1257, 1258};
static const unsigned read_only[] = {936, 949, 950};

static const struct tds_codepage *page(unsigned number)
{
	const struct tds_codepage *cp = tds_codepage_get(number);

	assert_non_null(cp);
	assert_ptr_equal(tds_codepage_get(number), cp);
	return cp;
}

static void check(unsigned number, const char *bytes, const char *utf8)
{
	const struct tds_codepage *cp = page(number);
	size_t len = strlen(bytes), n = 0;
	uint8_t out[64], back[64];

	assert_int_equal(tds_codepage_to_utf8(cp, (const uint8_t *)bytes, len, out, &n), len);
	assert_int_equal(n, strlen(utf8));
	assert_memory_equal(out, utf8, n);
	if (!tds_codepage_writes(cp))
		return;
	assert_int_equal(tds_codepage_from_utf8(cp, out, n, back, &n), strlen(utf8));
	assert_int_equal(n, len);
	assert_memory_equal(back, bytes, len);
}

static void texts_are_what_microsoft_says(void **state)
{
	(void)state;
	check(437, "na\x8Bve \xE1", "naïve ß");
	check(850, "\x9C \x9D", "£ Ø");
	check(1250, "\xA3\xF3\x64\x9F", "Łódź");
	check(1251, "\xCC\xEE\xF1\xEA\xE2\xE0", "Москва");
	check(1252, "\x80 \xFC \x81", "€ ü \xC2\x81");
	check(1253, "\xC1\xE8\xDE\xED\xE1", "Αθήνα");
	check(1254, "\xDDstanbul", "İstanbul");
	check(1255, "\xF9\xEC\xE5\xED", "שלום");
	check(1256, "\xE3\xD1\xCD\xC8\xC7", "مرحبا");
	check(1257, "R\xEEga", "Rīga");
	check(1258, "Vi\xEA\xF2t", "Viê\xCC\xA3t");
	check(932, "\x93\x8C\x8B\x9E \xB1 \\ \x81\x60\x81\x5F", "東京 ｱ \\ ～＼");
	check(936, "\xB1\xB1\xBE\xA9 \x80", "北京 €");
	check(949, "\xBC\xAD\xBF\xEF", "서울");
	check(950, "\xA5\x78\xA5\x5F", "台北");
}

/* Every byte or pair of bytes that is a character becomes one that comes back as it (or, where two
 * codes have one character, as that character). */
static void all_characters_come_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(both_ways); i++) {
		const struct tds_codepage *cp = page(both_ways[i]);
		unsigned characters = 0;

		assert_true(tds_codepage_writes(cp));
		for (unsigned code = 0; code < 0x10000; code++) {
			const uint8_t bytes[2] = {(uint8_t)(code >> 8), (uint8_t)code};
			const uint8_t *s = code < 0x100 ? bytes + 1 : bytes;
			size_t len = code < 0x100 ? 1 : 2, n = 0, m = 0;
			uint8_t wide[8], back[8], utf8[8];

			if (tds_codepage_to_utf16(cp, s, len, wide, &n) != len || n != 2)
				continue;
			characters++;
			assert_int_equal(tds_codepage_from_utf16(cp, wide, n, back, &m), n);
			assert_int_equal(m, len);
			assert_memory_equal(back, s, m);
			assert_int_equal(tds_codepage_to_utf8(cp, s, len, utf8, &n), len);
			assert_int_equal(tds_codepage_from_utf8(cp, utf8, n, back, &m), n);
			assert_memory_equal(back, s, m);
		}
		assert_in_range(characters, both_ways[i] == 932 ? 7000 : 240, 7100);
	}
	for (size_t i = 0; i < ARRAY_LEN(read_only); i++)
		assert_false(tds_codepage_writes(page(read_only[i])));
	assert_null(tds_codepage_get(874));
	assert_null(tds_codepage_get(0));
}

static void they_stop_at_what_they_lack(void **state)
{
	static const struct {
		unsigned number;
		const char *bytes;
		size_t taken;
	} unreadable[] = {{1253, "a\xAA", 1}, {932, "a\x81", 1}, {932, "\x87\x40", 0},
		{932, "\xFD", 0}, {950, "\xC6\xA1", 0}, {936, "\xFE\x50", 0}, {949, "\xC9\xA1", 0}};
	static const struct {
		unsigned number;
		const char *utf8;
		size_t taken;
	} unwritable[] = {{1252, "aЖ", 1}, {1251, "ü", 0}, {437, "€", 0}, {932, "€", 0},
		{1252, "\U0001F600", 0}, {1252, "a\xC3", 1}};
	uint8_t out[32];
	size_t n;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(unreadable); i++)
		assert_int_equal(tds_codepage_to_utf8(page(unreadable[i].number),
					 (const uint8_t *)unreadable[i].bytes,
					 strlen(unreadable[i].bytes), out, &n),
			unreadable[i].taken);
	for (size_t i = 0; i < ARRAY_LEN(unwritable); i++)
		assert_int_equal(tds_codepage_from_utf8(page(unwritable[i].number),
					 (const uint8_t *)unwritable[i].utf8,
					 strlen(unwritable[i].utf8), out, &n),
			unwritable[i].taken);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_what_microsoft_says),
		cmocka_unit_test(all_characters_come_back),
		cmocka_unit_test(they_stop_at_what_they_lack),
	};

	return cmocka_run_group_tests_name("tds/codepage", tests, NULL, NULL);
}
