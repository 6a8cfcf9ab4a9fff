/*
 * kube_preview - the pod that would be made, for commands.
 *
 * Reads what the executor reads (configuration, own pod, its Deployment), and waits
 * for it.
 */
#ifndef EXEC_KUBE_PREVIEW_H
#define EXEC_KUBE_PREVIEW_H

#include "base/arena.h"
#include "exec/executor.h"
#include "exec/kube_api.h"
#include "exec/kube_pod.h"
#include "exec/kube_self.h"

struct kube_preview {
	const struct settings *settings;
	struct arena arena;
	struct kube_config config;
	struct kube_api *api;
	struct kube_self self;
};

/* ERR_CONFIG where nothing says where the cluster is; ERR_NETWORK, ERR_AUTH. */
MUST_CHECK int kube_preview_open(struct kube_preview *p, const struct settings *settings, struct err *err);
/* Reads the controller's own pod, where there is one. */
MUST_CHECK int kube_preview_self(struct kube_preview *p, struct err *err);
void kube_preview_release(struct kube_preview *p); /* zeroed is fine */

/* Appends the pod of the worker that `spec` orders. */
MUST_CHECK int kube_preview_pod(struct kube_preview *p, const char *store_uid, const struct worker_spec *spec,
	bool pretty, struct buf *out, struct err *err);

#endif
