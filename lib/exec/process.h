/*
 * process - workers as child processes of the controller, on its host.
 *
 * A worker leads a process group of its own, which is killed at its end, so
 * that what it started does not outlive it (a process that left the group is
 * not reached). It goes on when the controller ends; the next one finds it by
 * its handle (process_handle.h), and takes it for the worker that it looks for
 * only when ETL_RUN in its environment says so: the handle comes from a table
 * that people can write to, and nobody else's process is to be killed for what
 * stands there. What an adopted worker writes has no reader.
 *
 * Where this process is PID 1, or a subreaper, it reaps the orphans that it
 * inherits: whoever else starts children in it loses their status.
 */
#ifndef EXEC_PROCESS_H
#define EXEC_PROCESS_H

#include "exec/executor.h"

#define PROCESS_WORKERS_MAX 1000 /* what [controller] max_workers can be */

/* As executor_process.open, for tests: with another program than our own. */
MUST_CHECK int executor_process_open_with(
	const char *program, const struct clock *clock, struct executor **ret_x, struct err *err);

#endif
