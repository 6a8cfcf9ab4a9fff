#include "job/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "base/utf8.h"
#include "db/mssql.h"
#include "job/store_private.h"

#define INIT_TRIES 3

static void on_message(void *arg, const struct mssql_message *m)
{
	(void)arg;
	if (m->number == 0) /* a warning of ours */
		log_warn("store: %s", m->text);
}

static int open_mssql(const struct settings *settings, struct db **ret_db, struct err *err)
{
	const struct mssql_login login = {.options = &settings->store.mssql,
		.application = "etl store",
		.late = ERR_NETWORK, /* no run's time is over by that */
		.message = on_message};
	enum mssql_layer layer;

	return db_open_mssql(&login, ret_db, &layer, err) ? err_wrap(err, "store") : 0;
}

int store_connect(const struct settings *settings, bool create, struct db **ret_db, struct err *err)
{
	struct db_options options = {
		.create = create,
		.wal = true,
		.busy_timeout_ms = STORE_BUSY_TIMEOUT_MS,
		.clock = settings->store.clock,
		.no_sync = settings->store.clock != NULL};

	if (settings->store.driver == DRIVER_MSSQL)
		return open_mssql(settings, ret_db, err);
	if (db_open_sqlite(settings->store.path, &options, ret_db, err))
		return err_wrap(err, "store");
	if (db_exec(*ret_db, "PRAGMA foreign_keys = ON", err)) {
		db_close(*ret_db);
		return err_wrap(err, "store");
	}
	return 0;
}

static int make_schema(struct db *db, const struct clock *clock, const struct rnd *rnd,
	struct schema_change *ret_change, struct err *err)
{
	if (db_begin(db, err))
		return -1;
	if (schema_migrate(db, clock, rnd, ret_change, err) || db_commit(db, err)) {
		db_rollback(db);
		return -1;
	}
	return 0;
}

/* Two that come at once may be each other's victim. */
static int make_schema_again(struct db *db, const struct clock *clock, const struct rnd *rnd,
	struct schema_change *ret_change, struct err *err)
{
	int rc = make_schema(db, clock, rnd, ret_change, err);

	for (int i = 1; rc && err->code == ERR_BUSY && db_dialect(db) == DB_TSQL && i < INIT_TRIES; i++) {
		err_clear(err);
		rc = make_schema(db, clock, rnd, ret_change, err);
	}
	return rc;
}

static void equip(struct db *db, enum schema_part part, struct err *ret_err)
{
	*ret_err = (struct err)ERR_INIT;
	if (db_begin(db, ret_err) || schema_equip(db, part, ret_err) || db_commit(db, ret_err))
		db_rollback(db);
}

int store_init(const struct settings *settings, const struct clock *clock, const struct rnd *rnd,
	struct schema_change *ret_change, struct err *err)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct db *db;

	if (store_connect(settings, true, &db, err))
		return -1;
	if (make_schema_again(db, clock, rnd, ret_change, err)) {
		db_close(db);
		return err_wrap(err, "store '%s'", settings_store_name(settings, &a));
	}
	equip(db, SCHEMA_ROLES, &ret_change->roles);
	equip(db, SCHEMA_WORDS, &ret_change->words);
	db_close(db);
	return 0;
}

/* 0 where there is no store yet, though it may not be reached. */
static int look_at_version(const struct settings *settings, int *ret_version, struct err *err)
{
	struct db *db;
	int rc;

	*ret_version = 0;
	if (settings->store.driver == DRIVER_SQLITE && access(settings->store.path, F_OK) < 0 && errno == ENOENT)
		return 0;
	if (store_connect(settings, false, &db, err))
		return -1;
	rc = schema_version(db, ret_version, err);
	db_close(db);
	return rc;
}

void store_script(const struct settings *settings, struct buf *out, int *ret_from, struct err *ret_unseen)
{
	*ret_unseen = (struct err)ERR_INIT;
	*ret_from = 0;
	if (look_at_version(settings, ret_from, ret_unseen))
		*ret_from = 0;
	schema_script(settings->store.driver == DRIVER_MSSQL ? DB_TSQL : DB_SQLITE, *ret_from, out);
}

/* NULL: there is none. */
static int read_meta(struct store *s, const char *name, const char **ret_value, struct err *err)
{
	struct db_stmt *stmt;
	int row;

	if (statements_bind(&s->stmts, ST_META, &stmt, err, "t", name))
		return -1;
	row = db_step(stmt, err);
	if (row < 0)
		return -1;
	*ret_value = row ? arena_strdup(&s->arena, db_column_text(stmt, 0)) : NULL;
	db_reset(stmt);
	return 0;
}

