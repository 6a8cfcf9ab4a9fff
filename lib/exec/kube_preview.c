#include "exec/kube_preview.h"

#include "base/file.h"

int kube_preview_open(struct kube_preview *p, const struct settings *settings, struct err *err)
{
	*p = (struct kube_preview){.settings = settings, .self.stage = KUBE_SELF_DONE};
	return kube_config_load(settings, &p->arena, &p->config, err) ||
			       kube_self_init(&p->self, settings, &p->config, err) ||
			       kube_api_open(&p->config, &clock_system, &p->api, err)
		       ? -1
		       : 0;
}

int kube_preview_self(struct kube_preview *p, struct err *err)
{
	const char *path;

	while ((path = kube_self_next(&p->self))) {
		CLEANUP(arena_release) struct arena a = ARENA_INIT;
		const struct http_request r = {.method = "GET", .path = path, .timeout = KUBE_CALL_TIMEOUT_MS};
		struct http_response response;
		struct kube_fault fault;

		if (http_do(kube_api_http(p->api), &r, &a, &response, err))
			return -1;
		if (kube_self_take(&p->self, &response, &fault))
			return err_set(err, fault.code, "the controller's own pod: %s", fault.words);
	}
	return 0;
}

void kube_preview_release(struct kube_preview *p)
{
	kube_self_release(&p->self);
	kube_api_close(p->api);
	arena_release(&p->arena);
}

int kube_preview_pod(struct kube_preview *p, const char *store_uid, const struct worker_spec *spec, bool pretty,
	struct buf *out, struct err *err)
{
	const struct kubernetes_options *o = &p->settings->kubernetes;
	struct buf text = BUF_INIT(KUBE_POD_MAX);
	struct kube_order order = {.ns = p->config.ns,
		.store_uid = store_uid,
		.run_uid = spec->run_uid,
		.job_id = spec->job_id,
		.run_id = spec->run_id,
		.fence = spec->fence,
		.job = spec->job,
		.config = spec->config,
		.timeout = spec->timeout,
		.patch = spec->pod_patch,
		.image = o->image,
		.template_name = o->pod_template,
		.self = p->self.pod,
		.owner = p->self.owner};
	int rc = 0;

	if (o->pod_template) {
		rc = file_read(o->pod_template, &text, err) ? err_wrap(err, "[kubernetes] pod_template") : 0;
		order.template_text = buf_str(&text);
	}
	if (rc == 0)
		rc = kube_pod_make(&order, pretty, out, err);
	buf_release(&text);
	return rc;
}
