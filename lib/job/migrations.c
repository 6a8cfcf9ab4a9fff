#include "job/migrations.h"

#include "base/mem.h"

#define NOW "(strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))"
/* A random UUID (RFC 9562 §5.4), so that an INSERT by hand needs none. */
#define UUID                                                                                       \
	"(lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || "                       \
	"substr(hex(randomblob(2)), 2) || '-' || substr('89ab', 1 + (random() & 3), 1) || "        \
	"substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6))))"

static const char jobs_and_runs[] =
	"CREATE TABLE etl_job (\n"
	"  job_id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
	"  job_uid TEXT NOT NULL UNIQUE DEFAULT " UUID ",\n"
	"  name TEXT NOT NULL UNIQUE,\n"
	"  kind TEXT NOT NULL,\n"
	"  enabled INTEGER NOT NULL DEFAULT 1,\n"
	"  source TEXT,\n"
	"  source_table TEXT,\n"
	"  target TEXT,\n"
	"  target_table TEXT,\n"
	"  load_mode TEXT,\n"
	"  \"create\" INTEGER NOT NULL DEFAULT 1,\n"
	"  columns TEXT,\n"
	"  min_rows INTEGER NOT NULL DEFAULT 1,\n"
	"  max_attempts INTEGER NOT NULL DEFAULT 1,\n"
	"  retry_delay REAL NOT NULL DEFAULT 30,\n" /* seconds */
	"  format TEXT,\n"			    /* JSON: overrides of the connection's format */
	"  version INTEGER NOT NULL DEFAULT 1,\n"
	"  updated_at TEXT NOT NULL DEFAULT " NOW "\n"
	");\n"
	"CREATE TABLE etl_job_history (\n"
	"  job_id INTEGER NOT NULL REFERENCES etl_job (job_id),\n"
	"  version INTEGER NOT NULL,\n"
	"  at TEXT NOT NULL DEFAULT " NOW ",\n"
	"  actor TEXT NOT NULL,\n"
	"  definition TEXT NOT NULL,\n" /* JSON */
	"  PRIMARY KEY (job_id, version)\n"
	") WITHOUT ROWID;\n"
	"CREATE TABLE etl_run (\n"
	"  run_id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
	"  run_uid TEXT NOT NULL UNIQUE DEFAULT " UUID ",\n"
	"  job_id INTEGER NOT NULL REFERENCES etl_job (job_id),\n"
	"  state TEXT NOT NULL DEFAULT 'queued',\n"
	"  origin TEXT NOT NULL DEFAULT 'manual',\n"
	"  order_key TEXT,\n"
	"  ready_at TEXT NOT NULL DEFAULT " NOW ",\n"
	"  priority INTEGER NOT NULL DEFAULT 0,\n"
	"  attempt INTEGER NOT NULL DEFAULT 0,\n"
	"  owner TEXT,\n"
	"  fence INTEGER NOT NULL DEFAULT 0,\n"
	"  lease_until TEXT,\n"
	"  rows_read INTEGER,\n"
	"  rows_written INTEGER,\n"
	"  rows_rejected INTEGER,\n"
	"  bytes_read INTEGER,\n"
	"  queued_at TEXT NOT NULL DEFAULT " NOW ",\n"
	"  claimed_at TEXT,\n"
	"  started_at TEXT,\n"
	"  finished_at TEXT,\n"
	"  error_code TEXT,\n"
	"  error_message TEXT\n"
	");\n"
	"CREATE UNIQUE INDEX etl_run_order ON etl_run (job_id, order_key)\n"
	"  WHERE order_key IS NOT NULL;\n"
	"CREATE INDEX etl_run_ready ON etl_run (priority DESC, ready_at, run_id)\n"
	"  WHERE state = 'queued';\n"
	"CREATE INDEX etl_run_job ON etl_run (job_id, run_id);\n"
	"CREATE TABLE etl_run_event (\n"
	"  event_id INTEGER PRIMARY KEY,\n"
	"  run_id INTEGER NOT NULL REFERENCES etl_run (run_id),\n"
	"  at TEXT NOT NULL DEFAULT " NOW ",\n"
	"  old_state TEXT,\n"
	"  new_state TEXT NOT NULL,\n"
	"  actor TEXT NOT NULL,\n"
	"  reason TEXT\n"
	");\n"
	"CREATE INDEX etl_run_event_run ON etl_run_event (run_id);\n"
	"CREATE TABLE etl_run_log (\n"
	"  run_id INTEGER NOT NULL REFERENCES etl_run (run_id),\n"
	"  attempt INTEGER NOT NULL,\n"
	"  seq INTEGER NOT NULL,\n"
	"  at TEXT NOT NULL DEFAULT " NOW ",\n"
	"  level TEXT NOT NULL,\n"
	"  message TEXT NOT NULL,\n"
	"  PRIMARY KEY (run_id, attempt, seq)\n"
	") WITHOUT ROWID;\n";

