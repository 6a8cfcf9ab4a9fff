#include "tests/tdsd/engine_cdc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/tdsd/engine_extended.h"
#include "tests/tdsd/engine_module.h"
#include "tests/tdsd/tsql_parse.h"

#define LSN_LEN	  10
#define LSN_TEXT  "unhex(printf('0000002A%%08X0001', %s))" /* of a version */
#define FUNCTION  "fn_cdc_get_all_changes_"
#define FIXED     5 /* columns of a change table before the captured ones */

/* --- what is captured --- */

static int is_on(struct session *s, int64_t *ret)
{
	char where[16];

	return sql_int(s, 0, ret, "SELECT 1 FROM %s.sys_cdc_state", database_schema(s->current, where));
}

int cdc_is_captured(struct session *s, const struct table *t)
{
	int64_t captured = 0;

	if (!t->database)
		return 0;
	if (sql_int(s, 0, &captured, "SELECT 1 FROM %s.sys_cdc_tables WHERE source_id = %lld", t->where,
		    (long long)t->id))
		return -1;
	return captured != 0;
}

static int run_batch(struct session *s, const char *sql)
{
	struct frame f = {.procedure = NULL};
	int rc = exec_text(s, sql, strlen(sql), &f);

	frame_release(s, &f);
	return rc;
}

int cdc_enable_database(struct session *s, const struct stmt *st)
{
	char where[16];
	int64_t on;

	if (is_on(s, &on))
		return -1;
	if (on)
		return tsql_fail(&s->error, 22906, s->current->name);
	if (run_batch(s,
		    "EXEC (N'CREATE SCHEMA cdc')\n"
		    "CREATE TABLE cdc.change_tables (object_id int NOT NULL, source_object_id int, source_schema sysname, "
		    "source_table sysname, capture_instance sysname NOT NULL PRIMARY KEY, start_lsn binary(10), "
		    "supports_net_changes bit, role_name sysname NULL, index_name sysname NULL, index_column_list "
		    "nvarchar(max), captured_column_list nvarchar(max), create_date datetime)"))
		return -1;
	if (tran_for_write(s, s->current) || statement_begin(s))
		return -1;
	return statement_end(s, sql_execf(s, "INSERT INTO %s.sys_cdc_state VALUES (1, 1, NULL)",
					database_schema(s->current, where)) == 0) ||
			       proc_returned(s, st, 0)
		       ? -1
		       : 0;
}

/* --- tables --- */

static bool is_taken(const struct table_column *c)
{
	return !c->computed;
}

/* One row of the change table; `from` is OLD or NEW, `op` 1 delete, 2 insert, 3 and 4 before and after an update. */
static const char *record(struct arena *a, const struct table *t, int64_t ct, const char *from, int op, const char *when)
{
	const char *names = "c1, c3, c4", *values;
	int column = FIXED;

	values = arena_printf(a,
		LSN_TEXT ", unhex(printf('%%020X', (SELECT ifnull(max(rowid), 0) + 1 FROM t%lld))), %d", "version",
		(long long)ct, op);
	for (size_t i = 0; i < t->n; i++) {
		if (!is_taken(&t->v[i]))
			continue;
		names = arena_printf(a, "%s, c%d", names, ++column);
		values = arena_printf(a, "%s, %s.c%d", values, from, t->v[i].id);
	}
	return arena_printf(a, "INSERT INTO t%lld (%s) SELECT %s FROM sys_cdc_state WHERE %s;", (long long)ct, names,
		values, when);
}

static int build_trigger(struct session *s, const struct table *t, const char *verb, const char *body)
{
	return sql_exec(s,
		arena_printf(&s->frame->arena,
			"CREATE TRIGGER %s.t%lld_l%c AFTER %s ON t%lld WHEN t_tracked() BEGIN UPDATE sys_cdc_state SET "
			"version = version + 1, tran = t_tran() WHERE tran IS NOT t_tran(); %s END",
			t->where, (long long)t->id, verb[0], verb, (long long)t->id, body));
}

/* A key that changes is deleted and inserted. */
static const char *key_differs(struct arena *a, const struct table *t)
{
	const char *out = "0";

	for (size_t i = 0; i < t->n_indexes; i++)
		for (size_t k = 0; t->indexes[i].primary && k < t->indexes[i].n; k++)
			out = arena_printf(a, "%s OR OLD.c%d IS NOT NEW.c%d", out, t->indexes[i].columns[k],
				t->indexes[i].columns[k]);
	return out;
}

