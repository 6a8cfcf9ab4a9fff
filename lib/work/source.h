/*
 * source - where rows come from: open, columns, read.
 *
 * One source serves one attempt. All calls come from one thread at a time
 * (opened and asked for columns by the caller, read by the reader thread) and
 * may block. To end a blocked read the caller sets the flag in `cancel`, which
 * implementations look at least once a batch, and whatever their library has
 * beside it.
 */
#ifndef WORK_SOURCE_H
#define WORK_SOURCE_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/settings.h"
#include "job/job.h"
#include "job/lineage.h"
#include "tds/type.h"
#include "work/batch.h"
#include "work/reject.h"

struct source; /* each implementation's own */

/* What is to be read. All of it is borrowed and must outlive the source. */
struct source_request {
	const struct connection *conn;
	const struct job *job;
	const atomic_bool *cancel;
	const char *watermark;	 /* only rows above it, as `watermark` gave it to an earlier load, less
				  * the job's lookback; NULL: all */
	uint32_t range, ranges;	 /* this one of so many ranges of the job's partition_column; of 1: all */
	struct source *first; /* the opened one of range 0, whose picture the others are to see */
	bool look_only; /* nobody will read the rows, nor the other ranges */
	struct rejects *rejects; /* for rows that cannot be read */
};

struct source_ops {
	enum driver driver;

	/* ERR_CONFIG for what the driver cannot do of the job: watermark_column, parallel, … */
	int (*open)(const struct source_request *request, struct source **ret_source,
		struct err *err);

	/* The column list, once, after open; it lives as long as the source. May read all of the
	 * data (types inferred over a whole file). Where the source reads changes the last column is one
	 * that says which rows are gone (tds_column.gone). */
	int (*columns)(struct source *s, const struct tds_columns **ret_columns, struct err *err);

	/* Fills an empty batch. 1: rows are in it; 0: the end; -1: error. */
	int (*read)(struct source *s, struct batch *b, struct err *err);

	/* Bytes that read() will go over in all, 0 when unknown. */
	uint64_t (*size)(struct source *s);

	/* Rows that there are, after columns(); -1 when unknown. NULL: never known. */
	int64_t (*rows)(struct source *s);

	/* After the end of read(): up to where the job's watermark_column was read, so that what is
	 * above it will be read by the next load; NULL when that is not known, since there was no row.
	 * The text lives as long as the source. */
	int (*watermark)(struct source *s, const char **ret_to, struct err *err);

	/* What it knows of the facts source_server to consistency, after the end of read(). NULL: none. */
	void (*lineage)(struct source *s, struct lineage *l);

	/* The server's number of the session that reads, after open(). NULL: there is none. */
	int64_t (*session)(struct source *s);

	/* After open(): were all rows asked for, whatever the watermark? NULL: those above it were. */
	bool (*whole)(struct source *s);

	/* After open(): how it reads, in lines, where that is not what the job says anyway. NULL: it has
	 * nothing to say. */
	void (*tell)(struct source *s, void (*say)(void *arg, enum log_level level, const char *line),
		void *arg);

	bool tracks; /* it can know by itself what has changed: job_changes() */

	void (*close)(struct source *s); /* NULL is fine */
};

extern const struct source_ops source_csv, source_mssql, source_sqlite;

#endif
