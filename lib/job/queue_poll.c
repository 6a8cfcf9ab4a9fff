#include "base/fault.h"
#include "job/queue.h"
#include "job/queue_private.h"

#define SORT_BATCH 1000 /* runs that one poll moves between waiting and queued */
#define CONTROLLERS_MAX 1000 /* that are looked at */
#define CONTROLLER_KEPT_MS (24LL * 3600 * 1000) /* a stopped one is still listed for so long */

static int poll(struct store *s, const struct controller_info *me, int64_t lease_ms, bool *ret_fresh,
	bool *ret_quiet, struct err *err)
{
	struct db_stmt *stmt;

	if (statements_bind(&s->stmts, ST_POLL, &stmt, err, "ttirr", me->uid, me->state, me->workers,
		    queue_seconds(lease_ms - lease_ms / 3), queue_seconds(lease_ms)) ||
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
				   queue_seconds(lease_ms))))
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
		statements_run(&s->stmts, ST_CONTROLLER_PRUNE, err, "r", queue_seconds(CONTROLLER_KEPT_MS)))
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

	if (queue_find_run(s, run_id, a, &run, err) != 1)
		return -1;
	switch (why) {
	case ST_RUN_CANCELS:
		return queue_cancel_at_rest(s, &run, actor, err);
	case ST_RUN_BLOCKED:
		return queue_move_run(s, &run, RUN_WAITING, actor,
			"a job that it comes after is not done", NULL, err);
	default:
		return queue_move_run(s, &run, RUN_QUEUED, actor,
			"the jobs that it comes after are done", NULL, err);
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
	if (queue_begin(s, err) || list_ids(s, which, ids, &n, err))
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

	if (statements_bind(&s->stmts, ST_RUN_ACTIVE, &stmt, err, "r", queue_seconds(grace_ms)))
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
				.settle = queue_settle_of(db_column_text(stmt, 8)),
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
		if (queue_claim_these(s, c, ids, found, a, &runs[n], &taken, err))
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
	if (queue_begin(s, err) || claim_ready(s, &c, max, ids, a, runs, ret_n, err) ||
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
