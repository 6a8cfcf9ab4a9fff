/* ALTER TABLE, ALTER SCHEMA: the catalog changes, then SQLite's table is made anew. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/tdsd/engine_counted.h"
#include "tests/tdsd/engine_ddl.h"
#include "tests/tdsd/engine_storage.h"

static int rebuild(struct session *s, const struct table *old)
{
	return table_rebuild(s, old->database, old->id, old);
}

static bool has_default(const struct column_def *c)
{
	for (size_t i = 0; i < c->n_constraints; i++)
		if (c->constraints[i].kind == CON_DEFAULT)
			return true;
	return false;
}

/* Rows that are there get the default of a new column that is not null. */
static int fill_default(struct session *s, const struct table *t, const struct column_def *def)
{
	struct arena *a = &s->frame->arena;
	const struct table_column *c = table_column(t, def->name);
	struct tds_column type = c->type;
	struct cell v = cell_null();

	for (size_t i = 0; i < def->n_constraints; i++)
		if (def->constraints[i].kind == CON_DEFAULT &&
			eval_cast(s, def->constraints[i].e, &type, &v))
			return -1;
	if (v.kind == CELL_NULL)
		return 0;
	return sql_execf(s, "UPDATE %s.t%lld SET c%d = %s", t->where, (long long)t->id, c->id,
		cell_literal(&v, a));
}

static int fill_identity(struct session *s, const struct table *t, const struct table_column *c)
{
	return sql_execf(s,
		       "UPDATE %s.t%lld SET c%d = %s + (SELECT count(*) FROM %s.t%lld b WHERE "
		       "b.rowid < t%lld.rowid) * %s",
		       t->where, (long long)t->id, c->id, c->seed, t->where, (long long)t->id,
		       (long long)t->id, c->increment) ||
			       sql_execf(s,
				       "UPDATE %s.sys_objects SET identity_last = (SELECT "
				       "CAST(max(c%d) AS TEXT) FROM %s.t%lld) WHERE object_id = "
				       "%lld",
				       t->where, c->id, t->where, (long long)t->id,
				       (long long)t->id)
		       ? -1
		       : 0;
}

static int add_columns(struct session *s, struct stmt *st, struct table *t, bool rows)
{
	struct arena *a = &s->frame->arena;

	for (size_t i = 0; i < st->table->n_columns; i++) {
		struct column_def c = st->table->columns[i];

		if (!c.has_null) {
			c.nullable = !c.identity && c.type.user_type != TDS_USER_ROWVERSION;
			c.has_null = !c.computed;
		}
		if (rows && !c.nullable && !c.computed && !c.identity && !has_default(&c) &&
			c.type.user_type != TDS_USER_ROWVERSION)
			return tsql_fail(&s->error, 4901, c.name, t->name);
		if (table_add_column(s, t, &c, a) || catalog_load(s, t->database, t->id, a, &t))
			return -1;
		for (size_t j = 0; j < c.n_constraints; j++)
			if (c.constraints[j].kind == CON_DEFAULT &&
				table_add_constraint(s, t, &c.constraints[j], a))
				return -1;
	}
	return 0;
}

static int fill_columns(struct session *s, struct stmt *st, struct table *t)
{
	for (size_t i = 0; i < st->table->n_columns; i++) {
		const struct table_column *c = table_column(t, st->table->columns[i].name);

		if (c->computed)
			continue;
		if (c->type.identity
				? fill_identity(s, t, c)
				: !c->type.nullable && fill_default(s, t, &st->table->columns[i]))
			return -1;
		if (c->type.user_type == TDS_USER_ROWVERSION &&
			sql_execf(s, "UPDATE %s.t%lld SET c%d = t_rowversion()", t->where,
				(long long)t->id, c->id))
			return -1;
	}
	return 0;
}

/* A new key that the rows break. */
static int constraint_failed(
	struct session *s, const struct table *t, const struct constraint_def *c)
{
	if (s->error.number == 2601 || s->error.number == 2627)
		return tsql_fail(&s->error, 1505, table_two_part(t, &s->frame->arena),
			c->name ? c->name : "?", "(?)");
	return -1;
}

