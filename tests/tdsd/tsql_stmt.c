/* Statements of control flow, variables and options. */
#include <string.h>
#include <strings.h>

#include "tests/tdsd/tsql_parser.h"

struct stmt *stmt_new(struct parser *p, enum stmt_kind kind)
{
	struct stmt *s = arena_alloc(p->a, sizeof(*s));

	s->kind = kind;
	s->line = p->t->line;
	s->source = p->sql;
	s->start = p->t->start;
	return s;
}

static int parse_block(struct parser *p, struct stmt **ret, const char *end)
{
	struct stmt *b = stmt_new(p, ST_BLOCK);
	size_t cap = 0;

	while (accept_op(p, ";"))
		;
	while (!at_word(p, "END")) {
		struct stmt *s;

		if (p->t->kind == TOK_END)
			return syntax(p);
		if (parse_statement(p, &s))
			return -1;
		*LIST_ADD(p, b->v, b->n, cap) = s;
		while (accept_op(p, ";"))
			;
	}
	*ret = b;
	p->t++;
	return end ? expect_word(p, end) : 0;
}

/* BEGIN TRY … END TRY BEGIN CATCH … END CATCH */
static int parse_try(struct parser *p, struct stmt *s)
{
	s->kind = ST_TRY;
	if (parse_block(p, &s->then_, "TRY"))
		return -1;
	(void)accept_op(p, ";");
	if (expect_word(p, "BEGIN") || expect_word(p, "CATCH"))
		return -1;
	return parse_block(p, &s->else_, "CATCH");
}

static int parse_tran_name(struct parser *p, struct stmt *s)
{
	if (p->t->kind == TOK_VAR)
		return parse_expr(p, &s->e);
	/* the name is optional, and the next statement may begin with a word */
	if (p->t->kind == TOK_NAME || (at_name(p) && p->t[1].kind != TOK_OP))
		s->text = p->t++->text;
	else if (at_name(p) && (strcmp(p->t[1].text, ";") == 0))
		s->text = p->t++->text;
	return 0;
}

static int parse_begin(struct parser *p, struct stmt **ret)
{
	struct stmt *s = stmt_new(p, ST_BEGIN_TRAN);

	*ret = s;
	p->t++;
	if (accept_word(p, "DISTRIBUTED"))
		return tsql_unsupported(p->e, "BEGIN DISTRIBUTED TRANSACTION");
	if (accept_word(p, "TRY"))
		return parse_try(p, s);
	if (!accept_word(p, "TRAN") && !accept_word(p, "TRANSACTION"))
		return parse_block(p, ret, NULL);
	if (parse_tran_name(p, s))
		return -1;
	if (at_word(p, "WITH") && at_word_after(p, 1, "MARK")) {
		p->t += 2;
		p->t += p->t->kind == TOK_STRING;
	}
	return 0;
}

static int parse_end_tran(struct parser *p, struct stmt **ret, enum stmt_kind kind)
{
	struct stmt *s = stmt_new(p, kind);

	*ret = s;
	p->t++;
	if (accept_word(p, "TRAN") || accept_word(p, "TRANSACTION")) {
		if (parse_tran_name(p, s))
			return -1;
		if (at_word(p, "WITH") && at_word_after(p, 2, "DELAYED_DURABILITY")) {
			p->t += 3;
			return expect_op(p, "=") ||
					       (!accept_word(p, "ON") && expect_word(p, "OFF")) ||
					       expect_op(p, ")")
				       ? -1
				       : 0;
		}
		return kind == ST_SAVE && !s->text && !s->e ? syntax(p) : 0;
	}
	(void)accept_word(p, "WORK");
	return kind == ST_SAVE ? syntax(p) : 0;
}

