#include "tests/tdsd/engine_security.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define PRINCIPAL_PUBLIC 0
#define PRINCIPAL_FIRST  5

static const char *const tables[] = {
	"CREATE TABLE IF NOT EXISTS %s.sys_principals (principal_id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE"
	" UNIQUE, type TEXT, login TEXT COLLATE NOCASE)",
	"CREATE TABLE IF NOT EXISTS %s.sys_members (role_id INTEGER, member_id INTEGER, PRIMARY KEY (role_id,"
	" member_id))",
	/* class 1: an object, 3: a schema, 0: the database */
	"CREATE TABLE IF NOT EXISTS %s.sys_permissions (class INTEGER, major_id INTEGER, minor_id INTEGER,"
	" grantee_id INTEGER, permission TEXT COLLATE NOCASE, state TEXT, PRIMARY KEY (class, major_id, minor_id,"
	" grantee_id, permission))",
	"INSERT OR IGNORE INTO %s.sys_principals VALUES (0, 'public', 'R', NULL), (1, 'dbo', 'S', NULL), (2, 'guest',"
	" 'S', NULL), (16384, 'db_owner', 'R', NULL), (16386, 'db_securityadmin', 'R', NULL), (16387, 'db_ddladmin',"
	" 'R', NULL), (16390, 'db_datareader', 'R', NULL), (16391, 'db_datawriter', 'R', NULL)",
};

int security_create(struct session *s, const char *where)
{
	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		CLEANUP(arena_release) struct arena a = ARENA_INIT;
		const char *in = strstr(tables[i], "%s");

		if (sql_exec(s, arena_printf(&a, "%.*s%s%s", (int)(in - tables[i]), tables[i], where, in + 2)))
			return -1;
	}
	return 0;
}

/* --- who asks --- */

static bool is_asked(const struct session *s)
{
	if (!s->plain || s->chained)
		return false;
	for (const struct frame *f = s->frame; f; f = f->outer)
		if (f->procedure || f->inserted)
			return false;
	return true;
}

/* The user, its roles and theirs, and public. */
static const char *principals(struct session *s, const char *where, struct arena *a)
{
	return arena_printf(a,
		"WITH RECURSIVE me (id) AS (SELECT principal_id FROM %s.sys_principals WHERE login = %s UNION SELECT 0"
		" UNION SELECT m.role_id FROM me JOIN %s.sys_members m ON m.member_id = me.id) ",
		where, sql_quote(a, s->user), where);
}

/* Is the session's user in one of these fixed roles? 'a', 'b' */
static int in_role(struct session *s, const char *where, const char *roles, bool *ret)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	int64_t found;

	if (sql_int(s, 0, &found, "%sSELECT 1 FROM me JOIN %s.sys_principals p ON p.principal_id = me.id WHERE p.name IN (%s)",
		    principals(s, where, &a), where, roles))
		return -1;
	*ret = found != 0;
	return 0;
}

static int principal(struct session *s, const char *where, const char *name, int64_t *ret)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;

	return sql_int(s, -1, ret, "SELECT principal_id FROM %s.sys_principals WHERE name = %s", where,
		sql_quote(&a, name));
}

/* The rows of sys_permissions that speak of an object, or of a column of it. */
static int has(struct session *s, const char *where, int64_t id, const char *right, int column, char state, bool *ret)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	int64_t found;

	if (sql_int(s, 0, &found,
		    "%sSELECT 1 FROM %s.sys_permissions p JOIN me ON me.id = p.grantee_id WHERE p.state = '%c' AND"
		    " p.permission IN (%s, 'CONTROL') AND ((p.class = 1 AND p.major_id = %lld AND p.minor_id IN (0, %d)) OR"
		    " (p.class = 3 AND p.major_id = (SELECT schema_id FROM %s.sys_objects WHERE object_id = %lld)) OR"
		    " p.class = 0) LIMIT 1",
		    principals(s, where, &a), where, state, sql_quote(&a, right), (long long)id, column, where,
		    (long long)id))
		return -1;
	*ret = found != 0;
	return 0;
}

static int fixed_role(struct session *s, const char *where, const char *right, bool *ret)
{
	const char *roles = strcmp(right, "SELECT") == 0    ? "'db_owner', 'db_datareader'"
			    : strcmp(right, "EXECUTE") == 0 ? "'db_owner'"
							    : "'db_owner', 'db_datawriter'";

	return in_role(s, where, roles, ret);
}

