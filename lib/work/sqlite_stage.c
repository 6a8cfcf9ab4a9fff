#include "work/sqlite_stage.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"

#define INFIX       ".etl-stage-"
#define LOCK_SUFFIX ".lock"

/* A sweeper holds a lock for the time of two unlinks: not a reason to give up. */
#define LOCK_TRIES    20
#define LOCK_RETRY_MS 50

/* The descriptor, or -1 with errno. EWOULDBLOCK: somebody holds the lock, or we have it on a file
 * that its holder has removed since we opened it, which protects nothing. */
static int lock_once(const char *lock_path)
{
	int fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return -1;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		if (file_is_at(fd, lock_path))
			return fd;
		errno = EWOULDBLOCK;
	}
	mem_close_fd(&fd);
	return -1;
}

static int lock(const char *lock_path)
{
	const struct timespec pause = {.tv_nsec = LOCK_RETRY_MS * 1000000L};
	int fd = -1;

	for (int i = 0; i < LOCK_TRIES; i++) {
		fd = lock_once(lock_path);
		if (fd >= 0 || errno != EWOULDBLOCK)
			break;
		nanosleep(&pause, NULL);
	}
	return fd;
}

/* The file is made here and not by SQLite to have it readable by nobody else, and closed before
 * SQLite opens it: see the header on fcntl locks. */
static int make_file(const char *path, struct err *err)
{
	int fd;

	if (unlink(path) < 0 && errno != ENOENT)
		return err_errno(err, ERR_TARGET, errno, "remove the staging file '%s'", path);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno(err, ERR_TARGET, errno, "make the staging file '%s'", path);
	mem_close_fd(&fd);
	return 0;
}

/* The first number that `sql` answers. */
static int ask(struct db *db, const char *sql, int64_t *ret_value, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;

	if (db_prepare(db, sql, &stmt, err) < 0 || db_step(stmt, err) < 0)
		return -1;
	*ret_value = db_column_int(stmt, 0);
	return 0;
}

/* SQLite makes the file, its schema and the empty table; the connection is closed again before
 * the rows are written. */
static int make_table(const char *path, const char *create_sql, int64_t *ret_root, struct err *err)
{
	const struct db_options options = {.private_scratch = true};
	char layout[80];
	struct db *db;
	int rc;

	if (db_open_sqlite(path, &options, &db, err) < 0)
		return -1;
	snprintf(layout, sizeof(layout), "PRAGMA page_size = %u; PRAGMA auto_vacuum = NONE",
		SQLITE_PAGE_SIZE);
	rc = db_exec(db, layout, err);
	if (rc == 0)
		rc = db_exec(db, create_sql, err);
	if (rc == 0)
		rc = ask(db, "SELECT rootpage FROM sqlite_schema WHERE name = 'rows'", ret_root,
			err);
	db_close(db);
	return rc;
}

static int make(struct sqlite_stage *s, const char *create_sql, struct err *err)
{
	int64_t root;

	s->lock_fd = lock(s->lock_path);
	if (s->lock_fd < 0 && errno == EWOULDBLOCK)
		return err_set(err, ERR_BUSY, "another process loads into '%s'", s->path);
	if (s->lock_fd < 0)
		return err_errno(err, ERR_TARGET, errno, "lock '%s'", s->lock_path);
	if (make_file(s->path, err) < 0 || make_table(s->path, create_sql, &root, err) < 0)
		return -1;
	return sqlite_pages_open(s->path, (uint32_t)root, &s->pages, err);
}

static char *join(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);
	char *out = mem_alloc(la + lb + 1);

	memcpy(out, a, la);
	memcpy(out + la, b, lb);
	return out;
}

int sqlite_stage_open(struct sqlite_stage *s, const char *target, const char *run_uid,
	int64_t fence, uint32_t lane, const char *create_sql, struct err *err)
{
	size_t size = strlen(target) + sizeof(INFIX) + strlen(run_uid) + 36;
	char suffix[12] = "";

	*s = (struct sqlite_stage)SQLITE_STAGE_INIT;
	s->path = mem_alloc(size);
	if (lane)
		snprintf(suffix, sizeof(suffix), ".%u", lane);
	snprintf(s->path, size, "%s" INFIX "%s%s-%" PRId64, target, run_uid, suffix, fence);
	s->lock_path = join(s->path, LOCK_SUFFIX);
	if (make(s, create_sql, err) < 0) {
		sqlite_stage_release(s);
		return -1;
	}
	return 0;
}

int sqlite_stage_seal(struct sqlite_stage *s, uint64_t *ret_rows, struct err *err)
{
	const struct db_options options = {.read_only = true};
	int64_t rows = 0;
	struct db *db;
	int rc;

	if (sqlite_pages_finish(s->pages, err) < 0)
		return -1;
	sqlite_pages_free(mem_steal(s->pages));
	if (db_open_sqlite(s->path, &options, &db, err) < 0)
		return -1;
	rc = ask(db, "SELECT count(*) FROM rows", &rows, err);
	db_close(db);
	if (rc == 0)
		*ret_rows = (uint64_t)rows;
	return rc;
}

void sqlite_stage_release(struct sqlite_stage *s)
{
	sqlite_pages_free(mem_steal(s->pages));
	if (s->lock_fd >= 0) { /* else both files are somebody else's */
		unlink(s->path);
		unlink(s->lock_path);
	}
	mem_close_fd(&s->lock_fd);
	free(s->path);
	free(s->lock_path);
	*s = (struct sqlite_stage)SQLITE_STAGE_INIT;
}

static void sweep_one(const char *path)
{
	CLEANUP_FREE char *lock_path = join(path, LOCK_SUFFIX);
	CLEANUP_CLOSE int fd = lock_once(lock_path);

	if (fd < 0)
		return;
	unlink(path);
	unlink(lock_path);
}

/* Cuts the suffix off `name`; true when `<run>-<fence>` is what remains behind the prefix. */
static bool is_stage(char *name, const char *prefix)
{
	size_t n = strlen(prefix), len = strlen(name), cut = strlen(LOCK_SUFFIX);
	const char *fence;

	if (strncmp(name, prefix, n) != 0)
		return false;
	if (len - n > cut && strcmp(name + len - cut, LOCK_SUFFIX) == 0)
		name[len - cut] = '\0';
	fence = strrchr(name + n, '-');
	if (!fence || !fence[1])
		return false;
	while (isdigit((unsigned char)fence[1]))
		fence++;
	return !fence[1];
}

void sqlite_stage_sweep(const char *target)
{
	const char *slash = strrchr(target, '/');
	CLEANUP_FREE char *dir =
		slash ? strndup(target, (size_t)(slash - target) + 1) : strdup("./");
	CLEANUP_FREE char *prefix = join(slash ? slash + 1 : target, INFIX);
	DIR *d = dir ? opendir(dir) : NULL;
	struct dirent *e;

	if (!d)
		return;
	while ((e = readdir(d))) {
		if (is_stage(e->d_name, prefix)) {
			CLEANUP_FREE char *path = join(dir, e->d_name);

			sweep_one(path);
		}
	}
	closedir(d);
}
