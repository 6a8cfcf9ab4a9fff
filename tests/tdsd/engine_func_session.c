/* SQLite functions: what a session, the server and the catalog tell. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <mbedtls/md.h>

#include "base/clock.h"
#include "tests/tdsd/engine_security.h"
#include "tests/tdsd/engine_storage.h"
#include "tests/tdsd/tsql_lex.h"

static bool any_null(int n, sqlite3_value **v)
{
	for (int i = 0; i < n; i++)
		if (sqlite3_value_type(v[i]) == SQLITE_NULL)
			return true;
	return false;
}

static void give_text(sqlite3_context *context, const char *s)
{
	if (s)
		sqlite3_result_text(context, s, -1, SQLITE_TRANSIENT);
}

/* --- values of the session --- */

#define TELL(name, statement)                                                \
	static void name(sqlite3_context *context, int n, sqlite3_value **v) \
	{                                                                    \
		struct session *s = function_session(context);               \
                                                                             \
		(void)n;                                                     \
		(void)v;                                                     \
		statement;                                                   \
	}
#define CAUGHT(name, give)                                                                      \
	static void name(sqlite3_context *context, int n, sqlite3_value **v)                    \
	{                                                                                       \
		const struct tsql_error *e = NULL;                                              \
                                                                                                \
		(void)n;                                                                        \
		(void)v;                                                                        \
		for (struct frame *f = function_session(context)->frame; f && !e; f = f->outer) \
			e = f->caught;                                                          \
		if (e)                                                                          \
			give;                                                                   \
	}
TELL(f_user, give_text(context, s->user))
TELL(f_app, give_text(context, s->program))
TELL(f_host, give_text(context, s->host))
TELL(f_one, (void)s; sqlite3_result_int(context, 1))
TELL(f_xact_state, sqlite3_result_int(context, s->trancount == 0        ? 0
					       : s->tran == TRAN_DOOMED ? -1
									: 1))
TELL(f_identity_value, cell_result(context, &s->identity))
CAUGHT(f_error_number, sqlite3_result_int(context, e->number))
CAUGHT(f_error_severity, sqlite3_result_int(context, e->severity))
CAUGHT(f_error_state, sqlite3_result_int(context, e->state))
CAUGHT(f_error_line, sqlite3_result_int(context, e->line))
CAUGHT(f_error_message, give_text(context, e->text))

static void f_error_procedure(sqlite3_context *context, int n, sqlite3_value **v)
{
	(void)n;
	(void)v;
	(void)context; /* NULL: no procedure of a user's */
}

/* t_var('@x'): as it is now */
static void f_var(sqlite3_context *context, int n, sqlite3_value **v)
{
	const struct variable *var = frame_find(
		function_session(context)->frame, (const char *)sqlite3_value_text(v[0]));

	(void)n;
	if (var)
		cell_result(context, &var->value);
}

/* --- new values --- */

static void f_newid(sqlite3_context *context, int n, sqlite3_value **v)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct tds_column t = {.type = TDS_GUID, .size = 16};
	struct tds_value value = {.kind = TDS_UUID};
	struct cell c;

	(void)n;
	(void)v;
	rnd_system.fill(rnd_system.arg, value.uuid, sizeof(value.uuid));
	value.uuid[7] = (uint8_t)((value.uuid[7] & 0x0F) | 0x40);
	value.uuid[8] = (uint8_t)((value.uuid[8] & 0x3F) | 0x80);
	c = cell_store(&t, &value, &a);
	cell_result(context, &c);
}

static void f_rand(sqlite3_context *context, int n, sqlite3_value **v)
{
	uint32_t bits = 0;

	(void)n;
	(void)v;
	rnd_system.fill(rnd_system.arg, &bits, sizeof(bits));
	sqlite3_result_double(context, bits / 4294967296.0);
}

static void f_rowversion(sqlite3_context *context, int n, sqlite3_value **v)
{
	struct session *s = function_session(context);
	uint8_t out[8];
	int64_t now;

	(void)n;
	(void)v;
	pthread_mutex_lock(&s->e->mutex);
	now = ++s->e->rowversion;
	if (!s->first_rowversion)
		s->first_rowversion = now;
	pthread_mutex_unlock(&s->e->mutex);
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)(now >> (56 - 8 * i));
	sqlite3_result_blob(context, out, sizeof(out), SQLITE_TRANSIENT);
}

