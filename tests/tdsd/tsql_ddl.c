/* CREATE, ALTER, DROP. */
#include <string.h>
#include <strings.h>

#include "tests/tdsd/tsql_parser.h"

/* WITH (PAD_INDEX = OFF, …) */
int parse_with_options(struct parser *p)
{
	int depth = 0;

	if (!at_word(p, "WITH") || strcmp(p->t[1].text, "(") != 0)
		return 0;
	p->t++;
	do {
		if (p->t->kind == TOK_END)
			return syntax(p);
		depth += at_op(p, "(") - at_op(p, ")");
		p->t++;
	} while (depth);
	return 0;
}

/* ON [PRIMARY], ON scheme(column), TEXTIMAGE_ON [PRIMARY] */
int parse_placement(struct parser *p, struct table_def *t)
{
	const char *name;

	while (at_word(p, "ON") || at_word(p, "TEXTIMAGE_ON")) {
		p->t++;
		if (accept_word(p, "PRIMARY"))
			continue;
		if (parse_ident(p, &name))
			return -1;
		if (at_op(p, "(")) {
			const char **columns;
			size_t n;

			if (parse_name_list(p, &columns, &n))
				return -1;
			if (t && n == 1) {
				t->scheme = name;
				t->scheme_column = columns[0];
			}
		}
	}
	return 0;
}

static int parse_key_columns(struct parser *p, struct constraint_def *c)
{
	size_t cap = 0, n = 0, cap2 = 0;

	if (expect_op(p, "("))
		return -1;
	do {
		const char *name;

		if (parse_ident(p, &name))
			return -1;
		*LIST_ADD(p, c->columns, c->n_columns, cap) = name;
		*LIST_ADD(p, c->descending, n, cap2) = at_word(p, "DESC");
		if (!accept_word(p, "DESC"))
			(void)accept_word(p, "ASC");
	} while (accept_op(p, ","));
	return expect_op(p, ")");
}

bool at_constraint(const struct parser *p)
{
	return at_word(p, "CONSTRAINT") || at_word(p, "PRIMARY") || at_word(p, "UNIQUE") ||
	       at_word(p, "FOREIGN") || at_word(p, "CHECK") || at_word(p, "DEFAULT") ||
	       at_word(p, "REFERENCES");
}

static int parse_key(struct parser *p, struct constraint_def *c, const char *column)
{
	c->kind = at_word(p, "PRIMARY") ? CON_PRIMARY : CON_UNIQUE;
	c->unique = true;
	p->t++;
	if (c->kind == CON_PRIMARY && expect_word(p, "KEY"))
		return -1;
	c->clustered = c->kind == CON_PRIMARY && !at_word(p, "NONCLUSTERED");
	if (accept_word(p, "CLUSTERED"))
		c->clustered = true;
	else
		(void)accept_word(p, "NONCLUSTERED");
	if (at_op(p, "(")) {
		if (parse_key_columns(p, c))
			return -1;
	} else if (column) {
		size_t cap = 0, n = 0, cap2 = 0;

		*LIST_ADD(p, c->columns, c->n_columns, cap) = column;
		*LIST_ADD(p, c->descending, n, cap2) = false;
	} else {
		return syntax(p);
	}
	return parse_index_options(p, c) || parse_placement(p, NULL) ? -1 : 0;
}

static int parse_action(struct parser *p, const char **ret)
{
	if (accept_word(p, "NO")) {
		*ret = "NO ACTION";
		return expect_word(p, "ACTION");
	}
	if (accept_word(p, "CASCADE")) {
		*ret = "CASCADE";
		return 0;
	}
	if (expect_word(p, "SET"))
		return -1;
	*ret = at_word(p, "NULL") ? "SET NULL" : "SET DEFAULT";
	return accept_word(p, "NULL") || accept_word(p, "DEFAULT") ? 0 : syntax(p);
}

