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

const char *json_version(void)
{
	static char text[16];
	uint32_t v = yyjson_version();

	snprintf(text, sizeof(text), "%u.%u.%u", v >> 16, v >> 8 & 0xff, v & 0xff);
	return text;
}
