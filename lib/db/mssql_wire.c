#include "db/mssql_wire.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/utf16.h"
#include "tds/expand.h"
#include "tds/info.h"
#include "tds/row.h"
#include "tds/scan.h"
#include "tds/token.h"

#define PROC_EXECUTESQL  10 /* MS-TDS 2.2.6.6 */
#define SHORT_TEXT_UNITS 4000

enum stop { STOP_NONE, STOP_CANCELLED, STOP_TIMED_OUT };

struct mssql_wire {
	struct mssql_login login;
	struct mssql_socket *socket;
	struct mssql_peer peer;
	uint8_t transaction[TDS_TRANSACTION_LEN]; /* its descriptor; zeros: there is none */

	/* of the request that runs */
	bool begun; /* a packet of the answer has come */
	bool writing; /* bulk data: there is nothing yet that an attention would end */
	enum stop stop;
	int64_t deadline;     /* monotonic ms; 0: none */
	int64_t attention_at; /* 0: none was sent */

	/* of its answer */
	struct arena arena;	    /* the error */
	struct arena token_arena;   /* the token that was read last */
	struct arena columns_arena; /* the result */
	struct mssql_heard heard;
	struct buf pending;         /* a token that a packet's end has cut */
	struct buf row;
	const uint8_t *row_data;
	size_t row_len;
	struct tds_columns columns;
	struct tds_plan *plan;
	struct tds_plan **plans; /* of each column by itself, for NBCROW */
	struct tds_expander *expander; /* once rows are taken as they come */
	int64_t count;
};

static int64_t now_ms(void)
{
	return clock_system.monotonic(clock_system.arg);
}

/* --- waiting ----------------------------------------------------------------- */

static enum stop wants_stop(const struct mssql_wire *w)
{
	if (w->login.cancel && atomic_load_explicit(w->login.cancel, memory_order_relaxed))
		return STOP_CANCELLED;
	return w->deadline && now_ms() > w->deadline ? STOP_TIMED_OUT : STOP_NONE;
}

/* True: now for the first time somebody wants the request to stop. */
static bool begin_stop(struct mssql_wire *w)
{
	w->stop = w->stop ? w->stop : wants_stop(w);
	if (!w->stop || w->attention_at)
		return false;
	w->attention_at = now_ms();
	return true;
}

static enum mssql_wait on_wait(void *arg)
{
	struct mssql_wire *w = arg;

	if (begin_stop(w) && !w->writing)
		return MSSQL_ATTENTION;
	return w->stop && now_ms() - w->attention_at >= MSSQL_GRACE_MS ? MSSQL_LEAVE : MSSQL_WAIT;
}

/* --- what the server says ------------------------------------------------------ */

static void on_message(void *arg, const struct mssql_message *m)
{
	struct mssql_wire *w = arg;

	mssql_hear(&w->heard, &w->login, m, &w->arena);
}

static int stop_error(const struct mssql_wire *w, bool heeded, struct err *err)
{
	const char *how = heeded ? "" : "; the server did not heed the attention, and was left";
	enum err_code late = w->login.late == ERR_NONE ? ERR_TIMED_OUT : w->login.late;

	if (w->stop == STOP_CANCELLED)
		return err_set(err, ERR_CANCELLED, "cancelled%s", how);
	err_set(err, late, "not answered within %lld s%s",
		(long long)w->login.options->query_timeout / 1000, how);
	return err_hint(err, "query_timeout of the connection sets the time");
}

/* The connection is gone. What the server said before is the reason. */
static int lost(struct mssql_wire *w, struct err *err)
{
	mssql_socket_close(w->socket);
	if (w->stop)
		return stop_error(w, false, err);
	if (!w->heard.failed)
		return err_set(err, ERR_NETWORK, "the connection to %s,%u broke: %s", w->peer.host,
			w->peer.port, mssql_socket_lost(w->socket));
	mssql_error_set(&w->heard.error, w->peer.host, err);
	if (err->code == ERR_CONFIG || err->code == ERR_STORE)
		err->code = ERR_NETWORK;
	return -1;
}

/* --- open and close ------------------------------------------------------------ */

int mssql_wire_open(const struct mssql_login *login, struct mssql_wire **ret_wire,
	enum mssql_layer *ret_layer, struct err *err)
{
	struct mssql_wire *w = mem_alloc(sizeof(*w));
	const struct mssql_socket_events events = {.wait = on_wait, .message = on_message, .arg = w};

	w->login = *login;
	buf_init(&w->pending, MSSQL_TOKEN_MAX);
	buf_init(&w->row, MSSQL_ROW_MAX);
	if (mssql_login(login, &w->socket, ret_layer, err)) {
		mssql_wire_close(w);
		return -1;
	}
	mssql_socket_listen(w->socket, &events);
	mssql_socket_peer(w->socket, &w->peer);
	*ret_wire = w;
	return 0;
}

static void free_plans(struct mssql_wire *w)
{
	tds_plan_free(w->plan);
	for (uint32_t i = 0; w->plans && i < w->columns.n; i++)
		tds_plan_free(w->plans[i]);
	free(w->plans);
	tds_expander_free(mem_steal(w->expander));
	w->plan = NULL;
	w->plans = NULL;
}

