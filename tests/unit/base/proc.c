#include "base/proc.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/buf.h"
#include "unit/support.h"

#define EVER       (-1)
#define OUTPUT_MAX 100000

/* A shell script as a child. */
static struct proc shell(const char *script, int capture)
{
	const char *const argv[] = {"sh", "-c", script, NULL};
	struct err err = ERR_INIT;
	struct proc p;

	must(proc_start(argv, NULL, capture, &p, &err), &err);
	return p;
}

/* Parts of scripts: nothing is said of what ends; ready, then for ever. */
#define QUIET "exec 2>/dev/null; "
#define LOOP  "echo ready; while :; do sleep 0.01; done"

static struct proc_end wait_end(struct proc *p)
{
	struct err err = ERR_INIT;
	struct proc_end end = {.status = -1};
	int n = proc_wait(p, EVER, &end, &err);

	must(n, &err);
	assert_int_equal(n, 1);
	return end;
}

/* Up to its end. */
static void read_all(int fd, struct buf *out)
{
	for (;;) {
		char *room = buf_room(out, 4096);
		ssize_t n = read(fd, room, 4096);

		assert_true(n >= 0);
		if (n == 0)
			return;
		buf_advance(out, (size_t)n);
	}
}

static void read_line(int fd, const char *expected)
{
	char c = '\0';

	for (; *expected; expected++) {
		assert_int_equal(read(fd, &c, 1), 1);
		assert_int_equal(c, *expected);
	}
	assert_int_equal(read(fd, &c, 1), 1);
	assert_int_equal(c, '\n');
}

static void output_is_captured(void **state)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(OUTPUT_MAX), errs = BUF_INIT(OUTPUT_MAX);
	struct proc p = shell("echo out; echo err >&2; cat; exit 7", PROC_OUT | PROC_ERR);
	struct proc_end end;

	(void)state;
	read_all(p.out, &out); /* `cat` ends: standard input is /dev/null */
	read_all(p.err, &errs);
	end = wait_end(&p);
	assert_false(end.signalled);
	assert_int_equal(end.status, 7);
	assert_string_equal(buf_str(&out), "out\n");
	assert_string_equal(buf_str(&errs), "err\n");
	proc_release(&p);
	assert_int_equal(p.pidfd, -1);
	assert_int_equal(p.out, -1);
	proc_release(&p);
}

static void both_streams_through_one_pipe(void **state)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(OUTPUT_MAX);
	struct proc p = shell("echo a; echo b >&2; echo c; echo d >&2", PROC_MERGED);

	(void)state;
	assert_int_equal(p.err, -1);
	read_all(p.out, &out);
	assert_int_equal(wait_end(&p).status, 0);
	assert_string_equal(buf_str(&out), "a\nb\nc\nd\n");
	proc_release(&p);
}

static void nothing_is_captured_unasked(void **state)
{
	struct proc p = shell("exit 0", 0);

	(void)state;
	assert_int_equal(p.out, -1);
	assert_int_equal(p.err, -1);
	assert_int_equal(wait_end(&p).status, 0);
	proc_release(&p);
}

static void environment_is_ours_or_given(void **state)
{
	const char *const argv[] = {"/bin/sh", "-c", "echo \"$A$B\"", NULL};
	char b[] = "B=given";
	char *const envp[] = {b, NULL};
	CLEANUP(buf_release) struct buf out = BUF_INIT(OUTPUT_MAX);
	struct err err = ERR_INIT;
	struct proc p;

	(void)state;
	setenv("A", "ours", 1);
	for (int given = 0; given < 2; given++) {
		must(proc_start(argv, given ? envp : NULL, PROC_OUT, &p, &err), &err);
		read_all(p.out, &out);
		wait_end(&p);
		proc_release(&p);
	}
	assert_string_equal(buf_str(&out), "ours\ngiven\n");
}

static void program_that_cannot_be_started(void **state)
{
	const char *const none[] = {"no-such-program", NULL}, *const path[] = {"/no/such", NULL};
	const char *const file[] = {"/etc/passwd", NULL};
	struct err err = ERR_INIT;
	struct proc p;

	(void)state;
	assert_int_equal(proc_start(none, NULL, PROC_OUT, &p, &err), -1);
	check_err(&err, ERR_NOT_FOUND, "start 'no-such-program': No such file or directory");
	assert_int_equal(proc_start(path, NULL, 0, &p, &err), -1);
	check_err(&err, ERR_NOT_FOUND, "start '/no/such': No such file or directory");
	assert_int_equal(proc_start(file, NULL, 0, &p, &err), -1);
	check_err(&err, ERR_CONFIG, "start '/etc/passwd': Permission denied");
}

