#include "base/yaml.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/text.h"

/* An open mapping or sequence. */
struct level {
	struct json *v;
	bool mapping;
	char *key; /* of the value that comes next; NULL: a key comes next */
};

struct builder {
	struct json_doc *doc;
	struct json *root;
	struct level levels[YAML_DEPTH_MAX];
	size_t depth;
	bool ended;
};

static int fail(const yaml_event_t *e, enum err_code code, const char *what, struct err *err)
{
	return err_set(err, code, "line %zu: %s", e->start_mark.line + 1, what);
}

static bool is_one_of(const char *text, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(text, words[i]) == 0)
			return true;
	return false;
}

static struct json *scalar(struct builder *b, const yaml_event_t *e)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
	static const char *const yes[] = {"true", "True", "TRUE"}, *const no[] = {"false", "False", "FALSE"};
	const char *text = (const char *)e->data.scalar.value;
	int64_t n;

	if (!e->data.scalar.plain_implicit)
		return json_text(b->doc, text);
	if (is_one_of(text, nulls, ARRAY_LEN(nulls)))
		return json_text(b->doc, NULL);
	if (is_one_of(text, yes, ARRAY_LEN(yes)) || is_one_of(text, no, ARRAY_LEN(no)))
		return json_boolean(b->doc, text[0] == 't' || text[0] == 'T');
	if (text_parse_int(text, &n) == 0)
		return json_number(b->doc, n);
	return json_text(b->doc, text);
}

/* The value where it belongs; false: it is a key that is none. */
static bool place(struct builder *b, struct json *v)
{
	struct level *top = b->depth ? &b->levels[b->depth - 1] : NULL;

	if (!top) {
		b->root = v;
	} else if (!top->mapping) {
		json_push(b->doc, top->v, v);
	} else if (top->key) {
		json_put(b->doc, top->v, top->key, v);
		free(top->key);
		top->key = NULL;
	} else {
		return false;
	}
	return true;
}

static int take_scalar(struct builder *b, const yaml_event_t *e, struct err *err)
{
	struct level *top = b->depth ? &b->levels[b->depth - 1] : NULL;

	if (strlen((const char *)e->data.scalar.value) != e->data.scalar.length)
		return fail(e, ERR_DATA, "a text contains U+0000", err);
	if (top && top->mapping && !top->key)
		top->key = mem_strdup((const char *)e->data.scalar.value);
	else
		(void)place(b, scalar(b, e));
	return 0;
}

static int open_level(struct builder *b, const yaml_event_t *e, struct err *err)
{
	bool mapping = e->type == YAML_MAPPING_START_EVENT;
	struct json *v = mapping ? json_object(b->doc) : json_array(b->doc);

	if (b->depth == YAML_DEPTH_MAX)
		return fail(e, ERR_LIMIT, "it is nested too deeply", err);
	if (!place(b, v))
		return fail(e, ERR_DATA, "a key is not a plain word", err);
	b->levels[b->depth++] = (struct level){.v = v, .mapping = mapping};
	return 0;
}

static int take(struct builder *b, const yaml_event_t *e, struct err *err)
{
	switch (e->type) {
	case YAML_SCALAR_EVENT:
		return take_scalar(b, e, err);
	case YAML_MAPPING_START_EVENT:
	case YAML_SEQUENCE_START_EVENT:
		return open_level(b, e, err);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		b->depth--;
		return 0;
	case YAML_ALIAS_EVENT:
		return fail(e, ERR_DATA, "an alias (*name), which is not taken here", err);
	case YAML_DOCUMENT_END_EVENT:
	case YAML_STREAM_END_EVENT:
		b->ended = true; /* what follows a first document is not looked at */
		return 0;
	default:
		return 0;
	}
}

static int parse(yaml_parser_t *p, struct builder *b, struct err *err)
{
	while (!b->ended) {
		yaml_event_t e;
		int rc;

		if (!yaml_parser_parse(p, &e))
			return err_set(err, ERR_DATA, "line %zu: %s", p->problem_mark.line + 1,
				p->problem ? p->problem : "not YAML");
		rc = take(b, &e, err);
		yaml_event_delete(&e);
		if (rc)
			return -1;
	}
	return 0;
}

int yaml_parse(const char *text, size_t len, struct json_doc **ret_doc, struct json **ret_root, struct err *err)
{
	struct builder b = {.doc = NULL};
	yaml_parser_t p;
	int rc;

	if (len > YAML_TEXT_MAX)
		return err_set(err, ERR_LIMIT, "longer than %u MiB", YAML_TEXT_MAX >> 20);
	if (!yaml_parser_initialize(&p))
		abort();
	yaml_parser_set_input_string(&p, (const unsigned char *)text, len);
	b.doc = json_new();
	rc = parse(&p, &b, err);
	yaml_parser_delete(&p);
	while (b.depth > 0)
		free(b.levels[--b.depth].key);
	if (rc) {
		json_free(b.doc);
		return -1;
	}
	*ret_doc = b.doc;
	*ret_root = b.root ? b.root : json_text(b.doc, NULL);
	return 0;
}

const char *yaml_version(void)
{
	return yaml_get_version_string();
}
