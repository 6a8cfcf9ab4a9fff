#include "db/mssql_socket.h"

#include <config.h>

#include <freetds/tds.h>
#include <freetds/utils.h>

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INITIAL_PACKET  4096 /* until the server has agreed on another size */
#define VERSION_7_4     0x704
#define VERSION_8_0     0x800 /* TLS first */
#define STATUS_LAST     0x01  /* of a packet: the message ends with it */
#define STATUS_IGNORE   0x02  /* and is to be ignored */
#define PACKET_HEADER   8
#define HOST_NAME_MAX_  255

struct mssql_socket {
	struct tls_wishes wishes; /* first: tds/tls.h finds it by the socket's parent */
	struct mssql_socket_events events;
	TDSCONTEXT *ctx;
	TDSSOCKET *tds;
	char host[MSSQL_HOST_MAX + 1];
	uint16_t port;
	bool logged_in;
	int lost, lost_errno; /* FreeTDS's word on a connection that is gone: TDSE… */
};

/* --- what FreeTDS calls ---------------------------------------------------------- */

static int on_wait(void *parent)
{
	struct mssql_socket *s = parent;

	switch (s->events.wait(s->events.arg)) {
	case MSSQL_ATTENTION:
		if (!s->logged_in)
			return TDS_INT_CANCEL;
		(void)tds_send_cancel(s->tds); /* what is lost is found by the next read */
		return TDS_INT_CONTINUE;
	case MSSQL_LEAVE:
		return TDS_INT_CANCEL; /* which ends in TDSETIME, and closes the connection */
	default:
		return TDS_INT_CONTINUE;
	}
}

/* The first error is the cause; TDSEFCON comes after every failed login. */
static int on_error(const TDSCONTEXT *ctx, TDSSOCKET *tds, TDSMESSAGE *m)
{
	struct mssql_socket *s = tds ? tds_get_parent(tds) : ctx->parent;

	if (s && (!s->lost || s->lost == TDSEFCON)) {
		s->lost = m->msgno;
		s->lost_errno = m->oserr;
	}
	return TDS_INT_CANCEL;
}

static int on_message(const TDSCONTEXT *ctx, TDSSOCKET *tds, TDSMESSAGE *m)
{
	struct mssql_socket *s = tds ? tds_get_parent(tds) : ctx->parent;
	const struct mssql_message message = {.number = m->msgno,
		.state = (uint8_t)m->state,
		.severity = (uint8_t)m->severity,
		.line = m->line_number,
		.text = m->message ? m->message : "",
		.server = m->server ? m->server : "",
		.procedure = m->proc_name ? m->proc_name : ""};

	if (s)
		s->events.message(s->events.arg, &message);
	return TDS_SUCCESS;
}

/* --- login ------------------------------------------------------------------------- */

static const TDS_TINYINT levels[] = {
	[MSSQL_ENCRYPT_OFF] = TDS_ENCRYPTION_OFF,
	[MSSQL_ENCRYPT_REQUEST] = TDS_ENCRYPTION_REQUEST,
	[MSSQL_ENCRYPT_REQUIRE] = TDS_ENCRYPTION_REQUIRE,
	[MSSQL_ENCRYPT_STRICT] = TDS_ENCRYPTION_STRICT,
};

static bool copy(DSTR *to, const char *from)
{
	return tds_dstr_copy(to, from ? from : "") != NULL;
}

/* tds_read_config_info() would take server, port, version and more from the environment. */
static bool fill(TDSLOGIN *l, const struct mssql_socket_login *login)
{
	char machine[HOST_NAME_MAX_ + 1] = "";

	(void)gethostname(machine, sizeof(machine) - 1);
	l->tds_version = login->encrypt == MSSQL_ENCRYPT_STRICT ? VERSION_8_0 : VERSION_7_4;
	l->encryption_level = levels[login->encrypt];
	l->block_size = login->packet_size;
	l->connect_timeout = login->timeout_s;
	l->query_timeout = 0; /* the caller keeps it, in `wait` */
	l->check_ssl_hostname = 1;
	l->readonly_intent = login->read_only;
	l->valid_configuration = 1;
	return copy(&l->server_name, login->host) && copy(&l->server_host_name, login->host) &&
	       copy(&l->client_charset, "UTF-8") && copy(&l->language, "us_english") &&
	       copy(&l->client_host_name, machine) && copy(&l->app_name, login->application) &&
	       copy(&l->library, "etl") && copy(&l->user_name, login->user) &&
	       copy(&l->password, login->user ? login->password : "") && copy(&l->database, login->database) &&
	       copy(&l->cafile, login->ca_file) &&
	       copy(&l->certificate_host_name, login->certificate_name);
}

