/*
 * yaml - a YAML document as JSON, over libyaml.
 *
 * For files that others write, such as kubeconfigs. What JSON has is taken: mappings
 * with scalar keys, sequences, scalars by the core schema (YAML 1.2 §10.3: null,
 * booleans, decimal integers; the rest is text). Aliases are refused, for they make
 * a large thing of a small file.
 */
#ifndef BASE_YAML_H
#define BASE_YAML_H

#include <stddef.h>

#include "base/err.h"
#include "base/json.h"

#define YAML_TEXT_MAX (4u * 1024 * 1024) /* bytes */
#define YAML_DEPTH_MAX 64

/* ERR_DATA "line N: …"; ERR_LIMIT. An empty text is null. */
MUST_CHECK int yaml_parse(const char *text, size_t len, struct json_doc **ret_doc, struct json **ret_root,
	struct err *err);

const char *yaml_version(void); /* libyaml's */

#endif
