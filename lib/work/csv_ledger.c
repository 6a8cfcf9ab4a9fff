#include "work/csv_ledger.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/fault.h"
#include "work/csv_stage.h"
#include "work/sink.h"
#include "work/ledger.h"
#include "work/ledger_reject.h"

#define MARKS "main.etl_load_mark"

static const char schema_sql[] = "CREATE TABLE IF NOT EXISTS " MARKS " ("
				 " run_uid TEXT NOT NULL PRIMARY KEY,"
				 " fence INTEGER NOT NULL,"
				 " target_table TEXT NOT NULL,"
				 " directory TEXT NOT NULL,"
				 " staging TEXT NOT NULL,"
				 " rows INTEGER NOT NULL,"
				 " rejects INTEGER NOT NULL,"
				 " digest TEXT) WITHOUT ROWID";

#define COLUMNS "run_uid, fence, directory, staging, rows, rejects, digest"

static const char own_sql[] =
	"SELECT " COLUMNS " FROM " MARKS " WHERE run_uid = @run AND fence <= @fence";
static const char others_sql[] =
	"SELECT " COLUMNS " FROM " MARKS " WHERE target_table = @table AND run_uid <> @run";
static const char insert_sql[] =
	"INSERT INTO " MARKS
	" VALUES (@run, @fence, @table, @directory, @staging, @rows, @rejects, @digest)";
static const char delete_sql[] = "DELETE FROM " MARKS " WHERE run_uid = @run AND fence = @fence";
static const char wanted_sql[] =
	"SELECT 1 FROM " MARKS " WHERE directory = @directory AND"
	" (staging = @name OR staging || '" CSV_STAGE_WITHDRAWN "' = @name)";

struct found {
	const char *run_uid, *sub, *staging, *digest;
	int64_t fence, rows, rejects;
};

static const char *path_of(const struct csv_ledger *l, const char *sub, const char *name,
	const char *behind, struct arena *a)
{
	return arena_printf(a, "%s/%s%s%s", l->dir, sub, name, behind);
}

/* --- a mark that is found ---------------------------------------------------- */

static void read_mark(struct db_stmt *stmt, struct arena *a, struct found *m)
{
	*m = (struct found){.run_uid = arena_strdup(a, db_column_text(stmt, 0)),
		.fence = db_column_int(stmt, 1),
		.sub = arena_strdup(a, db_column_text(stmt, 2)),
		.staging = arena_strdup(a, db_column_text(stmt, 3)),
		.rows = db_column_int(stmt, 4),
		.rejects = db_column_int(stmt, 5),
		.digest = arena_strdup(a, db_column_text(stmt, 6))};
}

static int delete_mark(
	struct csv_ledger *l, const char *run_uid, int64_t fence, int64_t *ret_n, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;

	if (db_prepare(l->db, delete_sql, &stmt, err) < 0)
		return -1;
	db_bind_text(stmt, 1, run_uid);
	db_bind_int(stmt, 2, fence);
	if (db_run(stmt, err) < 0)
		return -1;
	*ret_n = db_changes(l->db);
	return 0;
}

/* The file is in its place: open -> published. */
static int publish(struct csv_ledger *l, const struct found *m, struct err *err)
{
	const struct load load = {.run_uid = m->run_uid, .fence = m->fence, .job = l->load->job};
	const struct ledger_end end = {
		.rows = (uint64_t)m->rows, .rejects = (uint64_t)m->rejects, .digest = m->digest};

	if (ledger_publish(l->db, &load, err) < 0)
		return -1;
	return ledger_complete(l->db, &load, &end, err);
}

/* 1: the staged file will never be renamed into place; 0: it was. */
static int withdraw(struct csv_ledger *l, const struct found *m, struct arena *a, struct err *err)
{
	const char *path = path_of(l, m->sub, m->staging, "", a);
	const char *away = path_of(l, m->sub, m->staging, CSV_STAGE_WITHDRAWN, a);

	if (rename(path, away) == 0)
		return 1;
	if (errno != ENOENT)
		return err_errno(err, ERR_TARGET, errno, "rename '%s'", path);
	return access(away, F_OK) == 0;
}