static void descriptors_stay_out_of_it(void **state)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(OUTPUT_MAX);
	struct proc other = shell("exec sleep 1000", PROC_OUT | PROC_ERR), p;
	struct err err = ERR_INIT;
	struct proc_end end;
	char script[200];

	(void)state;
	snprintf(script, sizeof(script),
		"for fd in %d %d %d; do [ ! -e /proc/$$/fd/$fd ] || echo $fd; done", other.pidfd,
		other.out, other.err);
	p = shell(script, PROC_OUT);
	read_all(p.out, &out);
	assert_int_equal(wait_end(&p).status, 0);
	proc_release(&p);
	assert_string_equal(buf_str(&out), "");
	must(proc_stop(&other, 0, &end, &err), &err);
	proc_release(&other);
}

static void waiting_ends_with_the_time(void **state)
{
	struct proc p = shell("exec sleep 1000", 0);
	struct err err = ERR_INIT;
	struct proc_end end;

	(void)state;
	assert_int_equal(proc_wait(&p, 0, &end, &err), 0);
	assert_int_equal(proc_wait(&p, 10, &end, &err), 0);
	proc_signal(&p, SIGTERM);
	end = wait_end(&p);
	assert_true(end.signalled);
	assert_int_equal(end.status, SIGTERM);
	proc_signal(&p, SIGTERM); /* it has ended: no error, and nobody else is hit */
	proc_signal_alone(&p, SIGTERM);
	assert_int_equal(proc_wait(&p, 0, &end, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	proc_release(&p);
}

static void pidfd_tells_the_end(void **state)
{
	struct proc p = shell("exit 3", 0);
	struct pollfd pfd = {.fd = p.pidfd, .events = POLLIN};

	(void)state;
	assert_int_equal(poll(&pfd, 1, 60000), 1);
	assert_int_equal(wait_end(&p).status, 3);
	proc_release(&p);
}

/* The pipe's end is open as long as anybody of the group lives. */
static void group_is_signalled(void **state)
{
	struct proc p = shell("sleep 1000 & sleep 1000 & echo ready; wait", PROC_OUT);
	CLEANUP(buf_release) struct buf out = BUF_INIT(OUTPUT_MAX);

	(void)state;
	read_line(p.out, "ready");
	proc_signal(&p, SIGKILL);
	read_all(p.out, &out);
	assert_int_equal(wait_end(&p).status, SIGKILL);
	proc_release(&p);
}

static void one_alone_is_signalled(void **state)
{
	struct proc p =
		shell(QUIET "(trap 'exit 0' TERM; " LOOP ") & trap 'echo told; wait; exit 3'"
			    " TERM; echo ready; while :; do sleep 0.01; done",
			PROC_OUT);
	struct proc_end end;
	struct err err = ERR_INIT;

	(void)state;
	read_line(p.out, "ready");
	read_line(p.out, "ready");
	proc_signal_alone(&p, SIGTERM);
	read_line(p.out, "told"); /* and waits for the other one, which was not */
	assert_int_equal(proc_wait(&p, 0, &end, &err), 0);
	assert_false(proc_ended(&p));
	proc_signal(&p, SIGTERM);
	end = wait_end(&p);
	assert_false(end.signalled);
	assert_int_equal(end.status, 3);
	assert_true(proc_ended(&p));
	proc_release(&p);
}

/* The kernel may be too old to reach it. */
static bool groups_outlive_leaders(void)
{
	struct proc p = shell("exit 0", 0);
	bool known = syscall(SYS_pidfd_send_signal, p.pidfd, 0, NULL, 1u << 2) == 0;

	wait_end(&p);
	proc_release(&p);
	return known;
}

static void group_is_signalled_after_its_leader_was_reaped(void **state)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(OUTPUT_MAX);
	struct proc p;

	(void)state;
	if (!groups_outlive_leaders())
		skip();
	p = shell("sleep 1000 & exit 0", PROC_OUT);
	assert_int_equal(wait_end(&p).status, 0);
	proc_signal(&p, SIGKILL);
	read_all(p.out, &out);
	proc_release(&p);
}

static void somebody_elses_process_is_watched(void **state)
{
	struct proc parent = shell("sleep 1000 & echo $!; wait", PROC_OUT), p;
	struct err err = ERR_INIT;
	struct proc_end end;
	char line[32] = "";
	pid_t pid;

	(void)state;
	assert_true(read(parent.out, line, sizeof(line) - 1) > 0);
	pid = (pid_t)strtol(line, NULL, 10);
	must(proc_open(pid, &p, &err), &err);
	assert_int_equal(proc_wait(&p, 0, &end, &err), 0);
	proc_signal_alone(&p, SIGKILL);
	assert_int_equal(proc_wait(&p, EVER, &end, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND); /* how it ended is for its parent */
	wait_end(&parent);
	assert_int_equal(proc_open(pid, &parent, &err), -1); /* was reaped */
	assert_int_equal(err.code, ERR_NOT_FOUND);
	proc_release(&p);
	proc_release(&parent);
}

static void nobody_is_no_process(void **state)
{
	struct proc_stat stat;
	struct err err = ERR_INIT;
	struct proc p;

	(void)state;
	for (pid_t pid = -1; pid <= 0; pid++) {
		assert_int_equal(proc_open(pid, &p, &err), -1);
		assert_int_equal(err.code, ERR_NOT_FOUND);
		assert_int_equal(proc_stat(pid, &stat, &err), -1);
		assert_int_equal(err.code, ERR_NOT_FOUND);
	}
	assert_int_equal(proc_open(INT32_MAX, &p, &err), -1);
	check_err(&err, ERR_NOT_FOUND, "open process 2147483647: No such process");
	assert_int_equal(proc_stat(INT32_MAX, &stat, &err), -1);
	check_err(&err, ERR_NOT_FOUND, "read '/proc/2147483647/stat': No such file or directory");
}

/* Whatever its name. */
static void group_and_start_are_read(void **state)
{
	struct proc_stat mine, named, child;
	struct proc p = shell("exec sleep 1000", 0);
	struct err err = ERR_INIT;
	struct proc_end end;
	char name[16];

	(void)state;
	must(proc_stat(getpid(), &mine, &err), &err);
	assert_int_equal(mine.group, getpgrp());
	assert_true(mine.start > 0);
	prctl(PR_GET_NAME, name);
	prctl(PR_SET_NAME, "a) R 1 (b\n) Z");
	must(proc_stat(getpid(), &named, &err), &err);
	prctl(PR_SET_NAME, name);
	assert_int_equal(named.group, mine.group);
	assert_int_equal(named.start, mine.start);
	must(proc_stat(p.pid, &child, &err), &err);
	assert_int_equal(child.group, p.pid);
	assert_true(child.start >= mine.start);
	must(proc_stop(&p, 0, &end, &err), &err);
	proc_release(&p);
}

static bool is_pid(void *arg, pid_t pid)
{
	return *(const pid_t *)arg == pid;
}

static void children_that_nobody_knows_are_reaped(void **state)
{
	struct proc strangers[3], known = shell("exit 6", 0), lives = shell("exec sleep 1000", 0);
	struct err err = ERR_INIT;
	struct proc_end end;
	int n = 0;

	(void)state;
	for (int i = 0; i < 3; i++) {
		strangers[i] = shell("exit 1", 0);
		assert_int_equal(poll(&(struct pollfd){.fd = strangers[i].pidfd, .events = POLLIN},
					 1, 60000),
			1);
	}
	assert_int_equal(poll(&(struct pollfd){.fd = known.pidfd, .events = POLLIN}, 1, 60000), 1);
	n = proc_reap(is_pid, &known.pid);
	assert_int_equal(wait_end(&known).status, 6);
	n += proc_reap(is_pid, &known.pid);
	assert_int_equal(n, 3);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(proc_wait(&strangers[i], 0, &end, &err), -1);
		assert_int_equal(err.code, ERR_NOT_FOUND);
		proc_release(&strangers[i]);
	}
	must(proc_stop(&lives, 0, &end, &err), &err);
	assert_int_equal(proc_reap(is_pid, &known.pid), 0); /* no children at all */
	proc_release(&known);
	proc_release(&lives);
}

static void signals_begin_as_they_were(void **state)
{
	struct proc p;
	sigset_t block, before;

	(void)state;
	signal(SIGTERM, SIG_IGN);
	sigfillset(&block);
	sigprocmask(SIG_BLOCK, &block, &before);
	p = shell("exec sleep 1000", 0);
	sigprocmask(SIG_SETMASK, &before, NULL);
	signal(SIGTERM, SIG_DFL);
	proc_signal(&p, SIGTERM);
	assert_int_equal(wait_end(&p).status, SIGTERM);
	proc_release(&p);
}

static void stop_lets_it_end_by_itself(void **state)
{
	struct proc p = shell(QUIET "trap 'exit 5' TERM; " LOOP, PROC_OUT);
	struct err err = ERR_INIT;
	struct proc_end end;

	(void)state;
	read_line(p.out, "ready");
	must(proc_stop(&p, 60000, &end, &err), &err);
	assert_false(end.signalled);
	assert_int_equal(end.status, 5);
	proc_release(&p);
}

static void stop_kills_what_does_not_end(void **state)
{
	struct proc p = shell(QUIET "trap '' TERM; " LOOP, PROC_OUT);
	struct err err = ERR_INIT;
	struct proc_end end;

	(void)state;
	read_line(p.out, "ready");
	must(proc_stop(&p, 10, &end, &err), &err);
	assert_true(end.signalled);
	assert_int_equal(end.status, SIGKILL);
	proc_release(&p);
}

static void stop_leaves_nobody_behind(void **state)
{
	struct proc p = shell(QUIET "(trap '' TERM; " LOOP ") &"
				    "trap 'exit 0' TERM; " LOOP,
		PROC_OUT);
	CLEANUP(buf_release) struct buf out = BUF_INIT(OUTPUT_MAX);
	struct err err = ERR_INIT;
	struct proc_end end;

	(void)state;
	read_line(p.out, "ready");
	read_line(p.out, "ready");
	must(proc_stop(&p, 60000, &end, &err), &err);
	assert_int_equal(end.status, 0);
	read_all(p.out, &out);
	proc_release(&p);
}

static void on_alarm(int sig UNUSED)
{
}

/* A signal of ours neither ends a wait nor shortens a grace. */
static void waiting_goes_on_after_a_signal(void **state)
{
	const struct sigaction action = {.sa_handler = on_alarm};
	const struct itimerval often = {
		.it_interval = {.tv_usec = 2000}, .it_value = {.tv_usec = 2000}};
	const struct itimerval never = {.it_interval = {0}};
	struct proc p = shell(QUIET "trap 'sleep 0.1; exit 5' TERM; " LOOP, PROC_OUT);
	struct err err = ERR_INIT;
	struct proc_end end;
	int64_t start;

	(void)state;
	read_line(p.out, "ready");
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	start = clock_system.monotonic(NULL);
	assert_int_equal(proc_wait(&p, 50, &end, &err), 0);
	assert_true(clock_system.monotonic(NULL) - start >= 50);
	must(proc_stop(&p, 60000, &end, &err), &err);
	setitimer(ITIMER_REAL, &never, NULL);
	assert_false(end.signalled);
	assert_int_equal(end.status, 5);
	proc_release(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(output_is_captured),
		cmocka_unit_test(both_streams_through_one_pipe),
		cmocka_unit_test(nothing_is_captured_unasked),
		cmocka_unit_test(environment_is_ours_or_given),
		cmocka_unit_test(program_that_cannot_be_started),
		cmocka_unit_test(descriptors_stay_out_of_it),
		cmocka_unit_test(waiting_ends_with_the_time),
		cmocka_unit_test(pidfd_tells_the_end),
		cmocka_unit_test(group_is_signalled),
		cmocka_unit_test(one_alone_is_signalled),
		cmocka_unit_test(group_is_signalled_after_its_leader_was_reaped),
		cmocka_unit_test(somebody_elses_process_is_watched),
		cmocka_unit_test(nobody_is_no_process),
		cmocka_unit_test(group_and_start_are_read),
		cmocka_unit_test(children_that_nobody_knows_are_reaped),
		cmocka_unit_test(signals_begin_as_they_were),
		cmocka_unit_test(stop_lets_it_end_by_itself),
		cmocka_unit_test(stop_kills_what_does_not_end),
		cmocka_unit_test(stop_leaves_nobody_behind),
		cmocka_unit_test(waiting_goes_on_after_a_signal),
	};

	return cmocka_run_group_tests_name("base/proc", tests, NULL, NULL);
}