int cdc_build_triggers(struct session *s, const struct table *t)
{
	struct arena *a = &s->frame->arena;
	struct table copy = *t;
	const char *differs, *same;
	int64_t ct;

	if (sql_int(s, 0, &ct, "SELECT ct_id FROM %s.sys_cdc_tables WHERE source_id = %lld", t->where,
		    (long long)t->id))
		return -1;
	if (!ct)
		return 0;
	if (catalog_load_indexes(s, &copy, a))
		return -1;
	differs = key_differs(a, &copy);
	same = arena_printf(a, "NOT (%s)", differs);
	return build_trigger(s, t, "INSERT", record(a, t, ct, "NEW", 2, "1")) ||
			       build_trigger(s, t, "DELETE", record(a, t, ct, "OLD", 1, "1")) ||
			       build_trigger(s, t, "UPDATE",
				       arena_printf(a, "%s %s %s %s", record(a, t, ct, "OLD", 1, differs),
					       record(a, t, ct, "NEW", 2, differs), record(a, t, ct, "OLD", 3, same),
					       record(a, t, ct, "NEW", 4, same)))
		       ? -1
		       : 0;
}

static const char *ct_sql(struct arena *a, const struct table *t, const char *instance)
{
	const char *sql = arena_printf(a,
		"CREATE TABLE cdc.[%s_CT] ([__$start_lsn] binary(10) NOT NULL, [__$end_lsn] binary(10) NULL, [__$seqval] "
		"binary(10) NOT NULL, [__$operation] int NOT NULL, [__$update_mask] varbinary(128) NULL", instance);

	for (size_t i = 0; i < t->n; i++) {
		const struct tds_column *c = &t->v[i].type;

		if (!is_taken(&t->v[i]))
			continue;
		sql = arena_printf(a, "%s, [%s] %s", sql, t->v[i].name, engine_type_print(c, a));
		if (engine_type_class(c) == TC_TEXT && c->type != TDS_XML)
			sql = arena_printf(a, "%s COLLATE %s", sql, engine_collation_name(c->collation, a));
		sql = arena_printf(a, "%s NULL", sql);
	}
	return arena_printf(a, "%s, [__$command_id] int NULL)", sql);
}

/* "[a], [b]" of the primary key, or of what is captured */
static const char *list(struct arena *a, const struct table *t, bool key)
{
	const char *out = "";

	for (size_t i = 0; !key && i < t->n; i++)
		if (is_taken(&t->v[i]))
			out = arena_printf(a, "%s%s[%s]", out, *out ? ", " : "", t->v[i].name);
	for (size_t i = 0; key && i < t->n_indexes; i++)
		for (size_t k = 0; t->indexes[i].primary && k < t->indexes[i].n; k++)
			out = arena_printf(a, "%s%s[%s]", out, *out ? ", " : "",
				table_column_by_id(t, t->indexes[i].columns[k])->name);
	return out;
}

static int capture(struct session *s, struct table *t, const char *instance)
{
	struct arena *a = &s->frame->arena;
	struct name name = {.part = {NULL, NULL, "cdc", arena_printf(a, "%s_CT", instance)}};
	struct table *ct;

	if (catalog_get(s, &name, a, &ct) || tran_for_write(s, s->current) || statement_begin(s))
		return -1;
	return statement_end(s, sql_execf(s, "INSERT INTO %s.sys_cdc_tables VALUES (%lld, %lld)", t->where,
					(long long)t->id, (long long)ct->id) == 0 &&
				       cdc_build_triggers(s, t) == 0);
}

static int source_table(struct session *s, const struct stmt *st, struct table **ret)
{
	struct name name = {.part = {NULL}};
	const char *schema, *table;

	if (proc_text_arg(s, st, "@source_schema", 0, NULL, &schema) ||
		proc_text_arg(s, st, "@source_name", 1, NULL, &table))
		return -1;
	name.part[NAME_SCHEMA] = schema;
	name.part[NAME_OBJECT] = table ? table : "";
	return catalog_get(s, &name, &s->frame->arena, ret) || catalog_load_indexes(s, *ret, &s->frame->arena) ? -1 : 0;
}

int cdc_enable_table(struct session *s, const struct stmt *st)
{
	struct arena *a = &s->frame->arena;
	const char *instance;
	struct table *t;
	int64_t on;

	if (is_on(s, &on))
		return -1;
	if (!on)
		return tsql_fail(&s->error, 22901, s->current->name);
	if (source_table(s, st, &t) || proc_text_arg(s, st, "@capture_instance", 3, NULL, &instance))
		return -1;
	if (cdc_is_captured(s, t))
		return tsql_unsupported(&s->error, "two capture instances of a table");
	if (!instance)
		instance = arena_printf(a, "%s_%s", t->schema, t->name);
	if (run_batch(s, ct_sql(a, t, instance)) || capture(s, t, instance) ||
		run_batch(s,
			arena_printf(a,
				"INSERT INTO cdc.change_tables VALUES (OBJECT_ID(N'cdc.[%s_CT]'), %lld, N'%s', N'%s', N'%s', "
				"sys.fn_cdc_get_max_lsn(), 0, NULL, NULL, N'%s', N'%s', GETDATE())",
				instance, (long long)t->id, t->schema, t->name, instance, list(a, t, true),
				list(a, t, false))))
		return -1;
	return proc_returned(s, st, 0);
}

