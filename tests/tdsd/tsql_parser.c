/* Tokens, names and the parser's entries. */
#include "tests/tdsd/tsql_parser.h"

#include <string.h>
#include <strings.h>

/* Words that are no names unless they are quoted. */
static const char *const reserved[] = {"add", "all", "alter", "and", "any", "as", "asc",
	"authorization", "backup", "begin", "between", "break", "browse", "bulk", "by", "cascade",
	"case", "check", "checkpoint", "close", "clustered", "coalesce", "collate", "column",
	"commit", "compute", "constraint", "contains", "containstable", "continue", "convert",
	"create", "cross", "current", "current_date", "current_time", "current_timestamp",
	"current_user", "cursor", "database", "dbcc", "deallocate", "declare", "default", "delete",
	"deny", "desc", "disk", "distinct", "distributed", "double", "drop", "dump", "else", "end",
	"errlvl", "escape", "except", "exec", "execute", "exists", "exit", "external", "fetch",
	"file", "fillfactor", "for", "foreign", "freetext", "freetexttable", "from", "full",
	"function", "goto", "grant", "group", "having", "holdlock", "identity", "identity_insert",
	"identitycol", "if", "in", "index", "inner", "insert", "intersect", "into", "is", "join",
	"key", "kill", "left", "like", "lineno", "load", "merge", "national", "nocheck",
	"nonclustered", "not", "null", "nullif", "of", "off", "offsets", "on", "open",
	"opendatasource", "openquery", "openrowset", "openxml", "option", "or", "order", "outer",
	"over", "percent", "pivot", "plan", "primary", "print", "proc", "procedure", "public",
	"raiserror", "read", "readtext", "reconfigure", "references", "replication", "restore",
	"restrict", "return", "revert", "revoke", "right", "rollback", "rowcount", "rowguidcol",
	"rule", "save", "schema", "securityaudit", "select", "session_user", "set", "setuser",
	"shutdown", "some", "statistics", "system_user", "table", "tablesample", "textsize", "then",
	"to", "top", "tran", "transaction", "trigger", "truncate", "try_convert", "tsequal",
	"union", "unique", "unpivot", "update", "updatetext", "use", "user", "values", "varying",
	"view", "waitfor", "when", "where", "while", "with", "within", "writetext"};

bool is_reserved_word(const char *word)
{
	for (size_t i = 0; i < ARRAY_LEN(reserved); i++)
		if (strcasecmp(reserved[i], word) == 0)
			return true;
	return false;
}

bool at_word(const struct parser *p, const char *word)
{
	return p->t->kind == TOK_WORD && strcasecmp(p->t->text, word) == 0;
}

bool at_word_after(const struct parser *p, size_t ahead, const char *word)
{
	for (size_t i = 0; i < ahead; i++)
		if (p->t[i].kind == TOK_END)
			return false;
	return p->t[ahead].kind == TOK_WORD && strcasecmp(p->t[ahead].text, word) == 0;
}

bool at_op(const struct parser *p, const char *op)
{
	return p->t->kind == TOK_OP && strcmp(p->t->text, op) == 0;
}

bool accept_word(struct parser *p, const char *word)
{
	bool yes = at_word(p, word);

	p->t += yes;
	return yes;
}

bool accept_op(struct parser *p, const char *op)
{
	bool yes = at_op(p, op);

	p->t += yes;
	return yes;
}

int syntax(struct parser *p)
{
	const struct tsql_token *t = p->t;

	if (t->kind == TOK_END && t->start > 0 && t[-1].kind != TOK_END)
		t--;
	p->e->line = t->line;
	if (t->kind == TOK_WORD && is_reserved_word(t->text))
		return tsql_fail(p->e, 156, t->text);
	return tsql_fail(p->e, 102, t->text);
}

int expect_word(struct parser *p, const char *word)
{
	return accept_word(p, word) ? 0 : syntax(p);
}

int expect_op(struct parser *p, const char *op)
{
	return accept_op(p, op) ? 0 : syntax(p);
}

bool at_name(const struct parser *p)
{
	return p->t->kind == TOK_NAME || (p->t->kind == TOK_WORD && !is_reserved_word(p->t->text));
}

int parse_ident(struct parser *p, const char **ret)
{
	if (!at_name(p))
		return syntax(p);
	*ret = p->t++->text;
	return 0;
}

