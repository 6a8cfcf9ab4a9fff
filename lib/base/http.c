#include "base/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/file.h"
#include "base/log.h"
#include "base/tail.h"

#define CONNECT_TIMEOUT_MS 10000
#define STREAM_MAX (64u * 1024 * 1024) /* bytes that came in one turn */
#define EVENTS_MAX 64
#define URL_MAX 8192
#define KEEPALIVE_IDLE_S 15
#define KEEPALIVE_INTERVAL_S 5

struct http_call {
	struct http *http;
	struct http_call *next, *prev;
	CURL *easy;
	struct curl_slist *headers;
	char *body; /* that is sent */
	struct buf in;
	struct tail tail;
	bool tails, cut;
	int64_t timeout;
	int (*data)(void *arg, const char *bytes, size_t len, struct err *err);
	void (*done)(void *arg, const struct http_response *r);
	void *arg;
	struct err err; /* of ours, when it was cut */
	char why[CURL_ERROR_SIZE];
};

struct http {
	const struct clock *clock;
	char *server, *ca, *certificate, *key, *token, *token_file, *proxy;
	bool insecure, no_proxy;
	int64_t connect_timeout;
	int64_t token_at; /* -1: to be read */
	bool refused;
	CURLM *multi;
	int epoll;
	int64_t timer; /* monotonic ms; INT64_MAX: none */
	struct http_call *calls;
};

static int64_t now(const struct http *h)
{
	return h->clock->monotonic(h->clock->arg);
}

/* --- the client --------------------------------------------------------------- */

static int on_socket(CURL *easy UNUSED, curl_socket_t fd, int what, void *arg, void *known)
{
	struct http *h = arg;
	struct epoll_event e = {.data.fd = fd};

	if (what == CURL_POLL_REMOVE) {
		epoll_ctl(h->epoll, EPOLL_CTL_DEL, fd, NULL);
		curl_multi_assign(h->multi, fd, NULL);
		return 0;
	}
	e.events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
	if (epoll_ctl(h->epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &e) && errno == EEXIST)
		epoll_ctl(h->epoll, EPOLL_CTL_MOD, fd, &e);
	curl_multi_assign(h->multi, fd, h);
	return 0;
}

static int on_timer(CURLM *multi UNUSED, long ms, void *arg)
{
	struct http *h = arg;

	h->timer = ms < 0 ? INT64_MAX : now(h) + ms;
	return 0;
}

static char *copy(const char *s)
{
	return s ? mem_strdup(s) : NULL;
}

int http_open(const struct http_options *o, const struct clock *clock, struct http **ret_http, struct err *err)
{
	static bool begun;
	struct http *h;

	if (strncmp(o->server, "https://", 8) != 0 || strlen(o->server) > URL_MAX / 2 || !o->server[8]) {
		err_set(err, ERR_CONFIG, "server '%s' is not https://host:port", o->server);
		return -1;
	}
	if (!begun && curl_global_init(CURL_GLOBAL_DEFAULT))
		return err_set(err, ERR_INTERNAL, "libcurl does not start");
	begun = true;
	h = mem_alloc(sizeof(*h));
	h->clock = clock;
	h->server = mem_strdup(o->server);
	h->ca = copy(o->ca);
	h->certificate = copy(o->certificate);
	h->key = copy(o->key);
	h->token = copy(o->token);
	h->token_file = copy(o->token_file);
	h->proxy = copy(o->proxy);
	h->insecure = o->insecure;
	h->no_proxy = o->no_proxy;
	h->connect_timeout = o->connect_timeout ? o->connect_timeout : CONNECT_TIMEOUT_MS;
	h->token_at = -1;
	h->timer = INT64_MAX;
	h->multi = curl_multi_init();
	h->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!h->multi || h->epoll < 0) {
		http_close(h);
		return err_set(err, ERR_IO, "an HTTP client cannot be made");
	}
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)HTTP_CONNECTIONS_MAX);
	curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, (long)HTTP_CONNECTIONS_MAX);
	*ret_http = h;
	return 0;
}

