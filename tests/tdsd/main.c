/*
 * tdsd - a TDS server for tests: SQL Server's protocol in front of SQLite, with
 * faults on command. It is no part of the product.
 *
 *	tdsd --directory DIR --login sa:secret --listen 127.0.0.1:1433
 *	tsql -H 127.0.0.1 -p 1433 -U sa -P secret
 */
#include <signal.h>
#include <stdio.h>

#include "tests/tdsd/options.h"
#include "tests/tdsd/server.h"

static struct server server; /* for the signal's handler */

static void on_signal(int number)
{
	(void)number;
	server_stop(&server);
}

static int fail(const struct err *err)
{
	fprintf(stderr, "tdsd: %s\n", err->msg);
	return err_exit_code(err->code);
}

int main(int argc, char **argv)
{
	static struct options options;
	struct err err = ERR_INIT;
	struct sigaction stop = {.sa_handler = on_signal};

	if (options_parse(argc, argv, &options, &err) < 0)
		return fail(&err);
	(void)signal(SIGPIPE, SIG_IGN);
	if (server_open(&options, &server, &err) < 0)
		return fail(&err);
	(void)sigaction(SIGTERM, &stop, NULL);
	(void)sigaction(SIGINT, &stop, NULL);
	printf("tdsd: listening on port %u\n", server.port);
	(void)fflush(stdout);
	server_run(&server);
	server_close(&server);
	return 0;
}
