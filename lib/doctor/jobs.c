/* What the jobs of the store need of their SQL Servers: tables, rights (as the GRANT to run), settings. */
#include <inttypes.h>
#include <string.h>

#include "db/mssql.h"
#include "db/tsql.h"
#include "doctor/doctor.h"
#include "job/store.h"

#define AREA "job"

#define MODE(m)	 (1u << LOAD_##m)
#define ANY_MODE (MODE(REPLACE) | MODE(APPEND) | MODE(TRUNCATE) | MODE(MERGE) | MODE(INCREMENTAL))

/* One connection, and what this job has to do with it. */
struct look {
	struct doctor *d;
	struct db *db;
	const char *subject, *user, *database;
	const char *table, *schema; /* in brackets; schema NULL: the user's own */
	const char *bare_table, *bare_schema; /* without */
};

/* `sql` gives one number: 0 is what the remedy is for, anything else is well, NULL: not to be told. */
struct need {
	unsigned modes;
	const char *check, *sql;
	enum doctor_state state; /* where it is not met */
	const char *text, *remedy; /* %t the table, %s its schema (%T and %S as text), %u the user, %d the database */
};

#define HAS(permission) "SELECT HAS_PERMS_BY_NAME(@name, N'OBJECT', N'" permission "')"
#define LACKS_ON(permission, why) \
	"no " permission " on %t, which " why, "GRANT " permission " ON %t TO %u"

#define ALLOWS_SNAPSHOT \
	"SELECT CASE WHEN snapshot_isolation_state_desc = N'ON' THEN 1 ELSE 0 END FROM sys.databases" \
	" WHERE name = DB_NAME()"

static const struct need of_source[] = {
	{ANY_MODE, "table", "SELECT CASE WHEN OBJECT_ID(@name) IS NULL THEN 0 ELSE 1 END", DOCTOR_PROBLEM,
		"there is no %t, or the login may not see it", "GRANT SELECT ON %t TO %u, if it is there"},
	{ANY_MODE, "grants", HAS("SELECT"), DOCTOR_PROBLEM, LACKS_ON("SELECT", "the job reads")},
};

static const struct need of_target[] = {
	{ANY_MODE, "grants", HAS("INSERT"), DOCTOR_PROBLEM, LACKS_ON("INSERT", "the job loads")},
	{ANY_MODE, "grants", HAS("SELECT"), DOCTOR_PROBLEM, LACKS_ON("SELECT", "the job looks at")},
	{MODE(MERGE) | MODE(INCREMENTAL), "grants", HAS("UPDATE"), DOCTOR_PROBLEM, LACKS_ON("UPDATE", "the job merges into")},
	{MODE(REPLACE) | MODE(TRUNCATE), "grants", HAS("ALTER"), DOCTOR_WARNING,
		"no ALTER on %t: its rows are deleted one by one, where TRUNCATE or SWITCH take no time",
		"GRANT ALTER ON %t TO %u"},
	{MODE(REPLACE) | MODE(TRUNCATE), "grants",
		"SELECT CASE WHEN HAS_PERMS_BY_NAME(@name, N'OBJECT', N'ALTER') = 1 THEN 1 ELSE"
		" HAS_PERMS_BY_NAME(@name, N'OBJECT', N'DELETE') END",
		DOCTOR_PROBLEM, LACKS_ON("DELETE", "the job replaces the rows of")},
	{ANY_MODE, "grants", "SELECT HAS_PERMS_BY_NAME(NULL, N'DATABASE', N'CREATE TABLE')", DOCTOR_PROBLEM,
		"no CREATE TABLE, which staging needs", "GRANT CREATE TABLE TO %u"},
	{ANY_MODE, "grants",
		"SELECT HAS_PERMS_BY_NAME(COALESCE(QUOTENAME(PARSENAME(@name, 2)), QUOTENAME(SCHEMA_NAME())),"
		" N'SCHEMA', N'ALTER')",
		DOCTOR_PROBLEM, "no ALTER on the schema of %t, where staging tables are made",
		"GRANT ALTER ON SCHEMA::%s TO %u"},
	{ANY_MODE, "ledger",
		"SELECT CASE WHEN SCHEMA_ID(N'etl') IS NOT NULL THEN 1 ELSE"
		" HAS_PERMS_BY_NAME(NULL, N'DATABASE', N'CREATE SCHEMA') END",
		DOCTOR_PROBLEM, "there is no schema etl for the ledger, and the login may not make it",
		"CREATE SCHEMA etl AUTHORIZATION %u"},
	{ANY_MODE, "recovery",
		"SELECT CASE WHEN recovery_model_desc = N'FULL' THEN 0 ELSE 1 END FROM sys.databases WHERE name = DB_NAME()",
		DOCTOR_WARNING, "loads into staging are fully logged: the recovery model of %d is FULL",
		"ALTER DATABASE %d SET RECOVERY BULK_LOGGED (or SIMPLE), where the backups allow it: they are minimally logged then"},
};

