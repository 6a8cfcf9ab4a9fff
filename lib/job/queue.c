#include "job/queue.h"

#include <inttypes.h>
#include <string.h>

#include "base/fault.h"
#include "base/json.h"
#include "job/store_private.h"

#define ID_LIST_MAX (1u << 20) /* bytes of run_ids as a statement takes them */
#define SORT_BATCH 1000 /* runs that one poll moves between waiting and queued */
#define UIDS_MAX (64u * 1024 * 1024) /* bytes of a list of run_uids */
#define CONTROLLERS_MAX 1000 /* that are looked at */
#define CONTROLLER_KEPT_MS (24LL * 3600 * 1000) /* a stopped one is still listed for so long */

/* Every public function is one of these between begin and commit. */

static int begin(struct store *s, struct err *err)
{
	return db_begin(s->db, err);
}

/* Commits what went well; rolls back, and names the attempt, what did not. */
static int finish(struct store *s, int failed, struct err *err, const char *what, int64_t id)
{
	if (!failed && db_commit(s->db, err) == 0)
		return 0;
	db_rollback(s->db);
	return err_wrap(err, "%s %" PRId64, what, id);
}

static double seconds(int64_t ms)
{
	return (double)ms / 1000;
}

static int write_event(struct store *s, int64_t run_id, enum run_state old, enum run_state new,
	const char *actor, const char *reason, struct err *err)
{
	CLEANUP(buf_release) struct buf why = BUF_INIT(STORE_CLEAN_MAX);

	return statements_run(&s->stmts, ST_RUN_EVENT, err, "itttt", run_id,
		old == RUN_STATE_COUNT ? NULL : run_state_name(old), run_state_name(new), actor,
		store_clean(reason, &why));
}

static int lost(const struct run *run, struct err *err)
{
	return err_set(err, ERR_LEASE_LOST,
		"run %" PRId64 " is not ours any more: its fence is not %" PRId64
		" or its state was changed",
		run->run_id, run->fence);
}

/* A settle column that nobody of us wrote means none. */
static enum run_state settle_of(const char *text)
{
	return text ? run_state_parse(text) : RUN_STATE_COUNT;
}

static const char *settle_name(enum run_state settle)
{
	return settle == RUN_STATE_COUNT ? NULL : run_state_name(settle);
}

/* The row that RUN_FIND and RUN_CLAIM give. */
static int read_run(struct db_stmt *stmt, struct arena *a, struct run *ret_run, struct err *err)
{
	*ret_run = (struct run){.run_id = db_column_int(stmt, 0),
		.run_uid = arena_strdup(a, db_column_text(stmt, 1)),
		.job_id = db_column_int(stmt, 2),
		.state = run_state_parse(db_column_text(stmt, 3)),
		.attempt = db_column_int(stmt, 4),
		.fence = db_column_int(stmt, 5),
		.disruptions = db_column_int(stmt, 6),
		.settle = settle_of(db_column_text(stmt, 7)),
		.order_key = arena_strdup(a, db_column_text(stmt, 8)),
		.cancel_requested = db_column_int(stmt, 9) != 0,
		.full_load = db_column_int(stmt, 10) != 0};
	if (ret_run->state == RUN_STATE_COUNT)
		return err_set(err, ERR_DATA, "run %" PRId64 " has a state that there is not",
			ret_run->run_id);
	return 0;
}

/* 1: found; 0: there is none. */
static int find_run(struct store *s, int64_t run_id, struct arena *a, struct run *ret_run,
	struct err *err)
{
	struct db_stmt *stmt;
	int row;

	if (statements_bind(&s->stmts, ST_RUN_FIND, &stmt, err, "i", run_id))
		return -1;
	row = db_step(stmt, err);
	if (row <= 0)
		return row;
	row = read_run(stmt, a, ret_run, err);
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
	return *ret_old == RUN_STATE_COUNT || !run_may(*ret_old, to) ? lost(run, err) : 0;
}

