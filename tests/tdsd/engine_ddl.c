/* CREATE and DROP. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/tdsd/engine_translate.h"
#include "tests/tdsd/engine_module.h"
#include "tests/tdsd/engine_partition.h"
#include "tests/tdsd/engine_security.h"
#include "tests/tdsd/engine_trigger.h"
#include "tests/tdsd/engine_ddl.h"
#include "tests/tdsd/engine_storage.h"

/* --- CREATE --- */

static int create_table(struct session *s, struct stmt *st)
{
	struct table *t;

	return table_create(s, &st->name, st->table, &t, &s->frame->arena);
}

/* The table of ALTER, CREATE INDEX … with its indexes; error `missing` when there is none. */
int ddl_table(struct session *s, const struct name *name, int32_t missing, struct table **ret)
{
	int rc = catalog_find(s, name, &s->frame->arena, ret);

	if (rc == 0 || (rc == 1 && (*ret)->view))
		return tsql_fail(&s->error, missing, name->part[NAME_OBJECT]);
	s->target = rc == 1 ? *ret : NULL;
	return rc < 0 ? -1 : catalog_load_indexes(s, *ret, &s->frame->arena);
}

static int create_index(struct session *s, struct stmt *st)
{
	struct table *t;

	if (ddl_table(s, &st->name, 1088, &t) ||
		table_add_constraint(s, t, st->index, &s->frame->arena))
		return -1;
	if (table_rebuild_indexes(s, t)) {
		if (s->error.number == 2601 || s->error.number == 2627)
			return tsql_fail(&s->error, 1505, table_two_part(t, &s->frame->arena),
				st->index->name, "(?)");
		return -1;
	}
	return 0;
}

/* SQLite's indexes of the table anew. */
int table_rebuild_indexes(struct session *s, struct table *t)
{
	struct arena *a = &s->frame->arena;
	CLEANUP_STMT sqlite3_stmt *stmt = NULL;
	CLEANUP(buf_release) struct buf names = BUF_INIT(1024 * 1024);
	int rc;

	if (sql_prepare(s,
		    arena_printf(a,
			    "SELECT name FROM %s.sqlite_schema WHERE type = 'index' AND tbl_name = "
			    "'t%lld' AND sql IS NOT NULL",
			    strcmp(t->where, "temp") == 0 ? "temp" : t->where, (long long)t->id),
		    &stmt))
		return -1;
	while ((rc = sql_step(s, stmt)) == 1)
		buf_printf(&names, "%s ", (const char *)sqlite3_column_text(stmt, 0));
	sqlite3_finalize(stmt);
	stmt = NULL;
	for (char *save = NULL,
		  *name = strtok_r(names.data ? names.data : (char[]){""}, " ", &save);
		rc == 0 && name; name = strtok_r(NULL, " ", &save))
		rc = sql_execf(s, "DROP INDEX %s.%s", t->where, name);
	return rc ? -1 : table_build_indexes(s, t);
}

static int create_schema(struct session *s, struct stmt *st)
{
	char where[16];
	int64_t id;

	if (catalog_schema(s, database_schema(s->current, where), st->text, &id))
		return -1;
	if (id > 0)
		return tsql_fail(&s->error, 2714, st->text);
	return sql_execf(s,
		"INSERT INTO %s.sys_schemas SELECT max(max(schema_id) + 1, 5), %s FROM "
		"%s.sys_schemas",
		where, sql_quote(&s->frame->arena, st->text), where);
}

static int create_database(struct session *s, struct stmt *st)
{
	struct err err = ERR_INIT;

	if (engine_database(s->e, st->text))
		return tsql_fail(&s->error, 1801, st->text);
	if (s->trancount)
		return tsql_fail(&s->error, 226, "CREATE DATABASE");
	return engine_create_database(s->e, st->text, &err) ? tsql_unsupported(&s->error, err.msg)
							    : 0;
}

