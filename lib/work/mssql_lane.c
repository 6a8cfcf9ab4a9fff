#include "work/mssql_lane.h"

#include <stdlib.h>
#include <string.h>

#include "db/mssql.h"
#include "tds/scan.h"

#define KEPT_MAX (2u * MSSQL_ROWS_MAX + MSSQL_KEPT_BYTES)
#define COLID	 "colid "

/* --- open and close --- */

int mssql_lane_open(struct mssql_lane *l, const struct mssql_lane_table *table, uint32_t i,
	const struct mssql_fit *fit, const struct tds_columns *cols, const struct mssql_login *login,
	struct arena *a, struct err *err)
{
	enum mssql_layer layer;

	*l = (struct mssql_lane){.table = table, .kept = BUF_INIT(KEPT_MAX)};
	if (db_open_mssql(login, &l->db, &layer, err) || mssql_rows_init(&l->rows, fit, cols, a, err))
		return -1;
	l->rows.numbered = table->keeps;
	l->rows.number_base = (uint64_t)i << MSSQL_ROW_LANE_SHIFT;
	if (table->keeps)
		l->plan = tds_plan_new(table->options.columns);
	return 0;
}

void mssql_lane_close(struct mssql_lane *l)
{
	mssql_bulk_free(mem_steal(l->bulk));
	mssql_rows_release(&l->rows);
	tds_plan_free(mem_steal(l->plan));
	buf_release(&l->kept);
	db_close(mem_steal(l->db));
}

/* --- loads --- */

static int put(struct mssql_lane *l, const void *data, size_t len, struct err *err)
{
	if (!l->bulk && mssql_bulk_begin(l->db, &l->table->options, &l->bulk, err))
		return -1;
	return mssql_bulk_put(l->bulk, data, len, err);
}

/* 1: the server refuses what it was given, and all else is well. */
static int end_load(struct mssql_lane *l, struct err *err)
{
	int64_t rows;
	int rc;

	if (!l->bulk)
		return 0;
	rc = mssql_bulk_end(l->bulk, &rows, err);
	mssql_bulk_free(mem_steal(l->bulk));
	if (rc && l->table->keeps && db_mssql_alive(l->db) &&
		(err->code == ERR_DATA || err->code == ERR_LIMIT)) {
		err->code = ERR_DATA; /* a row that is too long, too */
		return 1;
	}
	return rc;
}

/* --- whom a message means --- */

static bool is_named(const char *message, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = message; (p = strstr(p, name)); p++)
		if (p > message && ((p[-1] == '\'' && p[len] == '\'') || (p[-1] == '(' && p[len] == ')') ||
					   (p[-1] == '"' && p[len] == '"')))
			return true;
	return false;
}

const struct tds_column *mssql_lane_column(const struct tds_columns *staged, const char *message)
{
	const char *colid = strstr(message, COLID);
	unsigned long at = colid ? strtoul(colid + strlen(COLID), NULL, 10) : 0;

	if (at > 0 && at <= staged->n)
		return &staged->v[at - 1];
	for (uint32_t i = 0; i < staged->n; i++)
		if (is_named(message, staged->v[i].name))
			return &staged->v[i];
	return NULL;
}

/* Its name in the target. */
static const char *column_of(const struct mssql_lane *l, const struct err *why)
{
	const struct tds_columns *staged = l->table->options.columns;
	const struct tds_column *c = mssql_lane_column(staged, why->msg);
	const struct mssql_fit *fit = l->rows.fit;

	for (uint32_t i = 0; c && i < fit->n; i++)
		if (fit->v[i].to && strcmp(fit->v[i].staged.name, c->name) == 0)
			return fit->v[i].to->c.name;
	return NULL;
}

/* --- halves --- */

struct halves {
	struct mssql_lane *lane;
	const uint8_t *data;
	size_t *ends; /* of each row; ends[0] is where the first one begins */
};

static int again(struct halves *h, size_t first, size_t n, struct err *err);

