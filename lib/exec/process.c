#include "exec/process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/tail.h"
#include "exec/process_handle.h"
#include "exec/process_left.h"

#define OURSELVES         "/proc/self/exe" /* the same binary also when its file was replaced */
#define FORMAT_VARIABLE   "ETL_LOG_FORMAT"
#define RUN_TEXT_MAX      128
#define REASON_MAX        128
#define EVENTS_MAX        32 /* of one call of next(); each reads EXECUTOR_OUTPUT_MAX at most */
#define DRAIN_MAX         (1024u * 1024) /* at a worker's end: the largest pipe that a user may make */
#define OTHER_DESCRIPTORS 500            /* what the rest of the program may have open */

extern char **environ;

/* What an event is about. */
struct watch {
	struct worker *worker;
	int fd;
};

struct worker {
	int64_t run_id, fence;
	char handle[EXECUTOR_HANDLE_MAX];
	struct proc proc;
	struct tail output;
	struct watch end, out; /* of its pidfd and its pipe */
	int64_t kill_at;       /* INT64_MAX: it was not told to stop, or is killed already */
	int grace_ms;
	bool stopped, killed;
};

struct process_executor {
	struct executor base;
	const struct clock *clock;
	char *program;
	struct process_place here;
	struct rlimit descriptors; /* as they were */
	bool raised, reaps;
	int epoll;
	struct worker **workers;
	size_t n_workers;
	struct buf output; /* of the worker that ended last */
	char reason[REASON_MAX];
};

static struct process_executor *self(struct executor *x)
{
	return (struct process_executor *)x;
}

static const struct process_executor *self_const(const struct executor *x)
{
	return (const struct process_executor *)x;
}

static int64_t now(const struct process_executor *x)
{
	return x->clock->monotonic(x->clock->arg);
}

/* --- opening --------------------------------------------------------------- */

/* Two descriptors a worker. Not all that the hard limit allows, which may be a thousand million:
 * there are programs that close every possible one. The workers get the limit as it was. */
static void raise_descriptors(struct process_executor *x)
{
	const rlim_t wanted = 2 * PROCESS_WORKERS_MAX + OTHER_DESCRIPTORS;
	struct rlimit more;

	if (getrlimit(RLIMIT_NOFILE, &x->descriptors) || x->descriptors.rlim_cur >= wanted)
		return;
	more = x->descriptors;
	more.rlim_cur = more.rlim_max < wanted ? more.rlim_max : wanted;
	x->raised = setrlimit(RLIMIT_NOFILE, &more) == 0; /* else the limit shows at a start */
}

/* Who ignores SIGCHLD hands that down through exec; the kernel then throws statuses away, and a
 * child's number is free before we looked. */
static void keep_children(void)
{
	struct sigaction action;

	if (sigaction(SIGCHLD, NULL, &action) == 0 &&
		(action.sa_handler == SIG_IGN || (action.sa_flags & SA_NOCLDWAIT)))
		signal(SIGCHLD, SIG_DFL);
}

static bool inherits_orphans(void)
{
	int subreaper = 0;

	return getpid() == 1 || (prctl(PR_GET_CHILD_SUBREAPER, &subreaper) == 0 && subreaper);
}

static void process_close(struct executor *base);

int executor_process_open_with(
	const char *program, const struct clock *clock, struct executor **ret_x, struct err *err)
{
	struct process_executor *x = mem_alloc(sizeof(*x));

	x->base.ops = &executor_process;
	x->clock = clock;
	x->program = mem_strdup(program);
	x->workers = mem_array(PROCESS_WORKERS_MAX, sizeof(struct worker *));
	buf_init(&x->output, EXECUTOR_OUTPUT_MAX);
	x->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (x->epoll < 0 ? err_errno(err, ERR_IO, errno, "epoll")
			 : process_place_here(&x->here, err)) {
		process_close(&x->base);
		return err_wrap(err, "watch processes");
	}
	keep_children();
	raise_descriptors(x);
	x->reaps = inherits_orphans();
	*ret_x = &x->base;
	return 0;
}

static int process_open(const struct executor_config *config, struct executor **ret_x, struct err *err)
{
	return executor_process_open_with(OURSELVES, config->clock, ret_x, err);
}

/* --- the workers that are watched ------------------------------------------ */

static struct worker *find(const struct process_executor *x, int64_t run_id, int64_t fence)
{
	for (size_t i = 0; i < x->n_workers; i++)
		if (x->workers[i]->run_id == run_id && x->workers[i]->fence == fence)
			return x->workers[i];
	return NULL;
}

