#include "base/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "base/utf8.h"

struct json_doc {
	yyjson_mut_doc *doc;
};

static yyjson_mut_val *val(struct json *v)
{
	return (yyjson_mut_val *)v;
}

struct json_doc *json_new(void)
{
	struct json_doc *d = mem_alloc(sizeof(*d));

	d->doc = yyjson_mut_doc_new(NULL);
	if (!d->doc)
		abort();
	return d;
}

void json_free(struct json_doc *doc)
{
	if (doc)
		yyjson_mut_doc_free(doc->doc);
	free(doc);
}

void json_free_ptr(struct json_doc **doc)
{
	json_free(*doc);
}

struct json *json_object(struct json_doc *doc)
{
	return (struct json *)yyjson_mut_obj(doc->doc);
}

struct json *json_array(struct json_doc *doc)
{
	return (struct json *)yyjson_mut_arr(doc->doc);
}

/* Memory is the only way for these to fail. */
static void must(bool ok)
{
	if (!ok)
		abort();
}

/* yyjson refuses to write ill-formed UTF-8, and messages may quote raw input. */
static yyjson_mut_val *string(struct json_doc *doc, const char *value)
{
	CLEANUP(buf_release) struct buf clean = BUF_INIT(SIZE_MAX / 2);
	size_t len = value ? strlen(value) : 0;

	if (!value)
		return yyjson_mut_null(doc->doc);
	if (utf8_span((const uint8_t *)value, len) == len)
		return yyjson_mut_strncpy(doc->doc, value, len);
	utf8_clean(value, len, &clean);
	return yyjson_mut_strncpy(doc->doc, buf_str(&clean), clean.len);
}

static void put(struct json_doc *doc, struct json *object, const char *key, yyjson_mut_val *value)
{
	must(yyjson_mut_obj_add(val(object), string(doc, key), value));
}

void json_set_str(struct json_doc *doc, struct json *object, const char *key, const char *value)
{
	put(doc, object, key, string(doc, value));
}

void json_set_int(struct json_doc *doc, struct json *object, const char *key, int64_t value)
{
	put(doc, object, key, yyjson_mut_sint(doc->doc, value));
}

void json_set_real(struct json_doc *doc, struct json *object, const char *key, double value)
{
	put(doc, object, key,
		isfinite(value) ? yyjson_mut_real(doc->doc, value) : yyjson_mut_null(doc->doc));
}

void json_set_bool(struct json_doc *doc, struct json *object, const char *key, bool value)
{
	put(doc, object, key, yyjson_mut_bool(doc->doc, value));
}

void json_set(struct json_doc *doc, struct json *object, const char *key, struct json *value)
{
	put(doc, object, key, val(value));
}

void json_push(struct json_doc *doc UNUSED, struct json *array, struct json *value)
{
	must(yyjson_mut_arr_append(val(array), val(value)));
}

void json_push_str(struct json_doc *doc, struct json *array, const char *value)
{
	must(yyjson_mut_arr_append(val(array), string(doc, value)));
}

void json_print(struct json_doc *doc UNUSED, struct json *root, bool pretty, struct buf *out)
{
	yyjson_write_flag flags = pretty ? YYJSON_WRITE_PRETTY_TWO_SPACES : YYJSON_WRITE_NOFLAG;
	size_t len;
	char *text = yyjson_mut_val_write(val(root), flags, &len);

	must(text != NULL);
	buf_add(out, text, len);
	free(text);
}

/* A C string would end there without a word. */
static bool has_nul(yyjson_val *v)
{
	return yyjson_is_str(v) && strlen(yyjson_get_str(v)) != yyjson_get_len(v);
}

