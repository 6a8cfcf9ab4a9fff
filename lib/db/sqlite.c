/*
 * The SQLite driver: the only file that includes sqlite3.h.
 *
 * Connections are opened without SQLite's own mutex: one thread at a time is
 * the contract of db.h.
 */
#include "db/db.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "db/driver.h"

#define PROGRESS_STEPS    10000 /* virtual-machine steps between two calls of the progress callback \
				 */
#define BUSY_SLEEP_MAX_MS 50
#define SQL_SHOWN_MAX     200 /* bytes of a refused statement in its message */

/* The default VFS with another clock; SQLite knows it by its name. */
struct clock_vfs {
	sqlite3_vfs base;
	const struct clock *clock;
	char name[32];
};

struct sqlite_db {
	struct db base;
	sqlite3 *h;
	struct clock_vfs *vfs; /* NULL: the default one */
	char *path;
	int busy_timeout_ms;
	int64_t busy_since; /* monotonic ms */
	int (*progress)(void *arg);
	void *progress_arg;
	bool cancelled; /* the callback said so while waiting for a lock */
	const struct db_guard *guard;
	char refusal[SQL_SHOWN_MAX]; /* what the guard said last, or "" */
	const char *hint;	     /* to it, or NULL */
};

struct sqlite_stmt {
	struct db_stmt base;
	sqlite3_stmt *h;
	int bind_rc; /* the first binding that failed since the last reset */
};

static const struct db_driver sqlite_driver;

static struct sqlite_db *of_db(struct db *db)
{
	return (struct sqlite_db *)db;
}

static struct sqlite_stmt *of_stmt(struct db_stmt *stmt)
{
	return (struct sqlite_stmt *)stmt;
}

/* --- errors --- */

static enum err_code code_of(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return ERR_BUSY;
	case SQLITE_INTERRUPT:
		return ERR_CANCELLED;
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
		return ERR_DATA;
	case SQLITE_TOOBIG:
		return ERR_LIMIT;
	case SQLITE_ERROR:
	case SQLITE_SCHEMA:
	case SQLITE_AUTH:
		return ERR_CONFIG;
	case SQLITE_MISUSE:
	case SQLITE_RANGE:
	case SQLITE_INTERNAL:
		return ERR_INTERNAL;
	default: /* CANTOPEN, CORRUPT, FULL, IOERR, NOTADB, PERM, READONLY … */
		return ERR_STORE;
	}
}

static int refused(const struct sqlite_db *s, struct err *err)
{
	err_set(err, ERR_CONFIG, "%s", s->refusal);
	if (s->hint)
		err_hint(err, "%s", s->hint);
	return -1;
}

/* Turns `rc` of the call that just failed into `err`; which file only where that is the question.
 */
