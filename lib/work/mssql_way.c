#include "work/mssql_way.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "db/mssql.h"

#define SQL_MAX (1024u * 1024)

/* SERVERPROPERTY('EngineEdition') of what is always new, and calls itself 12 */
#define AZURE_DATABASE 5
#define AZURE_INSTANCE 8
#define NEWEST	       16

/* --- what there is --- */

int mssql_engine_read(struct db *db, struct arena *a, struct mssql_engine *ret_engine, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	const struct mssql_session *session = db_mssql_session(db);
	bool azure = session->engine_edition == AZURE_DATABASE || session->engine_edition == AZURE_INSTANCE;
	struct mssql_engine e = {.major = azure ? NEWEST : atoi(session->version)};

	if (db_prepare(db,
		    "SELECT CAST(SERVERPROPERTY(N'Babelfish') AS int), recovery_model_desc,"
		    " CAST(is_read_committed_snapshot_on AS int) FROM sys.databases WHERE name = DB_NAME()",
		    &stmt, err) ||
		db_step(stmt, err) < 0)
		return -1;
	e.babelfish = db_column_int(stmt, 0) == 1;
	e.recovery = arena_strdup(a, db_column_text(stmt, 1));
	e.rcsi = db_column_int(stmt, 2) == 1;
	*ret_engine = e;
	return 0;
}

/* --- what is against it --- */

#define S (1u << MSSQL_SWITCH)
#define R (1u << MSSQL_RENAME)
#define T (1u << MSSQL_TRUNCATE)
#define D (1u << MSSQL_DELETE)
#define THE_TABLE "sys.tables AS x WHERE x.object_id = OBJECT_ID(@name) AND "
#define ITS_COLUMNS "sys.columns AS x WHERE x.object_id = OBJECT_ID(@name) AND "
#define ITS_INDEXES "sys.indexes AS x WHERE x.object_id = OBJECT_ID(@name) AND "
#define LACKS(permission) \
	"sys.tables AS x WHERE x.object_id = OBJECT_ID(@name) AND HAS_PERMS_BY_NAME(@name, N'OBJECT', N'" permission "') = 0"

