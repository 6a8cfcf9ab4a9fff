#include "cmd/cmd.h"

#include <assert.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "krb/krb.h"

const struct command *cmd_find(const char *name)
{
	for (size_t i = 0; i < n_commands; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

/* Positions in `flags`: the command's own first. -1 when there is none of that name. */
static int flag_position(const struct command *c, const char *name, const struct flag **ret_flag)
{
	size_t own = c ? c->n_flags : 0;

	for (size_t i = 0; i < own; i++)
		if (strcmp(c->flags[i].name, name) == 0) {
			*ret_flag = &c->flags[i];
			return (int)i;
		}
	for (size_t i = 0; i < n_global_flags; i++)
		if (strcmp(global_flags[i].name, name) == 0) {
			*ret_flag = &global_flags[i];
			return (int)(CMD_FLAGS_MAX - n_global_flags + i);
		}
	return -1;
}

const char *cmd_flag(const struct invocation *in, const char *name)
{
	const struct flag *flag;
	int pos = flag_position(in->command, name, &flag);

	assert(pos >= 0);
	return in->flags[pos];
}

static int hint_help(const struct command *c, struct err *err)
{
	if (c)
		return err_hint(err, "'etl help %s' explains the command", c->name);
	return err_hint(err, "'etl help' lists the commands");
}

static int unknown_flag(const struct command *c, const char *name, struct err *err)
{
	const char *known[CMD_FLAGS_MAX], *near;
	size_t n = 0;

	for (size_t i = 0; c && i < c->n_flags; i++)
		known[n++] = c->flags[i].name;
	for (size_t i = 0; i < n_global_flags; i++)
		known[n++] = global_flags[i].name;
	near = text_nearest(name, known, n);
	if (near)
		err_set(err, ERR_USAGE, "unknown option '--%s', did you mean '--%s'?", name, near);
	else
		err_set(err, ERR_USAGE, "unknown option '--%s'", name);
	return hint_help(c, err);
}

/* --name, --name=value or --name value; *i moves over a value of its own. */
static int parse_flag(int argc, char **argv, int *i, struct invocation *in, struct err *err)
{
	const char *text = argv[*i] + 2, *equals = strchr(text, '='), *value = "";
	const char *name =
		equals ? arena_strndup(&in->arena, text, (size_t)(equals - text)) : text;
	const struct flag *flag;
	int pos = flag_position(in->command, name, &flag);

	if (pos < 0)
		return unknown_flag(in->command, name, err);
	if (!flag->value && equals) {
		err_set(err, ERR_USAGE, "option '--%s' takes no value", name);
		return hint_help(in->command, err);
	}
	if (flag->value) {
		value = equals ? equals + 1 : argv[*i + 1];
		if (!equals && ++*i >= argc) {
			err_set(err, ERR_USAGE, "option '--%s' needs a value: --%s %s", name, name,
				flag->value);
			return hint_help(in->command, err);
		}
	}
	if (in->flags[pos]) {
		err_set(err, ERR_USAGE, "option '--%s' is given twice", name);
		return hint_help(in->command, err);
	}
	in->flags[pos] = value;
	return 0;
}

static int parse_command(const char *name, struct invocation *in, struct err *err)
{
	const char *known[32];

	assert(n_commands <= ARRAY_LEN(known));
	in->command = cmd_find(name);
	if (in->command)
		return 0;
	for (size_t i = 0; i < n_commands; i++)
		known[i] = commands[i].name;
	err_set(err, ERR_USAGE, "unknown command '%s'", name);
	err_suggest(err, text_nearest(name, known, n_commands));
	return hint_help(NULL, err);
}

static int check_complete(struct invocation *in, struct err *err)
{
	const struct command *c = in->command;

	if (!c || cmd_flag(in, "help"))
		return 0;
	for (size_t i = 0; i < c->n_flags; i++)
		if (c->flags[i].required && !in->flags[i]) {
			err_set(err, ERR_USAGE, "'etl %s' needs --%s %s", c->name, c->flags[i].name,
				c->flags[i].value);
			return hint_help(c, err);
		}
	if (in->n_args < c->min_args) {
		err_set(err, ERR_USAGE, "'etl %s' needs %s", c->name, c->args);
		return hint_help(c, err);
	}
	if (in->n_args > c->max_args) {
		err_set(err, ERR_USAGE, "'etl %s': unexpected argument '%s'", c->name,
			in->args[c->max_args]);
		return hint_help(c, err);
	}
	return 0;
}

int cmd_parse(int argc, char **argv, struct invocation *in, struct err *err)
{
	bool only_args = false;

	for (int i = 1; i < argc; i++) {
		if (!only_args && strcmp(argv[i], "--") == 0) {
			only_args = true;
		} else if (!only_args && strcmp(argv[i], "-h") == 0) {
			argv[i] = (char[]){"--help"};
			if (parse_flag(argc, argv, &i, in, err))
				return -1;
		} else if (!only_args && !in->command && strcmp(argv[i], "--version") == 0) {
			in->command = cmd_find("version");
		} else if (!only_args && strncmp(argv[i], "--", 2) == 0) {
			if (parse_flag(argc, argv, &i, in, err))
				return -1;
		} else if (!only_args && argv[i][0] == '-' && argv[i][1]) {
			err_set(err, ERR_USAGE, "unknown option '%s'", argv[i]);
			return hint_help(in->command, err);
		} else if (!in->command) {
			if (parse_command(argv[i], in, err))
				return -1;
		} else if (in->n_args < CMD_ARGS_MAX) {
			in->args[in->n_args++] = argv[i];
		} else {
			return err_set(err, ERR_USAGE, "too many arguments");
		}
	}
	return check_complete(in, err);
}

/* The first of flag, environment and configuration that says something. */
static const char *log_choice(const struct invocation *in, const char *flag, const char *variable,
	const char *setting)
{
	const char *value = cmd_flag(in, flag), *env = getenv(variable);

	return value ? value : env && *env ? env : setting;
}

int cmd_settings(struct invocation *in, struct settings *ret_settings, struct err *err)
{
	struct settings s;

	if (settings_load(cmd_flag(in, "config"), &in->arena, &s, err))
		return -1;
	if (log_start(STDERR_FILENO, log_choice(in, "log-level", "ETL_LOG_LEVEL", s.log.level),
		    log_choice(in, "log-format", "ETL_LOG_FORMAT", s.log.format), &clock_system,
		    err))
		return -1;
	if (krb_start(&s.kerberos, err))
		return err_wrap(err, "%s", s.file ? s.file : "configuration");
	cmd_share_keys(&s, &in->arena);
	*ret_settings = s;
	return 0;
}

const char *cmd_actor(struct arena *a)
{
	const struct passwd *pw = getpwuid(geteuid());
	char host[256] = "localhost";

	if (gethostname(host, sizeof(host) - 1))
		snprintf(host, sizeof(host), "localhost");
	if (pw)
		return arena_printf(a, "%s@%s", pw->pw_name, host);
	return arena_printf(a, "uid %u@%s", (unsigned)geteuid(), host);
}

const char *cmd_store_name(const struct settings *settings, struct arena *a)
{
	const char *path = settings->store.path, *slash = strrchr(path, '/'), *name = path;
	char *real;

	if (settings->store.driver != DRIVER_SQLITE)
		return settings_store_name(settings, a);
	real = realpath(path, NULL);
	if (real) {
		name = arena_strdup(a, real);
	} else { /* one that is removed keeps its name: whoever watches it can still be asked */
		real = realpath(slash ? arena_strndup(a, path, (size_t)(slash - path + 1)) : ".", NULL);
		if (real)
			name = arena_printf(a, "%s/%s", strcmp(real, "/") == 0 ? "" : real,
				slash ? slash + 1 : path);
	}
	free(real);
	return name;
}

int cmd_run_number(const char *text, int64_t *ret_run_id, struct err *err)
{
	if (text_parse_int(text, ret_run_id) == 0 && *ret_run_id > 0)
		return 0;
	err_set(err, ERR_USAGE, "'%s' is not the number of a run", text);
	return err_hint(err, "'etl status' lists the last runs");
}

void cmd_print_json(struct json_doc *doc, struct json *root)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(SIZE_MAX / 2);

	json_print(doc, root, true, &out);
	puts(buf_str(&out));
}

int cmd_flush(struct err *err)
{
	if (fflush(stdout) || ferror(stdout))
		return err_errno(err, ERR_IO, errno, "write to standard output");
	return 0;
}
