#include "base/json.h"
#include "job/queue.h"
#include "job/queue_private.h"

#define UIDS_MAX (64u * 1024 * 1024) /* bytes of a list of run_uids */

int queue_known(struct store *s, const struct run_mark *runs, size_t n, size_t *ret_unknown,
	struct err *err)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT(UIDS_MAX);
	CLEANUP_JSON struct json_doc *doc = json_new();
	struct json *list = json_array(doc);
	struct db_stmt *stmt;
	int row;

	for (size_t i = 0; i < n; i++) {
		struct json *o = json_object(doc);

		json_set_str(doc, o, "uid", runs[i].run_uid);
		json_set_int(doc, o, "fence", runs[i].fence);
		json_push(doc, list, o);
	}
	json_print(doc, list, false, &text);
	if (buf_check(&text, "the list of runs", err) ||
		statements_bind(&s->stmts, ST_RUN_UNKNOWN, &stmt, err, "t", buf_str(&text)))
		return -1;
	row = db_step(stmt, err);
	if (row < 0)
		return err_wrap(err, "store");
	*ret_unknown = row ? (size_t)db_column_int(stmt, 0) : n;
	db_reset(stmt);
	return 0;
}

/* The key belongs to the run that has loaded. One that is still open and says the same order must not
 * load it again. */
static int free_key(struct store *s, int64_t job_id, const struct lost_run *lost, const char *actor,
	struct arena *a, const char **ret_key, struct err *err)
{
	struct run run;
	int known = queue_find_order(s, job_id, lost->order_key, a, &run, err);

	*ret_key = lost->order_key;
	if (known <= 0)
		return known;
	if (!lost->published || run.state == RUN_SUCCEEDED) {
		*ret_key = NULL;
		return 0;
	}
	if (statements_run(&s->stmts, ST_RUN_KEY_FREE, err, "itt", job_id, lost->order_key,
		    lost->run_uid))
		return -1;
	if (run.state == RUN_WAITING || run.state == RUN_QUEUED)
		return queue_cancel_at_rest(s, &run, actor, err);
	return run_state_final(run.state) ? 0
					  : statements_run(&s->stmts, ST_RUN_CANCEL, err, "i", run.run_id);
}

/* It went further than the store knows. */
static int catch_up(struct store *s, int64_t run_id, const struct lost_run *lost, const char *actor,
	struct arena *a, int64_t *ret_run_id, struct err *err)
{
	const struct run_result result = {
		.rows_read = -1, .rows_written = lost->rows, .rows_rejected = -1, .bytes_read = -1};
	struct run run;

	if (queue_find_run(s, run_id, a, &run, err) != 1)
		return -1;
	*ret_run_id = 0;
	if (run.fence >= lost->fence)
		return 0;
	*ret_run_id = run_id;
	if (statements_run(&s->stmts, ST_RUN_FENCE, err, "ii", lost->fence, run_id))
		return -1;
	run.fence = lost->fence;
	if (lost->published && run.state == RUN_CANCELLED)
		return queue_move_run(s, &run, RUN_SUCCEEDED, actor, "recovered from the ledger of its target",
			&result, err);
	return queue_event(s, run_id, run.state, run.state, actor,
		"its fence was recovered from the ledger of its target", err);
}

/* 1: found; 0: there is none. */
static int find_uid(struct store *s, const char *run_uid, int64_t *ret_run_id, struct err *err)
{
	struct db_stmt *stmt;
	int row;

	if (statements_bind(&s->stmts, ST_RUN_BY_UID, &stmt, err, "t", run_uid))
		return -1;
	row = db_step(stmt, err);
	if (row > 0)
		*ret_run_id = db_column_int(stmt, 0);
	db_reset(stmt);
	return row;
}

static int import(struct store *s, int64_t job_id, const struct lost_run *lost, const char *actor,
	struct arena *a, int64_t *ret_run_id, struct err *err)
{
	enum run_state state = lost->published ? RUN_SUCCEEDED : RUN_CANCELLED;
	struct db_stmt *stmt;
	int64_t run_id;
	const char *key;
	int row = find_uid(s, lost->run_uid, &run_id, err);

	if (row < 0)
		return -1;
	if (row)
		return catch_up(s, run_id, lost, actor, a, ret_run_id, err);
	if (free_key(s, job_id, lost, actor, a, &key, err) ||
		statements_get(&s->stmts, ST_RUN_IMPORT, &stmt, err))
		return -1;
	db_bind_text(stmt, 1, lost->run_uid);
	db_bind_int(stmt, 2, job_id);
	db_bind_text(stmt, 3, run_state_name(state));
	db_bind_text(stmt, 4, key);
	db_bind_int(stmt, 5, lost->fence);
	queue_bind_number(stmt, 6, lost->rows);
	db_bind_text(stmt, 7, lost->opened_at);
	db_bind_text(stmt, 8, lost->ended_at);
	db_bind_text(stmt, 9, lost->published ? NULL : "cancelled");
	db_bind_text(stmt, 10, lost->published ? NULL : "withdrawn in the target when it was recovered");
	if (db_step(stmt, err) != 1)
		return -1;
	*ret_run_id = db_column_int(stmt, 0);
	db_reset(stmt);
	return queue_event(s, *ret_run_id, RUN_STATE_COUNT, state, actor,
		"recovered from the ledger of its target", err);
}

int queue_import(struct store *s, int64_t job_id, const struct lost_run *lost, const char *actor,
	int64_t *ret_run_id, struct err *err)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;

	return queue_finish(s, queue_begin(s, err) || import(s, job_id, lost, actor, &a, ret_run_id, err), err,
		"recover a run of job", job_id);
}

int queue_recovered(struct store *s, int64_t job_id, struct err *err)
{
	int failed = queue_begin(s, err) || statements_run(&s->stmts, ST_RUN_FENCE_ALL, err, "i", job_id) ||
		     statements_run(&s->stmts, ST_JOB_HOLD, err, "ti", NULL, job_id);

	return queue_finish(s, failed, err, "release job", job_id);
}
