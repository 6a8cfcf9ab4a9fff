#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "cmd/cmd.h"
#include "krb/keeper.h"

struct keeping {
	int signals;
	bool json;
};

static void tell_skew(const struct krb_ticket *t)
{
	if (t->has_skew && llabs((long long)t->skew_s) > KRB_SKEW_WARN_S)
		log_warn("the KDC's clock is %lld s %s ours; servers refuse tickets from %d s on",
			llabs((long long)t->skew_s), t->skew_s > 0 ? "before" : "behind", KRB_SKEW_LIMIT_S);
}

static void print(const struct krb_ticket *t, bool json)
{
	CLEANUP_JSON struct json_doc *doc = json_new();
	struct json *o = json_object(doc);
	char start[CLOCK_TEXT_LEN + 1], end[CLOCK_TEXT_LEN + 1];

	tell_skew(t);
	clock_text(t->start * 1000, start);
	clock_text(t->end * 1000, end);
	if (!json) {
		printf("ticket of %s until %s (%s)\n", t->principal, end, t->enctype);
		return;
	}
	json_set_str(doc, o, "principal", t->principal);
	json_set_str(doc, o, "starts", start);
	json_set_str(doc, o, "expires", end);
	json_set_str(doc, o, "enctype", t->enctype);
	if (t->has_skew)
		json_set_int(doc, o, "clock_skew_s", t->skew_s);
	cmd_print_json(doc, o);
}

static void on_obtained(void *arg, const struct krb_ticket *t)
{
	const struct keeping *k = arg;

	print(t, k->json);
	fflush(stdout);
}

static void on_failed(void *arg, const struct krb_ticket *t, const struct err *err)
{
	char end[CLOCK_TEXT_LEN + 1];

	(void)arg;
	if (t) {
		clock_text(t->end * 1000, end);
		log_warn("%s; the ticket that we have lasts until %s", err->msg, end);
	} else {
		log_error("%s", err->msg);
	}
	if (err->hint[0])
		log_info("hint: %s", err->hint);
}

static bool on_wait(void *arg, int64_t ms)
{
	const struct keeping *k = arg;
	struct pollfd p = {.fd = k->signals, .events = POLLIN};

	return poll(&p, 1, (int)ms) > 0;
}

static int keep(const struct settings *s, bool force, bool json, struct err *err)
{
	struct keeping keeping = {.json = json};
	const struct keeper k = {.options = &s->kerberos,
		.clock = &clock_system,
		.rnd = &rnd_system,
		.wait = on_wait,
		.obtained = on_obtained,
		.failed = on_failed,
		.arg = &keeping};
	sigset_t set;
	int rc;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	keeping.signals = signalfd(-1, &set, SFD_CLOEXEC);
	rc = keeper_run(&k, force, err);
	close(keeping.signals);
	return rc;
}

int cmd_kinit_refresh(struct invocation *in, struct err *err)
{
	bool force = cmd_flag(in, "force"), json = cmd_flag(in, "json");
	struct settings settings;
	struct krb_ticket t;

	if (cmd_settings(in, &settings, err))
		return -1;
	if (!settings.kerberos.keytab || !settings.kerberos.ccache) {
		err_set(err, ERR_CONFIG, "kinit-refresh needs [kerberos] keytab and ccache");
		return err_hint(err, "'etl help config' lists the keys");
	}
	if (settings.kerberos.allow_rc4)
		log_warn("allow_rc4 = yes: whoever records an RC4 ticket can find the password behind it");
	if (!cmd_flag(in, "once"))
		return keep(&settings, force, json, err);
	if (krb_obtain(&settings.kerberos, force, &t, err))
		return -1;
	print(&t, json);
	return 0;
}
