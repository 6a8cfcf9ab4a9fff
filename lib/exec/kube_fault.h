/*
 * kube_fault - what an answer of the API that is no success means.
 *
 * Pure: an HTTP status and a Status of meta/v1 come in, what to do and words for
 * people come out.
 */
#ifndef EXEC_KUBE_FAULT_H
#define EXEC_KUBE_FAULT_H

#include <stdint.h>

#include "base/err.h"
#include "base/http.h"

#define KUBE_FAULT_MAX 700

enum kube_cure {
	KUBE_RETRY,    /* try again: the API is away, busy, or somebody was faster */
	KUBE_WAIT,     /* there is no room (a quota): it goes when something else has ended */
	KUBE_EXISTS,   /* there is one of that name */
	KUBE_MISSING,  /* there is none */
	KUBE_OUTDATED, /* what was asked for is too old: begin anew (410) */
	KUBE_REFUSED,  /* it will not do it, however often it is asked */
};

struct kube_fault {
	enum kube_cure cure;
	enum err_code code;
	int64_t retry_after; /* ms; -1: nothing was said */
	char words[KUBE_FAULT_MAX];
};

/* `verb` and `what` are those of a Role: "create", "pods"; `ns` the namespace. */
void kube_fault_read(const struct http_response *r, const char *verb, const char *what, const char *ns,
	struct kube_fault *ret);

/* The same of a Status object in a watch; its HTTP status is the object's code. */
void kube_fault_of_status(int status, const char *reason, const char *message, struct kube_fault *ret);

/* ms to wait before try number `tries` (1 …): by Retry-After, else doubled up to a maximum; `chance`
 * (0 … 1) spreads it, so that many do not come back at once. */
int64_t kube_back_off(unsigned tries, int64_t retry_after, double chance);

#endif