/* x.name of each row that `from` has is in the way; since = major version that has such a thing. */
enum { ALWAYS, FIRES, UNCHECKED }; /* only a load whose rows triggers see; constraints do not */
static const struct obstacle {
	unsigned ways;
	int when, since;
	const char *reason, *from; /* the reason names x by %s */
} obstacles[] = {
	{D, ALWAYS, 0, "the foreign key '%s' would reach into another table",
		"sys.foreign_keys AS x WHERE x.referenced_object_id = OBJECT_ID(@name) AND x.delete_referential_action <> 0"},
	{S | R | T, ALWAYS, 0, "the foreign key '%s' points to it",
		"sys.foreign_keys AS x WHERE x.referenced_object_id = OBJECT_ID(@name)"},
	{S | R | T, ALWAYS, 0, "the login has no ALTER on '%s'", LACKS("ALTER")},
	{D, ALWAYS, 0, "the login has no DELETE on '%s'", LACKS("DELETE")},
	{S | R | T, ALWAYS, 0, "'%s' is system-versioned", THE_TABLE "x.temporal_type <> 0"},
	{S | R | T, ALWAYS, 0, "'%s' is published for replication",
		THE_TABLE "(x.is_published = 1 OR x.is_schema_published = 1 OR x.is_merge_published = 1)"},
	{S | R | T, ALWAYS, 0, "change data capture reads '%s'", THE_TABLE "x.is_tracked_by_cdc = 1"},
	{S | R | T, ALWAYS, 0, "'%s' is memory-optimized", THE_TABLE "x.is_memory_optimized = 1"},
	{S | R | T, ALWAYS, 0, "'%s' is a FileTable or external", THE_TABLE "(x.is_filetable = 1 OR x.is_external = 1)"},
	{S | R | T, ALWAYS, 16, "'%s' is a ledger table", THE_TABLE "x.ledger_type <> 0"},
	{S | R | T, ALWAYS, 0, "the indexed view '%s' has its rows",
		"sys.sql_expression_dependencies AS d JOIN sys.views AS x ON x.object_id = d.referencing_id"
		" JOIN sys.indexes AS i ON i.object_id = x.object_id AND i.index_id = 1"
		" WHERE d.referenced_id = OBJECT_ID(@name)"},
	{S | R, ALWAYS, 14, "'%s' is of a graph", THE_TABLE "(x.is_node = 1 OR x.is_edge = 1)"},
	{S | R, ALWAYS, 0, "its changes are tracked",
		"sys.tables AS x JOIN sys.change_tracking_tables AS c ON c.object_id = x.object_id"
		" WHERE x.object_id = OBJECT_ID(@name)"},
	{S, ALWAYS, 0, "it is partitioned, by '%s'",
		"sys.indexes AS i JOIN sys.partition_schemes AS x ON x.data_space_id = i.data_space_id"
		" WHERE i.object_id = OBJECT_ID(@name)"},
	{S | R, ALWAYS, 0, "'%s' has a full-text index",
		"sys.tables AS x JOIN sys.fulltext_indexes AS f ON f.object_id = x.object_id"
		" WHERE x.object_id = OBJECT_ID(@name)"},
	{S | R, ALWAYS, 0, "the index '%s' is of XML, spatial or hashed values", ITS_INDEXES "x.type NOT IN (0, 1, 2, 5, 6)"},
	{S | R, ALWAYS, 0, "the index '%s' is disabled", ITS_INDEXES "x.is_disabled = 1"},
	{S | R, FIRES, 0, "the trigger '%s' is to see the rows",
		"sys.triggers AS x JOIN sys.trigger_events AS e ON e.object_id = x.object_id AND e.type_desc = N'INSERT'"
		" WHERE x.parent_id = OBJECT_ID(@name) AND x.is_disabled = 0"},
	{S | R, ALWAYS, 0, "the security policy '%s' filters it",
		"sys.security_policies AS x JOIN sys.security_predicates AS p ON p.object_id = x.object_id"
		" WHERE p.target_object_id = OBJECT_ID(@name)"},
	{S | R, ALWAYS, 0, "the column '%s' is always encrypted", ITS_COLUMNS "x.encryption_type IS NOT NULL"},
	{S | R, ALWAYS, 0, "the column '%s' is a FILESTREAM, or a column set",
		ITS_COLUMNS "(x.is_filestream = 1 OR x.is_column_set = 1)"},
	{S | R, ALWAYS, 0, "the column '%s' has a schema collection", ITS_COLUMNS "x.xml_collection_id <> 0"},
	{S | R, ALWAYS, 0, "the column '%s' is of a period", ITS_COLUMNS "x.generated_always_type <> 0"},
	{S | R, ALWAYS, 0, "a default or rule is bound to the column '%s'",
		ITS_COLUMNS "(x.rule_object_id <> 0 OR (x.default_object_id <> 0 AND NOT EXISTS (SELECT 1 FROM"
			    " sys.default_constraints AS d WHERE d.object_id = x.default_object_id)))"},
	{S | R, ALWAYS, 0, "'%s' was made with ANSI_NULLS OFF, or has options of sp_tableoption",
		THE_TABLE "(x.uses_ansi_nulls = 0 OR x.text_in_row_limit <> 0 OR x.large_value_types_out_of_row = 1)"},
	{S | R, ALWAYS, 0, "the login may not refer to '%s' (REFERENCES), as a foreign key of it does",
		"sys.objects AS x JOIN sys.foreign_keys AS f ON f.referenced_object_id = x.object_id WHERE"
		" f.parent_object_id = OBJECT_ID(@name) AND HAS_PERMS_BY_NAME(QUOTENAME(SCHEMA_NAME(x.schema_id))"
		" + N'.' + QUOTENAME(x.name), N'OBJECT', N'REFERENCES') = 0"},
	{S, ALWAYS, 0, "the login may not reseed the identity '%s' (db_ddladmin)",
		ITS_COLUMNS "x.is_identity = 1 AND IS_ROLEMEMBER(N'db_owner') = 0 AND IS_ROLEMEMBER(N'db_ddladmin') = 0"},
	{S, UNCHECKED, 0, "the constraint '%s' is trusted, and check_constraints = no",
		"sys.check_constraints AS x WHERE x.parent_object_id = OBJECT_ID(@name) AND x.is_not_trusted = 0"},
	{S, UNCHECKED, 0, "the constraint '%s' is trusted, and check_constraints = no",
		"sys.foreign_keys AS x WHERE x.parent_object_id = OBJECT_ID(@name) AND x.is_not_trusted = 0"},
	{R, ALWAYS, 0, "the trigger '%s' would be lost", "sys.triggers AS x WHERE x.parent_id = OBJECT_ID(@name)"},
	{R, ALWAYS, 0, "'%s' is bound to its schema",
		"sys.sql_expression_dependencies AS d JOIN sys.objects AS x ON x.object_id = d.referencing_id"
		" WHERE d.referenced_id = OBJECT_ID(@name) AND d.is_schema_bound_reference = 1"
		" AND x.parent_object_id = 0"},
	{R, ALWAYS, 0, "the column '%s' has a mask", ITS_COLUMNS "x.is_masked = 1"},
	{R, ALWAYS, 0, "'%s' has another owner than its schema", THE_TABLE "x.principal_id IS NOT NULL"},
	{R, ALWAYS, 15, "the column '%s' is classified",
		"sys.columns AS x JOIN sys.sensitivity_classifications AS c ON c.major_id = x.object_id"
		" AND c.minor_id = x.column_id WHERE x.object_id = OBJECT_ID(@name)"},
	{R, ALWAYS, 0, "the login has no CONTROL of '%s'", LACKS("CONTROL")},
	{R, ALWAYS, 0, "the login may not see all grants on '%s' (VIEW DEFINITION)",
		THE_TABLE "HAS_PERMS_BY_NAME(NULL, N'DATABASE', N'VIEW DEFINITION') = 0"},
};

