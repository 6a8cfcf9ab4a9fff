/*
 * copy - moves one table from a source to a target.
 *
 * A reader thread takes rows from the source (source.h), a writer thread gives
 * them to the target (target.h), a ring of batches between them; `parallel` of a
 * job makes so many of those lanes, each for a range of the source. The caller's
 * thread reports progress and passes a cancellation on. Which drivers there are
 * is one table in copy.c.
 */
#ifndef WORK_COPY_H
#define WORK_COPY_H

#include <stdint.h>

#include "base/err.h"
#include "base/settings.h"
#include "work/step.h"

enum copy_phase { COPY_PREPARE, COPY_LOAD, COPY_PUBLISH };

struct copy_progress {
	enum copy_phase phase;
	uint64_t rows, expected; /* taken by the target; that there are (0: not known) */
	uint64_t bytes, total;	/* of the source, gone over and in all (0: not known) */
	int64_t elapsed_ms;
	int64_t wait_read_ms;	/* the writer waited for rows, in all */
	int64_t wait_write_ms;	/* the reader waited for room, in all */
	const char *server; /* what the server of the side that is slow waits for; NULL: not known */
};

struct copy {
	struct step_host *host;
	const struct connection *source, *target;
	void (*on_progress)(void *arg, const struct copy_progress *progress); /* caller's thread */
	void *arg;
};

/* The job's source: its connection and what reads it. ERR_CONFIG. */
struct source_ops;
MUST_CHECK int copy_source(const struct settings *settings, const struct job *job,
	const struct connection **ret_conn, const struct source_ops **ret_ops, struct err *err);

/* Can the one give, and the other take, what the job knows its changes from? ERR_CONFIG. */
struct target_ops;
MUST_CHECK int copy_check_changes(const struct job *job, const struct connection *conn,
	const struct source_ops *source, const struct target_ops *target, struct err *err);

/* See step.h; the drivers of both can do it. */
MUST_CHECK int copy_run(const struct copy *copy, struct step_result *ret_result, struct err *err);

#endif
