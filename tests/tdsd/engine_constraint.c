/* Constraints and indexes into the catalog. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "tests/tdsd/engine_catalog.h"

/* PK__table__0123456789ABCDEF as SQL Server makes names up: of the ids, so that they repeat. */
static const char *made_up(
	const char *prefix, const struct table *t, const char *column, struct arena *a, int64_t n)
{
	uint32_t hash = 2166136261u;

	for (const char *p = t->name; *p; p++)
		hash = (hash ^ (uint8_t)*p) * 16777619u;
	if (column)
		return arena_printf(a, "%s__%.9s__%.9s__%08X", prefix, t->name, column,
			hash ^ (uint32_t)(n * 2654435761u));
	return arena_printf(
		a, "%s__%.9s__%08X%08X", prefix, t->name, hash, (uint32_t)(n * 2654435761u));
}

static int next_object(struct session *s, const struct table *t, int64_t *ret)
{
	return sql_int(s, 1, ret, "SELECT max(abs(object_id)) + 1 FROM %s.sys_objects", t->where);
}

static int schema_of(struct session *s, const struct table *t, int64_t *ret)
{
	return sql_int(s, SCHEMA_DBO, ret,
		"SELECT schema_id FROM %s.sys_objects WHERE object_id = %lld", t->where,
		(long long)t->id);
}

static int add_index_column(struct session *s, const struct table *t, int64_t index, size_t ordinal,
	const char *name, bool descending, bool included)
{
	const struct table_column *c = table_column(t, name);

	if (!c)
		return tsql_fail(&s->error, 1911, name);
	return sql_execf(s, "INSERT INTO %s.sys_index_columns VALUES (%lld, %lld, %zu, %d, %d, %d)",
		t->where, (long long)t->id, (long long)index, ordinal, c->id, descending, included);
}

static int add_index(struct session *s, struct table *t, const struct constraint_def *c,
	const char *name, int64_t constraint, struct arena *a)
{
	int64_t index, taken;

	if (sql_int(s, 0, &taken,
		    "SELECT 1 FROM %s.sys_indexes WHERE object_id = %lld AND name = %s", t->where,
		    (long long)t->id, sql_quote(a, name)))
		return -1;
	if (taken)
		return tsql_fail(&s->error, 1913, name, table_two_part(t, a));
	if (sql_int(s, c->clustered ? 1 : 2, &index,
		    "SELECT max(max(index_id) + 1, 2) FROM %s.sys_indexes WHERE object_id = %lld",
		    t->where, (long long)t->id))
		return -1;
	if (c->clustered &&
		sql_int(s, 0, &taken,
			"SELECT 1 FROM %s.sys_indexes WHERE object_id = %lld AND index_id = 1",
			t->where, (long long)t->id))
		return -1;
	if (c->clustered && !taken)
		index = 1;
	if (sql_execf(s,
		    "INSERT INTO %s.sys_indexes VALUES (%lld, %lld, %s, %d, %d, %d, %d, %s, %lld, %d, "
		    "%d, %d, 0, %d)",
		    t->where, (long long)t->id, (long long)index, sql_quote(a, name), c->unique,
		    c->kind == CON_PRIMARY, constraint != 0, c->clustered,
		    c->kind == CON_INDEX && c->text ? sql_quote(a, c->text) : "NULL",
		    (long long)constraint, c->columnstore, c->ignore_dup, c->fill_factor,
		    c->compression))
		return -1;
	for (size_t i = 0; i < c->n_columns; i++)
		if (add_index_column(s, t, index, i + 1, c->columns[i], c->descending[i], false))
			return -1;
	for (size_t i = 0; i < c->n_included; i++)
		if (add_index_column(
			    s, t, index, c->n_columns + i + 1, c->included[i], false, true))
			return -1;
	return 0;
}

static int add_key(
	struct session *s, struct table *t, const struct constraint_def *c, struct arena *a)
{
	bool primary = c->kind == CON_PRIMARY;
	int64_t id, schema, n, taken;
	const char *name = c->name;

	if (primary && sql_int(s, 0, &taken,
			       "SELECT 1 FROM %s.sys_indexes WHERE object_id = %lld AND is_primary",
			       t->where, (long long)t->id))
		return -1;
	if (primary && taken)
		return tsql_fail(&s->error, 1779, t->name);
	for (size_t i = 0; i < c->n_columns; i++) {
		const struct table_column *column = table_column(t, c->columns[i]);

		if (!column)
			return tsql_fail(&s->error, 1911, c->columns[i]);
		if (primary && column->type.nullable)
			return tsql_fail(&s->error, 8111, t->name);
	}
	if (next_object(s, t, &n) || schema_of(s, t, &schema))
		return -1;
	if (!name)
		name = made_up(primary ? "PK" : "UQ", t, NULL, a, n);
	if (catalog_new_object(s, t->where, schema, name, primary ? "PK" : "UQ", t->id, NULL, &id))
		return -1;
	return add_index(s, t, c, name, id, a);
}