/* The columns that a view has are those of its query. */
static int create_view(struct session *s, struct stmt *st)
{
	struct translator tr = {.s = s, .a = &s->frame->arena, .schema_only = true};
	struct database *d;
	const char *where;
	int64_t schema, id;
	struct translated q;
	struct table *t;

	if (catalog_database(s, &st->name, &d, &where) ||
		catalog_schema(s, where, st->name.part[NAME_SCHEMA], &schema))
		return -1;
	where = arena_strdup(tr.a, where);
	if (schema < 0)
		return tsql_fail(&s->error, 2760, st->name.part[NAME_SCHEMA]);
	if (st->on) {
		struct table *was;
		int found = catalog_find(s, &st->name, tr.a, &was);

		if (found < 0 || (found && was->view && table_drop(s, was)))
			return -1;
	}
	if (tr_query(&tr, st->query, &q) ||
		catalog_new_object(
			s, where, schema, st->name.part[NAME_OBJECT], "V", 0, st->text, &id) ||
		catalog_load(s, d, id, tr.a, &t))
		return -1;
	if (st->n_columns && st->n_columns != q.n)
		return tsql_fail(
			&s->error, st->n_columns < q.n ? 8158 : 8159, st->name.part[NAME_OBJECT]);
	for (size_t i = 0; i < q.n; i++) {
		struct column_def c = {.name = st->n_columns ? st->columns[i] : q.v[i].name,
			.type = q.v[i],
			.has_null = true};

		if (!c.name[0])
			return tsql_fail(&s->error, 8155, tsql_number((int64_t)i + 1),
				st->name.part[NAME_OBJECT]);
		c.nullable = q.v[i].nullable;
		c.type.identity = c.type.computed = false;
		if (table_add_column(s, t, &c, tr.a) || catalog_load(s, d, id, tr.a, &t))
			return -1;
	}
	return 0;
}

/* --- DROP --- */

static int drop_table(struct session *s, struct stmt *st, const struct name *name)
{
	struct table *t;
	int64_t referenced;
	int rc = catalog_find(s, name, &s->frame->arena, &t);
	bool view = strcmp(st->text, "VIEW") == 0;

	if (rc < 0)
		return -1;
	if (rc == 0 || view != (t->view != NULL)) {
		if (st->if_exists && rc == 0)
			return 0;
		return tsql_fail(
			&s->error, 3701, "drop", view ? "view" : "table", name->part[NAME_OBJECT]);
	}
	if (sql_int(s, 0, &referenced,
		    "SELECT 1 FROM %s.sys_foreign_keys WHERE referenced_id = %lld AND parent_id <> "
		    "%lld LIMIT 1",
		    t->where, (long long)t->id, (long long)t->id))
		return -1;
	if (referenced)
		return tsql_fail(&s->error, 3726, t->name);
	if (storage_refuses(s, t, STORAGE_DROP))
		return -1;
	return table_drop(s, t);
}

/* DROP INDEX name ON table, and the old table.name */
static int drop_index(struct session *s, struct stmt *st, const struct name *name)
{
	struct table *t;
	struct name on = st->name2;
	const char *index = name->part[NAME_OBJECT];

	if (!on.part[NAME_OBJECT]) {
		on.part[NAME_OBJECT] = name->part[NAME_SCHEMA];
		on.part[NAME_SCHEMA] = name->part[NAME_DATABASE];
	}
	if (!on.part[NAME_OBJECT])
		return tsql_fail(&s->error, 159);
	if (ddl_table(s, &on, 3701, &t))
		return s->error.number == 3701 ? tsql_fail(&s->error, 3701, "drop", "index", index)
					       : -1;
	for (size_t i = 0; i < t->n_indexes; i++) {
		const struct table_index *ix = &t->indexes[i];

		if (strcasecmp(ix->name, index) != 0)
			continue;
		if (ix->constraint)
			return tsql_fail(
				&s->error, 3723, index, ix->primary ? "PRIMARY KEY" : "UNIQUE KEY");
		return sql_execf(s,
			       "DELETE FROM %s.sys_index_columns WHERE object_id = %lld AND "
			       "index_id = %d",
			       t->where, (long long)t->id, ix->id) ||
				       sql_execf(s,
					       "DELETE FROM %s.sys_indexes WHERE object_id = %lld "
					       "AND index_id = %d",
					       t->where, (long long)t->id, ix->id) ||
				       table_rebuild_indexes(s, t)
			       ? -1
			       : 0;
	}
	return st->if_exists ? 0
			     : tsql_fail(&s->error, 3701, "drop", "index",
				       arena_printf(&s->frame->arena, "%s.%s", t->name, index));
}

