/* How columns, tables and indexes are kept: SPARSE, MASKED, periods, options of indexes, statistics,
 * change tracking. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/tdsd/tsql_parser.h"

/* SPARSE, HIDDEN, GENERATED ALWAYS AS ROW START, MASKED WITH (FUNCTION = '…'): 1 when it was one. */
int parse_column_storage(struct parser *p, struct column_def *c)
{
	if (accept_word(p, "SPARSE"))
		return c->sparse = true;
	if (accept_word(p, "HIDDEN"))
		return c->hidden = true;
	if (accept_word(p, "COLUMN_SET"))
		return expect_word(p, "FOR") || expect_word(p, "ALL_SPARSE_COLUMNS")
			       ? -1
			       : (c->column_set = true);
	if (accept_word(p, "GENERATED")) {
		if (expect_word(p, "ALWAYS") || expect_word(p, "AS") || expect_word(p, "ROW"))
			return -1;
		c->generated = at_word(p, "START") ? 1 : 2;
		return accept_word(p, "START") || accept_word(p, "END") ? 1 : syntax(p);
	}
	if (!at_word(p, "MASKED"))
		return 0;
	return parse_mask(p, &c->mask) ? -1 : 1;
}

/* MASKED WITH (FUNCTION = '…') */
int parse_mask(struct parser *p, const char **ret)
{
	if (expect_word(p, "MASKED") || expect_word(p, "WITH") || expect_op(p, "(") ||
		expect_word(p, "FUNCTION") || expect_op(p, "="))
		return -1;
	if (p->t->kind != TOK_STRING && p->t->kind != TOK_NSTRING)
		return syntax(p);
	*ret = p->t++->text;
	return expect_op(p, ")");
}

/* FOR SYSTEM_TIME (a, b) */
int parse_period(struct parser *p, struct table_def *t)
{
	if (expect_word(p, "PERIOD") || expect_word(p, "FOR") || expect_word(p, "SYSTEM_TIME") ||
		expect_op(p, "(") || parse_ident(p, &t->period_start) || expect_op(p, ",") ||
		parse_ident(p, &t->period_end))
		return -1;
	return expect_op(p, ")");
}

/* = ON [(HISTORY_TABLE = name [, DATA_CONSISTENCY_CHECK = ON])] | OFF */
static int parse_versioning(struct parser *p, bool *ret_on, struct name *ret_history)
{
	if (expect_op(p, "="))
		return -1;
	*ret_on = at_word(p, "ON");
	if (!accept_word(p, "ON"))
		return expect_word(p, "OFF");
	if (!accept_op(p, "("))
		return 0;
	do {
		if (accept_word(p, "HISTORY_TABLE")) {
			if (expect_op(p, "=") || parse_name(p, ret_history))
				return -1;
		} else if (expect_word(p, "DATA_CONSISTENCY_CHECK") || expect_op(p, "=") ||
			   (!accept_word(p, "ON") && expect_word(p, "OFF"))) {
			return -1;
		}
	} while (accept_op(p, ","));
	return expect_op(p, ")");
}

/* WITH (SYSTEM_VERSIONING = ON …) behind a table's columns; other options are passed over. */
int parse_table_options(struct parser *p, struct table_def *t)
{
	if (!at_word(p, "WITH") || !at_word_after(p, 2, "SYSTEM_VERSIONING"))
		return parse_with_options(p);
	p->t += 3;
	return parse_versioning(p, &t->versioned, &t->history) ? -1 : expect_op(p, ")");
}

