#include "tests/tdsd/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/json.h"
#include "base/mem.h"
#include "tests/tdsd/conn.h"

#define LOGIN_MAX     65536
#define STATEMENT_MAX (16u << 20)

int report_open(struct report *r, const char *statements, struct err *err)
{
	*r = (struct report){0};
	pthread_mutex_init(&r->mutex, NULL);
	if (!statements)
		return 0;
	r->statements = fopen(statements, "ae");
	return r->statements ? 0 : err_set(err, ERR_IO, "'%s': %s", statements, strerror(errno));
}

static void free_entry(struct report_entry *e)
{
	free(e->error);
	free(e->login);
	free(e);
}

void report_close(struct report *r)
{
	struct report_entry *next;

	for (struct report_entry *e = r->first; e; e = next) {
		next = e->next;
		free_entry(e);
	}
	if (r->statements)
		(void)fclose(r->statements);
	pthread_mutex_destroy(&r->mutex);
}

void report_forget(struct report *r)
{
	struct report_entry *old, *next;

	pthread_mutex_lock(&r->mutex);
	old = r->first;
	r->first = r->last = NULL;
	r->n = 0;
	for (struct report_entry *e = old; e; e = next) {
		next = e->next;
		if (!e->open) {
			free_entry(e);
			continue;
		}
		e->next = NULL;
		*(r->last ? &r->last->next : &r->first) = e;
		r->last = e;
		r->n++;
	}
	pthread_mutex_unlock(&r->mutex);
}

struct report_entry *report_enter(struct report *r, int spid)
{
	struct report_entry *e = mem_alloc(sizeof(*e));

	e->spid = spid;
	e->open = true;
	e->outcome = "prelogin";
	pthread_mutex_lock(&r->mutex);
	*(r->last ? &r->last->next : &r->first) = e;
	r->last = e;
	r->n++;
	pthread_mutex_unlock(&r->mutex);
	return e;
}

void report_outcome(struct report *r, struct report_entry *e, const char *outcome, int32_t refused)
{
	pthread_mutex_lock(&r->mutex);
	e->outcome = outcome;
	e->refused = refused;
	pthread_mutex_unlock(&r->mutex);
}

void report_leave(struct report *r, struct report_entry *e, const char *error)
{
	pthread_mutex_lock(&r->mutex);
	e->open = false;
	if (error) {
		e->error = mem_strdup(error);
		if (strcmp(e->outcome, "in") != 0)
			e->outcome = "failed";
	}
	pthread_mutex_unlock(&r->mutex);
}

void report_login(struct report *r, const struct conn *c)
{
	static const char *const scopes[] = {
		[SCOPE_NONE] = "none", [SCOPE_LOGIN] = "login", [SCOPE_ALL] = "all"};
	static const char *const levels[] = {"7.1", "7.2", "7.3A", "7.3B", "7.4", "8.0"};
	const struct login7 *l = &c->login;
	CLEANUP(buf_release) struct buf b = BUF_INIT(LOGIN_MAX);
	CLEANUP_JSON struct json_doc *doc = json_new();
	struct json *o = json_object(doc);

	json_set_str(doc, o, "user", l->user);
	json_set_str(doc, o, "application", l->program);
	json_set_str(doc, o, "host", l->host);
	json_set_str(doc, o, "server", l->server);
	json_set_str(doc, o, "instance", c->prelogin.instance);
	json_set_str(doc, o, "library", l->library);
	json_set_str(doc, o, "language", l->language);
	json_set_str(doc, o, "database", l->database);
	json_set_bool(doc, o, "read_only", l->read_only);
	json_set_bool(doc, o, "integrated", l->integrated);
	json_set_bool(doc, o, "utf8", l->utf8);
	json_set_bool(doc, o, "mars", c->prelogin.mars);
	json_set_str(doc, o, "tds", levels[l->level]);
	json_set_int(doc, o, "packet_size", l->packet_size);
	json_set_int(doc, o, "pid", l->pid);
	json_set_int(doc, o, "flags1", l->flags1);
	json_set_int(doc, o, "flags2", l->flags2);
	json_set_int(doc, o, "flags3", l->flags3);
	json_set_int(doc, o, "type_flags", l->type_flags);
	json_set_int(doc, o, "encrypt_asked", c->prelogin.encrypt);
	json_set_str(doc, o, "encryption", scopes[c->encryption]);
	json_set_str(doc, o, "tls", c->tls_protocol);
	json_set_str(doc, o, "cipher", c->tls_cipher);
	json_print(doc, o, false, &b);
	pthread_mutex_lock(&r->mutex);
	c->entry->login = mem_strdup(buf_str(&b));
	c->entry->outcome = "login";
	pthread_mutex_unlock(&r->mutex);
}

