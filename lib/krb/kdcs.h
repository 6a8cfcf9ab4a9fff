/*
 * kdcs - the realms' KDCs, asked in turn: those that did not answer lately come last (krb/backoff.h).
 *
 * The library asks them in the order of the configuration, or of the DNS, and waits a second for each that is
 * silent before it asks the next one, every time. What was learnt is kept for this process, and counts for its
 * own requests (GSSAPI's for service tickets) as for ours.
 */
#ifndef KRB_KDCS_H
#define KRB_KDCS_H

#include <stdint.h>

#include "base/err.h"

struct krb5_context_data;
struct heim_base_data;
struct KRB_ERROR;

/* The library's own requests go this way too from now on. Once per process, before any thread. */
MUST_CHECK int kdcs_start(struct err *err);

/* `heard` (or NULL) sees each error that a KDC answers with. *ret_answer is the library's to free
 * (krb5_data_free). Returns 0 or an error number (krb/explain.h). */
struct kdcs_question {
	const char *realm;
	const struct heim_base_data *request;
	void (*heard)(void *arg, const struct KRB_ERROR *e);
	void *arg;
};
int32_t kdcs_ask(struct krb5_context_data *ctx, const struct kdcs_question *q, struct heim_base_data *ret_answer);

#endif