static bool is_watched(void *arg, pid_t pid)
{
	const struct process_executor *x = arg;

	for (size_t i = 0; i < x->n_workers; i++)
		if (x->workers[i]->proc.pid == pid)
			return true;
	return false;
}

static struct worker *worker_new(int64_t run_id, int64_t fence, const struct proc *p)
{
	struct worker *w = mem_alloc(sizeof(*w));

	w->run_id = run_id;
	w->fence = fence;
	w->proc = *p;
	w->output = (struct tail)TAIL_INIT(EXECUTOR_OUTPUT_MAX);
	w->end = (struct watch){.worker = w, .fd = p->pidfd};
	w->out = (struct watch){.worker = w, .fd = p->out};
	w->kill_at = INT64_MAX;
	return w;
}

/* Leaves the process alone. */
static void worker_free(struct worker *w)
{
	proc_release(&w->proc);
	tail_release(&w->output);
	free(w);
}

static int watch(const struct process_executor *x, struct watch *what, struct err *err)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = what};

	if (epoll_ctl(x->epoll, EPOLL_CTL_ADD, what->fd, &event))
		return err_errno(err, ERR_IO, errno, "watch a process");
	return 0;
}

/* Closing would do it too, unless a child between fork and exec has the descriptor as well. */
static void unwatch(const struct process_executor *x, const struct watch *what)
{
	epoll_ctl(x->epoll, EPOLL_CTL_DEL, what->fd, NULL);
}

/* The worker is the executor's when that succeeds. */
static int add(struct process_executor *x, struct worker *w, struct err *err)
{
	if (watch(x, &w->end, err))
		return -1;
	if (w->out.fd >= 0 && watch(x, &w->out, err)) {
		unwatch(x, &w->end);
		return -1;
	}
	x->workers[x->n_workers++] = w;
	return 0;
}

static void drop(struct process_executor *x, struct worker *w)
{
	size_t i = 0;

	while (x->workers[i] != w)
		i++;
	x->workers[i] = x->workers[--x->n_workers];
	unwatch(x, &w->end);
	unwatch(x, &w->out);
	worker_free(w);
}

/* --- starting -------------------------------------------------------------- */

static bool is_variable(const char *entry, const char *name)
{
	size_t len = strlen(name);

	return strncmp(entry, name, len) == 0 && entry[len] == '=';
}

/* Ours, with the run, and the log for machines unless somebody wants it otherwise. The strings are
 * borrowed; free the array. */
static char **environment(char *run)
{
	static char json[] = FORMAT_VARIABLE "=json";
	bool format = false;
	size_t n = 0, out = 0;
	char **env;

	while (environ[n])
		n++;
	env = mem_array(n + 3, sizeof(char *));
	env[out++] = run;
	for (size_t i = 0; i < n; i++) {
		format = format || is_variable(environ[i], FORMAT_VARIABLE);
		if (!is_variable(environ[i], PROCESS_RUN_VARIABLE))
			env[out++] = environ[i];
	}
	if (!format)
		env[out++] = json;
	return env;
}

static int spawn(const struct process_executor *x, const struct worker_spec *spec,
	struct proc *ret_proc, struct err *err)
{
	char run[RUN_TEXT_MAX], job[32];
	const char *argv[] = {x->program, "worker", "--job", job, NULL, NULL, NULL};
	CLEANUP_FREE char **env = NULL;
	int len = snprintf(run, sizeof(run), PROCESS_RUN_VARIABLE "=%" PRId64 ":%" PRId64 ":%s",
		spec->run_id, spec->fence, spec->run_uid);

	if (len >= (int)sizeof(run))
		return err_set(err, ERR_LIMIT, "the run's uid is too long");
	snprintf(job, sizeof(job), "%" PRId64, spec->job_id);
	if (spec->config) {
		argv[4] = "--config";
		argv[5] = spec->config;
	}
	env = environment(run);
	if (proc_start(argv, env, PROC_MERGED, ret_proc, err))
		return -1;
	if (x->raised)
		prlimit(ret_proc->pid, RLIMIT_NOFILE, &x->descriptors, NULL);
	return 0;
}

/* The other end of the pipe, the worker's, stays blocking. */
static int set_nonblocking(int fd, struct err *err)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return err_errno(err, ERR_IO, errno, "pipe");
	return 0;
}