int cdc_disable_table(struct session *s, const struct stmt *st)
{
	struct arena *a = &s->frame->arena;
	struct table *t;

	if (source_table(s, st, &t))
		return -1;
	if (!cdc_is_captured(s, t))
		return tsql_fail(&s->error, 22960, t->schema, t->name);
	if (tran_for_write(s, s->current) || statement_begin(s))
		return -1;
	for (const char *verb = "IUD"; *verb; verb++)
		if (sql_execf(s, "DROP TRIGGER IF EXISTS %s.t%lld_l%c", t->where, (long long)t->id, *verb))
			return statement_end(s, false);
	if (statement_end(s, sql_execf(s, "DELETE FROM %s.sys_cdc_tables WHERE source_id = %lld", t->where,
				    (long long)t->id) == 0) ||
		run_batch(s,
			arena_printf(a,
				"DECLARE @ct nvarchar(300) = (SELECT N'DROP TABLE cdc.' + QUOTENAME(capture_instance + N'_CT') "
				"FROM cdc.change_tables WHERE source_object_id = %lld)\nEXEC (@ct)\n"
				"DELETE FROM cdc.change_tables WHERE source_object_id = %lld",
				(long long)t->id, (long long)t->id)))
		return -1;
	return proc_returned(s, st, 0);
}

int cdc_help(struct session *s, const struct stmt *st)
{
	struct table *t;
	int64_t on;

	if (is_on(s, &on))
		return -1;
	if (!on)
		return tsql_fail(&s->error, 22901, s->current->name);
	if (source_table(s, st, &t))
		return -1;
	if (!cdc_is_captured(s, t))
		return tsql_fail(&s->error, 22981);
	if (run_batch(s,
		    arena_printf(&s->frame->arena,
			    "SELECT source_schema, source_table, capture_instance, object_id, source_object_id, start_lsn, "
			    "CAST(NULL AS binary(10)) AS end_lsn, supports_net_changes, CAST(0 AS bit) AS has_drop_pending, "
			    "role_name, index_name, CAST(NULL AS sysname) AS filegroup_name, create_date, index_column_list, "
			    "captured_column_list FROM cdc.change_tables WHERE source_object_id = %lld",
			    (long long)t->id)))
		return -1;
	return proc_returned(s, st, 0);
}

/* Changes below the mark are gone, and the instance begins there. */
int cdc_cleanup(struct session *s, const struct stmt *st)
{
	const char *instance;

	if (proc_text_arg(s, st, "@capture_instance", 0, "", &instance))
		return -1;
	if (run_batch(s,
		    arena_printf(&s->frame->arena,
			    "UPDATE cdc.change_tables SET start_lsn = sys.fn_cdc_get_max_lsn() WHERE capture_instance = N'%s'\n"
			    "DELETE FROM cdc.[%s_CT] WHERE [__$start_lsn] < sys.fn_cdc_get_max_lsn()",
			    instance, instance)))
		return -1;
	return proc_returned(s, st, 0);
}

/* --- functions --- */

static void one_lsn(sqlite3_context *context, const char *sql, sqlite3_value *argument)
{
	struct session *s = function_session(context);
	CLEANUP_STMT sqlite3_stmt *stmt = NULL;

	if (sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL) != SQLITE_OK)
		return;
	if (argument)
		(void)sqlite3_bind_value(stmt, 1, argument);
	if (sqlite3_step(stmt) == SQLITE_ROW)
		sqlite3_result_value(context, sqlite3_column_value(stmt, 0));
}

/* What is committed. */
static void f_max_lsn(sqlite3_context *context, int n, sqlite3_value **v)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	char where[16];

	(void)n;
	(void)v;
	one_lsn(context,
		arena_printf(&a, "SELECT " LSN_TEXT " FROM %s.sys_cdc_state", "version - (tran IS t_tran())",
			database_schema(function_session(context)->current, where)),
		NULL);
}

