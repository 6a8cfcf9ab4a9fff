#include "db/mssql_login.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/file.h"
#include "db/mssql_kerberos.h"

/* Said at every login: "Changed database context to …", "Changed language setting to …". */
#define NEW_DATABASE 5701
#define NEW_LANGUAGE 5703

struct attempt {
	const struct mssql_login *login;
	struct mssql_address address;
	struct mssql_outcome outcome;
	struct mssql_kerberos kerberos;
	struct arena arena;
	bool cancelled;
	struct mssql_heard heard;
};

void mssql_hear(struct mssql_heard *h, const struct mssql_login *login, const struct mssql_message *m,
	struct arena *a)
{
	bool told = m->severity <= 10;

	if (told && login->message && m->number != NEW_DATABASE && m->number != NEW_LANGUAGE)
		login->message(login->arg, m);
	if (told || h->failed)
		return;
	h->failed = true;
	h->error = *m;
	h->error.text = arena_strdup(a, m->text);
	h->error.server = arena_strdup(a, m->server);
	h->error.procedure = arena_strdup(a, m->procedure);
}

static enum mssql_wait on_wait(void *arg)
{
	struct attempt *a = arg;
	const atomic_bool *cancel = a->login->cancel;

	a->cancelled |= cancel && atomic_load_explicit(cancel, memory_order_relaxed);
	return a->cancelled ? MSSQL_LEAVE : MSSQL_WAIT;
}

static void on_message(void *arg, const struct mssql_message *m)
{
	struct attempt *a = arg;

	mssql_hear(&a->heard, a->login, m, &a->arena);
}

static void warn(const struct mssql_login *login, const char *text)
{
	const struct mssql_message m = {.text = text, .server = "", .procedure = ""};

	if (login->message)
		login->message(login->arg, &m);
}

static int in_layer(enum mssql_layer layer, enum mssql_layer *ret_layer, struct err *err)
{
	*ret_layer = layer;
	return err_wrap(err, "%s", mssql_layer_name(layer));
}

static int read_password(const struct mssql_options *o, char out[MSSQL_PASSWORD_MAX + 1], struct err *err)
{
	struct buf text = BUF_INIT(MSSQL_PASSWORD_MAX);
	int rc = -1;

	if (!o->user || !*o->user || !o->password_file) {
		err_set(err, ERR_CONFIG, "auth = sql needs 'user' and 'password_file'");
		err_hint(err, "auth = kerberos takes a ticket in their place");
	} else if (file_read(o->password_file, &text, err)) {
		err->code = ERR_CONFIG;
		err_wrap(err, "password_file");
	} else {
		while (text.len && strchr("\r\n", text.data[text.len - 1]))
			text.len--;
		memcpy(out, text.len ? text.data : "", text.len);
		out[text.len] = '\0';
		rc = 0;
	}
	if (text.data)
		explicit_bzero(text.data, text.cap);
	buf_release(&text);
	return rc;
}

/* --- why not --------------------------------------------------------------------- */

static int name_error(const struct attempt *a, struct err *err)
{
	err_set(err, ERR_NETWORK, "there is no host '%s': %s", a->address.host, a->outcome.detail);
	return err_hint(err, "is 'server' spelled right, and does this machine's DNS know it?");
}

static int browser_error(const struct attempt *a, struct err *err)
{
	err_set(err, ERR_NETWORK, "the SQL Server Browser of '%s' (UDP 1434) names no port for '%s'",
		a->address.host, a->address.instance);
	return err_hint(err, "is it started there, and the instance's name right? or say server = %s,PORT",
		a->address.host);
}

static int connect_error(const struct attempt *a, struct err *err)
{
	err_set(err, ERR_NETWORK, "connect to %s,%u: %s", a->address.host, a->outcome.port, a->outcome.detail);
	return err_hint(err, "is a server there, does it speak TCP, and do the firewalls let us through?");
}

