#include "exec/kube_watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "exec/kube_fault.h"

#define VERSION_MAX 64
#define CONTINUE_MAX 1024
#define SHORT_MS 1000 /* a watch that ended sooner is not begun again at once */

enum stage { STAGE_LIST, STAGE_WATCH };

struct kube_watch {
	struct kube_api *api;
	char *selector;
	struct kube_watcher to;
	enum stage stage; /* what comes next, or is under way */
	struct http_call *call;
	char version[VERSION_MAX], from[CONTINUE_MAX];
	struct buf line;
	int64_t at;    /* when to begin; monotonic ms */
	int64_t begun; /* the call that is under way */
	unsigned tries;
	bool listed;
	struct kube_fault trouble; /* words "": none */
	bool outdated;		   /* an event said so */
};

struct kube_watch *kube_watch_new(struct kube_api *api, const char *selector, const struct kube_watcher *to)
{
	struct kube_watch *w = mem_alloc(sizeof(*w));

	w->api = api;
	w->selector = mem_strdup(selector);
	w->to = *to;
	buf_init(&w->line, KUBE_LINE_MAX);
	return w;
}

void kube_watch_free(struct kube_watch *w)
{
	if (!w)
		return;
	http_cancel(w->call);
	buf_release(&w->line);
	free(w->selector);
	free(w);
}

bool kube_watch_synced(const struct kube_watch *w)
{
	return w->listed && !*w->trouble.words;
}

const char *kube_watch_trouble(const struct kube_watch *w)
{
	return w->trouble.words;
}

int64_t kube_watch_deadline(const struct kube_watch *w)
{
	return w->call ? INT64_MAX : w->at;
}

/* --- what comes next ---------------------------------------------------------------- */

static void later(struct kube_watch *w, int64_t ms)
{
	w->at = kube_api_now(w->api) + ms;
}

static void begin_list(struct kube_watch *w)
{
	w->stage = STAGE_LIST;
	w->from[0] = '\0';
}

static void in_trouble(struct kube_watch *w, const struct kube_fault *f)
{
	if (!*w->trouble.words)
		log_warn("pods are not watched: %s", f->words);
	w->trouble = *f;
	later(w, kube_back_off(++w->tries, f->retry_after, kube_api_chance(w->api)));
}

static void no_trouble(struct kube_watch *w)
{
	if (*w->trouble.words)
		log_info("pods are watched again");
	w->trouble.words[0] = '\0';
	w->tries = 0;
}

static void failed(struct kube_watch *w, const struct http_response *r, const char *verb)
{
	struct kube_fault f;

	kube_fault_read(r, verb, "pods", kube_api_config(w->api)->ns, &f);
	if (f.cure == KUBE_OUTDATED) { /* no trouble: begin anew, now */
		begin_list(w);
		later(w, w->tries++ > 0 ? SHORT_MS : 0);
		return;
	}
	if (w->stage == STAGE_LIST)
		begin_list(w);
	in_trouble(w, &f);
}

/* --- the list ------------------------------------------------------------------------- */

static bool keep(char *out, size_t size, const char *text)
{
	return text && snprintf(out, size, "%s", text) < (int)size;
}

static void on_page(void *arg, const struct http_response *r)
{
	CLEANUP_JSON struct json_doc *doc = NULL;
	struct kube_watch *w = arg;
	struct err err = ERR_INIT;
	struct json *root, *pod;

	w->call = NULL;
	if (r->status != 200 || json_parse(r->body, r->len, &doc, &err) ||
		!json_is_array(json_member(json_root(doc), "items")) ||
		!keep(w->version, sizeof(w->version), json_str(json_root(doc), "metadata.resourceVersion"))) {
		failed(w, r, "list");
		return;
	}
	root = json_root(doc);
	if (!*w->from)
		w->to.listing(w->to.arg);
	for (struct json_iter it = {.of = json_member(root, "items")}; json_next(&it, NULL, &pod);)
		w->to.pod(w->to.arg, pod);
	w->at = 0;
	if (keep(w->from, sizeof(w->from), json_str(root, "metadata.continue")) && *w->from)
		return;
	w->from[0] = '\0';
	w->stage = STAGE_WATCH;
	w->listed = true;
	no_trouble(w);
	w->to.listed(w->to.arg);
}

