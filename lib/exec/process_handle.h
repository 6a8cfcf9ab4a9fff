/*
 * process_handle - a process of some host as text, and finding it again.
 *
 *	process:BOOT_ID:PID_NAMESPACE:PID:START
 *
 * BOOT_ID is the kernel's name for its time since it was started
 * (/proc/sys/kernel/random/boot_id, random(4)), PID_NAMESPACE the inode of
 * /proc/self/ns/pid (pid_namespaces(7)), START the process's start in clock ticks since then
 * (proc_pid_stat(5)): a number that was given away again has another start, and
 * nothing of it holds on another host or after a boot.
 */
#ifndef EXEC_PROCESS_HANDLE_H
#define EXEC_PROCESS_HANDLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/proc.h"
#include "exec/executor.h"

#define PROCESS_RUN_VARIABLE "ETL_RUN" /* RUN:FENCE:RUN_UID, in a worker's environment */

/* Whose numbers of processes are meant. */
struct process_place {
	char boot_id[UUID_TEXT_LEN + 1]; /* 8-4-4-4-12 lower-case hexadecimal digits */
	uint64_t pid_namespace;
};

struct process_handle {
	struct process_place place;
	int32_t pid;   /* above 0 */
	int64_t start; /* not below 0 */
};

void process_handle_print(const struct process_handle *h, char out[EXECUTOR_HANDLE_MAX]);

/* 0, or -1 for everything that process_handle_print does not print. Pure; any text will do. */
MUST_CHECK int process_handle_parse(const char *text, struct process_handle *ret_handle);

/* Where this process is. ERR_IO when /proc is missing or another namespace's. */
MUST_CHECK int process_place_here(struct process_place *ret_place, struct err *err);

/* The worker of that run and fence that the handle names, seen from `here`. Only when it is ALIVE,
 * *ret_proc watches it: release it. ELSEWHERE also when that process is there, but was not started
 * for that run and fence (PROCESS_RUN_VARIABLE), or must not be looked at. */
MUST_CHECK enum executor_found process_find(const struct process_handle *h,
	const struct process_place *here, int64_t run_id, int64_t fence, struct proc *ret_proc);

/* Of this process, whatever it is. */
MUST_CHECK int process_handle_self(char out[EXECUTOR_HANDLE_MAX], struct err *err);

/* Does the process of a handle live? Says nothing about what it is: not for one that is to be
 * signalled. */
enum executor_found process_handle_look(const char *text);

#endif
