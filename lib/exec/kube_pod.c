#include "exec/kube_pod.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "exec/kube_names.h"

#define TOKEN_DIR "/var/run/secrets/kubernetes.io/serviceaccount"
#define RUN_VOLUME "etl-run"
#define TMP_VOLUME "etl-tmp"

#define DEFAULT_CPU	     "100m"
#define DEFAULT_MEMORY	     "128Mi"
#define DEFAULT_MEMORY_LIMIT "1Gi"

/* A pod that is being made. */
struct maker {
	const struct kube_order *o;
	struct json_doc *doc;
	struct json *pod, *spec, *container;
	struct json *mine; /* the controller's container; NULL */
	char name[KUBE_POD_NAME_MAX + 1];
};

/* --- filling in ------------------------------------------------------------------ */

static void fill(struct maker *m, struct json *object, const char *key, struct json *value)
{
	if (!json_member(object, key))
		json_put(m->doc, object, key, value);
}

static void fill_text(struct maker *m, struct json *object, const char *key, const char *value)
{
	if (value)
		fill(m, object, key, json_text(m->doc, value));
}

static void put_text(struct maker *m, struct json *object, const char *key, const char *value)
{
	json_put(m->doc, object, key, json_text(m->doc, value));
}

/* A copy of what `from` has there. */
static void fill_from(struct maker *m, struct json *object, const char *key, struct json *from)
{
	struct json *v = json_member(from, key);

	if (v && !json_is_null(v) && !json_member(object, key))
		json_put(m->doc, object, key, json_copy(m->doc, v));
}

/* The element of a list whose member `key` has this value. */
static struct json *element(struct json *list, const char *key, const char *value)
{
	struct json_iter it = {.of = list};
	struct json *v;

	while (json_next(&it, NULL, &v)) {
		const char *is = json_str(json_member(v, key), "");

		if (is && strcmp(is, value) == 0)
			return v;
	}
	return NULL;
}

struct json *kube_pod_controller(struct json *self)
{
	static const char *const lists[] = {"command", "args"};
	struct json *containers = json_get(self, "spec.containers"), *c, *word;

	for (struct json_iter it = {.of = containers}; json_next(&it, NULL, &c);)
		for (size_t i = 0; i < ARRAY_LEN(lists); i++)
			for (struct json_iter words = {.of = json_member(c, lists[i])}; json_next(&words, NULL, &word);)
				if (json_str(word, "") && strcmp(json_str(word, ""), "controller") == 0)
					return c;
	return json_get(containers, "0");
}

/* --- the pod ---------------------------------------------------------------------- */

static void fill_security(struct maker *m)
{
	static const char *const groups[] = {"runAsUser", "runAsGroup", "fsGroup", "fsGroupChangePolicy",
		"supplementalGroups"};
	struct json *context = json_object_at(m->doc, m->spec, "securityContext");
	struct json *own = json_get(m->o->self, "spec.securityContext");
	struct json *seccomp = json_object(m->doc);

	json_set_str(m->doc, seccomp, "type", "RuntimeDefault");
	fill(m, context, "runAsNonRoot", json_boolean(m->doc, true));
	fill(m, context, "seccompProfile", seccomp);
	for (size_t i = 0; i < ARRAY_LEN(groups); i++)
		fill_from(m, context, groups[i], own);
}

static void fill_pod(struct maker *m)
{
	static const char *const shared[] = {"imagePullSecrets", "hostAliases", "dnsPolicy", "dnsConfig"};
	struct json *own = json_member(m->o->self, "spec");

	fill(m, m->spec, "terminationGracePeriodSeconds", json_number(m->doc, KUBE_GRACE_S));
	if (m->o->timeout > 0)
		fill(m, m->spec, "activeDeadlineSeconds",
			json_number(m->doc, (m->o->timeout + 999) / 1000 + KUBE_DEADLINE_SLACK_S));
	fill(m, m->spec, "enableServiceLinks", json_boolean(m->doc, false));
	for (size_t i = 0; i < ARRAY_LEN(shared); i++)
		fill_from(m, m->spec, shared[i], own);
	fill_security(m);
}

/* --- its container ------------------------------------------------------------------ */

static void find_container(struct maker *m)
{
	struct json *list = json_array_at(m->doc, m->spec, "containers");

	m->container = element(list, "name", KUBE_CONTAINER);
	if (!m->container)
		m->container = json_get(list, "0");
	if (!json_is_object(m->container)) {
		m->container = json_object(m->doc);
		json_push(m->doc, list, m->container);
	}
	put_text(m, m->container, "name", KUBE_CONTAINER); /* its status and its log are found by it */
}

