/* SELECT, VALUES, FROM. */
#include <string.h>
#include <strings.h>

#include "tests/tdsd/tsql_parser.h"

bool at_query(const struct parser *p)
{
	const struct tsql_token *t = p->t;

	while (t->kind == TOK_OP && strcmp(t->text, "(") == 0)
		t++;
	return t->kind == TOK_WORD && (strcasecmp(t->text, "SELECT") == 0 ||
					      (t == p->t && strcasecmp(t->text, "WITH") == 0));
}

int parse_ctes(struct parser *p, struct cte **ret, size_t *ret_n)
{
	size_t cap = 0;

	*ret = NULL;
	*ret_n = 0;
	if (!accept_word(p, "WITH"))
		return 0;
	do {
		struct cte c = {0};

		if (parse_ident(p, &c.name) ||
			(at_op(p, "(") && parse_name_list(p, &c.columns, &c.n_columns)) ||
			expect_word(p, "AS") || expect_op(p, "(") || parse_query(p, &c.query) ||
			expect_op(p, ")"))
			return -1;
		*LIST_ADD(p, *ret, *ret_n, cap) = c;
	} while (accept_op(p, ","));
	return 0;
}

int parse_top(struct parser *p, struct query *q)
{
	if (!accept_word(p, "TOP"))
		return 0;
	if (accept_op(p, "(")) {
		if (parse_expr(p, &q->top) || expect_op(p, ")"))
			return -1;
	} else {
		if (p->t->kind != TOK_INT && p->t->kind != TOK_VAR)
			return syntax(p);
		q->top = expr_new(p, p->t->kind == TOK_INT ? EX_INT : EX_VAR);
		q->top->text = p->t->text;
		q->top->len = p->t++->len;
	}
	q->top_percent = accept_word(p, "PERCENT");
	if (at_word(p, "WITH") && at_word_after(p, 1, "TIES")) {
		q->top_ties = true;
		p->t += 2;
	}
	return 0;
}

/* The name behind a column: AS name, name or 'name'. */
static int parse_alias(struct parser *p, const char **ret)
{
	bool as = accept_word(p, "AS");

	if (as ? (p->t->kind == TOK_STRING || p->t->kind == TOK_NSTRING)
	       : p->t->kind == TOK_STRING) {
		*ret = p->t++->text;
		return 0;
	}
	if (at_name(p)) {
		*ret = p->t++->text;
		return 0;
	}
	return as ? syntax(p) : 0;
}

/* t.* and a.b.t.*; *ret is NULL when it is none. */
static int parse_star(struct parser *p, struct expr **ret)
{
	const struct tsql_token *t = p->t;
	struct expr *e;
	const char *parts[3] = {NULL};
	size_t n = 0;

	*ret = NULL;
	while (n < 3 && (t->kind == TOK_WORD || t->kind == TOK_NAME) && t[1].kind == TOK_OP &&
		strcmp(t[1].text, ".") == 0) {
		parts[n++] = t->text;
		t += 2;
	}
	if (t->kind != TOK_OP || strcmp(t->text, "*") != 0)
		return 0;
	e = expr_new(p, EX_STAR);
	for (size_t i = 0; i < n; i++)
		e->name.part[NAME_PARTS - n + i] = parts[i];
	p->t = t + 1;
	*ret = e;
	return 0;
}

static bool at_assignment(const struct parser *p)
{
	static const char *const ops[] = {"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^="};

	if (p->t->kind != TOK_VAR || p->t[1].kind != TOK_OP)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(ops); i++)
		if (strcmp(p->t[1].text, ops[i]) == 0)
			return true;
	return false;
}

static int parse_item(struct parser *p, struct select_item *item)
{
	if (at_assignment(p)) {
		item->var = p->t->text;
		item->op = p->t[1].text[0];
		p->t += 2;
		return parse_expr(p, &item->e);
	}
	if ((at_name(p) || p->t->kind == TOK_STRING) && p->t[1].kind == TOK_OP &&
		strcmp(p->t[1].text, "=") == 0) {
		item->alias = p->t->text;
		p->t += 2;
		return parse_expr(p, &item->e);
	}
	if (parse_star(p, &item->e))
		return -1;
	if (item->e)
		return 0;
	return parse_expr(p, &item->e) ? -1 : parse_alias(p, &item->alias);
}

int parse_items(struct parser *p, struct select_item **ret, size_t *ret_n)
{
	size_t cap = 0;

	*ret = NULL;
	*ret_n = 0;
	do {
		struct select_item item = {0};

		if (parse_item(p, &item))
			return -1;
		*LIST_ADD(p, *ret, *ret_n, cap) = item;
	} while (accept_op(p, ","));
	return 0;
}

