#include <inttypes.h>

#include "base/fault.h"
#include "job/queue.h"
#include "job/queue_private.h"

#define ID_LIST_MAX (1u << 20) /* bytes of run_ids as a statement takes them */

static int insert_run(struct store *s, int64_t job_id, const struct order *order, struct arena *a,
	struct run *run, struct err *err)
{
	struct db_stmt *stmt;

	if (statements_bind(&s->stmts, ST_RUN_INSERT, &stmt, err, "itttti", job_id, "queued", "manual",
		    order->key, order->actor, (int64_t)order->full))
		return -1;
	if (db_step(stmt, err) != 1) /* the row's reference to it was refused */
		return err->code == ERR_DATA
			? err_set(err, ERR_NOT_FOUND, "there is no job %" PRId64, job_id)
			: -1;
	*run = (struct run){.run_id = db_column_int(stmt, 0),
		.run_uid = arena_strdup(a, db_column_text(stmt, 1)),
		.job_id = job_id,
		.state = RUN_QUEUED,
		.order_key = order->key,
		.full_load = order->full,
		.settle = RUN_STATE_COUNT};
	db_reset(stmt);
	return 0;
}

int queue_find_order(struct store *s, int64_t job_id, const char *key, struct arena *a,
	struct run *run, struct err *err)
{
	struct db_stmt *stmt;
	int64_t run_id;
	int row;

	if (!key)
		return 0;
	if (statements_bind(&s->stmts, ST_RUN_BY_KEY, &stmt, err, "it", job_id, key))
		return -1;
	row = db_step(stmt, err);
	if (row <= 0)
		return row;
	run_id = db_column_int(stmt, 0);
	db_reset(stmt);
	return queue_find_run(s, run_id, a, run, err);
}

/* 1 or 0 */
static int is_blocked(struct store *s, const struct run *run, struct err *err)
{
	struct db_stmt *stmt;
	int row;

	if (statements_bind(&s->stmts, ST_RUN_IS_BLOCKED, &stmt, err, "i", run->run_id))
		return -1;
	row = db_step(stmt, err);
	db_reset(stmt);
	return row;
}

static int order(struct store *s, int64_t job_id, const struct order *o, struct arena *a,
	struct run *run, bool *ret_known, struct err *err)
{
	int known = queue_find_order(s, job_id, o->key, a, run, err), blocked;

	*ret_known = known > 0;
	if (known)
		return known < 0 ? -1 : 0;
	if (insert_run(s, job_id, o, a, run, err))
		return -1;
	blocked = is_blocked(s, run, err);
	if (blocked <= 0)
		return blocked;
	if (queue_move_run(s, run, RUN_WAITING, o->actor, "a job that it comes after is not done", NULL, err))
		return -1;
	run->state = RUN_WAITING;
	return 0;
}

int queue_order(struct store *s, int64_t job_id, const struct order *o, struct arena *a,
	struct run *ret_run, bool *ret_known, struct err *err)
{
	if (queue_finish(s, queue_begin(s, err) || order(s, job_id, o, a, ret_run, ret_known, err), err,
		    "order a run of job", job_id))
		return -1;
	return FAULT(ORDER_COMMITTED, err) ? -1 : 0;
}

/* "1,2,3" */
static const char *id_list(const int64_t *ids, size_t n, struct buf *out)
{
	buf_reset(out);
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%s%" PRId64, i ? "," : "", ids[i]);
	return buf_str(out);
}

/* In the order of `ids`, which the claim keeps to but not in what it returns. */
static size_t put_in_order(const int64_t *ids, size_t n, const struct run *claimed, size_t n_claimed,
	struct run *ret_runs)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n_claimed; j++)
			if (claimed[j].run_id == ids[i])
				ret_runs[k++] = claimed[j];
	return k;
}

static int take_claimed(struct store *s, const struct claim *c, const int64_t *ids, size_t n,
	struct arena *a, struct run *ret_runs, size_t *ret_n, struct err *err)
{
	CLEANUP(buf_release) struct buf list = BUF_INIT(ID_LIST_MAX);
	struct run *claimed = arena_array(a, n, sizeof(*claimed));
	struct db_stmt *stmt;
	size_t n_claimed = 0;
	int row;

