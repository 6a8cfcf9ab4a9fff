/* INSERT, and identity values. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/tdsd/engine_counted.h"
#include "tests/tdsd/engine_dml.h"
#include "tests/tdsd/engine_security.h"
#include "tests/tdsd/engine_trigger.h"

int identity_open(struct session *s, const struct table *t, const struct table_column **ret)
{
	int64_t last, have;

	*ret = NULL;
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].type.identity)
			*ret = &t->v[i];
	s->identity_used = false;
	if (!*ret)
		return 0;
	if (sql_int(s, 0, &have,
		    "SELECT identity_last IS NOT NULL FROM %s.sys_objects WHERE object_id = %lld",
		    t->where, (long long)t->id) ||
		sql_int(s, 0, &last,
			"SELECT CAST(identity_last AS INTEGER) FROM %s.sys_objects WHERE object_id "
			"= %lld",
			t->where, (long long)t->id))
		return -1;
	s->identity_next = have ? last + atoll((*ret)->increment) : atoll((*ret)->seed);
	return 0;
}

/* The value that the statement generates for each row. */
const char *identity_value(struct session *s, const struct table_column *c, struct arena *a)
{
	struct tds_column bigint = engine_int_type(8);
	struct translator tr = {.s = s, .a = a};
	struct term v = {
		.type = bigint, .sql = arena_printf(a, "t_next_identity(%s)", c->increment)};
	const char *sql = v.sql;

	(void)tr_store(&tr, &v, s->target, (size_t)(c - s->target->v), &sql);
	return sql;
}

static int remember(struct session *s, int64_t last)
{
	struct tds_column decimal = engine_decimal_type(38, 0), bigint = engine_int_type(8);
	struct cell c = cell_int(last);

	arena_release(&s->identity_arena);
	return cell_cast(&bigint, &c, &decimal, -1, CAST_EXPLICIT, &s->identity_arena, &s->identity,
		&s->error);
}

int identity_close(struct session *s, const struct table *t, const struct table_column *c,
	bool explicit_values)
{
	int64_t last, was;

	if (!c)
		return 0;
	if (!explicit_values) {
		if (!s->identity_used)
			return 0;
		last = s->identity_next - atoll(c->increment);
	} else {
		/* the seed follows the highest value that was given */
		if (c->type.type != TDS_INTN)
			return 0;
		if (sql_int(s, 0, &last, "SELECT c%d FROM %s.t%lld ORDER BY rowid DESC LIMIT 1",
			    c->id, t->where, (long long)t->id) ||
			remember(s, last) ||
			sql_int(s, INT64_MIN, &was,
				"SELECT CAST(identity_last AS INTEGER) FROM %s.sys_objects WHERE "
				"object_id = %lld AND identity_last IS NOT NULL",
				t->where, (long long)t->id) ||
			sql_int(s, 0, &last, "SELECT max(c%d) FROM %s.t%lld", c->id, t->where,
				(long long)t->id))
			return -1;
		return sql_execf(s,
			"UPDATE %s.sys_objects SET identity_last = '%lld' WHERE object_id = %lld",
			t->where, (long long)(last > was ? last : was), (long long)t->id);
	}
	if (remember(s, last))
		return -1;
	return sql_execf(s,
		"UPDATE %s.sys_objects SET identity_last = '%lld' WHERE object_id = %lld", t->where,
		(long long)last, (long long)t->id);
}

/* --- the columns that are named --- */

struct insert {
	struct session *s;
	struct stmt *st;
	struct table *t;
	struct translator tr;
	struct scope scope;
	const struct table_column **columns; /* in the order of the values */
	size_t n;
	const struct table_column *identity;
	bool identity_given;
};

static bool identity_insert_on(const struct session *s, const struct table *t)
{
	return s->identity_insert == t->id && s->identity_database == t->database;
}

