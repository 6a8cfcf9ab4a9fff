#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "cmd/cmd.h"
#include "job/store.h"
#include "job/store_move.h"

#define SCRIPT_MAX (1u << 20)

static int print_script(const struct settings *settings, struct err *err)
{
	CLEANUP(buf_release) struct buf script = BUF_INIT(SCRIPT_MAX);
	struct err unseen;
	int from;

	store_script(settings, &script, &from, &unseen);
	if (unseen.code)
		log_warn("%s: the script is that for an empty database", unseen.msg);
	if (buf_check(&script, "the script", err))
		return -1;
	fputs(buf_str(&script), stdout);
	return 0;
}

static void warn_of(const char *what, const struct err *why)
{
	if (!why->code)
		return;
	log_warn("%s were not made: %s", what, why->msg);
	if (why->code == ERR_AUTH || why->code == ERR_CONFIG)
		log_warn("a database administrator can run the end of what 'etl init --dry-run' prints");
}

static void show_progress(void *arg, const char *table, int64_t rows)
{
	(void)arg;
	fprintf(stderr, "\retl.%s: %" PRId64 " rows", table, rows);
}

static int move_here(struct invocation *in, const struct settings *to, struct store_move *ret_move, struct err *err)
{
	bool show = isatty(STDERR_FILENO) && !cmd_flag(in, "json");
	struct settings from;
	int rc;

	if (settings_load(cmd_flag(in, "from"), &in->arena, &from, err))
		return -1;
	rc = store_move(&from, to, show ? show_progress : NULL, NULL, ret_move, err);
	if (show)
		fputs("\r\033[K", stderr);
	return rc;
}

static void print_json(const char *store, const struct schema_change *c, const struct store_move *m)
{
	CLEANUP_JSON struct json_doc *doc = json_new();
	struct json *o = json_object(doc);

	json_set_str(doc, o, "store", store);
	json_set_int(doc, o, "from_version", c->from);
	json_set_int(doc, o, "version", c->to);
	json_set_bool(doc, o, "roles", !c->roles.code);
	json_set_bool(doc, o, "descriptions", !c->words.code);
	if (m) {
		json_set_int(doc, o, "jobs_moved", m->jobs);
		json_set_int(doc, o, "runs_moved", m->runs);
		json_set_int(doc, o, "rows_moved", m->rows);
	}
	cmd_print_json(doc, o);
}

static void print(const char *store, const struct schema_change *c, const struct store_move *m)
{
	if (c->from == 0)
		printf("made store '%s', schema version %d\n", store, c->to);
	else if (c->from < c->to)
		printf("store '%s': schema version %d, was %d\n", store, c->to, c->from);
	else
		printf("store '%s' is up to date, schema version %d\n", store, c->to);
	if (m && m->done_before)
		printf("everything was moved there before\n");
	else if (m)
		printf("moved %" PRId64 " jobs and %" PRId64 " runs, %" PRId64 " rows in all\n", m->jobs, m->runs, m->rows);
}

int cmd_init(struct invocation *in, struct err *err)
{
	struct settings settings;
	struct schema_change c;
	struct store_move moved = {.jobs = 0}, *m = cmd_flag(in, "from") ? &moved : NULL;
	const char *store;

	if (cmd_settings(in, &settings, err))
		return -1;
	if (cmd_flag(in, "dry-run"))
		return print_script(&settings, err);
	if (store_init(&settings, &clock_system, &rnd_system, &c, err) || (m && move_here(in, &settings, m, err)))
		return -1;
	warn_of("the roles etl_reader, etl_operator and etl_worker", &c.roles);
	warn_of("the descriptions of tables and columns", &c.words);
	store = settings_store_name(&settings, &in->arena);
	if (cmd_flag(in, "json"))
		print_json(store, &c, m);
	else
		print(store, &c, m);
	return 0;
}
