#include "tests/tdsd/conn.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tests/tdsd/inject.h"
#include "tests/tdsd/login.h"
#include "tests/tdsd/request.h"

struct conn *conn_new(struct server *s, int fd, int spid)
{
	struct conn *c = mem_alloc(sizeof(*c));

	c->server = s;
	c->spid = spid;
	c->level = TDS_7_4;
	wire_init(&c->wire, fd, &s->stopping, &s->clears);
	buf_init(&c->text_buf, WIRE_MESSAGE_MAX);
	buf_init(&c->older, TDS_PLP_MAX);
	return c;
}

void conn_free(struct conn *c)
{
	session_close(c->session);
	prepared_release(&c->prepared);
	wire_release(&c->wire);
	buf_release(&c->older);
	buf_release(&c->text_buf);
	buf_release(&c->request);
	arena_release(&c->scratch);
	arena_release(&c->arena);
	free(c);
}

void conn_error(
	struct conn *c, int32_t number, uint8_t severity, uint8_t state, const char *fmt, ...)
{
	char text[1024];
	struct engine_message m = {.number = number,
		.severity = severity,
		.state = state,
		.text = text,
		.procedure = "",
		.line = 1};
	struct done done = {.token = TOKEN_DONE, .status = DONE_ERROR};
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	wire_begin(&c->wire, WIRE_RESULT);
	token_message(&c->wire, c->level, &m, c->server->options->server_name);
	token_done(&c->wire, c->level, &done);
	(void)wire_end(&c->wire);
}

void conn_run(struct conn *c)
{
	struct err err = ERR_INIT;
	int ok;

	c->entry = report_enter(&c->server->report, c->spid);
	inject_begin(c);
	ok = login_run(c, &err);
	while (ok > 0 && !c->closing && !c->server->stopping)
		ok = request_run(c, &err);
	inject_end(c);
	report_leave(&c->server->report, c->entry, ok < 0 ? err.msg : NULL);
	if (ok < 0)
		fprintf(stderr, "tdsd: connection %d: %s\n", c->spid, err.msg);
}
