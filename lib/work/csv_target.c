/*
 * The CSV target: a file that is replaced as a whole.
 *
 * Rows are staged in a hidden file beside it (csv_stage.h), read back, and renamed into
 * its place; the ledger beside the files says whether that has happened
 * (csv_ledger.h). Other load modes would need the rows that are there.
 */
#include "work/target.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "db/db.h"
#include "work/csv_ledger.h"
#include "work/csv_stage.h"
#include "work/csv_syntax.h"
#include "work/csv_table.h"
#include "work/sink.h"
#include "work/ledger.h"
#include "work/ledger_reject.h"

struct target {
	const struct load *asked;
	struct load load; /* the same, of the file's name */
	struct job job;
	const atomic_bool *cancel;
	struct arena arena;
	struct csv_format format;
	const char *path;               /* of the file */
	const char *dir, *sub, *in_dir; /* the ledger's directory; the file's in it; the file's */
	const char *base;               /* its name there */
	const char *ledger_path;
	struct db *db; /* NULL: there is no ledger yet */
	struct csv_ledger ledger;
	struct tds_columns cols;
	struct csv_stage *stage;
	struct rejects *rejects;
	int64_t loads;
	struct csv_staged staged;
	bool verified;
	bool marked; /* the staged file is somebody's proof: it stays */
};

static int fail(const struct target *t, const char *what, struct err *err)
{
	if (err->code == ERR_STORE) /* that is the control database to everybody above */
		err->code = ERR_TARGET;
	return err_wrap(err, "%s '%s'", what, load_name(t->asked));
}

static int is_cancelled(void *arg)
{
	const struct target *t = arg;

	return atomic_load_explicit(t->cancel, memory_order_relaxed);
}

/* --- open and close ---------------------------------------------------------- */

static void target_close(struct target *t)
{
	if (!t)
		return;
	csv_stage_close(t->stage, t->marked);
	db_close(t->db);
	arena_release(&t->arena);
	free(t);
}

static int check_job(const struct job *job, struct err *err)
{
	if (job->kind != JOB_COPY)
		return err_set(err, ERR_CONFIG, "a CSV target takes rows, and runs no statements");
	if (job->load_mode != LOAD_REPLACE) {
		err_set(err, ERR_CONFIG, "load_mode = %s: a file can only be replaced as a whole",
			load_mode_name(job->load_mode));
		return err_hint(err, "load_mode = replace");
	}
	if (job->pre_sql || job->post_sql)
		return err_set(err, ERR_CONFIG, "%s: a CSV target runs no statements",
			job->pre_sql ? "pre_sql" : "post_sql");
	return 0;
}

static const char *directory_of(const char *path, struct arena *a)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return ".";
	return slash == path ? "/" : arena_strndup(a, path, (size_t)(slash - path));
}

/* Where everything is; the ledger is in the connection's directory. */
static int find_places(struct target *t, const struct connection *conn, struct err *err)
{
	const char *table = t->asked->job->target_table, *slash;
	struct csv_table_file file;
	struct stat st;

	if (csv_table_target(conn, table ? table : "", &t->arena, &file, err) < 0)
		return -1;
	t->path = file.path;
	t->dir = stat(conn->path, &st) == 0 && S_ISDIR(st.st_mode)
			 ? conn->path
			 : directory_of(conn->path, &t->arena);
	t->in_dir = directory_of(file.path, &t->arena);
	slash = strrchr(file.name, '/');
	t->base = slash ? slash + 1 : file.name;
	t->sub = arena_strndup(&t->arena, file.name, slash ? (size_t)(slash - file.name) + 1 : 0);
	t->ledger_path = arena_printf(&t->arena, "%s/" CSV_LEDGER_FILE, t->dir);
	t->job.target_table = file.name; /* one file, one name in the ledger */
	return 0;
}

static int open_ledger(struct target *t, struct err *err)
{
	const struct db_options options = {.create = !t->load.look_only,
		.read_only = t->load.look_only,
		.busy_timeout_ms = TARGET_BUSY_TIMEOUT_MS};

	if (!t->db) {
		if (db_open_sqlite(t->ledger_path, &options, &t->db, err) < 0)
			return -1;
		db_on_progress(t->db, is_cancelled, t);
	}
	t->ledger =
		(struct csv_ledger){.db = t->db, .dir = t->dir, .sub = t->sub, .load = &t->load};
	return 0;
}

static int open_target(struct target *t, const struct connection *conn, struct err *err)
{
	if (find_places(t, conn, err) < 0)
		return -1;
	if (access(t->in_dir, F_OK) < 0)
		return err_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_TARGET, errno,
			"directory '%s'", t->in_dir);
	if (!t->job.create && access(t->path, F_OK) < 0) {
		err_set(err, ERR_NOT_FOUND, "there is no file '%s'", t->path);
		return err_hint(err, "set create = yes to make it");
	}
	return access(t->ledger_path, F_OK) == 0 ? open_ledger(t, err) : 0;
}

