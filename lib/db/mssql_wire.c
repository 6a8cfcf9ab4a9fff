#include "db/mssql_wire.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf16.h"
#include "db/mssql_wire_private.h"
#include "tds/info.h"
#include "tds/row.h"

#define PROC_EXECUTESQL  10 /* MS-TDS 2.2.6.6 */
#define SHORT_TEXT_UNITS 4000

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

bool wire_begin_stop(struct mssql_wire *w)
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

	if (wire_begin_stop(w) && !w->writing)
		return MSSQL_ATTENTION;
	return w->stop && now_ms() - w->attention_at >= MSSQL_GRACE_MS ? MSSQL_LEAVE : MSSQL_WAIT;
}

void wire_extend_deadline(struct mssql_wire *w)
{
	int64_t timeout = w->login.options->query_timeout;

	if (!w->stop)
		w->deadline = timeout ? now_ms() + timeout : 0;
}

/* --- what the server says ------------------------------------------------------ */

void wire_hear(void *arg, const struct mssql_message *m)
{
	struct mssql_wire *w = arg;

	mssql_hear(&w->heard, &w->login, m, &w->arena);
}

int wire_stop_error(const struct mssql_wire *w, bool heeded, struct err *err)
{
	const char *how = heeded ? "" : "; the server did not heed the attention, and was left";
	enum err_code late = w->login.late == ERR_NONE ? ERR_TIMED_OUT : w->login.late;

	if (w->stop == STOP_CANCELLED)
		return err_set(err, ERR_CANCELLED, "cancelled%s", how);
	err_set(err, late, "not answered within %lld s%s",
		(long long)w->login.options->query_timeout / 1000, how);
	return err_hint(err, "query_timeout of the connection sets the time");
}

int wire_lost(struct mssql_wire *w, struct err *err)
{
	mssql_socket_close(w->socket);
	if (w->stop)
		return wire_stop_error(w, false, err);
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
	const struct mssql_socket_events events = {.wait = on_wait, .message = wire_hear, .arg = w};

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

void mssql_wire_close(struct mssql_wire *w)
{
	if (!w)
		return;
	wire_free_plans(w);
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
	wire_free_plans(w);
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
	return mssql_socket_send(w->socket) ? 0 : wire_lost(w, err);
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

/* --- bulk data ------------------------------------------------------------------------ */

int mssql_wire_bulk_begin(struct mssql_wire *w, struct err *err)
{
	if (!mssql_wire_alive(w))
		return err_set(
			err, ERR_NETWORK, "the connection to %s,%u is closed", w->peer.host, w->peer.port);
	forget_answer(w);
	wire_extend_deadline(w);
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
	wire_extend_deadline(w);
	mssql_socket_put(w->socket, data, len);
	return mssql_wire_alive(w) ? 0 : wire_lost(w, err);
}

int mssql_wire_bulk_end(struct mssql_wire *w, struct err *err)
{
	w->writing = false;
	wire_extend_deadline(w);
	return send_request(w, err);
}
