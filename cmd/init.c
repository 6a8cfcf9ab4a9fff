#include <stdio.h>

#include "base/json.h"
#include "cmd/cmd.h"
#include "job/store.h"

static void print_json(const char *store, const struct schema_change *c)
{
	CLEANUP_JSON struct json_doc *doc = json_new();
	struct json *o = json_object(doc);

	json_set_str(doc, o, "store", store);
	json_set_int(doc, o, "from_version", c->from);
	json_set_int(doc, o, "version", c->to);
	cmd_print_json(doc, o);
}

int cmd_init(struct invocation *in, struct err *err)
{
	struct settings settings;
	struct schema_change c;
	const char *store;

	if (cmd_settings(in, &settings, err) ||
		store_init(&settings, &clock_system, &rnd_system, &c, err))
		return -1;
	store = settings_store_name(&settings, &in->arena);
	if (cmd_flag(in, "json"))
		print_json(store, &c);
	else if (c.from == 0)
		printf("made store '%s', schema version %d\n", store, c.to);
	else if (c.from < c.to)
		printf("store '%s': schema version %d, was %d\n", store, c.to, c.from);
	else
		printf("store '%s' is up to date, schema version %d\n", store, c.to);
	return 0;
}