static int parse_foreign(struct parser *p, struct constraint_def *c, const char *column)
{
	size_t cap = 0;

	c->kind = CON_FOREIGN;
	if (accept_word(p, "FOREIGN")) {
		if (expect_word(p, "KEY"))
			return -1;
		if (at_op(p, "(")) {
			if (parse_name_list(p, &c->columns, &c->n_columns))
				return -1;
			column = NULL;
		}
	}
	if (column)
		*LIST_ADD(p, c->columns, c->n_columns, cap) = column;
	if (c->n_columns == 0 || expect_word(p, "REFERENCES") || parse_name(p, &c->references))
		return c->n_columns == 0 ? syntax(p) : -1;
	if (at_op(p, "(") && parse_name_list(p, &c->ref_columns, &c->n_ref_columns))
		return -1;
	while (at_word(p, "ON") &&
		(at_word_after(p, 1, "DELETE") || at_word_after(p, 1, "UPDATE"))) {
		bool on_delete = at_word_after(p, 1, "DELETE");

		p->t += 2;
		if (parse_action(p, on_delete ? &c->on_delete : &c->on_update))
			return -1;
	}
	return 0;
}

/* The text of a check or default, with the parentheses that sys.* shows. */
static const char *definition(struct parser *p, size_t start, size_t end)
{
	const char *text = parser_text(p, start, end);

	return text[0] == '(' ? text : arena_printf(p->a, "(%s)", text);
}

int parse_constraint(struct parser *p, struct constraint_def *c, const char *column)
{
	size_t start;

	if (accept_word(p, "CONSTRAINT") && parse_ident(p, &c->name))
		return -1;
	if (at_word(p, "PRIMARY") || at_word(p, "UNIQUE"))
		return parse_key(p, c, column);
	if (at_word(p, "FOREIGN") || at_word(p, "REFERENCES"))
		return parse_foreign(p, c, column);
	if (accept_word(p, "CHECK")) {
		c->kind = CON_CHECK;
		if (accept_word(p, "NOT") &&
			(expect_word(p, "FOR") || expect_word(p, "REPLICATION")))
			return -1;
		start = p->t->start;
		if (expect_op(p, "(") || parse_condition(p, &c->e) || expect_op(p, ")"))
			return -1;
		c->text = definition(p, start, p->t[-1].end);
		return 0;
	}
	if (!accept_word(p, "DEFAULT"))
		return syntax(p);
	c->kind = CON_DEFAULT;
	c->for_column = column;
	start = p->t->start;
	if (parse_expr(p, &c->e))
		return -1;
	c->text = definition(p, start, p->t[-1].end);
	if (accept_word(p, "FOR"))
		return parse_ident(p, &c->for_column);
	return accept_word(p, "WITH") ? expect_word(p, "VALUES") : 0;
}

static int parse_identity(struct parser *p, struct column_def *c)
{
	c->identity = true;
	c->seed = c->increment = "1";
	if (accept_op(p, "(") && (parse_int(p, &c->seed) || expect_op(p, ",") ||
					 parse_int(p, &c->increment) || expect_op(p, ")")))
		return -1;
	if (at_word(p, "NOT") && at_word_after(p, 1, "FOR")) {
		p->t += 2;
		return expect_word(p, "REPLICATION");
	}
	return 0;
}

/* Behind the type: NULL, IDENTITY, COLLATE, constraints, in any order. */
static int parse_column_rest(struct parser *p, struct column_def *c)
{
	size_t cap = 0;

	for (;;) {
		int storage = parse_column_storage(p, c);

		if (storage < 0)
			return -1;
		if (storage)
			continue;
		if (accept_word(p, "NULL")) {
			c->has_null = c->nullable = true;
		} else if (at_word(p, "NOT") && at_word_after(p, 1, "NULL")) {
			p->t += 2;
			c->has_null = true;
			c->nullable = false;
		} else if (accept_word(p, "IDENTITY")) {
			if (parse_identity(p, c))
				return -1;
		} else if (accept_word(p, "ROWGUIDCOL")) {
			c->rowguidcol = true;
		} else if (accept_word(p, "PERSISTED")) {
			c->persisted = true;
		} else if (accept_word(p, "COLLATE")) {
			if (p->t->kind != TOK_WORD)
				return syntax(p);
			c->collation = p->t++->text;
		} else if (at_constraint(p)) {
			struct constraint_def con = {0};

			if (parse_constraint(p, &con, c->name))
				return -1;
			*LIST_ADD(p, c->constraints, c->n_constraints, cap) = con;
		} else {
			return 0;
		}
	}
}

