#include "exec/kube_self.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exec/kube_names.h"

/* What workers' pods may belong to. */
static const struct {
	const char *kind, *api, *path, *resource;
} kinds[] = {
	{"Deployment", "apps/v1", "/apis/apps/v1", "deployments"},
	{"StatefulSet", "apps/v1", "/apis/apps/v1", "statefulsets"},
	{"ReplicaSet", "apps/v1", "/apis/apps/v1", "replicasets"},
	{"ConfigMap", "v1", "/api/v1", "configmaps"},
};

/* By $ETL_POD (downward API), else the host's name, which is the pod's unless somebody says otherwise. */
static int own_name(char *out, size_t size)
{
	const char *env = getenv("ETL_POD");

	if (env && *env)
		return snprintf(out, size, "%s", env) < (int)size ? 0 : -1;
	return gethostname(out, size);
}

static int set_path(struct kube_self *s, const char *kind, const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcasecmp(kinds[i].kind, kind) == 0) {
			s->resource = kinds[i].resource;
			snprintf(s->path, sizeof(s->path), "%s/namespaces/%s/%s/%s", kinds[i].path, s->config->ns,
				kinds[i].resource, name);
			return 0;
		}
	return -1;
}

/* The owner that the configuration names, or none. */
static int ask_for_option(struct kube_self *s, struct err *err)
{
	const char *slash = s->owner_option ? strchr(s->owner_option, '/') : NULL;
	char kind[64];

	s->stage = KUBE_SELF_DONE;
	if (!s->owner_option)
		return 0;
	s->stage = KUBE_SELF_OWNER;
	if (slash && slash[1] && strlen(slash) <= KUBE_NAME_MAX &&
		snprintf(kind, sizeof(kind), "%.*s", (int)(slash - s->owner_option), s->owner_option) <
			(int)sizeof(kind) &&
		set_path(s, kind, slash + 1) == 0)
		return 0;
	err_set(err, ERR_CONFIG, "[kubernetes] owner '%s' is not KIND/NAME", s->owner_option);
	return err_hint(err, "Deployment/NAME, StatefulSet/NAME, ReplicaSet/NAME or ConfigMap/NAME");
}

int kube_self_init(struct kube_self *s, const struct settings *settings, const struct kube_config *config,
	struct err *err)
{
	char name[KUBE_NAME_MAX + 1] = "";

	*s = (struct kube_self){.config = config, .owner_option = settings->kubernetes.owner};
	if (ask_for_option(s, err))
		return -1;
	if (!config->in_cluster)
		return 0;
	if (own_name(name, sizeof(name)))
		return err_set(err, ERR_CONFIG, "the name of the controller's own pod is not known");
	s->stage = KUBE_SELF_POD;
	s->resource = "pods";
	snprintf(s->path, sizeof(s->path), "/api/v1/namespaces/%s/pods/%s", config->own_ns, name);
	return 0;
}

void kube_self_release(struct kube_self *s)
{
	json_free(s->pod_doc);
	json_free(s->owner_doc);
	*s = (struct kube_self){.stage = KUBE_SELF_DONE};
}

const char *kube_self_next(const struct kube_self *s)
{
	return s->stage == KUBE_SELF_DONE ? NULL : s->path;
}

/* No blockOwnerDeletion: OpenShift asks for rights on the owner for it. */
static void set_owner(struct kube_self *s, const char *api, const char *kind, const char *name, const char *uid)
{
	json_free(s->owner_doc);
	s->owner_doc = json_new();
	s->owner = json_object(s->owner_doc);
	json_set_str(s->owner_doc, s->owner, "apiVersion", api);
	json_set_str(s->owner_doc, s->owner, "kind", kind);
	json_set_str(s->owner_doc, s->owner, "name", name);
	json_set_str(s->owner_doc, s->owner, "uid", uid);
}

/* Follows metadata.ownerReferences one step up: what controls the object. */
static void climb(struct kube_self *s, struct json *object)
{
	struct json_iter it = {.of = json_get(object, "metadata.ownerReferences")};
	struct json *ref;
	struct err ignored = ERR_INIT;

	s->stage = KUBE_SELF_DONE;
	if (strcmp(s->config->ns, s->config->own_ns) != 0)
		it.of = NULL; /* nothing belongs to something of another namespace */
	while (json_next(&it, NULL, &ref)) {
		const char *kind = json_str(ref, "kind"), *api = json_str(ref, "apiVersion");
		const char *name = json_str(ref, "name"), *uid = json_str(ref, "uid");

		if (!json_bool(ref, "controller", false) || !kind || !api || !name || !uid)
			continue;
		set_owner(s, api, kind, name, uid);
		if (strcmp(kind, "ReplicaSet") == 0 && set_path(s, kind, name) == 0)
			s->stage = KUBE_SELF_SET;
		break;
	}
	if (s->owner_option && ask_for_option(s, &ignored)) /* it was looked at before */
		s->stage = KUBE_SELF_DONE;
}

static void take_owner(struct kube_self *s, struct json *object)
{
	const char *name = json_str(object, "metadata.name"), *uid = json_str(object, "metadata.uid");

	s->stage = KUBE_SELF_DONE;
	for (size_t i = 0; name && uid && i < ARRAY_LEN(kinds); i++)
		if (strcmp(kinds[i].resource, s->resource) == 0)
			set_owner(s, kinds[i].api, kinds[i].kind, name, uid);
}

/* A step that will not do however often it is asked: without it. */
static int do_without(struct kube_self *s, struct kube_fault *fault)
{
	if (s->stage == KUBE_SELF_POD)
		return -1; /* without our own pod nothing is known of mounts */
	if (s->stage == KUBE_SELF_SET) /* it is replaced at the next update: nothing to belong to */
		s->owner = NULL;
	snprintf(s->missing, sizeof(s->missing), "%s", fault->words);
	s->stage = KUBE_SELF_DONE;
	return 0;
}

int kube_self_take(struct kube_self *s, const struct http_response *r, struct kube_fault *fault)
{
	struct json_doc *doc = NULL;
	struct err err = ERR_INIT;

	if (r->status != 200 || json_parse(r->body, r->len, &doc, &err)) {
		kube_fault_read(r, "get", s->resource, s->config->ns, fault);
		if (fault->cure == KUBE_MISSING)
			fault->cure = KUBE_REFUSED;
		return fault->cure == KUBE_REFUSED ? do_without(s, fault) : -1;
	}
	switch (s->stage) {
	case KUBE_SELF_POD:
		s->pod_doc = doc;
		s->pod = json_root(doc);
		climb(s, s->pod);
		return 0;
	case KUBE_SELF_SET:
		climb(s, json_root(doc));
		break;
	case KUBE_SELF_OWNER:
		take_owner(s, json_root(doc));
		break;
	case KUBE_SELF_DONE:
		break;
	}
	json_free(doc);
	return 0;
}