static int tls_error(const struct attempt *a, struct err *err)
{
	const struct mssql_options *o = a->login->options;

	err_set(err, ERR_NETWORK, "%s,%u: %s", a->address.host, a->outcome.port, a->outcome.detail);
	switch (a->outcome.tls) {
	case TLS_FAULT_CA_FILE:
	case TLS_FAULT_PIN_FILE:
		err->code = ERR_CONFIG;
		return err_hint(err, "a PEM file is wanted%s%s: '%s'", o->ca_file || o->server_certificate ? "" : "; ",
			o->ca_file || o->server_certificate ? "" : "this machine has no authorities of its own, say ca_file",
			o->server_certificate ? o->server_certificate : o->ca_file ? o->ca_file : "");
	case TLS_FAULT_UNTRUSTED:
		return err_hint(err, "%s",
			o->ca_file ? "is ca_file the authority which signed it?"
				   : "say ca_file, the authority which signed it, or server_certificate, the "
				     "certificate itself");
	case TLS_FAULT_NAME:
		return err_hint(err, "is another name than '%s' right? then say host_name_in_certificate",
			o->host_name_in_certificate ? o->host_name_in_certificate : a->address.host);
	case TLS_FAULT_EXPIRED:
	case TLS_FAULT_FUTURE:
		return err_hint(err, "the server needs another one; or is this machine's clock wrong?");
	case TLS_FAULT_PINNED:
		return err_hint(err, "has the server got a new one? look before you take it");
	case TLS_FAULT_HANDSHAKE:
	case TLS_FAULT_PEER_CLOSED:
		if (o->encrypt == MSSQL_ENCRYPT_OFF)
			return err_hint(err, "the server wants to encrypt: encrypt = require");
		return err_hint(err, "%s",
			o->encrypt == MSSQL_ENCRYPT_STRICT
				? "encrypt = strict wants a SQL Server 2022; older ones take require"
				: "TLS 1.2 is wanted; older versions are not spoken");
	default:
		return -1;
	}
}

/* It hung up after the negotiation and said nothing. */
static int refused_error(const struct attempt *a, enum mssql_layer *ret_layer, struct err *err)
{
	if (a->login->options->encrypt == MSSQL_ENCRYPT_REQUIRE) {
		err_set(err, ERR_NETWORK, "%s,%u, or somebody on the way to it, refuses to encrypt",
			a->address.host, a->outcome.port);
		err_hint(err, "a server without TLS takes encrypt = off only");
		return in_layer(MSSQL_LAYER_TLS, ret_layer, err);
	}
	err_set(err, ERR_NETWORK, "%s,%u refused us without a word", a->address.host, a->outcome.port);
	err_hint(err, "its error log may say why");
	return in_layer(MSSQL_LAYER_LOGIN, ret_layer, err);
}

static int server_error(const struct attempt *a, enum mssql_layer *ret_layer, struct err *err)
{
	enum mssql_layer layer = mssql_error_meaning(a->heard.error.number, a->heard.error.severity).layer;
	bool with_password = a->login->options->auth == MSSQL_AUTH_SQL;
	const char *reason = with_password && a->heard.error.number == 18456 ? mssql_login_reason(a->heard.error.state) : NULL;

	mssql_error_set(&a->heard.error, a->address.host, err);
	if (reason) {
		*err->hint = '\0';
		err_hint(err, "%s", reason);
	} else if (!with_password && a->heard.error.number == 18456) {
		*err->hint = '\0';
		err_hint(err, "Kerberos is fine; the server has no login for the account: CREATE LOGIN [DOMAIN\\account] FROM WINDOWS");
	}
	return in_layer(layer ? layer : MSSQL_LAYER_LOGIN, ret_layer, err);
}

static int explain(const struct attempt *a, enum mssql_layer *ret_layer, struct err *err)
{
	if (a->cancelled)
		return err_set(err, ERR_CANCELLED, "cancelled");
	if (a->kerberos.failed) {
		*err = a->kerberos.err;
		return in_layer(MSSQL_LAYER_KERBEROS, ret_layer, err);
	}
	if (a->heard.failed)
		return server_error(a, ret_layer, err);
	switch (a->outcome.fault) {
	case MSSQL_FAULT_NAME:
		name_error(a, err);
		return in_layer(MSSQL_LAYER_NAME, ret_layer, err);
	case MSSQL_FAULT_BROWSER:
		browser_error(a, err);
		return in_layer(MSSQL_LAYER_PORT, ret_layer, err);
	case MSSQL_FAULT_CONNECT:
		connect_error(a, err);
		return in_layer(MSSQL_LAYER_PORT, ret_layer, err);
	case MSSQL_FAULT_TLS:
		tls_error(a, err);
		return in_layer(MSSQL_LAYER_TLS, ret_layer, err);
	case MSSQL_FAULT_TIMEOUT:
		err_set(err, ERR_NETWORK, "%s,%u did not answer within %lld s", a->address.host,
			a->outcome.port, (long long)a->login->options->login_timeout / 1000);
		return in_layer(MSSQL_LAYER_LOGIN, ret_layer, err);
	case MSSQL_FAULT_REFUSED:
		return refused_error(a, ret_layer, err);
	case MSSQL_FAULT_CLOSED:
		err_set(err, ERR_NETWORK, "%s,%u: %s", a->address.host, a->outcome.port, a->outcome.detail);
		err_hint(err, "is that a SQL Server?");
		return in_layer(MSSQL_LAYER_LOGIN, ret_layer, err);
	default:
		return err_set(err, ERR_INTERNAL, "no memory for a connection");
	}
}

