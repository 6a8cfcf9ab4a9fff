/*
 * definitions - jobs as rows of etl_job.
 *
 * The columns are the keys of the job's option table (job.h); what overrides
 * the connection's file format is one JSON column. People edit these rows, so
 * reading checks them as a file's values are checked.
 */
#ifndef JOB_DEFINITIONS_H
#define JOB_DEFINITIONS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "job/job.h"
#include "job/statements.h"

enum job_change { JOB_CREATED, JOB_CHANGED, JOB_UNCHANGED };

/* Stores the definition by its name, a change with a row of history by `actor`; sets its job_id and
 * job_uid. A stored one that cannot be read is replaced. Call it within a transaction. */
MUST_CHECK int definition_apply(struct statements *s, struct job *job, const char *actor,
	struct arena *a, enum job_change *ret_change, struct err *err);

/* What the stored job is after, once all jobs of a file are there. ERR_CONFIG for a name that is
 * none. Within the same transaction. */
MUST_CHECK int definition_apply_after(struct statements *s, const struct job *job, struct arena *a,
	struct err *err);

/* ERR_CONFIG when a job would come after itself. */
MUST_CHECK int definitions_check_order(struct statements *s, struct arena *a, struct err *err);

/* By name, or by id where `name` is NULL. 1: found; 0: there is none. ERR_CONFIG or ERR_DATA with the
 * job's and the column's name for a value that a file could not have. */
MUST_CHECK int definition_find(struct statements *s, int64_t id, const char *name, struct arena *a,
	struct job *ret_job, struct err *err);

/* Of all jobs, sorted; the first NAMES_MAX. */
#define NAMES_MAX 10000
MUST_CHECK int definition_names(struct statements *s, struct arena *a, const char ***ret_names,
	size_t *ret_n, struct err *err);

/* ERR_NOT_FOUND with the nearest name that there is. */
int definition_missing(struct statements *s, const char *which, struct arena *a, struct err *err);

/* The SQL that is made of the option table, for one row of etl_job. */
enum definition_sql { DEFINITION_BY_ID, DEFINITION_BY_NAME, DEFINITION_INSERT, DEFINITION_UPDATE };
void definition_sql(enum db_dialect dialect, enum definition_sql which, struct buf *out);

#endif
