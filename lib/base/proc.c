#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/number.h"

#ifndef PIDFD_SIGNAL_PROCESS_GROUP
#define PIDFD_SIGNAL_PROCESS_GROUP (1u << 2) /* linux/pidfd.h, since Linux 6.9 */
#endif

#define STAT_MAX 2048 /* bytes of /proc/PID/stat: 52 numbers and a name */

extern char **environ;

static int make_pipe(int ret_fds[2], struct err *err)
{
	if (pipe2(ret_fds, O_CLOEXEC) < 0)
		return err_errno(err, ERR_IO, errno, "pipe");
	return 0;
}

static void close_pair(int fds[2])
{
	mem_close_fd(&fds[0]);
	mem_close_fd(&fds[1]);
}

/* posix_spawn reports a failed exec to the parent, which fork alone does not. */
static int spawn(const char *const *argv, char *const *envp, int out, int err_fd, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int e;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (out >= 0)
		posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	if (err_fd >= 0)
		posix_spawn_file_actions_adddup2(&actions, err_fd, STDERR_FILENO);
	posix_spawnattr_init(&attr);
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setflags(&attr,
		POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	e = posix_spawnp(ret_pid, argv[0], &actions, &attr, (char *const *)(uintptr_t)argv,
		envp ? envp : environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return e;
}

/* A program that is not there or is none stays so; the rest may be better next time. */
static enum err_code start_code(int e)
{
	switch (e) {
	case ENOENT:
		return ERR_NOT_FOUND;
	case E2BIG:
	case EACCES:
	case EISDIR:
	case ELOOP:
	case ENAMETOOLONG:
	case ENOEXEC:
	case ENOTDIR:
		return ERR_CONFIG;
	default:
		return ERR_IO;
	}
}

int proc_start(const char *const *argv, char *const *envp, int capture, struct proc *ret_proc,
	struct err *err)
{
	struct proc p = {.pid = -1, .pidfd = -1, .out = -1, .err = -1};
	int out[2] = {-1, -1}, errs[2] = {-1, -1}, e;

	if (((capture & (PROC_OUT | PROC_MERGED)) && make_pipe(out, err)) ||
		((capture & PROC_ERR) && make_pipe(errs, err))) {
		close_pair(out);
		return err_wrap(err, "start '%s'", argv[0]);
	}
	e = spawn(argv, envp, out[1], capture & PROC_MERGED ? out[1] : errs[1], &p.pid);
	if (e) {
		close_pair(out);
		close_pair(errs);
		return err_errno(err, start_code(e), e, "start '%s'", argv[0]);
	}
	p.pidfd = (int)syscall(SYS_pidfd_open, p.pid, 0); /* our child: the pid cannot be reused yet */
	p.out = mem_take_fd(&out[0]);
	p.err = mem_take_fd(&errs[0]);
	close_pair(out);
	close_pair(errs);
	if (p.pidfd < 0) {
		e = errno;
		kill(-p.pid, SIGKILL);
		waitpid(p.pid, NULL, 0);
		proc_release(&p);
		return err_errno(err, ERR_IO, e, "pidfd of '%s'", argv[0]);
	}
	*ret_proc = p;
	return 0;
}

/* 1: it has ended; 0: not within the time. */
static int poll_end(const struct proc *p, int timeout_ms, struct err *err)
{
	const struct clock *clock = &clock_system;
	struct pollfd pfd = {.fd = p->pidfd, .events = POLLIN};
	int64_t end = clock->monotonic(clock->arg) + timeout_ms, left = timeout_ms;
	int n;

	while ((n = poll(&pfd, 1, (int)left)) < 0 && errno == EINTR)
		if (timeout_ms >= 0) {
			left = end - clock->monotonic(clock->arg);
			left = left > 0 ? left : 0;
		}
	if (n < 0)
		return err_errno(err, ERR_IO, errno, "wait for process %d", (int)p->pid);
	return n;
}

/* By pidfd: a number may meanwhile be another child's. 0: not to be had yet. */
static int reap(struct proc *p, int options, struct proc_end *ret_end, struct err *err)
{
	siginfo_t info = {.si_pid = 0};
	int rc;

	do
		rc = waitid(P_PIDFD, (id_t)p->pidfd, &info, WEXITED | options);
	while (rc < 0 && errno == EINTR);
	if (rc < 0)
		return err_errno(err, errno == ECHILD ? ERR_NOT_FOUND : ERR_IO, errno,
			"wait for process %d", (int)p->pid);
	if (info.si_pid == 0)
		return 0;
	ret_end->signalled = info.si_code != CLD_EXITED;
	ret_end->status = info.si_status;
	return 1;
}

int proc_wait(struct proc *p, int timeout_ms, struct proc_end *ret_end, struct err *err)
{
	int n = poll_end(p, timeout_ms, err);

	if (n <= 0)
		return n;
	return reap(p, timeout_ms < 0 ? 0 : WNOHANG, ret_end, err);
}

bool proc_ended(const struct proc *p)
{
	struct pollfd pfd = {.fd = p->pidfd, .events = POLLIN};

	return poll(&pfd, 1, 0) == 1;
}

static int send_signal(const struct proc *p, int signal, unsigned flags)
{
	return (int)syscall(SYS_pidfd_send_signal, p->pidfd, signal, NULL, flags);
}

/*
 * The kernel keeps a process's number from being given away as long as somebody has it as his
 * process, group or session, so a group outlives its leader under a number of its own. By pidfd
 * the signal goes to that group and to no later one of the same number.
 *
 * Before Linux 6.9 it goes by number, which is right while the leader lives or waits to be reaped.
 * A child of ours is reaped after this. Somebody else's can be reaped between the two lines, but
 * then its number is only free when its group is empty too, and only used again when the kernel
 * has gone round all others in that time. Once it was reaped what it left behind is left alone.
 */
void proc_signal(struct proc *p, int signal)
{
	if (send_signal(p, signal, PIDFD_SIGNAL_PROCESS_GROUP) == 0 || errno != EINVAL)
		return;
	if (send_signal(p, 0, 0) == 0)
		kill(-p->pid, signal);
}

void proc_signal_alone(struct proc *p, int signal)
{
	send_signal(p, signal, 0);
}

/* Until it is reaped its number, and so its group's, is its own: what it started and left behind
 * gets the second signal too. */
int proc_stop(struct proc *p, int grace_ms, struct proc_end *ret_end, struct err *err)
{
	proc_signal(p, SIGTERM);
	if (poll_end(p, grace_ms, err) < 0)
		return -1;
	proc_signal(p, SIGKILL);
	return reap(p, 0, ret_end, err) < 0 ? -1 : 0;
}

void proc_release(struct proc *p)
{
	mem_close_fd(&p->pidfd);
	mem_close_fd(&p->out);
	mem_close_fd(&p->err);
}

int proc_open(pid_t pid, struct proc *ret_proc, struct err *err)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (fd < 0) /* EINVAL, later ENOENT: the number is a thread's */
		return err_errno(err,
			errno == ESRCH || errno == EINVAL || errno == ENOENT ? ERR_NOT_FOUND
									     : ERR_IO,
			errno, "open process %d", (int)pid);
	*ret_proc = (struct proc){.pid = pid, .pidfd = fd, .out = -1, .err = -1};
	return 0;
}

/* The n-th field of a line, counted from 1; the second is a name in brackets that may hold blanks
 * and brackets. -1: there is none, or it is no number. */
static int64_t stat_field(const char *line, int n)
{
	const char *p = strrchr(line, ')');
	int64_t value;
	size_t len;

	for (int i = 2; p && i < n; i++) {
		p = strchr(p, ' ');
		p = p ? p + 1 : NULL;
	}
	if (!p)
		return -1;
	len = strcspn(p, " \n");
	return number_parse_int(p, len, &value) == NUMBER_OK ? value : -1;
}

static int read_stat(pid_t pid, char line[STAT_MAX], struct err *err)
{
	CLEANUP_CLOSE int fd = -1;
	ssize_t n;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, line, STAT_MAX - 1);
	if (n < 0)
		return err_errno(err, errno == ENOENT || errno == ESRCH ? ERR_NOT_FOUND : ERR_IO,
			errno, "read '%s'", path);
	line[n] = '\0';
	return 0;
}

int proc_stat(pid_t pid, struct proc_stat *ret_stat, struct err *err)
{
	enum { FIELD_GROUP = 5, FIELD_START = 22 };
	char line[STAT_MAX];
	int64_t group, start;

	if (read_stat(pid, line, err))
		return -1;
	group = stat_field(line, FIELD_GROUP);
	start = stat_field(line, FIELD_START);
	if (group < 0 || start < 0)
		return err_set(err, ERR_IO, "'/proc/%d/stat' is not what it should be", (int)pid);
	*ret_stat = (struct proc_stat){.group = (pid_t)group, .start = start};
	return 0;
}

int proc_reap(bool (*known)(void *arg, pid_t pid), void *arg)
{
	int n = 0;

	for (; n < PROC_REAP_MAX; n++) {
		siginfo_t info = {.si_pid = 0};

		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0 ||
			known(arg, info.si_pid))
			break;
		waitid(P_PID, (id_t)info.si_pid, &info, WEXITED | WNOHANG);
	}
	return n;
}