static const struct run_result no_result = {RUN_RESULT_NONE};

/* Numbers that are not known are NULL and leave the column as it is. */
static void bind_number(struct db_stmt *stmt, int pos, int64_t value)
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
	bind_number(stmt, 3, r->rows_read);
	bind_number(stmt, 4, r->rows_written);
	bind_number(stmt, 5, r->rows_rejected);
	bind_number(stmt, 6, r->bytes_read);
	db_bind_text(stmt, 7, r->error_code);
	db_bind_text(stmt, 8, store_clean(r->error_message, &message));
	db_bind_int(stmt, 9, run->run_id);
	db_bind_int(stmt, 10, run->fence);
	db_bind_text(stmt, 11, run_state_name(old));
	if (db_run(stmt, err))
		return -1;
	return db_changes(s->db) == 1 ? 0 : lost(run, err);
}

static int move(struct store *s, const struct run *run, enum run_state to, const char *actor,
	const char *reason, const struct run_result *result, struct err *err)
{
	enum run_state old;
	int there = old_state(s, run, to, &old, err);

	if (there)
		return there < 0 ? -1 : 0;
	if (old != run->state)
		return lost(run, err);
	if (change_state(s, run, old, to, result ? result : &no_result, err) ||
		write_event(s, run->run_id, old, to, actor, reason, err))
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
		finish(s, begin(s, err) || move(s, run, to, actor, reason, result, err), err, "run",
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
		return lost(run, err);
	if (statements_run(&s->stmts, ST_RUN_REQUEUE, err, "trittiit", settle_name(v->settle),
			seconds(v->delay), (int64_t)v->disruption, r->error_code,
			store_clean(r->error_message, &message), run->run_id, run->fence,
			run_state_name(old)))
		return -1;
	if (db_changes(s->db) != 1)
		return lost(run, err);
	if (statements_run(&s->stmts, ST_LEASE_END, err, "ii", run->run_id, run->fence))
		return -1;
	return write_event(s, run->run_id, old, RUN_QUEUED, actor, reason, err);
}

int queue_give_up(struct store *s, struct run *run, const struct verdict *v, const char *actor,
	const char *reason, const struct run_result *result, struct err *err)
{
	int failed;

	if (v->state != RUN_QUEUED)
		return queue_move(s, run, v->state, actor, reason, result, err);
	if (FAULT(REQUEUE_BEFORE, err))
		return -1;
	failed = begin(s, err) ||
		 requeue(s, run, v, actor, reason, result ? result : &no_result, err);
	if (finish(s, failed, err, "run", run->run_id) || FAULT(REQUEUE_COMMITTED, err))
		return err_wrap(err, "back to the queue");
	run->state = RUN_QUEUED;
	return 0;
}

/* --- orders --- */

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

/* 1: an order of this key is known; 0: it is not. */
static int find_order(struct store *s, int64_t job_id, const char *key, struct arena *a,
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
	return find_run(s, run_id, a, run, err);
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
	int known = find_order(s, job_id, o->key, a, run, err), blocked;

	*ret_known = known > 0;
	if (known)
		return known < 0 ? -1 : 0;
	if (insert_run(s, job_id, o, a, run, err))
		return -1;
	blocked = is_blocked(s, run, err);
	if (blocked <= 0)
		return blocked;
	if (move(s, run, RUN_WAITING, o->actor, "a job that it comes after is not done", NULL, err))
		return -1;
	run->state = RUN_WAITING;
	return 0;
}

int queue_order(struct store *s, int64_t job_id, const struct order *o, struct arena *a,
	struct run *ret_run, bool *ret_known, struct err *err)
{
	if (finish(s, begin(s, err) || order(s, job_id, o, a, ret_run, ret_known, err), err,
		    "order a run of job", job_id))
		return -1;
	return FAULT(ORDER_COMMITTED, err) ? -1 : 0;
}

struct claim {
	const char *owner, *controller, *worker;
	int64_t lease_ms;
	bool by_hand;
};

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
		    c->worker, seconds(c->lease_ms), id_list(ids, n, &list), (int64_t)c->by_hand))
		return -1;
	while ((row = db_step(stmt, err)) == 1)
		if (read_run(stmt, a, &claimed[n_claimed++], err)) {
			db_reset(stmt);
			return -1;
		}
	*ret_n = put_in_order(ids, n, claimed, n_claimed, ret_runs);
	return row;
}

