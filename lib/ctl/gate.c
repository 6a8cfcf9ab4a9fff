#include "ctl/gate.h"

#include "base/log.h"

static void shut(struct gate *g, const struct err *why)
{
	if (!g->shut)
		log_warn("no worker is started until that changes: %s", why->msg);
	if (!g->shut && why->hint[0])
		log_info("hint: %s", why->hint);
	g->shut = true;
}

bool gate_is_open(struct gate *g, bool anew, int64_t now)
{
	struct err err = ERR_INIT;

	if (!g->ask || (g->shut && now < g->look_at))
		return !g->shut;
	if (g->ask(g->arg, anew || g->shut, &err)) {
		shut(g, &err);
		g->look_at = now + GATE_PAUSE_MS;
		return false;
	}
	if (g->shut)
		log_info("workers are started again");
	g->shut = false;
	return true;
}
