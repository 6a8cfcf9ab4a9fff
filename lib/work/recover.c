#include "work/recover.h"

#include <inttypes.h>
#include <stdatomic.h>

#include "job/queue.h"
#include "work/target.h"

static const atomic_bool never;

struct target_at {
	const struct target_ops *ops;
	struct target *t;
};

static void target_close(struct target_at *at)
{
	if (at->t)
		at->ops->close(at->t);
}

/* What a load of it left open may be at work still, under a store that we do not know: it cannot
 * publish any more, or just has. */
static int withdraw(const struct connection *conn, const struct target_ops *ops,
	const struct job *job, struct ledger_row *row, struct err *err)
{
	CLEANUP(target_close) struct target_at at = {.ops = ops};
	const struct load load = {.run_uid = row->run_uid,
		.store_uid = row->store_uid,
		.order_key = row->order_key,
		.fence = row->fence,
		.job = job};

	if (row->state != LEDGER_OPEN)
		return 0;
	return ops->open(conn, &load, &never, &at.t, err) ||
			       ops->revoke(at.t, "recovered by another store", &row->state, err)
		? -1
		: 0;
}

static int import(struct store *store, const struct job *job, const struct ledger_row *row,
	const char *actor, struct recovered *r, struct err *err)
{
	const struct lost_run lost = {.run_uid = row->run_uid,
		.order_key = row->order_key,
		.fence = row->fence,
		.rows = row->rows,
		.published = row->state == LEDGER_PUBLISHED,
		.opened_at = row->opened_at,
		.ended_at = row->published_at};

	return queue_import(store, job->job_id, &lost, actor, &r->run_id, err);
}

/* Is the row of a run that the store knows? 1, 0 or -1. */
static int is_known(struct store *store, const struct ledger_row *row, struct err *err)
{
	const struct run_mark mark = {row->run_uid, row->fence};
	size_t unknown;

	if (queue_known(store, &mark, 1, &unknown, err))
		return -1;
	return unknown == 1;
}

static int recover(struct store *store, const struct connection *conn, const struct target_ops *ops,
	const struct job *job, struct ledger_row *rows, size_t n, const char *actor, bool dry_run,
	struct recovered *v, size_t *ret_n, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		int known = is_known(store, &rows[i], err);
		struct recovered *r = &v[*ret_n];

		if (known < 0)
			return -1;
		if (known)
			continue;
		if (!dry_run && withdraw(conn, ops, job, &rows[i], err))
			return err_wrap(err, "withdraw run '%s'", rows[i].run_uid);
		*r = (struct recovered){.run_uid = rows[i].run_uid,
			.order_key = rows[i].order_key,
			.opened_at = rows[i].opened_at,
			.rows = rows[i].rows,
			.end = rows[i].state == LEDGER_PUBLISHED ? RECOVERED_PUBLISHED
								 : RECOVERED_WITHDRAWN};
		if (!dry_run && import(store, job, &rows[i], actor, r, err))
			return -1;
		++*ret_n;
	}
	return 0;
}

int recover_job(const struct settings *settings, struct store *store, const struct job *job,
	const char *actor, bool dry_run, struct arena *a, struct recovered **ret_v, size_t *ret_n,
	struct err *err)
{
	struct job reader = *job;
	const struct load load = {
		.run_uid = "recover", .store_uid = store_uid(store), .job = &reader};
	CLEANUP(target_close) struct target_at at = {.t = NULL};
	const struct connection *conn;
	struct ledger_row *rows;
	size_t n;

	*ret_n = 0;
	reader.create = false; /* what is not there has nothing to tell, and is not made */
	if (job->kind == JOB_EXEC)
		return dry_run ? 0 : queue_recovered(store, job->job_id, err);
	if (target_of(settings, job, &conn, &at.ops, err))
		return -1;
	if (at.ops->open(conn, &load, &never, &at.t, err)) {
		if (err->code != ERR_NOT_FOUND)
			return err_wrap(err, "job '%s'", job->name);
		err_clear(err);
		n = 0;
	} else if (at.ops->history(at.t, a, &rows, &n, err)) {
		return err_wrap(err, "job '%s'", job->name);
	}
	*ret_v = arena_array(a, n + 1, sizeof(**ret_v));
	if (n && recover(store, conn, at.ops, job, rows, n, actor, dry_run, *ret_v, ret_n, err))
		return err_wrap(err, "job '%s'", job->name);
	return dry_run ? 0 : queue_recovered(store, job->job_id, err);
}
