#include "base/json.h"

#include <math.h>
#include <string.h>

#include "unit/support.h"

#define TEXT_MAX 100000

static void writes_members_in_order(void **state)
{
	CLEANUP_JSON struct json_doc *doc = json_new();
	CLEANUP(buf_release) struct buf out = BUF_INIT(TEXT_MAX);
	struct json *o = json_object(doc), *list = json_array(doc), *inner = json_object(doc);

	(void)state;
	json_set_str(doc, o, "z", "text \"quoted\"\n");
	json_set_str(doc, o, "none", NULL);
	json_set_int(doc, o, "i", INT64_MIN);
	json_set_real(doc, o, "r", 0.5);
	json_set_bool(doc, o, "yes", true);
	json_push_str(doc, list, "a");
	json_push_str(doc, list, NULL);
	json_set_int(doc, inner, "n", 1);
	json_push(doc, list, inner);
	json_set(doc, o, "list", list);
	json_print(doc, o, false, &out);
	assert_string_equal(buf_str(&out),
		"{\"z\":\"text \\\"quoted\\\"\\n\",\"none\":null,\"i\":-9223372036854775808,"
		"\"r\":0.5,\"yes\":true,\"list\":[\"a\",null,{\"n\":1}]}");
}

static void prints_for_people(void **state)
{
	CLEANUP_JSON struct json_doc *doc = json_new();
	CLEANUP(buf_release) struct buf out = BUF_INIT(TEXT_MAX);
	struct json *o = json_object(doc);

	(void)state;
	json_set_int(doc, o, "a", 1);
	buf_adds(&out, "> ");
	json_print(doc, o, true, &out);
	assert_string_equal(buf_str(&out), "> {\n  \"a\": 1\n}");
}

static void strings_are_copied(void **state)
{
	CLEANUP_JSON struct json_doc *doc = json_new();
	CLEANUP(buf_release) struct buf out = BUF_INIT(TEXT_MAX);
	struct json *o = json_object(doc);
	char key[] = "key", value[] = "value";

	(void)state;
	json_set_str(doc, o, key, value);
	key[0] = value[0] = 'X';
	json_print(doc, o, false, &out);
	assert_string_equal(buf_str(&out), "{\"key\":\"value\"}");
}

/* Messages may quote raw input: whatever it is, the line is written. */
static void what_json_cannot_say_is_replaced(void **state)
{
	CLEANUP_JSON struct json_doc *doc = json_new();
	CLEANUP(buf_release) struct buf out = BUF_INIT(TEXT_MAX);
	struct json *o = json_object(doc);

	(void)state;
	json_set_str(doc, o, "a", "caf\xE9");
	json_set_str(doc, o, "k\xFF", "\xC3");
	json_set_real(doc, o, "nan", NAN);
	json_set_real(doc, o, "inf", -INFINITY);
	json_print(doc, o, false, &out);
	assert_string_equal(buf_str(&out),
		"{\"a\":\"caf\xEF\xBF\xBD\",\"k\xEF\xBF\xBD\":\"\xEF\xBF\xBD\","
		"\"nan\":null,\"inf\":null}");
}

static int list_member(void *arg, const char *key, const char *value, struct err *err)
{
	if (strcmp(key, "stop") == 0)
		return err_set(err, ERR_CONFIG, "stopped");
	buf_printf(arg, "%s=%s;", key, value);
	return 0;
}

static int each(const char *text, struct buf *out, struct err *err)
{
	buf_reset(out);
	return json_each(text, strlen(text), list_member, out, err);
}

static void reads_members_as_text(void **state)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(TEXT_MAX);
	struct err err = ERR_INIT;

	(void)state;
	must(each("{}", &out, &err), &err);
	assert_string_equal(buf_str(&out), "");
	must(each(" {\"a\": \"x\\u00e9\", \"t\": true, \"f\": false, \"i\": -7, \"r\": 0.1,"
		  " \"big\": 18446744073709551615, \"min\": -9223372036854775808} ",
		     &out, &err),
		&err);
	assert_string_equal(buf_str(&out), "a=xé;t=yes;f=no;i=-7;r=0.10000000000000001;"
					   "big=18446744073709551615;min=-9223372036854775808;");
}

