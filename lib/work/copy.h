/*
 * copy - moves one table from a source to a target.
 *
 * A reader thread takes rows from the source (source.h), a writer thread gives
 * them to the target (target.h), a ring of batches between them; the caller's
 * thread reports progress and passes a cancellation on. Which drivers there are
 * is one table in copy.c.
 */
#ifndef WORK_COPY_H
#define WORK_COPY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/settings.h"
#include "work/target.h"

enum copy_phase { COPY_PREPARE, COPY_LOAD, COPY_PUBLISH };

struct copy_progress {
	enum copy_phase phase;
	uint64_t rows;		/* taken by the target */
	uint64_t bytes, total;	/* of the source, gone over and in all (0: not known) */
	int64_t elapsed_ms;
	int64_t wait_read_ms;	/* the writer waited for rows, in all */
	int64_t wait_write_ms;	/* the reader waited for room, in all */
};

struct copy {
	const struct connection *source, *target;
	const struct load *load;
	const struct clock *clock;
	const atomic_bool *cancel; /* set from anywhere, a signal handler too */
	void (*on_progress)(void *arg, const struct copy_progress *progress); /* caller's thread */
	void *arg;
};

/* What the target's ledger says at the end: it alone decides how the run ends (docs/design.md §3,
 * rule 4). */
enum copy_end {
	COPY_PUBLISHED,	/* the rows are there, once */
	COPY_WITHDRAWN,	/* nothing of this run is or will be there */
	COPY_UNSETTLED,	/* the target could not be asked: somebody has to, later */
};

struct copy_result {
	enum copy_end end;
	bool before; /* published by an earlier attempt: this one found it done */
	uint64_t rows_read, rows_written, bytes_read;
	uint32_t columns;
};

/* ERR_CONFIG when the source's driver cannot be read from or the target's not be written to. */
MUST_CHECK int copy_check(const struct connection *source, const struct connection *target,
	struct err *err);

/* 0 with end PUBLISHED, else -1. *ret_result is set in both cases. */
MUST_CHECK int copy_run(const struct copy *copy, struct copy_result *ret_result, struct err *err);

#endif
