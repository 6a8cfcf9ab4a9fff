/* sys.* and INFORMATION_SCHEMA.*, as queries of the catalog's tables. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "tests/tdsd/engine_sysview.h"
#include "tests/tdsd/engine_translate.h"
#include "tests/tdsd/tsql_parse.h"

static const struct sysview views[] = {
	{"sys", "objects", OBJECT_COLUMNS, "SELECT " OBJECT_SELECT " FROM %D.sys_objects o", false},
	{"sys", "all_objects", OBJECT_COLUMNS, "SELECT " OBJECT_SELECT " FROM %D.sys_objects o",
		false},
	{"sys", "views", OBJECT_COLUMNS,
		"SELECT " OBJECT_SELECT " FROM %D.sys_objects o WHERE o.type = 'V'", false},
	{"sys", "schemas", "name sysname, schema_id int, principal_id int",
		"SELECT name, schema_id, 1 FROM %D.sys_schemas", false},
	{"sys", "key_constraints", OBJECT_COLUMNS ", unique_index_id int null, is_system_named bit",
		"SELECT " OBJECT_SELECT
		", i.index_id, o.name LIKE '\\_\\_' ESCAPE '\\' FROM %D.sys_objects o JOIN "
		"%D.sys_indexes i ON i.constraint_id = o.object_id "
		"WHERE o.type IN ('PK', 'UQ')",
		false},
	{"sys", "foreign_keys",
		OBJECT_COLUMNS
		", referenced_object_id int null, key_index_id int null, is_disabled bit, "
		"is_not_for_replication bit, is_not_trusted bit, "
		"delete_referential_action tinyint null, delete_referential_action_desc "
		"nvarchar(60) null, update_referential_action tinyint null, "
		"update_referential_action_desc nvarchar(60) null",
		"SELECT " OBJECT_SELECT ", f.referenced_id, 1, o.disabled, 0, f.not_trusted, CASE "
		"f.on_delete WHEN 'CASCADE' THEN 1 WHEN 'SET NULL' THEN 2 "
		"WHEN 'SET DEFAULT' THEN 3 ELSE 0 END, replace(ifnull(f.on_delete, 'NO ACTION'), ' "
		"', '_'), CASE f.on_update WHEN 'CASCADE' THEN 1 WHEN "
		"'SET NULL' THEN 2 WHEN 'SET DEFAULT' THEN 3 ELSE 0 END, "
		"replace(ifnull(f.on_update, 'NO ACTION'), ' ', '_') FROM %D.sys_foreign_keys f "
		"JOIN "
		"%D.sys_objects o ON o.object_id = f.object_id",
		false},
	{"sys", "foreign_key_columns",
		"constraint_object_id int, constraint_column_id int, parent_object_id int, "
		"parent_column_id int, referenced_object_id int, referenced_column_id int",
		"SELECT k.object_id, k.ordinal, f.parent_id, k.parent_column, f.referenced_id, "
		"k.referenced_column FROM %D.sys_foreign_columns k JOIN "
		"%D.sys_foreign_keys f ON f.object_id = k.object_id",
		false},
	{"sys", "check_constraints",
		OBJECT_COLUMNS ", is_disabled bit, is_not_for_replication bit, is_not_trusted bit, "
			       "parent_column_id int, definition nvarchar(max) null",
		"SELECT " OBJECT_SELECT
		", o.disabled, 0, o.disabled OR o.not_trusted, 0, o.definition FROM %D.sys_objects o WHERE o.type = 'C'",
		false},
	{"sys", "default_constraints",
		OBJECT_COLUMNS ", parent_column_id int, definition nvarchar(max) null",
		"SELECT " OBJECT_SELECT ", c.column_id, o.definition FROM %D.sys_objects o JOIN "
		"%D.sys_columns c ON c.default_id = o.object_id AND "
		"c.object_id = o.parent_id WHERE o.type = 'D'",
		false},
	{"sys", "sql_modules", "object_id int, definition nvarchar(max) null",
		"SELECT object_id, definition FROM %D.sys_objects WHERE type = 'V'", false},
	{"sys", "extended_properties",
		"class tinyint, major_id int, minor_id int, name sysname, value sql_variant null",
		"SELECT class, major_id, minor_id, name, value FROM %D.sys_extended", false},
	{"sys", "procedures", OBJECT_COLUMNS,
		"SELECT " OBJECT_SELECT " FROM %D.sys_objects o WHERE o.type = 'P'", false},
	{"sys", "database_principals",
		"name sysname, principal_id int, type char(1), type_desc nvarchar(60) null, default_schema_name sysname null, "
		"is_fixed_role bit",
		"SELECT name, principal_id, type, CASE type WHEN 'R' THEN 'DATABASE_ROLE' ELSE 'SQL_USER' END, CASE type "
		"WHEN 'S' THEN 'dbo' END, principal_id >= 16384 FROM %D.sys_principals",
		false},
	{"sys", "database_role_members", "role_principal_id int, member_principal_id int",
		"SELECT role_id, member_id FROM %D.sys_members", false},
	{"sys", "database_permissions",
		"class tinyint, class_desc nvarchar(60) null, major_id int, minor_id int, grantee_principal_id int, "
		"grantor_principal_id int, type char(4), permission_name nvarchar(128) null, state char(1), state_desc "
		"nvarchar(60) null",
		"SELECT class, CASE class WHEN 0 THEN 'DATABASE' WHEN 1 THEN 'OBJECT_OR_COLUMN' ELSE 'SCHEMA' END, major_id, "
		"minor_id, grantee_id, 1, CASE permission WHEN 'SELECT' THEN 'SL' WHEN 'INSERT' THEN 'IN' WHEN 'UPDATE' THEN "
		"'UP' WHEN 'DELETE' THEN 'DL' WHEN 'EXECUTE' THEN 'EX' ELSE substr(permission, 1, 2) END || '  ', "
		"permission, state, CASE state WHEN 'G' THEN 'GRANT' ELSE 'DENY' END FROM %D.sys_permissions",
		false},
	{"sys", "dm_exec_connections",
		"session_id int null, net_transport nvarchar(40), protocol_type nvarchar(40) null, "
		"encrypt_option nvarchar(40), auth_scheme nvarchar(40), "
		"client_net_address varchar(48) null, net_packet_size int null",
		NULL, true},
	{"sys", "dm_exec_sessions",
		"session_id smallint, login_time datetime, host_name nvarchar(128) null, "
		"program_name nvarchar(128) null, login_name nvarchar(128), "
		"original_login_name nvarchar(128), status nvarchar(30), "
		"transaction_isolation_level smallint, lock_timeout int, open_transaction_count "
		"int, "
		"database_id smallint, is_user_process bit",
		NULL, true},
	{"sys", "dm_exec_requests",
		"session_id smallint, request_id int, status nvarchar(30), command nvarchar(32), "
		"blocking_session_id smallint null, wait_type nvarchar(60) null, wait_time int, database_id smallint",
		NULL, true},
	{"sys", "types",
		"name sysname, system_type_id tinyint, user_type_id int, schema_id int, "
		"principal_id int null, max_length smallint, precision tinyint, "
		"scale tinyint, collation_name sysname null, is_nullable bit null, is_user_defined "
		"bit, is_assembly_type bit, default_object_id int, "
		"rule_object_id int, is_table_type bit",
		"SELECT column1, column2, column3, 4, NULL, column4, column5, column6, CASE WHEN "
		"column2 IN (35, 99, 167, 175, 231, 239) THEN "
		"'SQL_Latin1_General_CP1_CI_AS' END, column2 <> 189, 0, column2 = 240, 0, 0, 0 "
		"FROM (VALUES ('image', 34, 34, 16, 0, 0), "
		"('text', 35, 35, 16, 0, 0), ('uniqueidentifier', 36, 36, 16, 0, 0), ('date', 40, "
		"40, 3, 10, 0), ('time', 41, 41, 5, 16, 7), "
		"('datetime2', 42, 42, 8, 27, 7), ('datetimeoffset', 43, 43, 10, 34, 7), "
		"('tinyint', 48, 48, 1, 3, 0), ('smallint', 52, 52, 2, 5, 0), "
		"('int', 56, 56, 4, 10, 0), ('smalldatetime', 58, 58, 4, 16, 0), ('real', 59, 59, "
		"4, 24, 0), ('money', 60, 60, 8, 19, 4), "
		"('datetime', 61, 61, 8, 23, 3), ('float', 62, 62, 8, 53, 0), ('sql_variant', 98, "
		"98, 8016, 0, 0), ('ntext', 99, 99, 16, 0, 0), "
		"('bit', 104, 104, 1, 1, 0), ('decimal', 106, 106, 17, 38, 38), ('numeric', 108, "
		"108, 17, 38, 38), ('smallmoney', 122, 122, 4, 10, 4), "
		"('bigint', 127, 127, 8, 19, 0), ('hierarchyid', 240, 128, 892, 0, 0), "
		"('geometry', 240, 129, -1, 0, 0), "
		"('geography', 240, 130, -1, 0, 0), ('varbinary', 165, 165, 8000, 0, 0), "
		"('varchar', 167, 167, 8000, 0, 0), "
		"('binary', 173, 173, 8000, 0, 0), ('char', 175, 175, 8000, 0, 0), ('timestamp', "
		"189, 189, 8, 0, 0), "
		"('nvarchar', 231, 231, 8000, 0, 0), ('nchar', 239, 239, 8000, 0, 0), ('xml', 241, "
		"241, -1, 0, 0), "
		"('sysname', 231, 256, 256, 0, 0))",
		true},
	{"INFORMATION_SCHEMA", "TABLES",
		"TABLE_CATALOG nvarchar(128) null, TABLE_SCHEMA sysname null, TABLE_NAME sysname, "
		"TABLE_TYPE varchar(10) null",
		"SELECT %N, c.name, o.name, CASE o.type WHEN 'U' THEN 'BASE TABLE' ELSE 'VIEW' END "
		"FROM %D.sys_objects o JOIN %D.sys_schemas c ON "
		"c.schema_id = o.schema_id WHERE o.type IN ('U', 'V')",
		false},
	{"INFORMATION_SCHEMA", "SCHEMATA",
		"CATALOG_NAME nvarchar(128) null, SCHEMA_NAME sysname, SCHEMA_OWNER nvarchar(128) "
		"null",
		"SELECT %N, name, 'dbo' FROM %D.sys_schemas", false},
	{"INFORMATION_SCHEMA", "COLUMNS",
		"TABLE_CATALOG nvarchar(128) null, TABLE_SCHEMA nvarchar(128) null, TABLE_NAME "
		"sysname, COLUMN_NAME sysname null, ORDINAL_POSITION int null, "
		"COLUMN_DEFAULT nvarchar(4000) null, IS_NULLABLE varchar(3) null, DATA_TYPE "
		"nvarchar(128) null, CHARACTER_MAXIMUM_LENGTH int null, "
		"CHARACTER_OCTET_LENGTH int null, NUMERIC_PRECISION tinyint null, NUMERIC_SCALE "
		"int null, DATETIME_PRECISION smallint null, "
		"CHARACTER_SET_NAME sysname null, COLLATION_NAME sysname null",
		"SELECT %N, s.name, o.name, c.name, c.ordinal, (SELECT definition FROM "
		"%D.sys_objects d WHERE d.object_id = c.default_id), CASE WHEN c.nullable "
		"THEN 'YES' ELSE 'NO' END, c.type_name, CASE WHEN c.system_type IN (231, 239) AND "
		"c.max_length > 0 THEN c.max_length / 2 WHEN c.system_type IN "
		"(165, 167, 173, 175, 231, 239) THEN c.max_length WHEN c.system_type IN (34, 35) "
		"THEN 2147483647 WHEN c.system_type = 99 THEN 1073741823 END, "
		"CASE WHEN c.system_type IN (165, 167, 173, 175, 231, 239) THEN c.max_length WHEN "
		"c.system_type IN (34, 35) THEN 2147483647 WHEN c.system_type = 99 "
		"THEN 2147483646 END, CASE WHEN c.system_type IN (48, 52, 56, 59, 60, 62, 106, "
		"108, 122, 127) THEN CASE c.system_type WHEN 48 THEN 3 WHEN 52 THEN 5 "
		"WHEN 56 THEN 10 WHEN 59 THEN 24 WHEN 62 THEN 53 WHEN 127 THEN 19 ELSE c.precision "
		"END END, CASE WHEN c.system_type IN (48, 52, 56, 60, 106, 108, 122, 127) "
		"THEN c.scale END, CASE c.system_type WHEN 40 THEN 0 WHEN 58 THEN 0 WHEN 61 THEN 3 "
		"WHEN 41 THEN c.scale WHEN 42 THEN c.scale WHEN 43 THEN c.scale END, "
		"CASE WHEN c.system_type IN (167, 175, 35) THEN 'iso_1' WHEN c.system_type IN "
		"(231, 239, 99) THEN 'UNICODE' END, c.collation FROM %D.sys_columns c JOIN "
		"%D.sys_objects o ON o.object_id = c.object_id JOIN %D.sys_schemas s ON "
		"s.schema_id = o.schema_id",
		false},
	{"INFORMATION_SCHEMA", "TABLE_CONSTRAINTS",
		"CONSTRAINT_CATALOG nvarchar(128) null, CONSTRAINT_SCHEMA nvarchar(128) null, "
		"CONSTRAINT_NAME sysname, TABLE_CATALOG nvarchar(128) null, "
		"TABLE_SCHEMA nvarchar(128) null, TABLE_NAME sysname null, CONSTRAINT_TYPE "
		"varchar(11) null",
		"SELECT %N, s.name, o.name, %N, s.name, p.name, CASE o.type WHEN 'PK' THEN "
		"'PRIMARY KEY' WHEN 'UQ' THEN 'UNIQUE' WHEN 'F' THEN 'FOREIGN KEY' "
		"ELSE 'CHECK' END FROM %D.sys_objects o JOIN %D.sys_objects p ON p.object_id = "
		"o.parent_id JOIN %D.sys_schemas s ON s.schema_id = o.schema_id WHERE "
		"o.type IN ('PK', 'UQ', 'F', 'C')",
		false},
	{"INFORMATION_SCHEMA", "KEY_COLUMN_USAGE",
		"CONSTRAINT_CATALOG nvarchar(128) null, CONSTRAINT_SCHEMA nvarchar(128) null, "
		"CONSTRAINT_NAME sysname, TABLE_CATALOG nvarchar(128) null, "
		"TABLE_SCHEMA nvarchar(128) null, TABLE_NAME sysname, COLUMN_NAME sysname null, "
		"ORDINAL_POSITION int",
		"SELECT %N, s.name, i.name, %N, s.name, o.name, c.name, k.ordinal FROM "
		"%D.sys_indexes i JOIN %D.sys_index_columns k ON k.object_id = i.object_id AND "
		"k.index_id = i.index_id AND NOT k.included JOIN %D.sys_columns c ON c.object_id = "
		"k.object_id AND c.column_id = k.column_id JOIN %D.sys_objects o ON "
		"o.object_id = i.object_id JOIN %D.sys_schemas s ON s.schema_id = o.schema_id "
		"WHERE i.is_constraint",
		false},
};

/* --- what the server knows itself --- */

