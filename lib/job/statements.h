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
#define SQL_IN_SECONDS(name) "strftime('%Y-%m-%dT%H:%M:%fZ', 'now', " name " || ' seconds')"

/* A run r that has not begun, of a job d.job_id that is after another: which is not over, or whose
 * last run did not end as it must. */
#define SQL_BLOCKED \
	"r.attempt = 0 AND r.settle IS NULL AND EXISTS (" \
	"SELECT 1 FROM etl_job_dependency d WHERE d.job_id = r.job_id AND (" \
	"EXISTS (SELECT 1 FROM etl_run u WHERE u.job_id = d.after_job_id" \
	" AND u.finished_at IS NULL)" \
	" OR (d.on_completion = 0 AND 'succeeded' <> ifnull((SELECT u.state FROM etl_run u" \
	" WHERE u.job_id = d.after_job_id AND u.finished_at IS NOT NULL" \
	" ORDER BY u.run_id DESC LIMIT 1), 'succeeded'))))"

/* A run r that its upstream jobs have ordered, and one of them not yet since its job last began. What
 * ended in the very millisecond of that beginning counts: a run too many does less harm than one that
 * waits for ever. Before '0' is only what never ended. */
#define SQL_NO_NEWS \
	"r.origin = 'dependency' AND EXISTS (" \
	"SELECT 1 FROM etl_job_dependency d WHERE d.job_id = r.job_id AND" \
	" ifnull((SELECT u.finished_at FROM etl_run u WHERE u.job_id = d.after_job_id" \
	" AND u.finished_at IS NOT NULL AND (d.on_completion = 1 OR u.state = 'succeeded')" \
	" ORDER BY u.run_id DESC LIMIT 1), '') < ifnull((SELECT p.claimed_at FROM etl_run p" \
	" WHERE p.job_id = r.job_id AND p.run_id <> r.run_id AND p.claimed_at IS NOT NULL" \
	" ORDER BY p.run_id DESC LIMIT 1), '0'))"

/* Job j of run r takes one more. A run that is only to be settled moves no data and always may. */
#define SQL_ROOM \
	"(r.settle IS NOT NULL OR (j.enabled <> 0 AND j.hold_reason IS NULL AND j.max_active >" \
	" (SELECT count(*) FROM etl_run a WHERE a.job_id = r.job_id" \
	" AND a.state IN ('starting', 'running'))))"

