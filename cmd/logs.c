#include <stdio.h>

#include "base/json.h"
#include "cmd/cmd.h"
#include "job/report.h"

struct printer {
	struct json_doc *doc;
	struct json *list; /* NULL: text */
};

static void print_line(void *arg, const struct log_line *line)
{
	struct printer *p = arg;
	struct json *o;

	if (!p->list) {
		printf("%s %-5s %s\n", line->at, line->level, line->message);
		return;
	}
	o = json_object(p->doc);
	json_set_int(p->doc, o, "attempt", line->attempt);
	json_set_str(p->doc, o, "at", line->at);
	json_set_str(p->doc, o, "level", line->level);
	json_set_str(p->doc, o, "message", line->message);
	json_push(p->doc, p->list, o);
}

int cmd_logs(struct invocation *in, struct err *err)
{
	CLEANUP_JSON struct json_doc *doc = json_new();
	CLEANUP_STORE struct store *store = NULL;
	struct printer p = {.doc = doc, .list = cmd_flag(in, "json") ? json_array(doc) : NULL};
	struct settings settings;
	int64_t run_id;

	if (cmd_run_number(in->args[0], &run_id, err) || cmd_settings(in, &settings, err) ||
		store_open(&settings, &store, err) ||
		report_log_each(store, run_id, print_line, &p, err))
		return -1;
	if (p.list)
		cmd_print_json(doc, p.list);
	return 0;
}
