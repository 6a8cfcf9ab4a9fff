#include "exec/kube_fault.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"

#define BACK_OFF_MIN_MS 500
#define BACK_OFF_MAX_MS 30000

static void say(struct kube_fault *f, enum kube_cure cure, enum err_code code, const char *fmt, ...) PRINTF(4, 5);
static void say(struct kube_fault *f, enum kube_cure cure, enum err_code code, const char *fmt, ...)
{
	va_list args;

	f->cure = cure;
	f->code = code;
	va_start(args, fmt);
	vsnprintf(f->words, sizeof(f->words), fmt, args);
	va_end(args);
	for (char *c = f->words; *c; c++)
		if ((unsigned char)*c < ' ')
			*c = ' ';
}

static bool has(const char *text, const char *part)
{
	return text && strstr(text, part) != NULL;
}

void kube_fault_of_status(int status, const char *reason, const char *message, struct kube_fault *f)
{
	const char *text = message && *message ? message : reason && *reason ? reason : "no reason given";

	f->retry_after = -1;
	if (status == 403 && has(message, "exceeded quota"))
		say(f, KUBE_WAIT, ERR_BUSY, "there is no room in the namespace's quota: %s", text);
	else if (status == 401)
		say(f, KUBE_RETRY, ERR_AUTH, "the API does not know us: %s", text);
	else if (status == 403)
		say(f, KUBE_REFUSED, ERR_AUTH, "the API refuses it: %s", text);
	else if (status == 404)
		say(f, KUBE_MISSING, ERR_NOT_FOUND, "%s", text);
	else if (status == 409 && (!reason || strcmp(reason, "AlreadyExists") == 0))
		say(f, KUBE_EXISTS, ERR_DATA, "%s", text);
	else if (status == 410)
		say(f, KUBE_OUTDATED, ERR_DATA, "%s", text);
	else if (status == 409 || status == 429 || status >= 500)
		say(f, KUBE_RETRY, ERR_BUSY, "the API answers %d: %s", status, text);
	else
		say(f, KUBE_REFUSED, ERR_CONFIG, "the API refuses it (%d): %s", status, text);
}

/* Whose right is missing is in the message of RBAC already, unless somebody else's admission refused. */
static void name_right(struct kube_fault *f, const char *message, const char *verb, const char *what, const char *ns)
{
	if (has(message, "cannot ") || !message)
		say(f, KUBE_REFUSED, ERR_AUTH,
			"the right to '%s' '%s' in namespace '%s' is missing: a Role must grant it (%s)", verb, what,
			ns, message ? message : "403");
}

void kube_fault_read(const struct http_response *r, const char *verb, const char *what, const char *ns,
	struct kube_fault *f)
{
	CLEANUP_JSON struct json_doc *doc = NULL;
	struct err err = ERR_INIT;
	const char *reason = NULL, *message = NULL;

	if (r->status == 0) {
		f->retry_after = -1;
		say(f, KUBE_RETRY, r->err.code, "%s", r->err.msg);
		return;
	}
	if (json_parse(r->body, r->len, &doc, &err) == 0) { /* else a proxy's page, or half a one */
		reason = json_str(json_root(doc), "reason");
		message = json_str(json_root(doc), "message");
	}
	if (r->status / 100 == 2)
		say(f, KUBE_RETRY, ERR_DATA, "the API's answer is not what was asked for");
	else
		kube_fault_of_status(r->status, reason, message, f);
	if (f->cure == KUBE_REFUSED && r->status == 403)
		name_right(f, message, verb, what, ns);
	f->retry_after = r->retry_after;
}

int64_t kube_back_off(unsigned tries, int64_t retry_after, double chance)
{
	int64_t ms = BACK_OFF_MIN_MS;

	if (retry_after >= 0)
		return retry_after + (int64_t)(chance * (double)(retry_after / 4 + BACK_OFF_MIN_MS));
	for (unsigned i = 1; i < tries && ms < BACK_OFF_MAX_MS; i++)
		ms *= 2;
	if (ms > BACK_OFF_MAX_MS)
		ms = BACK_OFF_MAX_MS;
	return ms / 2 + (int64_t)(chance * (double)(ms / 2));
}