static void against(struct mssql_ways *w, unsigned ways, const char *reason)
{
	for (unsigned i = 0; i < MSSQL_WAYS; i++)
		if (ways & (1u << i) && !w->against[i])
			w->against[i] = reason;
}

static bool applies(const struct obstacle *o, const struct mssql_engine *engine, const struct job *job)
{
	return o->since <= engine->major && (o->when != FIRES || job->fire_triggers) &&
	       (o->when != UNCHECKED || !job->check_constraints);
}

/* One statement asks for all of them. */
static const char *question(const struct mssql_engine *engine, const struct job *job, struct arena *a)
{
	struct buf sql = BUF_INIT(SQL_MAX);

	for (size_t i = 0; i < ARRAY_LEN(obstacles); i++)
		if (applies(&obstacles[i], engine, job))
			buf_printf(&sql, "%sSELECT CAST(%zu AS int), x.name FROM %s",
				sql.len ? " UNION ALL " : "", i, obstacles[i].from);
	return arena_buf(a, &sql);
}

static int ask(struct db *db, const struct mssql_engine *engine, const struct job *job,
	const struct mssql_table *table, struct arena *a, const char *found[ARRAY_LEN(obstacles)], struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	int rc;

	if (db_prepare(db, question(engine, job, a), &stmt, err))
		return -1;
	db_bind_text(stmt, 1, table->name);
	while ((rc = db_step(stmt, err)) > 0) {
		const char *name = db_column_text(stmt, 1);

		found[db_column_int(stmt, 0)] = arena_strdup(a, name ? name : "");
	}
	return rc;
}

/* The reason with its one %s filled in. */
static const char *named(const char *reason, const char *name, struct arena *a)
{
	const char *at = strstr(reason, "%s");

	return at ? arena_printf(a, "%.*s%s%s", (int)(at - reason), reason, name, at + 2) : reason;
}

static int read_obstacles(struct db *db, const struct mssql_engine *engine, const struct job *job,
	const struct mssql_table *table, struct arena *a, struct mssql_ways *w, struct err *err)
{
	const char *found[ARRAY_LEN(obstacles)] = {NULL};

	if (ask(db, engine, job, table, a, found, err))
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(obstacles); i++)
		if (found[i])
			against(w, obstacles[i].ways, named(obstacles[i].reason, found[i], a));
	return 0;
}

/* What its catalog says cannot be relied on; of foreign keys the table's own reading knows. */
static void judge_babelfish(const struct mssql_table *table, struct mssql_ways *w)
{
	against(w, S, "Babelfish has no ALTER TABLE … SWITCH");
	against(w, R, "Babelfish does not tell all of what would have to be put back");
	if (table->referenced)
		against(w, T, "a foreign key points to it");
	if (table->cascades)
		against(w, D, "a foreign key would reach into another table");
}

static bool adds_columns(const struct mssql_table *table)
{
	for (uint32_t i = 0; i < table->n; i++)
		if (table->v[i].added)
			return true;
	return false;
}

enum mssql_way mssql_way_choose(const char *const against[MSSQL_WAYS])
{
	enum mssql_way way = 0;

	while (way < MSSQL_WAYS && against[way])
		way++;
	return way;
}

static void judge_job(const struct job *job, const struct mssql_table *table, const char *staging,
	struct mssql_ways *w)
{
	if (!job_replaces(job))
		against(w, S | R, "the load is incremental");
	if (adds_columns(table))
		against(w, S | R, "columns are added to it");
	if (strcasecmp(staging, table->schema) != 0)
		against(w, R, "staging is in another schema");
}

