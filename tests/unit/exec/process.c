#include "exec/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/proc.h"
#include "exec/process_handle.h"
#include "unit/support.h"

#define PATIENCE_MS 60000 /* then a test fails instead of hanging */

/* Parts of scripts: waits for a file of the test's directory, which is where scripts run. */
#define UNTIL(file) "while [ ! -e " file " ]; do sleep 0.01; done; "
#define QUIET       "exec 2>/dev/null; "
#define FOREVER     "while :; do sleep 0.01; done"

static int64_t time_ms;
static const struct clock clock_here = TEST_CLOCK(&time_ms);

/* --- helpers --------------------------------------------------------------- */

static int64_t real_ms(void)
{
	return clock_system.monotonic(NULL);
}

/* An executor whose worker is this shell script. */
static struct executor *open_script(const char *script)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT(10000);
	static int n; /* a file of its own: the one before may still be running */
	struct executor *x = NULL;
	struct err err = ERR_INIT;
	const char *path;
	char name[32];

	snprintf(name, sizeof(name), "worker-%d", n++);
	path = in_dir(name);
	buf_printf(&text, "#!/bin/sh\ncd '%s'\n%s\n", in_dir(""), script);
	file_write(path, buf_str(&text));
	assert_int_equal(chmod(path, 0755), 0);
	time_ms = 1000;
	must(executor_process_open_with(path, &clock_here, &x, &err), &err);
	return x;
}

/* Job, run and fence of a worker are the same number; returns its handle, good until the next. */
static const char *start(struct executor *x, int64_t n)
{
	static char handle[EXECUTOR_HANDLE_MAX];
	const struct worker_spec spec = {
		.job_id = n, .run_id = n, .fence = n, .run_uid = "uid"};
	struct err err = ERR_INIT;

	must(x->ops->start(x, &spec, handle, &err), &err);
	return handle;
}

static void wait_readable(int fd)
{
	assert_int_equal(poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, PATIENCE_MS), 1);
}

static bool readable(int fd)
{
	return poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 0) == 1;
}

static struct worker_end wait_end(struct executor *x)
{
	struct worker_end end;

	while (!x->ops->next(x, &end))
		wait_readable(x->ops->fd(x));
	return end;
}

/* While no worker ends. */
static void wait_file(struct executor *x, const char *name)
{
	int64_t until = real_ms() + PATIENCE_MS;
	struct worker_end end;

	while (access(in_dir(name), F_OK)) {
		assert_true(real_ms() < until);
		if (x)
			assert_int_equal(x->ops->next(x, &end), 0);
		usleep(1000);
	}
}

static void make_file(const char *name)
{
	file_write(in_dir(name), "");
}

static const char *read_text(const char *name)
{
	static struct buf text = BUF_INIT(100000);
	struct err err = ERR_INIT;

	buf_reset(&text);
	must(file_read(in_dir(name), &text, &err), &err);
	return buf_str(&text);
}

static pid_t read_pid(const char *name)
{
	pid_t pid = (pid_t)strtol(read_text(name), NULL, 10);

	assert_true(pid > 1);
	return pid;
}

static pid_t pid_of(const char *handle)
{
	struct process_handle h;

	assert_int_equal(process_handle_parse(handle, &h), 0);
	return h.pid;
}

/* A zombie is dead. */
static void wait_dead(pid_t pid)
{
	struct err err = ERR_INIT;
	struct proc p;

	if (proc_open(pid, &p, &err)) {
		assert_int_equal(err.code, ERR_NOT_FOUND);
		return;
	}
	wait_readable(p.pidfd);
	proc_release(&p);
}

static bool alive(pid_t pid)
{
	struct err err = ERR_INIT;
	struct proc p;
	bool ended;

	if (proc_open(pid, &p, &err))
		return false;
	ended = proc_ended(&p);
	proc_release(&p);
	return !ended;
}

static bool no_children(void)
{
	siginfo_t info;

	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD;
}

/* All workers' ends were told. */
static void close_idle(struct executor *x)
{
	assert_int_equal(x->ops->count(x), 0);
	assert_true(x->ops->deadline(x) == INT64_MAX);
	assert_false(readable(x->ops->fd(x)));
	x->ops->close(x);
}

static void kill_worker(struct executor *x, int64_t n)
{
	struct worker_end end;

	x->ops->stop(x, n, n, 0);
	do {
		end = wait_end(x);
	} while (end.run_id != n);
}

