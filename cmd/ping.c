#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "base/log.h"
#include "cmd/cmd.h"
#include "work/ping.h"

static void print_json(const struct ping_report *r)
{
	CLEANUP_JSON struct json_doc *doc = json_new();
	struct json *o = json_object(doc);

	for (size_t i = 0; i < r->n; i++) {
		const struct ping_fact *f = &r->v[i];

		if (f->type == PING_NUMBER)
			json_set_int(doc, o, f->name, f->number);
		else if (f->type == PING_BOOL)
			json_set_bool(doc, o, f->name, f->number);
		else
			json_set_str(doc, o, f->name, f->text);
	}
	cmd_print_json(doc, o);
}

static void print(const struct ping_report *r)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct ping_fact *f = &r->v[i];

		if (f->type == PING_TEXT && !f->text)
			continue;
		printf("%-22s", f->name);
		if (f->type == PING_NUMBER)
			printf("%" PRId64 "\n", f->number);
		else
			puts(f->type == PING_BOOL ? (f->number ? "yes" : "no") : f->text);
	}
}

static void say(void *arg, const char *text)
{
	(void)arg;
	log_warn("%s", text);
}

int cmd_ping(struct invocation *in, struct err *err)
{
	const struct connection *conn;
	struct ping_report report;
	struct settings settings;

	if (cmd_settings(in, &settings, err) ||
		settings_connection(&settings, in->args[0], "ping", &conn, err) ||
		ping(conn, NULL, say, NULL, &in->arena, &report, err))
		return -1;
	if (cmd_flag(in, "json"))
		print_json(&report);
	else
		print(&report);
	return 0;
}
