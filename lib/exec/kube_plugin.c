#include "exec/kube_plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/log.h"
#include "base/proc.h"
#include "exec/kube_status.h"

#define EARLY_MS   60000  /* before a token ends another one is asked for */
#define AGAIN_MS   30000  /* after a try that failed */
#define NO_END_MS  600000 /* a token that does not say when it ends */
#define LOOK_MS	   200	  /* how often a program that runs is looked at */

extern char **environ;

struct kube_plugin {
	const struct kube_config *config;
	const struct clock *clock;
	struct http *http;
	struct proc proc;
	bool running;
	struct buf output;
	int64_t until;	/* monotonic ms, of what runs */
	int64_t next;	/* when to look, or to run it again */
	int64_t begun;	/* when it was run last */
};

static int64_t now(const struct kube_plugin *p)
{
	return p->clock->monotonic(p->clock->arg);
}

int kube_plugin_parse(const char *text, size_t len, struct arena *a, const char **ret_token,
	int64_t *ret_expires_s, struct err *err)
{
	CLEANUP_JSON struct json_doc *doc = NULL;
	const char *token;

	if (json_parse(text, len, &doc, err))
		return err_wrap(err, "its answer");
	token = json_str(json_root(doc), "status.token");
	if (!token || !*token)
		return err_set(err, ERR_DATA, "its answer has no status.token");
	*ret_token = arena_strdup(a, token);
	*ret_expires_s = kube_time(json_str(json_root(doc), "status.expirationTimestamp"));
	return 0;
}

/* Ours, with what the kubeconfig says, and what plugins expect. The strings are borrowed. */
static char **environment(const struct kube_config *c, struct arena *a)
{
	size_t n = 0, more = 0, out = 0;
	char **env;

	while (environ[n])
		n++;
	while (c->plugin_env[more])
		more++;
	env = arena_array(a, n + more + 2, sizeof(*env));
	for (size_t i = 0; i < more; i++)
		env[out++] = (char *)(uintptr_t)c->plugin_env[i];
	env[out++] = arena_printf(a,
		"KUBERNETES_EXEC_INFO={\"apiVersion\":\"%s\",\"kind\":\"ExecCredential\",\"spec\":{\"interactive\":"
		"false}}",
		c->plugin_api);
	for (size_t i = 0; i < n; i++)
		env[out++] = environ[i];
	return env;
}

static int start(struct kube_plugin *p, struct err *err)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	int flags;

	if (proc_start((const char *const *)p->config->plugin, environment(p->config, &a), PROC_OUT, &p->proc, err))
		return -1;
	flags = fcntl(p->proc.out, F_GETFL);
	if (flags >= 0)
		fcntl(p->proc.out, F_SETFL, flags | O_NONBLOCK);
	buf_reset(&p->output);
	p->running = true;
	p->begun = now(p);
	p->until = p->begun + KUBE_PLUGIN_TIMEOUT_MS;
	p->next = now(p) + LOOK_MS;
	return 0;
}

static void read_output(struct kube_plugin *p)
{
	char *room;
	ssize_t n;

	while ((room = buf_room(&p->output, 4096)) && (n = read(p->proc.out, room, 4096)) > 0)
		buf_advance(&p->output, (size_t)n);
}

static int take_token(struct kube_plugin *p, const struct proc_end *end, struct err *err)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	const char *token;
	int64_t expires_s, wall = p->clock->wall(p->clock->arg), left;

	if (end->signalled || end->status != 0)
		return err_set(err, ERR_AUTH, "it ended with %s %d", end->signalled ? "signal" : "exit status",
			end->status);
	if (kube_plugin_parse(buf_str(&p->output), p->output.len, &a, &token, &expires_s, err)) {
		err->code = ERR_AUTH;
		return -1;
	}
	http_set_token(p->http, token);
	left = expires_s ? expires_s * 1000 - wall - EARLY_MS : NO_END_MS;
	p->next = now(p) + (left > AGAIN_MS ? left : AGAIN_MS);
	return 0;
}

/* 1: it has ended, and there is a token; 0: it runs. */
static int look(struct kube_plugin *p, struct err *err)
{
	struct proc_end end;
	int rc, taken;

	read_output(p);
	rc = proc_wait(&p->proc, 0, &end, err);
	if (rc == 0 && now(p) < p->until) {
		p->next = now(p) + LOOK_MS;
		return 0;
	}
	if (rc == 0) {
		rc = proc_stop(&p->proc, 0, &end, err) ? -1 : 1;
		if (rc > 0)
			rc = err_set(err, ERR_AUTH, "it has not ended after %d s", KUBE_PLUGIN_TIMEOUT_MS / 1000);
	}
	read_output(p);
	p->next = now(p) + AGAIN_MS;
	taken = rc > 0 ? take_token(p, &end, err) : -1;
	proc_release(&p->proc);
	p->running = false;
	return taken ? err_wrap(err, "plugin '%s'", p->config->plugin[0]) : 1;
}

static int wait_for_it(struct kube_plugin *p, struct err *err)
{
	int rc;

	while ((rc = look(p, err)) == 0)
		poll(&(struct pollfd){.fd = p->proc.pidfd, .events = POLLIN}, 1, LOOK_MS);
	return rc > 0 ? 0 : -1;
}

int kube_plugin_open(const struct kube_config *config, const struct clock *clock, struct http *http,
	struct kube_plugin **ret, struct err *err)
{
	struct kube_plugin *p = mem_alloc(sizeof(*p));

	p->config = config;
	p->clock = clock;
	p->http = http;
	buf_init(&p->output, KUBE_PLUGIN_OUTPUT_MAX);
	if (start(p, err) || wait_for_it(p, err)) {
		kube_plugin_close(p);
		return -1;
	}
	*ret = p;
	return 0;
}

void kube_plugin_close(struct kube_plugin *p)
{
	struct proc_end end;
	struct err ignored = ERR_INIT;

	if (!p)
		return;
	if (p->running) {
		if (proc_stop(&p->proc, 0, &end, &ignored))
			log_debug("%s", ignored.msg);
		proc_release(&p->proc);
	}
	buf_release(&p->output);
	free(p);
}

int64_t kube_plugin_deadline(const struct kube_plugin *p)
{
	return p ? p->next : INT64_MAX;
}

void kube_plugin_turn(struct kube_plugin *p)
{
	struct err err = ERR_INIT;

	if (!p)
		return;
	/* refused before its time; not again and again, since a new one may be refused as well */
	if (http_token_refused(p->http) && !p->running && p->next > p->begun + AGAIN_MS)
		p->next = p->begun + AGAIN_MS;
	if (now(p) < p->next)
		return;
	if (p->running ? look(p, &err) < 0 : start(p, &err)) {
		p->next = now(p) + AGAIN_MS;
		log_warn("%s; it is tried again in %d s", err.msg, AGAIN_MS / 1000);
	}
}
