#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "cmd/cmd.h"
#include "selftest/selftest.h"

static struct attempt_signals signals; /* a signal handler has no argument */

/* The second one leaves at once: 'etl selftest --clean' removes what is left. */
static void on_signal(int sig)
{
	if (signals.told)
		_exit(128 + sig);
	signals.told = true;
	signals.cancel = true;
}

static void catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

/* Loads that are to fail would say so; what matters of them is in the report. */
static int silence(struct invocation *in, struct err *err)
{
	int fd;

	if (cmd_flag(in, "log-level"))
		return 0;
	fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return 0; /* noise is no reason to do without */
	return log_start(fd, "error", "text", &clock_system, err);
}

static void print(void *arg, const struct selftest_finding *f)
{
	(void)arg;
	printf("%-8s %s: %s%s%s (%" PRId64 " ms)\n", selftest_state_name(f->state), f->area, f->check, *f->text ? ": " : "",
		f->text, f->ms);
	if (f->remedy)
		printf("         → %s\n", f->remedy);
	fflush(stdout);
}

static void print_json(const struct selftest_report *r)
{
	CLEANUP_JSON struct json_doc *doc = json_new();
	struct json *o = json_object(doc), *list = json_array(doc);

	json_set_str(doc, o, "server", r->server);
	json_set_str(doc, o, "version", r->version);
	json_set_str(doc, o, "edition", r->edition);
	json_set_int(doc, o, "engine_edition", r->engine_edition);
	json_set_str(doc, o, "database", r->database);
	json_set_str(doc, o, "login", r->login);
	json_set_str(doc, o, "etl", ETL_VERSION);
	for (size_t i = 0; i < r->n; i++) {
		struct json *item = json_object(doc);

		json_set_str(doc, item, "area", r->v[i].area);
		json_set_str(doc, item, "check", r->v[i].check);
		json_set_str(doc, item, "state", selftest_state_name(r->v[i].state));
		json_set_str(doc, item, "text", r->v[i].text);
		json_set_str(doc, item, "remedy", r->v[i].remedy);
		json_set_int(doc, item, "ms", r->v[i].ms);
		json_push(doc, list, item);
	}
	json_set(doc, o, "checks", list);
	json_set_int(doc, o, "ok", (int64_t)selftest_count(r, SELFTEST_OK));
	json_set_int(doc, o, "failed", (int64_t)selftest_count(r, SELFTEST_FAILED));
	json_set_int(doc, o, "skipped", (int64_t)selftest_count(r, SELFTEST_SKIPPED));
	json_set_str(doc, o, "kept", r->kept ? r->directory : NULL);
	cmd_print_json(doc, o);
}

static void print_end(const struct selftest_report *r)
{
	printf("%zu ok, %zu failed, %zu skipped: etl %s on %s, %s, %s (engine %" PRId64 "), database %s as %s\n",
		selftest_count(r, SELFTEST_OK), selftest_count(r, SELFTEST_FAILED), selftest_count(r, SELFTEST_SKIPPED),
		ETL_VERSION, r->server, r->version, r->edition, r->engine_edition, r->database, r->login);
	if (r->kept)
		printf("kept: schema " SELFTEST_SCHEMA ", and the loads' store %s/control.db\n", r->directory);
}

int cmd_selftest(struct invocation *in, struct err *err)
{
	bool json = cmd_flag(in, "json") != NULL;
	struct settings settings;
	struct selftest_report report;
	struct selftest_order order = {.settings = &settings,
		.only = cmd_flag(in, "only"),
		.actor = cmd_actor(&in->arena),
		.keep = cmd_flag(in, "keep") != NULL,
		.signals = &signals,
		.found = json ? NULL : print};

	catch_signals();
	if (cmd_settings(in, &settings, err) ||
		settings_connection(&settings, in->args[0], "selftest", &order.connection, err))
		return -1;
	if (cmd_flag(in, "clean"))
		return selftest_clean(&order, &in->arena, err);
	if (silence(in, err) || selftest_run(&order, &in->arena, &report, err))
		return -1;
	if (json)
		print_json(&report);
	else
		print_end(&report);
	if (signals.told)
		return err_exit_code(ERR_CANCELLED);
	return selftest_count(&report, SELFTEST_FAILED) ? 1 : 0;
}