static enum mssql_fault find(struct mssql_socket *s, TDSLOGIN *l, const struct mssql_socket_login *login,
	struct mssql_outcome *out)
{
	const struct addrinfo hints = {
		.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
	int rc = getaddrinfo(login->host, NULL, &hints, &l->ip_addrs);

	if (rc) {
		l->ip_addrs = NULL;
		snprintf(out->detail, sizeof(out->detail), "%s", gai_strerror(rc));
		return MSSQL_FAULT_NAME;
	}
	s->port = login->port;
	for (struct addrinfo *at = l->ip_addrs; at && s->port == 0; at = at->ai_next)
		s->port = (uint16_t)tds7_get_instance_port(at, login->instance);
	l->port = s->port;
	return s->port ? MSSQL_FAULT_NONE : MSSQL_FAULT_BROWSER;
}

static enum mssql_fault login_fault(const struct mssql_socket *s, struct mssql_outcome *out)
{
	out->tls = tls_fault(s->tds->conn);
	if (out->tls != TLS_FAULT_NONE) {
		snprintf(out->detail, sizeof(out->detail), "%s", tls_fault_text(s->tds->conn));
		return MSSQL_FAULT_TLS;
	}
	snprintf(out->detail, sizeof(out->detail), "%s", mssql_socket_lost(s));
	if (s->lost == TDSECONN || s->lost == TDSESOCK)
		return MSSQL_FAULT_CONNECT;
	if (s->lost == TDSETIME)
		return MSSQL_FAULT_TIMEOUT;
	return s->lost == TDSEFCON ? MSSQL_FAULT_REFUSED : MSSQL_FAULT_CLOSED;
}

/* A routing has put "host,port" in the place of the server's name. */
static void take_host(struct mssql_socket *s, const TDSLOGIN *l)
{
	const char *name = tds_dstr_cstr(&l->server_name), *comma = strchr(name, ',');

	snprintf(s->host, sizeof(s->host), "%.*s", (int)(comma ? (size_t)(comma - name) : strlen(name)), name);
	s->port = (uint16_t)l->port;
}

static enum mssql_fault connect_and_login(
	struct mssql_socket *s, const struct mssql_socket_login *login, struct mssql_outcome *out)
{
	TDSLOGIN *l = tds_alloc_login(false);
	enum mssql_fault fault = MSSQL_FAULT_MEMORY;

	if (l && fill(l, login)) {
		fault = find(s, l, login, out);
		if (!fault && TDS_FAILED(tds_connect_and_login(s->tds, l)))
			fault = login_fault(s, out);
		if (!fault)
			take_host(s, l);
	}
	tds_free_login(l); /* wipes the password */
	return fault;
}

struct mssql_socket *mssql_socket_open(const struct mssql_socket_login *login,
	const struct mssql_socket_events *events, struct mssql_outcome *ret_outcome)
{
	struct mssql_socket *s = calloc(1, sizeof(*s));

	*ret_outcome = (struct mssql_outcome){.fault = MSSQL_FAULT_MEMORY, .port = login->port};
	if (!s)
		return NULL;
	s->wishes.server_certificate = login->server_certificate;
	s->wishes.gssapi = login->gssapi;
	s->events = *events;
	s->ctx = tds_alloc_context(s);
	s->tds = s->ctx ? tds_alloc_socket(s->ctx, INITIAL_PACKET) : NULL;
	if (s->tds) {
		s->ctx->msg_handler = on_message;
		s->ctx->err_handler = on_error;
		s->ctx->int_handler = on_wait;
		tds_set_parent(s->tds, s);
		ret_outcome->fault = connect_and_login(s, login, ret_outcome);
		ret_outcome->port = s->port;
	}
	if (ret_outcome->fault) {
		mssql_socket_free(s);
		return NULL;
	}
	s->wishes.gssapi = NULL; /* it ends with the login */
	s->logged_in = true;
	s->lost = s->lost_errno = 0;
	return s;
}

void mssql_socket_free(struct mssql_socket *s)
{
	if (!s)
		return;
	tds_free_socket(s->tds);
	tds_free_context(s->ctx);
	free(s);
}

void mssql_socket_listen(struct mssql_socket *s, const struct mssql_socket_events *events)
{
	s->events = *events;
}

void mssql_socket_peer(const struct mssql_socket *s, struct mssql_peer *ret_peer)
{
	const TDSCONNECTION *conn = s->tds->conn;
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);

