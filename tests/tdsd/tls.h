/*
 * tls - the server's side of TLS, on mbedTLS; the only file here that has its headers.
 *
 * A context is one certificate with its rules, for all connections. A session runs
 * over two functions of the caller: the packets of a PRELOGIN (MS-TDS 2.2.6.5), or
 * the stream itself.
 */
#ifndef TDSD_TLS_H
#define TDSD_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct tls_context;
struct tls_session;

enum tls_protocol { TLS_DEFAULT, TLS_1_2, TLS_1_3 };

struct tls_rules {
	const char *certificate, *key; /* PEM files; NULL: made for `name`, signed by itself */
	const char *name;
	enum tls_protocol min, max;
};

MUST_CHECK int tls_context_new(
	const struct tls_rules *rules, struct tls_context **ret_context, struct err *err);
void tls_context_free(struct tls_context *c); /* NULL is fine */

struct tls_io {
	bool (*write)(void *arg, const uint8_t *data, size_t len);
	size_t (*read)(void *arg, uint8_t *buf, size_t len); /* 0 at the end */
	void *arg;
};

/* The handshake. `strict`: TDS 8.0, with ALPN and TLS 1.3; otherwise 1.2 is the newest. */
MUST_CHECK int tls_accept(struct tls_context *c, bool strict, const struct tls_io *io,
	struct tls_session **ret_session, struct err *err);
/* After the handshake it runs over another: what is to come is not in packets. */
void tls_change_io(struct tls_session *s, const struct tls_io *io);
void tls_free(struct tls_session *s); /* NULL is fine */

size_t tls_read(struct tls_session *s, void *buf, size_t len); /* 0 at the end */
bool tls_write(struct tls_session *s, const void *data, size_t len);
bool tls_pending(const struct tls_session *s); /* bytes that were decrypted already */
void tls_close_notify(struct tls_session *s);

/* The client's Finished message (RFC 5929 §3), 0 bytes of it but for TLS 1.2. */
size_t tls_client_finished(const struct tls_session *s, uint8_t *buf, size_t size);
const char *tls_protocol_name(const struct tls_session *s); /* constants */
const char *tls_cipher_name(const struct tls_session *s);

#endif
