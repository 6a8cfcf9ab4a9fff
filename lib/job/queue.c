#include "job/queue.h"

#include <inttypes.h>

#include "base/fault.h"
#include "job/queue_private.h"

int queue_begin(struct store *s, struct err *err)
{
	return db_begin(s->db, err);
}

int queue_finish(struct store *s, int failed, struct err *err, const char *what, int64_t id)
{
	if (!failed && db_commit(s->db, err) == 0)
		return 0;
	db_rollback(s->db);
	return err_wrap(err, "%s %" PRId64, what, id);
}

int queue_event(struct store *s, int64_t run_id, enum run_state old, enum run_state new,
	const char *actor, const char *reason, struct err *err)
{
	CLEANUP(buf_release) struct buf why = BUF_INIT(STORE_CLEAN_MAX);

	return statements_run(&s->stmts, ST_RUN_EVENT, err, "itttt", run_id,
		old == RUN_STATE_COUNT ? NULL : run_state_name(old), run_state_name(new), actor,
		store_clean(reason, &why));
}

int queue_lost(const struct run *run, struct err *err)
{
	return err_set(err, ERR_LEASE_LOST,
		"run %" PRId64 " is not ours any more: its fence is not %" PRId64
		" or its state was changed",
		run->run_id, run->fence);
}

enum run_state queue_settle_of(const char *text)
{
	return text ? run_state_parse(text) : RUN_STATE_COUNT;
}

static const char *settle_name(enum run_state settle)
{
	return settle == RUN_STATE_COUNT ? NULL : run_state_name(settle);
}

int queue_read_run(struct db_stmt *stmt, struct arena *a, struct run *ret_run, struct err *err)
{
	*ret_run = (struct run){.run_id = db_column_int(stmt, 0),
		.run_uid = arena_strdup(a, db_column_text(stmt, 1)),
		.job_id = db_column_int(stmt, 2),
		.state = run_state_parse(db_column_text(stmt, 3)),
		.attempt = db_column_int(stmt, 4),
		.fence = db_column_int(stmt, 5),
		.disruptions = db_column_int(stmt, 6),
		.settle = queue_settle_of(db_column_text(stmt, 7)),
		.order_key = arena_strdup(a, db_column_text(stmt, 8)),
		.cancel_requested = db_column_int(stmt, 9) != 0,
		.full_load = db_column_int(stmt, 10) != 0};
	if (ret_run->state == RUN_STATE_COUNT)
		return err_set(err, ERR_DATA, "run %" PRId64 " has a state that there is not",
			ret_run->run_id);
	return 0;
}

int queue_find_run(struct store *s, int64_t run_id, struct arena *a, struct run *ret_run,
	struct err *err)
{
	struct db_stmt *stmt;
	int row;

	if (statements_bind(&s->stmts, ST_RUN_FIND, &stmt, err, "i", run_id))
		return -1;
	row = db_step(stmt, err);
	if (row <= 0)
		return row;
	row = queue_read_run(stmt, a, ret_run, err);
	db_reset(stmt);
	return row < 0 ? -1 : 1;
}

/* --- moves --- */

/* The state that it has under our fence, if it may go from there. 1: it is at that end already, by us,
 * and the reply was lost: nobody else ends a run under our fence. */
static int old_state(struct store *s, const struct run *run, enum run_state to,
	enum run_state *ret_old, struct err *err)
{
	struct db_stmt *stmt;
	int row;

	if (statements_bind(&s->stmts, ST_RUN_STATE, &stmt, err, "ii", run->run_id, run->fence))
		return -1;
	row = db_step(stmt, err);
	if (row < 0)
		return -1;
	*ret_old = row ? run_state_parse(db_column_text(stmt, 0)) : RUN_STATE_COUNT;
	db_reset(stmt);
	if (*ret_old == to && run_state_final(to))
		return 1;
	return *ret_old == RUN_STATE_COUNT || !run_may(*ret_old, to) ? queue_lost(run, err) : 0;
}

static const struct run_result no_result = {RUN_RESULT_NONE};

void queue_bind_number(struct db_stmt *stmt, int pos, int64_t value)
{
	if (value < 0)
		db_bind_null(stmt, pos);
	else
		db_bind_int(stmt, pos, value);
}

static int change_state(struct store *s, const struct run *run, enum run_state old,
	enum run_state to, const struct run_result *r, struct err *err)
{
	CLEANUP(buf_release) struct buf message = BUF_INIT(STORE_CLEAN_MAX);
	struct db_stmt *stmt;

