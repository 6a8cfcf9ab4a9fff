/* What is asked of the API for a worker: its pod, its Secret, its log, its end. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "exec/kube.h"
#include "exec/kube_fault.h"

#define AGAIN_MS 1000

static void call(struct kube_worker *w, const char *method, const char *path, const char *body,
	void (*done)(void *, const struct http_response *))
{
	struct http_call *c;

	w->x->calls++;
	c = kube_api_call(w->x->api, method, path, body, done, w);
	if (c)
		w->call = c;
}

static void answered(struct kube_worker *w)
{
	w->call = NULL;
	w->x->calls--;
}

static void pods_path(const struct kube *x, const char *what, struct buf *out)
{
	buf_printf(out, "/api/v1/namespaces/%s/%s", x->config.ns, what);
}

static void pod_path(const struct kube_worker *w, struct buf *out)
{
	pods_path(w->x, "pods/", out);
	buf_adds(out, w->name);
}

/* --- answers that are no success ------------------------------------------------------ */

static void again(struct kube_worker *w, const struct kube_fault *f)
{
	w->at = kube_now(w->x) + kube_back_off(++w->tries, f->retry_after, kube_api_chance(w->x->api));
}

static void never(struct kube_worker *w, const char *what, const char *why)
{
	const struct worker_end end = {.exit_status = -1, .never_began = true, .stopped = w->stopped};
	char text[KUBE_TEXT_MAX];

	snprintf(text, sizeof(text), "%s: %s", what, why);
	kube_tell(w, &end, text);
}

/* --- its Secret ------------------------------------------------------------------------- */

static void watched(struct kube_worker *w)
{
	w->stage = KUBE_WATCHED;
	arena_release(&w->order_arena);
	w->order = (struct kube_order){.ns = NULL};
	if (w->seen)
		kube_look(w);
}

static void on_secret(void *arg, const struct http_response *r)
{
	struct kube_worker *w = arg;
	struct kube_fault f;

	answered(w);
	if (w->stage != KUBE_TO_KEY)
		return;
	if (r->status / 100 == 2) {
		watched(w);
		return;
	}
	kube_fault_read(r, "create", "secrets", w->x->config.ns, &f);
	if (f.cure == KUBE_EXISTS) {
		watched(w);
	} else if (f.cure == KUBE_REFUSED || f.cure == KUBE_MISSING) {
		w->delete_at = kube_now(w->x);
		never(w, "the Secret of its pod cannot be created", f.words);
	} else {
		kube_say(w, f.words);
		again(w, &f);
	}
}

static void create_secret(struct kube_worker *w)
{
	CLEANUP(buf_release) struct buf path = BUF_INIT(KUBE_PATH_MAX), body = BUF_INIT(KUBE_POD_MAX);

	pods_path(w->x, "secrets", &path);
	kube_pod_secret(&w->order, w->pod.uid, &body);
	call(w, "POST", buf_str(&path), buf_str(&body), on_secret);
}

/* --- its pod ---------------------------------------------------------------------------- */

/* The pod is there, whoever asked for it: it is ours if its labels say so. */
static bool is_ours(const struct kube_worker *w, struct json *pod)
{
	const char *store = json_str(json_member(json_get(pod, "metadata.labels"), KUBE_LABEL_STORE), "");

	return store && strcmp(store, w->x->store_uid) == 0;
}

static void created(struct kube_worker *w, struct json *pod)
{
	struct kube_status status;

	if (!kube_status_read(pod, &status) || !is_ours(w, pod) || status.run_id != w->run_id ||
		status.fence != w->fence) {
		never(w, "its pod cannot be created", "there is one of its name that is not ours");
		return;
	}
	if (status.terminating) { /* somebody's deletion: it has to be gone first */
		kube_say(w, "a pod of its name is being deleted");
		w->at = kube_now(w->x) + AGAIN_MS;
		return;
	}
	if (!w->seen)
		w->pod = status;
	w->seen = w->listed = true; /* the watch may come later, or not stand now */
	w->pending_since = kube_now(w->x);
	w->stage = KUBE_TO_KEY;
	w->at = 0;
	w->tries = 0;
	w->words[0] = '\0'; /* why it waited until now */
	w->news = false;
	if (w->stopped)
		w->delete_at = kube_now(w->x);
	create_secret(w);
}

