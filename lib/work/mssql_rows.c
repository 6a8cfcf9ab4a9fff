#include "work/mssql_rows.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tds/convert.h"
#include "tds/row.h"
#include "tds/scan.h"

#define OUT_MAX	    (2u * MSSQL_ROWS_MAX)
#define PLP_HEADER  8

static const uint8_t row_token = TDS_ROW_TOKEN;

enum step_kind { STEP_PASS, STEP_PLP, STEP_CONVERT, STEP_LEAVE_OUT };

struct mssql_step {
	enum step_kind kind;
	uint32_t column; /* the first */
	struct tds_plan *plan; /* of it and its neighbours */
	struct tds_conversion conversion;
	/* of a row in parts */
	struct tds_scan scan;
	uint8_t header[PLP_HEADER];
	uint8_t header_len;
};

/* --- begin and end --- */

static enum step_kind kind_of(const struct mssql_fit_column *f, const struct tds_column *c)
{
	if (!mssql_fit_is_staged(f))
		return STEP_LEAVE_OUT;
	if (f->converted)
		return STEP_CONVERT;
	return tds_form(c) == TDS_FORM_PLP ? STEP_PLP : STEP_PASS;
}

static int add_step(struct mssql_rows *r, uint32_t i, uint32_t n, enum step_kind kind, struct err *err)
{
	const struct tds_columns part = {.v = &r->cols->v[i], .n = n};
	struct mssql_step *s = &r->steps[r->n++];

	s->kind = kind;
	s->column = i;
	s->plan = tds_plan_new(&part);
	r->whole |= kind == STEP_CONVERT;
	r->as_is &= kind == STEP_PASS;
	if (kind != STEP_CONVERT)
		return 0;
	if (tds_conversion_init(&s->conversion, &r->cols->v[i], &r->fit->v[i].staged, err))
		return err_wrap(err, "column '%s'", r->cols->v[i].name);
	return 0;
}

int mssql_rows_init(struct mssql_rows *r, const struct mssql_fit *fit, const struct tds_columns *cols,
	struct arena *a, struct err *err)
{
	uint32_t n;

	*r = (struct mssql_rows){.steps = arena_array(a, cols->n, sizeof(*r->steps)),
		.fit = fit,
		.cols = cols,
		.as_is = true,
		.out = BUF_INIT(OUT_MAX),
		.row = BUF_INIT(MSSQL_ROWS_MAX),
		.joined = BUF_INIT(MSSQL_ROWS_MAX),
		.scratch = BUF_INIT(MSSQL_ROWS_MAX),
		.canonical = BUF_INIT(OUT_MAX)};
	for (uint32_t i = 0; i < cols->n; i += n) {
		enum step_kind kind = kind_of(&fit->v[i], &cols->v[i]);

		n = 1;
		while (kind == STEP_PASS && i + n < cols->n &&
			kind_of(&fit->v[i + n], &cols->v[i + n]) == STEP_PASS)
			n++;
		if (add_step(r, i, n, kind, err))
			return -1;
	}
	return 0;
}

void mssql_rows_release(struct mssql_rows *r)
{
	for (uint32_t i = 0; i < r->n; i++)
		tds_plan_free(r->steps[i].plan);
	r->n = 0;
	buf_release(&r->out);
	buf_release(&r->row);
	buf_release(&r->joined);
	buf_release(&r->scratch);
	buf_release(&r->canonical);
}

/* --- steps --- */

static void put_header(struct buf *out, const uint8_t header[PLP_HEADER])
{
	uint8_t unknown[PLP_HEADER];
	uint64_t length;

	memcpy(&length, header, sizeof(length));
	tds_put64(unknown, TDS_PLP_UNKNOWN);
	buf_add(out, le64toh(length) == TDS_PLP_NULL ? header : unknown, PLP_HEADER);
}

static int begin_scan(struct mssql_step *s, struct err *err)
{
	size_t used;

	s->scan = (struct tds_scan){.state = 0};
	s->header_len = 0;
	return tds_scan_row(s->plan, &s->scan, &row_token, 1, &used, err) < 0 ? -1 : 0;
}

/* Finds the end of the step's bytes at *p, as far as they are there. 1: it is there. */
static int find_end(struct mssql_step *s, const uint8_t **p, const uint8_t *end, struct err *err)
{
	size_t used = 0;
	int rc = tds_scan_row(s->plan, &s->scan, *p, (size_t)(end - *p), &used, err);

	if (rc >= 0)
		*p = rc ? *p + used : end;
	return rc;
}

