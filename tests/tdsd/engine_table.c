/* Tables: from a definition into the catalog, and from there into SQLite. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "tests/tdsd/engine_translate.h"
#include "tests/tdsd/engine_partition.h"
#include "tests/tdsd/engine_storage.h"
#include "tests/tdsd/tsql_parse.h"

/* --- the SQLite table --- */

/* Columns without their table's alias, for checks, filters and computed columns. */
static int translate_text(struct session *s, struct table *t, const char *text, bool condition,
	const char **ret, struct tds_column *ret_type)
{
	struct arena *a = &s->frame->arena;
	struct from f = {.kind = FROM_TABLE};
	struct translator tr = {.s = s, .a = a, .bare_columns = true, .schema_only = true};
	struct scope scope = {0};
	struct expr *e;
	struct term term;
	const char *ignored;

	tr.scope = &scope;
	if (tsql_parse_expr(text, a, &e, &s->error) || tr_table_relation(&tr, t, &f, &ignored))
		return -1;
	if (condition)
		return tr_condition(&tr, e, ret);
	if (tr_value(&tr, e, &term))
		return -1;
	*ret = term.sql;
	if (ret_type)
		*ret_type = term.type;
	return 0;
}

static int build_checks(struct session *s, struct table *t, struct buf *sql)
{
	struct arena *a = &s->frame->arena;
	CLEANUP_STMT sqlite3_stmt *stmt = NULL;
	int rc;

	if (sql_prepare(s,
		    arena_printf(a,
			    "SELECT object_id, definition FROM %s.sys_objects WHERE parent_id = "
			    "%lld"
			    " AND type = 'C' AND disabled = 0",
			    t->where, (long long)t->id),
		    &stmt))
		return -1;
	while ((rc = sql_step(s, stmt)) == 1) {
		const char *check;

		if (translate_text(s, t,
			    arena_strdup(a, (const char *)sqlite3_column_text(stmt, 1)), true,
			    &check, NULL))
			return -1;
		buf_printf(sql, ", CONSTRAINT k%lld CHECK (%s)",
			(long long)sqlite3_column_int64(stmt, 0), check);
	}
	return rc;
}

static int build_foreign_columns(
	struct session *s, const struct table *t, int64_t id, int64_t referenced, struct buf *sql)
{
	CLEANUP_STMT sqlite3_stmt *stmt = NULL;
	CLEANUP(buf_release) struct buf theirs = BUF_INIT(100000);
	int rc, n = 0;

	if (sql_prepare(s,
		    arena_printf(&s->frame->arena,
			    "SELECT parent_column, referenced_column FROM %s.sys_foreign_columns"
			    " WHERE object_id = %lld ORDER BY ordinal",
			    t->where, (long long)id),
		    &stmt))
		return -1;
	buf_adds(sql, ", FOREIGN KEY (");
	for (; (rc = sql_step(s, stmt)) == 1; n++) {
		buf_printf(sql, "%sc%d", n ? ", " : "", sqlite3_column_int(stmt, 0));
		buf_printf(&theirs, "%sc%d", n ? ", " : "", sqlite3_column_int(stmt, 1));
	}
	buf_printf(sql, ") REFERENCES t%lld (%s)", (long long)referenced, buf_str(&theirs));
	return rc;
}

static int build_foreign(struct session *s, const struct table *t, struct buf *sql)
{
	CLEANUP_STMT sqlite3_stmt *stmt = NULL;
	int rc;

	if (sql_prepare(s,
		    arena_printf(&s->frame->arena,
			    "SELECT f.object_id, f.referenced_id, f.on_delete, f.on_update FROM"
			    " %s.sys_foreign_keys f JOIN %s.sys_objects o ON o.object_id = "
			    "f.object_id"
			    " WHERE f.parent_id = %lld AND o.disabled = 0",
			    t->where, t->where, (long long)t->id),
		    &stmt))
		return -1;
	while ((rc = sql_step(s, stmt)) == 1) {
		const char *on_delete = (const char *)sqlite3_column_text(stmt, 2);
		const char *on_update = (const char *)sqlite3_column_text(stmt, 3);

		if (build_foreign_columns(s, t, sqlite3_column_int64(stmt, 0),
			    sqlite3_column_int64(stmt, 1), sql))
			return -1;
		buf_printf(sql, " ON DELETE %s ON UPDATE %s", on_delete ? on_delete : "NO ACTION",
			on_update ? on_update : "NO ACTION");
	}
	return rc;
}

