/* ALTER TABLE, ALTER DATABASE, ALTER SCHEMA. */
#include <string.h>
#include <strings.h>

#include "tests/tdsd/tsql_parser.h"

/* ADD column …, CONSTRAINT … */
static int parse_add(struct parser *p, struct stmt *s)
{
	struct table_def *t = arena_alloc(p->a, sizeof(*t));
	size_t cap = 0, con_cap = 0;

	s->kind = ST_ALTER_ADD;
	s->table = t;
	do {
		if (at_constraint(p)) {
			struct constraint_def con = {0};

			if (parse_constraint(p, &con, NULL))
				return -1;
			con.no_check = !s->on;
			*LIST_ADD(p, t->constraints, t->n_constraints, con_cap) = con;
		} else {
			struct column_def c = {0};

			if (parse_column_def(p, &c))
				return -1;
			*LIST_ADD(p, t->columns, t->n_columns, cap) = c;
		}
	} while (accept_op(p, ","));
	return 0;
}

static int parse_alter_drop(struct parser *p, struct stmt *s)
{
	size_t cap = 0;

	s->kind = ST_ALTER_DROP;
	s->text = at_word(p, "COLUMN") ? "COLUMN" : "CONSTRAINT";
	if (!accept_word(p, "COLUMN"))
		(void)accept_word(p, "CONSTRAINT");
	if (accept_word(p, "IF")) {
		if (expect_word(p, "EXISTS"))
			return -1;
		s->if_exists = true;
	}
	do {
		struct name name = {.line = p->t->line};

		if (at_word(p, "COLUMN") || at_word(p, "CONSTRAINT"))
			return tsql_unsupported(p->e, "ALTER TABLE DROP of several kinds");
		if (parse_ident(p, &name.part[NAME_OBJECT]))
			return -1;
		*LIST_ADD(p, s->names, s->n_names, cap) = name;
	} while (accept_op(p, ","));
	return parse_with_options(p);
}

static int parse_alter_column(struct parser *p, struct stmt *s)
{
	if (p->t->kind == TOK_WORD && at_word_after(p, 2, "MASKED") &&
		(at_word_after(p, 1, "ADD") || at_word_after(p, 1, "DROP"))) {
		bool add = at_word_after(p, 1, "ADD");

		s->kind = ST_COLUMN_MASK;
		if (parse_ident(p, &s->name2.part[NAME_OBJECT]))
			return -1;
		p->t++;
		return add ? parse_mask(p, &s->text) : expect_word(p, "MASKED");
	}
	s->kind = ST_ALTER_COLUMN;
	s->table = arena_alloc(p->a, sizeof(*s->table));
	s->table->columns = arena_alloc(p->a, sizeof(struct column_def));
	s->table->n_columns = 1;
	return parse_column_def(p, s->table->columns);
}

static int parse_switch(struct parser *p, struct stmt *s)
{
	s->kind = ST_ALTER_SWITCH;
	/* a table that is not partitioned is its partition 1 */
	if (accept_word(p, "PARTITION") && (p->t->kind != TOK_INT || strcmp(p->t++->text, "1") != 0))
		return tsql_unsupported(p->e, "a table of several partitions");
	if (expect_word(p, "TO") || parse_name(p, &s->name2))
		return -1;
	if (accept_word(p, "PARTITION") && (p->t->kind != TOK_INT || strcmp(p->t++->text, "1") != 0))
		return tsql_unsupported(p->e, "a table of several partitions");
	return parse_with_options(p);
}

/* [NO]CHECK CONSTRAINT ALL | names */
static int parse_alter_check(struct parser *p, struct stmt *s, bool check)
{
	size_t cap = 0;

	s->kind = ST_ALTER_CHECK;
	s->on = check;
	if (expect_word(p, "CONSTRAINT"))
		return -1;
	if (accept_word(p, "ALL"))
		return 0;
	do {
		struct name name = {.line = p->t->line};

		if (parse_ident(p, &name.part[NAME_OBJECT]))
			return -1;
		*LIST_ADD(p, s->names, s->n_names, cap) = name;
	} while (accept_op(p, ","));
	return 0;
}

