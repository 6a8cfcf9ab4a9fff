/*
 * Change tracking. Triggers of SQLite write each change of a tracked table into ct<object id>,
 * under the version of the transaction: one writer at a time has the database, so versions are in
 * the order of commits, and a snapshot sees the version and the changes of one moment.
 */
#include "tests/tdsd/engine_storage.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/tdsd/engine_translate.h"

#define RETENTION_DAYS "2"

/* --- databases --- */

static int is_enabled(struct session *s, const char *where, int64_t *ret)
{
	return sql_int(s, 0, ret, "SELECT 1 FROM %s.sys_change_state", where);
}

static int set_state(struct session *s, const struct stmt *st, const char *where)
{
	static const char *const units[] = {[1] = "MINUTES", "HOURS", "DAYS"};
	const char *retention = st->columns[0] ? st->columns[0] : NULL;
	int unit = 0;

	for (int i = 1; i < (int)ARRAY_LEN(units); i++)
		if (st->columns[1] && strcasecmp(st->columns[1], units[i]) == 0)
			unit = i;
	if (sql_execf(s,
		    "INSERT OR IGNORE INTO %s.sys_change_state VALUES (1, 0, NULL, " RETENTION_DAYS
		    ", 3, 1)",
		    where))
		return -1;
	if (retention && sql_execf(s, "UPDATE %s.sys_change_state SET retention = %d, units = %d",
				 where, atoi(retention), unit ? unit : 3))
		return -1;
	return st->columns[2] ? sql_execf(s, "UPDATE %s.sys_change_state SET cleanup = %d", where,
					strcasecmp(st->columns[2], "ON") == 0)
			      : 0;
}

static int change_database(struct session *s, struct database *d, const struct stmt *st)
{
	char where[16];
	int64_t on, tables;

	(void)database_schema(d, where);
	if (is_enabled(s, where, &on) ||
		sql_int(s, 0, &tables, "SELECT count(*) FROM %s.sys_change_tables", where))
		return -1;
	if (d->id < 5)
		return tsql_fail(&s->error, 5090, d->name);
	if (st->if_exists && st->on && on)
		return tsql_fail(&s->error, 5088, d->name);
	if ((!st->on || !st->if_exists) && !on)
		return tsql_fail(&s->error, 5089, d->name);
	if (st->on)
		return set_state(s, st, where);
	if (tables)
		return tsql_fail(&s->error, 22115, d->name);
	return sql_execf(s, "DELETE FROM %s.sys_change_state", where);
}

int change_enable_database(struct session *s, struct database *d, const struct stmt *st)
{
	int rc;

	if (session_attach(s, d) || tran_for_write(s, d) || statement_begin(s))
		return -1;
	rc = change_database(s, d, st);
	return statement_end(s, rc == 0);
}

/* --- tables --- */

int change_is_tracked(struct session *s, const struct table *t)
{
	int64_t tracked = 0;

	if (!t->database)
		return 0;
	if (sql_int(s, 0, &tracked, "SELECT 1 FROM %s.sys_change_tables WHERE object_id = %lld",
		    t->where, (long long)t->id))
		return -1;
	return tracked != 0;
}

static const struct table_index *primary_key(const struct table *t)
{
	for (size_t i = 0; i < t->n_indexes; i++)
		if (t->indexes[i].primary)
			return &t->indexes[i];
	return NULL;
}

/* ", p1" for each column of the key, with what stands before its name. */
static const char *key_list(struct arena *a, const struct table_index *key, const char *before)
{
	const char *out = "";

	for (size_t i = 0; i < key->n; i++)
		out = arena_printf(a, "%s, %s%d", out, before, key->columns[i]);
	return out;
}

static const char *key_differs(struct arena *a, const struct table_index *key)
{
	const char *out = "0";

	for (size_t i = 0; i < key->n; i++)
		out = arena_printf(a, "%s OR OLD.c%d IS NOT NEW.c%d", out, key->columns[i],
			key->columns[i]);
	return out;
}

/* The ids of the columns that an UPDATE changed, four bytes each (SYS_CHANGE_COLUMNS). */
static const char *changed_columns(struct arena *a, const struct table *t)
{
	const char *out = "''";

	for (size_t i = 0; i < t->n; i++)
		if (!t->v[i].computed)
			out = arena_printf(a,
				"%s || CASE WHEN OLD.c%d IS NOT NEW.c%d THEN '%02X%02X%02X%02X' ELSE "
				"'' END",
				out, t->v[i].id, t->v[i].id, t->v[i].id & 0xFF,
				t->v[i].id >> 8 & 0xFF, t->v[i].id >> 16 & 0xFF,
				t->v[i].id >> 24 & 0xFF);
	return arena_printf(a, "unhex(%s)", out);
}

