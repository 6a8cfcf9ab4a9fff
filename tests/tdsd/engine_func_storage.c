/* SQLite functions: rows of tables, properties of indexes, identity columns and types. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/tdsd/engine_cdc.h"
#include "tests/tdsd/engine_partition.h"
#include "tests/tdsd/engine_storage.h"
#include "tests/tdsd/tsql_lex.h"

static const char *text(sqlite3_value *v)
{
	const char *s = (const char *)sqlite3_value_text(v);

	return s ? s : "";
}

/* SQLite's schema, object id */
static void f_rows(sqlite3_context *context, int n, sqlite3_value **v)
{
	struct session *s = function_session(context);
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	CLEANUP_STMT sqlite3_stmt *stmt = NULL;
	sqlite3_int64 rows = 0;

	(void)n;
	if (sqlite3_prepare_v2(s->db,
		    arena_printf(&a, "SELECT count(*) FROM %s.t%lld", text(v[0]),
			    (long long)sqlite3_value_int64(v[1])),
		    -1, &stmt, NULL) == SQLITE_OK &&
		sqlite3_step(stmt) == SQLITE_ROW)
		rows = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	stmt = NULL;
	if (sqlite3_prepare_v2(s->db,
		    arena_printf(&a, "SELECT rows FROM %s.sys_sinks WHERE object_id = %lld",
			    text(v[0]), (long long)sqlite3_value_int64(v[1])),
		    -1, &stmt, NULL) == SQLITE_OK &&
		sqlite3_step(stmt) == SQLITE_ROW)
		rows += sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	stmt = NULL;
	/* "tdsd_generate_<rows>_<shape>": the catalog's entry of a generator (special.h) */
	if (sqlite3_prepare_v2(s->db,
		    arena_printf(&a,
			    "SELECT CAST(substr(name, 15) AS INTEGER) FROM %s.sys_objects WHERE "
			    "object_id = %lld AND name LIKE 'tdsd\\_generate\\_%%' ESCAPE '\\'",
			    text(v[0]), (long long)sqlite3_value_int64(v[1])),
		    -1, &stmt, NULL) == SQLITE_OK &&
		sqlite3_step(stmt) == SQLITE_ROW)
		rows += sqlite3_column_int64(stmt, 0);
	sqlite3_result_int64(context, rows);
}

/* The sum of two hashes, modulo 2^64. */
static void f_wrap(sqlite3_context *context, int n, sqlite3_value **v)
{
	(void)n;
	sqlite3_result_int64(context, (sqlite3_int64)((uint64_t)sqlite3_value_int64(v[0]) +
						      (uint64_t)sqlite3_value_int64(v[1])));
}

/* A table by the text of its name; what went wrong is no error. */
static struct table *named_table(struct session *s, const char *name, struct arena *a)
{
	struct tsql_error before = s->error;
	struct tsql_tokens tokens;
	struct name parts = {0};
	struct table *t = NULL;
	size_t at = NAME_PARTS;

	if (tsql_lex(name, strlen(name), true, a, &tokens, &s->error) == 0) {
		for (size_t i = tokens.n - 1; i-- > 0 && at > 0;)
			if (tokens.v[i].kind != TOK_OP)
				parts.part[--at] = tokens.v[i].text;
		if (at == NAME_PARTS || catalog_find(s, &parts, a, &t) != 1)
			t = NULL;
	}
	s->error = before;
	return t;
}

/* table, 'seed' or 'increment' */
static void f_ident(sqlite3_context *context, int n, sqlite3_value **v)
{
	struct session *s = function_session(context);
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct tds_column decimal = engine_decimal_type(38, 0), bigint = engine_int_type(8);
	struct table *t = named_table(s, text(v[0]), &a);

	(void)n;
	for (size_t i = 0; t && i < t->n; i++) {
		struct tsql_error before = s->error;
		struct cell c, out;

		if (!t->v[i].type.identity)
			continue;
		c = cell_int(atoll(text(v[1])[0] == 's' ? t->v[i].seed : t->v[i].increment));
		if (cell_cast(&bigint, &c, &decimal, -1, CAST_EXPLICIT, &a, &out, &s->error) == 0)
			cell_result(context, &out);
		s->error = before;
	}
}

