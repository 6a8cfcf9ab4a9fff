#include "db/tsql.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Behind the closing quote, which stands for itself when it is doubled. */
static const char *skip_quoted(const char *p, char close)
{
	for (p++; *p; p++)
		if (*p == close) {
			if (p[1] != close)
				return p + 1;
			p++;
		}
	return p;
}

static const char *skip_comment(const char *p)
{
	unsigned depth = 0;

	if (*p == '-')
		return p + strcspn(p, "\n");
	do {
		if (p[0] == '/' && p[1] == '*') {
			depth++;
			p += 2;
		} else if (p[0] == '*' && p[1] == '/') {
			depth--;
			p += 2;
		} else {
			p++;
		}
	} while (depth && *p);
	return p;
}

static bool is_comment(const char *p)
{
	return (p[0] == '-' && p[1] == '-') || (p[0] == '/' && p[1] == '*');
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || (unsigned char)c >= 0x80 || strchr("_@#$", c);
}

/* What begins at p: a string, a quoted name, a comment, a word, or one character. */
static const char *skip_piece(const char *p)
{
	if (*p == '\'' || *p == '"')
		return skip_quoted(p, *p);
	if (*p == '[')
		return skip_quoted(p, ']');
	if (is_comment(p))
		return skip_comment(p);
	if (!is_word(*p))
		return p + 1;
	while (*p && is_word(*p))
		p++;
	return p;
}

static bool is_known(const char *const *names, int n, const char *name, size_t len)
{
	for (int i = 0; i < n; i++)
		if (strlen(names[i]) == len && strncasecmp(names[i], name, len) == 0)
			return true;
	return false;
}

int tsql_params(const char *sql, struct arena *a, const char ***ret_names, int *ret_n, struct err *err)
{
	const char **names = NULL;
	size_t cap = 0;
	int n = 0;

	for (const char *p = sql, *end; *p; p = end) {
		end = skip_piece(p);
		if (*p != '@' || end - p < 2 || p[1] == '@' || p[1] == '_' ||
			is_known(names, n, p, (size_t)(end - p)))
			continue;
		if (n == TSQL_PARAMS_MAX)
			return err_set(err, ERR_LIMIT, "more than %d parameters", TSQL_PARAMS_MAX);
		names = arena_grow(a, names, (size_t)n, &cap, sizeof(*names));
		names[n++] = arena_strndup(a, p, (size_t)(end - p));
	}
	*ret_names = names;
	*ret_n = n;
	return 0;
}

/* --- what a text mentions --- */

/* Does the piece stand for the name? Quoted: doubled quotes are one. */
static bool is_name(const char *piece, const char *end, const char *name)
{
	char close = *piece == '[' ? ']' : '"';
	const char *p = piece, *last = end;

	if (*piece == '[' || *piece == '"') {
		p++;
		last -= end > p && end[-1] == close;
	} else {
		close = '\0';
	}
	for (; p < last && *name; p++, name++) {
		if (tolower((unsigned char)*p) != tolower((unsigned char)*name))
			return false;
		p += close && *p == close;
	}
	return p == last && !*name;
}

bool tsql_mentions(const char *sql, const char *name)
{
	for (const char *p = sql, *end; *p; p = end) {
		end = skip_piece(p);
		if (*p != '\'' && !is_comment(p) && is_name(p, end, name))
			return true;
	}
	return false;
}

static bool is_space(char c)
{
	return isspace((unsigned char)c);
}

/* The next piece that is neither blank nor comment; its end in *ret_end. */
static const char *next_piece(const char *p, const char **ret_end)
{
	while (*p && (is_space(*p) || is_comment(p)))
		p = is_space(*p) ? p + 1 : skip_comment(p);
	*ret_end = *p ? skip_piece(p) : p;
	return p;
}

bool tsql_selects_all(const char *sql)
{
	char before = '\0';
	const char *end;

	for (const char *p = next_piece(sql, &end), *next, *next_end; *p; before = *p, p = next, end = next_end) {
		next = next_piece(end, &next_end);
		if (*p != '*' || before == '(')
			continue;
		if (!*next || *next == ',' || *next == ')' || is_name(next, next_end, "from") ||
			is_name(next, next_end, "into"))
			return true;
	}
	return false;
}

/* --- batches and names --- */

static const char *skip_blanks(const char *p)
{
	while (*p == ' ' || *p == '\t' || *p == '\r')
		p++;
	return p;
}

/* Is the line at p a GO? Sets *ret_end to the line's end, *ret_repeat to its number. */
static int is_go(const char *p, const char **ret_end, unsigned *ret_repeat, struct err *err)
{
	const char *end = p + strcspn(p, "\n"), *digits;
	unsigned n = 0;

	p = skip_blanks(p);
	if (strncasecmp(p, "GO", 2) != 0 || (p + 2 < end && !strchr(" \t\r;-", p[2])))
		return 0;
	p = skip_blanks(p + 2);
	for (digits = p; isdigit((unsigned char)*p) && n <= TSQL_REPEAT_MAX; p++)
		n = n * 10 + (unsigned)(*p - '0');
	*ret_repeat = p == digits ? 1 : n;
	p = skip_blanks(p);
	if (*p == ';')
		p = skip_blanks(p + 1);
	if ((p < end && !is_comment(p)) || *ret_repeat < 1 || *ret_repeat > TSQL_REPEAT_MAX)
		return err_set(err, ERR_CONFIG, "'GO' stands alone or with a number from 1 to %d",
			TSQL_REPEAT_MAX);
	*ret_end = *end ? end + 1 : end;
	return 1;
}

