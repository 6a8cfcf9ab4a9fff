/*
 * A YAML document or anything else: refused, or JSON that is read back as the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/yaml.h"

#define OUT_MAX (64u * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_JSON struct json_doc *doc = NULL, *again = NULL;
	CLEANUP(buf_release) struct buf out = BUF_INIT(OUT_MAX), same = BUF_INIT(OUT_MAX);
	struct err err = ERR_INIT;
	struct json *root;

	if (yaml_parse((const char *)data, size, &doc, &root, &err)) {
		if (err.code != ERR_DATA && err.code != ERR_LIMIT)
			abort();
		return 0;
	}
	json_print(doc, root, false, &out);
	if (json_parse(buf_str(&out), out.len, &again, &err))
		abort();
	json_print(again, json_root(again), false, &same);
	if (strcmp(buf_str(&out), buf_str(&same)) != 0)
		abort();
	return 0;
}