static void forget(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

void http_close(struct http *h)
{
	if (!h)
		return;
	while (h->calls)
		http_cancel(h->calls);
	if (h->multi)
		curl_multi_cleanup(h->multi);
	mem_close_fd(&h->epoll);
	forget(h->token);
	forget(h->key);
	free(h->certificate);
	free(h->server);
	free(h->ca);
	free(h->token_file);
	free(h->proxy);
	free(h);
}

void http_close_ptr(struct http **h)
{
	http_close(*h);
}

void http_set_token(struct http *h, const char *token)
{
	forget(h->token);
	h->token = copy(token);
	if (token)
		log_secret(token);
}

bool http_token_refused(struct http *h)
{
	bool refused = h->refused;

	h->refused = false;
	return refused;
}

int64_t http_token_age(const struct http *h)
{
	return h->token_file && h->token_at >= 0 ? now(h) - h->token_at : -1;
}

/* A file that cannot be read now leaves the token that we have. */
static int read_token(struct http *h, struct err *err)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT(HTTP_TOKEN_MAX);
	char *end;

	if (!h->token_file || (h->token_at >= 0 && now(h) - h->token_at < HTTP_TOKEN_AGE_MS))
		return 0;
	if (file_read(h->token_file, &text, err))
		return h->token ? 0 : err_wrap(err, "token");
	end = text.data ? text.data + text.len : NULL;
	while (end && end > text.data && (unsigned char)end[-1] <= ' ')
		*--end = '\0';
	if (!text.data || !*text.data)
		return h->token ? 0 : err_set(err, ERR_AUTH, "token: '%s' is empty", h->token_file);
	h->token_at = now(h);
	if (!h->token || strcmp(h->token, text.data) != 0)
		http_set_token(h, text.data);
	return 0;
}

/* --- a call ------------------------------------------------------------------- */

static size_t on_data(char *bytes, size_t size, size_t n, void *arg)
{
	struct http_call *c = arg;

	n *= size;
	if (c->tails) {
		tail_add(&c->tail, bytes, n);
		return n;
	}
	buf_add(&c->in, bytes, n);
	if (!c->in.overflow)
		return n;
	c->cut = true;
	err_set(&c->err, ERR_LIMIT, "its answer is longer than %zu bytes", c->in.max);
	return n + 1; /* an error, for curl */
}

static void add_header(struct http_call *c, const char *name, const char *value)
{
	CLEANUP_FREE char *line = mem_alloc(strlen(name) + strlen(value) + 3);
	struct curl_slist *more;

	sprintf(line, "%s: %s", name, value);
	more = curl_slist_append(c->headers, line);
	if (!more)
		abort();
	c->headers = more;
	explicit_bzero(line, strlen(line));
}

static struct curl_blob blob(char *text, bool with_nul)
{
	return (struct curl_blob){.data = text, .len = strlen(text) + with_nul, .flags = CURL_BLOB_NOCOPY};
}

static void set_tls(const struct http *h, CURL *easy)
{
	struct curl_blob ca, certificate, key;

	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (h->insecure) {
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (h->ca) {
		ca = blob(h->ca, false);
		curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &ca);
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	}
	if (h->certificate && h->key) {
		certificate = blob(h->certificate, false);
		key = blob(h->key, true); /* mbedTLS tells PEM by its NUL */
		curl_easy_setopt(easy, CURLOPT_SSLCERT_BLOB, &certificate);
		curl_easy_setopt(easy, CURLOPT_SSLKEY_BLOB, &key);
	}
}

static void set_headers(struct http_call *c, const struct http_request *r)
{
	CLEANUP_FREE char *bearer = NULL;

	add_header(c, "Accept", r->accept ? r->accept : "application/json");
	add_header(c, "User-Agent", "etl/" ETL_VERSION);
	if (c->http->token) {
		bearer = mem_alloc(strlen(c->http->token) + sizeof("Bearer "));
		sprintf(bearer, "Bearer %s", c->http->token);
		add_header(c, "Authorization", bearer);
		explicit_bzero(bearer, strlen(bearer));
	}
	if (r->body) {
		add_header(c, "Content-Type", r->content_type ? r->content_type : "application/json");
		add_header(c, "Expect", ""); /* no round trip before it */
	}
	curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->headers);
}