static int add_column(struct insert *in, const struct table_column *c)
{
	struct session *s = in->s;
	bool on = identity_insert_on(s, in->t);

	if (c->computed)
		return tsql_fail(&s->error, 271, c->name);
	if (c->type.user_type == TDS_USER_ROWVERSION)
		return tsql_fail(&s->error, 273);
	if (c->generated)
		return tsql_fail(&s->error, 13536, table_full_name(in->t, in->tr.a));
	if (c->type.identity && !on)
		return tsql_fail(&s->error, 544, in->t->name);
	in->identity_given |= c->type.identity;
	for (size_t i = 0; i < in->n; i++)
		if (in->columns[i] == c)
			return tsql_fail(&s->error, 264, c->name);
	in->columns[in->n++] = c;
	return 0;
}

static int named_columns(struct insert *in)
{
	in->columns = arena_array(in->tr.a, in->t->n + in->st->n_columns + 1, sizeof(*in->columns));
	for (size_t i = 0; i < in->st->n_columns; i++) {
		const struct table_column *c = table_column(in->t, in->st->columns[i]);

		if (!c)
			return tsql_fail(&in->s->error, 207, in->st->columns[i]);
		if (add_column(in, c))
			return -1;
	}
	for (size_t i = 0; i < in->t->n && !in->st->n_columns; i++) {
		const struct table_column *c = &in->t->v[i];

		if (c->computed || c->type.identity || c->generated ||
			c->type.user_type == TDS_USER_ROWVERSION)
			continue;
		if (add_column(in, c))
			return -1;
	}
	if (in->identity && !in->identity_given && identity_insert_on(in->s, in->t))
		return tsql_fail(&in->s->error, 545, in->t->name);
	return 0;
}

static bool is_named(const struct insert *in, const struct table_column *c)
{
	for (size_t i = 0; i < in->n; i++)
		if (in->columns[i] == c)
			return true;
	return false;
}

/* What the statement does not name: defaults, identity, rowversion. */
static int other_columns(struct insert *in, struct buf *names, struct buf *values)
{
	for (size_t i = 0; i < in->t->n; i++) {
		const struct table_column *c = &in->t->v[i];
		struct term v;
		const char *sql;

		if (c->computed || is_named(in, c))
			continue;
		if (c->type.identity) {
			sql = identity_value(in->s, c, in->tr.a);
		} else if (dml_default(in->s, &in->tr, c, &v) ||
			   tr_store(&in->tr, &v, in->t, i, &sql)) {
			return -1;
		}
		buf_printf(names, "%sc%d", names->len ? ", " : "", c->id);
		buf_printf(values, "%s%s", values->len ? ", " : "", sql);
	}
	return 0;
}

/* --- the rows --- */

static int insert_values(struct insert *in, struct buf *sql, const char *others)
{
	const struct query *q = in->st->query;

	for (size_t r = 0; r < q->n_rows; r++) {
		if (q->n_values != in->n)
			return tsql_fail(&in->s->error,
				in->st->n_columns ? (q->n_values < in->n ? 109 : 110) : 213);
		buf_adds(sql, r ? ", (" : "VALUES (");
		for (size_t i = 0; i < q->n_values; i++) {
			const struct table_column *c = in->columns[i];
			struct term v;
			const char *stored;

			if (q->rows[r][i]->kind == EX_DEFAULT
					? dml_default(in->s, &in->tr, c, &v)
					: tr_value(&in->tr, q->rows[r][i], &v))
				return -1;
			if (tr_store(&in->tr, &v, in->t, (size_t)(c - in->t->v), &stored))
				return -1;
			buf_printf(sql, "%s%s", i ? ", " : "", stored);
		}
		buf_printf(sql, "%s%s)", *others && q->n_values ? ", " : "", others);
	}
	return 0;
}