/* The lowest that is not committed, or the next one (MIN_ACTIVE_ROWVERSION). */
static void f_min_rowversion(sqlite3_context *context, int n, sqlite3_value **v)
{
	struct engine *e = function_session(context)->e;
	uint8_t out[8];
	int64_t low;

	(void)n;
	(void)v;
	pthread_mutex_lock(&e->mutex);
	low = e->rowversion + 1;
	for (const struct session *s = e->sessions; s; s = s->next)
		if (s->first_rowversion && s->first_rowversion < low)
			low = s->first_rowversion;
	pthread_mutex_unlock(&e->mutex);
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)(low >> (56 - 8 * i));
	sqlite3_result_blob(context, out, sizeof(out), SQLITE_TRANSIENT);
}

/* t_next_identity(step) */
static void f_next_identity(sqlite3_context *context, int n, sqlite3_value **v)
{
	struct session *s = function_session(context);

	(void)n;
	sqlite3_result_int64(context, s->identity_next);
	s->identity_used = true;
	s->identity_next += sqlite3_value_int64(v[0]);
}

static void f_hashbytes(sqlite3_context *context, int n, sqlite3_value **v)
{
	static const struct {
		const char *name;
		mbedtls_md_type_t type;
	} hashes[] = {{"MD5", MBEDTLS_MD_MD5}, {"SHA1", MBEDTLS_MD_SHA1}, {"SHA", MBEDTLS_MD_SHA1},
		{"SHA2_256", MBEDTLS_MD_SHA256}, {"SHA2_512", MBEDTLS_MD_SHA512}};
	unsigned char out[64];

	if (any_null(n, v))
		return;
	for (size_t i = 0; i < ARRAY_LEN(hashes); i++) {
		const mbedtls_md_info_t *md = mbedtls_md_info_from_type(hashes[i].type);
		const void *data = sqlite3_value_blob(v[1]);

		if (strcasecmp(hashes[i].name, (const char *)sqlite3_value_text(v[0])) != 0 || !md)
			continue;
		if (mbedtls_md(md, data ? data : (const void *)"",
			    (size_t)sqlite3_value_bytes(v[1]), out) == 0)
			sqlite3_result_blob(
				context, out, mbedtls_md_get_size(md), SQLITE_TRANSIENT);
		return;
	}
}

/* --- databases and objects --- */

static void f_db_name(sqlite3_context *context, int n, sqlite3_value **v)
{
	struct session *s = function_session(context);

	if (n == 0) {
		give_text(context, s->current->name);
		return;
	}
	for (size_t i = 0; i < s->e->n_databases; i++)
		if (!s->e->databases[i]->dropped && s->e->databases[i]->id == sqlite3_value_int(v[0]))
			give_text(context, s->e->databases[i]->name);
}

static void f_db_id(sqlite3_context *context, int n, sqlite3_value **v)
{
	struct session *s = function_session(context);
	struct database *d = s->current;

	if (n)
		d = any_null(1, v) ? NULL
				   : engine_database(s->e, (const char *)sqlite3_value_text(v[0]));
	if (d)
		sqlite3_result_int(context, d->id);
}

static void f_has_dbaccess(sqlite3_context *context, int n, sqlite3_value **v)
{
	if (!any_null(n, v) && engine_database(function_session(context)->e,
				       (const char *)sqlite3_value_text(v[0])))
		sqlite3_result_int(context, 1);
}