/*
 * The heartbeat and with it the lease's end live in a table of their own, so that somebody's open
 * transaction on etl_run expires nobody. What an INSERT by hand leaves out is filled in by a trigger:
 * `INSERT INTO etl_run (job_id) VALUES (7)` is a whole order.
 */
static const char queue[] =
	"ALTER TABLE etl_job ADD COLUMN command TEXT;\n"
	"ALTER TABLE etl_job ADD COLUMN atomic INTEGER NOT NULL DEFAULT 1;\n"
	"ALTER TABLE etl_job ADD COLUMN idempotent INTEGER NOT NULL DEFAULT 0;\n"
	"ALTER TABLE etl_job ADD COLUMN retry_max_delay REAL NOT NULL DEFAULT 3600;\n" /* seconds */
	"ALTER TABLE etl_job ADD COLUMN max_disruptions INTEGER NOT NULL DEFAULT 10;\n"
	"ALTER TABLE etl_job ADD COLUMN timeout REAL NOT NULL DEFAULT 0;\n" /* seconds; 0: none */
	"ALTER TABLE etl_job ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;\n"
	"ALTER TABLE etl_job ADD COLUMN max_active INTEGER NOT NULL DEFAULT 1;\n"
	/* not NULL: its runs stay queued until 'etl recover' has looked */
	"ALTER TABLE etl_job ADD COLUMN hold_reason TEXT;\n"
	"CREATE TABLE etl_job_dependency (\n"
	"  job_id INTEGER NOT NULL REFERENCES etl_job (job_id),\n"
	"  after_job_id INTEGER NOT NULL REFERENCES etl_job (job_id),\n"
	"  on_completion INTEGER NOT NULL DEFAULT 0,\n" /* 0: only when it succeeded */
	"  PRIMARY KEY (job_id, after_job_id)\n"
	") WITHOUT ROWID;\n"
	"CREATE INDEX etl_job_dependency_after ON etl_job_dependency (after_job_id);\n"
	"ALTER TABLE etl_run ADD COLUMN ordered_by TEXT;\n"
	"ALTER TABLE etl_run ADD COLUMN scheduled_for TEXT;\n"
	"ALTER TABLE etl_run ADD COLUMN disruptions INTEGER NOT NULL DEFAULT 0;\n"
	"ALTER TABLE etl_run ADD COLUMN cancel_requested INTEGER NOT NULL DEFAULT 0;\n"
	/* the end that is wanted as soon as the target has withdrawn the load */
	"ALTER TABLE etl_run ADD COLUMN settle TEXT;\n"
	"ALTER TABLE etl_run ADD COLUMN controller_uid TEXT;\n"
	"ALTER TABLE etl_run ADD COLUMN worker TEXT;\n" /* the executor's handle */
	"CREATE INDEX etl_run_active ON etl_run (job_id)\n"
	"  WHERE state IN ('starting', 'running');\n"
	"CREATE INDEX etl_run_waiting ON etl_run (run_id) WHERE state = 'waiting';\n"
	"CREATE INDEX etl_run_delayed ON etl_run (ready_at) WHERE state = 'queued';\n"
	"CREATE INDEX etl_run_open ON etl_run (job_id) WHERE finished_at IS NULL;\n"
	"CREATE INDEX etl_run_cancel ON etl_run (run_id)\n"
	"  WHERE cancel_requested <> 0 AND finished_at IS NULL;\n"
	"CREATE INDEX etl_run_finished ON etl_run (finished_at) WHERE finished_at IS NOT NULL;\n"
	"CREATE TABLE etl_run_heartbeat (\n"
	"  run_id INTEGER PRIMARY KEY REFERENCES etl_run (run_id),\n"
	"  fence INTEGER NOT NULL,\n"
	"  at TEXT NOT NULL DEFAULT " NOW ",\n"
	"  lease_until TEXT NOT NULL,\n"
	"  progress TEXT\n"
	");\n"
	"CREATE TABLE etl_controller (\n"
	"  controller_uid TEXT PRIMARY KEY,\n"
	"  host TEXT NOT NULL,\n"
	"  process TEXT NOT NULL,\n" /* what tells on its own host whether it lives */
	"  version TEXT NOT NULL,\n"
	"  state TEXT NOT NULL,\n" /* running, stopping, stopped */
	"  max_workers INTEGER NOT NULL,\n"
	"  workers INTEGER NOT NULL DEFAULT 0,\n"
	"  started_at TEXT NOT NULL DEFAULT " NOW ",\n"
	"  heartbeat_at TEXT NOT NULL DEFAULT " NOW ",\n"
	"  lease_until TEXT NOT NULL\n"
	") WITHOUT ROWID;\n"
	"CREATE TRIGGER etl_run_ordered AFTER INSERT ON etl_run\n"
	"WHEN NEW.state IN ('queued', 'waiting')\n"
	"BEGIN\n"
	"  UPDATE etl_run SET priority = (SELECT priority FROM etl_job WHERE job_id = NEW.job_id)\n"
	"    WHERE run_id = NEW.run_id AND NEW.priority = 0\n"
	"    AND (SELECT priority FROM etl_job WHERE job_id = NEW.job_id) <> 0;\n"
	"  INSERT INTO etl_run_event (run_id, new_state, actor, reason)\n"
	"    VALUES (NEW.run_id, NEW.state, ifnull(NEW.ordered_by, 'sql'), 'ordered: ' || NEW.origin);\n"
	"END;\n";