static void reads_only_the_length_given(void **state)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(TEXT_MAX);
	struct err err = ERR_INIT;

	(void)state;
	must(json_each("{\"a\":1}garbage", 7, list_member, &out, &err), &err);
	assert_string_equal(buf_str(&out), "a=1;");
}

static void member_ends_it(void **state)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(TEXT_MAX);
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(each("{\"a\":1,\"stop\":2,\"b\":3}", &out, &err), -1);
	assert_string_equal(buf_str(&out), "a=1;");
	check_err(&err, ERR_CONFIG, "stopped");
}

static void other_json_is_refused(void **state)
{
	static const struct {
		const char *text, *msg;
	} cases[] = {
		{"[1]", "JSON: not an object"},
		{"\"a\"", "JSON: not an object"},
		{"{\"a\":null}", "'a' is neither text nor number nor boolean"},
		{"{\"a\":{}}", "'a' is neither text nor number nor boolean"},
		{"{\"a\":[1]}", "'a' is neither text nor number nor boolean"},
		{"{\"a\":\"x\\u0000y\"}", "'a' contains U+0000"},
		{"{\"a\\u0000b\":1}", "'a' contains U+0000"},
	};
	CLEANUP(buf_release) struct buf out = BUF_INIT(TEXT_MAX);
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(each(cases[i].text, &out, &err), -1);
		check_err(&err, ERR_DATA, cases[i].msg);
		assert_string_equal(buf_str(&out), "");
	}
}

static void broken_json_is_refused_with_its_place(void **state)
{
	static const char *const bad[] = {"", "{", "{\"a\":1", "{\"a\":1}x", "{'a':1}",
		"{\"a\":1,}", "{\"a\":\"\xFF\"}", "{\"a\":1e999}", "{a:1}", "nul"};
	CLEANUP(buf_release) struct buf out = BUF_INIT(TEXT_MAX);
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(each(bad[i], &out, &err), -1);
		assert_int_equal(err.code, ERR_DATA);
		assert_memory_equal(err.msg, "JSON, byte ", 11);
	}
}

static int patched(const char *target, const char *patch, struct buf *out, struct err *err)
{
	return json_patch(target, strlen(target), patch, strlen(patch), false, out, err);
}

