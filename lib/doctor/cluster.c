/* The Kubernetes API: where it is, what it lets us do, and whether it would take a worker's pod. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "doctor/doctor.h"
#include "exec/kube_fault.h"
#include "exec/kube_preview.h"
#include "exec/kube_token.h"

#define AREA "cluster"
#define REVIEWS "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
#define NO_STORE "00000000-0000-0000-0000-000000000000"

struct cluster {
	struct doctor *d;
	struct kube_preview preview;
	const char *subject; /* the namespace */
};

/* What the executor asks of the API (deploy/base has the Role). */
static const struct {
	const char *verb, *group, *resource, *sub, *why;
	bool in_cluster; /* only there */
} rights[] = {
	{"create", "", "pods", "", "to start workers"},
	{"get", "", "pods", "", "to know its own pod, and one that is there already"},
	{"list", "", "pods", "", "to know its workers"},
	{"watch", "", "pods", "", "to hear of their ends"},
	{"delete", "", "pods", "", "to remove what is over"},
	{"get", "", "pods", "log", "to keep the last lines of a worker that died"},
	{"create", "", "secrets", "", "to tell a worker its run"},
	{"get", "apps", "replicasets", "", "to find the Deployment that the pods belong to", .in_cluster = true},
};

static int ask(const struct cluster *c, const char *method, const char *path, const char *body, const char *verb,
	const char *what, struct json_doc **ret_doc, struct err *err)
{
	return kube_api_do(c->preview.api, method, path, body, verb, what, ret_doc, err);
}

/* --- the API --------------------------------------------------------------------- */

static int look_at_api(struct cluster *c)
{
	CLEANUP_JSON struct json_doc *doc = NULL;
	struct err err = ERR_INIT;
	const char *version;

	if (ask(c, "GET", "/version", NULL, "get", "version", &doc, &err)) {
		doctor_fail(c->d, AREA, c->subject, "api", &err);
		return -1;
	}
	version = json_str(json_root(doc), "gitVersion");
	doctor_say(c->d, AREA, c->subject, "api", DOCTOR_OK, NULL, "Kubernetes %s at %s, by %s",
		version ? version : "of an unknown version", c->preview.config.server, c->preview.config.from);
	return 0;
}

static void look_at_token(const struct cluster *c)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT(HTTP_TOKEN_MAX);
	const struct kube_config *k = &c->preview.config;
	const char *token = k->token;
	int64_t issued, ends, now = clock_system.wall(clock_system.arg) / 1000;
	struct err err = ERR_INIT;
	char age[32], left[32];

	if (k->token_file && file_read(k->token_file, &text, &err)) {
		doctor_fail(c->d, AREA, c->subject, "token", &err);
		return;
	}
	if (k->token_file)
		token = buf_str(&text);
	if (!token || kube_token_times(token, &issued, &ends))
		return; /* a certificate, a plugin, or a token that says nothing */
	text_elapsed((now - issued) * 1000, age, sizeof(age));
	if (ends == 0)
		doctor_say(c->d, AREA, c->subject, "token", DOCTOR_WARNING,
			"use a token that is mounted by the kubelet: it is replaced before it ends",
			"the token never ends: whoever has it, has it for good");
	else if (ends <= now)
		doctor_say(c->d, AREA, c->subject, "token", DOCTOR_PROBLEM,
			"a kubelet replaces a token that it has mounted; a copy of one is not replaced",
			"the token ended %s ago", text_elapsed((now - ends) * 1000, left, sizeof(left)));
	else
		doctor_say(c->d, AREA, c->subject, "token", DOCTOR_OK, NULL, "%s old, ends in %s%s", age,
			text_elapsed((ends - now) * 1000, left, sizeof(left)),
			k->token_file ? "; its file is read again every minute" : "");
}

/* --- rights ---------------------------------------------------------------------- */

