#include "tests/tdsd/engine_security.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* %s: SQLite's schema. The columns that sys.* shows are made of these. */
static const char *const tables[] = {
	"CREATE TABLE IF NOT EXISTS %s.sys_schemas (schema_id INTEGER PRIMARY KEY, name TEXT "
	"COLLATE NOCASE UNIQUE)",
	"CREATE TABLE IF NOT EXISTS %s.sys_objects (object_id INTEGER PRIMARY KEY, schema_id "
	"INTEGER,"
	" name TEXT COLLATE NOCASE, type TEXT, parent_id INTEGER, definition TEXT, created INTEGER,"
	" disabled INTEGER DEFAULT 0, not_trusted INTEGER DEFAULT 0, identity_last TEXT, UNIQUE (schema_id, name))",
	"CREATE TABLE IF NOT EXISTS %s.sys_columns (object_id INTEGER, column_id INTEGER,"
	" name TEXT COLLATE NOCASE, code TEXT, type_name TEXT, type_text TEXT, system_type INTEGER,"
	" user_type INTEGER, max_length INTEGER, precision INTEGER, scale INTEGER, collation TEXT,"
	" nullable INTEGER, is_identity INTEGER, seed TEXT, increment TEXT, computed TEXT,"
	" persisted INTEGER, rowguidcol INTEGER, default_id INTEGER DEFAULT 0, ordinal INTEGER,"
	" sparse INTEGER DEFAULT 0, hidden INTEGER DEFAULT 0, generated INTEGER DEFAULT 0,"
	" mask TEXT, column_set INTEGER DEFAULT 0,"
	" PRIMARY KEY (object_id, column_id))",
	"CREATE TABLE IF NOT EXISTS %s.sys_indexes (object_id INTEGER, index_id INTEGER, name TEXT "
	"COLLATE NOCASE,"
	" is_unique INTEGER, is_primary INTEGER, is_constraint INTEGER, clustered INTEGER, filter "
	"TEXT,"
	" constraint_id INTEGER DEFAULT 0, kind INTEGER DEFAULT 0, ignore_dup INTEGER DEFAULT 0,"
	" fill_factor INTEGER DEFAULT 0, disabled INTEGER DEFAULT 0, compression INTEGER DEFAULT 0,"
	" PRIMARY KEY (object_id, index_id))",
	"CREATE TABLE IF NOT EXISTS %s.sys_index_columns (object_id INTEGER, index_id INTEGER, "
	"ordinal INTEGER,"
	" column_id INTEGER, descending INTEGER, included INTEGER,"
	" PRIMARY KEY (object_id, index_id, ordinal))",
	"CREATE TABLE IF NOT EXISTS %s.sys_foreign_keys (object_id INTEGER PRIMARY KEY, parent_id "
	"INTEGER,"
	" referenced_id INTEGER, on_delete TEXT, on_update TEXT, not_trusted INTEGER DEFAULT 0)",
	"CREATE TABLE IF NOT EXISTS %s.sys_extended (class INTEGER, major_id INTEGER, minor_id INTEGER, name TEXT COLLATE "
	"NOCASE, value, PRIMARY KEY (class, major_id, minor_id, name))",
	"CREATE TABLE IF NOT EXISTS %s.sys_foreign_columns (object_id INTEGER, ordinal INTEGER,"
	" parent_column INTEGER, referenced_column INTEGER, PRIMARY KEY (object_id, ordinal))",
	"CREATE TABLE IF NOT EXISTS %s.sys_stats (object_id INTEGER, stats_id INTEGER, name TEXT "
	"COLLATE NOCASE, filter TEXT, updated INTEGER, PRIMARY KEY (object_id, stats_id))",
	"CREATE TABLE IF NOT EXISTS %s.sys_stats_columns (object_id INTEGER, stats_id INTEGER, "
	"ordinal INTEGER, column_id INTEGER, PRIMARY KEY (object_id, stats_id, ordinal))",
	/* partitions (engine_partition.c): of each function the ranges, the last one without a value */
	"CREATE TABLE IF NOT EXISTS %s.sys_partition_functions (id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE, "
	"type TEXT, on_right INTEGER, created INTEGER)",
	"CREATE TABLE IF NOT EXISTS %s.sys_partition_ranges (function_id INTEGER, number INTEGER, value, variant, "
	"last INTEGER)",
	"CREATE TABLE IF NOT EXISTS %s.sys_partition_schemes (id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE, "
	"function_id INTEGER)",
	"CREATE TABLE IF NOT EXISTS %s.sys_partitioned (object_id INTEGER PRIMARY KEY, scheme_id INTEGER, column_id "
	"INTEGER)",
	/* system-versioned tables: their periods and where the history is */
	"CREATE TABLE IF NOT EXISTS %s.sys_temporal (object_id INTEGER PRIMARY KEY, start_column "
	"INTEGER, end_column INTEGER, history_id INTEGER)",
	/* change tracking: of the database, of its tables (engine_change.c) */
	"CREATE TABLE IF NOT EXISTS %s.sys_change_state (id INTEGER PRIMARY KEY CHECK (id = 1), "
	"version INTEGER, tran INTEGER, retention INTEGER, units INTEGER, cleanup INTEGER)",
	"CREATE TABLE IF NOT EXISTS %s.sys_change_tables (object_id INTEGER PRIMARY KEY, "
	"with_columns INTEGER, begin_version INTEGER, min_version INTEGER)",
	/* change data capture: likewise (engine_cdc.c) */
	"CREATE TABLE IF NOT EXISTS %s.sys_cdc_state (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER, "
	"tran INTEGER)",
	"CREATE TABLE IF NOT EXISTS %s.sys_cdc_tables (source_id INTEGER PRIMARY KEY, ct_id INTEGER)",
	/* the data file as sys.database_files tells it, in pages of 8 KiB: a test changes it here */
	"CREATE TABLE IF NOT EXISTS %s.sys_files (id INTEGER PRIMARY KEY CHECK (id = 1), size INTEGER, used INTEGER, "
	"max_size INTEGER, growth INTEGER)",
	"INSERT OR IGNORE INTO %s.sys_files VALUES (1, 1048576, 1024, -1, 8192)",
	/* engine_counted.h */
	"CREATE TABLE IF NOT EXISTS %s.sys_sinks (object_id INTEGER PRIMARY KEY, rows INTEGER, "
	"bytes INTEGER, hash INTEGER)",
	"INSERT OR IGNORE INTO %s.sys_schemas VALUES (1, 'dbo'), (2, 'guest'), (3, "
	"'INFORMATION_SCHEMA'), (4, 'sys')",
};

