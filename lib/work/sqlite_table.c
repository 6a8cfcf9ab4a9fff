#include "work/sqlite_table.h"

#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/text.h"

#define SQL_MAX (16u * 1024 * 1024) /* 2,000 columns of the longest names fit many times */

/* What a double and SQLite's NUMERIC keep of a decimal without loss. */
#define NUMERIC_DIGITS 15

/* --- reading --- */

static enum affinity affinity_of(const char *type, bool strict)
{
	if (strcasestr(type, "INT"))
		return AFFINITY_INTEGER;
	if (strcasestr(type, "CHAR") || strcasestr(type, "CLOB") || strcasestr(type, "TEXT"))
		return AFFINITY_TEXT;
	if (!*type || strcasestr(type, "BLOB") || (strict && strcasecmp(type, "ANY") == 0))
		return AFFINITY_NONE;
	if (strcasestr(type, "REAL") || strcasestr(type, "FLOA") || strcasestr(type, "DOUB"))
		return AFFINITY_REAL;
	return AFFINITY_NUMERIC;
}

enum affinity sqlite_affinity(const char *type)
{
	return affinity_of(type, false);
}

/* 0: there is no such table. */
static int read_table(
	struct db *db, const char *name, struct arena *a, struct sqlite_table *t, struct err *err)
{
	static const char sql[] =
		"SELECT s.name, l.type, l.strict, s.sql"
		" FROM main.sqlite_schema s JOIN pragma_table_list(s.name) l ON l.schema = 'main'"
		" WHERE s.name = @name COLLATE NOCASE AND s.type IN ('table', 'view')";
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	int rc;

	if (db_prepare(db, sql, &stmt, err) < 0)
		return -1;
	db_bind_text(stmt, 1, name);
	rc = db_step(stmt, err);
	if (rc <= 0)
		return rc;
	if (strcmp(db_column_text(stmt, 1), "view") == 0)
		return err_set(err, ERR_CONFIG, "'%s' is a view, and a target is a table", name);
	t->name = arena_strdup(a, db_column_text(stmt, 0));
	t->strict = db_column_int(stmt, 2);
	t->sql = arena_strdup(a, db_column_text(stmt, 3));
	if (!t->sql)
		return err_set(err, ERR_CONFIG, "'%s' is a table of SQLite's own", name);
	return 1;
}

static int count_columns(struct db *db, const char *table, uint32_t *ret_n, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;

	if (db_prepare(db, "SELECT count(*) FROM pragma_table_xinfo(@table, 'main')", &stmt, err) <
		0)
		return -1;
	db_bind_text(stmt, 1, table);
	if (db_step(stmt, err) < 0)
		return -1;
	*ret_n = (uint32_t)db_column_int(stmt, 0);
	return 0;
}

/* `hidden` is 0 for an ordinary column, 1 for a virtual table's hidden one, 2 and 3 for generated
 * ones. An INTEGER PRIMARY KEY is the rowid and numbers itself. */
static int read_columns(struct db *db, struct arena *a, struct sqlite_table *t, struct err *err)
{
	static const char sql[] =
		"SELECT name, type, \"notnull\", dflt_value IS NOT NULL, hidden,"
		" pk = 1 AND type = 'INTEGER' COLLATE NOCASE AND sum(pk > 0) OVER () = 1"
		" FROM pragma_table_xinfo(@table, 'main') ORDER BY cid";
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	uint32_t capacity;
	int rc;

	if (count_columns(db, t->name, &capacity, err) < 0 || db_prepare(db, sql, &stmt, err) < 0)
		return -1;
	t->v = arena_array(a, capacity, sizeof(*t->v));
	db_bind_text(stmt, 1, t->name);
	while ((rc = db_step(stmt, err)) > 0 && t->n < capacity) {
		struct sqlite_column *c = &t->v[t->n++];
		bool rowid = db_column_int(stmt, 5);

		c->name = arena_strdup(a, db_column_text(stmt, 0));
		c->type = arena_strdup(a, db_column_text(stmt, 1));
		c->affinity = affinity_of(c->type, t->strict);
		c->not_null = db_column_int(stmt, 2) && !rowid;
		c->optional = !c->not_null || db_column_int(stmt, 3);
		c->generated = db_column_int(stmt, 4) != 0;
	}
	return rc < 0 ? -1 : 0;
}

