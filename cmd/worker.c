#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "ctl/bell.h"
#include "exec/process_handle.h"
#include "exec/process_left.h"
#include "job/queue.h"
#include "work/attempt.h"

#define TAKE_RETRY_MS 200

static struct attempt_signals signals; /* a signal handler has no argument */

/* The second one leaves at once: what was begun is found by the lease that runs out. */
static void on_signal(int sig)
{
	if (sig == SIGALRM)
		signals.timed_out = true;
	else if (signals.told)
		_exit(128 + sig);
	else
		signals.told = true;
	signals.cancel = true;
}

static void catch_signals(void)
{
	static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGALRM};
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < ARRAY_LEN(caught); i++)
		sigaction(caught[i], &action, NULL);
}

/* ITIMER_REAL counts the monotonic clock: setting the time moves nothing. */
static void set_alarm(int64_t ms)
{
	struct itimerval t = {.it_value = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000}};

	setitimer(ITIMER_REAL, &t, NULL);
}

/* A run that was recorded as failed is 1; what a script would handle otherwise keeps its own. */
static int exit_status(enum err_code code)
{
	switch (code) {
	case ERR_AUTH:
	case ERR_NETWORK:
	case ERR_LEASE_LOST:
	case ERR_CANCELLED:
	case ERR_TIMED_OUT:
		return err_exit_code(code);
	default:
		return 1;
	}
}

/* The run that this process was started for. */
struct assignment {
	int64_t run_id, fence;
};

#define RUN_FILE_MAX 256

/* What a pod has in a file, so that nobody else can read it from the pod. */
static int read_run_file(struct buf *text, struct err *err)
{
	const char *path = getenv("ETL_RUN_FILE");

	if (!path || !*path)
		return 0;
	return file_read(path, text, err) ? err_wrap(err, "ETL_RUN_FILE") : 0;
}

/* ETL_RUN, or the file of ETL_RUN_FILE, is "RUN:FENCE:UID". 1: it is set; 0: it is not, somebody started us
 * by hand. */
static int read_assignment(struct assignment *ret, struct err *err)
{
	CLEANUP(buf_release) struct buf file = BUF_INIT(RUN_FILE_MAX);
	const char *text = getenv("ETL_RUN");
	char rest;

	if (!text || !*text) {
		if (read_run_file(&file, err))
			return -1;
		text = buf_str(&file);
	}
	if (!*text)
		return 0;
	if (sscanf(text, "%" SCNd64 ":%" SCNd64 "%c", &ret->run_id, &ret->fence, &rest) == 3 &&
		rest == ':' && ret->run_id > 0 && ret->fence > 0)
		return 1;
	err_set(err, ERR_USAGE, "ETL_RUN '%s' is not RUN:FENCE:UID", text);
	return err_hint(err, "the controller sets it; unset it to run a job by hand");
}

/* The run is ours, and its job is read: *ret_found as store_job_by_id returns it. */
static int take_once(struct store *s, const struct assignment *as, const char *actor,
	const char *process, struct arena *a, struct run *ret_run, struct job *ret_job,
	int *ret_found, struct err *err)
{
	if (queue_take(s, as->run_id, as->fence, actor, process, a, ret_run, err))
		return -1;
	*ret_found = store_job_by_id(s, ret_run->job_id, a, ret_job, err);
	return *ret_found < 0 && store_away(err) ? -1 : 0;
}

/* A store that is away is waited for as long as the lease may last. */
static int take(const struct settings *settings, const struct assignment *as, const char *actor,
	struct arena *a, struct store **ret_store, struct run *ret_run, struct job *ret_job,
	int *ret_found, struct err *err)
{
	int64_t end = clock_system.monotonic(clock_system.arg) + settings->controller.lease;
	const char *handle = getenv("ETL_WORKER_HANDLE");
	char process[EXECUTOR_HANDLE_MAX];

	if (process_handle_self(process, err))
		return -1;
	setenv(PROCESS_LEFT_VARIABLE, process, 1); /* no thread is there yet */
	if (handle && *handle) /* the controller's word for us: a pod is known by its name */
		snprintf(process, sizeof(process), "%s", handle);
	for (;;) {
		err_clear(err);
		if (store_open(settings, ret_store, err) == 0) {
			if (take_once(*ret_store, as, actor, process, a, ret_run, ret_job,
				    ret_found, err) == 0)
				return 0;
			store_close(*ret_store);
			*ret_store = NULL;
		}
		if (!store_away(err) || signals.told ||
			clock_system.monotonic(clock_system.arg) >= end)
			return -1;
		usleep(TAKE_RETRY_MS * 1000);
	}
}

