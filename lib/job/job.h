/*
 * job - a definition: what to move from where to where, and how.
 *
 * The keys of a [job NAME] section are the columns of the store's job table
 * (docs/design.md §4); both come from the table in job.c. Pure: reads no file
 * and no database.
 */
#ifndef JOB_JOB_H
#define JOB_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/config.h"
#include "base/err.h"
#include "base/settings.h"

#define JOB_NAME_MAX 128

enum job_kind { JOB_COPY, JOB_SQL, JOB_EXEC };
enum load_mode { LOAD_REPLACE, LOAD_APPEND, LOAD_TRUNCATE, LOAD_MERGE, LOAD_INCREMENTAL };
/* Source and target do not have the same columns. */
enum on_schema_change { SCHEMA_FAIL, SCHEMA_ADD_COLUMNS, SCHEMA_IGNORE };
/* incremental: where what has changed is known from; a source may not have them all. */
enum changes { CHANGES_AUTO, CHANGES_WATERMARK, CHANGES_TRACKING, CHANGES_CDC };
/* Changes since the last load are not all there any more. */
enum on_gap { GAP_RELOAD, GAP_FAIL };
/* Ranges that are read at once do not see one state of the source. */
enum on_inconsistent { INCONSISTENT_FAIL, INCONSISTENT_WARN };
/* A source shows this login masks in place of values, or not all rows. */
enum restricted_reads { RESTRICTED_REFUSE, RESTRICTED_ACCEPT };
enum verify { VERIFY_COUNT, VERIFY_DIGEST };
enum on_reject { ON_REJECT_FAIL, ON_REJECT_KEEP };
/* SQL Server: how rows take the place of others. */
enum publish_by { PUBLISH_AUTO, PUBLISH_SWITCH, PUBLISH_RENAME, PUBLISH_INSERT };
/* SQLite: a value of another type than its column's. */
enum mixed_types { MIXED_KEEP, MIXED_FAIL };
/* How much of a row that was rejected may be written down. */
enum reject_values { REJECT_VALUES_NONE, REJECT_VALUES_KEYS, REJECT_VALUES_ALL };

struct job {
	int64_t job_id;	     /* the N of --job N; 0 before it is stored */
	const char *job_uid; /* UUID; NULL before it is stored */
	const char *name;
	enum job_kind kind;
	bool enabled;
	const char *source;
	const char *source_table, *source_query; /* one of the two */
	const char *target, *target_table;
	enum load_mode load_mode;
	const char *key_columns; /* of the target: what makes a row the same row; "a, b" */
	bool delete_missing;	 /* merge: rows that the source does not have any more */
	enum changes changes;	 /* as it was written; job_changes() settles it */
	enum on_gap on_gap;
	const char *capture_instance; /* changes = cdc: NULL: the only one of the table */
	const char *watermark_column, *lookback;
	const char *partition_column;
	int64_t parallel;	 /* ranges of it that are read at the same time */
	enum on_inconsistent on_inconsistent;
	enum restricted_reads restricted_reads;
	const char *column_map;	 /* "source_name target_name, …" */
	enum on_schema_change schema_change;
	const char *pre_sql, *post_sql;
	bool pre_sql_atomic, post_sql_atomic; /* in the publish transaction */
	enum verify verify;
	enum on_reject on_reject;
	int64_t reject_limit;
	enum reject_values reject_values;
	int64_t reject_retention; /* ms */
	bool create;		  /* make the target table when there is none */
	const char *columns;	  /* "name type, …": declared types; NULL: inferred */
	enum mixed_types mixed_types;
	int64_t min_rows;	  /* fewer source rows do not replace a table that has rows */
	const char *max_delete;	  /* "1000" rows or "5%" of the table; NULL: no limit */
	/* SQL Server */
	enum publish_by publish;
	int64_t batch_rows; /* of a load into staging; 0: all of a range */
	bool sorted; /* rows come as the target's clustered index has them */
	bool check_constraints, fire_triggers;
	const char *staging_schema; /* NULL: the connection's, or the table's */
	const char *command;	  /* sql: the statements; exec: the command */
	bool atomic;		  /* sql: one transaction with its ledger row */
	bool idempotent;	  /* what cannot be fenced may be done again when it was lost half-way */
	int64_t max_attempts;
	int64_t retry_delay, retry_max_delay; /* ms */
	int64_t max_disruptions;  /* a run is given up after more than these */
	int64_t timeout;	  /* ms of one attempt; 0: none */
	int64_t priority;	  /* the higher first */
	int64_t max_active;	  /* runs of it at the same time */
	const char *pod_patch;	  /* JSON merge patch (RFC 7386) for its workers' pods; NULL: none */
	struct csv_format format; /* overrides of the connection's, see settings.h */
	struct {		  /* names of jobs, comma-separated; NULL: none */
		const char *success, *end;
	} after;
	const char *hold_reason; /* set by whoever found that it must not run; NULL: it may */
};

#define JOB_AFTER_MAX 100 /* jobs that one waits for */

/* A job's options: its own table, what it is after, and the CSV format's as overrides. Offsets are
 * those of struct job. */
enum job_option_set { JOB_OPTIONS, JOB_AFTER, JOB_FORMAT, N_JOB_OPTION_SETS };
extern const struct option_set job_option_sets[N_JOB_OPTION_SETS];

/* The jobs of a file of [job NAME] sections; what a [defaults] section says holds for each job that
 * does not say it. ERR_CONFIG with file:line. */
MUST_CHECK int jobs_parse(const struct config_file *file, struct arena *a, struct job **ret_jobs,
	size_t *ret_n, struct err *err);

/* That the keys which its kind needs are there: ERR_CONFIG. */
MUST_CHECK int job_check(const struct job *job, struct err *err);

/* Does it put its rows in the place of all others? */
bool job_replaces(const struct job *job);

/* Where an incremental job knows its changes from: never CHANGES_AUTO. CHANGES_WATERMARK for the others. */
enum changes job_changes(const struct job *job);

/* `max_delete` of a table that has `rows`; INT64_MAX where there is no limit. ERR_CONFIG when it is neither
 * a number nor a percentage. */
MUST_CHECK int job_max_delete(const struct job *job, int64_t rows, int64_t *ret_max, struct err *err);

/* What the job reads, for messages: the table, or "the query". */
const char *job_source_name(const struct job *job);

/* The names of a list such as `after`: their count, at most JOB_AFTER_MAX (ERR_LIMIT). NULL has none. */
MUST_CHECK int job_names(const char *list, struct arena *a, const char *ret_names[JOB_AFTER_MAX],
	size_t *ret_n, struct err *err);

/* Can what it does be lost half-way so that it must not be done again? */
bool job_unfenced(const struct job *job);

const char *job_kind_name(enum job_kind kind);
const char *load_mode_name(enum load_mode mode);

#endif
