/*
 * Until engine.c is here: a server that answers every batch with an error, so that
 * logins and TLS can be tried. Each function gives way to the real one.
 */
#include <stdlib.h>
#include <strings.h>

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

static int refuse(const struct engine_out *out, void *arg)
{
	struct engine_message m = {.number = 102, .state = 1, .severity = 15,
		.text = "There is no engine in this server yet.", .procedure = "", .line = 1};

	if (out->message(arg, &m) < 0)
		return -1;
	return out->done(arg, 0, false, 0, true);
}

WEAK int session_batch(struct session *s, const char *sql, size_t len,
	const struct engine_param *params, size_t n_params, const struct engine_out *out, void *arg)
{
	(void)s;
	(void)params;
	(void)n_params;
	/* what clients say to begin with; there is nothing that it could change */
	if (len > 4 && strncasecmp(sql, "set ", 4) == 0)
		return out->done(arg, 0, false, 0, false);
	return refuse(out, arg);
}

WEAK bool session_wants_bulk(const struct session *s)
{
	(void)s;
	return false;
}

WEAK int session_bulk_columns(struct session *s, const struct tds_columns *columns,
	const struct engine_out *out, void *arg)
{
	(void)s;
	(void)columns;
	return refuse(out, arg);
}

WEAK int session_bulk_row(struct session *s, const uint8_t *row, size_t len,
	const struct engine_out *out, void *arg)
{
	(void)s;
	(void)row;
	(void)len;
	return refuse(out, arg);
}

WEAK int session_bulk_end(
	struct session *s, bool give_up, const struct engine_out *out, void *arg)
{
	(void)s;
	(void)give_up;
	return refuse(out, arg);
}

WEAK int session_transaction(struct session *s, enum session_transaction what, int isolation,
	const char *name, const struct engine_out *out, void *arg)
{
	(void)s;
	(void)what;
	(void)isolation;
	(void)name;
	return refuse(out, arg);
}

WEAK int session_reset(struct session *s, struct err *err)
{
	(void)s;
	(void)err;
	return 0;
}