/* Of the rows [first, first + n), which were refused. */
static int divide(struct halves *h, size_t first, size_t n, struct err *why)
{
	const uint8_t *row = h->data + h->ends[first];

	if (n == 1)
		return mssql_rows_refused(&h->lane->rows, row, h->ends[first + 1] - h->ends[first],
			column_of(h->lane, why), why);
	err_clear(why);
	return again(h, first, n / 2, why) || again(h, first + n / 2, n - n / 2, why) ? -1 : 0;
}

static int again(struct halves *h, size_t first, size_t n, struct err *err)
{
	size_t from = h->ends[first], to = h->ends[first + n];
	int rc;

	if (put(h->lane, h->data + from, to - from, err))
		return -1;
	rc = end_load(h->lane, err);
	return rc > 0 ? divide(h, first, n, err) : rc;
}

static size_t find_rows(const struct mssql_lane *l, size_t **ret_ends, struct err *err)
{
	const uint8_t *data = (const uint8_t *)l->kept.data;
	size_t *ends = mem_array(l->kept.len / (1 + MSSQL_ROW_NUMBER_LEN) + 2, sizeof(*ends)), n = 0, used;

	ends[0] = 0;
	while (ends[n] < l->kept.len) {
		struct tds_scan scan = {.state = 0};

		if (tds_scan_row(l->plan, &scan, data + ends[n], l->kept.len - ends[n], &used, err) <= 0) {
			free(ends);
			return 0;
		}
		ends[n + 1] = ends[n] + used;
		n++;
	}
	*ret_ends = ends;
	return n;
}

/* The load of what is kept was refused. */
static int find_refused(struct mssql_lane *l, struct err *why)
{
	struct halves h = {.lane = l, .data = (const uint8_t *)l->kept.data};
	struct err broken = ERR_INIT;
	size_t n = find_rows(l, &h.ends, &broken);
	int rc;

	if (n == 0)
		return -1;
	rc = divide(&h, 0, n, why);
	free(h.ends);
	return rc;
}

static int end_kept(struct mssql_lane *l, struct err *err)
{
	int rc = end_load(l, err);

	if (rc > 0)
		rc = find_refused(l, err);
	if (l->kept.cap > 2 * MSSQL_KEPT_BYTES) /* one huge row is no reason to keep its memory */
		buf_release(&l->kept);
	buf_reset(&l->kept);
	return rc;
}

/* --- rows --- */

static int put_kept(struct mssql_lane *l, const void *data, size_t len, struct err *err)
{
	if (put(l, data, len, err))
		return -1;
	buf_add(&l->kept, data, len);
	if (buf_check(&l->kept, "rows", err))
		return -1;
	return l->kept.len >= l->table->kept_max ? end_kept(l, err) : 0;
}

static int end_parts(struct mssql_lane *l, struct err *err)
{
	int rc = end_load(l, err);

	l->in_parts = false;
	return rc > 0 ? mssql_rows_refused(&l->rows, NULL, 0, column_of(l, err), err) : rc;
}

static int put_counted(struct mssql_lane *l, const struct batch *b, const void *data, size_t len, struct err *err)
{
	if (put(l, data, len, err))
		return -1;
	l->in_load += b->rows;
	if (!l->table->batch_rows || l->in_load < l->table->batch_rows || (b->cont & BATCH_MORE))
		return 0;
	l->in_load = 0;
	return end_load(l, err);
}

int mssql_lane_write(struct mssql_lane *l, const struct batch *b, struct err *err)
{
	const void *data;
	size_t len;

	if ((b->cont & BATCH_FIRST) && l->table->keeps && !mssql_rows_whole(&l->rows)) {
		if (end_kept(l, err))
			return -1;
		l->in_parts = true;
	}
	if (mssql_rows_take(&l->rows, b, &data, &len, err))
		return -1;
	if (!l->table->keeps)
		return put_counted(l, b, data, len, err);
	if (!l->in_parts)
		return len ? put_kept(l, data, len, err) : 0;
	if (put(l, data, len, err))
		return -1;
	return b->cont & BATCH_MORE ? 0 : end_parts(l, err);
}

int mssql_lane_end(struct mssql_lane *l, struct err *err)
{
	return end_kept(l, err);
}
