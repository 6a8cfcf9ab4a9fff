#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

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

int proc_start(const char *const *argv, char *const *envp, int capture, struct proc *ret_proc,
	struct err *err)
{
	struct proc p = {.pid = -1, .pidfd = -1, .out = -1, .err = -1};
	int out[2] = {-1, -1}, errs[2] = {-1, -1}, e;

	if (((capture & PROC_OUT) && make_pipe(out, err)) ||
		((capture & PROC_ERR) && make_pipe(errs, err))) {
		close_pair(out);
		return err_wrap(err, "start '%s'", argv[0]);
	}
	e = spawn(argv, envp, out[1], errs[1], &p.pid);
	if (e) {
		close_pair(out);
		close_pair(errs);
		return err_errno(err, e == ENOENT ? ERR_NOT_FOUND : ERR_IO, e, "start '%s'",
			argv[0]);
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
static int poll_end(struct proc *p, int timeout_ms, struct err *err)
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

static int reap(struct proc *p, struct proc_end *ret_end, struct err *err)
{
	int status;
	pid_t pid;

	do
		pid = waitpid(p->pid, &status, 0);
	while (pid < 0 && errno == EINTR);
	if (pid < 0)
		return err_errno(err, ERR_IO, errno, "wait for process %d", (int)p->pid);
	ret_end->signalled = WIFSIGNALED(status);
	ret_end->status = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
	return 0;
}

int proc_wait(struct proc *p, int timeout_ms, struct proc_end *ret_end, struct err *err)
{
	int n = poll_end(p, timeout_ms, err);

	if (n <= 0)
		return n;
	return reap(p, ret_end, err) ? -1 : 1;
}

void proc_signal(struct proc *p, int signal)
{
	if (syscall(SYS_pidfd_send_signal, p->pidfd, 0, NULL, 0) == 0)
		kill(-p->pid, signal); /* it is not reaped, so its group is still its own */
}

/* Until it is reaped its number, and so its group's, is its own: what it started and left behind
 * gets the second signal too. */
int proc_stop(struct proc *p, int grace_ms, struct proc_end *ret_end, struct err *err)
{
	proc_signal(p, SIGTERM);
	if (poll_end(p, grace_ms, err) < 0)
		return -1;
	proc_signal(p, SIGKILL);
	return reap(p, ret_end, err);
}

void proc_release(struct proc *p)
{
	mem_close_fd(&p->pidfd);
	mem_close_fd(&p->out);
	mem_close_fd(&p->err);
}