static int descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* --- starting and ending --------------------------------------------------- */

static void ends_are_told(void **state)
{
	static const struct {
		int exit_status;
		const char *reason, *output;
	} expected[] = {
		{0, "exit status 0", ""},
		{7, "exit status 7", "out\nerr\nhalf a line"},
		{-1, "killed by signal 9 (Killed)", "before\n"},
		{-1, "killed by signal 15 (Terminated)", ""},
		{255, "exit status 255", ""},
	};
	struct executor *x = open_script("case $3 in 0) exit 0;;"
					 "1) echo out; echo err >&2; printf 'half a line'; exit 7;;"
					 "2) echo before; kill -9 $$;;"
					 "3) kill $$;;"
					 "4) exit 255;; esac");
	bool seen[ARRAY_LEN(expected)] = {false};

	(void)state;
	assert_string_equal(x->ops->name, "process");
	for (int i = 0; i < (int)ARRAY_LEN(expected); i++)
		start(x, i);
	assert_int_equal(x->ops->count(x), ARRAY_LEN(expected));
	for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
		struct worker_end end = wait_end(x);

		assert_in_range(end.run_id, 0, ARRAY_LEN(expected) - 1);
		assert_int_equal(end.fence, end.run_id);
		assert_false(seen[end.run_id]);
		seen[end.run_id] = true;
		assert_true(end.known);
		assert_false(end.stopped);
		assert_int_equal(end.exit_status, expected[end.run_id].exit_status);
		assert_string_equal(end.reason, expected[end.run_id].reason);
		assert_string_equal(end.output, expected[end.run_id].output);
		assert_int_equal(end.output_len, strlen(end.output));
		assert_int_equal(end.output_lost, 0);
		assert_int_equal(x->ops->count(x), ARRAY_LEN(expected) - 1 - i);
	}
	close_idle(x);
	assert_true(no_children());
}

/* What a worker that prints its arguments, environment, input and limits says. */
static void check_told(struct executor *x, const char *config, const char *expected)
{
	CLEANUP(buf_release) struct buf all = BUF_INIT(10000);
	const struct worker_spec spec = {.job_id = 12,
		.run_id = INT64_MAX,
		.fence = 3,
		.run_uid = "0193-uid",
		.config = config};
	char handle[EXECUTOR_HANDLE_MAX];
	struct err err = ERR_INIT;
	struct worker_end end;

	must(x->ops->start(x, &spec, handle, &err), &err);
	end = wait_end(x);
	assert_true(end.run_id == INT64_MAX);
	assert_int_equal(end.fence, 3);
	buf_printf(&all, "%s500\n%d\n", expected, (int)pid_of(handle)); /* leads its group */
	assert_string_equal(end.output, buf_str(&all));
}

static void worker_is_told_its_run(void **state)
{
	struct rlimit limit, low;
	struct executor *x;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	low = limit;
	low.rlim_cur = 500;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	x = open_script("echo \"$@\"; env | grep ^ETL_ | sort; cat; ulimit -n;"
			"cut -d' ' -f5 /proc/$$/stat");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &low), 0);
	assert_true(low.rlim_cur > 2 * PROCESS_WORKERS_MAX || low.rlim_cur == low.rlim_max);
	setenv("ETL_RUN", "1:2:another", 1);
	setenv("ETL_MORE", "ours", 1);
	unsetenv("ETL_LOG_FORMAT");
	check_told(x, "a b.ini",
		"worker --job 12 --config a b.ini\nETL_LOG_FORMAT=json\nETL_MORE=ours\n"
		"ETL_RUN=9223372036854775807:3:0193-uid\n");
	setenv("ETL_LOG_FORMAT", "text", 1);
	check_told(x, NULL,
		"worker --job 12\nETL_LOG_FORMAT=text\nETL_MORE=ours\n"
		"ETL_RUN=9223372036854775807:3:0193-uid\n");
	unsetenv("ETL_LOG_FORMAT");
	unsetenv("ETL_RUN");
	unsetenv("ETL_MORE");
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	close_idle(x);
}

