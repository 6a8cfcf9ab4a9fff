/*
 * kube_config - where the Kubernetes API is, and who we are there.
 *
 * In a cluster: what the kubelet mounts for the pod's service account. Outside: the
 * current context of a kubeconfig (certificates, token, tokenFile, exec plugin), or
 * [kubernetes] server, ca_file, token_file. Files are read here, once, but for the
 * token's, which is read again as it is replaced.
 */
#ifndef EXEC_KUBE_CONFIG_H
#define EXEC_KUBE_CONFIG_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/settings.h"

#define KUBE_CONFIG_MAX (4u * 1024 * 1024) /* bytes of a file */
#define KUBE_PLUGIN_ARGS_MAX 64

/* Strings are the arena's. */
struct kube_config {
	bool in_cluster;
	const char *from; /* for messages: "the service account", "kubeconfig 'x', context 'y'" */
	const char *server, *ns;
	const char *own_ns; /* in a cluster: of the pod that we are in */
	const char *ca, *certificate, *key; /* PEM texts; NULL */
	const char *token, *token_file;
	const char *proxy; /* NULL: what the environment says */
	bool insecure;
	const char **plugin; /* argv of the program that gives tokens; NULL: none */
	const char **plugin_env; /* "NAME=value", behind ours; NULL-terminated */
	const char *plugin_api;	 /* its apiVersion */
};

/* ERR_CONFIG with what is missing where. */
MUST_CHECK int kube_config_load(const struct settings *s, struct arena *a, struct kube_config *ret,
	struct err *err);

/* The same of a kubeconfig's text; `path` is for messages and for what it names relative to itself. For
 * tests and fuzzing: reads the files that it names. */
MUST_CHECK int kube_config_parse(const char *text, size_t len, const char *path, struct arena *a,
	struct kube_config *ret, struct err *err);

/* Is there anything that says where a cluster is? */
bool kube_config_wanted(const struct settings *s);

#endif
