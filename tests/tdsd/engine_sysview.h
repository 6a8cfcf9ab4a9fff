/* engine_sysview - the views of sys and INFORMATION_SCHEMA, as tables of queries; for engine_*.c
 * only. */
#ifndef TDSD_ENGINE_SYSVIEW_H
#define TDSD_ENGINE_SYSVIEW_H

#include "tests/tdsd/engine_translate.h"

#define OBJECT_COLUMNS                                                                         \
	"name sysname, object_id int, principal_id int null, schema_id int, parent_object_id " \
	"int, type char(2), "                                                                  \
	"type_desc nvarchar(60), create_date datetime, modify_date datetime, is_ms_shipped bit"
/* of o; CREATED as datetime2 on datetime's grid of milliseconds */
#define OBJECT_SELECT                                                                            \
	"o.name, o.object_id, NULL, o.schema_id, ifnull(o.parent_id, 0), substr(o.type || ' ', " \
	"1, 2), CASE o.type WHEN 'U' "                                                           \
	"THEN 'USER_TABLE' WHEN 'V' THEN 'VIEW' WHEN 'PK' THEN 'PRIMARY_KEY_CONSTRAINT' WHEN "   \
	"'UQ' THEN "                                                                             \
	"'UNIQUE_CONSTRAINT' WHEN 'F' THEN 'FOREIGN_KEY_CONSTRAINT' WHEN 'C' THEN "              \
	"'CHECK_CONSTRAINT' WHEN 'D' THEN "                                                      \
	"'DEFAULT_CONSTRAINT' END, o.created / 10000000 * 10000000, o.created / 10000000 * "     \
	"10000000, 0"

/* In `sql` %D is SQLite's schema of the database, %N its name as a literal. */
struct sysview {
	const char *schema, *name;
	const char *columns; /* as CREATE TABLE has them; " null" behind those that may be */
	const char *sql;     /* NULL: made when it is asked for */
	bool server;         /* the same in every database */
};

/* Those of tables, indexes, statistics, partitions and databases; NULL: none of that name. */
const struct sysview *sysview_storage(const char *schema, const char *name);
/* The view's columns into the relation, which SQLite calls r1, r2 …; and a query with those names. */
int sysview_columns(struct translator *t, const struct sysview *v, struct relation *r);
const char *sysview_named(struct translator *t, const char *sql, size_t n);
/* What the server knows itself, of such a view without `sql`; NULL: it failed. */
const char *sysview_server(struct translator *t, const struct sysview *v);

#endif