static void f_indexproperty(sqlite3_context *context, int n, sqlite3_value **v)
{
	struct session *s = function_session(context);
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct tsql_error before = s->error;
	struct table *t;

	(void)n;
	if (catalog_load(s, sqlite3_value_int64(v[0]) >= TEMPORARY_ID ? NULL : s->current,
		    sqlite3_value_int64(v[0]), &a, &t) == 0 &&
		catalog_load_indexes(s, t, &a) == 0)
		for (size_t i = 0; i < t->n_indexes; i++) {
			const struct table_index *ix = &t->indexes[i];
			const struct {
				const char *name;
				int value;
			} properties[] = {{"IndexID", ix->id}, {"IsUnique", ix->unique},
				{"IsClustered", ix->clustered}, {"IsDisabled", ix->disabled},
				{"IsColumnstore", ix->kind != 0}, {"IsStatistics", 0},
				{"IsHypothetical", 0}, {"IsPadIndex", 0}, {"IndexFillFactor", 0},
				{"IsRowLockDisallowed", 0}, {"IsPageLockDisallowed", 0}};

			if (strcasecmp(ix->name, text(v[1])) != 0)
				continue;
			for (size_t k = 0; k < ARRAY_LEN(properties); k++)
				if (strcasecmp(properties[k].name, text(v[2])) == 0)
					sqlite3_result_int(context, properties[k].value);
		}
	s->error = before;
}

/* What types are called, by user_type_id. */
static const struct {
	const char *name;
	int id;
} types[] = {{"image", 34}, {"text", 35}, {"uniqueidentifier", 36}, {"date", 40}, {"time", 41},
	{"datetime2", 42}, {"datetimeoffset", 43}, {"tinyint", 48}, {"smallint", 52}, {"int", 56},
	{"smalldatetime", 58}, {"real", 59}, {"money", 60}, {"datetime", 61}, {"float", 62},
	{"sql_variant", 98}, {"ntext", 99}, {"bit", 104}, {"decimal", 106}, {"numeric", 108},
	{"smallmoney", 122}, {"bigint", 127}, {"hierarchyid", 128}, {"geometry", 129},
	{"geography", 130}, {"varbinary", 165}, {"varchar", 167}, {"binary", 173}, {"char", 175},
	{"timestamp", 189}, {"nvarchar", 231}, {"nchar", 239}, {"xml", 241}, {"sysname", 256}};

static void f_type_name(sqlite3_context *context, int n, sqlite3_value **v)
{
	(void)n;
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (sqlite3_value_type(v[0]) != SQLITE_NULL &&
			types[i].id == sqlite3_value_int(v[0]))
			sqlite3_result_text(context, types[i].name, -1, SQLITE_STATIC);
}

static void f_type_id(sqlite3_context *context, int n, sqlite3_value **v)
{
	(void)n;
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (strcasecmp(types[i].name, text(v[0])) == 0)
			sqlite3_result_int(context, types[i].id);
}

static void f_filegroup_name(sqlite3_context *context, int n, sqlite3_value **v)
{
	(void)n;
	if (sqlite3_value_int(v[0]) == 1)
		sqlite3_result_text(context, "PRIMARY", -1, SQLITE_STATIC);
}

/* table, index id, place in the key */
static void f_index_col(sqlite3_context *context, int n, sqlite3_value **v)
{
	struct session *s = function_session(context);
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct tsql_error before = s->error;
	struct table *t = named_table(s, text(v[0]), &a);
	size_t place = (size_t)sqlite3_value_int64(v[2]);

	(void)n;
	if (t && catalog_load_indexes(s, t, &a) == 0)
		for (size_t i = 0; i < t->n_indexes; i++)
			if (t->indexes[i].id == sqlite3_value_int(v[1]) && place >= 1 &&
				place <= t->indexes[i].n)
				sqlite3_result_text(context,
					table_column_by_id(t, t->indexes[i].columns[place - 1])->name,
					-1, SQLITE_TRANSIENT);
	s->error = before;
}

int functions_register_storage(struct session *s)
{
	return functions_register_changes(s) || functions_register_cdc(s) ||
			       functions_register_partition(s) || function_add(s, "t_rows", 2, f_rows, false) ||
			       function_add(s, "t_wrap", 2, f_wrap, true) ||
			       function_add(s, "t_ident", 2, f_ident, false) ||
			       function_add(s, "t_indexproperty", 3, f_indexproperty, false) ||
			       function_add(s, "t_type_name", 1, f_type_name, true) ||
			       function_add(s, "t_type_id", 1, f_type_id, true) ||
			       function_add(s, "t_filegroup_name", 1, f_filegroup_name, true) ||
			       function_add(s, "t_index_col", 3, f_index_col, false)
		       ? -1
		       : 0;
}