static int parse_if(struct parser *p, struct stmt **ret)
{
	struct stmt *s = stmt_new(p, at_word(p, "IF") ? ST_IF : ST_WHILE);

	*ret = s;
	p->t++;
	if (parse_condition(p, &s->e))
		return -1;
	p->loops += s->kind == ST_WHILE;
	if (parse_statement(p, &s->then_))
		return -1;
	p->loops -= s->kind == ST_WHILE;
	if (s->kind == ST_WHILE)
		return 0;
	{
		const struct tsql_token *before = p->t;

		while (accept_op(p, ";"))
			;
		if (accept_word(p, "ELSE"))
			return parse_statement(p, &s->else_);
		p->t = before;
	}
	return 0;
}

static int parse_declare_one(struct parser *p, struct var_def *v)
{
	v->line = p->t->line;
	if (p->t->kind != TOK_VAR)
		return syntax(p);
	v->name = p->t++->text;
	(void)accept_word(p, "AS");
	if (accept_word(p, "TABLE"))
		return expect_op(p, "(") ? -1 : parse_table_def(p, &v->table);
	if (at_word(p, "CURSOR"))
		return tsql_unsupported(p->e, "CURSOR");
	if (parse_type(p, &v->type))
		return -1;
	return accept_op(p, "=") ? parse_expr(p, &v->value) : 0;
}

static int parse_declare(struct parser *p, struct stmt **ret)
{
	struct stmt *s = stmt_new(p, ST_DECLARE);
	size_t cap = 0;

	*ret = s;
	p->t++;
	if (at_name(p))
		return tsql_unsupported(p->e, "CURSOR");
	do {
		struct var_def v = {0};

		if (parse_declare_one(p, &v))
			return -1;
		*LIST_ADD(p, s->vars, s->n_vars, cap) = v;
	} while (accept_op(p, ","));
	return 0;
}

static int parse_args(struct parser *p, struct stmt *s)
{
	return parse_comma_exprs(p, &s->args, &s->n_args);
}

static int parse_throw(struct parser *p, struct stmt **ret)
{
	struct stmt *s = stmt_new(p, ST_THROW);

	*ret = s;
	p->t++;
	if (p->t->kind != TOK_INT && p->t->kind != TOK_VAR)
		return 0;
	if (parse_args(p, s))
		return -1;
	return s->n_args == 3 ? 0 : syntax(p);
}

static int parse_raiserror(struct parser *p, struct stmt **ret)
{
	struct stmt *s = stmt_new(p, ST_RAISERROR);

	*ret = s;
	p->t++;
	if (expect_op(p, "(") || parse_args(p, s) || expect_op(p, ")"))
		return -1;
	if (s->n_args < 3)
		return syntax(p);
	if (!accept_word(p, "WITH"))
		return 0;
	do {
		if (!accept_word(p, "NOWAIT") && !accept_word(p, "SETERROR") &&
			!accept_word(p, "LOG"))
			return syntax(p);
	} while (accept_op(p, ","));
	return 0;
}

static int parse_simple(struct parser *p, struct stmt **ret, enum stmt_kind kind)
{
	struct stmt *s = stmt_new(p, kind);

	*ret = s;
	p->t++;
	if (kind == ST_PRINT)
		return parse_expr(p, &s->e);
	if (kind == ST_USE) {
		return parse_ident(p, &s->text);
	}
	if (kind == ST_RETURN) {
		if (p->t->kind == TOK_INT || p->t->kind == TOK_VAR || at_op(p, "-") ||
			at_op(p, "("))
			return parse_expr(p, &s->e);
		return 0;
	}
	if (p->loops == 0) {
		p->e->line = s->line;
		return tsql_fail(p->e, kind == ST_BREAK ? 135 : 136);
	}
	return 0;
}

static int parse_waitfor(struct parser *p, struct stmt **ret)
{
	struct stmt *s = stmt_new(p, ST_WAITFOR);

	*ret = s;
	p->t++;
	if (expect_word(p, "DELAY"))
		return tsql_unsupported(p->e, "WAITFOR but for DELAY");
	return parse_expr(p, &s->e);
}

/* --- SET --- */