/* "[db].[schema].[name]" into a name; false: it is none. */
static bool parse_object(struct session *s, const char *text, struct arena *a, struct name *ret)
{
	struct tsql_tokens tokens;
	struct tsql_error e = {0};
	const char *parts[NAME_PARTS] = {NULL};
	size_t n = 0;

	(void)s;
	if (!text || tsql_lex(text, strlen(text), true, a, &tokens, &e))
		return false;
	*ret = (struct name){0};
	for (size_t i = 0; i + 1 < tokens.n; i++) {
		if (tokens.v[i].kind == TOK_OP) {
			if (i == 0 || tokens.v[i - 1].kind == TOK_OP)
				n++;
			continue;
		}
		if (n == NAME_PARTS)
			return false;
		parts[n++] = tokens.v[i].text;
	}
	for (size_t i = 0; i < n && i < NAME_PARTS; i++)
		ret->part[NAME_PARTS - n + i] = parts[i];
	if (ret->part[NAME_DATABASE] && strcasecmp(ret->part[NAME_DATABASE], "tempdb") == 0 &&
		name_is_temporary(ret))
		ret->part[NAME_DATABASE] = NULL;
	return n > 0 && ret->part[NAME_OBJECT];
}

static void f_object_id(sqlite3_context *context, int n, sqlite3_value **v)
{
	struct session *s = function_session(context);
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct tsql_error before = s->error;
	struct name name;
	int64_t id = 0;
	const char *type = NULL;

	if (any_null(1, v) || !parse_object(s, (const char *)sqlite3_value_text(v[0]), &a, &name))
		return;
	if (n > 1)
		type = (const char *)sqlite3_value_text(v[1]);
	if (catalog_object(s, &name, type, &id) == 0 && id)
		sqlite3_result_int64(context, id);
	s->error = before;
}

static void from_catalog(
	sqlite3_context *context, sqlite3_value *id, sqlite3_value *database, const char *sql)
{
	struct session *s = function_session(context);
	CLEANUP_STMT sqlite3_stmt *stmt = NULL;
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	char where[16];
	struct database *d = s->current;
	const char *in = strstr(sql, "%s");
	bool temp = sqlite3_value_int64(id) >= TEMPORARY_ID;

	for (size_t i = 0; database && i < s->e->n_databases; i++)
		if (s->e->databases[i]->id == sqlite3_value_int(database))
			d = s->e->databases[i];
	if (!d || session_attach(s, d))
		return;
	(void)database_schema(d, where);
	sql = arena_printf(&a, "%.*s%s%s", (int)(in - sql), sql, temp ? "temp" : where, in + 2);
	while ((in = strstr(sql, "%s")))
		sql = arena_printf(
			&a, "%.*s%s%s", (int)(in - sql), sql, temp ? "temp" : where, in + 2);
	if (sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL) != SQLITE_OK)
		return;
	sqlite3_bind_int64(stmt, 1, sqlite3_value_int64(id));
	if (sqlite3_step(stmt) == SQLITE_ROW)
		sqlite3_result_value(context, sqlite3_column_value(stmt, 0));
}

static void f_object_name(sqlite3_context *context, int n, sqlite3_value **v)
{
	if (!any_null(1, v))
		from_catalog(context, v[0], n > 1 ? v[1] : NULL,
			"SELECT name FROM %s.sys_objects WHERE object_id = ?1");
}

static void f_object_schema(sqlite3_context *context, int n, sqlite3_value **v)
{
	if (!any_null(1, v))
		from_catalog(context, v[0], n > 1 ? v[1] : NULL,
			"SELECT c.name FROM %s.sys_objects o JOIN %s.sys_schemas c ON c.schema_id "
			"= o.schema_id WHERE o.object_id = ?1");
}

static void f_schema_name(sqlite3_context *context, int n, sqlite3_value **v)
{
	if (n == 0)
		give_text(context, "dbo");
	else if (!any_null(1, v))
		from_catalog(context, v[0], NULL,
			"SELECT name FROM %s.sys_schemas WHERE schema_id = ?1");
}

static void f_schema_id(sqlite3_context *context, int n, sqlite3_value **v)
{
	struct session *s = function_session(context);
	char where[16];
	int64_t id = SCHEMA_DBO;

	if (n && (any_null(1, v) || session_attach(s, s->current) ||
			 catalog_schema(s, database_schema(s->current, where),
				 (const char *)sqlite3_value_text(v[0]), &id)))
		return;
	if (id > 0)
		sqlite3_result_int64(context, id);
}