int table_build(struct session *s, struct table *t, const char *sqlite_name)
{
	CLEANUP(buf_release) struct buf sql = BUF_INIT(1024 * 1024);

	buf_printf(&sql, "CREATE TABLE %s.%s (", t->where, sqlite_name);
	for (size_t i = 0; i < t->n; i++) {
		const struct table_column *c = &t->v[i];
		const char *expr;

		/* no declared type: what is stored stays as it is */
		buf_printf(&sql, "%sc%d", i ? ", " : "", c->id);
		buf_adds(&sql, tr_collate(&c->type));
		if (c->computed) {
			if (translate_text(s, t, c->computed, false, &expr, NULL))
				return -1;
			buf_printf(&sql, " GENERATED ALWAYS AS (%s) VIRTUAL", expr);
		}
	}
	if (build_checks(s, t, &sql) || build_foreign(s, t, &sql))
		return -1;
	buf_addc(&sql, ')');
	return sql_exec(s, buf_str(&sql)) || storage_build_triggers(s, t) ? -1 : 0;
}

/* In a unique index of T-SQL two nulls are equal: the rows with a null have one more, in which they
 * are. */
static int build_null_index(
	struct session *s, const struct table *t, const struct table_index *ix, const char *filter)
{
	CLEANUP(buf_release) struct buf sql = BUF_INIT(1024 * 1024), any = BUF_INIT(1024 * 1024);

	buf_printf(&sql, "CREATE UNIQUE INDEX %s.t%lld_%d_n ON t%lld (", t->where, (long long)t->id,
		ix->id, (long long)t->id);
	for (size_t i = 0; i < ix->n; i++) {
		const struct table_column *c = table_column_by_id(t, ix->columns[i]);

		buf_printf(&sql, "%sifnull(c%d, 0)%s, c%d IS NULL", i ? ", " : "", c->id,
			tr_collate(&c->type), c->id);
		if (c->type.nullable)
			buf_printf(&any, "%sc%d IS NULL", any.len ? " OR " : "", c->id);
	}
	buf_printf(&sql, ") WHERE (%s) AND %s", buf_str(&any), filter ? filter : "1");
	return sql_exec(s, buf_str(&sql));
}

static int build_index(struct session *s, struct table *t, const struct table_index *ix)
{
	CLEANUP(buf_release) struct buf sql = BUF_INIT(1024 * 1024);
	const char *filter = NULL;
	bool nulls = false;

	buf_printf(&sql, "CREATE %sINDEX %s.t%lld_%d ON t%lld (", ix->unique ? "UNIQUE " : "",
		t->where, (long long)t->id, ix->id, (long long)t->id);
	for (size_t i = 0; i < ix->n; i++) {
		const struct table_column *c = table_column_by_id(t, ix->columns[i]);

		nulls |= c && c->type.nullable;
		buf_printf(&sql, "%sc%d%s", i ? ", " : "", ix->columns[i],
			ix->descending[i] ? " DESC" : "");
	}
	buf_addc(&sql, ')');
	if (ix->filter) {
		if (translate_text(s, t, ix->filter, true, &filter, NULL))
			return -1;
		buf_printf(&sql, " WHERE %s", filter);
	}
	if (sql_exec(s, buf_str(&sql)))
		return -1;
	return ix->unique && nulls ? build_null_index(s, t, ix, filter) : 0;
}

int table_build_indexes(struct session *s, struct table *t)
{
	if (catalog_load_indexes(s, t, &s->frame->arena))
		return -1;
	for (size_t i = 0; i < t->n_indexes; i++)
		if (t->indexes[i].n && !t->indexes[i].disabled && !t->indexes[i].kind && build_index(s, t, &t->indexes[i]))
			return -1;
	return 0;
}