int sqlite_table_read(struct db *db, const char *name, struct arena *a,
	struct sqlite_table *ret_table, struct err *err)
{
	struct sqlite_table t = {.name = arena_strdup(a, name)};
	int rc = read_table(db, name, a, &t, err);

	if (rc < 0 || (rc > 0 && read_columns(db, a, &t, err) < 0))
		return -1;
	*ret_table = t;
	return 0;
}

/* --- designing --- */

static void design_column(const struct tds_column *c, struct arena *a, struct sqlite_column *out)
{
	out->type = "TEXT"; /* times, too */
	switch (tds_type_base(c->type)) {
	case TDS_INTN:
	case TDS_BITN:
		out->type = "INTEGER";
		break;
	case TDS_FLTN:
		out->type = "REAL";
		break;
	case TDS_DECIMALN:
	case TDS_MONEYN:
		if (c->precision <= NUMERIC_DIGITS)
			out->type = arena_printf(a, "DECIMAL(%d,%d)", c->precision, c->scale);
		break;
	case TDS_BIGVARBINARY:
	case TDS_BIGBINARY:
	case TDS_OLD_IMAGE:
	case TDS_UDT:
	case TDS_VARIANT:
		out->type = "BLOB";
		break;
	case TDS_SQLITE:
		out->type = c->declared ? c->declared : "";
		break;
	default:
		break;
	}
	out->name = c->name;
	out->affinity = affinity_of(out->type, false);
	out->not_null = !c->nullable;
	out->optional = c->nullable;
}

void sqlite_table_design(const char *name, const struct tds_columns *cols, struct arena *a,
	struct sqlite_table *ret_table)
{
	struct sqlite_table t = {
		.name = arena_strdup(a, name),
		.v = arena_array(a, cols->n, sizeof(*t.v)),
		.n = cols->n,
	};

	for (uint32_t i = 0; i < cols->n; i++)
		design_column(&cols->v[i], a, &t.v[i]);
	*ret_table = t;
}

/* --- matching --- */

/* ", did you mean 'x'?" or "" */
static const char *nearest_of(
	const char *name, const char *const *names, uint32_t n, struct arena *a)
{
	const char *near = text_nearest(name, names, n);

	return near ? arena_printf(a, ", did you mean '%s'?", near) : "";
}

static int no_column(
	const struct sqlite_table *t, const char *name, struct arena *a, struct err *err)
{
	const char **names = arena_array(a, t->n, sizeof(*names));

	for (uint32_t i = 0; i < t->n; i++)
		names[i] = t->v[i].name;
	err_set(err, ERR_DATA, "table '%s' has no column '%s' of the source%s", t->name, name,
		nearest_of(name, names, t->n, a));
	return err_hint(err, "columns are matched by name: name the table's with column_map, or set "
			     "schema_change = add_columns or ignore");
}

static int no_source(const struct sqlite_table *t, const struct sqlite_column *c,
	const struct tds_columns *cols, struct arena *a, struct err *err)
{
	const char **names = arena_array(a, cols->n, sizeof(*names));

	for (uint32_t i = 0; i < cols->n; i++)
		names[i] = cols->v[i].name;
	err_set(err, ERR_DATA, "the source has no column '%s', which table '%s' needs%s", c->name,
		t->name, nearest_of(c->name, names, cols->n, a));
	return err_hint(err, "the column is NOT NULL and has no default");
}

