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
/* For DDL: error 262 with what was tried. */
int permit_ddl(struct session *s, const char *what);
/* Error 916: the login has no user there. */
int permit_database(struct session *s, struct database *d);

#endif