/* --- FROM --- */

static int parse_hint(struct parser *p, unsigned *ret)
{
	static const struct {
		const char *word;
		unsigned hint;
	} hints[] = {{"UPDLOCK", HINT_UPDLOCK}, {"XLOCK", HINT_XLOCK}, {"HOLDLOCK", HINT_HOLDLOCK},
		{"SERIALIZABLE", HINT_HOLDLOCK}, {"READPAST", HINT_READPAST},
		{"NOLOCK", HINT_NOLOCK}, {"READUNCOMMITTED", HINT_NOLOCK},
		{"TABLOCK", HINT_TABLOCK}, {"TABLOCKX", HINT_TABLOCKX}, {"ROWLOCK", 0},
		{"PAGLOCK", 0}, {"NOWAIT", HINT_NOWAIT}, {"READCOMMITTED", 0},
		{"READCOMMITTEDLOCK", 0}, {"REPEATABLEREAD", HINT_HOLDLOCK}, {"SNAPSHOT", 0},
		{"KEEPIDENTITY", 0}, {"KEEPDEFAULTS", 0}, {"FORCESEEK", 0}, {"FORCESCAN", 0},
		{"NOEXPAND", 0}, {"IGNORE_TRIGGERS", 0}, {"IGNORE_CONSTRAINTS", 0}};

	for (size_t i = 0; i < ARRAY_LEN(hints); i++) {
		if (!accept_word(p, hints[i].word))
			continue;
		*ret |= hints[i].hint;
		return 0;
	}
	if (accept_word(p, "INDEX")) {
		bool is = accept_op(p, "=");

		if (!accept_op(p, "("))
			return is && (p->t->kind == TOK_INT || at_name(p)) ? (p->t++, 0)
									   : syntax(p);
		while (!at_op(p, ")") && p->t->kind != TOK_END)
			p->t++;
		return expect_op(p, ")");
	}
	return syntax(p);
}

int parse_table_hints(struct parser *p, unsigned *ret)
{
	if (!at_word(p, "WITH") || strcmp(p->t[1].text, "(") != 0 || p->t[1].kind != TOK_OP)
		return 0;
	p->t += 2;
	do {
		if (parse_hint(p, ret))
			return -1;
		(void)accept_op(p, ",");
	} while (!at_op(p, ")") && p->t->kind != TOK_END);
	return expect_op(p, ")");
}

/* t (NOLOCK): the old way. */
static bool at_bare_hint(const struct parser *p)
{
	return at_op(p, "(") &&
	       (at_word_after(p, 1, "NOLOCK") || at_word_after(p, 1, "UPDLOCK") ||
		       at_word_after(p, 1, "HOLDLOCK") || at_word_after(p, 1, "TABLOCK") ||
		       at_word_after(p, 1, "TABLOCKX") || at_word_after(p, 1, "READPAST"));
}

static int parse_from_alias(struct parser *p, struct from *f)
{
	bool as = accept_word(p, "AS");

	if (at_name(p)) {
		f->alias = p->t++->text;
		if (at_op(p, "(") && !at_bare_hint(p))
			return parse_name_list(p, &f->columns, &f->n_columns);
		return 0;
	}
	return as ? syntax(p) : 0;
}

static int parse_derived(struct parser *p, struct from **ret)
{
	struct from *f = arena_alloc(p->a, sizeof(*f));

	p->t++; /* ( */
	f->line = p->t->line;
	*ret = f;
	f->kind = FROM_QUERY;
	if (at_word(p, "VALUES")) {
		if (parse_values(p, &f->query))
			return -1;
	} else if (at_query(p)) {
		if (parse_query(p, &f->query))
			return -1;
	} else {
		return parse_from(p, ret) ? -1 : expect_op(p, ")");
	}
	return expect_op(p, ")") ? -1 : parse_from_alias(p, f);
}

/* CHANGETABLE(CHANGES table, version) */
static int parse_change_table(struct parser *p, struct from *f)
{
	struct expr *since;

	f->kind = FROM_CALL;
	f->call = expr_new(p, EX_CALL);
	f->call->text = "changetable";
	p->t += 2;
	f->name = (struct name){.line = p->t->line};
	if (at_word(p, "VERSION"))
		return tsql_unsupported(p->e, "CHANGETABLE(VERSION …)");
	if (expect_word(p, "CHANGES") || parse_name(p, &f->name) || expect_op(p, ",") ||
		parse_expr(p, &since))
		return -1;
	expr_add(p, f->call, since);
	if (accept_op(p, ",") && expect_word(p, "FORCESEEK"))
		return -1;
	return expect_op(p, ")") ? -1 : parse_from_alias(p, f);
}

