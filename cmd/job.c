#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "cmd/cmd.h"
#include "exec/kube_preview.h"
#include "job/store.h"
#include "work/catalog.h"

#define OUT_MAX (64u * 1024 * 1024)

static void print_json(const struct catalog_table *v, size_t n)
{
	CLEANUP_JSON struct json_doc *doc = json_new();
	struct json *list = json_array(doc);

	for (size_t i = 0; i < n; i++) {
		struct json *o = json_object(doc);

		json_set_str(doc, o, "table", v[i].name);
		json_set_str(doc, o, "key_columns", v[i].key_columns);
		json_set_str(doc, o, "watermark_columns", v[i].watermarks);
		json_push(doc, list, o);
	}
	cmd_print_json(doc, list);
}

/* The connection that the rows go to where none was named: the one other than `from`, if there is one. */
static const char *other_connection(const struct settings *s, const char *from)
{
	const char *other = NULL;

	for (size_t i = 0; i < s->n_connections; i++)
		if (strcmp(s->connections[i].name, from) != 0) {
			if (other)
				return "warehouse";
			other = s->connections[i].name;
		}
	return other ? other : "warehouse";
}

static int import(struct invocation *in, struct err *err)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(OUT_MAX);
	const char *from = cmd_flag(in, "from"), *to = cmd_flag(in, "to");
	const char *pattern = cmd_flag(in, "tables");
	const struct connection *conn;
	struct settings settings;
	struct catalog_table *v;
	size_t n;

	if (!from)
		return err_set(err, ERR_USAGE, "etl job import needs --from CONNECTION");
	if (cmd_settings(in, &settings, err) ||
		settings_connection(&settings, from, "--from", &conn, err) ||
		(to && settings_connection(&settings, to, "--to", &(const struct connection *){NULL}, err)) ||
		catalog_list(conn, pattern ? pattern : "*", &in->arena, &v, &n, err))
		return -1;
	if (cmd_flag(in, "json")) {
		print_json(v, n);
		return 0;
	}
	catalog_jobs(v, n, from, to ? to : other_connection(&settings, from), &in->arena, &out);
	fputs(buf_str(&out), stdout);
	return 0;
}

/* As the next run's worker would get it, with the run's number left 0. */
static int pod(struct invocation *in, struct err *err)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(KUBE_POD_MAX * 4);
	CLEANUP(kube_preview_release) struct kube_preview preview = {.settings = NULL};
	CLEANUP_STORE struct store *store = NULL;
	struct settings settings;
	struct worker_spec spec;
	struct job job;

	if (in->n_args < 2)
		return err_set(err, ERR_USAGE, "etl job pod needs a job");
	if (cmd_settings(in, &settings, err) || store_open(&settings, &store, err) ||
		store_job(store, in->args[1], &in->arena, &job, err) ||
		kube_preview_open(&preview, &settings, err) || kube_preview_self(&preview, err))
		return -1;
	spec = (struct worker_spec){.job_id = job.job_id,
		.job = job.name,
		.pod_patch = job.pod_patch,
		.timeout = job.timeout,
		.config = cmd_flag(in, "config")};
	if (kube_preview_pod(&preview, store_uid(store), &spec, true, &out, err))
		return -1;
	puts(buf_str(&out));
	return 0;
}

int cmd_job(struct invocation *in, struct err *err)
{
	if (strcmp(in->args[0], "pod") == 0)
		return pod(in, err);
	if (in->n_args > 1)
		return err_set(err, ERR_USAGE, "etl job %s takes no argument '%s'", in->args[0], in->args[1]);
	if (strcmp(in->args[0], "import") == 0)
		return import(in, err);
	err_set(err, ERR_USAGE, "etl job: there is no '%s'", in->args[0]);
	return err_hint(err, "there are: etl job import, etl job pod JOB");
}
