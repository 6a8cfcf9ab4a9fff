/*
 * A pod as an API server may describe it, or anything else: what is read of it is
 * within its bounds, and the pod is one that a controller can have, to be handed on.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "exec/kube_pod.h"
#include "exec/kube_status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_JSON struct json_doc *doc = NULL, *again = NULL;
	CLEANUP(buf_release) struct buf out = BUF_INIT(8 * KUBE_POD_MAX);
	struct err err = ERR_INIT;
	struct kube_status s;
	struct kube_order o = {.ns = "ns", .store_uid = "0123456789ab", .image = "i", .run_id = 1, .fence = 1};

	if (json_parse((const char *)data, size, &doc, &err))
		return 0;
	if (kube_status_read(json_root(doc), &s) &&
		(!*s.name || !*s.uid || s.run_id < 0 || strlen(s.words) >= sizeof(s.words) ||
			(s.phase != KUBE_ENDED && s.exit_status != -1)))
		abort();
	o.self = json_root(doc);
	if (kube_pod_make(&o, false, &out, &err) || out.overflow)
		return 0;
	if (json_parse(buf_str(&out), out.len, &again, &err) || json_len(json_get(json_root(again), "spec.containers")) == 0)
		abort();
	return 0;
}