/* Those of these runs that are nobody else's, as many of each job as it takes; may be none. */
static int claim(struct store *s, const struct claim *c, const int64_t *ids, size_t n, struct arena *a,
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
	if (statements_run(&s->stmts, ST_LEASE_GIVE, err, "rt", seconds(c->lease_ms), buf_str(&list)) ||
		statements_run(&s->stmts, ST_CLAIM_EVENTS, err, "tt", c->owner, buf_str(&list)))
		return -1;
	return 0;
}

static int order_claimed(struct store *s, int64_t job_id, const struct order *o,
	const struct claim *c, struct arena *a, struct run *run, struct err *err)
{
	int known = find_order(s, job_id, o->key, a, run, err);
	size_t n;

	if (known < 0)
		return -1;
	if (known)
		return err_set(err, ERR_DATA, "the order '%s' is run %" PRId64 " already, which is %s",
			o->key, run->run_id, run_state_name(run->state));
	return insert_run(s, job_id, o, a, run, err) ||
		claim(s, c, (const int64_t[]){run->run_id}, 1, a, run, &n, err);
}

int queue_order_claimed(struct store *s, int64_t job_id, const struct order *o, const char *worker,
	int64_t lease_ms, struct arena *a, struct run *ret_run, struct err *err)
{
	const struct claim c = {
		.owner = o->actor, .worker = worker, .lease_ms = lease_ms, .by_hand = true};

	return finish(s, begin(s, err) || order_claimed(s, job_id, o, &c, a, ret_run, err), err,
		"order a run of job", job_id);
}

/* --- cancelling --- */

/* Of a run that no worker has: at once where none ever had, else when the target has been asked. */
static int cancel_at_rest(struct store *s, const struct run *run, const char *actor, struct err *err)
{
	if (run->fence == 0)
		return move(s, run, RUN_CANCELLED, actor, "cancelled before it began", NULL, err);
	if (statements_run(&s->stmts, ST_RUN_SETTLE, err, "tii", run_state_name(RUN_CANCELLED),
		    run->run_id, run->fence))
		return -1;
	return write_event(s, run->run_id, run->state, run->state, actor,
		"cancelled: its target is to withdraw it", err);
}

static int cancel(struct store *s, int64_t run_id, const char *actor, struct arena *a,
	enum cancel_end *ret_end, struct run *run, struct err *err)
{
	int found = find_run(s, run_id, a, run, err);

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
		return run->settle == RUN_STATE_COUNT ? cancel_at_rest(s, run, actor, err) : 0;
	}
	return write_event(s, run_id, run->state, run->state, actor, "cancellation requested", err);
}

int queue_cancel(struct store *s, int64_t run_id, const char *actor, enum cancel_end *ret_end,
	enum run_state *ret_state, struct err *err)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct run run = {.run_id = run_id};

	if (finish(s, begin(s, err) || cancel(s, run_id, actor, &a, ret_end, &run, err), err,
		    "cancel run", run_id))
		return -1;
	*ret_state = run.state;
	return 0;
}

/* --- the poll --- */

static int poll(struct store *s, const struct controller_info *me, int64_t lease_ms, bool *ret_fresh,
	bool *ret_quiet, struct err *err)
{
	struct db_stmt *stmt;

	if (statements_bind(&s->stmts, ST_POLL, &stmt, err, "ttirr", me->uid, me->state, me->workers,
		    seconds(lease_ms - lease_ms / 3), seconds(lease_ms)) ||
		db_step(stmt, err) < 0)
		return -1;
	*ret_fresh = db_column_int(stmt, 0) != 0;
	*ret_quiet = db_column_int(stmt, 1) != 0;
	db_reset(stmt);
	return 0;
}

