#include "base/words.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define BLANKS   " \t"
#define SPECIAL  "|&;<>()$`*?[{}\n" /* anywhere outside of quotes */
#define AT_START "#~"               /* at the beginning of a word */

/* A first word that is the shell's own: reserved words, and what no program can do in its place.
 * Builtins that are programs too (echo, kill, printf, pwd, test …) are run as such. */
static const char *const own[] = {"!", ".", ":", "alias", "bg", "break", "case", "cd", "command",
	"continue", "do", "done", "elif", "else", "esac", "eval", "exec", "exit", "export", "fc",
	"fg", "fi", "for", "getopts", "hash", "if", "jobs", "local", "read", "readonly", "return",
	"set", "shift", "source", "then", "times", "trap", "type", "ulimit", "umask", "unalias",
	"unset", "until", "wait", "while"};

struct splitter {
	const char *p;     /* what comes next */
	char *out;         /* room for all words with their NULs */
	const char *shell; /* once set, the rest does not matter */
	struct arena *arena;
};

/* A line break with nothing but blanks behind it separates nothing. */
static bool at_end(const struct splitter *s)
{
	return !*s->p || (*s->p == '\n' && !s->p[strspn(s->p, BLANKS "\n")]);
}

static void needs_shell(struct splitter *s, const char *thing, size_t len)
{
	s->shell = *thing == '\n' ? "a line break" : arena_strndup(s->arena, thing, len);
}

static int single_quoted(struct splitter *s, struct err *err)
{
	const char *end = strchr(s->p, '\'');

	if (!end)
		return err_set(err, ERR_CONFIG, "a ' that has no end");
	memcpy(s->out, s->p, (size_t)(end - s->p));
	s->out += end - s->p;
	s->p = end + 1;
	return 0;
}

static int double_quoted(struct splitter *s, struct err *err)
{
	while (*s->p && *s->p != '"') {
		if (*s->p == '$' || *s->p == '`') {
			needs_shell(s, s->p, 1);
			return 0;
		}
		if (*s->p == '\\' && s->p[1] && strchr("$`\"\\\n", s->p[1])) {
			s->p++;
			if (*s->p == '\n') {
				s->p++;
				continue;
			}
		}
		*s->out++ = *s->p++;
	}
	if (!*s->p)
		return err_set(err, ERR_CONFIG, "a \" that has no end");
	s->p++;
	return 0;
}

static int escaped(struct splitter *s, struct err *err)
{
	if (!*s->p)
		return err_set(err, ERR_CONFIG, "a \\ with nothing behind it");
	*s->out = *s->p++;
	s->out += *s->out != '\n';
	return 0;
}

/* NAME= at the beginning of `word`: an assignment, when it is not quoted. */
static bool is_assignment(const char *word)
{
	const char *p = word;

	while (isalnum((unsigned char)*p) || *p == '_')
		p++;
	return p > word && *p == '=' && !isdigit((unsigned char)*word);
}

static int next_word(struct splitter *s, struct err *err)
{
	if (strchr(AT_START, *s->p)) {
		needs_shell(s, s->p, 1);
		return 0;
	}
	while (!at_end(s) && !strchr(BLANKS, *s->p) && !s->shell) {
		char c = *s->p++;

		if (c == '\''       ? single_quoted(s, err)
			: c == '"'  ? double_quoted(s, err)
			: c == '\\' ? escaped(s, err)
				    : 0)
			return -1;
		if (strchr(SPECIAL, c))
			needs_shell(s, s->p - 1, 1);
		else if (!strchr("'\"\\", c))
			*s->out++ = c;
	}
	*s->out++ = '\0';
	return 0;
}

static void skip_blanks(struct splitter *s)
{
	for (;;)
		if (*s->p && strchr(BLANKS, *s->p))
			s->p++;
		else if (s->p[0] == '\\' && s->p[1] == '\n')
			s->p += 2;
		else
			return;
}

static void check_first(struct splitter *s, const char *source, const char *word)
{
	if (is_assignment(source))
		needs_shell(s, source, strcspn(source, "=") + 1);
	for (size_t i = 0; i < ARRAY_LEN(own) && !s->shell; i++)
		if (strcmp(word, own[i]) == 0)
			s->shell = own[i];
}

int words_split(const char *line, struct arena *a, struct words *ret_words, struct err *err)
{
	struct splitter s = {.p = line + strspn(line, BLANKS "\n"), .arena = a};
	size_t len = strlen(s.p), most = len / 2 + 1; /* a word and what is between two */
	struct words w = {.v = arena_array(a, most + 1, sizeof(*w.v))};

	s.out = arena_alloc(a, len + 1);
	for (skip_blanks(&s); !at_end(&s) && !s.shell; skip_blanks(&s)) {
		const char *source = s.p;

		if (w.n == WORDS_MAX)
			return err_set(err, ERR_LIMIT, "more than %d words", WORDS_MAX);
		w.v[w.n] = s.out;
		if (next_word(&s, err))
			return -1;
		if (w.n++ == 0 && !s.shell)
			check_first(&s, source, w.v[0]);
	}
	if (w.n == 0)
		return err_set(err, ERR_CONFIG, "there is no command");
	w.shell = s.shell;
	*ret_words = w;
	return 0;
}