int catalog_create(struct session *s, const char *where)
{
	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		CLEANUP(arena_release) struct arena a = ARENA_INIT;
		const char *in = strstr(tables[i], "%s");

		if (sql_exec(s, arena_printf(&a, "%.*s%s%s", (int)(in - tables[i]), tables[i],
					where, in + 2)))
			return -1;
	}
	return security_create(s, where);
}

bool name_is_temporary(const struct name *name)
{
	const char *object = name->part[NAME_OBJECT];

	return object && (object[0] == '#' || object[0] == '@');
}

const char *database_schema(const struct database *d, char out[16])
{
	snprintf(out, 16, "d%d", d->id);
	return out;
}

int catalog_database(
	struct session *s, const struct name *name, struct database **ret, const char **ret_where)
{
	static _Thread_local char where[16];
	struct database *d = s->current;

	if (name->part[NAME_SERVER])
		return tsql_unsupported(&s->error, "a linked server");
	if (name_is_temporary(name)) {
		*ret = NULL;
		*ret_where = "temp";
		return 0;
	}
	if (name->part[NAME_DATABASE])
		d = engine_database(s->e, name->part[NAME_DATABASE]);
	if (!d)
		return tsql_fail(&s->error, 911, name->part[NAME_DATABASE]);
	if (session_attach(s, d))
		return -1;
	*ret = d;
	*ret_where = database_schema(d, where);
	return 0;
}

int catalog_schema(struct session *s, const char *where, const char *schema, int64_t *ret)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;

	if (!schema) {
		*ret = SCHEMA_DBO;
		return 0;
	}
	return sql_int(s, -1, ret, "SELECT schema_id FROM %s.sys_schemas WHERE name = %s", where,
		sql_quote(&a, schema));
}

int catalog_object(struct session *s, const struct name *name, const char *type, int64_t *ret)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct database *d;
	const char *where;
	int64_t schema;

	if (catalog_database(s, name, &d, &where) ||
		catalog_schema(s, where, d ? name->part[NAME_SCHEMA] : NULL, &schema))
		return -1;
	return sql_int(s, 0, ret,
		"SELECT object_id FROM %s.sys_objects WHERE schema_id = %lld AND name = %s AND (%s "
		"IS NULL OR type = %s)",
		where, (long long)schema, sql_quote(&a, name->part[NAME_OBJECT]),
		type ? sql_quote(&a, type) : "NULL", type ? sql_quote(&a, type) : "NULL");
}