	if (statements_get(&s->stmts, ST_RUN_MOVE, &stmt, err))
		return -1;
	db_bind_text(stmt, 1, run_state_name(to));
	db_bind_int(stmt, 2, run_state_final(to));
	queue_bind_number(stmt, 3, r->rows_read);
	queue_bind_number(stmt, 4, r->rows_written);
	queue_bind_number(stmt, 5, r->rows_rejected);
	queue_bind_number(stmt, 6, r->bytes_read);
	db_bind_text(stmt, 7, r->error_code);
	db_bind_text(stmt, 8, store_clean(r->error_message, &message));
	db_bind_int(stmt, 9, run->run_id);
	db_bind_int(stmt, 10, run->fence);
	db_bind_text(stmt, 11, run_state_name(old));
	if (db_run(stmt, err))
		return -1;
	return db_changes(s->db) == 1 ? 0 : queue_lost(run, err);
}

static int keep_lineage(struct store *s, const struct run *run, const struct lineage *l, struct err *err)
{
	struct db_stmt *stmt;

	if (!l)
		return 0;
	if (statements_get(&s->stmts, ST_RUN_LINEAGE, &stmt, err))
		return -1;
	for (int i = 0; i < LINEAGE_COUNT; i++)
		db_bind_text(stmt, i + 1, lineage_get(l, (enum lineage_fact)i));
	db_bind_int(stmt, LINEAGE_COUNT + 1, run->run_id);
	return db_run(stmt, err);
}

int queue_move_run(struct store *s, const struct run *run, enum run_state to, const char *actor,
	const char *reason, const struct run_result *result, struct err *err)
{
	enum run_state old;
	int there = old_state(s, run, to, &old, err);

	if (there)
		return there < 0 ? -1 : 0;
	if (old != run->state)
		return queue_lost(run, err);
	if (change_state(s, run, old, to, result ? result : &no_result, err) ||
		keep_lineage(s, run, result ? result->lineage : NULL, err) ||
		queue_event(s, run->run_id, old, to, actor, reason, err))
		return -1;
	if (!run_state_final(to))
		return 0;
	if (statements_run(&s->stmts, ST_LEASE_END, err, "ii", run->run_id, run->fence) ||
		statements_run(&s->stmts, ST_RUN_DEPENDANTS, err, "iii", run->run_id, run->job_id,
			(int64_t)(to == RUN_SUCCEEDED)))
		return -1;
	return 0;
}

int queue_move(struct store *s, struct run *run, enum run_state to, const char *actor,
	const char *reason, const struct run_result *result, struct err *err)
{
	if (FAULT(END_BEFORE, err) ||
		queue_finish(s, queue_begin(s, err) || queue_move_run(s, run, to, actor, reason, result, err), err, "run",
			run->run_id) ||
		FAULT(END_COMMITTED, err))
		return err_wrap(err, "to %s", run_state_name(to));
	run->state = to;
	return 0;
}

static int requeue(struct store *s, const struct run *run, const struct verdict *v,
	const char *actor, const char *reason, const struct run_result *r, struct err *err)
{
	CLEANUP(buf_release) struct buf message = BUF_INIT(STORE_CLEAN_MAX);
	enum run_state old;

	if (old_state(s, run, RUN_QUEUED, &old, err))
		return -1;
	if (old != run->state) /* what was decided for it as starting does not hold once it runs */
		return queue_lost(run, err);
	if (statements_run(&s->stmts, ST_RUN_REQUEUE, err, "trittiit", settle_name(v->settle),
			queue_seconds(v->delay), (int64_t)v->disruption, r->error_code,
			store_clean(r->error_message, &message), run->run_id, run->fence,
			run_state_name(old)))
		return -1;
	if (db_changes(s->db) != 1)
		return queue_lost(run, err);
	if (statements_run(&s->stmts, ST_LEASE_END, err, "ii", run->run_id, run->fence))
		return -1;
	return queue_event(s, run->run_id, old, RUN_QUEUED, actor, reason, err);
}

int queue_give_up(struct store *s, struct run *run, const struct verdict *v, const char *actor,
	const char *reason, const struct run_result *result, struct err *err)
{
	int failed;

	if (v->state != RUN_QUEUED)
		return queue_move(s, run, v->state, actor, reason, result, err);
	if (FAULT(REQUEUE_BEFORE, err))
		return -1;
	failed = queue_begin(s, err) ||
		 requeue(s, run, v, actor, reason, result ? result : &no_result, err);
	if (queue_finish(s, failed, err, "run", run->run_id) || FAULT(REQUEUE_COMMITTED, err))
		return err_wrap(err, "back to the queue");
	run->state = RUN_QUEUED;
	return 0;
}