/* Values of a column whose type changed are converted; 8114, 515 … when they are none. */
static int copied_column(struct session *s, const struct table_column *was, const struct table *now,
	size_t i, const char **ret)
{
	struct translator tr = {.s = s, .a = &s->frame->arena, .bare_columns = true};
	struct term v = {.type = was->type};

	v.sql = arena_printf(tr.a, "c%d", was->id);
	return tr_store(&tr, &v, now, i, ret);
}

/* The rows wait in a temporary table. Keys that refer to the table are put off meanwhile: they are
 * whole again when the rows are back, or the statement fails. */
int table_rebuild(struct session *s, struct database *d, int64_t id, const struct table *old)
{
	struct arena *a = &s->frame->arena;
	CLEANUP(buf_release) struct buf into = BUF_INIT(1024 * 1024), from = BUF_INIT(SQL_MAX);
	struct table *t;

	if (catalog_load(s, d, id, a, &t))
		return -1;
	s->target = t;
	for (size_t i = 0; i < t->n; i++) {
		const struct table_column *was = table_column_by_id(old, t->v[i].id);
		const char *sql;

		if (!was || t->v[i].computed || was->computed)
			continue;
		if (copied_column(s, was, t, i, &sql))
			return -1;
		buf_printf(&into, "%sc%d", into.len ? ", " : "", was->id);
		buf_printf(&from, ", %s AS c%d", sql, was->id);
	}
	/* rows that a check let pass when it was off stay */
	if (!s->verifying && sql_exec(s, "PRAGMA ignore_check_constraints = ON"))
		return -1;
	if (sql_exec(s, "DROP TABLE IF EXISTS temp.kept") ||
		sql_execf(s, "CREATE TABLE temp.kept AS SELECT rowid AS r%s FROM %s.t%lld",
			buf_str(&from), t->where, (long long)id) ||
		sql_exec(s, "PRAGMA defer_foreign_keys = ON") ||
		sql_execf(s, "DROP TABLE %s.t%lld", t->where, (long long)id) ||
		table_build(s, t, arena_printf(a, "t%lld", (long long)id)) ||
		table_build_indexes(s, t) ||
		sql_execf(s,
			"INSERT INTO %s.t%lld (rowid%s%s) SELECT r%s%s FROM temp.kept ORDER BY r",
			t->where, (long long)id, into.len ? ", " : "", buf_str(&into),
			into.len ? ", " : "", buf_str(&into)))
		return -1;
	return sql_exec(s, "PRAGMA ignore_check_constraints = OFF") ||
			       sql_exec(s, "DROP TABLE temp.kept") || sql_exec(s, "PRAGMA defer_foreign_keys = OFF")
		       ? -1
		       : 0;
}

/* Extended properties and grants, those of its constraints and columns too. */
static int drop_said(struct session *s, const struct table *t)
{
	if (!t->database)
		return 0;
	return sql_execf(s,
		       "DELETE FROM %s.sys_extended WHERE class IN (1, 7) AND (major_id = %lld OR major_id IN "
		       "(SELECT object_id FROM %s.sys_objects WHERE parent_id = %lld))",
		       t->where, (long long)t->id, t->where, (long long)t->id) ||
			       sql_execf(s, "DELETE FROM %s.sys_permissions WHERE class = 1 AND major_id = %lld",
				       t->where, (long long)t->id)
		       ? -1
		       : 0;
}

