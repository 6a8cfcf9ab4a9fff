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

enum job_kind { JOB_COPY };
enum load_mode { LOAD_REPLACE, LOAD_APPEND };

struct job {
	int64_t job_id;	     /* the N of --job N; 0 before it is stored */
	const char *job_uid; /* UUID; NULL before it is stored */
	const char *name;
	enum job_kind kind;
	bool enabled;
	const char *source, *source_table;
	const char *target, *target_table;
	enum load_mode load_mode;
	bool create;		  /* make the target table when there is none */
	const char *columns;	  /* "name type, …": declared types; NULL: inferred */
	int64_t min_rows;	  /* fewer source rows do not replace a table that has rows */
	int64_t max_attempts;
	int64_t retry_delay;	  /* ms */
	struct csv_format format; /* overrides of the connection's, see settings.h */
};

/* A job's options: its own table, then the CSV format's as overrides. Offsets are those of
 * struct job. */
extern const struct option_set *const job_option_sets;
extern const size_t n_job_option_sets;

/* The jobs of a file of [job NAME] sections; what a [defaults] section says holds for each job that
 * does not say it. ERR_CONFIG with file:line. */
MUST_CHECK int jobs_parse(const struct config_file *file, struct arena *a, struct job **ret_jobs,
	size_t *ret_n, struct err *err);

const char *job_kind_name(enum job_kind kind);
const char *load_mode_name(enum load_mode mode);

#endif