static const char *sessions_sql(struct translator *t, bool connections)
{
	CLEANUP(buf_release) struct buf sql = BUF_INIT(4 * 1024 * 1024);
	struct engine *e = t->s->e;

	pthread_mutex_lock(&e->mutex);
	for (const struct session *s = e->sessions; s; s = s->next) {
		buf_adds(&sql, sql.len ? " UNION ALL SELECT " : "SELECT ");
		if (connections)
			buf_printf(&sql, "%d, 'TCP', 'TSQL', %s, %s, '127.0.0.1', 4096", s->spid,
				sql_quote(t->a, s->encrypt), sql_quote(t->a, s->auth_scheme));
		else
			buf_printf(&sql, "%d, %lld, %s, %s, %s, %s, 'running', %d, %d, %d, %d, 1",
				s->spid, (long long)(s->login_ticks / 10000000 * 10000000),
				sql_quote(t->a, s->host), sql_quote(t->a, s->program),
				sql_quote(t->a, s->user), sql_quote(t->a, s->user),
				s->options.isolation, s->options.lock_timeout, s->trancount,
				s->current ? s->current->id : 1);
	}
	pthread_mutex_unlock(&e->mutex);
	return arena_buf(t->a, &sql);
}

/* Those that wait for a lock, and who asks; without VIEW SERVER STATE that one alone. */
static const char *requests_sql(struct translator *t)
{
	CLEANUP(buf_release) struct buf sql = BUF_INIT(4 * 1024 * 1024);
	struct engine *e = t->s->e;

	pthread_mutex_lock(&e->mutex);
	for (const struct session *s = e->sessions; s; s = s->next) {
		int database = s->current ? s->current->id : 1;

		if (s == t->s)
			buf_printf(&sql, "%sSELECT %d, 0, 'running', 'SELECT', 0, NULL, 0, %d",
				sql.len ? " UNION ALL " : "", s->spid, database);
		else if (s->waits_for && !t->s->plain)
			buf_printf(&sql, "%sSELECT %d, 0, 'suspended', 'INSERT', %d, 'LCK_M_X', 0, %d",
				sql.len ? " UNION ALL " : "", s->spid, s->waits_for->spid, database);
	}
	pthread_mutex_unlock(&e->mutex);
	return arena_buf(t->a, &sql);
}

