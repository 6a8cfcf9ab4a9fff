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