static int insert_query(struct insert *in, struct buf *sql, const char *others)
{
	struct translated q;
	struct term top;
	const char *limit = NULL;
	struct tds_column bigint = engine_int_type(8);

	if (tr_query(&in->tr, in->st->query, &q))
		return -1;
	if (q.n != in->n)
		return tsql_fail(
			&in->s->error, in->st->n_columns ? (q.n < in->n ? 120 : 121) : 213);
	if (in->st->top && (tr_value(&in->tr, in->st->top, &top) ||
				   tr_cast(&in->tr, &top, &bigint, -1, CAST_EXPLICIT, &limit)))
		return -1;
	buf_adds(sql, "SELECT ");
	for (size_t i = 0; i < in->n; i++) {
		struct term v = {.type = q.v[i], .sql = arena_printf(in->tr.a, "q.r%zu", i + 1)};
		const char *stored;

		if (tr_store(&in->tr, &v, in->t, (size_t)(in->columns[i] - in->t->v), &stored))
			return -1;
		buf_printf(sql, "%s%s", i ? ", " : "", stored);
	}
	/* WHERE: or ON CONFLICT could be meant by what follows (SQLite's lang_upsert.html §2.2) */
	buf_printf(sql, "%s%s FROM (%s) AS q WHERE 1", *others && in->n ? ", " : "", others, q.sql);
	if (limit)
		buf_printf(sql, " LIMIT max(0, %s)", limit);
	return 0;
}

static int insert_rows(struct insert *in, int64_t *ret_count)
{
	struct session *s = in->s;
	CLEANUP(buf_release)
	struct buf sql = BUF_INIT(SQL_MAX), names = BUF_INIT(SQL_MAX), others = BUF_INIT(SQL_MAX);
	struct translated output = {0};
	struct triggers triggers;
	int rc;

	if (permit_table(s, in->t, "INSERT", NULL, 0) || identity_open(s, in->t, &in->identity) || named_columns(in) ||
		triggers_open(s, in->st, in->t, 'I', &triggers))
		return -1;
	if (in->st->default_values)
		in->n = 0;
	for (size_t i = 0; i < in->n; i++)
		buf_printf(&names, "%sc%d", i ? ", " : "", in->columns[i]->id);
	if (other_columns(in, &names, &others))
		return -1;
	buf_printf(&sql, "INSERT INTO %s.t%lld (%s) ", in->t->where, (long long)in->t->id,
		buf_str(&names));
	if (in->st->default_values) {
		if (names.len)
			buf_printf(&sql, "VALUES (%s)", buf_str(&others));
		else
			return tsql_unsupported(&s->error, "a table of computed columns only");
	} else if (in->st->query->rows ? insert_values(in, &sql, buf_str(&others))
				       : insert_query(in, &sql, buf_str(&others))) {
		return -1;
	}
	if (output_translate(s, in->st, in->t, "inserted", NULL, &sql, &output))
		return -1;
	rc = dml_run(s, in->st, in->t, buf_str(&sql), &output, ret_count);
	if (rc == 0 && *ret_count)
		rc = identity_close(s, in->t, in->identity, in->identity_given);
	if (rc)
		return -1;
	return triggers_run(s, in->t, &triggers,
		arena_printf(in->tr.a, "%s.t%lld WHERE rowid > %lld", in->t->where,
			(long long)in->t->id, (long long)triggers.last_row),
		NULL, *ret_count);
}

int exec_insert(struct session *s, struct stmt *st)
{
	struct insert in = {.s = s, .st = st, .tr = {.s = s, .a = &s->frame->arena}};
	int64_t count = 0;
	int rc;

	in.tr.scope = &in.scope;
	for (size_t i = 0; i < st->n_ctes; i++) {
		struct cte_entry *entry = arena_alloc(in.tr.a, sizeof(*entry));

		entry->cte = &st->ctes[i];
		entry->next = in.tr.ctes;
		in.tr.ctes = entry;
	}
	if (target_open(s, st->target, "INSERT", in.tr.a, &in.t))
		return -1;
	rc = counted_is(in.t) ? counted_insert(s, st, in.t, &count) : insert_rows(&in, &count);
	return dml_finished(s, rc, 0xC3, count);
}
