/*
 * engine_security - users, roles, and what they may do.
 *
 * A session of a server administrator is dbo everywhere and never asked. Any other is, in each
 * database, the user of its login; what it may do is that user's, its roles' and public's.
 * Everything belongs to dbo: what a view, a procedure or a trigger does is not asked again.
 */
#ifndef TDSD_ENGINE_SECURITY_H
#define TDSD_ENGINE_SECURITY_H

#include "tests/tdsd/engine_catalog.h"

MUST_CHECK int security_create(struct session *s, const char *where); /* the catalog's part */

int exec_create_principal(struct session *s, struct stmt *st);
int exec_role_member(struct session *s, struct stmt *st);
int exec_grant(struct session *s, struct stmt *st);
int drop_principal(struct session *s, struct stmt *st, const struct name *name);

/* Errors 229 and 230. `columns` may be NULL: then the right is needed for all of it. */
int permit_table(struct session *s, const struct table *t, const char *right, const char *const *columns,
	size_t n);
int permit_procedure(struct session *s, const char *where, int64_t id, const char *schema, const char *name);
/* Does it see what masked columns hold (UNMASK)? */
int permit_unmask(struct session *s, const struct table *t, bool *ret);
/* HAS_PERMS_BY_NAME of the database (class NULL or DATABASE) or of an object (OBJECT, whose id is given). */
int has_right(struct session *s, int64_t object, const char *right, bool *ret);
/* The same of a schema (SCHEMA). -1 with *ret_known false: there is no such schema. */
int has_schema_right(struct session *s, const char *schema, const char *right, bool *ret_known, bool *ret);
/* IS_MEMBER and its kin: is the session's user in the role? -1 with *ret false: there is no such role. */
int is_in_role(struct session *s, const char *role, bool *ret_known, bool *ret);
/* The session's user in the current database: dbo, or the name that CREATE USER gave it. */
const char *user_name(struct session *s, struct arena *a);

/* For DDL: error 262 with what was tried. */
int permit_ddl(struct session *s, const char *what);
/* Error 916: the login has no user there. */
int permit_database(struct session *s, struct database *d);

#endif