static int watch_started(struct process_executor *x, struct worker *w, struct err *err)
{
	struct process_handle h = {.place = x->here, .pid = w->proc.pid};
	struct proc_stat stat;

	if (set_nonblocking(w->proc.out, err) || proc_stat(w->proc.pid, &stat, err))
		return -1;
	h.start = stat.start;
	process_handle_print(&h, w->handle);
	return add(x, w, err);
}

static int start_new(struct process_executor *x, const struct worker_spec *spec,
	struct worker **ret_worker, struct err *err)
{
	struct worker *w;
	struct proc p;

	if (x->n_workers == PROCESS_WORKERS_MAX)
		return err_set(err, ERR_BUSY, "there are %d workers", PROCESS_WORKERS_MAX);
	if (spawn(x, spec, &p, err))
		return -1;
	w = worker_new(spec->run_id, spec->fence, &p);
	if (watch_started(x, w, err)) {
		struct proc_end end;
		struct err ignored = ERR_INIT;

		if (proc_stop(&w->proc, 0, &end, &ignored))
			err_clear(&ignored); /* what cannot be watched must not go on */
		worker_free(w);
		return -1;
	}
	*ret_worker = w;
	return 0;
}

static int process_start(struct executor *base, const struct worker_spec *spec,
	char ret_handle[EXECUTOR_HANDLE_MAX], struct err *err)
{
	struct process_executor *x = self(base);
	struct worker *w = find(x, spec->run_id, spec->fence);

	if (x->reaps)
		proc_reap(is_watched, x);
	if (!w && start_new(x, spec, &w, err))
		return err_wrap(err, "start a worker for run %" PRId64, spec->run_id);
	memcpy(ret_handle, w->handle, EXECUTOR_HANDLE_MAX);
	return 0;
}

/* --- adopting -------------------------------------------------------------- */

static enum executor_found watch_found(struct process_executor *x, int64_t run_id, int64_t fence,
	const char *handle, const struct proc *p)
{
	struct worker *w = worker_new(run_id, fence, p);
	struct err err = ERR_INIT;

	snprintf(w->handle, sizeof(w->handle), "%s", handle);
	if (x->n_workers < PROCESS_WORKERS_MAX && add(x, w, &err) == 0)
		return EXECUTOR_ALIVE;
	worker_free(w);
	return EXECUTOR_ELSEWHERE;
}

static enum executor_found process_adopt(struct executor *base, int64_t run_id, int64_t fence,
	const char *run_uid UNUSED, const char *handle)
{
	struct process_executor *x = self(base);
	const struct worker *w = find(x, run_id, fence);
	enum executor_found found;
	struct process_handle h;
	struct proc p;

	if (process_handle_parse(handle, &h))
		return EXECUTOR_ELSEWHERE;
	if (w)
		return strcmp(w->handle, handle) == 0 ? EXECUTOR_ALIVE : EXECUTOR_ELSEWHERE;
	found = process_find(&h, &x->here, run_id, fence, &p);
	if (found == EXECUTOR_GONE)
		process_left_kill(handle);
	return found == EXECUTOR_ALIVE ? watch_found(x, run_id, fence, handle, &p) : found;
}

/* --- stopping -------------------------------------------------------------- */

static void process_stop(struct executor *base, int64_t run_id, int64_t fence, int grace_ms)
{
	struct process_executor *x = self(base);
	struct worker *w = find(x, run_id, fence);

	if (!w || w->stopped || proc_ended(&w->proc))
		return;
	w->stopped = true;
	w->grace_ms = grace_ms > 0 ? grace_ms : 0;
	w->kill_at = now(x) + w->grace_ms;
	proc_signal_alone(&w->proc, SIGTERM);
}

static int64_t process_deadline(const struct executor *base)
{
	const struct process_executor *x = self_const(base);
	int64_t earliest = INT64_MAX;

	for (size_t i = 0; i < x->n_workers; i++)
		if (x->workers[i]->kill_at < earliest)
			earliest = x->workers[i]->kill_at;
	return earliest;
}

static void kill_overdue(struct process_executor *x)
{
	int64_t at = now(x);

	for (size_t i = 0; i < x->n_workers; i++) {
		struct worker *w = x->workers[i];

		if (w->kill_at > at)
			continue;
		w->kill_at = INT64_MAX;
		w->killed = !proc_ended(&w->proc);
		proc_signal(&w->proc, SIGKILL);
	}
}

/* --- watching -------------------------------------------------------------- */