static int each_value(yyjson_val *name, yyjson_val *v,
	int (*member)(void *, const char *, const char *, struct err *), void *arg, struct err *err)
{
	const char *key = yyjson_get_str(name);
	char number[32];

	if (has_nul(name) || has_nul(v))
		return err_set(err, ERR_DATA, "'%s' contains U+0000", key);
	if (yyjson_is_str(v))
		return member(arg, key, yyjson_get_str(v), err);
	if (yyjson_is_bool(v))
		return member(arg, key, yyjson_get_bool(v) ? "yes" : "no", err);
	if (yyjson_is_uint(v)) {
		snprintf(number, sizeof(number), "%" PRIu64, yyjson_get_uint(v));
		return member(arg, key, number, err);
	}
	if (yyjson_is_sint(v)) {
		snprintf(number, sizeof(number), "%" PRId64, yyjson_get_sint(v));
		return member(arg, key, number, err);
	}
	if (yyjson_is_real(v)) {
		snprintf(number, sizeof(number), "%.17g", yyjson_get_real(v));
		return member(arg, key, number, err);
	}
	return err_set(err, ERR_DATA, "'%s' is neither text nor number nor boolean", key);
}

int json_each(const char *text, size_t len,
	int (*member)(void *arg, const char *key, const char *value, struct err *err), void *arg,
	struct err *err)
{
	yyjson_read_err why;
	yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)text, len, 0, NULL, &why);
	yyjson_obj_iter it;
	yyjson_val *key;
	int ret = 0;

	if (!doc)
		return err_set(err, ERR_DATA, "JSON, byte %zu: %s", why.pos, why.msg);
	if (!yyjson_is_obj(yyjson_doc_get_root(doc))) {
		yyjson_doc_free(doc);
		return err_set(err, ERR_DATA, "JSON: not an object");
	}
	it = yyjson_obj_iter_with(yyjson_doc_get_root(doc));
	while (ret == 0 && (key = yyjson_obj_iter_next(&it)))
		ret = each_value(key, yyjson_obj_iter_get_val(key), member, arg, err);
	yyjson_doc_free(doc);
	return ret;
}

/* The first `n` names of an object have no `key` among them? */
static bool is_new(yyjson_val *object, size_t n, yyjson_val *key)
{
	yyjson_obj_iter it = yyjson_obj_iter_with(object);

	for (size_t i = 0; i < n; i++)
		if (yyjson_equals(yyjson_obj_iter_next(&it), key))
			return false;
	return true;
}

/* Goes as deep as JSON_PATCH_DEPTH, which makes yyjson's own recursion safe. */
static int check_value(yyjson_val *v, size_t depth, const char *what, struct err *err)
{
	yyjson_arr_iter values = yyjson_arr_iter_with(v);
	yyjson_obj_iter members = yyjson_obj_iter_with(v);
	yyjson_val *inner, *key;

	if (depth > JSON_PATCH_DEPTH)
		return err_set(err, ERR_LIMIT, "%s: deeper than %d levels", what, JSON_PATCH_DEPTH);
	while ((inner = yyjson_arr_iter_next(&values)))
		if (check_value(inner, depth + 1, what, err))
			return -1;
	for (size_t i = 0; (key = yyjson_obj_iter_next(&members)); i++) {
		if (!is_new(v, i, key))
			return err_set(err, ERR_DATA, "%s: an object has '%s' twice", what,
				yyjson_get_str(key));
		if (check_value(yyjson_obj_iter_get_val(key), depth + 1, what, err))
			return -1;
	}
	return 0;
}

static void free_read(yyjson_doc **doc)
{
	yyjson_doc_free(*doc);
}

static int read_whole(
	const char *text, size_t len, const char *what, yyjson_doc **ret_doc, struct err *err)
{
	CLEANUP(free_read) yyjson_doc *doc = NULL;
	yyjson_read_err why;

	if (len > JSON_PATCH_MAX)
		return err_set(
			err, ERR_LIMIT, "%s: longer than %zu KiB", what, JSON_PATCH_MAX >> 10);
	doc = yyjson_read_opts((char *)(uintptr_t)text, len, YYJSON_READ_NUMBER_AS_RAW, NULL, &why);
	if (!doc)
		return err_set(err, ERR_DATA, "%s, byte %zu: %s", what, why.pos, why.msg);
	if (check_value(yyjson_doc_get_root(doc), 0, what, err))
		return -1;
	*ret_doc = doc;
	doc = NULL;
	return 0;
}