/* What a copy job may say about its rows. */
static const char loads[] =
	"ALTER TABLE etl_job ADD COLUMN source_query TEXT;\n"
	"ALTER TABLE etl_job ADD COLUMN key_columns TEXT;\n"
	"ALTER TABLE etl_job ADD COLUMN delete_missing INTEGER NOT NULL DEFAULT 0;\n"
	"ALTER TABLE etl_job ADD COLUMN watermark_column TEXT;\n"
	"ALTER TABLE etl_job ADD COLUMN lookback TEXT;\n"
	"ALTER TABLE etl_job ADD COLUMN partition_column TEXT;\n"
	"ALTER TABLE etl_job ADD COLUMN parallel INTEGER NOT NULL DEFAULT 1;\n"
	"ALTER TABLE etl_job ADD COLUMN column_map TEXT;\n"
	"ALTER TABLE etl_job ADD COLUMN schema_change TEXT NOT NULL DEFAULT 'fail';\n"
	"ALTER TABLE etl_job ADD COLUMN pre_sql TEXT;\n"
	"ALTER TABLE etl_job ADD COLUMN pre_sql_atomic INTEGER NOT NULL DEFAULT 1;\n"
	"ALTER TABLE etl_job ADD COLUMN post_sql TEXT;\n"
	"ALTER TABLE etl_job ADD COLUMN post_sql_atomic INTEGER NOT NULL DEFAULT 1;\n"
	"ALTER TABLE etl_job ADD COLUMN verify TEXT NOT NULL DEFAULT 'count';\n"
	"ALTER TABLE etl_job ADD COLUMN on_reject TEXT NOT NULL DEFAULT 'fail';\n"
	"ALTER TABLE etl_job ADD COLUMN reject_limit INTEGER NOT NULL DEFAULT 1000;\n"
	"ALTER TABLE etl_job ADD COLUMN reject_values TEXT NOT NULL DEFAULT 'none';\n"
	"ALTER TABLE etl_job ADD COLUMN reject_retention REAL NOT NULL DEFAULT 7776000;\n" /* seconds */
	"ALTER TABLE etl_job ADD COLUMN max_delete TEXT;\n"
	"ALTER TABLE etl_job ADD COLUMN mixed_types TEXT NOT NULL DEFAULT 'keep';\n"
	/* the watermark is not looked at this once */
	"ALTER TABLE etl_run ADD COLUMN full_load INTEGER NOT NULL DEFAULT 0;\n";

