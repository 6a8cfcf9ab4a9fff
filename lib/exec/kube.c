#include "exec/kube.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"

#define SILENT_MS 20000 /* a pod that is being made ready for so long may lack something */

static struct kube *self(struct executor *x)
{
	return (struct kube *)x;
}

/* --- opening ---------------------------------------------------------------------- */

static int read_template(struct kube *x, struct err *err)
{
	struct buf text = BUF_INIT(KUBE_POD_MAX);
	const char *path = x->settings->kubernetes.pod_template;

	if (!path)
		return 0;
	if (file_read(path, &text, err)) {
		buf_release(&text);
		err->code = ERR_CONFIG;
		return err_wrap(err, "[kubernetes] pod_template");
	}
	x->template_text = arena_buf(&x->arena, &text);
	return 0;
}

static void kube_close(struct executor *base);

static int kube_open(const struct executor_config *c, struct executor **ret_x, struct err *err)
{
	struct kube *x = mem_alloc(sizeof(*x));

	x->base.ops = &executor_kubernetes;
	x->settings = c->settings;
	x->clock = c->clock;
	x->store_uid = arena_strdup(&x->arena, c->store_uid);
	x->controller = arena_strdup(&x->arena, c->controller);
	x->self.stage = KUBE_SELF_DONE;
	if (kube_config_load(c->settings, &x->arena, &x->config, err) || read_template(x, err) ||
		kube_self_init(&x->self, c->settings, &x->config, err) ||
		kube_api_open(&x->config, c->clock, &x->api, err)) {
		kube_close(&x->base);
		return -1;
	}
	kube_watch_pods(x);
	log_info("pods are made in namespace '%s' of %s (%s)", x->config.ns, x->config.server, x->config.from);
	*ret_x = &x->base;
	return 0;
}

static void kube_close(struct executor *base)
{
	struct kube *x = self(base);

	if (!x)
		return;
	while (x->n)
		kube_drop(x, x->v[x->n - 1]);
	free(x->v);
	http_cancel(x->self_call);
	kube_watch_free(x->watch);
	kube_self_release(&x->self);
	kube_api_close(x->api);
	arena_release(&x->arena);
	free(x);
}

/* --- starting, adopting, stopping -------------------------------------------------- */

static void take_order(struct kube_worker *w, const struct worker_spec *spec)
{
	const struct kube *x = w->x;
	struct arena *a = &w->order_arena;

	w->order = (struct kube_order){.ns = x->config.ns,
		.store_uid = x->store_uid,
		.controller = x->controller,
		.image = x->settings->kubernetes.image,
		.template_text = x->template_text,
		.template_name = x->settings->kubernetes.pod_template,
		.run_uid = arena_strdup(a, spec->run_uid),
		.job_id = spec->job_id,
		.run_id = spec->run_id,
		.fence = spec->fence,
		.job = arena_strdup(a, spec->job),
		.config = arena_strdup(a, spec->config),
		.timeout = spec->timeout,
		.patch = arena_strdup(a, spec->pod_patch)};
}

static int kube_start(struct executor *base, const struct worker_spec *spec, char ret_handle[EXECUTOR_HANDLE_MAX],
	struct err *err)
{
	struct kube *x = self(base);
	struct kube_worker *w = kube_find(x, spec->run_id, spec->fence);

	if (!w)
		w = kube_add(x, spec->run_id, spec->fence);
	if (!w)
		return err_set(err, ERR_BUSY, "there are %d pods", KUBE_PODS_MAX);
	if (!kube_waited_for(w)) {
		take_order(w, spec);
		w->stage = KUBE_TO_MAKE;
		w->at = 0;
		w->noticed = kube_now(x);
	}
	memcpy(ret_handle, w->handle, EXECUTOR_HANDLE_MAX);
	return 0;
}

/* Is the handle one of ours, of this cluster's namespace? */
static bool is_handle(const struct kube *x, const char *handle)
{
	char begin[KUBE_NAME_MAX + 32];
	int len = snprintf(begin, sizeof(begin), KUBE_HANDLE_PREFIX "%s:", x->config.ns);

	return handle && strncmp(handle, begin, (size_t)len) == 0;
}

static enum executor_found kube_adopt(struct executor *base, int64_t run_id, int64_t fence, const char *run_uid,
	const char *handle)
{
	const struct worker_spec spec = {.run_id = run_id, .fence = fence, .run_uid = run_uid};
	struct kube *x = self(base);
	struct kube_worker *w;

	if (!kube_watch_synced(x->watch))
		return EXECUTOR_ASK_LATER;
	w = kube_find(x, run_id, fence);
	if (w && kube_waited_for(w))
		return EXECUTOR_ALIVE;
	if (!w || !w->seen)
		return is_handle(x, handle) ? EXECUTOR_GONE : EXECUTOR_ELSEWHERE;
	w->noticed = kube_now(x);
	w->unwanted_since = 0;
	w->stage = KUBE_WATCHED;
	if (w->pod.phase == KUBE_PENDING) { /* its Secret may not have been made */
		take_order(w, &spec);
		w->stage = KUBE_TO_KEY;
		w->at = 0;
	}
	kube_look(w);
	return EXECUTOR_ALIVE;
}

