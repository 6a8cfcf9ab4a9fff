#include "tests/tdsd/engine_partition.h"

#include <string.h>
#include <strings.h>

#define SCHEME_FIRST 65601 /* ids of filegroups are below */

/* The id of the function or scheme of that name; 0: none. */
static int find(struct session *s, const char *what, const char *name, int64_t *ret)
{
	char where[16];

	return sql_int(s, 0, ret, "SELECT id FROM %s.sys_partition_%s WHERE name = %s",
		database_schema(s->current, where), what, sql_quote(&s->frame->arena, name));
}

/* A boundary value of the function: in the order of the values, as a column has it and as sql_variant. */
static int add_value(struct session *s, const char *where, int64_t id, const struct tds_column *type, struct expr *e)
{
	struct tds_column variant = {.type = TDS_VARIANT, .nullable = true};
	struct translator tr = {.s = s, .a = &s->frame->arena, .schema_only = true};
	struct term v;
	const char *value, *shown;

	if (tr_value(&tr, e, &v) || tr_cast(&tr, &v, type, -1, CAST_EXPLICIT, &value))
		return -1;
	v = (struct term){.sql = value, .type = *type};
	if (tr_cast(&tr, &v, &variant, -1, CAST_EXPLICIT, &shown))
		return -1;
	return sql_execf(s, "INSERT INTO %s.sys_partition_ranges VALUES (%lld, 0, %s, %s, 0)", where, (long long)id,
		value, shown);
}

static int create_function(struct session *s, struct stmt *st, const char *where, int64_t id)
{
	struct arena *a = &s->frame->arena;
	const struct tds_column *type = &st->vars[0].type;
	int64_t equal;

	switch (engine_type_class(type)) {
	case TC_TEXT:
	case TC_VARIANT:
	case TC_UDT:
		return tsql_unsupported(&s->error, "a partition function of that type");
	default:
		break;
	}
	if (sql_execf(s, "INSERT INTO %s.sys_partition_functions VALUES (%lld, %s, %s, %d, t_now())", where,
		    (long long)id, sql_quote(a, st->name.part[NAME_OBJECT]),
		    sql_quote(a, engine_type_print(type, a)), st->on))
		return -1;
	for (size_t i = 0; i < st->n_args; i++)
		if (add_value(s, where, id, type, st->args[i]))
			return -1;
	for (size_t i = 1; i < st->n_args; i++) { /* rowid is the order of the list */
		if (sql_int(s, 0, &equal, "SELECT 1 + (SELECT count(*) FROM %s.sys_partition_ranges y WHERE y.function_id "
				"= %lld AND y.rowid < x.rowid) FROM %s.sys_partition_ranges x WHERE x.function_id = %lld "
				"AND x.value IS (SELECT value FROM %s.sys_partition_ranges WHERE function_id = %lld ORDER "
				"BY rowid LIMIT 1 OFFSET %zu) ORDER BY rowid LIMIT 1",
			    where, (long long)id, where, (long long)id, where, (long long)id, i))
			return -1;
		if (equal <= (int64_t)i)
			return tsql_fail(&s->error, 7708, tsql_number(equal), tsql_number((int64_t)i + 1));
	}
	return sql_execf(s, "UPDATE %s.sys_partition_ranges AS r SET number = (SELECT count(*) FROM "
			    "%s.sys_partition_ranges o WHERE o.function_id = r.function_id AND (o.value <= r.value OR "
			    "o.value IS NULL)) WHERE function_id = %lld", where, where, (long long)id) ||
			       sql_execf(s, "INSERT INTO %s.sys_partition_ranges VALUES (%lld, %zu, NULL, NULL, 1)",
				       where, (long long)id, st->n_args + 1)
		       ? -1
		       : 0;
}

int exec_create_partition(struct session *s, struct stmt *st)
{
	bool function = strcmp(st->text, "FUNCTION") == 0;
	const char *what = function ? "functions" : "schemes", *name = st->name.part[NAME_OBJECT];
	int64_t id, of = 0;
	char where[16];

	database_schema(s->current, where);
	if (find(s, what, name, &id))
		return -1;
	if (id)
		return tsql_fail(&s->error, 2714, name);
	if (sql_int(s, 0, &id, "SELECT max(ifnull(max(id), 0) + 1, %d) FROM %s.sys_partition_%s",
		    function ? 1 : SCHEME_FIRST, where, what))
		return -1;
	if (function)
		return create_function(s, st, where, id);
	if (find(s, "functions", st->name2.part[NAME_OBJECT], &of))
		return -1;
	if (!of)
		return tsql_fail(&s->error, 208, st->name2.part[NAME_OBJECT]);
	return sql_execf(s, "INSERT INTO %s.sys_partition_schemes VALUES (%lld, %s, %lld)", where, (long long)id,
		sql_quote(&s->frame->arena, name), (long long)of);
}

int drop_partition(struct session *s, struct stmt *st, const struct name *name)
{
	bool function = strcmp(st->text, "PARTITION FUNCTION") == 0;
	const char *object = name->part[NAME_OBJECT];
	int64_t id, used;
	char where[16];

	database_schema(s->current, where);
	if (find(s, function ? "functions" : "schemes", object, &id))
		return -1;
	if (!id)
		return st->if_exists ? 0
				     : tsql_fail(&s->error, 3701, "drop",
					       function ? "partition function" : "partition scheme", object);
	if (sql_int(s, 0, &used, "SELECT count(*) FROM %s.%s = %lld", where,
		    function ? "sys_partition_schemes WHERE function_id" : "sys_partitioned WHERE scheme_id",
		    (long long)id))
		return -1;
	if (used)
		return tsql_fail(&s->error, function ? 7706 : 7717, object);
	if (function && sql_execf(s, "DELETE FROM %s.sys_partition_ranges WHERE function_id = %lld", where, (long long)id))
		return -1;
	return sql_execf(s, "DELETE FROM %s.sys_partition_%s WHERE id = %lld", where, function ? "functions" : "schemes",
		(long long)id);
}

