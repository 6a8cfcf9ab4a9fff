#include "tests/tdsd/tls.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <mbedtls/error.h>
#include <mbedtls/pk.h>
#include <mbedtls/psa_util.h>
#include <mbedtls/rsa.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>
#include <psa/crypto.h>

#define OWN_KEY_BITS 2048
#define DAY          86400

struct tls_context {
	mbedtls_x509_crt chain;
	mbedtls_pk_context key;
	mbedtls_ssl_config tunnel, strict; /* TDS 7.x, TDS 8.0 */
};

struct tls_session {
	mbedtls_ssl_context ssl;
	struct tls_io io;
};

static const char *const alpn[] = {"tds/8.0", NULL};

/* What Windows offers, fastest first. */
static const int ciphersuites[] = {
	MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
	MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	MBEDTLS_TLS_DHE_RSA_WITH_AES_256_GCM_SHA384,
	MBEDTLS_TLS_DHE_RSA_WITH_AES_128_GCM_SHA256,
	MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384,
	MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
	MBEDTLS_TLS_RSA_WITH_AES_256_GCM_SHA384,
	MBEDTLS_TLS_RSA_WITH_AES_128_GCM_SHA256,
	MBEDTLS_TLS_RSA_WITH_AES_256_CBC_SHA,
	0,
};

static int mbed_error(struct err *err, enum err_code code, const char *what, int rc)
{
	char text[128];

	mbedtls_strerror(rc, text, sizeof(text));
	return err_set(err, code, "%s: %s (-0x%04x)", what, text, (unsigned)-rc);
}

/* --- the certificate ------------------------------------------------------------- */

static int random_bytes(void *arg, unsigned char *out, size_t len)
{
	(void)arg;
	return mbedtls_psa_get_random(MBEDTLS_PSA_RANDOM_STATE, out, len);
}

static void time_text(time_t t, char out[16])
{
	struct tm tm;

	(void)strftime(out, 16, "%Y%m%d%H%M%S", gmtime_r(&t, &tm));
}

/* As SQL Server does when it was given none. */
static int sign_own(struct tls_context *c, const char *name)
{
	CLEANUP(mbedtls_x509write_crt_free) mbedtls_x509write_cert w;
	unsigned char der[4096], serial[] = {1};
	char subject[300], from[16], to[16];
	time_t now = time(NULL);
	int rc;

	mbedtls_x509write_crt_init(&w);
	rc = mbedtls_pk_setup(&c->key, mbedtls_pk_info_from_type(MBEDTLS_PK_RSA));
	if (rc == 0)
		rc = mbedtls_rsa_gen_key(
			mbedtls_pk_rsa(c->key), random_bytes, NULL, OWN_KEY_BITS, 65537);
	if (rc != 0)
		return rc;
	snprintf(subject, sizeof(subject), "CN=%.200s", name);
	time_text(now - DAY, from);
	time_text(now + 30 * DAY, to);
	mbedtls_x509write_crt_set_version(&w, MBEDTLS_X509_CRT_VERSION_3);
	mbedtls_x509write_crt_set_md_alg(&w, MBEDTLS_MD_SHA256);
	mbedtls_x509write_crt_set_subject_key(&w, &c->key);
	mbedtls_x509write_crt_set_issuer_key(&w, &c->key);
	rc = mbedtls_x509write_crt_set_subject_name(&w, subject);
	if (rc == 0)
		rc = mbedtls_x509write_crt_set_issuer_name(&w, subject);
	if (rc == 0)
		rc = mbedtls_x509write_crt_set_serial_raw(&w, serial, sizeof(serial));
	if (rc == 0)
		rc = mbedtls_x509write_crt_set_validity(&w, from, to);
	if (rc == 0)
		rc = mbedtls_x509write_crt_der(&w, der, sizeof(der), random_bytes, NULL);
	/* it is written at the end of the buffer */
	return rc < 0 ? rc
		      : mbedtls_x509_crt_parse_der(&c->chain, der + sizeof(der) - rc, (size_t)rc);
}

static int load(struct tls_context *c, const struct tls_rules *rules, struct err *err)
{
	int rc;

	if (!rules->certificate) {
		rc = sign_own(c, rules->name);
		return rc == 0 ? 0 : mbed_error(err, ERR_CONFIG, "make a certificate", rc);
	}
	rc = mbedtls_x509_crt_parse_file(&c->chain, rules->certificate);
	if (rc != 0)
		return mbed_error(err, ERR_CONFIG, rules->certificate, rc);
	rc = mbedtls_pk_parse_keyfile(&c->key, rules->key, NULL, random_bytes, NULL);
	return rc == 0 ? 0 : mbed_error(err, ERR_CONFIG, rules->key, rc);
}

/* --- rules ------------------------------------------------------------------------ */

static mbedtls_ssl_protocol_version protocol(
	enum tls_protocol p, mbedtls_ssl_protocol_version other)
{
	return p == TLS_1_2   ? MBEDTLS_SSL_VERSION_TLS1_2
	       : p == TLS_1_3 ? MBEDTLS_SSL_VERSION_TLS1_3
			      : other;
}

static int configure(
	struct tls_context *c, mbedtls_ssl_config *conf, const struct tls_rules *rules, bool strict)
{
	int rc = mbedtls_ssl_config_defaults(conf, MBEDTLS_SSL_IS_SERVER,
		MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);

