/*
 * kube_self - the controller's own pod, and what it belongs to.
 *
 * Workers get its image and mounts, and belong to the Deployment behind it (pod →
 * ReplicaSet → Deployment), never to the pod itself, which goes at every update. A
 * chain of reads: whoever drives it asks for the next path and hands in the answer,
 * so that the loop need not wait and a command can. Pure but for the host's name.
 */
#ifndef EXEC_KUBE_SELF_H
#define EXEC_KUBE_SELF_H

#include <stdbool.h>

#include "base/http.h"
#include "base/json.h"
#include "base/settings.h"
#include "exec/kube_config.h"
#include "exec/kube_fault.h"

enum kube_self_stage { KUBE_SELF_POD, KUBE_SELF_SET, KUBE_SELF_OWNER, KUBE_SELF_DONE };

struct kube_self {
	const struct kube_config *config;
	const char *owner_option; /* "Deployment/name"; NULL */
	enum kube_self_stage stage;
	char path[512];	      /* of the next read */
	const char *resource; /* that it reads, as a Role calls it */
	struct json_doc *pod_doc, *owner_doc;
	struct json *pod;   /* NULL: there is none, we are outside */
	struct json *owner; /* an OwnerReference; NULL: none is known */
	char missing[KUBE_FAULT_MAX]; /* why not; "" */
};

/* ERR_CONFIG for an owner that is not KIND/NAME of a known kind. Both are borrowed. */
MUST_CHECK int kube_self_init(struct kube_self *s, const struct settings *settings, const struct kube_config *config,
	struct err *err);
void kube_self_release(struct kube_self *s);

/* The path to read next; NULL: all is known. */
const char *kube_self_next(const struct kube_self *s);
/* Its answer: 0, or -1 with a fault that is to be tried again. What cannot be had at all is left out, and
 * `missing` says so; that our own pod cannot be read is a fault of KUBE_REFUSED. */
int kube_self_take(struct kube_self *s, const struct http_response *r, struct kube_fault *fault);

#endif