static int check_foreign(struct session *s, const struct table *t)
{
	int64_t broken;

	if (sql_int(s, 0, &broken, "SELECT 1 FROM pragma_foreign_key_check('t%lld', '%s') LIMIT 1",
		    (long long)t->id, t->where))
		return -1;
	return broken ? tsql_fail(&s->error, 547, "ALTER TABLE", "FOREIGN KEY", "?",
				t->database ? t->database->name : "tempdb",
				table_two_part(t, &s->frame->arena), "")
		      : 0;
}

static int alter_add(struct session *s, struct stmt *st, struct table *t)
{
	struct arena *a = &s->frame->arena;
	struct table *now;
	bool foreign = false;

	if (catalog_load(s, t->database, t->id, a, &now) ||
		add_columns(s, st, now, table_has_rows(s, t)) ||
		catalog_load(s, t->database, t->id, a, &now))
		return -1;
	if (st->table->n_columns) {
		if (rebuild(s, t) || fill_columns(s, st, now))
			return -1;
		t = now;
	}
	for (size_t i = 0; i < st->table->n_columns; i++) {
		const struct column_def *c = &st->table->columns[i];

		for (size_t j = 0; j < c->n_constraints; j++)
			if (c->constraints[j].kind != CON_DEFAULT &&
				table_add_constraint(s, now, &c->constraints[j], a))
				return -1;
	}
	for (size_t i = 0; i < st->table->n_constraints; i++) {
		if (table_add_constraint(s, now, &st->table->constraints[i], a))
			return -1;
		foreign |= st->table->constraints[i].kind == CON_FOREIGN &&
			   !st->table->constraints[i].no_check;
		s->verifying |= !st->table->constraints[i].no_check;
	}
	if (rebuild(s, t))
		return constraint_failed(s, now,
			st->table->n_constraints ? &st->table->constraints[0]
						 : &(struct constraint_def){0});
	return foreign ? check_foreign(s, now) : 0;
}

/* What hangs on a column: error 5074, then 4922. */
static int column_is_free(struct session *s, const struct table *t, const struct table_column *c,
	const char *what, bool with_default)
{
	struct arena *a = &s->frame->arena;
	struct tsql_error dependent = {.severity = 16, .state = 1};

	for (size_t i = 0; i < t->n_indexes; i++)
		for (size_t j = 0; j < t->indexes[i].n; j++)
			if (t->indexes[i].columns[j] == c->id)
				(void)tsql_fail(&dependent, 5074,
					t->indexes[i].constraint ? "object" : "index",
					t->indexes[i].name, "column", c->name);
	if (with_default && c->default_id)
		(void)tsql_fail(&dependent, 5074, "object", "?", "column", c->name);
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].computed && strcasestr(t->v[i].computed, c->name))
			(void)tsql_fail(
				&dependent, 5074, "column", t->v[i].name, "column", c->name);
	if (!dependent.number)
		return 0;
	dependent.line = s->line;
	if (s->tries == 0 && out_message(s, &dependent))
		return -1;
	return tsql_fail(&s->error, 4922, what, arena_strdup(a, c->name));
}

static int alter_column(struct session *s, struct stmt *st, struct table *t)
{
	struct arena *a = &s->frame->arena;
	struct column_def c = st->table->columns[0];
	const struct table_column *was = table_column(t, c.name);
	struct tds_column type = c.type;
	char code[TYPE_CODE_MAX];
	bool nullable = c.has_null ? c.nullable : true;

	if (!was)
		return tsql_fail(&s->error, 4924, "ALTER TABLE ALTER COLUMN", c.name, t->name);
	if (c.collation && !engine_collation_parse(c.collation, type.collation))
		return tsql_fail(&s->error, 448, c.collation);
	if (!c.collation && engine_type_class(&type) == TC_TEXT &&
		engine_type_class(&was->type) == TC_TEXT)
		memcpy(type.collation, was->type.collation, TDS_COLLATION_LEN);
	/* a column of an index may only grow, or change whether it is null */
	if (!(engine_type_class(&type) == engine_type_class(&was->type) &&
		    type.size >= was->type.size) &&
		column_is_free(s, t, was, "ALTER TABLE ALTER COLUMN", false))
		return -1;
	if (sql_execf(s,
		    "UPDATE %s.sys_columns SET code = '%s', type_name = %s, type_text = %s, "
		    "system_type = %d, user_type = %u,"
		    " max_length = %d, precision = %d, scale = %d, collation = %s, nullable = %d "
		    "WHERE object_id = %lld AND column_id = %d",
		    t->where, engine_type_code(&type, code), sql_quote(a, engine_type_name(&type)),
		    sql_quote(a, engine_type_print(&type, a)), engine_system_type(&type),
		    type.user_type, type.size == TDS_SIZE_MAX ? -1 : (int)type.size,
		    (int)engine_precision(&type), type.scale,
		    engine_type_class(&type) == TC_TEXT
			    ? sql_quote(a, engine_collation_name(type.collation, a))
			    : "NULL",
		    nullable, (long long)t->id, was->id))
		return -1;
	s->verb = "ALTER TABLE";
	if (rebuild(s, t)) {
		if (s->error.number == 515)
			return tsql_fail(&s->error, 515, c.name, table_full_name(t, a), "UPDATE");
		return -1;
	}
	return 0;
}