static void kube_stop(struct executor *base, int64_t run_id, int64_t fence, int grace_ms)
{
	struct kube *x = self(base);
	struct kube_worker *w = kube_find(x, run_id, fence);
	const struct worker_end end = {.exit_status = -1, .stopped = true, .never_began = true};

	if (!w || w->stopped || !kube_waited_for(w))
		return;
	w->stopped = true;
	w->grace_s = (grace_ms + 999) / 1000;
	if (w->stage == KUBE_TO_MAKE && !w->call)
		kube_tell(w, &end, "it was stopped before its pod was made");
	else if (w->pod.phase != KUBE_ENDED)
		w->delete_at = kube_now(x);
}

/* --- time ---------------------------------------------------------------------------- */

/* How often a run is held whose worker has not begun. */
static int64_t hold_ms(const struct kube *x)
{
	return x->settings->controller.lease / 3;
}

static bool holds(const struct kube_worker *w)
{
	return w->stage == KUBE_TO_MAKE || ((w->stage == KUBE_TO_KEY || w->stage == KUBE_WATCHED) && !w->pod.began);
}

static void give_up_pending(struct kube_worker *w)
{
	const struct worker_end end = {.exit_status = -1, .never_began = true, .stopped = w->stopped};
	char text[KUBE_TEXT_MAX], after[32];

	snprintf(text, sizeof(text), "its pod has not begun after %s%s%.800s",
		text_elapsed(w->x->settings->kubernetes.start_timeout, after, sizeof(after)), *w->words ? ": " : "",
		w->words);
	w->delete_at = kube_now(w->x);
	w->grace_s = 0;
	kube_tell(w, &end, text);
}

static void give_up_terminating(struct kube_worker *w)
{
	const struct worker_end end = {.exit_status = -1, .disrupted = !w->stopped, .stopped = w->stopped};
	char text[KUBE_TEXT_MAX];

	snprintf(text, sizeof(text), "its node '%s' does not answer: its pod is being deleted without end", w->pod.node);
	kube_tell(w, &end, text);
}

/* When time alone brings something for a worker; INT64_MAX: never. `silent` is a third kind of end. */
static int64_t pending_until(const struct kube_worker *w)
{
	return w->pending_since && (w->stage == KUBE_WATCHED || w->stage == KUBE_TO_KEY)
		       ? w->pending_since + w->x->settings->kubernetes.start_timeout
		       : INT64_MAX;
}

static int64_t silent_until(const struct kube_worker *w)
{
	return w->stage == KUBE_WATCHED && w->pending_since && !*w->words && *w->pod.node
		       ? w->pending_since + SILENT_MS
		       : INT64_MAX;
}

static int64_t terminating_until(const struct kube_worker *w)
{
	return w->terminating_since && (w->stage == KUBE_WATCHED || w->stage == KUBE_TO_KEY)
		       ? w->terminating_since + w->pod.grace_s * 1000 + KUBE_GONE_MS
		       : INT64_MAX;
}