static int target_open(const struct connection *conn, const struct load *load,
	const atomic_bool *cancel, struct target **ret_target, struct err *err)
{
	struct target *t;

	if (load_check(load, err) < 0 || check_job(load->job, err) < 0)
		return -1;
	t = mem_alloc(sizeof(*t));
	t->asked = load;
	t->load = *load;
	t->job = *load->job;
	t->load.job = &t->job;
	t->cancel = cancel;
	t->format = csv_format_merge(&conn->format, &load->job->format);
	if (open_target(t, conn, err) < 0) {
		fail(t, "open the directory of", err);
		target_close(t);
		return -1;
	}
	*ret_target = t;
	return 0;
}

/* --- the ledger -------------------------------------------------------------- */

static int target_history(struct target *t, struct arena *a, struct ledger_row **ret_rows,
	size_t *ret_n, struct err *err)
{
	*ret_rows = NULL;
	*ret_n = 0;
	if (t->db && ledger_history(t->db, &t->load, a, ret_rows, ret_n, err) < 0)
		return fail(t, "the ledger of", err);
	return 0;
}

/* Once more after an error of publish: what was marked is settled then. */
static int target_begin(struct target *t, enum ledger_state *ret_state, struct err *err)
{
	if (open_ledger(t, err) < 0)
		return fail(t, "the ledger of", err);
	if (t->marked)
		db_on_progress(t->db, NULL, NULL);
	if (csv_ledger_begin(&t->ledger, ret_state, &t->loads, err) < 0)
		return fail(t, "begin the load of", err);
	t->marked = false;
	return 0;
}

static int target_revoke(
	struct target *t, const char *reason, enum ledger_state *ret_state, struct err *err)
{
	if (open_ledger(t, err) < 0)
		return fail(t, "the ledger of", err);
	db_on_progress(t->db, NULL, NULL); /* a cancelled load is revoked as well */
	if (csv_ledger_revoke(&t->ledger, reason, ret_state, err) < 0)
		return fail(t, "revoke the load of", err);
	t->marked = false;
	/* it is revoked, whatever becomes of these */
	if (*ret_state == LEDGER_REVOKED &&
		ledger_reject_keep(t->db, &t->load, t->rejects, err) < 0)
		return fail(t, "keep the rejects of", err);
	return 0;
}

static int target_rejects(struct target *t, const char *run_uid, struct arena *a,
	struct reject **ret_rejects, size_t *ret_n, struct err *err)
{
	*ret_rejects = NULL;
	*ret_n = 0;
	if (t->db && ledger_reject_list(t->db, run_uid, a, ret_rejects, ret_n, err) < 0)
		return fail(t, "rejects of", err);
	return 0;
}

/* --- staging ----------------------------------------------------------------- */

static int name_columns(struct target *t, const struct tds_columns *cols, struct err *err)
{
	if (cols->n == 0)
		return err_set(err, ERR_DATA, "the source has no columns");
	return load_columns(&t->load, cols, &t->arena, &t->cols, err);
}

static int target_plan(struct target *t, const struct tds_columns *cols,
	void (*say)(void *arg, const char *line), void *arg, struct err *err)
{
	bool there = access(t->path, F_OK) == 0;
	char type[TDS_TYPE_TEXT_MAX];

	if (name_columns(t, cols, err) < 0)
		return fail(t, "load into", err);
	say(arg, arena_printf(&t->arena, "the file '%s' is %s", t->path,
			 there ? "there, and replaced" : "made"));
	for (uint32_t i = 0; i < cols->n; i++)
		say(arg, arena_printf(&t->arena, "column '%s' %s goes to '%s'", cols->v[i].name,
				 tds_type_format(&cols->v[i], type), t->cols.v[i].name));
	say(arg, arena_printf(&t->arena, "staging: a hidden file in '%s'", t->in_dir));
	say(arg, "publishing: it is renamed into place");
	say(arg, arena_printf(&t->arena, "guards: min_rows %" PRId64 ", max_delete %s",
			 t->job.min_rows, t->job.max_delete ? t->job.max_delete : "none"));
	return 0;
}

static int target_stage(struct target *t, const struct tds_columns *cols, uint32_t lanes,
	struct rejects *rejects, struct err *err)
{
	struct csv_stage_request request = {.dir = t->in_dir,
		.name = t->base,
		.run_uid = t->load.run_uid,
		.fence = t->load.fence,
		.format = &t->format,
		.cols = &t->cols,
		.lanes = lanes,
		.rejects = rejects,
		.digesting = t->job.verify == VERIFY_DIGEST,
		.cancel = t->cancel};

