/*
 * wire - messages as TDS packets (MS-TDS 2.2.3).
 *
 * Out: begin, put…, end. What is put goes into packets of the negotiated size,
 * which are sent as some of them are full. A connection that breaks is noticed
 * once: `broken` stays, and puts do nothing.
 *
 * In: packet by packet, or a whole message. While a message is written the
 * client may ask for an end of it: wire_attention looks, without waiting.
 */
#ifndef TDSD_WIRE_H
#define TDSD_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "tests/tdsd/stream.h"
#include "tests/tdsd/tls.h"

#define WIRE_HEADER         8
#define WIRE_PACKET_MIN     512
#define WIRE_PACKET_MAX     32767
#define WIRE_PACKET_TLS_MAX 16383 /* the most that SQL Server agrees to with encryption */
#define WIRE_PACKET_DEFAULT 4096
#define WIRE_MESSAGE_MAX    (256u << 20) /* bytes of a request that is kept whole */

enum wire_type {
	WIRE_BATCH = 0x01,
	WIRE_RPC = 0x03,
	WIRE_RESULT = 0x04,
	WIRE_ATTENTION = 0x06,
	WIRE_BULK = 0x07,
	WIRE_TRANSACTION = 0x0E,
	WIRE_LOGIN7 = 0x10,
	WIRE_SSPI = 0x11,
	WIRE_PRELOGIN = 0x12,
};

enum wire_status {
	WIRE_EOM = 0x01,
	WIRE_IGNORE = 0x02,
	WIRE_RESET = 0x08,
	WIRE_RESET_KEEP = 0x10, /* the transaction stays */
};

/* Sees each packet: one that came, or one that is complete but for being sent, which may be
 * changed, or made shorter. */
enum wire_verdict {
	WIRE_PASS,
	WIRE_DROP, /* it is not sent */
	WIRE_STOP, /* and nothing behind it, either way: the connection is cut */
};

struct wire_hook {
	enum wire_verdict (*packet)(void *arg, bool out, uint8_t *packet, size_t *len);
	void *arg;
};

struct wire {
	struct stream stream;
	struct tls_session *tls; /* NULL: plain */
	struct wire_hook hook;
	bool broken;
	bool deaf; /* attentions are not heard */
	uint16_t spid;
	bool strict_size; /* packets that are not the last must have the negotiated size */

	/* out */
	uint32_t packet_size; /* what is negotiated */
	uint8_t *out;
	size_t out_cap, out_len, out_start; /* the packet in work begins at out_start */
	size_t out_limit;                   /* and ends here at most */
	uint8_t out_type, out_id;

	/* in: the packet that came last */
	uint8_t packet[WIRE_PACKET_MAX];
	size_t in_len, in_pos; /* of its bytes; in_pos behind the header at first */
	uint8_t in_type, in_status;
	bool held; /* it is still to be given out */
};

/* Takes the descriptor over. */
void wire_init(struct wire *w, int fd, atomic_bool *stopping, atomic_uint *clears);
void wire_release(struct wire *w);
void wire_resize(struct wire *w, uint32_t packet_size); /* between messages */

/* The next packet: 1; 0 when there are no more, -1 for what is none. */
MUST_CHECK int wire_packet(struct wire *w, struct err *err);
static inline const uint8_t *wire_payload(const struct wire *w)
{
	return w->packet + WIRE_HEADER;
}
static inline size_t wire_payload_len(const struct wire *w)
{
	return w->in_len - WIRE_HEADER;
}

/* A whole message into `m` (which is emptied): 1, 0, -1 as above. in_type is that of its packets,
 * *ret_status all that their statuses said. */
MUST_CHECK int wire_message(struct wire *w, struct buf *m, uint8_t *ret_status, struct err *err);

/* What came in the meantime is an attention (which is taken), or the connection is gone. */
bool wire_attention(struct wire *w);

void wire_begin(struct wire *w, enum wire_type type);
void wire_put(struct wire *w, const void *data, size_t len);
void wire_put8(struct wire *w, unsigned v);
void wire_put16(struct wire *w, unsigned v);
void wire_put32(struct wire *w, uint32_t v);
void wire_put64(struct wire *w, uint64_t v);
/* Sends the packets that are complete. */
void wire_flush(struct wire *w);
/* Sends the last packet; false when the connection is broken. */
bool wire_end(struct wire *w);

/* Bytes as they are, through TLS or not. */
bool wire_send(struct wire *w, const void *data, size_t len);
size_t wire_receive(struct wire *w, void *buf, size_t len);

/* TLS on top, from now on, or off again. The session belongs to the wire. */
MUST_CHECK int wire_accept_tls(struct wire *w, struct tls_context *c, bool strict, struct err *err);
void wire_drop_tls(struct wire *w);

#endif
