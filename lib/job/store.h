/*
 * store - the control database, and the definitions in it.
 *
 * Its runs are in queue.h, what is told of them in report.h; all SQL is the
 * table in statements.h. Not thread-safe; each call may block for the
 * connection's busy timeout. The database's clock makes every time.
 */
#ifndef JOB_STORE_H
#define JOB_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/settings.h"
#include "job/definitions.h"
#include "job/job.h"
#include "job/schema.h"

#define STORE_BUSY_TIMEOUT_MS 10000
#define STORE_MESSAGE_MAX 4000 /* bytes of an error, reason or log message; longer ones are cut */

struct store;

/* Makes the database or brings its schema up to this program's version. */
MUST_CHECK int store_init(const struct settings *settings, const struct clock *clock,
	const struct rnd *rnd, struct schema_change *ret_change, struct err *err);

/* The same as a script for the engine's own tools, from the version that is there. *ret_unseen: why the
 * store could not be looked at; the script then begins with an empty database. */
struct buf;
void store_script(const struct settings *settings, struct buf *out, int *ret_from, struct err *ret_unseen);

/* ERR_STORE when there is none or its version is not this program's, with what to do. */
MUST_CHECK int store_open(const struct settings *settings, struct store **ret_store,
	struct err *err);
void store_close(struct store *s); /* NULL is fine */
void store_close_ptr(struct store **s);
#define CLEANUP_STORE CLEANUP(store_close_ptr)

const char *store_uid(const struct store *s);

/* Is another file, or none, where the store was opened? A connection goes on with a file that was removed
 * or replaced, and nobody else would ever see what it writes there: close the store and open it again. */
bool store_moved(const struct store *s);

/* May a later try go well? The store is away, not against us. */
bool store_away(const struct err *err);

/* Definitions */
/* All or none: stores the definitions by name, each change with a row of history by `actor`.
 * Sets their job_id and job_uid, and ret_changes[i]. */
MUST_CHECK int store_apply(struct store *s, struct job *jobs, size_t n, const char *actor,
	struct arena *a, enum job_change *ret_changes, struct err *err);

/* By number or by name; ERR_NOT_FOUND with the nearest name. */
MUST_CHECK int store_job(struct store *s, const char *number_or_name, struct arena *a,
	struct job *ret_job, struct err *err);

/* Of all jobs, in their order. */
MUST_CHECK int store_job_names(struct store *s, struct arena *a, const char ***ret_names,
	size_t *ret_n, struct err *err);

/* By number; 1: found, 0: there is none. */
MUST_CHECK int store_job_by_id(struct store *s, int64_t job_id, struct arena *a,
	struct job *ret_job, struct err *err);

#endif
