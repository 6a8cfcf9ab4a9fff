#include "job/report.h"

#include <inttypes.h>

#include "job/store_private.h"

static int64_t number_or_none(struct db_stmt *stmt, int col)
{
	return db_column_type(stmt, col) == DB_NULL ? -1 : db_column_int(stmt, col);
}

static void read_info(struct db_stmt *stmt, struct arena *a, struct run_info *r)
{
	*r = (struct run_info){
		.run_id = db_column_int(stmt, 0),
		.run_uid = arena_strdup(a, db_column_text(stmt, 1)),
		.job = arena_strdup(a, db_column_text(stmt, 2)),
		.state = arena_strdup(a, db_column_text(stmt, 3)),
		.attempt = db_column_int(stmt, 4),
		.queued_at = arena_strdup(a, db_column_text(stmt, 5)),
		.started_at = arena_strdup(a, db_column_text(stmt, 6)),
		.finished_at = arena_strdup(a, db_column_text(stmt, 7)),
		.elapsed_ms = number_or_none(stmt, 8),
		.rows_read = number_or_none(stmt, 9),
		.rows_written = number_or_none(stmt, 10),
		.bytes_read = number_or_none(stmt, 11),
		.error_code = arena_strdup(a, db_column_text(stmt, 12)),
		.error_message = arena_strdup(a, db_column_text(stmt, 13)),
		.origin = arena_strdup(a, db_column_text(stmt, 14)),
		.order_key = arena_strdup(a, db_column_text(stmt, 15)),
		.priority = db_column_int(stmt, 16),
		.fence = db_column_int(stmt, 17),
		.disruptions = db_column_int(stmt, 18),
		.settle = arena_strdup(a, db_column_text(stmt, 19)),
		.cancel_requested = db_column_int(stmt, 20) != 0,
		.ready_at = arena_strdup(a, db_column_text(stmt, 21)),
		.progress = arena_strdup(a, db_column_text(stmt, 22)),
		.hold_reason = arena_strdup(a, db_column_text(stmt, 23)),
		.rows_rejected = number_or_none(stmt, 24),
	};
}

static int list_runs(struct store *s, int64_t first, int64_t last, size_t limit, struct arena *a,
	struct run_info *runs, size_t *ret_n, struct err *err)
{
	struct db_stmt *stmt;
	size_t n = 0;
	int row;

	if (statements_bind(&s->stmts, ST_RUN_LIST, &stmt, err, "iii", first, last, (int64_t)limit))
		return -1;
	while ((row = db_step(stmt, err)) == 1)
		read_info(stmt, a, &runs[n++]);
	*ret_n = n;
	return row;
}

int report_runs(struct store *s, size_t limit, struct arena *a, struct run_info **ret_runs,
	size_t *ret_n, struct err *err)
{
	struct run_info *runs = arena_array(a, limit, sizeof(*runs));

	if (list_runs(s, INT64_MIN, INT64_MAX, limit, a, runs, ret_n, err))
		return err_wrap(err, "store");
	*ret_runs = runs;
	return 0;
}

int report_run(struct store *s, int64_t run_id, struct arena *a, struct run_info *ret_run,
	struct err *err)
{
	size_t n;

	if (list_runs(s, run_id, run_id, 1, a, ret_run, &n, err))
		return err_wrap(err, "store");
	if (n)
		return 0;
	err_set(err, ERR_NOT_FOUND, "there is no run %" PRId64, run_id);
	return err_hint(err, "'etl status' lists the last ones");
}

int report_lineage(struct store *s, int64_t run_id, struct lineage *ret_lineage, struct err *err)
{
	struct db_stmt *stmt;
	int row;

	if (statements_bind(&s->stmts, ST_LINEAGE_LOOK, &stmt, err, "i", run_id) || (row = db_step(stmt, err)) < 0)
		return err_wrap(err, "store");
	for (int i = 0; row && i < LINEAGE_COUNT; i++)
		lineage_set(ret_lineage, (enum lineage_fact)i, db_column_text(stmt, i));
	db_reset(stmt);
	return row;
}

int report_log_each(struct store *s, int64_t run_id,
	void (*line)(void *arg, const struct log_line *line), void *arg, struct err *err)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct run_info run;
	struct db_stmt *stmt;
	int row;

	if (report_run(s, run_id, &a, &run, err))
		return -1;
	if (statements_bind(&s->stmts, ST_LOG_LIST, &stmt, err, "i", run_id))
		return err_wrap(err, "store");
	while ((row = db_step(stmt, err)) == 1)
		line(arg, &(struct log_line){.attempt = db_column_int(stmt, 0),
				  .at = db_column_text(stmt, 1),
				  .level = db_column_text(stmt, 2),
				  .message = db_column_text(stmt, 3)});
	return row ? err_wrap(err, "store") : 0;
}

int report_event_each(struct store *s, int64_t run_id,
	void (*event)(void *arg, const struct run_event *event), void *arg, struct err *err)
{
	struct db_stmt *stmt;
	int row;

	if (statements_bind(&s->stmts, ST_EVENT_LIST, &stmt, err, "i", run_id))
		return err_wrap(err, "store");
	while ((row = db_step(stmt, err)) == 1)
		event(arg, &(struct run_event){.at = db_column_text(stmt, 0),
				   .old_state = db_column_text(stmt, 1),
				   .new_state = db_column_text(stmt, 2),
				   .actor = db_column_text(stmt, 3),
				   .reason = db_column_text(stmt, 4)});
	return row ? err_wrap(err, "store") : 0;
}
