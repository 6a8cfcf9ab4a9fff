#include "work/mssql_range.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "db/tsql.h"
#include "tds/type.h"
#include "work/mssql_partition.h"
#include "work/watermark.h"

struct finder {
	struct db *db;
	const struct job *job;
	struct arena *a;
	const char *from;
	const char *active; /* mssql_range_active() */
};

/* --- the watermark --- */

struct bound {
	const char *declared; /* the column's type */
	bool binary, number;
	const char *text; /* NULL: there is none */
};

/* The value of a query of one value; its column's type. */
static int read_bound(struct finder *f, const char *sql, struct bound *b, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	struct tds_column c;
	size_t len;
	const uint8_t *data;

	*b = (struct bound){.text = NULL};
	if (db_prepare(f->db, sql, &stmt, err) || db_step(stmt, err) < 0)
		return -1;
	b->declared = arena_strdup(f->a, db_column_declared(stmt, 0));
	if (tds_type_parse(b->declared, &c, err))
		return err_set(err, ERR_CONFIG, "type %s cannot be a watermark", b->declared);
	b->number = c.type == TDS_INTN || c.type == TDS_DECIMALN || c.type == TDS_NUMERICN ||
		    c.type == TDS_FLTN || c.type == TDS_MONEYN;
	b->binary = db_column_type(stmt, 0) == DB_BLOB || c.type == TDS_BIGBINARY ||
		    c.type == TDS_BIGVARBINARY;
	if (db_column_type(stmt, 0) == DB_NULL)
		return 0;
	data = db_column_blob(stmt, 0, &len);
	b->text = b->binary ? tsql_binary(data, len, f->a) : arena_strdup(f->a, db_column_text(stmt, 0));
	return 0;
}

static const char *literal(const struct bound *b, const char *text, struct arena *a)
{
	if (b->binary)
		return text;
	return arena_printf(a, "CAST(%s AS %s)", tsql_text(text, a), b->declared);
}

const char *mssql_range_active(struct db *db, struct arena *a)
{
	static const char sql[] = "SELECT CAST(CAST(MIN_ACTIVE_ROWVERSION() AS bigint) - 1 AS binary(8))";
	struct finder f = {.db = db, .a = a};
	struct err ignored = ERR_INIT;
	struct bound active;

	return read_bound(&f, sql, &active, &ignored) ? NULL : active.text;
}

static bool is_hex(const char *text)
{
	size_t n = strlen(text);

	return n > 2 && strncmp(text, "0x", 2) == 0 && strspn(text + 2, "0123456789ABCDEFabcdef") == n - 2;
}

static int lower_bound(struct finder *f, const struct bound *b, const char *watermark, const char **ret_text,
	struct err *err)
{
	struct db_value value, before;

	*ret_text = watermark;
	if (b->binary && !is_hex(watermark))
		return err_set(err, ERR_DATA, "the watermark '%s' is not binary", watermark);
	if (!f->job->lookback || b->binary)
		return 0;
	if (watermark_parse(watermark, b->number, &value, err) ||
		watermark_before(&value, f->job->lookback, f->a, &before, err))
		return -1;
	return watermark_print(&before, f->a, ret_text, err);
}

static int add_watermark(struct finder *f, const char *watermark, struct mssql_range *r, struct err *err)
{
	const char *column = arena_printf(f->a, "s.%s", tsql_quote(f->job->watermark_column, f->a));
	const char *above;
	struct bound b;

	if (read_bound(f, arena_printf(f->a, "SELECT MAX(%s) FROM %s", column, f->from), &b, err))
		return err_wrap(err, "watermark_column '%s'", f->job->watermark_column);
	if (!b.text) { /* no row has one */
		r->where = " WHERE 1 = 0";
		return 0;
	}
	if (b.binary && f->active && strcmp(f->active, b.text) < 0)
		b.text = f->active;
	r->to = b.text;
	r->where = arena_printf(f->a, " WHERE %s <= %s", column, literal(&b, b.text, f->a));
	if (!watermark)
		return 0;
	if (lower_bound(f, &b, watermark, &above, err))
		return err_wrap(err, "watermark_column '%s'", f->job->watermark_column);
	r->where = arena_printf(f->a, "%s AND %s > %s", r->where, column, literal(&b, above, f->a));
	return 0;
}