static int fail(struct sqlite_db *s, int rc, struct err *err)
{
	enum err_code code = code_of(rc);
	int os = sqlite3_system_errno(s->h);

	if (s->cancelled)
		code = ERR_CANCELLED;
	s->cancelled = false;
	if (code == ERR_CANCELLED)
		return err_set(err, code, "cancelled");
	if ((rc & 0xff) == SQLITE_AUTH && s->refusal[0])
		return refused(s, err);
	if (code != ERR_STORE && code != ERR_BUSY)
		return err_set(err, code, "%s", sqlite3_errmsg(s->h));
	if (rc == SQLITE_READONLY_DBMOVED)
		return err_set(err, code, "'%s': the file was removed, or another one put in its place",
			s->path);
	if (os && ((rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_CANTOPEN))
		return err_errno(err, code, os, "'%s': %s", s->path, sqlite3_errmsg(s->h));
	err_set(err, code, "'%s': %s", s->path, sqlite3_errmsg(s->h));
	if (code == ERR_BUSY)
		err_hint(err, "another process holds a lock on the database: see 'fuser %s'",
			s->path);
	return -1;
}

/* --- waiting and cancelling --- */

static int64_t monotonic_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* In place of sqlite3_busy_timeout, whose sleep nobody can end. */
static int on_busy(void *arg, int count)
{
	struct sqlite_db *s = arg;
	int ms = count < BUSY_SLEEP_MAX_MS ? count + 1 : BUSY_SLEEP_MAX_MS;

	if (count == 0)
		s->busy_since = monotonic_ms();
	if (s->progress && s->progress(s->progress_arg)) {
		s->cancelled = true;
		return 0;
	}
	if (monotonic_ms() - s->busy_since >= s->busy_timeout_ms)
		return 0;
	sqlite3_sleep(ms);
	return 1;
}

static void sqlite_on_progress(struct db *db, int (*callback)(void *arg), void *arg)
{
	struct sqlite_db *s = of_db(db);

	s->progress = callback;
	s->progress_arg = arg;
	sqlite3_progress_handler(s->h, callback ? PROGRESS_STEPS : 0, callback, arg);
}

/* --- open and close --- */

static void sqlite_close(struct db *db)
{
	struct sqlite_db *s = of_db(db);
	int rc = sqlite3_close(s->h); /* rolls back; BUSY: a statement was not finalized */

	assert(rc == SQLITE_OK);
	(void)rc;
	if (s->vfs)
		sqlite3_vfs_unregister(&s->vfs->base);
	free(s->vfs);
	free(s->path);
	free(s);
}

static int sqlite_exec(struct db *db, const char *sql, struct err *err)
{
	int rc = sqlite3_exec(of_db(db)->h, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : fail(of_db(db), rc, err);
}

static bool is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Bytes 18 and 19 of the file: which version may write and read it (fileformat2.html §1.3.3). */
static bool is_wal(const char *path)
{
	unsigned char header[20] = {0};
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool read_it = fd >= 0 && read(fd, header, sizeof(header)) == (ssize_t)sizeof(header);

	if (fd >= 0)
		close(fd);
	return read_it && header[19] == 2;
}

/* Readers write, too: into the shared memory of a WAL. And they do not clean up behind the dead. */
static int read_hint(const char *path, const char *dir, int rc, struct err *err)
{
	if (rc == SQLITE_READONLY_ROLLBACK || rc == SQLITE_READONLY_RECOVERY)
		return err_hint(err,
			"a program died while it wrote to it: open it once with write access, as "
			"'sqlite3 %s .schema' does, to undo what was left half-way", path);
	if (access(path, F_OK) == 0 && access(path, R_OK) != 0)
		return err_hint(err, "uid %u needs read access to it", (unsigned)geteuid());
	if (is_wal(path))
		return err_hint(err,
			"its journal mode is WAL: uid %u needs write access to '%s', where readers "
			"put '-shm' and '-wal' files; or its owner sets PRAGMA journal_mode = DELETE",
			(unsigned)geteuid(), dir);
	return -1;
}

/* What the user can do about a file that cannot be opened. */
static int open_hint(const char *path, bool read_only, int rc, struct err *err)
{
	const char *slash = strrchr(path, '/');
	char dir[ERR_HINT_MAX / 2] = ".";

	if (slash)
		snprintf(dir, sizeof(dir), "%.*s", slash == path ? 1 : (int)(slash - path), path);
	if ((rc & 0xff) == SQLITE_NOTADB)
		return err_hint(err, "the file is not an SQLite database, or is an encrypted one");
	if (is_directory(path))
		return err_hint(err, "the path is a directory: name a file in it");
	if (!is_directory(dir))
		return err_hint(err, "make the directory '%s' first", dir);
	if (access(path, F_OK) != 0 && (read_only || access(dir, W_OK) == 0))
		return err_hint(err, "there is no such file");
	if (read_only)
		return read_hint(path, dir, rc, err);
	if ((rc & 0xff) == SQLITE_READONLY || (rc & 0xff) == SQLITE_CANTOPEN)
		return err_hint(err,
			"uid %u needs write access to the file and to '%s', where the "
			"journal is written",
			(unsigned)geteuid(), dir);
	return -1;
}

/* Julian days in ms, from noon of 24 November 4714 BC on (sqlite3.h, xCurrentTimeInt64). */
#define UNIX_EPOCH_JULIAN_MS 210866760000000LL

static int current_time(sqlite3_vfs *vfs, sqlite3_int64 *ret_ms)
{
	const struct clock *clock = ((struct clock_vfs *)vfs)->clock;

	*ret_ms = clock->wall(clock->arg) + UNIX_EPOCH_JULIAN_MS;
	return SQLITE_OK;
}

static const char *use_clock(struct sqlite_db *s, const struct clock *clock)
{
	if (!clock)
		return NULL;
	s->vfs = mem_alloc(sizeof(*s->vfs));
	s->vfs->base = *sqlite3_vfs_find(NULL);
	s->vfs->base.pNext = NULL;
	s->vfs->base.xCurrentTimeInt64 = current_time;
	s->vfs->base.zName = s->vfs->name;
	s->vfs->clock = clock;
	snprintf(s->vfs->name, sizeof(s->vfs->name), "etl-%p", (void *)s->vfs);
	sqlite3_vfs_register(&s->vfs->base, 0);
	return s->vfs->name;
}

static int open_handle(struct sqlite_db *s, const struct db_options *o, struct err *err)
{
	int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	int rc;

	flags |= o->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
	if (o->create && !o->read_only)
		flags |= SQLITE_OPEN_CREATE;
	rc = sqlite3_open_v2(s->path, &s->h, flags, use_clock(s, o->clock));
	if (rc != SQLITE_OK) {
		fail(s, rc, err);
		return open_hint(s->path, o->read_only, rc, err);
	}
	sqlite3_busy_handler(s->h, on_busy, s);
	if (o->max_value)
		sqlite3_limit(s->h, SQLITE_LIMIT_LENGTH, (int)o->max_value);
	/* Opening is lazy: the first read says whether this is a database. */
	rc = sqlite3_exec(s->h, "SELECT 1 FROM sqlite_schema LIMIT 1", NULL, NULL, NULL);
	if (rc != SQLITE_OK) {
		fail(s, rc, err);
		return open_hint(s->path, o->read_only, rc, err);
	}
	/* A file that we may not write is opened for reading without a word. */
	if (!o->read_only && sqlite3_db_readonly(s->h, "main") == 1) {
		err_set(err, ERR_STORE, "'%s': the file is read-only", s->path);
		return open_hint(s->path, false, SQLITE_READONLY, err);
	}
	return 0;
}

/* Of two that turn it on at once, one gets SQLITE_BUSY without its busy handler being asked. */
static int turn_wal_on(struct sqlite_db *s, struct err *err)
{
	int64_t start = monotonic_ms();
	int rc;

	while (((rc = sqlite3_exec(s->h, "PRAGMA journal_mode = WAL", NULL, NULL, NULL)) & 0xff) ==
			SQLITE_BUSY &&
		monotonic_ms() - start < s->busy_timeout_ms)
		sqlite3_sleep(1);
	return rc == SQLITE_OK ? 0 : fail(s, rc, err);
}

/*
 * EXTRA, not FULL: in the journal mode DELETE, which most files have, FULL does not sync the
 * directory after the journal was unlinked, and a power cut brings the journal back and undoes a
 * transaction that was reported as committed.
 */
static int configure(struct sqlite_db *s, const struct db_options *o, struct err *err)
{
	if (o->private_scratch)
		return sqlite_exec(&s->base,
			"PRAGMA locking_mode = EXCLUSIVE;"
			"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF",
			err);
	if (o->read_only)
		return 0;
	if (o->wal && turn_wal_on(s, err) < 0)
		return -1;
	return sqlite_exec(&s->base,
		o->no_sync ? "PRAGMA synchronous = OFF" : "PRAGMA synchronous = EXTRA", err);
}

/*
 * A page cache takes 20 pages at once when it is made, and RETURNING, INSERT SELECT of a table into
 * itself and the like make one each time they run. musl maps and unmaps memory of that size, which
 * costs far more than the statement. Page by page it is reused.
 */
static void configure_library(void)
{
	sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0);
}

int db_open_sqlite(
	const char *path, const struct db_options *options, struct db **ret_db, struct err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT; /* the library's settings are the process's */
	struct sqlite_db *s;

	pthread_once(&once, configure_library);
	if (!*path) /* SQLite's name for a temporary database */
		return err_set(err, ERR_CONFIG, "the path of the database is empty");
	s = mem_alloc(sizeof(*s));
	s->base.driver = &sqlite_driver;
	s->path = mem_strdup(path);
	s->busy_timeout_ms = options->busy_timeout_ms;
	if (open_handle(s, options, err) < 0 || configure(s, options, err) < 0) {
		sqlite_close(&s->base);
		return err_wrap(err, "open database");
	}
	*ret_db = &s->base;
	return 0;
}

const char *db_version(void)
{
	return sqlite3_libversion();
}

/* --- transactions --- */

static void sqlite_rollback(struct db *db)
{
	/* Some errors (full disk, I/O) have rolled back already. What ROLLBACK itself could say is
	 * said again, and heard, by the next statement. */
	if (!sqlite3_get_autocommit(of_db(db)->h))
		sqlite3_exec(of_db(db)->h, "ROLLBACK", NULL, NULL, NULL);
}

/* With a WAL SQLite itself does not look. */
static int check_in_place(struct sqlite_db *s, struct err *err)
{
	int moved = 0;

	if (sqlite3_file_control(s->h, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved)
		return fail(s, SQLITE_READONLY_DBMOVED, err);
	return 0;
}

static int sqlite_begin(struct db *db, struct err *err)
{
	if (sqlite_exec(db, "BEGIN IMMEDIATE", err))
		return -1;
	if (check_in_place(of_db(db), err) == 0)
		return 0;
	sqlite_rollback(db);
	return -1;
}

/* BEGIN itself does nothing: the first read takes the lock, or the place in the log. */
static int sqlite_begin_read(struct db *db, struct err *err)
{
	if (sqlite_exec(db, "BEGIN", err))
		return -1;
	if (sqlite_exec(db, "SELECT 1 FROM main.sqlite_schema LIMIT 1", err)) {
		sqlite_rollback(db);
		return -1;
	}
	return 0;
}

/* A connection knows of a WAL only when it has read once. */
static int open_snapshot(struct sqlite_db *s, sqlite3_snapshot *at, struct err *err)
{
	int rc;

	if (sqlite_exec(&s->base, "SELECT 1 FROM main.sqlite_schema LIMIT 1", err) ||
		sqlite_exec(&s->base, "BEGIN", err))
		return -1;
	rc = sqlite3_snapshot_open(s->h, "main", at);
	if (rc == SQLITE_OK)
		return 0;
	fail(s, rc == SQLITE_ERROR_SNAPSHOT ? SQLITE_BUSY : rc, err); /* the log has begun anew */
	sqlite_rollback(&s->base);
	return -1;
}

static int sqlite_join_read(struct db *db, struct db *first, struct err *err)
{
	sqlite3_snapshot *at;
	int rc;

	if (sqlite3_snapshot_get(of_db(first)->h, "main", &at) != SQLITE_OK)
		return 0;
	rc = open_snapshot(of_db(db), at, err);
	sqlite3_snapshot_free(at);
	return rc ? -1 : 1;
}

static int sqlite_commit(struct db *db, struct err *err)
{
	return check_in_place(of_db(db), err) ? -1 : sqlite_exec(db, "COMMIT", err);
}

static bool sqlite_in_transaction(struct db *db)
{
	return !sqlite3_get_autocommit(of_db(db)->h);
}

/* --- statements --- */

static struct db_stmt *make_stmt(struct db *db, sqlite3_stmt *h)
{
	struct sqlite_stmt *stmt = mem_alloc(sizeof(*stmt));

	stmt->base = (struct db_stmt){
		.driver = &sqlite_driver,
		.db = db,
		.n_params = sqlite3_bind_parameter_count(h),
		.n_columns = sqlite3_column_count(h),
	};
	stmt->h = h;
	return &stmt->base;
}

static int sqlite_prepare(
	struct db *db, const char *sql, struct db_stmt **ret_stmt, struct err *err)
{
	struct sqlite_db *s = of_db(db);
	const char *tail;
	sqlite3_stmt *h;
	int rc = sqlite3_prepare_v3(s->h, sql, -1, SQLITE_PREPARE_PERSISTENT, &h, &tail);

	if (rc != SQLITE_OK) {
		fail(s, rc, err);
		return err_wrap(err, "prepare '%.*s'", SQL_SHOWN_MAX, sql);
	}
	assert(h && !tail[strspn(tail, " \t\r\n;")]); /* one statement, not none */
	*ret_stmt = make_stmt(db, h);
	return 0;
}

static int sqlite_prepare_next(struct db *db, const char *sql, struct db_stmt **ret_stmt,
	const char **ret_rest, struct err *err)
{
	struct sqlite_db *s = of_db(db);
	sqlite3_stmt *h = NULL;

	while (*sql && !h) {
		int rc = sqlite3_prepare_v3(s->h, sql, -1, 0, &h, &sql);

		if (rc != SQLITE_OK)
			return fail(s, rc, err);
	}
	if (!h)
		return 0;
	*ret_rest = sql;
	*ret_stmt = make_stmt(db, h);
	return 1;
}

static void sqlite_finalize(struct db_stmt *stmt)
{
	sqlite3_finalize(of_stmt(stmt)->h); /* repeats the error of the last step */
	free(stmt);
}

static void bound(struct sqlite_stmt *stmt, int rc)
{
	if (__builtin_expect(rc != SQLITE_OK, 0) && stmt->bind_rc == SQLITE_OK)
		stmt->bind_rc = rc;
}

static void sqlite_bind_null(struct db_stmt *stmt, int pos)
{
	bound(of_stmt(stmt), sqlite3_bind_null(of_stmt(stmt)->h, pos));
}

static void sqlite_bind_int(struct db_stmt *stmt, int pos, int64_t value)
{
	bound(of_stmt(stmt), sqlite3_bind_int64(of_stmt(stmt)->h, pos, value));
}

static void sqlite_bind_real(struct db_stmt *stmt, int pos, double value)
{
	bound(of_stmt(stmt), sqlite3_bind_double(of_stmt(stmt)->h, pos, value));
}

/* A null pointer would bind null: an empty value has an address. */
static void sqlite_bind_text(struct db_stmt *stmt, int pos, const char *text, size_t len)
{
	bound(of_stmt(stmt), sqlite3_bind_text64(of_stmt(stmt)->h, pos, text ? text : "", len,
				     SQLITE_STATIC, SQLITE_UTF8));
}

static void sqlite_bind_blob(struct db_stmt *stmt, int pos, const void *data, size_t len)
{
	bound(of_stmt(stmt),
		sqlite3_bind_blob64(of_stmt(stmt)->h, pos, data ? data : "", len, SQLITE_STATIC));
}

static void sqlite_reset(struct db_stmt *stmt)
{
	sqlite3_reset(of_stmt(stmt)->h); /* repeats the error of the last step */
	of_stmt(stmt)->bind_rc = SQLITE_OK;
}

static int sqlite_step(struct db_stmt *stmt, struct err *err)
{
	struct sqlite_stmt *st = of_stmt(stmt);
	int rc = st->bind_rc;

	if (rc == SQLITE_OK)
		rc = sqlite3_step(st->h);
	if (rc == SQLITE_ROW)
		return 1;
	if (rc == SQLITE_DONE) {
		sqlite3_reset(st->h);
		return 0;
	}
	fail(of_db(stmt->db), rc, err);
	sqlite_reset(stmt);
	return -1;
}

static const char *sqlite_column_name(struct db_stmt *stmt, int col)
{
	return sqlite3_column_name(of_stmt(stmt)->h, col);
}

static const char *sqlite_column_declared(struct db_stmt *stmt, int col)
{
	return sqlite3_column_decltype(of_stmt(stmt)->h, col);
}

static enum db_type type_of(int type)
{
	switch (type) {
	case SQLITE_INTEGER:
		return DB_INT;
	case SQLITE_FLOAT:
		return DB_REAL;
	case SQLITE_TEXT:
		return DB_TEXT;
	case SQLITE_BLOB:
		return DB_BLOB;
	default:
		return DB_NULL;
	}
}

static enum db_type sqlite_column_type(struct db_stmt *stmt, int col)
{
	return type_of(sqlite3_column_type(of_stmt(stmt)->h, col));
}

static int64_t sqlite_column_int(struct db_stmt *stmt, int col)
{
	return sqlite3_column_int64(of_stmt(stmt)->h, col);
}

static double sqlite_column_real(struct db_stmt *stmt, int col)
{
	return sqlite3_column_double(of_stmt(stmt)->h, col);
}

static const char *sqlite_column_text(struct db_stmt *stmt, int col)
{
	return (const char *)sqlite3_column_text(of_stmt(stmt)->h, col);
}

static const void *sqlite_column_blob(struct db_stmt *stmt, int col, size_t *ret_len)
{
	/* The bytes first: the call may convert, and the length is that of the result. */
	const void *data = sqlite3_column_blob(of_stmt(stmt)->h, col);

	*ret_len = (size_t)sqlite3_column_bytes(of_stmt(stmt)->h, col);
	return data;
}

/* Values of a statement may be asked like those of a function's arguments, as nobody shares the
 * connection (sqlite3.h, "protected" values): fewer calls a value. */
static int sqlite_row(
	struct db_stmt *stmt, struct db_value *ret_values, size_t *ret_bytes, struct err *err)
{
	sqlite3_stmt *h = of_stmt(stmt)->h;
	size_t bytes = 0;

	for (int i = 0; i < stmt->n_columns; i++) {
		sqlite3_value *from = sqlite3_column_value(h, i);
		struct db_value *v = &ret_values[i];

		v->type = type_of(sqlite3_value_type(from));
		if (v->type == DB_INT) {
			v->i = sqlite3_value_int64(from);
		} else if (v->type == DB_REAL) {
			v->r = sqlite3_value_double(from);
		} else if (v->type != DB_NULL) {
			v->s.data = v->type == DB_TEXT ? sqlite3_value_text(from)
						       : sqlite3_value_blob(from);
			v->s.len = (size_t)sqlite3_value_bytes(from);
			bytes += v->s.len;
			if (!v->s.data && (v->type == DB_TEXT || v->s.len))
				return fail(of_db(stmt->db), SQLITE_NOMEM, err);
		}
	}
	*ret_bytes = bytes;
	return 0;
}

/* --- the rest --- */

static int64_t sqlite_changes(struct db *db)
{
	return sqlite3_changes64(of_db(db)->h);
}

static int64_t sqlite_total_changes(struct db *db)
{
	return sqlite3_total_changes64(of_db(db)->h);
}

static int64_t sqlite_last_insert_id(struct db *db)
{
	return sqlite3_last_insert_rowid(of_db(db)->h);
}

static const char *sqlite_quote(struct db *db UNUSED, const char *identifier, struct arena *a)
{
	char *out = arena_alloc(a, 2 * strlen(identifier) + 3), *p = out;

	*p++ = '"';
	for (const char *s = identifier; *s; s++) {
		if (*s == '"')
			*p++ = '"';
		*p++ = *s;
	}
	*p = '"';
	return out;
}

static int run_with_texts(
	struct db *db, const char *sql, const char *first, const char *second, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;

	if (db_prepare(db, sql, &stmt, err) < 0)
		return -1;
	db_bind_text(stmt, 1, first);
	if (second)
		db_bind_text(stmt, 2, second);
	return db_run(stmt, err);
}

static int sqlite_attach(struct db *db, const char *path, const char *name, struct err *err)
{
	if (run_with_texts(db, "ATTACH ?1 AS ?2", path, name, err) < 0)
		return err_wrap(err, "attach '%s'", path);
	return 0;
}

static int sqlite_detach(struct db *db, const char *name, struct err *err)
{
	if (run_with_texts(db, "DETACH ?1", name, NULL, err) < 0)
		return err_wrap(err, "detach '%s'", name);
	return 0;
}

/* --- the guard --- */

static int refuse(struct sqlite_db *s, const char *what, const char *name, const char *hint)
{
	snprintf(s->refusal, sizeof(s->refusal), "%s%s is not allowed here", what, name);
	s->hint = hint;
	return SQLITE_DENY;
}

/* SQLite names what a statement will do, while it is prepared (sqlite3_set_authorizer). */
static int on_authorize(void *arg, int action, const char *first, const char *second,
	const char *schema, const char *trigger)
{
	struct sqlite_db *s = arg;
	const char *table = NULL;

	(void)trigger;
	if (s->guard->reading && action != SQLITE_SELECT && action != SQLITE_READ &&
		action != SQLITE_FUNCTION && action != SQLITE_RECURSIVE)
		return refuse(s, "a statement that does more than SELECT", "", s->guard->reading);
	switch (action) {
	case SQLITE_TRANSACTION:
		if (!s->guard->transaction)
			return SQLITE_OK;
		return refuse(s, first, "", s->guard->transaction);
	case SQLITE_INSERT:
	case SQLITE_UPDATE:
	case SQLITE_DELETE:
	case SQLITE_DROP_TABLE:
		table = first;
		break;
	case SQLITE_ALTER_TABLE:
		table = second;
		schema = first;
		break;
	case SQLITE_CREATE_TRIGGER:
	case SQLITE_DROP_TRIGGER:
	case SQLITE_CREATE_INDEX:
	case SQLITE_DROP_INDEX:
		table = second;
		break;
	default:
		break;
	}
	/* in another schema VACUUM writes its copy */
	if (table && s->guard->table && sqlite3_stricmp(table, s->guard->table) == 0 && schema &&
		strcmp(schema, "main") == 0)
		return refuse(s, "to change the table ", table, NULL);
	return SQLITE_OK;
}

static void sqlite_guard(struct db *db, const struct db_guard *guard)
{
	struct sqlite_db *s = of_db(db);

	s->guard = guard;
	sqlite3_set_authorizer(s->h, guard ? on_authorize : NULL, s);
}

static const struct db_driver sqlite_driver = {
	.dialect = DB_SQLITE,
	.close = sqlite_close,
	.exec = sqlite_exec,
	.begin = sqlite_begin,
	.begin_read = sqlite_begin_read,
	.join_read = sqlite_join_read,
	.commit = sqlite_commit,
	.rollback = sqlite_rollback,
	.in_transaction = sqlite_in_transaction,
	.prepare = sqlite_prepare,
	.prepare_next = sqlite_prepare_next,
	.finalize = sqlite_finalize,
	.bind_null = sqlite_bind_null,
	.bind_int = sqlite_bind_int,
	.bind_real = sqlite_bind_real,
	.bind_text = sqlite_bind_text,
	.bind_blob = sqlite_bind_blob,
	.step = sqlite_step,
	.reset = sqlite_reset,
	.column_name = sqlite_column_name,
	.column_declared = sqlite_column_declared,
	.column_type = sqlite_column_type,
	.column_int = sqlite_column_int,
	.column_real = sqlite_column_real,
	.column_text = sqlite_column_text,
	.column_blob = sqlite_column_blob,
	.row = sqlite_row,
	.changes = sqlite_changes,
	.total_changes = sqlite_total_changes,
	.last_insert_id = sqlite_last_insert_id,
	.quote = sqlite_quote,
	.attach = sqlite_attach,
	.detach = sqlite_detach,
	.on_progress = sqlite_on_progress,
	.guard = sqlite_guard,
};