int queue_beat(struct store *s, const struct controller_info *me, int64_t lease_ms, bool *ret_quiet,
	struct err *err)
{
	bool fresh, quiet;

	if (poll(s, me, lease_ms, &fresh, &quiet, err) ||
		(!fresh && statements_run(&s->stmts, ST_CONTROLLER_BEAT, err, "tttttiir", me->uid, me->host,
				   me->process, me->version, me->state, me->max_workers, me->workers,
				   seconds(lease_ms))))
		return err_wrap(err, "store");
	if (ret_quiet)
		*ret_quiet = quiet;
	return 0;
}

int queue_controllers(struct store *s, struct arena *a, struct controller_info **ret_v,
	size_t *ret_n, struct err *err)
{
	struct controller_info *v = NULL;
	struct db_stmt *stmt;
	size_t n = 0, cap = 0;
	int row;

	if (statements_get(&s->stmts, ST_CONTROLLER_LIST, &stmt, err))
		return err_wrap(err, "store");
	while (n < CONTROLLERS_MAX && (row = db_step(stmt, err)) != 0) {
		if (row < 0)
			return err_wrap(err, "store");
		v = arena_grow(a, v, n, &cap, sizeof(*v));
		v[n++] = (struct controller_info){
			.uid = arena_strdup(a, db_column_text(stmt, 0)),
			.host = arena_strdup(a, db_column_text(stmt, 1)),
			.process = arena_strdup(a, db_column_text(stmt, 2)),
			.version = arena_strdup(a, db_column_text(stmt, 3)),
			.state = arena_strdup(a, db_column_text(stmt, 4)),
			.max_workers = db_column_int(stmt, 5),
			.workers = db_column_int(stmt, 6),
			.started_at = arena_strdup(a, db_column_text(stmt, 7)),
			.lease_until = arena_strdup(a, db_column_text(stmt, 8)),
			.alive = db_column_int(stmt, 9) != 0,
		};
	}
	db_reset(stmt);
	*ret_v = v;
	*ret_n = n;
	return 0;
}

int queue_bury_controller(struct store *s, const struct controller_info *dead, struct err *err)
{
	if (statements_run(&s->stmts, ST_CONTROLLER_STOPPED, err, "tt", dead->uid, dead->lease_until) ||
		statements_run(&s->stmts, ST_CONTROLLER_PRUNE, err, "r", seconds(CONTROLLER_KEPT_MS)))
		return err_wrap(err, "store");
	return 0;
}

/* The first SORT_BATCH run_ids that a statement gives. */
static int list_ids(struct store *s, enum statement id, int64_t *ids, size_t *ret_n, struct err *err)
{
	struct db_stmt *stmt;
	size_t n = 0;
	int row = 0;

	if (statements_get(&s->stmts, id, &stmt, err))
		return -1;
	while (n < SORT_BATCH && (row = db_step(stmt, err)) == 1)
		ids[n++] = db_column_int(stmt, 0);
	if (row < 0)
		return -1;
	db_reset(stmt);
	*ret_n = n;
	return 0;
}

static int sort_one(struct store *s, enum statement why, int64_t run_id, const char *actor,
	struct arena *a, struct err *err)
{
	struct run run;

	if (find_run(s, run_id, a, &run, err) != 1)
		return -1;
	switch (why) {
	case ST_RUN_CANCELS:
		return cancel_at_rest(s, &run, actor, err);
	case ST_RUN_BLOCKED:
		return move(s, &run, RUN_WAITING, actor, "a job that it comes after is not done", NULL,
			err);
	default:
		return move(s, &run, RUN_QUEUED, actor, "the jobs that it comes after are done", NULL,
			err);
	}
}