void mssql_wire_close(struct mssql_wire *w)
{
	if (!w)
		return;
	free_plans(w);
	mssql_socket_free(w->socket);
	buf_release(&w->pending);
	buf_release(&w->row);
	arena_release(&w->arena);
	arena_release(&w->token_arena);
	arena_release(&w->columns_arena);
	free(w);
}

const struct mssql_peer *mssql_wire_peer(const struct mssql_wire *w)
{
	return &w->peer;
}

bool mssql_wire_alive(const struct mssql_wire *w)
{
	return mssql_socket_alive(w->socket);
}

bool mssql_wire_in_transaction(const struct mssql_wire *w)
{
	static const uint8_t none[TDS_TRANSACTION_LEN];

	return mssql_wire_alive(w) && memcmp(w->transaction, none, sizeof(none)) != 0;
}

const atomic_bool *mssql_wire_cancel_by(struct mssql_wire *w, const atomic_bool *cancel)
{
	const atomic_bool *was = w->login.cancel;

	w->login.cancel = cancel;
	return was;
}

/* --- requests -------------------------------------------------------------------- */

static void forget_answer(struct mssql_wire *w)
{
	free_plans(w);
	arena_release(&w->arena);
	arena_release(&w->columns_arena);
	buf_reset(&w->pending);
	w->columns = (struct tds_columns){.n = 0};
	w->begun = w->heard.failed = false;
	w->stop = STOP_NONE;
	w->attention_at = 0;
	w->count = -1;
}

static int begin_request(struct mssql_wire *w, enum mssql_request type, struct err *err)
{
	const struct mssql_options *o = w->login.options;
	uint8_t headers[22], *p = headers;

	if (!mssql_wire_alive(w))
		return err_set(
			err, ERR_NETWORK, "the connection to %s,%u is closed", w->peer.host, w->peer.port);
	forget_answer(w);
	w->deadline = o->query_timeout ? now_ms() + o->query_timeout : 0;
	if (!mssql_socket_begin(w->socket, type))
		return err_set(err, ERR_INTERNAL, "a request while another is not answered");
	p = tds_put32(p, sizeof(headers)); /* ALL_HEADERS, MS-TDS 2.2.5.3 */
	p = tds_put32(p, 18);
	p = tds_put16(p, 2); /* the transaction's descriptor */
	memcpy(p, w->transaction, TDS_TRANSACTION_LEN);
	p = tds_put32(p + TDS_TRANSACTION_LEN, 1); /* requests that are outstanding */
	mssql_socket_put(w->socket, headers, (size_t)(p - headers));
	return 0;
}

static int send_request(struct mssql_wire *w, struct err *err)
{
	return mssql_socket_send(w->socket) ? 0 : lost(w, err);
}

/* UTF-16 of a statement; the caller frees it. */
static uint8_t *statement_text(const char *sql, size_t len, size_t *ret_len, struct err *err)
{
	uint8_t *text;

	if (len > MSSQL_STATEMENT_MAX) {
		err_set(err, ERR_LIMIT, "a batch of more than %u bytes", MSSQL_STATEMENT_MAX);
		return NULL;
	}
	text = mem_array(UTF16_MAX_OF_UTF8(len) + 1, 1);
	if (utf16_from_utf8((const uint8_t *)sql, len, text, ret_len) == len)
		return text;
	free(text);
	err_set(err, ERR_CONFIG, "the statement is not UTF-8");
	return NULL;
}

int mssql_wire_batch(struct mssql_wire *w, const char *sql, size_t len, struct err *err)
{
	size_t size;
	uint8_t *text = statement_text(sql, len, &size, err);
	int rc = text ? begin_request(w, MSSQL_BATCH, err) : -1;

	if (rc == 0)
		mssql_socket_put(w->socket, text, size);
	free(text);
	return rc ? -1 : send_request(w, err);
}

/* --- parameters ------------------------------------------------------------------ */

static void put_name(struct buf *out, const char *name)
{
	uint8_t text[UTF16_MAX_OF_UTF8(TDS_NAME_MAX)];
	size_t len = strlen(name), size;

	(void)utf16_from_utf8((const uint8_t *)name, len, text, &size);
	buf_addc(out, (char)(size / 2));
	buf_add(out, text, size);
	buf_addc(out, 0); /* status: an input */
}

static void put_param(struct buf *out, const struct mssql_wire *w, const struct mssql_param *param)
{
	struct tds_column c = param->column;
	size_t size = tds_encoded_size(&c, &param->value);
	char *room;
	uint8_t *p;

	if (tds_type_is_utf16(c.type) || tds_type_is_narrow(c.type))
		memcpy(c.collation, w->peer.collation, TDS_COLLATION_LEN);
	put_name(out, param->name);
	room = buf_room(out, TDS_INFO_MAX + size);
	if (!room)
		return;
	p = tds_info_encode((uint8_t *)room, &c);
	p = tds_encode(p, &c, &param->value);
	buf_advance(out, (size_t)(p - (uint8_t *)room));
}

