/* EXEC: sp_executesql, sp_rename, sp_getapplock … */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/tdsd/engine_cdc.h"
#include "tests/tdsd/engine_ddl.h"
#include "tests/tdsd/engine_extended.h"
#include "tests/tdsd/engine_module.h"
#include "tests/tdsd/engine_storage.h"
#include "tests/tdsd/tsql_parse.h"

/* An argument by name, or by its place among those without one. */
const struct exec_arg *proc_arg(const struct stmt *st, const char *name, size_t place)
{
	for (size_t i = 0; i < st->n_exec_args; i++)
		if (st->exec_args[i].name && strcasecmp(st->exec_args[i].name, name) == 0)
			return &st->exec_args[i];
	if (place < st->n_exec_args && !st->exec_args[place].name)
		return &st->exec_args[place];
	return NULL;
}

int proc_text_arg(struct session *s, const struct stmt *st, const char *name, size_t place,
	const char *missing, const char **ret)
{
	const struct exec_arg *a = proc_arg(st, name, place);

	*ret = missing;
	if (!a || a->is_default)
		return 0;
	return eval_text(s, a->e, ret);
}

static int int_arg(struct session *s, const struct stmt *st, const char *name, size_t place,
	int64_t missing, int64_t *ret)
{
	const struct exec_arg *a = proc_arg(st, name, place);

	*ret = missing;
	return a && !a->is_default ? eval_int(s, a->e, missing, ret) : 0;
}

int proc_returned(struct session *s, const struct stmt *st, int64_t status)
{
	struct variable *v = st->result_var ? frame_find(s->frame, st->result_var) : NULL;
	struct tds_column bigint = engine_int_type(8);
	struct cell c = cell_int(status);

	if (st->result_var && !v)
		return tsql_fail(&s->error, 137, st->result_var);
	return v ? cell_cast(&bigint, &c, &v->type, -1, CAST_EXPLICIT, &s->frame->arena, &v->value,
			   &s->error)
		 : 0;
}

/* --- EXEC (@sql) and sp_executesql --- */

static int copy_out(
	struct session *s, struct frame *inner, const struct exec_arg *a, const char *name)
{
	const struct variable *from = frame_find(inner, name);
	struct variable *to =
		a->e && a->e->kind == EX_VAR ? frame_find(s->frame, a->e->text) : NULL;

	if (!to || !from)
		return tsql_fail(&s->error, 8162, name);
	if (cell_cast(&from->type, &from->value, &to->type, -1, CAST_EXPLICIT, &s->frame->arena,
		    &to->value, &s->error))
		return -1;
	to->value = cell_copy(&to->value, &s->frame->arena);
	return 0;
}

int proc_bind(struct session *s, const struct stmt *st, struct frame *f, struct var_def *defs, size_t n, size_t first,
	const struct exec_arg **args)
{
	const char *name = st->name.part[NAME_OBJECT];

	if (first == 0 && st->n_exec_args > n)
		return tsql_fail(&s->error, 8144, name);
	for (size_t i = 0; first == 0 && i < st->n_exec_args; i++) {
		bool known = !st->exec_args[i].name;

		for (size_t j = 0; j < n; j++)
			known |= st->exec_args[i].name && strcasecmp(st->exec_args[i].name, defs[j].name) == 0;
		if (!known)
			return tsql_fail(&s->error, 8145, st->exec_args[i].name, name);
	}
	for (size_t i = 0; i < n; i++) {
		struct variable *v = frame_add(f, defs[i].name);
		struct cell c = cell_null();

		v->type = defs[i].type;
		args[i] = proc_arg(st, defs[i].name, i + first);
		if (args[i] && args[i]->is_default)
			args[i] = NULL;
		if (!args[i] && !defs[i].value)
			return first ? tsql_fail(&s->error, 8178, "?", defs[i].name)
				     : tsql_fail(&s->error, 201, name, defs[i].name);
		if (eval_cast(s, args[i] ? args[i]->e : defs[i].value, &v->type, &c))
			return -1;
		v->value = cell_copy(&c, &f->arena);
	}
	return 0;
}

int proc_finish(struct session *s, const struct stmt *st, struct frame *f, const struct var_def *defs, size_t n,
	const struct exec_arg **args)
{
	for (size_t i = 0; i < n; i++)
		if (args[i] && args[i]->output && copy_out(s, f, args[i], defs[i].name))
			return -1;
	return proc_returned(s, st, f->return_value);
}

