/*
 * The SQLite target: all load modes (sqlite_apply.h), and statements (sqlite_script.h).
 *
 * Rows are staged in a file beside the database (sqlite_stage.h), without a
 * lock on the database itself. Publishing attaches that file and moves the rows
 * in one transaction on the database, which other readers see whole or not at
 * all. The database's journal mode is its owner's and stays.
 */
#include "work/target.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/fault.h"
#include "db/db.h"
#include "work/digest.h"
#include "work/sqlite_apply.h"
#include "work/ledger.h"
#include "work/sqlite_move.h"
#include "work/ledger_reject.h"
#include "work/sqlite_rows.h"
#include "work/sqlite_script.h"
#include "work/sqlite_stage.h"
#include "work/sqlite_table.h"
#include "work/ledger_watermark.h"

/* A range of the rows. */
struct lane {
	struct sqlite_stage stage;
	struct sqlite_rows rows;
};

struct target {
	const struct load *load;
	const atomic_bool *cancel;
	struct arena arena;
	char *path; /* of the database, without symbolic links */
	struct db *db;
	struct lane *lanes;
	uint32_t n_lanes;
	struct tds_columns cols;   /* of the source, by their names in the target */
	struct sqlite_table table; /* as it was, or as it will be made */
	struct sqlite_fit fit;
	struct sqlite_apply apply;
	struct rejects *rejects; /* borrowed */
	int64_t loads;		 /* of the table by others, when this one began */
	int64_t watermark_seq;	 /* of the watermark that was read */
	uint64_t staged;	 /* as verified */
	struct digest digest;	 /* likewise */
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
	for (uint32_t i = 0; i < t->n_lanes; i++) {
		sqlite_rows_release(&t->lanes[i].rows);
		sqlite_stage_release(&t->lanes[i].stage);
	}
	db_close(t->db);
	free(t->path);
	arena_release(&t->arena);
	free(t);
}

static const char *const own_tables[] = {
	LEDGER_TABLE, LEDGER_REJECT_TABLE, LEDGER_WATERMARK_TABLE};

/* Only rows need a table. */
static int check_table_name(const struct job *job, struct err *err)
{
	const char *name = job->target_table ? job->target_table : "";

	if (job->kind != JOB_COPY)
		return 0;
	if (!*name)
		return err_set(err, ERR_CONFIG, "target_table is empty");
	for (size_t i = 0; i < ARRAY_LEN(own_tables); i++)
		if (strcasecmp(name, own_tables[i]) == 0)
			return err_set(err, ERR_CONFIG, "target_table is the load ledger");
	return 0;
}

static int open_database(struct target *t, const char *path, struct err *err)
{
	const struct db_options options = {
		.create = t->load->job->create && !t->load->look_only,
		.read_only = t->load->look_only,
		.busy_timeout_ms = TARGET_BUSY_TIMEOUT_MS,
	};
	bool missing = access(path, F_OK) < 0 && errno == ENOENT;

	if (missing && !t->load->job->create)
		return err_set(err, ERR_NOT_FOUND, "there is no database '%s'", path);
	if (missing && t->load->look_only) { /* one that would be made looks like this */
		t->path = mem_strdup(path);
		return db_open_sqlite(":memory:", &(struct db_options){.create = true}, &t->db, err);
	}
	if (db_open_sqlite(path, &options, &t->db, err) < 0)
		return -1;
	t->path = realpath(path, NULL);
	if (!t->path)
		return err_errno(err, ERR_TARGET, errno, "'%s'", path);
	db_on_progress(t->db, is_cancelled, t);
	return db_exec(t->db, "PRAGMA foreign_keys = ON", err);
}

static int target_open(const struct connection *conn, const struct load *load,
	const atomic_bool *cancel, struct target **ret_target, struct err *err)
{
	struct target *t;

	if (load_check(load, err) < 0 ||
		check_table_name(load->job, err) < 0)
		return -1;
	t = mem_alloc(sizeof(*t));
	t->load = load;
	t->cancel = cancel;
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
	if (ledger_history(t->db, t->load, a, ret_rows, ret_n, err) < 0)
		return fail(t, "the ledger of", err);
	return 0;
}