/* Looks before it takes the write lock: most polls find nothing. */
static int sort(struct store *s, enum statement which, const char *actor, struct arena *a,
	struct err *err)
{
	int64_t ids[SORT_BATCH];
	size_t n;

	if (list_ids(s, which, ids, &n, err))
		return -1;
	if (n == 0)
		return 0;
	if (begin(s, err) || list_ids(s, which, ids, &n, err))
		return -1;
	for (size_t i = 0; i < n; i++)
		if (sort_one(s, which, ids[i], actor, a, err))
			return -1;
	return db_commit(s->db, err);
}

int queue_sort(struct store *s, const char *actor, struct err *err)
{
	static const enum statement all[] = {ST_RUN_CANCELS, ST_RUN_BLOCKED, ST_RUN_RELEASED};
	CLEANUP(arena_release) struct arena a = ARENA_INIT;

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (sort(s, all[i], actor, &a, err)) {
			db_rollback(s->db);
			return err_wrap(err, "store");
		}
	return 0;
}

int queue_active(struct store *s, int64_t grace_ms, struct arena *a, struct active_run **ret_v,
	size_t *ret_n, struct err *err)
{
	struct active_run *v = NULL;
	struct db_stmt *stmt;
	size_t n = 0, cap = 0;
	int row;

	if (statements_bind(&s->stmts, ST_RUN_ACTIVE, &stmt, err, "r", seconds(grace_ms)))
		return err_wrap(err, "store");
	while ((row = db_step(stmt, err)) == 1) {
		v = arena_grow(a, v, n, &cap, sizeof(*v));
		v[n++] = (struct active_run){
			.run = {.run_id = db_column_int(stmt, 0),
				.run_uid = arena_strdup(a, db_column_text(stmt, 1)),
				.job_id = db_column_int(stmt, 2),
				.state = run_state_parse(db_column_text(stmt, 4)),
				.attempt = db_column_int(stmt, 5),
				.fence = db_column_int(stmt, 6),
				.disruptions = db_column_int(stmt, 7),
				.settle = settle_of(db_column_text(stmt, 8)),
				.cancel_requested = db_column_int(stmt, 9) != 0},
			.job_name = arena_strdup(a, db_column_text(stmt, 3)),
			.controller_uid = arena_strdup(a, db_column_text(stmt, 10)),
			.worker = arena_strdup(a, db_column_text(stmt, 11)),
			.lease_until = arena_strdup(a, db_column_text(stmt, 12)),
			.lease_past = db_column_int(stmt, 13) != 0,
			.overdue = db_column_int(stmt, 14) != 0,
		};
	}
	*ret_v = v;
	*ret_n = n;
	return row ? err_wrap(err, "store") : 0;
}

static int list_ready(struct store *s, size_t max, int64_t *ids, size_t *ret_n, struct err *err)
{
	struct db_stmt *stmt;
	size_t n = 0;
	int row;

	if (statements_bind(&s->stmts, ST_RUN_READY, &stmt, err, "i", (int64_t)max))
		return -1;
	while ((row = db_step(stmt, err)) == 1)
		ids[n++] = db_column_int(stmt, 0);
	*ret_n = n;
	return row;
}

/* Again as long as it helps: of several runs of one job only as many are taken as it allows, and then
 * there is room for those behind them. */
static int claim_ready(struct store *s, const struct claim *c, size_t max, int64_t *ids,
	struct arena *a, struct run *runs, size_t *ret_n, struct err *err)
{
	size_t n = 0, found, taken;

	do {
		if (list_ready(s, max - n, ids, &found, err))
			return -1;
		if (found == 0)
			break;
		if (claim(s, c, ids, found, a, &runs[n], &taken, err))
			return -1;
		n += taken;
	} while (taken && n < max && found > taken);
	*ret_n = n;
	return 0;
}

