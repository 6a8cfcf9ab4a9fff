/*
 * sqlite_stage - the staging file of a load, beside its target database.
 *
 * `<target>.etl-stage-<run>-<fence>` (`<run>.<lane>` but for the first one), an SQLite database without a journal that
 * is worthless after a crash. Its owner holds flock(2) on `<staging>.lock` for
 * as long as it lives; a staging file whose lock nobody holds is a leftover.
 *
 * The lock is on a file of its own because SQLite locks with fcntl(2): closing
 * *any* descriptor of a file drops all fcntl locks that the process has on it,
 * and where flock is made of fcntl locks (NFS) the two would exclude each other.
 * The lock file is made first and removed last.
 */
#ifndef WORK_SQLITE_STAGE_H
#define WORK_SQLITE_STAGE_H

#include <stdint.h>

#include "base/err.h"
#include "db/db.h"
#include "work/sqlite_pages.h"

struct sqlite_stage {
	char *path, *lock_path; /* NULL: there is none */
	int lock_fd;
	struct sqlite_pages *pages; /* NULL before create and once sealed */
};

#define SQLITE_STAGE_INIT {.lock_fd = -1}

/* Takes the lock and makes the file with table `rows`, as `create_sql` says. ERR_BUSY when another
 * process is at the same run and fence. */
MUST_CHECK int sqlite_stage_open(struct sqlite_stage *s, const char *target, const char *run_uid,
	int64_t fence, uint32_t lane, const char *create_sql, struct err *err);

/* Completes the file, and counts its rows by reading them back through SQLite. No more rows can be
 * added; the file and the lock stay. */
MUST_CHECK int sqlite_stage_seal(struct sqlite_stage *s, uint64_t *ret_rows, struct err *err);

/* Removes the file and gives the lock up; half-built is fine. */
void sqlite_stage_release(struct sqlite_stage *s);

/* Removes the leftovers of `target`. What cannot be removed is left to the next attempt. */
void sqlite_stage_sweep(const char *target);

#endif
