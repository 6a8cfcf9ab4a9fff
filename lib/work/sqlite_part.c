#include "work/sqlite_part.h"

#include <float.h>
#include <inttypes.h>
#include <string.h>

#include "base/number.h"
#include "work/watermark.h"

#define PLAIN_DIGITS 8 /* a text of fewer digits is a number and no date (20240229) */

static struct db_value keep(const struct db_value *v, struct arena *a)
{
	struct db_value kept = *v;

	if (v->type == DB_TEXT || v->type == DB_BLOB)
		kept.s.data = (const uint8_t *)arena_strndup(a, (const char *)v->s.data, v->s.len);
	return kept;
}

/* The only row of a statement of n columns. */
static int ask(struct db *db, const char *sql, const struct db_value *param, struct arena *a,
	struct db_value *ret, int n, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	size_t bytes;
	int rc;

	if (db_prepare(db, sql, &stmt, err) < 0)
		return -1;
	if (db_param_count(stmt))
		db_bind_value(stmt, 1, param);
	rc = db_step(stmt, err);
	if (rc <= 0)
		return rc < 0 ? -1 : err_set(err, ERR_INTERNAL, "no row");
	if (db_row(stmt, ret, &bytes, err) < 0)
		return -1;
	for (int i = 0; i < n; i++)
		ret[i] = keep(&ret[i], a);
	return 0;
}

static const char *quoted(
	struct db *db, const struct sqlite_relation *r, uint32_t column, struct arena *a)
{
	return db_quote(db, r->cols.v[column].name, a);
}

/* --- the watermark --- */

/* Is there an order by this column that SQLite can look things up in? 1 or 0. */
static int is_indexed(
	struct db *db, const struct sqlite_relation *r, uint32_t column, struct err *err)
{
	static const char sql[] =
		"SELECT 1 FROM pragma_index_list(@table, 'main') l, pragma_index_info(l.name, "
		"'main') i"
		" WHERE NOT l.partial AND i.seqno = 0 AND i.name = @column COLLATE NOCASE";
	CLEANUP_STMT struct db_stmt *stmt = NULL;

	if (!r->table || r->rowid_column == (int)column)
		return r->table != NULL;
	if (db_prepare(db, sql, &stmt, err) < 0)
		return -1;
	db_bind_text(stmt, 1, r->table);
	db_bind_text(stmt, 2, r->cols.v[column].name);
	return db_step(stmt, err);
}

/* Least and greatest value, and how many rows have none: by the index, or in one pass. */
static int find_extent(struct db *db, const struct sqlite_relation *r, uint32_t column,
	struct arena *a, struct db_value ret[3], struct err *err)
{
	const char *c = quoted(db, r, column, a), *nulls, *sql;
	int indexed = is_indexed(db, r, column, err);

	if (indexed < 0)
		return -1;
	nulls = r->cols.v[column].nullable
			? arena_printf(a, "(SELECT count(*) FROM %s WHERE %s IS NULL)", r->from, c)
			: "0";
	sql = indexed ? arena_printf(a,
				"SELECT (SELECT min(%s) FROM %s), (SELECT max(%s) FROM %s), %s", c,
				r->from, c, r->from, nulls)
		      : arena_printf(a, "SELECT min(%s), max(%s), count(*) - count(%s) FROM %s", c,
				c, c, r->from);
	return ask(db, sql, NULL, a, ret, 3, err);
}

static bool is_number(const struct db_value *v)
{
	return v->type == DB_INT || v->type == DB_REAL;
}

/* Digits that are compared as text: '9' is after '10'. */
static bool is_number_as_text(const struct db_value *v)
{
	struct number n;

	return v->type == DB_TEXT && v->s.len < PLAIN_DIGITS &&
	       number_parse((const char *)v->s.data, v->s.len, &n) == NUMBER_OK;
}

static int check_extent(const char *name, const struct db_value extent[3], struct err *err)
{
	const struct db_value *min = &extent[0], *max = &extent[1];

	if (extent[2].i) {
		err_set(err, ERR_DATA,
			"%" PRId64 " row%s no value in watermark_column '%s': they would "
			"never be loaded",
			extent[2].i, extent[2].i == 1 ? " has" : "s have", name);
		return err_hint(err,
			"fill them in, or leave them out: source_query = SELECT ... WHERE "
			"%s IS NOT NULL",
			name);
	}
	if (max->type == DB_BLOB)
		return err_set(err, ERR_DATA, "watermark_column '%s' holds bytes", name);
	if (is_number(min) != is_number(max)) {
		err_set(err, ERR_DATA, "watermark_column '%s' holds numbers and texts", name);
		return err_hint(
			err, "all texts are above all numbers: new numbers would never be seen");
	}
	if (is_number_as_text(min) || is_number_as_text(max)) {
		err_set(err, ERR_DATA,
			"watermark_column '%s' holds numbers as texts: '10' is below '9'", name);
		return err_hint(err,
			"use a number: source_query = SELECT *, CAST(%s AS INTEGER) AS n ...,"
			" watermark_column = n",
			name);
	}
	return 0;
}

