#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "cmd/cmd.h"
#include "ctl/bell.h"
#include "job/queue.h"

static const char *const ends[] = {
	[CANCEL_DONE] = "cancelled",
	[CANCEL_REQUESTED] = "cancel_requested",
	[CANCEL_TOO_LATE] = "too_late",
};

static void print_json(int64_t run_id, enum cancel_end end, enum run_state state)
{
	CLEANUP_JSON struct json_doc *doc = json_new();
	struct json *o = json_object(doc);

	json_set_int(doc, o, "run", run_id);
	json_set_str(doc, o, "result", ends[end]);
	json_set_str(doc, o, "state", run_state_name(end == CANCEL_DONE ? RUN_CANCELLED : state));
	cmd_print_json(doc, o);
}

static void print(int64_t run_id, enum cancel_end end, enum run_state state)
{
	if (end == CANCEL_DONE)
		printf("run %" PRId64 " is cancelled\n", run_id);
	else if (end == CANCEL_REQUESTED && state == RUN_QUEUED)
		printf("run %" PRId64 " is cancelled as soon as its target has withdrawn what an "
		       "attempt began\n", run_id);
	else if (end == CANCEL_REQUESTED)
		printf("run %" PRId64 " is %s: its worker is told to stop\n", run_id,
			run_state_name(state));
	else
		printf("run %" PRId64 " is over already: %s\n", run_id, run_state_name(state));
}

int cmd_cancel(struct invocation *in, struct err *err)
{
	CLEANUP_STORE struct store *store = NULL;
	struct settings settings;
	enum cancel_end end;
	enum run_state state;
	int64_t run_id;

	if (cmd_run_number(in->args[0], &run_id, err) || cmd_settings(in, &settings, err) ||
		store_open(&settings, &store, err) ||
		queue_cancel(store, run_id, cmd_actor(&in->arena), &end, &state, err))
		return -1;
	bell_ring(cmd_store_name(&settings, &in->arena));
	if (cmd_flag(in, "json"))
		print_json(run_id, end, state);
	else
		print(run_id, end, state);
	return end == CANCEL_TOO_LATE && state != RUN_CANCELLED ? 1 : 0;
}
