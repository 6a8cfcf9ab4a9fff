/*
 * The control schema in T-SQL: its first version is that of SQLite's third, which nobody had on SQL
 * Server before. Batches, in order; see migrations.h.
 */
#include "job/migrations.h"

#define BIN2(n) "nvarchar(" n ") COLLATE Latin1_General_100_BIN2"
#define NOW_DEFAULT "DEFAULT SYSUTCDATETIME()"

const char *const migrations_tsql_loads[] = {
	"CREATE TABLE etl.job (\n"
	"  job_id bigint IDENTITY(1,1) NOT NULL CONSTRAINT job_pk PRIMARY KEY,\n"
	"  job_uid uniqueidentifier NOT NULL DEFAULT NEWID() CONSTRAINT job_uid UNIQUE,\n"
	"  name " BIN2("200") " NOT NULL CONSTRAINT job_name UNIQUE,\n"
	"  kind " BIN2("20") " NOT NULL,\n"
	"  enabled bit NOT NULL DEFAULT 1,\n"
	"  source " BIN2("200") ", source_table " BIN2("max") ", source_query " BIN2("max") ",\n"
	"  target " BIN2("200") ", target_table " BIN2("500") ",\n"
	"  load_mode " BIN2("20") ", [create] bit NOT NULL DEFAULT 1, columns " BIN2("max") ",\n"
	"  column_map " BIN2("max") ", key_columns " BIN2("max") ", watermark_column " BIN2("500") ",\n"
	"  lookback " BIN2("200") ", partition_column " BIN2("500") ", parallel bigint NOT NULL DEFAULT 1,\n"
	"  delete_missing bit NOT NULL DEFAULT 0, min_rows bigint NOT NULL DEFAULT 1, max_delete " BIN2("20") ",\n"
	"  schema_change " BIN2("20") " NOT NULL DEFAULT N'fail', mixed_types " BIN2("20") " NOT NULL DEFAULT N'keep',\n"
	"  verify " BIN2("20") " NOT NULL DEFAULT N'count', on_reject " BIN2("20") " NOT NULL DEFAULT N'fail',\n"
	"  reject_limit bigint NOT NULL DEFAULT 1000, reject_values " BIN2("20") " NOT NULL DEFAULT N'none',\n"
	"  reject_retention float NOT NULL DEFAULT 7776000,\n" /* seconds, as all durations */
	"  pre_sql " BIN2("max") ", pre_sql_atomic bit NOT NULL DEFAULT 1,\n"
	"  post_sql " BIN2("max") ", post_sql_atomic bit NOT NULL DEFAULT 1,\n"
	"  format " BIN2("max") ",\n" /* JSON: overrides of the connection's format */
	"  command " BIN2("max") ", atomic bit NOT NULL DEFAULT 1, idempotent bit NOT NULL DEFAULT 0,\n"
	"  priority bigint NOT NULL DEFAULT 0, max_active bigint NOT NULL DEFAULT 1,\n"
	"  max_attempts bigint NOT NULL DEFAULT 1, max_disruptions bigint NOT NULL DEFAULT 10,\n"
	"  retry_delay float NOT NULL DEFAULT 30, retry_max_delay float NOT NULL DEFAULT 3600,\n"
	"  timeout float NOT NULL DEFAULT 0,\n"
	"  hold_reason " BIN2("4000") ",\n"
	"  version bigint NOT NULL DEFAULT 1, updated_at datetime2(3) NOT NULL " NOW_DEFAULT ")",

	"CREATE TABLE etl.job_history (\n"
	"  job_id bigint NOT NULL CONSTRAINT job_history_job REFERENCES etl.job (job_id),\n"
	"  version bigint NOT NULL, at datetime2(3) NOT NULL " NOW_DEFAULT ",\n"
	"  actor " BIN2("200") " NOT NULL, definition " BIN2("max") " NOT NULL,\n"
	"  CONSTRAINT job_history_pk PRIMARY KEY (job_id, version))",

	"CREATE TABLE etl.job_dependency (\n"
	"  job_id bigint NOT NULL CONSTRAINT job_dependency_job REFERENCES etl.job (job_id),\n"
	"  after_job_id bigint NOT NULL CONSTRAINT job_dependency_after REFERENCES etl.job (job_id),\n"
	"  on_completion bit NOT NULL DEFAULT 0,\n"
	"  CONSTRAINT job_dependency_pk PRIMARY KEY (job_id, after_job_id));\n"
	"CREATE INDEX job_dependency_after ON etl.job_dependency (after_job_id)",

	"CREATE TABLE etl.run (\n"
	"  run_id bigint IDENTITY(1,1) NOT NULL CONSTRAINT run_pk PRIMARY KEY,\n"
	"  run_uid uniqueidentifier NOT NULL DEFAULT NEWID() CONSTRAINT run_uid UNIQUE,\n"
	"  job_id bigint NOT NULL CONSTRAINT run_job REFERENCES etl.job (job_id),\n"
	"  state " BIN2("20") " NOT NULL DEFAULT N'queued',\n"
	"  origin " BIN2("20") " NOT NULL DEFAULT N'manual', order_key " BIN2("200") ", ordered_by " BIN2("200") ",\n"
	"  full_load bit NOT NULL DEFAULT 0, scheduled_for datetime2(3),\n"
	"  ready_at datetime2(3) NOT NULL " NOW_DEFAULT ", priority bigint NOT NULL DEFAULT 0,\n"
	"  attempt bigint NOT NULL DEFAULT 0, disruptions bigint NOT NULL DEFAULT 0,\n"
	"  owner " BIN2("200") ", controller_uid " BIN2("100") ", worker " BIN2("4000") ",\n"
	"  fence bigint NOT NULL DEFAULT 0, lease_until datetime2(3),\n"
	"  cancel_requested bit NOT NULL DEFAULT 0, settle " BIN2("20") ",\n"
	"  rows_read bigint, rows_written bigint, rows_rejected bigint, bytes_read bigint,\n"
	"  queued_at datetime2(3) NOT NULL " NOW_DEFAULT ", claimed_at datetime2(3), started_at datetime2(3),\n"
	"  finished_at datetime2(3), error_code " BIN2("100") ", error_message " BIN2("4000") ")",

	"CREATE UNIQUE INDEX run_order ON etl.run (job_id, order_key) WHERE order_key IS NOT NULL;\n"
	"CREATE INDEX run_ready ON etl.run (priority DESC, ready_at, run_id) WHERE state = N'queued';\n"
	"CREATE INDEX run_of_job ON etl.run (job_id, run_id);\n"
	"CREATE INDEX run_active ON etl.run (job_id) WHERE state IN (N'starting', N'running');\n"
	"CREATE INDEX run_waiting ON etl.run (run_id) WHERE state = N'waiting';\n"
	"CREATE INDEX run_delayed ON etl.run (ready_at) WHERE state = N'queued';\n"
	"CREATE INDEX run_open ON etl.run (job_id) WHERE finished_at IS NULL;\n"
	"CREATE INDEX run_cancel ON etl.run (run_id) WHERE cancel_requested = 1 AND finished_at IS NULL;\n"
	"CREATE INDEX run_finished ON etl.run (finished_at) WHERE finished_at IS NOT NULL",

	"CREATE TABLE etl.run_event (\n"
	"  event_id bigint IDENTITY(1,1) NOT NULL CONSTRAINT run_event_pk PRIMARY KEY,\n"
	"  run_id bigint NOT NULL CONSTRAINT run_event_run REFERENCES etl.run (run_id),\n"
	"  at datetime2(3) NOT NULL " NOW_DEFAULT ", old_state " BIN2("20") ", new_state " BIN2("20") " NOT NULL,\n"
	"  actor " BIN2("200") " NOT NULL, reason " BIN2("4000") ");\n"
	"CREATE INDEX run_event_of_run ON etl.run_event (run_id)",

	/* what an INSERT by hand leaves out: see migrations.c */
	"CREATE TRIGGER etl.run_ordered ON etl.run AFTER INSERT AS\n"
	"BEGIN\n"
	"  SET NOCOUNT ON;\n"
	"  UPDATE r SET priority = j.priority FROM etl.run r JOIN inserted i ON i.run_id = r.run_id\n"
	"    JOIN etl.job j ON j.job_id = r.job_id\n"
	"    WHERE i.priority = 0 AND j.priority <> 0 AND i.state IN (N'queued', N'waiting');\n"
	"  INSERT INTO etl.run_event (run_id, new_state, actor, reason)\n"
	"    SELECT run_id, state, COALESCE(ordered_by, N'sql'), N'ordered: ' + origin FROM inserted\n"
	"    WHERE state IN (N'queued', N'waiting');\n"
	"END",

	"CREATE TABLE etl.run_log (\n"
	"  run_id bigint NOT NULL CONSTRAINT run_log_run REFERENCES etl.run (run_id),\n"
	"  attempt bigint NOT NULL, seq bigint NOT NULL,\n"
	"  at datetime2(3) NOT NULL " NOW_DEFAULT ", level " BIN2("20") " NOT NULL, message " BIN2("max") " NOT NULL,\n"
	"  CONSTRAINT run_log_pk PRIMARY KEY (run_id, attempt, seq))",

	/* a table of its own: somebody's open transaction on etl.run expires nobody */
	"CREATE TABLE etl.run_heartbeat (\n"
	"  run_id bigint NOT NULL CONSTRAINT run_heartbeat_pk PRIMARY KEY\n"
	"    CONSTRAINT run_heartbeat_run REFERENCES etl.run (run_id),\n"
	"  fence bigint NOT NULL, at datetime2(3) NOT NULL " NOW_DEFAULT ",\n"
	"  lease_until datetime2(3) NOT NULL, progress " BIN2("max") ")",

	"CREATE TABLE etl.controller (\n"
	"  controller_uid " BIN2("100") " NOT NULL CONSTRAINT controller_pk PRIMARY KEY,\n"
	"  host " BIN2("300") " NOT NULL, process " BIN2("200") " NOT NULL, version " BIN2("50") " NOT NULL,\n"
	"  state " BIN2("20") " NOT NULL, max_workers bigint NOT NULL, workers bigint NOT NULL DEFAULT 0,\n"
	"  started_at datetime2(3) NOT NULL " NOW_DEFAULT ", heartbeat_at datetime2(3) NOT NULL " NOW_DEFAULT ",\n"
	"  lease_until datetime2(3) NOT NULL)",
	NULL,
};

