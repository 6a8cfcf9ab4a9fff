#include "tests/tdsd/tsql_lex.h"

#include <string.h>

struct lexer {
	const char *s;
	size_t len, at;
	int line;
	bool quoted_names;
	struct arena *a;
	struct tsql_error *e;
	struct tsql_tokens out;
	size_t cap;
};

static int peek(const struct lexer *l, size_t ahead)
{
	return l->at + ahead < l->len ? (unsigned char)l->s[l->at + ahead] : -1;
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(int c)
{
	return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f' && c > 0);
}

static bool is_letter(int c)
{
	return c >= 0x80 || c == '_' || c == '#' ||
	       (c > 0 && (c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static bool is_word(int c)
{
	return is_letter(c) || is_digit(c) || c == '@' || c == '$';
}

static int lex_fail(struct lexer *l, int number, const char *what, size_t len)
{
	const char *text = arena_strndup(l->a, what, len > 60 ? 60 : len);

	l->e->line = l->line;
	return tsql_fail(l->e, number, text);
}

static void add(
	struct lexer *l, enum tsql_token_kind kind, const char *text, size_t len, size_t start)
{
	struct tsql_token *t;

	l->out.v = arena_grow(l->a, l->out.v, l->out.n, &l->cap, sizeof(*l->out.v));
	t = &l->out.v[l->out.n++];
	*t = (struct tsql_token){.kind = kind,
		.text = arena_strndup(l->a, text, len),
		.len = len,
		.line = l->line,
		.start = start,
		.end = l->at};
}

/* A comment within a comment is one, too. */
static int block_comment(struct lexer *l)
{
	int depth = 0;

	do {
		if (l->at >= l->len)
			return lex_fail(l, 113, "", 0);
		if (peek(l, 0) == '/' && peek(l, 1) == '*') {
			depth++;
			l->at += 2;
		} else if (peek(l, 0) == '*' && peek(l, 1) == '/') {
			depth--;
			l->at += 2;
		} else {
			l->line += peek(l, 0) == '\n';
			l->at++;
		}
	} while (depth);
	return 0;
}

static int skip_blanks(struct lexer *l)
{
	for (;;) {
		int c = peek(l, 0);

		if (c == '-' && peek(l, 1) == '-') {
			while (l->at < l->len && peek(l, 0) != '\n')
				l->at++;
		} else if (c == '/' && peek(l, 1) == '*') {
			if (block_comment(l))
				return -1;
		} else if (c >= 0 && c <= ' ') {
			l->line += c == '\n';
			l->at++;
		} else if (c == 0xC2 && peek(l, 1) == 0xA0) {
			l->at += 2;
		} else if (c == 0xEF && peek(l, 1) == 0xBB && peek(l, 2) == 0xBF) {
			l->at += 3;
		} else {
			return 0;
		}
	}
}

/* From the opening mark to the closing one. */
static int quoted(struct lexer *l, char close, enum tsql_token_kind kind, size_t start)
{
	size_t from = ++l->at, n = 0;
	char *text = arena_alloc(l->a, l->len - l->at + 1);
	int line = l->line;

	for (;; l->at++) {
		if (l->at >= l->len)
			return lex_fail(l, 105, l->s + from, l->len - from);
		if (l->s[l->at] == close) {
			if (peek(l, 1) != (unsigned char)close)
				break;
			l->at++;
		}
		l->line += l->s[l->at] == '\n';
		text[n++] = l->s[l->at];
	}
	l->at++;
	add(l, kind, text, n, start);
	l->out.v[l->out.n - 1].line = line;
	return 0;
}

static void number(struct lexer *l)
{
	size_t start = l->at;
	enum tsql_token_kind kind = TOK_INT;

	while (is_digit(peek(l, 0)))
		l->at++;
	if (peek(l, 0) == '.') {
		kind = TOK_DECIMAL;
		l->at++;
		while (is_digit(peek(l, 0)))
			l->at++;
	}
	if ((peek(l, 0) | 0x20) == 'e') {
		size_t sign = peek(l, 1) == '+' || peek(l, 1) == '-';

		kind = TOK_FLOAT;
		l->at += 1 + sign;
		while (is_digit(peek(l, 0)))
			l->at++;
	}
	add(l, kind, l->s + start, l->at - start, start);
}

static void binary(struct lexer *l)
{
	size_t start = l->at;

	l->at += 2;
	while (is_hex(peek(l, 0)))
		l->at++;
	add(l, TOK_BINARY, l->s + start + 2, l->at - start - 2, start);
}

static void money(struct lexer *l)
{
	size_t start = l->at++;

	while (is_digit(peek(l, 0)) || peek(l, 0) == '.')
		l->at++;
	add(l, TOK_MONEY, l->s + start + 1, l->at - start - 1, start);
}

static int operator_token(struct lexer *l)
{
	static const char *const ops[] = {"<=", ">=", "<>", "!=", "!<", "!>",
		"+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "::", "(", ")", ",", ";", ".", "=",
		"<", ">", "+", "-", "*", "/", "%", "&", "|", "^", "~", ":"};
	size_t start = l->at;

	for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
		size_t n = strlen(ops[i]);

		if (l->len - l->at < n || memcmp(l->s + l->at, ops[i], n) != 0)
			continue;
		l->at += n;
		add(l, TOK_OP, ops[i], n, start);
		return 0;
	}
	return lex_fail(l, 102, l->s + l->at, 1);
}

static int next(struct lexer *l)
{
	size_t start = l->at;
	int c = peek(l, 0);

	if (c == '\'')
		return quoted(l, '\'', TOK_STRING, start);
	if ((c == 'N' || c == 'n') && peek(l, 1) == '\'') {
		l->at++;
		return quoted(l, '\'', TOK_NSTRING, start);
	}
	if (c == '[')
		return quoted(l, ']', TOK_NAME, start);
	if (c == '"')
		return quoted(l, '"', l->quoted_names ? TOK_NAME : TOK_STRING, start);
	if (c == '0' && (peek(l, 1) | 0x20) == 'x')
		binary(l);
	else if (is_digit(c) || (c == '.' && is_digit(peek(l, 1))))
		number(l);
	else if (c == '$' && (is_digit(peek(l, 1)) || peek(l, 1) == '.'))
		money(l);
	else if (is_letter(c) || c == '@' || c == '$') {
		while (is_word(peek(l, 0)))
			l->at++;
		add(l, c == '@' ? TOK_VAR : TOK_WORD, l->s + start, l->at - start, start);
	} else {
		return operator_token(l);
	}
	return 0;
}

int tsql_lex(const char *sql, size_t len, bool quoted_names, struct arena *a,
	struct tsql_tokens *ret_tokens, struct tsql_error *e)
{
	struct lexer l = {
		.s = sql, .len = len, .line = 1, .quoted_names = quoted_names, .a = a, .e = e};

	for (;;) {
		if (skip_blanks(&l))
			return -1;
		if (l.at >= l.len)
			break;
		if (l.out.n >= TSQL_TOKENS_MAX)
			return tsql_fail(e, 8623);
		if (next(&l))
			return -1;
	}
	add(&l, TOK_END, "", 0, l.at);
	*ret_tokens = l.out;
	return 0;
}
