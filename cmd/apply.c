#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "cmd/cmd.h"
#include "job/store.h"

static const char *const change_names[] = {
	[JOB_CREATED] = "created", [JOB_CHANGED] = "changed", [JOB_UNCHANGED] = "unchanged"};

static void print_json(const struct job *jobs, const enum job_change *changes, size_t n)
{
	CLEANUP_JSON struct json_doc *doc = json_new();
	struct json *list = json_array(doc);

	for (size_t i = 0; i < n; i++) {
		struct json *o = json_object(doc);

		json_set_int(doc, o, "job_id", jobs[i].job_id);
		json_set_str(doc, o, "name", jobs[i].name);
		json_set_str(doc, o, "change", change_names[changes[i]]);
		json_push(doc, list, o);
	}
	cmd_print_json(doc, list);
}

int cmd_apply(struct invocation *in, struct err *err)
{
	struct config_file file;
	struct settings settings;
	CLEANUP_STORE struct store *store = NULL;
	enum job_change *changes;
	struct job *jobs;
	size_t n;

	if (cmd_settings(in, &settings, err) || store_open(&settings, &store, err))
		return -1;
	if (config_read(in->args[0], &in->arena, &file, err) ||
		jobs_parse(&file, &in->arena, &jobs, &n, err))
		return -1;
	changes = arena_array(&in->arena, n, sizeof(*changes));
	if (store_apply(store, jobs, n, cmd_actor(&in->arena), &in->arena, changes, err))
		return -1;
	if (cmd_flag(in, "json")) {
		print_json(jobs, changes, n);
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		printf("job %" PRId64 "\t%s\t%s\n", jobs[i].job_id, jobs[i].name,
			change_names[changes[i]]);
	return 0;
}
