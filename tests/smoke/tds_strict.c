/*
 * tds_strict - FreeTDS's side of a TDS 8.0 ("strict") TLS session: handshake,
 * then one line to the server and its answer.
 *
 *	tds_strict ADDRESS PORT NAME CA-FILE
 *
 * The peer is any TLS server that answers lines. Drives the calls that libtds
 * makes while it logs in, for no server speaks TDS here.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <config.h>

#include <freetds/tds.h>
#include <freetds/tls.h>

#include "tds/tls.h"

static int dial(const char *address, const char *port)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	to.sin_port = htons((uint16_t)atoi(port));
	if (fd < 0 || inet_pton(AF_INET, address, &to.sin_addr) != 1 ||
		connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
		perror("connect");
		exit(1);
	}
	return fd;
}

static int talk(TDSCONNECTION *conn)
{
	static const unsigned char line[] = "hello\n";
	unsigned char reply[64];
	int have = 0;

	if (tds_ssl_write(conn, line, sizeof(line) - 1) != sizeof(line) - 1)
		return 1;
	while (have < (int)sizeof(reply) && !memchr(reply, '\n', (size_t)have)) {
		int n = tds_ssl_read(conn, reply + have, (int)sizeof(reply) - have);

		if (n <= 0)
			return 1;
		have += n;
	}
	printf("reply %.*s", have, reply);
	printf("pending %d\n", tds_ssl_pending(conn));
	return 0;
}

static int session(TDSSOCKET *tds)
{
	TDSCONNECTION *conn = tds->conn;
	unsigned char unique[64];

	if (TDS_FAILED(tds_ssl_init(tds, true))) {
		fprintf(stderr, "%d: %s\n", (int)tls_fault(conn), tls_fault_text(conn));
		return 1;
	}
	printf("%s %s\n", tls_version(conn), tls_cipher(conn));
	printf("unique %zu\n", tls_unique(conn, unique, sizeof(unique)));
	return talk(conn);
}

int main(int argc, char **argv)
{
	TDSCONTEXT *ctx;
	TDSLOGIN *login;
	TDSSOCKET *tds;
	int status;

	if (argc != 5) {
		fputs("usage: tds_strict ADDRESS PORT NAME CA-FILE\n", stderr);
		return 2;
	}
	ctx = tds_alloc_context(NULL);
	login = tds_alloc_login(false);
	tds = tds_alloc_socket(ctx, 4096);
	if (!ctx || !login || !tds || !tds_dstr_copy(&login->server_host_name, argv[3]) ||
		!tds_dstr_copy(&login->cafile, argv[4]))
		return 1;
	login->check_ssl_hostname = 1;
	tds->login = login;
	tds->conn->s = dial(argv[1], argv[2]);
	tds->conn->tds_version = 0x800;
	tds->query_timeout = 20;
	status = session(tds);
	tds_free_socket(tds);
	tds_free_login(login);
	tds_free_context(ctx);
	return status;
}
