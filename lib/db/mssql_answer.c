#include <stdlib.h>
#include <string.h>

#include "db/mssql_wire_private.h"
#include "tds/row.h"

void wire_free_plans(struct mssql_wire *w)
{
	tds_plan_free(w->plan);
	for (uint32_t i = 0; w->plans && i < w->columns.n; i++)
		tds_plan_free(w->plans[i]);
	free(w->plans);
	tds_expander_free(mem_steal(w->expander));
	w->plan = NULL;
	w->plans = NULL;
}

/* What the server sends makes no sense: nothing of it can be believed any more. */
static int malformed(struct mssql_wire *w, struct err *err)
{
	mssql_socket_close(w->socket);
	if (err->code == ERR_DATA)
		err->code = ERR_NETWORK;
	err_wrap(err, "the answer of %s,%u cannot be read", w->peer.host, w->peer.port);
	return err_hint(err, "the connection was closed");
}

static int next_packet(struct mssql_wire *w, struct err *err)
{
	w->begun = true;
	if (mssql_socket_next(w->socket))
		return 0;
	if (!mssql_wire_alive(w))
		return wire_lost(w, err);
	err_set(err, ERR_NETWORK, "a packet of another type");
	return malformed(w, err);
}

/* Something must follow. An attention is answered by a message of its own. */
static int go_on(struct mssql_wire *w, bool within, struct err *err)
{
	if (!w->begun || !mssql_socket_is_last(w->socket) || (w->stop && !within))
		return next_packet(w, err);
	err_set(err, ERR_NETWORK, "it ends %s", within ? "within a token" : "without saying so");
	return malformed(w, err);
}

static int keep_pending(struct mssql_wire *w, const uint8_t *p, size_t len, struct err *err)
{
	buf_add(&w->pending, p, len);
	return buf_check(&w->pending, "a token", err) ? malformed(w, err) : 0;
}

/* A token that the end of a packet has cut; what is behind it in the last packet stays there. */
static int read_cut_token(struct mssql_wire *w, struct tds_token *ret_token, struct err *err)
{
	size_t len;
	const uint8_t *data = mssql_socket_data(w->socket, &len), *p;
	int rc = 0;

	if (keep_pending(w, data, len, err))
		return -1;
	while (rc == 0) {
		size_t had = w->pending.len;

		mssql_socket_read(w->socket, len);
		if (go_on(w, had > 0, err))
			return -1;
		data = mssql_socket_data(w->socket, &len);
		if (keep_pending(w, data, len, err))
			return -1;
		p = (const uint8_t *)w->pending.data;
		rc = tds_token_read(&p, p + w->pending.len, &w->token_arena, ret_token, err);
		if (rc > 0)
			mssql_socket_read(w->socket, (size_t)(p - (const uint8_t *)w->pending.data) - had);
	}
	return rc < 0 ? malformed(w, err) : 0;
}

static int read_token(struct mssql_wire *w, struct tds_token *ret_token, struct err *err)
{
	size_t len;
	const uint8_t *data = mssql_socket_data(w->socket, &len), *p = data;
	int rc;

	arena_release(&w->token_arena);
	rc = tds_token_read(&p, p + len, &w->token_arena, ret_token, err);

	buf_reset(&w->pending);
	if (rc == 0)
		return read_cut_token(w, ret_token, err);
	mssql_socket_read(w->socket, (size_t)(p - data));
	return rc < 0 ? malformed(w, err) : 0;
}

/* Appends what the plan wants to `row`, or with `in_place` only finds it where it ends in one packet. */
static int scan_row(struct mssql_wire *w, const struct tds_plan *plan, struct tds_scan *scan, bool in_place,
	struct err *err)
{
	for (;;) {
		size_t len, used;
		const uint8_t *p = mssql_socket_data(w->socket, &len);
		int rc = tds_scan_row(plan, scan, p, len, &used, err);

		if (rc < 0)
			return malformed(w, err);
		used = rc ? used : len;
		mssql_socket_read(w->socket, used);
		if (rc && in_place && w->row.len == 0) {
			w->row_data = p;
			w->row_len = used;
			return 0;
		}
		buf_add(&w->row, p, used);
		if (buf_check(&w->row, "a row", err))
			return malformed(w, err);
		w->row_data = (const uint8_t *)w->row.data;
		w->row_len = w->row.len;
		if (rc)
			return 0;
		if (go_on(w, true, err))
			return -1;
	}
}

