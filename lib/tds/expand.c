#include "tds/expand.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tds/row.h"
#include "tds/scan.h"

#define NBCROW_TOKEN 0xD2
#define NULL_MAX     8 /* bytes that a null can have */

static const uint8_t row_token = TDS_ROW_TOKEN;

enum state { BETWEEN, IN_ROW, IN_BITS, IN_COLUMN };

struct tds_expander {
	const struct tds_columns *cols;
	struct tds_plan *plan;
	struct tds_plan **plans; /* of each column by itself, for NBCROW; made when one comes */
	struct tds_scan scan;
	enum state state;
	uint32_t column;
	uint32_t n_bits; /* bytes of them that have come */
	uint8_t bits[TDS_COLUMNS_MAX / 8];
	uint8_t null[NULL_MAX]; /* what is still to be written before all else */
	uint8_t null_len, null_at;
};

/* What is left on both sides. */
struct flow {
	const uint8_t *in, *in_end;
	uint8_t *out, *out_end;
	uint8_t *row_end; /* of the last row that ended */
	uint32_t rows, max_rows;
};

struct tds_expander *tds_expander_new(const struct tds_columns *cols)
{
	struct tds_expander *x = mem_alloc(sizeof(*x));

	x->cols = cols;
	x->plan = tds_plan_new(cols);
	return x;
}

void tds_expander_free(struct tds_expander *x)
{
	if (!x)
		return;
	for (uint32_t i = 0; x->plans && i < x->cols->n; i++)
		tds_plan_free(x->plans[i]);
	free(x->plans);
	tds_plan_free(x->plan);
	free(x);
}

bool tds_expander_in_row(const struct tds_expander *x)
{
	return x->state != BETWEEN;
}

static void make_plans(struct tds_expander *x)
{
	if (x->plans)
		return;
	x->plans = mem_array(x->cols->n, sizeof(struct tds_plan *));
	for (uint32_t i = 0; i < x->cols->n; i++)
		x->plans[i] = tds_plan_new(&(struct tds_columns){.v = &x->cols->v[i], .n = 1});
}

/* Copies what the plan wants, as far as there is input and room. 1: it has all. */
static int copy_by(const struct tds_plan *plan, struct tds_scan *scan, struct flow *f, struct err *err)
{
	size_t have = (size_t)(f->in_end - f->in), room = (size_t)(f->out_end - f->out);
	size_t len = have < room ? have : room, used = 0;
	int rc = tds_scan_row(plan, scan, f->in, len, &used, err);

	if (rc < 0)
		return -1;
	used = rc ? used : len;
	if (used)
		memcpy(f->out, f->in, used);
	f->in += used;
	f->out += used;
	return rc;
}

/* Rows without bits that lie whole in the input and have room are copied at once. */
static int copy_rows(struct tds_expander *x, struct flow *f, struct err *err)
{
	size_t have = (size_t)(f->in_end - f->in), room = (size_t)(f->out_end - f->out);
	size_t len = have < room ? have : room, at = 0;

	while (at < len && f->rows < f->max_rows && f->in[at] == TDS_ROW_TOKEN) {
		size_t used = 0;
		int rc;

		x->scan = (struct tds_scan){.state = 0};
		rc = tds_scan_row(x->plan, &x->scan, f->in + at, len - at, &used, err);
		if (rc < 0)
			return -1;
		at += rc ? used : len - at;
		if (rc == 0) {
			x->state = IN_ROW;
			break;
		}
		f->rows++;
		f->row_end = f->out + at;
	}
	if (at)
		memcpy(f->out, f->in, at);
	f->in += at;
	f->out += at;
	return 0;
}

static void put_null(struct tds_expander *x, struct flow *f)
{
	while (x->null_at < x->null_len && f->out < f->out_end)
		*f->out++ = x->null[x->null_at++];
}

static bool is_null(const struct tds_expander *x)
{
	return x->bits[x->column / 8] >> x->column % 8 & 1;
}