/* One read. Returns how many bytes came; 0: none now, or none any more. */
static size_t take_output(const struct process_executor *x, struct worker *w)
{
	size_t room;
	char *to = tail_room(&w->output, &room);
	ssize_t n = read(w->proc.out, to, room);

	if (n > 0) {
		tail_advance(&w->output, (size_t)n);
		return (size_t)n;
	}
	if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		unwatch(x, &w->out); /* it may live on without */
		mem_close_fd(&w->proc.out);
		w->out.fd = -1;
	}
	return 0;
}

/* What is in the pipe now, and no more: whoever else has its other end may go on writing, or never
 * write and never close it. */
static void drain(const struct process_executor *x, struct worker *w)
{
	int waiting = 0;
	size_t left, n;

	if (w->proc.out < 0 || ioctl(w->proc.out, FIONREAD, &waiting) || waiting <= 0)
		return;
	left = (size_t)waiting < DRAIN_MAX ? (size_t)waiting : DRAIN_MAX;
	while (left && (n = take_output(x, w)) > 0)
		left = n < left ? left - n : 0;
}

static void say_reason(
	const struct worker *w, bool known, const struct proc_end *end, char out[REASON_MAX])
{
	if (!known)
		snprintf(out, REASON_MAX, "ended, how is not known");
	else if (!end->signalled)
		snprintf(out, REASON_MAX, "exit status %d", end->status);
	else
		snprintf(out, REASON_MAX, "killed by signal %d (%s)", end->status,
			strsignal(end->status));
	if (w->killed) {
		size_t len = strlen(out);

		snprintf(out + len, REASON_MAX - len, ", %d ms after it was told to stop",
			w->grace_ms);
	}
}

static void describe(struct process_executor *x, const struct worker *w, bool known,
	const struct proc_end *end, struct worker_end *ret_end)
{
	uint64_t lost;

	buf_reset(&x->output);
	lost = tail_text(&w->output, &x->output);
	say_reason(w, known, end, x->reason);
	*ret_end = (struct worker_end){.run_id = w->run_id,
		.fence = w->fence,
		.known = known,
		.stopped = w->stopped,
		.exit_status = known && !end->signalled ? end->status : -1,
		.reason = x->reason,
		.output = buf_str(&x->output),
		.output_len = x->output.len,
		.output_lost = lost};
}

/* Its group first: not every kernel can still reach it once its leader was waited for. False: a
 * debugger holds the status back. */
static bool finish(struct process_executor *x, struct worker *w, struct worker_end *ret_end)
{
	struct proc_end end = {.status = -1};
	struct err err = ERR_INIT; /* it is somebody else's child, or not to be waited for */
	int rc;

	proc_signal(&w->proc, SIGKILL);
	drain(x, w);
	rc = proc_wait(&w->proc, 0, &end, &err);
	if (rc == 0)
		return false;
	if (rc < 0 || end.signalled) /* it could not stop what it had started */
		process_left_kill(w->handle);
	describe(x, w, rc > 0, &end, ret_end);
	drop(x, w);
	return true;
}

static int process_next(struct executor *base, struct worker_end *ret_end)
{
	struct process_executor *x = self(base);
	struct epoll_event events[EVENTS_MAX];
	struct watch *ended = NULL;
	int n;

	kill_overdue(x);
	if (x->reaps)
		proc_reap(is_watched, x);
	n = epoll_wait(x->epoll, events, EVENTS_MAX, 0); /* in turn: none is left out for ever */
	for (int i = 0; i < n; i++) {
		struct watch *w = events[i].data.ptr;

		if (w == &w->worker->out)
			take_output(x, w->worker);
		else if (!ended) /* the others' ends stay to be seen */
			ended = w;
	}
	return ended && finish(x, ended->worker, ret_end) ? 1 : 0;
}

static int process_fd(const struct executor *base)
{
	return self_const(base)->epoll;
}

static size_t process_count(const struct executor *base)
{
	return self_const(base)->n_workers;
}

static void process_close(struct executor *base)
{
	struct process_executor *x = self(base);

	if (!x)
		return;
	for (size_t i = 0; i < x->n_workers; i++)
		worker_free(x->workers[i]);
	free(x->workers);
	mem_close_fd(&x->epoll);
	buf_release(&x->output);
	free(x->program);
	free(x);
}

const struct executor_ops executor_process = {
	.name = "process",
	.open = process_open,
	.start = process_start,
	.adopt = process_adopt,
	.stop = process_stop,
	.fd = process_fd,
	.deadline = process_deadline,
	.next = process_next,
	.count = process_count,
	.close = process_close,
};
