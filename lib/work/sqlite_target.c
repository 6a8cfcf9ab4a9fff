/*
 * The SQLite target: replace and append, and statements (sqlite_script.h).
 *
 * Rows are staged in a file beside the database (sqlite_stage.h), without a
 * lock on the database itself. Publishing attaches that file and moves the rows
 * in one transaction on the database, which other readers see whole or not at
 * all. The database's journal mode is its owner's and stays.
 */
#include "work/target.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/fault.h"
#include "db/db.h"
#include "work/sqlite_ledger.h"
#include "work/sqlite_move.h"
#include "work/sqlite_rows.h"
#include "work/sqlite_script.h"
#include "work/sqlite_stage.h"
#include "work/sqlite_table.h"

#define BUSY_TIMEOUT_MS 30000
#define RUN_UID_MAX     64 /* a UUID has 36 */

struct target {
	const struct load *load;
	const atomic_bool *cancel;
	struct arena arena;
	char *path; /* of the database, without symbolic links */
	struct db *db;
	struct sqlite_stage stage;
	struct sqlite_table table; /* as it was, or as it will be made */
	struct sqlite_fit fit;
	struct sqlite_rows rows;
	int64_t loads;   /* of the table by others, when this one began */
	uint64_t staged; /* as verified */
	bool verified;
	bool begun; /* begin was called before */
};

/* ERR_STORE means the control database to everybody above. */
static int fail(const struct target *t, const char *what, struct err *err)
{
	if (err->code == ERR_STORE)
		err->code = ERR_TARGET;
	return err_wrap(err, "%s '%s'", what, load_name(t->load));
}

static int is_cancelled(void *arg)
{
	const struct target *t = arg;

	return atomic_load_explicit(t->cancel, memory_order_relaxed);
}

static void target_close(struct target *t)
{
	if (!t)
		return;
	sqlite_rows_release(&t->rows);
	sqlite_stage_release(&t->stage);
	db_close(t->db);
	free(t->path);
	arena_release(&t->arena);
	free(t);
}

/* It becomes part of a file's name. */
static int check_run_uid(const char *uid, struct err *err)
{
	size_t n = 0;

	while (isalnum((unsigned char)uid[n]) || uid[n] == '-')
		n++;
	if (n == 0 || n > RUN_UID_MAX || uid[n])
		return err_set(err, ERR_DATA, "run_uid '%.*s' is not a UUID", RUN_UID_MAX, uid);
	return 0;
}

/* Only rows need a table. */
static int check_table_name(const struct job *job, struct err *err)
{
	const char *name = job->target_table ? job->target_table : "";

	if (job->kind != JOB_COPY)
		return 0;
	if (!*name)
		return err_set(err, ERR_CONFIG, "target_table is empty");
	if (strcasecmp(name, SQLITE_LEDGER_TABLE) == 0)
		return err_set(err, ERR_CONFIG, "target_table is the load ledger");
	return 0;
}

static int open_database(struct target *t, const char *path, struct err *err)
{
	const struct db_options options = {
		.create = t->load->job->create,
		.busy_timeout_ms = BUSY_TIMEOUT_MS,
	};

	if (!options.create && access(path, F_OK) < 0 && errno == ENOENT)
		return err_set(err, ERR_NOT_FOUND, "there is no database '%s'", path);
	if (db_open_sqlite(path, &options, &t->db, err) < 0)
		return -1;
	t->path = realpath(path, NULL);
	if (!t->path)
		return err_errno(err, ERR_TARGET, errno, "'%s'", path);
	db_on_progress(t->db, is_cancelled, t);
	return 0;
}

static int target_open(const struct connection *conn, const struct load *load,
	const atomic_bool *cancel, struct target **ret_target, struct err *err)
{
	struct target *t;

	if (check_run_uid(load->run_uid, err) < 0 ||
		check_table_name(load->job, err) < 0)
		return -1;
	t = mem_alloc(sizeof(*t));
	t->load = load;
	t->cancel = cancel;
	t->stage = (struct sqlite_stage)SQLITE_STAGE_INIT;
	if (open_database(t, conn->path, err) < 0) {
		fail(t, "open the database of", err);
		target_close(t);
		return -1;
	}
	*ret_target = t;
	return 0;
}