static int parse_set_isolation(struct parser *p, struct stmt *s)
{
	static const struct {
		const char *first, *second;
		int level; /* as sys.dm_exec_sessions numbers them */
	} levels[] = {{"READ", "UNCOMMITTED", 1}, {"READ", "COMMITTED", 2},
		{"REPEATABLE", "READ", 3}, {"SERIALIZABLE", NULL, 4}, {"SNAPSHOT", NULL, 5}};

	s->kind = ST_SET_ISOLATION;
	if (expect_word(p, "ISOLATION") || expect_word(p, "LEVEL"))
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
		if (!at_word(p, levels[i].first) ||
			(levels[i].second && !at_word_after(p, 1, levels[i].second)))
			continue;
		p->t += levels[i].second ? 2 : 1;
		s->text = tsql_number(levels[i].level);
		s->text = arena_strdup(p->a, s->text);
		return 0;
	}
	return syntax(p);
}

static int parse_set_var(struct parser *p, struct stmt *s)
{
	s->kind = ST_SET_VAR;
	s->text = p->t++->text;
	if (p->t->kind != TOK_OP)
		return syntax(p);
	s->op = p->t->text[0];
	if (!at_op(p, "=") && (p->t->len != 2 || p->t->text[1] != '='))
		return syntax(p);
	p->t++;
	return parse_expr(p, &s->e);
}

static int parse_on_off(struct parser *p, struct stmt *s)
{
	s->on = at_word(p, "ON");
	if (!s->on && !at_word(p, "OFF"))
		return syntax(p);
	p->t++;
	return 0;
}

/* SET a, b, c ON; SET x value */
static int parse_set_option(struct parser *p, struct stmt *s)
{
	size_t cap = 0;

	s->kind = ST_SET_OPTION;
	do {
		if (p->t->kind != TOK_WORD)
			return syntax(p);
		*LIST_ADD(p, s->columns, s->n_columns, cap) = p->t++->text;
	} while (accept_op(p, ","));
	if (strcasecmp(s->columns[0], "STATISTICS") == 0 && p->t->kind == TOK_WORD)
		p->t++; /* IO, TIME … */
	if (at_word(p, "ON") || at_word(p, "OFF"))
		return parse_on_off(p, s);
	if (at_name(p)) { /* LANGUAGE us_english, DATEFORMAT mdy, DEADLOCK_PRIORITY LOW */
		s->text = p->t++->text;
		return 0;
	}
	return parse_expr(p, &s->e);
}

int parse_set(struct parser *p, struct stmt **ret)
{
	struct stmt *s = stmt_new(p, ST_SET_OPTION);

	*ret = s;
	p->t++;
	if (p->t->kind == TOK_VAR)
		return parse_set_var(p, s);
	if (accept_word(p, "TRANSACTION"))
		return parse_set_isolation(p, s);
	if (accept_word(p, "IDENTITY_INSERT")) {
		s->kind = ST_SET_IDENTITY_INSERT;
		return parse_name(p, &s->name) ? -1 : parse_on_off(p, s);
	}
	return parse_set_option(p, s);
}

/* --- EXEC --- */

static int parse_exec_arg(struct parser *p, struct exec_arg *arg)
{
	if (p->t->kind == TOK_VAR && p->t[1].kind == TOK_OP && strcmp(p->t[1].text, "=") == 0) {
		arg->name = p->t->text;
		p->t += 2;
	}
	if (accept_word(p, "DEFAULT")) {
		arg->is_default = true;
		return 0;
	}
	if (at_name(p) && (p->t[1].kind != TOK_OP || strcmp(p->t[1].text, "(") != 0)) {
		arg->e = expr_new(p, EX_NSTRING); /* a bare word is a string here */
		arg->e->text = p->t->text;
		arg->e->len = p->t++->len;
	} else if (parse_expr(p, &arg->e)) {
		return -1;
	}
	arg->output = accept_word(p, "OUTPUT") || accept_word(p, "OUT");
	return 0;
}

