#include "exec/kube_config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/yaml.h"

#define ACCOUNT_FILE(name) SETTINGS_SERVICE_ACCOUNT "/" name

/* --- small things ------------------------------------------------------------- */

static int read_text(const char *path, struct arena *a, const char **ret, struct err *err)
{
	struct buf text = BUF_INIT(KUBE_CONFIG_MAX);

	if (file_read(path, &text, err)) {
		buf_release(&text);
		return -1;
	}
	*ret = arena_buf(a, &text);
	return 0;
}

/* Without blanks and line ends at its end. */
static const char *trimmed(const char *text, struct arena *a)
{
	size_t len = strlen(text);

	while (len && (unsigned char)text[len - 1] <= ' ')
		len--;
	return arena_strndup(a, text, len);
}

/* As clients of Go make it: [] around an IPv6 address. */
static const char *address(const char *host, const char *port, struct arena *a)
{
	return strchr(host, ':') ? arena_printf(a, "https://[%s]:%s", host, port)
				 : arena_printf(a, "https://%s:%s", host, port);
}

/* --- in a cluster ------------------------------------------------------------- */

static int from_account(const char *host, struct arena *a, struct kube_config *c, struct err *err)
{
	const char *port = getenv("KUBERNETES_SERVICE_PORT"), *ns = NULL;

	c->in_cluster = true;
	c->from = "the pod's service account";
	c->server = address(host, port && *port ? port : "443", a);
	c->token_file = ACCOUNT_FILE("token");
	if (read_text(ACCOUNT_FILE("ca.crt"), a, &c->ca, err) || read_text(ACCOUNT_FILE("namespace"), a, &ns, err)) {
		err->code = ERR_CONFIG;
		return err_wrap(err, "the pod's service account");
	}
	c->ns = c->own_ns = trimmed(ns, a);
	return 0;
}

/* --- a kubeconfig ------------------------------------------------------------- */

struct kubeconfig {
	const char *path;
	struct json *root;
	struct arena *arena;
};

/* The entry of this name in clusters, contexts or users. */
static int named(const struct kubeconfig *k, const char *list, const char *what, const char *name,
	struct json **ret, struct err *err)
{
	struct json_iter it = {.of = json_member(k->root, list)};
	struct json *entry;

	while (json_next(&it, NULL, &entry)) {
		const char *is = json_str(entry, "name");

		if (is && strcmp(is, name) == 0) {
			*ret = json_member(entry, what);
			return 0;
		}
	}
	return err_set(err, ERR_CONFIG, "there is no '%s' among its %s", name, list);
}

/* Paths in a kubeconfig are relative to it. */
static const char *beside(const struct kubeconfig *k, const char *path)
{
	const char *slash = strrchr(k->path, '/');

	if (path[0] == '/' || !slash)
		return arena_strdup(k->arena, path);
	return arena_printf(k->arena, "%.*s/%s", (int)(slash - k->path), k->path, path);
}

/* "certificate-authority-data" (base64) before "certificate-authority" (a file); NULL: neither. */
static int pem(const struct kubeconfig *k, struct json *from, const char *name, const char **ret, struct err *err)
{
	const char *data = json_str(json_member(from, arena_printf(k->arena, "%s-data", name)), "");
	const char *path = json_str(json_member(from, name), "");
	struct buf text = BUF_INIT(KUBE_CONFIG_MAX);

	*ret = NULL;
	if (data && *data) {
		if (base64_parse(&text, data) || strlen(buf_str(&text)) != text.len) {
			buf_release(&text);
			return err_set(err, ERR_CONFIG, "'%s-data' is not base64 of a PEM text", name);
		}
		*ret = arena_buf(k->arena, &text);
		return 0;
	}
	return path && *path ? read_text(beside(k, path), k->arena, ret, err) : 0;
}