	if (rc != 0)
		return rc;
	mbedtls_ssl_conf_rng(conf, random_bytes, NULL);
	mbedtls_ssl_conf_ciphersuites(conf, ciphersuites);
	mbedtls_ssl_conf_authmode(conf, MBEDTLS_SSL_VERIFY_NONE);
	mbedtls_ssl_conf_min_tls_version(
		conf, protocol(strict ? rules->min : TLS_DEFAULT, MBEDTLS_SSL_VERSION_TLS1_2));
	mbedtls_ssl_conf_max_tls_version(
		conf, strict ? protocol(rules->max, MBEDTLS_SSL_VERSION_TLS1_3)
			     : MBEDTLS_SSL_VERSION_TLS1_2);
	rc = strict ? mbedtls_ssl_conf_alpn_protocols(conf, (const char **)alpn) : 0;
	return rc ? rc : mbedtls_ssl_conf_own_cert(conf, &c->chain, &c->key);
}

int tls_context_new(
	const struct tls_rules *rules, struct tls_context **ret_context, struct err *err)
{
	struct tls_context *c = mem_alloc(sizeof(*c));
	int rc;

	mbedtls_x509_crt_init(&c->chain);
	mbedtls_pk_init(&c->key);
	mbedtls_ssl_config_init(&c->tunnel);
	mbedtls_ssl_config_init(&c->strict);
	if (psa_crypto_init() != PSA_SUCCESS) {
		tls_context_free(c);
		return err_set(err, ERR_INTERNAL, "no random numbers can be had");
	}
	if (load(c, rules, err) < 0) {
		tls_context_free(c);
		return -1;
	}
	rc = configure(c, &c->tunnel, rules, false);
	if (rc == 0)
		rc = configure(c, &c->strict, rules, true);
	if (rc != 0) {
		tls_context_free(c);
		return mbed_error(err, ERR_CONFIG, "TLS", rc);
	}
	*ret_context = c;
	return 0;
}

void tls_context_free(struct tls_context *c)
{
	if (!c)
		return;
	mbedtls_ssl_config_free(&c->strict);
	mbedtls_ssl_config_free(&c->tunnel);
	mbedtls_pk_free(&c->key);
	mbedtls_x509_crt_free(&c->chain);
	free(c);
}

/* --- sessions --------------------------------------------------------------------- */

static int bio_send(void *arg, const unsigned char *data, size_t len)
{
	struct tls_io *io = arg;

	return io->write(io->arg, data, len) ? (int)len : MBEDTLS_ERR_SSL_CONN_EOF;
}

static int bio_recv(void *arg, unsigned char *buf, size_t len)
{
	struct tls_io *io = arg;
	size_t n = io->read(io->arg, buf, len);

	return n ? (int)n : MBEDTLS_ERR_SSL_CONN_EOF;
}

int tls_accept(struct tls_context *c, bool strict, const struct tls_io *io,
	struct tls_session **ret_session, struct err *err)
{
	struct tls_session *s = mem_alloc(sizeof(*s));
	int rc;

	mbedtls_ssl_init(&s->ssl);
	s->io = *io;
	rc = mbedtls_ssl_setup(&s->ssl, strict ? &c->strict : &c->tunnel);
	if (rc == 0) {
		mbedtls_ssl_set_bio(&s->ssl, &s->io, bio_send, bio_recv, NULL);
		rc = mbedtls_ssl_handshake(&s->ssl);
	}
	if (rc == 0 && strict && !mbedtls_ssl_get_alpn_protocol(&s->ssl)) {
		tls_free(s);
		return err_set(err, ERR_NETWORK, "TLS: the client does not ask for tds/8.0 (ALPN)");
	}
	if (rc != 0) {
		tls_free(s);
		return mbed_error(err, ERR_NETWORK, "TLS handshake", rc);
	}
	*ret_session = s;
	return 0;
}

void tls_change_io(struct tls_session *s, const struct tls_io *io)
{
	s->io = *io;
}

void tls_free(struct tls_session *s)
{
	if (!s)
		return;
	mbedtls_ssl_free(&s->ssl);
	free(s);
}

size_t tls_read(struct tls_session *s, void *buf, size_t len)
{
	int n;

	do
		n = mbedtls_ssl_read(&s->ssl, buf, len);
	while (n == MBEDTLS_ERR_SSL_WANT_READ || n == MBEDTLS_ERR_SSL_WANT_WRITE ||
		n == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET);
	return n > 0 ? (size_t)n : 0;
}

bool tls_write(struct tls_session *s, const void *data, size_t len)
{
	const unsigned char *p = data;

	while (len) {
		int n = mbedtls_ssl_write(&s->ssl, p, len);

		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

bool tls_pending(const struct tls_session *s)
{
	return mbedtls_ssl_get_bytes_avail(&s->ssl) > 0;
}

void tls_close_notify(struct tls_session *s)
{
	(void)mbedtls_ssl_close_notify(&s->ssl);
}

const char *tls_protocol_name(const struct tls_session *s)
{
	return mbedtls_ssl_get_version(&s->ssl);
}

const char *tls_cipher_name(const struct tls_session *s)
{
	return mbedtls_ssl_get_ciphersuite(&s->ssl);
}

size_t tls_client_finished(const struct tls_session *s, uint8_t *buf, size_t size)
{
	size_t len = s->ssl.MBEDTLS_PRIVATE(verify_data_len);

	if (mbedtls_ssl_get_version_number(&s->ssl) != MBEDTLS_SSL_VERSION_TLS1_2 || len > size)
		return 0;
	memcpy(buf, s->ssl.MBEDTLS_PRIVATE(peer_verify_data), len);
	return len;
}
