#include "selftest/compare.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tds/row.h"

#define SHOWN_MAX 24 /* bytes of a value that an error shows */

int compare_columns(const struct tds_columns *a, const struct tds_columns *b, struct err *err)
{
	if (a->n != b->n)
		return err_set(err, ERR_DATA, "%" PRIu32 " columns became %" PRIu32, a->n, b->n);
	for (uint32_t i = 0; i < a->n; i++) {
		char was_text[TDS_TYPE_TEXT_MAX], is_text[TDS_TYPE_TEXT_MAX];
		const struct tds_column *x = &a->v[i], *y = &b->v[i];
		const char *was = tds_type_format(x, was_text), *is = tds_type_format(y, is_text);

		if (strcmp(was, is) || x->nullable != y->nullable ||
			memcmp(x->collation, y->collation, sizeof(x->collation)))
			return err_set(err, ERR_DATA, "column '%s': %s%s became %s%s%s", x->name, was,
				x->nullable ? "" : " not null", is, y->nullable ? "" : " not null",
				strcmp(was, is) == 0 && x->nullable == y->nullable ? " of another collation" : "");
	}
	return 0;
}

/* A value of a row, as it is compared. */
struct cell {
	bool null;
	const uint8_t *data;
	size_t len;
};

static int take(const uint8_t **p, const uint8_t *end, const struct tds_column *c, struct buf *joined,
	struct cell *ret, struct err *err)
{
	const uint8_t *from = *p;
	struct tds_value v;

	if (tds_decode(p, end, c, joined, &v, err))
		return -1;
	*ret = (struct cell){.null = v.kind == TDS_NULL, .data = from, .len = (size_t)(*p - from)};
	if (!ret->null && (tds_form(c) == TDS_FORM_PLP || tds_form(c) == TDS_FORM_TEXTPTR)) {
		ret->data = v.s.data;
		ret->len = v.s.len;
	}
	return 0;
}

static const char *show(const struct cell *c, char out[2 * SHOWN_MAX + 32])
{
	size_t at = 0;

	if (c->null)
		return "null";
	for (size_t i = 0; i < c->len && i < SHOWN_MAX; i++)
		at += (size_t)snprintf(out + at, 3, "%02x", c->data[i]);
	snprintf(out + at, 32, "%s (%zu bytes)", c->len > SHOWN_MAX ? "…" : "", c->len);
	return out;
}

static int differ(uint64_t row, const struct tds_column *c, const struct cell *a, const struct cell *b, struct err *err)
{
	char was[2 * SHOWN_MAX + 32], is[2 * SHOWN_MAX + 32];

	return err_set(err, ERR_DATA, "row %" PRIu64 ", column '%s': %s became %s", row, c->name, show(a, was),
		show(b, is));
}

struct reader {
	const struct compare_rows *rows;
	const uint8_t *p, *end;
	struct buf joined;
};

static int compare_row(uint64_t row, struct reader *a, struct reader *b, struct err *err)
{
	const struct tds_columns *cols = a->rows->columns, *others = b->rows->columns;

	a->p++; /* tokens */
	b->p++;
	for (uint32_t i = 0; i < cols->n; i++) {
		struct cell x, y;

		if (take(&a->p, a->end, &cols->v[i], &a->joined, &x, err) ||
			take(&b->p, b->end, &others->v[i], &b->joined, &y, err))
			return err_wrap(err, "row %" PRIu64 ", column '%s'", row, cols->v[i].name);
		if (x.null != y.null || (!x.null && (x.len != y.len || memcmp(x.data, y.data, x.len))))
			return differ(row, &cols->v[i], &x, &y, err);
	}
	return 0;
}

int compare_rows(const struct compare_rows *a, const struct compare_rows *b, struct err *err)
{
	struct reader x = {.rows = a, .p = a->data, .end = a->data + a->len, .joined = BUF_INIT(COMPARE_MAX)},
		      y = {.rows = b, .p = b->data, .end = b->data + b->len, .joined = BUF_INIT(COMPARE_MAX)};
	uint64_t row = 0;
	int rc = 0;

	while (rc == 0 && x.p < x.end && y.p < y.end)
		rc = compare_row(++row, &x, &y, err);
	if (rc == 0 && (x.p < x.end || y.p < y.end))
		rc = err_set(err, ERR_DATA, "behind row %" PRIu64 " there are %s rows", row,
			x.p < x.end ? "missing" : "more");
	buf_release(&x.joined);
	buf_release(&y.joined);
	return rc;
}
