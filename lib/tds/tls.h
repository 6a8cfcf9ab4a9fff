/*
 * tls - TLS for FreeTDS, on mbedTLS.
 *
 * FreeTDS knows GnuTLS and OpenSSL only; tls.c stands in for its src/tds/tls.c
 * and src/tds/random.c. libtds calls tds_ssl_init() and its companions, declared
 * in FreeTDS's own freetds/tls.h, while it connects; nobody else does. Here is
 * what the rest of the project may ask about a connection's TLS.
 *
 * What is checked follows the login: `cafile` empty means encryption without
 * any check (FreeTDS's default below TDS 8.0), "system" the machine's
 * authorities, else a PEM file; `crlfile`, `check_ssl_hostname` and
 * `certificate_host_name` as in FreeTDS. TDS 7.x tunnels the handshake in its
 * PRELOGIN packets (MS-TDS 2.2.6.5) and ends at TLS 1.2; TDS 8.0, "strict", is
 * TLS from the first byte, with ALPN "tds/8.0" and up to TLS 1.3.
 *
 * What a login has no field for is told by the socket's parent (tds_alloc_socket's, which
 * tds_set_parent sets): NULL, or a struct tls_wishes.
 *
 * A connection belongs to one thread at a time. Nothing here blocks.
 */
#ifndef TDS_TLS_H
#define TDS_TLS_H

#include <stdbool.h>
#include <stddef.h>

struct tds_connection;
struct gssapi_login;

struct tls_wishes {
	/* PEM file: the server must have this certificate, whoever signed it and for whatever name;
	 * NULL: see `cafile`. */
	const char *server_certificate;
	const struct gssapi_login *gssapi; /* tds/gssapi.h; NULL: a login with a password */
};

/* Why a handshake failed: name, what to tell the user. */
#define TLS_FAULTS(X)                                                                 \
	X(NONE, "no error")                                                           \
	X(MEMORY, "out of memory")                                                    \
	X(RANDOM, "no random numbers can be had")                                     \
	X(CA_FILE, "the file of trusted authorities cannot be read")                  \
	X(CRL_FILE, "the file of revoked certificates cannot be read")                \
	X(UNTRUSTED, "the server's certificate is not signed by a trusted authority") \
	X(NAME, "the server's certificate is for another name")                       \
	X(EXPIRED, "the server's certificate has expired")                            \
	X(FUTURE, "the server's certificate is not valid yet")                        \
	X(REVOKED, "the server's certificate has been revoked")                       \
	X(WEAK, "the server's certificate uses a weak key or signature")              \
	X(PINNED, "the server's certificate is another one than server_certificate")  \
	X(PIN_FILE, "the file of server_certificate cannot be read")                  \
	X(PEER_CLOSED, "the connection broke during the handshake")                   \
	X(HANDSHAKE, "the handshake failed")

enum tls_fault {
#define X(name, text) TLS_FAULT_##name,
	TLS_FAULTS(X)
#undef X
};

/* The fault of the connection's last handshake; NONE before any, and after one
 * that succeeded. It outlives the session, until the next handshake. */
enum tls_fault tls_fault(const struct tds_connection *conn);

/* The same in words, a constant string. For HANDSHAKE mbedTLS's own words. */
const char *tls_fault_text(const struct tds_connection *conn);

/* Protocol and cipher of the running session, NULL without one; constant. */
const char *tls_version(const struct tds_connection *conn);
const char *tls_cipher(const struct tds_connection *conn);

#define TLS_NAME_MAX 256

/* The server's certificate, of a running session. */
struct tls_certificate {
	char subject[TLS_NAME_MAX], issuer[TLS_NAME_MAX]; /* "CN=sql01, O=..."; cut */
	char not_after[sizeof("2026-11-27T16:37:24Z")];
	char sha256[2 * 32 + 1]; /* of its DER, hex */
};

/* False: there is no session. */
bool tls_certificate(const struct tds_connection *conn, struct tls_certificate *ret);

/*
 * The channel binding "tls-unique" (RFC 5929 §3): the first Finished message of
 * the handshake, which is ours, since sessions are never resumed. Copies it to
 * `buf` and returns its length; 0 without a session, when `size` is too small,
 * and under TLS 1.3, which does not define it.
 */
size_t tls_unique(const struct tds_connection *conn, unsigned char *buf, size_t size);

/* Versions of the two libraries, as they tell it themselves. */
const char *tls_freetds_version(void);
const char *tls_mbedtls_version(void);

#endif
