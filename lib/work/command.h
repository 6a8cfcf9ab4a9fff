/*
 * command - an exec job's command as the arguments of a program.
 *
 * As make(1) does it: a simple command is split here (words.h) and needs no shell;
 * any other goes to one.
 */
#ifndef WORK_COMMAND_H
#define WORK_COMMAND_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"

#define COMMAND_SHELL "/bin/sh"

struct command {
	const char *const *argv; /* ends with NULL; in the arena */
	bool by_shell;
};

/* `text` NULL is a command without words. ERR_CONFIG when it cannot be split, or needs a shell and
 * `shell` is no program. */
MUST_CHECK int command_parse(const char *text, const char *shell, struct arena *a,
	struct command *ret_command, struct err *err);

#endif