static int target_begin(struct target *t, enum ledger_state *ret_state, struct err *err)
{
	if (t->begun)
		db_on_progress(t->db, NULL, NULL);
	t->begun = true;
	if (ledger_begin(t->db, t->load, ret_state, err) < 0)
		return fail(t, "begin the load of", err);
	if (ledger_loads(t->db, t->load, &t->loads, err) < 0)
		return fail(t, "the ledger of", err);
	sqlite_stage_sweep(t->path);
	return 0;
}

static int target_watermark(struct target *t, struct arena *a, const char **ret_from,
	struct err *err)
{
	if (ledger_watermark_read(t->db, t->load->job->job_uid, a, &t->watermark_seq, ret_from,
		    err) < 0)
		return fail(t, "the watermark of", err);
	return 0;
}

/* --- how the rows fit --- */

static const char *create_sql(struct target *t)
{
	const struct sqlite_apply *p = &t->apply;
	const char **keys = arena_array(&t->arena, p->n_keys ? p->n_keys : 1, sizeof(*keys));

	for (uint32_t i = 0; i < p->n_keys; i++)
		keys[i] = t->fit.v[p->keys[i]].to->name;
	return sqlite_table_create_sql(
		&t->table, keys, p->merges ? p->n_keys : 0, t->db, &t->arena);
}

static int missing(struct target *t, struct err *err)
{
	err_set(err, ERR_NOT_FOUND, "there is no such table in '%s'", t->path);
	return err_hint(err, "set create = yes, or: %s", create_sql(t));
}

static int plan(struct target *t, const struct tds_columns *cols, struct err *err)
{
	const struct job *job = t->load->job;

	if (load_columns(t->load, cols, &t->arena, &t->cols, err) < 0 ||
		sqlite_table_read(t->db, job->target_table, &t->arena, &t->table, err) < 0)
		return -1;
	if (!t->table.sql)
		sqlite_table_design(job->target_table, &t->cols, &t->arena, &t->table);
	if (sqlite_table_match(&t->table, &t->cols, job->schema_change, &t->arena, &t->fit, err) <
		0)
		return -1;
	t->apply = (struct sqlite_apply){.db = t->db,
		.job = job,
		.table = &t->table,
		.fit = &t->fit,
		.rejects = t->rejects,
		.arena = &t->arena};
	if (sqlite_apply_keys(&t->apply, err) < 0)
		return -1;
	if (!t->table.sql && !job->create)
		return missing(t, err);
	return 0;
}

/* --- what would be done --- */

struct teller {
	void (*say)(void *arg, const char *line);
	void *arg;
	struct arena *a;
};

static void tell_columns(struct target *t, const struct tds_columns *cols, const struct teller *to)
{
	char type[TDS_TYPE_TEXT_MAX];

	for (uint32_t i = 0; i < cols->n; i++) {
		const struct sqlite_column *c = t->fit.v[i].to;
		const char *what = arena_printf(to->a, "column '%s' %s%s", cols->v[i].name,
			tds_type_format(&cols->v[i], type), cols->v[i].nullable ? "" : " not null");

		if (!c)
			what = arena_printf(to->a, "%s is not loaded", what);
		else
			what = arena_printf(to->a, "%s goes to '%s'%s%s%s", what, c->name,
				*c->type ? " " : "", c->type, c->added ? ", which is added" : "");
		to->say(to->arg, what);
	}
}

static const char *mode_text(struct target *t, struct arena *a)
{
	const struct job *job = t->load->job;

	if (t->apply.merges)
		return arena_printf(a,
			"publishing: rows with the same key (%s) are changed where they differ, others "
			"added%s", job->key_columns,
			job->delete_missing ? "; those that the source lacks are deleted" : "");
	return job_replaces(job) ? "publishing: the rows take the place of all that are there"
				 : "publishing: the rows are added";
}