/* --- columns --- */

int sysview_columns(struct translator *t, const struct sysview *v, struct relation *r)
{
	const char *p = v->columns;
	size_t cap = 0;

	while (*p) {
		size_t n = 0, depth = 0, name;
		struct relation_column *c;
		char *text;
		bool nullable;

		for (; p[n] && (p[n] != ',' || depth); n++)
			depth += (p[n] == '(') - (size_t)(p[n] == ')');
		text = arena_strndup(t->a, p, n);
		nullable = n > 5 && strcmp(text + n - 5, " null") == 0;
		if (nullable)
			text[n - 5] = '\0';
		name = strcspn(text, " ");
		r->v = arena_grow(t->a, r->v, r->n, &cap, sizeof(*r->v));
		c = &r->v[r->n++];
		c->name = arena_strndup(t->a, text, name);
		if (tsql_parse_type(text + name + 1, t->a, &c->type, &t->s->error))
			return -1;
		c->type.name = c->name;
		c->type.nullable = nullable;
		c->sql = arena_printf(t->a, "%s.r%zu", r->sql_alias, r->n);
		p += n + (p[n] == ',');
		p += strspn(p, " ");
	}
	return 0;
}

/* %D and %N, and names r1 … for the columns. */
static const char *expand(
	struct translator *t, const char *sql, const char *where, const char *database, size_t n)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(8 * 1024 * 1024);

	buf_adds(&out, "WITH v (");
	for (size_t i = 0; i < n; i++)
		buf_printf(&out, "%sr%zu", i ? ", " : "", i + 1);
	buf_adds(&out, ") AS (");
	for (; *sql; sql++) {
		if (sql[0] == '%' && sql[1] == 'D') {
			buf_adds(&out, where);
			sql++;
		} else if (sql[0] == '%' && sql[1] == 'N') {
			buf_adds(&out, sql_quote(t->a, database));
			sql++;
		} else {
			buf_addc(&out, *sql);
		}
	}
	buf_adds(&out, ") SELECT * FROM v");
	return arena_buf(t->a, &out);
}