int parse_column_def(struct parser *p, struct column_def *c)
{
	size_t start;

	c->line = p->t->line;
	if (parse_ident(p, &c->name))
		return -1;
	if (accept_word(p, "AS")) {
		start = p->t->start;
		if (parse_condition(p, &c->computed))
			return -1;
		c->computed_text = definition(p, start, p->t[-1].end);
		return parse_column_rest(p, c);
	}
	start = p->t->start;
	if (at_op(p, ",") || at_op(p, ")")) { /* "x timestamp" may stand without the name's x */
		if (strcasecmp(c->name, "timestamp") != 0)
			return syntax(p);
		return tsql_parse_type("rowversion", p->a, &c->type, p->e);
	}
	if (parse_type(p, &c->type))
		return -1;
	c->type_name = parser_text(p, start, p->t[-1].end);
	return parse_column_rest(p, c);
}

static int parse_inline_index(struct parser *p, struct table_def *t, size_t *cap)
{
	struct constraint_def c = {.kind = CON_INDEX};

	p->t++;
	if (parse_ident(p, &c.name))
		return -1;
	c.unique = accept_word(p, "UNIQUE");
	c.clustered = accept_word(p, "CLUSTERED");
	if (!c.clustered)
		(void)accept_word(p, "NONCLUSTERED");
	if (parse_key_columns(p, &c))
		return -1;
	if (accept_word(p, "WHERE")) {
		size_t start = p->t->start;

		if (parse_condition(p, &c.e))
			return -1;
		c.text = definition(p, start, p->t[-1].end);
	}
	if (parse_index_options(p, &c))
		return -1;
	*LIST_ADD(p, t->constraints, t->n_constraints, *cap) = c;
	return 0;
}

int parse_table_def(struct parser *p, struct table_def **ret)
{
	struct table_def *t = arena_alloc(p->a, sizeof(*t));
	size_t cap = 0, con_cap = 0;

	*ret = t;
	do {
		if (at_op(p, ")"))
			break; /* a comma behind the last one is taken */
		if (at_word(p, "INDEX")) {
			if (parse_inline_index(p, t, &con_cap))
				return -1;
		} else if (at_word(p, "PERIOD") && at_word_after(p, 1, "FOR")) {
			if (parse_period(p, t))
				return -1;
		} else if (at_constraint(p)) {
			struct constraint_def con = {0};

			if (parse_constraint(p, &con, NULL))
				return -1;
			*LIST_ADD(p, t->constraints, t->n_constraints, con_cap) = con;
		} else {
			struct column_def c = {0};

			if (parse_column_def(p, &c))
				return -1;
			*LIST_ADD(p, t->columns, t->n_columns, cap) = c;
		}
	} while (accept_op(p, ","));
	return expect_op(p, ")");
}

int parse_json_columns(struct parser *p, struct column_def **ret, size_t *ret_n)
{
	size_t cap = 0;

	*ret = NULL;
	*ret_n = 0;
	do {
		struct column_def c = {0};

		if (parse_ident(p, &c.name) || parse_type(p, &c.type))
			return -1;
		if (p->t->kind == TOK_STRING || p->t->kind == TOK_NSTRING)
			c.path = p->t++->text;
		if (accept_word(p, "AS")) {
			if (expect_word(p, "JSON"))
				return -1;
			c.as_json = true;
		}
		*LIST_ADD(p, *ret, *ret_n, cap) = c;
	} while (accept_op(p, ","));
	return expect_op(p, ")");
}

