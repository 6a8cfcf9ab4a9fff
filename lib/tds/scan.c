#include "tds/scan.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tds/row.h"

/*
 * Neighbouring columns of fixed length are one step, and so are neighbours of
 * one form and size.
 */
struct step {
	enum tds_form form;
	uint32_t size;  /* FIXED: of all together; SIZED: that a value has; USHORT, LONG: at most */
	uint32_t n;     /* columns */
	uint32_t first; /* column, for messages */
};

struct tds_plan {
	uint32_t n;
	struct step v[];
};

/* What comes next in the stream, once `skip` bytes were passed. */
enum state { ROW_TOKEN, COLUMN, CHUNK, LENGTH };

static bool joins(const struct step *last, const struct step *s)
{
	return last->form == s->form && (last->size == s->size || s->form == TDS_FORM_FIXED);
}

struct tds_plan *tds_plan_new(const struct tds_columns *cols)
{
	struct tds_plan *plan = mem_alloc(sizeof(*plan) + cols->n * sizeof(plan->v[0]));

	for (uint32_t i = 0; i < cols->n; i++) {
		const struct tds_column *c = &cols->v[i];
		struct step s = {.form = tds_form(c), .size = c->size, .first = i};
		struct step *last = plan->n ? &plan->v[plan->n - 1] : NULL;

		if (s.form == TDS_FORM_TEXTPTR || s.form == TDS_FORM_SQLITE)
			s.size = TDS_PLP_MAX;
		if (!last || !joins(last, &s)) {
			last = &plan->v[plan->n++];
			*last = s;
		} else if (s.form == TDS_FORM_FIXED) {
			last->size += s.size;
		}
		last->n++;
	}
	return plan;
}

void tds_plan_free(struct tds_plan *plan)
{
	free(plan);
}

/* What is left of the data. */
struct reader {
	const uint8_t *p, *end;
};

/* A number of n bytes, put together over calls when the data ends within it. */
static bool take_number(struct tds_scan *scan, struct reader *r, unsigned n, uint64_t *ret)
{
	uint64_t v = 0;

	if (scan->part_len || (size_t)(r->end - r->p) < n) {
		while (scan->part_len < n && r->p < r->end)
			scan->part[scan->part_len++] = *r->p++;
		if (scan->part_len < n)
			return false;
		memcpy(&v, scan->part, n);
		scan->part_len = 0;
	} else {
		memcpy(&v, r->p, n);
		r->p += n;
	}
	*ret = le64toh(v);
	return true;
}

static bool take_skip(struct tds_scan *scan, struct reader *r)
{
	size_t left = (size_t)(r->end - r->p);
	size_t n = scan->skip < left ? (size_t)scan->skip : left;

	r->p += n;
	scan->skip -= n;
	return scan->skip == 0;
}

static void step_done(struct tds_scan *scan)
{
	scan->state = COLUMN;
	scan->step++;
	scan->done = 0;
}

static void column_done(const struct tds_plan *plan, struct tds_scan *scan)
{
	scan->state = COLUMN;
	if (++scan->done == plan->v[scan->step].n)
		step_done(scan);
}

static int bad(
	const struct tds_plan *plan, const struct tds_scan *scan, const char *what, struct err *err)
{
	return err_set(err, ERR_DATA, "%s in column %u of a row", what,
		plan->v[scan->step].first + scan->done + 1);
}

/* The functions below pass what is whole in the data of a step's columns from the first one on,
 * and give the end: the quick way over most of a row. What they stop at goes the other way. */
static const uint8_t *pass_sized(
	const struct step *s, const uint8_t *p, const uint8_t *end, uint32_t *done)
{
	const uint8_t *safe = (size_t)(end - p) > s->size ? end - s->size : p;
	uint32_t n = *done;

	for (; n < s->n && p < safe; n++) {
		size_t len = *p;

		if ((len != s->size) & (len != 0)) /* one branch: nulls are anywhere */
			break;
		p += 1 + len;
	}
	*done = n;
	return p;
}

