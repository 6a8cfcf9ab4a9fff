/*
 * Asks the process, not the store: a store that is away must not restart the controllers, whose
 * workers go on.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "cmd/cmd.h"
#include "ctl/bell.h"
#include "krb/krb.h"

#define ANSWERS_MAX (BELL_SLOTS * (BELL_ANSWER_MAX + 1))
#define TIMEOUT_MS 2000

static int check_ready(void *arg, const char *key, const char *value, struct err *err UNUSED)
{
	bool *ready = arg;

	if ((strcmp(key, "store") == 0 && strcmp(value, "ok") != 0) ||
		(strcmp(key, "state") == 0 && strcmp(value, "running") != 0))
		*ready = false;
	return 0;
}

/* Is one of the controllers at work on its store? */
static bool any_ready(const struct buf *answers)
{
	const char *line = buf_str(answers);

	while (*line) {
		size_t len = strcspn(line, "\n");
		struct err err = ERR_INIT;
		bool ready = true;

		if (json_each(line, len, check_ready, &ready, &err) == 0 && ready)
			return true;
		line += line[len] ? len + 1 : len;
	}
	return false;
}

/* Never for a controller's liveness: a KDC that is away is no reason to restart it. */
static int check_ticket(const struct settings *settings, struct err *err)
{
	CLEANUP_JSON struct json_doc *doc = json_new();
	struct json *o = json_object(doc);
	struct kerberos_options k = settings->kerberos;
	struct krb_ticket t;
	char end[CLOCK_TEXT_LEN + 1];

	if (!k.ccache)
		k.keytab = NULL; /* what is in another process's memory is not ours to see */
	if (krb_read(&k, &t, err))
		return -1;
	clock_text(t.end * 1000, end);
	json_set_str(doc, o, "principal", t.principal);
	json_set_str(doc, o, "expires", end);
	json_set_int(doc, o, "remaining_s", t.end - clock_system.wall(NULL) / 1000);
	cmd_print_json(doc, o);
	return 0;
}

int cmd_healthcheck(struct invocation *in, struct err *err)
{
	CLEANUP(buf_release) struct buf answers = BUF_INIT(ANSWERS_MAX);
	struct settings settings;
	int answered, silent;

	if (cmd_settings(in, &settings, err))
		return -1;
	if (cmd_flag(in, "ticket"))
		return check_ticket(&settings, err);
	answered = bell_ping(cmd_store_name(&settings, &in->arena), TIMEOUT_MS, &answers, &silent);
	if (silent)
		return err_set(err, ERR_NETWORK, "%d of %d controllers of store '%s' did not answer "
						 "within %d ms", silent, answered + silent,
			settings_store_name(&settings, &in->arena), TIMEOUT_MS);
	if (answered == 0) {
		err_set(err, ERR_NETWORK, "no controller of store '%s' runs here", settings_store_name(&settings, &in->arena));
		return err_hint(err, "start one with 'etl controller'");
	}
	if (cmd_flag(in, "ready") && !any_ready(&answers))
		return err_set(err, ERR_STORE, "the controller cannot use store '%s', or is stopping",
			settings_store_name(&settings, &in->arena));
	fputs(buf_str(&answers), stdout);
	return 0;
}