static void on_found(void *arg, const struct http_response *r)
{
	CLEANUP_JSON struct json_doc *doc = NULL;
	struct kube_worker *w = arg;
	struct err err = ERR_INIT;
	struct kube_fault f;

	answered(w);
	if (w->stage != KUBE_TO_MAKE)
		return;
	if (r->status == 200 && json_parse(r->body, r->len, &doc, &err) == 0) {
		created(w, json_root(doc));
		return;
	}
	kube_fault_read(r, "get", "pods", w->x->config.ns, &f);
	if (f.cure == KUBE_REFUSED)
		never(w, "its pod is there and cannot be looked at", f.words);
	else
		again(w, &f);
}

static void not_created(struct kube_worker *w, const struct http_response *r)
{
	CLEANUP(buf_release) struct buf path = BUF_INIT(KUBE_PATH_MAX);
	struct kube_fault f;

	kube_fault_read(r, "create", "pods", w->x->config.ns, &f);
	switch (f.cure) {
	case KUBE_EXISTS:
		pod_path(w, &path);
		call(w, "GET", buf_str(&path), NULL, on_found);
		break;
	case KUBE_WAIT:
		w->waits_for_room = true;
		kube_say(w, f.words);
		w->at = kube_now(w->x) + KUBE_QUOTA_WAIT_MS + (int64_t)(kube_api_chance(w->x->api) * KUBE_QUOTA_WAIT_MS / 5);
		break;
	case KUBE_REFUSED:
	case KUBE_MISSING:
		never(w, "its pod cannot be created", f.words);
		break;
	default:
		kube_say(w, f.words);
		again(w, &f);
	}
}

static void on_created(void *arg, const struct http_response *r)
{
	CLEANUP_JSON struct json_doc *doc = NULL;
	struct kube_worker *w = arg;
	struct err err = ERR_INIT;

	answered(w);
	if (w->stage != KUBE_TO_MAKE)
		return;
	if (r->status / 100 == 2 && json_parse(r->body, r->len, &doc, &err) == 0)
		created(w, json_root(doc));
	else
		not_created(w, r);
}

static void create_pod(struct kube_worker *w)
{
	CLEANUP(buf_release) struct buf path = BUF_INIT(KUBE_PATH_MAX), body = BUF_INIT(KUBE_POD_MAX);
	struct err err = ERR_INIT;

	w->order.self = w->x->self.pod;
	w->order.owner = w->x->self.owner;
	w->waits_for_room = false;
	if (kube_pod_make(&w->order, false, &body, &err) || buf_check(&body, "the pod", &err)) {
		never(w, "its pod cannot be made", err.msg);
		return;
	}
	pods_path(w->x, "pods", &path);
	call(w, "POST", buf_str(&path), buf_str(&body), on_created);
}

/* --- its log ------------------------------------------------------------------------------ */

static void on_log(void *arg, const struct http_response *r)
{
	struct kube_worker *w = arg;
	struct worker_end end = w->end;
	struct kube_fault f;

	answered(w);
	if (w->stage != KUBE_TO_READ)
		return;
	if (r->status != 200) {
		kube_fault_read(r, "get", "pods/log", w->x->config.ns, &f);
		if ((f.cure == KUBE_RETRY || f.cure == KUBE_WAIT) && w->tries < 5 && w->seen) {
			again(w, &f);
			return;
		}
		log_warn("run %" PRId64 ": the last lines of its worker cannot be read: %s", w->run_id, f.words);
	} else {
		w->log = mem_alloc(r->len + 1);
		memcpy(w->log, r->body, r->len);
		w->log_len = r->len;
	}
	kube_tell(w, &end, w->words);
}

