#include "work/mssql_rules_private.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "db/tsql.h"
#include "tds/declare.h"
#include "work/mssql_rows.h"

#define SQL_MAX RULES_SQL_MAX

static bool replaces(const struct mssql_apply *p)
{
	return job_replaces(p->job) || (p->full && !p->merges);
}

static void add_rule(struct rules *r, struct buf *sql, const char *column, const char *reason)
{
	struct rule *rule = arena_alloc(r->a, sizeof(*rule));

	*rule = (struct rule){.sql = arena_buf(r->a, sql), .column = column, .reason = reason};
	*r->last = rule;
	r->last = &rule->next;
}

static int prepare(struct rules *r, const char *sql, struct db_stmt **ret_stmt, struct err *err)
{
	if (db_prepare(r->p->db, sql, ret_stmt, err))
		return -1;
	db_bind_text(*ret_stmt, 1, r->p->table->name);
	return 0;
}

/* --- staged rows as rows of the table --- */

/* What a column has that is not loaded, by its name: its default, or what it is computed from. */
struct given {
	const char *name, *text;
	bool computed;
};

static int read_given(struct rules *r, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	size_t cap = 0;
	int rc;

	if (prepare(r,
		    "SELECT COL_NAME(d.parent_object_id, d.parent_column_id) AS name, d.definition, 0 AS computed"
		    " FROM sys.default_constraints AS d WHERE d.parent_object_id = OBJECT_ID(@name)"
		    " UNION ALL SELECT c.name, c.definition, 1 FROM sys.computed_columns AS c"
		    " WHERE c.object_id = OBJECT_ID(@name)",
		    &stmt, err))
		return -1;
	while ((rc = db_step(stmt, err)) > 0) {
		r->given = arena_grow(r->a, r->given, r->n_given, &cap, sizeof(*r->given));
		r->given[r->n_given++] = (struct given){.name = arena_strdup(r->a, db_column_text(stmt, 0)),
			.text = arena_strdup(r->a, db_column_text(stmt, 1)),
			.computed = db_column_int(stmt, 2) != 0};
	}
	return rc;
}

/* Nobody but the server can say what the column will have: this login may not see the definition, or it may
 * stand in a default only. */
static bool is_unknown(const struct given *g)
{
	return !g->text || strcasestr(g->text, "next value for") || strcasestr(g->text, "newsequentialid");
}

static const struct given *given_for(const struct rules *r, const char *name)
{
	for (size_t i = 0; i < r->n_given; i++)
		if (strcasecmp(r->given[i].name, name) == 0)
			return &r->given[i];
	return NULL;
}

static const struct mssql_fit_column *loaded_as(const struct mssql_fit *fit, const char *name)
{
	for (uint32_t i = 0; i < fit->n; i++)
		if (fit->v[i].to && strcasecmp(fit->v[i].to->c.name, name) == 0)
			return &fit->v[i];
	return NULL;
}

static void add_loaded(const struct mssql_fit_column *f, struct buf *sql)
{
	char staged[TDS_TYPE_TEXT_MAX], type[TDS_TYPE_TEXT_MAX];
	struct tds_column base = f->to->c;
	const char *to;

	base.type = tds_type_base(base.type);
	to = tds_type_format(&base, type);
	if (strcmp(tds_type_format(&f->staged, staged), to) == 0)
		buf_printf(sql, "s.%s", f->staged.name);
	else
		buf_printf(sql, "%s(s.%s AS %s)", base.type == TDS_XML ? "TRY_CAST" : "CAST", f->staged.name, to);
}

/* A merge leaves what is not loaded as it is, where the row is there. */
static bool keeps(const struct rules *r)
{
	return r->p->merges && r->p->table->exists;
}

