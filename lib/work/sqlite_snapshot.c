#include "work/sqlite_snapshot.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define PAUSE_MAX_MS 50

int sqlite_snapshot_open(const char *path, int busy_timeout_ms, int64_t max_value,
	struct db **ret_db, struct err *err)
{
	const struct db_options options = {
		.read_only = true, .busy_timeout_ms = busy_timeout_ms, .max_value = max_value};

	if (access(path, F_OK) < 0 && errno == ENOENT)
		return err_set(err, ERR_NOT_FOUND, "there is no database '%s'", path);
	return db_open_sqlite(path, &options, ret_db, err);
}

static int data_version(struct db *db, int64_t *ret, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;

	if (db_prepare(db, "PRAGMA data_version", &stmt, err) < 0 || db_step(stmt, err) < 0)
		return -1;
	*ret = db_column_int(stmt, 0);
	return 0;
}

/* 1: dbs[i] reads what dbs[0] does; 0: somebody has committed meanwhile; -1: error. */
static int follow(struct db **dbs, uint32_t i, int64_t version, struct err *err)
{
	int rc = db_join_read(dbs[i], dbs[0], err);
	int64_t now;

	if (rc)
		return rc;
	if (db_begin_read(dbs[i], err) < 0 || data_version(dbs[i], &now, err) < 0)
		return -1;
	return now == version;
}

/* 1: all have begun, in one state; 0: somebody has committed meanwhile; -1: error. */
static int begin_once(struct db **dbs, uint32_t n, int64_t *versions, struct err *err)
{
	for (uint32_t i = 1; i < n; i++)
		if (data_version(dbs[i], &versions[i], err) < 0)
			return -1;
	if (db_begin_read(dbs[0], err) < 0)
		return -1;
	for (uint32_t i = 1; i < n; i++) {
		int rc = follow(dbs, i, versions[i], err);

		if (rc <= 0)
			return rc;
	}
	return 1;
}

static void pause_ms(int64_t ms)
{
	const struct timespec t = {.tv_nsec = ms * 1000000};

	nanosleep(&t, NULL);
}

static int too_busy(uint32_t n, struct err *err)
{
	err_set(err, ERR_BUSY,
		"others write to the database so often that %u readers did not come to begin at "
		"the "
		"same state of it within %d s",
		n, SQLITE_SNAPSHOT_WAIT_MS / 1000);
	return err_hint(err, "parallel = 1 needs one reader only");
}

/* With a pending writer some readers are in and the others are kept out until it is done, which
 * waits for those that are in: so they all leave and try again. */
int sqlite_snapshot_begin(struct db **dbs, uint32_t n, struct err *err)
{
	CLEANUP_FREE int64_t *versions = mem_array(n, sizeof(*versions));
	int64_t start = clock_system.monotonic(clock_system.arg), pause = 1;

	for (;; pause = pause < PAUSE_MAX_MS ? pause + 1 : pause) {
		struct err why = ERR_INIT;
		int rc = begin_once(dbs, n, versions, &why);

		if (rc > 0)
			return 0;
		for (uint32_t i = 0; i < n; i++)
			db_rollback(dbs[i]);
		if (rc < 0 && (n == 1 || why.code != ERR_BUSY)) {
			*err = why;
			return -1;
		}
		if (clock_system.monotonic(clock_system.arg) - start >= SQLITE_SNAPSHOT_WAIT_MS)
			return too_busy(n, err);
		pause_ms(pause);
	}
}