static void pass_time(struct kube *x)
{
	int64_t t = kube_now(x);

	for (size_t i = 0; i < x->n; i++) {
		struct kube_worker *w = x->v[i];
		char text[KUBE_TEXT_MAX];

		if (pending_until(w) <= t) {
			give_up_pending(w);
		} else if (terminating_until(w) <= t) {
			give_up_terminating(w);
		} else if (silent_until(w) <= t) {
			snprintf(text, sizeof(text),
				"its pod is being made ready on node '%s'; a volume, a Secret or the network may be "
				"missing ('kubectl describe pod %s' says more)",
				w->pod.node, w->name);
			kube_say(w, text);
		}
	}
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t worker_deadline(const struct kube *x, const struct kube_worker *w)
{
	int64_t at = earlier(earlier(pending_until(w), silent_until(w)), terminating_until(w));
	bool due = w->stage == KUBE_TO_KEY || w->stage == KUBE_TO_READ ||
		   (w->stage == KUBE_TO_MAKE && !kube_self_next(&x->self));

	if (w->stage == KUBE_TOLD || w->news)
		return 0;
	if (holds(w))
		at = earlier(at, w->noticed + hold_ms(x));
	if (w->call || x->calls >= KUBE_CALLS_MAX) /* an answer comes first */
		return at;
	if (w->seen)
		at = earlier(at, w->delete_at);
	return due ? earlier(at, w->at) : at;
}

static int64_t kube_deadline(const struct executor *base)
{
	const struct kube *x = (const struct kube *)base;
	int64_t at = earlier(kube_api_deadline(x->api), kube_watch_deadline(x->watch));

	if (kube_self_next(&x->self) && !x->self_call)
		at = earlier(at, x->self_at);
	for (size_t i = 0; i < x->n; i++)
		at = earlier(at, worker_deadline(x, x->v[i]));
	return at;
}

/* --- what is told ----------------------------------------------------------------------- */

/* The end that was told last: what it pointed to was for the time until now. */
static void forget_told(struct kube *x)
{
	struct kube_worker *w = x->told;

	x->told = NULL;
	if (!w)
		return;
	free(w->log);
	w->log = NULL;
	w->log_len = 0;
	w->stage = KUBE_IDLE;
	w->pending_since = w->terminating_since = 0;
	arena_release(&w->order_arena);
	if (!w->seen && !w->call)
		kube_drop(x, w);
}

static int kube_next(struct executor *base, struct worker_end *ret_end)
{
	struct kube *x = self(base);

	forget_told(x);
	kube_api_turn(x->api);
	kube_watch_turn(x->watch);
	kube_self_turn(x);
	pass_time(x);
	kube_calls_turn(x);
	for (size_t i = 0; i < x->n && !x->told; i++)
		if (x->v[i]->stage == KUBE_TOLD)
			x->told = x->v[i];
	if (!x->told)
		return 0;
	*ret_end = x->told->end;
	return 1;
}

static int kube_notice(struct executor *base, struct worker_notice *ret)
{
	struct kube *x = self(base);
	int64_t t = kube_now(x);

	for (size_t i = 0; i < x->n; i++) {
		struct kube_worker *w = x->v[i];

		if (!holds(w) || (!w->news && w->noticed + hold_ms(x) > t))
			continue;
		*ret = (struct worker_notice){
			.run_id = w->run_id, .fence = w->fence, .words = w->news ? w->words : NULL};
		w->news = false;
		w->noticed = t;
		return 1;
	}
	return 0;
}

/* --- what is left ------------------------------------------------------------------------- */

static void kube_mark(struct executor *base)
{
	struct kube *x = self(base);

	for (size_t i = 0; i < x->n; i++)
		x->v[i]->marked = x->v[i]->seen;
}

static bool is_active(const struct kube_worker *w, const struct worker_key *active, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (active[i].run_id == w->run_id && active[i].fence == w->fence)
			return true;
	return false;
}

/* A failed one stays as long as the configuration says; one that runs has a moment to end by itself. */
static bool is_due(struct kube_worker *w)
{
	const struct kube *x = w->x;
	int64_t keep = x->settings->kubernetes.keep_failed_for, t = kube_now(x);

	if (!w->unwanted_since)
		w->unwanted_since = t;
	if (w->pod.phase != KUBE_ENDED)
		return t - w->unwanted_since >= KUBE_UNWANTED_MS;
	if (w->pod.exit_status == 0 || keep == 0)
		return true;
	return w->pod.finished_s ? x->clock->wall(x->clock->arg) >= w->pod.finished_s * 1000 + keep
				 : t - w->unwanted_since >= keep;
}

static void kube_sweep(struct executor *base, const struct worker_key *active, size_t n)
{
	struct kube *x = self(base);

	for (size_t i = 0; i < x->n; i++) {
		struct kube_worker *w = x->v[i];

		if (!w->seen || !w->marked || kube_waited_for(w) || is_active(w, active, n)) {
			w->unwanted_since = 0;
			continue;
		}
		if (w->pod.terminating || w->deleting || w->delete_at != INT64_MAX || !is_due(w))
			continue;
		w->grace_s = KUBE_GRACE_S;
		w->delete_at = kube_now(x);
	}
}

static int kube_fd(const struct executor *base)
{
	return kube_api_fd(((const struct kube *)base)->api);
}

static size_t kube_count(const struct executor *base)
{
	const struct kube *x = (const struct kube *)base;
	size_t n = 0;

	for (size_t i = 0; i < x->n; i++)
		n += kube_waited_for(x->v[i]);
	return n;
}

const struct executor_ops executor_kubernetes = {
	.name = "kubernetes",
	.needs_job = true,
	.open = kube_open,
	.start = kube_start,
	.adopt = kube_adopt,
	.stop = kube_stop,
	.fd = kube_fd,
	.deadline = kube_deadline,
	.next = kube_next,
	.notice = kube_notice,
	.mark = kube_mark,
	.sweep = kube_sweep,
	.count = kube_count,
	.close = kube_close,
};
