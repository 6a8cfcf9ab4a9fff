/*
 * tsql_lex - T-SQL text into tokens.
 *
 * Pure. Comments (nested ones too) are passed over. Texts of tokens live in the
 * arena: names without their brackets, strings without their quotes, both with
 * doubled closing marks single.
 */
#ifndef TDSD_TSQL_LEX_H
#define TDSD_TSQL_LEX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "tests/tdsd/tsql_error.h"

#define TSQL_TOKENS_MAX 2000000

enum tsql_token_kind {
	TOK_END,
	TOK_WORD,    /* a bare name or keyword; also #t and ##t */
	TOK_NAME,    /* [name] or "name" */
	TOK_STRING,  /* 'text' */
	TOK_NSTRING, /* N'text' */
	TOK_INT,
	TOK_DECIMAL, /* 1.5 */
	TOK_FLOAT,   /* 1e5 */
	TOK_MONEY,   /* $1.5, without the sign */
	TOK_BINARY,  /* 0xAB: the hex digits */
	TOK_VAR,     /* @name and @@name */
	TOK_OP,
};

struct tsql_token {
	enum tsql_token_kind kind;
	const char *text;
	size_t len;
	int line;
	size_t start, end; /* where it stands in the batch */
};

struct tsql_tokens {
	struct tsql_token *v; /* the last is TOK_END */
	size_t n;
};

/* `quoted_names`: "x" is a name (SET QUOTED_IDENTIFIER ON), otherwise a string. */
int tsql_lex(const char *sql, size_t len, bool quoted_names, struct arena *a,
	struct tsql_tokens *ret_tokens, struct tsql_error *e);

#endif
