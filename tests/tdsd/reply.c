#include "tests/tdsd/reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/tdsd/older.h"
#include "tests/tdsd/result.h"

#define EXECUTE_COMMAND 0xE0 /* CurCmd */
#define NO_COMMAND      0xFD /* of a batch whose statements have none */
#define FATAL           20   /* the server ends the connection */
#define ROWS_PER_LOOK   64   /* between looks at whether the client wants an end */

struct reply_value {
	struct reply_value *next;
	const char *name;
	unsigned ordinal; /* among the call's parameters */
	struct tds_column type;
	size_t len;
	uint8_t value[];
};

void reply_begin(struct reply *r, struct conn *c, bool in_procedure)
{
	*r = (struct reply){.c = c, .in_procedure = in_procedure};
	r->last = &r->values;
	wire_begin(&c->wire, WIRE_RESULT);
	if (c->reset_ack)
		token_env_bytes(&c->wire, ENV_RESET_ACK, "", 0, "", 0);
	c->reset_ack = false;
}

void reply_settle(struct reply *r, bool more)
{
	if (!r->holds)
		return;
	r->holds = false;
	r->held.status |= more ? DONE_MORE : 0;
	token_done(&r->c->wire, r->c->level, &r->held);
}

/* True when there is nobody to take more. */
static bool is_over(struct reply *r)
{
	if (!r->cancelled && !r->reads && wire_attention(&r->c->wire)) {
		r->cancelled = true;
		r->c->entry->attentions += !r->c->wire.broken;
	}
	return r->cancelled;
}

static int give_columns(void *arg, const struct tds_columns *columns)
{
	struct reply *r = arg;

	reply_settle(r, true);
	r->columns = r->given = *columns;
	r->older = older_columns(r->c->level, columns, &r->c->scratch, &r->given);
	result_columns(&r->c->wire, r->c->level, &r->given);
	return is_over(r) ? -1 : 0;
}

/* A row that the engine should not have made. */
static int spoiled_row(struct reply *r, const struct err *err)
{
	fprintf(stderr, "tdsd: connection %d: %s\n", r->c->spid, err->msg);
	r->c->wire.broken = true;
	return -1;
}

static int give_row(void *arg, const uint8_t *row, size_t len)
{
	struct reply *r = arg;
	struct conn *c = r->c;
	struct err err = ERR_INIT;

	if (r->older) {
		if (older_row(&r->columns, &r->given, row, len, &c->older, &err) < 0)
			return spoiled_row(r, &err);
		row = (uint8_t *)c->older.data;
		len = c->older.len;
	}
	result_row(&c->wire, c->level, c->server->options->nbc, &r->given, row, len);
	if (++c->rows % ROWS_PER_LOOK == 0 && is_over(r))
		return -1;
	return c->wire.broken ? -1 : 0;
}

static int give_message(void *arg, const struct engine_message *m)
{
	struct reply *r = arg;

	reply_settle(r, true);
	r->failed |= m->severity > 10;
	r->c->closing |= m->severity >= FATAL;
	token_message(&r->c->wire, r->c->level, m, r->c->server->options->server_name);
	return r->c->wire.broken ? -1 : 0;
}

static int give_done(void *arg, uint16_t command, bool has_count, uint64_t count, bool failed)
{
	struct reply *r = arg;

	reply_settle(r, true);
	r->holds = true;
	r->held = (struct done){
		.token = r->in_procedure ? TOKEN_DONEINPROC : TOKEN_DONE,
		.status = (uint16_t)((has_count ? DONE_COUNT : 0) | (failed ? DONE_ERROR : 0)),
		.command = command,
		.count = has_count ? count : 0,
	};
	return is_over(r) ? -1 : 0;
}

static int give_env(void *arg, enum engine_env env, const void *now, size_t now_len,
	const void *was, size_t was_len)
{
	struct reply *r = arg;
	struct conn *c = r->c;

	reply_settle(r, true);
	switch (env) {
	case ENGINE_ENV_DATABASE:
	case ENGINE_ENV_LANGUAGE:
		token_env_text(&c->wire, env, arena_strndup(&c->arena, now, now_len),
			arena_strndup(&c->arena, was, was_len));
		return 0;
	case ENGINE_ENV_BEGIN:
		if (now_len == sizeof(c->transaction))
			memcpy(&c->transaction, now, now_len);
		break;
	case ENGINE_ENV_COMMIT:
	case ENGINE_ENV_ROLLBACK:
		c->transaction = 0;
		break;
	case ENGINE_ENV_COLLATION:
		break;
	}
	token_env_bytes(&c->wire, env, now, now_len, was, was_len);
	return 0;
}