int parse_index(struct parser *p, struct stmt **ret, bool unique, bool clustered)
{
	struct stmt *s = stmt_new(p, ST_CREATE_INDEX);
	struct constraint_def *c = arena_alloc(p->a, sizeof(*c));

	*ret = s;
	s->index = c;
	c->kind = CON_INDEX;
	c->unique = unique;
	c->clustered = clustered;
	if (parse_ident(p, &c->name) || expect_word(p, "ON") || parse_name(p, &s->name) ||
		parse_key_columns(p, c))
		return -1;
	if (accept_word(p, "INCLUDE") && parse_name_list(p, &c->included, &c->n_included))
		return -1;
	if (accept_word(p, "WHERE")) {
		size_t start = p->t->start;

		if (parse_condition(p, &c->e))
			return -1;
		c->text = definition(p, start, p->t[-1].end);
	}
	return parse_index_options(p, c) || parse_placement(p, NULL) ? -1 : 0;
}

static int parse_create_view(struct parser *p, struct stmt **ret, bool alter)
{
	struct stmt *s = stmt_new(p, ST_CREATE_VIEW);
	size_t start;

	*ret = s;
	s->on = alter;
	if (parse_name(p, &s->name))
		return -1;
	if (at_op(p, "(") && parse_name_list(p, &s->columns, &s->n_columns))
		return -1;
	if (at_word(p, "WITH") && at_word_after(p, 1, "SCHEMABINDING"))
		p->t += 2;
	if (expect_word(p, "AS"))
		return -1;
	start = p->t->start;
	if (parse_query(p, &s->query))
		return -1;
	s->text = parser_text(p, start, p->t[-1].end);
	if (accept_word(p, "WITH") && (expect_word(p, "CHECK") || expect_word(p, "OPTION")))
		return -1;
	return 0;
}

static int parse_create_database(struct parser *p, struct stmt **ret)
{
	*ret = stmt_new(p, ST_CREATE_DATABASE);
	if (parse_ident(p, &(*ret)->text))
		return -1;
	if (accept_word(p, "COLLATE"))
		p->t += p->t->kind == TOK_WORD;
	return 0;
}

/* name ON table AFTER INSERT, UPDATE AS …: all that follows is its text. */
static int parse_trigger(struct parser *p, struct stmt **ret, bool or_alter)
{
	static const char *const events[] = {"INSERT", "UPDATE", "DELETE"};
	struct stmt *s = stmt_new(p, ST_CREATE_TRIGGER);
	size_t cap = 0;

	*ret = s;
	s->on = or_alter;
	if (parse_name(p, &s->name) || expect_word(p, "ON") || parse_name(p, &s->name2))
		return -1;
	if (at_word(p, "INSTEAD"))
		return tsql_unsupported(p->e, "INSTEAD OF triggers");
	if (!accept_word(p, "AFTER") && expect_word(p, "FOR"))
		return -1;
	do {
		size_t i = 0;

		while (i < ARRAY_LEN(events) && !accept_word(p, events[i]))
			i++;
		if (i == ARRAY_LEN(events))
			return syntax(p);
		*LIST_ADD(p, s->columns, s->n_columns, cap) = events[i];
	} while (accept_op(p, ","));
	if (expect_word(p, "AS"))
		return -1;
	return parse_module_body(p, &s->text);
}

