#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "job/queue.h"
#include "job/report.h"

#define LAST_DEFAULT 20
#define LAST_MAX 100000
#define NAME_WIDTH_MAX 40 /* of the job column; longer names push their line to the right */

static void set_number(struct json_doc *doc, struct json *o, const char *key, int64_t value)
{
	if (value < 0)
		json_set_str(doc, o, key, NULL);
	else
		json_set_int(doc, o, key, value);
}

struct json *cmd_run_json(struct json_doc *doc, const struct run_info *r)
{
	struct json *o = json_object(doc);

	json_set_int(doc, o, "run", r->run_id);
	json_set_str(doc, o, "run_uid", r->run_uid);
	json_set_str(doc, o, "job", r->job);
	json_set_str(doc, o, "state", r->state);
	json_set_int(doc, o, "attempt", r->attempt);
	json_set_str(doc, o, "queued_at", r->queued_at);
	json_set_str(doc, o, "started_at", r->started_at);
	json_set_str(doc, o, "finished_at", r->finished_at);
	set_number(doc, o, "elapsed_ms", r->elapsed_ms);
	set_number(doc, o, "rows_read", r->rows_read);
	set_number(doc, o, "rows_written", r->rows_written);
	set_number(doc, o, "rows_rejected", r->rows_rejected);
	set_number(doc, o, "bytes_read", r->bytes_read);
	json_set_str(doc, o, "error_code", r->error_code);
	json_set_str(doc, o, "error_message", r->error_message);
	json_set_str(doc, o, "origin", r->origin);
	json_set_str(doc, o, "order_key", r->order_key);
	json_set_int(doc, o, "priority", r->priority);
	json_set_int(doc, o, "fence", r->fence);
	json_set_int(doc, o, "disruptions", r->disruptions);
	json_set_str(doc, o, "settle", r->settle);
	json_set_bool(doc, o, "cancel_requested", r->cancel_requested);
	json_set_str(doc, o, "ready_at", r->ready_at);
	json_set_str(doc, o, "progress", r->progress);
	json_set_str(doc, o, "hold_reason", r->hold_reason);
	return o;
}

/* "2026-11-24T00:26:33.123Z" as "2026-11-24 00:26:33"; "-" where it has not come to that. */
static const char *print_time(const char *at, char out[20])
{
	snprintf(out, 20, "%s", at ? at : "-");
	if (at && strlen(out) > 10)
		out[10] = ' ';
	return out;
}

/* How a state looks on a terminal. */
static const char *const state_colours[RUN_STATE_COUNT] = {
	[RUN_WAITING] = "\033[2m",
	[RUN_QUEUED] = "\033[2m",
	[RUN_STARTING] = "\033[36m",
	[RUN_RUNNING] = "\033[36m",
	[RUN_SUCCEEDED] = "\033[32m",
	[RUN_FAILED] = "\033[31m",
	[RUN_CANCELLED] = "\033[33m",
	[RUN_TIMED_OUT] = "\033[31m",
	[RUN_UNKNOWN] = "\033[31m",
};

/* As wide as the longest one. NO_COLOR: https://no-color.org */
static void print_state(const char *name)
{
	enum run_state state = run_state_parse(name);
	bool colour = state != RUN_STATE_COUNT && isatty(STDOUT_FILENO) && !getenv("NO_COLOR");

	printf("%s%-9s%s", colour ? state_colours[state] : "", name, colour ? "\033[0m" : "");
}

static void print_run(const struct run_info *r, int width)
{
	char rows[32] = "-", started[20], took[32] = "-";

	if (r->rows_written >= 0)
		text_count((uint64_t)r->rows_written, rows, sizeof(rows));
	if (r->elapsed_ms >= 0)
		text_elapsed(r->elapsed_ms, took, sizeof(took));
	printf("%5" PRId64 "  %-*s  ", r->run_id, width, r->job);
	print_state(r->state);
	printf("  %13s  %-19s  %s\n", rows, print_time(r->started_at, started), took);
	if (r->progress && strcmp(r->state, run_state_name(RUN_RUNNING)) == 0)
		printf("       %s\n", r->progress);
	if (r->rows_rejected > 0)
		printf("       %" PRId64 " rejected: etl rejects %" PRId64 "\n", r->rows_rejected, r->run_id);
	if (r->error_message)
		printf("       %s\n", r->error_message);
	if (r->settle && !run_state_final(run_state_parse(r->state)))
		printf("       to be %s once its target has been asked\n", r->settle);
	if (r->hold_reason && !run_state_final(run_state_parse(r->state)))
		printf("       the job is held: %s\n", r->hold_reason);
}

static void print_runs(const struct run_info *runs, size_t n)
{
	int width = 3;

	for (size_t i = 0; i < n; i++) {
		int len = (int)strnlen(runs[i].job, NAME_WIDTH_MAX);

		width = len > width ? len : width;
	}
	printf("%5s  %-*s  %-9s  %13s  %-19s  %s\n", "run", width, "job", "state", "rows",
		"started (UTC)", "took");
	for (size_t i = 0; i < n; i++)
		print_run(&runs[i], width);
}

