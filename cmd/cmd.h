/*
 * cmd - the commands: one table for dispatch, help, completion and manual.
 *
 * A command's file is wiring only: arguments in, a library call, output out.
 * What a script reads goes to standard output, what a person is told to
 * standard error.
 */
#ifndef CMD_CMD_H
#define CMD_CMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/settings.h"

#define CMD_FLAGS_MAX 16 /* of one command, with the global ones */
#define CMD_ARGS_MAX 16

struct flag {
	const char *name;  /* "job" of --job */
	const char *value; /* what stands for its value in help; NULL: a switch */
	const char *help;
	bool required;
};

struct invocation;

struct command {
	const char *name;
	const char *args;    /* "FILE", "[COMMAND]", or NULL: takes none */
	int min_args, max_args;
	const char *summary; /* one line */
	const char *details; /* paragraphs of the help, or NULL */
	const struct flag *flags;
	size_t n_flags;
	/* The exit status, or -1 with an error that nobody has printed yet. */
	int (*run)(struct invocation *in, struct err *err);
};

struct invocation {
	const struct command *command;
	const char *flags[CMD_FLAGS_MAX]; /* values by position: the command's, then the global ones */
	const char *args[CMD_ARGS_MAX];
	int n_args;
	struct arena arena;
};

extern const struct command commands[];
extern const size_t n_commands;
extern const struct flag global_flags[];
extern const size_t n_global_flags;

/* NULL for a name that is none. */
const struct command *cmd_find(const char *name);

/* The value of a flag of the command or a global one; "" for a switch that is on; NULL: not given. */
const char *cmd_flag(const struct invocation *in, const char *name);

/* Parses everything behind the program's name. ERR_USAGE with a hint. `in` is zero-initialised;
 * in->command stays NULL when no command was named. */
MUST_CHECK int cmd_parse(int argc, char **argv, struct invocation *in, struct err *err);

/* The configuration that --config and the environment name, and the log as it says. */
MUST_CHECK int cmd_settings(struct invocation *in, struct settings *ret_settings, struct err *err);

/* From here on all that share the store take turns at showing a keytab's key to a KDC (krb_share); where the
 * store cannot be reached, or not without that very ticket, each goes by what is known on its own host. */
void cmd_share_keys(const struct settings *settings, struct arena *a);

/* Whose name events carry: "user@host", or "uid 1000@host" where there is no passwd entry. */
const char *cmd_actor(struct arena *a);

/* What controllers and those who wake them call the store. */
const char *cmd_store_name(const struct settings *settings, struct arena *a);

/* The number of a run from an argument: ERR_USAGE when it is none. */
MUST_CHECK int cmd_run_number(const char *text, int64_t *ret_run_id, struct err *err);

/* A document as text on standard output, with a line end. */
struct json;
struct json_doc;
void cmd_print_json(struct json_doc *doc, struct json *root);

/* A run as scripts read it. */
struct run_info;
struct json *cmd_run_json(struct json_doc *doc, const struct run_info *r);

void cmd_print_usage(void);
void cmd_print_help(const struct command *c);

/* Flushes standard output: ERR_IO when what was written did not arrive. Returns 0 or -1. */
MUST_CHECK int cmd_flush(struct err *err);

int cmd_apply(struct invocation *in, struct err *err);
int cmd_cancel(struct invocation *in, struct err *err);
int cmd_completion(struct invocation *in, struct err *err);
int cmd_controller(struct invocation *in, struct err *err);
int cmd_demo(struct invocation *in, struct err *err);
int cmd_doctor(struct invocation *in, struct err *err);
int cmd_healthcheck(struct invocation *in, struct err *err);
int cmd_help(struct invocation *in, struct err *err);
int cmd_init(struct invocation *in, struct err *err);
int cmd_job(struct invocation *in, struct err *err);
int cmd_kinit_refresh(struct invocation *in, struct err *err);
int cmd_logs(struct invocation *in, struct err *err);
int cmd_recover(struct invocation *in, struct err *err);
int cmd_rejects(struct invocation *in, struct err *err);
int cmd_run(struct invocation *in, struct err *err);
int cmd_selftest(struct invocation *in, struct err *err);
int cmd_status(struct invocation *in, struct err *err);
int cmd_version(struct invocation *in, struct err *err);
int cmd_watermark(struct invocation *in, struct err *err);
int cmd_ping(struct invocation *in, struct err *err);
int cmd_worker(struct invocation *in, struct err *err);

#endif
