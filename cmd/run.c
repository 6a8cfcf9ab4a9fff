#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "ctl/bell.h"
#include "job/queue.h"
#include "job/report.h"
#include "work/attempt.h"
#include "work/look.h"

#define LOOK_MS	      100
#define NOBODY_MAX_MS 10000 /* how long --wait waits for a controller to appear */

static void print(const struct job *job, const struct run *run, bool known, bool json)
{
	CLEANUP_JSON struct json_doc *doc = json_new();
	struct json *o = json_object(doc);

	if (!json) {
		printf("run %" PRId64 "\t%s\t%s%s\n", run->run_id, job->name, run_state_name(run->state),
			known ? "\tordered before" : "");
		return;
	}
	json_set_int(doc, o, "run", run->run_id);
	json_set_str(doc, o, "run_uid", run->run_uid);
	json_set_str(doc, o, "job", job->name);
	json_set_str(doc, o, "state", run_state_name(run->state));
	json_set_bool(doc, o, "known", known);
	cmd_print_json(doc, o);
}

/* 1 or 0: a controller of this store lives, here or elsewhere. */
static int any_controller(struct store *store, struct err *err)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct controller_info *v;
	size_t n;

	if (queue_controllers(store, &a, &v, &n, err))
		return -1;
	for (size_t i = 0; i < n; i++)
		if (v[i].alive)
			return 1;
	return 0;
}

static void say_nobody(int64_t run_id)
{
	log_warn("no controller is alive: run %" PRId64 " stays queued until one is started with "
		 "'etl controller'", run_id);
}

static int exit_status(const struct run_info *r)
{
	switch (run_state_parse(r->state)) {
	case RUN_SUCCEEDED:
		return 0;
	case RUN_CANCELLED:
	case RUN_TIMED_OUT:
		return err_exit_code(ERR_CANCELLED);
	default:
		return 1;
	}
}

static int finish(const struct run_info *r, bool json)
{
	CLEANUP_JSON struct json_doc *doc = json_new();
	char rows[64], took[32];

	log_status("");
	if (json) {
		cmd_print_json(doc, cmd_run_json(doc, r));
		return exit_status(r);
	}
	if (r->error_message)
		fprintf(stderr, "run %" PRId64 ": %s: %s\n", r->run_id, r->state, r->error_message);
	else
		fprintf(stderr, "run %" PRId64 ": %s, %s in %s\n", r->run_id, r->state,
			text_plural(r->rows_written < 0 ? 0 : (uint64_t)r->rows_written, "row", rows,
				sizeof(rows)),
			text_elapsed(r->elapsed_ms < 0 ? 0 : r->elapsed_ms, took, sizeof(took)));
	return exit_status(r);
}

static void nap(void)
{
	struct timespec t = {.tv_nsec = LOOK_MS * 1000000L};

	nanosleep(&t, NULL);
}

/* Until the run is over. Without a controller it would wait for ever: not without saying so, and not
 * for long. */
static int wait_for(struct store *store, int64_t run_id, bool json, struct err *err)
{
	const struct clock *clock = &clock_system;
	int64_t nobody_since = -1;

	for (;;) {
		CLEANUP(arena_release) struct arena a = ARENA_INIT;
		struct run_info r;
		int alive;

		if (report_run(store, run_id, &a, &r, err))
			return -1;
		if (run_state_final(run_state_parse(r.state)))
			return finish(&r, json);
		log_status(r.progress ? r.progress : arena_printf(&a, "run %" PRId64 "  %s", run_id, r.state));
		alive = any_controller(store, err);
		if (alive < 0)
			return -1;
		if (alive || run_state_parse(r.state) == RUN_RUNNING)
			nobody_since = -1;
		else if (nobody_since < 0)
			nobody_since = clock->monotonic(clock->arg);
		else if (clock->monotonic(clock->arg) - nobody_since > NOBODY_MAX_MS) {
			log_status("");
			err_set(err, ERR_NETWORK, "run %" PRId64 " is %s, and no controller is alive",
				run_id, r.state);
			return err_hint(err, "it stays ordered: start 'etl controller', then look at 'etl status %" PRId64 "'",
				run_id);
		}
		nap();
	}
}

struct plan_printer {
	struct json_doc *doc;
	struct json *list; /* NULL: text */
};

static void print_plan(void *arg, const char *line)
{
	struct plan_printer *p = arg;

	if (p->list)
		json_push_str(p->doc, p->list, line);
	else
		puts(line);
}

static int dry_run(const struct settings *settings, const struct job *job, bool full, bool json,
	struct err *err)
{
	CLEANUP_JSON struct json_doc *doc = json_new();
	struct plan_printer p = {.doc = doc, .list = json ? json_array(doc) : NULL};
	struct json *o = json_object(doc);

	if (look_plan(settings, job, full, print_plan, &p, err))
		return -1;
	if (!json)
		return 0;
	json_set_str(doc, o, "job", job->name);
	json_set(doc, o, "plan", p.list);
	cmd_print_json(doc, o);
	return 0;
}

int cmd_run(struct invocation *in, struct err *err)
{
	struct order order = {.key = cmd_flag(in, "key"),
		.actor = cmd_actor(&in->arena),
		.full = cmd_flag(in, "full") != NULL};
	bool json = cmd_flag(in, "json") != NULL, known;
	CLEANUP_STORE struct store *store = NULL;
	struct settings settings;
	struct job job;
	struct run run;
	int alive;

	if (cmd_settings(in, &settings, err) || store_open(&settings, &store, err) ||
		store_job(store, in->args[0], &in->arena, &job, err) ||
		attempt_check(&settings, &job, err))
		return -1;
	if (cmd_flag(in, "dry-run"))
		return dry_run(&settings, &job, order.full, json, err);
	if (!job.enabled) {
		err_set(err, ERR_CONFIG, "job '%s' is not enabled", job.name);
		return err_hint(err, "set enabled = yes and apply its file, or run it by hand: etl worker --job %s",
			job.name);
	}
	if (queue_order(store, job.job_id, &order, &in->arena, &run, &known, err))
		return -1;
	bell_ring(cmd_store_name(&settings, &in->arena));
	if (!json || !cmd_flag(in, "wait")) /* else its end is the document */
		print(&job, &run, known, json);
	fflush(stdout);
	if (job.hold_reason)
		log_warn("job '%s' is held: %s", job.name, job.hold_reason);
	if (run.state == RUN_WAITING)
		log_warn("a job that '%s' comes after is not over, or did not succeed: run %" PRId64
			 " waits for it", job.name, run.run_id);
	alive = any_controller(store, err);
	if (alive < 0)
		return -1;
	if (!alive && !run_state_final(run.state))
		say_nobody(run.run_id);
	return cmd_flag(in, "wait") ? wait_for(store, run.run_id, json, err) : 0;
}
