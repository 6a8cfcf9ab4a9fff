#include <stdio.h>

#include "base/json.h"
#include "cmd/cmd.h"
#include "job/store.h"
#include "work/look.h"

static void print(const struct job *job, const char *watermark, bool json)
{
	CLEANUP_JSON struct json_doc *doc = json_new();
	struct json *o = json_object(doc);

	if (!json) {
		puts(watermark ? watermark : "none: the next load reads everything");
		return;
	}
	json_set_str(doc, o, "job", job->name);
	json_set_str(doc, o, "watermark", watermark);
	cmd_print_json(doc, o);
}

int cmd_watermark(struct invocation *in, struct err *err)
{
	const char *set = cmd_flag(in, "set"), *watermark;
	CLEANUP_STORE struct store *store = NULL;
	struct settings settings;
	struct job job;

	if (set && cmd_flag(in, "clear"))
		return err_set(err, ERR_USAGE, "--set and --clear exclude each other");
	if (cmd_settings(in, &settings, err) || store_open(&settings, &store, err) ||
		store_job(store, in->args[0], &in->arena, &job, err))
		return -1;
	if (job.load_mode != LOAD_INCREMENTAL)
		return err_set(err, ERR_CONFIG, "job '%s' has no watermark: its load_mode is %s",
			job.name, load_mode_name(job.load_mode));
	if ((set || cmd_flag(in, "clear")) && look_set_watermark(&settings, &job, set, err))
		return -1;
	if (look_watermark(&settings, &job, &in->arena, &watermark, err))
		return -1;
	print(&job, watermark, cmd_flag(in, "json") != NULL);
	return 0;
}
