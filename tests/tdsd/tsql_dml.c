/* SELECT, INSERT, UPDATE, DELETE, TRUNCATE and INSERT BULK as statements. */
#include <string.h>
#include <strings.h>

#include "tests/tdsd/tsql_parser.h"

/* OUTPUT list [INTO target [(columns)]] */
static int parse_output(struct parser *p, struct stmt *s)
{
	if (!accept_word(p, "OUTPUT"))
		return 0;
	if (parse_items(p, &s->output, &s->n_output))
		return -1;
	if (!accept_word(p, "INTO"))
		return 0;
	if (parse_target(p, &s->output_into))
		return -1;
	return at_op(p, "(") ? parse_name_list(p, &s->output_columns, &s->n_output_columns) : 0;
}

static int parse_stmt_top(struct parser *p, struct stmt *s)
{
	struct query q = {0};

	if (parse_top(p, &q))
		return -1;
	if (q.top_percent || q.top_ties)
		return tsql_unsupported(p->e, "TOP with PERCENT or TIES");
	s->top = q.top;
	return 0;
}

static int parse_insert_source(struct parser *p, struct stmt *s)
{
	if (accept_word(p, "DEFAULT")) {
		s->default_values = true;
		return expect_word(p, "VALUES");
	}
	if (at_word(p, "VALUES"))
		return parse_values(p, &s->query);
	if (at_word(p, "EXEC") || at_word(p, "EXECUTE"))
		return tsql_unsupported(p->e, "INSERT EXEC");
	if (!at_query(p))
		return syntax(p);
	return parse_query(p, &s->query);
}

static int parse_bulk(struct parser *p, struct stmt *s);

static int parse_insert(struct parser *p, struct stmt *s)
{
	unsigned hints = 0;

	p->t++;
	if (accept_word(p, "BULK"))
		return parse_bulk(p, s);
	if (parse_stmt_top(p, s))
		return -1;
	(void)accept_word(p, "INTO");
	if (parse_target(p, &s->target) || parse_table_hints(p, &hints))
		return -1;
	s->target->hints = hints;
	if (at_op(p, "(") && !at_word_after(p, 1, "SELECT") &&
		parse_name_list(p, &s->columns, &s->n_columns))
		return -1;
	if (parse_output(p, s) || parse_insert_source(p, s))
		return -1;
	return parse_option_clause(p);
}

static int parse_assign(struct parser *p, struct assign *a)
{
	struct name name;

	a->op = '=';
	if (p->t->kind == TOK_VAR) {
		a->var = p->t++->text;
		if (accept_op(p, "=") &&
			(at_name(p) && p->t[1].kind == TOK_OP && p->t[1].text[0] == '=')) {
			return tsql_unsupported(p->e, "SET @variable = column = expression");
		}
		return parse_expr(p, &a->e);
	}
	if (parse_name(p, &name))
		return -1;
	a->column = name.part[NAME_OBJECT];
	if (p->t->kind != TOK_OP || (!at_op(p, "=") && (p->t->len != 2 || p->t->text[1] != '=')))
		return syntax(p);
	a->op = p->t++->text[0];
	return parse_expr(p, &a->e);
}

static int parse_update(struct parser *p, struct stmt *s)
{
	size_t cap = 0;
	unsigned hints = 0;

	p->t++;
	if (parse_stmt_top(p, s) || parse_target(p, &s->target) || parse_table_hints(p, &hints) ||
		expect_word(p, "SET"))
		return -1;
	s->target->hints = hints;
	do {
		struct assign a = {0};

		if (parse_assign(p, &a))
			return -1;
		*LIST_ADD(p, s->assigns, s->n_assigns, cap) = a;
	} while (accept_op(p, ","));
	if (parse_output(p, s) || (accept_word(p, "FROM") && parse_from(p, &s->from)))
		return -1;
	if (accept_word(p, "WHERE") && parse_condition(p, &s->where))
		return -1;
	return parse_option_clause(p);
}

static int parse_delete(struct parser *p, struct stmt *s)
{
	unsigned hints = 0;

	p->t++;
	if (parse_stmt_top(p, s))
		return -1;
	(void)accept_word(p, "FROM");
	if (parse_target(p, &s->target) || parse_table_hints(p, &hints) || parse_output(p, s))
		return -1;
	s->target->hints = hints;
	if (accept_word(p, "FROM") && parse_from(p, &s->from))
		return -1;
	if (accept_word(p, "WHERE") && parse_condition(p, &s->where))
		return -1;
	return parse_option_clause(p);
}

/* --- INSERT BULK --- */