static int take_bytes(struct mssql_wire *w, uint8_t *out, size_t n, struct err *err)
{
	while (n) {
		size_t len;
		const uint8_t *p = mssql_socket_data(w->socket, &len);

		len = len < n ? len : n;
		memcpy(out, p, len);
		mssql_socket_read(w->socket, len);
		out += len;
		n -= len;
		if (n && go_on(w, true, err))
			return -1;
	}
	return 0;
}

static void make_plans(struct mssql_wire *w)
{
	if (w->plans)
		return;
	w->plans = mem_array(w->columns.n, sizeof(struct tds_plan *));
	for (uint32_t i = 0; i < w->columns.n; i++)
		w->plans[i] = tds_plan_new(&(struct tds_columns){.v = &w->columns.v[i], .n = 1});
}

/* A row whose nulls are bits (MS-TDS 2.2.7.15) becomes one like the others. */
static int expand_row(struct mssql_wire *w, struct err *err)
{
	static const uint8_t token = TDS_ROW_TOKEN;
	uint8_t bits[1 + TDS_COLUMNS_MAX / 8], null[16]; /* with the token */
	size_t used;

	make_plans(w);
	if (take_bytes(w, bits, 1 + (w->columns.n + 7) / 8, err))
		return -1;
	buf_add(&w->row, &token, 1);
	for (uint32_t i = 0; i < w->columns.n; i++) {
		const struct tds_column *c = &w->columns.v[i];
		struct tds_scan scan = {.state = 0};

		if (bits[1 + i / 8] >> i % 8 & 1) {
			buf_add(&w->row, null, (size_t)(tds_encode_null(null, c) - null));
			continue;
		}
		if (tds_scan_row(w->plans[i], &scan, &token, 1, &used, err) < 0)
			return malformed(w, err);
		if (scan_row(w, w->plans[i], &scan, false, err))
			return -1;
	}
	w->row_data = (const uint8_t *)w->row.data;
	w->row_len = w->row.len;
	return 0;
}

static int read_row(struct mssql_wire *w, uint8_t token, struct err *err)
{
	struct tds_scan scan = {.state = 0};

	if (!w->plan) {
		err_set(err, ERR_NETWORK, "a row without columns");
		return malformed(w, err);
	}
	buf_reset(&w->row);
	if (token == TDS_TOKEN_NBCROW)
		return expand_row(w, err);
	return scan_row(w, w->plan, &scan, true, err);
}

static void take_columns(struct mssql_wire *w, const struct tds_columns *columns)
{
	wire_free_plans(w);
	arena_release(&w->columns_arena);
	w->columns_arena = w->token_arena;
	w->token_arena = (struct arena)ARENA_INIT;
	w->columns = *columns;
	if (columns->n)
		w->plan = tds_plan_new(columns);
}

static void take_env(struct mssql_wire *w, const struct tds_token *t)
{
	switch (t->env.type) {
	case TDS_ENV_BEGIN:
		if (t->env.len == TDS_TRANSACTION_LEN)
			memcpy(w->transaction, t->env.value, TDS_TRANSACTION_LEN);
		break;
	case TDS_ENV_COMMIT:
	case TDS_ENV_ROLLBACK:
	case TDS_ENV_TRANSACTION_ENDED:
		memset(w->transaction, 0, TDS_TRANSACTION_LEN);
		break;
	case TDS_ENV_COLLATION:
		if (t->env.len == TDS_COLLATION_LEN)
			memcpy(w->peer.collation, t->env.value, TDS_COLLATION_LEN);
		break;
	default:
		break;
	}
}

static void take_message(struct mssql_wire *w, const struct tds_token *t)
{
	const struct mssql_message m = {.number = t->message.number,
		.state = t->message.state,
		.severity = t->message.severity,
		.line = t->message.line,
		.text = t->message.text,
		.server = t->message.server,
		.procedure = t->message.procedure};

	wire_hear(w, &m);
}

/* The answer is read: what is it? */
static int finish(struct mssql_wire *w, struct err *err)
{
	mssql_socket_done(w->socket);
	if (w->stop)
		return wire_stop_error(w, true, err);
	if (!w->heard.failed)
		return 0;
	if (mssql_error_meaning(w->heard.error.number, w->heard.error.severity).fatal)
		mssql_socket_close(w->socket);
	return mssql_error_set(&w->heard.error, w->peer.host, err);
}

/* An attention's answer ends with a DONE that says so, which may come after that of the request. */
static bool is_last(const struct mssql_wire *w, const struct tds_token *t)
{
	if (w->stop)
		return t->done.status & TDS_DONE_ATTN;
	return !(t->done.status & TDS_DONE_MORE);
}