static int drop_column(struct session *s, struct stmt *st, struct table *t, const char *name)
{
	const struct table_column *c = table_column(t, name);

	if (!c)
		return st->if_exists ? 0
				     : tsql_fail(&s->error, 4924, "ALTER TABLE DROP COLUMN", name,
					       t->name);
	if (column_is_free(s, t, c, "ALTER TABLE DROP COLUMN", true))
		return -1;
	return sql_execf(s, "DELETE FROM %s.sys_columns WHERE object_id = %lld AND column_id = %d",
		t->where, (long long)t->id, c->id);
}

static int drop_constraint(struct session *s, struct stmt *st, struct table *t, const char *name)
{
	struct arena *a = &s->frame->arena;
	int64_t id;

	if (sql_int(s, 0, &id,
		    "SELECT object_id FROM %s.sys_objects WHERE parent_id = %lld AND name = %s",
		    t->where, (long long)t->id, sql_quote(a, name)))
		return -1;
	if (id == 0)
		return st->if_exists ? 0 : tsql_fail(&s->error, 3728, name);
	for (size_t i = 0; i < t->n_indexes; i++) {
		int64_t referenced;

		if (t->indexes[i].constraint_id != id)
			continue;
		if (t->indexes[i].primary && change_is_tracked(s, t) == 1)
			return tsql_fail(&s->error, 3735, t->indexes[i].name, t->name);
		if (sql_int(s, 0, &referenced,
			    "SELECT 1 FROM %s.sys_foreign_keys WHERE referenced_id = %lld LIMIT 1",
			    t->where, (long long)t->id))
			return -1;
		if (referenced)
			return tsql_fail(&s->error, 3725, name, "?", "?");
	}
	return sql_execf(s,
		       "DELETE FROM %s.sys_index_columns WHERE object_id = %lld AND index_id IN "
		       "(SELECT index_id FROM %s.sys_indexes WHERE"
		       " object_id = %lld AND constraint_id = %lld)",
		       t->where, (long long)t->id, t->where, (long long)t->id, (long long)id) ||
			       sql_execf(s,
				       "DELETE FROM %s.sys_indexes WHERE object_id = %lld AND "
				       "constraint_id = %lld",
				       t->where, (long long)t->id, (long long)id) ||
			       sql_execf(s,
				       "DELETE FROM %s.sys_foreign_columns WHERE object_id = %lld",
				       t->where, (long long)id) ||
			       sql_execf(s,
				       "DELETE FROM %s.sys_foreign_keys WHERE object_id = %lld",
				       t->where, (long long)id) ||
			       sql_execf(s,
				       "UPDATE %s.sys_columns SET default_id = 0 WHERE object_id = "
				       "%lld AND default_id = %lld",
				       t->where, (long long)t->id, (long long)id) ||
			       sql_execf(s, "DELETE FROM %s.sys_objects WHERE object_id = %lld",
				       t->where, (long long)id)
		       ? -1
		       : 0;
}

