/*
 * Two texts with a byte of zero between them: the first is patched by the second,
 * or refused. A patch that has been applied changes nothing the second time, and
 * one of an empty object changes no object.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

/* Two texts at most. */
#define RESULT_MAX (2 * JSON_PATCH_MAX)

static int patch(const char *target, size_t target_len, const char *change, size_t change_len,
	struct buf *out)
{
	struct err err = ERR_INIT;

	if (json_patch(target, target_len, change, change_len, false, out, &err) == 0)
		return 0;
	if ((err.code != ERR_DATA && err.code != ERR_LIMIT) || out->len > 0)
		abort();
	return -1;
}

static void same(const struct buf *a, const struct buf *b)
{
	if (strcmp(buf_str(a), buf_str(b)) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *zero = size ? memchr(data, 0, size) : NULL;
	const char *target = (const char *)data, *change;
	CLEANUP(buf_release) struct buf once = BUF_INIT(RESULT_MAX);
	CLEANUP(buf_release) struct buf twice = BUF_INIT(RESULT_MAX);
	CLEANUP(buf_release) struct buf none = BUF_INIT(RESULT_MAX);
	size_t target_len, change_len;

	if (!zero)
		return 0;
	change = (const char *)zero + 1;
	target_len = (size_t)(zero - data);
	change_len = size - target_len - 1;
	if (patch(target, target_len, change, change_len, &once) || once.len > JSON_PATCH_MAX)
		return 0;
	if (patch(buf_str(&once), once.len, change, change_len, &twice))
		abort();
	same(&once, &twice);
	if (*buf_str(&once) != '{')
		return 0;
	if (patch(buf_str(&once), once.len, "{}", 2, &none))
		abort();
	same(&once, &none);
	return 0;
}
