#include "work/command.h"

#include <unistd.h>

#include "base/words.h"

static int by_shell(const char *text, const char *shell, const char *because, struct arena *a,
	struct command *ret_command, struct err *err)
{
	const char **argv = arena_array(a, 4, sizeof(*argv));

	if (access(shell, X_OK) < 0) {
		err_set(err, ERR_CONFIG,
			"the command needs a shell (%s), and there is no '%s' here", because,
			shell);
		return err_hint(err, "a program with its arguments needs none; quote what is meant "
				     "literally, or use an image that has a shell");
	}
	argv[0] = shell;
	argv[1] = "-c";
	argv[2] = text;
	*ret_command = (struct command){.argv = argv, .by_shell = true};
	return 0;
}

int command_parse(const char *text, const char *shell, struct arena *a, struct command *ret_command,
	struct err *err)
{
	struct words words;

	if (words_split(text ? text : "", a, &words, err))
		return err_wrap(err, "command");
	if (words.shell)
		return by_shell(text, shell, words.shell, a, ret_command, err);
	*ret_command = (struct command){.argv = words.v};
	return 0;
}