/* The same user as the controller's container, if it says one, and nothing that a pod may be refused
 * for. */
static void fill_container_security(struct maker *m)
{
	struct json *context = json_object_at(m->doc, m->container, "securityContext");
	struct json *own = json_member(m->mine, "securityContext"), *capabilities = json_object(m->doc);
	struct json *all = json_array(m->doc);

	json_push_str(m->doc, all, "ALL");
	json_set(m->doc, capabilities, "drop", all);
	fill(m, context, "allowPrivilegeEscalation", json_boolean(m->doc, false));
	fill(m, context, "readOnlyRootFilesystem", json_boolean(m->doc, true));
	fill(m, context, "runAsNonRoot", json_boolean(m->doc, true));
	fill(m, context, "capabilities", capabilities);
	fill_from(m, context, "runAsUser", own);
	fill_from(m, context, "runAsGroup", own);
}

static void fill_resources(struct maker *m)
{
	struct json *resources = json_object(m->doc), *requests = json_object(m->doc), *limits = json_object(m->doc);

	json_set_str(m->doc, requests, "cpu", DEFAULT_CPU);
	json_set_str(m->doc, requests, "memory", DEFAULT_MEMORY);
	json_set_str(m->doc, limits, "memory", DEFAULT_MEMORY_LIMIT);
	json_set(m->doc, resources, "requests", requests);
	json_set(m->doc, resources, "limits", limits);
	fill(m, m->container, "resources", resources);
}

static int fill_image(struct maker *m, struct err *err)
{
	struct json *command = json_get(m->mine, "command.0");
	const char *own = json_str(m->mine, "image");

	fill_text(m, m->container, "image", m->o->image ? m->o->image : own);
	if (!json_str(m->container, "image")) {
		err_set(err, ERR_CONFIG, "nothing says which image a worker's pod has");
		return err_hint(err, "outside a cluster set [kubernetes] image");
	}
	if (own && strcmp(own, json_str(m->container, "image")) == 0) {
		fill_from(m, m->container, "imagePullPolicy", m->mine);
		if (command && !json_member(m->container, "command")) { /* the program, without its arguments */
			struct json *list = json_array(m->doc);

			json_push(m->doc, list, json_copy(m->doc, command));
			json_put(m->doc, m->container, "command", list);
		}
	}
	fill_from(m, m->container, "workingDir", m->mine);
	return 0;
}

static void put_arguments(struct maker *m)
{
	struct json *args = json_array(m->doc);
	char job[32];

	snprintf(job, sizeof(job), "%" PRId64, m->o->job_id);
	json_push_str(m->doc, args, "worker");
	json_push_str(m->doc, args, "--job");
	json_push_str(m->doc, args, job);
	if (m->o->config) {
		json_push_str(m->doc, args, "--config");
		json_push_str(m->doc, args, m->o->config);
	}
	json_put(m->doc, m->container, "args", args);
}

/* --- its environment ----------------------------------------------------------------- */

/* What a run's own identity is not to come from. */
static bool is_ours(const char *name)
{
	return strcmp(name, "ETL_RUN") == 0 || strcmp(name, "ETL_RUN_FILE") == 0 ||
	       strcmp(name, "ETL_WORKER_HANDLE") == 0 || strcmp(name, "ETL_POD") == 0;
}

static void add_variable(struct maker *m, struct json *env, const char *name, const char *value)
{
	struct json *v = json_object(m->doc);

	json_set_str(m->doc, v, "name", name);
	json_set_str(m->doc, v, "value", value);
	json_push(m->doc, env, v);
}

/* Those of the container, then the controller's that it does not have, then ours. */
static void put_environment(struct maker *m)
{
	struct json *env = json_array(m->doc), *lists[2], *v;
	char handle[KUBE_NAME_MAX * 2 + sizeof(KUBE_HANDLE_PREFIX)];

	lists[0] = json_member(m->container, "env");
	lists[1] = json_member(m->mine, "env");
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		for (struct json_iter it = {.of = lists[i]}; json_next(&it, NULL, &v);) {
			const char *name = json_str(v, "name");

			if (name && !is_ours(name) && !element(env, "name", name))
				json_push(m->doc, env, json_copy(m->doc, v));
		}
	kube_handle(m->o->ns, m->name, handle, sizeof(handle));
	add_variable(m, env, "ETL_RUN_FILE", KUBE_RUN_FILE);
	add_variable(m, env, "ETL_WORKER_HANDLE", handle);
	if (!element(env, "name", "ETL_LOG_FORMAT"))
		add_variable(m, env, "ETL_LOG_FORMAT", "json");
	json_put(m->doc, m->container, "env", env);
	fill_from(m, m->container, "envFrom", m->mine);
}