static int parse_function(struct parser *p, struct from *f)
{
	f->kind = FROM_CALL;
	if (parse_expr(p, &f->call))
		return -1;
	if (f->call->kind != EX_CALL)
		return syntax(p);
	if (accept_word(p, "WITH") &&
		(expect_op(p, "(") || parse_json_columns(p, &f->with, &f->n_with)))
		return -1;
	return parse_from_alias(p, f);
}

int parse_target(struct parser *p, struct from **ret)
{
	struct from *f = arena_alloc(p->a, sizeof(*f));

	f->line = p->t->line;
	*ret = f;
	if (p->t->kind == TOK_VAR) {
		f->kind = FROM_VAR;
		f->name.part[NAME_OBJECT] = p->t++->text;
		return 0;
	}
	f->kind = FROM_TABLE;
	return parse_name(p, &f->name);
}

static int parse_table(struct parser *p, struct from **ret)
{
	const struct tsql_token *start = p->t;
	struct from *f;

	if (at_op(p, "("))
		return parse_derived(p, ret);
	if (parse_target(p, ret))
		return -1;
	f = *ret;
	if (at_op(p, "(") && !at_bare_hint(p)) {
		p->t = start;
		if (at_word(p, "CHANGETABLE"))
			return parse_change_table(p, f);
		f->name = (struct name){0};
		return parse_function(p, f);
	}
	if (parse_table_hints(p, &f->hints) || parse_from_alias(p, f))
		return -1;
	if (at_bare_hint(p)) {
		p->t++;
		return parse_hint(p, &f->hints) ? -1 : expect_op(p, ")");
	}
	return parse_table_hints(p, &f->hints);
}

static bool accept_join(struct parser *p, enum join_kind *ret)
{
	static const struct {
		const char *first, *second;
		enum join_kind kind;
	} joins[] = {{"CROSS", "JOIN", JOIN_CROSS}, {"CROSS", "APPLY", JOIN_APPLY},
		{"OUTER", "APPLY", JOIN_OUTER_APPLY}, {"INNER", "JOIN", JOIN_INNER},
		{"LEFT", "JOIN", JOIN_LEFT}, {"RIGHT", "JOIN", JOIN_RIGHT},
		{"FULL", "JOIN", JOIN_FULL}};
	static const char *const ways[] = {"LOOP", "HASH", "MERGE", "REMOTE"};

	if (accept_word(p, "JOIN")) {
		*ret = JOIN_INNER;
		return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(joins); i++) {
		const struct tsql_token *start = p->t;

		if (!accept_word(p, joins[i].first))
			continue;
		if (i >= 3)
			(void)accept_word(p, "OUTER");
		for (size_t j = 0; j < ARRAY_LEN(ways); j++)
			if (accept_word(p, ways[j]))
				break;
		*ret = joins[i].kind;
		if (accept_word(p, joins[i].second))
			return true;
		p->t = start;
	}
	return false;
}

static int parse_joined(struct parser *p, struct from **ret)
{
	enum join_kind kind;

	if (++p->depth > PARSE_DEPTH_MAX)
		return tsql_fail(p->e, 8623);
	if (parse_table(p, ret))
		return -1;
	while (accept_join(p, &kind)) {
		struct from *f = arena_alloc(p->a, sizeof(*f));

		f->kind = FROM_JOIN;
		f->line = p->t->line;
		f->join = kind;
		f->left = *ret;
		if (parse_table(p, &f->right))
			return -1;
		if (kind <= JOIN_FULL && (expect_word(p, "ON") || parse_condition(p, &f->on)))
			return -1;
		*ret = f;
	}
	p->depth--;
	return 0;
}

int parse_from(struct parser *p, struct from **ret)
{
	if (parse_joined(p, ret))
		return -1;
	while (accept_op(p, ",")) {
		struct from *f = arena_alloc(p->a, sizeof(*f));

		f->kind = FROM_JOIN;
		f->join = JOIN_CROSS;
		f->line = p->t->line;
		f->left = *ret;
		if (parse_joined(p, &f->right))
			return -1;
		*ret = f;
	}
	return 0;
}

/* --- SELECT --- */

int parse_values(struct parser *p, struct query **ret)
{
	struct query *q = arena_alloc(p->a, sizeof(*q));
	size_t cap = 0;

	q->line = p->t->line;
	if (expect_word(p, "VALUES"))
		return -1;
	do {
		struct expr **row;
		size_t n;

		if (expect_op(p, "(") || parse_comma_exprs(p, &row, &n) || expect_op(p, ")"))
			return -1;
		if (q->n_rows && n != q->n_values)
			return tsql_fail(p->e, 205);
		q->n_values = n;
		*LIST_ADD(p, q->rows, q->n_rows, cap) = row;
	} while (accept_op(p, ","));
	*ret = q;
	return 0;
}