/* Bytes of a step that is not converted. */
static void copy_bytes(struct mssql_step *s, const uint8_t *from, const uint8_t *to, struct buf *out)
{
	if (s->kind == STEP_LEAVE_OUT)
		return;
	for (; s->kind == STEP_PLP && s->header_len < PLP_HEADER && from < to; from++) {
		s->header[s->header_len++] = *from;
		if (s->header_len == PLP_HEADER)
			put_header(out, s->header);
	}
	buf_add(out, from, (size_t)(to - from));
}

static int pass(struct mssql_step *s, const uint8_t **p, const uint8_t *end, struct buf *out, struct err *err)
{
	const uint8_t *from = *p;
	int rc = begin_scan(s, err) ? -1 : find_end(s, p, end, err);

	if (rc == 0)
		return err_set(err, ERR_DATA, "the batch does not hold whole rows");
	if (rc > 0)
		copy_bytes(s, from, *p, out);
	return rc < 0 ? -1 : 0;
}

/* A value of what is bulk data: (max) types have no length in their header. */
static int encode(struct buf *out, const struct tds_column *c, const struct tds_value *v, struct err *err)
{
	uint8_t *room = (uint8_t *)buf_room(out, tds_encoded_size(c, v)), *end;

	if (!room)
		return buf_check(out, "the row", err);
	end = tds_encode(room, c, v);
	if (tds_form(c) == TDS_FORM_PLP && v->kind != TDS_NULL)
		tds_put64(room, TDS_PLP_UNKNOWN);
	buf_advance(out, (size_t)(end - room));
	return 0;
}

/* 1: the value is none of the target's. */
static int convert(struct mssql_rows *r, struct mssql_step *s, const uint8_t **p, const uint8_t *end,
	struct err *err)
{
	struct tds_value v, to;

	if (tds_decode(p, end, &r->cols->v[s->column], &r->joined, &v, err))
		return -1;
	if (tds_conversion_apply(&s->conversion, &v, &r->scratch, &to, NULL, err)) {
		err_wrap(err, "column '%s'", r->cols->v[s->column].name);
		return err->code == ERR_DATA ? 1 : -1;
	}
	return encode(&r->out, &r->fit->v[s->column].staged, &to, err);
}

/* --- rejects --- */

static void add_key(const struct tds_column *c, const struct tds_value *v, struct buf *out)
{
	struct buf text = BUF_INIT(REJECT_TEXT_MAX * 4);
	struct tds_column utf8 = {.name = "", .type = TDS_BIGVARCHAR, .size = TDS_SIZE_MAX, .nullable = true};
	struct err ignored = ERR_INIT;
	struct tds_conversion plan;
	struct tds_value shown;

	memcpy(utf8.collation, tds_collation_utf8, sizeof(utf8.collation));
	if (v->kind == TDS_NULL)
		buf_adds(out, "NULL");
	else if (tds_conversion_init(&plan, c, &utf8, &ignored) == 0 &&
		 tds_conversion_apply(&plan, v, &text, &shown, NULL, &ignored) == 0 &&
		 shown.kind == TDS_TEXT)
		buf_add(out, shown.s.data, shown.s.len < REJECT_TEXT_MAX ? shown.s.len : REJECT_TEXT_MAX);
	else
		buf_adds(out, "?");
	buf_release(&text);
}

/* Of a row as the source has it, or as it was `given`. */
static void read_key(struct mssql_rows *r, bool given, const uint8_t *p, const uint8_t *end, struct buf *out)
{
	struct err ignored = ERR_INIT;
	struct tds_value v;

	for (uint32_t i = 0; i < r->cols->n && r->n_keys; i++) {
		const struct tds_column *c = given ? &r->fit->v[i].staged : &r->cols->v[i];

		if (given && !mssql_fit_is_staged(&r->fit->v[i]))
			continue;
		if (tds_decode(&p, end, c, &r->joined, &v, &ignored))
			return;
		for (uint32_t k = 0; k < r->n_keys; k++)
			if (r->keys[k] == i) {
				buf_adds(out, out->len ? ", " : "");
				add_key(c, &v, out);
			}
	}
}

static int reject(struct mssql_rows *r, uint64_t row, const struct mssql_step *s, const uint8_t *begin,
	const uint8_t *end, struct err *err)
{
	CLEANUP(buf_release) struct buf key = BUF_INIT(64 * REJECT_TEXT_MAX);

	if (!r->rejects)
		return -1;
	read_key(r, false, begin, end, &key);
	if (rejects_add(r->rejects, row, r->cols->v[s->column].name, key.len ? buf_str(&key) : NULL, err))
		return -1;
	r->rejected++;
	return 0;
}

