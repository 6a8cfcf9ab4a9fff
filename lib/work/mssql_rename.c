#include "work/mssql_rename.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "db/tsql.h"

#define SQL_MAX (1024u * 1024)

struct renaming {
	struct db *db;
	const struct mssql_table *table;
	const struct mssql_twin *twin;
	struct arena *a;
	const char *schema, *from, *to; /* names, as procedures want them */
	struct mssql_statements statements;
};

static int begin(struct renaming *r, struct db *db, const struct mssql_table *table, const struct mssql_twin *twin,
	struct arena *a, struct err *err)
{
	const char *parts[TSQL_NAME_PARTS], *its[TSQL_NAME_PARTS];

	if (tsql_name_parse(table->name, a, parts, err) || tsql_name_parse(twin->name, a, its, err))
		return -1;
	*r = (struct renaming){.db = db,
		.table = table,
		.twin = twin,
		.a = a,
		.schema = parts[1],
		.to = parts[0],
		.from = its[0]};
	return 0;
}

static void add(struct renaming *r, const char *sql)
{
	mssql_statements_add(&r->statements, sql, r->a);
}

/* Each row of a statement whose first parameter is the table's name is a statement to be. */
static int for_each(struct renaming *r, const char *sql,
	int (*make)(struct renaming *r, struct db_stmt *stmt, struct err *err), struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	int rc;

	if (db_prepare(r->db, sql, &stmt, err))
		return -1;
	db_bind_text(stmt, 1, r->table->name);
	while ((rc = db_step(stmt, err)) > 0)
		if (make(r, stmt, err))
			return -1;
	return rc;
}

/* --- statistics --- */

static int list_columns(struct renaming *r, int64_t id, const char **ret_list, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	struct buf list = BUF_INIT(SQL_MAX);
	int rc;

	if (db_prepare(r->db,
		    "SELECT COL_NAME(object_id, column_id) FROM sys.stats_columns WHERE object_id ="
		    " OBJECT_ID(@name) AND stats_id = @id ORDER BY stats_column_id",
		    &stmt, err))
		return -1;
	db_bind_text(stmt, 1, r->table->name);
	db_bind_int(stmt, 2, id);
	while ((rc = db_step(stmt, err)) > 0)
		buf_printf(&list, "%s%s", list.len ? ", " : "", tsql_quote(db_column_text(stmt, 0), r->a));
	*ret_list = arena_buf(r->a, &list);
	return rc;
}

static int make_statistics(struct renaming *r, struct db_stmt *stmt, struct err *err)
{
	const char *columns, *filter = db_column_text(stmt, 2);

	if (list_columns(r, db_column_int(stmt, 1), &columns, err))
		return -1;
	add(r, arena_printf(r->a, "CREATE STATISTICS %s ON %s (%s)%s%s%s", tsql_quote(db_column_text(stmt, 0), r->a),
		       r->twin->name, columns, filter ? " WHERE " : "", filter ? filter : "",
		       db_column_int(stmt, 3) ? " WITH NORECOMPUTE" : ""));
	return 0;
}

/* --- extended properties --- */

/* Of the table, its columns, indexes and constraints: what it is said of, and where to find its value. */
static const char properties_sql[] =
	"SELECT p.name, CAST(p.class AS int), CAST(p.major_id AS bigint), CAST(p.minor_id AS bigint),"
	" CASE WHEN p.class = 7 THEN N'INDEX' WHEN p.major_id <> OBJECT_ID(@name) THEN N'CONSTRAINT'"
	" WHEN p.minor_id > 0 THEN N'COLUMN' END,"
	" CASE WHEN p.class = 7 THEN (SELECT i.name FROM sys.indexes AS i WHERE i.object_id = p.major_id"
	" AND i.index_id = p.minor_id) WHEN p.major_id <> OBJECT_ID(@name) THEN OBJECT_NAME(p.major_id)"
	" WHEN p.minor_id > 0 THEN COL_NAME(p.major_id, p.minor_id) END"
	" FROM sys.extended_properties AS p WHERE p.class IN (1, 7) AND (p.major_id = OBJECT_ID(@name)"
	" OR p.major_id IN (SELECT o.object_id FROM sys.objects AS o WHERE o.parent_object_id = OBJECT_ID(@name)))";
enum { P_NAME, P_CLASS, P_MAJOR, P_MINOR, P_KIND, P_OF };

/* What the twin calls it until it is the table. */
static const char *own_name(const struct mssql_twin *twin, const char *name)
{
	for (uint32_t i = 0; i < twin->n_names; i++)
		if (strcasecmp(twin->names[i].name, name) == 0)
			return twin->names[i].own;
	return name;
}