int catalog_new_object(struct session *s, const char *where, int64_t schema_id, const char *name,
	const char *type, int64_t parent, const char *definition, int64_t *ret)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	bool temp = strcmp(where, "temp") == 0;
	int64_t id, taken;

	if (sql_int(s, 0, &taken,
		    "SELECT object_id FROM %s.sys_objects WHERE schema_id = %lld AND name = %s",
		    where, (long long)schema_id, sql_quote(&a, name)))
		return -1;
	if (taken)
		return tsql_fail(&s->error, 2714, name);
	if (sql_int(s, temp ? TEMPORARY_ID : 100, &id,
		    "SELECT max(object_id) + 1 FROM %s.sys_objects", where))
		return -1;
	*ret = id;
	return sql_execf(s,
		"INSERT INTO %s.sys_objects (object_id, schema_id, name, type, parent_id, "
		"definition, created)"
		" VALUES (%lld, %lld, %s, '%s', %lld, %s, t_now())",
		where, (long long)id, (long long)schema_id, sql_quote(&a, name), type,
		(long long)parent, definition ? sql_quote(&a, definition) : "NULL");
}

/* --- loading --- */

static const char *column_text(sqlite3_stmt *stmt, int i, struct arena *a)
{
	return arena_strdup(a, (const char *)sqlite3_column_text(stmt, i));
}

static int load_columns(struct session *s, struct table *t, struct arena *a)
{
	CLEANUP_STMT sqlite3_stmt *stmt = NULL;
	size_t cap = 0;
	int rc;

	if (sql_prepare(s,
		    arena_printf(a,
			    "SELECT column_id, name, code, nullable, is_identity, seed, increment,"
			    " computed, user_type, type_name, default_id, (SELECT definition FROM"
			    " %s.sys_objects o WHERE o.object_id = default_id), persisted, sparse,"
			    " hidden, rowguidcol, generated, mask FROM %s.sys_columns"
			    " WHERE object_id = %lld ORDER BY ordinal",
			    t->where, t->where, (long long)t->id),
		    &stmt))
		return -1;
	while ((rc = sql_step(s, stmt)) == 1) {
		struct table_column *c;

		t->v = arena_grow(a, t->v, t->n, &cap, sizeof(*t->v));
		c = &t->v[t->n++];
		*c = (struct table_column){.id = sqlite3_column_int(stmt, 0)};
		c->name = column_text(stmt, 1, a);
		engine_type_decode((const char *)sqlite3_column_text(stmt, 2), &c->type);
		c->type.name = c->name;
		c->type.nullable = sqlite3_column_int(stmt, 3) != 0;
		c->type.identity = sqlite3_column_int(stmt, 4) != 0;
		c->seed = column_text(stmt, 5, a);
		c->increment = column_text(stmt, 6, a);
		c->computed = column_text(stmt, 7, a);
		c->type.computed = c->computed != NULL;
		c->type.user_type = (uint32_t)sqlite3_column_int(stmt, 8);
		if (c->type.type == TDS_UDT)
			c->type.declared = column_text(stmt, 9, a);
		c->default_id = sqlite3_column_int64(stmt, 10);
		c->default_text = column_text(stmt, 11, a);
		c->persisted = sqlite3_column_int(stmt, 12) != 0;
		c->sparse = sqlite3_column_int(stmt, 13) != 0;
		c->hidden = sqlite3_column_int(stmt, 14) != 0;
		c->rowguidcol = sqlite3_column_int(stmt, 15) != 0;
		c->generated = sqlite3_column_int(stmt, 16);
		c->mask = column_text(stmt, 17, a);
	}
	return rc;
}

int catalog_load(
	struct session *s, struct database *d, int64_t id, struct arena *a, struct table **ret)
{
	CLEANUP_STMT sqlite3_stmt *stmt = NULL;
	struct table *t = arena_alloc(a, sizeof(*t));
	char where[16] = "temp";

	t->database = d;
	t->id = id;
	t->where = arena_strdup(a, d ? database_schema(d, where) : where);
	if (sql_prepare(s,
		    arena_printf(a,
			    "SELECT o.name, c.name, o.type, o.definition FROM %s.sys_objects o JOIN"
			    " %s.sys_schemas c ON c.schema_id = o.schema_id WHERE o.object_id = "
			    "%lld",
			    t->where, t->where, (long long)id),
		    &stmt))
		return -1;
	switch (sql_step(s, stmt)) {
	case 0:
		return tsql_fail(&s->error, 208, tsql_number(id));
	case 1:
		break;
	default:
		return -1;
	}
	t->name = column_text(stmt, 0, a);
	t->schema = column_text(stmt, 1, a);
	if (strcmp((const char *)sqlite3_column_text(stmt, 2), "V") == 0)
		t->view = column_text(stmt, 3, a);
	*ret = t;
	return load_columns(s, t, a);
}

