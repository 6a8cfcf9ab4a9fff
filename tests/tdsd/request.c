#include "tests/tdsd/request.h"

#include <string.h>

#include "tests/tdsd/bulk.h"
#include "tests/tdsd/bytes.h"
#include "tests/tdsd/inject.h"
#include "tests/tdsd/reply.h"
#include "tests/tdsd/rpc.h"
#include "tests/tdsd/special.h"

#define HEADER_TRANSACTION 2 /* MS-TDS 2.2.5.3.2 */
#define WRONG_DESCRIPTOR   3989
#define NO_LOAD            4022
#define NO_DTC             8501

/* Passes over ALL_HEADERS and takes the transaction's descriptor from it. */
static int take_headers(struct conn *c, struct bytes *b, uint64_t *ret_transaction, struct err *err)
{
	struct bytes headers = *b;
	size_t total;

	*ret_transaction = c->transaction;
	if (c->level < TDS_7_2)
		return 0;
	total = (size_t)bytes_number(&headers, 4);
	if (headers.cut || total < 4 || total > bytes_left(b))
		return err_set(err, ERR_DATA, "ALL_HEADERS of %zu bytes", total);
	headers.end = b->p + total;
	b->p += total;
	while (headers.p < headers.end) {
		struct bytes h = headers;
		size_t len = (size_t)bytes_number(&h, 4);
		unsigned type = (unsigned)bytes_number(&h, 2);

		if (h.cut || len < 6 || len > bytes_left(&headers))
			return err_set(err, ERR_DATA, "a header of %zu bytes", len);
		if (type == HEADER_TRANSACTION) {
			*ret_transaction = bytes_number(&h, 8);
			if (h.cut || len != 18)
				return err_set(
					err, ERR_DATA, "a transaction header of %zu bytes", len);
		}
		headers.p += len;
	}
	return 0;
}

static int answer(struct reply *r)
{
	return reply_end(r) ? 1 : 0;
}

static int run_batch(struct conn *c, struct bytes *b)
{
	struct reply r;
	char *sql = bytes_utf8(b->p, bytes_left(b), &c->scratch);

	reply_begin(&r, c, false);
	c->entry->batches++;
	if (inject_statement(&r, "batch", sql))
		return answer(&r);
	if (!special_run(&r, sql) &&
		session_batch(c->session, sql, strlen(sql), NULL, 0, &reply_functions, &r) < 0)
		r.cancelled = true;
	return answer(&r);
}

static int answer_attention(struct conn *c)
{
	struct reply r;

	c->entry->attentions++;
	if (c->wire.deaf)
		return 1;
	reply_begin(&r, c, false);
	/* a load that was announced does not come */
	if (!c->sink && session_wants_bulk(c->session) &&
		session_bulk_end(c->session, true, &reply_functions, &r) < 0)
		return 0;
	c->sink = NULL;
	r.cancelled = r.idle = true;
	return answer(&r);
}

/* MS-TDS 2.2.1.7: a request that was given up before its end is answered by one DONE. */
static int answer_ignored(struct conn *c)
{
	struct reply r;

	reply_begin(&r, c, false);
	r.failed = true;
	c->entry->ignored++;
	return answer(&r);
}

/* MS-TDS 2.2.6.9: what a request has behind its headers. */
struct transaction_request {
	unsigned type, isolation;
	const char *name;
	bool begin_another; /* behind COMMIT or ROLLBACK */
};

enum { TM_BEGIN = 5, TM_COMMIT = 7, TM_ROLLBACK = 8, TM_SAVE = 9 };

static int take_transaction(
	struct bytes *b, struct arena *a, struct transaction_request *t, struct err *err)
{
	*t = (struct transaction_request){.type = (unsigned)bytes_number(b, 2)};
	if (t->type == TM_BEGIN)
		t->isolation = (unsigned)bytes_number(b, 1);
	t->name = bytes_text(b, (size_t)bytes_number(b, 1) / 2, a);
	if (t->type == TM_COMMIT || t->type == TM_ROLLBACK)
		t->begin_another = bytes_number(b, 1) & 1;
	if (t->begin_another) {
		t->isolation = (unsigned)bytes_number(b, 1);
		(void)bytes_text(b, (size_t)bytes_number(b, 1) / 2, a);
	}
	if (b->cut)
		return err_set(err, ERR_DATA, "a transaction request ends before its end");
	return 0;
}

