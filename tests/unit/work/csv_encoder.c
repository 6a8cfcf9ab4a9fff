#include "work/csv_encoder.h"

#include <string.h>

#include "unit/support.h"

static void check_n(const char *encoding, const char *text, const char *expected, size_t len)
{
	struct buf out = BUF_INIT(1000);
	struct csv_encoder *e;
	struct err err = ERR_INIT;

	must(csv_encoder_new(encoding, &e, &err), &err);
	assert_non_null(e);
	must(csv_encoder_add(e, text, strlen(text), &out, &err), &err);
	assert_int_equal(out.len, len);
	assert_memory_equal(out.data, expected, len);
	csv_encoder_free(e);
	buf_release(&out);
}

static void characters_become_bytes(void **state)
{
	(void)state;
	check_n("iso-8859-1", "aäÿ", "a\xE4\xFF", 3);
	check_n("windows-1252", "€“", "\x80\x93", 2);
	check_n("utf-16", "aü", "a\0\xFC\0", 4);
	check_n("utf-16le", "😀", "\x3D\xD8\x00\xDE", 4);
	check_n("utf-16be", "aü", "\0a\0\xFC", 4);
	check_n("utf-32le", "aaaaaaaaaaaaaaaaaaaa",
		"a\0\0\0a\0\0\0a\0\0\0a\0\0\0a\0\0\0a\0\0\0a\0\0\0a\0\0\0a\0\0\0a\0\0\0"
		"a\0\0\0a\0\0\0a\0\0\0a\0\0\0a\0\0\0a\0\0\0a\0\0\0a\0\0\0a\0\0\0a\0\0\0",
		80);
}

static void utf8_needs_nothing(void **state)
{
	struct csv_encoder *e;
	struct err err = ERR_INIT;

	(void)state;
	must(csv_encoder_new("UTF-8", &e, &err), &err);
	assert_null(e);
	must(csv_encoder_new("utf-8-bom", &e, &err), &err);
	assert_null(e);
	csv_encoder_free(e);
	assert_int_equal(csv_encoder_new("klingon", &e, &err), -1);
	check_err(&err, ERR_CONFIG, "encoding 'klingon' is not known, or cannot be written");
}

static void marks_stand_in_front(void **state)
{
	size_t len;

	(void)state;
	csv_encoder_mark("utf-8", &len);
	assert_int_equal(len, 0);
	csv_encoder_mark("utf-16le", &len);
	assert_int_equal(len, 0);
	assert_memory_equal(csv_encoder_mark("UTF-16", &len), "\xFF\xFE", 2);
	assert_int_equal(len, 2);
	assert_memory_equal(csv_encoder_mark("utf-8-bom", &len), "\xEF\xBB\xBF", 3);
	assert_int_equal(len, 3);
}

static void what_is_lacking_is_refused(void **state)
{
	struct buf out = BUF_INIT(1000);
	struct csv_encoder *e;
	struct err err = ERR_INIT;

	(void)state;
	must(csv_encoder_new("iso-8859-1", &e, &err), &err);
	must(csv_encoder_add(e, "ab", 2, &out, &err), &err);
	assert_int_equal(csv_encoder_add(e, "c*ä😀", strlen("c*ä😀"), &out, &err), -1);
	check_err(&err, ERR_DATA, "a character that the encoding 'iso-8859-1' lacks: U+1F600");
	assert_int_equal(out.len, 2);
	must(csv_encoder_add(e, "*", 1, &out, &err), &err);
	assert_memory_equal(out.data, "ab*", 3);
	csv_encoder_free(e);
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(characters_become_bytes),
		cmocka_unit_test(utf8_needs_nothing),
		cmocka_unit_test(marks_stand_in_front),
		cmocka_unit_test(what_is_lacking_is_refused),
	};

	return cmocka_run_group_tests_name("work/csv_encoder", tests, NULL, NULL);
}