static int parse_select(struct parser *p, struct query **ret)
{
	struct query *q = arena_alloc(p->a, sizeof(*q));

	q->line = p->t->line;
	*ret = q;
	if (expect_word(p, "SELECT"))
		return -1;
	q->distinct = accept_word(p, "DISTINCT");
	if (!q->distinct)
		(void)accept_word(p, "ALL");
	if (parse_top(p, q) || parse_items(p, &q->items, &q->n_items))
		return -1;
	if (accept_word(p, "INTO") && parse_name(p, &q->into))
		return -1;
	if (accept_word(p, "FROM") && parse_from(p, &q->from))
		return -1;
	if (accept_word(p, "WHERE") && parse_condition(p, &q->where))
		return -1;
	if (accept_word(p, "GROUP") &&
		(expect_word(p, "BY") || parse_comma_exprs(p, &q->group, &q->n_group)))
		return -1;
	if (accept_word(p, "HAVING") && parse_condition(p, &q->having))
		return -1;
	return 0;
}

static int parse_query_primary(struct parser *p, struct query **ret)
{
	if (!at_op(p, "("))
		return at_word(p, "VALUES") ? parse_values(p, ret) : parse_select(p, ret);
	if (++p->depth > PARSE_DEPTH_MAX)
		return tsql_fail(p->e, 8623);
	p->t++;
	if (parse_query(p, ret))
		return -1;
	p->depth--;
	return expect_op(p, ")");
}

static int parse_intersect(struct parser *p, struct query **ret)
{
	if (parse_query_primary(p, ret))
		return -1;
	while (accept_word(p, "INTERSECT")) {
		struct query *q = arena_alloc(p->a, sizeof(*q));

		q->line = p->t->line;
		q->op = SET_INTERSECT;
		q->left = *ret;
		if (parse_query_primary(p, &q->right))
			return -1;
		*ret = q;
	}
	return 0;
}

static int parse_sets(struct parser *p, struct query **ret)
{
	if (parse_intersect(p, ret))
		return -1;
	while (at_word(p, "UNION") || at_word(p, "EXCEPT")) {
		struct query *q = arena_alloc(p->a, sizeof(*q));

		q->line = p->t->line;
		q->op = at_word(p, "UNION") ? SET_UNION : SET_EXCEPT;
		p->t++;
		if (q->op == SET_UNION && accept_word(p, "ALL"))
			q->op = SET_UNION_ALL;
		q->left = *ret;
		if (parse_intersect(p, &q->right))
			return -1;
		*ret = q;
	}
	return 0;
}

static int parse_offset(struct parser *p, struct query *q)
{
	if (!accept_word(p, "OFFSET"))
		return 0;
	if (parse_expr(p, &q->offset) || (!accept_word(p, "ROWS") && expect_word(p, "ROW")))
		return -1;
	if (!accept_word(p, "FETCH"))
		return 0;
	if (!accept_word(p, "NEXT") && expect_word(p, "FIRST"))
		return -1;
	if (parse_expr(p, &q->fetch) || (!accept_word(p, "ROWS") && expect_word(p, "ROW")))
		return -1;
	return expect_word(p, "ONLY");
}

int parse_option_clause(struct parser *p)
{
	int depth = 0;

	if (!at_word(p, "OPTION") || p->t[1].kind != TOK_OP)
		return 0;
	p->t++;
	if (!at_op(p, "("))
		return syntax(p);
	do {
		if (p->t->kind == TOK_END)
			return syntax(p);
		depth += at_op(p, "(") - at_op(p, ")");
		p->t++;
	} while (depth);
	return 0;
}

int parse_query(struct parser *p, struct query **ret)
{
	struct cte *ctes;
	size_t n_ctes;

	if (++p->depth > PARSE_DEPTH_MAX)
		return tsql_fail(p->e, 8623);
	if (parse_ctes(p, &ctes, &n_ctes) || parse_sets(p, ret))
		return -1;
	if (n_ctes) {
		(*ret)->ctes = ctes;
		(*ret)->n_ctes = n_ctes;
	}
	if (accept_word(p, "ORDER") &&
		(expect_word(p, "BY") || parse_order(p, &(*ret)->order, &(*ret)->n_order)))
		return -1;
	if (parse_offset(p, *ret))
		return -1;
	if (at_word(p, "FOR") && (at_word_after(p, 1, "XML") || at_word_after(p, 1, "JSON") ||
					 at_word_after(p, 1, "BROWSE")))
		return tsql_unsupported(p->e, "FOR XML, JSON and BROWSE");
	p->depth--;
	return parse_option_clause(p);
}
