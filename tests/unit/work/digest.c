#include "unit/support.h"

#include "work/digest.h"

#include <string.h>

static void add(struct digest *d, const char *head, const char *body)
{
	digest_add(d, head, strlen(head), body, strlen(body));
}

static void the_order_does_not_matter(void **state)
{
	struct digest ab = {.sum = 0}, ba = {.sum = 0};

	(void)state;
	add(&ab, "h", "a");
	add(&ab, "h", "b");
	add(&ba, "h", "b");
	add(&ba, "h", "a");
	assert_true(digest_equal(&ab, &ba));
}

static void a_row_that_is_there_twice_counts_twice(void **state)
{
	struct digest once = {.sum = 0}, twice = {.sum = 0}, none = {.sum = 0};

	(void)state;
	add(&once, "h", "a");
	add(&twice, "h", "a");
	add(&twice, "h", "a");
	assert_false(digest_equal(&once, &twice));
	assert_false(digest_equal(&twice, &none));
}

static void every_byte_counts(void **state)
{
	static const char *const others[][2] = {{"ha", "b"}, {"", "hab"}, {"b", "ha"}, {"h", "aB"},
		{"h", "ab "}, {"h", ""}, {"", ""}};
	struct digest d = {.sum = 0};

	(void)state;
	add(&d, "h", "ab");
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		struct digest other = {.sum = 0};

		add(&other, others[i][0], others[i][1]);
		assert_false(digest_equal(&d, &other));
	}
}

static void ranges_add_up(void **state)
{
	struct digest all = {.sum = 0}, one = {.sum = 0}, two = {.sum = 0};
	char text[DIGEST_TEXT_LEN + 1];

	(void)state;
	add(&all, "h", "a");
	add(&all, "h", "b");
	add(&one, "h", "a");
	add(&two, "h", "b");
	digest_merge(&one, &two);
	assert_true(digest_equal(&all, &one));
	digest_remove(&all, &two);
	digest_remove(&one, &two);
	assert_true(digest_equal(&all, &one));
	digest_merge(&one, &two);
	assert_false(digest_equal(&all, &one));
	digest_merge(&all, &two);
	assert_int_equal(strlen(digest_text(&all, text)), DIGEST_TEXT_LEN);
	assert_int_equal(strspn(text, "0123456789abcdef"), DIGEST_TEXT_LEN);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_order_does_not_matter),
		cmocka_unit_test(a_row_that_is_there_twice_counts_twice),
		cmocka_unit_test(every_byte_counts),
		cmocka_unit_test(ranges_add_up),
	};

	return cmocka_run_group_tests_name("work/digest", tests, NULL, NULL);
}
