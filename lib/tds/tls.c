/*
 * tls - see tls.h. Together with mssql.c and gssapi.c the only place that
 * includes FreeTDS's internal headers, and the only one with mbedTLS's ssl.h.
 *
 * The first part is the session's I/O in its two forms, then trust, then the
 * set-up of a session, then what FreeTDS calls, then what our callers ask.
 */
#include "tds/tls.h"

#include <config.h>

#include <freetds/tds.h>
#include <freetds/tls.h>
/* libtds leaves its tables of column functions to one file of the program */
#include <freetds/data.h>

#include <errno.h>
#include <stdio.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <unistd.h>

#include <mbedtls/error.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/psa_util.h>
#include <mbedtls/sha256.h>
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>
#include <psa/crypto.h>

#if ENABLE_ODBC_MARS
#error "without MARS a TDSCONNECTION is the head of its TDSSOCKET; with it it is not"
#endif

#define READ_AHEAD         32768 /* two full TLS records */
#define PACKET_HEADER_SIZE 8
#define VERSION_TEXT_MAX   18 /* mbedtls_version_get_string_full asks for as much */

struct session {
	mbedtls_ssl_context ssl;
	mbedtls_ssl_config conf;
	mbedtls_x509_crt ca; /* of the login's own file; the system's is shared */
	mbedtls_x509_crl crl;
	TDSSOCKET *tds;
	bool check_name;
	/* one recv() serves many TLS records, each of which is two reads */
	size_t ahead_pos, ahead_len;
	unsigned char ahead[READ_AHEAD];
};

/*
 * What mbedTLS offers, without its order: it puts ChaCha20 first, which is
 * several times slower than AES-GCM on any processor with AES instructions.
 * CBC and plain RSA are for old servers (2012 on Windows 2008) and come last.
 */
static const int ciphersuites[] = {
	MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
	MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
	MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	MBEDTLS_TLS_DHE_RSA_WITH_AES_256_GCM_SHA384,
	MBEDTLS_TLS_DHE_RSA_WITH_AES_128_GCM_SHA256,
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384,
	MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384,
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256,
	MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256,
	MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
	MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
	MBEDTLS_TLS_RSA_WITH_AES_256_GCM_SHA384,
	MBEDTLS_TLS_RSA_WITH_AES_128_GCM_SHA256,
	MBEDTLS_TLS_RSA_WITH_AES_256_CBC_SHA256,
	MBEDTLS_TLS_RSA_WITH_AES_128_CBC_SHA256,
	MBEDTLS_TLS_RSA_WITH_AES_256_CBC_SHA,
	MBEDTLS_TLS_RSA_WITH_AES_128_CBC_SHA,
	0,
};

/*
 * The fault is kept in the one field of TDSCONNECTION that is there for other
 * TLS libraries: it must outlive the session, and FreeTDS frees a connection
 * without asking us, so it cannot be a pointer. mbedTLS's (negative) error
 * stands above the fault's eight bits.
 */
static void set_fault(TDSCONNECTION *conn, enum tls_fault fault, int mbed_error)
{
	conn->tls_dummy = (void *)((uintptr_t)fault | (uintptr_t)-mbed_error << 8);
}

/* --- I/O ----------------------------------------------------------------- */

/* TDS 7.x: handshake bytes travel as the payload of PRELOGIN packets. */
static int tunnel_send(void *ctx, const unsigned char *buf, size_t len)
{
	struct session *s = ctx;

	return tds_put_n(s->tds, buf, len) < 0 ? MBEDTLS_ERR_NET_SEND_FAILED : (int)len;
}