static void add_not_loaded(struct rules *r, const struct mssql_column *c, struct buf *sql)
{
	const struct given *g = given_for(r, c->c.name);
	const char *key = keeps(r) ? tsql_quote(r->p->fit->v[r->p->keys[0]].to->c.name, r->a) : NULL;
	char type[TDS_TYPE_TEXT_MAX];

	if (key)
		buf_printf(sql, "CASE WHEN t.%s IS NOT NULL THEN t.%s ELSE ", key, tsql_quote(c->c.name, r->a));
	if (g && !is_unknown(g))
		buf_adds(sql, g->text);
	else
		buf_printf(sql, "CAST(NULL AS %s)", tds_type_format(&c->c, type));
	buf_adds(sql, key ? " END" : "");
}

static void add_column(struct rules *r, const struct mssql_column *c, struct buf *sql)
{
	const struct mssql_fit_column *f = loaded_as(r->p->fit, c->c.name);

	buf_adds(sql, ", ");
	if (f)
		add_loaded(f, sql);
	else
		add_not_loaded(r, c, sql);
	buf_printf(sql, " AS %s", tsql_quote(c->c.name, r->a));
}

/* "t.[id] = s.c0 AND …" */
static void add_same_key(struct rules *r, struct buf *sql)
{
	const struct mssql_apply *p = r->p;

	for (uint32_t i = 0; i < p->n_keys; i++)
		buf_printf(sql, "%st.%s = s.%s", i ? " AND " : "", tsql_quote(p->fit->v[p->keys[i]].to->c.name, r->a),
			p->fit->v[p->keys[i]].staged.name);
}

static void add_from(struct rules *r, struct buf *sql)
{
	const struct mssql_apply *p = r->p;

	buf_printf(sql, " FROM %s AS s", p->stage);
	if (!keeps(r))
		return;
	buf_printf(sql, " LEFT JOIN %s AS t ON ", p->table->name);
	add_same_key(r, sql);
}

static int select_rows(struct rules *r, struct err *err)
{
	struct buf sql = BUF_INIT(SQL_MAX);
	const struct mssql_table *table = r->p->table;

	if (read_given(r, err))
		return -1;
	buf_adds(&sql, "SELECT y.*");
	for (size_t i = 0; i < r->n_given; i++)
		if (r->given[i].computed)
			buf_printf(&sql, ", %s AS %s", r->given[i].text ? r->given[i].text : "NULL",
				tsql_quote(r->given[i].name, r->a));
	buf_adds(&sql, " FROM (SELECT s." MSSQL_ROW_NUMBER);
	for (uint32_t i = 0; i < table->n; i++)
		if (!table->v[i].generated)
			add_column(r, &table->v[i], &sql);
	add_from(r, &sql);
	if (r->p->fit->gone) /* what is deleted breaks no rule of its own */
		buf_printf(&sql, " WHERE s.%s = 0", r->p->fit->gone->staged.name);
	buf_adds(&sql, ") AS y");
	r->rows = arena_buf(r->a, &sql);
	return 0;
}

/* --- columns of rules --- */

struct names {
	const char **v; /* in brackets */
	size_t n, cap;
};

static void add_name(struct rules *r, struct names *names, const char *name)
{
	names->v = arena_grow(r->a, names->v, names->n, &names->cap, sizeof(*names->v));
	names->v[names->n++] = tsql_quote(name, r->a);
}

static const char *listed(struct rules *r, const struct names *names)
{
	struct buf out = BUF_INIT(SQL_MAX);

	for (size_t i = 0; i < names->n; i++)
		buf_printf(&out, "%s%s", i ? ", " : "", names->v[i]);
	return arena_buf(r->a, &out);
}

/* "t.[a] = x.[a] AND …"; with `nulls` two of them are the same. */
static void add_same(struct buf *sql, const struct names *left, const struct names *right, const char *alias,
	bool nulls)
{
	for (size_t i = 0; i < left->n; i++) {
		const char *l = left->v[i], *rt = right->v[i];

		buf_printf(sql, "%s(%s.%s = x.%s", i ? " AND " : "", alias, l, rt);
		if (nulls)
			buf_printf(sql, " OR (%s.%s IS NULL AND x.%s IS NULL)", alias, l, rt);
		buf_addc(sql, ')');
	}
}

