/*
 * The step of an exec job: a program, its output in the run's log.
 *
 * There is no target and so no fence: a command that was begun and not seen to
 * its end may have done its work or half of it (docs/design.md §3, rule 9).
 */
#include "work/step.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fault.h"
#include "base/proc.h"
#include "base/text.h"
#include "base/utf8.h"
#include "work/command.h"
#include "work/output.h"

#define TICK_MS       100 /* how soon a cancellation is noticed, and how often progress is reported */
#define GRACE_MS      10000 /* between SIGTERM and SIGKILL */
#define READ_MAX      65536
#define LAST_LINE_MAX 400 /* bytes of the last line of standard error in the error */
#define END_MAX       64

extern char **environ;

struct session {
	struct step_host *host;
	struct command command;
	struct output *output;
	struct proc proc;
	int64_t start, reported; /* monotonic ms */
	int64_t kill_at;         /* 0: it was not told to stop */
};

static int64_t now(const struct session *s)
{
	return s->host->clock->monotonic(s->host->clock->arg);
}

static bool is_cancelled(const struct step_host *host)
{
	return atomic_load_explicit(host->cancel, memory_order_relaxed);
}

static void say_line(void *arg, enum log_level level, const char *line)
{
	struct step_host *host = arg;

	host->say(host, level, line);
}

/* --- environment --- */

/* What a worker is told by its starter is not for its command, and what a command is told by its
 * worker is not for the command of a worker that it starts. */
static const char *const ours[] = {
	"ETL_RUN", "ETL_JOB", "ETL_RUN_ID", "ETL_RUN_UID", "ETL_ATTEMPT", "ETL_ORDER_KEY"};

static bool is_ours(const char *entry)
{
	size_t len = strcspn(entry, "=");

	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		if (strlen(ours[i]) == len && memcmp(entry, ours[i], len) == 0)
			return true;
	return false;
}

static char *const *make_environment(const struct step_host *host, struct arena *a)
{
	const struct run *run = host->run;
	size_t n = 0, inherited = 0;
	char **env;

	while (environ && environ[inherited])
		inherited++;
	env = arena_array(a, inherited + ARRAY_LEN(ours) + 1, sizeof(*env));
	for (size_t i = 0; i < inherited; i++)
		if (!is_ours(environ[i]))
			env[n++] = environ[i];
	env[n++] = arena_printf(a, "ETL_JOB=%s", host->job->name);
	env[n++] = arena_printf(a, "ETL_RUN_ID=%" PRId64, run->run_id);
	env[n++] = arena_printf(a, "ETL_RUN_UID=%s", run->run_uid);
	env[n++] = arena_printf(a, "ETL_ATTEMPT=%" PRId64, run->attempt);
	if (run->order_key)
		env[n++] = arena_printf(a, "ETL_ORDER_KEY=%s", run->order_key);
	return env;
}

/* --- while it runs --- */

static void report(struct session *s)
{
	char elapsed[32], lines[64], text[256];
	int64_t at = now(s);

	if (s->reported && at - s->reported < TICK_MS)
		return;
	s->reported = at;
	snprintf(text, sizeof(text), "%s  %s, %s", s->host->job->name,
		text_elapsed(at - s->start, elapsed, sizeof(elapsed)),
		text_plural(output_lines(s->output), "line", lines, sizeof(lines)));
	s->host->progress(s->host, text, 0, 0);
}

/* Bytes that were read; 0 at the stream's end, or when it cannot be read. */
static size_t read_some(struct session *s, enum output_stream stream, size_t most)
{
	char data[READ_MAX];
	ssize_t n;

	do
		n = read(stream == OUTPUT_STDOUT ? s->proc.out : s->proc.err, data,
			most < sizeof(data) ? most : sizeof(data));
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return 0;
	output_add(s->output, stream, data, (size_t)n);
	return (size_t)n;
}

/* What stood in the pipe at the command's end. Not up to the pipe's end: whoever left the group
 * holds it open and may write for ever. */
static void read_rest(struct session *s, enum output_stream stream)
{
	int fd = stream == OUTPUT_STDOUT ? s->proc.out : s->proc.err, n = 0;
	size_t left, got;

	if (fd < 0 || ioctl(fd, FIONREAD, &n) < 0)
		return;
	for (left = (size_t)n; left; left -= got) {
		got = read_some(s, stream, left);
		if (!got)
			return;
	}
}

/* SIGTERM when it is cancelled; whether it has outlived its grace. */
static bool must_die(struct session *s)
{
	if (!s->kill_at && is_cancelled(s->host)) {
		proc_signal(&s->proc, SIGTERM);
		s->kill_at = now(s) + GRACE_MS;
	}
	return s->kill_at && now(s) >= s->kill_at;
}

/* Until the command has ended or has to be killed. */
static int follow(struct session *s, struct err *err)
{
	for (;;) {
		struct pollfd fds[] = {
			{.fd = s->proc.out, .events = POLLIN},
			{.fd = s->proc.err, .events = POLLIN},
			{.fd = s->proc.pidfd, .events = POLLIN},
		};

		if (poll(fds, ARRAY_LEN(fds), TICK_MS) < 0 && errno != EINTR)
			return err_errno(err, ERR_IO, errno, "wait for the command");
		if (fds[0].revents && !read_some(s, OUTPUT_STDOUT, READ_MAX))
			mem_close_fd(&s->proc.out);
		if (fds[1].revents && !read_some(s, OUTPUT_STDERR, READ_MAX))
			mem_close_fd(&s->proc.err);
		report(s);
		if (fds[2].revents || must_die(s))
			return 0;
	}
}