static const uint8_t *pass_ushort(
	const struct step *s, const uint8_t *p, const uint8_t *end, uint32_t *done)
{
	uint32_t n = *done;

	for (; n < s->n && end - p >= 2; n++) {
		uint32_t len = (uint32_t)(p[0] | p[1] << 8);

		len = len == TDS_USHORT_NULL ? 0 : len;
		if (len > s->size || (size_t)(end - p) < 2 + (size_t)len)
			break;
		p += 2 + len;
	}
	*done = n;
	return p;
}

static void pass_columns(const struct tds_plan *plan, struct tds_scan *scan, struct reader *r)
{
	const uint8_t *p = r->p, *end = r->end;
	uint32_t step = scan->step, done = scan->done;

	for (; step < plan->n; step++, done = 0) {
		const struct step *s = &plan->v[step];

		if (s->form == TDS_FORM_SIZED) {
			p = pass_sized(s, p, end, &done);
		} else if (s->form == TDS_FORM_USHORT) {
			p = pass_ushort(s, p, end, &done);
		} else if (s->form == TDS_FORM_FIXED && (size_t)(end - p) >= s->size) {
			p += s->size;
			continue;
		}
		if (done != s->n)
			break;
	}
	r->p = p;
	scan->step = step;
	scan->done = done;
}

/* The functions below take the next number; 1: done, 0: the data ends within it, -1: error. */
static int scan_sized(
	const struct tds_plan *plan, struct tds_scan *scan, struct reader *r, struct err *err)
{
	uint64_t len;

	if (!take_number(scan, r, 1, &len))
		return 0;
	if (len && len != plan->v[scan->step].size)
		return bad(plan, scan, "a wrong length", err);
	scan->skip = len;
	column_done(plan, scan);
	return 1;
}

static int scan_ushort(
	const struct tds_plan *plan, struct tds_scan *scan, struct reader *r, struct err *err)
{
	uint64_t len;

	if (!take_number(scan, r, 2, &len))
		return 0;
	if (len != TDS_USHORT_NULL && len > plan->v[scan->step].size)
		return bad(plan, scan, "a wrong length", err);
	scan->skip = len == TDS_USHORT_NULL ? 0 : len;
	column_done(plan, scan);
	return 1;
}

/* Four bytes of length, of an sql_variant and behind other things. */
static int scan_length(
	const struct tds_plan *plan, struct tds_scan *scan, struct reader *r, struct err *err)
{
	uint64_t len;

	if (!take_number(scan, r, 4, &len))
		return 0;
	if (len > plan->v[scan->step].size)
		return bad(plan, scan, "a wrong length", err);
	scan->skip = len;
	column_done(plan, scan);
	return 1;
}

/* The length of a text pointer; a time stamp is behind it. */
static int scan_textptr(const struct tds_plan *plan, struct tds_scan *scan, struct reader *r)
{
	uint64_t len;

	if (!take_number(scan, r, 1, &len))
		return 0;
	if (len == 0) {
		column_done(plan, scan);
		return 1;
	}
	scan->skip = len + 8;
	scan->state = LENGTH;
	return 1;
}

static int scan_plp(
	const struct tds_plan *plan, struct tds_scan *scan, struct reader *r, struct err *err)
{
	uint64_t total;

	if (!take_number(scan, r, 8, &total))
		return 0;
	if (total == TDS_PLP_NULL) {
		column_done(plan, scan);
		return 1;
	}
	if (total != TDS_PLP_UNKNOWN && total > TDS_PLP_MAX)
		return bad(plan, scan, "a value beyond 2 GiB", err);
	scan->left = total;
	scan->state = CHUNK;
	return 1;
}