void report_statement(struct report *r, const struct conn *c, const char *kind, const char *text)
{
	CLEANUP(buf_release) struct buf b = BUF_INIT(STATEMENT_MAX);
	CLEANUP_JSON struct json_doc *doc = NULL;
	struct json *o;

	if (!r->statements)
		return;
	doc = json_new();
	o = json_object(doc);
	json_set_int(doc, o, "spid", c->spid);
	json_set_str(doc, o, "application", c->login.program);
	json_set_str(doc, o, "kind", kind);
	json_set_str(doc, o, "text", text);
	json_print(doc, o, false, &b);
	buf_addc(&b, '\n');
	pthread_mutex_lock(&r->mutex);
	(void)fwrite(b.data, b.len, 1, r->statements);
	(void)fflush(r->statements);
	pthread_mutex_unlock(&r->mutex);
}

static struct json *print_entry(struct json_doc *doc, const struct report_entry *e)
{
	struct json *o = json_object(doc);

	json_set_int(doc, o, "spid", e->spid);
	json_set_bool(doc, o, "open", e->open);
	json_set_str(doc, o, "outcome", e->outcome);
	json_set_int(doc, o, "refused", e->refused);
	json_set_str(doc, o, "error", e->error);
	json_set_int(doc, o, "batches", (int64_t)e->batches);
	json_set_int(doc, o, "calls", (int64_t)e->calls);
	json_set_int(doc, o, "loads", (int64_t)e->loads);
	json_set_int(doc, o, "transactions", (int64_t)e->transactions);
	json_set_int(doc, o, "attentions", (int64_t)e->attentions);
	json_set_int(doc, o, "resets", (int64_t)e->resets);
	json_set_int(doc, o, "ignored", (int64_t)e->ignored);
	return o;
}

/* The login is JSON already: it goes in before the last brace. */
void report_print(struct report *r, struct buf *out)
{
	CLEANUP_JSON struct json_doc *doc = json_new();

	buf_addc(out, '[');
	pthread_mutex_lock(&r->mutex);
	for (const struct report_entry *e = r->first; e; e = e->next) {
		json_print(doc, print_entry(doc, e), false, out);
		out->len--;
		buf_printf(
			out, ",\"login\":%s}%s", e->login ? e->login : "null", e->next ? "," : "");
	}
	pthread_mutex_unlock(&r->mutex);
	buf_addc(out, ']');
}

/* What the server itself took: benchmarks print it beside the client's. */
static void set_usage(struct json_doc *doc, struct json *o)
{
	struct rusage u;

	if (getrusage(RUSAGE_SELF, &u) != 0)
		return;
	json_set_int(doc, o, "cpu_user_ms", u.ru_utime.tv_sec * 1000 + u.ru_utime.tv_usec / 1000);
	json_set_int(doc, o, "cpu_system_ms", u.ru_stime.tv_sec * 1000 + u.ru_stime.tv_usec / 1000);
	json_set_int(doc, o, "rss_max_kib", u.ru_maxrss);
}

void report_totals(struct report *r, struct buf *out)
{
	CLEANUP_JSON struct json_doc *doc = json_new();
	struct json *o = json_object(doc);
	int64_t connections = 0, open = 0, logins = 0, refused = 0;

	pthread_mutex_lock(&r->mutex);
	for (const struct report_entry *e = r->first; e; e = e->next) {
		connections++;
		open += e->open;
		logins += strcmp(e->outcome, "in") == 0;
		refused += e->refused != 0;
	}
	pthread_mutex_unlock(&r->mutex);
	json_set_int(doc, o, "connections", connections);
	json_set_int(doc, o, "open", open);
	json_set_int(doc, o, "logins", logins);
	json_set_int(doc, o, "refused", refused);
	set_usage(doc, o);
	json_print(doc, o, false, out);
}