static int read_cluster(const struct kubeconfig *k, struct json *cluster, struct kube_config *c, struct err *err)
{
	const char *server = json_str(cluster, "server"), *proxy = json_str(cluster, "proxy-url");

	if (!server)
		return err_set(err, ERR_CONFIG, "its cluster has no 'server'");
	if (json_str(cluster, "tls-server-name"))
		return err_set(err, ERR_CONFIG, "its cluster has 'tls-server-name', which is not supported: give "
						"the server by the name in its certificate");
	c->server = arena_strdup(k->arena, server);
	while (*c->server && c->server[strlen(c->server) - 1] == '/')
		c->server = arena_strndup(k->arena, c->server, strlen(c->server) - 1);
	c->proxy = arena_strdup(k->arena, proxy);
	c->insecure = json_bool(cluster, "insecure-skip-tls-verify", false);
	return pem(k, cluster, "certificate-authority", &c->ca, err);
}

static int read_plugin(const struct kubeconfig *k, struct json *exec, struct kube_config *c, struct err *err)
{
	struct json *args = json_member(exec, "args"), *env = json_member(exec, "env"), *v;
	const char *command = json_str(exec, "command"), *api = json_str(exec, "apiVersion");
	size_t n = 0;

	if (!command || !*command)
		return err_set(err, ERR_CONFIG, "its exec plugin has no 'command'");
	if (json_len(args) > KUBE_PLUGIN_ARGS_MAX || json_len(env) > KUBE_PLUGIN_ARGS_MAX)
		return err_set(err, ERR_LIMIT, "its exec plugin has more than %d arguments", KUBE_PLUGIN_ARGS_MAX);
	c->plugin_api = arena_strdup(k->arena, api ? api : "client.authentication.k8s.io/v1");
	c->plugin = arena_array(k->arena, json_len(args) + 2, sizeof(*c->plugin));
	c->plugin_env = arena_array(k->arena, json_len(env) + 1, sizeof(*c->plugin_env));
	/* one with a path is relative to the file, one without is looked up */
	c->plugin[n++] = strchr(command, '/') ? beside(k, command) : arena_strdup(k->arena, command);
	for (struct json_iter it = {.of = args}; json_next(&it, NULL, &v);)
		if (json_str(v, ""))
			c->plugin[n++] = arena_strdup(k->arena, json_str(v, ""));
	n = 0;
	for (struct json_iter it = {.of = env}; json_next(&it, NULL, &v);)
		if (json_str(v, "name") && json_str(v, "value"))
			c->plugin_env[n++] = arena_printf(k->arena, "%s=%s", json_str(v, "name"), json_str(v, "value"));
	return 0;
}

static int read_user(const struct kubeconfig *k, struct json *user, struct kube_config *c, struct err *err)
{
	const char *token = json_str(user, "token"), *token_file = json_str(user, "tokenFile");
	struct json *exec = json_member(user, "exec");

	if (json_str(user, "username") || json_member(user, "auth-provider"))
		return err_set(err, ERR_CONFIG, "its user has %s, which clusters of today do not take",
			json_str(user, "username") ? "a password" : "an auth-provider");
	if (pem(k, user, "client-certificate", &c->certificate, err) || pem(k, user, "client-key", &c->key, err))
		return -1;
	if (!c->certificate != !c->key)
		return err_set(err, ERR_CONFIG, "its user has only one of client-certificate and client-key");
	if (token_file && *token_file)
		c->token_file = beside(k, token_file);
	else
		c->token = token && *token ? trimmed(token, k->arena) : NULL;
	if (c->token)
		log_secret(c->token);
	return json_is_object(exec) ? read_plugin(k, exec, c, err) : 0;
}

