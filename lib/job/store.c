#include "job/store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "base/utf8.h"
#include "db/db.h"
#include "job/statements.h"

struct store {
	struct db *db;
	struct statements stmts;
	struct arena arena;
	const char *uid;
};

static int open_db(const struct settings *settings, bool create, struct db **ret_db,
	struct err *err)
{
	struct db_options options = {
		.create = create, .wal = true, .busy_timeout_ms = STORE_BUSY_TIMEOUT_MS};

	if (db_open_sqlite(settings->store.path, &options, ret_db, err))
		return err_wrap(err, "store");
	if (db_exec(*ret_db, "PRAGMA foreign_keys = ON", err)) {
		db_close(*ret_db);
		return err_wrap(err, "store");
	}
	return 0;
}

int store_init(const struct settings *settings, const struct clock *clock, const struct rnd *rnd,
	struct schema_change *ret_change, struct err *err)
{
	struct schema_change change = {.from = 0};
	struct db *db;

	if (open_db(settings, true, &db, err))
		return -1;
	if (db_begin(db, err) || schema_migrate(db, clock, rnd, &change, err) ||
		db_commit(db, err)) {
		db_rollback(db);
		db_close(db);
		return err_wrap(err, "store '%s'", settings->store.path);
	}
	db_close(db);
	*ret_change = change;
	return 0;
}

static int read_uid(struct store *s, struct err *err)
{
	struct db_stmt *stmt;
	int row;

	if (statements_get(&s->stmts, ST_META, &stmt, err))
		return -1;
	db_bind_text(stmt, 1, "store_uid");
	row = db_step(stmt, err);
	if (row < 0)
		return -1;
	if (row == 0)
		return err_set(err, ERR_STORE, "etl_meta has no store_uid");
	s->uid = arena_strdup(&s->arena, db_column_text(stmt, 0));
	db_reset(stmt);
	return 0;
}

int store_open(const struct settings *settings, struct store **ret_store, struct err *err)
{
	const char *path = settings->store.path;
	struct store *s;
	struct db *db;

	if (access(path, F_OK) < 0 && errno == ENOENT) {
		err_set(err, ERR_STORE, "there is no store '%s'", path);
		return err_hint(err,
			"run 'etl init' to make it, or name the configuration with --config");
	}
	if (open_db(settings, false, &db, err))
		return -1;
	s = mem_alloc(sizeof(*s));
	s->db = s->stmts.db = db;
	if (schema_check(db, err) || read_uid(s, err)) {
		store_close(s);
		return err_wrap(err, "store '%s'", path);
	}
	*ret_store = s;
	return 0;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	statements_release(&s->stmts);
	db_close(s->db);
	arena_release(&s->arena);
	free(s);
}

void store_close_ptr(struct store **s)
{
	store_close(*s);
}

const char *store_uid(const struct store *s)
{
	return s->uid;
}

int store_apply(struct store *s, struct job *jobs, size_t n, const char *actor, struct arena *a,
	enum job_change *ret_changes, struct err *err)
{
	if (db_begin(s->db, err))
		return err_wrap(err, "store");
	for (size_t i = 0; i < n; i++)
		if (definition_apply(&s->stmts, &jobs[i], actor, a, &ret_changes[i], err)) {
			db_rollback(s->db);
			return err_wrap(err, "job '%s'", jobs[i].name);
		}
	if (db_commit(s->db, err)) {
		db_rollback(s->db);
		return err_wrap(err, "store");
	}
	return 0;
}

int store_job(struct store *s, const char *number_or_name, struct arena *a, struct job *ret_job,
	struct err *err)
{
	int64_t id = 0;
	bool number = text_parse_int(number_or_name, &id) == 0;
	int found = definition_find(&s->stmts, id, number ? NULL : number_or_name, a, ret_job, err);

	if (found < 0)
		return err_wrap(err, "store");
	return found ? 0 : definition_missing(&s->stmts, number_or_name, a, err);
}

/* Runs */

static int write_event(struct store *s, int64_t run_id, const char *old, const char *new,
	const char *actor, const char *reason, struct err *err)
{
	struct db_stmt *stmt;

	if (statements_get(&s->stmts, ST_RUN_EVENT, &stmt, err))
		return -1;
	db_bind_int(stmt, 1, run_id);
	db_bind_text(stmt, 2, old);
	db_bind_text(stmt, 3, new);
	db_bind_text(stmt, 4, actor);
	db_bind_text(stmt, 5, reason);
	return db_run(stmt, err);
}

/* The row's reference to it was refused. */
static int no_job(int64_t job_id, struct err *err)
{
	return err_set(err, ERR_NOT_FOUND, "there is no job %" PRId64, job_id);
}

static int insert_run(struct store *s, int64_t job_id, struct arena *a, struct run *run,
	struct err *err)
{
	struct db_stmt *stmt;

