/*
 * proc - child processes.
 *
 * A child gets a process group of its own, so that what it starts can be ended
 * with it, and a pidfd, so that a number that the kernel reused is never
 * signalled. Descriptors other than the three standard ones are close-on-exec
 * everywhere in this program and stay out of it.
 *
 * A process that somebody else started can be watched and signalled as well
 * (proc_open); how it ended is for its parent to hear. Needs Linux 5.4.
 */
#ifndef BASE_PROC_H
#define BASE_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct proc {
	pid_t pid;
	int pidfd; /* becomes readable when the process ends */
	int out;   /* what the child writes to its standard output; -1 when not asked for */
	int err;   /* the same for standard error */
};

struct proc_end {
	bool signalled;
	int status; /* exit status, or the signal's number */
};

/* Streams to capture; the others are inherited. MERGED: both, in the order they were written,
 * through one pipe, which is `out`. */
enum { PROC_OUT = 1, PROC_ERR = 2, PROC_MERGED = 4 };

/* `argv` ends with NULL; argv[0] is looked up in PATH when it has no '/'. `envp` NULL: ours.
 * Standard input is /dev/null. That the program cannot be executed is an error here, not an exit
 * status: ERR_NOT_FOUND when there is none of that name, ERR_CONFIG when it cannot be executed, ERR_IO
 * when there are no means to start anything. */
MUST_CHECK int proc_start(const char *const *argv, char *const *envp, int capture,
	struct proc *ret_proc, struct err *err);

/* Waits at most `timeout_ms` (-1: for ever). 1: ended; 0: still running, or still looked at by a
 * debugger. ERR_NOT_FOUND: it has ended, but is not our child, or was waited for before. */
MUST_CHECK int proc_wait(struct proc *p, int timeout_ms, struct proc_end *ret_end,
	struct err *err);

/* Has it ended? Does not block, and the status stays to be waited for. */
bool proc_ended(const struct proc *p);

/* To the whole group, also to what a process left behind in it that has ended; that nobody is there
 * is no error. Where a number might have been given away again, nobody is hit. */
void proc_signal(struct proc *p, int signal);

/* To the process alone. */
void proc_signal_alone(struct proc *p, int signal);

/* SIGTERM, at most `grace_ms`, SIGKILL; returns when it has ended. What it leaves behind in its
 * group is killed when it has ended. */
MUST_CHECK int proc_stop(struct proc *p, int grace_ms, struct proc_end *ret_end, struct err *err);

/* Closes the descriptors; does not end the child. */
void proc_release(struct proc *p);

/* A process that is there, by its number. It takes proc_stat before and after to know whose number
 * that is. ERR_NOT_FOUND when there is none. */
MUST_CHECK int proc_open(pid_t pid, struct proc *ret_proc, struct err *err);

/* Of /proc/PID/stat (proc_pid_stat(5)). Number and start together name one process of a boot. */
struct proc_stat {
	pid_t group;
	int64_t start; /* clock ticks from the host's boot to its start */
};

/* ERR_NOT_FOUND when there is no such process, or none that we may see. */
MUST_CHECK int proc_stat(pid_t pid, struct proc_stat *ret_stat, struct err *err);

#define PROC_REAP_MAX 64 /* children in one call of proc_reap */

/* Forgets children that have ended and that `known` does not claim: a process that is PID 1 of a
 * container, or a subreaper (prctl(2)), inherits the orphans of others. Stops at the first that is
 * known, since the kernel shows no further one before that was waited for. Does not block. Returns
 * how many there were. */
int proc_reap(bool (*known)(void *arg, pid_t pid), void *arg);

#endif