/* What to show: one run, or (run_id 0) the last ones. */
struct choice {
	int64_t run_id;
	int64_t limit;
};

static int read_choice(struct invocation *in, struct choice *ret_choice, struct err *err)
{
	const char *text = cmd_flag(in, "last");
	struct choice c = {.limit = LAST_DEFAULT};

	if (text && (text_parse_int(text, &c.limit) || c.limit < 1 || c.limit > LAST_MAX))
		return err_set(err, ERR_USAGE, "--last '%s' is not a number from 1 to %d", text,
			LAST_MAX);
	if (in->n_args && cmd_run_number(in->args[0], &c.run_id, err))
		return -1;
	*ret_choice = c;
	return 0;
}

static int find(struct store *store, const struct choice *c, struct arena *a,
	struct run_info **ret_runs, size_t *ret_n, struct err *err)
{
	if (!c->run_id)
		return report_runs(store, (size_t)c->limit, a, ret_runs, ret_n, err);
	*ret_runs = arena_alloc(a, sizeof(**ret_runs));
	*ret_n = 1;
	return report_run(store, c->run_id, a, *ret_runs, err);
}

struct event_printer {
	struct json_doc *doc;
	struct json *list; /* NULL: text */
};

static void print_event(void *arg, const struct run_event *e)
{
	struct event_printer *p = arg;
	char at[20];
	struct json *o;

	if (!p->list) {
		printf("       %s  %-9s  %s%s%s\n", print_time(e->at, at), e->new_state, e->actor,
			e->reason ? ": " : "", e->reason ? e->reason : "");
		return;
	}
	o = json_object(p->doc);
	json_set_str(p->doc, o, "at", e->at);
	json_set_str(p->doc, o, "old_state", e->old_state);
	json_set_str(p->doc, o, "new_state", e->new_state);
	json_set_str(p->doc, o, "actor", e->actor);
	json_set_str(p->doc, o, "reason", e->reason);
	json_push(p->doc, p->list, o);
}

static struct json *lineage_json(struct json_doc *doc, const struct lineage *l)
{
	struct json *o = json_object(doc);

	for (int i = 0; i < LINEAGE_COUNT; i++)
		json_set_str(doc, o, lineage_name((enum lineage_fact)i), lineage_get(l, (enum lineage_fact)i));
	return o;
}

static void print_lineage(const struct lineage *l)
{
	for (int i = 0; i < LINEAGE_COUNT; i++) {
		const char *fact = lineage_get(l, (enum lineage_fact)i);

		if (fact)
			printf("       %-17s %s\n", lineage_name((enum lineage_fact)i), fact);
	}
}

static void print_controllers(const struct controller_info *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].alive)
			printf("controller on %s: %s, %" PRId64 " of %" PRId64 " workers\n", v[i].host,
				v[i].state, v[i].workers, v[i].max_workers);
}

static int show_json(struct store *store, const struct run_info *runs, size_t n, bool one,
	struct err *err)
{
	CLEANUP_JSON struct json_doc *doc = json_new();
	struct json *list = json_array(doc);
	struct lineage lineage;

	for (size_t i = 0; i < n; i++) {
		struct json *o = cmd_run_json(doc, &runs[i]);
		struct event_printer p = {doc, json_array(doc)};

		if (one) {
			int has = report_lineage(store, runs[i].run_id, &lineage, err);

			if (has < 0)
				return -1;
			if (has)
				json_set(doc, o, "lineage", lineage_json(doc, &lineage));
			if (report_event_each(store, runs[i].run_id, print_event, &p, err))
				return -1;
			json_set(doc, o, "events", p.list);
		}
		json_push(doc, list, o);
	}
	cmd_print_json(doc, list);
	return 0;
}

static int show_details(struct store *store, int64_t run_id, struct err *err)
{
	struct lineage lineage;
	int has = report_lineage(store, run_id, &lineage, err);

	if (has < 0)
		return -1;
	if (has)
		print_lineage(&lineage);
	return report_event_each(store, run_id, print_event, &(struct event_printer){NULL, NULL}, err);
}

static int show(struct store *store, const struct run_info *runs, size_t n, bool one, struct arena *a,
	struct err *err)
{
	struct controller_info *controllers;
	size_t n_controllers;

	if (n)
		print_runs(runs, n);
	else
		printf("no runs yet\n");
	if (one)
		return show_details(store, runs[0].run_id, err);
	if (queue_controllers(store, a, &controllers, &n_controllers, err))
		return -1;
	print_controllers(controllers, n_controllers);
	return 0;
}

int cmd_status(struct invocation *in, struct err *err)
{
	CLEANUP_STORE struct store *store = NULL;
	struct settings settings;
	struct run_info *runs;
	struct choice choice = {.run_id = 0};
	size_t n;

	if (read_choice(in, &choice, err) || cmd_settings(in, &settings, err) ||
		store_open(&settings, &store, err) ||
		find(store, &choice, &in->arena, &runs, &n, err))
		return -1;
	if (cmd_flag(in, "json"))
		return show_json(store, runs, n, choice.run_id != 0, err);
	return show(store, runs, n, choice.run_id != 0, &in->arena, err);
}