	t->rejects = rejects;
	if (name_columns(t, cols, err) < 0 || csv_stage_open(&request, &t->stage, err) < 0)
		return fail(t, "load into", err);
	return 0;
}

static int target_write(struct target *t, uint32_t lane, const struct batch *b, struct err *err)
{
	assert(t->stage);
	if (csv_stage_write(t->stage, lane, b, err) < 0 || FAULT(BATCH_STAGED, err))
		return fail(t, "stage rows of", err);
	return 0;
}

static int target_verify(struct target *t, uint64_t rows, struct err *err)
{
	assert(t->stage);
	if (csv_stage_finish(t->stage, &t->staged, err) < 0)
		return fail(t, "verify the staging file of", err);
	if (rows != t->staged.rows + t->staged.rejected) {
		err_set(err, ERR_DATA, "the source gave %" PRIu64 " rows, and staging has %" PRIu64,
			rows, t->staged.rows + t->staged.rejected);
		return fail(t, "verify the staging file of", err);
	}
	t->verified = true;
	return FAULT(STAGED, err) ? -1 : 0;
}

/* --- publishing -------------------------------------------------------------- */

/* Rows of the file that is there, in the same format; all of them where a limit has to be counted.
 */
static int count_before(struct target *t, uint64_t *ret_n, struct err *err)
{
	uint64_t max = t->job.max_delete ? UINT64_MAX : 1;
	struct err why = ERR_INIT;

	*ret_n = 0;
	if (access(t->path, F_OK) < 0)
		return 0;
	if (csv_stage_count(t->path, &t->format, max, t->cancel, ret_n, &why) == 0)
		return 0;
	if (t->job.max_delete || why.code == ERR_CANCELLED) {
		*err = why;
		return err_wrap(err, "count the rows that are there");
	}
	*ret_n = 1; /* not such a file, but not nothing */
	return 0;
}

static int check_guards(struct target *t, struct err *err)
{
	uint64_t before;

	if (t->staged.rows >= (uint64_t)t->job.min_rows && !t->job.max_delete)
		return 0;
	if (count_before(t, &before, err) < 0 ||
		load_check_min_rows(&t->job, "file", before, t->staged.rows, err) < 0)
		return -1;
	return load_check_max_delete(&t->job, "file", (int64_t)before,
		(int64_t)before - (int64_t)t->staged.rows, err);
}

static int mark(struct target *t, struct err *err)
{
	char digest[DIGEST_TEXT_LEN + 1];
	const struct csv_mark m = {.staging = csv_stage_name(t->stage),
		.loads = t->loads,
		.rows = t->staged.rows,
		.rejects = t->rejects,
		.digest = t->job.verify == VERIFY_DIGEST ? digest_text(&t->staged.digest, digest)
							 : NULL};

	t->marked = true; /* whatever becomes of the commit */
	return csv_ledger_mark(&t->ledger, &m, err);
}

/* Where it fails the mark stays, and tells whoever comes next. */
static int rename_into_place(struct target *t, struct err *err)
{
	const char *from = arena_printf(&t->arena, "%s/%s", t->in_dir, csv_stage_name(t->stage));

	if (rename(from, t->path) < 0)
		return err_errno(err, ERR_TARGET, errno, "rename '%s' to '%s'", from, t->path);
	return sink_sync_dir(t->in_dir, err);
}

static int target_publish(
	struct target *t, const struct load_end *end UNUSED, uint64_t *ret_rows, struct err *err)
{
	assert(t->verified);
	if (check_guards(t, err) < 0 || mark(t, err) < 0)
		return fail(t, "publish into", err);
	db_on_progress(t->db, NULL, NULL); /* from here on it is not cancelled */
	if (rename_into_place(t, err) < 0 || FAULT(FILE_RENAMED, err) ||
		csv_ledger_publish(&t->ledger, err) < 0)
		return fail(t, "publish into", err);
	*ret_rows = t->staged.rows;
	return 0;
}

static void target_lineage(struct target *t, struct lineage *l)
{
	load_tell_digest(&t->job, t->verified, &t->staged.digest, l);
}

const struct target_ops target_csv = {
	.driver = DRIVER_CSV,
	.open = target_open,
	.history = target_history,
	.begin = target_begin,
	.plan = target_plan,
	.stage = target_stage,
	.write = target_write,
	.verify = target_verify,
	.publish = target_publish,
	.lineage = target_lineage,
	.revoke = target_revoke,
	.rejects = target_rejects,
	.close = target_close,
};
