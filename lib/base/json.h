/*
 * json - values and text, over yyjson.
 *
 * A document owns its values; strings given to it are copied. Object members
 * keep their order. Numbers are 64-bit integers or doubles. Not thread-safe per
 * document.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* Writing */
struct json_doc;
struct json; /* a value of a document */

struct json_doc *json_new(void);
void json_free(struct json_doc *doc); /* NULL is fine */
void json_free_ptr(struct json_doc **doc);
#define CLEANUP_JSON CLEANUP(json_free_ptr)

struct json *json_object(struct json_doc *doc);
struct json *json_array(struct json_doc *doc);

/* Invalid UTF-8 in a string is replaced by U+FFFD; NULL, NaN and infinity become null. */
void json_set_str(struct json_doc *doc, struct json *object, const char *key, const char *value);
void json_set_int(struct json_doc *doc, struct json *object, const char *key, int64_t value);
void json_set_real(struct json_doc *doc, struct json *object, const char *key, double value);
void json_set_bool(struct json_doc *doc, struct json *object, const char *key, bool value);
void json_set(struct json_doc *doc, struct json *object, const char *key, struct json *value);
void json_push(struct json_doc *doc, struct json *array, struct json *value);
void json_push_str(struct json_doc *doc, struct json *array, const char *value);

/* Appends the text of `root`: on one line, or indented for people. No newline at the end. */
void json_print(struct json_doc *doc, struct json *root, bool pretty, struct buf *out);

/* Reading into a document that can be changed: ERR_DATA for what is not JSON, ERR_LIMIT for what is longer or
 * deeper than these. Of members with the same name the first one is found. */
#define JSON_PARSE_MAX   ((size_t)32 << 20) /* bytes */
#define JSON_PARSE_DEPTH 128
MUST_CHECK int json_parse(const char *text, size_t len, struct json_doc **ret_doc, struct err *err);
struct json *json_root(struct json_doc *doc);

/* The value at a path of members, "metadata.labels"; a number takes an element of an array:
 * "spec.containers.0.name". NULL when there is none; NULL of NULL. */
struct json *json_get(struct json *v, const char *path);
/* The member of exactly this name, whatever is in it. */
struct json *json_member(struct json *object, const char *name);
const char *json_str(struct json *v, const char *path);			  /* NULL: no text there */
int64_t json_int(struct json *v, const char *path, int64_t fallback);	  /* not an integer: the fallback */
bool json_bool(struct json *v, const char *path, bool fallback);
bool json_is_object(struct json *v);
bool json_is_array(struct json *v);
bool json_is_null(struct json *v);

/* The elements of an array, or the values of an object with their names: begins as {.of = v}; 1, or 0 behind
 * the last one. What is neither has none. Nothing may be added or removed meanwhile. */
struct json_iter {
	struct json *of;
	struct json *at; /* the element or the name before the next one */
	size_t n;
};
int json_next(struct json_iter *it, const char **ret_name, struct json **ret_value);
size_t json_len(struct json *v); /* of an array or an object; 0 for others */

/* A copy that belongs to `doc`. */
struct json *json_copy(struct json_doc *doc, struct json *v);
/* Sets or replaces a member; json_set() and its like only add. */
void json_put(struct json_doc *doc, struct json *object, const char *key, struct json *value);
void json_remove(struct json *object, const char *key);
struct json *json_text(struct json_doc *doc, const char *value); /* NULL: null */
struct json *json_number(struct json_doc *doc, int64_t value);
struct json *json_boolean(struct json_doc *doc, bool value);
/* The object that is the member of this name: made when there is none or it is something else. */
struct json *json_object_at(struct json_doc *doc, struct json *object, const char *key);
struct json *json_array_at(struct json_doc *doc, struct json *object, const char *key);

/* Reading: calls `member` for each member of an object whose values are strings, numbers or
 * booleans, with the value as text. ERR_DATA for other JSON, and for U+0000 in a string; -1 of
 * `member` ends it. */
MUST_CHECK int json_each(const char *text, size_t len,
	int (*member)(void *arg, const char *key, const char *value, struct err *err), void *arg,
	struct err *err);

/* Patching: appends `target` as `patch` changes it, by JSON merge patch (RFC 7386): null removes a
 * member, an object changes members, anything else replaces what was there. Numbers keep their
 * digits; changed members stand behind the others. `target` and `patch` are borrowed, `out` is
 * untouched on failure. ERR_DATA for what is not JSON, and where an object has a name twice, which
 * no two readers take alike; ERR_LIMIT for what is longer or deeper than this. */
#define JSON_PATCH_MAX   ((size_t)64 << 10) /* bytes: names are compared with each other */
#define JSON_PATCH_DEPTH 64
MUST_CHECK int json_patch(const char *target, size_t target_len, const char *patch,
	size_t patch_len, bool pretty, struct buf *out, struct err *err);

const char *json_version(void);

#endif
