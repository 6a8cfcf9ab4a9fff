/*
 * statements_table - the SQL of the store in both dialects, side by side.
 *
 * X(NAME, SQLite, T-SQL): the same @names in the same order of first appearance,
 * the same result columns (names, order, kinds of values) and the same rows
 * changed. T-SQL is that of SQL Server 2016 at compatibility level 130.
 *
 * A text of T-SQL is a batch: what helps comes first, the statement whose rows
 * or count are asked for comes last. It gives one result at most; its count
 * (db_changes) is that of the last DONE token that carries one, so no text sets
 * NOCOUNT. What begins with '@_' is a variable of the batch and '@@' a function:
 * neither is a parameter. OUTPUT always goes INTO a table variable: a trigger
 * that a DBA adds breaks it otherwise (error 334).
 *
 * The columns there: numbers bigint or int, flags bit, seconds float, times
 * datetime2(3), job_uid and run_uid uniqueidentifier, texts nvarchar of a binary
 * collation. The store gets times and uids as the text that SQLite has.
 */
#ifndef JOB_STATEMENTS_TABLE_H
#define JOB_STATEMENTS_TABLE_H

/* The database's clock, UTC. T-SQL rounds before it compares, as a column does that stores it. */
#define SQL_NOW "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"
#define TSQL_NOW "CAST(SYSUTCDATETIME() AS datetime2(3))"

/* In T-SQL at most 24 days: milliseconds are an int. */
#define SQL_IN_SECONDS(name) "strftime('%Y-%m-%dT%H:%M:%fZ', 'now', " name " || ' seconds')"
#define TSQL_IN_SECONDS(name) \
	"DATEADD(millisecond, CAST(ROUND(" name " * 1000, 0) AS int), " TSQL_NOW ")"

/* To and from the text that SQLite has; NULL stays NULL. Style 121 always writes the milliseconds. */
#define TSQL_TEXT(time) "REPLACE(CONVERT(varchar(23), " time ", 121), ' ', 'T') + 'Z'"
#define TSQL_TIME(text) "CONVERT(datetime2(3), " text ", 127)"
#define TSQL_UID(uid) "LOWER(CONVERT(varchar(36), " uid "))"

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
#define TSQL_BLOCKED \
	"r.attempt = 0 AND r.settle IS NULL AND EXISTS (" \
	"SELECT 1 FROM etl.job_dependency d WHERE d.job_id = r.job_id AND (" \
	"EXISTS (SELECT 1 FROM etl.run u WHERE u.job_id = d.after_job_id" \
	" AND u.finished_at IS NULL)" \
	" OR (d.on_completion = 0 AND N'succeeded' <> ISNULL((SELECT TOP (1) u.state FROM etl.run u" \
	" WHERE u.job_id = d.after_job_id AND u.finished_at IS NOT NULL" \
	" ORDER BY u.run_id DESC), N'succeeded'))))"

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
#define TSQL_NO_NEWS \
	"r.origin = N'dependency' AND EXISTS (" \
	"SELECT 1 FROM etl.job_dependency d WHERE d.job_id = r.job_id AND" \
	" ISNULL((SELECT TOP (1) u.finished_at FROM etl.run u WHERE u.job_id = d.after_job_id" \
	" AND u.finished_at IS NOT NULL AND (d.on_completion = 1 OR u.state = N'succeeded')" \
	" ORDER BY u.run_id DESC), '0001-01-01') < ISNULL((SELECT TOP (1) p.claimed_at" \
	" FROM etl.run p WHERE p.job_id = r.job_id AND p.run_id <> r.run_id" \
	" AND p.claimed_at IS NOT NULL ORDER BY p.run_id DESC), '0001-01-02'))"

/* Job j of run r takes `n` more. A run that is only to be settled moves no data and always may. */
#define SQL_ROOM(n) \
	"(r.settle IS NOT NULL OR (j.enabled <> 0 AND j.hold_reason IS NULL AND j.max_active >= " n \
	" + (SELECT count(*) FROM etl_run a WHERE a.job_id = r.job_id" \
	" AND a.state IN ('starting', 'running'))))"
#define TSQL_ROOM(n) \
	"(r.settle IS NOT NULL OR (j.enabled <> 0 AND j.hold_reason IS NULL AND j.max_active >= " n \
	" + (SELECT COUNT(*) FROM etl.run a WHERE a.job_id = r.job_id" \
	" AND a.state IN (N'starting', N'running'))))"

/*
 * SQLite has one writer at a time. On SQL Server, what is decided by a look at a job's runs (has it
 * room, does one wait already) is decided under an update lock on the job's row, taken by a statement
 * of its own: the next one then sees, also in a snapshot, what the holder before has committed. A
 * column that no index and no foreign key has must be read, else the row is not touched. What is
 * inserted when it is not there is looked for with UPDLOCK, HOLDLOCK: the gap is ours then. Beside a
 * parameter COALESCE, not ISNULL: that takes the type and the length of what stands first.
 */