	if (statements_get(&s->stmts, ST_RUN_INSERT, &stmt, err))
		return -1;
	db_bind_int(stmt, 1, job_id);
	if (db_step(stmt, err) != 1)
		return err->code == ERR_DATA ? no_job(job_id, err) : -1;
	run->job_id = job_id;
	run->run_id = db_column_int(stmt, 0);
	run->run_uid = arena_strdup(a, db_column_text(stmt, 1));
	run->state = RUN_QUEUED;
	db_reset(stmt);
	return 0;
}

static int claim_run(struct store *s, struct run *run, const char *owner, int64_t lease_ms,
	struct err *err)
{
	struct db_stmt *stmt;
	int row;

	if (statements_get(&s->stmts, ST_RUN_CLAIM, &stmt, err))
		return -1;
	db_bind_text(stmt, 1, owner);
	db_bind_real(stmt, 2, (double)lease_ms / 1000);
	db_bind_int(stmt, 3, run->run_id);
	row = db_step(stmt, err);
	if (row < 0)
		return -1;
	if (row == 0)
		return err_set(err, ERR_LEASE_LOST, "run %" PRId64 " is not queued", run->run_id);
	run->fence = db_column_int(stmt, 0);
	run->attempt = db_column_int(stmt, 1);
	run->state = RUN_STARTING;
	db_reset(stmt);
	return 0;
}

int store_order_claimed(struct store *s, int64_t job_id, const char *owner, int64_t lease_ms,
	struct arena *a, struct run *ret_run, struct err *err)
{
	struct run run = {.run_id = 0};

	if (db_begin(s->db, err))
		return err_wrap(err, "order a run");
	if (insert_run(s, job_id, a, &run, err) ||
		write_event(s, run.run_id, NULL, "queued", owner, "ordered by hand", err) ||
		claim_run(s, &run, owner, lease_ms, err) ||
		write_event(s, run.run_id, "queued", "starting", owner, NULL, err) ||
		db_commit(s->db, err)) {
		db_rollback(s->db);
		return err_wrap(err, "order a run");
	}
	*ret_run = run;
	return 0;
}

static int lost(const struct run *run, struct err *err)
{
	return err_set(err, ERR_LEASE_LOST,
		"run %" PRId64 " is not ours any more: its fence is not %" PRId64
		" or its state was changed",
		run->run_id, run->fence);
}

static void bind_result(struct db_stmt *stmt, int pos, const struct run_result *r)
{
	if (!r) {
		for (int i = 0; i < 5; i++)
			db_bind_null(stmt, pos + i);
		return;
	}
	db_bind_int(stmt, pos, (int64_t)r->rows_read);
	db_bind_int(stmt, pos + 1, (int64_t)r->rows_written);
	db_bind_int(stmt, pos + 2, (int64_t)r->bytes_read);
	db_bind_text(stmt, pos + 3, r->error_code);
	db_bind_text(stmt, pos + 4, r->error_message);
}

static int move(struct store *s, const struct run *run, enum run_state to, const char *actor,
	const char *reason, const struct run_result *result, struct err *err)
{
	struct db_stmt *stmt;
	enum run_state old;
	int row;

	if (statements_get(&s->stmts, ST_RUN_STATE, &stmt, err))
		return -1;
	db_bind_int(stmt, 1, run->run_id);
	db_bind_int(stmt, 2, run->fence);
	row = db_step(stmt, err);
	if (row < 0)
		return -1;
	old = row ? run_state_parse(db_column_text(stmt, 0)) : RUN_STATE_COUNT;
	db_reset(stmt);
	if (old == RUN_STATE_COUNT || !run_may(old, to))
		return lost(run, err);
	if (statements_get(&s->stmts, ST_RUN_MOVE, &stmt, err))
		return -1;
	db_bind_text(stmt, 1, run_state_name(to));
	db_bind_int(stmt, 2, run_state_final(to));
	bind_result(stmt, 3, result);
	db_bind_int(stmt, 8, run->run_id);
	db_bind_int(stmt, 9, run->fence);
	db_bind_text(stmt, 10, run_state_name(old));
	if (db_run(stmt, err))
		return -1;
	if (db_changes(s->db) != 1)
		return lost(run, err);
	return write_event(s, run->run_id, run_state_name(old), run_state_name(to), actor, reason,
		err);
}

/* Messages quote raw input and may be long: whole characters, at most STORE_MESSAGE_MAX bytes. NULL
 * stays NULL; the text is in `out`. */
static const char *clean_message(const char *message, struct buf *out)
{
	if (!message)
		return NULL;
	utf8_clean(message, utf8_cut_at(message, strlen(message), STORE_MESSAGE_MAX), out);
	out->len = utf8_cut_at(buf_str(out), out->len, STORE_MESSAGE_MAX);
	out->data[out->len] = '\0';
	return out->data;
}