static void set_up(struct http_call *c, const struct http_request *r, const char *url)
{
	const struct http *h = c->http;
	CURL *e = c->easy;

	curl_easy_setopt(e, CURLOPT_URL, url);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_PRIVATE, c);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, c->why);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)h->connect_timeout);
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)r->timeout);
	curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L); /* a peer that vanished is noticed */
	curl_easy_setopt(e, CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_IDLE_S);
	curl_easy_setopt(e, CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_INTERVAL_S);
	curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, r->method);
	if (h->no_proxy)
		curl_easy_setopt(e, CURLOPT_NOPROXY, "*");
	if (h->proxy)
		curl_easy_setopt(e, CURLOPT_PROXY, h->proxy);
	if (r->body) {
		c->body = mem_alloc(r->body_len + 1);
		memcpy(c->body, r->body, r->body_len);
		curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len);
		curl_easy_setopt(e, CURLOPT_POSTFIELDS, c->body);
	}
	set_tls(h, e);
	set_headers(c, r);
}

static void call_free(struct http_call *c)
{
	struct http *h = c->http;

	if (c->prev)
		c->prev->next = c->next;
	else
		h->calls = c->next;
	if (c->next)
		c->next->prev = c->prev;
	if (c->easy) {
		curl_multi_remove_handle(h->multi, c->easy);
		curl_easy_cleanup(c->easy);
	}
	curl_slist_free_all(c->headers);
	free(c->body);
	buf_release(&c->in);
	tail_release(&c->tail);
	free(c);
}

static struct http_call *refuse(const struct http_request *r, const struct err *err)
{
	r->done(r->arg, &(struct http_response){.retry_after = -1, .err = *err});
	return NULL;
}

struct http_call *http_start(struct http *h, const struct http_request *r)
{
	struct http_call *c;
	struct err err = ERR_INIT;
	char url[URL_MAX];

	if (read_token(h, &err))
		return refuse(r, &err);
	if (snprintf(url, sizeof(url), "%s%s", h->server, r->path) >= (int)sizeof(url)) {
		err_set(&err, ERR_LIMIT, "the request's address is too long");
		return refuse(r, &err);
	}
	c = mem_alloc(sizeof(*c));
	c->http = h;
	c->easy = curl_easy_init();
	if (!c->easy)
		abort();
	buf_init(&c->in, r->data ? STREAM_MAX : r->max ? r->max : HTTP_BODY_MAX);
	c->tails = r->tail > 0;
	c->tail = (struct tail)TAIL_INIT(r->tail);
	c->timeout = r->timeout;
	c->data = r->data;
	c->done = r->done;
	c->arg = r->arg;
	set_up(c, r, url);
	c->next = h->calls;
	if (c->next)
		c->next->prev = c;
	h->calls = c;
	if (curl_multi_add_handle(h->multi, c->easy) != CURLM_OK)
		abort(); /* not from within curl, not twice: memory is the only way */
	return c;
}

void http_cancel(struct http_call *c)
{
	if (c)
		call_free(c);
}

/* --- the ends of calls -------------------------------------------------------- */

static int status_of(const struct http_call *c)
{
	long status = 0;

	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	return (int)status;
}

static void explain(const struct http_call *c, CURLcode code, struct err *err)
{
	const char *server = c->http->server;

	if (c->cut) {
		*err = c->err;
		return;
	}
	switch (code) {
	case CURLE_OPERATION_TIMEDOUT:
		err_set(err, ERR_NETWORK, "%s: no answer in time (%s)", server, c->why);
		break;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
		err_set(err, ERR_NETWORK, "%s: its certificate is not trusted (%s)", server, c->why);
		err_hint(err, "the authority that has signed it must be the one that we were given");
		break;
	default:
		err_set(err, ERR_NETWORK, "%s: %s", server, *c->why ? c->why : curl_easy_strerror(code));
	}
}