static int drop_schema(struct session *s, struct stmt *st, const struct name *name)
{
	char where[16];
	int64_t id, used;

	if (catalog_schema(s, database_schema(s->current, where), name->part[NAME_OBJECT], &id))
		return -1;
	if (id < 0)
		return st->if_exists ? 0
				     : tsql_fail(&s->error, 15151, "drop", "schema",
					       name->part[NAME_OBJECT]);
	if (sql_int(s, 0, &used, "SELECT 1 FROM %s.sys_objects WHERE schema_id = %lld LIMIT 1",
		    where, (long long)id))
		return -1;
	if (used)
		return tsql_fail(&s->error, 3729, name->part[NAME_OBJECT]);
	return sql_execf(
		s, "DELETE FROM %s.sys_schemas WHERE schema_id = %lld", where, (long long)id);
}

static int drop_trigger(struct session *s, struct stmt *st, const struct name *name)
{
	char where[16];
	int64_t id;

	if (catalog_object(s, name, "TR", &id))
		return -1;
	if (id == 0 && !st->if_exists)
		return tsql_fail(&s->error, 3701, "drop", "trigger", name->part[NAME_OBJECT]);
	return sql_execf(s, "DELETE FROM %s.sys_objects WHERE object_id = %lld AND type = 'TR'",
		database_schema(s->current, where), (long long)id);
}

static int drop_database(struct session *s, struct stmt *st, const struct name *name)
{
	struct database *d = engine_database(s->e, name->part[NAME_OBJECT]);

	if (!d)
		return st->if_exists ? 0 : tsql_fail(&s->error, 3701, "drop", "database", name->part[NAME_OBJECT]);
	if (s->trancount)
		return tsql_fail(&s->error, 226, "DROP DATABASE");
	return engine_drop_database(s->e, d) ? 0 : tsql_fail(&s->error, 3702, d->name);
}

static int drop_one(struct session *s, struct stmt *st, const struct name *name)
{
	if (strcmp(st->text, "TABLE") == 0 || strcmp(st->text, "VIEW") == 0)
		return drop_table(s, st, name);
	if (strcmp(st->text, "INDEX") == 0)
		return drop_index(s, st, name);
	if (strcmp(st->text, "SCHEMA") == 0)
		return drop_schema(s, st, name);
	if (strcmp(st->text, "TRIGGER") == 0)
		return drop_trigger(s, st, name);
	if (strcmp(st->text, "STATISTICS") == 0)
		return storage_drop_statistics(s, name);
	if (strncmp(st->text, "PARTITION", strlen("PARTITION")) == 0)
		return drop_partition(s, st, name);
	if (strcmp(st->text, "PROCEDURE") == 0)
		return drop_procedure(s, st, name);
	if (strcmp(st->text, "ROLE") == 0 || strcmp(st->text, "USER") == 0)
		return drop_principal(s, st, name);
	if (strcmp(st->text, "DATABASE") == 0)
		return drop_database(s, st, name);
	if (st->if_exists)
		return 0; /* there are none of those */
	return tsql_unsupported(&s->error, arena_printf(&s->frame->arena, "DROP %s", st->text));
}

static int drop(struct session *s, struct stmt *st)
{
	for (size_t i = 0; i < st->n_names; i++)
		if (drop_one(s, st, &st->names[i]))
			return -1;
	return 0;
}

static int set_identity_insert(struct session *s, struct stmt *st)
{
	struct table *t;
	bool identity = false;

	if (catalog_get(s, &st->name, &s->frame->arena, &t))
		return s->error.number == 208
			       ? tsql_fail(&s->error, 1088, st->name.part[NAME_OBJECT])
			       : -1;
	for (size_t i = 0; i < t->n; i++)
		identity |= t->v[i].type.identity;
	if (!identity)
		return tsql_fail(&s->error, 8106, t->name);
	if (st->on && s->identity_insert &&
		(s->identity_insert != t->id || s->identity_database != t->database))
		return tsql_fail(&s->error, 8107, tsql_number(s->identity_insert), t->name);
	if (st->on || s->identity_insert == t->id)
		s->identity_insert = st->on ? t->id : 0;
	s->identity_database = t->database;
	return 0;
}

static int alter_database(struct session *s, struct stmt *st)
{
	const char *name = st->name.part[NAME_OBJECT];
	struct database *d =
		name && strcasecmp(name, "CURRENT") != 0 ? engine_database(s->e, name) : s->current;

	if (!d)
		return tsql_fail(&s->error, 911, name);
	if (s->trancount)
		return tsql_fail(&s->error, 226, "ALTER DATABASE");
	if (strcasecmp(st->text, "ALLOW_SNAPSHOT_ISOLATION") == 0)
		d->snapshot = st->on;
	else if (strcasecmp(st->text, "READ_COMMITTED_SNAPSHOT") == 0)
		d->rcsi = st->on;
	else if (storage_database_option(s, d, st))
		return -1;
	return out_done(s, 0, false, 0, false);
}