static int executesql(struct session *s, const struct stmt *st)
{
	struct arena *a = &s->frame->arena;
	const char *sql, *params;
	struct var_def *defs = NULL;
	const struct exec_arg **args;
	size_t n = 0;
	struct frame f = {0};
	int rc;

	if (proc_text_arg(s, st, "@stmt", 0, NULL, &sql) || proc_text_arg(s, st, "@params", 1, NULL, &params))
		return -1;
	if (!sql)
		return proc_returned(s, st, 0);
	if (params && tsql_parse_params(params, strlen(params), a, &defs, &n, &s->error))
		return -1;
	args = arena_array(a, n + 1, sizeof(*args));
	rc = proc_bind(s, st, &f, defs, n, 2, args);
	if (rc == 0)
		rc = exec_text(s, sql, strlen(sql), &f);
	f.return_value = 0;
	if (rc == 0)
		rc = proc_finish(s, st, &f, defs, n, args);
	frame_release(s, &f);
	return rc;
}

static int exec_string(struct session *s, const struct stmt *st)
{
	const char *sql;
	struct frame f = {0};
	int rc;

	if (eval_text(s, st->e, &sql))
		return -1;
	rc = sql ? exec_text(s, sql, strlen(sql), &f) : 0;
	frame_release(s, &f);
	return rc;
}

/* --- sp_rename --- */

static int rename_object(struct session *s, struct table *t, const char *to)
{
	struct arena *a = &s->frame->arena;
	int64_t taken;

	if (sql_int(s, 0, &taken,
		    "SELECT 1 FROM %s.sys_objects WHERE name = %s AND schema_id = (SELECT "
		    "schema_id FROM %s.sys_objects WHERE object_id = %lld)",
		    t->where, sql_quote(a, to), t->where, (long long)t->id))
		return -1;
	if (taken)
		return tsql_fail(&s->error, 15335, to, "object");
	return sql_execf(s, "UPDATE %s.sys_objects SET name = %s WHERE object_id = %lld", t->where,
		sql_quote(a, to), (long long)t->id);
}

static int rename_column(struct session *s, struct table *t, const char *from, const char *to)
{
	const struct table_column *c = table_column(t, from);

	if (!c)
		return tsql_fail(&s->error, 15248, "COLUMN");
	if (table_column(t, to))
		return tsql_fail(&s->error, 15335, to, "column");
	return sql_execf(s,
		"UPDATE %s.sys_columns SET name = %s WHERE object_id = %lld AND column_id = %d",
		t->where, sql_quote(&s->frame->arena, to), (long long)t->id, c->id);
}

static int rename_index(struct session *s, struct table *t, const char *from, const char *to)
{
	struct arena *a = &s->frame->arena;

	if (catalog_load_indexes(s, t, a))
		return -1;
	for (size_t i = 0; i < t->n_indexes; i++) {
		if (strcasecmp(t->indexes[i].name, from) != 0)
			continue;
		if (t->indexes[i].constraint_id &&
			sql_execf(s, "UPDATE %s.sys_objects SET name = %s WHERE object_id = %lld",
				t->where, sql_quote(a, to), (long long)t->indexes[i].constraint_id))
			return -1;
		return sql_execf(s,
			"UPDATE %s.sys_indexes SET name = %s WHERE object_id = %lld AND index_id = "
			"%d",
			t->where, sql_quote(a, to), (long long)t->id, t->indexes[i].id);
	}
	return tsql_fail(&s->error, 15248, "INDEX");
}

/* A constraint by its own name: schema.name */
static int rename_constraint(struct session *s, const struct name *name, const char *to)
{
	struct arena *a = &s->frame->arena;
	int64_t id;
	struct database *d;
	const char *where;

	if (catalog_database(s, name, &d, &where) || catalog_object(s, name, NULL, &id))
		return -1;
	if (id == 0)
		return tsql_fail(
			&s->error, 15225, name->part[NAME_OBJECT], s->current->name, "(null)");
	return sql_execf(s, "UPDATE %s.sys_objects SET name = %s WHERE object_id = %lld", where,
		       sql_quote(a, to), (long long)id) ||
			       sql_execf(s,
				       "UPDATE %s.sys_indexes SET name = %s WHERE constraint_id = "
				       "%lld",
				       where, sql_quote(a, to), (long long)id)
		       ? -1
		       : 0;
}