/* name = value, of an index; what has no effect here is passed over */
static int parse_index_option(struct parser *p, struct constraint_def *c)
{
	static const char *const compressions[] = {
		"NONE", "ROW", "PAGE", "COLUMNSTORE", "COLUMNSTORE_ARCHIVE"};
	const char *name = p->t->text;

	if (p->t->kind != TOK_WORD)
		return syntax(p);
	p->t++;
	if (expect_op(p, "="))
		return -1;
	if (strcasecmp(name, "IGNORE_DUP_KEY") == 0)
		c->ignore_dup = at_word(p, "ON");
	if (strcasecmp(name, "FILLFACTOR") == 0 && p->t->kind == TOK_INT)
		c->fill_factor = atoi(p->t->text);
	for (int i = 0; i < 3 && strcasecmp(name, "DATA_COMPRESSION") == 0; i++)
		if (at_word(p, compressions[i]))
			c->compression = i;
	if (p->t->kind != TOK_WORD && p->t->kind != TOK_INT)
		return syntax(p);
	p->t++;
	if (accept_word(p, "MINUTES") || !at_op(p, "("))
		return 0;
	while (p->t->kind != TOK_END && !at_op(p, ")"))
		p->t++;
	return expect_op(p, ")");
}

/* WITH (…), or the old WITH FILLFACTOR = n */
int parse_index_options(struct parser *p, struct constraint_def *c)
{
	if (!at_word(p, "WITH") ||
		(strcmp(p->t[1].text, "(") != 0 && !at_word_after(p, 1, "FILLFACTOR")))
		return 0;
	p->t++;
	if (!accept_op(p, "("))
		return parse_index_option(p, c);
	do {
		if (parse_index_option(p, c))
			return -1;
	} while (accept_op(p, ","));
	return expect_op(p, ")");
}

/* [NON]CLUSTERED COLUMNSTORE INDEX name ON table [(columns)] [ORDER (…)] [ON filegroup] */
int parse_columnstore(struct parser *p, struct stmt **ret, bool clustered)
{
	struct stmt *s = stmt_new(p, ST_CREATE_INDEX);
	struct constraint_def *c = arena_alloc(p->a, sizeof(*c));
	const char **ordered;
	size_t n;

	*ret = s;
	s->index = c;
	c->kind = CON_INDEX;
	c->clustered = clustered;
	c->columnstore = clustered ? 5 : 6;
	if (parse_ident(p, &c->name) || expect_word(p, "ON") || parse_name(p, &s->name))
		return -1;
	if (!clustered && at_op(p, "(") && parse_name_list(p, &c->included, &c->n_included))
		return -1;
	if (accept_word(p, "ORDER") && parse_name_list(p, &ordered, &n))
		return -1;
	return parse_index_options(p, c) || parse_placement(p, NULL) ? -1 : 0;
}

/* ALTER INDEX name | ALL ON table REBUILD | DISABLE | REORGANIZE | SET (…) */
int parse_alter_index(struct parser *p, struct stmt **ret)
{
	static const char *const what[] = {"REBUILD", "DISABLE", "REORGANIZE", "SET", "RESUME"};
	struct stmt *s = stmt_new(p, ST_INDEX_OPTION);

	*ret = s;
	if (!accept_word(p, "ALL") && parse_ident(p, &s->name.part[NAME_OBJECT]))
		return -1;
	if (expect_word(p, "ON") || parse_name(p, &s->name2))
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(what) && !s->text; i++)
		if (accept_word(p, what[i]))
			s->text = what[i];
	if (!s->text)
		return syntax(p);
	if (accept_word(p, "PARTITION") && (expect_op(p, "=") || (p->t++, 0)))
		return -1;
	if (at_op(p, "(")) {
		while (p->t->kind != TOK_END && !at_op(p, ")"))
			p->t++;
		return expect_op(p, ")");
	}
	return parse_with_options(p);
}

/* SET (option = …): 1 when it was one of ALTER TABLE's */
static int parse_set_option(struct parser *p, struct stmt *s)
{
	s->kind = ST_TABLE_OPTION;
	s->table = arena_alloc(p->a, sizeof(*s->table));
	if (expect_op(p, "("))
		return -1;
	if (accept_word(p, "SYSTEM_VERSIONING")) {
		s->text = "SYSTEM_VERSIONING";
		if (parse_versioning(p, &s->on, &s->table->history))
			return -1;
	} else {
		s->text = "LOCK_ESCALATION";
		if (expect_word(p, "LOCK_ESCALATION") || expect_op(p, "=") ||
			p->t->kind != TOK_WORD)
			return -1;
		p->t++;
	}
	return expect_op(p, ")");
}

