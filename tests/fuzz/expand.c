/*
 * Any bytes as the rows of an answer: cut anywhere on both sides, they become the same rows (or end at the
 * same error) as in one piece, and what comes out has the number of rows that was told. The first bytes of
 * the input choose columns and cuts.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tds/expand.h"
#include "tds/row.h"
#include "tds/scan.h"

#define COLUMNS_MAX 15

static const struct tds_column choices[] = {
	{.name = "c", .type = TDS_INTN, .size = 4},
	{.name = "c", .type = TDS_FIXINT4, .size = 4},
	{.name = "c", .type = TDS_BIGVARCHAR, .size = 50},
	{.name = "c", .type = TDS_BIGVARCHAR, .size = TDS_SIZE_MAX},
	{.name = "c", .type = TDS_VARIANT, .size = TDS_VARIANT_MAX},
	{.name = "c", .type = TDS_OLD_TEXT, .size = TDS_PLP_MAX},
};

struct result {
	uint8_t *out;
	size_t len, used;
	uint32_t rows;
	int rc;
};

static void expand(const struct tds_columns *cols, const uint8_t *data, size_t size, size_t in, size_t room,
	struct result *r)
{
	struct tds_expander *x = tds_expander_new(cols);
	size_t cap = 16 + size * 9; /* a null is eight bytes of a bit, and each row has its token */
	struct tds_expanded e = {.end = TDS_EXPAND_INPUT};
	struct err err = ERR_INIT;

	*r = (struct result){.out = mem_alloc(cap * 8)};
	while (r->rc == 0 && e.end != TDS_EXPAND_OTHER) {
		size_t n = size - r->used < in ? size - r->used : in;

		r->rc = tds_expand(x, data + r->used, n, r->out + r->len, room, UINT32_MAX, &e, &err);
		if (r->rc)
			break;
		if (e.used > n || e.written > room || e.row_end > e.written)
			abort();
		if (n == 0 && e.written == 0)
			break;
		r->used += e.used;
		r->len += e.written;
		r->rows += e.rows;
		if (r->len + room > cap * 8)
			break;
	}
	tds_expander_free(x);
}

/* Whole rows that stand at the beginning. */
static uint32_t count(const struct tds_columns *cols, const uint8_t *data, size_t size)
{
	struct tds_plan *plan = tds_plan_new(cols);
	struct err err = ERR_INIT;
	uint32_t rows = 0;
	size_t used = 0;

	for (;; rows++) {
		struct tds_scan scan = {.state = 0};

		if (size == 0 || tds_scan_row(plan, &scan, data, size, &used, &err) <= 0)
			break;
		data += used;
		size -= used;
	}
	tds_plan_free(plan);
	return rows;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tds_column v[COLUMNS_MAX];
	struct tds_columns cols = {.v = v};
	struct result whole, cut;
	size_t in, room;

	if (size < 3 || data[0] % COLUMNS_MAX == 0 || size < 3u + data[0] % COLUMNS_MAX || size > 4096)
		return 0;
	cols.n = data[0] % COLUMNS_MAX;
	in = 1u + data[1];
	room = 1u + data[2];
	for (uint32_t i = 0; i < cols.n; i++)
		v[i] = choices[data[3 + i] % ARRAY_LEN(choices)];
	data += 3 + cols.n;
	size -= 3 + cols.n;
	expand(&cols, data, size, size + 1, 16 + size * 9, &whole);
	expand(&cols, data, size, in, room, &cut);
	if (whole.rc != cut.rc)
		abort();
	if (whole.rc == 0 &&
		(whole.rows != cut.rows || whole.len != cut.len || memcmp(whole.out, cut.out, cut.len) != 0 ||
			count(&cols, whole.out, whole.len) != whole.rows))
		abort();
	free(whole.out);
	free(cut.out);
	return 0;
}
