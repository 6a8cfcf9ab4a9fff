/*
 * kube_token - what a service account's token says of itself.
 *
 * A JSON Web Token (RFC 7519), whose claims are read and not verified: that is for
 * the API server. Pure.
 */
#ifndef EXEC_KUBE_TOKEN_H
#define EXEC_KUBE_TOKEN_H

#include <stdint.h>

#include "base/mem.h"

/* When it was issued and when it ends, seconds since 1970; 0: it does not say. -1: it is no such token. */
MUST_CHECK int kube_token_times(const char *token, int64_t *ret_issued, int64_t *ret_ends);

#endif