static unsigned count_lines(const char *p, const char *end)
{
	unsigned n = 0;

	for (; p < end; p++)
		n += *p == '\n';
	return n;
}

/* Sets *ret_end to the end of the batch at p (the beginning of a line), *ret_next to what follows. */
static int find_end(const char *p, const char **ret_end, const char **ret_next, bool *ret_empty,
	unsigned *ret_repeat, struct err *err)
{
	bool line_begins = true;

	*ret_empty = true;
	*ret_repeat = 1;
	while (*p) {
		const char *end;
		int go = line_begins ? is_go(p, ret_next, ret_repeat, err) : 0;

		*ret_end = p;
		if (go < 0)
			return -1;
		if (go)
			return 0;
		end = skip_piece(p);
		if (!is_comment(p) && !isspace((unsigned char)*p))
			*ret_empty = false;
		line_begins = *p == '\n';
		p = end;
	}
	*ret_end = *ret_next = p;
	return 0;
}

int tsql_next_batch(const char **at, unsigned *line, struct tsql_batch *ret_batch, struct err *err)
{
	while (**at) {
		const char *begin = *at, *end = begin, *next = begin;
		unsigned first = *line, repeat;
		bool empty;

		if (find_end(begin, &end, &next, &empty, &repeat, err) < 0)
			return err_wrap(err, "line %u", first + count_lines(begin, end));
		*line += count_lines(begin, next);
		*at = next;
		if (empty)
			continue;
		*ret_batch = (struct tsql_batch){
			.text = begin, .len = (size_t)(end - begin), .line = first, .repeat = repeat};
		return 1;
	}
	return 0;
}

const char *tsql_binary(const uint8_t *data, size_t len, struct arena *a)
{
	char *text = arena_alloc(a, 2 * len + 3);

	strcpy(text, "0x");
	for (size_t i = 0; i < len; i++)
		snprintf(text + 2 + 2 * i, 3, "%02X", data[i]);
	return text;
}

const char *tsql_quote(const char *identifier, struct arena *a)
{
	size_t n = 0;
	char *quoted, *to;

	for (const char *p = identifier; *p; p++)
		n += *p == ']';
	to = quoted = arena_alloc(a, strlen(identifier) + n + 3);
	*to++ = '[';
	for (const char *p = identifier; *p; p++) {
		if (*p == ']')
			*to++ = ']';
		*to++ = *p;
	}
	*to++ = ']';
	*to = '\0';
	return quoted;
}

const char *tsql_text(const char *text, struct arena *a)
{
	size_t n = 0;
	char *quoted, *to;

	for (const char *p = text; *p; p++)
		n += *p == '\'';
	to = quoted = arena_alloc(a, strlen(text) + n + 4);
	*to++ = 'N';
	*to++ = '\'';
	for (const char *p = text; *p; p++) {
		if (*p == '\'')
			*to++ = '\'';
		*to++ = *p;
	}
	*to++ = '\'';
	*to = '\0';
	return quoted;
}

/* A part that is in brackets or quotes, or goes to the next point. */
static int take_part(const char **p, struct arena *a, const char **ret, struct err *err)
{
	const char *s = *p;
	char close = *s == '[' ? ']' : *s == '"' ? '"' : '\0';
	char *out = arena_alloc(a, strlen(s) + 1), *to = out;

	if (!close) {
		while (*s && *s != '.')
			*to++ = *s++;
	} else {
		for (s++; *s != close || s[1] == close; s++) {
			if (*s == '\0')
				return err_set(err, ERR_CONFIG, "name '%s': '%c' is missing", *p, close);
			s += *s == close;
			*to++ = *s;
		}
		s++;
	}
	*p = s;
	*ret = *out ? out : NULL;
	return 0;
}

int tsql_name_parse(
	const char *text, struct arena *a, const char *ret_parts[TSQL_NAME_PARTS], struct err *err)
{
	const char *parts[TSQL_NAME_PARTS], *p = text;
	size_t n = 0;

	do {
		if (n == TSQL_NAME_PARTS)
			return err_set(err, ERR_CONFIG, "name '%s' has more than four parts", text);
		p += n > 0; /* the point */
		if (take_part(&p, a, &parts[n++], err))
			return -1;
	} while (*p == '.');
	if (*p || !parts[n - 1])
		return err_set(err, ERR_CONFIG, "'%s' is not the name of a table", text);
	for (size_t i = 0; i < TSQL_NAME_PARTS; i++)
		ret_parts[i] = i < n ? parts[n - 1 - i] : NULL;
	return 0;
}

const char *tsql_name_print(const char *const parts[TSQL_NAME_PARTS], struct arena *a)
{
	const char *name = tsql_quote(parts[0], a);
	size_t last = TSQL_NAME_PARTS - 1;

	while (last && !parts[last])
		last--;
	for (size_t i = 1; i <= last; i++)
		name = arena_printf(a, "%s.%s", parts[i] ? tsql_quote(parts[i], a) : "", name);
	return name;
}