static int target_history(struct target *t, struct arena *a, struct ledger_row **ret_rows, size_t *ret_n,
	struct err *err)
{
	if (sqlite_ledger_history(t->db, t->load, a, ret_rows, ret_n, err) < 0)
		return fail(t, "the ledger of", err);
	return 0;
}

static int target_begin(struct target *t, enum ledger_state *ret_state, struct err *err)
{
	if (t->begun)
		db_on_progress(t->db, NULL, NULL);
	t->begun = true;
	if (sqlite_ledger_begin(t->db, t->load, ret_state, err) < 0)
		return fail(t, "begin the load of", err);
	if (sqlite_ledger_loads(t->db, t->load, &t->loads, err) < 0)
		return fail(t, "the ledger of", err);
	sqlite_stage_sweep(t->path);
	return 0;
}

/* --- staging --- */

static int missing(struct target *t, struct err *err)
{
	err_set(err, ERR_NOT_FOUND, "there is no such table in '%s'", t->path);
	return err_hint(err, "set create = yes, or: %s",
		sqlite_table_create_sql(&t->table, t->db, &t->arena));
}

static int plan(struct target *t, const struct tds_columns *cols, struct err *err)
{
	const struct job *job = t->load->job;

	if (sqlite_table_read(t->db, job->target_table, &t->arena, &t->table, err) < 0)
		return -1;
	if (!t->table.sql)
		sqlite_table_design(job->target_table, cols, &t->arena, &t->table);
	if (sqlite_table_match(&t->table, cols, &t->arena, &t->fit, err) < 0)
		return -1;
	if (!t->table.sql && !job->create)
		return missing(t, err);
	return 0;
}

static int make_stage(struct target *t, const struct tds_columns *cols, struct err *err)
{
	const char *sql = sqlite_table_stage_sql(&t->fit, &t->arena);

	if (sqlite_stage_open(&t->stage, t->path, t->load->run_uid, t->load->fence, sql, err) < 0)
		return -1;
	return sqlite_rows_init(&t->rows, &t->table, &t->fit, cols, t->stage.pages, &t->arena, err);
}

static int target_stage(struct target *t, const struct tds_columns *cols, uint32_t lanes,
	struct rejects *rejects, struct err *err)
{
	(void)lanes;
	(void)rejects;
	if (plan(t, cols, err) < 0)
		return fail(t, "load into", err);
	if (make_stage(t, cols, err) < 0)
		return fail(t, "make the staging file of", err);
	return 0;
}

static int target_write(struct target *t, uint32_t lane, const struct batch *b, struct err *err)
{
	(void)lane;
	assert(t->stage.pages);
	if (is_cancelled(t))
		return err_set(err, ERR_CANCELLED, "cancelled");
	if (sqlite_rows_write(&t->rows, b, err) < 0 || FAULT(BATCH_STAGED, err))
		return fail(t, "stage rows of", err);
	return 0;
}

static int target_verify(struct target *t, uint64_t rows, struct err *err)
{
	uint64_t staged;

	assert(t->stage.pages);
	sqlite_rows_release(&t->rows);
	if (sqlite_stage_seal(&t->stage, &staged, err) < 0)
		return fail(t, "verify the staging file of", err);
	if (rows != staged) {
		err_set(err, ERR_DATA, "the source gave %" PRIu64 " rows, and staging has %" PRIu64,
			rows, staged);
		return fail(t, "verify the staging file of", err);
	}
	t->staged = staged;
	t->verified = true;
	return FAULT(STAGED, err) ? -1 : 0;
}

/* --- publishing --- */

/* What stage() found must still hold, now that nobody else can write. */
static int check_unchanged(struct target *t, struct err *err)
{
	struct sqlite_table now;
	const char *before = t->table.sql;

	if (sqlite_table_read(t->db, t->load->job->target_table, &t->arena, &now, err) < 0)
		return -1;
	if (!before && !now.sql)
		return 0;
	if (before && now.sql && strcmp(before, now.sql) == 0)
		return 0;
	return err_set(err, ERR_TARGET, "the table was %s while rows were being staged",
		!before    ? "made"
		: !now.sql ? "dropped"
			   : "altered");
}

/* Another run has replaced the table since we began to read: what we read is older, and is not to stand
 * in its place. */