static int settle(struct csv_ledger *l, const struct found *m, struct arena *a, struct err *err)
{
	int withdrawn = withdraw(l, m, a, err);
	int64_t n;

	/* what was found must hold after a power cut, too */
	if (withdrawn < 0 || sink_sync_dir(path_of(l, m->sub, "", "", a), err) < 0 ||
		(withdrawn && FAULT(FILE_WITHDRAWN, err)))
		return -1;
	if (!withdrawn && publish(l, m, err) < 0)
		return -1;
	return delete_mark(l, m->run_uid, m->fence, &n, err);
}

/* 1: the mark of our run is in *m; 0: there is none. */
static int find_own(struct csv_ledger *l, struct arena *a, struct found *m, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	int rc;

	if (db_prepare(l->db, own_sql, &stmt, err) < 0)
		return -1;
	db_bind_text(stmt, 1, l->load->run_uid);
	db_bind_int(stmt, 2, l->load->fence);
	rc = db_step(stmt, err);
	if (rc > 0)
		read_mark(stmt, a, m);
	return rc;
}

static int settle_own(struct csv_ledger *l, struct arena *a, struct err *err)
{
	struct found m;
	int rc = find_own(l, a, &m, err);

	return rc <= 0 ? rc : settle(l, &m, a, err);
}

/* Another run is between its mark and its rename at this moment. */
static bool is_alive(struct csv_ledger *l, const struct found *m, struct arena *a)
{
	return csv_stage_is_held(path_of(l, m->sub, m->staging, "", a));
}

/* Those of other runs on the same file. */
static int settle_others(struct csv_ledger *l, bool living, struct arena *a, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	struct found *marks = NULL;
	size_t n = 0, cap = 0;
	int rc;

	if (db_prepare(l->db, others_sql, &stmt, err) < 0)
		return -1;
	db_bind_text(stmt, 1, load_name(l->load));
	db_bind_text(stmt, 2, l->load->run_uid);
	while ((rc = db_step(stmt, err)) == 1) {
		marks = arena_grow(a, marks, n, &cap, sizeof(*marks));
		read_mark(stmt, a, &marks[n++]);
	}
	for (size_t i = 0; rc == 0 && i < n; i++)
		if (living || !is_alive(l, &marks[i], a))
			rc = settle(l, &marks[i], a, err);
	return rc;
}

/* --- begin and revoke -------------------------------------------------------- */

/* A name that a mark has; an answer that cannot be had is yes. */
static bool is_wanted(void *arg, const char *name)
{
	struct csv_ledger *l = arg;
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	struct err err = ERR_INIT;

	if (db_prepare(l->db, wanted_sql, &stmt, &err) < 0)
		return true;
	db_bind_text(stmt, 1, l->sub);
	db_bind_text(stmt, 2, name);
	return db_step(stmt, &err) != 0;
}

static int settle_all(struct csv_ledger *l, struct arena *a, struct err *err)
{
	if (db_exec(l->db, schema_sql, err) < 0 || settle_own(l, a, err) < 0)
		return -1;
	return settle_others(l, false, a, err);
}

/* With the write lock no new mark can come while leftovers are looked for. */
static int first(void *arg, struct err *err)
{
	struct csv_ledger *l = arg;
	CLEANUP(arena_release) struct arena a = ARENA_INIT;

	if (settle_all(l, &a, err) < 0)
		return -1;
	csv_stage_sweep(path_of(l, l->sub, "", "", &a), is_wanted, l);
	return 0;
}

int csv_ledger_begin(
	struct csv_ledger *l, enum ledger_state *ret_state, int64_t *ret_loads, struct err *err)
{
	const struct ledger_first settled = {first, l};

	if (ledger_begin_after(l->db, l->load, &settled, ret_state, err) < 0)
		return -1;
	return ledger_loads(l->db, l->load, ret_loads, err);
}