static int denied(struct session *s, const char *right, const char *schema, const char *name)
{
	return tsql_fail(&s->error, 229, right, name, s->current->name, schema);
}

static int may(struct session *s, const char *where, int64_t id, const char *right, int column, bool *ret)
{
	bool no;

	if (has(s, where, id, right, column, 'D', &no))
		return -1;
	if (no) {
		*ret = false;
		return 0;
	}
	if (fixed_role(s, where, right, ret) || (!*ret && has(s, where, id, right, column, 'G', ret)))
		return -1;
	return 0;
}

int permit_table(struct session *s, const struct table *t, const char *right, const char *const *columns,
	size_t n)
{
	bool yes;

	if (!t->database || !is_asked(s))
		return 0;
	if (may(s, t->where, t->id, right, 0, &yes))
		return -1;
	if (yes)
		return 0;
	for (size_t i = 0; i < n; i++) {
		const struct table_column *c = columns[i] ? table_column(t, columns[i]) : NULL;

		if (!c)
			continue;
		if (may(s, t->where, t->id, right, c->id, &yes))
			return -1;
		if (!yes)
			return i == 0 ? denied(s, right, t->schema, t->name)
				      : tsql_fail(&s->error, 230, right, c->name, t->name, t->database->name, t->schema);
	}
	return n ? 0 : denied(s, right, t->schema, t->name);
}

int permit_unmask(struct session *s, const struct table *t, bool *ret)
{
	*ret = true;
	if (!t->database || !is_asked(s))
		return 0;
	if (in_role(s, t->where, "'db_owner'", ret))
		return -1;
	return *ret ? 0 : has(s, t->where, t->id, "UNMASK", 0, 'G', ret);
}

/* The fixed roles that have a right in the whole database. */
static const char *roles_with(const char *right)
{
	static const struct {
		const char *right, *roles;
	} roles[] = {{"SELECT", "'db_owner', 'db_datareader'"}, {"INSERT", "'db_owner', 'db_datawriter'"},
		{"UPDATE", "'db_owner', 'db_datawriter'"}, {"DELETE", "'db_owner', 'db_datawriter'"},
		{"CREATE TABLE", "'db_owner', 'db_ddladmin'"}, {"CREATE VIEW", "'db_owner', 'db_ddladmin'"},
		{"CREATE PROCEDURE", "'db_owner', 'db_ddladmin'"}, {"CREATE SCHEMA", "'db_owner', 'db_ddladmin'"}};

	for (size_t i = 0; i < ARRAY_LEN(roles); i++)
		if (strcasecmp(roles[i].right, right) == 0)
			return roles[i].roles;
	return "'db_owner'";
}

int has_right(struct session *s, int64_t object, const char *right, bool *ret)
{
	char where[16];
	bool no;

	*ret = true;
	if (!s->plain)
		return 0;
	(void)database_schema(s->current, where);
	if (has(s, where, object, right, 0, 'D', &no) || in_role(s, where, roles_with(right), ret))
		return -1;
	if (no)
		*ret = false;
	return no || *ret ? 0 : has(s, where, object, right, 0, 'G', ret);
}

int has_schema_right(struct session *s, const char *schema, const char *right, bool *ret_known, bool *ret)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	char where[16];
	int64_t id, found;

	(void)database_schema(s->current, where);
	if (catalog_schema(s, where, schema, &id))
		return -1;
	*ret_known = id > 0;
	*ret = !s->plain;
	if (!s->plain || id <= 0)
		return 0;
	if (in_role(s, where, "'db_owner', 'db_ddladmin'", ret) || *ret)
		return *ret ? 0 : -1;
	if (sql_int(s, 0, &found,
		    "%sSELECT 1 FROM %s.sys_permissions p JOIN me ON me.id = p.grantee_id WHERE p.state = 'G' AND"
		    " p.permission IN (%s, 'CONTROL') AND ((p.class = 3 AND p.major_id = %lld) OR p.class = 0) LIMIT 1",
		    principals(s, where, &a), where, sql_quote(&a, right), (long long)id))
		return -1;
	*ret = found != 0;
	return 0;
}