	*ret_peer = (struct mssql_peer){.port = s->port,
		.tls_version = tls_version(conn),
		.tls_cipher = tls_cipher(conn),
		.version = conn->tds_version,
		.packet_size = (unsigned)conn->env.block_size,
		.spid = (unsigned)conn->spid};
	memcpy(ret_peer->host, s->host, sizeof(ret_peer->host));
	memcpy(ret_peer->collation, conn->collation, sizeof(ret_peer->collation));
	ret_peer->has_certificate = tls_certificate(conn, &ret_peer->certificate);
	if (getpeername(conn->s, (struct sockaddr *)&peer, &len) == 0)
		(void)getnameinfo((struct sockaddr *)&peer, len, ret_peer->ip, sizeof(ret_peer->ip), NULL, 0,
			NI_NUMERICHOST);
}

bool mssql_socket_alive(const struct mssql_socket *s)
{
	return s->tds->state != TDS_DEAD;
}

void mssql_socket_close(struct mssql_socket *s)
{
	tds_close_socket(s->tds);
}

const char *mssql_socket_lost(const struct mssql_socket *s)
{
	if (s->lost_errno)
		return strerror(s->lost_errno);
	return s->lost == TDSETIME ? "there was no answer in time" : "the server closed it";
}

/* --- packets ----------------------------------------------------------------------- */

bool mssql_socket_begin(struct mssql_socket *s, enum mssql_request type)
{
	s->lost = s->lost_errno = 0;
	if (tds_set_state(s->tds, TDS_WRITING) != TDS_WRITING)
		return false;
	s->tds->out_flag = (TDS_UCHAR)type;
	return true;
}

/* Full packets go at once; an error is found by the end. */
void mssql_socket_put(struct mssql_socket *s, const void *data, size_t len)
{
	(void)tds_put_n(s->tds, data, len);
}

bool mssql_socket_send(struct mssql_socket *s)
{
	TDSRET rc = tds_flush_packet(s->tds);

	if (!mssql_socket_alive(s))
		return false;
	(void)tds_set_state(s->tds, TDS_PENDING);
	return TDS_SUCCEED(rc);
}

bool mssql_socket_ignore(struct mssql_socket *s)
{
	TDSRET rc = tds_write_packet(s->tds, STATUS_LAST | STATUS_IGNORE);

	if (!mssql_socket_alive(s))
		return false;
	(void)tds_set_state(s->tds, TDS_PENDING);
	return TDS_SUCCEED(rc);
}

bool mssql_socket_attention(struct mssql_socket *s)
{
	return TDS_SUCCEED(tds_send_cancel(s->tds));
}

const uint8_t *mssql_socket_data(const struct mssql_socket *s, size_t *ret_len)
{
	*ret_len = s->tds->in_len - s->tds->in_pos;
	return s->tds->in_buf + s->tds->in_pos;
}

void mssql_socket_read(struct mssql_socket *s, size_t n)
{
	s->tds->in_pos += (unsigned)n;
}

bool mssql_socket_is_last(const struct mssql_socket *s)
{
	return s->tds->in_len >= PACKET_HEADER && s->tds->in_buf[1] & STATUS_LAST;
}

bool mssql_socket_next(struct mssql_socket *s)
{
	return tds_read_packet(s->tds) >= 0 && s->tds->in_flag == TDS_REPLY;
}

void mssql_socket_done(struct mssql_socket *s)
{
	s->tds->in_cancel = 0;
	(void)tds_set_state(s->tds, TDS_IDLE);
}

bool mssql_socket_is_answering(const struct mssql_socket *s)
{
	return s->tds->state == TDS_PENDING;
}