static void f_objectproperty(sqlite3_context *context, int n, sqlite3_value **v)
{
	static const struct {
		const char *name, *sql;
	} properties[] = {
		{"IsUserTable", "SELECT type = 'U' FROM %s.sys_objects WHERE object_id = ?1"},
		{"IsTable", "SELECT type = 'U' FROM %s.sys_objects WHERE object_id = ?1"},
		{"IsView", "SELECT type = 'V' FROM %s.sys_objects WHERE object_id = ?1"},
		{"TableHasIdentity",
			"SELECT max(is_identity) FROM %s.sys_columns WHERE object_id = ?1"},
		{"OwnerId", "SELECT 1 FROM %s.sys_objects WHERE object_id = ?1"},
		{"SchemaId", "SELECT schema_id FROM %s.sys_objects WHERE object_id = ?1"},
		{"BaseType", "SELECT type FROM %s.sys_objects WHERE object_id = ?1"},
		{"Cardinality", "SELECT t_rows(substr('%s.', 1, length('%s.') - 1), ?1) FROM "
				"%s.sys_objects WHERE object_id = ?1 AND type = 'U'"},
		{"IsMSShipped", "SELECT 0 FROM %s.sys_objects WHERE object_id = ?1"},
		{"IsProcedure", "SELECT type = 'P' FROM %s.sys_objects WHERE object_id = ?1"},
		{"IsTrigger", "SELECT type = 'TR' FROM %s.sys_objects WHERE object_id = ?1"},
		{"IsPrimaryKey", "SELECT type = 'PK' FROM %s.sys_objects WHERE object_id = ?1"},
		{"IsConstraint", "SELECT type IN ('PK', 'UQ', 'F', 'C', 'D') FROM %s.sys_objects "
				 "WHERE object_id = ?1"},
		{"TableHasForeignKey", "SELECT count(*) > 0 FROM %s.sys_foreign_keys WHERE "
				       "parent_id = ?1"},
		{"TableHasForeignRef", "SELECT count(*) > 0 FROM %s.sys_foreign_keys WHERE "
				       "referenced_id = ?1"},
		{"TableHasIndex", "SELECT count(*) > 0 FROM %s.sys_indexes WHERE object_id = ?1"},
		{"TableHasUniqueCnst", "SELECT count(*) > 0 FROM %s.sys_objects WHERE type = 'UQ' "
				       "AND parent_id = ?1"},
		{"TableHasCheckCnst", "SELECT count(*) > 0 FROM %s.sys_objects WHERE type = 'C' "
				      "AND parent_id = ?1"},
		{"TableHasDefaultCnst", "SELECT count(*) > 0 FROM %s.sys_objects WHERE type = 'D' "
					"AND parent_id = ?1"},
		{"TableHasInsertTrigger",
			"SELECT count(*) > 0 FROM %s.sys_objects WHERE type = 'TR' AND parent_id = "
			"?1 AND instr(substr(definition, 1, instr(definition, '|')), 'I')"},
		{"TableHasUpdateTrigger",
			"SELECT count(*) > 0 FROM %s.sys_objects WHERE type = 'TR' AND parent_id = "
			"?1 AND instr(substr(definition, 1, instr(definition, '|')), 'U')"},
		{"TableHasDeleteTrigger",
			"SELECT count(*) > 0 FROM %s.sys_objects WHERE type = 'TR' AND parent_id = "
			"?1 AND instr(substr(definition, 1, instr(definition, '|')), 'D')"},
		{"TableHasTimestamp", "SELECT count(*) > 0 FROM %s.sys_columns WHERE system_type = "
				      "189 AND object_id = ?1"},
		{"TableHasRowGuidCol", "SELECT max(rowguidcol) FROM %s.sys_columns WHERE object_id "
				       "= ?1"},
		{"TableHasTextImage", "SELECT count(*) > 0 FROM %s.sys_columns WHERE system_type "
				      "IN (34, 35, 99) AND object_id = ?1"},
		{"TableIsMemoryOptimized", "SELECT 0 FROM %s.sys_objects WHERE object_id = ?1"},
		{"TableTemporalType",
			"SELECT CASE WHEN (SELECT history_id FROM %s.sys_temporal WHERE object_id = "
			"?1) > 0 THEN 2 WHEN (SELECT count(*) FROM %s.sys_temporal WHERE history_id "
			"= ?1) THEN 1 ELSE 0 END"},
		{"CnstIsDisabled", "SELECT disabled FROM %s.sys_objects WHERE object_id = ?1"},
		{"CnstIsNotTrusted", "SELECT not_trusted FROM %s.sys_foreign_keys WHERE object_id "
				     "= ?1"},
		{"TableHasPrimaryKey", "SELECT ifnull(max(is_primary), 0) FROM %s.sys_indexes "
				       "WHERE object_id = ?1"},
		{"TableHasClustIndex", "SELECT ifnull(max(clustered), 0) FROM %s.sys_indexes WHERE "
				       "object_id = ?1"}};

	if (any_null(n, v))
		return;
	for (size_t i = 0; i < ARRAY_LEN(properties); i++)
		if (strcasecmp(properties[i].name, (const char *)sqlite3_value_text(v[1])) == 0)
			from_catalog(context, v[0], NULL, properties[i].sql);
}