static const char *only_column(struct rules *r, const struct names *names)
{
	const struct mssql_table *table = r->p->table;

	for (uint32_t i = 0; names->n == 1 && i < table->n; i++)
		if (strcmp(tsql_quote(table->v[i].c.name, r->a), names->v[0]) == 0)
			return table->v[i].c.name;
	return NULL;
}

/* --- xml --- */

static void xml_rules(struct rules *r)
{
	const struct mssql_fit *fit = r->p->fit;

	for (uint32_t i = 0; i < fit->n; i++) {
		const struct mssql_fit_column *f = &fit->v[i];
		struct buf sql = BUF_INIT(SQL_MAX);

		if (!f->to || f->to->c.type != TDS_XML || !f->converted)
			continue;
		buf_printf(&sql, "SELECT x." MSSQL_ROW_NUMBER " FROM %s AS x WHERE x.%s IS NOT NULL"
				 " AND TRY_CAST(x.%s AS xml) IS NULL", r->p->stage, f->staged.name, f->staged.name);
		add_rule(r, &sql, f->to->c.name, "it is not well-formed XML (errors 9400 to 9499)");
	}
}

/* --- CHECK --- */

static int check_rules(struct rules *r, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	int rc;

	if (prepare(r,
		    "SELECT c.name, c.definition, COL_NAME(c.parent_object_id, c.parent_column_id) AS column_name"
		    " FROM sys.check_constraints AS c WHERE c.parent_object_id = OBJECT_ID(@name)"
		    " AND c.is_disabled = 0 ORDER BY c.name",
		    &stmt, err))
		return -1;
	while ((rc = db_step(stmt, err)) > 0) {
		struct buf sql = BUF_INIT(SQL_MAX);
		const char *definition = arena_strdup(r->a, db_column_text(stmt, 1));

		if (!definition) /* this login may not see it */
			continue;
		buf_printf(&sql, "SELECT x." MSSQL_ROW_NUMBER " FROM (%s) AS x WHERE NOT %s", r->rows, definition);
		add_rule(r, &sql, arena_strdup(r->a, db_column_text(stmt, 2)),
			arena_printf(r->a, "it breaks the CHECK constraint '%s', %s (error 547)",
				db_column_text(stmt, 0), definition));
	}
	return rc;
}

/* --- FOREIGN KEY --- */

struct foreign_key {
	const char *name, *table; /* that it points to */
	struct names own, there;
	bool itself;
};

static void foreign_rule(struct rules *r, const struct foreign_key *k)
{
	struct buf sql = BUF_INIT(SQL_MAX);

	if (!k->name)
		return;
	buf_printf(&sql, "SELECT x." MSSQL_ROW_NUMBER " FROM (%s) AS x WHERE 1 = 1", r->rows);
	for (size_t i = 0; i < k->own.n; i++)
		buf_printf(&sql, " AND x.%s IS NOT NULL", k->own.v[i]);
	if (!k->itself || !replaces(r->p)) {
		buf_printf(&sql, " AND NOT EXISTS (SELECT 1 FROM %s AS t WHERE ", k->table);
		add_same(&sql, &k->there, &k->own, "t", false);
		buf_addc(&sql, ')');
	}
	if (k->itself) {
		buf_printf(&sql, " AND NOT EXISTS (SELECT 1 FROM (%s) AS o WHERE ", r->rows);
		add_same(&sql, &k->there, &k->own, "o", false);
		buf_addc(&sql, ')');
	}
	r->refers_to_itself |= k->itself;
	add_rule(r, &sql, only_column(r, &k->own),
		arena_printf(r->a, "%s has no such row: FOREIGN KEY '%s' (%s) (error 547)", k->table, k->name,
			listed(r, &k->own)));
}