/*
 * What people call and read from SSMS. A view's columns are described in schema_words.c.
 *
 * The number of a run that was ordered is an output parameter and a result; a key that is known is that
 * run. Errors of ours begin with 50001.
 */
#define ORDERED_BY "SUSER_NAME()"

const char *const migrations_tsql_interface[] = {
	"CREATE PROCEDURE etl.enqueue\n"
	"  @job nvarchar(200), @order_key nvarchar(200) = NULL, @full_load bit = 0, @run_id bigint = NULL OUTPUT\n"
	"AS\n"
	"BEGIN\n"
	"  SET NOCOUNT ON;\n"
	"  SET XACT_ABORT ON;\n"
	"  DECLARE @job_id bigint, @message nvarchar(2048);\n"
	"  DECLARE @ordered TABLE (run_id bigint);\n"
	"  SELECT @job_id = job_id FROM etl.job WHERE name = @job;\n"
	"  IF @job_id IS NULL\n"
	"    SELECT @job_id = job_id FROM etl.job WHERE job_id = TRY_CONVERT(bigint, @job);\n"
	"  IF @job_id IS NULL\n"
	"  BEGIN\n"
	"    SET @message = N'there is no job ''' + COALESCE(@job, N'NULL') + N''': etl.v_status lists them';\n"
	"    THROW 50001, @message, 1;\n"
	"  END;\n"
	"  SET @run_id = NULL;\n"
	"  BEGIN TRANSACTION;\n"
	"  SELECT @run_id = run_id FROM etl.run WITH (UPDLOCK, HOLDLOCK)\n"
	"    WHERE job_id = @job_id AND order_key = @order_key;\n"
	"  IF @run_id IS NULL\n"
	"  BEGIN\n"
	"    INSERT INTO etl.run (job_id, order_key, ordered_by, full_load)\n"
	"      OUTPUT inserted.run_id INTO @ordered (run_id)\n"
	"      VALUES (@job_id, @order_key, " ORDERED_BY ", @full_load);\n"
	"    SELECT @run_id = run_id FROM @ordered;\n"
	"  END;\n"
	"  COMMIT TRANSACTION;\n"
	"  SELECT @run_id AS run_id;\n"
	"END",

	"CREATE PROCEDURE etl.cancel @run_id bigint\n"
	"AS\n"
	"BEGIN\n"
	"  SET NOCOUNT ON;\n"
	"  SET XACT_ABORT ON;\n"
	"  DECLARE @state nvarchar(20), @asked bigint, @message nvarchar(2048);\n"
	"  BEGIN TRANSACTION;\n"
	"  UPDATE etl.run SET cancel_requested = 1\n"
	"    WHERE run_id = @run_id AND finished_at IS NULL AND cancel_requested = 0;\n"
	"  SET @asked = @@ROWCOUNT;\n"
	"  SELECT @state = state FROM etl.run WHERE run_id = @run_id;\n"
	"  IF @asked = 1\n"
	"    INSERT INTO etl.run_event (run_id, old_state, new_state, actor, reason)\n"
	"      VALUES (@run_id, @state, @state, " ORDERED_BY ", N'cancellation requested');\n"
	"  COMMIT TRANSACTION;\n"
	"  IF @state IS NULL\n"
	"  BEGIN\n"
	"    SET @message = CONCAT(N'there is no run ', COALESCE(CAST(@run_id AS nvarchar(20)), N'NULL'));\n"
	"    THROW 50002, @message, 1;\n"
	"  END;\n"
	"  SELECT @run_id AS run_id, @state AS state;\n"
	"END",

	"CREATE VIEW etl.v_status AS\n"
	"SELECT j.job_id, j.name AS job, j.kind, j.enabled, j.hold_reason,\n"
	"  (SELECT COUNT(*) FROM etl.run a WHERE a.job_id = j.job_id AND a.state IN (N'starting', N'running')) AS active,\n"
	"  (SELECT COUNT(*) FROM etl.run q WHERE q.job_id = j.job_id AND q.finished_at IS NULL\n"
	"    AND q.state IN (N'waiting', N'queued')) AS queued,\n"
	"  r.run_id AS last_run_id, r.state AS last_state, r.queued_at, r.started_at, r.finished_at,\n"
	"  DATEDIFF(second, r.started_at, COALESCE(r.finished_at, SYSUTCDATETIME())) AS elapsed_seconds,\n"
	"  r.rows_read, r.rows_written, r.rows_rejected, r.error_code, r.error_message,\n"
	"  (SELECT MAX(s.finished_at) FROM etl.run s WHERE s.job_id = j.job_id AND s.state = N'succeeded')\n"
	"    AS last_success_at\n"
	"FROM etl.job j LEFT JOIN etl.run r\n"
	"  ON r.run_id = (SELECT MAX(l.run_id) FROM etl.run l WHERE l.job_id = j.job_id)",

	"CREATE VIEW etl.v_history AS\n"
	"SELECT r.run_id, r.run_uid, j.name AS job, r.state, r.origin, r.order_key, r.ordered_by, r.queued_at,\n"
	"  r.claimed_at, r.started_at, r.finished_at,\n"
	"  DATEDIFF(second, r.queued_at, COALESCE(r.claimed_at, r.finished_at, SYSUTCDATETIME())) AS waited_seconds,\n"
	"  DATEDIFF(second, r.started_at, COALESCE(r.finished_at, SYSUTCDATETIME())) AS elapsed_seconds,\n"
	"  r.attempt, r.disruptions, r.rows_read, r.rows_written, r.rows_rejected, r.bytes_read, r.error_code,\n"
	"  r.error_message, r.owner\n"
	"FROM etl.run r JOIN etl.job j ON j.job_id = r.job_id",
	NULL,
};

