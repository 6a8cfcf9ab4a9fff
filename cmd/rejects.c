#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "cmd/cmd.h"
#include "job/report.h"
#include "job/store.h"
#include "work/look.h"

static void print_json(const struct reject *v, size_t n)
{
	CLEANUP_JSON struct json_doc *doc = json_new();
	struct json *list = json_array(doc);

	for (size_t i = 0; i < n; i++) {
		struct json *o = json_object(doc);

		json_set_int(doc, o, "row", (int64_t)v[i].row);
		json_set_str(doc, o, "column", v[i].column);
		json_set_str(doc, o, "key", v[i].key);
		json_set_str(doc, o, "value", v[i].value);
		json_set_str(doc, o, "reason", v[i].reason);
		json_push(doc, list, o);
	}
	cmd_print_json(doc, list);
}

static void print(const struct reject *r)
{
	printf("row %" PRIu64, r->row);
	if (r->key)
		printf(" (%s)", r->key);
	printf(": %s\n", r->reason);
}

int cmd_rejects(struct invocation *in, struct err *err)
{
	CLEANUP_STORE struct store *store = NULL;
	struct settings settings;
	struct run_info run;
	struct reject *v;
	struct job job;
	int64_t run_id;
	size_t n;

	if (cmd_run_number(in->args[0], &run_id, err) || cmd_settings(in, &settings, err) ||
		store_open(&settings, &store, err) ||
		report_run(store, run_id, &in->arena, &run, err) ||
		store_job(store, run.job, &in->arena, &job, err) ||
		look_rejects(&settings, &job, run.run_uid, &in->arena, &v, &n, err))
		return -1;
	if (cmd_flag(in, "json"))
		print_json(v, n);
	else
		for (size_t i = 0; i < n; i++)
			print(&v[i]);
	return 0;
}