static int tell_table(struct target *t, const struct teller *to, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;

	if (!t->table.sql) {
		to->say(to->arg, arena_printf(to->a, "the table is made: %s", create_sql(t)));
		return 0;
	}
	if (db_prepare(t->db,
		    arena_printf(to->a, "SELECT count(*) FROM main.%s",
			    db_quote(t->db, t->table.name, to->a)),
		    &stmt, err) < 0 ||
		db_step(stmt, err) < 0)
		return -1;
	to->say(to->arg, arena_printf(to->a, "table '%s' has %" PRId64 " rows", t->table.name,
				 db_column_int(stmt, 0)));
	return 0;
}

static int target_plan(struct target *t, const struct tds_columns *cols,
	void (*say)(void *arg, const char *line), void *arg, struct err *err)
{
	const struct job *job = t->load->job;
	const struct teller to = {.say = say, .arg = arg, .a = &t->arena};

	if (plan(t, cols, err) < 0 || tell_table(t, &to, err) < 0)
		return fail(t, "load into", err);
	tell_columns(t, cols, &to);
	if (job->pre_sql)
		say(arg, arena_printf(to.a, "pre_sql %s: %s",
				 job->pre_sql_atomic ? "in the transaction that publishes"
						     : "by itself, before the load", job->pre_sql));
	say(arg, arena_printf(to.a, "staging: a file beside '%s'", t->path));
	say(arg, mode_text(t, to.a));
	if (job_replaces(job) || job->delete_missing)
		say(arg, arena_printf(to.a, "guards: min_rows %" PRId64 ", max_delete %s",
				 job->min_rows, job->max_delete ? job->max_delete : "none"));
	if (job->post_sql)
		say(arg, arena_printf(to.a, "post_sql %s: %s",
				 job->post_sql_atomic ? "in the transaction that publishes"
						      : "by itself, after it", job->post_sql));
	return 0;
}

static int target_rejects(struct target *t, const char *run_uid, struct arena *a,
	struct reject **ret_rejects, size_t *ret_n, struct err *err)
{
	if (ledger_reject_list(t->db, run_uid, a, ret_rejects, ret_n, err) < 0)
		return fail(t, "rejects of", err);
	return 0;
}

static int target_set_watermark(struct target *t, const char *to, struct err *err)
{
	if (db_begin(t->db, err) < 0)
		return fail(t, "the watermark of", err);
	if (ledger_watermark_move(t->db, t->load->job->job_uid, NULL, -1, to, err) < 0 ||
		db_commit(t->db, err) < 0) {
		db_rollback(t->db);
		return fail(t, "the watermark of", err);
	}
	return 0;
}

/* --- staging --- */

static int make_lane(struct target *t, uint32_t i, const char *sql, struct err *err)
{
	struct lane *l = &t->lanes[i];

	if (sqlite_stage_open(&l->stage, t->path, t->load->run_uid, t->load->fence, i, sql, err) < 0 ||
		sqlite_rows_init(&l->rows, &t->table, &t->fit, &t->cols, l->stage.pages, &t->arena,
			err) < 0)
		return -1;
	l->rows.rejects = t->rejects;
	l->rows.keys = t->apply.keys;
	l->rows.n_keys = t->apply.n_keys;
	l->rows.digesting = t->load->job->verify == VERIFY_DIGEST;
	return 0;
}

static int make_lanes(struct target *t, uint32_t n, struct err *err)
{
	const char *sql = sqlite_table_stage_sql(&t->fit, "rows", &t->arena);

	if (n > SQLITE_MOVE_MAX)
		return err_set(err, ERR_CONFIG, "parallel: an SQLite target takes %d ranges at most",
			SQLITE_MOVE_MAX);
	t->lanes = arena_array(&t->arena, n, sizeof(*t->lanes));
	for (uint32_t i = 0; i < n; i++)
		t->lanes[i].stage = (struct sqlite_stage)SQLITE_STAGE_INIT;
	for (t->n_lanes = 0; t->n_lanes < n;)
		if (make_lane(t, t->n_lanes++, sql, err) < 0)
			return -1;
	return 0;
}

/* pre_sql that is no part of the publishing comes first: it may make the table. */
static int target_stage(struct target *t, const struct tds_columns *cols, uint32_t lanes,
	struct rejects *rejects, struct err *err)
{
	const struct job *job = t->load->job;