/* Source and table mostly have the same order, and 2,000 × 2,000 names take a while. But a
 * designed table may have a name twice, and only its first column is to be found. */
static int find_column(const struct sqlite_table *t, uint32_t guess, const char *name)
{
	if (t->sql && guess < t->n && strcasecmp(t->v[guess].name, name) == 0)
		return (int)guess;
	for (uint32_t i = 0; i < t->n; i++)
		if (strcasecmp(t->v[i].name, name) == 0)
			return (int)i;
	return -1;
}

/* Values whose form SQLite knows better: what it does to text that looks like a number. Those of a
 * column that was declared with the same affinity have that form already. */
static enum affinity stage_affinity(const struct tds_column *c, enum affinity target)
{
	bool text = tds_type_is_narrow(c->type) || tds_type_is_utf16(c->type);

	if (c->declared && affinity_of(c->declared, false) == target)
		return target;
	if ((text || c->type == TDS_SQLITE) && target != AFFINITY_TEXT)
		return AFFINITY_NONE;
	return target;
}

/* One that comes later is nullable: the rows that are there have no value. */
static int add_column(struct sqlite_table *t, const struct tds_column *c, struct arena *a)
{
	struct sqlite_column *new = &t->v[t->n];

	design_column(c, a, new);
	new->not_null = false;
	new->optional = new->added = true;
	return (int)t->n++;
}

static int match_source(struct sqlite_table *t, const struct tds_columns *cols,
	enum on_schema_change on_change, struct arena *a, bool *taken, struct sqlite_fit *fit,
	struct err *err)
{
	/* The table itself may say what happens to a null: ON CONFLICT REPLACE, IGNORE. */
	bool own_rules = t->sql && strcasestr(t->sql, "CONFLICT");

	for (uint32_t i = 0; i < cols->n; i++) {
		const struct tds_column *c = &cols->v[i];
		int at = find_column(t, i, c->name);
		const struct sqlite_column *to;

		if (at < 0 && on_change == SCHEMA_IGNORE) {
			fit->v[i] = (struct sqlite_fit_column){.to = NULL};
			fit->whole = false;
			continue;
		}
		if (at < 0 && on_change == SCHEMA_ADD_COLUMNS)
			at = add_column(t, c, a);
		if (at < 0)
			return no_column(t, c->name, a, err);
		to = &t->v[at];
		if (taken[at])
			return err_set(err, ERR_DATA,
				"the source has two columns '%s' (case does not count)", c->name);
		taken[at] = true;
		fit->whole &= (uint32_t)at == i && !to->generated;
		fit->v[i] = (struct sqlite_fit_column){
			.to = to->generated ? NULL : to,
			.staged = stage_affinity(c, to->affinity),
			.not_null = to->not_null && !own_rules,
		};
	}
	return 0;
}

/* Room for columns that are added. */
static void make_room(struct sqlite_table *t, uint32_t more, struct arena *a)
{
	struct sqlite_column *v = arena_array(a, (size_t)t->n + more, sizeof(*v));

	if (t->n)
		memcpy(v, t->v, t->n * sizeof(*v));
	t->v = v;
}

int sqlite_table_match(struct sqlite_table *t, const struct tds_columns *cols,
	enum on_schema_change on_change, struct arena *a, struct sqlite_fit *ret_fit,
	struct err *err)
{
	bool *taken = arena_array(a, (size_t)t->n + cols->n, sizeof(*taken)), any = false;
	struct sqlite_fit fit = {
		.v = arena_array(a, cols->n, sizeof(*fit.v)),
		.n = cols->n,
		.whole = cols->n == t->n,
	};

	if (on_change == SCHEMA_ADD_COLUMNS)
		make_room(t, cols->n, a);
	if (match_source(t, cols, on_change, a, taken, &fit, err) < 0)
		return -1;
	fit.whole = fit.whole && cols->n == t->n;
	for (uint32_t i = 0; i < t->n; i++) {
		const struct sqlite_column *c = &t->v[i];

		any |= taken[i] && !c->generated;
		if (!taken[i] && !c->optional && !c->generated)
			return no_source(t, c, cols, a, err);
	}
	if (!any)
		return err_set(
			err, ERR_DATA, "table '%s' has no column that could be written", t->name);
	*ret_fit = fit;
	return 0;
}

