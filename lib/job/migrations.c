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

const struct migration migrations[] = {
	{1, "jobs and runs", jobs_and_runs},
};
const size_t n_migrations = ARRAY_LEN(migrations);

int migrations_version(void)
{
	return migrations[n_migrations - 1].version;
}