int json_patch(const char *target, size_t target_len, const char *patch, size_t patch_len,
	bool pretty, struct buf *out, struct err *err)
{
	CLEANUP(free_read) yyjson_doc *from = NULL, *change = NULL;
	CLEANUP_JSON struct json_doc *doc = NULL;
	yyjson_mut_val *root;

	if (read_whole(target, target_len, "JSON to patch", &from, err) ||
		read_whole(patch, patch_len, "JSON patch", &change, err))
		return -1;
	doc = json_new();
	root = yyjson_merge_patch(doc->doc, yyjson_doc_get_root(from), yyjson_doc_get_root(change));
	must(root != NULL);
	json_print(doc, (struct json *)root, pretty, out);
	return 0;
}

/* --- reading into a document --- */

/* yyjson's copying has its own stack, but who walks the tree may not. */
static bool too_deep(yyjson_val *v, size_t depth)
{
	yyjson_arr_iter values = yyjson_arr_iter_with(v);
	yyjson_obj_iter members = yyjson_obj_iter_with(v);
	yyjson_val *inner, *key;

	if (depth > JSON_PARSE_DEPTH)
		return true;
	while ((inner = yyjson_arr_iter_next(&values)))
		if (yyjson_is_ctn(inner) && too_deep(inner, depth + 1))
			return true;
	while ((key = yyjson_obj_iter_next(&members))) {
		inner = yyjson_obj_iter_get_val(key);
		if (yyjson_is_ctn(inner) && too_deep(inner, depth + 1))
			return true;
	}
	return false;
}

int json_parse(const char *text, size_t len, struct json_doc **ret_doc, struct err *err)
{
	CLEANUP(free_read) yyjson_doc *read = NULL;
	yyjson_read_err why;
	struct json_doc *doc;

	if (len > JSON_PARSE_MAX)
		return err_set(err, ERR_LIMIT, "JSON: longer than %zu MiB", JSON_PARSE_MAX >> 20);
	read = yyjson_read_opts((char *)(uintptr_t)text, len, 0, NULL, &why);
	if (!read)
		return err_set(err, ERR_DATA, "JSON, byte %zu: %s", why.pos, why.msg);
	if (too_deep(yyjson_doc_get_root(read), 0))
		return err_set(err, ERR_LIMIT, "JSON: deeper than %d levels", JSON_PARSE_DEPTH);
	doc = mem_alloc(sizeof(*doc));
	doc->doc = yyjson_doc_mut_copy(read, NULL);
	must(doc->doc != NULL);
	*ret_doc = doc;
	return 0;
}

struct json *json_root(struct json_doc *doc)
{
	return (struct json *)yyjson_mut_doc_get_root(doc->doc);
}

static yyjson_mut_val *step(yyjson_mut_val *v, const char *name, size_t len)
{
	size_t i = 0;

	if (yyjson_mut_is_obj(v))
		return yyjson_mut_obj_getn(v, name, len);
	if (!yyjson_mut_is_arr(v) || len == 0 || len > 9)
		return NULL;
	for (size_t k = 0; k < len; k++) {
		if (name[k] < '0' || name[k] > '9')
			return NULL;
		i = i * 10 + (size_t)(name[k] - '0');
	}
	return yyjson_mut_arr_get(v, i);
}

struct json *json_get(struct json *v, const char *path)
{
	yyjson_mut_val *at = val(v);

	while (at && *path) {
		size_t len = strcspn(path, ".");

		at = step(at, path, len);
		path += len + (path[len] == '.');
	}
	return (struct json *)at;
}