static int parse_alter_table(struct parser *p, struct stmt **ret)
{
	struct stmt *s = stmt_new(p, ST_ALTER_ADD);
	int option;

	*ret = s;
	s->on = true;
	if (parse_name(p, &s->name))
		return -1;
	if (accept_word(p, "WITH")) {
		s->on = s->if_exists = at_word(p, "CHECK");
		if (!accept_word(p, "CHECK") && !accept_word(p, "NOCHECK"))
			return syntax(p);
	}
	option = parse_table_option(p, s);
	if (option)
		return option < 0 ? -1 : 0;
	if (accept_word(p, "ADD"))
		return parse_add(p, s);
	if (accept_word(p, "DROP"))
		return parse_alter_drop(p, s);
	if (accept_word(p, "ALTER"))
		return expect_word(p, "COLUMN") ? -1 : parse_alter_column(p, s);
	if (accept_word(p, "SWITCH"))
		return parse_switch(p, s);
	if (accept_word(p, "CHECK"))
		return parse_alter_check(p, s, true);
	if (accept_word(p, "NOCHECK"))
		return parse_alter_check(p, s, false);
	if (accept_word(p, "REBUILD")) {
		s->kind = ST_NOTHING;
		return parse_with_options(p);
	}
	return syntax(p);
}

/* ALTER DATABASE x SET option ON [WITH ROLLBACK IMMEDIATE] */
static int parse_alter_database(struct parser *p, struct stmt **ret)
{
	struct stmt *s = stmt_new(p, ST_ALTER_DATABASE);

	*ret = s;
	if (accept_word(p, "CURRENT"))
		s->name.part[NAME_OBJECT] = NULL;
	else if (parse_ident(p, &s->name.part[NAME_OBJECT]))
		return -1;
	if (expect_word(p, "SET") || p->t->kind != TOK_WORD)
		return -1;
	s->text = p->t++->text;
	if (strcasecmp(s->text, "ALLOW_SNAPSHOT_ISOLATION") == 0 ||
		strcasecmp(s->text, "READ_COMMITTED_SNAPSHOT") == 0) {
		s->on = at_word(p, "ON");
		if (!accept_word(p, "ON") && expect_word(p, "OFF"))
			return -1;
	} else if (strcasecmp(s->text, "CHANGE_TRACKING") == 0) {
		if (parse_tracking_options(p, s))
			return -1;
	} else {
		bool known = strcasecmp(s->text, "RECOVERY") == 0 ||
			     strcasecmp(s->text, "READ_ONLY") == 0 ||
			     strcasecmp(s->text, "READ_WRITE") == 0;
		size_t cap = 0;

		if (!known)
			s->kind = ST_NOTHING;
		(void)accept_op(p, "=");
		if ((!known && !at_word(p, "WITH")) || strcasecmp(s->text, "RECOVERY") == 0) {
			*LIST_ADD(p, s->columns, s->n_columns, cap) = p->t->text;
			p->t += p->t->kind != TOK_END;
		}
	}
	if (!accept_word(p, "WITH"))
		return 0;
	if (accept_word(p, "NO_WAIT"))
		return 0;
	return expect_word(p, "ROLLBACK") || expect_word(p, "IMMEDIATE") ? -1 : 0;
}

static int parse_alter_schema(struct parser *p, struct stmt **ret)
{
	struct stmt *s = stmt_new(p, ST_ALTER_SCHEMA);

	*ret = s;
	if (parse_ident(p, &s->text) || expect_word(p, "TRANSFER"))
		return -1;
	if (at_word(p, "OBJECT") && strcmp(p->t[1].text, "::") == 0)
		p->t += 2;
	return parse_name(p, &s->name);
}

int parse_alter(struct parser *p, struct stmt **ret)
{
	p->t++;
	if (accept_word(p, "TABLE"))
		return parse_alter_table(p, ret);
	if (accept_word(p, "DATABASE"))
		return parse_alter_database(p, ret);
	if (accept_word(p, "SCHEMA"))
		return parse_alter_schema(p, ret);
	if (accept_word(p, "INDEX"))
		return parse_alter_index(p, ret);
	if (accept_word(p, "ROLE"))
		return parse_alter_role(p, ret);
	return tsql_unsupported(p->e, arena_printf(p->a, "ALTER %s", p->t->text));
}
