/*
 * schema_text - the SQL that brings a control database to this program's version. Pure.
 *
 * Texts are batches, each sent by itself, in this order: the schema, which is one transaction and
 * without which nothing works, then (on SQL Server) the roles with their grants and the descriptions
 * of tables and columns (extended properties, which SSMS shows). Those two may be sent again at any
 * time, and need rights that the owner of a schema may not have.
 */
#ifndef JOB_SCHEMA_TEXT_H
#define JOB_SCHEMA_TEXT_H

#include <stddef.h>

#include "base/arena.h"
#include "db/db.h"

/* T-SQL, first in the transaction: two that come at once wait for each other. */
#define SCHEMA_LOCK                                                                                \
	"EXEC sp_getapplock @Resource = N'etl.migration', @LockMode = N'Exclusive',"               \
	" @LockOwner = N'Transaction', @LockTimeout = 60000"

enum schema_part { SCHEMA_TABLES, SCHEMA_ROLES, SCHEMA_WORDS, SCHEMA_PART_COUNT };

struct schema_texts {
	const char **v; /* in the arena, or constant */
	size_t n;
};

/* `from`: the version that is there, 0: none. `uid`: of a new store; NULL: the database makes one. */
struct schema_texts schema_texts(enum db_dialect dialect, enum schema_part part, int from, const char *uid,
	struct arena *a);

/* All of it as a script for the engine's own tools (sqlcmd, SSMS; the sqlite3 shell), with comments. */
struct buf;
void schema_script(enum db_dialect dialect, int from, struct buf *out);

/* A role of etl_operator, etl_worker and etl_reader may do this with an object of schema etl. */
struct schema_grant {
	const char *role, *rights, *object; /* "SELECT, INSERT" */
};
extern const struct schema_grant schema_grants[];
extern const size_t n_schema_grants;

/* What a table, view or procedure (column NULL), or a column of it, is for. Those of etl.job that are keys
 * of a job have the text of their option instead. */
struct schema_word {
	const char *kind; /* TABLE, VIEW, PROCEDURE */
	const char *object, *column, *text;
};
extern const struct schema_word schema_words[];
extern const size_t n_schema_words;

#endif
