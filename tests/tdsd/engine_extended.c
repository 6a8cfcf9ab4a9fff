#include "tests/tdsd/engine_extended.h"

#include <string.h>
#include <strings.h>

#include "tests/tdsd/engine_security.h"
#include "tests/tdsd/engine_translate.h"

struct property {
	const char *name, *value; /* the value as an SQL literal */
	const char *level[3][2];  /* type and name */
	int class_;
	int64_t major;
	int minor;
};

/* @name, @value, then three times a type and a name. */
static int take(struct session *s, const struct stmt *st, bool has_value, struct property *p)
{
	static const char *const names[3][2] = {{"@level0type", "@level0name"}, {"@level1type", "@level1name"},
		{"@level2type", "@level2name"}};
	const struct exec_arg *value = proc_arg(st, "@value", 1);
	struct tds_column type;
	struct cell c;

	*p = (struct property){.value = "NULL"};
	if (proc_text_arg(s, st, "@name", 0, NULL, &p->name))
		return -1;
	if (!p->name)
		return tsql_fail(&s->error, 201, st->name.part[NAME_OBJECT], "@name");
	for (size_t i = 0; i < 6; i++)
		if (proc_text_arg(s, st, names[i / 2][i % 2], i + (has_value ? 2 : 1), NULL, &p->level[i / 2][i % 2]))
			return -1;
	if (!has_value || !value || value->is_default)
		return 0;
	if (eval_expr(s, value->e, &type, &c))
		return -1;
	if (c.kind != CELL_NULL && type.type != TDS_VARIANT)
		c = variant_of(&type, &c, &s->frame->arena);
	p->value = cell_literal(&c, &s->frame->arena);
	return 0;
}

static int missing(struct session *s, const struct property *p)
{
	const char *name = p->level[0][1] ? p->level[0][1] : "";

	for (int i = 1; i < 3; i++)
		if (p->level[i][1])
			name = arena_printf(&s->frame->arena, "%s.%s", name, p->level[i][1]);
	return tsql_fail(&s->error, 15135, name);
}

static int find_column(struct session *s, struct property *p, const struct name *table)
{
	const struct table_column *c;
	struct table *t;

	if (catalog_get(s, table, &s->frame->arena, &t))
		return -1;
	c = table_column(t, p->level[2][1]);
	p->minor = c ? c->id : 0;
	return c ? 0 : missing(s, p);
}

static int find_index(struct session *s, struct property *p, const struct name *table)
{
	struct table *t;

	p->class_ = 7;
	if (catalog_get(s, table, &s->frame->arena, &t) || catalog_load_indexes(s, t, &s->frame->arena))
		return -1;
	for (size_t i = 0; i < t->n_indexes; i++)
		if (p->level[2][1] && strcasecmp(t->indexes[i].name, p->level[2][1]) == 0)
			p->minor = t->indexes[i].id;
	return p->minor ? 0 : missing(s, p);
}

/* An object of the schema, like its table. */
static int find_constraint(struct session *s, struct property *p)
{
	struct name name = {.part = {[NAME_SCHEMA] = p->level[0][1], [NAME_OBJECT] = p->level[2][1]}};

	if (!p->level[2][1] || catalog_object(s, &name, NULL, &p->major))
		return p->level[2][1] ? -1 : missing(s, p);
	return p->major ? 0 : missing(s, p);
}

/* SCHEMA, then TABLE, VIEW or PROCEDURE, then COLUMN, INDEX or CONSTRAINT: or nothing of it, the database. */
static int find(struct session *s, struct property *p)
{
	struct name name = {.part = {[NAME_SCHEMA] = p->level[0][1], [NAME_OBJECT] = p->level[1][1]}};
	char where[16];

	if (!p->level[0][0])
		return 0;
	if (strcasecmp(p->level[0][0], "SCHEMA") != 0)
		return tsql_unsupported(&s->error, "an extended property of that");
	if (!p->level[1][0]) {
		p->class_ = 3;
		if (catalog_schema(s, database_schema(s->current, where), p->level[0][1], &p->major))
			return -1;
		return p->major > 0 ? 0 : missing(s, p);
	}
	p->class_ = 1;
	if (catalog_object(s, &name, strcasecmp(p->level[1][0], "PROCEDURE") == 0 ? "P"
				     : strcasecmp(p->level[1][0], "VIEW") == 0	  ? "V"
										  : "U",
		    &p->major))
		return -1;
	if (p->major == 0)
		return missing(s, p);
	if (!p->level[2][0])
		return 0;
	if (strcasecmp(p->level[2][0], "COLUMN") == 0)
		return find_column(s, p, &name);
	if (strcasecmp(p->level[2][0], "INDEX") == 0)
		return find_index(s, p, &name);
	if (strcasecmp(p->level[2][0], "CONSTRAINT") == 0)
		return find_constraint(s, p);
	return tsql_unsupported(&s->error, "an extended property of that");
}

static int store(struct session *s, const char *procedure, const struct property *p)
{
	const char *name = sql_quote(&s->frame->arena, p->name);
	char where[16];
	int64_t there;

	(void)database_schema(s->current, where);
	if (sql_int(s, 0, &there,
		    "SELECT 1 FROM %s.sys_extended WHERE class = %d AND major_id = %lld AND minor_id = %d AND name = %s",
		    where, p->class_, (long long)p->major, p->minor, name))
		return -1;
	if (strcasecmp(procedure, "sp_addextendedproperty") == 0) {
		if (there)
			return tsql_fail(&s->error, 15233, p->name, p->level[1][1] ? p->level[1][1] : "object specified");
		return sql_execf(s, "INSERT INTO %s.sys_extended VALUES (%d, %lld, %d, %s, %s)", where, p->class_,
			(long long)p->major, p->minor, name, p->value);
	}
	if (!there)
		return tsql_fail(&s->error, 15217, p->name, p->level[1][1] ? p->level[1][1] : "object specified");
	if (strcasecmp(procedure, "sp_dropextendedproperty") == 0)
		return sql_execf(s,
			"DELETE FROM %s.sys_extended WHERE class = %d AND major_id = %lld AND minor_id = %d AND name = %s",
			where, p->class_, (long long)p->major, p->minor, name);
	return sql_execf(s,
		"UPDATE %s.sys_extended SET value = %s WHERE class = %d AND major_id = %lld AND minor_id = %d AND name = %s",
		where, p->value, p->class_, (long long)p->major, p->minor, name);
}

int exec_extended_property(struct session *s, const struct stmt *st)
{
	const char *procedure = st->name.part[NAME_OBJECT];
	struct property p;
	int rc;

	if (permit_ddl(s, "ALTER") || take(s, st, strcasecmp(procedure, "sp_dropextendedproperty") != 0, &p))
		return -1;
	if (tran_for_write(s, s->current) || statement_begin(s))
		return -1;
	rc = find(s, &p);
	if (rc == 0)
		rc = store(s, procedure, &p);
	if (statement_end(s, rc == 0))
		return -1;
	return proc_returned(s, st, 0);
}