static void finish(struct http_call *c, CURLcode code)
{
	struct http_response r = {.retry_after = -1};
	CLEANUP(buf_release) struct buf body = BUF_INIT(SIZE_MAX / 2);
	curl_off_t after = 0;
	int status = status_of(c);
	void (*done)(void *, const struct http_response *) = c->done;
	void *arg = c->arg;

	if (code == CURLE_OK && !c->cut) {
		r.status = status;
		if (curl_easy_getinfo(c->easy, CURLINFO_RETRY_AFTER, &after) == CURLE_OK && after > 0)
			r.retry_after = after > HTTP_RETRY_AFTER_MAX_MS / 1000 ? HTTP_RETRY_AFTER_MAX_MS
									       : (int64_t)after * 1000;
		if (status == 401) {
			c->http->token_at = -1;
			c->http->refused = true;
		}
	} else {
		explain(c, code, &r.err);
	}
	if (c->tails)
		tail_text(&c->tail, &body);
	else
		buf_add(&body, buf_str(&c->in), c->in.len);
	r.body = buf_str(&body);
	r.len = body.len;
	call_free(c);
	done(arg, &r);
}

/* What has come of endless answers. A call may vanish while another one's is told: begin anew then. */
static void deliver(struct http *h)
{
	for (struct http_call *c = h->calls; c;) {
		CLEANUP(buf_release) struct buf got = c->in;

		if (!c->data || c->in.len == 0 || c->cut || status_of(c) / 100 != 2) {
			got = (struct buf)BUF_INIT(0);
			c = c->next;
			continue;
		}
		buf_init(&c->in, STREAM_MAX);
		if (c->data(c->arg, got.data, got.len, &c->err)) {
			c->cut = true;
			finish(c, CURLE_ABORTED_BY_CALLBACK);
		}
		c = h->calls;
	}
}

static void take_ends(struct http *h)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(h->multi, &left))) {
		CURLcode code = m->data.result;
		struct http_call *c = NULL;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &c);
		finish(c, code);
	}
}

int http_fd(const struct http *h)
{
	return h->epoll;
}

int64_t http_deadline(const struct http *h)
{
	return h->timer;
}

void http_turn(struct http *h)
{
	struct epoll_event events[EVENTS_MAX];
	int n = epoll_wait(h->epoll, events, EVENTS_MAX, 0), running;

	for (int i = 0; i < n; i++) {
		int what = (events[i].events & (EPOLLIN | EPOLLHUP) ? CURL_CSELECT_IN : 0) |
			   (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
			   (events[i].events & EPOLLERR ? CURL_CSELECT_ERR : 0);

		curl_multi_socket_action(h->multi, events[i].data.fd, what, &running);
	}
	if (h->timer <= now(h)) {
		h->timer = INT64_MAX;
		curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
	deliver(h);
	take_ends(h);
}

/* --- waited for --------------------------------------------------------------- */

struct waited {
	struct arena *arena;
	struct http_response *ret;
	bool done;
};

static void on_done(void *arg, const struct http_response *r)
{
	struct waited *w = arg;

	*w->ret = *r;
	w->ret->body = arena_strndup(w->arena, r->body ? r->body : "", r->len);
	w->done = true;
}

int http_do(struct http *h, const struct http_request *r, struct arena *a, struct http_response *ret,
	struct err *err)
{
	struct waited w = {.arena = a, .ret = ret};
	struct http_request request = *r;

	request.done = on_done;
	request.arg = &w;
	http_start(h, &request);
	while (!w.done) {
		struct pollfd fd = {.fd = h->epoll, .events = POLLIN};
		int64_t left = http_deadline(h) == INT64_MAX ? 1000 : http_deadline(h) - now(h);

		if (poll(&fd, 1, left < 0 ? 0 : left > 1000 ? 1000 : (int)left) < 0 && errno != EINTR)
			return err_errno(err, ERR_IO, errno, "poll");
		http_turn(h);
	}
	if (ret->status)
		return 0;
	*err = ret->err;
	return -1;
}

void http_escape(struct buf *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-._~", c))
			buf_addc(out, (char)c);
		else
			buf_printf(out, "%%%02X", c);
	}
}

const char *http_version(void)
{
	return curl_version_info(CURLVERSION_NOW)->version;
}