int queue_claim(struct store *s, const char *owner, const char *controller_uid, int64_t lease_ms,
	size_t max, struct arena *a, struct run **ret_runs, size_t *ret_n, struct err *err)
{
	const struct claim c = {.owner = owner, .controller = controller_uid, .lease_ms = lease_ms};
	struct run *runs = arena_array(a, max, sizeof(*runs));
	int64_t *ids = arena_array(a, max, sizeof(*ids));

	*ret_runs = runs;
	*ret_n = 0;
	if (list_ready(s, max, ids, ret_n, err))
		return err_wrap(err, "store");
	if (*ret_n == 0)
		return 0;
	*ret_n = 0;
	if (begin(s, err) || claim_ready(s, &c, max, ids, a, runs, ret_n, err) ||
		FAULT(CLAIM_BEFORE, err) || db_commit(s->db, err) || FAULT(CLAIM_COMMITTED, err)) {
		db_rollback(s->db);
		*ret_n = 0;
		return err_wrap(err, "claim runs");
	}
	return 0;
}

int queue_outlook(struct store *s, const char *since, struct outlook *ret_outlook, struct err *err)
{
	struct db_stmt *stmt;

	*ret_outlook = (struct outlook){.next_ready_ms = -1};
	if (since) {
		if (statements_bind(&s->stmts, ST_OUTLOOK, &stmt, err, "t", since) ||
			db_step(stmt, err) < 0)
			return err_wrap(err, "store");
		*ret_outlook = (struct outlook){.active = db_column_int(stmt, 0),
			.queued = db_column_int(stmt, 1),
			.held = db_column_int(stmt, 2),
			.waiting = db_column_int(stmt, 3),
			.unsuccessful = db_column_int(stmt, 4),
			.ended = db_column_int(stmt, 5),
			.next_ready_ms = -1};
		db_reset(stmt);
	}
	if (statements_get(&s->stmts, ST_NEXT_READY, &stmt, err) || db_step(stmt, err) < 0)
		return err_wrap(err, "store");
	if (db_column_type(stmt, 0) != DB_NULL)
		ret_outlook->next_ready_ms = db_column_int(stmt, 0);
	db_reset(stmt);
	return 0;
}

int queue_now(struct store *s, struct arena *a, const char **ret_now, struct err *err)
{
	struct db_stmt *stmt;

	if (statements_get(&s->stmts, ST_NOW, &stmt, err) || db_step(stmt, err) < 0)
		return err_wrap(err, "store");
	*ret_now = arena_strdup(a, db_column_text(stmt, 0));
	db_reset(stmt);
	return 0;
}

/* One statement that must change the run's row. */
static int touch(struct store *s, enum statement id, const struct run *run, const char *text,
	struct err *err)
{
	if (statements_run(&s->stmts, id, err, "tii", text, run->run_id, run->fence))
		return err_wrap(err, "store");
	return db_changes(s->db) == 1 ? 0 : lost(run, err);
}

int queue_worker(struct store *s, const struct run *run, const char *handle, struct err *err)
{
	return touch(s, ST_RUN_WORKER, run, handle, err);
}

int queue_adopt(struct store *s, const struct run *run, const char *controller_uid, struct err *err)
{
	return touch(s, ST_RUN_ADOPT, run, controller_uid, err);
}

int queue_find(struct store *s, int64_t run_id, struct arena *a, struct run *ret_run, struct err *err)
{
	int found = find_run(s, run_id, a, ret_run, err);

	return found < 0 ? err_wrap(err, "store") : found;
}

/* --- a run's life --- */

static int take(struct store *s, int64_t run_id, int64_t fence, const char *actor,
	const char *worker, struct arena *a, struct run *run, struct err *err)
{
	int found = find_run(s, run_id, a, run, err);

	if (found < 0)
		return -1;
	if (!found)
		return err_set(err, ERR_LEASE_LOST, "there is no run %" PRId64, run_id);
	if (run->fence == fence && run->state == RUN_RUNNING)
		return 0; /* by us, the only worker of this fence: the reply was lost */
	run->fence = fence;
	if (run->state != RUN_STARTING)
		return lost(run, err);
	if (move(s, run, RUN_RUNNING, actor, NULL, NULL, err) ||
		(worker && touch(s, ST_RUN_WORKER, run, worker, err)))
		return -1;
	return 0;
}

