/*
 * Who may do what. Everything is granted object by object, and nothing that the role's commands do not
 * need: tests/integration/test_mssql_roles.py takes each away. What a procedure or the trigger does
 * needs no grant of its own: all belongs to the owner of the schema.
 */
#include "base/mem.h"
#include "job/schema_text.h"

#define READER	 "etl_reader"
#define OPERATOR "etl_operator"
#define WORKER	 "etl_worker"

const struct schema_grant schema_grants[] = {
	/* status, logs, reports */
	{READER, "SELECT", "migration"},
	{READER, "SELECT", "meta"},
	{READER, "SELECT", "job"},
	{READER, "SELECT", "job_history"},
	{READER, "SELECT", "job_dependency"},
	{READER, "SELECT", "run"},
	{READER, "SELECT", "run_event"},
	{READER, "SELECT", "run_log"},
	{READER, "SELECT", "run_heartbeat"},
	{READER, "SELECT", "controller"},
	{READER, "SELECT", "kerberos_key"},
	{READER, "SELECT", "run_lineage"},
	{READER, "SELECT", "v_status"},
	{READER, "SELECT", "v_history"},
	{READER, "SELECT", "v_lineage"},
	/* apply, run, cancel, recover; a reader too */
	{OPERATOR, "INSERT, UPDATE", "job"},
	{OPERATOR, "INSERT", "job_history"},
	{OPERATOR, "INSERT, DELETE", "job_dependency"},
	{OPERATOR, "INSERT, UPDATE", "run"},
	{OPERATOR, "INSERT", "run_event"},
	{OPERATOR, "DELETE", "run_heartbeat"},
	{OPERATOR, "EXECUTE", "enqueue"},
	{OPERATOR, "EXECUTE", "cancel"},
	/* controller, worker */
	{WORKER, "SELECT", "migration"},
	{WORKER, "SELECT", "meta"},
	{WORKER, "SELECT", "job"},
	{WORKER, "SELECT", "job_dependency"},
	{WORKER, "SELECT, INSERT, UPDATE", "run"},
	{WORKER, "INSERT", "run_event"},
	{WORKER, "SELECT, INSERT", "run_log"},
	{WORKER, "SELECT, INSERT, UPDATE", "run_lineage"},
	{WORKER, "SELECT, INSERT, UPDATE, DELETE", "run_heartbeat"},
	{WORKER, "SELECT, INSERT, UPDATE, DELETE", "controller"},
	{WORKER, "SELECT, INSERT, UPDATE, DELETE", "kerberos_key"},
};
const size_t n_schema_grants = ARRAY_LEN(schema_grants);