/* U+FFFD has three bytes. */
#define CLEAN_MAX (3 * STORE_MESSAGE_MAX)

int store_move(struct store *s, struct run *run, enum run_state to, const char *actor,
	const char *reason, const struct run_result *result, struct err *err)
{
	CLEANUP(buf_release) struct buf message = BUF_INIT(CLEAN_MAX), why = BUF_INIT(CLEAN_MAX);
	struct run_result clean;

	if (result) {
		clean = *result;
		clean.error_message = clean_message(result->error_message, &message);
		result = &clean;
	}
	reason = clean_message(reason, &why);
	if (db_begin(s->db, err))
		return err_wrap(err, "run %" PRId64 " to %s", run->run_id, run_state_name(to));
	if (move(s, run, to, actor, reason, result, err) || db_commit(s->db, err)) {
		db_rollback(s->db);
		return err_wrap(err, "run %" PRId64 " to %s", run->run_id, run_state_name(to));
	}
	run->state = to;
	return 0;
}

int store_log(struct store *s, const struct run *run, const char *level, const char *message,
	struct err *err)
{
	CLEANUP(buf_release) struct buf clean = BUF_INIT(CLEAN_MAX);
	struct db_stmt *stmt;

	if (statements_get(&s->stmts, ST_RUN_LOG, &stmt, err))
		return err_wrap(err, "store");
	db_bind_int(stmt, 1, run->run_id);
	db_bind_int(stmt, 2, run->attempt);
	db_bind_text(stmt, 3, level);
	db_bind_text(stmt, 4, clean_message(message, &clean));
	if (db_run(stmt, err))
		return err_wrap(err, "store");
	return 0;
}

/* What there is to see */

static int64_t number_or_none(struct db_stmt *stmt, int col)
{
	return db_column_type(stmt, col) == DB_NULL ? -1 : db_column_int(stmt, col);
}

static void read_info(struct db_stmt *stmt, struct arena *a, struct run_info *r)
{
	r->run_id = db_column_int(stmt, 0);
	r->run_uid = arena_strdup(a, db_column_text(stmt, 1));
	r->job = arena_strdup(a, db_column_text(stmt, 2));
	r->state = arena_strdup(a, db_column_text(stmt, 3));
	r->attempt = db_column_int(stmt, 4);
	r->queued_at = arena_strdup(a, db_column_text(stmt, 5));
	r->started_at = arena_strdup(a, db_column_text(stmt, 6));
	r->finished_at = arena_strdup(a, db_column_text(stmt, 7));
	r->elapsed_ms = number_or_none(stmt, 8);
	r->rows_read = number_or_none(stmt, 9);
	r->rows_written = number_or_none(stmt, 10);
	r->bytes_read = number_or_none(stmt, 11);
	r->error_code = arena_strdup(a, db_column_text(stmt, 12));
	r->error_message = arena_strdup(a, db_column_text(stmt, 13));
}

static int list_runs(struct store *s, int64_t first, int64_t last, size_t limit, struct arena *a,
	struct run_info *runs, size_t *ret_n, struct err *err)
{
	struct db_stmt *stmt;
	size_t n = 0;
	int row;

	if (statements_get(&s->stmts, ST_RUN_LIST, &stmt, err))
		return -1;
	db_bind_int(stmt, 1, first);
	db_bind_int(stmt, 2, last);
	db_bind_int(stmt, 3, (int64_t)limit);
	while ((row = db_step(stmt, err)) == 1)
		read_info(stmt, a, &runs[n++]);
	*ret_n = n;
	return row;
}

int store_runs(struct store *s, size_t limit, struct arena *a, struct run_info **ret_runs,
	size_t *ret_n, struct err *err)
{
	struct run_info *runs = arena_array(a, limit, sizeof(*runs));

	if (list_runs(s, INT64_MIN, INT64_MAX, limit, a, runs, ret_n, err))
		return err_wrap(err, "store");
	*ret_runs = runs;
	return 0;
}

int store_run_info(struct store *s, int64_t run_id, struct arena *a, struct run_info *ret_run,
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

int store_log_each(struct store *s, int64_t run_id,
	void (*line)(void *arg, const struct log_line *line), void *arg, struct err *err)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct run_info run;
	struct db_stmt *stmt;
	int row;

	if (store_run_info(s, run_id, &a, &run, err))
		return -1;
	if (statements_get(&s->stmts, ST_LOG_LIST, &stmt, err))
		return err_wrap(err, "store");
	db_bind_int(stmt, 1, run_id);
	while ((row = db_step(stmt, err)) == 1)
		line(arg, &(struct log_line){.attempt = db_column_int(stmt, 0),
				  .at = db_column_text(stmt, 1),
				  .level = db_column_text(stmt, 2),
				  .message = db_column_text(stmt, 3)});
	return row ? err_wrap(err, "store") : 0;
}