static void review(const struct cluster *c, size_t i)
{
	CLEANUP_JSON struct json_doc *doc = json_new(), *answer = NULL;
	CLEANUP(buf_release) struct buf body = BUF_INIT(KUBE_POD_MAX);
	struct json *root = json_object(doc), *spec = json_object(doc), *attributes = json_object(doc);
	const char *check = arena_printf(c->d->arena, "may %s %s%s%s", rights[i].verb, rights[i].resource,
		*rights[i].sub ? "/" : "", rights[i].sub);
	struct err err = ERR_INIT;

	json_set_str(doc, root, "apiVersion", "authorization.k8s.io/v1");
	json_set_str(doc, root, "kind", "SelfSubjectAccessReview");
	json_set_str(doc, attributes, "namespace", c->preview.config.ns);
	json_set_str(doc, attributes, "verb", rights[i].verb);
	json_set_str(doc, attributes, "group", rights[i].group);
	json_set_str(doc, attributes, "resource", rights[i].resource);
	json_set_str(doc, attributes, "subresource", rights[i].sub);
	json_set(doc, spec, "resourceAttributes", attributes);
	json_set(doc, root, "spec", spec);
	json_print(doc, root, false, &body);
	if (ask(c, "POST", REVIEWS, buf_str(&body), "create", "selfsubjectaccessreviews", &answer, &err))
		doctor_fail(c->d, AREA, c->subject, check, &err);
	else if (json_bool(json_root(answer), "status.allowed", false))
		doctor_say(c->d, AREA, c->subject, check, DOCTOR_OK, NULL, "yes, %s", rights[i].why);
	else
		doctor_add(c->d, &(struct doctor_finding){.area = AREA,
				      .subject = c->subject,
				      .check = check,
				      .state = DOCTOR_PROBLEM,
				      .text = arena_printf(c->d->arena, "no; it is needed %s", rights[i].why),
				      .remedy = arena_printf(c->d->arena,
					      "a Role in the namespace must grant '%s' on '%s%s%s' (apiGroups: "
					      "[\"%s\"])",
					      rights[i].verb, rights[i].resource, *rights[i].sub ? "/" : "",
					      rights[i].sub, rights[i].group),
				      .code = ERR_AUTH});
}

/* --- quotas ---------------------------------------------------------------------- */

static void look_at_quota(const struct cluster *c, struct json *quota)
{
	static const char *const counts[] = {"pods", "count/pods"};
	const char *name = json_str(quota, "metadata.name");

	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		const char *hard = json_str(json_member(json_get(quota, "status.hard"), counts[i]), "");
		const char *used = json_str(json_member(json_get(quota, "status.used"), counts[i]), "");
		int64_t n_hard, n_used;

		if (!hard || !used || text_parse_int(hard, &n_hard) || text_parse_int(used, &n_used))
			continue;
		doctor_say(c->d, AREA, c->subject, "quota", n_used < n_hard ? DOCTOR_OK : DOCTOR_WARNING,
			n_used < n_hard ? NULL : "runs wait until there is room; the quota's owner can raise it",
			"%s: %s of %s %s used; [controller] max_workers is %lld", name ? name : "?", used, hard,
			counts[i], (long long)c->preview.settings->controller.max_workers);
	}
}

static void look_at_quotas(const struct cluster *c)
{
	CLEANUP_JSON struct json_doc *doc = NULL;
	const char *path = arena_printf(
		c->d->arena, "/api/v1/namespaces/%s/resourcequotas", c->preview.config.ns);
	struct json *items, *quota;
	struct err err = ERR_INIT;

	if (ask(c, "GET", path, NULL, "list", "resourcequotas", &doc, &err)) {
		doctor_say(c->d, AREA, c->subject, "quota", DOCTOR_SKIPPED, NULL, "not known: %s", err.msg);
		return;
	}
	items = json_member(json_root(doc), "items");
	if (json_len(items) == 0)
		doctor_say(c->d, AREA, c->subject, "quota", DOCTOR_OK, NULL, "there is none");
	for (struct json_iter it = {.of = items}; json_next(&it, NULL, &quota);)
		look_at_quota(c, quota);
}

/* --- the pod ---------------------------------------------------------------------- */