/* --- login ------------------------------------------------------------------------ */

/* What we have got is what was asked for: an encryption can be negotiated away on the way. */
static int check_peer(const struct mssql_login *login, const struct mssql_socket *s,
	enum mssql_layer *ret_layer, struct err *err)
{
	const struct mssql_options *o = login->options;
	struct mssql_peer peer;

	mssql_socket_peer(s, &peer);
	if (o->encrypt >= MSSQL_ENCRYPT_REQUIRE && !peer.tls_version) {
		err_set(err, ERR_NETWORK, "%s,%u, or somebody on the way to it, encrypts the login only",
			peer.host, peer.port);
		err_hint(err, "encrypt = request takes that");
		return in_layer(MSSQL_LAYER_TLS, ret_layer, err);
	}
	if (peer.version < 0x702) {
		err_set(err, ERR_NETWORK, "%s,%u is older than SQL Server 2005", peer.host, peer.port);
		return in_layer(MSSQL_LAYER_LOGIN, ret_layer, err);
	}
	if (!peer.tls_version)
		warn(login, "the connection is not encrypted: anybody on the way can read and change what goes "
			    "over it");
	if (o->encrypt != MSSQL_ENCRYPT_OFF && o->trust_server_certificate && !o->server_certificate)
		warn(login, "trust_server_certificate = yes: nobody has checked who the server is");
	return 0;
}

int mssql_login(const struct mssql_login *login, struct mssql_socket **ret_socket,
	enum mssql_layer *ret_layer, struct err *err)
{
	const struct mssql_options *o = login->options;
	struct attempt a = {.login = login};
	const struct mssql_socket_events events = {.wait = on_wait, .message = on_message, .arg = &a};
	char password[MSSQL_PASSWORD_MAX + 1];
	struct mssql_socket_login how = {.host = a.address.host,
		.instance = a.address.instance,
		.user = o->user,
		.password = password,
		.database = o->database,
		.application = login->application,
		.encrypt = (enum mssql_encrypt)o->encrypt,
		.ca_file = o->trust_server_certificate ? NULL : o->ca_file ? o->ca_file : "system",
		.server_certificate = o->server_certificate,
		.certificate_name = o->host_name_in_certificate,
		.read_only = strcmp(o->application_intent, "readonly") == 0,
		.packet_size = (int)o->packet_size,
		.timeout_s = (int)((o->login_timeout + 999) / 1000)};
	struct mssql_socket *s = NULL;
	int rc = -1;

	*ret_layer = MSSQL_LAYER_NONE;
	if (mssql_address_parse(o->server, &a.address, err))
		return err_wrap(err, "server");
	if (o->auth == MSSQL_AUTH_KERBEROS) {
		if (mssql_kerberos_begin(&a.kerberos, o, err))
			return in_layer(MSSQL_LAYER_KERBEROS, ret_layer, err);
		how.user = NULL;
		how.gssapi = &a.kerberos.login;
	} else if (read_password(o, password, err)) {
		return in_layer(MSSQL_LAYER_LOGIN, ret_layer, err);
	}
	how.port = a.address.port;
	s = mssql_socket_open(&how, &events, &a.outcome);
	explicit_bzero(password, sizeof(password));
	rc = s ? check_peer(login, s, ret_layer, err) : explain(&a, ret_layer, err);
	if (rc == 0 && how.gssapi && mssql_kerberos_check(&a.kerberos, err))
		rc = in_layer(MSSQL_LAYER_KERBEROS, ret_layer, err);
	mssql_kerberos_end(&a.kerberos);
	arena_release(&a.arena);
	if (rc) {
		mssql_socket_free(s);
		return -1;
	}
	*ret_socket = s;
	return 0;
}