int table_drop(struct session *s, const struct table *t)
{
	static const char *const deletes[] = {
		"DELETE FROM %s.sys_index_columns WHERE object_id = %lld",
		"DELETE FROM %s.sys_indexes WHERE object_id = %lld",
		"DELETE FROM %s.sys_columns WHERE object_id = %lld",
		"DELETE FROM %s.sys_stats_columns WHERE object_id = %lld",
		"DELETE FROM %s.sys_stats WHERE object_id = %lld",
		"DELETE FROM %s.sys_partitioned WHERE object_id = %lld",
		"DELETE FROM %s.sys_sinks WHERE object_id = %lld",
		"DELETE FROM %s.sys_temporal WHERE object_id = %lld",
		"DELETE FROM %s.sys_change_tables WHERE object_id = %lld",
		"DELETE FROM %s.sys_foreign_keys WHERE parent_id = %lld",
		"DELETE FROM %s.sys_objects WHERE parent_id = %lld",
		"DELETE FROM %s.sys_objects WHERE object_id = %lld"};

	if (drop_said(s, t) || sql_execf(s,
		    "DELETE FROM %s.sys_foreign_columns WHERE object_id IN (SELECT object_id FROM"
		    " %s.sys_foreign_keys WHERE parent_id = %lld)",
		    t->where, t->where, (long long)t->id))
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(deletes); i++) {
		const char *in = strstr(deletes[i], "%s");

		if (sql_exec(s, arena_printf(&s->frame->arena, "%.*s%s%.*s%lld",
					(int)(in - deletes[i]), deletes[i], t->where,
					(int)(strlen(in) - 6), in + 2, (long long)t->id)))
			return -1;
	}
	if (t->view)
		return 0;
	return sql_execf(s, "DROP TABLE %s.t%lld", t->where, (long long)t->id);
}

/* --- definitions --- */

static int nullability(
	struct session *s, const struct column_def *c, const struct table_def *def, bool *ret)
{
	bool primary = false;

	for (size_t i = 0; i < c->n_constraints; i++)
		primary |= c->constraints[i].kind == CON_PRIMARY;
	for (size_t i = 0; def && i < def->n_constraints; i++)
		for (size_t j = 0; def->constraints[i].kind == CON_PRIMARY &&
				   j < def->constraints[i].n_columns;
			j++)
			primary |= strcasecmp(def->constraints[i].columns[j], c->name) == 0;
	(void)s;
	*ret = c->has_null ? c->nullable
			   : !primary && !c->identity && c->type.user_type != TDS_USER_ROWVERSION;
	return 0;
}

static int check_identity(struct session *s, const struct table *t, const struct column_def *c)
{
	enum type_class class = engine_type_class(&c->type);

	if (!c->identity)
		return 0;
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].type.identity)
			return tsql_fail(&s->error, 2744, t->name);
	if ((class != TC_INT && (class != TC_DECIMAL || c->type.scale)) ||
		c->type.type == TDS_BITN || (c->has_null && c->nullable))
		return tsql_fail(&s->error, 2749, c->name);
	return 0;
}

static int column_type(
	struct session *s, struct table *t, const struct column_def *c, struct tds_column *ret)
{
	const char *ignored;

	*ret = c->type;
	if (c->computed && translate_text(s, t, c->computed_text, false, &ignored, ret))
		return -1;
	ret->name = c->name;
	if (c->collation) {
		if (!engine_collation_parse(c->collation, ret->collation))
			return tsql_fail(&s->error, 448, c->collation);
	}
	return 0;
}

static const char *text_or_null(struct arena *a, const char *text)
{
	return text ? sql_quote(a, text) : "NULL";
}

int table_add_column(
	struct session *s, struct table *t, const struct column_def *c, struct arena *a)
{
	struct tds_column type;
	char code[TYPE_CODE_MAX];
	bool nullable, text;
	int64_t id, ordinal;