/* a.b..c: up to four parts, the last is the object. */
int parse_name(struct parser *p, struct name *ret)
{
	const char *parts[NAME_PARTS] = {NULL};
	size_t n = 0;
	struct name name = {.line = p->t->line};

	for (;;) {
		if (n == NAME_PARTS)
			return syntax(p);
		if (n > 0 && at_op(p, ".")) {
			parts[n++] = NULL;
		} else if (n == 0 ? at_name(p) : p->t->kind == TOK_WORD || p->t->kind == TOK_NAME) {
			parts[n++] = p->t++->text;
		} else {
			return syntax(p);
		}
		if (!accept_op(p, "."))
			break;
	}
	if (!parts[n - 1])
		return syntax(p);
	for (size_t i = 0; i < n; i++)
		name.part[NAME_PARTS - n + i] = parts[i];
	*ret = name;
	return 0;
}

int parse_name_list(struct parser *p, const char ***ret, size_t *ret_n)
{
	size_t cap = 0;

	*ret_n = 0;
	*ret = NULL;
	if (expect_op(p, "("))
		return -1;
	do {
		const char *name = "";

		if (parse_ident(p, &name))
			return -1;
		*LIST_ADD(p, *ret, *ret_n, cap) = name;
	} while (accept_op(p, ","));
	return expect_op(p, ")");
}

const char *parser_text(struct parser *p, size_t start, size_t end)
{
	return arena_strndup(p->a, p->sql + start, end - start);
}

int parse_int(struct parser *p, const char **ret)
{
	const char *sign = accept_op(p, "-") ? "-" : "";

	if (p->t->kind != TOK_INT)
		return syntax(p);
	*ret = arena_printf(p->a, "%s%s", sign, p->t++->text);
	return 0;
}

static int start(const char *sql, size_t len, bool quoted_names, struct arena *a, struct parser *p,
	struct tsql_error *e)
{
	struct tsql_tokens tokens;

	if (tsql_lex(sql, len, quoted_names, a, &tokens, e))
		return -1;
	*p = (struct parser){.t = tokens.v, .sql = sql, .a = a, .e = e};
	return 0;
}

int tsql_parse(const char *sql, size_t len, bool quoted_names, struct arena *a,
	struct stmt **ret_block, struct tsql_error *e)
{
	struct parser p;
	struct stmt *block;
	size_t cap = 0;

	if (start(sql, len, quoted_names, a, &p, e))
		return -1;
	block = stmt_new(&p, ST_BLOCK);
	for (;;) {
		struct stmt *s;

		while (accept_op(&p, ";"))
			;
		if (p.t->kind == TOK_END)
			break;
		if (parse_statement(&p, &s))
			return -1;
		*LIST_ADD(&p, block->v, block->n, cap) = s;
	}
	*ret_block = block;
	return 0;
}

int tsql_parse_expr(const char *sql, struct arena *a, struct expr **ret, struct tsql_error *e)
{
	struct parser p;

	if (start(sql, strlen(sql), true, a, &p, e) || parse_condition(&p, ret))
		return -1;
	return p.t->kind == TOK_END ? 0 : syntax(&p);
}

int tsql_parse_type(const char *sql, struct arena *a, struct tds_column *ret, struct tsql_error *e)
{
	struct parser p;

	if (start(sql, strlen(sql), true, a, &p, e) || parse_type(&p, ret))
		return -1;
	return p.t->kind == TOK_END ? 0 : syntax(&p);
}

int tsql_parse_params(const char *sql, size_t len, struct arena *a, struct var_def **ret,
	size_t *ret_n, struct tsql_error *e)
{
	struct parser p;
	size_t cap = 0;

	*ret = NULL;
	*ret_n = 0;
	if (start(sql, len, true, a, &p, e))
		return -1;
	while (p.t->kind != TOK_END) {
		struct var_def v = {.line = p.t->line};

		if (p.t->kind != TOK_VAR)
			return syntax(&p);
		v.name = p.t++->text;
		(void)accept_word(&p, "AS");
		if (parse_type(&p, &v.type))
			return -1;
		if (accept_op(&p, "=") && parse_expr(&p, &v.value))
			return -1;
		if (!accept_word(&p, "OUTPUT") && !accept_word(&p, "OUT"))
			(void)accept_word(&p, "READONLY");
		*LIST_ADD(&p, *ret, *ret_n, cap) = v;
		if (p.t->kind != TOK_END && expect_op(&p, ","))
			return -1;
	}
	return 0;
}