static int rename_within(struct session *s, const char *from, const char *to, const char *kind)
{
	struct arena *a = &s->frame->arena;
	struct tsql_tokens tokens;
	struct name name = {0};
	const char *part = NULL;
	struct table *t;
	size_t n = 0;
	const char *parts[NAME_PARTS + 1] = {NULL};
	int rc;

	if (tsql_lex(from, strlen(from), true, a, &tokens, &s->error))
		return -1;
	for (size_t i = 0; i + 1 < tokens.n && n < NAME_PARTS; i++)
		if (tokens.v[i].kind != TOK_OP)
			parts[n++] = tokens.v[i].text;
	if (kind && (strcasecmp(kind, "COLUMN") == 0 || strcasecmp(kind, "INDEX") == 0)) {
		if (n < 2)
			return tsql_fail(&s->error, 15248, kind);
		part = parts[--n];
	}
	for (size_t i = 0; i < n; i++)
		name.part[NAME_PARTS - n + i] = parts[i];
	rc = n ? catalog_find(s, &name, a, &t) : 0;
	if (rc < 0)
		return -1;
	if (rc == 0 && !part)
		return rename_constraint(s, &name, to);
	if (rc == 0)
		return tsql_fail(&s->error, 15248, kind);
	if (part && strcasecmp(kind, "COLUMN") == 0)
		return rename_column(s, t, part, to);
	return part ? rename_index(s, t, part, to) : rename_object(s, t, to);
}

static int rename_(struct session *s, const struct stmt *st)
{
	const char *from, *to, *kind;
	struct tsql_error caution = {.number = 15477,
		.severity = 0,
		.state = 1,
		.line = 741,
		.text = "Caution: Changing any part of an object name could break scripts and "
			"stored procedures."};
	int rc;

	if (proc_text_arg(s, st, "@objname", 0, NULL, &from) ||
		proc_text_arg(s, st, "@newname", 1, NULL, &to) ||
		proc_text_arg(s, st, "@objtype", 2, NULL, &kind))
		return -1;
	if (!from || !to)
		return tsql_fail(&s->error, 201, "sp_rename", from ? "@newname" : "@objname");
	if (tran_for_write(s, s->current) || statement_begin(s))
		return -1;
	rc = rename_within(s, from, to, kind);
	if (statement_end(s, rc == 0))
		return -1;
	return out_message(s, &caution) ? -1 : proc_returned(s, st, 0);
}

/* --- the others --- */

static int applock(struct session *s, const struct stmt *st)
{
	const char *resource, *mode, *owner;
	int64_t timeout;
	int status;
	bool release = strcasecmp(st->name.part[NAME_OBJECT], "sp_releaseapplock") == 0;

	if (proc_text_arg(s, st, "@Resource", 0, "", &resource) ||
		proc_text_arg(s, st, "@LockMode", release ? 99 : 1, "Exclusive", &mode) ||
		proc_text_arg(s, st, "@LockOwner", release ? 1 : 2, "Transaction", &owner) ||
		int_arg(s, st, "@LockTimeout", release ? 99 : 3, s->options.lock_timeout, &timeout))
		return -1;
	if (strcasecmp(owner, "Session") != 0 && s->trancount == 0)
		return tsql_fail(&s->error, 1223, "public", resource);
	if (release) {
		if (applock_release(s, resource, strcasecmp(owner, "Session") == 0, &status))
			return -1;
		if (status)
			return tsql_fail(&s->error, 1223, "public", resource);
	} else if (applock_get(s, resource, mode, strcasecmp(owner, "Session") == 0, (int)timeout,
			   &status)) {
		return -1;
	}
	s->error.number = 0;
	return proc_returned(s, st, status);
}

static int set_context(struct session *s, const struct stmt *st)
{
	const struct exec_arg *value = proc_arg(st, "@value", 1);
	const char *key;
	int64_t read_only;
	struct tds_column type;
	struct cell c;
	struct context_entry *e;

	if (proc_text_arg(s, st, "@key", 0, NULL, &key) ||
		int_arg(s, st, "@read_only", 2, 0, &read_only))
		return -1;
	if (!key || !value)
		return tsql_fail(&s->error, 201, "sp_set_session_context", "@key");
	if (eval_expr(s, value->e, &type, &c))
		return -1;
	for (e = s->context; e && strcasecmp(e->key, key) != 0; e = e->next)
		;
	if (e && e->read_only)
		return tsql_fail(&s->error, 15664, key);
	if (!e) {
		e = mem_alloc(sizeof(*e));
		e->key = mem_strdup(key);
		e->next = s->context;
		s->context = e;
	}
	free((void *)(uintptr_t)e->value.data);
	e->type = type;
	e->type.name = NULL;
	e->value = c;
	e->value.data = NULL;
	if (c.kind == CELL_TEXT || c.kind == CELL_BLOB) {
		char *data = mem_alloc(c.len + 1);

		memcpy(data, c.data, c.len);
		e->value.data = data;
	}
	e->read_only = read_only != 0;
	return proc_returned(s, st, 0);
}

