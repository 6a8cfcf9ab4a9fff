#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "cmd/cmd.h"
#include "ctl/bell.h"
#include "job/queue.h"
#include "work/recover.h"

struct printer {
	struct json_doc *doc;
	struct json *list; /* NULL: text */
	bool dry_run;
	size_t n;
};

static void print(struct printer *p, const struct job *job, const struct recovered *r)
{
	bool published = r->end == RECOVERED_PUBLISHED;
	struct json *o;

	p->n++;
	if (!p->list) {
		printf("%s\t%s\t%s%s%s\tbegun %s\n", job->name, r->run_uid,
			published ? "loaded" : "not loaded", r->order_key ? "\tkey " : "",
			r->order_key ? r->order_key : "", r->opened_at ? r->opened_at : "?");
		return;
	}
	o = json_object(p->doc);
	json_set_str(p->doc, o, "job", job->name);
	json_set_str(p->doc, o, "run_uid", r->run_uid);
	json_set_str(p->doc, o, "order_key", r->order_key);
	json_set_str(p->doc, o, "state", published ? "succeeded" : "cancelled");
	if (r->run_id)
		json_set_int(p->doc, o, "run", r->run_id);
	json_push(p->doc, p->list, o);
}

static int recover_one(struct invocation *in, const struct settings *settings, struct store *store,
	const struct job *job, struct printer *p, struct err *err)
{
	struct recovered *v;
	size_t n;

	if (recover_job(settings, store, job, cmd_actor(&in->arena), p->dry_run, &in->arena, &v, &n,
		    err))
		return -1;
	for (size_t i = 0; i < n; i++)
		print(p, job, &v[i]);
	return 0;
}

static int recover_all(struct invocation *in, const struct settings *settings, struct store *store,
	struct printer *p, struct err *err)
{
	const char **names;
	size_t n;

	if (store_job_names(store, &in->arena, &names, &n, err))
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct job job;

		if (store_job(store, names[i], &in->arena, &job, err) ||
			recover_one(in, settings, store, &job, p, err))
			return -1;
	}
	return 0;
}

int cmd_recover(struct invocation *in, struct err *err)
{
	CLEANUP_JSON struct json_doc *doc = json_new();
	CLEANUP_STORE struct store *store = NULL;
	struct printer p = {.doc = doc,
		.list = cmd_flag(in, "json") ? json_array(doc) : NULL,
		.dry_run = cmd_flag(in, "dry-run") != NULL};
	struct settings settings;
	struct job job;
	int failed;

	if (cmd_settings(in, &settings, err) || store_open(&settings, &store, err))
		return -1;
	if (in->n_args)
		failed = store_job(store, in->args[0], &in->arena, &job, err) ||
			 recover_one(in, &settings, store, &job, &p, err);
	else
		failed = recover_all(in, &settings, store, &p, err);
	if (failed)
		return -1;
	if (p.list)
		cmd_print_json(doc, p.list);
	else if (p.n == 0)
		printf("the store knows of every load in its targets\n");
	else
		printf("%zu runs %s\n", p.n, p.dry_run ? "would be recovered" : "recovered");
	if (!p.dry_run)
		bell_ring(cmd_store_name(&settings, &in->arena));
	return 0;
}
