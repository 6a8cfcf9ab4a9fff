#include "tests/tdsd/login.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "tests/tdsd/inject.h"
#include "tests/tdsd/sspi.h"

#define PRELOGIN_MAX   4096
#define LOGIN7_MAX     (128u << 10) /* MS-TDS 2.2.6.4 */
#define PROGRAM        "Microsoft SQL Server"
#define LANGUAGE       "us_english"
#define LOGIN_FAILED   18456
#define NO_DATABASE    4060
#define STATE_PASSWORD 8 /* of error 18456: the password is wrong; 5: there is no such login */
#define STATE_USER     5

/* SQL_Latin1_General_CP1_CI_AS: LCID 0x0409, sort id 52. */
static const uint8_t collation[TDS_COLLATION_LEN] = {0x09, 0x04, 0xD0, 0x00, 0x34};

/* --- PRELOGIN --------------------------------------------------------------------- */

static bool instance_matches(const struct conn *c)
{
	const char *asked = c->prelogin.instance;

	return !asked[0] || strcasecmp(asked, "MSSQLServer") == 0 ||
	       strcasecmp(asked, c->server->options->instance) == 0;
}

static int answer_prelogin(struct conn *c, enum encrypt encrypt, struct err *err)
{
	CLEANUP(buf_release) struct buf b = BUF_INIT(PRELOGIN_MAX);
	struct prelogin_answer answer = {
		.version = c->server->options->version,
		.encrypt = encrypt,
		.instance_matches = instance_matches(c),
		.fed_auth_asked = c->prelogin.fed_auth,
	};

	prelogin_answer(&answer, &b);
	wire_begin(&c->wire, WIRE_RESULT);
	wire_put(&c->wire, b.data, b.len);
	return wire_end(&c->wire) ? 0 : err_set(err, ERR_NETWORK, "the client is gone");
}

static int take_message(struct conn *c, enum wire_type type, struct err *err)
{
	uint8_t status;
	int got;

	c->request.max = type == WIRE_PRELOGIN ? PRELOGIN_MAX : LOGIN7_MAX;
	got = wire_message(&c->wire, &c->request, &status, err);
	if (got == 0)
		return err_set(err, ERR_NETWORK, "the connection ended before the login");
	if (got < 0)
		return -1;
	if (c->wire.in_type != type)
		return err_set(err, ERR_DATA, "a message of type 0x%02x where 0x%02x belongs",
			c->wire.in_type, type);
	return 0;
}

static int start_tls(struct conn *c, bool strict, struct err *err)
{
	int rc;

	c->phase = PHASE_TLS;
	rc = wire_accept_tls(&c->wire, c->server->tls, strict, err);
	c->phase = PHASE_PRELOGIN;
	if (rc < 0)
		return -1;
	c->tls_protocol = tls_protocol_name(c->wire.tls);
	c->tls_cipher = tls_cipher_name(c->wire.tls);
	c->finished_len = tls_client_finished(c->wire.tls, c->finished, sizeof(c->finished));
	return 0;
}

static int prelogin(struct conn *c, struct err *err)
{
	struct fault fault;
	enum encrypt answer;
	bool strict = c->server->options->encrypt == ENCRYPT_POLICY_STRICT;

	if (strict && start_tls(c, true, err) < 0)
		return -1;
	if (take_message(c, WIRE_PRELOGIN, err) < 0 ||
		prelogin_parse((uint8_t *)c->request.data, c->request.len, &c->prelogin, err) < 0)
		return -1;
	answer = prelogin_encrypt(c->server->options->encrypt, c->prelogin.encrypt);
	if (inject_ask(c, STAGE_PRELOGIN, FAULT_DOWNGRADE, &fault))
		answer = strcmp(fault.encrypt, "login") == 0 ? ENCRYPT_OFF : ENCRYPT_NOT_SUP;
	if (answer_prelogin(c, answer, err) < 0)
		return -1;
	c->encryption = strict ? SCOPE_ALL : prelogin_scope(c->prelogin.encrypt, answer);
	if (c->encryption == SCOPE_REFUSED)
		return err_set(err, ERR_NETWORK, "client and server do not agree on encryption");
	if (c->encryption == SCOPE_NONE || strict)
		return 0;
	return start_tls(c, false, err);
}

/* --- LOGIN7 ----------------------------------------------------------------------- */