/* `left` of a value of unknown length begins at TDS_PLP_UNKNOWN, which no value can use up. */
static int scan_chunk(
	const struct tds_plan *plan, struct tds_scan *scan, struct reader *r, struct err *err)
{
	uint64_t len;

	if (!take_number(scan, r, 4, &len))
		return 0;
	if (len == 0) {
		if (scan->left != 0 && scan->left < TDS_PLP_UNKNOWN - TDS_PLP_MAX)
			return bad(plan, scan, "chunks that end before the value does", err);
		column_done(plan, scan);
		return 1;
	}
	if (len > scan->left)
		return bad(plan, scan, "chunks that are longer than the value", err);
	scan->left -= len;
	if (scan->left > TDS_PLP_MAX && scan->left < TDS_PLP_UNKNOWN - TDS_PLP_MAX)
		return bad(plan, scan, "a value beyond 2 GiB", err);
	scan->skip = len;
	return 1;
}

static int scan_sqlite(
	const struct tds_plan *plan, struct tds_scan *scan, struct reader *r, struct err *err)
{
	uint64_t class;

	if (!take_number(scan, r, 1, &class))
		return 0;
	switch (class) {
	case TDS_CLASS_TEXT:
	case TDS_CLASS_BLOB:
		scan->state = LENGTH;
		return 1;
	case TDS_CLASS_INT:
	case TDS_CLASS_REAL:
		scan->skip = 8;
		break;
	case TDS_CLASS_NULL:
		break;
	default:
		return bad(plan, scan, "an unknown storage class", err);
	}
	column_done(plan, scan);
	return 1;
}

static int scan_column(
	const struct tds_plan *plan, struct tds_scan *scan, struct reader *r, struct err *err)
{
	switch (plan->v[scan->step].form) {
	case TDS_FORM_FIXED:
		scan->skip = plan->v[scan->step].size;
		step_done(scan);
		return 1;
	case TDS_FORM_SIZED:
		return scan_sized(plan, scan, r, err);
	case TDS_FORM_USHORT:
		return scan_ushort(plan, scan, r, err);
	case TDS_FORM_PLP:
		return scan_plp(plan, scan, r, err);
	case TDS_FORM_LONG:
		return scan_length(plan, scan, r, err);
	case TDS_FORM_TEXTPTR:
		return scan_textptr(plan, scan, r);
	case TDS_FORM_SQLITE:
		return scan_sqlite(plan, scan, r, err);
	case TDS_FORM_NONE:
		break;
	}
	return bad(plan, scan, "an unknown type", err);
}

static int scan_next(
	const struct tds_plan *plan, struct tds_scan *scan, struct reader *r, struct err *err)
{
	uint64_t v;

	switch ((enum state)scan->state) {
	case ROW_TOKEN:
		if (!take_number(scan, r, 1, &v))
			return 0;
		if (v != TDS_ROW_TOKEN)
			return err_set(err, ERR_DATA, "0x%02x where a row begins", (unsigned)v);
		scan->state = COLUMN;
		return 1;
	case COLUMN:
		return scan_column(plan, scan, r, err);
	case CHUNK:
		return scan_chunk(plan, scan, r, err);
	case LENGTH:
		return scan_length(plan, scan, r, err);
	}
	return -1;
}

int tds_scan_row(const struct tds_plan *plan, struct tds_scan *scan, const uint8_t *data,
	size_t len, size_t *ret_used, struct err *err)
{
	struct reader r = {.p = data, .end = data + len};
	int rc;

	if (scan->state == ROW_TOKEN && len && *data == TDS_ROW_TOKEN) {
		scan->state = COLUMN;
		r.p++;
	}
	for (;;) {
		if (scan->skip && !take_skip(scan, &r))
			break;
		if (scan->state == COLUMN && !scan->part_len)
			pass_columns(plan, scan, &r);
		if (scan->state == COLUMN && scan->step == plan->n) {
			*scan = (struct tds_scan){.state = ROW_TOKEN};
			*ret_used = (size_t)(r.p - data);
			return 1;
		}
		rc = scan_next(plan, scan, &r, err);
		if (rc < 0)
			return -1;
		if (rc == 0)
			break;
	}
	*ret_used = len;
	return 0;
}
