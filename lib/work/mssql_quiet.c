#include "work/mssql_quiet.h"

#include "db/tsql.h"

static const char triggers_sql[] =
	"SELECT name FROM sys.triggers WHERE parent_id = OBJECT_ID(@name) AND is_disabled = 0";
static const char constraints_sql[] =
	"SELECT name FROM sys.check_constraints WHERE parent_object_id = OBJECT_ID(@name) AND is_disabled = 0"
	" UNION ALL SELECT name FROM sys.foreign_keys WHERE parent_object_id = OBJECT_ID(@name) AND is_disabled = 0";

/* Of each name two statements: "ALTER TABLE t DISABLE TRIGGER [x]". */
static int read_names(struct db *db, const struct mssql_table *table, const char *sql, const char *off,
	const char *on, struct arena *a, struct mssql_quiet *quiet, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	int rc;

	if (db_prepare(db, sql, &stmt, err))
		return -1;
	db_bind_text(stmt, 1, table->name);
	while ((rc = db_step(stmt, err)) > 0) {
		const char *name = tsql_quote(db_column_text(stmt, 0), a);

		mssql_statements_add(
			&quiet->off, arena_printf(a, "ALTER TABLE %s %s %s", table->name, off, name), a);
		mssql_statements_add(&quiet->on, arena_printf(a, "ALTER TABLE %s %s %s", table->name, on, name), a);
	}
	return rc;
}

int mssql_quiet_read(struct db *db, const struct job *job, const struct mssql_table *table, struct arena *a,
	struct mssql_quiet *ret_quiet, struct err *err)
{
	struct mssql_quiet quiet = {.off.n = 0};

	if (!job->fire_triggers &&
		read_names(db, table, triggers_sql, "DISABLE TRIGGER", "ENABLE TRIGGER", a, &quiet, err))
		return -1;
	if (!job->check_constraints &&
		read_names(db, table, constraints_sql, "NOCHECK CONSTRAINT", "CHECK CONSTRAINT", a, &quiet, err))
		return -1;
	*ret_quiet = quiet;
	return 0;
}