static void starting_twice_is_one_worker(void **state)
{
	struct executor *x = open_script("echo $ETL_RUN >> started; exec sleep 1000");
	struct worker_spec spec = {
		.job_id = 1, .run_id = 7, .fence = 3, .run_uid = "u"};
	char first[EXECUTOR_HANDLE_MAX], again[EXECUTOR_HANDLE_MAX];
	struct err err = ERR_INIT;
	struct worker_end end;

	(void)state;
	must(x->ops->start(x, &spec, first, &err), &err);
	must(x->ops->start(x, &spec, again, &err), &err);
	assert_string_equal(first, again);
	assert_int_equal(x->ops->count(x), 1);
	kill(pid_of(first), SIGKILL);
	wait_dead(pid_of(first));
	must(x->ops->start(x, &spec, again, &err), &err); /* its end was not told yet */
	assert_string_equal(first, again);
	spec.fence = 4; /* another attempt */
	must(x->ops->start(x, &spec, again, &err), &err);
	assert_string_not_equal(first, again);
	assert_int_equal(x->ops->count(x), 2);
	end = wait_end(x);
	assert_int_equal(end.fence, 3);
	x->ops->stop(x, 7, 4, 0);
	end = wait_end(x);
	assert_int_equal(end.fence, 4);
	close_idle(x);
	assert_true(no_children());
}

static void what_cannot_be_started(void **state)
{
	CLEANUP_FREE char *uid = repeat('u', 200);
	struct worker_spec spec = {
		.job_id = 1, .run_id = 7, .fence = 3, .run_uid = "u"};
	char handle[EXECUTOR_HANDLE_MAX] = "untouched";
	struct executor *x = NULL;
	struct err err = ERR_INIT;

	(void)state;
	must(executor_process_open_with("/no/such", &clock_here, &x, &err), &err);
	assert_int_equal(x->ops->start(x, &spec, handle, &err), -1);
	check_err(&err, ERR_NOT_FOUND,
		"start a worker for run 7: start '/no/such': No such file or directory");
	spec.run_uid = uid;
	assert_int_equal(x->ops->start(x, &spec, handle, &err), -1);
	check_err(&err, ERR_LIMIT, "start a worker for run 7: the run's uid is too long");
	assert_string_equal(handle, "untouched");
	close_idle(x);
}

/* At each place where one is needed: nothing is left behind, and the next start works. */
static void descriptors_run_out(void **state)
{
	struct executor *x = open_script("exec sleep 1000");
	const struct worker_spec spec = {
		.job_id = 1, .run_id = 1, .fence = 1, .run_uid = "u"};
	char handle[EXECUTOR_HANDLE_MAX];
	int before = descriptors(), failed = 0, started = 0, next_fd = dup(0);
	struct rlimit limit, low;

	(void)state;
	close(next_fd);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	low = limit;
	for (int more = 0; more < 6; more++) {
		struct err err = ERR_INIT;
		int rc;

		low.rlim_cur = (rlim_t)(next_fd + more);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
		rc = x->ops->start(x, &spec, handle, &err);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
		if (rc == 0) {
			started++;
			kill_worker(x, 1);
		} else {
			failed++;
			assert_int_equal(err.code, ERR_IO);
			assert_non_null(strstr(err.msg, "start a worker for run 1: "));
			assert_non_null(strstr(err.msg, strerror(EMFILE)));
		}
		assert_int_equal(x->ops->count(x), 0);
		assert_int_equal(descriptors(), before);
		assert_true(no_children());
	}
	assert_true(failed >= 2);
	assert_true(started >= 2);
	close_idle(x);
}

/* A parent may have handed SIGCHLD down ignored: then the kernel keeps no status. */
static void statuses_are_kept(void **state)
{
	struct executor *x;

	(void)state;
	signal(SIGCHLD, SIG_IGN);
	x = open_script("exit 3");
	start(x, 1);
	assert_int_equal(wait_end(x).exit_status, 3);
	close_idle(x);
	signal(SIGCHLD, SIG_DFL);
}

static void as_many_as_can_be_watched(void **state)
{
	struct worker_spec spec = {.job_id = 1, .fence = 1, .run_uid = "u"};
	char handle[EXECUTOR_HANDLE_MAX];
	struct executor *x = NULL;
	struct err err = ERR_INIT;

	(void)state;
	must(executor_process_open_with("/bin/true", &clock_here, &x, &err), &err);
	for (spec.run_id = 1; spec.run_id <= PROCESS_WORKERS_MAX; spec.run_id++)
		must(x->ops->start(x, &spec, handle, &err), &err);
	assert_int_equal(x->ops->start(x, &spec, handle, &err), -1);
	check_err(&err, ERR_BUSY, "start a worker for run 1001: there are 1000 workers");
	for (int i = 0; i < PROCESS_WORKERS_MAX; i++)
		assert_int_equal(wait_end(x).exit_status, 0);
	close_idle(x);
	assert_true(no_children());
}

