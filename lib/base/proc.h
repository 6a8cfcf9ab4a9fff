/*
 * proc - child processes.
 *
 * A child gets a process group of its own, so that what it starts can be ended
 * with it, and a pidfd, so that a number that the kernel reused is never
 * signalled. Descriptors other than the three standard ones are close-on-exec
 * everywhere in this program and stay out of it.
 */
#ifndef BASE_PROC_H
#define BASE_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct proc {
	pid_t pid;
	int pidfd; /* becomes readable when the child ends */
	int out;   /* what the child writes to its standard output; -1 when not asked for */
	int err;   /* the same for standard error */
};

struct proc_end {
	bool signalled;
	int status; /* exit status, or the signal's number */
};

enum { PROC_OUT = 1, PROC_ERR = 2 }; /* streams to capture; the others are inherited */

/* `argv` ends with NULL; argv[0] is looked up in PATH when it has no '/'. `envp` NULL: ours.
 * Standard input is /dev/null. That the program cannot be executed is an error here, not an exit
 * status: ERR_NOT_FOUND when there is none of that name. */
MUST_CHECK int proc_start(const char *const *argv, char *const *envp, int capture,
	struct proc *ret_proc, struct err *err);

/* Waits at most `timeout_ms` (-1: for ever). 1: ended; 0: still running. */
MUST_CHECK int proc_wait(struct proc *p, int timeout_ms, struct proc_end *ret_end,
	struct err *err);

/* To the whole group; a child that has ended is no error. */
void proc_signal(struct proc *p, int signal);

/* SIGTERM, at most `grace_ms`, SIGKILL; returns when it has ended. What it leaves behind in its
 * group is killed when it has ended. */
MUST_CHECK int proc_stop(struct proc *p, int grace_ms, struct proc_end *ret_end, struct err *err);

/* Closes the descriptors; does not end the child. */
void proc_release(struct proc *p);

#endif
