#include "tds/scan.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tds/row.h"

#define SIZED_MAX 31 /* lengths that a mask has bits for; a byte-length value has at most 17 */

/*
 * Neighbouring columns of one form and one set of lengths are one step. (Types
 * of fixed length, which have no length byte, will be a form of their own whose
 * neighbours add up to one skip; the nullable forms that we have so far all
 * begin with a length.)
 */
struct step {
	enum form { FORM_SIZED, FORM_PLP, FORM_SQLITE } form;
	uint32_t lengths; /* FORM_SIZED: see tds_lengths */
	uint32_t n;	  /* columns */
	uint32_t first;	  /* column, for messages */
};

struct tds_plan {
	uint32_t n;
	struct step v[];
};

/* What comes next in the stream, once `skip` bytes were passed. */
enum state { ROW_TOKEN, COLUMN, CHUNK, SQLITE_LENGTH };

static struct step step_of(const struct tds_column *c)
{
	uint32_t lengths = tds_lengths(c);
	enum form form = lengths ? FORM_SIZED : c->type == TDS_SQLITE ? FORM_SQLITE : FORM_PLP;

	return (struct step){.form = form, .lengths = lengths};
}

struct tds_plan *tds_plan_new(const struct tds_columns *cols)
{
	struct tds_plan *plan = mem_alloc(sizeof(*plan) + cols->n * sizeof(plan->v[0]));

	for (uint32_t i = 0; i < cols->n; i++) {
		struct step s = step_of(&cols->v[i]);
		struct step *last = plan->n ? &plan->v[plan->n - 1] : NULL;

		if (!last || last->form != s.form || last->lengths != s.lengths) {
			last = &plan->v[plan->n++];
			*last = s;
			last->first = i;
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

static void column_done(const struct tds_plan *plan, struct tds_scan *scan)
{
	scan->state = COLUMN;
	if (++scan->done == plan->v[scan->step].n) {
		scan->step++;
		scan->done = 0;
	}
}

static int bad(const struct tds_plan *plan, const struct tds_scan *scan, const char *what,
	struct err *err)
{
	return err_set(err, ERR_DATA, "%s in column %u of a row", what,
		plan->v[scan->step].first + scan->done + 1);
}

static bool length_fits(const struct step *s, uint64_t len)
{
	return len <= SIZED_MAX && s->lengths >> len & 1;
}

/* The columns of a step that are in the data whole: the quick way over most of a row. */
static void pass_sized(const struct tds_plan *plan, struct tds_scan *scan, struct reader *r)
{
	const struct step *s = &plan->v[scan->step];

	while (r->p < r->end && length_fits(s, *r->p) && (size_t)(r->end - r->p) > *r->p) {
		r->p += 1 + *r->p;
		column_done(plan, scan);
		if (scan->done == 0)
			break;
	}
}

/* The functions below take the next number; 1: done, 0: the data ends within it, -1: error. */
static int scan_sized(const struct tds_plan *plan, struct tds_scan *scan, struct reader *r,
	struct err *err)
{
	uint64_t len;

	if (!take_number(scan, r, 1, &len))
		return 0;
	if (!length_fits(&plan->v[scan->step], len))
		return bad(plan, scan, "a wrong length", err);
	scan->skip = len;
	column_done(plan, scan);
	return 1;
}

static int scan_plp(const struct tds_plan *plan, struct tds_scan *scan, struct reader *r,
	struct err *err)
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
static int scan_chunk(const struct tds_plan *plan, struct tds_scan *scan, struct reader *r,
	struct err *err)
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

static int scan_sqlite(const struct tds_plan *plan, struct tds_scan *scan, struct reader *r,
	struct err *err)
{
	uint64_t class;

	if (!take_number(scan, r, 1, &class))
		return 0;
	switch (class) {
	case TDS_CLASS_TEXT:
	case TDS_CLASS_BLOB:
		scan->state = SQLITE_LENGTH;
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

static int scan_column(const struct tds_plan *plan, struct tds_scan *scan, struct reader *r,
	struct err *err)
{
	switch (plan->v[scan->step].form) {
	case FORM_SIZED:
		return scan_sized(plan, scan, r, err);
	case FORM_PLP:
		return scan_plp(plan, scan, r, err);
	case FORM_SQLITE:
		return scan_sqlite(plan, scan, r, err);
	}
	return -1;
}

static int scan_next(const struct tds_plan *plan, struct tds_scan *scan, struct reader *r,
	struct err *err)
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
	case SQLITE_LENGTH:
		if (!take_number(scan, r, 4, &scan->skip))
			return 0;
		column_done(plan, scan);
		return 1;
	}
	return -1;
}

int tds_scan_row(const struct tds_plan *plan, struct tds_scan *scan, const uint8_t *data,
	size_t len, size_t *ret_used, struct err *err)
{
	struct reader r = {.p = data, .end = data + len};
	int rc;

	for (;;) {
		if (scan->skip && !take_skip(scan, &r))
			break;
		if (scan->state == COLUMN && scan->step < plan->n && !scan->part_len &&
			plan->v[scan->step].form == FORM_SIZED)
			pass_sized(plan, scan, &r);
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
