/*
 * Any bytes as a TYPE_INFO and as a column list: what is taken is encoded to bytes
 * that are taken as the same column, has a printed type and a form, and rows of such
 * columns can be scanned and decoded without reading beyond.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tds/info.h"
#include "tds/row.h"
#include "tds/scan.h"

#define JOINED_MAX (1u << 16)

static bool is_declarable(const struct tds_column *c)
{
	return c->type != TDS_UDT && c->type != TDS_SQLITE;
}

static void check_column(const struct tds_column *c)
{
	struct tds_column back = {.name = NULL};
	char text[TDS_TYPE_TEXT_MAX];
	uint8_t bytes[TDS_INFO_MAX];
	struct err err = ERR_INIT;
	const uint8_t *p = bytes;
	uint8_t *end;

	if (tds_form(c) == TDS_FORM_NONE || strcmp(tds_type_format(c, text), "unknown type") == 0)
		abort();
	if (!is_declarable(c))
		return;
	end = tds_info_encode(bytes, c);
	if (end - bytes > TDS_INFO_MAX || tds_info_decode(&p, end, &back, &err) < 0 || p != end ||
		back.type != c->type || back.size != c->size || back.precision != c->precision ||
		back.scale != c->scale)
		abort();
}

/* What is behind the list is its first row. */
static void check_row(const struct tds_columns *cols, const uint8_t *p, const uint8_t *end)
{
	struct tds_plan *plan = tds_plan_new(cols);
	struct buf joined = BUF_INIT(JOINED_MAX);
	struct tds_scan scan = {.state = 0};
	struct err err = ERR_INIT;
	struct tds_value v;
	size_t used = 0;
	int rc = tds_scan_row(plan, &scan, p, (size_t)(end - p), &used, &err);

	if (rc > 0) {
		const uint8_t *row_end = p + used;

		p++;
		for (uint32_t i = 0; i < cols->n; i++)
			if (tds_decode(&p, row_end, &cols->v[i], &joined, &v, &err) < 0)
				break;
	}
	buf_release(&joined);
	tds_plan_free(plan);
}

static void check_list(const struct tds_columns *cols)
{
	struct buf out = BUF_INIT(1u << 22);
	struct arena a = ARENA_INIT;
	struct err err = ERR_INIT;
	struct tds_columns back;
	const uint8_t *p;

	for (uint32_t i = 0; i < cols->n; i++)
		if (tds_form(&cols->v[i]) == TDS_FORM_TEXTPTR)
			return; /* a bulk load has another form than a server */
	if (tds_columns_encode(cols, &out, &err) == 0) {
		p = (const uint8_t *)out.data;
		if (tds_columns_decode(&p, p + out.len, &a, &back, &err) < 0 || back.n != cols->n)
			abort();
		for (uint32_t i = 0; i < back.n; i++)
			if (strcmp(back.v[i].name, cols->v[i].name) != 0)
				abort();
	}
	arena_release(&a);
	buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tds_column c = {.name = "c"};
	const uint8_t *p = data, *end = data + size;
	struct arena a = ARENA_INIT;
	struct err err = ERR_INIT;
	struct tds_columns cols;

	if (tds_info_decode(&p, end, &c, &err) == 0)
		check_column(&c);
	p = data;
	if (tds_columns_decode(&p, end, &a, &cols, &err) == 0) {
		for (uint32_t i = 0; i < cols.n; i++)
			check_column(&cols.v[i]);
		check_list(&cols);
		check_row(&cols, p, end);
	}
	arena_release(&a);
	return 0;
}
