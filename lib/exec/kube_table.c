/* What is known of pods, and what follows from it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "exec/kube.h"

#define GROW 64

struct kube_worker *kube_find(const struct kube *x, int64_t run_id, int64_t fence)
{
	for (size_t i = 0; i < x->n; i++)
		if (x->v[i]->run_id == run_id && x->v[i]->fence == fence)
			return x->v[i];
	return NULL;
}

/* NULL when there are as many as can be known. */
struct kube_worker *kube_add(struct kube *x, int64_t run_id, int64_t fence)
{
	struct kube_worker *w;

	if (x->n == KUBE_PODS_MAX)
		return NULL;
	if (x->n == x->cap) {
		x->cap += GROW;
		x->v = mem_grow(x->v, x->cap, sizeof(struct kube_worker *));
	}
	w = mem_alloc(sizeof(*w));
	w->x = x;
	w->run_id = run_id;
	w->fence = fence;
	w->delete_at = INT64_MAX;
	kube_pod_name(x->store_uid, run_id, fence, w->name);
	kube_handle(x->config.ns, w->name, w->handle, sizeof(w->handle));
	x->v[x->n++] = w;
	return w;
}

void kube_drop(struct kube *x, struct kube_worker *w)
{
	size_t i = 0;

	while (x->v[i] != w)
		i++;
	memmove(&x->v[i], &x->v[i + 1], (x->n - i - 1) * sizeof(struct kube_worker *)); /* the oldest first */
	x->n--;
	if (w->call) {
		http_cancel(w->call);
		x->calls--;
	}
	arena_release(&w->order_arena);
	free(w->log);
	free(w);
}

bool kube_waited_for(const struct kube_worker *w)
{
	return w->stage != KUBE_IDLE;
}

/* --- what is told of it ------------------------------------------------------------ */

void kube_say(struct kube_worker *w, const char *words)
{
	if (strcmp(w->words, words) == 0)
		return;
	snprintf(w->words, sizeof(w->words), "%s", words);
	w->news = *words != '\0';
}

void kube_tell(struct kube_worker *w, const struct worker_end *end, const char *reason)
{
	if (reason != w->words)
		snprintf(w->words, sizeof(w->words), "%s", reason);
	w->end = *end;
	w->end.run_id = w->run_id;
	w->end.fence = w->fence;
	w->end.known = true;
	w->end.reason = w->words;
	w->end.output = w->log ? w->log : "";
	w->end.output_len = w->log_len;
	w->news = false;
	w->stage = KUBE_TOLD;
}

/* Somebody who waits for room in a quota may find it now. */
static void wake_waiting(struct kube *x)
{
	for (size_t i = 0; i < x->n; i++)
		if (x->v[i]->waits_for_room) {
			x->v[i]->waits_for_room = false;
			x->v[i]->at = kube_now(x);
			return;
		}
}

/* --- a pod that changed ------------------------------------------------------------- */

/* It does not begin, and is not waited for any longer. */
static void give_up(struct kube_worker *w, const char *reason)
{
	const struct worker_end end = {.exit_status = -1, .never_began = true};

	w->delete_at = kube_now(w->x);
	w->grace_s = 0;
	kube_tell(w, &end, reason);
}

/* Its log is read before its end is told, if there can be anything in it that the worker did not store
 * itself. */
static void ended(struct kube_worker *w)
{
	const struct kube_status *p = &w->pod;
	const struct worker_end end = {.exit_status = p->exit_status,
		.stopped = w->stopped || p->overdue,
		.disrupted = p->disrupted,
		.never_began = !p->began};

	if (!p->began || p->exit_status == 0) {
		kube_tell(w, &end, *p->words ? p->words : "exit status 0");
		return;
	}
	w->end = end;
	snprintf(w->words, sizeof(w->words), "%s", p->words);
	w->news = false;
	w->stage = KUBE_TO_READ;
	w->at = 0;
	w->tries = 0;
}

static void pending(struct kube_worker *w)
{
	const struct kube_status *p = &w->pod;

	if (!w->pending_since)
		w->pending_since = kube_now(w->x);
	if (p->hopeless)
		give_up(w, p->words);
	else if (*p->words && !(p->repeats && *w->words)) /* that it is tried again is less than why it failed */
		kube_say(w, p->words);
}

void kube_look(struct kube_worker *w)
{
	const struct kube_status *p = &w->pod;

	if (p->terminating && !w->terminating_since)
		w->terminating_since = kube_now(w->x);
	if (w->stage != KUBE_WATCHED && w->stage != KUBE_TO_KEY)
		return;
	if (p->phase == KUBE_ENDED)
		ended(w);
	else if (p->phase == KUBE_PENDING)
		pending(w);
	else
		w->pending_since = 0;
}

void kube_lost(struct kube_worker *w)
{
	const struct kube_status *p = &w->pod;
	struct worker_end end = {.exit_status = -1,
		.stopped = w->stopped,
		.disrupted = !w->stopped,
		.never_began = !p->began};

	w->seen = false;
	w->delete_at = INT64_MAX;
	w->terminating_since = 0;
	wake_waiting(w->x);
	if (w->stage == KUBE_IDLE) {
		kube_drop(w->x, w);
	} else if (w->stage == KUBE_WATCHED || w->stage == KUBE_TO_KEY) {
		if (w->stopped)
			kube_tell(w, &end, "its pod was deleted, as it was told to stop");
		else
			kube_tell(w, &end, p->disrupted ? p->words : "its pod was deleted, by hand or by the cluster");
	}
}

/* --- the watch ------------------------------------------------------------------------ */

static void on_listing(void *arg)
{
	struct kube *x = arg;

	for (size_t i = 0; i < x->n; i++)
		x->v[i]->listed = false;
}

static void on_pod(void *arg, struct json *pod)
{
	struct kube *x = arg;
	struct kube_status status;
	struct kube_worker *w;

	if (!kube_status_read(pod, &status) || status.run_id == 0 || status.fence == 0)
		return;
	w = kube_find(x, status.run_id, status.fence);
	if (!w)
		w = kube_add(x, status.run_id, status.fence);
	if (!w || strcmp(w->name, status.name) != 0)
		return; /* somebody else's with our labels */
	if (w->seen && w->pod.phase != KUBE_ENDED && status.phase == KUBE_ENDED)
		wake_waiting(x); /* it counts no more */
	w->seen = w->listed = true;
	w->pod = status;
	kube_look(w);
}

static void on_gone(void *arg, struct json *pod)
{
	struct kube *x = arg;
	struct kube_status status;
	struct kube_worker *w;

	if (!kube_status_read(pod, &status))
		return;
	w = kube_find(x, status.run_id, status.fence);
	if (!w || !w->seen || strcmp(w->pod.uid, status.uid) != 0)
		return;
	w->pod = status;
	kube_look(w); /* its last state may have been its end */
	kube_lost(w);
}

static void on_listed(void *arg)
{
	struct kube *x = arg;

	for (size_t i = x->n; i-- > 0;)
		if (i < x->n && x->v[i]->seen && !x->v[i]->listed)
			kube_lost(x->v[i]);
}

void kube_watch_pods(struct kube *x)
{
	const struct kube_watcher to = {
		.listing = on_listing, .pod = on_pod, .gone = on_gone, .listed = on_listed, .arg = x};
	char selector[128];

	snprintf(selector, sizeof(selector), KUBE_LABEL_STORE "=%s", x->store_uid);
	x->watch = kube_watch_new(x->api, selector, &to);
}
