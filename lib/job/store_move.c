#include "job/store_move.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "job/schema.h"
#include "job/store.h"
#include "job/store_private.h"

#define PROGRESS_ROWS 1000
#define COLUMNS_MAX 100
#define INSERT_MAX (64u * 1024)

/* In the order of their references. Leases and controllers stay: nothing of them is alive. */
static const struct {
	const char *name;
	bool numbered; /* the database makes its first column */
} tables[] = {
	{"job", true},
	{"job_history", false},
	{"job_dependency", false},
	{"run", true},
	{"run_event", true},
	{"run_log", false},
	{"run_lineage", false},
};

struct move {
	struct db *old, *new;
	const char *old_name, *new_name;
	struct arena a;
	void (*progress)(void *arg, const char *table, int64_t rows);
	void *arg;
	struct store_move result;
};

static const char *table_in(struct db *db, const char *name, struct arena *a)
{
	return arena_printf(a, "%s%s", db_dialect(db) == DB_SQLITE ? "etl_" : "etl.", name);
}

/* The first value of a query, as text. *ret_value is NULL for null and for no row. */
static int ask(struct db *db, const char *sql, struct arena *a, const char **ret_value, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	int row;

	if (db_prepare(db, sql, &stmt, err) || (row = db_step(stmt, err)) < 0)
		return -1;
	*ret_value = row ? arena_strdup(a, db_column_text(stmt, 0)) : NULL;
	db_reset(stmt);
	return 0;
}

static int ask_meta(struct db *db, const char *name, struct arena *a, const char **ret_value, struct err *err)
{
	return ask(db, arena_printf(a, "SELECT value FROM %s WHERE name = '%s'", table_in(db, "meta", a), name), a,
		ret_value, err);
}

/* --- the old store is left --- */

static int check_rest(struct move *m, struct err *err)
{
	const char *who;

	if (ask(m->old, "SELECT host || ', process ' || process FROM etl_controller WHERE state <> 'stopped'"
			" AND lease_until >= " SQL_NOW, &m->a, &who, err))
		return -1;
	if (who) {
		err_set(err, ERR_BUSY, "the controller on %s works with it", who);
		return err_hint(err, "stop the controllers first");
	}
	if (ask(m->old, "SELECT run_id FROM etl_run WHERE state IN ('starting', 'running')", &m->a, &who, err))
		return -1;
	if (!who)
		return 0;
	err_set(err, ERR_BUSY, "run %s has a worker", who);
	return err_hint(err, "wait for its end, or cancel it");
}

static int check_mark(struct move *m, struct err *err)
{
	const char *to;

	if (ask_meta(m->old, STORE_MOVED_TO, &m->a, &to, err))
		return -1;
	if (to && strcmp(to, m->new_name) != 0)
		return err_set(err, ERR_CONFIG, "it was moved to '%s' before", to);
	return 0;
}

static int mark(struct move *m, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;

	if (check_mark(m, err) || check_rest(m, err) ||
		db_prepare(m->old, "INSERT OR REPLACE INTO etl_meta (name, value) VALUES ('" STORE_MOVED_TO "', @to)",
			&stmt, err))
		return -1;
	db_bind_text(stmt, 1, m->new_name);
	return db_run(stmt, err);
}

static int leave(struct move *m, struct err *err)
{
	if (schema_check(m->old, err) || db_begin(m->old, err))
		return -1;
	if (mark(m, err) || db_commit(m->old, err)) {
		db_rollback(m->old);
		return -1;
	}
	return 0;
}

/* Nothing of it has arrived: it is a store as before. */
static void come_back(struct move *m)
{
	struct err err = ERR_INIT;

	if (db_exec(m->old, "DELETE FROM etl_meta WHERE name = '" STORE_MOVED_TO "'", &err))
		err_clear(&err); /* its next user is told what to do */
}

/* --- rows --- */