/* --- rows --- */

static void put_number(struct mssql_rows *r, uint64_t row)
{
	uint8_t number[MSSQL_ROW_NUMBER_LEN];

	if (!r->numbered)
		return;
	tds_put64(number, r->number_base + row);
	buf_add(&r->out, number, sizeof(number));
}

static int take_row(struct mssql_rows *r, uint64_t row, const uint8_t **p, const uint8_t *end, struct err *err)
{
	size_t before = r->out.len;
	const struct mssql_step *bad = NULL;
	struct err why = ERR_INIT;
	const uint8_t *begin;

	if (*p == end || **p != TDS_ROW_TOKEN)
		return err_set(err, ERR_DATA, "the batch does not hold whole rows");
	begin = ++*p;
	buf_add(&r->out, &row_token, 1);
	for (uint32_t i = 0; i < r->n; i++) {
		struct mssql_step *s = &r->steps[i];
		int rc;

		if (s->kind != STEP_CONVERT || bad)
			rc = pass(s, p, end, &r->out, err);
		else
			rc = convert(r, s, p, end, &why);
		if (rc < 0 && s->kind == STEP_CONVERT && !bad)
			*err = why;
		if (rc < 0)
			return -1;
		bad = rc && !bad ? s : bad;
	}
	if (!bad) {
		r->rows++;
		put_number(r, row);
		return 0;
	}
	r->out.len = before;
	*err = why;
	if (reject(r, row, bad, begin, *p, err))
		return -1;
	*err = (struct err)ERR_INIT;
	return 0;
}

static struct tds_columns given_columns(const struct mssql_rows *r, struct tds_column *v)
{
	struct tds_columns cols = {.v = v};

	for (uint32_t i = 0; i < r->cols->n; i++)
		if (mssql_fit_is_staged(&r->fit->v[i]))
			v[cols.n++] = r->fit->v[i].staged;
	return cols;
}

/* The row's number is no part of it. */
static int digest_given(struct mssql_rows *r, const uint8_t *row, size_t len, struct digest *d, struct err *err)
{
	struct tds_column *v = mem_array(r->cols->n, sizeof(*v));
	struct tds_columns cols = given_columns(r, v);
	int rc = mssql_rows_digest(&cols, row, len, &r->joined, &r->canonical, d, err);

	free(v);
	return rc;
}

static int digest_out(struct mssql_rows *r, size_t from, struct err *err)
{
	return r->out.len == from ? 0
				  : digest_given(r, (const uint8_t *)r->out.data + from, r->out.len - from,
					    &r->digest, err);
}

static int take_rows(struct mssql_rows *r, uint64_t first, const uint8_t *p, const uint8_t *end, struct err *err)
{
	for (uint64_t row = first + 1; p < end; row++) {
		size_t from = r->out.len;

		if (take_row(r, row, &p, end, err) || (r->digesting && digest_out(r, from, err)))
			return err_wrap(err, "row %" PRIu64, row);
	}
	return buf_check(&r->out, "rows", err);
}

/* A part of a row, none of whose columns is converted. */
static int pass_part(struct mssql_rows *r, const struct batch *b, struct err *err)
{
	const uint8_t *p = b->data, *end = p + b->len;

	if (b->cont & BATCH_FIRST) {
		r->step = 0;
		r->first = b->first_row;
		p += b->len > 0;
		buf_add(&r->out, &row_token, 1);
		if (begin_scan(&r->steps[0], err))
			return -1;
	}
	while (r->step < r->n) {
		const uint8_t *from = p;
		struct mssql_step *s = &r->steps[r->step];
		int rc = find_end(s, &p, end, err);

		if (rc < 0)
			return -1;
		copy_bytes(s, from, p, &r->out);
		if (rc == 0)
			break;
		if (++r->step < r->n && begin_scan(&r->steps[r->step], err))
			return -1;
	}
	if (b->cont & BATCH_MORE)
		return 0;
	r->rows++;
	put_number(r, r->first + 1);
	return r->step == r->n ? 0 : err_set(err, ERR_DATA, "a row without its end");
}