static int foreign_columns(struct session *s, struct table *t, struct table *other,
	const char *name, const struct constraint_def *c, int64_t id)
{
	const struct table_index *primary = NULL;

	for (size_t i = 0; i < other->n_indexes; i++)
		if (other->indexes[i].primary)
			primary = &other->indexes[i];
	for (size_t i = 0; i < c->n_columns; i++) {
		const struct table_column *mine = table_column(t, c->columns[i]), *theirs = NULL;

		if (i < c->n_ref_columns)
			theirs = table_column(other, c->ref_columns[i]);
		else if (c->n_ref_columns == 0 && primary && i < primary->n)
			theirs = table_column_by_id(other, primary->columns[i]);
		if (!mine)
			return tsql_fail(&s->error, 1769, name, c->columns[i], t->name);
		if (!theirs)
			return tsql_fail(&s->error, 1776, other->name, name);
		if (engine_type_class(&mine->type) != engine_type_class(&theirs->type))
			return tsql_fail(&s->error, 1753, theirs->name, mine->name, name);
		if (sql_execf(s, "INSERT INTO %s.sys_foreign_columns VALUES (%lld, %zu, %d, %d)",
			    t->where, (long long)id, i + 1, mine->id, theirs->id))
			return -1;
	}
	return 0;
}

/* Is there a unique key of exactly these columns? */
static bool has_key(struct table *other, const struct constraint_def *c)
{
	for (size_t i = 0; i < other->n_indexes; i++) {
		const struct table_index *ix = &other->indexes[i];
		size_t found = 0;

		if (!ix->unique || ix->filter)
			continue;
		if (c->n_ref_columns == 0 && ix->primary && ix->n == c->n_columns)
			return true;
		for (size_t j = 0; j < c->n_ref_columns; j++) {
			const struct table_column *column = table_column(other, c->ref_columns[j]);

			for (size_t k = 0; column && k < ix->n; k++)
				found += ix->columns[k] == column->id;
		}
		if (c->n_ref_columns && found == ix->n && found == c->n_ref_columns)
			return true;
	}
	return false;
}

static int add_foreign(
	struct session *s, struct table *t, const struct constraint_def *c, struct arena *a)
{
	struct table *other;
	int64_t id, schema, n;
	const char *name = c->name;
	struct name references = c->references;

	if (next_object(s, t, &n) || schema_of(s, t, &schema))
		return -1;
	if (!name)
		name = made_up("FK", t, c->columns[0], a, n);
	if (!references.part[NAME_SCHEMA])
		references.part[NAME_SCHEMA] = t->schema;
	if (catalog_find(s, &references, a, &other) != 1)
		return s->error.number
			       ? -1
			       : tsql_fail(&s->error, 1767, name, references.part[NAME_OBJECT]);
	if (other->database != t->database)
		return tsql_unsupported(&s->error, "a foreign key into another database");
	if (catalog_load_indexes(s, other, a))
		return -1;
	if (!has_key(other, c))
		return tsql_fail(&s->error, 1776, other->name, name);
	if (catalog_new_object(s, t->where, schema, name, "F", t->id, NULL, &id))
		return -1;
	if (sql_execf(s, "UPDATE %s.sys_objects SET not_trusted = %d WHERE object_id = %lld", t->where,
		    c->no_check, (long long)id) ||
		sql_execf(s, "INSERT INTO %s.sys_foreign_keys VALUES (%lld, %lld, %lld, %s, %s, %d)",
		    t->where, (long long)id, (long long)t->id, (long long)other->id,
		    c->on_delete ? sql_quote(a, c->on_delete) : "NULL",
		    c->on_update ? sql_quote(a, c->on_update) : "NULL", c->no_check))
		return -1;
	return foreign_columns(s, t, other, name, c, id);
}

static int add_default(
	struct session *s, struct table *t, const struct constraint_def *c, struct arena *a)
{
	const struct table_column *column = c->for_column ? table_column(t, c->for_column) : NULL;
	int64_t id, schema, n;

	if (!column)
		return tsql_fail(&s->error, 1911, c->for_column ? c->for_column : "?");
	if (next_object(s, t, &n) || schema_of(s, t, &schema) ||
		catalog_new_object(s, t->where, schema,
			c->name ? c->name : made_up("DF", t, column->name, a, n), "D", t->id,
			c->text, &id))
		return -1;
	return sql_execf(s,
		"UPDATE %s.sys_columns SET default_id = %lld WHERE object_id = %lld AND column_id "
		"= %d",
		t->where, (long long)id, (long long)t->id, column->id);
}

static int add_check(
	struct session *s, struct table *t, const struct constraint_def *c, struct arena *a)
{
	int64_t id, schema, n;

	if (next_object(s, t, &n) || schema_of(s, t, &schema))
		return -1;
	return catalog_new_object(s, t->where, schema,
		       c->name ? c->name : made_up("CK", t, NULL, a, n), "C", t->id, c->text, &id) ||
			       sql_execf(s, "UPDATE %s.sys_objects SET not_trusted = %d WHERE "
					    "object_id = %lld",
				       t->where, c->no_check, (long long)id)
		       ? -1
		       : 0;
}

int table_add_constraint(
	struct session *s, struct table *t, const struct constraint_def *c, struct arena *a)
{
	switch (c->kind) {
	case CON_PRIMARY:
	case CON_UNIQUE:
		return add_key(s, t, c, a);
	case CON_FOREIGN:
		return add_foreign(s, t, c, a);
	case CON_CHECK:
		return add_check(s, t, c, a);
	case CON_DEFAULT:
		return add_default(s, t, c, a);
	case CON_INDEX:
		return add_index(s, t, c, c->name, 0, a);
	}
	return 0;
}