/* --- ranges --- */

struct ends {
	const char *declared, *min, *max; /* the column's type and values as text; NULL: no row has one */
};

/* The functions below give bound i of n, as SQL. Rounding does not matter: a bound is whatever comes out, the
 * same for both of its ranges. */

static const char *cast(const char *text, const struct ends *e, struct arena *a)
{
	return arena_printf(a, "CAST(%s AS %s)", tsql_text(text, a), e->declared);
}

static const char *cut_number(const struct ends *e, uint32_t i, uint32_t n, struct arena *a)
{
	const char *min = cast(e->min, e, a), *max = cast(e->max, e, a);

	return arena_printf(a,
		"CAST(CAST(%s AS float) + (CAST(%s AS float) - CAST(%s AS float)) * %" PRIu32 " / %" PRIu32 " AS %s)", min,
		max, min, i, n, e->declared);
}

static const char *cut_days(const struct ends *e, uint32_t i, uint32_t n, struct arena *a)
{
	const char *min = cast(e->min, e, a), *max = cast(e->max, e, a);

	return arena_printf(a, "DATEADD(day, DATEDIFF(day, %s, %s) * %" PRIu32 " / %" PRIu32 ", %s)", min, max, i, n,
		min);
}

/* DATEADD takes an int: days and the seconds that are left. */
static const char *cut_seconds(const struct ends *e, uint32_t i, uint32_t n, struct arena *a)
{
	const char *min = cast(e->min, e, a), *max = cast(e->max, e, a);
	const char *seconds = arena_printf(
		a, "DATEDIFF_BIG(second, %s, %s) * %" PRIu32 " / %" PRIu32, min, max, i, n);

	return arena_printf(a,
		"DATEADD(day, CAST((%s) / 86400 AS int), DATEADD(second, CAST((%s) %% 86400 AS int), %s))", seconds,
		seconds, min);
}

/* The last six bytes count first (Microsoft Learn, "Comparing GUID and uniqueidentifier values"); those of
 * NEWID() are spread evenly. */
static const char *cut_guids(const struct ends *e, uint32_t i, uint32_t n, struct arena *a)
{
	(void)e;
	return arena_printf(a, "CAST('00000000-0000-0000-0000-%04X00000000' AS uniqueidentifier)",
		(unsigned)(0x10000ull * i / n));
}

static const struct {
	enum tds_type type;
	const char *(*cut)(const struct ends *e, uint32_t i, uint32_t n, struct arena *a);
} cuts[] = {
	{TDS_INTN, cut_number},
	{TDS_DECIMALN, cut_number},
	{TDS_NUMERICN, cut_number},
	{TDS_FLTN, cut_number},
	{TDS_MONEYN, cut_number},
	{TDS_DATEN, cut_days},
	{TDS_DATETIMN, cut_seconds},
	{TDS_DATETIME2N, cut_seconds},
	{TDS_DATETIMEOFFSETN, cut_seconds},
	{TDS_GUID, cut_guids},
};

static int read_ends(struct finder *f, const struct mssql_range *r, struct ends *e, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;

	if (db_prepare(f->db,
		    arena_printf(f->a, "SELECT MIN(%s), MAX(%s) FROM %s%s", r->column, r->column, f->from, r->where),
		    &stmt, err) ||
		db_step(stmt, err) < 0)
		return -1;
	e->declared = arena_strdup(f->a, db_column_declared(stmt, 0));
	e->min = arena_strdup(f->a, db_column_text(stmt, 0));
	e->max = arena_strdup(f->a, db_column_text(stmt, 1));
	return 0;
}

