#include "tests/tdsd/wire.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tds/row.h"

#define OUT_CAP 131072 /* bytes that gather before they are sent: packets of a large result */

void wire_init(struct wire *w, int fd, atomic_bool *stopping, atomic_uint *clears)
{
	memset(w, 0, sizeof(*w));
	stream_init(&w->stream, fd, stopping, clears);
	w->out_cap = OUT_CAP;
	w->out = mem_alloc(w->out_cap);
	w->packet_size = WIRE_PACKET_DEFAULT;
}

void wire_release(struct wire *w)
{
	if (w->tls && !w->stream.broken)
		tls_close_notify(w->tls);
	wire_drop_tls(w);
	stream_release(&w->stream);
	free(w->out);
}

void wire_resize(struct wire *w, uint32_t packet_size)
{
	w->packet_size = packet_size;
}

/* --- bytes ------------------------------------------------------------------------ */

bool wire_send(struct wire *w, const void *data, size_t len)
{
	if (!w->broken)
		w->broken = w->tls ? !tls_write(w->tls, data, len)
				   : !stream_write(&w->stream, data, len);
	return !w->broken;
}

size_t wire_receive(struct wire *w, void *buf, size_t len)
{
	return w->tls ? tls_read(w->tls, buf, len) : stream_read(&w->stream, buf, len);
}

/* --- in --------------------------------------------------------------------------- */

/* All of it, or how much there was. */
static size_t receive_all(struct wire *w, uint8_t *p, size_t len)
{
	size_t have = 0;

	while (have < len) {
		size_t n = wire_receive(w, p + have, len - have);

		if (n == 0)
			break;
		have += n;
	}
	return have;
}

static int check_header(const struct wire *w, size_t len, struct err *err)
{
	if (len < WIRE_HEADER || len > WIRE_PACKET_MAX)
		return err_set(err, ERR_DATA, "a packet of %zu bytes", len);
	if (w->strict_size && len > w->packet_size)
		return err_set(err, ERR_DATA, "a packet of %zu bytes where %u were agreed", len,
			(unsigned)w->packet_size);
	if (w->strict_size && !(w->packet[1] & WIRE_EOM) && len != w->packet_size)
		return err_set(err, ERR_DATA,
			"a packet of %zu bytes that is not the last, where %u were agreed", len,
			(unsigned)w->packet_size);
	return 0;
}

static int read_packet(struct wire *w, struct err *err)
{
	size_t len, n = receive_all(w, w->packet, WIRE_HEADER);

	if (n == 0)
		return 0;
	if (n < WIRE_HEADER)
		return err_set(err, ERR_NETWORK, "the connection ended within a packet");
	len = (size_t)(w->packet[2] << 8 | w->packet[3]);
	if (check_header(w, len, err) < 0)
		return -1;
	n = receive_all(w, w->packet + WIRE_HEADER, len - WIRE_HEADER);
	if (n < len - WIRE_HEADER)
		return err_set(err, ERR_NETWORK, "the connection ended within a packet");
	w->in_type = w->packet[0];
	w->in_status = w->packet[1];
	w->in_len = len;
	w->in_pos = WIRE_HEADER;
	if (w->hook.packet && w->hook.packet(w->hook.arg, false, w->packet, &len) == WIRE_STOP) {
		stream_cut(&w->stream, w->stream.cut_by_reset);
		return 0;
	}
	return 1;
}

int wire_packet(struct wire *w, struct err *err)
{
	int got;

	if (w->held) {
		w->held = false;
		return 1;
	}
	if (w->broken)
		return 0;
	got = read_packet(w, err);
	w->broken = got <= 0;
	return got;
}

int wire_message(struct wire *w, struct buf *m, uint8_t *ret_status, struct err *err)
{
	uint8_t type = 0, status = 0;

	buf_reset(m);
	for (bool first = true; !(status & WIRE_EOM); first = false) {
		int got = wire_packet(w, err);

		if (got <= 0)
			return got;
		if (!first && w->in_type != type)
			return err_set(err, ERR_DATA,
				"a packet of type 0x%02x within a message of type 0x%02x",
				w->in_type, type);
		type = w->in_type;
		status |= w->in_status;
		buf_add(m, wire_payload(w), wire_payload_len(w));
	}
	*ret_status = status;
	return buf_check(m, "the request", err) < 0 ? -1 : 1;
}

bool wire_attention(struct wire *w)
{
	struct err err = ERR_INIT;

	if (w->broken)
		return true;
	if (w->held || !((w->tls && tls_pending(w->tls)) || stream_readable(&w->stream)))
		return false;
	if (wire_packet(w, &err) <= 0)
		return true;
	if (w->in_type == WIRE_ATTENTION)
		return !w->deaf;
	w->held = true; /* a request that comes before its turn */
	return false;
}

/* --- out -------------------------------------------------------------------------- */

static void start_packet(struct wire *w)
{
	w->out_start = w->out_len;
	w->out_limit = w->out_len + w->packet_size;
	w->out_len += WIRE_HEADER;
}

static void send_out(struct wire *w)
{
	if (w->out_len)
		(void)wire_send(w, w->out, w->out_len);
	w->out_len = 0;
}