/* 880 bytes of a key that may have 900 */
const char *const migrations_tsql_kerberos_keys[] = {
	"CREATE TABLE etl.kerberos_key (\n"
	"  principal " BIN2("400") " NOT NULL, key_version " BIN2("40") " NOT NULL,\n"
	"  refused bit NOT NULL DEFAULT 0, holder " BIN2("100") " NOT NULL,\n"
	"  held_until datetime2(3) NOT NULL, at datetime2(3) NOT NULL " NOW_DEFAULT ",\n"
	"  CONSTRAINT kerberos_key_pk PRIMARY KEY (principal, key_version))",
	NULL,
};

const char *const migrations_tsql_pods[] = {
	"ALTER TABLE etl.job ADD pod_patch " BIN2("max"),
	NULL,
};

/* The texts are those of lineage.h; LINEAGE_MAX. */
const char *const migrations_tsql_lineage[] = {
	"CREATE TABLE etl.run_lineage (\n"
	"  run_id bigint NOT NULL CONSTRAINT run_lineage_pk PRIMARY KEY\n"
	"    CONSTRAINT run_lineage_run REFERENCES etl.run (run_id),\n"
	"  source_server " BIN2("256") ", source_database " BIN2("256") ", source_principal " BIN2("256") ",\n"
	"  query_hash " BIN2("64") ", version_read " BIN2("256") ", consistency " BIN2("256") ",\n"
	"  target_server " BIN2("256") ", target_database " BIN2("256") ", target_principal " BIN2("256") ",\n"
	"  digest " BIN2("64") ")",

	"CREATE VIEW etl.v_lineage AS\n"
	"SELECT r.run_id, r.run_uid, j.name AS job, r.state, r.finished_at, j.source, l.source_server,\n"
	"  l.source_database, l.source_principal, l.query_hash, l.version_read, l.consistency, r.rows_read,\n"
	"  j.target, l.target_server, l.target_database, j.target_table, l.target_principal, r.rows_written,\n"
	"  r.rows_rejected, l.digest\n"
	"FROM etl.run_lineage l JOIN etl.run r ON r.run_id = l.run_id JOIN etl.job j ON j.job_id = r.job_id",
	NULL,
};

