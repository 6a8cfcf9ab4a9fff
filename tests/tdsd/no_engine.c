/*
 * Until engine.c is here: a server that answers every batch with an error, so that
 * logins and TLS can be tried. Each function gives way to the real one.
 */
#include <stdlib.h>

#include "tests/tdsd/engine.h"

#define WEAK __attribute__((weak))

struct engine {
	int unused;
};

struct session {
	int unused;
};

WEAK int engine_open(const char *directory, struct engine **ret_engine, struct err *err)
{
	(void)directory;
	(void)err;
	*ret_engine = mem_alloc(sizeof(**ret_engine));
	return 0;
}

WEAK void engine_close(struct engine *e)
{
	free(e);
}

WEAK int engine_create_database(struct engine *e, const char *name, struct err *err)
{
	(void)e;
	(void)name;
	(void)err;
	return 0;
}

WEAK int session_open(struct engine *e, const struct engine_login *login,
	struct session **ret_session, struct err *err)
{
	(void)e;
	(void)login;
	(void)err;
	*ret_session = mem_alloc(sizeof(**ret_session));
	return 0;
}

WEAK void session_close(struct session *s)
{
	free(s);
}

WEAK int session_batch(struct session *s, const char *sql, size_t len,
	const struct engine_param *params, size_t n_params, const struct engine_out *out, void *arg)
{
	struct engine_message m = {.number = 102,
		.state = 1,
		.severity = 15,
		.text = "There is no engine in this server yet.",
		.procedure = "",
		.line = 1};

	(void)s;
	(void)sql;
	(void)len;
	(void)params;
	(void)n_params;
	if (out->message(arg, &m) < 0)
		return -1;
	return out->done(arg, 0, false, 0, true);
}