static int alter_drop(struct session *s, struct stmt *st, struct table *t)
{
	for (size_t i = 0; i < st->n_names; i++) {
		const char *name = st->names[i].part[NAME_OBJECT];

		if (strcmp(st->text, "COLUMN") == 0 ? drop_column(s, st, t, name)
						    : drop_constraint(s, st, t, name))
			return -1;
	}
	return rebuild(s, t);
}

/* [WITH CHECK] CHECK, NOCHECK CONSTRAINT: trusted is what the rows were held against. */
static int alter_check(struct session *s, struct stmt *st, struct table *t)
{
	struct arena *a = &s->frame->arena;
	const char *set = arena_printf(a, "disabled = %d, not_trusted = %d", !st->on,
		!(st->on && st->if_exists));

	s->verifying = st->on && st->if_exists;
	if (st->n_names == 0 &&
		sql_execf(s,
			"UPDATE %s.sys_objects SET %s WHERE parent_id = %lld AND type IN ('C', 'F')",
			t->where, set, (long long)t->id))
		return -1;
	for (size_t i = 0; i < st->n_names; i++) {
		const char *name = st->names[i].part[NAME_OBJECT];
		int64_t there;

		if (sql_int(s, 0, &there,
			    "SELECT 1 FROM %s.sys_objects WHERE parent_id = %lld AND name = %s AND type "
			    "IN ('C', 'F')",
			    t->where, (long long)t->id, sql_quote(a, name)))
			return -1;
		if (!there)
			return tsql_fail(&s->error, 4917, name);
		if (sql_execf(s,
			    "UPDATE %s.sys_objects SET %s WHERE parent_id = %lld AND name = %s",
			    t->where, set, (long long)t->id, sql_quote(a, name)))
			return -1;
	}
	if (sql_execf(s,
		    "UPDATE %s.sys_foreign_keys SET not_trusted = (SELECT not_trusted FROM "
		    "%s.sys_objects o WHERE o.object_id = sys_foreign_keys.object_id) WHERE parent_id = "
		    "%lld",
		    t->where, t->where, (long long)t->id) ||
		rebuild(s, t))
		return -1;
	return s->verifying ? check_foreign(s, t) : 0;
}

/* ALTER SCHEMA x TRANSFER y */
static int transfer(struct session *s, struct stmt *st)
{
	char where[16];
	struct table *t;
	int64_t schema, taken;

	if (catalog_schema(s, database_schema(s->current, where), st->text, &schema))
		return -1;
	if (schema < 0)
		return tsql_fail(&s->error, 15151, "alter", "schema", st->text);
	if (catalog_find(s, &st->name, &s->frame->arena, &t) != 1)
		return tsql_fail(&s->error, 15151, "find", "object", st->name.part[NAME_OBJECT]);
	if (sql_int(s, 0, &taken,
		    "SELECT 1 FROM %s.sys_objects WHERE schema_id = %lld AND name = %s", where,
		    (long long)schema, sql_quote(&s->frame->arena, t->name)))
		return -1;
	if (taken)
		return tsql_fail(&s->error, 15530, t->name);
	return sql_execf(s,
		"UPDATE %s.sys_objects SET schema_id = %lld WHERE object_id = %lld OR parent_id = "
		"%lld",
		where, (long long)schema, (long long)t->id, (long long)t->id);
}

static int alter(struct session *s, struct stmt *st)
{
	struct table *t;

	if (st->kind == ST_ALTER_SCHEMA)
		return transfer(s, st);
	if (ddl_table(s, &st->name, 4902, &t))
		return -1;
	switch (st->kind) {
	case ST_ALTER_ADD:
		return alter_add(s, st, t);
	case ST_ALTER_COLUMN:
		return alter_column(s, st, t);
	case ST_ALTER_DROP:
		return alter_drop(s, st, t);
	case ST_ALTER_CHECK:
		return alter_check(s, st, t);
	case ST_ALTER_SWITCH:
		return exec_switch(s, st, t);
	default:
		return storage_alter_table(s, st, t);
	}
}

int exec_alter(struct session *s, struct stmt *st)
{
	int rc;

	s->altering = true;
	rc = alter(s, st);
	s->altering = s->verifying = false;
	if (rc)
		(void)sqlite3_exec(
			s->db, "PRAGMA ignore_check_constraints = OFF", NULL, NULL, NULL);
	return rc;
}