static int parse_change_tracking(struct parser *p, struct stmt *s)
{
	s->text = "CHANGE_TRACKING";
	if (!s->on || !at_word(p, "WITH"))
		return 0;
	if (expect_word(p, "WITH") || expect_op(p, "(") || expect_word(p, "TRACK_COLUMNS_UPDATED") ||
		expect_op(p, "="))
		return -1;
	s->if_exists = at_word(p, "ON");
	return (!accept_word(p, "ON") && expect_word(p, "OFF")) ? -1 : expect_op(p, ")");
}

static int parse_trigger_state(struct parser *p, struct stmt *s)
{
	size_t cap = 0;

	s->text = "TRIGGER";
	if (accept_word(p, "ALL"))
		return 0;
	do {
		struct name name = {0};

		if (parse_ident(p, &name.part[NAME_OBJECT]))
			return -1;
		*LIST_ADD(p, s->names, s->n_names, cap) = name;
	} while (accept_op(p, ","));
	return 0;
}

/* ALTER TABLE t SET (…), ENABLE | DISABLE CHANGE_TRACKING | TRIGGER, ADD PERIOD: 1 when it is that. */
int parse_table_option(struct parser *p, struct stmt *s)
{
	if (accept_word(p, "SET"))
		return parse_set_option(p, s) ? -1 : 1;
	if (!at_word(p, "ENABLE") && !at_word(p, "DISABLE"))
		return 0;
	s->kind = ST_TABLE_OPTION;
	s->on = at_word(p, "ENABLE");
	p->t++;
	if (accept_word(p, "CHANGE_TRACKING"))
		return parse_change_tracking(p, s) ? -1 : 1;
	if (accept_word(p, "TRIGGER"))
		return parse_trigger_state(p, s) ? -1 : 1;
	return syntax(p);
}

/* CREATE STATISTICS name ON table (columns) [WITH …]; UPDATE STATISTICS table [name | (…)] [WITH …] */
int parse_statistics(struct parser *p, struct stmt **ret, bool create)
{
	struct stmt *s = stmt_new(p, ST_STATISTICS);

	*ret = s;
	s->text = create ? "CREATE" : "UPDATE";
	if (create && (parse_ident(p, &s->name.part[NAME_OBJECT]) || expect_word(p, "ON")))
		return -1;
	if (parse_name(p, &s->name2))
		return -1;
	if (!create && at_name(p) && !at_word(p, "WITH") &&
		parse_ident(p, &s->name.part[NAME_OBJECT]))
		return -1;
	if (at_op(p, "(") && parse_name_list(p, &s->columns, &s->n_columns))
		return -1;
	if (create && s->n_columns == 0)
		return syntax(p);
	if (!accept_word(p, "WITH"))
		return 0;
	do {
		if (p->t->kind != TOK_WORD && p->t->kind != TOK_INT)
			return syntax(p);
		while (p->t->kind != TOK_END && !at_op(p, ",") && !at_op(p, ";") &&
			(p->t->kind == TOK_INT || at_op(p, "=") || at_word(p, "FULLSCAN") ||
				at_word(p, "SAMPLE") || at_word(p, "PERCENT") ||
				at_word(p, "ROWS") || at_word(p, "NORECOMPUTE") ||
				at_word(p, "RESAMPLE") || at_word(p, "INCREMENTAL") ||
				at_word(p, "ON") || at_word(p, "OFF") || at_word(p, "MAXDOP") ||
				at_word(p, "PERSIST_SAMPLE_PERCENT")))
			p->t++;
	} while (accept_op(p, ","));
	return 0;
}