/* The partitioning column is in the key of each unique index. */
static int check_indexes(struct session *s, struct table *t, const struct table_column *c)
{
	if (catalog_load_indexes(s, t, &s->frame->arena))
		return -1;
	for (size_t i = 0; i < t->n_indexes; i++) {
		bool has = !t->indexes[i].unique;

		for (size_t k = 0; k < t->indexes[i].n; k++)
			has |= t->indexes[i].columns[k] == c->id;
		if (!has)
			return tsql_fail(&s->error, 1908, c->name, t->indexes[i].name);
	}
	return 0;
}

/* The name and the type of a scheme's function. */
static int find_function(
	struct session *s, const struct table *t, int64_t scheme, const char **ret_name, const char **ret_type)
{
	struct arena *a = &s->frame->arena;
	CLEANUP_STMT sqlite3_stmt *stmt = NULL;

	if (sql_prepare(s, arena_printf(a, "SELECT f.name, f.type FROM %s.sys_partition_schemes x JOIN "
					   "%s.sys_partition_functions f ON f.id = x.function_id WHERE x.id = %lld",
				   t->where, t->where, (long long)scheme), &stmt) || sql_step(s, stmt) != 1)
		return -1;
	*ret_name = arena_strdup(a, (const char *)sqlite3_column_text(stmt, 0));
	*ret_type = arena_strdup(a, (const char *)sqlite3_column_text(stmt, 1));
	return 0;
}

int partition_place(struct session *s, struct table *t, const struct table_def *def)
{
	struct arena *a = &s->frame->arena;
	const struct table_column *c;
	const char *function, *type;
	int64_t scheme;

	if (!def->scheme)
		return 0;
	if (!t->database)
		return tsql_unsupported(&s->error, "a temporary table that is partitioned");
	if (sql_int(s, 0, &scheme, "SELECT id FROM %s.sys_partition_schemes WHERE name = %s", t->where,
		    sql_quote(a, def->scheme)))
		return -1;
	if (!scheme)
		return tsql_fail(&s->error, 1921, "partition scheme", def->scheme);
	c = table_column(t, def->scheme_column);
	if (!c)
		return tsql_fail(&s->error, 1911, def->scheme_column);
	if (find_function(s, t, scheme, &function, &type))
		return -1;
	if (strcmp(type, engine_type_print(&c->type, a)) != 0)
		return tsql_fail(&s->error, 7726, c->name, engine_type_print(&c->type, a), function, type);
	if (check_indexes(s, t, c))
		return -1;
	return sql_execf(s, "INSERT INTO %s.sys_partitioned VALUES (%lld, %lld, %d)", t->where, (long long)t->id,
		(long long)scheme, c->id);
}

int partition_refuses_switch(struct session *s, const struct table *t)
{
	int64_t is;

	if (sql_int(s, 0, &is, "SELECT 1 FROM %s.sys_partitioned WHERE object_id = %lld", t->where, (long long)t->id))
		return -1;
	return is ? tsql_fail(&s->error, 4911, table_full_name(t, &s->frame->arena)) : 0;
}

/* SQLite's schema, object id, number: how many rows are in that partition. Nulls are in the first. */
static void f_partition_rows(sqlite3_context *context, int n, sqlite3_value **v)
{
	struct session *s = function_session(context);
	const char *where = (const char *)sqlite3_value_text(v[0]);
	long long id = sqlite3_value_int64(v[1]), column = 0;
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	CLEANUP_STMT sqlite3_stmt *stmt = NULL;

	(void)n;
	if (sqlite3_prepare_v2(s->db, arena_printf(&a, "SELECT column_id FROM %s.sys_partitioned WHERE object_id = %lld",
						where, id), -1, &stmt, NULL) == SQLITE_OK &&
		sqlite3_step(stmt) == SQLITE_ROW)
		column = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	stmt = NULL;
	if (sqlite3_prepare_v2(s->db,
		    arena_printf(&a,
			    "SELECT count(*) FROM %s.t%lld t WHERE ?1 = 1 + (SELECT count(*) FROM %s.sys_partitioned p "
			    "JOIN %s.sys_partition_schemes x ON x.id = p.scheme_id JOIN %s.sys_partition_functions f ON "
			    "f.id = x.function_id JOIN %s.sys_partition_ranges r ON r.function_id = f.id AND NOT r.last "
			    "WHERE p.object_id = %lld AND CASE WHEN f.on_right THEN r.value <= t.c%lld ELSE r.value < "
			    "t.c%lld END)", where, id, where, where, where, where, id, column, column),
		    -1, &stmt, NULL) == SQLITE_OK &&
		sqlite3_bind_value(stmt, 1, v[2]) == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW)
		sqlite3_result_int64(context, sqlite3_column_int64(stmt, 0));
}

int functions_register_partition(struct session *s)
{
	return function_add(s, "t_partition_rows", 3, f_partition_rows, false);
}