int is_in_role(struct session *s, const char *role, bool *ret_known, bool *ret)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	char where[16];
	int64_t id;

	(void)database_schema(s->current, where);
	if (principal(s, where, role, &id))
		return -1;
	*ret_known = id >= 0;
	*ret = !s->plain;
	return s->plain && *ret_known ? in_role(s, where, sql_quote(&a, role), ret) : 0;
}

const char *user_name(struct session *s, struct arena *a)
{
	CLEANUP_STMT sqlite3_stmt *stmt = NULL;
	char where[16];

	if (!s->plain ||
		sql_prepare(s, arena_printf(a, "SELECT name FROM %s.sys_principals WHERE login = %s",
				       database_schema(s->current, where), sql_quote(a, s->user)), &stmt) ||
		sql_step(s, stmt) != 1)
		return s->plain ? "guest" : "dbo";
	return arena_strdup(a, (const char *)sqlite3_column_text(stmt, 0));
}

int permit_procedure(struct session *s, const char *where, int64_t id, const char *schema, const char *name)
{
	bool yes;

	if (!is_asked(s))
		return 0;
	if (may(s, where, id, "EXECUTE", 0, &yes))
		return -1;
	return yes ? 0 : denied(s, "EXECUTE", schema, name);
}

int permit_ddl(struct session *s, const char *what)
{
	char where[16];
	bool yes;

	if (!is_asked(s))
		return 0;
	if (in_role(s, database_schema(s->current, where), "'db_owner', 'db_ddladmin'", &yes))
		return -1;
	return yes ? 0 : tsql_fail(&s->error, 262, what, s->current->name);
}

static int permit_security(struct session *s)
{
	char where[16];
	bool yes;

	if (!is_asked(s))
		return 0;
	if (in_role(s, database_schema(s->current, where), "'db_owner', 'db_securityadmin'", &yes))
		return -1;
	return yes ? 0 : tsql_fail(&s->error, 15247);
}

int permit_database(struct session *s, struct database *d)
{
	char where[16];
	int64_t found;
	CLEANUP(arena_release) struct arena a = ARENA_INIT;

	if (!s->plain || strcasecmp(d->name, "master") == 0 || strcasecmp(d->name, "tempdb") == 0)
		return 0;
	if (session_attach(s, d) || sql_int(s, 0, &found, "SELECT 1 FROM %s.sys_principals WHERE login = %s",
					    database_schema(d, where), sql_quote(&a, s->user)))
		return -1;
	return found ? 0 : tsql_fail(&s->error, 916, s->user, d->name);
}

/* --- statements --- */

int exec_create_principal(struct session *s, struct stmt *st)
{
	struct arena *a = &s->frame->arena;
	const char *name = st->name.part[NAME_OBJECT], *login = st->name2.part[NAME_OBJECT];
	char where[16];
	int64_t id;

	if (strcmp(st->text, "LOGIN") == 0)
		return tsql_unsupported(&s->error, "CREATE LOGIN: give the server an option --user");
	(void)database_schema(s->current, where);
	if (permit_security(s) || principal(s, where, name, &id))
		return -1;
	if (id >= 0)
		return tsql_fail(&s->error, 15023, name);
	return sql_execf(s,
		"INSERT INTO %s.sys_principals SELECT max(%d, ifnull((SELECT max(principal_id) + 1 FROM"
		" %s.sys_principals WHERE principal_id < 16384), 0)), %s, '%s', %s",
		where, PRINCIPAL_FIRST, where, sql_quote(a, name), strcmp(st->text, "ROLE") == 0 ? "R" : "S",
		strcmp(st->text, "USER") == 0 && login ? sql_quote(a, login) : "NULL");
}

int drop_principal(struct session *s, struct stmt *st, const struct name *name)
{
	char where[16];
	int64_t id;

	(void)database_schema(s->current, where);
	if (permit_security(s) || principal(s, where, name->part[NAME_OBJECT], &id))
		return -1;
	if (id < 0)
		return st->if_exists ? 0
				     : tsql_fail(&s->error, 15151, "drop",
					       strcmp(st->text, "ROLE") == 0 ? "role" : "user",
					       name->part[NAME_OBJECT]);
	return sql_execf(s, "DELETE FROM %s.sys_members WHERE role_id = %lld OR member_id = %lld", where, (long long)id,
		       (long long)id) ||
			       sql_execf(s, "DELETE FROM %s.sys_permissions WHERE grantee_id = %lld", where,
				       (long long)id) ||
			       sql_execf(s, "DELETE FROM %s.sys_principals WHERE principal_id = %lld", where,
				       (long long)id)
		       ? -1
		       : 0;
}