/* --- how it ended --- */

static const char *end_text(const struct proc_end *end, char out[END_MAX])
{
	if (end->signalled)
		snprintf(out, END_MAX, "signal %d (%s)", end->status, strsignal(end->status));
	else
		snprintf(out, END_MAX, "exit status %d", end->status);
	return out;
}

/* Behind the message: what it said last is most often why. */
static void add_last_line(const struct session *s, struct err *err)
{
	CLEANUP(buf_release) struct buf clean = BUF_INIT(3 * OUTPUT_LINE_MAX);
	const char *last = output_last_error(s->output);
	size_t len = strlen(err->msg);

	if (!*last)
		return;
	utf8_clean(last, strlen(last), &clean);
	snprintf(err->msg + len, sizeof(err->msg) - len, ": %.*s",
		(int)utf8_cut_at(buf_str(&clean), clean.len, LAST_LINE_MAX), buf_str(&clean));
}

static int failed(const struct session *s, const struct proc_end *end, struct err *err)
{
	char text[END_MAX];

	err_set(err, ERR_TARGET, "the command ended with %s", end_text(end, text));
	add_last_line(s, err);
	if (end->signalled && end->status == SIGKILL)
		err_hint(err, "not etl: somebody killed it, or the kernel for want of memory");
	if (s->command.by_shell && !end->signalled && end->status == 127)
		err_hint(err, "by 127 the shell says that it found no such program");
	return -1;
}

static enum step_end half_way(const struct session *s)
{
	return s->host->job->idempotent ? STEP_OPEN : STEP_UNKNOWN;
}

static int judge(const struct session *s, const struct proc_end *end, struct step_result *result,
	struct err *err)
{
	char text[END_MAX];

	if (s->kill_at) { /* whatever it says of itself: it was told to stop */
		result->end = half_way(s);
		return err_set(err, ERR_CANCELLED, "cancelled: the command ended with %s",
			end_text(end, text));
	}
	if (end->signalled || end->status != 0)
		return failed(s, end, err); /* it is over, and not lost: STEP_OPEN */
	result->end = STEP_DONE;
	return 0;
}

/* Also kills what it left behind in its group. */
static int carry_out(struct session *s, struct step_result *result, struct err *err)
{
	struct proc_end end;
	struct err stop_err = ERR_INIT;
	int lost = follow(s, err);

	if (proc_stop(&s->proc, 0, &end, lost ? &stop_err : err))
		lost = -1;
	read_rest(s, OUTPUT_STDOUT);
	read_rest(s, OUTPUT_STDERR);
	output_end(s->output);
	if (!lost)
		return judge(s, &end, result, err);
	result->end = half_way(s);
	return -1;
}

static int start(struct session *s, struct arena *a, struct err *err)
{
	if (proc_start(s->command.argv, make_environment(s->host, a), PROC_OUT | PROC_ERR, &s->proc,
		    err) == 0)
		return 0;
	if (err->code == ERR_NOT_FOUND)
		err_hint(err, "a name without '/' is looked for in PATH; of a script, the program "
			      "behind its #! may be missing");
	return -1;
}

/* What has to hold before anything is begun. */
static int admit(struct step_host *host, struct step_result *result, struct err *err)
{
	if (is_cancelled(host))
		return err_set(err, ERR_CANCELLED, "cancelled before the command was started");
	if (host->before_publish(host, err)) {
		if (err->code == ERR_LEASE_LOST)
			result->end = STEP_UNSETTLED;
		return -1;
	}
	if (is_cancelled(host)) /* it may have waited */
		return err_set(err, ERR_CANCELLED, "cancelled before the command was started");
	return 0;
}

static int exec_run(struct step_host *host, struct step_result *ret_result, struct err *err)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct session s = {.host = host};
	int rc;

	*ret_result = (struct step_result){.end = STEP_OPEN};
	if (command_parse(host->job->command, COMMAND_SHELL, &a, &s.command, err) ||
		admit(host, ret_result, err) || start(&s, &a, err))
		return -1;
	(void)FAULT(EXEC_STARTED, err);
	s.output = output_new(say_line, host);
	s.start = now(&s);
	rc = carry_out(&s, ret_result, err);
	(void)FAULT(EXEC_ENDED, err);
	proc_release(&s.proc);
	output_free(s.output);
	return rc;
}

static int exec_check(
	const struct settings *settings UNUSED, const struct job *job, struct err *err)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct command command;

	if (command_parse(job->command, COMMAND_SHELL, &a, &command, err))
		return err_wrap(err, "job '%s'", job->name);
	return 0;
}

/* There is no target that could be asked, and nobody to withdraw from. */
static int exec_settle(struct step_host *host UNUSED, const char *reason UNUSED,
	enum step_end *ret_end, struct err *err UNUSED)
{
	*ret_end = STEP_WITHDRAWN;
	return 0;
}

const struct step_ops step_exec = {
	.kind = JOB_EXEC,
	.check = exec_check,
	.run = exec_run,
	.settle = exec_settle,
};