/* --- output ---------------------------------------------------------------- */

static void last_output_is_kept(void **state)
{
	struct executor *x = open_script(
		"yes '0123456789 0123456789 0123456789' | head -c 20000000; echo; echo end");
	const uint64_t printed = 20000000 + strlen("\nend\n");
	struct worker_end end;

	(void)state;
	start(x, 1);
	end = wait_end(x);
	assert_int_equal(end.exit_status, 0);
	assert_in_range(end.output_len, EXECUTOR_OUTPUT_MAX - 100, EXECUTOR_OUTPUT_MAX);
	assert_true(end.output_lost + end.output_len == printed);
	assert_int_equal(strncmp(end.output, "0123456789 0123456789 0123456789\n", 33), 0);
	assert_string_equal(end.output + end.output_len - 5, "\nend\n");
	close_idle(x);
}

/* They neither keep a call busy, nor hide that another one ended. */
static void endless_output_holds_nobody_up(void **state)
{
	enum { CHATTERS = 40 }; /* more than one call looks at */
	struct executor *x = open_script("[ $3 = 0 ] || exec yes; " UNTIL("go") "exit 4");
	struct worker_end end;

	(void)state;
	for (int i = 1; i <= CHATTERS; i++)
		start(x, i);
	start(x, 0);
	for (int i = 0; i < 100; i++) {
		wait_readable(x->ops->fd(x));
		assert_int_equal(x->ops->next(x, &end), 0);
	}
	make_file("go");
	end = wait_end(x);
	assert_int_equal(end.run_id, 0);
	assert_int_equal(end.exit_status, 4);
	for (int i = 1; i <= CHATTERS; i++)
		x->ops->stop(x, i, i, 0);
	for (int i = 1; i <= CHATTERS; i++) {
		end = wait_end(x);
		assert_true(end.stopped);
		assert_true(end.output_len <= EXECUTOR_OUTPUT_MAX);
		assert_int_equal(strncmp(end.output, "y\ny\n", end.output_len < 4 ? 0 : 4), 0);
	}
	close_idle(x);
}

static void closed_pipes_are_no_end(void **state)
{
	struct executor *x =
		open_script("echo before; exec >&- 2>&-; echo $$ > closed; " UNTIL("go") "exit 3");
	struct worker_end end;

	(void)state;
	start(x, 1);
	wait_file(x, "closed");
	for (int i = 0; i < 3; i++) /* takes the output and the end of it */
		assert_int_equal(x->ops->next(x, &end), 0);
	assert_false(readable(x->ops->fd(x)));
	assert_int_equal(x->ops->count(x), 1);
	make_file("go");
	end = wait_end(x);
	assert_int_equal(end.exit_status, 3);
	assert_string_equal(end.output, "before\n");
	close_idle(x);
}

/* --- what a worker starts -------------------------------------------------- */

static void group_ends_with_its_leader(void **state)
{
	struct executor *x =
		open_script("(sleep 1000 & echo $! > one; sleep 1000) & echo $! > two;" UNTIL(
			"one") "echo out; exit 4");
	struct worker_end end;

	(void)state;
	start(x, 1);
	end = wait_end(x); /* although they hold the pipe */
	assert_int_equal(end.exit_status, 4);
	assert_string_equal(end.output, "out\n");
	wait_dead(read_pid("one"));
	wait_dead(read_pid("two"));
	close_idle(x);
}

/* What left the group is not reached, but holds nothing up either. */
static void daemon_does_not_hold_the_end_up(void **state)
{
	struct executor *x = open_script("setsid sh -c 'echo $$ > daemon.new; mv daemon.new daemon;"
					 "exec sleep 1000' & " UNTIL("daemon") "echo out; exit 4");
	struct worker_end end;
	pid_t daemon;

	(void)state;
	start(x, 1);
	end = wait_end(x);
	assert_int_equal(end.exit_status, 4);
	assert_string_equal(end.output, "out\n");
	daemon = read_pid("daemon");
	assert_true(alive(daemon));
	kill(daemon, SIGKILL);
	wait_dead(daemon);
	close_idle(x);
}

