/*
 * process_left - what a worker that died left running.
 *
 * A worker stops what its step started; one that was killed cannot. Its command
 * would go on beside that of the next attempt. A worker sets PROCESS_LEFT_VARIABLE
 * to its own handle, which all that it starts inherits, whatever group or session
 * it moves to; that is how it is found.
 */
#ifndef EXEC_PROCESS_LEFT_H
#define EXEC_PROCESS_LEFT_H

#include <stddef.h>

#define PROCESS_LEFT_VARIABLE "ETL_WORKER"

/* Kills what the worker of this handle started, and what that did. The worker must have ended. Returns
 * how many processes there were. One of another user, or that cleared its environment, is not found. */
size_t process_left_kill(const char *handle);

#endif
