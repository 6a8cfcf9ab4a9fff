#include "exec/kube_api.h"

#include <stdlib.h>
#include <string.h>

#include "exec/kube_fault.h"
#include "exec/kube_plugin.h"

struct kube_api {
	const struct kube_config *config;
	const struct clock *clock;
	struct http *http;
	struct kube_plugin *plugin; /* NULL: none */
};

int kube_api_open(const struct kube_config *config, const struct clock *clock, struct kube_api **ret,
	struct err *err)
{
	const struct http_options o = {.server = config->server,
		.ca = config->ca,
		.certificate = config->certificate,
		.key = config->key,
		.token = config->token,
		.token_file = config->token_file,
		.insecure = config->insecure,
		.no_proxy = config->in_cluster,
		.proxy = config->proxy};
	struct kube_api *k = mem_alloc(sizeof(*k));

	k->config = config;
	k->clock = clock;
	if (http_open(&o, clock, &k->http, err) ||
		(config->plugin && kube_plugin_open(config, clock, k->http, &k->plugin, err))) {
		kube_api_close(k);
		return err_wrap(err, "%s", config->from);
	}
	*ret = k;
	return 0;
}

void kube_api_close(struct kube_api *k)
{
	if (!k)
		return;
	kube_plugin_close(k->plugin);
	http_close(k->http);
	free(k);
}

void kube_api_close_ptr(struct kube_api **k)
{
	kube_api_close(*k);
}

const struct kube_config *kube_api_config(const struct kube_api *k)
{
	return k->config;
}

struct http *kube_api_http(struct kube_api *k)
{
	return k->http;
}

int64_t kube_api_now(const struct kube_api *k)
{
	return k->clock->monotonic(k->clock->arg);
}

double kube_api_chance(struct kube_api *k UNUSED)
{
	uint32_t n;

	rnd_system.fill(rnd_system.arg, &n, sizeof(n));
	return (double)n / (double)UINT32_MAX;
}

int kube_api_fd(const struct kube_api *k)
{
	return http_fd(k->http);
}

int64_t kube_api_deadline(const struct kube_api *k)
{
	int64_t at = http_deadline(k->http), plugin = kube_plugin_deadline(k->plugin);

	return plugin < at ? plugin : at;
}

void kube_api_turn(struct kube_api *k)
{
	http_turn(k->http);
	kube_plugin_turn(k->plugin);
}

struct http_call *kube_api_call(struct kube_api *k, const char *method, const char *path, const char *body,
	void (*done)(void *arg, const struct http_response *r), void *arg)
{
	const struct http_request r = {.method = method,
		.path = path,
		.body = body,
		.body_len = body ? strlen(body) : 0,
		.timeout = KUBE_CALL_TIMEOUT_MS,
		.done = done,
		.arg = arg};

	return http_start(k->http, &r);
}

int kube_api_do(struct kube_api *k, const char *method, const char *path, const char *body, const char *verb,
	const char *what, struct json_doc **ret_doc, struct err *err)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	const struct http_request r = {.method = method,
		.path = path,
		.body = body,
		.body_len = body ? strlen(body) : 0,
		.timeout = KUBE_CALL_TIMEOUT_MS};
	struct http_response response;
	struct kube_fault fault;

	if (http_do(k->http, &r, &a, &response, err))
		return -1;
	if (response.status / 100 == 2 && json_parse(response.body, response.len, ret_doc, err) == 0)
		return 0;
	kube_fault_read(&response, verb, what, k->config->ns, &fault);
	err_clear(err);
	return err_set(err, fault.code, "%s", fault.words);
}
