#include <inttypes.h>

#include "base/fault.h"
#include "job/queue.h"
#include "job/queue_private.h"

int queue_touch(struct store *s, enum statement id, const struct run *run, const char *text,
	struct err *err)
{
	if (statements_run(&s->stmts, id, err, "tii", text, run->run_id, run->fence))
		return err_wrap(err, "store");
	return db_changes(s->db) == 1 ? 0 : queue_lost(run, err);
}

int queue_worker(struct store *s, const struct run *run, const char *handle, struct err *err)
{
	return queue_touch(s, ST_RUN_WORKER, run, handle, err);
}

int queue_adopt(struct store *s, const struct run *run, const char *controller_uid, struct err *err)
{
	return queue_touch(s, ST_RUN_ADOPT, run, controller_uid, err);
}

int queue_find(struct store *s, int64_t run_id, struct arena *a, struct run *ret_run, struct err *err)
{
	int found = queue_find_run(s, run_id, a, ret_run, err);

	return found < 0 ? err_wrap(err, "store") : found;
}

static int take(struct store *s, int64_t run_id, int64_t fence, const char *actor,
	const char *worker, struct arena *a, struct run *run, struct err *err)
{
	int found = queue_find_run(s, run_id, a, run, err);

	if (found < 0)
		return -1;
	if (!found)
		return err_set(err, ERR_LEASE_LOST, "there is no run %" PRId64, run_id);
	if (run->fence == fence && run->state == RUN_RUNNING)
		return 0; /* by us, the only worker of this fence: the reply was lost */
	run->fence = fence;
	if (run->state != RUN_STARTING)
		return queue_lost(run, err);
	if (queue_move_run(s, run, RUN_RUNNING, actor, NULL, NULL, err) ||
		(worker && queue_touch(s, ST_RUN_WORKER, run, worker, err)))
		return -1;
	return 0;
}

int queue_take(struct store *s, int64_t run_id, int64_t fence, const char *actor, const char *worker,
	struct arena *a, struct run *ret_run, struct err *err)
{
	if (FAULT(TAKE_BEFORE, err) ||
		queue_finish(s, queue_begin(s, err) || take(s, run_id, fence, actor, worker, a, ret_run, err), err,
			"take run", run_id) ||
		FAULT(TAKE_COMMITTED, err))
		return -1;
	ret_run->state = RUN_RUNNING;
	return 0;
}

int queue_renew(struct store *s, const struct run *run, int64_t lease_ms, const char *progress,
	bool *ret_cancel_requested, struct err *err)
{
	struct db_stmt *stmt;
	int row;

	if (statements_run(&s->stmts, ST_LEASE_RENEW, err, "rtii", queue_seconds(lease_ms), progress,
		    run->run_id, run->fence))
		return err_wrap(err, "store");
	if (db_changes(s->db) != 1)
		return queue_lost(run, err);
	if (statements_bind(&s->stmts, ST_RUN_CANCELLED, &stmt, err, "i", run->run_id))
		return err_wrap(err, "store");
	row = db_step(stmt, err);
	if (row < 0)
		return err_wrap(err, "store");
	*ret_cancel_requested = row && db_column_int(stmt, 0) != 0;
	db_reset(stmt);
	return FAULT(RENEWED, err) ? -1 : 0;
}

int queue_pending(struct store *s, const struct run *run, int64_t lease_ms, const char *words, struct err *err)
{
	CLEANUP(buf_release) struct buf clean = BUF_INIT(STORE_CLEAN_MAX);
	bool cancel;

	if (queue_renew(s, run, lease_ms, NULL, &cancel, err))
		return -1;
	return words ? queue_touch(s, ST_RUN_PENDING, run, store_clean(words, &clean), err) : 0;
}

int queue_hold(struct store *s, int64_t job_id, const char *reason, struct err *err)
{
	CLEANUP(buf_release) struct buf clean = BUF_INIT(STORE_CLEAN_MAX);

	if (statements_run(&s->stmts, ST_JOB_HOLD, err, "ti", store_clean(reason, &clean), job_id))
		return err_wrap(err, "store");
	return 0;
}

static int write_lines(struct store *s, const struct run *run, const struct run_line *lines, size_t n,
	struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		CLEANUP(buf_release) struct buf clean = BUF_INIT(STORE_CLEAN_MAX);

		if (statements_run(&s->stmts, ST_RUN_LOG, err, "iitt", run->run_id, run->attempt,
			    lines[i].level, store_clean(lines[i].message, &clean)))
			return -1;
	}
	return 0;
}

int queue_log(struct store *s, const struct run *run, const struct run_line *lines, size_t n,
	struct err *err)
{
	return queue_finish(s, queue_begin(s, err) || write_lines(s, run, lines, n, err), err, "log of run",
		run->run_id);
}