/* What stands for a value in the INSERT: SQLite's texts are times and uids there. */
static int placeholder(struct move *m, const char *table, const char *column, const char **ret_text, struct err *err)
{
	const char *type = "";

	if (db_dialect(m->new) == DB_TSQL &&
		ask(m->new, arena_printf(&m->a, "SELECT DATA_TYPE FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_SCHEMA ="
						" N'etl' AND TABLE_NAME = N'%s' AND COLUMN_NAME = N'%s'", table, column),
			&m->a, &type, err))
		return -1;
	if (!type)
		return err_set(err, ERR_STORE, "etl.%s has no column '%s'", table, column);
	*ret_text = strcmp(type, "datetime2") == 0 ? arena_printf(&m->a, TSQL_TIME("@c_%s"), column)
		    : strcmp(type, "uniqueidentifier") == 0
			    ? arena_printf(&m->a, "CONVERT(uniqueidentifier, @c_%s)", column)
			    : arena_printf(&m->a, "@c_%s", column);
	return 0;
}

static int make_insert(struct move *m, const char *table, struct db_stmt *rows, struct buf *sql, struct err *err)
{
	CLEANUP(buf_release) struct buf values = BUF_INIT(INSERT_MAX);
	int n = db_column_count(rows);

	buf_printf(sql, "INSERT INTO %s (", table_in(m->new, table, &m->a));
	for (int i = 0; i < n; i++) {
		const char *name = db_column_name(rows, i), *value = NULL;

		if (placeholder(m, table, name, &value, err))
			return -1;
		buf_printf(sql, "%s%s", i ? ", " : "", db_quote(m->new, name, &m->a));
		buf_printf(&values, "%s%s", i ? ", " : "", value);
	}
	buf_printf(sql, ") VALUES (%s)", buf_str(&values));
	return 0;
}

static int insert_rows(struct move *m, const char *table, struct db_stmt *rows, struct db_stmt *insert, int64_t *ret_n,
	struct err *err)
{
	struct db_value values[COLUMNS_MAX];
	size_t bytes;
	int row;

	while ((row = db_step(rows, err)) == 1) {
		if (db_row(rows, values, &bytes, err))
			return -1;
		for (int i = 0; i < db_column_count(rows); i++)
			db_bind_value(insert, i + 1, &values[i]);
		if (db_run(insert, err))
			return -1;
		if (++*ret_n % PROGRESS_ROWS == 0 && m->progress)
			m->progress(m->arg, table, *ret_n);
	}
	return row;
}

static int copy_rows(struct move *m, const char *table, int64_t *ret_n, struct err *err)
{
	CLEANUP(buf_release) struct buf sql = BUF_INIT(INSERT_MAX);
	CLEANUP_STMT struct db_stmt *rows = NULL, *insert = NULL;

	*ret_n = 0;
	if (db_prepare(m->old, arena_printf(&m->a, "SELECT * FROM etl_%s", table), &rows, err))
		return -1;
	if (db_column_count(rows) > COLUMNS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d columns", COLUMNS_MAX);
	if (make_insert(m, table, rows, &sql, err) || db_prepare(m->new, buf_str(&sql), &insert, err))
		return -1;
	return insert_rows(m, table, rows, insert, ret_n, err);
}

static int set_identity_insert(struct move *m, const char *table, const char *how, struct err *err)
{
	if (db_dialect(m->new) != DB_TSQL)
		return 0;
	return db_exec(m->new, arena_printf(&m->a, "SET IDENTITY_INSERT etl.%s %s", table, how), err);
}

static int copy_table(struct move *m, size_t i, int64_t *ret_n, struct err *err)
{
	const char *table = tables[i].name;

	if (tables[i].numbered && set_identity_insert(m, table, "ON", err))
		return err_wrap(err, "etl.%s", table);
	if (copy_rows(m, table, ret_n, err) || (tables[i].numbered && set_identity_insert(m, table, "OFF", err)))
		return err_wrap(err, "etl.%s", table);
	return 0;
}

/* What the trigger for orders by hand did to runs that are none. */
static int undo_trigger(struct move *m, struct err *err)
{
	CLEANUP_STMT struct db_stmt *rows = NULL, *set = NULL;
	int row;

	if (db_exec(m->new, arena_printf(&m->a, "DELETE FROM %s", table_in(m->new, "run_event", &m->a)), err) ||
		db_prepare(m->old, "SELECT priority, run_id FROM etl_run WHERE finished_at IS NULL", &rows, err) ||
		db_prepare(m->new, arena_printf(&m->a, "UPDATE %s SET priority = @p WHERE run_id = @r",
					   table_in(m->new, "run", &m->a)), &set, err))
		return -1;
	while ((row = db_step(rows, err)) == 1) {
		db_bind_int(set, 1, db_column_int(rows, 0));
		db_bind_int(set, 2, db_column_int(rows, 1));
		if (db_run(set, err))
			return -1;
	}
	return row;
}

static int take_identity(struct move *m, const char *uid, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;

	if (db_prepare(m->new, arena_printf(&m->a, "UPDATE %s SET value = @uid WHERE name = 'store_uid'",
				    table_in(m->new, "meta", &m->a)), &stmt, err))
		return -1;
	db_bind_text(stmt, 1, uid);
	return db_run(stmt, err);
}

static int copy_all(struct move *m, const char *uid, struct err *err)
{
	int64_t n;

	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		if (copy_table(m, i, &n, err))
			return -1;
		m->result.rows += n;
		if (strcmp(tables[i].name, "job") == 0)
			m->result.jobs = n;
		if (strcmp(tables[i].name, "run") == 0) {
			m->result.runs = n;
			if (undo_trigger(m, err))
				return err_wrap(err, "etl.run");
		}
	}
	return take_identity(m, uid, err);
}