const char *sysview_named(struct translator *t, const char *sql, size_t n)
{
	return expand(t, sql, "", "", n);
}

int tr_system_view(struct translator *t, const struct from *f, const char **ret_sql)
{
	const char *schema = f->name.part[NAME_SCHEMA], *name = f->name.part[NAME_OBJECT], *where,
		   *sql;
	const struct sysview *v = NULL;
	struct relation *r;
	struct database *d;

	if (!schema ||
		(strcasecmp(schema, "sys") != 0 && strcasecmp(schema, "INFORMATION_SCHEMA") != 0))
		return 0;
	v = sysview_storage(schema, name);
	for (size_t i = 0; i < ARRAY_LEN(views) && !v; i++)
		if (strcasecmp(views[i].schema, schema) == 0 &&
			strcasecmp(views[i].name, name) == 0)
			v = &views[i];
	if (!v)
		return 0;
	if (catalog_database(t->s, &f->name, &d, &where))
		return -1;
	if (d && strcasecmp(d->name, "tempdb") == 0) {
		where = "temp"; /* that is where this session's are */
	}
	where = arena_strdup(t->a, where);
	r = scope_add(t);
	r->alias = f->alias ? f->alias : v->name;
	if (sysview_columns(t, v, r))
		return -1;
	sql = v->sql;
	if (!sql && strcasecmp(name, "dm_exec_requests") == 0)
		sql = requests_sql(t);
	else if (!sql)
		sql = strncasecmp(name, "dm_exec_", 8) == 0
			      ? sessions_sql(t, strcasecmp(name, "dm_exec_connections") == 0)
			      : sysview_server(t, v);
	if (!sql)
		return -1;
	*ret_sql = arena_printf(t->a, "(%s) AS %s",
		expand(t, sql, where, d ? d->name : "tempdb", r->n), r->sql_alias);
	return 1;
}