	t->rejects = rejects;
	if (!job->pre_sql_atomic &&
		sqlite_script_alone(t->db, "pre_sql", job->pre_sql, t->cancel, err) < 0)
		return fail(t, "prepare", err);
	if (plan(t, cols, err) < 0)
		return fail(t, "load into", err);
	if (make_lanes(t, lanes, err) < 0)
		return fail(t, "make the staging file of", err);
	return 0;
}

static int target_write(struct target *t, uint32_t lane, const struct batch *b, struct err *err)
{
	struct lane *l = &t->lanes[lane];

	assert(lane < t->n_lanes && l->stage.pages);
	if (is_cancelled(t))
		return err_set(err, ERR_CANCELLED, "cancelled");
	if (sqlite_rows_write(&l->rows, b, err) < 0 || FAULT(BATCH_STAGED, err))
		return fail(t, "stage rows of", err);
	return 0;
}

/* What staging gives back, through SQLite, against what was written there. */
static int read_back(struct target *t, struct lane *l, struct err *err)
{
	const struct db_options options = {.read_only = true};
	struct digest found = {.sum = 0};
	struct db_stmt *stmt = NULL;
	struct db *db;
	int rc;

	if (db_open_sqlite(l->stage.path, &options, &db, err) < 0)
		return -1;
	db_on_progress(db, is_cancelled, t);
	rc = db_prepare(db, "SELECT * FROM rows", &stmt, err);
	while (rc >= 0 && (rc = db_step(stmt, err)) > 0)
		rc = sqlite_rows_read_back(&l->rows, stmt, db_column_count(stmt), &found, err);
	db_finalize(stmt);
	db_close(db);
	if (rc < 0)
		return -1;
	if (!digest_equal(&found, &l->rows.digest) || FAULT(DIGEST, err))
		return err_set(err, ERR_TARGET,
			"the digest of the rows in staging is not that of the rows that were "
			"written there");
	digest_merge(&t->digest, &found);
	return 0;
}

static int verify_lane(struct target *t, struct lane *l, struct err *err)
{
	uint64_t staged;

	if (sqlite_stage_seal(&l->stage, &staged, err) < 0)
		return -1;
	if (l->rows.digesting && read_back(t, l, err) < 0)
		return -1;
	t->staged += staged;
	return 0;
}

