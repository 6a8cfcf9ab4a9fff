/*
 * words - a command line into words, as a shell would split it, without one.
 *
 * What make(1) does: a simple command needs no shell, and so works in an image
 * that has none. Quoting is the shell's (POSIX.1-2024, XCU 2.2): 'as it stands',
 * "with \" \\ \$ and \`", \x, and a backslash at the end of a line joins it to the next.
 * Whatever else means something to a shell is left to a shell. Pure.
 */
#ifndef BASE_WORDS_H
#define BASE_WORDS_H

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

#define WORDS_MAX 4096 /* in one line */

struct words {
	const char **v; /* ends with NULL; in the arena */
	size_t n;
	const char *shell; /* the first thing that only a shell understands, as "|" or "cd"; v and
			    * n say nothing then. NULL: there is none */
};

/* ERR_CONFIG for a line without words or with a quote that has no end, ERR_LIMIT for more than
 * WORDS_MAX words. */
MUST_CHECK int words_split(const char *line, struct arena *a, struct words *ret_words,
	struct err *err);

#endif
