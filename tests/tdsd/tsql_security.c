/* Procedures, principals and what they may do. */
#include <string.h>

#include "tests/tdsd/tsql_parser.h"

/* Everything to the end of the batch: statements, for their syntax. */
int parse_module_body(struct parser *p, const char **ret)
{
	size_t start = p->t->start;

	while (p->t->kind != TOK_END) {
		struct stmt *ignored;

		if (parse_statement(p, &ignored))
			return -1;
		while (accept_op(p, ";"))
			;
	}
	*ret = parser_text(p, start, p->t[-1].end);
	return 0;
}

/* name [(] parameters [)] [WITH …] AS body */
int parse_procedure(struct parser *p, struct stmt **ret, bool or_alter)
{
	struct stmt *s = stmt_new(p, ST_CREATE_PROCEDURE);
	const char *params = "", *body = NULL;
	bool parens;
	size_t start;

	*ret = s;
	s->on = or_alter;
	if (parse_name(p, &s->name))
		return -1;
	parens = accept_op(p, "(");
	start = p->t->start;
	while (p->t->kind != TOK_END && !at_word(p, "WITH") && !(at_word(p, "AS") && p->t[-1].kind != TOK_VAR))
		p->t++;
	if (p->t->start > start)
		params = parser_text(p, start, p->t[-1].end);
	if (parens && *params) /* the closing one */
		params = arena_strndup(p->a, params, strlen(params) - 1);
	if (accept_word(p, "WITH")) /* RECOMPILE, EXECUTE AS OWNER … */
		while (p->t->kind != TOK_END && (!at_word(p, "AS") || at_word_after(p, 1, "OWNER") || at_word_after(p, 1, "CALLER")))
			p->t++;
	if (expect_word(p, "AS") || parse_module_body(p, &body))
		return -1;
	s->text = body;
	s->params = params;
	return 0;
}

/* ROLE name [AUTHORIZATION x], USER name [FOR|FROM LOGIN x | WITHOUT LOGIN], LOGIN name WITH … */
int parse_create_principal(struct parser *p, struct stmt **ret, const char *kind)
{
	struct stmt *s = stmt_new(p, ST_CREATE_PRINCIPAL);

	*ret = s;
	s->text = kind;
	if (parse_ident(p, &s->name.part[NAME_OBJECT]))
		return -1;
	s->name2.part[NAME_OBJECT] = s->name.part[NAME_OBJECT];
	if (accept_word(p, "WITHOUT"))
		s->name2.part[NAME_OBJECT] = NULL;
	if ((accept_word(p, "FOR") || accept_word(p, "FROM")) && accept_word(p, "LOGIN") &&
		parse_ident(p, &s->name2.part[NAME_OBJECT]))
		return -1;
	while (p->t->kind != TOK_END && !at_op(p, ";") && !at_word(p, "GRANT") && !at_word(p, "IF") &&
		!at_word(p, "ALTER") && !at_word(p, "CREATE"))
		p->t++;
	return 0;
}

/* ALTER ROLE name ADD|DROP MEMBER name */
int parse_alter_role(struct parser *p, struct stmt **ret)
{
	struct stmt *s = stmt_new(p, ST_ROLE_MEMBER);

	*ret = s;
	if (parse_ident(p, &s->name.part[NAME_OBJECT]))
		return -1;
	s->on = accept_word(p, "ADD");
	if (!s->on && expect_word(p, "DROP"))
		return -1;
	return expect_word(p, "MEMBER") || parse_ident(p, &s->name2.part[NAME_OBJECT]) ? -1 : 0;
}

/* "VIEW DEFINITION (a, b)" */
static int parse_right(struct parser *p, struct stmt *s, const char **ret)
{
	const char *right = NULL;

	while (p->t->kind == TOK_WORD && !at_word(p, "ON") && !at_word(p, "TO") && !at_word(p, "FROM")) {
		right = right ? arena_printf(p->a, "%s %s", right, p->t->text) : p->t->text;
		p->t++;
	}
	if (!right)
		return syntax(p);
	*ret = right;
	return at_op(p, "(") ? parse_name_list(p, &s->output_columns, &s->n_output_columns) : 0;
}

/* GRANT right, … [ON [OBJECT::|SCHEMA::]name [(a, b)]] TO name, … [WITH GRANT OPTION] */
int parse_grant(struct parser *p, struct stmt **ret, const char *verb)
{
	struct stmt *s = stmt_new(p, ST_GRANT);
	size_t cap = 0, cap2 = 0;

	*ret = s;
	s->text = verb;
	do {
		const char *right = NULL;

		if (parse_right(p, s, &right))
			return -1;
		*LIST_ADD(p, s->columns, s->n_columns, cap) = right;
	} while (accept_op(p, ","));
	if (accept_word(p, "ON")) {
		s->on = at_word(p, "SCHEMA");
		if (accept_word(p, "SCHEMA") || accept_word(p, "OBJECT"))
			while (accept_op(p, ":") || accept_op(p, "::"))
				;
		if (parse_name(p, &s->name) ||
			(at_op(p, "(") && parse_name_list(p, &s->output_columns, &s->n_output_columns)))
			return -1;
	}
	if (!accept_word(p, "TO") && expect_word(p, "FROM"))
		return -1;
	do {
		struct name *name = LIST_ADD(p, s->names, s->n_names, cap2);

		*name = (struct name){.line = p->t->line};
		if (accept_word(p, "public")) /* which is reserved */
			name->part[NAME_OBJECT] = "public";
		else if (parse_ident(p, &name->part[NAME_OBJECT]))
			return -1;
	} while (accept_op(p, ","));
	if (accept_word(p, "WITH") && (expect_word(p, "GRANT") || expect_word(p, "OPTION")))
		return -1;
	(void)accept_word(p, "CASCADE");
	return 0;
}