/* It does not go back: rows may have been deleted, or the database restored. */
static int find_end(struct db *db, const struct db_value *last, const struct db_value *max,
	struct arena *a, const char **ret_to, struct err *err)
{
	struct db_value end = *max;

	if (last->type != DB_NULL) {
		CLEANUP_STMT struct db_stmt *stmt = NULL;
		size_t bytes;
		int rc;

		if (db_prepare(db, "SELECT max(@last, @max)", &stmt, err) < 0)
			return -1;
		db_bind_value(stmt, 1, last);
		db_bind_value(stmt, 2, max);
		rc = db_step(stmt, err);
		if (rc <= 0 || db_row(stmt, &end, &bytes, err) < 0)
			return -1;
		end = keep(&end, a);
	}
	return watermark_print(&end, a, ret_to, err);
}

static int parse_last(
	const char *watermark, const struct db_value *max, struct db_value *ret, struct err *err)
{
	if (!watermark)
		return 0;
	if (watermark_parse(watermark, is_number(max), ret, err) < 0)
		return -1;
	if (is_number_as_text(ret))
		return err_set(err, ERR_DATA,
			"the last watermark '%s' is a number, and the column holds texts",
			watermark);
	return 0;
}

static int find_above(const struct job *job, const struct db_value *last, struct arena *a,
	struct db_value *ret, struct err *err)
{
	if (last->type == DB_NULL || !job->lookback) {
		*ret = *last;
		return 0;
	}
	return watermark_before(last, job->lookback, a, ret, err);
}

static int find_increment(struct db *db, const struct sqlite_relation *r, const struct job *job,
	const char *watermark, struct arena *a, struct sqlite_part *part, struct err *err)
{
	struct db_value extent[3], last = {.type = DB_NULL};
	uint32_t column = 0;
	const char *name;

	if (sqlite_relation_column(r, "watermark_column", job->watermark_column, a, &column, err) <
			0 ||
		find_extent(db, r, column, a, extent, err) < 0)
		return -1;
	name = r->cols.v[column].name;
	if (check_extent(name, extent, err) < 0)
		return -1;
	part->watermark = quoted(db, r, column, a);
	part->above = last;
	if (extent[1].type == DB_NULL)
		return 0; /* no rows: and the watermark stays as it is */
	if (parse_last(watermark, &extent[1], &last, err) < 0 ||
		find_above(job, &last, a, &part->above, err) < 0 ||
		find_end(db, &last, &extent[1], a, &part->to, err) < 0) {
		err_wrap(err, "watermark_column '%s'", name);
		return err->code == ERR_DATA
			       ? err_hint(err,
					 "'etl run %s --full' reads all rows once and "
					 "starts anew",
					 job->name)
			       : -1;
	}
	return 0;
}

/* --- ranges --- */

/* FROM and the condition of the watermark, for `part->above` as the only parameter. */
static const char *from_part(
	const struct sqlite_relation *r, const struct sqlite_part *part, struct arena *a)
{
	if (part->above.type == DB_NULL)
		return arena_printf(a, "FROM %s WHERE 1", r->from);
	return arena_printf(a, "FROM %s WHERE %s > ?1", r->from, part->watermark);
}

static double as_real(const struct db_value *v)
{
	double r = v->type == DB_INT ? (double)v->i : v->r;

	return r > DBL_MAX ? DBL_MAX : r < -DBL_MAX ? -DBL_MAX : r;
}

/* Of equal width between two numbers. */
static void divide(
	const struct db_value *low, const struct db_value *high, struct sqlite_part *part)
{
	uint32_t n = part->n_ranges;

	for (uint32_t i = 1; i < n; i++) {
		struct db_value *b = &part->bounds[i - 1];

		if (low->type == DB_INT && high->type == DB_INT) {
			b->type = DB_INT;
			b->i = (int64_t)(low->i + ((__int128)high->i - low->i + 1) * i / n);
		} else {
			b->type = DB_REAL;
			b->r = as_real(low) * ((double)(n - i) / n) +
			       as_real(high) * ((double)i / n);
		}
	}
}

/* Of an equal count of rows, for what has no width: the column's values in their order. */
static int deal_out(struct db *db, const struct sqlite_relation *r, struct sqlite_part *part,
	struct arena *a, struct err *err)
{
	const char *from = from_part(r, part, a), *c = part->ranges;
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	struct db_value count, v;
	uint32_t next = 1;
	size_t bytes;
	int rc = 0;