static int build_trigger(struct session *s, const struct table *t, const struct table_index *key,
	const char *verb, const char *body)
{
	struct arena *a = &s->frame->arena;

	(void)key;
	return sql_exec(s,
		arena_printf(a,
			"CREATE TRIGGER %s.t%lld_c%c AFTER %s ON t%lld WHEN t_tracked() BEGIN UPDATE "
			"sys_change_state SET "
			"version = version + 1, tran = t_tran() WHERE tran IS NOT t_tran(); %s END",
			t->where, (long long)t->id, verb[0], verb, (long long)t->id, body));
}

static const char *record(struct arena *a, const struct table *t, const struct table_index *key,
	const char *op, const char *row, const char *columns, const char *when)
{
	return arena_printf(a,
		"INSERT INTO ct%lld (version, op, columns%s) SELECT version, '%s', %s%s FROM "
		"sys_change_state WHERE %s;",
		(long long)t->id, key_list(a, key, "k"), op, columns, key_list(a, key, row), when);
}

int change_build_triggers(struct session *s, const struct table *t)
{
	struct arena *a = &s->frame->arena;
	struct table copy = *t;
	const struct table_index *key;
	const char *differs, *columns = "NULL";
	int64_t with_columns = 0;
	int tracked = change_is_tracked(s, t);

	if (tracked <= 0)
		return tracked;
	if (catalog_load_indexes(s, &copy, a) ||
		sql_int(s, 0, &with_columns,
			"SELECT with_columns FROM %s.sys_change_tables WHERE object_id = %lld",
			t->where, (long long)t->id))
		return -1;
	key = primary_key(&copy);
	if (!key)
		return 0;
	differs = key_differs(a, key);
	if (with_columns)
		columns = changed_columns(a, t);
	if (build_trigger(s, t, key, "INSERT", record(a, t, key, "I", "NEW.c", "NULL", "1")) ||
		build_trigger(s, t, key, "DELETE", record(a, t, key, "D", "OLD.c", "NULL", "1")))
		return -1;
	return build_trigger(s, t, key, "UPDATE",
		arena_printf(a, "%s %s %s",
			record(a, t, key, "U", "NEW.c", columns, arena_printf(a, "NOT (%s)", differs)),
			record(a, t, key, "D", "OLD.c", "NULL", differs),
			record(a, t, key, "I", "NEW.c", "NULL", differs)));
}

static int enable_table(struct session *s, const struct stmt *st, struct table *t)
{
	struct arena *a = &s->frame->arena;
	const struct table_index *key = primary_key(t);
	int64_t on;
	int tracked = change_is_tracked(s, t);

	if (tracked < 0 || is_enabled(s, t->where, &on))
		return -1;
	if (!on)
		return tsql_fail(&s->error, 1718, t->database ? t->database->name : "tempdb", t->name);
	if (tracked)
		return tsql_fail(&s->error, 4996, t->name);
	if (!key)
		return tsql_fail(&s->error, 4997, t->name);
	if (sql_execf(s,
		    "INSERT INTO %s.sys_change_tables SELECT %lld, %d, version, version FROM "
		    "%s.sys_change_state",
		    t->where, (long long)t->id, st->if_exists, t->where) ||
		sql_execf(s,
			"CREATE TABLE %s.ct%lld (seq INTEGER PRIMARY KEY, version INTEGER, op TEXT, "
			"columns BLOB, context BLOB%s)",
			t->where, (long long)t->id, key_list(a, key, "k")))
		return -1;
	return change_build_triggers(s, t);
}

static int disable_table(struct session *s, struct table *t)
{
	int tracked = change_is_tracked(s, t);

	if (tracked < 0)
		return -1;
	if (!tracked)
		return tsql_fail(&s->error, 4998, t->name);
	for (const char *verb = "IUD"; *verb; verb++)
		if (sql_execf(s, "DROP TRIGGER IF EXISTS %s.t%lld_c%c", t->where, (long long)t->id,
			    *verb))
			return -1;
	return sql_execf(s, "DROP TABLE %s.ct%lld", t->where, (long long)t->id) ||
			       sql_execf(s,
				       "DELETE FROM %s.sys_change_tables WHERE object_id = %lld",
				       t->where, (long long)t->id)
		       ? -1
		       : 0;
}

int change_table(struct session *s, const struct stmt *st, struct table *t)
{
	return st->on ? enable_table(s, st, t) : disable_table(s, t);
}

