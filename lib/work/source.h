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
#include "base/settings.h"
#include "job/job.h"
#include "tds/type.h"
#include "work/batch.h"

struct source; /* each implementation's own */

struct source_ops {
	enum driver driver;

	/* `conn` and `job` are borrowed and must outlive the source. */
	int (*open)(const struct connection *conn, const struct job *job, const atomic_bool *cancel,
		struct source **ret_source, struct err *err);

	/* The column list, once, after open; it lives as long as the source. May read all of the
	 * data (types inferred over a whole file). */
	int (*columns)(struct source *s, const struct tds_columns **ret_columns, struct err *err);

	/* Fills an empty batch. 1: rows are in it; 0: the end; -1: error. */
	int (*read)(struct source *s, struct batch *b, struct err *err);

	/* Bytes that read() will go over in all, 0 when unknown. */
	uint64_t (*size)(struct source *s);

	void (*close)(struct source *s); /* NULL is fine */
};

extern const struct source_ops source_csv;

#endif
