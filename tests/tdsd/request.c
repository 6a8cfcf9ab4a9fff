#include "tests/tdsd/request.h"

#include <string.h>

#include "tests/tdsd/bytes.h"
#include "tests/tdsd/reply.h"

#define HEADER_TRANSACTION 2 /* MS-TDS 2.2.5.3.2 */

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
	wire_begin(&c->wire, WIRE_RESULT);
	if (session_batch(c->session, sql, strlen(sql), NULL, 0, &reply_functions, &r) < 0)
		r.cancelled = true;
	return answer(&r);
}

static int answer_attention(struct conn *c)
{
	struct reply r;

	reply_begin(&r, c, false);
	r.cancelled = true;
	wire_begin(&c->wire, WIRE_RESULT);
	return answer(&r);
}

/* MS-TDS 2.2.1.7: a request that was given up before its end is answered by one DONE. */
static int answer_ignored(struct conn *c)
{
	struct reply r;

	reply_begin(&r, c, false);
	r.failed = true;
	wire_begin(&c->wire, WIRE_RESULT);
	return answer(&r);
}

static int run_message(struct conn *c, struct err *err)
{
	struct bytes b = {.p = (uint8_t *)c->request.data};
	uint64_t transaction;

	b.end = b.p + c->request.len;
	switch (c->wire.in_type) {
	case WIRE_ATTENTION:
		return answer_attention(c);
	case WIRE_BATCH:
		if (take_headers(c, &b, &transaction, err) < 0)
			return -1;
		return run_batch(c, &b);
	default:
		return err_set(err, ERR_DATA, "a message of type 0x%02x", c->wire.in_type);
	}
}

int request_run(struct conn *c, struct err *err)
{
	uint8_t status;
	int got;

	arena_release(&c->scratch);
	c->request.max = WIRE_MESSAGE_MAX;
	got = wire_message(&c->wire, &c->request, &status, err);
	if (got <= 0)
		return got;
	buf_addc(&c->request, '\0'); /* so that there is memory for an empty one */
	c->request.len--;
	if (status & WIRE_IGNORE)
		return answer_ignored(c);
	return run_message(c, err);
}