int queue_take(struct store *s, int64_t run_id, int64_t fence, const char *actor, const char *worker,
	struct arena *a, struct run *ret_run, struct err *err)
{
	if (FAULT(TAKE_BEFORE, err) ||
		finish(s, begin(s, err) || take(s, run_id, fence, actor, worker, a, ret_run, err), err,
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

	if (statements_run(&s->stmts, ST_LEASE_RENEW, err, "rtii", seconds(lease_ms), progress,
		    run->run_id, run->fence))
		return err_wrap(err, "store");
	if (db_changes(s->db) != 1)
		return lost(run, err);
	if (statements_bind(&s->stmts, ST_RUN_CANCELLED, &stmt, err, "i", run->run_id))
		return err_wrap(err, "store");
	row = db_step(stmt, err);
	if (row < 0)
		return err_wrap(err, "store");
	*ret_cancel_requested = row && db_column_int(stmt, 0) != 0;
	db_reset(stmt);
	return FAULT(RENEWED, err) ? -1 : 0;
}

int queue_hold(struct store *s, int64_t job_id, const char *reason, struct err *err)
{
	CLEANUP(buf_release) struct buf clean = BUF_INIT(STORE_CLEAN_MAX);

	if (statements_run(&s->stmts, ST_JOB_HOLD, err, "ti", store_clean(reason, &clean), job_id))
		return err_wrap(err, "store");
	return 0;
}

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
	int known = find_order(s, job_id, lost->order_key, a, &run, err);

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
		return cancel_at_rest(s, &run, actor, err);
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

	if (find_run(s, run_id, a, &run, err) != 1)
		return -1;
	*ret_run_id = 0;
	if (run.fence >= lost->fence)
		return 0;
	*ret_run_id = run_id;
	if (statements_run(&s->stmts, ST_RUN_FENCE, err, "ii", lost->fence, run_id))
		return -1;
	run.fence = lost->fence;
	if (lost->published && run.state == RUN_CANCELLED)
		return move(s, &run, RUN_SUCCEEDED, actor, "recovered from the ledger of its target",
			&result, err);
	return write_event(s, run_id, run.state, run.state, actor,
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
	bind_number(stmt, 6, lost->rows);
	db_bind_text(stmt, 7, lost->opened_at);
	db_bind_text(stmt, 8, lost->ended_at);
	db_bind_text(stmt, 9, lost->published ? NULL : "cancelled");
	db_bind_text(stmt, 10, lost->published ? NULL : "withdrawn in the target when it was recovered");
	if (db_step(stmt, err) != 1)
		return -1;
	*ret_run_id = db_column_int(stmt, 0);
	db_reset(stmt);
	return write_event(s, *ret_run_id, RUN_STATE_COUNT, state, actor,
		"recovered from the ledger of its target", err);
}

int queue_import(struct store *s, int64_t job_id, const struct lost_run *lost, const char *actor,
	int64_t *ret_run_id, struct err *err)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;

	return finish(s, begin(s, err) || import(s, job_id, lost, actor, &a, ret_run_id, err), err,
		"recover a run of job", job_id);
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

int queue_recovered(struct store *s, int64_t job_id, struct err *err)
{
	int failed = begin(s, err) || statements_run(&s->stmts, ST_RUN_FENCE_ALL, err, "i", job_id) ||
		     statements_run(&s->stmts, ST_JOB_HOLD, err, "ti", NULL, job_id);

	return finish(s, failed, err, "release job", job_id);
}

int queue_log(struct store *s, const struct run *run, const struct run_line *lines, size_t n,
	struct err *err)
{
	return finish(s, begin(s, err) || write_lines(s, run, lines, n, err), err, "log of run",
		run->run_id);
}