/* A definition that cannot be read is no reason to lose the run: it ends, or (where an earlier attempt
 * may have left something) waits until it can be. */
static int give_up_unreadable(struct store *store, struct run *run, const char *actor, struct err *err)
{
	struct verdict v = {.state = RUN_FAILED, .settle = RUN_STATE_COUNT};
	struct run_result result = {
		RUN_RESULT_NONE, .error_code = err_name(err->code), .error_message = err->msg};
	struct err why = ERR_INIT;

	if (run->fence > 1)
		v = (struct verdict){.state = RUN_QUEUED,
			.settle = run->settle == RUN_STATE_COUNT ? RUN_FAILED : run->settle,
			.delay = 60000,
			.disruption = true};
	if (queue_give_up(store, run, &v, actor, err->msg, &result, &why))
		log_error("%s", why.msg);
	return -1;
}

static int spawned(struct invocation *in, const struct settings *settings,
	const struct assignment *as, struct err *err)
{
	CLEANUP_STORE struct store *store = NULL;
	struct job job;
	struct run run;
	struct attempt attempt = {.settings = settings,
		.job = &job,
		.run = &run,
		.actor = arena_printf(&in->arena, "worker %d", (int)getpid()),
		.clock = &clock_system,
		.signals = &signals,
		.alarm = set_alarm};
	int found;

	if (take(settings, as, attempt.actor, &in->arena, &store, &run, &job, &found, err))
		return -1;
	if (found == 0)
		err_set(err, ERR_NOT_FOUND, "there is no job %" PRId64, run.job_id);
	if (found <= 0)
		return give_up_unreadable(store, &run, attempt.actor, err);
	return attempt_execute(&attempt, mem_steal(store), err) ? exit_status(err->code) : 0;
}

static int by_hand(struct invocation *in, const struct settings *settings, struct err *err)
{
	CLEANUP_STORE struct store *store = NULL;
	struct job job;
	struct run run;
	struct attempt attempt = {.settings = settings,
		.job = &job,
		.run = &run,
		.actor = cmd_actor(&in->arena),
		.clock = &clock_system,
		.signals = &signals,
		.alarm = set_alarm,
		.by_hand = true};
	struct order order = {.actor = attempt.actor,
		.key = cmd_flag(in, "key"),
		.full = cmd_flag(in, "full") != NULL};
	char process[EXECUTOR_HANDLE_MAX];
	int status;

	if (process_handle_self(process, err) || store_open(settings, &store, err) ||
		store_job(store, cmd_flag(in, "job"), &in->arena, &job, err) ||
		attempt_check(settings, &job, err))
		return -1;
	setenv(PROCESS_LEFT_VARIABLE, process, 1); /* no thread is there yet */
	if (!job.enabled)
		log_warn("job '%s' is not enabled; running it by hand all the same", job.name);
	if (queue_order_claimed(store, job.job_id, &order, process, settings->controller.lease,
		    &in->arena, &run, err) ||
		queue_move(store, &run, RUN_RUNNING, attempt.actor, NULL, NULL, err))
		return -1;
	status = attempt_execute(&attempt, mem_steal(store), err) ? exit_status(err->code) : 0;
	bell_ring(cmd_store_name(settings, &in->arena)); /* what is after this job */
	return status;
}

int cmd_worker(struct invocation *in, struct err *err)
{
	struct settings settings;
	struct assignment as;
	int assigned;

	catch_signals();
	if (cmd_settings(in, &settings, err))
		return -1;
	assigned = read_assignment(&as, err);
	if (assigned < 0)
		return -1;
	return assigned ? spawned(in, &settings, &as, err) : by_hand(in, &settings, err);
}