static int tunnel_recv(void *ctx, unsigned char *buf, size_t len)
{
	TDSSOCKET *tds = ((struct session *)ctx)->tds;
	size_t have;

	/* what was sent lies in the packet until an answer is wanted */
	if (tds->out_pos > PACKET_HEADER_SIZE && TDS_FAILED(tds_flush_packet(tds)))
		return MBEDTLS_ERR_NET_SEND_FAILED;
	while ((have = tds->in_len - tds->in_pos) == 0)
		if (tds_read_packet(tds) < 0)
			return MBEDTLS_ERR_NET_RECV_FAILED;
	if (len > have)
		len = have;
	memcpy(buf, tds->in_buf + tds->in_pos, len);
	tds->in_pos += (unsigned)len;
	return (int)len;
}

/* FreeTDS's own functions, for they wait with its timeouts and cancellation. */
static int direct_send(void *ctx, const unsigned char *buf, size_t len)
{
	struct session *s = ctx;
	int n = tds_goodwrite(s->tds, buf, len);

	return n <= 0 ? MBEDTLS_ERR_NET_SEND_FAILED : n;
}

static int direct_recv(void *ctx, unsigned char *buf, size_t len)
{
	struct session *s = ctx;

	if (s->ahead_pos == s->ahead_len) {
		int n;

		s->ahead_pos = s->ahead_len = 0;
		n = tds_goodread(s->tds, s->ahead, sizeof(s->ahead));
		if (n <= 0)
			return n < 0 ? MBEDTLS_ERR_NET_RECV_FAILED : 0;
		s->ahead_len = (size_t)n;
	}
	if (len > s->ahead_len - s->ahead_pos)
		len = s->ahead_len - s->ahead_pos;
	memcpy(buf, s->ahead + s->ahead_pos, len);
	s->ahead_pos += len;
	return (int)len;
}

/* --- trust --------------------------------------------------------------- */

/*
 * The machine's authorities, shared by all connections and never freed: to
 * parse the bundle costs 8 ms, several times a whole handshake. A changed
 * bundle is seen by the next process. Read-only once made; mbedTLS locks what
 * a verification changes inside a key.
 */
static mbedtls_x509_crt system_ca;
static pthread_once_t system_ca_once = PTHREAD_ONCE_INIT;

static void load_system_ca(void)
{
	static const char *const bundles[] = {
		"/etc/ssl/certs/ca-certificates.crt", /* Debian, Alpine */
		"/etc/pki/tls/certs/ca-bundle.crt",   /* Red Hat */
		"/etc/ssl/cert.pem",
	};

	mbedtls_x509_crt_init(&system_ca);
	/* a bundle may hold a certificate that mbedTLS does not know; the rest count */
	for (size_t i = 0; i < sizeof(bundles) / sizeof(bundles[0]); i++)
		if (mbedtls_x509_crt_parse_file(&system_ca, bundles[i]) >= 0)
			return;
	(void)mbedtls_x509_crt_parse_path(&system_ca, "/etc/ssl/certs");
}

/* mbedTLS keeps its random state for the process. */
static pthread_once_t random_once = PTHREAD_ONCE_INIT;
static psa_status_t random_status;

static void start_random(void)
{
	random_status = psa_crypto_init();
}

/* One certificate and no other: neither its name nor who signed it counts. */
static int is_pinned(void *ctx, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
	const struct session *s = ctx;
	bool same = crt->raw.len == s->ca.raw.len && memcmp(crt->raw.p, s->ca.raw.p, crt->raw.len) == 0;

	*flags &= ~(uint32_t)(MBEDTLS_X509_BADCERT_NOT_TRUSTED | MBEDTLS_X509_BADCERT_CN_MISMATCH);
	if (depth == 0 && !same)
		*flags |= MBEDTLS_X509_BADCERT_OTHER;
	return 0;
}

/* The name is sent (SNI) whether or not it is checked. */
static int ignore_name(void *ctx, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
	struct session *s = ctx;

	(void)crt;
	if (depth == 0 && !s->check_name)
		*flags &= ~(uint32_t)MBEDTLS_X509_BADCERT_CN_MISMATCH;
	return 0;
}

