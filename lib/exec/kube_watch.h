/*
 * kube_watch - the pods of one store, as they change.
 *
 * Lists them, page by page, then watches from there with bookmarks; a watch that ends
 * goes on from the last version that was seen, one whose version is too old (410) is
 * begun with a list. Whoever is told of a pod gets its JSON for the time of the call.
 * Driven by the loop that turns the API (kube_api.h); never blocks.
 */
#ifndef EXEC_KUBE_WATCH_H
#define EXEC_KUBE_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "exec/kube_api.h"

#define KUBE_PAGE 250		      /* pods of one page */
#define KUBE_WATCH_S 60		      /* a watch is begun anew after this: one that hangs is noticed */
#define KUBE_LINE_MAX (4u * 1024 * 1024) /* bytes of one event */

struct kube_watch;

struct kube_watcher {
	void (*listing)(void *arg);		       /* a list begins */
	void (*pod)(void *arg, struct json *pod);      /* of the list, added or changed */
	void (*gone)(void *arg, struct json *pod);     /* deleted; as it was last */
	void (*listed)(void *arg);		       /* the list is whole: what was not in it is not there */
	void *arg;
};

/* `api` is borrowed, the selector copied ("etl/store=…"). It begins with the first turn. */
struct kube_watch *kube_watch_new(struct kube_api *api, const char *selector, const struct kube_watcher *w);
void kube_watch_free(struct kube_watch *w); /* before the API; NULL is fine */

void kube_watch_turn(struct kube_watch *w);
int64_t kube_watch_deadline(const struct kube_watch *w); /* monotonic ms */

/* It has all pods, and hears of what happens to them. */
bool kube_watch_synced(const struct kube_watch *w);
/* Why it has not, in words; "" when there is no trouble. */
const char *kube_watch_trouble(const struct kube_watch *w);

#endif