int storage_forget_changes(struct session *s, const struct table *t)
{
	int tracked = change_is_tracked(s, t);

	if (tracked <= 0)
		return tracked;
	return sql_execf(s,
		       "UPDATE %s.sys_change_state SET version = version + 1, tran = t_tran() WHERE "
		       "tran IS NOT t_tran()",
		       t->where) ||
			       sql_execf(s, "DELETE FROM %s.ct%lld", t->where, (long long)t->id) ||
			       sql_execf(s,
				       "UPDATE %s.sys_change_tables SET min_version = (SELECT version "
				       "FROM %s.sys_change_state) WHERE object_id = %lld",
				       t->where, t->where, (long long)t->id)
		       ? -1
		       : 0;
}

static int flush_one(struct session *s, const char *where, int64_t id)
{
	return sql_execf(s, "DELETE FROM %s.ct%lld", where, (long long)id) ||
			       sql_execf(s,
				       "UPDATE %s.sys_change_tables SET min_version = (SELECT version FROM "
				       "%s.sys_change_state) WHERE object_id = %lld",
				       where, where, (long long)id)
		       ? -1
		       : 0;
}

/* The tracked tables of that name, or all. */
static int flush(struct session *s, const char *table, const char *where)
{
	int64_t id = 0;

	do {
		if (sql_int(s, 0, &id,
			    "SELECT min(t.object_id) FROM %s.sys_change_tables t JOIN %s.sys_objects o ON "
			    "o.object_id = t.object_id WHERE t.object_id > %lld AND (%s IS NULL OR o.name = "
			    "%s)",
			    where, where, (long long)id,
			    table ? sql_quote(&s->frame->arena, table) : "NULL",
			    table ? sql_quote(&s->frame->arena, table) : "NULL") ||
			(id && flush_one(s, where, id)))
			return -1;
	} while (id);
	return 0;
}

int change_flush(struct session *s, const char *table)
{
	char where[16];
	int rc;

	if (tran_for_write(s, s->current) || statement_begin(s))
		return -1;
	rc = flush(s, table, database_schema(s->current, where));
	return statement_end(s, rc == 0);
}

/* --- functions --- */

static void f_tran(sqlite3_context *context, int n, sqlite3_value **v)
{
	const struct session *s = function_session(context);

	(void)n;
	(void)v;
	sqlite3_result_int64(context, s->begun ? s->sqlite_tran : -1);
}

static void f_tracked(sqlite3_context *context, int n, sqlite3_value **v)
{
	(void)n;
	(void)v;
	sqlite3_result_int(context, !function_session(context)->altering);
}

static void one_number(sqlite3_context *context, const char *sql, int64_t argument)
{
	struct session *s = function_session(context);
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	CLEANUP_STMT sqlite3_stmt *stmt = NULL;
	const char *in = strstr(sql, "%s");
	char where[16];

	if (!s->attached[s->current->id])
		return;
	(void)database_schema(s->current, where);
	sql = arena_printf(&a, "%.*s%s%s", (int)(in - sql), sql, where, in + 2);
	if (sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL) != SQLITE_OK)
		return;
	(void)sqlite3_bind_int64(stmt, 1, argument);
	if (sqlite3_step(stmt) == SQLITE_ROW)
		sqlite3_result_value(context, sqlite3_column_value(stmt, 0));
}

/* What is committed: not the version of a transaction that is under way. */
static void f_current_version(sqlite3_context *context, int n, sqlite3_value **v)
{
	(void)n;
	(void)v;
	one_number(context, "SELECT version - (tran IS t_tran()) FROM %s.sys_change_state", 0);
}

static void f_min_valid_version(sqlite3_context *context, int n, sqlite3_value **v)
{
	(void)n;
	if (sqlite3_value_type(v[0]) != SQLITE_NULL)
		one_number(context, "SELECT min_version FROM %s.sys_change_tables WHERE object_id = ?1",
			sqlite3_value_int64(v[0]));
}

int functions_register_changes(struct session *s)
{
	return function_add(s, "t_tran", 0, f_tran, false) ||
			       function_add(s, "t_tracked", 0, f_tracked, false) ||
			       function_add(s, "t_change_version", 0, f_current_version, false) ||
			       function_add(s, "t_change_min_version", 1, f_min_valid_version, false)
		       ? -1
		       : 0;
}

/* --- CHANGETABLE --- */

static void add_column(struct relation *r, struct arena *a, const char *name, struct tds_column type)
{
	struct relation_column *c = &r->v[r->n++];

	c->name = name;
	c->type = type;
	c->type.name = name;
	c->sql = arena_printf(a, "%s.r%zu", r->sql_alias, r->n);
}