/* each by itself: not every engine adds several at once */
const char *const migrations_tsql_publishing[] = {
	"ALTER TABLE etl.job ADD publish " BIN2("20") " NOT NULL DEFAULT N'auto'",
	"ALTER TABLE etl.job ADD batch_rows bigint NOT NULL DEFAULT 0",
	"ALTER TABLE etl.job ADD sorted bit NOT NULL DEFAULT 0",
	"ALTER TABLE etl.job ADD check_constraints bit NOT NULL DEFAULT 1",
	"ALTER TABLE etl.job ADD fire_triggers bit NOT NULL DEFAULT 1",
	"ALTER TABLE etl.job ADD staging_schema " BIN2("500"),
	NULL,
};

/* One column at a time: not every engine takes several. */
const char *const migrations_tsql_changes[] = {
	"ALTER TABLE etl.job ADD changes " BIN2("20") " NOT NULL CONSTRAINT job_changes DEFAULT N'auto'",
	"ALTER TABLE etl.job ADD on_gap " BIN2("20") " NOT NULL CONSTRAINT job_on_gap DEFAULT N'reload'",
	NULL,
};

const char *const migrations_tsql_reads[] = {
	"ALTER TABLE etl.job ADD on_inconsistent " BIN2("20") " NOT NULL CONSTRAINT job_on_inconsistent DEFAULT N'fail'",
	"ALTER TABLE etl.job ADD restricted_reads " BIN2("20") " NOT NULL CONSTRAINT job_restricted_reads DEFAULT N'refuse'",
	NULL,
};

const char *const migrations_tsql_capture[] = {"ALTER TABLE etl.job ADD capture_instance " BIN2("200"), NULL};