static const struct login_rule *find_login(const struct options *o, const char *user)
{
	for (uint32_t i = 0; i < o->n_logins; i++)
		if (strcasecmp(o->logins[i].user, user) == 0)
			return &o->logins[i];
	return NULL;
}

static void refuse(struct conn *c, int32_t number, uint8_t state, const char *text)
{
	report_outcome(&c->server->report, c->entry, "refused", number);
	conn_error(c, number, 14, state, "%s", text);
}

static const char *failed_text(struct conn *c)
{
	return arena_printf(&c->arena, "Login failed for user '%s'.", c->login.user);
}

/* The client is not told why; that is in the server's log alone. */
static int refuse_user(struct conn *c, int state)
{
	fprintf(stderr, "tdsd: connection %d: error %d, state %d\n", c->spid, LOGIN_FAILED, state);
	refuse(c, LOGIN_FAILED, 1, failed_text(c));
	return 0;
}

/* Two errors in one answer. */
static int refuse_database(struct conn *c, const char *database)
{
	struct engine_message m = {.number = NO_DATABASE, .severity = 11, .state = 1, .line = 1};

	m.text = arena_printf(&c->arena,
		"Cannot open database \"%s\" requested by the login. The login failed.", database);
	report_outcome(&c->server->report, c->entry, "refused", NO_DATABASE);
	wire_begin(&c->wire, WIRE_RESULT);
	token_message(&c->wire, c->level, &m, c->server->options->server_name);
	m = (struct engine_message){.number = LOGIN_FAILED,
		.severity = 14,
		.state = 1,
		.line = 1,
		.text = failed_text(c)};
	token_message(&c->wire, c->level, &m, c->server->options->server_name);
	token_done(&c->wire, c->level, &(struct done){.token = TOKEN_DONE, .status = DONE_ERROR});
	(void)wire_end(&c->wire);
	return 0;
}

static int open_session(struct conn *c, const struct login_rule *rule)
{
	const char *database = c->login.database[0] ? c->login.database : rule->database;
	struct engine_login login = {
		.user = rule->user,
		.program = c->login.program,
		.host = c->login.host,
		.database = database,
		.spid = c->spid,
		.encrypt = c->encryption == SCOPE_ALL ? "TRUE" : "FALSE",
		.auth_scheme = c->login.integrated ? "KERBEROS" : "SQL",
		.plain = rule->plain,
	};
	struct err err = ERR_INIT;

	if (session_open(c->server->engine, &login, &c->session, &err) == 0) {
		c->login.database = database[0] ? database : "master";
		return 1;
	}
	return refuse_database(c, database);
}

static const char *find_principal(const struct options *o, const char *principal)
{
	for (uint32_t i = 0; i < o->n_principals; i++)
		if (strcmp(o->principals[i].principal, principal) == 0)
			return o->principals[i].user;
	return NULL;
}

/* With a ticket: 1, 0, or -1 when the client is gone. */
static int authenticate_ticket(struct conn *c, struct err *err)
{
	const struct login_rule *rule;
	struct sspi_peer peer;
	const char *user;
	int rc = sspi_accept(c, &peer, err);

	if (rc < 0)
		return -1;
	if (rc == 0) {
		refuse(c, 18452, 1,
			"Login failed. The login is from an untrusted domain and cannot be used with Integrated "
			"authentication.");
		return 0;
	}
	fprintf(stderr, "tdsd: connection %d: ticket of '%s'%s\n", c->spid, peer.principal,
		peer.delegated ? ", delegated" : "");
	user = find_principal(c->server->options, peer.principal);
	rule = user ? find_login(c->server->options, user) : NULL;
	c->login.user = user ? user : peer.principal;
	return rule ? open_session(c, rule) : refuse_user(c, STATE_USER);
}

static int authenticate(struct conn *c, struct err *err)
{
	const struct login_rule *rule;
	struct fault fault;

	if (inject_ask(c, STAGE_LOGIN, FAULT_REFUSE, &fault)) {
		refuse(c, (int32_t)fault.number, (uint8_t)fault.state,
			fault.message[0] ? fault.message : failed_text(c));
		return 0;
	}
	if (c->login.integrated)
		return authenticate_ticket(c, err);
	rule = find_login(c->server->options, c->login.user);
	if (!rule)
		return refuse_user(c, STATE_USER);
	if (strcmp(rule->password, c->login.password) != 0)
		return refuse_user(c, STATE_PASSWORD);
	return open_session(c, rule);
}

