/* Expressions and conditions. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/tdsd/engine_type.h"
#include "tests/tdsd/tsql_parser.h"

struct expr *expr_new(struct parser *p, enum expr_kind kind)
{
	struct expr *e = arena_alloc(p->a, sizeof(*e));

	e->kind = kind;
	e->line = p->t->line;
	e->start = p->t->start;
	return e;
}

void expr_add(struct parser *p, struct expr *e, struct expr *arg)
{
	size_t cap = e->n;

	/* few arguments: an array that is copied each time is good enough */
	struct expr **v = arena_array(p->a, cap + 1, sizeof(struct expr *));

	if (e->n)
		memcpy(v, e->v, e->n * sizeof(struct expr *));
	v[e->n++] = arg;
	e->v = v;
}

int parse_comma_exprs(struct parser *p, struct expr ***ret, size_t *ret_n)
{
	size_t cap = 0;

	*ret = NULL;
	*ret_n = 0;
	do {
		struct expr *e;

		if (parse_expr(p, &e))
			return -1;
		*LIST_ADD(p, *ret, *ret_n, cap) = e;
	} while (accept_op(p, ","));
	return 0;
}

/* --- types --- */

/* The words of a type's name and its arguments, as one text. */
int parse_type(struct parser *p, struct tds_column *ret)
{
	struct name name;
	char args[64] = "";
	size_t n = 0;
	const char *word;

	if (at_word(p, "double") || at_word(p, "national")) {
		bool national = at_word(p, "national");

		p->t++;
		if (!national)
			return expect_word(p, "precision") || engine_type_parse("float", ret, p->e);
		word = accept_word(p, "text") ? "ntext" : NULL;
		if (!word && (accept_word(p, "character") || accept_word(p, "char")))
			word = accept_word(p, "varying") ? "nvarchar" : "nchar";
		if (!word)
			return syntax(p);
	} else {
		p->e->line = p->t->line;
		if (parse_name(p, &name))
			return -1;
		word = name.part[NAME_OBJECT];
		if (accept_word(p, "varying"))
			word = strcasecmp(word, "binary") == 0 ? "varbinary" : "varchar";
	}
	if (accept_op(p, "(")) {
		args[n++] = '(';
		do {
			if (p->t->kind != TOK_INT && p->t->kind != TOK_WORD)
				return syntax(p);
			if (n + p->t->len + 3 > sizeof(args))
				return syntax(p);
			if (n > 1)
				args[n++] = ',';
			memcpy(args + n, p->t->text, p->t->len);
			n += p->t++->len;
		} while (accept_op(p, ","));
		args[n++] = ')';
		args[n] = '\0';
		if (expect_op(p, ")"))
			return -1;
	}
	return engine_type_parse(arena_printf(p->a, "%s%s", word, args), ret, p->e);
}

/* --- primaries --- */

static int parse_case(struct parser *p, struct expr **ret)
{
	struct expr *e = expr_new(p, EX_CASE), *arg;

	p->t++;
	if (!at_word(p, "WHEN")) {
		if (parse_expr(p, &arg))
			return -1;
		expr_add(p, e, arg);
		e->has_operand = true;
	}
	if (!at_word(p, "WHEN"))
		return syntax(p);
	while (accept_word(p, "WHEN")) {
		if ((e->has_operand ? parse_expr(p, &arg) : parse_condition(p, &arg)))
			return -1;
		expr_add(p, e, arg);
		if (expect_word(p, "THEN") || parse_expr(p, &arg))
			return -1;
		expr_add(p, e, arg);
	}
	if (accept_word(p, "ELSE")) {
		if (parse_expr(p, &arg))
			return -1;
		expr_add(p, e, arg);
		e->has_else = true;
	}
	*ret = e;
	return expect_word(p, "END");
}

/* varchar without a length has 30 in CAST and CONVERT. */
static int parse_cast_type(struct parser *p, struct expr *e)
{
	if (parse_type(p, &e->type))
		return -1;
	if (p->t[-1].kind != TOK_WORD && p->t[-1].kind != TOK_NAME)
		return 0;
	switch (e->type.type) {
	case TDS_BIGVARCHAR:
	case TDS_BIGCHAR:
	case TDS_BIGVARBINARY:
	case TDS_BIGBINARY:
		if (e->type.size == 1)
			e->type.size = 30;
		break;
	case TDS_NVARCHAR:
	case TDS_NCHAR:
		if (e->type.size == 2)
			e->type.size = 60;
		break;
	default:
		break;
	}
	return 0;
}

static int parse_cast(struct parser *p, struct expr **ret, bool convert)
{
	struct expr *e = expr_new(p, EX_CAST), *arg;

	e->text = p->t->text;
	e->try_ = strncasecmp(p->t->text, "try_", 4) == 0;
	p->t++;
	if (expect_op(p, "("))
		return -1;
	if (convert) {
		if (parse_cast_type(p, e) || expect_op(p, ","))
			return -1;
		do {
			if (parse_expr(p, &arg))
				return -1;
			expr_add(p, e, arg);
		} while (accept_op(p, ","));
	} else {
		if (parse_expr(p, &arg) || expect_word(p, "AS") || parse_cast_type(p, e))
			return -1;
		expr_add(p, e, arg);
	}
	if (e->n > 2)
		return syntax(p);
	*ret = e;
	return expect_op(p, ")");
}

