#include "exec/process_left.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/proc.h"

#define ENVIRONMENT_MAX (8u * 1024 * 1024) /* bytes; more than the kernel lets through exec */
#define PASSES_MAX      10		   /* what forks while we look is found by the next one */

static bool has_entry(pid_t pid, const char *entry)
{
	CLEANUP(buf_release) struct buf env = BUF_INIT(ENVIRONMENT_MAX);
	struct err err = ERR_INIT;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
	if (file_read(path, &env, &err))
		return false;
	for (const char *p = buf_str(&env), *end = p + env.len; p < end; p += strlen(p) + 1)
		if (strcmp(p, entry) == 0)
			return true;
	return false;
}

/* Looked at again behind the pidfd: the number may have been given away meanwhile. */
static bool kill_one(pid_t pid, const char *entry)
{
	CLEANUP(proc_release) struct proc p = {.pid = -1, .pidfd = -1, .out = -1, .err = -1};
	struct err err = ERR_INIT;

	if (!has_entry(pid, entry) || proc_open(pid, &p, &err) || !has_entry(pid, entry))
		return false;
	proc_signal_alone(&p, SIGKILL);
	return true;
}

static size_t pass(const char *entry)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;
	size_t n = 0;

	while (dir && (e = readdir(dir))) {
		char *end;
		long pid = strtol(e->d_name, &end, 10);

		if (pid > 1 && *end == '\0' && kill_one((pid_t)pid, entry))
			n++;
	}
	if (dir)
		closedir(dir);
	return n;
}

size_t process_left_kill(const char *handle)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	const char *entry = arena_printf(&a, PROCESS_LEFT_VARIABLE "=%s", handle);
	size_t n, killed = 0;

	for (int i = 0; i < PASSES_MAX && (n = pass(entry)) > 0; i++)
		killed += n;
	return killed;
}