static void close_packet(struct wire *w, uint8_t status)
{
	uint8_t *p = w->out + w->out_start;
	size_t len = w->out_len - w->out_start;

	p[0] = w->out_type;
	p[1] = status;
	p[2] = (uint8_t)(len >> 8);
	p[3] = (uint8_t)len;
	p[4] = (uint8_t)(w->spid >> 8);
	p[5] = (uint8_t)w->spid;
	p[6] = w->out_id++;
	p[7] = 0;
	if (!w->hook.packet || w->broken)
		return;
	switch (w->hook.packet(w->hook.arg, true, p, &len)) {
	case WIRE_PASS:
		w->out_len = w->out_start + len;
		break;
	case WIRE_DROP:
		w->out_len = w->out_start;
		break;
	case WIRE_STOP: /* what came before it is sent */
		w->out_len = w->out_start;
		send_out(w);
		w->broken = true;
		stream_cut(&w->stream, w->stream.cut_by_reset);
		break;
	}
}

void wire_flush(struct wire *w)
{
	size_t len = w->out_len - w->out_start;

	if (!w->out_start)
		return;
	(void)wire_send(w, w->out, w->out_start);
	memmove(w->out, w->out + w->out_start, len);
	w->out_len = len;
	w->out_limit -= w->out_start;
	w->out_start = 0;
}

void wire_begin(struct wire *w, enum wire_type type)
{
	w->out_type = (uint8_t)type;
	w->out_id = 1;
	w->out_len = 0;
	start_packet(w);
}

static void next_packet(struct wire *w)
{
	close_packet(w, 0);
	if (w->out_cap - w->out_len < w->packet_size)
		send_out(w);
	if (w->broken)
		w->out_len = 0;
	start_packet(w);
}

void wire_put(struct wire *w, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len && !w->broken) {
		size_t room = w->out_limit - w->out_len;

		if (room == 0) {
			next_packet(w);
			continue;
		}
		if (room > len)
			room = len;
		memcpy(w->out + w->out_len, p, room);
		w->out_len += room;
		p += room;
		len -= room;
	}
}

void wire_put8(struct wire *w, unsigned v)
{
	uint8_t b = (uint8_t)v;

	wire_put(w, &b, 1);
}

void wire_put16(struct wire *w, unsigned v)
{
	uint8_t b[2];

	tds_put16(b, (uint16_t)v);
	wire_put(w, b, sizeof(b));
}

void wire_put32(struct wire *w, uint32_t v)
{
	uint8_t b[4];

	tds_put32(b, v);
	wire_put(w, b, sizeof(b));
}

void wire_put64(struct wire *w, uint64_t v)
{
	uint8_t b[8];

	tds_put64(b, v);
	wire_put(w, b, sizeof(b));
}

bool wire_end(struct wire *w)
{
	if (!w->broken)
		close_packet(w, WIRE_EOM);
	if (!w->broken)
		send_out(w);
	w->out_len = 0;
	return !w->broken;
}

/* --- TLS -------------------------------------------------------------------------- */

static bool direct_write(void *arg, const uint8_t *data, size_t len)
{
	struct wire *w = arg;

	return stream_write(&w->stream, data, len);
}

static size_t direct_read(void *arg, uint8_t *buf, size_t len)
{
	struct wire *w = arg;

	return stream_read(&w->stream, buf, len);
}

/* What the handshake writes until it reads is one message. */
struct tunnel {
	struct wire *w;
	bool writing;
};

static bool tunnel_write(void *arg, const uint8_t *data, size_t len)
{
	struct tunnel *t = arg;

	if (!t->writing)
		wire_begin(t->w, WIRE_PRELOGIN);
	t->writing = true;
	wire_put(t->w, data, len);
	return !t->w->broken;
}

static bool tunnel_flush(struct tunnel *t)
{
	bool was = t->writing;

	t->writing = false;
	return !was || wire_end(t->w);
}

static size_t tunnel_read(void *arg, uint8_t *buf, size_t len)
{
	struct tunnel *t = arg;
	struct wire *w = t->w;
	struct err err = ERR_INIT;

	if (!tunnel_flush(t))
		return 0;
	while (w->in_pos == w->in_len)
		if (wire_packet(w, &err) <= 0 || w->in_type != WIRE_PRELOGIN)
			return 0;
	if (len > w->in_len - w->in_pos)
		len = w->in_len - w->in_pos;
	memcpy(buf, w->packet + w->in_pos, len);
	w->in_pos += len;
	return len;
}

int wire_accept_tls(struct wire *w, struct tls_context *c, bool strict, struct err *err)
{
	struct tunnel tunnel = {.w = w};
	struct tls_io direct = {direct_write, direct_read, w};
	struct tls_io packets = {tunnel_write, tunnel_read, &tunnel};
	struct tls_session *s;

	w->in_pos = w->in_len;
	if (tls_accept(c, strict, strict ? &direct : &packets, &s, err) < 0) {
		(void)tunnel_flush(&tunnel); /* the alert */
		return -1;
	}
	if (!tunnel_flush(&tunnel)) {
		tls_free(s);
		return err_set(err, ERR_NETWORK, "the connection ended within the TLS handshake");
	}
	tls_change_io(s, &direct);
	w->tls = s;
	return 0;
}

void wire_drop_tls(struct wire *w)
{
	tls_free(w->tls);
	w->tls = NULL;
}
