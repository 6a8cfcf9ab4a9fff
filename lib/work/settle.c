#include "work/settle.h"

#include <stdio.h>

#include "work/aside.h"

/* Did it arrive after all? Where that cannot be found out now, the next attempt's begin() does. */
static enum step_end ask(const struct settling *s)
{
	struct err err = ERR_INIT;
	enum ledger_state state;

	if (!s->target)
		return STEP_OPEN;
	if (s->ops->begin(s->target, &state, &err))
		return err.code == ERR_LEASE_LOST ? STEP_UNSETTLED : STEP_OPEN;
	return state == LEDGER_PUBLISHED ? STEP_DONE
	       : state == LEDGER_REVOKED ? STEP_WITHDRAWN
					 : STEP_OPEN;
}

static enum step_end withdraw(const struct settling *s, struct err *why)
{
	struct err err = ERR_INIT;
	enum ledger_state state;

	if (!s->target && s->first)
		return STEP_WITHDRAWN;
	if (!s->target) {
		err_hint(why, "and so the target could not be asked to withdraw the load");
		return STEP_UNSETTLED;
	}
	if (s->ops->revoke(s->target, why->msg, &state, &err)) {
		err_hint(
			why, "and the target could not be asked to withdraw the load: %s", err.msg);
		return STEP_UNSETTLED;
	}
	return state == LEDGER_PUBLISHED ? STEP_DONE : STEP_WITHDRAWN;
}

enum step_end settle(const struct settling *s, struct err *why)
{
	if (why->code == ERR_LEASE_LOST)
		return STEP_UNSETTLED; /* whoever holds the run now decides */
	if (why->code == ERR_HELD && s->again)
		return STEP_OPEN; /* it was not begun, and is not to be touched */
	return s->again ? ask(s) : withdraw(s, why);
}

static void say(void *arg, enum log_level level, const char *text)
{
	struct step_host *host = arg;

	host->say(host, level, text);
}

struct load settle_load(struct step_host *host)
{
	return (struct load){.run_uid = host->run->run_uid,
		.run_id = host->run->run_id,
		.store_uid = host->store_uid,
		.order_key = host->run->order_key,
		.fence = host->run->fence,
		.job = host->job,
		.say = say,
		.arg = host};
}

/* --- a run that has no attempt any more --- */

struct withdrawal {
	struct step_host *host;
	const char *reason;
	const struct connection *conn;
	const struct target_ops *ops;
	atomic_bool cancel; /* never: who withdraws is not cancelled */
	int failed;
	enum step_end end;
	struct err err;
};

static void withdraw_run(void *arg)
{
	struct withdrawal *w = arg;
	struct load load = settle_load(w->host);
	struct target *target = NULL;
	enum ledger_state state = LEDGER_NONE;

	w->failed = w->ops->open(w->conn, &load, &w->cancel, &target, &w->err) ||
		    w->ops->revoke(target, w->reason, &state, &w->err) ||
		    (state == LEDGER_PUBLISHED && w->ops->finish && w->ops->finish(target, &w->err));
	w->end = state == LEDGER_PUBLISHED ? STEP_DONE : STEP_WITHDRAWN;
	w->ops->close(target);
}

static void on_tick(void *arg)
{
	struct withdrawal *w = arg;
	char line[JOB_NAME_MAX + 32];

	snprintf(line, sizeof(line), "%s  withdrawing", w->host->job->name);
	w->host->progress(w->host, line, 0, 0);
}

int settle_run(struct step_host *host, const char *reason, enum step_end *ret_end, struct err *err)
{
	struct withdrawal w = {.host = host, .reason = reason};

	if (target_of(host->settings, host->job, &w.conn, &w.ops, err) ||
		aside_run(withdraw_run, on_tick, &w, err))
		return -1;
	if (w.failed) {
		*err = w.err;
		return -1;
	}
	*ret_end = w.end;
	return 0;
}