static int target_verify(struct target *t, uint64_t rows, struct err *err)
{
	uint64_t rejected = 0;

	t->staged = 0;
	for (uint32_t i = 0; i < t->n_lanes; i++) {
		if (verify_lane(t, &t->lanes[i], err) < 0)
			return fail(t, "verify the staging file of", err);
		rejected += t->lanes[i].rows.rejected;
		sqlite_rows_release(&t->lanes[i].rows);
	}
	if (rows != t->staged + rejected) {
		err_set(err, ERR_DATA, "the source gave %" PRIu64 " rows, and staging has %" PRIu64,
			rows, t->staged + rejected);
		return fail(t, "verify the staging file of", err);
	}
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

static int shape_table(struct target *t, struct err *err)
{
	if (!t->table.sql)
		return db_exec(t->db, create_sql(t), err);
	for (uint32_t i = 0; i < t->table.n; i++)
		if (t->table.v[i].added &&
			db_exec(t->db, sqlite_table_add_sql(&t->table, &t->table.v[i], t->db, &t->arena),
				err) < 0)
			return -1;
	return 0;
}

static int complete(struct target *t, const struct load_end *end, uint64_t rows, struct err *err)
{
	char digest[DIGEST_TEXT_LEN + 1];

	if (ledger_reject_store(t->db, t->load, t->rejects, err) < 0 ||
		ledger_watermark_publish(t->db, t->load, t->watermark_seq, end, err) < 0)
		return -1;
	return ledger_complete(t->db, t->load,
		&(struct ledger_end){
			.rows = rows,
			.rejects = t->rejects ? rejects_count(t->rejects) : 0,
			.digest = t->load->job->verify == VERIFY_DIGEST
				? digest_text(&t->digest, digest)
				: NULL,
			.watermark_from = end->watermark_from,
			.watermark_to = end->watermark_to},
		err);
}

static int apply(struct target *t, uint64_t *ret_rows, struct err *err)
{
	const struct job *job = t->load->job;

	if (ledger_check_newest(t->db, t->load, t->loads, err) < 0)
		return -1;
	if (job->pre_sql_atomic &&
		sqlite_script_within(t->db, "pre_sql", job->pre_sql, t->cancel, err) < 0)
		return -1;
	if (check_unchanged(t, err) < 0 || shape_table(t, err) < 0 ||
		sqlite_apply_rows(&t->apply, ret_rows, err) < 0 || FAULT(PUBLISH_MOVED, err))
		return -1;
	return job->post_sql_atomic
		? sqlite_script_within(t->db, "post_sql", job->post_sql, t->cancel, err)
		: 0;
}

static int publish_in_transaction(struct target *t, const struct load_end *end, uint64_t *ret_rows,
	struct err *err)
{
	if (db_begin(t->db, err) < 0)
		return -1;
	if (ledger_publish(t->db, t->load, err) < 0 || apply(t, ret_rows, err) < 0 ||
		complete(t, end, *ret_rows, err) < 0 || db_commit(t->db, err) < 0 ||
		FAULT(PUBLISHED, err)) {
		sqlite_apply_explain(&t->apply, err);
		db_rollback(t->db);
		return -1;
	}
	return 0;
}

static int target_publish(struct target *t, const struct load_end *end, uint64_t *ret_rows,
	struct err *err)
{
	const char *paths[SQLITE_MOVE_MAX];
	struct sqlite_move move;
	uint64_t rows = 0;
	int rc;

	assert(t->verified);
	for (uint32_t i = 0; i < t->n_lanes; i++)
		paths[i] = t->lanes[i].stage.path;
	t->apply.move = &move;
	t->apply.staged = t->staged;
	t->apply.full = end->full;
	rc = sqlite_move_init(&move, t->db, paths, t->n_lanes, &t->fit, &t->arena, err);
	if (rc == 0)
		rc = sqlite_apply_check(&t->apply, err);
	if (rc == 0)
		rc = publish_in_transaction(t, end, &rows, err);
	sqlite_move_release(&move);
	if (rc < 0)
		return fail(t, "publish into", err);
	*ret_rows = rows;
	return 0;
}

static int finish(struct target *t, struct err *err)
{
	const struct job *job = t->load->job;
	int done;

	if (!job->post_sql || job->post_sql_atomic)
		return 0;
	done = ledger_is_post_done(t->db, t->load, err);
	if (done)
		return done < 0 ? -1 : 0;
	if (FAULT(POST_BEFORE, err) ||
		sqlite_script_alone(t->db, "post_sql", job->post_sql, t->cancel, err) < 0 ||
		FAULT(POST_DONE, err))
		return -1;
	return ledger_post_done(t->db, t->load, err);
}

static int target_finish(struct target *t, struct err *err)
{
	return finish(t, err) < 0 ? fail(t, "finish the load of", err) : 0;
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
	if (ledger_revoke(t->db, t->load, reason, ret_state, err) < 0)
		return fail(t, "revoke the load of", err);
	/* it is revoked, whatever becomes of these */
	if (*ret_state == LEDGER_REVOKED && ledger_reject_keep(t->db, t->load, t->rejects, err) < 0)
		return fail(t, "keep the rejects of", err);
	return 0;
}

static void target_lineage(struct target *t, struct lineage *l)
{
	load_tell_digest(t->load->job, t->verified, &t->digest, l);
}

const struct target_ops target_sqlite = {
	.driver = DRIVER_SQLITE,
	.open = target_open,
	.history = target_history,
	.begin = target_begin,
	.watermark = target_watermark,
	.plan = target_plan,
	.stage = target_stage,
	.write = target_write,
	.verify = target_verify,
	.publish = target_publish,
	.lineage = target_lineage,
	.finish = target_finish,
	.script = target_script,
	.revoke = target_revoke,
	.rejects = target_rejects,
	.set_watermark = target_set_watermark,
	.close = target_close,
};