int catalog_find(struct session *s, const struct name *name, struct arena *a, struct table **ret)
{
	struct database *d;
	const char *where;
	int64_t schema, id;

	if (catalog_database(s, name, &d, &where) ||
		catalog_schema(s, where, d ? name->part[NAME_SCHEMA] : NULL, &schema))
		return -1;
	if (sql_int(s, 0, &id,
		    "SELECT object_id FROM %s.sys_objects WHERE schema_id = %lld AND name = %s AND "
		    "type IN ('U', 'V')",
		    where, (long long)schema, sql_quote(a, name->part[NAME_OBJECT])))
		return -1;
	if (id == 0)
		return 0;
	return catalog_load(s, d, id, a, ret) ? -1 : 1;
}

static const char *name_text(const struct name *name, struct arena *a)
{
	const char *out = name->part[NAME_OBJECT];

	if (name->part[NAME_SCHEMA] || name->part[NAME_DATABASE])
		out = arena_printf(
			a, "%s.%s", name->part[NAME_SCHEMA] ? name->part[NAME_SCHEMA] : "", out);
	if (name->part[NAME_DATABASE])
		out = arena_printf(a, "%s.%s", name->part[NAME_DATABASE], out);
	return out;
}

int catalog_get(struct session *s, const struct name *name, struct arena *a, struct table **ret)
{
	int rc = catalog_find(s, name, a, ret);

	if (rc == 0) {
		if (name->line)
			s->error.line = name->line;
		return tsql_fail(&s->error, 208, name_text(name, a));
	}
	return rc < 0 ? -1 : 0;
}

static int load_index_columns(
	struct session *s, const struct table *t, struct table_index *ix, struct arena *a)
{
	CLEANUP_STMT sqlite3_stmt *stmt = NULL;
	size_t cap = 0, n = 0, cap2 = 0;
	int rc;

	if (sql_prepare(s,
		    arena_printf(a,
			    "SELECT column_id, descending FROM %s.sys_index_columns WHERE "
			    "object_id = %lld"
			    " AND index_id = %d AND included = 0 ORDER BY ordinal",
			    t->where, (long long)t->id, ix->id),
		    &stmt))
		return -1;
	while ((rc = sql_step(s, stmt)) == 1) {
		ix->columns = arena_grow(a, ix->columns, ix->n, &cap, sizeof(*ix->columns));
		ix->columns[ix->n++] = sqlite3_column_int(stmt, 0);
		ix->descending = arena_grow(a, ix->descending, n, &cap2, sizeof(*ix->descending));
		ix->descending[n++] = sqlite3_column_int(stmt, 1) != 0;
	}
	return rc;
}

int catalog_load_indexes(struct session *s, struct table *t, struct arena *a)
{
	CLEANUP_STMT sqlite3_stmt *stmt = NULL;
	size_t cap = 0;
	int rc;

	t->indexes = NULL;
	t->n_indexes = 0;
	if (sql_prepare(s,
		    arena_printf(a,
			    "SELECT index_id, name, is_unique, is_primary, is_constraint, filter, "
			    "constraint_id, clustered, kind, ignore_dup, disabled"
			    " FROM %s.sys_indexes WHERE object_id = %lld ORDER BY index_id",
			    t->where, (long long)t->id),
		    &stmt))
		return -1;
	while ((rc = sql_step(s, stmt)) == 1) {
		struct table_index ix = {.id = sqlite3_column_int(stmt, 0)};

		ix.name = column_text(stmt, 1, a);
		ix.unique = sqlite3_column_int(stmt, 2) != 0;
		ix.primary = sqlite3_column_int(stmt, 3) != 0;
		ix.constraint = sqlite3_column_int(stmt, 4) != 0;
		ix.filter = column_text(stmt, 5, a);
		ix.constraint_id = sqlite3_column_int64(stmt, 6);
		ix.clustered = sqlite3_column_int(stmt, 7) != 0;
		ix.kind = sqlite3_column_int(stmt, 8);
		ix.ignore_dup = sqlite3_column_int(stmt, 9) != 0;
		ix.disabled = sqlite3_column_int(stmt, 10) != 0;
		if (load_index_columns(s, t, &ix, a))
			return -1;
		t->indexes = arena_grow(a, t->indexes, t->n_indexes, &cap, sizeof(*t->indexes));
		t->indexes[t->n_indexes++] = ix;
	}
	return rc;
}

const struct table_column *table_column(const struct table *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcasecmp(t->v[i].name, name) == 0)
			return &t->v[i];
	return NULL;
}

const struct table_column *table_column_by_id(const struct table *t, int id)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].id == id)
			return &t->v[i];
	return NULL;
}

const char *table_full_name(const struct table *t, struct arena *a)
{
	return arena_printf(
		a, "%s.%s.%s", t->database ? t->database->name : "tempdb", t->schema, t->name);
}

const char *table_two_part(const struct table *t, struct arena *a)
{
	return arena_printf(a, "%s.%s", t->schema, t->name);
}