static int find_bounds(struct finder *f, uint32_t n, struct mssql_range *r, struct err *err)
{
	struct tds_column c;
	struct ends e;

	if (!r->column) {
		err_set(err, ERR_CONFIG, "'parallel' needs 'partition_column': the table is not known to be partitioned");
		return err_hint(err, "say partition_column, or parallel = 1");
	}
	if (r->bounds)
		return 0;
	if (read_ends(f, r, &e, err) || tds_type_parse(e.declared, &c, err))
		return -1;
	for (size_t k = 0; k < ARRAY_LEN(cuts); k++) {
		if (cuts[k].type != c.type)
			continue;
		if (!e.min)
			return 0;
		r->bounds = arena_array(f->a, n, sizeof(*r->bounds));
		for (uint32_t i = 1; i < n; i++)
			r->bounds[i] = cuts[k].cut(&e, i, n, f->a);
		return 0;
	}
	err_set(err, ERR_CONFIG, "type %s is not one that is read in ranges", e.declared);
	return err_hint(err, "numbers, dates, times with a date, and uniqueidentifier are");
}

/* Bound i: what is above it, and what is below. */
static const char *above(const struct mssql_range *r, uint32_t i, struct arena *a)
{
	return arena_printf(a, "%s %s %s", r->column, r->left ? ">" : ">=", r->bounds[i]);
}

static const char *below(const struct mssql_range *r, uint32_t i, struct arena *a)
{
	return arena_printf(a, "%s %s %s", r->column, r->left ? "<=" : "<", r->bounds[i]);
}

const char *mssql_range_sql(const struct mssql_range *r, uint32_t i, uint32_t n, struct arena *a)
{
	const char *sql = arena_printf(a, "SELECT s.* FROM %s%s", r->from, r->where);
	const char *glue = *r->where ? "AND" : "WHERE";

	if (n == 1 || !r->column)
		return sql;
	if (!r->bounds) /* no row has a value: the first one reads them all */
		return i ? arena_printf(a, "%s %s 1 = 0", sql, glue) : sql;
	if (i == 0)
		return arena_printf(a, "%s %s (%s OR %s IS NULL)", sql, glue, below(r, 1, a), r->column);
	sql = arena_printf(a, "%s %s %s", sql, glue, above(r, i, a));
	return i == n - 1 ? sql : arena_printf(a, "%s AND %s", sql, below(r, i + 1, a));
}

void mssql_range_begin(struct db *db, const struct source_request *request, const char *from, const char *table,
	struct arena *a, struct mssql_range *ret_range)
{
	const char *column = request->job->partition_column;
	struct mssql_range r = {.from = from, .where = ""};
	struct mssql_partition p;

	if (request->job->load_mode == LOAD_INCREMENTAL)
		r.active = mssql_range_active(db, a);
	if (request->ranges > 1 && !column && table)
		column = mssql_partition_column(db, table, a);
	if (request->ranges > 1 && column)
		r.column = arena_printf(a, "s.%s", tsql_quote(column, a));
	if (r.column && table && mssql_partition_bounds(db, table, column, request->ranges, a, &p)) {
		r.bounds = p.bounds;
		r.left = p.left;
		r.how = arena_printf(a, "ranges are whole partitions of %s", p.function);
	}
	*ret_range = r;
}

int mssql_range_find(struct db *db, const struct source_request *request, struct arena *a, struct mssql_range *range,
	struct err *err)
{
	const char *column = request->job->partition_column;
	struct finder f = {.db = db, .job = request->job, .a = a, .from = range->from, .active = range->active};

	if (request->job->load_mode == LOAD_INCREMENTAL && add_watermark(&f, request->watermark, range, err))
		return -1;
	if (request->ranges > 1 && find_bounds(&f, request->ranges, range, err))
		return column ? err_wrap(err, "partition_column '%s'", column) : -1;
	return 0;
}