/* DBCC CHECKIDENT ('table' [, RESEED [, value] | NORESEED]) [WITH NO_INFOMSGS]: 1 when it is that */
int parse_check_ident(struct parser *p, struct stmt **ret)
{
	struct stmt *s;
	size_t cap = 0;

	if (!at_word(p, "DBCC") || !at_word_after(p, 1, "CHECKIDENT"))
		return 0;
	p->t += 2;
	*ret = s = stmt_new(p, ST_CHECK_IDENT);
	if (expect_op(p, "(") || parse_expr(p, &s->e))
		return -1;
	if (accept_op(p, ",")) {
		s->text = at_word(p, "RESEED") ? "RESEED" : "NORESEED";
		if (!accept_word(p, "RESEED") && expect_word(p, "NORESEED"))
			return -1;
		if (accept_op(p, ",")) {
			struct expr *value;

			if (parse_expr(p, &value))
				return -1;
			*LIST_ADD(p, s->args, s->n_args, cap) = value;
		}
	}
	if (expect_op(p, ")"))
		return -1;
	s->on = at_word(p, "WITH");
	return s->on && (expect_word(p, "WITH") || expect_word(p, "NO_INFOMSGS")) ? -1 : 1;
}

/* ALTER DATABASE … SET CHANGE_TRACKING = ON | OFF [(CHANGE_RETENTION = n DAYS, AUTO_CLEANUP = ON)]:
 * columns are the retention, its units and the cleanup; NULL where nothing is said. */
int parse_tracking_options(struct parser *p, struct stmt *s)
{
	s->columns = arena_array(p->a, 3, sizeof(*s->columns));
	s->on = true;
	if (accept_op(p, "=")) {
		s->on = at_word(p, "ON");
		s->if_exists = true; /* it is said whether */
		if (!accept_word(p, "ON") && expect_word(p, "OFF"))
			return -1;
	}
	if (!accept_op(p, "("))
		return 0;
	do {
		if (accept_word(p, "CHANGE_RETENTION")) {
			if (expect_op(p, "=") || parse_int(p, &s->columns[0]) ||
				parse_ident(p, &s->columns[1]))
				return -1;
		} else if (expect_word(p, "AUTO_CLEANUP") || expect_op(p, "=") ||
			   p->t->kind != TOK_WORD ? syntax(p)
				 : (s->columns[2] = p->t++->text, 0)) {
			return -1;
		}
	} while (accept_op(p, ","));
	return expect_op(p, ")");
}

/* FUNCTION name (type) AS RANGE [LEFT | RIGHT] FOR VALUES (…); SCHEME name AS PARTITION function ALL TO ([PRIMARY]) */
int parse_create_partition(struct parser *p, struct stmt **ret)
{
	struct stmt *s = stmt_new(p, ST_CREATE_PARTITION);
	const char *group;

	*ret = s;
	s->text = at_word(p, "FUNCTION") ? "FUNCTION" : "SCHEME";
	if (!accept_word(p, "FUNCTION")) {
		if (expect_word(p, "SCHEME") || parse_ident(p, &s->name.part[NAME_OBJECT]) || expect_word(p, "AS") ||
			expect_word(p, "PARTITION") || parse_ident(p, &s->name2.part[NAME_OBJECT]))
			return -1;
		if (!accept_word(p, "ALL"))
			return tsql_unsupported(p->e, "a partition scheme of several filegroups");
		if (expect_word(p, "TO") || expect_op(p, "("))
			return -1;
		return (!accept_word(p, "PRIMARY") && parse_ident(p, &group)) || expect_op(p, ")") ? -1 : 0;
	}
	s->vars = arena_alloc(p->a, sizeof(*s->vars));
	if (parse_ident(p, &s->name.part[NAME_OBJECT]) || expect_op(p, "(") || parse_type(p, &s->vars[0].type) ||
		expect_op(p, ")") || expect_word(p, "AS") || expect_word(p, "RANGE"))
		return -1;
	s->on = at_word(p, "RIGHT");
	if (!accept_word(p, "RIGHT"))
		(void)accept_word(p, "LEFT");
	if (expect_word(p, "FOR") || expect_word(p, "VALUES") || expect_op(p, "("))
		return -1;
	if (accept_op(p, ")"))
		return 0;
	return parse_comma_exprs(p, &s->args, &s->n_args) || expect_op(p, ")") ? -1 : 0;
}