/* 1: *ret_event happened; 0: go on. */
static int take_token(struct mssql_wire *w, struct tds_token *t, enum mssql_event *ret_event,
	struct err *err)
{
	switch (t->type) {
	case TDS_TOKEN_ROW:
	case TDS_TOKEN_NBCROW:
		if (read_row(w, t->type, err))
			return -1;
		*ret_event = MSSQL_ROW;
		return 1;
	case TDS_TOKEN_COLMETADATA:
		take_columns(w, &t->columns);
		*ret_event = MSSQL_COLUMNS;
		return t->columns.n > 0;
	case TDS_TOKEN_DONE:
	case TDS_TOKEN_DONEPROC:
	case TDS_TOKEN_DONEINPROC:
		w->count = t->done.status & TDS_DONE_COUNT ? (int64_t)t->done.count : -1;
		*ret_event = is_last(w, t) ? MSSQL_END : MSSQL_DONE;
		return 1;
	case TDS_TOKEN_ERROR:
	case TDS_TOKEN_INFO:
		take_message(w, t);
		return 0;
	case TDS_TOKEN_ENVCHANGE:
		take_env(w, t);
		return 0;
	default:
		return 0;
	}
}

int mssql_wire_next(struct mssql_wire *w, enum mssql_event *ret_event, struct err *err)
{
	struct tds_token t;
	enum mssql_event event;
	int rc;

	if (!mssql_wire_alive(w))
		return wire_lost(w, err);
	if (!mssql_socket_is_answering(w->socket)) {
		*ret_event = MSSQL_END;
		return 0;
	}
	for (;;) {
		if (wire_begin_stop(w))
			(void)mssql_socket_attention(w->socket); /* what is lost is found by the next read */
		if (read_token(w, &t, err))
			return -1;
		rc = take_token(w, &t, &event, err);
		if (rc < 0)
			return -1;
		if (rc == 0 || (w->stop && event != MSSQL_END))
			continue;
		if (event == MSSQL_END && finish(w, err))
			return -1;
		*ret_event = event;
		return 0;
	}
}

const struct tds_columns *mssql_wire_columns(const struct mssql_wire *w)
{
	return &w->columns;
}

const uint8_t *mssql_wire_row(const struct mssql_wire *w, size_t *ret_len)
{
	*ret_len = w->row_len;
	return w->row_data;
}

/* --- rows as they come -------------------------------------------------------------- */

/* Adds what the next bytes give. */
static int take_some(struct mssql_wire *w, uint8_t *out, size_t room, uint32_t max_rows, struct mssql_taken *t,
	enum tds_expand_end *ret_end, struct err *err)
{
	struct tds_expanded x;
	size_t len;
	const uint8_t *in = mssql_socket_data(w->socket, &len);

	if (tds_expand(w->expander, in, len, out + t->len, room - t->len,
		    max_rows - t->rows, &x, err))
		return malformed(w, err);
	mssql_socket_read(w->socket, x.used);
	if (x.rows)
		t->row_end = t->len + x.row_end;
	t->rows += x.rows;
	t->len += x.written;
	*ret_end = x.end;
	return 0;
}

int mssql_wire_take_rows(struct mssql_wire *w, uint8_t *out, size_t room, uint32_t max_rows,
	struct mssql_taken *ret_taken, struct err *err)
{
	enum tds_expand_end end;

	*ret_taken = (struct mssql_taken){.len = 0};
	if (!mssql_wire_alive(w))
		return wire_lost(w, err);
	if (!w->columns.n || !mssql_socket_is_answering(w->socket))
		return 0;
	if (!w->expander)
		w->expander = tds_expander_new(&w->columns);
	wire_extend_deadline(w);
	for (;;) {
		if (wire_begin_stop(w))
			(void)mssql_socket_attention(w->socket);
		if (w->stop && !tds_expander_in_row(w->expander))
			return 0;
		if (w->stop) /* the row is read to its end, and forgotten */
			*ret_taken = (struct mssql_taken){.len = 0};
		if (take_some(w, out, room, max_rows, ret_taken, &end, err))
			return -1;
		if (end != TDS_EXPAND_INPUT && !w->stop)
			return ret_taken->len > 0;
		if (end == TDS_EXPAND_INPUT && go_on(w, tds_expander_in_row(w->expander), err))
			return -1;
	}
}

int64_t mssql_wire_count(const struct mssql_wire *w)
{
	return w->count;
}

int32_t mssql_wire_error(const struct mssql_wire *w)
{
	return w->heard.failed ? w->heard.error.number : 0;
}

void mssql_wire_drop(struct mssql_wire *w)
{
	struct err ignored = ERR_INIT;
	enum mssql_event event;

	while (mssql_socket_is_answering(w->socket) && mssql_wire_next(w, &event, &ignored) == 0)
		;
}