/* Of an instance, as cdc.change_tables has it: c5 is its name, c6 its start. */
static void f_min_lsn(sqlite3_context *context, int n, sqlite3_value **v)
{
	struct session *s = function_session(context);
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	static const uint8_t none[LSN_LEN];
	struct tsql_error was = s->error;
	char where[16];
	int64_t id;

	(void)n;
	(void)database_schema(s->current, where);
	sqlite3_result_blob(context, none, LSN_LEN, SQLITE_STATIC);
	if (sql_int(s, 0, &id,
		    "SELECT o.object_id FROM %s.sys_objects o JOIN %s.sys_schemas c ON c.schema_id = o.schema_id WHERE "
		    "o.name = 'change_tables' AND c.name = 'cdc'", where, where) ||
		id == 0) {
		s->error = was;
		return;
	}
	one_lsn(context, arena_printf(&a, "SELECT c6 FROM %s.t%lld WHERE c5 = ?1", where, (long long)id), v[0]);
}

static void f_increment_lsn(sqlite3_context *context, int n, sqlite3_value **v)
{
	uint8_t lsn[LSN_LEN];

	(void)n;
	if (sqlite3_value_bytes(v[0]) != LSN_LEN)
		return;
	memcpy(lsn, sqlite3_value_blob(v[0]), LSN_LEN);
	for (size_t i = LSN_LEN; i-- > 0 && ++lsn[i] == 0;)
		;
	sqlite3_result_blob(context, lsn, LSN_LEN, SQLITE_TRANSIENT);
}

int functions_register_cdc(struct session *s)
{
	return function_add(s, "t_cdc_max_lsn", 0, f_max_lsn, false) ||
			       function_add(s, "t_cdc_min_lsn", 1, f_min_lsn, false) ||
			       function_add(s, "t_cdc_increment_lsn", 1, f_increment_lsn, false)
		       ? -1
		       : 0;
}

/* --- cdc.fn_cdc_get_all_changes_… --- */

static int lsn_argument(struct translator *t, const struct from *f, size_t i, const char **ret_hex)
{
	struct tds_column type;
	struct cell c;
	char *hex;

	*ret_hex = NULL;
	if (i >= f->call->n)
		return 0;
	if (eval_expr(t->s, f->call->v[i], &type, &c))
		return -1;
	if (c.kind != CELL_BLOB || c.len != LSN_LEN)
		return 0;
	hex = arena_alloc(t->a, 2 * LSN_LEN + 1);
	for (size_t k = 0; k < LSN_LEN; k++)
		snprintf(hex + 2 * k, 3, "%02X", ((const uint8_t *)c.data)[k]);
	*ret_hex = hex;
	return 0;
}

/* Is there anything outside of what is kept? SQL Server says of that what it says of a missing argument. */
static int check_interval(struct translator *t, const char *instance, const char *from, const char *to)
{
	int64_t valid = 0;

	if (from && to &&
		sql_int(t->s, 0, &valid,
			"SELECT x'%s' >= t_cdc_min_lsn(%s) AND x'%s' <= t_cdc_max_lsn() AND x'%s' <= x'%s'", from,
			sql_quote(t->a, instance), to, from, to))
		return -1;
	return valid ? 0 : tsql_fail(&t->s->error, 313, "cdc." FUNCTION " ... .");
}

int tr_captured(struct translator *t, const struct from *f, const char **ret_sql)
{
	const char *instance = f->call->text + strlen(FUNCTION), *from, *to, *sql;
	struct from inner = {.kind = FROM_QUERY, .line = f->line, .alias = f->alias ? f->alias : f->call->text};
	struct name name = {.part = {NULL}};
	struct stmt *block;
	struct table *ct;

	if (strncasecmp(f->call->text, FUNCTION, strlen(FUNCTION)) != 0)
		return 0;
	name.part[NAME_SCHEMA] = "cdc";
	name.part[NAME_OBJECT] = arena_printf(t->a, "%s_CT", instance);
	if (catalog_get(t->s, &name, t->a, &ct) || lsn_argument(t, f, 0, &from) || lsn_argument(t, f, 1, &to) ||
		check_interval(t, instance, from, to))
		return fail_at(t, f->line, -1);
	sql = "SELECT [__$start_lsn], [__$seqval], [__$operation], [__$update_mask]";
	for (size_t i = FIXED; i + 1 < ct->n; i++)
		sql = arena_printf(t->a, "%s, [%s]", sql, ct->v[i].name);
	sql = arena_printf(t->a, "%s FROM cdc.[%s] WHERE [__$start_lsn] BETWEEN 0x%s AND 0x%s AND [__$operation] <> 3",
		sql, name.part[NAME_OBJECT], from, to);
	if (tsql_parse(sql, strlen(sql), true, t->a, &block, &t->s->error))
		return -1;
	inner.query = block->v[0]->query;
	return tr_from(t, &inner, ret_sql) ? -1 : 1;
}
