/*
 * Any bytes as the tokens of a server's answer: whatever they are, the same tokens come
 * out of them whole and cut at any place, and rows behind a column list are scanned and
 * decoded without reading beyond.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tds/row.h"
#include "tds/scan.h"
#include "tds/token.h"

/* The bytes that are one token of a copy which ends behind them; 0: there is none, -1: wrong. */
static int read_cut(const uint8_t *data, size_t len, struct arena *a)
{
	uint8_t *copy = malloc(len ? len : 1);
	const uint8_t *p = copy;
	struct tds_token t;
	struct err err = ERR_INIT;
	int rc;

	if (len)
		memcpy(copy, data, len);
	rc = tds_token_read(&p, copy + len, a, &t, &err);
	if (rc <= 0 && p != copy)
		abort();
	free(copy);
	return rc;
}

static size_t skip_row(const struct tds_columns *cols, const uint8_t *p, size_t len)
{
	struct tds_plan *plan = tds_plan_new(cols);
	struct tds_scan scan = {.state = 0};
	struct err err = ERR_INIT;
	size_t used = 0;
	int rc = cols->n ? tds_scan_row(plan, &scan, p, len, &used, &err) : -1;

	tds_plan_free(plan);
	return rc > 0 ? used : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = ARENA_INIT;
	struct tds_columns cols = {.n = 0};
	const uint8_t *p = data, *end = data + size;

	for (;;) {
		const uint8_t *begin = p;
		struct err err = ERR_INIT;
		struct tds_token t;
		int rc = tds_token_read(&p, end, &a, &t, &err);
		size_t len = (size_t)(p - begin);

		if (rc <= 0)
			break;
		if (len && (read_cut(begin, len, &a) != 1 || read_cut(begin, len - 1, &a) == 1))
			abort();
		if (t.type == TDS_TOKEN_COLMETADATA)
			cols = t.columns;
		if (len == 0) {
			size_t used = t.type == TDS_TOKEN_ROW ? skip_row(&cols, p, (size_t)(end - p)) : 0;

			if (used == 0)
				break;
			p += used;
		}
	}
	arena_release(&a);
	return 0;
}