	if (ask(db, arena_printf(a, "SELECT count(%s) %s", c, from), &part->above, a, &count, 1,
		    err) < 0 ||
		db_prepare(db,
			arena_printf(a, "SELECT %s %s AND %s IS NOT NULL ORDER BY 1", c, from, c),
			&stmt, err) < 0)
		return -1;
	if (db_param_count(stmt))
		db_bind_value(stmt, 1, &part->above);
	for (int64_t i = 0; next < part->n_ranges && (rc = db_step(stmt, err)) > 0; i++) {
		if (i < (int64_t)((__int128)count.i * next / part->n_ranges))
			continue;
		if (db_row(stmt, &v, &bytes, err) < 0)
			return -1;
		v = keep(&v, a);
		while (next < part->n_ranges &&
			i >= (int64_t)((__int128)count.i * next / part->n_ranges))
			part->bounds[next++ - 1] = v;
	}
	return rc < 0 ? -1 : 0;
}

static int find_ranges(struct db *db, const struct sqlite_relation *r, const struct job *job,
	struct arena *a, struct sqlite_part *part, struct err *err)
{
	struct db_value extent[2];
	const char *c, *from;
	uint32_t column = 0;

	if (!job->partition_column)
		return err_set(err, ERR_CONFIG, "'parallel' needs 'partition_column'");
	if (sqlite_relation_column(r, "partition_column", job->partition_column, a, &column, err) <
		0)
		return -1;
	part->ranges = c = quoted(db, r, column, a);
	part->bounds = arena_array(a, part->n_ranges, sizeof(*part->bounds));
	from = from_part(r, part, a);
	/* '' is above all numbers and below all other texts */
	if (ask(db,
		    arena_printf(a, "SELECT (SELECT min(%s) %s), (SELECT max(%s) %s AND %s < '')",
			    c, from, c, from, c),
		    &part->above, a, extent, 2, err) < 0)
		return -1;
	if (extent[0].type == DB_NULL)
		return 0;
	if (!is_number(&extent[0]))
		return deal_out(db, r, part, a, err);
	divide(&extent[0], &extent[1], part);
	return 0;
}

int sqlite_part_find(struct db *db, const struct sqlite_relation *r, const struct job *job,
	const char *watermark, uint32_t ranges, struct arena *a, struct sqlite_part *ret_part,
	struct err *err)
{
	struct sqlite_part part = {.n_ranges = ranges, .above = {.type = DB_NULL}};

	if (job->load_mode == LOAD_INCREMENTAL &&
		find_increment(db, r, job, watermark, a, &part, err) < 0)
		return -1;
	if (ranges > 1 && find_ranges(db, r, job, a, &part, err) < 0)
		return -1;
	*ret_part = part;
	return 0;
}

/* --- the statement --- */

/* Values in the order in which the text names them. */
struct condition {
	const char *text;
	struct db_value v[3];
	int n;
};

static void and (struct condition * c, const char *text, const struct db_value *v, struct arena *a)
{
	c->text = arena_printf(a, "%s%s%s", c->text, *c->text ? " AND " : " WHERE ", text);
	if (v)
		c->v[c->n++] = *v;
}

static void add_range(
	struct condition *c, const struct sqlite_part *part, uint32_t range, struct arena *a)
{
	const struct db_value *low = range ? &part->bounds[range - 1] : NULL;
	const struct db_value *high = range + 1 < part->n_ranges ? &part->bounds[range] : NULL;
	const char *name = part->ranges;

	if (part->bounds[0].type == DB_NULL) { /* all are null, or there are no rows */
		if (range)
			and(c, "0", NULL, a);
		return;
	}
	if (low)
		and(c, arena_printf(a, "%s >= @low", name), low, a);
	if (low && high)
		and(c, arena_printf(a, "%s < @high", name), high, a);
	else if (high)
		and(c, arena_printf(a, "(%s < @high OR %s IS NULL)", name, name), high, a);
}

int sqlite_part_prepare(struct db *db, const struct sqlite_relation *r,
	const struct sqlite_part *part, uint32_t range, struct arena *a, struct db_stmt **ret_stmt,
	struct err *err)
{
	struct condition c = {.text = ""};
	struct db_stmt *stmt;

	if (part->above.type != DB_NULL)
		and(&c, arena_printf(a, "%s > @above", part->watermark), &part->above, a);
	if (part->n_ranges > 1)
		add_range(&c, part, range, a);
	if (db_prepare(db,
		    *c.text ? arena_printf(a, "SELECT * FROM %s%s", r->from, c.text) : r->query,
		    &stmt, err) < 0)
		return -1;
	for (int i = 0; i < c.n; i++)
		db_bind_value(stmt, i + 1, &c.v[i]);
	*ret_stmt = stmt;
	return 0;
}
