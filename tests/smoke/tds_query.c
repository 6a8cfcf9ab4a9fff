/*
 * tds_query - libtds over our TLS, to a whole server: log in, run a statement.
 *
 *	tds_query ADDRESS PORT ENCRYPTION CA-FILE NAME STATEMENT [CANCEL-AFTER]
 *
 * ENCRYPTION is off, request, require or strict; CA-FILE and NAME may be "". User and
 * password are $TDS_USER and $TDS_PASSWORD. Prints what TLS there is, the session's
 * TDS version and packet size, how many rows came and how it ended; exit 1 with the
 * fault, or the server's message, where the login fails.
 */
#include <config.h>

#include <freetds/tds.h>
#include <freetds/utils/string.h>

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tds/tls.h"

static int on_message(const TDSCONTEXT *ctx, TDSSOCKET *tds, TDSMESSAGE *m)
{
	(void)ctx;
	(void)tds;
	if (m->severity > 10)
		fprintf(stderr, "%d: %s\n", (int)m->msgno, m->message);
	return 0;
}

static int on_error(const TDSCONTEXT *ctx, TDSSOCKET *tds, TDSMESSAGE *m)
{
	(void)ctx;
	(void)tds;
	fprintf(stderr, "client %d: %s\n", (int)m->msgno, m->message);
	return TDS_INT_CANCEL;
}

static int encryption_level(const char *name)
{
	static const char *const names[] = {"off", "request", "require", "strict"};

	for (int i = 0; i < 4; i++)
		if (strcmp(name, names[i]) == 0)
			return TDS_ENCRYPTION_OFF + i;
	return TDS_ENCRYPTION_DEFAULT;
}

static TDSLOGIN *make_login(char **argv)
{
	struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
	TDSLOGIN *l = tds_alloc_login(false);
	int level = encryption_level(argv[3]);

	if (!l || getaddrinfo(argv[1], argv[2], &hints, &l->ip_addrs) != 0)
		return NULL;
	l->port = atoi(argv[2]);
	l->tds_version = level == TDS_ENCRYPTION_STRICT ? 0x800 : 0x704;
	l->encryption_level = (TDS_TINYINT)level;
	l->check_ssl_hostname = argv[5][0] != '\0';
	l->valid_configuration = 1;
	l->server_is_valid = 1;
	l->suppress_language = 1;
	if (!tds_dstr_copy(&l->cafile, argv[4]) ||
		!tds_dstr_copy(&l->certificate_host_name, argv[5]) ||
		!tds_dstr_copy(&l->server_host_name, argv[1]) ||
		!tds_dstr_copy(&l->server_name, argv[1]) ||
		!tds_dstr_copy(&l->client_charset, "UTF-8") ||
		!tds_dstr_copy(&l->library, "libtds") || !tds_set_app(l, "tds_query") ||
		!tds_set_user(l, getenv("TDS_USER")) || !tds_set_passwd(l, getenv("TDS_PASSWORD")))
		return NULL;
	return l;
}

static int run(TDSSOCKET *tds, const char *sql, long cancel_after)
{
	TDS_INT type;
	int flags = 0;
	long rows = 0;
	TDSRET ret = tds_submit_query(tds, sql);
	const char *end = "done";

	while (TDS_SUCCEED(ret)) {
		ret = tds_process_tokens(tds, &type, &flags, TDS_RETURN_ROW | TDS_RETURN_DONE);
		if (ret != TDS_SUCCESS)
			break;
		rows += type == TDS_ROW_RESULT;
		if (type == TDS_ROW_RESULT && rows == cancel_after) {
			end = "cancelled";
			if (TDS_FAILED(tds_send_cancel(tds)) || TDS_FAILED(tds_process_cancel(tds)))
				end = "not cancelled";
			break;
		}
		if (type == TDS_DONE_RESULT && flags & TDS_DONE_ERROR)
			end = "failed";
	}
	printf("rows %ld\n%s\n", rows, TDS_FAILED(ret) ? "broken" : end);
	return TDS_FAILED(ret) || strcmp(end, "failed") == 0;
}

int main(int argc, char **argv)
{
	TDSCONTEXT *ctx;
	TDSLOGIN *login;
	TDSSOCKET *tds;
	int status = 1;

	if (argc < 7 || argc > 8) {
		fputs("usage: tds_query ADDRESS PORT ENCRYPTION CA-FILE NAME STATEMENT "
		      "[CANCEL-AFTER]\n",
			stderr);
		return 2;
	}
	ctx = tds_alloc_context(NULL);
	login = make_login(argv);
	tds = ctx ? tds_alloc_socket(ctx, 4096) : NULL;
	if (!login || !tds)
		return 1;
	ctx->msg_handler = on_message;
	ctx->err_handler = on_error;
	if (TDS_SUCCEED(tds_connect_and_login(tds, login))) {
		const char *version = tls_version(tds->conn);

		printf("tls %s\ntds %x\npacket %u\n", version ? version : "none",
			tds->conn->tds_version, (unsigned)tds->conn->env.block_size);
		status = run(tds, argv[6], argc == 8 ? atol(argv[7]) : -1);
	} else if (tls_fault(tds->conn) != TLS_FAULT_NONE) {
		fprintf(stderr, "tls: %s\n", tls_fault_text(tds->conn));
	}
	tds_free_socket(tds);
	tds_free_login(login);
	tds_free_context(ctx);
	return status;
}
