/*
 * kube_pod - the pod of a worker, as JSON.
 *
 * Made of a template (built in, or a file), what the controller's own pod hands on
 * (image, mounts, environment, groups), and the job's pod_patch (JSON merge patch,
 * RFC 7386). What is there stays; what is missing is filled in, for the worker's
 * container also after the patch, since a merge patch replaces a list as a whole:
 * a patch of {"spec": {"containers": [{"resources": …}]}} says enough. What makes the
 * pod the worker of its run cannot be patched away: name, labels, owner, arguments,
 * the Secret, restartPolicy, and that it has no API token.
 *
 * The defaults are those of OpenShift's restricted-v2 and of the Pod Security Standard
 * "restricted".
 *
 * Pure.
 */
#ifndef EXEC_KUBE_POD_H
#define EXEC_KUBE_POD_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

#define KUBE_POD_MAX   JSON_PATCH_MAX
#define KUBE_RUN_DIR   "/run/etl/run" /* where the Secret is mounted: a file `run` with RUN:FENCE:UID */
#define KUBE_RUN_FILE  KUBE_RUN_DIR "/run"
#define KUBE_GRACE_S   30  /* from SIGTERM to SIGKILL: a query takes its time to be cancelled */
#define KUBE_DEADLINE_SLACK_S 60 /* past the job's timeout, which its worker keeps itself */

/* What the pod is for. NULL where there is nothing. */
struct kube_order {
	const char *ns, *store_uid, *run_uid;
	int64_t job_id, run_id, fence;
	const char *job, *controller; /* names, for labels */
	const char *config;	      /* what --config said */
	const char *image;	      /* [kubernetes] image */
	int64_t timeout;	      /* ms, of the job; 0: none */
	const char *template_text, *template_name; /* the file's, and for messages */
	const char *patch;	      /* the job's pod_patch */
	struct json *self;	      /* the controller's own Pod */
	struct json *owner;	      /* an OwnerReference */
};

/* ERR_CONFIG when template or patch are no JSON objects, and when there is no image. */
MUST_CHECK int kube_pod_make(const struct kube_order *o, bool pretty, struct buf *out, struct err *err);

/* The Secret of the pod's run, which goes when the pod goes. */
void kube_pod_secret(const struct kube_order *o, const char *pod_uid, struct buf *out);

/* The controller's container in its own pod: the one that is told to be one, else the first. */
struct json *kube_pod_controller(struct json *self);

#endif