static const struct need of_parallel_source[] = {
	{ANY_MODE, "snapshot", ALLOWS_SNAPSHOT, DOCTOR_PROBLEM,
		"the job reads ranges in parallel, and %d does not allow SNAPSHOT",
		"ALTER DATABASE %d SET ALLOW_SNAPSHOT_ISOLATION ON; or parallel = 1"},
};

/* Microsoft Learn, "Work with change tracking". */
static const struct need of_tracked_source[] = {
	{MODE(INCREMENTAL), "change tracking", "SELECT CASE WHEN CHANGE_TRACKING_CURRENT_VERSION() IS NULL THEN 0 ELSE 1 END",
		DOCTOR_PROBLEM, "the job reads what has changed, and %d does not track changes",
		"ALTER DATABASE %d SET CHANGE_TRACKING = ON (CHANGE_RETENTION = 7 DAYS, AUTO_CLEANUP = ON)"},
	{MODE(INCREMENTAL), "change tracking",
		"SELECT CASE WHEN OBJECT_ID(@name) IS NULL THEN NULL WHEN EXISTS (SELECT 1 FROM sys.change_tracking_tables"
		" WHERE object_id = OBJECT_ID(@name)) THEN 1 ELSE 0 END",
		DOCTOR_PROBLEM, "the job reads what has changed, and changes of %t are not tracked",
		"ALTER TABLE %t ENABLE CHANGE_TRACKING"},
	{MODE(INCREMENTAL), "grants", HAS("VIEW CHANGE TRACKING"), DOCTOR_PROBLEM,
		LACKS_ON("VIEW CHANGE TRACKING", "the job reads the changes of")},
	{MODE(INCREMENTAL), "snapshot", ALLOWS_SNAPSHOT, DOCTOR_PROBLEM,
		"the job reads versions and changes as one picture, and %d does not allow SNAPSHOT",
		"ALTER DATABASE %d SET ALLOW_SNAPSHOT_ISOLATION ON"},
};

static const struct need of_captured_source[] = {
	{MODE(INCREMENTAL), "change data capture",
		"SELECT CASE WHEN is_cdc_enabled = 1 THEN 1 ELSE 0 END FROM sys.databases WHERE name = DB_NAME()",
		DOCTOR_PROBLEM, "the job reads captured changes, and %d captures none", "EXEC sys.sp_cdc_enable_db"},
	{MODE(INCREMENTAL), "change data capture",
		"SELECT CASE WHEN is_tracked_by_cdc = 1 THEN 1 ELSE 0 END FROM sys.tables WHERE object_id = OBJECT_ID(@name)",
		DOCTOR_PROBLEM, "the job reads captured changes, and those of %t are not captured",
		"EXEC sys.sp_cdc_enable_table @source_schema = %S, @source_name = %T, @role_name = NULL"},
};

static const char *fill(const struct look *l, const char *text)
{
	struct arena *a = l->d->arena;
	CLEANUP(buf_release) struct buf out = BUF_INIT(8192);

	for (; *text; text++) {
		char c = *text == '%' ? *++text : '\0';

		if (c == 't')
			buf_adds(&out, l->table);
		else if (c == 's')
			buf_adds(&out, l->schema ? l->schema : "[dbo]");
		else if (c == 'T')
			buf_adds(&out, tsql_text(l->bare_table, a));
		else if (c == 'S')
			buf_adds(&out, tsql_text(l->bare_schema, a));
		else if (c == 'u')
			buf_adds(&out, tsql_quote(l->user, a));
		else if (c == 'd')
			buf_adds(&out, tsql_quote(l->database, a));
		else
			buf_addc(&out, *text);
	}
	return arena_strdup(a, buf_str(&out));
}

/* 1: it is met, 0: it is not, -1: the server does not say. */
static int is_met(const struct look *l, const struct need *n)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	struct err err = ERR_INIT;

	if (db_prepare(l->db, n->sql, &stmt, &err))
		return -1;
	if (db_param_count(stmt))
		db_bind_text(stmt, 1, l->table);
	if (db_step(stmt, &err) != 1 || db_column_type(stmt, 0) == DB_NULL)
		return -1;
	return db_column_int(stmt, 0) != 0;
}

static size_t check(const struct look *l, const struct job *job, const struct need *v, size_t n)
{
	size_t unmet = 0;

	for (size_t i = 0; i < n; i++)
		if (v[i].modes & (1u << job->load_mode) && is_met(l, &v[i]) == 0) {
			doctor_say(l->d, AREA, l->subject, v[i].check, v[i].state, fill(l, v[i].remedy), "%s",
				fill(l, v[i].text));
			unmet++;
		}
	return unmet;
}