/* --- its volumes ---------------------------------------------------------------------- */

static void add_mount(struct maker *m, struct json *mounts, const char *volume, const char *path, bool read_only)
{
	struct json *mount = json_object(m->doc);

	json_set_str(m->doc, mount, "name", volume);
	json_set_str(m->doc, mount, "mountPath", path);
	if (read_only)
		json_set_bool(m->doc, mount, "readOnly", true);
	json_push(m->doc, mounts, mount);
}

static void add_volume(struct maker *m, struct json *volumes, const char *name, const char *kind, struct json *what)
{
	struct json *volume = json_object(m->doc);

	json_set_str(m->doc, volume, "name", name);
	json_set(m->doc, volume, kind, what);
	json_push(m->doc, volumes, volume);
}

/* What the controller has mounted, its API token excepted. */
static void hand_on_mounts(struct maker *m, struct json *volumes, struct json *mounts)
{
	struct json *own = json_get(m->o->self, "spec.volumes"), *mount;

	for (struct json_iter it = {.of = json_member(m->mine, "volumeMounts")}; json_next(&it, NULL, &mount);) {
		const char *name = json_str(mount, "name"), *path = json_str(mount, "mountPath");
		struct json *volume = name ? element(own, "name", name) : NULL;

		if (!volume || !path || strncmp(path, TOKEN_DIR, sizeof(TOKEN_DIR) - 1) == 0 ||
			element(mounts, "mountPath", path))
			continue;
		json_push(m->doc, mounts, json_copy(m->doc, mount));
		if (!element(volumes, "name", name))
			json_push(m->doc, volumes, json_copy(m->doc, volume));
	}
}

static void put_volumes(struct maker *m)
{
	struct json *volumes = json_array_at(m->doc, m->spec, "volumes");
	struct json *mounts = json_array_at(m->doc, m->container, "volumeMounts");
	struct json *secret = json_object(m->doc);

	hand_on_mounts(m, volumes, mounts);
	if (!element(mounts, "mountPath", "/tmp")) {
		add_volume(m, volumes, TMP_VOLUME, "emptyDir", json_object(m->doc));
		add_mount(m, mounts, TMP_VOLUME, "/tmp", false);
	}
	json_set_str(m->doc, secret, "secretName", m->name);
	add_volume(m, volumes, RUN_VOLUME, "secret", secret);
	add_mount(m, mounts, RUN_VOLUME, KUBE_RUN_DIR, true);
}

/* --- what it is ------------------------------------------------------------------------ */

static void put_number_label(struct maker *m, struct json *labels, const char *name, int64_t n)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRId64, n);
	put_text(m, labels, name, text);
}

static void put_identity(struct maker *m)
{
	struct json *meta = json_object_at(m->doc, m->pod, "metadata");
	struct json *labels = json_object_at(m->doc, meta, "labels"), *owners;
	char label[KUBE_LABEL_MAX + 1];

	put_text(m, m->pod, "apiVersion", "v1");
	put_text(m, m->pod, "kind", "Pod");
	put_text(m, meta, "name", m->name);
	put_text(m, meta, "namespace", m->o->ns);
	json_remove(meta, "generateName");
	fill_text(m, labels, "app.kubernetes.io/name", "etl");
	fill_text(m, labels, "app.kubernetes.io/component", "worker");
	put_text(m, labels, KUBE_LABEL_STORE, m->o->store_uid);
	put_number_label(m, labels, KUBE_LABEL_RUN, m->o->run_id);
	put_number_label(m, labels, KUBE_LABEL_FENCE, m->o->fence);
	put_number_label(m, labels, KUBE_LABEL_JOB, m->o->job_id);
	if (m->o->controller) {
		kube_label(m->o->controller, label);
		put_text(m, labels, KUBE_LABEL_CONTROLLER, label);
	}
	if (m->o->job)
		put_text(m, json_object_at(m->doc, meta, "annotations"), "etl/job-name", m->o->job);
	if (m->o->owner) {
		owners = json_array(m->doc);
		json_push(m->doc, owners, json_copy(m->doc, m->o->owner));
		json_put(m->doc, meta, "ownerReferences", owners);
	}
	put_text(m, m->spec, "restartPolicy", "Never");
	json_put(m->doc, m->spec, "automountServiceAccountToken", json_boolean(m->doc, false));
}