static int parse_create(struct parser *p, struct stmt **ret)
{
	static const char *const principals[] = {"ROLE", "USER", "LOGIN"};
	bool unique, clustered, or_alter;

	p->t++;
	or_alter = at_word(p, "OR") && at_word_after(p, 1, "ALTER");
	p->t += or_alter ? 2 : 0;
	if (accept_word(p, "TRIGGER"))
		return parse_trigger(p, ret, or_alter);
	if (accept_word(p, "PROCEDURE") || accept_word(p, "PROC"))
		return parse_procedure(p, ret, or_alter);
	for (size_t i = 0; i < ARRAY_LEN(principals); i++)
		if (accept_word(p, principals[i]))
			return parse_create_principal(p, ret, principals[i]);
	if (or_alter && !at_word(p, "VIEW"))
		return tsql_unsupported(p->e, arena_printf(p->a, "CREATE OR ALTER %s", p->t->text));
	if (accept_word(p, "TABLE")) {
		*ret = stmt_new(p, ST_CREATE_TABLE);
		return parse_name(p, &(*ret)->name) || expect_op(p, "(") ||
				       parse_table_def(p, &(*ret)->table) ||
				       parse_placement(p, (*ret)->table) ||
				       parse_table_options(p, (*ret)->table)
			       ? -1
			       : 0;
	}
	if (accept_word(p, "SCHEMA")) {
		*ret = stmt_new(p, ST_CREATE_SCHEMA);
		if (parse_ident(p, &(*ret)->text))
			return -1;
		return accept_word(p, "AUTHORIZATION") ? parse_ident(p, &(*ret)->name.part[0]) : 0;
	}
	if (accept_word(p, "PARTITION"))
		return parse_create_partition(p, ret);
	if (accept_word(p, "DATABASE"))
		return parse_create_database(p, ret);
	if (accept_word(p, "VIEW"))
		return parse_create_view(p, ret, or_alter);
	unique = accept_word(p, "UNIQUE");
	clustered = accept_word(p, "CLUSTERED");
	if (!clustered)
		(void)accept_word(p, "NONCLUSTERED");
	if (accept_word(p, "COLUMNSTORE"))
		return expect_word(p, "INDEX") ? -1 : parse_columnstore(p, ret, clustered);
	if (accept_word(p, "STATISTICS"))
		return parse_statistics(p, ret, true);
	if (accept_word(p, "INDEX"))
		return parse_index(p, ret, unique, clustered);
	return tsql_unsupported(p->e, arena_printf(p->a, "CREATE %s", p->t->text));
}

static int parse_drop(struct parser *p, struct stmt **ret)
{
	static const char *const kinds[] = {"TABLE", "VIEW", "INDEX", "SCHEMA", "DATABASE",
		"PROCEDURE", "FUNCTION", "TRIGGER", "TYPE", "SYNONYM", "SEQUENCE",
		"STATISTICS", "ROLE", "USER"};
	struct stmt *s = stmt_new(p, ST_DROP);
	size_t cap = 0;

	*ret = s;
	p->t++;
	if (accept_word(p, "PARTITION"))
		s->text = accept_word(p, "FUNCTION") ? "PARTITION FUNCTION"
			  : accept_word(p, "SCHEME") ? "PARTITION SCHEME"
						     : NULL;
	for (size_t i = 0; !s->text && i < ARRAY_LEN(kinds); i++)
		if (accept_word(p, kinds[i]))
			s->text = kinds[i];
	if (!s->text)
		return syntax(p);
	if (accept_word(p, "IF")) {
		if (expect_word(p, "EXISTS"))
			return -1;
		s->if_exists = true;
	}
	do {
		struct name name;

		if (parse_name(p, &name))
			return -1;
		*LIST_ADD(p, s->names, s->n_names, cap) = name;
		if (strcmp(s->text, "INDEX") == 0) {
			if (accept_word(p, "ON") && parse_name(p, &s->name2))
				return -1;
			if (parse_with_options(p))
				return -1;
		}
	} while (accept_op(p, ","));
	return 0;
}

int parse_ddl(struct parser *p, struct stmt **ret, bool *ret_mine)
{
	static const char *const grants[] = {"GRANT", "DENY", "REVOKE"};
	static const char *const nothing[] = {"CHECKPOINT", "DBCC"};

	*ret_mine = true;
	switch (parse_check_ident(p, ret)) {
	case 0:
		break;
	case 1:
		return 0;
	default:
		return -1;
	}
	if (at_word(p, "CREATE"))
		return parse_create(p, ret);
	if (at_word(p, "DROP"))
		return parse_drop(p, ret);
	if (at_word(p, "ALTER"))
		return parse_alter(p, ret);
	for (size_t i = 0; i < ARRAY_LEN(grants); i++)
		if (accept_word(p, grants[i]))
			return parse_grant(p, ret, grants[i]);
	for (size_t i = 0; i < ARRAY_LEN(nothing); i++) {
		if (!at_word(p, nothing[i]))
			continue;
		*ret = stmt_new(p, ST_NOTHING);
		while (p->t->kind != TOK_END && !at_op(p, ";"))
			p->t++;
		return 0;
	}
	*ret_mine = false;
	return 0;
}