/* What the job wants is the only way, or there is none. */
static void judge_wish(enum publish_by wish, struct mssql_ways *w)
{
	if (wish == PUBLISH_SWITCH)
		against(w, R | T | D, "publish = switch");
	if (wish == PUBLISH_RENAME)
		against(w, S | T | D, "publish = rename");
	if (wish == PUBLISH_INSERT)
		against(w, S | R, "publish = insert");
}

static int no_way(const struct job *job, const struct mssql_table *table, const struct mssql_ways *w, struct err *err)
{
	enum mssql_way wanted = job->publish == PUBLISH_SWITCH	 ? MSSQL_SWITCH
				: job->publish == PUBLISH_RENAME ? MSSQL_RENAME
								 : MSSQL_DELETE;

	err_set(err, ERR_CONFIG, "the rows of %s cannot be replaced%s%s: %s", table->name,
		wanted == MSSQL_DELETE ? "" : " by ", wanted == MSSQL_DELETE ? "" : mssql_way_name(wanted),
		w->against[wanted]);
	if (wanted != MSSQL_DELETE)
		return err_hint(err, "publish = auto takes the best way that the table allows");
	return err_hint(err, "use load_mode = merge%s", table->cascades ? ", or a foreign key without an action" : "");
}

int mssql_ways_read(struct db *db, const struct mssql_engine *engine, const struct job *job,
	const struct mssql_table *table, const char *staging, struct arena *a, struct mssql_ways *ret_ways,
	struct err *err)
{
	struct mssql_ways w = {.way = 0};

	judge_job(job, table, staging, &w);
	if (engine->babelfish)
		judge_babelfish(table, &w);
	else if (read_obstacles(db, engine, job, table, a, &w, err))
		return -1;
	judge_wish(job->publish, &w);
	w.way = mssql_way_choose(w.against);
	if (w.way == MSSQL_WAYS)
		return no_way(job, table, &w, err);
	*ret_ways = w;
	return 0;
}

/* --- in words --- */

const char *mssql_way_name(enum mssql_way way)
{
	static const char *const names[MSSQL_WAYS] = {[MSSQL_SWITCH] = "SWITCH",
		[MSSQL_RENAME] = "RENAME",
		[MSSQL_TRUNCATE] = "TRUNCATE and INSERT",
		[MSSQL_DELETE] = "DELETE and INSERT"};

	return names[way];
}

static bool logs_little(const struct mssql_engine *e)
{
	return e->recovery && strcmp(e->recovery, "FULL") != 0;
}

const char *mssql_heap_logging(const struct mssql_engine *engine, struct arena *a)
{
	if (!engine->recovery)
		return "how much is logged the engine does not say";
	return arena_printf(a, "%s logged (a new heap, TABLOCK, and the recovery model is %s)",
		logs_little(engine) ? "minimally" : "fully", engine->recovery);
}

static const char *plan_switch(void)
{
	return "the rows go into a table of the same structure, indexes and constraints are built there, "
	       "and its pages become the target's; the target is locked (Sch-M) for that moment only: "
	       "readers wait for it, then see the new rows; only metadata is logged";
}

static const char *plan_rename(void)
{
	return "the rows go into a table of the same structure, indexes and constraints are built there, and it "
	       "gets the target's name, grants, statistics and extended properties; the target is dropped: it is "
	       "locked (Sch-M) for that moment only, readers wait for it, then see the new rows; only metadata "
	       "is logged";
}

static const char *plan_truncate(const struct mssql_engine *e, struct arena *a)
{
	return arena_printf(a,
		"the table is locked (Sch-M) until it is done, and readers wait; the INSERT is %s",
		logs_little(e) ? "minimally logged where the table is a heap or its index empty (TABLOCK)"
			       : "fully logged");
}

static const char *plan_delete(const struct mssql_engine *e, struct arena *a)
{
	return arena_printf(a, "rows are locked (X), and readers %s; both are fully logged",
		e->rcsi ? "see the old rows until it is done (READ_COMMITTED_SNAPSHOT)"
			: "wait until it is done (READ_COMMITTED_SNAPSHOT is off)");
}

const char *mssql_way_plan(const struct mssql_ways *w, const struct mssql_engine *engine, struct arena *a)
{
	struct buf out = BUF_INIT(SQL_MAX);

	buf_printf(&out, "publishing: %s: %s", mssql_way_name(w->way),
		w->way == MSSQL_SWITCH	   ? plan_switch()
		: w->way == MSSQL_RENAME   ? plan_rename()
		: w->way == MSSQL_TRUNCATE ? plan_truncate(engine, a)
					   : plan_delete(engine, a));
	for (enum mssql_way i = 0; i < w->way; i++)
		buf_printf(&out, "; no %s: %s", mssql_way_name(i), w->against[i]);
	return arena_buf(a, &out);
}