static size_t check_source(const struct look *l, const struct job *job)
{
	enum changes changes = job_changes(job);
	size_t unmet = check(l, job, of_source, ARRAY_LEN(of_source));

	if (changes == CHANGES_TRACKING)
		unmet += check(l, job, of_tracked_source, ARRAY_LEN(of_tracked_source));
	else if (changes == CHANGES_CDC)
		unmet += check(l, job, of_captured_source, ARRAY_LEN(of_captured_source));
	if (changes != CHANGES_TRACKING && job->parallel > 1)
		unmet += check(l, job, of_parallel_source, ARRAY_LEN(of_parallel_source));
	return unmet;
}

static int take_table(struct look *l, const char *name, struct err *err)
{
	const char *parts[TSQL_NAME_PARTS];

	if (tsql_name_parse(name, l->d->arena, parts, err))
		return -1;
	l->table = tsql_name_print(parts, l->d->arena);
	l->bare_table = parts[0];
	l->bare_schema = parts[1] ? parts[1] : "dbo";
	l->schema = parts[1] ? tsql_quote(parts[1], l->d->arena) : NULL;
	return 0;
}

static void look_at_job(const struct look *with, const struct connection *c, const struct job *job)
{
	struct look l = *with;
	struct err err = ERR_INIT;
	size_t unmet = 0;

	l.subject = arena_printf(l.d->arena, "job %s", job->name);
	if (strcmp(c->name, job->source) == 0 && job->source_table && take_table(&l, job->source_table, &err) == 0)
		unmet += check_source(&l, job);
	if (strcmp(c->name, job->target) == 0 && take_table(&l, job->target_table, &err) == 0)
		unmet += check(&l, job, of_target, ARRAY_LEN(of_target));
	if (unmet == 0)
		doctor_say(l.d, AREA, l.subject, c->name, DOCTOR_OK, NULL, "has what it needs there");
}

static void look_at_connection(struct doctor *d, const struct connection *c, struct job *const *jobs, size_t n)
{
	const struct mssql_login login = {.options = &c->mssql, .application = "etl doctor"};
	enum mssql_layer layer = MSSQL_LAYER_NONE;
	struct err err = ERR_INIT;
	struct look l = {.d = d};

	if (db_open_mssql(&login, &l.db, &layer, &err)) {
		doctor_say(d, AREA, arena_printf(d->arena, "connection %s", c->name), "jobs", DOCTOR_SKIPPED, NULL,
			"there is no login to look with");
		return;
	}
	l.user = db_mssql_session(l.db)->user;
	l.database = db_mssql_session(l.db)->database;
	for (size_t i = 0; i < n; i++)
		look_at_job(&l, c, jobs[i]);
	db_close(l.db);
}

/* Those that copy from or to it. */
static size_t uses(struct job **all, size_t n_all, const char *name, struct job **ret)
{
	size_t n = 0;

	for (size_t i = 0; i < n_all; i++)
		if (all[i]->enabled && all[i]->kind == JOB_COPY &&
			(strcmp(all[i]->source, name) == 0 || strcmp(all[i]->target, name) == 0))
			ret[n++] = all[i];
	return n;
}

static int read_jobs(struct doctor *d, struct job ***ret_jobs, size_t *ret_n, struct err *err)
{
	CLEANUP_STORE struct store *store = NULL;
	const char **names;
	size_t n;

	if (store_open(d->settings, &store, err) || store_job_names(store, d->arena, &names, &n, err))
		return -1;
	*ret_jobs = arena_array(d->arena, n + 1, sizeof(**ret_jobs));
	*ret_n = 0;
	for (size_t i = 0; i < n; i++) {
		struct job *job = arena_alloc(d->arena, sizeof(*job));
		struct err unreadable = ERR_INIT;

		if (store_job(store, names[i], d->arena, job, &unreadable) == 0)
			(*ret_jobs)[(*ret_n)++] = job;
		else
			doctor_fail(d, AREA, arena_printf(d->arena, "job %s", names[i]), "definition", &unreadable);
	}
	return 0;
}

void doctor_look_jobs(struct doctor *d)
{
	const struct settings *s = d->settings;
	struct err err = ERR_INIT;
	struct job **jobs, **used;
	size_t n;

	if (read_jobs(d, &jobs, &n, &err)) {
		doctor_say(d, AREA, "store", "jobs", DOCTOR_SKIPPED, NULL, "no jobs are looked at: %s", err.msg);
		return;
	}
	used = arena_array(d->arena, n + 1, sizeof(*used));
	for (size_t i = 0; i < s->n_connections; i++) {
		size_t m = s->connections[i].driver == DRIVER_MSSQL ? uses(jobs, n, s->connections[i].name, used) : 0;

		if (m)
			look_at_connection(d, &s->connections[i], used, m);
	}
}