static int read_uid(struct store *s, struct err *err)
{
	if (read_meta(s, "store_uid", &s->uid, err))
		return -1;
	return s->uid ? 0 : err_set(err, ERR_STORE, "etl_meta has no store_uid");
}

/* Two stores of one identity would order everything twice. */
static int check_here(struct store *s, struct err *err)
{
	const char *to;

	if (read_meta(s, STORE_MOVED_TO, &to, err))
		return -1;
	if (!to)
		return 0;
	err_set(err, ERR_STORE, "it was moved to '%s'", to);
	return err_hint(err, "use the configuration that names that one; if 'etl init --from' did not come to its "
			     "end, run it again");
}

int store_open(const struct settings *settings, struct store **ret_store, struct err *err)
{
	const char *path = settings->store.driver == DRIVER_SQLITE ? settings->store.path : NULL;
	struct stat st = {.st_ino = 0};
	struct store *s;
	struct db *db;

	/* before it is opened: one that is put in its place meanwhile then counts as moved */
	if (path && stat(path, &st) < 0 && errno == ENOENT) {
		err_set(err, ERR_STORE, "there is no store '%s'", path);
		return err_hint(err,
			"run 'etl init' to make it, or name the configuration with --config");
	}
	if (store_connect(settings, false, &db, err))
		return -1;
	s = mem_alloc(sizeof(*s));
	s->db = s->stmts.db = db;
	s->path = arena_strdup(&s->arena, path);
	s->name = arena_strdup(&s->arena, settings_store_name(settings, &s->arena));
	s->device = st.st_dev;
	s->inode = st.st_ino;
	if (schema_check(db, err) || read_uid(s, err) || check_here(s, err)) {
		err_wrap(err, "store '%s'", s->name);
		store_close(s);
		return -1;
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

bool store_away(const struct err *err)
{
	return err->code == ERR_BUSY || err->code == ERR_STORE || err->code == ERR_NETWORK ||
	       err->code == ERR_IO;
}

bool store_moved(const struct store *s)
{
	struct stat st;

	if (!s->path)
		return false;
	if (stat(s->path, &st) < 0)
		return errno == ENOENT;
	return st.st_dev != s->device || st.st_ino != s->inode;
}

static int apply(struct store *s, struct job *jobs, size_t n, const char *actor, struct arena *a,
	enum job_change *ret_changes, struct err *err)
{
	for (size_t i = 0; i < n; i++)
		if (definition_apply(&s->stmts, &jobs[i], actor, a, &ret_changes[i], err))
			return err_wrap(err, "job '%s'", jobs[i].name);
	for (size_t i = 0; i < n; i++) /* now that all names are there */
		if (ret_changes[i] != JOB_UNCHANGED &&
			definition_apply_after(&s->stmts, &jobs[i], a, err))
			return err_wrap(err, "job '%s'", jobs[i].name);
	return definitions_check_order(&s->stmts, a, err);
}

int store_apply(struct store *s, struct job *jobs, size_t n, const char *actor, struct arena *a,
	enum job_change *ret_changes, struct err *err)
{
	if (db_begin(s->db, err))
		return err_wrap(err, "store");
	if (apply(s, jobs, n, actor, a, ret_changes, err)) {
		db_rollback(s->db);
		return -1;
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

int store_job_names(struct store *s, struct arena *a, const char ***ret_names, size_t *ret_n,
	struct err *err)
{
	if (definition_names(&s->stmts, a, ret_names, ret_n, err))
		return err_wrap(err, "store");
	return 0;
}

int store_job_by_id(struct store *s, int64_t job_id, struct arena *a, struct job *ret_job,
	struct err *err)
{
	int found = definition_find(&s->stmts, job_id, NULL, a, ret_job, err);

	return found < 0 ? err_wrap(err, "store") : found;
}

const char *store_clean(const char *message, struct buf *out)
{
	if (!message)
		return NULL;
	utf8_clean(message, utf8_cut_at(message, strlen(message), STORE_MESSAGE_MAX), out);
	out->len = utf8_cut_at(buf_str(out), out->len, STORE_MESSAGE_MAX);
	out->data[out->len] = '\0';
	return out->data;
}