static void start_list(struct kube_watch *w, struct buf *path)
{
	buf_printf(path, "&limit=%d", KUBE_PAGE);
	if (*w->from) {
		buf_adds(path, "&continue=");
		http_escape(path, w->from);
	}
	w->call = kube_api_call(w->api, "GET", buf_str(path), NULL, on_page, w);
}

/* --- the watch ------------------------------------------------------------------------ */

static int on_error(struct kube_watch *w, struct json *status, struct err *err)
{
	int code = (int)json_int(status, "code", 500);
	const char *message = json_str(status, "message");

	w->outdated = code == 410;
	return err_set(err, ERR_DATA, "the watch ends: %s", message ? message : "no reason given");
}

static int on_event(struct kube_watch *w, const char *text, size_t len, struct err *err)
{
	CLEANUP_JSON struct json_doc *doc = NULL;
	const char *type, *version;
	struct json *object;

	if (json_parse(text, len, &doc, err))
		return err_wrap(err, "an event of a watch");
	type = json_str(json_root(doc), "type");
	object = json_member(json_root(doc), "object");
	version = json_str(object, "metadata.resourceVersion");
	if (!type || !object)
		return err_set(err, ERR_DATA, "an event of a watch has no type or no object");
	if (strcmp(type, "ERROR") == 0)
		return on_error(w, object, err);
	if (strcmp(type, "DELETED") == 0)
		w->to.gone(w->to.arg, object);
	else if (strcmp(type, "BOOKMARK") != 0)
		w->to.pod(w->to.arg, object);
	if (version && strlen(version) < sizeof(w->version))
		keep(w->version, sizeof(w->version), version);
	return 0;
}

static int on_bytes(void *arg, const char *bytes, size_t len, struct err *err)
{
	struct kube_watch *w = arg;
	const char *end;

	no_trouble(w);
	while ((end = memchr(bytes, '\n', len))) {
		size_t n = (size_t)(end - bytes);

		buf_add(&w->line, bytes, n);
		if (buf_check(&w->line, "an event of a watch", err))
			return -1;
		if (w->line.len && on_event(w, w->line.data, w->line.len, err))
			return -1;
		buf_reset(&w->line);
		bytes = end + 1;
		len -= n + 1;
	}
	buf_add(&w->line, bytes, len);
	return buf_check(&w->line, "an event of a watch", err);
}

/* A watch ends by itself after a while; one that timed out had hung. */
static void on_end(void *arg, const struct http_response *r)
{
	struct kube_watch *w = arg;
	struct kube_fault f;

	w->call = NULL;
	if (w->outdated) {
		log_debug("%s", r->err.msg);
		begin_list(w);
		later(w, 0);
	} else if (r->status == 200) {
		no_trouble(w);
		later(w, kube_api_now(w->api) - w->begun < SHORT_MS ? SHORT_MS : 0);
	} else if (r->status == 0 && kube_api_now(w->api) - w->begun > SHORT_MS && w->tries == 0) {
		kube_fault_read(r, "watch", "pods", kube_api_config(w->api)->ns, &f);
		log_debug("a watch was cut: %s", f.words); /* it stood; trouble is when the next one does not */
		w->tries++;
		later(w, 0);
	} else {
		failed(w, r, "watch");
	}
}

static void start_watch(struct kube_watch *w, struct buf *path)
{
	struct http_request r = {.method = "GET",
		.timeout = (KUBE_WATCH_S + 15) * 1000,
		.data = on_bytes,
		.done = on_end,
		.arg = w};

	buf_printf(path, "&watch=true&allowWatchBookmarks=true&timeoutSeconds=%d&resourceVersion=%s", KUBE_WATCH_S,
		w->version);
	r.path = buf_str(path);
	buf_reset(&w->line);
	w->outdated = false;
	w->begun = kube_api_now(w->api);
	w->call = http_start(kube_api_http(w->api), &r);
}

void kube_watch_turn(struct kube_watch *w)
{
	CLEANUP(buf_release) struct buf path = BUF_INIT(KUBE_PATH_MAX + CONTINUE_MAX * 3);

	if (w->call || kube_api_now(w->api) < w->at)
		return;
	buf_printf(&path, "/api/v1/namespaces/%s/pods?labelSelector=", kube_api_config(w->api)->ns);
	http_escape(&path, w->selector);
	if (w->stage == STAGE_LIST)
		start_list(w, &path);
	else
		start_watch(w, &path);
}