/* One that writes at full speed while the end is told, so that its output never ends. */
static void chatty_daemon_does_not_hold_the_end_up(void **state)
{
	struct executor *x = open_script("setsid sh -c 'echo $$ > daemon.new; mv daemon.new daemon;"
					 "exec yes' & " UNTIL("daemon") "exit 4");
	struct worker_end end;

	(void)state;
	start(x, 1);
	end = wait_end(x);
	assert_int_equal(end.exit_status, 4);
	wait_dead(read_pid("daemon")); /* nobody reads: SIGPIPE */
	close_idle(x);
}

/* --- stopping -------------------------------------------------------------- */

static void worker_stops_what_it_started_itself(void **state)
{
	struct executor *x = open_script(QUIET
		"(trap 'echo told > child-told' TERM; echo > child; " FOREVER ") &"
		"trap '[ -e child-told ] || exit 5' TERM; " UNTIL("child") "echo > ready;" FOREVER);
	struct worker_end end;

	(void)state;
	start(x, 1);
	wait_file(x, "ready");
	assert_true(x->ops->deadline(x) == INT64_MAX);
	x->ops->stop(x, 1, 1, 500);
	assert_int_equal(x->ops->deadline(x), 1500);
	end = wait_end(x);
	assert_true(end.known);
	assert_true(end.stopped);
	assert_int_equal(end.exit_status, 5);
	assert_string_equal(end.reason, "exit status 5");
	close_idle(x);
}

static void grace_ends(void **state)
{
	struct executor *x = open_script(QUIET "trap 'echo told > told-$3' TERM;"
					       "(trap '' TERM; echo $$ > ready-$3; exec sleep "
					       "1000) & echo $! > child-$3; " FOREVER);
	struct worker_end end;

	(void)state;
	for (int i = 1; i <= 2; i++)
		start(x, i);
	wait_file(x, "ready-1");
	wait_file(x, "ready-2");
	x->ops->stop(x, 1, 1, 500);
	time_ms = 1100;
	x->ops->stop(x, 2, 2, 300);
	assert_int_equal(x->ops->deadline(x), 1400);
	x->ops->stop(x, 2, 2, 0); /* it was told before */
	assert_int_equal(x->ops->deadline(x), 1400);
	wait_file(x, "told-1");
	wait_file(x, "told-2");
	time_ms = 1399;
	assert_int_equal(x->ops->next(x, &end), 0);
	assert_false(readable(x->ops->fd(x)));
	time_ms = 1400;
	end = wait_end(x);
	assert_int_equal(x->ops->deadline(x), 1500);
	assert_int_equal(end.run_id, 2);
	assert_true(end.known);
	assert_true(end.stopped);
	assert_int_equal(end.exit_status, -1);
	assert_string_equal(
		end.reason, "killed by signal 9 (Killed), 300 ms after it was told to stop");
	wait_dead(read_pid("child-2"));
	assert_true(alive(read_pid("child-1")));
	time_ms = 5000;
	end = wait_end(x);
	assert_int_equal(end.run_id, 1);
	wait_dead(read_pid("child-1"));
	close_idle(x);
}

static void stopping_nobody(void **state)
{
	struct executor *x = open_script("exit 3");
	pid_t pid = pid_of(start(x, 1));
	struct worker_end end;

	(void)state;
	x->ops->stop(x, 1, 2, 0); /* another fence */
	x->ops->stop(x, 2, 1, 0);
	wait_dead(pid);
	x->ops->stop(x, 1, 1, 0); /* it was faster */
	assert_true(x->ops->deadline(x) == INT64_MAX);
	end = wait_end(x);
	assert_false(end.stopped);
	assert_int_equal(end.exit_status, 3);
	x->ops->stop(x, 1, 1, 0);
	assert_true(x->ops->deadline(x) == INT64_MAX);
	close_idle(x);
}

/* Also one that does not run at all. */
static void suspended_worker_is_killed(void **state)
{
	struct executor *x = open_script("kill -STOP $$; exit 0");
	struct worker_end end;
	int status;

	(void)state;
	assert_int_equal(waitpid(pid_of(start(x, 1)), &status, WUNTRACED), pid_of(start(x, 1)));
	assert_true(WIFSTOPPED(status));
	assert_int_equal(x->ops->next(x, &end), 0); /* which is no end */
	x->ops->stop(x, 1, 1, 10);
	time_ms += 10;
	end = wait_end(x);
	assert_true(end.stopped);
	assert_int_equal(end.exit_status, -1);
	close_idle(x);
}