static void describe(struct translator *t, struct relation *r, const struct table *table,
	const struct table_index *key)
{
	struct tds_column version = engine_int_type(8), op = engine_text_type(true, 1);

	op.type = TDS_NCHAR;
	version.nullable = true;
	op.nullable = true;
	r->v = arena_array(t->a, key->n + 5, sizeof(*r->v));
	add_column(r, t->a, "SYS_CHANGE_VERSION", version);
	add_column(r, t->a, "SYS_CHANGE_CREATION_VERSION", version);
	add_column(r, t->a, "SYS_CHANGE_OPERATION", op);
	add_column(r, t->a, "SYS_CHANGE_COLUMNS", engine_bytes_type(4100));
	add_column(r, t->a, "SYS_CHANGE_CONTEXT", engine_bytes_type(128));
	for (size_t i = 0; i < key->n; i++) {
		const struct table_column *c = table_column_by_id(table, key->columns[i]);

		add_column(r, t->a, c->name, c->type);
	}
}

/* Of each key what became of it since the version: its last change, and whether it is new. */
static const char *changes_sql(struct translator *t, const struct relation *r,
	const struct table *table, const struct table_index *key, const char *since)
{
	const char *names = "r1", *keys = key_list(t->a, key, "k"), *same = "1";
	const char *out;

	for (size_t i = 1; i < r->n; i++)
		names = arena_printf(t->a, "%s, r%zu", names, i + 1);
	for (size_t i = 0; i < key->n; i++)
		same = arena_printf(t->a, "%s AND y.k%d = x.k%d%s", same, key->columns[i],
			key->columns[i],
			tr_collate(&table_column_by_id(table, key->columns[i])->type));
	out = arena_printf(t->a,
		"(WITH v (%s) AS (SELECT x.version, CASE WHEN x.op <> 'D' THEN (SELECT max(y.version) "
		"FROM %s.ct%lld y WHERE %s AND y.op = 'I' AND y.version > %s) END, CASE WHEN x.op = "
		"'D' THEN 'D' WHEN EXISTS (SELECT 1 FROM %s.ct%lld y WHERE %s AND y.op = 'I' AND "
		"y.version > %s) THEN 'I' ELSE 'U' END, CASE WHEN x.op = 'U' THEN x.columns END, "
		"x.context%s FROM %s.ct%lld x WHERE x.version > %s AND NOT EXISTS (SELECT 1 FROM "
		"%s.ct%lld y WHERE %s AND y.seq > x.seq)) SELECT * FROM v) AS %s",
		names, table->where, (long long)table->id, same, since, table->where,
		(long long)table->id, same, since, keys, table->where, (long long)table->id, since,
		table->where, (long long)table->id, same, r->sql_alias);
	return out;
}

static const char *name_as_written(struct translator *t, const struct name *name)
{
	return name->part[NAME_SCHEMA] ? arena_printf(t->a, "%s.%s", name->part[NAME_SCHEMA],
						 name->part[NAME_OBJECT])
				       : name->part[NAME_OBJECT];
}

int tr_change_table(struct translator *t, const struct from *f, const char **ret_sql)
{
	struct tds_column bigint = engine_int_type(8);
	const struct table_index *key;
	struct table *table;
	struct relation *r;
	struct term since = {.sql = "0", .type = bigint};
	const char *bound;
	int tracked;

	if (catalog_get(t->s, &f->name, t->a, &table))
		return fail_at(t, f->line, -1);
	if (!t->schema_only && table->database && tran_for_read(t->s, table->database, 0))
		return -1;
	tracked = change_is_tracked(t->s, table);
	if (tracked < 0 || catalog_load_indexes(t->s, table, t->a))
		return -1;
	key = primary_key(table);
	if (!tracked || !key)
		return fail_at(t, f->line, tsql_fail(&t->s->error, 22105, name_as_written(t, &f->name)));
	if (tr_value(t, f->call->v[0], &since) ||
		tr_cast(t, &since, &bigint, -1, CAST_EXPLICIT, &bound))
		return -1;
	r = scope_add(t);
	r->alias = f->alias ? f->alias : "CHANGETABLE";
	describe(t, r, table, key);
	for (size_t i = 0; i < f->n_columns && i < r->n; i++)
		r->v[i].name = f->columns[i];
	*ret_sql = changes_sql(t, r, table, key, arena_printf(t->a, "ifnull(%s, 0)", bound));
	return 0;
}
