#include "base/yaml.h"

#include <string.h>

#include "unit/support.h"

static void documents_as_json(void **state)
{
	static const struct {
		const char *yaml, *json;
	} cases[] = {
		{"", "null"},
		{"a: 1", "{\"a\":1}"},
		{"a: '1'\nb: \"x\\ty\"", "{\"a\":\"1\",\"b\":\"x\\ty\"}"},
		{"- true\n- False\n- ~\n-\n- -7\n- 1.5\n- yes", "[true,false,null,null,-7,\"1.5\",\"yes\"]"},
		{"{a: [1, {b: c}], \"d\": {}}", "{\"a\":[1,{\"b\":\"c\"}],\"d\":{}}"},
		{"{\"json\": [null, true, \"x\"]}", "{\"json\":[null,true,\"x\"]}"},
		{"t: |\n  line 1\n  line 2\n", "{\"t\":\"line 1\\nline 2\\n\"}"},
		{"# comment\n--- \na: b\n...\n", "{\"a\":\"b\"}"},
		{"a: 1\na: 2", "{\"a\":2}"},
		{"null: x\n1: y", "{\"null\":\"x\",\"1\":\"y\"}"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP_JSON struct json_doc *doc = NULL;
		CLEANUP(buf_release) struct buf out = BUF_INIT(1000);
		struct err err = ERR_INIT;
		struct json *root;

		must(yaml_parse(cases[i].yaml, strlen(cases[i].yaml), &doc, &root, &err), &err);
		json_print(doc, root, false, &out);
		assert_string_equal(buf_str(&out), cases[i].json);
	}
}

static void what_is_refused(void **state)
{
	static const struct {
		const char *yaml, *message;
	} cases[] = {
		{"a: b: c", "line 1: "},
		{"a: [1", "line "},
		{"\tx: 1", "line 1: "},
		{"a: &x 1\nb: *x", "line 2: an alias"},
		{"? [a]\n: b", "line 1: a key is not a plain word"},
		{"a: \"\\0\"", "line 1: a text contains U+0000"},
	};
	char deep[YAML_DEPTH_MAX + 2];
	struct json_doc *doc;
	struct json *root;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;

		assert_int_equal(yaml_parse(cases[i].yaml, strlen(cases[i].yaml), &doc, &root, &err), -1);
		assert_int_equal(err.code, ERR_DATA);
		if (strncmp(err.msg, cases[i].message, strlen(cases[i].message)) != 0)
			fail_msg("case %zu: %s", i, err.msg);
	}
	memset(deep, '[', sizeof(deep));
	{
		struct err err = ERR_INIT;

		assert_int_equal(yaml_parse(deep, sizeof(deep), &doc, &root, &err), -1);
		assert_int_equal(err.code, ERR_LIMIT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(documents_as_json), cmocka_unit_test(what_is_refused)};

	return cmocka_run_group_tests_name("base/yaml", tests, NULL, NULL);
}