/* --- adopting -------------------------------------------------------------- */

/* Starts worker 1 from a process that ends at once, or lives until `keep` is killed. */
static pid_t start_elsewhere(const char *script, bool keep, char handle[EXECUTOR_HANDLE_MAX])
{
	int pipe_fds[2];
	pid_t pid;

	assert_int_equal(pipe(pipe_fds), 0);
	pid = fork();
	if (pid == 0) {
		struct executor *x = open_script(script);

		close(pipe_fds[0]);
		snprintf(handle, EXECUTOR_HANDLE_MAX, "%s", start(x, 1));
		if (write(pipe_fds[1], handle, EXECUTOR_HANDLE_MAX) < 0)
			_exit(1);
		while (keep)
			pause();
		_exit(0);
	}
	close(pipe_fds[1]);
	assert_int_equal(read(pipe_fds[0], handle, EXECUTOR_HANDLE_MAX), EXECUTOR_HANDLE_MAX);
	close(pipe_fds[0]);
	if (keep)
		return pid;
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return -1;
}

static void end_elsewhere(pid_t keep)
{
	kill(keep, SIGKILL);
	assert_int_equal(waitpid(keep, NULL, 0), keep);
}

/* As PID 1, which a container's tests may be, we are the parent of all whose own has ended. */
static void skip_as_pid_1(void)
{
	if (getpid() == 1)
		skip();
}

/* The kernel may be too old to reach a group whose leader was reaped by others (base/proc). */
static bool groups_outlive_leaders(void)
{
	int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	bool yes = syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 1u << 2) == 0 || errno != EINVAL;

	close(pidfd);
	return yes;
}

static void workers_of_others_are_adopted(void **state)
{
	char handle[EXECUTOR_HANDLE_MAX];
	struct executor *x;
	struct worker_end end;

	(void)state;
	skip_as_pid_1();
	x = open_script("exit 99");
	start_elsewhere(QUIET
		"sleep 1000 & echo $! > child; trap 'exit 5' TERM; echo > ready;" FOREVER,
		false, handle);
	wait_file(NULL, "ready");
	assert_int_equal(x->ops->adopt(x, 1, 1, "uid", handle), EXECUTOR_ALIVE);
	assert_int_equal(x->ops->count(x), 1);
	assert_int_equal(x->ops->adopt(x, 1, 1, "uid", handle), EXECUTOR_ALIVE); /* no second one */
	assert_string_equal(start(x, 1), handle);                         /* nor by a start */
	assert_int_equal(x->ops->count(x), 1);
	assert_int_equal(x->ops->next(x, &end), 0);
	x->ops->stop(x, 1, 1, 60000);
	end = wait_end(x);
	assert_int_equal(end.run_id, 1);
	assert_int_equal(end.fence, 1);
	assert_false(end.known);
	assert_true(end.stopped);
	assert_int_equal(end.exit_status, -1);
	assert_string_equal(end.reason, "ended, how is not known");
	assert_string_equal(end.output, "");
	assert_int_equal(x->ops->adopt(x, 1, 1, "uid", handle), EXECUTOR_GONE);
	if (groups_outlive_leaders())
		wait_dead(read_pid("child"));
	else
		kill(read_pid("child"), SIGKILL);
	close_idle(x);
}

static void adopted_worker_is_killed_after_its_grace(void **state)
{
	char handle[EXECUTOR_HANDLE_MAX];
	struct executor *x = open_script("exit 99");
	struct worker_end end;
	pid_t keep;

	(void)state;
	keep = start_elsewhere(QUIET
		"trap '' TERM; sleep 1000 & echo $! > child; echo > ready; " FOREVER,
		true, handle);
	wait_file(NULL, "ready");
	assert_int_equal(x->ops->adopt(x, 1, 1, "uid", handle), EXECUTOR_ALIVE);
	x->ops->stop(x, 1, 1, 100);
	assert_int_equal(x->ops->next(x, &end), 0);
	time_ms += 100;
	end = wait_end(x);
	assert_false(end.known);
	assert_string_equal(
		end.reason, "ended, how is not known, 100 ms after it was told to stop");
	wait_dead(read_pid("child"));
	assert_int_equal(x->ops->adopt(x, 1, 1, "uid", handle), EXECUTOR_GONE); /* a zombie by now */
	end_elsewhere(keep);
	close_idle(x);
}