static int parse_bulk_option(struct parser *p, struct stmt *s)
{
	static const char *const flags[] = {"TABLOCK", "CHECK_CONSTRAINTS", "FIRE_TRIGGERS",
		"KEEP_NULLS", "KEEPNULLS", "KEEPIDENTITY", "KEEP_IDENTITY"};
	size_t cap = s->n_names;

	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		if (!accept_word(p, flags[i]))
			continue;
		s->names = arena_grow(p->a, s->names, s->n_names, &cap, sizeof(*s->names));
		s->names[s->n_names++] = (struct name){.part = {[NAME_OBJECT] = flags[i]}};
		return 0;
	}
	if (accept_word(p, "ORDER")) {
		const char **names;
		size_t n, names_cap = 0;

		if (expect_op(p, "("))
			return -1;
		names = NULL;
		n = 0;
		do {
			const char *name;

			if (parse_ident(p, &name))
				return -1;
			*LIST_ADD(p, names, n, names_cap) = name;
			if (!accept_word(p, "ASC"))
				(void)accept_word(p, "DESC");
		} while (accept_op(p, ","));
		return expect_op(p, ")");
	}
	if (accept_word(p, "ROWS_PER_BATCH") || accept_word(p, "KILOBYTES_PER_BATCH"))
		return expect_op(p, "=") || p->t->kind != TOK_INT ? syntax(p) : (p->t++, 0);
	return syntax(p);
}

static int parse_bulk_column(struct parser *p, struct column_def *c)
{
	c->line = p->t->line;
	if (parse_ident(p, &c->name) || parse_type(p, &c->type))
		return -1;
	if (accept_word(p, "COLLATE")) {
		if (p->t->kind != TOK_WORD)
			return syntax(p);
		c->collation = p->t++->text;
	}
	if (accept_word(p, "NOT"))
		return expect_word(p, "NULL");
	(void)accept_word(p, "NULL");
	return 0;
}

static int parse_bulk(struct parser *p, struct stmt *s)
{
	size_t cap = 0;

	s->kind = ST_INSERT_BULK;
	s->table = arena_alloc(p->a, sizeof(*s->table));
	if (parse_target(p, &s->target))
		return -1;
	if (accept_op(p, "(")) {
		do {
			struct column_def c = {0};

			if (parse_bulk_column(p, &c))
				return -1;
			*LIST_ADD(p, s->table->columns, s->table->n_columns, cap) = c;
		} while (accept_op(p, ","));
		if (expect_op(p, ")"))
			return -1;
	}
	if (!accept_word(p, "WITH"))
		return 0;
	if (expect_op(p, "("))
		return -1;
	do {
		if (parse_bulk_option(p, s))
			return -1;
	} while (accept_op(p, ","));
	return expect_op(p, ")");
}

/* --- all of them --- */

static int parse_with_ctes(struct parser *p, struct stmt **ret, bool *ret_mine)
{
	const struct tsql_token *start = p->t;
	struct cte *ctes;
	size_t n;

	if (parse_ctes(p, &ctes, &n))
		return -1;
	if (at_word(p, "SELECT")) { /* a query takes its own */
		*ret = stmt_new(p, ST_SELECT);
		p->t = start;
		return parse_query(p, &(*ret)->query);
	}
	if (!at_word(p, "INSERT") && !at_word(p, "UPDATE") && !at_word(p, "DELETE"))
		return syntax(p);
	if (parse_dml(p, ret, ret_mine))
		return -1;
	(*ret)->ctes = ctes;
	(*ret)->n_ctes = n;
	return 0;
}

static int parse_truncate(struct parser *p, struct stmt *s)
{
	p->t++;
	return expect_word(p, "TABLE") ? -1 : parse_name(p, &s->name);
}

int parse_dml(struct parser *p, struct stmt **ret, bool *ret_mine)
{
	*ret_mine = true;
	if (at_word(p, "WITH"))
		return parse_with_ctes(p, ret, ret_mine);
	if (at_word(p, "SELECT") || at_op(p, "(")) {
		*ret = stmt_new(p, ST_SELECT);
		return parse_query(p, &(*ret)->query);
	}
	if (at_word(p, "INSERT"))
		return parse_insert(p, *ret = stmt_new(p, ST_INSERT));
	if (at_word(p, "UPDATE")) {
		if (at_word_after(p, 1, "STATISTICS")) {
			p->t += 2;
			return parse_statistics(p, ret, false);
		}
		return parse_update(p, *ret = stmt_new(p, ST_UPDATE));
	}
	if (at_word(p, "DELETE"))
		return parse_delete(p, *ret = stmt_new(p, ST_DELETE));
	if (at_word(p, "TRUNCATE"))
		return parse_truncate(p, *ret = stmt_new(p, ST_TRUNCATE));
	*ret_mine = false;
	return 0;
}
