/*
 * kube_names - what things are called in the cluster.
 *
 * A pod is named by its store, run and fence, so that creating it again is no
 * second one, and nobody needs to have been told of it to find it (docs/design.md
 * §3, rule 7).
 */
#ifndef EXEC_KUBE_NAMES_H
#define EXEC_KUBE_NAMES_H

#include <stdint.h>

#include "base/mem.h"

#define KUBE_NAME_MAX 253 /* DNS-1123 subdomain */
#define KUBE_UID_MAX  63
#define KUBE_LABEL_MAX 63 /* bytes of a label's value */

#define KUBE_LABEL_STORE "etl/store"
#define KUBE_LABEL_RUN	 "etl/run"
#define KUBE_LABEL_FENCE "etl/fence"
#define KUBE_LABEL_JOB	 "etl/job"
#define KUBE_LABEL_CONTROLLER "etl/controller"

#define KUBE_CONTAINER "worker"

/* "etl-0123456789ab-17-2": the end of the store's uid, the run and its fence. */
#define KUBE_POD_NAME_MAX 63
void kube_pod_name(const char *store_uid, int64_t run_id, int64_t fence, char out[KUBE_POD_NAME_MAX + 1]);

/* Cut and cleaned so that it may be a label's value; "" is one. */
void kube_label(const char *text, char out[KUBE_LABEL_MAX + 1]);

/* The executor's handle: "kubernetes:NAMESPACE:POD". */
#define KUBE_HANDLE_PREFIX "kubernetes:"
void kube_handle(const char *ns, const char *pod, char *out, size_t size);

#endif
