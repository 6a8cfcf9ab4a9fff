/*
 * kube_plugin - tokens from the exec plugin of a kubeconfig's user.
 *
 * The program prints an ExecCredential (client.authentication.k8s.io) whose token
 * is used until it expires; it is then run again, beside the loop that drives it.
 */
#ifndef EXEC_KUBE_PLUGIN_H
#define EXEC_KUBE_PLUGIN_H

#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/http.h"
#include "exec/kube_config.h"

#define KUBE_PLUGIN_TIMEOUT_MS 60000
#define KUBE_PLUGIN_OUTPUT_MAX (256u * 1024)

struct kube_plugin;

/* Runs it, and waits: the client has a token then. Both are borrowed. ERR_AUTH. */
MUST_CHECK int kube_plugin_open(const struct kube_config *config, const struct clock *clock, struct http *http,
	struct kube_plugin **ret, struct err *err);
void kube_plugin_close(struct kube_plugin *p); /* NULL is fine, everywhere */

int64_t kube_plugin_deadline(const struct kube_plugin *p);
void kube_plugin_turn(struct kube_plugin *p);

/* Of an ExecCredential: the token, and when it ends (seconds since 1970; 0: not said). ERR_DATA. */
struct arena;
MUST_CHECK int kube_plugin_parse(const char *text, size_t len, struct arena *a, const char **ret_token,
	int64_t *ret_expires_s, struct err *err);

#endif