static struct table *named_table(struct session *s, const char *text, struct arena *a)
{
	struct tsql_error before = s->error;
	struct table *t = NULL;
	struct name name;

	if (!parse_object(s, text, a, &name) || catalog_find(s, &name, a, &t) != 1)
		t = NULL;
	s->error = before;
	return t;
}

static void f_col_length(sqlite3_context *context, int n, sqlite3_value **v)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct table *t;
	const struct table_column *c;

	if (any_null(n, v))
		return;
	t = named_table(function_session(context), (const char *)sqlite3_value_text(v[0]), &a);
	c = t ? table_column(t, (const char *)sqlite3_value_text(v[1])) : NULL;
	if (c)
		sqlite3_result_int(context, c->type.size == TDS_SIZE_MAX ? -1
					    : tds_form(&c->type) == TDS_FORM_TEXTPTR
						    ? 16
						    : (int)c->type.size);
}

static void f_col_name(sqlite3_context *context, int n, sqlite3_value **v)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct session *s = function_session(context);
	struct tsql_error before = s->error;
	struct table *t;
	const struct table_column *c;

	if (any_null(n, v))
		return;
	if (catalog_load(s, sqlite3_value_int64(v[0]) >= TEMPORARY_ID ? NULL : s->current,
		    sqlite3_value_int64(v[0]), &a, &t) == 0) {
		c = table_column_by_id(t, sqlite3_value_int(v[1]));
		give_text(context, c ? c->name : NULL);
	}
	s->error = before;
}

static void column_storage(
	sqlite3_context *context, const struct table_column *c, const char *what)
{
	bool text = engine_type_class(&c->type) == TC_TEXT;
	const struct {
		const char *name;
		int value;
	} properties[] = {{"IsSparse", c->sparse}, {"IsHidden", c->hidden},
		{"IsRowGuidCol", c->rowguidcol}, {"IsMasked", c->mask != NULL},
		{"GeneratedAlwaysType", c->generated}, {"Scale", c->type.scale},
		{"IsDeterministic", 1}, {"IsIdNotForRepl", 0}, {"IsOutParam", 0},
		{"UsesAnsiTrim", 1}, {"IsColumnSet", 0}, {"IsXmlIndexable", 0},
		{"Precision", text && tds_type_is_utf16(c->type.type) && c->type.size != TDS_SIZE_MAX
				      ? (int)c->type.size / 2
			      : c->type.size == TDS_SIZE_MAX ? -1
			      : text                         ? (int)c->type.size
							     : (int)engine_precision(&c->type)}};

	for (size_t i = 0; i < ARRAY_LEN(properties); i++)
		if (strcasecmp(properties[i].name, what) == 0)
			sqlite3_result_int(context, properties[i].value);
}

