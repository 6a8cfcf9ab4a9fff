/* Conditions: AND, OR, NOT, comparisons, IN, LIKE, BETWEEN. */
#include "tests/tdsd/tsql_parser.h"

static int parse_in(struct parser *p, struct expr *e)
{
	struct expr *arg;

	if (expect_op(p, "("))
		return -1;
	if (at_query(p)) {
		if (parse_query(p, &e->query))
			return -1;
		return expect_op(p, ")");
	}
	do {
		if (parse_expr(p, &arg))
			return -1;
		expr_add(p, e, arg);
	} while (accept_op(p, ","));
	return expect_op(p, ")");
}

static int parse_between_or_like(struct parser *p, struct expr *e)
{
	struct expr *arg;

	if (parse_expr(p, &arg))
		return -1;
	expr_add(p, e, arg);
	if (e->kind == EX_BETWEEN ? expect_word(p, "AND") : !accept_word(p, "ESCAPE"))
		return e->kind == EX_BETWEEN ? -1 : 0;
	if (parse_expr(p, &arg))
		return -1;
	expr_add(p, e, arg);
	return 0;
}

static int parse_compare(struct parser *p, struct expr *left, struct expr **ret)
{
	struct expr *e = expr_new(p, EX_COMPARE), *right;

	e->text = p->t++->text;
	expr_add(p, e, left);
	*ret = e;
	if (at_word(p, "ANY") || at_word(p, "SOME") || at_word(p, "ALL")) {
		e->kind = EX_QUANTIFIED;
		e->not_ = at_word(p, "ALL");
		p->t++;
		return expect_op(p, "(") || parse_query(p, &e->query) || expect_op(p, ")") ? -1 : 0;
	}
	if (parse_expr(p, &right))
		return -1;
	expr_add(p, e, right);
	return 0;
}

/* What may stand behind a value. */
static int parse_predicate(struct parser *p, struct expr **ret)
{
	static const char *const compares[] = {
		"=", "<>", "!=", "<", "<=", ">", ">=", "!<", "!>", NULL};
	struct expr *left, *e;
	bool negated;

	if (parse_expr(p, &left))
		return -1;
	*ret = left;
	if (at_any_op(p, compares))
		return parse_compare(p, left, ret);
	if (accept_word(p, "IS")) {
		e = expr_new(p, EX_IS_NULL);
		e->not_ = accept_word(p, "NOT");
		expr_add(p, e, left);
		*ret = e;
		return expect_word(p, "NULL");
	}
	negated = at_word(p, "NOT") && (at_word_after(p, 1, "IN") || at_word_after(p, 1, "LIKE") ||
					       at_word_after(p, 1, "BETWEEN"));
	p->t += negated;
	if (!at_word(p, "IN") && !at_word(p, "LIKE") && !at_word(p, "BETWEEN"))
		return 0;
	e = expr_new(p, at_word(p, "IN") ? EX_IN : at_word(p, "LIKE") ? EX_LIKE : EX_BETWEEN);
	e->not_ = negated;
	e->start = left->start;
	p->t++;
	expr_add(p, e, left);
	*ret = e;
	return e->kind == EX_IN ? parse_in(p, e) : parse_between_or_like(p, e);
}

static int parse_not(struct parser *p, struct expr **ret)
{
	struct expr *e, *arg;

	if (!at_word(p, "NOT"))
		return parse_predicate(p, ret);
	if (++p->depth > PARSE_DEPTH_MAX)
		return tsql_fail(p->e, 8623);
	e = expr_new(p, EX_NOT);
	p->t++;
	if (parse_not(p, &arg))
		return -1;
	p->depth--;
	expr_add(p, e, arg);
	*ret = e;
	return 0;
}

static int parse_logic(struct parser *p, const char *word, enum expr_kind kind,
	int (*below)(struct parser *p, struct expr **ret), struct expr **ret)
{
	if (below(p, ret))
		return -1;
	while (at_word(p, word)) {
		struct expr *e = expr_new(p, kind), *right;

		e->start = (*ret)->start;
		p->t++;
		if (below(p, &right))
			return -1;
		expr_add(p, e, *ret);
		expr_add(p, e, right);
		*ret = e;
	}
	return 0;
}

static int parse_and(struct parser *p, struct expr **ret)
{
	return parse_logic(p, "AND", EX_AND, parse_not, ret);
}

int parse_condition(struct parser *p, struct expr **ret)
{
	int rc;

	if (++p->depth > PARSE_DEPTH_MAX)
		return tsql_fail(p->e, 8623);
	rc = parse_logic(p, "OR", EX_OR, parse_and, ret);
	p->depth--;
	if (rc == 0)
		(*ret)->end = p->t[-1].end;
	return rc;
}
