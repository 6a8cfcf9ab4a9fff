/*
 * http - an HTTPS client for one server, over libcurl.
 *
 * Nothing here blocks: whoever owns the client waits for one descriptor and one
 * deadline and calls http_turn(), which does what there is to do and tells the
 * ends of calls; there is no thread. Connections are kept and shared. Names are
 * resolved by a thread of curl's.
 *
 * A call ends in its done(), once, unless http_cancel() ended it. From data() and
 * done() calls may be started and others cancelled; the client must not be
 * closed there. http_do() is for commands, which have nothing else to wait for.
 *
 * HTTP/1.1 (RFC 9112); redirections are not followed: whoever sends a token
 * does not send it elsewhere.
 */
#ifndef BASE_HTTP_H
#define BASE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"

#define HTTP_CONNECTIONS_MAX 32
#define HTTP_BODY_MAX	     (32u * 1024 * 1024) /* bytes of an answer, where a call sets no maximum */
#define HTTP_TOKEN_MAX	     (64u * 1024)
#define HTTP_TOKEN_AGE_MS    60000 /* a token's file is read again after this, and after a 401 */
#define HTTP_RETRY_AFTER_MAX_MS 300000

struct http;
struct http_call;

/* Strings are copied. PEM texts, not files. */
struct http_options {
	const char *server;	      /* https://host:port, without a path; an address in [] for IPv6 */
	const char *ca;		      /* NULL: the system's authorities */
	const char *certificate, *key; /* NULL: none */
	const char *token;	      /* bearer (RFC 6750); NULL: none */
	const char *token_file;	      /* the same, from a file that is replaced now and then */
	bool insecure;		      /* any certificate will do */
	bool no_proxy;		      /* whatever the environment says */
	const char *proxy;	      /* NULL: what the environment says */
	int64_t connect_timeout;      /* ms; 0: 10 s */
};

/* The clock is borrowed. ERR_CONFIG for a server that is none. */
MUST_CHECK int http_open(const struct http_options *o, const struct clock *clock, struct http **ret_http,
	struct err *err);
/* Calls that are under way end without a word. NULL is fine. */
void http_close(struct http *h);
void http_close_ptr(struct http **h);
#define CLEANUP_HTTP CLEANUP(http_close_ptr)

/* The bearer token from now on. */
void http_set_token(struct http *h, const char *token);
/* True once after an answer 401: the token does not serve any more. */
bool http_token_refused(struct http *h);
/* How long ago the token's file was read, ms; -1: there is none, or it was not read yet. */
int64_t http_token_age(const struct http *h);

struct http_response {
	int status; /* 0: there was no whole answer: `err` says why */
	const char *body;
	size_t len;
	int64_t retry_after; /* ms; -1: nothing was said of it */
	struct err err;	     /* of status 0 */
};

/* What it points to is borrowed for http_start(), `arg` until the end. */
struct http_request {
	const char *method; /* "GET" */
	const char *path;   /* "/api/v1/…?…", ready to be sent */
	const char *body, *content_type; /* NULL: none; application/json */
	size_t body_len;
	const char *accept;	   /* NULL: application/json */
	int64_t timeout;	   /* ms for all of it; 0: none */
	size_t max;		   /* bytes of the answer; 0: HTTP_BODY_MAX */
	size_t tail;		   /* not 0: only the last so many bytes of the answer are kept */
	/* For an answer that has no end soon: gets what has come of it, if its status is 2xx; the body
	 * of the response is then empty. -1 cuts the call: `err` becomes the response's. */
	int (*data)(void *arg, const char *bytes, size_t len, struct err *err);
	void (*done)(void *arg, const struct http_response *r);
	void *arg;
};

/* NULL when it cannot even be begun, and then done() was called, from within. */
struct http_call *http_start(struct http *h, const struct http_request *r);
void http_cancel(struct http_call *c); /* NULL is fine */

int http_fd(const struct http *h);
int64_t http_deadline(const struct http *h); /* the clock's monotonic ms; INT64_MAX: none */
void http_turn(struct http *h);

/* One call, waited for: other calls of the client go on meanwhile. The body lives in `a`. 0 whatever the
 * status is. */
MUST_CHECK int http_do(struct http *h, const struct http_request *r, struct arena *a,
	struct http_response *ret, struct err *err);

/* Appends `text` as it may stand in a path or a query (RFC 3986 §2.3). */
void http_escape(struct buf *out, const char *text);

const char *http_version(void); /* libcurl's */

#endif