static void f_columnproperty(sqlite3_context *context, int n, sqlite3_value **v)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct session *s = function_session(context);
	struct tsql_error before = s->error;
	struct table *t;
	const struct table_column *c;
	const char *what;

	if (any_null(n, v))
		return;
	what = (const char *)sqlite3_value_text(v[2]);
	if (catalog_load(s, sqlite3_value_int64(v[0]) >= TEMPORARY_ID ? NULL : s->current,
		    sqlite3_value_int64(v[0]), &a, &t) == 0) {
		c = table_column(t, (const char *)sqlite3_value_text(v[1]));
		if (c && strcasecmp(what, "IsIdentity") == 0)
			sqlite3_result_int(context, c->type.identity);
		else if (c && strcasecmp(what, "IsComputed") == 0)
			sqlite3_result_int(context, c->type.computed);
		else if (c && strcasecmp(what, "AllowsNull") == 0)
			sqlite3_result_int(context, c->type.nullable);
		else if (c && strcasecmp(what, "ColumnId") == 0)
			sqlite3_result_int(context, c->id);
		else if (c)
			column_storage(context, c, what);
	}
	s->error = before;
}

static void f_ident_current(sqlite3_context *context, int n, sqlite3_value **v)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct session *s = function_session(context);
	struct tsql_error before = s->error;
	struct table *t;
	struct tds_column decimal = engine_decimal_type(38, 0), bigint = engine_int_type(8);
	struct cell c, out;
	int64_t last;

	if (any_null(n, v))
		return;
	t = named_table(s, (const char *)sqlite3_value_text(v[0]), &a);
	for (size_t i = 0; t && i < t->n; i++) {
		if (!t->v[i].type.identity || sql_int(s, atoll(t->v[i].seed), &last,
						      "SELECT CAST(identity_last AS INTEGER) FROM "
						      "%s.sys_objects WHERE object_id = %lld",
						      t->where, (long long)t->id))
			continue;
		c = cell_int(last);
		if (cell_cast(&bigint, &c, &decimal, -1, CAST_EXPLICIT, &a, &out, &s->error) == 0)
			cell_result(context, &out);
	}
	s->error = before;
}

static void f_user_name(sqlite3_context *context, int n, sqlite3_value **v)
{
	struct session *s = function_session(context);
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct tsql_error before = s->error;

	(void)n;
	(void)v;
	give_text(context, user_name(s, &a));
	s->error = before;
}

static void f_is_sysadmin(sqlite3_context *context, int n, sqlite3_value **v)
{
	(void)n;
	if (!any_null(1, v))
		sqlite3_result_int(context, !function_session(context)->plain);
}

static void f_is_member(sqlite3_context *context, int n, sqlite3_value **v)
{
	struct session *s = function_session(context);
	struct tsql_error before = s->error;
	bool known, member;

	(void)n;
	if (!any_null(1, v) && is_in_role(s, (const char *)sqlite3_value_text(v[0]), &known, &member) == 0 && known)
		sqlite3_result_int(context, member);
	s->error = before;
}

/* [a]]b] without its brackets. */
static const char *bare(struct arena *a, const char *name)
{
	char *out = arena_strdup(a, name), *to = out;

	if (*name != '[')
		return out;
	for (const char *p = name + 1; *p && !(*p == ']' && p[1] != ']'); p++) {
		p += *p == ']';
		*to++ = *p;
	}
	*to = '\0';
	return out;
}

static void give_schema_right(sqlite3_context *context, struct session *s, const char *schema, const char *right)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	bool known, yes;

	if (has_schema_right(s, bare(&a, schema), right, &known, &yes) == 0 && known)
		sqlite3_result_int(context, yes);
}

/* (securable, class, permission): of the database, a schema, or an object; NULL: there is no such thing. */
static void f_has_perms(sqlite3_context *context, int n, sqlite3_value **v)
{
	struct session *s = function_session(context);
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct tsql_error before = s->error;
	const char *class_ = (const char *)sqlite3_value_text(v[1]);
	struct name name;
	int64_t id = 0;
	bool yes;

	(void)n;
	if (sqlite3_value_type(v[2]) == SQLITE_NULL)
		return;
	if (class_ && strcasecmp(class_, "SCHEMA") == 0) {
		if (!any_null(1, v))
			give_schema_right(context, s, (const char *)sqlite3_value_text(v[0]),
				(const char *)sqlite3_value_text(v[2]));
		s->error = before;
		return;
	}
	if (class_ && strcasecmp(class_, "OBJECT") == 0 &&
		(any_null(1, v) || !parse_object(s, (const char *)sqlite3_value_text(v[0]), &a, &name) ||
			catalog_object(s, &name, NULL, &id) || id == 0)) {
		s->error = before;
		return;
	}
	if (has_right(s, id, (const char *)sqlite3_value_text(v[2]), &yes) == 0)
		sqlite3_result_int(context, yes);
	s->error = before;
}