static int foreign_rules(struct rules *r, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	struct foreign_key key = {.name = NULL};
	int rc;

	if (prepare(r,
		    "SELECT k.name, OBJECT_SCHEMA_NAME(k.referenced_object_id) AS schema_name,"
		    " OBJECT_NAME(k.referenced_object_id) AS table_name,"
		    " COL_NAME(c.parent_object_id, c.parent_column_id) AS own,"
		    " COL_NAME(c.referenced_object_id, c.referenced_column_id) AS there,"
		    " CASE WHEN k.referenced_object_id = k.parent_object_id THEN 1 ELSE 0 END AS itself"
		    " FROM sys.foreign_keys AS k JOIN sys.foreign_key_columns AS c"
		    " ON c.constraint_object_id = k.object_id WHERE k.parent_object_id = OBJECT_ID(@name)"
		    " AND k.is_disabled = 0 ORDER BY k.name, c.constraint_column_id",
		    &stmt, err))
		return -1;
	while ((rc = db_step(stmt, err)) > 0) {
		if (!key.name || strcmp(key.name, db_column_text(stmt, 0)) != 0) {
			foreign_rule(r, &key);
			key = (struct foreign_key){.name = arena_strdup(r->a, db_column_text(stmt, 0)),
				.table = arena_printf(r->a, "%s.%s", tsql_quote(db_column_text(stmt, 1), r->a),
					tsql_quote(db_column_text(stmt, 2), r->a)),
				.itself = db_column_int(stmt, 5) != 0};
		}
		add_name(r, &key.own, db_column_text(stmt, 3));
		add_name(r, &key.there, db_column_text(stmt, 4));
	}
	foreign_rule(r, &key);
	return rc;
}

/* --- unique indexes --- */

struct unique {
	const char *name;
	int number;	    /* of its error */
	const char *filter; /* NULL: none */
	struct names columns;
	bool generated; /* one of its columns is: what it will have is not known */
};

/* What the rows have in common is what a merge finds them by: it makes one of the two. */
static bool is_merge_key(struct rules *r, const struct unique *u)
{
	size_t found = 0;

	if (!r->p->merges || u->columns.n != r->p->n_keys)
		return false;
	for (size_t i = 0; i < u->columns.n; i++)
		for (uint32_t k = 0; k < r->p->n_keys; k++)
			found += strcmp(u->columns.v[i],
					 tsql_quote(r->p->fit->v[r->p->keys[k]].to->c.name, r->a)) == 0;
	return found == u->columns.n;
}

static const char *where(struct rules *r, const struct unique *u)
{
	return u->filter ? arena_printf(r->a, " WHERE %s", u->filter) : "";
}

static void twice_rule(struct rules *r, const struct unique *u, const char *columns)
{
	struct buf sql = BUF_INIT(SQL_MAX);

	buf_printf(&sql, "SELECT x." MSSQL_ROW_NUMBER " FROM (SELECT z." MSSQL_ROW_NUMBER ", ROW_NUMBER() OVER"
			 " (PARTITION BY %s ORDER BY z." MSSQL_ROW_NUMBER ") AS nth FROM (%s) AS z%s) AS x"
			 " WHERE x.nth > 1", columns, r->rows, where(r, u));
	add_rule(r, &sql, only_column(r, &u->columns),
		arena_printf(r->a, "an earlier row of the source has the same key: unique index '%s' (%s) (error %d)",
			u->name, columns, u->number));
}

/* Rows of the table that the merge leaves as they are. */
static void add_untouched(struct rules *r, struct buf *sql)
{
	buf_printf(sql, " AND NOT EXISTS (SELECT 1 FROM %s AS s WHERE ", r->p->stage);
	add_same_key(r, sql);
	buf_addc(sql, ')');
}