/* The database that a statement changes. */
static struct database *changed_database(struct session *s, const struct stmt *st)
{
	const struct name *name = st->kind == ST_DROP && st->n_names ? &st->names[0] : &st->name;

	if (st->kind == ST_DROP && strcmp(st->text, "INDEX") == 0)
		return name_is_temporary(&st->name2) ? NULL
		       : st->name2.part[NAME_DATABASE]
			       ? engine_database(s->e, st->name2.part[NAME_DATABASE])
			       : s->current;
	if (st->kind == ST_CREATE_TRIGGER || st->kind == ST_INDEX_OPTION || st->kind == ST_STATISTICS)
		name = &st->name2;
	if (name->part[NAME_OBJECT] && name_is_temporary(name))
		return NULL;
	if (name->part[NAME_OBJECT] && name->part[NAME_DATABASE])
		return engine_database(s->e, name->part[NAME_DATABASE]);
	return s->current;
}

/* What error 262 says of it; NULL: that is asked elsewhere. */
static const char *ddl_right(const struct stmt *st)
{
	switch (st->kind) {
	case ST_CREATE_TABLE:
		return name_is_temporary(&st->name) ? NULL : "CREATE TABLE";
	case ST_CREATE_SCHEMA:
		return "CREATE SCHEMA";
	case ST_CREATE_VIEW:
		return "CREATE VIEW";
	case ST_CREATE_PROCEDURE:
		return "CREATE PROCEDURE";
	case ST_CREATE_TRIGGER:
		return "CREATE TRIGGER";
	case ST_CREATE_PRINCIPAL:
	case ST_ROLE_MEMBER:
	case ST_GRANT:
		return NULL;
	case ST_DROP:
		if (st->n_names && (name_is_temporary(&st->names[0]) || strcmp(st->text, "ROLE") == 0 ||
					   strcmp(st->text, "USER") == 0))
			return NULL;
		return "DROP";
	default:
		return name_is_temporary(&st->name) ? NULL : "ALTER";
	}
}

static int run(struct session *s, struct stmt *st)
{
	const char *right = ddl_right(st);

	if (right && permit_ddl(s, right))
		return -1;
	switch (st->kind) {
	case ST_CREATE_TABLE:
		return create_table(s, st);
	case ST_CREATE_INDEX:
		return create_index(s, st);
	case ST_CREATE_SCHEMA:
		return create_schema(s, st);
	case ST_CREATE_VIEW:
		return create_view(s, st);
	case ST_CREATE_TRIGGER:
		return exec_create_trigger(s, st);
	case ST_INDEX_OPTION:
	case ST_STATISTICS:
	case ST_CHECK_IDENT:
		return exec_storage(s, st);
	case ST_CREATE_PROCEDURE:
		return exec_create_procedure(s, st);
	case ST_CREATE_PARTITION:
		return exec_create_partition(s, st);
	case ST_CREATE_PRINCIPAL:
		return exec_create_principal(s, st);
	case ST_ROLE_MEMBER:
		return exec_role_member(s, st);
	case ST_GRANT:
		return exec_grant(s, st);
	case ST_DROP:
		return drop(s, st);
	default:
		return exec_alter(s, st);
	}
}

/* SQLite makes a table anew under another name, and would check what refers to it. Its pragma is of
 * no effect within a transaction: DDL that rebuilds is the first to write there, or foreign keys
 * are put off. */
int exec_ddl(struct session *s, struct stmt *st)
{
	struct database *d;
	int rc;

	switch (st->kind) {
	case ST_CREATE_DATABASE:
		return create_database(s, st) ? -1 : out_done(s, 0, false, 0, false);
	case ST_SET_IDENTITY_INSERT:
		return set_identity_insert(s, st);
	case ST_ALTER_DATABASE:
		return alter_database(s, st);
	default:
		break;
	}
	d = changed_database(s, st);
	if (d && session_attach(s, d))
		return -1;
	if (tran_for_write(s, d) || statement_begin(s))
		return -1;
	rc = run(s, st);
	if (statement_end(s, rc == 0))
		return -1;
	return out_done(s, 0, false, 0, false);
}