/* Where an incremental job knows its changes from. */
static const char changes[] =
	"ALTER TABLE etl_job ADD COLUMN changes TEXT NOT NULL DEFAULT 'auto';\n"
	"ALTER TABLE etl_job ADD COLUMN on_gap TEXT NOT NULL DEFAULT 'reload';\n";

/* What a source may leave out, and as of when it is read. */
static const char reads[] =
	"ALTER TABLE etl_job ADD COLUMN on_inconsistent TEXT NOT NULL DEFAULT 'fail';\n"
	"ALTER TABLE etl_job ADD COLUMN restricted_reads TEXT NOT NULL DEFAULT 'refuse';\n";

static const char capture[] = "ALTER TABLE etl_job ADD COLUMN capture_instance TEXT;\n";

/* What people read; see migrations_tsql.c. */
static const char interface[] =
	"CREATE VIEW etl_v_status AS\n"
	"SELECT j.job_id, j.name AS job, j.kind, j.enabled, j.hold_reason,\n"
	"  (SELECT count(*) FROM etl_run a WHERE a.job_id = j.job_id AND a.state IN ('starting', 'running')) AS active,\n"
	"  (SELECT count(*) FROM etl_run q WHERE q.job_id = j.job_id AND q.finished_at IS NULL\n"
	"    AND q.state IN ('waiting', 'queued')) AS queued,\n"
	"  r.run_id AS last_run_id, r.state AS last_state, r.queued_at, r.started_at, r.finished_at,\n"
	"  unixepoch(coalesce(r.finished_at, 'now')) - unixepoch(r.started_at) AS elapsed_seconds,\n"
	"  r.rows_read, r.rows_written, r.rows_rejected, r.error_code, r.error_message,\n"
	"  (SELECT max(s.finished_at) FROM etl_run s WHERE s.job_id = j.job_id AND s.state = 'succeeded')\n"
	"    AS last_success_at\n"
	"FROM etl_job j LEFT JOIN etl_run r\n"
	"  ON r.run_id = (SELECT max(l.run_id) FROM etl_run l WHERE l.job_id = j.job_id);\n"
	"CREATE VIEW etl_v_history AS\n"
	"SELECT r.run_id, r.run_uid, j.name AS job, r.state, r.origin, r.order_key, r.ordered_by, r.queued_at,\n"
	"  r.claimed_at, r.started_at, r.finished_at,\n"
	"  unixepoch(coalesce(r.claimed_at, r.finished_at, 'now')) - unixepoch(r.queued_at) AS waited_seconds,\n"
	"  unixepoch(coalesce(r.finished_at, 'now')) - unixepoch(r.started_at) AS elapsed_seconds,\n"
	"  r.attempt, r.disruptions, r.rows_read, r.rows_written, r.rows_rejected, r.bytes_read, r.error_code,\n"
	"  r.error_message, r.owner\n"
	"FROM etl_run r JOIN etl_job j ON j.job_id = r.job_id;\n";