static int keep_part(struct mssql_rows *r, const struct batch *b, struct err *err)
{
	const uint8_t *p;
	int rc;

	if (b->cont & BATCH_FIRST) {
		buf_reset(&r->row);
		r->first = b->first_row;
	}
	buf_add(&r->row, b->data, b->len);
	if (buf_check(&r->row, "the row", err))
		return err_wrap(err, "row %" PRIu64, r->first + 1);
	if (b->cont & BATCH_MORE)
		return 0;
	p = (const uint8_t *)buf_str(&r->row);
	rc = take_rows(r, r->first, p, p + r->row.len, err);
	buf_release(&r->row); /* one huge row is no reason to keep its memory */
	buf_release(&r->joined);
	buf_release(&r->scratch);
	return rc;
}

bool mssql_rows_whole(const struct mssql_rows *r)
{
	return r->whole || r->digesting;
}

int mssql_rows_take(struct mssql_rows *r, const struct batch *b, const void **ret_data, size_t *ret_len,
	struct err *err)
{
	int rc;

	if (r->out.cap > 4 * BATCH_SIZE)
		buf_release(&r->out);
	buf_reset(&r->out);
	if (r->as_is && !r->digesting && !r->numbered) {
		*ret_data = b->data;
		*ret_len = b->len;
		r->rows += b->rows;
		return 0;
	}
	if (!b->cont)
		rc = take_rows(r, b->first_row, b->data, b->data + b->len, err);
	else
		rc = mssql_rows_whole(r) ? keep_part(r, b, err) : pass_part(r, b, err);
	*ret_data = buf_str(&r->out);
	*ret_len = r->out.len;
	return rc;
}

/* --- rows that the server refuses --- */

static uint64_t row_number(const struct mssql_rows *r, const uint8_t *row, size_t len)
{
	uint64_t number;

	memcpy(&number, row + len - MSSQL_ROW_NUMBER_LEN, sizeof(number));
	return le64toh(number) - r->number_base;
}

int mssql_rows_refused(struct mssql_rows *r, const uint8_t *row, size_t len, const char *column, struct err *why)
{
	CLEANUP(buf_release) struct buf key = BUF_INIT(64 * REJECT_TEXT_MAX);
	struct digest digest = {.sum = 0};
	uint64_t number = row ? row_number(r, row, len) : r->first + 1;

	if (row)
		read_key(r, true, row + 1, row + len, &key);
	if (rejects_add(r->rejects, number, column, key.len ? buf_str(&key) : NULL, why))
		return -1;
	r->rows--;
	r->rejected++;
	if (row && r->digesting && digest_given(r, row, len, &digest, why))
		return -1;
	digest_remove(&r->digest, &digest);
	return 0;
}

/* --- digest --- */

/* The bytes of a value whose form has no other: behind its length. */
static void plain_payload(const struct tds_column *c, const uint8_t *from, const uint8_t *to, struct buf *out)
{
	static const uint8_t lengths[] = {
		[TDS_FORM_SIZED] = 1, [TDS_FORM_USHORT] = 2, [TDS_FORM_LONG] = 4, [TDS_FORM_SQLITE] = 0};
	uint8_t size[4];

	from += lengths[tds_form(c)];
	tds_put32(size, (uint32_t)(to - from));
	buf_add(out, size, sizeof(size));
	buf_add(out, from, (size_t)(to - from));
}

static void long_payload(const struct tds_value *v, struct buf *out)
{
	uint8_t size[4];

	tds_put32(size, v->s.len);
	buf_add(out, size, sizeof(size));
	buf_add(out, v->s.data, v->s.len);
}

int mssql_rows_digest(const struct tds_columns *cols, const uint8_t *row, size_t len, struct buf *joined,
	struct buf *canonical, struct digest *d, struct err *err)
{
	const uint8_t *p = row + 1, *end = row + len;

	buf_reset(canonical);
	for (uint32_t i = 0; i < cols->n; i++) {
		const struct tds_column *c = &cols->v[i];
		const uint8_t *from = p;
		struct tds_value v;

		if (tds_decode(&p, end, c, joined, &v, err))
			return err_wrap(err, "column '%s'", c->name);
		buf_addc(canonical, v.kind != TDS_NULL);
		if (v.kind == TDS_NULL)
			continue;
		if (tds_form(c) == TDS_FORM_PLP || tds_form(c) == TDS_FORM_TEXTPTR)
			long_payload(&v, canonical);
		else
			plain_payload(c, from, p, canonical);
	}
	if (buf_check(canonical, "the row", err))
		return -1;
	digest_add(d, "", 0, buf_str(canonical), canonical->len);
	return 0;
}