/* As PID 1 we become the parent of what a former controller started. */
static void adopted_worker_that_became_our_child(void **state)
{
	char handle[EXECUTOR_HANDLE_MAX];
	struct executor *x;
	struct worker_end end;

	(void)state;
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	x = open_script("exit 99");
	start_elsewhere("echo > ready; " UNTIL("go") "exit 6", false, handle);
	wait_file(NULL, "ready");
	assert_int_equal(x->ops->adopt(x, 1, 1, "uid", handle), EXECUTOR_ALIVE);
	make_file("go");
	end = wait_end(x);
	assert_true(end.known);
	assert_int_equal(end.exit_status, 6);
	close_idle(x);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
}

static void check_adopt(
	struct executor *x, const struct process_handle *h, int64_t n, enum executor_found expected)
{
	char handle[EXECUTOR_HANDLE_MAX];

	process_handle_print(h, handle);
	assert_int_equal(x->ops->adopt(x, n, n, "uid", handle), expected);
	assert_int_equal(x->ops->count(x), 0);
}

static void what_is_not_adopted(void **state)
{
	static const char *const no_handles[] = {"", "process:", "pod:etl-7-3", "\xFF",
		"process:01234567-89ab-cdef-0123-456789abcdef:1:2:3"};
	struct executor *x = open_script("exit 99");
	char handle[EXECUTOR_HANDLE_MAX];
	struct process_handle h, other;
	pid_t keep = start_elsewhere("echo > ready; " FOREVER, true, handle);

	(void)state;
	wait_file(NULL, "ready");
	assert_int_equal(x->ops->adopt(x, 1, 1, "uid", NULL), EXECUTOR_ELSEWHERE);
	for (size_t i = 0; i < ARRAY_LEN(no_handles); i++)
		assert_int_equal(x->ops->adopt(x, 1, 1, "uid", no_handles[i]), EXECUTOR_ELSEWHERE);
	assert_int_equal(process_handle_parse(handle, &h), 0);
	check_adopt(x, &h, 2, EXECUTOR_ELSEWHERE); /* another run's */
	other = h;
	other.start++; /* the number was given away again */
	check_adopt(x, &other, 1, EXECUTOR_GONE);
	other = h;
	other.place.pid_namespace++;
	check_adopt(x, &other, 1, EXECUTOR_ELSEWHERE);
	other = h;
	other.place.boot_id[3] = other.place.boot_id[3] == 'a' ? 'b' : 'a';
	check_adopt(x, &other, 1, EXECUTOR_ELSEWHERE);
	assert_true(alive(h.pid));
	kill(h.pid, SIGKILL);
	wait_dead(h.pid);
	check_adopt(x, &h, 1, EXECUTOR_GONE); /* a zombie: its parent does not look */
	end_elsewhere(keep);
	close_idle(x);
}

/* The handle of another worker for one that we watch says nothing of it. */
static void watched_worker_has_one_handle(void **state)
{
	struct executor *x = open_script("exec sleep 1000");
	struct process_handle h;
	char handle[EXECUTOR_HANDLE_MAX];

	(void)state;
	snprintf(handle, sizeof(handle), "%s", start(x, 1));
	assert_int_equal(x->ops->adopt(x, 1, 1, "uid", handle), EXECUTOR_ALIVE);
	assert_int_equal(process_handle_parse(handle, &h), 0);
	h.start++;
	process_handle_print(&h, handle);
	assert_int_equal(x->ops->adopt(x, 1, 1, "uid", handle), EXECUTOR_ELSEWHERE);
	assert_int_equal(x->ops->count(x), 1);
	kill_worker(x, 1);
	close_idle(x);
}

/* --- orphans --------------------------------------------------------------- */

static void orphans_are_reaped(void **state)
{
	enum { WORKERS = 20 };
	struct executor *x;
	int64_t until = real_ms() + PATIENCE_MS;
	struct worker_end end;

	(void)state;
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	x = open_script("(sleep 0.0$3 & exit 1) & sleep 1000 & exit $3");
	for (int i = 1; i <= WORKERS; i++)
		start(x, i);
	for (int i = 1; i <= WORKERS; i++) {
		end = wait_end(x);
		assert_true(end.known); /* nobody's status was taken for an orphan's */
		assert_int_equal(end.exit_status, end.run_id);
	}
	while (!no_children()) {
		assert_true(real_ms() < until);
		assert_int_equal(x->ops->next(x, &end), 0);
		usleep(1000);
	}
	close_idle(x);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
}