/* (file, property): of the one file that a database has. */
static void f_fileproperty(sqlite3_context *context, int n, sqlite3_value **v)
{
	struct session *s = function_session(context);
	struct tsql_error before = s->error;
	char where[16];
	int64_t used;

	(void)n;
	if (!any_null(2, v) && strcasecmp((const char *)sqlite3_value_text(v[0]), s->current->name) == 0 &&
		strcasecmp((const char *)sqlite3_value_text(v[1]), "SpaceUsed") == 0 &&
		sql_int(s, 0, &used, "SELECT used FROM %s.sys_files", database_schema(s->current, where)) == 0)
		sqlite3_result_int64(context, used);
	s->error = before;
}

static void f_principal_id(sqlite3_context *context, int n, sqlite3_value **v)
{
	struct session *s = function_session(context);
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct tsql_error before = s->error;
	char where[16];
	int64_t id;

	if (n && any_null(1, v))
		return;
	if (sql_int(s, -1, &id, "SELECT principal_id FROM %s.sys_principals WHERE name = %s",
		    database_schema(s->current, where),
		    sql_quote(&a, n ? (const char *)sqlite3_value_text(v[0]) : "dbo")) == 0 &&
		id >= 0)
		sqlite3_result_int64(context, id);
	s->error = before;
}

int functions_register_session(struct session *s)
{
	static const struct {
		const char *name;
		int args;
		sql_function *fn;
		bool pure;
	} functions[] = {{"t_user", -1, f_user, 0}, {"t_user_name", -1, f_user_name, 0}, {"t_app", 0, f_app, 0},
		{"t_host", 0, f_host, 0}, {"t_one", -1, f_one, 0},
		{"t_xact_state", 0, f_xact_state, 0}, {"t_identity_value", 0, f_identity_value, 0},
		{"t_error_number", 0, f_error_number, 0},
		{"t_error_severity", 0, f_error_severity, 0},
		{"t_error_state", 0, f_error_state, 0}, {"t_error_line", 0, f_error_line, 0},
		{"t_error_message", 0, f_error_message, 0},
		{"t_error_procedure", 0, f_error_procedure, 0}, {"t_var", 1, f_var, 0},
		{"t_newid", 0, f_newid, 0}, {"t_rand", -1, f_rand, 0},
		{"t_rowversion", 0, f_rowversion, 0}, {"t_min_rowversion", 0, f_min_rowversion, 0}, {"t_next_identity", 1, f_next_identity, 0},
		{"t_hashbytes", 2, f_hashbytes, 1}, {"t_db_name", -1, f_db_name, 0},
		{"t_db_id", -1, f_db_id, 0}, {"t_has_dbaccess", 1, f_has_dbaccess, 0},
		{"t_object_id", -1, f_object_id, 0}, {"t_object_name", -1, f_object_name, 0},
		{"t_object_schema", -1, f_object_schema, 0},
		{"t_schema_name", -1, f_schema_name, 0}, {"t_schema_id", -1, f_schema_id, 0},
		{"t_objectproperty", 2, f_objectproperty, 0}, {"t_col_length", 2, f_col_length, 0},
		{"t_col_name", 2, f_col_name, 0}, {"t_columnproperty", 3, f_columnproperty, 0},
		{"t_ident_current", 1, f_ident_current, 0},
		{"t_is_sysadmin", -1, f_is_sysadmin, 0}, {"t_is_member", -1, f_is_member, 0},
		{"t_has_perms", -1, f_has_perms, 0}, {"t_fileproperty", 2, f_fileproperty, 0}, {"t_principal_id", -1, f_principal_id, 0}};

	for (size_t i = 0; i < ARRAY_LEN(functions); i++)
		if (function_add(s, functions[i].name, functions[i].args, functions[i].fn,
			    functions[i].pure))
			return -1;
	return functions_register_storage(s) || functions_register_json(s) || functions_register_properties(s) ? -1 : 0;
}