static int check_newest(struct target *t, struct err *err)
{
	int64_t loads;

	if (t->load->job->load_mode != LOAD_REPLACE)
		return 0;
	if (sqlite_ledger_loads(t->db, t->load, &loads, err) < 0)
		return -1;
	return loads == t->loads ? 0
				 : err_set(err, ERR_TARGET,
					   "another run has loaded the table since this one began to "
					   "read: its rows would be older");
}

/* 1 or 0 */
static int has_rows(struct target *t, const char *table, struct err *err)
{
	const char *sql = arena_printf(&t->arena, "SELECT 1 FROM main.%s LIMIT 1", table);
	CLEANUP_STMT struct db_stmt *stmt = NULL;

	if (db_prepare(t->db, sql, &stmt, err) < 0)
		return -1;
	return db_step(stmt, err);
}

static int empty_table(struct target *t, struct err *err)
{
	const struct job *job = t->load->job;
	const char *table = db_quote(t->db, t->table.name, &t->arena);
	int full = has_rows(t, table, err);

	if (full <= 0)
		return full;
	if (t->staged < (uint64_t)job->min_rows) {
		err_set(err, ERR_DATA,
			"%" PRIu64 " rows of the source would replace a table that has rows "
			"(min_rows is %" PRId64 ")",
			t->staged, job->min_rows);
		return err_hint(err, "set min_rows = 0 if so few rows are right");
	}
	return db_exec(t->db, arena_printf(&t->arena, "DELETE FROM main.%s", table), err);
}

static int apply(struct target *t, struct sqlite_move *move, struct err *err)
{
	int64_t moved;

	if (check_newest(t, err) < 0 || check_unchanged(t, err) < 0)
		return -1;
	if (!t->table.sql &&
		db_exec(t->db, sqlite_table_create_sql(&t->table, t->db, &t->arena), err) < 0)
		return -1;
	if (t->load->job->load_mode == LOAD_REPLACE && empty_table(t, err) < 0)
		return -1;
	if (sqlite_move_rows(move, &t->table, &t->fit, &t->arena, &moved, err) < 0)
		return -1;
	if (moved == (int64_t)t->staged)
		return 0;
	err_set(err, ERR_DATA, "%" PRIu64 " rows are staged, and the table took %" PRId64,
		t->staged, moved);
	return err_hint(err,
		"a trigger (RAISE(IGNORE)) or an ON CONFLICT IGNORE of the table drops "
		"rows");
}

static int publish_in_transaction(struct target *t, struct sqlite_move *move, struct err *err)
{
	if (db_begin(t->db, err) < 0)
		return -1;
	if (sqlite_ledger_publish(t->db, t->load, err) < 0 || apply(t, move, err) < 0 ||
		FAULT(PUBLISH_MOVED, err) ||
		sqlite_ledger_complete(t->db, t->load, t->staged, err) < 0 ||
		db_commit(t->db, err) < 0 || FAULT(PUBLISHED, err)) {
		db_rollback(t->db);
		return -1;
	}
	return 0;
}

static int target_publish(struct target *t, const struct load_end *end, uint64_t *ret_rows,
	struct err *err)
{
	struct sqlite_move move;
	int rc;

	(void)end;
	assert(t->verified);
	rc = sqlite_move_init(&move, t->db, t->stage.path, err);
	if (rc == 0)
		rc = publish_in_transaction(t, &move, err);
	sqlite_move_release(&move);
	if (rc < 0)
		return fail(t, "publish into", err);
	*ret_rows = t->staged;
	return 0;
}

static int target_script(struct target *t, struct script *script, struct err *err)
{
	if (sqlite_script_run(t->db, t->load, t->cancel, script, err) < 0)
		return fail(t, "statements of", err);
	return 0;
}

static int target_revoke(
	struct target *t, const char *reason, enum ledger_state *ret_state, struct err *err)
{
	db_on_progress(t->db, NULL, NULL); /* a cancelled load is revoked as well */
	if (sqlite_ledger_revoke(t->db, t->load, reason, ret_state, err) < 0)
		return fail(t, "revoke the load of", err);
	return 0;
}

const struct target_ops target_sqlite = {
	.driver = DRIVER_SQLITE,
	.open = target_open,
	.history = target_history,
	.begin = target_begin,
	.stage = target_stage,
	.write = target_write,
	.verify = target_verify,
	.publish = target_publish,
	.script = target_script,
	.revoke = target_revoke,
	.close = target_close,
};