static uint32_t agree_packet_size(const struct conn *c)
{
	uint32_t size =
		c->login.packet_size ? c->login.packet_size : c->server->options->packet_size;
	uint32_t max = c->wire.tls ? WIRE_PACKET_TLS_MAX : WIRE_PACKET_MAX;

	return size < WIRE_PACKET_MIN ? WIRE_PACKET_MIN : size > max ? max : size;
}

/* --- the answer ------------------------------------------------------------------- */

static void put_info(struct conn *c, int32_t number, uint8_t state, const char *text)
{
	struct engine_message m = {
		.number = number, .state = state, .severity = 0, .text = text, .line = 1};

	token_message(&c->wire, c->level, &m, c->server->options->server_name);
}

static void put_features(struct conn *c)
{
	struct wire *w = &c->wire;

	if (!c->login.features)
		return;
	wire_put8(w, TOKEN_FEATUREEXTACK);
	if (c->login.utf8) {
		wire_put8(w, 0x0A);
		wire_put32(w, 1);
		wire_put8(w, 1);
	}
	wire_put8(w, 0xFF);
}

/* Where else the client should go. */
static int put_ways(struct conn *c, struct err *err)
{
	const struct options *o = c->server->options;
	const char *partner = o->partner, *route = c->login.read_only ? o->route : NULL;
	struct fault to_partner, to_route;
	struct address to;

	if (inject_ask(c, STAGE_LOGIN, FAULT_PARTNER, &to_partner))
		partner = to_partner.to;
	if (inject_ask(c, STAGE_LOGIN, FAULT_ROUTE, &to_route))
		route = to_route.to;
	if (partner)
		token_env_text(&c->wire, ENV_FAILOVER_PARTNER, partner, "");
	if (!route)
		return 0;
	if (options_address(route, &to, err) < 0)
		return -1;
	token_routing(&c->wire, to.host, to.port);
	return 0;
}

/* In the order of SQL Server. */
static int answer_login(struct conn *c, struct err *err)
{
	const struct options *o = c->server->options;
	struct wire *w = &c->wire;
	uint32_t size = agree_packet_size(c);
	char now[16], was[16];
	struct done done = {.token = TOKEN_DONE};

	wire_begin(w, WIRE_RESULT);
	if (c->sspi_out_len && !o->unproven) {
		wire_put8(w, TOKEN_SSPI);
		wire_put16(w, (unsigned)c->sspi_out_len);
		wire_put(w, c->sspi_out, c->sspi_out_len);
	}
	token_env_text(w, ENGINE_ENV_DATABASE, c->login.database, "master");
	put_info(c, 5701, 2,
		arena_printf(&c->arena, "Changed database context to '%s'.", c->login.database));
	token_env_bytes(w, ENGINE_ENV_COLLATION, collation, sizeof(collation), "", 0);
	token_env_text(w, ENGINE_ENV_LANGUAGE, LANGUAGE, "");
	put_info(c, 5703, 1, "Changed language setting to " LANGUAGE ".");
	token_loginack(w, c->level, PROGRAM, o->version);
	snprintf(now, sizeof(now), "%u", (unsigned)size);
	snprintf(was, sizeof(was), "%u", WIRE_PACKET_DEFAULT);
	token_env_text(w, ENV_PACKET_SIZE, now, was);
	if (put_ways(c, err) < 0)
		return -1;
	put_features(c);
	token_done(w, c->level, &done);
	if (!wire_end(w))
		return err_set(err, ERR_NETWORK, "the client is gone");
	wire_resize(w, size);
	w->strict_size = true;
	return 0;
}

int login_run(struct conn *c, struct err *err)
{
	int ok;

	if (prelogin(c, err) < 0)
		return -1;
	c->phase = PHASE_LOGIN;
	if (take_message(c, WIRE_LOGIN7, err) < 0)
		return -1;
	if (c->encryption == SCOPE_LOGIN)
		wire_drop_tls(&c->wire);
	if (login7_parse((uint8_t *)c->request.data, c->request.len, &c->arena, &c->login, err) < 0)
		return -1;
	c->level = c->login.level;
	c->wire.spid = (uint16_t)c->spid;
	report_login(&c->server->report, c);
	inject_login(c);
	ok = authenticate(c, err);
	if (ok <= 0)
		return ok;
	if (answer_login(c, err) < 0)
		return -1;
	c->phase = PHASE_REQUEST;
	report_outcome(&c->server->report, c->entry, "in", 0);
	return 1;
}