/* Who inherits no orphans has no children but those that somebody in the program waits for. */
static void children_of_others_are_left_alone(void **state)
{
	const char *const argv[] = {"/bin/sh", "-c", "exit 5", NULL};
	struct executor *x;
	struct err err = ERR_INIT;
	struct proc_end proc_end;
	struct worker_end end;
	struct proc p;

	(void)state;
	skip_as_pid_1();
	x = open_script("exit 3");
	must(proc_start(argv, NULL, 0, &p, &err), &err);
	wait_readable(p.pidfd);
	assert_int_equal(x->ops->next(x, &end), 0);
	start(x, 1);
	assert_int_equal(wait_end(x).exit_status, 3);
	assert_int_equal(proc_wait(&p, 0, &proc_end, &err), 1);
	assert_int_equal(proc_end.status, 5);
	proc_release(&p);
	close_idle(x);
}

/* --- closing --------------------------------------------------------------- */

static void closing_leaves_workers_alone(void **state)
{
	int before = descriptors();
	struct executor *x = open_script("trap '' PIPE; echo > ready; " UNTIL(
		"go") "echo nobody reads this 2>/dev/null; echo > went-on; " FOREVER);
	char handle[EXECUTOR_HANDLE_MAX];
	struct worker_end end;

	(void)state;
	snprintf(handle, sizeof(handle), "%s", start(x, 1));
	wait_file(x, "ready");
	x->ops->close(x);
	assert_int_equal(descriptors(), before);
	make_file("go");
	wait_file(NULL, "went-on");
	assert_true(alive(pid_of(handle)));
	x = open_script("exit 99"); /* and another one finds them */
	assert_int_equal(x->ops->adopt(x, 1, 1, "uid", handle), EXECUTOR_ALIVE);
	x->ops->stop(x, 1, 1, 60000);
	end = wait_end(x);
	assert_true(end.known); /* the same parent still */
	assert_string_equal(end.reason, "killed by signal 15 (Terminated)");
	close_idle(x);
	executor_process.close(NULL);
}

/* What main does when it is the worker. */
static int be_worker(char **argv)
{
	printf("%s %s %s\n", argv[1], argv[2], argv[3]);
	return 6;
}

static void worker_is_the_same_program(void **state)
{
	const struct settings settings = {.controller.executor = EXECUTOR_PROCESS};
	const struct executor_config config = {.settings = &settings, .clock = &clock_system};
	struct executor *x = NULL;
	struct err err = ERR_INIT;
	struct worker_end end;

	(void)state;
	assert_ptr_equal(executor_choose(&settings), &executor_process);
	must(executor_process.open(&config, &x, &err), &err);
	assert_ptr_equal(x->ops, &executor_process);
	start(x, 17);
	end = wait_end(x);
	assert_int_equal(end.exit_status, 6);
	assert_string_equal(end.output, "worker --job 17\n");
	close_idle(x);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, dir_make, dir_remove)
		TEST(ends_are_told),
		TEST(worker_is_told_its_run),
		TEST(starting_twice_is_one_worker),
		TEST(what_cannot_be_started),
		TEST(descriptors_run_out),
		TEST(statuses_are_kept),
		TEST(as_many_as_can_be_watched),
		TEST(last_output_is_kept),
		TEST(endless_output_holds_nobody_up),
		TEST(closed_pipes_are_no_end),
		TEST(group_ends_with_its_leader),
		TEST(daemon_does_not_hold_the_end_up),
		TEST(chatty_daemon_does_not_hold_the_end_up),
		TEST(worker_stops_what_it_started_itself),
		TEST(grace_ends),
		TEST(stopping_nobody),
		TEST(suspended_worker_is_killed),
		TEST(workers_of_others_are_adopted),
		TEST(adopted_worker_is_killed_after_its_grace),
		TEST(adopted_worker_that_became_our_child),
		TEST(what_is_not_adopted),
		TEST(watched_worker_has_one_handle),
		TEST(orphans_are_reaped),
		TEST(children_of_others_are_left_alone),
		TEST(closing_leaves_workers_alone),
		TEST(worker_is_the_same_program),
	};

	if (argc == 4 && strcmp(argv[1], "worker") == 0)
		return be_worker(argv);
	return cmocka_run_group_tests_name("exec/process", tests, NULL, NULL);
}