	if (statements_bind(&s->stmts, ST_RUN_CLAIM, &stmt, err, "tttrti", c->owner, c->controller,
		    c->worker, queue_seconds(c->lease_ms), id_list(ids, n, &list), (int64_t)c->by_hand))
		return -1;
	while ((row = db_step(stmt, err)) == 1)
		if (queue_read_run(stmt, a, &claimed[n_claimed++], err)) {
			db_reset(stmt);
			return -1;
		}
	*ret_n = put_in_order(ids, n, claimed, n_claimed, ret_runs);
	return row;
}

int queue_claim_these(struct store *s, const struct claim *c, const int64_t *ids, size_t n, struct arena *a,
	struct run *ret_runs, size_t *ret_n, struct err *err)
{
	CLEANUP(buf_release) struct buf list = BUF_INIT(ID_LIST_MAX);
	int64_t *claimed = arena_array(a, n, sizeof(*claimed));

	if (take_claimed(s, c, ids, n, a, ret_runs, ret_n, err))
		return -1;
	if (*ret_n == 0)
		return 0;
	for (size_t i = 0; i < *ret_n; i++)
		claimed[i] = ret_runs[i].run_id;
	id_list(claimed, *ret_n, &list);
	if (statements_run(&s->stmts, ST_LEASE_GIVE, err, "rt", queue_seconds(c->lease_ms), buf_str(&list)) ||
		statements_run(&s->stmts, ST_CLAIM_EVENTS, err, "tt", c->owner, buf_str(&list)))
		return -1;
	return 0;
}

static int order_claimed(struct store *s, int64_t job_id, const struct order *o,
	const struct claim *c, struct arena *a, struct run *run, struct err *err)
{
	int known = queue_find_order(s, job_id, o->key, a, run, err);
	size_t n;

	if (known < 0)
		return -1;
	if (known)
		return err_set(err, ERR_DATA, "the order '%s' is run %" PRId64 " already, which is %s",
			o->key, run->run_id, run_state_name(run->state));
	return insert_run(s, job_id, o, a, run, err) ||
		queue_claim_these(s, c, (const int64_t[]){run->run_id}, 1, a, run, &n, err);
}

int queue_order_claimed(struct store *s, int64_t job_id, const struct order *o, const char *worker,
	int64_t lease_ms, struct arena *a, struct run *ret_run, struct err *err)
{
	const struct claim c = {
		.owner = o->actor, .worker = worker, .lease_ms = lease_ms, .by_hand = true};

	return queue_finish(s, queue_begin(s, err) || order_claimed(s, job_id, o, &c, a, ret_run, err), err,
		"order a run of job", job_id);
}

/* --- cancelling --- */

int queue_cancel_at_rest(struct store *s, const struct run *run, const char *actor, struct err *err)
{
	if (run->fence == 0)
		return queue_move_run(s, run, RUN_CANCELLED, actor, "cancelled before it began", NULL, err);
	if (statements_run(&s->stmts, ST_RUN_SETTLE, err, "tii", run_state_name(RUN_CANCELLED),
		    run->run_id, run->fence))
		return -1;
	return queue_event(s, run->run_id, run->state, run->state, actor,
		"cancelled: its target is to withdraw it", err);
}

static int cancel(struct store *s, int64_t run_id, const char *actor, struct arena *a,
	enum cancel_end *ret_end, struct run *run, struct err *err)
{
	int found = queue_find_run(s, run_id, a, run, err);

	if (found < 0)
		return -1;
	if (!found) {
		err_set(err, ERR_NOT_FOUND, "there is no run %" PRId64, run_id);
		return err_hint(err, "'etl status' lists the last ones");
	}
	*ret_end = CANCEL_TOO_LATE;
	if (run_state_final(run->state))
		return 0;
	if (statements_run(&s->stmts, ST_RUN_CANCEL, err, "i", run_id))
		return -1;
	*ret_end = CANCEL_REQUESTED;
	if (run->state == RUN_WAITING || run->state == RUN_QUEUED) {
		if (run->fence == 0)
			*ret_end = CANCEL_DONE;
		return run->settle == RUN_STATE_COUNT ? queue_cancel_at_rest(s, run, actor, err) : 0;
	}
	return queue_event(s, run_id, run->state, run->state, actor, "cancellation requested", err);
}

int queue_cancel(struct store *s, int64_t run_id, const char *actor, enum cancel_end *ret_end,
	enum run_state *ret_state, struct err *err)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct run run = {.run_id = run_id};

	if (queue_finish(s, queue_begin(s, err) || cancel(s, run_id, actor, &a, ret_end, &run, err), err,
		    "cancel run", run_id))
		return -1;
	*ret_state = run.state;
	return 0;
}
