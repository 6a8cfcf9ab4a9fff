/*
 * etl - moves tables, under a controller's eye or by hand. Dispatches on the
 * first argument; an error that a command returns is printed here, once.
 */
#include <signal.h>
#include <stdio.h>

#include "cmd/cmd.h"

static int print_error(const struct err *err)
{
	fprintf(stderr, "etl: %s\n", err->msg);
	if (err->hint[0])
		fprintf(stderr, "hint: %s\n", err->hint);
	return err_exit_code(err->code);
}

static int run(struct invocation *in, struct err *err)
{
	int status;

	if (!in->command) {
		cmd_print_usage();
		return cmd_flag(in, "help") ? cmd_flush(err) : err_exit_code(ERR_USAGE);
	}
	if (cmd_flag(in, "help")) {
		cmd_print_help(in->command);
		return cmd_flush(err);
	}
	status = in->command->run(in, err);
	if (status >= 0 && cmd_flush(err))
		return -1;
	return status;
}

int main(int argc, char **argv)
{
	struct invocation in = {.command = NULL};
	struct err err = ERR_INIT;
	int status;

	signal(SIGPIPE, SIG_IGN); /* a reader that went away is an error of the write */
	if (cmd_parse(argc, argv, &in, &err))
		status = -1;
	else
		status = run(&in, &err);
	if (status < 0)
		status = print_error(&err);
	arena_release(&in.arena);
	return status;
}
