#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "job/store.h"

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

static struct json *to_json(struct json_doc *doc, const struct run_info *r)
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
	set_number(doc, o, "bytes_read", r->bytes_read);
	json_set_str(doc, o, "error_code", r->error_code);
	json_set_str(doc, o, "error_message", r->error_message);
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

static void print_run(const struct run_info *r, int width)
{
	char rows[32] = "-", started[20], took[32] = "-";

	if (r->rows_written >= 0)
		text_count((uint64_t)r->rows_written, rows, sizeof(rows));
	if (r->elapsed_ms >= 0)
		text_elapsed(r->elapsed_ms, took, sizeof(took));
	printf("%5" PRId64 "  %-*s  %-9s  %13s  %-19s  %s\n", r->run_id, width, r->job, r->state,
		rows, print_time(r->started_at, started), took);
	if (r->error_message)
		printf("       %s\n", r->error_message);
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
		return store_runs(store, (size_t)c->limit, a, ret_runs, ret_n, err);
	*ret_runs = arena_alloc(a, sizeof(**ret_runs));
	*ret_n = 1;
	return store_run_info(store, c->run_id, a, *ret_runs, err);
}

int cmd_status(struct invocation *in, struct err *err)
{
	CLEANUP_JSON struct json_doc *doc = json_new();
	CLEANUP_STORE struct store *store = NULL;
	struct json *list = json_array(doc);
	struct settings settings;
	struct run_info *runs;
	struct choice choice = {.run_id = 0};
	size_t n;

	if (read_choice(in, &choice, err) || cmd_settings(in, &settings, err) ||
		store_open(&settings, &store, err) ||
		find(store, &choice, &in->arena, &runs, &n, err))
		return -1;
	if (cmd_flag(in, "json")) {
		for (size_t i = 0; i < n; i++)
			json_push(doc, list, to_json(doc, &runs[i]));
		cmd_print_json(doc, list);
	} else if (n) {
		print_runs(runs, n);
	} else {
		printf("no runs yet\n");
	}
	return 0;
}