static int parse_frame(struct parser *p, struct window *w)
{
	size_t from = p->t->start, to = from;

	while (!at_op(p, ")") && p->t->kind != TOK_END)
		to = p->t++->end;
	w->frame = parser_text(p, from, to);
	return 0;
}

static int parse_over(struct parser *p, struct expr *e)
{
	struct window *w = arena_alloc(p->a, sizeof(*w));

	e->over = w;
	if (expect_op(p, "("))
		return -1;
	if (accept_word(p, "PARTITION")) {
		if (expect_word(p, "BY") || parse_comma_exprs(p, &w->partition, &w->n_partition))
			return -1;
	}
	if (accept_word(p, "ORDER")) {
		if (expect_word(p, "BY") || parse_order(p, &w->order, &w->n_order))
			return -1;
	}
	if ((at_word(p, "ROWS") || at_word(p, "RANGE")) && parse_frame(p, w))
		return -1;
	return expect_op(p, ")");
}

/* Functions whose first argument is a bare word. */
static bool takes_datepart(const char *name)
{
	static const char *const names[] = {
		"dateadd", "datediff", "datediff_big", "datepart", "datename", "datetrunc"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcasecmp(names[i], name) == 0)
			return true;
	return false;
}

static int parse_call(struct parser *p, const char *name, struct expr *e)
{
	struct expr *arg;
	bool iif = strcasecmp(name, "iif") == 0;

	e->kind = EX_CALL;
	e->text = name;
	p->t++; /* the parenthesis */
	if (accept_op(p, ")"))
		goto behind;
	e->distinct = accept_word(p, "DISTINCT");
	if (!e->distinct)
		(void)accept_word(p, "ALL");
	if (takes_datepart(name)) {
		arg = expr_new(p, EX_DATEPART);
		if (p->t->kind != TOK_WORD)
			return syntax(p);
		arg->text = p->t++->text;
		expr_add(p, e, arg);
		if (expect_op(p, ","))
			return -1;
	}
	do {
		if (at_op(p, "*")) {
			arg = expr_new(p, EX_STAR);
			p->t++;
		} else if (iif && e->n == 0 ? parse_condition(p, &arg) : parse_expr(p, &arg)) {
			return -1;
		}
		expr_add(p, e, arg);
	} while (accept_op(p, ","));
	if (expect_op(p, ")"))
		return -1;
behind:
	if (accept_word(p, "WITHIN")) {
		struct window *w = arena_alloc(p->a, sizeof(*w));

		e->over = w; /* STRING_AGG: an order and no partition */
		return expect_word(p, "GROUP") || expect_op(p, "(") || expect_word(p, "ORDER") ||
				       expect_word(p, "BY") ||
				       parse_order(p, &w->order, &w->n_order) || expect_op(p, ")")
			       ? -1
			       : 0;
	}
	return accept_word(p, "OVER") ? parse_over(p, e) : 0;
}

