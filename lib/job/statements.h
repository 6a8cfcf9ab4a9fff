/*
 * statements - the SQL of the store, one table for all of it.
 *
 * Parameters are @names, bound by position in the order of their first
 * appearance. Each is prepared when it is first used and kept.
 */
#ifndef JOB_STATEMENTS_H
#define JOB_STATEMENTS_H

#include "db/db.h"

/* The database's clock, UTC. */
#define SQL_NOW "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"

/*	name		SQLite */
#define STATEMENTS(X) \
	X(META, "SELECT value FROM etl_meta WHERE name = @name") \
	X(JOB_NAMES, "SELECT name FROM etl_job ORDER BY name") \
	X(JOB_IDS, "SELECT job_id, job_uid FROM etl_job WHERE name = @name") \
	X(JOB_VERSION, "UPDATE etl_job SET version = version + 1, updated_at = " SQL_NOW \
		       " WHERE job_id = @job_id") \
	X(JOB_HISTORY, "INSERT INTO etl_job_history (job_id, version, actor, definition)" \
		       " SELECT job_id, version, @actor, @definition FROM etl_job" \
		       " WHERE job_id = @job_id") \
	X(RUN_INSERT, "INSERT INTO etl_run (job_id) VALUES (@job_id) RETURNING run_id, run_uid") \
	X(RUN_CLAIM, "UPDATE etl_run SET state = 'starting', fence = fence + 1," \
		     " attempt = attempt + 1, owner = @owner, claimed_at = " SQL_NOW "," \
		     " lease_until = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', @lease || ' seconds')" \
		     " WHERE run_id = @run_id AND state = 'queued'" \
		     " RETURNING fence, attempt") \
	X(RUN_STATE, "SELECT state FROM etl_run WHERE run_id = @run_id AND fence = @fence") \
	X(RUN_MOVE, "UPDATE etl_run SET state = @new," \
		    " started_at = CASE @new WHEN 'running' THEN " SQL_NOW " ELSE started_at END," \
		    " finished_at = CASE WHEN @final THEN " SQL_NOW " ELSE finished_at END," \
		    " lease_until = CASE WHEN @final THEN NULL ELSE lease_until END," \
		    " rows_read = ifnull(@rows_read, rows_read)," \
		    " rows_written = ifnull(@rows_written, rows_written)," \
		    " bytes_read = ifnull(@bytes_read, bytes_read)," \
		    " error_code = @error_code, error_message = @error_message" \
		    " WHERE run_id = @run_id AND fence = @fence AND state = @old") \
	X(RUN_EVENT, "INSERT INTO etl_run_event (run_id, old_state, new_state, actor, reason)" \
		     " VALUES (@run_id, @old, @new, @actor, @reason)") \
	X(RUN_LOG, "INSERT INTO etl_run_log (run_id, attempt, seq, level, message)" \
		   " SELECT @run_id, @attempt, ifnull(max(seq), 0) + 1, @level, @message" \
		   " FROM etl_run_log WHERE run_id = @run_id AND attempt = @attempt") \
	X(RUN_LIST, "SELECT run_id, run_uid, name, state, attempt, queued_at, started_at," \
		    " finished_at, cast(round((julianday(ifnull(finished_at, " SQL_NOW "))" \
		    " - julianday(started_at)) * 86400000) AS INTEGER)," \
		    " rows_read, rows_written, bytes_read, error_code, error_message" \
		    " FROM etl_run JOIN etl_job USING (job_id)" \
		    " WHERE run_id BETWEEN @first AND @last ORDER BY run_id DESC LIMIT @limit") \
	X(LOG_LIST, "SELECT attempt, at, level, message FROM etl_run_log" \
		    " WHERE run_id = @run_id ORDER BY attempt, seq")

enum statement {
#define X(name, sqlite) ST_##name,
	STATEMENTS(X)
#undef X
		STATEMENT_COUNT
};

struct statements {
	struct db *db; /* borrowed */
	struct db_stmt *v[STATEMENT_COUNT];
};

void statements_release(struct statements *s);

/* The statement belongs to the table: reset it when a result is left before its end. */
MUST_CHECK int statements_get(struct statements *s, enum statement id, struct db_stmt **ret_stmt,
	struct err *err);

#endif