/* --- all of it --------------------------------------------------------------------------- */

static int open_pod(struct maker *m, const char *text, size_t len, const char *what, struct err *err)
{
	const char *kind;

	if (json_parse(text, len, &m->doc, err)) {
		err->code = ERR_CONFIG;
		return err_wrap(err, "%s", what);
	}
	m->pod = json_root(m->doc);
	kind = json_str(m->pod, "kind");
	if (!json_is_object(m->pod) || (kind && strcmp(kind, "Pod") != 0))
		return err_set(err, ERR_CONFIG, "%s is not a Pod", what);
	m->spec = json_object_at(m->doc, m->pod, "spec");
	return 0;
}

static int patch_pod(const char *text, size_t len, const char *patch, struct buf *out, struct err *err)
{
	if (json_patch(text, len, patch, strlen(patch), false, out, err) == 0)
		return 0;
	err->code = ERR_CONFIG;
	return err_wrap(err, "the job's pod_patch");
}

/* The template with what is the pod's, patched. */
static int make_base(const struct kube_order *o, struct buf *out, struct err *err)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT(KUBE_POD_MAX);
	const char *template = o->template_text ? o->template_text : "{}";
	struct maker m = {.o = o};
	int rc = open_pod(&m, template, strlen(template), o->template_name ? o->template_name : "the template", err);

	if (rc == 0) {
		fill_pod(&m);
		json_print(m.doc, m.pod, false, &text);
	}
	json_free(m.doc);
	if (rc || buf_check(&text, "the pod", err))
		return -1;
	if (o->patch && *o->patch)
		return patch_pod(buf_str(&text), text.len, o->patch, out, err);
	buf_add(out, buf_str(&text), text.len);
	return 0;
}

int kube_pod_make(const struct kube_order *o, bool pretty, struct buf *out, struct err *err)
{
	CLEANUP(buf_release) struct buf base = BUF_INIT(2 * KUBE_POD_MAX);
	struct maker m = {.o = o, .mine = kube_pod_controller(o->self)};
	int rc;

	if (make_base(o, &base, err))
		return -1;
	kube_pod_name(o->store_uid, o->run_id, o->fence, m.name);
	rc = open_pod(&m, buf_str(&base), base.len, "the patched pod", err);
	if (rc == 0) {
		find_container(&m);
		rc = fill_image(&m, err);
	}
	if (rc == 0) {
		fill_container_security(&m);
		fill_resources(&m);
		put_arguments(&m);
		put_environment(&m);
		put_volumes(&m);
		put_identity(&m);
		json_print(m.doc, m.pod, pretty, out);
	}
	json_free(m.doc);
	return rc;
}

void kube_pod_secret(const struct kube_order *o, const char *pod_uid, struct buf *out)
{
	CLEANUP_JSON struct json_doc *doc = json_new();
	struct json *secret = json_object(doc), *meta = json_object(doc), *labels = json_object(doc);
	struct json *data = json_object(doc), *owners = json_array(doc), *owner = json_object(doc);
	char name[KUBE_POD_NAME_MAX + 1], run[128];

	kube_pod_name(o->store_uid, o->run_id, o->fence, name);
	snprintf(run, sizeof(run), "%" PRId64 ":%" PRId64 ":%s", o->run_id, o->fence, o->run_uid ? o->run_uid : "");
	json_set_str(doc, secret, "apiVersion", "v1");
	json_set_str(doc, secret, "kind", "Secret");
	json_set_str(doc, meta, "name", name);
	json_set_str(doc, labels, "app.kubernetes.io/name", "etl");
	json_set_str(doc, labels, KUBE_LABEL_STORE, o->store_uid);
	json_set(doc, meta, "labels", labels);
	json_set_str(doc, owner, "apiVersion", "v1");
	json_set_str(doc, owner, "kind", "Pod");
	json_set_str(doc, owner, "name", name);
	json_set_str(doc, owner, "uid", pod_uid);
	json_push(doc, owners, owner);
	json_set(doc, meta, "ownerReferences", owners);
	json_set(doc, secret, "metadata", meta);
	json_set_bool(doc, secret, "immutable", true);
	json_set_str(doc, data, "run", run);
	json_set(doc, secret, "stringData", data);
	json_print(doc, secret, false, out);
}
