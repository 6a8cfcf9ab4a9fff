#include "work/mssql_range.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "db/tsql.h"
#include "tds/type.h"
#include "work/watermark.h"

struct finder {
	struct db *db;
	const struct job *job;
	struct arena *a;
	const char *from;
};

/* --- the watermark --- */

struct bound {
	const char *declared; /* the column's type */
	bool binary, number;
	const char *text; /* NULL: there is none */
};

static const char *hex(const uint8_t *data, size_t len, struct arena *a)
{
	char *text = arena_alloc(a, 2 * len + 3);

	strcpy(text, "0x");
	for (size_t i = 0; i < len; i++)
		snprintf(text + 2 + 2 * i, 3, "%02X", data[i]);
	return text;
}

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
	b->text = b->binary ? hex(data, len, f->a) : arena_strdup(f->a, db_column_text(stmt, 0));
	return 0;
}

static const char *literal(const struct bound *b, const char *text, struct arena *a)
{
	if (b->binary)
		return text;
	return arena_printf(a, "CAST(%s AS %s)", tsql_text(text, a), b->declared);
}

/* What is committed is below it, for good: rows of transactions that run now come later. */
static int below_active(struct finder *f, struct bound *to)
{
	static const char sql[] = "SELECT CAST(CAST(MIN_ACTIVE_ROWVERSION() AS bigint) - 1 AS binary(8))";
	struct err ignored = ERR_INIT;
	struct bound active;

	if (read_bound(f, sql, &active, &ignored) == 0 && active.text && strcmp(active.text, to->text) < 0)
		to->text = active.text;
	return 0;
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
	if (b.binary)
		(void)below_active(f, &b);
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

static int add_part(struct finder *f, uint32_t i, uint32_t n, struct mssql_range *r, struct err *err)
{
	const char *column = arena_printf(f->a, "s.%s", tsql_quote(f->job->partition_column, f->a));
	const char *glue = *r->where ? " AND" : " WHERE";
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	int64_t low, high;
	uint64_t span;

	if (db_prepare(f->db,
		    arena_printf(f->a, "SELECT CAST(MIN(%s) AS bigint), CAST(MAX(%s) AS bigint) FROM %s%s",
			    column, column, f->from, r->where),
		    &stmt, err) ||
		db_step(stmt, err) < 0)
		return err_wrap(err, "partition_column '%s'", f->job->partition_column);
	if (db_column_type(stmt, 0) == DB_NULL) {
		r->where = i ? arena_printf(f->a, "%s%s 1 = 0", r->where, glue) : r->where;
		return 0;
	}
	low = db_column_int(stmt, 0);
	high = db_column_int(stmt, 1);
	span = ((uint64_t)high - (uint64_t)low) / n + 1;
	low = (int64_t)((uint64_t)low + i * span);
	if (i == 0) /* and those without a value */
		r->where = arena_printf(f->a, "%s%s (%s < %" PRId64 " OR %s IS NULL)", r->where, glue, column,
			(int64_t)((uint64_t)low + span), column);
	else if (i == n - 1)
		r->where = arena_printf(f->a, "%s%s %s >= %" PRId64, r->where, glue, column, low);
	else
		r->where = arena_printf(f->a, "%s%s %s >= %" PRId64 " AND %s < %" PRId64, r->where, glue, column,
			low, column, (int64_t)((uint64_t)low + span));
	return 0;
}

int mssql_range_find(struct db *db, const struct source_request *request, const char *from, struct arena *a,
	struct mssql_range *ret_range, struct err *err)
{
	struct finder f = {.db = db, .job = request->job, .a = a, .from = from};
	struct mssql_range r = {.from = from, .where = ""};

	if (request->job->load_mode == LOAD_INCREMENTAL &&
		add_watermark(&f, request->watermark, &r, err))
		return -1;
	if (request->ranges > 1 && add_part(&f, request->range, request->ranges, &r, err))
		return -1;
	*ret_range = r;
	return 0;
}