	if (check_identity(s, t, c) || column_type(s, t, c, &type) ||
		nullability(s, c, NULL, &nullable))
		return -1;
	if (table_column(t, c->name))
		return tsql_fail(&s->error, 2705, c->name, t->name);
	if (c->computed)
		nullable = type.nullable;
	else if (c->has_null || !c->type.nullable)
		nullable = c->nullable && c->type.nullable;
	if (sql_int(s, 1, &id,
		    "SELECT max(column_id) + 1 FROM %s.sys_columns WHERE object_id = %lld",
		    t->where, (long long)t->id) ||
		sql_int(s, 1, &ordinal,
			"SELECT max(ordinal) + 1 FROM %s.sys_columns WHERE object_id = %lld",
			t->where, (long long)t->id))
		return -1;
	text = engine_type_class(&type) == TC_TEXT && type.type != TDS_XML;
	if (sql_execf(s,
		    "INSERT INTO %s.sys_columns (object_id, column_id, name, code, type_name, "
		    "type_text, system_type,"
		    " user_type, max_length, precision, scale, collation, nullable, is_identity, "
		    "seed, increment,"
		    " computed, persisted, rowguidcol, ordinal, sparse, hidden, generated, mask, "
		    "column_set) VALUES (%lld, %lld, %s, '%s', %s, "
		    "%s, %d, %u, %d, %d, %d,"
		    " %s, %d, %d, %s, %s, %s, %d, %d, %lld, %d, %d, %d, %s, %d)",
		    t->where, (long long)t->id, (long long)id, sql_quote(a, c->name),
		    engine_type_code(&type, code), sql_quote(a, engine_type_name(&type)),
		    sql_quote(a, engine_type_print(&type, a)), engine_system_type(&type),
		    type.user_type,
		    type.size == TDS_SIZE_MAX             ? -1
		    : tds_form(&type) == TDS_FORM_TEXTPTR ? 16
							  : (int)type.size,
		    (int)engine_precision(&type),
		    engine_type_class(&type) == TC_MONEY ? 4 : type.scale,
		    text ? text_or_null(a, engine_collation_name(type.collation, a)) : "NULL",
		    nullable, c->identity, text_or_null(a, c->seed), text_or_null(a, c->increment),
		    text_or_null(a, c->computed_text), c->persisted, c->rowguidcol,
		    (long long)ordinal, c->sparse, c->hidden, c->generated,
		    text_or_null(a, c->mask), c->column_set))
		return -1;
	t->v = NULL;
	t->n = 0;
	return 0;
}

/* Catalog, SQLite's table, constraints. */
static int create(struct session *s, const struct name *name, struct database *d, const char *where,
	const struct table_def *def, struct table **ret, struct arena *a)
{
	int64_t schema, id;
	struct table *t;

	if (catalog_schema(s, where, d ? name->part[NAME_SCHEMA] : NULL, &schema))
		return -1;
	if (schema < 0)
		return tsql_fail(&s->error, 2760, name->part[NAME_SCHEMA]);
	if (catalog_new_object(s, where, schema, name->part[NAME_OBJECT], "U", 0, NULL, &id) ||
		catalog_load(s, d, id, a, &t))
		return -1;
	for (size_t i = 0; i < def->n_columns; i++) {
		struct column_def c = def->columns[i];
		bool nullable;

		if (nullability(s, &c, def, &nullable))
			return -1;
		c.has_null = true;
		c.nullable = nullable;
		if (table_add_column(s, t, &c, a) || catalog_load(s, d, id, a, &t))
			return -1;
	}
	for (size_t i = 0; i < def->n_columns; i++)
		for (size_t j = 0; j < def->columns[i].n_constraints; j++)
			if (table_add_constraint(s, t, &def->columns[i].constraints[j], a))
				return -1;
	for (size_t i = 0; i < def->n_constraints; i++)
		if (table_add_constraint(s, t, &def->constraints[i], a))
			return -1;
	if (storage_create_period(s, t, def, a) || catalog_load(s, d, id, a, &t) ||
		table_build(s, t, arena_printf(a, "t%lld", (long long)id)) ||
		table_build_indexes(s, t) || partition_place(s, t, def))
		return -1;
	*ret = t;
	return 0;
}

int table_create(struct session *s, const struct name *name, const struct table_def *def,
	struct table **ret, struct arena *a)
{
	struct database *d;
	const char *where;

	if (catalog_database(s, name, &d, &where))
		return -1;
	return create(s, name, d, arena_strdup(a, where), def, ret, a);
}

int table_create_variable(
	struct session *s, const struct name *name, const struct table_def *def, struct table **ret)
{
	return create(s, name, NULL, "temp", def, ret, &s->frame->arena);
}
