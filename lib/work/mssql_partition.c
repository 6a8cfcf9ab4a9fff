#include "work/mssql_partition.h"

#include <math.h>

#include "db/tsql.h"
#include "tds/type.h"

/* Of the table itself, not of its other indexes: i and its partition scheme x, function f, column c */
#define PARTITIONED                                                                                                    \
	"sys.indexes AS i JOIN sys.partition_schemes AS x ON x.data_space_id = i.data_space_id"                        \
	" JOIN sys.partition_functions AS f ON f.function_id = x.function_id"                                          \
	" JOIN sys.index_columns AS k ON k.object_id = i.object_id AND k.index_id = i.index_id"                        \
	" AND k.partition_ordinal = 1"                                                                                 \
	" JOIN sys.columns AS c ON c.object_id = k.object_id AND c.column_id = k.column_id"
#define OF_TABLE " WHERE i.object_id = OBJECT_ID(@name) AND i.index_id IN (0, 1)"

/* An end of a partition with rows, and how many rows are below it. */
struct end {
	const char *text;
	double below;
};

struct ends {
	const char *declared; /* the column's type */
	struct end *v;
	size_t n;
	double rows; /* of all */
};

const char *mssql_partition_column(struct db *db, const char *table, struct arena *a)
{
	static const char sql[] = "SELECT c.name FROM " PARTITIONED OF_TABLE;
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	struct err ignored = ERR_INIT;

	if (db_prepare(db, sql, &stmt, &ignored))
		return NULL;
	db_bind_text(stmt, 1, table);
	return db_step(stmt, &ignored) > 0 ? arena_strdup(a, db_column_text(stmt, 0)) : NULL;
}

static bool find_function(struct db *db, const char *table, const char *column, struct arena *a,
	struct mssql_partition *p)
{
	static const char sql[] = "SELECT f.name, CAST(f.boundary_value_on_right AS int) FROM " PARTITIONED OF_TABLE
				  " AND c.name = @column";
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	struct err ignored = ERR_INIT;

	if (db_prepare(db, sql, &stmt, &ignored))
		return false;
	db_bind_text(stmt, 1, table);
	db_bind_text(stmt, 2, column);
	if (db_step(stmt, &ignored) <= 0)
		return false;
	p->function = arena_strdup(a, db_column_text(stmt, 0));
	p->left = db_column_int(stmt, 1) == 0;
	return true;
}

/* The column's type; NULL: one whose values have no order that is the same in a bound (texts, by their collation),
 * or that is not written as text. */
static const char *find_type(struct db *db, const char *table, const char *column, struct arena *a)
{
	static const enum tds_type ordered[] = {TDS_INTN, TDS_DECIMALN, TDS_NUMERICN, TDS_FLTN, TDS_MONEYN, TDS_DATEN,
		TDS_DATETIMN, TDS_DATETIME2N, TDS_DATETIMEOFFSETN, TDS_GUID};
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	struct err ignored = ERR_INIT;
	const char *declared;
	struct tds_column c;

	if (db_prepare(db, arena_printf(a, "SELECT s.%s FROM %s AS s WHERE 1 = 0", tsql_quote(column, a), table),
		    &stmt, &ignored) ||
		db_step(stmt, &ignored) < 0)
		return NULL;
	declared = arena_strdup(a, db_column_declared(stmt, 0));
	if (!declared || tds_type_parse(declared, &c, &ignored))
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(ordered); i++)
		if (ordered[i] == c.type)
			return declared;
	return NULL;
}

/* Row by row a partition, from the lowest; the one above the last boundary value comes last. The order is that of
 * the values, so that bounds rise whatever boundary_id says. */
static const char *ends_sql(const char *declared, struct arena *a)
{
	return arena_printf(a,
		"SELECT CAST(v.value AS %s) AS bound, p.rows, CASE WHEN v.boundary_id IS NULL THEN 1 ELSE 0 END AS last"
		" FROM " PARTITIONED
		" JOIN sys.partitions AS p ON p.object_id = i.object_id AND p.index_id = i.index_id"
		" LEFT JOIN sys.partition_range_values AS v ON v.function_id = f.function_id"
		" AND v.boundary_id = p.partition_number" OF_TABLE " ORDER BY last, bound",
		declared);
}

static bool read_ends(struct db *db, const char *table, struct arena *a, struct ends *e)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	struct err ignored = ERR_INIT;
	size_t cap = 0;
	int rc;

	if (db_prepare(db, ends_sql(e->declared, a), &stmt, &ignored))
		return false;
	db_bind_text(stmt, 1, table);
	while ((rc = db_step(stmt, &ignored)) > 0) {
		double rows = (double)db_column_int(stmt, 1);
		const char *text = db_column_text(stmt, 0); /* a boundary value may be null: no bound */

		e->rows += rows;
		if (rows <= 0 || !text)
			continue;
		e->v = arena_grow(a, e->v, e->n, &cap, sizeof(*e->v));
		e->v[e->n++] = (struct end){.text = arena_strdup(a, text), .below = e->rows};
	}
	if (e->n && e->v[e->n - 1].below >= e->rows)
		e->n--; /* nothing is above it */
	return rc == 0;
}

/* For each bound the end that is nearest to its part of the rows, and one is left for each that follows. */
static void choose(const struct ends *e, uint32_t n, struct arena *a, struct mssql_partition *p)
{
	size_t at = 0;

	p->bounds = arena_array(a, n, sizeof(*p->bounds));
	for (uint32_t i = 1; i < n; i++, at++) {
		double part = e->rows * i / n;

		while (at + n - i < e->n && fabs(e->v[at + 1].below - part) <= fabs(e->v[at].below - part))
			at++;
		p->bounds[i] = arena_printf(a, "CAST(%s AS %s)", tsql_text(e->v[at].text, a), e->declared);
	}
}

bool mssql_partition_bounds(struct db *db, const char *table, const char *column, uint32_t n, struct arena *a,
	struct mssql_partition *ret)
{
	struct ends e = {.n = 0};

	*ret = (struct mssql_partition){.bounds = NULL};
	if (!find_function(db, table, column, a, ret))
		return false;
	e.declared = find_type(db, table, column, a);
	if (!e.declared || !read_ends(db, table, a, &e) || e.n + 1 < n)
		return false;
	choose(&e, n, a, ret);
	return true;
}