int exec_role_member(struct session *s, struct stmt *st)
{
	const char *names[] = {st->name.part[NAME_OBJECT], st->name2.part[NAME_OBJECT]};
	char where[16];
	int64_t ids[2];

	(void)database_schema(s->current, where);
	if (permit_security(s))
		return -1;
	for (int i = 0; i < 2; i++) {
		if (principal(s, where, names[i], &ids[i]))
			return -1;
		if (ids[i] < 0)
			return i ? tsql_fail(&s->error, 15410, names[i])
				 : tsql_fail(&s->error, 15151, "alter", "role", names[i]);
	}
	return sql_execf(s,
		st->on ? "INSERT OR IGNORE INTO %s.sys_members VALUES (%lld, %lld)"
		       : "DELETE FROM %s.sys_members WHERE role_id = %lld AND member_id = %lld",
		where, (long long)ids[0], (long long)ids[1]);
}

/* What a GRANT is about: class, major id and, for columns, minor ids. */
struct securable {
	int class_;
	int64_t major;
	int minor[64];
	size_t n_minor;
};

static int find_securable(struct session *s, struct stmt *st, const char *where, struct securable *ret)
{
	const char *name = st->name.part[NAME_OBJECT];
	struct table *t = NULL;

	*ret = (struct securable){.n_minor = 1};
	if (!name)
		return 0;
	ret->class_ = st->on ? 3 : 1;
	if (st->on) {
		if (catalog_schema(s, where, name, &ret->major))
			return -1;
		return ret->major > 0 ? 0 : tsql_fail(&s->error, 15151, "find", "schema", name);
	}
	if (catalog_object(s, &st->name, NULL, &ret->major))
		return -1;
	if (ret->major == 0)
		return tsql_fail(&s->error, 15151, "find", "object", name);
	if (st->n_output_columns == 0)
		return 0;
	if (catalog_get(s, &st->name, &s->frame->arena, &t))
		return -1;
	ret->n_minor = 0;
	for (size_t i = 0; i < st->n_output_columns && i < ARRAY_LEN(ret->minor); i++) {
		const struct table_column *c = table_column(t, st->output_columns[i]);

		if (!c)
			return tsql_fail(&s->error, 207, st->output_columns[i]);
		ret->minor[ret->n_minor++] = c->id;
	}
	return 0;
}

static int set_right(struct session *s, struct stmt *st, const char *where, const struct securable *of, int minor,
	int64_t grantee, const char *right)
{
	struct arena *a = &s->frame->arena;

	if (strcmp(st->text, "REVOKE") == 0)
		return sql_execf(s,
			"DELETE FROM %s.sys_permissions WHERE class = %d AND major_id = %lld AND minor_id = %d AND grantee_id"
			" = %lld AND permission = %s",
			where, of->class_, (long long)of->major, minor, (long long)grantee, sql_quote(a, right));
	return sql_execf(s, "INSERT OR REPLACE INTO %s.sys_permissions VALUES (%d, %lld, %d, %lld, upper(%s), '%c')", where,
		of->class_, (long long)of->major, minor, (long long)grantee, sql_quote(a, right), st->text[0]);
}

int exec_grant(struct session *s, struct stmt *st)
{
	struct securable of;
	char where[16];

	(void)database_schema(s->current, where);
	if (permit_security(s) || find_securable(s, st, where, &of))
		return -1;
	for (size_t i = 0; i < st->n_names; i++) {
		const char *name = st->names[i].part[NAME_OBJECT];
		int64_t grantee;

		if (principal(s, where, name, &grantee))
			return -1;
		if (grantee < 0)
			return tsql_fail(&s->error, 15151, "find", "user", name);
		for (size_t j = 0; j < st->n_columns; j++)
			for (size_t k = 0; k < of.n_minor; k++)
				if (set_right(s, st, where, &of, of.minor[k], grantee, st->columns[j]))
					return -1;
	}
	return 0;
}