/* A key of a keytab that somebody shows to a KDC now, or that a KDC has refused. No key is in it. */
static const char kerberos_keys[] =
	"CREATE TABLE etl_kerberos_key (\n"
	"  principal TEXT NOT NULL,\n"
	"  key_version TEXT NOT NULL,\n"
	"  refused INTEGER NOT NULL DEFAULT 0,\n"
	"  holder TEXT NOT NULL,\n"
	"  held_until TEXT NOT NULL,\n"
	"  at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),\n"
	"  PRIMARY KEY (principal, key_version)\n"
	") WITHOUT ROWID;\n";

/* What a job may say about its workers' pods. */
static const char pods[] = "ALTER TABLE etl_job ADD COLUMN pod_patch TEXT;\n";

/* Where the rows of a run came from and went to; see lineage.h. */
static const char lineage[] =
	"CREATE TABLE etl_run_lineage (\n"
	"  run_id INTEGER PRIMARY KEY REFERENCES etl_run (run_id),\n"
	"  source_server TEXT,\n"
	"  source_database TEXT,\n"
	"  source_principal TEXT,\n"
	"  query_hash TEXT,\n"
	"  version_read TEXT,\n"
	"  consistency TEXT,\n"
	"  target_server TEXT,\n"
	"  target_database TEXT,\n"
	"  target_principal TEXT,\n"
	"  digest TEXT\n"
	");\n"
	"CREATE VIEW etl_v_lineage AS\n"
	"SELECT r.run_id, r.run_uid, j.name AS job, r.state, r.finished_at, j.source, l.source_server,\n"
	"  l.source_database, l.source_principal, l.query_hash, l.version_read, l.consistency, r.rows_read,\n"
	"  j.target, l.target_server, l.target_database, j.target_table, l.target_principal, r.rows_written,\n"
	"  r.rows_rejected, l.digest\n"
	"FROM etl_run_lineage l JOIN etl_run r ON r.run_id = l.run_id JOIN etl_job j ON j.job_id = r.job_id;\n";

/* How a load comes into a SQL Server. */
static const char publishing[] =
	"ALTER TABLE etl_job ADD COLUMN publish TEXT NOT NULL DEFAULT 'auto';\n"
	"ALTER TABLE etl_job ADD COLUMN batch_rows INTEGER NOT NULL DEFAULT 0;\n"
	"ALTER TABLE etl_job ADD COLUMN sorted INTEGER NOT NULL DEFAULT 0;\n"
	"ALTER TABLE etl_job ADD COLUMN check_constraints INTEGER NOT NULL DEFAULT 1;\n"
	"ALTER TABLE etl_job ADD COLUMN fire_triggers INTEGER NOT NULL DEFAULT 1;\n"
	"ALTER TABLE etl_job ADD COLUMN staging_schema TEXT;\n";

const struct migration migrations[] = {
	{1, "jobs and runs", jobs_and_runs, NULL},
	{2, "the queue", queue, NULL},
	{3, "loads", loads, migrations_tsql_loads},
	{4, "what people call and read", interface, migrations_tsql_interface},
	{5, "keys that KDCs have refused", kerberos_keys, migrations_tsql_kerberos_keys},
	{6, "pods", pods, migrations_tsql_pods},
	{7, "lineage of runs", lineage, migrations_tsql_lineage},
	{8, "how a load comes into a SQL Server", publishing, migrations_tsql_publishing},
	{9, "changes that a source tracks", changes, migrations_tsql_changes},
	{10, "how a source is read", reads, migrations_tsql_reads},
	{11, "change data capture", capture, migrations_tsql_capture},
};
const size_t n_migrations = ARRAY_LEN(migrations);

int migrations_version(void)
{
	return migrations[n_migrations - 1].version;
}