/* `*ret_ca` is NULL when the login wants no verification. */
static enum tls_fault load_trust(
	struct session *s, const TDSLOGIN *login, mbedtls_x509_crt **ret_ca)
{
	const char *file = tds_dstr_cstr(&login->cafile);

	*ret_ca = NULL;
	if (!*file)
		return TLS_FAULT_NONE;
	if (strcasecmp(file, "system") == 0) {
		pthread_once(&system_ca_once, load_system_ca);
		if (system_ca.version == 0)
			return TLS_FAULT_CA_FILE;
		*ret_ca = &system_ca;
	} else {
		/* every certificate of a file that somebody chose must be readable */
		if (mbedtls_x509_crt_parse_file(&s->ca, file) != 0)
			return TLS_FAULT_CA_FILE;
		*ret_ca = &s->ca;
	}
	if (!tds_dstr_isempty(&login->crlfile) &&
		mbedtls_x509_crl_parse_file(&s->crl, tds_dstr_cstr(&login->crlfile)) != 0)
		return TLS_FAULT_CRL_FILE;
	return TLS_FAULT_NONE;
}

static enum tls_fault pin(struct session *s, const char *file)
{
	if (mbedtls_x509_crt_parse_file(&s->ca, file) != 0)
		return TLS_FAULT_PIN_FILE;
	mbedtls_ssl_conf_ca_chain(&s->conf, &s->ca, NULL);
	mbedtls_ssl_conf_authmode(&s->conf, MBEDTLS_SSL_VERIFY_REQUIRED);
	mbedtls_ssl_conf_verify(&s->conf, is_pinned, s);
	return TLS_FAULT_NONE;
}

static enum tls_fault set_trust(struct session *s, const TDSLOGIN *login)
{
	const struct tls_wishes *wishes = tds_get_parent(s->tds);
	mbedtls_x509_crt *ca;
	enum tls_fault fault;

	if (wishes && wishes->server_certificate)
		return pin(s, wishes->server_certificate);
	fault = load_trust(s, login, &ca);
	if (fault != TLS_FAULT_NONE)
		return fault;
	if (ca == NULL) {
		mbedtls_ssl_conf_authmode(&s->conf, MBEDTLS_SSL_VERIFY_NONE);
		return TLS_FAULT_NONE;
	}
	s->check_name = login->check_ssl_hostname;
	mbedtls_ssl_conf_ca_chain(&s->conf, ca, s->crl.version ? &s->crl : NULL);
	mbedtls_ssl_conf_authmode(&s->conf, MBEDTLS_SSL_VERIFY_REQUIRED);
	mbedtls_ssl_conf_verify(&s->conf, ignore_name, s);
	return TLS_FAULT_NONE;
}

/* --- a session ----------------------------------------------------------- */

static struct session *session_new(TDSSOCKET *tds)
{
	struct session *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->tds = tds;
	mbedtls_ssl_init(&s->ssl);
	mbedtls_ssl_config_init(&s->conf);
	mbedtls_x509_crt_init(&s->ca);
	mbedtls_x509_crl_init(&s->crl);
	return s;
}

static void session_free(struct session *s)
{
	if (s == NULL)
		return;
	mbedtls_ssl_free(&s->ssl);
	mbedtls_ssl_config_free(&s->conf);
	mbedtls_x509_crt_free(&s->ca);
	mbedtls_x509_crl_free(&s->crl);
	free(s);
}

static enum tls_fault session_setup(struct session *s, const TDSLOGIN *login, bool strict)
{
	static const char *alpn[] = {"tds/8.0", NULL};
	const DSTR *name = &login->certificate_host_name;
	enum tls_fault fault;