/* Words that are reserved and yet begin a function. */
static bool is_function_word(const struct parser *p)
{
	static const char *const names[] = {
		"coalesce", "nullif", "left", "right", "user", "contains"};

	if (p->t[1].kind != TOK_OP || strcmp(p->t[1].text, "(") != 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (at_word(p, names[i]))
			return true;
	return false;
}

/* Functions without parentheses. */
static bool is_bare_function(const struct parser *p)
{
	return at_word(p, "current_timestamp") || at_word(p, "current_user") ||
	       at_word(p, "session_user") || at_word(p, "system_user") || at_word(p, "user");
}

static int parse_named(struct parser *p, struct expr **ret)
{
	struct expr *e = expr_new(p, EX_COLUMN);

	*ret = e;
	if (at_word(p, "CASE"))
		return parse_case(p, ret);
	if (at_word(p, "CAST") || at_word(p, "TRY_CAST"))
		return parse_cast(p, ret, false);
	if (at_word(p, "CONVERT") || at_word(p, "TRY_CONVERT"))
		return parse_cast(p, ret, true);
	if (is_function_word(p))
		return parse_call(p, p->t++->text, e);
	if (is_bare_function(p)) {
		e->kind = EX_CALL;
		e->text = p->t++->text;
		return 0;
	}
	if (parse_name(p, &e->name))
		return -1;
	if (!at_op(p, "("))
		return 0;
	return parse_call(p, e->name.part[NAME_OBJECT], e);
}

static int parse_exists(struct parser *p, struct expr **ret)
{
	struct expr *e = expr_new(p, EX_EXISTS);

	p->t++;
	*ret = e;
	if (expect_op(p, "(") || parse_query(p, &e->query))
		return -1;
	return expect_op(p, ")");
}

static int parse_parens(struct parser *p, struct expr **ret)
{
	struct expr *e = expr_new(p, EX_QUERY);

	if (p->t[1].kind == TOK_WORD &&
		(at_word_after(p, 1, "SELECT") || at_word_after(p, 1, "WITH"))) {
		p->t++;
		*ret = e;
		return parse_query(p, &e->query) ? -1 : expect_op(p, ")");
	}
	p->t++;
	if (parse_condition(p, ret))
		return -1;
	(*ret)->parens = true;
	return expect_op(p, ")");
}

static const struct {
	enum tsql_token_kind token;
	enum expr_kind kind;
} literals[] = {{TOK_STRING, EX_STRING}, {TOK_NSTRING, EX_NSTRING}, {TOK_INT, EX_INT},
	{TOK_DECIMAL, EX_DECIMAL}, {TOK_FLOAT, EX_FLOAT}, {TOK_MONEY, EX_MONEY},
	{TOK_BINARY, EX_BINARY}};

static int parse_primary(struct parser *p, struct expr **ret)
{
	for (size_t i = 0; i < ARRAY_LEN(literals); i++) {
		if (p->t->kind != literals[i].token)
			continue;
		*ret = expr_new(p, literals[i].kind);
		(*ret)->text = p->t->text;
		(*ret)->len = p->t++->len;
		return 0;
	}
	if (p->t->kind == TOK_VAR) {
		bool global = p->t->text[1] == '@';

		*ret = expr_new(p, global ? EX_GLOBAL : EX_VAR);
		(*ret)->text = p->t++->text;
		return 0;
	}
	if (at_op(p, "("))
		return parse_parens(p, ret);
	if (at_word(p, "NULL") || at_word(p, "DEFAULT")) {
		*ret = expr_new(p, at_word(p, "NULL") ? EX_NULL : EX_DEFAULT);
		p->t++;
		return 0;
	}
	if (at_word(p, "EXISTS"))
		return parse_exists(p, ret);
	return parse_named(p, ret);
}

static int parse_postfix(struct parser *p, struct expr **ret)
{
	if (parse_primary(p, ret))
		return -1;
	while (accept_word(p, "COLLATE")) {
		struct expr *e = expr_new(p, EX_COLLATE);

		if (p->t->kind != TOK_WORD)
			return syntax(p);
		e->text = p->t++->text;
		expr_add(p, e, *ret);
		*ret = e;
	}
	return 0;
}

static int parse_unary(struct parser *p, struct expr **ret)
{
	struct expr *e, *arg;

	if (!at_op(p, "-") && !at_op(p, "+") && !at_op(p, "~"))
		return parse_postfix(p, ret);
	if (++p->depth > PARSE_DEPTH_MAX)
		return tsql_fail(p->e, 8623);
	e = expr_new(p, EX_UNARY);
	e->text = p->t++->text;
	if (parse_unary(p, &arg))
		return -1;
	p->depth--;
	expr_add(p, e, arg);
	*ret = e;
	return 0;
}

bool at_any_op(const struct parser *p, const char *const *ops)
{
	for (; *ops; ops++)
		if (at_op(p, *ops))
			return true;
	return false;
}

static int parse_level(struct parser *p, const char *const *ops,
	int (*below)(struct parser *p, struct expr **ret), struct expr **ret)
{
	if (below(p, ret))
		return -1;
	while (at_any_op(p, ops)) {
		struct expr *e = expr_new(p, EX_ARITH), *right;

		e->text = p->t++->text;
		e->start = (*ret)->start;
		if (below(p, &right))
			return -1;
		expr_add(p, e, *ret);
		expr_add(p, e, right);
		*ret = e;
	}
	return 0;
}

static int parse_product(struct parser *p, struct expr **ret)
{
	static const char *const ops[] = {"*", "/", "%", NULL};

	return parse_level(p, ops, parse_unary, ret);
}

int parse_expr(struct parser *p, struct expr **ret)
{
	static const char *const ops[] = {"+", "-", "&", "|", "^", NULL};
	int rc;

	if (++p->depth > PARSE_DEPTH_MAX)
		return tsql_fail(p->e, 8623);
	rc = parse_level(p, ops, parse_product, ret);
	p->depth--;
	if (rc == 0)
		(*ret)->end = p->t[-1].end;
	return rc;
}

int parse_order(struct parser *p, struct order_item **ret, size_t *ret_n)
{
	size_t cap = 0;

	*ret = NULL;
	*ret_n = 0;
	do {
		struct order_item item = {0};

		if (parse_expr(p, &item.e))
			return -1;
		item.descending = accept_word(p, "DESC");
		if (!item.descending)
			(void)accept_word(p, "ASC");
		*LIST_ADD(p, *ret, *ret_n, cap) = item;
	} while (accept_op(p, ","));
	return 0;
}