int csv_ledger_revoke(
	struct csv_ledger *l, const char *reason, enum ledger_state *ret_state, struct err *err)
{
	const struct ledger_first settled = {first, l};

	return ledger_revoke_after(l->db, l->load, &settled, reason, ret_state, err);
}

/* --- publishing -------------------------------------------------------------- */

static int check_newest(struct csv_ledger *l, int64_t loads, struct err *err)
{
	int64_t now;

	if (ledger_loads(l->db, l->load, &now, err) < 0)
		return -1;
	return now == loads ? 0
			    : err_set(err, ERR_TARGET,
				      "another run has written the file since this one began to "
				      "read: its rows would be older");
}

static int insert_mark(struct csv_ledger *l, const struct csv_mark *mark, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;

	if (db_prepare(l->db, insert_sql, &stmt, err) < 0)
		return -1;
	db_bind_text(stmt, 1, l->load->run_uid);
	db_bind_int(stmt, 2, l->load->fence);
	db_bind_text(stmt, 3, load_name(l->load));
	db_bind_text(stmt, 4, l->sub);
	db_bind_text(stmt, 5, mark->staging);
	db_bind_int(stmt, 6, (int64_t)mark->rows);
	db_bind_int(stmt, 7, mark->rejects ? (int64_t)rejects_count(mark->rejects) : 0);
	db_bind_text(stmt, 8, mark->digest);
	return db_run(stmt, err);
}

static int mark_in_transaction(
	struct csv_ledger *l, const struct csv_mark *mark, struct arena *a, struct err *err)
{
	const char *away = path_of(l, l->sub, mark->staging, CSV_STAGE_WITHDRAWN, a);

	if (ledger_check(l->db, l->load, err) < 0 || settle_others(l, true, a, err) < 0 ||
		check_newest(l, mark->loads, err) < 0)
		return -1;
	if (unlink(away) < 0 && errno != ENOENT) /* of no mark: it would be taken for ours */
		return err_errno(err, ERR_TARGET, errno, "remove '%s'", away);
	if (ledger_reject_store(l->db, l->load, mark->rejects, err) < 0)
		return -1;
	return insert_mark(l, mark, err);
}

int csv_ledger_mark(struct csv_ledger *l, const struct csv_mark *mark, struct err *err)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;

	if (db_begin(l->db, err) < 0)
		return -1;
	if (mark_in_transaction(l, mark, &a, err) < 0 || db_commit(l->db, err) < 0 ||
		FAULT(FILE_MARKED, err)) {
		db_rollback(l->db);
		return -1;
	}
	return 0;
}

/* The mark is gone: somebody has settled it. */
static int settled_by_others(struct csv_ledger *l, struct err *err)
{
	enum ledger_state state;
	int64_t fence;

	if (ledger_find(l->db, l->load, &state, &fence, err) < 0)
		return -1;
	if (state == LEDGER_PUBLISHED && fence == l->load->fence)
		return 0;
	if (ledger_check(l->db, l->load, err) < 0)
		return -1;
	return err_set(err, ERR_TARGET, "another run has withdrawn the file at the last moment");
}

static int publish_in_transaction(struct csv_ledger *l, struct arena *a, struct err *err)
{
	struct found m;
	int64_t n;
	int rc = find_own(l, a, &m, err);

	if (rc < 0)
		return -1;
	if (rc == 0)
		return settled_by_others(l, err);
	return publish(l, &m, err) < 0 ? -1 : delete_mark(l, m.run_uid, m.fence, &n, err);
}

int csv_ledger_publish(struct csv_ledger *l, struct err *err)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;

	if (db_begin(l->db, err) < 0)
		return -1;
	if (publish_in_transaction(l, &a, err) < 0 || db_commit(l->db, err) < 0 ||
		FAULT(PUBLISHED, err)) {
		db_rollback(l->db);
		return -1;
	}
	return 0;
}