	pthread_once(&random_once, start_random);
	if (random_status != PSA_SUCCESS)
		return TLS_FAULT_RANDOM;
	if (mbedtls_ssl_config_defaults(&s->conf, MBEDTLS_SSL_IS_CLIENT,
		    MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT) != 0)
		return TLS_FAULT_MEMORY;
	mbedtls_ssl_conf_rng(&s->conf, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
	mbedtls_ssl_conf_ciphersuites(&s->conf, ciphersuites);
	mbedtls_ssl_conf_renegotiation(&s->conf, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
	mbedtls_ssl_conf_min_tls_version(&s->conf, MBEDTLS_SSL_VERSION_TLS1_2);
	/* no server has TLS 1.3 in the tunnel, and its tickets would come after the end of it */
	mbedtls_ssl_conf_max_tls_version(
		&s->conf, strict ? MBEDTLS_SSL_VERSION_TLS1_3 : MBEDTLS_SSL_VERSION_TLS1_2);
	fault = set_trust(s, login);
	if (fault != TLS_FAULT_NONE)
		return fault;
	if (strict && mbedtls_ssl_conf_alpn_protocols(&s->conf, alpn) != 0)
		return TLS_FAULT_MEMORY;
	if (mbedtls_ssl_setup(&s->ssl, &s->conf) != 0)
		return TLS_FAULT_MEMORY;
	if (tds_dstr_isempty(name))
		name = &login->server_host_name;
	if (mbedtls_ssl_set_hostname(&s->ssl, tds_dstr_cstr(name)) != 0)
		return TLS_FAULT_MEMORY;
	return TLS_FAULT_NONE;
}

/* The one fault to name when a certificate has several: what must be settled
 * first, for a name means nothing on a certificate that nobody vouches for. */
static enum tls_fault certificate_fault(uint32_t flags)
{
	static const struct {
		uint32_t flags;
		enum tls_fault fault;
	} faults[] = {
		{MBEDTLS_X509_BADCERT_OTHER, TLS_FAULT_PINNED},
		{MBEDTLS_X509_BADCERT_REVOKED, TLS_FAULT_REVOKED},
		{MBEDTLS_X509_BADCERT_EXPIRED, TLS_FAULT_EXPIRED},
		{MBEDTLS_X509_BADCERT_FUTURE, TLS_FAULT_FUTURE},
		{MBEDTLS_X509_BADCERT_BAD_MD | MBEDTLS_X509_BADCERT_BAD_PK |
				MBEDTLS_X509_BADCERT_BAD_KEY,
			TLS_FAULT_WEAK},
		{MBEDTLS_X509_BADCERT_NOT_TRUSTED, TLS_FAULT_UNTRUSTED},
		{MBEDTLS_X509_BADCERT_CN_MISMATCH, TLS_FAULT_NAME},
	};

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		if (flags & faults[i].flags)
			return faults[i].fault;
	return TLS_FAULT_UNTRUSTED;
}

static enum tls_fault handshake_fault(const struct session *s, int ret)
{
	switch (ret) {
	case MBEDTLS_ERR_X509_CERT_VERIFY_FAILED:
		return certificate_fault(mbedtls_ssl_get_verify_result(&s->ssl));
	case MBEDTLS_ERR_NET_SEND_FAILED:
	case MBEDTLS_ERR_NET_RECV_FAILED:
	case MBEDTLS_ERR_SSL_CONN_EOF:
		return TLS_FAULT_PEER_CLOSED;
	case MBEDTLS_ERR_SSL_ALLOC_FAILED:
		return TLS_FAULT_MEMORY;
	default:
		return TLS_FAULT_HANDSHAKE;
	}
}

static int session_handshake(struct session *s)
{
	int ret;

	do
		ret = mbedtls_ssl_handshake(&s->ssl);
	while (ret == MBEDTLS_ERR_SSL_WANT_READ || ret == MBEDTLS_ERR_SSL_WANT_WRITE);
	return ret;
}

/* The last flight is still in the packet, and the answer's packet is read. */
static int leave_tunnel(struct session *s)
{
	TDSSOCKET *tds = s->tds;

	if (tds->out_pos > PACKET_HEADER_SIZE && TDS_FAILED(tds_flush_packet(tds)))
		return MBEDTLS_ERR_NET_SEND_FAILED;
	tds->in_pos = tds->in_len;
	mbedtls_ssl_set_bio(&s->ssl, s, direct_send, direct_recv, NULL);
	return 0;
}

/* --- what FreeTDS calls -------------------------------------------------- */

static TDSRET fail(TDSCONNECTION *conn, struct session *s, enum tls_fault fault, int ret)
{
	set_fault(conn, fault, ret);
	session_free(s);
	tdsdump_log(TDS_DBG_ERROR, "TLS: %s (-0x%04x)\n", tls_fault_text(conn), (unsigned)-ret);
	return TDS_FAIL;
}

TDSRET tds_ssl_init(TDSSOCKET *tds, bool full)
{
	TDSCONNECTION *conn = tds->conn;
	struct session *s;
	enum tls_fault fault;
	int ret;

	tds_ssl_deinit(conn);
	set_fault(conn, TLS_FAULT_NONE, 0);
	if (tds->login == NULL)
		return TDS_FAIL;
	s = session_new(tds);
	if (s == NULL)
		return fail(conn, NULL, TLS_FAULT_MEMORY, 0);
	fault = session_setup(s, tds->login, full);
	if (fault != TLS_FAULT_NONE)
		return fail(conn, s, fault, 0);

	if (full)
		mbedtls_ssl_set_bio(&s->ssl, s, direct_send, direct_recv, NULL);
	else
		mbedtls_ssl_set_bio(&s->ssl, s, tunnel_send, tunnel_recv, NULL);
	ret = session_handshake(s);
	if (ret == 0 && !full)
		ret = leave_tunnel(s);
	if (ret != 0)
		return fail(conn, s, handshake_fault(s, ret), ret);

	conn->tls_session = s;
	tdsdump_log(TDS_DBG_INFO1, "TLS: %s %s\n", tls_version(conn), tls_cipher(conn));
	return TDS_SUCCESS;
}

void tds_ssl_deinit(TDSCONNECTION *conn)
{
	session_free(conn->tls_session);
	conn->tls_session = NULL;
	conn->encrypt_single_packet = 0;
}

/* Asked by tds_select() before it waits, also from inside our own read: not
 * mbedtls_ssl_check_pending(), which is true in the middle of a record. */
int tds_ssl_pending(TDSCONNECTION *conn)
{
	struct session *s = conn->tls_session;

	return (int)(mbedtls_ssl_get_bytes_avail(&s->ssl) + s->ahead_len - s->ahead_pos);
}

int tds_ssl_read(TDSCONNECTION *conn, unsigned char *buf, int buflen)
{
	struct session *s = conn->tls_session;
	int n;

	do
		n = mbedtls_ssl_read(&s->ssl, buf, (size_t)buflen);
	while (n == MBEDTLS_ERR_SSL_WANT_READ || n == MBEDTLS_ERR_SSL_WANT_WRITE ||
		n == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET);
	if (n == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY)
		return 0;
	return n < 0 ? -1 : n;
}

/* One call writes one record at most; FreeTDS expects all of it. */
int tds_ssl_write(TDSCONNECTION *conn, const unsigned char *buf, int buflen)
{
	struct session *s = conn->tls_session;
	int done = 0;

	while (done < buflen) {
		int n = mbedtls_ssl_write(&s->ssl, buf + done, (size_t)(buflen - done));

		if (n == MBEDTLS_ERR_SSL_WANT_READ || n == MBEDTLS_ERR_SSL_WANT_WRITE)
			continue;
		if (n <= 0)
			return -1;
		done += n;
	}
	return done;
}

/* Nonces of NTLM and of Sybase's handshake. The kernel's numbers cannot fail
 * in a way that weaker ones would be the answer to. */
void tds_random_buffer(unsigned char *out, int len)
{
	while (len > 0) {
		ssize_t n = getrandom(out, (size_t)len, 0);

		if (n < 0 && errno != EINTR)
			abort();
		if (n > 0) {
			out += n;
			len -= (int)n;
		}
	}
}

/* --- what our callers ask ------------------------------------------------ */

enum tls_fault tls_fault(const struct tds_connection *conn)
{
	return (enum tls_fault)((uintptr_t)conn->tls_dummy & 0xff);
}

const char *tls_fault_text(const struct tds_connection *conn)
{
	static const char *const texts[] = {
#define X(name, text) text,
		TLS_FAULTS(X)
#undef X
	};
	enum tls_fault fault = tls_fault(conn);
	int mbed_error = -(int)((uintptr_t)conn->tls_dummy >> 8);
	const char *words = NULL;

	if (fault == TLS_FAULT_HANDSHAKE) {
		words = mbedtls_high_level_strerr(mbed_error);
		if (words == NULL)
			words = mbedtls_low_level_strerr(mbed_error);
	}
	return words ? words : texts[fault];
}

const char *tls_version(const struct tds_connection *conn)
{
	const struct session *s = conn->tls_session;

	return s ? mbedtls_ssl_get_version(&s->ssl) : NULL;
}

const char *tls_cipher(const struct tds_connection *conn)
{
	const struct session *s = conn->tls_session;

	return s ? mbedtls_ssl_get_ciphersuite(&s->ssl) : NULL;
}

bool tls_certificate(const struct tds_connection *conn, struct tls_certificate *ret)
{
	const struct session *s = conn->tls_session;
	const mbedtls_x509_crt *crt = s ? mbedtls_ssl_get_peer_cert(&s->ssl) : NULL;
	unsigned char digest[32];
	const mbedtls_x509_time *t;

	if (!crt)
		return false;
	t = &crt->valid_to;
	*ret = (struct tls_certificate){.subject = ""};
	if (mbedtls_x509_dn_gets(ret->subject, sizeof(ret->subject), &crt->subject) < 0)
		snprintf(ret->subject, sizeof(ret->subject), "?");
	if (mbedtls_x509_dn_gets(ret->issuer, sizeof(ret->issuer), &crt->issuer) < 0)
		snprintf(ret->issuer, sizeof(ret->issuer), "?");
	snprintf(ret->not_after, sizeof(ret->not_after), "%04u-%02u-%02uT%02u:%02u:%02uZ",
		(unsigned)t->year % 10000, (unsigned)t->mon % 100, (unsigned)t->day % 100,
		(unsigned)t->hour % 100, (unsigned)t->min % 100, (unsigned)t->sec % 100);
	if (mbedtls_sha256(crt->raw.p, crt->raw.len, digest, 0) != 0)
		return true; /* and no digest */
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(ret->sha256 + 2 * i, 3, "%02x", digest[i]);
	return true;
}

/* mbedTLS has no call for it, and keeps it only because renegotiation is
 * compiled in (and disabled above); see vendor/recipes/mbedtls.sh. */
size_t tls_unique(const struct tds_connection *conn, unsigned char *buf, size_t size)
{
	const struct session *s = conn->tls_session;
	size_t len;

	if (s == NULL || mbedtls_ssl_get_version_number(&s->ssl) != MBEDTLS_SSL_VERSION_TLS1_2)
		return 0;
	len = s->ssl.MBEDTLS_PRIVATE(verify_data_len);
	if (len > size)
		return 0;
	memcpy(buf, s->ssl.MBEDTLS_PRIVATE(own_verify_data), len);
	return len;
}

const char *tls_freetds_version(void)
{
	const char *version = tds_get_compiletime_settings()->freetds_version;
	const char *digit = strpbrk(version, "0123456789"); /* "freetds v1.5.5" */

	return digit ? digit : version;
}

const char *tls_mbedtls_version(void)
{
	static char text[VERSION_TEXT_MAX];

	mbedtls_version_get_string(text); /* the same for every caller and every time */
	return text;
}