/* A scan that has its row token already. */
static int begin_scan(struct tds_expander *x, struct err *err)
{
	size_t used;

	x->scan = (struct tds_scan){.state = 0};
	return tds_scan_row(x->plans[x->column], &x->scan, &row_token, 1, &used, err) < 0 ? -1 : 0;
}

/* The columns of an NBCROW. 1: all are there. */
static int expand_columns(struct tds_expander *x, struct flow *f, struct err *err)
{
	for (;;) {
		int rc;

		put_null(x, f);
		if (x->null_at < x->null_len)
			return 0;
		if (x->state == IN_COLUMN) {
			rc = copy_by(x->plans[x->column], &x->scan, f, err);
			if (rc <= 0)
				return rc;
			x->state = IN_BITS;
			x->column++;
		}
		if (x->column == x->cols->n)
			return 1;
		if (is_null(x)) {
			if (tds_form(&x->cols->v[x->column]) == TDS_FORM_FIXED)
				return err_set(err, ERR_DATA, "column '%s' is null and cannot be",
					x->cols->v[x->column].name);
			x->null_len = (uint8_t)(tds_encode_null(x->null, &x->cols->v[x->column]) - x->null);
			x->null_at = 0;
			x->column++;
			continue;
		}
		if (begin_scan(x, err))
			return -1;
		x->state = IN_COLUMN;
	}
}

static int expand_row(struct tds_expander *x, struct flow *f, struct err *err)
{
	uint32_t want = (x->cols->n + 7) / 8;

	while (x->n_bits < want && f->in < f->in_end)
		x->bits[x->n_bits++] = *f->in++;
	return x->n_bits < want ? 0 : expand_columns(x, f, err);
}

static void begin_bits(struct tds_expander *x, struct flow *f)
{
	make_plans(x);
	f->in++;
	x->state = IN_BITS;
	x->n_bits = x->column = 0;
	x->null[0] = TDS_ROW_TOKEN;
	x->null_len = 1;
	x->null_at = 0;
}

static enum tds_expand_end why(const struct tds_expander *x, const struct flow *f)
{
	if (f->in == f->in_end && x->null_at == x->null_len)
		return TDS_EXPAND_INPUT;
	if (x->state == BETWEEN && *f->in != TDS_ROW_TOKEN && *f->in != NBCROW_TOKEN)
		return TDS_EXPAND_OTHER;
	return f->out == f->out_end ? TDS_EXPAND_ROOM : TDS_EXPAND_INPUT;
}

/* 1: go on; 0: nothing more can be done. */
static int expand_some(struct tds_expander *x, struct flow *f, struct err *err)
{
	uint32_t had = f->rows;
	int rc;

	if (x->state == BETWEEN) {
		if (f->in == f->in_end || f->out == f->out_end)
			return 0;
		if (*f->in != NBCROW_TOKEN)
			return copy_rows(x, f, err) ? -1 : f->rows > had;
		begin_bits(x, f);
	}
	rc = x->state == IN_ROW ? copy_by(x->plan, &x->scan, f, err) : expand_row(x, f, err);
	if (rc > 0) {
		x->state = BETWEEN;
		f->row_end = f->out;
		f->rows++;
	}
	return rc;
}

int tds_expand(struct tds_expander *x, const uint8_t *in, size_t len, uint8_t *out, size_t room,
	uint32_t max_rows, struct tds_expanded *ret, struct err *err)
{
	struct flow f = {.in = in,
		.in_end = in + len,
		.out = out,
		.out_end = out + room,
		.row_end = out,
		.max_rows = max_rows};
	int rc;

	do
		rc = expand_some(x, &f, err);
	while (rc > 0 && f.rows < max_rows);
	if (rc < 0)
		return -1;
	*ret = (struct tds_expanded){.used = (size_t)(f.in - in),
		.written = (size_t)(f.out - out),
		.rows = f.rows,
		.row_end = (size_t)(f.row_end - out),
		.end = f.rows == max_rows ? TDS_EXPAND_ROOM : why(x, &f)};
	return 0;
}