/* clang-format off */
/*	name		SQLite		T-SQL */
#define STATEMENTS(X) \
	X(META, "SELECT value FROM etl_meta WHERE name = @name", \
		"SELECT value FROM etl.meta WHERE name = @name") \
	/* definitions */ \
	X(JOB_NAMES, "SELECT name FROM etl_job ORDER BY name", \
		"SELECT name FROM etl.job ORDER BY name") \
	X(JOB_IDS, "SELECT job_id, job_uid FROM etl_job WHERE name = @name", \
		"SELECT job_id, " TSQL_UID("job_uid") " AS job_uid" \
		" FROM etl.job WITH (UPDLOCK, HOLDLOCK) WHERE name = @name") \
	X(JOB_VERSION, "UPDATE etl_job SET version = version + 1, updated_at = " SQL_NOW \
		" WHERE job_id = @job_id", \
		"UPDATE etl.job SET version = version + 1, updated_at = " TSQL_NOW \
		" WHERE job_id = @job_id") \
	X(JOB_HISTORY, "INSERT INTO etl_job_history (job_id, version, actor, definition)" \
		" SELECT job_id, version, @actor, @definition FROM etl_job" \
		" WHERE job_id = @job_id", \
		"INSERT INTO etl.job_history (job_id, version, actor, definition)" \
		" SELECT job_id, version, @actor, @definition FROM etl.job" \
		" WHERE job_id = @job_id") \
	X(JOB_HOLD, "UPDATE etl_job SET hold_reason = @reason WHERE job_id = @job_id", \
		"UPDATE etl.job SET hold_reason = @reason WHERE job_id = @job_id") \
	X(AFTER_LIST, "SELECT j.name, d.on_completion FROM etl_job_dependency d" \
		" JOIN etl_job j ON j.job_id = d.after_job_id WHERE d.job_id = @job_id" \
		" ORDER BY j.name", \
		"SELECT j.name, d.on_completion FROM etl.job_dependency d" \
		" JOIN etl.job j ON j.job_id = d.after_job_id WHERE d.job_id = @job_id" \
		" ORDER BY j.name") \
	X(AFTER_CLEAR, "DELETE FROM etl_job_dependency WHERE job_id = @job_id", \
		"DELETE FROM etl.job_dependency WHERE job_id = @job_id") \
	X(AFTER_ADD, "INSERT INTO etl_job_dependency (job_id, after_job_id, on_completion)" \
		" SELECT @job_id, job_id, @on_completion FROM etl_job WHERE name = @name", \
		"INSERT INTO etl.job_dependency (job_id, after_job_id, on_completion)" \
		" SELECT @job_id, job_id, @on_completion FROM etl.job WHERE name = @name") \
	/* all edges, and none comes while they are looked at */ \
	X(AFTER_ALL, "SELECT job_id, after_job_id FROM etl_job_dependency ORDER BY job_id", \
		"SELECT job_id, after_job_id FROM etl.job_dependency WITH (HOLDLOCK)" \
		" ORDER BY job_id") \
	/* orders */ \
	X(RUN_INSERT, "INSERT INTO etl_run (job_id, state, origin, order_key, ordered_by, full_load)" \
		" VALUES (@job_id, @state, @origin, @order_key, @by, @full)" \
		" RETURNING run_id, run_uid", \
		"DECLARE @_new TABLE (run_id bigint, run_uid uniqueidentifier);" \
		" INSERT INTO etl.run (job_id, state, origin, order_key, ordered_by, full_load)" \
		" OUTPUT inserted.run_id, inserted.run_uid INTO @_new (run_id, run_uid)" \
		" VALUES (@job_id, @state, @origin, @order_key, @by, @full);" \
		" SELECT run_id, " TSQL_UID("run_uid") " AS run_uid FROM @_new") \
	X(RUN_BY_KEY, "SELECT run_id, run_uid, state, attempt, fence FROM etl_run" \
		" WHERE job_id = @job_id AND order_key = @order_key", \
		"SELECT run_id, " TSQL_UID("run_uid") " AS run_uid, state, attempt, fence" \
		" FROM etl.run WITH (UPDLOCK, HOLDLOCK)" \
		" WHERE job_id = @job_id AND order_key = @order_key") \
	X(RUN_IS_BLOCKED, "SELECT 1 AS blocked FROM etl_run r WHERE r.run_id = @run_id" \
		" AND " SQL_BLOCKED, \
		"SELECT 1 AS blocked FROM etl.run r WHERE r.run_id = @run_id" \
		" AND " TSQL_BLOCKED) \
	X(RUN_DEPENDANTS, "INSERT INTO etl_run (job_id, state, origin, ordered_by)" \
		" SELECT d.job_id, 'waiting', 'dependency', 'run ' || @run_id" \
		" FROM etl_job_dependency d JOIN etl_job j ON j.job_id = d.job_id" \
		" WHERE d.after_job_id = @job_id AND j.enabled <> 0" \
		" AND (d.on_completion = 1 OR @succeeded = 1)" \
		" AND NOT EXISTS (SELECT 1 FROM etl_run w WHERE w.job_id = d.job_id" \
		" AND w.finished_at IS NULL AND w.state IN ('waiting', 'queued') AND w.attempt = 0)", \
		"DECLARE @_by nvarchar(40) = CONCAT(N'run ', @run_id), @_locked bit;" \
		" SELECT @_locked = j.enabled FROM etl.job_dependency d" \
		" JOIN etl.job j WITH (UPDLOCK, ROWLOCK) ON j.job_id = d.job_id" \
		" WHERE d.after_job_id = @job_id;" \
		" INSERT INTO etl.run (job_id, state, origin, ordered_by)" \
		" SELECT d.job_id, N'waiting', N'dependency', @_by" \
		" FROM etl.job_dependency d JOIN etl.job j ON j.job_id = d.job_id" \
		" WHERE d.after_job_id = @job_id AND j.enabled <> 0" \
		" AND (d.on_completion = 1 OR @succeeded = 1)" \
		" AND NOT EXISTS (SELECT 1 FROM etl.run w WHERE w.job_id = d.job_id" \
		" AND w.finished_at IS NULL AND w.state IN (N'waiting', N'queued') AND w.attempt = 0)") \
	/* the poll */ \
	X(RUN_BLOCKED, "SELECT r.run_id FROM etl_job_dependency x" \
		" CROSS JOIN etl_run r ON r.job_id = x.job_id" \
		" WHERE x.after_job_id = (SELECT min(after_job_id) FROM etl_job_dependency" \
		" WHERE job_id = x.job_id) AND r.finished_at IS NULL AND r.state = 'queued'" \
		" AND " SQL_BLOCKED, \
		"SELECT r.run_id FROM etl.run r WHERE r.finished_at IS NULL AND r.state = N'queued'" \
		" AND " TSQL_BLOCKED) \
	X(RUN_RELEASED, "SELECT r.run_id FROM etl_run r WHERE r.state = 'waiting'" \
		" AND NOT (" SQL_BLOCKED ") AND NOT (" SQL_NO_NEWS ")", \
		"SELECT r.run_id FROM etl.run r WHERE r.state = N'waiting'" \
		" AND NOT (" TSQL_BLOCKED ") AND NOT (" TSQL_NO_NEWS ")") \
	X(RUN_CANCELS, "SELECT run_id, state, fence FROM etl_run" \
		" WHERE cancel_requested <> 0 AND finished_at IS NULL" \
		" AND state IN ('waiting', 'queued') AND settle IS NULL", \
		"SELECT run_id, state, fence FROM etl.run" \
		" WHERE cancel_requested <> 0 AND finished_at IS NULL" \
		" AND state IN (N'waiting', N'queued') AND settle IS NULL") \
	X(RUN_READY, "SELECT r.run_id FROM etl_run r JOIN etl_job j ON j.job_id = r.job_id" \
		" WHERE r.state = 'queued' AND r.ready_at <= " SQL_NOW " AND " SQL_ROOM("1") \
		" AND NOT (" SQL_BLOCKED ")" \
		" ORDER BY r.priority DESC, r.ready_at, r.run_id LIMIT @limit", \
		"SELECT TOP (@limit) r.run_id FROM etl.run r JOIN etl.job j ON j.job_id = r.job_id" \
		" WHERE r.state = N'queued' AND r.ready_at <= " TSQL_NOW " AND " TSQL_ROOM("1") \
		" AND NOT (" TSQL_BLOCKED ")" \
		" ORDER BY r.priority DESC, r.ready_at, r.run_id") \
	/* the runs of a list "1,2,3", as many of each job as there is room for. T-SQL names its \
	 * parameters first, to have them in order */ \
	X(RUN_CLAIM, "UPDATE etl_run AS r SET state = 'starting', fence = r.fence + 1," \
		" attempt = r.attempt + 1, owner = @owner, controller_uid = @controller," \
		" worker = @worker, claimed_at = " SQL_NOW ", started_at = NULL," \
		" lease_until = " SQL_IN_SECONDS("@lease") \
		" FROM (SELECT q.run_id, row_number() OVER (PARTITION BY q.job_id" \
		" ORDER BY q.priority DESC, q.ready_at, q.run_id) AS place" \
		" FROM json_each('[' || @runs || ']') e CROSS JOIN etl_run q ON q.run_id = e.value) w" \
		" JOIN etl_run c ON c.run_id = w.run_id JOIN etl_job j ON j.job_id = c.job_id" \
		" WHERE r.run_id = w.run_id AND r.state = 'queued'" \
		" AND (@by_hand = 1 OR " SQL_ROOM("w.place") ")" \
		" RETURNING run_id, run_uid, job_id, state, attempt, fence, disruptions, settle," \
		" order_key, cancel_requested, full_load", \
		"DECLARE @_owner nvarchar(4000) = @owner, @_controller nvarchar(4000) = @controller," \
		" @_worker nvarchar(4000) = @worker, @_lease float = @lease, @_locked bit;" \
		" DECLARE @_wanted TABLE (run_id bigint, job_id bigint, place bigint);" \
		" DECLARE @_claimed TABLE (run_id bigint);" \
		" INSERT INTO @_wanted (run_id, job_id, place)" \
		" SELECT q.run_id, q.job_id," \
		" ROW_NUMBER() OVER (PARTITION BY q.job_id" \
		" ORDER BY q.priority DESC, q.ready_at, q.run_id)" \
		" FROM STRING_SPLIT(@runs, N',') e JOIN etl.run q ON q.run_id = CAST(e.value AS bigint);" \
		" SELECT @_locked = j.enabled FROM etl.job j WITH (UPDLOCK, ROWLOCK)" \
		" WHERE j.job_id IN (SELECT w.job_id FROM @_wanted w);" \
		" UPDATE etl.run SET state = N'starting', fence = fence + 1," \
		" attempt = attempt + 1, owner = @_owner, controller_uid = @_controller," \
		" worker = @_worker, claimed_at = " TSQL_NOW ", started_at = NULL," \
		" lease_until = " TSQL_IN_SECONDS("@_lease") \
		" OUTPUT inserted.run_id INTO @_claimed (run_id)" \
		" WHERE state = N'queued' AND run_id IN (SELECT r.run_id FROM @_wanted w" \
		" JOIN etl.run r ON r.run_id = w.run_id JOIN etl.job j ON j.job_id = r.job_id" \
		" WHERE @by_hand = 1 OR " TSQL_ROOM("w.place") ");" \
		" SELECT r.run_id, " TSQL_UID("r.run_uid") " AS run_uid, r.job_id, r.state," \
		" r.attempt, r.fence, r.disruptions, r.settle, r.order_key, r.cancel_requested," \
		" r.full_load FROM @_claimed c JOIN etl.run r ON r.run_id = c.run_id") \
	X(RUN_FIND, "SELECT run_id, run_uid, job_id, state, attempt, fence, disruptions, settle," \
		" order_key, cancel_requested, full_load FROM etl_run WHERE run_id = @run_id", \
		"SELECT run_id, " TSQL_UID("run_uid") " AS run_uid, job_id, state, attempt, fence," \
		" disruptions, settle, order_key, cancel_requested, full_load" \
		" FROM etl.run WHERE run_id = @run_id") \
	X(RUN_ACTIVE, "SELECT r.run_id, r.run_uid, r.job_id, j.name, r.state, r.attempt, r.fence," \
		" r.disruptions, r.settle, r.cancel_requested, r.controller_uid, r.worker," \
		" coalesce(h.lease_until, r.lease_until, '') AS lease_until," \
		" coalesce(h.lease_until, r.lease_until, '') < " SQL_NOW " AS lease_past," \
		" j.timeout > 0 AND r.started_at < " SQL_IN_SECONDS("-(j.timeout + @grace)") \
		" AS overdue" \
		" FROM etl_run r JOIN etl_job j ON j.job_id = r.job_id" \
		" LEFT JOIN etl_run_heartbeat h ON h.run_id = r.run_id AND h.fence = r.fence" \
		" WHERE r.state IN ('starting', 'running')", \
		"SELECT r.run_id, " TSQL_UID("r.run_uid") " AS run_uid, r.job_id, j.name, r.state," \
		" r.attempt, r.fence, r.disruptions, r.settle, r.cancel_requested, r.controller_uid," \
		" r.worker," \
		" ISNULL(" TSQL_TEXT("ISNULL(h.lease_until, r.lease_until)") ", '') AS lease_until," \
		" CASE WHEN ISNULL(h.lease_until, r.lease_until) >= " TSQL_NOW " THEN 0 ELSE 1 END" \
		" AS lease_past," \
		" CASE WHEN j.timeout > 0 AND DATEDIFF_BIG(millisecond, r.started_at, " TSQL_NOW ")" \
		" > (j.timeout + @grace) * 1000 THEN 1 ELSE 0 END AS overdue" \
		" FROM etl.run r JOIN etl.job j ON j.job_id = r.job_id" \
		" LEFT JOIN etl.run_heartbeat h ON h.run_id = r.run_id AND h.fence = r.fence" \
		" WHERE r.state IN (N'starting', N'running')") \
	X(RUN_WORKER, "UPDATE etl_run SET worker = @worker WHERE run_id = @run_id" \
		" AND fence = @fence AND state IN ('starting', 'running')", \
		"UPDATE etl.run SET worker = @worker WHERE run_id = @run_id" \
		" AND fence = @fence AND state IN (N'starting', N'running')") \
	/* "waiting" goes when the worker begins: RUN_MOVE */ \
	X(RUN_PENDING, "UPDATE etl_run SET error_code = 'waiting', error_message = @words" \
		" WHERE run_id = @run_id AND fence = @fence AND state = 'starting'", \
		"UPDATE etl.run SET error_code = N'waiting', error_message = @words" \
		" WHERE run_id = @run_id AND fence = @fence AND state = N'starting'") \
	X(RUN_ADOPT, "UPDATE etl_run SET controller_uid = @controller WHERE run_id = @run_id" \
		" AND fence = @fence AND state IN ('starting', 'running')", \
		"UPDATE etl.run SET controller_uid = @controller WHERE run_id = @run_id" \
		" AND fence = @fence AND state IN (N'starting', N'running')") \
	X(OUTLOOK, "SELECT" \
		" (SELECT count(*) FROM etl_run WHERE state IN ('starting', 'running')) AS active," \
		" (SELECT count(*) FROM etl_run r JOIN etl_job j ON j.job_id = r.job_id" \
		" WHERE r.state = 'queued' AND (r.settle IS NOT NULL" \
		" OR (j.enabled <> 0 AND j.hold_reason IS NULL))) AS queued," \
		" (SELECT count(*) FROM etl_run r JOIN etl_job j ON j.job_id = r.job_id" \
		" WHERE r.state = 'queued' AND r.settle IS NULL AND j.hold_reason IS NOT NULL) AS held," \
		" (SELECT count(*) FROM etl_run WHERE state = 'waiting') AS waiting," \
		" (SELECT count(*) FROM etl_run WHERE finished_at >= @since" \
		" AND state <> 'succeeded') AS unsuccessful," \
		" (SELECT count(*) FROM etl_run WHERE finished_at >= @since) AS ended", \
		"SELECT" \
		" (SELECT COUNT(*) FROM etl.run WHERE state IN (N'starting', N'running')) AS active," \
		" (SELECT COUNT(*) FROM etl.run r JOIN etl.job j ON j.job_id = r.job_id" \
		" WHERE r.state = N'queued' AND (r.settle IS NOT NULL" \
		" OR (j.enabled <> 0 AND j.hold_reason IS NULL))) AS queued," \
		" (SELECT COUNT(*) FROM etl.run r JOIN etl.job j ON j.job_id = r.job_id" \
		" WHERE r.state = N'queued' AND r.settle IS NULL AND j.hold_reason IS NOT NULL) AS held," \
		" (SELECT COUNT(*) FROM etl.run WHERE state = N'waiting') AS waiting," \
		" (SELECT COUNT(*) FROM etl.run WHERE finished_at >= " TSQL_TIME("@since") \
		" AND state <> N'succeeded') AS unsuccessful," \
		" (SELECT COUNT(*) FROM etl.run WHERE finished_at >= " TSQL_TIME("@since") ") AS ended") \
	X(NEXT_READY, "SELECT cast((julianday(min(ready_at)) - julianday(" SQL_NOW ")) * 86400000" \
		" AS INTEGER) AS ms FROM etl_run WHERE state = 'queued' AND ready_at > " SQL_NOW, \
		"SELECT DATEDIFF_BIG(millisecond, " TSQL_NOW ", MIN(ready_at)) AS ms" \
		" FROM etl.run WHERE state = N'queued' AND ready_at > " TSQL_NOW) \
	/* a run's life */ \
	X(RUN_STATE, "SELECT state FROM etl_run WHERE run_id = @run_id AND fence = @fence", \
		"SELECT state FROM etl.run WHERE run_id = @run_id AND fence = @fence") \
	X(RUN_MOVE, "UPDATE etl_run SET state = @new," \
		" started_at = CASE @new WHEN 'running' THEN " SQL_NOW " ELSE started_at END," \
		" finished_at = CASE WHEN @final = 1 THEN " SQL_NOW " ELSE finished_at END," \
		" rows_read = ifnull(@rows_read, rows_read)," \
		" rows_written = ifnull(@rows_written, rows_written)," \
		" rows_rejected = ifnull(@rows_rejected, rows_rejected)," \
		" bytes_read = ifnull(@bytes_read, bytes_read)," \
		" error_code = CASE WHEN @new = 'succeeded'" \
		" OR (@new = 'running' AND error_code = 'waiting') THEN NULL" \
		" ELSE ifnull(@error_code, error_code) END," \
		" error_message = CASE WHEN @new = 'succeeded'" \
		" OR (@new = 'running' AND error_code = 'waiting') THEN NULL" \
		" ELSE ifnull(@error_message, error_message) END" \
		" WHERE run_id = @run_id AND fence = @fence AND state = @old", \
		"UPDATE etl.run SET state = @new," \
		" started_at = CASE @new WHEN N'running' THEN " TSQL_NOW " ELSE started_at END," \
		" finished_at = CASE WHEN @final = 1 THEN " TSQL_NOW " ELSE finished_at END," \
		" rows_read = COALESCE(@rows_read, rows_read)," \
		" rows_written = COALESCE(@rows_written, rows_written)," \
		" rows_rejected = COALESCE(@rows_rejected, rows_rejected)," \
		" bytes_read = COALESCE(@bytes_read, bytes_read)," \
		" error_code = CASE WHEN @new = N'succeeded'" \
		" OR (@new = N'running' AND error_code = N'waiting') THEN NULL" \
		" ELSE COALESCE(@error_code, error_code) END," \
		" error_message = CASE WHEN @new = N'succeeded'" \
		" OR (@new = N'running' AND error_code = N'waiting') THEN NULL" \
		" ELSE COALESCE(@error_message, error_message) END" \
		" WHERE run_id = @run_id AND fence = @fence AND state = @old") \
	X(RUN_LINEAGE, "INSERT INTO etl_run_lineage (source_server, source_database, source_principal," \
		" query_hash, version_read, consistency, target_server, target_database," \
		" target_principal, digest, run_id) VALUES (@source_server, @source_database," \
		" @source_principal, @query_hash, @version_read, @consistency, @target_server," \
		" @target_database, @target_principal, @digest, @run_id) ON CONFLICT (run_id) DO UPDATE" \
		" SET source_server = excluded.source_server, source_database = excluded.source_database," \
		" source_principal = excluded.source_principal, query_hash = excluded.query_hash," \
		" version_read = excluded.version_read, consistency = excluded.consistency, target_server" \
		" = excluded.target_server, target_database = excluded.target_database, target_principal" \
		" = excluded.target_principal, digest = excluded.digest", \
		"UPDATE etl.run_lineage SET source_server = @source_server, source_database =" \
		" @source_database, source_principal = @source_principal, query_hash = @query_hash," \
		" version_read = @version_read, consistency = @consistency, target_server =" \
		" @target_server, target_database = @target_database, target_principal =" \
		" @target_principal, digest = @digest WHERE run_id = @run_id; IF @@ROWCOUNT = 0 INSERT" \
		" INTO etl.run_lineage (source_server, source_database, source_principal, query_hash," \
		" version_read, consistency, target_server, target_database, target_principal, digest," \
		" run_id) VALUES (@source_server, @source_database, @source_principal, @query_hash," \
		" @version_read, @consistency, @target_server, @target_database, @target_principal," \
		" @digest, @run_id)") \
	X(RUN_REQUEUE, "UPDATE etl_run SET state = 'queued', settle = @settle," \
		" ready_at = " SQL_IN_SECONDS("@delay") "," \
		" disruptions = disruptions + @disruption, owner = NULL, lease_until = NULL," \
		" error_code = ifnull(@error_code, error_code)," \
		" error_message = ifnull(@error_message, error_message)" \
		" WHERE run_id = @run_id AND fence = @fence AND state = @old", \
		"UPDATE etl.run SET state = N'queued', settle = @settle," \
		" ready_at = " TSQL_IN_SECONDS("@delay") "," \
		" disruptions = disruptions + @disruption, owner = NULL, lease_until = NULL," \
		" error_code = COALESCE(@error_code, error_code)," \
		" error_message = COALESCE(@error_message, error_message)" \
		" WHERE run_id = @run_id AND fence = @fence AND state = @old") \
	X(RUN_SETTLE, "UPDATE etl_run SET settle = @settle, ready_at = " SQL_NOW \
		" WHERE run_id = @run_id AND state = 'queued' AND fence = @fence", \
		"UPDATE etl.run SET settle = @settle, ready_at = " TSQL_NOW \
		" WHERE run_id = @run_id AND state = N'queued' AND fence = @fence") \
	X(RUN_CANCEL, "UPDATE etl_run SET cancel_requested = 1 WHERE run_id = @run_id" \
		" AND finished_at IS NULL", \
		"UPDATE etl.run SET cancel_requested = 1 WHERE run_id = @run_id" \
		" AND finished_at IS NULL") \
	X(RUN_EVENT, "INSERT INTO etl_run_event (run_id, old_state, new_state, actor, reason)" \
		" VALUES (@run_id, @old, @new, @actor, @reason)", \
		"INSERT INTO etl.run_event (run_id, old_state, new_state, actor, reason)" \
		" VALUES (@run_id, @old, @new, @actor, @reason)") \
	/* in SQLite not INSERT SELECT: that makes and drops a temporary table for each line */ \
	X(RUN_LOG, "INSERT INTO etl_run_log (run_id, attempt, seq, level, message)" \
		" VALUES (@run_id, @attempt, (SELECT ifnull(max(seq), 0) + 1 FROM etl_run_log" \
		" WHERE run_id = @run_id AND attempt = @attempt), @level, @message)", \
		"INSERT INTO etl.run_log (run_id, attempt, seq, level, message)" \
		" SELECT @run_id, @attempt, ISNULL(MAX(l.seq), 0) + 1, @level, @message" \
		" FROM etl.run_log l WITH (UPDLOCK, HOLDLOCK)" \
		" WHERE l.run_id = @run_id AND l.attempt = @attempt") \
	/* in the transaction of the claim, whose runs nobody else gives a lease */ \
	X(LEASE_GIVE, "INSERT INTO etl_run_heartbeat (run_id, fence, lease_until)" \
		" SELECT r.run_id, r.fence, " SQL_IN_SECONDS("@lease") \
		" FROM json_each('[' || @runs || ']') e CROSS JOIN etl_run r ON r.run_id = e.value WHERE true" \
		" ON CONFLICT (run_id) DO UPDATE SET fence = excluded.fence," \
		" lease_until = excluded.lease_until, at = " SQL_NOW ", progress = NULL", \
		"DECLARE @_lease float = @lease;" \
		" DECLARE @_run TABLE (run_id bigint, fence bigint);" \
		" INSERT INTO @_run (run_id, fence) SELECT r.run_id, r.fence" \
		" FROM STRING_SPLIT(@runs, N',') e JOIN etl.run r ON r.run_id = CAST(e.value AS bigint);" \
		" INSERT INTO etl.run_heartbeat (run_id, fence, lease_until)" \
		" SELECT n.run_id, n.fence, " TSQL_IN_SECONDS("@_lease") " FROM @_run n" \
		" WHERE NOT EXISTS (SELECT 1 FROM etl.run_heartbeat h WHERE h.run_id = n.run_id);" \
		" UPDATE h SET fence = n.fence, lease_until = " TSQL_IN_SECONDS("@_lease") "," \
		" at = " TSQL_NOW ", progress = NULL" \
		" FROM etl.run_heartbeat h JOIN @_run n ON n.run_id = h.run_id") \
	X(CLAIM_EVENTS, "INSERT INTO etl_run_event (run_id, old_state, new_state, actor, reason)" \
		" SELECT r.run_id, 'queued', r.state, @actor," \
		" CASE WHEN r.settle IS NOT NULL THEN 'to have its target withdraw it' END" \
		" FROM json_each('[' || @runs || ']') e CROSS JOIN etl_run r ON r.run_id = e.value", \
		"INSERT INTO etl.run_event (run_id, old_state, new_state, actor, reason)" \
		" SELECT r.run_id, N'queued', r.state, @actor," \
		" CASE WHEN r.settle IS NOT NULL THEN N'to have its target withdraw it' END" \
		" FROM STRING_SPLIT(@runs, N',') e JOIN etl.run r ON r.run_id = CAST(e.value AS bigint)") \
	X(LEASE_RENEW, "UPDATE etl_run_heartbeat SET at = " SQL_NOW "," \
		" lease_until = " SQL_IN_SECONDS("@lease") ", progress = ifnull(@progress, progress)" \
		" WHERE run_id = @run_id AND fence = @fence", \
		"UPDATE etl.run_heartbeat SET at = " TSQL_NOW "," \
		" lease_until = " TSQL_IN_SECONDS("@lease") "," \
		" progress = COALESCE(@progress, progress)" \
		" WHERE run_id = @run_id AND fence = @fence") \
	X(LEASE_END, "DELETE FROM etl_run_heartbeat WHERE run_id = @run_id AND fence = @fence", \
		"DELETE FROM etl.run_heartbeat WHERE run_id = @run_id AND fence = @fence") \
	X(RUN_CANCELLED, "SELECT cancel_requested FROM etl_run WHERE run_id = @run_id", \
		"SELECT cancel_requested FROM etl.run WHERE run_id = @run_id") \
	X(RUN_UNKNOWN, "SELECT e.key AS position FROM json_each(@runs) e" \
		" LEFT JOIN etl_run r ON r.run_uid = json_extract(e.value, '$.uid')" \
		" WHERE r.run_id IS NULL OR r.fence < json_extract(e.value, '$.fence')" \
		" ORDER BY e.key LIMIT 1", \
		"SELECT TOP (1) CAST(e.[key] AS bigint) AS position FROM OPENJSON(@runs) e" \
		" LEFT JOIN etl.run r" \
		" ON r.run_uid = TRY_CONVERT(uniqueidentifier, JSON_VALUE(e.value, '$.uid'))" \
		" WHERE r.run_id IS NULL" \
		" OR r.fence < CAST(JSON_VALUE(e.value, '$.fence') AS bigint)" \
		" ORDER BY CAST(e.[key] AS bigint)") \
	X(RUN_BY_UID, "SELECT run_id FROM etl_run WHERE run_uid = @run_uid", \
		"SELECT run_id FROM etl.run" \
		" WHERE run_uid = TRY_CONVERT(uniqueidentifier, @run_uid)") \
	X(RUN_FENCE_ALL, "UPDATE etl_run SET fence = 1 WHERE job_id = @job_id AND fence = 0" \
		" AND finished_at IS NULL", \
		"UPDATE etl.run SET fence = 1 WHERE job_id = @job_id AND fence = 0" \
		" AND finished_at IS NULL") \
	X(RUN_BEGUN, "SELECT run_id FROM etl_run WHERE job_id = @job_id AND finished_at IS NULL" \
		" AND fence > 0 ORDER BY run_id LIMIT 1", \
		"SELECT TOP (1) run_id FROM etl.run WHERE job_id = @job_id AND finished_at IS NULL" \
		" AND fence > 0 ORDER BY run_id") \
	X(RUN_FENCE, "UPDATE etl_run SET fence = @fence WHERE run_id = @run_id AND fence < @fence", \
		"UPDATE etl.run SET fence = @fence WHERE run_id = @run_id AND fence < @fence") \
	X(RUN_IMPORT, "INSERT INTO etl_run (run_uid, job_id, state, origin, order_key, attempt," \
		" fence, rows_written, started_at, finished_at, error_code, error_message)" \
		" SELECT @run_uid, @job_id, @state, 'recovered', @order_key, 1, @fence, @rows," \
		" @opened_at, ifnull(@ended_at, " SQL_NOW "), @error_code, @error_message" \
		" RETURNING run_id", \
		"DECLARE @_new TABLE (run_id bigint);" \
		" INSERT INTO etl.run (run_uid, job_id, state, origin, order_key, attempt," \
		" fence, rows_written, started_at, finished_at, error_code, error_message)" \
		" OUTPUT inserted.run_id INTO @_new (run_id)" \
		" VALUES (@run_uid, @job_id, @state, N'recovered', @order_key, 1, @fence, @rows," \
		" " TSQL_TIME("@opened_at") ", ISNULL(" TSQL_TIME("@ended_at") ", " TSQL_NOW ")," \
		" @error_code, @error_message);" \
		" SELECT run_id FROM @_new") \
	X(RUN_KEY_FREE, "UPDATE etl_run SET order_key = NULL WHERE job_id = @job_id" \
		" AND order_key = @order_key AND run_uid <> @run_uid", \
		"UPDATE etl.run SET order_key = NULL WHERE job_id = @job_id" \
		" AND order_key = @order_key AND run_uid <> @run_uid") \
	/* controllers */ \
	X(CONTROLLER_BEAT, "INSERT INTO etl_controller (controller_uid, host, process, version," \
		" state, max_workers, workers, lease_until)" \
		" VALUES (@uid, @host, @process, @version, @state, @max_workers, @workers, " \
		SQL_IN_SECONDS("@lease") ")" \
		" ON CONFLICT (controller_uid) DO UPDATE SET state = excluded.state," \
		" workers = excluded.workers, heartbeat_at = " SQL_NOW "," \
		" lease_until = excluded.lease_until", \
		"INSERT INTO etl.controller (controller_uid, host, process, version," \
		" state, max_workers, workers, lease_until)" \
		" SELECT @uid, @host, @process, @version, @state, @max_workers, @workers, " \
		TSQL_IN_SECONDS("@lease") \
		" WHERE NOT EXISTS (SELECT 1 FROM etl.controller c WITH (UPDLOCK, HOLDLOCK)" \
		" WHERE c.controller_uid = @uid);" \
		" IF @@ROWCOUNT = 0" \
		" UPDATE etl.controller SET state = @state, workers = @workers," \
		" heartbeat_at = " TSQL_NOW ", lease_until = " TSQL_IN_SECONDS("@lease") \
		" WHERE controller_uid = @uid") \
	/* does the store know that we live? Is there nothing to do: are all runs over, and is no other \
	 * controller late? A poll of the second kind asks for no more */ \
	X(POLL, "SELECT CASE WHEN EXISTS (SELECT 1 FROM etl_controller c WHERE c.controller_uid = @uid" \
		" AND c.state = @state AND c.workers = @workers AND c.lease_until BETWEEN " \
		SQL_IN_SECONDS("@least") " AND " SQL_IN_SECONDS("@lease") ")" \
		" THEN 1 ELSE 0 END AS fresh," \
		" CASE WHEN EXISTS (SELECT 1 FROM etl_run r WHERE r.finished_at IS NULL)" \
		" OR EXISTS (SELECT 1 FROM etl_controller o WHERE o.controller_uid <> @uid" \
		" AND o.state <> 'stopped' AND o.lease_until < " SQL_NOW ")" \
		" THEN 0 ELSE 1 END AS quiet", \
		"SELECT CASE WHEN EXISTS (SELECT 1 FROM etl.controller c WHERE c.controller_uid = @uid" \
		" AND c.state = @state AND c.workers = @workers AND c.lease_until BETWEEN " \
		TSQL_IN_SECONDS("@least") " AND " TSQL_IN_SECONDS("@lease") ")" \
		" THEN 1 ELSE 0 END AS fresh," \
		" CASE WHEN EXISTS (SELECT 1 FROM etl.run r WHERE r.finished_at IS NULL)" \
		" OR EXISTS (SELECT 1 FROM etl.controller o WHERE o.controller_uid <> @uid" \
		" AND o.state <> N'stopped' AND o.lease_until < " TSQL_NOW ")" \
		" THEN 0 ELSE 1 END AS quiet") \
	X(CONTROLLER_LIST, "SELECT controller_uid, host, process, version, state, max_workers," \
		" workers, started_at, lease_until, lease_until >= " SQL_NOW " AS alive" \
		" FROM etl_controller WHERE state <> 'stopped' ORDER BY controller_uid", \
		"SELECT controller_uid, host, process, version, state, max_workers, workers," \
		" " TSQL_TEXT("started_at") " AS started_at," \
		" " TSQL_TEXT("lease_until") " AS lease_until," \
		" CASE WHEN lease_until >= " TSQL_NOW " THEN 1 ELSE 0 END AS alive" \
		" FROM etl.controller WHERE state <> N'stopped' ORDER BY controller_uid") \
	X(CONTROLLER_STOPPED, "UPDATE etl_controller SET state = 'stopped', workers = 0" \
		" WHERE controller_uid = @uid AND lease_until = @lease_until", \
		"UPDATE etl.controller SET state = N'stopped', workers = 0" \
		" WHERE controller_uid = @uid AND lease_until = " TSQL_TIME("@lease_until")) \
	X(CONTROLLER_PRUNE, "DELETE FROM etl_controller WHERE state = 'stopped'" \
		" AND heartbeat_at < " SQL_IN_SECONDS("-@age"), \
		"DELETE FROM etl.controller WHERE state = N'stopped'" \
		" AND heartbeat_at < " TSQL_IN_SECONDS("-@age")) \
	X(NOW, "SELECT " SQL_NOW " AS now", \
		"SELECT " TSQL_TEXT(TSQL_NOW) " AS now") \
	/* keys of keytabs: whose turn is it to show one to a KDC? */ \
	X(KEY_TAKE, "INSERT INTO etl_kerberos_key (principal, key_version, holder, held_until)" \
		" VALUES (@principal, @version, @holder, " SQL_IN_SECONDS("@seconds") ")" \
		" ON CONFLICT (principal, key_version) DO UPDATE SET refused = 0, holder = excluded.holder," \
		" held_until = excluded.held_until, at = " SQL_NOW \
		" WHERE (refused = 0 AND held_until < " SQL_NOW ") OR @force = 1", \
		"INSERT INTO etl.kerberos_key (principal, key_version, holder, held_until)" \
		" SELECT @principal, @version, @holder, " TSQL_IN_SECONDS("@seconds") \
		" WHERE NOT EXISTS (SELECT 1 FROM etl.kerberos_key k WITH (UPDLOCK, HOLDLOCK)" \
		" WHERE k.principal = @principal AND k.key_version = @version);" \
		" IF @@ROWCOUNT = 0" \
		" UPDATE etl.kerberos_key SET refused = 0, holder = @holder," \
		" held_until = " TSQL_IN_SECONDS("@seconds") ", at = " TSQL_NOW \
		" WHERE principal = @principal AND key_version = @version" \
		" AND ((refused = 0 AND held_until < " TSQL_NOW ") OR @force = 1)") \
	X(KEY_LOOK, "SELECT refused FROM etl_kerberos_key" \
		" WHERE principal = @principal AND key_version = @version", \
		"SELECT refused FROM etl.kerberos_key" \
		" WHERE principal = @principal AND key_version = @version") \
	X(KEY_REFUSED, "UPDATE etl_kerberos_key SET refused = 1, at = " SQL_NOW \
		" WHERE principal = @principal AND key_version = @version AND holder = @holder", \
		"UPDATE etl.kerberos_key SET refused = 1, at = " TSQL_NOW \
		" WHERE principal = @principal AND key_version = @version AND holder = @holder") \
	X(KEY_GIVE, "DELETE FROM etl_kerberos_key" \
		" WHERE principal = @principal AND key_version = @version AND holder = @holder", \
		"DELETE FROM etl.kerberos_key" \
		" WHERE principal = @principal AND key_version = @version AND holder = @holder") \
	/* what there is to see */ \
	X(RUN_LIST, "SELECT r.run_id, r.run_uid, j.name, r.state, r.attempt, r.queued_at, r.started_at," \
		" r.finished_at, cast(round((julianday(ifnull(r.finished_at, " SQL_NOW "))" \
		" - julianday(r.started_at)) * 86400000) AS INTEGER) AS elapsed_ms," \
		" r.rows_read, r.rows_written, r.bytes_read, r.error_code, r.error_message," \
		" r.origin, r.order_key, r.priority, r.fence, r.disruptions, r.settle," \
		" r.cancel_requested, r.ready_at, h.progress, j.hold_reason, r.rows_rejected" \
		" FROM etl_run r JOIN etl_job j ON j.job_id = r.job_id" \
		" LEFT JOIN etl_run_heartbeat h ON h.run_id = r.run_id AND h.fence = r.fence" \
		" WHERE r.run_id BETWEEN @first AND @last ORDER BY r.run_id DESC LIMIT @limit", \
		"SELECT r.run_id, " TSQL_UID("r.run_uid") " AS run_uid, j.name, r.state, r.attempt," \
		" " TSQL_TEXT("r.queued_at") " AS queued_at," \
		" " TSQL_TEXT("r.started_at") " AS started_at," \
		" " TSQL_TEXT("r.finished_at") " AS finished_at," \
		" DATEDIFF_BIG(millisecond, r.started_at, ISNULL(r.finished_at, " TSQL_NOW "))" \
		" AS elapsed_ms," \
		" r.rows_read, r.rows_written, r.bytes_read, r.error_code, r.error_message," \
		" r.origin, r.order_key, r.priority, r.fence, r.disruptions, r.settle," \
		" r.cancel_requested, " TSQL_TEXT("r.ready_at") " AS ready_at, h.progress," \
		" j.hold_reason, r.rows_rejected" \
		" FROM etl.run r JOIN etl.job j ON j.job_id = r.job_id" \
		" LEFT JOIN etl.run_heartbeat h ON h.run_id = r.run_id AND h.fence = r.fence" \
		" WHERE r.run_id BETWEEN @first AND @last ORDER BY r.run_id DESC" \
		" OFFSET 0 ROWS FETCH NEXT @limit ROWS ONLY") \
	X(LINEAGE_LOOK, "SELECT source_server, source_database, source_principal, query_hash, version_read," \
		" consistency, target_server, target_database, target_principal, digest FROM" \
		" etl_run_lineage WHERE run_id = @run_id", \
		"SELECT source_server, source_database, source_principal, query_hash, version_read," \
		" consistency, target_server, target_database, target_principal, digest FROM" \
		" etl.run_lineage WHERE run_id = @run_id") \
	X(LOG_LIST, "SELECT attempt, at, level, message FROM etl_run_log" \
		" WHERE run_id = @run_id ORDER BY attempt, seq", \
		"SELECT attempt, " TSQL_TEXT("at") " AS at, level, message FROM etl.run_log" \
		" WHERE run_id = @run_id ORDER BY attempt, seq") \
	X(EVENT_LIST, "SELECT at, old_state, new_state, actor, reason FROM etl_run_event" \
		" WHERE run_id = @run_id ORDER BY event_id", \
		"SELECT " TSQL_TEXT("at") " AS at, old_state, new_state, actor, reason" \
		" FROM etl.run_event WHERE run_id = @run_id ORDER BY event_id")
/* clang-format on */

#endif
