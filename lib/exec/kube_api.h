/*
 * kube_api - requests to one namespace of a Kubernetes API server.
 *
 * A client (http.h) with the address, certificates and token of a kube_config.
 * Nothing blocks but kube_api_open(), which may run an exec plugin once, and
 * kube_api_get(), which is for commands.
 */
#ifndef EXEC_KUBE_API_H
#define EXEC_KUBE_API_H

#include "base/arena.h"
#include "base/clock.h"
#include "base/http.h"
#include "base/json.h"
#include "exec/kube_config.h"

#define KUBE_CALL_TIMEOUT_MS 30000
#define KUBE_PATH_MAX	     2048

struct kube_api;

/* `config` is borrowed and must outlive it. */
MUST_CHECK int kube_api_open(const struct kube_config *config, const struct clock *clock, struct kube_api **ret,
	struct err *err);
void kube_api_close(struct kube_api *k); /* NULL is fine */
void kube_api_close_ptr(struct kube_api **k);
#define CLEANUP_KUBE_API CLEANUP(kube_api_close_ptr)

const struct kube_config *kube_api_config(const struct kube_api *k);
struct http *kube_api_http(struct kube_api *k);
int64_t kube_api_now(const struct kube_api *k); /* monotonic ms */
double kube_api_chance(struct kube_api *k);	/* 0 … 1, for delays */

int kube_api_fd(const struct kube_api *k);
int64_t kube_api_deadline(const struct kube_api *k);
void kube_api_turn(struct kube_api *k);

/* One call of the API, from http_start(). `path` is the whole path; `body` JSON or NULL. */
struct http_call *kube_api_call(struct kube_api *k, const char *method, const char *path, const char *body,
	void (*done)(void *arg, const struct http_response *r), void *arg);

/* Waits for one answer, an object: 0. Else the fault's words, with `verb` and `what` of a Role. */
MUST_CHECK int kube_api_do(struct kube_api *k, const char *method, const char *path, const char *body,
	const char *verb, const char *what, struct json_doc **ret_doc, struct err *err);

#endif