/* RFC 7386, appendix A, and the example of section 3. */
static void patches_as_the_standard_does(void **state)
{
	static const struct {
		const char *target, *patch, *result;
	} cases[] = {
		{"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
		{"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
		{"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
		{"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
		{"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
		{"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
		{"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}",
			"{\"a\":{\"b\":\"d\"}}"},
		{"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
		{"[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]"},
		{"{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]"},
		{"{\"a\":\"foo\"}", "null", "null"},
		{"{\"a\":\"foo\"}", "\"bar\"", "\"bar\""},
		{"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
		{"[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}"},
		{"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
		{"{\"title\":\"Goodbye!\",\"author\":{\"givenName\":\"John\",\"familyName\":"
		 "\"Doe\"},\"tags\":[\"example\",\"sample\"],\"content\":\"unchanged\"}",
			"{\"title\":\"Hello!\",\"phoneNumber\":\"+01-123-456-7890\",\"author\":"
			"{\"familyName\":null},\"tags\":[\"example\"]}",
			"{\"content\":\"unchanged\",\"title\":\"Hello!\",\"phoneNumber\":"
			"\"+01-123-456-7890\",\"author\":{\"givenName\":\"John\"},\"tags\":"
			"[\"example\"]}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CLEANUP(buf_release) struct buf out = BUF_INIT(TEXT_MAX);
		struct err err = ERR_INIT;

		assert_int_equal(patched(cases[i].target, cases[i].patch, &out, &err), 0);
		assert_string_equal(buf_str(&out), cases[i].result);
	}
}

static void patching_keeps_digits(void **state)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(TEXT_MAX);
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(patched("{\"a\":0.10,\"b\":123456789012345678901234567890}",
				 "{\"c\":1.0e2}", &out, &err),
		0);
	assert_string_equal(
		buf_str(&out), "{\"a\":0.10,\"b\":123456789012345678901234567890,\"c\":1.0e2}");
}

static void refuses_to_patch(void **state)
{
	static const struct {
		const char *target, *patch, *msg;
	} cases[] = {
		{"{", "{}", "JSON to patch, byte 1: unexpected end of data"},
		{"{}", "{\"a\":1,}", "JSON patch, byte 6: trailing comma is not allowed"},
		{"{}", "{}{}", "JSON patch, byte 2: unexpected content after document"},
		{"{\"a\":1,\"b\":2,\"a\":3}", "{}", "JSON to patch: an object has 'a' twice"},
		{"{}", "[{\"x\":{\"b\":2,\"b\":null}}]", "JSON patch: an object has 'b' twice"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CLEANUP(buf_release) struct buf out = BUF_INIT(TEXT_MAX);
		struct err err = ERR_INIT;

		assert_int_equal(patched(cases[i].target, cases[i].patch, &out, &err), -1);
		assert_int_equal(err.code, ERR_DATA);
		assert_string_equal(err.msg, cases[i].msg);
		assert_int_equal(out.len, 0);
	}
}

/* `depth` arrays or objects around a value. */
static void nest(struct buf *out, const char *open, const char *close, size_t depth)
{
	buf_reset(out);
	for (size_t i = 0; i < depth; i++)
		buf_adds(out, open);
	buf_adds(out, "1");
	for (size_t i = 0; i < depth; i++)
		buf_adds(out, close);
}

static void patches_have_limits(void **state)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT(4 * JSON_PATCH_MAX);
	CLEANUP(buf_release) struct buf out = BUF_INIT(TEXT_MAX);
	struct err err = ERR_INIT;

	(void)state;
	nest(&text, "{\"a\":", "}", JSON_PATCH_DEPTH);
	assert_int_equal(patched(buf_str(&text), buf_str(&text), &out, &err), 0);
	assert_string_equal(buf_str(&out), buf_str(&text));

	nest(&text, "{\"a\":", "}", JSON_PATCH_DEPTH + 1);
	assert_int_equal(patched("{}", buf_str(&text), &out, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	nest(&text, "[", "]", JSON_PATCH_MAX / 4); /* no recursion goes that far */
	err = (struct err)ERR_INIT;
	assert_int_equal(patched(buf_str(&text), "{}", &out, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);

	buf_reset(&text);
	buf_adds(&text, "1");
	while (text.len < JSON_PATCH_MAX)
		buf_addc(&text, ' ');
	assert_int_equal(patched("{}", buf_str(&text), &out, &err), 0);
	buf_addc(&text, ' ');
	err = (struct err)ERR_INIT;
	assert_int_equal(patched("{}", buf_str(&text), &out, &err), -1);
	assert_string_equal(err.msg, "JSON patch: longer than 64 KiB");
	assert_int_equal(err.code, ERR_LIMIT);
}

static void nothing_is_fine_to_free(void **state)
{
	(void)state;
	json_free(NULL);
	assert_non_null(strchr(json_version(), '.'));
}

static const char tree[] = "{\"a\":{\"b\":[1,{\"c\":\"x\"},null]},\"n\":-5,\"big\":18446744073709551615,"
			   "\"t\":true,\"e\":[],\"a.b\":\"dots\"}";

static void trees_are_looked_into(void **state)
{
	CLEANUP_JSON struct json_doc *doc = NULL;
	struct err err = ERR_INIT;
	struct json *root;

	(void)state;
	must(json_parse(tree, strlen(tree), &doc, &err), &err);
	root = json_root(doc);
	assert_string_equal(json_str(root, "a.b.1.c"), "x");
	assert_null(json_str(root, "a.b.0"));
	assert_null(json_get(root, "a.b.3"));
	assert_null(json_get(root, "a.b.x"));
	assert_null(json_get(root, "a.b.0.c"));
	assert_null(json_get(NULL, "a"));
	assert_ptr_equal(json_get(root, ""), root);
	assert_string_equal(json_str(json_member(root, "a.b"), ""), "dots");
	assert_true(json_int(root, "n", 0) == -5);
	assert_true(json_int(root, "a.b.0", 0) == 1);
	assert_true(json_int(root, "big", 7) == 7);
	assert_true(json_int(root, "t", 7) == 7);
	assert_true(json_bool(root, "t", false));
	assert_true(json_bool(root, "n", true));
	assert_true(json_is_null(json_get(root, "a.b.2")));
	assert_int_equal(json_len(root), 6);
	assert_int_equal(json_len(json_get(root, "e")), 0);
	assert_int_equal(json_len(json_get(root, "n")), 0);
}

static void elements_by_their_order(void **state)
{
	CLEANUP_JSON struct json_doc *doc = NULL;
	CLEANUP(buf_release) struct buf out = BUF_INIT(TEXT_MAX);
	struct err err = ERR_INIT;
	const char *name;
	struct json *v;

	(void)state;
	must(json_parse(tree, strlen(tree), &doc, &err), &err);
	for (struct json_iter it = {.of = json_root(doc)}; json_next(&it, &name, &v);) {
		buf_printf(&out, "%s=", name);
		json_print(doc, v, false, &out);
		buf_addc(&out, ' ');
	}
	for (struct json_iter it = {.of = json_get(json_root(doc), "a.b")}; json_next(&it, &name, &v);) {
		assert_null(name);
		json_print(doc, v, false, &out);
		buf_addc(&out, ' ');
	}
	for (struct json_iter it = {.of = json_get(json_root(doc), "e")}; json_next(&it, NULL, &v);)
		fail();
	for (struct json_iter it = {.of = NULL}; json_next(&it, NULL, &v);)
		fail();
	assert_string_equal(buf_str(&out), "a={\"b\":[1,{\"c\":\"x\"},null]} n=-5 big=18446744073709551615 t=true e=[] "
					   "a.b=\"dots\" 1 {\"c\":\"x\"} null ");
}

static void trees_are_changed(void **state)
{
	CLEANUP_JSON struct json_doc *doc = NULL, *other = NULL;
	CLEANUP(buf_release) struct buf out = BUF_INIT(TEXT_MAX);
	struct err err = ERR_INIT;
	struct json *root;

	(void)state;
	must(json_parse("{\"a\":1,\"b\":[2]}", 15, &doc, &err), &err);
	must(json_parse("{\"x\":\"y\"}", 9, &other, &err), &err);
	root = json_root(doc);
	json_put(doc, root, "a", json_text(doc, "one"));
	json_put(doc, root, "c", json_copy(doc, json_root(other)));
	json_set_int(doc, json_object_at(doc, root, "o"), "n", 1);
	json_set_int(doc, json_object_at(doc, root, "o"), "m", 2);
	json_push(doc, json_array_at(doc, root, "b"), json_boolean(doc, false));
	json_push(doc, json_array_at(doc, root, "a2"), json_number(doc, 3));
	json_remove(root, "a");
	json_print(doc, root, false, &out);
	assert_string_equal(buf_str(&out), "{\"b\":[2,false],\"c\":{\"x\":\"y\"},\"o\":{\"n\":1,\"m\":2},\"a2\":[3]}");
}

static void what_is_no_tree(void **state)
{
	static const char *const bad[] = {"", "{", "{\"a\":}", "[1,]", "nul", "\"\\ud800\"", "{} x"};
	char deep[2 * JSON_PARSE_DEPTH + 10];
	struct json_doc *doc = NULL;
	size_t n = JSON_PARSE_DEPTH + 5;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err err = ERR_INIT;

		assert_int_equal(json_parse(bad[i], strlen(bad[i]), &doc, &err), -1);
		assert_int_equal(err.code, ERR_DATA);
	}
	memset(deep, '[', n);
	memset(deep + n, ']', n);
	{
		struct err err = ERR_INIT;

		assert_int_equal(json_parse(deep, 2 * n, &doc, &err), -1);
		assert_int_equal(err.code, ERR_LIMIT);
	}
	assert_null(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trees_are_looked_into),
		cmocka_unit_test(elements_by_their_order),
		cmocka_unit_test(trees_are_changed),
		cmocka_unit_test(what_is_no_tree),
		cmocka_unit_test(writes_members_in_order),
		cmocka_unit_test(prints_for_people),
		cmocka_unit_test(strings_are_copied),
		cmocka_unit_test(what_json_cannot_say_is_replaced),
		cmocka_unit_test(reads_members_as_text),
		cmocka_unit_test(reads_only_the_length_given),
		cmocka_unit_test(member_ends_it),
		cmocka_unit_test(other_json_is_refused),
		cmocka_unit_test(broken_json_is_refused_with_its_place),
		cmocka_unit_test(patches_as_the_standard_does),
		cmocka_unit_test(patching_keeps_digits),
		cmocka_unit_test(refuses_to_patch),
		cmocka_unit_test(patches_have_limits),
		cmocka_unit_test(nothing_is_fine_to_free),
	};

	return cmocka_run_group_tests_name("base/json", tests, NULL, NULL);
}