/* The value is a sql_variant: the server copies it. */
static int make_property(struct renaming *r, struct db_stmt *stmt, struct err *err UNUSED)
{
	const char *name = tsql_text(db_column_text(stmt, P_NAME), r->a);
	const char *kind = db_column_text(stmt, P_KIND), *of = db_column_text(stmt, P_OF), *level = "";

	if (kind && !of)
		return 0;
	if (kind)
		level = arena_printf(r->a, ", N'%s', %s", kind,
			tsql_text(strcmp(kind, "COLUMN") == 0 ? of : own_name(r->twin, of), r->a));
	add(r, arena_printf(r->a,
		       "DECLARE @_v sql_variant = (SELECT value FROM sys.extended_properties WHERE class = %" PRId64
		       " AND major_id = %" PRId64 " AND minor_id = %" PRId64 " AND name = %s)"
		       " EXEC sys.sp_addextendedproperty %s, @_v, N'SCHEMA', %s, N'TABLE', %s%s",
		       db_column_int(stmt, P_CLASS), db_column_int(stmt, P_MAJOR), db_column_int(stmt, P_MINOR),
		       name, name, tsql_text(r->schema, r->a), tsql_text(r->from, r->a), level));
	return 0;
}

int mssql_rename_prepare(struct db *db, const struct mssql_table *table, const struct mssql_twin *twin,
	struct arena *a, struct err *err)
{
	struct renaming r;

	if (begin(&r, db, table, twin, a, err) ||
		for_each(&r,
			"SELECT name, CAST(stats_id AS int), filter_definition, CAST(no_recompute AS int)"
			" FROM sys.stats WHERE object_id = OBJECT_ID(@name) AND user_created = 1",
			make_statistics, err) ||
		for_each(&r, properties_sql, make_property, err))
		return -1;
	return mssql_statements_run(db, &r.statements, err);
}

/* --- grants --- */

/* Those of the table before those of its columns, which are exceptions to them. */
static const char grants_sql[] =
	"SELECT p.state, p.permission_name, u.name, COL_NAME(p.major_id, p.minor_id)"
	" FROM sys.database_permissions AS p JOIN sys.database_principals AS u"
	" ON u.principal_id = p.grantee_principal_id WHERE p.class = 1 AND p.major_id = OBJECT_ID(@name)"
	" ORDER BY p.minor_id";

static int make_grant(struct renaming *r, struct db_stmt *stmt, struct err *err)
{
	static const struct {
		char state;
		const char *verb, *preposition, *option;
	} states[] = {{'G', "GRANT", "TO", ""}, {'W', "GRANT", "TO", " WITH GRANT OPTION"}, {'D', "DENY", "TO", ""},
		{'R', "REVOKE", "FROM", ""}};
	const char *state = db_column_text(stmt, 0), *column = db_column_text(stmt, 3);

	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		if (!state || *state != states[i].state)
			continue;
		add(r, arena_printf(r->a, "%s %s ON OBJECT::%s%s %s %s%s", states[i].verb,
			       db_column_text(stmt, 1), r->table->name,
			       column ? arena_printf(r->a, " (%s)", tsql_quote(column, r->a)) : "",
			       states[i].preposition, tsql_quote(db_column_text(stmt, 2), r->a), states[i].option));
		return 0;
	}
	return err_set(err, ERR_TARGET, "a grant on the table has the state '%s', which nobody knows",
		state ? state : "");
}

/* --- names --- */

static void add_names(struct renaming *r)
{
	add(r, arena_printf(r->a, "DROP TABLE %s", r->table->name));
	add(r, arena_printf(r->a, "EXEC sys.sp_rename %s, %s, N'OBJECT'", tsql_text(r->twin->name, r->a),
		       tsql_text(r->to, r->a)));
	for (uint32_t i = 0; i < r->twin->n_names; i++)
		add(r, arena_printf(r->a, "EXEC sys.sp_rename %s, %s, N'OBJECT'",
			       tsql_text(arena_printf(r->a, "%s.%s", r->table->schema,
						 tsql_quote(r->twin->names[i].own, r->a)),
				       r->a),
			       tsql_text(r->twin->names[i].name, r->a)));
}

int mssql_rename_publish(struct db *db, const struct mssql_table *table, const struct mssql_twin *twin,
	struct arena *a, struct err *err)
{
	struct renaming r;

	if (begin(&r, db, table, twin, a, err))
		return -1;
	add_names(&r);
	if (for_each(&r, grants_sql, make_grant, err))
		return -1;
	return mssql_statements_run(db, &r.statements, err);
}