static int read_context(const struct kubeconfig *k, struct kube_config *c, struct err *err)
{
	const char *current = json_str(k->root, "current-context"), *cluster, *user, *ns;
	struct json *context, *found;

	if (!current || !*current) {
		err_set(err, ERR_CONFIG, "it has no current-context");
		return err_hint(err, "kubectl config use-context NAME, or oc login");
	}
	if (named(k, "contexts", "context", current, &context, err))
		return -1;
	cluster = json_str(context, "cluster");
	user = json_str(context, "user");
	ns = json_str(context, "namespace");
	if (!cluster || !user)
		return err_set(err, ERR_CONFIG, "its context '%s' names no cluster or no user", current);
	c->from = arena_printf(k->arena, "kubeconfig '%s', context '%s'", k->path, current);
	c->ns = ns && *ns ? arena_strdup(k->arena, ns) : "default";
	return named(k, "clusters", "cluster", cluster, &found, err) || read_cluster(k, found, c, err) ||
			       named(k, "users", "user", user, &found, err) || read_user(k, found, c, err)
		       ? -1
		       : 0;
}

int kube_config_parse(const char *text, size_t len, const char *path, struct arena *a, struct kube_config *ret,
	struct err *err)
{
	CLEANUP_JSON struct json_doc *doc = NULL;
	struct kubeconfig k = {.path = path, .arena = a};
	struct kube_config c = {.in_cluster = false};

	if (yaml_parse(text, len, &doc, &k.root, err) || read_context(&k, &c, err)) {
		err->code = ERR_CONFIG;
		return err_wrap(err, "kubeconfig '%s'", path);
	}
	*ret = c;
	return 0;
}

/* Of several in $KUBECONFIG the first one. */
static const char *kubeconfig_path(const struct settings *s, struct arena *a)
{
	const char *env = getenv("KUBECONFIG"), *home = getenv("HOME");

	if (s->kubernetes.kubeconfig)
		return s->kubernetes.kubeconfig;
	if (env && *env)
		return arena_strndup(a, env, strcspn(env, ":"));
	return home && *home ? arena_printf(a, "%s/.kube/config", home) : NULL;
}

static int from_file(const char *path, struct arena *a, struct kube_config *ret, struct err *err)
{
	struct buf text = BUF_INIT(KUBE_CONFIG_MAX);
	int rc;

	if (file_read(path, &text, err)) {
		buf_release(&text);
		err->code = ERR_CONFIG;
		return err_wrap(err, "kubeconfig");
	}
	rc = kube_config_parse(buf_str(&text), text.len, path, a, ret, err);
	buf_release(&text);
	return rc;
}

/* --- all of them -------------------------------------------------------------- */

static int from_options(const struct kubernetes_options *o, struct arena *a, struct kube_config *c, struct err *err)
{
	c->from = "[kubernetes] server";
	c->server = o->server;
	c->token_file = o->token_file;
	c->ns = "default";
	if (o->ca_file && read_text(o->ca_file, a, &c->ca, err)) {
		err->code = ERR_CONFIG;
		return err_wrap(err, "[kubernetes] ca_file");
	}
	return 0;
}

static const char *service_host(void)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST");

	return host && *host && access(ACCOUNT_FILE("token"), F_OK) == 0 ? host : NULL;
}

bool kube_config_wanted(const struct settings *s)
{
	return s->controller.executor == EXECUTOR_KUBERNETES || s->kubernetes.server || s->kubernetes.kubeconfig;
}

int kube_config_load(const struct settings *s, struct arena *a, struct kube_config *ret, struct err *err)
{
	const struct kubernetes_options *o = &s->kubernetes;
	const char *path = kubeconfig_path(s, a), *host = service_host();
	struct kube_config c = {.in_cluster = false};
	int rc;

	if (o->server) {
		rc = from_options(o, a, &c, err);
	} else if (o->kubeconfig || (!host && path && access(path, F_OK) == 0)) {
		rc = from_file(path, a, &c, err);
	} else if (host) {
		rc = from_account(host, a, &c, err);
	} else {
		err_set(err, ERR_CONFIG, "executor = kubernetes: nothing says where the cluster is");
		return err_hint(err, "outside a cluster set [kubernetes] kubeconfig, or $KUBECONFIG");
	}
	if (rc)
		return -1;
	if (o->namespace)
		c.ns = o->namespace;
	*ret = c;
	return 0;
}
