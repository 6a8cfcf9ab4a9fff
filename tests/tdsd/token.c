#include "tests/tdsd/token.h"

#include <string.h>

#include "base/utf16.h"
#include "base/utf8.h"
#include "tds/row.h"

#define BODY_MAX    65535
#define MESSAGE_MAX 4000 /* units */
#define NAME_UNITS  255

static void add_le(struct buf *b, uint64_t v, unsigned n)
{
	uint8_t bytes[8];

	(void)tds_put_low(bytes, v, n);
	buf_add(b, bytes, n);
}

void token_add_text(struct buf *b, unsigned size, const char *text, size_t max)
{
	size_t len = utf8_cut_at(text, strlen(text), 3 * max), written;
	uint8_t wide[UTF16_MAX_OF_UTF8(3 * MESSAGE_MAX)];

	if (len > 3 * MESSAGE_MAX)
		len = utf8_cut_at(text, len, 3 * MESSAGE_MAX);
	(void)utf16_from_utf8((const uint8_t *)text, len, wide, &written);
	if (written / 2 > max)
		written = 2 * max;
	if (size)
		add_le(b, written / 2, size);
	buf_add(b, wide, written);
}

void token_put_text(struct wire *w, unsigned size, const char *text, size_t max)
{
	CLEANUP(buf_release) struct buf b = BUF_INIT(BODY_MAX);

	token_add_text(&b, size, text, max);
	wire_put(w, b.data, b.len);
}

/* The token, its length in 2 bytes, and what is in it. */
static void put_body(struct wire *w, enum token token, const struct buf *body)
{
	wire_put8(w, token);
	wire_put16(w, (unsigned)body->len);
	wire_put(w, body->data, body->len);
}

void token_done(struct wire *w, enum tds_level level, const struct done *d)
{
	wire_put8(w, d->token);
	wire_put16(w, d->status);
	wire_put16(w, d->command);
	if (level < TDS_7_2)
		wire_put32(w, (uint32_t)d->count);
	else
		wire_put64(w, d->count);
}

void token_message(
	struct wire *w, enum tds_level level, const struct engine_message *m, const char *server)
{
	CLEANUP(buf_release) struct buf b = BUF_INIT(BODY_MAX);

	add_le(&b, (uint32_t)m->number, 4);
	buf_addc(&b, (char)m->state);
	buf_addc(&b, (char)m->severity);
	token_add_text(&b, 2, m->text, MESSAGE_MAX);
	token_add_text(&b, 1, server, NAME_UNITS);
	token_add_text(&b, 1, m->procedure ? m->procedure : "", NAME_UNITS);
	add_le(&b, (uint32_t)m->line, level < TDS_7_2 ? 2 : 4);
	put_body(w, m->severity > 10 ? TOKEN_ERROR : TOKEN_INFO, &b);
}

void token_env_text(struct wire *w, unsigned type, const char *now, const char *was)
{
	CLEANUP(buf_release) struct buf b = BUF_INIT(BODY_MAX);

	buf_addc(&b, (char)type);
	token_add_text(&b, 1, now, NAME_UNITS);
	token_add_text(&b, 1, was, NAME_UNITS);
	put_body(w, TOKEN_ENVCHANGE, &b);
}

void token_env_bytes(struct wire *w, unsigned type, const void *now, size_t now_len,
	const void *was, size_t was_len)
{
	CLEANUP(buf_release) struct buf b = BUF_INIT(BODY_MAX);

	buf_addc(&b, (char)type);
	buf_addc(&b, (char)now_len);
	buf_add(&b, now, now_len);
	buf_addc(&b, (char)was_len);
	buf_add(&b, was, was_len);
	put_body(w, TOKEN_ENVCHANGE, &b);
}

void token_routing(struct wire *w, const char *host, uint16_t port)
{
	CLEANUP(buf_release) struct buf b = BUF_INIT(BODY_MAX);
	CLEANUP(buf_release) struct buf to = BUF_INIT(BODY_MAX);

	buf_addc(&to, 0); /* TCP */
	add_le(&to, port, 2);
	token_add_text(&to, 2, host, NAME_UNITS);
	buf_addc(&b, ENV_ROUTING);
	add_le(&b, to.len, 2);
	buf_add(&b, to.data, to.len);
	add_le(&b, 0, 2);
	put_body(w, TOKEN_ENVCHANGE, &b);
}

void token_loginack(struct wire *w, enum tds_level level, const char *program, uint32_t version)
{
	static const uint32_t versions[] = {
		[TDS_7_1] = 0x71000001,
		[TDS_7_2] = 0x72090002,
		[TDS_7_3A] = 0x730A0003,
		[TDS_7_3B] = 0x730B0003,
		[TDS_7_4] = 0x74000004,
		[TDS_8_0] = 0x08000000,
	};
	CLEANUP(buf_release) struct buf b = BUF_INIT(BODY_MAX);
	uint32_t big = __builtin_bswap32(versions[level]);

	buf_addc(&b, 1); /* SQL_TSQL */
	add_le(&b, big, 4);
	token_add_text(&b, 1, program, NAME_UNITS);
	add_le(&b, __builtin_bswap32(version), 4);
	put_body(w, TOKEN_LOGINACK, &b);
}

void token_order(struct wire *w, const uint16_t *columns, unsigned n)
{
	wire_put8(w, TOKEN_ORDER);
	wire_put16(w, 2 * n);
	for (unsigned i = 0; i < n; i++)
		wire_put16(w, columns[i]);
}

void token_return_status(struct wire *w, int32_t status)
{
	wire_put8(w, TOKEN_RETURNSTATUS);
	wire_put32(w, (uint32_t)status);
}