static int reset_connection(struct session *s, const struct stmt *st)
{
	struct err err = ERR_INIT;

	if (session_reset(s, &err))
		return tsql_unsupported(&s->error, err.msg);
	return proc_returned(s, st, 0);
}

/* 'text', as T-SQL quotes it */
static const char *tsql_text(struct arena *a, const char *text)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(SQL_MAX);

	buf_addc(&out, '\'');
	for (; *text; text++) {
		buf_addc(&out, *text);
		if (*text == '\'')
			buf_addc(&out, '\'');
	}
	buf_addc(&out, '\'');
	return arena_buf(a, &out);
}

/* Procedures that only ask for a result set. */
static int query_procedure(struct session *s, const struct stmt *st, const char *sql)
{
	struct frame f = {.procedure = NULL};
	int rc = exec_text(s, sql, strlen(sql), &f);

	frame_release(s, &f);
	return rc ? rc : proc_returned(s, st, 0);
}

static int nothing(struct session *s, const struct stmt *st)
{
	return proc_returned(s, st, 0);
}

static int databases(struct session *s, const struct stmt *st)
{
	return query_procedure(s, st,
		"SELECT name AS DATABASE_NAME, CAST(1024 AS int) AS DATABASE_SIZE, CAST(NULL AS "
		"varchar(254)) AS REMARKS FROM sys.databases ORDER BY name");
}

/* What the function of that name tells, but for what went wrong. */
static int describe_first(struct session *s, const struct stmt *st)
{
	struct arena *a = &s->frame->arena;
	const char *sql, *params;

	if (proc_text_arg(s, st, "@tsql", 0, NULL, &sql) || proc_text_arg(s, st, "@params", 1, NULL, &params))
		return -1;
	if (!sql)
		return tsql_fail(&s->error, 201, "sp_describe_first_result_set", "@tsql");
	return query_procedure(s, st,
		arena_printf(a,
			"SELECT is_hidden, column_ordinal, name, is_nullable, system_type_id, system_type_name, "
			"max_length, precision, scale, collation_name, user_type_id, user_type_database, "
			"user_type_schema, user_type_name, assembly_qualified_type_name, xml_collection_id, "
			"xml_collection_database, xml_collection_schema, xml_collection_name, is_xml_document, "
			"is_case_sensitive, is_fixed_length_clr_type, source_server, source_database, "
			"source_schema, source_table, source_column, is_identity_column, is_part_of_unique_key, "
			"is_updateable, is_computed_column, is_sparse_column_set, ordinal_in_order_by_list, "
			"order_by_list_length, order_by_is_descending FROM "
			"sys.dm_exec_describe_first_result_set(N%s, %s%s, 0)",
			tsql_text(a, sql), params ? "N" : "", params ? tsql_text(a, params) : "NULL"));
}

static int flush_changes(struct session *s, const struct stmt *st)
{
	const char *table;

	if (proc_text_arg(s, st, "@TableToClean", 0, NULL, &table) || change_flush(s, table))
		return -1;
	return proc_returned(s, st, 0);
}

static const struct {
	const char *name;
	int (*fn)(struct session *s, const struct stmt *st);
} procedures[] = {{"sp_executesql", executesql}, {"sp_rename", rename_}, {"sp_getapplock", applock},
	{"sp_releaseapplock", applock}, {"sp_set_session_context", set_context},
	{"sp_reset_connection", reset_connection}, {"sp_databases", databases},
	{"sp_describe_first_result_set", describe_first},
	{"sp_flush_CT_internal_table_on_demand", flush_changes},
	{"sp_cdc_enable_db", cdc_enable_database}, {"sp_cdc_enable_table", cdc_enable_table},
	{"sp_cdc_disable_table", cdc_disable_table}, {"sp_cdc_help_change_data_capture", cdc_help},
	{"sp_cdc_cleanup_change_table", cdc_cleanup},
	{"sp_addextendedproperty", exec_extended_property}, {"sp_updateextendedproperty", exec_extended_property},
	{"sp_dropextendedproperty", exec_extended_property}, {"sp_updatestats", nothing}, {"sp_recompile", nothing}, {"sp_refreshview", nothing}};

int exec_procedure(struct session *s, struct stmt *st)
{
	const char *name = st->name.part[NAME_OBJECT];
	bool found;

	if (st->kind == ST_EXEC_TEXT)
		return exec_string(s, st);
	for (size_t i = 0; i < ARRAY_LEN(procedures); i++)
		if (strcasecmp(procedures[i].name, name) == 0)
			return procedures[i].fn(s, st);
	if (exec_own_procedure(s, st, &found))
		return -1;
	return found ? 0 : tsql_fail(&s->error, 2812, name);
}