static struct mssql_param text_param(const char *name, const char *text, size_t len, bool is_long)
{
	return (struct mssql_param){.name = name,
		.column = {.type = TDS_NVARCHAR,
			.size = is_long ? TDS_SIZE_MAX : 2 * SHORT_TEXT_UNITS,
			.nullable = true},
		.value = {.kind = TDS_TEXT, .s = {(const uint8_t *)text, (uint32_t)len}}};
}

int mssql_wire_call(struct mssql_wire *w, const char *sql, size_t len, const struct mssql_param *params,
	size_t n, struct err *err)
{
	struct buf list = BUF_INIT(MSSQL_STATEMENT_MAX), call = BUF_INIT(MSSQL_ROW_MAX);
	struct mssql_param param;
	char type[TDS_TYPE_TEXT_MAX];
	uint8_t head[6], *p = head;
	int rc = -1;

	if (len > MSSQL_STATEMENT_MAX)
		return err_set(err, ERR_LIMIT, "a batch of more than %u bytes", MSSQL_STATEMENT_MAX);
	p = tds_put16(p, 0xFFFF); /* by number */
	p = tds_put16(p, PROC_EXECUTESQL);
	p = tds_put16(p, 0); /* no flags */
	buf_add(&call, head, (size_t)(p - head));
	param = text_param("", sql, len, true);
	put_param(&call, w, &param);
	for (size_t i = 0; i < n; i++)
		buf_printf(&list, "%s%s %s", i ? ", " : "", params[i].name,
			tds_type_format(&params[i].column, type));
	if (n) {
		param = text_param("", buf_str(&list), list.len, list.len > SHORT_TEXT_UNITS);
		put_param(&call, w, &param);
	}
	for (size_t i = 0; i < n; i++)
		put_param(&call, w, &params[i]);
	if (buf_check(&list, "the list of parameters", err) == 0 &&
		buf_check(&call, "a statement with its values", err) == 0)
		rc = begin_request(w, MSSQL_RPC, err);
	if (rc == 0)
		mssql_socket_put(w->socket, call.data, call.len);
	buf_release(&list);
	buf_release(&call);
	return rc ? -1 : send_request(w, err);
}

/* --- answers ------------------------------------------------------------------- */

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
		return lost(w, err);
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
	free_plans(w);
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

	on_message(w, &m);
}

/* The answer is read: what is it? */
static int finish(struct mssql_wire *w, struct err *err)
{
	mssql_socket_done(w->socket);
	if (w->stop)
		return stop_error(w, true, err);
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
		return lost(w, err);
	if (!mssql_socket_is_answering(w->socket)) {
		*ret_event = MSSQL_END;
		return 0;
	}
	for (;;) {
		if (begin_stop(w))
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

static void extend_deadline(struct mssql_wire *w)
{
	int64_t timeout = w->login.options->query_timeout;

	if (!w->stop)
		w->deadline = timeout ? now_ms() + timeout : 0;
}

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
		return lost(w, err);
	if (!w->columns.n || !mssql_socket_is_answering(w->socket))
		return 0;
	if (!w->expander)
		w->expander = tds_expander_new(&w->columns);
	extend_deadline(w);
	for (;;) {
		if (begin_stop(w))
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

/* --- bulk data ------------------------------------------------------------------------ */

int mssql_wire_bulk_begin(struct mssql_wire *w, struct err *err)
{
	if (!mssql_wire_alive(w))
		return err_set(
			err, ERR_NETWORK, "the connection to %s,%u is closed", w->peer.host, w->peer.port);
	forget_answer(w);
	extend_deadline(w);
	if (!mssql_socket_begin(w->socket, MSSQL_BULK))
		return err_set(err, ERR_INTERNAL, "bulk data while a request is not answered");
	w->writing = true;
	return 0;
}

void mssql_wire_bulk_ignore(struct mssql_wire *w)
{
	if (!w->writing)
		return;
	w->writing = false;
	if (mssql_wire_alive(w) && mssql_socket_ignore(w->socket))
		mssql_wire_drop(w);
}

int mssql_wire_bulk_put(struct mssql_wire *w, const void *data, size_t len, struct err *err)
{
	enum stop stop = wants_stop(w);

	if (stop == STOP_CANCELLED) {
		mssql_wire_bulk_ignore(w);
		return err_set(err, ERR_CANCELLED, "cancelled");
	}
	extend_deadline(w);
	mssql_socket_put(w->socket, data, len);
	return mssql_wire_alive(w) ? 0 : lost(w, err);
}

int mssql_wire_bulk_end(struct mssql_wire *w, struct err *err)
{
	w->writing = false;
	extend_deadline(w);
	return send_request(w, err);
}

int64_t mssql_wire_count(const struct mssql_wire *w)
{
	return w->count;
}

void mssql_wire_drop(struct mssql_wire *w)
{
	struct err ignored = ERR_INIT;
	enum mssql_event event;

	while (mssql_socket_is_answering(w->socket) && mssql_wire_next(w, &event, &ignored) == 0)
		;
}
