/*
 * kube_status - what the API says of a pod, as facts about its worker.
 *
 * Pure: a Pod of core/v1 comes in (Kubernetes API, PodStatus), a small struct comes
 * out, with words for people where there is something to say. Knows the forms of
 * all versions since 1.19: what newer ones say by the condition DisruptionTarget
 * (1.25) older ones leave to status.reason, or to a deletion that nobody explains.
 */
#ifndef EXEC_KUBE_STATUS_H
#define EXEC_KUBE_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "exec/kube_names.h"

#define KUBE_WORDS_MAX 600

enum kube_phase {
	KUBE_PENDING, /* its container has not begun */
	KUBE_RUNNING,
	KUBE_ENDED, /* its container has ended, or never will begin */
};

struct kube_status {
	char name[KUBE_NAME_MAX + 1], uid[KUBE_UID_MAX + 1], node[KUBE_NAME_MAX + 1];
	int64_t run_id, fence; /* by its labels; 0: they are no numbers */
	enum kube_phase phase;
	bool began;	  /* its container runs or ran: it may have written something */
	int exit_status;  /* of an end; -1: none, or not known */
	int signal;	  /* that ended it; 0: none */
	bool disrupted;	  /* an end that is not its own fault, or what is said of one that comes */
	bool overdue;	  /* an end by activeDeadlineSeconds */
	bool hopeless;	  /* pending, and waiting does not help */
	bool pulling;	  /* pending since its image cannot be pulled */
	bool repeats;	  /* `words` only say that it is tried again, and not why it failed */
	bool terminating; /* it is being deleted */
	int64_t grace_s;  /* that it has got for it */
	int64_t finished_s; /* since 1970; 0: not known */
	/* Why it does not begin, how it ended, or why it is about to. "": nothing to say. */
	char words[KUBE_WORDS_MAX];
};

/* False for what is no pod: without a name or a uid that fit. */
bool kube_status_read(struct json *pod, struct kube_status *ret);

/* "2026-11-28T00:31:41Z" (RFC 3339) as seconds since 1970; 0 for anything else. */
int64_t kube_time(const char *text);

#endif