static void there_rule(struct rules *r, const struct unique *u, const char *columns)
{
	struct buf sql = BUF_INIT(SQL_MAX);

	buf_printf(&sql, "SELECT x." MSSQL_ROW_NUMBER " FROM (SELECT * FROM (%s) AS z%s) AS x"
			 " WHERE EXISTS (SELECT 1 FROM (SELECT * FROM %s%s) AS t WHERE ", r->rows, where(r, u),
		r->p->table->name, where(r, u));
	add_same(&sql, &u->columns, &u->columns, "t", true);
	if (r->p->merges)
		add_untouched(r, &sql);
	buf_addc(&sql, ')');
	add_rule(r, &sql, only_column(r, &u->columns),
		arena_printf(r->a, "the table has a row with the same key: unique index '%s' (%s) (error %d)",
			u->name, columns, u->number));
}

static void unique_rule(struct rules *r, const struct unique *u)
{
	const char *columns;

	if (!u->name || u->generated || is_merge_key(r, u))
		return;
	columns = listed(r, &u->columns);
	twice_rule(r, u, columns);
	if (r->p->table->exists && !replaces(r->p) && !(r->p->merges && r->p->job->delete_missing))
		there_rule(r, u, columns);
}

/* Is it the server that says what the column has, when the row is inserted? */
static bool is_generated(struct rules *r, const char *name)
{
	const struct mssql_table *table = r->p->table;
	const struct given *g = given_for(r, name);

	if (loaded_as(r->p->fit, name))
		return false;
	for (uint32_t i = 0; i < table->n; i++)
		if (strcasecmp(table->v[i].c.name, name) == 0 &&
			(table->v[i].c.user_type == TDS_USER_ROWVERSION || table->v[i].c.identity))
			return true;
	return g && is_unknown(g);
}

static int unique_rules(struct rules *r, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	struct unique u = {.name = NULL};
	int rc;

	if (prepare(r,
		    "SELECT i.name, CASE WHEN i.is_primary_key = 1 OR i.is_unique_constraint = 1 THEN 2627 ELSE 2601"
		    " END AS number, i.filter_definition, COL_NAME(c.object_id, c.column_id) AS column_name"
		    " FROM sys.indexes AS i JOIN sys.index_columns AS c ON c.object_id = i.object_id"
		    " AND c.index_id = i.index_id WHERE i.object_id = OBJECT_ID(@name) AND i.is_unique = 1"
		    " AND i.is_disabled = 0 AND c.key_ordinal > 0 ORDER BY i.index_id, c.key_ordinal",
		    &stmt, err))
		return -1;
	while ((rc = db_step(stmt, err)) > 0) {
		if (!u.name || strcmp(u.name, db_column_text(stmt, 0)) != 0) {
			unique_rule(r, &u);
			u = (struct unique){.name = arena_strdup(r->a, db_column_text(stmt, 0)),
				.number = (int)db_column_int(stmt, 1),
				.filter = arena_strdup(r->a, db_column_text(stmt, 2))};
		}
		u.generated |= is_generated(r, db_column_text(stmt, 3));
		add_name(r, &u.columns, db_column_text(stmt, 3));
	}
	unique_rule(r, &u);
	return rc;
}

/* --- a table that is yet to be made --- */

static void made_rules(struct rules *r)
{
	struct unique u = {.name = "primary key", .number = 2627};

	for (uint32_t i = 0; i < r->with->n_made_keys; i++) {
		const char *name = r->with->made_keys[i];
		struct buf sql = BUF_INIT(SQL_MAX);

		buf_printf(&sql, "SELECT x." MSSQL_ROW_NUMBER " FROM (%s) AS x WHERE x.%s IS NULL", r->rows,
			tsql_quote(name, r->a));
		add_rule(r, &sql, name, "a primary key takes no null (error 515)");
		add_name(r, &u.columns, name);
	}
	if (u.columns.n)
		unique_rule(r, &u);
}

int mssql_rules_find(struct rules *r, struct err *err)
{
	xml_rules(r);
	if (select_rows(r, err))
		return -1;
	if (!r->p->table->exists) {
		made_rules(r);
		return 0;
	}
	/* constraints may be told not to look; unique indexes last: which row is the first one is known then */
	if (r->p->job->check_constraints && (check_rules(r, err) || foreign_rules(r, err)))
		return -1;
	return unique_rules(r, err);
}