static void read_log(struct kube_worker *w)
{
	CLEANUP(buf_release) struct buf path = BUF_INIT(KUBE_PATH_MAX);
	struct http_request r = {.method = "GET",
		.accept = "*/*",
		.timeout = KUBE_CALL_TIMEOUT_MS,
		.tail = EXECUTOR_OUTPUT_MAX,
		.done = on_log,
		.arg = w};
	struct http_call *c;

	pod_path(w, &path);
	buf_printf(&path, "/log?container=%s&tailLines=%d", KUBE_CONTAINER, KUBE_LOG_LINES);
	r.path = buf_str(&path);
	w->x->calls++;
	c = http_start(kube_api_http(w->x->api), &r);
	if (c)
		w->call = c;
}

/* --- its deletion ------------------------------------------------------------------------- */

static void on_deleted(void *arg, const struct http_response *r)
{
	struct kube_worker *w = arg;
	struct kube_fault f;

	answered(w);
	w->deleting = false;
	if (r->status / 100 == 2) {
		w->tries = 0;
		return; /* the watch tells when it is gone */
	}
	kube_fault_read(r, "delete", "pods", w->x->config.ns, &f);
	if (f.cure == KUBE_MISSING || r->status == 409) { /* it is gone, or another one by now */
		if (w->seen)
			kube_lost(w);
		return;
	}
	if (f.cure == KUBE_REFUSED)
		log_error("pod '%s' cannot be deleted: %s", w->name, f.words);
	w->delete_at = kube_now(w->x) + kube_back_off(++w->tries, f.retry_after, kube_api_chance(w->x->api)) +
		       (f.cure == KUBE_REFUSED ? KUBE_CALL_TIMEOUT_MS : 0);
}

static void delete_pod(struct kube_worker *w)
{
	CLEANUP(buf_release) struct buf path = BUF_INIT(KUBE_PATH_MAX), body = BUF_INIT(KUBE_POD_MAX);

	pod_path(w, &path);
	buf_printf(&body,
		"{\"apiVersion\":\"v1\",\"kind\":\"DeleteOptions\",\"gracePeriodSeconds\":%d,"
		"\"preconditions\":{\"uid\":\"%s\"}}",
		w->pod.phase == KUBE_ENDED ? 0 : w->grace_s, w->pod.uid);
	w->delete_at = INT64_MAX;
	w->deleting = true;
	call(w, "DELETE", buf_str(&path), buf_str(&body), on_deleted);
}

/* --- what is due ---------------------------------------------------------------------------- */

void kube_calls_turn(struct kube *x)
{
	int64_t t = kube_now(x);

	for (size_t i = 0; i < x->n && x->calls < KUBE_CALLS_MAX; i++) {
		struct kube_worker *w = x->v[i];

		if (w->call)
			continue;
		if (w->seen && w->delete_at <= t)
			delete_pod(w);
		else if (w->at > t)
			continue;
		else if (w->stage == KUBE_TO_MAKE && !kube_self_next(&x->self))
			create_pod(w);
		else if (w->stage == KUBE_TO_KEY)
			create_secret(w);
		else if (w->stage == KUBE_TO_READ)
			read_log(w);
	}
}

static void on_self(void *arg, const struct http_response *r)
{
	struct kube *x = arg;
	struct kube_fault f;

	x->self_call = NULL;
	if (kube_self_take(&x->self, r, &f) == 0) {
		x->self_tries = 0;
		if (!kube_self_next(&x->self) && *x->self.missing)
			log_warn("workers' pods belong to nothing: %s", x->self.missing);
		return;
	}
	if (x->self_tries == 0)
		log_warn("the controller's own pod cannot be read: %s", f.words);
	x->self_at = kube_now(x) + kube_back_off(++x->self_tries, f.retry_after, kube_api_chance(x->api));
	for (size_t i = 0; i < x->n; i++)
		if (x->v[i]->stage == KUBE_TO_MAKE)
			kube_say(x->v[i], f.words);
}

void kube_self_turn(struct kube *x)
{
	const char *path = kube_self_next(&x->self);

	if (path && !x->self_call && kube_now(x) >= x->self_at)
		x->self_call = kube_api_call(x->api, "GET", path, NULL, on_self, x);
}
