/*
 * kube - workers as pods, through the Kubernetes API.
 *
 * One loop: calls of the API are begun and their answers taken in next(), nothing
 * blocks and there is no thread (http.h). What is known of pods comes from one list
 * and watch of all pods of the store, whoever made them: a worker whose pod is there
 * has one, a worker whose pod went has ended, and a pod that no run has is removed.
 *
 *	start      POST pod (409: it is there, if its labels say so), then POST its Secret
 *	watch      what it waits for goes to its run as a notice, its end as an end
 *	end        GET its log, unless it exited with 0; then it is told
 *	stop       DELETE with a precondition on its uid and the grace that was given
 *	sweep      DELETE of what no run has: ended pods, once [kubernetes] keep_failed_for is over
 *
 * The decisions are in kube_status.h, kube_fault.h and kube_pod.h, which are pure.
 */
#ifndef EXEC_KUBE_H
#define EXEC_KUBE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "exec/executor.h"
#include "exec/kube_api.h"
#include "exec/kube_pod.h"
#include "exec/kube_self.h"
#include "exec/kube_status.h"
#include "exec/kube_watch.h"

#define KUBE_PODS_MAX	   10000
#define KUBE_CALLS_MAX	   16	 /* creates, deletes and logs under way at once */
#define KUBE_GONE_MS	   30000 /* past its grace, a pod that is still there is on a node that is lost */
#define KUBE_UNWANTED_MS   15000 /* a pod that runs without a run is left this long to end by itself */
#define KUBE_QUOTA_WAIT_MS 5000
#define KUBE_LOG_LINES	   2000
#define KUBE_TEXT_MAX	   1200 /* bytes of what is said of a worker, with the NUL */

enum kube_stage {
	KUBE_IDLE,    /* nobody waits for it: it is only known */
	KUBE_TO_MAKE, /* its pod is to be created */
	KUBE_TO_KEY,  /* its Secret is */
	KUBE_WATCHED,
	KUBE_TO_READ, /* its log is to be read */
	KUBE_TOLD,    /* its end waits for next() */
};

/* A pod, or what is to become one. */
struct kube_worker {
	struct kube *x;
	int64_t run_id, fence;
	char name[KUBE_NAME_MAX + 1], handle[EXECUTOR_HANDLE_MAX];
	enum kube_stage stage;
	struct http_call *call;
	bool deleting; /* the call is that */
	int64_t at;    /* monotonic ms: when to go on with the stage */
	unsigned tries;

	bool seen, listed, marked; /* its pod: is there; was in the list; was there at mark() */
	struct kube_status pod;
	int64_t pending_since, terminating_since, unwanted_since; /* monotonic ms; 0: it is not */
	int64_t delete_at; /* when to delete it; INT64_MAX: not */
	int grace_s;
	bool stopped, waits_for_room;

	bool news; /* words that were not told */
	char words[KUBE_TEXT_MAX];
	int64_t noticed; /* monotonic ms of the last notice; 0: none */

	struct worker_end end; /* KUBE_TO_READ, KUBE_TOLD */
	char *log;
	size_t log_len;
	struct arena order_arena;
	struct kube_order order;
};

struct kube {
	struct executor base;
	struct arena arena;
	const struct settings *settings;
	const struct clock *clock;
	const char *store_uid, *controller;
	struct kube_config config;
	struct kube_api *api;
	struct kube_watch *watch;
	struct kube_self self;
	struct http_call *self_call;
	int64_t self_at;
	unsigned self_tries;
	const char *template_text;
	struct kube_worker **v, *told; /* told: the last end, freed or forgotten at the next call */
	size_t n, cap, calls;
};

static inline int64_t kube_now(const struct kube *x) /* monotonic ms */
{
	return x->clock->monotonic(x->clock->arg);
}

/* kube_table.c: what is known */
struct kube_worker *kube_find(const struct kube *x, int64_t run_id, int64_t fence);
struct kube_worker *kube_add(struct kube *x, int64_t run_id, int64_t fence);
void kube_drop(struct kube *x, struct kube_worker *w);
void kube_watch_pods(struct kube *x);
bool kube_waited_for(const struct kube_worker *w); /* somebody waits for its end */
/* Looks at a pod that changed, or at one that is waited for from now on. */
void kube_look(struct kube_worker *w);
/* Its pod is gone. */
void kube_lost(struct kube_worker *w);
/* What it waits for, for its run. */
void kube_say(struct kube_worker *w, const char *words);
/* It is over: next() tells it. */
void kube_tell(struct kube_worker *w, const struct worker_end *end, const char *reason);

/* kube_calls.c: what is asked of the API. Each does what its worker is due for. */
void kube_self_turn(struct kube *x);
void kube_calls_turn(struct kube *x);

#endif