static const char *transaction_text(unsigned type)
{
	switch (type) {
	case TM_BEGIN:
		return "BEGIN TRANSACTION";
	case TM_COMMIT:
		return "COMMIT TRANSACTION";
	case TM_ROLLBACK:
		return "ROLLBACK TRANSACTION";
	case TM_SAVE:
		return "SAVE TRANSACTION";
	default:
		return "";
	}
}

static int run_transaction(struct conn *c, struct bytes *b, struct err *err)
{
	static const enum session_transaction kinds[] = {[TM_BEGIN] = SESSION_BEGIN,
		[TM_COMMIT] = SESSION_COMMIT,
		[TM_ROLLBACK] = SESSION_ROLLBACK,
		[TM_SAVE] = SESSION_SAVE};
	struct transaction_request t;
	struct reply r;

	if (take_transaction(b, &c->scratch, &t, err) < 0)
		return -1;
	c->entry->transactions++;
	reply_begin(&r, c, false);
	if (inject_statement(&r, "transaction", transaction_text(t.type)))
		return answer(&r);
	if (t.type != TM_BEGIN && t.type != TM_COMMIT && t.type != TM_ROLLBACK && t.type != TM_SAVE)
		reply_error(&r, NO_DTC, 16, 1, "MSDTC on server '%s' is unavailable.",
			c->server->options->server_name);
	else if (session_transaction(c->session, kinds[t.type], (int)t.isolation, t.name,
			 &reply_functions, &r) < 0 ||
		 (t.begin_another && session_transaction(c->session, SESSION_BEGIN,
					     (int)t.isolation, "", &reply_functions, &r) < 0))
		r.cancelled = true;
	return answer(&r);
}

static int refuse_descriptor(struct conn *c)
{
	conn_error(c, WRONG_DESCRIPTOR, 16, 1,
		"New request is not allowed to start because it should come with valid transaction "
		"descriptor.");
	return c->wire.broken ? 0 : 1;
}

static int run_message(struct conn *c, struct err *err)
{
	struct bytes b = {.p = (uint8_t *)c->request.data};
	uint64_t transaction;

	b.end = b.p + c->request.len;
	if (c->wire.in_type == WIRE_ATTENTION)
		return answer_attention(c);
	if (take_headers(c, &b, &transaction, err) < 0)
		return -1;
	if (transaction != c->transaction)
		return refuse_descriptor(c);
	switch (c->wire.in_type) {
	case WIRE_BATCH:
		return run_batch(c, &b);
	case WIRE_RPC:
		return rpc_run(c, &b, err);
	case WIRE_TRANSACTION:
		return run_transaction(c, &b, err);
	default:
		return err_set(err, ERR_DATA, "a message of type 0x%02x", c->wire.in_type);
	}
}

/* The bits of a message's first packet that ask for a session as after the login. */
static int reset(struct conn *c, uint8_t status, struct err *err)
{
	c->reset_ack = status & (WIRE_RESET | WIRE_RESET_KEEP);
	if (!c->reset_ack || (status & WIRE_RESET_KEEP && c->transaction))
		return 0;
	c->entry->resets++;
	c->transaction = 0;
	c->sink = NULL;
	return session_reset(c->session, err);
}

/* A load was announced and something else came: 1 when that is answered so, 0 when there was none.
 */
static int refuse_without_load(struct conn *c)
{
	struct reply r;

	if (!c->sink && !session_wants_bulk(c->session))
		return 0;
	reply_begin(&r, c, false);
	if (!c->sink && session_bulk_end(c->session, true, &reply_functions, &r) < 0)
		r.cancelled = true;
	c->sink = NULL;
	reply_error(&r, NO_LOAD, 16, 1,
		"Bulk load data was expected but not sent. The batch will be terminated.");
	return answer(&r) ? 1 : -1;
}

int request_run(struct conn *c, struct err *err)
{
	uint8_t status;
	int got;

	arena_release(&c->scratch);
	c->request.max = WIRE_MESSAGE_MAX;
	got = wire_packet(&c->wire, err);
	if (got <= 0)
		return got;
	c->statement += c->wire.in_type != WIRE_ATTENTION;
	if (c->wire.in_type == WIRE_BULK)
		return bulk_run(c, err);
	c->wire.held = true;
	got = wire_message(&c->wire, &c->request, &status, err);
	if (got <= 0)
		return got;
	buf_addc(&c->request, '\0'); /* so that there is memory for an empty one */
	c->request.len--;
	if (reset(c, status, err) < 0)
		return -1;
	if (status & WIRE_IGNORE)
		return answer_ignored(c);
	if (c->wire.in_type != WIRE_ATTENTION && (got = refuse_without_load(c)) != 0)
		return got > 0 ? 1 : 0;
	return run_message(c, err);
}