static void look_at_image(const struct cluster *c, const char *text, size_t len)
{
	CLEANUP_JSON struct json_doc *doc = NULL;
	struct json *mine = kube_pod_controller(c->preview.self.pod);
	const char *own = json_str(mine, "image"), *image;
	struct err ignored = ERR_INIT;

	if (json_parse(text, len, &doc, &ignored))
		return;
	image = json_str(json_root(doc), "spec.containers.0.image");
	if (own && image && strcmp(own, image) == 0)
		doctor_say(c->d, AREA, c->subject, "image", DOCTOR_OK, NULL,
			"%s: the controller's own, which a node of this cluster has", image);
	else
		doctor_say(c->d, AREA, c->subject, "image", DOCTOR_SKIPPED, NULL,
			"%s: only a node can tell whether it can be pulled; a run says so within seconds",
			image ? image : "?");
}

/* The server does all but keep it: schemas, quotas, admission levels, SCCs. */
static void look_at_admission(const struct cluster *c, const char *pod)
{
	CLEANUP_JSON struct json_doc *doc = NULL;
	const char *path = arena_printf(c->d->arena, "/api/v1/namespaces/%s/pods?dryRun=All", c->preview.config.ns);
	struct err err = ERR_INIT;
	const char *scc;

	if (ask(c, "POST", path, pod, "create", "pods", &doc, &err)) {
		if (err.code == ERR_BUSY)
			doctor_say(c->d, AREA, c->subject, "admission", DOCTOR_WARNING, "runs wait until there is room",
				"%s", err.msg);
		else
			doctor_fail(c->d, AREA, c->subject, "admission", &err);
		return;
	}
	scc = json_str(json_member(json_get(json_root(doc), "metadata.annotations"), "openshift.io/scc"), "");
	doctor_say(c->d, AREA, c->subject, "admission", DOCTOR_OK, NULL, "a worker's pod would be admitted%s%s%s",
		scc ? " (SCC '" : "", scc ? scc : "", scc ? "')" : "");
}

static void look_at_pod(struct cluster *c)
{
	CLEANUP(buf_release) struct buf pod = BUF_INIT(KUBE_POD_MAX);
	const struct worker_spec spec = {.job_id = 0, .run_id = 0, .fence = 0};
	struct err err = ERR_INIT;

	if (kube_preview_self(&c->preview, &err) ||
		kube_preview_pod(&c->preview, NO_STORE, &spec, false, &pod, &err)) {
		doctor_fail(c->d, AREA, c->subject, "pod", &err);
		return;
	}
	if (c->preview.self.owner)
		doctor_say(c->d, AREA, c->subject, "owner", DOCTOR_OK, NULL, "workers' pods belong to %s '%s'",
			json_str(c->preview.self.owner, "kind"), json_str(c->preview.self.owner, "name"));
	else
		doctor_say(c->d, AREA, c->subject, "owner", DOCTOR_WARNING,
			"set [kubernetes] owner = Deployment/NAME, and grant 'get' on it",
			"workers' pods belong to nothing: they stay when the controller is removed%s%s",
			*c->preview.self.missing ? ": " : "", c->preview.self.missing);
	look_at_image(c, buf_str(&pod), pod.len);
	look_at_admission(c, buf_str(&pod));
}

void doctor_look_cluster(struct doctor *d)
{
	struct cluster c = {.d = d, .subject = "kubernetes"};
	struct err err = ERR_INIT;

	if (!kube_config_wanted(d->settings))
		return;
	if (kube_preview_open(&c.preview, d->settings, &err)) {
		doctor_fail(d, AREA, c.subject, "configuration", &err);
		kube_preview_release(&c.preview);
		return;
	}
	c.subject = arena_printf(d->arena, "namespace %s", c.preview.config.ns);
	if (d->settings->store.driver == DRIVER_SQLITE && d->settings->controller.executor == EXECUTOR_KUBERNETES)
		doctor_say(d, AREA, c.subject, "store", DOCTOR_WARNING, "use a store on SQL Server: [store] driver = mssql",
			"the store is a file, which pods do not share");
	look_at_token(&c);
	if (look_at_api(&c) == 0) {
		for (size_t i = 0; i < ARRAY_LEN(rights); i++)
			if (!rights[i].in_cluster || c.preview.config.in_cluster)
				review(&c, i);
		look_at_quotas(&c);
		look_at_pod(&c);
	}
	kube_preview_release(&c.preview);
}