/* Kept: the status comes before them. */
static int give_output(void *arg, const char *name, const struct tds_column *type,
	const uint8_t *value, size_t len)
{
	struct reply *r = arg;
	struct arena *a = &r->c->scratch;
	struct reply_value *v;

	if (!name) {
		memcpy(&r->status, value, len < sizeof(r->status) ? len : sizeof(r->status));
		return 0;
	}
	v = arena_alloc(a, sizeof(*v) + len);
	v->name = arena_strdup(a, name);
	while (v->ordinal < r->n_params && strcmp(r->params[v->ordinal].name, name) != 0)
		v->ordinal++;
	v->type = *type;
	v->len = len;
	memcpy(v->value, value, len);
	*r->last = v;
	r->last = &v->next;
	return 0;
}

static void put_value(struct reply *r, const struct reply_value *v)
{
	struct wire *w = &r->c->wire;
	struct tds_column was = v->type;
	struct tds_columns is = {.v = &was, .n = 1};
	const uint8_t *p = v->value;
	struct err err = ERR_INIT;

	buf_reset(&r->c->older);
	(void)older_columns(r->c->level, &is, &r->c->scratch, &is);
	if (older_value(&was, is.v, &p, v->value + v->len, &r->c->older, &err) < 0) {
		(void)spoiled_row(r, &err);
		return;
	}
	wire_put8(w, TOKEN_RETURNVALUE);
	wire_put16(w, v->ordinal);
	token_put_text(w, 1, v->name, 255);
	wire_put8(w, 1); /* an output parameter */
	if (r->c->level < TDS_7_2)
		wire_put16(w, 0);
	else
		wire_put32(w, 0);
	wire_put16(w, 0);
	result_type(w, is.v);
	wire_put(w, r->c->older.data, r->c->older.len);
}

static bool ask_cancelled(void *arg)
{
	return is_over(arg);
}

const struct engine_out reply_functions = {
	.columns = give_columns,
	.row = give_row,
	.message = give_message,
	.done = give_done,
	.env = give_env,
	.output = give_output,
	.cancelled = ask_cancelled,
};

void reply_error(
	struct reply *r, int32_t number, uint8_t severity, uint8_t state, const char *fmt, ...)
{
	char text[1024];
	struct engine_message m = {.number = number,
		.severity = severity,
		.state = state,
		.text = text,
		.procedure = "",
		.line = 1};
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)give_message(r, &m);
}

void reply_end_procedure(struct reply *r)
{
	if (r->cancelled)
		return;
	reply_settle(r, true);
	token_return_status(&r->c->wire, r->status);
	for (const struct reply_value *v = r->values; v; v = v->next)
		put_value(r, v);
	r->holds = true;
	r->held = (struct done){
		.token = TOKEN_DONEPROC,
		.status = (uint16_t)(r->failed ? DONE_ERROR : 0),
		.command = EXECUTE_COMMAND,
	};
	r->values = NULL;
	r->last = &r->values;
	r->status = 0;
	r->failed = false;
}

/* What is held, or `otherwise`. */
static void put_last(struct reply *r, const struct done *otherwise)
{
	if (r->holds)
		reply_settle(r, false);
	else
		token_done(&r->c->wire, r->c->level, otherwise);
}

/* The answer ends where it is, and the acknowledgement is a message of its own: a client that reads
 * message by message (tedious) waits for it. */
static bool end_cancelled(struct reply *r)
{
	struct wire *w = &r->c->wire;
	struct done done = {.token = TOKEN_DONE, .status = DONE_ERROR};

	if (!r->idle) {
		put_last(r, &done);
		if (!wire_end(w))
			return false;
		wire_begin(w, WIRE_RESULT);
	}
	done.status = DONE_ATTN;
	token_done(w, r->c->level, &done);
	return wire_end(w);
}

bool reply_end(struct reply *r)
{
	struct done done = {
		.token = TOKEN_DONE, .status = r->failed ? DONE_ERROR : 0, .command = NO_COMMAND};

	if (r->cancelled)
		return end_cancelled(r);
	put_last(r, &done);
	return wire_end(&r->c->wire);
}