/* --- both --- */

/* Is it empty, or the one that the old has become? */
static int check_new(struct move *m, const char *uid, struct err *err)
{
	const char *there, *jobs;

	if (schema_check(m->new, err) || ask_meta(m->new, "store_uid", &m->a, &there, err) ||
		ask(m->new, arena_printf(&m->a, "SELECT COUNT(*) FROM %s", table_in(m->new, "job", &m->a)), &m->a, &jobs,
			err))
		return -1;
	m->result.done_before = there && strcmp(there, uid) == 0;
	if (m->result.done_before || strcmp(jobs, "0") == 0)
		return 0;
	err_set(err, ERR_CONFIG, "it has %s jobs of its own", jobs);
	return err_hint(err, "a store is moved into an empty one only");
}

/* An error of the commit leaves open whether it was done: then the mark stays. */
static int arrive(struct move *m, const char *uid, bool *ret_open, struct err *err)
{
	*ret_open = false;
	if (db_begin(m->new, err))
		return -1;
	if (copy_all(m, uid, err)) {
		db_rollback(m->new);
		return -1;
	}
	*ret_open = true;
	if (db_commit(m->new, err)) {
		db_rollback(m->new);
		return err_hint(err, "run the same command again: it finds out whether this was done");
	}
	return 0;
}

static int move(struct move *m, struct err *err)
{
	const char *uid;
	bool open;

	if (schema_check(m->old, err) || ask_meta(m->old, "store_uid", &m->a, &uid, err))
		return err_wrap(err, "store '%s'", m->old_name);
	if (!uid)
		return err_set(err, ERR_STORE, "store '%s': etl_meta has no store_uid", m->old_name);
	if (check_new(m, uid, err))
		return err_wrap(err, "store '%s'", m->new_name);
	if (leave(m, err))
		return err_wrap(err, "store '%s'", m->old_name);
	if (m->result.done_before)
		return 0;
	if (arrive(m, uid, &open, err)) {
		if (!open)
			come_back(m);
		return err_wrap(err, "store '%s'", m->new_name);
	}
	return 0;
}

static bool same_file(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static int check_ends(const struct settings *from, const struct settings *to, const struct move *m, struct err *err)
{
	if (from->store.driver != DRIVER_SQLITE)
		return err_set(err, ERR_CONFIG, "store '%s' is not on SQLite: only those can be moved", m->old_name);
	if (to->store.driver == DRIVER_SQLITE && same_file(from->store.path, to->store.path))
		return err_set(err, ERR_CONFIG, "store '%s' is both, the old one and the new", m->old_name);
	return 0;
}

int store_move(const struct settings *from, const struct settings *to,
	void (*progress)(void *arg, const char *table, int64_t rows), void *arg, struct store_move *ret_move,
	struct err *err)
{
	struct move m = {.a = ARENA_INIT, .progress = progress, .arg = arg};
	int rc = -1;

	m.old_name = settings_store_name(from, &m.a);
	m.new_name = settings_store_name(to, &m.a);
	if (check_ends(from, to, &m, err) == 0 && store_connect(from, false, &m.old, err) == 0 &&
		store_connect(to, false, &m.new, err) == 0)
		rc = move(&m, err);
	if (rc == 0)
		*ret_move = m.result;
	db_close(m.new);
	db_close(m.old);
	arena_release(&m.a);
	return rc;
}