struct json *json_member(struct json *object, const char *name)
{
	return (struct json *)yyjson_mut_obj_get(val(object), name);
}

const char *json_str(struct json *v, const char *path)
{
	return yyjson_mut_get_str(val(json_get(v, path)));
}

int64_t json_int(struct json *v, const char *path, int64_t fallback)
{
	yyjson_mut_val *at = val(json_get(v, path));

	if (yyjson_mut_is_sint(at))
		return yyjson_mut_get_sint(at);
	if (yyjson_mut_is_uint(at) && yyjson_mut_get_uint(at) <= INT64_MAX)
		return (int64_t)yyjson_mut_get_uint(at);
	return fallback;
}

bool json_bool(struct json *v, const char *path, bool fallback)
{
	yyjson_mut_val *at = val(json_get(v, path));

	return yyjson_mut_is_bool(at) ? yyjson_mut_get_bool(at) : fallback;
}

bool json_is_object(struct json *v)
{
	return yyjson_mut_is_obj(val(v));
}

bool json_is_array(struct json *v)
{
	return yyjson_mut_is_arr(val(v));
}

bool json_is_null(struct json *v)
{
	return yyjson_mut_is_null(val(v));
}

size_t json_len(struct json *v)
{
	return yyjson_mut_is_ctn(val(v)) ? yyjson_mut_get_len(val(v)) : 0;
}

/* A container's elements are a list through `next`, names and values of an object by turns. */
int json_next(struct json_iter *it, const char **ret_name, struct json **ret_value)
{
	bool object = json_is_object(it->of);
	yyjson_mut_val *at = val(it->at);
	yyjson_mut_obj_iter first;

	if (it->n >= json_len(it->of))
		return 0;
	if (it->n++ > 0) {
		at = object ? at->next->next : at->next;
	} else if (object) {
		first = yyjson_mut_obj_iter_with(val(it->of));
		at = yyjson_mut_obj_iter_next(&first);
	} else {
		at = yyjson_mut_arr_get_first(val(it->of));
	}
	it->at = (struct json *)at;
	*ret_value = (struct json *)(object ? at->next : at);
	if (ret_name)
		*ret_name = object ? yyjson_mut_get_str(at) : NULL;
	return 1;
}

struct json *json_copy(struct json_doc *doc, struct json *v)
{
	yyjson_mut_val *copy = yyjson_mut_val_mut_copy(doc->doc, val(v));

	must(copy != NULL);
	return (struct json *)copy;
}

void json_put(struct json_doc *doc, struct json *object, const char *key, struct json *value)
{
	must(yyjson_mut_obj_put(val(object), string(doc, key), val(value)));
}

void json_remove(struct json *object, const char *key)
{
	yyjson_mut_obj_remove_key(val(object), key);
}

struct json *json_text(struct json_doc *doc, const char *value)
{
	return (struct json *)string(doc, value);
}

struct json *json_number(struct json_doc *doc, int64_t value)
{
	return (struct json *)yyjson_mut_sint(doc->doc, value);
}

struct json *json_boolean(struct json_doc *doc, bool value)
{
	return (struct json *)yyjson_mut_bool(doc->doc, value);
}

struct json *json_object_at(struct json_doc *doc, struct json *object, const char *key)
{
	struct json *at = json_member(object, key);

	if (!json_is_object(at)) {
		at = json_object(doc);
		json_put(doc, object, key, at);
	}
	return at;
}

struct json *json_array_at(struct json_doc *doc, struct json *object, const char *key)
{
	struct json *at = json_member(object, key);

	if (!json_is_array(at)) {
		at = json_array(doc);
		json_put(doc, object, key, at);
	}
	return at;
}

const char *json_version(void)
{
	static char text[16];
	uint32_t v = yyjson_version();

	snprintf(text, sizeof(text), "%u.%u.%u", v >> 16, v >> 8 & 0xff, v & 0xff);
	return text;
}