static bool at_exec_arg(const struct parser *p)
{
	static const enum tsql_token_kind literals[] = {TOK_STRING, TOK_NSTRING, TOK_INT,
		TOK_DECIMAL, TOK_FLOAT, TOK_MONEY, TOK_BINARY, TOK_VAR, TOK_NAME};

	for (size_t i = 0; i < ARRAY_LEN(literals); i++)
		if (p->t->kind == literals[i])
			return true;
	return at_op(p, "-") || at_word(p, "NULL") || at_word(p, "DEFAULT") ||
	       (at_name(p) && p->t[1].kind != TOK_OP && p->t->line == p->t[-1].line);
}

int parse_exec(struct parser *p, struct stmt **ret)
{
	struct stmt *s = stmt_new(p, ST_EXEC);
	size_t cap = 0;

	*ret = s;
	if (at_word(p, "EXEC") || at_word(p, "EXECUTE"))
		p->t++;
	if (accept_op(p, "(")) {
		s->kind = ST_EXEC_TEXT;
		return parse_expr(p, &s->e) ? -1 : expect_op(p, ")");
	}
	if (p->t->kind == TOK_VAR && p->t[1].kind == TOK_OP && strcmp(p->t[1].text, "=") == 0) {
		s->result_var = p->t->text;
		p->t += 2;
	}
	if (parse_name(p, &s->name))
		return -1;
	if (!at_exec_arg(p))
		return 0;
	do {
		struct exec_arg arg = {0};

		if (parse_exec_arg(p, &arg))
			return -1;
		*LIST_ADD(p, s->exec_args, s->n_exec_args, cap) = arg;
	} while (accept_op(p, ","));
	return 0;
}

/* --- all of them --- */

int parse_flow(struct parser *p, struct stmt **ret, bool *ret_mine)
{
	*ret_mine = true;
	if (at_word(p, "BEGIN"))
		return parse_begin(p, ret);
	if (at_word(p, "COMMIT"))
		return parse_end_tran(p, ret, ST_COMMIT);
	if (at_word(p, "ROLLBACK"))
		return parse_end_tran(p, ret, ST_ROLLBACK);
	if (at_word(p, "SAVE"))
		return parse_end_tran(p, ret, ST_SAVE);
	if (at_word(p, "IF") || at_word(p, "WHILE"))
		return parse_if(p, ret);
	if (at_word(p, "DECLARE"))
		return parse_declare(p, ret);
	if (at_word(p, "SET"))
		return parse_set(p, ret);
	if (at_word(p, "PRINT"))
		return parse_simple(p, ret, ST_PRINT);
	if (at_word(p, "USE"))
		return parse_simple(p, ret, ST_USE);
	if (at_word(p, "RETURN"))
		return parse_simple(p, ret, ST_RETURN);
	if (at_word(p, "BREAK"))
		return parse_simple(p, ret, ST_BREAK);
	if (at_word(p, "CONTINUE"))
		return parse_simple(p, ret, ST_CONTINUE);
	if (at_word(p, "THROW"))
		return parse_throw(p, ret);
	if (at_word(p, "RAISERROR"))
		return parse_raiserror(p, ret);
	if (at_word(p, "WAITFOR"))
		return parse_waitfor(p, ret);
	if (at_word(p, "EXEC") || at_word(p, "EXECUTE"))
		return parse_exec(p, ret);
	*ret_mine = false;
	return 0;
}

int parse_statement(struct parser *p, struct stmt **ret)
{
	static int (*const parts[])(struct parser * p, struct stmt * *ret, bool *ret_mine) = {
		parse_flow, parse_dml, parse_ddl};
	const struct tsql_token *first = p->t;
	bool mine = false;

	if (++p->depth > PARSE_DEPTH_MAX)
		return tsql_fail(p->e, 8623);
	for (size_t i = 0; !mine && i < ARRAY_LEN(parts); i++)
		if (parts[i](p, ret, &mine))
			return -1;
	/* a procedure's name alone, at the beginning of a batch */
	if (!mine && first->start == 0 && at_name(p)) {
		mine = true;
		if (parse_exec(p, ret))
			return -1;
	}
	if (!mine)
		return syntax(p);
	p->depth--;
	(*ret)->end = p->t[-1].end;
	(void)accept_op(p, ";");
	return 0;
}