/* clang-format off */
/*	name		SQLite */
#define STATEMENTS(X) \
	X(META, "SELECT value FROM etl_meta WHERE name = @name") \
	/* definitions */ \
	X(JOB_NAMES, "SELECT name FROM etl_job ORDER BY name") \
	X(JOB_IDS, "SELECT job_id, job_uid FROM etl_job WHERE name = @name") \
	X(JOB_VERSION, "UPDATE etl_job SET version = version + 1, updated_at = " SQL_NOW \
		" WHERE job_id = @job_id") \
	X(JOB_HISTORY, "INSERT INTO etl_job_history (job_id, version, actor, definition)" \
		" SELECT job_id, version, @actor, @definition FROM etl_job" \
		" WHERE job_id = @job_id") \
	X(JOB_HOLD, "UPDATE etl_job SET hold_reason = @reason WHERE job_id = @job_id") \
	X(AFTER_LIST, "SELECT j.name, d.on_completion FROM etl_job_dependency d" \
		" JOIN etl_job j ON j.job_id = d.after_job_id WHERE d.job_id = @job_id" \
		" ORDER BY j.name") \
	X(AFTER_CLEAR, "DELETE FROM etl_job_dependency WHERE job_id = @job_id") \
	X(AFTER_ADD, "INSERT INTO etl_job_dependency (job_id, after_job_id, on_completion)" \
		" SELECT @job_id, job_id, @on_completion FROM etl_job WHERE name = @name") \
	X(AFTER_ALL, "SELECT job_id, after_job_id FROM etl_job_dependency ORDER BY job_id") \
	/* orders */ \
	X(RUN_INSERT, "INSERT INTO etl_run (job_id, state, origin, order_key, ordered_by)" \
		" VALUES (@job_id, @state, @origin, @order_key, @by)" \
		" RETURNING run_id, run_uid") \
	X(RUN_BY_KEY, "SELECT run_id, run_uid, state, attempt, fence FROM etl_run" \
		" WHERE job_id = @job_id AND order_key = @order_key") \
	X(RUN_IS_BLOCKED, "SELECT 1 FROM etl_run r WHERE r.run_id = @run_id AND " SQL_BLOCKED) \
	X(RUN_DEPENDANTS, "INSERT INTO etl_run (job_id, state, origin, ordered_by)" \
		" SELECT d.job_id, 'waiting', 'dependency', 'run ' || @run_id" \
		" FROM etl_job_dependency d JOIN etl_job j ON j.job_id = d.job_id" \
		" WHERE d.after_job_id = @job_id AND j.enabled <> 0" \
		" AND (d.on_completion = 1 OR @succeeded = 1)" \
		" AND NOT EXISTS (SELECT 1 FROM etl_run w WHERE w.job_id = d.job_id" \
		" AND w.finished_at IS NULL AND w.state IN ('waiting', 'queued') AND w.attempt = 0)") \
	/* the poll */ \
	X(RUN_BLOCKED, "SELECT r.run_id FROM etl_job_dependency x" \
		" CROSS JOIN etl_run r ON r.job_id = x.job_id" \
		" WHERE x.after_job_id = (SELECT min(after_job_id) FROM etl_job_dependency" \
		" WHERE job_id = x.job_id) AND r.finished_at IS NULL AND r.state = 'queued'" \
		" AND " SQL_BLOCKED) \
	X(RUN_RELEASED, "SELECT r.run_id FROM etl_run r WHERE r.state = 'waiting'" \
		" AND NOT (" SQL_BLOCKED ") AND NOT (" SQL_NO_NEWS ")") \
	X(RUN_CANCELS, "SELECT run_id, state, fence FROM etl_run" \
		" WHERE cancel_requested <> 0 AND finished_at IS NULL" \
		" AND state IN ('waiting', 'queued') AND settle IS NULL") \
	X(RUN_READY, "SELECT r.run_id FROM etl_run r JOIN etl_job j ON j.job_id = r.job_id" \
		" WHERE r.state = 'queued' AND r.ready_at <= " SQL_NOW " AND " SQL_ROOM \
		" AND NOT (" SQL_BLOCKED ")" \
		" ORDER BY r.priority DESC, r.ready_at, r.run_id LIMIT @limit") \
	/* not RETURNING: that makes a temporary table and a statement journal for each run */ \
	X(RUN_CLAIM, "UPDATE etl_run AS r SET state = 'starting', fence = fence + 1," \
		" attempt = attempt + 1, owner = @owner, controller_uid = @controller," \
		" worker = @worker, claimed_at = " SQL_NOW ", started_at = NULL," \
		" lease_until = " SQL_IN_SECONDS("@lease") \
		" WHERE run_id = @run_id AND state = 'queued'" \
		" AND (@by_hand = 1 OR EXISTS (SELECT 1 FROM etl_job j WHERE j.job_id = r.job_id" \
		" AND " SQL_ROOM "))") \
	X(RUN_FIND, "SELECT run_uid, job_id, state, attempt, fence, disruptions, settle, order_key," \
		" cancel_requested, finished_at FROM etl_run WHERE run_id = @run_id") \
	X(RUN_ACTIVE, "SELECT r.run_id, r.run_uid, r.job_id, j.name, r.state, r.attempt, r.fence," \
		" r.disruptions, r.settle, r.cancel_requested, r.controller_uid, r.worker," \
		" coalesce(h.lease_until, r.lease_until, '')," \
		" coalesce(h.lease_until, r.lease_until, '') < " SQL_NOW "," \
		" j.timeout > 0 AND r.started_at < " SQL_IN_SECONDS("-(j.timeout + @grace)") \
		" FROM etl_run r JOIN etl_job j ON j.job_id = r.job_id" \
		" LEFT JOIN etl_run_heartbeat h ON h.run_id = r.run_id AND h.fence = r.fence" \
		" WHERE r.state IN ('starting', 'running')") \
	X(RUN_WORKER, "UPDATE etl_run SET worker = @worker WHERE run_id = @run_id" \
		" AND fence = @fence AND state IN ('starting', 'running')") \
	X(RUN_ADOPT, "UPDATE etl_run SET controller_uid = @controller WHERE run_id = @run_id" \
		" AND fence = @fence AND state IN ('starting', 'running')") \
	X(OUTLOOK, "SELECT" \
		" (SELECT count(*) FROM etl_run WHERE state IN ('starting', 'running'))," \
		" (SELECT count(*) FROM etl_run r JOIN etl_job j ON j.job_id = r.job_id" \
		" WHERE r.state = 'queued' AND (r.settle IS NOT NULL" \
		" OR (j.enabled <> 0 AND j.hold_reason IS NULL)))," \
		" (SELECT count(*) FROM etl_run r JOIN etl_job j ON j.job_id = r.job_id" \
		" WHERE r.state = 'queued' AND r.settle IS NULL AND j.hold_reason IS NOT NULL)," \
		" (SELECT count(*) FROM etl_run WHERE state = 'waiting')," \
		" (SELECT count(*) FROM etl_run WHERE finished_at >= @since" \
		" AND state <> 'succeeded')," \
		" (SELECT count(*) FROM etl_run WHERE finished_at >= @since)") \
	X(NEXT_READY, "SELECT cast((julianday(min(ready_at)) - julianday(" SQL_NOW ")) * 86400000" \
		" AS INTEGER) FROM etl_run WHERE state = 'queued' AND ready_at > " SQL_NOW) \
	/* a run's life */ \
	X(RUN_STATE, "SELECT state FROM etl_run WHERE run_id = @run_id AND fence = @fence") \
	X(RUN_MOVE, "UPDATE etl_run SET state = @new," \
		" started_at = CASE @new WHEN 'running' THEN " SQL_NOW " ELSE started_at END," \
		" finished_at = CASE WHEN @final = 1 THEN " SQL_NOW " ELSE finished_at END," \
		" rows_read = ifnull(@rows_read, rows_read)," \
		" rows_written = ifnull(@rows_written, rows_written)," \
		" bytes_read = ifnull(@bytes_read, bytes_read)," \
		" error_code = CASE @new WHEN 'succeeded' THEN NULL" \
		" ELSE ifnull(@error_code, error_code) END," \
		" error_message = CASE @new WHEN 'succeeded' THEN NULL" \
		" ELSE ifnull(@error_message, error_message) END" \
		" WHERE run_id = @run_id AND fence = @fence AND state = @old") \
	X(RUN_REQUEUE, "UPDATE etl_run SET state = 'queued', settle = @settle," \
		" ready_at = " SQL_IN_SECONDS("@delay") "," \
		" disruptions = disruptions + @disruption, owner = NULL, lease_until = NULL," \
		" error_code = ifnull(@error_code, error_code)," \
		" error_message = ifnull(@error_message, error_message)" \
		" WHERE run_id = @run_id AND fence = @fence AND state = @old") \
	X(RUN_SETTLE, "UPDATE etl_run SET settle = @settle, ready_at = " SQL_NOW \
		" WHERE run_id = @run_id AND state = 'queued' AND fence = @fence") \
	X(RUN_CANCEL, "UPDATE etl_run SET cancel_requested = 1 WHERE run_id = @run_id" \
		" AND finished_at IS NULL") \
	X(RUN_EVENT, "INSERT INTO etl_run_event (run_id, old_state, new_state, actor, reason)" \
		" VALUES (@run_id, @old, @new, @actor, @reason)") \
	/* not INSERT SELECT: that makes and drops a temporary table for each line */ \
	X(RUN_LOG, "INSERT INTO etl_run_log (run_id, attempt, seq, level, message)" \
		" VALUES (@run_id, @attempt, (SELECT ifnull(max(seq), 0) + 1 FROM etl_run_log" \
		" WHERE run_id = @run_id AND attempt = @attempt), @level, @message)") \
	X(LEASE_GIVE, "INSERT INTO etl_run_heartbeat (run_id, fence, lease_until)" \
		" VALUES (@run_id, @fence, " SQL_IN_SECONDS("@lease") ")" \
		" ON CONFLICT (run_id) DO UPDATE SET fence = excluded.fence," \
		" lease_until = excluded.lease_until, at = " SQL_NOW ", progress = NULL") \
	X(LEASE_RENEW, "UPDATE etl_run_heartbeat SET at = " SQL_NOW "," \
		" lease_until = " SQL_IN_SECONDS("@lease") ", progress = ifnull(@progress, progress)" \
		" WHERE run_id = @run_id AND fence = @fence") \
	X(LEASE_END, "DELETE FROM etl_run_heartbeat WHERE run_id = @run_id AND fence = @fence") \
	X(RUN_CANCELLED, "SELECT cancel_requested FROM etl_run WHERE run_id = @run_id") \
	X(RUN_UNKNOWN, "SELECT e.key FROM json_each(@runs) e" \
		" LEFT JOIN etl_run r ON r.run_uid = json_extract(e.value, '$.uid')" \
		" WHERE r.run_id IS NULL OR r.fence < json_extract(e.value, '$.fence')" \
		" ORDER BY e.key LIMIT 1") \
	X(RUN_BY_UID, "SELECT run_id FROM etl_run WHERE run_uid = @run_uid") \
	X(RUN_FENCE_ALL, "UPDATE etl_run SET fence = 1 WHERE job_id = @job_id AND fence = 0" \
		" AND finished_at IS NULL") \
	X(RUN_BEGUN, "SELECT run_id FROM etl_run WHERE job_id = @job_id AND finished_at IS NULL" \
		" AND fence > 0 ORDER BY run_id LIMIT 1") \
	X(RUN_FENCE, "UPDATE etl_run SET fence = @fence WHERE run_id = @run_id AND fence < @fence") \
	X(RUN_IMPORT, "INSERT INTO etl_run (run_uid, job_id, state, origin, order_key, attempt," \
		" fence, rows_written, started_at, finished_at, error_code, error_message)" \
		" SELECT @run_uid, @job_id, @state, 'recovered', @order_key, 1, @fence, @rows," \
		" @opened_at, ifnull(@ended_at, " SQL_NOW "), @error_code, @error_message" \
		" RETURNING run_id") \
	X(RUN_KEY_FREE, "UPDATE etl_run SET order_key = NULL WHERE job_id = @job_id" \
		" AND order_key = @order_key AND run_uid <> @run_uid") \
	/* controllers */ \
	X(CONTROLLER_BEAT, "INSERT INTO etl_controller (controller_uid, host, process, version," \
		" state, max_workers, workers, lease_until)" \
		" VALUES (@uid, @host, @process, @version, @state, @max_workers, @workers, " \
		SQL_IN_SECONDS("@lease") ")" \
		" ON CONFLICT (controller_uid) DO UPDATE SET state = excluded.state," \
		" workers = excluded.workers, heartbeat_at = " SQL_NOW "," \
		" lease_until = excluded.lease_until") \
	X(CONTROLLER_FRESH, "SELECT 1 FROM etl_controller WHERE controller_uid = @uid" \
		" AND state = @state AND workers = @workers AND lease_until BETWEEN " \
		SQL_IN_SECONDS("@least") " AND " SQL_IN_SECONDS("@lease")) \
	X(CONTROLLER_LIST, "SELECT controller_uid, host, process, version, state, max_workers," \
		" workers, started_at, lease_until, lease_until >= " SQL_NOW \
		" FROM etl_controller WHERE state <> 'stopped' ORDER BY controller_uid") \
	X(CONTROLLER_STOPPED, "UPDATE etl_controller SET state = 'stopped', workers = 0" \
		" WHERE controller_uid = @uid AND lease_until = @lease_until") \
	X(CONTROLLER_PRUNE, "DELETE FROM etl_controller WHERE state = 'stopped'" \
		" AND heartbeat_at < " SQL_IN_SECONDS("-@age") ) \
	X(NOW, "SELECT " SQL_NOW) \
	/* what there is to see */ \
	X(RUN_LIST, "SELECT r.run_id, r.run_uid, j.name, r.state, r.attempt, r.queued_at, r.started_at," \
		" r.finished_at, cast(round((julianday(ifnull(r.finished_at, " SQL_NOW "))" \
		" - julianday(r.started_at)) * 86400000) AS INTEGER)," \
		" r.rows_read, r.rows_written, r.bytes_read, r.error_code, r.error_message," \
		" r.origin, r.order_key, r.priority, r.fence, r.disruptions, r.settle," \
		" r.cancel_requested, r.ready_at, h.progress, j.hold_reason" \
		" FROM etl_run r JOIN etl_job j ON j.job_id = r.job_id" \
		" LEFT JOIN etl_run_heartbeat h ON h.run_id = r.run_id AND h.fence = r.fence" \
		" WHERE r.run_id BETWEEN @first AND @last ORDER BY r.run_id DESC LIMIT @limit") \
	X(LOG_LIST, "SELECT attempt, at, level, message FROM etl_run_log" \
		" WHERE run_id = @run_id ORDER BY attempt, seq") \
	X(EVENT_LIST, "SELECT at, old_state, new_state, actor, reason FROM etl_run_event" \
		" WHERE run_id = @run_id ORDER BY event_id")
/* clang-format on */

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

/*
 * With its parameters bound: `types` has a letter for each of them in the order of their first
 * appearance: i int64_t, r double, t const char * (NULL: null). Texts are borrowed until the
 * statement is done.
 */
MUST_CHECK int statements_bind(struct statements *s, enum statement id, struct db_stmt **ret_stmt,
	struct err *err, const char *types, ...);

/* Bound and run to its end, rows ignored. */
MUST_CHECK int statements_run(struct statements *s, enum statement id, struct err *err,
	const char *types, ...);

#endif
