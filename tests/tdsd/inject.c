#include "tests/tdsd/inject.h"

#include <string.h>

#define BROKEN_TOKEN 0x15 /* no token has it */

static struct fault_event event(const struct conn *c, enum fault_stage stage)
{
	return (struct fault_event){
		.stage = stage,
		.statement = c->statement,
		.app = c->login.program ? c->login.program : "",
		.user = c->login.user ? c->login.user : "",
		.database = c->login.database ? c->login.database : "",
		.text = c->text ? c->text : "",
	};
}

/* --- packets ---------------------------------------------------------------------- */

/* What is wrong is in the first packet that a client looks at; its header is written. */
static void spoil(struct conn *c, const struct fault *f, uint8_t *packet, size_t *len)
{
	uint8_t *payload = packet + WIRE_HEADER;
	size_t payload_len = *len - WIRE_HEADER;

	switch (f->what) {
	case MALFORMED_TOKEN:
		if (payload_len)
			payload[0] = BROKEN_TOKEN;
		break;
	case MALFORMED_LENGTH: /* of a token, or of what stands in its place */
		if (payload_len > 2)
			memset(payload + 1, 0xFF, 2);
		break;
	case MALFORMED_HEADER:
		packet[2] = 0;
		packet[3] = WIRE_HEADER - 4;
		break;
	case MALFORMED_TYPE:
		packet[0] = 0x55;
		break;
	case MALFORMED_TRUNCATED: /* half of it, and it says that it is the last */
		*len = WIRE_HEADER + payload_len / 2;
		packet[1] |= WIRE_EOM;
		packet[2] = (uint8_t)(*len >> 8);
		packet[3] = (uint8_t)*len;
		c->swallow = true;
		break;
	}
}

static enum wire_verdict happen(
	struct conn *c, const struct fault *f, bool out, uint8_t *packet, size_t *len)
{
	struct stream *s = &c->wire.stream;

	switch (f->kind) {
	case FAULT_CUT:
	case FAULT_RESET:
		s->cut_by_reset = f->kind == FAULT_RESET;
		return WIRE_STOP;
	case FAULT_STALL:
		if (out)
			wire_flush(&c->wire);
		if (f->us)
			stream_delay(f->us);
		else
			stream_stall(s, f->ms);
		return WIRE_PASS;
	default:
		spoil(c, f, packet, len);
		return WIRE_PASS;
	}
}

static enum phase packet_phase(const struct conn *c, bool out, const uint8_t *packet)
{
	if (c->phase != PHASE_REQUEST)
		return c->phase;
	return out ? PHASE_RESULT : packet[0] == WIRE_BULK ? PHASE_BULK : PHASE_REQUEST;
}

static enum wire_verdict on_packet(void *arg, bool out, uint8_t *packet, size_t *len)
{
	struct conn *c = arg;
	enum wire_verdict verdict = WIRE_PASS;
	struct fault_event e = event(c, STAGE_PACKET);
	bool last = packet[1] & WIRE_EOM;
	bool swallow = out && c->swallow;
	struct fault f;
	int after = 0;

	e.out = out;
	e.phase = packet_phase(c, out, packet);
	e.packet = ++c->packets[out];
	if (last)
		c->packets[out] = 0;
	if (swallow && last)
		c->swallow = false;
	if (swallow)
		return WIRE_DROP;
	/* `wire_flush` moves the packet, so a fault that waits is the last one of it */
	while (verdict == WIRE_PASS && faults_next(&c->server->faults, &e, &after, &f)) {
		verdict = happen(c, &f, out, packet, len);
		if (f.kind == FAULT_STALL)
			break;
	}
	if (last && out)
		c->swallow = false;
	if (verdict == WIRE_PASS && c->phase != PHASE_TLS)
		capture_packet(&c->server->capture, &c->capture, out,
			out ? c->wire.out + c->wire.out_start : packet, *len);
	return verdict;
}

/* --- connections ------------------------------------------------------------------ */

static void happen_to_all(struct conn *c, const struct fault *f)
{
	struct stream *s = &c->wire.stream;

	switch (f->kind) {
	case FAULT_CUT:
	case FAULT_RESET:
		s->cut_by_reset = f->kind == FAULT_RESET;
		*(f->dir ? &s->cut_out : &s->cut_in) = (uint64_t)f->bytes;
		break;
	case FAULT_SLOW:
		s->rate = (uint64_t)f->rate;
		break;
	case FAULT_TINY:
		s->segment = (size_t)(f->segment > 0 ? f->segment : 1);
		break;
	case FAULT_DEAF:
		c->wire.deaf = true;
		break;
	default:
		break;
	}
}

void inject_begin(struct conn *c)
{
	struct fault_event e = event(c, STAGE_CONNECT);
	struct fault f;
	int after = 0;

	capture_begin(&c->server->capture, &c->capture, c->spid);
	c->phase = PHASE_PRELOGIN;
	c->wire.hook = (struct wire_hook){on_packet, c};
	while (faults_next(&c->server->faults, &e, &after, &f))
		happen_to_all(c, &f);
}

void inject_end(struct conn *c)
{
	capture_end(&c->capture);
}

bool inject_ask(
	struct conn *c, enum fault_stage stage, enum fault_kind kind, struct fault *ret_fault)
{
	struct fault_event e = event(c, stage);
	int after = 0;

	e.kind = kind;
	e.has_kind = true;
	return faults_next(&c->server->faults, &e, &after, ret_fault);
}

void inject_login(struct conn *c)
{
	static const enum fault_kind kinds[] = {
		FAULT_CUT, FAULT_RESET, FAULT_SLOW, FAULT_TINY, FAULT_DEAF};
	struct fault f;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (inject_ask(c, STAGE_LOGIN, kinds[i], &f))
			happen_to_all(c, &f);
}

bool inject_statement(struct reply *r, const char *kind, const char *text)
{
	struct conn *c = r->c;
	struct fault f;

	buf_reset(&c->text_buf);
	buf_adds(&c->text_buf, text);
	c->text = buf_str(&c->text_buf);
	report_statement(&c->server->report, c, kind, text);
	if (!inject_ask(c, STAGE_STATEMENT, FAULT_ERROR, &f))
		return false;
	inject_error(r, &f);
	return true;
}

void inject_error(struct reply *r, const struct fault *f)
{
	struct conn *c = r->c;

	if (f->rollback && c->transaction &&
		session_transaction(c->session, SESSION_ROLLBACK, 0, "", &reply_functions, r) < 0)
		r->cancelled = true;
	reply_error(r, (int32_t)f->number, (uint8_t)f->severity, (uint8_t)f->state, "%s",
		f->message[0] ? f->message : "This error was ordered.");
	c->closing |= f->close;
}