/* --- statements --- */

static void add_name(struct buf *sql, const char *name, struct db *db, struct arena *a)
{
	buf_adds(sql, db_quote(db, name, a));
}

static void add_definition(struct buf *sql, const struct sqlite_column *c, struct db *db,
	struct arena *a)
{
	add_name(sql, c->name, db, a);
	buf_printf(sql, "%s%s%s", *c->type ? " " : "", c->type, c->not_null ? " NOT NULL" : "");
}

const char *sqlite_table_add_sql(const struct sqlite_table *t, const struct sqlite_column *c,
	struct db *db, struct arena *a)
{
	struct buf sql = BUF_INIT(SQL_MAX);

	buf_adds(&sql, "ALTER TABLE main.");
	add_name(&sql, t->name, db, a);
	buf_adds(&sql, " ADD COLUMN ");
	add_definition(&sql, c, db, a);
	return arena_buf(a, &sql);
}

const char *sqlite_table_create_sql(const struct sqlite_table *t, const char *const *keys,
	uint32_t n_keys, struct db *db, struct arena *a)
{
	struct buf sql = BUF_INIT(SQL_MAX);

	buf_adds(&sql, "CREATE TABLE main.");
	add_name(&sql, t->name, db, a);
	for (uint32_t i = 0; i < t->n; i++) {
		buf_adds(&sql, i ? ", " : " (");
		add_definition(&sql, &t->v[i], db, a);
	}
	for (uint32_t i = 0; i < n_keys; i++) {
		buf_adds(&sql, i ? ", " : ", PRIMARY KEY (");
		add_name(&sql, keys[i], db, a);
	}
	buf_adds(&sql, n_keys ? "))" : ")");
	return arena_buf(a, &sql);
}

const char *sqlite_table_stage_sql(const struct sqlite_fit *fit, const char *name, struct arena *a)
{
	static const char *const types[] = {
		[AFFINITY_NONE] = "",
		[AFFINITY_TEXT] = " TEXT",
		[AFFINITY_NUMERIC] = " NUMERIC",
		[AFFINITY_INTEGER] = " INTEGER",
		[AFFINITY_REAL] = " REAL",
	};
	struct buf sql = BUF_INIT(SQL_MAX);
	uint32_t written = 0;

	buf_printf(&sql, "CREATE TABLE %s", name);
	for (uint32_t i = 0; i < fit->n; i++) {
		const struct sqlite_fit_column *c = &fit->v[i];

		if (!c->to)
			continue;
		buf_printf(&sql, "%sc%u%s%s", written ? ", " : " (", written, types[c->staged],
			c->not_null ? " NOT NULL" : "");
		written++;
	}
	buf_addc(&sql, ')');
	return arena_buf(a, &sql);
}

/* Without a list of columns where all are written: SQLite considers only that form for copying
 * whole records (its "transfer optimization"). */
const char *sqlite_table_insert_sql(
	const struct sqlite_table *t, const struct sqlite_fit *fit, struct db *db, struct arena *a)
{
	struct buf sql = BUF_INIT(SQL_MAX);
	const char *between = " (";

	buf_adds(&sql, "INSERT INTO main.");
	add_name(&sql, t->name, db, a);
	for (uint32_t i = 0; i < fit->n && !fit->whole; i++) {
		if (!fit->v[i].to)
			continue;
		buf_adds(&sql, between);
		add_name(&sql, fit->v[i].to->name, db, a);
		between = ", ";
	}
	buf_adds(&sql, fit->whole ? " " : ") ");
	return arena_buf(a, &sql);
}
